/**
 * RRsets by name, type and class, each with the trust it came with, what validation said, and when it expires. It
 * returns what is known, which is not always what may be sent to clients: callers check `trust` (`mayAnswer`). Referral
 * data does not belong here but in `delegations.ts`.
 *
 * Invariants: bounded in bytes; an entry is handed out at or after `expiresAt` by `expired` only, and only where
 * `staleMs` is not 0; what lives is replaced only as
 * `mayReplace` allows; at most `typesPerName` types of one name; nothing handed out or put in shares memory with an
 * entry.
 */
import { foldName, isWithin, trustWireName, type Name } from '../dns/name.ts'
import type { RRset } from '../dns/rrset.ts'
import { isMetaType, RrType } from '../dns/types.ts'
import type { WildcardSet } from '../dnssec/rules.ts'
import type { CacheLimits } from '../limits.ts'
import type { Security } from '../steps.ts'
import { dataBytes } from './packed.ts'
import {
  countSets,
  expiresAt,
  findSet,
  leaseEndsAt,
  nextSet,
  securityAt,
  SetPacker,
  type SetToPack,
  storedAt,
  trustAt,
  typeAt,
  unpackSet,
  withoutSet,
} from './packed-sets.ts'
import { ByteStore } from './store.ts'
import { mayReplace, type Standing, type Trust } from './trust.ts'
import { boundedTtl, isOfUse, TtlBounds, ttlLeft } from './ttl.ts'

/** `rrset.ttl` is the bounded TTL at `storedAt`; `storedAt` and `expiresAt` in ms of the monotonic clock. */
export interface CachedRRset {
  readonly rrset: RRset
  readonly trust: Trust
  readonly security: Security
  /** The NSEC or NSEC3 sets that a set expanded from a wildcard came with (RFC 4035 section 5.3.4). */
  readonly proof: readonly RRset[]
  readonly storedAt: number
  readonly expiresAt: number
}

/** One whose TTL is over, kept in case its servers fail (RFC 8767). */
export interface ExpiredRRset extends CachedRRset {
  /** When the delegation ends that it was found through: ms, Infinity for never. */
  readonly leaseEndsAt: number
}

/** Called for every set that was stored. */
export type StoredListener = (rrset: RRset, trust: Trust, security: Security) => void

/** The set with its TTL counted down by whole seconds. */
export const remaining = (entry: CachedRRset, now: number): RRset => ({
  ...entry.rrset,
  ttl: ttlLeft(entry.rrset.ttl, entry.storedAt, now),
})

/** The same of its proof, which lives as long as the set. */
export const remainingProof = ({ proof, storedAt }: CachedRRset, now: number): readonly RRset[] =>
  proof.length === 0 ? proof : proof.map(set => ({ ...set, ttl: ttlLeft(set.ttl, storedAt, now) }))

export class RRsetCache {
  readonly #limits: CacheLimits
  readonly #ttls: TtlBounds
  /**
   * By name, all its sets in one string (`packed-sets.ts`): they come and go together, and most names have one or two.
   */
  readonly #store: ByteStore<string>
  readonly #packer = new SetPacker()
  readonly #stored: StoredListener | undefined
  /**
   * The name last looked for in vain: a new question is looked up under its type and then as an alias, and each look-up
   * is a miss of the processor's caches.
   */
  #missing: Name | null = null
  #sets = 0
  /** How many of them are DNAME: they are looked for at every name above every question, and most caches hold none. */
  #dnames = 0

  /** `budget` in bytes. */
  constructor(limits: CacheLimits, budget: number, stored?: StoredListener, ttls: TtlBounds = new TtlBounds(limits)) {
    this.#limits = limits
    this.#ttls = ttls
    this.#stored = stored
    this.#store = new ByteStore<string>(
      budget,
      (sets, name) => limits.nameOverheadBytes + name.length + sets.length,
      sets => this.#count(sets, -1),
    )
  }

  get bytes(): number {
    return this.#store.bytes
  }

  /** Sets, not names. */
  get size(): number {
    return this.#sets
  }

  get(name: Name, type: number, klass: number, now: number): CachedRRset | undefined {
    if (type === RrType.DNAME && this.#dnames === 0) return undefined
    if (name === this.#missing) return undefined
    const sets = this.#store.get(name)
    if (sets === undefined) {
      this.#missing = name
      return undefined
    }
    const at = findSet(sets, type, klass)
    if (at < 0) return undefined
    const end = expiresAt(sets, at)
    if (end <= now) {
      if (end + this.#limits.staleMs <= now) this.#drop(name, sets, at)
      return undefined
    }
    return entryAt(sets, at, name)
  }

  /** A set whose TTL is over for no longer than `staleMs`, and whose delegation is not. Does not count as use. */
  expired(name: Name, type: number, klass: number, now: number): ExpiredRRset | undefined {
    const sets = this.#store.peek(name)
    const at = sets === undefined ? -1 : findSet(sets, type, klass)
    if (sets === undefined || at < 0) return undefined
    const end = expiresAt(sets, at)
    const lease = leaseEndsAt(sets, at)
    if (end > now || end + this.#limits.staleMs <= now || lease <= now) return undefined
    return { ...entryAt(sets, at, name), leaseEndsAt: lease }
  }

  /**
   * Stores a copy, with its TTL bounded, by those of its proof as well. False when it was not stored: its TTL is 0, it
   * is too large (PowerDNS's largest entry), something better lives there, its name has too many types (CVE-2024-1737),
   * or its type is not data. `leaseEndsAt` (ms) is when the delegation ends that it was found through.
   */
  put(
    rrset: RRset,
    trust: Trust,
    security: Security,
    now: number,
    proof: readonly RRset[] = NO_PROOF,
    leaseEndsAt: number = Number.POSITIVE_INFINITY,
  ): boolean {
    const ttl = boundedTtl(
      proof.reduce((least, set) => Math.min(least, set.ttl), rrset.ttl),
      this.#ttls.of(rrset.name),
      security.kind === 'secure',
    )
    if (ttl === 0 || rrset.rdatas.length === 0 || isMetaType(rrset.type)) return false
    return this.#keep({ rrset, trust, security, proof, storedAt: Math.floor(now), ttl, leaseEndsAt }, now)
  }

  /**
   * Takes over a set that another instance stored, as it stands there: its TTL is not raised again, and what lives here
   * stays. False when it was not stored.
   */
  takeOver(set: SetToPack, now: number): boolean {
    const { rrset, storedAt: stored } = set
    const ttl = Math.min(set.ttl, this.#ttls.of(rrset.name).maxTtl)
    if (stored > now || stored + ttl * 1_000 <= now || rrset.rdatas.length === 0 || isMetaType(rrset.type)) return false
    if (this.get(rrset.name, rrset.type, rrset.class, now) !== undefined) return false
    return this.#keep({ ...set, storedAt: Math.floor(stored), ttl }, now)
  }

  /** Its TTL is bounded and not 0. */
  #keep(set: SetToPack, now: number): boolean {
    const { rrset, trust, security, proof, storedAt: stored, ttl } = set
    if (proof.reduce((octets, each) => octets + dataBytes(each), dataBytes(rrset)) > this.#limits.entryBytes)
      return false
    const old = this.#store.peek(rrset.name)
    this.#missing = null
    const others =
      old === undefined ? '' : this.#others(old, rrset, { trust, security, expiresAt: stored + ttl * 1000 }, now)
    if (others === undefined) return false
    const keepsExpired = this.#limits.staleMs > 0
    const lease = keepsExpired ? Math.floor(set.leaseEndsAt) : Number.POSITIVE_INFINITY
    const sets = this.#packer.pack({ ...set, leaseEndsAt: lease }, others)
    const name = old === undefined ? this.#packer.ownName(rrset.name) : rrset.name
    const isOver = keepsExpired ? (packed: string) => areOver(packed, now) : undefined
    if (!this.#store.set(name, sets, isOver)) return false
    if (old !== undefined) this.#count(old, -1)
    this.#count(sets, 1)
    this.#stored?.(rrset, trust, security)
    return true
  }

  /**
   * Stores the data of a wildcard, which only a verified signature yields, for the names that it applies to (RFC 8198
   * section 5.3).
   */
  putWildcard({ rrset }: WildcardSet, trust: Trust, now: number, leaseEndsAt?: number): boolean {
    return this.put(rrset, trust, SECURE, now, NO_PROOF, leaseEndsAt)
  }

  remove(name: Name, type: number, klass: number): void {
    const sets = this.#store.peek(name)
    const at = sets === undefined ? -1 : findSet(sets, type, klass)
    if (sets !== undefined && at >= 0) this.#drop(name, sets, at)
  }

  /** Removes everything at and below a name; returns how many sets went. Work proportional to the cache. */
  removeWithin(name: Name): number {
    return this.removeWhere(each => isWithin(each, name))
  }

  /** The same of the names that `which` says; with `dryRun` they are only counted. */
  removeWhere(which: (name: Name) => boolean, dryRun = false): number {
    let sets = 0
    this.#store.deleteWhere((packed, key) => {
      if (!which(foldName(trustWireName(key)))) return false
      sets += countSets(packed)
      return true
    }, dryRun)
    return sets
  }

  /** Names that have sets. To be read to the end before anything changes. */
  names(): Iterable<string> {
    return this.#store.keys()
  }

  /** What lives at a name, without counting as use. */
  at(name: Name, now: number): CachedRRset[] {
    const sets = this.#store.peek(name) ?? ''
    const found: CachedRRset[] = []
    for (let at = 0; at < sets.length; at = nextSet(sets, at))
      if (expiresAt(sets, at) > now) found.push(entryAt(sets, at, name))
    return found
  }

  /** One set as it is kept (`packed-sets.ts`), without counting as use; undefined when its TTL is over. */
  packedSet(name: Name, type: number, klass: number, now: number): string | undefined {
    const sets = this.#store.peek(name)
    const at = sets === undefined ? -1 : findSet(sets, type, klass)
    if (sets === undefined || at < 0 || expiresAt(sets, at) <= now) return undefined
    return sets.slice(at, nextSet(sets, at))
  }

  /** Names with all their sets as they are kept (`packed-sets.ts`), most recently used first. */
  packed(): Iterable<readonly [name: string, sets: string]> {
    return this.#store.entries()
  }

  /**
   * Takes over the sets of a name that an earlier process had, as they were stored, as far as their time lasts and
   * nothing newer is here. Returns how many were kept.
   */
  restore(name: Name, kept: readonly SetToPack[], now: number): number {
    const { staleMs } = this.#limits
    const old = this.#store.peek(name)
    let sets = old ?? ''
    let count = 0
    for (const set of kept) {
      const ttl = Math.min(set.ttl, this.#ttls.of(name).maxTtl)
      const { rrset, proof } = set
      const leaseEnd = staleMs > 0 ? set.leaseEndsAt : Number.POSITIVE_INFINITY
      if (!isOfUse(set.storedAt + ttl * 1_000, leaseEnd, staleMs, now)) continue
      if (rrset.rdatas.length === 0 || isMetaType(rrset.type)) continue
      if (findSet(sets, rrset.type, rrset.class) >= 0 || countSets(sets) >= this.#limits.typesPerName) continue
      if (proof.reduce((sum, each) => sum + dataBytes(each), dataBytes(rrset)) > this.#limits.entryBytes) continue
      sets = this.#packer.pack({ ...set, ttl, leaseEndsAt: leaseEnd }, sets)
      count++
    }
    if (count === 0) return 0
    this.#missing = null
    const isKept =
      old === undefined ? this.#store.restore(this.#packer.ownName(name), sets) : this.#store.set(name, sets)
    if (!isKept) return 0
    if (old !== undefined) this.#count(old, -1)
    this.#count(sets, 1)
    return count
  }

  /** See `ByteStore.settle`. */
  settle(): Generator<void, void> {
    return this.#store.settle()
  }

  clear(): void {
    this.#store.clear()
  }

  /**
   * The other sets of the name that stay when a set is stored; undefined when it may not be stored. What has expired
   * makes room, what lives does not: first come, first kept.
   */
  #others(sets: string, { type, class: klass }: RRset, fresh: Standing, now: number): string | undefined {
    const at = findSet(sets, type, klass)
    if (at >= 0) {
      const old = { trust: trustAt(sets, at), security: securityAt(sets, at), expiresAt: expiresAt(sets, at) }
      return mayReplace(old, fresh, now) ? withoutSet(sets, at) : undefined
    }
    const { typesPerName } = this.#limits
    if (countSets(sets) < typesPerName) return sets
    let living = sets
    for (let each = 0; each < living.length; ) {
      if (expiresAt(living, each) > now) each = nextSet(living, each)
      else living = withoutSet(living, each)
    }
    return countSets(living) < typesPerName ? living : undefined
  }

  /** Takes one set of a name out of the store. */
  #drop(name: Name, sets: string, at: number): void {
    const rest = withoutSet(sets, at)
    if (rest === '') {
      this.#store.delete(name)
      return
    }
    this.#store.set(name, rest)
    this.#count(sets, -1)
    this.#count(rest, 1)
  }

  #count(sets: string, by: number): void {
    for (let at = 0; at < sets.length; at = nextSet(sets, at)) {
      this.#sets += by
      if (typeAt(sets, at) === RrType.DNAME) this.#dnames += by
    }
  }
}

const entryAt = (sets: string, at: number, name: Name): CachedRRset => {
  const { rrset, proof } = unpackSet(sets, at, name)
  return {
    rrset,
    trust: trustAt(sets, at),
    security: securityAt(sets, at),
    proof,
    storedAt: storedAt(sets, at),
    expiresAt: expiresAt(sets, at),
  }
}

/** Is the TTL of every set over? */
function areOver(sets: string, now: number): boolean {
  for (let at = 0; at < sets.length; at = nextSet(sets, at)) if (expiresAt(sets, at) > now) return false
  return true
}

const NO_PROOF: readonly RRset[] = Object.freeze([])
const SECURE: Security = Object.freeze({ kind: 'secure' })
