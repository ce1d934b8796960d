/**
 * Policy zones, and policies written as programs, each with every other part of what a policy is made of: both do their
 * work in one query through the whole server on the virtual clock. The two say the same here: `four.stale` does not
 * exist, `given.stale` and `zx.stale` have addresses.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { address, definePolicy, nxdomain } from '../../src/policy/code/index.ts'
import { checkPolicy } from '../../src/policy/code/check.ts'
import { runHooks } from '../../src/policy/code/run.ts'
import type { Program } from '../../src/policy/code/stage.ts'
import { defaultLimits } from '../../src/limits.ts'
import { ruleSet } from './lists/made.ts'
import { bench, type Bench, type BenchOptions, cookies, dns64, rate, rebinding } from './pairs-bench.ts'
import { flatZone, rulesOf } from './rpz/make.ts'

const FEATURES = [
  'stale',
  'DNS64',
  'views',
  'lists',
  'rebinding',
  'prefetch',
  'forward',
  'DNSSEC',
  'cookies',
  'aggressive use',
  'limits',
] as const

const OTHER = '198.51.100.30'
const RESOLVER = '203.0.113.5'
const RECORDS = `four A 192.0.2.1
six AAAA 2001:db8::6
plain A 192.0.2.5
inside A 10.0.0.1
alias CNAME plain`
const IN_VIEW = '198.18.1.1'
const MINE = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
const GIVEN = 'NOERROR | 30 A 10.0.0.9'
const PLAIN = 'NOERROR | 60 A 192.0.2.5'

const zone = flatZone('rules.', 'four.stale CNAME .', 'given.stale A 10.0.0.9', 'zx.stale A 192.0.2.77')

function program(): Program {
  const checked = checkPolicy(
    definePolicy({
      reads: 'pure',
      query({ name }) {
        if (name === 'four.stale') return nxdomain()
        if (name === 'given.stale') return address('10.0.0.9', { ttl: 30 })
        if (name === 'zx.stale') return address('192.0.2.77', { ttl: 30 })
        return undefined
      },
    }),
  )
  if (checked.kind === 'invalid') throw new Error(checked.problems.join('; '))
  const { policy } = checked
  return {
    name: 'test',
    traits: policy.traits,
    ask: (call, lookUp) => runHooks(policy, call, lookUp, defaultLimits.code, 'test.mjs'),
    faulted: text => {
      throw new Error(text)
    },
  }
}

const KINDS: Readonly<Record<string, () => Partial<BenchOptions>>> = {
  'policy zones': () => ({ rpz: rulesOf({ flat: zone }) }),
  programs: () => ({ code: [program()] }),
}

const said = async (...asked: readonly Promise<{ readonly said: string }>[]): Promise<readonly string[]> =>
  (await Promise.all(asked)).map(one => one.said)

async function inTurn(times: number, ask: () => Promise<{ readonly said: string }>): Promise<readonly string[]> {
  const all: string[] = []
  for (let i = 0; i < times; i++) all.push((await ask()).said)
  return all
}

type Scenario = (start: (options?: Partial<BenchOptions>) => Bench) => Promise<void>

const SCENARIOS: Readonly<Record<(typeof FEATURES)[number], Scenario>> = {
  stale: async start => {
    const b = start()
    await said(b.ask('plain.stale.'), b.ask('four.stale.'))
    b.world.advance('61s')
    b.mood('servfails')
    // What has expired is given for what no rule is about; rules need no server.
    expect((await b.ask('plain.stale.')).said).toBe('NOERROR | 30 A 192.0.2.5 | ede 3')
    expect(await b.ask('four.stale.')).toMatchObject({ said: 'NXDOMAIN', sent: 0 })
    expect(await b.ask('given.stale.')).toMatchObject({ said: GIVEN, sent: 0 })
  },

  DNS64: async start => {
    const b = start({ dns64 })
    expect((await b.ask('plain.stale.', 'AAAA')).said).toBe('NOERROR | 60 AAAA 64:ff9b::c000:205')
    // Nothing is made of what a rule denies.
    expect(await b.ask('four.stale.', 'AAAA')).toMatchObject({ said: 'NXDOMAIN', sent: 0 })
    expect(await b.ask('given.stale.', 'AAAA')).toMatchObject({ said: 'NOERROR', sent: 0 })
  },

  views: async start => {
    const b = start({ views: [{ clients: '198.18.1.0/24', stub: OTHER }], others: { [OTHER]: 'plain A 198.18.7.7' } })
    for (let round = 0; round < 2; round++) {
      const ask = (name: string) => said(b.ask(name), b.ask(name, 'A', { from: IN_VIEW }))
      expect(await ask('four.stale.')).toEqual(['NXDOMAIN', 'NXDOMAIN'])
      expect(await ask('given.stale.')).toEqual([GIVEN, GIVEN])
      expect(await ask('plain.stale.')).toEqual([PLAIN, 'NOERROR | 60 A 198.18.7.7'])
    }
  },

  lists: async start => {
    const b = start({ lists: ruleSet('||plain.stale^') })
    expect((await b.ask('plain.stale.')).said).toBe('NXDOMAIN | ede 15')
    expect((await b.ask('four.stale.')).said).toBe('NXDOMAIN')
    // Lists come first, and what they make is judged by no other rule.
    b.setLists(ruleSet('||given.stale^'))
    expect(await b.ask('given.stale.')).toMatchObject({ said: 'NXDOMAIN | ede 15', by: 'lists' })
  },

  rebinding: async start => {
    const b = start({ rebinding })
    // What the operator wrote is no answer from outside.
    expect((await b.ask('given.stale.')).said).toBe(GIVEN)
    expect(await b.ask('inside.stale.')).toMatchObject({ said: 'NOERROR | ede 15', by: 'rebinding' })
  },

  prefetch: async start => {
    const b = start()
    await b.ask('plain.stale.')
    await b.ask('plain.stale.')
    b.world.advance('56s')
    const before = b.world.exchanges.length
    expect((await b.ask('plain.stale.')).said).toBe('NOERROR | 4 A 192.0.2.5')
    b.world.advance('1s')
    expect(b.world.exchanges.length).toBeGreaterThan(before)
    const sent = b.world.exchanges.length
    // What a rule makes is not fetched ahead while it is fresh, however often it is asked for.
    for (let i = 0; i < 25; i++) {
      b.world.advance('1s')
      expect((await b.ask('four.stale.')).said).toBe('NXDOMAIN')
    }
    expect(b.world.exchanges.length).toBe(sent)
  },

  forward: async start => {
    const b = start({ forwarders: [{ at: [RESOLVER] }], forward: [{ zone: '.', to: [RESOLVER] }] })
    // Of what is listed the resolver that is forwarded to never hears.
    expect(await b.ask('four.stale.')).toMatchObject({ said: 'NXDOMAIN', sent: 0 })
    expect((await b.ask('plain.stale.')).said).toBe(PLAIN)
    expect(b.world.exchanges.every(({ server }) => server.ip.text === RESOLVER)).toBe(true)
  },

  DNSSEC: async start => {
    const b = start({ sign: 'nsec' })
    const secure = { dnssec: true }
    expect((await b.ask('plain.stale.', 'A', secure)).said).toBe('NOERROR ad | 60 A 192.0.2.5')
    expect((await b.ask('four.stale.', 'A', secure)).said).toBe('NXDOMAIN')
    expect((await b.ask('given.stale.', 'A', secure)).said).toBe(GIVEN)
    b.world.advance('2h')
    b.mood('breaksSignatures')
    expect((await b.ask('alias.stale.', 'A', secure)).said).toMatch(/^SERVFAIL \| ede \d+$/)
  },

  cookies: async start => {
    const b = start({ cookies })
    for (const [name, expected] of [
      ['four.stale.', 'NXDOMAIN'],
      ['given.stale.', GIVEN],
    ] as const) {
      const first = await b.ask(name, 'A', { cookie: MINE })
      const second = await b.ask(name, 'A', { cookie: first.cookie ?? MINE })
      expect([first.said, second.said]).toEqual([expected, expected])
      expect(first.cookie).toHaveLength(24)
      expect(second.cookie).toEqual(first.cookie)
    }
  },

  'aggressive use': async start => {
    const b = start({ sign: 'nsec' })
    await b.ask('zy.stale.')
    // What the zone denies a rule may give, and what a rule denies is no denial of the zone.
    expect(await b.ask('zx.stale.')).toMatchObject({ said: 'NOERROR | 30 A 192.0.2.77', sent: 0 })
    expect(await b.ask('zw.stale.')).toMatchObject({ said: 'NXDOMAIN', sent: 0 })
    expect((await b.ask('four.stale.')).said).toBe('NXDOMAIN')
    expect((await b.ask('four.stale.', 'A', { checkingDisabled: true })).said).toBe('NXDOMAIN')
  },

  limits: async start => {
    // What a rule makes costs what others cost, and a flood of it is a flood.
    const b = start({ rate: rate(2) })
    expect(await inTurn(4, () => b.ask('four.stale.'))).toEqual(['NXDOMAIN', 'NXDOMAIN', 'nothing', 'NOERROR TC'])
    expect((await b.ask('given.stale.', 'A', { transport: 'tcp' })).said).toBe(GIVEN)
  },
}

describe.each(Object.entries(KINDS))('%s and', (_kind, options) => {
  it.each(FEATURES)('%s', feature => SCENARIOS[feature](more => bench({ records: RECORDS, ...options(), ...more })))
})

it('the parts are those of the table of pairs', () => {
  const text = readFileSync(new URL('pairs.test.ts', import.meta.url), 'utf8')
  const [, list = ''] = /const FEATURES = \[([^\]]*)\]/.exec(text) ?? []
  expect([...list.matchAll(/'([^']+)'/g)].map(([, word]) => word)).toEqual([...FEATURES])
})
