import { expect, test } from 'vitest'
import type { Answer } from '../../src/policy/handler.ts'
import { makeLocalData } from '../../src/policy/local-data.ts'
import { query } from '../server/make.ts'

const said = (by: string): Promise<Answer> => Promise.resolve({ kind: 'dropped', by })

test.each([
  ['local data passes the rules by', true, 'past'],
  ['other names meet the rules', false, 'rules'],
])('%s', async (_, isLocal, by) => {
  const stage = makeLocalData(
    () => isLocal,
    () => said('past'),
  )
  expect((await stage.handle(query(), () => said('rules'))).by).toBe(by)
})
