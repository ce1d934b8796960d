import { expect, test } from 'vitest'
import type { Query } from '../../src/policy/handler.ts'
import { makeLocalOnly } from '../../src/policy/local-only.ts'
import { a, answer, query } from '../server/make.ts'

const found = answer([a('www.example.com.')])

test.each([
  ['a client that gets local data only gets it, and recursion is not done for it', true, true, 'resolved', [false]],
  ['it is refused what is not local', true, false, 'refused', []],
  ['other clients get all', false, false, 'resolved', [true]],
] as const)('%s', async (_, localOnly, isLocal, kind, recursion) => {
  const seen: Query[] = []
  const given = await makeLocalOnly(() => isLocal).handle(query({ localOnly }), asked => {
    seen.push(asked)
    return Promise.resolve({ kind: 'resolved', outcome: found, by: 'local', shareable: true })
  })
  expect(given.kind).toBe(kind)
  if (given.kind === 'resolved') expect(given.shareable).toBe(!localOnly)
  expect(seen.map(({ recursionDesired }) => recursionDesired)).toEqual(recursion)
})
