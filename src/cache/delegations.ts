/**
 * Where zones are served, as their parents say. Apart from the RRset cache on purpose: nothing here ever answers a
 * client, and nothing that a child says gets here (parent-centric delegation, after the 2025 promiscuous-NS
 * poisonings).
 *
 * Invariants: bounded in bytes; the parent's TTL is the only clock, so a delegation never outlives the one it was
 * learnt through, and storing it again while it lives never extends it (ghost domains 2012; phoenix domains,
 * CVE-2022-30698 and 30699); the root, which has no parent, stays until it is replaced.
 */
import type { IpAddress } from '../dns/address.ts'
import { foldName, isWithin, parentOf, ROOT, trustWireName, type Name } from '../dns/name.ts'
import type { RRset } from '../dns/rrset.ts'
import type { CacheLimits } from '../limits.ts'
import {
  dataBytes,
  flat,
  octetBytes,
  octetString,
  packRRset,
  packedBytes,
  unpackRRset,
  type PackedRRset,
} from './packed.ts'
import { ByteStore } from './store.ts'

export interface DelegatedServer {
  readonly name: Name
  readonly addresses: readonly IpAddress[]
}

/** `expiresAt` in ms; Infinity for hints and for the root. `ds` null: none known. */
export interface Delegation {
  readonly zone: Name
  readonly servers: readonly DelegatedServer[]
  readonly ds: RRset | null
  readonly expiresAt: number
}

interface Entry {
  readonly zone: Name
  readonly servers: string
  readonly ds: PackedRRset | null
  readonly expiresAt: number
  /** The same as a value, for as long as it is among the recent ones. Shared by all who get it. */
  unpacked: Delegation | null
}

export class DelegationCache {
  readonly #limits: CacheLimits
  readonly #store: ByteStore<Entry>
  /** A ring of those that are unpacked. */
  readonly #recent: Entry[] = []
  #nextRecent = 0
  #root: { readonly delegation: Delegation; readonly expiresAt: number } | undefined

  /** `budget` in bytes. */
  constructor(limits: CacheLimits, budget: number) {
    this.#limits = limits
    this.#store = new ByteStore<Entry>(
      budget,
      (entry, key) =>
        limits.entryOverheadBytes +
        key.length +
        entry.servers.length +
        (entry.ds === null ? 0 : limits.packedOverheadBytes + packedBytes(entry.ds)),
    )
  }

  get bytes(): number {
    return this.#store.bytes
  }

  get size(): number {
    return this.#store.size
  }

  /**
   * The deepest live delegation at or above `name`. Undefined when there is none, not even the root: the caller's hints
   * apply. For a DS question ask with the parent of its name (RFC 4035 section 3.1.4.1).
   */
  closest(name: Name, now: number): Delegation | undefined {
    for (let zone = name; ; zone = parentOf(zone)) {
      const found = this.get(zone, now)
      if (found !== undefined || zone === ROOT) return found
    }
  }

  get(zone: Name, now: number): Delegation | undefined {
    if (zone === ROOT) return this.#root?.delegation
    const entry = this.#live(zone, now)
    if (entry === undefined) return undefined
    return entry.unpacked ?? this.#unpack(entry)
  }

  /**
   * Keeps what it unpacked of the zones asked for last: most questions are about few zones, and pass the same ones
   * above them.
   */
  #unpack(entry: Entry): Delegation {
    const { servers, ds, expiresAt } = entry
    const unpacked = {
      zone: entry.zone,
      servers: unpackServers(servers),
      ds: ds === null ? null : unpackRRset(ds, ds.ttl),
      expiresAt,
    }
    if (servers.length > this.#limits.unpackedOctets) return unpacked
    const displaced = this.#recent[this.#nextRecent]
    if (displaced !== undefined) displaced.unpacked = null
    this.#recent[this.#nextRecent] = entry
    this.#nextRecent = (this.#nextRecent + 1) % this.#limits.unpackedDelegations
    entry.unpacked = unpacked
    return unpacked
  }

  /**
   * Stores what a parent said. It lives until the earliest of its own `expiresAt`, `parentExpiresAt` (both ms), maxTtl
   * from now, and the end of a live delegation of the same zone. The root takes no end from others; `rootIsStale` tells
   * when its own has passed. False when it was not stored: nothing left of its time, no servers, or too large.
   */
  put(delegation: Delegation, parentExpiresAt: number, now: number): boolean {
    const { zone, servers, ds } = delegation
    const own = Math.min(delegation.expiresAt, now + this.#limits.maxTtl * 1000)
    if (servers.length === 0) return false
    const packed = packServers(servers)
    if (packed.length + (ds === null ? 0 : dataBytes(ds)) > this.#limits.entryBytes) return false
    if (zone === ROOT) {
      this.#root = {
        delegation: { zone, servers: unpackServers(packed), ds: null, expiresAt: Number.POSITIVE_INFINITY },
        expiresAt: own,
      }
      return true
    }
    const expiresAt = Math.min(own, parentExpiresAt, this.#live(zone, now)?.expiresAt ?? Number.POSITIVE_INFINITY)
    if (expiresAt <= now) return false
    const key = flat(zone)
    return this.#store.set(key, {
      zone: foldName(trustWireName(key)),
      servers: packed,
      ds: ds === null ? null : packRRset(ds, ds.ttl),
      expiresAt,
      unpacked: null,
    })
  }

  /** Is it time to prime (RFC 9609 section 3.1)? True as well when the root was never stored. */
  rootIsStale(now: number): boolean {
    return this.#root === undefined || this.#root.expiresAt <= now
  }

  /** Forgets one zone; those below it keep their own end, which is no later. */
  remove(zone: Name): void {
    if (zone === ROOT) this.#root = undefined
    else this.#store.delete(zone)
  }

  /** Removes everything at and below a name; returns how many went. Work proportional to the store. */
  removeWithin(name: Name): number {
    return this.removeWhere(each => isWithin(each, name))
  }

  /** The same of the zones that `which` says; with `dryRun` they are only counted. */
  removeWhere(which: (zone: Name) => boolean, dryRun = false): number {
    if (!dryRun && which(ROOT)) this.#root = undefined
    return this.#store.deleteWhere(entry => which(entry.zone), dryRun)
  }

  /** Zones, without the root. To be read to the end before anything changes. */
  zones(): Iterable<string> {
    return this.#store.keys()
  }

  /** What lives at one of `zones`, without counting as use. */
  peek(zone: string, now: number): Delegation | undefined {
    const entry = this.#store.peek(zone)
    if (entry === undefined || entry.expiresAt <= now) return undefined
    const { servers, ds, expiresAt } = entry
    return {
      zone: entry.zone,
      servers: unpackServers(servers),
      ds: ds === null ? null : unpackRRset(ds, ds.ttl),
      expiresAt,
    }
  }

  /** Takes over a delegation of an earlier process with its end, unless one is known. False when it was not kept. */
  restore({ zone, servers, ds, expiresAt }: Delegation, now: number): boolean {
    const end = Math.min(expiresAt, now + this.#limits.maxTtl * 1_000)
    // The root is asked for at every start, and the hints are as good until then.
    if (zone === ROOT || end <= now || servers.length === 0) return false
    const packed = packServers(servers)
    if (packed.length + (ds === null ? 0 : dataBytes(ds)) > this.#limits.entryBytes) return false
    const key = flat(zone)
    return this.#store.restore(key, {
      zone: foldName(trustWireName(key)),
      servers: packed,
      ds: ds === null ? null : packRRset(ds, ds.ttl),
      expiresAt: end,
      unpacked: null,
    })
  }

  /** See `ByteStore.settle`. */
  settle(): Generator<void, void> {
    return this.#store.settle()
  }

  clear(): void {
    this.#root = undefined
    this.#recent.length = 0
    this.#nextRecent = 0
    this.#store.clear()
  }

  #live(zone: Name, now: number): Entry | undefined {
    const entry = this.#store.get(zone)
    if (entry === undefined || entry.expiresAt > now) return entry
    this.#store.delete(zone)
    return undefined
  }
}

/**
 * All servers in one string: the name after its length, the number of addresses, and each address as octets and as
 * text, each after its length. The text is kept because making it (RFC 5952) costs more than all the rest of a look-up.
 */
function packServers(servers: readonly DelegatedServer[]): string {
  let packed = ''
  for (const { name, addresses } of servers) {
    packed += String.fromCharCode(name.length) + name + String.fromCharCode(addresses.length)
    for (const { bytes, text } of addresses) {
      packed += String.fromCharCode(bytes.length) + octetString(bytes) + String.fromCharCode(text.length) + text
    }
  }
  return flat(packed)
}

function unpackServers(packed: string): DelegatedServer[] {
  const servers: DelegatedServer[] = []
  let at = 0
  const part = (): string => {
    const start = at + 1
    at = start + packed.charCodeAt(at)
    return packed.slice(start, at)
  }
  while (at < packed.length) {
    const name = foldName(trustWireName(part()))
    const addresses: IpAddress[] = []
    for (let left = packed.charCodeAt(at++); left > 0; left--) {
      const bytes = octetBytes(part())
      addresses.push({ family: bytes.length === 4 ? 4 : 6, bytes, text: part() })
    }
    servers.push({ name, addresses })
  }
  return servers
}
