/**
 * From a datagram to a datagram. Two paths and only two: the byte path copies a finished answer out of the answer cache
 * without decoding anything; the value path decodes, checks, asks the policy chain and encodes. Nothing else calls
 * either.
 *
 * Invariants: every query gets exactly one call of `reply`; a hit allocates nothing but its key; nothing a client sends
 * makes this throw (what does throw is a bug, is reported and costs that one query).
 */
import type { AnswerCache } from '../cache/answer-cache.ts'
import { bufferOf, u16 } from '../dns/bytes.ts'
import { findOption } from '../dns/edns.ts'
import { decodeMessage } from '../dns/decode.ts'
import { MAX_MESSAGE_OCTETS, type Question, questionKey } from '../dns/message.ts'
import { foldName, trustWireName } from '../dns/name.ts'
import { formatName } from '../presentation/text.ts'
import { EdeCode, EdnsOptionCode, Opcode, Rcode, typeName } from '../dns/types.ts'
import { isNotify, keyOf, peekQuery } from '../dns/wire.ts'
import type { Answer, Content, GateVerdict, Handler, Query } from '../policy/handler.ts'
import { ServerCookies } from '../policy/cookies/server-cookies.ts'
import type { RateLimiter } from '../policy/limits/rate-limiter.ts'
import type { NotYet } from '../resolver/running/not-yet.ts'
import type { Outcome } from '../steps.ts'
import type { Cancel, Client, Clock, EventSink, Random, Reply, Serve, Transport, Want } from '../ports.ts'
import { BytePath, dropReason } from './byte-path.ts'
import { checkQuery, type Asked, type AskedQuery, type Checked } from './check-query.ts'
import { type CounterName, type Counters, rcodeCounter, rcodeIndex } from './counters.ts'
import type { Pipeline } from './pipeline.ts'
import type { Decided } from './decided.ts'
import { sourceOf, validationCell } from './request-cells.ts'
import { clientText, type QueryLog } from './query-log.ts'
import type { Tally } from './tally.ts'
import { contentOf, errorContent, respond, shareableForm, type Finished, type RespondSettings } from './respond.ts'
import type { WaitingClients } from './pending-queries.ts'

export interface ServeParts {
  readonly clock: Clock
  readonly random: Pick<Random, 'below'>
  readonly answers: AnswerCache
  readonly pipeline: Pipeline
  readonly waiting: WaitingClients
  readonly counters: Counters
  readonly events: EventSink
  readonly settings: RespondSettings
  /** Rate-limited reports, kept over a reload. Absent: not reported. */
  readonly tallies?: { readonly refusals: Tally; readonly failures: Tally }
  /** Null when queries are not logged. */
  readonly queryLog: QueryLog | null
  /** Absent: which rules decided on what is cached is not logged. */
  readonly decided?: Decided | undefined
  /** The reply to a message with the opcode NOTIFY; null: none. Absent: such messages are of no use here. */
  readonly notify?: ((bytes: Uint8Array, client: Client) => Uint8Array | null) | undefined
  /** Why a question that is being resolved has no answer yet; null when nothing is known of it. */
  readonly notYet?: (question: Question, checkingDisabled: boolean, view: number) => NotYet | null
  /** Called after the reply for a popular answer that expires soon. Nothing waits for it. */
  readonly prefetch?: (question: Question, client: Client, view: number) => void
}

export function createServe(parts: ServeParts): Serve {
  const server = new Server(parts)
  return (bytes, length, client, reply) => server.take(bytes, length, client, reply)
}

const NOTHING = new Uint8Array(0)
/** RFC 1035 section 4.1.1. */
const QDCOUNT_OFFSET = 4

/** What is counted apart, by who made it. */
const SHAPED: Readonly<Partial<Record<string, CounterName>>> = {
  stale: 'answeredStale',
  dns64: 'answeredByDns64',
  rebinding: 'blockedRebinding',
  canary: 'deniedCanaries',
}

/** A query in hand; `generation` is of the rules that hold as it begins (`AnswerCache.generation`). */
interface Taken extends Query {
  readonly generation: number
}

/** Of a query that waits: whether it was replied to in time, and whether its answer came and was kept back. */
interface InTime {
  replied: boolean
  late: boolean
  cancel: Cancel
}

class Server {
  readonly #parts: ServeParts
  readonly #bytePath: BytePath
  readonly #out = new Uint8Array(MAX_MESSAGE_OCTETS)
  /**
   * Replies of the value path are made here, sent and kept; undefined as long as one is. Not in `#out`: see `#send`.
   */
  #place: Buffer | undefined = bufferOf(new Uint8Array(MAX_MESSAGE_OCTETS))
  readonly #udpQueries: number
  readonly #queries: Readonly<Record<Transport, number>>
  readonly #hits: number
  readonly #cookies: ServerCookies | null
  readonly #tallies: ServeParts['tallies']
  /** Whether the query in hand was replied to; read only before `take` returns. */
  #replied = false

  constructor(parts: ServeParts) {
    this.#parts = parts
    const { answers, settings } = parts
    this.#bytePath = new BytePath(answers.reader, {
      udpReplyBytes: settings.udpReplyBytes,
      paddingBlock: settings.paddingBlock,
      sendsNsid: settings.nsid !== null,
      cookies: settings.cookies ?? null,
    })
    this.#cookies =
      settings.cookies === undefined || settings.cookies === null ? null : new ServerCookies(settings.cookies)
    this.#udpQueries = parts.counters.index('udpQueries')
    this.#queries = {
      udp: this.#udpQueries,
      tcp: parts.counters.index('tcpQueries'),
      tls: parts.counters.index('tlsQueries'),
      https: parts.counters.index('httpsQueries'),
      http: parts.counters.index('httpQueries'),
    }
    this.#hits = parts.counters.index('answeredFromCache')
    this.#tallies = parts.tallies
  }

  take(bytes: Uint8Array, length: number, client: Client, reply: Reply): void {
    const { counters, pipeline } = this.#parts
    counters.add(client.transport === 'udp' ? this.#udpQueries : this.#queries[client.transport])
    this.#replied = false
    const verdict = pipeline.admit(client)
    const dropped = dropReason(client.port, verdict)
    if (dropped !== null) {
      counters.request(client.transport, client.ip.family, null)
      this.#silence(dropped, reply)
      return
    }
    if (pipeline.rate === undefined || this.#isWithin(pipeline.rate, bytes, length, client, verdict, reply))
      this.#answer(bytes, length, client, verdict, reply)
  }

  #answer(bytes: Uint8Array, length: number, client: Client, verdict: GateVerdict, reply: Reply): void {
    try {
      if (verdict === 'pass' && this.#fromCache(bytes, length, client, reply)) return
      this.#byValue(bytes.subarray(0, length), client, verdict, reply)
    } catch (error) {
      this.#parts.events({ kind: 'bug', where: 'serve', error, question: null })
      if (!this.#replied) reply(NOTHING, 0)
    }
  }

  /**
   * False: it is above the limit of its client, and what becomes of it is seen to. A datagram gets TC now and then, a
   * request over HTTP gets 429, and on a connection the client waits, since no more than a few queries are read ahead.
   */
  #isWithin(
    rate: RateLimiter,
    bytes: Uint8Array,
    length: number,
    client: Client,
    verdict: GateVerdict,
    reply: Reply,
  ): boolean {
    const { clock, settings } = this.#parts
    const { transport, ip } = client
    if (rate.isExempt(ip)) return true
    const isStream = transport === 'tcp' || transport === 'tls'
    const mayWaitMs = isStream && !rate.settings.dryRun ? (settings.rateDelayMs ?? 0) : 0
    const now = clock.now()
    if (rate.takes(ip, transport !== 'udp', now, mayWaitMs))
      return transport !== 'udp' || !rate.limitsAnswers || this.#isAnswerWithin(rate, bytes, length, client, reply)
    if (transport === 'udp' && this.#cookies !== null) {
      this.#bytePath.from(ip.bytes, Math.floor(clock.wall()))
      if (this.#bytePath.hasGoodCookie(bytes, length, transport) && rate.takes(ip, true, now)) return true
    }
    this.#count('aboveRate')
    if (rate.settings.dryRun) return true
    if (transport === 'udp') {
      const octets = rate.slip() === 'truncate' ? this.#bytePath.truncated(bytes, length, this.#out, 0) : 0
      if (octets === 0) this.#silence('droppedByRate', reply)
      else {
        this.#count('truncatedByRate')
        this.#replied = true
        reply(this.#out, octets)
      }
    } else if (isStream && rate.waitMs <= mayWaitMs) {
      this.#count('delayedByRate')
      const kept = bytes.slice(0, length)
      clock.after(rate.waitMs, () => {
        this.#replied = false
        this.#answer(kept, length, client, verdict, reply)
      })
    } else this.#silence('droppedByRate', reply, 'rate-limit')
    return false
  }

  /** The same for the answer to a datagram; those who show a good cookie have none of this limit. */
  #isAnswerWithin(rate: RateLimiter, bytes: Uint8Array, length: number, { ip }: Client, reply: Reply): boolean {
    const { clock } = this.#parts
    const { peek } = this.#bytePath
    if (!peekQuery(bytes, length, peek) || rate.takesAnswer(ip, peek.keyWords, peek.keyLength, clock.now())) return true
    if (this.#cookies !== null) {
      this.#bytePath.from(ip.bytes, Math.floor(clock.wall()))
      if (this.#bytePath.hasGoodCookie(bytes, length, 'udp')) return true
    }
    this.#count('aboveAnswerRate')
    if (rate.settings.dryRun) return true
    const octets = rate.slip() === 'truncate' ? this.#bytePath.truncated(bytes, length, this.#out, 0) : 0
    if (octets === 0) this.#silence('droppedByAnswerRate', reply)
    else {
      this.#count('truncatedByAnswerRate')
      this.#replied = true
      reply(this.#out, octets)
    }
    return false
  }

  /** The byte path. True when it answered. */
  #fromCache(bytes: Uint8Array, length: number, client: Client, reply: Reply): boolean {
    const { answers, clock, counters, decided, pipeline, prefetch, queryLog } = this.#parts
    const now = clock.now()
    const view = pipeline.viewOf?.(client) ?? 0
    if (this.#cookies !== null) this.#bytePath.from(client.ip.bytes, Math.floor(clock.wall()))
    const octets = this.#bytePath.answer(bytes, length, client.transport, this.#out, 0, now, view)
    if (octets === 0) return false
    const { peek } = this.#bytePath
    counters.request(client.transport, client.ip.family, peek.type)
    counters.add(this.#hits)
    counters.add(rcodeIndex(this.#out[3] ?? 0))
    counters.hit(this.#out[3] ?? 0)
    this.#replied = true
    reply(this.#out, octets)
    if (answers.reader.lastWantsPrefetch)
      prefetch?.(
        { name: foldName(trustWireName(keyOf(peek).slice(0, -2))), type: peek.type, class: peek.class },
        client,
        view,
      )
    if (queryLog !== null) {
      const name = trustWireName(keyOf(peek).slice(0, -2))
      const tookMs = clock.now() - now
      queryLog({
        client,
        view,
        name,
        type: peek.type,
        class: peek.class,
        rcode: (this.#out[3] ?? 0) & 0xf,
        octets,
        tookMs,
        by: 'cache',
        decisions: decided?.of(view, keyOf(peek)),
        wall: clock.wall(),
      })
    }
    return true
  }

  /** The value path. */
  #byValue(bytes: Uint8Array, client: Client, verdict: GateVerdict, reply: Reply): void {
    if (this.#parts.notify !== undefined && isNotify(bytes)) {
      this.#notified(this.#parts.notify(bytes, client), client, reply)
      return
    }
    const checked = this.#withCookie(checkQuery(decodeMessage(bytes), client.transport), bytes, client)
    const type = checked.kind === 'query' ? checked.asked.question.type : null
    this.#parts.counters.request(client.transport, client.ip.family, type)
    if (checked.kind === 'drop') this.#silence(checked.why === 'short' ? 'droppedShort' : 'droppedResponses', reply)
    else if (verdict === 'refuse') this.#refuseClient(checked.asked, client, reply)
    else if (checked.kind === 'query') this.#ask(checked.asked, bytes.length, client, verdict === 'local', reply)
    else this.#send(checked.asked, errorContent(checked.rcode, checked.ede, checked.text), 'check', reply)
  }

  /** Who may send NOTIFY is not for the access list to say: primaries are no clients. */
  #notified(bytes: Uint8Array | null, client: Client, reply: Reply): void {
    const { counters } = this.#parts
    counters.request(client.transport, client.ip.family, null)
    this.#replied = true
    this.#count('notifies')
    reply(bytes ?? NOTHING, bytes?.length ?? 0)
  }

  /** The cookie that the reply gets; or an error where the client's is none, or has to be shown first. */
  #withCookie(checked: Checked, bytes: Uint8Array, { ip, transport }: Client): Checked {
    const cookies = this.#cookies
    if (cookies === null || checked.kind === 'drop') return checked
    const { asked } = checked
    const option = asked.edns === null ? undefined : findOption(asked.edns, EdnsOptionCode.COOKIE)
    if (option === undefined) return checked
    const { data } = option
    const verdict = cookies.judge(data, 0, data.length, ip.bytes, Math.floor(this.#parts.clock.wall()))
    const error = (rcode: number, text: string): Checked => ({ kind: 'error', asked: given, rcode, ede: null, text })
    const given: Asked = verdict === 'malformed' ? asked : { ...asked, cookie: cookies.reply.slice() }
    // RFC 7873 section 5.2.2.
    if (verdict === 'malformed') return error(Rcode.FORMERR, `a cookie of ${data.length} octets`)
    // Section 5.4: a query without a question asks for a cookie.
    if (checked.kind === 'error' && u16(bytes, QDCOUNT_OFFSET) === 0 && asked.header.opcode === Opcode.QUERY)
      return error(Rcode.NOERROR, '')
    // Section 5.2.3. Over a connection the address is proven.
    if (verdict === 'new' && cookies.require && transport === 'udp') return error(Rcode.BADCOOKIE, '')
    return checked.kind === 'query'
      ? { ...checked, asked: { ...checked.asked, cookie: given.cookie } }
      : { ...checked, asked: given }
  }

  #refuseClient(asked: Asked, client: Client, reply: Reply): void {
    const { clock, events } = this.#parts
    this.#count('refusedClients')
    const count = this.#tallies?.refusals.note(clock.now()) ?? 0
    if (count > 0) events({ kind: 'clients-refused', count, client: clientText(client, 'prefix') })
    this.#send(asked, errorContent(Rcode.REFUSED, EdeCode.Prohibited, 'this client may not ask here'), 'access', reply)
  }

  #ask(asked: AskedQuery, octets: number, client: Client, localOnly: boolean, reply: Reply): void {
    const { answers, clock, pipeline, waiting } = this.#parts
    if (!waiting.enter(client)) {
      this.#silence('droppedWaiting', reply, 'client-limit')
      return
    }
    const { header, edns, question } = asked
    const query: Taken = {
      question: { name: question.name, type: question.type, class: question.class },
      client,
      view: pipeline.viewOf?.(client) ?? 0,
      recursionDesired: header.recursionDesired,
      checkingDisabled: header.checkingDisabled,
      dnssecOk: edns?.dnssecOk ?? false,
      receivedAt: clock.now(),
      generation: answers.generation,
      localOnly,
    }
    const once = callOnce(reply)
    const inTime = client.transport === 'udp' ? this.#answerInTime(asked, octets, query, once) : null
    // One link, not one for every way it may end: each costs two turns of the microtask queue.
    startWith(pipeline.handler, query).then(
      answer => {
        try {
          this.#answered(asked, query, answer, once, inTime)
        } catch (error) {
          this.#failed(asked, query, error, once)
        } finally {
          waiting.leave(client)
        }
      },
      error => {
        inTime?.cancel()
        try {
          this.#failed(asked, query, error, once)
        } finally {
          waiting.leave(client)
        }
      },
    )
  }

  /** A bug costs its query a SERVFAIL, and nothing is sent when even that cannot be made. */
  #failed(asked: AskedQuery, query: Taken, error: unknown, reply: Reply): void {
    const bug = (what: unknown): void =>
      this.#parts.events({
        kind: 'bug',
        where: 'policy',
        error: what,
        question: `${formatName(query.question.name)} ${typeName(query.question.type)}`,
      })
    bug(error)
    try {
      this.#send(asked, errorContent(Rcode.SERVFAIL, EdeCode.Other, 'internal error'), 'bug', reply, query)
    } catch (second) {
      bug(second)
      reply(NOTHING, 0)
    }
  }

  /**
   * Watches over a query of a client who is sent no late answers (DNSBomb): in time it gets SERVFAIL instead, with what
   * the look-up waits for, in no more octets than its own query has, but for the code of an Extended DNS Error. The
   * look-up goes on for the cache.
   */
  #answerInTime(asked: AskedQuery, octets: number, query: Taken, reply: Reply): InTime {
    const { clock, random, waiting } = this.#parts
    const lookAfterMs = (): number => waiting.lookAfterMs(n => random.below(n))
    const look = (): void => {
      if (!state.late && !waiting.isCrowded(query.client)) {
        state.cancel = clock.after(lookAfterMs(), look)
        return
      }
      state.replied = true
      this.#count('answeredInTime')
      this.#send(asked, this.#lateContent(asked, octets, query), 'late', reply, query)
    }
    const state: InTime = { replied: false, late: false, cancel: clock.after(lookAfterMs(), look) }
    return state
  }

  /** With as much of the reason as a query of `octets` octets leaves room for. */
  #lateContent(asked: AskedQuery, octets: number, { question, checkingDisabled, view }: Query): Content {
    const { notYet, settings } = this.#parts
    const { ede, texts } = notYet?.(question, checkingDisabled, view) ?? {
      ede: EdeCode.NoReachableAuthority,
      texts: [],
    }
    const bare = errorContent(Rcode.SERVFAIL, ede, '')
    const room = Math.min(octets - respond(asked, bare, settings).bytes.length, settings.edeTextBytes)
    // Texts of names are ASCII: what else is in them is escaped.
    const text = texts.find(({ length }) => length <= room)
    return text === undefined ? bare : errorContent(Rcode.SERVFAIL, ede, text)
  }

  #answered(asked: AskedQuery, query: Taken, answer: Answer, reply: Reply, inTime: InTime | null): void {
    const { clock, waiting } = this.#parts
    const content = contentOf(answer, query.dnssecOk)
    if (inTime?.replied === true) {
      if (content !== null) this.#keep(asked, query, answer, content, respond(asked, content, this.#parts.settings))
      return
    }
    if (content !== null && inTime !== null && waiting.tooLate(query.client, clock.now() - query.receivedAt)) {
      this.#count('droppedLate')
      inTime.late = true
      this.#keep(asked, query, answer, content, respond(asked, content, this.#parts.settings))
      return
    }
    inTime?.cancel()
    if (content === null) {
      this.#silence('droppedByPolicy', reply)
      return
    }
    this.#send(asked, content, answer.by, reply, query, answer)
    if (content.rcode === Rcode.SERVFAIL) this.#tellFailure(query, content)
  }

  #tellFailure({ question }: Query, { ede }: Content): void {
    const { clock, events } = this.#parts
    const count = this.#tallies?.failures.note(clock.now()) ?? 0
    if (count > 0)
      events({
        kind: 'servfail',
        count,
        question: `${formatName(question.name)} ${typeName(question.type)}`,
        reason: ede?.text ?? '',
      })
  }

  /**
   * A connection may take up its next query while it takes a reply (`net/listen/tcp-connection.ts`): what is made
   * meanwhile must not be kept under this name.
   */
  #send(asked: Asked, content: Content, by: string, reply: Reply, query?: Taken, answer?: Answer): void {
    const place = this.#place
    this.#place = undefined
    try {
      this.#sendFrom(place, asked, content, by, reply, query, answer)
    } finally {
      this.#place = place
    }
  }

  /** Encodes, sends, counts, logs, and keeps the reply for others when it may be kept. */
  #sendFrom(
    place: Buffer | undefined,
    asked: Asked,
    content: Content,
    by: string,
    reply: Reply,
    query?: Taken,
    answer?: Answer,
  ): void {
    const { clock, counters, settings } = this.#parts
    const finished = respond(asked, content, settings, place)
    this.#replied = true
    reply(finished.bytes, finished.bytes.length, wantOf(answer))
    this.#count('answeredByValuePath')
    this.#count(rcodeCounter(content.rcode))
    counters.response(sourceOf(by), content.rcode, query === undefined ? 0 : clock.now() - query.receivedAt)
    const validated = answer?.kind === 'resolved' ? validationOf(answer.outcome) : null
    if (validated !== null) counters.cell(validationCell(validated))
    if (finished.truncated) this.#count('truncatedReplies')
    const shaped = SHAPED[by]
    if (shaped !== undefined) this.#count(shaped)
    if (query === undefined) return
    this.#log(query, content.rcode, finished.bytes.length, by, answer?.decisions)
    if (answer !== undefined) this.#keep(asked, query, answer, content, finished)
  }

  /** For others, when they may be given it as well. */
  #keep(asked: Asked, query: Taken, answer: Answer, content: Content, finished: Finished): void {
    const { answers, clock, decided } = this.#parts
    const kept = shareableForm(asked, answer, content, finished)
    if (kept === null) return
    const { question, view, dnssecOk, checkingDisabled, generation } = query
    const { wire, ttlOffsets, ttlSeconds } = kept
    const key = questionKey(question)
    const finishedAnswer = { key, dnssecOk, checkingDisabled, wire, ttlOffsets, ttlSeconds }
    if (answers.put(finishedAnswer, clock.now(), view, generation)) decided?.note(view, key, answer.decisions)
  }

  #log(query: Query, rcode: number | null, octets: number, by: string, decisions: Answer['decisions']): void {
    const { clock, queryLog } = this.#parts
    if (queryLog === null) return
    const { question, client, view } = query
    const tookMs = clock.now() - query.receivedAt
    queryLog({
      client,
      view,
      name: question.name,
      type: question.type,
      class: question.class,
      rcode,
      octets,
      tookMs,
      by,
      decisions,
      wall: clock.wall(),
    })
  }

  #silence(counter: CounterName, reply: Reply, want?: Want): void {
    this.#count(counter)
    this.#replied = true
    reply(NOTHING, 0, want)
  }

  #count(name: CounterName): void {
    this.#parts.counters.add(this.#parts.counters.index(name))
  }
}

/** A reply whose second and later calls do nothing: a failure after the first call must not answer again. */
function callOnce(reply: Reply): Reply {
  let called = false
  return (bytes, length, want) => {
    if (called) return
    called = true
    reply(bytes, length, want)
  }
}

/** What validation said of what was resolved; null where it said nothing. */
function validationOf(outcome: Outcome): 'secure' | 'insecure' | 'bogus' | 'indeterminate' | null {
  if (outcome.kind !== 'failure') return outcome.security.kind
  return outcome.why === 'bogus' ? 'bogus' : null
}

const wantOf = (answer: Answer | undefined): Want | undefined =>
  answer?.kind === 'resolved' && answer.outcome.kind === 'failure' && answer.outcome.why === 'overload'
    ? 'overload'
    : undefined

/** Calls a handler so that what it throws at once is a rejection too. */
function startWith(handler: Handler, query: Query): Promise<Answer> {
  try {
    return handler(query)
  } catch (error) {
    return Promise.reject(error)
  }
}
