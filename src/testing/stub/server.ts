/**
 * The running half of a stub: the listeners and the serving code of production, with the stub's rules as stages of the
 * policy chain and its faults around the reply. Queries that production refuses by themselves (broken, odd opcodes,
 * transfers) are refused by that same code here.
 *
 * Invariants: every query is recorded before anything is decided about it, and replied to at most once; nothing is
 * cached; nothing is sent after `stop`.
 */
import { errorText } from '../../events.ts'
import { AnswerCache } from '../../cache/answer-cache.ts'
import { decodeMessage } from '../../dns/decode.ts'
import { frame } from '../../dns/framing.ts'
import type { AskedQuestion, Message, Question } from '../../dns/message.ts'
import type { RRset } from '../../dns/rrset.ts'
import { className, EdeCode, Opcode, Rcode, rcodeName, typeName } from '../../dns/types.ts'
import { type Limits, limitsWith } from '../../limits.ts'
import { datagramSocket } from '../../net/datagram.ts'
import type { ListenFailure } from '../../net/listener.ts'
import { type Listeners, openListeners } from '../../net/listen/listeners.ts'
import { systemClock } from '../../system/system.ts'
import { makeChaos } from '../../policy/chaos.ts'
import { type Answer, compose, type Content, type Query, type Stage } from '../../policy/handler.ts'
import { makeMinimalAny } from '../../policy/minimal-any.ts'
import type { Cancel, Client, Reply, Serve, ServerAddress } from '../../ports.ts'
import type { AskerFlags } from '../../resolver/asking/attempt.ts'
import { Counters } from '../../server/counters.ts'
import { contentOf } from '../../server/respond.ts'
import { createServe } from '../../server/serve.ts'
import { WaitingClients } from '../../server/pending-queries.ts'
import { SimRandom } from '../../simulation/random.ts'
import { type Arrival, type FaultAction, isWireFault, type PlainFault, rcodeOfFault, RuleList } from './rules.ts'
import { StubForwarder, systemServers } from './forward.ts'
import { plainName } from '../../input/names.ts'
import type { QueryBook, OpenQuery } from './query-book.ts'
import { contentOfMessage, meaningOf, type Meaning } from './reply.ts'
import { PendingQuery } from './pending-query.ts'
import type { StubServices } from './services.ts'
import { stubSettings } from './settings.ts'
import { emptyContent, type Listed, type RecordStore } from './record-store.ts'
import { applyWireFault, withTtls } from './wire-faults.ts'
import type { Cassette, StubQuery } from './types.ts'

export type Unlisted = 'nxdomain' | 'refused' | 'servfail' | 'timeout' | 'forward'

/** What a rule that answers does: says a reply (or leaves the query to others), or asks somewhere else. */
export type AnswerAction =
  | { readonly kind: 'say'; readonly next: (query: StubQuery) => unknown; readonly faults: boolean }
  | { readonly kind: 'ask'; readonly servers: () => readonly ServerAddress[] }

export interface DelayAction {
  readonly ms: number
  readonly jitter: number
}

export interface ServerParts {
  readonly store: RecordStore
  readonly book: QueryBook
  readonly address: string
  readonly port: number
  readonly seed: number
  readonly ttl: number
  readonly unlisted: Unlisted
  /** Null: the system's. */
  readonly forward: ServerAddress | null
  /** Asked when no rule answered. */
  readonly handler: ((query: StubQuery) => unknown) | null
  readonly cassette: Cassette | null
  /** How it is reached over TLS and HTTPS. */
  readonly services: StubServices
  /** A handler threw, or something that should never happen. */
  readonly failed: (error: unknown) => void
}

/** A test sends all queries from one address and none is spoofed; and a stub that stops does not wait. */
const limits: Limits = limitsWith({
  server: {
    waitingPerClient: stubSettings.waiting,
    discardAfterMs: Number.MAX_SAFE_INTEGER,
    lateAnswersKept: stubSettings.waiting,
    drainMs: 0,
  },
  tcp: { connections: stubSettings.connections, connectionsPerPrefix: stubSettings.connections },
  doh: {
    streams: stubSettings.requests,
    resets: stubSettings.requests,
    queriesOfConnection: stubSettings.queriesOfConnection,
  },
})
const NOTHING = new Uint8Array(0)

/** How the stub could not be started. */
export type Opened = { readonly kind: 'open'; readonly port: number } | ListenFailure

export class StubServer {
  readonly faults: RuleList<FaultAction> = new RuleList()
  readonly answers: RuleList<AnswerAction> = new RuleList()
  readonly delays: RuleList<DelayAction> = new RuleList()
  readonly ttls: RuleList<number> = new RuleList()
  readonly #parts: ServerParts
  readonly #serve: Serve
  readonly #clock = systemClock()
  readonly #forwarder = new StubForwarder()
  /** By their octets, which answers over HTTPS are made for. */
  readonly #byMessage = new WeakMap<Uint8Array, PendingQuery>()
  /** Replies that wait for their delay. */
  readonly #delayed = new Set<{ readonly cancel: Cancel; readonly reply: Reply }>()
  readonly #startedAt: number
  #random: SimRandom
  /** Of plain DNS, and of each service, which has a certificate of its own. */
  readonly #listeners: Listeners[] = []
  #port = 0
  #stopped = false

  constructor(parts: ServerParts) {
    this.#parts = parts
    this.#startedAt = this.#clock.now()
    this.#random = new SimRandom(parts.seed).fork('replies')
    const { server } = limits
    this.#serve = createServe({
      clock: this.#clock,
      random: this.#random,
      // Nothing here is shareable, so it stays empty.
      answers: new AnswerCache(limits.cache, 1),
      pipeline: { admit: () => 'pass', handler: compose(this.#stages(), query => this.#listed(askingOf(query))) },
      waiting: new WaitingClients(server),
      counters: new Counters(),
      events: event => {
        if (event.kind === 'bug') parts.failed(event.error)
      },
      settings: {
        udpReplyBytes: server.udpReplyBytes,
        edeTextBytes: server.edeTextBytes,
        tcpIdleMs: limits.tcp.idleMs,
        paddingBlock: limits.tls.paddingBlock,
        nsid: null,
      },
      queryLog: null,
    })
  }

  get port(): number {
    return this.#port
  }

  async start(): Promise<Opened> {
    const { address, port, services } = this.#parts
    const wanted = [
      { binding: { address, port }, service: null },
      ...services.all.map(service => ({ binding: services.bindingOf(service), service })),
    ]
    for (const { binding, service } of wanted) {
      const opened = await openListeners({
        bindings: [binding],
        identity: service?.identity,
        clock: this.#clock,
        limits,
        events: () => {},
        onMessage: (bytes, length, client, reply) => this.#take(bytes, length, client, reply),
        onAccept: (client, socket, raw) => services.accepted(client, socket, raw),
        onHandshake: (raw, begin) => (service === null ? begin() : services.handshake(service, raw, begin)),
        onAnswer: (query, reply, exchange) => {
          const action = this.#byMessage.get(query)?.http ?? null
          return action === null ? reply : services.faults.replace(action, reply, exchange)
        },
      })
      this.#listeners.push(opened)
      const [failure] = opened.failures
      if (failure === undefined) continue
      await this.#close()
      return failure
    }
    this.#port = this.#listeners[0]?.open()[0]?.port ?? port
    return { kind: 'open', port: this.#port }
  }

  /** Null: it is not reached in this way. */
  portOf(transport: 'tls' | 'https'): number | null {
    const all = this.#listeners.flatMap(listeners => listeners.open())
    return all.find(listener => listener.transport === transport)?.port ?? null
  }

  async #close(): Promise<void> {
    await Promise.all(this.#listeners.map(listeners => listeners.close()))
  }

  /** Removes all rules and restarts the random draws. */
  clear(): void {
    this.faults.clear()
    this.answers.clear()
    this.delays.clear()
    this.ttls.clear()
    this.#random = new SimRandom(this.#parts.seed).fork('replies')
  }

  isSelf({ ip, port }: ServerAddress): boolean {
    const own = this.#parts.address
    return port === this.#port && (ip.text === own || own === '0.0.0.0' || own === '::')
  }

  async stop(): Promise<void> {
    this.#stopped = true
    for (const { cancel, reply } of this.#delayed) {
      cancel()
      reply(NOTHING, 0)
    }
    this.#delayed.clear()
    this.#parts.services.faults.stop()
    await Promise.all([this.#forwarder.close(), this.#close()])
  }

  // --- in

  #take(bytes: Uint8Array, length: number, client: Client, listener: Reply): void {
    const reply = silently(client, listener)
    if (this.#parts.services.socketsOf(client)?.isCut === true) {
      reply(NOTHING, 0)
      return
    }
    const decoded = decodeMessage(bytes.subarray(0, length))
    const question =
      decoded.kind === 'message' && !decoded.message.response && decoded.message.opcode === Opcode.QUERY
        ? decoded.message.question
        : null
    if (decoded.kind !== 'message' || question === null) {
      this.#serve(bytes, length, client, reply)
      return
    }
    const asking = this.#record(decoded.message, question, client)
    if (client.transport === 'https') this.#byMessage.set(bytes, asking)
    const arrival: Arrival = { name: question.name, type: question.type, transport: client.transport, ip: client.ip }
    const fault = this.faults.first(arrival)
    if (fault?.fault === 'timeout') {
      asking.record.matched = true
      asking.record.answeredWith = 'timeout'
      reply(NOTHING, 0)
      return
    }
    asking.fault = fault
    if (client.transport === 'https') asking.http = this.#parts.services.faults.take()
    if (fault !== null && isWireFault(fault.fault)) asking.wire = fault.fault
    const delay = this.delays.first(arrival)
    if (delay !== null) asking.delayMs = this.#jittered(delay)
    asking.ttl = this.ttls.first(arrival)
    this.#serve(bytes, length, asking, (out, octets) => this.#deliver(asking, out, octets, reply))
  }

  #record(message: Message, question: AskedQuestion, client: Client): PendingQuery {
    const { edns } = message
    const record: OpenQuery = {
      name: plainName(question.name),
      type: typeName(question.type),
      class: className(question.class),
      transport: client.transport,
      client: { address: client.ip.text, port: client.port },
      id: message.id,
      edns: edns === null ? null : { payloadSize: edns.payloadSize, dnssecOk: edns.dnssecOk, options: edns.options },
      at: new Date(),
      atMs: this.#clock.now() - this.#startedAt,
      matched: false,
      answeredWith: 'pending',
    }
    const flags: AskerFlags = {
      recursionDesired: message.recursionDesired,
      checkingDisabled: message.checkingDisabled,
      dnssecOk: edns?.dnssecOk ?? false,
      edns: edns !== null,
    }
    const asking = new PendingQuery(client, question, record, flags, this.#parts.services.socketsOf(client))
    this.#parts.book.add(record)
    return asking
  }

  #jittered({ ms, jitter }: DelayAction): number {
    if (jitter === 0) return ms
    const share = this.#random.below(2 ** 32) / 2 ** 32
    return Math.max(0, ms + jitter * (2 * share - 1))
  }

  // --- deciding

  #stages(): Stage[] {
    const stage = (name: string, handle: Stage['handle']): Stage => ({ name, after: [], before: [], handle })
    return [
      stage('faults', (query, next) => {
        const asking = askingOf(query)
        asking.reached = true
        const given = asking.fault === null ? null : faultContent(asking.fault)
        if (given === null || asking.fault === null) return next(query)
        return Promise.resolve(settled(asking, given, asking.fault.fault))
      }),
      stage('rules', (query, next) =>
        this.answers.order.length === 0 && this.#parts.handler === null ? next(query) : this.#byRules(query, next),
      ),
      makeChaos({ version: null, id: null }),
      makeMinimalAny(() => true, limits.server),
    ]
  }

  async #byRules(query: Query, next: (query: Query) => Promise<Answer>): Promise<Answer> {
    const asking = askingOf(query)
    const { order } = this.answers
    const { handler } = this.#parts
    const arrival: Arrival = {
      name: query.question.name,
      type: query.question.type,
      transport: asking.transport,
      ip: asking.ip,
    }
    for (const rule of order) {
      if (!rule.takes(arrival)) continue
      if (rule.action.kind === 'ask') return this.#ask(asking, rule.action.servers(), query.question, [])
      const answer = await this.#said(asking, query, rule.action.next, rule.action.faults, next)
      if (answer !== null) return answer
    }
    return (handler === null ? null : await this.#said(asking, query, handler, false, next)) ?? next(query)
  }

  /** What a handler's reply comes to; null when it leaves the query to others. */
  async #said(
    asking: PendingQuery,
    query: Query,
    handler: (query: StubQuery) => unknown,
    faults: boolean,
    next: (query: Query) => Promise<Answer>,
  ): Promise<Answer | null> {
    let meaning: Meaning
    try {
      meaning = meaningOf(await unwrapped(handler, publicQuery(asking.record)), query.question, this.#parts.ttl, faults)
    } catch (error) {
      this.#parts.failed(error)
      const text = `the handler for ${asking.record.name} failed: ${errorText(error)}`
      return settled(asking, { ...emptyContent(Rcode.SERVFAIL, { code: EdeCode.Other, text }), authoritative: false })
    }
    switch (meaning.kind) {
      case 'as-listed':
        return null
      case 'drop':
        return silent(asking, 'dropped')
      case 'content':
        asking.delayMs += meaning.delayMs
        return settled(asking, meaning.content)
      case 'changed': {
        asking.delayMs += meaning.delayMs
        const content = contentOf(await next(query), query.dnssecOk)
        return content === null
          ? silent(asking, 'dropped')
          : { kind: 'given', content: meaning.change(content), by: 'handler' }
      }
      case 'fault':
        return this.#stepFault(asking, query, meaning.fault, next)
      default:
        return meaning satisfies never
    }
  }

  /** A fault as a step of a sequence. */
  #stepFault(
    asking: PendingQuery,
    query: Query,
    fault: PlainFault,
    next: (query: Query) => Promise<Answer>,
  ): Promise<Answer> | Answer {
    if (fault === 'timeout') return silent(asking, 'timeout')
    const content = faultContent({ fault, ede: null })
    if (content !== null) return settled(asking, content, fault)
    if (isWireFault(fault)) asking.wire ??= fault
    return next(query)
  }

  #listed(asking: PendingQuery): Promise<Answer> {
    const { name, type, class: klass } = asking.question
    const listed = this.#parts.store.answer({ name, type, class: klass })
    if (listed.kind === 'unlisted') return this.#unlisted(asking, listed)
    asking.record.matched ||= listed.matched
    return Promise.resolve(listed.answer)
  }

  async #unlisted(
    asking: PendingQuery,
    { question, chain, exists }: Extract<Listed, { kind: 'unlisted' }>,
  ): Promise<Answer> {
    const { cassette, unlisted } = this.#parts
    if (chain.length > 0) asking.record.matched = true
    if (cassette !== null) return this.#played(asking, cassette, question, chain)
    const say = (rcode: number): Answer => given({ ...emptyContent(rcode), answer: chain })
    switch (unlisted) {
      case 'nxdomain':
        return say(exists ? Rcode.NOERROR : Rcode.NXDOMAIN)
      case 'refused':
        return say(Rcode.REFUSED)
      case 'servfail':
        return say(Rcode.SERVFAIL)
      case 'timeout':
        asking.answeredWith = 'timeout'
        return { kind: 'dropped', by: 'unlisted' }
      case 'forward': {
        const { matched } = asking.record
        const answer = await this.#ask(asking, this.#servers(), question, chain)
        asking.record.matched = matched
        return answer
      }
      default:
        return unlisted satisfies never
    }
  }

  async #played(
    asking: PendingQuery,
    cassette: Cassette,
    question: Question,
    chain: readonly RRset[],
  ): Promise<Answer> {
    const replayed = cassette.replay(question)
    if (replayed !== null) return settled(asking, contentOfMessage(replayed, chain))
    if (!cassette.recording)
      return given({
        ...emptyContent(Rcode.REFUSED, { code: EdeCode.Other, text: 'not in the cassette' }),
        authoritative: false,
        answer: chain,
      })
    return this.#ask(asking, this.#servers(), question, chain, message => cassette.record(question, message))
  }

  #servers(): readonly ServerAddress[] {
    const { forward } = this.#parts
    return forward === null ? this.systemServers() : [forward]
  }

  /** The system's servers without the stub, which may be one of them. */
  systemServers(): readonly ServerAddress[] {
    return systemServers().filter(server => !this.isSelf(server))
  }

  async #ask(
    asking: PendingQuery,
    servers: readonly ServerAddress[],
    question: Question,
    chain: readonly RRset[],
    heard: (message: Message) => void = () => {},
  ): Promise<Answer> {
    const reply = await this.#forwarder.ask(servers, question, asking.flags)
    if ('error' in reply) {
      const ede = { code: EdeCode.NoReachableAuthority, text: reply.error }
      return settled(asking, { ...emptyContent(Rcode.SERVFAIL, ede), authoritative: false, answer: chain })
    }
    heard(reply)
    return settled(asking, contentOfMessage(reply, chain))
  }

  // --- out

  #deliver(asking: PendingQuery, out: Uint8Array, octets: number, reply: Reply): void {
    const { record, question } = asking
    if (!asking.reached)
      record.matched =
        this.#parts.store.answer({ name: question.name, type: question.type, class: question.class }).kind === 'answer'
    if (octets === 0) {
      record.answeredWith = asking.answeredWith ?? 'dropped'
      reply(NOTHING, 0)
      return
    }
    record.answeredWith =
      asking.http?.fault ??
      asking.wire ??
      asking.answeredWith ??
      rcodeName(asking.reached ? (out[3] ?? 0) & 0xf : wholeRcode(out.subarray(0, octets)))
    const plain = asking.ttl === null ? out.subarray(0, octets) : withTtls(out.subarray(0, octets), asking.ttl)
    if (asking.delayMs <= 0) {
      this.#send(asking, plain, reply)
      return
    }
    const copy = plain.slice()
    const waiting = {
      reply,
      cancel: this.#clock.after(asking.delayMs, () => {
        this.#delayed.delete(waiting)
        this.#send(asking, copy, reply)
      }),
    }
    this.#delayed.add(waiting)
  }

  #send(asking: PendingQuery, bytes: Uint8Array, reply: Reply): void {
    if (this.#stopped) {
      reply(NOTHING, 0)
      return
    }
    if (asking.wire === null) {
      reply(bytes, bytes.length)
      return
    }
    const fate = applyWireFault(asking.wire, bytes, asking.transport, this.#random)
    switch (fate.kind) {
      case 'sent':
        reply(fate.bytes, fate.bytes.length)
        return
      case 'from-elsewhere':
        this.#sendFromElsewhere(asking, fate.bytes.slice())
        break
      case 'half': {
        const whole = frame(fate.bytes)
        asking.sockets?.socket.end(whole.subarray(0, whole.length >> 1))
        break
      }
      case 'reset':
        asking.sockets?.raw.resetAndDestroy()
        break
      default:
        fate satisfies never
    }
    reply(NOTHING, 0)
  }

  /** From another port of the same address. */
  #sendFromElsewhere(asking: PendingQuery, bytes: Uint8Array): void {
    const socket = datagramSocket(asking.ip.family)
    socket.on('error', () => socket.close())
    socket.bind({ address: this.#parts.address, port: 0, exclusive: true }, () => {
      socket.send(bytes, asking.port, asking.ip.text, () => socket.close())
    })
  }
}

/** Over HTTPS a query that is forgotten is reset, which is no silence. */
const silently = (client: Client, reply: Reply): Reply =>
  client.transport !== 'https'
    ? reply
    : (bytes, length, want) => {
        if (length === 0 && want === undefined) return
        try {
          reply(bytes, length, want)
        } catch {
          // The fault made octets of it that have no form in JSON, which the client asked for: it hears nothing.
        }
      }

function askingOf({ client }: Query): PendingQuery {
  if (client instanceof PendingQuery) return client
  throw new Error('a query that did not come through the stub')
}

const given = (content: Content): Answer => ({ kind: 'given', content, by: 'stub' })

/** Something spoke for the query: it is matched. */
function settled(asking: PendingQuery, content: Content, answeredWith: string | null = null): Answer {
  asking.record.matched = true
  asking.answeredWith = answeredWith ?? rcodeName(content.rcode)
  return given(content)
}

function silent(asking: PendingQuery, answeredWith: string): Answer {
  asking.record.matched = true
  asking.answeredWith = answeredWith
  return { kind: 'dropped', by: 'stub' }
}

function faultContent({ fault, ede }: FaultAction): Content | null {
  const rcode = rcodeOfFault(fault)
  return rcode === null ? null : emptyContent(rcode, ede === null ? null : { code: ede.code, text: ede.text ?? '' })
}

/** With the upper bits, which are in OPT. */
function wholeRcode(reply: Uint8Array): number {
  const decoded = decodeMessage(reply)
  return decoded.kind === 'message' ? decoded.message.rcode : 0
}

/** A handler may give another one, which is asked in turn. */
async function unwrapped(handler: (query: StubQuery) => unknown, query: StubQuery): Promise<unknown> {
  let reply: unknown = handler
  for (let depth = 0; typeof reply === 'function'; depth++) {
    if (depth > stubSettings.handlerDepth) throw new TypeError('handlers that return handlers without end')
    reply = await reply(query)
  }
  return reply
}

const publicQuery = ({ name, type, class: klass, transport, client, edns }: OpenQuery): StubQuery => ({
  name,
  type,
  class: klass,
  transport,
  client,
  edns,
})
