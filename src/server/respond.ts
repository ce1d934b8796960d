/**
 * An answer, as a value, made into the octets of a reply. The only place that sets response bits, appends OPT or
 * truncates. What a reply says depends on the answer and on what the query allowed (DO, AD, EDNS, transport); what it
 * costs is bounded by the client's size and ours.
 *
 * Invariant: a reply never exceeds `replyLimit`, and nothing of the query is repeated but its header fields and
 * question.
 */
import { putU16, u16 } from '../dns/bytes.ts'
import { extendedError, findOption, optOctets } from '../dns/edns.ts'
import { encodeMessage, type Encoded } from '../dns/encode.ts'
import { AD, type Edns, type EdnsOption, MAX_MESSAGE_OCTETS, type Message } from '../dns/message.ts'
import { recordsOf, type Rr, type RRset } from '../dns/rrset.ts'
import { EdeCode, EdnsOptionCode, Rcode, RrType } from '../dns/types.ts'
import { PLAIN_PAYLOAD_OCTETS } from '../dns/wire.ts'
import type { CookieSettings } from '../policy/cookies/server-cookies.ts'
import type { Outcome, Staleness } from '../steps.ts'
import type { Answer, Content } from '../policy/handler.ts'
import type { Asked } from './check-query.ts'
import { padReply, padsOver } from './padding.ts'

export interface RespondSettings {
  /** Largest UDP reply, also advertised to clients as our payload size. */
  readonly udpReplyBytes: number
  readonly edeTextBytes: number
  /** Sent to clients on a connection that ask for it (RFC 7828). */
  readonly tcpIdleMs: number
  /** How long a query above the limit of its client may wait, ms. */
  readonly rateDelayMs?: number
  /** Absent: cookies are neither made nor looked at. */
  readonly cookies?: CookieSettings | null
  /** Replies to padded queries have a multiple of this number of octets where the transport encrypts (RFC 8467). */
  readonly paddingBlock: number
  /** Sent to clients that ask for it (RFC 5001); null hides it. */
  readonly nsid: Uint8Array | null
}

/** RFC 1035 section 4.1.1: where ARCOUNT stands. */
const ARCOUNT_OFFSET = 10
/** RFC 1035 section 4.1.1: the octet that AD is in. */
const FLAGS_OFFSET = 3

/** Octets that a reply may have. */
export function replyLimit(asked: Asked, settings: RespondSettings): number {
  if (asked.transport !== 'udp') return MAX_MESSAGE_OCTETS
  return asked.edns === null ? PLAIN_PAYLOAD_OCTETS : udpLimit(asked.edns.payloadSize, settings)
}

/** The same for a client that offers `payloadSize` over UDP (RFC 6891 section 6.2.3: less than 512 means 512). */
export const udpLimit = (payloadSize: number, settings: Pick<RespondSettings, 'udpReplyBytes'>): number =>
  Math.min(Math.max(payloadSize, PLAIN_PAYLOAD_OCTETS), settings.udpReplyBytes)

/** A finished reply. `optOctets` is the length of its OPT record, which is the last one; 0 without. */
export interface Finished extends Encoded {
  readonly optOctets: number
}

/** `into`, when given, is memory for the reply: it is the caller's again when the reply has been sent and kept. */
export function respond(asked: Asked, content: Content, settings: RespondSettings, into?: Buffer): Finished {
  const { header, question } = asked
  const edns = asked.edns === null ? null : ourEdns(asked, asked.edns, content, settings)
  const dnssecOk = edns?.dnssecOk ?? false
  const records = (rrsets: readonly RRset[]): readonly Rr[] => visibleRecords(rrsets, question?.type ?? 0, dnssecOk)
  const reply: Message = {
    id: header.id,
    response: true,
    opcode: header.opcode,
    authoritative: content.authoritative,
    truncated: content.truncated === true,
    recursionDesired: header.recursionDesired,
    recursionAvailable: true,
    // RFC 6840 section 5.8: AD only for those who show that they understand it.
    authenticData: content.secure && (dnssecOk || header.authenticData),
    checkingDisabled: header.checkingDisabled,
    rcode: content.rcode,
    question,
    answer: records(content.answer),
    authority: records(content.authority),
    additional: records(content.additional),
    edns,
  }
  const maxBytes = replyLimit(asked, settings)
  const encoded = encodeMessage(reply, into === undefined ? { maxBytes } : { maxBytes, into })
  const { bytes, ttlOffsets, truncated } = encoded
  const finished = { bytes, ttlOffsets, truncated, optOctets: edns === null ? 0 : optOctets(edns) }
  return wantsPadding(asked) ? padded(finished, maxBytes, settings.paddingBlock, into) : finished
}

/** RFC 7830 section 4: only a client that pads its query gets padding. */
const wantsPadding = ({ transport, edns }: Asked): boolean =>
  edns !== null && padsOver(transport) && findOption(edns, EdnsOptionCode.PADDING) !== undefined

/** In the memory that the message was made in, where there is some. */
function padded(finished: Finished, maxBytes: number, block: number, into: Buffer | undefined): Finished {
  const { bytes } = finished
  const room = into ?? Buffer.alloc(Math.min(bytes.length + block + PADDING_FIXED_OCTETS, maxBytes))
  if (into === undefined) room.set(bytes)
  const length = padReply(room, 0, bytes.length, finished.optOctets, maxBytes, block)
  const optOctets = finished.optOctets + length - bytes.length
  return { ...finished, bytes: new Uint8Array(room.buffer, room.byteOffset, length), optOctets }
}

/** Code and length of the option. */
const PADDING_FIXED_OCTETS = 4

function visibleRecords(rrsets: readonly RRset[], qtype: number, dnssecOk: boolean): readonly Rr[] {
  const [only] = rrsets
  if (only === undefined) return NO_RECORDS
  if (rrsets.length === 1) return isVisible(only, qtype, dnssecOk) ? recordsOf(only, dnssecOk) : NO_RECORDS
  const records: Rr[] = []
  for (const set of rrsets) {
    if (!isVisible(set, qtype, dnssecOk)) continue
    for (const record of recordsOf(set, dnssecOk)) records.push(record)
  }
  return records
}

const NO_RECORDS: readonly Rr[] = Object.freeze([])

/** RFC 4035 section 3.2.1: what only authenticates is left out without DO, unless it was asked for by type. */
const isVisible = (set: RRset, qtype: number, dnssecOk: boolean): boolean =>
  dnssecOk || set.type === qtype || (set.type !== RrType.RRSIG && set.type !== RrType.NSEC && set.type !== RrType.NSEC3)

/** RFC 6891: an OPT answers an OPT. Options that we do not know or were not asked for are not sent. */
function ourEdns(asked: Asked, edns: Edns, content: Content, settings: RespondSettings): Edns {
  const options: EdnsOption[] = []
  if (content.ede !== null)
    options.push(extendedError(content.ede.code, bounded(content.ede.text, settings.edeTextBytes)))
  // Over HTTP it has no meaning (RFC 8484 section 7).
  if ((asked.transport === 'tcp' || asked.transport === 'tls') && findOption(edns, EdnsOptionCode.KEEPALIVE))
    options.push(keepalive(settings.tcpIdleMs))
  if (asked.cookie !== undefined) options.push({ code: EdnsOptionCode.COOKIE, data: asked.cookie })
  if (settings.nsid !== null && findOption(edns, EdnsOptionCode.NSID))
    options.push({ code: EdnsOptionCode.NSID, data: settings.nsid })
  // RFC 3225 section 3: DO is copied. The other flags have no meaning and are zero.
  return { payloadSize: settings.udpReplyBytes, version: 0, dnssecOk: edns.dnssecOk, flags: 0, options }
}

/** RFC 7828 section 3.1: units of 100 ms, 16 bits. */
function keepalive(idleMs: number): EdnsOption {
  const units = Math.min(Math.floor(idleMs / 100), 0xffff)
  return { code: EdnsOptionCode.KEEPALIVE, data: Uint8Array.of(units >> 8, units & 0xff) }
}

/** The start of a text that has at most `octets` octets of UTF-8. */
function bounded(text: string, octets: number): string {
  let end = Math.min(text.length, octets)
  const size = (): number => new TextEncoder().encode(text.slice(0, end)).length
  while (size() > octets) end--
  return text.slice(0, end)
}

export const errorContent = (rcode: number, code: EdeCode | null, text: string): Content => ({
  rcode,
  authoritative: false,
  secure: false,
  answer: [],
  authority: [],
  additional: [],
  ede: code === null ? null : { code, text },
})

/** What an answer of the policy chain says; null for an answer that is silence. */
export function contentOf(answer: Answer, dnssecOk: boolean): Content | null {
  switch (answer.kind) {
    case 'resolved':
      return outcomeContent(answer.outcome, dnssecOk)
    case 'given':
      return answer.content
    case 'refused':
      return errorContent(Rcode.REFUSED, answer.ede, answer.text)
    case 'dropped':
      return null
    default:
      return answer satisfies never
  }
}

function outcomeContent(outcome: Outcome, dnssecOk: boolean): Content {
  switch (outcome.kind) {
    case 'answer': {
      const { rrsets, proof, additional, authoritative, security } = outcome
      return {
        rcode: Rcode.NOERROR,
        authoritative,
        secure: security.kind === 'secure',
        answer: rrsets,
        authority: dnssecOk ? proof : [],
        additional,
        ede: noteOf(outcome),
      }
    }
    case 'nodata':
    case 'nxdomain': {
      const { rrsets, soa, proof, authoritative, security } = outcome
      const rcode = outcome.kind === 'nxdomain' ? Rcode.NXDOMAIN : Rcode.NOERROR
      // RFC 2308 section 3: the SOA comes along so that the denial can be cached by who asked.
      const authority = [...(soa === null ? [] : [soa]), ...(dnssecOk ? proof : [])]
      return {
        rcode,
        authoritative,
        secure: security.kind === 'secure',
        answer: rrsets,
        authority,
        additional: [],
        ede: noteOf(outcome),
      }
    }
    case 'failure':
      return failureContent(outcome)
    default:
      return outcome satisfies never
  }
}

/**
 * RFC 8914 sections 4.4 and 4.20: an answer whose TTL is over says so. RFC 9276 section 3.2, RFC 8914 section 4.2: what
 * is insecure because of us and not of the zone says so.
 */
function noteOf({ kind, security, stale }: Exclude<Outcome, { kind: 'failure' }>): Content['ede'] {
  if (stale !== undefined)
    return { code: kind === 'nxdomain' ? EdeCode.StaleNxdomainAnswer : EdeCode.StaleAnswer, text: staleText(stale) }
  return security.kind === 'insecure' && security.note !== undefined
    ? { code: security.note.ede, text: security.note.text }
    : null
}

function staleText({ expiredS, because, reason }: Staleness): string {
  const expired = `expired ${expiredS} s ago`
  switch (because) {
    case 'slow':
      return `${expired}; asking again takes long`
    case 'failed':
    case 'failed-before':
      return `${expired}; ${reason}`
    default:
      return because satisfies never
  }
}

function failureContent(outcome: Extract<Outcome, { kind: 'failure' }>): Content {
  // RFC 6672 section 2.2: the DNAME whose substitution does not fit is shown with YXDOMAIN.
  if (outcome.why === 'name-too-long')
    return { ...plain, rcode: Rcode.YXDOMAIN, answer: outcome.rrsets, ede: { code: outcome.ede, text: outcome.text } }
  if (outcome.why === 'not-recursive') return errorContent(Rcode.REFUSED, outcome.ede, outcome.text)
  return errorContent(Rcode.SERVFAIL, outcome.ede, outcome.text)
}

const plain: Content = Object.freeze({
  rcode: Rcode.NOERROR,
  authoritative: false,
  secure: false,
  answer: [],
  authority: [],
  additional: [],
  ede: null,
})

/** A reply in the form that the answer cache keeps. `ttlOffsets` is empty when TTLs do not count down. */
export interface Shareable {
  readonly wire: Uint8Array
  readonly ttlOffsets: Uint16Array
  readonly ttlSeconds: number
}

/**
 * The reply as others may get it, made of the very octets of the one that has been sent: without OPT, for as long as
 * its shortest TTL. Null when it must not be kept: failures (RFC 9520 has its own store), truncated or without a TTL,
 * or made for a client that did not ask for recursion.
 */
export function shareableForm(asked: Asked, answer: Answer, content: Content, reply: Finished): Shareable | null {
  const { question } = asked
  if (
    question === null ||
    answer.kind !== 'resolved' ||
    !answer.shareable ||
    answer.outcome.kind === 'failure' ||
    reply.truncated
  )
    return null
  // Each client with EDNS gets the Extended DNS Error; the answer cache keeps no OPT.
  if (!asked.header.recursionDesired || content.ede !== null) return null
  // What nobody has validated may be found out to be forged, and then goes under its own name only.
  if (asked.header.checkingDisabled && answer.outcome.security.kind === 'indeterminate' && isAliased(question, content))
    return null
  const ttlSeconds = Math.min(leastTtl(content.answer), leastTtl(content.authority), leastTtl(content.additional))
  if (!Number.isFinite(ttlSeconds) || ttlSeconds < 1) return null
  // Data of our own zones does not age: an authoritative server repeats the TTL of its zone. Not after an alias, which
  // may have led to another zone.
  const ages = !content.authoritative || isAliased(question, content)
  return { wire: keptWire(reply, content.secure), ttlOffsets: ages ? reply.ttlOffsets : NO_OFFSETS, ttlSeconds }
}

const isAliased = (question: { readonly type: number }, { answer }: Content): boolean =>
  answer.some(set => set.type !== question.type && (set.type === RrType.CNAME || set.type === RrType.DNAME))

const NO_OFFSETS: Uint16Array = new Uint16Array(0)

function leastTtl(sets: readonly RRset[]): number {
  let least = Number.POSITIVE_INFINITY
  for (const { ttl } of sets) if (ttl < least) least = ttl
  return least
}

/** AD is set when the answer is validated; the answer cache clears it for clients that did not ask for it. */
function keptWire(reply: Finished, secure: boolean): Uint8Array {
  const wire = reply.bytes.subarray(0, reply.bytes.length - reply.optOctets)
  if (reply.optOctets > 0) putU16(wire, ARCOUNT_OFFSET, u16(wire, ARCOUNT_OFFSET) - 1)
  if (secure) wire[FLAGS_OFFSET] = (wire[FLAGS_OFFSET] ?? 0) | AD
  return wire
}
