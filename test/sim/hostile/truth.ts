/**
 * What is true in a planned world, computed from the plan alone: one step of a question at a time, by RFC 1034 section
 * 4.3.2 with wildcards, DNAMEs and empty non-terminals. It knows no message, no signature and no cache. And the
 * judgement of an outcome against it: where its names lie below a secure chain, each link has to be the true one.
 */
import { formatRdata } from '../../../src/presentation/rdata-text.ts'
import type { RRset } from '../../../src/dns/rrset.ts'
import { formatName } from '../../../src/presentation/text.ts'
import { RrType, typeName, typeNumber } from '../../../src/dns/types.ts'
import type { Outcome } from '../../../src/steps.ts'
import type { KeyStore } from '../../../src/simulation/key-store.ts'
import { nameOf, record } from '../../../src/simulation/records.ts'
import { simSettings } from '../../../src/simulation/settings.ts'
import { planOf } from '../../../src/signing/signing-plan.ts'
import type { PlannedZone, WorldPlan } from './plan.ts'

/** `open` where even an honest chain of trust promises nothing: opt-out, an insecure zone. */
export type Promise = 'secure' | 'open'

export type Step = {
  readonly zone: PlannedZone
  readonly promise: Promise
} & (
  | { readonly kind: 'data'; readonly data: readonly string[] }
  | { readonly kind: 'cname'; readonly target: string }
  | { readonly kind: 'dname'; readonly owner: string; readonly data: string; readonly target: string }
  | { readonly kind: 'nodata' | 'nxdomain' }
)

/** The NSEC record of a name, which only its server knows: RDATA as text. */
export type NsecAt = (zone: PlannedZone, name: string) => readonly string[]

/** Names as text in lower case; '.' is the root. */
const parentOf = (name: string): string => (name === '.' ? '.' : name.slice(name.indexOf('.') + 1) || '.')
export const isWithin = (name: string, above: string): boolean =>
  above === '.' || name === above || name.endsWith(`.${above}`)

type Sets = ReadonlyMap<string, readonly string[]>

/** One text for equal RDATA. */
const canonical = (type: string, data: string): string =>
  formatRdata(typeNumber(type) ?? 0, record(`x. 1 IN ${type} ${data}`).rdata).toLowerCase()
const textsOf = (set: RRset): readonly string[] => set.rdatas.map(rdata => formatRdata(set.type, rdata).toLowerCase())

class ZoneTruth {
  readonly zone: PlannedZone
  readonly #names = new Map<string, Map<string, string[]>>()
  readonly #cuts: readonly PlannedZone[]

  readonly #nsecAt: NsecAt

  constructor(zone: PlannedZone, children: readonly PlannedZone[], keys: KeyStore, nsecAt: NsecAt) {
    this.zone = zone
    this.#nsecAt = nsecAt
    this.#cuts = children
    for (const { owner, type, data } of zone.records) this.#add(owner, type, canonical(type, data))
    const own = keysOf(zone, keys)
    for (const rdata of own?.published ?? [])
      this.#add(zone.origin, 'DNSKEY', formatRdata(RrType.DNSKEY, rdata).toLowerCase())
    for (const child of children) {
      this.#add(child.origin, 'NS', canonical('NS', `ns.${child.origin}`))
      for (const rdata of keysOf(child, keys)?.ds ?? [])
        this.#add(child.origin, 'DS', formatRdata(RrType.DS, rdata).toLowerCase())
    }
  }

  step(name: string, type: string): Step {
    const { zone } = this
    for (let at = parentOf(name); name !== zone.origin && isWithin(at, zone.origin); at = parentOf(at)) {
      const dname = this.#names.get(at)?.get('DNAME')?.[0]
      if (dname !== undefined)
        return {
          zone,
          promise: this.#promise(at),
          kind: 'dname',
          owner: at,
          data: dname,
          target: `${name.slice(0, name.length - at.length)}${dname}`,
        }
      if (at === zone.origin) break
    }
    const sets = this.#names.get(name)
    const nsec = sets === undefined || type !== 'NSEC' || zone.sign === undefined ? [] : this.#nsecAt(zone, name)
    if (nsec.length > 0) return { zone, promise: this.#promise(name), kind: 'data', data: nsec }
    if (sets !== undefined) return this.#at(sets, type, this.#promise(name))
    if (this.#exists(name)) return { zone, promise: this.#promise(name), kind: 'nodata' }
    let encloser = parentOf(name)
    while (encloser !== zone.origin && !this.#exists(encloser)) encloser = parentOf(encloser)
    const wild = this.#names.get(encloser === '.' ? '*.' : `*.${encloser}`)
    return wild === undefined
      ? { zone, promise: this.#promise(name), kind: 'nxdomain' }
      : this.#at(wild, type, this.#promise(name))
  }

  #at(sets: Sets, type: string, promise: Promise): Step {
    const { zone } = this
    // Any set is an answer to ANY (RFC 8482 section 4.1).
    const data = type === 'ANY' ? [...sets.values()].flat() : sets.get(type)
    if (data !== undefined) return { zone, promise, kind: 'data', data }
    const [target] = sets.get('CNAME') ?? []
    if (target !== undefined && type !== 'CNAME') return { zone, promise, kind: 'cname', target }
    return { zone, promise, kind: 'nodata' }
  }

  /** RFC 5155 section 6: with opt-out only names that have a record in the chain are promised anything. */
  #promise(name: string): Promise {
    const { zone } = this
    if (zone.standing !== 'secure') return 'open'
    if (!zone.optOut) return 'secure'
    const inChain = [...this.#names].some(([owner, sets]) => isWithin(owner, name) && !this.#isUnsignedCut(owner, sets))
    return inChain ? 'secure' : 'open'
  }

  #isUnsignedCut(owner: string, sets: Sets): boolean {
    return this.#cuts.some(({ origin }) => origin === owner) && !sets.has('DS')
  }

  #exists(name: string): boolean {
    return [...this.#names.keys()].some(owner => isWithin(owner, name))
  }

  #add(owner: string, type: string, data: string): void {
    const sets = this.#names.get(owner) ?? new Map<string, string[]>()
    this.#names.set(owner, sets)
    sets.set(type, [...(sets.get(type) ?? []), data])
  }

  /** Owners with their types, for whoever thinks up questions. */
  *owners(): Iterable<readonly [string, Iterable<string>]> {
    for (const [owner, sets] of this.#names) yield [owner, sets.keys()]
  }
}

const keysOf = (zone: PlannedZone, keys: KeyStore): ReturnType<KeyStore['keysOf']> | null => {
  const plan = zone.sign === undefined ? null : planOf(zone.sign)
  return plan === null ? null : keys.keysOf(nameOf(zone.origin), simSettings.keySeed, plan)
}

export class Truth {
  readonly #zones: ReadonlyMap<string, ZoneTruth>

  constructor({ zones }: WorldPlan, keys: KeyStore, nsecAt: NsecAt) {
    this.#zones = new Map(
      zones.map(zone => [
        zone.origin,
        new ZoneTruth(
          zone,
          zones.filter(({ parent }) => parent === zone),
          keys,
          nsecAt,
        ),
      ]),
    )
  }

  /** The first step of the answer; a zone below an insecure one is promised nothing. */
  step(name: string, type: string): Step {
    const step = this.#zoneFor(name, type).step(name, type)
    for (let zone: PlannedZone | null = step.zone; zone !== null; zone = zone.parent)
      if (zone.standing !== 'secure') return { ...step, promise: 'open' }
    return step
  }

  /** RFC 4035 section 3.1.4.1: DS is data of the zone above. */
  #zoneFor(name: string, type: string): ZoneTruth {
    for (let at = type === 'DS' && name !== '.' ? parentOf(name) : name; ; at = parentOf(at)) {
      const zone = this.#zones.get(at)
      if (zone !== undefined) return zone
      if (at === '.') throw new Error('a world without a root')
    }
  }

  /** Whether the honest answer is secure from end to end. */
  isSecure(name: string, type: string): boolean {
    const seen = new Set<string>()
    for (let at = name; !seen.has(at); ) {
      seen.add(at)
      const step = this.step(at, type)
      if (step.promise === 'open') return false
      if (step.kind !== 'cname' && step.kind !== 'dname') return true
      at = step.target
    }
    return false
  }

  owners(): (readonly [owner: string, types: readonly string[]])[] {
    return [...this.#zones.values()].flatMap(zone =>
      [...zone.owners()].map(([owner, types]) => [owner, [...types]] as const),
    )
  }
}

const textOf = (set: RRset): string => `${formatName(set.name)} ${typeName(set.type)} [${textsOf(set).join(' | ')}]`

export const outcomeText = (outcome: Outcome): string =>
  outcome.kind === 'failure'
    ? `failure: ${outcome.why}: ${outcome.text}`
    : `${outcome.kind} ${outcome.security.kind}: ${outcome.rrsets.map(textOf).join(', ')}`

/**
 * What is wrong with an answer; null when nothing is. `freed` are names whose zone the attacker has the keys of: what
 * it says there is as good as true. A failure is never wrong here. `behindOpen`: secure links behind one that is `open`
 * count too.
 */
export function untruthOf(
  truth: Truth,
  name: string,
  type: string,
  outcome: Outcome,
  freed: (name: string, type: string) => boolean,
  behindOpen = true,
): string | null {
  if (outcome.kind === 'failure') return null
  let left = outcome.rrsets
  let at = name
  const seen = new Set<string>()
  for (;;) {
    // A loop of aliases is nothing that may be an answer, but only the attacker's own names can make one here.
    if (seen.has(at)) return null
    seen.add(at)
    // An alias is as much of an answer to ANY as what it leads to.
    if (type === 'ANY' && left.length === 0 && outcome.rrsets.length > 0 && outcome.kind === 'answer') return null
    const step = truth.step(at, type)
    if (step.promise === 'secure' && !freed(at, type)) {
      const link = linkOf(step, at, type, left, outcome)
      if (typeof link === 'string' || link === null) return link
      left = link.left
      at = link.target
      continue
    }
    if (outcome.security.kind === 'secure' && !freed(at, type) && step.promise === 'open')
      return secureButOpen(step, at, type, left, outcome)
    const next = behindOpen ? loose(at, type, left) : null
    if (next === null) return null
    // To ANY an insecure zone may give other sets of the name next to the alias.
    const asked = at
    left = type === 'ANY' ? next.left.filter(set => formatName(set.name).toLowerCase() !== asked) : next.left
    at = next.target
  }
}

/** An answer that is called secure although a link is not: with opt-out it may be, when it is true. */
function secureButOpen(step: Step, at: string, type: string, left: readonly RRset[], outcome: Outcome): string | null {
  if (!isBelowInsecure(step.zone)) {
    // Opt-out: data that is the true one may still be called secure where the records around it prove it.
    const link = linkOf(step, at, type, left, outcome)
    return typeof link === 'string' ? link : null
  }
  return `${at} ${type} is in the insecure zone ${step.zone.origin}, and the answer is called secure`
}

function isBelowInsecure(zone: PlannedZone): boolean {
  for (let at: PlannedZone | null = zone; at !== null; at = at.parent) if (at.standing !== 'secure') return true
  return false
}

interface Link {
  readonly left: readonly RRset[]
  readonly target: string
}

/** The true link at the head of what is left, and where it leads; null at the end, a text when it is another. */
function linkOf(step: Step, at: string, type: string, left: readonly RRset[], outcome: Outcome): Link | string | null {
  const [head, second] = left
  switch (step.kind) {
    case 'data': {
      if (head === undefined) return `${at} ${type} exists and is denied (${outcome.kind})`
      return isSet(head, at, type, step.data) || (type === 'ANY' && isPartOf(head, at, step.data))
        ? null
        : `${at} ${type} should be [${step.data.join(' | ')}]`
    }
    case 'cname':
      if (head === undefined) return `${at} is an alias and ${type} is denied (${outcome.kind})`
      return isSet(head, at, 'CNAME', [step.target])
        ? { left: left.slice(1), target: step.target }
        : `${at} should be an alias for ${step.target}`
    case 'dname': {
      const cname = head !== undefined && isSet(head, step.owner, 'DNAME', [step.data]) ? second : head
      if (cname === undefined || !isSet(cname, at, 'CNAME', [step.target]))
        return `${at} should be an alias for ${step.target} by the DNAME of ${step.owner}`
      if (type === 'CNAME') return null
      return { left: left.slice(cname === head ? 1 : 2), target: step.target }
    }
    case 'nodata':
    case 'nxdomain':
      if (head !== undefined) return `${at} ${type} should be ${step.kind}`
      return outcome.kind === step.kind ? null : `${at} ${type} should be ${step.kind}, not ${outcome.kind}`
    default:
      return step satisfies never
  }
}

function isSet(set: RRset, name: string, type: string, data: readonly string[]): boolean {
  const texts = textsOf(set)
  return (
    formatName(set.name).toLowerCase() === name &&
    typeName(set.type) === type &&
    texts.length === data.length &&
    data.every(text => texts.includes(text.toLowerCase()))
  )
}

/** A set out of all that a name has. Its signatures are not in the plan, and not data. */
const isPartOf = (set: RRset, name: string, all: readonly string[]): boolean =>
  formatName(set.name).toLowerCase() === name &&
  (set.type === RrType.RRSIG || set.type === RrType.NSEC || textsOf(set).every(text => all.includes(text)))

/** A link that may be anything: where it leads, or null at the end. */
function loose(at: string, type: string, left: readonly RRset[]): Link | null {
  const index = left.findIndex(set => set.type === RrType.CNAME && formatName(set.name).toLowerCase() === at)
  const [target] =
    index < 0 || type === 'CNAME'
      ? []
      : textsOf(
          left[index] ?? {
            rdatas: [],
            type: 0,
            owner: nameOf('.'),
            name: nameOf('.'),
            class: 1,
            ttl: 0,
            signatures: [],
          },
        )
  return target === undefined ? null : { left: left.slice(index + 1), target }
}
