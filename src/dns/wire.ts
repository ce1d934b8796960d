/**
 * The byte path: looking at a query, matching a reply and patching an answer without decoding. It makes no object but
 * one key string; everything it does not understand at a glance it leaves to the decoder.
 */
import { putU16, u16, u32 } from './bytes.ts'
import { OPT_FIXED_OCTETS, optionsFit } from './edns.ts'
import { AD, CD, HEADER_OCTETS, RD } from './message.ts'
import { MAX_LABEL_OCTETS, MAX_NAME_OCTETS } from './name.ts'
import { Opcode, Rcode, RrType } from './types.ts'

/** What a plain query says. One object is filled again for every query; numbers are host integers. */
export interface QueryPeek {
  id: number
  recursionDesired: boolean
  checkingDisabled: boolean
  authenticData: boolean
  type: number
  class: number
  /** The offset after the question. */
  questionEnd: number
  edns: boolean
  /** Octets as offered; 512 without EDNS. */
  payloadSize: number
  dnssecOk: boolean
  /** The question as it stands in a message, the name lower-cased: name, type and class in `keyLength` octets. */
  readonly keyOctets: Buffer
  /** The same memory in units of four octets; octets after `keyLength` in the last one are zero. */
  readonly keyWords: Int32Array
  keyLength: number
  /** Did the name come with capital letters? */
  mixedCase: boolean
}

export type ReplyMatch = 'match' | 'wrong-case' | 'no-question' | 'mismatch'

/** RFC 6891 section 6.2.3: the size without EDNS, and the least that counts. */
export const PLAIN_PAYLOAD_OCTETS = 512
const QUESTION_FIXED_OCTETS = 4
const MIN_QUERY_OCTETS = HEADER_OCTETS + 1 + QUESTION_FIXED_OCTETS

export function newPeek(): QueryPeek {
  const memory = new ArrayBuffer(KEY_ROOM_OCTETS)
  return {
    id: 0,
    recursionDesired: false,
    checkingDisabled: false,
    authenticData: false,
    type: 0,
    class: 0,
    questionEnd: 0,
    edns: false,
    payloadSize: PLAIN_PAYLOAD_OCTETS,
    dnssecOk: false,
    keyOctets: Buffer.from(memory),
    keyWords: new Int32Array(memory),
    keyLength: 0,
    mixedCase: false,
  }
}

/** The longest name with type and class, and up to three octets of zeros: a multiple of eight. */
export const KEY_ROOM_OCTETS = 264

/**
 * Reads a plain query from the first `length` octets: QR, opcode, AA, TC, RA and rcode 0, one question, and nothing
 * else but at most one well-formed version-0 OPT, ending exactly at the end. False for anything else; `out` is then
 * undefined.
 */
export function peekQuery(bytes: Uint8Array, length: number, out: QueryPeek): boolean {
  const high = bytes[2] ?? 0
  const low = bytes[3] ?? 0
  // QDCOUNT 1, ANCOUNT and NSCOUNT 0, ARCOUNT 0 or 1.
  if (length < MIN_QUERY_OCTETS || length > bytes.length || (high & 0xfe) !== 0 || (low & 0x8f) !== 0) return false
  if (u32(bytes, 4) !== 0x0001_0000 || u16(bytes, 8) !== 0 || u16(bytes, 10) > 1) return false
  const nameEnd = foldQuestionName(bytes, length - QUESTION_FIXED_OCTETS, out)
  if (nameEnd < 0) return false
  const end = nameEnd + QUESTION_FIXED_OCTETS
  out.type = u16(bytes, nameEnd)
  out.class = u16(bytes, nameEnd + 2)
  out.questionEnd = end
  if (bytes[11] === 0) {
    if (end !== length) return false
    out.edns = false
    out.payloadSize = PLAIN_PAYLOAD_OCTETS
    out.dnssecOk = false
  } else if (!peekOpt(bytes, end, length, out)) return false
  out.id = u16(bytes, 0)
  out.recursionDesired = (high & RD) !== 0
  out.authenticData = (low & AD) !== 0
  out.checkingDisabled = (low & CD) !== 0
  const fixed = nameEnd - HEADER_OCTETS
  for (let i = 0; i < QUESTION_FIXED_OCTETS; i++) out.keyOctets[fixed + i] = bytes[nameEnd + i] ?? 0
  out.keyLength = fixed + QUESTION_FIXED_OCTETS
  for (let i = out.keyLength; (i & 3) !== 0; i++) out.keyOctets[i] = 0
  return true
}

/**
 * Lower-cases the question's name into `keyOctets`; the offset after the name, -1 when it is no uncompressed name
 * before `limit`.
 */
function foldQuestionName(bytes: Uint8Array, limit: number, out: QueryPeek): number {
  const { keyOctets } = out
  let border = HEADER_OCTETS
  let capitals = 0
  for (let at = HEADER_OCTETS; at < limit; at++) {
    const octet = bytes[at] ?? 0
    // Length octets are below 0x41, so that they pass unchanged (RFC 4343 section 3).
    const capital = octet >= 0x41 && octet <= 0x5a ? 0x20 : 0
    capitals |= capital
    keyOctets[at - HEADER_OCTETS] = octet | capital
    if (at !== border) continue
    if (octet === 0) {
      out.mixedCase = capitals !== 0
      return at + 1
    }
    border += octet + 1
    if (octet > MAX_LABEL_OCTETS || border - HEADER_OCTETS >= MAX_NAME_OCTETS) return -1
  }
  return -1
}

/** Equal to `questionKey` of the question. */
export const keyOf = (peek: QueryPeek): string =>
  peek.keyOctets.toString('latin1', 0, peek.keyLength - QUESTION_FIXED_OCTETS) +
  String.fromCharCode(peek.type, peek.class)

function peekOpt(bytes: Uint8Array, at: number, length: number, out: QueryPeek): boolean {
  const options = at + OPT_FIXED_OCTETS
  if (options > length || bytes[at] !== 0 || u16(bytes, at + 1) !== RrType.OPT || bytes[at + 6] !== 0) return false
  if (options + u16(bytes, at + 9) !== length || !optionsFit(bytes, options, length)) return false
  out.edns = true
  out.payloadSize = u16(bytes, at + 3)
  out.dnssecOk = ((bytes[at + 7] ?? 0) & 0x80) !== 0
  return true
}

/**
 * Does `reply` belong to `query`, a message as `encodeQuery` makes it? 'match': QR set, same ID and opcode, and the one
 * question equal to the octet. 'wrong-case': equal but for letter case. 'no-question': no question at all with an rcode
 * of servers that did not understand (RFC 9619 allows it for these). All else is 'mismatch': not an answer, keep
 * waiting.
 */
export function matchReply(query: Uint8Array, reply: Uint8Array): ReplyMatch {
  if (reply.length < HEADER_OCTETS || query[0] !== reply[0] || query[1] !== reply[1]) return 'mismatch'
  const high = reply[2] ?? 0
  if ((high & 0x80) === 0 || (high & 0x78) !== ((query[2] ?? 0) & 0x78)) return 'mismatch'
  const questions = u16(reply, 4)
  if (questions === 0) return isComplaint((reply[3] ?? 0) & 0x0f) ? 'no-question' : 'mismatch'
  const end = questionEnd(query)
  if (questions !== 1 || end < 0 || reply.length < end) return 'mismatch'
  let match: ReplyMatch = 'match'
  const nameEnd = end - QUESTION_FIXED_OCTETS
  for (let at = HEADER_OCTETS; at < end; at++) {
    const asked = query[at] ?? 0
    const came = reply[at] ?? 0
    if (asked === came) continue
    // Length octets are no letters, so they cannot pass for one that changed its case.
    const letter = asked | 0x20
    if (at >= nameEnd || letter !== (came | 0x20) || letter < 0x61 || letter > 0x7a) return 'mismatch'
    match = 'wrong-case'
  }
  return match
}

const isComplaint = (rcode: number): boolean =>
  rcode === Rcode.FORMERR || rcode === Rcode.SERVFAIL || rcode === Rcode.NOTIMP || rcode === Rcode.REFUSED

/** The offset after the first question of a message, -1 when its name is compressed or runs over the end. */
export function questionEnd(bytes: Uint8Array): number {
  for (let at = HEADER_OCTETS; at < bytes.length; ) {
    const octet = bytes[at] ?? 0
    at += octet + 1
    if (octet === 0) return at + QUESTION_FIXED_OCTETS <= bytes.length ? at + QUESTION_FIXED_OCTETS : -1
    if (octet > MAX_LABEL_OCTETS) return -1
  }
  return -1
}

/**
 * Lower-cases the question of a message in place. Names compressed onto it are lower-cased with it: random letters that
 * we sent (0x20) must not end up in caches and answers.
 */
export function foldQuestion(bytes: Uint8Array): void {
  if (bytes.length < HEADER_OCTETS || u16(bytes, 4) !== 1) return
  const end = questionEnd(bytes) - QUESTION_FIXED_OCTETS
  for (let at = HEADER_OCTETS; at < end; at++) {
    const octet = bytes[at] ?? 0
    if (octet >= 0x41 && octet <= 0x5a) bytes[at] = octet + 0x20
  }
}

/**
 * Is this at least a header, with QR set? Replies are never answered: two resolvers would answer each other for ever.
 */
export const isResponse = (bytes: Uint8Array, length: number): boolean =>
  length >= HEADER_OCTETS && ((bytes[2] ?? 0) & 0x80) !== 0

/** RFC 1996: a server says that a zone has changed. A reply is none. */
export const isNotify = (bytes: Uint8Array): boolean =>
  bytes.length >= HEADER_OCTETS && ((bytes[2] ?? 0) & 0xf8) === Opcode.NOTIFY << OPCODE_SHIFT

const OPCODE_SHIFT = 3

/** TC. */
export const isTruncated = (bytes: Uint8Array): boolean => ((bytes[2] ?? 0) & 0x02) !== 0

export const idOf = (bytes: Uint8Array): number => u16(bytes, 0)

export const setId = (bytes: Uint8Array, id: number): void => putU16(bytes, 0, id)
