/**
 * What can be read from RRsets and their signatures without verifying anything: who signs, what a wildcard or a DNAME
 * made. And which of two securities is the weaker. Pure.
 *
 * Limitations: of a set that is not secure these are statements of whoever sent it.
 */
import { isStrictlyWithin, isWildcard, isWithin, labelCount, type Name } from '../dns/name.ts'
import { readRrsig, readSigner } from '../dns/rdata-dnssec.ts'
import type { RRset } from '../dns/rrset.ts'
import { RrType } from '../dns/types.ts'
import type { Security } from '../steps.ts'

/** An honest set has one signer; a second is looked at so that one planted signature does not shadow the true one. */
export const MAX_SIGNERS = 2

/** The distinct signers that the signatures of a set name and that may sign it, at most `MAX_SIGNERS`. */
export function signersOf(set: RRset): readonly Name[] {
  const signers: Name[] = []
  for (const rdata of set.signatures) {
    const signer = readSigner(rdata)
    if (signer !== null && maySign(signer, set) && !signers.includes(signer)) signers.push(signer)
    if (signers.length === MAX_SIGNERS) break
  }
  return signers
}

/** RFC 4035 section 2.4: a DS set is signed by the zone above the cut. */
const maySign = (signer: Name, { name, type }: RRset): boolean =>
  type === RrType.DS ? isStrictlyWithin(name, signer) : isWithin(name, signer)

/**
 * Does a signature say that it was made from a wildcard (RFC 4035 section 5.3.4: it counts fewer labels than the owner
 * has)? Of a secure set the answer is true; of any other it is what the sender wants to be thought, and decides only
 * whether the proof that came with it is kept.
 */
export function isExpanded(set: RRset): boolean {
  if (set.signatures.length === 0) return false
  const labels = labelCount(set.name) - (isWildcard(set.name) ? 1 : 0)
  return set.signatures.some(rdata => (rdata[LABELS_OFFSET] ?? labels) < labels)
}

/** RFC 4034 section 3.1: where an RRSIG counts the labels of what it signs. */
const LABELS_OFFSET = 3

/**
 * Seconds until the first of the signatures of a set expires, negative when one has; Infinity without signatures.
 * `wall` in seconds since 1970 (RFC 1982 serial numbers, RFC 4034 section 3.1.5).
 */
export function signaturesEndIn({ signatures }: RRset, wall: number): number {
  let left = Number.POSITIVE_INFINITY
  for (const rdata of signatures) {
    const rrsig = readRrsig(rdata)
    if (rrsig !== null) left = Math.min(left, (rrsig.expiration - Math.floor(wall)) | 0)
  }
  return left
}

/** Was this CNAME made by us from the DNAME that is `before` it in its chain (RFC 6672 section 5.3.1)? */
export const isSynthesised = (set: RRset, before: RRset | undefined): boolean =>
  set.type === RrType.CNAME && set.signatures.length === 0 && before?.type === RrType.DNAME

/** The weaker of two (RFC 4035 section 4.3): an answer is as good as its worst part. */
export function weaker(a: Security, b: Security): Security {
  const rank = (security: Security): number => RANKS.indexOf(security.kind)
  return rank(a) <= rank(b) ? a : b
}

const RANKS: readonly Security['kind'][] = ['bogus', 'indeterminate', 'insecure', 'secure']
