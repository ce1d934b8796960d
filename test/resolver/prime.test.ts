import { describe, expect, test } from 'vitest'
import type { Delegation } from '../../src/cache/delegations.ts'
import { decodeMessage } from '../../src/dns/decode.ts'
import { ROOT } from '../../src/dns/name.ts'
import { formatName } from '../../src/presentation/text.ts'
import type { ServerSource, ZoneSource } from '../../src/simulation/internet.ts'
import { ip, nameOf } from '../../src/simulation/records.ts'
import { simulate, type World, type WorldOptions } from '../../src/simulation/world.ts'

const SOA = '@ 3600 SOA ns.invalid. hostmaster.invalid. 1 7200 3600 1209600 60\n'
const FIRST = '10.54.0.1'
const SECOND = '10.54.0.2'

/** A root with two servers; `a` and `b` are where they are, as the root itself says. */
const root = (sign: string | undefined, more = ''): ZoneSource => ({
  origin: '.',
  at: [FIRST, SECOND],
  text: `${SOA}@ 86400 NS a.root.\n@ 86400 NS b.root.\na.root. 3600 A ${FIRST}\nb.root. 3600 A ${SECOND}\n${more}`,
  ...(sign === undefined ? {} : { sign }),
})

const hints = (servers: Readonly<Record<string, readonly string[]>>): Delegation => ({
  zone: ROOT,
  servers: Object.entries(servers).map(([name, addresses]) => ({ name: nameOf(name), addresses: addresses.map(ip) })),
  ds: null,
  expiresAt: Number.POSITIVE_INFINITY,
})

const does = (...words: string[]): ServerSource[] => [{ at: [FIRST, SECOND], does: words }]

const primingQueries = (world: World) =>
  world.exchanges.flatMap(({ query, transport }) => {
    const decoded = decodeMessage(query)
    if (decoded.kind === 'format-error') return []
    const { question, edns } = decoded.message
    return question?.type === 2 && question.name === ROOT ? [{ transport, dnssecOk: edns?.dnssecOk ?? false }] : []
  })

/** Where the walk of a name begins now, and whom it asks. */
function startOf(world: World): { from: string; servers: number; asked: string } {
  const before = world.trace.length
  world.resolve('nothing.', 'TXT')
  const steps = world.trace.slice(before)
  const cut = steps.find(step => step.kind === 'cut')
  const asked = steps.find(step => step.kind === 'exchange')
  if (cut === undefined || asked === undefined) throw new Error(world.traceText())
  return { from: cut.from, servers: cut.servers, asked: asked.server.ip.text }
}

describe('a priming query is an ordinary question', () => {
  const rows: [string, Partial<WorldOptions>, { transport: string; dnssecOk: boolean }[]][] = [
    ['one message, with EDNS and DO', {}, [{ transport: 'udp', dnssecOk: true }]],
    [
      'a truncated reply is fetched over TCP',
      { servers: does('truncates for . NS') },
      [
        { transport: 'udp', dnssecOk: true },
        { transport: 'tcp', dnssecOk: true },
      ],
    ],
    [
      'replies to guessed IDs lead to TCP',
      { servers: does('spoofs(40) for . NS') },
      [
        { transport: 'udp', dnssecOk: true },
        { transport: 'tcp', dnssecOk: true },
      ],
    ],
    [
      'a server without EDNS is asked without it',
      { servers: does('formerrOnEdns for . NS') },
      [
        { transport: 'udp', dnssecOk: true },
        { transport: 'udp', dnssecOk: false },
      ],
    ],
  ]
  test.each(rows)('%s', (_, options, queries) => {
    const world = simulate({ zones: [root(undefined)], ...options })
    expect(world.prime()).toBe(true)
    expect(primingQueries(world)).toEqual(queries)
    expect(world.events).toEqual([{ kind: 'primed', servers: 2 }])
  })

  test('what it brings is known: the NS set of the root is answered from the cache', () => {
    const world = simulate({ zones: [root('')] })
    world.prime()
    const asked = world.exchanges.length
    expect(world.resolve('.', 'NS')).toMatchObject({ kind: 'answer', security: { kind: 'secure' } })
    expect(world.exchanges).toHaveLength(asked)
  })

  test('a server that fails is no reason to stop: another is asked', () => {
    const servers = [{ at: [FIRST], does: ['servfails for . NS'] }]
    for (let seed = 1; seed <= 8; seed++)
      expect(simulate({ zones: [root(undefined)], servers, seed }).prime(), `seed ${seed}`).toBe(true)
  })
})

describe('priming fails, the hints stay and the reason is reported', () => {
  const rows: [string, Partial<WorldOptions>, RegExp][] = [
    ['when nothing comes', { servers: does('silent for . NS') }, /#53: silent: no answer$/],
    ['when all refuse', { servers: does('refuses for . NS') }, /#53: error: REFUSED$/],
    ['when TCP is truncated as well', { servers: does('truncatesForever for . NS') }, /#53: error: truncated$/],
    ['when replies are no messages', { servers: does('garbage for . NS') }, /#53: error: a malformed reply$/],
    ['when the signatures of the NS set have ended', { zones: [root('expired')] }, /expired \d{4}-\d\d-\d\d/],
    ['when the signatures do not verify', { servers: does('breaksSignatures for . NS') }, /does not verify$/],
    [
      'when the NS set has no signatures',
      { servers: does('stripsSignatures for . NS') },
      /\. NS is without a signature of its zone$/,
    ],
  ]
  test.each(rows)('%s', (_, options, reason) => {
    const world = simulate({ zones: [root('')], ...options })
    expect(world.prime()).toBe(false)
    expect(world.events).toEqual([{ kind: 'priming-failed', reason: expect.stringMatching(reason) }])
    world.resolve('nothing.', 'TXT')
    expect(world.traceText()).toContain('zone . from hints, 2 servers')
  })

  test('where nothing is validated a reply without valid signatures primes', () => {
    const world = simulate({ zones: [root('expired')], validation: { validate: false } })
    expect(world.prime()).toBe(true)
  })

  test('one server with bad signatures is passed over for another', () => {
    const servers = [{ at: [FIRST], does: ['breaksSignatures for . NS'] }]
    for (let seed = 1; seed <= 8; seed++) {
      const world = simulate({ zones: [root('')], servers, seed })
      expect(world.prime(), world.traceText()).toBe(true)
    }
  })
})

describe('addresses that come along', () => {
  const old = hints({ 'a.root.': [FIRST], 'b.root.': ['10.54.0.77'] })

  test('are used when their signatures hold', () => {
    const world = simulate({ zones: [root('')], hints: old })
    expect(world.prime()).toBe(true)
    expect(world.events).toEqual([{ kind: 'primed', servers: 2 }])
    expect(startOf(world)).toMatchObject({ from: 'priming', servers: 2 })
    for (let i = 0; i < 20; i++) world.resolve(`n${i}.`, 'TXT')
    expect(world.exchangesTo('10.54.0.77')).toHaveLength(0)
  })

  /** The servers are in a zone of their own, as those of the real root are. */
  const elsewhere = (sign: string | undefined): readonly ZoneSource[] => [
    {
      origin: '.',
      at: [FIRST],
      sign: '',
      text: `${SOA}@ 86400 NS a.srv.\nsrv. 3600 NS a.srv.\na.srv. 3600 A ${FIRST}\n`,
    },
    {
      origin: 'srv.',
      at: [FIRST],
      text: `${SOA}@ 3600 NS a\na 3600 A ${FIRST}\n`,
      ...(sign === undefined ? {} : { sign }),
    },
  ]

  test('are used when the zone above proves that theirs is unsigned, as root-servers.net is', () => {
    const world = simulate({ zones: elsewhere(undefined), hints: hints({ 'old.srv.': [FIRST] }) })
    expect(world.prime(), world.traceText()).toBe(true)
    expect(world.events).toEqual([{ kind: 'primed', servers: 1 }])
    expect(startOf(world)).toEqual({ from: 'priming', servers: 1, asked: FIRST })
  })

  test('that do not validate are not used: those of the hints are, and the servers are named', () => {
    const world = simulate({
      zones: elsewhere('expired'),
      hints: hints({ 'a.srv.': [FIRST] }),
    })
    expect(world.prime(), world.traceText()).toBe(true)
    expect(world.events).toEqual([
      { kind: 'primed', servers: 1 },
      { kind: 'root-addresses-unproven', servers: ['a.srv.'], reason: expect.stringMatching(/expired/) },
    ])
    expect(startOf(world)).toEqual({ from: 'priming', servers: 1, asked: FIRST })
  })

  test('that do not validate, of a server that the hints do not know, leave the hints in place', () => {
    const world = simulate({ zones: elsewhere('expired'), hints: hints({ 'old.srv.': [FIRST] }) })
    expect(world.prime()).toBe(false)
    expect(world.events).toMatchObject([{ kind: 'priming-failed' }])
    expect(startOf(world)).toEqual({ from: 'hints', servers: 1, asked: FIRST })
  })
})

test('a priming reply is asked for by name and address of the hints', () => {
  const world = simulate({ zones: [root(undefined)] })
  world.prime()
  const step = world.trace.find(one => one.kind === 'exchange')
  expect(step === undefined || step.serverName === null ? '' : formatName(step.serverName)).toMatch(/^[ab]\.root\.$/)
})
