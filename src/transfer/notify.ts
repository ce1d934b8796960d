/**
 * NOTIFY (RFC 1996): a primary says that a zone has changed. Judged here: whether the message may come from whom it
 * comes, and what is answered. It is only a hint to look; whoever forges one gains a question to the primary.
 */
import type { IpAddress } from '../dns/address.ts'
import { decodeMessage } from '../dns/decode.ts'
import { encodeMessage } from '../dns/encode.ts'
import { MAX_MESSAGE_OCTETS, type Message } from '../dns/message.ts'
import type { Name } from '../dns/name.ts'
import { Rcode, RrClass, RrType } from '../dns/types.ts'
import type { TsigKey } from './key.ts'
import { serialOf } from './reader.ts'
import { judgeRequest, type SignedRequest, signReply } from './tsig-request.ts'

/** A zone that may be notified of. */
export interface NotifyZone {
  readonly zone: Name
  /** Messages must be signed with it; null: they need not be. */
  readonly key: TsigKey | null
  readonly maySend: (ip: IpAddress) => boolean
}

export interface JudgedNotify {
  readonly reply: Uint8Array
  /** The zone that it is about, when that is one of ours. */
  readonly zone: Name | null
  /** Is the zone to be looked at? */
  readonly accepted: boolean
  /** The version that it speaks of; null: of none. */
  readonly serial: number | null
}

/** `wall` in seconds since 1970. */
export function judgeNotify(
  bytes: Uint8Array,
  from: IpAddress,
  find: (zone: Name) => NotifyZone | undefined,
  wall: number,
): JudgedNotify | null {
  const decoded = decodeMessage(bytes)
  if (decoded.kind === 'format-error') return null
  const { message } = decoded
  const { question } = message
  const refused = (rcode: number, zone: Name | null = null): JudgedNotify => ({
    reply: replyTo(message, rcode),
    zone,
    accepted: false,
    serial: null,
  })
  if (question === null || question.type !== RrType.SOA || question.class !== RrClass.IN) return refused(Rcode.FORMERR)
  const target = find(question.name)
  // RFC 1996 section 3.10: not one of ours.
  if (target === undefined) return refused(Rcode.NOTAUTH)
  // Before any signature is computed: those are not for everyone.
  if (!target.maySend(from)) return refused(Rcode.REFUSED, question.name)
  const soa = message.answer.find(({ type }) => type === RrType.SOA)
  const serial = soa === undefined || soa.rdata.length < SOA_LEAST_OCTETS ? null : serialOf(soa)
  const accepted = (reply: Uint8Array): JudgedNotify => ({ reply, zone: question.name, accepted: true, serial })
  if (target.key === null) return accepted(replyTo(message, 0))
  const request: SignedRequest = judgeRequest(bytes, target.key, wall)
  switch (request.kind) {
    case 'unsigned':
      return refused(Rcode.REFUSED, question.name)
    case 'wrong':
      return { ...refused(0, question.name), reply: signReply(replyTo(message, Rcode.NOTAUTH), request, wall) }
    case 'signed':
      return accepted(signReply(replyTo(message, 0), request, wall))
    default:
      return request satisfies never
  }
}

/** Two names of the root and five numbers. */
const SOA_LEAST_OCTETS = 22

function replyTo(message: Message, rcode: number): Uint8Array {
  const reply: Message = {
    ...message,
    response: true,
    authoritative: rcode === 0,
    truncated: false,
    recursionAvailable: false,
    authenticData: false,
    rcode,
    answer: [],
    authority: [],
    additional: [],
    edns: null,
  }
  return encodeMessage(reply, { maxBytes: MAX_MESSAGE_OCTETS }).bytes
}
