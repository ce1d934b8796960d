/**
 * The table of all response policy zones, made from zones that are here and from files that are to be read, in whatever
 * thread: a million rules take seconds.
 */
import { foldName, isWithin, type Name } from '../../dns/name.ts'
import { RrType } from '../../dns/types.ts'
import type { Problem } from '../../events.ts'
import type { ZoneLimits } from '../../limits.ts'
import type { HashKey } from '../../policy/lists/hash.ts'
import { IndexBuilder, type IndexedZone, type RuleTables } from '../../policy/rpz/rule-index.ts'
import { formatName } from '../../presentation/text.ts'
import { type ContentHash, ZoneReader } from '../../system/zone-files.ts'
import { RecordLog } from '../../transfer/record-log.ts'
import type { FlatZone } from '../../zone/flat-zone.ts'
import { parseZoneText } from '../../zone/zone-file.ts'

export interface PolicyJob {
  readonly zones: readonly PolicySource[]
  readonly key: HashKey
  readonly limits: ZoneLimits
}

/** `before`: what is used when the file has too many faults, or none can be read. */
export type PolicySource =
  | { readonly kind: 'here'; readonly zone: FlatZone }
  | { readonly kind: 'file'; readonly file: string; readonly origin: Name; readonly before: FlatZone | null }

export interface PolicyDone {
  /** In the order of the sources. Null: nothing of it can be used. */
  readonly zones: readonly (ReadPolicy & { readonly rules: number })[]
  /** Of those among them that are there. */
  readonly tables: RuleTables
}

interface ReadPolicy {
  readonly zone: FlatZone | null
  /** Of its file; of a zone that was transferred without places. */
  readonly problems: readonly Problem[]
  /** What is there is not what was read. */
  readonly rejected: boolean
  readonly files: ReadonlyMap<string, ContentHash>
}

const NO_FILES: ReadonlyMap<string, ContentHash> = new Map()
/** A file with more faults than this share of its rules is most likely no policy zone, or half of one. */
const MOST_FAULTS = 0.1

export function makePolicy({ zones, key, limits }: PolicyJob): PolicyDone {
  const read = zones.map(source => (source.kind === 'here' ? asIs(source.zone) : readPolicyFile(source, key, limits)))
  const builder = new IndexBuilder(key)
  const done = read.map(one => {
    if (one.zone === null) return { ...one, rules: 0 }
    const indexed = builder.add(one.zone, limits.errorsListed)
    const isNew = one.files === NO_FILES
    return { ...one, rules: indexed.rules, problems: isNew ? faultsOf(indexed, '', NO_PLACES) : one.problems }
  })
  return { zones: done, tables: builder.finish() }
}

const asIs = (zone: FlatZone): ReadPolicy => ({ zone, problems: [], rejected: false, files: NO_FILES })

type Places = ReadonlyMap<Name, { readonly line: number; readonly column: number }>
const NO_PLACES: Places = new Map()

const faultsOf = ({ faults, faultCount }: IndexedZone, file: string, places: Places): Problem[] => {
  const listed = faults.map(({ owner, why }): Problem => {
    const { line, column } = places.get(owner) ?? { line: 0, column: 0 }
    return { file, line, column, severity: 'warning', message: `the rule ${formatName(owner)} is not used: ${why}` }
  })
  const more = faultCount - faults.length
  return more === 0
    ? listed
    : [...listed, { file, line: 0, column: 0, severity: 'warning', message: `${more} more rules are not used` }]
}

/** A policy zone from its file, with a warning for each line that is no rule. For the server and `check-rpz`. */
export function readPolicyFile(
  { file, origin, before }: Extract<PolicySource, { kind: 'file' }>,
  key: HashKey,
  limits: ZoneLimits,
): ReadPolicy {
  const reader = new ZoneReader(limits)
  const found = reader.read(file)
  const kept = (problems: readonly Problem[]): ReadPolicy => ({
    zone: before,
    problems,
    rejected: true,
    files: reader.files,
  })
  if (found.kind === 'unreadable') return kept([found.problem])
  const parsed = parseZoneText(found.text, { file, origin, limits, include: reader.include, compact: true })
  const log = new RecordLog()
  const places = new Map<Name, { line: number; column: number }>()
  let hasSoa = false
  let outside = 0
  for (const rr of parsed.records) {
    const owner = foldName(rr.owner)
    if (!isWithin(owner, origin)) {
      outside++
      continue
    }
    // Text of a transfer repeats it at the end.
    if (rr.type === RrType.SOA && hasSoa) continue
    hasSoa ||= rr.type === RrType.SOA
    if (!places.has(owner)) places.set(owner, { line: rr.line, column: rr.column })
    log.add(rr)
  }
  const zone = log.toZone(origin)
  const indexed = new IndexBuilder(key).add(zone, limits.errorsListed)
  // What cannot be read at all is a warning too: one bad line must not switch off all others.
  const unread = parsed.problems.map((problem): Problem => ({ ...problem, severity: 'warning' }))
  const problems = [
    ...reader.warnings,
    ...unread,
    ...faultsOf(indexed, file, places),
    ...outsideOf(outside, file, origin),
  ]
  const faults = indexed.faultCount + parsed.problems.filter(({ severity }) => severity === 'error').length + outside
  if (faults <= MOST_FAULTS * (indexed.rules + faults)) return { zone, problems, rejected: false, files: reader.files }
  const message = `${faults} faults in ${indexed.rules + faults} rules: this is taken for no policy zone`
  return kept([{ file, line: 0, column: 0, severity: 'error', message }, ...problems])
}

const outsideOf = (count: number, file: string, origin: Name): Problem[] =>
  count === 0
    ? []
    : [
        {
          file,
          line: 0,
          column: 0,
          severity: 'warning',
          message: `${count} records are outside of ${formatName(origin)} and left out`,
        },
      ]

const has = (value: unknown, ...keys: readonly string[]): boolean =>
  typeof value === 'object' && value !== null && keys.every(key => key in value)
export const isPolicyJob = (value: unknown): value is PolicyJob => has(value, 'zones', 'key', 'limits')
export const isPolicyDone = (value: unknown): value is PolicyDone => has(value, 'zones', 'tables')
