import { describe, expect, test } from 'vitest'
import { createCaches, type Caches } from '../../src/cache/caches.ts'
import { Trust } from '../../src/cache/trust.ts'
import { TtlBounds } from '../../src/cache/ttl.ts'
import { parseIp } from '../../src/dns/address.ts'
import { nameRdata } from '../../src/dns/rdata.ts'
import { makeRRset, type RRset } from '../../src/dns/rrset.ts'
import { RrClass, RrType } from '../../src/dns/types.ts'
import { defaultLimits } from '../../src/limits.ts'
import type { ZoneCut } from '../../src/resolver/env.ts'
import { remember, rememberReferral } from '../../src/resolver/remember.ts'
import { outcomeOf, withoutValidation, type FinalVerdict, type Judged } from '../../src/resolver/validation/judged.ts'
import type { Security } from '../../src/steps.ts'
import { a, INSECURE, n, q, SECURE, seconds, set, T0, UNJUDGED } from '../cache/made.ts'

const limits = { ...defaultLimits, cache: { ...defaultLimits.cache, minTtl: 10, maxTtl: 1_000 } }
const clock = { now: () => T0 }
const open = (): { caches: Caches; clock: typeof clock; limits: typeof limits } => ({
  caches: createCaches(limits.cache),
  clock,
  limits,
})

const cname = (owner: string, target: string, ttl = 300): RRset =>
  makeRRset(n(owner), RrType.CNAME, RrClass.IN, ttl, [nameRdata(n(target))])
const answer = (rrset: RRset, ...aliases: readonly RRset[]): FinalVerdict => ({
  kind: 'answer',
  chain: { aliases, name: rrset.name, final: rrset, error: null, steps: aliases.length },
  rrset,
  proof: [],
  authoritative: true,
  lastResort: false,
})
const judged = (verdict: FinalVerdict, end: Security, ...aliases: readonly Security[]): Judged => ({
  ...withoutValidation(verdict),
  aliases: verdict.chain.aliases.map((alias, at) => ({ set: alias, security: aliases[at] ?? UNJUDGED })),
  end,
})

const LEASE = Number.POSITIVE_INFINITY

describe('a referral', () => {
  const cutOf = (expiresAt: number): ZoneCut => ({ zone: n('.'), servers: [], ds: null, expiresAt, from: 'referral' })
  const servers = [{ name: n('ns.example.'), addresses: [parseIp('192.0.2.1') ?? expect.fail()] }]

  test.each<[string, number, number, number]>([
    ['ends with its TTL', 300, Number.POSITIVE_INFINITY, 300],
    ['ends with the delegation that it was reached through', 300, T0 + seconds(60), 60],
    ['has no more than the greatest TTL', 86_400, Number.POSITIVE_INFINITY, 1_000],
    ['has no less than the smallest TTL', 1, Number.POSITIVE_INFINITY, 10],
    ['does not outlive its parent by the smallest TTL', 1, T0 + seconds(5), 5],
  ])('%s, in the cache and in the walk', (_, ttl, parentEnd, left) => {
    const env = open()
    const cut = rememberReferral(env, cutOf(parentEnd), { zone: n('example.'), servers, ds: null, proof: [], ttl })
    expect(cut).toEqual({ zone: n('example.'), servers, ds: null, expiresAt: T0 + seconds(left), from: 'referral' })
    expect(env.caches.delegations.get(n('example.'), T0)?.expiresAt).toBe(cut.expiresAt)
  })
})

describe('a verdict', () => {
  const chain = [cname('a.example.', 'b.example.'), cname('b.example.', 'c.example.')]
  const verdict = answer(a('c.example.'), ...chain)

  test('is remembered with the security of each of its sets', () => {
    const env = open()
    remember(env, q('a.example.'), judged(verdict, INSECURE, SECURE, INSECURE), LEASE)
    const kept = (name: string, type: number): unknown => env.caches.rrsets.get(n(name), type, RrClass.IN, T0)?.security
    expect(kept('a.example.', RrType.CNAME)).toEqual(SECURE)
    expect(kept('b.example.', RrType.CNAME)).toEqual(INSECURE)
    expect(kept('c.example.', RrType.A)).toEqual(INSECURE)
  })

  test('that was not validated is remembered as indeterminate, all of it', () => {
    const env = open()
    remember(env, q('a.example.'), withoutValidation(verdict), LEASE)
    for (const { name, type } of [...chain, a('c.example.')])
      expect(env.caches.rrsets.get(name, type, RrClass.IN, T0)?.security).toEqual(UNJUDGED)
  })

  test('is remembered with less trust after its first alias', () => {
    const env = open()
    remember(env, q('a.example.'), withoutValidation(verdict), LEASE)
    const trusts = [...chain, a('c.example.')].map(
      ({ name, type }) => env.caches.rrsets.get(name, type, RrClass.IN, T0)?.trust,
    )
    const { AuthoritativeAnswer, NonAuthoritativeAnswer } = Trust
    expect(trusts).toEqual([AuthoritativeAnswer, NonAuthoritativeAnswer, NonAuthoritativeAnswer])
  })

  test('is remembered without the CNAME that a DNAME makes', () => {
    const env = open()
    const dname = makeRRset(n('example.'), RrType.DNAME, RrClass.IN, 300, [nameRdata(n('test.'))])
    remember(
      env,
      q('a.example.'),
      withoutValidation(answer(a('a.test.'), dname, cname('a.example.', 'a.test.'))),
      LEASE,
    )
    expect(env.caches.rrsets.get(n('example.'), RrType.DNAME, RrClass.IN, T0)).toBeDefined()
    expect(env.caches.rrsets.get(n('a.example.'), RrType.CNAME, RrClass.IN, T0)).toBeUndefined()
  })

  test.each<[string, Judged, Security]>([
    ['one set', judged(answer(a('c.example.')), SECURE), SECURE],
    ['a chain, all secure', judged(verdict, SECURE, SECURE, SECURE), SECURE],
    ['a chain with one insecure alias', judged(verdict, SECURE, SECURE, INSECURE), INSECURE],
    ['a chain with an insecure end', judged(verdict, INSECURE, SECURE, SECURE), INSECURE],
    ['a chain that was not validated', withoutValidation(verdict), UNJUDGED],
  ])('is as secure as its worst part: %s', (_, given, security) => {
    expect(outcomeOf(given, new TtlBounds(limits.cache))).toMatchObject({ kind: 'answer', security })
  })

  test('becomes an outcome with bounded TTLs in every set', () => {
    const outcome = outcomeOf(
      withoutValidation(answer(a('b.example.', 5), cname('a.example.', 'b.example.', 86_400))),
      new TtlBounds(limits.cache),
    )
    expect(outcome.rrsets.map(({ ttl }) => ttl)).toEqual([1_000, 10])
    expect(outcomeOf(withoutValidation(answer(a('b.example.', 5))), new TtlBounds(limits.cache)).rrsets[0]?.ttl).toBe(
      10,
    )
  })

  test('with a chain that cannot be followed becomes a failure that shows the chain', () => {
    const trouble: FinalVerdict = {
      kind: 'alias-trouble',
      chain: { aliases: chain, name: n('a.example.'), final: null, error: 'loop', steps: 2 },
      error: 'loop',
      proof: [],
      authoritative: true,
      lastResort: false,
    }
    expect(outcomeOf(withoutValidation(trouble), new TtlBounds(limits.cache))).toMatchObject({
      kind: 'failure',
      why: 'alias-chain',
      rrsets: chain,
    })
  })
})

test('a set with a TTL of 0 goes to the client and not into the cache', () => {
  const env = { ...open(), limits: defaultLimits, caches: createCaches(defaultLimits.cache) }
  const given = withoutValidation(answer(set('z.example.', RrType.A, 0, [192, 0, 2, 1])))
  remember(env, q('z.example.'), given, LEASE)
  expect(env.caches.rrsets.size).toBe(0)
  expect(outcomeOf(given, new TtlBounds(defaultLimits.cache)).rrsets[0]?.ttl).toBe(0)
})
