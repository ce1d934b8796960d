/**
 * DNS over a stream: messages after two-octet lengths (RFC 1035 section 4.2.2, RFC 7766 section 8), without any socket.
 * Time-outs and the number of messages in flight are the caller's business.
 *
 * Invariant: the reader holds at most one unfinished message, in memory that grows with the octets that came, not with
 * the length that was announced: a thousand connections that announce 65,535 octets and send none cost nothing.
 */
import { copyOf, putU16, u16 } from './bytes.ts'
import { MAX_MESSAGE_OCTETS } from './message.ts'

const PREFIX_OCTETS = 2
const FIRST_OCTETS = 512

/** A message after its length, ready for a stream. Throws a RangeError for more than 65,535 octets: that is a bug. */
export function frame(message: Uint8Array): Uint8Array {
  if (message.length > MAX_MESSAGE_OCTETS)
    throw new RangeError(`a message of ${message.length} octets does not fit a frame`)
  const framed = new Uint8Array(PREFIX_OCTETS + message.length)
  putU16(framed, 0, message.length)
  framed.set(message, PREFIX_OCTETS)
  return framed
}

/** A quarter of the memory that Node cuts small buffers from; about twenty ordinary replies. */
const BATCH_OCTETS = 2_048

/**
 * Messages after their lengths, collected for a single write: a write costs more than the answer to a cached question.
 */
export class FrameBatch {
  #buffer: Buffer | null = null
  #used = 0

  /** Octets collected. */
  get size(): number {
    return this.#used
  }

  /** Copies the first `length` octets of a message. False: there is no room for it. */
  add(message: Uint8Array, length: number): boolean {
    const end = this.#used + PREFIX_OCTETS + length
    if (end > BATCH_OCTETS) return false
    this.#buffer ??= Buffer.allocUnsafe(BATCH_OCTETS)
    putU16(this.#buffer, this.#used, length)
    this.#buffer.set(length === message.length ? message : message.subarray(0, length), this.#used + PREFIX_OCTETS)
    this.#used = end
    return true
  }

  /** What was collected; from then on it is the caller's, and nothing is collected. */
  take(): Uint8Array {
    const taken = this.#buffer?.subarray(0, this.#used) ?? NOTHING
    this.#buffer = null
    this.#used = 0
    return taken
  }
}

/** Cuts a stream into messages. */
export class Framing {
  /** The unfinished frame, prefix included, in the first `#held` octets. */
  #buffer: Uint8Array = NOTHING
  #held = 0

  /** Has a message begun that is not complete? Then the sender owes octets. */
  get halfRead(): boolean {
    return this.#held > 0
  }

  /** Octets of the unfinished frame that are held. */
  get heldBytes(): number {
    return this.#held
  }

  /**
   * The messages that this chunk completes, in order. Each has its own memory, so that one small message does not keep
   * a whole chunk alive while it waits. A frame may be empty: what to think of that is up to the caller.
   */
  push(chunk: Uint8Array): readonly Uint8Array[] {
    const messages: Uint8Array[] = []
    let at = 0
    while (at < chunk.length) {
      if (this.#held === 0) {
        const whole = at + PREFIX_OCTETS + u16(chunk, at)
        if (chunk.length - at >= PREFIX_OCTETS && whole <= chunk.length) {
          messages.push(copyOf(chunk, at + PREFIX_OCTETS, whole))
          at = whole
          continue
        }
      }
      at += this.#take(chunk, at)
      if (this.#held >= PREFIX_OCTETS && this.#held === this.#wanted()) {
        messages.push(copyOf(this.#buffer, PREFIX_OCTETS, this.#held))
        this.#buffer = NOTHING
        this.#held = 0
      }
    }
    return messages
  }

  /** Octets of the unfinished frame in all, as far as known. */
  #wanted(): number {
    return this.#held < PREFIX_OCTETS ? PREFIX_OCTETS : PREFIX_OCTETS + u16(this.#buffer, 0)
  }

  /** Moves octets that belong to the unfinished frame from the chunk; how many. */
  #take(chunk: Uint8Array, at: number): number {
    const count = Math.min(this.#wanted() - this.#held, chunk.length - at)
    const needed = this.#held + count
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(needed, FIRST_OCTETS, Math.min(this.#buffer.length * 2, this.#wanted())))
      grown.set(this.#buffer.subarray(0, this.#held))
      this.#buffer = grown
    }
    this.#buffer.set(chunk.subarray(at, at + count), this.#held)
    this.#held += count
    return count
  }
}

const NOTHING: Uint8Array = new Uint8Array(0)
