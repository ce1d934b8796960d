/**
 * A configuration asked without listening anywhere: zones, views, lists, policy zones, programs and forwarders as a
 * server has them, and queries that come from whoever is said to ask.
 */
import type { Config } from '../../config/types.ts'
import { decodeMessage } from '../../dns/decode.ts'
import { encodeQuery } from '../../dns/encode.ts'
import { parseIp } from '../../dns/address.ts'
import { MAX_MESSAGE_OCTETS } from '../../dns/message.ts'
import { foldName } from '../../dns/name.ts'
import { rcodeName, RrClass, typeName, typeNumber } from '../../dns/types.ts'
import type { Problem } from '../../events.ts'
import type { Client, EventSink, Network } from '../../ports.ts'
import { formatRdata } from '../../presentation/rdata-text.ts'
import { parseName } from '../../presentation/text.ts'
import type { QueryLogEntry } from '../../server/query-log.ts'
import { allProblems, openEngineBeside } from '../open-engine.ts'
import type { Serving } from '../serving.ts'
import type { BorrowedCache } from './borrowed-cache.ts'
import type { Rehearsed } from './compare.ts'
import { type Frozen, layerOf } from './frozen.ts'
import type { AskedQuestion } from './questions.ts'
import { openSilentServing } from './silent-serving.ts'

export interface Rehearsal {
  /** May be called again before it has resolved, up to `MOST_AT_ONCE` times. */
  ask(question: AskedQuestion): Promise<Rehearsed>
  /** What the configuration names and is not here, in a sentence each: what it would decide is not known. */
  missing(): readonly string[]
  close(): Promise<void>
}

export type OpenedRehearsal =
  | { readonly kind: 'rehearsal'; readonly rehearsal: Rehearsal }
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[] }

export interface RehearsalOptions {
  /** No server is asked; what needs one is then unknown. */
  readonly offline: boolean
  /** Instead of sockets. It is closed by who made it. */
  readonly network?: Network | undefined
  /** What a running server has besides its configuration. Absent: nothing but what is on the disk. */
  readonly frozen?: Frozen | undefined
  /** What is in the caches of a running server. */
  readonly cache?: BorrowedCache | undefined
}

export async function openRehearsal(
  given: Config,
  events: EventSink,
  options: RehearsalOptions,
): Promise<OpenedRehearsal> {
  const config = rehearsed(given)
  const { frozen, cache } = options
  const opened = await openEngineBeside(config, {
    events,
    network: options.offline ? closedNetwork : options.network,
    hints: frozen?.hints,
    anchors: frozen?.anchors,
    layer: frozen === undefined ? undefined : layerOf(frozen, config.limits.zone),
    shared: cache?.port,
  })
  if (opened.kind === 'invalid') return { kind: 'invalid', problems: allProblems(opened.problems) }
  opened.trust.attach(opened.keyResolver)
  opened.trust.addNegative(frozen?.negatives ?? [])
  cache?.attach(opened)
  const seen = new Map<number, QueryLogEntry>()
  const onQuery = (entry: QueryLogEntry): void => void seen.set(entry.client.port, entry)
  const {
    serving,
    problems,
    missing,
    close: closeServing,
  } = await openSilentServing(config, opened, events, {
    onQuery,
    frozen,
  })
  const close = async (): Promise<void> => {
    await opened.close()
    await closeServing()
  }
  if (problems.length > 0) {
    await close()
    return { kind: 'invalid', problems }
  }
  const asker = new Asker(config, serving, seen)
  return { kind: 'rehearsal', rehearsal: { ask: question => asker.ask(question), missing, close } }
}

/** Who asks too much, or is somebody else, is not what is compared; what is decided is looked at in all views. */
const rehearsed = (given: Config): Config => ({
  ...given,
  rateLimit: null,
  cookies: null,
  queryLog: null,
  views: given.views.map(view => ({ ...view, isLogged: true })),
})

const closedNetwork: Network = {
  exchange(_server, _transport, _query, _timeoutMs, done) {
    const timer = setImmediate(() => done({ kind: 'not-sent', reason: 'no server is asked' }))
    return () => clearImmediate(timer)
  },
}

/** Queries under way are distinguished by the port that they come from. */
const FIRST_PORT = 50_000
const MOST_AT_ONCE = 1_000
/** Of a log without addresses. */
const UNKNOWN_CLIENT = '127.0.0.1'
const NOTHING: Rehearsed = { rcode: null, records: [], rule: null, view: null, isUnknown: true }

class Asker {
  readonly #config: Config
  readonly #serving: Serving
  readonly #seen: Map<number, QueryLogEntry>
  #next = 0

  constructor(config: Config, serving: Serving, seen: Map<number, QueryLogEntry>) {
    this.#config = config
    this.#serving = serving
    this.#seen = seen
  }

  ask(question: AskedQuestion): Promise<Rehearsed> {
    const name = parseName(question.name, null)
    const type = typeNumber(question.type)
    const client = this.#clientOf(question)
    if (typeof name !== 'string' || type === null || client === null) return Promise.resolve(NOTHING)
    const bytes = encodeQuery({
      id: 1,
      question: { name: foldName(name), type, class: RrClass.IN },
      recursionDesired: true,
      // What it says of errors is not compared; that it is there gives answers room.
      edns: { payloadSize: MAX_MESSAGE_OCTETS, version: 0, dnssecOk: false, flags: 0, options: [] },
    })
    this.#seen.delete(client.port)
    return new Promise(resolve =>
      this.#serving.take(bytes, bytes.length, client, (reply, length) => {
        const octets = Uint8Array.from(reply.subarray(0, length))
        // What is reported of a query comes with its reply, or right after.
        setImmediate(() => {
          const entry = this.#seen.get(client.port) ?? null
          this.#seen.delete(client.port)
          resolve(this.#rehearsed(octets, entry))
        })
      }),
    )
  }

  #clientOf({ client, transport }: AskedQuestion): Client | null {
    // A block stands for its clients.
    const ip = parseIp(client.replace(/\/\d+$/, '')) ?? parseIp(UNKNOWN_CLIENT)
    if (ip === null) return null
    const { listen } = this.#config
    const plain = transport === 'udp' || transport === 'tcp'
    // Where it came in is in no log: the first that takes its transport.
    const listener = listen.find(({ service }) => (plain ? service === undefined : service?.transport === transport))
    this.#next = (this.#next + 1) % MOST_AT_ONCE
    return {
      ip,
      port: FIRST_PORT + this.#next,
      transport,
      ...(listener === undefined ? {} : { listener: { address: listener.address, port: listener.port } }),
    }
  }

  #rehearsed(octets: Uint8Array, entry: QueryLogEntry | null): Rehearsed {
    const [decision] = entry?.decisions ?? []
    const rule =
      decision === undefined
        ? null
        : `${decision.stage}: ${decision.rule}${decision.source === null ? '' : ` (${decision.source})`}`
    const view = this.#config.views[(entry?.view ?? 0) - 1]?.name ?? null
    const isUnknown = entry?.by.startsWith('failure:') === true
    const decoded = octets.length === 0 ? null : decodeMessage(octets)
    if (decoded?.kind !== 'message') return { rcode: null, records: [], rule, view, isUnknown }
    const { rcode, answer } = decoded.message
    const records = answer.map(({ type, rdata }) => `${typeName(type)} ${formatRdata(type, rdata)}`)
    return { rcode: rcodeName(rcode), records, rule, view, isUnknown }
  }
}
