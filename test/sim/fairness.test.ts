/**
 * One client, or a whole network of them, takes all there is: what is left for others. Whole worlds on the virtual
 * clock, with few sockets and few resolutions, so that the attacker holds everything at all times.
 */
import { describe, expect, it } from 'vitest'
import { ownerOf } from '../../src/fairness/owner.ts'
import { KeyStore } from '../../src/simulation/key-store.ts'
import { ip, question } from '../../src/simulation/records.ts'
import type { ServerSource, ZoneSource } from '../../src/simulation/internet.ts'
import { type Started, simulate, type World, type WorldOptions } from '../../src/simulation/world.ts'
import { seeds } from './support.ts'

/** Keys are the same in all worlds: they are made once. */
const keys = new KeyStore()

const ROOT = '198.51.100.1'
const TLD = '198.51.100.2'
const GOOD = '192.0.2.53'
const soa = '@ 300 IN SOA ns h 1 7200 3600 86400 300'
const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index)

const SILENT_ZONES = 400
const silentAt = range(40).map(i => `203.0.113.${i}`)

/**
 * `silentN.example.` is delegated to servers that say nothing, `gluelessN.example.` to names of servers below those, and
 * `good.example.` answers at once.
 */
function internet(): Pick<WorldOptions, 'zones' | 'servers'> {
  const silent = range(SILENT_ZONES).map(
    i => `silent${i} 300 IN NS ns.silent${i}\nns.silent${i} 300 IN A ${silentAt[i % silentAt.length]}`,
  )
  const glueless = range(SILENT_ZONES).map(i =>
    range(4)
      .map(j => `glueless${i} 300 IN NS ns${j}.x${i}.silent${(i * 4 + j) % SILENT_ZONES}`)
      .join('\n'),
  )
  const zones: ZoneSource[] = [
    {
      origin: '.',
      at: [ROOT],
      text: `@ 86400 IN SOA a.root. h. 1 2 3 4 300\n@ 86400 IN NS a.root.\na.root. 86400 IN A ${ROOT}\nexample. 86400 IN NS a.nic.example.\na.nic.example. 86400 IN A ${TLD}`,
    },
    {
      origin: 'example.',
      at: [TLD],
      text: `${soa}\n@ 300 IN NS a.nic\na.nic 300 IN A ${TLD}\ngood 300 IN NS ns.good\nns.good 300 IN A ${GOOD}\n${[...silent, ...glueless].join('\n')}`,
    },
    { origin: 'good.example.', at: [GOOD], text: `${soa}\n@ 300 IN NS ns\nns 300 IN A ${GOOD}\n* 300 IN A 192.0.2.99` },
  ]
  const servers: ServerSource[] = silentAt.map(address => ({ at: [address], does: ['silent'] }))
  return { zones, servers }
}

const KEYLESS_ZONES = 50
const KEYLESS = '192.0.2.54'

/** The same, signed, with zones `keylessN.example.` that say nothing of their keys. */
function signedInternet(): Pick<WorldOptions, 'zones' | 'servers' | 'keys'> {
  const { zones, servers } = internet()
  const keyless = range(KEYLESS_ZONES).map(i => `keyless${i}`)
  const delegated = keyless.map(name => `${name} 300 IN NS ns.${name}\nns.${name} 300 IN A ${KEYLESS}`)
  return {
    keys,
    zones: [
      ...zones.map(zone => ({
        ...zone,
        text: zone.origin === 'example.' ? `${zone.text}\n${delegated.join('\n')}` : zone.text,
        ...(zone.origin === 'good.example.' ? {} : { sign: '' }),
      })),
      ...keyless.map(name => ({
        origin: `${name}.example.`,
        at: [KEYLESS],
        text: `${soa}\n@ 300 IN NS ns\nns 300 IN A ${KEYLESS}\n* 300 IN A 192.0.2.98`,
        sign: '',
      })),
    ],
    servers: [...(servers ?? []), { at: [KEYLESS], does: ['silent for * DNSKEY'] }],
  }
}

const few = {
  engine: { resolutionsInFlight: 200 },
  upstream: { udpSockets: 60, waitingExchanges: 300 },
} as const

interface Flood {
  readonly about: string
  /** Otherwise than by a question of a client with `asks`. */
  readonly starts?: (world: World, n: number) => void
  readonly asks: (n: number) => string
  readonly from: (n: number) => string
  readonly perSecond: number
}

const silentName = (n: number): string => `n${n}.silent${n % SILENT_ZONES}.example.`
const gluelessName = (n: number): string => `n${n}.glueless${n % SILENT_ZONES}.example.`
const one = (): string => '192.0.2.1'

const floods: readonly Flood[] = [
  { about: 'one address, silent servers', asks: silentName, from: one, perSecond: 1_000 },
  { about: 'one address, glueless silent servers', asks: gluelessName, from: one, perSecond: 100 },
  { about: 'a /24 of addresses', asks: silentName, from: n => `198.18.0.${n % 256}`, perSecond: 1_000 },
  { about: 'one address of the same /24 as the victim', asks: silentName, from: () => '10.0.0.66', perSecond: 1_000 },
  {
    about: 'a /64 of IPv6 with an address for each query',
    asks: silentName,
    from: n => `2001:db8:0:7::${(n + 1).toString(16)}`,
    perSecond: 1_000,
  },
  {
    about: 'a /56 of IPv6 with a link for each query',
    asks: silentName,
    from: n => `2001:db8:0:1${(n % 256).toString(16).padStart(2, '0')}::1`,
    perSecond: 1_000,
  },
  {
    about: '30 networks of many addresses',
    asks: silentName,
    from: n => `198.18.${n % 30}.${(n * 7) % 256}`,
    perSecond: 1_000,
  },
]

const HOSTILE = '192.0.2.1'

/** What a client brings about besides its own resolutions. */
const broughtAbout: readonly Flood[] = [
  {
    about: 'prefetches of answers that it asks for',
    asks: silentName,
    from: one,
    perSecond: 1_000,
    starts: (world, n) => world.resolver.prefetch(question(silentName(n), 'A'), ownerOf(ip(HOSTILE))),
  },
  {
    about: 'keys that validation waits for',
    asks: n => `n${n}.keyless${n % KEYLESS_ZONES}.example.`,
    from: one,
    perSecond: 1_000,
  },
  {
    about: 'validation of what it asks for with CD',
    asks: silentName,
    from: one,
    perSecond: 1_000,
    starts: (world, n) => world.start(silentName(n), 'A', { client: HOSTILE, checkingDisabled: true }),
  },
  { about: 'addresses of servers without glue', asks: gluelessName, from: one, perSecond: 200 },
  {
    about: 'what it asks for without RD',
    asks: silentName,
    from: one,
    perSecond: 1_000,
    starts: (world, n) => {
      world.start(silentName(n), 'A', { client: HOSTILE, recursionDesired: false })
      world.start(silentName(n), 'A', { client: HOSTILE })
    },
  },
]

interface Victim {
  readonly client?: string
  readonly name: (n: number) => string
}

const victim: Victim = { client: '10.0.0.2', name: n => `v${n}.good.example.` }
const FLOOD_MS = 3_000
const EVERY_MS = 100

/** Floods, and asks for a new name of the victim's ten times a second; what came of those. */
function play(world: World, flood: Flood, { client, name }: Victim): readonly Started[] {
  const asked: Started[] = []
  const gapMs = 1_000 / flood.perSecond
  let sent = 0
  for (let at = 0; at < FLOOD_MS; at += EVERY_MS) {
    for (; sent * gapMs < at + EVERY_MS; sent++) {
      if (flood.starts === undefined) world.start(flood.asks(sent), 'A', { client: flood.from(sent) })
      else flood.starts(world, sent)
      world.advance(gapMs)
    }
    asked.push(world.start(name(asked.length), 'A', client === undefined ? {} : { client }))
  }
  world.advance(1_000)
  return asked
}

const kinds = (asked: readonly Started[]): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const { outcome } of asked) {
    const kind = outcome === null ? 'nothing' : outcome.kind === 'failure' ? outcome.why : outcome.kind
    counts[kind] = (counts[kind] ?? 0) + 1
  }
  return counts
}

const all = FLOOD_MS / EVERY_MS

describe('new names of others, while one takes all there is', () => {
  it.each(floods.flatMap(flood => seeds(1, 7).map(seed => [flood.about, seed, flood] as const)))(
    'are answered within a second: %s (seed %d)',
    (_about, seed, flood) => {
      const world = simulate({ ...internet(), seed, limits: few })
      const asked = play(world, flood, victim)
      expect(kinds(asked)).toEqual({ answer: all })
      // It was all taken.
      expect(world.events.filter(({ kind }) => kind === 'overloaded')).toHaveLength(1)
      world.run()
      expect([world.resolver.inFlight, world.network.inFlight]).toEqual([0, 0])
    },
  )

  it.each([
    ['an IPv6 client', { client: '2001:db8:ffff::1', name: victim.name }],
    ['an IPv6 client on the link of the flood', { client: '2001:db8:0:7:ffff::1', name: victim.name }],
    ['the resolver itself', { name: victim.name }],
  ] as const)('are answered to %s', (_about, who) => {
    const world = simulate({ ...internet(), limits: few })
    const flood: Flood = {
      about: '',
      asks: silentName,
      from: () => '2001:db8:0:7::1',
      perSecond: 1_000,
    }
    expect(kinds(play(world, flood, who))).toEqual({ answer: all })
  })

  it.each(
    broughtAbout.flatMap(flood => [
      [flood.about, 'another client', flood, victim] as const,
      [flood.about, 'the resolver itself', flood, { name: victim.name }] as const,
    ]),
  )('are answered, since it is charged with %s: to %s', (_about, _whom, flood, who) => {
    const world = simulate({
      ...signedInternet(),
      limits: { ...few, engine: { ...few.engine, prefetchesInFlight: 1_000 } },
    })
    expect(kinds(play(world, flood, who))).toEqual({ answer: all })
    expect(world.events.filter(({ kind }) => kind === 'overloaded')).toHaveLength(1)
    world.run()
    expect([world.resolver.inFlight, world.network.inFlight]).toEqual([0, 0])
  })

  it('are answered without RD from what is cached, which takes no resolution', () => {
    const world = simulate({ ...internet(), limits: few })
    world.resolve('v0.good.example.')
    const before = world.resolver.inFlight
    const asked = range(1_000).map(() =>
      world.start('v0.good.example.', 'A', { client: HOSTILE, recursionDesired: false }),
    )
    expect([kinds(asked), world.resolver.inFlight]).toEqual([{ answer: 1_000 }, before])
  })

  it('are prefetched, though one client has all prefetches there are in flight', () => {
    const world = simulate({ ...internet(), limits: few })
    for (const n of range(200)) world.resolver.prefetch(question(silentName(n), 'A'), ownerOf(ip(HOSTILE)))
    expect(world.resolver.inFlight).toBe(world.limits.engine.prefetchesInFlight)
    world.resolver.prefetch(question('v.good.example.', 'A'), ownerOf(ip('10.0.0.2')))
    world.advance(1_000)
    expect(world.resolve('v.good.example.', 'A', { recursionDesired: false }).kind).toBe('answer')
    world.run()
    expect([world.resolver.inFlight, world.network.inFlight]).toEqual([0, 0])
  })

  it('are not remembered as failures, nor is anything else that only we were short of', () => {
    const world = simulate({ ...internet(), limits: { ...few, upstream: { udpSockets: 1, waitingExchanges: 1 } } })
    const asked = range(50).map(n => world.start(`w${n}.good.example.`, 'A', { client: '10.0.0.2' }))
    world.run()
    expect(kinds(asked).overload ?? 0).toBeGreaterThan(0)
    expect(world.caches.failures.size).toBe(0)
    for (const n of range(50)) expect(world.resolve(`w${n}.good.example.`).kind).toBe('answer')
  })

  it('that join a look-up begun by the flood are answered all the same', () => {
    const world = simulate({ ...internet(), limits: few })
    const shared = (n: number): string => `s${Math.floor(n / 20)}.good.example.`
    const flood: Flood = { ...(floods[0] ?? fail()), asks: n => (n % 20 === 0 ? shared(n) : silentName(n)) }
    expect(kinds(play(world, flood, { client: '10.0.0.2', name: n => shared(n * 100) }))).toEqual({ answer: all })
  })

  it.each([...floods, ...broughtAbout].map(flood => [flood.about, flood] as const))(
    'are as before a second after the flood, and nothing of it stays: %s',
    (_about, flood) => {
      const world = simulate({ ...signedInternet(), limits: few })
      const quietMs = timeOf(world, 'before.good.example.', '10.0.0.2')
      play(world, flood, victim)
      // What is still on its way keeps its place for 200 ms.
      for (const [n, client] of ['10.0.0.2', '10.9.0.2', '2001:db8:ffff::1'].entries())
        expect(timeOf(world, `after${n}.good.example.`, client)).toBeLessThanOrEqual(quietMs + 200)
      expect(world.start('v0.good.example.', 'A', { client: '10.9.0.2' }).outcome?.kind).toBe('answer')
      world.run()
      world.advance('1m')
      expect([world.resolver.inFlight, world.network.inFlight, world.clock.pending]).toEqual([0, 0, 0])
    },
  )
})

/** How long one new name takes to be answered, ms. */
function timeOf(world: World, name: string, client: string): number {
  const begun = world.clock.now()
  expect(world.resolve(name, 'A', { client }).kind).toBe('answer')
  return world.clock.now() - begun
}

describe('a server that has nothing to say', () => {
  it.each([
    ['NODATA without SOA', 'www.empty.example.', 'nodata'],
    ['NXDOMAIN without SOA', 'no.empty.example.', 'nxdomain'],
  ] as const)('is asked once in some seconds: %s', (_about, name, kind) => {
    const { zones } = internet()
    const world = simulate({
      zones: [
        ...zones.map(zone =>
          zone.origin === 'example.'
            ? { ...zone, text: `${zone.text}\nempty 300 IN NS ns.empty\nns.empty 300 IN A 192.0.2.77` }
            : zone,
        ),
        {
          origin: 'empty.example.',
          at: ['192.0.2.77'],
          text: `${soa}\n@ 300 IN NS ns\nns 300 IN A 192.0.2.77\nwww 300 IN TXT "x"`,
        },
      ],
      servers: [{ at: ['192.0.2.77'], does: ['emptyAnswerNoSoa'] }],
      settings: { minimise: 'off' },
    })
    const first = world.resolve(name)
    const packets = world.exchangesTo('192.0.2.77').length
    for (let i = 0; i < 50; i++) expect(world.resolve(name).kind).toBe(kind)
    expect([first.kind, world.exchangesTo('192.0.2.77').length]).toEqual([kind, packets])
    world.advance('6s')
    world.resolve(name)
    expect(world.exchangesTo('192.0.2.77').length).toBeGreaterThan(packets)
  })
})

function fail(): never {
  throw new Error('no flood')
}
