/**
 * DNSKEY records crafted to slow down or confuse a validator: any number of keys with one and the same key tag, which
 * is a sum and so can be chosen (RFC 4034 appendix B). Their private halves do not exist.
 */
import { putU16 } from '../dns/bytes.ts'
import { DNSKEY_PROTOCOL, DnskeyFlag, keyTagOf } from '../dns/rdata-dnssec.ts'
import { dnskeyRdata } from '../dns/rdata-dnssec-make.ts'
import { expand } from './zone-keys.ts'

/** Together they have to fit in a message over TCP, with as many signatures. */
const CRAFTED_OCTETS = 40_000
const MIN_RSA_OCTETS = 64
const MAX_RSA_OCTETS = 256
const P256_OCTETS = 64

/** Octets of the modulus, and of a signature, for sets of many keys. */
export const craftedRsaOctets = (count: number): number =>
  Math.max(MIN_RSA_OCTETS, Math.min(MAX_RSA_OCTETS, Math.floor(CRAFTED_OCTETS / Math.max(1, count) / 4) * 4))

/**
 * RSA keys of `algorithm` that a validator takes for real, with the tag `tag`. An exponent of 64 bits makes each try
 * dear.
 */
export function collidingRsaKeys(algorithm: number, tag: number, count: number): Uint8Array[] {
  const octets = craftedRsaOctets(count)
  const exponent = Uint8Array.of(8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfb)
  return Array.from({ length: count }, (_, i) => {
    const modulus = expand(`modulus ${i}`, octets)
    modulus[0] = 0xff
    modulus[octets - 1] = (modulus[octets - 1] ?? 0) | 1
    // The last octets stay: an even modulus is none.
    return withTag(keyOf(algorithm, Uint8Array.of(...exponent, ...modulus)), tag)
  })
}

/** P-256 keys with the tag `tag` whose octets are no point of the curve. */
export const malformedKeys = (algorithm: number, tag: number, count: number): Uint8Array[] =>
  Array.from({ length: count }, (_, i) => withTag(keyOf(algorithm, expand(`point ${i}`, P256_OCTETS)), tag))

const keyOf = (algorithm: number, publicKey: Uint8Array): Uint8Array =>
  dnskeyRdata({ flags: DnskeyFlag.ZONE, protocol: DNSKEY_PROTOCOL, algorithm, publicKey })

/** The key with two octets of its middle changed so that it has the tag. */
function withTag(key: Uint8Array, tag: number): Uint8Array {
  const at = (key.length >> 2) << 1
  const missing = tag - tagWithout(key, at)
  // The sum is folded once, so the carry of what is added may be one too many.
  for (const carry of [0, -1, 1]) {
    putU16(key, at, missing + carry)
    if (keyTagOf(key) === tag) return key
  }
  throw new Error(`no key with the tag ${tag}`)
}

function tagWithout(key: Uint8Array, at: number): number {
  key[at] = 0
  key[at + 1] = 0
  return keyTagOf(key)
}
