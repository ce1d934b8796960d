/** What is asked of a planned world: names of all kinds, there or not, those of the attacker's zone now and then. */
import type { SimRandom } from '../../../src/simulation/random.ts'
import { nameIn, pick, type PlannedZone, type WorldPlan } from './plan.ts'
import { isWithin } from './truth.ts'

export interface Ask {
  readonly name: string
  readonly type: string
}

/** Owners with their types. */
export type Owners = readonly (readonly [owner: string, types: readonly string[]])[]

const TYPES = [
  'A',
  'A',
  'AAAA',
  'TXT',
  'TLSA',
  'MX',
  'DS',
  'DNSKEY',
  'NSEC',
  'CNAME',
  'HTTPS',
  'ANY',
  'SOA',
  'NS',
] as const
const LABELS = [
  'nothing',
  'bank',
  'x.wild',
  'y.x.wild',
  'x.www',
  '_deny.cloud',
  '_acme-challenge.cloud',
  'x.alias',
  'www.old',
  'ent',
  'nothing.ent',
  'a.b.nothing',
  '*',
  '*.wild',
  'hub',
  'b.hub',
] as const
/** Where plants show: at names that do not exist, at wildcards and below aliases. */
const PROBED = [
  ['bank', 'A'],
  ['bank', 'A'],
  ['*', 'A'],
  ['*', 'A'],
  ['*', 'TXT'],
  ['bank', 'TXT'],
  ['z.wild', 'A'],
  ['*.wild', 'A'],
  ['z.wild', 'MX'],
  ['_acme-challenge.cloud', 'TXT'],
  ['_acme-challenge.cloud', 'TXT'],
  ['_443._tcp.cloud', 'TLSA'],
  ['_deny.cloud', 'TXT'],
  ['www', 'A'],
  ['alias', 'A'],
  ['www.old', 'A'],
] as const

export class Questions {
  readonly #random: SimRandom
  readonly #plan: WorldPlan
  readonly #owners: Owners
  readonly #near: PlannedZone | null

  /** `near` is the attacker's zone. */
  constructor(random: SimRandom, plan: WorldPlan, owners: Owners, near: PlannedZone | null) {
    this.#random = random
    this.#plan = plan
    this.#owners = owners
    this.#near = near
  }

  ask(): Ask {
    const random = this.#random
    if (random.below(3) === 0) return this.probe()
    const near = this.#near
    const owners =
      near !== null && random.below(3) === 0
        ? this.#owners.filter(([owner]) => isWithin(owner, near.origin))
        : this.#owners
    const [owner, types] = pick(random, owners)
    const known = random.below(3) > 0
    const type =
      known && random.below(4) > 0 ? pick(random, types) : pick(random, random.below(2) === 0 ? ['A', 'TXT'] : TYPES)
    return { name: known ? owner : this.#made(owner), type }
  }

  probe(): Ask {
    const random = this.#random
    const near = this.#near
    const above = near === null ? [] : this.#plan.zones.filter(({ origin }) => isWithin(near.origin, origin))
    const zone = pick(random, above.length > 0 && random.below(2) === 0 ? above : this.#plan.zones)
    const [label, type] = pick(random, PROBED)
    return { name: nameIn(zone.origin, label), type }
  }

  /** A name beside or below `owner`. */
  #made(owner: string): string {
    const random = this.#random
    const zone = this.#plan.zones.filter(({ origin }) => isWithin(owner, origin)).at(-1)
    const base = random.below(2) === 0 && !owner.startsWith('*') ? owner : (zone?.origin ?? '.')
    return nameIn(base, pick(random, LABELS))
  }
}
