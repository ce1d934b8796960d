/**
 * From parsed records to a zone: which zone it is, what is not part of it, what it lacks, and whether its RRsets make
 * sense together (`zone-integrity.ts`). A zone is made only without errors; all problems, those of reading included,
 * come back in the order of the text. Also the way back: the canonical text of a zone.
 */
import { counted } from '../presentation/counted.ts'
import { canonicalKey, commonAncestor, foldName, isWithin, type Name, ROOT } from '../dns/name.ts'
import { formatRdata } from '../presentation/rdata-text.ts'
import { recordsOf, type RRset } from '../dns/rrset.ts'
import { formatName } from '../presentation/text.ts'
import { className, RrType, typeName } from '../dns/types.ts'
import type { Problem } from '../events.ts'
import { defaultLimits, type ZoneLimits } from '../limits.ts'
import { FlatContent, packZone } from './flat-zone.ts'
import { ProblemList } from './problems.ts'
import { Zone } from './zone.ts'
import type { LocatedRr, ParsedZone, UnreadRecords } from './zone-file.ts'
import { describe, indexRecords, problemAt, type ZoneIndex } from './zone-index.ts'
import { checkIntegrity } from './zone-integrity.ts'

export interface BuildOptions {
  /** The zone that the records are meant for; by default the owner of the SOA. */
  readonly origin?: Name
  /**
   * A few records of any names without SOA and NS (`"records"` of the configuration); its origin is what they have in
   * common.
   */
  readonly recordsOnly?: boolean
  /** Records outside the zone are errors; by default they are left out, with one warning for all of them. */
  readonly strict?: boolean
  /** Named in problems that have no line. */
  readonly file: string
  readonly limits?: ZoneLimits
}

export interface BuiltZone {
  /** Null when there is any error. */
  readonly zone: Zone | null
  /** Those of `parsed` too. */
  readonly problems: readonly Problem[]
}

const NOTHING_UNREAD: UnreadRecords = { types: new Set(), untyped: false }

export function buildZone(parsed: ParsedZone, options: BuildOptions): BuiltZone {
  const recordsOnly = options.recordsOnly ?? false
  const unread = parsed.unread ?? NOTHING_UNREAD
  const problems = new ProblemList((options.limits ?? defaultLimits.zone).errorsListed)
  const origin = originOf(parsed.records, options)
  let index: ZoneIndex | null = null
  if (origin === null) {
    if (!unread.untyped && !unread.types.has(RrType.SOA))
      problems.add(
        wholeFile(options, 'no SOA record: a zone begins with one, like "@ SOA ns1 hostmaster 1 1d 2h 4w 1h"'),
      )
  } else {
    index = indexRecords(origin, withinOrigin(origin, parsed.records, options.strict ?? false, problems), problems)
    if (!recordsOnly) checkApex(index, unread, options, problems)
    // Names that a few records point at are looked up elsewhere: that they have no address here is no fault.
    checkIntegrity(index, recordsOnly ? { ...unread, untyped: true } : unread, problems)
  }
  const all = inOrder([...parsed.problems, ...problems.listed()], parsed.records)
  if (index === null || all.some(problem => problem.severity === 'error')) return { zone: null, problems: all }
  const { flatRecords } = options.limits ?? defaultLimits.zone
  const content =
    parsed.records.length < flatRecords ? [...index.rrsets()] : new FlatContent(packZone(index.origin, index.rrsets()))
  return { zone: new Zone(index.origin, content, { recordsOnly }), problems: all }
}

function originOf(records: readonly LocatedRr[], options: BuildOptions): Name | null {
  if (options.origin !== undefined) return options.origin
  const soa = records.find(record => record.type === RrType.SOA)
  if (soa !== undefined) return foldName(soa.owner)
  if (options.recordsOnly !== true) return null
  return (
    records
      .map(record => foldName(record.owner))
      .reduce<Name | null>((common, name) => (common === null ? name : commonAncestor(common, name)), null) ?? ROOT
  )
}

const wholeFile = (options: BuildOptions, message: string): Problem => ({
  file: options.file,
  line: 0,
  column: 0,
  severity: 'error',
  message,
})

/**
 * The records that belong to the zone. Of those outside BIND and Knot leave out each with a remark, and NSD refuses the
 * zone; a file split from a larger one may have thousands of them, so that one warning speaks for all.
 */
function withinOrigin(
  origin: Name,
  records: readonly LocatedRr[],
  strict: boolean,
  problems: ProblemList,
): readonly LocatedRr[] {
  const outside: LocatedRr[] = []
  let hasSoa = false
  const within = records.filter(record => {
    const isInside = isWithin(foldName(record.owner), origin)
    if (!isInside) outside.push(record)
    else if (record.type === RrType.SOA) hasSoa = true
    return isInside
  })
  const refused = outside.filter(record => strict || (record.type === RrType.SOA && !hasSoa))
  for (const record of refused) problems.add(problemAt(record, 'error', outsideMessage(record, origin)))
  const [first, ...others] = outside.filter(record => !refused.includes(record))
  if (first === undefined) return within
  const count = counted(others.length + 1, 'record is', 'records are')
  problems.add(
    problemAt(
      first,
      'warning',
      `${count} outside the zone and left out: ` +
        `${others.length === 0 ? '' : 'the first, '}${outsideMessage(first, origin)}`,
    ),
  )
  return within
}

function outsideMessage(record: LocatedRr, origin: Name): string {
  const zone = formatName(origin)
  const owner = formatName(record.owner)
  const relative = `${owner.slice(0, -1)}.${zone === '.' ? '' : zone}`
  if (record.type === RrType.SOA) return `${describe(record)} is outside the zone ${zone}, as which the file is read`
  return (
    `${describe(record)} is outside the zone ${zone}: if ${relative} is meant, remove the dot at its end, else ` +
    'move it to its own zone'
  )
}

/** RFC 1035 section 5.2: one SOA, and NS records, at the top. */
function checkApex(index: ZoneIndex, unread: UnreadRecords, options: BuildOptions, problems: ProblemList): void {
  const zone = formatName(index.origin)
  const missing = (type: number): boolean =>
    index.get(index.origin, type) === undefined && !unread.untyped && !unread.types.has(type)
  if (missing(RrType.SOA))
    problems.add(
      wholeFile(
        options,
        `the zone ${zone} has no SOA record at its top, like "${zone} SOA ns1 hostmaster 1 1d 2h 4w 1h"`,
      ),
    )
  if (missing(RrType.NS))
    problems.add(wholeFile(options, `the zone ${zone} has no NS record at its top, like "${zone} NS ns1"`))
}

/** As the text runs: included files where they are first met, problems without a line in front. */
function inOrder(problems: readonly Problem[], records: readonly LocatedRr[]): readonly Problem[] {
  const files = new Map<string, number>()
  for (const { file } of records) if (!files.has(file)) files.set(file, files.size)
  for (const { file } of problems) if (!files.has(file)) files.set(file, files.size)
  const rank = (problem: Problem): number => (problem.line === 0 ? -1 : (files.get(problem.file) ?? 0))
  return [...problems].sort((a, b) => rank(a) - rank(b) || a.line - b.line || a.column - b.column)
}

/**
 * The zone as `named-compilezone -s full` prints it: one absolute record a line, columns filled with tabs. Names in
 * canonical order, at each name SOA, NS, then types by number, signatures after what they cover.
 */
export function formatCanonicalZone(zone: Zone): string {
  const keyed = [...zone.rrsets()].map(rrset => ({ rrset, key: rrsetKey(rrset) }))
  keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
  const lines: string[] = []
  for (const { rrset } of keyed) {
    const sorted: RRset = {
      ...rrset,
      rdatas: [...rrset.rdatas].sort(compareBytes),
      signatures: [...rrset.signatures].sort(compareBytes),
    }
    for (const { owner, ttl, class: klass, type, rdata } of recordsOf(sorted, true)) {
      let line = fill(formatName(owner), TTL_COLUMN)
      line = fill(line + ttl, CLASS_COLUMN)
      line = fill(line + className(klass), TYPE_COLUMN)
      lines.push(`${fill(line + typeName(type), RDATA_COLUMN)}${formatRdata(type, rdata)}\n`)
    }
  }
  return lines.join('')
}

/** Columns of named-compilezone's full style, tabs every 8. */
const TTL_COLUMN = 46
const CLASS_COLUMN = 46
const TYPE_COLUMN = 46
const RDATA_COLUMN = 64
const TAB_WIDTH = 8

/** Tabs and spaces from the end of `line` to `column`, at least one column. */
function fill(line: string, column: number): string {
  const from = widthOf(line)
  const to = Math.max(column, from + 1)
  const tabs = Math.floor(to / TAB_WIDTH) - Math.floor(from / TAB_WIDTH)
  const spaces = tabs > 0 ? to % TAB_WIDTH : to - from
  return line + '\t'.repeat(tabs) + ' '.repeat(spaces)
}

function widthOf(line: string): number {
  let width = 0
  for (const character of line) width = character === '\t' ? (Math.floor(width / TAB_WIDTH) + 1) * TAB_WIDTH : width + 1
  return width
}

/** By name, then SOA, NS and the other types by number. */
function rrsetKey(rrset: RRset): string {
  const rank = rrset.type === RrType.SOA ? 0 : rrset.type === RrType.NS ? 1 : rrset.type + 2
  return `${canonicalKey(rrset.name)}\0${rank.toString().padStart(5, '0')}`
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < a.length && i < b.length; i++) if (a[i] !== b[i]) return (a[i] ?? 0) - (b[i] ?? 0)
  return a.length - b.length
}
