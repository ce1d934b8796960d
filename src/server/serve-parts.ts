/**
 * From an engine to what answers datagrams: the policy in its order and all that the server is handed. The server, the
 * warm-up and the test kit's server have theirs from here, so that a part is in all of them, and is the same code to
 * V8.
 */
import type { Caches } from '../cache/caches.ts'
import type { IpAddress, Prefix } from '../dns/address.ts'
import { labelCount, type Name, parentOf } from '../dns/name.ts'
import { ipOf } from '../dns/rdata.ts'
import { RrClass, RrType } from '../dns/types.ts'
import type { NameServers } from '../policy/rpz/rules.ts'
import type { RpzParts } from '../policy/rpz/stage.ts'
import type { Question } from '../dns/message.ts'
import { ownerOf } from '../fairness/owner.ts'
import type { Limits } from '../limits.ts'
import type { AccessRule } from '../policy/access.ts'
import type { Identity } from '../policy/chaos.ts'
import type { Designation } from '../policy/designation.ts'
import type { CodeParts } from '../policy/code/stage.ts'
import type { ListsInForce } from '../policy/lists/stages.ts'
import type { CookieSettings } from '../policy/cookies/server-cookies.ts'
import type { RateLimiter } from '../policy/limits/rate-limiter.ts'
import type { AnsweredLocally, AnyMode } from '../policy/minimal-any.ts'
import type { ShapingParts } from '../policy/shaping/stages.ts'
import type { Watch } from '../policy/recursion.ts'
import type { Selector } from '../policy/views/select.ts'
import type { Clock, EventSink, Random, Serve } from '../ports.ts'
import type { Resolver } from '../resolver/resolver.ts'
import type { LocalZones } from '../zone/local-zones.ts'
import type { Counters } from './counters.ts'
import type { Decided } from './decided.ts'
import { type Inspect, makeInspect } from './inspect.ts'
import { makePipeline, type PipelineParts } from './pipeline.ts'
import type { QueryLog } from './query-log.ts'
import { createServe, type ServeParts } from './serve.ts'
import type { WaitingClients } from './pending-queries.ts'

/** What answers the clients of a view. */
interface ServedView {
  readonly resolver: Pick<Resolver, 'resolve' | 'prefetch' | 'notYet' | 'cameBack'>
  readonly zones: { current(): LocalZones }
  /** What it knows of servers. */
  readonly caches: Pick<Caches, 'delegations' | 'rrsets'>
}

/** An engine with what it was made from. */
interface ServedEngine extends ServedView {
  readonly clock: Clock
  readonly random: Pick<Random, 'below'>
  readonly caches: Pick<Caches, 'answers' | 'delegations' | 'rrsets'>
}

export interface ServingParts {
  readonly engine: ServedEngine
  readonly allow: readonly Prefix[]
  /** See `GateParts`. */
  readonly access?: readonly AccessRule[] | undefined
  readonly views?: readonly Selector[] | undefined
  /** What answers view 0, 1 and so on. Absent: the engine answers all. */
  readonly served?: readonly ServedView[] | undefined
  /** Absent: cookies are neither made nor looked at. */
  readonly cookies?: CookieSettings | null
  /** Absent: clients may ask as much as they like. */
  readonly rate?: RateLimiter | undefined
  readonly identity: Identity
  /** See `PipelineParts`. */
  readonly isReady?: (() => boolean) | undefined
  readonly limits: Pick<Limits, 'server' | 'shaping' | 'tcp' | 'tls' | 'code'>
  readonly watch?: Watch | undefined
  /** Default: minimal for all. */
  readonly any?: AnyMode
  /** Key tags of the root that are trusted; undefined when clients may not ask for them (RFC 8509). */
  readonly rootKeyTags?: (() => readonly number[]) | undefined
  /** Undefined when encrypted transports are not announced. */
  readonly designation?: (() => Designation | null) | undefined
  /** Undefined when there are no lists. */
  readonly lists?: ListsInForce | undefined
  /** Absent: there are no policies written as programs. */
  readonly code?: Omit<CodeParts, 'limits'> | undefined
  /** Absent: no answer is changed. */
  readonly shaping?: Omit<ShapingParts, 'limits' | 'answeredByOwn'> | undefined
  /** Absent: there are no response policy zones. */
  readonly rpz?: Omit<RpzParts, 'serversOf'> | undefined
  /** Absent: no server sends us zones. */
  readonly notify?: ServeParts['notify']
  readonly waiting: WaitingClients
  readonly counters: Counters
  /** Absent: what they count is not reported. */
  readonly tallies?: NonNullable<ServeParts['tallies']>
  readonly events: EventSink
  readonly queryLog: QueryLog | null
  /** Kept over a reload. Absent: which rules decided on what is cached is not logged. */
  readonly decided?: Decided | undefined
}

export function makeServe(parts: ServingParts): Serve {
  const { engine, identity, limits, tallies } = parts
  const { clock, random, caches } = engine
  const of = viewsOf(parts)
  return createServe({
    clock,
    random,
    answers: caches.answers,
    prefetch: (question, client, view) => of(view).resolver.prefetch(question, ownerOf(client.ip)),
    notYet: (question, checkingDisabled, view) => of(view).resolver.notYet(question, checkingDisabled),
    pipeline: makePipeline(pipelineParts(parts)),
    notify: parts.notify,
    waiting: parts.waiting,
    counters: parts.counters,
    ...(tallies === undefined ? {} : { tallies }),
    events: parts.events,
    settings: {
      udpReplyBytes: limits.server.udpReplyBytes,
      edeTextBytes: limits.server.edeTextBytes,
      tcpIdleMs: limits.tcp.idleMs,
      rateDelayMs: limits.server.rateDelayMs,
      cookies: parts.cookies ?? null,
      paddingBlock: limits.tls.paddingBlock,
      nsid: identity.id === null ? null : new TextEncoder().encode(identity.id),
    },
    queryLog: parts.queryLog,
    decided: parts.decided,
  })
}

/** What every position of the order decides for a client, by the same parts. */
export const inspectOf = (parts: ServingParts): Inspect => makeInspect(pipelineParts(parts))

const viewsOf =
  ({ engine, served = [engine] }: ServingParts): ((view: number) => ServedView) =>
  view =>
    served[view] ?? engine

function pipelineParts(parts: ServingParts): PipelineParts {
  const { engine, allow, identity, limits, watch, rootKeyTags } = parts
  const { served = [engine] } = parts
  const of = viewsOf(parts)
  const { clock } = engine
  const answeredByOwn: AnsweredLocally = (question, view) => isAnsweredLocally(of(view).zones, question, false)
  return {
    allow,
    access: parts.access,
    views: parts.views,
    rate: parts.rate,
    identity,
    isReady: parts.isReady,
    resolverOf: view => of(view).resolver,
    cameBack: name => served.some(({ resolver }) => resolver.cameBack(name)),
    limits: limits.server,
    watch,
    ...(parts.any === undefined ? {} : { any: parts.any }),
    rootKeyTags,
    designation: parts.designation,
    lists: parts.lists,
    code: parts.code === undefined ? undefined : { ...parts.code, limits: limits.code },
    shaping:
      parts.shaping === undefined
        ? undefined
        : {
            ...parts.shaping,
            answeredByOwn,
            limits: limits.shaping,
          },
    answeredLocally: (question, view) => isAnsweredLocally(of(view).zones, question, true),
    answeredByOwn,
    rpz:
      parts.rpz === undefined
        ? undefined
        : { ...parts.rpz, serversOf: (name, view) => serversKnown(of(view), name, clock.now()) },
  }
}

/** `builtIn`: do special-use zones that the user did not write count as well? */
function isAnsweredLocally(zones: ServedEngine['zones'], question: Question, builtIn: boolean): boolean {
  const all = zones.current()
  const zone = all.find(question)
  if (zone === undefined || (!builtIn && all.isBuiltIn(zone))) return false
  const { kind } = zone.answer(question)
  return kind !== 'not-here' && kind !== 'referral'
}

/**
 * The servers of the zones that a name is in, with their addresses: as the walk found them, or an earlier one. Those of
 * the root and of top-level zones are in no rule (BIND min-ns-dots).
 */
function serversKnown({ caches }: ServedView, name: Name, now: number): NameServers {
  const names: Name[] = []
  const addresses: IpAddress[] = []
  for (let at = name; labelCount(at) > 1; ) {
    const cut = caches.delegations.closest(at, now)
    if (cut === undefined || labelCount(cut.zone) < 2) break
    for (const server of cut.servers) {
      names.push(server.name)
      addresses.push(...server.addresses)
      for (const type of [RrType.A, RrType.AAAA])
        for (const rdata of caches.rrsets.get(server.name, type, RrClass.IN, now)?.rrset.rdatas ?? [])
          addresses.push(...[ipOf(type, rdata)].flatMap(ip => ip ?? []))
    }
    at = parentOf(cut.zone)
  }
  return { names, addresses }
}
