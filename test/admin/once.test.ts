/** Answers that are kept for requests that come again: how long, and how many. */
import { Hono } from 'hono'
import { expect, it } from 'vitest'
import type { Env } from '../../src/admin/context.ts'
import { adminLimits } from '../../src/admin/limits.ts'
import { Once } from '../../src/admin/requests/once.ts'

function started() {
  const state = { wall: 0, done: 0, status: 201 as 201 | 500, held: Promise.resolve() }
  const once = new Once(() => state.wall)
  const app = new Hono<Env>()
  app.use(async (c, next) => {
    c.set('principal', { name: 'ci', scope: 'admin' })
    await next()
  })
  app.post('/', once.guard, async c => {
    await state.held
    return c.text(String(++state.done), state.status)
  })
  const post = async (key: string): Promise<Response> =>
    app.request('/', { method: 'POST', headers: { 'idempotency-key': key } })
  const ask = async (key: string): Promise<string> => (await post(key)).text()
  return { state, ask, post }
}

it('an answer is kept for its time, and then the request is done again', async () => {
  const { state, ask } = started()
  expect([await ask('a'), await ask('a')]).toEqual(['1', '1'])
  state.wall = adminLimits.idempotencySeconds - 1
  expect(await ask('a')).toBe('1')
  state.wall++
  expect(await ask('a')).toBe('2')
})

it('of too many answers the oldest goes', async () => {
  const { ask } = started()
  for (let n = 0; n < adminLimits.idempotencyKeys + 1; n++) await ask(`k${n}`)
  expect(await ask('k1')).toBe('2')
  expect(await ask('k0')).toBe(String(adminLimits.idempotencyKeys + 2))
})

it('a failure of the server is not kept', async () => {
  const { state, ask } = started()
  state.status = 500
  expect([await ask('a'), await ask('a')]).toEqual(['1', '2'])
})

it('a request that comes again while the first is under way is refused, and then answered as that was', async () => {
  const { state, ask, post } = started()
  let letGo = (): void => {}
  state.held = new Promise(resolve => {
    letGo = resolve
  })
  const first = post('a')
  const second = await post('a')
  expect([second.status, second.headers.get('retry-after')]).toEqual([409, '1'])
  letGo()
  expect([(await first).status, await (await first).text(), await ask('a'), state.done]).toEqual([201, '1', '1', 1])
})
