/**
 * Attacks that make a resolver work for others: those of `src/attacks` with every way to minimise and more seeds than
 * the score card has, and some more in the same internet. The bounds are those of the score card.
 */
import { describe, expect, it } from 'vitest'
import { amplification } from '../../src/attacks/amplification.ts'
import { attackBounds } from '../../src/attacks/bounds.ts'
import type { WorldAttack } from '../../src/attacks/report.ts'
import { around, delegated, each, range, SOA, VICTIM, zoneOf } from '../../src/attacks/zones.ts'
import type { ServerSource, ZoneSource } from '../../src/simulation/internet.ts'
import { KeyStore } from '../../src/simulation/key-store.ts'
import { simulate, type World } from '../../src/simulation/world.ts'
import { seeds } from './support.ts'

/** Each zone is read once. */
const keys = new KeyStore()

type Attack = Pick<WorldAttack, 'title' | 'zones' | 'servers' | 'ask' | 'victims'>

const failing = (does: string): Attack => {
  const servers: readonly ServerSource[] = range(13).map(i => ({ at: [`203.0.113.${100 + i}`], does: [does] }))
  return {
    title: `thirteen servers that ${does}`,
    zones: around(each(13, i => `broken 300 IN NS ns${i}.broken\nns${i}.broken 300 IN A 203.0.113.${100 + i}`)),
    servers,
    ask: 'www.broken.example.',
  }
}

/** The addresses of the good ones last no longer than the question, so that each link is looked up again. */
const campThatGetsOn = (): Attack => {
  const good = each(12, j => `y${j}.good 0 IN A 203.0.113.${10 + j}`)
  const delegations = each(
    12,
    j => `d${j} 300 IN NS y${j}.good.victim.example.\n${each(9, i => `d${j} 300 IN NS x${j}-${i}.victim.example.`)}`,
  )
  const links = range(12).map(
    (j): ZoneSource => ({
      origin: `d${j}.evil.example.`,
      at: [`203.0.113.${10 + j}`],
      text: `${SOA}\n@ 300 IN NS y${j}.good.victim.example.\nc 300 IN CNAME c.d${j + 1}.evil.example.`,
    }),
  )
  const world = around(delegated('evil')).map(zone =>
    zone.origin === 'victim.example.' ? { ...zone, text: `${zone.text}\n${good}` } : zone,
  )
  return {
    title: "CAMP that gets on: in each delegation one of the victim's names is a server that answers",
    zones: [...world, zoneOf('evil', delegations), ...links],
    ask: 'c.d0.evil.example.',
    victims: [VICTIM],
  }
}

const attacks: readonly Attack[] = [
  ...amplification,
  campThatGetsOn(),
  ...['notimp', 'truncates', 'bareErrors', 'portClosed', 'spoofs', 'dropsEdns', 'badVersion'].map(failing),
]

const build = ({ zones, servers }: Attack, seed: number, minimise: 'off' | 'relaxed' | 'strict'): World =>
  simulate({ zones, keys, ...(servers === undefined ? {} : { servers }), seed, settings: { minimise } })

const toVictim = (world: World, { victims = [] }: Attack): number =>
  victims.reduce((sum, address) => sum + world.exchangesTo(address).length, 0)

describe('attacks', () => {
  it.each(attacks)('$title', attack => {
    for (const seed of seeds(5, 100)) {
      for (const minimise of ['off', 'relaxed', 'strict'] as const) {
        const world = build(attack, seed, minimise)
        const outcome = world.resolve(attack.ask)
        world.run()
        const first = world.network.started
        const where = `${minimise}, seed ${seed}\n${world.traceText()}`
        expect(outcome.kind, where).toBe('failure')
        expect(first, `messages in all, ${where}`).toBeLessThanOrEqual(attackBounds.messages)
        expect(toVictim(world, attack), `messages to the victim, ${where}`).toBeLessThanOrEqual(
          attackBounds.victimMessages,
        )
        for (let i = 0; i < 50; i++) {
          world.resolve(attack.ask)
          world.advance('40ms')
        }
        world.run()
        expect(
          world.network.started - first,
          `50 repeats within 2 s, ${minimise}, seed ${seed}\n${world.traceText().slice(-6000)}`,
        ).toBeLessThanOrEqual(attackBounds.repeatFactor * first)
        expect(world.clock.pending).toBe(0)
      }
    }
  })

  it('five hundred equal questions at once are one resolution', () => {
    const attack = attacks.find(({ title }) => title.includes('never answer'))
    if (attack === undefined) throw new Error('no such attack')
    const world = build(attack, 1, 'relaxed')
    const started = Array.from({ length: 500 }, () => world.start(attack.ask))
    world.run()
    expect(started.every(one => one.outcome?.kind === 'failure')).toBe(true)
    expect(world.network.started).toBeLessThanOrEqual(attackBounds.messages)
  })
})
