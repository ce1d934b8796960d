/**
 * Keys of simulated zones, made from a seed: equal seeds, zones and roles give equal keys, key tags and signatures,
 * octet for octet. ECDSA draws its nonce from the data as well (in the manner of RFC 6979), since `node:crypto` would
 * draw a fresh one. **For tests and the demo alone:** whoever knows the seed has the keys, and the RSA ones are public.
 *
 * Limitations: the arithmetic of ECDSA is not constant in time, which is nothing to a key that is no secret.
 */
import { createECDH, createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import type { Name } from '../dns/name.ts'
import { DNSKEY_PROTOCOL, DnskeyFlag, keyTagOf } from '../dns/rdata-dnssec.ts'
import { dnskeyRdata, dsRdata } from '../dns/rdata-dnssec-make.ts'
import { nameBytes } from '../dns/name.ts'
import { digest } from '../dnssec/algorithms.ts'
import { rsaTestKeys } from './rsa-test-keys.ts'

/** Algorithms that zones can be signed with, by the mnemonics of the registry (RFC 8624). */
export const signingAlgorithms = {
  RSASHA1: 5,
  'RSASHA1-NSEC3-SHA1': 7,
  RSASHA256: 8,
  RSASHA512: 10,
  ECDSAP256SHA256: 13,
  ECDSAP384SHA384: 14,
  ED25519: 15,
  ED448: 16,
} as const
export type SigningAlgorithm = keyof typeof signingAlgorithms

/** A key that signs the zone's data, one that signs the keys, one that does both. */
export type KeyRole = 'zsk' | 'ksk' | 'csk'

/** One key, private half included. */
export interface SigningKey {
  readonly algorithm: number
  readonly role: KeyRole
  /** RDATA of its DNSKEY record. */
  readonly rdata: Uint8Array
  readonly tag: number
  sign(data: Uint8Array): Uint8Array
}

/** What a key is made from. `generation` distinguishes the keys of a roll-over. */
export interface KeySpec {
  readonly seed: number
  readonly zone: Name
  readonly role: KeyRole
  readonly generation?: number
}

export function makeSigningKey(algorithm: SigningAlgorithm, spec: KeySpec): SigningKey {
  const number = signingAlgorithms[algorithm]
  const { publicKey, sign: signWith } = materialFor(algorithm, secretOf(spec, number), spec)
  const flags = DnskeyFlag.ZONE | (spec.role === 'zsk' ? 0 : DnskeyFlag.SEP)
  return withFlags(
    {
      algorithm: number,
      role: spec.role,
      rdata: dnskeyRdata({ flags, protocol: DNSKEY_PROTOCOL, algorithm: number, publicKey }),
      tag: 0,
      sign: signWith,
    },
    flags,
  )
}

/** A key of an unsupported algorithm: octets that look like a key, and signatures that cannot be checked. */
export function makeUnknownKey(algorithm: number, spec: KeySpec): SigningKey {
  const secret = secretOf(spec, algorithm)
  const flags = DnskeyFlag.ZONE | (spec.role === 'zsk' ? 0 : DnskeyFlag.SEP)
  const rdata = dnskeyRdata({ flags, protocol: DNSKEY_PROTOCOL, algorithm, publicKey: secret('public', 64) })
  return {
    algorithm,
    role: spec.role,
    rdata,
    tag: keyTagOf(rdata),
    sign: data => new Uint8Array(createHash('sha512').update(data).digest()),
  }
}

/** The same key with other flags, and so another tag. */
export function withFlags(key: SigningKey, flags: number): SigningKey {
  const rdata = Uint8Array.from(key.rdata)
  rdata[0] = flags >> 8
  rdata[1] = flags
  return { ...key, rdata, tag: keyTagOf(rdata) }
}

/** RFC 4034 section 5.1.4. A digest type that is not known gets the octets of SHA-256. */
export function dsFor(
  zone: Name,
  key: Pick<SigningKey, 'rdata' | 'tag' | 'algorithm'>,
  digestType: number,
): Uint8Array {
  const data = Uint8Array.of(...nameBytes(zone), ...key.rdata)
  return dsRdata({
    keyTag: key.tag,
    algorithm: key.algorithm,
    digestType,
    digest: digest(digestType, data) ?? new Uint8Array(createHash('sha256').update(data).digest()),
  })
}

/** That many octets, derived for a purpose. */
type Secret = (purpose: string, octets: number) => Uint8Array

function secretOf({ seed, zone, role, generation = 0 }: KeySpec, algorithm: number): Secret {
  return (purpose, octets) => expand(`rootwalk ${seed} ${algorithm} ${role} ${generation} ${purpose} ${zone}`, octets)
}

/** Octets that a text stands for, by SHA-512 in counter mode. */
export function expand(text: string, octets: number): Uint8Array {
  const expanded = new Uint8Array(octets)
  for (let at = 0, block = 0; at < octets; at += 64, block++) {
    const hash = createHash('sha512').update(`${block} ${text}`, 'latin1').digest()
    expanded.set(hash.subarray(0, Math.min(hash.length, octets - at)), at)
  }
  return expanded
}

interface Material {
  /** As it stands in the DNSKEY record. */
  readonly publicKey: Uint8Array
  readonly sign: (data: Uint8Array) => Uint8Array
}

function materialFor(algorithm: SigningAlgorithm, secret: Secret, spec: KeySpec): Material {
  switch (algorithm) {
    case 'RSASHA1':
    case 'RSASHA1-NSEC3-SHA1':
      return rsa('sha1', spec)
    case 'RSASHA256':
      return rsa('sha256', spec)
    case 'RSASHA512':
      return rsa('sha512', spec)
    case 'ECDSAP256SHA256':
      return ecdsa(p256, secret)
    case 'ECDSAP384SHA384':
      return ecdsa(p384, secret)
    case 'ED25519':
      return edwards('302e020100300506032b657004220420', secret('private', 32))
    case 'ED448':
      return edwards('3047020100300506032b6571043b0439', secret('private', 57))
    default:
      return algorithm satisfies never
  }
}

/** RFC 3110 section 2 and RFC 5702. */
function rsa(hash: string, { zone, role, generation = 0 }: KeySpec): Material {
  const [first, second] = rsaTestKeys[role === 'zsk' ? 'zsk' : 'ksk']
  const chosen = (zone.length + generation) % 2 === 0 ? first : second
  const key = createPrivateKey({ key: Buffer.from(chosen, 'base64'), format: 'der', type: 'pkcs8' })
  const { n = '', e = '' } = createPublicKey(key).export({ format: 'jwk' })
  const exponent = Buffer.from(e, 'base64url')
  return {
    publicKey: Uint8Array.of(exponent.length, ...exponent, ...Buffer.from(n, 'base64url')),
    sign: data => new Uint8Array(sign(hash, data, key)),
  }
}

/** RFC 8080: the seed wrapped as PKCS #8, whose octets before it are always these. */
function edwards(head: string, seed: Uint8Array): Material {
  const key: KeyObject = createPrivateKey({
    key: Buffer.concat([Buffer.from(head, 'hex'), seed]),
    format: 'der',
    type: 'pkcs8',
  })
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' })
  return { publicKey: new Uint8Array(Buffer.from(x, 'base64url')), sign: data => new Uint8Array(sign(null, data, key)) }
}

interface Curve {
  readonly name: string
  readonly hash: string
  readonly octets: number
  readonly order: bigint
}

const p256: Curve = {
  name: 'prime256v1',
  hash: 'sha256',
  octets: 32,
  order: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
}
const p384: Curve = {
  name: 'secp384r1',
  hash: 'sha384',
  octets: 48,
  order: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
}

/** RFC 6605 section 4: the point and the signature are two numbers of fixed length each. */
function ecdsa(curve: Curve, secret: Secret): Material {
  const { octets, order } = curve
  const d = scalar(secret('private', octets + 8), order)
  return {
    publicKey: pointOf(curve, d).subarray(1),
    sign: data => {
      const hash = createHash(curve.hash).update(data).digest()
      for (let attempt = 0; ; attempt++) {
        const k = scalar(expand(`${attempt} ${d.toString(16)} ${hash.toString('hex')}`, octets + 8), order)
        const r = number(pointOf(curve, k).subarray(1, 1 + octets)) % order
        const s = (inverse(k, order) * (number(hash) + r * d)) % order
        if (r !== 0n && s !== 0n) return Uint8Array.of(...octetsOf(r, octets), ...octetsOf(s, octets))
      }
    },
  }
}

function pointOf(curve: Curve, factor: bigint): Uint8Array {
  const ecdh = createECDH(curve.name)
  ecdh.setPrivateKey(octetsOf(factor, curve.octets))
  return new Uint8Array(ecdh.getPublicKey())
}

const number = (octets: Uint8Array): bigint => BigInt(`0x${Buffer.from(octets).toString('hex')}`)
const octetsOf = (value: bigint, octets: number): Uint8Array =>
  new Uint8Array(Buffer.from(value.toString(16).padStart(2 * octets, '0'), 'hex'))
/** From 1 to order - 1. */
const scalar = (octets: Uint8Array, order: bigint): bigint => (number(octets) % (order - 1n)) + 1n

/** By the extended Euclidean algorithm. */
function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [value, modulus, 1n, 0n]
  while (b !== 0n) {
    const quotient = a / b
    ;[a, b, x, y] = [b, a - quotient * b, y, x - quotient * y]
  }
  return ((x % modulus) + modulus) % modulus
}
