import { expect, it } from 'vitest'
import { parseIp } from '../../src/dns/address.ts'
import { formatName } from '../../src/presentation/text.ts'
import type { Client } from '../../src/ports.ts'
import { makeHitReporter, HIT_REPORT, PREFETCH_REPORT, reportValue } from '../../src/server/hit-reports.ts'
import type { QueryLogEntry } from '../../src/server/query-log.ts'
import { query } from '../net/support.ts'

const ip = parseIp('192.0.2.1')

it.each([
  [HIT_REPORT, 1, 0],
  [PREFETCH_REPORT, 0, 1],
  [HIT_REPORT | PREFETCH_REPORT, 1, 1],
])('a note of kind %i makes %i lines and %i look-ups', (kind, lines, lookups) => {
  if (ip === null) throw new Error('no address')
  const client: Client = { ip, port: 5_353, transport: 'udp' }
  const entries: QueryLogEntry[] = []
  const asked: string[] = []
  const take = makeHitReporter({
    clock: { wall: () => 77 },
    queryLog: entry => entries.push(entry),
    prefetch: (q, by) => asked.push(`${formatName(q.name)} ${q.type} ${q.class} for ${by.ip.text}`),
  })
  take(kind, reportValue(123, 3), query({ name: 'WWW.Example.com', type: 28 }), client)
  take(kind, reportValue(1, 0), Uint8Array.of(1, 2, 3), client)
  expect(entries.map(({ name, ...rest }) => ({ ...rest, name: formatName(name) }))).toEqual(
    Array.from({ length: lines }, () => ({
      client,
      view: 0,
      name: 'www.example.com.',
      type: 28,
      class: 1,
      rcode: 3,
      octets: 123,
      tookMs: 0,
      by: 'cache',
      wall: 77,
    })),
  )
  expect(asked).toEqual(Array.from({ length: lookups }, () => `www.example.com. 28 1 for ${ip.text}`))
})
