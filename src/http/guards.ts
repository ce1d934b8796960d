/**
 * Who may ask over HTTP, by the headers about which browsers cannot lie: the host that is named (DNS rebinding), the
 * page that asks. Pure; the control API of the stub and the API of the server judge by it.
 */
import { isIP } from 'node:net'

/** uri-host and port (RFC 9110 section 7.2), to the end: no user in front, no zone, nothing after the brackets. */
const HOST = /^(?:\[(?<six>[\da-f:.]+)\]|(?<name>[\w.-]+))(?::\d{0,5})?$/i

/** Without port, brackets and the dot of the root; null when the header is no host. */
export function hostOf(header: string): string | null {
  const { six, name } = HOST.exec(header)?.groups ?? {}
  if (six !== undefined) return isIP(six) === 6 ? six : null
  if (name === undefined || isIP(name) === 4) return name ?? null
  return name.replace(/\.$/, '').toLowerCase()
}

/** Addresses and localhost are always ours to answer to: no name elsewhere leads to them in a browser's eyes. */
export function isOurHost(named: string | null, hosts: readonly string[]): named is string {
  if (named === null) return false
  if (named === 'localhost' || isIP(named) !== 0) return true
  return hosts.some(one => one.toLowerCase().replace(/\.$/, '') === named)
}

/** What the headers of a request say about the page that made a browser send it. */
export interface PageHeaders {
  readonly host: string | undefined
  readonly origin: string | undefined
  readonly secFetchSite: string | undefined
}

/**
 * `ours`: no page, or one from here; `listed`: a page of an origin that is allowed by name; `foreign`: any other.
 */
export function pageOf(
  { host, origin, secFetchSite }: PageHeaders,
  scheme: 'http' | 'https',
  origins: readonly string[],
): 'ours' | 'listed' | 'foreign' {
  if (origin !== undefined && origins.includes(origin)) return 'listed'
  if (origin !== undefined && origin !== `${scheme}://${host}`) return 'foreign'
  return secFetchSite === 'cross-site' ? 'foreign' : 'ours'
}
