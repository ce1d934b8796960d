/** What the dashboard works out before it draws: numbers as words, filters, the layout of a walk. */
import { describe, expect, it } from 'vitest'
import { readFilter } from '../../src/admin/filter.ts'
import {
  bytesText,
  counted,
  countText,
  durationText,
  percentText,
  rateText,
  spanText,
} from '../../src/dashboard/model/format.ts'
import { andFilter, clientFilter, nameFilter, readAsked, underFilter } from '../../src/dashboard/model/filters.ts'
import type { Report, Step } from '../../src/dashboard/model/report.ts'
import { joined, latest, niceTop, perSecond, stacked } from '../../src/dashboard/model/series.ts'
import { SOURCES, sourceFilter, sourceOf } from '../../src/dashboard/model/sources.ts'
import { steady } from '../../src/dashboard/model/steady.ts'
import { trustChain } from '../../src/dashboard/model/trust-chain.ts'
import { isWithin, layoutWalk, ticks } from '../../src/dashboard/model/walk.ts'
import { escaped, walkSvg } from '../../src/dashboard/model/walk-svg.ts'

describe('numbers have at most three digits of meaning and the unit that one would say', () => {
  it.each([
    [durationText(0), '0 ms'],
    [durationText(0.027), '0.03 ms'],
    [durationText(0.314), '0.31 ms'],
    [durationText(41.2), '41 ms'],
    [durationText(226.3), '226 ms'],
    [durationText(1_250), '1.3 s'],
    [spanText(0), '0 s'],
    [spanText(40), '40 s'],
    [spanText(1_330), '22 min'],
    [spanText(3_600), '1 h'],
    [spanText(50_400), '14 h'],
    [spanText(5_000), '1 h 23 min'],
    [spanText(1_051_200), '12 d 4 h'],
    [countText(0), '0'],
    [countText(1_204), '1,204'],
    [countText(99_999), '99,999'],
    [countText(123_400), '123 k'],
    [countText(1_240_000), '1.2 M'],
    [rateText(0.44), '0.4'],
    [rateText(7.5), '7.5'],
    [rateText(1_214.4), '1,214'],
    [rateText(20_400), '20 k'],
    [bytesText(512), '512 B'],
    [bytesText(1_024), '1 KiB'],
    [bytesText(171_966_464), '164 MiB'],
    [bytesText(2 ** 31), '2 GiB'],
    [percentText(0), '0'],
    [percentText(0.0021), '0.21'],
    [percentText(0.934), '93.4'],
    [percentText(0.9999), '100'],
    [counted(1, 'server'), '1 server'],
    [counted(2, 'query', 'queries'), '2 queries'],
  ])('%s', (text, expected) => {
    expect(text).toBe(expected)
  })
})

describe('a list that somebody is in keeps its order', () => {
  const rows = (text: string): { key: string; n: number }[] =>
    text.split(' ').flatMap(part => (part === '' ? [] : [{ key: part.slice(0, 1), n: Number(part.slice(1)) }]))
  it.each([
    ['a1 b2', 'b5 a4', 'a4 b5', 'with the figures of now'],
    ['a1 b2', 'c9 b3', 'a1 b3', 'with what is gone from the latest'],
    ['a1', 'c9 a2', 'a2 c9', 'and takes what is new at its end'],
    ['a1 b1', 'c9 d8 b2', 'a1 b2 c9', 'and takes as much of it as there is room for'],
    ['', 'a1 b2', 'a1 b2', 'from when there is something in it'],
    ['a1', '', 'a1', 'when nothing is left'],
  ])('%s, then %s: %s, %s', (before, latest, expected) => {
    expect(steady(rows(before), rows(latest), ({ key }) => key)).toEqual(rows(expected))
  })
})

describe('a filter that a link leads to can be read', () => {
  it.each([
    ...SOURCES.map(source => sourceFilter(source)),
    nameFilter('a\\.b.example.'),
    nameFilter('<img src=x onerror=…>.example.'),
    nameFilter('a b,c(d).example.'),
    underFilter('example.'),
    clientFilter('192.0.2.1'),
    clientFilter('2001:db8::1'),
    clientFilter('10.0.0.0/8'),
    andFilter('rcode=SERVFAIL or ms>5', 'type=A'),
    andFilter('', 'type=A'),
    'ms>=100',
    'record=query and not rcode in (NOERROR, NXDOMAIN, SERVFAIL, REFUSED)',
    'record=event and level>=warn',
  ])('%s', filter => {
    expect(readFilter(filter)).toMatchObject({ kind: 'filter' })
  })

  it('is not made longer by what it has already', () => {
    expect(andFilter('rcode=SERVFAIL and type=A', 'type=A')).toBe('rcode=SERVFAIL and type=A')
    expect(andFilter('a=1 or b=2', 'c=3')).toBe('(a=1 or b=2) and c=3')
  })
})

describe('what is typed into the field above means', () => {
  it.each([
    ['', { kind: 'nothing' }],
    [' www.example.com ', { kind: 'explain', name: 'www.example.com', type: 'A' }],
    ['example.com mx', { kind: 'explain', name: 'example.com', type: 'MX' }],
    ['192.0.2.1', { kind: 'filter', filter: 'client=192.0.2.1' }],
    ['10.0.0.0/8', { kind: 'filter', filter: 'client in 10.0.0.0/8' }],
    ['2001:db8::1', { kind: 'filter', filter: 'client=2001:db8::1' }],
    ['ms > 5', { kind: 'filter', filter: 'ms > 5' }],
    ['name under example.com', { kind: 'filter', filter: 'name under example.com' }],
    ['https://www.example.com/?a=1', { kind: 'url', url: 'https://www.example.com/?a=1' }],
  ])('"%s"', (text, expected) => {
    expect(readAsked(text)).toEqual(expected)
  })
})

it.each([
  ['cache', 'NOERROR', 'cache'],
  ['cache', 'SERVFAIL', 'fail'],
  ['failure:unreachable', 'none', 'fail'],
  ['late', 'NOERROR', 'recursion'],
  ['minimal-any', 'NOERROR', 'policy'],
  ['local', 'NXDOMAIN', 'local'],
])('what %s made with %s has the colour of %s', (by, rcode, source) => {
  expect(sourceOf(by, rcode)).toBe(source)
})

describe('columns', () => {
  it('are joined without a sample twice, and without those that are too old', () => {
    const before = { at: [1, 2, 3], a: [10, 20, 30] }
    expect(joined(before, { at: [3, 4], a: [31, 40] }, 2)).toEqual({ at: [2, 3, 4], a: [20, 31, 40] })
    expect(joined(null, { at: [1], a: [5] }, 0)).toEqual({ at: [1], a: [5] })
    expect(joined(before, { at: [], a: [] }, 0)).toEqual(before)
  })

  it('are stacked, made rates, and cut to a span', () => {
    expect(
      stacked([
        [1, 2],
        [3, 4],
        [0, 1],
      ]),
    ).toEqual([
      [1, 2],
      [4, 6],
      [4, 7],
    ])
    expect(perSecond([4, 6], 2_000)).toEqual([2, 3])
    expect(latest({ at: [1, 5, 9], a: [1, 2, 3] }, 5)).toEqual({ at: [5, 9], a: [2, 3] })
  })

  it.each([
    [0, 1],
    [0.3, 0.5],
    [7, 10],
    [10, 10],
    [1_214, 2_000],
  ])('up to %d have a scale up to %d', (value, top) => {
    expect(niceTop(value)).toBeCloseTo(top)
  })
})

const exchange = (zone: string, more: Partial<Step> = {}): Step => ({
  kind: 'exchange',
  id: 1,
  depth: 0,
  atMs: 0,
  tookMs: 10,
  server: '192.0.2.1#53',
  serverName: `ns.${zone}`,
  zone,
  transport: 'udp',
  question: 'www.example.com. A',
  came: 'reply',
  rcode: 'NOERROR',
  verdict: 'referral',
  decided: 'ask-child-zone',
  ...more,
})
const cut = (zone: string, from = 'referral'): Step => ({ kind: 'cut', id: 1, depth: 0, zone, from, servers: 2 })
const validated = (name: string, type: string, verdict: string, more: Partial<Step> = {}): Step => ({
  kind: 'validated',
  id: 1,
  depth: 0,
  zone: name,
  subject: 'set',
  name,
  type,
  verdict,
  ...more,
})
const report = (steps: readonly Step[], more: Partial<Report> = {}): Report => ({
  version: 1,
  question: 'www.example.com. A',
  status: 'NOERROR',
  rootCause: null,
  security: 'secure',
  records: [],
  startedAt: '2026-11-30T00:00:00Z',
  tookMs: 60,
  steps,
  ...more,
})

describe('a walk', () => {
  const steps = [
    cut('example.com.'),
    cut('.', 'hints'),
    exchange('.'),
    cut('com.'),
    exchange('com.', { atMs: 12, tookMs: 20 }),
    exchange('example.com.', { atMs: 40, came: 'timeout', decided: 'other-server' }),
    exchange('example.com.', { atMs: 50, verdict: 'answer', decided: 'use' }),
    exchange('net.', { id: 2, depth: 1, question: 'ns.example.net. A' }),
    exchange('com.', { id: 3, depth: 1, question: 'com. DNSKEY', verdict: 'answer', decided: 'use' }),
  ] as const

  it('has its zones from the root down, those of other names after them', () => {
    const { lanes, spanMs, messages, zones, depth } = layoutWalk(report(steps))
    expect(lanes.map(({ zone, isOnPath }) => [zone, isOnPath])).toEqual([
      ['.', true],
      ['com.', true],
      ['example.com.', true],
      ['net.', false],
    ])
    expect(lanes.map(({ from }) => from)[0]).toBe('from hints, 2 servers')
    expect(lanes.filter(({ isLast }) => isLast).map(({ zone }) => zone)).toEqual(['example.com.'])
    expect({ spanMs, messages, zones, depth }).toEqual({ spanMs: 60, messages: 6, zones: 4, depth: 1 })
  })

  it('says in words what came and what was decided, and what of it is bad, of keys, or of other names', () => {
    const { lanes } = layoutWalk(report(steps))
    expect(lanes.flatMap(({ exchanges }) => exchanges.map(({ tone, text }) => `${tone}: ${text}`))).toEqual([
      'main: referral: ask the servers of the child zone',
      'main: referral: ask the servers of the child zone',
      'keys: answer: use it',
      'bad: no reply in 10 ms: another server',
      'main: answer: use it',
      'side: referral: ask the servers of the child zone',
    ])
  })

  it('that asked nobody says where the answer was', () => {
    const found: Step = { kind: 'cache', id: 1, depth: 0, what: 'data', name: 'a.', type: 'A', ttl: 7 }
    expect(layoutWalk(report([found])).found).toEqual(['a. A from the cache (data), 7 s left'])
  })

  it.each([
    ['www.example.com.', 'EXAMPLE.com.', true],
    ['www.example.com.', '.', true],
    ['badexample.com.', 'example.com.', false],
  ])('%s within %s: %s', (name, zone, expected) => {
    expect(isWithin(name, zone)).toBe(expected)
  })

  it.each([
    [1, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [60, [0, 20, 40, 60]],
    [299, [0, 100, 200]],
    [7_500, [0, 2_000, 4_000, 6_000]],
  ])('of %d ms has round numbers on its axis', (span, expected) => {
    expect(ticks(span)).toEqual(expected)
  })

  it('as a file escapes what names hold', () => {
    const hostile = '<img src=x onerror=alert(1)>.example.'
    const svg = walkSvg(report([exchange(hostile)], { question: `${hostile} A` }))
    expect(svg).not.toContain('<img')
    expect(svg).toContain('&#60;img src=x')
    expect(escaped(`<>&"'`)).toBe('&#60;&#62;&#38;&#34;&#39;')
  })
})

describe('a chain of trust', () => {
  const secure = { keyTag: 7, algorithm: 'ED25519', expires: 1_800_000_000 }
  const steps = [
    validated('com.', 'DS', 'secure', secure),
    validated('.', 'DNSKEY', 'secure', secure),
    validated('com.', 'DNSKEY', 'secure', secure),
    validated('www.example.com.', 'A', 'secure', secure),
    validated('example.com.', 'DNSKEY', 'bogus', { reason: 'no signature' }),
    validated('example.com.', 'DS', 'secure', secure),
    validated('ns.example.net.', 'A', 'secure', { ...secure, depth: 1 }),
  ]

  it('goes from the root to the answer, and ends where it is broken', () => {
    expect(trustChain(report(steps)).map(({ label, state }) => `${label} ${state}`)).toEqual([
      '. DNSKEY closed',
      'com. DS closed',
      'com. DNSKEY closed',
      'example.com. DS closed',
      'example.com. DNSKEY broken',
    ])
  })

  it('that another server mended is whole', () => {
    const chain = trustChain(report([...steps, validated('example.com.', 'DNSKEY', 'secure', secure)]))
    expect(chain.map(({ label }) => label).slice(-2)).toEqual(['example.com. DNSKEY', 'www.example.com. A'])
    expect(chain.every(({ state }) => state === 'closed')).toBe(true)
    expect(chain[0]?.detail).toBe('key 7 · ED25519 · until 2027-01-15')
  })

  it('that ends at a zone without keys is open there', () => {
    const insecure = validated('example.com.', '', 'insecure', {
      subject: 'delegation',
      reason: 'proven to have no DS',
    })
    expect(trustChain(report([insecure]))).toEqual([
      { label: 'example.com. delegation', detail: 'proven to have no DS', state: 'open' },
    ])
  })
})
