/**
 * RDATA of the DNSSEC types from typed values: what a signer writes. The counterpart of `rdata-dnssec.ts`, whose
 * readers accept everything that is made here. Values out of their range are not checked: callers make their own.
 */
import { putU16, putU32 } from './bytes.ts'
import { nameBytes, writeName, type WireName } from './name.ts'
import { RRSIG_FIXED_OCTETS, type Dnskey, type Ds, type Nsec3, type Nsec3Param, type Rrsig } from './rdata-dnssec.ts'

/**
 * RFC 4034 section 3.1. With an empty signature it is what stands before the records in the signed octets (section
 * 3.1.8.1).
 */
export function rrsigRdata(fields: Rrsig): Uint8Array {
  const rdata = new Uint8Array(RRSIG_FIXED_OCTETS + fields.signer.length + fields.signature.length)
  putU16(rdata, 0, fields.covered)
  rdata[2] = fields.algorithm
  rdata[3] = fields.labels
  putU32(rdata, 4, fields.originalTtl)
  putU32(rdata, 8, fields.expiration)
  putU32(rdata, 12, fields.inception)
  putU16(rdata, 16, fields.keyTag)
  rdata.set(fields.signature, writeName(fields.signer, rdata, RRSIG_FIXED_OCTETS))
  return rdata
}

/** RFC 4034 section 2.1. */
export const dnskeyRdata = ({ flags, protocol, algorithm, publicKey }: Dnskey): Uint8Array =>
  Uint8Array.of(flags >> 8, flags, protocol, algorithm, ...publicKey)

/** RFC 4034 section 5.1. */
export const dsRdata = ({ keyTag, algorithm, digestType, digest }: Ds): Uint8Array =>
  Uint8Array.of(keyTag >> 8, keyTag, algorithm, digestType, ...digest)

/** RFC 4034 section 4.1; `types` in any order. */
export const nsecRdata = (next: WireName, types: Iterable<number>): Uint8Array =>
  Uint8Array.of(...nameBytes(next), ...bitmapOf(types))

/** RFC 5155 section 3.2; `types` in any order. */
export const nsec3Rdata = (fields: Omit<Nsec3, 'types'>, types: Iterable<number>): Uint8Array =>
  Uint8Array.of(...nsec3paramRdata(fields), fields.nextHash.length, ...fields.nextHash, ...bitmapOf(types))

/** RFC 5155 section 4.2. */
export const nsec3paramRdata = ({ hashAlgorithm, flags, iterations, salt }: Nsec3Param): Uint8Array =>
  Uint8Array.of(hashAlgorithm, flags, iterations >> 8, iterations, salt.length, ...salt)

/** RFC 4034 section 4.1.2. */
export function bitmapOf(types: Iterable<number>): Uint8Array {
  const octets: number[] = []
  let window = -1
  let start = 0
  for (const type of [...new Set(types)].sort((a, b) => a - b)) {
    if (type >> 8 !== window) {
      window = type >> 8
      start = octets.push(window, 0)
    }
    const at = start + ((type & 0xff) >> 3)
    while (octets.length <= at) octets.push(0)
    octets[at] = (octets[at] ?? 0) | (0x80 >> (type & 7))
    octets[start - 1] = octets.length - start
  }
  return Uint8Array.from(octets)
}
