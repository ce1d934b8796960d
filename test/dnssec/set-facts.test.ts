import { describe, expect, test } from 'vitest'
import { rrsigRdata } from '../../src/dns/rdata-dnssec-make.ts'
import { makeRRset, type RRset } from '../../src/dns/rrset.ts'
import { EdeCode, RrClass, RrType } from '../../src/dns/types.ts'
import { isExpanded, isSynthesised, MAX_SIGNERS, signersOf, weaker } from '../../src/dnssec/set-facts.ts'
import type { Security } from '../../src/steps.ts'
import { n } from './signing.ts'

const { A, CNAME, DNAME, DS, NS } = RrType

const rrsig = (signer: string, labels: number): Uint8Array =>
  rrsigRdata({
    covered: A,
    algorithm: 13,
    labels,
    originalTtl: 300,
    inception: 0,
    expiration: 1,
    keyTag: 1,
    signer: n(signer),
    signature: Uint8Array.of(1),
  })

const set = (owner: string, type: number, ...signatures: readonly Uint8Array[]): RRset =>
  makeRRset(n(owner), type, RrClass.IN, 300, [Uint8Array.of(1, 2, 3, 4)], signatures)

const signedBy = (owner: string, type: number, ...signers: readonly string[]): RRset =>
  set(owner, type, ...signers.map((signer, at) => rrsig(signer, at)))

describe('signersOf', () => {
  test.each<[string, RRset, readonly string[]]>([
    ['none of a set without a signature', set('www.example.', A), []],
    ['the zone', signedBy('www.example.', A, 'example.'), ['example.']],
    ['the name itself, when it is a zone', signedBy('example.', NS, 'example.'), ['example.']],
    ['a zone once, however many signatures', signedBy('www.example.', A, 'example.', 'example.'), ['example.']],
    ['not a zone that the name is outside of', signedBy('www.example.', A, 'test.', 'example.'), ['example.']],
    ['not a zone below the name', signedBy('example.', A, 'www.example.'), []],
    ['of a DS set not the zone that it is of', signedBy('example.', DS, 'example.', '.'), ['.']],
    [
      'no more than are looked at',
      signedBy('a.b.example.', A, 'b.example.', 'example.', '.'),
      ['b.example.', 'example.'],
    ],
    ['no signature that cannot be read', set('www.example.', A, Uint8Array.of(0, 1, 13)), []],
  ])('names %s', (_, signed, signers) => {
    expect(signersOf(signed)).toEqual(signers.map(n))
    expect(signers.length).toBeLessThanOrEqual(MAX_SIGNERS)
  })
})

describe('isExpanded', () => {
  test.each<[string, RRset, boolean]>([
    ['a set without a signature', set('a.example.', A), false],
    ['a signature over all labels', set('a.example.', A, rrsig('example.', 2)), false],
    ['a signature over fewer labels', set('a.example.', A, rrsig('example.', 1)), true],
    ['one such signature of two', set('a.example.', A, rrsig('example.', 2), rrsig('example.', 1)), true],
    ['the wildcard itself, whose asterisk does not count', set('*.example.', A, rrsig('example.', 1)), false],
    ['a wildcard made by the one above', set('*.a.example.', A, rrsig('example.', 1)), true],
    ['a signature too short to have labels', set('a.example.', A, Uint8Array.of(0, 1, 13)), false],
  ])('%s', (_, signed, expanded) => {
    expect(isExpanded(signed)).toBe(expanded)
  })
})

describe('isSynthesised', () => {
  const dname = set('example.', DNAME, rrsig('example.', 1))
  test.each<[string, RRset, RRset | undefined, boolean]>([
    ['an unsigned CNAME after a DNAME', set('a.example.', CNAME), dname, true],
    ['a signed CNAME after a DNAME', set('a.example.', CNAME, rrsig('example.', 2)), dname, false],
    ['a CNAME after a CNAME', set('a.example.', CNAME), set('b.example.', CNAME), false],
    ['a CNAME that comes first', set('a.example.', CNAME), undefined, false],
    ['other data after a DNAME', set('a.example.', A), dname, false],
  ])('%s', (_, alias, before, made) => {
    expect(isSynthesised(alias, before)).toBe(made)
  })
})

test('the weaker of two securities is the one further from secure, whichever comes first', () => {
  const ladder: readonly Security[] = [
    { kind: 'bogus', ede: EdeCode.DnssecBogus, text: '' },
    { kind: 'indeterminate' },
    { kind: 'insecure' },
    { kind: 'secure' },
  ]
  for (const [low, weak] of ladder.entries())
    for (const strong of ladder.slice(low)) {
      expect(weaker(weak, strong)).toBe(weak)
      expect(weaker(strong, weak).kind).toBe(weak.kind)
    }
})
