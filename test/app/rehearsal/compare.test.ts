/** What another configuration would answer, held against what this one does. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { compareAnswers, type Compared, Comparison, type Rehearsed } from '../../../src/app/rehearsal/compare.ts'
import { Questions } from '../../../src/app/rehearsal/questions.ts'
import { main } from '../../../src/cli.ts'

const said = (rcode: string | null, records: readonly string[] = [], rule: string | null = null): Rehearsed => ({
  rcode,
  records,
  rule,
  view: null,
  isUnknown: false,
})
const unknown: Rehearsed = { rcode: 'SERVFAIL', records: [], rule: null, view: null, isUnknown: true }

test.each<[string, Rehearsed, Rehearsed, Compared['kind']]>([
  ['the same', said('NOERROR', ['A 192.0.2.1']), said('NOERROR', ['A 192.0.2.1']), 'same'],
  ['another order', said('NOERROR', ['A 1', 'A 2']), said('NOERROR', ['A 2', 'A 1']), 'same'],
  ['the same by another rule', said('NXDOMAIN', [], 'lists: a'), said('NXDOMAIN', [], 'rpz: b'), 'same'],
  ['another rcode', said('NOERROR'), said('NXDOMAIN', [], 'lists: a'), 'changed'],
  ['other records', said('NOERROR', ['A 1']), said('NOERROR', ['A 2']), 'changed'],
  ['more records', said('NOERROR', ['A 1']), said('NOERROR', ['A 1', 'A 1']), 'changed'],
  ['no answer any more', said('NOERROR'), said(null, [], 'code: query: drop'), 'changed'],
  ['both without servers', unknown, unknown, 'unknown'],
  ['a rule where servers were asked', unknown, said('NXDOMAIN', [], 'lists: a'), 'changed'],
  ['servers where a rule was', said('NXDOMAIN', [], 'lists: a'), unknown, 'changed'],
  ['an answer of servers, and none', said('NOERROR', ['A 1']), unknown, 'unknown'],
])('%s', (_what, before, after, kind) => expect(compareAnswers(before, after)).toEqual({ kind }))

test('a query log gives its questions once, and says what it skipped', () => {
  const line = (more: object): string =>
    JSON.stringify({ time: 100, client: '192.0.2.1', transport: 'udp', name: 'A.example.', type: 'A', ...more })
  const lines = [line({ client: '192.0.2.2' }), line({}), line({ time: 200 }), 'no query', '', '{}', '3']
  const question = { transport: 'udp', name: 'a.example.', type: 'A' }
  const gathered = (since: number | null): ReturnType<Questions['gathered']> => {
    const questions = new Questions()
    for (const one of [...lines, line({ class: 'CH' }), line({ name: '<other>' })]) questions.addLine(one, since)
    return questions.gathered()
  }
  expect(gathered(null)).toEqual({
    questions: [
      { ...question, client: '192.0.2.1', times: 2 },
      { ...question, client: '192.0.2.2', times: 1 },
    ],
    // Two that are no question for a resolver among them.
    skipped: 5,
    leftOut: 0,
  })
  expect(gathered(150).questions).toEqual([{ ...question, client: '192.0.2.1', times: 1 }])
})

test('questions beyond the bound are counted, and those that are known go on being so', () => {
  const questions = new Questions(2)
  for (const name of ['a.', 'b.', 'c.', 'd.', 'a.']) questions.add({ client: '', transport: 'quic', name, type: 'a' })
  const rest = { client: '', transport: 'udp', type: 'A' }
  expect(questions.gathered()).toEqual({
    questions: [
      { ...rest, name: 'a.', times: 2 },
      { ...rest, name: 'b.', times: 1 },
    ],
    skipped: 0,
    leftOut: 2,
  })
})

test('a comparison counts answers, how often they were asked for, clients, and pairs of rules, the most first', () => {
  const comparison = new Comparison()
  const asked = (client: string, times: number) => ({
    ...{ client, times, transport: 'udp' as const, name: 'a.', type: 'A' },
  })
  const add = (client: string, times: number, before: Rehearsed, after: Rehearsed): void =>
    void comparison.add({ question: asked(client, times), before, after })
  add('1', 5, said('NOERROR', ['A 1'], 'rpz: x'), said('NOERROR', ['A 2']))
  add('1', 1, said('NOERROR', ['A 1']), said('NXDOMAIN', [], 'lists: y'))
  add('2', 2, said('NOERROR', ['A 1']), said('NXDOMAIN', [], 'lists: y'))
  add('3', 9, said('NOERROR', ['A 1']), said('NOERROR', ['A 1']))
  add('4', 1, unknown, unknown)
  expect(comparison.totals()).toEqual({
    ...{ compared: 5, changed: 3, queries: 8, clients: 2, unknown: 1 },
    rules: [
      { before: null, after: 'lists: y', answers: 2, clients: 2 },
      { before: 'rpz: x', after: null, answers: 1, clients: 1 },
    ],
  })
})

describe('rootwalk policy test', () => {
  const directory = mkdtempSync(join(tmpdir(), 'rootwalk-policy-test-'))
  afterAll(() => rmSync(directory, { recursive: true, force: true }))
  const write = (file: string, value: object): void => writeFileSync(join(directory, file), JSON.stringify(value))
  const asked = [
    ['192.0.2.1', 'ads.example.'],
    ['192.0.2.1', 'ads.example.'],
    ['192.0.2.2', 'own.example.'],
    ['192.0.2.3', 'other.example.'],
  ]
  const base = { allow: ['0.0.0.0/0'], dnssec: { validate: false } }

  beforeEach(() => {
    const lines = asked.map(([client, name]) => JSON.stringify({ time: 1, client, transport: 'udp', name, type: 'A' }))
    writeFileSync(join(directory, 'queries.json'), `${lines.join('\n')}\n`)
    write('old.json', { ...base, records: { 'own.example': { A: '192.0.2.80' } } })
  })

  async function run(candidate: object, ...words: string[]): Promise<{ code: number; out: string; err: string }> {
    write('new.json', candidate)
    const printed = { out: '', err: '' }
    const code = await main(
      ['policy', 'test', '--config', 'new.json', '--against', 'old.json', '--queries', 'queries.json', ...words],
      {
        out(text) {
          printed.out += text
        },
        err(text) {
          printed.err += text
        },
        environment: {},
        directory,
        terminal: false,
      },
    )
    return { code, ...printed }
  }

  test('prints which answers change, for whom and by which rule, and what could not be compared', async () => {
    const candidate = { ...base, records: { 'own.example': { A: '192.0.2.81' } }, rules: ['||ads.example^'] }
    const { code, out } = await run(candidate, '--offline')
    expect(out).toBe(
      [
        '192.0.2.1  ads.example. A (asked 2 times)',
        '  now:  what servers say',
        '  then: NXDOMAIN, by lists: ||ads.example^',
        '192.0.2.2  own.example. A',
        '  now:  NOERROR A 192.0.2.80',
        '  then: NOERROR A 192.0.2.81',
        'by rule:',
        '  1 answer of 1 client: now by no rule, then by lists: ||ads.example^',
        '  1 answer of 1 client: now by no rule, then by no rule',
        'not compared, since no server answered: other.example. A',
        'would change 2 answers of 2 clients, of 3 questions',
        '',
      ].join('\n'),
    )
    expect(code).toBe(1)
  })

  test('says it to programs as JSON, and ends with 0 where nothing changes', async () => {
    const { code, out } = await run({ ...base, records: { 'own.example': { A: '192.0.2.80' } } }, '--offline', '--json')
    expect(JSON.parse(out)).toMatchObject({ version: 1, questions: 3, changed: 0, clients: 0, changes: [] })
    expect(code).toBe(0)
  })

  test('ends with 78 for a configuration that is wrong, 66 without a log, 64 for words that are', async () => {
    expect(await run({ rulse: [] })).toMatchObject({ code: 78, err: expect.stringContaining('unknown key "rulse"') })
    rmSync(join(directory, 'queries.json'))
    expect(await run(base)).toMatchObject({ code: 66, err: expect.stringContaining('queries.json') })
    expect(await run(base, '--since', 'long')).toMatchObject({ code: 64, err: expect.stringContaining('30m, 24h') })
  })
})
