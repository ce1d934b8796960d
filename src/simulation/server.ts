/**
 * An authoritative server as a function: query octets in, reply octets out. It answers from real zones through
 * `zone/zone.ts`, so a referral is a referral and glue is never authoritative; signed zones add what
 * `signing/signed-answers.ts` says, when DO asks for it; and it can misbehave in all the named ways. It has no socket
 * and no clock: when a reply arrives is a number in it, and the network decides the rest.
 *
 * Invariant: the same queries in the same order, with the same seed, give the same replies.
 */
import { decodeMessage } from '../dns/decode.ts'
import { encodeMessage } from '../dns/encode.ts'
import type { IpAddress } from '../dns/address.ts'
import type { AskedQuestion, Edns, Message, Question } from '../dns/message.ts'
import { foldName, isWithin, type Name, parentOf, ROOT } from '../dns/name.ts'
import { targetOf } from '../dns/rdata.ts'
import { recordsOf, type RRset, type Rr } from '../dns/rrset.ts'
import { isMetaType, Opcode, Rcode, RrClass, RrType } from '../dns/types.ts'
import type { Random, Transport } from '../ports.ts'
import type { Zone, ZoneAnswer } from '../zone/zone.ts'
import { cookieOf, cookieRefusal, withCookie } from './cookies.ts'
import { forgeriesBefore, plantExtras } from './forgery.ts'
import { applies, type Misbehaviour, type MisbehaviourName } from './misbehaviour.ts'
import { rr } from './records.ts'
import { answerOf, type Sections, signedSections } from '../signing/signed-answers.ts'
import { simSettings } from './settings.ts'
import { spoilt } from '../signing/zone-key-set.ts'
import { SignedZone } from '../signing/zone-signer.ts'

/** One message on its way back. */
export interface Arrival {
  readonly bytes: Uint8Array
  /** Milliseconds after a prompt answer would arrive; negative when somebody is faster than the server. */
  readonly afterMs: number
  /** The connection ends with it. */
  readonly isLast?: boolean
}

export type Reaction =
  /** None: silence. Over TCP only the first counts. */
  | { readonly kind: 'arrivals'; readonly arrivals: readonly Arrival[] }
  /** Nothing listens: ICMP port unreachable, or a refused connection. */
  | { readonly kind: 'closed' }

export interface SimServerParts {
  /** For traces and errors, such as `ns1.example.com.`. */
  readonly name: string
  readonly zones: readonly ServedZone[]
  readonly does: readonly Misbehaviour[]
}

/** A zone as it is, or signed on the fly. */
export type ServedZone = Zone | SignedZone

/** The data of a zone, its keys included. */
const dataOf = (zone: ServedZone): Zone => (zone instanceof SignedZone ? zone.zone : zone)

const silence: Reaction = { kind: 'arrivals', arrivals: [] }
const closed: Reaction = { kind: 'closed' }

export class SimServer {
  readonly name: string
  readonly does: readonly Misbehaviour[]
  readonly #zones: ReadonlyMap<Name, ServedZone>
  readonly #random: Random
  /** A and AAAA records of all zones, glue included; null until somebody wants them. */
  #addresses: ReadonlyMap<Name, readonly Rr[]> | null = null

  /** `random` makes the guesses of forgers and the octets of garbage. */
  constructor(parts: SimServerParts, random: Random) {
    this.name = parts.name
    this.does = parts.does
    this.#zones = new Map(parts.zones.map(zone => [zone.origin, zone]))
    this.#random = random
  }

  /** What this server makes of a query that reached it at the address `at`. */
  react(query: Uint8Array, transport: Transport, at: IpAddress): Reaction {
    const decoded = decodeMessage(query)
    if (decoded.kind === 'format-error') {
      // RFC 1035 section 4.1.1: FORMERR, but never to something that may be a reply itself.
      if (decoded.header === null || decoded.header.response) return silence
      return one(
        encode(
          replyTo({ ...decoded.header, question: decoded.question, edns: null }, { rcode: Rcode.FORMERR }),
          simSettings.plainPayloadBytes,
        ),
      )
    }
    const asked = decoded.message
    if (asked.response) return silence
    const question = asked.question
    const active = new Map<MisbehaviourName, Misbehaviour>()
    for (const m of this.does) if (question === null || applies(m, question)) active.set(m.kind, m)

    if (active.has('portClosed') || (transport === 'tcp' && active.has('tcpRefused'))) return closed
    if (active.has('silent') || (transport === 'udp' && active.has('tcpOnly'))) return silence
    if (active.has('dropsEdns') && asked.edns !== null) return silence
    if (active.has('dropsCookies') && cookieOf(asked) !== null) return silence

    const lateMs = active.has('slow') ? (active.get('slow')?.amount ?? simSettings.slowMs) : 0
    const answer: Arrival = { bytes: this.#answer(query, asked, active, transport, at), afterMs: lateMs }
    const before =
      question === null || transport === 'tcp' ? [] : forgeriesBefore(active, query, question, this.#random)
    return { kind: 'arrivals', arrivals: [...before.map(bytes => ({ bytes, afterMs: lateMs - 1 })), answer] }
  }

  /** What it would say if it behaved. */
  honestReply(asked: Message): Message {
    const question = asked.question
    if (asked.opcode !== Opcode.QUERY) return replyTo(asked, { rcode: Rcode.NOTIMP })
    if (question === null) return replyTo(asked, { rcode: Rcode.FORMERR })
    if (asked.edns !== null && asked.edns.version > 0) return replyTo(asked, { rcode: Rcode.BADVERS })
    const zone = this.#zoneFor(question)
    if (zone === undefined || question.class !== RrClass.IN) return replyTo(asked, { rcode: Rcode.REFUSED })
    if (isMetaType(question.type) && question.type !== RrType.ANY) return replyTo(asked, { rcode: Rcode.NOTIMP })
    const reply = fromZone(zone, asked, question)
    // RFC 1035 section 3.3.11: an NS answer brings the addresses along, which is what priming lives on (RFC 9609
    // section 4.1).
    if (question.type !== RrType.NS || !reply.authoritative || reply.additional.length > 0) return reply
    const names = reply.answer.flatMap(record => (record.type === RrType.NS ? (targetOf(record.rdata) ?? []) : []))
    this.#addresses ??= addressesIn([...this.#zones.values()].map(dataOf))
    const addresses = this.#addresses
    return { ...reply, additional: names.flatMap(name => addresses.get(foldName(name)) ?? []) }
  }

  /** The zone that answers: the deepest one, but DS at an apex belongs to the parent (RFC 4035 section 3.1.4.1). */
  #zoneFor(question: Question): ServedZone | undefined {
    let fallback: ServedZone | undefined
    for (let name = question.name; ; name = parentOf(name)) {
      const zone = this.#zones.get(name)
      if (zone !== undefined && !(question.type === RrType.DS && name === question.name && name !== ROOT)) return zone
      fallback ??= zone
      if (name === ROOT) return fallback
    }
  }

  #answer(
    query: Uint8Array,
    asked: Message,
    active: ReadonlyMap<MisbehaviourName, Misbehaviour>,
    transport: Transport,
    at: IpAddress,
  ): Uint8Array {
    const plain = asked.edns === null || active.has('ignoresEdns') || active.has('formerrOnEdns')
    const offered = plain
      ? simSettings.plainPayloadBytes
      : Math.min(asked.edns?.payloadSize ?? 0, simSettings.payloadBytes)
    const maxBytes = transport === 'tcp' ? simSettings.tcpBytes : Math.max(offered, simSettings.plainPayloadBytes)
    if (active.has('bareErrors')) return bareError(query)
    if (active.has('garbage')) return garbage(encode(replyTo(asked, {}), maxBytes), this.#random)

    const refused = cookieRefusal(asked, active, transport, at)
    let reply =
      refused === null
        ? (refusal(asked, active, transport) ?? this.#bent(asked, active, at))
        : replyTo(asked, { rcode: refused })
    reply = withCookie(reply, asked, active, at)
    if (active.has('wrongCase') && reply.question !== null)
      reply = { ...reply, question: { ...reply.question, cased: reply.question.name } }
    if (plain) reply = { ...reply, edns: null }
    return encode(reply, maxBytes)
  }

  /** The honest reply with its content bent. */
  #bent(asked: Message, active: ReadonlyMap<MisbehaviourName, Misbehaviour>, at: IpAddress): Message {
    let reply = this.honestReply(
      active.has('ignoresDo') && asked.edns !== null ? { ...asked, edns: { ...asked.edns, dnssecOk: false } } : asked,
    )
    const served = asked.question === null ? undefined : this.#zoneFor(asked.question)
    const zone = served === undefined ? undefined : dataOf(served)
    const origin = zone?.origin ?? ROOT
    if (active.has('loops') && asked.question !== null && asked.question.name !== origin)
      reply = replyTo(asked, { authority: apexNs(zone) })
    if (
      active.has('nxdomainOnEmptyNonTerminal') &&
      isNodata(reply) &&
      zone !== undefined &&
      !owns(zone, asked.question)
    )
      reply = { ...reply, rcode: Rcode.NXDOMAIN }
    if (active.has('emptyAnswerNoSoa'))
      reply = { ...reply, authority: reply.authority.filter(record => record.type !== RrType.SOA) }
    if (active.has('selfGlue')) reply = pointGlueHere(reply, at)
    if (active.has('clearsAa')) reply = { ...reply, authoritative: false }
    if (active.has('extraRecords')) reply = plantExtras(reply, origin)
    if (active.has('stripsSignatures'))
      reply = eachSection(reply, records => records.filter(({ type }) => !PROOF_TYPES.has(type)))
    if (active.has('breaksSignatures'))
      reply = eachSection(reply, records =>
        records.map(record => (record.type === RrType.RRSIG ? { ...record, rdata: spoilt(record.rdata) } : record)),
      )
    return reply
  }
}

function addressesIn(zones: readonly Zone[]): ReadonlyMap<Name, readonly Rr[]> {
  const addresses = new Map<Name, Rr[]>()
  for (const rrset of zones.flatMap(zone => [...zone.rrsets()])) {
    if (rrset.type !== RrType.A && rrset.type !== RrType.AAAA) continue
    const known = addresses.get(rrset.name) ?? []
    if (!known.some(record => record.type === rrset.type)) addresses.set(rrset.name, [...known, ...recordsOf(rrset)])
  }
  return addresses
}

const one = (bytes: Uint8Array): Reaction => ({ kind: 'arrivals', arrivals: [{ bytes, afterMs: 0 }] })
const encode = (message: Message, maxBytes: number): Uint8Array => encodeMessage(message, { maxBytes }).bytes

type Asked = Pick<Message, 'id' | 'opcode' | 'recursionDesired' | 'checkingDisabled' | 'edns'> & {
  readonly question: AskedQuestion | null
}

/** An empty reply to a query, with some fields set. */
function replyTo(asked: Asked, fields: Partial<Message>): Message {
  const edns: Edns | null =
    asked.edns === null
      ? null
      : { payloadSize: simSettings.payloadBytes, version: 0, dnssecOk: asked.edns.dnssecOk, flags: 0, options: [] }
  return {
    id: asked.id,
    response: true,
    opcode: asked.opcode,
    authoritative: false,
    truncated: false,
    recursionDesired: asked.recursionDesired,
    recursionAvailable: false,
    authenticData: false,
    checkingDisabled: asked.checkingDisabled,
    rcode: Rcode.NOERROR,
    question: asked.question,
    answer: [],
    authority: [],
    additional: [],
    edns,
    ...fields,
  }
}

function fromZone(zone: ServedZone, asked: Message, question: AskedQuestion): Message {
  const dnssecOk = asked.edns?.dnssecOk ?? false
  const found = zone instanceof SignedZone ? answerOf(zone, question) : zone.answer(question)
  const sections =
    zone instanceof SignedZone && dnssecOk ? signedSections(zone, question, found) : plainSections(found, dnssecOk)
  switch (found.kind) {
    case 'answer':
    case 'alias':
    case 'nodata':
      return replyTo(asked, { authoritative: true, ...sections })
    case 'nxdomain':
      return replyTo(asked, { authoritative: true, rcode: Rcode.NXDOMAIN, ...sections })
    case 'referral':
      // RFC 1034 section 6.2.6: AA speaks of the first owner in the answer, so a bare referral has none.
      return replyTo(asked, { authoritative: found.rrsets.length > 0, ...sections })
    case 'name-too-long':
      return replyTo(asked, { authoritative: true, rcode: Rcode.YXDOMAIN, ...sections })
    case 'unavailable':
      return replyTo(asked, { rcode: Rcode.SERVFAIL })
    case 'not-here':
      return replyTo(asked, { rcode: Rcode.REFUSED })
    default:
      return found satisfies never
  }
}

/** Of a zone that is not signed on the fly; signatures in its text are given along with what they cover. */
function plainSections(found: ZoneAnswer, dnssecOk: boolean): Sections {
  const records = (sets: readonly (RRset | null)[]): Rr[] =>
    sets.flatMap(set => (set === null ? [] : recordsOf(set, dnssecOk)))
  switch (found.kind) {
    case 'answer':
      return { answer: records(found.rrsets), authority: [], additional: records(found.additional) }
    case 'alias':
    case 'name-too-long':
    case 'unavailable':
    case 'not-here':
      return { answer: records(found.rrsets), authority: [], additional: [] }
    case 'nodata':
    case 'nxdomain':
      return { answer: records(found.rrsets), authority: records([found.soa]), additional: [] }
    case 'referral':
      return {
        answer: records(found.rrsets),
        authority: records([found.ns, dnssecOk ? found.ds : null]),
        additional: records(found.glue),
      }
    default:
      return found satisfies never
  }
}

/** A whole reply that some misbehaviour gives instead of an answer; the most drastic first. Null when there is none. */
function refusal(
  asked: Message,
  active: ReadonlyMap<MisbehaviourName, Misbehaviour>,
  transport: Transport,
): Message | null {
  const rcodes: readonly (readonly [MisbehaviourName, number])[] = [
    ['refuses', Rcode.REFUSED],
    ['servfails', Rcode.SERVFAIL],
    ['notimp', Rcode.NOTIMP],
    ['formerr', Rcode.FORMERR],
  ]
  for (const [kind, rcode] of rcodes) if (active.has(kind)) return replyTo(asked, { rcode })
  if (asked.edns !== null && active.has('formerrOnEdns')) return replyTo(asked, { rcode: Rcode.FORMERR })
  if (asked.edns !== null && active.has('badVersion')) return replyTo(asked, { rcode: Rcode.BADVERS })
  if (active.has('truncatesForever') || (transport === 'udp' && active.has('truncates')))
    return replyTo(asked, { authoritative: true, truncated: true })
  if (active.has('upwardReferral'))
    return replyTo(asked, {
      authority: [rr`. 518400 IN NS a.root-servers.net.`, rr`. 518400 IN NS b.root-servers.net.`],
    })
  if (active.has('lame')) return replyTo(asked, {})
  return null
}

const PROOF_TYPES: ReadonlySet<number> = new Set<number>([RrType.RRSIG, RrType.NSEC, RrType.NSEC3])

const eachSection = (reply: Message, change: (records: readonly Rr[]) => readonly Rr[]): Message => ({
  ...reply,
  answer: change(reply.answer),
  authority: change(reply.authority),
  additional: change(reply.additional),
})

const isNodata = (reply: Message): boolean =>
  reply.rcode === Rcode.NOERROR && reply.authoritative && reply.answer.length === 0

function owns(zone: Zone, question: Question | null): boolean {
  for (const rrset of zone.rrsets()) if (rrset.name === question?.name) return true
  return false
}

function apexNs(zone: Zone | undefined): Rr[] {
  for (const rrset of zone?.rrsets() ?? [])
    if (rrset.type === RrType.NS && rrset.name === zone?.origin) return recordsOf(rrset)
  return []
}

/** Every server named in a referral is said to be at `at`. */
function pointGlueHere(reply: Message, at: IpAddress): Message {
  const cut = reply.authority.find(record => record.type === RrType.NS)
  if (cut === undefined || reply.answer.length > 0) return reply
  const type = at.family === 4 ? RrType.A : RrType.AAAA
  const named = reply.authority.flatMap(record => (record.type === RrType.NS ? (targetOf(record.rdata) ?? []) : []))
  const servers = named.filter(name => isWithin(foldName(name), parentOf(foldName(cut.owner))))
  return {
    ...reply,
    additional: servers.map(owner => ({ owner, type, class: RrClass.IN, ttl: cut.ttl, rdata: at.bytes })),
  }
}

/** The header of an error, without question: as some broken servers send it, and as anybody could. */
function bareError(query: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(12)
  bytes.set(query.subarray(0, 2))
  bytes[2] = 0x80 | ((query[2] ?? 0) & 0x79)
  bytes[3] = Rcode.SERVFAIL
  return bytes
}

/** Counts that promise records, and octets that are none. */
function garbage(reply: Uint8Array, random: Random): Uint8Array {
  const bytes = new Uint8Array(reply.length + 64)
  random.bytes(bytes)
  bytes.set(reply)
  bytes[7] = 5
  // A label of reserved type (RFC 1035 section 4.1.4) cannot start a record.
  bytes[reply.length] = 0xbf
  return bytes
}
