// biome-ignore-all lint/suspicious/noTemplateCurlyInString: $GENERATE writes its places so
import fc from 'fast-check'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { foldName, type WireName } from '../../src/dns/name.ts'
import { formatRr, parseRr } from '../../src/presentation/rr-text.ts'
import { parseName } from '../../src/presentation/text.ts'
import { defaultLimits, limitsWith, type ZoneLimits } from '../../src/limits.ts'
import { expandTemplate, parseRange, parseTemplate } from '../../src/zone/generate.ts'
import { ProblemList } from '../../src/zone/problems.ts'
import { buildZone, formatCanonicalZone } from '../../src/zone/zone-check.ts'
import { type Include, parseZoneText } from '../../src/zone/zone-file.ts'

const nameOf = (text: string): WireName => {
  const name = parseName(text, null)
  if (typeof name !== 'string') throw new Error(name.error)
  return name
}
const EXAMPLE = nameOf('example.')
const noFiles: Include = path => ({ error: `no file ${path}` })

const read = (text: string, options: { origin?: WireName | null; limits?: ZoneLimits; include?: Include } = {}) =>
  parseZoneText(text, {
    file: 'zone',
    origin: options.origin === undefined ? EXAMPLE : options.origin,
    limits: options.limits ?? defaultLimits.zone,
    include: options.include ?? noFiles,
  })
const lines = (text: string, options = {}): string[] => read(text, options).records.map(formatRr)
const faults = (text: string, options = {}): string[] =>
  read(text, options).problems.map(p => `${p.file}:${p.line}:${p.column} ${p.severity} ${p.message}`)
const files =
  (table: Readonly<Record<string, string>>): Include =>
  path => {
    const text = new Map(Object.entries(table)).get(path)
    return text === undefined ? { error: `no file ${path}` } : { file: path, text }
  }

it('takes a TTL from whoever reads only where the text has none at all', () => {
  const ttls = (text: string): number[] =>
    parseZoneText(text, {
      file: 'zone',
      origin: EXAMPLE,
      limits: defaultLimits.zone,
      include: noFiles,
      defaultTtl: 7,
    }).records.map(record => record.ttl)
  expect(ttls('a A 192.0.2.1\nb 5 A 192.0.2.1\nc A 192.0.2.1')).toEqual([7, 5, 5])
  expect(ttls('$TTL 9\na A 192.0.2.1')).toEqual([9])
  expect(faults('a A 192.0.2.1')).toMatchObject([expect.stringContaining('no TTL')])
})

describe('records of a text', () => {
  it.each<[string, string[]]>([
    ['', []],
    ['\uFEFFa 1 A 192.0.2.1', ['a.example.\t1\tIN\tA\t192.0.2.1']],
    ['a 1 A 192.0.2.1\r b.c. 2 NS x\n', ['a.example.\t1\tIN\tA\t192.0.2.1']],
    [
      '$TTL 5\na NS b\n NS c.\n@ NS @\n',
      ['a.example.\t5\tIN\tNS\tb.example.', 'a.example.\t5\tIN\tNS\tc.', 'example.\t5\tIN\tNS\texample.'],
    ],
    [
      'A 1 A 192.0.2.1\nIN IN 1 A 192.0.2.2\n1 1 A 192.0.2.3',
      ['A.example.\t1\tIN\tA\t192.0.2.1', 'IN.example.\t1\tIN\tA\t192.0.2.2', '1.example.\t1\tIN\tA\t192.0.2.3'],
    ],
  ])('%j', (text, expected) => expect(lines(text)).toEqual(expected))

  it('places are those of the text, in the file they stand in', () => {
    const { records } = read('\na 1 ( A\n 192.0.2.1 )\n\t2 A 192.0.2.2\n$INCLUDE inc\n', {
      include: files({ inc: 'i 1 A 192.0.2.3' }),
    })
    expect(records.map(r => `${r.file}:${r.line}:${r.column}`)).toEqual(['zone:2:1', 'zone:4:2', 'inc:1:1'])
  })

  it('a bad line costs no other, and a bad owner does not pass its records to the owner before', () => {
    const { records, problems } = read('$TTL 1\na A 192.0.2.1\nb..c A 192.0.2.2\n A 192.0.2.3\n "q" A\nd A 192.0.2.4\n')
    expect(records.map(formatRr)).toEqual(['a.example.\t1\tIN\tA\t192.0.2.1', 'd.example.\t1\tIN\tA\t192.0.2.4'])
    expect(problems.map(p => p.line)).toEqual([3, 5])
  })

  it('without an origin relative names are refused, in owners, data and directives', () => {
    expect(
      faults('a 1 A 192.0.2.1\nb. 1 NS c\n@ 1 A 192.0.2.1\n$ORIGIN d\n$INCLUDE x e\n', { origin: null }),
    ).toHaveLength(5)
    expect(lines('b. 1 NS c.\n$ORIGIN x.\na 1 NS c\n', { origin: null })).toEqual([
      'b.\t1\tIN\tNS\tc.',
      'a.x.\t1\tIN\tNS\tc.x.',
    ])
  })
})

describe('$INCLUDE', () => {
  it('a file that includes itself, directly or not, ends with the chain in the message', () => {
    expect(faults('$INCLUDE a', { include: files({ a: '$INCLUDE b', b: '$INCLUDE a' }) })).toEqual([
      'b:1:10 error "a" includes itself ("zone" → "a" → "b" → "a")',
    ])
  })

  it('depth and number are bounded: ten includes at each of ten depths would be 10^10 files', () => {
    let opened = 0
    const include: Include = path => {
      opened++
      return { file: `${path}-${opened}`, text: '$INCLUDE x\n'.repeat(10) }
    }
    const limits = limitsWith({ zone: { includeDepth: 10, includes: 200, errorsListed: 5_000 } }).zone
    const { problems } = read('$INCLUDE x\n'.repeat(10), { include, limits })
    expect(opened).toBe(200)
    expect(problems.some(p => p.message.includes('10 deep'))).toBe(true)
    expect(problems.some(p => p.message.includes('200 files'))).toBe(true)
  })
})

describe('$GENERATE', () => {
  it.each<[string, number, string]>([
    ['a$b', 7, 'a7b'],
    ['$$', 7, '$'],
    ['\\$', 7, '\\$'],
    ['${0}', 7, '7'],
    ['${-7}', 7, '0'],
    // As BIND 9.18 writes them.
    ['n${-2000}', 1_024, 'n-976'],
    ['${-20,12,d}', 1, '-00000000019'],
    ['${-2,5,d}', 1, '-0001'],
    ['${-2,3,x}', 1, 'ffffffff'],
    ['${-2,0,X}', 1, 'FFFFFFFF'],
    ['${-2,0,o}', 1, '37777777777'],
    ['${-20,5,n}', 1, 'd.e.f.f.f.f.f.f'],
    ['${-20,30,n}', 1, 'd.e.f.f.f.f.f.f.0.0.0.0.0.0.0.'],
    ['${-2147483647}', 0, '-2147483647'],
    ['${+3}', 7, '10'],
    ['${0,3}', 7, '007'],
    ['${ 1 , 3 , d }', 7, '008'],
    ['${0,4,o}', 64, '0100'],
    ['${0,2,x}', 255, 'ff'],
    ['${0,4,X}', 255, '00FF'],
    ['${0,1,n}', 0x1a, 'a.1'],
    ['${0,7,n}', 0x1a, 'a.1.0.0'],
    ['${0,8,n}', 0x1a, 'a.1.0.0.'],
    ['${0,7,N}', 0x1a, 'A.1.0.0'],
    ['${0,0,n}', 0, '0'],
    ['x${0}y$z', 1, 'x1y1z'],
    ['trailing\\', 1, 'trailing\\'],
  ])('%s of %i is %s', (text, number, expected) => {
    const template = parseTemplate(text)
    expect('error' in template ? template : expandTemplate(template, number)).toBe(expected)
  })

  it.each(['${}', '${x}', '${1', '${1,}', '${1,2,}', '${1,2,z}', '${1,2,dd}', '${1,256,d}', '${99999999999}'])(
    '%s is refused',
    text => expect(parseTemplate(text)).toHaveProperty('error'),
  )
  it.each(['', '1', '-1', '2-1', '1-2/0', '1-2/', '1-2-3', '0x1-2', '1-2147483648', '1 -2'])(
    'the range %j is refused',
    text => expect(parseRange(text)).toHaveProperty('error'),
  )

  it('a number beyond 31 bits and its sign is refused', () => {
    for (const [text, number] of [
      ['${2147483647}', 1],
      ['${-2147483647,0,d}', -1],
    ] as const) {
      const template = parseTemplate(text)
      expect('error' in template ? template : expandTemplate(template, number)).toHaveProperty('error')
    }
  })

  it('the number of records is bounded, for one directive and for all, and so is their text', () => {
    const limits = limitsWith({
      zone: { generateRecords: 10, generatedRecordsInAll: 25, generatedCharacters: 400 },
    }).zone
    const text = '$TTL 1\n$GENERATE 1-11 a$ A 192.0.2.1\n'
    expect(read(text, { limits }).records).toHaveLength(0)
    const many = '$GENERATE 1-10 a$ A 192.0.2.1\n'.repeat(3)
    expect(read(`$TTL 1\n${many}`, { limits }).records).toHaveLength(20)
    expect(faults(`$TTL 1\n${many}`, { limits })).toEqual([
      'zone:4:11 error the $GENERATE directives make more than 25 records together',
    ])
    expect(read(`$TTL 1\n$GENERATE 1-10 a$ TXT ${'x'.repeat(90)}\n`, { limits }).records).toHaveLength(4)
  })

  it('a bad record ends its directive with one error', () => {
    const { records, problems } = read('$TTL 1\n$GENERATE 254-260 a$ A 192.0.2.$\nb A 192.0.2.1\n')
    expect(records).toHaveLength(3)
    expect(problems).toHaveLength(1)
  })
})

describe('$DATE', () => {
  it('is a date and changes nothing: only a cache that is read back ages by it', () => {
    expect(lines('$DATE 20240101000000\na 60 A 192.0.2.1\n')).toEqual(['a.example.\t60\tIN\tA\t192.0.2.1'])
    expect(faults('$DATE 20240101000000 ; written by rndc\na 60 A 192.0.2.1\n')).toEqual([])
  })

  it.each(['$DATE', '$DATE 2024', '$DATE foo', '$DATE 20240101000000 x', '$DATE 20241301000000'])(
    '%s is refused',
    text => expect(faults(text)).toHaveLength(1),
  )
})

describe('records that do not fit together', () => {
  const top = '$TTL 9\n@ SOA a. b. 1 1 1 1 1\n@ NS a.\n'
  const build = (text: string, options = {}) =>
    buildZone(read(top + text), { file: 'zone', origin: foldName(EXAMPLE), ...options })
  const ttlsOf = (text: string): number[] =>
    [...(build(text).zone?.rrsets() ?? [])].filter(({ name }) => name !== foldName(EXAMPLE)).map(({ ttl }) => ttl)

  // RFC 2181 section 5.2. BIND takes the first of a run and the last run, NSD keeps each: there is no custom to follow.
  it.each<[string, string, number]>([
    ['next to each other', 'a 100 A 192.0.2.2\na 50 A 192.0.2.3\na 200 A 192.0.2.4\n', 50],
    ['far apart', 'a 100 A 192.0.2.2\nb A 192.0.2.2\na 50 A 192.0.2.3\nb A 192.0.2.3\na 200 A 192.0.2.4\n', 50],
    ['the least first', 'a 50 A 192.0.2.2\na 100 A 192.0.2.3\n', 50],
    ['the least in a duplicate', 'a 100 A 192.0.2.2\na 50 A 192.0.2.2\n', 50],
    ['the same by another case', 'a 100 A 192.0.2.2\nA 50 A 192.0.2.3\n', 50],
    ['zero', 'a 100 A 192.0.2.2\na 0 A 192.0.2.3\n', 0],
  ])('TTLs of one set that differ, %s: the least, and one warning', (_where, text, ttl) => {
    expect(ttlsOf(text)[0]).toBe(ttl)
    const warnings = build(text).problems.filter(({ message }) => message.includes('RFC 2181'))
    expect(warnings).toMatchObject([{ severity: 'warning' }])
    expect(warnings[0]?.message).toContain(`the least of them, ${ttl}, is used`)
  })

  it('records outside the zone are left out, with one warning that counts them', () => {
    const { zone, problems } = build(
      'a A 192.0.2.1\nx.test. A 192.0.2.2\ny.test. A 192.0.2.3\nb A 192.0.2.4\nexample.test. A 192.0.2.5\n',
    )
    expect(zone?.recordCount).toBe(4)
    expect(problems).toMatchObject([{ severity: 'warning', line: 5 }])
    expect(problems[0]?.message).toMatch(/^3 records are outside the zone and left out: the first, x\.test\. A/)
    expect(build('x.test. A 192.0.2.2\n').problems[0]?.message).toMatch(/^1 record is outside/)
  })

  it('an SOA of another zone is left out next to the own one', () => {
    const { zone, problems } = build('y.test. SOA a. b. 1 1 1 1 1\n')
    expect(zone?.recordCount).toBe(2)
    expect(problems).toMatchObject([{ severity: 'warning' }])
  })

  it('strictly each record outside the zone is an error', () => {
    const { zone, problems } = build('x.test. A 192.0.2.2\ny.test. A 192.0.2.3\n', { strict: true })
    expect(zone).toBeNull()
    expect(problems).toMatchObject([
      { severity: 'error', line: 4 },
      { severity: 'error', line: 5 },
    ])
  })
})

describe('problems', () => {
  it('are listed up to a bound, and an unlisted error still counts', () => {
    const limits = limitsWith({ zone: { errorsListed: 3 } }).zone
    const { problems } = read('x\n'.repeat(10), { limits })
    expect(problems).toHaveLength(4)
    expect(problems.at(-1)?.message).toMatch(/^7 more problems not listed/)
    const list = new ProblemList(1)
    for (const severity of ['warning', 'warning', 'error'] as const)
      list.add({ file: 'f', line: 1, column: 1, severity, message: 'm' })
    expect(list.listed().map(p => p.severity)).toEqual(['warning', 'error'])
  })

  it('foreign text in a message can not forge lines or escape codes', () => {
    const [message = ''] = faults('a 1 \u001b[2J\u202e A')
    expect(message).toMatch(/^[ -~]+$/)
  })
})

describe('zones from records', () => {
  const build = (text: string, options = {}) => buildZone(read(text, { origin: null }), { file: 'zone', ...options })

  it('the SOA says which zone it is', () => {
    const { zone } = build('$TTL 1\n$ORIGIN X.Test.\n@ SOA a. b. 1 1 1 1 1\n@ NS a.\n')
    expect(zone?.origin).toBe(foldName(nameOf('x.test.')))
    expect(build('$TTL 1\na. A 192.0.2.1\n').zone).toBeNull()
  })

  it('a zone that was meant for another name is refused', () => {
    const { zone, problems } = build('$TTL 1\n$ORIGIN x.test.\n@ SOA a. b. 1 1 1 1 1\n@ NS a.\n', {
      origin: foldName(nameOf('y.test.')),
    })
    expect(zone).toBeNull()
    expect(problems[0]?.message).toMatch(/SOA/)
  })

  it('records alone need no SOA, NS or addresses, but aliases stay alone', () => {
    const few = 'a.b.test. 1 A 192.0.2.1\nc.b.test. 1 MX 10 d.b.test.\n'
    const { zone, problems } = build(few, { recordsOnly: true })
    expect(problems).toEqual([])
    expect(zone?.origin).toBe(foldName(nameOf('b.test.')))
    expect(zone?.recordsOnly).toBe(true)
    expect(build(`${few}a.b.test. 1 CNAME x.\n`, { recordsOnly: true }).zone).toBeNull()
    expect(build('', { recordsOnly: true }).zone?.origin).toBe('\0')
  })

  it('problems of included files stand where the text includes them', () => {
    const parsed = read('$TTL 1\n@ SOA a. b. 1 1 1 1 1\n NS a.\nx 1 A 1\n$INCLUDE inc\ny 1 A 2\n', {
      include: files({ inc: 'z 1 A 3\n' }),
    })
    const { problems } = buildZone(parsed, { file: 'zone' })
    expect(problems.map(p => `${p.file}:${p.line}`)).toEqual(['zone:4', 'zone:6', 'inc:1'])
  })

  it('a set of one name and type is one set whatever the case and order, signatures within', () => {
    const { zone } = build(
      '$TTL 1\n$ORIGIN t.\n@ SOA a. b. 1 1 1 1 1\n@ NS A.\n@ RRSIG NS 13 1 1 20300101000000 20200101000000 1 @ AQID\nx TXT a\n@ NS b.\nX TXT b\n',
    )
    const rrsets = [...(zone?.rrsets() ?? [])]
    expect(rrsets.map(r => [r.type, r.rdatas.length, r.signatures.length])).toEqual([
      [6, 1, 0],
      [2, 2, 1],
      [16, 2, 0],
    ])
  })
})

describe('hostile text', () => {
  const corpus = fileURLToPath(new URL('corpus', import.meta.url))
  const broken = fileURLToPath(new URL('broken', import.meta.url))
  const seeds = [corpus, broken].flatMap(directory =>
    readdirSync(directory)
      .filter(f => /\.(zone|inc)$/.test(f))
      .map(f => readFileSync(join(directory, f), 'utf8')),
  )
  const pieces = [
    '(',
    ')',
    '"',
    ';',
    '\\',
    '\n',
    '\r',
    ' ',
    '\t',
    '$',
    '@',
    '.',
    '..',
    '\\#',
    '\\000',
    '$GENERATE 1-3 a$ ',
    '$INCLUDE x',
    '$TTL ',
    '$ORIGIN ',
    'IN',
    '1h',
    'A',
    'TXT',
    '\0',
    '\ud800',
    'é',
    '${0,9,n}',
    'TYPE65535',
    '='.repeat(9),
    'x'.repeat(300),
  ]
  const limits = limitsWith({ zone: { generateRecords: 500, generatedRecordsInAll: 2_000, includes: 20 } }).zone
  const include: Include = path =>
    path.length % 3 === 0 ? { error: 'no' } : { file: path, text: seeds[path.length % seeds.length] ?? '' }

  const edits = fc.array(fc.record({ at: fc.nat(1_000_000), cut: fc.nat(12), piece: fc.constantFrom(...pieces) }), {
    minLength: 1,
    maxLength: 5,
  })

  it('never throws, finds places within the text, and what it accepts reads back', () => {
    let accepted = 0
    fc.assert(
      fc.property(fc.nat(seeds.length - 1), edits, (seed, changes) => {
        let text = seeds[seed] ?? ''
        for (const { at, cut, piece } of changes) {
          const place = at % (text.length + 1)
          text = text.slice(0, place) + piece + text.slice(place + cut)
        }
        const parsed = read(text, { limits, include })
        const lineCount = text.split(/\r\n|\r|\n/).length
        for (const p of parsed.problems)
          if (p.file === 'zone') expect(p.line >= 1 && p.line <= lineCount && p.column >= 1).toBe(true)
        for (const record of parsed.records.slice(0, 100)) {
          const again = parseRr(formatRr(record))
          expect('error' in again ? again.error : { ...again, rdata: [...again.rdata] }).toEqual({
            owner: record.owner,
            type: record.type,
            class: record.class,
            ttl: record.ttl,
            rdata: [...record.rdata],
          })
        }
        const { zone } = buildZone(parsed, { origin: foldName(EXAMPLE), file: 'zone' })
        if (zone === null) return
        accepted++
        const canonical = formatCanonicalZone(zone)
        const again = buildZone(read(canonical), { origin: foldName(EXAMPLE), file: 'zone' }).zone
        expect(again === null ? null : formatCanonicalZone(again)).toBe(canonical)
      }),
      process.env.ROOTWALK_LONG === undefined ? { numRuns: 400, seed: 2_308 } : { numRuns: 50_000 },
    )
    expect(accepted).toBeGreaterThan(10)
  })

  it.each<[string, (n: number) => string]>([
    ['open parentheses', n => '(\n'.repeat(n)],
    ['quotes without end', n => '"\n'.repeat(n)],
    ['backslashes', n => `a 1 TXT ${'\\'.repeat(n)}`],
    ['tokens', n => `a 1 TXT ${'x '.repeat(n)}`],
    ['dots', n => `${'.'.repeat(n)} 1 A 192.0.2.1`],
    ['parameters', n => `a 1 SVCB 1 . mandatory=${'alpn,'.repeat(n)}`],
    ['types', n => `a 1 NSEC . ${'A '.repeat(n)}`],
    ['TTLs of one set', n => Array.from({ length: n / 4 }, (_, i) => `a ${i} TXT ${i}\n`).join('')],
    ['aliases of one name', n => Array.from({ length: n / 4 }, (_, i) => `a 1 CNAME b${i}\n`).join('')],
    ['colons', n => `a 1 AAAA ${'1:'.repeat(n)}`],
  ])('%s cost work in proportion', (_, make) => {
    // Four times the text in far less than the sixteen times that quadratic work would take, with room for a busy
    // machine.
    const cost = (n: number): number => {
      const text = make(n)
      let best = Number.POSITIVE_INFINITY
      for (let round = 0; round < 3; round++) {
        const start = process.cpuUsage().user
        buildZone(read(text), { origin: foldName(EXAMPLE), file: 'zone', recordsOnly: true })
        best = Math.min(best, process.cpuUsage().user - start)
      }
      return best
    }
    const small = cost(10_000)
    expect(cost(40_000)).toBeLessThan(small * 10 + 100_000)
  })
})
