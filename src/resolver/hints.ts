/**
 * What of a reply with aliases its server is in charge of. The first alias stands at the name that was asked for; all
 * that follows it (more aliases, the set or the denial at the end, the rcode) speaks of names that the server may have
 * given away, and is a hint (RFC 2181 section 5.4.1, RFC 1034 section 5.3.3 step 4c). Pure.
 *
 * For example `www.a.test CNAME x.sub.a.test` with NXDOMAIN and the SOA of a.test, from a server that delegates
 * sub.a.test: the alias counts, and x.sub.a.test is asked for at the servers of sub.a.test.
 */
import { foldName, isStrictlyWithin, type Name } from '../dns/name.ts'
import { targetOf } from '../dns/rdata.ts'
import { RrType } from '../dns/types.ts'
import type { Security } from '../steps.ts'
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
  const aliases = chain.aliases.slice(0, head.type === RrType.DNAME ? 2 : 1)
  const cname = aliases.at(-1)
  const [rdata] = cname?.type === RrType.CNAME ? cname.rdatas : []
  const to = rdata === undefined ? null : targetOf(rdata)
  if (to === null) return null
  const target = foldName(to)
  const { proof, authoritative, lastResort } = verdict.kind === 'alias-trouble' ? NOT_KNOWN : verdict
  return {
    kind: 'alias',
    chain: { aliases, name: target, final: null, trouble: null, steps: 1 },
    target,
    proof,
    authoritative,
    lastResort,
  }
}

const NOT_KNOWN = { proof: [], authoritative: false, lastResort: false }

/** What the caches hold of the last name of a chain. */
export interface KnownOfTarget {
  /** The deepest zone known at or above it. */
  readonly deepestZone: Name
  /** Of the type that is asked for. */
  readonly hasData: boolean
}

/**
 * The verdict without its end, when that is a hint: the name at the end of the aliases is then asked for on its own.
 * `zone` is the one that was asked.
 */
export function withoutHint(judged: Judged, zone: Name, known: KnownOfTarget): Judged {
  const { verdict, aliases, end, wildcards } = judged
  if (verdict.kind === 'alias-trouble' || aliases.length === 0 || !isHint(verdict, end, zone, known)) return judged
  const { chain, proof, authoritative, lastResort } = verdict
  return {
    kind: 'judged',
    verdict: { kind: 'alias', chain, target: chain.name, proof, authoritative, lastResort },
    aliases,
    end: secure,
    denials: [],
    wildcards,
  }
}

/**
 * Must what follows the aliases be asked for on its own? What is proven need not. An NXDOMAIN is too much to take from
 * a hint: servers send it for names that they have delegated, and for empty non-terminals. Data, and its absence at a
 * name that exists, are taken unless something else is known: a zone cut between the server's zone and the name, or
 * data that is denied.
 */
function isHint(
  verdict: Exclude<JudgedVerdict, { kind: 'alias-trouble' }>,
  end: Security,
  zone: Name,
  { deepestZone, hasData }: KnownOfTarget,
): boolean {
  if (end.kind === 'secure') return false
  switch (verdict.kind) {
    case 'nxdomain':
      return true
    case 'nodata':
      return hasData || isStrictlyWithin(deepestZone, verdict.soa?.name ?? zone)
    case 'answer':
      // The CNAME that was asked for and a DNAME made: nothing follows an alias.
      return verdict.rrset.type !== RrType.CNAME && isStrictlyWithin(deepestZone, zone)
    case 'alias':
      return false
    default:
      return verdict satisfies never
  }
}
