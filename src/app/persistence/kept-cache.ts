/**
 * The cache of a server with a state directory, from the last run to the next: opened after everything else, and
 * nothing of it is loaded where nothing is kept.
 */
import type { Config } from '../../config/types.ts'
import type { EventSink } from '../../ports.ts'
import type { OpenEngine } from '../open-engine.ts'
import type { CachePersistence } from './cache-persistence.ts'

export class KeptCache {
  readonly #state: string | null
  readonly #config: Config
  readonly #engine: OpenEngine
  readonly #events: EventSink
  #persistence: CachePersistence | null = null
  /** Resolves when it is there, or known not to be. */
  #opened: Promise<void> = Promise.resolve()

  /** `state`: the directory, which can be used; null: nothing is kept. */
  constructor(state: string | null, config: Config, engine: OpenEngine, events: EventSink) {
    this.#state = state
    this.#config = config
    this.#engine = engine
    this.#events = events
  }

  /** `after` decides what of the cache may be used: negative anchors of the API. */
  open(after: Promise<void>): void {
    const state = this.#state
    this.#opened = state === null ? after : after.then(() => this.#open(state))
  }

  /** Resolves when `open` has done its work. */
  get opened(): Promise<void> {
    return this.#opened
  }

  /** Names were removed from the caches on purpose. */
  changed(): void {
    this.#persistence?.changed()
  }

  /** Makes a change after which other rules may hold: what is kept then goes by the new ones. */
  through(change: () => void): void {
    const { fingerprint } = this.#engine
    const before = JSON.stringify(fingerprint())
    change()
    if (before !== JSON.stringify(fingerprint())) this.changed()
  }

  /** Writes what is there now. */
  async save(): Promise<void> {
    await this.#opened
    await this.#persistence?.save()
  }

  /** What is kept belongs to another process from now on. */
  handOver(): void {
    this.#persistence?.handOver()
  }

  /** Writes what is there for the last time. */
  async end(): Promise<void> {
    await this.#persistence?.end()
  }

  async #open(directory: string): Promise<void> {
    const { fingerprint, recursor, trust, partitions } = this.#engine
    const { caches, clock, limits, zones } = recursor
    try {
      const { CachePersistence } = await import('./cache-persistence.ts')
      this.#persistence = new CachePersistence({
        directory,
        intervalS: this.#config.persistence.intervalS,
        caches,
        clock,
        limits,
        events: this.#events,
        fingerprint,
        partitions: () => partitions.kept,
        localZones: () => [zones, ...partitions.stores].map(store => store.current()),
        validation: trust.validation,
      })
      this.#persistence.start()
    } catch (error) {
      this.#events({ kind: 'bug', where: 'persistence', error, question: null })
    }
  }
}
