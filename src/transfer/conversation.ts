/**
 * One zone transfer, from the octets of its messages: signatures are checked, messages are read, and its bounds are
 * held. No socket and no clock: octets and times come in, what to do next is a value. The same for secondary zones,
 * policy zones and `rootwalk query`.
 */
import { decodeMessage } from '../dns/decode.ts'
import type { Message } from '../dns/message.ts'
import { TransferReader, type TransferRequest, type TransferSink, type TransferState } from './reader.ts'
import type { TsigVerifier } from './tsig.ts'

export interface ConversationParts extends TransferRequest {
  /** Null when the query was not signed. */
  readonly verifier: TsigVerifier | null
  readonly maxBytes: number
  readonly sink?: TransferSink
  /** Sees each message before it is read. */
  readonly onMessage?: (message: Message) => void
}

export class TransferConversation {
  readonly #parts: ConversationParts
  readonly #reader: TransferReader
  octets = 0
  messages = 0

  constructor(parts: ConversationParts) {
    this.#parts = parts
    this.#reader = new TransferReader(parts, parts.sink)
  }

  get records(): number {
    return this.#reader.records
  }

  get outside(): number {
    return this.#reader.outside
  }

  /** The next message, without the length in front of it. `wall` in seconds since 1970. */
  take(bytes: Uint8Array, wall: number): TransferState {
    const { verifier, maxBytes, onMessage } = this.#parts
    this.octets += bytes.length
    this.messages++
    if (this.octets > maxBytes) return failed(`more than ${maxBytes} octets came`)
    const checked = verifier?.take(bytes, wall) ?? { bytes }
    if ('error' in checked) return failed(checked.error)
    const decoded = decodeMessage(checked.bytes)
    if (decoded.kind === 'format-error')
      return failed(`a message is malformed: ${decoded.why} at octet ${decoded.offset}`)
    onMessage?.(decoded.message)
    const state = this.#reader.take(decoded.message)
    const isLast = state.kind === 'complete' || state.kind === 'up-to-date'
    return isLast && verifier?.complete === false ? failed('the last message has no signature') : state
  }
}

/** The whole zone would come over the same wire. */
const failed = (why: string): TransferState => ({ kind: 'failed', why, asWhole: false })
