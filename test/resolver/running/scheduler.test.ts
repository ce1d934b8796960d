import { describe, expect, test } from 'vitest'
import { createCaches } from '../../../src/cache/caches.ts'
import type { Event } from '../../../src/events.ts'
import { questionKey, type Question } from '../../../src/dns/message.ts'
import { limitsWith, type LimitChanges } from '../../../src/limits.ts'
import type { ExchangeResult, Network } from '../../../src/ports.ts'
import { serverAddress } from '../../../src/ports.ts'
import { nothingValidated, type Env, type Task } from '../../../src/resolver/env.ts'
import { Interception } from '../../../src/resolver/interception.ts'
import { UpstreamAddresses } from '../../../src/resolver/asking/upstream-addresses.ts'
import { noForwardZones } from '../../../src/zone/forward-zones.ts'
import { UsableServers } from '../../../src/resolver/asking/usable-servers.ts'
import { failure, indeterminate } from '../../../src/resolver/outcome.ts'
import { Scheduler } from '../../../src/resolver/running/scheduler.ts'
import { all, exchange, first, lookup, type Outcome, type Steps } from '../../../src/steps.ts'
import { ip, question, rrset } from '../../../src/simulation/records.ts'
import { SimClock } from '../../../src/simulation/clock.ts'
import { SimRandom } from '../../../src/simulation/random.ts'

const answer: Outcome = {
  kind: 'answer',
  rrsets: [rrset`a.test. 60 IN A 192.0.2.1`],
  proof: [],
  security: indeterminate,
  authoritative: false,
  additional: [],
}

/** A network in which every exchange takes 100 ms and brings nothing. */
class SlowNetwork implements Network {
  readonly clock: SimClock
  sent = 0
  cancelled = 0
  constructor(clock: SimClock) {
    this.clock = clock
  }
  exchange(
    _server: unknown,
    _transport: unknown,
    _query: unknown,
    _timeoutMs: number,
    done: (result: ExchangeResult) => void,
  ): () => void {
    this.sent++
    const stop = this.clock.after(100, () => done({ kind: 'timeout', mismatches: 0 }))
    return () => {
      this.cancelled++
      stop()
    }
  }
}

/** A scheduler whose resolutions follow a script by question. */
function bench(script: Record<string, (task: Task) => Steps<Outcome>>, changes: LimitChanges = {}) {
  const clock = new SimClock()
  const limits = limitsWith(changes)
  const network = new SlowNetwork(clock)
  const events: Event[] = []
  const env: Env = {
    clock,
    random: new SimRandom(1),
    limits,
    caches: createCaches(limits.cache),
    localZones: () => {
      throw new Error('the script asks no zone')
    },
    forwardZones: () => noForwardZones,
    probeEncryption: () => {},
    upstreamAddresses: new UpstreamAddresses(limits.upstream),
    interception: new Interception(limits.engine),
    refreshUpstream: () => {},
    suspectLoop: () => {},
    root: () => ({
      zone: question('.').name,
      servers: [],
      ds: null,
      expiresAt: Number.POSITIVE_INFINITY,
      from: 'hints',
    }),
    settings: () => ({
      minimise: 'off',
      mixCase: false,
      ipv4: true,
      ipv6: false,
      upstreamPort: 53,
      doNotQuery: [],
      hardenGlue: true,
    }),
    validation: () => nothingValidated(limits.dnssec),
    usableServers: new UsableServers(),
    events: event => events.push(event),
  }
  const byKey = new Map(Object.entries(script).map(([name, steps]) => [questionKey(question(name)), steps]))
  const started: string[] = []
  const scheduler = new Scheduler(env, network, function* (task): Steps<Outcome> {
    started.push(questionKey(task.question))
    const steps = byKey.get(questionKey(task.question))
    if (steps === undefined) throw new Error('a question without a script')
    return yield* steps(task)
  })
  const ask = (name: string): { readonly outcome: () => Outcome | undefined; readonly cancel: () => void } => {
    let got: Outcome | undefined
    const cancel = scheduler.resolve(question(name), { because: 'client' }, outcome => {
      if (got !== undefined) throw new Error('answered twice')
      got = outcome
    })
    return { outcome: () => got, cancel }
  }
  const run = (): void => {
    while (clock.step()) {
      // until nothing is left to happen
    }
  }
  return { clock, network, events, env, scheduler, started, ask, run }
}

const server = serverAddress(ip('192.0.2.53'), 53)
function* ping(q: Question): Steps<void> {
  const flags = { recursionDesired: false, checkingDisabled: false, edns: true, mixCase: true }
  yield* exchange({ server, transport: 'udp', question: q, ...flags, timeoutMs: 100 })
}
function* slowly(): Steps<Outcome> {
  yield* ping(question('a.test.'))
  return answer
}
const why = (outcome: Outcome | undefined): string =>
  outcome?.kind === 'failure' ? outcome.why : (outcome?.kind ?? 'nothing')

describe('the scheduler', () => {
  test('500 equal questions share one resolution and all are answered', () => {
    const { ask, run, network, scheduler } = bench({ 'a.test.': slowly })
    const asked = Array.from({ length: 500 }, () => ask('a.test.'))
    run()
    expect(asked.map(a => a.outcome()?.kind)).toEqual(Array(500).fill('answer'))
    expect(network.sent).toBe(1)
    expect(scheduler.inFlight).toBe(0)
  })

  test('after a change of rules a question starts again, and who waited before gets the old answer', () => {
    const { ask, run, scheduler, started } = bench({ 'a.test.': slowly })
    const before = [ask('a.test.'), ask('a.test.')]
    scheduler.shareNoneInFlight()
    const after = [ask('a.test.'), ask('a.test.')]
    expect(started).toHaveLength(2)
    run()
    expect([...before, ...after].map(({ outcome }) => outcome())).toEqual([answer, answer, answer, answer])
    expect(scheduler.inFlight).toBe(0)
  })

  test('waiters above the bound are told so', () => {
    const { ask, run } = bench({ 'a.test.': slowly }, { engine: { waitersPerResolution: 2 } })
    const asked = [ask('a.test.'), ask('a.test.'), ask('a.test.')]
    run()
    expect(asked.map(a => why(a.outcome()))).toEqual(['answer', 'answer', 'overload'])
  })

  test('resolutions above the bound are told so', () => {
    const { ask, run, events } = bench({ 'a.test.': slowly, 'b.test.': slowly }, { engine: { resolutionsInFlight: 1 } })
    const asked = [ask('a.test.'), ask('b.test.')]
    run()
    expect(asked.map(a => why(a.outcome()))).toEqual(['answer', 'overload'])
    expect(events.map(e => e.kind)).toEqual(['overloaded'])
  })

  test('a question that needs itself through others is a cycle, and nothing stays in flight', () => {
    const { ask, run, scheduler } = bench({
      'a.test.': function* () {
        return yield* lookup(question('b.test.'), 'server-address')
      },
      'b.test.': function* () {
        return yield* lookup(question('c.test.'), 'server-address')
      },
      'c.test.': function* () {
        return yield* lookup(question('a.test.'), 'server-address')
      },
    })
    const asked = ask('a.test.')
    run()
    expect(why(asked.outcome())).toBe('cycle')
    expect(scheduler.inFlight).toBe(0)
  })

  test('a cycle over two clients’ questions does not leave them waiting for each other', () => {
    const { ask, run, scheduler } = bench({
      'a.test.': function* () {
        yield* ping(question('a.test.'))
        return yield* lookup(question('b.test.'), 'server-address')
      },
      'b.test.': function* () {
        yield* ping(question('b.test.'))
        return yield* lookup(question('a.test.'), 'server-address')
      },
    })
    const asked = [ask('a.test.'), ask('b.test.')]
    run()
    for (const a of asked) expect(a.outcome()?.kind).toBe('failure')
    expect(scheduler.inFlight).toBe(0)
  })

  test('resolutions that need each other are nested only so deep', () => {
    const script = Object.fromEntries(
      Array.from({ length: 30 }, (_, i) => [
        `n${i}.test.`,
        function* (): Steps<Outcome> {
          return yield* lookup(question(`n${i + 1}.test.`), 'server-address')
        },
      ]),
    )
    const { ask, run, started } = bench(script, { budget: { depth: 5 } })
    const asked = ask('n0.test.')
    run()
    expect(asked.outcome()).toMatchObject({
      kind: 'failure',
      why: 'budget',
      text: 'limit of 5 nested look-ups reached',
    })
    expect(started.length).toBe(6)
  })

  test('each client has its deadline; what comes later is not told twice', () => {
    const { ask, run, clock } = bench(
      {
        'a.test.': function* () {
          for (let i = 0; i < 20; i++) yield* ping(question('a.test.'))
          return answer
        },
      },
      { budget: { timeMs: 550 } },
    )
    const asked = ask('a.test.')
    const before = clock.now()
    while (asked.outcome() === undefined) clock.step()
    expect(clock.now() - before).toBe(550)
    expect(asked.outcome()).toMatchObject({ why: 'deadline', text: 'time limit of 550 ms reached' })
    run()
  })

  test.each([
    ['cycle', true],
    ['budget', true],
    ['deadline', true],
    ['overload', false],
    ['name-too-long', false],
    ['bug', false],
  ] as const)('a resolution at the top that ends with %s is remembered: %s', (reason, kept) => {
    const { ask, run, env, clock } = bench({
      'a.test.': function* () {
        yield* ping(question('a.test.'))
        return failure(reason, 'as the script says')
      },
    })
    const asked = ask('a.test.')
    run()
    expect(why(asked.outcome())).toBe(reason)
    expect(env.caches.failures.find(question('a.test.'), clock.now()) !== undefined).toBe(kept)
  })

  test('a failure below the top is not remembered as the failure of what was looked up', () => {
    for (const reason of ['cycle', 'budget', 'deadline', 'overload'] as const) {
      const { ask, run, env, clock } = bench({
        'a.test.': function* () {
          return yield* lookup(question('b.test.'), 'server-address')
        },
        'b.test.': function* () {
          yield* ping(question('b.test.'))
          return failure(reason, 'as the script says')
        },
      })
      ask('a.test.')
      run()
      expect(env.caches.failures.find(question('b.test.'), clock.now())).toBeUndefined()
    }
  })

  test('the deadline of a client that joined the look-up of another says nothing of the question', () => {
    const { scheduler, run, env, clock } = bench(
      {
        'a.test.': function* () {
          for (let i = 0; i < 20; i++) yield* ping(question('a.test.'))
          return answer
        },
      },
      { budget: { timeMs: 550 } },
    )
    const got: Outcome[] = []
    const prefetch = scheduler.resolve(question('a.test.'), { because: 'client' }, () => {})
    clock.after(100, () => {
      scheduler.resolve(question('a.test.'), { because: 'client' }, outcome => got.push(outcome))
      prefetch()
    })
    run()
    expect(got.map(why)).toEqual(['deadline'])
    expect(env.caches.failures.size).toBe(0)
  })

  test('a failure that belonged to another client’s budget does not end this one: the question starts again', () => {
    let runs = 0
    const { ask, run } = bench({
      'a.test.': function* () {
        runs++
        yield* ping(question('a.test.'))
        return runs === 1 ? failure('budget', 'spent') : answer
      },
    })
    const asked = [ask('a.test.'), ask('a.test.')]
    run()
    expect(asked.map(a => why(a.outcome()))).toEqual(['budget', 'answer'])
  })

  test('the first acceptable branch ends the others, and their exchanges', () => {
    const { ask, run, network, scheduler } = bench({
      'a.test.': function* () {
        const branches = [1, 5, 9].map(function* (count): Steps<number> {
          for (let i = 0; i < count; i++) yield* ping(question('a.test.'))
          return count
        })
        const got = yield* first(branches, count => count === 5)
        return got === 5 ? answer : failure('bug', `got ${got}`)
      },
    })
    const asked = ask('a.test.')
    run()
    expect(asked.outcome()?.kind).toBe('answer')
    expect(network.sent).toBe(1 + 5 + 5)
    expect(network.cancelled).toBe(1)
    expect(scheduler.inFlight).toBe(0)
  })

  test('a look-up that nobody waits for any more is ended; one that somebody else waits for is not', () => {
    const slow = function* (): Steps<Outcome> {
      for (let i = 0; i < 10; i++) yield* ping(question('a.test.'))
      return answer
    }
    const race = function* (): Steps<Outcome> {
      const branches = [
        function* (): Steps<string> {
          yield* ping(question('a.test.'))
          return 'quick'
        },
        function* (): Steps<string> {
          yield* lookup(question('slow.test.'), 'server-address')
          return 'slow'
        },
      ]
      yield* first(
        branches.map(b => b()),
        text => text === 'quick',
      )
      return answer
    }
    const alone = bench({ 'race.test.': race, 'slow.test.': slow })
    alone.ask('race.test.')
    alone.run()
    expect(alone.network.sent).toBe(2)
    const shared = bench({ 'race.test.': race, 'slow.test.': slow })
    shared.ask('race.test.')
    const other = shared.ask('slow.test.')
    shared.run()
    expect(other.outcome()?.kind).toBe('answer')
    expect(shared.network.sent).toBe(11)
  })

  test('all branches are gathered in order, also when they end at once', () => {
    const { ask } = bench({
      'a.test.': function* () {
        const none = yield* all<number>([])
        const got = yield* all(
          [3, 1, 2].map(function* (n): Steps<number> {
            yield* all([])
            return n
          }),
        )
        return got.join() === '3,1,2' && none.length === 0 ? answer : failure('bug', got.join())
      },
    })
    expect(ask('a.test.').outcome()?.kind).toBe('answer')
  })

  test('a bug is told as one, fails its own question and leaves the rest alone', () => {
    const { ask, run, events, scheduler } = bench({
      'a.test.': () => {
        throw new Error('a bug')
      },
      'b.test.': slowly,
    })
    const asked = [ask('a.test.'), ask('b.test.')]
    run()
    expect(asked.map(a => why(a.outcome()))).toEqual(['bug', 'answer'])
    expect(events).toMatchObject([{ kind: 'bug', question: 'a.test. A' }])
    expect(scheduler.inFlight).toBe(0)
  })

  test('a network that throws is a bug of the question that asked', () => {
    const { ask, events, scheduler, network } = bench({
      'a.test.': function* () {
        yield* ping(question('a.test.'))
        return answer
      },
    })
    network.exchange = () => {
      throw new Error('no descriptors')
    }
    const asked = ask('a.test.')
    expect(why(asked.outcome())).toBe('bug')
    expect(events).toMatchObject([{ kind: 'bug', question: 'a.test. A' }])
    expect(scheduler.inFlight).toBe(0)
  })

  test('a bug in a branch fails the whole question', () => {
    const { ask, run, events } = bench({
      'a.test.': function* () {
        yield* all([
          slowly(),
          (function* (): Steps<Outcome> {
            yield* ping(question('a.test.'))
            throw new Error('a bug')
          })(),
        ])
        return answer
      },
    })
    const asked = ask('a.test.')
    run()
    expect(why(asked.outcome())).toBe('bug')
    expect(events.length).toBe(1)
  })

  test('a client that goes away does not end the work that others or the cache gain from', () => {
    const { ask, run, network } = bench({ 'a.test.': slowly })
    const gone = ask('a.test.')
    gone.cancel()
    run()
    expect(gone.outcome()).toBeUndefined()
    expect(network.sent).toBe(1)
  })

  test('ten thousand effects that end at once need no deep stack', () => {
    const { ask } = bench({
      'a.test.': function* () {
        for (let i = 0; i < 10_000; i++) yield* all([])
        return answer
      },
    })
    expect(ask('a.test.').outcome()?.kind).toBe('answer')
  })
})
