/** DNSKEY sets with real signatures, made by hand: for tests of who vouches for which key. */
import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { dnskeyRdata, dsRdata, rrsigRdata } from '../../src/dns/rdata-dnssec-make.ts'
import { keyTagOf } from '../../src/dns/rdata-dnssec.ts'
import { nameBytes, ROOT, type Name } from '../../src/dns/name.ts'
import { makeRRset, type RRset } from '../../src/dns/rrset.ts'
import { RrClass, RrType } from '../../src/dns/types.ts'
import { digest } from '../../src/dnssec/algorithms.ts'
import { withRevoke } from '../../src/dnssec/anchor-evidence.ts'
import { signedOctets } from '../../src/dnssec/canonical.ts'

export const ORIGINAL_TTL = 172_800

export interface Key {
  readonly rdata: Uint8Array
  readonly secret: KeyObject
}

export function makeKey(flags = 257): Key {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  return {
    rdata: dnskeyRdata({
      flags,
      protocol: 3,
      algorithm: 15,
      publicKey: publicKey.export({ format: 'der', type: 'spki' }).subarray(-32),
    }),
    secret: privateKey,
  }
}

export const revokedOf = ({ rdata, secret }: Key): Key => ({ rdata: withRevoke(rdata, true), secret })

/** Seconds since 1970. */
export interface Times {
  readonly from: number
  readonly until: number
}

export function signedKeys(keys: readonly Key[], by: readonly Key[], { from, until }: Times, zone: Name = ROOT): RRset {
  const set = makeRRset(
    zone,
    RrType.DNSKEY,
    RrClass.IN,
    3_600,
    keys.map(({ rdata }) => rdata),
  )
  const signatures = by.map(({ rdata, secret }) => {
    const fields = {
      covered: RrType.DNSKEY,
      algorithm: 15,
      labels: zone === ROOT ? 0 : 1,
      originalTtl: ORIGINAL_TTL,
      expiration: until,
      inception: from,
      keyTag: keyTagOf(rdata),
      signer: zone,
    }
    const signature = sign(
      null,
      signedOctets(rrsigRdata({ ...fields, signature: new Uint8Array(0) }), set, zone, fields.originalTtl),
      secret,
    )
    return rrsigRdata({ ...fields, signature })
  })
  return { ...set, signatures }
}

export const dsOf = ({ rdata }: Key, zone: Name = ROOT): Uint8Array =>
  dsRdata({
    keyTag: keyTagOf(rdata),
    algorithm: 15,
    digestType: 2,
    digest: digest(2, Uint8Array.of(...nameBytes(zone), ...rdata)) ?? new Uint8Array(0),
  })
