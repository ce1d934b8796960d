/** Attacks that make a resolver send many messages for one question: at a victim, or in a circle. */
import type { ServerSource, ZoneSource } from '../simulation/internet.ts'
import type { WorldAttack } from './report.ts'
import { around, ATTACKER, delegated, each, range, SOA, VICTIM, zoneOf } from './zones.ts'

const attack = (
  name: string,
  title: string,
  references: readonly string[],
  by: string,
  rest: Pick<WorldAttack, 'zones' | 'servers' | 'ask' | 'victims'>,
): WorldAttack => ({ form: 'world', kind: 'amplification', name, title, references, by, ...rest })

/** Each a label below the other, with a server of its own. */
function chain(depth: number): readonly ZoneSource[] {
  const address = (level: number): string => `203.0.${113 + (level >> 7)}.${level & 127}`
  return range(depth).map(level => {
    const isLast = level === depth - 1
    const below = isLast ? 'x 300 IN A 192.0.2.1' : `a 300 IN NS ns.a\nns.a 300 IN A ${address(level + 1)}`
    const [zone = zoneOf('deep', '')] = [zoneOf('deep', below, address(level))]
    return { ...zone, origin: `${'a.'.repeat(level)}deep.example.` }
  })
}

const BROKEN = 13
const failingWays: readonly (readonly [does: string, title: string])[] = [
  ['silent', 'thirteen servers that never answer'],
  ['servfails', 'thirteen servers that say SERVFAIL'],
  ['refuses', 'thirteen servers that say REFUSED'],
  ['formerr', 'thirteen servers that say FORMERR'],
  ['lame', 'thirteen servers that do not have the zone'],
  ['garbage', 'thirteen servers that send what cannot be read'],
  ['truncatesForever', 'thirteen servers that cut every answer, over TCP too'],
  ['upwardReferral', 'thirteen servers that refer to the root'],
]

const failing: readonly WorldAttack[] = failingWays.map(([does, title]) => {
  const label = `f-${does.toLowerCase()}`
  const servers: readonly ServerSource[] = range(BROKEN).map(i => ({ at: [`203.0.113.${100 + i}`], does: [does] }))
  const delegations = each(
    BROKEN,
    i => `${label} 300 IN NS ns${i}.${label}\nns${i}.${label} 300 IN A 203.0.113.${100 + i}`,
  )
  return attack(`failing-${does.toLowerCase()}`, title, ['RFC 9520'], 'each server once a try; failures are cached', {
    zones: around(delegations),
    servers,
    ask: `www.${label}.example.`,
  })
})

export const amplification: readonly WorldAttack[] = [
  attack(
    'deep-referrals',
    'referrals a hundred levels deep',
    ['CVE-2014-8500', 'CVE-2014-8601', 'CVE-2014-8602'],
    'budget.queries, budget.depth',
    {
      zones: [...around('deep 300 IN NS ns.deep\nns.deep 300 IN A 203.0.113.0'), ...chain(100)],
      ask: `${'a.'.repeat(99)}deep.example.`,
    },
  ),
  attack(
    'nxns',
    'NXNSAttack: a delegation to names of the victim that do not exist',
    ['CVE-2020-8616', 'CVE-2020-12662', 'CVE-2020-12667', 'CVE-2020-10995'],
    'look-ups of name servers for each delegation and zone',
    {
      zones: [
        ...around(delegated('nxns')),
        zoneOf(
          'nxns',
          each(40, i => `sub 300 IN NS x${i}.victim.example.`),
        ),
      ],
      ask: 'www.sub.nxns.example.',
      victims: [VICTIM],
    },
  ),
  attack(
    'nxns-aliases',
    'NXNSAttack below one alias after the other',
    ['CVE-2020-8616', 'CAMP (2024)'],
    'one budget for all that a query causes',
    {
      zones: [
        ...around(delegated('nxa')),
        zoneOf(
          'nxa',
          each(
            12,
            j => `c${j} 300 IN CNAME www.sub${j}\n${each(20, i => `sub${j} 300 IN NS x${j}-${i}.victim.example.`)}`,
          ),
        ),
      ],
      ask: 'c0.nxa.example.',
      victims: [VICTIM],
    },
  ),
  attack(
    'camp',
    'CAMP: aliases times name servers times minimised names',
    ['CAMP (2024)'],
    'one budget, and in it a smaller one for each zone',
    {
      zones: [
        ...around(delegated('camp')),
        zoneOf(
          'camp',
          each(
            12,
            j =>
              `${'m.'.repeat(8)}c${j} 300 IN CNAME ${'m.'.repeat(8)}c${j + 1}.d${j}\n` +
              each(10, i => `d${j} 300 IN NS ${'q.'.repeat(8)}x${j}-${i}.victim.example.`),
          ),
        ),
      ],
      ask: `${'m.'.repeat(8)}c0.camp.example.`,
      victims: [VICTIM],
    },
  ),
  attack(
    'alias-hops',
    'aliases that hop between two zones with new names for ever',
    ['CVE-2022-48256'],
    'the length of a chain of aliases',
    {
      zones: [
        ...around(`${delegated('hop')}\n${delegated('hop2', '203.0.113.2')}`),
        zoneOf(
          'hop',
          each(60, i => `c${2 * i} 300 IN CNAME c${2 * i + 1}.hop2.example.`),
        ),
        zoneOf(
          'hop2',
          each(60, i => `c${2 * i + 1} 300 IN CNAME c${2 * i + 2}.hop.example.`),
          '203.0.113.2',
        ),
      ],
      ask: 'c0.hop.example.',
    },
  ),
  attack('alias-loop', 'an alias that leads to itself', ['CVE-2022-48256'], 'an owner that comes again ends it', {
    zones: [...around(delegated('loop')), zoneOf('loop', 'a 300 IN CNAME b\nb 300 IN CNAME a')],
    ask: 'a.loop.example.',
  }),
  attack(
    'dname-growth',
    'a DNAME that makes the name longer each time',
    ['RFC 6672'],
    'the length of a chain of aliases',
    {
      zones: [...around(delegated('grow')), zoneOf('grow', 'loop 300 IN DNAME longer.loop')],
      ask: 'x.loop.grow.example.',
    },
  ),
  attack(
    'nrdelegation',
    'NRDelegation: a delegation to many servers that never answer',
    ['CVE-2022-3204', 'CVE-2022-2795'],
    'look-ups of name servers for each delegation; failures are cached',
    {
      zones: [
        ...around(delegated('nrd')),
        zoneOf(
          'nrd',
          each(40, i => `sub 300 IN NS x${i}.silent.example.`),
        ),
      ],
      ask: 'www.sub.nrd.example.',
    },
  ),
  attack(
    'self-glue',
    'glue that points to the server itself, again and again',
    ['CVE-2026-3592', 'CVE-2026-24027'],
    'addresses of a delegation are counted once',
    {
      zones: [
        ...around(
          each(13, i => {
            const addresses = each(6, j => `ns${i}.self 300 IN A ${j === 0 ? ATTACKER : `203.0.113.${i * 6 + j}`}`)
            return `self 300 IN NS ns${i}.self\n${addresses}`
          }),
        ),
        zoneOf('self', ''),
      ],
      servers: [{ at: [ATTACKER], does: ['selfGlue', 'loops'] }],
      ask: 'www.self.example.',
    },
  ),
  attack('tsuname', 'TsuNAME: five zones in a circle', ['TsuNAME (2021)'], 'a circle ends at once, and is remembered', {
    zones: around(each(5, i => `z${i} 300 IN NS ns.z${(i + 1) % 5}`)),
    ask: 'www.z0.example.',
  }),
  attack(
    'circle-many-ways',
    'a circle of eight zones with eight ways round',
    ['TsuNAME (2021)'],
    'budget.queries, circles',
    {
      zones: around(each(8, i => each(8, j => `y${i} 300 IN NS ns${j}.y${(i + j + 1) % 8}`))),
      ask: 'www.y0.example.',
    },
  ),
  ...failing,
]

/** A zone with a wildcard, for crowds. */
export const wildcardZone = (label: string, at: string): ZoneSource => ({
  origin: `${label}.example.`,
  at: [at],
  text: `${SOA}\n@ 300 IN NS ns\nns 300 IN A ${at}\n* 300 IN A 192.0.2.99`,
})
