/**
 * One zone that we hold ourselves, and what it says to a question: RFC 1034 section 4.3.2 with wildcards (RFC 4592),
 * DNAME (RFC 6672) and delegations. Aliases are followed as far as the zone goes. It knows nothing of messages, sets no
 * flags and sends no queries; answers are unsigned, since a signed zone would need denials that it does not make.
 *
 * A record-only zone has single records that override what the Internet says. As in Unbound's `transparent` zones a
 * name with records is answered here whatever the type, any other name is 'not-here'; NS records are data and delegate
 * nothing.
 *
 * Invariants: a zone never changes; the work for an answer is proportional to the labels of the names it passes, of
 * which there are at most `aliases`.
 */
import { foldName, isWithin, type Name, parentOf, replaceSuffix, wildcardOf, type WireName } from '../dns/name.ts'
import type { Question } from '../dns/message.ts'
import { mxExchange, nameRdata, readSoa, srvTarget, targetOf } from '../dns/rdata.ts'
import { makeRRset, type RRset, withTtl } from '../dns/rrset.ts'
import { RrClass, RrType } from '../dns/types.ts'
import { defaultLimits } from '../limits.ts'
import { FlatContent, type FlatZone, type SetsAt } from './flat-zone.ts'

export type ZoneAnswer =
  /** `rrsets` is the alias chain, if any, and the data at its end. */
  | { readonly kind: 'answer'; readonly rrsets: readonly RRset[]; readonly additional: readonly RRset[] }
  /** The chain leaves the zone (or, inside it, is a loop or too long): `target` is where it goes on. */
  | { readonly kind: 'alias'; readonly rrsets: readonly RRset[]; readonly target: Name }
  /** `rrsets` is the chain. `soa` has the negative TTL (RFC 2308 section 5); null in a record-only zone. */
  | { readonly kind: 'nodata' | 'nxdomain'; readonly rrsets: readonly RRset[]; readonly soa: RRset | null }
  | Referral
  /** RFC 6672 section 2.2: the substituted name would exceed 255 octets, which is answered YXDOMAIN. */
  | { readonly kind: 'name-too-long'; readonly rrsets: readonly RRset[] }
  /** A zone of other servers that cannot be answered from now. */
  | { readonly kind: 'unavailable'; readonly rrsets: readonly RRset[]; readonly why: Unavailable }
  /** Not this zone's business: the name is outside, or a record-only zone has nothing for it. */
  | { readonly kind: 'not-here'; readonly rrsets: readonly RRset[] }

/** RFC 8914: a zone that has not come yet (14, Not Ready), or is too old to be given out (24, Invalid Data). */
export type Unavailable = 'zone-not-loaded' | 'zone-expired'

/** `rrsets` is the alias chain that led to the cut. */
export interface Referral {
  readonly kind: 'referral'
  readonly rrsets: readonly RRset[]
  readonly cut: Name
  readonly ns: RRset
  /** All addresses that the zone has for the servers, those of sibling delegations included. */
  readonly glue: readonly RRset[]
  readonly ds: RRset | null
}

export interface ZoneOptions {
  readonly recordsOnly: boolean
  /** Names that exist without records at or below them: all types are NODATA there. */
  readonly emptyNames?: readonly Name[]
  /** Aliases followed inside the zone. */
  readonly aliases?: number
  /** Names whose addresses are added to an answer. */
  readonly additionalNames?: number
  /** It is ours to answer and cannot be. */
  readonly unavailable?: Unavailable
}

/** RRsets by type. Empty at an empty non-terminal. */
type Sets = SetsAt

/** Where a name leads. */
type Place =
  | { readonly kind: 'cut'; readonly ns: RRset; readonly ds: RRset | null }
  | { readonly kind: 'dname'; readonly dname: RRset }
  | { readonly kind: 'name' | 'wildcard'; readonly sets: Sets }
  | { readonly kind: 'absent' }

const ABSENT: Place = Object.freeze({ kind: 'absent' })

/** What a zone holds, ready to be asked: as objects, or flat when it is large. */
interface Content {
  all(): Iterable<RRset>
  at(name: Name): Sets | undefined
  recordCount(): number
  readonly flat: FlatZone | null
  /** With the TTL of denials. */
  readonly soa: RRset | null
}

function contentOf(origin: Name, rrsets: readonly RRset[], { recordsOnly, emptyNames = [] }: ZoneOptions): Content {
  const all = rrsets.filter(rrset => isWithin(rrset.name, origin))
  const names = namesOf(origin, all, emptyNames)
  return {
    all: () => all,
    at: name => names.get(name),
    recordCount: () => all.reduce((sum, rrset) => sum + rrset.rdatas.length + rrset.signatures.length, 0),
    flat: null,
    soa: recordsOnly ? null : denialSoa(names.get(origin)?.get(RrType.SOA)),
  }
}

function flatContentOf(origin: Name, flat: FlatContent, { recordsOnly }: ZoneOptions): Content {
  const apex = flat.at(origin)
  return {
    all: () => flat.rrsets(),
    // Every answer begins at the apex.
    at: name => (name === origin ? apex : flat.at(name)),
    recordCount: () => flat.zone.recordCount,
    flat: flat.zone,
    soa: recordsOnly ? null : denialSoa(apex?.get(RrType.SOA)),
  }
}

export class Zone {
  readonly origin: Name
  readonly recordsOnly: boolean
  readonly #content: () => Content
  readonly #aliases: number
  readonly #additionalNames: number
  readonly #unavailable: Unavailable | null

  /**
   * RRsets outside `origin` are left out: whoever reads a zone complains about them. A function is called when the zone
   * is first asked something: of the hundred that are built in hardly any ever is. Of a flat content all is within, and
   * it has its empty names.
   */
  constructor(origin: Name, rrsets: readonly RRset[] | (() => readonly RRset[]) | FlatContent, options: ZoneOptions) {
    this.origin = origin
    this.recordsOnly = options.recordsOnly
    if (typeof rrsets === 'function') {
      let made: Content | null = null
      this.#content = () => (made ??= contentOf(origin, rrsets(), options))
    } else {
      const content =
        rrsets instanceof FlatContent ? flatContentOf(origin, rrsets, options) : contentOf(origin, rrsets, options)
      this.#content = () => content
    }
    this.#aliases = options.aliases ?? defaultLimits.budget.aliases
    this.#additionalNames = options.additionalNames ?? defaultLimits.zone.additionalNames
    this.#unavailable = options.unavailable ?? null
  }

  /** Records, signatures included. */
  get recordCount(): number {
    return this.#content().recordCount()
  }

  /** Its content, when it is kept flat: what can be handed to another thread. */
  get flat(): FlatZone | null {
    return this.#content().flat
  }

  /** All RRsets as given, with their signatures. */
  rrsets(): Iterable<RRset> {
    return this.#content().all()
  }

  /** The RRsets of one name as given, zone cuts and DNAMEs not minded. */
  setsAt(name: Name): readonly RRset[] {
    return [...(this.#content().at(name)?.values() ?? [])]
  }

  /** Does the name exist here, with records or as an empty non-terminal, and not below a zone cut or DNAME? */
  has(name: Name): boolean {
    return isWithin(name, this.origin) && this.#locate(name, RrType.DS).kind === 'name'
  }

  /** Would `answer` say anything but 'not-here'? */
  covers(question: Question): boolean {
    if (question.class !== RrClass.IN || !isWithin(question.name, this.origin)) return false
    return !this.recordsOnly || !this.#isMissing(this.#locate(question.name, question.type))
  }

  answer(question: Question): ZoneAnswer {
    if (!this.covers(question)) return { kind: 'not-here', rrsets: [] }
    if (this.#unavailable !== null) return { kind: 'unavailable', rrsets: [], why: this.#unavailable }
    const { type } = question
    const chain: RRset[] = []
    const seen = new Set<Name>()
    for (let { name } = question; ; ) {
      const place = this.#locate(name, type)
      const target = followAlias(place, name, type, chain)
      if (target === 'too-long') return { kind: 'name-too-long', rrsets: chain }
      if (target === null) return this.#end(place, name, type, chain)
      if (asksForAlias(type)) return { kind: 'answer', rrsets: chain, additional: [] }
      seen.add(name)
      // A loop, or a chain longer than anybody follows: the rest is for whoever asked, who counts as well.
      if (!isWithin(target, this.origin) || seen.has(target) || seen.size >= this.#aliases)
        return { kind: 'alias', rrsets: chain, target }
      name = target
    }
  }

  /** What there is at the end of a chain. */
  #end(place: Place, name: Name, type: number, chain: readonly RRset[]): ZoneAnswer {
    if (this.recordsOnly && this.#isMissing(place)) return { kind: 'alias', rrsets: chain, target: name }
    switch (place.kind) {
      case 'cut':
        return {
          kind: 'referral',
          rrsets: chain,
          cut: place.ns.name,
          ns: place.ns,
          ds: place.ds,
          glue: this.#addressesOf(targetsOf(place.ns)),
        }
      case 'name':
      case 'wildcard': {
        // RFC 8482 section 4.1: ANY is answered with one RRset.
        const found = type === RrType.ANY ? firstOf(place.sets) : place.sets.get(type)
        if (found === undefined) return { kind: 'nodata', rrsets: chain, soa: this.#content().soa }
        const data = place.kind === 'name' ? found : synthesised(found, name)
        return {
          kind: 'answer',
          rrsets: [...chain, data],
          additional: this.#addressesOf(targetsOf(data).slice(0, this.#additionalNames)),
        }
      }
      case 'dname':
      case 'absent':
        return { kind: 'nxdomain', rrsets: chain, soa: this.#content().soa }
      default:
        return place satisfies never
    }
  }

  /** In a record-only zone a name without own records does not exist here; that includes empty non-terminals. */
  #isMissing(place: Place): boolean {
    return place.kind === 'absent' || ((place.kind === 'name' || place.kind === 'wildcard') && place.sets.size === 0)
  }

  /** RFC 1034 section 4.3.2 step 3: matches down from the apex, label by label, until something decides. */
  #locate(name: Name, type: number): Place {
    const content = this.#content()
    let sets = content.at(this.origin)
    let encloser = this.origin
    for (const below of suffixesBelow(name, this.origin)) {
      // RFC 6672 section 2.3: a DNAME redirects what is below its owner, not the owner, and it may stand at the apex.
      const dname = sets?.get(RrType.DNAME)
      if (dname !== undefined) return { kind: 'dname', dname }
      sets = content.at(below)
      // RFC 4592 section 3.3.1: only the wildcard right below the closest encloser counts, and only when the name is
      // missing.
      if (sets === undefined) return this.#wildcardBelow(encloser)
      encloser = below
      const ns = this.recordsOnly ? undefined : sets.get(RrType.NS)
      // RFC 4035 section 3.1.4.1: the DS RRset of a child is data of the parent.
      if (ns !== undefined && !(below === name && type === RrType.DS))
        return { kind: 'cut', ns, ds: sets.get(RrType.DS) ?? null }
    }
    return sets === undefined ? ABSENT : { kind: 'name', sets }
  }

  #wildcardBelow(encloser: Name): Place {
    const wildcard = wildcardOf(encloser)
    const sets = wildcard === null ? undefined : this.#content().at(wildcard)
    return sets === undefined ? ABSENT : { kind: 'wildcard', sets }
  }

  /** Addresses that the zone has for some names, glue included. */
  #addressesOf(targets: readonly Name[]): RRset[] {
    const found: RRset[] = []
    for (const target of targets) {
      const sets = this.#content().at(target)
      for (const type of [RrType.A, RrType.AAAA]) {
        const addresses = sets?.get(type)
        if (addresses !== undefined) found.push(addresses)
      }
    }
    return found
  }
}

/** A question that an alias itself answers. */
const asksForAlias = (type: number): boolean => type === RrType.CNAME || type === RrType.ANY

/** Follows a CNAME or DNAME at `place`, putting what it passes into `chain`; null when there is none to follow. */
function followAlias(place: Place, name: Name, type: number, chain: RRset[]): Name | 'too-long' | null {
  switch (place.kind) {
    case 'cut':
    case 'absent':
      return null
    case 'dname': {
      const { dname } = place
      if (!chain.includes(dname)) chain.push(dname)
      const to = firstTarget(dname)
      const target = to === null ? null : replaceSuffix(name, dname.name, to)
      if (target === null) return 'too-long'
      // RFC 6672 section 3.1: the CNAME made from a DNAME has its TTL.
      chain.push(makeRRset(name, RrType.CNAME, dname.class, dname.ttl, [nameRdata(target)]))
      return foldName(target)
    }
    case 'name':
    case 'wildcard': {
      const cname = asksForAlias(type) ? undefined : place.sets.get(RrType.CNAME)
      const target = cname === undefined ? null : firstTarget(cname)
      if (cname === undefined || target === null) return null
      chain.push(place.kind === 'name' ? cname : synthesised(cname, name))
      return foldName(target)
    }
    default:
      return place satisfies never
  }
}

function namesOf(
  origin: Name,
  rrsets: readonly RRset[],
  emptyNames: readonly Name[],
): ReadonlyMap<Name, ReadonlyMap<number, RRset>> {
  const names = new Map<Name, Map<number, RRset>>()
  const add = (name: Name): Map<number, RRset> => {
    const known = names.get(name)
    if (known !== undefined) return known
    const sets = new Map<number, RRset>()
    names.set(name, sets)
    // RFC 4592 section 2.2.2: all names above exist as well.
    if (name !== origin) add(parentOf(name))
    return sets
  }
  for (const rrset of rrsets) {
    if (rrset.type === RrType.RRSIG) continue
    const sets = add(rrset.name)
    const known = sets.get(rrset.type)
    const rdatas = known === undefined ? rrset.rdatas : [...known.rdatas, ...rrset.rdatas]
    const ttl = Math.min(rrset.ttl, known?.ttl ?? rrset.ttl)
    sets.set(
      rrset.type,
      rrset.signatures.length === 0 && known === undefined
        ? rrset
        : makeRRset(rrset.owner, rrset.type, rrset.class, ttl, rdatas),
    )
  }
  for (const name of emptyNames) if (isWithin(name, origin)) add(name)
  return names
}

/** The suffixes of `name` that are strictly within `origin`, the shortest first, `name` last. */
function suffixesBelow(name: Name, origin: Name): Name[] {
  const suffixes: Name[] = []
  for (let suffix = name; suffix.length > origin.length; suffix = parentOf(suffix)) suffixes.push(suffix)
  return suffixes.reverse()
}

/** RFC 4592 section 3.3.3: what a wildcard yields has the name that was asked for. */
const synthesised = (rrset: RRset, name: Name): RRset => ({ ...rrset, owner: name, name })

function firstOf(sets: Sets): RRset | undefined {
  for (const rrset of sets.values()) return rrset
  return undefined
}

function firstTarget(rrset: RRset): WireName | null {
  const rdata = rrset.rdatas[0]
  return rdata === undefined ? null : targetOf(rdata)
}

/**
 * The hosts that an RRset names, whose addresses an asker will want next (RFC 1035 section 3.3, RFC 2782); each once.
 */
function targetsOf(rrset: RRset): Name[] {
  const read = targetReader(rrset.type)
  if (read === null) return []
  const targets = new Set<Name>()
  for (const rdata of rrset.rdatas) {
    const target = read(rdata)
    if (target !== null) targets.add(foldName(target))
  }
  return [...targets]
}

function targetReader(type: number): ((rdata: Uint8Array) => WireName | null) | null {
  switch (type) {
    case RrType.NS:
      return targetOf
    case RrType.MX:
      return mxExchange
    case RrType.SRV:
      return srvTarget
    default:
      return null
  }
}

/** RFC 2308 section 3: the SOA of a denial has the smaller of its own TTL and its MINIMUM. */
function denialSoa(soa: RRset | undefined): RRset | null {
  const rdata = soa?.rdatas[0]
  const fields = rdata === undefined ? null : readSoa(rdata)
  return soa === undefined || fields === null ? null : withTtl(soa, Math.min(soa.ttl, fields.minimum))
}
