/** Zones made of what comes: whole, by changes, from a copy; and the timers of zones. */
import { describe, expect, test } from 'vitest'
import { defaultLimits } from '../../src/limits.ts'
import { foldName, trustWireName } from '../../src/dns/name.ts'
import { recordsOf } from '../../src/dns/rrset.ts'
import { formatName } from '../../src/presentation/text.ts'
import { typeName } from '../../src/dns/types.ts'
import { copyHeader, readCopy } from '../../src/transfer/copy-format.ts'
import { Incoming } from '../../src/transfer/incoming.ts'
import { isNewer } from '../../src/transfer/serial.ts'
import { nextLookMs, timersOf } from '../../src/transfer/timers.ts'
import { FlatContent, type FlatZone } from '../../src/zone/flat-zone.ts'
import { rr } from '../cli/canned-server.ts'

const ZONE = foldName(trustWireName('\x01z\0'))

function whole(...texts: readonly string[]): FlatZone {
  const incoming = new Incoming()
  incoming.whole()
  for (const text of texts) incoming.add(rr(text))
  const made = incoming.result(ZONE, null)
  if (made.kind !== 'zone') throw new Error(made.why)
  return made.zone
}

const lines = (zone: FlatZone): readonly string[] =>
  [...new FlatContent(zone).rrsets()]
    .flatMap(set => recordsOf(set, true))
    .map(
      ({ owner, type, ttl, rdata }) =>
        `${formatName(owner)} ${ttl} ${typeName(type)} ${Buffer.from(rdata).toString('hex')}`,
    )
    .sort()

const BASE = ['z. 1 SOA ns.z. h.z. 1 1 1 1 1', 'a.z. 1 A 192.0.2.1', 'b.z. 1 A 192.0.2.2', 'a.z. 2 A 192.0.2.3']

describe('a zone from what comes', () => {
  test('has the records of a name together wherever they came, with the least TTL, and each once', () => {
    expect(lines(whole(...BASE, 'B.z. 1 A 192.0.2.2', 'b.z. 5 TXT "x"'))).toEqual(
      lines(whole('a.z. 1 A 192.0.2.1', 'a.z. 1 A 192.0.2.3', 'b.z. 1 A 192.0.2.2', 'b.z. 5 TXT "x"', BASE[0] ?? '')),
    )
  })

  test('has as many names as come, whatever their number', () => {
    const many = Array.from({ length: 5_000 }, (_, i) => `n${i}.z. 1 A 192.0.2.${i & 255}`)
    const zone = whole(...many)
    expect(zone.recordCount).toBe(5_000)
    const found = many.filter(
      (_, i) => new FlatContent(zone).at(foldName(rr(`n${i}.z. 1 A 192.0.2.1`).owner)) !== undefined,
    )
    expect(found).toHaveLength(5_000)
  })

  test.each<[string, readonly string[], readonly string[], readonly string[]]>([
    ['an address more', [], ['a.z. 1 A 192.0.2.9'], [...BASE, 'a.z. 1 A 192.0.2.9']],
    ['a name more', [], ['c.z. 1 A 192.0.2.9'], [...BASE, 'c.z. 1 A 192.0.2.9']],
    ['a name less', ['b.z. 1 A 192.0.2.2'], [], BASE.filter(text => !text.startsWith('b'))],
    ['one address less', ['a.z. 1 A 192.0.2.3'], [], BASE.slice(0, 3)],
    [
      'another TTL',
      ['b.z. 1 A 192.0.2.2'],
      ['b.z. 9 A 192.0.2.2'],
      [...BASE.slice(0, 2), 'b.z. 9 A 192.0.2.2', ...BASE.slice(3)],
    ],
    ['letters of another case', ['B.Z. 1 A 192.0.2.2'], [], BASE.filter(text => !text.startsWith('b'))],
  ])('by changes: %s', (_what, removed, added, expected) => {
    const here = whole(...BASE)
    const incoming = new Incoming()
    for (const text of removed) incoming.remove(rr(text))
    for (const text of added) incoming.add(rr(text))
    const made = incoming.result(ZONE, here)
    expect(made.kind === 'zone' ? lines(made.zone) : made).toEqual(lines(whole(...expected)))
    expect(lines(here)).toEqual(lines(whole(...BASE)))
  })

  test('is none when changes remove what is not here, or nothing is here', () => {
    const incoming = new Incoming()
    incoming.remove(rr('x.z. 1 A 192.0.2.1'))
    expect(incoming.result(ZONE, whole(...BASE))).toMatchObject({ kind: 'misfit' })
    expect(incoming.result(ZONE, null)).toMatchObject({ kind: 'misfit' })
  })

  test('is the same from its copy, and none from a copy of another zone', () => {
    const zone = whole(...BASE, 'deep.er.z. 1 A 192.0.2.7')
    const copy = Buffer.concat([copyHeader(zone), zone.octets])
    const again = readCopy(copy, ZONE)
    expect(again).toEqual(zone)
    expect(readCopy(copy, foldName(trustWireName('\x01y\0')))).toBeNull()
    expect(readCopy(Buffer.from('anything\n'), ZONE)).toBeNull()
  })
})

describe('timers of a zone', () => {
  const limits = defaultLimits.transfer
  const fields = { mname: ZONE, rname: ZONE, serial: 1, refresh: 3_600, retry: 600, expire: 86_400, minimum: 60 }

  test.each<[string, object, object]>([
    ['are those of its SOA', {}, { refreshMs: 3_600_000, retryMs: 600_000, expireMs: 86_400_000 }],
    [
      'are not shorter than ours',
      { refresh: 1, retry: 0 },
      { refreshMs: limits.refreshLeastMs, retryMs: limits.retryLeastMs },
    ],
    [
      'are not longer than ours',
      { refresh: 4_000_000_000, retry: 4_000_000_000 },
      { refreshMs: limits.refreshMostMs, retryMs: limits.retryMostMs },
    ],
    ['leave time for one refresh', { expire: 1 }, { expireMs: 4_200_000 }],
  ])('%s', (_what, change, expected) => {
    expect(timersOf({ ...fields, ...change }, limits)).toMatchObject(expected)
  })

  test('without a copy tries come soon, and each later than the one before', () => {
    expect([1, 2, 3, 40].map(failures => nextLookMs(null, failures, 0, limits))).toEqual([
      5_000,
      10_000,
      20_000,
      limits.retryMostMs,
    ])
  })

  test('the next look comes up to a tenth early, after a failure when a retry is due', () => {
    const timers = timersOf(fields, limits)
    expect([
      nextLookMs(timers, 0, 0, limits),
      nextLookMs(timers, 0, 1, limits),
      nextLookMs(timers, 3, 0, limits),
    ]).toEqual([3_600_000, 3_240_000, 600_000])
  })
})

describe('serial numbers', () => {
  test.each<[number, number, boolean]>([
    [2, 1, true],
    [1, 1, false],
    [1, 2, false],
    [0, 4_294_967_295, true],
    [5, 4_294_967_295, true],
    [4_294_967_295, 5, false],
    [0x8000_0000, 0, false],
    [0x7fff_ffff, 0, true],
  ])('%d is newer than %d: %s', (a, b, expected) => expect(isNewer(a, b)).toBe(expected))
})
