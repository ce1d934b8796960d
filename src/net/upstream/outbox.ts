/**
 * Datagrams that leave together at the end of the loop's turn, in the order in which they came. Not a buffer against
 * congestion: it is empty again before the loop waits.
 *
 * Why together: the kernel hands a datagram on loopback, or to a sleeping program, to its receiver within `send`, and
 * waking that one costs 10 us and more. A receiver that is awake already costs nothing, so of a batch only the first
 * pays. Measured with 200 queries in flight: a third of the system time of a look-up.
 *
 * Invariant: everything added is sent exactly once, never within `add` unless `most` wait.
 */

export class Outbox<T> {
  readonly #send: (item: T) => void
  readonly #max: number
  #items: T[] = []

  constructor(max: number, send: (item: T) => void) {
    this.#max = max
    this.#send = send
  }

  add(item: T): void {
    if (this.#items.push(item) === 1) setImmediate(() => this.#flush())
    if (this.#items.length >= this.#max) this.#flush()
  }

  #flush(): void {
    const items = this.#items
    this.#items = []
    for (const item of items) this.#send(item)
  }
}
