/**
 * The hooks of one policy for one query: called in their order with frozen values until one decides. Wherever the
 * program runs, in a thread or in this one, it is run by this.
 *
 * Invariant: whatever a program does but never coming back, what comes of it is a verdict.
 */
import { type AnswerBounds, checkAnswer, type CheckedPolicy, type Hook, isLookUp } from './check.ts'
import type { PolicyAnswer, PolicyClient, PolicyQuestion, PolicyResult } from './language.ts'
import { placeIn } from './place.ts'

/** What the hooks of one side are called for. It goes between threads. */
export interface Call {
  readonly side: 'question' | 'answer'
  readonly client: PolicyClient
  readonly question: PolicyQuestion
  /** False: servers would have to be asked. Null: it does not matter, no hook is about that. */
  readonly isCached: boolean | null
  /** Of the side `answer`. */
  readonly answer: PolicyResult | null
  /** Milliseconds since 1970 UTC. */
  readonly now: number
}

/** What became of a call that did not come to an answer. */
export type Fault =
  | 'threw'
  | 'timed-out' // its promise was not settled in time
  | 'endless' // it did not let go of its thread
  | 'memory'
  | 'bad-answer'
  | 'ended' // it ended its own thread
  | 'overload' // too many calls wait for it
  | 'restarting' // after several faults that ended its thread

export type Verdict =
  /** `hook` decided; `until`, in milliseconds since 1970 UTC, is when it may decide otherwise, null: not said. */
  | { readonly kind: 'ruled'; readonly hook: Hook; readonly answer: PolicyAnswer; readonly until: number | null }
  | { readonly kind: 'fault'; readonly fault: Fault; readonly text: string }

export type LookUp = (name: string, type: string) => Promise<PolicyResult>

/** `file`: where the program is, so that its faults have a place in it. */
export async function runHooks(
  policy: CheckedPolicy,
  call: Call,
  lookUp: LookUp,
  bounds: AnswerBounds,
  file: string,
): Promise<Verdict> {
  const { reads } = policy.traits
  const said: { until: number | null } = { until: null }
  const context = contextOf(call, reads !== 'pure', said, lookUp)
  const query = queryOf(call, reads === 'pure' || reads === 'time' ? reads : null)
  let last: Hook = call.side === 'answer' ? 'answer' : 'query'
  try {
    for (const hook of hooksFor(call)) {
      const run = policy.hook(hook)
      if (run === undefined) continue
      last = hook
      const given = await run(...argumentsOf(hook, call, query), context)
      const answer = checkAnswer(given, bounds)
      if (typeof answer === 'string') return { kind: 'fault', fault: 'bad-answer', text: `${hook}: ${answer}` }
      if (answer.kind !== 'pass') return { kind: 'ruled', hook, answer, until: said.until }
    }
    return { kind: 'ruled', hook: last, answer: { kind: 'pass' }, until: said.until }
  } catch (error) {
    return { kind: 'fault', fault: 'threw', text: `${last}: ${thrownText(error, file)}` }
  }
}

const hooksFor = ({ side, isCached }: Call): readonly Hook[] =>
  side === 'answer' ? ['answer'] : isCached === false ? ['client', 'query', 'upstream'] : ['client', 'query']

function argumentsOf(hook: Hook, { client, answer }: Call, query: object): readonly unknown[] {
  switch (hook) {
    case 'client':
      return [Object.freeze({ ...client })]
    case 'query':
    case 'upstream':
      return [query]
    case 'answer':
      return [query, frozenResult(answer)]
    default:
      return hook satisfies never
  }
}

/** A program that says that it does not look at clients, and then does, would have its answers given to others. */
function queryOf({ question, client }: Call, blind: 'pure' | 'time' | null): object {
  const query = { ...question }
  Object.defineProperty(
    query,
    'client',
    blind === null
      ? { value: Object.freeze({ ...client }), enumerable: true }
      : {
          get() {
            throw new TypeError(`looks at the client, which a policy with reads: "${blind}" must not do`)
          },
        },
  )
  return Object.freeze(query)
}

function contextOf({ now }: Call, hasTime: boolean, said: { until: number | null }, lookUp: LookUp): object {
  const lookup = async (name: unknown, type: unknown = 'A'): Promise<unknown> => {
    if (!isLookUp(name, type)) throw new TypeError(`lookup(${String(name)}, ${String(type)}): no name, or no type`)
    return frozenResult(await lookUp(String(name), String(type)))
  }
  if (!hasTime) return Object.freeze({ lookup })
  return Object.freeze({
    lookup,
    // A date can be changed: each who looks at it has one of its own.
    get now() {
      return new Date(now)
    },
    until(when: unknown) {
      const at = when instanceof Date ? when.getTime() : Number.NaN
      if (Number.isNaN(at)) throw new TypeError('until: expected a Date')
      said.until = Math.min(said.until ?? at, at)
    },
  })
}

function frozenResult(result: PolicyResult | null): PolicyResult | null {
  if (result === null) return null
  const records = Object.freeze(result.records.map(record => Object.freeze({ ...record })))
  return Object.freeze({ ...result, records })
}

/** `office.policy.mjs:3:9: no such thing`, in one line. */
export function thrownText(error: unknown, file: string): string {
  const isError = error instanceof Error
  const text = (isError ? error.message : String(error)).split('\n')[0] ?? ''
  const place = isError && error.stack !== undefined ? placeIn(error.stack, file) : null
  return place === null ? text : `${file}:${place.line}:${place.column}: ${text}`
}
