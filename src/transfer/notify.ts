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

export interface JudgedNotify<T extends NotifyZone> {
  readonly reply: Uint8Array
  /** The zone that it is about, when that is one of ours. */
  readonly zone: Name | null
  /** Those of its name that are to be looked at: views may have the same zone from other primaries. */
  readonly accepted: readonly T[]
  /** The version that it speaks of; null: of none. */
  readonly serial: number | null
}

/** `wall` in seconds since 1970. */
export function judgeNotify<T extends NotifyZone>(
  bytes: Uint8Array,
  from: IpAddress,
  find: (zone: Name) => readonly T[],
  wall: number,
): JudgedNotify<T> | null {
  const decoded = decodeMessage(bytes)
  if (decoded.kind === 'format-error') return null
  const { message } = decoded
  const { question } = message
  const refused = (rcode: number, zone: Name | null = null): JudgedNotify<T> => ({
    reply: replyTo(message, rcode),
    zone,
    accepted: [],
    serial: null,
  })
  if (question === null || question.type !== RrType.SOA || question.class !== RrClass.IN) return refused(Rcode.FORMERR)
  const zones = find(question.name)
  // RFC 1996 section 3.10: not one of ours.
  if (zones.length === 0) return refused(Rcode.NOTAUTH)
  // Before any signature is computed: those are not for everyone.
  const targets = zones.filter(zone => zone.maySend(from))
  if (targets.length === 0) return refused(Rcode.REFUSED, question.name)
  const { accepted, signed, wrong } = judgeEach(bytes, targets, wall)
  if (accepted.length === 0 && wrong === null) return refused(Rcode.REFUSED, question.name)
  if (accepted.length === 0 && wrong !== null)
    return { ...refused(0, question.name), reply: signReply(replyTo(message, Rcode.NOTAUTH), wrong, wall) }
  const soa = message.answer.find(({ type }) => type === RrType.SOA)
  const serial = soa === undefined || soa.rdata.length < SOA_LEAST_OCTETS ? null : serialOf(soa)
  const reply = signed === null ? replyTo(message, 0) : signReply(replyTo(message, 0), signed, wall)
  return { reply, zone: question.name, accepted, serial }
}

type Signed<K extends SignedRequest['kind']> = Extract<SignedRequest, { kind: K }>

/** Which of the zones take a message: those without a key, and those with the one that signed it. */
function judgeEach<T extends NotifyZone>(
  bytes: Uint8Array,
  targets: readonly T[],
  wall: number,
): {
  readonly accepted: readonly T[]
  readonly signed: Signed<'signed'> | null
  readonly wrong: Signed<'wrong'> | null
} {
  const accepted: T[] = []
  let signed: Signed<'signed'> | null = null
  let wrong: Signed<'wrong'> | null = null
  for (const target of targets) {
    const request = target.key === null ? null : judgeRequest(bytes, target.key, wall)
    if (request === null || request.kind === 'signed') accepted.push(target)
    if (request?.kind === 'signed') signed = request
    // Another key says less than this one with something wrong.
    else if (request?.kind === 'wrong' && (wrong === null || request.key === target.key)) wrong = request
  }
  return { accepted, signed, wrong }
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
