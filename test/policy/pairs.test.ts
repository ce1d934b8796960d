/**
 * The table of all pairs of what a policy is made of: each pair has a scenario here, in which both do their work in one
 * query through the whole server on the virtual clock, or names the tests elsewhere that are one. Most faults of other
 * resolvers in these parts came from pairs (CVE-2022-3080, CVE-2024-4076, CVE-2025-40777, CVE-2026-55717).
 */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { OURSELVES } from '../../src/fairness/owner.ts'
import { question } from '../../src/simulation/records.ts'
import { ruleSet } from './lists/made.ts'
import { bench, type Bench, type BenchOptions, cookies, dns64, rate, rebinding } from './pairs-bench.ts'

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
inside A 10.0.0.1
alias CNAME four
away CNAME inside
*.wild A 192.0.2.9`
const OWN = 'four A 198.18.7.7\nfresh A 198.18.7.8\nzz A 198.18.7.9'
/** In the view that asks `OTHER`, next to who is in none. */
const IN_VIEW = '198.18.1.1'
const view = { clients: '198.18.1.0/24', stub: OTHER }
const forwarded = { forwarders: [{ at: [RESOLVER] }], forward: [{ zone: '.', to: [RESOLVER] }] }
const MINE = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
const YOURS = Uint8Array.of(8, 7, 6, 5, 4, 3, 2, 1)

const start = (options: Partial<BenchOptions> = {}): Bench =>
  bench({ records: RECORDS, ...(options.views === undefined ? {} : { others: { [OTHER]: OWN } }), ...options })

/** The TTL of an answer of `stale.` is 60 seconds; its servers fail from then on. */
function fail(b: Bench, ...addresses: readonly string[]): void {
  b.world.advance('61s')
  for (const address of addresses.length === 0 ? [undefined] : addresses) b.mood('servfails', address)
}

const said = async (...asked: readonly Promise<{ readonly said: string }>[]): Promise<readonly string[]> =>
  (await Promise.all(asked)).map(one => one.said)

/** A minute's answer that was asked for again, 56 seconds later: the next one who asks has it fetched ahead. */
async function popular(b: Bench, ask: () => Promise<unknown>): Promise<void> {
  await ask()
  await ask()
  b.world.advance('56s')
}

/** One after the other: `[said, …]`. */
async function inTurn(times: number, ask: () => Promise<{ readonly said: string }>): Promise<readonly string[]> {
  const all: string[] = []
  for (let i = 0; i < times; i++) all.push((await ask()).said)
  return all
}

type Scenario = () => Promise<void>
/** A test in another file, by its title. */
type Elsewhere = readonly [file: string, title: string]

const SHAPING = 'test/policy/shaping/pairs.test.ts'
const STALE = 'test/sim/stale.test.ts'
const VIEWS = 'test/app/views.test.ts'

const PAIRS: Readonly<Record<string, Scenario | Elsewhere>> = {
  'stale × DNS64': [SHAPING, 'DNS64: AAAA is made of expired A records, says so, and is not shared'],

  'stale × views': async () => {
    const b = start({ views: [view] })
    await said(b.ask('four.stale.'), b.ask('four.stale.', 'A', { from: IN_VIEW }), b.ask('inside.stale.'))
    fail(b, OTHER)
    // Of the view the server fails; that of all is asked, and its answer is not given in the view.
    expect((await b.ask('four.stale.', 'A', { from: IN_VIEW })).said).toBe('NOERROR | 30 A 198.18.7.7 | ede 3')
    expect((await b.ask('four.stale.')).said).toBe('NOERROR | 60 A 192.0.2.1')
    // What only others asked for has not expired in the view: it was never there.
    expect((await b.ask('inside.stale.', 'A', { from: IN_VIEW })).said).toMatch(/^SERVFAIL/)
    fail(b)
    expect((await b.ask('four.stale.', 'A', { from: IN_VIEW })).said).toBe('NOERROR | 30 A 198.18.7.7 | ede 3')
    expect((await b.ask('inside.stale.')).said).toBe('NOERROR | 30 A 10.0.0.1 | ede 3')
  },

  'stale × lists': async () => {
    const b = start()
    await said(b.ask('alias.stale.'), b.ask('four.stale.'))
    fail(b)
    expect((await b.ask('alias.stale.')).said).toBe('NOERROR | 30 CNAME four.stale. | 30 A 192.0.2.1 | ede 3')
    b.setLists(ruleSet('||four.stale^'))
    expect(await b.ask('alias.stale.')).toMatchObject({
      said: 'NXDOMAIN | 30 CNAME four.stale. | ede 15',
      by: 'lists-answer',
    })
    expect(await b.ask('four.stale.')).toMatchObject({ said: 'NXDOMAIN | ede 15', by: 'lists', sent: 0 })
    b.setLists(ruleSet({ text: '@@||alias.stale^', layer: 'allow' }, '||four.stale^'))
    expect(await b.ask('alias.stale.')).toMatchObject({ by: 'stale' })
  },

  'stale × rebinding': [SHAPING, 'the rebinding guard: what has expired is judged like any'],
  'stale × prefetch': [STALE, 'a prefetch that fails leaves the answer, and the next client gets it expired'],
  'stale × forward': [STALE, 'a stub zone has it too, without a delegation to end it'],
  'stale × DNSSEC': [STALE, 'bogus data is never replaced by what was good before'],

  'stale × cookies': async () => {
    const b = start({ cookies })
    const { cookie: good } = await b.ask('four.stale.', 'A', { cookie: MINE })
    fail(b)
    const first = await b.ask('four.stale.', 'A', { cookie: MINE })
    const second = await b.ask('four.stale.', 'A', { cookie: YOURS })
    for (const seen of [first, second]) expect(seen).toMatchObject({ said: 'NOERROR | 30 A 192.0.2.1 | ede 3' })
    expect([first.cookie?.slice(0, 8), second.cookie?.slice(0, 8)]).toEqual([MINE, YOURS])
    // Made a minute ago, and sent back as it is with what has expired.
    expect((await b.ask('four.stale.', 'A', { cookie: good ?? MINE })).cookie).toEqual(good)
  },

  'stale × aggressive use': [STALE, 'a live denial of a signed zone is used aggressively before anything expired'],

  'stale × limits': async () => {
    const b = start({ rate: rate(3, 1), settings: { zoneQueriesPerSecond: 2 } })
    await b.ask('four.stale.')
    fail(b)
    // Expired answers cost a client what others cost, and of what is above the limit no server hears.
    expect(await inTurn(3, () => b.ask('four.stale.'))).toEqual(Array(3).fill('NOERROR | 30 A 192.0.2.1 | ede 3'))
    const sent = b.world.exchanges.length
    const above = await inTurn(2, () => b.ask('four.stale.'))
    expect(above).toEqual(['nothing', 'NOERROR TC'])
    expect(b.world.exchanges.length).toBe(sent)
    expect((await b.ask('four.stale.', 'A', { from: '198.18.9.9' })).said).toBe('NOERROR | 30 A 192.0.2.1 | ede 3')
    // What may not be asked of a zone any more is answered with what has expired; what never was there is a failure.
    const zone = start({ settings: { zoneQueriesPerSecond: 2 } })
    await said(zone.ask('four.stale.'), zone.ask('inside.stale.'))
    zone.world.advance('61s')
    const flood = await Promise.all(Array.from({ length: 9 }, (_, i) => zone.ask(`x${i}.stale.`)))
    expect(flood.filter(one => one.said.startsWith('SERVFAIL')).length).toBeGreaterThan(5)
    expect((await zone.ask('four.stale.')).said).toBe('NOERROR | 30 A 192.0.2.1 | ede 3')
  },

  'DNS64 × views': [VIEWS, 'each view has DNS64 and the rebinding guard of its own'],

  'DNS64 × lists': async () => {
    const b = start({ dns64, lists: ruleSet('192.0.2.1', '||six.stale^') })
    // Of an address that is blocked nothing is made, and of one that is not, as ever.
    expect(await b.ask('four.stale.', 'AAAA')).toMatchObject({ said: 'NOERROR', rules: ['192.0.2.1'] })
    expect((await b.ask('a.wild.stale.', 'AAAA')).said).toBe('NOERROR | 60 AAAA 64:ff9b::c000:209')
    expect((await b.ask('six.stale.', 'AAAA')).said).toBe('NXDOMAIN | ede 15')
    b.setLists(ruleSet({ text: '||four.stale^', answer: { kind: 'null' } }))
    expect((await b.ask('four.stale.', 'AAAA')).said).toBe('NOERROR | 30 AAAA :: | ede 15')
    b.setLists(ruleSet({ text: '||four.stale^$dnstype=AAAA' }))
    // The rule denies AAAA alone. What DNS64 makes of A would be what the rule denies.
    expect((await b.ask('four.stale.', 'AAAA')).said).toBe('NOERROR | ede 15')
    expect((await b.ask('four.stale.')).said).toBe('NOERROR | 60 A 192.0.2.1')
  },

  'DNS64 × rebinding': [
    SHAPING,
    'the rebinding guard: of an address inside nothing is made, nor is one let through under the prefix',
  ],
  'DNS64 × prefetch': [SHAPING, 'prefetch and DNS64: a prefetch that fails costs neither the answer'],
  'DNS64 × forward': [SHAPING, 'forwarding: a resolver that is forwarded to is asked for both types'],
  'DNS64 × DNSSEC': [
    SHAPING,
    'DNSSEC: of validated data it is made without AD; of bogus data never; CD and DO get the denial',
  ],

  'DNS64 × cookies': async () => {
    const b = start({ dns64, cookies })
    const made = 'NOERROR | 60 AAAA 64:ff9b::c000:201'
    const first = await b.ask('four.stale.', 'AAAA', { cookie: MINE })
    const second = await b.ask('four.stale.', 'AAAA', { cookie: YOURS })
    expect([first, second]).toMatchObject([
      { said: made, by: 'dns64' },
      { said: made, by: 'cache', sent: 0 },
    ])
    expect([first.cookie?.slice(0, 8), second.cookie?.slice(0, 8)]).toEqual([MINE, YOURS])
  },

  'DNS64 × aggressive use': [SHAPING, 'aggressive use of NSEC: a denial made of others counts as one'],

  'DNS64 × limits': async () => {
    // Made of two questions, it counts as one.
    const b = start({ dns64, rate: rate(2) })
    const made = 'NOERROR | 60 AAAA 64:ff9b::c000:201'
    expect((await b.ask('four.stale.', 'AAAA')).said).toBe(made)
    expect(await inTurn(3, () => b.ask('four.stale.', 'AAAA'))).toEqual([made, 'nothing', 'NOERROR TC'])
  },

  'views × lists': async () => {
    const b = start({ views: [{ clients: view.clients, lists: [1] }], lists: ruleSet('||four.stale^', '||six.stale^') })
    b.setLists(ruleSet('||four.stale^', '||inside.stale^'))
    const ask = (name: string) => said(b.ask(name), b.ask(name, 'A', { from: IN_VIEW }))
    for (let round = 0; round < 2; round++) {
      expect(await ask('four.stale.')).toEqual(['NXDOMAIN | ede 15', 'NOERROR | 60 A 192.0.2.1'])
      expect(await ask('inside.stale.')).toEqual(['NXDOMAIN | ede 15', 'NXDOMAIN | ede 15'])
      expect((await ask('a.wild.stale.')).every(one => one === 'NOERROR | 60 A 192.0.2.9')).toBe(true)
    }
  },

  'views × rebinding': [VIEWS, 'each view has DNS64 and the rebinding guard of its own'],

  'views × prefetch': async () => {
    const b = start({ views: [view] })
    await popular(b, () => said(b.ask('four.stale.'), b.ask('four.stale.', 'A', { from: IN_VIEW })))
    const sent = () => [b.world.exchangesTo('198.51.100.20').length, b.world.exchangesTo(OTHER).length] as const
    const [ofAll, ofView] = sent()
    // The last tenth: the server of the view is asked again, and no other.
    expect((await b.ask('four.stale.', 'A', { from: IN_VIEW })).by).toBe('cache')
    b.world.advance('1s')
    expect(sent()).toEqual([ofAll, ofView + 1])
    expect((await b.ask('four.stale.', 'A', { from: IN_VIEW })).said).toBe('NOERROR | 60 A 198.18.7.7')
    expect((await b.ask('four.stale.')).said).toBe('NOERROR | 3 A 192.0.2.1')
  },

  'views × forward': [VIEWS, 'no view gets an answer of another: cold, in flight and warm'],

  'views × DNSSEC': async () => {
    const b = start({ views: [view], sign: 'nsec' })
    expect((await b.ask('four.stale.', 'A', { dnssec: true })).said).toBe('NOERROR ad | 60 A 192.0.2.1')
    expect((await b.ask('four.stale.', 'A', { dnssec: true, from: IN_VIEW })).said).toBe('NOERROR ad | 60 A 198.18.7.7')
    // The server of the view alone breaks its signatures: the failure is the view's, here and in the failure cache.
    b.world.advance('2h')
    b.mood('breaksSignatures', OTHER)
    expect((await b.ask('four.stale.', 'A', { from: IN_VIEW })).said).toMatch(/^SERVFAIL/)
    expect((await b.ask('four.stale.', 'A', { dnssec: true })).said).toBe('NOERROR ad | 60 A 192.0.2.1')
    expect((await b.ask('four.stale.', 'A', { from: IN_VIEW })).said).toMatch(/^SERVFAIL/)
  },

  'views × cookies': async () => {
    const b = start({ views: [view], cookies })
    for (const by of ['recursion', 'cache']) {
      const here = await b.ask('four.stale.', 'A', { cookie: MINE })
      const there = await b.ask('four.stale.', 'A', { cookie: MINE, from: IN_VIEW })
      expect([here, there]).toMatchObject([
        { said: 'NOERROR | 60 A 192.0.2.1', by },
        { said: 'NOERROR | 60 A 198.18.7.7', by },
      ])
      expect([here.cookie?.length, there.cookie?.length]).toEqual([24, 24])
      expect(here.cookie).not.toEqual(there.cookie)
    }
  },

  'views × aggressive use': async () => {
    const b = start({ views: [view], sign: 'nsec' })
    // What is denied to all, for the names around it as well, the server of the view has.
    expect((await b.ask('zy.stale.')).said).toMatch(/^NXDOMAIN/)
    expect(await b.ask('zz.stale.')).toMatchObject({ said: 'NXDOMAIN', sent: 0 })
    expect((await b.ask('zz.stale.', 'A', { from: IN_VIEW })).said).toBe('NOERROR | 60 A 198.18.7.9')
    expect((await b.ask('wi.stale.', 'A', { from: IN_VIEW })).said).toBe('NXDOMAIN')
    expect((await b.ask('a.wild.stale.', 'A', { from: IN_VIEW })).said).toBe('NXDOMAIN')
    expect((await b.ask('a.wild.stale.')).said).toBe('NOERROR | 60 A 192.0.2.9')
  },

  'views × limits': async () => {
    // Two views in one network have its one limit, from the cache as well.
    const b = start({ views: [{ clients: '198.18.1.128/25', stub: OTHER }], rate: rate(4) })
    const ask = (from: string) => b.ask('four.stale.', 'A', { from })
    const [here, there] = ['198.18.1.1', '198.18.1.200']
    expect(await said(ask(here), ask(there))).toEqual(['NOERROR | 60 A 192.0.2.1', 'NOERROR | 60 A 198.18.7.7'])
    expect(await said(ask(there), ask(here))).toEqual(['NOERROR | 60 A 198.18.7.7', 'NOERROR | 60 A 192.0.2.1'])
    expect(await said(ask(there), ask(here))).toEqual(['nothing', 'NOERROR TC'])
    expect((await ask('198.18.2.1')).said).toBe('NOERROR | 60 A 192.0.2.1')
  },

  'lists × rebinding': async () => {
    const own = '10.0.0.9 nas.stale'
    const b = start({ rebinding, lists: ruleSet({ text: `${own}\n@@||inside.stale^`, layer: 'own' }) })
    // What the operator wrote is no answer from outside; that a name is allowed says nothing of where it may lead.
    expect(await b.ask('nas.stale.')).toMatchObject({ said: 'NOERROR | 30 A 10.0.0.9 | ede 15', by: 'lists', sent: 0 })
    expect(await b.ask('inside.stale.')).toMatchObject({ said: 'NOERROR | ede 15', by: 'rebinding' })
    b.setLists(ruleSet('10.0.0.1'))
    // Both have something to say: the list comes first, and one rule decides.
    expect(await b.ask('inside.stale.')).toMatchObject({ said: 'NOERROR | ede 15', by: 'lists-answer' })
  },

  'lists × prefetch': async () => {
    const b = start()
    await popular(b, () => said(b.ask('four.stale.'), b.ask('alias.stale.')))
    const before = b.world.exchanges.length
    // Fetched ahead while no rule held: what came is judged by the rules of now.
    expect((await b.ask('alias.stale.')).by).toBe('cache')
    b.setLists(ruleSet('||four.stale^'))
    b.world.advance('2s')
    const sent = b.world.exchanges.length
    expect(sent).toBeGreaterThan(before)
    expect((await b.ask('alias.stale.')).said).toMatch(/^NXDOMAIN \| \d+ CNAME four\.stale\. \| ede 15$/)
    // What is blocked is not fetched ahead, however often it is asked for.
    for (let i = 0; i < 60; i++) {
      b.world.advance('1s')
      expect(await b.ask('four.stale.')).toMatchObject({ said: 'NXDOMAIN | ede 15', by: 'lists' })
    }
    expect(b.world.exchanges.length).toBe(sent)
    b.setLists(null)
    expect((await b.ask('four.stale.')).said).toMatch(/^NOERROR \| \d+ A 192\.0\.2\.1$/)
  },

  'lists × forward': async () => {
    const b = start({ ...forwarded, lists: ruleSet('||four.stale^') })
    // Of what is blocked the resolver that is forwarded to never hears; what it says leads to is judged.
    expect(await b.ask('four.stale.')).toMatchObject({ said: 'NXDOMAIN | ede 15', by: 'lists', sent: 0 })
    expect(b.world.exchanges).toHaveLength(0)
    expect(await b.ask('alias.stale.')).toMatchObject({ said: 'NXDOMAIN | 60 CNAME four.stale. | ede 15' })
    expect(await b.ask('six.stale.', 'AAAA')).toMatchObject({ said: 'NOERROR | 60 AAAA 2001:db8::6' })
    expect(b.world.exchanges.every(({ server }) => server.ip.text === RESOLVER)).toBe(true)
  },

  'lists × DNSSEC': async () => {
    const b = start({ sign: 'nsec', lists: ruleSet('||four.stale^') })
    const secure = { dnssec: true }
    expect((await b.ask('six.stale.', 'AAAA', secure)).said).toBe('NOERROR ad | 60 AAAA 2001:db8::6')
    expect((await b.ask('alias.stale.', 'A', secure)).said).toBe('NXDOMAIN | 60 CNAME four.stale. | ede 15')
    expect((await b.ask('four.stale.', 'DS', secure)).said).toBe('NXDOMAIN | ede 15')
    // Bogus data wins over the rule that would make an answer of it.
    b.world.advance('2h')
    b.mood('breaksSignatures')
    expect((await b.ask('alias.stale.', 'A', secure)).said).toMatch(/^SERVFAIL \| ede (?!15)\d+$/)
  },

  'lists × cookies': async () => {
    const b = start({ cookies, lists: ruleSet('||four.stale^', { text: '||six.stale^', answer: { kind: 'refused' } }) })
    for (const name of ['four.stale.', 'six.stale.']) {
      const first = await b.ask(name, 'A', { cookie: MINE })
      const second = await b.ask(name, 'A', { cookie: first.cookie ?? MINE })
      expect(first.said).toBe(name === 'four.stale.' ? 'NXDOMAIN | ede 15' : 'REFUSED | ede 15')
      expect(first.cookie).toHaveLength(24)
      expect(second.cookie).toEqual(first.cookie)
    }
  },

  'lists × aggressive use': async () => {
    const b = start({ sign: 'nsec', lists: ruleSet({ text: '192.0.2.77 zx.stale\n||four.stale^', layer: 'own' }) })
    await b.ask('zy.stale.')
    // What the zone denies a rule may give, and what a rule denies is no denial of the zone.
    expect(await b.ask('zx.stale.')).toMatchObject({ said: 'NOERROR | 30 A 192.0.2.77 | ede 15', sent: 0 })
    expect(await b.ask('zw.stale.')).toMatchObject({ said: 'NXDOMAIN', by: 'cache', sent: 0 })
    expect((await b.ask('four.stale.')).by).toBe('lists')
    b.setLists(null)
    expect((await b.ask('four.stale.')).said).toBe('NOERROR | 60 A 192.0.2.1')
    expect((await b.ask('zx.stale.')).said).toBe('NXDOMAIN')
  },

  'lists × limits': async () => {
    // A blocked name costs what others cost, and a flood of them is a flood.
    const b = start({ rate: rate(2), lists: ruleSet('||four.stale^') })
    expect(await inTurn(4, () => b.ask('four.stale.'))).toEqual([
      'NXDOMAIN | ede 15',
      'NXDOMAIN | ede 15',
      'nothing',
      'NOERROR TC',
    ])
    expect((await b.ask('four.stale.', 'A', { transport: 'tcp' })).said).toBe('NXDOMAIN | ede 15')
  },

  'rebinding × prefetch': [SHAPING, 'prefetch: what was fetched again is judged again'],
  'rebinding × forward': [
    SHAPING,
    'forwarding: a zone that is forwarded may have them, all names that are forwarded may not',
  ],
  'rebinding × DNSSEC': [SHAPING, 'DNSSEC: validated answers are emptied without AD; bogus ones stay SERVFAIL'],

  'rebinding × cookies': async () => {
    const b = start({ cookies, rebinding })
    const first = await b.ask('away.stale.', 'A', { cookie: MINE })
    const second = await b.ask('away.stale.', 'A', { cookie: YOURS })
    for (const seen of [first, second]) expect(seen).toMatchObject({ said: 'NOERROR | ede 15', by: 'rebinding' })
    expect([first.cookie?.slice(0, 8), second.cookie?.slice(0, 8)]).toEqual([MINE, YOURS])
  },

  'rebinding × aggressive use': [SHAPING, 'aggressive use: an address made of a wildcard is judged'],

  'rebinding × limits': async () => {
    const b = start({ rebinding, rate: rate(100, 100, { answers: { perSecond: 1, burst: 2 } }) })
    // An answer that was emptied is one answer all the same; another name of the network is another.
    expect(await inTurn(4, () => b.ask('inside.stale.'))).toEqual([
      'NOERROR | ede 15',
      'NOERROR | ede 15',
      'nothing',
      'NOERROR TC',
    ])
    expect((await b.ask('away.stale.')).said).toBe('NOERROR | ede 15')
  },

  'prefetch × forward': async () => {
    const b = start(forwarded)
    await popular(b, () => b.ask('four.stale.'))
    const before = b.world.exchangesTo(RESOLVER).length
    expect(await b.ask('four.stale.')).toMatchObject({ by: 'cache', said: 'NOERROR | 4 A 192.0.2.1' })
    b.world.advance('1s')
    expect(b.world.exchangesTo(RESOLVER)).toHaveLength(before + 1)
    expect(b.world.exchanges.every(({ server }) => server.ip.text === RESOLVER)).toBe(true)
  },

  'prefetch × DNSSEC': async () => {
    const b = start({ sign: 'nsec' })
    const ask = () => b.ask('four.stale.', 'A', { dnssec: true })
    await popular(b, ask)
    b.mood('breaksSignatures')
    const sent = b.world.exchanges.length
    // What is fetched ahead does not validate: the good answer stays to its end, and not a moment longer.
    expect((await ask()).by).toBe('cache')
    b.world.advance('2s')
    expect(b.world.exchanges.length).toBeGreaterThan(sent)
    expect((await ask()).said).toBe('NOERROR ad | 2 A 192.0.2.1')
    b.world.advance('3s')
    expect((await ask()).said).toMatch(/^SERVFAIL/)
  },

  'prefetch × cookies': async () => {
    const b = start({ cookies })
    await popular(b, () => b.ask('four.stale.', 'A', { cookie: MINE }))
    const seen = await b.ask('four.stale.', 'A', { cookie: YOURS })
    expect(seen).toMatchObject({ said: 'NOERROR | 4 A 192.0.2.1', by: 'cache' })
    expect(seen.cookie?.slice(0, 8)).toEqual(YOURS)
    b.world.advance('1s')
    expect((await b.ask('four.stale.', 'A', { cookie: MINE })).said).toBe('NOERROR | 60 A 192.0.2.1')
  },

  'prefetch × aggressive use': async () => {
    const b = start({ sign: 'nsec' })
    await said(b.ask('a.wild.stale.'), b.ask('zy.stale.'))
    expect(await b.ask('b.wild.stale.')).toMatchObject({ said: 'NOERROR | 60 A 192.0.2.9', sent: 0 })
    await popular(b, () => b.ask('b.wild.stale.'))
    // What was made of records of others is fetched ahead from the server, not made of the same records again.
    const sent = b.world.exchanges.length
    expect((await b.ask('b.wild.stale.')).by).toBe('cache')
    b.world.advance('1s')
    expect(b.world.exchanges.length).toBeGreaterThan(sent)
    expect((await b.ask('b.wild.stale.')).said).toBe('NOERROR | 60 A 192.0.2.9')
  },

  'prefetch × limits': async () => {
    const b = start({ rate: rate(1) })
    await popular(b, () => b.ask('four.stale.', 'A', { from: '198.18.2.1', transport: 'tcp' }))
    await b.ask('six.stale.', 'AAAA')
    const sent = b.world.exchanges.length
    // Above the limit nothing is fetched ahead; of another network the same query does it.
    expect((await b.ask('four.stale.')).said).toBe('nothing')
    b.world.advance('500ms')
    expect(b.world.exchanges.length).toBe(sent)
    expect((await b.ask('four.stale.', 'A', { from: '198.18.2.1' })).by).toBe('cache')
    b.world.advance('500ms')
    expect(b.world.exchanges.length).toBe(sent + 1)
  },

  'forward × DNSSEC': ['test/sim/forwarding.test.ts', 'is validated like everything else'],
  'forward × cookies': ['test/sim/cookies.test.ts', 'are sent to servers that are forwarded to'],

  'forward × aggressive use': async () => {
    const b = start({ ...forwarded, sign: 'nsec' })
    expect((await b.ask('zy.stale.')).said).toBe('NXDOMAIN')
    expect(await b.ask('zz.stale.')).toMatchObject({ said: 'NXDOMAIN', sent: 0 })
    expect((await b.ask('four.stale.', 'A', { dnssec: true })).said).toBe('NOERROR ad | 60 A 192.0.2.1')
  },

  'forward × limits': async () => {
    // Who forwards has an agreement with whom it asks; the servers of a zone have none.
    const settings = { zoneQueriesPerSecond: 2 }
    const flood = async (options: Partial<BenchOptions>) => {
      const b = start({ ...options, settings })
      const all = await Promise.all(Array.from({ length: 9 }, (_, i) => b.ask(`x${i}.stale.`)))
      return all.filter(one => one.said.startsWith('SERVFAIL')).length
    }
    expect(await flood(forwarded)).toBe(0)
    expect(await flood({})).toBeGreaterThan(5)
  },

  'DNSSEC × cookies': async () => {
    const b = start({ sign: 'nsec3', cookies })
    const ask = (cookie: Uint8Array) => b.ask('four.stale.', 'A', { dnssec: true, cookie })
    const [first, second] = [await ask(MINE), await ask(YOURS)]
    expect([first, second]).toMatchObject([{ by: 'recursion' }, { by: 'cache', sent: 0 }])
    for (const seen of [first, second]) expect(seen.said).toBe('NOERROR ad | 60 A 192.0.2.1')
    expect([first.cookie?.slice(0, 8), second.cookie?.slice(0, 8)]).toEqual([MINE, YOURS])
    b.world.advance('2h')
    b.mood('breaksSignatures')
    const failed = await ask(MINE)
    expect(failed.said).toMatch(/^SERVFAIL/)
    expect(failed.cookie).toHaveLength(24)
  },

  'DNSSEC × aggressive use': ['test/sim/aggressive.test.ts', 'answers a name beside one that does not exist'],

  'DNSSEC × limits': async () => {
    const b = start({ sign: 'nsec', rate: rate(2) })
    const ask = () => b.ask('four.stale.', 'A', { dnssec: true })
    // TC has neither records nor signatures, and says nothing of validation.
    const good = 'NOERROR ad | 60 A 192.0.2.1'
    expect(await inTurn(4, ask)).toEqual([good, good, 'nothing', 'NOERROR TC'])
    expect((await b.ask('four.stale.', 'A', { dnssec: true, transport: 'tcp' })).said).toBe(good)
  },

  'cookies × aggressive use': async () => {
    const b = start({ sign: 'nsec', cookies })
    await b.ask('zy.stale.', 'A', { cookie: MINE })
    const seen = await b.ask('zz.stale.', 'A', { cookie: YOURS })
    expect(seen).toMatchObject({ said: 'NXDOMAIN', sent: 0 })
    expect(seen.cookie?.slice(0, 8)).toEqual(YOURS)
  },

  'cookies × limits': ['test/server/serve.test.ts', 'let a client have the rate of those who cannot be forged'],

  'aggressive use × limits': async () => {
    // A flood of names that a denial covers is none for the zone's servers: its limit is not used up.
    const flood = async (aggressive: boolean) => {
      const b = start({ sign: 'nsec', settings: { zoneQueriesPerSecond: 2 }, validation: { aggressive } })
      await b.ask('zy.stale.')
      const all = await Promise.all(Array.from({ length: 20 }, (_, i) => b.ask(`zz${i}.stale.`)))
      return all.filter(one => one.said.startsWith('SERVFAIL')).length
    }
    expect(await flood(true)).toBe(0)
    expect(await flood(false)).toBeGreaterThan(10)
  },
}

describe('each pair of features', () => {
  const all = FEATURES.flatMap((one, at) => FEATURES.slice(at + 1).map(other => `${one} × ${other}`))

  it('is in the table once', () => {
    expect(Object.keys(PAIRS).sort()).toEqual([...all].sort())
  })

  it.each(all)('%s', async pair => {
    const row = PAIRS[pair]
    if (typeof row === 'function') await row()
    else {
      const [file, title] = row ?? ['', '']
      const text = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')
      expect(text.includes(`'${title}'`), `${file} has the test '${title}'`).toBe(true)
    }
  })
})

describe('three at once', () => {
  it('rebinding × forward × stale: expired data of a forwarded zone may lead inside, of what all forward it may not', async () => {
    const through = async (zone: string) => {
      const b = start({ rebinding, others: { [OTHER]: RECORDS }, stub: [{ zone, to: [OTHER] }] })
      const before = (await b.ask('inside.stale.')).said
      fail(b, OTHER)
      return [before, (await b.ask('inside.stale.')).said]
    }
    expect(await through('stale.')).toEqual(['NOERROR | 60 A 10.0.0.1', 'NOERROR | 30 A 10.0.0.1 | ede 3'])
    const b = start({ rebinding, ...forwarded })
    expect((await b.ask('inside.stale.')).said).toBe('NOERROR | ede 15')
    fail(b)
    expect((await b.ask('inside.stale.')).said).toBe('NOERROR | ede 15')
  })

  it('prefetch × stale × limits: a refresh that fails is tried again for no flood of clients', async () => {
    const b = start({ rate: rate(1_000, 1_000) })
    await b.ask('four.stale.')
    b.world.advance('57s')
    b.mood('servfails')
    b.world.resolver.prefetch(question('four.stale.', 'A'), OURSELVES)
    b.world.advance('4s')
    await b.ask('four.stale.')
    b.world.advance('1s')
    const sent = b.world.exchanges.length
    const flood = await Promise.all(Array.from({ length: 50 }, () => b.ask('four.stale.')))
    expect(new Set(flood.map(one => one.said))).toEqual(new Set(['NOERROR | 30 A 192.0.2.1 | ede 3']))
    expect(b.world.exchanges.length).toBe(sent)
  })
})
