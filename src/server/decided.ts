/**
 * Which rules decided on finished answers: octets say what the answer is, and not why. For the query log and the
 * streams only; an answer that no rule concerned costs nothing here.
 */
import type { Decision } from '../policy/handler.ts'

export class Decided {
  readonly #most: number
  /** By view and question; the oldest is first. */
  readonly #decisions = new Map<string, readonly Decision[]>()

  /** How many are remembered. */
  constructor(limits: { readonly decisionsRemembered: number }) {
    this.#most = limits.decisionsRemembered
  }

  /** `key` is `questionKey` of the question. Undefined: no rule decided. */
  of(view: number, key: string): readonly Decision[] | undefined {
    return this.#decisions.size === 0 ? undefined : this.#decisions.get(`${view}/${key}`)
  }

  /** The finished answer of now was decided like this. */
  note(view: number, key: string, decisions: readonly Decision[] | undefined): void {
    const isDecided = decisions !== undefined && decisions.length > 0
    if (!isDecided && this.#decisions.size === 0) return
    const place = `${view}/${key}`
    this.#decisions.delete(place)
    if (!isDecided) return
    this.#decisions.set(place, decisions)
    const [oldest] = this.#decisions.keys()
    if (oldest !== undefined && this.#decisions.size > this.#most) this.#decisions.delete(oldest)
  }

  /** Other rules hold. */
  clear(): void {
    this.#decisions.clear()
  }
}
