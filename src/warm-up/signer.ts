/**
 * Signs the zones that the engine is warmed up with, when their records are first wanted: one key for all of them,
 * drawn for this one purpose and gone with it. What is signed is decided in `internet.ts`.
 */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { type Name, nameBytes } from '../dns/name.ts'
import { DNSKEY_PROTOCOL, DnskeyFlag, keyTagOf } from '../dns/rdata-dnssec.ts'
import { dnskeyRdata, dsRdata, rrsigRdata } from '../dns/rdata-dnssec-make.ts'
import type { RRset } from '../dns/rrset.ts'
import { digest } from '../dnssec/algorithms.ts'
import { signedLabels, signedOctets } from '../dnssec/canonical.ts'

const ECDSAP256SHA256 = 13
const SHA256 = 2
/** Signatures hold from so long before they were made, seconds. */
const SINCE_S = 86_400
/** And for so long: longer than any warm-up takes, and some end before the TTL of what they are over. */
const FOR_S = [86_400, 1_800, 604_800] as const

export class WarmUpSigner {
  /** RDATA of the one key. */
  readonly dnskey: Uint8Array
  readonly #key: KeyObject
  readonly #tag: number
  readonly #made: number
  readonly #signatures = new Map<string, Uint8Array>()

  /** `wall` in seconds since 1970. */
  constructor(wall: number) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
    const octets = Uint8Array.of(...Buffer.from(x, 'base64url'), ...Buffer.from(y, 'base64url'))
    this.dnskey = dnskeyRdata({
      flags: DnskeyFlag.ZONE | DnskeyFlag.SEP,
      protocol: DNSKEY_PROTOCOL,
      algorithm: ECDSAP256SHA256,
      publicKey: octets,
    })
    this.#key = privateKey
    this.#tag = keyTagOf(this.dnskey)
    this.#made = wall
  }

  dsOf(zone: Name): Uint8Array {
    const hash = digest(SHA256, Uint8Array.of(...nameBytes(zone), ...this.dnskey)) ?? new Uint8Array(0)
    return dsRdata({ keyTag: this.#tag, algorithm: ECDSAP256SHA256, digestType: SHA256, digest: hash })
  }

  /** The set with its signature. Sets of one name, type and signer are the same each time. */
  signed(set: RRset, signer: Name): RRset {
    const key = `${signer}${set.type} ${set.name}`
    const signature = this.#signatures.get(key) ?? this.#sign(set, signer)
    this.#signatures.set(key, signature)
    return { ...set, signatures: [signature] }
  }

  #sign(set: RRset, signer: Name): Uint8Array {
    const head = rrsigRdata({
      covered: set.type,
      algorithm: ECDSAP256SHA256,
      labels: signedLabels(set.name),
      originalTtl: set.ttl,
      expiration: this.#made + (FOR_S[(set.name.length >> 1) % FOR_S.length] ?? FOR_S[0]),
      inception: this.#made - SINCE_S,
      keyTag: this.#tag,
      signer,
      signature: new Uint8Array(0),
    })
    return Uint8Array.of(
      ...head,
      ...sign('sha256', signedOctets(head, set, set.name, set.ttl), { key: this.#key, dsaEncoding: 'ieee-p1363' }),
    )
  }
}
