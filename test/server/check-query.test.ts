import { describe, expect, test } from 'vitest'
import { decodeMessage } from '../../src/dns/decode.ts'
import { Opcode, Rcode, RrType, EdeCode } from '../../src/dns/types.ts'
import { recordsOf } from '../../src/dns/rrset.ts'
import type { Message } from '../../src/dns/message.ts'
import { checkQuery, type Checked } from '../../src/server/check-query.ts'
import { a, asked, bytesOf, edns } from './make.ts'

const check = (bytes: Uint8Array): Checked => checkQuery(decodeMessage(bytes), 'udp')
const checkOf = (change: Partial<Message>): Checked => check(bytesOf(change))

describe('what is let through', () => {
  test.each<[string, Partial<Message>]>([
    ['a plain query', {}],
    ['with EDNS', { edns: edns({ dnssecOk: true }) }],
    [
      'with unknown options and flags',
      { edns: edns({ flags: 0x1234, options: [{ code: 65_001, data: new Uint8Array(9) }] }) },
    ],
    [
      'AA, RA, AD and CD set, as some stubs do',
      { authoritative: true, recursionAvailable: true, authenticData: true, checkingDisabled: true },
    ],
    ['ANY', { question: asked('a.test.', RrType.ANY) }],
    ['a type nobody knows', { question: asked('a.test.', 65_280) }],
    ['RRSIG by type', { question: asked('a.test.', RrType.RRSIG) }],
  ])('%s', (_, change) => {
    expect(checkOf(change)).toMatchObject({
      kind: 'query',
      asked: { question: { type: change.question?.type ?? RrType.A } },
    })
  })
})

describe('what is answered with an error', () => {
  const record = recordsOf(a('x.test.'))
  test.each<[string, Partial<Message>, number, number | null]>([
    ['EDNS version 1', { edns: edns({ version: 1 }) }, Rcode.BADVERS, null],
    ['EDNS version 1 before the opcode', { edns: edns({ version: 1 }), opcode: Opcode.NOTIFY }, Rcode.BADVERS, null],
    ['NOTIFY', { opcode: Opcode.NOTIFY }, Rcode.NOTIMP, EdeCode.NotSupported],
    ['UPDATE', { opcode: Opcode.UPDATE }, Rcode.NOTIMP, EdeCode.NotSupported],
    ['IQUERY', { opcode: Opcode.IQUERY }, Rcode.NOTIMP, EdeCode.NotSupported],
    ['opcode 15', { opcode: 15 }, Rcode.NOTIMP, EdeCode.NotSupported],
    ['no question', { question: null }, Rcode.FORMERR, null],
    ['AXFR', { question: asked('a.test.', RrType.AXFR) }, Rcode.REFUSED, EdeCode.InvalidQueryType],
    [
      'IXFR with its SOA',
      { question: asked('a.test.', RrType.IXFR), authority: record },
      Rcode.REFUSED,
      EdeCode.InvalidQueryType,
    ],
    ['an answer in the query', { answer: record }, Rcode.FORMERR, null],
    ['an authority section', { authority: record }, Rcode.FORMERR, null],
    ['additional records', { additional: record }, Rcode.FORMERR, null],
    ['TC', { truncated: true }, Rcode.FORMERR, null],
    ...[0, RrType.OPT, RrType.NXNAME, 200, RrType.TKEY, RrType.TSIG, RrType.MAILA, RrType.MAILB].map(
      (type): [string, Partial<Message>, number, number] => [
        `QTYPE ${type}`,
        { question: asked('a.test.', type) },
        Rcode.FORMERR,
        EdeCode.InvalidQueryType,
      ],
    ),
  ])('%s', (_, change, rcode, ede) => {
    // The encoder never sets TC of its own accord.
    const bytes = bytesOf(change)
    if (change.truncated === true) bytes[2] = (bytes[2] ?? 0) | 0x02
    expect(check(bytes)).toMatchObject({ kind: 'error', rcode, ede })
  })

  test('a malformed message keeps its id, and its question when it could be read', () => {
    const bytes = bytesOf({ additional: record })
    expect(check(bytes.subarray(0, bytes.length - 3))).toMatchObject({
      kind: 'error',
      rcode: Rcode.FORMERR,
      asked: { header: { id: 0x1234 }, question: { type: RrType.A } },
    })
    expect(check(Uint8Array.of(0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xff))).toMatchObject({
      kind: 'error',
      rcode: Rcode.FORMERR,
      asked: { header: { id: 0xabcd }, question: null },
    })
  })

  test('two questions are a format error', () => {
    const bytes = bytesOf()
    bytes[5] = 2
    expect(check(bytes)).toMatchObject({ kind: 'error', rcode: Rcode.FORMERR })
  })
})

describe('what is not answered at all', () => {
  test.each([0, 1, 11])('%d octets', length => {
    expect(check(bytesOf().subarray(0, length))).toEqual({ kind: 'drop', why: 'short' })
  })

  test.each<[string, Partial<Message>]>([
    ['a response', {}],
    ['a NOTIFY response', { opcode: Opcode.NOTIFY }],
    ['a response with EDNS 1', { edns: edns({ version: 1 }) }],
    ['a response without question', { question: null }],
  ])('%s (loops between servers)', (_, change) => {
    expect(checkOf({ ...change, response: true })).toEqual({ kind: 'drop', why: 'response' })
  })

  test('a malformed response is not answered', () => {
    expect(check(bytesOf({ response: true }).subarray(0, 20))).toEqual({ kind: 'drop', why: 'response' })
  })
})
