import { describe, expect, test } from 'vitest'
import { RrClass, RrType } from '../../src/dns/types.ts'
import type { Gate, GateVerdict } from '../../src/policy/handler.ts'
import type { Outcome } from '../../src/steps.ts'
import { admission, makePipeline, orderProblems } from '../../src/server/pipeline.ts'
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
      resolver: {
        resolve({ type }, _options, done) {
          done(type === RrType.CNAME ? noAlias : answer([a('www.example.com.')]))
          return () => {}
        },
      },
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
