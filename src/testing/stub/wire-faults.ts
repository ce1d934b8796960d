/**
 * What faults do to the octets of a finished reply, and where they send them. Pure: it knows no socket. What a fault
 * does over the transport that it has no meaning for is written in `FaultKind`. Over HTTPS a reply is a body, cut where
 * a datagram would be.
 */
import { decodeMessage } from '../../dns/decode.ts'
import { encodeMessage } from '../../dns/encode.ts'
import { MAX_MESSAGE_OCTETS, type Message } from '../../dns/message.ts'
import { foldName } from '../../dns/name.ts'
import type { Rr } from '../../dns/rrset.ts'
import { idOf, PLAIN_PAYLOAD_OCTETS, setId } from '../../dns/wire.ts'
import type { Random, Transport } from '../../ports.ts'
import type { WireFault } from './rules.ts'
import { wireName } from '../../input/names.ts'
import { stubSettings } from './settings.ts'

/** What becomes of a reply. `half`: over TCP the first half of its frame, then the end of the connection. */
export type WireResult =
  | { readonly kind: 'sent' | 'from-elsewhere' | 'half'; readonly bytes: Uint8Array }
  | { readonly kind: 'reset' }

/** RFC 6761 section 6.4: a name that is never queried. */
const OTHER_NAME = wireName('wrong-question.invalid')

export function applyWireFault(fault: WireFault, reply: Uint8Array, transport: Transport, random: Random): WireResult {
  switch (fault) {
    case 'truncate':
      return sent(
        transport !== 'udp'
          ? reply
          : remade(reply, message => ({ ...message, truncated: true, answer: [], authority: [], additional: [] })),
      )
    case 'wrongId':
      return sent(otherId(reply, random))
    case 'wrongQuestion':
      return sent(remade(reply, otherQuestion))
    case 'wrongSource':
      return { kind: transport === 'udp' ? 'from-elsewhere' : 'sent', bytes: reply }
    case 'garbage':
      return sent(garbage(reply, random))
    case 'halfFrame':
      return isFramed(transport) ? { kind: 'half', bytes: reply } : sent(reply.subarray(0, reply.length >> 1))
    case 'tcpReset':
      return transport !== 'udp' ? { kind: 'reset' } : sent(reply)
    case 'stripEdns':
      return sent(
        remade(
          reply,
          message => ({ ...message, edns: null }),
          transport === 'udp' ? PLAIN_PAYLOAD_OCTETS : MAX_MESSAGE_OCTETS,
        ),
      )
    default:
      return fault satisfies never
  }
}

/** The reply with another TTL in every record. */
export const withTtls = (reply: Uint8Array, ttl: number): Uint8Array => {
  const changed = (records: readonly Rr[]): readonly Rr[] => records.map(record => ({ ...record, ttl }))
  return remade(reply, message => ({
    ...message,
    answer: changed(message.answer),
    authority: changed(message.authority),
    additional: changed(message.additional),
  }))
}

const isFramed = (transport: Transport): boolean => transport === 'tcp' || transport === 'tls'

const sent = (bytes: Uint8Array): WireResult => ({ kind: 'sent', bytes })

function remade(reply: Uint8Array, change: (message: Message) => Message, maxBytes = MAX_MESSAGE_OCTETS): Uint8Array {
  const decoded = decodeMessage(reply)
  // Our own reply, so it decodes; anything else goes out as it is.
  return decoded.kind === 'message' ? encodeMessage(change(decoded.message), { maxBytes }).bytes : reply
}

function otherId(reply: Uint8Array, random: Random): Uint8Array {
  const copy = reply.slice()
  setId(copy, (idOf(reply) + 1 + random.below(0xffff)) & 0xffff)
  return copy
}

/** A whole answer, but to something that was not asked. */
function otherQuestion(message: Message): Message {
  const { question } = message
  if (question === null) return message
  const answer = message.answer.map(record =>
    foldName(record.owner) === question.name ? { ...record, owner: OTHER_NAME } : record,
  )
  return { ...message, question: { ...question, name: foldName(OTHER_NAME), cased: OTHER_NAME }, answer }
}

/** The ID is right, so that the client looks at it; what follows is no message: it counts 65,535 questions. */
function garbage(reply: Uint8Array, random: Random): Uint8Array {
  const octets = new Uint8Array(stubSettings.garbageOctets)
  random.bytes(octets)
  octets.set([reply[0] ?? 0, reply[1] ?? 0, 0x81, 0x80, 0xff, 0xff])
  return octets
}
