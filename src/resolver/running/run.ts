/**
 * One generator being driven. Effects that finish at once are taken in a loop, so that a long walk needs no deep stack.
 */
import type { Cancel } from '../../ports.ts'
import { abandon, type Effect, type Steps } from '../../steps.ts'

export class Run<T> {
  readonly #steps: Steps<T>
  readonly #perform: (effect: Effect, resume: (value: unknown) => void) => Cancel
  readonly #done: (value: T) => void
  readonly #broke: (error: unknown) => void
  #pending: Cancel | null = null
  #closed = false
  /** Is an effect being performed right now, and had it ended before `perform` returned? */
  #within = false
  #ready = false
  #input: unknown = undefined

  constructor(
    steps: Steps<T>,
    perform: (effect: Effect, resume: (value: unknown) => void) => Cancel,
    done: (value: T) => void,
    broke: (error: unknown) => void,
  ) {
    this.#steps = steps
    this.#perform = perform
    this.#done = done
    this.#broke = broke
  }

  /**
   * Goes on with what the effect came to. One function for all effects of the run: an effect ends once, and there is
   * one at a time.
   */
  readonly resume = (value: unknown): void => {
    this.#input = value
    if (this.#within) this.#ready = true
    else {
      this.#pending = null
      this.#advance()
    }
  }

  #advance(): void {
    while (!this.#closed) {
      const effect = this.#next()
      if (effect === null) return
      this.#within = true
      this.#ready = false
      try {
        this.#pending = this.#perform(effect, this.resume)
      } catch (error) {
        this.#fail(error)
        return
      } finally {
        this.#within = false
      }
      if (!this.#ready) return
    }
  }

  /** A port threw: a bug like one in the steps, which would else wait for ever. */
  #fail(error: unknown): void {
    if (this.#closed) throw error
    this.#closed = true
    abandon(this.#steps)
    this.#broke(error)
  }

  /** Runs up to the next effect; null when there is none. */
  #next(): Effect | null {
    const input = this.#input
    this.#input = undefined
    let result: IteratorResult<Effect, T>
    try {
      result = this.#steps.next(input)
    } catch (error) {
      this.#closed = true
      this.#broke(error)
      return null
    }
    if (result.done !== true) return result.value
    this.#closed = true
    this.#done(result.value)
    return null
  }

  cancel(): void {
    if (this.#closed) return
    this.#closed = true
    this.#pending?.()
    this.#pending = null
    abandon(this.#steps)
  }
}
