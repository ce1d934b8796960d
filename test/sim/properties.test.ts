/**
 * Seeds x faults x questions on the embedded internet. Whatever goes wrong: every resolution ends, once; nothing stays
 * in flight; budgets hold; what is answered is the truth; nothing forged is kept; the same seed gives the same trace.
 */
import { isDeepStrictEqual } from 'node:util'
import { describe, expect, it } from 'vitest'
import { formatRr } from '../../src/presentation/rr-text.ts'
import { formatName } from '../../src/presentation/text.ts'
import { recordsOf } from '../../src/dns/rrset.ts'
import { RrClass, RrType } from '../../src/dns/types.ts'
import type { Outcome } from '../../src/steps.ts'
import { isPlanted, planted } from '../../src/simulation/forgery.ts'
import { readInternet, type ServerSource } from '../../src/simulation/internet.ts'
import type { MisbehaviourName } from '../../src/simulation/misbehaviour.ts'
import { SimRandom } from '../../src/simulation/random.ts'
import { simulate, type World, type WorldOptions } from '../../src/simulation/world.ts'
import { saying, seeds } from './support.ts'

const internet = readInternet()

/**
 * Those after which an answer is still true or missing. `nxdomainOnEmptyNonTerminal` lies, so it has a test of its own.
 */
const faults: readonly MisbehaviourName[] = [
  'lame',
  'silent',
  'slow',
  'truncates',
  'truncatesForever',
  'ignoresEdns',
  'formerrOnEdns',
  'dropsEdns',
  'badVersion',
  'refuses',
  'servfails',
  'notimp',
  'formerr',
  'bareErrors',
  'garbage',
  'upwardReferral',
  'loops',
  'wrongCase',
  'clearsAa',
  'emptyAnswerNoSoa',
  'selfGlue',
  'extraRecords',
  'tcpRefused',
  'tcpOnly',
  'portClosed',
  'wrongIdBeforeAnswer',
  'wrongQuestionBeforeAnswer',
  'wrongOpcodeBeforeAnswer',
  'wrongClassBeforeAnswer',
  'qr0BeforeAnswer',
  'malformedBeforeAnswer',
  'spoofs',
  'guessesId',
]

const questions: readonly (readonly [string, string])[] = [
  ['www.example.com.', 'A'],
  ['www.example.com.', 'AAAA'],
  ['example.com.', 'MX'],
  ['example.com.', 'NS'],
  ['com.', 'NS'],
  ['chain.example.com.', 'A'],
  ['loop.example.com.', 'A'],
  ['dangling.example.com.', 'A'],
  ['www.old.example.com.', 'A'],
  ['x.wild.example.com.', 'A'],
  ['y.wild.example.com.', 'TXT'],
  ['ent.example.com.', 'A'],
  ['deep.ent.example.com.', 'A'],
  ['nothing.example.com.', 'A'],
  ['big.example.com.', 'TXT'],
  ['www.example.org.', 'A'],
  ['www.child.example.net.', 'A'],
  ['child.example.net.', 'DS'],
  ['10.2.0.192.in-addr.arpa.', 'PTR'],
  ['20.2.0.192.in-addr.arpa.', 'PTR'],
  ['www.glueless.example.', 'A'],
  ['www.one-silent.example.', 'A'],
  ['www.one-lame.example.', 'A'],
  ['www.lame.example.', 'A'],
  ['www.all-silent.example.', 'A'],
  ['www.wrong-case.example.', 'A'],
  ['www.poisoning.example.', 'A'],
  ['circular-a.example.', 'A'],
  ['www.spoofed.example.', 'A'],
  ['nothing.invalid-tld.', 'A'],
  ['www.victim.example.', 'A'],
  ['ns.attacker.example.', 'A'],
  ['.', 'NS'],
  ['example.com.', 'ANY'],
]

/** Those that servers without fault are asked for, and that have an answer. */
const answerable = questions.slice(0, 19).filter(([name]) => name !== 'loop.example.com.')

/** What the same questions say in a world where only the servers that are named so misbehave. */
const truth = new Map<string, string>()
function truthOf(name: string, type: string): string {
  const key = `${name} ${type}`
  const known = truth.get(key)
  if (known !== undefined) return known
  const said = saying(simulate(internet).resolve(name, type))
  truth.set(key, said)
  return said
}

/** The servers above the planted names: what those say of them is no forgery. */
const entitled = (server: ServerSource): boolean =>
  internet.zones.some(
    zone => (zone.origin === '.' || zone.origin === 'example.') && zone.at.some(address => server.at.includes(address)),
  )

function faulty(seed: number): { readonly options: WorldOptions; readonly random: SimRandom } {
  const random = new SimRandom(seed).fork('faults')
  const pick = <T>(list: readonly T[]): T | undefined => list[random.below(list.length)]
  const severity = random.below(5)
  const servers = (internet.servers ?? []).map((server): ServerSource => {
    const does = [...(server.does ?? [])]
    while (random.below(12) < severity)
      does.push(pick(entitled(server) ? faults.filter(fault => fault !== 'extraRecords') : faults) ?? 'lame')
    return { ...server, does }
  })
  const options: WorldOptions = {
    ...internet,
    servers,
    seed,
    loss: random.below(4) * 0.1,
    duplicates: random.below(3) * 0.1,
    jitter: random.below(4) * 0.5,
    unrouted: random.below(2) === 0 ? 'silent' : 'unreachable',
    deadFamilies: random.below(4) === 0 ? [6] : [],
    settings: {
      minimise: pick(['off', 'relaxed', 'strict'] as const) ?? 'off',
      mixCase: random.below(2) === 0,
      ipv6: pick([true, false, 'auto'] as const) ?? true,
    },
  }
  return { options, random }
}

interface Asked {
  readonly name: string
  readonly type: string
  readonly outcome: Outcome
}

/** Some questions alone, some at once, some again, with time in between. */
function play(seed: number): { readonly world: World; readonly asked: readonly Asked[] } {
  const { options, random } = faulty(seed)
  const world = simulate(options)
  const asked: Asked[] = []
  const draw = (): readonly [string, string] => questions[random.below(questions.length)] ?? ['.', 'NS']
  if (random.below(2) === 0) world.prime()
  for (let round = 0; round < 6; round++) {
    const [name, type] = draw()
    const [before, began] = [world.network.started, world.clock.now()]
    asked.push({ name, type, outcome: world.resolve(name, type) })
    expect(world.network.started - before, `messages for ${name} ${type}`).toBeLessThanOrEqual(
      world.limits.budget.queries,
    )
    expect(world.clock.now() - began, `time for ${name} ${type}`).toBeLessThanOrEqual(world.limits.budget.timeMs + 1)
    const together = Array.from({ length: random.below(4) }, draw).map(([n, t]) => ({
      name: n,
      type: t,
      started: world.start(n, t),
    }))
    world.run()
    for (const { name: n, type: t, started } of together) {
      expect(started.outcome, `${n} ${t} ended`).not.toBeNull()
      if (started.outcome !== null) asked.push({ name: n, type: t, outcome: started.outcome })
    }
    world.advance(random.below(2) === 0 ? '1s' : '10m')
  }
  return { world, asked }
}

function explain(seed: number, world: World, what: string): string {
  return `seed ${seed}: ${what}\nrun it alone with ROOTWALK_SEED=${seed}\n${world.traceText()}`
}

/** `expect`, but a trace is put in words only for one that fails. */
function same(found: unknown, expected: unknown, seed: number, world: World, what: string): void {
  if (!isDeepStrictEqual(found, expected)) expect(found, explain(seed, world, what)).toStrictEqual(expected)
}

/** Nothing outside the zone that was asked is in the caches. */
function checkCaches(seed: number, world: World): void {
  const now = world.clock.now()
  for (const name of [planted.victim, planted.server]) {
    for (const type of [RrType.A, RrType.AAAA, RrType.NS])
      same(
        world.caches.rrsets.get(name, type, RrClass.IN, now),
        undefined,
        seed,
        world,
        `${formatName(name)} ${type} is cached`,
      )
    const delegation = world.caches.delegations.closest(name, now)
    same(
      delegation?.servers.filter(server => server.name === planted.server) ?? [],
      [],
      seed,
      world,
      'a forged delegation',
    )
  }
  same(world.exchangesTo(planted.address.text), [], seed, world, 'the attacker was asked')
}

/** Nothing goes on, and nothing is left to happen. */
function checkRest(seed: number, world: World): void {
  same(world.resolver.inFlight, 0, seed, world, 'in flight')
  same(world.network.inFlight, 0, seed, world, 'exchanges in flight')
  same(world.clock.pending, 0, seed, world, 'timers left')
  same(
    world.events.filter(event => event.kind === 'bug'),
    [],
    seed,
    world,
    'a bug',
  )
}

describe('simulations', () => {
  it('whatever goes wrong, resolutions end, tell the truth, leave nothing behind and keep nothing from outside the zone that was asked', {
    timeout: 3_600_000,
  }, () => {
    let answers = 0
    let failures = 0
    for (const seed of seeds()) {
      const { world, asked } = play(seed)
      checkCaches(seed, world)
      world.run()
      checkRest(seed, world)
      for (const { name, type, outcome } of asked) {
        if (outcome.kind === 'failure') failures++
        else answers++
        if (outcome.kind !== 'failure') same(saying(outcome), truthOf(name, type), seed, world, `${name} ${type}`)
        const forged = outcome.rrsets
          .flatMap(set => recordsOf(set))
          .filter(record => isPlanted(record.rdata))
          .map(formatRr)
        same(forged, [], seed, world, `forged data for ${name} ${type}`)
      }
    }
    expect(answers + failures).toBeGreaterThan(0)
    // A run in which nothing is answered, or nothing fails, would prove little.
    if (seeds().length < 50) return
    expect(answers).toBeGreaterThan(failures)
    expect(failures).toBeGreaterThan(answers / 50)
  })

  it('the same seed gives the same trace', { timeout: 3_600_000 }, () => {
    for (const seed of seeds(25, 2_000)) expect(play(seed).world.traceText()).toBe(play(seed).world.traceText())
  })

  it('a tenth of all datagrams lost, each way, costs at most one answer of fifty', { timeout: 3_600_000 }, () => {
    let failures = 0
    let all = 0
    for (const seed of seeds(50, 5_000)) {
      const random = new SimRandom(seed)
      const world = simulate({ ...internet, seed, loss: 0.1, jitter: 1, duplicates: 0.2 })
      for (let i = 0; i < 5; i++) {
        const [name, type] = answerable[random.below(answerable.length)] ?? ['.', 'NS']
        const outcome = world.resolve(name, type)
        all++
        if (outcome.kind === 'failure') failures++
        else same(saying(outcome), truthOf(name, type), seed, world, `${name} ${type}`)
      }
    }
    expect(failures).toBeLessThanOrEqual(Math.max(1, all / 50))
  })
})
