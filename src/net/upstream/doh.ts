/**
 * A query as a request over HTTP and the response read as its reply (RFC 8484 section 4): its status, what it says that
 * it is, its octets. The same for HTTP/1.1 and HTTP/2; no socket in it.
 *
 * Invariants: redirects are not followed, since who answers has been verified and where it points to has not; never
 * more than 65,535 octets are held.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { aged } from '../../dns/aged.ts'
import { copyOf } from '../../dns/bytes.ts'
import { MAX_MESSAGE_OCTETS } from '../../dns/message.ts'
import { idOf, setId } from '../../dns/wire.ts'
import type { Cancel } from '../../ports.ts'
import type { LineAnswer, LineUser } from './line.ts'
import { takeReply } from './match-reply.ts'

export interface HttpRequest {
  readonly path: string
  readonly authority: string
  /** Null: a GET, whose path says all. */
  readonly body: Uint8Array | null
  /** What the reply has to belong to, with its own ID. */
  readonly query: Uint8Array
  readonly heard: (answer: LineAnswer) => void
}

/** HTTP on one connection. */
export interface HttpSpeaker {
  readonly capacity: number
  ask(request: HttpRequest): Cancel
  probe?(): void
  close(): void
}

export type SpeakerUser = Pick<LineUser, 'leaving' | 'ended'>

/** RFC 8484 section 4.1. */
export const messageHeaders = (body: Uint8Array | null): Readonly<Record<string, string | number>> => ({
  accept: 'application/dns-message',
  ...(body === null ? {} : { 'content-type': 'application/dns-message', 'content-length': body.length }),
})

const OK = 200

export class DohReply {
  readonly #query: Uint8Array
  /** Seconds since 1970. */
  readonly #wall: number
  readonly #headBytes: number
  readonly #chunks: Uint8Array[] = []
  #octets = 0
  #age = 0

  /** `headBytes`: the most that its head may have. */
  constructor(query: Uint8Array, wall: number, headBytes: number) {
    this.#query = query
    this.#wall = wall
    this.#headBytes = headBytes
  }

  /** What it comes to already, when the head says enough; null when the body is wanted. */
  head(status: number, headers: IncomingHttpHeaders): LineAnswer | null {
    if (octetsOf(headers) > this.#headBytes) return unusable(`a head of more than ${this.#headBytes} octets`)
    if (status !== OK)
      return { kind: 'http-status', status, retryAfterMs: retryAfter(headers['retry-after'], this.#wall) }
    const encoding = (headers['content-encoding'] ?? 'identity').trim().toLowerCase()
    if (encoding !== 'identity') return unusable(`the body has the content-encoding ${encoding.slice(0, SHOWN)}`)
    const type = headers['content-type'] ?? ''
    if (mediaType(type) !== 'application/dns-message')
      return unusable(`the body is of the type ${type === '' ? 'that is not said' : type.slice(0, SHOWN)}`)
    if (Number(headers['content-length'] ?? 0) > MAX_MESSAGE_OCTETS) return tooLong
    this.#age = Math.min(seconds(headers.age) ?? 0, MAX_AGE_SECONDS)
    return null
  }

  body(chunk: Uint8Array): LineAnswer | null {
    this.#octets += chunk.length
    if (this.#octets > MAX_MESSAGE_OCTETS) return tooLong
    this.#chunks.push(chunk)
    return null
  }

  end(): LineAnswer {
    const [only] = this.#chunks
    const whole = this.#chunks.length === 1 && only !== undefined ? copyOf(only, 0, only.length) : this.#joined()
    if (whole.length < 2 || idOf(whole) !== 0) return unusable('a reply with another ID')
    const bytes = this.#age === 0 ? whole : aged(whole, this.#age)
    setId(bytes, idOf(this.#query))
    const { judgement, decoded } = takeReply(this.#query, bytes)
    switch (judgement) {
      case 'noise':
        return unusable('a malformed message')
      case 'guess':
        return unusable('a reply to another question')
      case 'reply':
      case 'reply-wrong-case':
      case 'questionless':
      case 'unreadable':
      case 'wrong-cookie':
        return {
          kind: 'reply',
          bytes,
          decoded: decoded ?? undefined,
          caseEchoed: judgement !== 'reply-wrong-case',
        }
      default:
        return judgement satisfies never
    }
  }

  #joined(): Uint8Array {
    const whole = new Uint8Array(this.#octets)
    let at = 0
    for (const chunk of this.#chunks) {
      whole.set(chunk, at)
      at += chunk.length
    }
    return whole
  }
}

const unusable = (reason: string): LineAnswer => ({ kind: 'unusable', reason })
const tooLong = unusable(`a body of more than ${MAX_MESSAGE_OCTETS} octets`)

function octetsOf(headers: IncomingHttpHeaders): number {
  let octets = 0
  // `:status` of HTTP/2 is a number.
  for (const [name, value] of Object.entries(headers)) octets += name.length + String(value).length
  return octets
}

/** Of what a server says, what may stand in a log line. */
const SHOWN = 40
/** Larger than any TTL (RFC 2181 section 8); an Age beyond it is 2^31 as well (RFC 9111 section 1.2.2). */
const MAX_AGE_SECONDS = 2 ** 31

/** Without its parameters (RFC 9110 section 8.3.1). */
const mediaType = (value: string): string => (value.split(';', 1)[0] ?? '').trim().toLowerCase()

/** RFC 9110 section 5.6.7 and 10.2.3: whole seconds; null for anything else. */
const seconds = (value: string | undefined): number | null =>
  value !== undefined && /^\s*\d{1,15}\s*$/.test(value) ? Number(value) : null

/** RFC 9110 section 5.6.7, the obsolete forms included: each begins with a day. */
const HTTP_DATE = /^\s*(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?\b/

/** Seconds or a date (RFC 9110 section 10.2.3), in ms from now; null when it says neither. */
function retryAfter(value: string | undefined, wall: number): number | null {
  if (value === undefined) return null
  const delay = seconds(value)
  if (delay !== null) return delay * 1_000
  const date = HTTP_DATE.test(value) ? Date.parse(value) : Number.NaN
  return Number.isNaN(date) ? null : Math.max(0, date - wall * 1_000)
}
