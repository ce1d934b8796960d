import { execFile } from 'node:child_process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readDigLine } from '../../src/cli/query/dig-args.ts'
import { runQueries } from '../../src/cli/query/query.ts'
import { ttlUnits } from '../../src/render/record-style.ts'
import { needs } from '../tools.ts'
import { type Canned, rr, startCanned } from '../cli/canned-server.ts'

const KEY = 'mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ=='
const DIGEST = '000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F'
const RECORDS = [
  'a.test. 93784 A 192.0.2.1',
  'a.test. 0 AAAA 2001:db8::a',
  'a.test. 3600 SOA ns.a.test. host\\.mail.a.test. 2024010101 7200 3600 1209600 60',
  'a.test. 604800 NS ns.a.test.',
  `a.test. 3600 DNSKEY 257 3 13 ${KEY}`,
  `a.test. 3600 DNSKEY 256 3 13 ${KEY}`,
  `a.test. 3600 CDNSKEY 385 3 8 ${KEY}`,
  `a.test. 60 RRSIG SOA 13 2 3600 20300101000000 20200101000000 12345 a.test. ${KEY}`,
  `a.test. 61 DS 12345 13 2 ${DIGEST}`,
  `a.test. 3661 CDS 12345 13 2 ${DIGEST}`,
  'a.test. 1 NSEC b.a.test. A NS RRSIG NSEC',
  '2T7B4G4VSA5SMI47K61MV5BV1A22BOJR.a.test. 86400 NSEC3 1 0 10 AABB 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR A RRSIG',
  `a.test. 90061 TLSA 3 1 1 ${DIGEST}`,
  `a.test. 7 SSHFP 4 2 ${DIGEST}`,
  'a.test. 8 MX 10 mx.a.test.',
  'a.test. 9 TXT "hello there" "second"',
  'a.test. 10 TYPE65280 \\# 2 ABCD',
  `a.test. 11 OPENPGPKEY ${KEY}`,
  `a.test. 12 CERT 1 12345 8 ${KEY}`,
].map(rr)

let server: Canned
beforeAll(async () => {
  server = await startCanned(query => [
    { authoritative: true, answer: RECORDS.filter(record => record.type === query.question?.type) },
  ])
})
afterAll(() => server.close())

async function ours(words: readonly string[]): Promise<string> {
  const read = readDigLine(words)
  if (read.kind !== 'queries') throw new Error(words.join(' '))
  let text = ''
  await runQueries(read.queries, () => Promise.resolve({ address: '127.0.0.1', port: 53 }), {
    out: more => {
      text += more
    },
    err: () => {},
  })
  return text
}
const digs = (words: readonly string[]): Promise<string> =>
  new Promise(
    (resolve, reject) =>
      void execFile('dig', ['-r', ...words], { timeout: 20_000 }, (error, out) =>
        error === null ? resolve(out) : reject(error),
      ),
  )

/** Columns and line ends are taste; times, message IDs and the like differ. */
const plain = (text: string): string[] => text.split(/\s+/).filter(word => word !== '')
const TYPES = [...new Set(RECORDS.map(record => record.type))]

needs('dig')('records as dig shows them', () => {
  test.each([
    '+multiline',
    '+ttlunits',
    '+nottlid',
    '+noclass',
    '+unknownformat',
    '+nocrypto',
    '+rrcomments',
    '+split=16',
    '+nosplit',
    '+expandaaaa',
    '+multiline +nocrypto',
    '+multiline +norrcomments',
    '+ttlunits +multiline +noclass',
    '+short',
    '+short +nosplit',
    '+short +nocrypto',
    '+short +multiline',
  ])('%s', async words => {
    const common = [
      '@127.0.0.1',
      '-p',
      String(server.port),
      ...(words.includes('+short') ? [] : ['+noall', '+answer']),
      ...words.split(' '),
    ]
    const asked = TYPES.flatMap(type => ['a.test', `TYPE${type}`])
    const [expected, got] = await Promise.all([digs([...common, ...asked]), ours([...common, ...asked])])
    expect(plain(got)).toEqual(plain(expected))
  })

  test('+yaml', async () => {
    const words = [
      '@127.0.0.1',
      '-p',
      String(server.port),
      '+yaml',
      '+qr',
      '+qid=7',
      '+nocookie',
      '+subnet=192.0.2.0/24',
      'a.test',
      'SOA',
      'a.test',
      'TXT',
    ]
    // Its own address is not known to dig either, and times differ.
    const comparable = (text: string): string[] =>
      text
        .split('\n')
        .filter(line => !/_time:|query_address|query_port/.test(line))
        .map(line => line.trimEnd())
    const [expected, got] = await Promise.all([digs(words), ours(words)])
    expect(comparable(got)).toEqual(comparable(expected))
  })
})

describe('times to live in units', () => {
  test.each([
    [0, '0s'],
    [1, '1s'],
    [60, '1m'],
    [3_661, '1h1m1s'],
    [86_400, '1d'],
    [694_861, '1w1d1h1m1s'],
    [2_147_483_647, '3550w5d3h14m7s'],
  ])('%i is %s', (seconds, text) => {
    expect(ttlUnits(seconds)).toBe(text)
  })
})
