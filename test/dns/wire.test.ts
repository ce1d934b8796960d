import { describe, expect, it } from 'vitest'
import { decodeMessage } from '../../src/dns/decode.ts'
import { encodeMessage, encodeQuery } from '../../src/dns/encode.ts'
import { questionKey } from '../../src/dns/message.ts'
import { nameFromLabels, ROOT } from '../../src/dns/name.ts'
import {
  idOf,
  isResponse,
  isTruncated,
  matchReply,
  keyOf,
  newPeek,
  peekQuery,
  questionEnd,
  setId,
} from '../../src/dns/wire.ts'
import { a, asked, edns, hex, join, message, octets, wire } from './make.ts'

const question = asked('wWw.Example.com', 1)
const query = (changes: Partial<Parameters<typeof encodeQuery>[0]> = {}): Uint8Array =>
  encodeQuery({ id: 0x1234, question, cased: question.cased, recursionDesired: true, edns: null, ...changes })

function peek(bytes: Uint8Array) {
  const out = newPeek()
  if (!peekQuery(bytes, bytes.length, out)) return null
  const { keyOctets: _keyOctets, keyWords: _keyWords, keyLength: _keyLength, mixedCase: _mixedCase, ...seen } = out
  return { ...seen, key: keyOf(out) }
}

describe('peekQuery', () => {
  const plain = {
    id: 0x1234,
    recursionDesired: true,
    checkingDisabled: false,
    authenticData: false,
    type: 1,
    class: 1,
    questionEnd: 33,
    edns: false,
    payloadSize: 512,
    dnssecOk: false,
    key: questionKey(question),
  }

  it.each([
    ['a plain query', query(), plain],
    ['without RD', query({ recursionDesired: false }), { ...plain, recursionDesired: false }],
    ['CD', query({ checkingDisabled: true }), { ...plain, checkingDisabled: true }],
    ['EDNS', query({ edns: edns() }), { ...plain, edns: true, payloadSize: 1232 }],
    [
      'EDNS below 512 as it is',
      query({ edns: edns({ payloadSize: 100 }) }),
      { ...plain, edns: true, payloadSize: 100 },
    ],
    ['DO', query({ edns: edns({ dnssecOk: true }) }), { ...plain, edns: true, payloadSize: 1232, dnssecOk: true }],
    [
      'options',
      query({ edns: edns({ options: [{ code: 10, data: octets('12345678') }] }) }),
      { ...plain, edns: true, payloadSize: 1232 },
    ],
  ])('%s', (_what, bytes, expected) => {
    expect(peek(bytes)).toEqual(expected)
  })

  it.each([
    [1, 1],
    [257, 1],
    [65_535, 1],
    [1, 3],
    [16, 255],
    [255, 65_535],
    [0, 0],
  ])("the key of type %i class %i is the question's", (type, klass) => {
    const q = asked('wWw.Example.com', type, klass)
    expect(peek(query({ question: q }))?.key).toBe(questionKey(q))
  })

  it.each([
    ['the root', ROOT],
    ['255 octets', wire([...Array(3).fill('X'.repeat(63)), 'y'.repeat(61)].join('.'))],
    ['octets beyond ASCII', nameFromLabels(['\xc0A', '\x00.']) ?? ROOT],
  ])("the key of %s is the question's", (_what, cased) => {
    const bytes = query({ cased, edns: edns() })
    const decoded = decodeMessage(bytes)
    expect(
      decoded.kind === 'message' && decoded.message.question !== null ? questionKey(decoded.message.question) : '',
    ).toBe(peek(bytes)?.key)
  })

  const patched = (at: number, ...values: number[]): Uint8Array => {
    const bytes = query({ edns: edns({ options: [{ code: 10, data: octets('ab') }] }) })
    bytes.set(values, at)
    return bytes
  }
  it.each([
    ['a response', patched(2, 0x81)],
    ['an opcode', patched(2, 0x29)],
    ['AA', patched(2, 0x05)],
    ['TC', patched(2, 0x03)],
    ['RA', patched(3, 0x80)],
    ['an rcode', patched(3, 0x01)],
    ['no question', patched(4, 0, 0)],
    ['two questions', patched(4, 0, 2)],
    ['256 questions more', patched(4, 1, 1)],
    ['an answer', patched(6, 0, 1)],
    ['an authority record', patched(8, 0, 1)],
    ['two additional records', patched(10, 0, 2)],
    ['256 additional records', patched(10, 1, 0)],
    ['an additional record too few', patched(10, 0, 0)],
    ['a pointer', patched(12, 0xc0, 12)],
    ['a label of 64', patched(12, 64)],
    ['an OPT owner that is not the root', patched(33, 1)],
    ['another type than OPT', patched(34, 0, 1)],
    ['EDNS version 1', patched(39, 1)],
    ['RDLENGTH too long', patched(42, 0, 7)],
    ['RDLENGTH too short', patched(42, 0, 5)],
    ['an option over the end', patched(46, 0, 3)],
    ['an octet behind', join(query(), hex('00'))],
    ['an octet missing', query().subarray(0, -1)],
    ['a header', query().subarray(0, 12)],
    ['nothing', hex('')],
    [
      'a name of 256 octets',
      join(
        hex('1234 0100 0001 0000 0000 0000'),
        ...Array.from({ length: 4 }, () => join(hex('3f'), new Uint8Array(63).fill(97))),
        hex('00 0001 0001'),
      ),
    ],
  ])('%s is not for the byte path', (_what, bytes) => {
    expect(peek(bytes)).toBeNull()
  })

  it('looks at no octet behind the given length, and is not deceived by what an earlier query left', () => {
    const out = newPeek()
    const long = query({ edns: edns({ dnssecOk: true }), checkingDisabled: true })
    expect(peekQuery(long, long.length, out)).toBe(true)
    const buffer = join(query(), hex('ffffffffffffffff'))
    expect(peekQuery(buffer, query().length, out)).toBe(true)
    expect({ ...out, key: keyOf(out) }).toMatchObject(plain)
    expect(peekQuery(query(), query().length + 1, out)).toBe(false)
  })
})

describe('matchReply', () => {
  const sent = query({ edns: edns() })
  const reply = (changes: Parameters<typeof message>[0] = {}): Uint8Array =>
    encodeMessage(message({ question, answer: [a('www.example.com', 1)], ...changes }), { maxBytes: 65_535 }).bytes
  const error = (rcode: number): Uint8Array => reply({ question: null, answer: [], rcode })

  it.each([
    ['its reply', reply(), 'match'],
    ['another case', reply({ question: asked('www.example.com', 1) }), 'wrong-case'],
    ['one letter of another case', reply({ question: { ...question, cased: wire('WWw.Example.com') } }), 'wrong-case'],
    ['another ID', reply({ id: 0x1235 }), 'mismatch'],
    ['another ID, first octet', reply({ id: 0x1334 }), 'mismatch'],
    ['a query', reply({ response: false }), 'mismatch'],
    ['another opcode', reply({ opcode: 5 }), 'mismatch'],
    ['another name', reply({ question: asked('wWw.Example.net', 1) }), 'mismatch'],
    [
      'a name with an octet that differs like a letter',
      reply({ question: { ...question, cased: wire('wWw.Example\x0ecom') } }),
      'mismatch',
    ],
    ['a longer name', reply({ question: asked('a.wWw.Example.com', 1) }), 'mismatch'],
    ['another type', reply({ question: asked('wWw.Example.com', 28) }), 'mismatch'],
    ['a type that differs like a letter', reply({ question: { ...question, type: 1 ^ 0x20 } }), 'mismatch'],
    ['another class', reply({ question: { ...question, class: 3 } }), 'mismatch'],
    ['no question, FORMERR', error(1), 'no-question'],
    ['no question, SERVFAIL', error(2), 'no-question'],
    ['no question, NOTIMP', error(4), 'no-question'],
    ['no question, REFUSED', error(5), 'no-question'],
    ['no question, NOERROR', error(0), 'mismatch'],
    ['no question, NXDOMAIN', error(3), 'mismatch'],
    [
      'no question, another ID',
      (() => {
        const bytes = error(1)
        bytes[0] = 0
        return bytes
      })(),
      'mismatch',
    ],
    [
      'two questions',
      (() => {
        const bytes = reply()
        bytes[5] = 2
        return bytes
      })(),
      'mismatch',
    ],
    ['cut in the question', reply().subarray(0, 20), 'mismatch'],
    ['cut in the header', reply().subarray(0, 11), 'mismatch'],
    ['nothing', hex(''), 'mismatch'],
  ])('%s', (_what, bytes, expected) => {
    expect(matchReply(sent, bytes)).toBe(expected)
  })

  it('type 0x41 against class of the other case stays a mismatch', () => {
    const odd = { ...question, type: 0x4141 }
    expect(matchReply(query({ question: odd }), reply({ question: { ...odd, type: 0x4161 } }))).toBe('mismatch')
  })
})

describe('patches', () => {
  it('sets one thing and leaves the others', () => {
    const bytes = hex('0000 ffff 0001 0002 0003 0004')
    setId(bytes, 0xabcd)
    expect(idOf(bytes)).toBe(0xabcd)
    expect(bytes).toEqual(hex('abcd ffff 0001 0002 0003 0004'))
  })

  it('the flags QR and TC are read from the octets of a message', () => {
    expect(
      [hex('0000 8000 0000 0000 0000 0000'), hex('0000 7fff 0000 0000 0000 0000'), hex('0000 80')].map(bytes =>
        isResponse(bytes, bytes.length),
      ),
    ).toEqual([true, false, false])
    expect([hex('0000 0200'), hex('0000 fd00')].map(isTruncated)).toEqual([true, false])
  })

  it('finds the end of the question', () => {
    expect(questionEnd(query())).toBe(33)
    expect(questionEnd(query().subarray(0, -1))).toBe(-1)
    expect(questionEnd(hex('0000 0000 0001 0000 0000 0000 c00c 0001 0001'))).toBe(-1)
    expect(questionEnd(hex('0000'))).toBe(-1)
  })
})
