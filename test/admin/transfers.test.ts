/** Zones of other servers, policy zones and programs as the API, the metrics and the command line show them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { main } from '../../src/cli.ts'
import { readDigWords } from '../../src/cli/query/dig-args.ts'
import { runQuery } from '../../src/cli/query/query.ts'
import { buildForServing } from '../e2e/rootwalk.ts'
import { CONDITION_MS } from '../patience.mjs'
import { root } from '../testing/command.ts'
import { startTestPrimary, type TestPrimary } from '../transfer/primary.ts'
import { type Served, startServed } from './served.ts'

const directory = mkdtempSync(join(tmpdir(), 'rootwalk-transfers-'))
let corp: TestPrimary
let feed: TestPrimary
let served: Served
const HEAD = '$TTL 30\n@ SOA a. b. 7 1 1 1 1\n@ NS a.\n'
const RULES = Array.from({ length: 12 }, (_, i) => `h${i}.shop CNAME .\n`).join('')

beforeAll(async () => {
  await buildForServing()
  corp = await startTestPrimary('corp.example.', { serial: 3, records: ['www.corp.example. 60 A 10.0.0.1'] })
  feed = await startTestPrimary('feed.example.', { serial: 9, records: ['bad.feed.example. 60 CNAME .'] })
  writeFileSync(join(directory, 'own.zone'), `${HEAD}${RULES}www.shop CNAME .\nx.shop CNAME rpz-nothing.\n`)
  writeFileSync(
    join(directory, 'office.mjs'),
    `export default { reads: 'pure', query({ name }) {
      if (name === 'boom.shop') throw new Error('boom')
      if (name === 'games.shop') return { kind: 'nxdomain' }
    } }`,
  )
  served = await startServed(
    {
      zones: [{ zone: 'corp.example', primaries: [corp.address] }],
      rpz: [
        { zone: 'own.rpz', file: join(directory, 'own.zone'), action: 'log' },
        { zone: 'feed.example', primaries: [feed.address], missing: 'servfail' },
      ],
      policy: [join(directory, 'office.mjs')],
    },
    { policyEntry: pathToFileURL(join(root, 'dist/app/policy/policy-thread.js')) },
  )
  await until(async () => (await transfer('corp.example')).state === 'current')
  await until(async () => (await served.ask('/readyz')).status === 200)
  for (const name of ['www.shop', 'boom.shop', 'games.shop']) await query(name)
})
afterAll(async () => {
  await served.stop()
  await Promise.all([corp.close(), feed.close()])
  rmSync(directory, { recursive: true, force: true })
})

const until = (check: () => Promise<boolean>) =>
  vi.waitFor(async () => expect(await check()).toBe(true), { timeout: CONDITION_MS, interval: 20 })
const transfer = async (zone: string) => (await served.ask(`/api/v1/transfers/${zone}`)).body

async function query(name: string): Promise<string> {
  const port = served.server.addresses[0]?.port ?? 0
  const read = readDigWords([name, 'A', '@127.0.0.1'], { port, json: true })
  if (read.kind === 'usage') throw new Error(read.message)
  const printed: string[] = []
  await runQuery(
    { ...read.query, tries: 1 },
    { address: '127.0.0.1', port },
    { out: text => printed.push(text), err: () => {} },
  )
  return JSON.parse(printed.join(''))
    .answer.map(({ data }: { data: string }) => data)
    .join(' ')
}

async function run(...words: readonly string[]) {
  const said = { out: '', err: '' }
  const code = await main([...words, '--admin', `unix:${served.socket}`], {
    out: text => (said.out += text),
    err: text => (said.err += text),
    environment: {},
    directory: served.directory,
    terminal: false,
  })
  return { code, ...said }
}

it('a zone of another server has its version, its last transfer, its times and its primaries', async () => {
  const nowS = Date.now() / 1_000
  const found = await transfer('CORP.example.')
  expect(found).toMatchObject({
    zone: 'corp.example.',
    isPolicy: false,
    state: 'current',
    serial: 3,
    records: 2,
    lastTransfer: { primary: corp.address, whole: true },
    primaries: [corp.address],
    lastFailure: null,
    transfers: 1,
    failures: 0,
  })
  for (const at of [found.lastTransfer.at, found.confirmedAt]) expect(Math.abs(at - nowS)).toBeLessThan(60)
  expect(found.expiresAt - found.confirmedAt).toBe(86_400)
  expect(found.nextLookAt - nowS).toBeGreaterThan(3_000)
  const { body } = await served.ask('/api/v1/transfers?limit=1')
  expect(body).toMatchObject({ transfers: [{ zone: 'corp.example.' }], next: expect.any(String) })
  const rest = await served.ask(`/api/v1/transfers?cursor=${body.next}`)
  expect(rest.body).toMatchObject({ transfers: [{ zone: 'feed.example.', isPolicy: true }], next: null })
  expect((await served.ask('/api/v1/transfers/none.example')).status).toBe(404)
})

it('a refresh asks the primaries, and a failure is shown until a look goes well', async () => {
  corp.serves = 5
  expect((await served.ask('/api/v1/transfers/corp.example/refresh', { method: 'POST' })).status).toBe(202)
  await until(async () => (await transfer('corp.example')).failures === 1)
  expect(await transfer('corp.example')).toMatchObject({
    state: 'current',
    lastFailure: { reasons: [`${corp.address}: the server says REFUSED`] },
  })
  expect((await run('zone', 'transfers', 'corp.example')).out).toMatch(
    /\n {2}failed .* ago:\n {4}127\.0\.0\.1:\d+: the/,
  )
  corp.serves = { serial: 4, records: ['www.corp.example. 60 A 10.0.0.2'] }
  const { code, out } = await run('zone', 'refresh', 'corp.example')
  expect([code, out]).toEqual([0, 'asking the primaries of corp.example.\n'])
  await until(async () => (await transfer('corp.example')).serial === 4)
  expect(await transfer('corp.example')).toMatchObject({ lastFailure: null, transfers: 2, failures: 1 })
  expect(await query('www.corp.example')).toBe('10.0.0.2')
})

it('a retransfer fetches all of a zone, also of an older version', async () => {
  corp.serves = { serial: 4, records: ['www.corp.example. 60 A 10.0.0.4'] }
  await served.ask('/api/v1/transfers/corp.example/refresh', { method: 'POST' })
  await until(async () => !(await transfer('corp.example')).looking)
  expect(await query('www.corp.example')).toBe('10.0.0.2')
  expect((await run('zone', 'retransfer', 'corp.example')).code).toBe(0)
  await until(async () => (await transfer('corp.example')).transfers === 3)
  corp.serves = { serial: 1, records: ['www.corp.example. 60 A 10.0.0.9'] }
  await run('zone', 'retransfer', 'corp.example')
  await until(async () => (await transfer('corp.example')).serial === 1)
  expect(await query('www.corp.example')).toBe('10.0.0.9')
  expect((await run('zone', 'refresh', 'none.example')).code).toBe(1)
})

it('zones of other servers are listed and read with the others, and not changed', async () => {
  expect((await run('zone', 'list')).out).toMatch(/^corp\.example\.\t2 records, serial \d+, sent by other servers$/m)
  expect((await run('zone', 'show', 'corp.example')).out).toMatch(/^www.*\b10\.0\.0\.\d$/m)
  const changed = await run('zone', 'add', 'corp.example', 'a.corp.example', 'A', '192.0.2.1')
  expect(changed.err).toContain('other servers send the zone')
  expect((await served.ask('/api/v1/zones/corp.example', { method: 'DELETE' })).status).toBe(409)
})

it('policy zones have their rules, hits, version and faults', async () => {
  const { body } = await served.ask('/api/v1/policy/zones')
  expect(body.zones).toMatchObject([
    {
      zone: 'own.rpz.',
      file: join(directory, 'own.zone'),
      state: 'loaded',
      action: 'log',
      serial: 7,
      rules: 13,
      hits: 1,
    },
    { zone: 'feed.example.', file: null, state: 'loaded', required: true, serial: 9, rules: 1, hits: 0 },
  ])
  expect(body.zones[0]).toMatchObject({ warnings: 1, problem: null, order: 'early' })
})

it('a policy zone whose file broke says why, and keeps its rules', async () => {
  const file = join(directory, 'own.zone')
  writeFileSync(file, `${HEAD}x.shop CNAME rpz-nothing.\n`)
  const zones = async () => (await served.ask('/api/v1/policy/zones')).body.zones
  await until(async () => (await zones())[0].problem !== null)
  expect((await zones())[0]).toMatchObject({ rules: 13, state: 'loaded', problem: expect.stringContaining('1 faults') })
  expect((await run('policy', 'status')).out).toContain('\n  what was read last is not used: ')
})

it('programs have calls, faults by kind, and the memory of their thread', async () => {
  const { body } = await served.ask('/api/v1/policy/programs')
  expect(body.programs).toMatchObject([
    {
      name: 'office.mjs',
      isolated: true,
      reads: 'pure',
      onFault: 'open',
      hooks: ['query'],
      loaded: true,
      faults: { threw: 1 },
      restarts: 0,
      problem: null,
    },
  ])
  expect(body.programs[0].calls).toBeGreaterThanOrEqual(3)
  expect(body.programs[0].memory.heap).toBeGreaterThan(1_000_000)
  const { out } = await run('policy', 'status')
  expect(out).toMatch(/^own\.rpz\. {2}13 rules, version 7, 1 hit, loaded .* \(action log\)$/m)
  expect(out).toMatch(/^office\.mjs {2}\d+ calls, reads pure\n(?: {2}.*\n)* {2}faults: threw once$/m)
})

it('all of it is in the metrics, with labels of the configuration alone', async () => {
  const { text } = await served.ask('/metrics')
  for (const line of [
    /^rootwalk_transfer_serial\{zone="feed\.example\."\} 9$/m,
    /^rootwalk_transfer_usable\{zone="corp\.example\."\} 1$/m,
    /^rootwalk_transfers_total\{zone="corp\.example\.",result="failed"\} 1$/m,
    /^rootwalk_policy_zone_hits_total\{zone="own\.rpz\."\} 1$/m,
    /^rootwalk_policy_program_faults_total\{program="office\.mjs",fault="threw"\} 1$/m,
    /^rootwalk_policy_program_memory_bytes\{program="office\.mjs",owner="heap"\} \d+$/m,
  ])
    expect(text).toMatch(line)
})

it('a server that waits for a policy zone is not ready, and says for which', async () => {
  const waiting = await startServed({ rpz: [{ zone: 'gone.rpz', primaries: ['127.0.0.1:9'], missing: 'servfail' }] })
  try {
    const { status, body } = await waiting.ask('/readyz')
    expect([status, body]).toEqual([503, { status: 'waiting', missing: ['gone.rpz.'] }])
    expect((await waiting.ask('/livez')).status).toBe(200)
    expect((await waiting.ask('/api/v1/status')).body.missing).toEqual(['gone.rpz.'])
  } finally {
    await waiting.stop()
  }
})
