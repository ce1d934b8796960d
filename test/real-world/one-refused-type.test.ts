/**
 * Servers that answer one type, or most names, and refuse the rest. Browsers ask for A, AAAA and HTTPS together, so the
 * refusal is always there; what it says of the zone is nothing. RFC 1034 section 5.3.3: the other servers, and the
 * usual tries, come before a failure. A server that was of no use comes last, it is not left out (RFC 9520 section 3.1
 * bounds the tries). Unbound, BIND and Knot Resolver answer in these rows, PowerDNS in most.
 */
import { describe } from 'vitest'
import { type Asked, honest, type Row, rows, type Reply, replies, type Server, silent } from './world.ts'

const NAMES = ['w0', 'w1', 'w2', 'w3', 'w4', 'shop', 'bad', 'www.b']
const RECORDS = NAMES.map(name => `${name} A 192.0.2.1\n${name} AAAA 2001:db8::1\n${name} HTTPS 1 .`).join('\n')

/** What is no answer, in words that end a sentence. */
const refusals: Readonly<Record<string, () => Reply>> = {
  'is REFUSED': () => replies('REFUSED'),
  'gets SERVFAIL': () => replies('SERVFAIL'),
  'gets NOTIMP': () => replies('NOTIMP'),
  'gets an empty NOERROR without AA': () => replies('NOERROR', { aa: false }),
  'gets a referral to the root': () => replies('NOERROR', { aa: false, authority: '. NS ns1.' }),
  'gets a referral to the zone itself': () =>
    replies('NOERROR', { aa: false, authority: 'ref.test. NS ns1.ref.test.' }),
}

const refusing =
  (when: (ask: Asked) => boolean, how: () => Reply = () => replies('REFUSED')): Server =>
  ask =>
    when(ask) ? how() : undefined
const AAAA = (ask: Asked): boolean => ask.type === 'AAAA'
const isName =
  (...names: readonly string[]) =>
  (ask: Asked): boolean =>
    names.includes(ask.name)

/** A good server, but for one name. */
const notBad = refusing(isName('bad.ref.test.'))

const ref = (...servers: readonly Server[]): Row['zones'] => ({ 'ref.test.': { records: RECORDS, servers } })
const ok = (name: string): string => `${name}.ref.test. A -> NOERROR 192.0.2.1`
const refused = (name: string, type = 'AAAA'): string => `${name}.ref.test. ${type} -> SERVFAIL`

describe('a zone of one server where one type', () => {
  rows(
    Object.entries(refusals).flatMap(([what, how]): Row[] => {
      const zones = ref(refusing(AAAA, how))
      return [
        {
          title: `${what} has its other names answered when a packet is lost`,
          zones,
          script: [ok('w0'), refused('w0'), 'lose 1', ok('w1')],
        },
        {
          title: `${what} has the same name answered when two packets are lost`,
          zones,
          script: [refused('w0'), 'lose 2', ok('w0')],
        },
        {
          title: `${what} has its other names answered 30 s later when a packet is lost`,
          zones,
          script: [ok('w0'), refused('w0'), 'wait 30s', 'lose 1', ok('w1')],
        },
      ]
    }),
  )
  rows([
    ...['1m', '9m', '10m'].map(
      (later): Row => ({
        title: `is REFUSED has its other names answered ${later} later when a packet is lost`,
        zones: ref(refusing(AAAA)),
        script: [ok('w0'), refused('w0'), `wait ${later}`, 'lose 1', ok('w1')],
      }),
    ),
    {
      title: 'is REFUSED has a third type answered when a packet is lost',
      zones: ref(refusing(AAAA)),
      script: [ok('w0'), refused('w0'), 'lose 1', 'w1.ref.test. HTTPS -> NOERROR 1 .'],
    },
    {
      title: 'is REFUSED again and again has its other names answered each time',
      zones: ref(refusing(AAAA)),
      script: ['w0', 'w1', 'w2', 'w3'].flatMap(name => [refused(name), 'lose 1', ok(name)]),
    },
    {
      title: 'is HTTPS and REFUSED has A and AAAA answered when packets are lost',
      zones: ref(refusing(ask => ask.type === 'HTTPS')),
      script: [refused('w0', 'HTTPS'), 'lose 1', ok('w0'), 'lose 1', 'w1.ref.test. AAAA -> NOERROR 2001:db8::1'],
    },
    {
      title: 'is HTTPS and answered by silence has A answered',
      zones: ref(
        refusing(
          ask => ask.type === 'HTTPS',
          () => 'silent',
        ),
      ),
      script: [ok('w0'), refused('w0', 'HTTPS'), ok('w1'), ok('w2')],
    },
  ])
})

describe('a zone of one server where one name', () => {
  rows([
    ...Object.entries(refusals).map(
      ([what, how]): Row => ({
        title: `${what} has its other names answered when a packet is lost`,
        zones: ref(refusing(isName('bad.ref.test.'), how)),
        script: [refused('bad', 'A'), 'lose 1', ok('w1')],
      }),
    ),
    {
      title: 'is REFUSED for each client that asks has its other names answered',
      zones: ref(refusing(ask => ask.name.startsWith('x'))),
      script: [...['x0', 'x1', 'x2', 'x3', 'x4'].map(name => refused(name, 'A')), 'lose 2', ok('w1')],
    },
    ...Object.entries(refusals).map(
      ([what, how]): Row => ({
        title: `above the one asked for ${what} has the latter answered, and others when a packet is lost`,
        zones: ref(refusing(isName('b.ref.test.'), how)),
        script: [ok('www.b'), 'lose 1', ok('shop')],
      }),
    ),
    {
      title: 'above the one asked for is REFUSED has the latter answered when a packet is lost after that',
      zones: ref(refusing(isName('b.ref.test.'))),
      script: [refused('b', 'A'), 'lose 1', ok('www.b')],
    },
  ])
})

const useless: Readonly<Record<string, Server>> = {
  silent,
  'SERVFAIL to everything': () => replies('SERVFAIL'),
  'REFUSED to everything': () => replies('REFUSED'),
}

describe('a zone of two servers of which one is', () => {
  rows(
    Object.entries(useless).flatMap(([what, dead]) =>
      [
        ['first', 0],
        ['second', 1],
      ].flatMap(([place = '', at]): Row[] => {
        const two = (server: Server): Row['zones'] => (at === 0 ? ref(dead, server) : ref(server, dead))
        return [
          {
            title: `${what} (the ${place}) has A answered by the other after it refused AAAA`,
            zones: two(refusing(AAAA)),
            script: [refused('w0'), 'wait 10s', ok('w0'), ok('w1')],
          },
          {
            title: `${what} (the ${place}) has A answered by the other after it refused AAAA, with a packet lost`,
            zones: two(refusing(AAAA)),
            script: [ok('w0'), refused('w0'), 'lose 1', ok('w1')],
          },
          {
            title: `${what} (the ${place}) has a name answered by the other that refused the name above it`,
            zones: two(refusing(isName('b.ref.test.'))),
            script: [ok('www.b'), 'wait 30s', ok('shop')],
          },
          {
            title: `${what} (the ${place}) has other names answered by the other after an upward referral for one`,
            zones: two(refusing(isName('bad.ref.test.'), refusals['gets a referral to the root'])),
            script: [refused('bad', 'A'), 'wait 30s', ok('shop')],
          },
        ]
      }),
    ),
  )
  rows([
    {
      title: 'right for all types has each type answered, whatever the other refuses',
      zones: ref(refusing(AAAA), honest),
      script: NAMES.slice(0, 5).flatMap(name => [`${name}.ref.test. AAAA -> NOERROR 2001:db8::1`, ok(name)]),
    },
    {
      title: 'without AAAA and one without A has both answered',
      zones: ref(
        refusing(AAAA),
        refusing(ask => ask.type === 'A' && ask.name.startsWith('w')),
      ),
      script: ['w0', 'w1', 'w2'].flatMap(name => [`${name}.ref.test. AAAA -> NOERROR 2001:db8::1`, ok(name)]),
    },
    // A dozen names are enough to meet the lame one by chance, and that costs one packet once.
    ...Object.entries({
      'REFUSED to everything': () => replies('REFUSED'),
      'lame for everything': () => replies('NOERROR', { aa: false }),
    }).flatMap(([what, lame]) =>
      [
        [lame, notBad],
        [notBad, lame],
      ].map(
        (servers, at): Row => ({
          title: `${what} (the ${at === 0 ? 'first' : 'second'}) is asked last: each new name takes one packet`,
          zones: ref(...servers),
          script: [
            refused('bad', 'A'),
            ...Array.from({ length: 12 }, (_, i) => `x${i}.ref.test. A -> NXDOMAIN; at most 2 packets`),
            ...['w1', 'w2', 'w3', 'w4', 'shop'].map(name => `${ok(name)}; 1 packet`),
          ],
        }),
      ),
    ),
    {
      title: 'lame for everything is asked when the other does not answer any more',
      zones: ref(
        refusing(ask => ask.name !== 'w4.ref.test.'),
        ask => (ask.name === 'w4.ref.test.' ? 'silent' : undefined),
      ),
      script: [ok('w0'), ok('w1'), ok('w4')],
    },
  ])
})

describe('a zone whose servers refuse everything', () => {
  const nothing = ['w0', 'w1', 'w2'].map(name => `${name}.ref.test. A -> SERVFAIL; at most 25 packets`)
  rows(
    Object.entries(refusals).flatMap(([what, how]): Row[] => [
      { title: `in that it ${what} costs few packets with one server`, zones: ref(how), script: nothing },
      {
        title: `in that it ${what} costs few packets with two servers, also later`,
        zones: ref(how, how),
        script: [...nothing, 'wait 10m', ...nothing],
      },
    ]),
  )
  rows([
    {
      title: 'for a while is answered when they work again',
      zones: ref(
        () => replies('REFUSED'),
        () => replies('REFUSED'),
      ),
      script: [refused('w0', 'A'), refused('w1', 'A'), 'all honest', ok('w2'), 'wait 1m', ok('w0')],
    },
  ])
})
