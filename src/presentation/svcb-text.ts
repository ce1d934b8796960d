/**
 * The parameters of SVCB and HTTPS records (RFC 9460 section 2.1) in presentation format, both ways. Keys come out
 * sorted whatever their order in the text; what section 2.4.3, 7 and 8 forbid is refused when text is read. Octets with
 * keys out of order or malformed known values have no parameter text (the caller falls back to RFC 3597 form).
 */
import { formatIp, parseIpv4, parseIpv6 } from '../dns/address.ts'
import { formatBase64, parseBase64 } from '../dns/encoding-text.ts'
import { OctetReader, OctetWriter } from '../dns/rdata-io.ts'
import { suggest } from './suggest.ts'
import { formatString, parseUnsigned, shown, type TextError, unescapeText } from './text.ts'

/** The IANA registry of SvcParamKeys: RFC 9460, RFC 9461 (dohpath), RFC 9540 (ohttp). */
const KEYS = {
  mandatory: 0,
  alpn: 1,
  'no-default-alpn': 2,
  port: 3,
  ipv4hint: 4,
  ech: 5,
  ipv6hint: 6,
  dohpath: 7,
  ohttp: 8,
} as const
const keyNumbers: ReadonlyMap<string, number> = new Map(Object.entries(KEYS))
const keyNames: ReadonlyMap<number, string> = new Map(Object.entries(KEYS).map(([name, number]) => [number, name]))
/**
 * Of keyNNNNN. 65535 is reserved as "Invalid key" (RFC 9460 section 14.3.2): BIND, NSD and Knot read and write it like
 * any other.
 */
const MAX_KEY = 65_535
/** Keys in one `mandatory` list: each is a parameter of the same record, so more can not be honest. */
const MAX_MANDATORY_KEYS = 256

const keyName = (key: number): string => keyNames.get(key) ?? `key${key}`

function keyNumber(text: string): number | null {
  const known = keyNumbers.get(text)
  if (known !== undefined) return known
  // RFC 9460 section 2.1: no leading zeros in keyNNNNN.
  return /^key(?:0|[1-9]\d{0,4})$/.test(text) ? parseUnsigned(text.slice(3), MAX_KEY) : null
}

const latin1 = (bytes: Uint8Array): string => {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}
const bytesOf = (octets: string): Uint8Array => Uint8Array.from(octets, c => c.charCodeAt(0))

/** The text of the parameters that the reader holds to its end ('' for none); null when they are malformed. */
export function formatSvcParams(from: OctetReader): string | null {
  const texts: string[] = []
  let last = -1
  while (from.left > 0) {
    const key = from.u16()
    const value = from.take(from.u16())
    if (from.failed || key <= last) return null
    last = key
    const text = formatParam(key, value)
    if (text === null) return null
    texts.push(text)
  }
  return texts.join(' ')
}

function formatParam(key: number, value: Uint8Array): string | null {
  const list = (size: number, show: (item: Uint8Array) => string): string | null => {
    if (value.length === 0 || value.length % size !== 0) return null
    const items: string[] = []
    for (let at = 0; at < value.length; at += size) items.push(show(value.subarray(at, at + size)))
    return `${keyName(key)}=${items.join(',')}`
  }
  const number = (bytes: Uint8Array): number => ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0)
  switch (key) {
    case KEYS.mandatory:
      return list(2, bytes => keyName(number(bytes)))
    case KEYS.alpn:
      return formatAlpn(value)
    case KEYS['no-default-alpn']:
    case KEYS.ohttp:
      return value.length === 0 ? keyName(key) : null
    case KEYS.port:
      return value.length === 2 ? `port=${number(value)}` : null
    case KEYS.ipv4hint:
      return list(4, formatIp)
    case KEYS.ipv6hint:
      return list(16, formatIp)
    case KEYS.ech:
      return value.length === 0 ? null : `ech=${formatBase64(value)}`
    default:
      return value.length === 0 ? keyName(key) : `${keyName(key)}=${formatString(value)}`
  }
}

function formatAlpn(value: Uint8Array): string | null {
  const from = new OctetReader(value)
  const items: string[] = []
  while (from.left > 0) {
    const item = latin1(from.counted())
    if (from.failed || item === '') return null
    // RFC 9460 appendix A.1: commas and backslashes of an item are escaped once more than the string around it.
    items.push(item.replace(/[\\,]/g, '\\$&'))
  }
  return items.length === 0 ? null : `alpn=${formatString(bytesOf(items.join(',')))}`
}

export interface SvcParamToken {
  readonly text: string
  readonly quoted: boolean
  /** No white space between this token and the one before it: `alpn="h2"` arrives as two tokens. */
  readonly joined?: boolean
}

interface ParamError extends TextError {
  /** Index of the bad token among those given. */
  readonly index: number
}

/** Writes the parameters in wire form; an error names the token, null means done. `priority` 0 is AliasMode. */
export function parseSvcParams(
  tokens: readonly SvcParamToken[],
  priority: number,
  out: OctetWriter,
): ParamError | null {
  const values = new Map<number, Uint8Array>()
  for (let i = 0; i < tokens.length; i++) {
    const index = i
    const token = tokens[i]
    if (token === undefined) break
    if (token.quoted)
      return {
        index,
        error: `expected a parameter like alpn="h2", found a quoted string ${shown(token.text)} without key`,
      }
    const equals = token.text.indexOf('=')
    const name = equals < 0 ? token.text : token.text.slice(0, equals)
    const key = keyNumber(name)
    if (key === null) return { index, error: unknownKey(name) }
    let text = equals < 0 ? null : token.text.slice(equals + 1)
    const following = tokens[i + 1]
    if (text === '' && following?.quoted === true && following.joined === true) {
      text = following.text
      i++
    }
    if (values.has(key)) return { index, error: `the parameter ${keyName(key)} is given twice` }
    const value = parseParam(key, text)
    if (typeof value === 'string') return { index, error: `${keyName(key)}: ${value}` }
    values.set(key, value)
  }
  const conflict = checkParams(values, priority)
  if (conflict !== null) return { index: 0, error: conflict }
  for (const [key, value] of [...values].sort(([a], [b]) => a - b)) {
    out.u16(key)
    out.u16(value.length)
    out.bytes(value)
  }
  return null
}

function unknownKey(name: string): string {
  const close = suggest(name.toLowerCase(), [...keyNumbers.keys()])
  return (
    `unknown parameter ${shown(name)}` +
    (close === null ? ' (known keys are written by name, others as key65280)' : `, did you mean ${close}?`)
  )
}

/** What contradicts the record as a whole. */
function checkParams(values: ReadonlyMap<number, Uint8Array>, priority: number): string | null {
  // RFC 9460 section 2.4.2: AliasMode records have no parameters; receivers ignore them, so they are a mistake.
  if (priority === 0 && values.size > 0)
    return 'priority 0 makes an alias, which has no parameters (use priority 1 or remove them)'
  if (values.has(KEYS['no-default-alpn']) && !values.has(KEYS.alpn))
    return 'no-default-alpn needs an alpn parameter next to it (RFC 9460 section 7.1.1)'
  const mandatory = new OctetReader(values.get(KEYS.mandatory) ?? new Uint8Array(0))
  while (mandatory.left > 0) {
    const key = mandatory.u16()
    if (!values.has(key)) return `mandatory lists ${keyName(key)}, but that parameter is not there`
  }
  return null
}

/** The octets of a value, or what is wrong with it. `text` is null without `=`. */
function parseParam(key: number, text: string | null): Uint8Array | string {
  switch (key) {
    case KEYS.mandatory:
      return parseMandatory(text ?? '')
    case KEYS.alpn:
      return parseAlpn(text ?? '')
    case KEYS['no-default-alpn']:
    case KEYS.ohttp:
      return text === null || text === '' ? new Uint8Array(0) : `takes no value, found ${shown(text)}`
    case KEYS.port: {
      const port = parseUnsigned(text ?? '', 0xffff)
      return port === null
        ? `expected a port from 0 to 65535, found ${shown(text ?? '')}`
        : Uint8Array.of(port >> 8, port & 0xff)
    }
    case KEYS.ipv4hint:
      return parseAddresses(text ?? '', parseIpv4, 'IPv4 addresses separated by commas')
    case KEYS.ipv6hint:
      return parseAddresses(text ?? '', parseIpv6, 'IPv6 addresses separated by commas')
    case KEYS.ech: {
      const config = parseBase64(text ?? '')
      return config === null || config.length === 0 ? `expected base64 text, found ${shown(text ?? '')}` : config
    }
    default: {
      const octets = unescapeText(text ?? '')
      if (typeof octets !== 'string') return octets.error
      return octets.length > 0xffff ? 'the value is longer than 65535 octets' : bytesOf(octets)
    }
  }
}

function parseMandatory(text: string): Uint8Array | string {
  const keys: number[] = []
  for (const name of text.split(',')) {
    const key = keyNumber(name)
    if (key === null) return unknownKey(name)
    if (key === KEYS.mandatory) return 'mandatory can not list itself (RFC 9460 section 8)'
    if (keys.includes(key)) return `${keyName(key)} is listed twice`
    keys.push(key)
    if (keys.length > MAX_MANDATORY_KEYS) return `more than ${MAX_MANDATORY_KEYS} keys are listed`
  }
  return Uint8Array.from(keys.sort((a, b) => a - b).flatMap(key => [key >> 8, key & 0xff]))
}

function parseAlpn(text: string): Uint8Array | string {
  const octets = unescapeText(text)
  if (typeof octets !== 'string') return octets.error
  const out = new OctetWriter()
  // RFC 9460 appendix A.1: in the list, a backslash takes the next octet as it is.
  let item = ''
  let taken = false
  for (const character of `${octets},`) {
    if (!taken && character === '\\') {
      taken = true
    } else if (taken || character !== ',') {
      item += character
      taken = false
    } else {
      if (item.length === 0 || item.length > 255)
        return `expected protocol names of 1 to 255 octets separated by commas, like h2,h3, found ${shown(text)}`
      out.u8(item.length)
      out.text(item)
      item = ''
    }
  }
  if (taken || item !== '') return `${shown(text)} ends in a backslash that escapes nothing`
  return out.length > 0xffff ? 'the list is longer than 65535 octets' : out.finish()
}

function parseAddresses(text: string, parse: (item: string) => Uint8Array | null, wanted: string): Uint8Array | string {
  const out = new OctetWriter()
  for (const item of text.split(',')) {
    const address = parse(item)
    if (address === null) return `expected ${wanted}, found ${shown(item)}`
    out.bytes(address)
  }
  return out.length > 0xffff ? 'the list is longer than 65535 octets' : out.finish()
}
