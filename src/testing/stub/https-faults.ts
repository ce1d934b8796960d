/**
 * What a stub over HTTPS does instead of handing over an answer as it is: faults of HTTP, one at a time, for as many
 * queries as a test wants. Faults of the certificate and the connection are in `identity.ts`, those of DNS in
 * `rules.ts`.
 */
import { laterReply, type HttpReply } from '../../net/doh/reply.ts'
import type { Exchange } from '../../net/listen/doh-exchange.ts'
import type { Cancel, Clock } from '../../ports.ts'
import { described, duration, knownFields, near, wholeNumber } from '../../input/names.ts'
import { mistake } from '../../input/mistake.ts'
import { CERTIFICATE_AND_CONNECTION_FAULTS, isTlsFault } from './identity.ts'
import { stubSettings } from './settings.ts'
import type { HttpsFault, TlsFault } from './types.ts'

type HttpFault = Exclude<HttpsFault, TlsFault>

const HTTP_FAULTS: readonly HttpFault[] = ['tooManyRequests', 'unavailable', 'goAway', 'slowBody', 'wrongMediaType']
const HTTPS_FAULTS: readonly HttpsFault[] = [...CERTIFICATE_AND_CONNECTION_FAULTS, ...HTTP_FAULTS]

/** One as it was asked for. */
export interface HttpFaultAction {
  readonly fault: HttpFault
  /** As the field has it; null: there is none. */
  readonly retryAfter: string | null
  readonly ms: number
}

export class HttpFaults {
  readonly #clock: Clock
  /** Halves of bodies that are to come. */
  readonly #waiting = new Set<Cancel>()
  #action: HttpFaultAction | null = null
  #left = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  set(action: HttpFaultAction | null, times: number): void {
    this.#action = action
    this.#left = times
  }

  /** What happens to the answer of the next query. */
  take(): HttpFaultAction | null {
    if (this.#action === null || this.#left <= 0) return null
    this.#left--
    return this.#action
  }

  /** What is sent in the place of `reply`; null when it is seen to here. */
  replace({ fault, retryAfter, ms }: HttpFaultAction, reply: HttpReply, exchange: Exchange): HttpReply | null {
    switch (fault) {
      case 'tooManyRequests':
      case 'unavailable': {
        const later = laterReply(fault === 'unavailable' ? 503 : 429, 'The stub was asked to say this.', 0)
        const { 'retry-after': _, ...headers } = later.headers
        return { ...later, headers: retryAfter === null ? headers : { ...headers, 'retry-after': retryAfter } }
      }
      case 'wrongMediaType':
        return { ...reply, headers: { ...reply.headers, 'content-type': 'text/html' } }
      case 'slowBody':
        this.#sendSlowly(reply, ms, exchange)
        return null
      case 'goAway':
        exchange.leave()
        return null
      default:
        return fault satisfies never
    }
  }

  stop(): void {
    for (const cancel of this.#waiting) cancel()
    this.#waiting.clear()
  }

  #sendSlowly(reply: HttpReply, ms: number, exchange: Exchange): void {
    const output = exchange.sendHead(reply, false)
    const body = reply.body ?? Buffer.alloc(0)
    const half = body.length >> 1
    output.write(body.subarray(0, half))
    const cancel = this.#clock.after(ms, () => {
      this.#waiting.delete(cancel)
      if (!exchange.isOver) output.end(body.subarray(half))
    })
    this.#waiting.add(cancel)
  }
}

/** What a test wants to be wrong. */
export type HttpsFaultWish =
  | { readonly kind: 'tls'; readonly fault: TlsFault | null; readonly ms: number }
  | { readonly kind: 'http'; readonly action: HttpFaultAction; readonly times: number }

export function readHttpsFault(value: unknown, options: unknown = {}): HttpsFaultWish {
  knownFields(options, ['times', 'retryAfter', 'ms'], 'the options')
  const given = { times: undefined, retryAfter: undefined, ms: undefined, ...Object(options) }
  const { times, retryAfter, ms }: { times: unknown; retryAfter: unknown; ms: unknown } = given
  const fault =
    value === null
      ? null
      : (HTTPS_FAULTS.find(one => one === value) ??
        mistake(`expected one of ${HTTPS_FAULTS.join(', ')}, or null, found ${near(value, HTTPS_FAULTS)}`))
  const slowMs = duration(ms ?? stubSettings.slowMs, 'ms')
  if (fault === null || isTlsFault(fault)) {
    if (times !== undefined) mistake(`times is for faults of HTTP (${HTTP_FAULTS.join(', ')}), not for ${fault}`)
    return { kind: 'tls', fault, ms: slowMs }
  }
  const action = { fault, retryAfter: retryAfterOf(retryAfter), ms: slowMs }
  const count = times === undefined ? Number.POSITIVE_INFINITY : wholeNumber(times, 'times', Number.MAX_SAFE_INTEGER)
  return { kind: 'http', action, times: count }
}

/** RFC 9110 section 10.2.3: seconds or a date; a text is sent as it is, and null sends none. */
function retryAfterOf(value: unknown): string | null {
  if (value === null) return null
  if (value === undefined) return String(stubSettings.retryAfterSeconds)
  if (typeof value === 'string' && /^[\t\x20-\x7e]*$/.test(value)) return value
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return String(value)
  return mistake(`expected retryAfter to be seconds, the text of the field, or null, found ${described(value)}`)
}
