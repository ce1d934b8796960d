import { describe, expect, test } from 'vitest'
import { readConfig } from '../../src/config/read.ts'
import type { Config, ConfigResult } from '../../src/config/types.ts'
import { problemText } from '../../src/render/problem.ts'

const read = (settings: object): ConfigResult =>
  readConfig({
    file: { path: '/etc/rootwalk/resolver.config.json', text: JSON.stringify(settings) },
    overrides: [],
    directory: '/etc/rootwalk',
  })
function configOf(settings: object): Config {
  const result = read(settings)
  if (result.kind === 'invalid') throw new Error(result.problems.map(problemText).join('\n'))
  return result.config
}
const problems = (settings: object): readonly string[] => {
  const result = read(settings)
  return result.kind === 'invalid' ? result.problems.map(({ message }) => message) : []
}

describe('views', () => {
  const clients = ['192.168.2.0/24']

  test('that name clients of a view before them are warned of: these are in the first', () => {
    const views = [
      { name: 'a', clients: ['10.0.0.0/8', '10.1.0.0/16'], clientIds: ['tablet'] },
      { name: 'b', clients: ['10.1.0.0/24', '10.1.0.0/16'], clientIds: ['Tablet', 'phone'] },
      { name: 'c', clients: ['::ffff:10.0.0.0/104'] },
    ]
    const result = read({ views })
    expect(result.kind === 'config' ? result.warnings.map(({ message }) => message) : []).toEqual([
      'views[1].clients[1]: "10.1.0.0/16" is in the view "a" already, which comes first',
      'views[1].clientIds[0]: "Tablet" is in the view "a" already, which comes first',
      'views[2].clients[0]: "::ffff:10.0.0.0/104" is in the view "a" already, which comes first',
    ])
  })

  test('name their clients in four ways, and have paths relative to the file', () => {
    const [view] = configOf({
      views: [
        {
          name: 'kids',
          clients,
          listeners: ['10.0.0.1:53', 'tls://10.0.0.1'],
          serverNames: ['Kids.DNS.example'],
          clientIds: ['Tablet'],
          zones: ['kids/*.zone'],
          queryLog: false,
        },
      ],
    }).views
    expect(view).toMatchObject({
      name: 'kids',
      isLogged: false,
      zones: [{ pattern: '/etc/rootwalk/kids/*.zone', origin: null }],
      selector: {
        clients: [{ family: 4, length: 24 }],
        listeners: [
          { address: '10.0.0.1', port: 53, transports: ['udp', 'tcp'] },
          { address: '10.0.0.1', port: 853, transports: ['tls'] },
        ],
        serverNames: ['kids.dns.example'],
        clientIds: ['tablet'],
      },
    })
  })

  test('have zones of other servers, one between those that ask the same, and none twice', () => {
    const zones = [{ zone: 'corp.example', primaries: ['192.0.2.1'], tsig: 'corp.key' }]
    const others = [{ zone: 'corp.example', primaries: ['192.0.2.2'] }]
    const named = (name: string, own: object[]) => ({ name, clients, zones: own })
    const { secondaries, views } = configOf({
      zones: others,
      views: [named('a', zones), named('b', others), named('c', zones), { name: 'd', clients }],
    })
    expect(secondaries).toMatchObject([
      { views: [], partition: '', tsig: null },
      { views: ['a', 'c'], partition: views[0]?.resolution, tsig: '/etc/rootwalk/corp.key' },
      { views: ['b'], partition: views[1]?.resolution, tsig: null },
    ])
    expect(problems({ views: [named('a', [...zones, ...others])] })).toEqual([
      'views[0].zones[1].zone: corp.example. is there already, as zones[0]: put all primaries into one',
    ])
  })

  test('have DNS64 and the rebinding guard as all have them, their own, or none', () => {
    const all = { dns64: { prefix: '64:ff9b::/96' }, rebinding: { ranges: ['private'] } }
    const own = { prefix: '2001:db8:64::/96', exclude: [] }
    const { views } = configOf({
      ...all,
      views: [
        { name: 'same', clients },
        { name: 'own', clients, dns64: own },
        { name: 'none', clients, dns64: false, rebinding: false },
      ],
    })
    expect(views.map(({ shaping }) => shaping)).toMatchObject([
      null,
      { dns64: { prefix: { length: 96 }, exclude: [], clients: null }, rebinding: { allow: [] } },
      { dns64: null, rebinding: null },
    ])
    // Nothing else is asked for them: no engine of their own.
    expect(views.map(({ resolution }) => resolution)).toEqual([null, null, null])
  })

  test('have an engine of their own only when they ask something else, one for those that ask the same', () => {
    const stub = [{ zone: 'corp.example', to: '10.0.0.53' }]
    const [plain, first, second, other] = configOf({
      views: [
        { name: 'a', clients },
        { name: 'b', clients, stub },
        { name: 'c', clientIds: ['c'], stub },
        { name: 'd', clients, records: { 'www.example': { A: '192.0.2.1' } } },
      ],
    }).views.map(({ resolution }) => resolution)
    expect(plain).toBeNull()
    expect(first).not.toBeNull()
    expect(second).toBe(first)
    expect(other).not.toBe(first)
  })

  test.each<[string, object, RegExp]>([
    ['without clients', { views: [{ name: 'a' }] }, /views\[0\]: names no clients/],
    [
      'of one name',
      {
        views: [
          { name: 'a', clients },
          { name: 'a', clients },
        ],
      },
      /"a" is the name of another view/,
    ],
    [
      'with DNS64 without a prefix',
      { views: [{ name: 'a', clients, dns64: { exclude: [] } }] },
      /views\[0\]\.dns64: expected "prefix"/,
    ],
    [
      'with a prefix that is none',
      { views: [{ name: 'a', clients, dns64: { prefix: '64:ff9b::/95' } }] },
      /views\[0\]\.dns64\.prefix: has 95 bits/,
    ],
    ['called default', { views: [{ name: 'default', clients }] }, /"default" is the name of another view/],
    [
      'with a forward zone twice',
      {
        views: [
          {
            name: 'a',
            clients,
            forward: [
              { zone: '.', to: '192.0.2.1' },
              { zone: '.', to: '192.0.2.2' },
            ],
          },
        ],
      },
      /views\[0\]\.forward\[1\]\.zone: . is there already/,
    ],
    [
      'with a record that is none',
      { views: [{ name: 'a', clients, records: { 'www.example': { A: 'x' } } }] },
      /views\[0\]\.records/,
    ],
    ['with an access rule without clients', { access: [{ action: 'drop' }] }, /access\[0\]: names no clients/],
    [
      'too many with engines of their own',
      {
        views: Array.from({ length: 33 }, (_, i) => ({
          name: `v${i}`,
          clients,
          stub: [{ zone: `z${i}.example`, to: '10.0.0.53' }],
        })),
      },
      /33 views have zones, records or forwarders of their own: at most 32 can/,
    ],
  ])('%s are reported with their place', (_, settings, message) => {
    expect(problems(settings)).toEqual([expect.stringMatching(message)])
  })
})

describe('limits', () => {
  test('are off until a rate is set, and what is not set follows from it', () => {
    expect(configOf({}).rateLimit).toBeNull()
    expect(configOf({ rateLimit: { perSecond: 50 } }).rateLimit).toMatchObject({
      unverified: { perSecond: 50, burst: 100 },
      verified: { perSecond: 500, burst: 1_000 },
      prefix4: 24,
      prefix6: 56,
      slip: 2,
      dryRun: false,
    })
    expect(configOf({ rateLimit: { perSecond: 50, answersPerSecond: 5 } }).rateLimit).toMatchObject({
      answers: { perSecond: 5, burst: 10 },
    })
    expect(configOf({ rateLimit: { answersPerSecond: 5 } }).rateLimit).toMatchObject({ answersOnly: true })
    expect(configOf({ rateLimit: { perSecond: 5_000 } }).rateLimit?.verified.perSecond).toBe(10_000)
  })

  test('cookies are off until they are enabled; their key is relative to the file', () => {
    expect(configOf({ cookies: { secret: 'cookie.key' } }).cookies).toBeNull()
    expect(configOf({ cookies: { enabled: true, secret: 'cookie.key' } }).cookies).toEqual({
      secret: '/etc/rootwalk/cookie.key',
      require: false,
    })
  })
})
