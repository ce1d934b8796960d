/**
 * Look-ups in the shared cache: those of one turn of the event loop are one request. Each ends at its own time at the
 * latest, whatever the server does, and what comes later is not used.
 */
import type { SharedLimits } from '../../limits.ts'
import type { Cancel } from '../../ports.ts'
import type { ReadResult, SharedClient } from './client.ts'

/** Timers that are late by no more than 1 ms, where those of the engine may be by 4. */
export type After = (delayMs: number, fire: () => void) => Cancel

export interface ReadsParts {
  readonly client: Pick<SharedClient, 'read'>
  readonly limits: Pick<SharedLimits, 'valueBytes' | 'reads'>
  readonly after: After
  /** After the event loop has read what has come, and before it waits for anything. */
  readonly soon: (then: () => void) => void
  /** ms, monotonic. */
  readonly now: () => number
  readonly succeeded: (tookMs: number) => void
  readonly failed: (why: 'timeout' | 'error') => void
}

export type Read =
  | { readonly kind: 'value'; readonly bytes: Uint8Array }
  | { readonly kind: 'miss' }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'error' }

interface Waiting {
  readonly key: string
  readonly since: number
  /** Null: it is over. */
  done: ((read: Read) => void) | null
  stop: Cancel
}

export class Reads {
  readonly #parts: ReadsParts
  #batch: Waiting[] = []
  #underWay = 0

  constructor(parts: ReadsParts) {
    this.#parts = parts
  }

  /** Waiting for the server, and not over. */
  get underWay(): number {
    return this.#underWay
  }

  /** `done` is called once, within `waitMs`, unless it is cancelled. Null: there are too many. */
  find(key: string, waitMs: number, done: (read: Read) => void): Cancel | null {
    const { limits, after, soon, now, failed } = this.#parts
    if (this.#underWay >= limits.reads) return null
    const waiting: Waiting = { key, since: now(), done, stop: () => {} }
    // A busy process is late itself: what has come meanwhile is read first, and is no failure of the server.
    waiting.stop = after(waitMs, () =>
      soon(() => {
        if (waiting.done === null) return
        failed('timeout')
        this.#end(waiting, { kind: 'timeout' })
      }),
    )
    this.#underWay++
    if (this.#batch.push(waiting) === 1) soon(() => void this.#ask())
    return () => this.#end(waiting, null)
  }

  async #ask(): Promise<void> {
    const { client, limits, now, succeeded, failed } = this.#parts
    const batch = this.#batch.filter(({ done }) => done !== null)
    this.#batch = []
    if (batch.length === 0) return
    const before = now()
    let results: readonly ReadResult[]
    try {
      // One octet more than a value may have shows that it has more.
      results = await client.read(
        batch.map(({ key }) => key),
        limits.valueBytes + 1,
      )
    } catch {
      results = []
    }
    const left = batch.filter(({ done }) => done !== null)
    if (left.length > 0) {
      const isError = batch.every((_, index) => results[index] === undefined || results[index] instanceof Error)
      if (isError) for (const _ of left) failed('error')
      else succeeded(now() - before)
    }
    for (const [index, waiting] of batch.entries()) this.#end(waiting, this.#readOf(results[index]))
  }

  #readOf(result: ReadResult | undefined): Read {
    if (result === undefined || result instanceof Error) return { kind: 'error' }
    return result === null ? { kind: 'miss' } : { kind: 'value', bytes: result }
  }

  #end(waiting: Waiting, read: Read | null): void {
    const { done } = waiting
    if (done === null) return
    waiting.done = null
    waiting.stop()
    this.#underWay--
    if (read !== null) done(read)
  }
}
