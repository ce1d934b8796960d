/**
 * A line of framed messages (RFC 1035 section 4.2.2) over TCP or TLS: each query has an ID of the line's own, so that
 * two resolutions may share it and answers may come in any order. Queries leave together, at the end of the loop's
 * turn: a write costs more than making a query.
 *
 * Invariants: no two open queries have the same ID; nothing is written before `ready`; what answers no query ends it.
 */
import { findOption } from '../../dns/edns.ts'
import { putU16, u16 } from '../../dns/bytes.ts'
import type { Decoded } from '../../dns/decode.ts'
import { Framing } from '../../dns/framing.ts'
import { EdnsOptionCode } from '../../dns/types.ts'
import { idOf, setId } from '../../dns/wire.ts'
import type { Cancel, Random } from '../../ports.ts'
import type { Line, LineAnswer, LineUser } from './line.ts'
import { takeReply } from './match-reply.ts'

/** What carries the octets. */
export interface OctetStream {
  /** `written` is called when it is with the system. */
  write(octets: Uint8Array, written?: () => void): unknown
  close(): void
}

export interface StreamLineParts {
  readonly random: Random
  readonly user: LineUser
  readonly stream: OctetStream
  readonly capacity: number
  /**
   * Each query is written when the one before has been, and so is a record of TLS by itself: dnsdist 1.7 answers the
   * first two of those in one record, and forgets the rest until more comes.
   */
  readonly apart?: boolean | undefined
  /** What goes over the wire instead of a query, apart from its ID. */
  readonly prepare?: ((query: Uint8Array) => Uint8Array) | undefined
}

interface Asked {
  readonly query: Uint8Array
  readonly heard: (answer: LineAnswer) => void
}

const ID_VALUES = 65_536
const PREFIX_OCTETS = 2
/** RFC 7828 section 3.1: TIMEOUT is in units of 100 ms. */
const KEEPALIVE_UNIT_MS = 100

export class StreamLine implements Line {
  readonly #parts: StreamLineParts
  readonly #framing = new Framing()
  readonly #asked = new Map<number, Asked>()
  /** IDs whose query was cancelled or timed out: their replies are late, not nonsense. */
  readonly #forgotten = new Set<number>()
  #outgoing: Uint8Array[] = []
  #isWriting = false
  #isReady = false
  #over = false

  constructor(parts: StreamLineParts) {
    this.#parts = parts
  }

  get capacity(): number {
    return this.#parts.capacity
  }

  ask(query: Uint8Array, heard: (answer: LineAnswer) => void): Cancel {
    const id = this.#freeId()
    this.#asked.set(id, { query, heard })
    if (this.#outgoing.push(this.#framed(query, id)) === 1 && this.#isReady) setImmediate(() => this.#flush())
    return () => {
      if (!this.#asked.delete(id)) return
      this.#forgotten.add(id)
      if (this.#forgotten.size > this.#parts.capacity) this.#parts.user.leaving()
    }
  }

  close(): void {
    this.#over = true
    this.#parts.stream.close()
  }

  // --- of its stream

  ready(): void {
    if (this.#over) return
    this.#isReady = true
    this.#flush()
    this.#parts.user.ready()
  }

  received(chunk: Uint8Array): void {
    for (const message of this.#framing.push(chunk)) {
      if (this.#over) return
      const problem = this.#deliver(message)
      if (problem !== null) this.ended('failed', problem)
    }
  }

  ended(kind: 'failed' | 'unverified', reason: string): void {
    if (this.#over) return
    this.#over = true
    this.#parts.user.ended({ kind, reason })
  }

  #flush(): void {
    const messages = this.#outgoing
    if (messages.length === 0 || this.#over || this.#isWriting) return
    this.#outgoing = []
    const [first] = messages
    if (this.#parts.apart === true) this.#writeOneByOne(messages, 0)
    else this.#parts.stream.write(messages.length === 1 && first !== undefined ? first : Buffer.concat(messages))
  }

  #writeOneByOne(messages: readonly Uint8Array[], at: number): void {
    const message = messages[at]
    this.#isWriting = message !== undefined
    if (this.#over) return
    // What was asked meanwhile comes next.
    if (message === undefined) this.#flush()
    else this.#parts.stream.write(message, () => this.#writeOneByOne(messages, at + 1))
  }

  #framed(query: Uint8Array, id: number): Uint8Array {
    const message = this.#parts.prepare?.(query) ?? query
    const framed = new Uint8Array(PREFIX_OCTETS + message.length)
    putU16(framed, 0, message.length)
    framed.set(message, PREFIX_OCTETS)
    putU16(framed, PREFIX_OCTETS, id)
    return framed
  }

  #freeId(): number {
    for (;;) {
      const id = this.#parts.random.below(ID_VALUES)
      if (!this.#asked.has(id) && !this.#forgotten.has(id)) return id
    }
  }

  /** Hands a message to its query; a text when the line is not worth keeping. */
  #deliver(message: Uint8Array): string | null {
    const id = idOf(message)
    const asked = this.#asked.get(id)
    if (asked === undefined) return this.#forgotten.delete(id) ? null : 'a message without a query'
    const { query, heard } = asked
    setId(message, idOf(query))
    const { judgement, decoded } = takeReply(query, message)
    switch (judgement) {
      case 'noise':
        return 'a malformed message'
      case 'guess':
        return 'a reply to another question'
      case 'reply':
      case 'reply-wrong-case':
      case 'questionless':
      case 'unreadable':
      case 'wrong-cookie':
        // An off-path attacker cannot write into the stream: an error without question is accepted, and a cookie of
        // another.
        this.#asked.delete(id)
        this.#noteKeepalive(decoded)
        heard({
          kind: 'reply',
          bytes: message,
          decoded: decoded ?? undefined,
          caseEchoed: judgement !== 'reply-wrong-case',
        })
        return null
      default:
        return judgement satisfies never
    }
  }

  #noteKeepalive(decoded: Decoded | null): void {
    const edns = decoded?.kind === 'message' ? decoded.message.edns : null
    if (edns === null || edns.options.length === 0) return
    const data = findOption(edns, EdnsOptionCode.KEEPALIVE)?.data
    if (data?.length === 2) this.#parts.user.keptFor(u16(data, 0) * KEEPALIVE_UNIT_MS)
  }
}
