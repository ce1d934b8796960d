/** The filter language: what passes, and what an error says. */
import { describe, expect, it, test } from 'vitest'
import { type LiveRecord, readFilter } from '../../src/admin/filter.ts'
import type { QueryRecord } from '../../src/admin/live/records.ts'

const query = (fields: Partial<QueryRecord> = {}): LiveRecord => ({
  kind: 'query',
  query: {
    at: 1_700_000_000_000,
    client: '10.1.2.3',
    transport: 'udp',
    name: 'www.Example.com.',
    type: 'A',
    class: 'IN',
    rcode: 'SERVFAIL',
    octets: 120,
    ms: 51.5,
    by: 'failure:unreachable',
    ...fields,
  },
})
const event: LiveRecord = { kind: 'event', event: { at: 1, kind: 'servfail', level: 'warn', text: 'SERVFAIL again' } }

function passes(text: string, record: LiveRecord): boolean {
  const read = readFilter(text)
  if (read.kind === 'error') throw new Error(`${read.column}: ${read.message}`)
  return read.filter.passes(record)
}

const six = { client: '2001:db8::53' }

describe('a query', () => {
  test.each<[string, boolean, Partial<QueryRecord>?]>([
    ['', true],
    ['rcode=SERVFAIL and client in 10.0.0.0/8 and name under example.com', true],
    ['rcode = servfail', true],
    ['rcode=NOERROR', false],
    ['rcode!=NOERROR', true],
    ['rcode in (NXDOMAIN, SERVFAIL)', true],
    ['rcode=none', true, { rcode: 'none' }],
    ['rcode=RCODE3841', true, { rcode: 'RCODE3841' }],
    ['not rcode=SERVFAIL', false],
    ['not not rcode=SERVFAIL', true],
    ['rcode=NOERROR or type=A and ms>50', true],
    ['(rcode=NOERROR or type=A) and ms>60', false],
    ['rcode=NOERROR and type=A or ms>50', true],
    ['NOT (rcode=NOERROR AND type=A) OR ms<1', true],
    ['ms >= 51.5', true],
    ['ms > 51.5', false],
    ['ms <= 51.5 and ms < 52 and ms != 52 and ms = 51.5', true],
    ['octets<120', false],
    ['client=10.1.2.3', true],
    ['client=10.1.2.4', false],
    ['client!=10.1.2.4', true],
    ['client in (192.0.2.0/24, 10.1.0.0/16)', true],
    ['client in 2001:db8::/32', true, six],
    ['client in 10.0.0.0/8', false, six],
    ['client in ::/0', false],
    // Masked.
    ['client in 10.0.0.0/8', true, { client: '10.1.2.0/24' }],
    ['client=10.1.2.3', false, { client: '10.1.2.0/24' }],
    ['client in 2001:db8::/32', true, { client: '2001:db8:1:200::/56' }],
    ['client in 0.0.0.0/0', false, { client: '' }],
    ['name under example.com.', true],
    ['name under EXAMPLE.com', true],
    ['name under .', true],
    ['name under xample.com', false],
    ['name under www.example.com', true],
    ['name under com', false, { name: 'www.example\\.com.' }],
    ['name under com', true, { name: 'www.example\\\\.com.' }],
    ['name=www.example.com', true],
    ['name=example.com', false],
    ['name=a\\.b.example', true, { name: 'a\\.b.example.' }],
    ['name = "\\097.example"', true, { name: 'a.example.' }],
    ['name ~ *.example.com', true],
    ['name ~ w?w.example.*', true],
    ['name ~ *xam*', true],
    ['name ~ *.example', false],
    ['name !~ *.org', true],
    ['name ~ "**********a"', false],
    ['type=A', true],
    ['type=TYPE65', true, { type: 'HTTPS' }],
    ['type in (AAAA,HTTPS)', true, { type: 'HTTPS' }],
    ['source ~ failure:*', true],
    ['source=cache', false],
    ['transport=udp and class=IN and record=query', true],
    // What it does not have.
    ['event=servfail', false],
    ['event!=servfail', false],
    ['level>=debug', false],
  ])('%s: %s', (text, expected, fields = {}) => {
    expect(passes(text, query(fields))).toBe(expected)
  })
})

describe('an event', () => {
  test.each([
    ['event=servfail', true],
    ['event ~ serv*', true],
    ['level>=warn', true],
    ['level>warn', false],
    ['level=WARN', true],
    ['level<error', true],
    ['text ~ "*FAIL again"', true],
    ['record=event', true],
    ['rcode!=NOERROR', false],
    ['not client in 10.0.0.0/8', true],
    ['ms<1', false],
  ] as const)('%s: %s', (text, expected) => {
    expect(passes(text, event)).toBe(expected)
  })
})

describe('an error says where, and what was expected', () => {
  test.each([
    ['rcod=SERVFAIL', 1, 'expected a field, "not" or "(", found "rcod" (did you mean rcode?)'],
    ['= 5', 1, /^expected a field, "not" or "\(", found "=" \(record, client, /],
    ['rcode', 6, 'expected one of = != ~ !~ in after "rcode", found the end'],
    ['rcode < NOERROR', 7, 'expected one of = != ~ !~ in after "rcode", found "<"'],
    ['rcode=', 7, 'expected an rcode such as SERVFAIL, found the end'],
    ['rcode=SERVFIAL', 7, 'expected SERVFAIL, found "SERVFIAL"'],
    ['type=FOO', 6, 'expected a type such as A, HTTPS or TYPE65, found "FOO"'],
    ['client in 10.0.0.0/33', 11, 'expected an address or prefix such as 10.0.0.0/8, found "10.0.0.0/33"'],
    ['client in 10.0.0.1/8', 11, 'expected an address or prefix such as 10.0.0.0/8, found "10.0.0.1/8"'],
    ['ms > fast', 6, 'expected a number of milliseconds, found "fast"'],
    ['ms > -1', 6, 'expected a number of milliseconds, found "-1"'],
    ['level > loud', 9, 'expected debug, info, warn or error, found "loud"'],
    ['name under a..b', 12, /^expected a name such as www\.example\.com: /],
    ['rcode=SERVFAIL type=A', 16, 'expected "and", "or" or the end, found "type"'],
    ['rcode=SERVFAIL and', 19, /^expected a field, "not" or "\(", found the end/],
    ['(rcode=SERVFAIL', 16, 'expected "and", "or" or ")", found the end'],
    ['rcode=SERVFAIL)', 15, 'expected "and", "or" or the end, found ")"'],
    ['type in (A AAAA)', 12, 'expected "," or ")", found "AAAA"'],
    ['type in ()', 10, 'expected a type such as A, HTTPS or TYPE65, found ")"'],
    ['text ~ "open', 8, 'expected a closing " for this one'],
    ['rcode ! SERVFAIL', 7, 'expected a word, found "!"'],
    ['name "under" com', 6, /^expected one of /],
  ] as const)('%s', (text, column, message) => {
    const read = readFilter(text)
    expect(read).toMatchObject({ kind: 'error', column })
    if (read.kind === 'error') expect(read.message).toMatch(message)
    if (read.kind === 'error' && typeof message === 'string') expect(read.message).toBe(message)
  })
})

it('a filter is bounded in length and depth', () => {
  expect(readFilter(`name=${'a'.repeat(3_000)}`)).toMatchObject({ kind: 'error', column: 2_049 })
  expect(readFilter(`${'('.repeat(100)}ms>1${')'.repeat(100)}`)).toMatchObject({ kind: 'error', column: 33 })
  expect(readFilter(`${'not '.repeat(100)}ms>1`)).toMatchObject({ kind: 'error' })
})

test.each([
  ['', ['query', 'event']],
  ['event=servfail', ['event']],
  ['rcode=SERVFAIL', ['query']],
  ['rcode=SERVFAIL or level=error', ['query', 'event']],
  ['rcode=SERVFAIL and level=error', []],
  ['record=event', ['event']],
  ['record!=event', ['query']],
  ['not record=event', ['query', 'event']],
  ['type in (A, AAAA) and ms>5', ['query']],
] as const)('%s can be passed by %s alone, and only that is collected', (text, kinds) => {
  expect(readFilter(text)).toMatchObject({ kind: 'filter', filter: { kinds } })
})
