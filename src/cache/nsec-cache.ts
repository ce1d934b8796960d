/**
 * Validated NSEC and NSEC3 records, used for names that were never asked (RFC 8198): a gap between two names denies all
 * that lies in it, and shows which wildcard applies. No signature is checked here; callers store validated records
 * only.
 *
 * Invariants: bounded in bytes; what is put in belongs to its zone, next name included (CVE-2026-13321); nothing below
 * a delegation or a DNAME is denied from above it, a DS only from above its cut, and nothing by an opt-out record or by
 * one that was made up for a single question; a
 * record lives no longer than the negative TTL of its zone (RFC 9077).
 *
 * Limitation: of several NSEC3 chains of a zone the one that was heard of last is used.
 */
import {
  labelCount,
  canonicalKey,
  parentOf,
  suffixOf,
  wildcardOf,
  isStrictlyWithin,
  isWithin,
  type Name,
} from '../dns/name.ts'
import type { Question } from '../dns/message.ts'
import { hasType } from '../dns/rdata-dnssec.ts'
import { readSoa } from '../dns/rdata.ts'
import type { RRset } from '../dns/rrset.ts'
import { isMetaType, RrClass, RrType } from '../dns/types.ts'
import { nsec3Hash } from '../dnssec/algorithms.ts'
import {
  delegatesBelow,
  isMinimalNsec,
  nsecCovers,
  nsecEncloser,
  nsecOf,
  typesAgainst,
  type NsecRecord,
} from '../dnssec/nsec.ts'
import { hashBlocks, isMinimalNsec3, nsec3Covers, nsec3Of, type Nsec3Record } from '../dnssec/nsec3.ts'
import type { CacheLimits } from '../limits.ts'
import { dataBytes, flat, octetString, packRRset, packedBytes, unpackRRset, type PackedRRset } from './packed.ts'
import { SortedList } from './sorted-list.ts'
import { ByteStore } from './store.ts'
import { negativeTtl, plainTtl, TtlBounds } from './ttl.ts'

/**
 * What the records at hand say of a question. TTLs are what is left, in seconds; `proof` has the records that say so.
 */
export type Denied =
  | { readonly kind: 'nxdomain' | 'nodata'; readonly soa: RRset; readonly proof: readonly RRset[] }
  /** The name does not exist, and `wildcard` has the type or an alias: its data is the answer. */
  | { readonly kind: 'wildcard'; readonly wildcard: Name; readonly proof: readonly RRset[] }

interface Entry {
  readonly zone: Zone
  /** The SOA is in no list. */
  readonly place: 'soa' | 'nsec' | Chain
  /** In the store. */
  readonly key: string
  /** In the list. */
  readonly sortKey: string
  readonly packed: PackedRRset
  readonly storedAt: number
  readonly expiresAt: number
}

/** The NSEC3 records of a zone with the same parameters. */
interface Chain {
  readonly parameters: string
  readonly salt: Uint8Array
  readonly iterations: number
  readonly list: SortedList<Entry>
}

interface Zone {
  readonly name: Name
  readonly nsec: SortedList<Entry>
  readonly nsec3: Map<string, Chain>
  /** The chain heard of last. */
  current: Chain | null
  soa: Entry | null
}

/** A record of a zone and when it was stored (ms); its TTL is the one that it was stored with. */
export interface KeptDenial {
  readonly zone: Name
  readonly what: 'soa' | 'nsec' | 'nsec3'
  readonly set: RRset
  readonly storedAt: number
}

/** What is restored takes the place of nothing. */
type How = 'new' | 'restored'

/** The records of one look: those that a proof needs, and when the first of them ends (ms). */
interface Look {
  readonly zone: Zone
  readonly soa: Entry
  readonly now: number
  readonly used: Entry[]
}

/** Types that are asked of the zone itself: signatures, and records that have owners outside the chain of names. */
const NEVER_DENIED: ReadonlySet<number> = new Set<number>([RrType.RRSIG, RrType.NSEC3])

export class DenialStore {
  readonly #limits: CacheLimits
  readonly #ttls: TtlBounds
  readonly #store: ByteStore<Entry>
  readonly #zones = new Map<Name, Zone>()

  /** `budget` in bytes. */
  constructor(limits: CacheLimits, budget: number, ttls: TtlBounds = new TtlBounds(limits)) {
    this.#limits = limits
    this.#ttls = ttls
    this.#store = new ByteStore<Entry>(
      budget,
      ({ sortKey, packed }, key) =>
        limits.entryOverheadBytes +
        limits.denialOverheadBytes +
        key.length +
        sortKey.length +
        packed.name.length +
        packedBytes(packed),
      entry => this.#gone(entry),
    )
  }

  get bytes(): number {
    return this.#store.bytes
  }

  /** Records and SOAs. */
  get size(): number {
    return this.#store.size
  }

  /**
   * Keeps the SOA of a zone, without which nothing is denied. `soa` is secure, as all that is put in. False when not
   * stored.
   */
  putSoa(zone: Name, soa: RRset, now: number, how: How = 'new'): boolean {
    const fields = soa.rdatas[0] === undefined ? null : readSoa(soa.rdatas[0])
    if (fields === null || soa.name !== zone || soa.class !== RrClass.IN || soa.type !== RrType.SOA) return false
    const own = this.#zone(zone)
    const ttl = negativeTtl(soa.ttl, fields.minimum, this.#ttls.of(zone), true)
    const kept = this.#put(own, 'soa', '', soa, ttl, now, how)
    if (kept !== null) own.soa = kept
    this.#forgetIfEmpty(own)
    return kept !== null
  }

  /** Keeps an NSEC record of `zone`. False when it proves nothing there or is not stored. */
  putNsec(zone: Name, set: RRset, now: number, how: How = 'new'): boolean {
    const record = nsecOf(set, zone)
    if (record === null || isMinimalNsec(record)) return false
    const own = this.#zone(zone)
    const kept = this.#put(own, 'nsec', canonicalKey(set.name), set, set.ttl, now, how)
    if (kept !== null) own.nsec.set(kept.sortKey, kept)
    this.#forgetIfEmpty(own)
    return kept !== null
  }

  /**
   * Keeps an NSEC3 record of `zone`. False when it proves nothing there or is not stored. Opt-out records deny nothing
   * that is used here (RFC 8198 section 5.3, RFC 5155 section 6); without them large registries cost no hashes.
   */
  putNsec3(zone: Name, set: RRset, now: number, how: How = 'new'): boolean {
    const record = nsec3Of(set, zone)
    if (record === null || record.optOut || isMinimalNsec3(record)) return false
    const own = this.#zone(zone)
    const parameters = flat(`${record.iterations}/${octetString(record.salt)}`)
    const chain: Chain = own.nsec3.get(parameters) ?? {
      parameters,
      salt: record.salt,
      iterations: record.iterations,
      list: new SortedList<Entry>(),
    }
    const kept = this.#put(own, chain, record.owner, set, set.ttl, now, how)
    if (kept !== null) {
      chain.list.set(kept.sortKey, kept)
      own.nsec3.set(parameters, chain)
      own.current = chain
    }
    this.#forgetIfEmpty(own)
    return kept !== null
  }

  /** What is known of a question's name and type; undefined when it has to be asked. */
  find(question: Question, now: number): Denied | undefined {
    const { name, type } = question
    if (question.class !== RrClass.IN || isMetaType(type) || NEVER_DENIED.has(type)) return undefined
    // DS is data of the zone above the cut (RFC 4035 section 2.4); only the deepest zone can speak of a name.
    const zone = this.#zoneAbove(type === RrType.DS ? parentOf(name) : name)
    if (zone === undefined) return undefined
    const soa = this.#live(zone.soa ?? undefined, now)
    if (soa === undefined) return undefined
    const byNsec = this.#byNsec({ zone, soa, now, used: [] }, name, type)
    return (
      byNsec ??
      (zone.current === null ? undefined : this.#byNsec3({ zone, soa, now, used: [] }, zone.current, name, type))
    )
  }

  /**
   * Removes all of the zones at and below a name and of the one that it is in; returns how many records went. Work
   * proportional to the store.
   */
  removeWithin(name: Name, dryRun = false): number {
    const own = this.#zoneAbove(name)
    return this.#store.deleteWhere(({ zone }) => zone === own || isWithin(zone.name, name), dryRun)
  }

  /** To be read to the end before anything changes. */
  keys(): Iterable<string> {
    return this.#store.keys()
  }

  /** What is kept under one of `keys`, without counting as use. */
  peek(key: string): KeptDenial | undefined {
    const entry = this.#store.peek(key)
    if (entry === undefined) return undefined
    const { zone, place, packed, storedAt } = entry
    return {
      zone: zone.name,
      what: typeof place === 'string' ? place : 'nsec3',
      set: unpackRRset(packed, packed.ttl),
      storedAt,
    }
  }

  /** Takes over a record of an earlier process as it was stored. False when it was not kept. */
  restore({ zone, what, set, storedAt }: KeptDenial, now: number): boolean {
    if (storedAt + set.ttl * 1_000 <= now) return false
    switch (what) {
      case 'soa':
        return this.putSoa(zone, set, storedAt, 'restored')
      case 'nsec':
        return this.putNsec(zone, set, storedAt, 'restored')
      case 'nsec3':
        return this.putNsec3(zone, set, storedAt, 'restored')
      default:
        return what satisfies never
    }
  }

  /** See `ByteStore.settle`. */
  settle(): Generator<void, void> {
    return this.#store.settle()
  }

  clear(): void {
    this.#store.clear()
    this.#zones.clear()
  }

  #byNsec(look: Look, name: Name, type: number): Denied | undefined {
    const found = this.#nsecFloor(look, name)
    if (found === undefined) return undefined
    const { entry, record } = found
    look.used.push(entry)
    if (record.owner === name)
      return typesAgainst(record.types, name, type) === null ? denied(look, 'nodata') : undefined
    if (!nsecCovers(record, name)) return undefined
    // An empty non-terminal (RFC 8020 section 3): the name exists, with nothing at it.
    if (isStrictlyWithin(record.next, name)) return denied(look, 'nodata')
    const wildcard = wildcardOf(nsecEncloser(record, name))
    if (wildcard === null) return denied(look, 'nxdomain')
    const above = this.#nsecFloor(look, wildcard)
    if (above === undefined) return undefined
    if (above.record.owner === wildcard) {
      if (hasType(above.record.types, type) || hasType(above.record.types, RrType.CNAME))
        return expanded(look, wildcard)
      look.used.push(above.entry)
      return typesAgainst(above.record.types, wildcard, type) === null ? denied(look, 'nodata') : undefined
    }
    look.used.push(above.entry)
    return nsecCovers(above.record, wildcard) && !isStrictlyWithin(above.record.next, wildcard)
      ? denied(look, 'nxdomain')
      : undefined
  }

  /** The record with the nearest owner at or before `name`. */
  #nsecFloor({ zone, now }: Look, name: Name): { readonly entry: Entry; readonly record: NsecRecord } | undefined {
    const entry = this.#live(zone.nsec.floor(canonicalKey(name)), now)
    const record = entry === undefined ? null : nsecOf(unpackRRset(entry.packed, 0), zone.name)
    return entry === undefined || record === null ? undefined : { entry, record }
  }

  /**
   * From the zone downwards: the deepest name that is matched and, right below it, the next closer name that is covered
   * (RFC 5155 section 8.3). Names of many labels cost no more hashes than there are names that exist.
   */
  #byNsec3(look: Look, chain: Chain, name: Name, type: number): Denied | undefined {
    const labels = labelCount(name)
    let blocks = this.#limits.denialHashBlocks
    const price = hashBlocks(chain.salt, chain.iterations)
    let encloser: { readonly name: Name; readonly entry: Entry } | null = null
    for (let count = labelCount(look.zone.name); count <= labels; count++) {
      blocks -= price
      // The wildcard comes on top.
      if (blocks < price) return undefined
      const at = suffixOf(name, count)
      const found = this.#nsec3At(look, chain, at)
      if (found?.kind === 'covers')
        return encloser === null ? undefined : this.#byNextCloser(look, chain, encloser, found.entry, type)
      encloser = null
      if (found === undefined) continue
      if (count === labels) {
        look.used.push(found.entry)
        return typesAgainst(found.record.types, name, type) === null ? denied(look, 'nodata') : undefined
      }
      if (delegatesBelow(found.record.types)) return undefined
      encloser = { name: at, entry: found.entry }
    }
    return undefined
  }

  #byNextCloser(
    look: Look,
    chain: Chain,
    encloser: { readonly name: Name; readonly entry: Entry },
    cover: Entry,
    type: number,
  ): Denied | undefined {
    const wildcard = wildcardOf(encloser.name)
    if (wildcard === null) return undefined
    const found = this.#nsec3At(look, chain, wildcard)
    if (found === undefined) return undefined
    if (found.kind === 'covers') {
      look.used.push(encloser.entry, cover, found.entry)
      return denied(look, 'nxdomain')
    }
    if (hasType(found.record.types, type) || hasType(found.record.types, RrType.CNAME)) {
      look.used.push(cover)
      return expanded(look, wildcard)
    }
    look.used.push(encloser.entry, cover, found.entry)
    return typesAgainst(found.record.types, wildcard, type) === null ? denied(look, 'nodata') : undefined
  }

  /** The record that matches or covers a name. */
  #nsec3At(
    { zone, now }: Look,
    { list, salt, iterations }: Chain,
    name: Name,
  ): { readonly kind: 'matches' | 'covers'; readonly entry: Entry; readonly record: Nsec3Record } | undefined {
    const hash = octetString(nsec3Hash(name, salt, iterations))
    // Before the first owner lies what the last record covers.
    const entry = this.#live(list.floor(hash) ?? list.last(), now)
    const record = entry === undefined ? null : nsec3Of(unpackRRset(entry.packed, 0), zone.name)
    if (entry === undefined || record === null) return undefined
    if (record.owner === hash) return { kind: 'matches', entry, record }
    return nsec3Covers(record, hash) ? { kind: 'covers', entry, record } : undefined
  }

  /**
   * Null when it is not stored: no TTL, no signature that could be shown, or too large. Room is made before it is in
   * its list.
   */
  #put(
    zone: Zone,
    place: Entry['place'],
    sortKey: string,
    set: RRset,
    ttl: number,
    now: number,
    how: How,
  ): Entry | null {
    const lives = Math.min(plainTtl(ttl), this.#limits.maxNegativeTtl, this.#limits.maxTtl)
    if (
      lives === 0 ||
      set.class !== RrClass.IN ||
      set.signatures.length === 0 ||
      dataBytes(set) > this.#limits.entryBytes
    )
      return null
    const key = flat(`${typeof place === 'string' ? place : place.parameters} ${zone.name}${sortKey}`)
    const entry: Entry = {
      zone,
      place,
      key,
      sortKey: flat(sortKey),
      packed: packRRset(set, lives),
      storedAt: now,
      expiresAt: now + lives * 1000,
    }
    if (!(how === 'new' ? this.#store.set(key, entry) : this.#store.restore(key, entry))) return null
    // The last of what the zone had may have gone to make room.
    this.#zones.set(zone.name, zone)
    return entry
  }

  #zone(name: Name): Zone {
    const known = this.#zones.get(name)
    if (known !== undefined) return known
    const zone: Zone = { name, nsec: new SortedList<Entry>(), nsec3: new Map(), current: null, soa: null }
    this.#zones.set(name, zone)
    return zone
  }

  #zoneAbove(name: Name): Zone | undefined {
    for (let at = name; ; at = parentOf(at)) {
      const zone = this.#zones.get(at)
      if (zone !== undefined || parentOf(at) === at) return zone
    }
  }

  /** The entry while it lives, counted as use. RFC 9077: not longer than the zone's negative TTL from when it came. */
  #live(entry: Entry | undefined, now: number): Entry | undefined {
    if (entry === undefined) return undefined
    if (endOf(entry) <= now) {
      this.#store.delete(entry.key)
      return undefined
    }
    this.#store.get(entry.key)
    return entry
  }

  #gone(entry: Entry): void {
    const { zone, place, sortKey } = entry
    if (place === 'soa') zone.soa = null
    else if (place === 'nsec') zone.nsec.delete(sortKey)
    else {
      place.list.delete(sortKey)
      if (place.list.size === 0) {
        zone.nsec3.delete(place.parameters)
        if (zone.current === place) zone.current = null
      }
    }
    this.#forgetIfEmpty(zone)
  }

  #forgetIfEmpty(zone: Zone): void {
    if (zone.soa === null && zone.nsec.size === 0 && zone.nsec3.size === 0 && this.#zones.get(zone.name) === zone)
      this.#zones.delete(zone.name)
  }
}

/** When an entry ends, ms. The SOA's own TTL is the zone's negative TTL. */
const endOf = ({ zone, storedAt, expiresAt }: Entry): number =>
  Math.min(expiresAt, storedAt + (zone.soa?.packed.ttl ?? 0) * 1000)

const secondsLeft = (entries: readonly Entry[], now: number): number =>
  Math.floor((Math.min(...entries.map(endOf)) - now) / 1000)

function proofOf(look: Look, ttl: number): RRset[] {
  return [...new Set(look.used)].map(entry => unpackRRset(entry.packed, ttl))
}

function denied(look: Look, kind: 'nxdomain' | 'nodata'): Denied | undefined {
  const ttl = secondsLeft([look.soa, ...look.used], look.now)
  return ttl < 1 ? undefined : { kind, soa: unpackRRset(look.soa.packed, ttl), proof: proofOf(look, ttl) }
}

function expanded(look: Look, wildcard: Name): Denied | undefined {
  const ttl = secondsLeft(look.used, look.now)
  return ttl < 1 ? undefined : { kind: 'wildcard', wildcard, proof: proofOf(look, ttl) }
}
