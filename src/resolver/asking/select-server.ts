/**
 * Which server of a zone is asked next. Pure: what is known of the servers and two random numbers come in, a choice
 * comes out.
 */
import type { UpstreamLimits } from '../../limits.ts'

/** A server as one question sees it. */
export interface Candidate {
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
export function selectServer(
  candidates: readonly Candidate[],
  limits: UpstreamLimits,
  randomBelow: (n: number) => number,
): number {
  if (candidates.length < 2) return candidates.length - 1
  if (randomBelow(PERMILLE) < limits.explorePermille) return pick(candidates, triesOf, 0, randomBelow)
  return pick(candidates, scoreOf, limits.rttBandMs, randomBelow)
}

const triesOf = (c: Candidate): number => c.tries

const scoreOf = (c: Candidate): number =>
  (c.srttMs === null || c.tries > 0 ? Math.max(c.timeoutMs, c.srttMs ?? 0) : c.srttMs) * TRY_PENALTY ** c.tries

const PERMILLE = 1_000
const TRY_PENALTY = 4

/**
 * A random one among those that are at most `band` worse than the best. Loops and no closures: every question to a
 * server passes.
 */
function pick(
  candidates: readonly Candidate[],
  score: (candidate: Candidate) => number,
  band: number,
  randomBelow: (n: number) => number,
): number {
  let best = Number.POSITIVE_INFINITY
  for (const candidate of candidates) best = Math.min(best, score(candidate))
  let near = 0
  for (const candidate of candidates) if (score(candidate) <= best + band) near++
  let left = randomBelow(near)
  for (let i = 0; i < candidates.length; i++) {
    const candidate = candidates[i]
    if (candidate !== undefined && score(candidate) <= best + band && left-- === 0) return i
  }
  return -1
}
