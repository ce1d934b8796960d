/**
 * A primary asked over the network: for the version that it has, and for the zone. What its messages mean is decided in
 * `transfer/`. Promises never reject.
 */
import { encodeMessage } from '../../dns/encode.ts'
import { decodeMessage } from '../../dns/decode.ts'
import { MAX_MESSAGE_OCTETS, type Message } from '../../dns/message.ts'
import type { Name } from '../../dns/name.ts'
import { readSoa, soaRdata, type Soa } from '../../dns/rdata.ts'
import { Opcode, RrClass, rcodeName, RrType } from '../../dns/types.ts'
import type { TransferLimits } from '../../limits.ts'
import {
  askByDatagram,
  askByStream,
  type Heard,
  type StreamDial,
  type StreamEnd,
  tcpDial,
} from '../../net/query-client.ts'
import { tlsDial } from '../../net/upstream/secure-query.ts'
import type { Clock, Random, ServerAddress } from '../../ports.ts'
import { TransferConversation } from '../../transfer/conversation.ts'
import { Incoming, type IncomingZone } from '../../transfer/incoming.ts'
import type { TsigKey } from '../../transfer/key.ts'
import { signQuery, TsigVerifier } from '../../transfer/tsig.ts'
import type { FlatZone } from '../../zone/flat-zone.ts'

/** Who asks, and how. */
export interface Asker {
  readonly clock: Pick<Clock, 'now' | 'wall'>
  readonly random: Pick<Random, 'below'>
  readonly limits: TransferLimits
}

export interface Primary {
  readonly server: ServerAddress
  readonly key: TsigKey | null
}

export type SoaAnswer = { readonly kind: 'soa'; readonly soa: Soa } | { readonly kind: 'failed'; readonly why: string }

/**
 * The SOA record of a zone at a primary: over UDP, and over TCP when no datagram comes; over TLS where it speaks TLS.
 */
export async function askSoa(zone: Name, primary: Primary, asker: Asker): Promise<SoaAnswer> {
  const { server } = primary
  const query = prepared(messageFor(zone, RrType.SOA, null, asker.random), primary, asker)
  const path = { server, from: null, timeoutMs: asker.limits.queryMs }
  if (server.secure === undefined) {
    const heard = await askByDatagram(path, query.bytes, SPOOF_ATTEMPTS)
    const answer = heard.kind === 'reply' ? soaIn(heard, zone, query.verifier, asker) : null
    if (answer !== null) return answer
  }
  const again = prepared(messageFor(zone, RrType.SOA, null, asker.random), primary, asker)
  let found: SoaAnswer | null = null
  const take = (bytes: Uint8Array): 'done' => {
    found = soaIn({ kind: 'reply', bytes, tookMs: 0 }, zone, again.verifier, asker)
    return 'done'
  }
  const end = await askByStream(path, again.bytes, take, dialOf(server))
  return found ?? { kind: 'failed', why: endText(end, 'without an answer') }
}

/** Datagrams with another ID after which it is asked over TCP. */
const SPOOF_ATTEMPTS = 3

/** Null: it did not fit. */
function soaIn(
  { bytes }: Extract<Heard, { kind: 'reply' }>,
  zone: Name,
  verifier: TsigVerifier | null,
  { clock }: Asker,
): SoaAnswer | null {
  const checked = verifier?.take(bytes, clock.wall()) ?? { bytes }
  if ('error' in checked) return { kind: 'failed', why: checked.error }
  const decoded = decodeMessage(checked.bytes)
  if (decoded.kind === 'format-error') return { kind: 'failed', why: `the answer is malformed: ${decoded.why}` }
  const { rcode, truncated, answer, authoritative } = decoded.message
  if (truncated) return null
  if (rcode !== 0) return { kind: 'failed', why: `the server says ${rcodeName(rcode)}` }
  const record = answer.find(({ type, owner }) => type === RrType.SOA && owner.toLowerCase() === zone)
  const soa = record === undefined ? null : readSoa(record.rdata)
  // A server that only has it in its cache may have it from us.
  if (soa === null || !authoritative) return { kind: 'failed', why: 'the server does not serve the zone' }
  return { kind: 'soa', soa }
}

type FetchEnd =
  | IncomingZone
  | { readonly kind: 'up-to-date'; readonly serial: number }
  /** More octets than are taken here. */
  | { readonly kind: 'too-large' }
  | { readonly kind: 'failed'; readonly why: string; readonly asWhole: boolean }

export interface Fetched {
  readonly end: FetchEnd
  readonly records: number
  readonly octets: number
  /** Records of other zones that were left out. */
  readonly outside: number
}

interface FetchOptions {
  /** More than that, and it is given up as too large for this thread. */
  readonly mostOctets?: number
  readonly onProgress?: (records: number) => void
}

/** The zone from a primary: its changes since `here` when there is one, else all of it. */
export async function fetchZone(
  zone: Name,
  here: { readonly zone: FlatZone; readonly serial: number } | null,
  primary: Primary,
  asker: Asker,
  { mostOctets, onProgress }: FetchOptions = {},
): Promise<Fetched> {
  const { limits, clock } = asker
  const serial = here?.serial ?? null
  const query = prepared(
    messageFor(zone, here === null ? RrType.AXFR : RrType.IXFR, serial, asker.random),
    primary,
    asker,
  )
  const incoming = new Incoming()
  const conversation = new TransferConversation({
    zone,
    serial,
    verifier: query.verifier,
    maxBytes: limits.bytes,
    sink: incoming,
  })
  let state: FetchEnd | 'complete' | null = null
  let reportedAt = clock.now()
  const take = (bytes: Uint8Array): 'more' | 'done' => {
    if (mostOctets !== undefined && conversation.octets + bytes.length > mostOctets) {
      state = { kind: 'too-large' }
      return 'done'
    }
    const next = conversation.take(bytes, clock.wall())
    if (clock.now() - reportedAt >= limits.progressMs) {
      reportedAt = clock.now()
      onProgress?.(conversation.records)
    }
    if (next.kind === 'more') return 'more'
    state = next.kind === 'complete' ? 'complete' : next.kind === 'up-to-date' || next.kind === 'failed' ? next : null
    return 'done'
  }
  const path = { server: primary.server, from: null, timeoutMs: limits.idleMs }
  const bounds = { totalMs: limits.timeMs, rateBytes: limits.rateBytes, rateMs: limits.rateMs }
  const end = await askByStream(path, query.bytes, take, dialOf(primary.server), bounds)
  const { records, octets, outside } = conversation
  return { end: outcome(state, end, () => incoming.result(zone, here?.zone ?? null)), records, octets, outside }
}

function outcome(state: FetchEnd | 'complete' | null, end: StreamEnd, result: () => IncomingZone): FetchEnd {
  if (state === null) return { kind: 'failed', why: endText(end, 'before the last SOA'), asWhole: false }
  return state === 'complete' ? result() : state
}

function endText(end: StreamEnd, when: string): string {
  switch (end.kind) {
    case 'refused':
      return `the server cannot be reached: ${end.reason}`
    case 'closed':
    case 'done':
      return `the connection was closed ${when}`
    case 'timeout':
      return `the server fell silent ${when}`
    case 'too-long':
      return `the transfer took too long`
    case 'too-slow':
      return `the server sent too few octets`
    default:
      return end satisfies never
  }
}

/** RFC 9103: zone transfers over TLS are DNS over TLS. */
const dialOf = ({ secure }: ServerAddress): StreamDial =>
  secure === undefined
    ? tcpDial
    : tlsDial({ name: secure.name, pins: secure.pins, authorities: secure.authorities }, ['dot'], () => {})

interface Prepared {
  readonly bytes: Uint8Array
  readonly verifier: TsigVerifier | null
}

function prepared(message: Message, { key }: Primary, { clock }: Asker): Prepared {
  const { bytes } = encodeMessage(message, { maxBytes: MAX_MESSAGE_OCTETS })
  if (key === null) return { bytes, verifier: null }
  const signed = signQuery(bytes, key, clock.wall())
  return { bytes: signed.bytes, verifier: new TsigVerifier(key, signed.mac) }
}

/** `serial`: of IXFR, the version that is here (RFC 1995 section 3). */
function messageFor(zone: Name, type: number, serial: number | null, random: Pick<Random, 'below'>): Message {
  const soa = { mname: zone, rname: zone, serial: serial ?? 0, refresh: 0, retry: 0, expire: 0, minimum: 0 }
  return {
    id: random.below(0x1_0000),
    response: false,
    opcode: Opcode.QUERY,
    authoritative: false,
    truncated: false,
    recursionDesired: false,
    recursionAvailable: false,
    authenticData: false,
    checkingDisabled: false,
    rcode: 0,
    question: { name: zone, cased: zone, type, class: RrClass.IN },
    answer: [],
    authority:
      serial === null ? [] : [{ owner: zone, type: RrType.SOA, class: RrClass.IN, ttl: 0, rdata: soaRdata(soa) }],
    additional: [],
    edns: null,
  }
}
