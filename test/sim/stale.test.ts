/** Answers whose TTL is over (RFC 8767), on the virtual clock: its timers, what ends it, and what never is one. */
import { describe, expect, it } from 'vitest'
import { OURSELVES } from '../../src/fairness/owner.ts'
import { question } from '../../src/simulation/records.ts'
import type { Outcome } from '../../src/steps.ts'
import { type Mood, SERVER, staleWorld } from './stale-world.ts'

const RECORDS = 'www A 192.0.2.1\nalias CNAME www\n*.wild A 192.0.2.9\nold DNAME new\nx.new A 192.0.2.7'

/** `answer 30 expired 5 slow`. */
const said = (outcome: Outcome | null): string => {
  if (outcome === null) return 'nothing'
  if (outcome.kind === 'failure') return `failure ${outcome.why}`
  const ttl = outcome.kind === 'answer' ? outcome.rrsets.at(-1)?.ttl : outcome.soa?.ttl
  const { stale } = outcome
  return `${outcome.kind} ${ttl}${stale === undefined ? '' : ` expired ${stale.expiredS} ${stale.because}`}`
}

describe('an expired answer', () => {
  it.each<Mood>(['servfails', 'refuses', 'lame', 'portClosed', 'garbage'])('is given when the server %s', mood => {
    const { world, mood: set } = staleWorld({ records: RECORDS })
    world.resolve('www.stale.')
    world.advance('65s')
    set(mood)
    expect(said(world.resolve('www.stale.'))).toMatch(/^answer 30 expired [5-7] (failed|slow)$/)
  })

  it.each<[string, string, string]>([
    ['data', 'www.stale.', 'A'],
    ['an alias and its target', 'alias.stale.', 'A'],
    ['data of a wildcard', 'a.wild.stale.', 'A'],
    ['data below a DNAME', 'x.old.stale.', 'A'],
    ['a DNAME asked for as a CNAME', 'x.old.stale.', 'CNAME'],
    ['NODATA', 'www.stale.', 'TXT'],
    ['NXDOMAIN', 'nothing.stale.', 'A'],
  ])('may be %s, signed or not', (_what, name, type) => {
    for (const sign of [undefined, 'nsec', 'nsec3']) {
      const { world, mood } = staleWorld({ records: RECORDS, sign })
      const before = world.resolve(name, type)
      world.advance('70s')
      mood('servfails')
      const after = world.resolve(name, type)
      expect(said(after)).toMatch(/^(answer|nodata|nxdomain) 30 expired 10 failed$/)
      expect(after.kind).toBe(before.kind)
      expect(after.kind === 'failure' ? '' : after.security.kind).toBe(sign === undefined ? 'indeterminate' : 'secure')
    }
  })

  it('is not there when it is not enabled', () => {
    const { world, mood } = staleWorld({ records: RECORDS, enabled: false })
    world.resolve('www.stale.')
    world.advance('61s')
    mood('servfails')
    expect(said(world.resolve('www.stale.'))).toMatch(/^failure/)
    expect(world.resolver.staleCounts).toBeNull()
  })

  it('is given after exactly 1.8 s to a client whose server is silent, once', () => {
    const { world, mood } = staleWorld({ records: RECORDS })
    world.resolve('www.stale.')
    world.advance('61s')
    mood('silent')
    const asked = world.clock.now()
    const started = world.start('www.stale.')
    world.advance(1_799)
    expect(started.outcome).toBeNull()
    world.advance(1)
    expect(said(started.outcome)).toBe('answer 30 expired 2 slow')
    expect(world.clock.now() - asked).toBe(1_800)
    // `start` throws when it is answered twice.
    world.run()
    world.advance('20s')
    expect(said(started.outcome)).toBe('answer 30 expired 2 slow')
  })

  it('goes to the next client at once as long as the resolution is known to be slow, and is one refresh', () => {
    const { world, mood } = staleWorld({ records: RECORDS })
    world.resolve('www.stale.')
    world.advance('61s')
    mood('silent')
    const first = [world.start('www.stale.'), world.start('www.stale.')]
    world.advance(1_800)
    const sent = world.network.inFlight
    const late = world.start('www.stale.')
    expect(first.map(one => said(one.outcome))).toEqual(Array(2).fill('answer 30 expired 2 slow'))
    expect(said(late.outcome)).toBe('answer 30 expired 2 slow')
    expect(world.network.inFlight).toBe(sent)
    expect(world.resolver.inFlight).toBe(1)
  })

  it('loses against an answer that comes in time, which then counts', () => {
    const { world, mood } = staleWorld({ records: RECORDS })
    world.resolve('www.stale.')
    world.advance('61s')
    mood('slow(300)')
    expect(said(world.resolve('www.stale.'))).toBe('answer 60')
    expect(world.resolver.staleCounts?.given).toEqual({ failed: 0, slow: 0, 'failed-before': 0 })
  })

  it('is replaced by an answer that comes after it', () => {
    const { world, mood } = staleWorld({ records: RECORDS, clientTimeoutMs: 100 })
    world.resolve('www.stale.')
    world.advance('61s')
    mood('slow(300)')
    expect(said(world.resolve('www.stale.'))).toBe('answer 30 expired 1 slow')
    world.run()
    expect(said(world.resolve('www.stale.'))).toBe('answer 60')
  })

  it('costs the servers one refresh in 30 s, whoever asks', () => {
    const { world, mood } = staleWorld({ records: RECORDS })
    world.resolve('www.stale.')
    world.advance('61s')
    mood('servfails')
    world.resolve('www.stale.')
    world.run()
    const sent = world.exchanges.length
    const failedAt = world.clock.now()
    while (world.clock.now() < failedAt + 29_000) {
      expect(said(world.resolve('www.stale.'))).toMatch(/failed-before$/)
      world.advance('1s')
    }
    expect(world.exchanges.length).toBe(sent)
    world.advance('1s')
    expect(said(world.resolve('www.stale.'))).toMatch(/ failed$/)
    expect(world.resolver.staleCounts).toMatchObject({ failedRefreshes: 2, given: { failed: 2, slow: 0 } })
  })

  it('is over as soon as the servers are back and 30 s have gone by', () => {
    const { world, mood } = staleWorld({ records: RECORDS })
    world.resolve('www.stale.')
    world.advance('61s')
    mood('servfails')
    world.resolve('www.stale.')
    mood('up')
    world.advance('31s')
    expect(said(world.resolve('www.stale.'))).toBe('answer 60')
  })

  it('ends after `maxAgeS`', () => {
    const { world, mood } = staleWorld({ records: RECORDS, limits: { cache: { staleMs: 3_600_000 } } })
    world.resolve('www.stale.')
    mood('servfails')
    world.advance(60_000 + 3_500_000)
    expect(said(world.resolve('www.stale.'))).toMatch(/^answer 30/)
    world.advance('100s')
    expect(said(world.resolve('www.stale.'))).toMatch(/^failure/)
  })

  it('ends with the delegation it was found through, and no client keeps it for longer', () => {
    const { world, mood } = staleWorld({ records: RECORDS, lease: 100 })
    world.resolve('www.stale.')
    world.advance('80s')
    mood('servfails')
    expect(said(world.resolve('www.stale.'))).toMatch(/^answer (19|20) expired/)
    world.advance('21s')
    expect(said(world.resolve('www.stale.'))).toMatch(/^failure/)
  })

  it('is none when the delegation was withdrawn', () => {
    const { world, withdraw } = staleWorld({ records: RECORDS, lease: 100 })
    world.resolve('www.stale.')
    withdraw()
    world.advance('101s')
    expect(said(world.resolve('www.stale.'))).toMatch(/^nxdomain \d+$/)
  })

  it('gives way to a denial, and what was denied does not come back', () => {
    const { world, mood, records } = staleWorld({ records: RECORDS })
    world.resolve('www.stale.')
    world.advance('61s')
    records('other A 192.0.2.3')
    expect(said(world.resolve('www.stale.'))).toBe('nxdomain 60')
    world.advance('65s')
    mood('servfails')
    expect(said(world.resolve('www.stale.'))).toBe('nxdomain 30 expired 5 failed')
  })

  it('is the newer of a denial and the data that took its place', () => {
    const { world, mood, records } = staleWorld({ records: '' })
    expect(said(world.resolve('www.stale.'))).toBe('nxdomain 60')
    world.advance('61s')
    records(RECORDS)
    expect(said(world.resolve('www.stale.'))).toBe('answer 60')
    world.advance('65s')
    mood('servfails')
    expect(said(world.resolve('www.stale.'))).toBe('answer 30 expired 5 failed')
  })

  it('of an NXDOMAIN denies no name below', () => {
    const { world, mood } = staleWorld({ records: RECORDS, sign: 'nsec' })
    world.resolve('nothing.stale.')
    world.advance('61s')
    mood('servfails')
    expect(said(world.resolve('below.nothing.stale.'))).toMatch(/^failure/)
    expect(said(world.resolve('nothing.stale.', 'MX'))).toMatch(/^nxdomain 30 expired/)
  })

  it('is not given for other names of a wildcard, nor denied by expired NSEC records', () => {
    const { world, mood } = staleWorld({ records: RECORDS, sign: 'nsec' })
    world.resolve('a.wild.stale.')
    world.resolve('aaa.stale.')
    world.advance('61s')
    mood('servfails')
    expect(said(world.resolve('b.wild.stale.'))).toMatch(/^failure/)
    expect(said(world.resolve('aab.stale.'))).toMatch(/^failure/)
  })
})

describe('an expired answer and DNSSEC', () => {
  it('bogus data is never replaced by what was good before', () => {
    const { world, mood } = staleWorld({ records: RECORDS, sign: 'nsec' })
    expect(said(world.resolve('www.stale.'))).toBe('answer 60')
    world.advance('61s')
    mood('stripsSignatures')
    expect(said(world.resolve('www.stale.'))).toBe('failure bogus')
    expect(said(world.resolve('www.stale.'))).toBe('failure bogus')
    world.advance('20s')
    expect(said(world.resolve('www.stale.'))).toBe('failure bogus')
  })

  it('bogus data is not kept to be given when the servers fail', () => {
    const { world, mood } = staleWorld({ records: RECORDS, sign: 'nsec' })
    mood('breaksSignatures')
    expect(said(world.resolve('www.stale.'))).toBe('failure bogus')
    world.advance('61s')
    mood('servfails')
    expect(said(world.resolve('www.stale.'))).toMatch(/^failure/)
  })

  it('what was not validated is given with CD only', () => {
    const { world, mood } = staleWorld({ records: RECORDS, sign: 'nsec' })
    world.resolve('www.stale.', 'A', { checkingDisabled: true })
    world.advance('61s')
    mood('servfails')
    expect(said(world.resolve('www.stale.', 'A', { checkingDisabled: true }))).toMatch(/^answer 30 expired/)
    expect(said(world.resolve('www.stale.'))).toMatch(/^failure/)
  })

  it('secure data is given until the first of its signatures expires', () => {
    // Signatures of a simulated zone are good for days; the data may be kept for longer.
    const { world, mood } = staleWorld({
      records: RECORDS,
      sign: 'nsec',
      lease: 8_000_000,
      limits: { cache: { staleMs: 40 * 86_400_000, maxTtl: 90 * 86_400 } },
    })
    world.resolve('www.stale.')
    world.advance('70s')
    mood('servfails')
    const given: string[] = []
    for (let day = 0; day < 40; day++) {
      given.push(said(world.resolve('www.stale.')).split(' ')[0] ?? '')
      world.run()
      world.advance(86_400_000)
    }
    expect(given[0]).toBe('answer')
    expect(given.at(-1)).toBe('failure')
    // Once over it stays over.
    expect(given.lastIndexOf('answer')).toBe(given.indexOf('failure') - 1)
  })
})

describe('an expired answer next to other features', () => {
  it('a prefetch that fails leaves the answer, and the next client gets it expired', () => {
    const { world, mood } = staleWorld({ records: RECORDS })
    world.resolve('www.stale.')
    world.advance('57s')
    mood('servfails')
    world.resolver.prefetch(question('www.stale.', 'A'), OURSELVES)
    world.run()
    expect(said(world.resolve('www.stale.'))).toMatch(/^answer [123]$/)
    world.advance('10s')
    expect(said(world.resolve('www.stale.'))).toMatch(/^answer 30 expired \d failed$/)
  })

  it('a failure that is remembered gives it at once', () => {
    const { world, mood } = staleWorld({ records: RECORDS })
    world.resolve('www.stale.')
    world.advance('61s')
    mood('servfails')
    // By way of a look-up of our own, which takes no expired answers.
    world.resolver.resolve(question('www.stale.', 'A'), { recursionDesired: true, because: 'ds' }, () => {})
    world.run()
    const sent = world.exchanges.length
    expect(said(world.start('www.stale.').outcome)).toMatch(/^answer 30 expired/)
    expect(world.exchanges.length).toBe(sent)
  })

  it('a stub zone has it too, without a delegation to end it', () => {
    const stub = [{ zone: 'stale.', to: [SERVER] }]
    const { world, mood } = staleWorld({ records: RECORDS, lease: 100, stub })
    expect(said(world.resolve('www.stale.'))).toBe('answer 60')
    world.advance('1h')
    mood('servfails')
    expect(said(world.resolve('www.stale.'))).toMatch(/^answer 30 expired 3540 failed$/)
  })

  it('RD=0 gets none', () => {
    const { world, mood } = staleWorld({ records: RECORDS })
    world.resolve('www.stale.')
    world.advance('61s')
    mood('servfails')
    expect(said(world.resolve('www.stale.', 'A', { recursionDesired: false }))).toBe('failure not-recursive')
  })

  it('a live denial of a signed zone is used aggressively before anything expired', () => {
    const { world, mood } = staleWorld({ records: RECORDS, sign: 'nsec' })
    world.resolve('zzz.stale.')
    mood('servfails')
    expect(said(world.resolve('zzzz.stale.'))).toMatch(/^nxdomain \d+$/)
  })

  it('a client that has gone is called no more', () => {
    const { world, mood } = staleWorld({ records: RECORDS })
    world.resolve('www.stale.')
    world.advance('61s')
    mood('silent')
    const started = world.start('www.stale.')
    world.advance(100)
    started.cancel()
    world.run()
    world.advance('20s')
    expect(started.outcome).toBeNull()
  })
})
