/**
 * What exchanges have in common whatever they travel over: each ends exactly once, and those for which nothing is free
 * wait in the order in which they came, for a time and in a number that are bounded. What is waited for, and what
 * becomes of an exchange that got it, is its upstream's business.
 *
 * Invariants: `done` is called at most once, and not at all after `end`; who waits is in no other place.
 */
import type { Cancel, Clock, ExchangeResult } from '../../ports.ts'

export interface OpenExchange {
  readonly done: (result: ExchangeResult) => void
  /** Stops the timer that it has, if any. */
  cancelTimer: Cancel
  over: boolean
}

export const noTimer: Cancel = () => {}

export const NETWORK_CLOSED: ExchangeResult = Object.freeze({ kind: 'not-sent', reason: 'the network is closed' })

export interface ExchangesParts<E> {
  readonly clock: Clock
  readonly limits: { readonly waitingExchanges: number; readonly socketWaitMs: number }
  /** What is waited for, with its article: "a socket". */
  readonly what: string
  /** False: it has to wait. */
  readonly start: (exchange: E) => boolean
  /** Its time is up. */
  readonly expire: (exchange: E) => void
}

export class Exchanges<E extends OpenExchange> {
  readonly #parts: ExchangesParts<E>
  readonly #waiting = new Set<E>()
  #closed = false

  constructor(parts: ExchangesParts<E>) {
    this.#parts = parts
  }

  get waiting(): number {
    return this.#waiting.size
  }

  begin(exchange: E): void {
    if (this.#closed) this.finishLater(exchange, NETWORK_CLOSED)
    else if (!this.#parts.start(exchange)) this.wait(exchange, true)
  }

  /** `timed`: with the time for waiting; without it the exchange keeps the timer that it has. */
  wait(exchange: E, timed: boolean): void {
    const { clock, limits, expire, what } = this.#parts
    this.#waiting.add(exchange)
    if (timed) exchange.cancelTimer = clock.after(limits.socketWaitMs, () => expire(exchange))
    if (this.#waiting.size <= limits.waitingExchanges) return
    const [oldest] = this.#waiting
    if (oldest !== undefined)
      this.finishLater(oldest, { kind: 'not-sent', reason: `too many exchanges wait for ${what}` })
  }

  /** Something came free: starts what waits, oldest first, as far as it goes. */
  startWaiting(): void {
    for (const exchange of this.#waiting) {
      if (!this.#parts.start(exchange)) return
      this.#waiting.delete(exchange)
    }
  }

  /** Takes it out of everything here; false when it had ended before. */
  end(exchange: E): boolean {
    if (exchange.over) return false
    exchange.over = true
    exchange.cancelTimer()
    this.#waiting.delete(exchange)
    return true
  }

  /** Ends it, and says so after the present call. */
  finishLater(exchange: E, result: ExchangeResult): void {
    if (this.end(exchange)) queueMicrotask(() => exchange.done(result))
  }

  /** Those that wait end as not sent, and later ones do at once. */
  close(): void {
    this.#closed = true
    for (const exchange of this.#waiting) this.finishLater(exchange, NETWORK_CLOSED)
  }
}
