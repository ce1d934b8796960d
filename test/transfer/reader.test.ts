import { describe, expect, test } from 'vitest'
import { TransferReader, type TransferState } from '../../src/transfer/reader.ts'
import { rr } from '../cli/canned-server.ts'
import { message } from '../server/make.ts'
import { foldName, trustWireName } from '../../src/dns/name.ts'
import type { Rr } from '../../src/dns/rrset.ts'
import { RrType } from '../../src/dns/types.ts'
import { serialOf } from '../../src/transfer/reader.ts'

const ZONE = foldName(trustWireName('\x01z\0'))
const RECORDS = { o: rr('a.y. 1 A 192.0.2.3'), a: rr('a.z. 1 A 192.0.2.1'), b: rr('b.z. 1 A 192.0.2.2') }
const soa = (serial: string) => rr(`z. 1 SOA ns.z. h.z. ${serial} 1 1 1 1`)
/** Messages apart by /, records by spaces: a number is an SOA with this serial number. */
const run = (serial: number | null, text: string, seen: string[] = []): TransferState => {
  const word = ({ type, owner, rdata }: Rr): string =>
    type === RrType.SOA ? `${serialOf({ rdata })}` : (owner[1] ?? '')
  const transfer = new TransferReader(
    { zone: ZONE, serial },
    {
      whole: () => void seen.push('whole'),
      add: added => void seen.push(`+${word(added)}`),
      remove: removed => void seen.push(`-${word(removed)}`),
    },
  )
  let state: TransferState = { kind: 'more' }
  for (const part of text.split('/')) {
    const answer = part
      .split(' ')
      .filter(word => word !== '')
      .map(word => (word === 'a' || word === 'b' || word === 'o' ? RECORDS[word] : soa(word)))
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
    ['no SOA at first', null, 'a 3', 'the first record is no SOA of the zone'],
    ['records after the end', null, '3 a 3 b', 'records come after the last SOA'],
    ['nothing', null, '', 'the server sent no record'],
    ['changes', 1, '3 1 a 3 b 3', 'complete'],
    ['changes over messages', 1, '3/1 a/3/b/3', 'complete'],
    ['two versions', 1, '3 1 a 2 b 2 b 3 a 3', 'complete'],
    ['changes without additions', 1, '3 1 a 3 3', 'complete'],
    ['changes cut short', 1, '3 1 a 2 b', 'more'],
    ['changes cut after the new SOA', 1, '3 1 a 3', 'more'],
    ['a whole zone for IXFR', 1, '3 a b 3', 'complete'],
    ['nothing newer', 3, '3', 'up-to-date'],
    ['an older server', 4, '3', 'up-to-date'],
    ['a zone of nothing but its SOA in answer to IXFR', 1, '3 3', 'complete'],
    [
      'changes of another version than the one here',
      1,
      '3 2 a 3 b 3',
      'the changes apply to version 2, and version 1 is here',
    ],
    ['changes with a gap', 1, '4 1 a 2 b 3 a 4 4', 'the changes apply to version 3, and version 2 is here'],
    ['changes that lead back', 2, '3 2 a 1 b 3', 'the changes lead back to version 1'],
    ['changes across the end of the numbers', 4_294_967_295, '1 4294967295 a 1 b 1', 'complete'],
    ['a zone that changed on the way', null, '3 a 4', 'the zone changed while it was sent'],
    ['a record of another zone', null, '3 a o 3', 'complete'],
    ['a record of another zone first', null, 'o 3 a 3', 'the first record is no SOA of the zone'],
    ['across the end of the numbers', 4_294_967_295, '3', 'more'],
    ['one SOA of a newer version, and more to come', 1, '3', 'more'],
  ])('%s', (_what, serial, text, expected) => {
    const state = run(serial, text)
    expect(state.kind === 'failed' ? state.why : state.kind).toBe(expected)
  })

  test('what the server refuses is no transfer', () => {
    expect(new TransferReader({ zone: ZONE, serial: 1 }).take(message({ response: true, rcode: 9 }))).toEqual({
      kind: 'failed',
      why: 'the server says NOTAUTH',
      asWhole: true,
    })
  })
})

describe('what becomes of a zone by a transfer', () => {
  test.each<[string, number | null, string, string]>([
    ['a whole zone', null, '3 a b 3', 'whole +3 +a +b'],
    ['a whole zone for IXFR', 1, '3 a b 3', 'whole +3 +a +b'],
    ['a zone of nothing but its SOA', 1, '3 3', 'whole +3'],
    ['a record of another zone is passed over', null, '3 a o 3', 'whole +3 +a'],
    ['changes', 1, '3 1 a 3 b 3', '-1 -a +3 +b'],
    ['two versions', 1, '3 1 a 2 b 2 b 3 a 3', '-1 -a +2 +b -2 -b +3 +a'],
    ['nothing newer', 3, '3', ''],
  ])('%s', (_what, serial, text, expected) => {
    const seen: string[] = []
    run(serial, text, seen)
    expect(seen.join(' ')).toBe(expected)
  })
})
