/**
 * One zone that we hold ourselves, and what it says to a question (RFC 1034 section 4.3.2, RFC 4592, RFC 6672). It answers
 * as data, never as a message, and knows nothing of other zones: an alias that leaves it and a delegation inside it are
 * for the caller to follow. Its records are fixed when it is made; work per answer is proportional to labels and records
 * handed out, whatever the size of the zone.
 */
import type { Question } from '../dns/message.ts'
import { foldName, isStrictlyWithin, isWithin, type Name, parentOf, replaceSuffix, wildcardOf } from '../dns/name.ts'
import { mxExchange, nameRdata, readSoa, srvTarget, targetOf } from '../dns/rdata.ts'
import { makeRRset, type RRset, withTtl } from '../dns/rrset.ts'
import { RrClass, RrType } from '../dns/types.ts'
import { defaultLimits } from '../limits.ts'

/**
 * `rrsets` is the alias chain (owners in the zone), in `answer` with the set that ends it. `not-here`: a zone of single
 * records has nothing to say about the name, recursion goes on. TTLs are those of the zone, the SOA's that of a denial.
 */
export type ZoneAnswer =
  | { readonly kind: 'answer'; readonly rrsets: readonly RRset[]; readonly additional: readonly RRset[] }
  | { readonly kind: 'alias'; readonly rrsets: readonly RRset[]; readonly target: Name }
  | { readonly kind: 'nodata' | 'nxdomain'; readonly rrsets: readonly RRset[]; readonly soa: RRset | null }
  | { readonly kind: 'referral'; readonly rrsets: readonly RRset[]; readonly cut: Name; readonly ns: RRset; readonly glue: readonly RRset[]; readonly ds: RRset | null }
  | { readonly kind: 'name-too-long'; readonly rrsets: readonly RRset[] }
  | { readonly kind: 'not-here'; readonly rrsets: readonly RRset[] }

type Node = ReadonlyMap<number, RRset>

/** What the tree holds for one name. */
type Found =
  | { readonly kind: 'node'; readonly node: Node; readonly owner: Name }
  | { readonly kind: 'cut'; readonly cut: Name; readonly ns: RRset }
  | { readonly kind: 'dname'; readonly dname: RRset }
  | { readonly kind: 'empty' }
  | { readonly kind: 'nothing' }

export class Zone {
  readonly origin: Name
  /** Single records without SOA and NS: names that it does not list are left to recursion. */
  readonly recordsOnly: boolean
  readonly recordCount: number
  readonly #nodes = new Map<Name, Map<number, RRset>>()
  /** Names that exist only because there are names below them (RFC 4592 section 2.2.2). */
  readonly #nonTerminals = new Set<Name>()
  readonly #soa: RRset | null

  constructor(origin: Name, rrsets: readonly RRset[], options: { readonly recordsOnly: boolean }) {
    this.origin = origin
    this.recordsOnly = options.recordsOnly
    let records = 0
    for (const rrset of rrsets) {
      records += rrset.rdatas.length
      const node = this.#nodes.get(rrset.name) ?? new Map<number, RRset>()
      node.set(rrset.type, rrset)
      this.#nodes.set(rrset.name, node)
    }
    for (const name of this.#nodes.keys()) {
      for (let above = name; above !== origin && isStrictlyWithin(above, origin); ) {
        above = parentOf(above)
        if (this.#nonTerminals.has(above)) break
        if (!this.#nodes.has(above)) this.#nonTerminals.add(above)
      }
    }
    this.recordCount = records
    this.#soa = this.#denialSoa()
  }

  *rrsets(): IterableIterator<RRset> {
    for (const node of this.#nodes.values()) yield* node.values()
  }

  /** Does the zone speak for this name? A zone does for all names within it; single records only for the names they are at. */
  claims(name: Name): boolean {
    if (!isWithin(name, this.origin)) return false
    if (!this.recordsOnly) return true
    const found = this.#find(name, RrType.ANY)
    return found.kind !== 'nothing' && found.kind !== 'empty'
  }

  answer(question: Question): ZoneAnswer {
    const chain: RRset[] = []
    const seen = new Set<Name>()
    for (let { name } = question; ; ) {
      if (!isWithin(name, this.origin)) return { kind: 'alias', rrsets: chain, target: name }
      // A loop or a chain beyond what anyone follows: the rest is the asker's to find out.
      if (seen.has(name) || seen.size > defaultLimits.budget.aliases) return { kind: 'alias', rrsets: chain, target: name }
      seen.add(name)
      const found = question.class === RrClass.IN ? this.#find(name, question.type) : ({ kind: 'nothing' } as const)
      switch (found.kind) {
        case 'cut':
          return { kind: 'referral', rrsets: chain, cut: found.cut, ns: found.ns, glue: this.#addressesFor(found.ns), ds: this.#nodes.get(found.cut)?.get(RrType.DS) ?? null }
        case 'dname': {
          const next = this.#throughDname(name, found.dname)
          if (next === null) return { kind: 'name-too-long', rrsets: [...chain, found.dname] }
          chain.push(found.dname, next.cname)
          name = next.target
          continue
        }
        case 'node': {
          const set = pick(found.node, question.type)
          if (set !== undefined) return this.#positive(chain, name, found.owner, set)
          const cname = found.node.get(RrType.CNAME)
          const target = cname?.rdatas[0] === undefined ? null : targetOf(cname.rdatas[0])
          if (cname === undefined || target === null) return { kind: 'nodata', rrsets: chain, soa: this.#soa }
          chain.push(at(name, found.owner, cname))
          name = foldName(target)
          continue
        }
        case 'empty':
          return this.recordsOnly ? this.#elsewhere(chain, name) : { kind: 'nodata', rrsets: chain, soa: this.#soa }
        case 'nothing':
          return this.recordsOnly ? this.#elsewhere(chain, name) : { kind: 'nxdomain', rrsets: chain, soa: this.#soa }
        default:
          return found satisfies never
      }
    }
  }

  #elsewhere(chain: readonly RRset[], name: Name): ZoneAnswer {
    return chain.length === 0 ? { kind: 'not-here', rrsets: chain } : { kind: 'alias', rrsets: chain, target: name }
  }

  /** From the origin down: the first cut or DNAME on the way, else the node, else the wildcard of the closest encloser. */
  #find(name: Name, type: number): Found {
    const path: Name[] = []
    for (let at = name; at !== this.origin; at = parentOf(at)) path.push(at)
    path.push(this.origin)
    let encloser = this.origin
    for (let i = path.length - 1; i >= 0; i--) {
      const here = path[i] ?? name
      const node = this.#nodes.get(here)
      if (node === undefined) {
        if (!this.#nonTerminals.has(here)) return this.#wildcard(encloser)
        encloser = here
        continue
      }
      encloser = here
      const ns = node.get(RrType.NS)
      // RFC 4035 section 3.1.4.1: DS at the cut is the parent's own data.
      if (ns !== undefined && here !== this.origin && !this.recordsOnly && !(type === RrType.DS && i === 0)) return { kind: 'cut', cut: here, ns }
      const dname = node.get(RrType.DNAME)
      if (dname !== undefined && i > 0) return { kind: 'dname', dname }
    }
    const node = this.#nodes.get(name)
    return node === undefined ? { kind: 'empty' } : { kind: 'node', node, owner: name }
  }

  #wildcard(encloser: Name): Found {
    const wildcard = wildcardOf(encloser)
    const node = wildcard === null ? undefined : this.#nodes.get(wildcard)
    if (node !== undefined && wildcard !== null) return { kind: 'node', node, owner: wildcard }
    // RFC 4592 section 2.2.1: a wildcard that only has names below it still exists, without data.
    return wildcard !== null && this.#nonTerminals.has(wildcard) ? { kind: 'empty' } : { kind: 'nothing' }
  }

  #positive(chain: readonly RRset[], name: Name, owner: Name, set: RRset): ZoneAnswer {
    return { kind: 'answer', rrsets: [...chain, at(name, owner, set)], additional: this.#addressesFor(set) }
  }

  /** RFC 6672 section 2.2; the CNAME has the DNAME's TTL (section 3.1). */
  #throughDname(name: Name, dname: RRset): { readonly cname: RRset; readonly target: Name } | null {
    const to = dname.rdatas[0] === undefined ? null : targetOf(dname.rdatas[0])
    const target = to === null ? null : replaceSuffix(name, dname.name, to)
    if (target === null) return null
    return { cname: makeRRset(name, RrType.CNAME, dname.class, dname.ttl, [nameRdata(target)]), target: foldName(target) }
  }

  /** Addresses in the zone of the names that NS, MX or SRV records point at; for a delegation this is the glue. */
  #addressesFor(set: RRset): readonly RRset[] {
    const read = targetReader(set.type)
    if (read === null) return []
    const names = new Set(set.rdatas.flatMap(rdata => read(rdata) ?? []).map(foldName))
    return [...names].flatMap(name => [this.#nodes.get(name)?.get(RrType.A) ?? [], this.#nodes.get(name)?.get(RrType.AAAA) ?? []].flat())
  }

  /** RFC 2308 section 3: the SOA goes out with the smaller of its TTL and its MINIMUM. */
  #denialSoa(): RRset | null {
    const soa = this.#nodes.get(this.origin)?.get(RrType.SOA)
    const rdata = soa?.rdatas[0]
    if (soa === undefined || rdata === undefined) return null
    return withTtl(soa, Math.min(soa.ttl, readSoa(rdata)?.minimum ?? soa.ttl))
  }
}

/** For ANY one set is enough (RFC 8482 section 4.1). */
function pick(node: Node, type: number): RRset | undefined {
  if (type !== RrType.ANY) return node.get(type)
  for (const set of node.values()) return set
  return undefined
}

/** A wildcard's set as if it stood at the name asked for (RFC 4592 section 3.3.1). */
const at = (name: Name, owner: Name, set: RRset): RRset => (owner === name ? set : { ...set, owner: name, name })

function targetReader(type: number): ((rdata: Uint8Array) => Parameters<typeof foldName>[0] | null) | null {
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
