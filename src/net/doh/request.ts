/**
 * DNS over HTTPS as a client asks (RFC 8484): from method, target, header fields and body to a DNS message, or to what
 * HTTP says instead. Pure, and the same for HTTP/1.1 and HTTP/2. It is lenient where clients differ (padding of
 * base64url, parameters of others, `Accept`) and never repeats what a client wrote.
 *
 * Invariant: what DNS can answer, DNS answers: an error of HTTP is only for what is no query at all.
 */
import { HEADER_OCTETS, MAX_MESSAGE_OCTETS } from '../../dns/message.ts'
import { isResponse } from '../../dns/wire.ts'
import { clientIdIn } from '../client-id.ts'
import { accepts, DNS_JSON, DNS_MESSAGE, type HttpHeaders, JSON_TYPE, mediaTypeOf, names } from './media-types.ts'
import { jsonQuery } from './json-query.ts'
import { messageEnd } from './octets.ts'
import {
  ALLOWED_HERE,
  ALLOWED_WITHOUT_POST,
  type AnswerForm,
  type HttpReply,
  nothingReply,
  problemReply,
} from './reply.ts'

export interface HttpRequest {
  readonly method: string
  /** Path and query, or all of a URL (RFC 9112 section 3.2). */
  readonly target: string
  /** Names in lower case. */
  readonly headers: HttpHeaders
}

export interface QueryRequest {
  readonly kind: 'query'
  readonly message: Uint8Array
  readonly form: AnswerForm
  /** From the path, in lower case. */
  readonly clientId: string | undefined
}

/** A query whose message is the body, which has to be read: see `readBody`. */
export interface PostRequest {
  readonly kind: 'post'
  readonly form: AnswerForm
  readonly clientId: string | undefined
}

export interface Answered {
  readonly kind: 'reply'
  readonly reply: HttpReply
}

/** Google's path for JSON, which clients take for granted. */
const JSON_PATH = '/resolve'
/** Base64url (RFC 4648 section 5), which RFC 8484 section 6 wants without padding. */
const BASE64URL = /^[\w-]+={0,2}$/

const answered = (reply: HttpReply): Answered => ({ kind: 'reply', reply })

/** What the head of a request asks for at a service whose path is `path`. */
export function readHead(request: HttpRequest, path: string): QueryRequest | PostRequest | Answered {
  const { method } = request
  const target = originForm(request.target)
  const mark = target.indexOf('?')
  const asked = mark < 0 ? target : target.slice(0, mark)
  const place = placeOf(asked, path)
  if (method === 'OPTIONS' && target === '*') return answered(nothingReply(ALLOWED_HERE))
  if (place === null) return answered(problemReply(404, 'There is nothing at this path.'))
  const allowed = place.json ? ALLOWED_WITHOUT_POST : ALLOWED_HERE
  const query = mark < 0 ? '' : target.slice(mark + 1)
  switch (method) {
    case 'GET':
    case 'HEAD':
      return readQuery(request, query, place)
    case 'POST':
      return place.json
        ? answered(problemReply(405, 'Here is GET only.', { allow: allowed }))
        : readPost(request, place.clientId)
    case 'OPTIONS':
      return answered(nothingReply(allowed))
    default:
      return answered(problemReply(405, 'DNS is asked by GET or POST.', { allow: allowed }))
  }
}

/** What the body of a `PostRequest` asks. */
export function readBody(body: Uint8Array, { form, clientId }: PostRequest): QueryRequest | Answered {
  const fault = faultOf(body)
  return fault === null
    ? { kind: 'query', message: body, form, clientId }
    : answered(problemReply(400, `The body ${fault}.`))
}

export const tooLargeReply = (): HttpReply =>
  problemReply(413, `A DNS message has at most ${MAX_MESSAGE_OCTETS} octets.`)

/** Must a body be refused before it is read? `headers` of a request with a body. */
const isTooLarge = (headers: HttpHeaders): boolean => Number(headers['content-length'] ?? 0) > MAX_MESSAGE_OCTETS

/** Without scheme and authority. */
function originForm(target: string): string {
  if (target.startsWith('/')) return target
  const [, rest] = /^https?:\/\/[^/?#]*(.*)$/i.exec(target) ?? []
  return rest === undefined ? target : rest.startsWith('/') ? rest : `/${rest}`
}

interface Place {
  readonly json: boolean
  readonly clientId: string | undefined
}

const HERE: Place = { json: false, clientId: undefined }
const JSON_PLACE: Place = { json: true, clientId: undefined }

function placeOf(asked: string, path: string): Place | null {
  if (asked === path) return HERE
  if (asked === JSON_PATH) return JSON_PLACE
  const from = path.endsWith('/') ? path.length : path.length + 1
  if (asked.length <= from || !asked.startsWith(path) || asked.charAt(from - 1) !== '/') return null
  const clientId = clientIdIn(asked.slice(from))
  return clientId === null ? null : { json: false, clientId }
}

function readPost({ headers }: HttpRequest, clientId: string | undefined): PostRequest | Answered {
  if (mediaTypeOf(headers['content-type']) !== DNS_MESSAGE)
    return answered(problemReply(415, `The body has to be ${DNS_MESSAGE}.`, { accept: DNS_MESSAGE }))
  const coding = headers['content-encoding']
  if (coding !== undefined && coding !== 'identity')
    return answered(problemReply(415, 'The body must not be compressed.', { accept: DNS_MESSAGE }))
  if (isTooLarge(headers)) return answered(tooLargeReply())
  return accepts(headers.accept, DNS_MESSAGE)
    ? { kind: 'post', form: { kind: 'message', type: DNS_MESSAGE, headOnly: false }, clientId }
    : answered(notAcceptable(DNS_MESSAGE))
}

function readQuery(request: HttpRequest, query: string, { json, clientId }: Place): QueryRequest | Answered {
  const { accept } = request.headers
  const headOnly = request.method === 'HEAD'
  const encoded = json ? [] : valuesOf(query, 'dns')
  const [text] = encoded
  if (text !== undefined) {
    if (encoded.length > 1) return answered(problemReply(400, 'The parameter "dns" stands there twice.'))
    if (!accepts(accept, DNS_MESSAGE)) return answered(notAcceptable(DNS_MESSAGE))
    const message = messageIn(text)
    const fault = message === null ? 'is not base64url' : faultOf(message)
    if (message === null || fault !== null) return answered(problemReply(400, `The parameter "dns" ${fault}.`))
    return { kind: 'query', message, form: { kind: 'message', type: DNS_MESSAGE, headOnly }, clientId }
  }
  const params = new URLSearchParams(query)
  if (!json && !params.has('name'))
    return answered(
      problemReply(400, 'The parameter "dns" is missing: a DNS message in base64url; or "name", for JSON.'),
    )
  const type = (names(accept, JSON_TYPE) ? [JSON_TYPE, DNS_JSON] : [DNS_JSON, JSON_TYPE]).find(one =>
    accepts(accept, one),
  )
  if (type === undefined) return answered(notAcceptable(DNS_JSON))
  const read = jsonQuery(params)
  return read.kind === 'mistake'
    ? answered(problemReply(400, read.detail))
    : { kind: 'query', message: read.message, form: { kind: 'json', type, headOnly }, clientId }
}

const notAcceptable = (type: string): HttpReply =>
  problemReply(406, `The answer is ${type}, which the field Accept rules out.`)

/** Of a parameter, as they stand in the query: base64url has nothing that is encoded, but for its padding. */
function valuesOf(query: string, name: string): string[] {
  const values: string[] = []
  for (const part of query.split('&')) {
    if (part.startsWith(name) && part.charAt(name.length) === '=') values.push(part.slice(name.length + 1))
  }
  return values
}

function messageIn(text: string): Uint8Array | null {
  const plain = text.includes('%') ? text.replaceAll(/%3d/gi, '=') : text
  if (!BASE64URL.test(plain)) return null
  const digits = plain.replace(/=+$/, '').length
  // One digit more than a multiple of four has six bits, which are no octet.
  return digits % 4 === 1 ? null : Buffer.from(plain, 'base64url')
}

/** Why octets are no query at all; null when DNS may answer. */
function faultOf(bytes: Uint8Array): string | null {
  if (bytes.length < HEADER_OCTETS) return 'is shorter than the header of a DNS message'
  if (bytes.length > MAX_MESSAGE_OCTETS) return 'is longer than a DNS message can be'
  if (isResponse(bytes, bytes.length)) return 'is a DNS response, not a query'
  const end = messageEnd(bytes)
  return end >= 0 && end < bytes.length ? 'has octets after the end of the DNS message' : null
}
