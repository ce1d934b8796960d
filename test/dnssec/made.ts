/** Keys and signatures made by hand, so that each can be wrong in one way. */
import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { nameBytes } from '../../src/dns/name.ts'
import { keyTagOf, type Nsec3, type Rrsig } from '../../src/dns/rdata-dnssec.ts'
import { dnskeyRdata, dsRdata, nsec3Rdata, nsecRdata, rrsigRdata } from '../../src/dns/rdata-dnssec-make.ts'
import { nsec3Label } from '../../src/dns/rdata-dnssec.ts'
import { makeRRset, type RRset } from '../../src/dns/rrset.ts'
import { RrClass, RrType } from '../../src/dns/types.ts'
import { signedLabels, signedOctets, signedOwner } from '../../src/dnssec/canonical.ts'
import { nsec3Hash } from '../../src/dnssec/algorithms.ts'
import { at, n } from './signing.ts'

export interface MadeKey {
  readonly rdata: Uint8Array
  readonly tag: number
  readonly algorithm: number
  readonly privateKey: KeyObject
}

const ZONE_KEY = 257

/** A P-256 key, or with algorithm 14 a P-384 key; `flags` of its DNSKEY. */
export function makeKey(flags = ZONE_KEY, protocol = 3, algorithm: 13 | 14 = 13): MadeKey {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: algorithm === 13 ? 'P-256' : 'P-384' })
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
  return keyOf(privateKey, {
    flags,
    protocol,
    algorithm,
    publicKey: Buffer.concat([Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]),
  })
}

export function keyOf(
  privateKey: KeyObject,
  fields: { flags: number; protocol: number; algorithm: number; publicKey: Uint8Array },
): MadeKey {
  const rdata = dnskeyRdata(fields)
  return { rdata, tag: keyTagOf(rdata), algorithm: fields.algorithm, privateKey }
}

/** The same key under other flags. */
export const withFlags = (key: MadeKey, flags: number): MadeKey => {
  const rdata = Uint8Array.of(flags >> 8, flags & 0xff, ...key.rdata.subarray(2))
  return { ...key, rdata, tag: keyTagOf(rdata) }
}

/** RDATA of a signature; `changes` go in before signing. */
export function signature(set: RRset, key: MadeKey, signer: string, changes: Partial<Rrsig> = {}): Uint8Array {
  const fields: Rrsig = {
    covered: set.type,
    algorithm: key.algorithm,
    labels: signedLabels(set.name),
    originalTtl: set.ttl,
    inception: at('20260101000000'),
    expiration: at('20260201000000'),
    keyTag: key.tag,
    signer: n(signer),
    signature: new Uint8Array(0),
    ...changes,
  }
  // Labels that make no owner are signed as if they were right.
  const owner = signedOwner(set.name, fields.labels) ?? set.name
  const octets = signedOctets(rrsigRdata(fields), set, owner, fields.originalTtl)
  const made = sign(key.algorithm === 14 ? 'sha384' : 'sha256', octets, {
    key: key.privateKey,
    dsaEncoding: 'ieee-p1363',
  })
  return rrsigRdata({ ...fields, signature: made })
}

export const signed = (set: RRset, key: MadeKey, signer: string, changes: Partial<Rrsig> = {}): RRset => ({
  ...set,
  signatures: [signature(set, key, signer, changes)],
})

export const keySet = (zone: string, ...keys: readonly MadeKey[]): RRset =>
  makeRRset(
    n(zone),
    RrType.DNSKEY,
    RrClass.IN,
    3_600,
    keys.map(key => key.rdata),
  )

const DIGESTS = new Map([
  [1, 'sha1'],
  [2, 'sha256'],
  [4, 'sha384'],
])

export function dsOf(
  zone: string,
  key: MadeKey,
  digestType = 2,
  changes: { readonly algorithm?: number } = {},
): Uint8Array {
  const digest = createHash(DIGESTS.get(digestType) ?? 'sha256')
    .update(nameBytes(n(zone)))
    .update(key.rdata)
    .digest()
  return dsRdata({ keyTag: key.tag, algorithm: changes.algorithm ?? key.algorithm, digestType, digest })
}

export const a = (owner: string, ...last: readonly number[]): RRset =>
  makeRRset(
    n(owner),
    RrType.A,
    RrClass.IN,
    300,
    (last.length === 0 ? [1] : last).map(octet => Uint8Array.of(192, 0, 2, octet)),
  )

export const nsec = (owner: string, next: string, ...types: readonly number[]): RRset =>
  makeRRset(n(owner), RrType.NSEC, RrClass.IN, 300, [nsecRdata(n(next), [RrType.RRSIG, RrType.NSEC, ...types])])

/** The hash of a name, its last octet changed by `shift`. */
export function hashOf(name: string, shift = 0, salt: Uint8Array = new Uint8Array(0), iterations = 0): Uint8Array {
  const hash = nsec3Hash(n(name), salt, iterations)
  hash[19] = ((hash[19] ?? 0) + shift) & 0xff
  return hash
}

/** An NSEC3 record whose owner hash is `from` and whose next hash is `to`. */
export function nsec3(
  zone: string,
  from: Uint8Array,
  to: Uint8Array,
  types: readonly number[],
  fields: Partial<Omit<Nsec3, 'types' | 'nextHash'>> = {},
): RRset {
  const owner = n(`${nsec3Label(from)}.${zone}`)
  return makeRRset(owner, RrType.NSEC3, RrClass.IN, 300, [
    nsec3Rdata({ hashAlgorithm: 1, flags: 0, iterations: 0, salt: new Uint8Array(0), nextHash: to, ...fields }, types),
  ])
}
