/**
 * The running half of a stub: the listeners and the serving code of production, with the stub's rules as stages of the
 * policy chain and its faults around the reply. Queries that production refuses by themselves (broken, odd opcodes,
 * transfers) are refused by that same code here.
 *
 * Invariants: every query is recorded before anything is decided about it, and replied to at most once; nothing is
 * cached; nothing is sent after `stop`.
 */
import type { Socket } from 'node:net'
import { errorText } from '../../events.ts'
import { AnswerCache } from '../../cache/answer-cache.ts'
import { decodeMessage } from '../../dns/decode.ts'
import { frame } from '../../dns/framing.ts'
import type { IpAddress } from '../../dns/address.ts'
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
import type { Binding, Cancel, Client, Reply, Serve, ServerAddress, Transport } from '../../ports.ts'
import { Counters } from '../../server/counters.ts'
import { contentOf } from '../../server/respond.ts'
import { createServe } from '../../server/serve.ts'
import { WaitingClients } from '../../server/pending-queries.ts'
import { SimRandom } from '../../simulation/random.ts'
import {
  type Arrival,
  type FaultAction,
  isWireFault,
  type PlainFault,
  rcodeOfFault,
  RuleList,
  type WireFault,
} from './rules.ts'
import type { ForwardFlags } from '../../engine/forward.ts'
import { StubForwarder, systemServers } from './forward.ts'
import { plainName } from '../../input/names.ts'
import type { QueryBook, OpenQuery } from './query-book.ts'
import { contentOfMessage, meaningOf, type Meaning } from './reply.ts'
import type { Sockets, StubIdentity } from './identity.ts'
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
  /** Null: it is not reached over TLS. */
  readonly tls: StubIdentity | null
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
})
const NOTHING = new Uint8Array(0)

/** One query on its way: the client as production knows it, with all that the stub wants to remember. */
class PendingQuery implements Client {
  readonly ip: IpAddress
  readonly port: number
  readonly transport: Transport
  readonly question: AskedQuestion
  readonly record: OpenQuery
  readonly flags: ForwardFlags
  /** The connection, to break it. Null over UDP. */
  readonly sockets: Sockets | null
  fault: FaultAction | null = null
  /** A fault that acts on the octets of the reply. */
  wire: WireFault | null = null
  delayMs = 0
  ttl: number | null = null
  /** Whether the policy chain saw it. */
  reached = false
  /** How it is recorded, when not by its rcode. */
  answeredWith: string | null = null

  constructor(
    client: Client,
    question: AskedQuestion,
    record: OpenQuery,
    flags: ForwardFlags,
    sockets: Sockets | null,
  ) {
    this.ip = client.ip
    this.port = client.port
    this.transport = client.transport
    this.question = question
    this.record = record
    this.flags = flags
    this.sockets = sockets
  }
}

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
  readonly #sockets = new WeakMap<Client, Sockets>()
  /** Connections that end without an answer: queries may come with the end of the handshake. */
  readonly #cut = new WeakSet<Client>()
  /** Replies that wait for their delay. */
  readonly #delayed = new Set<{ readonly cancel: Cancel; readonly reply: Reply }>()
  readonly #startedAt: number
  #random: SimRandom
  #listeners: Listeners | null = null
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
    const { address, port, tls } = this.#parts
    const secure: Binding = { address, port: 0, service: { transport: 'tls', path: '', proxy: false } }
    this.#listeners = await openListeners({
      bindings: [{ address, port }, ...(tls === null ? [] : [secure])],
      identity: tls ?? undefined,
      clock: this.#clock,
      limits,
      events: () => {},
      onMessage: (bytes, length, client, reply) =>
        this.#cut.has(client) ? reply(NOTHING, 0) : this.#take(bytes, length, client, reply),
      onAccept: (client, socket, raw) => this.#accepted(client, socket, raw),
    })
    const [failure] = this.#listeners.failures
    if (failure !== undefined) {
      await this.#listeners.close()
      return failure
    }
    this.#port = this.#listeners.open()[0]?.port ?? port
    return { kind: 'open', port: this.#port }
  }

  get tlsPort(): number | null {
    return this.#listeners?.open().find(({ transport }) => transport === 'tls')?.port ?? null
  }

  #accepted(client: Client, socket: Socket, raw: Socket): void {
    this.#sockets.set(client, { socket, raw })
    if (client.transport !== 'tls') return
    const fault = this.#parts.tls?.connectionFault ?? null
    if (fault !== null) this.#cut.add(client)
    if (fault === 'closeAfterHandshake') socket.end()
    if (fault === 'resetAfterHandshake') raw.resetAndDestroy()
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
    this.#forwarder.close()
    await this.#listeners?.close()
  }

  // --- in

  #take(bytes: Uint8Array, length: number, client: Client, reply: Reply): void {
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
    const arrival: Arrival = { name: question.name, type: question.type, transport: client.transport, ip: client.ip }
    const fault = this.faults.first(arrival)
    if (fault?.fault === 'timeout') {
      asking.record.matched = true
      asking.record.answeredWith = 'timeout'
      reply(NOTHING, 0)
      return
    }
    asking.fault = fault
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
    const flags: ForwardFlags = {
      recursionDesired: message.recursionDesired,
      checkingDisabled: message.checkingDisabled,
      dnssecOk: edns?.dnssecOk ?? false,
      edns: edns !== null,
    }
    const asking = new PendingQuery(client, question, record, flags, this.#sockets.get(client) ?? null)
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
