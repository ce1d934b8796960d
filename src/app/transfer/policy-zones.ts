/**
 * The response policy zones of the server: read from files and watched, or sent by other servers; and the rules of the
 * moment, made again as a whole whenever one of them changes.
 *
 * Invariant: the old rules hold until the new ones are complete; a zone that broke keeps its last good version.
 */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Name } from '../../dns/name.ts'
import { RrType } from '../../dns/types.ts'
import type { Limits } from '../../limits.ts'
import { type Hit, PolicyRules, type PolicyZoneSettings } from '../../policy/rpz/rules.ts'
import { triggerText } from '../../policy/rpz/trigger.ts'
import type { Query } from '../../policy/handler.ts'
import type { PolicyZoneStatus } from '../../policy/rpz/status.ts'
import { formatName } from '../../presentation/text.ts'
import { problemText } from '../../render/problem.ts'
import { clientText } from '../../server/query-log.ts'
import { Tally } from '../../server/tally.ts'
import { startJob } from '../../system/job-thread.ts'
import type { ContentHash } from '../../system/zone-files.ts'
import { ZoneWatcher } from '../../system/zone-watcher.ts'
import { FlatContent, type FlatZone } from '../../zone/flat-zone.ts'
import { serialOf } from '../../zone/zone-edit.ts'
import { isPolicyDone, makePolicy, type PolicyDone, type PolicyJob, type PolicySource } from './policy-job.ts'
import type { TransferParts } from './transferred-zone.ts'

/** A zone of the configuration; what servers send comes in by `transferred`. */
export interface PolicyZone {
  readonly settings: PolicyZoneSettings
  readonly required: boolean
  /** Null: other servers send it. */
  readonly file: string | null
}

export interface PolicyZonesParts extends Pick<TransferParts, 'clock' | 'random' | 'events' | 'thread'> {
  readonly limits: Pick<Limits, 'zone' | 'server'>
  /** Other rules hold now. */
  readonly onChange: () => void
  /** The good versions that another server of this process has of files. */
  readonly heldFiles?: ReadonlyMap<Name, FlatZone> | undefined
}

interface Loaded {
  readonly zone: FlatZone | null
  readonly files: ReadonlyMap<string, ContentHash>
  readonly rules: number
  /** Seconds since 1970. */
  readonly loadedAt: number | null
  readonly problem: string | null
  readonly warnings: number
}

const BUILT = new URL('transfer-thread.js', import.meta.url)
const WORD = 2 ** 32
const NONE: Loaded = { zone: null, files: new Map(), rules: 0, loadedAt: null, problem: null, warnings: 0 }

export class PolicyZones {
  readonly #parts: PolicyZonesParts
  #zones: readonly PolicyZone[] = []
  #loaded: ReadonlyMap<Name, Loaded> = new Map()
  readonly #sent = new Map<Name, FlatZone>()
  #rules: PolicyRules | null = null
  #missing: readonly string[] = []
  #turn: Promise<void> = Promise.resolve()
  #watcher: ZoneWatcher | null = null
  readonly #hits = new Map<Name, number>()
  readonly #logged: Tally
  #closed = false

  constructor(parts: PolicyZonesParts) {
    this.#parts = parts
    this.#logged = new Tally(parts.limits.server.tellAgainMs)
    this.#loaded = new Map([...(parts.heldFiles ?? [])].map(([name, zone]) => [name, { ...NONE, zone }]))
  }

  /** Of files, to be handed from thread to thread; what was sent is with the secondary zones. */
  get heldFiles(): ReadonlyMap<Name, FlatZone> {
    return new Map(
      this.#zones.flatMap(({ settings: { zone: name }, file }) => {
        const zone = file === null ? null : (this.#loaded.get(name)?.zone ?? null)
        return zone === null ? [] : [[name, zone] as const]
      }),
    )
  }

  /** The rules of the moment. `failing`: a zone without which nothing is to be answered is not there. */
  rules(): PolicyRules | null | 'failing' {
    return this.#missing.length > 0 ? 'failing' : this.#rules
  }

  /** Zones without which nothing is to be answered, and that are not there. */
  missing(): readonly string[] {
    return this.#missing
  }

  statuses(): readonly PolicyZoneStatus[] {
    return this.#zones.map(({ settings, required, file }) => {
      const { zone, rules, loadedAt, problem, warnings } = this.#loaded.get(settings.zone) ?? NONE
      return {
        ...{ zone: formatName(settings.zone), file, state: zone === null ? 'missing' : 'loaded', required },
        ...{ action: actionText(settings), order: settings.early ? 'early' : 'strict' },
        ...{ serial: zone === null ? null : serialIn(zone), rules, hits: this.#hits.get(settings.zone) ?? 0 },
        ...{ loadedAt, problem, warnings },
      }
    })
  }

  noteHit(hit: Hit, query: Query): void {
    if (query.dry === true) return
    const { zone, logOnly } = hit.settings
    this.#hits.set(zone, (this.#hits.get(zone) ?? 0) + 1)
    if (!logOnly) return
    const { clock, events } = this.#parts
    const count = this.#logged.note(clock.now())
    if (count > 0)
      events({
        kind: 'policy-would-apply',
        zone: formatName(zone),
        rule: triggerText(hit.trigger, formatName),
        action: hit.action.kind,
        question: formatName(query.question.name),
        client: clientText(query.client, 'prefix'),
        count,
      })
  }

  /** Other zones; all files are read. Resolves when their rules hold. */
  configure(zones: readonly PolicyZone[]): Promise<void> {
    this.#zones = zones
    this.#lookForMissing()
    return this.#rebuild(() => true)
  }

  /** What other servers have sent; null: it has expired. */
  transferred(zone: Name, flat: FlatZone | null): void {
    // Rules that may be out of date still hold: to drop them would open what they close.
    if (flat === null) return
    this.#sent.set(zone, flat)
    void this.#rebuild(() => false)
  }

  watch(): void {
    this.#watcher?.close()
    const files = this.#zones.flatMap(({ file }) => file ?? [])
    if (files.length === 0 || this.#closed) return
    const { clock, limits, events } = this.#parts
    this.#watcher = new ZoneWatcher({
      patterns: files,
      directory: '/',
      clock,
      limits: limits.zone,
      onChange: ({ added, changed, removed }) => {
        const touched = new Set([...added, ...changed, ...removed])
        void this.#rebuild(file => touched.has(file)).then(() => this.#tellWatcher())
      },
      onError: problem => events({ kind: 'zone-warnings', file: problem.file, problems: [problem] }),
    })
    this.#tellWatcher()
  }

  close(): void {
    this.#closed = true
    this.#watcher?.close()
  }

  #tellWatcher(): void {
    const files = this.#zones.flatMap(({ file, settings }) =>
      file === null ? [] : [[file, this.#loaded.get(settings.zone)?.files ?? NONE.files] as const],
    )
    this.#watcher?.update(new Map(files))
  }

  #lookForMissing(): void {
    this.#missing = this.#zones.flatMap(({ required, settings: { zone } }) =>
      required && (this.#loaded.get(zone) ?? NONE).zone === null ? [formatName(zone)] : [],
    )
  }

  /** One after the other. */
  #rebuild(isWanted: (file: string) => boolean): Promise<void> {
    this.#turn = this.#turn.then(() => (this.#closed ? undefined : this.#build(isWanted)))
    return this.#turn
  }

  async #build(isWanted: (file: string) => boolean): Promise<void> {
    const { clock, random, limits, events } = this.#parts
    const began = clock.now()
    const zones = this.#zones
    const used = zones.flatMap(zone => {
      const source = this.#sourceOf(zone, isWanted)
      return source === null ? [] : [{ zone, source }]
    })
    const key = { k0: random.below(WORD), k1: random.below(WORD) }
    const done = await this.#run({ zones: used.map(({ source }) => source), key, limits: limits.zone })
    if (typeof done === 'string') {
      events({ kind: 'bug', where: 'policy', error: new Error(done), question: null })
      return
    }
    const loaded = new Map<Name, Loaded>()
    const here: { settings: PolicyZoneSettings; zone: FlatZone }[] = []
    for (const [i, { zone, source }] of used.entries()) {
      const read = done.zones[i]
      if (read === undefined) continue
      const { settings, file } = zone
      const before = this.#loaded.get(settings.zone)
      const files = source.kind === 'file' ? read.files : (before?.files ?? NONE.files)
      loaded.set(settings.zone, { ...statusOf(read, before, clock.wall()), zone: read.zone, files, rules: read.rules })
      if (read.zone !== null) here.push({ settings, zone: read.zone })
      const name = formatName(settings.zone)
      const from = file ?? name
      if (read.rejected)
        events({ kind: 'zone-rejected', file: from, problems: read.problems, kept: read.zone !== null })
      else if (read.problems.length > 0 && before?.zone !== read.zone)
        events({ kind: 'zone-warnings', file: from, problems: read.problems })
      if (!read.rejected && read.zone !== null && before?.zone !== read.zone)
        events({ kind: 'policy-zone-loaded', zone: name, rules: read.rules, ms: Math.round(clock.now() - began) })
    }
    this.#loaded = loaded
    this.#lookForMissing()
    this.#rules = here.length === 0 ? null : new PolicyRules({ zones: here, tables: done.tables })
    this.#parts.onChange()
  }

  #sourceOf({ settings: { zone }, file }: PolicyZone, isWanted: (file: string) => boolean): PolicySource | null {
    const before = this.#loaded.get(zone)?.zone ?? null
    if (file !== null && (isWanted(file) || before === null)) return { kind: 'file', file, origin: zone, before }
    const here = file === null ? (this.#sent.get(zone) ?? null) : before
    return here === null ? null : { kind: 'here', zone: here }
  }

  /** In a thread, unless it is little. */
  async #run(job: PolicyJob): Promise<PolicyDone | string> {
    const { limits, thread = BUILT } = this.#parts
    const isLittle = job.zones.every(
      source => source.kind === 'here' && source.zone.recordCount <= limits.zone.hereRecords,
    )
    if (isLittle || !existsSync(fileURLToPath(thread))) return makePolicy(job)
    const end = await startJob(thread, job, () => {}).end
    if (end.kind === 'done' && isPolicyDone(end.value)) return end.value
    return end.kind === 'failed' ? end.reason : 'the thread was stopped'
  }
}

/** Of what is kept as it was, what was said when it came. */
function statusOf(
  { zone, problems, rejected }: PolicyDone['zones'][number],
  before: Loaded = NONE,
  now: number,
): Pick<Loaded, 'loadedAt' | 'problem' | 'warnings'> {
  if (rejected) {
    const problem = problems.find(({ severity }) => severity === 'error') ?? problems[0]
    return { ...before, problem: problem === undefined ? 'cannot be used' : problemText(problem) }
  }
  if (zone === before.zone) return before
  return { loadedAt: Math.round(now), problem: null, warnings: problems.length }
}

const serialIn = (zone: FlatZone): number | null => serialOf(new FlatContent(zone).at(zone.origin)?.get(RrType.SOA))

function actionText({ override, logOnly }: PolicyZoneSettings): string {
  if (logOnly) return 'log'
  if (override === null) return 'given'
  return typeof override === 'string' ? override : `cname ${formatName(override.cname)}`
}
