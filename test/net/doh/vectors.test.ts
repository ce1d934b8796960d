/** The messages of RFC 8484, what JSON makes of an answer, what hostile octets come to: tables over pure functions. */
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { decodeMessage } from '../../../src/dns/decode.ts'
import { extendedError } from '../../../src/dns/edns.ts'
import { encodeMessage } from '../../../src/dns/encode.ts'
import type { Message } from '../../../src/dns/message.ts'
import type { Rr } from '../../../src/dns/rrset.ts'
import { EdnsOptionCode, Rcode, RrType } from '../../../src/dns/types.ts'
import { answerReply } from '../../../src/net/doh/reply.ts'
import { type Answered, type PostRequest, type QueryRequest, readBody, readHead } from '../../../src/net/doh/request.ts'
import { forwardedFor } from '../../../src/net/doh/forwarded.ts'
import { freshSeconds, messageEnd } from '../../../src/net/doh/octets.ts'
import { formatName, parseName } from '../../../src/presentation/text.ts'
import { parseRr } from '../../../src/presentation/rr-text.ts'
import { hex, seeded } from '../../dns/make.ts'
import { mutants } from '../../fuzz/mutate.ts'
import { edns, message, wire } from '../../server/make.ts'
import { DNS_MESSAGE, question } from './support.ts'

type Asked = QueryRequest | PostRequest | Answered

const head = (target: string, headers: Record<string, string> = {}, method = 'GET'): Asked =>
  readHead({ method, target, headers }, '/dns-query')

const rr = (text: string): Rr => {
  const read = parseRr(text)
  if ('error' in read) throw new Error(read.error)
  return read
}

function messageOf(asked: Asked): Message {
  const bytes = asked.kind === 'query' ? asked.message : null
  const decoded = bytes === null ? null : decodeMessage(bytes)
  if (decoded?.kind !== 'message') throw new Error(`no message: ${JSON.stringify(asked)}`)
  return decoded.message
}

const questionOf = (asked: Asked): string => {
  const { question: read, id, recursionDesired } = messageOf(asked)
  return `${id} ${recursionDesired} ${formatName(read?.cased ?? wire('.'))} ${read?.type} ${read?.class}`
}

describe('the examples of RFC 8484', () => {
  test('section 4.1.1: www.example.com by GET', () => {
    expect(questionOf(head('/dns-query?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB'))).toBe(
      '0 true www.example.com. 1 1',
    )
  })

  test('section 4.1.1: the same by POST', () => {
    const post = head(
      '/dns-query',
      { 'content-type': DNS_MESSAGE, accept: DNS_MESSAGE, 'content-length': '33' },
      'POST',
    )
    if (post.kind !== 'post') throw new Error('no POST')
    const body = hex('00000100000100000000000003777777076578616d706c6503636f6d0000010001')
    expect(questionOf(readBody(body, post))).toBe('0 true www.example.com. 1 1')
  })

  test('section 4.1.1: a label of 62 characters, whose base64url has both of its own digits', () => {
    const dns =
      'AAABAAABAAAAAAAAAWE-NjJjaGFyYWN0ZXJsYWJlbC1tYWtlcy1iYXNlNjR1cmwtZGlzdGluY3QtZnJvbS1zdGFuZGFyZC1iYXNlNjQHZXhhbXBsZQNjb20AAAEAAQ'
    expect(questionOf(head(`/dns-query?dns=${dns}`))).toBe(
      '0 true a.62characterlabel-makes-base64url-distinct-from-standard-base64.example.com. 1 1',
    )
  })

  test('section 4.2.2: an AAAA record may be kept for its 3,709 seconds', () => {
    const octets = hex(
      '00008180000100010000000003777777076578616d706c6503636f6d00001c0001c00c001c000100000e7d001020010db8abcd00120001000200030004',
    )
    const form = { kind: 'message', type: DNS_MESSAGE, headOnly: false } as const
    expect(answerReply(octets, octets.length, form)).toEqual({
      status: 200,
      headers: { 'content-type': DNS_MESSAGE, 'content-length': 61, 'cache-control': 'max-age=3709' },
      body: Buffer.from(octets),
    })
  })
})

describe('for how long a reply may be kept', () => {
  const soaRr = rr('example.com. 900 SOA ns.example.com. me.example.com. 1 2 3 4 60')
  const a = (ttl: number): Rr => rr(`www.example.com. ${ttl} A 192.0.2.1`)
  const cname = (ttl: number): Rr => rr(`www.example.com. ${ttl} CNAME other.example.com.`)
  const rows: Readonly<Record<string, readonly [Partial<Message>, number | null]>> = {
    'the smallest TTL of the answer section': [{ answer: [a(300), a(299)] }, 299],
    'an alias counts': [{ answer: [cname(10), a(300)] }, 10],
    'the authority section of an answer does not': [
      { answer: [a(300)], authority: [rr('example.com. 5 NS ns.example.com.')] },
      300,
    ],
    'a denial: the minimum of the SOA': [{ rcode: Rcode.NXDOMAIN, authority: [soaRr] }, 60],
    'a denial: the TTL of the SOA, when that is less': [
      { rcode: Rcode.NXDOMAIN, authority: [{ ...soaRr, ttl: 7 }] },
      7,
    ],
    'a denial after an alias: the least of both': [
      { rcode: Rcode.NXDOMAIN, answer: [cname(30)], authority: [soaRr] },
      30,
    ],
    'a denial without SOA: not at all': [{ rcode: Rcode.NXDOMAIN }, null],
    'a denial without SOA after an alias: not at all': [{ rcode: Rcode.NXDOMAIN, answer: [cname(30)] }, null],
    'no data: the minimum of the SOA': [{ authority: [soaRr] }, 60],
    'nothing: not at all': [{}, null],
    'SERVFAIL: not at all': [{ rcode: Rcode.SERVFAIL, answer: [a(300)] }, null],
    'REFUSED: not at all': [{ rcode: Rcode.REFUSED }, null],
    'truncated: not at all': [{ truncated: true, answer: [a(300)] }, null],
    'TTL 0: for no time, which is not the same as not at all': [{ answer: [a(0)] }, 0],
  }
  test.each(Object.entries(rows))('%s', (_row, [change, seconds]) => {
    const { bytes } = encodeMessage(message({ response: true, edns: edns(), ...change }), { maxBytes: 65_535 })
    expect(freshSeconds(bytes, bytes.length)).toBe(seconds)
    expect(messageEnd(bytes)).toBe(bytes.length)
  })
})

describe('the JSON form', () => {
  const asked = (query: string): Asked => head(`/resolve?${query}`)
  test.each([
    ['name=www.example.com', 'www.example.com. 1 cd=false do=false'],
    ['name=www.example.com.', 'www.example.com. 1 cd=false do=false'],
    ['name=.&type=NS', '. 2 cd=false do=false'],
    ['name=WWW.example.com&type=aaaa', 'WWW.example.com. 28 cd=false do=false'],
    ['name=a.example&type=28', 'a.example. 28 cd=false do=false'],
    ['name=a.example&type=TYPE65', 'a.example. 65 cd=false do=false'],
    ['name=a.example&type=255', 'a.example. 255 cd=false do=false'],
    ['name=a.example&cd=1&do=true', 'a.example. 1 cd=true do=true'],
    ['name=a.example&cd=false&do=0', 'a.example. 1 cd=false do=false'],
    ['name=b%C3%BCcher.example', 'xn--bcher-kva.example. 1 cd=false do=false'],
    ['ct=application/dns-message&random_padding=xxx&name=a.example', 'a.example. 1 cd=false do=false'],
  ])('%s asks %s', (query, expected) => {
    const { question: read, checkingDisabled, edns: opt, recursionDesired, id } = messageOf(asked(query))
    expect(`${formatName(read?.cased ?? wire('.'))} ${read?.type} cd=${checkingDisabled} do=${opt?.dnssecOk}`).toBe(
      expected,
    )
    expect({ recursionDesired, id }).toEqual({ recursionDesired: true, id: 0 })
  })

  test.each([
    ['192.0.2.77/24', '00011800c00002'],
    ['192.0.2.1', '00012000c0000201'],
    ['192.0.2.255/25', '00011900c0000280'],
    ['2001:db8::/32', '0002200020010db8'],
    ['0.0.0.0/0', '00010000'],
  ])('edns_client_subnet=%s is an option with %s', (text, octets) => {
    const { edns: opt } = messageOf(asked(`name=a.example&edns_client_subnet=${encodeURIComponent(text)}`))
    expect(opt?.options).toEqual([{ code: EdnsOptionCode.ECS, data: hex(octets) }])
  })

  test.each([
    ['', /"name" has to be/],
    ['name=', /"name" has to be/],
    ['name=a..b', /"name" has to be/],
    [`name=${'a'.repeat(64)}.example`, /"name" has to be/],
    ['name=a&name=b', /"name" stands there twice/],
    ['name=a&type=NONSENSE', /"type" has to be/],
    ['name=a&type=65536', /"type" has to be/],
    ['name=a&type=-1', /"type" has to be/],
    ['name=a&cd=maybe', /"cd" and "do"/],
    ['name=a&do=2', /"cd" and "do"/],
    ['name=a&edns_client_subnet=nowhere', /"edns_client_subnet"/],
    ['name=a&edns_client_subnet=192.0.2.0/33', /"edns_client_subnet"/],
  ])('%s is a mistake', (query, detail) => {
    const got = asked(query)
    expect(got).toMatchObject({ kind: 'reply', reply: { status: 400 } })
    expect(got.kind === 'reply' ? JSON.parse(got.reply.body?.toString() ?? '').detail : '').toMatch(detail)
  })

  test('an answer in it has names and data as zone files have them, and the texts of Extended DNS Errors', () => {
    const odd = String.raw`a\"b\000<script>.example.com.`
    const name = parseName(odd, null)
    if (typeof name !== 'string') throw new Error(name.error)
    const { bytes } = encodeMessage(
      message({
        response: true,
        recursionAvailable: true,
        authenticData: true,
        question: { ...question(odd, RrType.TXT), cased: name },
        answer: [{ ...rr(String.raw`x. 60 TXT "say \"hi\"" "\255"`), owner: name }],
        edns: edns({ options: [extendedError(3, 'kept too long'), extendedError(22, '')] }),
      }),
      { maxBytes: 65_535 },
    )
    const form = { kind: 'json', type: 'application/dns-json', headOnly: false } as const
    const { headers, body } = answerReply(bytes, bytes.length, form)
    expect(JSON.parse(body?.toString() ?? '')).toEqual({
      Status: 0,
      TC: false,
      RD: true,
      RA: true,
      AD: true,
      CD: false,
      Question: [{ name: String.raw`a\"b\000<script>.example.com.`, type: 16 }],
      Answer: [
        { name: String.raw`a\"b\000<script>.example.com.`, type: 16, TTL: 60, data: String.raw`"say \"hi\"" "\255"` },
      ],
      Comment: ['Stale Answer: kept too long', 'No Reachable Authority'],
    })
    expect(headers).toMatchObject({ 'content-type': 'application/dns-json', 'x-content-type-options': 'nosniff' })
  })

  test('its type is what Accept asks for', () => {
    const typeFor = (accept: string): string | undefined => {
      const got = head('/resolve?name=a.example', { accept })
      return got.kind === 'query' ? got.form.type : undefined
    }
    expect(typeFor('application/dns-json')).toBe('application/dns-json')
    expect(typeFor('*/*')).toBe('application/dns-json')
    expect(typeFor('application/json')).toBe('application/json')
    expect(typeFor('application/dns-json;q=0')).toBe('application/json')
    expect(typeFor('*/*;q=0')).toBeUndefined()
  })
})

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['198.51.100.9, 192.0.2.1', '192.0.2.1'],
  ['192.0.2.1:4711', '192.0.2.1'],
  ['[2001:db8::1]:443', '2001:db8::1'],
  ['2001:db8::1', '2001:db8::1'],
  ['unknown', 'unknown'],
])('X-Forwarded-For: %s speaks for %s', (field, address) => {
  expect(forwardedFor(field)).toBe(address)
})

describe('hostile octets', () => {
  const directory = new URL('../../fuzz/corpus/', import.meta.url)
  const corpus = readdirSync(directory)
    .filter(file => file.endsWith('.hex'))
    .map(file => hex(readFileSync(new URL(file, directory), 'utf8').replace(/#.*$/gm, '')))
  const post: PostRequest = {
    kind: 'post',
    form: { kind: 'message', type: DNS_MESSAGE, headOnly: false },
    clientId: undefined,
  }

  /** A message, or a problem in words of our own; what decodes is a query. */
  function exercise(octets: Uint8Array): boolean {
    const byGet = head(`/dns-query?dns=${Buffer.from(octets).toString('base64url')}`)
    const byPost = readBody(octets, post)
    const decoded = decodeMessage(octets)
    const isQuery = decoded.kind === 'message' && !decoded.message.response
    const end = octets.length < 12 ? 0 : messageEnd(octets)
    const fresh = freshSeconds(octets, octets.length)
    const sound =
      byGet.kind === byPost.kind &&
      (isQuery ? byPost.kind === 'query' : true) &&
      end <= octets.length &&
      (fresh === null || fresh >= 0)
    const refused = [byGet, byPost].every(one => one.kind !== 'reply' || one.reply.status === 400)
    return sound && refused
  }

  test('of the corpus are queries, or refused with 400', () => {
    expect(corpus.length).toBeGreaterThan(30)
    expect(corpus.filter(octets => octets.length > 0 && !exercise(octets))).toEqual([])
  })

  test('made of these by chance likewise', () => {
    let bad: Uint8Array | null = null
    for (const octets of mutants(corpus, 8484, 5_000)) {
      if (octets.length > 0 && !exercise(octets)) {
        bad = octets
        break
      }
    }
    expect(bad).toBeNull()
  })

  test('in a target neither throw nor come back', () => {
    const random = seeded(9110)
    const pieces = [
      '/dns-query',
      '/resolve',
      '?',
      'dns=',
      'name=',
      '&',
      '%',
      '%3D',
      'AAAB',
      '=',
      '/',
      '\0',
      'é',
      '..',
      '<b>',
      ';q=0',
      'http://x',
    ]
    const echoed: string[] = []
    for (let i = 0; i < 5_000; i++) {
      const target = Array.from({ length: 1 + random(8) }, () => pieces[random(pieces.length)]).join('')
      const got = readHead({ method: 'GET', target, headers: { accept: target } }, '/dns-query')
      if (got.kind === 'reply' && got.reply.body?.includes('<b>') === true) echoed.push(target)
    }
    expect(echoed).toEqual([])
  })
})
