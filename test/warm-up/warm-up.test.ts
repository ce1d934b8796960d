import { describe, expect, it } from 'vitest'
import { readConfig } from '../../src/config/read.ts'
import type { Config } from '../../src/config/types.ts'
import { decodeMessage } from '../../src/dns/decode.ts'
import { questionKey, type Question } from '../../src/dns/message.ts'
import { ROOT, suffixOf } from '../../src/dns/name.ts'
import { RrType } from '../../src/dns/types.ts'
import type { Event } from '../../src/events.ts'
import { defaultLimits, limitsWith, type WarmUpLimits } from '../../src/limits.ts'
import { systemClock, systemRandom } from '../../src/system/system.ts'
import { openRecursor, type Recursor } from '../../src/app/recursor.ts'
import { checkQuery } from '../../src/server/check-query.ts'
import type { Outcome } from '../../src/steps.ts'
import { TrustAnchorManager } from '../../src/app/trust-anchor-manager.ts'
import { WarmUpInternet } from '../../src/warm-up/internet.ts'
import { hostAt, hostLabel, nameIn, zoneNumber, zoneTraits } from '../../src/warm-up/names.ts'
import { warmUpQuestion } from '../../src/warm-up/questions.ts'
import { ROOT_ROLE, warmUpAddresses } from '../../src/warm-up/servers.ts'
import { WarmUpSigner } from '../../src/warm-up/signer.ts'
import { warmUp, type WarmedUp, type WarmUpParts } from '../../src/warm-up/warm-up.ts'

/** Enough that every kind of question is asked of every kind of zone. */
const ENOUGH = 500
const quick: Partial<WarmUpLimits> = {
  questions: ENOUGH,
  pauseMs: 0,
  sliceMs: 10_000,
  giveUpMs: 60_000,
  busyPermille: 2_000,
}

function configFor(settings: object, changes: Partial<WarmUpLimits> = {}): Config {
  const result = readConfig({
    file: { path: '/app/resolver.config.json', text: JSON.stringify(settings) },
    overrides: [],
    directory: '/',
  })
  if (result.kind !== 'config') throw new Error(JSON.stringify(result.problems))
  const limits = { ...result.config.limits, warmUp: limitsWith({ warmUp: { ...quick, ...changes } }).warmUp }
  return { ...result.config, limits }
}

interface Run {
  readonly ended: WarmedUp
  readonly events: readonly Event[]
  readonly server: Recursor
}

/** Beside a server that would notice if it were asked anything. */
async function run(config: Config, parts: Partial<WarmUpParts> = {}): Promise<Run> {
  const events: Event[] = []
  const forbidden = (): never => {
    throw new Error('the server was asked')
  }
  const hints = { zone: ROOT, servers: [], ds: null, expiresAt: Number.POSITIVE_INFINITY }
  const server = openRecursor({
    limits: config.limits,
    settings: () => config.engine,
    hints: () => hints,
    events: forbidden,
    network: { exchange: forbidden },
  })
  const ended = await warmUp({
    config,
    sharedPorts: server,
    waiting: () => 0,
    signal: new AbortController().signal,
    events: event => events.push(event),
    ...parts,
  })
  server.close()
  return { ended, events, server }
}

describe('questions', () => {
  const asked = Array.from({ length: 3_000 }, (_, n) => {
    const { query, transport } = warmUpQuestion(n)
    const checked = checkQuery(decodeMessage(query), transport)
    if (checked.kind !== 'query') throw new Error(`question ${n} is none`)
    return checked.asked
  })
  const share = (test: (one: (typeof asked)[number]) => boolean): number => asked.filter(test).length / asked.length

  it('are those of clients: mostly addresses, most with EDNS, some with DO', () => {
    expect(share(({ question }) => question.type === RrType.A)).toBeGreaterThan(0.5)
    expect(share(({ question }) => question.type === RrType.AAAA)).toBeGreaterThan(0.2)
    expect(new Set(asked.map(({ question }) => question.type))).toEqual(
      new Set([RrType.A, RrType.AAAA, RrType.HTTPS, RrType.MX, RrType.TXT]),
    )
    expect(share(({ edns }) => edns !== null)).toBeCloseTo(0.8, 1)
    expect(share(({ edns }) => edns?.dnssecOk === true)).toBeCloseTo(0.2, 1)
    expect(share(({ edns }) => (edns?.options.length ?? 0) > 0)).toBeCloseTo(0.2, 1)
    expect(share(({ transport }) => transport === 'tcp')).toBeGreaterThan(0.02)
  })

  it('are the same each time, and some come twice', () => {
    expect(warmUpQuestion(77)).toEqual(warmUpQuestion(77))
    const different = new Set(asked.map(({ question, edns }) => `${questionKey(question)}${edns?.dnssecOk}`)).size
    expect(different).toBeLessThan(asked.length)
    expect(different).toBeGreaterThan(0.9 * asked.length)
  })
})

describe('names', () => {
  it('say which zone and host they are of, whatever the length of their labels', () => {
    for (let zone = 0; zone < 200; zone++) {
      const name = nameIn(zone, hostLabel('only-ipv4', 123_456_789 >> (zone % 28)))
      expect([zoneNumber(suffixOf(name, 2)), hostAt(name)]).toEqual([
        zone,
        { kind: 'only-ipv4', number: 123_456_789 >> (zone % 28), target: 0 },
      ])
    }
    expect(hostAt(nameIn(3, hostLabel('alias-away', 12, 34)))).toEqual({ kind: 'alias-away', number: 12, target: 34 })
  })
})

describe('the internet of the warm-up', () => {
  const settings = {
    minimise: 'relaxed',
    mixCase: true,
    ipv4: true,
    ipv6: true,
    upstreamPort: 53,
    doNotQuery: [],
    hardenGlue: true,
  } as const

  it('is validated from its root down, what is signed and what is not', async () => {
    const clock = systemClock()
    const broken: unknown[] = []
    const signer = new WarmUpSigner(clock.wall())
    const internet = new WarmUpInternet({
      clock,
      random: systemRandom(),
      limits: defaultLimits,
      signer,
      onBug: error => broken.push(error),
    })
    const trust = new TrustAnchorManager({
      clock,
      limits: defaultLimits.dnssec,
      events: () => {},
      settings: configFor({}).dnssec,
      anchors: [{ name: ROOT, ds: [signer.dsOf(ROOT)], keys: [] }],
    })
    const hints = {
      zone: ROOT,
      servers: [{ name: ROOT, addresses: warmUpAddresses(ROOT_ROLE, 1) }],
      ds: null,
      expiresAt: Number.POSITIVE_INFINITY,
    }
    const recursor = openRecursor({
      limits: defaultLimits,
      settings: () => settings,
      hints: () => hints,
      validation: trust.validation,
      events: event => broken.push(event),
      network: internet.port(false),
    })
    const resolve = (question: Question): Promise<Outcome> =>
      new Promise(done => void recursor.resolver.resolve(question, { recursionDesired: true, because: 'client' }, done))
    const found = new Set<string>()
    for (let n = 0; n < ENOUGH; n++) {
      const message = decodeMessage(warmUpQuestion(n).query)
      const question = message.kind === 'message' ? message.message.question : null
      if (question === null) throw new Error('no question')
      const outcome = await resolve({ name: question.name, type: question.type, class: question.class })
      const isSigned = zoneTraits(zoneNumber(suffixOf(question.name, 2))).isSigned
      const security = outcome.kind === 'failure' ? outcome.text : outcome.security.kind
      // An alias is as secure as the least of what it leads through.
      if (outcome.kind !== 'failure' && outcome.rrsets.length > 1) found.add('alias')
      else expect(`${question.name} ${security}`).toBe(`${question.name} ${isSigned ? 'secure' : 'insecure'}`)
      found.add(`${outcome.kind} ${security}`)
    }
    expect(found).toEqual(
      new Set(['alias', ...['answer', 'nodata', 'nxdomain'].flatMap(kind => [`${kind} secure`, `${kind} insecure`])]),
    )
    expect(broken).toEqual([])
    internet.close()
    recursor.close()
  })
})

describe('a warm-up', () => {
  const worlds: Readonly<Record<string, object>> = {
    'nothing is validated': { dnssec: { validate: false } },
    'IPv4 alone, no minimisation': { upstream: { ipv6: false, minimise: 'off', mixCase: false } },
    'IPv6 alone, strict minimisation': { upstream: { ipv4: false, ipv6: true, minimise: 'strict' } },
    'a budget of next to nothing': {
      budget: { queries: 1, depth: 1, aliases: 1 },
      clients: { waiting: 20, udpReplyBytes: 512 },
    },
    'nobody may ask or be asked': { allow: [], upstream: { doNotQuery: ['0.0.0.0/0', '::/0'] } },
    'all that can be told': {
      identity: { version: 'x', id: 'y' },
      queryLog: { file: '/nowhere/at/all' },
      dnssec: { rootKeySentinel: true, managedAnchors: '/nowhere/at/all' },
    },
  }
  it.each(Object.entries(worlds))('ends every question as planned: %s', async (_, settings) => {
    const { ended, events } = await run(configFor(settings))
    expect(ended).toMatchObject({ ended: 'done', questions: ENOUGH, unexpected: 0 })
    expect(events).toEqual([ended])
  })

  it('of the whole length leaves nothing in the caches of the server', async () => {
    const { questions } = defaultLimits.warmUp
    const { ended, server } = await run(configFor({}, { questions }))
    expect(ended).toMatchObject({ ended: 'done', questions, unexpected: 0 })
    expect(
      server.caches.rrsets.size +
        server.caches.answers.size +
        server.caches.negatives.bytes +
        server.caches.delegations.bytes +
        server.caches.servers.bytes,
    ).toBe(0)
    expect(server.resolver.inFlight).toBe(0)
  })

  it('gives way while clients wait, and goes on when none does', async () => {
    const looks: number[] = []
    const { ended } = await run(configFor({}, { questions: 20 }), { waiting: () => (looks.push(1) < 5 ? 3 : 0) })
    expect(looks.length).toBeGreaterThanOrEqual(5)
    expect(ended).toMatchObject({ ended: 'done', questions: 20, unexpected: 0 })
  })

  it('gives up when they never let it work', async () => {
    const { ended, events } = await run(configFor({}, { giveUpMs: 5 }), { waiting: () => 1 })
    expect(ended).toMatchObject({ ended: 'busy', questions: 0 })
    expect(events).toEqual([ended])
  })

  it('gives way to a loop that has other work', async () => {
    const { ended } = await run(configFor({}, { giveUpMs: 5, busyPermille: -1 }))
    expect(ended).toMatchObject({ ended: 'busy', questions: 0 })
  })

  it('ends when it is told to, before it began and in the middle', async () => {
    expect((await run(configFor({}), { signal: AbortSignal.abort() })).ended).toMatchObject({
      ended: 'stopped',
      questions: 0,
    })
    const stop = new AbortController()
    const wall = systemClock()
    const clock = { ...wall, now: () => wall.now() }
    // The engine reads the clock all the time: after a while it is stopped from within.
    let reads = 0
    const config = configFor({})
    const like = {
      clock: {
        ...clock,
        now: () => {
          if (++reads === 2_000) stop.abort()
          return wall.now()
        },
      },
      random: systemRandom(),
      settings: () => config.engine,
    }
    const { ended, events } = await run(config, { signal: stop.signal, sharedPorts: like })
    expect(ended.ended).toBe('stopped')
    expect(ended.questions).toBeGreaterThan(0)
    expect(ended.questions).toBeLessThan(ENOUGH)
    expect(events).toEqual([ended])
  })

  it('ends by a bug, which is told once, and rejects nothing', async () => {
    const config = configFor({})
    const random = {
      ...systemRandom(),
      below: () => {
        throw new Error('broken')
      },
    }
    const { ended, events } = await run(config, {
      sharedPorts: { clock: systemClock(), random, settings: () => config.engine },
    })
    expect(ended.ended).toBe('bug')
    expect(events.map(({ kind }) => kind)).toEqual(['bug', 'warmed-up'])
    expect(events[0]).toMatchObject({ where: expect.stringMatching(/^warm-up/) })
    const early = {
      clock: {
        ...systemClock(),
        wall: () => {
          throw new Error('no clock')
        },
      },
      random: systemRandom(),
      settings: () => config.engine,
    }
    expect((await run(config, { sharedPorts: early })).events.map(({ kind }) => kind)).toEqual(['bug', 'warmed-up'])
  })
})
