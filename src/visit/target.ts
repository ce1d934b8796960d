/** A URL as what a visit needs of it. Parsed by the URL parser of Node (WHATWG), so `http://0x7f.1/` is 127.0.0.1. */
import { type IpAddress, parseIp } from '../dns/address.ts'
import { foldName, type Name } from '../dns/name.ts'
import { readName } from '../system/idna.ts'

export interface Target {
  /** Without user, password and fragment. */
  readonly url: string
  readonly isSecure: boolean
  readonly host: Host
  readonly port: number
  /** With the query. */
  readonly path: string
  /** Of the Host header: with the port when it is not the scheme's own. */
  readonly authority: string
  /** Scheme, host and port: what a connection is good for. */
  readonly origin: string
  /** From user and password in the URL; null: none. */
  readonly authorization: string | null
}

type Host =
  | { readonly kind: 'name'; readonly name: Name; readonly text: string }
  | { readonly kind: 'address'; readonly ip: IpAddress }

export type TargetRead =
  | { readonly kind: 'target'; readonly target: Target }
  | { readonly kind: 'invalid'; readonly why: 'malformed' | 'scheme'; readonly text: string }

export const HTTP_PORT = 80
export const HTTPS_PORT = 443

/** `base` is the URL that a relative one stands in. */
export function readTarget(text: string, base?: string): TargetRead {
  if (!URL.canParse(text, base)) return { kind: 'invalid', why: 'malformed', text: 'this is no URL' }
  const url = new URL(text, base)
  const isSecure = url.protocol === 'https:'
  if (!isSecure && url.protocol !== 'http:')
    return { kind: 'invalid', why: 'scheme', text: `expected http or https, found ${url.protocol.slice(0, -1)}` }
  const { username, password, hostname } = url
  const authorization =
    username === '' && password === ''
      ? null
      : `Basic ${Buffer.from(`${decoded(username)}:${decoded(password)}`, 'utf8').toString('base64')}`
  url.username = ''
  url.password = ''
  url.hash = ''
  const host = hostOf(hostname)
  if ('error' in host) return { kind: 'invalid', why: 'malformed', text: host.error }
  const port = url.port === '' ? (isSecure ? HTTPS_PORT : HTTP_PORT) : Number(url.port)
  return {
    kind: 'target',
    target: {
      url: url.href,
      isSecure,
      host,
      port,
      path: `${url.pathname}${url.search}`,
      authority: url.host,
      origin: `${url.protocol}//${hostname}:${port}`,
      authorization,
    },
  }
}

function hostOf(hostname: string): Host | { readonly error: string } {
  const ip = parseIp(hostname.replace(/^\[(.*)\]$/, '$1'))
  if (ip !== null) return { kind: 'address', ip }
  const name = readName(hostname)
  return typeof name === 'string' ? { kind: 'name', name: foldName(name), text: hostname } : name
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The same over TLS (RFC 9460 section 9.5): port 80 becomes 443, another one stays. */
export function securedUrl({ url }: Target): string {
  const secured = new URL(url)
  secured.protocol = 'https:'
  return secured.href
}
