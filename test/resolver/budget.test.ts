import { describe, expect, test } from 'vitest'
import { defaultLimits } from '../../src/limits.ts'
import { Budget } from '../../src/resolver/budget.ts'
import { nameOf } from '../../src/simulation/records.ts'

const com = nameOf('com.')
const other = nameOf('victim.test.')
const www = nameOf('www.example.com.')
const make = (changes: Partial<typeof defaultLimits.budget> = {}): Budget =>
  new Budget({ ...defaultLimits.budget, ...changes }, defaultLimits.dnssec, www, 1_000)

/** How many queries are granted before the words of a refusal come, and the words. */
function exhaust(take: (i: number) => string | null): [number, string] {
  for (let i = 0; i < 1_000; i++) {
    const text = take(i)
    if (text !== null) return [i, text]
  }
  return [1_000, 'never']
}

describe('the budget of one client query', () => {
  test.each<[string, Partial<typeof defaultLimits.budget>, (b: Budget, i: number) => string | null, number, RegExp]>([
    [
      'queries in all',
      { queries: 7 },
      (b, i) => b.takeQuery(nameOf(`n${i}.com.`), com, `s${i}`, 1_000),
      7,
      /limit of 7 queries to servers/,
    ],
    [
      'queries for one name',
      { queriesPerName: 5 },
      (b, i) => b.takeQuery(www, com, `s${i}`, 1_000),
      5,
      /limit of 5 queries for www\.example\.com\./,
    ],
    [
      'queries to one server',
      { queriesPerServer: 4 },
      (b, i) => b.takeQuery(nameOf(`n${i}.com.`), com, 'one#53', 1_000),
      4,
      /limit of 4 queries to the server one#53/,
    ],
    [
      'queries to a zone that the client did not ask about',
      { queriesPerForeignCut: 3 },
      (b, i) => b.takeQuery(nameOf(`n${i}.com.`), other, `s${i}`, 1_000),
      3,
      /servers of victim\.test\. on behalf/,
    ],
    ['aliases', { aliases: 4 }, b => b.takeAliases(1), 4, /limit of 4 aliases/],
    ['referrals', { referrals: 4 }, b => b.takeReferral(), 4, /limit of 4 referrals/],
    ['look-ups of addresses', { addressLookups: 4 }, b => b.takeAddressLookup(), 4, /limit of 4 look-ups/],
  ])('%s', (_, changes, take, granted, words) => {
    const budget = make(changes)
    const [count, text] = exhaust(i => take(budget, i))
    expect(count).toBe(granted)
    expect(text).toMatch(words)
  })

  test('octets received and time end it as well', () => {
    const budget = make({ receivedBytes: 100, timeMs: 50 })
    budget.received(99)
    expect(budget.takeQuery(www, com, 's', 1_049)).toBeNull()
    expect(budget.takeQuery(www, com, 's', 1_050)).toMatch(/time limit of 50 ms/)
    budget.received(1)
    expect(budget.takeQuery(www, com, 's', 1_000)).toMatch(/limit of 100 octets/)
  })

  test('a refused query is not counted', () => {
    const budget = make({ queriesPerName: 1 })
    budget.takeQuery(www, com, 's', 1_000)
    budget.takeQuery(www, com, 's', 1_000)
    expect(budget.queries).toBe(1)
  })
})
