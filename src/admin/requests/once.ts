/**
 * `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): a client that does not know whether its POST arrived
 * sends it again with the same key, and gets the answer of the first without anything being done twice. The same key
 * with another request is refused, so that no one gets the answer to what was never asked.
 *
 * Answers are in memory, for a time and up to a number. A new token is in one of them: that is what its maker lost.
 */
import { createHash } from 'node:crypto'
import type { MiddlewareHandler } from 'hono'
import type { Env } from '../context.ts'
import { adminLimits } from '../limits.ts'
import { problemResponse } from '../problem.ts'

/** A string of a structured field (RFC 9651 section 3.3.3) as the draft has it, or bare as many clients send it. */
export const IDEMPOTENCY_KEY: RegExp = /^(?:"[\w.:-]{1,64}"|[\w.:-]{1,64})$/

interface Answered {
  readonly status: number
  readonly headers: readonly (readonly [string, string])[]
  readonly body: Uint8Array
}

interface Kept {
  /** Of the method, the path, the query and the body. */
  readonly fingerprint: string
  readonly until: number
  /** Null: it is under way. */
  answered: Answered | null
}

export class Once {
  readonly #kept = new Map<string, Kept>()
  /** Seconds since 1970. */
  readonly #wall: () => number

  constructor(wall: () => number) {
    this.#wall = wall
  }

  /** In front of a route, after the scope was looked at: keys of different tokens are different ones. */
  readonly guard: MiddlewareHandler<Env> = async (c, next) => {
    const key = c.req.header('idempotency-key')
    // What is no key is refused where parameters are.
    if (key === undefined || !IDEMPOTENCY_KEY.test(key)) return next()
    const id = `${c.get('principal').name} ${key.replaceAll('"', '')}`
    const fingerprint = await fingerprintOf(c.req.raw, await c.req.arrayBuffer())
    const known = this.#find(id)
    if (known !== undefined) return repeated(known, fingerprint)
    const kept: Kept = { fingerprint, until: this.#wall() + adminLimits.idempotencySeconds, answered: null }
    this.#keep(id, kept)
    await next()
    // A failure of ours may be over the next time.
    if (c.res.status >= 500) this.#kept.delete(id)
    else kept.answered = await answeredBy(c.res.clone())
    return undefined
  }

  #find(id: string): Kept | undefined {
    const known = this.#kept.get(id)
    if (known === undefined || known.until > this.#wall()) return known
    this.#kept.delete(id)
    return undefined
  }

  /** All are kept for the same time: the first of the map is the one that ends first. */
  #keep(id: string, kept: Kept): void {
    for (const [oldest, { until }] of this.#kept) {
      if (until > this.#wall() && this.#kept.size < adminLimits.idempotencyKeys) break
      this.#kept.delete(oldest)
    }
    this.#kept.set(id, kept)
  }
}

async function fingerprintOf(request: Request, body: ArrayBuffer): Promise<string> {
  const { pathname, search } = new URL(request.url)
  const hash = createHash('sha256').update(`${request.method} ${pathname}${search}\n`)
  return hash.update(new Uint8Array(body)).digest('hex')
}

function repeated({ fingerprint, answered }: Kept, asked: string): Response {
  if (fingerprint !== asked)
    return problemResponse({
      status: 422,
      detail: 'This Idempotency-Key came with another request before: a new request takes a new key.',
    })
  if (answered === null)
    return problemResponse({
      status: 409,
      detail: 'The request with this Idempotency-Key is under way.',
      headers: { 'retry-after': '1' },
    })
  const headers = new Headers([...answered.headers.map(([name, value]): [string, string] => [name, value])])
  headers.set('idempotency-replayed', 'true')
  return new Response(new Uint8Array(answered.body), { status: answered.status, headers })
}

async function answeredBy(response: Response): Promise<Answered> {
  const body = new Uint8Array(await response.arrayBuffer())
  return { status: response.status, headers: [...response.headers], body }
}
