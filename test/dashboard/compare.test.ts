/** Explanations next to each other, what they used, policies in words, and lines that lead to the log. */
import { describe, expect, it } from 'vitest'
import { budgetOf } from '../../src/dashboard/model/budget.ts'
import { compared, readSaved } from '../../src/dashboard/model/compare.ts'
import { ownText, runsOf, whoText } from '../../src/dashboard/model/policy.ts'
import type { Report } from '../../src/dashboard/model/report.ts'
import { lineAt } from '../../src/dashboard/model/series.ts'

const report = (more: Partial<Report> = {}): Report => ({
  ...{ version: 1, question: 'www.example.com. A', status: 'NOERROR', rootCause: null, security: 'secure' },
  records: [{ name: 'www.example.com.', type: 'A', ttl: 300, data: '192.0.2.1' }],
  startedAt: '2026-11-30T00:00:00Z',
  tookMs: 81,
  steps: [
    { kind: 'exchange', id: 0, depth: 0, atMs: 0, tookMs: 20, server: '192.0.2.53', zone: 'example.com.' },
    { kind: 'exchange', id: 1, depth: 2, atMs: 20, tookMs: 20, server: '192.0.2.54', zone: 'example.com.' },
  ],
  ...more,
})

describe('two explanations', () => {
  it('differ in what is not the same, and never in their time alone', () => {
    const rows = compared(report(), report({ tookMs: 3, status: 'SERVFAIL', records: [] }))
    expect(rows.filter(({ isSame }) => !isSame).map(({ label }) => label)).toEqual(['status', 'records', 'least TTL'])
    expect(compared(report(), report({ tookMs: 3 })).every(({ isSame }) => isSame)).toBe(true)
  })

  it.each(['', '[]', '{"version":2,"question":"a. A","steps":[],"records":[],"rootCause":null}', '{"version":1}'])(
    'are not made of %j',
    text => {
      expect(readSaved(text)).toBeNull()
    },
  )

  it('are read from what was saved', () => {
    expect(readSaved(JSON.stringify(report()))).toEqual(report())
  })
})

it('an explanation used of its budget what its steps say, where the limits are known', () => {
  const limits = new Map<string, unknown>([
    ['budget.queries', 200],
    ['budget.timeMs', 8_000],
    ['budget.depth', 12],
    ['budget.aliases', null],
  ])
  expect(budgetOf(report(), limits).map(({ setting, text }) => `${setting} ${text}`)).toEqual([
    'budget.queries 2 of 200',
    'budget.timeMs 81 ms of 8 s',
    'budget.depth 2 of 12',
  ])
})

it.each([
  [[3, 2, 1], 0, true, 0],
  [[3, 2, 1], 3, true, 0],
  [[3, 2, 1], 4.9, true, 1],
  [[3, 0, 1], 3.5, true, 2],
  [[3, 2, 1], 7, true, null],
  [[10, 2], 5, false, 1],
  [[10, 2], 7, false, 0],
  [[], 7, false, null],
] as const)('of the values %j a height of %d, stacked %s, is of line %s', (values, height, isStacked, line) => {
  expect(lineAt(values, height, isStacked)).toBe(line)
})

describe('policies', () => {
  it('that have nothing to say are one line of the order', () => {
    const position = (name: string, state: 'off' | 'passed' | 'decided') => ({
      ...{ name, state, does: '', text: '', decisions: [] },
    })
    const order = [position('access', 'decided'), position('cookies', 'off'), position('chaos', 'passed')]
    const runs = runsOf([...order, position('lists', 'decided'), position('rpz', 'off')])
    expect(runs.map(run => (run.kind === 'silent' ? run.positions.length : run.position.name))).toEqual([
      ...['access', 2, 'lists', 1],
    ])
  })

  it('of a view are said in words', () => {
    expect(ownText({ name: 'kids' })).toBe('nothing of its own')
    expect(ownText({ name: 'kids', lists: [], records: { a: 1 }, queryLog: false })).toBe(
      'no lists, 1 name, not in the query log',
    )
    expect(whoText({ name: 'kids', clients: ['10.0.0.0/8'], clientIds: ['tablet'] })).toBe('"tablet", 10.0.0.0/8')
  })
})
