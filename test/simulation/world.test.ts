import { describe, expect, it } from 'vitest'
import { formatRr } from '../../src/presentation/rr-text.ts'
import { recordsOf } from '../../src/dns/rrset.ts'
import type { Outcome } from '../../src/steps.ts'
import { readInternet } from '../../src/simulation/internet.ts'
import { simulate, type World } from '../../src/simulation/world.ts'

const internet = readInternet()
const lines = (outcome: Outcome): string[] =>
  outcome.rrsets.flatMap(set => recordsOf(set)).map(record => formatRr(record).replaceAll('\t', ' '))
const embedded = (options: Partial<Parameters<typeof simulate>[0]> = {}): World => simulate({ ...internet, ...options })

describe('simulate', () => {
  it('resolves from the root in one synchronous call', () => {
    const world = embedded()
    const outcome = world.resolve('www.example.com.', 'A')
    expect(outcome.kind).toBe('answer')
    expect(lines(outcome)).toEqual(['www.example.com. 300 IN A 192.0.2.10'])
    expect(world.exchanges.length).toBeGreaterThan(2)
    expect(world.resolver.inFlight).toBe(0)
  })

  it('answers again from the cache with a smaller TTL, and after it asks again', () => {
    const world = embedded()
    world.resolve('www.example.com.')
    const asked = world.exchanges.length
    world.advance('59s')
    expect(lines(world.resolve('www.example.com.'))[0]).toMatch(/ 24[01] IN A/)
    expect(world.exchanges).toHaveLength(asked)
    world.advance('5m')
    expect(lines(world.resolve('www.example.com.'))).toEqual(['www.example.com. 300 IN A 192.0.2.10'])
    expect(world.exchanges.length).toBeGreaterThan(asked)
  })

  it('same seed, same trace; another seed, another', () => {
    const run = (seed: number): string => {
      const world = embedded({ seed, loss: 0.2, jitter: 0.5, duplicates: 0.1 })
      for (const name of ['www.example.com.', 'chain.example.com.', 'www.glueless.example.', 'nothing.example.com.'])
        world.resolve(name)
      return world.traceText()
    }
    expect(run(3)).toBe(run(3))
    expect(run(3)).not.toBe(run(4))
  })

  it('a simulated resolver primes the root before its first answer', () => {
    const world = embedded()
    expect(world.prime()).toBe(true)
    expect(world.events).toEqual([{ kind: 'primed', servers: 2 }])
  })

  it('finds a lost wake-up by construction', () => {
    const world = embedded()
    world.resolver.resolve = () => () => {}
    expect(() => world.resolve('www.example.com.')).toThrow(
      /nothing left to happen while resolving www\.example\.com\. A; in flight: nothing/,
    )
  })

  it('a simulated resolver resolves several questions at once', () => {
    const world = embedded()
    const started = ['www.example.com.', 'www.example.net.', 'www.example.com.', 'all.wild.example.com.'].map(name =>
      world.start(name),
    )
    expect(started.every(one => one.outcome === null)).toBe(true)
    world.run()
    expect(started.map(one => one.outcome?.kind)).toEqual(['answer', 'answer', 'answer', 'answer'])
    expect(world.clock.pending).toBe(0)
  })

  it('a resolution that is cancelled leaves no timer and no query', () => {
    const world = embedded()
    const one = world.start('www.example.com.')
    world.advance(5)
    one.cancel()
    world.run()
    expect(one.outcome).toBeNull()
    expect(world.network.inFlight).toBe(0)
  })

  it('knows what went to whom', () => {
    const world = embedded()
    world.resolve('www.example.net.')
    expect(world.exchangesTo('192.0.2.54').length).toBeGreaterThan(0)
    expect(world.exchangesTo('192.0.2.71')).toEqual([])
  })

  it('loses a dead family and goes on with the other', () => {
    const world = embedded({ deadFamilies: [6] })
    for (let i = 0; i < 5; i++) expect(world.resolve(`n${i}.wild.example.com.`).kind).toBe('answer')
  })

  it('answers from local zones first', () => {
    const world = embedded({
      localZones: [
        {
          origin: 'example.com.',
          text: '@ 60 IN SOA ns h 1 2 3 4 5\n@ 60 IN NS ns\nns 60 IN A 192.0.2.9\nwww 60 IN A 192.0.2.9',
        },
      ],
    })
    expect(world.resolve('www.example.com.')).toMatchObject({ kind: 'answer', authoritative: true })
    expect(world.exchanges).toEqual([])
  })

  it('a query without RD asks no server', () => {
    const world = embedded()
    expect(world.resolve('www.example.com.', 'A', { recursionDesired: false })).toMatchObject({
      kind: 'failure',
      why: 'not-recursive',
    })
    expect(world.exchanges).toEqual([])
  })
})
