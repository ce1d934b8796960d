/**
 * The table of RDATA shapes as the wire codec needs it: where a field ends, which types have an exact length, where
 * names are. It judges structure only (does everything end inside the RDATA?), not meaning: an unknown algorithm or an
 * odd bit map is the business of those who read the data.
 */
import { MAX_LABEL_OCTETS, MAX_NAME_OCTETS } from './name.ts'
import { u16 } from './bytes.ts'
import { type Field, shapeOf } from './rdata-shape.ts'
import { RrClass, RrType } from './types.ts'

export interface RdataPlan {
  readonly fields: readonly Field[]
  /** The exact length in octets, -1 when it varies. */
  readonly exact: number
  readonly hasNames: boolean
  /** Has names that may be compressed on encode (RFC 3597 section 4). */
  readonly compresses: boolean
}

const plans: ReadonlyMap<number, RdataPlan> = new Map(Object.values(RrType).flatMap(type => compile(type)))

/** The same for the types below 256, which are nearly all there are on the wire: a list is found in without hashing. */
const common: readonly (RdataPlan | undefined)[] = Array.from({ length: 256 }, (_, type) => plans.get(type))

/**
 * RDATA that is defined for class IN alone (RFC 1035 section 3.4 and the defining RFCs): other classes have other
 * forms.
 */
const internetOnly: ReadonlySet<number> = new Set<number>([
  RrType.A,
  RrType.AAAA,
  RrType.PX,
  RrType.SRV,
  RrType.NAPTR,
  RrType.KX,
  RrType.SVCB,
  RrType.HTTPS,
  RrType.EUI48,
  RrType.EUI64,
  RrType.WKS,
  RrType.NSAP,
  RrType['NSAP-PTR'],
  RrType.EID,
  RrType.NIMLOC,
  RrType.ATMA,
  RrType.A6,
  RrType.APL,
  RrType.DHCID,
])

/** How RDATA of this type and class is laid out; undefined when it is opaque octets (RFC 3597). */
export function planOf(type: number, klass: number): RdataPlan | undefined {
  const plan = type < common.length ? common[type] : plans.get(type)
  return klass !== RrClass.IN && internetOnly.has(type) ? undefined : plan
}

function compile(type: number): [number, RdataPlan][] {
  const fields = shapeOf(type)?.fields
  if (fields === undefined) return []
  const widths = fields.map(widthOf)
  const exact = widths.includes(-1) ? -1 : widths.reduce((sum, width) => sum + width, 0)
  const compresses = fields.includes('compressed-name')
  return [[type, { fields, exact, hasNames: compresses || fields.includes('name'), compresses }]]
}

/** Octets of a field of fixed width, -1 for the others. */
function widthOf(field: Field): number {
  switch (field) {
    case 'u8':
    case 'algorithm':
    case 'key-protocol':
    case 'sync-scheme':
      return 1
    case 'u16':
    case 'type':
    case 'cert-type':
    case 'key-flags':
      return 2
    case 'u32':
    case 'ttl':
    case 'time':
    case 'ipv4':
      return 4
    case 'eui48':
      return 6
    case 'eui64':
    case 'locator':
      return 8
    case 'ipv6':
      return 16
    case 'name':
    case 'compressed-name':
    case 'string':
    case 'strings':
    case 'text':
    case 'tag':
    case 'hex':
    case 'base64':
    case 'salt':
    case 'hash':
    case 'bitmap':
    case 'svc-params':
    case 'location':
    case 'last-string':
    case 'key':
    case 'data':
    case 'gateway':
    case 'relay':
    case 'prefixes':
    case 'identity':
    case 'services':
    case 'nxt-types':
    case 'a6':
    case 'nsap':
    case 'atm':
      return -1
    default:
      return field satisfies never
  }
}

/** The offset after an uncompressed name that lies in `bytes` from `at` to before `end`, -1 when there is none. */
export function plainNameEnd(bytes: Uint8Array, at: number, end: number): number {
  let next = at
  while (next < end) {
    const length = bytes[next] ?? 0
    next += length + 1
    if (length === 0) return next - at <= MAX_NAME_OCTETS ? next : -1
    if (length > MAX_LABEL_OCTETS || next - at >= MAX_NAME_OCTETS) return -1
  }
  return -1
}

/**
 * The offset after a field that starts at `at`, -1 when it does not end before or at `end`. Names must be uncompressed
 * here; the message reader, which knows what pointers point at, handles them itself.
 */
export function fieldEnd(field: Field, bytes: Uint8Array, at: number, end: number): number {
  const width = widthOf(field)
  if (width >= 0) return at + width <= end ? at + width : -1
  switch (field) {
    case 'name':
    case 'compressed-name':
      return plainNameEnd(bytes, at, end)
    case 'string':
    case 'tag':
    case 'salt':
    case 'hash':
      return stringEnd(bytes, at, end)
    case 'strings':
      return stringsEnd(bytes, at, end)
    case 'bitmap':
      return bitmapEnd(bytes, at, end)
    case 'svc-params':
      return paramsEnd(bytes, at, end)
    case 'location':
      return locationEnd(bytes, at, end)
    case 'last-string':
      return at === end ? end : stringEnd(bytes, at, end)
    case 'text':
    case 'hex':
    case 'base64':
    case 'key':
    case 'data':
      return end
    // What these hold is looked at when it is shown: a reply is not dropped for an odd record of a type that hardly
    // anybody uses.
    case 'gateway':
    case 'relay':
    case 'prefixes':
    case 'identity':
    case 'services':
    case 'nxt-types':
    case 'a6':
    case 'nsap':
    case 'atm':
      return end
    default:
      return -1
  }
}

/** Do octets `at` up to `end` have the form of this type's RDATA, names uncompressed, nothing left over? */
export function fitsPlan(plan: RdataPlan, bytes: Uint8Array, at: number, end: number): boolean {
  if (plan.exact >= 0) return end - at === plan.exact
  let next = at
  for (const field of plan.fields) {
    next = fieldEnd(field, bytes, next, end)
    if (next < 0) return false
  }
  return next === end
}

function stringEnd(bytes: Uint8Array, at: number, end: number): number {
  const next = at < end ? at + 1 + (bytes[at] ?? 0) : end + 1
  return next <= end ? next : -1
}

/** RFC 1035 section 3.3.14: one or more character-strings. */
function stringsEnd(bytes: Uint8Array, at: number, end: number): number {
  let next = stringEnd(bytes, at, end)
  while (next >= 0 && next < end) next = stringEnd(bytes, next, end)
  return next
}

/**
 * RFC 4034 section 4.1.2: window number, length 1 to 32, that many octets. dnsmasq looped on such lengths
 * (CVE-2026-4891).
 */
function bitmapEnd(bytes: Uint8Array, at: number, end: number): number {
  let next = at
  while (next < end) {
    const length = bytes[next + 1] ?? 0
    if (next + 2 > end || length < 1 || length > 32) return -1
    next += 2 + length
  }
  return next === end ? end : -1
}

/** RFC 9460 section 2.2: key, length, that many octets. */
function paramsEnd(bytes: Uint8Array, at: number, end: number): number {
  let next = at
  while (next < end) next = next + 4 <= end ? next + 4 + u16(bytes, next + 2) : end + 1
  return next === end ? end : -1
}

/** RFC 1876 section 2: 16 octets in version 0, anything in others. */
function locationEnd(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) return -1
  return bytes[at] !== 0 || end - at === 16 ? end : -1
}
