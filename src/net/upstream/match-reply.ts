/**
 * What one message from a server's address is worth to the query it may answer. It says nothing of what the message
 * means, only whether it belongs to the query. Invariant: nothing that is not a response to this very query is ever
 * passed on, and nothing malformed while a better one may come (draft-li-dnsop-response-preprocessing,
 * TuDoor 2024: wait for a valid response).
 */
import { u16 } from '../../dns/bytes.ts'
import { isSameClient } from '../../dns/cookies/form.ts'
import { type Decoded, decodeReply } from '../../dns/decode.ts'
import { findOption, OPT_FIXED_OCTETS } from '../../dns/edns.ts'
import { EdnsOptionCode } from '../../dns/types.ts'
import { foldQuestion, isResponse, isTruncated, matchReply, questionEnd } from '../../dns/wire.ts'

export type Judgement =
  /** Belongs to the query and decodes. */
  | 'reply'
  /** The same, but the letters of the question came back in another case. */
  | 'reply-wrong-case'
  /** An error with the right ID and no question: some old servers send it, and it is the easiest reply to forge. */
  | 'questionless'
  /** Echoes ID and question and cannot be read: a server that errs, or a forgery that a better reply may follow. */
  | 'unreadable'
  /**
   * The question echoed, with the client cookie of another query (RFC 7873 section 5.3): of who can see no query this
   * is as good as impossible by chance, so that it is a server that errs, or a forgery by who guessed all the rest.
   */
  | 'wrong-cookie'
  /** A well-formed response to something else: an ID being guessed, or a late reply. */
  | 'guess'
  /** Not a response, or malformed: harmless and worthless. */
  | 'noise'

const OPCODE = 0x78

/** `decoded` is null for what is not a response. */
export interface Judged {
  readonly judgement: Judgement
  readonly decoded: Decoded | null
}

const notOurs: Judged = Object.freeze({ judgement: 'noise', decoded: null })

/**
 * Judges a message and keeps what reading it brought. The question of a reply that echoes it is lower-cased in `reply`,
 * since the random letters that we sent have done their work and would only end up in caches and answers.
 */
export function takeReply(query: Uint8Array, reply: Uint8Array): Judged {
  if (!isResponse(reply, reply.length) || (((reply[2] ?? 0) ^ (query[2] ?? 0)) & OPCODE) !== 0) return notOurs
  const match = matchReply(query, reply)
  if (match === 'match') foldQuestion(reply)
  const decoded = decodeReply(reply)
  // Servers that cut a message in the middle of a record say TC; nothing but TC is read from it.
  if (decoded.kind !== 'message' && !isTruncated(reply))
    return { judgement: match === 'match' ? 'unreadable' : 'noise', decoded }
  if (match !== 'mismatch' && hasOthersCookie(query, decoded)) return { judgement: 'wrong-cookie', decoded }
  switch (match) {
    case 'match':
      return { judgement: 'reply', decoded }
    case 'wrong-case':
      return { judgement: 'reply-wrong-case', decoded }
    case 'no-question':
      return { judgement: 'questionless', decoded }
    case 'mismatch':
      return { judgement: 'guess', decoded }
    default:
      return match satisfies never
  }
}

/** None at all is no other one: most servers know no cookies, and who expects one sees that it is not there. */
function hasOthersCookie(query: Uint8Array, decoded: Decoded): boolean {
  const edns = decoded.kind === 'message' ? decoded.message.edns : null
  if (edns === null || edns.options.length === 0) return false
  const came = findOption(edns, EdnsOptionCode.COOKIE)
  const sent = cookieOf(query)
  return came !== undefined && sent !== null && !isSameClient(sent, came.data)
}

/** The cookie of a query as `encodeQuery` makes it: its first option, or none. */
function cookieOf(query: Uint8Array): Uint8Array | null {
  const option = questionEnd(query) + OPT_FIXED_OCTETS
  if (option + 4 >= query.length || u16(query, option) !== EdnsOptionCode.COOKIE) return null
  return query.subarray(option + 4, option + 4 + u16(query, option + 2))
}

/** The same for who only wants to know: pure. */
export const judgeReply = (query: Uint8Array, reply: Uint8Array): Judgement => takeReply(query, reply.slice()).judgement
