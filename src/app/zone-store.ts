/**
 * The zones that are served from here: read, kept current, and handed out as one set. Files are read and watched by
 * `net/`, understood by `zone/`; here it is decided what a broken one means.
 *
 * Invariants: the set changes in one step and never half; a file that broke keeps its last good zone; nothing is read
 * while a query is being answered except because a file changed or somebody asked for it.
 */
import { basename } from 'node:path'
import { foldName, isWithin, ROOT, type Name } from '../dns/name.ts'
import { formatName, parseName } from '../presentation/text.ts'
import type { Problem } from '../events.ts'
import type { ZoneLimits } from '../limits.ts'
import { expandPatterns, ZoneReader, type ContentHash } from '../system/zone-files.ts'
import { ZoneWatcher } from '../system/zone-watcher.ts'
import type { Clock, EventSink } from '../ports.ts'
import { reverseRecords } from '../zone/reverse.ts'
import { makeLocalZones, type LocalZones } from '../zone/local-zones.ts'
import { builtInZones } from '../zone/special-use.ts'
import { buildZone } from '../zone/zone-check.ts'
import { parseZoneText, type LocatedRr } from '../zone/zone-file.ts'
import type { Zone } from '../zone/zone.ts'

export interface ZoneSettings {
  readonly zones: readonly { readonly pattern: string; readonly origin: Name | null }[]
  readonly records: readonly LocatedRr[]
  readonly reverse: boolean
  readonly specialUseOff: 'all' | readonly Name[]
}

export interface ZoneStoreParts {
  readonly clock: Clock
  readonly limits: ZoneLimits
  readonly events: EventSink
  /** The set is another one now. */
  readonly onChange: () => void
}

/** What came of one file. `zone` is null when it has errors and never was good. */
interface Loaded {
  readonly zone: Zone | null
  readonly files: ReadonlyMap<string, ContentHash>
}

export class ZoneStore {
  readonly #parts: ZoneStoreParts
  #settings: ZoneSettings = { zones: [], records: [], reverse: false, specialUseOff: [] }
  #loaded: ReadonlyMap<string, Loaded> = new Map()
  #records: Zone | null = null
  /** Before the first load succeeded its errors are for the caller alone: the start fails with them. */
  #serving = false
  /** Empty until the first load, before which nothing is answered. */
  #current: LocalZones = makeLocalZones([], [])
  #watcher: ZoneWatcher | null = null

  constructor(parts: ZoneStoreParts) {
    this.#parts = parts
  }

  current(): LocalZones {
    return this.#current
  }

  /**
   * Reads everything that the settings name. The errors, empty when all is well. At the first time a file with errors
   * has no zone; later its last good one stays.
   */
  load(settings: ZoneSettings): readonly Problem[] {
    this.#settings = settings
    return this.#read(() => true)
  }

  /** Looks after files that change from now on. */
  watch(): void {
    this.#watcher?.close()
    const { clock, limits, events } = this.#parts
    this.#watcher = new ZoneWatcher({
      patterns: this.#settings.zones.map(source => source.pattern),
      directory: '/',
      clock,
      limits,
      onChange: ({ added, changed, removed }) => {
        const touched = new Set([...added, ...changed, ...removed])
        this.#read(file => touched.has(file))
        this.#tellWatcher()
      },
      onTrouble: problem => events({ kind: 'zone-warnings', file: problem.file, problems: [problem] }),
    })
    this.#tellWatcher()
  }

  close(): void {
    this.#watcher?.close()
    this.#watcher = null
  }

  #tellWatcher(): void {
    this.#watcher?.update(new Map([...this.#loaded].map(([file, { files }]) => [file, files])))
  }

  /** Reads the files that `wanted` says, takes the others over, and puts the new set in place. */
  #read(wanted: (file: string) => boolean): readonly Problem[] {
    const errors: Problem[] = []
    const next = new Map<string, Loaded>()
    for (const { pattern, origin } of this.#settings.zones) {
      const { files, problems } = expandPatterns([pattern], '/')
      this.#tellPattern(pattern, problems, errors)
      for (const file of files) {
        const old = this.#loaded.get(file)
        if (next.has(file)) continue
        next.set(file, old !== undefined && !wanted(file) ? old : this.#readFile(file, origin, old, errors))
      }
    }
    for (const [file, { zone }] of this.#loaded) {
      if (!next.has(file) && zone !== null)
        this.#parts.events({ kind: 'zone-removed', zone: formatName(zone.origin), file })
    }
    for (const problem of twoOfOneOrigin(next)) {
      errors.push(problem)
      this.#tellRejected(problem.file, [problem], false)
    }
    const origins = new Set([...next.values()].flatMap(({ zone }) => zone?.origin ?? []))
    const records = this.#readRecords(errors, origins)
    this.#loaded = next
    this.#records = records
    this.#serving ||= errors.length === 0
    const zones = [...next.values()].flatMap(({ zone }) => zone ?? [])
    this.#current = makeLocalZones(records === null ? zones : [records, ...zones], this.#builtIn())
    this.#parts.onChange()
    return errors
  }

  #tellPattern(pattern: string, problems: readonly Problem[], errors: Problem[]): void {
    const warnings = problems.filter(problem => problem.severity === 'warning')
    if (warnings.length > 0) this.#parts.events({ kind: 'zone-warnings', file: pattern, problems: warnings })
    errors.push(...problems.filter(problem => problem.severity === 'error'))
  }

  #readFile(file: string, origin: Name | null, old: Loaded | undefined, errors: Problem[]): Loaded {
    const { events, limits } = this.#parts
    const read = readZone(file, origin, limits)
    if (old !== undefined && old.zone !== null && sameFiles(old.files, read.files)) return old
    const { zone, problems, files } = read
    if (zone === null) {
      errors.push(...problems.filter(problem => problem.severity === 'error'))
      const kept = old !== undefined && old.zone !== null
      this.#tellRejected(file, problems, kept)
      return { zone: old?.zone ?? null, files }
    }
    if (problems.length > 0) events({ kind: 'zone-warnings', file, problems })
    events({ kind: 'zone-loaded', zone: formatName(zone.origin), file, records: zone.recordCount })
    return { zone, files }
  }

  #tellRejected(file: string, problems: readonly Problem[], kept: boolean): void {
    if (this.#serving) this.#parts.events({ kind: 'zone-rejected', file, problems, kept })
  }

  #readRecords(errors: Problem[], origins: ReadonlySet<Name>): Zone | null {
    const { records: given, reverse } = this.#settings
    const isTaken = (name: Name): boolean => [...origins].some(origin => origin !== ROOT && isWithin(name, origin))
    const records = reverse ? [...given, ...reverseRecords(given, isTaken)] : given
    const [first] = records
    if (first === undefined) return null
    const { zone, problems } = buildZone(
      { records, problems: [] },
      { recordsOnly: true, file: first.file, limits: this.#parts.limits },
    )
    if (zone === null) {
      errors.push(...problems.filter(problem => problem.severity === 'error'))
      this.#tellRejected(first.file, problems, this.#records !== null)
      return this.#records
    }
    if (problems.length > 0) this.#parts.events({ kind: 'zone-warnings', file: first.file, problems })
    return zone
  }

  #builtIn(): Zone[] {
    return builtInZones(this.#settings.specialUseOff)
  }
}

export interface ReadZone {
  readonly zone: Zone | null
  readonly problems: readonly Problem[]
  readonly files: ReadonlyMap<string, ContentHash>
}

/** One zone from a file and what it includes. */
export function readZone(file: string, origin: Name | null, limits: ZoneLimits): ReadZone {
  const reader = new ZoneReader(limits)
  const found = reader.read(file)
  if (found.kind === 'unreadable') return { zone: null, problems: [found.problem], files: reader.files }
  const parsed = parseZoneText(found.text, {
    file,
    origin: origin ?? originFromName(file),
    limits,
    include: reader.include,
  })
  const built = buildZone(parsed, origin === null ? { file, limits } : { file, limits, origin })
  return { ...built, files: reader.files }
}

/** `zones/example.com.zone` begins with the origin example.com., `root.zone` with the root; other names say nothing. */
function originFromName(file: string): Name | null {
  const match = /^(.+)\.zone$/.exec(basename(file))
  if (match === null) return null
  if (match[1] === 'root') return ROOT
  const name = parseName(match[1] ?? '', null)
  return typeof name === 'string' ? foldName(name) : null
}

const sameFiles = (a: ReadonlyMap<string, ContentHash>, b: ReadonlyMap<string, ContentHash>): boolean =>
  a.size === b.size && [...a].every(([file, hash]) => hash !== null && b.get(file) === hash)

/** Which of two would be served is not for chance to say. */
function twoOfOneOrigin(loaded: ReadonlyMap<string, Loaded>): Problem[] {
  const first = new Map<Name, string>()
  return [...loaded].flatMap(([file, { zone }]): Problem[] => {
    if (zone === null) return []
    const other = first.get(zone.origin)
    first.set(zone.origin, other ?? file)
    if (other === undefined) return []
    return [
      {
        file,
        line: 0,
        column: 0,
        severity: 'error',
        message: `holds the zone ${formatName(zone.origin)}, which ${other} holds too`,
      },
    ]
  })
}
