/**
 * Unusual but honest: set-ups that must go on resolving, since an attack held off by refusing honest data does not
 * count.
 */
import { describe, expect, it } from 'vitest'
import type { ServerSource, ZoneSource } from '../../src/simulation/internet.ts'
import { simulate } from '../../src/simulation/world.ts'
import { lines, seeds } from './support.ts'

const root = '198.51.100.1'
const tld = '198.51.100.41'
const here = '203.0.113.1'
const there = '203.0.113.2'
const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index)
const soa = '@ 300 IN SOA ns h 1 7200 3600 86400 300'

const above = (delegations: string): ZoneSource[] => [
  {
    origin: '.',
    at: [root],
    text: `@ 86400 IN SOA a.root. h. 1 2 3 4 300\n@ 86400 IN NS a.root.\na.root. 86400 IN A ${root}\nexample. 86400 IN NS a.nic.example.\na.nic.example. 86400 IN A ${tld}`,
  },
  { origin: 'example.', at: [tld], text: `${soa}\n@ 300 IN NS a.nic\na.nic 300 IN A ${tld}\n${delegations}` },
]
const one = `one 300 IN NS ns.one\nns.one 300 IN A ${here}`
const zoneOne = (text: string): ZoneSource => ({
  origin: 'one.example.',
  at: [here],
  text: `${soa}\n@ 300 IN NS ns\nns 300 IN A ${here}\n${text}`,
})

interface Case {
  readonly title: string
  readonly zones: readonly ZoneSource[]
  readonly servers?: readonly ServerSource[]
  readonly ask: string
  readonly type?: string
  readonly expected: RegExp
  readonly count?: number
}

const cases: readonly Case[] = [
  {
    title: 'an RRset of a hundred addresses',
    zones: [
      ...above(one),
      zoneOne(
        range(100)
          .map(i => `many 300 IN A 192.0.2.${i}`)
          .join('\n'),
      ),
    ],
    ask: 'many.one.example.',
    expected: /192\.0\.2\.99/,
    count: 100,
  },
  {
    title: 'two silent servers of four',
    zones: [
      ...above(
        range(4)
          .map(i => `four 300 IN NS ns${i}.four\nns${i}.four 300 IN A 203.0.113.${10 + i}`)
          .join('\n'),
      ),
      {
        origin: 'four.example.',
        at: ['203.0.113.12', '203.0.113.13'],
        text: `${soa}\n@ 300 IN NS ns2\nns2 300 IN A 203.0.113.12\nwww 300 IN A 192.0.2.1`,
      },
    ],
    servers: [
      { at: ['203.0.113.10'], does: ['silent'] },
      { at: ['203.0.113.11'], does: ['silent'] },
    ],
    ask: 'www.four.example.',
    expected: /192\.0\.2\.1$/,
  },
  {
    title: 'ten aliases in a row',
    zones: [
      ...above(one),
      zoneOne(
        `${range(10)
          .map(i => `c${i} 300 IN CNAME c${i + 1}`)
          .join('\n')}\nc10 300 IN A 192.0.2.1`,
      ),
    ],
    ask: 'c0.one.example.',
    expected: /192\.0\.2\.1$/,
    count: 11,
  },
  {
    title: 'a name of thirty labels',
    zones: [...above(one), zoneOne(`${'a.'.repeat(28)}x 300 IN A 192.0.2.1`)],
    ask: `${'a.'.repeat(28)}x.one.example.`,
    expected: /192\.0\.2\.1$/,
  },
  {
    title: 'eight zone cuts, each with a server of its own',
    zones: [
      ...above('l0 300 IN NS ns.l0\nns.l0 300 IN A 203.0.113.20'),
      ...range(8).map(
        (i): ZoneSource => ({
          origin: `${range(i)
            .map(j => `l${i - j}.`)
            .join('')}l0.example.`,
          at: [`203.0.113.${20 + i}`],
          text: `${soa}\n@ 300 IN NS ns\nns 300 IN A 203.0.113.${20 + i}\n${i === 7 ? 'www 300 IN A 192.0.2.1' : `l${i + 1} 300 IN NS ns.l${i + 1}\nns.l${i + 1} 300 IN A 203.0.113.${21 + i}`}`,
        }),
      ),
    ],
    ask: 'www.l7.l6.l5.l4.l3.l2.l1.l0.example.',
    expected: /192\.0\.2\.1$/,
  },
  {
    title: 'servers named in a zone whose servers are named in a third',
    zones: [
      ...above(
        `far 300 IN NS ns.mid.example.\nmid 300 IN NS ns.near.example.\nnear 300 IN NS ns.near\nns.near 300 IN A ${here}`,
      ),
      { origin: 'near.example.', at: [here], text: `${soa}\n@ 300 IN NS ns\nns 300 IN A ${here}` },
      { origin: 'mid.example.', at: [here], text: `${soa}\n@ 300 IN NS ns.near.example.\nns 300 IN A ${there}` },
      { origin: 'far.example.', at: [there], text: `${soa}\n@ 300 IN NS ns.mid.example.\nwww 300 IN A 192.0.2.1` },
    ],
    ask: 'www.far.example.',
    expected: /192\.0\.2\.1$/,
  },
  {
    title: 'half of a circle has glue',
    zones: [
      ...above(`a 300 IN NS ns.b\nb 300 IN NS ns.a\nb 300 IN NS ns.b\nns.b 300 IN A ${here}`),
      {
        origin: 'a.example.',
        at: [here],
        text: `${soa}\n@ 300 IN NS ns.b.example.\nns 300 IN A ${there}\nwww 300 IN A 192.0.2.1`,
      },
      { origin: 'b.example.', at: [here], text: `${soa}\n@ 300 IN NS ns\nns 300 IN A ${here}` },
    ],
    ask: 'www.a.example.',
    expected: /192\.0\.2\.1$/,
  },
  {
    title: 'parent and child on one server',
    zones: [...above(`one 300 IN NS a.nic`), { ...zoneOne('www 300 IN A 192.0.2.1'), at: [tld] }],
    ask: 'www.one.example.',
    expected: /192\.0\.2\.1$/,
  },
  {
    title: 'thirteen servers, twelve of them lame',
    zones: [
      ...above(
        range(13)
          .map(i => `lots 300 IN NS ns${i}.lots\nns${i}.lots 300 IN A 203.0.113.${30 + i}`)
          .join('\n'),
      ),
      {
        origin: 'lots.example.',
        at: ['203.0.113.42'],
        text: `${soa}\n@ 300 IN NS ns12\nns12 300 IN A 203.0.113.42\nwww 300 IN A 192.0.2.1`,
      },
    ],
    servers: range(12).map(i => ({ at: [`203.0.113.${30 + i}`], does: ['lame'] })),
    ask: 'www.lots.example.',
    expected: /192\.0\.2\.1$/,
  },
  {
    title: 'TTL 0',
    zones: [...above(one), zoneOne('zero 0 IN A 192.0.2.1')],
    ask: 'zero.one.example.',
    expected: / 0 IN A 192\.0\.2\.1$/,
  },
  {
    title: 'TTL 0 behind an alias of TTL 0',
    zones: [...above(one), zoneOne('zero 0 IN A 192.0.2.1\nalias 0 IN CNAME zero')],
    ask: 'alias.one.example.',
    expected: / 0 IN A 192\.0\.2\.1$/,
  },
  {
    title: 'a wildcard of aliases',
    zones: [...above(one), zoneOne('*.w 300 IN CNAME www\nwww 300 IN A 192.0.2.1')],
    ask: 'x.w.one.example.',
    expected: /192\.0\.2\.1$/,
  },
  {
    title: 'underscores, digits and a label of 63 octets',
    zones: [...above(one), zoneOne(`${'x'.repeat(63)}._1 300 IN A 192.0.2.1`)],
    ask: `${'x'.repeat(63)}._1.one.example.`,
    expected: /192\.0\.2\.1$/,
  },
  {
    title: 'only TCP works',
    zones: [...above(one), zoneOne('www 300 IN A 192.0.2.1')],
    servers: [{ at: [here], does: ['truncates'] }],
    ask: 'www.one.example.',
    expected: /192\.0\.2\.1$/,
  },
  {
    title: 'TCP refused, small answers',
    zones: [...above(one), zoneOne('www 300 IN A 192.0.2.1')],
    servers: [{ at: [here], does: ['tcpRefused'] }],
    ask: 'www.one.example.',
    expected: /192\.0\.2\.1$/,
  },
  {
    title: 'no EDNS and an answer over 512 octets',
    zones: [
      ...above(one),
      zoneOne(
        range(60)
          .map(i => `many 300 IN A 192.0.2.${i}`)
          .join('\n'),
      ),
    ],
    servers: [{ at: [here], does: ['ignoresEdns'] }],
    ask: 'many.one.example.',
    expected: /192\.0\.2\.59/,
    count: 60,
  },
  {
    title: 'lower-casing servers all the way',
    zones: [...above(one), zoneOne('www 300 IN A 192.0.2.1')],
    servers: [root, tld, here].map(at => ({ at: [at], does: ['wrongCase'] })),
    ask: 'www.one.example.',
    expected: /192\.0\.2\.1$/,
  },
  {
    title: 'servers that know no EDNS all the way',
    zones: [...above(one), zoneOne('www 300 IN A 192.0.2.1')],
    servers: [root, tld, here].map(at => ({ at: [at], does: ['formerrOnEdns'] })),
    ask: 'www.one.example.',
    expected: /192\.0\.2\.1$/,
  },
  {
    title: 'an NS that points at an alias',
    zones: [
      ...above(`two 300 IN NS alias.one\n${one}`),
      zoneOne(`alias 300 IN CNAME real\nreal 300 IN A ${there}`),
      { origin: 'two.example.', at: [there], text: `${soa}\n@ 300 IN NS alias.one.example.\nwww 300 IN A 192.0.2.1` },
    ],
    ask: 'www.two.example.',
    expected: /192\.0\.2\.1$/,
  },
  {
    title: 'a server of the zone that has only AAAA, another that has only A',
    zones: [
      ...above(
        `six 300 IN NS ns6.six\nsix 300 IN NS ns4.six\nns6.six 300 IN AAAA 2001:db8::6\nns4.six 300 IN A ${here}`,
      ),
      {
        origin: 'six.example.',
        at: ['2001:db8::6', here],
        text: `${soa}\n@ 300 IN NS ns4\nns4 300 IN A ${here}\nwww 300 IN A 192.0.2.1`,
      },
    ],
    ask: 'www.six.example.',
    expected: /192\.0\.2\.1$/,
  },
  {
    title: 'a name like a JavaScript property',
    zones: [...above(one), zoneOne('constructor 300 IN A 192.0.2.1\n__proto__ 300 IN A 192.0.2.2')],
    ask: '__proto__.one.example.',
    expected: /192\.0\.2\.2$/,
  },
]

describe('honest but unusual', () => {
  it.each(cases)('$title', ({ zones, servers, ask, type, expected, count }) => {
    for (const seed of seeds(5, 200)) {
      for (const minimise of ['off', 'relaxed', 'strict'] as const) {
        const world = simulate({ zones, ...(servers === undefined ? {} : { servers }), seed, settings: { minimise } })
        const outcome = world.resolve(ask, type ?? 'A')
        expect(outcome.kind, `${minimise}, seed ${seed}\n${world.traceText()}`).toBe('answer')
        expect(lines(outcome).join('\n')).toMatch(expected)
        if (count !== undefined) expect(lines(outcome)).toHaveLength(count)
        world.run()
        expect(world.clock.pending).toBe(0)
      }
    }
  })

  it('a server that denies empty non-terminals: the whole name is asked unless minimisation is strict', () => {
    for (const seed of seeds(5, 200)) {
      for (const [minimise, expected] of [
        ['off', 'answer'],
        ['relaxed', 'answer'],
        ['strict', 'nxdomain'],
      ] as const) {
        const servers = [{ at: [here], does: ['nxdomainOnEmptyNonTerminal'] }]
        const world = simulate({
          zones: [...above(one), zoneOne('www.a.b.c 300 IN A 192.0.2.1')],
          servers,
          seed,
          settings: { minimise },
        })
        expect(world.resolve('www.a.b.c.one.example.').kind, `${minimise}, seed ${seed}\n${world.traceText()}`).toBe(
          expected,
        )
      }
    }
  })
})
