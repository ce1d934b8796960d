/** `rootwalk tail` and `top` in front of a running server. */
import { afterAll, beforeAll, expect, it, test } from 'vitest'
import { main } from '../../src/cli.ts'
import { waitMs } from '../../src/cli/admin/event-source.ts'
import { lineOf } from '../../src/cli/admin/tail.ts'
import { Lists, screenText } from '../../src/cli/admin/top.ts'
import { serveWithApi, type Served } from './live-server.ts'

let served: Served
beforeAll(async () => {
  served = await serveWithApi()
})
afterAll(() => served.close())

/** Runs a command while queries are asked. */
async function run(...words: string[]): Promise<{ code: number; out: string; err: string }> {
  const said = { out: '', err: '' }
  const running = { over: false }
  const code = main([...words, '--admin', `unix:${served.socketPath}`], {
    out: text => {
      said.out += text
    },
    err: text => {
      said.err += text
    },
    environment: {},
    directory: '/',
    terminal: false,
  }).finally(() => {
    running.over = true
  })
  while (!running.over) {
    await served.ask('www.shop')
    await served.ask('none.shop')
    await new Promise(resolve => setImmediate(resolve))
  }
  return { code: await code, ...said }
}

it('tail prints a line for each query that passes the filter', async () => {
  const { code, out, err } = await run('tail', 'name=www.shop', '--count', '2')
  expect([code, err]).toEqual([0, ''])
  const lines = out.trim().split('\n')
  expect(lines).toHaveLength(2)
  for (const line of lines)
    expect(line).toMatch(/^\d\d:\d\d:\d\d\.\d{3} 127\.0\.0\.1 udp www\.shop\. A NOERROR \w+ \d+\.\d ms$/)
})

it('tail prints JSON, a record a line', async () => {
  const { out } = await run('tail', 'rcode=NXDOMAIN', '--json', '-n', '1')
  expect(JSON.parse(out)).toMatchObject({ event: 'query', name: 'none.shop.', rcode: 'NXDOMAIN' })
})

it('tail says where a filter is wrong', async () => {
  const { code, err } = await run('tail', 'rcod=X')
  expect(code).not.toBe(0)
  expect(err).toContain('column 1: expected a field')
})

it('top shows queries, names and clients as plain text where there is no terminal', async () => {
  const { code, out } = await run('top', '--count', '2')
  expect(code).toBe(0)
  expect(out).toContain('queries/s')
  expect(out).toMatch(/\d+ {2}www\.shop\./)
  expect(out).toMatch(/\d+ {2}127\.0\.0\.1/)
  expect(out).not.toContain('\u001b')
  expect(Math.max(...out.split('\n').map(line => line.length))).toBeLessThanOrEqual(80)
})

test('a screen is 80 columns wide whatever the names are', () => {
  const lists = new Lists()
  lists.add(`${'a'.repeat(200)}.`, '', 'cache')
  const lines = screenText({}, {}, lists).split('\n')
  expect(Math.max(...lines.map(line => line.length))).toBe(80)
  expect(lines).toContain('       1  -')
})

test('waits grow, with chance in them, up to ten seconds', () => {
  expect([0, 1, 2, 20].map(attempt => waitMs(attempt, () => 0))).toEqual([125, 250, 500, 5_000])
  expect(waitMs(20, () => 0.999_999)).toBeLessThan(10_000)
})

test('sources have colours', () => {
  const marked = (source: string, text: string): string => `<${source}|${text}>`
  const query = { at: 0, client: '', transport: 'tcp', name: 'a.', type: 'A', rcode: 'NOERROR', ms: 1.25, by: 'cache' }
  expect(lineOf({ event: 'query', data: query }, marked)).toBe('00:00:00.000 - tcp a. A <cache|NOERROR cache> 1.3 ms')
  expect(lineOf({ event: 'gap', data: { dropped: 5 } }, marked)).toBe('<failure|… 5 queries are missing here>')
  expect(lineOf({ event: 'gap', data: { dropped: null } }, marked)).toContain('some queries')
  expect(lineOf({ event: 'event', data: { at: 0, level: 'warn', text: 'x' } }, marked)).toContain('warn x')
})
