/**
 * What one reply means for one question when asked of the servers of one zone: a pure function from a message to a
 * closed set of verdicts. It decides nothing about servers, retries or the cache.
 */
import type { DelegatedServer } from '../cache/delegations.ts'
import type { IpAddress } from '../dns/address.ts'
import type { Message, Question } from '../dns/message.ts'
import { foldName, isStrictlyWithin, isWithin, type Name } from '../dns/name.ts'
import { ipOf, targetOf } from '../dns/rdata.ts'
import { groupRRsets, type Rr, type RRset } from '../dns/rrset.ts'
import { Rcode, RrType } from '../dns/types.ts'
import type { EngineLimits } from '../limits.ts'
import { followChain, type Chain } from './scrub.ts'

export type RejectReason =
  | 'lame'
  | 'upward-referral'
  | 'refused'
  | 'servfail'
  | 'formerr'
  | 'notimp'
  | 'badvers'
  | 'badcookie'
  | 'other-rcode'
  | 'truncated'
  | 'oversized'
  | 'malformed'

/** What shows that a server is lame for the zone. */
export type LameReason = 'foreign-soa' | 'nxdomain-without-authority' | 'no-data' | 'no-recursion'

/** A reply that is of no use. `lame` is null unless `why` is `lame`. */
export interface Rejection {
  readonly kind: 'reject'
  readonly why: RejectReason
  readonly rcode: number
  readonly lame: LameReason | null
}

/** A zone cut as its parent defines it. `ttl` in seconds, of the NS set. */
export interface Referral {
  readonly zone: Name
  readonly servers: readonly DelegatedServer[]
  readonly ds: RRset | null
  /** The NSEC or NSEC3 sets that came with it: what shows that there is no DS. */
  readonly proof: readonly RRset[]
  readonly ttl: number
}

export type Verdict =
  | {
      readonly kind: 'answer'
      readonly chain: Chain
      readonly rrset: RRset
      /** To a question for ANY: the other sets at the name. */
      readonly rest?: readonly RRset[]
      readonly proof: readonly RRset[]
      readonly authoritative: boolean
      readonly lastResort: boolean
    }
  | {
      readonly kind: 'alias'
      readonly chain: Chain
      readonly target: Name
      readonly proof: readonly RRset[]
      readonly authoritative: boolean
      readonly lastResort: boolean
    }
  | { readonly kind: 'referral'; readonly referral: Referral }
  /** `name` is what does not exist (so); with a chain it is the chain's end. */
  | {
      readonly kind: 'nodata' | 'nxdomain'
      readonly chain: Chain
      readonly name: Name
      readonly soa: RRset | null
      readonly proof: readonly RRset[]
      readonly authoritative: boolean
      readonly lastResort: boolean
    }
  | {
      readonly kind: 'alias-trouble'
      readonly chain: Chain
      readonly error: 'loop' | 'too-long' | 'name-too-long'
      readonly proof: readonly RRset[]
      readonly authoritative: boolean
      readonly lastResort: boolean
    }
  | Rejection

export interface Asked {
  readonly question: Question
  /** The zone whose servers were asked. */
  readonly zone: Name
  /** Take glue only from inside the zone that was asked (Unbound's harden-glue). */
  readonly hardenGlue: boolean
  /** The server is one that resolves for us (RD=1), not one of the zone: it answers from its cache, never refers. */
  readonly forwarded?: boolean | undefined
  /** Names that it must not speak of, since the operator named servers for them. Null: none. */
  readonly isElsewhere?: ((name: Name) => boolean) | null | undefined
}

export function classify(asked: Asked, message: Message, limits: EngineLimits): Verdict {
  const rejected = rejectedByRcode(message)
  if (rejected !== null) return rejected
  if (message.truncated) return reject(message, 'truncated')
  const { question, zone } = asked
  const sets = scrubbed(groupRRsets(message.answer, question.type === RrType.RRSIG), limits)
  const chain = followChain(question, zone, sets, limits.aliasesPerReply, asked.isElsewhere)
  // RFC 6672 section 2.2: YXDOMAIN is what a DNAME makes of the name, and nothing without one.
  if (message.rcode === Rcode.YXDOMAIN && !chain.aliases.some(set => set.type === RrType.DNAME))
    return reject(message, 'other-rcode')
  if (tooLarge(chain, limits)) return reject(message, 'oversized')
  const authoritative = message.authoritative
  // RA without AA: a recursive server speaks from its cache, a zone's server does not (lame for recursion, but data).
  const lastResort = !authoritative && message.recursionAvailable && asked.forwarded !== true
  switch (chain.error) {
    case 'malformed':
      return reject(message, 'malformed')
    case 'loop':
    case 'too-long':
    case 'name-too-long':
      return {
        kind: 'alias-trouble',
        chain,
        error: chain.error,
        proof: expansionProof(zone, message.authority, limits),
        authoritative,
        lastResort,
      }
    case null:
      break
    default:
      chain.error satisfies never
  }
  if (chain.final !== null)
    return {
      kind: 'answer',
      chain,
      rrset: chain.final,
      ...(question.type === RrType.ANY ? { rest: othersAt(chain.final, sets, limits) } : {}),
      proof: expansionProof(zone, message.authority, limits),
      authoritative,
      lastResort,
    }
  return classifyWithoutAnswer(asked, message, chain, lastResort, limits)
}

/** All other sets at the name, as far as they are not too large; none where a DNAME made the one that was found. */
const othersAt = (final: RRset, sets: readonly RRset[], limits: EngineLimits): readonly RRset[] =>
  sets.includes(final)
    ? sets.filter(
        set =>
          set !== final &&
          set.name === final.name &&
          set.class === final.class &&
          set.rdatas.length <= limits.recordsPerRRset,
      )
    : []

function classifyWithoutAnswer(
  asked: Asked,
  message: Message,
  chain: Chain,
  lastResort: boolean,
  limits: EngineLimits,
): Verdict {
  if (asked.forwarded === true) return classifyForwarded(asked, message, chain, limits)
  const { question, zone } = asked
  const authoritative = message.authoritative
  const authority = scrubbed(groupRRsets(message.authority), limits).filter(set => set.class === question.class)
  const soa = denyingSoa(chain.name, zone, authority)
  const denied = { chain, name: chain.name, soa, proof: proofs(zone, authority), authoritative, lastResort }
  if (chain.aliases.length > 0) {
    // RFC 6604 section 3: the rcode speaks of the last name of the chain. Without an SOA from inside this zone nothing
    // is known of it, and it is asked on its own.
    if (soa !== null && isWithin(chain.name, zone) && asked.isElsewhere?.(chain.name) !== true)
      return { ...denied, kind: message.rcode === Rcode.NXDOMAIN ? 'nxdomain' : 'nodata' }
    return { kind: 'alias', chain, target: chain.name, proof: denied.proof, authoritative, lastResort }
  }
  const ns = authority.filter(set => set.type === RrType.NS)
  const foreign = soa === null ? authority.find(set => set.type === RrType.SOA && !isWithin(set.name, zone)) : undefined
  // A balancer that serves one name and says AA with the SOA of the zone above it has no such data: that is accepted
  // for this question and not cached, since the SOA is not from a zone that it was asked about. With the SOA of a zone
  // elsewhere it is taken when no other server knows better.
  if (foreign !== undefined && !authoritative) return lame(message, 'foreign-soa')
  const elsewhere = foreign !== undefined && !isWithin(zone, foreign.name)
  if (message.rcode === Rcode.NXDOMAIN) {
    return soa === null && !authoritative
      ? lame(message, 'nxdomain-without-authority')
      : { ...denied, kind: 'nxdomain', lastResort: lastResort || elsewhere }
  }
  if (soa !== null) return { ...denied, kind: 'nodata' }
  const cut = ns.find(set => isStrictlyWithin(set.name, zone) && isWithin(question.name, set.name))
  if (cut !== undefined) {
    // RFC 4035 section 3.1.4.1: DS belongs to the parent; a server that refers it to the child has none to give.
    if (question.type === RrType.DS && cut.name === question.name) return { ...denied, kind: 'nodata' }
    return { kind: 'referral', referral: readReferral(asked, cut, authority, message.additional) }
  }
  return withoutSoa(asked, message, { ...denied, lastResort: elsewhere }, ns)
}

/**
 * No data from a server that resolves for us: a denial, or an alias that leads on. Its SOA may be of any zone at or
 * above the name, for the forward zone need not be a zone of the DNS. NS records without data are no referral from one
 * that can resolve, and no answer from one that cannot.
 */
function classifyForwarded(
  { question, zone, isElsewhere }: Asked,
  message: Message,
  chain: Chain,
  limits: EngineLimits,
): Verdict {
  const { authoritative, recursionAvailable, rcode } = message
  const authority = scrubbed(groupRRsets(message.authority), limits).filter(set => set.class === question.class)
  const isTheirs = isWithin(chain.name, zone) && isElsewhere?.(chain.name) !== true
  const soa = authority.find(set => set.type === RrType.SOA && isWithin(chain.name, set.name)) ?? null
  const proof = authority.filter(set => set.type === RrType.NSEC || set.type === RrType.NSEC3)
  const common = { chain, proof, authoritative, lastResort: false }
  if (chain.aliases.length > 0 && (!isTheirs || soa === null)) return { ...common, kind: 'alias', target: chain.name }
  if (soa === null && !authoritative && !recursionAvailable) return lame(message, 'no-recursion')
  return { ...common, kind: rcode === Rcode.NXDOMAIN ? 'nxdomain' : 'nodata', name: chain.name, soa }
}

/**
 * Neither data nor an SOA. RFC 2308 section 2.2: with NS records it is a referral and not NODATA, whatever AA says; one
 * that leads upwards comes from a server that has not got the zone. The zone's own NS records, and an answer section of
 * which nothing is of use, stand for NODATA only when no other server knows better.
 */
function withoutSoa(
  { zone }: Asked,
  message: Message,
  denied: Omit<Extract<Verdict, { kind: 'nodata' | 'nxdomain' }>, 'kind'>,
  ns: readonly RRset[],
): Verdict {
  const upwards = ns.some(set => isStrictlyWithin(zone, set.name))
  const own = ns.some(set => set.name === zone)
  if (upwards || (own && !message.authoritative)) return reject(message, 'upward-referral')
  if (!message.authoritative) return lame(message, 'no-data')
  return { ...denied, kind: 'nodata', lastResort: denied.lastResort || own || message.answer.length > 0 }
}

/** Sets with no more signatures than anybody needs. */
const scrubbed = (sets: readonly RRset[], { signaturesPerRRset }: EngineLimits): readonly RRset[] =>
  sets.some(set => set.signatures.length > signaturesPerRRset)
    ? sets.map(set => ({ ...set, signatures: set.signatures.slice(0, signaturesPerRRset) }))
    : sets

const reject = ({ rcode }: Message, why: RejectReason): Rejection => ({ kind: 'reject', why, rcode, lame: null })

const lame = ({ rcode }: Message, reason: LameReason): Rejection => ({
  kind: 'reject',
  why: 'lame',
  rcode,
  lame: reason,
})

function rejectedByRcode(message: Message): Rejection | null {
  switch (message.rcode) {
    case Rcode.NOERROR:
    case Rcode.NXDOMAIN:
    case Rcode.YXDOMAIN: // as good as the DNAME in the answer
      return null
    case Rcode.FORMERR:
      return reject(message, 'formerr')
    case Rcode.SERVFAIL:
      return reject(message, 'servfail')
    case Rcode.NOTIMP:
      return reject(message, 'notimp')
    case Rcode.REFUSED:
    case Rcode.NOTAUTH:
      return reject(message, 'refused')
    case Rcode.BADVERS:
      return reject(message, 'badvers')
    case Rcode.BADCOOKIE:
      return reject(message, 'badcookie')
    default:
      return reject(message, 'other-rcode')
  }
}

const tooLarge = (chain: Chain, limits: EngineLimits): boolean =>
  (chain.final?.rdatas.length ?? 0) > limits.recordsPerRRset ||
  chain.aliases.some(set => set.rdatas.length > limits.recordsPerRRset)

/**
 * The SOA that vouches for a denial: of a zone at or below the one asked, at or above the name denied (RFC 2308 section
 * 2).
 */
const denyingSoa = (name: Name, zone: Name, authority: readonly RRset[]): RRset | null =>
  authority.find(set => set.type === RrType.SOA && isWithin(name, set.name) && isWithin(set.name, zone)) ?? null

const proofs = (zone: Name, authority: readonly RRset[]): readonly RRset[] =>
  authority.filter(set => (set.type === RrType.NSEC || set.type === RrType.NSEC3) && isWithin(set.name, zone))

/**
 * What shows that a wildcard answered because the name itself does not exist (RFC 4035 section 3.1.3.3): most answers
 * have none.
 */
const expansionProof = (zone: Name, authority: readonly Rr[], limits: EngineLimits): readonly RRset[] =>
  authority.some(record => record.type === RrType.NSEC || record.type === RrType.NSEC3)
    ? proofs(zone, scrubbed(groupRRsets(authority), limits))
    : []

function readReferral(asked: Asked, cut: RRset, authority: readonly RRset[], additional: readonly Rr[]): Referral {
  const glue = new Map<Name, IpAddress[]>()
  for (const record of additional) {
    if (record.type !== RrType.A && record.type !== RrType.AAAA) continue
    const owner = foldName(record.owner)
    const ip = ipOf(record.type, record.rdata)
    if (ip === null || (asked.hardenGlue && !isWithin(owner, asked.zone))) continue
    const known = glue.get(owner)
    if (known === undefined) glue.set(owner, [ip])
    else if (!known.some(other => other.text === ip.text)) known.push(ip)
  }
  const servers = new Map<Name, DelegatedServer>()
  for (const rdata of cut.rdatas) {
    const target = targetOf(rdata)
    if (target === null) continue
    const name = foldName(target)
    servers.set(name, { name, addresses: glue.get(name) ?? [] })
  }
  const ds = authority.find(set => set.type === RrType.DS && set.name === cut.name) ?? null
  const proof = ds === null ? proofs(asked.zone, authority) : []
  return { zone: cut.name, servers: [...servers.values()], ds, proof, ttl: cut.ttl }
}
