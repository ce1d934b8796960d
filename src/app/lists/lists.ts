/**
 * Block and allow lists of a running server: what holds (`list-store.ts`), when URLs are fetched, and what is told of
 * it. After a failure a URL is asked again after a pause that doubles; no server of lists is asked at the same moment
 * by all who use it.
 */
import { join } from 'node:path'
import type { ListStatus } from '../../policy/lists/status.ts'
import type { Config, ListSource } from '../../config/types.ts'
import type { Limits } from '../../limits.ts'
import { skipReasons, type SkipReason } from '../../policy/lists/rule.ts'
import type { ListsInForce } from '../../policy/lists/stages.ts'
import type { Cancel, Clock, EventSink, Random } from '../../ports.ts'
import type { Resolves } from '../../resolver/resolver.ts'
import { version } from '../../system/version.ts'
import { ListCopies } from './copies.ts'
import { fetchList, type Fetched, type Fetching } from './fetch.ts'
import { type Content, type HeldLists, type ListEntry, ListStore } from './list-store.ts'
import { EnabledLists } from './enabled.ts'
import { engineLookup } from './lookup.ts'

export interface ListsParts {
  readonly clock: Clock
  readonly random: Random
  readonly limits: Pick<Limits, 'lists' | 'zone'>
  readonly events: EventSink
  readonly resolver: Resolves
  /** Where copies are kept; null: nowhere. */
  readonly stateDirectory: string | null
  readonly onChange: () => void
  readonly thread?: URL | undefined
  /** See `ListStoreParts`. */
  readonly held?: HeldLists | undefined
  /** Certificates in PEM that are trusted instead of the system's. */
  readonly authorities?: readonly string[] | undefined
}

/** Of one URL: when it is fetched next, or that it is under way. */
interface Due {
  readonly at: number
  readonly cancel: Cancel
}

export class Lists implements ListsInForce {
  readonly #parts: ListsParts
  readonly #store: ListStore
  readonly #copies: ListCopies | null
  readonly #due = new Map<string, Due>()
  readonly #failures = new Map<string, number>()
  readonly #fetching = new Map<string, Fetching>()
  /** What the servers of URLs said of what is loaded, where no copies are kept. */
  readonly #validators = new Map<string, { readonly etag: string | null; readonly lastModified: string | null }>()
  #enabled = new EnabledLists([], [])
  #saidNoCopies = false
  #isStarted = false
  #closed = false

  constructor(parts: ListsParts) {
    const { stateDirectory, events } = parts
    this.#parts = parts
    this.#store = new ListStore(parts)
    this.#copies =
      stateDirectory === null
        ? null
        : new ListCopies(join(stateDirectory, 'lists'), message => events({ kind: 'list-copies', message }))
  }

  readonly current: ListsInForce['current'] = () => this.#store.current()

  get held(): HeldLists {
    return this.#store.held
  }

  readonly enabled: ListsInForce['enabled'] = view => this.#enabled.of(view, this.#store.current())

  /** Resolves when files, own rules and copies are read; what is to be fetched comes after `start`. */
  async configure({ lists: sources, views }: Pick<Config, 'lists' | 'views'>): Promise<void> {
    this.#enabled = new EnabledLists(
      sources,
      views.map(({ lists }) => lists),
    )
    if (this.#copies === null && !this.#saidNoCopies && sources.some(({ from }) => from.kind === 'url')) {
      this.#saidNoCopies = true
      const message =
        'no copies are kept of fetched lists: after a start they hold when they have come; set "state" to a directory'
      this.#parts.events({ kind: 'list-copies', message })
    }
    await this.#store.configure(sources, source => this.#copyOf(source))
    if (this.#closed) return
    const urls = new Map(sources.flatMap(one => (one.from.kind === 'url' ? [[one.traits.name, one] as const] : [])))
    for (const [name, { cancel }] of this.#due) {
      cancel()
      this.#due.delete(name)
    }
    for (const [name, fetching] of this.#fetching) if (!urls.has(name)) fetching.stop()
    if (this.#isStarted) for (const source of urls.values()) this.#planFirst(source)
  }

  /** Fetches from now on what is due. */
  start(): void {
    this.#isStarted = true
    for (const { source } of this.#store.entries) if (source.from.kind === 'url') this.#planFirst(source)
  }

  /**
   * Reads or fetches one list again, or all (null), next to serving. Null: there is no such list. `dryRun`: it is only
   * said which.
   */
  refresh(name: string | null, dryRun = false): readonly string[] | null {
    const chosen = this.#store.entries.filter(({ source }) => name === null || source.traits.name === name)
    if (name !== null && chosen.length === 0) return null
    for (const { source } of dryRun ? [] : chosen) {
      if (source.from.kind === 'url') void this.#fetch(source)
      else if (source.from.kind === 'file') void this.#store.load(source.traits.name, source.from)
    }
    return chosen.map(({ source }) => source.traits.name)
  }

  status(): readonly ListStatus[] {
    const { clock } = this.#parts
    return this.#store.entries.map(entry => {
      const due = this.#due.get(entry.source.traits.name)
      return statusOf(entry, clock.wall(), due === undefined ? null : Math.max(0, (due.at - clock.now()) / 1_000))
    })
  }

  close(): void {
    this.#closed = true
    for (const { cancel } of this.#due.values()) cancel()
    for (const fetching of this.#fetching.values()) fetching.stop()
    this.#store.close()
  }

  #copyOf({ traits, from }: ListSource): Content | null {
    const facts = from.kind === 'url' ? this.#copies?.facts(traits.name, from.url) : null
    return facts == null || this.#copies === null ? null : { kind: 'file', path: this.#copies.path(traits.name) }
  }

  /** By the age of the copy; at once where there is none. */
  #planFirst(source: ListSource): void {
    const { traits, from } = source
    if (from.kind !== 'url') return
    const entry = this.#entry(source)
    const seenAt = entry?.loaded == null || entry.hash === null ? null : entry.at
    const fetchedAt = seenAt === null ? null : (this.#copies?.facts(traits.name, from.url)?.fetchedAt ?? seenAt)
    const ageMs = fetchedAt === null ? from.refreshMs : (this.#parts.clock.wall() - fetchedAt) * 1_000
    this.#plan(source, Math.min(from.refreshMs, Math.max(0, from.refreshMs - ageMs)))
  }

  #plan(source: ListSource, delayMs: number): void {
    const { clock } = this.#parts
    const { name } = source.traits
    this.#due.get(name)?.cancel()
    if (this.#closed) return
    this.#due.set(name, { at: clock.now() + delayMs, cancel: clock.after(delayMs, () => void this.#fetch(source)) })
  }

  async #fetch(source: ListSource): Promise<void> {
    const { clock, resolver, limits, authorities } = this.#parts
    const { traits, from } = source
    if (from.kind !== 'url' || this.#closed || this.#fetching.has(traits.name)) return
    const isLoaded = this.#entry(source)?.loaded != null
    const began = clock.now()
    const fetching = fetchList({
      url: from.url,
      validators: isLoaded
        ? (this.#copies?.facts(traits.name, from.url) ?? this.#validators.get(from.url) ?? null)
        : null,
      lookup: engineLookup(resolver),
      clock,
      limits: limits.lists,
      authorities,
      userAgent: `rootwalk/${version}`,
    })
    this.#fetching.set(traits.name, fetching)
    const fetched = await fetching.end
    this.#fetching.delete(traits.name)
    if (this.#closed || this.#entry(source) === undefined) return
    const problem = await this.#taken(source, from.url, fetched, Math.round(clock.now() - began))
    if (this.#closed) return
    if (problem === null) this.#again(source, from.refreshMs)
    else this.#failed(source, problem, fetched.kind === 'failed' ? fetched.retryAfterMs : null)
  }

  #entry({ traits, from }: ListSource): ListEntry | undefined {
    const url = from.kind === 'url' ? from.url : null
    return this.#store.entries.find(
      ({ source }) => source.traits.name === traits.name && source.from.kind === 'url' && source.from.url === url,
    )
  }

  /** Null: the rules that hold are those of the server. Else why not. */
  async #taken({ traits: { name } }: ListSource, url: string, fetched: Fetched, ms: number): Promise<string | null> {
    const { clock, events } = this.#parts
    const fetchedAt = clock.wall()
    switch (fetched.kind) {
      case 'unchanged': {
        events({ kind: 'list-fetched', list: name, octets: null, ms })
        this.#store.note(name, null)
        const facts = this.#copies?.facts(name, url)
        if (facts != null) await this.#copies?.touch(name, { ...facts, fetchedAt })
        return null
      }
      case 'fetched': {
        const { octets, validators } = fetched
        events({ kind: 'list-fetched', list: name, octets: octets.length, ms })
        const problem = await this.#store.load(name, { kind: 'octets', octets })
        if (problem !== null) return problem
        this.#validators.set(url, validators)
        await this.#copies?.write(name, octets, { ...validators, url, fetchedAt })
        return null
      }
      case 'failed':
        this.#store.note(name, fetched.reason)
        return fetched.reason
      default:
        return fetched satisfies never
    }
  }

  #again(source: ListSource, refreshMs: number): void {
    const { random, limits } = this.#parts
    this.#failures.delete(source.traits.name)
    this.#plan(source, refreshMs * (1 + (random.below(1_000) * limits.lists.jitterPermille) / 1_000_000))
  }

  #failed(source: ListSource, reason: string, retryAfterMs: number | null): void {
    const { random, limits, events } = this.#parts
    const { name } = source.traits
    const times = this.#failures.get(name) ?? 0
    this.#failures.set(name, times + 1)
    const pauseMs = Math.min(limits.lists.retryMsMost, limits.lists.retryMs * 2 ** Math.min(times, MOST_DOUBLINGS))
    const againMs = Math.max(
      Math.min(retryAfterMs ?? 0, limits.lists.retryMsMost),
      Math.round(pauseMs * (1 + random.below(1_000) / 2_000)),
    )
    const kept = this.#entry(source)?.loaded != null
    events({ kind: 'list-fetch-failed', list: name, reason, kept, againMs })
    this.#plan(source, againMs)
  }
}

/** A minute doubled so often is a month, far above the longest pause. */
const MOST_DOUBLINGS = 16

const NO_COUNTS = { rules: 0, exact: 0, suffix: 0, exceptions: 0, patterns: 0, addresses: 0, duplicates: 0 } as const

function statusOf(entry: ListEntry, wall: number, nextS: number | null): ListStatus {
  const { source, loaded, counts, problem, at } = entry
  const { traits, format, from } = source
  const held = loaded?.list.counts ?? NO_COUNTS
  const reasons = Object.entries(counts?.skipped ?? {})
  const isReason = (text: string): text is SkipReason => text in skipReasons
  return {
    name: traits.name,
    layer: traits.layer,
    format,
    source: from.kind === 'inline' ? 'configuration' : from.kind === 'file' ? from.path : from.url,
    state: problem !== null ? 'failed' : loaded === null ? 'waiting' : 'loaded',
    problem,
    rules: held.rules,
    exact: held.exact,
    suffix: held.suffix,
    exceptions: held.exceptions,
    patterns: held.patterns,
    addresses: held.addresses,
    duplicates: held.duplicates,
    skipped: reasons.map(([reason, lines]) => ({
      reason,
      text: isReason(reason) ? skipReasons[reason].text : reason,
      lines,
    })),
    shown: [...(counts?.shown ?? [])],
    hits: loaded?.tally.hits ?? 0,
    ageS: at === null ? null : Math.max(0, wall - at),
    nextS: nextS === null ? null : Math.round(nextS),
  }
}
