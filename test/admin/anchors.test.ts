/** Trust anchors and negative ones through the API and the CLI, with a server that validates. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { main } from '../../src/cli.ts'
import { type Served, startServed } from './served.ts'

const DAY_MS = 86_400_000
const later = (days: number): string => `${new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 19)}Z`
const PATH = '/api/v1/negative-anchors'
let served: Served
beforeAll(async () => {
  served = await startServed({
    dnssec: { managedAnchors: false, negativeTrustAnchors: [{ name: 'written.example', until: later(2) }] },
  })
})
afterAll(() => served.stop())

const list = async (): Promise<readonly { name: string; from: string }[]> => (await served.ask(PATH)).body.anchors
const put = (name: string, until: string, query = '') =>
  served.ask(`${PATH}/${name}${query}`, { method: 'PUT', body: { until } })

it('a negative anchor is tried, added with its place, changed, and deleted twice', async () => {
  const tried = await put('broken.example', later(1), '?dryRun=true')
  expect(tried.status).toBe(200)
  expect(await list()).toHaveLength(1)
  const added = await put('broken.example', later(1))
  expect(added.status).toBe(201)
  expect(added.headers.location).toBe(`${PATH}/broken.example.`)
  expect((await put('broken.example', later(3))).status).toBe(200)
  expect(await list()).toMatchObject([
    { name: 'written.example.', from: 'configuration' },
    { name: 'broken.example.', from: 'api' },
  ])
  for (let left = 2; left > 0; left--)
    expect((await served.ask(`${PATH}/broken.example`, { method: 'DELETE' })).status).toBe(204)
  expect(await list()).toHaveLength(1)
})

it('one of the configuration is not changed here', async () => {
  expect((await put('written.example', later(1))).status).toBe(409)
  expect((await served.ask(`${PATH}/written.example`, { method: 'DELETE' })).status).toBe(409)
})

it.each([
  ['in the past', later(-1)],
  ['in more than a week', later(8)],
  ['without a time', 'tomorrow'],
])('an end %s is refused with its place', async (_what, until) => {
  const { status, body } = await put('broken.example', until)
  expect(status).toBe(422)
  expect(body.errors[0].pointer).toBe('/until')
})

it('trust anchors are listed', async () => {
  expect((await served.ask('/api/v1/trust-anchors')).body.anchors).toEqual([])
})

it('the command line adds, lists and deletes', async () => {
  const run = async (...words: readonly string[]) => {
    let said = ''
    const code = await main(['ntas', ...words, '--admin', `unix:${served.socket}`], {
      out: text => {
        said += text
      },
      err: text => {
        said += text
      },
      environment: {},
      directory: served.directory,
      terminal: false,
    })
    return { code, said }
  }
  expect(await run('add', 'cli.example', '--hours', '2')).toMatchObject({ code: 0 })
  expect((await run()).said).toMatch(/^cli\.example\. until 20\S+Z \(api\)$/m)
  expect(await run('delete', 'cli.example')).toMatchObject({ code: 0 })
  expect((await run('add')).code).toBe(64)
  expect((await run('add', 'cli.example', '--hours', '1000')).code).toBe(65)
})

it('what was added is there after a restart, and a damaged file adds nothing and is reported', async () => {
  await put('kept.example', later(1))
  const file = join(served.directory, 'state', 'negative-anchors.json')
  // It is written next to answering, and those of the tests before may have been written by now.
  const written = (): string => (existsSync(file) ? readFileSync(file, 'utf8') : '')
  for (let left = 500; left > 0 && !written().includes('kept.example.'); left--) await served.ask('/livez')
  const text = written()
  expect(JSON.parse(text)).toMatchObject([{ name: 'kept.example.' }])
  writeFileSync(file, text.slice(0, 9))
  const other = await startServed({ state: join(served.directory, 'state') })
  expect(other.events).toContainEqual(expect.objectContaining({ kind: 'anchor-state-failed' }))
  expect((await other.ask(PATH)).body.anchors).toEqual([])
  await other.stop()
  writeFileSync(file, text)
  const restarted = await startServed({ state: join(served.directory, 'state') })
  expect((await restarted.ask(PATH)).body.anchors).toMatchObject([{ name: 'kept.example.', from: 'api' }])
  await restarted.stop()
})
