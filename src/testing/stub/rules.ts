/**
 * Which rules act on a query. Four kinds of rule do not get in each other's way: faults, rules that answer (sequence,
 * handler, forward), delays and TTLs; of each kind the first that applies acts. The order is that of mocks: rules for a
 * limited number of queries (`times`, `schedule`, a sequence that ends) in the order they were made, then the others,
 * the newest first.
 *
 * Invariant: what a rule does depends on its own queries and the stub's seed only, never on other rules or on time.
 */
import type { IpAddress } from '../../dns/address.ts'
import type { Name } from '../../dns/name.ts'
import { Rcode } from '../../dns/types.ts'
import type { Transport } from '../../ports.ts'
import { SimRandom } from '../../simulation/random.ts'
import { mistake } from '../../input/mistake.ts'
import {
  clientsOf,
  described,
  knownFields,
  near,
  type Pattern,
  patternOf,
  rcodeOf,
  typeOf,
  wholeNumber,
} from '../../input/names.ts'
import type { Fault, StubEde } from './types.ts'

/** The rcodes that can be a fault. */
const RCODES = ['SERVFAIL', 'REFUSED', 'NXDOMAIN', 'FORMERR', 'NOTIMP'] as const
type RcodeName = (typeof RCODES)[number]
/** Faults that change or misplace a reply, whatever it says. */
const WIRE_FAULTS = [
  'truncate',
  'wrongId',
  'wrongQuestion',
  'wrongSource',
  'garbage',
  'halfFrame',
  'tcpReset',
  'stripEdns',
] as const
export type WireFault = (typeof WIRE_FAULTS)[number]
/** A fault with its rcode in upper case. */
export type PlainFault = RcodeName | WireFault | 'timeout' | 'empty'

const KINDS: readonly PlainFault[] = ['timeout', ...RCODES, ...WIRE_FAULTS, 'empty']

/** The fault that a word means, null for any other word. */
export function faultNamed(word: string): PlainFault | null {
  const rcode = RCODES.find(name => name === word || name.toLowerCase() === word)
  return rcode ?? KINDS.find(kind => kind === word) ?? null
}

export function faultKind(word: unknown): PlainFault {
  const kind = typeof word === 'string' ? faultNamed(word) : null
  return kind ?? mistake(`expected a fault (${KINDS.join(', ')}), found ${near(word, KINDS)}`)
}

export const isWireFault = (kind: PlainFault): kind is WireFault => WIRE_FAULTS.some(fault => fault === kind)

/** The rcode that a fault answers with, null for faults of another kind. */
export function rcodeOfFault(kind: PlainFault): number | null {
  if (kind === 'empty') return Rcode.NOERROR
  const name = RCODES.find(rcode => rcode === kind)
  return name === undefined ? null : rcodeOf(name)
}

/** What of a query decides whether a rule applies. */
export interface Arrival {
  readonly name: Name
  readonly type: number
  readonly transport: Transport
  readonly ip: IpAddress
}

/** The words of `RuleOptions`. */
export const RULE_OPTIONS = ['type', 'transport', 'client', 'times', 'probability', 'schedule'] as const

interface Conditions {
  readonly type: number | null
  readonly transport: Transport | null
  readonly client: ((ip: IpAddress) => boolean) | null
  readonly times: number
  readonly probability: number | null
  readonly schedule: readonly boolean[] | null
}

/** How a stub is reached. */
export const TRANSPORTS: readonly Exclude<Transport, 'http'>[] = ['udp', 'tcp', 'tls', 'https']

const transportOf = (value: unknown): Transport =>
  TRANSPORTS.find(one => one === value) ??
  mistake(`expected transport to be one of ${TRANSPORTS.join(', ')}, found ${near(value, TRANSPORTS)}`)

function probabilityOf(value: unknown): number {
  if (typeof value === 'number' && value >= 0 && value <= 1) return value
  return mistake(`expected probability to be a number from 0 to 1, found ${described(value)}`)
}

function scheduleOf(value: unknown): readonly boolean[] {
  const wanted = 'expected schedule to be an array of "fail" and "pass"'
  if (!Array.isArray(value)) return mistake(`${wanted}, found ${described(value)}`)
  return value.map(step =>
    step === 'fail'
      ? true
      : step === 'pass'
        ? false
        : mistake(`${wanted}, found ${near(step, ['fail', 'pass'])} in it`),
  )
}

function conditionsOf(options: object): Conditions {
  const given = new Map<string, unknown>(Object.entries(options).filter(([, value]) => value !== undefined))
  const read = <T>(field: string, make: (value: unknown) => T): T | null =>
    given.has(field) ? make(given.get(field)) : null
  return {
    type: read('type', typeOf),
    transport: read('transport', transportOf),
    client: read('client', clientsOf),
    times: read('times', value => wholeNumber(value, 'times', Number.MAX_SAFE_INTEGER)) ?? Number.POSITIVE_INFINITY,
    probability: read('probability', probabilityOf),
    schedule: read('schedule', scheduleOf),
  }
}

export class Rule<Action> implements Fault {
  readonly id: string
  readonly kind: Fault['kind']
  readonly action: Action
  /** Acts on a limited number of queries, set in the rule itself. */
  readonly bounded: boolean
  readonly #pattern: Pattern
  readonly #conditions: Conditions
  readonly #random: SimRandom
  readonly #forget: () => void
  #scheduled = 0
  #hits = 0

  constructor(parts: RuleParts<Action>, forget: () => void) {
    this.id = parts.id
    this.kind = parts.kind
    this.action = parts.action
    this.#pattern = parts.pattern
    this.#conditions = parts.conditions
    this.#random = parts.random
    this.#forget = forget
    this.bounded =
      parts.ends || parts.conditions.times !== Number.POSITIVE_INFINITY || parts.conditions.schedule !== null
  }

  get name(): string {
    return this.#pattern.text
  }

  get hits(): number {
    return this.#hits
  }

  remove(): void {
    this.#forget()
  }

  /** Does it act on this query? Counts it if so. */
  takes(arrival: Arrival): boolean {
    const { type, transport, client, times, probability, schedule } = this.#conditions
    if (this.#hits >= times || !this.#pattern.matches(arrival.name)) return false
    if ((type !== null && type !== arrival.type) || (transport !== null && transport !== arrival.transport))
      return false
    if (client !== null && !client(arrival.ip)) return false
    if (schedule !== null && schedule[this.#scheduled++] !== true) return false
    if (probability !== null && this.#random.below(2 ** 32) >= probability * 2 ** 32) return false
    this.#hits++
    return true
  }
}

interface RuleParts<Action> {
  readonly id: string
  readonly kind: Fault['kind']
  readonly action: Action
  readonly pattern: Pattern
  readonly conditions: Conditions
  readonly random: SimRandom
  readonly ends: boolean
}

/** A rule as a call asks for it. */
export interface RuleCall<Action> {
  readonly name: unknown
  readonly kind: Fault['kind']
  readonly options: unknown
  /** Options beyond those of every rule. */
  readonly moreOptions?: readonly string[]
  readonly action: Action
  /** Comes to an end by itself. */
  readonly ends?: boolean
}

/** Makes rules of one stub: their ids, and separate randomness for each. */
export class RuleMaker {
  readonly #seed: number
  #count = 0

  constructor(seed: number) {
    this.#seed = seed
  }

  make<Action>(
    { name, kind, options, moreOptions = [], action, ends = false }: RuleCall<Action>,
    into: RuleList<Action>,
  ): Rule<Action> {
    const pattern = patternOf(name)
    const given = options ?? {}
    knownFields(given, [...RULE_OPTIONS, ...moreOptions], 'the options')
    const conditions = conditionsOf(typeof given === 'object' ? given : {})
    const id = `${kind}-${++this.#count}`
    const rule = new Rule<Action>(
      { id, kind, action, pattern, conditions, ends, random: new SimRandom(this.#seed).fork(id) },
      () => into.remove(rule),
    )
    into.add(rule)
    return rule
  }

  /** The next rule is the first again: equal tests give equal draws. */
  restart(): void {
    this.#count = 0
  }
}

export class RuleList<Action> {
  #made: readonly Rule<Action>[] = []
  /** In the order in which they are tried. */
  #order: readonly Rule<Action>[] = []

  get all(): readonly Rule<Action>[] {
    return this.#made
  }

  /** In the order in which they are tried; the caller asks each whether it takes the query. */
  get order(): readonly Rule<Action>[] {
    return this.#order
  }

  /** The action of the first rule that takes the query. */
  first(arrival: Arrival): Action | null {
    for (const rule of this.#order) if (rule.takes(arrival)) return rule.action
    return null
  }

  add(rule: Rule<Action>): void {
    this.#change([...this.#made, rule])
  }

  remove(rule: Rule<Action>): void {
    this.#change(this.#made.filter(other => other !== rule))
  }

  clear(): void {
    this.#change([])
  }

  #change(made: readonly Rule<Action>[]): void {
    this.#made = made
    this.#order = [...made.filter(rule => rule.bounded), ...made.filter(rule => !rule.bounded).reverse()]
  }
}

/** What a `fail` does. */
export interface FaultAction {
  readonly fault: PlainFault
  readonly ede: StubEde | null
}

/** An extended error as a test writes it. */
export function edeOf(value: unknown): StubEde | null {
  if (value === undefined || value === null) return null
  knownFields(value, ['code', 'text'], 'ede')
  const { code, text = '' } = { code: undefined, text: undefined, ...value }
  if (typeof text !== 'string') mistake(`expected the text of ede as text, found ${described(text)}`)
  return { code: wholeNumber(code, 'the code of ede', 0xffff), text }
}
