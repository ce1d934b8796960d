/**
 * Do the RRsets of a zone make sense together? Aliases next to data, delegations without addresses, data that can never
 * be answered. Errors are what no server can serve correctly; what BIND loads with a complaint is a warning. It changes
 * nothing, and each check is proportional to the zone.
 */
import {
  foldName,
  isStrictlyWithin,
  isWildcard,
  isWithin,
  joinNames,
  labelCount,
  labelsOf,
  type Name,
  parentOf,
  ROOT,
  type WireName,
  wildcardOf,
} from '../dns/name.ts'
import { parseIpv4 } from '../dns/address.ts'
import { mxExchange, srvTarget, targetOf } from '../dns/rdata.ts'
import { formatName } from '../presentation/text.ts'
import { RrType, typeName } from '../dns/types.ts'
import type { Problem } from '../events.ts'
import type { ProblemList } from './problems.ts'
import type { LocatedRr, UnreadRecords } from './zone-file.ts'
import { describe, type LocatedSet, placeText, problemAt, type TypesAt, type ZoneIndex } from './zone-index.ts'

/**
 * Types allowed next to a CNAME (RFC 2181 section 10.1, RFC 4034 sections 2.5 and 3); RRSIG is not in the index by
 * name.
 */
const BESIDE_ALIAS: ReadonlySet<number> = new Set<number>([
  RrType.CNAME,
  RrType.NSEC,
  RrType.KEY,
  RrType.NXT,
  RrType.SIG,
])
/** Types of which a name has at most one record. */
const SINGLETONS: ReadonlySet<number> = new Set<number>([RrType.CNAME, RrType.DNAME, RrType.SOA])
/** Types at a zone cut next to its delegation; addresses are glue for a server named like the zone. */
const AT_CUT: ReadonlySet<number> = new Set<number>([
  RrType.NS,
  RrType.DS,
  RrType.NSEC,
  RrType.NSEC3,
  RrType.A,
  RrType.AAAA,
])

export function checkIntegrity(index: ZoneIndex, unread: UnreadRecords, problems: ProblemList): void {
  const hiders = hidersOf(index)
  if (hiders.size > 0) checkHidden(index, hiders, problems)
  for (const [name, types] of index.names()) {
    checkAlias(types, problems)
    checkOwner(index, name, types, problems)
    for (const set of types.values()) checkTargets(index, hiders, set, unread, problems)
  }
}

function checkAlias(types: TypesAt, problems: ProblemList): void {
  for (const set of types.values()) {
    const second = set.records[1]
    if (second === undefined || !SINGLETONS.has(set.type)) continue
    problems.add(
      problemAt(
        second,
        'error',
        `a second ${describe(second)} record, the first is in ${placeText(set.first, second)}: a name has only one`,
      ),
    )
  }
  const alias = types.get(RrType.CNAME)?.first
  if (alias === undefined) return
  for (const set of types.values()) {
    if (BESIDE_ALIAS.has(set.type)) continue
    const later = alias.file === set.first.file && alias.line > set.first.line ? alias : set.first
    const earlier = later === alias ? set.first : alias
    const both = `${typeName(later.type)} here, ${typeName(earlier.type)} in ${placeText(earlier, later)}`
    const message =
      `${formatName(later.owner)} has a CNAME and other data (${both}): an alias has nothing else (RFC 1034 ` +
      'section 3.6.2)'
    problems.add(problemAt(later, 'error', message))
    return
  }
}

/** What the name and its types make impossible or unlikely on their own. */
function checkOwner(index: ZoneIndex, name: Name, types: TypesAt, problems: ProblemList): void {
  const [any] = types.values()
  const ns = types.get(RrType.NS)?.first
  const ds = types.get(RrType.DS)?.first
  const dname = types.get(RrType.DNAME)?.first
  const soa = types.get(RrType.SOA)?.first
  if (any !== undefined && endsTwice(name, index.origin))
    problems.add(problemAt(any.first, 'warning', twiceMessage(any.first.owner, index.origin)))
  if (ns !== undefined && isWildcard(name))
    problems.add(
      problemAt(ns, 'error', `${formatName(ns.owner)} is a wildcard and can not be delegated (RFC 4592 section 4.2)`),
    )
  if (dname !== undefined && isWildcard(name))
    problems.add(
      problemAt(
        dname,
        'warning',
        `a DNAME at the wildcard ${formatName(dname.owner)} has no defined meaning (RFC 6672 section 3.3)`,
      ),
    )
  if (dname !== undefined && ns !== undefined && name !== index.origin) {
    problems.add(
      problemAt(
        dname,
        'error',
        `${formatName(dname.owner)} has a DNAME and is delegated by the NS in ${placeText(ns, dname)}: only ` +
          'one can hold (RFC 6672 section 2.3)',
      ),
    )
  }
  if (soa !== undefined && name !== index.origin) {
    problems.add(
      problemAt(
        soa,
        'error',
        `an SOA at ${formatName(soa.owner)}, which is not the top of the zone ${formatName(index.origin)}: a ` +
          'zone has one SOA, at its top',
      ),
    )
  }
  if (ds !== undefined && name === index.origin)
    problems.add(
      problemAt(
        ds,
        'error',
        `a DS record at the top of the zone: it belongs to the parent zone (RFC 4035 section 2.4)`,
      ),
    )
  else if (ds !== undefined && ns === undefined)
    problems.add(problemAt(ds, 'warning', `${formatName(ds.owner)} has a DS record, but no NS records delegate it`))
}

/** `www.example.com.example.com.`: the dot at the end was forgotten. One label may well repeat (`com.com.`). */
function endsTwice(name: Name, origin: Name): boolean {
  if (origin === ROOT || name.length < 2 * origin.length - 1) return false
  const twice = joinNames(origin, origin)
  return (
    twice !== null &&
    (labelCount(origin) > 1 ? isWithin(name, foldName(twice)) : isStrictlyWithin(name, foldName(twice)))
  )
}

const withoutOrigin = (name: WireName, origin: Name): string => formatName(name).slice(0, -formatName(origin).length)
const twiceMessage = (name: WireName, origin: Name): string =>
  `${formatName(name)} ends in the name of the zone twice: probably the dot at the end of ` +
  `"${withoutOrigin(name, origin)}" is missing`

/** Zone cuts and DNAMEs: nothing below them is answered from this zone. */
type Hiders = ReadonlyMap<Name, LocatedSet>

function hidersOf(index: ZoneIndex): Hiders {
  const hiders = new Map<Name, LocatedSet>()
  for (const [name, types] of index.names()) {
    const hider = types.get(RrType.DNAME) ?? (name === index.origin ? undefined : types.get(RrType.NS))
    if (hider !== undefined) hiders.set(name, hider)
  }
  return hiders
}

/** The highest cut or DNAME that has the name below it. */
function hiderOf(index: ZoneIndex, hiders: Hiders, name: Name): LocatedSet | null {
  let found: LocatedSet | null = null
  if (hiders.size === 0) return null
  for (let at = name; at !== index.origin && at.length > 1; ) {
    at = parentOf(at)
    found = hiders.get(at) ?? found
  }
  return found
}

/**
 * Walks the names in canonical order, where everything below a cut follows it, so that no name climbs all its parents.
 */
function checkHidden(index: ZoneIndex, hiders: Hiders, problems: ProblemList): void {
  let hiding: { key: string; set: LocatedSet } | null = null
  for (const { name, key } of index.sorted()) {
    const above: LocatedSet | null = hiding !== null && key.startsWith(hiding.key) ? hiding.set : null
    const here = hiders.get(name)
    if (above === null && here !== undefined) hiding = { key, set: here }
    for (const { first, type } of index.typesAt(name)?.values() ?? []) {
      const atCut = here?.type === RrType.NS && !AT_CUT.has(type)
      const by = above ?? (atCut ? here : null)
      if (by === null || (by.type === RrType.NS && (type === RrType.A || type === RrType.AAAA))) continue
      const why =
        `${formatName(by.first.owner)} ${by.type === RrType.NS ? 'is delegated' : 'has a DNAME'} in ` +
        `${placeText(by.first, first)}`
      problems.add(
        problemAt(first, 'warning', `this record is never answered: ${why}, so ${describe(first)} belongs elsewhere`),
      )
    }
  }
}

interface Target {
  readonly record: LocatedRr
  readonly name: WireName
}

/** The names that records point at, where they must lead to addresses. */
function checkTargets(
  index: ZoneIndex,
  hiders: Hiders,
  set: LocatedSet,
  unread: UnreadRecords,
  problems: ProblemList,
): void {
  const read = targetReaders.get(set.type)
  if (read === undefined) return
  for (const record of set.records) {
    const name = read(record.rdata)
    if (name === null || name === ROOT) continue
    const target: Target = { record, name }
    const folded = foldName(name)
    if (endsTwice(folded, index.origin)) problems.add(problemAt(record, 'warning', twiceMessage(name, index.origin)))
    if (!NEEDS_ADDRESS.has(set.type)) continue
    if (looksLikeAddress(name))
      problems.add(
        problemAt(
          record,
          'warning',
          `${typeName(set.type)} points at ${formatName(name)}, which looks like an address: it needs the ` +
            'name of a host',
        ),
      )
    const problem = isWithin(folded, index.origin) ? addressProblem(index, hiders, set, target, folded, unread) : null
    if (problem !== null) problems.add(problem)
  }
}

const targetReaders: ReadonlyMap<number, (rdata: Uint8Array) => WireName | null> = new Map([
  [RrType.NS, targetOf],
  [RrType.CNAME, targetOf],
  [RrType.DNAME, targetOf],
  [RrType.PTR, targetOf],
  [RrType.MX, mxExchange],
  [RrType.SRV, srvTarget],
])
const NEEDS_ADDRESS: ReadonlySet<number> = new Set<number>([RrType.NS, RrType.MX, RrType.SRV])

const looksLikeAddress = (name: WireName): boolean => parseIpv4(labelsOf(name).slice(0, 4).join('.')) !== null

/** Why a name within the zone does not lead to addresses; null when it does, or when that is not known here. */
function addressProblem(
  index: ZoneIndex,
  hiders: Hiders,
  set: LocatedSet,
  { record, name }: Target,
  folded: Name,
  unread: UnreadRecords,
): Problem | null {
  const types = answering(index, folded)
  if (types?.has(RrType.A) || types?.has(RrType.AAAA)) return null
  const points = `${typeName(set.type)} points at ${formatName(name)}, which`
  const alias = types?.get(RrType.CNAME)
  if (alias !== undefined) {
    return problemAt(
      record,
      'warning',
      `${points} is an alias (CNAME in ${placeText(alias.first, record)}): point at the name that has the ` +
        'addresses (RFC 2181 section 10.3)',
    )
  }
  if (unread.untyped || unread.types.has(RrType.A) || unread.types.has(RrType.AAAA)) return null
  const hider = hiderOf(index, hiders, folded) ?? hiders.get(folded)
  if (hider?.type === RrType.DNAME && hider.name !== folded)
    return problemAt(record, 'warning', `${points} is hidden by the DNAME in ${placeText(hider.first, record)}`)
  if (hider?.type === RrType.NS) {
    if (set.type !== RrType.NS) return null
    const why = isWithin(folded, set.name)
      ? 'is below the name it serves and so can not be reached without one'
      : `is in the delegated zone ${formatName(hider.first.owner)}`
    return problemAt(
      record,
      'warning',
      `the name server ${formatName(name)} of ${formatName(record.owner)} has no address here and ${why}: add ` +
        'its A or AAAA record (glue)',
    )
  }
  // BIND refuses a zone whose own servers have no address, and complains about all others.
  const own = set.type === RrType.NS && set.name === index.origin
  return problemAt(
    record,
    own ? 'error' : 'warning',
    `${points} has no A or AAAA record in this zone: add one, or end the name with a dot if it is elsewhere`,
  )
}

/** The types that answer for a name: its own, or those of the wildcard that covers it (RFC 4592 section 3.3.1). */
function answering(index: ZoneIndex, name: Name): TypesAt | undefined {
  if (index.exists(name)) return index.typesAt(name)
  let encloser = name
  while (encloser !== index.origin && encloser.length > 1 && !index.exists(encloser)) encloser = parentOf(encloser)
  const wildcard = wildcardOf(encloser)
  return wildcard === null ? undefined : index.typesAt(wildcard)
}
