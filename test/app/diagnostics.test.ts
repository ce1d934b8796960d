/** What programs around us can listen to. */
import { spawnSync } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { isListenedTo, publishQuery } from '../../src/app/diagnostics/channels.ts'
import { createResolver } from '../../src/app/library.ts'
import { trustWireName } from '../../src/dns/name.ts'
import { parseIp } from '../../src/dns/address.ts'
import { PATIENT, PROGRAM_MS } from '../patience.mjs'
import { serveWithApi } from '../admin/live-server.ts'

/** What is published on a channel while `act` runs. */
async function published(name: string, act: () => unknown): Promise<unknown[]> {
  const messages: unknown[] = []
  const listen = (message: unknown): void => void messages.push(message)
  subscribe(name, listen)
  try {
    await act()
    return messages
  } finally {
    unsubscribe(name, listen)
  }
}

it('a query is published as presentation text, one that was resolved as a resolution too', async () => {
  const ip = parseIp('192.0.2.1')
  if (ip === null) throw new Error('no address')
  const name = trustWireName(String.fromCharCode(3, 119, 119, 119, 0))
  const entry = {
    client: { ip, port: 5_353, transport: 'tcp' as const },
    view: 0,
    name,
    type: 28,
    class: 1,
    rcode: 3,
    octets: 40,
    tookMs: 7,
    by: 'recursion',
    wall: 1,
  }
  const asked = { name: 'www.', type: 'AAAA', rcode: 'NXDOMAIN', ms: 7 }
  expect(await published('rootwalk:query', () => publishQuery(entry))).toEqual([
    { ...asked, client: '192.0.2.1', port: 5_353, transport: 'tcp', class: 'IN', octets: 40, by: 'recursion' },
  ])
  expect(await published('rootwalk:resolution', () => publishQuery(entry))).toEqual([{ of: 'server', ...asked }])
  expect(await published('rootwalk:resolution', () => publishQuery({ ...entry, by: 'cache' }))).toEqual([])
  expect(isListenedTo()).toBe(false)
})

it('the library publishes what it resolves', async () => {
  const resolver = createResolver({ records: { 'printer.lan': { A: '192.0.2.7' } } })
  const messages = await published('rootwalk:resolution', () => resolver.resolve('Printer.lan', 'A'))
  resolver.close()
  expect(messages).toMatchObject([{ of: 'library', name: 'Printer.lan.', type: 'A', rcode: 'NOERROR' }])
})

it('a running server publishes queries to those who begin to listen, and no more when they have gone', async () => {
  const served = await serveWithApi({ records: { 'printer.test': { A: '192.0.2.7' } } })
  try {
    const messages: unknown[] = []
    const listen = (message: unknown): void => void messages.push(message)
    subscribe('rootwalk:query', listen)
    await expect
      .poll(async () => {
        await served.ask('printer.test')
        return messages.length
      }, PATIENT)
      .toBeGreaterThan(0)
    expect(messages[0]).toMatchObject({ client: '127.0.0.1', name: 'printer.test.', type: 'A', rcode: 'NOERROR' })
    unsubscribe('rootwalk:query', listen)
    const heard = messages.length
    await served.ask('printer.test')
    expect(messages.length).toBe(heard)
  } finally {
    await served.close()
  }
})

it('the program in docs/history.md prints what is below it', () => {
  const text = readFileSync(new URL('../../docs/history.md', import.meta.url), 'utf8')
  const { program = '', output } =
    /```js\n(?<program>[\s\S]*?)```\n\n```text\n(?<output>[\s\S]*?)```/.exec(text)?.groups ?? {}
  const directory = mkdtempSync(join(tmpdir(), 'diagnostics-'))
  const file = join(directory, 'program.mjs')
  const built = new URL('../../dist/index.js', import.meta.url).href
  writeFileSync(file, program.replace("'rootwalk'", `'${built}'`))
  const { stdout, stderr } = spawnSync(process.execPath, [file], { encoding: 'utf8', timeout: PROGRAM_MS })
  rmSync(directory, { recursive: true })
  expect(`${stdout}${stderr}`).toBe(output)
})
