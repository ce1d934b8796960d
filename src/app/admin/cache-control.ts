/** The caches and the resolver as the API sees them: looked into, flushed, asked. */
import type { CacheControls, CacheEntry, CachePageRequest, CacheView } from '../../admin/cache-controls.ts'
import type { CacheKind } from '../../admin/cache-kinds.ts'
import { adminLimits } from '../../admin/limits.ts'
import type { ControlsOf } from '../../admin/controls.ts'
import type { Caches } from '../../cache/caches.ts'
import { questionOfKey } from '../../dns/message.ts'
import { foldName, isWithin, ROOT, trustWireName, type Name } from '../../dns/name.ts'
import { RrClass, RrType } from '../../dns/types.ts'
import { formatName } from '../../presentation/text.ts'
import { jsonRecord } from '../../render/message.ts'
import { explainReport } from '../../render/explain-report.ts'
import { questionText, type TraceStep } from '../../resolver/trace.ts'
import { resolutionOf } from '../library.ts'
import type { Resolver } from '../../resolver/resolver.ts'
import type { Clock } from '../../ports.ts'
import type { ViewEngines } from '../views/engine-of.ts'
import type { Served } from '../views/partitions.ts'
import type { Recursor } from '../recursor.ts'
import type { Changes } from '../shared/changes.ts'
import {
  delegationEntry,
  failureEntry,
  momentOf,
  negativeEntry,
  rrsetEntry,
  serverEntry,
  troubles,
  type Moment,
} from './cache-entries.ts'

export function cacheControls(recursor: Recursor, changes: Changes, engines: ViewEngines): ControlsOf<CacheControls> {
  const { clock } = recursor
  /** Explanations from the root that are under way. */
  let apart = 0
  return {
    cacheOf: (name, view) => lookedInto(engines.named(view), engine => cacheOf(engine, clock, name)),
    cachePage: request => lookedInto(engines.named(request.view), engine => cachePage(engine, clock, request)),
    flush: async ({ allInstances, view, ...flush }) => {
      const only = engines.named(view)
      if (only === undefined) return null
      return view === null ? changes.flush(flush, allInstances) : changes.flush(flush, false, only)
    },
    servers: ({ view, ...page }) => lookedInto(engines.named(view), ({ caches }) => serversOf(caches, clock, page)),
    resolutions: () => recursor.resolver.questionsInFlight,
    async explain(request) {
      const { view, client: ip } = request
      const engine = view === null ? engines.of({ ip, port: 0, transport: 'udp' }) : engines.named(view)
      if (engine === undefined) return { kind: 'no-view' }
      if (!request.fromRoot) return explain(recursor, engine.resolver, request)
      if (apart >= adminLimits.explainsApart) return { kind: 'busy' }
      apart++
      try {
        return await explain(recursor, engine.apart(adminLimits.explainCacheBytes), request)
      } finally {
        apart--
      }
    },
  }
}

const lookedInto = <T>(engine: Served | undefined, look: (engine: Served) => T): T | null =>
  engine === undefined ? null : look(engine)

function serversOf(
  caches: Caches,
  clock: Clock,
  { after, limit, troubled }: Omit<Parameters<CacheControls['servers']>[0], 'view'>,
): ReturnType<CacheControls['servers']> {
  const at = momentOf(clock)
  const troublesOf = troubles(caches.servers, at)
  const isTroubled = (server: string): boolean => {
    const { throttled, lame } = troublesOf(server)
    return throttled.length + lame.length + caches.servers.facts(server, at.now).timeoutsInRow > 0
  }
  const keys = [...caches.servers.keys()]
    .filter(key => (after === null || key > after) && (!troubled || isTroubled(key)))
    .sort()
  const page = keys.slice(0, limit)
  const servers = page.map(key => ({ ...serverEntry(caches.servers, key, at), ...troublesOf(key) }))
  return { servers, next: keys.length > limit ? (page.at(-1) ?? null) : null }
}

function cacheOf({ caches, zones }: Served, clock: Clock, name: Name): CacheView {
  const { rrsets, negatives, failures, delegations } = caches
  const at = momentOf(clock)
  const stored = (keys: Iterable<string>): string[] =>
    [...keys].filter(key => key.startsWith(name) && key.length === name.length + 2)
  const delegation = delegations.get(name, at.now)
  const local = zones.current().find({ name, type: RrType.A, class: RrClass.IN })
  const closest = delegations.closest(name, at.now)
  return {
    name: formatName(name),
    entries: [
      ...rrsets.at(name, at.now).map(entry => rrsetEntry(entry, caches.ttls.of(entry.rrset.name), at)),
      ...stored(negatives.keys()).flatMap(key => entriesOf(caches, 'negatives', key, at)),
      ...stored(failures.keys()).flatMap(key => entriesOf(caches, 'failures', key, at)),
      ...(delegation === undefined ? [] : [delegationEntry(delegation, at)]),
    ],
    localZone: local === undefined ? null : formatName(local.origin),
    closestDelegation: closest === undefined ? null : delegationEntry(closest, at),
  }
}

const keysOf = ({ rrsets, negatives, failures, delegations }: Caches, kind: CacheKind): Iterable<string> => {
  switch (kind) {
    case 'rrsets':
      return rrsets.names()
    case 'negatives':
      return negatives.keys()
    case 'failures':
      return failures.keys()
    case 'delegations':
      return delegations.zones()
    default:
      return kind satisfies never
  }
}

const folded = (octets: string): Name => foldName(trustWireName(octets))

function entriesOf(caches: Caches, kind: CacheKind, key: string, at: Moment): CacheEntry[] {
  switch (kind) {
    case 'rrsets':
      return caches.rrsets.at(folded(key), at.now).map(entry => rrsetEntry(entry, caches.ttls.of(entry.rrset.name), at))
    case 'negatives': {
      const entry = caches.negatives.peek(key, at.now)
      return entry === undefined ? [] : [negativeEntry(entry, questionOfKey(key), caches.ttls.of(entry.name), at)]
    }
    case 'failures': {
      const failure = caches.failures.peek(key, at.now)
      return failure === undefined ? [] : [failureEntry(failure, questionOfKey(key), at)]
    }
    case 'delegations': {
      const delegation = caches.delegations.get(folded(key), at.now)
      return delegation === undefined ? [] : [delegationEntry(delegation, at)]
    }
    default:
      return kind satisfies never
  }
}

/** Keys that are looked at before queries get their turn: some tenths of a millisecond. */
const KEYS_A_TURN = 2_000

/**
 * In the order of the keys' octets: each page reads all keys and keeps the least of those after the last page, in
 * pieces, so that DNS goes on meanwhile. What comes and goes between pages may or may not be in them.
 */
async function cachePage(
  { caches }: Served,
  clock: Clock,
  { kind, under, after, limit }: CachePageRequest,
): Promise<ReturnType<CacheControls['cachePage']>> {
  const nameOf = (key: string): Name =>
    kind === 'rrsets' || kind === 'delegations' ? folded(key) : questionOfKey(key).name
  const least: string[] = []
  const keys = [...keysOf(caches, kind)]
  for (const [index, key] of keys.entries()) {
    if (index % KEYS_A_TURN === KEYS_A_TURN - 1) await new Promise(resolve => setImmediate(resolve))
    if (after !== null && key <= after) continue
    if (least.length > limit && key >= (least.at(-1) ?? '')) continue
    if (under !== ROOT && !isWithin(nameOf(key), under)) continue
    const place = least.findIndex(one => one > key)
    least.splice(place < 0 ? least.length : place, 0, key)
    if (least.length > limit + 1) least.pop()
  }
  const page = least.slice(0, limit)
  const at = momentOf(clock)
  return {
    entries: page.flatMap(key => entriesOf(caches, kind, key, at)),
    next: least.length > limit ? (page.at(-1) ?? null) : null,
  }
}

/** As a client of this resolver would be answered: the walk, and where it failed the one cause. */
function explain(
  { clock }: Recursor,
  resolver: Pick<Resolver, 'resolve'>,
  { name, type, checkingDisabled, deadlineMs }: Parameters<CacheControls['explain']>[0],
): ReturnType<CacheControls['explain']> {
  const steps: TraceStep[] = []
  const startedAtMs = clock.now()
  const startedAt = new Date()
  const question = { name, type, class: RrClass.IN }
  return new Promise(resolve => {
    const timer = setTimeout(() => {
      cancel()
      const last = steps.findLast(step => step.kind === 'exchange')
      resolve({ kind: 'deadline', steps: steps.length, last: last === undefined ? '' : questionText(last.question) })
    }, deadlineMs)
    const cancel = resolver.resolve(
      question,
      { recursionDesired: true, because: 'client', checkingDisabled, trace: step => steps.push(step) },
      outcome => {
        clearTimeout(timer)
        const report = explainReport({
          question: questionText(question),
          resolution: resolutionOf(outcome, jsonRecord),
          ...{ outcome, steps, startedAt, startedAtMs },
          tookMs: clock.now() - startedAtMs,
        })
        resolve({ kind: 'explained', report: { ...report } })
      },
    )
  })
}
