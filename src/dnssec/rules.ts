/**
 * Inputs and results of the checks in this folder: the rules of this resolver, the work that one client query may
 * cause, and the closed sets of verdicts. No judgement is made here.
 */
import type { Name } from '../dns/name.ts'
import type { RRset } from '../dns/rrset.ts'
import type { DnssecLimits } from '../limits.ts'
import type { FailureReason, SecurityNote } from '../steps.ts'

/** What is accepted. */
export interface DnssecRules {
  readonly limits: DnssecLimits
  /** RFC 9276 section 3.2: above this NSEC3 proves nothing and the zone is treated as insecure. */
  readonly nsec3MaxIterations: number
  /** DNSKEY algorithms that are not trusted (RFC 9904); a zone that has no other is insecure. */
  readonly disallowedAlgorithms: ReadonlySet<number>
  /** DS digest types that are not trusted. */
  readonly disallowedDigests: ReadonlySet<number>
}

/**
 * What validation takes from the budget of the client's query. Each answers null, or the words that name the limit that
 * is reached.
 */
export interface Work {
  takeVerification(): string | null
  takeNsec3Hash(): string | null
}

/** What one key says of one signature. `bad-key`: its octets are no key, or one beyond what is verified here. */
export type Verification = 'good' | 'bad' | 'bad-key' | 'unsupported'

/** One key of a zone, read once; made by `zoneKey` of `algorithms.ts`. */
export interface ZoneKey {
  readonly tag: number
  readonly algorithm: number
  readonly flags: number
  readonly rdata: Uint8Array
  /** `octets` are the signed ones. The first call makes the key that later ones use again. */
  verify(octets: Uint8Array, signature: Uint8Array): Verification
}

/** The keys of a zone, its DNSKEY set having been validated. */
export interface ZoneKeys {
  readonly zone: Name
  readonly keys: readonly ZoneKey[]
}

/** One signature, as its RRSIG names it. `expires` in seconds since 1970. */
export interface SignatureFacts {
  readonly keyTag: number
  readonly algorithm: number
  readonly expires: number
}

/**
 * Bogus, and a limit that ended the work (which is bogus too, but speaks of the asker's budget). `text` is for the
 * client; of a set whose signatures do not hold `reason` is the same without the set's name, and `signature` the one
 * that came furthest.
 */
export type Refusal =
  | ({
      readonly kind: 'bogus'
      readonly reason?: string
      readonly signature?: SignatureFacts | null
    } & SecurityNote)
  /** `why` where it is not the bounds of validation: what a look-up of the chain ended for. */
  | { readonly kind: 'limit'; readonly text: string; readonly why?: FailureReason }

/** What the signatures over one RRset come to. */
export type SetVerdict =
  | {
      readonly kind: 'valid'
      readonly keyTag: number
      readonly algorithm: number
      /** Seconds since 1970: when the signature ends. */
      readonly expires: number
      /**
       * Seconds: the least of the received TTL, the original TTL and what is left of the signature (RFC 4035 section
       * 5.3.3).
       */
      readonly ttl: number
      /** RDATA of the signatures that verified: nothing else of what came with the set counts from here on. */
      readonly signatures: readonly Uint8Array[]
      /** When the set was expanded from a wildcard (RFC 4035 section 5.3.4), which then needs a proof. */
      readonly expansion: Expansion | null
    }
  | Refusal

/**
 * What the signature that verified says of a set that a wildcard made: `wildcard` is `*.closest` and lies within
 * `zone`, its signer.
 */
export interface Expansion {
  readonly wildcard: Name
  readonly zone: Name
}

/**
 * The data of a wildcard, read back from a set that was expanded from it (RFC 8198 section 5.3): the one case in which
 * data counts under another name than it came under. Only `unexpanded` of `signature.ts` makes one.
 */
export interface WildcardSet {
  readonly kind: 'wildcard-set'
  /** Its owner is the wildcard. */
  readonly rrset: RRset
}

/** What a DNSKEY set comes to against the DS set or the trust anchors of its zone. */
export type KeysVerdict =
  | {
      readonly kind: 'secure'
      readonly keys: ZoneKeys
      readonly keyTag: number
      readonly algorithm: number
      readonly expires: number
      readonly ttl: number
      /** RDATA of the signatures that verified. */
      readonly signatures: readonly Uint8Array[]
    }
  /** No algorithm or digest that is supported and allowed (RFC 4035 section 5.2, RFC 6840 section 5.2). */
  | { readonly kind: 'insecure'; readonly note: SecurityNote }
  | Refusal

/** What is claimed not to exist. `wildcard` in a claim is `*.closest` that an answer was expanded from. */
export type DenialClaim =
  | { readonly kind: 'nxdomain'; readonly name: Name }
  | { readonly kind: 'nodata'; readonly name: Name; readonly type: number }
  | { readonly kind: 'expansion'; readonly name: Name; readonly wildcard: Name }
  /** There is no DS at a name: a referral without one, or an empty answer to a DS question. */
  | { readonly kind: 'no-ds'; readonly name: Name }

export type DenialVerdict =
  /**
   * `sets` are those that were needed. `delegation`, for `no-ds` alone: is the name a zone cut (NS in the type bitmap)?
   */
  | { readonly kind: 'proven'; readonly sets: readonly RRset[]; readonly delegation: boolean }
  /** True only as far as unsigned delegations go: opt-out (RFC 5155 section 6) or too many iterations (RFC 9276). */
  | { readonly kind: 'insecure'; readonly note: SecurityNote | null }
  | Refusal
