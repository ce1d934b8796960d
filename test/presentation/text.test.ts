import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nameFromLabels, ROOT, type WireName } from '../../src/dns/name.ts'
import {
  formatBase32Hex,
  formatBase64,
  formatHex,
  parseBase32Hex,
  parseBase64,
  parseHex,
} from '../../src/dns/encoding-text.ts'
import { suggest } from '../../src/presentation/suggest.ts'
import {
  formatName,
  formatString,
  parseName,
  parseString,
  parseTtl,
  parseUnsigned,
  shown,
  unescapeText,
} from '../../src/presentation/text.ts'
import { formatTime, parseTime } from '../../src/presentation/time-text.ts'
import { octets, wire } from '../dns/make.ts'

const numRuns = process.env.ROOTWALK_LONG === undefined ? 300 : 100_000
const latin1 = (bytes: Uint8Array): string => String.fromCharCode(...bytes)

const names: fc.Arbitrary<WireName> = fc
  .array(fc.uint8Array({ minLength: 1, maxLength: 63 }), { maxLength: 5 })
  .map(labels => nameFromLabels(labels.map(latin1)) ?? ROOT)

describe('names', () => {
  it.each([
    ['\0', '.'],
    ['\x03www\x07example\0', 'www.example.'],
    ['\x03a.b\x01c\0', 'a\\.b.c.'],
    ['\x09"().;\\@$ \0', '\\"\\(\\)\\.\\;\\\\\\@\\$\\032.'],
    ['\x04\x00\x1f\x7f\xff\0', '\\000\\031\\127\\255.'],
    ['\x03WwW\0', 'WwW.'],
    ['\x02*_\0', '*_.'],
  ])('%j is written %s', (label, text) => {
    const name = label === '\0' ? ROOT : parseName(text, null)
    expect(name).toBe(label)
    expect(typeof name === 'string' ? formatName(name) : name).toBe(text)
  })

  it.each([
    ['www', 'www.example.'],
    ['www.', 'www.'],
    ['@', 'example.'],
    ['\\@', '\\@.example.'],
    ['a\\.', 'a\\..example.'],
    ['.', '.'],
    ['\\065', 'A.example.'],
    ['\\A', 'A.example.'],
    ['\\\\.', '\\\\.'],
    ['é', '\\195\\169.example.'],
    ['\\é', '\\195\\169.example.'],
    ['💡.', '\\240\\159\\146\\161.'],
  ])('%s under example. is %s', (text, expected) => {
    const name = parseName(text, wire('example'))
    expect(typeof name === 'string' ? formatName(name) : name.error).toBe(expected)
  })

  it.each([
    ['', /missing/],
    ['..', /empty label/],
    ['a..b', /empty label/],
    ['.a', /empty label/],
    ['a\\', /backslash/],
    ['\\25', /escape/],
    ['\\256', /escape/],
    ['\\1a2', /escape/],
    ['a'.repeat(64), /64 octets/],
    [`${'a.'.repeat(126)}aa.`, /256 octets/],
  ])('%j is refused', (text, why) => {
    const name = parseName(text, null)
    expect(typeof name === 'string' ? formatName(name) : name.error).toMatch(why)
  })

  it('63 octets a label and 255 in all are allowed, the origin counted', () => {
    expect(parseName('a'.repeat(63), null)).toBe(`\x3f${'a'.repeat(63)}\0`)
    expect(typeof parseName('a.'.repeat(127), null)).toBe('string')
    expect(parseName('a.'.repeat(126).slice(0, -1), wire('b'))).toHaveLength(255)
    expect(parseName('a.'.repeat(127).slice(0, -1), wire('b'))).toHaveProperty('error')
  })

  it('a relative name needs an origin unless every name is absolute', () => {
    expect(parseName('www', null)).toBe('\x03www\0')
    expect(parseName('www', 'none')).toHaveProperty('error')
    expect(parseName('www.', 'none')).toBe('\x03www\0')
    expect(parseName('.', 'none')).toBe(ROOT)
    for (const origin of [null, 'none'] as const) expect(parseName('@', origin)).toHaveProperty('error')
  })

  it('the text of any name reads back to it and is printable ASCII', () => {
    fc.assert(
      fc.property(names, name => {
        const text = formatName(name)
        expect(text).toMatch(/^[!-~]+$/)
        expect(parseName(text, null)).toBe(name)
        expect(parseName(text, wire('elsewhere'))).toBe(name)
      }),
      { numRuns },
    )
  })
})

describe('character-strings', () => {
  it.each([
    ['', '""'],
    ['a b', '"a b"'],
    ['"\\;', '"\\"\\\\;"'],
    ['\x00\x7f\xff\t', '"\\000\\127\\255\\009"'],
  ])('%j is written %s', (text, expected) => expect(formatString(octets(text))).toBe(expected))

  it('a character-string of any octets reads back as the same octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 255 }), bytes => {
        const text = formatString(bytes)
        expect(text).toMatch(/^[ -~]+$/)
        expect(parseString(text.slice(1, -1))).toBe(latin1(bytes))
      }),
      { numRuns },
    )
  })

  it('256 octets are too many, counted behind the escapes', () => {
    expect(parseString('\\000'.repeat(255))).toHaveLength(255)
    expect(parseString('a'.repeat(256))).toHaveProperty('error')
    expect(unescapeText('a'.repeat(256))).toHaveLength(256)
  })

  it('half of a surrogate pair becomes the replacement character, never a wrong octet', () => {
    expect(unescapeText('\ud800x')).toBe('\xef\xbf\xbdx')
  })
})

describe('numbers and TTLs', () => {
  it.each([
    ['0', 0],
    ['3600', 3600],
    ['4294967295', 4_294_967_295],
    ['1h30m', 5400],
    ['1W2D3H4M5S', 788_645],
    ['1m1m', 120],
    ['1s', 1],
    ['4294967296', null],
    ['', null],
    ['h', null],
    ['1h30', null],
    ['-1', null],
    ['1.5h', null],
    ['1x', null],
    ['0x10', null],
    ['7102w', null],
  ])('TTL %s is %s', (text, seconds) => expect(parseTtl(text)).toBe(seconds))

  it.each([
    ['0', 0],
    ['255', 255],
    ['256', null],
    ['007', 7],
    ['', null],
    ['1e2', null],
    ['+1', null],
    [' 1', null],
  ])('the octet %j is %s', (text, value) => expect(parseUnsigned(text, 255)).toBe(value))
})

describe('octets of a file that is not UTF-8', () => {
  it('are themselves in names and strings, and escapes in messages', () => {
    expect(unescapeText('caf\udce9 é')).toBe('caf\xe9 \xc3\xa9')
    expect(parseString('caf\udce9')).toBe('caf\xe9')
    expect(parseName('caf\udce9.', null)).toBe('\x04caf\xe9\0')
    expect(shown('caf\udce9')).toBe('"caf\\233"')
    // A lone surrogate of other origin is no octet.
    expect(unescapeText('\udc41\ud800')).toBe('\xef\xbf\xbd'.repeat(2))
  })
})

describe('times of RRSIG', () => {
  it.each([
    [0, '19700101000000'],
    [951_782_400, '20000229000000'],
    [1_709_251_199, '20240229235959'],
    [4_107_542_400, '21000301000000'],
    [4_294_967_295, '21060207062815'],
  ])('%i is %s', (seconds, text) => {
    expect(formatTime(seconds)).toBe(text)
    expect(parseTime(text)).toBe(seconds)
  })

  it('the time of an RRSIG equals that of the calendar of the platform', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), seconds => {
        const text = new Date(seconds * 1000).toISOString().replace(/\D/g, '').slice(0, 14)
        expect(formatTime(seconds)).toBe(text)
        expect(parseTime(text)).toBe(seconds)
      }),
      { numRuns },
    )
  })

  it.each([
    '20240230000000',
    '20241301000000',
    '20240100000000',
    '20240101240000',
    '20240101006000',
    '21000229000000',
    '2024010100000',
    '',
  ])('%s is no time', text => expect(parseTime(text)).toBeNull())
  // RFC 4034 section 3.1.5: seconds modulo 2^32. BIND, NSD and Knot read such files.
  it.each([
    ['21060207062815', 0xffff_ffff],
    ['21060207062816', 0],
    ['21220222132804', 506_242_788],
    ['19691231235959', 0xffff_ffff],
    ['19011213204552', 0x8000_0000],
  ])('%s is %i in 32 bits', (text, seconds) => expect(parseTime(text)).toBe(seconds))

  it('a plain number is seconds', () => expect(parseTime('1700000000')).toBe(1_700_000_000))
})

describe('encodings', () => {
  it('equal those of the platform, both ways', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), bytes => {
        expect(formatHex(bytes)).toBe(Buffer.from(bytes).toString('hex').toUpperCase())
        expect(formatBase64(bytes)).toBe(Buffer.from(bytes).toString('base64'))
        expect(parseHex(formatHex(bytes).toLowerCase())).toEqual(bytes)
        expect(parseBase64(formatBase64(bytes))).toEqual(bytes)
        expect(parseBase32Hex(formatBase32Hex(bytes))).toEqual(bytes)
        expect(parseBase32Hex(formatBase32Hex(bytes).toLowerCase())).toEqual(bytes)
      }),
      { numRuns },
    )
  })

  it.each([
    ['', ''],
    ['f', 'CO'],
    ['fo', 'CPNG'],
    ['foo', 'CPNMU'],
    ['foob', 'CPNMUOG'],
    ['fooba', 'CPNMUOJ1'],
    ['foobar', 'CPNMUOJ1E8'],
  ])('base32hex of %j is %s (RFC 4648 section 10)', (plain, text) => expect(formatBase32Hex(octets(plain))).toBe(text))

  it.each(['A', 'AA', 'AAA', 'A===', 'AA=A', '====', 'AB==', 'AAB=', 'A A=', 'A_A=', 'AA==AA=='])(
    '%s is no base64',
    text => expect(parseBase64(text)).toBeNull(),
  )
  it.each(['a', '0g', '0x00', '0 0'])('%s is no hex', text => expect(parseHex(text)).toBeNull())
  it.each(['0', 'W0', '000', '01', '0='])('%s is no base32hex', text => expect(parseBase32Hex(text)).toBeNull())
})

describe('texts for people', () => {
  it.each([
    ['plain', '"plain"'],
    ['a\nb\x1b[31m', '"a\\010b\\027[31m"'],
    ['\u202eevil', '"\\u{202e}evil"'],
    ['\u2028', '"\\u{2028}"'],
    ['\x85\xa0', '"\\133\\160"'],
    ['x'.repeat(70), `"${'x'.repeat(64)}…"`],
  ])('%j is shown %s', (text, expected) => expect(shown(text)).toBe(expected))

  it.each([
    ['CNMAE', 'CNAME'],
    ['AAAAA', 'AAAA'],
    ['TXTT', 'TXT'],
    ['DNSKY', 'DNSKEY'],
    ['QWERTZ', null],
    ['', null],
    ['X'.repeat(100), null],
  ])('%s suggests %s', (word, close) => expect(suggest(word, ['A', 'AAAA', 'CNAME', 'TXT', 'DNSKEY'])).toBe(close))
})
