import { expect, test } from 'vitest'
import { foldName } from '../../src/dns/name.ts'
import { makeForwardLoop } from '../../src/policy/forward-loop.ts'
import { a, answer, query } from '../server/make.ts'

test('a probe that came back is answered at once, for itself alone; all others go on', async () => {
  const asked = query()
  const next = () =>
    Promise.resolve({
      kind: 'resolved',
      outcome: answer([a('www.example.com.')]),
      by: 'recursion',
      shareable: true,
    } as const)
  const back = makeForwardLoop(name => name === foldName(asked.question.name))
  expect(await back.handle(asked, next)).toMatchObject({
    by: 'forward-loop',
    shareable: false,
    outcome: { kind: 'failure', why: 'cycle', text: 'a forwarding loop: this question was sent from here' },
  })
  expect(await makeForwardLoop(() => false).handle(asked, next)).toMatchObject({ by: 'recursion' })
})
