/** The server with listener threads: everything that holds on the main thread holds there, from the same moment. */
import { mkdtempSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { ServerOptions } from '../../src/app/server.ts'
import { StartError } from '../../src/app/service/start-error.ts'
import type { ConfigResult } from '../../src/config/types.ts'
import { chooseUdpMode } from '../../src/app/udp-mode.ts'
import { hasBatch, needsBatch, threadEntry } from '../net/batch/support.ts'
import { cleanUp, query, udpClient, until } from '../net/support.ts'
import { configOf, startInside, type Inside } from './inside.ts'
import { PATIENT } from '../patience.mjs'

const place = { directory: '' }
const running: Inside[] = []
beforeEach(() => {
  place.directory = mkdtempSync(join(tmpdir(), 'rootwalk-threads-'))
})
afterEach(async () => {
  await cleanUp()
  await Promise.all(running.splice(0).map(({ server }) => server.stop()))
  rmSync(place.directory, { recursive: true, force: true })
})

interface Asking extends Inside {
  /** Rcode and last octet of an A query's reply: enough to tell addresses apart. */
  ask(name: string): Promise<string>
  counts(): Readonly<Record<string, number>>
}

async function start(settings: object = {}, options: ServerOptions = {}): Promise<Asking> {
  const inside = await startInside(
    { udp: 'batch', ...settings },
    { directory: place.directory, threadEntry: await threadEntry(), ...options },
  )
  running.push(inside)
  const client = await udpClient(inside.port)
  let id = 0
  const ask = async (name: string): Promise<string> => {
    id++
    client.socket.send(query({ id, name }))
    await until(() => client.messages.length === id, `an answer for ${name}`)
    const reply = client.messages[id - 1] ?? new Uint8Array(12)
    return `${(reply[3] ?? 0) & 0xf} ${reply.at(-1)}`
  }
  return { ...inside, ask, counts: () => inside.server.stats().queries }
}

const configured = (settings: object): ConfigResult => ({
  kind: 'config',
  config: configOf({ udp: 'batch', ...settings }),
  warnings: [],
})
const zone = (serial: number, address: string): string =>
  `$TTL 300\n@ SOA ns hostmaster ${serial} 2h 1h 2w 60\n@ NS ns\nns A 192.0.2.53\nprinter A ${address}\n`

needsBatch('a server with listener threads', () => {
  test('says so, answers the first time and the second, and counts both', async () => {
    const inside = await start()
    expect(inside.events).toContainEqual({ kind: 'udp-mode', mode: 'batch', threads: 1 })
    expect(await inside.ask('www.shop')).toBe('0 80')
    expect(await inside.ask('wWw.sHop')).toBe('0 80')
    expect(inside.counts()).toMatchObject({ udpQueries: 2, answeredFromCache: 1, noError: 2 })
  })

  test('a new access list, NSID and log are obeyed from the next query on', async () => {
    const next: { result: ConfigResult } = { result: configured({ allow: ['10.0.0.0/8'] }) }
    const logged: string[] = []
    const inside = await start(
      {},
      {
        readConfig: () => next.result,
        onQuery: entry => logged.push(`${entry.by} ${entry.rcode} ${entry.octets > 40} ${entry.client.ip.text}`),
      },
    )
    await inside.ask('www.shop')
    await inside.ask('www.shop')
    await until(() => logged.length === 2)
    expect(logged).toEqual(['recursion 0 true 127.0.0.1', 'cache 0 true 127.0.0.1'])
    inside.server.reload()
    expect((await inside.ask('www.shop')).slice(0, 1)).toBe('5')
    expect(inside.counts()).toMatchObject({ refusedClients: 1 })
    next.result = configured({})
    inside.server.reload()
    expect(await inside.ask('www.shop')).toBe('0 80')
  })

  test('a reload with other records, and a changed zone, leave no old answer', async () => {
    const file = join(place.directory, 'home.lan.zone')
    const replace = (text: string): void => {
      writeFileSync(join(place.directory, 'new'), text)
      renameSync(join(place.directory, 'new'), file)
    }
    replace(zone(1, '192.0.2.1'))
    const next: { result: ConfigResult } = { result: configured({}) }
    const inside = await start({ zones: ['*.zone'] }, { readConfig: () => next.result })
    const printer = (): Promise<string> => inside.ask('printer.home.lan')
    expect([await printer(), await printer()]).toEqual(['0 1', '0 1'])
    expect(inside.counts()).toMatchObject({ answeredFromCache: 1 })
    replace(zone(2, '192.0.2.2'))
    await expect.poll(printer, PATIENT).toBe('0 2')
    expect([await inside.ask('www.shop'), await inside.ask('www.shop')]).toEqual(['0 80', '0 80'])
    next.result = configured({ zones: [`${place.directory}/*.zone`], records: { 'www.shop': { A: '192.0.2.99' } } })
    inside.server.reload()
    expect(await inside.ask('www.shop')).toBe('0 99')
  })

  test('hits are in the query log', async () => {
    const file = join(place.directory, 'queries.log')
    const inside = await start({ queryLog: { file: 'queries.log' } })
    for (let i = 0; i < 3; i++) await inside.ask('www.shop')
    await inside.server.stop()
    const lines: unknown[] = readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    expect(lines).toMatchObject([
      { by: 'recursion' },
      { by: 'cache', name: 'www.shop.', type: 'A', rcode: 'NOERROR', client: '127.0.0.1' },
      { by: 'cache' },
    ])
  })

  test('with dnstap they hand over what they could answer, so that every answer is seen', async () => {
    const file = join(place.directory, 'queries.dnstap')
    const dnstapEntry = new URL('../../dist/dnstap.bundle.js', import.meta.url)
    const inside = await start({ dnstap: { to: `file:${file}` } }, { dnstapEntry })
    await expect.poll(() => existsSync(file), PATIENT).toBe(true)
    for (let i = 0; i < 3; i++) await inside.ask('www.shop')
    await inside.server.stop()
    const octets = readFileSync(file)
    const frames: number[] = []
    // A length of 0 comes before a control frame, which has its own.
    for (let at = 0; at < octets.length; ) {
      const length = octets.readUInt32BE(at)
      if (length > 0) frames.push(length)
      at += 4 + (length > 0 ? length : 4 + octets.readUInt32BE(at + 4))
    }
    expect(frames.length).toBe(6)
  })
})

test('without them: what was asked for and cannot be had ends the start, "auto" goes on plainly and says why', async () => {
  const threadEntry = new URL('file:///nowhere/listener-thread.js')
  const failure: unknown = await startInside({ udp: 'batch' }, { threadEntry }).catch((error: unknown) =>
    error instanceof StartError ? error.failure : error,
  )
  expect(failure).toMatchObject({ kind: 'listen', failures: [{ transport: 'udp', code: 'ENOTSUP' }] })
  const inside = await startInside({}, { threadEntry })
  running.push(inside)
  expect(inside.events).toContainEqual({ kind: 'udp-mode', mode: 'plain', why: 'the program runs from its sources' })
  expect(inside.server.addresses.map(({ transport }) => transport)).toEqual(['udp', 'tcp'])
})

test('which way datagrams take follows from the setting and from the system', async () => {
  expect(chooseUdpMode('plain')).toEqual({ kind: 'plain', why: 'so configured' })
  const entry = hasBatch ? await threadEntry() : new URL('file:///nowhere')
  expect(chooseUdpMode('auto', entry).kind).toBe(hasBatch ? 'batch' : 'plain')
  expect(chooseUdpMode('batch', entry).kind).toBe(hasBatch ? 'batch' : 'impossible')
})
