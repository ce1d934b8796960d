import { describe, expect, test } from 'vitest'
import { parseIp } from '../../../src/dns/address.ts'
import { ServerCookies } from '../../../src/policy/cookies/server-cookies.ts'

const octets = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'))
const addressOf = (text: string): Uint8Array => parseIp(text)?.bytes ?? new Uint8Array(0)
const FIRST = 'e5e973e5a6b2a43f48e7dc849e37bfcf'
const OLD = 'dd3bdf9344b678b185a6f5cb60fca715'
const NEW = '445536bcd2513298075a5d379663c962'

function judged(keys: readonly string[], from: string, wall: number, cookie: string): [string, string] {
  const cookies = new ServerCookies({ keys: keys.map(octets), require: false })
  const query = octets(`ffff${cookie}ffff`)
  const verdict = cookies.judge(query, 2, cookie.length / 2, addressOf(from), wall)
  return [verdict, Buffer.from(cookies.reply).toString('hex')]
}

describe('cookies of RFC 9018 appendix A', () => {
  test.each([
    [
      'A.1: a first one',
      [FIRST],
      '198.51.100.100',
      0x5cf79f11,
      '2464c4abcf10c957',
      'new',
      '2464c4abcf10c957010000005cf79f111f8130c3eee29480',
    ],
    [
      'A.2: the same client, 40 minutes later',
      [FIRST],
      '198.51.100.100',
      0x5cf7a871,
      '2464c4abcf10c957010000005cf79f111f8130c3eee29480',
      'good',
      '2464c4abcf10c957010000005cf7a871d4a564a1442aca77',
    ],
    [
      'A.3: reserved octets that are not zero are hashed, and zero in what is made',
      [FIRST],
      '203.0.113.203',
      0x5cf7a9ac,
      'fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5',
      'new',
      'fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e',
    ],
    [
      'A.4: IPv6, and a key that is rolled over',
      [NEW, OLD],
      '2001:db8:220:1:59de:d0f4:8769:82b8',
      0x5cf7c609,
      '22681ab97d52c298010000005cf7c57926556bd0934c72f8',
      'good',
      '22681ab97d52c298010000005cf7c609a6bb79d16625507a',
    ],
  ])('%s', (_, keys, from, wall, cookie, verdict, reply) => {
    expect(judged(keys, from, wall, cookie)).toEqual([verdict, reply])
  })

  test('A.3: the cookie of the query was good while it was young', () => {
    const cookie = 'fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5'
    expect(judged([FIRST], '203.0.113.203', 0x5cf78f72, cookie)).toEqual(['good', cookie])
  })

  test('A.4: the new key makes what the RFC has', () => {
    const [, reply] = judged([NEW], '2001:db8:220:1:59de:d0f4:8769:82b8', 0x5cf7c609, '22681ab97d52c298')
    expect(reply).toBe('22681ab97d52c298010000005cf7c609a6bb79d16625507a')
  })
})

describe('a cookie', () => {
  const cookie = '2464c4abcf10c957010000005cf79f111f8130c3eee29480'
  const made = 0x5cf79f11
  test.each([
    ['is good for an hour', 3_600, 'good'],
    ['and no longer', 3_601, 'new'],
    ['may be five minutes ahead', -300, 'good'],
    ['and no further', -301, 'new'],
  ])('%s', (_, age, verdict) => {
    expect(judged([FIRST], '198.51.100.100', made + age, cookie)[0]).toBe(verdict)
  })

  test('is sent back as it is for half an hour, and then made again', () => {
    expect(judged([FIRST], '198.51.100.100', made + 1_800, cookie)[1]).toBe(cookie)
    expect(judged([FIRST], '198.51.100.100', made + 1_801, cookie)[1]).not.toBe(cookie)
  })

  test.each([
    ['from another address', '198.51.100.101', cookie],
    ['of another client cookie', '198.51.100.100', `3${cookie.slice(1)}`],
    ['of another version', '198.51.100.100', cookie.replace('957010000', '957020000')],
    ['of another server, longer', '198.51.100.100', `${cookie}0000`],
    ['of another key', '198.51.100.100', cookie.replace(/80$/, '81')],
  ])('%s is as good as none', (_, from, sent) => {
    expect(judged([FIRST], from, made, sent)[0]).toBe('new')
  })

  test.each([0, 1, 7, 9, 15, 41, 100])('of %i octets is malformed', length => {
    expect(judged([FIRST], '198.51.100.100', made, '00'.repeat(length))[0]).toBe('malformed')
  })
})
