/** Each pair of what changes answers, in the order of the pipeline, over the real engine on a virtual clock. */
import { describe, expect, it } from 'vitest'
import { parsePrefix } from '../../../src/dns/address.ts'
import { OURSELVES } from '../../../src/fairness/owner.ts'
import { defaultLimits } from '../../../src/limits.ts'
import type { Answer, Query } from '../../../src/policy/handler.ts'
import type { Dns64 } from '../../../src/policy/shaping/dns64.ts'
import { WELL_KNOWN_PREFIX } from '../../../src/policy/shaping/nat64.ts'
import { addressRanges, parseRange } from '../../../src/policy/shaping/private-addresses.ts'
import type { Shaping } from '../../../src/policy/shaping/stages.ts'
import { typeNumber } from '../../../src/dns/types.ts'
import { makePipeline } from '../../../src/server/pipeline.ts'
import { contentOf } from '../../../src/server/respond.ts'
import { question } from '../../../src/simulation/records.ts'
import type { World } from '../../../src/simulation/world.ts'
import { asked, query } from '../../server/make.ts'
import { type Mood, SERVER, staleWorld } from '../../sim/stale-world.ts'
import { told } from './made.ts'

const RECORDS = `four A 192.0.2.1
six AAAA 2001:db8::6
inside A 10.0.0.1
inner AAAA 64:ff9b::10.0.0.1
alias CNAME four
away CNAME inside
*.wild A 192.0.2.9`

const dns64: Dns64 = {
  prefix: WELL_KNOWN_PREFIX,
  clients: null,
  exclude: ['127.0.0.0/8', '::ffff:0:0/96'].flatMap(text => parseRange(text) ?? []),
}
const rebinding = { ranges: addressRanges(parseRange('private') ?? [], WELL_KNOWN_PREFIX), allow: [] }
const canaries = { firefoxDoh: true, privateRelay: true }
const everything: Shaping = { canaries, dns64, rebinding }

/** What a client gets, and the Extended DNS Error with it. */
function asking(world: World, settings: Shaping = everything) {
  const { handler } = makePipeline({
    allow: ['0.0.0.0/0'].flatMap(text => parsePrefix(text) ?? []),
    identity: { version: null, id: null },
    answeredLocally: () => false,
    shaping: {
      settings,
      answeredByOwn: () => false,
      configuredZone: ({ name }) => world.forwardZones.closest(name)?.zone ?? null,
      limits: defaultLimits.shaping,
    },
    resolverOf: () => world.resolver,
    limits: { accessVerdicts: 10, anyTtl: 60 },
  })
  return async (name: string, type: string, change: Partial<Query> = {}) => {
    const state: { answer: Answer | null } = { answer: null }
    void handler(query({ question: asked(name, typeNumber(type) ?? 0), ...change })).then(answer => {
      state.answer = answer
    })
    for (let turn = 0; turn < 2_000 && state.answer === null; turn++) {
      for (let i = 0; i < 20; i++) await Promise.resolve()
      if (state.answer === null) world.advance(10)
    }
    const { answer } = state
    if (answer === null) throw new Error(`${name} ${type} was not answered`)
    const content = contentOf(answer, true)
    return {
      told: told(answer),
      ede: content?.ede?.code ?? null,
      ad: content?.secure ?? false,
      by: answer.by,
      shareable: answer.kind === 'resolved' && answer.shareable,
    }
  }
}

const down = (mood: (to: Mood) => void, world: World): void => {
  world.advance('61s')
  mood('servfails')
}

describe('expired answers and', () => {
  it('DNS64: AAAA is made of expired A records, says so, and is not shared', async () => {
    const { world, mood } = staleWorld({ records: RECORDS })
    const ask = asking(world)
    expect(await ask('four.stale.', 'AAAA')).toMatchObject({ told: 'answer four.stale. 60 AAAA 64:ff9b::c000:201' })
    down(mood, world)
    expect(await ask('four.stale.', 'AAAA')).toMatchObject({
      told: 'answer four.stale. 30 AAAA 64:ff9b::c000:201',
      ede: 3,
      by: 'dns64',
      shareable: false,
    })
  })

  it('DNS64: an expired AAAA record stands, nothing is made', async () => {
    const { world, mood } = staleWorld({ records: RECORDS })
    const ask = asking(world)
    await ask('six.stale.', 'AAAA')
    down(mood, world)
    expect(await ask('six.stale.', 'AAAA')).toMatchObject({ told: 'answer six.stale. 30 AAAA 2001:db8::6', ede: 3 })
  })

  it('the rebinding guard: what has expired is judged like any', async () => {
    const { world, mood } = staleWorld({ records: RECORDS })
    // It came into the cache while the guard was off.
    await asking(world, { canaries: null, dns64: null, rebinding: null })('inside.stale.', 'A')
    down(mood, world)
    expect(await asking(world)('inside.stale.', 'A')).toMatchObject({ told: 'given 0 ede 15', by: 'rebinding' })
  })

  it('canary names: they are denied whatever the servers do', async () => {
    const { world, mood } = staleWorld({ records: RECORDS })
    down(mood, world)
    expect(await asking(world)('use-application-dns.net.', 'A')).toMatchObject({ told: 'nxdomain', by: 'canary' })
  })

  it('prefetch and DNS64: a prefetch that fails costs neither the answer', async () => {
    const { world, mood } = staleWorld({ records: RECORDS })
    const ask = asking(world)
    await ask('four.stale.', 'AAAA')
    world.advance('57s')
    mood('servfails')
    world.resolver.prefetch(question('four.stale.', 'A'), OURSELVES)
    world.run()
    world.advance('10s')
    expect(await ask('four.stale.', 'AAAA')).toMatchObject({ told: 'answer four.stale. 30 AAAA 64:ff9b::c000:201' })
  })

  it('TTL bounds: the TTL of an expired answer is at most that of its zone', async () => {
    const ttls = [{ zone: question('stale.', 'A').name, maxTtl: 20 }]
    const { world, mood } = staleWorld({ records: RECORDS, ttls })
    const ask = asking(world)
    expect((await ask('four.stale.', 'A')).told).toBe('answer four.stale. 20 A 192.0.2.1')
    world.advance('21s')
    mood('servfails')
    expect((await ask('four.stale.', 'A')).told).toBe('answer four.stale. 20 A 192.0.2.1')
  })
})

describe('DNS64 and', () => {
  it('the rebinding guard: of an address inside nothing is made, nor is one let through under the prefix', async () => {
    const { world } = staleWorld({ records: RECORDS })
    const ask = asking(world)
    expect((await ask('inside.stale.', 'AAAA')).told).toBe('nodata')
    expect((await ask('away.stale.', 'AAAA')).told).toBe('nodata away.stale. 60 CNAME inside.stale.')
    expect(await ask('inner.stale.', 'AAAA')).toMatchObject({ told: 'given 0 ede 15' })
    expect((await ask('four.stale.', 'AAAA')).told).toMatch(/64:ff9b::c000:201/)
  })

  it('DNSSEC: of validated data it is made without AD; of bogus data never; CD and DO get the denial', async () => {
    for (const sign of ['nsec', 'nsec3']) {
      const { world, mood } = staleWorld({ records: RECORDS, sign })
      const ask = asking(world)
      expect(await ask('four.stale.', 'A', { dnssecOk: true })).toMatchObject({ ad: true })
      const made = {
        told: 'answer alias.stale. 60 CNAME four.stale. | four.stale. 60 AAAA 64:ff9b::c000:201',
        ad: false,
      }
      expect(await ask('alias.stale.', 'AAAA', { dnssecOk: true })).toMatchObject(made)
      const both = { dnssecOk: true, checkingDisabled: true }
      expect((await ask('alias.stale.', 'AAAA', both)).told).toBe('nodata alias.stale. 60 CNAME four.stale.')
      world.advance('2h')
      mood('breaksSignatures')
      expect((await ask('four.stale.', 'AAAA')).told).toBe('failure bogus')
      expect((await ask('a.wild.stale.', 'AAAA')).told).toBe('failure bogus')
    }
  })

  it('aggressive use of NSEC: a denial made of others counts as one', async () => {
    const { world } = staleWorld({ records: RECORDS, sign: 'nsec' })
    const ask = asking(world)
    await ask('a.wild.stale.', 'AAAA')
    await ask('a.wild.stale.', 'A')
    const sent = world.exchanges.length
    expect((await ask('b.wild.stale.', 'AAAA')).told).toMatch(/^answer b\.wild\.stale\. \d+ AAAA 64:ff9b::c000:209$/)
    expect(world.exchanges.length).toBe(sent)
    expect((await ask('zzz.stale.', 'AAAA')).told).toBe('nxdomain')
  })

  it('forwarding: a resolver that is forwarded to is asked for both types', async () => {
    const { world } = staleWorld({
      records: RECORDS,
      forwarders: [{ at: ['203.0.113.5'] }],
      forward: [{ zone: '.', to: ['203.0.113.5'] }],
    })
    const { told: got } = await asking(world)('alias.stale.', 'AAAA')
    expect(got).toBe('answer alias.stale. 60 CNAME four.stale. | four.stale. 60 AAAA 64:ff9b::c000:201')
  })

  it('silence for AAAA alone: made of A (RFC 6147 section 5.1.2)', async () => {
    const { world } = staleWorld({ records: RECORDS, servers: [{ at: [SERVER], does: ['servfails for * AAAA'] }] })
    expect((await asking(world)('four.stale.', 'AAAA')).told).toMatch(/AAAA 64:ff9b::c000:201$/)
  })

  it('short answers to ANY: nothing is made', async () => {
    const { world } = staleWorld({ records: RECORDS })
    expect((await asking(world)('four.stale.', 'ANY')).told).toMatch(/HINFO/)
  })
})

describe('the rebinding guard and', () => {
  it('DNSSEC: validated answers are emptied without AD; bogus ones stay SERVFAIL', async () => {
    const { world, mood } = staleWorld({ records: RECORDS, sign: 'nsec' })
    const ask = asking(world)
    expect(await ask('inside.stale.', 'A', { dnssecOk: true })).toMatchObject({ told: 'given 0 ede 15', ad: false })
    world.advance('2h')
    mood('breaksSignatures')
    expect((await ask('inside.stale.', 'A')).told).toBe('failure bogus')
  })

  it('forwarding: a zone that is forwarded may have them, all names that are forwarded may not', async () => {
    const forwarders = [{ at: ['203.0.113.5'] }]
    const through = async (zone: string): Promise<string> => {
      const { world } = staleWorld({ records: RECORDS, forwarders, forward: [{ zone, to: ['203.0.113.5'] }] })
      return (await asking(world)('inside.stale.', 'A')).told
    }
    expect(await through('stale.')).toBe('answer inside.stale. 60 A 10.0.0.1')
    expect(await through('.')).toBe('given 0 ede 15')
  })

  it('prefetch: what was fetched again is judged again', async () => {
    const { world } = staleWorld({ records: RECORDS })
    const ask = asking(world)
    await ask('inside.stale.', 'A')
    world.resolver.prefetch(question('inside.stale.', 'A'), OURSELVES)
    world.run()
    expect((await ask('inside.stale.', 'A')).told).toBe('given 0 ede 15')
  })

  it('aggressive use: an address made of a wildcard is judged', async () => {
    const { world } = staleWorld({ records: '*.wild A 10.0.0.9', sign: 'nsec' })
    const ask = asking(world)
    expect((await ask('a.wild.stale.', 'A')).told).toBe('given 0 ede 15')
    expect((await ask('b.wild.stale.', 'A')).told).toBe('given 0 ede 15')
  })
})
