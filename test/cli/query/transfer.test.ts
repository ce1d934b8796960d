import { describe, expect, test } from 'vitest'
import { Transfer, type TransferState } from '../../../src/cli/query/transfer.ts'
import { message } from '../../server/make.ts'
import { rr } from '../canned-server.ts'

const RECORDS = { a: rr('a.z. 1 A 192.0.2.1'), b: rr('b.z. 1 A 192.0.2.2') }
const soa = (serial: string) => rr(`z. 1 SOA ns.z. h.z. ${serial} 1 1 1 1`)
/** Messages apart by /, records by spaces: a number is an SOA with this serial number. */
const run = (serial: number | null, text: string): TransferState => {
  const transfer = new Transfer(serial)
  let state: TransferState = { kind: 'more' }
  for (const part of text.split('/')) {
    const answer = part
      .split(' ')
      .filter(word => word !== '')
      .map(word => (word === 'a' || word === 'b' ? RECORDS[word] : soa(word)))
    state = transfer.take(message({ response: true, question: null, answer }))
    if (state.kind !== 'more') return state
  }
  return state
}

describe('where a transfer ends', () => {
  test.each<[string, number | null, string, string]>([
    ['a zone in one message', null, '3 a b 3', 'complete'],
    ['in three', null, '3 a/b/3', 'complete'],
    ['of nothing but its SOA', null, '3/3', 'complete'],
    ['without its end', null, '3 a b', 'more'],
    ['one SOA alone', null, '3', 'more'],
    ['no SOA at first', null, 'a 3', 'the first record is no SOA'],
    ['records behind the end', null, '3 a 3 b', 'records come after the last SOA'],
    ['nothing', null, '', 'the server sent no record'],
    ['changes', 1, '3 1 a 3 b 3', 'complete'],
    ['changes over messages', 1, '3/1 a/3/b/3', 'complete'],
    ['two versions', 1, '3 1 a 2 b 2 b 3 a 3', 'complete'],
    ['changes without additions', 1, '3 1 a 3 3', 'complete'],
    ['changes cut short', 1, '3 1 a 2 b', 'more'],
    ['changes cut after the new SOA', 1, '3 1 a 3', 'more'],
    ['a whole zone for IXFR', 1, '3 a b 3', 'complete'],
    ['nothing newer', 3, '3', 'complete'],
    ['an older server', 4, '3', 'complete'],
    ['across the end of the numbers', 4_294_967_295, '3', 'more'],
    ['one SOA of a newer version, and more to come', 1, '3', 'more'],
  ])('%s', (_what, serial, text, expected) => {
    const state = run(serial, text)
    expect(state.kind === 'failed' ? state.why : state.kind).toBe(expected)
  })

  test('what the server refuses is no transfer', () => {
    expect(new Transfer(null).take(message({ response: true, rcode: 9 }))).toEqual({
      kind: 'failed',
      why: 'the server says NOTAUTH',
    })
  })
})
