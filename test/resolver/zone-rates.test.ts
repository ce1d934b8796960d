import { describe, expect, test } from 'vitest'
import { question } from '../../src/simulation/records.ts'
import { ZoneRates } from '../../src/resolver/asking/zone-rates.ts'
import { simulate } from '../../src/simulation/world.ts'

const zone = question('example.').name
const other = question('example.net.').name
const passed = (rates: ZoneRates, count: number, now: number, name = zone, perSecond = 30): number =>
  Array.from({ length: count }, () => rates.takes(name, perSecond, now)).filter(Boolean).length

describe('queries a second to the servers of a zone', () => {
  test('a second may come at once, then one in ten goes out, and other zones have their own', () => {
    const rates = new ZoneRates({ zoneRates: 10 })
    expect(passed(rates, 30, 1_000)).toBe(30)
    expect(passed(rates, 100, 1_000)).toBe(10)
    expect(passed(rates, 30, 1_000, other)).toBe(30)
    expect(passed(rates, 9, 1_500)).toBe(9)
    expect(passed(rates, 30, 60_000)).toBe(30)
  })

  test('the zone that was asked least lately is forgotten', () => {
    const rates = new ZoneRates({ zoneRates: 1 })
    expect(passed(rates, 30, 1_000)).toBe(30)
    passed(rates, 1, 1_000, other)
    expect(passed(rates, 30, 1_000)).toBe(30)
  })
})

test('a flood of names below a zone ends as SERVFAIL, not at its servers; nothing of it is remembered', () => {
  const soa = '@ SOA ns1 h 1 7200 3600 86400 300'
  const world = simulate({
    zones: [
      {
        origin: '.',
        text: '$TTL 300\n. SOA ns1. h. 1 7200 3600 86400 300\n. NS ns1.\nns1. A 198.51.100.1\nexample. NS ns1.example.\nns1.example. A 198.51.100.2\n',
        at: ['198.51.100.1'],
      },
      {
        origin: 'example.',
        text: `$TTL 300\n${soa}\n@ NS ns1\nns1 A 198.51.100.2\n* A 192.0.2.1\n`,
        at: ['198.51.100.2'],
      },
    ],
    settings: { zoneQueriesPerSecond: 20 },
  })
  const outcomes = Array.from({ length: 100 }, (_, i) => world.resolve(`n${i}.example.`, 'A'))
  const kinds = outcomes.map(outcome => (outcome.kind === 'failure' ? outcome.why : outcome.kind))
  expect(kinds.filter(kind => kind === 'answer').length).toBeGreaterThanOrEqual(20)
  expect(kinds.filter(kind => kind === 'overload').length).toBeGreaterThan(50)
  expect(world.caches.failures.size).toBe(0)
})
