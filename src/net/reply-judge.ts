/**
 * What one message from a server's address is worth to the query it may answer. Pure. It says nothing of what the
 * message means, only whether it belongs to the query. Invariant: nothing malformed, and nothing that is not a response
 * to this very query, is ever passed on (draft-li-dnsop-response-preprocessing, TuDoor 2024: wait for a valid response).
 */
import { decodeMessage } from '../dns/decode.ts'
import { isResponse, isTruncated, matchReply } from '../dns/wire.ts'

export type Judgement =
  /** Belongs to the query and decodes. */
  | 'reply'
  /** The same, but the letters of the question came back in another case. */
  | 'reply-wrong-case'
  /** An error with the right ID and no question: some old servers send it, and it is the easiest reply to forge. */
  | 'questionless'
  /** A well-formed response to something else: an ID being guessed, or a late reply. */
  | 'guess'
  /** Not a response, or malformed: harmless and worthless. */
  | 'noise'

const OPCODE = 0x78

export function judgeReply(query: Uint8Array, reply: Uint8Array): Judgement {
  if (!isResponse(reply, reply.length) || (((reply[2] ?? 0) ^ (query[2] ?? 0)) & OPCODE) !== 0) return 'noise'
  const match = matchReply(query, reply)
  // Servers that cut a message in the middle of a record say TC; nothing but TC is read from it.
  const readable = decodeMessage(reply).kind === 'message' || isTruncated(reply)
  if (!readable) return 'noise'
  switch (match) {
    case 'match': return 'reply'
    case 'wrong-case': return 'reply-wrong-case'
    case 'no-question': return 'questionless'
    case 'mismatch': return 'guess'
    default: return match satisfies never
  }
}
