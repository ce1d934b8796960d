/**
 * One list fetched over HTTPS or HTTP: only when it changed (RFC 9110 section 13), within bounds of size and time, with
 * the server's certificate checked. Names are resolved by the engine that we are, so that a machine whose resolver is
 * this program can fetch lists.
 */
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { LookupFunction } from 'node:net'
import { createGunzip } from 'node:zlib'
import { errorText } from '../../events.ts'
import type { ListLimits } from '../../limits.ts'
import type { Cancel, Clock } from '../../ports.ts'

/** What the server said of the copy that there is. */
export interface Validators {
  readonly etag: string | null
  readonly lastModified: string | null
}

export interface FetchOptions {
  readonly url: string
  readonly validators: Validators | null
  readonly lookup: LookupFunction
  readonly clock: Pick<Clock, 'after'>
  readonly limits: Pick<ListLimits, 'listBytes' | 'fetchIdleMs' | 'fetchMs' | 'redirects'>
  /** Certificates in PEM that are trusted instead of the system's. */
  readonly authorities?: readonly string[] | undefined
  readonly userAgent: string
}

export type Fetched =
  | { readonly kind: 'fetched'; readonly octets: Uint8Array; readonly validators: Validators }
  | { readonly kind: 'unchanged' }
  /** `retryAfterMs`: what the server asked for; null: nothing. */
  | { readonly kind: 'failed'; readonly reason: string; readonly retryAfterMs: number | null }

export interface Fetching {
  readonly end: Promise<Fetched>
  stop(): void
}

export function fetchList(options: FetchOptions): Fetching {
  const aborting = new AbortController()
  const { clock, limits } = options
  let slow: string | null = null
  const abort = (why: string) => (): void => {
    slow = why
    aborting.abort()
  }
  const cancelAll = clock.after(limits.fetchMs, abort(`was not through after ${limits.fetchMs / 1_000} s`))
  let cancelIdle: Cancel = () => {}
  const isAlive = (): void => {
    cancelIdle()
    cancelIdle = clock.after(limits.fetchIdleMs, abort(`the server sent nothing for ${limits.fetchIdleMs / 1_000} s`))
  }
  isAlive()
  const end = follow(options, aborting.signal, isAlive)
    .catch((error: unknown): Fetched => failed(slow ?? errorText(error)))
    .finally(() => {
      cancelAll()
      cancelIdle()
    })
  return { end, stop: () => aborting.abort() }
}

const failed = (reason: string, retryAfterMs: number | null = null): Fetched => ({
  kind: 'failed',
  reason,
  retryAfterMs,
})

async function follow(options: FetchOptions, signal: AbortSignal, isAlive: () => void): Promise<Fetched> {
  let url = new URL(options.url)
  for (let left = options.limits.redirects; ; left--) {
    const response = await ask(url, options, signal)
    isAlive()
    const { statusCode: status = 0, headers } = response
    if (!REDIRECTS.has(status)) return content(response, status, options, isAlive)
    response.destroy()
    const { location } = headers
    if (location === undefined || !URL.canParse(location, url.href))
      return failed(`HTTP ${status} without a place to go`)
    if (left === 0) return failed(`was sent on more than ${options.limits.redirects} times`)
    const next = new URL(location, url)
    // Who is on the way could then say what is blocked.
    if (next.protocol !== 'https:' && (next.protocol !== 'http:' || url.protocol === 'https:'))
      return failed(`was sent on to ${next.protocol}//, which is not as safe as the URL of the list`)
    url = next
  }
}

const REDIRECTS = new Set([301, 302, 303, 307, 308])

function ask(url: URL, options: FetchOptions, signal: AbortSignal): Promise<IncomingMessage> {
  const { validators, lookup, authorities, userAgent } = options
  const isEncrypted = url.protocol === 'https:'
  const headers = {
    'user-agent': userAgent,
    accept: 'text/plain, */*;q=0.1',
    'accept-encoding': 'gzip',
    ...(validators?.etag == null ? {} : { 'if-none-match': validators.etag }),
    ...(validators?.lastModified == null ? {} : { 'if-modified-since': validators.lastModified }),
  }
  const shared = { headers, lookup, signal, agent: false as const }
  return new Promise((resolve, reject) => {
    const request = isEncrypted
      ? httpsRequest(url, { ...shared, ...(authorities === undefined ? {} : { ca: [...authorities] }) })
      : httpRequest(url, shared)
    request.once('response', resolve).once('error', reject).end()
  })
}

async function content(
  response: IncomingMessage,
  status: number,
  { limits, validators }: FetchOptions,
  isAlive: () => void,
): Promise<Fetched> {
  const { headers } = response
  if (status === 304 && validators !== null) {
    response.destroy()
    return { kind: 'unchanged' }
  }
  const coding = headers['content-encoding'] ?? 'identity'
  if (status !== 200 || (coding !== 'identity' && coding !== 'gzip')) {
    response.destroy()
    return status === 200
      ? failed(`has the content coding ${coding}, which was not asked for`)
      : failed(`HTTP ${status}`, retryAfterMs(headers['retry-after']))
  }
  const body = coding === 'gzip' ? response.pipe(createGunzip()) : response
  response.once('error', error => body.destroy(error))
  const gathered = new Gathered()
  for await (const chunk of body) {
    isAlive()
    if (!(chunk instanceof Uint8Array)) continue
    if (gathered.length + chunk.length > limits.listBytes) {
      response.destroy()
      return failed(`has more octets than the limit of ${limits.listBytes}`)
    }
    gathered.add(chunk)
  }
  const { etag = null, 'last-modified': lastModified = null } = headers
  return { kind: 'fetched', octets: gathered.octets(), validators: { etag, lastModified } }
}

/** Seconds (RFC 9110 section 10.2.3); dates are not waited for. */
const retryAfterMs = (text: string | undefined): number | null =>
  text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) * 1_000 : null

const FIRST_OCTETS = 64 * 1024

/** Octets in shared memory: the thread that reads them gets no copy. */
class Gathered {
  #octets = new Uint8Array(new SharedArrayBuffer(FIRST_OCTETS))
  length = 0

  add(chunk: Uint8Array): void {
    let room = this.#octets.length
    while (room < this.length + chunk.length) room *= 2
    if (room > this.#octets.length) {
      const larger = new Uint8Array(new SharedArrayBuffer(room))
      larger.set(this.#octets.subarray(0, this.length))
      this.#octets = larger
    }
    this.#octets.set(chunk, this.length)
    this.length += chunk.length
  }

  octets(): Uint8Array {
    return this.#octets.subarray(0, this.length)
  }
}
