/**
 * The order in which datagrams are taken up when more come than can be served: in turns of the clients' blocks, so that
 * a flood waits after itself and no one else after it. As long as nothing waits a query is served at once.
 *
 * Invariants: at most `intakeWaiting` queries wait, and beyond it the oldest of the block with most of them is dropped;
 * none is served that has waited for as long as a client waits for its answer; every query gets one call of `reply`.
 */
import { ownerOf } from '../fairness/owner.ts'
import { Turns } from '../fairness/turns.ts'
import type { Client, Clock, Reply, Serve } from '../ports.ts'

interface IntakeLimits {
  readonly intakeWaiting: number
  readonly intakeTurnMs: number
  readonly intakeLeastTaken: number
  readonly discardAfterMs: number
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
  readonly cameAt: number
}

export function makeIntake(parts: IntakeParts): Serve {
  const intake = new Intake(parts)
  return (bytes, length, client, reply) => intake.take(bytes, length, client, reply)
}

const NOTHING = new Uint8Array(0)

class Intake {
  readonly #parts: IntakeParts
  readonly #turns: Turns<Waiting>

  constructor(parts: IntakeParts) {
    const { clock, limits } = parts
    this.#parts = parts
    const turns = { turnMs: limits.intakeTurnMs, leastTaken: limits.intakeLeastTaken }
    this.#turns = new Turns(turns, clock, waiting => this.#serve(waiting))
  }

  /** Over TCP its turns have been taken before (`net/listen/tcp-turns.ts`). */
  take(bytes: Uint8Array, length: number, client: Client, reply: Reply): void {
    const { clock, limits, serve } = this.#parts
    if (client.transport !== 'udp' || this.#turns.takesNow()) {
      serve(bytes, length, client, reply)
      return
    }
    const owner = ownerOf(client.ip)
    const most = this.#turns.waiting >= limits.intakeWaiting ? this.#turns.giveUp(owner) : undefined
    if (most !== undefined) this.#drop(most)
    // A copy: `slice` of a `Buffer`, which `node:dgram` gives, is none.
    const copy = new Uint8Array(bytes.subarray(0, length))
    this.#turns.wait(owner, { bytes: copy, client, reply, cameAt: clock.now() })
  }

  #serve(waiting: Waiting): void {
    const { clock, limits, serve } = this.#parts
    const { bytes, client, reply, cameAt } = waiting
    // Its client has given up; the work would be taken from those who wait.
    if (clock.now() - cameAt >= limits.discardAfterMs) this.#drop(waiting)
    else serve(bytes, bytes.length, client, reply)
  }

  #drop({ reply }: Waiting): void {
    reply(NOTHING, 0)
    this.#parts.dropped()
  }
}
