/**
 * For how long an idle connection is kept: shorter than the server keeps it, since a query on a connection that is just
 * being closed is lost. Servers seldom say how long that is (measured by others: from 10 s to minutes), so it is learnt
 * from those that close. Pure.
 *
 * Invariants: a limit is never above what was given and never below `leastMs`; what is remembered is bounded.
 */

export interface IdleTimes {
  /** ms. `keptForMs`: what the server said (RFC 7828 section 3.1), 0 when it said nothing. */
  limitOf(key: string, keptForMs: number): number
  /** The server closed a connection that had been idle for this long. */
  closed(key: string, idleMs: number): void
  /** One was kept by the server for as long as we wanted. */
  lasted(key: string): void
}

/** The same for all, whatever they do. */
export const fixedIdle = (idleMs: number): IdleTimes => ({ limitOf: () => idleMs, closed() {}, lasted() {} })

export interface LearntIdleLimits {
  readonly idleMs: number
  readonly leastMs: number
  /** Servers of which something is remembered; beyond it what was learnt first is forgotten. */
  readonly servers: number
}

export class LearntIdle implements IdleTimes {
  readonly #limits: LearntIdleLimits
  readonly #learnt = new Map<string, number>()

  constructor(limits: LearntIdleLimits) {
    this.#limits = limits
  }

  limitOf(key: string, keptForMs: number): number {
    const learnt = this.#learnt.get(key) ?? this.#limits.idleMs
    return keptForMs > 0 ? this.#bounded(Math.min(learnt, safelyBelow(keptForMs))) : learnt
  }

  closed(key: string, idleMs: number): void {
    const limit = this.#bounded(safelyBelow(idleMs))
    if (limit < this.limitOf(key, 0)) this.#remember(key, limit)
  }

  /** A little more next time: what closed early once, for a restart, is not held to it for ever. */
  lasted(key: string): void {
    const learnt = this.#learnt.get(key)
    if (learnt === undefined) return
    const longer = learnt + Math.ceil(learnt / GROWS_BY)
    if (longer >= this.#limits.idleMs) this.#learnt.delete(key)
    else this.#remember(key, longer)
  }

  #bounded = (idleMs: number): number => Math.min(this.#limits.idleMs, Math.max(this.#limits.leastMs, idleMs))

  #remember(key: string, limit: number): void {
    this.#learnt.delete(key)
    this.#learnt.set(key, limit)
    if (this.#learnt.size <= this.#limits.servers) return
    for (const oldest of this.#learnt.keys()) {
      this.#learnt.delete(oldest)
      return
    }
  }
}

/** Three quarters: a round trip and a busy turn of the loop lie between our clock and the server's. */
const safelyBelow = (idleMs: number): number => Math.floor((idleMs * 3) / 4)

/** By an eighth: from 1 s to 20 in 26 idle times, of which the one too long costs a handshake. */
const GROWS_BY = 8
