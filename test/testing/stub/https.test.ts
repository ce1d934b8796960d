import { constants, connect as connectH2, type ClientHttp2Session, type OutgoingHttpHeaders } from 'node:http2'
import { Agent, request } from 'node:https'
import { afterEach, describe, expect, test } from 'vitest'
import { decodeMessage } from '../../../src/dns/decode.ts'
import { createDnsStub } from '../../../src/testing/create-dns-stub.ts'
import type { DnsStub, HttpsFault, StubHttps } from '../../../src/testing/stub/types.ts'
import { query } from '../../net/support.ts'

const running: (() => unknown)[] = []
afterEach(async () => {
  for (const end of running.splice(0).toReversed()) await end()
})

async function start(options: object = {}): Promise<{ readonly stub: DnsStub; readonly https: StubHttps }> {
  const stub = await createDnsStub({ https: true, records: { 'www.example.com': '192.0.2.1' }, ...options })
  running.push(() => stub.stop())
  const { https } = stub
  if (https === null) throw new Error('no HTTPS')
  return { stub, https }
}

/** What a client saw: `status media-type rcode`, with Retry-After if any; or the code of an error. */
type Seen = string
type Ask = (https: StubHttps, path?: string) => Promise<Seen>

const POST: OutgoingHttpHeaders = { 'content-type': 'application/dns-message', accept: 'application/dns-message' }

function seen(status: number | undefined, headers: NodeJS.Dict<unknown>, body: Buffer): Seen {
  const decoded = decodeMessage(body)
  const rcode = decoded.kind === 'message' ? ` rcode ${decoded.message.rcode}` : ''
  const after = headers['retry-after'] === undefined ? '' : ` after ${String(headers['retry-after'])}`
  return `${status} ${String(headers['content-type'])}${after}${rcode}`
}

/** Of what the error of a stream comes from. */
function codeOf(error: Error): string {
  const { cause } = error
  return cause instanceof Error ? codeOf(cause) : 'code' in error ? String(error.code) : error.message
}

const session = ({ port, ca, name }: StubHttps): ClientHttp2Session => {
  const opened = connectH2(`https://127.0.0.1:${port}`, { ca, servername: name })
  opened.on('error', () => {})
  running.push(() => opened.destroy())
  return opened
}

const h2On = (on: ClientHttp2Session, path: string): Promise<Seen> =>
  new Promise(resolve => {
    let head: NodeJS.Dict<unknown> = {}
    const chunks: Buffer[] = []
    on.on('error', error => resolve(codeOf(error)))
    const stream = on.request({ ':method': 'POST', ':path': path, ...POST })
    stream.on('response', headers => (head = headers))
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('error', error => resolve(codeOf(error)))
    stream.on('close', () => resolve(seen(Number(head[':status']), head, Buffer.concat(chunks))))
    stream.end(query())
  })

const h2: Ask = (https, path = https.path) => h2On(session(https), path)

const h1: Ask = ({ port, ca, name, path: own }, path = own) =>
  new Promise(resolve => {
    const agent = new Agent({ ca, servername: name })
    running.push(() => agent.destroy())
    const asked = request({ host: '127.0.0.1', port, path, method: 'POST', headers: POST, agent }, response => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', error => resolve(codeOf(error)))
      response.on('end', () => resolve(seen(response.statusCode, response.headers, Buffer.concat(chunks))))
    })
    asked.on('error', error => resolve(codeOf(error)))
    asked.end(query())
  })

const ANSWERED = '200 application/dns-message rcode 0'

describe.each([
  ['HTTP/2', h2],
  ['HTTP/1.1', h1],
])('a stub over HTTPS, by %s', (_, ask) => {
  test('answers, and records the transport', async () => {
    const { stub, https } = await start()
    expect(https.url).toBe(`https://127.0.0.1:${https.port}/dns-query`)
    expect(await ask(https)).toBe(ANSWERED)
    expect(stub.queries.map(({ name, transport }) => `${name} ${transport}`)).toEqual(['www.example.com https'])
  })

  test.each<[HttpsFault, string]>([
    ['expired', 'CERT_HAS_EXPIRED'],
    ['otherName', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ['otherAuthority', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE'],
    ['tooManyRequests', '429 application/problem+json after 1'],
    ['unavailable', '503 application/problem+json after 1'],
    ['wrongMediaType', '200 text/html rcode 0'],
  ])('whose fault is %s shows %s, until that is taken back', async (fault, shown) => {
    const { https } = await start()
    https.fail(fault)
    expect(await ask(https)).toBe(shown)
    https.fail(null)
    expect(await ask(https)).toBe(ANSWERED)
  })

  test.each(['resetAfterHandshake', 'closeAfterHandshake', 'goAway'] as const)(
    'whose fault is %s gives no answer, until that is taken back',
    async fault => {
      const { https } = await start()
      https.fail(fault)
      expect(await ask(https)).not.toMatch(/^\d/)
      https.fail(null)
      expect(await ask(https)).toBe(ANSWERED)
    },
  )

  test.each<[HttpsFault, object, string]>([
    ['tooManyRequests', { retryAfter: 7, times: 1 }, '429 application/problem+json after 7'],
    ['unavailable', { retryAfter: null, times: 1 }, '503 application/problem+json'],
    ['unavailable', { retryAfter: 'soon', times: 1 }, '503 application/problem+json after soon'],
  ])('says %s as %j has it, for so many queries', async (fault, options, shown) => {
    const { stub, https } = await start()
    https.fail(fault, options)
    expect([await ask(https), await ask(https)]).toEqual([shown, ANSWERED])
    expect(stub.queries.map(({ answeredWith }) => answeredWith)).toEqual([fault, 'NOERROR'])
  })

  test('begins a slow handshake late', async () => {
    const { https } = await start()
    https.fail('slowHandshake', { ms: 200 })
    const from = performance.now()
    expect(await ask(https)).toBe(ANSWERED)
    expect(performance.now() - from).toBeGreaterThanOrEqual(199)
  })

  test('sends the second half of a slow body late', async () => {
    const { https } = await start()
    https.fail('slowBody', { ms: 200 })
    const from = performance.now()
    expect(await ask(https)).toBe(ANSWERED)
    expect(performance.now() - from).toBeGreaterThanOrEqual(199)
  })

  test.each([
    ['SERVFAIL', '200 application/dns-message rcode 2'],
    ['truncate', ANSWERED],
    ['halfFrame', '200 application/dns-message'],
    ['garbage', '200 application/dns-message'],
  ] as const)('has the fault %s of queries: %s', async (fault, shown) => {
    const { stub, https } = await start()
    stub.fail('www.example.com', fault, { transport: 'https' })
    expect(await ask(https)).toBe(shown)
  })

  test('resets the connection of a client with a name of its own', async () => {
    const { stub, https } = await start()
    stub.fail('www.example.com', 'tcpReset', { times: 1 })
    expect(await ask(https, `${https.path}/phone`)).not.toMatch(/^\d/)
    expect(await ask(https, `${https.path}/phone`)).toBe(ANSWERED)
  })
})

describe('a stub over HTTPS', () => {
  test('that goes away has looked at nothing, so that the query may be asked elsewhere', async () => {
    const { https } = await start()
    const client = session(https)
    expect(await h2On(client, https.path)).toBe(ANSWERED)
    https.fail('goAway', { times: 1 })
    const last = new Promise(resolve => void client.on('goaway', (code, id) => resolve({ code, id })))
    const second = client.request({ ':method': 'POST', ':path': https.path, ...POST })
    const refused = new Promise(resolve => second.on('error', () => {}).on('close', () => resolve(second.rstCode)))
    second.end(query())
    expect(await last).toEqual({ code: 0, id: 1 })
    expect(await refused).toBe(constants.NGHTTP2_REFUSED_STREAM)
  })

  test('is silent where a query gets no answer, and answers others on the same connection', async () => {
    const { stub, https } = await start()
    stub.set('other.example.com', '192.0.2.2')
    stub.fail('www.example.com', 'timeout', { times: 1 })
    const client = session(https)
    const first = client.request({ ':method': 'POST', ':path': https.path, ...POST })
    let ended = false
    first.on('error', () => {}).on('close', () => (ended = true))
    first.end(query())
    await stub.waitForQuery('www.example.com')
    expect(await h2On(client, https.path)).toBe(ANSWERED)
    expect(ended).toBe(false)
  })

  test('says nothing to a client that wants JSON where a fault makes octets that are no message', async () => {
    const { stub, https } = await start()
    stub.fail('www.example.com', 'garbage', { times: 1 })
    const client = session(https)
    client.request({ ':path': `${https.path}?name=www.example.com` }).on('error', () => {})
    await stub.waitForQuery('www.example.com')
    expect(await h2On(client, https.path)).toBe(ANSWERED)
    expect(stub.errors).toEqual([])
  })

  test('has faults of its own next to those over TLS, and the same authority', async () => {
    const { stub, https } = await start({ tls: true })
    expect(stub.tls?.ca).toBe(https.ca)
    stub.tls?.fail('expired')
    expect(await h2(https)).toBe(ANSWERED)
    https.fail('expired')
    expect(await h2(https)).toBe('CERT_HAS_EXPIRED')
  })

  test.each<[string, () => unknown, RegExp]>([
    ['an unknown fault', () => ['slowbody'], /did you mean "?slowBody|expected one of/],
    ['a number of queries for a certificate', () => ['expired', { times: 1 }], /times is for faults of HTTP/],
    ['a Retry-After that is none', () => ['unavailable', { retryAfter: -1 }], /expected retryAfter/],
    ['an unknown option', () => ['unavailable', { after: 1 }], /after/],
  ])('refuses %s', async (_, given, says) => {
    const { https } = await start()
    expect(() => Reflect.apply(https.fail, https, Object(given()))).toThrow(says)
  })

  test('is not there without being wanted', async () => {
    const stub = await createDnsStub()
    running.push(() => stub.stop())
    expect(stub.https).toBeNull()
  })
})
