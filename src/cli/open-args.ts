/** The options of `rootwalk open`, and what they mean. Where curl has an option for the same, it has curl's name. */
import { type IpAddress, parseIp } from '../dns/address.ts'
import { defaultLimits } from '../limits.ts'
import { DNS_PORT, type ServerAddress, serverAddress } from '../ports.ts'
import type { Alpn } from '../visit/types.ts'

const { visit: bounds } = defaultLimits

interface OpenOption {
  readonly type: 'string' | 'boolean'
  readonly requiresArg?: boolean
  readonly array?: boolean
  readonly alias?: string
  readonly group: string
  readonly describe: string
}

const option = (group: string, describe: string): OpenOption => ({
  type: 'string',
  requiresArg: true,
  group,
  describe,
})
const flag = (group: string, describe: string): OpenOption => ({ type: 'boolean', group, describe })

export const OPEN_OPTIONS: Readonly<Record<string, OpenOption>> = {
  resolver: option('Names:', 'Ask this server instead of walking from the root: 192.0.2.53, 127.0.0.1:5300'),
  ip: option('Names:', 'Connect to this address; no name is looked up'),
  compare: option('Names:', 'Make the same look-ups at this server too, and show what differs'),
  ipv4: { ...flag('Names:', 'IPv4 only'), alias: '4' },
  ipv6: { ...flag('Names:', 'IPv6 only'), alias: '6' },
  request: { ...option('Request:', 'Method (default: GET)'), alias: 'X' },
  head: { ...flag('Request:', 'Method HEAD'), alias: 'I' },
  header: {
    ...option('Request:', 'Header field to send, "Name: value"; "Name:" leaves one out; repeatable'),
    array: true,
    alias: 'H',
  },
  'http1.1': flag('Request:', 'Do not offer HTTP/2'),
  ca: option('TLS:', 'File of certificates (PEM) to trust instead of those built in'),
  insecure: { ...flag('TLS:', 'Accept any certificate: whoever is in between can read and change all'), alias: 'k' },
  repeat: option('How:', 'Visit so often on new connections, then once over the open ones: shows what is warm'),
  'max-redirs': option('How:', `Redirects to follow (default: ${bounds.redirects})`),
  'max-time': option('How:', `Seconds for each visit (default: ${bounds.passMs / 1_000})`),
  'max-content': option(
    'How:',
    `KiB of content after which the rest is not read (default: ${bounds.contentBytes / 1024})`,
  ),
  fail: { ...flag('How:', 'Exit code 22 for a status of 400 or above'), alias: 'f' },
  walk: flag('Output:', 'The walk of each look-up too'),
  json: flag('Output:', 'All of it as JSON'),
}

export const OPEN_EPILOGUE: string =
  'Exit codes are those of curl: 0 the URL was opened, 1 not http or https, 3 no URL, 6 the name did not resolve, ' +
  '7 no connection, 8 or 16 the reply is no valid HTTP/1 or HTTP/2, 18 the content ended early, 22 with --fail, ' +
  '28 time was up, 35 TLS failed, 47 too many redirects, 52 nothing came, 56 the connection broke, 60 the ' +
  'certificate is not accepted, 100 the header is too large. Wrong usage is 64.'

export interface OpenCommand {
  readonly url: string
  readonly json: boolean
  readonly walks: boolean
  readonly failsOnStatus: boolean
  readonly resolver: ServerAddress | null
  readonly compare: ServerAddress | null
  readonly address: IpAddress | null
  readonly families: readonly (4 | 6)[]
  readonly method: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly offer: readonly Alpn[]
  /** The path of a file. */
  readonly ca: string | null
  readonly insecure: boolean
  readonly repeat: number
  readonly redirects: number
  readonly passMs: number
  readonly contentBytes: number
}

export type OpenRead =
  | { readonly kind: 'open'; readonly command: OpenCommand }
  | { readonly kind: 'usage'; readonly message: string }

/** All that is wrong is in the message, an option a line. */
export function readOpenOptions(argv: Readonly<Record<string, unknown>>): OpenRead {
  const wrong: string[] = []
  const valueFrom = <T>(name: string, read: (text: string) => T | null, expected: string): T | null => {
    const text = textOf(argv[name])
    if (text === null) return null
    const value = read(text)
    if (value === null) wrong.push(`--${name} "${text}": expected ${expected}`)
    return value
  }
  const server = 'the address of a server, like 192.0.2.53 or [2001:db8::53]:53'
  const method = valueFrom('request', readMethod, 'a method like GET')
  const headers = listOf(argv.header).flatMap(text => {
    const header = readHeader(text)
    if (header === null) wrong.push(`--header "${text}": expected a field like "Accept: text/html"`)
    return header === null ? [] : [header]
  })
  const url = textOf(argv.url) ?? ''
  const command: OpenCommand = {
    // As one types it into a browser.
    url: /^[a-z][a-z0-9+.-]*:\/\//i.test(url) ? url : `https://${url}`,
    json: argv.json === true,
    walks: argv.walk === true,
    failsOnStatus: argv.fail === true,
    resolver: valueFrom('resolver', readServer, server),
    compare: valueFrom('compare', readServer, server),
    address: valueFrom('ip', parseIp, 'an IP address'),
    families: argv.ipv4 === true && argv.ipv6 !== true ? [4] : argv.ipv6 === true && argv.ipv4 !== true ? [6] : [4, 6],
    method: method ?? (argv.head === true ? 'HEAD' : 'GET'),
    headers,
    offer: argv['http1.1'] === true ? ['http/1.1'] : ['h2', 'http/1.1'],
    ca: textOf(argv.ca),
    insecure: argv.insecure === true,
    repeat: valueFrom('repeat', whole(1, bounds.repeats), `a number from 1 to ${bounds.repeats}`) ?? 1,
    redirects:
      valueFrom('max-redirs', whole(0, MOST_REDIRECTS), `a number from 0 to ${MOST_REDIRECTS}`) ?? bounds.redirects,
    passMs: valueFrom('max-time', readSeconds, `seconds up to ${bounds.passMsMost / 1_000}`) ?? bounds.passMs,
    contentBytes:
      (valueFrom('max-content', whole(1, MOST_KIB), `KiB from 1 to ${MOST_KIB}`) ?? 0) * 1024 || bounds.contentBytes,
  }
  return wrong.length === 0 ? { kind: 'open', command } : { kind: 'usage', message: wrong.join('\n') }
}

/** As far as curl follows. */
const MOST_REDIRECTS = 50
const MOST_KIB = bounds.contentBytesMost / 1024

/** Given twice, the last one counts. */
const textOf = (value: unknown): string | null =>
  Array.isArray(value) ? textOf(value.at(-1)) : value === undefined ? null : String(value)

const listOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.map(String) : value === undefined ? [] : [String(value)]

const whole =
  (least: number, most: number) =>
  (text: string): number | null =>
    /^\d{1,9}$/.test(text) && Number(text) >= least && Number(text) <= most ? Number(text) : null

function readSeconds(text: string): number | null {
  const ms = /^\d{1,6}(?:\.\d{1,3})?$/.test(text) ? Number(text) * 1_000 : 0
  return ms > 0 && ms <= bounds.passMsMost ? ms : null
}

/** `192.0.2.53`, `192.0.2.53:5300`, `2001:db8::53`, `[2001:db8::53]:5300`. */
function readServer(text: string): ServerAddress | null {
  const plain = parseIp(text)
  if (plain !== null) return serverAddress(plain, DNS_PORT)
  const [, inBrackets, bare, port] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? []
  const ip = parseIp(inBrackets ?? bare ?? '')
  return ip === null || Number(port) < 1 || Number(port) > MAX_PORT ? null : serverAddress(ip, Number(port))
}

const MAX_PORT = 65_535

/** A token (RFC 9110 section 5.6.2); CONNECT asks for a tunnel and is not for this. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

const readMethod = (text: string): string | null => (TOKEN.test(text) && text.toUpperCase() !== 'CONNECT' ? text : null)

function readHeader(text: string): readonly [string, string] | null {
  const colon = text.indexOf(':')
  const name = text.slice(0, Math.max(0, colon)).trim()
  const value = text.slice(colon + 1).trim()
  return TOKEN.test(name) && /^[\t\x20-\x7e\x80-\xff]*$/.test(value) ? [name, value] : null
}
