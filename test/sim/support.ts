/**
 * How many seeds a simulation runs: 100, or a fifth with ROOTWALK_QUICK=1, or 20,000 with ROOTWALK_LONG=1, or
 * ROOTWALK_SEEDS=n. A failing seed is run alone with ROOTWALK_SEED=n.
 */
import { formatRr } from '../../src/presentation/rr-text.ts'
import { recordsOf } from '../../src/dns/rrset.ts'
import type { Outcome } from '../../src/steps.ts'

/** `quick` seeds in `npm test`; without it a fifth of the usual number. */
export function seeds(normally = 100, long = 20_000, quick?: number): number[] {
  const { ROOTWALK_SEED, ROOTWALK_SEEDS, ROOTWALK_LONG, ROOTWALK_QUICK } = process.env
  if (ROOTWALK_SEED !== undefined) return [Number(ROOTWALK_SEED)]
  const share = quick ?? Math.max(Math.min(normally, 5), Math.ceil(normally / 5))
  const byDefault = ROOTWALK_QUICK === '1' ? share : normally
  const count = ROOTWALK_SEEDS === undefined ? (ROOTWALK_LONG === '1' ? long : byDefault) : Number(ROOTWALK_SEEDS)
  return Array.from({ length: count }, (_, index) => index + 1)
}

/** What an outcome says, without TTLs: equal for equal answers whenever they were given. */
export function saying(outcome: Outcome): string {
  const records = outcome.rrsets
    .flatMap(set => recordsOf(set))
    .map(record => formatRr({ ...record, ttl: 0 }).toLowerCase())
    .sort()
  return `${outcome.kind}\n${records.join('\n')}`
}

/** The records of an outcome as lines. */
export const lines = (outcome: Outcome): string[] =>
  outcome.rrsets.flatMap(set => recordsOf(set)).map(record => formatRr(record).replaceAll('\t', ' '))
