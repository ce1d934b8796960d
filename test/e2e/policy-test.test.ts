/**
 * What a candidate would change, by the built server and the built command: clients ask with `dig` from addresses of
 * their own, and every count and rule is the one that follows from what they asked.
 */
import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { CONDITION_MS } from '../patience.mjs'
import { root } from '../testing/command.ts'
import { needs } from '../tools.ts'
import { dig } from './dig.ts'
import { buildForServing, type Serving, startServing } from './rootwalk.ts'

const suite = needs('dig')
const HEAD = '$TTL 60\n@ SOA ns root 1 7200 900 2419200 300\n@ NS ns\nns A 192.0.2.53\n'
const hints = '. 3600000 NS a.root.\na.root. 3600000 A 127.0.0.1\n'
const upstreamRecords = {
  'www.shop.example': { A: '192.0.2.80' },
  'ads.shop.example': { A: '192.0.2.66' },
  'evil.shop.example': { A: '192.0.2.67' },
  'games.shop.example': { A: '192.0.2.68' },
}

let upstream: Serving
let server: Serving
let settings: object
const UNTIL = { timeout: CONDITION_MS, interval: 50 }

beforeAll(async () => {
  buildForServing()
  upstream = await startServing({ hints, config: { records: upstreamRecords } })
  const { port } = upstream.endpoint
  settings = {
    allow: ['127.0.0.0/8'],
    forward: [{ zone: 'example', to: [`127.0.0.1:${port}`] }],
    views: [{ name: 'kids', clients: ['127.0.0.5'], records: { 'school.test': { A: '10.0.0.5' } } }],
    records: { 'school.test': { A: '10.0.0.1' } },
    zones: ['office.test.zone'],
    admin: { listen: 'unix:admin.sock' },
    history: { directory: 'history' },
    queryLog: { file: 'queries.json' },
  }
  server = await startServing({ hints, config: settings, files: { 'office.test.zone': `${HEAD}www A 192.0.2.1\n` } })
  await vi.waitFor(() => ask('/livez'), UNTIL)
  for (const [client, name, times = 1] of ASKED)
    for (let left = times; left > 0; left--)
      expect((await dig(server.endpoint, '-b', client, name, 'A')).status).toBe('NOERROR')
  const asked = ASKED.reduce((sum, [, , times = 1]) => sum + times, 0)
  await vi.waitFor(
    async () => expect(JSON.parse(await ask('/api/v1/queries?limit=100')).queries).toHaveLength(asked),
    UNTIL,
  )
})
afterAll(async () => {
  await server.stop()
  await upstream.stop()
})

const ASKED: readonly (readonly [client: string, name: string, times?: number])[] = [
  ['127.0.0.2', 'www.shop.example', 2],
  ['127.0.0.2', 'ads.shop.example', 3],
  ['127.0.0.3', 'ads.shop.example'],
  ['127.0.0.3', 'evil.shop.example'],
  ['127.0.0.3', 'www.office.test'],
  ['127.0.0.4', 'games.shop.example'],
  ['127.0.0.4', 'school.test'],
  ['127.0.0.5', 'school.test', 2],
]

function ask(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath: join(server.directory, 'admin.sock'), path, agent: false }, incoming => {
      let text = ''
      incoming.on('data', chunk => {
        text += String(chunk)
      })
      incoming.on('end', () => resolve(text))
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

function policyTest(...words: string[]): Promise<Ended> {
  const cli = join(root, 'dist/cli.js')
  return new Promise(resolve => {
    const child = spawn(process.execPath, [cli, 'policy', 'test', ...words], { cwd: server.directory })
    const printed = { out: '', err: '' }
    child.stdout.on('data', chunk => {
      printed.out += String(chunk)
    })
    child.stderr.on('data', chunk => {
      printed.err += String(chunk)
    })
    child.on('close', code => resolve({ code, ...printed }))
  })
}

const file = (name: string, content: object | string): void =>
  writeFileSync(join(server.directory, name), typeof content === 'string' ? content : JSON.stringify(content))

const LIST_RULE = 'lists: ads.shop.example (ads)'
const ZONE_RULE = 'rpz: evil.shop.example. (rpz.test.)'
const CODE_RULE = 'code: query: refuse (school.mjs)'
const change = (head: string, now: string, then: string): string => `${head}\n  now:  ${now}\n  then: ${then}\n`
const TO_KIDS = '(view default, then kids)'
const CHANGES = [
  change('127.0.0.2  ads.shop.example. A (asked 3 times)', 'NOERROR A 192.0.2.66', `NXDOMAIN, by ${LIST_RULE}`),
  change('127.0.0.3  ads.shop.example. A', 'NOERROR A 192.0.2.66', `NXDOMAIN, by ${LIST_RULE}`),
  change('127.0.0.3  evil.shop.example. A', 'NOERROR A 192.0.2.67', `NXDOMAIN, by ${ZONE_RULE}`),
  change('127.0.0.3  www.office.test. A', 'NOERROR A 192.0.2.1', 'NOERROR A 192.0.2.2'),
  change(`127.0.0.4 ${TO_KIDS}  games.shop.example. A`, 'NOERROR A 192.0.2.68', `REFUSED, by ${CODE_RULE}`),
  change(`127.0.0.4 ${TO_KIDS}  school.test. A`, 'NOERROR A 10.0.0.1', 'NOERROR A 10.0.0.5'),
  change(
    '127.0.0.5 (view kids, then default)  school.test. A (asked 2 times)',
    ...(['NOERROR A 10.0.0.5', 'NOERROR A 10.0.0.1'] as const),
  ),
]

/** Another list, another view, another zone, a policy zone and a program. */
function writeCandidate(): void {
  file('ads.txt', 'ads.shop.example\n')
  file('rpz.zone', `${HEAD}evil.shop.example CNAME .\n`)
  file('new.zone', `${HEAD}www A 192.0.2.2\n`)
  file(
    'school.mjs',
    `export default { reads: 'pure', query: ({ name }) =>
      name === 'games.shop.example' ? { kind: 'refuse' } : undefined }`,
  )
  file('new.json', {
    ...{ listen: ['127.0.0.1:53'], rootHints: 'root.hints', upstream: { doNotQuery: [] }, dnssec: { validate: false } },
    ...settings,
    views: [{ name: 'kids', clients: ['127.0.0.4'], records: { 'school.test': { A: '10.0.0.5' } } }],
    lists: [{ name: 'ads', source: 'ads.txt' }],
    rpz: [{ zone: 'rpz.test', file: 'rpz.zone' }],
    zones: [{ file: 'new.zone', origin: 'office.test' }],
    policy: ['school.mjs'],
  })
}

const changesIn = (out: string): readonly string[] =>
  (out.match(/^127\..*\n {2}now: .*\n {2}then: .*\n/gm) ?? []).toSorted()

suite('rootwalk policy test', () => {
  it.each(['history', 'queries.json'])(
    'against the running server says which answers of which clients change, by which rule, from %s',
    async queries => {
      writeCandidate()
      const before = await ask('/api/v1/configuration')
      const { code, out, err } = await policyTest('--config', 'new.json', '--queries', queries, ...ADMIN)
      expect(err).toBe('')
      expect(changesIn(out)).toEqual(CHANGES)
      // The ninth is that which found out whether the server is there; the history may have begun after it.
      expect(out).toMatch(/^would change 7 answers of 4 clients, of [89] questions\n$/m)
      expect(out).toContain(`  2 answers of 2 clients: now by no rule, then by ${LIST_RULE}\n`)
      expect(code).toBe(1)
      // What servers said was in the cache, and nothing of the server is another one.
      const { tests } = JSON.parse(await ask('/api/v1/policy/tests'))
      expect(tests).toEqual([])
      expect(await ask('/api/v1/configuration')).toBe(before)
    },
  )

  it('against a file says the same', async () => {
    writeCandidate()
    const words = ['--against', 'resolver.config.json', '--queries', 'queries.json']
    const { code, out } = await policyTest('--config', 'new.json', ...words)
    expect(changesIn(out)).toEqual(CHANGES)
    expect(code).toBe(1)
  })

  it('ends with 0 where nothing changes, and asks no server for it', async () => {
    const { code, out } = await policyTest('--config', 'resolver.config.json', '--offline', '--json', ...ADMIN)
    expect(JSON.parse(out)).toMatchObject({ changed: 0, clients: 0, unknown: [], notes: [], changes: [] })
    expect(code).toBe(0)
  })

  it('says all faults of a candidate at once with their places, and ends with 78', async () => {
    file('bad.zone', `${HEAD}www A 1.2.3\n`)
    file('bad.mjs', 'export default { query: 7 }\n')
    file('bad.json', '{ "rulse": [],\n  "any": 7,\n  "zones": ["bad.zone"], "policy": ["bad.mjs"] }')
    const { code, err } = await policyTest('--config', 'bad.json', ...ADMIN)
    const at = (name: string): string => join(server.directory, name)
    expect(err).toContain(`${at('bad.json')}:1:3: unknown key "rulse"`)
    expect(err).toContain(`${at('bad.json')}:2:10: any: expected`)
    expect(err).toContain(`${at('bad.zone')}:5:7: expected an IPv4 address`)
    expect(err).toContain(at('bad.mjs'))
    expect(code).toBe(78)
  })

  it('ends with 66 where there are no questions: no such log, no history', async () => {
    const { code, err } = await policyTest('--config', 'resolver.config.json', '--queries', 'absent.json', ...ADMIN)
    expect(err).toContain('absent.json')
    expect(code).toBe(66)
    const bare = await startServing({ hints, config: { admin: { listen: 'unix:bare.sock' } } })
    try {
      const words = ['--config', 'resolver.config.json', '--admin', `unix:${join(bare.directory, 'bare.sock')}`]
      // The API is there a little after the answers: 69 until then.
      await expect.poll(async () => (await policyTest(...words)).code, UNTIL).toBe(66)
    } finally {
      await bare.stop()
    }
  })

  // The last one: it is a question like those that are counted.
  it('leaves the answers of the running server as they were', async () => {
    const [now] = (await dig(server.endpoint, '-b', '127.0.0.3', 'ads.shop.example', 'A')).answer
    expect(now?.data).toBe('192.0.2.66')
  })

  it('ends with 69 where no server is, and says what needs none', async () => {
    const { code, err } = await policyTest('--config', 'resolver.config.json', '--admin', 'unix:none.sock')
    expect(err).toContain('nothing listens at unix:none.sock')
    expect(code).toBe(69)
  })
})

const ADMIN = ['--admin', 'unix:admin.sock']
