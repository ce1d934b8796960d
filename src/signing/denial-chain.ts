/**
 * The NSEC or NSEC3 records of a zone (RFC 4034 section 4, RFC 5155 section 7.1) and which of them prove what. The
 * records are unsigned here; who hands them out signs them.
 *
 * Invariant: with an honest plan the chain is one closed circle over all names that have to be in it.
 */
import {
  canonicalKey,
  foldName,
  isStrictlyWithin,
  type Name,
  parentOf,
  prependLabel,
  ROOT,
  type WireName,
  wildcardOf,
} from '../dns/name.ts'
import { latin1 } from '../dns/bytes.ts'
import { NSEC3_OPT_OUT, nsec3Label } from '../dns/rdata-dnssec.ts'
import { nsec3paramRdata, nsec3Rdata, nsecRdata } from '../dns/rdata-dnssec-make.ts'
import { readSoa } from '../dns/rdata.ts'
import { makeRRset, type RRset } from '../dns/rrset.ts'
import { RrClass, RrType } from '../dns/types.ts'
import { NSEC3_SHA1, nsec3Hash } from '../dnssec/algorithms.ts'
import type { Denial, SigningPlan } from './signing-plan.ts'
import type { SetsByType, ZoneNames } from './zone-names.ts'

/** Each returns the records, each once. */
export interface DenialChain {
  /** The record of a name, if it has one. */
  at(name: Name): RRset | undefined
  nxdomain(name: Name): RRset[]
  /** The name exists, or nothing does that an opt-out record does not cover. */
  nodata(name: Name): RRset[]
  wildcardNodata(name: Name): RRset[]
  expansion(name: Name): RRset[]
}

export function makeChain(names: ZoneNames, plan: SigningPlan): DenialChain {
  return plan.denial.kind === 'nsec' ? new NsecChain(names, plan) : new Nsec3Chain(names, plan, plan.denial)
}

/** The NSEC3PARAM record of the apex (RFC 5155 section 4): the opt-out flag is not in it. */
export const nsec3Param = (denial: Denial & { readonly kind: 'nsec3' }): Uint8Array =>
  nsec3paramRdata({ hashAlgorithm: NSEC3_SHA1, flags: 0, iterations: denial.iterations, salt: denial.salt })

/** Links of a chain sorted by key. */
interface Link {
  readonly key: string
  readonly rrset: RRset
}

class Circle {
  readonly #links: readonly Link[]

  constructor(links: readonly Link[]) {
    this.#links = links
  }

  at(key: string): RRset | undefined {
    const link = this.#links[this.#before(key)]
    return link?.key === key ? link.rrset : undefined
  }

  /** The link before `key`, or the one of `key` itself; before the first comes the last. */
  covering(key: string): RRset[] {
    const found = this.#links[this.#before(key)] ?? this.#links.at(-1)
    return found === undefined ? [] : [found.rrset]
  }

  /** Index of the last link whose key is not above `key`; -1 when there is none. */
  #before(key: string): number {
    let low = 0
    let high = this.#links.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#links[middle]?.key ?? '') <= key) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}

const byKey = (a: { readonly key: string }, b: { readonly key: string }): number =>
  a.key < b.key ? -1 : a.key > b.key ? 1 : 0
const distinct = (sets: readonly (RRset | undefined)[]): RRset[] => [...new Set(sets.flatMap(set => set ?? []))]

/** RFC 9077: the TTL of denials is that of negative answers. */
function denialTtl(names: ZoneNames): number {
  const soa = names.find(names.origin, RrType.SOA)
  const fields = soa?.rdatas[0] === undefined ? null : readSoa(soa.rdatas[0])
  return Math.min(soa?.ttl ?? 0, fields?.minimum ?? 0)
}

/** At a cut only NS and DS are listed. */
const ownTypes = (names: ZoneNames, name: Name, sets: SetsByType): number[] =>
  [...sets.keys()].filter(type => !names.isCut(name) || type === RrType.NS || type === RrType.DS)

/** What `wrongTypes` says is there everywhere. */
const EVERYTHING = [
  RrType.A,
  RrType.NS,
  RrType.SOA,
  RrType.MX,
  RrType.TXT,
  RrType.AAAA,
  RrType.SRV,
  RrType.DS,
  RrType.CAA,
  RrType.HTTPS,
] as const

const reported = (types: readonly number[], plan: SigningPlan): readonly number[] =>
  plan.flaws.has('wrongTypes') ? [...types, ...EVERYTHING] : types

class NsecChain implements DenialChain {
  readonly #names: ZoneNames
  readonly #circle: Circle

  constructor(names: ZoneNames, plan: SigningPlan) {
    this.#names = names
    const owners = [...names.owners()].map(([name, sets]) => ({ name, sets, key: canonicalKey(name) })).sort(byKey)
    const ttl = denialTtl(names)
    this.#circle = new Circle(
      owners.map(({ name, sets, key }, i) => {
        const next = plan.flaws.has('nextOutsideZone') ? outside(names.origin) : (owners[i + 1]?.name ?? names.origin)
        const types = reported([...ownTypes(names, name, sets), RrType.RRSIG, RrType.NSEC], plan)
        return { key, rrset: makeRRset(name, RrType.NSEC, RrClass.IN, ttl, [nsecRdata(next, types)]) }
      }),
    )
  }

  at(name: Name): RRset | undefined {
    return this.#circle.at(canonicalKey(name))
  }

  nxdomain(name: Name): RRset[] {
    const wildcard = wildcardOf(this.#names.closestEncloser(name))
    return distinct([...this.#covering(name), ...(wildcard === null ? [] : this.#covering(wildcard))])
  }

  /** An empty non-terminal has no record: the one before it covers it. */
  nodata(name: Name): RRset[] {
    return this.#covering(name)
  }

  wildcardNodata(name: Name): RRset[] {
    return this.nxdomain(name)
  }

  expansion(name: Name): RRset[] {
    return this.#covering(name)
  }

  #covering(name: Name): RRset[] {
    return this.#circle.covering(canonicalKey(name))
  }
}

/** A name after everything in the zone, outside it. */
function outside(origin: Name): WireName {
  const last = prependLabel('zzzzzz', parentOf(origin))
  return last ?? ROOT
}

/** Of names that were asked for: as many as anybody floods a test with. */
const MOST_HASHES = 20_000

class Nsec3Chain implements DenialChain {
  readonly #names: ZoneNames
  readonly #circle: Circle
  readonly #hashes = new Map<Name, string>()
  readonly #salt: Uint8Array
  readonly #iterations: number

  constructor(names: ZoneNames, plan: SigningPlan, { iterations, salt, optOut }: Denial & { readonly kind: 'nsec3' }) {
    this.#names = names
    this.#iterations = iterations
    this.#salt = plan.flaws.has('wrongNsec3') ? Uint8Array.of(...salt, 1) : salt
    const types = new Map<Name, readonly number[]>()
    for (const [name, sets] of names.owners()) {
      const insecure = names.isCut(name) && !sets.has(RrType.DS)
      if (!(insecure && optOut)) types.set(name, [...ownTypes(names, name, sets), ...(insecure ? [] : [RrType.RRSIG])])
    }
    // RFC 5155 section 7.1: empty non-terminals have records too.
    for (const name of [...types.keys()]) {
      for (let at = name; isStrictlyWithin(at, names.origin); at = parentOf(at)) if (!types.has(at)) types.set(at, [])
    }
    const links = [...types].map(([name, own]) => ({ own, key: this.#hash(name) })).sort(byKey)
    const ttl = denialTtl(names)
    this.#circle = new Circle(
      links.map(({ own, key }, i) => {
        const fields = {
          hashAlgorithm: NSEC3_SHA1,
          flags: optOut ? NSEC3_OPT_OUT : 0,
          iterations,
          salt,
          nextHash: octetsOf(links[i + 1]?.key ?? links[0]?.key ?? key),
        }
        const owner = prependLabel(nsec3Label(octetsOf(key)), names.origin) ?? names.origin
        return {
          key,
          rrset: makeRRset(owner, RrType.NSEC3, RrClass.IN, ttl, [nsec3Rdata(fields, reported(own, plan))]),
        }
      }),
    )
  }

  at(name: Name): RRset | undefined {
    return this.#circle.at(this.#hash(name))
  }

  nxdomain(name: Name): RRset[] {
    const encloser = this.#provable(this.#names.closestEncloser(name))
    return distinct([
      this.at(encloser),
      ...this.#covering(this.#names.nextCloser(name, encloser)),
      ...this.#coveringWildcard(encloser),
    ])
  }

  /**
   * RFC 5155 section 7.2.4: for a name without a record, the closest ancestor that has one, and the record that covers
   * the next closer name.
   */
  nodata(name: Name): RRset[] {
    const own = this.at(name)
    if (own !== undefined) return [own]
    const encloser = this.#provable(name)
    return distinct([this.at(encloser), ...this.#covering(this.#names.nextCloser(name, encloser))])
  }

  wildcardNodata(name: Name): RRset[] {
    const encloser = this.#names.closestEncloser(name)
    const wildcard = wildcardOf(encloser)
    return distinct([
      this.at(encloser),
      ...this.#covering(this.#names.nextCloser(name, encloser)),
      wildcard === null ? undefined : this.at(wildcard),
    ])
  }

  expansion(name: Name): RRset[] {
    return this.#covering(this.#names.nextCloser(name, this.#names.closestEncloser(name)))
  }

  /** A name above unsigned delegations alone has no record with opt-out. */
  #provable(name: Name): Name {
    let at = name
    while (at !== this.#names.origin && this.at(at) === undefined) at = parentOf(at)
    return at
  }

  #coveringWildcard(encloser: Name): RRset[] {
    const wildcard = wildcardOf(encloser)
    return wildcard === null ? [] : this.#covering(wildcard)
  }

  #covering(name: Name): RRset[] {
    return this.#circle.covering(this.#hash(name))
  }

  /** As text of one unit an octet, which sorts as the octets do. */
  #hash(name: Name): string {
    const known = this.#hashes.get(name)
    if (known !== undefined) return known
    const hash = nsec3Hash(foldName(name), this.#salt, this.#iterations)
    const text = latin1(hash, 0, hash.length)
    if (this.#hashes.size >= MOST_HASHES) this.#hashes.clear()
    this.#hashes.set(name, text)
    return text
  }
}

const octetsOf = (text: string): Uint8Array => Uint8Array.from(text, c => c.charCodeAt(0))
