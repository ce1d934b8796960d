/**
 * What a signer has to know of the names of a zone: which exist, which are cuts, which lie below one and are not the
 * zone's own (RFC 4035 section 2.2). Made once from a zone's RRsets.
 */
import { foldName, isStrictlyWithin, isWithin, type Name, parentOf, wildcardOf } from '../dns/name.ts'
import { targetOf } from '../dns/rdata.ts'
import type { RRset } from '../dns/rrset.ts'
import { RrType } from '../dns/types.ts'
import type { Zone } from '../zone/zone.ts'

export type SetsByType = ReadonlyMap<number, RRset>

export class ZoneNames {
  readonly origin: Name
  /** With empty non-terminals, which have no sets. Names below cuts and DNAMEs are among them. */
  readonly #names = new Map<Name, Map<number, RRset>>()

  constructor(zone: Zone) {
    this.origin = zone.origin
    this.#add(zone.origin)
    for (const rrset of zone.rrsets()) if (rrset.type !== RrType.RRSIG) this.#add(rrset.name).set(rrset.type, rrset)
  }

  find(name: Name, type: number): RRset | undefined {
    return this.#names.get(name)?.get(type)
  }

  setsAt(name: Name): SetsByType {
    return this.#names.get(name) ?? new Map()
  }

  isCut(name: Name): boolean {
    return name !== this.origin && this.setsAt(name).has(RrType.NS)
  }

  /** Does the name exist in this zone, a cut or an empty non-terminal included? */
  exists(name: Name): boolean {
    return this.#names.has(name) && !this.#isBelowSomething(name)
  }

  /** The deepest name at or above `name` that exists. */
  closestEncloser(name: Name): Name {
    let at = name
    while (at !== this.origin && !this.exists(at)) at = parentOf(at)
    return at
  }

  /** The name one label longer than the closest encloser, towards `name`. */
  nextCloser(name: Name, encloser: Name): Name {
    let at = name
    while (at !== encloser && parentOf(at) !== encloser && at !== this.origin) at = parentOf(at)
    return at
  }

  /** The set that an answer for `name` was expanded from; undefined when it was not. */
  wildcardFor(name: Name, type: number): RRset | undefined {
    if (this.exists(name)) return undefined
    const wildcard = wildcardOf(this.closestEncloser(name))
    return wildcard === null ? undefined : this.find(wildcard, type)
  }

  /** Names that own records of this zone: its own, and cuts. */
  *owners(): Iterable<readonly [Name, SetsByType]> {
    for (const [name, sets] of this.#names) if (sets.size > 0 && !this.#isBelowSomething(name)) yield [name, sets]
  }

  /** Where an alias chain that starts at `name` has come to. */
  endOf(name: Name, chain: readonly RRset[]): Name {
    const last = chain.at(-1)
    const rdata = last?.type === RrType.CNAME ? last.rdatas[0] : undefined
    const target = rdata === undefined ? null : targetOf(rdata)
    return target === null ? name : foldName(target)
  }

  #isBelowSomething(name: Name): boolean {
    if (!isWithin(name, this.origin)) return true
    for (let at = name; isStrictlyWithin(at, this.origin); ) {
      at = parentOf(at)
      if (this.isCut(at) || this.setsAt(at).has(RrType.DNAME)) return true
    }
    return false
  }

  #add(name: Name): Map<number, RRset> {
    const known = this.#names.get(name)
    if (known !== undefined) return known
    const sets = new Map<number, RRset>()
    this.#names.set(name, sets)
    if (isStrictlyWithin(name, this.origin)) this.#add(parentOf(name))
    return sets
  }
}
