/**
 * Warms the engine up in the idle time after a start: V8 interprets code that it has not seen run, and the first
 * thousand look-ups of a process take twenty times as long as later ones. So a second, private engine is asked made-up
 * questions, from the octets of a query to the octets of the reply, through the same functions that clients come
 * through. `rootwalk serve` loads this file when it listens; nothing else does.
 *
 * Invariants: nothing of it reaches the caches, counters or logs of the server but two kinds of event, its end and its
 * bugs; it yields to clients, ends at once when it is aborted, and keeps no process alive. A bug in it ends it, and
 * nothing else.
 */
import { performance } from 'node:perf_hooks'
import type { Delegation } from '../cache/delegations.ts'
import type { Config } from '../config/types.ts'
import { parseIp, inPrefix, type IpAddress, type Prefix } from '../dns/address.ts'
import { u16 } from '../dns/bytes.ts'
import { foldName, nameFromLabels, ROOT } from '../dns/name.ts'
import type { Event } from '../events.ts'
import { defaultLimits, limitsWith, type WarmUpLimits } from '../limits.ts'
import type { Client, EventSink, Serve } from '../ports.ts'
import { openRecursor, type Recursor } from '../app/recursor.ts'
import { makeServe } from '../server/serve-parts.ts'
import type { EngineSettings } from '../resolver/env.ts'
import { Counters } from '../server/counters.ts'
import { formatQuery } from '../server/query-log.ts'
import { Tally } from '../server/tally.ts'
import { TrustAnchorManager } from '../app/trust-anchor-manager.ts'
import { WaitingClients } from '../server/pending-queries.ts'
import { WarmUpInternet } from './internet.ts'
import { type Expected, warmUpQuestion } from './questions.ts'
import { ROOT_ROLE, warmUpAddresses } from './servers.ts'
import { WarmUpSigner } from './signer.ts'

export interface WarmUpParts {
  readonly config: Config
  /** Of the server: the end of the warm-up and its bugs are reported there. */
  readonly events: EventSink
  /**
   * Of the server: to V8 these are part of the code that uses them, and with others all of it would be compiled again
   * for clients.
   */
  readonly sharedPorts: Pick<Recursor, 'clock' | 'random' | 'settings'>
  /** Clients of the server that wait for an answer. */
  readonly waiting: () => number
  /** Ends it at once. */
  readonly signal: AbortSignal
}

export type WarmedUp = Extract<Event, { kind: 'warmed-up' }>

/** Resolves when it is over, and never rejects; the event that it resolves with has been emitted. */
export async function warmUp(parts: WarmUpParts): Promise<WarmedUp> {
  const run = new WarmUp(parts)
  const ended = await run.run()
  parts.events(ended)
  return ended
}

/** RFC 5737: no client has this address, so no client's quota is used. */
const CLIENT = parseIp('192.0.2.1')
const PORT = 53_053

/**
 * They take turns: what is compiled while there is one engine only is compiled for this one, and thrown away when the
 * server's own calls it. Measured: the first thousand look-ups cost as much as without any warm-up.
 */
const ENGINES = 2

class WarmUp {
  readonly #parts: WarmUpParts
  readonly #limits: WarmUpLimits
  readonly #clients: Readonly<Record<'udp' | 'tcp', Client>>
  #engines: readonly Engine[] = []
  #broken = false
  #asked = 0
  #open = 0
  #unexpected = 0
  #workedMs = 0
  /** Ends what is waited for. */
  #wake: () => void = () => {}
  #answered: () => void = () => {}

  constructor(parts: WarmUpParts) {
    this.#parts = parts
    this.#limits = parts.config.limits.warmUp
    const ip: IpAddress = CLIENT ?? { family: 4, bytes: new Uint8Array(4), text: '0.0.0.0' }
    this.#clients = { udp: { ip, port: PORT, transport: 'udp' }, tcp: { ip, port: PORT, transport: 'tcp' } }
    parts.signal.addEventListener('abort', this.#stopped)
  }

  readonly #stopped = (): void => this.#wake()

  async run(): Promise<WarmedUp> {
    try {
      const ended = await this.#work()
      return {
        kind: 'warmed-up',
        ended,
        questions: this.#asked,
        unexpected: this.#unexpected,
        ms: Math.round(this.#workedMs),
      }
    } catch (error) {
      this.#tellBug(error)
      return {
        kind: 'warmed-up',
        ended: 'bug',
        questions: this.#asked,
        unexpected: this.#unexpected,
        ms: Math.round(this.#workedMs),
      }
    } finally {
      // Whoever may still end it holds it no longer, nor what it remembers.
      this.#parts.signal.removeEventListener('abort', this.#stopped)
      for (const engine of this.#engines) engine.close()
      this.#engines = []
    }
  }

  async #work(): Promise<WarmedUp['ended']> {
    const { signal, waiting } = this.#parts
    const { busyPermille, giveUpMs, pauseMs, questions } = this.#limits
    let workedAt = performance.now()
    while (this.#asked < questions) {
      const before = performance.eventLoopUtilization()
      await this.#pause(pauseMs)
      if (signal.aborted) return 'stopped'
      if (this.#broken) return 'bug'
      if (waiting() > 0 || performance.eventLoopUtilization(before).utilization * 1_000 > busyPermille) {
        if (performance.now() - workedAt >= giveUpMs) return 'busy'
        continue
      }
      if (this.#engines.length === 0) this.#openEngines()
      await this.#slice()
      workedAt = performance.now()
    }
    return this.#broken ? 'bug' : 'done'
  }

  #openEngines(): void {
    const { config, sharedPorts: like } = this.#parts
    const signer = config.dnssec.validate ? new WarmUpSigner(like.clock.wall()) : null
    this.#engines = Array.from({ length: ENGINES }, (_, i) =>
      openEngine(
        this.#parts,
        i > 0,
        signer,
        event => this.#hear(event),
        error => this.#tellBug(error),
      ),
    )
  }

  /** Does not keep the process alive. */
  #pause(ms: number): Promise<void> {
    return this.#until(wake => {
      const timer = setTimeout(wake, ms)
      timer.unref()
      return () => clearTimeout(timer)
    })
  }

  /** Asks for as long as a slice is, and waits for what was asked. */
  async #slice(): Promise<void> {
    const begun = performance.now()
    const { sliceMs, questions, together } = this.#limits
    for (;;) {
      const isOver = this.#asked >= questions || this.#mustEnd || performance.now() - begun >= sliceMs
      if (isOver && (this.#open === 0 || this.#mustEnd)) break
      while (!isOver && this.#open < together && this.#asked < questions) this.#ask(this.#asked++)
      // Clients are heard between the turns of the loop in which answers come.
      if (this.#open > 0) await this.#answer()
    }
    this.#workedMs += performance.now() - begun
  }

  get #mustEnd(): boolean {
    return this.#broken || this.#parts.signal.aborted
  }

  /** The turn after the one in which the next answer comes. */
  #answer(): Promise<void> {
    return this.#until(wake => {
      let later: NodeJS.Immediate | undefined
      this.#answered = () => {
        later ??= setImmediate(wake)
      }
      return () => {
        this.#answered = () => {}
        clearImmediate(later)
      }
    })
  }

  /** What `start` waits for, or the end if that comes first. */
  #until(start: (wake: () => void) => () => void): Promise<void> {
    return new Promise(resolve => {
      const wake = (): void => {
        this.#wake = () => {}
        undo()
        resolve()
      }
      const undo = start(wake)
      this.#wake = wake
      if (this.#mustEnd) wake()
    })
  }

  #ask(n: number): void {
    const { query, transport, expected } = warmUpQuestion(n)
    const engine = n % this.#engines.length
    const replied = (bytes: Uint8Array, length: number): void => {
      this.#open--
      if (!isAsExpected(bytes, length, expected)) this.#unexpected++
      this.#answered()
    }
    this.#open++
    // One of two functions, as the network is.
    this.#engines[engine]?.serve(
      query,
      query.length,
      this.#clients[transport],
      engine === 0 ? replied : (bytes, length) => replied(bytes, length),
    )
  }

  #hear(event: Event): void {
    if (event.kind === 'bug') this.#tellBug(event.error, event.where, event.question)
  }

  /** Once. */
  #tellBug(error: unknown, where = '', question: string | null = null): void {
    if (this.#broken) return
    this.#broken = true
    this.#wake()
    this.#parts.events({ kind: 'bug', where: where === '' ? 'warm-up' : `warm-up, ${where}`, error, question })
  }
}

const HEADER_OCTETS = 12

const isAsExpected = (bytes: Uint8Array, length: number, { rcode, hasAnswer }: Expected): boolean =>
  length >= HEADER_OCTETS && ((bytes[3] ?? 0) & 0xf) === rcode && u16(bytes, 6) > 0 === hasAnswer

interface Engine {
  readonly serve: Serve
  close(): void
}

/** As the server of this configuration has it, but for whom it asks, what it remembers and whom it lets in. */
function openEngine(
  { config, sharedPorts: like }: WarmUpParts,
  other: boolean,
  signer: WarmUpSigner | null,
  events: EventSink,
  onBug: (error: unknown) => void,
): Engine {
  const limits = limitsWith({
    budget: defaultLimits.budget,
    cache: { totalBytes: config.limits.warmUp.cacheBytes, rotate: config.limits.cache.rotate },
    server: {},
    tcp: {},
  })
  const { clock, random } = like
  const { queryLog } = config
  const { tellAgainMs } = config.limits.server
  const internet = new WarmUpInternet({ clock, random, limits, signer, onBug: onBug })
  const trust = new TrustAnchorManager({
    clock,
    limits: limits.dnssec,
    events,
    settings: { ...config.dnssec, managedAnchors: null },
    anchors: signer === null ? [] : [{ name: ROOT, ds: [signer.dsOf(ROOT)], keys: [] }],
  })
  const recursor = openRecursor({
    limits,
    settings: settingsLike(like),
    hints: () => hints,
    validation: trust.validation,
    events,
    network: internet.port(other),
    libc: undefined,
    ports: like,
  })
  recursor.zones.load({ zones: [], records: [], reverse: false, specialUseOff: config.specialUseOff })
  return {
    serve: makeServe({
      engine: recursor,
      allow: everybody,
      identity: config.identity,
      limits: config.limits,
      any: config.any,
      rootKeyTags: config.dnssec.rootKeySentinel ? () => [] : undefined,
      waiting: new WaitingClients(config.limits.server),
      counters: new Counters(),
      tallies: { refusals: new Tally(tellAgainMs), failures: new Tally(tellAgainMs) },
      events,
      queryLog: queryLog === null ? null : entry => void formatQuery(entry, queryLog.clients),
    }),
    close() {
      internet.close()
      recursor.close()
    },
  }
}

const hints: Delegation = {
  zone: ROOT,
  servers: ['a', 'b'].map((label, i) => ({
    name: foldName(nameFromLabels([label, 'root-servers', 'net']) ?? ROOT),
    addresses: warmUpAddresses(ROOT_ROLE, i + 1),
  })),
  ds: null,
  expiresAt: Number.POSITIVE_INFINITY,
}

/** Those of the server, unless they forbid to ask the addresses of an internet that is not there. */
function settingsLike({ settings }: WarmUpParts['sharedPorts']): () => EngineSettings {
  const isOurs = (prefix: Prefix): boolean => warmUpAddresses(ROOT_ROLE, 0).some(address => inPrefix(address, prefix))
  const now = settings()
  if (!now.doNotQuery.some(isOurs)) return settings
  const own: EngineSettings = { ...now, doNotQuery: now.doNotQuery.filter(prefix => !isOurs(prefix)) }
  return () => own
}

/** The one client that there is. */
const everybody: readonly Prefix[] = [{ family: 4, bytes: new Uint8Array(4), length: 0 }]
