/**
 * The rules of all response policy zones in one table: for each name the zones (as bits) that have a rule for it, for
 * the names below it, or anything at or below it. Names are known by a keyed hash of 64 bits, so that an entry has 20
 * octets and a look-up costs one probe a label, however many zones there are. The rules themselves stay in their zones.
 *
 * Invariant: a zone is a bit; lower bits are earlier zones, which have precedence.
 */
import { type Name, parentOf } from '../../dns/name.ts'
import { FlatContent, type FlatZone } from '../../zone/flat-zone.ts'
import { type HashKey, NameHasher } from '../lists/hash.ts'
import { isOfPolicy, readAction } from './action.ts'
import {
  type AddressTriggerKind,
  addressOwner,
  maskedBytes,
  type NameTriggerKind,
  readTrigger,
  type Trigger,
} from './trigger.ts'

/** Cloneable: made in a thread, read in another. */
export interface RuleTables {
  readonly key: HashKey
  readonly qname: NameTable
  readonly nsdname: NameTable
  readonly 'client-ip': AddressTable
  readonly ip: AddressTable
  readonly nsip: AddressTable
  /** Rules in each zone. */
  readonly counts: readonly number[]
}

interface NameTable {
  /** Hash (two words), zones with a rule for the name, for those below it, and with anything at or below it. */
  readonly words: Uint32Array
  /** The same of the root: zones with `*.`, which is all names. */
  readonly all: number
  readonly zones: number
}

interface AddressTable extends NameTable {
  /** Prefix lengths that occur, the longest first; IPv4 counts as 96 more. */
  readonly lengths: readonly number[]
  /** Owners that are not written as we would write them, by key. */
  readonly owners: ReadonlyMap<string, Name>
}

const STRIDE = 5
const EXACT = 2
const BELOW = 3
const EXISTS = 4
const FIRST_ENTRIES = 1_024
/** Of IPv4 in IPv6. */
const MAPPED_BITS = 96

class Draft {
  words = new Uint32Array(FIRST_ENTRIES * STRIDE)
  #entries = 0
  all = 0
  zones = 0

  /** The offset of an entry, which is made when there is none. */
  at(high: number, low: number): number {
    if ((this.#entries + 1) * 2 * STRIDE > this.words.length) this.#grow()
    const at = slotOf(this.words, high, low)
    if (this.words[at + EXISTS] === 0) {
      this.words[at] = high
      this.words[at + 1] = low
      this.#entries++
    }
    return at
  }

  #grow(): void {
    const before = this.words
    this.words = new Uint32Array(before.length * 2)
    for (let at = 0; at < before.length; at += STRIDE) {
      if (before[at + EXISTS] === 0) continue
      this.words.set(before.subarray(at, at + STRIDE), slotOf(this.words, before[at] ?? 0, before[at + 1] ?? 0))
    }
  }
}

/** Where an entry is, or would be. In an entry that is used some zone has something. */
function slotOf(words: Uint32Array, high: number, low: number): number {
  const entries = words.length / STRIDE
  for (let slot = low % entries; ; slot = slot + 1 === entries ? 0 : slot + 1) {
    const at = slot * STRIDE
    if (words[at + EXISTS] === 0 || (words[at] === high && words[at + 1] === low)) return at
  }
}

export interface IndexedZone {
  readonly zone: FlatZone
  /** Owners whose rules are not used, with the reason: the first few. */
  readonly faults: readonly { readonly owner: Name; readonly why: string }[]
  readonly faultCount: number
  readonly rules: number
}

/** Makes the tables of zones in their order; there are at most 32. `key` is random. */
export class IndexBuilder {
  readonly #hasher: NameHasher
  readonly #key: HashKey
  readonly #names: Readonly<Record<NameTriggerKind, Draft>> = { qname: new Draft(), nsdname: new Draft() }
  readonly #addresses: Readonly<Record<AddressTriggerKind, Draft>> = {
    'client-ip': new Draft(),
    ip: new Draft(),
    nsip: new Draft(),
  }
  readonly #lengths: Readonly<Record<AddressTriggerKind, Set<number>>> = {
    'client-ip': new Set(),
    ip: new Set(),
    nsip: new Set(),
  }
  readonly #owners: Readonly<Record<AddressTriggerKind, Map<string, Name>>> = {
    'client-ip': new Map(),
    ip: new Map(),
    nsip: new Map(),
  }
  readonly #counts: number[] = []

  constructor(key: HashKey) {
    this.#key = key
    this.#hasher = new NameHasher(key)
  }

  /** The next zone. At most `faultsListed` faults come back. */
  add(zone: FlatZone, faultsListed: number): IndexedZone {
    const index = this.#counts.length
    const content = new FlatContent(zone)
    const faults: { readonly owner: Name; readonly why: string }[] = []
    let faultCount = 0
    let rules = 0
    let last: Name | null = null
    for (const { name, type } of content.rrsets()) {
      if (name === last || !isOfPolicy(type)) continue
      last = name
      const trigger = readTrigger(name, zone.origin)
      if (trigger === null) continue
      const action = 'error' in trigger ? trigger : readAction(content.at(name)?.values() ?? [], trigger)
      if (action === null) continue
      if ('error' in trigger || 'error' in action) {
        faultCount++
        if (faults.length < faultsListed) faults.push({ owner: name, why: 'error' in action ? action.error : '' })
        continue
      }
      rules++
      this.#enter(trigger, index, name, zone.origin)
    }
    this.#counts.push(rules)
    return { zone, faults, faultCount, rules }
  }

  finish(): RuleTables {
    const names = (kind: NameTriggerKind): NameTable => {
      const { words, all, zones } = this.#names[kind]
      return { words, all, zones }
    }
    const addresses = (kind: AddressTriggerKind): AddressTable => {
      const { words, all, zones } = this.#addresses[kind]
      const lengths = [...this.#lengths[kind]].sort((a, b) => b - a)
      return { words, all, zones, lengths, owners: this.#owners[kind] }
    }
    return {
      key: this.#key,
      qname: names('qname'),
      nsdname: names('nsdname'),
      'client-ip': addresses('client-ip'),
      ip: addresses('ip'),
      nsip: addresses('nsip'),
      counts: this.#counts,
    }
  }

  #enter(trigger: Trigger, index: number, owner: Name, origin: Name): void {
    const bit = (1 << index) >>> 0
    switch (trigger.kind) {
      case 'qname':
      case 'nsdname':
        this.#enterName(this.#names[trigger.kind], trigger.name, trigger.wildcard, bit)
        return
      case 'client-ip':
      case 'ip':
      case 'nsip': {
        const { kind, bytes, bits } = trigger
        this.#enterAddress(this.#addresses[kind], bytes, bits, bit)
        this.#lengths[kind].add(bytes.length === 4 ? bits + MAPPED_BITS : bits)
        if (owner !== addressOwner(kind, bytes, bits, origin))
          this.#owners[kind].set(ownerKey(index, bytes, bits), owner)
        return
      }
      default:
        trigger satisfies never
    }
  }

  #enterAddress(draft: Draft, bytes: Uint8Array, bits: number, bit: number): void {
    draft.zones = (draft.zones | bit) >>> 0
    this.#hasher.prefix(bytes, bits)
    const at = draft.at(this.#hasher.high[0] ?? 0, this.#hasher.low[0] ?? 0)
    for (const place of [EXACT, EXISTS]) draft.words[at + place] = (draft.words[at + place] ?? 0) | bit
  }

  #enterName(draft: Draft, name: Name, wildcard: boolean, bit: number): void {
    draft.zones = (draft.zones | bit) >>> 0
    const labels = this.#hasher.name(name)
    if (labels === 0) {
      if (wildcard) draft.all = (draft.all | bit) >>> 0
      return
    }
    for (let i = 0; i < labels; i++) {
      const at = draft.at(this.#hasher.high[i] ?? 0, this.#hasher.low[i] ?? 0)
      const { words } = draft
      const known = ((words[at + EXISTS] ?? 0) & bit) !== 0
      words[at + EXISTS] = (words[at + EXISTS] ?? 0) | bit
      if (i === 0) words[at + (wildcard ? BELOW : EXACT)] = (words[at + (wildcard ? BELOW : EXACT)] ?? 0) | bit
      // What exists has all names above it.
      if (known) return
    }
  }
}

const ownerKey = (zone: number, bytes: Uint8Array, bits: number): string => `${zone} ${bits} ${bytes.join('.')}`

export interface NameHit {
  /** The number of the zone. */
  readonly zone: number
  readonly name: Name
  readonly wildcard: boolean
}

export interface AddressHit {
  readonly zone: number
  /** Null: as we would write it. */
  readonly owner: Name | null
  readonly bytes: Uint8Array
  readonly bits: number
}

/** Looks rules up. `zones` are the bits of those that may be found. */
export class RuleIndex {
  readonly tables: RuleTables
  readonly #hasher: NameHasher

  constructor(tables: RuleTables) {
    this.tables = tables
    this.#hasher = new NameHasher(tables.key)
  }

  /**
   * The first zone with a rule for a name. In each zone the name itself has precedence, then the wildcard right below
   * its closest encloser (RFC 4592): what exists there, if only as the name above a rule, hides wildcards above it.
   */
  name(kind: NameTriggerKind, name: Name, zones: number): NameHit | null {
    const { words, all, zones: having } = this.tables[kind]
    let pending = zones & having
    if (pending === 0) return null
    const labels = this.#hasher.name(name)
    let found: { readonly zone: number; readonly above: number } | null = null
    for (let i = 0; i < labels && pending !== 0; i++) {
      const at = slotOf(words, this.#hasher.high[i] ?? 0, this.#hasher.low[i] ?? 0)
      const hits = (words[at + (i === 0 ? EXACT : BELOW)] ?? 0) & pending
      if (hits !== 0) found = { zone: lowest(hits), above: i }
      pending &= ~(words[at + EXISTS] ?? 0)
      if (found !== null) pending &= before(found.zone)
    }
    const hits = labels === 0 ? 0 : all & pending
    if (hits !== 0) found = { zone: lowest(hits), above: labels }
    if (found === null) return null
    let above = name
    for (let i = 0; i < found.above; i++) above = parentOf(above)
    return { zone: found.zone, name: above, wildcard: found.above > 0 }
  }

  /** The first zone with a rule for one of some addresses; in it the longest prefix, and then the smallest address. */
  address(kind: AddressTriggerKind, addresses: readonly Uint8Array[], zones: number): AddressHit | null {
    const { zones: having, lengths, owners } = this.tables[kind]
    let pending = zones & having
    if (pending === 0) return null
    let best: AddressHit | null = null
    let bestLength = -1
    for (const bytes of addresses) {
      for (const length of lengths) {
        const bits = bytes.length === 4 ? length - MAPPED_BITS : length
        if (bits < 1 || bits > bytes.length * 8) continue
        const hits = this.#zonesOf(kind, bytes, bits) & pending
        if (hits === 0) continue
        const masked = maskedBytes(bytes, bits)
        const zone = lowest(hits)
        const isBetter =
          best === null ||
          zone < best.zone ||
          length > bestLength ||
          (length === bestLength && compare(masked, best.bytes) < 0)
        if (!isBetter) continue
        best = { zone, owner: owners.get(ownerKey(zone, masked, bits)) ?? null, bytes: masked, bits }
        bestLength = length
        // Later zones are of no interest any more.
        pending &= before(zone + 1)
      }
    }
    return best
  }

  #zonesOf(kind: AddressTriggerKind, bytes: Uint8Array, bits: number): number {
    const { words } = this.tables[kind]
    this.#hasher.prefix(bytes, bits)
    return words[slotOf(words, this.#hasher.high[0] ?? 0, this.#hasher.low[0] ?? 0) + EXACT] ?? 0
  }
}

/** The number of the lowest bit. */
const lowest = (bits: number): number => 31 - Math.clz32(bits & -bits)

/** The bits of all zones before one. */
export const before = (zone: number): number => (zone >= 32 ? -1 : (1 << zone) - 1)

/** IPv4 addresses are smaller than others. */
function compare(a: Uint8Array, b: Uint8Array): number {
  if (a.length !== b.length) return a.length - b.length
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return (a[i] ?? 0) - (b[i] ?? 0)
  return 0
}
