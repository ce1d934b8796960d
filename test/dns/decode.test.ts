import { describe, expect, it } from 'vitest'
import {
  type Decoded,
  decodeMessage,
  decodeReply,
  MAX_NAMED_RDATA_OCTETS,
  MAX_POINTER_HOPS,
  readName,
} from '../../src/dns/decode.ts'
import type { Message } from '../../src/dns/message.ts'
import { nameBytes, ROOT } from '../../src/dns/name.ts'
import { RrType } from '../../src/dns/types.ts'
import { countReads } from '../fuzz/counting.ts'
import { bombs } from '../../src/attacks/bombs.ts'
import { asked, hex, join, name, octets, raw, toHex, wire } from './make.ts'

const question = join(nameBytes(wire('www.example.com')), hex('0001 0001'))
/** A record owned by the question, from hex of type, class, TTL, RDLENGTH and RDATA. */
const record = (rest: string): Uint8Array => join(hex('c00c'), hex(rest))

function good(decoded: Decoded): Message {
  if (decoded.kind !== 'message') throw new Error(`${decoded.why} at ${decoded.offset}`)
  return decoded.message
}

const failure = (decoded: Decoded): [string, number] | null =>
  decoded.kind === 'format-error' ? [decoded.why, decoded.offset] : null

describe('a reply', () => {
  const ns = record('0002 0001 0000003c 0006 036e7331 c010')
  const a = record('0001 0001 0000003c 0004 c0000201')
  const reply = (counts: readonly [number, number, number, number], ...records: Uint8Array[]): Uint8Array =>
    raw([...counts], join(question, ...records))
  const counts = (bytes: Uint8Array): number[] => {
    const { answer, authority, additional } = good(decodeReply(bytes))
    return [answer.length, authority.length, additional.length]
  }

  it('that answers is read without the records that nobody asked for', () => {
    expect(counts(reply([1, 1, 1, 1], a, ns, a))).toEqual([1, 0, 0])
    expect(good(decodeMessage(reply([1, 1, 1, 1], a, ns, a))).authority).toHaveLength(1)
  })

  it('that answers something else, or refers elsewhere, is read as a whole', () => {
    expect(counts(reply([1, 0, 1, 1], ns, a))).toEqual([0, 1, 1])
    expect(counts(reply([1, 1, 1, 1], ns, ns, a))).toEqual([1, 1, 1])
  })

  it.each([
    ['an address of five octets', record('0001 0001 0000003c 0005 c000020100')],
    ['a name that points forwards', record('0002 0001 0000003c 0002 c0ff')],
    ['a name longer than its RDATA', record('0002 0001 0000003c 0002 036e')],
    ['octets behind the name', record('0002 0001 0000003c 0003 c00c00')],
    ['an owner that points at itself', join(hex('c02d'), hex('0001 0001 0000003c 0004 c0000201'))],
  ])('is malformed with %s among what is left out', (_, broken) => {
    const bytes = reply([1, 1, 1, 0], a, broken)
    expect(failure(decodeReply(bytes))).not.toBeNull()
    expect(failure(decodeReply(bytes))).toEqual(failure(decodeMessage(bytes)))
  })
})

describe('header and question', () => {
  it('each bit of the header is read', () => {
    const bits = (flags: string) => good(decodeMessage(hex(`abcd ${flags} 0000 0000 0000 0000`)))
    const quiet = {
      response: false,
      opcode: 0,
      authoritative: false,
      truncated: false,
      recursionDesired: false,
      recursionAvailable: false,
      authenticData: false,
      checkingDisabled: false,
      rcode: 0,
    }
    const cases: [string, Partial<Message>][] = [
      ['0000', {}],
      ['8000', { response: true }],
      ['2800', { opcode: 5 }],
      ['0400', { authoritative: true }],
      ['0200', { truncated: true }],
      ['0100', { recursionDesired: true }],
      ['0080', { recursionAvailable: true }],
      ['0040', {}],
      ['0020', { authenticData: true }],
      ['0010', { checkingDisabled: true }],
      ['000f', { rcode: 15 }],
    ]
    for (const [flags, set] of cases) expect(bits(flags), flags).toMatchObject({ id: 0xabcd, ...quiet, ...set })
  })

  it('keeps the case of the question beside the folded name', () => {
    const decoded = good(decodeMessage(raw([1, 0, 0, 0], join(nameBytes(wire('wWw.Example.COM')), hex('001c 0001')))))
    expect(decoded.question).toEqual({
      name: name('www.example.com'),
      cased: wire('wWw.Example.COM'),
      type: 28,
      class: 1,
    })
  })

  it('a message may have no question', () => {
    expect(good(decodeMessage(raw([0, 0, 0, 0], hex('')))).question).toBeNull()
  })

  it.each([
    ['nothing', '', null, null],
    ['eleven octets', '0001 8000 0001 0000 0000 00', null, null],
    ['two questions', `0001 8000 0002 0000 0000 0000 ${toHex(question)} ${toHex(question)}`, 1, null],
    ['a question cut in its name', '0001 8000 0001 0000 0000 0000 03777777', 1, null],
    ['a question without class', '0001 8000 0001 0000 0000 0000 00 0001', 1, null],
    ['a reserved label type', '0001 8000 0001 0000 0000 0000 41 00 0001 0001', 1, null],
    ['a pointer to itself', '0001 8000 0001 0000 0000 0000 c00c 0001 0001', 1, null],
    ['a pointer into the header', '0001 8000 0001 0000 0000 0000 c004 0001 0001', 1, null],
    ['a pointer forwards', '0001 8000 0001 0000 0000 0000 c012 0001 0001 00', 1, null],
    [
      'octets behind the question of a query',
      `0001 0000 0001 0000 0000 0000 ${toHex(question)} 00`,
      1,
      asked('www.example.com', 1),
    ],
    ['more records than octets', `0001 8200 0001 ffff ffff ffff ${toHex(question)}`, 1, asked('www.example.com', 1)],
    [
      'a record cut short',
      `0001 8200 0001 0001 0000 0000 ${toHex(question)} c00c 0001 0001 0000 0000 0004 01`,
      1,
      asked('www.example.com', 1),
    ],
  ])('%s is a format error that tells what it could read', (_what, text, id, expected) => {
    const decoded = decodeMessage(hex(text))
    expect(decoded.kind).toBe('format-error')
    if (decoded.kind !== 'format-error') return
    expect(decoded.header?.id ?? null).toBe(id)
    expect(decoded.question).toEqual(expected)
    expect(decoded.offset).toBeLessThanOrEqual(hex(text).length)
    expect(decoded.why).not.toBe('')
  })

  it('passes over octets after the last record of a reply', () => {
    const text = `0001 8000 0001 0000 0000 0000 ${toHex(question)} 0000 0000`
    expect(decodeMessage(hex(text))).toMatchObject({ kind: 'message', message: { answer: [] } })
  })

  it('tells of a cut reply that it was cut (TC)', () => {
    const cut = join(
      hex('0001 8600 0001 0002 0000 0000'),
      question,
      record('0001 0001 0000 003c 0004 c0000201'),
      hex('c00c 0001'),
    )
    const decoded = decodeMessage(cut)
    expect(decoded).toMatchObject({
      kind: 'format-error',
      header: { truncated: true, authoritative: true },
      question: asked('www.example.com', 1),
    })
  })
})

describe('names', () => {
  const at = (text: string, offset: number, limit = 99) => readName(hex(text), offset, limit)

  it('a compression pointer is followed only when it points backwards', () => {
    const bytes = join(
      new Uint8Array(12),
      hex('03636f6d00'),
      hex('07'),
      octets('example'),
      hex('c00c'),
      hex('03777777 c011'),
    )
    expect(readName(bytes, 27, bytes.length)).toEqual({ name: wire('www.example.com'), next: 33 })
    expect(readName(bytes, 17, bytes.length)).toEqual({ name: wire('example.com'), next: 27 })
    expect(readName(bytes, 16, bytes.length)).toEqual({ name: ROOT, next: 17 })
  })

  it('must end before the limit, and may point out of it', () => {
    const bytes = join(new Uint8Array(12), hex('03636f6d00 c00c'))
    expect(readName(bytes, 12, 16)).toBeNull()
    expect(readName(bytes, 12, 17)?.next).toBe(17)
    expect(readName(bytes, 17, 18)).toBeNull()
    expect(readName(bytes, 17, 19)).toEqual({ name: wire('com'), next: 19 })
    expect(at('', 0)).toBeNull()
  })

  it('keeps every octet: dots, zeros and high octets in labels', () => {
    const bytes = join(new Uint8Array(12), hex('03612e62 0200ff 00'))
    expect(readName(bytes, 12, bytes.length)?.name).toBe('\x03a.b\x02\x00\xff\x00')
  })

  it.each([
    [127, true],
    [128, false],
  ])('%i labels of one octet', (labels, ok) => {
    const bytes = join(new Uint8Array(12), ...Array.from({ length: labels }, () => hex('0161')), hex('00'))
    expect(readName(bytes, 12, bytes.length) !== null).toBe(ok)
  })

  it('counts the octets behind a pointer towards the 255', () => {
    const long = nameBytes(wire(['x'.repeat(63), 'x'.repeat(63), 'x'.repeat(63), 'y'.repeat(59)].join('.')))
    expect(long.length).toBe(253)
    const bytes = join(new Uint8Array(12), long, hex('0161 c00c'), hex('026161 c00c'))
    expect(readName(bytes, 265, bytes.length)?.name.length).toBe(255)
    expect(readName(bytes, 269, bytes.length)).toBeNull()
  })

  it.each([
    [MAX_POINTER_HOPS, true],
    [MAX_POINTER_HOPS + 1, false],
  ])('%i pointers in a row', (hops, ok) => {
    const chain = Array.from({ length: hops }, (_, i) => {
      const to = i === 0 ? 12 : 13 + 2 * (i - 1)
      return Uint8Array.of(0xc0 | (to >> 8), to & 0xff)
    })
    const bytes = join(new Uint8Array(12), hex('00'), ...chain)
    expect(readName(bytes, bytes.length - 2, bytes.length) !== null).toBe(ok)
  })

  it('a name cannot run into itself', () => {
    // A label in front of a pointer back to the label: were it followed, it would never end.
    expect(readName(join(new Uint8Array(12), hex('0161 c00c')), 12, 16)).toBeNull()
    expect(readName(join(new Uint8Array(12), hex('0161 c010 c00c')), 16, 18)).toBeNull()
  })
})

describe('records', () => {
  it('reads owner, type, class, TTL and RDATA', () => {
    const decoded = good(decodeMessage(raw([1, 1, 0, 0], join(question, record('0001 0001 0000 012c 0004 c0000201')))))
    expect(decoded.answer).toEqual([
      { owner: wire('www.example.com'), type: 1, class: 1, ttl: 300, rdata: hex('c0000201') },
    ])
  })

  it.each([
    ['7fffffff', 0x7fff_ffff],
    ['80000000', 0],
    ['ffffffff', 0],
  ])('TTL %s counts as %i (RFC 2181 section 8)', (ttl, seconds) => {
    expect(
      good(decodeMessage(raw([1, 1, 0, 0], join(question, record(`0001 0001 ${ttl} 0004 c0000201`))))).answer[0]?.ttl,
    ).toBe(seconds)
  })

  it('puts records into their sections', () => {
    const soa = record('0006 0001 00000001 0018 c00c c00c 00000001 00000002 00000003 00000004 00000005')
    const decoded = good(
      decodeMessage(
        raw(
          [1, 1, 1, 1],
          join(question, record('0001 0001 00000001 0004 01020304'), soa, record('0010 0001 00000001 0002 0161')),
        ),
      ),
    )
    expect(
      [decoded.answer, decoded.authority, decoded.additional].map(section => section.map(found => found.type)),
    ).toEqual([[1], [6], [16]])
    expect(toHex(decoded.authority[0]?.rdata ?? hex(''))).toBe(
      `${toHex(nameBytes(wire('www.example.com'))).repeat(2)}${'0000000100000002000000030000000400000005'}`,
    )
  })

  it('keeps no view on its input', () => {
    const bytes = Buffer.from(
      raw(
        [1, 1, 0, 1],
        join(question, record('0001 0001 0000 012c 0004 c0000201'), hex('00 0029 0400 00000000 0006 000a 0002 beef')),
      ),
    )
    const before = good(decodeMessage(bytes))
    const copy = structuredClone(before)
    bytes.fill(0xff)
    expect(before).toEqual(copy)
    expect(before.answer[0]?.rdata.buffer).not.toBe(bytes.buffer)
  })

  it('reads a Buffer and a plain array alike, also inside a larger one', () => {
    const bytes = raw([1, 1, 0, 0], join(question, record('0005 0001 0000 012c 0006 0378797ac010')))
    const larger = join(hex('ffff ff'), bytes, hex('ff'))
    expect(decodeMessage(larger.subarray(3, 3 + bytes.length))).toEqual(decodeMessage(Buffer.from(bytes)))
  })
})

describe('RDLENGTH is enforced', () => {
  const decodeRdata = (type: number, klass: number, rdata: Uint8Array) =>
    decodeMessage(
      raw(
        [1, 1, 0, 0],
        join(
          question,
          hex('c00c'),
          Uint8Array.of(
            type >> 8,
            type & 0xff,
            klass >> 8,
            klass & 0xff,
            0,
            0,
            0,
            1,
            rdata.length >> 8,
            rdata.length & 0xff,
          ),
          rdata,
        ),
      ),
    )

  it.each([
    ['A of 3', RrType.A, '010203'],
    ['A of 5', RrType.A, '0102030405'],
    ['A of 0', RrType.A, ''],
    ['AAAA of 15', RrType.AAAA, '00'.repeat(15)],
    ['NS of 0', RrType.NS, ''],
    ['NS with an octet more', RrType.NS, '016100ff'],
    ['NS that ends in the next octet', RrType.NS, '0161'],
    ['MX of 0', RrType.MX, ''],
    ['MX without a name', RrType.MX, '000a'],
    ['MX with an octet more', RrType.MX, '000a 0000'],
    ['half a pointer', RrType.CNAME, 'c0'],
    ['SOA without numbers', RrType.SOA, '0000'],
    ['SOA with one too many', RrType.SOA, `0000${'00'.repeat(21)}`],
    ['SRV cut', RrType.SRV, '0001 0002 00'],
    ['TXT of 0', RrType.TXT, ''],
    ['TXT whose string is too long', RrType.TXT, '05616263'],
    ['HINFO with one string', RrType.HINFO, '0161'],
    ['HINFO with three', RrType.HINFO, '0161 0162 0163'],
    ['DS of 3', RrType.DS, '000102'],
    ['RRSIG without signer', RrType.RRSIG, '00'.repeat(18)],
    ['NSEC bit map of length 0', RrType.NSEC, '00 0000'],
    ['NSEC bit map of length 33', RrType.NSEC, `00 0021${'ff'.repeat(33)}`],
    ['NSEC bit map over the end', RrType.NSEC, '00 0002 ff'],
    ['NSEC with half a bit map', RrType.NSEC, '00 00'],
    ['NSEC3 with a long salt', RrType.NSEC3, '01000000 ff aabb'],
    ['NSEC3PARAM with an octet more', RrType.NSEC3PARAM, '01000000 00 ff'],
    ['SVCB parameter over the end', RrType.SVCB, '0001 00 0001 0005 00'],
    ['SVCB with half a parameter', RrType.HTTPS, '0001 00 0001 00'],
    ['LOC of 15', RrType.LOC, '00'.repeat(15)],
    ['EUI48 of 5', RrType.EUI48, '0102030405'],
    ['CAA without tag', RrType.CAA, '00'],
    ['CAA tag over the end', RrType.CAA, '00 05 6973'],
    ['NAPTR cut in its strings', RrType.NAPTR, '0001 0001 0155 05'],
  ])('%s', (_what, type, rdata) => {
    expect(decodeRdata(type, 1, hex(rdata)).kind).toBe('format-error')
  })

  it.each([
    ['A', RrType.A, '01020304'],
    ['TXT with an empty string', RrType.TXT, '00'],
    ['NSEC without bit map', RrType.NSEC, '00'],
    ['SVCB in alias mode', RrType.SVCB, '0000 00'],
    ['LOC of an unknown version', RrType.LOC, '01'],
    ['DS without digest', RrType.DS, '0001 08 02'],
    ['an unknown type, empty', 65_280, ''],
    ['an unknown type with what looks like a pointer', 65_280, 'c00cc0ff'],
    ['NULL', RrType.NULL, 'ff'],
    ['CAA', RrType.CAA, '00 05 6973737565 63612e74657374'],
    ['NSEC3', RrType.NSEC3, '01000000 02aabb 0101 0001 40'],
  ])('%s is kept as it is', (_what, type, rdata) => {
    expect(good(decodeRdata(type, 1, hex(rdata))).answer[0]?.rdata).toEqual(hex(rdata))
  })

  it('A is an address in class IN alone', () => {
    expect(good(decodeRdata(RrType.A, 3, hex('0161000102'))).answer[0]?.rdata).toEqual(hex('0161000102'))
    expect(decodeRdata(RrType.TXT, 3, hex('05')).kind).toBe('format-error')
  })

  it('classes ANY and NONE may come without RDATA (RFC 2136 section 2.4)', () => {
    expect(good(decodeRdata(RrType.A, 255, hex(''))).answer[0]?.rdata).toEqual(hex(''))
    expect(good(decodeRdata(RrType.NS, 254, hex(''))).answer[0]?.rdata).toEqual(hex(''))
  })

  it.each([
    ['NS', RrType.NS, 'c010', 'example.com'],
    ['CNAME', RrType.CNAME, '0378797a c010', 'xyz.example.com'],
    ['DNAME', RrType.DNAME, 'c014', 'om'],
  ])('decompresses %s', (_what, type, rdata, text) => {
    if (text === 'om') expect(decodeRdata(type, 1, hex(rdata)).kind).toBe('format-error')
    else expect(good(decodeRdata(type, 1, hex(rdata))).answer[0]?.rdata).toEqual(nameBytes(wire(text)))
  })

  it('names between numbers in RDATA are decompressed', () => {
    const com = toHex(nameBytes(wire('example.com')))
    expect(toHex(good(decodeRdata(RrType.MX, 1, hex('000a c010'))).answer[0]?.rdata ?? hex(''))).toBe(`000a${com}`)
    expect(toHex(good(decodeRdata(RrType.SRV, 1, hex('0001 0002 0035 0161 c010'))).answer[0]?.rdata ?? hex(''))).toBe(
      `0001000200350161${com}`,
    )
    expect(toHex(good(decodeRdata(RrType.MINFO, 1, hex('00 c010'))).answer[0]?.rdata ?? hex(''))).toBe(`00${com}`)
    expect(toHex(good(decodeRdata(RrType.RP, 1, hex('c010 016100'))).answer[0]?.rdata ?? hex(''))).toBe(`${com}016100`)
    expect(
      toHex(good(decodeRdata(RrType.NAPTR, 1, hex('0001 0002 0155 00 0178 c010'))).answer[0]?.rdata ?? hex('')),
    ).toBe(`000100020155000178${com}`)
  })

  it('a name in RDATA may not end outside it, even where the octets behind would complete it', () => {
    const body = join(question, hex('c00c 0005 0001 00000001 0002 0161'), hex('00'))
    expect(failure(decodeMessage(raw([1, 1, 0, 0], body)))?.[0]).toBe('name runs over the end')
  })
})

describe('OPT', () => {
  const opt = (rest: string) => hex(`00 0029 ${rest}`)
  const plain = opt('04d0 00008000 0000')

  it('becomes `edns`, and its rcode bits widen the rcode', () => {
    const decoded = good(
      decodeMessage(join(hex('0001 8003 0001 0000 0000 0001'), question, opt('04d0 01008001 0006 000a 0002 beef'))),
    )
    expect(decoded.additional).toEqual([])
    expect(decoded.edns).toEqual({
      payloadSize: 1232,
      version: 0,
      dnssecOk: true,
      flags: 1,
      options: [{ code: 10, data: hex('beef') }],
    })
    expect(decoded.rcode).toBe(0x13)
  })

  it('may stand before other additional records', () => {
    const decoded = good(
      decodeMessage(raw([1, 0, 0, 2], join(question, plain, record('0001 0001 00000001 0004 01020304')))),
    )
    expect(decoded.edns?.dnssecOk).toBe(true)
    expect(decoded.additional).toHaveLength(1)
  })

  it.each([
    ['two of them', [1, 0, 0, 2], join(plain, plain)],
    ['another owner than the root', [1, 0, 0, 1], record('0029 04d0 00000000 0000')],
    ['in the answer section', [1, 1, 0, 0], plain],
    ['in the authority section', [1, 0, 1, 0], plain],
    ['an option over the end', [1, 0, 0, 1], opt('04d0 00000000 0006 000a 0003 beef')],
    ['half an option header', [1, 0, 0, 1], opt('04d0 00000000 0003 000a 00')],
    ['RDLENGTH over the end', [1, 0, 0, 1], opt('04d0 00000000 0001')],
    ['101 options', [1, 0, 0, 1], opt(`04d0 00000000 0194 ${'fde80000'.repeat(101)}`)],
  ] satisfies [string, [number, number, number, number], Uint8Array][])(
    '%s is a format error',
    (_what, counts, body) => {
      expect(failure(decodeMessage(raw(counts, join(question, body))))).not.toBeNull()
    },
  )

  it('takes 100 options, duplicates and unknown ones included', () => {
    expect(
      good(decodeMessage(raw([1, 0, 0, 1], join(question, opt(`04d0 00000000 0190 ${'fde80000'.repeat(100)}`))))).edns
        ?.options,
    ).toHaveLength(100)
  })

  it('does not judge options of a version it does not know: that is BADVERS, not FORMERR', () => {
    expect(
      good(decodeMessage(raw([1, 0, 0, 1], join(question, opt('04d0 00010000 0003 000a 00'))))).edns,
    ).toMatchObject({ version: 1, options: [] })
  })
})

describe('compression bombs', () => {
  it.each(bombs)('$what: bounded octets, bounded reads', ({ bytes }) => {
    const counted = countReads(bytes)
    const decoded = decodeMessage(counted.bytes)
    // Fields, labels, copies, and a name of 255 octets for a record of 16.
    expect(counted.reads()).toBeLessThan(bytes.length * 24 + 100)
    if (decoded.kind !== 'message') return
    const { answer, authority, additional } = decoded.message
    const made = [...answer, ...authority, ...additional].reduce((sum, found) => sum + found.rdata.length, 0)
    expect(made).toBeLessThanOrEqual(MAX_NAMED_RDATA_OCTETS + bytes.length)
  })

  it('refuses those that blow up to most, and takes big honest sets', () => {
    const verdicts = Object.fromEntries(bombs.map(bomb => [bomb.what, decodeMessage(bomb.bytes).kind]))
    expect(verdicts).toMatchObject({
      'MINFO records, each two pointers to one name of 255 octets': 'format-error',
      'counts of 65,535 in a bare header': 'format-error',
      'NS records of one label and a pointer to 253 octets': 'format-error',
      'A records owned by one name of 127 labels': 'message',
    })
  })
  it.each([
    [4_000, 60, 'message'],
    [3_000, 30, 'message'],
    [4_000, 120, 'format-error'],
  ])('%i PTR records with names of %i octets: %s', (count, length, kind) => {
    const suffix = nameBytes(
      wire(['y'.repeat(length > 70 ? 50 : 1), 'x'.repeat(length - 10 - (length > 70 ? 50 : 1)), 'test'].join('.')),
    )
    const records = Array.from({ length: count }, (_, i) =>
      join(hex('c00c 000c 0001 00000000 0004 01'), Uint8Array.of(i), hex('c00c')),
    )
    expect(decodeMessage(raw([1, count, 0, 0], join(suffix, hex('000c 0001'), ...records))).kind).toBe(kind)
  })
})
