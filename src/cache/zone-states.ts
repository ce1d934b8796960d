/**
 * What validation has found out about zones: the keys that may sign a zone, and what its parent says of it (DS, proven
 * insecure, no zone at all). It judges nothing; whatever is put in has been validated.
 *
 * Invariants: bounded in bytes; an entry ends with the TTL of the records that it was read from, which validation has
 * bounded by the end of their signatures.
 */
import { foldName, trustWireName, type Name } from '../dns/name.ts'
import type { ZoneKeys } from '../dnssec/rules.ts'
import type { CacheLimits } from '../limits.ts'
import type { SecurityNote } from '../steps.ts'
import { flat } from './packed.ts'
import { ByteStore } from './store.ts'

/** What the parent's side says of a name, all of it proven. */
export type DelegationStatus =
  | { readonly kind: 'ds'; readonly ds: readonly Uint8Array[] }
  /** A delegation without DS, or with one that is of no use here (`note`). */
  | { readonly kind: 'insecure'; readonly note: SecurityNote | null }
  | { readonly kind: 'no-cut' }

/** Both null: there is no key set. `expiresAt` in ms. */
export interface ZoneState {
  readonly keys: ZoneKeys | null
  readonly status: DelegationStatus | null
  readonly expiresAt: number
}

export class ZoneStates {
  readonly #store: ByteStore<ZoneState>

  /** `budget` in bytes. */
  constructor(limits: CacheLimits, budget: number) {
    const sizeOf = (rdatas: readonly Uint8Array[]): number =>
      rdatas.reduce((sum, rdata) => sum + limits.arrayOverheadBytes + rdata.length, 0)
    this.#store = new ByteStore<ZoneState>(budget, (entry, key) => {
      // A key is held twice: as its octets and as the key object made of them.
      const keys = entry.keys === null ? 0 : 2 * sizeOf(entry.keys.keys.map(key => key.rdata))
      return limits.entryOverheadBytes + key.length + keys + (entry.status?.kind === 'ds' ? sizeOf(entry.status.ds) : 0)
    })
  }

  get bytes(): number {
    return this.#store.bytes
  }

  get size(): number {
    return this.#store.size
  }

  keysOf(zone: Name, now: number): ZoneKeys | undefined {
    return this.#live(`k${zone}`, now)?.keys ?? undefined
  }

  delegationStatus(name: Name, now: number): DelegationStatus | undefined {
    return this.#live(`p${name}`, now)?.status ?? undefined
  }

  /** `ttl` in seconds. */
  putKeys(keys: ZoneKeys, ttl: number, now: number): void {
    this.#store.set(`k${keys.zone}`, { keys, status: null, expiresAt: now + ttl * 1_000 })
  }

  /** `ttl` in seconds. */
  putDelegationStatus(name: Name, status: DelegationStatus, ttl: number, now: number): void {
    this.#store.set(`p${name}`, { keys: null, status, expiresAt: now + ttl * 1_000 })
  }

  /** Has it been proven that there is no key set at this name? */
  isKeyless(name: Name, now: number): boolean {
    return this.#live(`n${name}`, now) !== undefined
  }

  /** `ttl` in seconds. */
  putKeyless(name: Name, ttl: number, now: number): void {
    this.#store.set(`n${name}`, { keys: null, status: null, expiresAt: now + ttl * 1_000 })
  }

  /** All of the names that `which` says; with `dryRun` it is only counted. Work proportional to the store. */
  removeWhere(which: (name: Name) => boolean, dryRun = false): number {
    return this.#store.deleteWhere((_, key) => which(foldName(trustWireName(key.slice(1)))), dryRun)
  }

  /** To be read to the end before anything changes. The first letter says what is known of the zone that follows. */
  keys(): Iterable<string> {
    return this.#store.keys()
  }

  /** What lives under one of `keys`, without counting as use. */
  peek(key: string, now: number): ZoneState | undefined {
    const entry = this.#store.peek(key)
    return entry !== undefined && entry.expiresAt > now ? entry : undefined
  }

  /** Takes over what an earlier process knew, under a key of `keys`. False when it was not kept. */
  restore(key: string, state: ZoneState, now: number): boolean {
    return state.expiresAt > now && this.#store.restore(flat(key), state)
  }

  /** See `ByteStore.settle`. */
  settle(): Generator<void, void> {
    return this.#store.settle()
  }

  clear(): void {
    this.#store.clear()
  }

  #live(key: string, now: number): ZoneState | undefined {
    const entry = this.#store.get(key)
    if (entry === undefined || entry.expiresAt > now) return entry
    this.#store.delete(key)
    return undefined
  }
}
