/**
 * Policies written as programs, in the chain: `code` asks their hooks before resolution, `code-answer` those on the
 * answer. What a program says that it reads decides who else may be given an answer that it had to do with.
 *
 * Invariants: a fault costs one query, by the rule of its policy, and is never shared; what was looked up for an answer
 * bounds its TTL; bogus data is never shown to a program nor replaced by one.
 */
import { Rcode, RrClass, RrType, typeNumber } from '../../dns/types.ts'
import { foldName } from '../../dns/name.ts'
import { parseName } from '../../presentation/text.ts'
import type { Answer, Decision, Handler, Query, Stage } from '../handler.ts'
import type { Traits } from './check.ts'
import type { PolicyAnswer, PolicyResult } from './language.ts'
import type { Call, LookUp, Verdict } from './run.ts'
import {
  aliased,
  answerFor,
  bounded,
  clientFor,
  leastTtl,
  questionFor,
  resultFor,
  type Settled,
  targetName,
} from './values.ts'

/** A policy that can be asked, wherever it runs. */
export interface Program {
  /** What logs and decisions call it. */
  readonly name: string
  readonly traits: Traits
  /** Always resolves, within the bounds that the program has. */
  ask(call: Call, lookUp: LookUp): Promise<Verdict>
  /** What it answered with is no answer after all. */
  faulted(text: string): void
}

export interface CodeParts {
  /** Those of the moment, in the order of the configuration. */
  readonly programs: () => readonly Program[]
  readonly viewName: (view: number) => string | null
  /** Milliseconds since 1970 UTC. */
  readonly now: () => number
  readonly limits: { readonly lookUps: number; readonly ttlS: number }
}

const QUESTION = 'code'
const ANSWER = 'code-answer'
/** What an allowed name passes by. */
const RULES_ON_ANSWERS = ['rpz-answer', 'lists-answer', ANSWER]

export const makeCode = (parts: CodeParts): readonly Stage[] => [
  {
    name: QUESTION,
    after: ['local-data'],
    before: [],
    asksAgain: true,
    handle: (query, next) => onQuestion(parts, query, next),
  },
  {
    name: ANSWER,
    after: [QUESTION],
    before: [],
    asksAgain: true,
    handle: (query, next) => onAnswer(parts, query, next),
  },
]

const QUESTION_HOOKS = ['client', 'query', 'upstream'] as const

async function onQuestion(parts: CodeParts, query: Query, next: Handler): Promise<Answer> {
  const programs = parts.programs().filter(({ traits }) => QUESTION_HOOKS.some(hook => traits.hooks.includes(hook)))
  if (programs.length === 0 || query.question.class !== RrClass.IN) return next(query)
  const asking = new Asking(parts, query, next, QUESTION)
  let isCached: boolean | null = null
  for (const program of programs) {
    if (program.traits.hooks.includes('upstream')) isCached ??= await isHere(query, next)
    const made = await asking.ask(program, { side: 'question', isCached, answer: null })
    if (made === 'allowed') return asking.finish(await next({ ...query, exempt: without(query, ...RULES_ON_ANSWERS) }))
    if (made !== null) return asking.finish(made)
  }
  return asking.finish(await next(query))
}

const without = ({ exempt = [] }: Query, ...names: readonly string[]): readonly string[] => [...exempt, ...names]

/** RD=0 is answered from what is known. */
async function isHere(query: Query, next: Handler): Promise<boolean> {
  const answer = await next({ ...query, recursionDesired: false, exempt: without(query, ANSWER) })
  return answer.kind !== 'resolved' || answer.outcome.kind !== 'failure'
}

async function onAnswer(parts: CodeParts, query: Query, next: Handler): Promise<Answer> {
  const programs = parts.programs().filter(({ traits }) => traits.hooks.includes('answer'))
  const found = await next(query)
  if (programs.length === 0 || query.question.class !== RrClass.IN) return found
  // What another rule made is judged by none after it, and failures stay failures.
  if (found.kind !== 'resolved' || found.outcome.kind === 'failure') return found
  const asking = new Asking(parts, query, next, ANSWER)
  const result = resultFor(found)
  for (const program of programs) {
    const made = await asking.ask(program, { side: 'answer', isCached: null, answer: result })
    if (made === 'allowed') break
    if (made !== null) return asking.finish(made)
  }
  return asking.finish(found)
}

/** One query and the programs that are asked about it, one after the other. */
class Asking {
  readonly #parts: CodeParts
  readonly #query: Query
  readonly #next: Handler
  readonly #by: string
  readonly #now: number
  readonly #decisions: Decision[] = []
  #lookUps = 0
  #isShareable = true
  /** Seconds that an answer may be kept, by what is known of it. */
  #mostTtl = Number.POSITIVE_INFINITY
  #bounds: { min?: number; max?: number } = {}

  constructor(parts: CodeParts, query: Query, next: Handler, by: string) {
    this.#parts = parts
    this.#query = query
    this.#next = next
    this.#by = by
    this.#now = parts.now()
  }

  /** The answer of a program; null: it passes. */
  async ask(program: Program, of: Pick<Call, 'side' | 'isCached' | 'answer'>): Promise<Answer | 'allowed' | null> {
    const { viewName } = this.#parts
    const call: Call = {
      ...of,
      client: clientFor(this.#query.client),
      question: questionFor(this.#query, viewName(this.#query.view)),
      now: this.#now,
    }
    const verdict = await program.ask(call, this.#lookUp)
    if (verdict.kind === 'fault') return this.#faulted(program, verdict.text)
    this.#noteReads(program, verdict)
    const { answer } = verdict
    if (answer.kind !== 'pass') this.#decide(program, `${verdict.hook}: ${wordsOf(answer)}`)
    return this.#made(program, answer)
  }

  /** What is given out, with what is to be said of it. */
  finish(answer: Answer): Answer {
    const decided =
      this.#decisions.length === 0
        ? answer
        : { ...answer, decisions: [...this.#decisions, ...(answer.decisions ?? [])] }
    if (decided.kind !== 'resolved') return decided
    const outcome = bounded(decided.outcome, this.#bounds)
    if (!this.#isShareable || this.#mostTtl < 1) return { ...decided, outcome, shareable: false }
    return this.#mostTtl === Number.POSITIVE_INFINITY
      ? { ...decided, outcome }
      : { ...decided, outcome: bounded(outcome, { max: this.#mostTtl }) }
  }

  async #made(program: Program, answer: PolicyAnswer): Promise<Answer | 'allowed' | null> {
    const { name, type } = this.#query.question
    const making = { by: this.#by, name, type, policy: program.name, ttl: this.#parts.limits.ttlS }
    switch (answer.kind) {
      case 'pass':
        return null
      case 'allow':
        return 'allowed'
      case 'ttl':
        this.#bounds = { ...this.#bounds, ...answer }
        return null
      case 'cname': {
        // Who asks for the alias itself gets it: it leads nowhere yet.
        if (type === RrType.CNAME) return this.#settled(program, answerFor(asRecord(answer), making))
        const target = targetName(answer)
        if (target === null) return null
        const found = await this.#next({ ...this.#query, question: { ...this.#query.question, name: target } })
        return aliased(answer, making, found)
      }
      default:
        return this.#settled(program, answerFor(answer, making))
    }
  }

  #settled(program: Program, made: Answer | string): Answer | null {
    if (typeof made !== 'string') return made
    program.faulted(made)
    return this.#faulted(program, made)
  }

  #faulted({ name, traits }: Program, text: string): Answer | null {
    this.#isShareable = false
    this.#decisions.push({ stage: this.#by, rule: `fault: ${text}`, source: name, lost: [] })
    if (traits.onFault === 'open') return null
    const content = {
      rcode: Rcode.SERVFAIL,
      authoritative: false,
      secure: false,
      answer: [],
      authority: [],
      additional: [],
      ede: { code: 0, text: `the policy "${name}" failed` },
    }
    return { kind: 'given', by: this.#by, content }
  }

  #decide({ name }: Program, rule: string): void {
    this.#decisions.push({ stage: this.#by, rule, source: name, lost: [] })
  }

  #noteReads({ traits }: Program, { hook, answer, until }: Extract<Verdict, { kind: 'ruled' }>): void {
    // Whether something is in the cache is another thing in a moment.
    if (hook === 'upstream' && answer.kind !== 'pass') this.#isShareable = false
    switch (traits.reads) {
      case 'pure':
        return
      case 'time':
        if (until === null) this.#isShareable = false
        else this.#mostTtl = Math.min(this.#mostTtl, Math.floor((until - this.#now) / MS_PER_S))
        return
      case 'perClient':
      case null:
        this.#isShareable = false
        return
      default:
        traits.reads satisfies never
    }
  }

  readonly #lookUp: LookUp = async (text, typeText) => {
    const { lookUps } = this.#parts.limits
    this.#lookUps += 1
    if (this.#lookUps > lookUps) throw new Error(`more than ${lookUps} look-ups for one query`)
    const name = parseName(text, null)
    const type = typeNumber(typeText)
    if (typeof name !== 'string' || type === null) return NOTHING
    const question = { name: foldName(name), type, class: RrClass.IN }
    const exempt = without(this.#query, ANSWER)
    const found = await this.#next({ ...this.#query, question, checkingDisabled: false, exempt })
    const ttl = found.kind === 'resolved' && found.shareable ? leastTtl(found.outcome) : null
    if (ttl === null) this.#isShareable = false
    else this.#mostTtl = Math.min(this.#mostTtl, ttl)
    return resultFor(found)
  }
}

const MS_PER_S = 1_000
const NOTHING: PolicyResult = { kind: 'failure', records: [], secure: false }

/** The alias as data of its type. */
const asRecord = ({ kind: _, target, ...options }: Extract<PolicyAnswer, { kind: 'cname' }>): Settled => ({
  ...options,
  kind: 'records',
  data: [target.endsWith('.') ? target : `${target}.`],
})

/** `cname(safe.example)`, as its author wrote it. */
function wordsOf(answer: PolicyAnswer): string {
  switch (answer.kind) {
    case 'address':
      return `address(${answer.addresses.join(', ')})`
    case 'cname':
      return `cname(${answer.target})`
    default:
      return answer.kind
  }
}
