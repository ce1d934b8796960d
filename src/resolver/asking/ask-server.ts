/**
 * One try of one server: the exchange and the fall-backs that stay with this server (TCP after truncation or suspected
 * spoofing, no EDNS after FORMERR, unmodified case after a mangled one). What is learnt about the server is recorded
 * here and only from replies that matched the query.
 *
 * One loop: a message is sent, what came is decided upon once, and the trace says what was decided.
 */
import type { AskedQuestion, Message } from '../../dns/message.ts'
import { decodeReply } from '../../dns/decode.ts'
import { foldQuestion } from '../../dns/wire.ts'
import { foldName, hasLetters, ROOT } from '../../dns/name.ts'
import type { Rr } from '../../dns/rrset.ts'
import { formatName } from '../../presentation/text.ts'
import type { ExchangeResult } from '../../ports.ts'
import { exchange, type ExchangeSpec, type Steps } from '../../steps.ts'
import { classify, type Rejection, type Verdict } from '../classify.ts'
import { forwardZonesFor } from '../env.ts'
import { isIntercepted } from '../interception.ts'
import type {
  Again,
  Attempt,
  CameMessage,
  Decision,
  Nothing,
  Received,
  ServerAsk,
  ServerFailure,
  ServerReply,
} from './attempt.ts'
import { cookieStep, fateOf, firstCookieUse, isSent, lessonOf, serverCookieOf } from './cookies.ts'
import { considerProbe, encryptedAddress, noteEncryption, type Way, wayTo } from './encryption.ts'
import { notSentText, type ServerTrouble } from './failure-text.ts'
import { traceExchange } from './trace-exchange.ts'

export function* askServer(ask: ServerAsk): Steps<ServerReply> {
  const { env, task, cut, server } = ask
  const way = wayTo(env, cut, server, ask.triedBefore)
  if (way === 'clear') considerProbe(env, cut, server, ask.question)
  let attempt = firstAttempt(ask, way)
  for (;;) {
    const before = env.clock.now()
    // All queries of a client may go to one server that resolves for us.
    const denied = task.budget.takeQuery(ask.name, cut.zone, isForwarded(ask) ? null : server.key, before)
    if (denied !== null) return { kind: 'budget', text: denied }
    const limited = aboveRate(ask, before)
    if (limited !== null) return { kind: 'overload', text: limited }
    const received = yield* askOnce(ask, attempt, before)
    const decision = decide(ask, attempt, received)
    if (task.trace !== null) traceExchange(ask, attempt, before, received, decision)
    if (decision.kind !== 'again') return decision
    attempt = decision.attempt
  }
}

/** Null: it may go out. Who forwards has an agreement with whom it asks. */
function aboveRate(ask: ServerAsk, now: number): string | null {
  const { env, cut } = ask
  const perSecond = env.settings().zoneQueriesPerSecond
  if (perSecond === undefined || env.zoneRates === undefined || isForwarded(ask)) return null
  if (env.zoneRates.takes(cut.zone, perSecond, now)) return null
  return `limit of ${perSecond} queries a second to the servers of ${formatName(cut.zone)} reached`
}

const isForwarded = ({ cut }: ServerAsk): boolean => cut.configured?.kind === 'forward'

function firstAttempt({ env, server, flags, triedBefore, othersFail, lastTry }: ServerAsk, way: Way): Attempt {
  const facts = env.caches.servers.facts(server.key, env.clock.now())
  const { caseSafe } = facts
  const isClear = way === 'clear' && server.secure === undefined
  return {
    transport: isClear ? 'udp' : (server.secure?.transport ?? 'tls'),
    way,
    // CD=0 first: a resolver that validates can mend what one that is told not to hands out as it is (BIND 9.21.7).
    checkingDisabled: flags?.checkingDisabled ?? false,
    // Some servers drop queries with EDNS (they should not: flag day 2019). The last try finds out, for this question
    // only: silence proves nothing that may be remembered, since anyone can cause it.
    edns: flags?.edns ?? (facts.edns === 'ok' || (facts.edns === 'unknown' && (!lastTry || !isClear))),
    cookie: firstCookieUse(isClear && env.settings().cookies === true, facts, triedBefore),
    // Silence may be about upper case as well: of a server of which nothing is known only the first try has it. The
    // next has EDNS still, without which a signed zone is of no use.
    mixCase:
      env.settings().mixCase &&
      isClear &&
      (caseSafe === 'yes' || (caseSafe === 'unknown' && !triedBefore && !othersFail)),
    letters: caseSafe === 'unknown' ? 'unknown' : 'known',
    ednsRefused: false,
    suspected: false,
    replies: null,
  }
}

/**
 * What follows from one message. Bounded: each attempt after the first gives up mixed case, UDP or EDNS, or is one of
 * the `caseFallbackAsks` repetitions.
 */
function decide(ask: ServerAsk, attempt: Attempt, received: Received): Decision {
  if (attempt.way === 'encrypted' && isOfNoUse(received)) return inClear(ask, received)
  if (received.kind === 'nothing') {
    if (received.result.kind === 'spoofing-suspected' && attempt.transport === 'udp')
      return { kind: 'again', decided: 'ask-over-tcp', attempt: { ...attempt, transport: 'tcp', suspected: true } }
    // Some servers answer EDNS with nonsense (DVE-2017-0012).
    if (received.result.kind === 'malformed' && attempt.edns)
      return isSent(attempt) ? withoutCookie(attempt) : withoutEdns(attempt)
    return noReply(received.result, attempt.suspected)
  }
  const { verdict, message } = received
  const step = aboutCookie(ask, attempt, received)
  if (step !== null) return step
  if (attempt.mixCase && !received.caseEchoed)
    return { kind: 'again', decided: 'ask-unmodified', attempt: { ...attempt, mixCase: false, replies: [] } }
  const again =
    nextAttempt(withKnownLetters(ask, attempt, verdict), verdict, message) ??
    unchecked(ask, attempt, verdict) ??
    inPlainLetters(attempt, verdict) ??
    withoutCopiedEdns(ask, attempt, verdict)
  if (again === null || again.attempt.mixCase) noteLetters(ask, attempt, verdict)
  return again ?? repetition(ask, attempt, message) ?? conclude(ask, attempt, received)
}

/** Keeps the cookie of a reply that is the server's by its client cookie, whatever else it says. */
function aboutCookie(
  { env, server }: ServerAsk,
  attempt: Attempt,
  { cookie, verdict, message }: CameMessage,
): Again | null {
  if (cookie === 'not-sent') return null
  const { servers } = env.caches
  const now = env.clock.now()
  const step = cookieStep(attempt, cookie, verdict, servers.facts(server.key, now))
  const given = cookie === 'good' ? serverCookieOf(message) : ''
  if (given !== '') servers.cookieCame(server.key, given, now)
  return step === null ? null : { kind: 'again', decided: step.decided, attempt: { ...attempt, ...step.change } }
}

const withoutCookie = (attempt: Attempt): Again => ({
  kind: 'again',
  decided: 'ask-without-cookie',
  attempt: { ...attempt, cookie: 'refused' },
})

/** Nothing that is wrong over TLS alone may be to anybody's harm (RFC 9539 section 4.6). */
const isOfNoUse = (received: Received): boolean => received.kind === 'nothing' || received.verdict.kind === 'reject'

const inClear = (ask: ServerAsk, received: Received): Again => ({
  kind: 'again',
  decided: 'ask-in-clear',
  attempt: { ...firstAttempt(ask, 'clear'), way: received.kind === 'message' ? 'refused-encrypted' : 'clear' },
})

/**
 * Some servers err on upper case, or deny what they have (DVE-2017-0006); null for all others. If they erred without
 * EDNS too, it was not about EDNS.
 */
const inPlainLetters = (attempt: Attempt, verdict: Verdict): Again | null =>
  attempt.mixCase && attempt.letters === 'unknown' && (isError(verdict) || isBareDenial(verdict))
    ? {
        kind: 'again',
        decided: 'ask-unmodified',
        attempt: {
          ...attempt,
          mixCase: false,
          letters: 'erred',
          edns: attempt.edns || attempt.ednsRefused,
          ednsRefused: false,
        },
      }
    : null

/** An error to plain letters as well: whatever follows is not about the letters. */
function withKnownLetters(ask: ServerAsk, attempt: Attempt, verdict: Verdict): Attempt {
  if (attempt.letters !== 'erred' || !isError(verdict)) return attempt
  noteLetters(ask, attempt, verdict)
  return { ...attempt, letters: 'known' }
}

/** What it says to plain letters as well is not about the letters. */
function noteLetters({ env, question, server }: ServerAsk, { mixCase, letters }: Attempt, verdict: Verdict): void {
  if (!hasLetters(question.name)) return
  const { servers } = env.caches
  const now = env.clock.now()
  if (mixCase) servers.caseEchoed(server.key, now)
  else if (letters === 'erred' && (isError(verdict) || verdict.kind === 'nxdomain')) servers.caseEchoed(server.key, now)
  else if (letters === 'erred') servers.caseLost(server.key, now)
}

function isError(verdict: Verdict): boolean {
  if (verdict.kind !== 'reject') return false
  switch (verdict.why) {
    case 'refused':
    case 'formerr':
    case 'servfail':
    case 'notimp':
    case 'other-rcode':
      return true
    case 'lame':
    case 'upward-referral':
    case 'badvers':
    case 'badcookie':
    case 'truncated':
    case 'oversized':
    case 'malformed':
      return false
    default:
      return verdict.why satisfies never
  }
}

/** Without NSEC or NSEC3 records, which would have to prove it. */
const isBareDenial = (verdict: Verdict): boolean => verdict.kind === 'nxdomain' && verdict.proof.length === 0

/** How to ask the same server again after this verdict; null when there is nothing left to change. */
function nextAttempt(attempt: Attempt, verdict: Verdict, message: Message): Again | null {
  if (verdict.kind !== 'reject') return null
  switch (verdict.why) {
    case 'truncated':
      return attempt.transport === 'udp'
        ? { kind: 'again', decided: 'ask-over-tcp', attempt: { ...attempt, transport: 'tcp' } }
        : null
    case 'formerr':
    case 'notimp':
    case 'badvers':
      // RFC 6891 section 7: a server without EDNS says FORMERR. One that sends an OPT mostly means something else.
      return attempt.edns && message.edns === null ? withoutEdns(attempt) : null
    case 'badcookie':
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

/**
 * SERVFAIL from a server that resolves for us may be its opinion of signatures: where we validate ourselves we want to
 * see the data (RFC 4035 section 3.2.2). Where nothing is validated here its opinion is the only one.
 */
function unchecked(ask: ServerAsk, attempt: Attempt, verdict: Verdict): Again | null {
  if (!isForwarded(ask) || attempt.checkingDisabled || verdict.kind !== 'reject' || verdict.why !== 'servfail')
    return null
  const { validate, points } = ask.env.validation()
  if (!validate || points.isEmpty) return null
  return { kind: 'again', decided: 'ask-unchecked', attempt: { ...attempt, checkingDisabled: true } }
}

/**
 * Some servers turn a query with EDNS into a FORMERR of the same records, OPT included. One that is known to speak EDNS
 * means something else. Nothing is learnt of it: the OPT record may as well be the server's own.
 */
const withoutCopiedEdns = ({ env, server }: ServerAsk, attempt: Attempt, verdict: Verdict): Again | null =>
  attempt.edns &&
  verdict.kind === 'reject' &&
  verdict.why === 'formerr' &&
  env.caches.servers.facts(server.key, env.clock.now()).edns === 'unknown'
    ? { kind: 'again', decided: 'ask-without-edns', attempt: { ...attempt, edns: false, cookie: 'none' } }
    : null

const withoutEdns = (attempt: Attempt): Again => ({
  kind: 'again',
  decided: 'ask-without-edns',
  attempt: { ...attempt, edns: false, ednsRefused: true, cookie: 'none' },
})

/**
 * A server that does not give back the case that it was sent: case proves nothing here, so the question is repeated
 * unmodified until enough replies agree, and put over TCP when they do not (draft-vixie-dnsext-dns0x20 section 3). Null
 * when they agree, and for any other server.
 */
function repetition({ env, server }: ServerAsk, attempt: Attempt, message: Message): Again | null {
  if (attempt.replies === null) return null
  const { caseFallbackAgreeing, caseFallbackAsks } = env.limits.engine
  const said = fingerprint(message)
  const replies = [...attempt.replies, said]
  if (attempt.transport === 'tcp' || replies.filter(other => other === said).length >= caseFallbackAgreeing) {
    env.caches.servers.caseLost(server.key, env.clock.now())
    return null
  }
  return replies.length < caseFallbackAsks
    ? { kind: 'again', decided: 'ask-again', attempt: { ...attempt, replies } }
    : { kind: 'again', decided: 'ask-over-tcp', attempt: { ...attempt, replies, transport: 'tcp' } }
}

function conclude(
  { env, server }: ServerAsk,
  attempt: Attempt,
  { verdict, message, octets, cookie }: CameMessage,
): Decision {
  const now = env.clock.now()
  const { servers } = env.caches
  if (verdict.kind === 'reject')
    return { kind: 'failed', trouble: verdict, again: false, octets, disclaims: doesDisclaim(verdict) }
  if (attempt.way === 'refused-encrypted') servers.encryptionEvent(server.key, 'contradicted', now)
  // Only a good answer without EDNS proves that EDNS was the trouble: a forged FORMERR alone must not downgrade
  // (CVE-2026-52690).
  const known = servers.facts(server.key, now).edns
  if (message.edns !== null) {
    if (known !== 'ok') servers.ednsWorks(server.key, now)
  } else if (attempt.ednsRefused) servers.ednsBroken(server.key, now)
  const lesson = lessonOf(attempt, cookie, message.edns !== null)
  if (lesson !== null && (lesson !== 'fine' || servers.facts(server.key, now).cookies !== 'fine'))
    servers.cookiesAre(server.key, lesson, now)
  return { kind: 'usable', verdict, octets }
}

const doesDisclaim = ({ why }: Rejection): boolean => why === 'lame' || why === 'upward-referral' || why === 'refused'

/**
 * A server that could not be reached over TCP, to which we went only because somebody guessed IDs, gets another try:
 * else one forged datagram would take a server without TCP away.
 */
function noReply(result: Nothing, suspected: boolean): Decision {
  switch (result.kind) {
    case 'timeout':
      return failed({ kind: 'timeout' }, true)
    case 'spoofing-suspected':
      return failed({ kind: 'spoofing-suspected' }, false)
    case 'unreachable':
      return failed({ kind: 'unreachable', reason: result.reason }, suspected)
    case 'unverified':
      return failed({ kind: 'unverified', reason: result.reason }, false)
    case 'http-status':
      return failed({ kind: 'http-status', status: result.status }, false)
    case 'not-sent':
      return { kind: 'overload', text: notSentText(result.reason) }
    case 'malformed':
      return failed({ kind: 'malformed' }, false)
    default:
      return result satisfies never
  }
}

const failed = (trouble: ServerTrouble, again: boolean): ServerFailure => ({
  kind: 'failed',
  trouble,
  again,
  octets: null,
  disclaims: false,
})

/** Equal for replies that say the same whatever the order and TTLs of their records. */
function fingerprint(message: Message): string {
  const record = (rr: Rr): string => `${foldName(rr.owner)}${rr.type}:${rr.rdata.join('.')}`
  const section = (records: readonly Rr[]): string => records.map(record).sort().join(' ')
  return `${message.rcode}|${section(message.answer)}|${section(message.authority)}`
}

/** One message and what came back. */
function* askOnce(ask: ServerAsk, attempt: Attempt, before: number): Steps<Received> {
  const { env, cut, question, server } = ask
  const { encryption } = env.settings()
  const spec: ExchangeSpec = {
    server:
      isToZoneOverTls(ask, attempt) && encryption !== undefined ? encryptedAddress(server, encryption.port) : server,
    transport: attempt.transport,
    question,
    edns: attempt.edns,
    mixCase: attempt.mixCase,
    cookie: cookieFor(ask, attempt, before),
    recursionDesired: ask.flags?.recursionDesired ?? isForwarded(ask),
    checkingDisabled: attempt.checkingDisabled,
    dnssecOk: ask.flags?.dnssecOk ?? true,
    timeoutMs: timeout(ask, attempt, before),
  }
  env.caches.servers.unresponsive.asked(server.key, cut.zone, before)
  const result = yield* exchange(spec)
  const received = receive(ask, spec, result)
  observe(ask, attempt, before, result)
  return received
}

function cookieFor({ env, server }: ServerAsk, attempt: Attempt, now: number): Uint8Array | undefined {
  if (!attempt.edns || !isSent(attempt)) return undefined
  return env.clientCookies?.option(server, env.caches.servers.facts(server.key, now), now)
}

const isToZoneOverTls = ({ server }: ServerAsk, { transport }: Attempt): boolean =>
  transport === 'tls' && server.secure === undefined

function timeout(ask: ServerAsk, attempt: Attempt, now: number): number {
  const { upstream } = ask.env.limits
  const { least, most } = ask.waitMs
  const known = ask.env.caches.servers.timeoutFor(ask.server.key, now)
  const base =
    attempt.way === 'encrypted'
      ? upstream.encryptedTimeoutMs
      : ask.server.secure !== undefined || attempt.way === 'always-encrypted'
        ? Math.min(upstream.secureMaxTimeoutMs, Math.max(upstream.secureMinTimeoutMs, known))
        : attempt.transport === 'tcp'
          ? upstream.tcpTimeoutMs
          : Math.min(most, Math.max(least, known))
  const jitter = ask.env.random.below(1 + Math.floor((base * upstream.jitterPermille) / 1_000))
  return Math.max(1, Math.min(base + jitter, ask.task.budget.deadline - now))
}

function receive(ask: ServerAsk, { cookie }: ExchangeSpec, result: ExchangeResult): Received {
  if (result.kind !== 'reply') return { kind: 'nothing', result }
  ask.task.budget.received(result.bytes.length)
  if (result.caseEchoed && result.decoded === undefined) foldQuestion(result.bytes)
  const decoded = result.decoded ?? decodeReply(result.bytes)
  if (decoded.kind === 'format-error') {
    // A reply cut short by a size limit still says TC: that much is readable (RFC 2181 section 9).
    if (decoded.header?.truncated !== true) return { kind: 'nothing', result: { kind: 'malformed' } }
    return cutShort(decoded.header, decoded.question, result.caseEchoed)
  }
  const { question, cut, env, task } = ask
  if (cut.zone === ROOT && cut.configured === undefined) lookForInterception(ask, decoded.message)
  const verdict = classify(
    {
      question,
      zone: cut.zone,
      hardenGlue: env.settings().hardenGlue,
      forwarded: isForwarded(ask),
      isElsewhere: forwardZonesFor(env, task).othersThan(question),
    },
    decoded.message,
    env.limits.engine,
  )
  const { message } = decoded
  const { bytes: octets, caseEchoed } = result
  return { kind: 'message', message, octets, verdict, caseEchoed, cookie: fateOf(cookie, message) }
}

/** Only where denials are to be proven do they have to bring proofs. */
function lookForInterception({ env, server }: ServerAsk, message: Message): void {
  const now = env.clock.now()
  const isSigned = env.validation().points.at(ROOT) !== undefined
  if (env.interception.saw(server.ip.text, isIntercepted(message, isSigned), now))
    env.events({ kind: 'port-53-intercepted', server: server.ip.text })
}

function cutShort(
  header: Omit<Message, 'question' | 'answer' | 'authority' | 'additional' | 'edns'>,
  question: AskedQuestion | null,
  caseEchoed: boolean,
): Received {
  const message: Message = { ...header, question, answer: [], authority: [], additional: [], edns: null }
  const verdict: Rejection = { kind: 'reject', why: 'truncated', rcode: header.rcode, lame: null }
  return { kind: 'message', message, octets: null, verdict, caseEchoed, cookie: 'not-sent' }
}

function observe(ask: ServerAsk, attempt: Attempt, before: number, result: ExchangeResult): void {
  const { env, server, cut } = ask
  const now = env.clock.now()
  const { servers } = env.caches
  // What a server does over TCP after UDP says nothing of its round trips.
  const isUsual = attempt.transport !== 'tcp'
  if (isToZoneOverTls(ask, attempt)) {
    noteEncryption(env, server, result)
    // It is asked in clear now, and by that it is judged.
    if (attempt.way === 'encrypted' && result.kind !== 'reply') return
  }
  if (cut.configured !== undefined) observeUpstream(ask, result, now)
  switch (result.kind) {
    case 'reply':
      if (isUsual) servers.heard(server.key, result.rttMs, now)
      servers.unresponsive.replied(server.key, cut.zone)
      servers.familyHeard(server.ip.family, now)
      return
    case 'timeout':
      if (isUsual) {
        servers.timedOut(server.key, before, now)
        servers.unresponsive.timedOut(server.key, cut.zone, now)
      }
      return
    case 'unreachable':
      if (result.family) servers.familyUnreachable(server.ip.family, now)
      else if (isUsual) servers.timedOut(server.key, before, now)
      return
    case 'unverified':
    case 'http-status':
    case 'spoofing-suspected':
    case 'not-sent':
      return
    default:
      result satisfies never
  }
}

/** What the other questions to servers of the operator's choice should know. */
function observeUpstream({ env, server: { key } }: ServerAsk, result: ExchangeResult, now: number): void {
  const { upstreams } = env.caches.servers
  switch (result.kind) {
    case 'reply':
      upstreams.replied(key)
      return
    case 'http-status':
      if (result.status === TOO_MANY_REQUESTS || result.status === SERVICE_UNAVAILABLE)
        upstreams.askedToWait(key, result.retryAfterMs, now)
      else upstreams.failed(key, now, n => env.random.below(n))
      return
    case 'timeout':
    case 'unreachable':
    case 'unverified':
      upstreams.failed(key, now, n => env.random.below(n))
      if (result.kind === 'timeout') env.suspectLoop()
      return
    case 'spoofing-suspected':
    case 'not-sent':
      return
    default:
      result satisfies never
  }
}

/** RFC 6585 section 4, RFC 9110 section 15.6.4. */
const TOO_MANY_REQUESTS = 429
const SERVICE_UNAVAILABLE = 503
