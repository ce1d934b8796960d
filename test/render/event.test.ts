import { describe, expect, test } from 'vitest'
import type { Event } from '../../src/events.ts'
import { logLine } from '../../src/render/event.ts'

const problem = { file: 'a.zone', line: 3, column: 5, severity: 'error', message: 'no' } as const

describe('log', () => {
  test.each<[Event, string, string]>([
    [{ kind: 'starting', version: '1', file: null }, 'info', 'rootwalk 1, no configuration file, using the defaults'],
    [{ kind: 'listening', transport: 'tcp', address: '::1', port: 53 }, 'info', 'listening on [::1]:53 (TCP)'],
    [
      { kind: 'zone-rejected', file: 'a.zone', problems: [problem], kept: true },
      'error',
      'a.zone is not used; the last good version stays in use:\n  a.zone:3:5: no',
    ],
    [
      { kind: 'config-reloaded', file: 'f', needsRestart: ['listen', 'tcp'] },
      'info',
      'configuration reloaded from f; a restart is needed for listen, tcp',
    ],
    [
      { kind: 'config-rejected', file: 'f', problems: [problem] },
      'error',
      'the new configuration has errors, the old one stays in use:\n  a.zone:3:5: no',
    ],
    [{ kind: 'priming-failed', reason: 'r' }, 'warn', 'priming failed, the root hints stay in use: r'],
    [
      { kind: 'clients-refused', count: 1, client: '203.0.113.0/24' },
      'warn',
      'refused 1 query of clients outside of "allow", the latest from 203.0.113.0/24',
    ],
    [
      { kind: 'clients-refused', count: 12, client: '203.0.113.0/24' },
      'warn',
      'refused 12 queries of clients outside of "allow", the latest from 203.0.113.0/24',
    ],
    [{ kind: 'servfail', count: 1, question: 'a. A', reason: 'nobody there' }, 'info', 'a. A: SERVFAIL, nobody there'],
    [
      { kind: 'servfail', count: 3, question: 'a. A', reason: '' },
      'info',
      '3 queries got SERVFAIL, the latest a. A: unknown reason',
    ],
    [{ kind: 'query-log-works', file: 'q', lost: 1 }, 'info', 'queries are logged again to q; 1 line is lost'],
    [
      { kind: 'bug', where: 'policy', error: new Error('x'), question: 'a. A' },
      'error',
      'a bug in policy while answering a. A: x',
    ],
  ])('%j', (event, level, message) => {
    expect(logLine(event)).toMatchObject({ level, message, fields: { event: event.kind } })
  })

  test('errors go as text with their stack, so that no log loses them', () => {
    expect(logLine({ kind: 'bug', where: 'w', error: new Error('boom'), question: null }).fields.error).toMatch(
      /^Error: boom\n\s+at /,
    )
  })
})
