/**
 * A verdict with what validation found of each of its parts, and the outcome that it comes to. Pure.
 *
 * For example `www.a.test CNAME x.b.test` from an unsigned zone and `x.b.test A` from a signed one: the alias is
 * insecure, the end is secure, the answer that a client gets is insecure.
 */
import { boundedTtl, negativeTtl, type TtlBounds, type TtlLimits } from '../../cache/ttl.ts'
import { readSoa } from '../../dns/rdata.ts'
import { withTtl, type RRset } from '../../dns/rrset.ts'
import type { WildcardSet } from '../../dnssec/rules.ts'
import { weaker } from '../../dnssec/set-facts.ts'
import type { Outcome, Security } from '../../steps.ts'
import type { UsableVerdict } from '../asking/attempt.ts'
import { failure, indeterminate, type Failure } from '../outcome.ts'
import type { Chain } from '../scrub.ts'

/** Verdicts that answer a question, or lead on. */
export type FinalVerdict = Exclude<UsableVerdict, { kind: 'referral' }>

export interface JudgedSet {
  readonly set: RRset
  readonly security: Security
}

type WithoutAliases<V extends FinalVerdict> = V extends FinalVerdict
  ? Omit<V, 'chain'> & { readonly chain: Pick<Chain, 'name' | 'steps'> }
  : never

/** A verdict whose aliases are in `Judged.aliases` and nowhere else. */
export type JudgedVerdict = WithoutAliases<FinalVerdict>

export interface Judged {
  readonly kind: 'judged'
  readonly verdict: JudgedVerdict
  /** The sets of the alias chain, in order. */
  readonly aliases: readonly JudgedSet[]
  /** Of the set or the denial that the verdict ends in. */
  readonly end: Security
  /**
   * The sets of the verdict's proof whose signatures were verified: those that are good for other names too (RFC 8198).
   */
  readonly denials: readonly RRset[]
  /**
   * The data of wildcards that secure sets of the verdict were expanded from: good for other names as well (RFC 8198
   * section 5.3).
   */
  readonly wildcards: readonly WildcardSet[]
}

/** A verdict as it came from its servers: everything in it is indeterminate. */
export const withoutValidation = (verdict: FinalVerdict): Judged => ({
  kind: 'judged',
  verdict,
  // Nearly all verdicts have none.
  aliases:
    verdict.chain.aliases.length === 0
      ? NO_ALIASES
      : verdict.chain.aliases.map(set => ({ set, security: indeterminate })),
  end: indeterminate,
  denials: NO_SETS,
  wildcards: NO_WILDCARDS,
})

const NO_ALIASES: readonly JudgedSet[] = Object.freeze([])
const NO_SETS: readonly RRset[] = Object.freeze([])
const NO_WILDCARDS: readonly WildcardSet[] = Object.freeze([])

/**
 * What a client gets of a verdict, with the TTLs that the cache would give. Of a verdict that leads on, its aliases; a
 * failure for a chain that cannot be followed.
 */
export function outcomeOf({ verdict, aliases, end }: Judged, ttls: TtlBounds): Outcome {
  const bounded = (set: RRset, { kind }: Security): RRset =>
    withTtl(set, boundedTtl(set.ttl, ttls.of(set.name), kind === 'secure'))
  const clamp = (set: RRset): RRset => bounded(set, end)
  if (verdict.kind === 'alias-trouble')
    return chainFailure(
      verdict.error,
      aliases.map(({ set }) => set),
    )
  const { proof } = verdict
  // Nearly all answers are one set.
  if (verdict.kind === 'answer' && aliases.length === 0) {
    return {
      kind: 'answer',
      rrsets: verdict.rest === undefined ? [clamp(verdict.rrset)] : [verdict.rrset, ...verdict.rest].map(clamp),
      proof,
      security: end,
      authoritative: false,
      additional: NO_SETS,
    }
  }
  const rrsets = aliases.map(({ set, security }) => bounded(set, security))
  const security = aliases.reduce((weakest, alias) => weaker(weakest, alias.security), end)
  switch (verdict.kind) {
    case 'answer':
      rrsets.push(clamp(verdict.rrset), ...(verdict.rest ?? []).map(clamp))
      return { kind: 'answer', rrsets, proof, security, authoritative: false, additional: NO_SETS }
    case 'alias':
      return { kind: 'answer', rrsets, proof, security, authoritative: false, additional: NO_SETS }
    case 'nodata':
    case 'nxdomain': {
      const soa = verdict.soa === null ? null : denialSoa(verdict.soa, ttls.of(verdict.name), end)
      return { kind: verdict.kind, rrsets, soa, proof, security, authoritative: false }
    }
    default:
      return verdict satisfies never
  }
}

/** RFC 2308 section 3: the SOA goes out with the TTL of the denial. */
function denialSoa(soa: RRset, limits: TtlLimits, { kind }: Security): RRset {
  const [rdata] = soa.rdatas
  const minimum = rdata === undefined ? null : readSoa(rdata)?.minimum
  return withTtl(soa, negativeTtl(soa.ttl, minimum ?? 0, limits, kind === 'secure'))
}

function chainFailure(trouble: 'loop' | 'too-long' | 'name-too-long', aliases: readonly RRset[]): Failure {
  switch (trouble) {
    case 'loop':
      return failure('alias-chain', 'the alias chain is a loop', aliases)
    case 'too-long':
      return failure('alias-chain', 'more aliases in one reply than are followed', aliases)
    case 'name-too-long':
      return failure('name-too-long', 'the name after DNAME substitution is longer than 255 octets', aliases)
    default:
      return trouble satisfies never
  }
}
