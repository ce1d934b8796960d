/**
 * A server that answers nothing for long: it gets a query now and then, clients get their SERVFAIL at once, and it is
 * back with its first reply.
 */
import { describe, expect, it } from 'vitest'
import { defaultLimits } from '../../src/limits.ts'
import { simulate, type World } from '../../src/simulation/world.ts'

const ROOT = '198.51.100.1'
const SILENT = '203.0.113.1'
const { throttleAfterMs, throttleProbeMs } = defaultLimits.cache
const soa = '@ 300 IN SOA ns h 1 7200 3600 86400 1'

const zone = (name: string): { origin: string; at: string[]; text: string } => ({
  origin: `${name}.`,
  at: [SILENT],
  text: `${soa}\n@ 300 IN NS ns\nns 300 IN A ${SILENT}\n* 1 IN A 192.0.2.1\n* 1 IN TXT "it lives"`,
})

/** Two zones on one server, which drops what is asked for addresses. */
const world = (): World =>
  simulate({
    zones: [
      {
        origin: '.',
        at: [ROOT],
        text: `@ 86400 IN SOA a.root. h. 1 2 3 4 300\n@ 86400 IN NS a.root.\na.root. 86400 IN A ${ROOT}\none. 86400 IN NS ns.one.\nns.one. 86400 IN A ${SILENT}\ntwo. 86400 IN NS ns.two.\nns.two. 86400 IN A ${SILENT}`,
      },
      zone('one'),
      zone('two'),
    ],
    servers: [{ at: [SILENT], does: ['silent for * A'] }],
  })

function untilHeldBack(world: World): void {
  for (let i = 0, from = world.clock.now(); world.clock.now() - from <= 2 * throttleAfterMs; i++)
    world.resolve(`early${i}.one.`)
  world.advance(throttleProbeMs)
}

describe('a server that answers nothing of a zone', () => {
  it('gets one query in throttleProbeMs, and the other questions fail at once and say why', () => {
    const on = world()
    untilHeldBack(on)
    const [probe, ...others] = Array.from({ length: 50 }, (_, i) => on.start(`name${i}.one.`))
    expect(probe?.outcome).toBeNull()
    for (const { outcome } of others)
      expect(outcome).toMatchObject({
        kind: 'failure',
        why: 'unreachable',
        text: expect.stringMatching(/203\.0\.113\.1#53 has answered nothing for \d+ s/),
      })
    const before = on.exchangesTo(SILENT).length
    expect(on.network.inFlight).toBe(1)
    on.run()
    expect(probe?.outcome?.kind).toBe('failure')
    expect(on.exchangesTo(SILENT).length - before).toBe(1)
  })

  it('is asked as before when one reply came, whatever was asked', () => {
    const on = world()
    untilHeldBack(on)
    expect(on.resolve('probe.one.', 'TXT').kind).toBe('answer')
    const started = Array.from({ length: 5 }, (_, i) => on.start(`after${i}.one.`, 'TXT'))
    on.run()
    expect(started.map(({ outcome }) => outcome?.kind)).toEqual(Array(5).fill('answer'))
  })

  it('goes on serving other zones', () => {
    const on = world()
    untilHeldBack(on)
    const started = Array.from({ length: 5 }, (_, i) => on.start(`www${i}.two.`, 'TXT'))
    on.run()
    expect(started.map(({ outcome }) => outcome?.kind)).toEqual(Array(5).fill('answer'))
  })

  it('is not held back for many time-outs at one moment', () => {
    const on = world()
    for (let i = 0; i < 100; i++) on.start(`burst${i}.one.`)
    on.run()
    const before = on.exchangesTo(SILENT).length
    for (let i = 0; i < 100; i++) on.start(`later${i}.one.`)
    on.run()
    expect(on.exchangesTo(SILENT).length - before).toBeGreaterThanOrEqual(100)
  })
})
