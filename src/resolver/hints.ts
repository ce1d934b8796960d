/**
 * What of a reply with aliases its server is in charge of. The first alias stands at the name that was asked for; all
 * that follows it (more aliases, the set or the denial at the end, the rcode) speaks of names that the server may have
 * given away, and is a hint (RFC 2181 section 5.4.1, RFC 1034 section 5.3.3 step 4c). Pure.
 *
 * For example `www.a.test CNAME x.sub.a.test` with NXDOMAIN and the SOA of a.test, from a server that delegates
 * sub.a.test: the alias counts, and x.sub.a.test is asked for at the servers of sub.a.test.
 */
import { foldName, isStrictlyWithin, labelCount, type Name } from '../dns/name.ts'
import { targetOf } from '../dns/rdata.ts'
import type { RRset } from '../dns/rrset.ts'
import { RrType } from '../dns/types.ts'
import { isSynthesised } from '../dnssec/set-facts.ts'
import { secure } from './outcome.ts'
import type { FinalVerdict, Judged, JudgedVerdict } from './validation/judged.ts'

/**
 * The verdict as far as its first alias (a DNAME with the CNAME that it makes); null when there is none, or nothing
 * after it.
 */
export function firstAliasOf(verdict: FinalVerdict, type: number): FinalVerdict | null {
  const { chain } = verdict
  const [head] = chain.aliases
  if (head === undefined || type === RrType.CNAME || (verdict.kind === 'alias' && chain.steps < 2)) return null
  const aliases = chain.aliases.slice(0, firstStep(head))
  const target = targetAfter(aliases)
  if (target === null) return null
  const { proof, authoritative, lastResort } = verdict
  return {
    kind: 'alias',
    chain: { aliases, name: target, final: null, error: null, steps: 1 },
    target,
    proof,
    authoritative,
    lastResort,
  }
}

/** How many sets the first alias of a chain is, by its first set. */
export const firstStep = ({ type }: RRset): number => (type === RrType.DNAME ? 2 : 1)

/** Where the last of these aliases leads; null when it does not lead on. */
function targetAfter(aliases: readonly RRset[]): Name | null {
  const cname = aliases.at(-1)
  const [rdata] = cname?.type === RrType.CNAME ? cname.rdatas : []
  const to = rdata === undefined ? null : targetOf(rdata)
  return to === null ? null : foldName(to)
}

/** What is known of names from elsewhere than the reply. */
export interface KnownOfNames {
  /** The deepest zone known at or above a name. */
  readonly deepestZone: (name: Name) => Name
  /** What the caches hold of the type that is asked for: data, and whether servers of its own zone said it. */
  readonly held: (name: Name) => 'nothing' | 'hint' | 'data'
}

/**
 * The verdict as far as it counts: where something after its first alias is no more than a hint, the aliases before
 * that. Where these lead is then asked for on its own. `zone` is the one that was asked.
 */
export function withoutHints(judged: Judged, zone: Name, known: KnownOfNames): Judged {
  const { verdict, aliases, end } = judged
  const [head] = aliases
  if (verdict.kind === 'alias-trouble' || head === undefined) return judged
  let before: RRset | undefined
  for (const [index, { set, security }] of aliases.entries()) {
    const isFirst = index < firstStep(head.set)
    const isMadeHere = isSynthesised(set, before)
    before = set
    if (isFirst || isMadeHere || security.kind === 'secure') continue
    if (mayBeGivenAway(set.name, zone, known)) return asFarAs(judged, verdict, index)
  }
  return end.kind !== 'secure' && isHint(verdict, zone, known) ? asFarAs(judged, verdict, aliases.length) : judged
}

/** The first `count` sets of the aliases and nothing after them. */
function asFarAs(judged: Judged, verdict: ChainVerdict, count: number): Judged {
  const aliases = judged.aliases.slice(0, count)
  const sets = aliases.map(({ set }) => set)
  const target = targetAfter(sets)
  if (target === null) return judged
  const steps = sets.filter((set, index) => !isSynthesised(set, sets[index - 1])).length
  const { proof, authoritative, lastResort } = verdict
  return {
    ...judged,
    verdict: { kind: 'alias', chain: { name: target, steps }, target, proof, authoritative, lastResort },
    aliases,
    end: secure,
  }
}

type ChainVerdict = Exclude<JudgedVerdict, { kind: 'alias-trouble' }>

/**
 * Must the name at the end of the aliases be asked for on its own? An NXDOMAIN is too much to take from a hint: servers
 * send it for names that they have delegated, and for empty non-terminals. Data is taken at a name that no cut can be
 * above; its absence, which does less harm, unless a cut is known or data that is denied.
 */
function isHint(verdict: ChainVerdict, zone: Name, known: KnownOfNames): boolean {
  const { name } = verdict.chain
  switch (verdict.kind) {
    case 'nxdomain':
      return true
    case 'nodata':
      return known.held(name) !== 'nothing' || isStrictlyWithin(known.deepestZone(name), verdict.soa?.name ?? zone)
    case 'answer':
      // The CNAME that was asked for and a DNAME made: nothing follows an alias.
      return verdict.rrset.type !== RrType.CNAME && (known.held(name) === 'data' || mayBeGivenAway(name, zone, known))
    case 'alias':
      return false
    default:
      return verdict satisfies never
  }
}

/**
 * Is a cut known between the zone and the name, or could there be one? At a name right below the zone's apex there
 * could as well, but then its server refers and has no data for it.
 */
const mayBeGivenAway = (name: Name, zone: Name, { deepestZone }: KnownOfNames): boolean =>
  labelCount(name) > labelCount(zone) + 1 || isStrictlyWithin(deepestZone(name), zone)
