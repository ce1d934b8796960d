import { createSocket } from 'node:dgram'
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { runQuery } from '../../src/cli/query/query.ts'
import type { ConfigResult } from '../../src/config/types.ts'
import { readDigWords } from '../../src/cli/query/dig-args.ts'
import type { ServerOptions } from '../../src/app/server.ts'
import { StartError } from '../../src/app/service/start-error.ts'
import type { Network } from '../../src/ports.ts'
import type { TraceStep } from '../../src/resolver/trace.ts'
import type { QueryLogEntry } from '../../src/server/query-log.ts'
import { configOf, startInside, type Inside } from './inside.ts'
import { PATIENT } from '../patience.mjs'

const running: Inside[] = []
const place = { directory: '' }

beforeEach(() => {
  place.directory = mkdtempSync(join(tmpdir(), 'rootwalk-app-'))
})
afterEach(async () => {
  await Promise.all(running.splice(0).map(({ server }) => server.stop()))
  rmSync(place.directory, { recursive: true, force: true })
})

async function start(settings: object = {}, options: ServerOptions = {}): Promise<Inside> {
  const inside = await startInside(settings, { directory: place.directory, ...options })
  running.push(inside)
  return inside
}

interface Asked {
  readonly status: string
  readonly flags: string[]
  readonly answer: { type: string; data: string; ttl: number }[]
  readonly edns: { errors: { code: number; text: string }[] } | null
  readonly transport: string
}

async function ask({ port }: { readonly port: number }, words: string, address = '127.0.0.1'): Promise<Asked> {
  const read = readDigWords([...words.split(' '), `@${address}`], { port, json: true })
  if (read.kind === 'usage') throw new Error(read.message)
  const printed: string[] = []
  const complaints: string[] = []
  const code = await runQuery(
    { ...read.query, tries: 1 },
    { address, port },
    { out: text => printed.push(text), err: text => complaints.push(text) },
  )
  if (code !== 0) throw new Error(complaints.join(''))
  return JSON.parse(printed.join(''))
}

const data = (asked: Asked): string[] => asked.answer.map(record => `${record.type} ${record.data}`)
const zone = (serial: number, address: string): string =>
  `$TTL 300\n@ SOA ns hostmaster ${serial} 2h 1h 2w 60\n@ NS ns\nns A 192.0.2.53\nprinter A ${address}\n`
const failureOf = (error: unknown): unknown => (error instanceof StartError ? error.failure : error)

describe('startServer', () => {
  test('resolves over UDP and TCP on the port that the system chose, from the root', async () => {
    const inside = await start()
    expect(inside.server.addresses.map(a => [a.transport, a.address, a.port === inside.port])).toEqual([
      ['udp', '127.0.0.1', true],
      ['tcp', '127.0.0.1', true],
    ])
    expect(data(await ask(inside, 'www.shop A'))).toEqual(['A 192.0.2.80'])
    expect(data(await ask(inside, 'alias.shop A +tcp'))).toEqual(['CNAME www.shop.', 'A 192.0.2.80'])
    expect((await ask(inside, 'nothing.shop A')).status).toBe('NXDOMAIN')
    expect(inside.events.map(event => event.kind)).toEqual(expect.arrayContaining(['starting', 'listening', 'primed']))
  })

  test('an answer too long for UDP comes over TCP', async () => {
    const inside = await start()
    const got = await ask(inside, 'many.shop TXT')
    expect([got.transport, got.answer.length]).toEqual(['tcp', 1])
    expect((await ask(inside, 'many.shop TXT +ignore')).flags).toContain('tc')
  })

  test('numbers, and those who watch', async () => {
    const steps: TraceStep[] = []
    const queries: QueryLogEntry[] = []
    const inside = await start({}, { watch: () => step => steps.push(step), onQuery: entry => queries.push(entry) })
    await ask(inside, 'www.shop A')
    await ask(inside, 'www.shop A')
    expect(inside.server.stats()).toMatchObject({
      queries: { udpQueries: 2, answeredFromCache: 1, noError: 2 },
      waiting: 0,
      resolutions: 0,
      cached: { answers: 1 },
    })
    expect(inside.server.stats().cacheBytes).toBeGreaterThan(0)
    expect(queries.map(entry => entry.by)).toEqual(['recursion', 'cache'])
    expect(steps.filter(step => step.kind === 'exchange').length).toBeGreaterThan(0)
    inside.server.tellStats()
    expect(inside.events.at(-1)).toMatchObject({ kind: 'stats', numbers: { waiting: 0 } })
  })

  test('a taken port is told and nothing stays open', async () => {
    const holder = createSocket('udp4')
    await new Promise<void>(bound => holder.bind(0, '127.0.0.1', bound))
    const { port } = holder.address()
    const failure = await start({ listen: ['127.0.0.1:0', `127.0.0.1:${port}`] }).catch(failureOf)
    holder.close()
    expect(failure).toMatchObject({
      kind: 'listen',
      failures: [{ transport: 'udp', address: '127.0.0.1', port, code: 'EADDRINUSE' }],
    })
  })

  test('a port that is taken for TCP only is a failure too', async () => {
    const holder = createServer()
    await new Promise<void>(bound => holder.listen(0, '127.0.0.1', bound))
    const found = holder.address()
    const port = typeof found === 'object' && found !== null ? found.port : 0
    const failure = await start({ listen: [`127.0.0.1:${port}`] }).catch(failureOf)
    holder.close()
    expect(failure).toMatchObject({ kind: 'listen', failures: [{ transport: 'tcp', code: 'EADDRINUSE' }] })
  })

  test('an IPv6 address that this host does not have is told and left out, as long as there is another', async () => {
    const inside = await start({ listen: ['127.0.0.1:0', '[2001:db8::53]:0'] })
    expect(inside.events).toContainEqual(expect.objectContaining({ kind: 'listener-failed', address: '2001:db8::53' }))
    expect(await start({ listen: ['[2001:db8::53]:0'] }).catch(failureOf)).toMatchObject({ kind: 'listen' })
    expect(await start({ listen: ['127.0.0.1:0', '192.0.2.53:0'] }).catch(failureOf)).toMatchObject({
      kind: 'listen',
      failures: [{ code: 'EADDRNOTAVAIL' }],
    })
  })

  test('broken zones, records and hints stop the start, all of them told', async () => {
    writeFileSync(join(place.directory, 'a.test.zone'), zone(1, '192.0.2.300'))
    writeFileSync(join(place.directory, 'b.test.zone'), zone(1, 'nowhere'))
    const failure = await start({ zones: ['*.zone', 'missing.zone'] }).catch(failureOf)
    expect(failure).toMatchObject({
      kind: 'zones',
      problems: [
        { file: join(place.directory, 'a.test.zone'), line: 5 },
        { file: join(place.directory, 'b.test.zone'), line: 5 },
        { file: join(place.directory, 'missing.zone') },
      ],
    })
    expect(await start({ records: { 'a.test': { CNAME: 'b.test', A: '192.0.2.1' } } }).catch(failureOf)).toMatchObject({
      kind: 'zones',
    })
    expect(await start({ rootHints: 'missing.hints' }).catch(failureOf)).toMatchObject({ kind: 'hints' })
  })

  test('two files with one zone are a mistake that is told', async () => {
    writeFileSync(join(place.directory, 'x.test.zone'), zone(1, '192.0.2.1'))
    writeFileSync(join(place.directory, 'y.zone'), `$ORIGIN x.test.\n${zone(1, '192.0.2.2')}`)
    expect(await start({ zones: ['*.zone'] }).catch(failureOf)).toMatchObject({
      kind: 'zones',
      problems: [{ file: join(place.directory, 'y.zone'), message: expect.stringContaining('x.test.zone holds too') }],
    })
  })
})

describe('while it runs', () => {
  test('a changed zone is taken over, a broken one keeps the last good, a removed one is gone; cached answers follow', async () => {
    const file = join(place.directory, 'home.lan.zone')
    const replace = (text: string): void => {
      writeFileSync(join(place.directory, 'new'), text)
      renameSync(join(place.directory, 'new'), file)
    }
    replace(zone(1, '192.0.2.1'))
    const inside = await start({ zones: ['*.zone'] })
    const printer = async (): Promise<string[]> => data(await ask(inside, 'printer.home.lan A'))
    expect(await printer()).toEqual(['A 192.0.2.1'])
    expect(await printer()).toEqual(['A 192.0.2.1'])
    expect(inside.server.stats().queries.answeredFromCache).toBe(1)
    replace(zone(2, '192.0.2.2'))
    await expect.poll(printer, PATIENT).toEqual(['A 192.0.2.2'])
    replace(zone(3, '192.0.2.999'))
    await expect
      .poll(() => inside.events.findLast(event => event.kind === 'zone-rejected'), PATIENT)
      .toMatchObject({ file, kept: true, problems: [{ line: 5 }] })
    expect(await printer()).toEqual(['A 192.0.2.2'])
    rmSync(file)
    await expect.poll(async () => (await ask(inside, 'printer.home.lan A')).status, PATIENT).toBe('NXDOMAIN')
    expect(inside.events).toContainEqual({ kind: 'zone-removed', zone: 'home.lan.', file })
  })

  test('a query log that cannot be opened is told at the start, and the server serves', async () => {
    const inside = await start({ queryLog: { file: 'no/such/directory/queries.log' } })
    await expect
      .poll(() => inside.events)
      .toContainEqual({
        kind: 'query-log-failed',
        message: expect.stringContaining('no/such/directory/queries.log: ENOENT'),
      })
    expect((await ask(inside, 'www.shop A')).status).toBe('NOERROR')
  })

  test('an address of a private network among the records has its name, without being asked for', async () => {
    const inside = await start({ records: { 'nas.lan': { A: '192.168.1.10' } } })
    expect(data(await ask(inside, '10.1.168.192.in-addr.arpa PTR'))).toEqual(['PTR nas.lan.'])
    expect((await ask(inside, '11.1.168.192.in-addr.arpa PTR')).status).toBe('NXDOMAIN')
  })

  test('reload takes a new configuration over at once, and names what waits for a restart', async () => {
    const next: { result: ConfigResult } = {
      result: {
        kind: 'config',
        config: configOf({ allow: ['10.0.0.0/8'], identity: { id: 'me' }, tcp: { idleMs: 5_000 } }),
        warnings: [],
      },
    }
    const inside = await start({ queryLog: { file: 'queries.log' } }, { readConfig: () => next.result })
    expect((await ask(inside, 'www.shop A')).status).toBe('NOERROR')
    inside.server.reload()
    const refused = await ask(inside, 'www.shop A')
    expect([refused.status, refused.edns?.errors[0]?.code]).toEqual(['REFUSED', 18])
    expect(inside.events).toContainEqual({
      kind: 'config-reloaded',
      file: '//resolver.config.json',
      needsRestart: ['tcp'],
    })
    // Compared with what runs and not with what was read last: the same file again, and the file of the start again.
    inside.server.reload()
    expect(inside.events.at(-1)).toMatchObject({ kind: 'config-reloaded', needsRestart: ['tcp'] })
    next.result = { kind: 'config', config: configOf({}), warnings: [] }
    inside.server.reload()
    expect(inside.events.at(-1)).toMatchObject({ kind: 'config-reloaded', needsRestart: [] })
    next.result = {
      kind: 'config',
      config: configOf({ identity: { id: 'me' }, records: { 'www.shop': { A: '192.0.2.99' } } }),
      warnings: [],
    }
    inside.server.reload()
    expect(data(await ask(inside, 'www.shop A'))).toEqual(['A 192.0.2.99'])
    expect(data(await ask(inside, 'id.server CH TXT'))).toEqual(['TXT "me"'])
  })

  test('finished answers to ANY go when a reload changes what ANY gets', async () => {
    const next = { config: configOf({}) }
    const readConfig = (): ConfigResult => ({ kind: 'config', config: next.config, warnings: [] })
    const inside = await start({}, { readConfig })
    const types = async (): Promise<readonly string[]> =>
      (await ask(inside, 'www.shop ANY +tcp')).answer.map(record => record.type)
    expect(await types()).toEqual(['HINFO'])
    next.config = configOf({ any: 'resolve' })
    inside.server.reload()
    expect(await types()).toContain('A')
    next.config = configOf({})
    inside.server.reload()
    expect(await types()).toEqual(['HINFO'])
  })

  test('root hints are read again at a reload, also when their path is the same; what is wrong in them changes nothing', async () => {
    const file = join(place.directory, 'root.hints')
    const hint = (address: string): string => `. 3600000 NS a.root.\na.root. 3600000 A ${address}\n`
    const asked: string[] = []
    const network: Network = {
      exchange(server, _transport, _query, _timeoutMs, done) {
        asked.push(server.ip.text)
        done({ kind: 'timeout', mismatches: 0 })
        return () => {}
      },
    }
    writeFileSync(file, hint('192.0.2.1'))
    const settings = { rootHints: 'root.hints', upstream: { doNotQuery: [] } }
    const inside = await start(settings, { network, hints: undefined })
    expect(new Set(asked)).toEqual(new Set(['192.0.2.1']))
    const rows: readonly (readonly [text: string, askedThen: readonly string[], event: string])[] = [
      [hint('192.0.2.1'), [], 'config-reloaded'],
      [hint('192.0.2.2'), ['192.0.2.2'], 'config-reloaded'],
      ['. 3600000 NS\n', [], 'config-rejected'],
      [hint('192.0.2.3'), ['192.0.2.3'], 'config-reloaded'],
    ]
    for (const [text, then, event] of rows) {
      asked.length = 0
      writeFileSync(file, text)
      inside.server.reload()
      expect([...new Set(asked)], text).toEqual(then)
      expect(inside.events.map(({ kind }) => kind)).toContain(event)
    }
  })

  test('a reload reports what is wrong in the hints and in the anchors at once', async () => {
    const next = { names: ['root.hints', 'root.anchors'] }
    const inside = await start(
      {},
      {
        anchors: undefined,
        readConfig: () => ({
          kind: 'config',
          config: configOf({ rootHints: next.names[0], dnssec: { trustAnchors: next.names[1] } }, place.directory),
          warnings: [],
        }),
      },
    )
    inside.server.reload()
    expect(inside.events.at(-1)).toMatchObject({
      kind: 'config-rejected',
      problems: next.names.map(name => ({ file: join(place.directory, name) })),
    })
  })

  test('a new configuration with mistakes changes nothing', async () => {
    const problem = { file: 'f', line: 1, column: 2, severity: 'error', message: 'no' } as const
    const inside = await start(
      {},
      { readConfig: () => ({ kind: 'invalid', file: 'f', problems: [problem], rest: null }) },
    )
    inside.server.reload()
    expect(inside.events.at(-1)).toEqual({
      kind: 'config-rejected',
      file: `${place.directory}/resolver.config.json`,
      problems: [problem],
    })
    expect(data(await ask(inside, 'www.shop A'))).toEqual(['A 192.0.2.80'])
  })

  test('queries are logged, and the log is opened again at a reload', async () => {
    const file = join(place.directory, 'queries.log')
    const inside = await start({ queryLog: { file: 'queries.log', clients: 'prefix' } })
    await ask(inside, 'www.shop A')
    await expect.poll(() => readFileSync(file, 'utf8'), PATIENT).toContain('"name":"www.shop."')
    renameSync(file, `${file}.1`)
    inside.server.reload()
    await ask(inside, 'alias.shop A')
    await inside.server.stop()
    const [line] = readFileSync(file, 'utf8').trim().split('\n')
    expect(JSON.parse(line ?? '')).toMatchObject({
      client: '127.0.0.0/24',
      name: 'alias.shop.',
      rcode: 'NOERROR',
      by: 'recursion',
    })
    expect(inside.server.stats().queryLogDropped).toBe(0)
  })

  test('stop lets a query in flight finish and is the same for all who ask for it', async () => {
    const seen: TraceStep[] = []
    const inside = await start({ budget: { timeMs: 400 } }, { watch: () => step => seen.push(step) })
    const late = ask(inside, 'www.slow A').catch((error: unknown) => error)
    await expect.poll(() => seen.length, PATIENT).toBeGreaterThan(0)
    const stopping = inside.server.stop()
    expect(inside.server.stop()).toBe(stopping)
    await stopping
    expect(await late).toMatchObject({ status: 'SERVFAIL' })
    expect(inside.events.at(-1)).toEqual({ kind: 'stopped' })
    await expect(ask(inside, 'www.shop A')).rejects.toThrow(/cannot be reached|no answer/)
  })
})
