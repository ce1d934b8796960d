/**
 * The zones that are served from here: read, kept current, and handed out as one set. Files are read and watched by
 * `net/`, understood by `zone/`; here it is decided what a broken one means, and where a large one is read.
 *
 * Invariants: the set changes in one step and never half; a file that broke keeps its last good zone; nothing is read
 * while a query is being answered except because a file changed or somebody asked for it.
 */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isWithin, ROOT, type Name } from '../dns/name.ts'
import { RrType } from '../dns/types.ts'
import { formatName } from '../presentation/text.ts'
import type { Problem } from '../events.ts'
import type { ZoneLimits } from '../limits.ts'
import { type Job, type JobEnd, startJob } from '../system/job-thread.ts'
import { expandPatterns, type ContentHash } from '../system/zone-files.ts'
import { ZoneWatcher } from '../system/zone-watcher.ts'
import type { Clock, EventSink } from '../ports.ts'
import { reverseRecords } from '../zone/reverse.ts'
import { FlatContent } from '../zone/flat-zone.ts'
import { makeLocalZones, type LocalZones } from '../zone/local-zones.ts'
import { builtInZones } from '../zone/special-use.ts'
import { buildZone } from '../zone/zone-check.ts'
import type { LocatedRr } from '../zone/zone-file.ts'
import { Zone } from '../zone/zone.ts'
import { isHandedZone, isReadProgress, readZone, type ReadZone, type ZoneJob } from './zone-reading.ts'

export interface ZoneSettings {
  readonly zones: readonly { readonly pattern: string; readonly origin: Name | null; readonly editable?: boolean }[]
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
  /** What is laid over zones of files; by default nothing. */
  readonly layer?: ZoneLayer | undefined
  /** The program of `zone-thread.ts`; by default the built one, and without it everything is read here. */
  readonly thread?: URL
}

/** Changes that are not in any file. */
export interface ZoneLayer {
  /** What is served in place of a zone as its file has it. */
  over(zone: Zone): Zone
  /** Called before `over` with a zone that was read next to serving: what takes long is done now. Null: nothing. */
  prepare?(zone: Zone): Promise<void> | null
  /** Zones that no file has; `taken` are the origins of those that have one. */
  others(taken: ReadonlySet<Name>): readonly Zone[]
}

/** A zone as its file has it. */
export interface FileZone {
  readonly file: string
  /** May changes be written into the file? */
  readonly editable: boolean
  readonly zone: Zone
}

/** One file, and what the settings say of it. */
interface Source {
  readonly file: string
  readonly origin: Name | null
  readonly editable: boolean
}

interface Plan {
  readonly errors: readonly Problem[]
  /** In the order of the settings. */
  readonly files: readonly string[]
  readonly wanted: readonly Source[]
}

/** The largest zone that is read here next to serving. */
interface Most {
  readonly records: number
  readonly octets: number
}

interface TimedRead extends ReadZone {
  readonly ms: number
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
  /** Zones that other servers send. */
  #transferred: readonly Zone[] = []
  /** Before the first load succeeded its errors are for the caller alone: the start fails with them. */
  #serving = false
  /** Empty until the first load, before which nothing is answered. */
  #current: LocalZones = makeLocalZones([], [])
  #watcher: ZoneWatcher | null = null
  /** The last load that was asked for, which the next one waits for. */
  #turn: Promise<unknown> = Promise.resolve()
  /** Loads that are not over. */
  #waiting = 0
  /** The thread that reads a zone just now. */
  #job: Job | null = null
  #closed = false

  constructor(parts: ZoneStoreParts) {
    this.#parts = parts
  }

  current(): LocalZones {
    return this.#current
  }

  /**
   * Reads everything that the settings name, at once: for those who serve nothing yet, or cannot wait. The errors,
   * empty when all is well. At the first time a file with errors has no zone; later its last good one stays.
   */
  load(settings: ZoneSettings): readonly Problem[] {
    this.#settings = settings
    const plan = this.#plan(() => true)
    return this.#apply(plan, new Map(plan.wanted.map(source => [source.file, this.#readHere(source)])))
  }

  /**
   * The same next to serving: the event loop goes on between files, and large ones are read in a thread. Loads and
   * changes of files are done one after the other. Until it is over the old set is served.
   */
  loadBeside(settings: ZoneSettings): Promise<readonly Problem[]> {
    return this.#inTurn(() => {
      this.#settings = settings
      return this.#readBeside(() => true)
    })
  }

  /** Looks after files that change from now on. */
  watch(): void {
    if (this.#closed) return
    this.#watcher?.close()
    const { clock, limits, events } = this.#parts
    this.#watcher = new ZoneWatcher({
      patterns: this.#settings.zones.map(source => source.pattern),
      directory: '/',
      clock,
      limits,
      onChange: ({ added, changed, removed }) => {
        const touched = new Set([...added, ...changed, ...removed])
        void this.#inTurn(() => this.#readBeside(file => touched.has(file))).then(() => this.#tellWatcher())
      },
      onError: problem => events({ kind: 'zone-warnings', file: problem.file, problems: [problem] }),
    })
    this.#tellWatcher()
  }

  /** A text that is another when any zone is: hashes of the files that were read, and of every zone its SOA. */
  identity(): string {
    const files = [...this.#loaded].map(([file, loaded]) => [file, ...loaded.files])
    const soas = this.#current.zones
      .filter(zone => !this.#current.isBuiltIn(zone))
      .map(zone => [
        zone.origin,
        zone
          .setsAt(zone.origin)
          .find(({ type }) => type === RrType.SOA)
          ?.rdatas.map(hexOf),
      ])
    return JSON.stringify([files, soas])
  }

  /** What was read from files, in the order of the settings. */
  fileZones(): readonly FileZone[] {
    const editable = new Map(this.#sources([]).map(source => [source.file, source.editable]))
    return [...this.#loaded].flatMap(([file, { zone }]) =>
      zone === null ? [] : [{ file, zone, editable: editable.get(file) === true }],
    )
  }

  /** The layer says something else now. */
  refresh(): void {
    this.#assemble()
  }

  /** Reads a file that was changed from here; what is wrong with it. */
  async reread(file: string): Promise<readonly Problem[]> {
    const errors = await this.#inTurn(() => this.#readBeside(one => one === file))
    this.#tellWatcher()
    return errors
  }

  get transferredZones(): readonly Zone[] {
    return this.#transferred
  }

  /** The zones that other servers send are these now. A file that holds one of them has precedence. */
  serveTransferred(zones: readonly Zone[]): void {
    this.#transferred = zones
    this.#assemble()
  }

  close(): void {
    this.#closed = true
    this.#watcher?.close()
    this.#watcher = null
    this.#job?.stop()
  }

  #tellWatcher(): void {
    this.#watcher?.update(new Map([...this.#loaded].map(([file, { files }]) => [file, files])))
  }

  /**
   * One after the other, so that none begins from a set that another is about to change; at once when there is no
   * other.
   */
  async #inTurn(read: () => Promise<readonly Problem[]>): Promise<readonly Problem[]> {
    const turn = this.#waiting === 0 ? read() : this.#turn.then(read)
    this.#turn = turn
    this.#waiting++
    try {
      return await turn
    } finally {
      this.#waiting--
    }
  }

  /** What the settings name now, and which of it is to be read: what `wanted` says, and what is new. */
  #plan(wanted: (file: string) => boolean): Plan {
    const errors: Problem[] = []
    const sources = this.#sources(errors)
    return {
      errors,
      files: sources.map(({ file }) => file),
      wanted: sources.filter(({ file }) => wanted(file) || !this.#loaded.has(file)),
    }
  }

  /** Of several patterns that match a file the first counts. */
  #sources(errors: Problem[]): readonly Source[] {
    const files = new Map<string, Source>()
    for (const { pattern, origin, editable = false } of this.#settings.zones) {
      const found = expandPatterns([pattern], '/')
      this.#tellPattern(pattern, found.problems, errors)
      for (const file of found.files) if (!files.has(file)) files.set(file, { file, origin, editable })
    }
    return [...files.values()]
  }

  /** Few small files are read before this returns for the first time. */
  async #readBeside(wanted: (file: string) => boolean): Promise<readonly Problem[]> {
    const { limits, thread = BUILT } = this.#parts
    const plan = this.#plan(wanted)
    const reads = new Map<string, TimedRead>()
    const isThere = plan.wanted.length > 0 && isBuilt(thread)
    let spent = 0
    for (const source of plan.wanted) {
      if (this.#closed) return []
      const here = this.#readHere(
        source,
        isThere ? { records: limits.hereRecords, octets: limits.hereBytes } : undefined,
      )
      const old = this.#loaded.get(source.file)
      const isSameZone =
        old !== undefined && old.zone !== null && (source.origin === null || source.origin === old.zone.origin)
      const known = isSameZone ? old.files : NO_FILES
      const read = here ?? (await this.#readInThread(thread, { ...source, limits, known }))
      if (read !== null) reads.set(source.file, read)
      spent += here === null ? limits.hereRecords : FILE_AS_RECORDS + (here.zone?.recordCount ?? 0)
      if (spent < limits.hereRecords) continue
      spent = 0
      await nextTurn()
    }
    for (const { zone } of reads.values()) {
      const prepared = zone === null ? null : this.#parts.layer?.prepare?.(zone)
      if (prepared) await prepared
    }
    return this.#closed ? [] : this.#apply(plan, reads)
  }

  /** Null when the zone is larger than `most`. */
  #readHere(source: Source): TimedRead
  #readHere(source: Source, most: Most | undefined): TimedRead | null
  #readHere({ file, origin }: Source, most?: Most): TimedRead | null {
    const { clock, limits } = this.#parts
    const began = clock.now()
    const read = most === undefined ? readZone(file, origin, limits) : readZone(file, origin, limits, { max: most })
    return read === null ? null : { ...read, ms: clock.now() - began }
  }

  /** Null: nothing changed. */
  async #readInThread(thread: URL, job: ZoneJob): Promise<TimedRead | null> {
    const { clock, limits, events } = this.#parts
    const began = clock.now()
    let reportedAt = began
    this.#job = startJob(thread, job, progress => {
      const now = clock.now()
      if (!isReadProgress(progress) || now - reportedAt < limits.progressMs) return
      reportedAt = now
      const percent = Math.floor((100 * progress.read) / Math.max(1, progress.total))
      events({ kind: 'zone-loading', file: job.file, records: progress.records, percent, ms: Math.round(now - began) })
    })
    const end = await this.#job.end
    this.#job = null
    const read = zoneFrom(job.file, end)
    return read === null ? null : { ...read, ms: clock.now() - began }
  }

  /** Takes over what was not read, and puts the new set in place. */
  #apply({ errors: found, files }: Plan, reads: ReadonlyMap<string, TimedRead>): readonly Problem[] {
    const errors = [...found]
    const next = new Map<string, Loaded>()
    for (const file of files) {
      const old = this.#loaded.get(file)
      const read = reads.get(file)
      if (read !== undefined) next.set(file, this.#taken(file, old, read, errors))
      else if (old !== undefined) next.set(file, old)
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
    this.#assemble()
    return errors
  }

  #assemble(): void {
    const { layer, onChange } = this.#parts
    const own = [...this.#loaded.values()].flatMap(({ zone }) => zone ?? [])
    const files = layer === undefined ? own : own.map(zone => layer.over(zone))
    const others = layer?.others(new Set(own.map(({ origin }) => origin))) ?? []
    const records = this.#records === null ? [] : [this.#records]
    this.#current = makeLocalZones([...records, ...files, ...others, ...this.#transferred], this.#builtIn())
    onChange()
  }

  #tellPattern(pattern: string, problems: readonly Problem[], errors: Problem[]): void {
    const warnings = problems.filter(problem => problem.severity === 'warning')
    if (warnings.length > 0) this.#parts.events({ kind: 'zone-warnings', file: pattern, problems: warnings })
    errors.push(...problems.filter(problem => problem.severity === 'error'))
  }

  /** What is kept of a file that was read. */
  #taken(file: string, old: Loaded | undefined, read: TimedRead, errors: Problem[]): Loaded {
    const { events } = this.#parts
    if (
      old !== undefined &&
      old.zone !== null &&
      sameFiles(old.files, read.files) &&
      (read.zone === null || read.zone.origin === old.zone.origin)
    )
      return old
    const { zone, problems, files, ms } = read
    if (zone === null) {
      errors.push(...problems.filter(problem => problem.severity === 'error'))
      const kept = old !== undefined && old.zone !== null
      this.#tellRejected(file, problems, kept)
      return { zone: old?.zone ?? null, files }
    }
    if (problems.length > 0) events({ kind: 'zone-warnings', file, problems })
    events({ kind: 'zone-loaded', zone: formatName(zone.origin), file, records: zone.recordCount, ms: Math.round(ms) })
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

/** It stands next to this file where the program is built. */
const BUILT = new URL('zone-thread.js', import.meta.url)
const isBuilt = (thread: URL): boolean => existsSync(fileURLToPath(thread))

/** What opening a file costs, as records that are read in the time. */
const FILE_AS_RECORDS = 50

const NO_FILES: ReadonlyMap<string, ContentHash> = new Map()

const nextTurn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** What a thread gave back; null when it found the files unchanged. */
function zoneFrom(file: string, end: JobEnd): ReadZone | null {
  switch (end.kind) {
    case 'done': {
      if (end.value === null) return null
      if (!isHandedZone(end.value)) throw new Error('a thread that reads zones gave something else')
      const { flat, problems, files } = end.value
      return {
        zone: flat === null ? null : new Zone(flat.origin, new FlatContent(flat), { recordsOnly: false }),
        problems,
        files,
      }
    }
    case 'failed':
      return unread(file, `could not be loaded: ${end.reason}`)
    case 'stopped':
      return unread(file, 'was not loaded: the server stopped')
    default:
      return end satisfies never
  }
}

const unread = (file: string, message: string): ReadZone => ({
  zone: null,
  problems: [{ file, line: 0, column: 0, severity: 'error', message }],
  files: new Map([[file, null]]),
})

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

const hexOf = (octets: Uint8Array): string => Buffer.from(octets).toString('hex')
