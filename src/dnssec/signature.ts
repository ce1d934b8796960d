/**
 * Is an RRset signed by these keys, and are these the keys of the zone that its parent or an anchor vouches for (RFC
 * 4035 sections 5.2 and 5.3)? Pure: the wall clock and the allowance of work are arguments. Proofs of denial, which an
 * expanded wildcard needs as well, are the business of `denial.ts`.
 *
 * Invariants: `valid` is said of a set only when a key of `zone` verified a signature whose signer is `zone`, whose
 * labels lie between those of the signer and those of the owner, and whose time is now. All that a verdict says of a
 * set (its wildcard, its TTL, the signatures that go on with it) is read from signatures that verified and from no
 * other: a sender can add forged signatures to a set. Every attempt with a key is charged to the budget first.
 */
import { counted } from '../presentation/counted.ts'
import { copyOf } from '../dns/bytes.ts'
import { isWithin, labelCount, nameBytes, ROOT, writeName, type Name } from '../dns/name.ts'
import {
  DNSKEY_PROTOCOL,
  DnskeyFlag,
  readDnskey,
  readDs,
  readRrsig,
  RRSIG_FIXED_OCTETS,
  type Ds,
  type Rrsig,
} from '../dns/rdata-dnssec.ts'
import { sameBytes, withTtl, type RRset } from '../dns/rrset.ts'
import { formatName } from '../presentation/text.ts'
import { readableTime } from '../presentation/time-text.ts'
import { EdeCode, RrType, typeName } from '../dns/types.ts'
import type { DnssecLimits } from '../limits.ts'
import type { SecurityNote } from '../steps.ts'
import {
  algorithmName,
  digest,
  digestName,
  DIGEST_SHA1,
  isSupported,
  isSupportedDigest,
  zoneKey,
} from './algorithms.ts'
import { signedLabels, signedOctets, signedOwner } from './canonical.ts'
import type {
  DnssecRules,
  Expansion,
  KeysVerdict,
  Refusal,
  SetVerdict,
  WildcardSet,
  Work,
  ZoneKey,
  ZoneKeys,
} from './rules.ts'

/** What vouches for a zone: RDATA of its DS set or of trust anchors in either form. */
export interface Trusted {
  readonly ds: readonly Uint8Array[]
  readonly keys: readonly Uint8Array[]
}

/** One judgement of the signatures of one set. */
interface Hearing {
  readonly rrset: RRset
  readonly zone: Name
  readonly keys: readonly ZoneKey[]
  /** Those that may have made further signatures, once one of `keys` has shown the set to be genuine. */
  readonly furtherKeys: readonly ZoneKey[]
  readonly rules: DnssecRules
  /** Seconds since 1970. */
  readonly wall: number
  readonly work: Work
  /** RFC 5011 section 2.1: a revoked key signs the set that revokes it, and nothing else. */
  readonly revokedToo: boolean
  /** What it means when no key fits any signature. */
  readonly keyMissing: EdeCode
}

/** A signature that deserves verification, and the keys it may be of. */
interface Candidate {
  readonly kind: 'candidate'
  readonly rdata: Uint8Array
  readonly rrsig: Rrsig
  readonly owner: Name
  readonly keys: readonly ZoneKey[]
}

/** Why a signature does not count. Of several, the one that came furthest is reported. */
interface SignatureFailure {
  readonly kind: 'complaint'
  readonly progress: number
  readonly ede: EdeCode
  readonly text: string
  readonly rrsig: Rrsig | null
}

/** In the order of the checks. */
const FurthestStep = {
  NONE: 0,
  FORM: 1,
  SCOPE: 2,
  ALGORITHM: 3,
  KEY: 4,
  KEY_FLAGS: 5,
  TIME: 6,
  VERIFICATION: 7,
} as const

const failure = (progress: number, ede: EdeCode, text: string, rrsig: Rrsig | null = null): SignatureFailure => ({
  kind: 'complaint',
  progress,
  ede,
  text,
  rrsig,
})

/** The keys of a DNSKEY set that can be read, not more than `keysPerZone`. Nothing is verified. */
export function readKeys(dnskeys: RRset, limits: DnssecLimits): ZoneKeys {
  const keys: ZoneKey[] = []
  for (const rdata of dnskeys.rdatas.slice(0, limits.keysPerZone)) {
    const key = readDnskey(rdata)?.protocol === DNSKEY_PROTOCOL ? zoneKey(rdata, limits) : null
    if (key !== null) keys.push(key)
  }
  return { zone: dnskeys.name, keys }
}

/** Is `rrset` signed by one of the keys of its zone? `wall` in seconds since 1970. */
export const verifyRRset = (rrset: RRset, keys: ZoneKeys, rules: DnssecRules, wall: number, work: Work): SetVerdict =>
  judgeSignatures({
    rrset,
    zone: keys.zone,
    keys: keys.keys,
    furtherKeys: keys.keys,
    rules,
    wall,
    work,
    revokedToo: false,
    keyMissing: EdeCode.DnskeyMissing,
  })

/** Has the key with this RDATA, revoked or not, signed the DNSKEY set of its zone (RFC 5011 sections 2.1 and 2.2)? */
export function verifySignedBy(
  dnskeys: RRset,
  key: Uint8Array,
  rules: DnssecRules,
  wall: number,
  work: Work,
): SetVerdict {
  const made = zoneKey(key, rules.limits)
  const keys = made === null ? [] : [made]
  return judgeSignatures({
    rrset: dnskeys,
    zone: dnskeys.name,
    keys,
    furtherKeys: [],
    rules,
    wall,
    work,
    revokedToo: true,
    keyMissing: EdeCode.RrsigsMissing,
  })
}

/**
 * Are these the keys of their zone? One of them must be named by a DS record or an anchor and have signed the set (RFC
 * 4035 section 5.2). Insecure only when nothing that is named is of a supported and allowed algorithm and digest: one
 * that is must validate, whatever else the set holds (downgrade).
 */
export function verifyKeys(
  dnskeys: RRset,
  trusted: Trusted,
  rules: DnssecRules,
  wall: number,
  work: Work,
): KeysVerdict {
  const usable = usableOf(trusted, rules)
  if (usable.kind !== 'usable') return usable
  const keys = readKeys(dnskeys, rules.limits)
  const named = keys.keys.filter(key => usable.keys.some(rdata => sameBytes(rdata, key.rdata)))
  // Only records that can match are counted against the limit; each costs a digest for at most `keysPerTag` keys.
  const matching = usable.ds.filter(ds => keys.keys.some(key => fitsDs(key, ds)))
  for (const ds of matching.slice(0, rules.limits.dsRecords)) {
    const tried = keys.keys.filter(key => fitsDs(key, ds)).slice(0, rules.limits.keysPerTag)
    for (const key of tried) if (!named.includes(key) && isDigestOf(ds, dnskeys.name, key.rdata)) named.push(key)
  }
  if (named.length === 0)
    return refuse(EdeCode.DnskeyMissing, dnskeys, 'no key is the one that the DS set or the trust anchor names')
  const verdict = judgeSignatures({
    rrset: dnskeys,
    zone: dnskeys.name,
    keys: named,
    furtherKeys: keys.keys,
    rules,
    wall,
    work,
    revokedToo: false,
    keyMissing: EdeCode.RrsigsMissing,
  })
  if (verdict.kind !== 'valid') return verdict
  const { keyTag, algorithm, expires, ttl, signatures } = verdict
  return { kind: 'secure', keys, keyTag, algorithm, expires, ttl, signatures }
}

/**
 * Why a zone with this DS set, or under this anchor, is insecure whatever its keys are (RFC 4035 section 5.2, RFC 6840
 * section 5.2): no digest or no algorithm that is validated here. Null when its keys have to be looked at.
 */
export function insecureBy(trusted: Trusted, rules: DnssecRules): SecurityNote | null {
  const usable = usableOf(trusted, rules)
  return usable.kind === 'insecure' ? usable.note : null
}

/** The set as its signatures vouch for it: with those that verified alone, and with no more TTL than they leave it. */
export function verifiedSet(
  set: RRset,
  { ttl, signatures }: { readonly ttl: number; readonly signatures: readonly Uint8Array[] },
): RRset {
  const bounded = withTtl(set, Math.min(set.ttl, ttl))
  return signatures.length === set.signatures.length ? bounded : { ...bounded, signatures }
}

/**
 * The data of the wildcard that a set was expanded from. Null when the wildcard is not within the zone that signed it,
 * which no verified signature says: it is looked at here once more because all names below the wildcard hang on it.
 */
export function unexpanded(set: RRset, { wildcard, zone }: Expansion): WildcardSet | null {
  return isWithin(wildcard, zone) ? { kind: 'wildcard-set', rrset: { ...set, owner: wildcard, name: wildcard } } : null
}

type Usable =
  | { readonly kind: 'usable'; readonly ds: readonly Ds[]; readonly keys: readonly Uint8Array[] }
  | Extract<KeysVerdict, { kind: 'insecure' | 'bogus' }>

/** What can be validated of what is trusted. */
function usableOf(trusted: Trusted, rules: DnssecRules): Usable {
  const allowed = (algorithm: number): boolean => isSupported(algorithm) && !rules.disallowedAlgorithms.has(algorithm)
  const read = trusted.ds.map(readDs).filter(ds => ds !== null)
  const anchors = trusted.keys.map(rdata => ({ rdata, key: readDnskey(rdata) }))
  const keys = anchors.filter(({ key }) => key !== null && allowed(key.algorithm)).map(({ rdata }) => rdata)
  const known = read.filter(({ algorithm }) => allowed(algorithm))
  const ds = known.filter(({ digestType }) => isSupportedDigest(digestType) && !rules.disallowedDigests.has(digestType))
  if (ds.length === 0 && keys.length === 0) {
    const algorithms = [
      ...read.map(({ algorithm }) => algorithm),
      ...anchors.flatMap(({ key }) => (key === null ? [] : [key.algorithm])),
    ]
    if (algorithms.length === 0)
      return { kind: 'bogus', ede: EdeCode.DnssecBogus, text: 'no DS record or trust anchor can be read' }
    if (known.length > 0) {
      return {
        kind: 'insecure',
        note: {
          ede: EdeCode.UnsupportedDsDigestType,
          text: `no DS digest that is validated: ${list(known.map(entry => digestName(entry.digestType)))}`,
        },
      }
    }
    return {
      kind: 'insecure',
      note: {
        ede: EdeCode.UnsupportedDnskeyAlgorithm,
        text: `no DNSSEC algorithm that is validated: ${list(algorithms.map(algorithmName))}`,
      },
    }
  }
  // RFC 4509 section 3: SHA-1 is ignored when there is a better digest.
  const better = ds.filter(({ digestType }) => digestType !== DIGEST_SHA1)
  return { kind: 'usable', ds: better.length > 0 ? better : ds, keys }
}

const list = (texts: readonly string[]): string => [...new Set(texts)].join(', ')

const fitsDs = (key: ZoneKey, ds: Ds): boolean => key.tag === ds.keyTag && key.algorithm === ds.algorithm

/**
 * Is a DS record the digest of a key of `zone` (RFC 4034 section 5.1.4)? `key` is DNSKEY RDATA; tag and algorithm are
 * not looked at.
 */
export function isDigestOf(ds: Ds, zone: Name, key: Uint8Array): boolean {
  const made = digest(ds.digestType, Uint8Array.of(...nameBytes(zone), ...key))
  return made !== null && sameBytes(made, ds.digest)
}

/**
 * Chooses signatures that can be right, then spends verifications on at most `signaturesPerRRset` of them. A key that
 * failed once is not tried again for this set, nor one whose octets are no key (KeyTrap, CVE-2023-50387;
 * CVE-2025-8677).
 */
function judgeSignatures(hearing: Hearing): SetVerdict {
  const { rrset, zone, rules, work } = hearing
  if (!isWithin(rrset.name, zone))
    return refuse(EdeCode.DnssecBogus, rrset, `outside ${formatName(zone)}, whose keys should have signed it`)
  if (rrset.type === RrType.DS && rrset.name === zone && zone !== ROOT)
    return refuse(EdeCode.DnssecBogus, rrset, 'not from the zone above the cut')
  let worst = failure(FurthestStep.NONE, EdeCode.RrsigsMissing, 'no signature')
  const candidates: Candidate[] = []
  for (const rdata of rrset.signatures) {
    const found = examine(hearing, rdata)
    if (found.kind === 'candidate') candidates.push(found)
    else if (found.progress > worst.progress) worst = found
  }
  const failed = new Set<ZoneKey>()
  let tries = 0
  for (const candidate of candidates) {
    const keys = candidate.keys.filter(key => !failed.has(key)).slice(0, rules.limits.keysPerTag)
    if (keys.length === 0) continue
    if (tries++ === rules.limits.signaturesPerRRset) break
    const { rrsig, owner } = candidate
    const octets = signedOctets(headOf(candidate.rdata, rrsig.signer), rrset, owner, rrsig.originalTtl)
    for (const key of keys) {
      const limit = work.takeVerification()
      if (limit !== null) return { kind: 'limit', text: limit }
      const verification = key.verify(octets, rrsig.signature)
      if (verification === 'good') {
        const further = rrset.signatures.length === 1 ? NONE : furtherSignatures(hearing, candidate, key)
        return validBy(hearing, candidate, [candidate.rdata, ...further])
      }
      failed.add(key)
      const text =
        verification === 'bad-key'
          ? `key ${key.tag} (${algorithmName(key.algorithm)}) cannot be used`
          : `the signature by key ${key.tag} (${algorithmName(key.algorithm)}) does not verify`
      worst = failure(FurthestStep.VERIFICATION, EdeCode.DnssecBogus, text, rrsig)
    }
  }
  return refuse(worst.ede, rrset, worst.text, worst.rrsig)
}

const NONE: readonly Uint8Array[] = Object.freeze([])

/** The RDATA up to the signature, the signer's name in lower case (RFC 4034 section 3.1.8.1). */
function headOf(rdata: Uint8Array, signer: Name): Uint8Array {
  const head = copyOf(rdata, 0, RRSIG_FIXED_OCTETS + signer.length)
  writeName(signer, head, RRSIG_FIXED_OCTETS)
  return head
}

/**
 * Signatures that a validator after us may need besides the one that verified: by another algorithm, which is perhaps
 * the only one that it knows, and over a DNSKEY set by other keys, of which perhaps one alone is its anchor (a revoked
 * one among them, RFC 5011 section 2.1). Only those that verify, at most `signaturesKept` in all; work that runs out
 * ends the search.
 */
function furtherSignatures(hearing: Hearing, first: Candidate, by: ZoneKey): Uint8Array[] {
  const { rrset, rules, work, furtherKeys } = hearing
  const { signaturesKept } = rules.limits
  const kept: Uint8Array[] = []
  const isKeySet = rrset.type === RrType.DNSKEY
  const used = new Set<ZoneKey | number>([isKeySet ? by : by.algorithm])
  for (const rdata of rrset.signatures) {
    if (rdata === first.rdata) continue
    const found = examine({ ...hearing, keys: furtherKeys, revokedToo: isKeySet }, rdata)
    const key = found.kind === 'candidate' && found.owner === first.owner ? found.keys[0] : undefined
    if (found.kind !== 'candidate' || key === undefined || used.has(isKeySet ? key : key.algorithm)) continue
    if (used.size === signaturesKept || work.takeVerification() !== null) break
    // Used up by a signature that does not verify as well: junk must not cost more than one try for each key.
    used.add(isKeySet ? key : key.algorithm)
    const octets = signedOctets(headOf(rdata, found.rrsig.signer), rrset, found.owner, found.rrsig.originalTtl)
    if (key.verify(octets, found.rrsig.signature) === 'good') kept.push(rdata)
  }
  return kept
}

function validBy(
  { rrset, zone, wall }: Hearing,
  { rrsig, owner }: Candidate,
  signatures: readonly Uint8Array[],
): SetVerdict {
  const left = serialDistance(Math.floor(wall), rrsig.expiration)
  return {
    kind: 'valid',
    keyTag: rrsig.keyTag,
    algorithm: rrsig.algorithm,
    expires: Math.floor(wall) + left,
    ttl: Math.max(0, Math.min(rrset.ttl, rrsig.originalTtl, left)),
    signatures,
    expansion: owner === rrset.name ? null : { wildcard: owner, zone },
  }
}

/** All that can be said of a signature without cryptography. */
function examine(hearing: Hearing, rdata: Uint8Array): Candidate | SignatureFailure {
  const { rrset, zone } = hearing
  const rrsig = readRrsig(rdata)
  if (rrsig === null || rrsig.covered !== rrset.type)
    return failure(FurthestStep.FORM, EdeCode.DnssecBogus, 'the signature is malformed or over another type')
  if (rrsig.signer !== zone)
    return failure(
      FurthestStep.FORM,
      EdeCode.DnssecBogus,
      `signed by ${formatName(rrsig.signer)}, not by ${formatName(zone)}`,
    )
  // Fewer labels than the signer would be a wildcard above the zone, over zones of others (CVE-2026-44690).
  const owner = rrsig.labels < labelCount(zone) ? null : signedOwner(rrset.name, rrsig.labels)
  if (owner === null) {
    return failure(
      FurthestStep.SCOPE,
      EdeCode.DnssecBogus,
      `the signature counts ${counted(rrsig.labels, 'label')}, its signer has ${labelCount(zone)} and its ` +
        `owner ${signedLabels(rrset.name)}`,
    )
  }
  const keys = keysFor(hearing, rrsig)
  if (!Array.isArray(keys)) return keys
  return timeFailure(rrsig, Math.floor(hearing.wall)) ?? { kind: 'candidate', rdata, rrsig, owner, keys }
}

function keysFor({ keys, rules, revokedToo, keyMissing }: Hearing, rrsig: Rrsig): ZoneKey[] | SignatureFailure {
  if (!isSupported(rrsig.algorithm) || rules.disallowedAlgorithms.has(rrsig.algorithm)) {
    return failure(
      FurthestStep.ALGORITHM,
      EdeCode.RrsigsMissing,
      `no signature of an algorithm that is validated (${algorithmName(rrsig.algorithm)} is not)`,
      rrsig,
    )
  }
  const by = (): string => `signed by key ${rrsig.keyTag} (${algorithmName(rrsig.algorithm)})`
  const fitting = keys.filter(key => key.tag === rrsig.keyTag && key.algorithm === rrsig.algorithm)
  if (fitting.length === 0)
    return failure(FurthestStep.KEY, keyMissing, `${by()}, which is none of the keys that may sign it`, rrsig)
  const current = fitting.filter(key => revokedToo || (key.flags & DnskeyFlag.REVOKE) === 0)
  if (current.length === 0) return failure(FurthestStep.KEY, keyMissing, `${by()}, which is revoked`, rrsig)
  const zoneKeys = current.filter(key => (key.flags & DnskeyFlag.ZONE) !== 0)
  return zoneKeys.length > 0
    ? zoneKeys
    : failure(FurthestStep.KEY_FLAGS, EdeCode.NoZoneKeyBitSet, `${by()}, which is no zone key`, rrsig)
}

/** RFC 4034 section 3.1.5: both ends belong to the time of validity. */
function timeFailure(rrsig: Rrsig, wall: number): SignatureFailure | null {
  const by = (): string => `the signature by key ${rrsig.keyTag} (${algorithmName(rrsig.algorithm)})`
  if (serialDistance(rrsig.inception, rrsig.expiration) < 0)
    return failure(FurthestStep.TIME, EdeCode.SignatureExpiredBeforeValid, `${by()} ends before it begins`, rrsig)
  if (serialDistance(wall, rrsig.expiration) < 0)
    return failure(
      FurthestStep.TIME,
      EdeCode.SignatureExpired,
      `${by()} expired ${readableTime(rrsig.expiration)}`,
      rrsig,
    )
  if (serialDistance(rrsig.inception, wall) < 0)
    return failure(
      FurthestStep.TIME,
      EdeCode.SignatureNotYetValid,
      `${by()} is valid from ${readableTime(rrsig.inception)} on`,
      rrsig,
    )
  return null
}

/** From `a` to `b` in serial number arithmetic (RFC 1982): seconds, negative when `b` lies before `a`. */
const serialDistance = (a: number, b: number): number => (b - a) | 0

const refuse = (ede: EdeCode, rrset: RRset, reason: string, rrsig: Rrsig | null = null): Refusal => ({
  kind: 'bogus',
  ede,
  text: `${formatName(rrset.name)} ${typeName(rrset.type)}: ${reason}`,
  reason,
  signature: rrsig === null ? null : { keyTag: rrsig.keyTag, algorithm: rrsig.algorithm, expires: rrsig.expiration },
})
