/** Networks of clients above a limit: over the route of the API and in the command, as queries over UDP brought them. */
import { createSocket } from 'node:dgram'
import { afterEach, expect, it } from 'vitest'
import { main } from '../../src/cli.ts'
import { bytesOf } from '../server/make.ts'
import { PATIENT } from '../patience.mjs'
import { type Served, startServed } from './served.ts'

const running: Served[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map(served => served.stop()))
})

async function start(rateLimit: object | undefined): Promise<Served> {
  const served = await startServed(rateLimit === undefined ? {} : { rateLimit })
  running.push(served)
  return served
}

/** Sends that many queries from 127.0.0.1, and waits until they were taken. */
async function flood({ server }: Served, queries: number): Promise<void> {
  const socket = createSocket('udp4')
  const port = server.addresses.find(({ transport }) => transport === 'udp')?.port ?? 0
  for (let id = 1; id <= queries; id++) socket.send(bytesOf({ id }), port, '127.0.0.1')
  await expect.poll(() => server.stats().queries.udpQueries, PATIENT).toBe(queries)
  socket.close()
}

async function limits(served: Served, ...words: readonly string[]): Promise<string> {
  let said = ''
  const code = await main(['limits', ...words, '--admin', `unix:${served.socket}`], {
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
  expect(code).toBe(0)
  return said
}

/** Nothing is refilled while a test runs: one query in 1,000 seconds would be best, one a second is the least. */
const few = { perSecond: 1, burst: 5, exempt: [] }

it('GET /limits and `rootwalk limits` name the network that asks too much, and how often it did', async () => {
  const served = await start(few)
  expect((await served.ask('/api/v1/limits')).body).toEqual({ isOn: true, dryRun: false, clients: [] })
  expect(await limits(served)).toBe('; no client is above a limit\n')
  await flood(served, 300)
  const { status, body } = await served.ask('/api/v1/limits')
  expect(status).toBe(200)
  expect(body).toMatchObject({ isOn: true, dryRun: false, clients: [{ network: '127.0.0.0/24' }] })
  const [{ above, sinceS, lastS }] = body.clients
  // 5 pass at once, and one more each second that went by.
  expect(above).toBeLessThanOrEqual(295)
  expect(above).toBeGreaterThan(200)
  expect(sinceS).toBeGreaterThanOrEqual(lastS)
  expect(await limits(served)).toMatch(/^127\.0\.0\.0\/24 {2}2\d\d above the limit in .*, last .* ago\n$/)
  expect(JSON.parse(await limits(served, '--json'))).toMatchObject({ clients: [{ network: '127.0.0.0/24', above }] })
})

it('a dry run names them as well and says so; without a limit it says where to set one', async () => {
  const dry = await start({ ...few, dryRun: true })
  await flood(dry, 20)
  expect((await dry.ask('/api/v1/limits')).body).toMatchObject({
    isOn: true,
    dryRun: true,
    clients: [{ network: '127.0.0.0/24' }],
  })
  expect(await limits(dry)).toMatch(/^; counted only: "dryRun" is set\n127\.0\.0\.0\/24 /)
  const off = await start(undefined)
  await flood(off, 20)
  expect((await off.ask('/api/v1/limits')).body).toEqual({ isOn: false, dryRun: false, clients: [] })
  expect(await limits(off)).toBe('; there is no limit: see "rateLimit" in docs/policy.md\n')
})

it('nobody without a token that may read hears of them over TCP', async () => {
  const served = await start(few)
  expect((await served.ask('/api/v1/limits', { tcp: true })).status).toBe(401)
  expect((await served.ask('/api/v1/limits', { tcp: true, token: 'rw_wrong' })).status).toBe(401)
})
