/**
 * Signed worlds with one hostile server, or with somebody on the path: what is called secure is true, what lies below a
 * secure delegation is true or refused, and what was planted serves nobody when the attacker has left.
 */
import { describe, expect, it } from 'vitest'
import { explain, play, shrunk, type Violation } from './hostile/play.ts'
import { seeds } from './support.ts'

const SEEDS = 300
const LONG_SEEDS = 20_000
/** Explained in full; of the others the seed and a line. */
const EXPLAINED = 2

const lineOf = ({ seed, phase, question, wrong }: Violation): string => `seed ${seed}, ${phase}: ${question}: ${wrong}`

function report(violations: readonly Violation[], honest: boolean): string {
  return [
    ...violations.slice(0, EXPLAINED).map(one => explain(shrunk(one, { honest }))),
    `${violations.length} seeds:`,
    ...violations.map(lineOf),
  ].join('\n\n')
}

describe('signed worlds with a hostile server', () => {
  it('nothing forged is secure, or is data below a secure delegation, or outlives the attacker', {
    timeout: 3_600_000,
  }, () => {
    const played = seeds(SEEDS, LONG_SEEDS, SEEDS).map(seed => play(seed))
    const violations = played.flatMap(({ violation }) => violation ?? [])
    expect(played.length).toBeGreaterThan(0)
    if (violations.length > 0) expect.fail(report(violations, false))
    // A run in which nothing is changed, nothing answered or nothing refused would prove little.
    if (played.length < SEEDS) return
    const sum = (of: (one: (typeof played)[number]) => number): number =>
      played.reduce((total, one) => total + of(one), 0)
    expect(sum(({ changed }) => changed)).toBeGreaterThan(played.length)
    expect(sum(({ secure }) => secure)).toBeGreaterThan(sum(({ answers }) => answers) / 4)
    expect(sum(({ failures }) => failures)).toBeGreaterThan(sum(({ answers }) => answers) / 50)
  })

  it('the same worlds without anybody hostile are answered as planned', { timeout: 3_600_000 }, () => {
    const played = seeds(SEEDS / 6, LONG_SEEDS / 10).map(seed => play(seed, { honest: true }))
    const violations = played.flatMap(({ violation }) => violation ?? [])
    expect(played.length).toBeGreaterThan(0)
    if (violations.length > 0) expect.fail(report(violations, true))
  })
})
