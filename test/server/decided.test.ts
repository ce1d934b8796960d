import { expect, test } from 'vitest'
import type { Decision } from '../../src/policy/handler.ts'
import { Decided } from '../../src/server/decided.ts'

const by = (rule: string): readonly Decision[] => [{ stage: 'lists', rule, source: 'ads', lost: [] }]

test('decisions on a question are remembered for each view, until it is decided otherwise or rules change', () => {
  const decided = new Decided({ decisionsRemembered: 10 })
  decided.note(0, 'www', by('||www^'))
  decided.note(1, 'www', by('||w*^'))
  expect(decided.of(0, 'www')).toEqual(by('||www^'))
  expect(decided.of(1, 'www')).toEqual(by('||w*^'))
  expect(decided.of(2, 'www')).toBeUndefined()
  decided.note(0, 'www', undefined)
  expect(decided.of(0, 'www')).toBeUndefined()
  decided.clear()
  expect(decided.of(1, 'www')).toBeUndefined()
})

test('the oldest decisions are forgotten when there are too many', () => {
  const decided = new Decided({ decisionsRemembered: 2 })
  for (const key of ['a', 'b', 'a', 'c']) decided.note(0, key, by(key))
  expect(['a', 'b', 'c'].map(key => decided.of(0, key)?.length)).toEqual([1, undefined, 1])
})
