import { expect, test } from 'vitest'
import { Turnstile, type Visit } from '../../src/fairness/turnstile.ts'
import { SimClock } from '../../src/simulation/clock.ts'

function open(places: number, waiting = 100) {
  const clock = new SimClock()
  const turnstile = new Turnstile('socket', { places, waiting, waitMs: 1_000, jostleMs: 200 }, clock)
  const said: string[] = []
  const come = (owner: string): Visit =>
    turnstile.come(
      [owner],
      () => {
        said.push(owner)
        return () => said.push(`${owner} stops`)
      },
      reason => said.push(`${owner}: ${reason}`),
    )
  return { clock, turnstile, said, come }
}

test('who comes first enters first while there are places', () => {
  const { said, come, turnstile } = open(3)
  for (const owner of ['a', 'a', 'b']) come(owner)
  expect([said.join(' '), turnstile.inside, turnstile.waiting]).toEqual(['a a b', 3, 0])
})

test('a newcomer is let in by the next that leaves but one, however many of another wait', () => {
  const { said, come, turnstile } = open(2)
  const inside = [come('greedy'), come('greedy')]
  for (let i = 0; i < 50; i++) come('greedy')
  come('newcomer')
  for (const visit of inside) visit.done()
  expect(said.join(' ')).toBe('greedy greedy greedy newcomer')
  expect([turnstile.inside, turnstile.waiting]).toEqual([2, 49])
})

test('a newcomer takes the place of who has more and has been in for a while, who hears of it after the call', () => {
  const { said, come, clock, turnstile } = open(2)
  come('greedy')
  come('greedy')
  clock.advance(199)
  come('early').cancel()
  clock.advance(1)
  come('newcomer')
  expect(said).toEqual(['greedy', 'greedy', 'greedy stops', 'newcomer'])
  expect([turnstile.inside, turnstile.waiting]).toEqual([2, 0])
  clock.advance(0)
  expect(said.at(-1)).toBe('greedy: gave way to the queries of others, who have fewer on their way')
  clock.advance(5_000)
  expect([said.length, turnstile.inside, clock.pending]).toEqual([5, 2, 0])
})

test('a newcomer that came too early waits until who has more has had its time', () => {
  const { said, come, clock, turnstile } = open(2)
  come('greedy')
  clock.advance(150)
  come('greedy')
  come('newcomer')
  clock.advance(49)
  expect(said).toEqual(['greedy', 'greedy'])
  clock.advance(1)
  expect(said.slice(0, 4)).toEqual(['greedy', 'greedy', 'greedy stops', 'newcomer'])
  expect([turnstile.inside, turnstile.waiting]).toEqual([2, 0])
})

test('no one takes a place of its own', () => {
  const { said, come, clock, turnstile } = open(2)
  for (const owner of ['a', 'a']) come(owner)
  clock.advance(500)
  come('a')
  clock.advance(500)
  expect([said, turnstile.inside, turnstile.waiting]).toEqual([['a', 'a'], 2, 1])
})

test('who was displaced and goes away hears nothing', () => {
  const { said, come, clock } = open(1)
  const first = come('greedy')
  clock.advance(200)
  come('newcomer')
  first.cancel()
  clock.advance(5_000)
  expect(said).toEqual(['greedy', 'greedy stops', 'newcomer'])
})

test('no one waits longer than the bound, and is then told why', () => {
  const { said, come, clock, turnstile } = open(1)
  const inside = come('a')
  come('a')
  clock.advance(999)
  expect(said).toEqual(['a'])
  clock.advance(1)
  expect(said).toEqual(['a', 'a: no socket became free in 1000 ms'])
  inside.done()
  expect([turnstile.inside, turnstile.waiting, clock.pending]).toEqual([0, 0, 0])
})

test('beyond the bound of those who wait the oldest of who has most of them goes, after the call', () => {
  const { said, come, clock } = open(1, 3)
  for (const owner of ['in', 'few', 'many', 'many']) come(owner)
  come('few')
  expect(said).toEqual(['in'])
  clock.advance(0)
  expect(said).toEqual(['in', 'few: 3 others wait for a socket'])
})

test.each([
  ['who has most', 'a a b', 'c', 'a'],
  ['the newcomer itself, which would have as many as who has most', 'a a b', 'b', 'b'],
  ['the one that came first of those with as many', 'a b c', 'd', 'a'],
])('beyond the bound of those who wait goes one of %s', (_about, waiting, newcomer, goes) => {
  const { said, come, clock } = open(1, 3)
  for (const owner of ['in', ...waiting.split(' '), newcomer]) come(owner)
  clock.advance(0)
  expect(said).toEqual(['in', `${goes}: 3 others wait for a socket`])
})

test('who goes away while waiting leaves nothing behind', () => {
  const { said, come, clock, turnstile } = open(1, 1)
  const inside = come('in')
  const first = come('a')
  const second = come('b')
  first.cancel()
  second.cancel()
  clock.advance(5_000)
  inside.cancel()
  expect([said, turnstile.inside, turnstile.waiting, clock.pending]).toEqual([['in', 'in stops'], 0, 0, 0])
})
