/** Where the attacker of a planned world stands, which keys it has there, and which names are its own. */
import type { KeyStore } from '../../../src/simulation/key-store.ts'
import { nameOf } from '../../../src/simulation/records.ts'
import type { SimRandom } from '../../../src/simulation/random.ts'
import { simSettings } from '../../../src/simulation/settings.ts'
import { planOf } from '../../../src/signing/signing-plan.ts'
import type { SigningKey } from '../../../src/signing/zone-keys.ts'
import { pick, type PlannedZone, type WorldPlan } from './plan.ts'
import { isWithin } from './truth.ts'

export interface Position {
  /** For people. */
  readonly text: string
  /** Whose server it is; null: on the path to all of them, without keys. */
  readonly zone: PlannedZone | null
}

/** Keys that the attacker has, and what they are good for. */
export interface Held {
  readonly origin: string
  readonly signers: readonly SigningKey[]
  /** Zones delegated from it: what is at or below their names is not signed by it. */
  readonly cuts: readonly string[]
}

/** Not the root, nor a top-level zone: with those all is lost. */
export function positionOf(random: SimRandom, { zones }: WorldPlan): Position {
  if (random.below(5) < 2) return { text: 'somebody on the path', zone: null }
  const zone = pick(
    random,
    zones.filter(({ parent }) => parent !== null && parent.origin !== '.'),
  )
  return { text: `the server of ${zone.origin} (${zone.standing})`, zone }
}

export function heldBy(zone: PlannedZone | null, { zones }: WorldPlan, keys: KeyStore): Held | null {
  const plan = zone?.sign === undefined ? null : planOf(zone.sign)
  if (zone === null || plan === null) return null
  const cuts = zones.filter(({ parent }) => parent === zone).map(({ origin }) => origin)
  return { origin: zone.origin, signers: keys.keysOf(nameOf(zone.origin), simSettings.keySeed, plan).zoneSigners, cuts }
}

/** Is this name the attacker's own, to be signed as it likes? What it delegates is when it is insecure anyhow. */
export function isFreed({ zones }: WorldPlan, held: Held | null, name: string, type: string): boolean {
  if (held === null || !isWithin(name, held.origin)) return false
  if (type === 'DS' && (name === held.origin || held.cuts.includes(name))) return false
  return !zones.some(
    ({ origin, standing, parent }) => parent?.origin === held.origin && standing === 'secure' && isWithin(name, origin),
  )
}
