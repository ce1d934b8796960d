/**
 * Visits to URLs that the API was asked for: some at once, the latest kept with what they found, each with its steps
 * for who follows it. Knows no HTTP of the API.
 *
 * Invariant: what runs is bounded in number and time, what is kept in number and octets; all ends with the thread.
 */
import type { VisitBody, VisitEntry } from './form.ts'
import { adminLimits } from '../limits.ts'

/** What is ordered: `run` makes the visit, and reports its steps until it ends. */
export interface VisitOrder {
  readonly url: string
  readonly method: string
  readonly by: string
  readonly run: (report: (step: object) => void, signal: AbortSignal) => Promise<object & { readonly exitCode: number }>
}

export interface VisitsParts {
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly newId: () => string
  readonly after: (ms: number, call: () => void) => () => void
  readonly bug: (where: string, error: unknown) => void
}

/** What a follower gets in its turn; `end` is the last. */
export type VisitStep =
  | { readonly kind: 'step'; readonly json: string }
  | { readonly kind: 'end'; readonly json: string }

class Kept {
  readonly order: VisitOrder
  readonly id: string
  readonly startedAt: number
  readonly stop: AbortController = new AbortController()
  readonly steps: string[] = []
  readonly followers = new Set<() => void>()
  endedAt: number | null = null
  result: (object & { readonly exitCode: number }) | null = null
  octets = 0

  constructor(order: VisitOrder, id: string, startedAt: number) {
    this.order = order
    this.id = id
    this.startedAt = startedAt
  }

  get entry(): VisitEntry {
    const { order, id, startedAt, endedAt, result } = this
    return {
      id,
      url: order.url,
      method: order.method,
      by: order.by,
      state: endedAt === null ? 'running' : result === null ? 'broken' : 'done',
      startedAt: new Date(startedAt).toISOString(),
      endedAt: endedAt === null ? null : new Date(endedAt).toISOString(),
      exitCode: result?.exitCode ?? null,
    }
  }
}

export class Visits {
  readonly #parts: VisitsParts
  /** The oldest first. */
  readonly #kept = new Map<string, Kept>()
  #running = 0

  constructor(parts: VisitsParts) {
    this.#parts = parts
  }

  /** Null: as many as are allowed are under way. */
  start(order: VisitOrder): VisitEntry | null {
    if (this.#running >= adminLimits.visitsAtOnce) return null
    const kept = new Kept(order, this.#parts.newId(), this.#parts.now())
    this.#kept.set(kept.id, kept)
    void this.#run(kept)
    this.#forgetOldest()
    return kept.entry
  }

  /** The latest first, at most `most`, older than the one called `after`; null: that one is not there any more. */
  page(
    after: string | null,
    most: number,
  ): { readonly visits: readonly VisitEntry[]; readonly next: string | null } | null {
    const all = [...this.#kept.values()].reverse()
    const from = after === null ? 0 : all.findIndex(({ id }) => id === after) + 1
    if (after !== null && from === 0) return null
    const visits = all.slice(from, from + most)
    return {
      visits: visits.map(({ entry }) => entry),
      next: from + most < all.length ? (visits.at(-1)?.id ?? null) : null,
    }
  }

  find(id: string): VisitBody | null {
    const kept = this.#kept.get(id)
    return kept === undefined ? null : { ...kept.entry, result: kept.result }
  }

  /** It ends if it runs, and is not known any more. */
  remove(id: string): boolean {
    const kept = this.#kept.get(id)
    if (kept === undefined) return false
    this.#kept.delete(id)
    kept.stop.abort()
    this.#ended(kept)
    return true
  }

  /** Its steps after the first `from`, as they come; null: there is none of that id. `wake`: there may be more. */
  follow(id: string, from: number, wake: () => void): { take(): readonly VisitStep[] | null; close(): void } | null {
    const kept = this.#kept.get(id)
    if (kept === undefined) return null
    let at = from
    let isOver = false
    kept.followers.add(wake)
    return {
      take: () => {
        if (isOver) return null
        const steps = kept.steps.slice(at).map((json): VisitStep => ({ kind: 'step', json }))
        at = Math.max(at, kept.steps.length)
        isOver = kept.endedAt !== null
        return isOver ? [...steps, { kind: 'end', json: JSON.stringify(kept.entry) }] : steps
      },
      close: () => kept.followers.delete(wake),
    }
  }

  close(): void {
    for (const kept of this.#kept.values()) kept.stop.abort()
  }

  async #run(kept: Kept): Promise<void> {
    this.#running++
    const cancel = this.#parts.after(adminLimits.visitMs, () => kept.stop.abort())
    try {
      kept.result = await kept.order.run(step => this.#report(kept, step), kept.stop.signal)
      kept.octets += JSON.stringify(kept.result).length
    } catch (error) {
      this.#parts.bug(`visit ${kept.id}`, error)
    }
    cancel()
    this.#running--
    this.#ended(kept)
    this.#forgetOldest()
  }

  #report(kept: Kept, step: object): void {
    if (kept.endedAt !== null) return
    const json = JSON.stringify(step)
    kept.steps.push(json)
    kept.octets += json.length
    for (const wake of kept.followers) wake()
  }

  #ended(kept: Kept): void {
    kept.endedAt ??= this.#parts.now()
    for (const wake of kept.followers) wake()
  }

  /** What runs stays. */
  #forgetOldest(): void {
    let octets = [...this.#kept.values()].reduce((sum, one) => sum + one.octets, 0)
    for (const kept of this.#kept.values()) {
      if (this.#kept.size <= adminLimits.visitsKept && octets <= adminLimits.visitsKeptBytes) return
      if (kept.endedAt === null) continue
      this.#kept.delete(kept.id)
      octets -= kept.octets
    }
  }
}
