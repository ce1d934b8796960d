/**
 * RFC 1034 section 5.3.3 as one loop: what is known, else the closest zone cut, ask, follow. No clock, no socket, no
 * promise: the world is reached only at `yield*`.
 */
import type { DelegatedServer } from '../cache/delegations.ts'
import type { CachedFailure } from '../cache/failure-cache.ts'
import { Trust } from '../cache/trust.ts'
import type { Question } from '../dns/message.ts'
import { labelCount, ROOT, type Name } from '../dns/name.ts'
import type { RRset } from '../dns/rrset.ts'
import { EdeCode, RrType } from '../dns/types.ts'
import type { FailureReason, Outcome, Steps } from '../steps.ts'
import { askZone, type ZoneFailure } from './asking/ask-zone.ts'
import type { Referral } from './classify.ts'
import { asFallback, isIntercepted, isOfParent, withCure } from './configured.ts'
import { cutWithout, startingCut } from './cuts.ts'
import { note, type Env, type Task, type ZoneCut } from './env.ts'
import { firstAliasOf, withoutHints, type KnownOfNames } from './hints.ts'
import { minimise, type MinimiseMode } from './minimise.ts'
import { behindChain, bogusFailure, failure, failureFacts, isRelative, secure, type Failure } from './outcome.ts'
import { deepestZone, recall, type Recalled } from './recall.ts'
import { forget, remember, rememberReferral } from './remember.ts'
import { askOthers, fromOthers, othersFor, shareWith, type Others } from './shared.ts'
import { extend, finish, newTrail } from './trail.ts'
import type { Unproven } from './validation/context.ts'
import { outcomeOf, withoutValidation, type FinalVerdict, type Judged } from './validation/judged.ts'
import { validateVerdict, type Received } from './validation/validate-verdict.ts'

type Walked =
  | { readonly kind: 'verdict'; readonly verdict: FinalVerdict; readonly cut: ZoneCut; readonly server: string }
  | ZoneFailure

/** A verdict that may be used: validated where validation is wanted. */
type Settled =
  | {
      readonly kind: 'settled'
      readonly judged: Judged
      /** Whose servers said so. */
      readonly zone: Name
    }
  | { readonly kind: 'failure'; readonly failure: Failure }

export function* resolve(env: Env, task: Task): Steps<Outcome> {
  const others = othersFor(env, task)
  const outcome = yield* follow(env, task, others)
  return others === null ? outcome : fromOthers(outcome, others)
}

/** `others` are other instances; null: there are none, or it is not for a client. */
function* follow(env: Env, task: Task, others: Others | null): Steps<Outcome> {
  const trail = newTrail()
  // No more than aliases may be followed: a list is enough.
  let asked: readonly Name[] = NO_NAMES
  let question = task.question
  let namedBy: Name | null = null
  for (;;) {
    if (asked.includes(question.name)) return failure('alias-chain', 'the alias chain is a loop', trail.rrsets)
    asked = [...asked, question.name]
    const failed = task.fresh ? undefined : env.caches.failures.find(question, env.clock.now())
    // Data that did not validate a moment ago is not validated again for each that asks; with CD it is still given.
    if (task.checking && failed !== undefined && isForValidating(failed)) return bogusFailure(failed.ede, failed.text)
    let known = recall(env, task, question)
    if (known.kind === 'unknown' && others !== null && (yield* askOthers(env, task, question, others)))
      known = recall(env, task, question)
    if (known.kind === 'done') return finish(trail, known.outcome)
    if (known.kind === 'alias') {
      trail.authoritative ??= known.authoritative
      extend(trail, known.rrsets, known.proof, known.security)
      if (!task.followsAliases) return finish(trail, nothingMore)
      const over = task.budget.takeAliases(1)
      if (over !== null) return failure('alias-chain', over, trail.rrsets)
      question = { ...question, name: known.target }
      namedBy = null
      continue
    }
    trail.authoritative ??= false
    const settled: Settled = yield* settle(env, task, question, { known, failed, namedBy })
    if (settled.kind === 'failure') return fail(env, task, question, settled.failure, trail.rrsets)
    const outcome = outcomeOf(settled.judged, env.caches.ttls)
    if (outcome.kind === 'failure') return fail(env, task, question, outcome, trail.rrsets)
    if (others !== null) shareWith(env, task, question, others)
    const { verdict } = settled.judged
    const over = task.budget.takeAliases(verdict.chain.steps)
    if (verdict.kind !== 'alias') {
      succeeded(env, task, question)
      return over === null ? finish(trail, outcome) : failure('alias-chain', over, trail.rrsets)
    }
    extend(trail, outcome.rrsets, outcome.proof, outcome.security)
    if (!task.followsAliases) return finish(trail, nothingMore)
    if (over !== null) return failure('alias-chain', over, trail.rrsets)
    question = { ...question, name: verdict.target }
    namedBy = settled.zone
  }
}

const NO_NAMES: readonly Name[] = Object.freeze([])

/** After an alias that is not followed: it is the answer. */
const nothingMore: Outcome = Object.freeze({
  kind: 'answer',
  rrsets: [],
  proof: [],
  security: secure,
  authoritative: false,
  additional: [],
})

/**
 * RFC 9520. What is remembered at the top only is so by the scheduler, which knows where the top is. What was asked
 * ahead of time costs no client its answer: the one that comes when the old answer has expired asks again.
 */
function fail(env: Env, task: Task, question: Question, failed: Failure, chain: readonly RRset[]): Outcome {
  if (!task.fresh && failureFacts[failed.why].remembered === 'always')
    env.caches.failures.put(question, failed, env.clock.now())
  return behindChain(chain, failed)
}

function succeeded(env: Env, task: Task, question: Question): void {
  // That it resolves says nothing about its signatures, as long as they were not checked. Looked up again: another
  // resolution may have found out meanwhile that it is bogus.
  const remembered = task.checking ? undefined : env.caches.failures.find(question, env.clock.now())
  if (remembered === undefined || !isForValidating(remembered)) env.caches.failures.succeeded(question)
}

const isForValidating = ({ why }: CachedFailure): boolean => failureFacts[why].heldAgainst === 'validating'

/** What is known of a question before its servers are asked. */
interface ToSettle {
  readonly known: Extract<Recalled, { kind: 'unvalidated' | 'cut' | 'unknown' }>
  /** A failure of the question that is still remembered. */
  readonly failed: CachedFailure | undefined
  /** The zone whose servers have just named the name as a target: nothing is left to hide from them. */
  readonly namedBy: Name | null
}

/** What the cache has unvalidated, else what the servers say: validated, and remembered with what was found. */
function* settle(env: Env, task: Task, question: Question, { known, failed, namedBy }: ToSettle): Steps<Settled> {
  const evidence = task.checking ? new Map<Name, Referral>() : null
  if (evidence !== null && known.kind === 'unvalidated') {
    const { zone } = startingCut(env, task, question, null)
    const verdict = asFarAsFollowed(task, known.verdict)
    const result = yield* validateVerdict(env, task, { zone, question, verdict, evidence })
    // The delegation that this came through may be gone: then it is not kept for longer than its TTL.
    if (result.kind === 'judged') return keep(env, { zone, expiresAt: 0 }, question, result)
    if (result.kind === 'limit') return { kind: 'failure', failure: budgetFailure(task, result) }
    note(task, { kind: 'cached-data-bogus' })
    forget(env, question, known.verdict)
  }
  if (failed !== undefined && !isForValidating(failed))
    return { kind: 'failure', failure: failure('cached', failed.text) }
  const localCut = known.kind === 'cut' ? known.cut : null
  const walked = yield* walk(env, task, { question, localCut, evidence, namedBy })
  if (walked.kind === 'failure') return { kind: 'failure', failure: withCure(env, task, question, walked.failure) }
  if (evidence !== null) return yield* validateWalked(env, task, question, walked, evidence)
  return keep(env, walked.cut, question, withoutValidation(asFarAsFollowed(task, walked.verdict)))
}

type Answered = Extract<Walked, { kind: 'verdict' }>

/** What the servers of a forward zone say and does not validate may be asked for elsewhere, where that is wanted. */
function* validateWalked(
  env: Env,
  task: Task,
  question: Question,
  walked: Answered,
  evidence: Map<Name, Referral>,
): Steps<Settled> {
  const settled = yield* validateReplies(env, task, question, walked, evidence)
  if (settled.kind !== 'failure' || settled.failure.why !== 'bogus') return settled
  const { configured } = walked.cut
  if (configured?.recurseOnFailure === true) {
    note(task, { kind: 'recursing', zone: configured.zone })
    const start = cutWithout(env, task, question, configured)
    const again = yield* walkFrom(env, task, {
      question,
      start,
      failed: null,
      evidence,
      avoid: undefined,
      namedBy: null,
    })
    if (again.kind === 'verdict') return yield* validateReplies(env, task, question, again, evidence)
  }
  return { kind: 'failure', failure: withCure(env, task, question, settled.failure) }
}

/**
 * Work that ran out. Spent on signatures by the client's own question it speaks of the data, which CD=1 may still have.
 */
function budgetFailure(
  task: Task,
  { text, why = 'budget' }: { readonly text: string; readonly why?: FailureReason },
): Failure {
  const ofData = why === 'budget' && task.depth === 0 && task.budget.isSpentOnValidation
  return ofData ? bogusFailure(EdeCode.DnssecBogus, text) : failure(why, text)
}

/** A verdict without what follows an alias that is not followed. */
const asFarAsFollowed = (task: Task, verdict: FinalVerdict): FinalVerdict =>
  task.followsAliases ? verdict : (firstAliasOf(verdict, task.question.type) ?? verdict)

/**
 * Remembers what is known now. Where what follows an alias is no more than a hint, that is the aliases before it, and
 * where they lead is asked for. `cut` is that of the servers that said it.
 */
function keep(env: Env, cut: Pick<ZoneCut, 'zone' | 'expiresAt'>, question: Question, judged: Judged): Settled {
  const { zone, expiresAt } = cut
  // Nearly all replies have no alias.
  const found = judged.aliases.length === 0 ? judged : withoutHints(judged, zone, knownNames(env, question))
  const kept = asFallback(env, zone, question, found)
  if (!isOfParent(env, question, kept)) remember(env, question, kept, expiresAt)
  return { kind: 'settled', judged: kept, zone }
}

/** What is known of names that a reply speaks of after an alias, from elsewhere than this reply. */
function knownNames(env: Env, { type, class: klass }: Question): KnownOfNames {
  const now = env.clock.now()
  return {
    deepestZone: name => deepestZone(env, name, type, now),
    held: name => {
      const entry = env.caches.rrsets.get(name, type, klass, now)
      if (entry === undefined) return 'nothing'
      return entry.trust >= Trust.AuthoritativeAnswer ? 'data' : 'hint'
    },
  }
}

/** Validated whole; when that fails, as far as its first alias: where that leads is then asked for on its own. */
function* validateReply(env: Env, task: Task, received: Received): Steps<Judged | Unproven> {
  const whole = yield* validateVerdict(env, task, received)
  if (whole.kind !== 'bogus') return whole
  const first = firstAliasOf(received.verdict, received.question.type)
  if (first === null) return whole
  note(task, { kind: 'first-alias-alone', reason: whole.text, ede: whole.ede })
  const alone = yield* validateVerdict(env, task, { ...received, verdict: first })
  return alone.kind === 'judged' ? alone : whole
}

/**
 * A bad server must not make a zone bogus: what does not validate is asked of others before it is given up (RFC 4035
 * section 4.7).
 */
function* validateReplies(
  env: Env,
  task: Task,
  question: Question,
  walked: Answered,
  evidence: Map<Name, Referral>,
): Steps<Settled> {
  const avoid = new Set<string>()
  let at = walked
  let first: Failure | null = null
  for (;;) {
    const { zone } = at.cut
    const verdict = asFarAsFollowed(task, at.verdict)
    const result = yield* validateReply(env, task, { zone, question, verdict, evidence })
    if (result.kind === 'judged') return keep(env, at.cut, question, result)
    if (result.kind === 'limit') return { kind: 'failure', failure: budgetFailure(task, result) }
    first ??= bogusFailure(result.ede, result.text)
    avoid.add(at.server)
    if (result.chain || avoid.size > env.limits.dnssec.retries) return { kind: 'failure', failure: first }
    note(task, { kind: 'other-server', reason: result.text, ede: result.ede })
    const again: Walked = yield* walkFrom(env, task, {
      question,
      start: at.cut,
      failed: null,
      evidence,
      avoid,
      namedBy: null,
    })
    if (again.kind === 'failure')
      return { kind: 'failure', failure: again.failure.why === 'overload' ? again.failure : first }
    at = again
  }
}

interface WayDown extends Pick<Walk, 'question' | 'evidence' | 'namedBy'> {
  /** A cut of a local zone. */
  readonly localCut: ZoneCut | null
}

/** From the closest known cut down to the servers that answer. */
function* walk(env: Env, task: Task, { question, localCut, evidence, namedBy }: WayDown): Steps<Walked> {
  let start = startingCut(env, task, question, localCut)
  let walked = yield* walkFrom(env, task, { question, start, failed: null, evidence, avoid: undefined, namedBy })
  while (walked.kind === 'failure' && start.configured?.recurseOnFailure === true && !isRelative(walked.failure)) {
    note(task, { kind: 'recursing', zone: start.zone })
    start = cutWithout(env, task, question, start.configured)
    walked = yield* walkFrom(env, task, { question, start, failed: null, evidence, avoid: undefined, namedBy: null })
  }
  // A cached delegation may be out of date: when its servers are of no use the parent is asked once more.
  if (walked.kind === 'verdict' || start.from !== 'cache' || isRelative(walked.failure) || walked.unasked === true)
    return walked
  if (env.caches.delegations.get(start.zone, env.clock.now()) === undefined) return walked
  note(task, { kind: 'delegation-outdated' })
  env.caches.delegations.remove(start.zone)
  return yield* walkFrom(env, task, {
    question,
    start: startingCut(env, task, question, localCut),
    failed: { cut: start, failure: walked.failure },
    evidence,
    avoid: undefined,
    namedBy: null,
  })
}

/** A cut whose servers have just failed, and how. */
interface FailedCut {
  readonly cut: ZoneCut
  readonly failure: Failure
}

/**
 * Does the parent still name the very servers that have failed? Then asking them again would only double the packets.
 */
function sameServers(cut: ZoneCut, referral: Referral): boolean {
  const print = (servers: readonly DelegatedServer[]): string =>
    servers
      .map(
        s =>
          `${s.name}${s.addresses
            .map(a => a.text)
            .sort()
            .join()}`,
      )
      .sort()
      .join(' ')
  return cut.zone === referral.zone && print(cut.servers) === print(referral.servers)
}

/** One way down from a cut. */
interface Walk {
  readonly question: Question
  readonly start: ZoneCut
  /** The cut that was tried in vain before. */
  readonly failed: FailedCut | null
  /** Gathers the referrals on the way; null when the task does not check. */
  readonly evidence: Map<Name, Referral> | null
  /** Keys of servers of `start` that are not asked. */
  readonly avoid: ReadonlySet<string> | undefined
  /** The zone whose servers named the name, and know it whole. */
  readonly namedBy: Name | null
}

function* walkFrom(env: Env, task: Task, { question, start, failed, evidence, avoid, namedBy }: Walk): Steps<Walked> {
  let cut = start
  let known = cut.zone === namedBy ? labelCount(question.name) : labelCount(cut.zone)
  // A server that resolves for us needs the whole name, and is shown nothing that it would not see in any case.
  let mode: MinimiseMode = cut.configured?.kind === 'forward' ? 'off' : env.settings().minimise
  let isTold = false
  tellCut(task, cut)
  for (let step = 0; ; step++) {
    const ask = minimise(question, known, step, mode, env.limits.engine)
    if (!ask.final && knownBelow(env, ask.question)) {
      known = labelCount(ask.question.name)
      continue
    }
    const mayFallBack = !ask.final && mode === 'relaxed'
    const exchanges = mayFallBack ? env.limits.engine.minimisedExchanges : env.limits.engine.exchangesPerCut
    const reply = yield* askZone(
      env,
      task,
      cut,
      ask.question,
      question.name,
      exchanges,
      cut === start ? avoid : undefined,
    )
    if (reply.kind === 'failure') {
      // RFC 9156 section 2.3: servers exist that fail on a name they do not know as a cut.
      if (!mayFallBack || isRelative(reply.failure)) return reply
      mode = 'off'
      continue
    }
    const { verdict, server } = reply
    if (!isTold && cut.zone === ROOT && 'lastResort' in verdict && verdict.lastResort && isIntercepted(env)) {
      isTold = true
      note(task, { kind: 'intercepted' })
    }
    if (verdict.kind === 'referral') {
      const over = task.budget.takeReferral()
      if (over !== null) return { kind: 'failure', failure: failure('budget', over) }
      const { referral } = verdict
      cut = rememberReferral(env, cut, referral)
      evidence?.set(referral.zone, referral)
      if (failed !== null && sameServers(failed.cut, referral)) return { kind: 'failure', failure: failed.failure }
      known = labelCount(cut.zone)
      tellCut(task, cut)
      continue
    }
    if (ask.final) return { kind: 'verdict', verdict, cut, server }
    if (verdict.kind === 'nxdomain' && mode === 'strict' && verdict.chain.aliases.length === 0) {
      // RFC 8020: nothing exists below a name that does not exist.
      return { kind: 'verdict', verdict, cut, server }
    }
    // RFC 9156 section 2.3: relaxed means that NXDOMAIN for an ancestor is not trusted (broken empty non-terminals).
    if (verdict.kind === 'nxdomain') mode = 'off'
    else remember(env, ask.question, withoutValidation(verdict), cut.expiresAt)
    known = labelCount(ask.question.name)
  }
}

/** Has a minimised question been answered before? Then the walk takes the next label without asking. */
function knownBelow(env: Env, question: Question): boolean {
  const now = env.clock.now()
  const { rrsets, negatives } = env.caches
  if (rrsets.get(question.name, question.type, question.class, now) !== undefined) return true
  if (rrsets.get(question.name, RrType.CNAME, question.class, now) !== undefined) return true
  return negatives.find(question, now)?.kind === 'nodata'
}

function tellCut(task: Task, cut: ZoneCut): void {
  task.trace?.({
    kind: 'cut',
    id: task.id,
    depth: task.depth,
    zone: cut.zone,
    from: cut.from,
    servers: cut.configured?.upstreams.length ?? cut.servers.length,
  })
}

/**
 * The same without asking anyone (RD=0): what the zones and the cache hold, chain included; null when that is nothing.
 */
export function resolveFromMemory(env: Env, task: Task): Outcome | null {
  const trail = newTrail()
  const asked = new Set<Name>()
  let { question } = task
  for (;;) {
    const known = recall(env, task, question)
    if (known.kind === 'done') return finish(trail, known.outcome)
    if (known.kind !== 'alias') break
    trail.authoritative ??= known.authoritative
    extend(trail, known.rrsets, known.proof, known.security)
    asked.add(question.name)
    if (asked.has(known.target) || asked.size > env.limits.budget.aliases)
      return failure('alias-chain', 'the alias chain does not end', trail.rrsets)
    question = { ...question, name: known.target }
  }
  const [head] = trail.rrsets
  if (head === undefined) return null
  return {
    kind: 'answer',
    rrsets: trail.rrsets,
    proof: trail.proof,
    security: trail.security,
    authoritative: trail.authoritative ?? false,
    additional: [],
  }
}
