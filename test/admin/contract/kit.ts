/** Servers in the states in which the API answers as it does seldom, and ways to ask what no client library sends. */
import { createHash } from 'node:crypto'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { type IncomingHttpHeaders, request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { makeApp } from '../../../src/admin/app.ts'
import type { AdminContext } from '../../../src/admin/context.ts'
import { adminLimits } from '../../../src/admin/limits.ts'
import { openApi } from '../../../src/admin/listen.ts'
import { Hub } from '../../../src/admin/live/hub.ts'
import type { AdminSettings } from '../../../src/admin/messages.ts'
import { Recorder } from '../../../src/admin/now/recorder.ts'
import { TopLists } from '../../../src/admin/now/top-lists.ts'
import { Once } from '../../../src/admin/requests/once.ts'
import { Caller } from '../../../src/admin/remote.ts'
import { Pages } from '../../../src/admin/routes/page-files.ts'
import { TokenStore } from '../../../src/admin/tokens.ts'
import { Visits } from '../../../src/admin/visits/visits.ts'
import { readConfig } from '../../../src/config/read.ts'
import { startTestPrimary } from '../../transfer/primary.ts'
import { type Asking, type Reply, type Served, startServed } from '../served.ts'

export const TOKENS = { read: 'rw_read', operate: 'rw_operate', write: 'rw_write', admin: 'rw_admin' } as const
export const tokenSettings: readonly { readonly name: string; readonly scope: string; readonly sha256: string }[] =
  Object.entries(TOKENS).map(([scope, token]) => ({
    name: scope,
    scope,
    sha256: createHash('sha256').update(token).digest('hex'),
  }))

const HEAD = '$TTL 60\n@ SOA ns root 1 7200 900 2419200 300\n  NS ns\nns A 192.0.2.53\n'
/** More records than are changed through the API. */
const LARGE = `${HEAD}${Array.from({ length: 150_000 }, (_, n) => `h${n} A 192.0.2.1\n`).join('')}`
/** A part of it cannot be changed: what a directive makes has no line of its own. */
const GENERATED = `${HEAD}$GENERATE 1-3 g$ A 192.0.2.$\n`

export interface Kit {
  /** All that can be configured is. */
  readonly main: Served
  /** Its state directory is a file by now. */
  readonly unwritable: Served
  /** It was started with nothing but the API, and has no file to be read again. */
  readonly bare: Served
  /** Requests have 300 ms to arrive. */
  readonly hasty: Served
  /** Calls of the server fail by a bug. */
  readonly broken: Standing
  /** The server is about to end. */
  readonly stopping: Standing
  /** As many streams as there may be are open. */
  readonly full: Standing
  /** It is stopped by a row. */
  readonly ending: Served
  /** The text of the configuration that `main` reads again. */
  configuration(): string
  setConfiguration(text: string): void
  stop(): Promise<void>
}

export async function startKit(): Promise<Kit> {
  const admin = { tokens: tokenSettings }
  const later = `${new Date(Date.now() + 86_400_000).toISOString().slice(0, 19)}Z`
  const dnssec = { managedAnchors: false, negativeTrustAnchors: [{ name: 'written.example', until: later }] }
  const configuration = { any: 'tcp', allow: ['127.0.0.0/8'], rules: ['||blocked.example^'], admin, dnssec }
  const primary = await startTestPrimary('corp.example.', { serial: 3, records: ['a.corp.example. 60 A 10.0.0.1'] })
  const corp = { zone: 'corp.example', primaries: [primary.address] }
  const files = { ...configuration, zones: [{ file: 'edit/*.zone', editable: true }, 'laid/*.zone', corp] }
  const given = { text: JSON.stringify(files) }
  let directory = '/'
  const main = await startServed(
    { ...files, history: { directory: 'history' }, lists: [{ name: 'ads', source: 'ads.txt' }] },
    {
      historyEntry: new URL('../../../dist/history.bundle.js', import.meta.url),
      readConfig: overrides =>
        readConfig({ file: { path: join(directory, 'r.json'), text: given.text }, overrides, directory }),
    },
  )
  directory = main.directory
  // What waits for a restart, as it is there: a reload is to find no other.
  given.text = JSON.stringify({
    ...files,
    lists: [{ name: 'ads', source: 'ads.txt' }],
    history: { directory: 'history' },
  })
  writeFileSync(join(directory, 'ads.txt'), 'ads.example\n')
  mkdirSync(join(directory, 'edit'))
  for (const [name, text] of [['large', LARGE] as const, ['office', HEAD] as const, ['made', GENERATED] as const])
    writeFileSync(join(directory, 'edit', `${name}.example.zone`), text)
  mkdirSync(join(directory, 'laid'))
  writeFileSync(join(directory, 'laid', 'laid.example.zone'), HEAD)
  await main.ask('/api/v1/reload', { method: 'POST' })
  const loaded = async (): Promise<boolean> =>
    (await main.ask('/api/v1/zones')).text.split('.example."').length > 4 &&
    (await main.ask('/api/v1/transfers/corp.example')).body.state === 'current'
  for (let left = 2_000; left > 0 && !(await loaded()); left--);

  const unwritable = await startServed(
    { any: 'tcp', admin },
    { readConfig: overrides => readConfig({ file: { path: '/r.json', text: '{}' }, overrides, directory }) },
  )
  await prepare(unwritable)
  const state = join(unwritable.directory, 'state')
  rmSync(state, { recursive: true })
  writeFileSync(state, '')

  const bare = await startServed({ admin })
  const hasty = await startServed({ admin }, { adminTimes: { requestMs: 300 } })
  const ending = await startServed({ admin })
  const broken = await standIn({ fail: 'bug' })
  const stopping = await standIn({ fail: 'stopping' })
  const full = await standIn({ fail: 'stopping', subscribers: adminLimits.streams })
  return {
    ...{ main, unwritable, bare, hasty, ending, broken, stopping, full },
    configuration: () => given.text,
    setConfiguration: text => {
      given.text = text
    },
    stop: async () => {
      for (const one of [main, unwritable, bare, hasty, ending]) await one.stop()
      for (const one of [broken, stopping, full]) await one.stop()
      await primary.close()
    },
  }
}

export const SETS = [
  { name: 'lan', type: 'SOA', ttl: 3600, data: ['ns.lan. root.lan. 1 7200 900 2419200 300'] },
  { name: 'lan', type: 'NS', ttl: 3600, data: ['ns.lan.'] },
  { name: 'ns.lan.', type: 'A', ttl: 60, data: ['192.0.2.1'] },
]

/** What there is to be taken back: one change of a zone, one of the settings, and a token. */
async function prepare(served: Served): Promise<void> {
  const rrsets = [...SETS, { name: 'a.lan', type: 'A', ttl: 60, data: ['192.0.2.2'] }]
  await served.ask('/api/v1/zones', { method: 'POST', body: { name: 'lan', rrsets } })
  await served.ask('/api/v1/configuration', { method: 'PATCH', body: { any: 'resolve' } })
  await served.ask('/api/v1/tokens', { method: 'POST', body: { name: 'kept' } })
}

/** The API alone, over a socket, with a server under it that does not do what it is asked for. */
export interface Standing {
  readonly port: number
  readonly bugs: readonly string[]
  stop(): Promise<void>
}

async function standIn(how: { readonly fail: 'bug' | 'stopping'; readonly subscribers?: number }): Promise<Standing> {
  const caller: Caller = new Caller(call => {
    if (call.kind !== 'cancel') caller.take({ kind: 'bug', id: call.id, text: 'broken on purpose' })
  })
  if (how.fail === 'stopping') caller.gone()
  const wall = (): number => Math.floor(Date.now() / 1_000)
  const settings: AdminSettings = {
    ...{ listen: [], pathPrefix: '/', dashboard: false, origins: [], proxies: [], tls: null, state: null },
    ...{ visits: { allow: [] }, heartbeatMs: 30_000, requestMs: 10_000 },
    tokens: tokenSettings.flatMap(({ name, sha256 }) =>
      name === 'admin' ? [{ name, scope: 'admin' as const, sha256, expires: null }] : [],
    ),
  }
  const after = (ms: number, call: () => void): (() => void) => {
    const timer = setTimeout(call, ms)
    return () => clearTimeout(timer)
  }
  const hub = new Hub({ watch: () => {}, after, epoch: 'x' })
  const held = Array.from({ length: how.subscribers ?? 0 }, () =>
    hub.subscribe({ passes: () => false, kinds: ['query'] }, null, () => {}),
  )
  const bugs: string[] = []
  const store = new TokenStore({ configured: () => settings.tokens, state: null, wall, report: () => {} })
  const context: AdminContext = {
    remote: caller.remote,
    stream: (...args) => caller.stream(...args),
    visits: new Visits({ now: () => Date.now(), newId: () => 'x', after, bug: () => {} }),
    recorder: new Recorder(),
    tops: new TopLists({ now: () => Date.now(), hold: () => () => {}, after }),
    pages: new Pages(new URL('./none/', import.meta.url)),
    settings: () => settings,
    wall,
    once: new Once(wall).guard,
    // Where no call of the server is made, this fails.
    tokens: how.fail === 'bug' ? failing(store) : store,
    audit: () => {},
    bug: (where, error) => bugs.push(`${where}: ${String(error)}`),
  }
  const opened = await openApi(
    { kind: 'tcp', address: '127.0.0.1', port: 0, tls: false },
    makeApp(context, hub),
    settings,
  )
  if (opened.kind === 'failed') throw new Error(opened.message)
  return {
    port: Number(new URL(opened.api.text).port),
    bugs,
    stop: async () => {
      for (const one of held) one.close()
      await opened.api.close()
    },
  }
}

function failing(store: TokenStore): TokenStore {
  store.all = () => {
    throw new Error('broken on purpose')
  }
  return store
}

/** Octets as they are; the first line and the headers of what comes back. Ends when the server closes. */
export function askRaw(port: number, octets: string): Promise<Pick<Reply, 'status' | 'headers' | 'text'>> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1')
    let text = ''
    socket.on('data', chunk => {
      text += chunk.toString()
    })
    socket.on('error', error => (text === '' ? reject(error) : undefined))
    socket.on('close', () => {
      const [head = '', ...rest] = text.split('\r\n\r\n')
      const [first = '', ...lines] = head.split('\r\n')
      const headers: IncomingHttpHeaders = Object.fromEntries(
        lines.map(line => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
      )
      resolve({ status: Number(first.split(' ')[1] ?? 0), headers, text: rest.join('\r\n\r\n') })
    })
    socket.write(octets)
  })
}

/** The head of an answer, whatever comes after it: of streams too. */
export function askHead(
  port: number,
  path: string,
  { method = 'GET', headers = {}, body }: Asking = {},
): Promise<Pick<Reply, 'status' | 'headers' | 'text'>> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, incoming => {
      resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text: '' })
      outgoing.destroy()
    })
    outgoing.on('upgrade', (incoming, socket) => {
      resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text: '' })
      socket.destroy()
    })
    outgoing.on('error', reject)
    outgoing.end(body === undefined ? undefined : JSON.stringify(body))
  })
}
