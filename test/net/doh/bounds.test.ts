/** What one client of DNS over HTTPS may do at once, in its life and in time; floods by octets. The clock is virtual. */
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { Rcode } from '../../../src/dns/types.ts'
import { decodeMessage } from '../../../src/dns/decode.ts'
import { bytesOf } from '../../server/make.ts'
import { parsePrefix } from '../../../src/dns/address.ts'
import { atEnd, cleanUp, until } from '../support.ts'
import {
  askH2,
  type BenchOptions,
  DNS_MESSAGE,
  type DohBench,
  dataFrames,
  encoded,
  END_HEADERS,
  END_STREAM,
  exchange,
  FRAME,
  frameOf,
  framesIn,
  h2Session,
  h2Start,
  headOf,
  openBench,
  question,
  readHttp1,
  ways,
} from './support.ts'

afterEach(cleanUp)

const get = (name: string): string => `/dns-query?dns=${encoded(name)}`
const www = get('www.example.com.')
const slow = get('slow.example.com.')
const h1 = (target: string, more = ''): string => `GET ${target} HTTP/1.1\r\nhost: dns.example\r\n${more}\r\n`
const h2 = (stream: number, target: string): Buffer =>
  frameOf(FRAME.headers, END_HEADERS | END_STREAM, stream, headOf({ target }))
const reset = (stream: number): Buffer => frameOf(FRAME.reset, 0, stream, Uint8Array.of(0, 0, 0, 8))
const plain = bytesOf({ id: 0, question: question('www.example.com.') })

interface Peer {
  readonly socket: Socket
  got: Buffer
  closed: boolean
}

/** A client that says what it is told to, and reads unless `reads` is false. */
async function peer(port: number, reads = true): Promise<Peer> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const state: Peer = { socket, got: Buffer.alloc(0), closed: false }
  atEnd(() => socket.destroy())
  socket.on('error', () => {})
  socket.on('close', () => {
    state.closed = true
  })
  if (reads)
    socket.on('data', (chunk: Buffer) => {
      state.got = Buffer.concat([state.got, chunk])
    })
  await new Promise<void>(resolve => socket.once('connect', () => resolve()))
  return state
}

/** Another client is served. */
async function serves(bench: DohBench): Promise<number> {
  const got = await exchange(bench.port, h1(www), so => readHttp1(so) !== null)
  return readHttp1(got.got)?.status ?? 0
}

const statusLines = (got: Buffer): number[] =>
  [...got.toString('latin1').matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => Number(status))

describe('at once', () => {
  test('a client has a hundred streams, and one more is refused', async () => {
    const { port, seen, release } = await openBench()
    const client = await peer(port)
    client.socket.write(Buffer.concat([h2Start, ...Array.from({ length: 101 }, (_, i) => h2(2 * i + 1, slow))]))
    await until(() => seen.length === 100, 'a hundred queries')
    await until(
      () => framesIn(client.got).some(({ type, stream }) => type === FRAME.reset && stream === 201),
      'a refusal',
    )
    release()
    await until(() => framesIn(client.got).filter(({ type }) => type === FRAME.data).length >= 100, 'the answers')
    expect(client.closed).toBe(false)
  })

  test('requests given up count as in work until they are resolved', async () => {
    const { port, seen, release } = await openBench({ limits: { doh: { streams: 2 } } })
    const client = await peer(port)
    client.socket.write(Buffer.concat([h2Start, h2(1, slow), h2(3, slow)]))
    await until(() => seen.length === 2, 'two queries')
    client.socket.write(Buffer.concat([reset(1), reset(3), h2(5, www)]))
    const again = await h2Session(port)
    expect((await askH2(again, { target: www })).status).toBe(200)
    expect(seen).toHaveLength(3)
    expect(framesIn(client.got).some(({ stream }) => stream === 5)).toBe(false)
    release()
    await until(() => framesIn(client.got).some(({ stream, type }) => stream === 5 && type === FRAME.data), 'its turn')
  })

  test('a hundred requests of HTTP/1.1 in one write are answered in order', async () => {
    const { port } = await openBench()
    const targets = Array.from({ length: 250 }, (_, i) => get(`n${i}.example.com.`))
    const { got } = await exchange(
      port,
      targets.map(target => h1(target)).join(''),
      so => statusLines(so).length === 250,
    )
    const names = [...got.toString('latin1').matchAll(/n(\d+).example/gs)].map(([, number]) => Number(number))
    expect(statusLines(got).every(status => status === 200)).toBe(true)
    expect(names).toEqual(Array.from({ length: 250 }, (_, i) => i))
  })

  test('a client with too many queries waiting gets 429 and when to come again', async () => {
    const { port, seen, release } = await openBench({ limits: { server: { waitingPerClient: 1 } } })
    const session = await h2Session(port)
    const first = askH2(session, { target: slow })
    await until(() => seen.length === 1, 'the first query')
    const second = await askH2(session, { target: get('slower.example.com.') })
    expect(second).toMatchObject({ status: 429, headers: { 'retry-after': '1', 'cache-control': 'no-store' } })
    release()
    expect((await first).status).toBe(200)
  })

  test('bodies that are not complete share a bound', async () => {
    const { port } = await openBench({ limits: { doh: { bodiesOctets: 1_000 } } })
    const client = await peer(port)
    const head = { method: 'POST', target: '/dns-query', headers: { 'content-type': DNS_MESSAGE } }
    const half = (stream: number): Buffer =>
      Buffer.concat([
        frameOf(FRAME.headers, END_HEADERS, stream, headOf(head)),
        ...dataFrames(stream, new Uint8Array(600), false),
      ])
    client.socket.write(Buffer.concat([h2Start, half(1)]))
    client.socket.write(half(3))
    await until(() => framesIn(client.got).some(({ stream, type }) => stream === 3 && type === FRAME.data), 'a refusal')
    const [refusal] = framesIn(client.got).filter(({ stream, type }) => stream === 3 && type === FRAME.data)
    expect(JSON.parse(refusal?.payload.toString() ?? '')).toMatchObject({ status: 429 })
    client.socket.write(frameOf(FRAME.data, END_STREAM, 1))
    await until(() => framesIn(client.got).some(({ stream, type }) => stream === 1 && type === FRAME.data), 'an answer')
  })

  test('connections of one client have the bound that they have over TCP', async () => {
    const bench = await openBench({ limits: { tcp: { connectionsPerPrefix: 2 } } })
    const clients = [await peer(bench.port), await peer(bench.port), await peer(bench.port)]
    for (const [i, client] of clients.entries()) {
      client.socket.write(h1(i === 0 ? www : slow))
      await until(
        () => bench.table.size === Math.min(i + 1, 2) && (i !== 0 || readHttp1(client.got) !== null),
        `client ${i}`,
      )
    }
    await until(() => clients[0]?.closed === true, 'the idle one gives way')
    expect(bench.table.size).toBe(2)
  })
})

describe('in a life', () => {
  const few: BenchOptions = { limits: { doh: { queriesOfConnection: 3 } } }

  test('a connection of HTTP/1.1 ends with its last query', async () => {
    const { port } = await openBench(few)
    const { got, closed } = await exchange(port, h1(www).repeat(5))
    expect(statusLines(got)).toEqual([200, 200, 200])
    expect(got.toString('latin1').match(/connection: close/gi)).toHaveLength(1)
    expect(closed).toBe(true)
  })

  test('one of HTTP/2 says GOAWAY, and its queries are answered', async () => {
    const { port } = await openBench(few)
    const client = await peer(port)
    client.socket.write(Buffer.concat([h2Start, h2(1, www), h2(3, www), h2(5, www)]))
    await until(() => client.closed, 'the end')
    const frames = framesIn(client.got)
    expect(frames.filter(({ type, flags }) => type === FRAME.data && (flags & END_STREAM) !== 0)).toHaveLength(3)
    expect(frames.some(({ type }) => type === FRAME.goaway)).toBe(true)
  })
})

describe('in time', () => {
  test('an idle connection is closed after idleMs', async () => {
    const { port, clock, table } = await openBench()
    const client = await peer(port)
    client.socket.write(Buffer.concat([h2Start, h2(1, www)]))
    await until(() => framesIn(client.got).some(({ type }) => type === FRAME.data), 'an answer')
    clock.advance(29_000)
    await until(() => table.size === 1, 'the connection')
    clock.advance(2_000)
    await until(() => client.closed, 'the end')
    expect(table.size).toBe(0)
  })

  test('a connection that says nothing is closed as well', async () => {
    const { port, clock } = await openBench()
    const client = await peer(port)
    await serves({ port } as DohBench)
    clock.advance(31_000)
    await until(() => client.closed, 'the end')
    expect(client.got).toHaveLength(0)
  })

  test('half a head of HTTP/1.1 is not waited for longer than idle', async () => {
    const { port, clock, table } = await openBench()
    const client = await peer(port)
    client.socket.write('GET /dns-query HTTP/1.1\r\nhost: x\r\n')
    await until(() => table.size === 1, 'a connection')
    for (let i = 0; i < 3; i++) {
      client.socket.write(`x-${i}: 1\r\n`)
      await serves({ port } as DohBench)
      clock.advance(5_100)
    }
    await until(() => client.closed, 'the end')
    expect(client.got).toHaveLength(0)
  })

  test.each(['HTTP/1.1', 'HTTP/2'])('a body over %s that does not come gets 408', async version => {
    const { port, clock, table } = await openBench()
    const client = await peer(port)
    const head = { method: 'POST', target: '/dns-query', headers: { 'content-type': DNS_MESSAGE } }
    client.socket.write(
      version === 'HTTP/2'
        ? Buffer.concat([
            h2Start,
            frameOf(FRAME.headers, END_HEADERS, 1, headOf(head)),
            ...dataFrames(1, plain.subarray(0, 20), false),
          ])
        : Buffer.concat([
            Buffer.from(
              `POST /dns-query HTTP/1.1\r\nhost: x\r\ncontent-type: ${DNS_MESSAGE}\r\ncontent-length: 33\r\n\r\n`,
            ),
            plain.subarray(0, 20),
          ]),
    )
    await until(() => table.size === 1, 'a connection')
    await serves({ port } as DohBench)
    clock.advance(10_100)
    await until(() => client.got.includes('"status":408'), 'the refusal')
    expect(version === 'HTTP/2' || statusLines(client.got)[0] === 408).toBe(true)
  })

  test('a client that takes nothing is closed after writeStallMs', async () => {
    const { port, clock, table } = await openBench()
    const client = await peer(port)
    // SETTINGS_INITIAL_WINDOW_SIZE 0: nothing of a body may be sent.
    const noWindow = frameOf(FRAME.settings, 0, 0, Uint8Array.of(0, 4, 0, 0, 0, 0))
    client.socket.write(Buffer.concat([h2Start, noWindow, ...Array.from({ length: 50 }, (_, i) => h2(2 * i + 1, www))]))
    await until(() => table.queuedBytes > 2_000, 'answers that wait')
    expect(framesIn(client.got).some(({ type, payload }) => type === FRAME.data && payload.length > 0)).toBe(false)
    clock.advance(10_100)
    await until(() => client.closed, 'the end')
    expect({ octets: table.queuedBytes, connections: table.size }).toEqual({ octets: 0, connections: 0 })
  })

  test('a stop closes who has not said anything yet', async () => {
    const bench = await openBench()
    const silent = await peer(bench.port)
    await serves(bench)
    bench.service.stop()
    await until(() => silent.closed, 'the end')
    expect(bench.table.size).toBe(0)
  })

  test('a stop answers what is in work and closes what is idle', async () => {
    const { port, service, seen, release } = await openBench()
    const [idle, busy1, busy2] = [await peer(port), await peer(port), await peer(port)]
    idle.socket.write(h1(www))
    busy1.socket.write(h1(slow))
    busy2.socket.write(Buffer.concat([h2Start, h2(1, slow)]))
    await until(() => seen.length === 3 && readHttp1(idle.got) !== null, 'the queries')
    const closed = service.close(1_000_000)
    release()
    await closed
    await until(() => idle.closed && busy1.closed && busy2.closed, 'the ends')
    expect(readHttp1(busy1.got)).toMatchObject({ status: 200, headers: { connection: 'close' } })
    expect(framesIn(busy2.got).some(({ type }) => type === FRAME.data)).toBe(true)
  })
})

describe('floods of HTTP/2', () => {
  const many = <T>(count: number, make: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => make(i))
  const head = headOf({ target: www })

  test('20,000 requests that are given up at once reach nobody, and end the connection', async () => {
    const bench = await openBench()
    const frames = many(20_000, i =>
      Buffer.concat([frameOf(FRAME.headers, END_HEADERS | END_STREAM, 2 * i + 1, head), reset(2 * i + 1)]),
    )
    const { closed } = await exchange(bench.port, Buffer.concat([h2Start, ...frames]))
    expect(closed).toBe(true)
    expect(bench.seen).toHaveLength(0)
    expect(await serves(bench)).toBe(200)
  })

  test('requests given up one by one count likewise, and time forgives', async () => {
    const { port, clock, seen } = await openBench()
    const client = await peer(port)
    client.socket.write(h2Start)
    let stream = -1
    const giveUp = async (count: number): Promise<void> => {
      for (let i = 0; i < count; i++) {
        stream += 2
        const before = seen.length
        client.socket.write(h2(stream, slow))
        await until(() => seen.length > before || client.closed, 'a query')
        client.socket.write(reset(stream))
      }
    }
    await giveUp(90)
    clock.advance(10_000)
    await giveUp(5)
    expect(client.closed).toBe(false)
  })

  const floods: Readonly<Record<string, Buffer>> = {
    'a window update of nothing on each stream (CVE-2025-8671)': Buffer.concat(
      many(2_000, i =>
        Buffer.concat([
          frameOf(FRAME.headers, END_HEADERS | END_STREAM, 2 * i + 1, head),
          frameOf(FRAME.window, 0, 2 * i + 1, new Uint8Array(4)),
        ]),
      ),
    ),
    SETTINGS: Buffer.concat(many(20_000, () => frameOf(FRAME.settings, 0, 0))),
    PING: Buffer.concat(many(20_000, () => frameOf(FRAME.ping, 0, 0, new Uint8Array(8)))),
    'CONTINUATION without end (CVE-2024-28182)': Buffer.concat([
      frameOf(FRAME.headers, END_STREAM, 1, head),
      ...many(20_000, () => frameOf(FRAME.continuation, 0, 1, headOf({ headers: { 'x-more': '1' } }).subarray(-10))),
    ]),
    'empty DATA': Buffer.concat([
      frameOf(
        FRAME.headers,
        END_HEADERS,
        1,
        headOf({ method: 'POST', target: '/dns-query', headers: { 'content-type': DNS_MESSAGE } }),
      ),
      ...many(20_000, () => frameOf(FRAME.data, 0, 1)),
    ]),
    'what is no HTTP/2 after its preface': Buffer.concat([Buffer.alloc(200, 0xff)]),
  }
  test.each(Object.entries(floods))('%s', async (_title, octets) => {
    const bench = await openBench()
    const client = await peer(bench.port)
    client.socket.write(Buffer.concat([h2Start, octets]))
    await until(() => client.closed || client.socket.writableLength === 0, 'the flood')
    expect(await serves(bench)).toBe(200)
    // What Node.js does not end by itself is idle, and ends as that.
    bench.clock.advance(31_000)
    await until(() => client.closed, 'the end')
    expect(bench.table.size).toBe(0)
    expect(bench.events).toEqual([])
  })
})

describe('octets of HTTP/1.1', () => {
  const rows: Readonly<Record<string, readonly [string, number]>> = {
    'no host': [`GET ${www} HTTP/1.1\r\n\r\n`, 400],
    'both ways of a length': [h1(www, 'content-length: 3\r\ntransfer-encoding: chunked\r\n'), 400],
    'two lengths': [h1(www, 'content-length: 3\r\ncontent-length: 4\r\n'), 400],
    'a folded field': [h1(www, 'x: a\r\n b\r\n'), 400],
    'a method that is none': [h1(www).replace('GET', 'G\x01T'), 400],
    'an unknown version': [h1(www).replace('HTTP/1.1', 'HTTP/3.0'), 400],
    'HTTP/1.0': [h1(www).replace('HTTP/1.1', 'HTTP/1.0'), 200],
    'a whole URL': [h1(`https://dns.example${www}`), 200],
    'an offer of h2c, which is not taken': [
      h1(www, 'connection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n'),
      200,
    ],
    'OPTIONS of the server': ['OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n', 204],
    'a body in chunks': [
      `POST /dns-query HTTP/1.1\r\nhost: x\r\ncontent-type: ${DNS_MESSAGE}\r\ntransfer-encoding: chunked\r\n\r\n21\r\n${Buffer.from(plain).toString('latin1')}\r\n0\r\n\r\n`,
      200,
    ],
    'TLS where there is none': ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
  }
  test.each(Object.entries(rows))('%s', async (_title, [octets, status]) => {
    const { port } = await openBench()
    const { got } = await exchange(port, Buffer.from(octets, 'latin1'), so => so.includes('\r\n\r\n'))
    expect(Number(got.toString('latin1').split(' ')[1])).toBe(status)
  })
})

describe('who asks', () => {
  const proxies = ['127.0.0.1/32'].flatMap(text => parsePrefix(text) ?? [])

  test('a proxy that is listed speaks for the last address in X-Forwarded-For, and no other does', async () => {
    const listed = await openBench({ parts: { proxies } })
    const others = await openBench()
    const headers = { 'x-forwarded-for': '198.51.100.66, 192.0.2.7' }
    for (const [, way] of ways) {
      await way(listed.port, { target: get('a.example.com.'), headers })
      await way(others.port, { target: get('a.example.com.'), headers })
      await way(listed.port, { target: '/dns-query/Phone?name=b.example.com', headers })
    }
    const seenBy = (bench: DohBench): (string | undefined)[][] =>
      bench.seen.map(({ client: { ip, proxy, clientId } }) => [ip.text, proxy?.text, clientId])
    expect(seenBy(listed)).toEqual([
      ['192.0.2.7', '127.0.0.1', undefined],
      ['192.0.2.7', '127.0.0.1', 'phone'],
    ])
    expect(seenBy(others)).toEqual([['127.0.0.1', undefined, undefined]])
  })

  test('an address that may not ask is refused in DNS; one that is none gets 400', async () => {
    const { port } = await openBench({ parts: { proxies } })
    const session = await h2Session(port)
    const refused = await askH2(session, { target: www, headers: { 'x-forwarded-for': '203.0.113.1' } })
    const decoded = decodeMessage(refused.body)
    expect(refused.status).toBe(200)
    expect(decoded.kind === 'message' ? decoded.message.rcode : -1).toBe(Rcode.REFUSED)
    expect((await askH2(session, { target: www, headers: { 'x-forwarded-for': 'unknown' } })).status).toBe(400)
  })

  test('pages of listed origins may read answers, and ask beforehand; others may not', async () => {
    const { port } = await openBench({ parts: { origins: ['https://page.example'] } })
    const session = await h2Session(port)
    const asked = async (origin: string | null, method = 'GET'): Promise<Record<string, unknown>> => {
      const preflight = method === 'OPTIONS' ? { 'access-control-request-method': 'POST' } : {}
      const { headers } = await askH2(session, {
        method,
        target: www,
        headers: { ...preflight, ...(origin === null ? {} : { origin }) },
      })
      return Object.fromEntries(Object.entries(headers).filter(([name]) => /^access-control|^vary/.test(name)))
    }
    const mine = { vary: 'origin', 'access-control-allow-origin': 'https://page.example' }
    expect(await asked('https://page.example')).toEqual(mine)
    expect(await asked('https://page.example', 'OPTIONS')).toEqual({
      ...mine,
      'access-control-allow-methods': 'GET, HEAD, POST',
      'access-control-allow-headers': 'accept, content-type',
      'access-control-max-age': '7200',
    })
    expect(await asked('https://evil.example')).toEqual({ vary: 'origin' })
    expect(await asked(null)).toEqual({ vary: 'origin' })
  })

  test('every page may, where "*" is listed, without credentials', async () => {
    const { port } = await openBench({ parts: { origins: ['*'] } })
    const { headers } = await askH2(await h2Session(port), { target: www, headers: { origin: 'https://any.example' } })
    expect(headers['access-control-allow-origin']).toBe('*')
    expect(headers['access-control-allow-credentials']).toBeUndefined()
  })
})
