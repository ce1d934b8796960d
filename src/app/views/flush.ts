/** Names removed from the caches on purpose: from those of all clients, and of views with an engine of their own. */
import type { Flush, Flushed } from '../../admin/cache-controls.ts'
import type { Caches } from '../../cache/caches.ts'
import { isWithin, type Name } from '../../dns/name.ts'
import type { Engine } from '../../engine/engine.ts'
import type { Recursor } from '../recursor.ts'
import type { Partitions } from './partitions.ts'

export type FlushedEngine = Pick<Engine, 'caches' | 'resolver'>

/** How many entries went, in all of them; `only`: in this one. */
export function flushCaches(
  recursor: Recursor,
  partitions: Pick<Partitions, 'engines'>,
  flush: Flush,
  only?: FlushedEngine,
): Flushed {
  const engines = only === undefined ? [recursor, ...partitions.engines] : [only]
  const each = engines.map(engine => flushEngine(engine, flush))
  // Finished answers are in one store for all.
  return { ...each.reduce(sum), answers: each[0]?.answers ?? 0 }
}

function flushEngine(engine: FlushedEngine, { name, below, servers, dryRun }: Flush): Flushed {
  const flushed = name === null ? flushAll(engine, servers, dryRun) : flushName(engine.caches, name, below, dryRun)
  // What began before is of no use to who asks from now on.
  if (!dryRun) engine.resolver.shareNoneInFlight()
  return flushed
}

const sum = (a: Flushed, b: Flushed): Flushed => ({
  rrsets: a.rrsets + b.rrsets,
  negatives: a.negatives + b.negatives,
  failures: a.failures + b.failures,
  delegations: a.delegations + b.delegations,
  zoneStates: a.zoneStates + b.zoneStates,
  denials: a.denials + b.denials,
  answers: a.answers,
  servers: a.servers + b.servers,
})

function flushName(caches: Caches, name: Name, below: boolean, dryRun: boolean): Flushed {
  const which = (each: Name): boolean => each === name || (below && isWithin(each, name))
  const flushed: Flushed = {
    rrsets: caches.rrsets.removeWhere(which, dryRun),
    negatives: caches.negatives.removeWhere(which, dryRun),
    failures: caches.failures.removeWhere(which, dryRun),
    delegations: caches.delegations.removeWhere(which, dryRun),
    zoneStates: caches.zoneStates.removeWhere(which, dryRun),
    denials: caches.denials.removeWithin(name, dryRun),
    // They are not kept by name, and can go through other names.
    answers: caches.answers.size,
    servers: 0,
  }
  if (!dryRun) caches.answers.clear()
  return flushed
}

function flushAll({ caches, resolver }: FlushedEngine, servers: boolean, dryRun: boolean): Flushed {
  const { rrsets, negatives, failures, delegations, zoneStates, denials, answers } = caches
  const all = { rrsets, negatives, failures, delegations, zoneStates, denials, answers }
  const flushed: Flushed = {
    rrsets: rrsets.size,
    negatives: negatives.size,
    failures: failures.size,
    delegations: delegations.size,
    zoneStates: zoneStates.size,
    denials: denials.size,
    answers: answers.size,
    servers: servers ? caches.servers.size : 0,
  }
  if (dryRun) return flushed
  for (const store of Object.values(all)) store.clear()
  if (servers) caches.servers.clear()
  resolver.unprime()
  return flushed
}
