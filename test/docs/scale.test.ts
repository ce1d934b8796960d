/** What docs/scale.md and the files of contrib/ say about metrics and settings is there. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { overridable, variableName } from '../../src/config/sources.ts'
import { root } from '../testing/command.ts'

const textOf = (path: string): string => readFileSync(join(root, path), 'utf8')

/** Those of the table that is made from the metrics themselves. */
const metrics: ReadonlySet<string> = new Set(
  [...textOf('docs/metrics.md').matchAll(/^\| `(?<name>\w+)` \|/gm)].map(({ groups }) => groups?.name ?? ''),
)
const isMetric = (name: string): boolean => metrics.has(name.replace(/_(?:bucket|sum|count)$/, ''))

test.each([
  ['docs/scale.md', 15],
  ['contrib/grafana/rootwalk.json', 10],
  ['contrib/prometheus/alerts.yml', 5],
])('every metric that %s names is one', (file, least) => {
  const named = new Set(
    textOf(file)
      .match(/\b(?:rootwalk|process)_[a-z_]+\b/g)
      // A row of dots stands for the rest of some names.
      ?.filter(name => !name.endsWith('_')),
  )
  expect([...named].filter(name => !isMetric(name))).toEqual([])
  expect(named.size).toBeGreaterThanOrEqual(least)
})

test('every variable that docs/scale.md names is a setting', () => {
  const variables = new Set(overridable().map(({ path }) => variableName(path)))
  const named = textOf('docs/scale.md').match(/ROOTWALK_\w+/g) ?? []
  expect(named.filter(name => !variables.has(name))).toEqual([])
})

test('the arithmetic of docs/scale.md is that of its figures', () => {
  const text = textOf('docs/scale.md')
  const row = (what: string): readonly string[] => {
    const line = text.split('\n').find(one => one.startsWith(`| ${what}`)) ?? ''
    return line
      .split('|')
      .slice(2, 5)
      .map(cell => cell.trim())
  }
  const numbers = (cells: readonly string[]): readonly number[] =>
    cells.map(cell => Number.parseFloat(cell.replaceAll(',', '')) * (cell.includes('million') ? 1e6 : 1))
  const queries = numbers(row('queries a second'))
  const [share, hitUs, missUs, busy] = [0.1, 5.1, 120, 0.5]
  const cores = queries.map(rate => (rate * ((1 - share) * hitUs + share * missUs)) / 1e6 / busy)
  for (const [i, count] of numbers(row('cores that are half busy')).entries())
    expect(count / (cores[i] ?? 0)).toBeCloseTo(1, 1)
  const instances = queries.map(rate => (rate * share * missUs) / 1e6 / busy)
  for (const [i, count] of numbers(row('instances')).entries()) expect(count / (instances[i] ?? 0)).toBeCloseTo(1, 1)
  for (const [i, count] of numbers(row('messages to servers')).entries())
    expect(count / ((queries[i] ?? 0) * share * 1.3)).toBeCloseTo(1, 5)
  for (const [i, count] of numbers(row('memory for names')).entries())
    expect(count / (((queries[i] ?? 0) * 20 * 431) / 1e9)).toBeCloseTo(1, 1)
})
