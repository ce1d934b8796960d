/**
 * RFC 1034 section 5.3.3 as one loop: what is known, else the closest zone cut, ask, follow. No clock of its own, no
 * socket, no promise: the world is reached only at `yield*`.
 */
import type { Question } from '../dns/message.ts'
import { isStrictlyWithin, labelCount, parentOf, ROOT, type Name } from '../dns/name.ts'
import type { RRset } from '../dns/rrset.ts'
import { RrType } from '../dns/types.ts'
import type { DelegatedServer } from '../cache/delegations.ts'
import { boundedTtl } from '../cache/ttl.ts'
import type { Outcome, Steps } from '../steps.ts'
import type { UsableVerdict } from './ask-server.ts'
import { askZone } from './ask-zone.ts'
import type { Referral } from './classify.ts'
import { note, zoneCut, type Env, type Task, type ZoneCut } from './env.ts'
import { outcomeOf, recall, remember } from './memory.ts'
import { minimise } from './minimise.ts'
import { behindChain, failure, isRelative, withoutRepeats, type Failure } from './outcome.ts'

type FinalVerdict = Extract<UsableVerdict, { kind: 'answer' | 'alias' | 'nodata' | 'nxdomain' | 'alias-trouble' }>
type Walked = { readonly kind: 'verdict'; readonly verdict: FinalVerdict } | { readonly kind: 'failure'; readonly failure: Failure }

export function* resolve(env: Env, task: Task): Steps<Outcome> {
  const chain: RRset[] = []
  const asked = new Set<Name>()
  let question = task.question
  let authoritative: boolean | null = null
  for (;;) {
    if (asked.has(question.name)) return failure('alias-chain', 'the alias chain is a loop', chain)
    asked.add(question.name)
    const known = recall(env, task, question)
    if (known.kind === 'done') return finish(chain, known.outcome, authoritative)
    let next: { readonly rrsets: readonly RRset[]; readonly target: Name; readonly steps: number }
    if (known.kind === 'alias') {
      authoritative ??= known.authoritative
      next = { ...known, steps: 1 }
    } else {
      authoritative ??= false
      const walked = yield* walk(env, task, question, known.kind === 'cut' ? known.cut : null)
      if (walked.kind === 'failure') return behindChain(chain, fail(env, question, walked.failure))
      const { verdict } = walked
      if (verdict.kind === 'alias-trouble') return behindChain(chain, fail(env, question, chainFailure(verdict)))
      if (verdict.kind !== 'alias') {
        env.caches.failures.succeeded(question)
        const over = task.budget.takeAliases(verdict.chain.steps)
        return over === null ? finish(chain, outcomeOf(env, verdict), authoritative) : failure('alias-chain', over, chain)
      }
      next = { rrsets: verdict.chain.aliases, target: verdict.target, steps: verdict.chain.steps }
    }
    chain.push(...next.rrsets.map(set => ({ ...set, ttl: boundedTtl(set.ttl, env.limits.cache) })))
    const over = task.budget.takeAliases(next.steps)
    if (over !== null) return failure('alias-chain', over, chain)
    question = { ...question, name: next.target }
  }
}

/** The chain in front; AA says what the first record is (RFC 1034 section 6.2.7 by RFC 2181's reading: the owner asked for). */
function finish(chain: readonly RRset[], outcome: Outcome, authoritative: boolean | null): Outcome {
  const whole = withoutRepeats(behindChain(chain, outcome))
  return authoritative === null || whole.kind === 'failure' ? whole : { ...whole, authoritative }
}

function chainFailure(verdict: Extract<FinalVerdict, { kind: 'alias-trouble' }>): Failure {
  switch (verdict.trouble) {
    case 'loop':
      return failure('alias-chain', 'the alias chain is a loop', verdict.chain.aliases)
    case 'too-long':
      return failure('alias-chain', 'more aliases in one reply than are followed', verdict.chain.aliases)
    case 'name-too-long':
      return failure('name-too-long', 'the name after DNAME substitution is longer than 255 octets', verdict.chain.aliases)
    default:
      return verdict.trouble satisfies never
  }
}

/** RFC 9520: a failure is remembered, unless it speaks of the asker and not of the question. */
function fail(env: Env, question: Question, failed: Failure): Failure {
  if (failed.why !== 'cached' && failed.why !== 'bug' && failed.why !== 'name-too-long' && !isRelative(failed)) {
    env.caches.failures.put(question, failed, env.clock.now())
  }
  return failed
}

/** From the closest known cut down to the servers that answer. */
function* walk(env: Env, task: Task, question: Question, localCut: ZoneCut | null): Steps<Walked> {
  const remembered = env.caches.failures.find(question, env.clock.now())
  if (remembered !== undefined) return { kind: 'failure', failure: failure('cached', remembered.text) }
  const start = startingCut(env, question, localCut)
  const walked = yield* walkFrom(env, task, question, start, null)
  // A cached delegation may be out of date: when its servers are of no use the parent is asked once more.
  if (walked.kind === 'verdict' || start.from !== 'cache' || isRelative(walked.failure)) return walked
  if (env.caches.delegations.get(start.zone, env.clock.now()) === undefined) return walked
  note(task, 'the cached delegation led nowhere: asking its parent again')
  env.caches.delegations.remove(start.zone)
  return yield* walkFrom(env, task, question, startingCut(env, question, localCut), { cut: start, failure: walked.failure })
}

/** A cut whose servers have just failed, and how. */
interface FailedCut {
  readonly cut: ZoneCut
  readonly failure: Failure
}

/** Does the parent still name the very servers that have failed? Then asking them again would only double the packets. */
function sameServers(cut: ZoneCut, referral: Referral): boolean {
  const print = (servers: readonly DelegatedServer[]): string => servers.map(s => `${s.name}${s.addresses.map(a => a.text).sort().join()}`).sort().join(' ')
  return cut.zone === referral.zone && print(cut.servers) === print(referral.servers)
}

function startingCut(env: Env, question: Question, localCut: ZoneCut | null): ZoneCut {
  // RFC 4035 section 4.2: DS is data of the parent side of a cut.
  const name = question.type === RrType.DS && question.name !== ROOT ? parentOf(question.name) : question.name
  const cached = env.caches.delegations.closest(name, env.clock.now())
  if (localCut !== null) return cached !== undefined && isStrictlyWithin(cached.zone, localCut.zone) ? zoneCut(cached, 'cache') : localCut
  if (cached !== undefined && cached.zone !== ROOT) return zoneCut(cached, 'cache')
  return env.root()
}

function* walkFrom(env: Env, task: Task, question: Question, start: ZoneCut, failed: FailedCut | null): Steps<Walked> {
  let cut = start
  let known = labelCount(cut.zone)
  let { minimise: mode } = env.settings
  tellCut(task, cut)
  for (let step = 0; ; step++) {
    const ask = minimise(question, known, step, mode, env.limits.engine)
    if (!ask.final && knownBelow(env, ask.question)) {
      known = labelCount(ask.question.name)
      continue
    }
    const reply = yield* askZone(env, task, cut, ask.question, question.name)
    if (reply.kind === 'failure') {
      // RFC 9156 section 2.3: servers exist that fail on a name they do not know as a cut.
      if (ask.final || mode !== 'relaxed' || isRelative(reply.failure)) return reply
      mode = 'off'
      continue
    }
    const { verdict } = reply
    if (verdict.kind === 'referral') {
      const over = task.budget.takeReferral()
      if (over !== null) return { kind: 'failure', failure: failure('budget', over) }
      remember(env, cut, ask.question, verdict)
      if (failed !== null && sameServers(failed.cut, verdict.referral)) return { kind: 'failure', failure: failed.failure }
      cut = descend(env, cut, verdict.referral)
      known = labelCount(cut.zone)
      tellCut(task, cut)
      continue
    }
    if (ask.final) {
      remember(env, cut, question, verdict)
      return { kind: 'verdict', verdict }
    }
    if (verdict.kind === 'nxdomain' && mode === 'strict' && verdict.chain.aliases.length === 0) {
      // RFC 8020: nothing exists below a name that does not exist.
      remember(env, cut, ask.question, verdict)
      return { kind: 'verdict', verdict }
    }
    // RFC 9156 section 2.3: relaxed means that NXDOMAIN for an ancestor is not believed (broken empty non-terminals).
    if (verdict.kind === 'nxdomain') mode = 'off'
    else remember(env, cut, ask.question, verdict)
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

/** The child's cut, with the parent's clock: it may not outlive the delegation through which it was reached. */
function descend(env: Env, parent: ZoneCut, referral: Referral): ZoneCut {
  const ttlMs = boundedTtl(referral.ttl, env.limits.cache) * 1_000
  const expiresAt = Math.min(env.clock.now() + ttlMs, parent.expiresAt)
  return { zone: referral.zone, servers: referral.servers, ds: referral.ds, expiresAt, from: 'referral' }
}

function tellCut(task: Task, cut: ZoneCut): void {
  task.trace?.({ kind: 'cut', id: task.id, depth: task.depth, zone: cut.zone, from: cut.from, servers: cut.servers.length })
}

/**
 * The same without asking anyone (RD=0): what the zones and the cache hold, chain included; null when that is nothing.
 */
export function resolveFromMemory(env: Env, task: Task): Outcome | null {
  const chain: RRset[] = []
  const asked = new Set<Name>()
  let { question } = task
  let authoritative: boolean | null = null
  for (;;) {
    const known = recall(env, task, question)
    if (known.kind === 'done') return finish(chain, known.outcome, authoritative)
    if (known.kind !== 'alias') break
    authoritative ??= known.authoritative
    chain.push(...known.rrsets)
    asked.add(question.name)
    if (asked.has(known.target) || asked.size > env.limits.budget.aliases) return failure('alias-chain', 'the alias chain does not end', chain)
    question = { ...question, name: known.target }
  }
  const [head] = chain
  if (head === undefined) return null
  return { kind: 'answer', rrsets: chain, proof: [], security: { kind: 'indeterminate' }, authoritative: authoritative ?? false, additional: [] }
}

