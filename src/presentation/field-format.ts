/**
 * The fields of RDATA as text: one row for each kind of field of `dns/rdata-shape.ts`. What a server sent is shown,
 * whatever it is.
 */
import { formatIp } from '../dns/address.ts'
import { formatBase32Hex, formatBase64, formatHex } from '../dns/encoding-text.ts'
import type { OctetReader } from '../dns/rdata-io.ts'
import type { Field, RareField } from '../dns/rdata-shape.ts'
import { RrType, typeName } from '../dns/types.ts'
import { formatLocation } from './loc-text.ts'
import { formatRare } from './rare-text.ts'
import { algorithmText, certTypeText, syncSchemeText } from './rdata-facts.ts'
import { formatSvcParams } from './svcb-text.ts'
import { formatName, formatString } from './text.ts'
import { formatTime } from './time-text.ts'

/** Null when the octets don't fit; '' for a field that has no text (no SVCB parameters, an empty bit map). */
export const formatField = (field: Field, from: OctetReader, type: number): string | null =>
  FORMATTERS[field](from, type)

type Formatter = (from: OctetReader, type: number) => string | null

const u8: Formatter = from => String(from.u8())
const u16: Formatter = from => String(from.u16())
const u32: Formatter = from => String(from.u32())
const rare =
  (field: RareField): Formatter =>
  from =>
    formatRare(field, from)
const name: Formatter = from => {
  const found = from.name()
  return found === null ? null : formatName(found)
}

const FORMATTERS: Readonly<Record<Field, Formatter>> = {
  u8,
  u16,
  u32,
  'key-protocol': u8,
  'key-flags': u16,
  ttl: u32,
  'sync-scheme': from => syncSchemeText(from.u8()),
  time: from => formatTime(from.u32()),
  type: from => typeName(from.u16()),
  // CERT alone is customarily shown with the mnemonic (RFC 4398 section 2.2).
  algorithm: (from, type) => (type === RrType.CERT ? algorithmText(from.u8()) : String(from.u8())),
  'cert-type': from => certTypeText(from.u16()),
  name,
  'compressed-name': name,
  ipv4: from => formatIp(from.take(4)),
  ipv6: from => (from.left < 16 ? null : formatIp(from.take(16))),
  string: from => formatString(from.counted()),
  'last-string': from => (from.left === 0 ? '' : formatString(from.counted())),
  strings: formatStrings,
  text: from => formatString(from.rest()),
  tag: from => formatTag(from.counted()),
  hex: from => (from.left === 0 ? null : chunked(formatHex(from.rest()))),
  base64: from => (from.left === 0 ? null : chunked(formatBase64(from.rest()))),
  key: from => chunked(formatBase64(from.rest())),
  data: from => (from.left === 0 ? '-' : chunked(formatBase64(from.rest()))),
  locator: from => formatLocator(from.take(8)),
  salt: from => {
    const salt = from.counted()
    return salt.length === 0 ? '-' : formatHex(salt)
  },
  hash: from => {
    const hash = from.counted()
    return hash.length === 0 ? null : formatBase32Hex(hash)
  },
  bitmap: formatBitmap,
  'svc-params': formatSvcParams,
  location: from => formatLocation(from.rest()),
  eui48: from => formatEui(from.take(6)),
  eui64: from => formatEui(from.take(8)),
  gateway: rare('gateway'),
  relay: rare('relay'),
  prefixes: rare('prefixes'),
  identity: rare('identity'),
  services: rare('services'),
  'nxt-types': rare('nxt-types'),
  a6: rare('a6'),
  nsap: rare('nsap'),
  atm: rare('atm'),
}

/** Long hex and base64 is cut into pieces of this many characters, as BIND and dig do. */
const CHUNK_CHARACTERS = 56

export const chunked = (text: string): string =>
  text.length <= CHUNK_CHARACTERS ? text : (text.match(new RegExp(`.{1,${CHUNK_CHARACTERS}}`, 'g')) ?? []).join(' ')

function formatStrings(from: OctetReader): string | null {
  const strings: string[] = []
  while (from.left > 0) strings.push(formatString(from.counted()))
  return strings.length === 0 || from.failed ? null : strings.join(' ')
}

function formatTag(octets: Uint8Array): string | null {
  const tag = String.fromCharCode(...octets)
  return /^[A-Za-z0-9]+$/.test(tag) ? tag : null
}

const formatEui = (octets: Uint8Array): string =>
  Array.from(octets, octet => octet.toString(16).padStart(2, '0')).join('-')

/** RFC 6742 section 2.1.2: leading zeros of a group are left out, as BIND writes it. */
function formatLocator(octets: Uint8Array): string {
  const groups: string[] = []
  for (let at = 0; at < octets.length; at += 2)
    groups.push((((octets[at] ?? 0) << 8) | (octets[at + 1] ?? 0)).toString(16))
  return groups.join(':')
}

/** RFC 4034 section 4.1.2: window number, length 1 to 32, bits; windows ascend. */
function formatBitmap(from: OctetReader): string | null {
  const types: string[] = []
  let last = -1
  while (from.left > 0) {
    const window = from.u8()
    const bits = from.counted()
    if (from.failed || window <= last || bits.length === 0 || bits.length > 32 || bits[bits.length - 1] === 0)
      return null
    last = window
    for (const [i, octet] of bits.entries())
      for (let bit = 0; bit < 8; bit++) if (octet & (0x80 >> bit)) types.push(typeName((window << 8) | (i << 3) | bit))
  }
  return types.join(' ')
}
