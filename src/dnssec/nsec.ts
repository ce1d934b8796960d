/**
 * What NSEC records prove (RFC 4035 section 5.4, RFC 6840 section 4, RFC 9824): pure judgements over records whose
 * signatures are verified. NSEC3 is apart (`nsec3.ts`).
 *
 * Invariants: a record counts only inside the zone that signed it, with its next name inside as well; what lies below a
 * delegation or a DNAME is never denied by the records above it.
 */
import { commonAncestor, compareNames, isStrictlyWithin, isWithin, ROOT, wildcardOf, type Name } from '../dns/name.ts'
import { hasType, readNsec, typesOf, type TypeBitmap } from '../dns/rdata-dnssec.ts'
import type { RRset } from '../dns/rrset.ts'
import { formatName } from '../presentation/text.ts'
import { EdeCode, RrType, typeName } from '../dns/types.ts'
import type { DenialClaim, DenialVerdict, Refusal } from './rules.ts'

/** One NSEC record with the set it came in. */
export interface NsecRecord {
  readonly owner: Name
  readonly next: Name
  readonly types: TypeBitmap
  readonly set: RRset
}

/**
 * The NSEC record of a set; null for what proves nothing in `zone`: malformed, several at one owner, an owner outside,
 * a next name outside (CVE-2026-13321), or one that goes backwards without being the zone's last, whose next name is
 * the apex.
 */
export function nsecOf(set: RRset, zone: Name): NsecRecord | null {
  const [rdata] = set.rdatas
  if (set.type !== RrType.NSEC || rdata === undefined || set.rdatas.length !== 1 || !isWithin(set.name, zone))
    return null
  const nsec = readNsec(rdata)
  if (nsec === null || !isWithin(nsec.next, zone)) return null
  if (nsec.next !== zone && compareNames(set.name, nsec.next) >= 0) return null
  return { owner: set.name, next: nsec.next, types: nsec.types, set }
}

/**
 * Does the record deny that `name`, which is inside the zone, has data? Strictly between owner and next name in
 * canonical order; after the owner is enough when the next name is the apex. A name below may still make it an empty
 * non-terminal.
 */
export function nsecCovers({ owner, next, types }: NsecRecord, name: Name): boolean {
  if (compareNames(owner, name) >= 0 || (!isWithin(owner, next) && compareNames(name, next) >= 0)) return false
  return !isStrictlyWithin(name, owner) || !delegatesBelow(types)
}

/**
 * Was the record made up for one question (RFC 4470, RFC 9824)? Its next name is the first one after its owner or after
 * the name in question, which ends a label in a zero octet, or its owner the last before it. Servers that do this say
 * what they like of each question: it proves that one's answer and nothing else.
 */
export function isMinimalNsec({ owner, next }: Pick<NsecRecord, 'owner' | 'next'>): boolean {
  const lastOctet = (name: Name): number => (name.charCodeAt(0) === 0 ? -1 : name.charCodeAt(name.charCodeAt(0)))
  return lastOctet(next) === 0 || lastOctet(owner) === LAST_OCTET
}

const LAST_OCTET = 0xff

/** RFC 6840 section 4.1: the owner's subtree belongs to another zone, or is redirected by a DNAME. */
export const delegatesBelow = (types: TypeBitmap): boolean => hasType(types, RrType.DNAME) || isParentSide(types)

/** RFC 6840 section 4.1: of the zone above a cut, so it speaks of nothing at its owner but DS. */
const isParentSide = (types: TypeBitmap): boolean => hasType(types, RrType.NS) && !hasType(types, RrType.SOA)

/** The longest ancestor of a covered name that exists: one that it shares with an end of the gap. */
export function nsecEncloser({ owner, next }: NsecRecord, name: Name): Name {
  const before = commonAncestor(name, owner)
  const after = commonAncestor(name, next)
  return after.length > before.length ? after : before
}

/** Why the types at an existing name do not prove that it lacks `type`; null when they do. */
export function typesAgainst(types: TypeBitmap, name: Name, type: number): string | null {
  const at = formatName(name)
  if (hasType(types, type)) return `${at} is shown to have ${typeName(type)} data`
  if (hasType(types, RrType.CNAME)) return `${at} is shown to be an alias`
  if (type === RrType.ANY && typesOf(types).some(one => !PROOF_TYPES.has(one))) return `${at} is shown to have data`
  if (type === RrType.DS)
    return hasType(types, RrType.SOA) && name !== ROOT ? `the record at ${at} is of the zone below the cut` : null
  return isParentSide(types) ? `the record at ${at} is of the zone above the cut` : null
}

/** Types that a name may have without having data (RFC 9824 section 3.1). */
const PROOF_TYPES: ReadonlySet<number> = new Set<number>([RrType.RRSIG, RrType.NSEC, RrType.NXNAME])

export const contradicted = (text: string): Refusal => ({ kind: 'bogus', ede: EdeCode.DnssecBogus, text })
/** RFC 8914 section 4.13. */
export const unproven = (text: string): Refusal => ({ kind: 'bogus', ede: EdeCode.NsecMissing, text })
export const proven = (sets: readonly RRset[], delegation = false): DenialVerdict => ({
  kind: 'proven',
  sets: [...new Set(sets)],
  delegation,
})

/** Judges a claim about a name inside the zone of `records`. */
export function judgeByNsec(claim: DenialClaim, records: readonly NsecRecord[]): DenialVerdict {
  switch (claim.kind) {
    case 'nxdomain':
      return judgeNxdomain(claim.name, records)
    case 'nodata':
      return judgeNodata(claim.name, claim.type, records)
    case 'no-ds':
      return judgeNodata(claim.name, RrType.DS, records)
    case 'expansion':
      return judgeExpansion(claim.name, claim.wildcard, records)
    default:
      return claim satisfies never
  }
}

/** RFC 4035 section 5.4: neither the name nor the wildcard that would stand for it. */
function judgeNxdomain(name: Name, records: readonly NsecRecord[]): DenialVerdict {
  const match = records.find(record => record.owner === name)
  // RFC 9824 section 3.1: a record at the name itself that says there is none.
  if (match !== undefined)
    return hasType(match.types, RrType.NXNAME)
      ? proven([match.set])
      : contradicted(`${formatName(name)} is shown to exist`)
  const cover = records.find(record => nsecCovers(record, name))
  if (cover === undefined) return unproven(`no NSEC record covers ${formatName(name)}`)
  if (isStrictlyWithin(cover.next, name)) return contradicted(`${formatName(name)} is shown to have names below it`)
  const wildcard = wildcardOf(nsecEncloser(cover, name))
  // A wildcard that would be too long to exist needs no proof.
  if (wildcard === null) return proven([cover.set])
  const above = records.find(record => nsecCovers(record, wildcard))
  if (above === undefined) return unproven(`no NSEC record covers ${formatName(wildcard)}`)
  return isStrictlyWithin(above.next, wildcard)
    ? contradicted(`${formatName(wildcard)} is shown to exist`)
    : proven([cover.set, above.set])
}

/**
 * RFC 4035 section 5.4: the name lacks the type, is an empty non-terminal, or is matched by a wildcard that lacks the
 * type.
 */
function judgeNodata(name: Name, type: number, records: readonly NsecRecord[]): DenialVerdict {
  const match = records.find(record => record.owner === name)
  if (match !== undefined) {
    const against = typesAgainst(match.types, name, type)
    return against === null ? proven([match.set], hasType(match.types, RrType.NS)) : contradicted(against)
  }
  const cover = records.find(record => nsecCovers(record, name))
  if (cover === undefined) return unproven(`no NSEC record matches or covers ${formatName(name)}`)
  if (isStrictlyWithin(cover.next, name)) return proven([cover.set])
  const wildcard = wildcardOf(nsecEncloser(cover, name))
  const source = wildcard === null ? undefined : records.find(record => record.owner === wildcard)
  if (wildcard === null || source === undefined)
    return unproven(`${formatName(name)} is shown not to exist, and no NSEC record matches its wildcard`)
  const against = typesAgainst(source.types, wildcard, type)
  return against === null ? proven([cover.set, source.set]) : contradicted(against)
}

/** RFC 4035 section 5.3.4: nothing closer than the wildcard's parent exists. */
function judgeExpansion(name: Name, wildcard: Name, records: readonly NsecRecord[]): DenialVerdict {
  const cover = records.find(record => nsecCovers(record, name))
  if (cover === undefined)
    return unproven(`no NSEC record covers ${formatName(name)}, which was made from ${formatName(wildcard)}`)
  if (isStrictlyWithin(cover.next, name)) return contradicted(`${formatName(name)} is shown to exist`)
  const closest = wildcardOf(nsecEncloser(cover, name))
  return closest === wildcard
    ? proven([cover.set])
    : contradicted(`${formatName(wildcard)} is not the wildcard for ${formatName(name)}`)
}
