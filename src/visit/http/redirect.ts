/** Where a response sends its client, and what of the request goes there (RFC 9110 section 15.4). Pure. */
import type { Request } from './exchange.ts'
import type { Target } from '../target.ts'
import type { ResponseFacts } from '../types.ts'

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])

/** The Location field of a redirect as it stands there; null: it is none. */
export const redirectOf = ({ status, headers }: ResponseFacts): string | null =>
  REDIRECTS.has(status) ? headerOf(headers, 'location') : null

/** The first field of that name. */
export const headerOf = (headers: Request['headers'], name: string): string | null =>
  headers.find(([own]) => own.toLowerCase() === name)?.[1] ?? null

/** 303 asks for the other resource; 301 and 302 turn POST into GET, as everybody does (RFC 9110 section 15.4.2). */
export function methodAfter(status: number, method: string): string {
  if (status === 303) return method === 'HEAD' ? 'HEAD' : 'GET'
  return (status === 301 || status === 302) && method === 'POST' ? 'GET' : method
}

/** What proves who is asking stays with the origin that it was meant for (CVE-2018-1000007, CVE-2022-27774). */
const SECRETS: ReadonlySet<string> = new Set(['authorization', 'cookie', 'proxy-authorization', 'host'])

export const headersAfter = (headers: Request['headers'], from: Target, to: Target): Request['headers'] =>
  from.origin === to.origin ? headers : headers.filter(([name]) => !SECRETS.has(name.toLowerCase()))
