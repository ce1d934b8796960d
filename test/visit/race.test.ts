import { describe, expect, it, test } from 'vitest'
import { parseIp } from '../../src/dns/address.ts'
import { SimClock } from '../../src/simulation/clock.ts'
import { type Connected, Race, type RaceEnd } from '../../src/visit/race.ts'
import type { Endpoint } from '../../src/visit/types.ts'

const endpoint = (text: string): Endpoint => {
  const ip = parseIp(text)
  if (ip === null) throw new Error(text)
  return { ip, port: 443, alpn: ['h2'], by: 'address', name: null }
}

/** What becomes of an attempt, and after how many milliseconds; null: nothing ever. */
type Fate = readonly [afterMs: number, 'connects' | 'refuses' | 'times out'] | null

function raced(
  fates: Readonly<Record<string, Fate>>,
  later: readonly string[] = [],
  laterMs = 0,
): { readonly end: string; readonly attempts: readonly string[]; readonly open: number } {
  const clock = new SimClock()
  const startedAtMs = clock.now()
  const known = Object.keys(fates).filter(text => !later.includes(text))
  const state = { pending: later.length > 0, open: 0, end: 'nothing' }
  const results: Readonly<Record<string, Connected<string>>> = {
    refuses: { kind: 'failed', reason: 'ECONNREFUSED' },
    'times out': { kind: 'timeout' },
  }
  const race = new Race<string>({
    clock,
    attemptDelayMs: 250,
    startedAtMs,
    endpoints: () => known.map(endpoint),
    isPending: () => state.pending,
    connect: ({ ip }, done) => {
      state.open++
      const fate = fates[ip.text] ?? null
      const cancel =
        fate === null
          ? () => {}
          : clock.after(fate[0], () => {
              state.open--
              done(results[fate[1]] ?? { kind: 'connected', socket: ip.text })
            })
      return () => {
        state.open--
        cancel()
      }
    },
    done: (end: RaceEnd<string>) => {
      state.end = end.kind === 'connected' ? `${end.socket} at ${clock.now() - startedAtMs}` : `failed ${end.reason}`
    },
  })
  if (later.length > 0)
    clock.after(laterMs, () => {
      known.push(...later)
      state.pending = false
      race.poke()
    })
  race.poke()
  for (let left = 100; left > 0 && clock.step(); left--);
  const attempts = race.attempts.map(
    attempt => `${attempt.endpoint.ip.text} ${attempt.atMs}+${attempt.tookMs} ${attempt.outcome.kind}`,
  )
  return { end: state.end, attempts, open: state.open }
}

describe('the race', () => {
  test.each([
    [
      'is won by the first when it is quick',
      { '::1': [20, 'connects'], '192.0.2.1': [1, 'connects'] },
      '::1 at 20',
      ['::1 0+20 connected'],
    ],
    [
      'starts the second attempt after the delay, and is won by it',
      { '::1': null, '192.0.2.1': [10, 'connects'] },
      '192.0.2.1 at 260',
      ['::1 0+260 abandoned', '192.0.2.1 250+10 connected'],
    ],
    [
      'is won by the first also when the second runs',
      { '::1': [300, 'connects'], '192.0.2.1': [200, 'connects'] },
      '::1 at 300',
      ['::1 0+300 connected', '192.0.2.1 250+50 abandoned'],
    ],
    [
      'goes on at once after an attempt that is refused',
      { '::1': [5, 'refuses'], '192.0.2.1': [10, 'connects'] },
      '192.0.2.1 at 15',
      ['::1 0+5 failed', '192.0.2.1 5+10 connected'],
    ],
    [
      'fails when all are refused',
      { '::1': [5, 'refuses'], '192.0.2.1': [10, 'refuses'] },
      'failed ECONNREFUSED',
      ['::1 0+5 failed', '192.0.2.1 5+10 failed'],
    ],
    ['fails without an endpoint', {}, 'failed ', []],
  ] as const)('%s', (_, fates, end, attempts) => {
    expect(raced(fates)).toEqual({ end, attempts, open: end.startsWith('failed') ? 0 : 0 })
  })

  it('takes an address that comes while it runs', () => {
    const { end, attempts } = raced({ '192.0.2.1': null, '::1': [10, 'connects'] }, ['::1'], 100)
    expect(end).toBe('::1 at 260')
    expect(attempts).toEqual(['192.0.2.1 0+260 abandoned', '::1 250+10 connected'])
  })

  it('waits for addresses that are still to come when all have failed', () => {
    const { end } = raced({ '192.0.2.1': [5, 'refuses'], '::1': [10, 'connects'] }, ['::1'], 700)
    expect(end).toBe('::1 at 710')
  })
})
