/** What is kept after its TTL (RFC 8767) over a restart: it comes back within the rules that hold without one. */
import { describe, expect, test } from 'vitest'
import { createCaches, type Caches } from '../../../src/cache/caches.ts'
import type { Subject } from '../../../src/cache/snapshot/section.ts'
import { Trust } from '../../../src/cache/trust.ts'
import { RrType } from '../../../src/dns/types.ts'
import { a, limitsOf, n, q, SECURE, soa, UNJUDGED } from '../made.ts'
import { ALL, load, piecesOf, T0 } from './made.ts'

const NOW = 50
/** s of every TTL here, of the delegations, and how long data is kept after its TTL. */
const [TTL, LEASE, STALE] = [60, 600, 3_600]
const stale = limitsOf({ staleMs: STALE * 1_000 })

/** One set and one denial with the end of their delegation, one of each without. */
function learnt(limits = stale): Caches {
  const caches = createCaches(limits)
  const lease = T0 + LEASE * 1_000
  const trust = Trust.AuthoritativeAnswer
  caches.rrsets.put(a('leased.example.', TTL), trust, UNJUDGED, T0, [], lease)
  caches.rrsets.put(a('endless.example.', TTL), trust, UNJUDGED, T0)
  caches.negatives.putNxdomain(n('no.example.'), 1, soa('example.', TTL, TTL), [], SECURE, T0, lease)
  caches.negatives.putNodata(q('never.example.', RrType.MX), soa('example.', TTL, TTL), [], UNJUDGED, T0)
  return caches
}

interface Found {
  readonly alive: boolean
  /** Given in case the servers fail; the seconds that its delegation lasts, null for ever. */
  readonly expired: number | null | false
}

function found({ rrsets, negatives }: Caches): Record<string, Found> {
  const expired = (entry: { readonly leaseEndsAt: number } | undefined): Found['expired'] => {
    if (entry === undefined) return false
    const left = Math.round((entry.leaseEndsAt - NOW) / 1_000)
    return Number.isFinite(left) ? left : null
  }
  const set = (name: string): Found => ({
    alive: rrsets.get(n(name), RrType.A, 1, NOW) !== undefined,
    expired: expired(rrsets.expired(n(name), RrType.A, 1, NOW)),
  })
  const denial = (name: string, type: number): Found => ({
    alive: negatives.find(q(name, type), NOW) !== undefined,
    expired: expired(negatives.expired(q(name, type), NOW)),
  })
  return {
    leased: set('leased.example.'),
    endless: set('endless.example.'),
    no: denial('no.example.', RrType.A),
    never: denial('never.example.', RrType.MX),
  }
}

const none: Found = { alive: false, expired: false }
const alive: Found = { alive: true, expired: false }
const over = (seconds: number | null): Found => ({ alive: false, expired: seconds })

interface Row {
  /** When the snapshot is taken, s after it was learnt; the same until it is read. */
  readonly takenS: number
  readonly ageS: number
  readonly expected: Record<string, Found>
  readonly before?: ReturnType<typeof limitsOf>
  readonly after?: ReturnType<typeof limitsOf>
  readonly allowed?: ReadonlySet<Subject>
}

const withoutStale: ReadonlySet<Subject> = new Set([...ALL].filter(subject => subject !== 'stale'))
const allOf = (leased: Found, endless: Found): Record<string, Found> => ({
  leased,
  endless,
  no: leased,
  never: endless,
})

describe('data and denials kept for serve-stale', () => {
  test.each<[string, Row]>([
    ['live on', { takenS: 0, ageS: 30, expected: allOf(alive, alive) }],
    ['expire while the server is down', { takenS: 30, ageS: 60, expected: allOf(over(510), over(null)) }],
    ['had expired before it ended', { takenS: 90, ageS: 10, expected: allOf(over(500), over(null)) }],
    ['do not outlive their delegation', { takenS: 90, ageS: 600, expected: allOf(none, over(null)) }],
    ['whose delegation had ended are not written', { takenS: 700, ageS: 1, expected: allOf(none, over(null)) }],
    ['do not outlive the time that they are kept', { takenS: 90, ageS: STALE, expected: allOf(none, none) }],
    [
      'are held to a shorter time of today',
      { takenS: 90, ageS: 10, after: limitsOf({ staleMs: 20_000 }), expected: allOf(none, none) },
    ],
    ['are left out when it was switched off', { takenS: 90, ageS: 0, after: limitsOf(), expected: allOf(none, none) }],
    [
      'live when it was switched off, to the end of their TTL',
      { takenS: 30, ageS: 0, after: limitsOf(), expected: allOf(alive, alive) },
    ],
    [
      'live when it was switched on',
      { takenS: 30, ageS: 10, before: limitsOf(), allowed: withoutStale, expected: allOf(alive, alive) },
    ],
    [
      'are not given when it was switched on and nothing is known of their delegation',
      { takenS: 30, ageS: 90, before: limitsOf(), allowed: withoutStale, expected: allOf(none, none) },
    ],
  ])('%s', (_, { takenS, ageS, expected, before = stale, after = stale, allowed = ALL }) => {
    const file = Uint8Array.from(Buffer.concat(piecesOf(learnt(before), T0 + takenS * 1_000)))
    const { caches, totals } = load(file, { caches: createCaches(after), ageMs: ageS * 1_000, allowed })
    expect(found(caches)).toEqual(expected)
    expect(totals.brokenBlocks).toBe(0)
  })

  test('give way to a newer word that came since the start', () => {
    const file = Uint8Array.from(Buffer.concat(piecesOf(learnt(), T0 + 90_000)))
    const caches = createCaches(stale)
    caches.rrsets.put(a('leased.example.', 10, 9), Trust.AuthoritativeAnswer, UNJUDGED, 20)
    load(file, { caches, ageMs: 1_000 })
    expect(caches.rrsets.get(n('leased.example.'), RrType.A, 1, NOW)?.rrset.rdatas[0]?.[3]).toBe(9)
  })
})
