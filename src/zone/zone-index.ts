/**
 * The records of one zone by name and type, with the place of each for messages. Here duplicates fall out, TTLs of a
 * set become one and signatures join the set they cover; whether the sets make sense together is asked in
 * `zone-integrity.ts`.
 */
import { canonicalKey, foldName, type Name, type WireName } from '../dns/name.ts'
import { latin1 } from '../dns/bytes.ts'
import { shapeOf } from '../dns/rdata-shape.ts'
import { fieldEnd } from '../dns/rdata-wire.ts'
import { coveredType, type RRset } from '../dns/rrset.ts'
import { formatName } from '../presentation/text.ts'
import { RrClass, RrType, typeName } from '../dns/types.ts'
import type { Problem } from '../events.ts'
import type { ProblemList } from './problems.ts'
import type { LocatedRr } from './zone-file.ts'

/** All records of one owner and type (for RRSIG: and covered type) that differ, in the order of the file. */
export interface LocatedSet {
  readonly name: Name
  readonly type: number
  /** The least of the records, duplicates included (RFC 2181 section 5.2). */
  readonly ttl: number
  readonly first: LocatedRr
  /** With the first; without duplicates. */
  readonly records: readonly LocatedRr[]
}

/** The sets of one name by type; a `Map` is one. */
export interface TypesAt {
  get(type: number): LocatedSet | undefined
  has(type: number): boolean
  values(): Iterable<LocatedSet>
}

/** Most names have one set of one record: such a set is one object, and the place where its name has it. */
class Draft implements LocatedSet, TypesAt {
  readonly name: Name
  readonly type: number
  ttl: number
  readonly first: LocatedRr
  /** All, when there are several. */
  #several: LocatedRr[] | null = null
  /** Canonical RDATA of the records; made when the second record comes. */
  identities: Map<string, LocatedRr> | null = null
  /** The first record with another TTL than `first`. */
  differing: LocatedRr | null = null

  constructor(name: Name, first: LocatedRr) {
    this.name = name
    this.type = first.type
    this.ttl = first.ttl
    this.first = first
  }

  get records(): readonly LocatedRr[] {
    return this.#several ?? [this.first]
  }

  push(record: LocatedRr): void {
    this.#several ??= [this.first]
    this.#several.push(record)
  }

  get(type: number): Draft | undefined {
    return type === this.type ? this : undefined
  }

  has(type: number): boolean {
    return type === this.type
  }

  values(): Iterable<Draft> {
    return [this]
  }
}

export interface SortedName {
  readonly name: Name
  readonly key: string
}

export class ZoneIndex {
  readonly origin: Name
  readonly #names = new Map<Name, Draft | Map<number, Draft>>()
  readonly #signatures = new Map<string, Draft>()
  /** Sets whose records have different TTLs. */
  readonly #unequal: Draft[] = []
  /** Made when first asked for: names and their keys in canonical order. */
  #sorted: readonly SortedName[] | null = null

  constructor(origin: Name) {
    this.origin = origin
  }

  /** Names that own records other than signatures, in the order of the file. */
  names(): IterableIterator<[Name, TypesAt]> {
    return this.#names.entries()
  }

  typesAt(name: Name): TypesAt | undefined {
    return this.#names.get(name)
  }

  get(name: Name, type: number): LocatedSet | undefined {
    return this.#names.get(name)?.get(type)
  }

  /** Names that own records, in canonical order: each name is followed by all that are below it. */
  sorted(): readonly SortedName[] {
    this.#sorted ??= [...this.#names.keys()]
      .map(name => ({ name, key: canonicalKey(name) }))
      .sort((a, b) => (a.key < b.key ? -1 : 1))
    return this.#sorted
  }

  /** Does the name exist, with records or as an empty non-terminal (RFC 4592 section 2.2.2)? */
  exists(name: Name): boolean {
    if (this.#names.has(name)) return true
    // A set of all non-terminals would cost 127 entries for one long name; the order shows them without.
    const names = this.sorted()
    const key = canonicalKey(name)
    let low = 0
    let high = names.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((names[middle]?.key ?? '') < key) low = middle + 1
      else high = middle
    }
    return names[low]?.key.startsWith(key) ?? false
  }

  /** Signatures are in the set they cover; those that cover nothing here are separate sets. */
  *rrsets(): Generator<RRset> {
    const signed = this.#signatures.size > 0
    for (const [name, sets] of this.#names)
      for (const set of sets.values())
        yield toRRset(set, signed ? this.#signatures.get(signatureKey(name, set.type)) : undefined)
    for (const set of this.#signatures.values()) if (this.#covered(set) === undefined) yield toRRset(set, undefined)
  }

  /** Takes a record whose owner is within the origin. `name` is its owner folded. */
  add(name: Name, record: LocatedRr, problems: ProblemList): void {
    const set = this.#setFor(name, record)
    if (set.first === record) return
    this.#joinTtl(set, record)
    set.identities ??= new Map([[identityOf(set.type, set.first.rdata), set.first]])
    const identity = identityOf(record.type, record.rdata)
    const twin = set.identities.get(identity)
    if (twin !== undefined) {
      problems.add(
        warning(record, `the same ${describe(record)} stands in ${placeText(twin, record)} already: one is used`),
      )
      return
    }
    set.identities.set(identity, record)
    set.push(record)
  }

  /** RFC 2181 section 5.2: records of one set have one TTL, and where they do not, the lowest holds for all. */
  #joinTtl(set: Draft, record: LocatedRr): void {
    if (record.ttl === set.first.ttl) return
    set.ttl = Math.min(set.ttl, record.ttl)
    if (set.differing === null) this.#unequal.push(set)
    set.differing ??= record
  }

  /**
   * One warning for each set whose records have different TTLs. Asked when all records are in, since only then the
   * least is known.
   */
  checkTtls(problems: ProblemList): void {
    for (const { first, ttl, differing } of this.#unequal) {
      if (differing === null) continue
      const where = `the ${first.ttl} in ${placeText(first, differing)} for ${describe(differing)}`
      const used = `the least of them, ${ttl}, is used`
      const rule = `records of one name and type have one TTL, ${used} (RFC 2181 section 5.2)`
      problems.add(warning(differing, `the TTL ${differing.ttl} differs from ${where}: ${rule}`))
    }
  }

  /** RFC 4034 section 3: the TTL of an RRSIG is that of the set it covers. Asked when all records are in. */
  checkSignatureTtls(problems: ProblemList): void {
    for (const set of this.#signatures.values()) {
      const covered = this.#covered(set)
      if (covered === undefined || covered.ttl === set.ttl) continue
      problems.add(
        warning(
          set.first,
          `the TTL ${set.ttl} of this RRSIG differs from the ${covered.ttl} of the ${describe(covered.first)} ` +
            `that it covers: ${covered.ttl} is used`,
        ),
      )
    }
  }

  #covered(signatures: LocatedSet): LocatedSet | undefined {
    return this.get(signatures.name, coveredType(signatures.first.rdata))
  }

  #setFor(name: Name, record: LocatedRr): Draft {
    if (record.type === RrType.RRSIG) {
      const key = signatureKey(name, coveredType(record.rdata))
      const known = this.#signatures.get(key)
      if (known !== undefined) return known
      const fresh = new Draft(name, record)
      this.#signatures.set(key, fresh)
      return fresh
    }
    const sets = this.#names.get(name)
    const known = sets?.get(record.type)
    if (known !== undefined) return known
    const fresh = new Draft(name, record)
    if (sets === undefined) this.#names.set(name, fresh)
    else if (sets instanceof Draft)
      this.#names.set(
        name,
        new Map([
          [sets.type, sets],
          [fresh.type, fresh],
        ]),
      )
    else sets.set(record.type, fresh)
    return fresh
  }
}

/** The index of `records`, all of which are within `origin`. */
export function indexRecords(origin: Name, records: readonly LocatedRr[], problems: ProblemList): ZoneIndex {
  const index = new ZoneIndex(origin)
  let owner: WireName | null = null
  let name: Name = origin
  for (const record of records) {
    // Records of one owner share the string, so that folding is done once for them.
    if (record.owner !== owner) name = foldName(record.owner)
    owner = record.owner
    index.add(name, record, problems)
  }
  index.checkTtls(problems)
  index.checkSignatureTtls(problems)
  return index
}

const signatureKey = (name: Name, covered: number): string => `${name}${covered}`

function toRRset(set: LocatedSet, signatures: LocatedSet | undefined): RRset {
  const { name, type, ttl, first, records } = set
  return {
    owner: first.owner,
    name,
    type,
    class: RrClass.IN,
    ttl,
    rdatas: records.map(r => r.rdata),
    signatures: signatures?.records.map(r => r.rdata) ?? [],
  }
}

/** RDATA as text that is equal for equal data: names folded where canonical form folds them (RFC 4034 section 6.2). */
function identityOf(type: number, rdata: Uint8Array): string {
  const shape = shapeOf(type)
  if (shape === undefined || !shape.foldNames) return latin1(rdata, 0, rdata.length)
  let text = ''
  let at = 0
  for (const field of shape.fields) {
    const end = fieldEnd(field, rdata, at, rdata.length)
    if (end < 0) break
    const octets = latin1(rdata, at, end)
    text +=
      field === 'name' || field === 'compressed-name'
        ? octets.replace(/[A-Z]/g, letter => letter.toLowerCase())
        : octets
    at = end
  }
  return text + latin1(rdata, at, rdata.length)
}

/** "www.example.com. A". */
export const describe = (record: LocatedRr): string => `${formatName(record.owner)} ${typeName(record.type)}`

/** "line 12", with the file when it is another. */
export const placeText = (record: LocatedRr, seenFrom: LocatedRr): string =>
  record.file === seenFrom.file ? `line ${record.line}` : `${record.file} line ${record.line}`

export const problemAt = (record: LocatedRr, severity: Problem['severity'], message: string): Problem => ({
  file: record.file,
  line: record.line,
  column: record.column,
  severity,
  message,
})
const warning = (record: LocatedRr, message: string): Problem => problemAt(record, 'warning', message)
