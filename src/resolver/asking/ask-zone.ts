/**
 * Asks the servers of one zone until one gives a usable verdict: chooses among them, finds addresses for those that
 * have none, remembers within this question who failed how. Bounded by the client's budget and a number of exchanges.
 */
import type { Question } from '../../dns/message.ts'
import { isWithin, parentOf, ROOT, type Name } from '../../dns/name.ts'
import type { ServerAddress } from '../../ports.ts'
import type { Steps } from '../../steps.ts'
import { askServer } from './ask-server.ts'
import type { ServerAsk, ServerReply, UsableVerdict } from './attempt.ts'
import { closestCut } from '../cuts.ts'
import { addressRules, usableFamilies, type Env, type Task, type ZoneCut } from '../env.ts'
import type { ForwardZone } from '../../zone/forward-zones.ts'
import { upstreamText } from '../../zone/upstream-text.ts'
import { zoneFailureText, type Trouble, type UpstreamTrouble } from './failure-text.ts'
import { failure, isRelative, type Failure } from '../outcome.ts'
import { addUsable, type AddressRules, type NamedServer } from './usable-servers.ts'
import { selectServer, type Candidate } from './select-server.ts'
import { chooseUpstream, configuredServers, lookUpUpstreams, passedOver } from './upstreams.ts'
import {
  addressesIn,
  addressQuestion,
  findAddresses,
  glueOf,
  knownAddresses,
  type FoundServer,
} from './server-addresses.ts'

export type ZoneReply =
  | { readonly kind: 'verdict'; readonly verdict: UsableVerdict; readonly server: string }
  | ZoneFailure

/**
 * `unasked`: no query was sent, because every usable server is throttled: nothing new is known of the zone.
 */
export interface ZoneFailure {
  readonly kind: 'failure'
  readonly failure: Failure
  readonly unasked?: boolean
}

interface Entry extends Candidate {
  readonly server: ServerAddress
  /** Null: the operator named it by its address. */
  readonly name: Name | null
  tries: number
  /** When it was first asked this question, ms on the monotonic clock. */
  since: number
  done: boolean
  /** It would not answer this question, for which it may be lame. */
  disclaims: boolean
  /** As known when it was last chosen among. */
  timeoutMs: number
  srttMs: number | null
}

const entryOf = ({ server, name }: { server: ServerAddress; name: Name | null }): Entry => ({
  server,
  name,
  tries: 0,
  since: 0,
  done: false,
  disclaims: false,
  timeoutMs: 0,
  srttMs: null,
})

/** What this question knows of the zone's servers. Lives for one call of `askZone`. */
interface ServerPool {
  /** Under which a server is remembered as lame: the type asked for, and whether it was the whole question. */
  readonly questionKind: string
  /** At most `nameServersPerCut` times `addressesPerNameServer`. */
  readonly entries: Entry[]
  /** Server names without a usable address so far, in the order in which they will be looked up. */
  unresolvedNames: Name[]
  /** What other delegations have as glue for the names that came without: looking these up may cost it its place. */
  readonly otherGlue: readonly FoundServer[]
  /** Put to the parent's servers. */
  glueQuestions: number
  otherGlueTaken: boolean
  /** Of the delegation; those outside the zone are looked up when all else has failed: glue may be out of date. */
  servers: ZoneCut['servers']
  lookups: number
  failedLookups: number
  cyclic: boolean
  /** A name was not looked up, for lack of own resources. */
  overloaded: boolean
  /** Servers that said SERVFAIL. */
  servfails: number
  /** One a try that failed. Null as long as there were none. */
  troubles: Trouble[] | null
  lastResort: UsableVerdict | null
}

/**
 * `name` is the name being resolved, of which `question` may show the server only a part. `avoid` are the keys of
 * servers that are not asked: what they said did not validate.
 */
export function* askZone(
  env: Env,
  task: Task,
  cut: ZoneCut,
  question: Question,
  name: Name,
  maxExchanges: number,
  avoid: ReadonlySet<string> = NOBODY,
): Steps<ZoneReply> {
  const pool =
    cut.configured === undefined
      ? makeServerPool(env, cut, kindOf(question, name))
      : yield* makeUpstreamPool(env, task, cut.configured, kindOf(question, name))
  if (avoid.size > 0) {
    // They answer, and what they say does not validate: their addresses are right.
    pool.servers = []
    for (const entry of pool.entries) entry.done = avoid.has(entry.server.key)
  }
  let lastResortServer = ''
  for (let exchanges = 0; exchanges < maxExchanges; exchanges++) {
    const entry =
      choose(env, cut, pool) ?? (pool.lastResort === null ? yield* chooseAfterLookup(env, task, cut, pool) : null)
    if (entry === null) break
    if ('why' in entry) return { kind: 'failure', failure: entry }
    const reply = yield* askServer({
      env,
      task,
      cut,
      question,
      name,
      server: entry.server,
      serverName: entry.name,
      triedBefore: entry.tries > 0,
      othersFail: pool.servfails > 0,
      lastTry: isLastTry(env, entry),
      waitMs: waitFor(env, pool, entry),
    })
    if (reply.kind === 'budget')
      return giveUp(task.budget.deadline <= env.clock.now() ? 'deadline' : 'budget', reply.text)
    if (reply.kind === 'overload') return giveUp('overload', reply.text)
    if (reply.kind === 'usable') compareServers(env, cut, pool, entry)
    // All other servers of the root would say the same.
    const isIntercepted = cut.zone === ROOT && env.interception.isActive(env.clock.now())
    if (reply.kind === 'usable' && (isIntercepted || !isLastResort(reply.verdict)))
      return { kind: 'verdict', verdict: reply.verdict, server: entry.server.key }
    if (pool.lastResort === null) lastResortServer = entry.server.key
    learn(env, entry, reply, pool)
    if (isIntercepted && reply.kind === 'failed' && reply.trouble.kind === 'reject') break
    if (cut.configured === undefined && pool.servfails >= mostServfails(env, question, name)) break
  }
  if (pool.lastResort !== null) return { kind: 'verdict', verdict: pool.lastResort, server: lastResortServer }
  const heldBack = notePassedOver(env, cut, pool)
  return { kind: 'failure', failure: exhausted(task, cut, question, pool), unasked: heldBack && untouched(pool) }
}

/** So many servers that fail say that the zone is in trouble: the others have it from the same place. */
const mostServfails = ({ limits: { engine } }: Env, question: Question, name: Name): number =>
  question.name === name ? engine.servfailsPerQuestion : engine.minimisedServfails

const isLastTry = (env: Env, entry: Entry): boolean => entry.tries > 0 && entry.tries + 1 >= triesFor(env, entry)

/**
 * How long a server is waited for. Time-outs are for going on to the next server, and a slow link or half a second of
 * loss must not fail a name: when no server is left that was not asked, the last try of one ends no earlier than
 * `patienceMs` after its first. With an answer in hand that is only not the best no server is waited for long.
 */
function waitFor(env: Env, pool: ServerPool, entry: Entry): ServerAsk['waitMs'] {
  const { patienceMs } = env.limits.engine
  const { maxTimeoutMs, unknownServerTimeoutMs } = env.limits.upstream
  if (entry.tries === 0) entry.since = env.clock.now()
  if (pool.lastResort !== null) return { least: 0, most: unknownServerTimeoutMs }
  const isPatient = isLastTry(env, entry) && pool.entries.every(other => other.done || other.tries > 0)
  if (!isPatient) return { least: 0, most: maxTimeoutMs }
  return { least: entry.since + patienceMs - env.clock.now(), most: Math.max(maxTimeoutMs, patienceMs) }
}

const NOBODY: ReadonlySet<string> = new Set()

/**
 * A refusal of AAAA says nothing of A, and what a server does with the part of a name that it was shown nothing of the
 * whole.
 */
const kindOf = (question: Question, name: Name): string =>
  question.name === name ? `${question.type}` : `${question.type}-`

/**
 * One server has answered: those that would not are marked as lame for such questions. As long as none of the zone's
 * servers has answered nothing is learnt: then it is the question that they refuse, and anybody can ask such a
 * question.
 */
function compareServers(env: Env, cut: ZoneCut, { entries, questionKind }: ServerPool, answered: Entry): void {
  const { servers } = env.caches
  servers.clearLame(answered.server.key, cut.zone, questionKind)
  for (const { server, disclaims } of entries)
    if (disclaims) servers.markLame(server.key, cut.zone, questionKind, env.clock.now())
}

const giveUp = (why: 'budget' | 'deadline' | 'overload', text: string): ZoneReply => ({
  kind: 'failure',
  failure: failure(why, text),
})

const isLastResort = (verdict: UsableVerdict): boolean => 'lastResort' in verdict && verdict.lastResort

function learn(
  env: Env,
  entry: Entry,
  reply: Exclude<ServerReply, { kind: 'budget' | 'overload' }>,
  pool: ServerPool,
): void {
  entry.tries++
  if (reply.kind === 'usable') {
    pool.lastResort ??= reply.verdict
    entry.done = true
    // It will do when no other server says better at once: none is asked a second time.
    for (const other of pool.entries) if (other.tries > 0) other.done = true
    return
  }
  entry.disclaims = reply.disclaims
  if (reply.trouble.kind === 'reject' && reply.trouble.why === 'servfail') pool.servfails++
  entry.done = !reply.again || entry.tries >= triesFor(env, entry) || pool.lastResort !== null
  noteTrouble(
    pool,
    entry.name === null
      ? { kind: 'upstream', server: upstreamText(entry.server), trouble: reply.trouble }
      : reply.trouble,
  )
}

function noteTrouble(pool: ServerPool, trouble: Trouble): void {
  pool.troubles ??= []
  pool.troubles.push(trouble)
}

/** A server that has been silent for long gets one try per question; one over TLS waits longer, and gets two. */
function triesFor(env: Env, entry: Entry): number {
  const { triesPerServer, silentServerTimeouts } = env.limits.engine
  if (entry.server.secure !== undefined) return SECURE_TRIES
  return env.caches.servers.facts(entry.server.key, env.clock.now()).timeoutsInRow > silentServerTimeouts
    ? 1
    : triesPerServer
}

const SECURE_TRIES = 2

const poolOf = (questionKind: string, entries: Entry[], otherGlue: readonly FoundServer[]): ServerPool => ({
  questionKind,
  entries,
  unresolvedNames: [],
  otherGlue,
  glueQuestions: 0,
  otherGlueTaken: false,
  servers: [],
  lookups: 0,
  failedLookups: 0,
  cyclic: false,
  overloaded: false,
  servfails: 0,
  troubles: null,
  lastResort: null,
})

/** The servers that the operator named; an address is looked up only when there is none to ask. */
function* makeUpstreamPool(env: Env, task: Task, configured: ForwardZone, questionKind: string): Steps<ServerPool> {
  const { servers, unresolved } = configuredServers(env, task, configured)
  const found = servers.length > 0 || unresolved.length === 0 ? servers : yield* lookUpUpstreams(env, unresolved)
  const pool = poolOf(
    questionKind,
    found.map(server => entryOf({ server, name: null })),
    [],
  )
  if (found.length === 0)
    for (const { text } of unresolved)
      noteTrouble(pool, { kind: 'upstream', server: text, trouble: { kind: 'no-upstream-address' } })
  return pool
}

function makeServerPool(env: Env, cut: ZoneCut, questionKind: string): ServerPool {
  const servers = sample(env, cut.servers, env.limits.engine.nameServersPerCut)
  const rules = addressRules(env)
  const { addresses, withoutGlue } = env.usableServers.of(servers, rules)
  const pool = poolOf(
    questionKind,
    addresses.map(entryOf),
    withoutGlue.map(name => ({ name, addresses: glueOf(env, name) })),
  )
  if (cut.zone !== ROOT) pool.servers = servers
  for (const name of withoutGlue)
    if (!addServer(pool, { name, addresses: knownAddresses(env, name) }, rules)) pool.unresolvedNames.push(name)
  // A name inside the zone can hardly be found without the zone's own servers: those outside come first.
  if (pool.unresolvedNames.length > 1)
    pool.unresolvedNames.sort((a, b) => Number(isWithin(a, cut.zone)) - Number(isWithin(b, cut.zone)))
  return pool
}

/** At most `count` of `items`, a random choice when there are more. */
function sample<T>(env: Env, items: readonly T[], count: number): readonly T[] {
  if (items.length <= count) return items
  const rest = [...items]
  const chosen: T[] = []
  while (chosen.length < count) chosen.push(...rest.splice(env.random.below(rest.length), 1))
  return chosen
}

/** Adds the addresses of a server that may be asked; says whether there was any. */
function addServer(pool: ServerPool, server: FoundServer, rules: AddressRules): boolean {
  const usable: NamedServer[] = []
  if (!addUsable(usable, server.name, server.addresses, rules)) return false
  for (const one of usable)
    if (!pool.entries.some(entry => entry.server.key === one.server.key)) pool.entries.push(entryOf(one))
  return true
}

function choose(env: Env, cut: ZoneCut, pool: ServerPool): Entry | null {
  if (cut.configured !== undefined) return chooseUpstream(env, cut.configured, pool.entries)
  const now = env.clock.now()
  const { servers } = env.caches
  const among = eligible(env, cut, pool, now)
  if (among.length < 2) return among[0] ?? null
  for (const entry of among) {
    const facts = servers.facts(entry.server.key, now)
    entry.timeoutMs = servers.timeoutOf(facts)
    entry.srttMs = facts.srttMs
  }
  return among[selectServer(among, env.limits.upstream, n => env.random.below(n))] ?? null
}

/**
 * Those that are chosen among now: nearly always all, and then no list is made. A server that is marked as lame comes
 * after those that are not, as long as one of these has not failed: neither in this question nor by time-outs before
 * it. Then all that is left counts alike; the mark takes no server and no try away.
 */
function eligible(env: Env, cut: ZoneCut, pool: ServerPool, now: number): readonly Entry[] {
  const { servers } = env.caches
  const families = usableFamilies(env)
  const mayBe = ({ server, done }: Entry): boolean =>
    !done &&
    families.includes(server.ip.family) &&
    servers.unresponsive.throttledFor(server.key, cut.zone, now) === null
  const isLame = ({ server }: Entry): boolean => servers.isLame(server.key, cut.zone, pool.questionKind, now)
  if (pool.entries.every(entry => mayBe(entry) && !isLame(entry))) return pool.entries
  const open = pool.entries.filter(mayBe)
  if (!open.some(isLame)) return open
  const first = open.filter(
    entry => entry.tries === 0 && !isLame(entry) && servers.facts(entry.server.key, now).timeoutsInRow === 0,
  )
  return first.length > 0 ? first : open
}

const untouched = (pool: ServerPool): boolean => pool.entries.every(entry => entry.tries === 0)

/** Finds addresses of further server names; null when there are none, a failure when the budget is used up. */
function* chooseAfterLookup(env: Env, task: Task, cut: ZoneCut, pool: ServerPool): Steps<Entry | Failure | null> {
  const { engine } = env.limits
  while (
    pool.unresolvedNames.length > 0 &&
    pool.lookups < engine.addressLookupsPerCut &&
    pool.failedLookups < engine.failedAddressLookupsPerCut
  ) {
    const left = pool.glueQuestions < engine.glueQuestionsPerCut ? nameWithoutGlue(task, cut, pool) : undefined
    if (left !== undefined) {
      const glued = yield* chooseByParent(env, task, cut, pool, left)
      if (glued !== null) return glued
      continue
    }
    const batch = pool.unresolvedNames.slice(0, engine.parallelAddressLookups)
    pool.unresolvedNames = pool.unresolvedNames.slice(batch.length)
    pool.lookups += batch.length
    const found = yield* findAddresses(env, task, batch)
    if (found.kind === 'failure') return found
    pool.cyclic ||= found.cyclic
    pool.overloaded ||= found.overloaded
    pool.unresolvedNames.push(...found.unfinished)
    let any = false
    for (const server of found.servers) any = addServer(pool, server, addressRules(env)) || any
    if (!any) {
      pool.failedLookups += batch.length
      noteTrouble(pool, { kind: 'no-address', names: batch })
    }
    const entry = choose(env, cut, pool)
    if (entry !== null) return entry
  }
  takeOtherGlue(env, pool)
  return choose(env, cut, pool) ?? (yield* chooseInsteadOfGlue(env, task, cut, pool))
}

/** What the names of servers with glue have by now, when none of the glue was of use. */
function* chooseInsteadOfGlue(env: Env, task: Task, cut: ZoneCut, pool: ServerPool): Steps<Entry | Failure | null> {
  const { engine } = env.limits
  const isGlued = (name: Name): boolean => !isWithin(name, cut.zone) && pool.otherGlue.every(one => one.name !== name)
  const glued = pool.servers.flatMap(({ name }) => (isGlued(name) ? [name] : []))
  const names = glued.slice(0, engine.parallelAddressLookups)
  pool.servers = []
  if (names.length === 0 || pool.lookups + names.length > engine.addressLookupsPerCut) return null
  pool.lookups += names.length
  const before = pool.entries.length
  const found = yield* findAddresses(env, task, names)
  if (found.kind === 'failure') return found
  for (const server of found.servers) addServer(pool, server, addressRules(env))
  if (pool.entries.length === before) return null
  keepGlue(env, cut, found.servers, true)
  return choose(env, cut, pool)
}

/**
 * Names inside the zone whose glue the referral left out (RFC 9471 forbids it) can be found at the parent's servers
 * alone. What these say is good for this delegation, and no answer for anybody.
 */
function* chooseByParent(
  env: Env,
  task: Task,
  cut: ZoneCut,
  pool: ServerPool,
  name: Name,
): Steps<Entry | Failure | null> {
  pool.glueQuestions++
  const parent = parentOfCut(env, cut)
  if (parent === null) return null
  const found = yield* glueAt(env, task, parent, name)
  if ('why' in found) return found
  if (found.length === 0) return null
  keepGlue(env, cut, found)
  for (const server of found)
    if (pool.unresolvedNames.includes(server.name) && addServer(pool, server, addressRules(env)))
      pool.unresolvedNames = pool.unresolvedNames.filter(other => other !== server.name)
  return choose(env, cut, pool)
}

/** The next name inside the zone that the parent has not been asked for, once those outside have been looked up. */
function nameWithoutGlue(task: Task, { zone }: ZoneCut, { unresolvedNames }: ServerPool): Name | undefined {
  const [next] = unresolvedNames
  return next === undefined || !isWithin(next, zone)
    ? undefined
    : unresolvedNames.find(name => task.budget.takeGlue(name))
}

/** The cut above, whose servers delegate the zone; null where there is none that could have glue. */
function parentOfCut(env: Env, { zone, from }: ZoneCut): ZoneCut | null {
  if (zone === ROOT || from === 'local zone') return null
  const above = parentOf(zone)
  const cut = closestCut(env, above, env.forwardZones().closest(above))
  return cut.configured?.kind === 'forward' ? null : cut
}

/** What the servers of the cut above say of the addresses of a server: an answer, or glue in a referral. */
function* glueAt(env: Env, task: Task, parent: ZoneCut, name: Name): Steps<readonly FoundServer[] | Failure> {
  const denied = task.budget.takeAddressLookup()
  if (denied !== null) return failure('budget', denied)
  for (const family of usableFamilies(env)) {
    const question = addressQuestion(name, family)
    const reply = yield* askZone(env, task, parent, question, name, env.limits.engine.triesPerServer)
    if (reply.kind === 'failure') {
      if (isRelative(reply.failure)) return reply.failure
      continue
    }
    const { verdict } = reply
    if (verdict.kind === 'answer' && verdict.chain.aliases.length === 0)
      return [{ name, addresses: addressesIn([verdict.rrset]) }]
    const glued = verdict.kind === 'referral' ? verdict.referral.servers.filter(s => s.addresses.length > 0) : []
    if (glued.some(server => server.name === name)) return glued
  }
  return []
}

/**
 * Glue that came late is part of the delegation from now on, whose time does not change. `stale`: so is what the name
 * has in place of its glue, which comes after it.
 */
function keepGlue(env: Env, cut: ZoneCut, found: readonly FoundServer[], stale = false): void {
  const { delegations } = env.caches
  const now = env.clock.now()
  const known = delegations.get(cut.zone, now)
  if (known === undefined) return
  const servers = known.servers.map(server => {
    const other = found.find(({ name }) => name === server.name)
    if (other === undefined || server.addresses.length === 0) return other ?? server
    if (!stale) return server
    const rest = server.addresses.filter(({ text }) => !other.addresses.some(address => address.text === text))
    return { ...server, addresses: [...other.addresses, ...rest] }
  })
  delegations.put({ ...known, servers }, known.expiresAt, now)
}

/**
 * The last resort: what the parent of a server's own zone gave as glue for it, whatever that zone says of the name or
 * although nobody there answers.
 */
function takeOtherGlue(env: Env, pool: ServerPool): void {
  if (pool.otherGlueTaken) return
  pool.otherGlueTaken = true
  for (const { name, addresses } of pool.otherGlue) {
    const found = addresses.length > 0 ? addresses : glueOf(env, name)
    addServer(pool, { name, addresses: found }, addressRules(env))
  }
}

/** Notes the servers that were passed over; says whether there were any. */
function notePassedOver(env: Env, cut: ZoneCut, pool: ServerPool): boolean {
  if (cut.configured !== undefined) {
    const over = passedOver(env, cut.zone, pool.entries)
    for (const trouble of over) noteTrouble(pool, trouble)
    return over.length > 0
  }
  const now = env.clock.now()
  let any = false
  for (const { server, tries } of pool.entries) {
    const silentMs = tries > 0 ? null : env.caches.servers.unresponsive.throttledFor(server.key, cut.zone, now)
    if (silentMs === null) continue
    any = true
    noteTrouble(pool, { kind: 'throttled', server: server.key, silentMs })
  }
  return any
}

function exhausted(task: Task, cut: ZoneCut, question: Question, pool: ServerPool): Failure {
  const troubles = pool.troubles ?? NO_TROUBLES
  const { configured } = cut
  const text = zoneFailureText(
    cut.zone,
    question,
    troubles,
    configured === undefined ? 'servers of' : `${configured.kind} zone`,
  )
  // What failed because of a cycle failed for this asker only; at the top it is the answer (TsuNAME: and remembered).
  if (pool.cyclic && task.depth > 0) return failure('cycle', text)
  if (pool.overloaded) return failure('overload', text)
  if (configured !== undefined && !troubles.some(isReply)) return failure('upstreams-unreachable', text)
  if (troubles.length === 0) return failure('unreachable', text)
  if (troubles.every(isLame)) return failure('all-servers-lame', text)
  return failure(troubles.every(isReply) ? 'refused-by-servers' : 'unreachable', text)
}

const NO_TROUBLES: readonly Trouble[] = Object.freeze([])

function isLame(trouble: Trouble | UpstreamTrouble): boolean {
  if (trouble.kind === 'upstream') return isLame(trouble.trouble)
  return trouble.kind === 'reject' && (trouble.why === 'lame' || trouble.why === 'upward-referral')
}

/** Did something come from the server, of whatever use? */
function isReply(trouble: Trouble | UpstreamTrouble): boolean {
  switch (trouble.kind) {
    case 'upstream':
      return isReply(trouble.trouble)
    case 'reject':
    case 'malformed':
    case 'spoofing-suspected':
      return true
    case 'http-status':
    case 'paused':
    case 'loop':
    case 'no-upstream-address':
    case 'timeout':
    case 'unverified':
    case 'unreachable':
    case 'throttled':
    case 'no-address':
      return false
    default:
      return trouble satisfies never
  }
}
