/**
 * What a policy is: a function that gets a query and the rest of the chain, and returns an answer as a value. It never
 * sees a socket, a message or a writer. Not here: the order of the stages (`server/pipeline.ts`) and what must be
 * decided before a cached answer is sent (gates, below).
 *
 * Invariant: an answer that depends on the client beyond its view says `shareable: false`; the answer cache would
 * otherwise hand it to others.
 */
import type { Question } from '../dns/message.ts'
import type { RRset } from '../dns/rrset.ts'
import type { EdeCode } from '../dns/types.ts'
import type { Client } from '../ports.ts'
import type { Outcome } from '../steps.ts'

/** A query that is well formed and let in. `receivedAt` in milliseconds of the monotonic clock. */
export interface Query {
  readonly question: Question
  readonly client: Client
  /** Whose rules and data hold; 0 is the view of those who are in no other. */
  readonly view: number
  readonly recursionDesired: boolean
  readonly checkingDisabled: boolean
  readonly dnssecOk: boolean
  readonly receivedAt: number
  /** Its client gets local data and nothing else. */
  readonly localOnly?: boolean | undefined
  /** Somebody looks at what the rules would do: nothing is counted, and nothing is reported. */
  readonly dry?: boolean | undefined
  /** Names of stages that let it pass: a rule that allows a name says so to those after it. */
  readonly exempt?: readonly string[] | undefined
}

/** A rule as it is written: `||ads.example^`, and where: the name of a list or zone, null for the configuration. */
export interface Rule {
  readonly rule: string
  readonly source: string | null
  /** The line that it stands in, `/etc/rootwalk/ads.txt:17`, or the entry, `rules[2]`. Absent: that is not known. */
  readonly at?: string | undefined
}

/** What decided, and which rules would have, had it not. Data only: sentences are made by `render/`. */
export interface Decision extends Rule {
  /** The name of the stage. */
  readonly stage: string
  readonly lost: readonly Rule[]
}

/** `by` names the stage that made it. A `given` answer says itself what stands in the reply; it is never shared. */
export type Answer = (
  | { readonly kind: 'resolved'; readonly outcome: Outcome; readonly by: string; readonly shareable: boolean }
  | { readonly kind: 'given'; readonly content: Content; readonly by: string }
  | { readonly kind: 'refused'; readonly by: string; readonly ede: EdeCode | null; readonly text: string }
  | { readonly kind: 'dropped'; readonly by: string }
) & {
  /** The first one decided first; absent: no rule concerned it. */
  readonly decisions?: readonly Decision[] | undefined
}

/**
 * The content of a reply, whatever its size limits. `rcode` has up to 12 bits; `secure` becomes AD for clients that ask
 * for it.
 */
export interface Content {
  readonly rcode: number
  readonly authoritative: boolean
  readonly secure: boolean
  readonly answer: readonly RRset[]
  readonly authority: readonly RRset[]
  readonly additional: readonly RRset[]
  readonly ede: { readonly code: number; readonly text: string } | null
  /** TC: the client shall ask again over TCP. */
  readonly truncated?: boolean
}

export type Handler = (query: Query) => Promise<Answer>
type Middleware = (query: Query, next: Handler) => Promise<Answer>

/** One stage of the chain and what must stand before and after it; names of stages that are absent do not matter. */
export interface Stage {
  readonly name: string
  readonly after: readonly string[]
  readonly before: readonly string[]
  /** It may call `next` several times, each with a question of its own (DNS64 asks for A as well). Default: once. */
  readonly asksAgain?: boolean
  readonly handle: Middleware
}

/**
 * Decided from the client alone, synchronously, before any of the message is parsed. `local`: it passes, and gets local
 * data only.
 */
export type GateVerdict = 'pass' | 'refuse' | 'drop' | 'local'

export interface Gate {
  readonly name: string
  readonly admit: (client: Client) => GateVerdict
}

/**
 * Combines stages and the handler after them into one handler. A stage that calls `next` twice without saying so is a
 * bug and throws: it would resolve twice and throw one answer away.
 */
export function compose(stages: readonly Stage[], last: Handler): Handler {
  return stages.reduceRight<Handler>(
    (next, stage) => query =>
      query.exempt?.includes(stage.name) === true
        ? next(query)
        : stage.handle(query, stage.asksAgain === true ? next : callOnce(stage.name, next)),
    last,
  )
}

function callOnce(stage: string, next: Handler): Handler {
  let called = false
  return query => {
    if (called) throw new Error(`policy stage "${stage}" called next twice`)
    called = true
    return next(query)
  }
}
