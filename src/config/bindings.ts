/**
 * How an entry of `listen` is written: an address and port for plain DNS, or a URL for one service on a port of TCP.
 * Text in, a binding or what is wrong with it out.
 */
import { formatEndpoint, parseIp } from '../dns/address.ts'
import { type Binding, type BindingService, DNS_PORT } from '../ports.ts'
import { MAX_PORT } from './values.ts'

export type ReadBinding =
  | { readonly kind: 'binding'; readonly binding: Binding }
  | { readonly kind: 'error'; readonly message: string }

/** The path of RFC 8484 section 4.1.1, which clients assume when they are given a name only. */
const DNS_PATH = '/dns-query'

/** RFC 7858 section 3.1; RFC 9110 section 4.2. */
const schemes: ReadonlyMap<string, { readonly transport: BindingService['transport']; readonly port: number }> =
  new Map([
    ['tls', { transport: 'tls', port: 853 }],
    ['https', { transport: 'https', port: 443 }],
    ['http', { transport: 'http', port: 80 }],
    ['tcp', { transport: 'tcp', port: DNS_PORT }],
  ])

const EXPECTED = 'expected an address and port such as 127.0.0.1:53 or [::1]:53'
const OTHERS = 'or one with a scheme such as tls://0.0.0.0:853 or https://0.0.0.0:443/dns-query'
const NO_QUIC =
  'DNS over QUIC needs a Node.js built with QUIC, which no release is: offer tls:// and https:// to the same clients'

/**
 * `127.0.0.1:53`, `[::1]`, `tls://0.0.0.0`, `https://[::]:443/dns-query`, `tls+proxy://127.0.0.1:8853`. Port 0 lets
 * the system choose.
 */
export function readBinding(text: string): ReadBinding {
  const [, written, rest] = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/(.*)$/.exec(text) ?? []
  if (written === undefined || rest === undefined) return readPlain(text)
  const [scheme = '', ...additions] = written.toLowerCase().split('+')
  if (scheme === 'doq' || scheme === 'quic') return error(NO_QUIC)
  const service = schemes.get(scheme)
  const proxy = additions.length === 1 && additions[0] === 'proxy'
  if (service === undefined || (additions.length > 0 && !proxy))
    return error(`"${written}://" is not offered: ${EXPECTED}, ${OTHERS}`)
  if (service.transport === 'tcp' && !proxy)
    return error(`write "${rest}" for plain DNS (UDP and TCP), or "tcp+proxy://${rest}" behind a proxy`)
  return readService(rest, { ...service, proxy })
}

function readPlain(text: string): ReadBinding {
  const mistaken = mistakenPort(text)
  if (mistaken !== null) return error(mistakenText(text, mistaken))
  const at = readEndpoint(text, DNS_PORT)
  return at === null ? error(`${EXPECTED}, ${OTHERS}`) : { kind: 'binding', binding: at }
}

function readService(
  rest: string,
  { transport, port, proxy }: { transport: BindingService['transport']; port: number; proxy: boolean },
): ReadBinding {
  const slash = rest.indexOf('/')
  const [where, path] = slash < 0 ? [rest, ''] : [rest.slice(0, slash), rest.slice(slash)]
  const mistaken = mistakenPort(where)
  if (mistaken !== null) return error(mistakenText(where, mistaken))
  const at = readEndpoint(where, port)
  if (at === null)
    return error(`"${where}" is not an address of this host and a port: write it as 0.0.0.0:${port} or [::]:${port}`)
  const isHttp = transport === 'https' || transport === 'http'
  if (!isHttp && path !== '' && path !== '/') return error(`${transport}:// has no path: leave out "${path}"`)
  if (isHttp && !/^(\/[A-Za-z0-9._~!$&'()*+,;=:@-]*)*$/.test(path))
    return error(`"${path}" is not a plain path such as ${DNS_PATH}: no query, no "{", no escapes`)
  const served = path === '' || path === '/' ? DNS_PATH : path
  return { kind: 'binding', binding: { ...at, service: { transport, path: isHttp ? served : '', proxy } } }
}

const error = (message: string): ReadBinding => ({ kind: 'error', message })

/** `127.0.0.1:53`, `[::1]:53`, or an address alone; null when it is none of these. */
function readEndpoint(text: string, defaultPort: number): Pick<Binding, 'address' | 'port'> | null {
  const match = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text) ?? /^([^:]+)(?::(\d{1,5}))?$/.exec(text)
  const [, address, digits] = match ?? [text, text, undefined]
  const port = digits === undefined ? defaultPort : Number(digits)
  if (
    address === undefined ||
    parseIp(address) === null ||
    port > MAX_PORT ||
    (text.startsWith('[') && !address.includes(':'))
  )
    return null
  return { address, port }
}

interface MistakenPort {
  readonly address: string
  readonly port: string
}

/** The port that somebody may have meant with `::1:53`, which is an address as a whole; null when there is no doubt. */
function mistakenPort(text: string): MistakenPort | null {
  const [, address, port] = /^([0-9a-fA-F:]+):(\d{1,5})$/.exec(text) ?? []
  if (address === undefined || port === undefined || !address.includes(':')) return null
  return parseIp(text) !== null && parseIp(address) !== null && Number(port) <= MAX_PORT ? { address, port } : null
}

const mistakenText = (text: string, { address, port }: MistakenPort): string =>
  `"${text}" is an IPv6 address without a port: write "[${address}]:${port}" for port ${port} of ${address}, ` +
  `or "[${text}]" for that address`

/** The bindings of a list of which every entry is right. */
export const bindingsOf = (texts: readonly string[]): Binding[] =>
  texts.flatMap(text => {
    const read = readBinding(text)
    return read.kind === 'binding' ? [read.binding] : []
  })

/** As it is written in the configuration. */
export function bindingText({ address, port, service }: Binding): string {
  const at = formatEndpoint(address, port)
  return service === undefined ? at : `${service.transport}${service.proxy ? '+proxy' : ''}://${at}${service.path}`
}

/** Where the API listens. `tls`: with the certificate of the listeners. */
export type AdminAddress =
  | { readonly kind: 'tcp'; readonly address: string; readonly port: number; readonly tls: boolean }
  | { readonly kind: 'unix'; readonly path: string }

/** `127.0.0.1:8530`, `https://[::]:8531`, `unix:/run/rootwalk/admin.sock`; null when it is none of these. */
export function readAdminAddress(text: string): AdminAddress | null {
  if (text.startsWith('unix:')) return text.length > 'unix:'.length ? { kind: 'unix', path: text.slice(5) } : null
  const rest = text.replace(/^https?:\/\//, '').replace(/\/$/, '')
  const at = /:\d{1,5}$/.test(rest) && mistakenPort(rest) === null ? readEndpoint(rest, 0) : null
  return at === null ? null : { kind: 'tcp', ...at, tls: text.startsWith('https://') }
}

export function adminAddressError(text: string): string {
  const mistaken = mistakenPort(text)
  return mistaken === null
    ? 'expected an address and port such as 127.0.0.1:8530, https://[::]:8531, or unix:/run/rootwalk/admin.sock'
    : mistakenText(text, mistaken)
}
