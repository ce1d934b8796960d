/**
 * RDATA of the DNSSEC types (RFC 4034, RFC 5155) as typed values. Structure is judged here, and strictly: what does not
 * fit reads as null, never as a guess. Whether a signature, a key or a proof is any good is decided in `dnssec/`.
 * Writers are apart, in `rdata-dnssec-make.ts`.
 */
import { copyOf, latin1, u16, u32 } from './bytes.ts'
import { formatBase32Hex, parseBase32Hex } from './encoding-text.ts'
import { foldName, trustWireName, type Name } from './name.ts'
import { plainNameEnd } from './rdata-wire.ts'

/** RFC 4034 section 3.1. Times are 32-bit seconds as on the wire, to be compared by serial arithmetic (RFC 1982). */
export interface Rrsig {
  readonly covered: number
  readonly algorithm: number
  /** Labels of the owner without the root label and without a leading asterisk. */
  readonly labels: number
  /** Seconds. */
  readonly originalTtl: number
  readonly expiration: number
  readonly inception: number
  readonly keyTag: number
  readonly signer: Name
  /** Part of the RDATA, not a copy. */
  readonly signature: Uint8Array
}

/** RFC 4034 section 2.1. */
export interface Dnskey {
  readonly flags: number
  readonly protocol: number
  readonly algorithm: number
  readonly publicKey: Uint8Array
}

/** RFC 4034 section 5.1. */
export interface Ds {
  readonly keyTag: number
  readonly algorithm: number
  readonly digestType: number
  readonly digest: Uint8Array
}

/** A type bitmap in its wire form (RFC 4034 section 4.1.2), known to be well-formed: `hasType` reads it. */
export type TypeBitmap = Uint8Array

/** RFC 4034 section 4.1. */
export interface Nsec {
  readonly next: Name
  readonly types: TypeBitmap
}

/** RFC 5155 section 4.1. */
export interface Nsec3Param {
  readonly hashAlgorithm: number
  readonly flags: number
  readonly iterations: number
  readonly salt: Uint8Array
}

/** RFC 5155 section 3.1. */
export interface Nsec3 extends Nsec3Param {
  readonly nextHash: Uint8Array
  readonly types: TypeBitmap
}

/** RFC 4034 section 2.1.1, RFC 5011 section 2.1. */
export const DnskeyFlag = { ZONE: 0x0100, REVOKE: 0x0080, SEP: 0x0001 } as const
/** RFC 5155 section 3.1.2.1. */
export const NSEC3_OPT_OUT = 0x01
/** RFC 4034 section 2.1.2. */
export const DNSKEY_PROTOCOL = 3

/** Octets of an RRSIG before the signer's name. */
export const RRSIG_FIXED_OCTETS = 18
const DNSKEY_FIXED_OCTETS = 4
const DS_FIXED_OCTETS = 4
const NSEC3_FIXED_OCTETS = 5
const MAX_WINDOW_OCTETS = 32

/** The signer's name alone. */
export function readSigner(rdata: Uint8Array): Name | null {
  const end = plainNameEnd(rdata, RRSIG_FIXED_OCTETS, rdata.length)
  return end < 0 || end >= rdata.length ? null : signerIn(rdata, end)
}

const signerIn = (rdata: Uint8Array, end: number): Name =>
  foldName(trustWireName(latin1(rdata, RRSIG_FIXED_OCTETS, end)))

export function readRrsig(rdata: Uint8Array): Rrsig | null {
  const end = plainNameEnd(rdata, RRSIG_FIXED_OCTETS, rdata.length)
  if (end < 0 || end >= rdata.length) return null
  return {
    covered: u16(rdata, 0),
    algorithm: rdata[2] ?? 0,
    labels: rdata[3] ?? 0,
    originalTtl: u32(rdata, 4),
    expiration: u32(rdata, 8),
    inception: u32(rdata, 12),
    keyTag: u16(rdata, 16),
    signer: signerIn(rdata, end),
    signature: rdata.subarray(end),
  }
}

export function readDnskey(rdata: Uint8Array): Dnskey | null {
  if (rdata.length <= DNSKEY_FIXED_OCTETS) return null
  return {
    flags: u16(rdata, 0),
    protocol: rdata[2] ?? 0,
    algorithm: rdata[3] ?? 0,
    publicKey: copyOf(rdata, DNSKEY_FIXED_OCTETS, rdata.length),
  }
}

export function readDs(rdata: Uint8Array): Ds | null {
  if (rdata.length <= DS_FIXED_OCTETS) return null
  return {
    keyTag: u16(rdata, 0),
    algorithm: rdata[2] ?? 0,
    digestType: rdata[3] ?? 0,
    digest: copyOf(rdata, DS_FIXED_OCTETS, rdata.length),
  }
}

export function readNsec(rdata: Uint8Array): Nsec | null {
  const end = plainNameEnd(rdata, 0, rdata.length)
  if (end < 0) return null
  const types = bitmapAt(rdata, end)
  return types === null ? null : { next: foldName(trustWireName(latin1(rdata, 0, end))), types }
}

export function readNsec3(rdata: Uint8Array): Nsec3 | null {
  const saltEnd = NSEC3_FIXED_OCTETS + (rdata[4] ?? 0)
  const hashLength = rdata[saltEnd] ?? 0
  const hashEnd = saltEnd + 1 + hashLength
  if (rdata.length < NSEC3_FIXED_OCTETS || hashLength === 0 || hashEnd > rdata.length) return null
  const types = bitmapAt(rdata, hashEnd)
  return types === null ? null : { ...nsec3Fields(rdata), nextHash: copyOf(rdata, saltEnd + 1, hashEnd), types }
}

function nsec3Fields(rdata: Uint8Array): Nsec3Param {
  return {
    hashAlgorithm: rdata[0] ?? 0,
    flags: rdata[1] ?? 0,
    iterations: u16(rdata, 2),
    salt: copyOf(rdata, NSEC3_FIXED_OCTETS, NSEC3_FIXED_OCTETS + (rdata[4] ?? 0)),
  }
}

/**
 * RFC 4034 section 4.1.2: windows in ascending order, none empty, none with trailing zeros. Each step goes forward by
 * at least three octets (dnsmasq looped on window lengths, CVE-2026-4891).
 */
function bitmapAt(rdata: Uint8Array, from: number): TypeBitmap | null {
  let before = -1
  let at = from
  while (at < rdata.length) {
    const window = rdata[at] ?? 0
    const length = rdata[at + 1] ?? 0
    const end = at + 2 + length
    if (window <= before || length < 1 || length > MAX_WINDOW_OCTETS || end > rdata.length || rdata[end - 1] === 0)
      return null
    before = window
    at = end
  }
  return copyOf(rdata, from, rdata.length)
}

/** Is the bit of `type` set? */
export function hasType(bitmap: TypeBitmap, type: number): boolean {
  for (let at = 0; at + 2 < bitmap.length; at += 2 + (bitmap[at + 1] ?? 0)) {
    if (bitmap[at] !== type >> 8) continue
    const octet = (type & 0xff) >> 3
    return octet < (bitmap[at + 1] ?? 0) && ((bitmap[at + 2 + octet] ?? 0) & (0x80 >> (type & 7))) !== 0
  }
  return false
}

/** The types of a bitmap in ascending order. */
export function typesOf(bitmap: TypeBitmap): number[] {
  const types: number[] = []
  for (let at = 0; at + 2 < bitmap.length; at += 2 + (bitmap[at + 1] ?? 0)) {
    const bits = (bitmap[at + 1] ?? 0) * 8
    const window = (bitmap[at] ?? 0) << 8
    for (let bit = 0; bit < bits; bit++)
      if (((bitmap[at + 2 + (bit >> 3)] ?? 0) & (0x80 >> (bit & 7))) !== 0) types.push(window | bit)
  }
  return types
}

/** RFC 4034 appendix B. Algorithm 1, whose tag is made otherwise (B.1), has been out of use since RFC 6725. */
export function keyTagOf(dnskey: Uint8Array): number {
  let sum = 0
  for (let i = 0; i < dnskey.length; i++) sum += (i & 1) === 0 ? (dnskey[i] ?? 0) << 8 : (dnskey[i] ?? 0)
  return (sum + (sum >>> 16)) & 0xffff
}

/** The label that a hash makes, as octets in lower case (RFC 5155 section 1.3). */
export const nsec3Label = (hash: Uint8Array): string => formatBase32Hex(hash).toLowerCase()

/** The hash that a label stands for, any case; null when it is not base32 without padding. */
export const readNsec3Label = (label: string): Uint8Array | null => parseBase32Hex(label)
