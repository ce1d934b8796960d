/**
 * Runs a scenario against the real engine on a virtual clock. A query whose range has an answer gets it at once; one
 * that no range answers stays open, until a REPLY or TIMEOUT step ends it or the time that a CHECK_ANSWER step waits.
 * Replies to the client are made by `server/respond.ts`, so flags and sections are those of the product.
 *
 * Not judged here: whether a scenario makes sense. A step that is not met throws `ScenarioFailure` with the walk so
 * far.
 */
import { counted } from '../presentation/counted.ts'
import type { IpAddress } from '../dns/address.ts'
import type { Delegation } from '../cache/delegations.ts'
import { decodeMessage } from '../dns/decode.ts'
import { readExtendedErrors } from '../dns/edns.ts'
import { encodeMessage } from '../dns/encode.ts'
import type { Message } from '../dns/message.ts'
import { ROOT } from '../dns/name.ts'
import { formatRr } from '../presentation/rr-text.ts'
import { edeName } from '../dns/types.ts'
import { type Limits, limitsWith } from '../limits.ts'
import type { Transport } from '../ports.ts'
import { questionText, replySummary, type TraceStep } from '../resolver/trace.ts'
import type { EngineSettings } from '../resolver/env.ts'
import { createEngine } from '../engine/engine.ts'
import type { Resolver } from '../resolver/resolver.ts'
import { checkQuery } from '../server/check-query.ts'
import { contentOf, errorContent, respond, type RespondSettings } from '../server/respond.ts'
import { makeLocalZones } from '../zone/local-zones.ts'
import { problemLines } from '../render/problem.ts'
import { loadZone } from '../zone/load-zone.ts'
import type { Zone } from '../zone/zone.ts'
import { ip, nameOf } from './records.ts'
import type { Entry, Range, Scenario, ScenarioConfig, Step } from './scenario.ts'
import { adjusted, differences, matchesQuery } from './scenario-match.ts'
import { SimClock } from './clock.ts'
import { calm, type OpenExchange, type Responder, SimNetwork } from './network.ts'
import { SimRandom } from './random.ts'
import type { Arrival, Reaction } from './server.ts'
import { simSettings } from './settings.ts'
import { traceText } from '../render/trace-lines.ts'
import { replyText } from '../render/trace-words.ts'

/** A step was not met. The message names file, line and step and holds the walk. */
class ScenarioFailure extends Error {
  constructor(scenario: Scenario, step: Step, message: string, trace: string) {
    super(`${scenario.file}:${step.line}: step ${step.number} ${step.kind}: ${message}\n\nthe walk so far:\n${trace}`)
    this.name = 'ScenarioFailure'
  }
}

export interface ScenarioResult {
  /** The walk as text. */
  readonly trace: string
  /** Messages sent to servers. */
  readonly exchanges: number
}

/** Runs all steps, then lets everything come to rest. Throws `ScenarioFailure`. */
export function runScenario(scenario: Scenario, seed = 1): ScenarioResult {
  return new Run(scenario, seed).run()
}

class Run {
  readonly #scenario: Scenario
  readonly #clock = new SimClock()
  readonly #network: SimNetwork
  readonly #resolver: Resolver
  readonly #limits: Limits
  readonly #trace: TraceStep[] = []
  readonly #answers: Message[] = []
  #asked = 0
  #step = 0

  constructor(scenario: Scenario, seed: number) {
    this.#scenario = scenario
    const { config } = scenario
    const random = new SimRandom(seed)
    this.#limits = limitsFrom(config)
    const responder: Responder = { name: 'script', react: (query, transport, at) => this.#react(query, transport, at) }
    this.#network = new SimNetwork({
      clock: this.#clock,
      random: random.fork('network'),
      limits: this.#limits.upstream,
      weather: calm,
      hostAt: address => ({ ip: address, latencyMs: 0, server: responder }),
    })
    const hints = hintsFrom(config)
    const local = makeLocalZones(localZones(config, this.#limits), [])
    const settings: EngineSettings = {
      minimise: config.minimise,
      mixCase: config.mixCase,
      ipv4: config.ipv4,
      ipv6: config.ipv6,
      upstreamPort: simSettings.serverPort,
      doNotQuery: [],
      hardenGlue: config.hardenGlue,
    }
    this.#resolver = createEngine({
      clock: this.#clock,
      random: random.fork('resolver'),
      network: this.#network,
      limits: this.#limits,
      localZones: () => local,
      hints: () => hints,
      settings: () => settings,
    }).resolver
  }

  run(): ScenarioResult {
    for (const step of this.#scenario.steps) {
      this.#step = step.number
      const problem = this.#perform(step)
      if (problem !== null) throw new ScenarioFailure(this.#scenario, step, problem, this.#walk())
    }
    const last = this.#scenario.steps.at(-1)
    if (
      !this.#clock.runUntil(() => this.#resolver.inFlight === 0 && this.#network.inFlight === 0) &&
      last !== undefined
    ) {
      throw new ScenarioFailure(
        this.#scenario,
        last,
        `still in flight at the end: ${this.#resolver.questionsInFlight.join(', ')}`,
        this.#walk(),
      )
    }
    return { trace: this.#walk(), exchanges: this.#network.started }
  }

  #walk(): string {
    return traceText(this.#trace, simSettings.clockStartMs)
  }

  /** What is wrong, or null. */
  #perform(step: Step): string | null {
    switch (step.kind) {
      case 'query':
        this.#query(step.entry)
        this.#clock.settle()
        return null
      case 'check-answer':
        return this.#checkAnswer(step.entry)
      case 'check-out-query':
        this.#clock.settle()
        return this.#openMatching(step.entry, step.address) === undefined
          ? `no such query is out\n${this.#openText()}`
          : null
      case 'reply':
        return this.#replyTo(step.entry, step.address)
      case 'timeout': {
        const open = this.#network.open.find(
          exchange => step.address === null || exchange.server.ip.text === ip(step.address).text,
        )
        if (open === undefined) return 'no query is out that could time out'
        this.#network.expire(open)
        this.#clock.settle()
        return null
      }
      case 'time-passes':
        this.#clock.advance(step.seconds * 1_000)
        return null
      case 'check-sent':
        return this.#network.started > step.max
          ? `${counted(this.#network.started, 'message')} went to servers, at most ${step.max} may`
          : null
      case 'nothing':
        this.#clock.settle()
        if (this.#answers.length > 0) return `an answer is there: ${messageText(this.#answers[0])}`
        return this.#network.inFlight > 0 ? `queries are out\n${this.#openText()}` : null
      default:
        return step satisfies never
    }
  }

  /** What a client sends goes through the checks of the server, then to the engine. */
  #query(entry: Entry): void {
    const bytes =
      entry.raw ?? encodeMessage({ ...entry.reply, id: ++this.#asked }, { maxBytes: simSettings.tcpBytes }).bytes
    const transport: Transport = entry.match.has('tcp') ? 'tcp' : 'udp'
    const checked = checkQuery(decodeMessage(bytes), transport)
    const send = (encoded: Uint8Array): void => {
      const decoded = decodeMessage(encoded)
      if (decoded.kind === 'format-error')
        throw new Error(`our own reply does not decode: ${decoded.why} at octet ${decoded.offset}`)
      this.#answers.push(decoded.message)
    }
    switch (checked.kind) {
      case 'drop':
        return
      case 'error':
        send(
          respond(checked.asked, errorContent(checked.rcode, checked.ede, checked.text), this.#respondSettings()).bytes,
        )
        return
      case 'query': {
        const { asked } = checked
        const dnssecOk = asked.edns?.dnssecOk ?? false
        this.#resolver.resolve(
          asked.question,
          { recursionDesired: asked.header.recursionDesired, because: 'client', trace: step => this.#trace.push(step) },
          outcome => {
            const content = contentOf({ kind: 'resolved', outcome, by: 'scenario', shareable: false }, dnssecOk)
            if (content !== null) send(respond(asked, content, this.#respondSettings()).bytes)
          },
        )
        return
      }
      default:
        checked satisfies never
    }
  }

  #respondSettings(): RespondSettings {
    const { server, tcp, tls } = this.#limits
    const { udpReplyBytes, edeTextBytes } = server
    return { udpReplyBytes, edeTextBytes, tcpIdleMs: tcp.idleMs, paddingBlock: tls.paddingBlock, nsid: null }
  }

  #checkAnswer(entry: Entry): string | null {
    const until = this.#clock.now() + simSettings.scenarioAnswerMs
    this.#clock.runUntil(() => this.#answers.length > 0 || (this.#clock.nextAt ?? until) >= until)
    const answer = this.#answers.shift()
    if (answer === undefined) return `no answer within ${simSettings.scenarioAnswerMs} ms\n${this.#openText()}`
    const wrong = differences(entry, answer)
    return wrong.length === 0 ? null : `${wrong.join('\n')}\nthe answer: ${messageText(answer)}`
  }

  #openMatching(entry: Entry, address: string | null): OpenExchange | undefined {
    return this.#network.open.find(open => {
      const query = decodeMessage(open.query)
      if (query.kind !== 'message' || (address !== null && open.server.ip.text !== ip(address).text)) return false
      return matchesQuery(entry, query.message, open.transport)
    })
  }

  #replyTo(entry: Entry, address: string | null): string | null {
    this.#clock.settle()
    const open = this.#openMatching(entry, address)
    if (open === undefined) return `no query is out that this answers\n${this.#openText()}`
    for (const { bytes } of this.#arrivals(entry, open.query)) this.#network.deliver(open, bytes)
    this.#clock.settle()
    return null
  }

  #openText(): string {
    const open = this.#network.open.map(exchange => {
      const decoded = decodeMessage(exchange.query)
      const question =
        decoded.kind === 'message' && decoded.message.question !== null ? questionText(decoded.message.question) : '?'
      return `  ${exchange.server.ip.text} ${exchange.transport}: ${question}`
    })
    return open.length === 0 ? 'no query is out' : `queries out:\n${open.join('\n')}`
  }

  /** The first entry of the first range that runs now, has the address and matches. */
  #react(query: Uint8Array, transport: Transport, at: IpAddress): Reaction {
    const silence: Reaction = { kind: 'arrivals', arrivals: [] }
    const decoded = decodeMessage(query)
    if (decoded.kind === 'format-error') return silence
    const entry = this.#scenario.ranges
      .filter(range => runs(range, this.#step, at))
      .flatMap(range => range.entries)
      .find(e => matchesQuery(e, decoded.message, transport))
    return entry === undefined ? silence : { kind: 'arrivals', arrivals: this.#arrivals(entry, query) }
  }

  #arrivals(entry: Entry, query: Uint8Array): Arrival[] {
    if (entry.adjust.some(adjustment => adjustment.kind === 'do-not-answer')) return []
    const sleepS = entry.adjust.reduce(
      (sum, adjustment) => (adjustment.kind === 'sleep' ? sum + adjustment.seconds : sum),
      0,
    )
    return adjusted(entry, query).map(bytes => ({ bytes, afterMs: sleepS * 1_000 }))
  }
}

const runs = (range: Range, step: number, at: IpAddress): boolean =>
  step >= range.from &&
  step <= range.to &&
  (range.addresses.length === 0 || range.addresses.some(address => ip(address).text === at.text))

function messageText(message: Message | undefined): string {
  if (message === undefined) return 'none'
  const errors =
    message.edns === null
      ? []
      : readExtendedErrors(message.edns).map(error => `EDE ${error.code} (${edeName(error.code)}): ${error.text}`)
  const records = [...message.answer, ...message.authority, ...message.additional].map(
    record => `  ${formatRr(record)}`,
  )
  return [replyText(replySummary(message)), ...errors, ...records].join('\n')
}

function hintsFrom(config: ScenarioConfig): Delegation {
  const addresses = config.rootAddresses.map(ip)
  return {
    zone: ROOT,
    servers: [{ name: nameOf('root-hints.'), addresses }],
    ds: null,
    expiresAt: Number.POSITIVE_INFINITY,
  }
}

function limitsFrom(config: ScenarioConfig): Limits {
  const changes: Record<string, Record<string, number>> = {}
  for (const { group, name, value } of config.limits) changes[group] = { ...changes[group], [name]: value }
  return limitsWith(changes)
}

/** Each owner of local data is a separate record-only zone. */
function localZones(config: ScenarioConfig, limits: Limits): Zone[] {
  if (config.localData.length === 0) return []
  const loaded = loadZone({
    text: `${config.localData.join('\n')}\n`,
    file: 'local-data',
    origin: ROOT,
    ttl: simSettings.scenarioTtl,
    holds: 'records',
    limits: limits.zone,
  })
  if (loaded.kind === 'invalid') throw new Error(problemLines(loaded.errors))
  return [loaded.zone]
}
