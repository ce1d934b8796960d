/** Metrics of a running server, as Prometheus reads them, and what is delivered to chart them. */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { METRICS } from '../../src/admin/metrics/definitions.ts'
import { wantsOpenMetrics } from '../../src/admin/metrics/registry.ts'
import { dropsIn } from '../../src/admin/metrics/udp-drops.ts'
import { needs } from '../tools.ts'
import { serveWithApi, type Served } from './live-server.ts'

let served: Served
let page = ''
beforeAll(async () => {
  served = await serveWithApi()
  for (const name of ['www.shop', 'www.shop', 'www.shop', 'none.shop']) await served.ask(name)
  await served.ask('www.shop', 65_280)
  await served.ask('4.3.2.10.in-addr.arpa', 12)
  page = await (await fetch(`${served.url}/metrics`)).text()
})
afterAll(() => served.close())

const value = (line: string): number | undefined => {
  const found = page.split('\n').find(one => one.startsWith(`${line} `))
  return found === undefined ? undefined : Number(found.slice(line.length + 1))
}

describe('/metrics', () => {
  it.each([
    ['rootwalk_dns_requests_total{proto="udp",family="4",type="A"}', 4],
    ['rootwalk_dns_requests_total{proto="udp",family="4",type="other"}', 1],
    ['rootwalk_dns_requests_total{proto="udp",family="4",type="PTR"}', 1],
    ['rootwalk_dns_responses_total{rcode="NOERROR",source="cache"}', 2],
    ['rootwalk_dns_responses_total{rcode="NXDOMAIN",source="recursion"}', 1],
    ['rootwalk_dns_responses_total{rcode="NXDOMAIN",source="local"}', 1],
    ['rootwalk_dns_request_duration_seconds_bucket{source="cache",le="0.00005"}', 2],
    ['rootwalk_dns_request_duration_seconds_count{source="cache"}', 2],
    ['rootwalk_dns_request_duration_seconds_bucket{source="recursion",le="+Inf"}', 3],
    ['rootwalk_cache_hits_total{type="answer"}', 2],
    ['rootwalk_cache_requests_total', 5],
    ['rootwalk_limit_most{limit="tcp.connections"}', 5],
    ['rootwalk_dns_dropped_total{reason="late"}', 0],
  ])('%s', (line, expected) => {
    const got = value(line)
    if (line.includes('limit_most')) expect(got).toBeGreaterThan(expected)
    else expect(got).toBe(expected)
  })

  it('counts messages to servers, and their round trips', () => {
    const sent = value('rootwalk_upstream_requests_total{proto="udp"}')
    expect(sent).toBeGreaterThan(2)
    expect(value('rootwalk_upstream_request_duration_seconds_count')).toBe(sent)
    expect(value('rootwalk_upstream_timeouts_total')).toBe(0)
  })

  it('is OpenMetrics for those who ask for it', async () => {
    const plain = await fetch(`${served.url}/metrics`)
    expect(plain.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
    const accept = 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5'
    const open = await fetch(`${served.url}/metrics`, { headers: { accept } })
    expect(open.headers.get('content-type')).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8')
    const text = await open.text()
    expect(text.endsWith('# EOF\n')).toBe(true)
    expect(text).toContain('# TYPE rootwalk_dns_requests counter')
    expect(text).toContain('rootwalk_dns_requests_total{proto="udp"')
  })

  it('has a line for every metric, and the metrics of the list alone', () => {
    const types = [...page.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, kind]) => [name, kind])
    expect(types).toEqual(METRICS.map(({ name, kind }) => [name, kind]))
  })
})

test.each([
  [undefined, false],
  ['*/*', false],
  ['text/plain', false],
  ['application/openmetrics-text; version=1.0.0', true],
  ['text/html, application/openmetrics-text', true],
])('Accept: %s', (accept, expected) => {
  expect(wantsOpenMetrics(accept)).toBe(expected)
})

test('drops of the kernel are those of our ports', () => {
  const table = [
    '   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops',
    '  1: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0000000000000000 7',
    '  2: 00000000:14E9 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 2 2 0000000000000000 9',
    '',
  ].join('\n')
  expect(dropsIn(table, [53])).toBe(7)
  expect(dropsIn(table, [53, 5353])).toBe(16)
  expect(dropsIn(table, [])).toBe(0)
  expect(dropsIn('', [53])).toBe(0)
})

/** What docs/metrics.md lists. */
const listed = (): string =>
  METRICS.map(
    ({ name, kind, help, labels }) =>
      `| \`${name}\` | ${kind} | ${labels.map(label => `\`${label}\``).join(', ')} | ${help} |`,
  ).join('\n')

test('docs/metrics.md lists every metric as it is (ROOTWALK_WRITE_METRICS=1 writes it)', () => {
  const path = new URL('../../docs/metrics.md', import.meta.url)
  const text = readFileSync(path, 'utf8')
  const [before = '', rest = ''] = text.split('<!-- metrics -->\n')
  const [, after = ''] = rest.split('\n<!-- end -->')
  const wanted = `${before}<!-- metrics -->\n| name | kind | labels | meaning |\n| --- | --- | --- | --- |\n${listed()}\n<!-- end -->${after}`
  if (process.env.ROOTWALK_WRITE_METRICS === '1') writeFileSync(path, wanted)
  expect(readFileSync(path, 'utf8')).toBe(wanted)
})

test('board and alerts use metrics that there are', () => {
  const names = new Set(
    METRICS.flatMap(({ name, kind }) =>
      kind === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ),
  )
  for (const path of ['grafana/rootwalk.json', 'prometheus/alerts.yml']) {
    const text = readFileSync(new URL(`../../contrib/${path}`, import.meta.url), 'utf8')
    const used = text.match(/\b(?:rootwalk|process)_[a-z_]+\b(?=[{[ )"\\]|$)/gm) ?? []
    expect(used.length).toBeGreaterThan(5)
    expect(used.filter(name => !names.has(name))).toEqual([])
  }
})

needs('promtool')('promtool', () => {
  it('finds nothing wrong with the metrics', () => {
    const checked = spawnSync('promtool', ['check', 'metrics'], { input: page, encoding: 'utf8' })
    expect(checked.stderr + checked.stdout).toBe('')
    expect(checked.status).toBe(0)
  })

  it('finds nothing wrong with the alerts', () => {
    const path = new URL('../../contrib/prometheus/alerts.yml', import.meta.url).pathname
    expect(spawnSync('promtool', ['check', 'rules', path], { encoding: 'utf8' })).toMatchObject({ status: 0 })
  })
})
