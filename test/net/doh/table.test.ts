/** What HTTP answers to what: a row for each kind of request, asked in four ways. */
import { afterEach, describe, expect, test } from 'vitest'
import { decodeMessage } from '../../../src/dns/decode.ts'
import type { Message } from '../../../src/dns/message.ts'
import { Rcode, RrType } from '../../../src/dns/types.ts'
import { bytesOf } from '../../server/make.ts'
import { cleanUp } from '../support.ts'
import { type Ask, DNS_MESSAGE, encoded, type Got, openBench, question, ways } from './support.ts'

afterEach(cleanUp)

interface Row {
  readonly ask: Ask
  readonly status: number
  /** What the reply says, when it is one of DNS. */
  readonly dns?: Partial<Message> | undefined
  readonly headers?: Readonly<Record<string, string>>
  /** The body is a problem, with this in it. */
  readonly detail?: RegExp
}

const get = (query: string, headers: Record<string, string> = {}): Ask => ({ target: `/dns-query?${query}`, headers })
const post = (body: Uint8Array, headers: Record<string, string> = { 'content-type': DNS_MESSAGE }): Ask => ({
  method: 'POST',
  target: '/dns-query',
  headers,
  body,
})
const plain = bytesOf({ id: 0, question: question('www.example.com.') })
const www = encoded('www.example.com.')
const padded = Buffer.from(plain).toString('base64').replaceAll('+', '-').replaceAll('/', '_')
const ok = { status: 200, dns: { rcode: Rcode.NOERROR } } as const
const bad = { status: 400 } as const
const update = Uint8Array.from(plain, (octet, at) => (at === 2 ? 0x28 : octet))
const response = Uint8Array.from(plain, (octet, at) => (at === 2 ? 0x80 : octet))
const trailing = (octets: number): Uint8Array => Buffer.concat([plain, Buffer.alloc(octets)])
const ALLOW = 'GET, HEAD, POST, OPTIONS'

const rows: Readonly<Record<string, Row>> = {
  'GET is answered and may be kept for the smallest TTL': {
    ask: get(`dns=${www}`),
    ...ok,
    headers: { 'content-type': DNS_MESSAGE, 'cache-control': 'max-age=300' },
  },
  'GET for a name that does not exist may be kept for the minimum of its SOA': {
    ask: get(`dns=${encoded('nx.example.com.')}`),
    status: 200,
    dns: { rcode: Rcode.NXDOMAIN },
    headers: { 'cache-control': 'max-age=60' },
  },
  'GET for a type that does not exist likewise': {
    ask: get(`dns=${encoded('nodata.example.com.')}`),
    ...ok,
    headers: { 'cache-control': 'max-age=60' },
  },
  'a failure of DNS is no failure of HTTP, and is not kept': {
    ask: get(`dns=${encoded('fail.example.com.')}`),
    status: 200,
    dns: { rcode: Rcode.SERVFAIL },
    headers: { 'cache-control': 'no-store' },
  },
  'Accept: text/html gets DNS all the same': { ask: get(`dns=${www}`, { accept: 'text/html' }), ...ok },
  'Accept: */* too': { ask: get(`dns=${www}`, { accept: '*/*' }), ...ok },
  'Accept that rules DNS out by name gets 406': {
    ask: get(`dns=${www}`, { accept: 'text/html, application/dns-message;q=0' }),
    status: 406,
    detail: /rules out/,
  },
  'Accept that rules out all but DNS gets DNS': {
    ask: get(`dns=${www}`, { accept: '*/*;q=0, application/dns-message' }),
    ...ok,
  },
  'name and Accept of JSON get JSON': {
    ask: get('name=www.example.com', { accept: 'application/dns-json' }),
    status: 200,
    headers: { 'content-type': 'application/dns-json', 'cache-control': 'max-age=300' },
  },
  'no parameter gets 400': { ask: { target: '/dns-query' }, ...bad, detail: /"dns" is missing/ },
  'an empty dns gets 400': { ask: get('dns='), ...bad, detail: /not base64url/ },
  'dns that is not base64url gets 400': { ask: get('dns=!!!!'), ...bad, detail: /not base64url/ },
  'dns in plain base64 gets 400': { ask: get('dns=AAAB+AAA/AAA'), ...bad },
  'dns with a digit too many gets 400': { ask: get(`dns=${www}AA`.slice(0, -1)), ...bad },
  'a message shorter than a header gets 400': { ask: get('dns=AAABAAAB'), ...bad, detail: /shorter/ },
  'a response gets 400': {
    ask: get(`dns=${Buffer.from(response).toString('base64url')}`),
    ...bad,
    detail: /response/,
  },
  'padding of base64 is taken': { ask: get(`dns=${padded}`), ...ok },
  'padding that is percent-encoded is taken': { ask: get(`dns=${padded.replaceAll('=', '%3D')}`), ...ok },
  'other parameters before and after are taken': { ask: get(`ct=1&x=dns=2&dns=${www}&y`), ...ok },
  'dns twice gets 400': { ask: get(`dns=${www}&dns=${www}`), ...bad, detail: /twice/ },
  'octets after a message in dns get 400': {
    ask: get(`dns=${Buffer.from(trailing(1)).toString('base64url')}`),
    ...bad,
    detail: /after the end/,
  },
  'a zone transfer is refused in DNS': {
    ask: get(`dns=${encoded('example.com.', { question: question('example.com.', RrType.AXFR) })}`),
    status: 200,
    dns: { rcode: Rcode.REFUSED },
    headers: { 'cache-control': 'no-store' },
  },
  'an update is not implemented in DNS': { ask: post(update), status: 200, dns: { rcode: Rcode.NOTIMP } },
  'a message that makes no sense is a format error in DNS': {
    ask: post(Uint8Array.from(plain, (octet, at) => (at === 12 ? 0x80 : octet))),
    status: 200,
    dns: { rcode: Rcode.FORMERR },
  },
  'another path gets 404': { ask: { target: '/' }, status: 404 },
  'a path that only begins alike gets 404': { ask: { target: `/dns-queries?dns=${www}` }, status: 404 },
  'a path below that of a client gets 404': { ask: { target: `/dns-query/a/b?dns=${www}` }, status: 404 },
  'the path of a client is answered': { ask: { target: `/dns-query/My-Phone7?dns=${www}` }, ...ok },
  'HEAD gets what GET gets, without body': {
    ask: { method: 'HEAD', target: `/dns-query?dns=${www}` },
    status: 200,
    headers: { 'content-type': DNS_MESSAGE, 'cache-control': 'max-age=300', 'content-length': '49' },
  },
  'HEAD for another path gets 404': { ask: { method: 'HEAD', target: '/x' }, status: 404 },
  'OPTIONS gets 204 and what is allowed': {
    ask: { method: 'OPTIONS', target: '/dns-query' },
    status: 204,
    headers: { allow: ALLOW },
  },
  'PUT gets 405 and what is allowed': {
    ask: { method: 'PUT', target: '/dns-query' },
    status: 405,
    headers: { allow: ALLOW },
  },
  'DELETE likewise': { ask: { method: 'DELETE', target: '/dns-query' }, status: 405, headers: { allow: ALLOW } },
  'POST to the path of JSON gets 405': {
    ask: { ...post(plain), target: '/resolve' },
    status: 405,
    headers: { allow: 'GET, HEAD, OPTIONS' },
  },
  'POST is answered': {
    ask: post(plain),
    ...ok,
    headers: { 'content-type': DNS_MESSAGE, 'cache-control': 'max-age=300' },
  },
  'POST of text gets 415': {
    ask: post(plain, { 'content-type': 'text/plain' }),
    status: 415,
    headers: { accept: DNS_MESSAGE },
  },
  'POST without a type gets 415': { ask: post(plain, {}), status: 415 },
  'POST of something compressed gets 415': {
    ask: post(plain, { 'content-type': DNS_MESSAGE, 'content-encoding': 'gzip' }),
    status: 415,
  },
  'a type with parameters is taken': { ask: post(plain, { 'content-type': `${DNS_MESSAGE}; charset=utf-8` }), ...ok },
  'a type in capitals is taken': { ask: post(plain, { 'content-type': 'Application/DNS-Message' }), ...ok },
  'an empty POST gets 400': { ask: post(new Uint8Array(0)), ...bad, detail: /shorter/ },
  'a POST of 65,535 octets, most of them zeros after the message, gets 400': {
    ask: post(trailing(65_535 - plain.length)),
    ...bad,
    detail: /after the end/,
  },
  'a POST of 70,000 octets gets 413': { ask: post(trailing(70_000 - plain.length)), status: 413 },
  'too many queries being resolved get 503 and when to come again': {
    ask: get(`dns=${encoded('busy.example.com.')}`),
    status: 503,
    headers: { 'retry-after': '1', 'cache-control': 'no-store' },
  },
  'a field that is too long gets 431': { ask: get(`dns=${www}`, { 'x-long': 'x'.repeat(17_000) }), status: 431 },
  'too many fields get 431': {
    ask: get(`dns=${www}`, Object.fromEntries(Array.from({ length: 80 }, (_, i) => [`x-${i}`, '1']))),
    status: 431,
  },
}

const decodedOf = ({ body }: Got): Message | null => {
  const decoded = decodeMessage(body)
  return decoded.kind === 'message' ? decoded.message : null
}

describe.each(ways)('over %s', (_title, way) => {
  test.each(Object.entries(rows))('%s', async (_row, { ask, status, dns, headers = {}, detail }) => {
    const { port } = await openBench()
    const got = await way(port, ask)
    expect(got.status).toBe(status)
    if (dns !== undefined) expect(decodedOf(got)).toMatchObject({ response: true, ...dns })
    if (ask.method === 'HEAD' || status === 204) expect(got.body).toHaveLength(0)
    else if (status !== 200) expect(JSON.parse(got.body.toString())).toMatchObject({ type: 'about:blank', status })
    if (detail !== undefined) expect(JSON.parse(got.body.toString()).detail).toMatch(detail)
    if (Object.keys(got.headers).length > 0) expect(got.headers).toMatchObject(headers)
  })
})
