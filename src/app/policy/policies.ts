/**
 * The policies of a running server that are written as programs: loaded, watched, and replaced by new versions. A
 * version that cannot be used leaves the one before in force; the thread of that one ends when no query waits for it.
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { PolicySource } from '../../config/types.ts'
import type { Problem } from '../../events.ts'
import type { Limits } from '../../limits.ts'
import type { Fault } from '../../policy/code/run.ts'
import type { Program } from '../../policy/code/stage.ts'
import type { ProgramStatus } from '../../policy/code/status.ts'
import type { Clock, EventSink } from '../../ports.ts'
import { ZoneWatcher } from '../../system/zone-watcher.ts'
import { IsolatedProgram } from './isolated-program.ts'
import { loadPolicy } from './load-policy.ts'
import { OwnProgram } from './own-program.ts'

export interface PoliciesParts {
  readonly clock: Clock
  readonly limits: Pick<Limits, 'code' | 'zone' | 'lists'>
  readonly events: EventSink
  /** Other programs hold now. */
  readonly onChange: () => void
  /** The program of `policy-thread.ts`, where it is not the built one. */
  readonly thread?: URL | undefined
}

/** A version of a policy that holds. */
interface Held {
  readonly program: Program
  readonly memory: () => ProgramStatus['memory']
  /** Its thread ends. */
  readonly end: (how: 'now' | 'when-idle') => void
}

interface Entry {
  readonly source: PolicySource
  /** Null: no version was good. */
  readonly held: Held | null
  readonly hash: string | null
  /** Why the version that was read last cannot be used. */
  readonly problem: string | null
}

interface Tally {
  calls: number
  readonly faults: Map<Fault, number>
  restarts: number
  /** When a fault was reported last, and how many were not since. */
  toldAt: number
  untold: number
  versions: number
}

export class Policies {
  readonly #parts: PoliciesParts
  #entries: readonly Entry[] = []
  #programs: readonly Program[] = []
  readonly #tallies = new Map<string, Tally>()
  #watcher: ZoneWatcher | null = null
  #turn: Promise<unknown> = Promise.resolve()
  #isStarted = false
  #isClosed = false

  constructor(parts: PoliciesParts) {
    this.#parts = parts
  }

  /** Those of the moment, in the order of the configuration. */
  readonly programs = (): readonly Program[] => this.#programs

  /** Loads all of them again. Resolves to what is wrong with those that have no good version. */
  configure(sources: readonly PolicySource[]): Promise<readonly Problem[]> {
    return this.#inTurn(async () => {
      const before = this.#entries
      const isOne = (a: PolicySource, b: PolicySource): boolean => a.file === b.file && a.isolated === b.isolated
      const kept = sources.map(source => before.find(entry => isOne(entry.source, source)))
      this.#entries = sources.map((source, index) => kept[index] ?? { source, held: null, hash: null, problem: null })
      for (const entry of before) if (!kept.includes(entry)) entry.held?.end('when-idle')
      await this.#load(sources.map(({ file }) => file))
      this.#hold()
      this.#watch()
    }).then(() =>
      this.#entries.flatMap(({ source, held, problem }) => (held === null ? [problemAt(source.file, problem)] : [])),
    )
  }

  /** Files are watched from now on. */
  start(): void {
    this.#isStarted = true
    this.#watch()
  }

  status(): readonly ProgramStatus[] {
    return this.#entries.map(({ source: { file, isolated }, held, problem }) => {
      const { calls, faults, restarts } = this.#tally(file)
      const { reads = null, hooks = [], onFault = 'open' } = held?.program.traits ?? {}
      const name = held?.program.name ?? nameOf(file)
      return {
        ...{ name, file, isolated, reads: reads ?? 'everything', onFault, hooks, loaded: held !== null, calls },
        faults: Object.fromEntries(faults),
        restarts,
        memory: held?.memory() ?? null,
        problem,
      }
    })
  }

  close(): void {
    this.#isClosed = true
    this.#watcher?.close()
    for (const { held } of this.#entries) held?.end('now')
    this.#entries = []
    this.#programs = []
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(() => (this.#isClosed ? undefined : work()))
    this.#turn = turn
    return turn
  }

  #hold(): void {
    this.#programs = this.#entries.flatMap(({ held }) => held?.program ?? [])
    this.#parts.onChange()
  }

  async #load(files: readonly string[]): Promise<void> {
    const { events, clock } = this.#parts
    const loads = this.#entries
      .filter(({ source }) => files.includes(source.file))
      .map(async entry => {
        const { file, isolated } = entry.source
        const began = clock.now()
        const hash = hashOf(file)
        const made = isolated ? await this.#isolated(file) : await this.#own(file)
        const ms = Math.round(clock.now() - began)
        if (typeof made === 'string') {
          events({ kind: 'policy-rejected', problem: made, kept: entry.held !== null })
          return { from: entry, to: { ...entry, hash, problem: made } }
        }
        const { name, traits } = made.program
        events({ kind: 'policy-loaded', policy: name, hooks: traits.hooks, reads: traits.reads, isolated, ms })
        entry.held?.end('when-idle')
        return { from: entry, to: { ...entry, hash, held: made, problem: null } }
      })
    const done = new Map((await Promise.all(loads)).map(({ from, to }) => [from, to]))
    this.#entries = this.#entries.map(entry => done.get(entry) ?? entry)
    if (this.#isClosed) for (const { held } of done.values()) held?.end('now')
  }

  async #isolated(file: string): Promise<Held | string> {
    const { clock, limits, thread = BUILT } = this.#parts
    if (!existsSync(fileURLToPath(thread)))
      return `${file}: this program was not built, and has no threads for policies`
    const program = new IsolatedProgram({
      file,
      name: nameOf(file),
      clock,
      limits: limits.code,
      entry: thread,
      onCall: () => this.#called(file),
      onFault: (fault, text) => this.#faulted(file, fault, text),
      onRestart: pauseMs => {
        this.#tally(file).restarts += 1
        this.#parts.events({ kind: 'policy-restarting', policy: nameOf(file), pauseMs })
      },
    })
    const problem = await program.start()
    const end = (how: 'now' | 'when-idle'): void => (how === 'now' ? program.close() : void program.retire())
    return problem ?? { program, memory: () => program.memory, end }
  }

  async #own(file: string): Promise<Held | string> {
    const { clock, limits, events } = this.#parts
    const tally = this.#tally(file)
    tally.versions += 1
    const loaded = await loadPolicy(file, tally.versions === 1 ? '' : String(tally.versions))
    if (loaded.kind === 'failed') return loaded.problem
    if (tally.versions > 1) events({ kind: 'policy-versions', policy: nameOf(file), versions: tally.versions })
    const { policy } = loaded
    const onFault = (fault: Fault, text: string): void => this.#faulted(file, fault, text)
    const onCall = (): void => this.#called(file)
    return {
      program: new OwnProgram({ file, name: nameOf(file), policy, clock, limits: limits.code, onCall, onFault }),
      memory: () => null,
      end: () => {},
    }
  }

  #tally(file: string): Tally {
    const found = this.#tallies.get(file)
    if (found !== undefined) return found
    const made: Tally = {
      ...{ calls: 0, faults: new Map<Fault, number>(), restarts: 0 },
      ...{ toldAt: Number.NEGATIVE_INFINITY, untold: 0, versions: 0 },
    }
    this.#tallies.set(file, made)
    return made
  }

  #called(file: string): void {
    this.#tally(file).calls += 1
  }

  #faulted(file: string, fault: Fault, text: string): void {
    const { clock, limits, events } = this.#parts
    const tally = this.#tally(file)
    tally.faults.set(fault, (tally.faults.get(fault) ?? 0) + 1)
    if (clock.now() - tally.toldAt < limits.code.tellAgainMs) {
      tally.untold += 1
      return
    }
    events({ kind: 'policy-fault', policy: nameOf(file), fault, text, more: tally.untold })
    tally.toldAt = clock.now()
    tally.untold = 0
  }

  #watch(): void {
    this.#watcher?.close()
    this.#watcher = null
    if (this.#entries.length === 0 || this.#isClosed || !this.#isStarted) return
    const { clock, limits, events } = this.#parts
    const { watchDebounceMs, watchMaxDelayMs } = limits.lists
    this.#watcher = new ZoneWatcher({
      patterns: this.#entries.map(({ source }) => source.file),
      directory: '/',
      clock,
      limits: { ...limits.zone, watchDebounceMs, watchMaxDelayMs },
      onChange: ({ added, changed, removed }) =>
        void this.#inTurn(async () => {
          await this.#load([...added, ...changed, ...removed])
          this.#hold()
          this.#watch()
        }),
      onError: problem => events({ kind: 'zone-warnings', file: problem.file, problems: [problem] }),
    })
    this.#watcher.update(
      new Map(this.#entries.map(({ source: { file }, hash }) => [file, new Map([[file, hash]])] as const)),
    )
  }
}

/** It stands next to this file where the program is built. */
const BUILT = new URL('policy-thread.js', import.meta.url)

const nameOf = (file: string): string => basename(file)

function hashOf(file: string): string | null {
  try {
    return createHash('sha256').update(readFileSync(file)).digest('hex')
  } catch {
    return null
  }
}

/** `problem` begins with the place: `/etc/dns/office.mjs:3:9: no such thing`. */
function problemAt(file: string, problem: string | null): Problem {
  const rest = (problem ?? `${file}: was not loaded`).slice(file.length)
  const place = /^:(\d+):(\d+): /.exec(rest)
  return {
    file,
    line: Number(place?.[1] ?? 0),
    column: Number(place?.[2] ?? 0),
    severity: 'error',
    message: place === null ? rest.replace(/^: /, '') : rest.slice(place[0].length),
  }
}
