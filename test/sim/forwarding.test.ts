/** Forward and stub zones over the simulated internet: semantics, failures, and what breaks at others. */
import { describe, expect, test } from 'vitest'
import { decodeMessage } from '../../src/dns/decode.ts'
import { foldName } from '../../src/dns/name.ts'
import type { Message } from '../../src/dns/message.ts'
import type { Delegation } from '../../src/cache/delegations.ts'
import { ip, nameOf } from '../../src/simulation/records.ts'
import type { ZoneSource } from '../../src/simulation/internet.ts'
import type { World } from '../../src/simulation/world.ts'
import {
  asked,
  COMPANY_RESOLVER,
  corpText,
  CORP_SERVER,
  corpZones,
  EXAMPLE_SERVER,
  exempt,
  forwardWorld,
  OPEN_SERVER,
  OTHER_RESOLVER,
  publicZones,
  RESOLVER,
  ROOT_SERVER,
  SUB_SERVER,
} from './forward-world.ts'
import { lines } from './support.ts'

const all = [{ zone: '.', to: [RESOLVER] }]
const corpStub = [{ zone: 'corp.example', to: [CORP_SERVER] }]

/** The queries that went to an address. */
const queries = (world: World, address: string): Message[] =>
  world.exchangesTo(address).flatMap(({ query }) => {
    const decoded = decodeMessage(query)
    return decoded.kind === 'message' ? [decoded.message] : []
  })
const failureText = (world: World, name: string): string => {
  const outcome = world.resolve(name)
  return outcome.kind === 'failure' ? outcome.text : outcome.kind
}

describe('a forward zone', () => {
  test('has its resolver asked for the whole name with RD and without CD, and nobody else', () => {
    const world = forwardWorld({ forward: all })
    expect(lines(world.resolve('www.open.'))).toEqual(['www.open. 300 IN A 192.0.2.20'])
    const [first] = queries(world, RESOLVER)
    expect([first?.recursionDesired, first?.checkingDisabled, first?.edns?.dnssecOk]).toEqual([true, false, true])
    expect(new Set(world.exchanges.map(({ server }) => server.ip.text))).toEqual(new Set([RESOLVER]))
  })

  test('is validated like everything else', () => {
    const world = forwardWorld({ forward: all })
    const security = (name: string): string => {
      const outcome = world.resolve(name)
      return outcome.kind === 'failure' ? outcome.why : `${outcome.kind} ${outcome.security.kind}`
    }
    expect(['www.example.', 'nothing.example.', 'www.open.', 'nothing.open.', 'alias.example.'].map(security)).toEqual([
      'answer secure',
      'nxdomain secure',
      'answer insecure',
      'nxdomain insecure',
      'answer insecure',
    ])
  })

  test('has targets of aliases looked up on their own, and gives the chain in order', () => {
    const world = forwardWorld({ forward: all, validation: { validate: false } })
    expect(lines(world.resolve('alias.example.')).map(line => line.split(' ')[0])).toEqual([
      'alias.example.',
      'www.open.',
    ])
    expect(queries(world, RESOLVER).map(({ question }) => question?.name.length)).toHaveLength(2)
  })

  test('answers from the cache the second time, denials too', () => {
    const world = forwardWorld({ forward: all, validation: { validate: false } })
    for (const name of ['www.open.', 'nothing.open.', 'mail.open.']) world.resolve(name)
    const before = asked(world, RESOLVER)
    for (const name of ['www.open.', 'nothing.open.', 'mail.open.']) world.resolve(name)
    expect(asked(world, RESOLVER)).toBe(before)
  })

  test('is never asked for a client without RD', () => {
    const world = forwardWorld({ forward: all })
    expect(world.resolve('www.open.', 'A', { recursionDesired: false })).toMatchObject({ why: 'not-recursive' })
    expect(world.exchanges).toHaveLength(0)
  })

  test('is asked again with CD after SERVFAIL where we validate, and only there', () => {
    const forwarders = [{ at: [RESOLVER], does: [] }]
    const broken = [{ at: [EXAMPLE_SERVER], does: ['breaksSignatures'] }]
    const checks = (validate: boolean): (boolean | undefined)[] => {
      const world = forwardWorld({ forward: all, forwarders, servers: broken, validation: { validate } })
      const outcome = world.resolve('www.example.')
      expect(outcome.kind).toBe('failure')
      return queries(world, RESOLVER)
        .filter(({ question }) => question?.type === 1)
        .map(({ checkingDisabled }) => checkingDisabled)
    }
    expect(checks(true).slice(0, 2)).toEqual([false, true])
    expect(new Set(checks(false))).toEqual(new Set([false]))
  })

  test('gives a client with CD what its resolver will not hand out without', () => {
    const world = forwardWorld({ forward: all, servers: [{ at: [EXAMPLE_SERVER], does: ['breaksSignatures'] }] })
    expect(world.resolve('www.example.', 'A', { checkingDisabled: true }).kind).toBe('answer')
    expect(world.resolve('www.example.').kind).toBe('failure')
  })

  test('is not answered by what cannot resolve, and the failure says so', () => {
    const world = forwardWorld({ forward: [{ zone: '.', to: [ROOT_SERVER] }], validation: { validate: false } })
    expect(failureText(world, 'www.example.')).toMatch(
      /forward zone \. for www\.example\. A: 198\.51\.100\.1: lame: it does not resolve for us \(RA is not set\)/,
    )
  })
})

describe('a stub zone', () => {
  test('has its own servers asked without RD, and delegations below it followed', () => {
    const world = forwardWorld({ stub: corpStub, validation: exempt })
    expect(lines(world.resolve('www.sub.corp.example.'))).toEqual(['www.sub.corp.example. 600 IN A 10.0.0.83'])
    expect([asked(world, CORP_SERVER) > 0, asked(world, SUB_SERVER) > 0]).toEqual([true, true])
    expect(queries(world, CORP_SERVER).every(({ recursionDesired }) => !recursionDesired)).toBe(true)
    // The second time the delegation is known.
    const before = asked(world, CORP_SERVER)
    world.resolve('other.sub.corp.example.')
    expect(asked(world, CORP_SERVER)).toBe(before)
  })

  test('leads out of itself by an alias to the public servers', () => {
    const world = forwardWorld({ stub: corpStub, validation: exempt })
    expect(lines(world.resolve('out.corp.example.')).at(-1)).toBe('www.example. 3600 IN A 192.0.2.10')
    expect(asked(world, EXAMPLE_SERVER)).toBeGreaterThan(0)
  })

  test('has the DS set of its apex asked of the parent side', () => {
    const world = forwardWorld({ stub: corpStub, validation: exempt })
    expect(world.resolve('corp.example.', 'DS').kind).toBe('nxdomain')
    expect(asked(world, CORP_SERVER)).toBe(0)
    expect(lines(world.resolve('corp.example.'))).toEqual(['corp.example. 600 IN A 10.0.0.80'])
    expect(world.resolve('nothing.corp.example.')).toMatchObject({ kind: 'nxdomain' })
    const before = asked(world, CORP_SERVER)
    expect(world.resolve('nothing.corp.example.')).toMatchObject({ kind: 'nxdomain' })
    expect(asked(world, CORP_SERVER)).toBe(before)
  })

  test('wins over the servers of its parent, whose chain into it is not taken', () => {
    const world = forwardWorld({ stub: corpStub, validation: exempt })
    for (const name of ['alias.open.', 'into.example.'])
      expect(lines(world.resolve(name)).at(-1)).toBe('www.corp.example. 600 IN A 10.0.0.81')
    expect(asked(world, CORP_SERVER)).toBeGreaterThan(0)
  })
})

describe('a private zone below a signed one', () => {
  test('fails with the negative trust anchor that cures it, and is cured by it', () => {
    const uncured = forwardWorld({ stub: corpStub })
    for (const name of ['www.corp.example.', 'nothing.corp.example.'])
      expect(failureText(uncured, name)).toMatch(
        /corp\.example\. is a stub zone .* a negative trust anchor for "corp\.example" \(dnssec\.negativeTrustAnchors\)/,
      )
    const cured = forwardWorld({ stub: corpStub, validation: exempt })
    expect(cured.resolve('www.corp.example.')).toMatchObject({ kind: 'answer', security: { kind: 'insecure' } })
    expect(cured.resolve('nothing.corp.example.')).toMatchObject({ kind: 'nxdomain' })
  })

  test('costs one look for its DS, not one a name', () => {
    const world = forwardWorld({ stub: corpStub })
    for (const name of ['www', 'in', 'nothing', 'ns']) world.resolve(`${name}.corp.example.`)
    const ds = queries(world, EXAMPLE_SERVER).filter(({ question }) => question?.type === 43)
    expect(ds.length).toBeLessThanOrEqual(1)
  })
})

/** What is in the way of a zone, in pairs. */
describe('forward and stub zones', () => {
  const kinds = {
    stub: { stub: corpStub },
    forward: {
      forward: [{ zone: 'corp.example', to: [COMPANY_RESOLVER] }],
      forwarders: [
        { at: [COMPANY_RESOLVER], localZones: [{ origin: 'corp.example.', text: corpText('10.0.0.81') }] },
        { at: [RESOLVER] },
      ],
    },
  }
  const address = 'www.corp.example. 600 IN A 10.0.0.81'

  describe.each(Object.entries(kinds))('%s', (_kind, zones) => {
    test.each(['off', 'relaxed', 'strict'] as const)('are found with minimisation %s', minimise => {
      const world = forwardWorld({ ...zones, validation: exempt, settings: { minimise } })
      expect(lines(world.resolve('www.corp.example.'))).toEqual([address])
    })

    test.each(['cached NXDOMAIN of the parent', 'denial of the parent for another name (RFC 8198)'])(
      'are not hidden by a %s',
      what => {
        const world = forwardWorld({ ...zones, validation: exempt })
        if (what.startsWith('cached')) world.resolve('corp.example.', 'DS')
        else for (const name of ['b.example.', 'cot.example.', 'corq.example.']) world.resolve(name)
        expect(lines(world.resolve('www.corp.example.'))).toEqual([address])
        expect(world.resolve('nothing.corp.example.').kind).toBe('nxdomain')
        // What the zone denies says nothing of the names of its parent.
        expect(lines(world.resolve('a.corpse.example.'))).toEqual(['a.corpse.example. 3600 IN A 192.0.2.11'])
      },
    )

    test('that are configured later take over what is cached', () => {
      const world = forwardWorld({ forwarders: kinds.forward.forwarders, validation: exempt })
      expect(world.resolve('www.corp.example.').kind).toBe('nxdomain')
      world.reconfigure(zones)
      expect(lines(world.resolve('www.corp.example.'))).toEqual([address])
      world.reconfigure({})
      expect(world.resolve('www.corp.example.').kind).toBe('nxdomain')
    })

    test('yield to local zones and records', () => {
      const local = [{ origin: 'corp.example.', text: corpText('192.0.2.99') }]
      const world = forwardWorld({ ...zones, validation: exempt, localZones: local })
      expect(lines(world.resolve('www.corp.example.'))).toEqual(['www.corp.example. 600 IN A 192.0.2.99'])
      expect(world.exchanges).toHaveLength(0)
    })
  })

  test('of the same internet: the longest name wins', () => {
    const world = forwardWorld({
      forward: [...all, { zone: 'open', to: [OTHER_RESOLVER] }],
      stub: corpStub,
      validation: exempt,
    })
    world.resolve('www.open.')
    expect([asked(world, RESOLVER) > 0, asked(world, OTHER_RESOLVER) > 0]).toEqual([true, true])
    expect(queries(world, OTHER_RESOLVER).every(({ question }) => question?.type === 1)).toBe(true)
    expect(lines(world.resolve('www.corp.example.'))).toEqual([address])
    expect(asked(world, ROOT_SERVER) + asked(world, EXAMPLE_SERVER) + asked(world, OPEN_SERVER)).toBe(0)
  })

  test.each([
    ['10.in-addr.arpa', '1.0.0.10.in-addr.arpa.', true],
    ['0.0.10.in-addr.arpa', '1.0.0.10.in-addr.arpa.', true],
    ['0.0.10.in-addr.arpa', '1.1.1.10.in-addr.arpa.', false],
    ['in-addr.arpa', '1.0.0.10.in-addr.arpa.', false],
    ['.', '1.0.0.10.in-addr.arpa.', false],
    ['.', 'www.localhost.', false],
    ['home.arpa', 'printer.home.arpa.', true],
    ['test', 'printer.test.', true],
  ])('%s and the built-in zones: %s is asked for: %s', (zone, name, isAsked) => {
    const world = forwardWorld({ stub: [{ zone, to: ['10.0.0.99'] }], specialUse: true })
    world.resolve(name, 'PTR')
    expect(asked(world, '10.0.0.99') > 0).toBe(isAsked)
  })

  test('in place of a built-in zone need no negative trust anchor', () => {
    const text = '$TTL 60\n@ SOA ns h 1 2 3 4 60\n@ NS ns\nns A 10.0.0.98\n1.0.0 PTR printer.corp.example.\n'
    const world = forwardWorld({
      zones: [...forwardZones(), { origin: '10.in-addr.arpa.', at: ['10.0.0.98'], text }],
      stub: [{ zone: '10.in-addr.arpa', to: ['10.0.0.98'] }],
      specialUse: true,
    })
    expect(lines(world.resolve('1.0.0.10.in-addr.arpa.', 'PTR'))).toHaveLength(1)
    expect(world.resolve('2.0.0.10.in-addr.arpa.', 'PTR').kind).toBe('nxdomain')
  })
})

describe('several servers', () => {
  const both = [{ zone: '.', to: [RESOLVER, OTHER_RESOLVER] }]
  const bare = { validation: { validate: false } }

  test('share the questions by their round trips, and the slow one is tried now and then', () => {
    const world = forwardWorld({
      forward: both,
      forwarders: [
        { at: [RESOLVER], latencyMs: 10 },
        { at: [OTHER_RESOLVER], latencyMs: 80 },
      ],
      ...bare,
    })
    for (let i = 0; i < 150; i++) world.resolve(`name${i}.open.`)
    const slow = asked(world, OTHER_RESOLVER)
    // A denial without proof is asked for once more in plain letters, the first time that a server gives one.
    expect(asked(world, RESOLVER) + slow).toBe(152)
    expect(slow).toBeGreaterThan(1)
    expect(slow).toBeLessThan(20)
  })

  test.each([['silent'], ['portClosed'], ['servfails'], ['refuses'], ['truncatesForever'], ['garbage']])(
    'of which one %s: the other answers, within the time of a client',
    does => {
      const world = forwardWorld({
        forward: both,
        forwarders: [{ at: [RESOLVER], does: [does] }, { at: [OTHER_RESOLVER] }],
        ...bare,
      })
      for (let i = 0; i < 20; i++) {
        const before = world.clock.now()
        expect(world.resolve(i % 2 === 0 ? 'www.open.' : `other${i}.open.`).kind).not.toBe('failure')
        expect(world.clock.now() - before).toBeLessThan(5_000)
      }
    },
  )

  test('of which one is silent: it is asked seldom, and as before when it is back', () => {
    const world = forwardWorld({
      forward: both,
      forwarders: [{ at: [RESOLVER], does: ['silent below gone.open.'] }, { at: [OTHER_RESOLVER] }],
      ...bare,
    })
    for (let i = 0; i < 60; i++) world.resolve(`a${i}.gone.open.`)
    const whileSilent = asked(world, RESOLVER)
    expect(whileSilent).toBeLessThan(30)
    world.advance('40s')
    for (let i = 0; i < 60; i++) world.resolve(`b${i}.open.`)
    expect(asked(world, RESOLVER) - whileSilent).toBeGreaterThan(10)
  })

  test('that are all silent: a failure in time that names them, of no name in particular', () => {
    const world = forwardWorld({
      forward: both,
      forwarders: [
        { at: [RESOLVER], does: ['silent below gone.open.'] },
        { at: [OTHER_RESOLVER], does: ['silent below gone.open.'] },
      ],
      ...bare,
    })
    const before = world.clock.now()
    const outcome = world.resolve('www.gone.open.')
    expect(outcome).toMatchObject({
      kind: 'failure',
      why: 'upstreams-unreachable',
      ede: 23,
      text: expect.stringMatching(
        /forward zone \. for www\.gone\.open\. A: .*9\.9\.9\.9: silent.*149\.112\.112\.112: silent/,
      ),
    })
    expect(world.clock.now() - before).toBeLessThan(8_000)
    // However often it failed, it is asked for again a second later.
    for (let i = 0; i < 5; i++) {
      world.advance('1100ms')
      const sent = world.exchanges.length
      world.resolve('www.gone.open.')
      expect(world.exchanges.length).toBeGreaterThanOrEqual(sent)
    }
    world.advance('2100ms')
    expect(world.resolve('www.open.').kind).toBe('answer')
  })

  test.each([
    ['over TLS with a wrong certificate', { kind: 'unverified', reason: 'certificate has expired' }],
    ['over HTTPS that is overloaded', { kind: 'http-status', status: 503, retryAfterMs: 2_000 }],
  ] as const)(
    'of which one is %s: the other answers, and the failure names it where there is none',
    (_what, secureFailure) => {
      const forwarders = [{ at: [RESOLVER], secureFailure }, { at: [OTHER_RESOLVER] }]
      const secure = `tls://${RESOLVER}#dns.quad9.net`
      const two = forwardWorld({ forward: [{ zone: '.', to: [secure, OTHER_RESOLVER] }], forwarders, ...bare })
      for (let i = 0; i < 10; i++) expect(two.resolve(i === 0 ? 'www.open.' : `n${i}.open.`).kind).not.toBe('failure')
      const one = forwardWorld({ forward: [{ zone: '.', to: [secure] }], forwarders, ...bare })
      expect(failureText(one, 'www.open.')).toMatch(/tls:\/\/9\.9\.9\.9#dns\.quad9\.net: .*(expired|HTTP status 503)/)
      expect(one.exchanges.every(({ transport }) => transport === 'tls')).toBe(true)
    },
  )

  test('the only one asks for a pause: it gets it, others are told, and it is asked again after it', () => {
    const secureFailure = { kind: 'http-status', status: 429, retryAfterMs: 1e9 } as const
    const world = forwardWorld({
      forward: [{ zone: '.', to: [`https://dns.example/dns-query@${RESOLVER}`] }],
      forwarders: [{ at: [RESOLVER], secureFailure }],
      ...bare,
    })
    world.resolve('www.open.')
    const sent = world.exchanges.length
    expect(failureText(world, 'other.open.')).toMatch(/asked for a pause, 30 s are left/)
    expect(world.exchanges).toHaveLength(sent)
    world.advance('31s')
    world.resolve('other.open.')
    expect(world.exchanges.length).toBeGreaterThan(sent)
  })
})

describe('recurseOnFailure', () => {
  const forwarders = [{ at: [RESOLVER], does: ['silent'] }]

  test('resolves from the root when all servers fail, and not without it', () => {
    const world = forwardWorld({
      forward: [{ ...all[0], zone: '.', to: [RESOLVER], recurseOnFailure: true }],
      forwarders,
    })
    expect(world.resolve('www.example.')).toMatchObject({ kind: 'answer', security: { kind: 'secure' } })
    expect(world.traceText()).toMatch(/the servers of the forward zone \. failed: resolving from the root/)
    const strict = forwardWorld({ forward: all, forwarders })
    expect(strict.resolve('www.example.').kind).toBe('failure')
    expect(asked(strict, ROOT_SERVER)).toBe(0)
  })

  test('is for failures only: a denial stands', () => {
    const world = forwardWorld({ forward: [{ zone: '.', to: [RESOLVER], recurseOnFailure: true }] })
    expect(world.resolve('nothing.open.').kind).toBe('nxdomain')
    expect(asked(world, ROOT_SERVER)).toBe(0)
  })

  test('goes to the next shorter zone first', () => {
    const world = forwardWorld({
      forward: [
        { zone: 'open', to: [RESOLVER], recurseOnFailure: true },
        { zone: '.', to: [OTHER_RESOLVER] },
      ],
      forwarders: [...forwarders, { at: [OTHER_RESOLVER] }],
      validation: { validate: false },
    })
    expect(world.resolve('www.open.').kind).toBe('answer')
    const addresses = queries(world, OTHER_RESOLVER).filter(({ question }) => question?.type === 1)
    expect([addresses.length, asked(world, ROOT_SERVER)]).toEqual([1, 0])
  })

  test('has denials of the public DNS remembered for a moment only', () => {
    const world = forwardWorld({
      forward: [{ zone: 'corp.example', to: [COMPANY_RESOLVER], recurseOnFailure: true }],
      forwarders: [{ at: [COMPANY_RESOLVER], does: ['silent'] }],
      validation: exempt,
    })
    const outcome = world.resolve('www.corp.example.')
    expect(outcome).toMatchObject({ kind: 'nxdomain', soa: { ttl: 5 } })
    const sent = asked(world, COMPANY_RESOLVER)
    world.advance('6s')
    world.resolve('www.corp.example.')
    expect(asked(world, COMPANY_RESOLVER)).toBeGreaterThan(sent)
  })
})

describe('a server known by name', () => {
  const to = ['https://dns.example/dns-query']
  const resolverAt = [{ at: ['192.0.2.53'] }]

  test('is looked up from the root, without itself, and its address is kept', () => {
    const world = forwardWorld({
      forward: [{ zone: '.', to }],
      forwarders: resolverAt,
      validation: { validate: false },
    })
    expect(lines(world.resolve('www.open.'))).toEqual(['www.open. 300 IN A 192.0.2.20'])
    const looks = asked(world, ROOT_SERVER)
    expect(looks).toBeGreaterThan(0)
    expect(world.exchangesTo('192.0.2.53').every(({ transport }) => transport === 'https')).toBe(true)
    world.resolve('other.open.')
    expect(asked(world, ROOT_SERVER)).toBe(looks)
  })

  test('is looked up again when its time is over, next to questions that go to the old address', () => {
    const world = forwardWorld({
      forward: [{ zone: '.', to }],
      forwarders: resolverAt,
      validation: { validate: false },
    })
    world.resolve('www.open.')
    const looks = asked(world, EXAMPLE_SERVER)
    world.advance('2h')
    const before = world.clock.now()
    world.resolve('more.open.')
    expect(world.clock.now() - before).toBeLessThan(100)
    world.run()
    expect(asked(world, EXAMPLE_SERVER)).toBeGreaterThan(looks)
  })

  test('is looked up through the others of its zone that have addresses', () => {
    const world = forwardWorld({
      forward: [{ zone: '.', to: [...to, RESOLVER] }],
      forwarders: [...resolverAt, { at: [RESOLVER] }],
      validation: { validate: false },
    })
    for (let i = 0; i < 20; i++) world.resolve(`n${i}.open.`)
    expect(asked(world, ROOT_SERVER)).toBe(0)
  })

  test('that is not found fails with what to write', () => {
    const world = forwardWorld({
      forward: [{ zone: '.', to: ['https://nowhere.example/dns-query'] }],
      validation: { validate: false },
    })
    expect(failureText(world, 'www.open.')).toMatch(
      /nowhere\.example\/dns-query: its address was not found: write it after an @/,
    )
  })
})

describe('a forwarding loop', () => {
  /** What comes back while a question is in flight is a probe; the server is then passed over. */
  function probed(world: World): string[] {
    return [RESOLVER, OTHER_RESOLVER].flatMap(address =>
      queries(world, address).flatMap(({ question }) =>
        question?.type === 16 && world.resolver.cameBack(question.name) ? [address] : [],
      ),
    )
  }
  const to = [RESOLVER, OTHER_RESOLVER]
  const silent = (address: string) => ({ at: [address], does: ['silent'] })

  test('is found by a question for a random name, reported once, and that server is not asked', () => {
    const world = forwardWorld({ forward: [{ zone: '.', to }], forwarders: to.map(silent) })
    world.resolver.probeForwarders()
    world.advance('100ms')
    const open = world.network.open.flatMap(({ query, server }) => {
      const decoded = decodeMessage(query)
      return decoded.kind === 'message' && decoded.message.question !== null
        ? [{ address: server.ip.text, name: foldName(decoded.message.question.name) }]
        : []
    })
    expect(open.map(({ address }) => address).sort()).toEqual([...to].sort())
    const [first, second] = open
    if (first === undefined || second === undefined) throw new Error('both are probed')
    expect([world.resolver.cameBack(first.name), world.resolver.cameBack(first.name)]).toEqual([true, true])
    expect(world.resolver.cameBack(nameOf('www.open.'))).toBe(false)
    expect(world.events.filter(({ kind }) => kind === 'forward-loop')).toHaveLength(1)
    world.run()
    const before = asked(world, first.address)
    expect(failureText(world, 'www.open.')).toMatch(/a loop: what is forwarded to it comes back here/)
    expect(asked(world, first.address)).toBe(before)
    // A name that has ended is a name like any other, and a minute later the server is tried again.
    expect(world.resolver.cameBack(first.name)).toBe(false)
    world.advance('61s')
    world.resolve('other.open.')
    expect(asked(world, first.address)).toBeGreaterThan(before)
  })

  test('is looked for again when a server is silent, at most once in ten seconds', () => {
    const world = forwardWorld({ forward: [{ zone: '.', to: [RESOLVER] }], forwarders: [silent(RESOLVER)] })
    for (let i = 0; i < 5; i++) world.resolve(`n${i}.open.`)
    world.run()
    const probes = queries(world, RESOLVER).filter(({ question }) => question?.type === 16)
    expect(probes.length).toBeGreaterThan(0)
    expect(probes.length).toBeLessThanOrEqual(1 + (world.clock.now() - 1_000_003) / 10_000)
    expect(probed(world)).toEqual([])
  })
})

describe('networks that intercept port 53', () => {
  /** Every address of the public servers is the same resolver. */
  const intercepted = (ignoresRd: boolean): World => {
    const at = [ROOT_SERVER, '198.51.100.9']
    return forwardWorld({
      zones: forwardZones().map(zone =>
        zone.origin === '.'
          ? { ...zone, at: [REAL_ROOT], text: zone.text.replaceAll(/ A 198\.51\.100\.[19]$/gm, ` A ${REAL_ROOT}`) }
          : zone,
      ),
      hints: hintsAt(at),
      forwarders: [{ at, ignoresRd }],
      validation: { validate: false },
    })
  }

  test('are recognised by two addresses of the root that resolve, reported once, and named in one line', () => {
    const world = intercepted(true)
    expect(lines(world.resolve('www.open.'))).toEqual(['www.open. 300 IN A 192.0.2.20'])
    world.resolve('other.open.')
    expect(world.events.filter(({ kind }) => kind === 'port-53-intercepted')).toHaveLength(1)
    expect(
      world.traceText().match(/port 53 is intercepted in this network.*forward to a resolver over TLS/g)?.length,
    ).toBe(2)
    const second = world.exchanges.length
    world.resolve('third.open.')
    // Without it both addresses would be asked for each label.
    expect(world.exchanges.length - second).toBeLessThanOrEqual(2)
  })

  test('that answer nothing of use fail with what cures it', () => {
    const world = intercepted(false)
    for (const name of ['www.open.', 'other.open.'])
      expect(failureText(world, name)).toMatch(/^port 53 is intercepted in this network: .*tls:\/\/9\.9\.9\.9#dns/)
    expect(world.exchanges.length).toBeLessThanOrEqual(9)
  })

  test('are not seen where root servers answer as they should', () => {
    const world = forwardWorld({})
    for (const name of ['www.open.', 'nothing.', 'www.example.']) world.resolve(name)
    expect(world.events.map(({ kind }) => kind)).not.toContain('port-53-intercepted')
  })
})

const forwardZones = (): ZoneSource[] => [...publicZones, ...corpZones]

/** Where only the resolver that intercepts can reach it. */
const REAL_ROOT = '198.51.100.77'

const hintsAt = (addresses: readonly string[]): Delegation => ({
  zone: nameOf('.'),
  servers: addresses.map((address, index) => ({
    name: nameOf(`${'ab'.charAt(index)}.root.`),
    addresses: [ip(address)],
  })),
  ds: null,
  expiresAt: Number.POSITIVE_INFINITY,
})
