/** Candidates of the configuration held against a running server: what it has besides its file counts, and stays. */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { readConfig } from '../../src/config/read.ts'
import { main } from '../../src/cli.ts'
import { buildForServing } from '../e2e/rootwalk.ts'
import { CONDITION_MS } from '../patience.mjs'
import { root } from '../testing/command.ts'
import { startTestPrimary, type TestPrimary } from '../transfer/primary.ts'
import { type Reply, type Served, startServed } from './served.ts'

const TESTS = '/api/v1/policy/tests'
const directory = mkdtempSync(join(tmpdir(), 'rootwalk-tried-'))
let feed: TestPrimary
let served: Served
const settings = {
  rules: ['||ads.shop^'],
  allow: ['0.0.0.0/0'],
  views: [{ name: 'kids', clients: ['10.1.0.0/16'], records: { 'own.lan': { A: '10.9.9.9' } }, queryLog: false }],
  records: { 'own.lan': { A: '10.0.0.1' } },
}
const operator = { name: 'operator', scope: 'operate', sha256: createHash('sha256').update('rw_op').digest('hex') }

beforeAll(async () => {
  await buildForServing()
  feed = await startTestPrimary('feed.example.', { serial: 9, records: ['bad.shop.feed.example. 60 CNAME .'] })
  writeFileSync(
    join(directory, 'office.mjs'),
    `export default { reads: 'pure', query({ name }) { if (name === 'games.shop') return { kind: 'nxdomain' } } }`,
  )
  const file = {
    ...settings,
    rpz: [{ zone: 'feed.example', primaries: [feed.address] }],
    policy: [join(directory, 'office.mjs')],
    admin: { tokens: [operator] },
  }
  served = await startServed(
    { ...file, history: { directory: join(directory, 'history') } },
    {
      policyEntry: pathToFileURL(join(root, 'dist/app/policy/policy-thread.js')),
      historyEntry: pathToFileURL(join(root, 'dist/history.bundle.js')),
      readConfig: (overrides, text) =>
        readConfig({
          file: text ?? { path: join(directory, 'r.json'), text: JSON.stringify(file) },
          ...{ overrides, directory },
        }),
    },
  )
  await vi.waitFor(async () => expect((await served.ask('/api/v1/policy/zones')).body.zones[0].state).toBe('loaded'), {
    timeout: CONDITION_MS,
    interval: 20,
  })
  const zone = '@ SOA ns root 1 7200 900 2419200 300\n NS ns\nns A 192.0.2.1\nwww A 192.0.2.50\n'
  expect((await served.ask('/api/v1/zones', { method: 'POST', body: { name: 'made.test', text: zone } })).status).toBe(
    201,
  )
  await served.ask('/api/v1/explain', { method: 'POST', body: { name: 'www.shop' } })
})
afterAll(async () => {
  await served.stop()
  await feed.close()
  rmSync(directory, { recursive: true, force: true })
})

const asked = (client: string, name: string, times = 1) => ({ client, name, times })
const LIST = [
  asked('10.1.0.7', 'www.shop', 3),
  asked('10.1.0.7', 'own.lan'),
  asked('10.2.0.7', 'own.lan'),
  asked('10.2.0.7', 'ads.shop'),
  asked('10.2.0.7', 'bad.shop'),
  asked('10.2.0.8', 'games.shop'),
  asked('10.2.0.8', 'www.made.test'),
]
const questions = { source: 'list', list: LIST }

async function begin(body: object, asking: { readonly token?: string } = {}): Promise<Reply> {
  return served.ask(TESTS, { method: 'POST', body, ...asking })
}

/** What it came to, with the changes as `client name: before -> after`. */
async function tried(candidate: object, more: object = {}) {
  const begun = await begin({ candidate, questions, ...more })
  expect(begun.status, begun.text).toBe(202)
  const location = String(begun.headers.location)
  await vi.waitFor(async () => expect(['done', 'failed']).toContain((await served.ask(location)).body.state), {
    timeout: CONDITION_MS,
    interval: 20,
  })
  const { body: status } = await served.ask(location)
  const said = ({ rcode, records, rule }: { rcode: string; records: string[]; rule: string | null }): string =>
    [rcode, ...records, ...(rule === null ? [] : [`by ${rule}`])].join(' ')
  const { changes } = (await served.ask(`${location}/changes`)).body
  const lines: string[] = changes.map(
    // biome-ignore lint/suspicious/noExplicitAny: as it comes
    ({ question: { client, name }, before, after }: any) => `${client} ${name} ${said(before)} -> ${said(after)}`,
  )
  return { status, location, lines: lines.toSorted() }
}

describe('a candidate held against the running server', () => {
  it('that is the same changes nothing: zones of the API and of others, lists and programs are those of now', async () => {
    const { status, lines } = await tried({ patch: {} })
    expect(lines).toEqual([])
    expect(status).toMatchObject({ state: 'done', changed: 0, questions: 7, asked: 7, unknown: 0, notes: [] })
  })

  it('without any of them says what each of them decided, for whom', async () => {
    const { status, lines } = await tried({ patch: { rules: [], rpz: [], policy: [], views: [] } })
    const absent = 'NXDOMAIN'
    expect(lines).toEqual([`10.1.0.7 own.lan. NOERROR A 10.9.9.9 -> NOERROR A 10.0.0.1`])
    // The names that rules deny are not there either: a client sees no difference.
    expect(status).toMatchObject({ changed: 1, queries: 1, clients: 1, rules: [{ before: null, after: null }] })
    expect(absent).toBe('NXDOMAIN')
  })

  it('that moves a client into another view, blocks a name and changes a record', async () => {
    const views = [{ ...settings.views[0], clients: ['10.2.0.7/32'] }]
    const { status, lines } = await tried({
      patch: { rules: ['||www.shop^'], views, records: { 'own.lan': { A: '10.0.0.2' } } },
    })
    expect(lines).toEqual([
      '10.1.0.7 own.lan. NOERROR A 10.9.9.9 -> NOERROR A 10.0.0.2',
      '10.1.0.7 www.shop. NOERROR A 192.0.2.80 -> NXDOMAIN by lists: ||www.shop^',
      '10.2.0.7 own.lan. NOERROR A 10.0.0.1 -> NOERROR A 10.9.9.9',
    ])
    expect(status).toMatchObject({ changed: 3, queries: 5, clients: 2, exchanges: expect.any(Number) })
  })

  it('takes what servers said from the cache of the running server', async () => {
    const www = { source: 'list', list: [asked('10.2.0.1', 'www.shop')] }
    const { status } = await tried({ patch: { any: 'tcp' } }, { questions: www, offline: true })
    expect(status).toMatchObject({ changed: 0, unknown: 0, exchanges: 0 })
    const other = { source: 'list', list: [asked('10.2.0.1', 'alias.shop')] }
    const { status: none, location } = await tried({ patch: { any: 'tcp' } }, { questions: other, offline: true })
    expect(none).toMatchObject({ changed: 0, unknown: 1 })
    const { changes } = (await served.ask(`${location}/changes?of=unknown`)).body
    expect(changes).toMatchObject([{ question: { name: 'alias.shop.' }, before: { isUnknown: true } }])
  })

  it('takes what it knows of views with caches of their own from there, and asks servers where it may', async () => {
    const list = { source: 'list', list: [asked('10.1.0.7', 'alias.shop'), asked('10.2.0.7', 'alias.shop')] }
    const { status, lines } = await tried({ patch: { rules: ['||alias.shop^'] } }, { questions: list })
    expect(lines).toEqual(
      ['10.1.0.7', '10.2.0.7'].map(
        client => `${client} alias.shop. NOERROR CNAME www.shop. A 192.0.2.80 -> NXDOMAIN by lists: ||alias.shop^`,
      ),
    )
    expect(status.exchanges).toBeGreaterThan(0)
  })

  it('has its changes in pages', async () => {
    const list = Array.from({ length: 5 }, (_, n) => asked(`10.2.0.${n}`, 'own.lan'))
    const { location } = await tried(
      { patch: { records: { 'own.lan': { A: '10.0.0.2' } } } },
      { questions: { source: 'list', list } },
    )
    const first = (await served.ask(`${location}/changes?limit=3`)).body
    const second = (await served.ask(`${location}/changes?limit=3&cursor=${first.next}`)).body
    expect([first.changes.length, second.changes.length, second.next]).toEqual([3, 2, null])
  })

  it('says what of it is not here', async () => {
    const { status } = await tried({
      patch: { lists: [{ name: 'far', source: 'https://lists.example/ads.txt' }], rpz: [] },
    })
    expect(status.notes).toEqual(['the list "far" was not fetched yet: its rules are not known here'])
  })
})

describe('a candidate with faults', () => {
  it('gets all of them at once, with their places, and nothing of the server changes', async () => {
    const { headers } = await served.ask('/api/v1/configuration')
    const zone = join(directory, 'bad.zone')
    writeFileSync(zone, '@ SOA ns root 1 2 3 4 5\n@ NS ns\nwww A 1.2.3\nfoo BAR x\n')
    const text = `{ "any": 7, "rulse": [],\n "zones": [${JSON.stringify(zone)}] }`
    const { status, body } = await begin({ candidate: { text, file: '/etc/new.json' }, questions })
    expect(status).toBe(422)
    expect(body.errors).toMatchObject([
      { pointer: '', line: 1, column: 10, detail: expect.stringContaining('any: expected') },
      { pointer: '', line: 1, column: 13, detail: expect.stringContaining('unknown key "rulse"') },
      { pointer: '', detail: expect.stringContaining(`${zone}:3:7: expected an IPv4 address`) },
      { pointer: '', detail: expect.stringContaining(`${zone}:4:5: unknown type "BAR"`) },
    ])
    const patched = await begin({ candidate: { patch: { any: 7, nonsense: 1 } }, questions })
    expect(patched.body.errors).toMatchObject([{ pointer: '/nonsense' }])
    expect((await served.ask('/api/v1/configuration')).headers.etag).toBe(headers.etag)
  })

  it('of files that the server does not read now is for those who may read them', async () => {
    const list = join(directory, 'secret.txt')
    writeFileSync(list, 'www.shop\n')
    const candidate = { patch: { lists: [{ name: 'x', source: list }] } }
    const refused = await begin({ candidate, questions }, { token: 'rw_op' })
    expect(refused).toMatchObject({ status: 403, body: { errors: [{ detail: list }] } })
    const log = await begin(
      { candidate: { patch: {} }, questions: { source: 'query-log', file: list } },
      { token: 'rw_op' },
    )
    expect(log.status).toBe(403)
    const { lines } = await tried(candidate)
    expect(lines).toEqual(['10.1.0.7 www.shop. NOERROR A 192.0.2.80 -> NXDOMAIN by lists: www.shop (x)'])
    const known = { patch: { policy: [join(directory, 'office.mjs')], rules: [] } }
    expect((await begin({ candidate: known, questions }, { token: 'rw_op' })).status).toBe(202)
  })
})

it('two at once are enough, and one that is deleted makes room', async () => {
  // No one is at the servers of slow.
  const list = Array.from({ length: 40 }, (_, n) => asked('10.2.0.1', `n${n}.slow`))
  const slow = { candidate: { patch: {} }, questions: { source: 'list', list } }
  const first = await begin(slow)
  const second = await begin(slow)
  expect([first.status, second.status]).toEqual([202, 202])
  const third = await begin(slow)
  expect(third).toMatchObject({ status: 503, headers: { 'retry-after': '5' } })
  const { location } = first.headers
  expect((await served.ask(String(location), { method: 'DELETE' })).status).toBe(204)
  expect((await served.ask(String(location))).status).toBe(404)
  const fourth = await begin(slow)
  expect(fourth.status).toBe(202)
  for (const one of [second, fourth]) await served.ask(String(one.headers.location), { method: 'DELETE' })
})

it('the command line says it in words, from the history of the server, and by its exit code', async () => {
  const printed = { out: '', err: '' }
  writeFileSync(join(directory, 'new.json'), JSON.stringify({ ...settings, rules: [], records: {} }))
  const run = (...words: string[]): Promise<number> => {
    Object.assign(printed, { out: '', err: '' })
    return main(['policy', 'test', '--config', 'new.json', '--admin', `unix:${served.socket}`, ...words], {
      out(text) {
        printed.out += text
      },
      err(text) {
        printed.err += text
      },
      environment: {},
      directory,
      terminal: false,
    })
  }
  const log = LIST.flatMap(({ times, ...one }) => Array.from({ length: times }, () => ({ ...one, type: 'A', time: 1 })))
  writeFileSync(join(directory, 'q.json'), log.map(one => `${JSON.stringify(one)}\n`).join(''))
  expect(await run('--queries', 'q.json')).toBe(1)
  expect(printed.out).toContain('10.2.0.7  own.lan. A\n  now:  NOERROR A 10.0.0.1\n  then: NXDOMAIN\n')
  expect(printed.out).toMatch(/would change 1 answer of 1 client, of 7 questions\n$/)
  // Nothing was asked by anyone yet.
  expect(await run('--since', '24h')).toBe(0)
  expect(printed.out).toBe('would change no answer of 0 questions\n')
  writeFileSync(join(directory, 'new.json'), '{ "rulse": [] }')
  expect(await run('--queries', 'history')).toBe(78)
  expect(printed.err).toContain(`${join(directory, 'new.json')}:1:3: unknown key "rulse"`)
})
