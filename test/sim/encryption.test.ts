/** Servers of zones over TLS (RFC 9539) on the virtual clock: found out next to queries in clear, used, given up. */
import { describe, expect, test } from 'vitest'
import { parsePrefix, type Prefix } from '../../src/dns/address.ts'
import type { ServerEncryption } from '../../src/resolver/env.ts'
import type { SimTls } from '../../src/simulation/network.ts'
import { nameOf } from '../../src/simulation/records.ts'
import { simulate, type World, type WorldOptions } from '../../src/simulation/world.ts'
import { lines } from './support.ts'

const ROOT_SERVER = '198.51.100.1'
const SERVER = '198.51.100.2'
const OTHER = '198.51.100.3'
const SOA = 'SOA ns hostmaster 1 7200 3600 1209600 300'

const prefixes = (...texts: string[]): Prefix[] => texts.flatMap(text => parsePrefix(text) ?? [])
const nobody: ServerEncryption['always'] = { zones: [], addresses: [] }
const probing: ServerEncryption = { port: 853, probes: true, always: nobody }

interface Options extends Omit<WorldOptions, 'zones' | 'settings' | 'tls'> {
  readonly tls?: SimTls
  readonly encryption?: ServerEncryption
}

/** A root without TLS, and `example.` on one server. */
const world = ({ tls, encryption = probing, ...options }: Options = {}): World =>
  simulate({
    zones: [
      {
        origin: '.',
        at: [ROOT_SERVER],
        text: `$TTL 86400\n@ ${SOA}\n@ NS a.root.\na.root. A ${ROOT_SERVER}\nexample. NS ns.example.\nns.example. A ${SERVER}\n`,
      },
      { origin: 'example.', at: [SERVER, OTHER], text: `$TTL 60\n@ ${SOA}\n@ NS ns\nns A ${SERVER}\n* A 192.0.2.1\n` },
    ],
    ...options,
    settings: { minimise: 'off', mixCase: false, encryption },
    ...(tls === undefined ? {} : { tls: { [SERVER]: tls } }),
  })

/** Over what each query went to the server since the last look, in the order in which they ended. */
function over(on: World): string[] {
  const ways = on.exchangesTo(SERVER).map(({ transport, result }) => `${transport} ${result?.kind ?? 'cancelled'}`)
  on.exchanges.length = 0
  return ways
}

let count = 0
/** A name that nothing is known of, resolved; how long it took, ms. */
function ask(on: World): number {
  const before = on.clock.now()
  expect(lines(on.resolve(`n${count++}.example.`))).toHaveLength(1)
  return on.clock.now() - before
}

describe('a server of a zone that speaks TLS', () => {
  test('is tried next to the first query in clear, and asked over TLS alone from then on', () => {
    const on = world({ tls: 'answers' })
    ask(on)
    on.run()
    expect(over(on).sort()).toEqual(['tls reply', 'udp reply'])
    ask(on)
    ask(on)
    expect(over(on)).toEqual(['tls reply', 'tls reply'])
    expect(on.traceText()).toContain(`ns.example. ${SERVER} over TLS: n`)
  })

  test('is sent no name and proves nothing', () => {
    const on = world({ tls: 'answers' })
    ask(on)
    on.run()
    expect(on.exchangesTo(SERVER).find(({ transport }) => transport === 'tls')?.server).toMatchObject({
      port: 853,
      secure: { transport: 'tls', name: null, pins: [], authorities: [] },
    })
  })

  test('is tried again when nothing was heard of it for three days, and not before', () => {
    const on = world({ tls: 'answers' })
    ask(on)
    on.run()
    over(on)
    on.advance('71h')
    ask(on)
    on.advance('71h')
    ask(on)
    expect(over(on)).toEqual(['tls reply', 'tls reply'])
    on.advance('73h')
    ask(on)
    on.run()
    expect(over(on).sort()).toEqual(['tls reply', 'udp reply'])
  })
})

describe('a server of a zone that speaks no TLS', () => {
  test.each<[string, SimTls | undefined]>([
    ['whose port is closed', undefined],
    ['that says nothing there', 'silent'],
  ])('%s is answered for as quickly as without a try, and left alone for a day', (_what, tls) => {
    const plain = ask(world({ encryption: { ...probing, probes: false } }))
    const on = world(tls === undefined ? {} : { tls })
    expect(ask(on)).toBe(plain)
    ask(on)
    on.run()
    expect(over(on).filter(way => way.startsWith('tls'))).toHaveLength(1)
    on.advance('23h')
    ask(on)
    on.run()
    expect(over(on)).toEqual(['udp reply'])
    on.advance('25h')
    ask(on)
    on.run()
    expect(over(on).filter(way => way.startsWith('tls'))).toHaveLength(1)
  })
})

describe('TLS that stops to work', () => {
  const working = (): World => {
    const on = world({ tls: 'answers' })
    ask(on)
    on.run()
    over(on)
    return on
  }

  test('because the port is closed costs no query its answer, and is given up', () => {
    const on = working()
    on.tls.delete(SERVER)
    ask(on)
    ask(on)
    expect(over(on)).toEqual(['tls unreachable', 'udp reply', 'udp reply'])
    expect(on.traceText()).toContain('unreachable: ECONNREFUSED -> unreachable -> ask without TLS')
  })

  test('because nothing comes costs two queries a second, and is given up', () => {
    const on = working()
    on.tls.set(SERVER, 'silent')
    for (let i = 0; i < 2; i++) expect(ask(on)).toBeLessThan(1_300)
    expect(ask(on)).toBeLessThan(300)
    expect(over(on)).toEqual(['tls timeout', 'udp reply', 'tls timeout', 'udp reply', 'udp reply'])
  })

  test('for a moment is used again after it', () => {
    const on = working()
    on.tls.set(SERVER, 'silent')
    ask(on)
    on.tls.set(SERVER, 'answers')
    ask(on)
    on.tls.set(SERVER, 'silent')
    ask(on)
    on.tls.set(SERVER, 'answers')
    ask(on)
    expect(over(on).filter(way => way === 'tls reply')).toHaveLength(2)
  })

  test('because something else answers there is noticed by what the server says in clear', () => {
    const on = world({ tls: 'refuses' })
    ask(on)
    on.run()
    over(on)
    ask(on)
    ask(on)
    expect(over(on)).toEqual(['tls reply', 'udp reply', 'udp reply'])
  })
})

describe('a server that refuses over both', () => {
  test('is asked over TLS for what it has', () => {
    const on = world({ tls: 'answers', servers: [{ at: [SERVER], does: ['refuses for bad.example.'] }] })
    ask(on)
    on.run()
    over(on)
    on.resolve('bad.example.')
    expect(over(on).slice(0, 2)).toEqual(['tls reply', 'udp reply'])
    ask(on)
    expect(over(on)).toEqual(['tls reply'])
  })
})

describe('servers that are asked over TLS only', () => {
  test.each<[string, ServerEncryption['always']]>([
    ['of a zone', { zones: [nameOf('example.')], addresses: [] }],
    ['of a zone above', { zones: [nameOf('.')], addresses: [] }],
    ['at an address', { zones: [], addresses: prefixes('198.51.100.2', '198.51.100.1') }],
    ['of a block', { zones: [], addresses: prefixes('198.51.100.0/24') }],
  ])('%s hear nothing in clear', (_what, always) => {
    const on = world({ tls: 'answers', encryption: { port: 853, probes: false, always } })
    on.tls.set(ROOT_SERVER, 'answers')
    ask(on)
    expect(over(on)).toEqual(['tls reply'])
  })

  test('fail where they speak none', () => {
    const on = world({
      encryption: { port: 853, probes: true, always: { zones: [nameOf('example.')], addresses: [] } },
    })
    expect(on.resolve('www.example.').kind).toBe('failure')
    expect(new Set(over(on))).toEqual(new Set(['tls unreachable']))
  })
})

describe('what is asked in clear', () => {
  test('is everything by default', () => {
    const on = simulate({
      zones: [
        { origin: '.', at: [SERVER], text: `$TTL 60\n@ ${SOA}\n@ NS a.root.\na.root. A ${SERVER}\n* A 192.0.2.1\n` },
      ],
      tls: { [SERVER]: 'answers' },
    })
    on.resolve('www.')
    on.run()
    expect(over(on).some(way => way.startsWith('tls'))).toBe(false)
  })

  test('is also what goes to servers that the operator named', () => {
    const on = world({ stub: [{ zone: 'example', to: [SERVER] }], tls: 'answers' })
    ask(on)
    on.run()
    ask(on)
    expect(over(on)).toEqual(['udp reply', 'udp reply'])
  })
})
