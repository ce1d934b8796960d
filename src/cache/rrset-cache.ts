/**
 * RRsets by name, type and class, each with the trust it came with, what validation said, and when it expires. It answers
 * "what is known", never "what may be told": callers look at `trust` (`mayAnswer`). Referral data does not belong here but
 * in `delegations.ts`.
 *
 * Invariants: bounded in bytes; an entry is never handed out at or after `expiresAt`; what lives is replaced only as
 * `mayReplace` allows; at most `typesPerName` types of one name; nothing handed out or put in shares memory with an entry.
 */
import { isWithin, type Name } from '../dns/name.ts'
import { questionKey } from '../dns/message.ts'
import type { RRset } from '../dns/rrset.ts'
import { isMetaType } from '../dns/types.ts'
import type { CacheLimits } from '../limits.ts'
import type { Security } from '../steps.ts'
import { dataBytes, flat, packRRset, packedBytes, unpackRRset, type PackedRRset } from './packed.ts'
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

interface Entry {
  readonly packed: PackedRRset
  readonly proof: readonly PackedRRset[] | null
  readonly trust: Trust
  readonly security: Security
  readonly storedAt: number
  readonly expiresAt: number
}

/** Told of every set that was stored. */
export type StoredListener = (rrset: RRset, trust: Trust, security: Security) => void

/** The set with its TTL counted down by whole seconds. */
export const remaining = (entry: CachedRRset, now: number): RRset => ({ ...entry.rrset, ttl: ttlLeft(entry.rrset.ttl, entry.storedAt, now) })

export class RRsetCache {
  readonly #limits: CacheLimits
  readonly #store: ByteStore<Entry>
  readonly #stored: StoredListener | undefined
  /** Class and type of what is held for each name: an array, for most names have two. */
  readonly #kinds = new Map<Name, number[]>()

  /** `budget` in bytes. */
  constructor(limits: CacheLimits, budget: number, stored?: StoredListener) {
    this.#limits = limits
    this.#stored = stored
    this.#store = new ByteStore<Entry>(
      budget,
      (entry, key) => limits.entryOverheadBytes + key.length + packedBytes(entry.packed) + proofBytes(entry.proof, limits),
      entry => this.#forgetKind(entry.packed),
    )
  }

  get bytes(): number {
    return this.#store.bytes
  }

  get size(): number {
    return this.#store.size
  }

  get(name: Name, type: number, klass: number, now: number): CachedRRset | undefined {
    const key = questionKey({ name, type, class: klass })
    const entry = this.#store.get(key)
    if (entry === undefined) return undefined
    if (entry.expiresAt <= now) {
      this.#store.delete(key)
      return undefined
    }
    const { packed, proof, trust, security, storedAt, expiresAt } = entry
    return { rrset: unpackRRset(packed, packed.ttl), trust, security, proof: proof === null ? NO_PROOF : proof.map(set => unpackRRset(set, packed.ttl)), storedAt, expiresAt }
  }

  /**
   * Stores a copy, with its TTL bounded. False when it was not stored: its TTL is 0, it is too large (PowerDNS's largest
   * entry), something better lives there, its name has too many types (CVE-2024-1737), or its type is not data.
   */
  put(rrset: RRset, trust: Trust, security: Security, now: number, proof: readonly RRset[] = NO_PROOF): boolean {
    const ttl = boundedTtl(rrset.ttl, this.#limits)
    if (ttl === 0 || rrset.rdatas.length === 0 || isMetaType(rrset.type)) return false
    if (proof.reduce((sum, set) => sum + dataBytes(set), dataBytes(rrset)) > this.#limits.entryBytes) return false
    const key = flat(questionKey(rrset))
    const fresh = { trust, security, expiresAt: now + ttl * 1000 }
    const old = this.#store.peek(key)
    if (old !== undefined && !mayReplace(old, fresh, now)) return false
    if (old === undefined && !this.#hasRoom(rrset.name, now)) return false
    const packedProof = proof.length === 0 ? null : proof.map(set => packRRset(set, ttl))
    const entry: Entry = { packed: packRRset(rrset, ttl, key), proof: packedProof, ...fresh, storedAt: now }
    if (!this.#store.set(key, entry)) return false
    if (old === undefined) this.#rememberKind(entry.packed)
    this.#stored?.(rrset, trust, security)
    return true
  }

  remove(name: Name, type: number, klass: number): void {
    this.#store.delete(questionKey({ name, type, class: klass }))
  }

  /** Removes everything at and below a name; returns how many sets went. Work proportional to the cache. */
  removeWithin(name: Name): number {
    return this.#store.deleteWhere(entry => isWithin(entry.packed.name, name))
  }

  clear(): void {
    this.#store.clear()
  }

  /** Is there room for one more type at this name? What has expired makes room, what lives does not: first come, first kept. */
  #hasRoom(name: Name, now: number): boolean {
    const kinds = this.#kinds.get(name)
    if (kinds === undefined || kinds.length < this.#limits.typesPerName) return true
    for (const kind of [...kinds]) {
      const key = questionKey({ name, type: kind & 0xffff, class: Math.floor(kind / 0x10000) })
      const entry = this.#store.peek(key)
      if (entry !== undefined && entry.expiresAt <= now) this.#store.delete(key)
    }
    return (this.#kinds.get(name)?.length ?? 0) < this.#limits.typesPerName
  }

  #rememberKind(packed: PackedRRset): void {
    const kinds = this.#kinds.get(packed.name)
    if (kinds === undefined) this.#kinds.set(packed.name, [kindOf(packed)])
    else kinds.push(kindOf(packed))
  }

  #forgetKind(packed: PackedRRset): void {
    const kinds = this.#kinds.get(packed.name)
    if (kinds === undefined) return
    const at = kinds.indexOf(kindOf(packed))
    if (at >= 0) kinds.splice(at, 1)
    if (kinds.length === 0) this.#kinds.delete(packed.name)
  }
}

const NO_PROOF: readonly RRset[] = Object.freeze([])

const proofBytes = (proof: readonly PackedRRset[] | null, limits: CacheLimits): number =>
  proof === null ? 0 : proof.reduce((sum, set) => sum + limits.packedOverheadBytes + set.name.length + packedBytes(set), 0)

const kindOf = (packed: PackedRRset): number => packed.class * 0x10000 + packed.type
