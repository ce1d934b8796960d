/**
 * From the text of a zone to the zone, or to everything that is wrong with it: `zone-file.ts` reads the records,
 * `zone-check.ts` puts them together. Whoever has a text comes through here: zone files, the test kit, simulations.
 */
import { type Name, ROOT } from '../dns/name.ts'
import { RrType } from '../dns/types.ts'
import type { Problem } from '../events.ts'
import { defaultLimits, type ZoneLimits } from '../limits.ts'
import { buildZone } from './zone-check.ts'
import { type Include, type LocatedRr, type ParsedZone, parseZoneText, type ZoneTextOptions } from './zone-file.ts'
import type { Zone } from './zone.ts'

interface RecordsText extends Omit<ZoneTextOptions, 'limits' | 'include'> {
  readonly text: string
  readonly limits?: ZoneLimits
  /** By default $INCLUDE is an error. */
  readonly include?: Include
}

interface ZoneText extends RecordsText {
  /** The zone that it must be; by default the owner of its SOA. */
  readonly zone?: Name
  /**
   * Records are a few of any names, without SOA and NS. The last: a zone if there is an SOA, also one that cannot be
   * read.
   */
  readonly holds?: 'zone' | 'records' | 'zone-or-records'
  /** Records outside the zone are errors; by default they are left out with a warning. */
  readonly strict?: boolean
  /** What was met when the files were opened, asked for after reading; listed with the rest. */
  readonly further?: () => readonly Problem[]
}

/** Problems are in the order of the text, errors are those among them that are no warnings. */
interface Invalid {
  readonly kind: 'invalid'
  readonly problems: readonly Problem[]
  readonly errors: readonly Problem[]
}

type LoadedZone = { readonly kind: 'zone'; readonly zone: Zone; readonly problems: readonly Problem[] } | Invalid

/** More than `mostRecords`. */
interface TooLarge {
  readonly kind: 'too-large'
}

export function loadZone(source: ZoneText & { readonly mostRecords?: never }): LoadedZone
export function loadZone(source: ZoneText): LoadedZone | TooLarge
export function loadZone(source: ZoneText): LoadedZone | TooLarge {
  const { file, zone: origin, strict = false, limits = defaultLimits.zone, further } = source
  const parsed = parse(source)
  if (parsed.cut === true) return { kind: 'too-large' }
  const recordsOnly = holdsRecords(source, parsed)
  const { zone, problems } = buildZone(
    further === undefined ? parsed : { ...parsed, problems: [...further(), ...parsed.problems] },
    { file, limits, strict, recordsOnly, ...(recordsOnly ? { origin: ROOT } : origin === undefined ? {} : { origin }) },
  )
  return zone === null ? { kind: 'invalid', problems, errors: errorsAmong(problems) } : { kind: 'zone', zone, problems }
}

type LoadedRecords = { readonly kind: 'records'; readonly records: readonly LocatedRr[] } | Invalid

/** The records alone: which zone they are, and whether it is whole, is for the caller to see. */
export function loadRecords(source: RecordsText): LoadedRecords {
  const { records, problems } = parse(source)
  const errors = errorsAmong(problems)
  return errors.length > 0 ? { kind: 'invalid', problems, errors } : { kind: 'records', records }
}

const parse = ({ text, limits = defaultLimits.zone, include = noInclude, ...options }: RecordsText): ParsedZone =>
  parseZoneText(text, { ...options, limits, include })

const noInclude: Include = path => ({ error: `nothing can be included here: ${path}` })

function holdsRecords({ holds = 'zone' }: ZoneText, { records, unread }: ParsedZone): boolean {
  if (holds !== 'zone-or-records') return holds === 'records'
  return !records.some(({ type }) => type === RrType.SOA) && unread?.types.has(RrType.SOA) !== true
}

const errorsAmong = (problems: readonly Problem[]): readonly Problem[] =>
  problems.filter(({ severity }) => severity === 'error')
