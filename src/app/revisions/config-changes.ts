/**
 * The configuration as it is changed while the server runs: settings that a reload takes over, laid over the file and
 * below the environment and the flags. The operator's file is never written. Every change is a revision.
 *
 * Invariants: a change is kept and takes effect only when the whole configuration holds with it, files that it names
 * included; a revision that does not fit any more never keeps the server from starting.
 */
import { createHash } from 'node:crypto'
import { dirname, join, resolve } from 'node:path'
import { adminLimits } from '../../admin/limits.ts'
import type { ConfigAction, ConfigChanged, ConfigChangeRequest, Fixed } from '../../admin/config-controls.ts'
import type { Difference, Fault, Refusal } from '../../admin/zone-controls.ts'
import { readConfig } from '../../config/read.ts'
import type { Config, ConfigResult, ConfigText, Override } from '../../config/types.ts'
import type { Problem } from '../../events.ts'
import type { EventSink } from '../../ports.ts'
import { problemText } from '../../render/problem.ts'
import { strangeFiles } from '../../config/named-files.ts'
import { allSettings, flattened, type Overlay, overlayFrom, overridesOf, whyFixed } from './config-overlay.ts'
import { type RevisionFacts, RevisionLog } from './revision-log.ts'

/** Reads the configuration with settings laid over it; `text`: what to read instead of the file. */
export type ReadConfig = (overlay: readonly Override[], text?: ConfigText) => ConfigResult

/** A configuration that somebody thinks of: the whole text of a file, or settings changed as the API changes them. */
export type Candidate =
  | ({ readonly kind: 'text' } & ConfigText)
  | { readonly kind: 'patch'; readonly settings: Readonly<Record<string, unknown>> }

interface ConfigChangesParts {
  /** The state directory; null: changes end with the process. */
  readonly state: string | null
  /** Absent: the configuration is only what was given at the start. */
  readonly read: ReadConfig | undefined
  /** Seconds since 1970. */
  readonly wall: () => number
}

/** The running server, as far as a change needs it. */
export interface Running {
  readonly config: () => Config
  readonly check: (config: Config) => readonly Problem[]
  readonly reload: () => readonly Problem[]
}

const NOTHING: Overlay = new Map()
type Kept = { readonly set: Readonly<Record<string, unknown>> }
const keptOf = (overlay: Overlay): Kept => ({ set: Object.fromEntries(overlay) })

export class ConfigChanges {
  readonly #parts: ConfigChangesParts
  readonly #log: RevisionLog<Kept>
  #turn: Promise<unknown> = Promise.resolve()
  /** What is to be said before there is a log. */
  #held: string[] = []
  #events: EventSink | null = null

  constructor(parts: ConfigChangesParts) {
    this.#parts = parts
    const { state } = parts
    this.#log = new RevisionLog({
      directory: state === null ? null : join(state, FOLDER),
      read: value => {
        const overlay = overlayFrom(value)
        return overlay === null ? null : keptOf(overlay)
      },
      report: message => this.#report(message),
      maxBytes: adminLimits.revisionBytes,
      most: state === null ? adminLimits.revisionsInMemory : adminLimits.revisions,
    })
  }

  reportTo(events: EventSink): void {
    this.#events = events
    for (const message of this.#held.splice(0)) this.#report(message)
  }

  /** The configuration of a start; the one given when nothing is laid over it, or what was does not fit any more. */
  laidOver(given: Config): Config {
    const { read } = this.#parts
    while (read !== undefined && this.#overlay().size > 0) {
      const result = read(overridesOf(this.#overlay()))
      if (result.kind === 'config') return result.config
      this.setAside(result.problems.map(problemText).join('; '))
    }
    return given
  }

  setAside(why: string): void {
    this.#report(`settings changed through the API do not hold any more and are set aside: ${why}`)
    this.#log.dropLatest()
  }

  /** Null: nothing can be read again. */
  read(): ConfigResult | null {
    return this.#parts.read?.(overridesOf(this.#overlay())) ?? null
  }

  /**
   * A candidate as a reload would read it: below what came by the environment and by flags, and of a text also below
   * what was changed through the API. Nothing changes.
   */
  candidate(candidate: Candidate, running: Config): ConfigResult | Extract<Refusal, { kind: 'invalid' }> {
    const read = this.#parts.read ?? readAgain(running)
    if (candidate.kind === 'text') return read(overridesOf(this.#overlay()), candidate)
    const { values, faults } = flattened(candidate.settings)
    if (faults.length > 0) return { kind: 'invalid', faults }
    return read(overridesOf(laidOver(this.#overlay(), values)))
  }

  get revision(): number {
    return this.#log.latest?.number ?? 0
  }

  facts(): readonly RevisionFacts[] {
    return this.#log.facts()
  }

  tagOf({ raw }: Config): string {
    const hash = createHash('sha256').update(JSON.stringify(raw)).digest('hex')
    return `"${this.revision}-${hash.slice(0, 16)}"`
  }

  change(request: ConfigChangeRequest, running: Running): Promise<ConfigChanged | Fixed | Refusal> {
    const turn = this.#turn.then(() => this.#change(request, running))
    this.#turn = turn.catch(() => {})
    return turn
  }

  async #change(
    { action, ifMatch, dryRun, author, comment, requestId }: ConfigChangeRequest,
    running: Running,
  ): Promise<ConfigChanged | Fixed | Refusal> {
    const { read } = this.#parts
    const before = running.config()
    const tag = this.tagOf(before)
    if (ifMatch !== null && !ifMatch.includes('*') && !ifMatch.includes(tag)) return { kind: 'mismatch', etag: tag }
    if (read === undefined) return { kind: 'refused', why: 'this server has no configuration that can be read again' }
    const wanted = this.#wanted(action)
    if (wanted.kind !== 'wanted') return wanted
    const result = read(overridesOf(wanted.overlay))
    if (result.kind === 'invalid') return { kind: 'invalid', faults: result.problems.map(faultOf) }
    const naming = this.#namingFiles(action, wanted.overlay, result.config, before)
    if (naming.length > 0) return { kind: 'fixed', faults: naming }
    const problems = running.check(result.config)
    if (problems.length > 0) return { kind: 'invalid', faults: problems.map(faultOf) }
    const difference = differenceBetween(this.#overlay(), wanted.overlay)
    const isSame = difference.addedCount + difference.removedCount === 0
    if (!dryRun && !isSame) {
      const facts = { at: this.#parts.wall(), author, comment, requestId, restores: wanted.restores }
      if (this.#parts.state === null && this.#log.latest === null)
        this.#report('no "state" directory is configured: settings changed through the API end with the process')
      const appended = await this.#log.append(facts, keptOf(wanted.overlay))
      if (appended.kind === 'not-written') return appended
      running.reload()
    }
    const warnings = result.warnings.map(faultOf)
    const etag = dryRun ? tag : this.tagOf(running.config())
    return { kind: 'changed', revision: this.revision, etag, difference, warnings }
  }

  #wanted(
    action: ConfigAction,
  ): { readonly kind: 'wanted'; readonly overlay: Overlay; readonly restores: number | null } | Fixed | Refusal {
    switch (action.kind) {
      case 'put':
      case 'patch': {
        const { values, faults } = flattened(action.settings)
        if (faults.length > 0) return { kind: 'invalid', faults }
        const fixed = this.#fixed(values)
        if (fixed.length > 0) return { kind: 'fixed', faults: fixed }
        return {
          kind: 'wanted',
          overlay: laidOver(action.kind === 'put' ? NOTHING : this.#overlay(), values),
          restores: null,
        }
      }
      case 'undo': {
        const target = this.#log.undoTarget()
        return target === null ? { kind: 'nothing-to-undo' } : this.#restored(target)
      }
      case 'revert':
        return this.#restored(action.revision)
      default:
        return action satisfies never
    }
  }

  #restored(number: number): { kind: 'wanted'; overlay: Overlay; restores: number } | Refusal {
    const kept = this.#log.stateAfter(number, keptOf(NOTHING))
    const overlay = kept === null ? null : overlayFrom(kept)
    return overlay === null ? { kind: 'no-revision' } : { kind: 'wanted', overlay, restores: number }
  }

  #fixed(values: ReadonlyMap<string, unknown>): readonly Fault[] {
    const read = this.#parts.read?.([])
    const originOf = read?.kind === 'config' ? read.originOf : undefined
    return allSettings().flatMap(setting => {
      const value = values.get(setting.path.join('.'))
      if (value === undefined || value === null) return []
      const why = whyFixed(setting, originOf?.(setting.path) ?? { kind: 'default' })
      return why === null ? [] : [{ pointer: `/${setting.path.join('/')}`, detail: why }]
    })
  }

  /**
   * Whoever may only use the API must not choose what the server reads (a program of policies is run, and of a list
   * lines are shown), nor what it writes: settings that name files which the file does not. None of them was read yet.
   */
  #namingFiles(action: ConfigAction, wanted: Overlay, candidate: Config, running: Config): readonly Fault[] {
    if (action.kind !== 'put' && action.kind !== 'patch') return []
    const all = strangeFiles(candidate, running)
    if (all.length === 0) return []
    const faults = [...wanted].flatMap(([key, value]) => {
      const alone = this.#parts.read?.(overridesOf(new Map([[key, value]])))
      const files = alone?.kind === 'config' ? strangeFiles(alone.config, running) : []
      return files.length === 0 ? [] : [{ pointer: `/${key.replaceAll('.', '/')}`, detail: filesFault(files) }]
    })
    return faults.length > 0 ? faults : [{ pointer: '', detail: filesFault(all) }]
  }

  #overlay(): Overlay {
    return overlayFrom(this.#log.latest?.value) ?? NOTHING
  }

  #report(message: string): void {
    if (this.#events === null) this.#held.push(message)
    else this.#events({ kind: 'admin-state-failed', message })
  }
}

const filesFault = (files: readonly string[]): string =>
  `names files of this machine that are not configured (${files.join(', ')}): change it in the file`

const FOLDER = 'configuration'
const LABEL = 'api:'

function laidOver(below: Overlay, values: ReadonlyMap<string, unknown>): Overlay {
  const overlay = new Map(below)
  for (const [key, value] of values) {
    if (value === null) overlay.delete(key)
    else overlay.set(key, value)
  }
  return overlay
}

/** Of a server that was given its configuration as a value. */
const readAgain =
  ({ file, raw }: Config): ReadConfig =>
  (overrides, text) => {
    const path = file ?? resolve('resolver.config.json')
    return readConfig({ file: text ?? { path, text: JSON.stringify(raw) }, overrides, directory: dirname(path) })
  }

/** Of a value that came by the API its pointer, of others the file and the line. */
export function faultOf(problem: Problem): Fault {
  const { file, message } = problem
  return file.startsWith(LABEL)
    ? { pointer: file.slice(LABEL.length), detail: message }
    : { pointer: '', detail: problemText(problem) }
}

function differenceBetween(before: Overlay, after: Overlay): Difference {
  const line = ([key, value]: readonly [string, unknown]): string => `${key} = ${JSON.stringify(value)}`
  const were = [...before].map(line)
  const are = [...after].map(line)
  const removed = were.filter(one => !are.includes(one))
  const added = are.filter(one => !were.includes(one))
  return { removed, added, removedCount: removed.length, addedCount: added.length }
}
