/**
 * What a server of a signed zone says to a question with DO (RFC 4035 section 3.1, RFC 5155 section 7.2): the zone's
 * own answer with signatures, and the proofs of whatever is not there. Without DO nothing of it is asked of this file.
 */
import { foldName, type Name, prependLabel, wildcardOf } from '../dns/name.ts'
import type { Question } from '../dns/message.ts'
import { nameRdata } from '../dns/rdata.ts'
import { makeRRset, recordsOf, type Rr, type RRset } from '../dns/rrset.ts'
import { RrType } from '../dns/types.ts'
import type { Referral, ZoneAnswer } from '../zone/zone.ts'
import type { SignedZone } from './zone-signer.ts'

export interface Sections {
  readonly answer: readonly Rr[]
  readonly authority: readonly Rr[]
  readonly additional: readonly Rr[]
}

/**
 * The zone's answer, with the records that only a signed zone has: NSEC and RRSIG are data when they are asked for by
 * type.
 */
export function answerOf(zone: SignedZone, question: Question): ZoneAnswer {
  const replayed = replay(zone, question)
  if (replayed !== null) return replayed
  const { name, type } = question
  if ((type === RrType.NSEC || type === RrType.RRSIG) && zone.names.exists(name) && !zone.names.isCut(name)) {
    const sets = type === RrType.NSEC ? [zone.chain.at(name)] : [signaturesAt(zone, name)]
    const found = sets.flatMap(set => set ?? []).filter(set => set.type === type)
    if (found.length > 0) return { kind: 'answer', rrsets: found, additional: [] }
  }
  // `strippedDs`: the type bitmap has it, the server has not.
  const found = zone.zone.answer(
    type === RrType.DS && zone.child(name)?.stripped === true
      ? { ...question, type: RrType.NXNAME, name: zone.origin }
      : question,
  )
  return zone.plan.flaws.has('wrongDnameTarget') ? misled(zone, found) : found
}

/** The sections of a reply with DO. */
export function signedSections(zone: SignedZone, question: Question, found: ZoneAnswer): Sections {
  // What is replayed brings its signatures along.
  const signed = (set: RRset): RRset =>
    set.signatures.length > 0 ? set : set.type === RrType.NSEC ? zone.signed(set) : zone.signedAnswer(set)
  const answer = found.rrsets.flatMap(set => recordsOf(signed(set), true))
  const expansions = found.rrsets.flatMap(set =>
    zone.names.wildcardFor(set.name, set.type) === undefined ? [] : expansionProof(zone, set.name),
  )
  const sections = (own: readonly RRset[], proofs: readonly RRset[], additional: readonly RRset[] = []): Sections => ({
    answer,
    authority: distinct([...own, ...proofs, ...expansions]).flatMap(set => recordsOf(set, true)),
    additional: additional.flatMap(set => recordsOf(zone.names.exists(set.name) ? zone.signedAnswer(set) : set, true)),
  })
  switch (found.kind) {
    case 'answer':
      return sections(
        [],
        zone.plan.flaws.has('replayedWildcard') && replay(zone, question) !== null
          ? signedAll(zone, zone.chain.expansion(question.name))
          : [],
        found.additional,
      )
    case 'alias':
    case 'name-too-long':
    case 'unavailable':
    case 'not-here':
      return sections([], [])
    case 'nodata':
    case 'nxdomain': {
      const end = zone.names.endOf(question.name, found.rrsets)
      return sections(
        found.soa === null ? [] : [zone.signedAnswer(found.soa)],
        denialProof(zone, found.kind, end, question.type),
      )
    }
    case 'referral':
      return sections([found.ns], delegationProof(zone, found), found.glue)
    default:
      return found satisfies never
  }
}

function denialProof(zone: SignedZone, kind: 'nodata' | 'nxdomain', name: Name, type: number): readonly RRset[] {
  const { flaws } = zone.plan
  if (flaws.has('missingProofs') || (type === RrType.DS && zone.child(name)?.stripped === true)) return []
  const { chain, names } = zone
  const crooked = crookedProof(zone, name)
  if (crooked !== null) return crooked
  if (kind === 'nxdomain') return signedAll(zone, chain.nxdomain(name))
  return signedAll(zone, names.exists(name) ? chain.nodata(name) : chain.wildcardNodata(name))
}

function expansionProof(zone: SignedZone, name: Name): readonly RRset[] {
  const { flaws } = zone.plan
  if (flaws.has('wildcardWithoutProof') || flaws.has('missingProofs')) return []
  return crookedProof(zone, name) ?? signedAll(zone, zone.chain.expansion(name))
}

/** The DS set, or that there is none (RFC 4035 section 3.1.4). */
function delegationProof(zone: SignedZone, { cut, ds }: Referral): readonly RRset[] {
  if (zone.child(cut)?.stripped === true) return []
  if (ds !== null) return [zone.signed(ds)]
  return zone.plan.flaws.has('missingProofs')
    ? []
    : (crookedProof(zone, cut) ?? signedAll(zone, zone.chain.nodata(cut)))
}

const crookedProof = (zone: SignedZone, name: Name): readonly RRset[] | null =>
  zone.plan.flaws.has('ancestorProof') ? ancestorProof(zone, name) : zone.crookedProof()

/** What the parent says of the delegation to this zone, and around it: true there, and no proof of anything below. */
function ancestorProof(zone: SignedZone, name: Name): readonly RRset[] {
  const { parent } = zone
  if (parent === undefined) return []
  const wildcard = wildcardOf(zone.origin)
  return distinct(
    signedAll(parent, [
      ...parent.chain.nodata(zone.origin),
      ...parent.chain.expansion(name),
      ...(wildcard === null ? [] : parent.chain.expansion(wildcard)),
    ]),
  )
}

const signedAll = (zone: SignedZone, sets: readonly RRset[]): readonly RRset[] => sets.map(set => zone.signed(set))

/** One record may prove two things. */
const distinct = (sets: readonly RRset[]): RRset[] =>
  sets.filter((set, i) => sets.findIndex(other => other.name === set.name && other.type === set.type) === i)

function signaturesAt(zone: SignedZone, name: Name): RRset | undefined {
  const sets = [
    ...zone.names.setsAt(name).values(),
    ...[zone.chain.at(name)].flatMap(set => (set?.type === RrType.NSEC ? [set] : [])),
  ]
  const [first] = sets
  const signatures = sets.flatMap(set => zone.signaturesOf(set))
  return first === undefined || signatures.length === 0
    ? undefined
    : makeRRset(first.owner, RrType.RRSIG, first.class, first.ttl, signatures)
}

/** `replayedWildcard`: what the wildcard at the top says of a name that exists, signature and all. */
function replay(zone: SignedZone, { name, type }: Question): ZoneAnswer | null {
  if (!zone.plan.flaws.has('replayedWildcard') || name === zone.origin) return null
  const wildcard = wildcardOf(zone.origin)
  const source = wildcard === null || name === wildcard ? undefined : zone.names.find(wildcard, type)
  return source === undefined || !zone.names.exists(name)
    ? null
    : {
        kind: 'answer',
        rrsets: [{ ...source, owner: name, name, signatures: zone.signaturesOf(source) }],
        additional: [],
      }
}

/** `wrongDnameTarget`: the CNAME made from a DNAME leads to `elsewhere` in this zone, whose records come along. */
function misled(zone: SignedZone, found: ZoneAnswer): ZoneAnswer {
  const at = found.rrsets.findIndex((set, i) => set.type === RrType.CNAME && found.rrsets[i - 1]?.type === RrType.DNAME)
  const cname = found.rrsets[at]
  const target = prependLabel('elsewhere', zone.origin)
  if (cname === undefined || target === null) return found
  const data = zone.names.find(foldName(target), RrType.A)
  const forged = makeRRset(cname.owner, RrType.CNAME, cname.class, cname.ttl, [nameRdata(target)])
  return {
    kind: 'answer',
    rrsets: [...found.rrsets.slice(0, at), forged, ...(data === undefined ? [] : [data])],
    additional: [],
  }
}
