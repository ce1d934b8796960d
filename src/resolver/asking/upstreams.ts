/**
 * Among the servers that the operator named for a zone, which one is asked next, and what is said of those that are not
 * asked. Power of two choices: of two at random the quicker one, so that load spreads and a slow one is seldom met, and
 * now and then any, so that one that became quicker is noticed. One at a time: asking several at once would double the
 * load and show every name to all of them.
 */
import type { Name } from '../../dns/name.ts'
import { RrClass, RrType } from '../../dns/types.ts'
import type { UpstreamLimits } from '../../limits.ts'
import type { ServerAddress } from '../../ports.ts'
import { all, lookup, type Outcome, type Steps } from '../../steps.ts'
import type { ForwardZone, Upstream } from '../../zone/forward-zones.ts'
import { upstreamText } from '../../zone/upstream-text.ts'
import { forwardZonesFor, type Env, type Task } from '../env.ts'
import type { Trouble } from './failure-text.ts'
import type { Candidate } from './select-server.ts'
import { addressesIn } from './server-addresses.ts'

/** A server of a configured zone as one question sees it. */
interface UpstreamCandidate extends Candidate {
  readonly server: ServerAddress
  readonly done: boolean
  timeoutMs: number
  srttMs: number | null
}

type NamedUpstream = Extract<Upstream, { kind: 'name' }>

/** Those that can be asked now, and those whose address is not known yet. */
export interface ConfiguredServers {
  readonly servers: readonly ServerAddress[]
  readonly unresolved: readonly NamedUpstream[]
}

/** Addresses that are due are looked up next to the question, which takes the last good ones. */
export function configuredServers(env: Env, task: Task, { zone, upstreams }: ForwardZone): ConfiguredServers {
  const usable = task.outside ? (forwardZonesFor(env, task).at(zone)?.upstreams ?? []) : upstreams
  const servers: ServerAddress[] = []
  const unresolved: NamedUpstream[] = []
  for (const upstream of usable) {
    if (upstream.kind === 'address') {
      servers.push(upstream.server)
      continue
    }
    const known = env.upstreamAddresses.serversOf(upstream)
    servers.push(...known)
    if (known.length === 0) unresolved.push(upstream)
    else if (env.upstreamAddresses.takeRefresh(upstream.name, env.clock.now())) env.refreshUpstream(upstream.name)
  }
  return { servers, unresolved }
}

/** Looks up the addresses of servers of which none is known; gives those servers. */
export function* lookUpUpstreams(env: Env, unresolved: readonly NamedUpstream[]): Steps<readonly ServerAddress[]> {
  for (const name of new Set(unresolved.map(upstream => upstream.name))) {
    if (!env.upstreamAddresses.takeRefresh(name, env.clock.now())) continue
    const outcomes = yield* all(ADDRESS_TYPES.map(type => lookup(upstreamQuestion(name, type), 'upstream-address')))
    keepUpstreamAddresses(env, name, outcomes)
  }
  return unresolved.flatMap(upstream => env.upstreamAddresses.serversOf(upstream))
}

export const ADDRESS_TYPES: readonly number[] = [RrType.A, RrType.AAAA]

export const upstreamQuestion = (name: Name, type: number): { name: Name; type: number; class: number } => ({
  name,
  type,
  class: RrClass.IN,
})

/** What the look-ups of its addresses came to. */
export function keepUpstreamAddresses(env: Env, name: Name, outcomes: readonly Outcome[]): void {
  const sets = outcomes.flatMap(outcome => (outcome.kind === 'answer' ? outcome.rrsets : []))
  const ttl = sets.reduce((least, set) => Math.min(least, set.ttl), Number.MAX_SAFE_INTEGER)
  env.upstreamAddresses.put(name, addressesIn(sets), ttl, env.clock.now())
}

/**
 * The one to ask, null for none. Where there is another way (`recurseOnFailure`) a server that failed a moment ago is
 * not waited for, nor anyone a third time: every look-up of a client's question would pay for it again.
 */
export function chooseUpstream<E extends UpstreamCandidate>(
  env: Env,
  { zone, recurseOnFailure }: ForwardZone,
  entries: readonly E[],
): E | null {
  const now = env.clock.now()
  const { servers } = env.caches
  const isLeft = (tries: number, key: string): boolean =>
    !recurseOnFailure || (tries === 0 ? !servers.upstreams.rests(key, now) : tries < TRIES_BEFORE_RECURSION)
  const open = entries.filter(
    ({ done, tries, server: { key } }) =>
      !done &&
      isLeft(tries, key) &&
      !servers.upstreams.isLooping(key, now) &&
      servers.upstreams.pausedFor(key, now) === null &&
      servers.unresponsive.throttledFor(key, zone, now) === null,
  )
  if (open.length < 2) return open[0] ?? null
  for (const entry of open) {
    const facts = servers.facts(entry.server.key, now)
    entry.timeoutMs = servers.timeoutOf(facts)
    entry.srttMs = facts.srttMs
  }
  const rested = open.filter(({ tries, server }) => tries === 0 && !servers.upstreams.rests(server.key, now))
  const least = Math.min(...open.map(({ tries }) => tries))
  const among = rested.length > 0 ? rested : open.filter(({ tries }) => tries === least)
  return among[selectUpstream(among, env.limits.upstream, n => env.random.below(n))] ?? null
}

const TRIES_BEFORE_RECURSION = 2

/**
 * Pure: the index of the server to ask. Usually the quicker one of two that are drawn, any one in `explorePermille` of
 * a thousand choices. One that was never heard counts as quick, so that it is heard.
 */
export function selectUpstream(
  candidates: readonly Candidate[],
  { explorePermille }: Pick<UpstreamLimits, 'explorePermille'>,
  randomBelow: (n: number) => number,
): number {
  if (candidates.length < 2) return candidates.length - 1
  const first = randomBelow(candidates.length)
  if (randomBelow(PERMILLE) < explorePermille) return first
  const other = (first + 1 + randomBelow(candidates.length - 1)) % candidates.length
  return scoreOf(candidates[other]) < scoreOf(candidates[first]) ? other : first
}

const PERMILLE = 1_000

const scoreOf = (candidate: Candidate | undefined): number => candidate?.srttMs ?? 0

/** Why servers were passed over. */
export function passedOver(
  env: Env,
  zone: Name,
  entries: readonly Pick<UpstreamCandidate, 'server' | 'tries'>[],
): readonly Trouble[] {
  const now = env.clock.now()
  const { upstreams, unresponsive } = env.caches.servers
  return entries.flatMap(({ server, tries }): Trouble[] => {
    if (tries > 0) return []
    const text = upstreamText(server)
    if (upstreams.isLooping(server.key, now)) return [{ kind: 'upstream', server: text, trouble: { kind: 'loop' } }]
    const leftMs = upstreams.pausedFor(server.key, now)
    if (leftMs !== null) return [{ kind: 'upstream', server: text, trouble: { kind: 'paused', leftMs } }]
    const silentMs = unresponsive.throttledFor(server.key, zone, now)
    return silentMs === null ? [] : [{ kind: 'throttled', server: text, silentMs }]
  })
}
