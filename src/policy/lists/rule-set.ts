/**
 * All lists that hold at one time, and what they say of a name or an address. A name that is in none costs one probe of
 * a filter for each of its labels.
 *
 * The order, from the first that decides: layer (own rules, allow lists, block lists); within it `@@…$important`,
 * `$important`, `@@`, plain; then more modifiers, the longer name, the earlier list, the earlier line. So the verdict
 * does not depend on the order of rules within a list.
 */
import { formatIp, type IpAddress, inAnyPrefix } from '../../dns/address.ts'
import { isWithin, type Name, suffixOf } from '../../dns/name.ts'
import type { EdeCode } from '../../dns/types.ts'
import type { Client } from '../../ports.ts'
import { formatName } from '../../presentation/text.ts'
import type { CompiledList } from './compile.ts'
import { type HashKey, NameHasher } from './hash.ts'
import { matchesPattern } from './pattern.ts'
import { type ComplexRule, Flag, type Layer, type ListAnswer, OWN_RULES, showRule } from './rule.ts'
import { nameText, ScannedPatterns } from './scanned.ts'
import { eachRule, mayHave } from './table.ts'

/** What the configuration says of a list, apart from how it is read. */
export interface ListTraits {
  readonly name: string
  readonly layer: Layer
  readonly answer: ListAnswer
  /** Seconds that a client may keep the answer. */
  readonly ttl: number
  /** RFC 8914: 15 blocked by the operator, 16 by someone above, 17 as the client wished. */
  readonly ede: EdeCode
}

export interface LoadedList {
  readonly traits: ListTraits
  /** Where its lines stand: a path or a URL; null: in the configuration. */
  readonly place: string | null
  readonly list: CompiledList
  /** Answers that it decided. Counted here, kept when the list is replaced. */
  readonly tally: { hits: number }
}

/** A rule that matched, for people. */
export interface MatchedRule {
  readonly list: string
  readonly rule: string
  /** `/etc/rootwalk/ads.txt:17`; `rules[2]` for the third of the configuration's own. */
  readonly at: string
  readonly line: number
}

export interface Verdict {
  readonly action: 'block' | 'allow'
  readonly winner: MatchedRule
  /** Rules that matched and did not decide, the strongest first; at most a few. */
  readonly lost: readonly MatchedRule[]
  readonly traits: ListTraits
  readonly answer: ListAnswer
  /** The name that the rule is for: of negative answers it is the zone. Null for an address. */
  readonly zone: Name | null
  /** False: a rule for some types only decided, so that the name must not be denied as a whole. */
  readonly isForAllTypes: boolean
}

/** `verdict` null: no rule decides. `isForClient`: a rule for some clients was looked at, others may get another. */
export interface Judgement {
  readonly verdict: Verdict | null
  readonly isForClient: boolean
}

/** Who asks for what. */
export interface ListQuery {
  readonly type: number
  readonly client: Pick<Client, 'ip' | 'clientId'>
  /** Which lists are for this client, by their place; null: all. */
  readonly enabled: Uint8Array | null
  /** It is no hit. */
  readonly dry?: boolean | undefined
}

interface Candidate {
  readonly list: number
  readonly flags: number
  readonly complex: ComplexRule | null
  /** Labels of the question above which the rule's name is; patterns: 0. Addresses: bits that are free. */
  readonly above: number
}

const NOTHING: Judgement = Object.freeze({ verdict: null, isForClient: false })
const LOST_SHOWN = 8
const LAYERS: Readonly<Record<Layer, number>> = { own: 0, allow: 1, block: 2 }

export class RuleSet {
  readonly lists: readonly LoadedList[]
  readonly #filter: Uint32Array
  readonly #hasher: NameHasher
  readonly #patterns = new ScannedPatterns()
  readonly #bits: { readonly 4: readonly number[]; readonly 6: readonly number[] }
  readonly #text = new Uint8Array(256)
  #found: Candidate[] = []
  #list = 0
  #above = 0
  #isAddress = false

  constructor(lists: readonly LoadedList[], filter: Uint32Array, key: HashKey) {
    this.lists = lists
    this.#filter = filter
    this.#hasher = new NameHasher(key)
    lists.forEach(({ list }, index) => {
      for (const place of list.scanned) {
        const rule = list.complex[place]
        if (rule !== undefined) this.#patterns.add(index, rule)
      }
    })
    const lengths = (of: 'ipv4Bits' | 'ipv6Bits'): readonly number[] =>
      [...new Set(lists.flatMap(({ list }) => list[of]))].sort((a, b) => b - a)
    this.#bits = { 4: lengths('ipv4Bits'), 6: lengths('ipv6Bits') }
  }

  /** Are there rules for addresses? Without any, answers are not looked through for them. */
  get hasAddresses(): boolean {
    return this.#bits[4].length + this.#bits[6].length > 0
  }

  /** What the lists say of a name. */
  ofName(name: Name, query: ListQuery): Judgement {
    const { high, low } = this.#hasher
    const labels = this.#hasher.name(name)
    this.#isAddress = false
    for (let label = 0; label < labels; label++)
      if (mayHave(this.#filter, high[label] ?? 0, low[label] ?? 0)) this.#probe(label, label, query.enabled)
    this.#patterns.match(name, this.#takePattern)
    return this.#found.length === 0 ? NOTHING : this.#judge(name, null, query)
  }

  /** What they say of an address in an answer. */
  ofAddress(address: IpAddress, query: ListQuery): Judgement {
    const { high, low } = this.#hasher
    this.#isAddress = true
    for (const bits of this.#bits[address.family]) {
      this.#hasher.prefix(address.bytes, bits)
      if (mayHave(this.#filter, high[0] ?? 0, low[0] ?? 0))
        this.#probe(0, address.bytes.length * 8 - bits, query.enabled)
    }
    return this.#found.length === 0 ? NOTHING : this.#judge(null, address, query)
  }

  #probe(label: number, above: number, enabled: Uint8Array | null): void {
    const { high, low } = this.#hasher
    this.#above = above
    for (let index = 0; index < this.lists.length; index++) {
      if (enabled !== null && enabled[index] !== 1) continue
      this.#list = index
      eachRule(this.lists[index]?.list.slots ?? NO_SLOTS, high[label] ?? 0, low[label] ?? 0, this.#take)
    }
  }

  readonly #take = (word: number): void => {
    const above = this.#above
    if (!this.#isAddress && (above === 0 ? (word & Flag.Below) !== 0 : (word & (Flag.Suffix | Flag.Below)) === 0))
      return
    const list = this.#list
    const complex = (word & Flag.Complex) === 0 ? null : (this.lists[list]?.list.complex[(word >>> 8) - 1] ?? null)
    this.#found.push({ list, flags: word, complex, above })
  }

  readonly #takePattern = (list: number, complex: ComplexRule): void => {
    this.#found.push({ list, flags: Flag.Complex, complex, above: 0 })
  }

  #judge(name: Name | null, address: IpAddress | null, query: ListQuery): Judgement {
    const found = this.#found
    this.#found = []
    const isForClient = found.some(({ complex }) => complex !== null && complex.clients !== null)
    const applying = found.filter(one => this.#applies(one, name, query))
    const cancelling = applying.filter(({ complex }) => complex?.isBadFilter === true)
    const left = applying
      .filter(one => one.complex?.isBadFilter !== true && !this.#isCancelled(one, name, cancelling))
      .sort((a, b) => this.#compare(a, b))
    const [first] = left
    const winner = first === undefined ? undefined : this.lists[first.list]
    if (first === undefined || winner === undefined) return isForClient ? { verdict: null, isForClient } : NOTHING
    if (query.dry !== true) winner.tally.hits++
    const { traits } = winner
    const types = first.complex?.types ?? null
    return {
      isForClient,
      verdict: {
        action: traits.layer === 'allow' || isException(first) ? 'allow' : 'block',
        winner: this.#shown(first, name, address),
        lost: left.slice(1, LOST_SHOWN + 1).map(one => this.#shown(one, name, address)),
        traits,
        answer: first.complex?.answer ?? traits.answer,
        zone: name === null ? null : zoneOf(first, name),
        isForAllTypes: types === null,
      },
    }
  }

  #applies({ list, complex }: Candidate, name: Name | null, { type, client, enabled }: ListQuery): boolean {
    if (enabled !== null && enabled[list] !== 1) return false
    if (complex === null) return true
    const { types, clients, except, pattern } = complex
    if (types !== null && types.types.includes(type) === types.isExcluded) return false
    if (name !== null && except.some(other => isWithin(name, other))) return false
    if (clients !== null && !isForThisClient(clients, client)) return false
    return pattern === null || name === null || matchesPattern(pattern, this.#text, nameText(name, this.#text))
  }

  /** `$badfilter` of one's own rules takes rules of all layers away, another those of its own layer. */
  #isCancelled(one: Candidate, name: Name | null, cancelling: readonly Candidate[]): boolean {
    if (cancelling.length === 0) return false
    const identity = one.complex?.identity ?? this.#plainText(one, name, null)
    const layerOf = ({ list }: Candidate): Layer | undefined => this.lists[list]?.traits.layer
    return cancelling.some(
      by => by.complex?.identity === identity && (layerOf(by) === 'own' || layerOf(by) === layerOf(one)),
    )
  }

  #compare(a: Candidate, b: Candidate): number {
    const layer = ({ list }: Candidate): number => LAYERS[this.lists[list]?.traits.layer ?? 'block']
    return (
      layer(a) - layer(b) ||
      strengthOf(b) - strengthOf(a) ||
      (b.complex?.conditions ?? 0) - (a.complex?.conditions ?? 0) ||
      a.above - b.above ||
      a.list - b.list ||
      this.#lineOf(a) - this.#lineOf(b)
    )
  }

  #lineOf({ flags, complex }: Candidate): number {
    return complex?.line ?? flags >>> 8
  }

  #shown(one: Candidate, name: Name | null, address: IpAddress | null): MatchedRule {
    const { traits, place = null } = this.lists[one.list] ?? {}
    const line = this.#lineOf(one)
    return {
      list: traits?.name ?? '',
      rule: one.complex?.text ?? this.#plainText(one, name, address),
      at: place === null ? `${OWN_RULES}[${line - 1}]` : `${place}:${line}`,
      line,
    }
  }

  #plainText({ flags, above }: Candidate, name: Name | null, address: IpAddress | null): string {
    if (name !== null) return showRule(formatName(suffixOf(name, labelsLeft(name, above))).replace(/\.$/, ''), flags)
    if (address === null) return ''
    const length = address.bytes.length * 8 - above
    const bytes = address.bytes.map((octet, index) => octet & (0xff00 >> Math.min(8, Math.max(0, length - index * 8))))
    const shown = above === 0 ? formatIp(bytes) : `${formatIp(bytes)}/${length}`
    return (flags & Flag.Exception) === 0 ? shown : `@@||${shown}^`
  }
}

const NO_SLOTS = new Uint32Array(0)

const isException = ({ flags, complex }: Candidate): boolean => complex?.isException ?? (flags & Flag.Exception) !== 0

function strengthOf(one: Candidate): number {
  const isImportant = one.complex?.isImportant ?? (one.flags & Flag.Important) !== 0
  return (isImportant ? 2 : 0) + (isException(one) ? 1 : 0)
}

function labelsLeft(name: Name, above: number): number {
  let labels = 0
  for (let at = 0; name.charCodeAt(at) !== 0; at += name.charCodeAt(at) + 1) labels++
  return labels - above
}

/** A rule for a name and what is below it denies them all; any other one the name of the question alone. */
const zoneOf = ({ flags, complex, above }: Candidate, name: Name): Name =>
  complex?.pattern == null && (flags & Flag.Suffix) !== 0 ? suffixOf(name, labelsLeft(name, above)) : name

function isForThisClient(
  { only, except }: NonNullable<ComplexRule['clients']>,
  { ip, clientId }: ListQuery['client'],
): boolean {
  const isIn = (list: typeof only): boolean =>
    inAnyPrefix(ip, list.prefixes) || (clientId !== undefined && list.ids.includes(clientId))
  const isOpen = only.prefixes.length + only.ids.length === 0
  return (isOpen || isIn(only)) && !isIn(except)
}
