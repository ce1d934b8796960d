/**
 * What a DNSKEY set of a trust point proves about its keys (RFC 5011 section 2): does a current anchor sign it, and
 * which keys revoke themselves in it. Judges one set at a time; what follows for the state of a key is said in
 * `managed-anchors.ts`.
 *
 * Invariant: a key that revokes itself here does not make the set a validated one, and a revocation counts only with a
 * signature by the revoked key over this very set.
 */
import type { Name } from '../dns/name.ts'
import {
  DNSKEY_PROTOCOL,
  DnskeyFlag,
  keyTagOf,
  readDnskey,
  readDs,
  readRrsig,
  type Rrsig,
} from '../dns/rdata-dnssec.ts'
import { sameBytes, type RRset } from '../dns/rrset.ts'
import type { DnssecRules, KeysVerdict, Work } from './rules.ts'
import { isDigestOf, verifyKeys, verifySignedBy } from './signature.ts'
import type { TrustAnchor } from './trust-anchors.ts'

/** What one DNSKEY set of a trust point shows. */
export interface KeysSeen {
  /** Zone keys with the SEP bit that are not revoked; null when no current trust anchor signs the set. */
  readonly keys: readonly Uint8Array[] | null
  /** Revoked keys that sign the set themselves (RFC 5011 section 2.1), the REVOKE bit taken out. */
  readonly revoked: readonly Uint8Array[]
  /** Seconds. */
  readonly originalTtl: number
}

export interface Evidence {
  readonly seen: KeysSeen
  /** Against the anchors, without those that revoke themselves here. */
  readonly verdict: KeysVerdict
}

/** `trusted` holds the keys trusted at the name of the set now; `wall` in seconds since 1970. */
export function examineKeys(dnskeys: RRset, trusted: TrustAnchor, rules: DnssecRules, wall: number): Evidence {
  const revoked = revokedKeys(dnskeys, rules, wall)
  const isRevoked = (key: Uint8Array): boolean => revoked.some(other => sameBytes(other, key))
  const left = {
    ds: trusted.ds.filter(ds => !revoked.some(key => matchesDs(dnskeys.name, key, ds))),
    keys: trusted.keys.filter(key => !isRevoked(key)),
  }
  const verdict = verifyKeys(dnskeys, left, rules, wall, workOf(rules))
  const signatures = dnskeys.signatures.flatMap(rdata => readRrsig(rdata) ?? [])
  const by =
    verdict.kind === 'secure'
      ? signatures.find(({ keyTag, algorithm }) => keyTag === verdict.keyTag && algorithm === verdict.algorithm)
      : undefined
  // A key that stands here both revoked and not is revoked.
  const keys = dnskeys.rdatas.filter(rdata => isEntryPoint(rdata) && !isRevoked(rdata))
  return {
    seen: { keys: verdict.kind === 'secure' ? keys : null, revoked, originalTtl: by?.originalTtl ?? dnskeys.ttl },
    verdict,
  }
}

/** Is a DS record the digest of a key (RFC 4034 section 5.1.4)? `key` is DNSKEY RDATA. */
export function matchesDs(name: Name, key: Uint8Array, rdata: Uint8Array): boolean {
  const ds = readDs(rdata)
  return ds !== null && ds.keyTag === keyTagOf(key) && ds.algorithm === key[3] && isDigestOf(ds, name, key)
}

/** A DNSKEY RDATA with the REVOKE bit as wanted. */
export function withRevoke(rdata: Uint8Array, revoked: boolean): Uint8Array {
  const copy = Uint8Array.from(rdata)
  const flags = readDnskey(rdata)?.flags ?? 0
  copy[1] = (revoked ? flags | DnskeyFlag.REVOKE : flags & ~DnskeyFlag.REVOKE) & 0xff
  return copy
}

/**
 * Seconds by which a moment lies outside the validity of a signature: negative before its inception, positive after its
 * expiration, else 0.
 */
export function outsideBy({ inception, expiration }: Rrsig, wall: number): number {
  // RFC 4034 section 3.1.5: serial number arithmetic, 32 bits.
  const late = (wall - expiration) | 0
  const early = (wall - inception) | 0
  return late > 0 ? late : Math.min(early, 0)
}

const isZoneKey = (rdata: Uint8Array): boolean => {
  const key = readDnskey(rdata)
  return key !== null && (key.flags & DnskeyFlag.ZONE) !== 0 && key.protocol === DNSKEY_PROTOCOL
}
const hasFlag = (rdata: Uint8Array, flag: number): boolean => ((readDnskey(rdata)?.flags ?? 0) & flag) !== 0
const isEntryPoint = (rdata: Uint8Array): boolean =>
  isZoneKey(rdata) && hasFlag(rdata, DnskeyFlag.SEP) && !hasFlag(rdata, DnskeyFlag.REVOKE)

function revokedKeys(dnskeys: RRset, rules: DnssecRules, wall: number): readonly Uint8Array[] {
  const work = workOf(rules)
  return dnskeys.rdatas
    .filter(rdata => isZoneKey(rdata) && hasFlag(rdata, DnskeyFlag.REVOKE))
    .slice(0, rules.limits.keysPerZone)
    .filter(rdata => verifySignedBy(dnskeys, rdata, rules, wall, work).kind === 'valid')
    .map(rdata => withRevoke(rdata, false))
}

/** As much as for a client's query: the key set of a trust point is rare and belongs to no client query. */
function workOf({ limits }: DnssecRules): Work {
  let verifications = 0
  return {
    takeVerification: () =>
      ++verifications > limits.verifications ? `more than ${limits.verifications} signature verifications` : null,
    takeNsec3Hash: () => 'no NSEC3 hashes are needed here',
  }
}
