import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { decodeMessage } from '../../../src/dns/decode.ts'
import { encodeMessage } from '../../../src/dns/encode.ts'
import type { Message, Question } from '../../../src/dns/message.ts'
import { formatRr } from '../../../src/presentation/rr-text.ts'
import { openCassette } from '../../../src/testing/stub/cassette.ts'
import { formatCassette, parseCassette } from '../../../src/testing/stub/cassette-text.ts'
import { question, records } from '../../../src/simulation/records.ts'

let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rootwalk-cassette-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))
const file = (name = 'a.cassette'): string => join(directory, name)

interface Made {
  readonly rcode?: number
  readonly answer?: string
  readonly authority?: string
  readonly additional?: string
  readonly id?: number
  readonly aa?: boolean
}

function reply(asked: Question, made: Made = {}): Message {
  const { rcode = 0, answer = '', authority = '', additional = '', id = 1, aa = true } = made
  return {
    id,
    response: true,
    opcode: 0,
    authoritative: aa,
    truncated: false,
    recursionDesired: true,
    recursionAvailable: true,
    authenticData: false,
    checkingDisabled: false,
    rcode,
    question: { ...asked, cased: asked.name },
    answer: records(answer),
    authority: records(authority),
    additional: records(additional),
    edns: null,
  }
}

function recorded(exchanges: readonly (readonly [Question, Made])[], path = file()): string {
  const cassette = openCassette(path, 'record')
  for (const [asked, made] of exchanges) cassette.record(asked, reply(asked, made))
  cassette.close()
  return readFileSync(path, 'utf8')
}

const lines = (text: string): string[] => text.split('\n').filter(line => line !== '' && !line.startsWith(';'))
const a = question('a.test')
const b = question('b.test')

describe('what is written', () => {
  test('one exchange a line, sorted by name and type, whatever the order of the questions', () => {
    const exchanges: [Question, Made][] = [
      [question('www.b.test', 'AAAA'), { answer: 'www.b.test. 60 AAAA 2001:db8::1' }],
      [question('zz.a.test'), { rcode: 3, authority: 'a.test. 60 SOA ns.a.test. root.a.test. 1 2 3 4 5' }],
      [
        question('www.b.test', 'A'),
        { answer: 'www.b.test. 60 CNAME c.test.\nc.test. 30 A 192.0.2.2\nc.test. 30 A 192.0.2.1' },
      ],
      [
        question('b.test', 'MX'),
        { answer: 'b.test. 60 MX 10 mail.b.test.', additional: 'mail.b.test. 60 A 192.0.2.3', aa: false },
      ],
    ]
    const text = recorded(exchanges)
    expect(lines(text)).toEqual([
      'zz.a.test. A -> NXDOMAIN aa | AUTHORITY: a.test. 60 SOA ns.a.test. root.a.test. 1 2 3 4 5',
      'b.test. MX -> NOERROR | b.test. 60 MX 10 mail.b.test. | ADDITIONAL: mail.b.test. 60 A 192.0.2.3',
      'www.b.test. A -> NOERROR aa | www.b.test. 60 CNAME c.test. | c.test. 30 A 192.0.2.1 | c.test. 30 A 192.0.2.2',
      'www.b.test. AAAA -> NOERROR aa | www.b.test. 60 AAAA 2001:db8::1',
    ])
    expect(recorded([...exchanges].reverse(), file('b.cassette'))).toBe(text)
  })

  test('ids, the order within an RRset, the case of the question and how often it was asked make no difference', () => {
    const one = recorded([[a, { id: 7, answer: 'a.test. 30 A 192.0.2.1\na.test. 30 A 192.0.2.2' }]])
    const other = recorded(
      [
        [a, { id: 9, answer: 'A.tEst. 29 A 192.0.2.2\nA.tEst. 29 A 192.0.2.1' }],
        [a, { answer: 'a.test. 30 A 192.0.2.1\na.test. 30 A 192.0.2.2' }],
      ],
      file('other'),
    )
    expect(other).toBe(one)
  })

  test('cookies and other options are left out, extended errors are kept', () => {
    const cassette = openCassette(file(), 'record')
    const options = [
      { code: 10, data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) },
      { code: 15, data: Uint8Array.of(0, 22, ...new TextEncoder().encode('all "down"')) },
    ]
    cassette.record(a, {
      ...reply(a, { rcode: 2, aa: false }),
      edns: { payloadSize: 4096, version: 0, dnssecOk: true, flags: 0, options },
    })
    cassette.close()
    expect(lines(readFileSync(file(), 'utf8'))).toEqual(['a.test. A -> SERVFAIL EDE 22 "all \\"down\\""'])
    const message = openCassette(file(), 'replay').replay(a)
    expect(message?.edns?.options).toEqual([options[1]])
  })

  test('different answers to one question stay in order, with how often each came', () => {
    const text = recorded([
      [a, { rcode: 2 }],
      [b, {}],
      [a, { rcode: 2 }],
      [a, { answer: 'a.test. 5 A 192.0.2.1' }],
      [a, { answer: 'a.test. 4 A 192.0.2.1' }],
      [a, { rcode: 3 }],
      [a, { rcode: 3 }],
    ])
    expect(lines(text)).toEqual([
      'a.test. A -> SERVFAIL aa x2',
      'a.test. A -> NOERROR aa x2 | a.test. 5 A 192.0.2.1',
      'a.test. A -> NXDOMAIN aa',
      'b.test. A -> NOERROR aa',
    ])
    const cassette = openCassette(file(), 'replay')
    expect(Array.from({ length: 6 }, () => cassette.replay(a)?.rcode)).toEqual([2, 2, 0, 0, 3, 3])
  })

  test('what a broken server sent is kept as octets, even where a zone file could not say it', () => {
    const cassette = openCassette(file(), 'record')
    const broken = { owner: a.name, type: 257, class: 1, ttl: 5, rdata: Uint8Array.of(1, 2, 3) }
    cassette.record(a, { ...reply(a), answer: [broken] })
    cassette.close()
    expect(lines(readFileSync(file(), 'utf8'))).toEqual(['a.test. A -> NOERROR aa | a.test. 5 CAA \\# 3 010203'])
    expect(openCassette(file(), 'replay').replay(a)?.answer).toEqual([broken])
  })

  test('a file is whole or not there: nothing beside it is left', () => {
    recorded([[a, {}]], file('deep/er/a.cassette'))
    expect(readdirSync(file('deep/er'))).toEqual(['a.cassette'])
  })

  test('the same again does not touch the file', () => {
    recorded([[a, {}]])
    const before = statSync(file(), { bigint: true })
    recorded([[a, { id: 77 }]])
    const after = statSync(file(), { bigint: true })
    expect([after.mtimeNs, after.ino]).toEqual([before.mtimeNs, before.ino])
    recorded([[b, {}]])
    expect(lines(readFileSync(file(), 'utf8'))).toEqual(['b.test. A -> NOERROR aa'])
  })

  test('until it is closed nothing is written', () => {
    const cassette = openCassette(file(), 'record')
    cassette.record(a, reply(a))
    expect(readdirSync(directory)).toEqual([])
    cassette.close()
    cassette.record(b, reply(b))
    cassette.close()
    expect(lines(readFileSync(file(), 'utf8'))).toHaveLength(1)
  })
})

describe('modes', () => {
  test('once records when there is no file, and replays afterwards', () => {
    const first = openCassette(file())
    expect([first.recording, first.replay(a)]).toEqual([true, null])
    first.record(a, reply(a, { answer: 'a.test. 5 A 192.0.2.1' }))
    first.close()
    const second = openCassette(file())
    expect(second.recording).toBe(false)
    expect(second.replay(a)?.answer.map(formatRr)).toEqual(['a.test.\t5\tIN\tA\t192.0.2.1'])
    const before = readFileSync(file(), 'utf8')
    second.record(b, reply(b))
    second.close()
    expect(readFileSync(file(), 'utf8')).toBe(before)
  })

  test('the mode record replaces what the cassette had', () => {
    recorded([[a, {}]])
    expect(openCassette(file(), 'record')).toMatchObject({ recording: true })
    expect(lines(recorded([[b, {}]]))).toEqual(['b.test. A -> NOERROR aa'])
  })

  test('replay needs the file and says how to get one', () => {
    expect(() => openCassette(file(), 'replay')).toThrow(
      /^there is no cassette .*a\.cassette to replay: run once with mode 'record'/,
    )
    // @ts-expect-error: what a caller without types might write
    expect(() => openCassette(file(), 'replya')).toThrow(
      /expected the mode of a cassette, record, replay or once, found "replya"/,
    )
  })

  test('what cannot be read at all is a mistake too', () => {
    expect(() => openCassette(directory)).toThrow(new TypeError(`the cassette ${directory} cannot be read: EISDIR`))
  })

  test.each(['record', 'replay', 'once'] as const)('%s: a file that is no cassette is refused and stays', mode => {
    writeFileSync(file(), '$ORIGIN test.\n@ SOA ns root 1 1 1 1 1\n')
    expect(() => openCassette(file(), mode)).toThrow(
      /a\.cassette:1:1: expected "; rootwalk cassette 1" in the first line, found "\$ORIGIN test\."/,
    )
    expect(readFileSync(file(), 'utf8')).toMatch(/^\$ORIGIN/)
  })
})

describe('something new in replay', () => {
  const known = (): ReturnType<typeof openCassette> => {
    recorded([
      [question('api.internal'), { answer: 'api.internal. 5 A 192.0.2.1' }],
      [question('api.internal', 'MX'), {}],
      [question('db.internal'), {}],
      [question('far.example'), {}],
    ])
    return openCassette(file(), 'replay')
  }

  test.each([
    [
      'another type',
      'api.internal',
      'AAAA',
      ['api.internal. A -> NOERROR aa | api.internal. 5 A 192.0.2.1', 'api.internal. MX -> NOERROR aa'],
    ],
    ['a slip of the keys', 'far.exmaple', 'A', ['far.example. A -> NOERROR aa']],
    ['a neighbour', 'something.internal', 'A', ['api.internal. A', 'db.internal. A']],
    ['nothing near', 'www.elsewhere.test', 'A', ['nothing near it (4 questions in all)']],
  ])('%s: says what was asked and what is known near it', (_what, name, type, expected) => {
    const cassette = known()
    expect(cassette.replay(question(name, type))).toBeNull()
    const text = cassette.difference(question(name, type))
    expect(text.split('\n').slice(0, 2)).toEqual([
      `the cassette ${file()} has no answer to ${name}. ${type}`,
      `  asked: ${name}. ${type}`,
    ])
    for (const line of expected) expect(text).toContain(line)
    expect(text).toMatch(/record again: mode 'record', or delete the file with mode 'once'$/)
    if (name === 'api.internal') expect(text).not.toContain('far.example')
  })

  test('a class of its own is another question', () => {
    expect(known().replay({ ...question('api.internal'), class: 3 })).toBeNull()
  })
})

describe('what cannot be read has its place', () => {
  test.each([
    ['a.test. A', 1, 10, /expected "->" after the question/],
    ['a.test. AA -> NOERROR', 1, 9, /expected a type, found "AA" \(did you mean A/],
    ['-> NOERROR', 1, 1, /expected a question in front of this/],
    ['a..test. A -> NOERROR', 1, 1, /empty label/],
    ['a.test. XX A -> NOERROR', 1, 9, /expected a class or a type, found "XX"/],
    ['a.test. A ->', 1, 13, /expected an rcode like NOERROR/],
    ['a.test. A -> NOEROR', 1, 14, /expected an rcode, found "NOEROR" \(did you mean NOERROR\?\)/],
    ['a.test. A -> NOERROR aaa', 1, 22, /one of aa ad tc x2 EDE, found "aaa"/],
    ['a.test. A -> SERVFAIL EDE 22', 1, 23, /expected a code and a text in quotes/],
    ['a.test. A -> NOERROR |', 1, 23, /expected a record after/],
    ['a.test. A -> NOERROR | a.test. A 192.0.2.1', 1, 32, /expected a TTL in seconds/],
    ['a.test. A -> NOERROR | a.test. 60 A 192.0.2.256', 1, 37, /192\.0\.2\.256/],
    ['a.test. A -> NOERROR | a.test. 60 A', 1, 36, /address/],
    ['a.test. A -> NOERROR | a.test. 60 A 192.0.2.1 192.0.2.2', 1, 47, /192\.0\.2\.2/],
    ['a.test. TXT -> NOERROR | a.test. 60 TXT "open', 1, 41, /does not end on its line/],
  ])('%s', (line, row, column, message) => {
    const { problems } = parseCassette(`; rootwalk cassette 1\n; a comment\n\n${line}\n`)
    expect(problems.map(problem => [problem.line, problem.column])).toEqual([[row + 3, column]])
    expect(problems[0]?.message).toMatch(message)
  })

  test('all problems at once, with the file', () => {
    writeFileSync(file(), '; rootwalk cassette 1\na.test. A -> NOPE\nb.test. A -> NOERROR\nc.test. Q -> NOERROR\n')
    expect(() => openCassette(file(), 'once')).toThrow(new RegExp(`^${file()}:2:14: [^\n]*\n${file()}:4:9: [^\n]*$`))
  })

  test('what a person may write by hand: comments, no dots, a class, parentheses, CRLF', () => {
    const text =
      '; rootwalk cassette 1\r\na.test IN A -> noerror AA | a.test 60 IN A 192.0.2.1 ; why\r\nb.test CH TXT -> NOERROR | (\r\n b.test 0 CH TXT "x | y -> z" )\r\n'
    const { exchanges, problems } = parseCassette(text.replace('AA', 'aa'))
    expect(problems).toEqual([])
    expect(lines(formatCassette(exchanges))).toEqual([
      'a.test. A -> NOERROR aa | a.test. 60 A 192.0.2.1',
      'b.test. CH TXT -> NOERROR | b.test. 0 CH TXT "x | y -> z"',
    ])
  })
})

test('what is written reads back to the same text, for any message that can be sent', () => {
  const octets = fc.uint8Array({ minLength: 0, maxLength: 40 })
  const label = fc.uint8Array({ minLength: 1, maxLength: 6 }).map(bytes => String.fromCharCode(bytes.length, ...bytes))
  const type = fc.constantFrom(1, 2, 5, 15, 16, 28, 33, 64, 65, 257, 65280)
  const record = fc.record({
    labels: fc.array(label, { maxLength: 3 }),
    type,
    ttl: fc.integer({ min: 0, max: 0x7fffffff }),
    rdata: octets,
  })
  const wire = fc.tuple(
    fc.array(record, { maxLength: 4 }),
    fc.array(record, { maxLength: 2 }),
    fc.integer({ min: 0, max: 15 }),
  )
  fc.assert(
    fc.property(wire, ([answer, authority, rcode]) => {
      const asked = question('|.->.test', 'A')
      const bytes: number[] = [0, 1, 0x84, rcode, 0, 0, 0, answer.length, 0, authority.length, 0, 0]
      for (const { labels, type: number, ttl, rdata } of [...answer, ...authority]) {
        bytes.push(
          ...[...labels.join('')].map(c => c.charCodeAt(0)),
          0,
          number >> 8,
          number & 255,
          0,
          1,
          ttl >>> 24,
          (ttl >> 16) & 255,
          (ttl >> 8) & 255,
          ttl & 255,
          0,
          rdata.length,
          ...rdata,
        )
      }
      const decoded = decodeMessage(Uint8Array.from(bytes))
      fc.pre(decoded.kind === 'message')
      if (decoded.kind !== 'message') return
      const cassette = openCassette(file(), 'record')
      cassette.record(asked, decoded.message)
      cassette.close()
      const text = readFileSync(file(), 'utf8')
      const { exchanges, problems } = parseCassette(text)
      expect(problems).toEqual([])
      expect(formatCassette(exchanges)).toBe(text)
      const played = openCassette(file(), 'replay').replay(asked)
      expect(played?.answer).toHaveLength(decoded.message.answer.length)
      expect(played === null ? null : encodeMessage(played, { maxBytes: 65_535 }).bytes.length).toBeGreaterThan(12)
    }),
    { numRuns: process.env.ROOTWALK_LONG === '1' ? 5_000 : 150 },
  )
})
