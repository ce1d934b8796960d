/** `rootwalk query`: asks one server one question, as dig does, through the same sockets that the resolver uses. */
import { lookup } from 'node:dns/promises'
import { parseIp, type IpAddress } from '../dns/address.ts'
import { decodeMessage } from '../dns/decode.ts'
import { encodeQuery } from '../dns/encode.ts'
import type { Edns, Message } from '../dns/message.ts'
import { EdnsOptionCode } from '../dns/types.ts'
import { defaultLimits } from '../limits.ts'
import { createNetwork } from '../net/upstream/network.ts'
import { systemClock, systemRandom } from '../system/system.ts'
import {
  DNS_PORT,
  serverAddress,
  type ExchangeResult,
  type Network,
  type Random,
  type ServerAddress,
  type Transport,
} from '../ports.ts'
import { isAddress, type DigQuery } from './dig-words.ts'
import { digText, jsonMessage, securityShown, shortText, type Journey } from '../render/message.ts'
import { Exit } from './startup-problems.ts'

export interface Output {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
}

/** Asks and prints; the exit code. `fallback` is the server when none was named. */
export async function runQuery(
  query: DigQuery,
  fallback: { readonly address: string; readonly port: number },
  output: Output,
): Promise<number> {
  const named = query.server ?? fallback.address
  const ip = await addressOf(named)
  if (ip === null) {
    output.err(`rootwalk query: ${named} has no address\n`)
    return Exit.Unavailable
  }
  const server = serverAddress(ip, query.port ?? (query.server === null ? fallback.port : DNS_PORT))
  const clock = systemClock()
  const random = systemRandom()
  const network = createNetwork({ clock, random, limits: defaultLimits, events: () => {} })
  try {
    const asked = await ask(network, random, server, query, message => output.err(message))
    if (asked.kind === 'failed') {
      output.err(`rootwalk query: ${asked.message}\n`)
      return Exit.Unavailable
    }
    output.out(
      shown(asked, query, {
        server: server.key,
        transport: asked.transport,
        tookMs: asked.tookMs,
        octets: asked.octets,
        wall: Date.now(),
      }),
    )
    return Exit.Ok
  } finally {
    network.close()
  }
}

async function addressOf(server: string): Promise<IpAddress | null> {
  if (isAddress(server)) return parseIp(server)
  try {
    return parseIp((await lookup(server)).address)
  } catch {
    return null
  }
}

type Reply =
  | {
      readonly kind: 'reply'
      readonly message: Message
      readonly transport: Transport
      readonly tookMs: number
      readonly octets: number
    }
  | { readonly kind: 'failed'; readonly message: string }

/** Tries as often as wanted over UDP, and over TCP when the reply was truncated or somebody guesses at it. */
async function ask(
  network: Network,
  random: Random,
  server: ServerAddress,
  query: DigQuery,
  tell: (message: string) => void,
): Promise<Reply> {
  const bytes = encoded(query, random.below(0x1_0000))
  const exchange = (transport: Transport): Promise<ExchangeResult> =>
    new Promise(done => network.exchange(server, transport, bytes, query.timeoutMs, done))
  let transport: Transport = query.tcp ? 'tcp' : 'udp'
  for (let left = query.tries; left > 0; left--) {
    const result = await exchange(transport)
    switch (result.kind) {
      case 'reply': {
        const decoded = decodeMessage(result.bytes)
        const truncated = decoded.kind === 'message' ? decoded.message.truncated : decoded.header?.truncated === true
        if (truncated && transport === 'udp' && !query.ignoreTruncation) {
          tell(';; Truncated, asking again over TCP.\n')
          transport = 'tcp'
          left++
          continue
        }
        if (decoded.kind === 'format-error')
          return failed(`${server.key} sent a malformed reply: ${decoded.why} at octet ${decoded.offset}`)
        return { kind: 'reply', message: decoded.message, transport, tookMs: result.rttMs, octets: result.bytes.length }
      }
      case 'timeout':
        continue
      case 'spoofing-suspected':
        tell(';; Replies that do not fit the question arrived, asking over TCP.\n')
        transport = 'tcp'
        continue
      case 'unreachable':
        return failed(`${server.key} cannot be reached over ${transport.toUpperCase()}: ${result.reason}`)
      case 'not-sent':
        return failed(`nothing could be sent: ${result.reason}`)
      default:
        result satisfies never
    }
  }
  const tries = `${query.tries} ${query.tries === 1 ? 'try' : 'tries'}`
  return failed(
    `${server.key} gave no answer over ${transport.toUpperCase()} (${tries} of ${query.timeoutMs / 1_000} s)`,
  )
}

const failed = (message: string): Reply => ({ kind: 'failed', message })

/** AD in a query asks for AD in the reply (RFC 6840 section 5.7). */
const AD = 0x20

function encoded(query: DigQuery, id: number): Uint8Array {
  const { question, cased, recursionDesired, checkingDisabled } = query
  const edns: Edns | null =
    query.edns === null
      ? null
      : {
          payloadSize: query.edns.payloadSize,
          version: 0,
          dnssecOk: query.edns.dnssecOk,
          flags: 0,
          options: query.edns.nsid ? [{ code: EdnsOptionCode.NSID, data: new Uint8Array(0) }] : [],
        }
  const bytes = encodeQuery({ id, question, cased, recursionDesired, checkingDisabled, edns })
  if (query.authenticData) bytes[3] = (bytes[3] ?? 0) | AD
  return bytes
}

function shown(reply: Extract<Reply, { kind: 'reply' }>, query: DigQuery, journey: Journey): string {
  const { server, transport, tookMs, octets } = journey
  const security = securityShown(
    reply.message,
    (query.authenticData || query.edns?.dnssecOk === true) && !query.checkingDisabled,
  )
  switch (query.show.form) {
    case 'dig':
      return digText(reply.message, journey, query.show, security)
    case 'short':
      return shortText(reply.message)
    case 'json':
      return `${JSON.stringify({ ...jsonMessage(reply.message), security, server, transport, ms: tookMs, octets }, null, 2)}\n`
    default:
      return query.show.form satisfies never
  }
}
