/**
 * The lists that hold: read next to serving, kept current, and handed out as one set. Files are watched; URLs are
 * fetched again in their time (`schedule.ts`), with the last copy on disk in the meantime.
 *
 * Invariants: the set changes in one step and never half; a list that broke keeps its last good rules; loads are done
 * one after the other.
 */
import { existsSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { ListSource } from '../../config/types.ts'
import type { Limits } from '../../limits.ts'
import type { ListCounts } from '../../policy/lists/compile.ts'
import type { HashKey } from '../../policy/lists/hash.ts'
import { type LoadedList, RuleSet } from '../../policy/lists/rule-set.ts'
import type { Clock, EventSink, Random } from '../../ports.ts'
import { startJob, type Job } from '../../system/job-thread.ts'
import { ZoneWatcher } from '../../system/zone-watcher.ts'
import {
  type HandedLists,
  isHandedLists,
  isListProgress,
  type ListInput,
  type ListJob,
  type ReadList,
  readLists,
} from './reading.ts'

export interface ListStoreParts {
  readonly clock: Clock
  readonly random: Random
  readonly limits: Pick<Limits, 'lists' | 'zone'>
  readonly events: EventSink
  /** Other rules hold now. */
  readonly onChange: () => void
  /** The program of `list-thread.ts`; by default the built one, and without it everything is read here, in slices. */
  readonly thread?: URL | undefined
  /** What another store holds: lists that are read alike begin with its rules. */
  readonly held?: HeldLists | undefined
}

/** All that a store holds, to be handed from thread to thread. */
export interface HeldLists {
  readonly key: HashKey
  readonly entries: readonly ListEntry[]
  readonly filter: Uint32Array
}

/** What is known of one list. */
export interface ListEntry {
  readonly source: ListSource
  /** Null: it never was good. */
  readonly loaded: LoadedList | null
  /** Of what was read last, good or not. */
  readonly counts: ListCounts | null
  /** Why the last reading or fetching was of no use; null: it was. */
  readonly problem: string | null
  /** When the rules that hold were read or found unchanged, in seconds since 1970; null: there are none. */
  readonly at: number | null
  /** Of the content, for files: what is watched. */
  readonly hash: string | null
}

/** Content for one list: where its source has it, or as it was fetched or copied. */
export type Content = ListInput['content']

export class ListStore {
  readonly #parts: ListStoreParts
  readonly #key: HashKey
  readonly #tallies = new Map<string, { hits: number }>()
  #entries: readonly ListEntry[] = []
  #filter: Uint32Array = new Uint32Array(1)
  #current: RuleSet | null = null
  #watcher: ZoneWatcher | null = null
  /** The last load that was asked for, which the next one waits for. */
  #turn: Promise<unknown> = Promise.resolve()
  #job: Job | null = null
  #closed = false

  constructor(parts: ListStoreParts) {
    this.#parts = parts
    const { held } = parts
    const seed = new Uint8Array(8)
    parts.random.bytes(seed)
    const words = new Uint32Array(seed.buffer)
    this.#key = held?.key ?? { k0: words[0] ?? 0, k1: words[1] ?? 0 }
    if (held === undefined) return
    this.#entries = held.entries
    this.#filter = held.filter
    this.#current = this.#setOfNow()
  }

  get held(): HeldLists {
    return { key: this.#key, entries: this.#entries, filter: this.#filter }
  }

  /** Null: no list has rules. */
  current(): RuleSet | null {
    return this.#current
  }

  /** In the order of the configuration. */
  get entries(): readonly ListEntry[] {
    return this.#entries
  }

  /**
   * Other lists: what has not changed stays, files and rules of the configuration are read. `copyOf` has the last
   * content of a URL; null: it waits for being fetched.
   */
  configure(sources: readonly ListSource[], copyOf: (source: ListSource) => Content | null): Promise<void> {
    return this.#inTurn(async () => {
      const before = new Map(this.#entries.map(entry => [entry.source.traits.name, entry]))
      const isSame = this.#entries.length === sources.length
      let isChanged = !isSame
      const wanted = new Map<string, Content>()
      this.#entries = sources.map((source, index) => {
        const old = before.get(source.traits.name)
        const kept = old !== undefined && isReadAlike(old.source, source) ? old : undefined
        if (old === undefined || !isEqual(old.source, source) || this.#entries[index] !== old) isChanged = true
        const content = contentOf(source) ?? (kept === undefined ? copyOf(source) : null)
        if (content !== null && (kept === undefined || source.from.kind === 'file'))
          wanted.set(source.traits.name, content)
        if (old === undefined) return newEntry(source)
        const { loaded, at } = { ...old, loaded: this.#withTraits(old, source) }
        // Rules of another content or reading stay until the new ones are there.
        return kept === undefined ? { ...newEntry(source), loaded, at } : { ...kept, source, loaded }
      })
      await this.#read(wanted, isChanged)
      this.#watch()
    })
  }

  /** Reads one list again. Resolves to why its content was of no use; null: it holds, or is gone. */
  async load(name: string, content: Content): Promise<string | null> {
    await this.#inTurn(() => this.#read(new Map([[name, content]]), false))
    return this.#entries.find(({ source }) => source.traits.name === name)?.problem ?? null
  }

  /** The content is what it was, or could not be had. */
  note(name: string, problem: string | null): void {
    const at = problem === null ? { at: this.#parts.clock.wall() } : {}
    this.#entries = this.#entries.map(entry =>
      entry.source.traits.name === name ? { ...entry, ...at, problem } : entry,
    )
  }

  close(): void {
    this.#closed = true
    this.#watcher?.close()
    this.#job?.stop()
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(() => (this.#closed ? undefined : work()))
    this.#turn = turn
    return turn
  }

  #withTraits({ loaded }: ListEntry, { traits }: ListSource): LoadedList | null {
    return loaded === null ? null : { ...loaded, traits }
  }

  /** Reads what is wanted, and puts the new set in place when anything changed. */
  async #read(wanted: ReadonlyMap<string, Content>, isChanged: boolean): Promise<void> {
    if (wanted.size === 0 && !isChanged) return
    const job = this.#jobFor(wanted)
    const began = this.#parts.clock.now()
    const handed = await this.#perform(job, sizeOf(job.lists))
    if (this.#closed) return
    if (handed === null) {
      for (const name of wanted.keys()) this.note(name, 'could not be read')
      return
    }
    const ms = Math.round(this.#parts.clock.now() - began)
    let hasNewRules = isChanged
    for (const read of handed.lists) if (this.#take(read, ms)) hasNewRules = true
    if (!hasNewRules) return
    this.#filter = handed.filter
    this.#current = this.#setOfNow()
    this.#parts.onChange()
  }

  #setOfNow(): RuleSet | null {
    const loaded = this.#entries.flatMap(entry => entry.loaded ?? [])
    return loaded.length === 0 ? null : new RuleSet(loaded, this.#filter, this.#key)
  }

  #jobFor(wanted: ReadonlyMap<string, Content>): ListJob {
    const lists: ListInput[] = []
    const others: Uint32Array[] = []
    for (const { source, loaded } of this.#entries) {
      const { traits, format, match, from } = source
      const content = wanted.get(traits.name)
      const old = loaded?.list.slots ?? null
      if (content !== undefined) {
        const { name, layer } = traits
        lists.push({ name, layer, format, match, content, old, mayBeEmpty: from.kind !== 'url' })
      } else if (old !== null) others.push(old)
    }
    return { key: this.#key, limits: this.#parts.limits.lists, lists, others }
  }

  /** Null: by a bug, or because the server stops. */
  async #perform(job: ListJob, octets: number): Promise<HandedLists | null> {
    const { events, limits, clock, thread = BUILT } = this.#parts
    const rows = job.others.reduce((sum, slots) => sum + slots.byteLength, 0)
    if (octets + rows <= limits.lists.hereBytes || !existsSync(fileURLToPath(thread))) return this.#performHere(job)
    let reportedAt = clock.now()
    this.#job = startJob(thread, job, progress => {
      const now = clock.now()
      if (!isListProgress(progress) || progress.name === '' || now - reportedAt < limits.lists.progressMs) return
      reportedAt = now
      events({ kind: 'list-loading', list: progress.name, percent: progress.percent })
    })
    const end = await this.#job.end
    this.#job = null
    if (end.kind === 'failed') events({ kind: 'bug', where: 'lists', error: end.reason, question: null })
    if (end.kind !== 'done') return null
    if (!isHandedLists(end.value)) throw new Error('a thread that reads lists gave something else')
    return end.value
  }

  /** In slices, between which queries are answered. */
  async #performHere(job: ListJob): Promise<HandedLists | null> {
    const { clock, limits } = this.#parts
    const steps = readLists(job)
    let began = clock.now()
    for (let step = steps.next(); !this.#closed; step = steps.next()) {
      if (step.done === true) return step.value
      if (clock.now() - began < limits.lists.sliceMs) continue
      await new Promise(resolve => setImmediate(resolve))
      began = clock.now()
    }
    return null
  }

  /** True: there are other rules. */
  #take({ name, hash, result }: ReadList, ms: number): boolean {
    const { clock, events } = this.#parts
    const entry = this.#entries.find(({ source }) => source.traits.name === name)
    if (entry === undefined) return false
    const replaced = (by: Partial<ListEntry>): void => {
      this.#entries = this.#entries.map(one => (one === entry ? { ...one, ...by } : one))
    }
    if (result.kind === 'failed') {
      replaced({ problem: result.reason, counts: result.counts ?? entry.counts, hash })
      events({ kind: 'list-rejected', list: name, reason: result.reason, kept: entry.loaded !== null })
      return false
    }
    const isSame = entry.hash === hash && entry.loaded !== null
    const { counts } = result.list
    const tally = this.#tallies.get(name) ?? { hits: 0 }
    this.#tallies.set(name, tally)
    const loaded = isSame
      ? entry.loaded
      : { traits: entry.source.traits, place: placeOf(entry.source), list: result.list, tally }
    replaced({ loaded, counts, problem: null, at: clock.wall(), hash })
    if (isSame) return false
    const skipped = Object.values(counts.skipped).reduce((sum, count) => sum + count, 0)
    events({ kind: 'list-loaded', list: name, rules: counts.rules, duplicates: counts.duplicates, skipped, ms })
    return true
  }

  /** Files that change from now on are read again. */
  #watch(): void {
    const files = new Map(
      this.#entries.flatMap(({ source, hash }) =>
        source.from.kind === 'file' ? [[source.from.path, { name: source.traits.name, hash }] as const] : [],
      ),
    )
    this.#watcher?.close()
    this.#watcher = null
    if (files.size === 0 || this.#closed) return
    const { clock, limits, events } = this.#parts
    this.#watcher = new ZoneWatcher({
      patterns: [...files.keys()],
      directory: '/',
      clock,
      limits: {
        ...limits.zone,
        watchDebounceMs: limits.lists.watchDebounceMs,
        watchMaxDelayMs: limits.lists.watchMaxDelayMs,
      },
      onChange: ({ added, changed, removed }) => {
        const touched = new Set([...added, ...changed, ...removed])
        const again = this.#entries.flatMap(({ source: { from, traits } }) =>
          from.kind === 'file' && touched.has(from.path) ? [[traits.name, from] as const] : [],
        )
        void this.#inTurn(() => this.#read(new Map(again), false)).then(() => this.#watch())
      },
      onError: problem => events({ kind: 'zone-warnings', file: problem.file, problems: [problem] }),
    })
    this.#watcher.update(new Map([...files].map(([path, { hash }]) => [path, new Map([[path, hash]])])))
  }
}

/** It stands next to this file where the program is built. */
const BUILT = new URL('list-thread.js', import.meta.url)

const newEntry = (source: ListSource): ListEntry => ({
  source,
  loaded: null,
  counts: null,
  problem: null,
  at: null,
  hash: null,
})

const isEqual = (a: ListSource, b: ListSource): boolean => JSON.stringify(a) === JSON.stringify(b)

/** Does the same content give the same rules? */
const isReadAlike = (a: ListSource, b: ListSource): boolean =>
  a.format === b.format &&
  a.match === b.match &&
  a.traits.layer === b.traits.layer &&
  JSON.stringify({ ...a.from, refreshMs: 0 }) === JSON.stringify({ ...b.from, refreshMs: 0 })

/** As rules of it are shown; null: the configuration. */
function placeOf({ from }: ListSource): string | null {
  switch (from.kind) {
    case 'file':
      return from.path
    case 'url':
      return from.url
    case 'inline':
      return null
    default:
      return from satisfies never
  }
}

/** What needs no fetching. */
function contentOf({ from }: ListSource): Content | null {
  switch (from.kind) {
    case 'file':
      return from
    case 'inline':
      return { kind: 'octets', octets: new TextEncoder().encode(from.text) }
    case 'url':
      return null
    default:
      return from satisfies never
  }
}

function sizeOf(lists: readonly ListInput[]): number {
  return lists.reduce((sum, { content }) => {
    if (content.kind === 'octets') return sum + content.octets.length
    return sum + (statSync(content.path, { throwIfNoEntry: false })?.size ?? 0)
  }, 0)
}
