/**
 * Attempts to connect, one after the other with a delay between them, the first that is connected being used (RFC 8305
 * section 5). After one that failed the next starts at once. Endpoints may still be added while it runs.
 *
 * Invariant: `done` is called once, and then nothing of the race is open but what it was called with.
 */
import type { Cancel, Clock } from '../ports.ts'
import { endpointKey } from './plan.ts'
import type { Attempt, Endpoint } from './types.ts'

export type Connected<S> =
  | { readonly kind: 'connected'; readonly socket: S }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'failed'; readonly reason: string }

export type RaceEnd<S> =
  | { readonly kind: 'connected'; readonly socket: S; readonly endpoint: Endpoint }
  /** `reason` of the last attempt that failed; empty when there was none. */
  | { readonly kind: 'failed'; readonly reason: string; readonly timedOut: boolean }

export interface RaceOptions<S> {
  readonly clock: Clock
  readonly attemptDelayMs: number
  /** Attempts count from here. */
  readonly startedAtMs: number
  /** In order; asked again before each attempt. */
  readonly endpoints: () => readonly Endpoint[]
  /** More endpoints may come. */
  readonly isPending: () => boolean
  /** Calls `done` once, later, and not after it was cancelled. */
  readonly connect: (endpoint: Endpoint, done: (result: Connected<S>) => void) => Cancel
  readonly done: (end: RaceEnd<S>) => void
}

interface Running {
  readonly endpoint: Endpoint
  readonly atMs: number
  readonly cancel: Cancel
}

export class Race<S> {
  readonly #options: RaceOptions<S>
  readonly #tried = new Set<string>()
  readonly #running = new Map<string, Running>()
  readonly #attempts: { readonly order: number; readonly attempt: Attempt }[] = []
  #timer: Cancel | null = null
  #last: { readonly reason: string; readonly timedOut: boolean } = { reason: '', timedOut: false }
  #over = false

  constructor(options: RaceOptions<S>) {
    this.#options = options
  }

  /** In the order in which they began. */
  get attempts(): readonly Attempt[] {
    return this.#attempts.sort((a, b) => a.order - b.order).map(({ attempt }) => attempt)
  }

  /** Begins, or looks at endpoints that have come. */
  poke(): void {
    if (!this.#over && this.#timer === null) this.#next()
  }

  /** What runs is abandoned; `done` is not called. */
  cancel(): void {
    this.#finish()
  }

  #next(): void {
    const { clock, attemptDelayMs, endpoints, isPending } = this.#options
    const endpoint = endpoints().find(one => !this.#tried.has(endpointKey(one)))
    if (endpoint === undefined) {
      if (this.#running.size > 0 || isPending()) return
      this.#finish()
      this.#options.done({ kind: 'failed', ...this.#last })
      return
    }
    this.#begin(endpoint)
    this.#timer = clock.after(attemptDelayMs, () => {
      this.#timer = null
      this.#next()
    })
  }

  #begin(endpoint: Endpoint): void {
    const key = endpointKey(endpoint)
    this.#tried.add(key)
    const atMs = this.#options.clock.now()
    const cancel = this.#options.connect(endpoint, result => this.#ended(key, result))
    this.#running.set(key, { endpoint, atMs, cancel })
  }

  #ended(key: string, result: Connected<S>): void {
    const running = this.#running.get(key)
    if (running === undefined) return
    this.#running.delete(key)
    const { endpoint } = running
    if (result.kind === 'connected') {
      this.#record(running, { kind: 'connected' })
      this.#finish()
      this.#options.done({ kind: 'connected', socket: result.socket, endpoint })
      return
    }
    this.#record(running, result)
    this.#last = { reason: result.kind === 'failed' ? result.reason : '', timedOut: result.kind === 'timeout' }
    this.#timer?.()
    this.#timer = null
    this.#next()
  }

  #record({ endpoint, atMs }: Running, outcome: Attempt['outcome']): void {
    const { clock, startedAtMs } = this.#options
    const attempt = { endpoint, atMs: atMs - startedAtMs, tookMs: clock.now() - atMs, outcome }
    this.#attempts.push({ order: [...this.#tried].indexOf(endpointKey(endpoint)), attempt })
  }

  #finish(): void {
    this.#over = true
    this.#timer?.()
    this.#timer = null
    for (const running of this.#running.values()) {
      running.cancel()
      this.#record(running, { kind: 'abandoned' })
    }
    this.#running.clear()
  }
}
