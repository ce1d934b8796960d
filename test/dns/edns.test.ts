import { describe, expect, it } from 'vitest'
import {
  ednsFrom,
  extendedError,
  findOption,
  MAX_OPTIONS,
  optionsFit,
  optOctets,
  readExtendedErrors,
  readOptions,
  writeOpt,
} from '../../src/dns/edns.ts'
import { EdeCode, EdnsOptionCode } from '../../src/dns/types.ts'
import { countReads } from '../fuzz/counting.ts'
import { edns, hex, octets, toHex } from './make.ts'

const option = (code: number, text: string) => ({ code, data: octets(text) })

describe('options', () => {
  it.each([
    ['none', '', []],
    ['one without data', '000a 0000', [option(10, '')]],
    [
      'unknown and repeated ones, in order',
      'fde8 0001 61 000a 0001 62 000a 0001 63',
      [option(65_000, 'a'), option(10, 'b'), option(10, 'c')],
    ],
    ['a length over the end', '000a 0002 61', null],
    ['half a header', '000a 00', null],
    ['an octet behind the last', '000a 0000 ff', null],
  ])('%s', (_what, text, expected) => {
    const bytes = hex(text)
    expect(readOptions(bytes, 0, bytes.length)).toEqual(expected)
    expect(optionsFit(bytes, 0, bytes.length)).toBe(expected !== null)
  })

  it.each([
    [MAX_OPTIONS, true],
    [MAX_OPTIONS + 1, false],
  ])('%i of them', (count, ok) => {
    const bytes = hex('000a 0000'.repeat(count))
    expect(readOptions(bytes, 0, bytes.length) !== null).toBe(ok)
    expect(optionsFit(bytes, 0, bytes.length)).toBe(ok)
  })

  it('a flood is given up after as many as count, in one pass (CVE-2026-41292)', () => {
    const flood = countReads(new Uint8Array(65_000))
    expect(readOptions(flood.bytes, 0, 65_000)).toBeNull()
    expect(flood.reads()).toBeLessThan(MAX_OPTIONS * 8)
  })

  it('the first of several counts', () => {
    expect(findOption(edns({ options: [option(3, 'x'), option(10, 'first'), option(10, 'second')] }), 10)).toEqual(
      option(10, 'first'),
    )
    expect(findOption(edns(), 10)).toBeUndefined()
  })

  it('keeps data of its own', () => {
    const bytes = Buffer.from(hex('000a 0001 61'))
    const found = readOptions(bytes, 0, bytes.length)
    bytes.fill(0)
    expect(found).toEqual([option(10, 'a')])
  })
})

describe('OPT', () => {
  it.each([
    ['bare', edns(), 0, '0000290 4d0 00 00 0000 0000'],
    ['DO', edns({ dnssecOk: true }), 0, '0000290 4d0 00 00 8000 0000'],
    ['other flags do not touch DO', edns({ flags: 0xffff }), 0, '0000290 4d0 00 00 7fff 0000'],
    ['version and rcode', edns({ version: 1 }), 0xabc, '0000290 4d0 ab 01 0000 0000'],
    [
      'options',
      edns({ options: [option(3, ''), option(10, 'ab')] }),
      0,
      '0000290 4d0 00 00 0000 000a 00030000 000a00026162',
    ],
  ])('%s', (_what, value, rcode, expected) => {
    const into = new Uint8Array(optOctets(value) + 4)
    expect(writeOpt(value, rcode, into, 2)).toBe(into.length - 2)
    expect(toHex(into.subarray(2, -2))).toBe(expected.replace(/ /g, ''))
  })

  it('reads class and TTL (RFC 6891 section 6.1.3)', () => {
    expect(ednsFrom(4_096, 0x1701_8001, [])).toEqual({
      payloadSize: 4_096,
      version: 1,
      dnssecOk: true,
      flags: 1,
      options: [],
    })
    expect(ednsFrom(100, 0x0000_7fff, [])).toEqual({
      payloadSize: 100,
      version: 0,
      dnssecOk: false,
      flags: 0x7fff,
      options: [],
    })
  })
})

describe('extended errors (RFC 8914)', () => {
  it('round-trips code and UTF-8 text', () => {
    const made = extendedError(EdeCode.NoReachableAuthority, 'aucun serveur: é')
    expect(toHex(made.data)).toBe(`0016${Buffer.from('aucun serveur: é').toString('hex')}`)
    expect(readExtendedErrors(edns({ options: [made] }))).toEqual([{ code: 22, text: 'aucun serveur: é' }])
  })

  it.each([
    ['no text', '000f', [{ code: 15, text: '' }]],
    ['text with a final null', '000f 616200', [{ code: 15, text: 'ab' }]],
    ['only a null', '000f 00', [{ code: 15, text: '' }]],
    ['unknown code', 'ffff', [{ code: 65_535, text: '' }]],
    ['broken UTF-8', '0000 ff', [{ code: 0, text: '\ufffd' }]],
    ['too short for a code', '00', []],
    ['empty', '', []],
  ])('reads %s', (_what, data, expected) => {
    expect(readExtendedErrors(edns({ options: [{ code: EdnsOptionCode.EDE, data: hex(data) }] }))).toEqual(expected)
  })

  it('reads several, and nothing else', () => {
    const options = [extendedError(EdeCode.Blocked, 'a'), option(10, 'x'), extendedError(EdeCode.Other, 'b')]
    expect(readExtendedErrors(edns({ options }))).toEqual([
      { code: 15, text: 'a' },
      { code: 0, text: 'b' },
    ])
  })
})
