/**
 * One try of one server: the exchange and the fall-backs that stay with this server (TCP after truncation or suspected
 * spoofing, no EDNS after FORMERR, unmodified case after a mangled one). What is learnt about the server is recorded
 * here and only from replies that matched the query.
 */
import type { AskedQuestion, Message, Question } from '../dns/message.ts'
import { decodeReply } from '../dns/decode.ts'
import { foldQuestion } from '../dns/wire.ts'
import { foldName, type Name } from '../dns/name.ts'
import type { Rr } from '../dns/rrset.ts'
import type { ExchangeResult, ServerAddress, Transport } from '../ports.ts'
import { exchange, type ExchangeSpec, type Steps } from '../steps.ts'
import { classify, type Verdict } from './classify.ts'
import type { Env, Task, ZoneCut } from './env.ts'
import { replyText } from './trace.ts'

export type UsableVerdict = Exclude<Verdict, { kind: 'reject' }>

/** What came of the try. `again`: the same server may be asked once more for this question. */
export type ServerReply =
  | { readonly kind: 'usable'; readonly verdict: UsableVerdict }
  | {
      readonly kind: 'failed'
      readonly why: 'silent' | 'unreachable' | 'lame' | 'error'
      readonly text: string
      readonly again: boolean
      /**
       * It will not answer this question, and perhaps serves the zone no more (REFUSED, no authority, a referral
       * upwards).
       */
      readonly disclaims: boolean
    }
  | { readonly kind: 'budget'; readonly text: string }
  /** Nobody was asked, for want of our own. */
  | { readonly kind: 'overload'; readonly text: string }

export interface ServerAsk {
  readonly env: Env
  readonly task: Task
  readonly cut: ZoneCut
  readonly question: Question
  /** The whole name being resolved. */
  readonly name: Name
  readonly server: ServerAddress
  readonly serverName: Name
  /** Nothing is left to try with this server after this. */
  readonly lastTry: boolean
}

interface Manner {
  readonly transport: Transport
  readonly edns: boolean
  readonly mixCase: boolean
}

type Received =
  /** `octets` is null for a message of which only the header could be read. */
  | {
      readonly kind: 'message'
      readonly message: Message
      readonly octets: Uint8Array | null
      readonly verdict: Verdict
      readonly caseEchoed: boolean
    }
  | {
      readonly kind: 'nothing'
      readonly result: Exclude<ExchangeResult, { kind: 'reply' }> | { readonly kind: 'malformed' }
    }
  | { readonly kind: 'budget'; readonly text: string }

export function* askServer(ask: ServerAsk): Steps<ServerReply> {
  const { env, server } = ask
  const facts = env.caches.servers.facts(server.key, env.clock.now())
  // Some servers drop queries with EDNS (they should not: flag day 2019). The last try finds out, for this question
  // only: silence proves nothing that may be remembered, since anyone can cause it.
  const edns = facts.edns === 'ok' || (facts.edns === 'unknown' && !ask.lastTry)
  let manner: Manner = { transport: 'udp', edns, mixCase: env.settings.mixCase && facts.caseSafe !== 'no' }
  let ednsRefused = false
  let suspected = false
  for (;;) {
    const received = yield* askOnce(ask, manner)
    if (received.kind === 'budget') return received
    if (received.kind === 'nothing') {
      if (received.result.kind !== 'spoofing-suspected' || manner.transport === 'tcp')
        return nothingCame(received.result, suspected)
      suspected = true
      manner = { ...manner, transport: 'tcp' }
      continue
    }
    if (manner.mixCase && !received.caseEchoed) return yield* askUnmodified(ask, manner)
    if (manner.mixCase) env.caches.servers.caseEchoed(server.key, env.clock.now())
    const next = nextManner(manner, received.verdict, received.message)
    if (next === null) return conclude(ask, ednsRefused, received.verdict, received.message)
    ednsRefused ||= manner.edns && !next.edns
    manner = next
  }
}

/** How to ask the same server again after this verdict; null when there is nothing left to change. */
function nextManner(manner: Manner, verdict: Verdict, message: Message): Manner | null {
  if (verdict.kind !== 'reject') return null
  switch (verdict.why) {
    case 'truncated':
      return manner.transport === 'udp' ? { ...manner, transport: 'tcp' } : null
    case 'formerr':
    case 'notimp':
    case 'badvers':
      // RFC 6891 section 7: a server without EDNS says FORMERR. One that sends an OPT knows EDNS and means something
      // else.
      return manner.edns && message.edns === null ? { ...manner, edns: false } : null
    case 'lame':
    case 'upward-referral':
    case 'refused':
    case 'servfail':
    case 'other-rcode':
    case 'oversized':
    case 'malformed':
      return null
    default:
      return verdict.why satisfies never
  }
}

function conclude(ask: ServerAsk, ednsRefused: boolean, verdict: Verdict, message: Message): ServerReply {
  const { env, server } = ask
  const now = env.clock.now()
  const { servers } = env.caches
  if (verdict.kind === 'reject') return rejected(verdict)
  // Only a good answer without EDNS proves that EDNS was the trouble: a forged FORMERR alone must not downgrade
  // (CVE-2026-52690).
  const known = servers.facts(server.key, now).edns
  if (message.edns !== null) {
    if (known !== 'ok') servers.ednsWorks(server.key, now)
  } else if (ednsRefused) servers.ednsBroken(server.key, now)
  return { kind: 'usable', verdict }
}

function rejected(verdict: Extract<Verdict, { kind: 'reject' }>): ServerReply {
  switch (verdict.why) {
    case 'lame':
    case 'upward-referral':
      return { kind: 'failed', why: 'lame', text: verdict.text, again: false, disclaims: true }
    case 'refused':
      return { kind: 'failed', why: 'error', text: verdict.text, again: false, disclaims: true }
    case 'servfail':
    case 'formerr':
    case 'notimp':
    case 'badvers':
    case 'other-rcode':
    case 'truncated':
    case 'oversized':
    case 'malformed':
      return failed('error', verdict.text, false)
    default:
      return verdict.why satisfies never
  }
}

const failed = (why: 'silent' | 'unreachable' | 'error', text: string, again: boolean): ServerReply => ({
  kind: 'failed',
  why,
  text,
  again,
  disclaims: false,
})

/**
 * A server that could not be reached over TCP, to which we went only because somebody guessed IDs, gets another try:
 * else one forged datagram would take a server without TCP away.
 */
function nothingCame(
  result: Exclude<ExchangeResult, { kind: 'reply' }> | { readonly kind: 'malformed' },
  suspected: boolean,
): ServerReply {
  switch (result.kind) {
    case 'timeout':
      return failed('silent', 'no answer', true)
    case 'spoofing-suspected':
      return failed('error', 'replies that do not match', false)
    case 'unreachable':
      return failed('unreachable', result.reason, suspected)
    case 'not-sent':
      return { kind: 'overload', text: `not sent: ${result.reason}` }
    case 'malformed':
      return failed('error', 'a malformed reply', false)
    default:
      return result satisfies never
  }
}

/**
 * The server does not give back the case that it was sent, so case proves nothing here: the question is repeated
 * unmodified until enough replies agree, and put over TCP when they do not (draft-vixie-dnsext-dns0x20 section 3).
 */
function* askUnmodified(ask: ServerAsk, before: Manner): Steps<ServerReply> {
  const { limits } = ask.env
  const seen = new Map<string, number>()
  let manner: Manner = { ...before, mixCase: false }
  let ednsRefused = false
  let suspected = false
  for (let asks = 0; asks <= limits.engine.caseFallbackAsks; asks++) {
    if (asks === limits.engine.caseFallbackAsks) manner = { ...manner, transport: 'tcp' }
    const received = yield* askOnce(ask, manner)
    if (received.kind === 'budget') return received
    if (received.kind === 'nothing') {
      if (received.result.kind !== 'spoofing-suspected' || manner.transport === 'tcp')
        return nothingCame(received.result, suspected)
      suspected = true
      manner = { ...manner, transport: 'tcp' }
      continue
    }
    const next = nextManner(manner, received.verdict, received.message)
    if (next !== null) {
      ednsRefused ||= manner.edns && !next.edns
      manner = next
      continue
    }
    const print = fingerprint(received.message)
    const agreeing = (seen.get(print) ?? 0) + 1
    seen.set(print, agreeing)
    if (manner.transport === 'tcp' || agreeing >= limits.engine.caseFallbackAgreeing) {
      ask.env.caches.servers.caseLost(ask.server.key, ask.env.clock.now())
      return conclude(ask, ednsRefused, received.verdict, received.message)
    }
  }
  return failed('error', 'replies to the repeated question do not agree', false)
}

/** Equal for replies that say the same whatever the order and TTLs of their records. */
function fingerprint(message: Message): string {
  const record = (rr: Rr): string => `${foldName(rr.owner)}${rr.type}:${rr.rdata.join('.')}`
  const section = (records: readonly Rr[]): string => records.map(record).sort().join(' ')
  return `${message.rcode}|${section(message.answer)}|${section(message.authority)}`
}

/** One message and what came back. */
function* askOnce(ask: ServerAsk, manner: Manner): Steps<Received> {
  const { env, task, cut, question, server } = ask
  const before = env.clock.now()
  const denied = task.budget.takeQuery(ask.name, cut.zone, server.key, before)
  if (denied !== null) return { kind: 'budget', text: denied }
  const spec: ExchangeSpec = {
    server,
    transport: manner.transport,
    question,
    edns: manner.edns,
    mixCase: manner.mixCase,
    timeoutMs: timeout(ask, manner, before),
  }
  env.caches.servers.silences.asked(server.key, cut.zone, before)
  const result = yield* exchange(spec)
  const received = receive(ask, result)
  observe(ask, manner, before, result)
  tell(ask, manner, before, received)
  return received
}

function timeout(ask: ServerAsk, manner: Manner, now: number): number {
  const { upstream } = ask.env.limits
  const base =
    manner.transport === 'tcp' ? upstream.tcpTimeoutMs : ask.env.caches.servers.timeoutFor(ask.server.key, now)
  const jitter = ask.env.random.below(1 + Math.floor((base * upstream.jitterPermille) / 1_000))
  return Math.max(1, Math.min(base + jitter, ask.task.budget.deadline - now))
}

function receive(ask: ServerAsk, result: ExchangeResult): Received {
  if (result.kind !== 'reply') return { kind: 'nothing', result }
  ask.task.budget.received(result.bytes.length)
  if (result.caseEchoed && result.decoded === undefined) foldQuestion(result.bytes)
  const decoded = result.decoded ?? decodeReply(result.bytes)
  if (decoded.kind === 'format-error') {
    // A reply cut short by a size limit still says TC: that much is readable (RFC 2181 section 9).
    if (decoded.header?.truncated !== true) return { kind: 'nothing', result: { kind: 'malformed' } }
    return cutShort(decoded.header, decoded.question, result.caseEchoed)
  }
  const { question, cut, env } = ask
  const verdict = classify(
    { question, zone: cut.zone, hardenGlue: env.settings.hardenGlue },
    decoded.message,
    env.limits.engine,
  )
  return { kind: 'message', message: decoded.message, octets: result.bytes, verdict, caseEchoed: result.caseEchoed }
}

function cutShort(
  header: Omit<Message, 'question' | 'answer' | 'authority' | 'additional' | 'edns'>,
  question: AskedQuestion | null,
  caseEchoed: boolean,
): Received {
  const message: Message = { ...header, question, answer: [], authority: [], additional: [], edns: null }
  return {
    kind: 'message',
    message,
    octets: null,
    verdict: { kind: 'reject', why: 'truncated', text: 'truncated' },
    caseEchoed,
  }
}

function observe(ask: ServerAsk, manner: Manner, before: number, result: ExchangeResult): void {
  const { env, server, cut } = ask
  const now = env.clock.now()
  const { servers } = env.caches
  switch (result.kind) {
    case 'reply':
      if (manner.transport === 'udp') servers.heard(server.key, result.rttMs, now)
      servers.silences.replied(server.key, cut.zone)
      servers.familyHeard(server.ip.family, now)
      return
    case 'timeout':
      if (manner.transport === 'udp') {
        servers.timedOut(server.key, before, now)
        servers.silences.timedOut(server.key, cut.zone, now)
      }
      return
    case 'unreachable':
      if (result.family) servers.familyUnreachable(server.ip.family, now)
      else if (manner.transport === 'udp') servers.timedOut(server.key, before, now)
      return
    case 'spoofing-suspected':
    case 'not-sent':
      return
    default:
      result satisfies never
  }
}

function tell(ask: ServerAsk, manner: Manner, before: number, received: Received): void {
  const { env, task, cut, question, server, serverName } = ask
  if (task.trace === null || received.kind === 'budget') return
  const [came, verdict, decided] = words(received, manner)
  const atMs = before
  const tookMs = env.clock.now() - before
  task.trace({
    kind: 'exchange',
    id: task.id,
    depth: task.depth,
    atMs,
    tookMs,
    server,
    serverName,
    zone: cut.zone,
    transport: manner.transport,
    question,
    came,
    verdict,
    decided,
  })
}

function words(received: Exclude<Received, { kind: 'budget' }>, manner: Manner): [string, string, string] {
  if (received.kind === 'nothing') {
    const { result } = received
    if (result.kind === 'not-sent') return [`not sent: ${result.reason}`, 'not sent', 'give up']
    if (result.kind === 'unreachable') return [`unreachable: ${result.reason}`, 'unreachable', 'another server']
    if (result.kind === 'spoofing-suspected')
      return [`${result.mismatches} replies that do not match`, 'spoofing suspected', 'ask over TCP']
    return [result.kind === 'timeout' ? 'nothing' : 'a malformed reply', result.kind, 'another server or another try']
  }
  const { message, verdict } = received
  const came = replyText(message, received.octets)
  if (manner.mixCase && !received.caseEchoed) return [came, 'case not echoed', 'repeat the question unmodified']
  const next = nextManner(manner, verdict, message)
  if (next !== null)
    return [
      came,
      verdict.kind === 'reject' ? verdict.why : verdict.kind,
      next.transport !== manner.transport ? 'ask over TCP' : 'ask without EDNS',
    ]
  return [came, verdict.kind === 'reject' ? verdict.why : verdict.kind, decision(verdict)]
}

function decision(verdict: Verdict): string {
  switch (verdict.kind) {
    case 'answer':
      return verdict.lastResort ? 'use it only if no other server answers with authority' : 'use it'
    case 'alias':
      return 'follow the alias'
    case 'referral':
      return 'ask the servers of the child zone'
    case 'nodata':
    case 'nxdomain':
      return 'the denial stands'
    case 'alias-trouble':
      return 'give up: the alias chain does not end'
    case 'reject':
      return 'another server'
    default:
      return verdict satisfies never
  }
}
