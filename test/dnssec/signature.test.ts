/** Signatures of sets and key sets: every rule with the one thing changed that breaks it, and the limits on work. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dnskeyRdata, nsecRdata, rrsigRdata } from '../../src/dns/rdata-dnssec-make.ts'
import { makeRRset, withTtl, type RRset } from '../../src/dns/rrset.ts'
import { RrClass, RrType } from '../../src/dns/types.ts'
import { readKeys, verifyKeys, verifyRRset, verifySignedBy } from '../../src/dnssec/signature.ts'
import type { DnssecRules } from '../../src/dnssec/rules.ts'
import { a, dsOf, keySet, makeKey, signature, signed, withFlags, type MadeKey } from './made.ts'
import { at, n, NOW, purse, rulesWith } from './signing.ts'

const rules = rulesWith()
const key = makeKey()
const other = makeKey()
const judge = (
  set: RRset,
  keys: readonly MadeKey[] = [key],
  zone = 'example.',
  wall = NOW,
  asked: DnssecRules = rules,
) => verifyRRset(set, readKeys(keySet(zone, ...keys), asked.limits), asked, wall, purse())
const www = a('www.example.')

describe('one set', () => {
  it('a set with a good signature is valid', () => {
    expect(judge(signed(www, key, 'example.'))).toEqual({
      kind: 'valid',
      keyTag: key.tag,
      algorithm: 13,
      expires: at('20260201000000'),
      ttl: 300,
      expansion: null,
      signatures: [signature(www, key, 'example.')].map(() => expect.any(Uint8Array)),
    })
  })

  const twoKeys = [key, other]
  it.each<[string, RRset, readonly MadeKey[], number]>([
    ['no signature', www, [key], 10],
    ['key not in the set', signed(www, other, 'example.'), [key], 9],
    [
      'other key signed under this tag',
      { ...www, signatures: [signature(www, { ...other, tag: key.tag }, 'example.')] },
      [key],
      6,
    ],
    ['other data', { ...signed(www, key, 'example.'), rdatas: [Uint8Array.of(192, 0, 2, 99)] }, [key], 6],
    [
      'a record more',
      { ...signed(www, key, 'example.'), rdatas: [...www.rdatas, Uint8Array.of(192, 0, 2, 99)] },
      [key],
      6,
    ],
    ['other owner', { ...signed(www, key, 'example.'), owner: n('ftp.example.'), name: n('ftp.example.') }, [key], 6],
    ['other class', { ...signed(www, key, 'example.'), class: RrClass.CH }, [key], 6],
    ['other type covered', signed(www, key, 'example.', { covered: RrType.AAAA }), [key], 6],
    ['expired', signed(www, key, 'example.', { expiration: NOW - 1 }), [key], 7],
    ['not yet valid', signed(www, key, 'example.', { inception: NOW + 1 }), [key], 8],
    ['ends before it begins', signed(www, key, 'example.', { inception: NOW + 10, expiration: NOW - 10 }), [key], 25],
    ['key without the zone bit', signed(www, withFlags(key, 1), 'example.'), [withFlags(key, 1)], 11],
    ['revoked key', signed(www, withFlags(key, 0x181), 'example.'), [withFlags(key, 0x181)], 9],
    ['signer is a name above the zone', signed(www, key, '.'), [key], 6],
    ['signer is a name below the zone', signed(www, key, 'www.example.'), [key], 6],
    ['more labels than the owner', signed(www, key, 'example.', { labels: 3 }), [key], 6],
    ['algorithm of the signature is not that of the key', signed(www, key, 'example.', { algorithm: 14 }), [key], 9],
    ['only an unknown algorithm', signed(www, key, 'example.', { algorithm: 200 }), [key], 10],
    ['unreadable signature', { ...www, signatures: [Uint8Array.of(0, 1, 13)] }, twoKeys, 6],
  ])('%s', (_, set, keys, ede) => {
    expect(judge(set, keys)).toMatchObject({ kind: 'bogus', ede })
  })

  it('is refused with fewer labels than the signer has: a wildcard over the zones of others (CVE-2026-44690)', () => {
    const set = a('www.victim.example.')
    expect(judge(signed(set, key, 'victim.example.', { labels: 1 }), [key], 'victim.example.')).toMatchObject({
      kind: 'bogus',
      ede: 6,
    })
    expect(judge(signed(set, key, 'victim.example.', { labels: 0 }), [key], 'victim.example.')).toMatchObject({
      kind: 'bogus',
    })
    expect(judge(signed(set, key, 'victim.example.', { labels: 2 }), [key], 'victim.example.')).toMatchObject({
      kind: 'valid',
      expansion: { wildcard: n('*.victim.example.'), zone: n('victim.example.') },
    })
  })

  it('of a wildcard itself is not expanded; below it is', () => {
    const wild = a('*.example.')
    const made = signed(wild, key, 'example.')
    expect(judge(made)).toMatchObject({ kind: 'valid', expansion: null })
    expect(judge({ ...made, owner: n('x.y.example.'), name: n('x.y.example.') })).toMatchObject({
      kind: 'valid',
      expansion: { wildcard: n('*.example.'), zone: n('example.') },
    })
  })

  it('outside the zone of the keys is refused', () => {
    expect(judge(signed(a('www.elsewhere.'), key, 'example.'))).toMatchObject({ kind: 'bogus', ede: 6 })
  })

  it('of type DS comes from above the cut', () => {
    const ds = makeRRset(n('example.'), RrType.DS, RrClass.IN, 300, [dsOf('example.', key)])
    expect(judge(signed(ds, key, 'example.'))).toMatchObject({ kind: 'bogus' })
    expect(judge(signed(ds, key, '.'), [key], '.')).toMatchObject({ kind: 'valid' })
  })

  it('does not outlive its signature, its original TTL or its TTL', () => {
    expect(judge(withTtl(signed(www, key, 'example.', { originalTtl: 300 }), 200))).toMatchObject({ ttl: 200 })
    expect(judge(withTtl(signed(www, key, 'example.', { originalTtl: 100 }), 200))).toMatchObject({ ttl: 100 })
    expect(judge(signed(www, key, 'example.', { expiration: NOW + 50 }))).toMatchObject({ ttl: 50, expires: NOW + 50 })
    expect(judge(signed(www, key, 'example.', { expiration: NOW, inception: NOW }))).toMatchObject({
      kind: 'valid',
      ttl: 0,
    })
  })

  it('times are serial numbers: a signature over the year 2106 holds (RFC 1982)', () => {
    const wrap = 2 ** 32
    const set = signed(www, key, 'example.', { inception: wrap - 100, expiration: 100 })
    expect(judge(set, [key], 'example.', wrap + 10)).toMatchObject({ kind: 'valid', expires: wrap + 100, ttl: 90 })
    expect(judge(set, [key], 'example.', wrap + 101)).toMatchObject({ ede: 7 })
    expect(judge(set, [key], 'example.', wrap - 101)).toMatchObject({ ede: 8 })
  })

  it('names in RDATA are folded for the types of RFC 4034 and left alone for NSEC (RFC 6840 section 5.1)', () => {
    const ns = (text: string): RRset =>
      makeRRset(n('example.'), RrType.NS, RrClass.IN, 300, [Buffer.from(text, 'latin1')])
    expect(judge({ ...signed(ns('\x02ns\x00'), key, 'example.'), rdatas: ns('\x02NS\x00').rdatas })).toMatchObject({
      kind: 'valid',
    })
    const upper = nsecRdata(n('a.example.'), [1])
    upper[1] = 0x41
    const set = makeRRset(n('example.'), RrType.NSEC, RrClass.IN, 300, [nsecRdata(n('a.example.'), [1])])
    expect(judge({ ...signed(set, key, 'example.'), rdatas: [upper] })).toMatchObject({ kind: 'bogus' })
  })

  it('of a disallowed algorithm is not believed', () => {
    expect(
      judge(signed(www, key, 'example.'), [key], 'example.', NOW, rulesWith({ disallowedAlgorithms: new Set([13]) })),
    ).toMatchObject({ kind: 'bogus', ede: 10 })
  })
})

describe('several signatures', () => {
  const good = signature(www, key, 'example.')
  const expired = signature(www, key, 'example.', { expiration: NOW - 1 })
  const unknown = signature(www, makeKey(), 'example.')
  it.each<[string, readonly Uint8Array[]]>([
    ['expired, unknown key, good', [expired, unknown, expired, unknown, good]],
    ['another algorithm first', [signature(www, key, 'example.', { algorithm: 200 }), good]],
    ['by both keys of a roll-over', [signature(www, other, 'example.'), good]],
    [
      'a forged one by the other key first',
      [
        signature({ ...www, ttl: 1 }, other, 'example.').map((octet, i, all) =>
          i === all.length - 1 ? octet ^ 1 : octet,
        ),
        good,
      ],
    ],
  ])('%s: valid', (_, signatures) => {
    expect(judge({ ...www, signatures }, [key, other])).toMatchObject({ kind: 'valid' })
  })

  it('the complaint that came furthest is told', () => {
    expect(judge({ ...www, signatures: [unknown, expired, Uint8Array.of(1)] })).toMatchObject({ ede: 7 })
    expect(judge({ ...www, signatures: [Uint8Array.of(1), unknown] })).toMatchObject({ ede: 9 })
  })
})

describe('signatures that go on with a set', () => {
  const good = signature(www, key, 'example.')
  const junk = (labels: number): Uint8Array => signature(www, makeKey(), 'example.', { labels })
  const p384 = makeKey(257, 3, 14)
  it.each<[string, RRset, readonly MadeKey[], readonly Uint8Array[]]>([
    ['one', { ...www, signatures: [good] }, [key], [good]],
    [
      'not those of unknown keys that count fewer labels',
      { ...www, signatures: [junk(1), good, junk(0)] },
      [key],
      [good],
    ],
    [
      'not a second one by the same key',
      { ...www, signatures: [good, signature(www, key, 'example.', { originalTtl: 300, expiration: NOW + 9 })] },
      [key],
      [good],
    ],
    [
      'not a second key of the same algorithm',
      { ...www, signatures: [good, signature(www, other, 'example.')] },
      [key, other],
      [good],
    ],
    [
      'one of a wildcard does not go with one of the name',
      { ...www, signatures: [good, signature(www, p384, 'example.', { labels: 1 })] },
      [key, p384],
      [good],
    ],
  ])('%s', (_, set, keys, kept) => {
    const verdict = judge(set, keys)
    expect(verdict.kind === 'valid' ? verdict.signatures : verdict).toEqual(kept)
  })

  it('one of each algorithm, which a validator behind us may know alone', () => {
    const both = [good, signature(www, p384, 'example.')]
    const verdict = judge({ ...www, signatures: both }, [key, p384])
    expect(verdict.kind === 'valid' ? verdict.signatures : verdict).toEqual(both)
  })

  it('over keys those of each key that verify, a revoked one among them (RFC 5011 section 2.1)', () => {
    const revoked = withFlags(makeKey(257), 0x181)
    const zsk = makeKey(256)
    const set = keySet('example.', key, revoked, zsk)
    const made = [key, revoked, zsk].map(by => signature(set, by, 'example.'))
    const forged = signature(set, makeKey(257), 'example.')
    const verdict = verifyKeys(
      { ...set, signatures: [forged, ...made] },
      { ds: [dsOf('example.', key)], keys: [] },
      rules,
      NOW,
      purse(),
    )
    expect(verdict.kind === 'secure' ? verdict.signatures : verdict).toEqual(made)
  })
})

describe('KeyTrap (CVE-2023-50387)', () => {
  const flip = (rdata: Uint8Array, i: number): Uint8Array =>
    rdata.map((octet, at) => (at === rdata.length - 1 - (i % 60) ? octet ^ (1 + (i % 255)) : octet))
  const bad = Array.from({ length: 1_000 }, (_, i) => flip(signature(www, key, 'example.', { originalTtl: i + 1 }), i))

  it('a thousand bad signatures of one key cost one verification', () => {
    const work = purse()
    expect(
      verifyRRset({ ...www, signatures: bad }, readKeys(keySet('example.', key), rules.limits), rules, NOW, work),
    ).toMatchObject({ kind: 'bogus', ede: 6 })
    expect(work.verifications).toBe(1)
  })

  /** Keys of one tag: the 16-bit words of the public key change places in pairs. */
  const colliding = (count: number): Uint8Array[] =>
    Array.from({ length: count }, (_, i) => {
      const octets = new Uint8Array(64).fill(1)
      octets[0] = i & 0xff
      octets[1] = i >> 8
      octets[2] = 0xff - (i & 0xff)
      octets[3] = 0xff - (i >> 8)
      return dnskeyRdata({ flags: 257, protocol: 3, algorithm: 13, publicKey: octets })
    })

  it('five hundred keys of one tag cost what two cost, though their octets are no keys (CVE-2025-8677)', () => {
    const set = makeRRset(n('example.'), RrType.DNSKEY, RrClass.IN, 300, colliding(500))
    const keys = readKeys(set, rules.limits)
    expect(keys.keys.length).toBe(rules.limits.keysPerZone)
    const tag = keys.keys[0]?.tag ?? 0
    expect(keys.keys.every(one => one.tag === tag)).toBe(true)
    const work = purse()
    const signatures = Array.from({ length: 100 }, (_, i) => signature({ ...www, ttl: i }, { ...key, tag }, 'example.'))
    expect(verifyRRset({ ...www, signatures }, keys, rules, NOW, work)).toMatchObject({ kind: 'bogus', ede: 6 })
    expect(work.verifications).toBe(rules.limits.keysPerTag * rules.limits.signaturesPerRRset)
    const again = purse()
    const ds = keys.keys.map(one => dsOf('example.', { ...key, rdata: one.rdata, tag }))
    expect(verifyKeys({ ...set, signatures }, { ds, keys: [] }, rules, NOW, again)).toMatchObject({ kind: 'bogus' })
    expect(again.verifications).toBeLessThanOrEqual(rules.limits.keysPerTag * rules.limits.signaturesPerRRset)
  })

  it('a limit of the query ends the work before the key is used', () => {
    const set = signed(www, key, 'example.')
    expect(verifyRRset(set, readKeys(keySet('example.', key), rules.limits), rules, NOW, purse(0))).toEqual({
      kind: 'limit',
      text: 'no verifications left',
    })
  })
})

describe('the keys of a zone', () => {
  const zsk = makeKey(256)
  const set = keySet('example.', key, zsk)
  const bySelf = signed(set, key, 'example.')
  const ds = dsOf('example.', key)
  const check = (dnskeys: RRset, trusted: readonly Uint8Array[], asked = rules, anchors: readonly Uint8Array[] = []) =>
    verifyKeys(dnskeys, { ds: trusted, keys: anchors }, asked, NOW, purse())

  it('are secure by a DS of each digest, and by a DNSKEY anchor', () => {
    for (const digestType of [1, 2, 4])
      expect(check(bySelf, [dsOf('example.', key, digestType)])).toMatchObject({
        kind: 'secure',
        keyTag: key.tag,
        ttl: 3_600,
      })
    const verdict = check(bySelf, [], rules, [key.rdata])
    expect(verdict).toMatchObject({ kind: 'secure' })
    if (verdict.kind === 'secure')
      expect(verifyRRset(signed(www, zsk, 'example.'), verdict.keys, rules, NOW, purse())).toMatchObject({
        kind: 'valid',
        keyTag: zsk.tag,
      })
  })

  it.each<[string, RRset, readonly Uint8Array[], number]>([
    ['no key is named by the DS', bySelf, [dsOf('example.', other)], 9],
    ['the DS is of the same tag and another key', bySelf, [dsOf('example.', { ...other, tag: key.tag })], 9],
    ['the DS is of another zone', bySelf, [dsOf('elsewhere.', key)], 9],
    ['the digest is cut short', bySelf, [ds.subarray(0, 20)], 9],
    ['signed by a key beside the named one only', signed(set, zsk, 'example.'), [ds], 10],
    ['not signed', set, [ds], 10],
    ['expired', signed(set, key, 'example.', { expiration: NOW - 1 }), [ds], 7],
    ['a key was slipped in', { ...bySelf, rdatas: [...set.rdatas, other.rdata] }, [ds], 6],
    [
      'the named key is no zone key',
      signed(keySet('example.', withFlags(key, 1)), withFlags(key, 1), 'example.'),
      [dsOf('example.', withFlags(key, 1))],
      11,
    ],
    [
      'the named key is revoked',
      signed(keySet('example.', withFlags(key, 0x181)), withFlags(key, 0x181), 'example.'),
      [dsOf('example.', withFlags(key, 0x181))],
      10,
    ],
    ['the set was made from a wildcard', signed(set, key, 'example.', { labels: 0 }), [ds], 6],
    ['no DS can be read', bySelf, [Uint8Array.of(1, 2)], 6],
    ['nothing is trusted', bySelf, [], 6],
  ])('bogus: %s', (_, dnskeys, trusted, ede) => {
    expect(check(dnskeys, trusted)).toMatchObject({ kind: 'bogus', ede })
  })

  it('insecure only when nothing named is supported and allowed', () => {
    expect(check(bySelf, [dsOf('example.', key, 2, { algorithm: 200 })])).toMatchObject({
      kind: 'insecure',
      note: { ede: 1 },
    })
    expect(check(bySelf, [dsOf('example.', key, 3)])).toMatchObject({ kind: 'insecure', note: { ede: 2 } })
    expect(check(bySelf, [ds], rulesWith({ disallowedAlgorithms: new Set([13]) }))).toMatchObject({
      kind: 'insecure',
      note: { ede: 1, text: expect.stringContaining('ECDSAP256SHA256') },
    })
    expect(check(bySelf, [dsOf('example.', key, 1)], rulesWith({ disallowedDigests: new Set([1]) }))).toMatchObject({
      kind: 'insecure',
      note: { ede: 2 },
    })
  })

  it('are not downgraded: one supported DS, wherever it stands, must validate', () => {
    const unsupported = Array.from({ length: 50 }, (_, i) =>
      dsOf('example.', { ...key, tag: i }, 2, { algorithm: 200 }),
    )
    const wrong = dsOf('example.', other)
    expect(check(bySelf, [...unsupported, wrong])).toMatchObject({ kind: 'bogus' })
    expect(check(bySelf, [...unsupported, ds])).toMatchObject({ kind: 'secure' })
  })

  it('SHA-1 does not count beside SHA-256 (RFC 4509 section 3)', () => {
    expect(check(bySelf, [dsOf('example.', key, 1), dsOf('example.', { ...other, tag: key.tag })])).toMatchObject({
      kind: 'bogus',
    })
    expect(check(bySelf, [dsOf('example.', key, 1), dsOf('example.', { ...other, tag: key.tag }, 3)])).toMatchObject({
      kind: 'secure',
    })
  })

  it('DS records that cannot match cost nothing of the limit', () => {
    const many = Array.from({ length: 100 }, (_, i) => dsOf('example.', { ...key, tag: (key.tag + 1 + i) & 0xffff }))
    expect(check(bySelf, [...many, ds])).toMatchObject({ kind: 'secure' })
  })

  it('a protocol other than 3 is no key', () => {
    const odd = makeKey(257, 2)
    expect(check(signed(keySet('example.', odd), odd, 'example.'), [dsOf('example.', odd)])).toMatchObject({
      kind: 'bogus',
      ede: 9,
    })
  })

  it('a revoked key signs nothing but its own revocation (RFC 5011 section 2.1)', () => {
    const revoked = withFlags(key, 0x181)
    const revocation = signed(keySet('example.', revoked, other), revoked, 'example.')
    expect(verifySignedBy(revocation, revoked.rdata, rules, NOW, purse())).toMatchObject({ kind: 'valid' })
    expect(
      verifySignedBy(signed(keySet('example.', revoked, other), other, 'example.'), revoked.rdata, rules, NOW, purse()),
    ).toMatchObject({ kind: 'bogus' })
  })
})

describe('whatever the octets', () => {
  const runs = process.env.ROOTWALK_LONG === '1' ? 20_000 : 300
  const set = signed(a('www.example.', 1, 2), key, 'example.')
  const dnskeys = signed(keySet('example.', key), key, 'example.')
  const ds = dsOf('example.', key)

  it('a changed octet is never valid, and nothing throws', () => {
    const parts = [...set.rdatas, ...set.signatures]
    fc.assert(
      fc.property(fc.nat(parts.length - 1), fc.nat(200), fc.integer({ min: 1, max: 255 }), (part, place, change) => {
        const changed = parts.map((rdata, i) =>
          i === part ? rdata.map((octet, j) => (j === place % rdata.length ? octet ^ change : octet)) : rdata,
        )
        // The signer's name is the one part that is compared without its case.
        const signer =
          part === 2 && place % (parts[2]?.length ?? 1) >= 19 && place % (parts[2]?.length ?? 1) < 26 && change === 0x20
        const verdict = judge({ ...set, rdatas: changed.slice(0, 2), signatures: changed.slice(2) })
        expect(verdict.kind === 'valid').toBe(signer)
      }),
      { numRuns: runs },
    )
  })

  it('octets at random are bogus, and nothing throws', () => {
    const octets = fc.uint8Array({ maxLength: 120 })
    fc.assert(
      fc.property(octets, octets, octets, (one, two, three) => {
        expect(judge({ ...www, signatures: [one, rrsigRdata({ ...RRSIG, signature: two })] }).kind).toBe('bogus')
        expect(
          verifyKeys(
            { ...dnskeys, rdatas: [one, dnskeyRdata({ flags: 257, protocol: 3, algorithm: 8, publicKey: two })] },
            { ds: [ds, three], keys: [] },
            rules,
            NOW,
            purse(),
          ).kind,
        ).toBe('bogus')
      }),
      { numRuns: runs },
    )
  })
  const RRSIG = {
    covered: 1,
    algorithm: 13,
    labels: 2,
    originalTtl: 300,
    expiration: NOW + 10,
    inception: NOW - 10,
    keyTag: key.tag,
    signer: n('example.'),
    signature: new Uint8Array(0),
  }
})
