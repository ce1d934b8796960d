/** Random internets against an oracle that reads the zones directly: the walk must come to what is written there. */
import { describe, expect, it } from 'vitest'
import type { Question } from '../../src/dns/message.ts'
import { foldName, isWithin, type Name } from '../../src/dns/name.ts'
import { targetOf } from '../../src/dns/rdata.ts'
import type { RRset } from '../../src/dns/rrset.ts'
import type { Outcome } from '../../src/steps.ts'
import { question } from '../../src/simulation/records.ts'
import { SimRandom } from '../../src/simulation/random.ts'
import { simulate } from '../../src/simulation/world.ts'
import type { Zone } from '../../src/zone/zone.ts'
import { randomWorld } from './random-worlds.ts'
import { saying, seeds } from './support.ts'

const security = { kind: 'indeterminate' } as const

/** What the zones say; null for a loop of aliases or a name that grows too long. */
function oracle(
  zones: readonly Zone[],
  asked: Question,
): { readonly outcome: Outcome; readonly aliases: number } | null {
  const chain: RRset[] = []
  const seen = new Set<Name>()
  let q = asked
  for (let aliases = 0; ; ) {
    if (seen.has(q.name)) return null
    seen.add(q.name)
    const zone = zones.filter(one => isWithin(q.name, one.origin)).sort((a, b) => b.origin.length - a.origin.length)[0]
    const found = zone?.answer(q)
    if (found === undefined) throw new Error('no zone')
    chain.push(...found.rrsets)
    aliases += found.rrsets.filter(set => set.type === 5).length
    switch (found.kind) {
      case 'answer':
        if (asked.type !== 5 && repeats(chain)) return null
        return {
          outcome: { kind: 'answer', rrsets: chain, proof: [], security, authoritative: false, additional: [] },
          aliases,
        }
      case 'alias':
        q = { ...q, name: found.target }
        continue
      case 'nodata':
      case 'nxdomain':
        return repeats(chain)
          ? null
          : {
              outcome: { kind: found.kind, rrsets: chain, soa: found.soa, proof: [], security, authoritative: false },
              aliases,
            }
      case 'name-too-long':
        return null
      case 'referral': {
        // An alias led from the zone into a child of it.
        const last = found.rrsets.findLast(set => set.type === 5)?.rdatas[0]
        const target = last === undefined ? null : targetOf(last)
        if (target === null || !isWithin(foldName(target), found.cut))
          throw new Error('the deepest zone refers to a deeper one')
        q = { ...q, name: foldName(target) }
        continue
      }
      case 'unavailable':
      case 'not-here':
        throw new Error(`the deepest zone gives a ${found.kind}`)
      default:
        found satisfies never
    }
  }
}

/** Is an alias passed twice? */
const repeats = (chain: readonly RRset[]): boolean => {
  const owners = chain.filter(set => set.type === 5).map(set => set.name)
  return new Set(owners).size < owners.length
}

describe('random internets', () => {
  it('are resolved to what their zones say', { timeout: 3_600_000 }, () => {
    let compared = 0
    let long = 0
    for (const seed of seeds(150, 20_000)) {
      const random = new SimRandom(seed)
      const made = randomWorld(random, 3 + random.below(7))
      const minimise = (['off', 'relaxed', 'strict'] as const)[random.below(3)] ?? 'off'
      const world = simulate({ zones: made.zones, seed, settings: { minimise, mixCase: random.below(2) === 0 } })
      for (let i = 0; i < 12; i++) {
        const name = made.name()
        const type = (['A', 'A', 'TXT', 'CNAME', 'SOA', 'NS'] as const)[random.below(6)] ?? 'A'
        const truth = oracle(world.internet.zones, question(name, type))
        const outcome = world.resolve(name, type)
        const where = `seed ${seed}, ${minimise}: ${name} ${type}\n${made.zones.map(zone => `; ${zone.origin} at ${zone.at.join(' ')}\n${zone.text}`).join('\n')}\n${world.traceText()}`
        if (truth === null) expect(outcome.kind, where).toBe('failure')
        else if (outcome.kind === 'failure' && truth.aliases > 8) long++
        else if (saying(outcome) !== saying(truth.outcome)) expect(saying(outcome), where).toBe(saying(truth.outcome))
        compared++
      }
      world.run()
      expect(world.clock.pending, `seed ${seed}`).toBe(0)
    }
    expect(long).toBeLessThan(compared / 20)
  })
})
