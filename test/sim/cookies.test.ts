/** Cookies towards servers (RFC 7873) on the virtual clock: sent, expected, renewed, and given up where they do harm. */
import { describe, expect, test } from 'vitest'
import { findOption } from '../../src/dns/edns.ts'
import { decodeMessage } from '../../src/dns/decode.ts'
import { EdnsOptionCode } from '../../src/dns/types.ts'
import { planted } from '../../src/simulation/forgery.ts'
import type { SimExchange } from '../../src/simulation/network.ts'
import { simulate, type World, type WorldOptions } from '../../src/simulation/world.ts'
import { publicZones, RESOLVER } from './forward-world.ts'
import { lines } from './support.ts'

const ROOT_SERVER = '198.51.100.1'
const SERVER = '198.51.100.2'
const OTHER = '198.51.100.3'
const SOA = 'SOA ns hostmaster 1 7200 3600 1209600 300'

interface Options extends Omit<WorldOptions, 'zones' | 'settings' | 'servers'> {
  readonly does?: readonly string[]
  readonly cookies?: boolean
  readonly signed?: boolean
  readonly zoneAt?: readonly string[]
}

/** A root that knows no cookies, and `example.` on a server that does this. */
const world = ({ does = [], cookies = true, signed = false, zoneAt = [SERVER], ...options }: Options = {}): World =>
  simulate({
    zones: [
      {
        origin: '.',
        at: [ROOT_SERVER],
        ...(signed ? { sign: '' } : {}),
        text:
          `$TTL 86400\n@ ${SOA}\n@ NS a.root.\na.root. A ${ROOT_SERVER}\nexample. NS ns.example.\n` +
          zoneAt.map(at => `ns.example. A ${at}\n`).join(''),
      },
      {
        origin: 'example.',
        at: [...zoneAt],
        ...(signed ? { sign: '' } : {}),
        text: `$TTL 60\n@ ${SOA}\n@ NS ns\n${zoneAt.map(at => `ns A ${at}\n`).join('')}* A 192.0.2.1\n* TXT "text"\n`,
      },
    ],
    servers: [{ at: [SERVER], does: [...does] }],
    ...options,
    settings: { minimise: 'off', mixCase: false, cookies },
  })

function cookieIn({ query }: SimExchange): Uint8Array | null {
  const decoded = decodeMessage(query)
  const edns = decoded.kind === 'message' ? decoded.message.edns : null
  return edns === null ? null : (findOption(edns, EdnsOptionCode.COOKIE)?.data ?? null)
}

/** What went to a server since the last look: transport, octets of the cookie, result. */
function sent(on: World, to = SERVER): string[] {
  const list = on.exchangesTo(to).map(exchange => {
    const cookie = cookieIn(exchange)
    const edns = decodeMessage(exchange.query)
    const how = edns.kind === 'message' && edns.message.edns === null ? 'plain' : `cookie ${cookie?.length ?? 0}`
    return `${exchange.transport} ${how} ${exchange.result?.kind ?? 'cancelled'}`
  })
  on.exchanges.length = 0
  return list
}

let count = 0
/** A name that nothing is known of, resolved. */
const ask = (on: World, under = ''): string[] => lines(on.resolve(`n${count++}.${under}example.`))
const isAnswered = (records: string[]): boolean => records.length === 1 && records[0]?.endsWith('192.0.2.1') === true

const KNOWN = 'udp cookie 16 reply'
const FIRST = 'udp cookie 8 reply'

describe.each([false, true])('a server (signed: %s)', signed => {
  // Three names after each other: what goes to the server for each, its keys aside.
  test.each<[string, string[], string[][]]>([
    ['without cookies is sent the client cookie, and nothing else changes', [], [[FIRST], [FIRST], [FIRST]]],
    ['with cookies gets its own back', ['cookies'], [[FIRST], [KNOWN], [KNOWN]]],
    ['that wants cookies is asked again with the new one, once', ['wantsCookies'], [[FIRST, KNOWN], [KNOWN], [KNOWN]]],
    [
      'to whom no cookie is good is asked again, over TCP, without, and without from then on',
      ['noGoodCookies'],
      [[FIRST, KNOWN, 'tcp cookie 16 reply', 'tcp cookie 0 reply'], ['udp cookie 0 reply'], ['udp cookie 0 reply']],
    ],
    [
      'that answers with the cookies of others is asked over TCP, and without from then on',
      ['othersCookies'],
      [['udp cookie 8 spoofing-suspected', 'tcp cookie 8 reply'], ['udp cookie 0 reply'], ['udp cookie 0 reply']],
    ],
    ['that echoes options is none with cookies', ['echoesCookies'], [[FIRST], [FIRST], [FIRST]]],
    [
      'that chokes on them with an OPT is asked without, and keeps EDNS',
      ['formerrOnCookies'],
      [[FIRST, 'udp cookie 0 reply'], ['udp cookie 0 reply'], ['udp cookie 0 reply']],
    ],
    [
      'that drops them is asked without after a time-out, and without at once after the second',
      ['dropsCookies'],
      [
        ['udp cookie 8 timeout', 'udp cookie 0 reply'],
        ['udp cookie 8 timeout', 'udp cookie 0 reply'],
        ['udp cookie 0 reply'],
      ],
    ],
  ])('%s', (_, does, wanted) => {
    const on = world({ does, signed })
    const got: string[][] = []
    for (let i = 0; i < 3; i++) {
      expect(isAnswered(ask(on))).toBe(true)
      on.run()
      const all = sent(on)
      // The keys of the zone are asked for with the first name.
      got.push(signed && i === 0 ? all.slice(0, wanted[0]?.length) : all)
    }
    if (!signed) expect(got).toEqual(wanted)
    else {
      expect(got[0]).toEqual(wanted[0])
      expect(got[2]).toEqual(wanted[2])
    }
  })
})

describe('a server that knows no EDNS', () => {
  test('is asked without a cookie, then without EDNS, and EDNS is what is remembered', () => {
    const on = world({ does: ['formerrOnEdns'] })
    ask(on)
    expect(sent(on)).toEqual(['udp cookie 8 reply', 'udp cookie 0 reply', 'udp plain reply'])
    ask(on)
    expect(sent(on)).toEqual(['udp plain reply'])
    expect(on.caches.servers.facts(`${SERVER}#53`, on.clock.now())).toMatchObject({
      edns: 'broken',
      cookies: 'unknown',
    })
  })
})

describe('a reply without the cookie of a server that gave one before', () => {
  test('is not used: the server is asked over TCP', () => {
    const on = world({ does: ['cookies', 'guessesAll below forged.example.'] })
    ask(on)
    sent(on)
    expect(isAnswered(ask(on, 'forged.'))).toBe(true)
    expect(sent(on)).toEqual([KNOWN, 'tcp cookie 16 reply'])
    expect(on.traceText()).toContain('cookie-missing')
  })

  test('would have been taken without cookies', () => {
    const on = world({ does: ['cookies', 'guessesAll below forged.example.'], cookies: false })
    ask(on)
    expect(ask(on, 'forged.')[0]).toContain(planted.address.text)
  })

  test('is not used where TCP is refused either', () => {
    const on = world({ does: ['cookies', 'tcpRefused', 'guessesAll below forged.example.'] })
    ask(on)
    expect(on.resolve('a.forged.example.').kind).toBe('failure')
    expect(isAnswered(ask(on))).toBe(true)
  })

  test('over TCP says that the server does without: none is sent any more', () => {
    const on = world({ does: ['cookies below with.example.'] })
    ask(on, 'with.')
    sent(on)
    expect(isAnswered(ask(on))).toBe(true)
    expect(sent(on)).toEqual([KNOWN, 'tcp cookie 16 reply'])
    expect(isAnswered(ask(on))).toBe(true)
    expect(sent(on)).toEqual(['udp cookie 0 reply'])
  })

  test('is used again after a quarter of an hour, when nothing is known of its cookies any more', () => {
    const on = world({ does: ['cookies below with.example.', 'tcpRefused'] })
    ask(on, 'with.')
    expect(on.resolve('a.example.').kind).toBe('failure')
    on.advance('16m')
    sent(on)
    expect(isAnswered(ask(on))).toBe(true)
    expect(sent(on)).toEqual([FIRST])
  })

  test('with TC leads to TCP like any', () => {
    const on = world({ does: ['cookies below with.example.', 'truncates for cut.example.'] })
    ask(on, 'with.')
    sent(on)
    expect(isAnswered(lines(on.resolve('cut.example.')))).toBe(true)
    expect(sent(on)).toEqual([KNOWN, 'tcp cookie 16 reply'])
  })
})

describe('silence', () => {
  test('of a server that answered cookies before is not about them', () => {
    const on = world({ does: ['cookies', 'silent for gone.example.'], zoneAt: [SERVER] })
    ask(on)
    sent(on)
    on.resolve('gone.example.')
    expect(sent(on).every(line => line === 'udp cookie 16 timeout')).toBe(true)
  })

  test('that hits by chance costs no server its cookies', () => {
    const on = world({ does: ['cookies'], loss: 0.3, seed: 7 })
    for (let i = 0; i < 40; i++) ask(on)
    expect(on.caches.servers.facts(`${SERVER}#53`, on.clock.now()).cookies).toBe('fine')
  })
})

describe('client cookies', () => {
  /** The client cookie that went to each server. */
  const clients = (on: World): Map<string, string> => {
    const found = new Map<string, string>()
    for (const exchange of on.exchanges) {
      const cookie = cookieIn(exchange)
      if (cookie !== null) found.set(exchange.server.ip.text, Buffer.from(cookie.subarray(0, 8)).toString('hex'))
    }
    return found
  }

  test('are others for each server, each process and each day', () => {
    const on = world({ zoneAt: [SERVER, OTHER] })
    for (let i = 0; i < 20; i++) ask(on)
    const first = clients(on)
    expect(first.size).toBeGreaterThan(1)
    expect(new Set(first.values()).size).toBe(first.size)
    on.advance('12h')
    for (let i = 0; i < 20; i++) ask(on)
    expect(clients(on)).toEqual(first)
    on.advance('24h')
    on.exchanges.length = 0
    for (let i = 0; i < 20; i++) ask(on)
    const later = clients(on)
    expect(later.size).toBeGreaterThan(0)
    const other = world({ seed: 2, zoneAt: [SERVER, OTHER] })
    for (let i = 0; i < 20; i++) ask(other)
    for (const [server, cookie] of first) {
      expect([later.get(server), clients(other).get(server)]).not.toContain(cookie)
    }
  })

  test('change without a question that fails, at a server that wants them', () => {
    const on = world({ does: ['wantsCookies'] })
    ask(on)
    for (let i = 0; i < 200; i++) {
      on.advance('10m')
      expect(isAnswered(ask(on))).toBe(true)
    }
    expect(sent(on).filter(line => !line.startsWith('udp cookie'))).toEqual([])
  })

  test('are not sent over TLS', () => {
    const on = simulate({
      zones: [...publicZones],
      forwarders: [{ at: [RESOLVER] }],
      forward: [{ zone: '.', to: [`tls://${RESOLVER}#dns.example`] }],
      settings: { cookies: true },
    })
    expect(lines(on.resolve('www.open.'))).toHaveLength(1)
    const all = on.exchangesTo(RESOLVER)
    expect(all.length).toBeGreaterThan(0)
    expect(all.filter(one => one.transport !== 'tls' || cookieIn(one) !== null)).toEqual([])
  })

  test('are sent to servers that are forwarded to', () => {
    const on = simulate({
      zones: [...publicZones],
      forwarders: [{ at: [RESOLVER], does: ['cookies'] }],
      forward: [{ zone: '.', to: [RESOLVER] }],
      settings: { cookies: true, mixCase: false },
    })
    for (const name of ['www.open.', 'mail.open.']) on.resolve(name)
    const [first, ...later] = sent(on, RESOLVER)
    expect(first).toBe(FIRST)
    expect(new Set(later)).toEqual(new Set([KNOWN]))
  })
})
