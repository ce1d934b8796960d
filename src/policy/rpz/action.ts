/** What a rule of a response policy zone does, as its records say it (draft-vixie-dnsop-dns-rpz-00 section 3). */
import { foldName, labelsOf, parentOf, ROOT, type WireName } from '../../dns/name.ts'
import { targetOf } from '../../dns/rdata.ts'
import type { RRset } from '../../dns/rrset.ts'
import { RrType } from '../../dns/types.ts'
import { formatName } from '../../presentation/text.ts'
import type { Trigger } from './trigger.ts'

export type SimpleAction = 'nxdomain' | 'nodata' | 'passthru' | 'drop' | 'tcp-only'

export type Action =
  | { readonly kind: SimpleAction; readonly ttl: number }
  /** `below`: the name that was asked for is put in front of the target. */
  | { readonly kind: 'cname'; readonly target: WireName; readonly below: boolean; readonly ttl: number }
  /** Its sets by type; types that are not there are NODATA. */
  | { readonly kind: 'data'; readonly sets: readonly RRset[] }

/** Types that say something of the policy zone and not of the names that it has rules for. */
const IGNORED: ReadonlySet<number> = new Set([
  RrType.SOA,
  RrType.NS,
  RrType.DNAME,
  RrType.DS,
  RrType.DNSKEY,
  RrType.RRSIG,
  RrType.NSEC,
  RrType.NSEC3,
  RrType.NSEC3PARAM,
  RrType.CDS,
  RrType.CDNSKEY,
  RrType.ZONEMD,
])
export const isOfPolicy = (type: number): boolean => !IGNORED.has(type)

/** Targets that are words; the names of other zones never end in a label that begins so. */
const WORDS: ReadonlyMap<string, SimpleAction> = new Map([
  ['rpz-passthru', 'passthru'],
  ['rpz-drop', 'drop'],
  ['rpz-tcp-only', 'tcp-only'],
])

/** `sets` are those of the rule's owner. Null: there is no rule. */
export function readAction(sets: Iterable<RRset>, trigger: Trigger): Action | { readonly error: string } | null {
  const ours = [...sets].filter(({ type }) => isOfPolicy(type))
  const cname = ours.find(({ type }) => type === RrType.CNAME)
  if (cname === undefined) return ours.length === 0 ? null : { kind: 'data', sets: ours }
  const [rdata] = cname.rdatas
  const target = rdata === undefined ? null : targetOf(rdata)
  if (target === null) return { error: 'its CNAME has no target' }
  const action = readTarget(target, cname.ttl, trigger)
  // A type that is there answers for itself; the CNAME is for all others.
  return ours.length > 1 && 'kind' in action && action.kind === 'cname' ? { kind: 'data', sets: ours } : action
}

function readTarget(target: WireName, ttl: number, trigger: Trigger): Action | { readonly error: string } {
  const folded = foldName(target)
  if (folded === ROOT) return { kind: 'nxdomain', ttl }
  const labels = labelsOf(folded)
  const [first] = labels
  if (first === '*' && labels.length === 1) return { kind: 'nodata', ttl }
  const word = labels.length === 1 && first !== undefined ? WORDS.get(first) : undefined
  if (word !== undefined) return { kind: word, ttl }
  if (labels.at(-1)?.startsWith('rpz-') === true)
    return { error: `${formatName(folded)} is no action; there are ., *., rpz-passthru., rpz-drop. and rpz-tcp-only.` }
  // The oldest way to say passthru: a name is an alias of itself.
  const isName = trigger.kind === 'qname' || trigger.kind === 'nsdname'
  const below = first === '*'
  if (isName && trigger.wildcard === below && (below ? parentOf(folded) : folded) === trigger.name)
    return { kind: 'passthru', ttl }
  return { kind: 'cname', target: below ? parentOf(target) : target, below, ttl }
}
