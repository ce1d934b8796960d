/**
 * Replies that come when the time of their exchange is over: a server that takes 0.8 s instead of 10 ms answers the
 * first try while the second is on its way, and that answer is as good as any. Each is kept for whoever puts the same
 * question to the same server, once.
 *
 * Invariants: nothing is listened for longer than `lateReplyMs`, nor more than `lateReplies` at a time; `close` is
 * called exactly once for each, and not from within `add`.
 */
import { HEADER_OCTETS } from '../../dns/message.ts'
import type { UpstreamLimits } from '../../limits.ts'
import type { Cancel, Clock, ExchangeResult, ServerAddress } from '../../ports.ts'

/** An exchange whose time is over and whose socket is still open. */
export interface Late {
  readonly key: string
  readonly close: () => void
  cancel: Cancel
  reply: ExchangeResult | null
  over: boolean
}

/** An exchange on its way. */
export interface Asker {
  isOver(): boolean
  take(reply: ExchangeResult): void
}

export class LateReplies {
  readonly #clock: Clock
  readonly #limits: Pick<UpstreamLimits, 'lateReplies' | 'lateReplyMs'>
  /** The oldest first. */
  readonly #all = new Set<Late>()
  readonly #of = new Map<string, Late[]>()
  /** Who asks now what was asked before. */
  readonly #askers = new Map<string, Asker>()

  constructor(clock: Clock, limits: Pick<UpstreamLimits, 'lateReplies' | 'lateReplyMs'>) {
    this.#clock = clock
    this.#limits = limits
  }

  get size(): number {
    return this.#all.size
  }

  /** Listens on; null when nothing is to be listened for. */
  add(key: string, close: () => void): Late | null {
    if (this.#limits.lateReplies === 0) return null
    if (this.#all.size >= this.#limits.lateReplies) this.dropOldest()
    const late: Late = { key, close, cancel: () => {}, reply: null, over: false }
    late.cancel = this.#clock.after(this.#limits.lateReplyMs, () => this.drop(late))
    this.#all.add(late)
    const others = this.#of.get(key)
    if (others === undefined) this.#of.set(key, [late])
    else others.push(late)
    return late
  }

  /** The reply is there: for who asks, or for who will. */
  came(late: Late, reply: ExchangeResult): void {
    const asker = this.#askers.get(late.key)
    if (asker === undefined || asker.isOver()) {
      late.reply = reply
      return
    }
    this.dropAll(late.key)
    asker.take(reply)
  }

  /** What came already; null: the asker gets what comes, unless `dropAll` comes first. */
  ask(key: string, asker: Asker): ExchangeResult | null {
    const others = this.#of.get(key)
    if (others === undefined) return null
    const reply = others.find(late => late.reply !== null)?.reply ?? null
    if (reply === null) this.#askers.set(key, asker)
    else this.dropAll(key)
    return reply
  }

  /** The question is answered, or the network closes. */
  dropAll(key?: string): void {
    for (const late of [...(key === undefined ? this.#all : (this.#of.get(key) ?? []))]) this.drop(late)
    if (key !== undefined) this.#askers.delete(key)
  }

  /** False when there is none. */
  dropOldest(): boolean {
    const [oldest] = this.#all
    if (oldest !== undefined) this.drop(oldest)
    return oldest !== undefined
  }

  drop(late: Late): void {
    if (late.over) return
    late.over = true
    late.cancel()
    this.#all.delete(late)
    const others = (this.#of.get(late.key) ?? []).filter(other => other !== late)
    if (others.length > 0) this.#of.set(late.key, others)
    else {
      this.#of.delete(late.key)
      this.#askers.delete(late.key)
    }
    late.close()
  }
}

/** The same for all queries that put a question to a server, in whatever letters and with or without EDNS. */
export function questionKey(server: ServerAddress, query: Uint8Array): string {
  let end = HEADER_OCTETS
  while ((query[end] ?? 0) !== 0) end += 1 + (query[end] ?? 0)
  const octets = Buffer.from(query.subarray(HEADER_OCTETS, end)).toString('latin1').toLowerCase()
  // Root octet, type and class.
  return `${server.key} ${octets} ${Buffer.from(query.subarray(end, end + 5)).toString('hex')}`
}
