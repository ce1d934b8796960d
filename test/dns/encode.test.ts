import { describe, expect, it } from 'vitest'
import { decodeMessage } from '../../src/dns/decode.ts'
import { encodeMessage, encodeQuery } from '../../src/dns/encode.ts'
import type { Message } from '../../src/dns/message.ts'
import { nameBytes } from '../../src/dns/name.ts'
import { nameRdata, soaRdata } from '../../src/dns/rdata.ts'
import type { Rr } from '../../src/dns/rrset.ts'
import { RrType } from '../../src/dns/types.ts'
import { bombs } from '../../src/attacks/bombs.ts'
import { a, asked, edns, hex, join, message, octets, rr, toHex, wire, mxRdata, txtRdata } from './make.ts'

const encode = (m: Message, maxBytes = 65_535, minimal = false) => encodeMessage(m, { maxBytes, minimal })

function decoded(bytes: Uint8Array): Message {
  const result = decodeMessage(bytes)
  if (result.kind !== 'message') throw new Error(`${result.why} at ${result.offset}`)
  return result.message
}

const ns = (owner: string, target: string): Rr => rr(owner, RrType.NS, nameRdata(wire(target)))
const soa = soaRdata({
  mname: wire('ns.example.com'),
  rname: wire('host.example.com'),
  serial: 1,
  refresh: 2,
  retry: 3,
  expire: 4,
  minimum: 5,
})

describe('header', () => {
  it.each([
    [{}, '1234 8180'],
    [{ response: false }, '1234 0180'],
    [{ opcode: 4 }, '1234 a180'],
    [{ authoritative: true }, '1234 8580'],
    [{ truncated: true }, '1234 8380'],
    [{ recursionDesired: false }, '1234 8080'],
    [{ recursionAvailable: false }, '1234 8100'],
    [{ authenticData: true }, '1234 81a0'],
    [{ checkingDisabled: true }, '1234 8190'],
    [{ rcode: 3 }, '1234 8183'],
    [{ id: 0xffff }, 'ffff 8180'],
  ] satisfies [Partial<Message>, string][])('%j', (changes, expected) => {
    expect(encode(message({ question: null, ...changes })).bytes).toEqual(hex(`${expected} 0000 0000 0000 0000`))
  })

  it('splits a 12-bit rcode between header and OPT', () => {
    const bytes = encode(message({ question: null, rcode: 0x17, edns: edns() })).bytes
    expect(toHex(bytes)).toBe('123481870000000000000001' + '00002904d0010000000000')
    expect(decoded(bytes).rcode).toBe(0x17)
  })

  it('says SERVFAIL where a wide rcode has no OPT to go in: its low bits would mean something else', () => {
    expect(decoded(encode(message({ rcode: 16 })).bytes).rcode).toBe(2)
  })
})

describe('compression', () => {
  it('is what RFC 1035 section 4.1.4 shows', () => {
    const { bytes } = encode(
      message({
        answer: [
          rr('www.example.com', RrType.CNAME, nameRdata(wire('web.example.com')), 1),
          a('web.example.com', 1, 2),
        ],
      }),
    )
    expect(bytes).toEqual(
      join(
        hex('1234 8180 0001 0002 0000 0000'),
        nameBytes(wire('www.example.com')),
        hex('0001 0001'),
        hex('c00c 0005 0001 00000001 0006 03776562 c010'),
        hex('c02d 0001 0001 00000002 0004 c0000201'),
      ),
    )
  })

  it('gives the owner the case of the question (0x20)', () => {
    const cased = wire('wWw.eXaMpLe.cOm')
    const { bytes } = encode(
      message({ question: { ...asked('www.example.com', 1), cased }, answer: [a('www.example.com', 1)] }),
    )
    expect(decoded(bytes).answer[0]?.owner).toBe(cased)
    expect(bytes.length).toBe(12 + 17 + 4 + 16)
  })

  it.each([
    ['NS', RrType.NS, nameRdata(wire('a.example.com')), 4],
    ['PTR', RrType.PTR, nameRdata(wire('www.example.com')), 2],
    ['MX', RrType.MX, mxRdata(10, wire('mx.example.com')), 2 + 5],
    ['SOA', RrType.SOA, soa, 5 + 7 + 20],
    ['MINFO', RrType.MINFO, join(nameRdata(wire('example.com')), nameRdata(wire('com'))), 4],
  ])('%s: names in RDATA are compressed', (_what, type, rdata, length) => {
    const { bytes } = encode(message({ answer: [rr('www.example.com', type, rdata)] }))
    expect(bytes.length).toBe(12 + 21 + 12 + length)
    expect(decoded(bytes).answer[0]?.rdata).toEqual(rdata)
  })

  it.each([
    ['DNAME', RrType.DNAME, nameRdata(wire('www.example.com'))],
    ['SRV', RrType.SRV, join(hex('0001 0002 0003'), nameRdata(wire('www.example.com')))],
    ['AFSDB', RrType.AFSDB, join(hex('0001'), nameRdata(wire('www.example.com')))],
    ['NSEC', RrType.NSEC, join(nameRdata(wire('www.example.com')), hex('0001 40'))],
    ['SVCB', RrType.SVCB, join(hex('0001'), nameRdata(wire('www.example.com')))],
    ['an unknown type', 65_280, nameRdata(wire('www.example.com'))],
  ])('%s: they are not (RFC 3597 section 4)', (_what, type, rdata) => {
    expect(encode(message({ answer: [rr('www.example.com', type, rdata)] })).bytes.length).toBe(
      12 + 21 + 12 + rdata.length,
    )
  })

  it('copies RDATA that does not fit its type as it is', () => {
    const { bytes } = encode(message({ answer: [rr('www.example.com', RrType.NS, hex('0161'))] }))
    expect(toHex(bytes).endsWith('00020161')).toBe(true)
  })

  it('does not point beyond 14 bits', () => {
    const filler = Array.from({ length: 70 }, (_, i) => rr(`f${i}.test`, RrType.NULL, new Uint8Array(250)))
    const late = [a('late.example.org', 1), a('late.example.org', 2), a('www.example.com', 3)]
    const again = decoded(encode(message({ answer: [...filler, ...late] })).bytes)
    expect(again.answer).toEqual([...filler, ...late])
  })

  it('stops searching suffixes after a while, and still knows names as a whole', () => {
    const names = Array.from({ length: 2_000 }, (_, i) => `n${i}.a.b.c.d.test`)
    const answer = names.map(text => a(text, 1))
    const { bytes } = encode(message({ answer: [...answer, a('www.example.com', 1)] }))
    expect(decoded(bytes).answer).toEqual([...answer, a('www.example.com', 1)])
    const spread = answer.length * (16 + 8) + 12 + 21
    expect(bytes.length).toBeGreaterThan(spread)
    // The last record, owned by the question's name, costs a pointer and no more.
    expect(bytes.length).toBe(encode(message({ answer })).bytes.length + 16)
  })

  it('survives what bombs decode to', () => {
    for (const bomb of bombs) {
      const result = decodeMessage(bomb.bytes)
      if (result.kind !== 'message') continue
      const { bytes } = encode(result.message)
      expect(bytes.length, bomb.what).toBeLessThanOrEqual(65_535)
      expect(decodeMessage(bytes).kind, bomb.what).toBe('message')
    }
  })
})

describe('truncation', () => {
  const two = [a('www.example.com', 1), a('www.example.com', 2)]
  const other = [rr('www.example.com', RrType.TXT, txtRdata('x'.repeat(200)))]
  const full = message({
    answer: [...two, ...other],
    authority: [ns('example.com', 'ns.example.com')],
    additional: [a('ns.example.com', 9), a('ns.example.com', 10)],
    edns: edns(),
  })
  const size = (m: Message) => encode(m).bytes.length

  it.each([
    ['all fits', full, full, false],
    ['one octet less: no additional, and no TC', full, { ...full, additional: [] }, false],
    ['authority gone: TC', { ...full, additional: [] }, { ...full, additional: [], authority: [] }, true],
    [
      'the second RRset of the answer gone: TC',
      { ...full, additional: [], authority: [] },
      { ...full, additional: [], authority: [], answer: two },
      true,
    ],
    ['an RRset goes as a whole', message({ answer: two, edns: edns() }), message({ edns: edns() }), true],
  ])('%s', (what, whole, expected, truncated) => {
    const maxBytes = what === 'all fits' ? size(whole) : size(whole) - 1
    const result = encode(full.answer.length === whole.answer.length ? full : whole, maxBytes)
    expect(result.bytes.length).toBeLessThanOrEqual(maxBytes)
    expect(result.truncated).toBe(truncated)
    expect(decoded(result.bytes)).toEqual({ ...expected, truncated })
  })

  it('keeps every bound between a bare header and the whole message', () => {
    const whole = size(full)
    const bare = size({ ...full, answer: [], authority: [], additional: [] })
    for (let maxBytes = bare; maxBytes <= whole; maxBytes++) {
      const result = encode(full, maxBytes)
      const again = decoded(result.bytes)
      expect(result.bytes.length).toBeLessThanOrEqual(maxBytes)
      expect(again.edns).toEqual(full.edns)
      expect([0, 2, 3]).toContain(again.answer.length)
      expect([0, 2]).toContain(again.additional.length)
      expect(result.truncated).toBe(again.truncated)
      expect(again.truncated).toBe(again.answer.length < 3 || again.authority.length < 1)
      expect(result.ttlOffsets).toHaveLength(again.answer.length + again.authority.length + again.additional.length)
    }
  })

  it('an RRset whose owner changes case stays one', () => {
    const answer = [a('a.test', 1), a('A.test', 2), a('a.test', 3)]
    const result = encode(message({ answer }), size(message({ answer })) - 1)
    expect(decoded(result.bytes).answer).toEqual([])
  })

  it('drops EDNS options rather than OPT', () => {
    const wordy = edns({ dnssecOk: true, options: [{ code: 15, data: new Uint8Array(600) }] })
    const result = encode(message({ edns: wordy }), 512)
    expect(result.bytes.length).toBeLessThanOrEqual(512)
    expect(decoded(result.bytes).edns).toEqual({ ...wordy, options: [] })
  })

  it('never goes over 65,535 octets', () => {
    const answer = Array.from({ length: 30 }, (_, i) => rr(`n${i}.test`, RrType.TXT, txtRdata('x'.repeat(4_000))))
    const result = encode(message({ answer, edns: edns() }), 1e9)
    expect(result.truncated).toBe(true)
    expect(decoded(result.bytes).answer.length).toBe(16)
  })

  it('keeps TC of a message that had it', () => {
    expect(encode(message({ truncated: true }))).toMatchObject({ truncated: false })
    expect(decoded(encode(message({ truncated: true })).bytes).truncated).toBe(true)
  })
})

describe('minimal', () => {
  const rrsigNs = rr('example.com', RrType.RRSIG, join(hex('0002'), new Uint8Array(16), hex('00')))
  const nsec = rr('example.com', RrType.NSEC, hex('00'))

  it('leaves out what an answer does not need, and keeps proofs', () => {
    const m = message({
      answer: [a('www.example.com', 1)],
      authority: [ns('example.com', 'ns.example.com'), rrsigNs, nsec],
      additional: [a('ns.example.com', 1)],
    })
    const again = decoded(encode(m, 65_535, true).bytes)
    expect(again.authority.map(record => record.type)).toEqual([RrType.NSEC])
    expect(again.additional).toEqual([])
  })

  it('keeps the SOA of a negative answer behind an alias, and a referral', () => {
    const negative = message({
      answer: [rr('www.example.com', RrType.CNAME, nameRdata(wire('x.test')))],
      authority: [rr('test', RrType.SOA, soa)],
    })
    expect(decoded(encode(negative, 65_535, true).bytes).authority).toHaveLength(1)
    const referral = message({ authority: [ns('example.com', 'ns.example.com')] })
    expect(decoded(encode(referral, 65_535, true).bytes).authority).toHaveLength(1)
  })
})

describe('TTL offsets', () => {
  it('point at the TTL of every record but OPT', () => {
    const m = message({
      answer: [
        rr('www.example.com', RrType.CNAME, nameRdata(wire('web.example.com')), 0x01020304),
        a('web.example.com', 1, 0x05060708),
      ],
      authority: [rr('example.com', RrType.NS, nameRdata(wire('ns.example.com')), 0x090a0b0c)],
      additional: [a('ns.example.com', 1, 0x0d0e0f10)],
      edns: edns(),
    })
    const { bytes, ttlOffsets } = encode(m)
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    expect(Array.from(ttlOffsets, at => view.getUint32(at))).toEqual([0x01020304, 0x05060708, 0x090a0b0c, 0x0d0e0f10])
  })

  it('and the octets are the message alone, in memory of their own', () => {
    const first = encode(message()).bytes
    const copy = Uint8Array.from(first)
    encode(message({ id: 0xffff, question: asked('other.test', 255) }))
    expect(first).toEqual(copy)
    expect(first.buffer.byteLength).toBe(first.length)
  })
})

describe('encodeQuery', () => {
  const question = asked('www.example.com', 28)
  const head = join(nameBytes(wire('www.example.com')), hex('001c 0001'))

  it.each([
    ['plain', { recursionDesired: false, edns: null }, join(hex('abcd 0000 0001 0000 0000 0000'), head)],
    ['RD', { recursionDesired: true, edns: null }, join(hex('abcd 0100 0001 0000 0000 0000'), head)],
    [
      'CD',
      { recursionDesired: false, checkingDisabled: true, edns: null },
      join(hex('abcd 0010 0001 0000 0000 0000'), head),
    ],
    [
      'EDNS',
      { recursionDesired: false, edns: edns() },
      join(hex('abcd 0000 0001 0000 0000 0001'), head, hex('00 0029 04d0 00000000 0000')),
    ],
    [
      'EDNS with DO and an option',
      { recursionDesired: false, edns: edns({ dnssecOk: true, options: [{ code: 10, data: octets('ab') }] }) },
      join(hex('abcd 0000 0001 0000 0000 0001'), head, hex('00 0029 04d0 00008000 0006 000a 0002 6162')),
    ],
  ])('%s', (_what, options, expected) => {
    expect(encodeQuery({ id: 0xabcd, question, ...options })).toEqual(expected)
  })

  it('makes capitals of letters of the name, of one at least, and of nothing else (0x20)', () => {
    const sent = (caseBits?: Uint8Array): Uint8Array =>
      encodeQuery({
        id: 0x6161,
        question,
        recursionDesired: false,
        edns: null,
        ...(caseBits === undefined ? {} : { caseBits }),
      })
    const plain = sent()
    const all = sent(new Uint8Array(32).fill(0xff))
    expect(Buffer.from(all).toString('latin1').toLowerCase()).toBe(Buffer.from(plain).toString('latin1'))
    const letters = [...plain].flatMap((octet, at) =>
      at >= 12 && at < plain.length - 4 && octet >= 0x61 && octet <= 0x7a ? [at] : [],
    )
    expect([...all].flatMap((octet, at) => (octet === plain[at] ? [] : [at]))).toEqual(letters)
    const chosen = sent(new Uint8Array(32))
    expect([...chosen].flatMap((octet, at) => (octet === plain[at] ? [] : [at]))).toEqual(letters.slice(-1))
  })

  it('sends the case it is told', () => {
    const bytes = encodeQuery({ id: 1, question, cased: wire('wWw.eXample.com'), recursionDesired: false, edns: null })
    expect(decoded(bytes).question).toEqual({ ...question, cased: wire('wWw.eXample.com') })
  })
})
