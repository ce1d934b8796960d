/**
 * Asks the servers of one zone until one gives a usable verdict: chooses among them, finds addresses for those that
 * have none, remembers within this question who failed how. Bounded by the client's budget and a number of exchanges.
 */
import type { Question } from '../dns/message.ts'
import { formatName } from '../presentation/text.ts'
import { isWithin, type Name } from '../dns/name.ts'
import type { ServerAddress } from '../ports.ts'
import type { Steps } from '../steps.ts'
import { askServer, type ServerReply, type UsableVerdict } from './ask-server.ts'
import { usableFamilies, type Env, type Task, type ZoneCut } from './env.ts'
import { failure, type Failure } from './outcome.ts'
import { seat, type Seat, type SeatingRules } from './usable-servers.ts'
import { selectServer, type Candidate } from './select-server.ts'
import { findAddresses, knownAddresses, type FoundServer } from './server-addresses.ts'
import { questionText } from './trace.ts'

export type ZoneReply =
  | { readonly kind: 'verdict'; readonly verdict: UsableVerdict; readonly server: string }
  | ZoneFailure

/**
 * `unasked`: nobody was asked at all, because every server that could be is held back: nothing new is known of the
 * zone.
 */
export interface ZoneFailure {
  readonly kind: 'failure'
  readonly failure: Failure
  readonly unasked?: boolean
}

interface Entry extends Candidate {
  readonly server: ServerAddress
  readonly name: Name
  tries: number
  done: boolean
  /** It would not answer this question, for which it may be lame. */
  disclaims: boolean
  /** As known when it was last chosen among. */
  timeoutMs: number
  srttMs: number | null
}

const entryOf = ({ server, name }: Seat): Entry => ({
  server,
  name,
  tries: 0,
  done: false,
  disclaims: false,
  timeoutMs: 0,
  srttMs: null,
})

/** What this question knows of the zone's servers. Lives for one call of `askZone`. */
interface Roster {
  /** Under which a server is remembered as lame: the type asked for, and whether it was the whole question. */
  readonly questionKind: string
  /** At most `nameServersPerCut` times `addressesPerNameServer`. */
  readonly entries: Entry[]
  /** Server names without a usable address so far, in the order in which they will be looked up. */
  nameless: Name[]
  lookups: number
  failedLookups: number
  cyclic: boolean
  /** For want of our own a name was not looked up. */
  overloaded: boolean
  /** How often which. Null as long as there were none. */
  troubles: Map<string, number> | null
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
  const roster = makeRoster(env, cut, kindOf(question, name))
  if (avoid.size > 0) for (const entry of roster.entries) entry.done = avoid.has(entry.server.key)
  let lastResortServer = ''
  for (let exchanges = 0; exchanges < maxExchanges; exchanges++) {
    const entry = choose(env, cut, roster) ?? (yield* chooseAfterLookup(env, task, cut, roster))
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
      lastTry: entry.tries > 0 && entry.tries + 1 >= triesFor(env, entry),
    })
    if (reply.kind === 'budget')
      return giveUp(task.budget.deadline <= env.clock.now() ? 'deadline' : 'budget', reply.text)
    if (reply.kind === 'overload') return giveUp('overload', reply.text)
    if (reply.kind === 'usable') compareServers(env, cut, roster, entry)
    if (reply.kind === 'usable' && !isLastResort(reply.verdict))
      return { kind: 'verdict', verdict: reply.verdict, server: entry.server.key }
    if (roster.lastResort === null) lastResortServer = entry.server.key
    learn(env, entry, reply, roster)
  }
  if (roster.lastResort !== null) return { kind: 'verdict', verdict: roster.lastResort, server: lastResortServer }
  const heldBack = noteHeldBack(env, cut, roster)
  return { kind: 'failure', failure: exhausted(task, cut, question, roster), unasked: heldBack && untouched(roster) }
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
function compareServers(env: Env, cut: ZoneCut, { entries, questionKind }: Roster, answered: Entry): void {
  const { servers } = env.caches
  servers.notLame(answered.server.key, cut.zone, questionKind)
  for (const { server, disclaims } of entries)
    if (disclaims) servers.lame(server.key, cut.zone, questionKind, env.clock.now())
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
  roster: Roster,
): void {
  entry.tries++
  if (reply.kind === 'usable') {
    roster.lastResort ??= reply.verdict
    entry.done = true
    return
  }
  entry.disclaims = reply.disclaims
  entry.done = !reply.again || entry.tries >= triesFor(env, entry)
  noteTrouble(roster, `${reply.why}: ${reply.text}`)
}

function noteTrouble(roster: Roster, trouble: string): void {
  roster.troubles ??= new Map()
  roster.troubles.set(trouble, (roster.troubles.get(trouble) ?? 0) + 1)
}

/** A server that has been silent for long gets one try per question. */
function triesFor(env: Env, entry: Entry): number {
  const { triesPerServer, silentServerTimeouts } = env.limits.engine
  return env.caches.servers.facts(entry.server.key, env.clock.now()).timeoutsInRow > silentServerTimeouts
    ? 1
    : triesPerServer
}

function makeRoster(env: Env, cut: ZoneCut, questionKind: string): Roster {
  const servers = sample(env, cut.servers, env.limits.engine.nameServersPerCut)
  const rules = seatingRules(env)
  const { seats, bare } = env.seating.of(servers, rules)
  const entries = seats.map(entryOf)
  const roster: Roster = {
    questionKind,
    entries,
    nameless: [],
    lookups: 0,
    failedLookups: 0,
    cyclic: false,
    overloaded: false,
    troubles: null,
    lastResort: null,
  }
  for (const name of bare)
    if (!enter(roster, { name, addresses: knownAddresses(env, name) }, rules)) roster.nameless.push(name)
  // A name inside the zone can hardly be found without the zone's own servers: those outside come first.
  if (roster.nameless.length > 1)
    roster.nameless.sort((a, b) => Number(isWithin(a, cut.zone)) - Number(isWithin(b, cut.zone)))
  return roster
}

const seatingRules = (env: Env): SeatingRules => ({
  families: usableFamilies(env),
  port: env.settings.upstreamPort,
  doNotQuery: env.settings.doNotQuery,
  most: env.limits.engine.addressesPerNameServer,
})

/** At most `count` of `items`, a random choice when there are more. */
function sample<T>(env: Env, items: readonly T[], count: number): readonly T[] {
  if (items.length <= count) return items
  const rest = [...items]
  const chosen: T[] = []
  while (chosen.length < count) chosen.push(...rest.splice(env.random.below(rest.length), 1))
  return chosen
}

/** Adds the addresses of a server that may be asked; says whether there was any. */
function enter(roster: Roster, server: FoundServer, rules: SeatingRules): boolean {
  const seats: Seat[] = []
  if (!seat(seats, server.name, server.addresses, rules)) return false
  for (const one of seats)
    if (!roster.entries.some(entry => entry.server.key === one.server.key)) roster.entries.push(entryOf(one))
  return true
}

function choose(env: Env, cut: ZoneCut, roster: Roster): Entry | null {
  const now = env.clock.now()
  const { servers } = env.caches
  const among = eligible(env, cut, roster, now)
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
function eligible(env: Env, cut: ZoneCut, roster: Roster, now: number): readonly Entry[] {
  const { servers } = env.caches
  const families = usableFamilies(env)
  const mayBe = ({ server, done }: Entry): boolean =>
    !done && families.includes(server.ip.family) && servers.silences.heldBack(server.key, cut.zone, now) === null
  const isLame = ({ server }: Entry): boolean => servers.isLame(server.key, cut.zone, roster.questionKind, now)
  if (roster.entries.every(entry => mayBe(entry) && !isLame(entry))) return roster.entries
  const open = roster.entries.filter(mayBe)
  if (!open.some(isLame)) return open
  const first = open.filter(
    entry => entry.tries === 0 && !isLame(entry) && servers.facts(entry.server.key, now).timeoutsInRow === 0,
  )
  return first.length > 0 ? first : open
}

const untouched = (roster: Roster): boolean => roster.entries.every(entry => entry.tries === 0)

/** Finds addresses of further server names; null when there are none to be had, a failure when the budget is spent. */
function* chooseAfterLookup(env: Env, task: Task, cut: ZoneCut, roster: Roster): Steps<Entry | Failure | null> {
  const { engine } = env.limits
  while (
    roster.nameless.length > 0 &&
    roster.lookups < engine.addressLookupsPerCut &&
    roster.failedLookups < engine.failedAddressLookupsPerCut
  ) {
    const batch = roster.nameless.slice(0, engine.parallelAddressLookups)
    roster.nameless = roster.nameless.slice(batch.length)
    roster.lookups += batch.length
    const found = yield* findAddresses(env, task, batch)
    if (found.kind === 'failure') return found
    roster.cyclic ||= found.cyclic
    roster.overloaded ||= found.overloaded
    roster.nameless.push(...found.unfinished)
    let any = false
    for (const server of found.servers) any = enter(roster, server, seatingRules(env)) || any
    if (!any) {
      roster.failedLookups += batch.length
      noteTrouble(roster, `no address for ${batch.map(formatName).join(' ')}`)
    }
    const entry = choose(env, cut, roster)
    if (entry !== null) return entry
  }
  return choose(env, cut, roster)
}

/** Notes the servers that were passed over; says whether there were any. */
function noteHeldBack(env: Env, cut: ZoneCut, roster: Roster): boolean {
  const now = env.clock.now()
  let any = false
  for (const { server, tries } of roster.entries) {
    const silentMs = tries > 0 ? null : env.caches.servers.silences.heldBack(server.key, cut.zone, now)
    if (silentMs === null) continue
    any = true
    noteTrouble(
      roster,
      `silent: ${server.key} has answered nothing for ${Math.round(silentMs / 1_000)} s and is asked now and then only`,
    )
  }
  return any
}

function exhausted(task: Task, cut: ZoneCut, question: Question, roster: Roster): Failure {
  const troubles = [...(roster.troubles ?? [])].map(([text, times]) => (times > 1 ? `${text} (${times} times)` : text))
  const where = `servers of ${formatName(cut.zone)} for ${questionText(question)}`
  const kinds = [...(roster.troubles?.keys() ?? [])]
  const text = `${where}: ${troubles.length === 0 ? 'none has an address that may be asked' : troubles.join('; ')}`
  // What failed because of a cycle failed for this asker only; at the top it is the answer (TsuNAME: and remembered).
  if (roster.cyclic && task.depth > 0) return failure('cycle', text)
  if (roster.overloaded) return failure('overload', text)
  if (kinds.length > 0 && kinds.every(k => k.startsWith('lame:'))) return failure('all-servers-lame', text)
  return failure(
    kinds.length > 0 && kinds.every(k => k.startsWith('error:') || k.startsWith('lame:'))
      ? 'refused-by-servers'
      : 'unreachable',
    text,
  )
}
