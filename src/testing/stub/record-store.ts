/**
 * The records of a stub: changed by name and type, listed, and answered through the zones of production. A name with an
 * SOA record makes a whole zone, which answers for everything within it, denials and referrals included; all other
 * records stand alone, and say nothing about other names.
 *
 * Invariants: a change that is a mistake changes nothing; the inner maps are never changed, so that a snapshot is a
 * copy of the outer one.
 */
import { problemLines, problemText } from '../../render/problem.ts'
import type { Question } from '../../dns/message.ts'
import { foldName, isWithin, type Name, parentOf, ROOT, type WireName } from '../../dns/name.ts'
import { formatRdata } from '../../presentation/rdata-text.ts'
import { coveredType, makeRRset, recordsOf, type RRset } from '../../dns/rrset.ts'
import { EdeCode, Rcode, RrClass, RrType, typeName } from '../../dns/types.ts'
import { defaultLimits } from '../../limits.ts'
import { ZoneReader } from '../../system/zone-files.ts'
import type { Answer, Content } from '../../policy/handler.ts'
import { makeLocalZones, type LocalZones } from '../../zone/local-zones.ts'
import { loadZone } from '../../zone/load-zone.ts'
import type { Include } from '../../zone/zone-file.ts'
import { Zone, type ZoneAnswer } from '../../zone/zone.ts'
import type { DataSet } from '../../input/record-data.ts'
import { mistake } from '../../input/mistake.ts'
import { plainName, wireName } from '../../input/names.ts'
import type { ListedRecord } from './types.ts'

/** The records of one name by type. Empty when the name exists without any. */
type Sets = ReadonlyMap<number, RRset>
export type Snapshot = ReadonlyMap<Name, Sets>

/** What the records say to a question. */
export type Listed =
  | { readonly kind: 'answer'; readonly answer: Answer; readonly matched: boolean }
  /** Nothing for `question`, to which an alias chain may have led. `exists`: names below it are listed (RFC 8020). */
  | {
      readonly kind: 'unlisted'
      readonly question: Question
      readonly chain: readonly RRset[]
      readonly exists: boolean
    }

export interface ZoneText {
  readonly text: string
  /** As named in messages; null when there is no file, and nothing can be included then. */
  readonly file: string | null
  readonly origin: unknown
}

/** Types allowed next to a CNAME (RFC 4034 sections 2.5 and 3). */
const BESIDE_ALIAS: ReadonlySet<number> = new Set<number>([RrType.CNAME, RrType.RRSIG, RrType.NSEC])
const SINGLETONS: readonly number[] = [RrType.CNAME, RrType.DNAME, RrType.SOA]

interface Served {
  readonly whole: LocalZones
  readonly single: Zone
  /** Names that exist only because of others below them. */
  readonly above: ReadonlySet<Name>
}

export class RecordStore {
  #names = new Map<Name, Sets>()
  #served: Served | null = null
  readonly defaultTtl: number

  /** Seconds, for records without a TTL. */
  constructor(defaultTtl: number) {
    this.defaultTtl = defaultTtl
  }

  /** Replaces all records of a name. */
  set(owner: WireName, sets: readonly DataSet[]): void {
    this.#put(
      foldName(owner),
      new Map(sets.filter(set => set.rdatas.length > 0).map(set => [set.type, this.#rrset(owner, set)])),
    )
  }

  /** Replaces the records of one type. */
  setType(owner: WireName, set: DataSet): void {
    const name = foldName(owner)
    const sets = new Map(this.#names.get(name))
    if (set.rdatas.length === 0) sets.delete(set.type)
    else sets.set(set.type, this.#rrset(owner, set))
    this.#put(name, sets)
  }

  /** Null takes all types. A name without any records left does not exist any more. */
  remove(name: Name, type: number | null): void {
    const sets = new Map(type === null ? [] : this.#names.get(name))
    if (type !== null) sets.delete(type)
    if (sets.size === 0) this.#names.delete(name)
    else this.#names.set(name, sets)
    this.#served = null
  }

  /** Records of zone text take the place of those of the same name and type. */
  addZone(source: ZoneText): void {
    const fresh = new Map<Name, Map<number, RRset>>()
    for (const rrset of readZone(source, this.defaultTtl)) {
      const sets = fresh.get(rrset.name) ?? new Map(this.#names.get(rrset.name))
      fresh.set(rrset.name, sets.set(rrset.type, rrset))
    }
    for (const [name, sets] of fresh) checkTogether(name, sets)
    for (const [name, sets] of fresh) this.#names.set(name, sets)
    this.#served = null
  }

  snapshot(): Snapshot {
    return new Map(this.#names)
  }

  restore(snapshot: Snapshot): void {
    this.#names = new Map(snapshot)
    this.#served = null
  }

  list(): ListedRecord[] {
    return [...this.#names.values()].flatMap(listed)
  }

  /** Of one name, whatever the number of the others; null when it is not listed at all. */
  listOf(name: Name, type: number | null): ListedRecord[] | null {
    const sets = this.#names.get(name)
    if (sets === undefined) return null
    return listed(type === null ? sets : new Map([...sets].filter(([own]) => own === type)))
  }

  names(): string[] {
    return [...this.#names.keys()].map(plainName)
  }

  /** Is there anything for this name, by itself, a wildcard or a zone that it is part of? */
  answer(question: Question): Listed {
    const chain: RRset[] = []
    const seen = new Set<Name>()
    for (let asked = question; ; ) {
      const answer = this.#answerOne(asked)
      if (answer.kind === 'not-here') return this.#unlisted(asked, chain)
      chain.push(...answer.rrsets)
      if (answer.kind !== 'alias')
        return {
          kind: 'answer',
          answer: toAnswer(answer, chain),
          matched: answer.kind !== 'nxdomain' || chain.length > 0,
        }
      seen.add(asked.name)
      if (seen.has(answer.target) || seen.size > defaultLimits.budget.aliases)
        return { kind: 'answer', answer: aliasLoop(chain), matched: true }
      asked = { ...asked, name: answer.target }
    }
  }

  #answerOne(question: Question): ZoneAnswer {
    const { whole, single } = this.#zones()
    return (whole.find(question) ?? single).answer(question)
  }

  #unlisted(question: Question, chain: readonly RRset[]): Listed {
    const empty = this.#names.get(question.name)
    if (empty !== undefined && question.class === RrClass.IN)
      return { kind: 'answer', answer: toAnswer({ kind: 'nodata', rrsets: [], soa: null }, chain), matched: true }
    return { kind: 'unlisted', question, chain, exists: this.#zones().above.has(question.name) }
  }

  #put(name: Name, sets: Sets): void {
    checkTogether(name, sets)
    this.#names.set(name, sets)
    this.#served = null
  }

  #rrset(owner: WireName, { type, ttl, rdatas }: DataSet): RRset {
    return makeRRset(owner, type, RrClass.IN, ttl ?? this.defaultTtl, rdatas)
  }

  /** Made when first asked after a change. */
  #zones(): Served {
    this.#served ??= serve(this.#names)
    return this.#served
  }
}

function listed(sets: Sets): ListedRecord[] {
  const records = [...sets.values()].flatMap(set => recordsOf(set, true))
  return records.map(({ owner, type, ttl, rdata }) => ({
    name: plainName(owner),
    type: typeName(type),
    ttl,
    data: formatRdata(type, rdata),
  }))
}

function serve(names: Snapshot): Served {
  const origins = [...names]
    .filter(([, sets]) => sets.has(RrType.SOA))
    .map(([name]) => name)
    .sort((a, b) => b.length - a.length)
  const parts = new Map<Name | null, { readonly rrsets: RRset[]; readonly emptyNames: Name[] }>([
    [null, { rrsets: [], emptyNames: [] }],
  ])
  for (const origin of origins) parts.set(origin, { rrsets: [], emptyNames: [] })
  const above = new Set<Name>()
  for (const [name, sets] of names) {
    const origin = origins.find(one => isWithin(name, one)) ?? null
    const part = parts.get(origin)
    part?.rrsets.push(...withSignatures(sets))
    if (sets.size === 0) part?.emptyNames.push(name)
    if (origin === null)
      for (let at = name; at !== ROOT && !above.has(parentOf(at)); at = parentOf(at)) above.add(parentOf(at))
  }
  const whole = origins.map(
    origin =>
      new Zone(origin, parts.get(origin)?.rrsets ?? [], {
        recordsOnly: false,
        emptyNames: parts.get(origin)?.emptyNames ?? [],
      }),
  )
  return {
    whole: makeLocalZones(whole, []),
    single: new Zone(ROOT, parts.get(null)?.rrsets ?? [], { recordsOnly: true }),
    above,
  }
}

/** RRSIG records travel with the set that they cover. */
function withSignatures(sets: Sets): RRset[] {
  const signatures = sets.get(RrType.RRSIG)?.rdatas ?? []
  if (signatures.length === 0) return [...sets.values()]
  return [...sets.values()].map(set => ({
    ...set,
    signatures: [...set.signatures, ...signatures.filter(rdata => coveredType(rdata) === set.type)],
  }))
}

function checkTogether(name: Name, sets: Sets): void {
  const owner = plainName(name)
  for (const type of SINGLETONS) {
    const count = sets.get(type)?.rdatas.length ?? 0
    if (count > 1) mistake(`${owner} has ${count} ${typeName(type)} records: a name has only one`)
  }
  if (!sets.has(RrType.CNAME)) return
  const others = [...sets.keys()].filter(type => !BESIDE_ALIAS.has(type)).map(typeName)
  if (others.length > 0)
    mistake(
      `${owner} has a CNAME and other data (${others.join(', ')}): an alias has nothing else; set all records ` +
        'of the name at once to replace them',
    )
}

function readZone({ text, file, origin }: ZoneText, defaultTtl: number): readonly RRset[] {
  const reader = new ZoneReader(defaultLimits.zone)
  const alone: Include = () => ({
    error: 'nothing can be included here: there is no file whose directory could be searched',
  })
  const loaded = loadZone({
    text,
    file: file ?? 'zone text',
    origin: origin === undefined ? null : wireName(origin, 'an origin'),
    include: file === null ? alone : reader.include,
    defaultTtl,
    holds: 'zone-or-records',
    strict: true,
  })
  return loaded.kind === 'zone' ? [...loaded.zone.rrsets()] : mistake(problemLines(loaded.errors))
}

/** The text of a zone file, or a mistake that says why there is none. */
export function readZoneText(path: unknown): { readonly text: string; readonly file: string } {
  if (typeof path !== 'string' || path === '') mistake('expected the path of a zone file')
  const found = new ZoneReader(defaultLimits.zone).read(path)
  return found.kind === 'text' ? found : mistake(problemText(found.problem).replace(': ', ' '))
}

const INSECURE = { kind: 'insecure' } as const

function toAnswer(answer: Exclude<ZoneAnswer, { kind: 'alias' | 'not-here' }>, rrsets: readonly RRset[]): Answer {
  const by = 'records'
  switch (answer.kind) {
    case 'answer':
      return resolved({
        kind: 'answer',
        rrsets,
        additional: answer.additional,
        proof: [],
        security: INSECURE,
        authoritative: true,
      })
    case 'nodata':
    case 'nxdomain':
      return resolved({
        kind: answer.kind,
        rrsets,
        soa: answer.soa,
        proof: [],
        security: INSECURE,
        authoritative: true,
      })
    case 'name-too-long':
      return resolved({
        kind: 'failure',
        rrsets,
        why: 'name-too-long',
        ede: EdeCode.InvalidData,
        text: 'the substituted name is too long',
      })
    case 'unavailable':
      return resolved({ kind: 'failure', rrsets, why: answer.why, ede: EdeCode.NotReady, text: 'the zone is not here' })
    case 'referral': {
      const authority = answer.ds === null ? [answer.ns] : [answer.ns, answer.ds]
      const authoritative = rrsets.length > 0
      return {
        kind: 'given',
        by,
        content: { ...emptyContent(Rcode.NOERROR), authoritative, answer: rrsets, authority, additional: answer.glue },
      }
    }
    default:
      return answer satisfies never
  }
}

const resolved = (outcome: Extract<Answer, { kind: 'resolved' }>['outcome']): Answer => ({
  kind: 'resolved',
  outcome,
  by: 'records',
  shareable: false,
})

/** As production answers an alias that leads nowhere. */
const aliasLoop = (rrsets: readonly RRset[]): Answer =>
  resolved({
    kind: 'failure',
    rrsets,
    why: 'alias-chain',
    ede: EdeCode.InvalidData,
    text: 'the alias chain is a loop or too long',
  })

export const emptyContent = (rcode: number, ede: Content['ede'] = null): Content => ({
  rcode,
  authoritative: true,
  secure: false,
  answer: [],
  authority: [],
  additional: [],
  ede,
})
