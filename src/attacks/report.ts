/** What an attack is, and what came of it, as data. Words and pictures of it are made elsewhere. */
import type { ServerSource, ZoneSource } from '../simulation/internet.ts'
import type { QueryFlags } from '../simulation/world.ts'

/** What an attack wants, after the sections of the literature. */
export type AttackKind = 'amplification' | 'poisoning' | 'validation' | 'parsing' | 'crowd'

export type MeasureUnit = 'messages' | 'ms' | 'octets' | 'untrue records' | 'unanswered'

/** One number and what it may be at most. */
export interface AttackMeasure {
  /** What was measured: "messages to the victim". */
  readonly what: string
  readonly value: number
  readonly bound: number
  readonly unit: MeasureUnit
  /** What keeps it down: settings as in the configuration, or the rule. */
  readonly by: string
}

export interface AttackReport {
  readonly name: string
  readonly title: string
  readonly kind: AttackKind
  /** Public names of it: CVE and RFC numbers, papers. */
  readonly references: readonly string[]
  /** No measure is above its bound. */
  readonly held: boolean
  readonly measures: readonly AttackMeasure[]
}

/** What is the same in every form of an attack. */
interface AttackFacts {
  readonly name: string
  readonly title: string
  readonly kind: AttackKind
  readonly references: readonly string[]
  /** What keeps it down. */
  readonly by: string
}

/** A look-up after the attack, and the only addresses or texts that may come: others are untrue. */
interface AttackProbe {
  readonly ask: string
  readonly type?: string
  /** RDATA in presentation form; empty: there is no such record. */
  readonly truth: readonly string[]
}

/** An attack as an internet in which it happens, and a question that sets it off. */
export interface WorldAttack extends AttackFacts {
  readonly form: 'world'
  readonly zones: readonly ZoneSource[]
  readonly servers?: readonly ServerSource[]
  readonly ask: string
  readonly type?: string
  readonly flags?: QueryFlags
  /** Addresses of those who suffer. */
  readonly victims?: readonly string[]
  /** Looked up afterwards. */
  readonly probes?: readonly AttackProbe[]
  /** Time that passes between the attack and the probes, in ms. */
  readonly thenMs?: number
  /** Who has to be asked again by then: what it said has ended. */
  readonly asksAgain?: string
  /** Asked before that time is over, for attacks that prolong what they have. */
  readonly thenAsk?: { readonly ask: string; readonly type: string; readonly afterMs: number }
}

/** An attack as octets that are read. */
export interface ParsingAttack extends AttackFacts {
  readonly form: 'octets'
  readonly bytes: () => Uint8Array
}

/** Many queries at once, and a client that asks something else. */
export interface CrowdAttack extends AttackFacts {
  readonly form: 'crowd'
  readonly zones: readonly ZoneSource[]
  readonly servers?: readonly ServerSource[]
  /** The n-th question. */
  readonly ask: (n: number) => string
  readonly count: number
  readonly client: (n: number) => string
  readonly victims?: readonly string[]
  /** Messages in all for the whole crowd. */
  readonly mostMessages: number
}

export type Attack = WorldAttack | ParsingAttack | CrowdAttack
