/**
 * Where a walk begins: the servers that the configuration names for the name, else the closest cut that is cached, else
 * the root. Pure but for the clock of the cache.
 */
import { isStrictlyWithin, isWithin, parentOf, ROOT, type Name } from '../dns/name.ts'
import type { Question } from '../dns/message.ts'
import { RrType } from '../dns/types.ts'
import type { ForwardZone } from '../zone/forward-zones.ts'
import { forwardZonesFor, zoneCut, type Env, type Task, type ZoneCut } from './env.ts'

/** RFC 4035 section 4.2: DS is data of the parent side of a cut. */
const nameOfCut = ({ name, type }: Question): Name => (type === RrType.DS && name !== ROOT ? parentOf(name) : name)

/** The cut of a configured zone. It has no parent whose clock could end it, and its servers stay as they are. */
export const configuredCut = (configured: ForwardZone): ZoneCut => ({
  zone: configured.zone,
  servers: [],
  ds: null,
  expiresAt: Number.POSITIVE_INFINITY,
  from: configured.kind === 'forward' ? 'forward zone' : 'stub zone',
  configured,
})

/** The cut to ask for a question. `localCut` is one of a local zone. */
export function startingCut(env: Env, task: Task, question: Question, localCut: ZoneCut | null): ZoneCut {
  const name = nameOfCut(question)
  const configured = forwardZonesFor(env, task).of(question)
  if (localCut === null || (configured !== undefined && isWithin(configured.zone, localCut.zone)))
    return closestCut(env, name, configured)
  const cached = env.caches.delegations.closest(name, env.clock.now())
  return cached !== undefined && isStrictlyWithin(cached.zone, localCut.zone) ? zoneCut(cached, 'cache') : localCut
}

/** The cut to ask when the servers of a configured zone failed, as if that zone were not configured. */
export const cutWithout = (env: Env, task: Task, question: Question, failed: ForwardZone): ZoneCut =>
  closestCut(env, nameOfCut(question), forwardZonesFor(env, task).above(failed))

/** The deepest cut at or above a name, where `configured` is the zone that the operator named servers for. */
export function closestCut(env: Env, name: Name, configured: ForwardZone | undefined): ZoneCut {
  // What lies below a forward zone is the business of its resolvers; below a stub zone delegations are followed.
  if (configured?.kind === 'forward') return configuredCut(configured)
  const cached = env.caches.delegations.closest(name, env.clock.now())
  if (configured !== undefined)
    return cached !== undefined && isStrictlyWithin(cached.zone, configured.zone)
      ? zoneCut(cached, 'cache')
      : configuredCut(configured)
  if (cached !== undefined && cached.zone !== ROOT) return zoneCut(cached, 'cache')
  return env.root()
}
