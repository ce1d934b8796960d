import { describe, expect, test } from 'vitest'
import { foldName, ROOT } from '../../src/dns/name.ts'
import { loadRecords, loadZone } from '../../src/zone/load-zone.ts'
import { wireName } from '../../src/input/names.ts'

const WHOLE = '@ 60 SOA ns1 host 1 1d 2h 4w 1h\n@ 60 NS ns1\nns1 60 A 192.0.2.1\n'
const origin = wireName('example.com.', 'an origin')

describe('the text of a zone', () => {
  test.each([
    ['with an SOA is the zone of its owner', {}, WHOLE, 'zone', ''],
    ['with an SOA is a zone where records would do', { holds: 'zone-or-records' }, WHOLE, 'zone', ''],
    ['without an SOA is no zone', {}, 'www 60 A 192.0.2.1\n', 'invalid', 'no SOA record'],
    ['without an SOA is records where they would do', { holds: 'zone-or-records' }, 'www 60 A 192.0.2.1\n', 'zone', ''],
    [
      'with an SOA that cannot be read is a broken zone and not records',
      { holds: 'zone-or-records' },
      '@ 60 SOA ns1\nwww 60 A 192.0.2.1\n',
      'invalid',
      'expected',
    ],
    ['includes nothing by itself', {}, `${WHOLE}$INCLUDE other.zone\n`, 'invalid', 'nothing can be included here'],
    ['has no TTL by itself', { holds: 'records' }, 'www A 192.0.2.1\n', 'invalid', 'no TTL'],
    ['takes the TTL that is given as its $TTL', { holds: 'records', ttl: 5 }, 'www A 192.0.2.1\n', 'zone', ''],
    ['with more records than asked for is too large', { mostRecords: 2 }, WHOLE, 'too-large', ''],
  ] as const)('%s', (_, options, text, kind, message) => {
    const loaded = loadZone({ text, file: 'a.zone', origin, ...options })
    expect(loaded.kind).toBe(kind)
    expect(loaded.kind === 'invalid' ? (loaded.errors[0]?.message ?? '') : '').toContain(message)
  })

  test('that must be another zone than it is lacks an SOA and an NS and has its own records outside', () => {
    const loaded = loadZone({
      text: WHOLE,
      file: 'a.zone',
      origin,
      zone: foldName(wireName('other.', '')),
      strict: true,
    })
    expect(loaded.kind === 'invalid' ? loaded.errors.map(({ line }) => line) : []).toEqual([0, 0, 1, 2, 3])
  })

  test('that is records has the root as its origin', () => {
    const loaded = loadZone({ text: 'www 60 A 192.0.2.1\n', file: 'a', origin, holds: 'records' })
    expect(loaded.kind === 'zone' ? loaded.zone.origin : null).toBe(ROOT)
  })

  test('lists what opening files brought with its own problems, asked for when all are open', () => {
    const problem = { file: 'a.zone', line: 0, column: 0, severity: 'warning', message: 'is large' } as const
    const loaded = loadZone({ text: WHOLE, file: 'a.zone', origin, further: () => [problem] })
    expect(loaded.kind === 'zone' ? loaded.problems : null).toEqual([problem])
  })
})

describe('the records of a text', () => {
  test('have the lines of the text and the TTL that is given', () => {
    const loaded = loadRecords({ text: '\nwww A 192.0.2.1\n', file: 'a', origin, ttl: 7 })
    expect(loaded.kind === 'records' ? loaded.records.map(({ line, ttl }) => ({ line, ttl })) : []).toEqual([
      { line: 2, ttl: 7 },
    ])
  })

  test('are none when one has an error', () => {
    const loaded = loadRecords({ text: 'www 60 A 192.0.2.1\nwww 60 A 192.0.2\n', file: 'a', origin })
    expect(loaded.kind === 'invalid' ? loaded.errors.map(({ line }) => line) : []).toEqual([2])
  })
})
