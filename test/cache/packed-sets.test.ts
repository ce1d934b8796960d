/** What is packed into one string comes out again, whatever lies beside it. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  countSets,
  expiresAt,
  findSet,
  leaseEndsAt,
  nextSet,
  securityAt,
  SetPacker,
  storedAt,
  trustAt,
  ttlAt,
  typeAt,
  unpackSet,
  withoutSet,
  type SetToPack,
} from '../../src/cache/packed-sets.ts'
import { Trust } from '../../src/cache/trust.ts'
import { trustWireName } from '../../src/dns/name.ts'
import { EdeCode, RrClass } from '../../src/dns/types.ts'
import { limitsOf, n, set } from './made.ts'

const runs = { numRuns: process.env.ROOTWALK_LONG === undefined ? 100 : 10_000, seed: 7 }
const NAME = n('www.example.')

const rdata = fc.uint8Array({ maxLength: 70 })
const records = fc.array(rdata, { maxLength: 4 })
const owner = fc.constantFrom(NAME, trustWireName('\x03wWw\x07Example\x00'))
const klass = fc.constantFrom<number>(RrClass.IN, RrClass.CH, 65_535)
const ede = fc.constantFrom(...Object.values(EdeCode))
const text = fc.string({ unit: 'binary', maxLength: 300 })
const security = fc.oneof(
  fc.constantFrom({ kind: 'secure' as const }, { kind: 'insecure' as const }, { kind: 'indeterminate' as const }),
  fc.record({ kind: fc.constant('bogus' as const), ede, text }),
  fc.record({ kind: fc.constant('insecure' as const), note: fc.record({ ede, text }) }),
)
const proofSet = fc
  .record({
    owner: fc.constantFrom(n('.'), n('a.example.')),
    type: fc.nat(65_535),
    class: klass,
    rdatas: records,
    signatures: records,
  })
  .map(made => ({ ...made, name: made.owner, ttl: 300 }))
const one = (type: number): fc.Arbitrary<SetToPack> =>
  fc
    .record({
      rrset: fc.record({
        owner,
        name: fc.constant(NAME),
        type: fc.constant(type),
        class: klass,
        ttl: fc.constant(0),
        rdatas: records,
        signatures: records,
      }),
      trust: fc.constantFrom(...Object.values(Trust)),
      security,
      proof: fc.array(proofSet, { maxLength: 3 }),
      storedAt: fc.maxSafeNat(),
      ttl: fc.nat(2 ** 31 - 1),
      leaseEndsAt: fc.oneof(
        fc.constant(Number.POSITIVE_INFINITY),
        fc.nat(2 ** 31 - 1),
        fc.constant(-(2 ** 40)),
        fc.constant(2 ** 47 - 1),
      ),
    })
    .map(made => ({ ...made, storedAt: (made.storedAt % 2 ** 47) - 2 ** 40 }))

/** All that is in a string, in its order. */
function listed(sets: string): unknown[] {
  const found: unknown[] = []
  for (let at = 0; at < sets.length; at = nextSet(sets, at)) {
    found.push({
      ...unpackSet(sets, at, NAME),
      trust: trustAt(sets, at),
      security: securityAt(sets, at),
      storedAt: storedAt(sets, at),
      leaseEndsAt: leaseEndsAt(sets, at),
      ttl: ttlAt(sets, at),
      ends: expiresAt(sets, at),
    })
  }
  return found
}

const asListed = ({ rrset, proof, ttl, ...rest }: SetToPack): unknown => ({
  ...rest,
  ttl,
  ends: rest.storedAt + ttl * 1_000,
  rrset: { ...rrset, ttl },
  proof: proof.map(each => ({ ...each, ttl })),
})

describe('sets of one name in a string', () => {
  it('come out as they went in, the last one first, and each can be taken out', () => {
    const packer = new SetPacker()
    fc.assert(
      fc.property(fc.tuple(one(1), one(28), one(65_280)), given => {
        const sets = given.reduce((others, each) => packer.pack(each, others), '')
        const wanted = given.map(asListed).reverse()
        expect(listed(sets)).toEqual(wanted)
        expect(countSets(sets)).toBe(3)
        for (const { rrset } of given) {
          const at = findSet(sets, rrset.type, rrset.class)
          expect(typeAt(sets, at)).toBe(rrset.type)
          expect(findSet(sets, rrset.type, rrset.class ^ 2)).toBe(-1)
          expect(listed(withoutSet(sets, at))).toEqual(wanted.filter((_, index) => given[2 - index]?.rrset !== rrset))
        }
      }),
      runs,
    )
  })

  it('take the room that a bound of the cache allows, and more than the packer had at first', () => {
    const packer = new SetPacker()
    const large = set('www.example.', 16, 300, Array<number>(limitsOf().entryBytes).fill(7))
    const packed = {
      rrset: large,
      trust: Trust.AuthoritativeAnswer,
      security: { kind: 'secure' },
      proof: [large, large],
      storedAt: 1,
      ttl: 300,
      leaseEndsAt: Number.POSITIVE_INFINITY,
    } as const
    expect(listed(packer.pack({ ...packed, rrset: { ...large, type: 99 } }, packer.pack(packed, '')))).toHaveLength(2)
    expect(unpackSet(packer.pack(packed, ''), 0, NAME)).toEqual({ rrset: large, proof: [large, large] })
  })

  it('have a name with memory of its own', () => {
    const packer = new SetPacker()
    expect(packer.ownName(NAME)).toBe(NAME)
    expect(packer.ownName(n('.'))).toBe('\0')
  })
})
