/**
 * Attacks that make a resolver work for others, as whole worlds: what one client query may cost is measured at the
 * wire. The bounds are those that resolvers of 2026 were measured against: 60 messages in all, 25 to servers of a zone
 * that the query does not belong to, and 50 repeats cost at most three times the first.
 */
import { describe, expect, it } from 'vitest'
import type { ServerSource, ZoneSource } from '../../src/simulation/internet.ts'
import { KeyStore } from '../../src/simulation/key-store.ts'
import { simulate, type World } from '../../src/simulation/world.ts'
import { seeds } from './support.ts'

/** Each zone is read once. */
const keys = new KeyStore()

const MOST_MESSAGES = 60
const MOST_TO_VICTIM = 25

interface Attack {
  readonly title: string
  readonly zones: readonly ZoneSource[]
  readonly servers?: readonly ServerSource[]
  readonly ask: string
  /** Addresses of the zone that suffers. */
  readonly victim?: readonly string[]
  /** The outcome when it is known for certain. */
  readonly outcome?: 'failure' | 'nodata' | 'nxdomain' | 'answer'
}

const root = '198.51.100.1'
const tld = '198.51.100.41'
const attacker = '203.0.113.1'
const victim = '192.0.2.80'
const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index)
const soa = '@ 300 IN SOA ns h 1 7200 3600 86400 300'

/** Root and `example.` with the delegations given, and the victim's zone. */
const around = (delegations: string): ZoneSource[] => [
  {
    origin: '.',
    at: [root],
    text: `@ 86400 IN SOA a.root. h. 1 2 3 4 300\n@ 86400 IN NS a.root.\na.root. 86400 IN A ${root}\nexample. 86400 IN NS a.nic.example.\na.nic.example. 86400 IN A ${tld}`,
  },
  {
    origin: 'example.',
    at: [tld],
    text: `${soa}\n@ 300 IN NS a.nic\na.nic 300 IN A ${tld}\nvictim 300 IN NS ns.victim\nns.victim 300 IN A ${victim}\n${delegations}`,
  },
  { origin: 'victim.example.', at: [victim], text: `${soa}\n@ 300 IN NS ns\nns 300 IN A ${victim}` },
]
const evil = `evil 300 IN NS ns.evil\nns.evil 300 IN A ${attacker}`
const evilZone = (text: string): ZoneSource => ({
  origin: 'evil.example.',
  at: [attacker],
  text: `${soa}\n@ 300 IN NS ns\nns 300 IN A ${attacker}\n${text}`,
})
const failing = (does: string): Attack => ({
  title: `thirteen servers that ${does}`,
  zones: around(
    range(13)
      .map(i => `broken 300 IN NS ns${i}.broken\nns${i}.broken 300 IN A 203.0.113.${100 + i}`)
      .join('\n'),
  ),
  servers: range(13).map(i => ({ at: [`203.0.113.${100 + i}`], does: [does] })),
  ask: 'www.broken.example.',
  outcome: 'failure',
})

/** A chain of zones, each a label below the other, each with a server of its own. */
function deepChain(depth: number): ZoneSource[] {
  const zones: ZoneSource[] = []
  for (let level = 0; level < depth; level++) {
    const at = `203.0.${113 + (level >> 7)}.${level & 127}`
    const next = `203.0.${113 + ((level + 1) >> 7)}.${(level + 1) & 127}`
    const delegation = level === depth - 1 ? 'x 300 IN A 192.0.2.1' : `a 300 IN NS ns.a\nns.a 300 IN A ${next}`
    zones.push({
      origin: `${'a.'.repeat(level)}deep.example.`,
      at: [at],
      text: `${soa}\n@ 300 IN NS ns\nns 300 IN A ${at}\n${delegation}`,
    })
  }
  return zones
}

const attacks: readonly Attack[] = [
  {
    title: 'referrals a hundred levels deep',
    zones: [...around('deep 300 IN NS ns.deep\nns.deep 300 IN A 203.0.113.0'), ...deepChain(100)],
    ask: `${'a.'.repeat(99)}deep.example.`,
    outcome: 'failure',
  },
  {
    title: 'NXNSAttack: a delegation to names of the victim that do not exist (CVE-2020-8616)',
    zones: [
      ...around(evil),
      evilZone(
        range(40)
          .map(i => `sub 300 IN NS x${i}.victim.example.`)
          .join('\n'),
      ),
    ],
    ask: 'www.sub.evil.example.',
    victim: [victim],
    outcome: 'failure',
  },
  {
    title: 'NXNSAttack below one alias after the other',
    zones: [
      ...around(evil),
      evilZone(
        range(12)
          .map(
            j =>
              `c${j} 300 IN CNAME www.sub${j}\n${range(20)
                .map(i => `sub${j} 300 IN NS x${j}-${i}.victim.example.`)
                .join('\n')}`,
          )
          .join('\n'),
      ),
    ],
    ask: 'c0.evil.example.',
    victim: [victim],
    outcome: 'failure',
  },
  {
    title: 'CAMP: aliases x name servers x minimisation',
    zones: [
      ...around(evil),
      evilZone(
        range(12)
          .map(
            j =>
              `${'m.'.repeat(8)}c${j} 300 IN CNAME ${'m.'.repeat(8)}c${j + 1}.d${j}\n${range(10)
                .map(i => `d${j} 300 IN NS ${'q.'.repeat(8)}x${j}-${i}.victim.example.`)
                .join('\n')}`,
          )
          .join('\n'),
      ),
    ],
    ask: `${'m.'.repeat(8)}c0.evil.example.`,
    victim: [victim],
    outcome: 'failure',
  },
  {
    title: "CAMP that gets on: in each delegation one of the victim's names is a server that answers",
    zones: [
      ...around(evil).map(zone =>
        zone.origin === 'victim.example.'
          ? {
              ...zone,
              text: `${zone.text}\n${range(12)
                .map(j => `y${j}.good 0 IN A 203.0.113.${10 + j}`)
                .join('\n')}`,
            }
          : zone,
      ),
      evilZone(
        range(12)
          .map(
            j =>
              `d${j} 300 IN NS y${j}.good.victim.example.\n${range(9)
                .map(i => `d${j} 300 IN NS x${j}-${i}.victim.example.`)
                .join('\n')}`,
          )
          .join('\n'),
      ),
      ...range(12).map(
        (j): ZoneSource => ({
          origin: `d${j}.evil.example.`,
          at: [`203.0.113.${10 + j}`],
          text: `${soa}\n@ 300 IN NS y${j}.good.victim.example.\nc 300 IN CNAME c.d${j + 1}.evil.example.`,
        }),
      ),
    ],
    ask: 'c.d0.evil.example.',
    victim: [victim],
    outcome: 'failure',
  },
  {
    title: 'aliases that hop between two zones with new names for ever',
    zones: [
      ...around(`${evil}\nother 300 IN NS ns.other\nns.other 300 IN A 203.0.113.2`),
      evilZone(
        range(60)
          .map(i => `c${2 * i} 300 IN CNAME c${2 * i + 1}.other.example.`)
          .join('\n'),
      ),
      {
        origin: 'other.example.',
        at: ['203.0.113.2'],
        text: `${soa}\n@ 300 IN NS ns\nns 300 IN A 203.0.113.2\n${range(60)
          .map(i => `c${2 * i + 1} 300 IN CNAME c${2 * i + 2}.evil.example.`)
          .join('\n')}`,
      },
    ],
    ask: 'c0.evil.example.',
    outcome: 'failure',
  },
  {
    title: 'NRDelegation: a delegation to many servers that never answer (CVE-2022-3204)',
    zones: [
      ...around(evil),
      evilZone(
        range(40)
          .map(i => `sub 300 IN NS x${i}.silent.example.`)
          .join('\n'),
      ),
    ],
    ask: 'www.sub.evil.example.',
    outcome: 'failure',
  },
  {
    title: 'self-pointed glue (CVE-2026-3592)',
    zones: [
      ...around(
        range(13)
          .map(
            i =>
              `evil 300 IN NS ns${i}.evil\n${range(6)
                .map(j => `ns${i}.evil 300 IN A ${j === 0 ? attacker : `203.0.113.${i * 6 + j}`}`)
                .join('\n')}`,
          )
          .join('\n'),
      ),
      evilZone(''),
    ],
    servers: [{ at: [attacker], does: ['selfGlue', 'loops'] }],
    ask: 'www.evil.example.',
    outcome: 'failure',
  },
  {
    title: 'TsuNAME: zones in a circle of five',
    zones: around(
      range(5)
        .map(i => `z${i} 300 IN NS ns.z${(i + 1) % 5}`)
        .join('\n'),
    ),
    ask: 'www.z0.example.',
    outcome: 'failure',
  },
  {
    title: 'a circle with glue for nobody and many ways round',
    zones: around(
      range(8)
        .map(i =>
          range(8)
            .map(j => `z${i} 300 IN NS ns${j}.z${(i + j + 1) % 8}`)
            .join('\n'),
        )
        .join('\n'),
    ),
    ask: 'www.z0.example.',
    outcome: 'failure',
  },
  {
    title: 'DNAME that grows the name',
    zones: [...around(evil), evilZone('loop 300 IN DNAME longer.loop')],
    ask: 'x.loop.evil.example.',
    outcome: 'failure',
  },
  ...[
    'silent',
    'servfails',
    'refuses',
    'formerr',
    'notimp',
    'lame',
    'garbage',
    'truncates',
    'truncatesForever',
    'upwardReferral',
    'bareErrors',
    'portClosed',
    'spoofs',
    'dropsEdns',
    'badVersion',
  ].map(failing),
]

function build(attack: Attack, seed: number, minimise: 'off' | 'relaxed' | 'strict'): World {
  return simulate({
    zones: attack.zones,
    keys,
    ...(attack.servers === undefined ? {} : { servers: attack.servers }),
    seed,
    settings: { minimise },
  })
}

const toVictim = (world: World, attack: Attack): number =>
  (attack.victim ?? []).reduce((sum, address) => sum + world.exchangesTo(address).length, 0)

describe('attacks', () => {
  it.each(attacks)('$title', attack => {
    for (const seed of seeds(5, 100)) {
      for (const minimise of ['off', 'relaxed', 'strict'] as const) {
        const world = build(attack, seed, minimise)
        const outcome = world.resolve(attack.ask)
        world.run()
        const first = world.network.started
        const where = `${minimise}, seed ${seed}\n${world.traceText()}`
        if (attack.outcome !== undefined) expect(outcome.kind, where).toBe(attack.outcome)
        expect(first, `messages in all, ${where}`).toBeLessThanOrEqual(MOST_MESSAGES)
        expect(toVictim(world, attack), `messages to the victim, ${where}`).toBeLessThanOrEqual(MOST_TO_VICTIM)
        for (let i = 0; i < 50; i++) {
          world.resolve(attack.ask)
          world.advance('40ms')
        }
        world.run()
        expect(
          world.network.started,
          `50 repeats within 2 s, ${minimise}, seed ${seed}\n${world.traceText().slice(-6000)}`,
        ).toBeLessThanOrEqual(4 * first)
        expect(world.clock.pending).toBe(0)
      }
    }
  })

  it('five hundred equal questions at once are one resolution', () => {
    const attack = attacks.find(one => one.title.includes('silent'))
    if (attack === undefined) throw new Error('no such attack')
    const world = build(attack, 1, 'relaxed')
    const started = Array.from({ length: 500 }, () => world.start(attack.ask))
    world.run()
    expect(started.every(one => one.outcome?.kind === 'failure')).toBe(true)
    expect(world.network.started).toBeLessThanOrEqual(MOST_MESSAGES)
  })
})
