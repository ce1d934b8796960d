/**
 * One zone from its files, in whatever thread: `zone-store.ts` reads small ones itself and has large ones read by the
 * program of `zone-thread.ts`, which hands them over flat.
 */
import { basename } from 'node:path'
import { foldName, ROOT, type Name } from '../dns/name.ts'
import { parseName } from '../presentation/text.ts'
import type { Problem } from '../events.ts'
import type { ZoneLimits } from '../limits.ts'
import { areUnchanged, ZoneReader, type ContentHash } from '../system/zone-files.ts'
import type { FlatZone } from '../zone/flat-zone.ts'
import { loadZone } from '../zone/load-zone.ts'
import type { Zone } from '../zone/zone.ts'

export interface ReadZone {
  /** Null when it has errors. */
  readonly zone: Zone | null
  readonly problems: readonly Problem[]
  /** What was read, with hashes: what has to be watched. */
  readonly files: ReadonlyMap<string, ContentHash>
}

export interface ReadOptions {
  /** Records outside the zone are errors. */
  readonly strict?: boolean
  /** Null comes back when the zone has more records, or includes a file of more octets. */
  readonly max?: { readonly records: number; readonly octets: number }
  readonly onProgress?: (progress: ReadProgress) => void
}

export interface ReadProgress {
  /** Characters read of those of all files opened so far. */
  readonly read: number
  readonly total: number
  readonly records: number
}

/** One zone from a file and what it includes. `origin` null: its name or its SOA says which zone it is. */
export function readZone(
  file: string,
  origin: Name | null,
  limits: ZoneLimits,
  options?: Omit<ReadOptions, 'most'>,
): ReadZone
export function readZone(file: string, origin: Name | null, limits: ZoneLimits, options: ReadOptions): ReadZone | null
export function readZone(
  file: string,
  origin: Name | null,
  limits: ZoneLimits,
  options: ReadOptions = {},
): ReadZone | null {
  const { strict = false, max: most, onProgress } = options
  const reader = new ZoneReader(
    most === undefined ? limits : { ...limits, fileBytes: Math.min(limits.fileBytes, most.octets) },
  )
  const found = reader.read(file)
  if (reader.tooLarge && most !== undefined) return null
  if (found.kind === 'unreadable') return { zone: null, problems: [found.problem], files: reader.files }
  const loaded = loadZone({
    text: found.text,
    file,
    origin: origin ?? originFromName(file),
    ...(origin === null ? {} : { zone: origin }),
    limits,
    include: reader.include,
    further: () => reader.warnings,
    strict,
    compact: true,
    ...(most === undefined ? {} : { mostRecords: most.records }),
    ...(onProgress === undefined
      ? {}
      : { onProgress: (read, records) => onProgress({ read, total: reader.characters, records }) }),
  })
  if (loaded.kind === 'too-large' || (most !== undefined && reader.tooLarge)) return null
  return { zone: loaded.kind === 'zone' ? loaded.zone : null, problems: loaded.problems, files: reader.files }
}

/** `zones/example.com.zone` begins with the origin example.com., `root.zone` with the root; other names say nothing. */
function originFromName(file: string): Name | null {
  const match = /^(.+)\.zone$/.exec(basename(file))
  if (match === null) return null
  if (match[1] === 'root') return ROOT
  const name = parseName(match[1] ?? '', null)
  return typeof name === 'string' ? foldName(name) : null
}

/** What a thread is given. */
export interface ZoneJob {
  readonly file: string
  readonly origin: Name | null
  readonly limits: ZoneLimits
  /** What the zone that is served was read from; empty when there is none. */
  readonly known: ReadonlyMap<string, ContentHash>
}

/** What it gives back; null when the files are those that are known. */
export interface HandedZone {
  readonly flat: FlatZone | null
  readonly problems: readonly Problem[]
  readonly files: ReadonlyMap<string, ContentHash>
}

/** The work of a thread; `zone-thread.ts` says where it comes from. */
export function readForHandover(
  { file, origin, limits, known }: ZoneJob,
  onProgress: (progress: ReadProgress) => void,
): HandedZone | null {
  if (areUnchanged(known)) return null
  const { zone, problems, files } = readZone(file, origin, { ...limits, flatRecords: 0 }, { onProgress })
  return { flat: zone?.flat ?? null, problems, files }
}

// Both sides are of one version; these distinguish the kinds of messages, not valid ones from invalid ones.
const has = (value: unknown, ...keys: readonly string[]): boolean =>
  typeof value === 'object' && value !== null && keys.every(key => key in value)
export const isZoneJob = (value: unknown): value is ZoneJob => has(value, 'file', 'origin', 'limits', 'known')
export const isHandedZone = (value: unknown): value is HandedZone => has(value, 'flat', 'problems', 'files')
export const isReadProgress = (value: unknown): value is ReadProgress => has(value, 'read', 'total', 'records')
