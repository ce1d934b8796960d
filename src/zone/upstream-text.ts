/**
 * How a server that is forwarded to is written, both ways: `192.0.2.1`, `[2001:db8::1]:53`,
 * `tls://9.9.9.9#dns.quad9.net`, `https://dns.example/dns-query@192.0.2.7`. What is wrong is said with how it would be
 * right.
 *
 * A server over TLS always says how it proves who it is: by the name in its certificate, or by the SHA-256 of its
 * public key (RFC 8310 section 8, strict privacy). Encryption to whoever answers would look safe and not be.
 */
import { parseIp, type IpAddress } from '../dns/address.ts'
import { foldName } from '../dns/name.ts'
import { parseName } from '../presentation/text.ts'
import {
  DNS_OVER_TLS_PORT,
  DNS_PORT,
  secureServerAddress,
  serverAddress,
  type SecureService,
  type ServerAddress,
} from '../ports.ts'
import type { Upstream } from './forward-zones.ts'

const HTTPS_PORT = 443
const MAX_PORT = 0xffff
/** RFC 8484 leaves the path open; this is the one of its examples and of nearly all servers. */
const DEFAULT_PATH = '/dns-query'
/** SHA-256 in base64: 32 octets. */
const PIN = /^[A-Za-z0-9+/]{43}=$/
const PIN_KEY = 'pin-sha256'

const UPSTREAM_FORMS =
  'an address such as 192.0.2.1, 192.0.2.1:5353 or [2001:db8::1]:53, ' +
  'tls://192.0.2.1#dns.example or https://dns.example/dns-query'

export interface UpstreamError {
  readonly error: string
}

/** `authorities` are certificates in PEM, trusted instead of those of the system; empty: the system's. */
export function parseUpstream(text: string, authorities: readonly string[] = []): Upstream | UpstreamError {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/i.exec(text)
  if (scheme === null) return plainUpstream(text)
  const [, name = '', rest = ''] = scheme
  switch (name.toLowerCase()) {
    case 'tls':
      return tlsUpstream(text, rest, authorities)
    case 'https':
      return httpsUpstream(text, rest, authorities)
    case 'quic':
    case 'doq':
    case 'h3':
      return {
        error:
          `"${text}" is DNS over QUIC, which needs a Node.js built with QUIC; no released one is. ` +
          'Write tls:// or https://, which such servers offer as well',
      }
    case 'http':
      return { error: `"${text}" would send every name in clear text over HTTP: write https://` }
    case 'sdns':
      return { error: `"${text}" is a DNS stamp: write the address and name that it holds as tls:// or https://` }
    case 'udp':
    case 'tcp':
    case 'dns':
      return { error: `"${text}": write the address alone; UDP is used, and TCP where an answer is too long for it` }
    default:
      return { error: `"${text}" has the unknown scheme "${name}": expected ${UPSTREAM_FORMS}` }
  }
}

/** A server that sends zones: at an address, over TCP or TLS. */
export function parsePrimary(text: string, authorities: readonly string[] = []): ServerAddress | UpstreamError {
  const upstream = parseUpstream(text, authorities)
  if ('error' in upstream) return upstream
  if (upstream.kind === 'name')
    return { error: `"${text}" has no address: write tls://192.0.2.1#${upstream.secure.name ?? 'NAME'}` }
  if (upstream.server.secure?.transport === 'https')
    return { error: `"${text}": zones are sent over TCP or TLS, not over HTTPS: write an address or tls://` }
  return upstream.server
}

/** `192.0.2.1`, `[2001:db8::1]:5353`, `tls://9.9.9.9#dns.quad9.net`: how a server is shown, without pins and files. */
export function upstreamText({ ip, port, secure }: ServerAddress): string {
  const host = ip.family === 6 ? `[${ip.text}]` : ip.text
  if (secure === undefined) return port === DNS_PORT ? ip.text : `${host}:${port}`
  if (secure.transport === 'tls') {
    const name = secure.name === null || secure.name === ip.text ? '' : `#${secure.name}`
    return `tls://${host}${port === DNS_OVER_TLS_PORT ? '' : `:${port}`}${name}`
  }
  const at = secure.name === null || secure.name === ip.text ? '' : `@${host}`
  return `https://${secure.name ?? host}${port === HTTPS_PORT ? '' : `:${port}`}${secure.path}${at}`
}

interface HostAndPort {
  readonly host: string
  readonly ip: IpAddress | null
  readonly port: number
}

/** `host`, `host:port`, `[v6]`, `[v6]:port`, or an IPv6 address alone; null when it is none of these. */
function hostAndPort(text: string, defaultPort: number): HostAndPort | null {
  if (text.includes(':') && !text.startsWith('[')) {
    const whole = parseIp(text)
    if (whole !== null) return { host: text, ip: whole, port: defaultPort }
  }
  const match = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text) ?? /^([^:[\]]+)(?::(\d{1,5}))?$/.exec(text)
  const [, host, digits] = match ?? []
  if (host === undefined) return null
  const port = digits === undefined ? defaultPort : Number(digits)
  if (port < 1 || port > MAX_PORT) return null
  const ip = parseIp(host)
  return text.startsWith('[') && ip?.family !== 6 ? null : { host, ip, port }
}

function plainUpstream(text: string): Upstream | UpstreamError {
  const slip = /^([0-9a-fA-F:]*:[0-9a-fA-F:]*):(\d{2,5})$/.exec(text)
  if (slip !== null && parseIp(text) === null && parseIp(slip[1] ?? '') !== null)
    return { error: `"${text}": an IPv6 address with a port is written [${slip[1]}]:${slip[2]}` }
  if (/[#?@]/.test(text)) return { error: `"${text}": a name or pin belongs to tls://, such as tls://${text}` }
  const found = hostAndPort(text, DNS_PORT)
  if (found === null) return { error: `"${text}": expected ${UPSTREAM_FORMS}` }
  if (found.ip === null)
    return {
      error:
        `"${text}" is a name: expected an address, since a name would have to be resolved first; ` +
        'only tls:// and https:// take names, which their certificates prove',
    }
  return { kind: 'address', text, server: serverAddress(found.ip, found.port) }
}

function tlsUpstream(text: string, rest: string, authorities: readonly string[]): Upstream | UpstreamError {
  const [beforeName = '', ...names] = rest.split('#')
  const [beforePins = '', ...queries] = beforeName.split('?')
  const [host = '', ...addresses] = beforePins.split('@')
  const found = hostAndPort(host, DNS_OVER_TLS_PORT)
  if (found === null || names.length > 1 || queries.length > 1 || addresses.length > 1 || host.includes('/'))
    return {
      error:
        `"${text}": expected tls://192.0.2.1#dns.example, ` +
        `with :port after the address if it is not ${DNS_OVER_TLS_PORT}`,
    }
  const pins = queries.flatMap(query => query.split('&').map(pin => ({ pin, value: pin.slice(PIN_KEY.length + 1) })))
  const wrong = pins.find(({ pin, value }) => !pin.startsWith(`${PIN_KEY}=`) || !PIN.test(value))
  if (wrong !== undefined)
    return {
      error:
        `"${wrong.pin}" in "${text}": expected ${PIN_KEY}= and the SHA-256 of the server's public key (SPKI) ` +
        'in base64, 44 characters that end in "="',
    }
  const given = names[0] ?? (found.ip === null ? found.host : null)
  const name = given === null ? null : serviceName(given)
  if (typeof name === 'object' && name !== null) return { error: `"${text}": ${name.error}` }
  if (name === null && pins.length === 0) {
    const address = rest.replace(/[#?].*$/, '')
    return {
      error:
        `"${text}" does not say how the server proves who it is: write tls://${address}#NAME with the name in its ` +
        `certificate, or tls://${address}?${PIN_KEY}=BASE64 with the SHA-256 of its public key`,
    }
  }
  const secure: SecureService = { transport: 'tls', name, pins: pins.map(({ value }) => value), path: '', authorities }
  return placed(text, found, addresses[0], secure)
}

function httpsUpstream(text: string, rest: string, authorities: readonly string[]): Upstream | UpstreamError {
  const slash = rest.indexOf('/')
  const authority = slash < 0 ? rest : rest.slice(0, slash)
  // After the last @ of the path; one before the path would be a user, which DNS has none of.
  const [, path, at] = /^(.*)@([^@/]+)$/.exec(slash < 0 ? '' : rest.slice(slash)) ?? [
    '',
    slash < 0 ? '' : rest.slice(slash),
    undefined,
  ]
  const [host = '', ...addresses] = authority.split('@')
  const found = hostAndPort(host, HTTPS_PORT)
  if (found === null || addresses.length > 1 || (addresses.length > 0 && slash >= 0))
    return {
      error:
        `"${text}": expected https://dns.example/dns-query, ` +
        'or https://dns.example/dns-query@192.0.2.7 with its address',
    }
  if (path?.includes('#') === true) return { error: `"${text}": a "#" means nothing to a DNS server over HTTPS` }
  const name = serviceName(found.host)
  if (typeof name === 'object') return { error: `"${text}": ${name.error}` }
  const secure: SecureService = {
    transport: 'https',
    name,
    pins: [],
    // The template of RFC 8484 is understood; the query is put there in any case.
    path: path === undefined || path === '' || path === '/' ? DEFAULT_PATH : path.replace(/\{[?&]dns\}$/, ''),
    authorities,
  }
  return placed(text, found, at ?? addresses[0], secure)
}

/** With the address given after an @, with the address that its host is, or with none. */
function placed(
  text: string,
  { ip, host, port }: HostAndPort,
  at: string | undefined,
  secure: SecureService,
): Upstream | UpstreamError {
  const given = at === undefined ? ip : parseIp(at.replace(/^\[(.*)\]$/, '$1'))
  if (at !== undefined && (given === null || ip !== null))
    return { error: `"${text}": expected one address after the @, and a name before it` }
  if (given !== null) return { kind: 'address', text, server: secureServerAddress(given, port, secure) }
  const name = parseName(host, null)
  if (typeof name !== 'string') return { error: `"${text}": ${name.error}` }
  return { kind: 'name', text, name: foldName(name), port, secure }
}

/** A name as certificates have it: lower case, without the last dot. */
function serviceName(text: string): string | UpstreamError {
  const ip = parseIp(text)
  if (ip !== null) return ip.text
  const plain = text.toLowerCase().replace(/\.$/, '')
  if (!/^(?!-)[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(plain))
    return { error: `"${text}" is no host name: expected one such as dns.example` }
  const name = parseName(plain, null)
  return typeof name === 'string' ? plain : name
}
