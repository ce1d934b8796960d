/** Answers that are asked for again ahead of time, while their zone's servers are in trouble. */
import { describe, expect, it } from 'vitest'
import { OURSELVES } from '../../src/fairness/owner.ts'
import { question } from '../../src/simulation/records.ts'
import { simulate, type World } from '../../src/simulation/world.ts'
import { oddInternet, reacting, replies, type Reply } from '../real-world/world.ts'

const ADDRESS = '198.51.100.7'

/** A zone of one server that says `said` as long as it is not honest, with its records fetched. */
function open(said: Reply): { readonly world: World; readonly control: { lose: number; honest: boolean } } {
  const odd = oddInternet(
    { 'kab.test.': { records: 'www 60 A 192.0.2.1\nalias 60 CNAME www', servers: [() => said], at: [ADDRESS] } },
    zone => `198.51.100.${zone + 1}`,
  )
  const world = simulate(odd)
  const control = { lose: 0, honest: true }
  for (const [address, server] of odd.behaviours) {
    const host = world.internet.hosts.get(address)
    if (host !== undefined) host.server.react = reacting(host.server, server, control)
  }
  return { world, control }
}

const rows: readonly (readonly [string, Reply, string])[] = [
  ['SERVFAIL', replies('SERVFAIL'), 'www.kab.test.'],
  ['REFUSED', replies('REFUSED'), 'www.kab.test.'],
  ['silence', 'silent', 'www.kab.test.'],
  ['a closed port', 'closed', 'www.kab.test.'],
  ['SERVFAIL for the target of an alias', replies('SERVFAIL'), 'alias.kab.test.'],
]

describe('a prefetch that fails', () => {
  it.each(rows)('costs no client an answer: %s', (_about, said, name) => {
    const { world, control } = open(said)
    expect(world.resolve(name).kind).toBe('answer')
    world.advance('57s')
    control.honest = false
    world.resolver.prefetch(question(name, 'A'), OURSELVES)
    world.run()
    expect(world.caches.failures.find(question(name, 'A'), world.clock.now())).toBeUndefined()
    control.honest = true
    world.advance(Math.max(0, 61_000 - world.clock.now()))
    expect(world.resolve(name).kind).toBe('answer')
  })

  it.each(rows)('is tried again only after a pause: %s', (_about, said, name) => {
    const { world, control } = open(said)
    world.resolve(name)
    control.honest = false
    const sent = (): number => {
      const before = world.exchanges.length
      world.resolver.prefetch(question(name, 'A'), OURSELVES)
      world.run()
      return world.exchanges.length - before
    }
    expect(sent()).toBeGreaterThan(0)
    expect([sent(), sent()]).toEqual([0, 0])
    world.advance(world.limits.engine.prefetchPauseMs)
    control.honest = true
    expect(sent()).toBeGreaterThan(0)
  })
})
