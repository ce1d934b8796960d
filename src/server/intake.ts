/**
 * The order in which datagrams are taken up when more come than can be served: in turns of the clients' blocks, so that
 * a flood waits behind itself and nobody else behind it. As long as nothing waits a query is served at once.
 *
 * Invariants: at most `intakeWaiting` queries wait; beyond it the oldest of the block with most of them is dropped;
 * every query gets one call of `reply`.
 */
import { ownerOf } from '../fairness/owner.ts'
import { ShareTree } from '../fairness/share-tree.ts'
import type { Client, Clock, Reply, Serve } from '../ports.ts'

interface IntakeLimits {
  readonly intakeWaiting: number
  readonly intakeTurnMs: number
}

export interface IntakeParts {
  readonly clock: Clock
  readonly limits: IntakeLimits
  readonly serve: Serve
  /** Heard for each query that is dropped. */
  readonly dropped: () => void
}

interface Waiting {
  readonly bytes: Uint8Array
  readonly client: Client
  readonly reply: Reply
}

export function makeIntake(parts: IntakeParts): Serve {
  const intake = new Intake(parts)
  return (bytes, length, client, reply) => intake.take(bytes, length, client, reply)
}

const NOTHING = new Uint8Array(0)

class Intake {
  readonly #parts: IntakeParts
  readonly #waiting = new ShareTree<Waiting>()
  #until = 0
  #scheduled = false

  constructor(parts: IntakeParts) {
    this.#parts = parts
  }

  /** Over TCP its turns have been taken before (`net/listen/tcp-turns.ts`). */
  take(bytes: Uint8Array, length: number, client: Client, reply: Reply): void {
    const { clock, limits, serve, dropped } = this.#parts
    if (client.transport !== 'udp') {
      serve(bytes, length, client, reply)
      return
    }
    this.#begin()
    if (this.#waiting.size === 0 && clock.now() < this.#until) {
      serve(bytes, length, client, reply)
      return
    }
    const owner = ownerOf(client.ip)
    this.#waiting.add(owner, { bytes: bytes.slice(0, length), client, reply })
    const most = this.#waiting.size > limits.intakeWaiting ? this.#waiting.toGive(owner) : undefined
    if (most === undefined) return
    this.#waiting.delete(most.place)
    most.item.reply(NOTHING, 0)
    dropped()
  }

  /** The first of a turn starts its time. */
  #begin(): void {
    if (this.#scheduled) return
    const { clock, limits } = this.#parts
    this.#scheduled = true
    this.#until = clock.now() + limits.intakeTurnMs
    clock.after(0, () => this.#next())
  }

  #next(): void {
    this.#scheduled = false
    if (this.#waiting.size === 0) return
    this.#begin()
    const { clock, serve } = this.#parts
    do {
      const next = this.#waiting.next()
      if (next === undefined) return
      serve(next.bytes, next.bytes.length, next.client, next.reply)
    } while (clock.now() < this.#until)
  }
}
