/**
 * Automatic updates of trust anchors (RFC 5011): what a trust point knows of each key, and what a DNSKEY set that was
 * seen changes about it. Pure: whether the set validates is found out in `anchor-evidence.ts`, the text of the state is
 * in `anchor-state.ts`, and who asks when and who writes the file is the program's business.
 *
 * Invariants: a key is added only after every validated set contained it for the whole add hold-down; time without a
 * check counts at most as one longest interval between two checks, and a check never counts twice (a clock that jumps,
 * an old state file or a repeated set shorten nothing); what was revoked is never trusted again, whatever the
 * configuration says.
 */
import type { Name } from '../dns/name.ts'
import { sameBytes } from '../dns/rrset.ts'
import type { DnssecLimits } from '../limits.ts'
import { matchesDs, type KeysSeen } from './anchor-evidence.ts'
import type { TrustAnchor } from './trust-anchors.ts'

/** RFC 5011 section 4.1, without Start: a key in Start is not in the list. */
export type KeyState = 'add-pending' | 'valid' | 'missing' | 'revoked' | 'removed'

export interface ManagedKey {
  /** DNSKEY RDATA; the REVOKE bit is never set in it. */
  readonly rdata: Uint8Array
  readonly state: KeyState
  /** Trusted because it was configured, or because the roll was followed. */
  readonly origin: 'configured' | 'learnt'
  /** Seconds since 1970 when it came into its state. */
  readonly since: number
  /** Seconds of the add hold-down that have passed, and that must pass. */
  readonly held: number
  readonly hold: number
}

export interface ManagedPoint {
  readonly name: Name
  readonly keys: readonly ManagedKey[]
  /** Seconds since 1970 of the latest validated set, 0 when there was none. */
  readonly seenAt: number
}

export interface KeyChange {
  readonly rdata: Uint8Array
  readonly from: KeyState | 'start'
  readonly to: KeyState | 'start'
}

export interface Observed {
  readonly point: ManagedPoint
  readonly changes: readonly KeyChange[]
}

export const newPoint = (name: Name): ManagedPoint => ({ name, keys: [], seenAt: 0 })

/** The state after a set was seen at `now`, seconds since 1970 (RFC 5011 section 4). */
export function observe(
  point: ManagedPoint,
  configured: TrustAnchor,
  seen: KeysSeen,
  now: number,
  limits: DnssecLimits,
): Observed {
  const after = revoke(stillConfigured(point.keys, configured), configured, seen.revoked, now)
  if (seen.keys === null) return { point: { ...point, keys: after }, changes: changesBetween(point.keys, after) }
  const present = seen.keys
  const passed = point.seenAt === 0 ? 0 : Math.min(Math.max(0, now - point.seenAt), limits.anchorQueryMost)
  const aged = after.flatMap(key =>
    age(key, isIn(present, key.rdata), isConfigured(key.rdata, configured), { now, passed, limits }),
  )
  const keys = withNew(aged, present, configured, {
    now,
    hold: Math.max(limits.addHoldDown, seen.originalTtl),
    max: limits.managedKeys,
  })
  return { point: { ...point, keys, seenAt: Math.max(point.seenAt, now) }, changes: changesBetween(point.keys, keys) }
}

/**
 * The keys trusted at a trust point now. No data at all means that it is no longer a trust point (RFC 5011 section 5).
 */
export function trustedAnchor(point: ManagedPoint, configured: TrustAnchor): TrustAnchor {
  const { name } = configured
  const gone = point.keys.filter(({ state }) => state === 'revoked' || state === 'removed').map(({ rdata }) => rdata)
  const good = stillConfigured(point.keys, configured)
    .filter(({ state }) => state === 'valid' || state === 'missing')
    .map(({ rdata }) => rdata)
  return {
    name,
    ds: configured.ds.filter(ds => !gone.some(key => matchesDs(name, key, ds))),
    keys: [...configured.keys.filter(key => !isIn(gone, key) && !isIn(good, key)), ...good],
  }
}

/**
 * Seconds until a trust point is looked at again (RFC 5011 section 2.3). `expiresIn` is what is left of the signature.
 */
export function refreshAfter(originalTtl: number, expiresIn: number, limits: DnssecLimits): number {
  return Math.max(
    limits.anchorQueryLeast,
    Math.min(limits.anchorQueryMost, Math.floor(originalTtl / 2), Math.floor(expiresIn / 2)),
  )
}

/** The same after a look that failed. */
export function retryAfter(originalTtl: number, expiresIn: number, limits: DnssecLimits): number {
  return Math.max(
    limits.anchorQueryLeast,
    Math.min(limits.anchorRetryMost, Math.floor(originalTtl / 10), Math.floor(expiresIn / 10)),
  )
}

const isConfigured = (key: Uint8Array, { name, ds, keys }: TrustAnchor): boolean =>
  isIn(keys, key) || ds.some(one => matchesDs(name, key, one))

const isIn = (keys: readonly Uint8Array[], key: Uint8Array): boolean => keys.some(other => sameBytes(other, key))

/** A key that was trusted because it was configured loses that trust when the operator removes it. */
const stillConfigured = (keys: readonly ManagedKey[], configured: TrustAnchor): readonly ManagedKey[] =>
  keys.filter(
    ({ rdata, state, origin }) =>
      origin === 'learnt' || state === 'revoked' || state === 'removed' || isConfigured(rdata, configured),
  )

/**
 * Only keys that are trusted can be revoked: of others nothing is remembered, or everybody could fill the list with
 * keys that sign themselves. One that waits for its hold-down is forgotten.
 */
function revoke(
  keys: readonly ManagedKey[],
  configured: TrustAnchor,
  revoked: readonly Uint8Array[],
  now: number,
): readonly ManagedKey[] {
  const known = keys.flatMap((key): ManagedKey[] => {
    if (!isIn(revoked, key.rdata) || key.state === 'revoked' || key.state === 'removed') return [key]
    return key.state === 'add-pending' && !isConfigured(key.rdata, configured)
      ? []
      : [{ ...key, state: 'revoked', since: now }]
  })
  const fresh = revoked.filter(
    rdata => isConfigured(rdata, configured) && !known.some(key => sameBytes(key.rdata, rdata)),
  )
  return [
    ...known,
    ...fresh.map(
      (rdata): ManagedKey => ({ rdata, state: 'revoked', origin: 'configured', since: now, held: 0, hold: 0 }),
    ),
  ]
}

interface Moment {
  readonly now: number
  /** Seconds that count towards a hold-down. */
  readonly passed: number
  readonly limits: DnssecLimits
}

/** One row of the table in RFC 5011 section 4.1; nothing when the key goes back to Start. */
function age(
  key: ManagedKey,
  present: boolean,
  configured: boolean,
  { now, passed, limits }: Moment,
): readonly ManagedKey[] {
  switch (key.state) {
    case 'add-pending': {
      if (!present) return []
      const held = key.held + passed
      return configured || held >= key.hold
        ? [{ ...key, state: 'valid', since: now, held, origin: configured ? 'configured' : 'learnt' }]
        : [{ ...key, held }]
    }
    case 'valid':
      return [present ? key : { ...key, state: 'missing', since: now }]
    case 'missing':
      return [present ? { ...key, state: 'valid', since: now } : key]
    case 'revoked':
      return [now - key.since >= limits.removeHoldDown ? { ...key, state: 'removed', since: now } : key]
    case 'removed':
      return [key]
    default:
      return key.state satisfies never
  }
}

/** Keys never seen before: trusted at once when configured, else their hold-down starts. */
function withNew(
  keys: readonly ManagedKey[],
  present: readonly Uint8Array[],
  configured: TrustAnchor,
  { now, hold, max: most }: { readonly now: number; readonly hold: number; readonly max: number },
): readonly ManagedKey[] {
  const list = [...keys]
  const add = (rdata: Uint8Array, trusted: boolean): void => {
    if (list.some(key => sameBytes(key.rdata, rdata))) return
    if (list.length >= most && !makeRoom(list, configured)) return
    list.push({
      rdata,
      state: trusted ? 'valid' : 'add-pending',
      origin: trusted ? 'configured' : 'learnt',
      since: now,
      held: 0,
      hold: trusted ? 0 : hold,
    })
  }
  for (const rdata of present) if (isConfigured(rdata, configured)) add(rdata, true)
  for (const rdata of present) add(rdata, false)
  return list
}

/** Forgets the key that was removed first, unless its anchor is still configured and would be trusted again. */
function makeRoom(list: ManagedKey[], configured: TrustAnchor): boolean {
  const index = list.findIndex(({ state, rdata }) => state === 'removed' && !isConfigured(rdata, configured))
  if (index >= 0) list.splice(index, 1)
  return index >= 0
}

function changesBetween(before: readonly ManagedKey[], after: readonly ManagedKey[]): readonly KeyChange[] {
  const stateIn = (keys: readonly ManagedKey[], rdata: Uint8Array): KeyState | 'start' =>
    keys.find(key => sameBytes(key.rdata, rdata))?.state ?? 'start'
  const all = [...before, ...after.filter(({ rdata }) => stateIn(before, rdata) === 'start')]
  return all
    .map(({ rdata }) => ({ rdata, from: stateIn(before, rdata), to: stateIn(after, rdata) }))
    .filter(({ from, to }) => from !== to)
}
