import { describe, expect, test } from 'vitest'
import { RrClass, RrType } from '../../src/dns/types.ts'
import type { Answer, Gate, GateVerdict, Handler, Stage } from '../../src/policy/handler.ts'
import type { Outcome } from '../../src/steps.ts'
import { admission, chain, makePipeline, ORDER, orderProblems } from '../../src/server/pipeline.ts'
import { a, answer, asked, client, query } from './make.ts'

const stage = (
  name: string,
  after: string[] = [],
  before: string[] = [],
): { name: string; after: string[]; before: string[] } => ({ name, after, before })
const gate = (verdict: GateVerdict): Gate => ({ name: verdict, admit: () => verdict })

describe('the order', () => {
  test.each([
    ['kept', [stage('a', [], ['b']), stage('b', ['a'])], []],
    ['stages that are absent do not matter', [stage('a', ['x'], ['y'])], []],
    ['after', [stage('b', ['a']), stage('a')], ['"b" must come after "a"']],
    ['before', [stage('b'), stage('a', [], ['b'])], ['"a" must come before "b"']],
    ['twice', [stage('a'), stage('a')], ['"a" stands in it twice']],
  ])('%s', (_, order, problems) => {
    expect(orderProblems(order)).toEqual(problems)
  })

  const noAlias: Outcome = {
    kind: 'nodata',
    rrsets: [],
    soa: null,
    proof: [],
    security: { kind: 'insecure' },
    authoritative: false,
  }
  test('ours starts, and answers in that order', async () => {
    const pipeline = makePipeline({
      allow: [],
      identity: { version: 'v', id: null },
      answeredLocally: () => false,
      limits: { accessVerdicts: 10, anyTtl: 60 },
      resolverOf: () => ({
        resolve({ type }, _options, done) {
          done(type === RrType.CNAME ? noAlias : answer([a('www.example.com.')]))
          return () => {}
        },
      }),
    })
    expect(pipeline.admit(client())).toBe('refuse')
    const by = async (type: number, klass: number): Promise<string> =>
      (await pipeline.handler(query({ question: asked('version.bind.', type, klass) }))).by
    expect(await by(RrType.TXT, RrClass.CH)).toBe('chaos')
    expect(await by(RrType.ANY, RrClass.CH)).toBe('chaos')
    expect(await by(RrType.ANY, RrClass.IN)).toBe('minimal-any')
    expect(await by(RrType.A, RrClass.IN)).toBe('cache')
  })
})

/** Says that it was passed, on the way in and on the way out. */
const noting = (name: string, seen: string[], change: (answer: Answer) => Answer = answer => answer): Stage => ({
  ...stage(name),
  handle: async (asked, next) => {
    seen.push(name)
    const answer = await next(asked)
    seen.push(`${name}, answer`)
    return change(answer)
  },
})
const resolved =
  (outcome: Outcome): Handler =>
  () =>
    Promise.resolve({ kind: 'resolved', outcome, by: 'recursion', shareable: true })
const found = answer([a('www.example.com.')])
const bogus: Outcome = { kind: 'failure', rrsets: [], why: 'bogus', ede: 6, text: 'a signature is wrong' }
const blocked = (by: string) => (): Answer => ({ kind: 'refused', by, ede: null, text: '' })

describe('the chain', () => {
  const staged = ORDER.filter(({ side, name }) => !['gate', 'bytes'].includes(side) && name !== 'resolution')

  test('decides in the order of the array, whatever the order in which stages are given', async () => {
    const seen: string[] = []
    const given = staged.filter(({ name }) => name !== 'local-data').map(({ name }) => noting(name, seen))
    await chain(given.toReversed(), () => false, resolved(found))(query())
    const questions = seen.filter(name => ORDER.some(one => one.side === 'question' && one.name === name))
    const answers = seen.filter(name => name.endsWith(', answer')).map(name => name.replace(', answer', ''))
    const at = ORDER.findIndex(({ name }) => name === 'resolution')
    expect(questions).toEqual(
      ORDER.slice(0, at).flatMap(({ name }) => given.filter(one => one.name === name).map(() => name)),
    )
    expect(answers.slice(0, ORDER.length - at - 1)).toEqual(ORDER.slice(at + 1).map(({ name }) => name))
  })

  test.each([
    ['a stage without a place', [stage('other')], '"other" has no place in ORDER'],
    ['a stage twice', [stage('lists'), stage('lists')], '"lists" stands in it twice'],
    ['a constraint that is broken', [stage('lists', ['rpz']), stage('rpz')], '"lists" must come after "rpz"'],
  ])('%s never starts', (_, given, message) => {
    const stages = given.map(one => ({ ...one, handle: resolved(found) }))
    expect(() => chain(stages, () => false, resolved(found))).toThrow(message)
  })

  test('local data passes by the rules, and not by those that shape answers', async () => {
    const seen: string[] = []
    const given = staged.filter(({ name }) => name !== 'local-data').map(({ name }) => noting(name, seen))
    await chain(given, () => true, resolved(found))(query())
    expect(seen.filter(name => /^(?:lists|rpz|code|stale|rebinding)/.test(name))).toEqual([])
    expect(seen).toContain('minimal-any, answer')
    expect(seen).toContain('dns64, answer')
  })

  test.each(['rpz-answer', 'lists-answer', 'rebinding'])('%s cannot rewrite what is bogus', async name => {
    const handler = chain([noting(name, [], blocked(name))], () => false, resolved(bogus))
    expect(await handler(query())).toMatchObject({ kind: 'resolved', outcome: { why: 'bogus' } })
  })

  test('what one rule made of an answer is judged by none after it; expired data is judged as any', async () => {
    const rewritten = (by: string) => (): Answer => ({ kind: 'resolved', outcome: found, by, shareable: true })
    const both = chain(
      [noting('rpz-answer', [], rewritten('rpz-answer')), noting('rebinding', [], blocked('rebinding'))],
      () => false,
      resolved(found),
    )
    expect((await both(query())).by).toBe('rpz-answer')
    const stale = chain(
      [noting('stale', [], rewritten('stale')), noting('rebinding', [], blocked('rebinding'))],
      () => false,
      resolved(found),
    )
    expect((await stale(query())).by).toBe('rebinding')
  })
})

describe('gates', () => {
  test.each<[GateVerdict[], GateVerdict]>([
    [[], 'pass'],
    [['pass'], 'pass'],
    [['pass', 'refuse', 'drop'], 'refuse'],
    [['drop', 'refuse'], 'drop'],
    [['pass', 'pass'], 'pass'],
  ])('%j: %s', (verdicts, all) => {
    expect(admission(verdicts.map(gate))(client())).toBe(all)
  })
})
