/**
 * Several descriptors waited for at once with poll(2): an array of struct pollfd by hand. Immutable but for what poll
 * writes into it.
 */
import type { Libc } from './libc.ts'

export interface PollSet {
  /** Sleeps until one of them is readable or broken, at most so long. */
  wait(timeoutMs: number): void
  /** Has something to be received, or cannot any more. */
  isReady(index: number): boolean
  /** Takes what woke us off the descriptor that is there for waking. */
  drainWake(): void
  /** Another set. `wakeFd` -1 for none. */
  with(descriptors: readonly number[], wakeFd: number): PollSet
}

type PollLibc = Pick<Libc, 'addressOf' | 'poll' | 'read'>

const POLLIN = 1
/** A descriptor in 4 octets, what is wanted and what was found in 2 each. */
const ENTRY_OCTETS = 8
const EVENTS = 4
const FOUND = 6
const COUNTER_OCTETS = 8

export const emptyPollSet = (libc: PollLibc): PollSet => new Polled(libc, [], -1)

class Polled implements PollSet {
  readonly #libc: PollLibc
  readonly #view: DataView
  readonly #address: number
  readonly #count: number
  readonly #wakeFd: number

  constructor(libc: PollLibc, descriptors: readonly number[], wakeFd: number) {
    const all = [wakeFd, ...descriptors]
    const bytes = new Uint8Array(new ArrayBuffer(COUNTER_OCTETS + all.length * ENTRY_OCTETS))
    this.#libc = libc
    this.#view = new DataView(bytes.buffer)
    this.#address = libc.addressOf(bytes)
    this.#count = all.length
    this.#wakeFd = wakeFd
    // One with descriptor -1 is passed over.
    all.forEach((fd, i) => {
      const at = COUNTER_OCTETS + i * ENTRY_OCTETS
      this.#view.setInt32(at, fd, true)
      this.#view.setInt16(at + EVENTS, POLLIN, true)
    })
  }

  wait(timeoutMs: number): void {
    for (let i = 0; i < this.#count; i++) this.#view.setInt16(COUNTER_OCTETS + i * ENTRY_OCTETS + FOUND, 0, true)
    this.#libc.poll(this.#address + COUNTER_OCTETS, this.#count, timeoutMs)
  }

  isReady(index: number): boolean {
    return this.#found(index + 1) !== 0
  }

  drainWake(): void {
    if (this.#found(0) !== 0) this.#libc.read(this.#wakeFd, this.#address, COUNTER_OCTETS)
  }

  with(descriptors: readonly number[], wakeFd: number): PollSet {
    return new Polled(this.#libc, descriptors, wakeFd)
  }

  #found(entry: number): number {
    return this.#view.getInt16(COUNTER_OCTETS + entry * ENTRY_OCTETS + FOUND, true)
  }
}
