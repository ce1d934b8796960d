import { describe, expect, test } from 'vitest'
import { recursion } from '../../src/policy/recursion.ts'
import type { Resolves } from '../../src/resolver/resolver.ts'
import type { Outcome } from '../../src/steps.ts'
import { a, answer, query } from '../server/make.ts'

const resolving = (outcome: Outcome, seen: unknown[] = []): Resolves => ({
  resolve(question, options, done) {
    seen.push({ question, options })
    done(outcome)
    return () => {}
  },
})

describe('recursion', () => {
  test('asks the resolver for what the client asked, RD included', async () => {
    const seen: unknown[] = []
    const q = query({ recursionDesired: false })
    await recursion(() => resolving(answer([a('www.example.com.')]), seen))(q)
    expect(seen).toEqual([
      {
        question: q.question,
        options: { recursionDesired: false, checkingDisabled: false, because: 'client', owner: ['127.0.0.1'] },
      },
    ])
  })

  test.each<[string, Outcome]>([
    ['cache', answer([a('www.example.com.')])],
    ['local', answer([a('www.example.com.')], { authoritative: true })],
    ['failure:budget', { kind: 'failure', rrsets: [], why: 'budget', ede: 0, text: 'x' }],
  ])('an answer by %s says so and is shareable', async (by, outcome) => {
    expect(await recursion(() => resolving(outcome))(query())).toEqual({
      kind: 'resolved',
      outcome,
      by,
      shareable: true,
    })
  })

  test('an answer that comes later is one for which servers were asked', async () => {
    const outcome = answer([a('www.example.com.')])
    const later: Resolves = {
      resolve(_question, _options, done) {
        queueMicrotask(() => done(outcome))
        return () => {}
      },
    }
    expect(await recursion(() => later)(query())).toMatchObject({ by: 'recursion' })
  })
})
