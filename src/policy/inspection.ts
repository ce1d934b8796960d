/**
 * What each stage of the chain decides for one query: the stages themselves, each with somebody who looks at what goes
 * in and what comes out. There is no second copy of any rule here.
 */
import type { Answer, Decision, Handler, Query, Stage } from './handler.ts'

/**
 * `off`: it is not configured. `not-reached`: another decided before it. `let-by`: a rule of another stage says that
 * it does not concern this query. `passed`: it had nothing to say.
 */
type StageState = 'off' | 'not-reached' | 'let-by' | 'passed' | 'decided'

/** What a stage did with a query. */
export interface StageFinding {
  readonly state: StageState
  /** Its rules that decided, with those that lost. */
  readonly decisions: readonly Decision[]
  /** What it answered itself, or made of what came; null: nothing. */
  readonly answer: Answer | null
  /** Which stage said that it does not concern this query; null: none. */
  readonly letBy: string | null
}

const nothing = (state: StageState, letBy: string | null = null): StageFinding => ({
  state,
  decisions: [],
  answer: null,
  letBy,
})

/** Of one query, which may go through a stage more than once (DNS64 asks for A as well). */
export class Inspector {
  readonly #stages = new Set<string>()
  readonly #found = new Map<string, StageFinding>()
  /** By the name of a stage, who exempted the query from it. */
  readonly #exempt = new Map<string, string>()

  /** The same stage, looked at. */
  readonly stage = (stage: Stage): Stage => {
    const { name } = stage
    this.#stages.add(name)
    return {
      ...stage,
      handle: async (query, next) => {
        let came: Answer | null = null
        const answer = await stage.handle(query, async asked => {
          this.#noteExempt(name, query, asked)
          came = await next(asked)
          return came
        })
        this.#note(name, came, answer)
        return answer
      },
    }
  }

  /** The same for what stands in the middle of the chain. */
  readonly resolution = (name: string, last: Handler): Handler => {
    this.#stages.add(name)
    return async query => {
      const answer = await last(query)
      this.#note(name, null, answer)
      return answer
    }
  }

  of(name: string): StageFinding {
    const found = this.#found.get(name)
    if (found !== undefined) return found
    const letBy = this.#exempt.get(name) ?? null
    if (letBy !== null) return nothing('let-by', letBy)
    return nothing(this.#stages.has(name) ? 'not-reached' : 'off')
  }

  /** `came` is what the rest of the chain said last; null: it was not asked. */
  #note(name: string, came: Answer | null, answer: Answer): void {
    const before = this.#found.get(name)
    const known = new Set(came?.decisions)
    const decisions = (answer.decisions ?? []).filter(one => one.stage === name && !known.has(one))
    const made = came === null || (answer.by === name && came.by !== name)
    if (!made && decisions.length === 0) {
      if (before === undefined) this.#found.set(name, nothing('passed'))
      return
    }
    const all = [...(before?.decisions ?? []), ...decisions]
    this.#found.set(name, { state: 'decided', decisions: all, answer: made ? answer : null, letBy: null })
  }

  #noteExempt(name: string, { exempt: before = [] }: Query, { exempt = [] }: Query): void {
    for (const other of exempt) if (!before.includes(other)) this.#exempt.set(other, name)
  }
}
