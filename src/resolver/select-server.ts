/**
 * Which server of a zone is asked next. Pure: what is known of the servers and two random numbers come in, a choice
 * comes out.
 */
import type { Name } from '../dns/name.ts'
import type { UpstreamLimits } from '../limits.ts'
import type { ServerAddress } from '../ports.ts'

/** A server as one question sees it. */
export interface Candidate {
  readonly server: ServerAddress
  readonly name: Name
  /** Exchanges with it for this question so far. */
  readonly tries: number
  /** Time-out that would be given to it now, ms: grows with every time-out in a row. */
  readonly timeoutMs: number
  /** Smoothed round trip, ms; null when never heard. */
  readonly srttMs: number | null
}

/**
 * The index of the server to ask, -1 for none. Usually one of those within a band of the fastest, so that load spreads;
 * now and then any of the least tried, so that a server that became faster is noticed (Knot's epsilon). A try that
 * failed for this very question weighs more than history: its score quadruples.
 */
export function selectServer(candidates: readonly Candidate[], limits: UpstreamLimits, randomBelow: (n: number) => number): number {
  if (candidates.length < 2) return candidates.length - 1
  if (randomBelow(PERMILLE) < limits.explorePermille) return pick(candidates, c => c.tries, 0, randomBelow)
  return pick(candidates, scoreOf, limits.rttBandMs, randomBelow)
}

const scoreOf = (c: Candidate): number => (c.srttMs === null || c.tries > 0 ? Math.max(c.timeoutMs, c.srttMs ?? 0) : c.srttMs) * TRY_PENALTY ** c.tries

const PERMILLE = 1_000
const TRY_PENALTY = 4

/** A random one among those that are at most `band` worse than the best. */
function pick(candidates: readonly Candidate[], score: (candidate: Candidate) => number, band: number, randomBelow: (n: number) => number): number {
  let best = Number.POSITIVE_INFINITY
  for (const candidate of candidates) best = Math.min(best, score(candidate))
  const isNear = (candidate: Candidate): boolean => score(candidate) <= best + band
  let near = 0
  for (const candidate of candidates) if (isNear(candidate)) near++
  let left = randomBelow(near)
  return candidates.findIndex(candidate => isNear(candidate) && left-- === 0)
}
