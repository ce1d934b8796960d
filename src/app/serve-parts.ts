/**
 * From an engine to what answers datagrams: the policy in its order and all that the server is handed. The server and
 * the warm-up have theirs from here, so that a part is in both, and is the same code to V8.
 */
import type { Config } from '../config/types.ts'
import type { Prefix } from '../dns/address.ts'
import type { Question } from '../dns/message.ts'
import type { Limits } from '../limits.ts'
import type { AnyMode } from '../policy/minimal-any.ts'
import type { Watch } from '../policy/recursion.ts'
import type { EventSink, Serve } from '../ports.ts'
import type { Counters } from '../server/counters.ts'
import { makePipeline } from '../server/pipeline.ts'
import type { QueryLog } from '../server/query-log.ts'
import { createServe, type ServeParts } from '../server/serve.ts'
import type { WaitingClients } from '../server/pending-queries.ts'
import type { Recursor } from './recursor.ts'

export interface ServingParts {
  readonly recursor: Pick<Recursor, 'clock' | 'random' | 'caches' | 'resolver' | 'zones'>
  readonly allow: readonly Prefix[]
  readonly identity: Config['identity']
  readonly limits: Pick<Limits, 'server' | 'tcp'>
  readonly watch?: Watch | undefined
  readonly any: AnyMode
  /** Key tags of the root that are trusted; undefined when clients may not ask for them (RFC 8509). */
  readonly rootKeyTags: (() => readonly number[]) | undefined
  readonly waiting: WaitingClients
  readonly counters: Counters
  readonly tallies: NonNullable<ServeParts['tallies']>
  readonly events: EventSink
  readonly queryLog: QueryLog | null
}

export function makeServe(parts: ServingParts): Serve {
  const { recursor, allow, identity, limits, watch, rootKeyTags } = parts
  const { clock, random, caches, resolver, zones } = recursor
  return createServe({
    clock,
    random,
    answers: caches.answers,
    prefetch: question => resolver.prefetch(question),
    pipeline: makePipeline({
      allow,
      identity,
      resolver,
      limits: limits.server,
      watch,
      any: parts.any,
      rootKeyTags,
      answeredLocally: question => isAnsweredLocally(zones, question),
    }),
    waiting: parts.waiting,
    counters: parts.counters,
    tallies: parts.tallies,
    events: parts.events,
    settings: {
      udpReplyBytes: limits.server.udpReplyBytes,
      edeTextBytes: limits.server.edeTextBytes,
      tcpIdleMs: limits.tcp.idleMs,
      nsid: identity.id === null ? null : new TextEncoder().encode(identity.id),
    },
    queryLog: parts.queryLog,
  })
}

function isAnsweredLocally(zones: Recursor['zones'], question: Question): boolean {
  const kind = zones.current().find(question)?.answer(question).kind
  return kind !== undefined && kind !== 'not-here' && kind !== 'referral'
}
