/**
 * How many queries of each client wait for an answer. DNSBomb (CVE-2024-33655) collects slow answers and has them all
 * sent at one moment to a spoofed address; so the number waiting is capped and late answers to a client with many
 * others waiting are not sent. Also tells when nothing waits any more (graceful stop).
 *
 * Invariant: an address is in the table only while it waits for something.
 */
import type { Client } from '../ports.ts'

export interface WaitingLimits {
  readonly waitingPerClient: number
  readonly discardAfterMs: number
  readonly lateAnswersKept: number
}

export class WaitingClients {
  readonly #counts = new Map<string, number>()
  readonly #limits: WaitingLimits
  readonly #idle: (() => void)[] = []
  #total = 0

  constructor(limits: WaitingLimits) {
    this.#limits = limits
  }

  get total(): number {
    return this.#total
  }

  /** Counts one more; false, and nothing counted, when the client has too many waiting. */
  enter(client: Client): boolean {
    const count = this.#counts.get(client.ip.text) ?? 0
    if (count >= this.#limits.waitingPerClient) return false
    this.#counts.set(client.ip.text, count + 1)
    this.#total++
    return true
  }

  leave(client: Client): void {
    const count = this.#counts.get(client.ip.text) ?? 0
    if (count > 1) this.#counts.set(client.ip.text, count - 1)
    else this.#counts.delete(client.ip.text)
    this.#total--
    if (this.#total === 0) for (const tell of this.#idle.splice(0)) tell()
  }

  /**
   * Must an answer that took `tookMs` be kept back? Asked while the query itself still counts. Only over UDP, where
   * sources can be spoofed.
   */
  tooLate(client: Client, tookMs: number): boolean {
    if (client.transport !== 'udp' || tookMs <= this.#limits.discardAfterMs) return false
    return (this.#counts.get(client.ip.text) ?? 0) - 1 > this.#limits.lateAnswersKept
  }

  /** Calls `tell` once when nothing waits, at once if that is now. */
  whenIdle(tell: () => void): void {
    if (this.#total === 0) tell()
    else this.#idle.push(tell)
  }
}
