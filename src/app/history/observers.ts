/**
 * Who sees queries besides the log: the history, and receivers of dnstap. Each is loaded when it is configured, and
 * nothing waits for it; without any, nothing is on the way of a query.
 */
import type { Config } from '../../config/types.ts'
import type { EventSink } from '../../ports.ts'
import type { QueryLog } from '../../server/query-log.ts'
import { version } from '../../system/version.ts'
import type { Dnstap, DnstapNumbers } from '../dnstap/host.ts'
import type { Tap } from '../dnstap/tap.ts'
import type { History } from './open-history.ts'

export interface ObserverParts {
  readonly events: EventSink
  readonly isStopping: () => boolean
  /** From the next query on. */
  readonly watchQueries: (log: QueryLog) => void
  readonly tapMessages: (tap: Pick<Tap, 'around'>) => void
  /** The programs of their threads; by default the built ones. */
  readonly historyEntry: URL | undefined
  readonly dnstapEntry: URL | undefined
}

export class Observers {
  readonly #parts: ObserverParts
  #history: History | null = null
  #dnstap: Dnstap | null = null
  /** That of the start: where things go is decided then. */
  #started: Config | null = null

  constructor(parts: ObserverParts) {
    this.#parts = parts
  }

  get history(): History | null {
    return this.#history
  }

  get dnstap(): DnstapNumbers | null {
    return this.#dnstap?.numbers ?? null
  }

  start(config: Config): void {
    const { events } = this.#parts
    this.#started = config
    const bug = (where: string) => (error: unknown) => events({ kind: 'bug', where, error, question: null })
    this.#openHistory(config).catch(bug('history'))
    this.#openDnstap(config).catch(bug('dnstap'))
  }

  /** Another configuration, as far as it can be taken over. */
  configure({ history }: Config): void {
    this.#dnstap?.reopen()
    // Without one it goes on as it is.
    if (history !== null)
      this.#history?.configure({ ...history, directory: this.#started?.history?.directory ?? history.directory })
  }

  async stop(): Promise<void> {
    await Promise.all([this.#history?.stop(), this.#dnstap?.stop()])
  }

  async #openHistory({ history: config }: Config): Promise<void> {
    if (config === null) return
    const { events, isStopping, historyEntry: entry, watchQueries } = this.#parts
    const { openHistory } = await import('./open-history.ts')
    if (isStopping()) return
    this.#history = openHistory({ config, events, entry })
    watchQueries(this.#history.log)
  }

  async #openDnstap({ dnstap: config, identity }: Config): Promise<void> {
    if (config === null) return
    const { events, isStopping, dnstapEntry: entry, tapMessages } = this.#parts
    const { Dnstap } = await import('../dnstap/host.ts')
    if (isStopping()) return
    const settings = { ...config, identity: identity.id ?? '', version: `rootwalk ${version}` }
    this.#dnstap = new Dnstap({ settings, events, entry })
    tapMessages(this.#dnstap.tap)
  }
}
