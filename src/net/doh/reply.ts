/**
 * What HTTP says to a DNS client (RFC 8484 section 5.1, RFC 9110): answers with the time for which they may be kept,
 * and problems (RFC 9457) in words that were written here, so that nothing of a request comes back in them.
 */
import { STATUS_CODES } from 'node:http'
import { decodeMessage } from '../../dns/decode.ts'
import { jsonText } from './json-answer.ts'
import { PROBLEM_TYPE } from './media-types.ts'
import { freshSeconds } from './octets.ts'

/** How the answer is to look. `type` is its media type. */
export interface AnswerForm {
  readonly kind: 'message' | 'json'
  readonly type: string
  readonly headOnly: boolean
}

export interface HttpReply {
  readonly status: number
  /** In lower case, `content-length` among them. */
  readonly headers: Record<string, string | number>
  /** Null when there is none, or for HEAD, whose `content-length` then says what there would be. */
  readonly body: Buffer | null
}

export const ALLOWED_HERE = 'GET, HEAD, POST, OPTIONS'
export const ALLOWED_WITHOUT_POST = 'GET, HEAD, OPTIONS'

const NO_STORE = 'no-store'
const NO_SNIFFING = { 'x-content-type-options': 'nosniff' } as const

export const nothingReply = (allow: string): HttpReply => ({ status: 204, headers: { allow }, body: null })

/** "about:blank": the status says what kind of problem it is (RFC 9457 section 4.2.1). */
export function problemReply(status: number, detail: string, headers: HttpReply['headers'] = {}): HttpReply {
  const title = STATUS_CODES[status] ?? ''
  const body = Buffer.from(`${JSON.stringify({ type: 'about:blank', title, status, detail })}\n`)
  return {
    status,
    headers: {
      ...headers,
      'content-type': PROBLEM_TYPE,
      'content-length': body.length,
      'cache-control': NO_STORE,
      ...NO_SNIFFING,
    },
    body,
  }
}

/** RFC 9110 section 10.2.3. */
export const laterReply = (
  status: 429 | 503,
  detail: string,
  retryAfterSeconds: number,
  headers: HttpReply['headers'] = {},
): HttpReply => problemReply(status, detail, { 'retry-after': retryAfterSeconds, ...headers })

/** 200 with the DNS reply in the first `length` octets of `bytes`, which are copied, whatever its rcode is. */
export function answerReply(bytes: Uint8Array, length: number, form: AnswerForm): HttpReply {
  const fresh = freshSeconds(bytes, length)
  const cacheControl = fresh === null ? NO_STORE : `max-age=${fresh}`
  if (form.kind === 'message') {
    return {
      status: 200,
      headers: { 'content-type': form.type, 'content-length': length, 'cache-control': cacheControl },
      body: form.headOnly ? null : Buffer.from(bytes.subarray(0, length)),
    }
  }
  const decoded = decodeMessage(bytes.subarray(0, length))
  if (decoded.kind !== 'message') throw new Error(`a reply of our own does not decode: ${decoded.why}`)
  const body = Buffer.from(jsonText(decoded.message))
  const headers = {
    'content-type': form.type,
    'content-length': body.length,
    'cache-control': cacheControl,
    ...NO_SNIFFING,
  }
  return { status: 200, headers, body: form.headOnly ? null : body }
}

/** For HEAD, whatever the reply. */
export const withoutBody = (reply: HttpReply): HttpReply => (reply.body === null ? reply : { ...reply, body: null })
