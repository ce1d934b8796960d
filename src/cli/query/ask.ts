/**
 * One question of `rootwalk query` put to one server, as often and over what transport it takes: tries, truncation,
 * another version of EDNS, a cookie that the server wants, signatures. The outcome is a value; nothing is printed here.
 */
import { counted } from '../../presentation/counted.ts'
import type { DigQuery } from './dig-query.ts'
import { decodeMessage } from '../../dns/decode.ts'
import { findOption } from '../../dns/edns.ts'
import type { Message } from '../../dns/message.ts'
import { EdnsOptionCode, Rcode, rcodeName } from '../../dns/types.ts'
import { defaultLimits } from '../../limits.ts'
import { askByDatagram, askByStream, type Heard, type QueryPath, tcpDial } from '../../net/query-client.ts'
import type { Random, ServerAddress, Transport } from '../../ports.ts'
import type { TlsJourney } from '../../net/upstream/secure-query.ts'
import { TransferConversation } from '../../transfer/conversation.ts'
import type { TsigKey } from '../../transfer/key.ts'
import { signQuery, TsigVerifier } from '../../transfer/tsig.ts'
import { type Learnt, queryBytes } from './message.ts'
import { proofHint, type SecureWay } from './secure.ts'

export interface Replied {
  readonly kind: 'reply'
  readonly message: Message
  /** The query that it answers. */
  readonly sent: Message
  readonly transport: Transport
  readonly tookMs: number
  readonly octets: number
  /** Milliseconds since 1970. */
  readonly sentAt: number
  /** What the handshake showed, over TLS. */
  readonly tls: TlsJourney | null
}

export type Asked = Replied | { readonly kind: 'failed'; readonly message: string }

export interface AskContext {
  readonly random: Random
  readonly key: TsigKey | null
  /** Seconds since 1970. */
  readonly wall: () => number
  /** What a person should know on the way. */
  readonly tell: (text: string) => void
  /** Sees each query before it is sent. */
  readonly onQuery: (sent: Message, octets: number, transport: Transport) => void
}

/** A query ready to be sent, and what checks its reply. */
interface Prepared {
  readonly bytes: Uint8Array
  readonly sent: Message
  readonly verifier: TsigVerifier | null
}

function prepare(query: DigQuery, asking: AskContext, learnt: Learnt): Prepared {
  const plain = queryBytes(query, asking.random, learnt)
  const decoded = decodeMessage(plain)
  if (decoded.kind !== 'message') throw new Error(`a query of ours cannot be read: ${decoded.why}`)
  if (asking.key === null) return { bytes: plain, sent: decoded.message, verifier: null }
  const signed = signQuery(plain, asking.key, asking.wall())
  return { bytes: signed.bytes, sent: decoded.message, verifier: new TsigVerifier(asking.key, signed.mac) }
}

/** Tries as often as wanted over UDP, and over TCP when the reply was truncated or somebody guesses at it. */
export async function ask(
  server: ServerAddress,
  query: DigQuery,
  asking: AskContext,
  way: SecureWay | null = null,
): Promise<Asked> {
  const path: QueryPath = { server, from: query.from, timeoutMs: query.timeoutMs }
  let transport: Transport = way?.transport ?? (query.tcp ? 'tcp' : 'udp')
  let learnt: Learnt = { version: null, cookie: null }
  for (let left = query.tries; left > 0; left--) {
    const prepared = prepare(query, asking, learnt)
    const sentAt = Date.now()
    asking.onQuery(prepared.sent, prepared.bytes.length, transport)
    const heard = await exchange(path, transport, prepared.bytes, way)
    switch (heard.kind) {
      case 'reply': {
        const read = readReply(server, heard, prepared, asking, { transport, sentAt, tls: way?.journey() ?? null })
        if (read.kind === 'failed') return read
        if (read.message.truncated && transport === 'udp' && !query.ignoreTruncation) {
          asking.tell(';; Truncated, asking again over TCP.\n')
          transport = 'tcp'
          left++
          continue
        }
        const next = lessonOf(read, query, learnt)
        if (next === null) return read
        asking.tell(`;; ${rcodeName(read.message.rcode)}, asking again.\n`)
        learnt = next
        left++
        continue
      }
      case 'timeout':
        continue
      case 'guessed':
        asking.tell(';; Replies that do not fit the question arrived, asking over TCP.\n')
        transport = 'tcp'
        continue
      case 'refused':
        return failed(unreachable(server, transport, heard.reason, query))
      default:
        heard satisfies never
    }
  }
  const tries = counted(query.tries, 'try', 'tries')
  return failed(
    `${server.key} gave no answer over ${transport.toUpperCase()} (${tries} of ${query.timeoutMs / 1_000} s)`,
  )
}

/** With how to go on when the server did not prove itself. */
function unreachable({ key }: ServerAddress, transport: Transport, reason: string, { secure }: DigQuery): string {
  const hint = secure !== null && reason.endsWith('nothing was sent') ? proofHint(secure) : ''
  return `${key} cannot be reached over ${transport.toUpperCase()}: ${reason}${hint}`
}

const failed = (message: string): Asked => ({ kind: 'failed', message })

async function exchange(
  path: QueryPath,
  transport: Transport,
  bytes: Uint8Array,
  way: SecureWay | null,
): Promise<Heard> {
  if (transport === 'udp') return askByDatagram(path, bytes, defaultLimits.upstream.mismatchesBeforeTcp)
  if (way !== null && way.dial === null) return way.ask(path, bytes)
  const heard: { reply: Heard | null } = { reply: null }
  const take = (reply: Uint8Array, tookMs: number): 'done' => {
    heard.reply = { kind: 'reply', bytes: reply, tookMs }
    return 'done'
  }
  const end = await askByStream(path, bytes, take, way?.dial ?? tcpDial)
  if (heard.reply !== null) return heard.reply
  if (end.kind === 'refused') return end
  return end.kind === 'closed'
    ? { kind: 'refused', reason: 'the connection was closed without a reply' }
    : { kind: 'timeout' }
}

type At = Pick<Replied, 'transport' | 'sentAt' | 'tls'>

function readReply(
  server: ServerAddress,
  heard: Extract<Heard, { kind: 'reply' }>,
  { sent, verifier }: Prepared,
  asking: AskContext,
  at: At,
): Asked {
  const checked = verifier === null ? { bytes: heard.bytes } : verifier.take(heard.bytes, asking.wall())
  const decoded = decodeMessage('error' in checked ? heard.bytes : checked.bytes)
  if (decoded.kind === 'format-error') {
    const cut = decoded.header?.truncated === true && at.transport === 'udp' ? emptyOf(decoded.header, sent) : null
    if (cut === null) return failed(`${server.key} sent a malformed reply: ${decoded.why} at octet ${decoded.offset}`)
    return { kind: 'reply', message: cut, sent, ...at, tookMs: heard.tookMs, octets: heard.bytes.length }
  }
  if ('error' in checked) return failed(`${server.key}: ${checked.error} (${rcodeName(decoded.message.rcode)})`)
  return { kind: 'reply', message: decoded.message, sent, ...at, tookMs: heard.tookMs, octets: heard.bytes.length }
}

/** Of a reply that was cut in the middle of a record only the header is worth anything. */
const emptyOf = (
  header: Pick<Message, 'id'> & Omit<Message, 'question' | 'answer' | 'authority' | 'additional' | 'edns'>,
  sent: Message,
): Message => ({
  ...header,
  question: sent.question,
  answer: [],
  authority: [],
  additional: [],
  edns: null,
})

/** What to change for another try; null: the reply is the answer. Each lesson is learnt once. */
function lessonOf({ message }: Replied, query: DigQuery, learnt: Learnt): Learnt | null {
  const { edns } = query
  if (edns === null || message.edns === null) return null
  if (
    message.rcode === Rcode.BADVERS &&
    edns.negotiate &&
    learnt.version === null &&
    message.edns.version < edns.version
  )
    return { ...learnt, version: message.edns.version }
  const cookie = findOption(message.edns, EdnsOptionCode.COOKIE)?.data
  if (message.rcode === Rcode.BADCOOKIE && edns.cookie !== null && learnt.cookie === null && cookie !== undefined)
    return { ...learnt, cookie }
  return null
}

export type Transferred =
  | { readonly kind: 'complete'; readonly octets: number; readonly messages: number }
  | { readonly kind: 'failed'; readonly message: string }

/** A conversation of many messages, each shown to `onMessage` before it is judged. */
export async function askForTransfer(
  server: ServerAddress,
  query: DigQuery,
  asking: AskContext,
  onMessage: (message: Message) => void,
  way: SecureWay | null = null,
): Promise<Transferred> {
  const transport = way?.transport ?? 'tcp'
  const prepared = prepare(query, asking, { version: null, cookie: null })
  asking.onQuery(prepared.sent, prepared.bytes.length, transport)
  const state: { failure: string | null } = { failure: null }
  const path: QueryPath = { server, from: query.from, timeoutMs: query.timeoutMs }
  const conversation = new TransferConversation({
    zone: query.question.name,
    serial: query.serial,
    verifier: prepared.verifier,
    maxBytes: defaultLimits.tool.transferBytes,
    onMessage,
  })
  const take = (bytes: Uint8Array): 'more' | 'done' => {
    const next = conversation.take(bytes, asking.wall())
    if (next.kind === 'failed') state.failure = next.why
    return next.kind === 'more' ? 'more' : 'done'
  }
  const end = await askByStream(path, prepared.bytes, take, way?.dial ?? tcpDial)
  if (state.failure !== null) return { kind: 'failed', message: `${server.key}: ${state.failure}` }
  switch (end.kind) {
    case 'done':
      return { kind: 'complete', octets: conversation.octets, messages: conversation.messages }
    case 'refused':
      return {
        kind: 'failed',
        message:
          conversation.messages === 0
            ? unreachable(server, transport, end.reason, query)
            : `${server.key}: ${end.reason}`,
      }
    case 'closed':
      return { kind: 'failed', message: `${server.key} closed the connection before the last SOA` }
    case 'timeout':
    case 'too-long':
    case 'too-slow':
      return {
        kind: 'failed',
        message: `${server.key} sent nothing for ${query.timeoutMs / 1_000} s, and the last SOA has not come`,
      }
    default:
      return end satisfies never
  }
}
