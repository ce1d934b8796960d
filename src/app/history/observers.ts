/**
 * Who sees queries besides the log: the history, receivers of dnstap, and the program around us by its diagnostics
 * channels. What is configured is loaded then, and nothing waits for it; without any, nothing is on the way of a query.
 */
import type { Config } from '../../config/types.ts'
import type { EventSink } from '../../ports.ts'
import type { QueryLog } from '../../server/query-log.ts'
import { version } from '../../system/version.ts'
import { isListenedTo, publishQuery } from '../diagnostics/channels.ts'
import type { Dnstap, DnstapNumbers } from '../dnstap/host.ts'
import type { Tap } from '../dnstap/tap.ts'
import type { History } from './open-history.ts'

export interface ObserverParts {
  readonly events: EventSink
  readonly isStopping: () => boolean
  /** From the next query on. */
  readonly watchQueries: (who: 'history' | 'diagnostics', log: QueryLog | null) => void
  readonly tapMessages: (tap: Pick<Tap, 'around'>) => void
  /** The programs of their threads; by default the built ones. */
  readonly historyEntry: URL | undefined
  readonly dnstapEntry: URL | undefined
}

/** How often it is looked for listeners, in ms: whoever comes after the start waits no longer than that. */
const LISTENERS_MS = 500

export class Observers {
  readonly #parts: ObserverParts
  #history: History | null = null
  #dnstap: Dnstap | null = null
  #isListenedTo = false
  #looking: NodeJS.Timeout | null = null
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
    this.#lookForListeners()
    this.#looking = setInterval(() => this.#lookForListeners(), LISTENERS_MS)
    this.#looking.unref()
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

  /** A channel does not say when somebody begins to listen. */
  #lookForListeners(): void {
    const before = this.#isListenedTo
    this.#isListenedTo = isListenedTo()
    if (this.#isListenedTo !== before) this.#parts.watchQueries('diagnostics', this.#isListenedTo ? publishQuery : null)
  }

  async stop(): Promise<void> {
    if (this.#looking !== null) clearInterval(this.#looking)
    await Promise.all([this.#history?.stop(), this.#dnstap?.stop()])
  }

  async #openHistory({ history: config }: Config): Promise<void> {
    if (config === null) return
    const { events, isStopping, historyEntry: entry, watchQueries } = this.#parts
    const { openHistory } = await import('./open-history.ts')
    if (isStopping()) return
    this.#history = openHistory({ config, events, entry })
    watchQueries('history', this.#history.log)
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
