/** The lines of the log, against those of pino, whose form they have. */
import pino from 'pino'
import { expect, test } from 'vitest'
import type { Event } from '../../src/events.ts'
import { jsonLine } from '../../src/log.ts'
import { logLine } from '../../src/log-lines.ts'

const events: readonly Event[] = [
  { kind: 'starting', version: '1.2.3', file: null },
  { kind: 'starting', version: '1.2.3', file: '/etc/"quoted"\n\u2028\u0001\ud800 ü' },
  { kind: 'udp-mode', mode: 'batch', threads: 2 },
  { kind: 'bug', where: 'udp-thread', error: new Error('on purpose'), question: null },
  { kind: 'config-warnings', file: 'f', problems: [{ file: 'f', line: 1, column: 2, severity: 'warning', message: 'so so' }] },
  { kind: 'stats', numbers: { queries: 3, cached: { rrsets: 1 } } },
]

test.each(events.map(event => [event.kind, event] as const))('%s', (_, event) => {
  const line = logLine(event)
  const written: string[] = []
  const time = new Date(Date.UTC(2026, 10, 23, 1, 2, 3, 4))
  const logger = pino({ base: null, timestamp: () => `,"time":"${time.toISOString()}"`, formatters: { level: label => ({ level: label }) } }, { write: text => void written.push(text) })
  logger[line.level](line.fields, line.message)
  expect(JSON.parse(jsonLine(line, time))).toEqual(JSON.parse(written[0] ?? ''))
  expect(`${jsonLine(line, time)}\n`.length).toBe(written[0]?.length)
})
