/** A bounded list of problems: a file of a million errors must neither fill the memory nor the terminal. */
import { counted } from '../presentation/counted.ts'
import type { Problem } from '../events.ts'

export class ProblemList {
  readonly #max: number
  readonly #problems: Problem[] = []
  #errors = 0
  #unlisted: Problem | null = null
  #unlistedCount = 0

  constructor(max: number) {
    this.#max = max
  }

  /** Errors added so far, listed or not. */
  get errors(): number {
    return this.#errors
  }

  add(problem: Problem): void {
    if (problem.severity === 'error') this.#errors++
    if (this.#problems.length < this.#max) {
      this.#problems.push(problem)
      return
    }
    this.#unlistedCount++
    // An error that is not listed must still count as one to those who see only the list.
    if (this.#unlisted === null || (this.#unlisted.severity === 'warning' && problem.severity === 'error'))
      this.#unlisted = problem
  }

  /** In the order added; a last one stands for those beyond the bound. */
  listed(): readonly Problem[] {
    if (this.#unlisted === null) return this.#problems
    const more = counted(this.#unlistedCount, 'more problem')
    return [
      ...this.#problems,
      { ...this.#unlisted, message: `${more} not listed, this is the first: ${this.#unlisted.message}` },
    ]
  }
}
