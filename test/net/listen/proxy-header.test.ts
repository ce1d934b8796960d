import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readProxyHeader } from '../../../src/net/listen/proxy-header.ts'
import { proxyHeader, SIGNATURE } from './proxy.ts'

const MOST = 512
const read = (bytes: Uint8Array) => readProxyHeader(bytes, MOST)

describe('a PROXY header', () => {
  test('names an IPv4 client, and what follows is not of it', () => {
    const header = proxyHeader('192.0.2.7', 5353)
    const found = read(Buffer.concat([header, Buffer.from('rest')]))
    expect(found).toMatchObject({ kind: 'header', octets: 28, source: { ip: { text: '192.0.2.7' }, port: 5353 } })
  })

  test('names an IPv6 client', () => {
    expect(read(proxyHeader('2001:db8::7', 53))).toMatchObject({
      kind: 'header',
      octets: 52,
      source: { ip: { family: 6, text: '2001:db8::7' }, port: 53 },
    })
  })

  test('names an IPv4 client that it writes as an IPv6 address', () => {
    expect(read(proxyHeader('::ffff:192.0.2.7', 53))).toMatchObject({ source: { ip: { text: '192.0.2.7' } } })
  })

  test.each<[string, Buffer]>([
    ['of a health check (LOCAL)', proxyHeader('192.0.2.7', 1, { command: 0x20 })],
    ['of a health check without addresses', Buffer.concat([SIGNATURE, Buffer.of(0x20, 0, 0, 0)])],
    ['of an unspecified family', Buffer.concat([SIGNATURE, Buffer.of(0x21, 0, 0, 0)])],
    ['of an unspecified family, with octets', Buffer.concat([SIGNATURE, Buffer.of(0x21, 0, 0, 2, 9, 9)])],
  ])('%s leaves the address of the connection', (_, header) => {
    expect(read(header)).toEqual({ kind: 'header', octets: header.length, source: null })
  })

  test('is passed over with its additions (TLVs), whatever they are', () => {
    const additions = Buffer.from([0x02, 0, 3, 0x61, 0x62, 0x63, 0xff, 0xff, 0xff])
    const header = proxyHeader('192.0.2.7', 1, { additions })
    expect(read(header)).toMatchObject({ kind: 'header', octets: 28 + additions.length })
  })

  test.each([0x11, 0x12])('may say that its client used %i (TCP or UDP)', family => {
    expect(read(proxyHeader('192.0.2.7', 1, { family })).kind).toBe('header')
  })

  test('is asked for until it is whole, and not beyond', () => {
    const header = proxyHeader('192.0.2.7', 5353)
    for (let length = 0; length < 16; length++)
      expect(read(header.subarray(0, length))).toEqual({ kind: 'more', octets: 16 })
    for (let length = 16; length < 28; length++)
      expect(read(header.subarray(0, length))).toEqual({ kind: 'more', octets: 28 })
  })

  test.each<[string, Buffer]>([
    ['version 1', Buffer.from('PROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\n')],
    ['a DNS message', Buffer.from([0, 29, 0, 1, 1, 0, 0, 1])],
    ['a ClientHello', Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00])],
    ['its signature with a wrong last octet', Buffer.concat([SIGNATURE.subarray(0, 11), Buffer.of(0)])],
    ['version 3', Buffer.concat([SIGNATURE, Buffer.of(0x31, 0x11, 0, 12), Buffer.alloc(12)])],
    ['an unknown command', Buffer.concat([SIGNATURE, Buffer.of(0x22, 0x11, 0, 12), Buffer.alloc(12)])],
    ['a local socket (AF_UNIX)', proxyHeader('192.0.2.7', 1, { family: 0x31 })],
    ['an unknown protocol', proxyHeader('192.0.2.7', 1, { family: 0x13 })],
    ['no room for IPv4 addresses', Buffer.concat([SIGNATURE, Buffer.of(0x21, 0x11, 0, 11), Buffer.alloc(11)])],
    ['no room for IPv6 addresses', Buffer.concat([SIGNATURE, Buffer.of(0x21, 0x21, 0, 35), Buffer.alloc(35)])],
    ['513 octets', proxyHeader('192.0.2.7', 1, { additions: Buffer.alloc(MOST + 1 - 28) })],
  ])('is refused when it is %s', (_, bytes) => {
    expect(read(bytes).kind).toBe('invalid')
  })

  test('may have 512 octets', () => {
    expect(read(proxyHeader('192.0.2.7', 1, { additions: Buffer.alloc(MOST - 28) })).kind).toBe('header')
  })

  test('is never read beyond its octets, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.boolean(), (noise, signed) => {
        const bytes = signed ? Buffer.concat([SIGNATURE, noise]) : noise
        const found = read(bytes)
        if (found.kind === 'header') expect(found.octets).toBeLessThanOrEqual(bytes.length)
        else if (found.kind === 'more') expect(found.octets).toBeGreaterThan(bytes.length)
        else expect(found.why).not.toBe('')
      }),
    )
  })
})
