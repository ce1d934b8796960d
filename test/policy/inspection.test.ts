/** Stages that are looked at: what is said of each, and that they answer as they would have. */
import { expect, test } from 'vitest'
import type { Answer, Decision, Handler, Stage } from '../../src/policy/handler.ts'
import { Inspector } from '../../src/policy/inspection.ts'
import { chain } from '../../src/server/pipeline.ts'
import { a, answer, query } from '../server/make.ts'

const decision = (stage: string): Decision => ({
  stage,
  rule: '||a^',
  source: 'ads',
  lost: [{ rule: '||b^', source: null }],
})
const blocked = (by: string): Answer => ({ kind: 'refused', by, ede: null, text: '', decisions: [decision(by)] })
const stage = (name: string, handle: Stage['handle'], asksAgain = false): Stage => ({
  name,
  after: [],
  before: [],
  handle,
  asksAgain,
})
const resolved: Handler = () =>
  Promise.resolve({
    kind: 'resolved',
    outcome: answer([a('www.example.com.')]),
    by: 'recursion',
    shareable: true,
  })

/** What the inspector says of each of these, and the answer. */
async function looked(stages: readonly Stage[], isLocal = false): Promise<{ states: string; answer: Answer }> {
  const inspector = new Inspector()
  const last = inspector.resolution('resolution', resolved)
  const found = await chain(stages, () => isLocal, last, inspector.stage)(query())
  expect(found).toEqual(await chain(stages, () => isLocal, resolved)(query()))
  const names = ['local-data', 'lists', 'rpz', 'resolution', 'lists-answer', 'dns64']
  const text = (name: string): string => {
    const { state, decisions, letBy } = inspector.of(name)
    return `${state}${decisions.length === 0 ? '' : `(${decisions.length})`}${letBy === null ? '' : ` ${letBy}`}`
  }
  return { states: names.map(text).join(', '), answer: found }
}

const pass = (name: string): Stage => stage(name, (asked, next) => next(asked))

test.each<[string, readonly Stage[], string]>([
  ['nothing is configured', [], 'off, off, off, decided, off, off'],
  [
    'all pass',
    [pass('lists'), pass('rpz'), pass('lists-answer'), pass('dns64')],
    'passed, passed, passed, decided, passed, passed',
  ],
  [
    'one decides on the question',
    [stage('lists', () => Promise.resolve(blocked('lists'))), pass('rpz'), pass('lists-answer')],
    'passed, decided(1), not-reached, not-reached, not-reached, off',
  ],
  [
    'one allows a name, which another then passes by',
    [
      stage('lists', async (asked, next) => ({
        ...(await next({ ...asked, exempt: ['lists-answer'] })),
        decisions: [decision('lists')],
      })),
      stage('lists-answer', () => Promise.resolve(blocked('lists-answer'))),
    ],
    'passed, decided(1), off, decided, let-by lists, off',
  ],
  [
    'one decides on the answer',
    [pass('lists'), stage('lists-answer', (asked, next) => next(asked).then(() => blocked('lists-answer')))],
    'passed, passed, off, decided, decided(1), off',
  ],
  [
    'one asks again',
    [
      stage('dns64', async (asked, next) => (await next(asked)) && { ...(await next(asked)), by: 'dns64' }, true),
      pass('lists'),
    ],
    'passed, passed, off, decided, off, decided',
  ],
  [
    'one only takes an answer from the others of the view',
    [stage('lists', (asked, next) => next(asked).then(one => ({ ...one, shareable: false })))],
    'passed, passed, off, decided, off, off',
  ],
])('of stages that are looked at, %s', async (_, stages, states) => {
  expect((await looked(stages)).states).toBe(states)
})

test('local data passes by the rules', async () => {
  const { states } = await looked([pass('lists'), pass('lists-answer'), pass('dns64')], true)
  expect(states).toBe('decided, not-reached, off, decided, not-reached, passed')
})
