/**
 * EDNS(0): the OPT record and its options (RFC 6891), Extended DNS Errors (RFC 8914). Options are kept as they came, in
 * order, unknown and repeated ones included; where an option should be there once, the first one counts. What an option
 * means is decided elsewhere.
 */
import type { Edns, EdnsOption } from './message.ts'
import { bufferOf, copyOf, putU16, u16 } from './bytes.ts'
import { EdnsOptionCode, RrType } from './types.ts'

/** Unbound settled on 100 after option floods (CVE-2026-41292, CVE-2026-42944). */
export const MAX_OPTIONS = 100
/** Root owner, type, payload size, flags, RDLENGTH. */
export const OPT_FIXED_OCTETS = 11
const DNSSEC_OK = 0x8000

export interface ExtendedError {
  readonly code: number
  readonly text: string
}

/**
 * The options in `bytes` from `at` to before `end`; null when one runs over the end or there are more than
 * `MAX_OPTIONS`.
 */
export function readOptions(bytes: Uint8Array, at: number, end: number): readonly EdnsOption[] | null {
  if (at === end) return NO_OPTIONS
  const options: EdnsOption[] = []
  for (let next = at; next < end; ) {
    const from = next + 4
    next = from + u16(bytes, next + 2)
    if (from > end || next > end || options.length === MAX_OPTIONS) return null
    options.push({ code: u16(bytes, from - 4), data: copyOf(bytes, from, next) })
  }
  return options
}

/** The same check without making anything (byte path). */
export function optionsFit(bytes: Uint8Array, at: number, end: number): boolean {
  let next = at
  let count = 0
  while (next < end) {
    if (next + 4 > end || ++count > MAX_OPTIONS) return false
    next += 4 + u16(bytes, next + 2)
  }
  return next === end
}

/** An `Edns` from the fixed fields of an OPT record: its CLASS and its TTL (RFC 6891 section 6.1.3). */
export function ednsFrom(klass: number, ttl: number, options: readonly EdnsOption[]): Edns {
  const flags = ttl & 0xffff
  return {
    payloadSize: klass,
    version: (ttl >>> 16) & 0xff,
    dnssecOk: (flags & DNSSEC_OK) !== 0,
    flags: flags & ~DNSSEC_OK,
    options,
  }
}

/** The first option with this code. */
export const findOption = (edns: Edns, code: number): EdnsOption | undefined =>
  edns.options.find(option => option.code === code)

/** Octets of the whole OPT record on the wire. */
export function optOctets(edns: Edns): number {
  let octets = OPT_FIXED_OCTETS
  for (const option of edns.options) octets += 4 + option.data.length
  return octets
}

/** Writes the OPT record with the upper 8 bits of the 12-bit `rcode`; returns the offset after it. */
export function writeOpt(edns: Edns, rcode: number, into: Uint8Array, at: number): number {
  const flags = (edns.flags & ~DNSSEC_OK) | (edns.dnssecOk ? DNSSEC_OK : 0)
  into[at] = 0
  putU16(into, at + 1, RrType.OPT)
  putU16(into, at + 3, edns.payloadSize)
  into[at + 5] = rcode >>> 4
  into[at + 6] = edns.version
  putU16(into, at + 7, flags)
  let next = at + OPT_FIXED_OCTETS
  for (const { code, data } of edns.options) {
    putU16(into, next, code)
    putU16(into, next + 2, data.length)
    into.set(data, next + 4)
    next += 4 + data.length
  }
  putU16(into, at + 9, next - at - OPT_FIXED_OCTETS)
  return next
}

/** An EDE option (RFC 8914 section 2): code and UTF-8 text. */
export function extendedError(code: number, text: string): EdnsOption {
  const utf8 = Buffer.from(text, 'utf8')
  const data = new Uint8Array(2 + utf8.length)
  putU16(data, 0, code)
  data.set(utf8, 2)
  return { code: EdnsOptionCode.EDE, data }
}

/** All extended errors, in order (RFC 8914 section 2 allows several); options too short for a code are skipped. */
export function readExtendedErrors(edns: Edns): readonly ExtendedError[] {
  const errors: ExtendedError[] = []
  for (const { code, data } of edns.options) {
    if (code !== EdnsOptionCode.EDE || data.length < 2) continue
    // RFC 8914 section 2: the text may be null-terminated, and that octet is not part of it.
    const end = data.length > 2 && data[data.length - 1] === 0 ? data.length - 1 : data.length
    errors.push({ code: u16(data, 0), text: bufferOf(data).toString('utf8', 2, end) })
  }
  return errors
}

const NO_OPTIONS: readonly EdnsOption[] = Object.freeze([])
