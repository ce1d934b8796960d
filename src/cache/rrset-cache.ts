/**
 * RRsets by name, type and class, each with the trust it came with, what validation said, and when it expires. It answers
 * "what is known", never "what may be told": callers look at `trust` (`mayAnswer`). Referral data does not belong here but
 * in `delegations.ts`.
 *
 * Invariants: bounded in bytes; an entry is never handed out at or after `expiresAt`; what lives is replaced only as
 * `mayReplace` allows; at most `typesPerName` types of one name; nothing handed out or put in shares memory with an entry.
 */
import { isWithin, type Name } from '../dns/name.ts'
import type { RRset } from '../dns/rrset.ts'
import { isMetaType, RrType } from '../dns/types.ts'
import type { CacheLimits } from '../limits.ts'
import type { Security } from '../steps.ts'
import { dataBytes, flatName, packRRset, packedBytes, unpackRRset, type PackedRRset } from './packed.ts'
import { ByteStore } from './store.ts'
import { mayReplace, type Trust } from './trust.ts'
import { boundedTtl, ttlLeft } from './ttl.ts'

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

/**
 * A set as it is kept, and the next one of the same name: most names have one or two, so that a list is found quicker than a
 * key with the type in it is made. `storedAt` is whole (a small integer takes no object), and when it ends follows from it.
 */
interface Entry {
  readonly packed: PackedRRset
  readonly proof: readonly PackedRRset[] | null
  readonly trust: Trust
  readonly security: Security
  readonly storedAt: number
  readonly next: Entry | null
}

/** Told of every set that was stored. */
export type StoredListener = (rrset: RRset, trust: Trust, security: Security) => void

/** The set with its TTL counted down by whole seconds. */
export const remaining = (entry: CachedRRset, now: number): RRset => ({ ...entry.rrset, ttl: ttlLeft(entry.rrset.ttl, entry.storedAt, now) })

/** The same of its proof, which lives as long as the set. */
export const remainingProof = ({ proof, storedAt }: CachedRRset, now: number): readonly RRset[] =>
  proof.length === 0 ? proof : proof.map(set => ({ ...set, ttl: ttlLeft(set.ttl, storedAt, now) }))

export class RRsetCache {
  readonly #limits: CacheLimits
  /** By name: a name and all its sets come and go together. */
  readonly #store: ByteStore<Entry>
  readonly #stored: StoredListener | undefined
  #sets = 0
  /** How many of them are DNAME: they are looked for at every name above every question, and most caches hold none. */
  #dnames = 0

  /** `budget` in bytes. */
  constructor(limits: CacheLimits, budget: number, stored?: StoredListener) {
    this.#limits = limits
    this.#stored = stored
    this.#store = new ByteStore<Entry>(budget, first => sum(first, entry => entryBytes(entry, limits)), first => {
      for (let entry: Entry | null = first; entry !== null; entry = entry.next) this.#count(entry.packed.type, -1)
    })
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
    const first = this.#store.get(name)
    if (first === undefined) return undefined
    const entry = find(first, type, klass)
    if (entry === null) return undefined
    if (expiresAt(entry) <= now) {
      this.#drop(name, first, entry)
      return undefined
    }
    const { packed, proof, trust, security, storedAt } = entry
    return {
      rrset: unpackRRset(packed, packed.ttl), trust, security,
      proof: proof === null ? NO_PROOF : proof.map(set => unpackRRset(set, packed.ttl)),
      storedAt, expiresAt: expiresAt(entry),
    }
  }

  /**
   * Stores a copy, with its TTL bounded, by those of its proof as well. False when it was not stored: its TTL is 0, it is too large (PowerDNS's largest
   * entry), something better lives there, its name has too many types (CVE-2024-1737), or its type is not data.
   */
  put(rrset: RRset, trust: Trust, security: Security, now: number, proof: readonly RRset[] = NO_PROOF): boolean {
    const ttl = boundedTtl(proof.reduce((least, set) => Math.min(least, set.ttl), rrset.ttl), this.#limits)
    if (ttl === 0 || rrset.rdatas.length === 0 || isMetaType(rrset.type)) return false
    if (proof.reduce((octets, set) => octets + dataBytes(set), dataBytes(rrset)) > this.#limits.entryBytes) return false
    const first = this.#store.peek(rrset.name) ?? null
    const old = find(first, rrset.type, rrset.class)
    if (old !== null && !mayReplace({ trust: old.trust, security: old.security, expiresAt: expiresAt(old) }, { trust, security, expiresAt: now + ttl * 1000 }, now)) return false
    const others = old === null ? this.#withRoom(first, now) : without(first, old)
    if (others === undefined) return false
    const name = first?.packed.name ?? flatName(rrset.name)
    const packedProof = proof.length === 0 ? null : proof.map(set => packRRset(set, ttl))
    const entry: Entry = { packed: packRRset(rrset, ttl, name), proof: packedProof, trust, security, storedAt: Math.floor(now), next: others }
    const before = sum(first, one)
    const dnames = sum(first, isDname)
    if (!this.#store.set(name, entry)) return false
    this.#sets += sum(entry, one) - before
    this.#dnames += sum(entry, isDname) - dnames
    this.#stored?.(rrset, trust, security)
    return true
  }

  remove(name: Name, type: number, klass: number): void {
    const first = this.#store.peek(name)
    const entry = first === undefined ? null : find(first, type, klass)
    if (first !== undefined && entry !== null) this.#drop(name, first, entry)
  }

  /** Removes everything at and below a name; returns how many sets went. Work proportional to the cache. */
  removeWithin(name: Name): number {
    const before = this.#sets
    this.#store.deleteWhere(entry => isWithin(entry.packed.name, name))
    return before - this.#sets
  }

  clear(): void {
    this.#store.clear()
  }

  /** The sets of a name when there is room for one more type, undefined when not. What has expired makes room, what lives does not: first come, first kept. */
  #withRoom(first: Entry | null, now: number): Entry | null | undefined {
    const { typesPerName } = this.#limits
    if (first === null || sum(first, one) < typesPerName) return first
    let living: Entry | null = null
    for (let entry: Entry | null = first; entry !== null; entry = entry.next) if (expiresAt(entry) > now) living = { ...entry, next: living }
    return sum(living, one) < typesPerName ? living : undefined
  }

  /** Takes one set of a name out of the store. */
  #drop(name: Name, first: Entry, entry: Entry): void {
    const rest = without(first, entry)
    if (rest === null) {
      this.#store.delete(name)
      return
    }
    this.#store.set(first.packed.name, rest)
    this.#count(entry.packed.type, -1)
  }

  #count(type: number, by: number): void {
    this.#sets += by
    if (type === RrType.DNAME) this.#dnames += by
  }
}

const expiresAt = (entry: Entry): number => entry.storedAt + entry.packed.ttl * 1_000

function find(first: Entry | null, type: number, klass: number): Entry | null {
  let entry = first
  while (entry !== null && (entry.packed.type !== type || entry.packed.class !== klass)) entry = entry.next
  return entry
}

/** The list without one of its entries; what lies behind that one is shared. */
const without = (first: Entry | null, gone: Entry): Entry | null =>
  first === null || first === gone ? (first?.next ?? null) : { ...first, next: without(first.next, gone) }

function sum(first: Entry | null, of: (entry: Entry) => number): number {
  let total = 0
  for (let entry = first; entry !== null; entry = entry.next) total += of(entry)
  return total
}

const one = (): number => 1
const isDname = (entry: Entry): number => (entry.packed.type === RrType.DNAME ? 1 : 0)

const entryBytes = (entry: Entry, limits: CacheLimits): number =>
  limits.entryOverheadBytes + entry.packed.name.length + packedBytes(entry.packed) + proofBytes(entry.proof, limits)

const NO_PROOF: readonly RRset[] = Object.freeze([])

const proofBytes = (proof: readonly PackedRRset[] | null, limits: CacheLimits): number =>
  proof === null ? 0 : proof.reduce((octets, set) => octets + limits.packedOverheadBytes + set.name.length + packedBytes(set), 0)
