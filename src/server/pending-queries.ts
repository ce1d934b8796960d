/**
 * How many queries of each client wait for an answer. DNSBomb (CVE-2024-33655) collects slow answers and has them all
 * sent at one moment to a spoofed address; so the number waiting is capped, and a client with many others waiting is
 * sent no late answer but, shortly before it would be late, that there is none. Also tells when nothing waits any more
 * (graceful stop).
 *
 * Invariant: an address is in the table only while it waits for something.
 */
import type { Client } from '../ports.ts'

export interface WaitingLimits {
  readonly waitingPerClient: number
  readonly discardAfterMs: number
  readonly lateAnswersKept: number
  readonly lateSpreadMs: number
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
   * When to look whether a query can still be answered in time, ms from its arrival: at a random moment of the last
   * `lateSpreadMs`, so that queries that came together are not answered together. `random` as `Random.below`.
   */
  lookAfterMs(random: (n: number) => number): number {
    const { discardAfterMs, lateSpreadMs } = this.#limits
    return Math.max(0, discardAfterMs - random(lateSpreadMs + 1))
  }

  /** Are enough queries of the client waiting that its late answers are kept back? */
  isCrowded({ ip, transport }: Client): boolean {
    return transport === 'udp' && (this.#counts.get(ip.text) ?? 0) - 1 > this.#limits.lateAnswersKept
  }

  /**
   * Must an answer that took `tookMs` be kept back? Asked while the query itself still counts. Only over UDP, where
   * sources can be spoofed.
   */
  tooLate(client: Client, tookMs: number): boolean {
    return tookMs > this.#limits.discardAfterMs && this.isCrowded(client)
  }

  /** Calls `tell` once, as soon as nothing is pending; at once if that is now. */
  whenIdle(tell: () => void): void {
    if (this.#total === 0) tell()
    else this.#idle.push(tell)
  }
}
