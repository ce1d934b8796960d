/** `simulateAttack`: the attacks of the score card, in a test. */
import { attackKeys, runAttack } from '../attacks/run.ts'
import { attackNamed, attacks } from '../attacks/attacks.ts'
import type { AttackReport } from '../attacks/report.ts'
import type { LimitChanges } from '../limits.ts'
import { suggest } from '../presentation/suggest.ts'

export interface AttackOptions {
  /** Equal seeds give equal numbers, but for the time of the processor. Default 1. */
  readonly seed?: number
  /** Other limits than those that the engine has: what holds the attack off? `{ budget: { queries: 1000 } }`. */
  readonly limits?: LimitChanges
}

/** The names of all attacks, in the order of the score card. */
export const attackNames: readonly string[] = attacks.map(({ name }) => name)

/**
 * Runs an attack against the engine, in an internet inside this process, on a virtual clock. The report says what was
 * measured, what it may be at most, and what keeps it down. Throws a `TypeError` when there is no such attack.
 *
 * @example
 * expect(simulateAttack('nxns').held).toBe(true)
 */
export function simulateAttack(name: string, { seed = 1, limits }: AttackOptions = {}): AttackReport {
  const attack = attackNamed(name)
  if (attack === undefined) {
    const near = suggest(name, attackNames)
    throw new TypeError(`there is no attack "${name}"${near === null ? '' : `, did you mean "${near}"?`}`)
  }
  return runAttack(attack, { seed, cpuMs, ...(limits === undefined ? {} : { limits }) }, attackKeys())
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}
