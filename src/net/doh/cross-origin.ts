/**
 * Which pages in a browser may read answers (the CORS protocol of the Fetch standard): those of the origins that are
 * listed, and never with credentials, which DNS has none of.
 */
import type { HttpReply } from './reply.ts'
import type { HttpRequest } from './request.ts'

/** Seconds for which a browser need not ask again: what Chromium takes at most. */
const PREFLIGHT_SECONDS = 7_200

/** `reply` with what lets a listed page read it; itself when no origin is listed or no page asks. */
export function crossOrigin(request: HttpRequest, reply: HttpReply, origins: readonly string[]): HttpReply {
  if (origins.length === 0) return reply
  const { origin } = request.headers
  const forAll = origins.includes('*')
  // Caches must not give one page what is for another.
  const vary: Record<string, string> = forAll ? {} : { vary: 'origin' }
  if (typeof origin !== 'string' || !(forAll || origins.includes(origin)))
    return { ...reply, headers: { ...reply.headers, ...vary } }
  const preflight =
    request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined
      ? {
          'access-control-allow-methods': 'GET, HEAD, POST',
          'access-control-allow-headers': 'accept, content-type',
          'access-control-max-age': PREFLIGHT_SECONDS,
        }
      : {}
  return {
    ...reply,
    headers: {
      ...reply.headers,
      ...vary,
      'access-control-allow-origin': forAll ? '*' : origin,
      ...preflight,
    },
  }
}
