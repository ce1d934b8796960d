import { describe, expect, test } from 'vitest'
import { compose, type Answer, type Handler, type Stage } from '../../src/policy/handler.ts'
import { query } from '../server/make.ts'

const said = (by: string): Answer => ({ kind: 'refused', by, ede: null, text: '' })
const last: Handler = () => Promise.resolve(said('last'))
const stage = (name: string, handle: Stage['handle']): Stage => ({ name, after: [], before: [], handle })

describe('compose', () => {
  test('stages see a query in order and the answer in reverse', async () => {
    const seen: string[] = []
    const noting = (name: string): Stage =>
      stage(name, async (q, next) => {
        seen.push(`${name} in`)
        const answer = await next(q)
        seen.push(`${name} out`)
        return answer
      })
    const answer = await compose([noting('one'), noting('two')], last)(query())
    expect(answer.by).toBe('last')
    expect(seen).toEqual(['one in', 'two in', 'two out', 'one out'])
  })

  test('a stage may answer by itself', async () => {
    const handler = compose([stage('own', () => Promise.resolve(said('own')))], () =>
      Promise.reject(new Error('reached')),
    )
    expect((await handler(query())).by).toBe('own')
  })

  test('a stage may change the query for those behind it', async () => {
    const handler = compose([stage('change', (q, next) => next({ ...q, dnssecOk: true }))], q =>
      Promise.resolve(said(String(q.dnssecOk))),
    )
    expect((await handler(query())).by).toBe('true')
  })

  test('calling next twice is a bug that names the stage', async () => {
    const twice = stage('greedy', async (q, next) => {
      await next(q)
      return next(q)
    })
    await expect(compose([twice], last)(query())).rejects.toThrow('policy stage "greedy" called next twice')
  })

  test('a stage that asks again may call next with several questions', async () => {
    const twice: Stage = {
      ...stage('dns64', async (q, next) => {
        await next(q)
        return next(q)
      }),
      asksAgain: true,
    }
    expect((await compose([twice], last)(query())).by).toBe('last')
  })

  test('a query passes by the stages that it is exempt from', async () => {
    const allows = stage('allow', (q, next) => next({ ...q, exempt: ['block'] }))
    const blocks = stage('block', () => Promise.resolve(said('block')))
    expect((await compose([allows, blocks], last)(query())).by).toBe('last')
    expect((await compose([blocks], last)(query())).by).toBe('block')
  })

  test('the guard counts each query on its own', async () => {
    const handler = compose([stage('plain', (q, next) => next(q))], last)
    await Promise.all([handler(query()), handler(query())])
    expect((await handler(query())).by).toBe('last')
  })
})
