import { describe, expect, it, test } from 'vitest'
import { keyTagOf } from '../../src/dns/rdata-dnssec.ts'
import { foldName, nameFromLabels, ROOT, type Name } from '../../src/dns/name.ts'
import { sameBytes, type RRset } from '../../src/dns/rrset.ts'
import { examineKeys, matchesDs, outsideBy, withRevoke } from '../../src/dnssec/anchor-evidence.ts'
import type { DnssecRules } from '../../src/dnssec/rules.ts'
import { defaultLimits } from '../../src/limits.ts'
import { dsOf, makeKey, revokedOf, signedKeys, type Key, type Times } from './signed-keys.ts'

const NOW = 1_800_000_000
const rules: DnssecRules = {
  limits: defaultLimits.dnssec,
  nsec3MaxIterations: 50,
  disallowedAlgorithms: new Set(),
  disallowedDigests: new Set(),
}

const signed = (
  keys: readonly Key[],
  by: readonly Key[],
  { from = NOW - 100, until = NOW + 100 }: Partial<Times> = {},
  zone: Name = ROOT,
): RRset => signedKeys(keys, by, { from, until }, zone)

const [a, b, c, zsk] = [makeKey(), makeKey(), makeKey(), makeKey(256)]
const byDs = { name: ROOT, ds: [dsOf(a)], keys: [] }

function shown(
  set: RRset,
  trusted: { name: Name; ds: readonly Uint8Array[]; keys: readonly Uint8Array[] } = byDs,
): { keys: string | null; revoked: string } {
  const names = new Map([
    ['a', a],
    ['b', b],
    ['c', c],
    ['zsk', zsk],
  ])
  const letters = (rdatas: readonly Uint8Array[]): string =>
    rdatas
      .map(rdata => [...names].find(([, key]) => sameBytes(key.rdata, rdata))?.[0] ?? '?')
      .sort()
      .join(' ')
  const { keys, revoked } = examineKeys(set, trusted, rules, NOW).seen
  return { keys: keys === null ? null : letters(keys), revoked: letters(revoked) }
}

describe('what a DNSKEY set of a trust point shows', () => {
  test.each<[string, RRset, { keys: string | null; revoked: string }]>([
    ['signed by the anchor: its entry points', signed([a, b, zsk], [a, zsk]), { keys: 'a b', revoked: '' }],
    ['signed by another key alone: nothing', signed([a, b, zsk], [b, zsk]), { keys: null, revoked: '' }],
    ['not signed: nothing', signed([a, b], []), { keys: null, revoked: '' }],
    ['signed too late', signed([a, b], [a], { until: NOW - 1 }), { keys: null, revoked: '' }],
    ['signed too early', signed([a, b], [a], { from: NOW + 1 }), { keys: null, revoked: '' }],
    [
      'the anchor revokes itself, nobody else is trusted',
      signed([revokedOf(a), b], [revokedOf(a), b]),
      { keys: null, revoked: 'a' },
    ],
    ['a revoked flag without its signature is nothing', signed([a, revokedOf(b)], [a]), { keys: 'a', revoked: '' }],
    [
      'nor with the signature of another key',
      signed([a, revokedOf(b)], [a, { rdata: revokedOf(b).rdata, secret: c.secret }]),
      { keys: 'a', revoked: '' },
    ],
    [
      'nor with one from another time',
      signed([a, revokedOf(b)], [{ ...revokedOf(b) }], { until: NOW - 1 }),
      { keys: null, revoked: '' },
    ],
    [
      'a second key revokes itself beside the anchor',
      signed([a, revokedOf(b)], [a, revokedOf(b)]),
      { keys: 'a', revoked: 'b' },
    ],
    [
      'a key that stands there both ways is revoked',
      signed([a, b, revokedOf(b)], [a, revokedOf(b)]),
      { keys: 'a', revoked: 'b' },
    ],
    [
      'the anchor both ways: its plain signature does not count',
      signed([a, revokedOf(a), b], [a, revokedOf(a)]),
      { keys: null, revoked: 'a' },
    ],
  ])('%s', (_what, set, expected) => expect(shown(set)).toEqual(expected))

  it('a key that is trusted as DNSKEY vouches too, and for a zone below the root', () => {
    const zone = foldName(nameFromLabels(['test']) ?? ROOT)
    expect(shown(signed([a, b], [b]), { name: ROOT, ds: [], keys: [b.rdata] })).toEqual({ keys: 'a b', revoked: '' })
    expect(shown(signed([a], [a], {}, zone), { name: zone, ds: [dsOf(a, zone)], keys: [] })).toEqual({
      keys: 'a',
      revoked: '',
    })
    expect(shown(signed([a], [a], {}, zone), { name: zone, ds: [dsOf(a)], keys: [] })).toEqual({
      keys: null,
      revoked: '',
    })
  })

  it('the original TTL is that of the signature', () =>
    expect(examineKeys(signed([a], [a]), byDs, rules, NOW).seen.originalTtl).toBe(172_800))

  it('hundreds of keys that pretend to be revoked cost no more than a query may', () => {
    const forged = Array.from({ length: 200 }, () => revokedOf({ ...makeKey(), secret: a.secret }))
    const before = process.cpuUsage().user
    expect(shown(signed([...forged, a], [...forged, a]))).toEqual({ keys: null, revoked: '' })
    expect((process.cpuUsage().user - before) / 1_000).toBeLessThan(500)
  })
})

describe('helpers', () => {
  it('a DS record is of the key whose digest it has, at its name', () => {
    const zone = foldName(nameFromLabels(['test']) ?? ROOT)
    expect([
      matchesDs(ROOT, a.rdata, dsOf(a)),
      matchesDs(ROOT, b.rdata, dsOf(a)),
      matchesDs(zone, a.rdata, dsOf(a)),
      matchesDs(ROOT, a.rdata, Uint8Array.of(1)),
    ]).toEqual([true, false, false, false])
  })

  it('the REVOKE bit comes and goes, and changes the tag (RFC 5011 section 3)', () => {
    expect(sameBytes(withRevoke(withRevoke(a.rdata, true), false), a.rdata)).toBe(true)
    expect((keyTagOf(withRevoke(a.rdata, true)) - keyTagOf(a.rdata) + 0x10000) % 0xffff).toBe(129 % 0xffff)
  })

  test.each([
    [0, 0],
    [-100, 0],
    [100, 0],
    [-101, -1],
    [101, 1],
    [31_536_000, 31_535_900],
    [-31_536_000, -31_535_900],
  ])('%d s from its middle a signature of 200 s is outside by %d', (at, by) => {
    const fields = {
      covered: 48,
      algorithm: 15,
      labels: 0,
      originalTtl: 0,
      keyTag: 0,
      signer: ROOT,
      signature: new Uint8Array(0),
    }
    expect(outsideBy({ ...fields, inception: NOW - 100, expiration: NOW + 100 }, NOW + at)).toBe(by)
  })
})
