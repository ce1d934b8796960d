/** A flat zone is the same zone: whatever is asked, both forms say the same, and what goes in comes out. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { foldName, parentOf } from '../../src/dns/name.ts'
import { RrClass, RrType } from '../../src/dns/types.ts'
import { defaultLimits } from '../../src/limits.ts'
import { FlatContent, packZone } from '../../src/zone/flat-zone.ts'
import { Zone } from '../../src/zone/zone.ts'
import { buildZone, formatCanonicalZone } from '../../src/zone/zone-check.ts'
import { parseZoneText } from '../../src/zone/zone-file.ts'
import { n } from './made.ts'

const numRuns = process.env.ROOTWALK_LONG === undefined ? 200 : 20_000
const origin = n('example.')
const top = '$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n'

const both = (text: string): { objects: Zone; flat: Zone } => {
  const made = (flatRecords: number): Zone => {
    const limits = { ...defaultLimits.zone, flatRecords }
    const parsed = parseZoneText(top + text, {
      file: 'zone',
      origin,
      limits,
      include: () => ({ error: 'none' }),
      compact: flatRecords === 0,
    })
    const { zone, problems } = buildZone(parsed, { file: 'zone', origin, limits })
    if (zone === null) throw new Error(problems.map(({ message }) => message).join('\n'))
    return zone
  }
  return { objects: made(Number.POSITIVE_INFINITY), flat: made(0) }
}

/** One of each thing that decides an answer. */
const ZONE = `
a A 192.0.2.1
A AAAA 2001:db8::1
a A 192.0.2.2
deep.down.here TXT "x" "y"
*.wild MX 10 a
*.wild A 192.0.2.7
alias CNAME a
far CNAME x.other.
loop CNAME loop2
loop2 CNAME loop
sub NS ns.sub
sub DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000
ns.sub A 192.0.2.9
moved DNAME elsewhere.
UPPER A 192.0.2.3
signed TXT s
signed RRSIG TXT 13 2 60 20300101000000 20200101000000 1 @ AQID
stray RRSIG A 13 2 60 20300101000000 20200101000000 1 @ AQID
big TXT ${`"${'z'.repeat(250)}" `.repeat(40)}
`
const NAMES = [
  '',
  'a.',
  'here.',
  'down.here.',
  'deep.down.here.',
  'x.down.here.',
  'x.wild.',
  'wild.',
  '*.wild.',
  'a.x.wild.',
  'alias.',
  'far.',
  'loop.',
  'sub.',
  'x.sub.',
  'ns.sub.',
  'moved.',
  'y.moved.',
  'upper.',
  'signed.',
  'stray.',
  'big.',
  'nothing.',
  'nothing.at.all.',
].map(name => n(`${name}example.`))
const TYPES = [
  RrType.A,
  RrType.AAAA,
  RrType.TXT,
  RrType.MX,
  RrType.NS,
  RrType.DS,
  RrType.SOA,
  RrType.ANY,
  RrType.CNAME,
  RrType.RRSIG,
]

describe('a flat zone', () => {
  const { objects, flat } = both(ZONE)

  it('is flat, and the other is not', () => {
    expect(flat.flat).not.toBeNull()
    expect(objects.flat).toBeNull()
  })

  it.each(NAMES.flatMap(name => TYPES.map(type => [name, type] as const)))(
    'answers %j type %i like one of objects',
    (name, type) => {
      const question = { name, type, class: RrClass.IN }
      expect(flat.answer(question)).toEqual(objects.answer(question))
      expect(flat.covers(question)).toBe(objects.covers(question))
      expect(flat.has(name)).toBe(objects.has(name))
    },
  )

  it('has the same RRsets, signatures included, in the same order, and the same text', () => {
    expect([...flat.rrsets()]).toEqual([...objects.rrsets()])
    expect(flat.recordCount).toBe(objects.recordCount)
    expect(formatCanonicalZone(flat)).toBe(formatCanonicalZone(objects))
  })

  it('hands out copies: what is kept of an answer holds nothing of the zone', () => {
    const answer = flat.answer({ name: n('a.example.'), type: RrType.A, class: RrClass.IN })
    expect(answer.kind === 'answer' && answer.rrsets[0]?.rdatas[0]?.buffer.byteLength).toBe(4)
  })

  it('goes through a structured clone', () => {
    const cloned = structuredClone(flat.flat)
    const again = cloned === null ? null : new Zone(cloned.origin, new FlatContent(cloned), { recordsOnly: false })
    expect(again === null ? '' : formatCanonicalZone(again)).toBe(formatCanonicalZone(objects))
  })

  it('of any names answers like one of objects', () => {
    const label = fc.constantFrom('a', 'b', 'c', '*', 'a\\.b', 'x'.repeat(63))
    const owner = fc.array(label, { minLength: 1, maxLength: 3 }).map(labels => labels.join('.'))
    const record = fc
      .tuple(owner, fc.constantFrom('A 192.0.2.1', 'A 192.0.2.2', 'TXT t', 'AAAA 2001:db8::1', 'MX 1 a'))
      .map(([name, data]) => `${name} ${data}\n`)
    fc.assert(
      fc.property(fc.array(record, { maxLength: 12 }), owner, fc.constantFrom(...TYPES), (records, asked, type) => {
        const zones = both(records.join(''))
        for (let name = foldName(n(`${asked}.example.`)); name.length > origin.length; name = parentOf(name)) {
          const question = { name, type, class: RrClass.IN }
          expect(zones.flat.answer(question)).toEqual(zones.objects.answer(question))
        }
      }),
      { numRuns },
    )
  })

  it('takes few octets for a record', () => {
    const zone = both(Array.from({ length: 5_000 }, (_, i) => `host${i} A 192.0.2.${i & 255}\n`).join('')).flat.flat
    expect(zone?.recordCount).toBe(5_003)
    const octets = (zone?.octets.length ?? 0) + (zone?.slots.byteLength ?? 0)
    expect(octets / 5_003).toBeLessThan(70)
  })

  it('of nothing has an apex', () => {
    const empty = new FlatContent(packZone(origin, []))
    expect(empty.at(origin)?.size).toBe(0)
    expect(empty.at(n('a.example.'))).toBeUndefined()
    expect([...empty.rrsets()]).toEqual([])
  })
})

describe('reading in parts', () => {
  const read = (
    text: string,
    options: { mostRecords?: number; onProgress?: (characters: number, records: number) => void },
  ) =>
    parseZoneText(text, {
      file: 'zone',
      origin,
      limits: defaultLimits.zone,
      include: () => ({ error: 'none' }),
      ...options,
    })

  it.each([
    ['lines', 'a 1 A 192.0.2.1\n'.repeat(100)],
    ['$GENERATE', '$TTL 1\n$GENERATE 1-60000 a$ A 192.0.2.1\n'],
  ])('%s end soon after the most records', (_how, text) => {
    const parsed = read(text, { mostRecords: 10 })
    expect(parsed.cut).toBe(true)
    expect(parsed.records).toHaveLength(11)
  })

  it('as many records as allowed are a whole zone', () =>
    expect(read('a 1 A 192.0.2.1\n'.repeat(10), { mostRecords: 10 })).toMatchObject({ cut: false }))

  it('tells progress, which never goes back and counts all records', () => {
    const told: [number, number][] = []
    const text = 'a 1 A 192.0.2.1\n'.repeat(20_000)
    const parsed = read(text, { onProgress: (...progress) => told.push(progress) })
    expect(told.length).toBeGreaterThanOrEqual(4)
    expect(
      told.every(
        ([at, count], i) =>
          at <= text.length && count <= parsed.records.length && (i === 0 || at > (told[i - 1]?.[0] ?? 0)),
      ),
    ).toBe(true)
  })
})
