/**
 * DNS over HTTPS in front of the real value and byte paths, with answers by name, and four ways of asking: HTTP/1.1 and
 * HTTP/2, each from a client of Node.js and from octets written by hand.
 */
import { request as http1Request } from 'node:http'
import { type ClientHttp2Session, connect as connectH2 } from 'node:http2'
import { connect, createServer, type Socket } from 'node:net'
import { parseIp, parsePrefix } from '../../../src/dns/address.ts'
import { AnswerCache } from '../../../src/cache/answer-cache.ts'
import { formatName } from '../../../src/presentation/text.ts'
import type { Event } from '../../../src/events.ts'
import { type LimitChanges, limitsWith } from '../../../src/limits.ts'
import { openDohService, type DohService } from '../../../src/net/listen/doh.ts'
import type { DohParts } from '../../../src/net/listen/doh-connection.ts'
import { TcpConnections } from '../../../src/net/listen/tcp-connections.ts'
import { TcpTurns } from '../../../src/net/listen/tcp-turns.ts'
import { allowing, makeAccess } from '../../../src/policy/access.ts'
import type { Answer, Handler, Query } from '../../../src/policy/handler.ts'
import type { Client, Clock } from '../../../src/ports.ts'
import { Counters } from '../../../src/server/counters.ts'
import { WaitingClients } from '../../../src/server/pending-queries.ts'
import { createServe } from '../../../src/server/serve.ts'
import { Tally } from '../../../src/server/tally.ts'
import type { Outcome } from '../../../src/steps.ts'
import { SimClock } from '../../../src/simulation/clock.ts'
import { a, answer, bytesOf, wire } from '../../server/make.ts'
import { foldName, type Name } from '../../../src/dns/name.ts'
import type { AskedQuestion } from '../../../src/dns/message.ts'
import { atEnd, until } from '../support.ts'
import { makeRRset } from '../../../src/dns/rrset.ts'
import { RrClass, RrType } from '../../../src/dns/types.ts'

export interface DohBench {
  readonly port: number
  readonly service: DohService
  readonly table: TcpConnections
  readonly clock: SimClock
  readonly counters: Counters
  readonly waiting: WaitingClients
  readonly events: Event[]
  /** Queries that reached the policy chain. */
  readonly seen: Query[]
  /** Answers the queries for names that begin with `slow`. */
  release(): void
}

export interface BenchOptions {
  readonly limits?: LimitChanges
  readonly parts?: Partial<Pick<DohParts, 'path' | 'proxies' | 'origins'>>
}

/** RFC 2308: minimum 60, its own TTL 900. */
const soa = makeRRset(wire('example.com.'), RrType.SOA, RrClass.IN, 900, [
  Buffer.concat([
    Buffer.from('\x02ns\0\x02me\0', 'latin1'),
    Buffer.from('00000001000000020000000300000004', 'hex'),
    Buffer.from('0000003c', 'hex'),
  ]),
])

const failure = (why: 'overload' | 'deadline'): Outcome => ({
  kind: 'failure',
  why,
  ede: 22,
  text: why === 'deadline' ? 'no server answered' : 'too busy',
  rrsets: [],
})

/** What the first label of a name brings. */
function outcomeOf({ question }: Query): Outcome {
  const name = formatName(question.name)
  const denial = { rrsets: [], soa, proof: [], security: { kind: 'insecure' }, authoritative: false } as const
  if (name.startsWith('nx')) return { kind: 'nxdomain', ...denial }
  if (name.startsWith('nodata')) return { kind: 'nodata', ...denial }
  if (name.startsWith('fail')) return failure('deadline')
  if (name.startsWith('busy')) return failure('overload')
  const set = { ...a(name, '192.0.2.1', 300) }
  return answer([name.startsWith('two') ? { ...set, ttl: 77 } : set])
}

export async function openBench(options: BenchOptions = {}): Promise<DohBench> {
  const limits = limitsWith(options.limits ?? {})
  const time = new SimClock(1_000)
  const clock: Clock = time
  const events: Event[] = []
  const seen: Query[] = []
  const held: (() => void)[] = []
  const counters = new Counters()
  const waiting = new WaitingClients(limits.server)
  const allowed = ['127.0.0.0/8', '192.0.2.0/24', '2001:db8::/32'].flatMap(text => parsePrefix(text) ?? [])
  const handler: Handler = query => {
    seen.push(query)
    const given: Answer = { kind: 'resolved', outcome: outcomeOf(query), by: 'test', shareable: true }
    if (!formatName(query.question.name).startsWith('slow')) return Promise.resolve(given)
    return new Promise(settle => held.push(() => settle(given)))
  }
  const serve = createServe({
    clock,
    random: { below: () => 0 },
    answers: new AnswerCache(limits.cache, 1_000_000),
    pipeline: { admit: makeAccess([allowing(allowed)], limits.server).admit, handler },
    waiting,
    counters,
    tallies: { refusals: new Tally(60_000), failures: new Tally(60_000) },
    events: event => events.push(event),
    settings: {
      udpReplyBytes: 1232,
      edeTextBytes: 160,
      tcpIdleMs: 30_000,
      paddingBlock: limits.tls.paddingBlock,
      nsid: null,
    },
    queryLog: null,
  })
  const table = new TcpConnections(limits.tcp)
  const service = openDohService({
    path: '/dns-query',
    proxies: [],
    origins: [],
    ...options.parts,
    clock,
    limits: limits.doh,
    table,
    turns: new TcpTurns(limits.tcp, clock),
    onMessage: serve,
    events: event => events.push(event),
  })
  const server = createServer({ noDelay: true }, socket => service.serve(socket, clientOf(socket), null))
  await new Promise<void>(resolve => {
    server.listen(0, '127.0.0.1', resolve)
  })
  atEnd(async () => {
    const closed = service.close(1)
    time.advance(2)
    await closed
    await new Promise<void>(resolve => server.close(() => resolve()))
  })
  const bound = server.address()
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0
  const release = (): void => {
    for (const one of held.splice(0)) one()
  }
  return { port, service, table, clock: time, counters, waiting, events, seen, release }
}

function clientOf(socket: Socket): Client {
  const ip = parseIp(socket.remoteAddress ?? '')
  if (ip === null) throw new Error('a client without address')
  return { ip, port: socket.remotePort ?? 0, transport: 'http' }
}

// --- requests

export interface Ask {
  readonly method?: string
  readonly target?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
}

export interface Got {
  readonly status: number
  /** Names in lower case; empty where octets were read by hand and these say nothing more. */
  readonly headers: Readonly<Record<string, string | string[] | number | undefined>>
  readonly body: Buffer
}

export type Way = (port: number, ask: Ask) => Promise<Got>

/** A query in base64url. */
export const encoded = (name: string, change: Parameters<typeof bytesOf>[0] = {}): string =>
  Buffer.from(bytesOf({ id: 0, question: question(name), ...change })).toString('base64url')

export const question = (name: string, type: number = RrType.A): AskedQuestion => ({
  name: folded(name),
  cased: wire(name),
  type,
  class: RrClass.IN,
})

const folded = (name: string): Name => foldName(wire(name))

export const DNS_MESSAGE = 'application/dns-message'

const http1: Way = (port, { method = 'GET', target = '/', headers = {}, body }) =>
  new Promise((resolve, reject) => {
    const request = http1Request({ port, host: '127.0.0.1', method, path: target, headers, agent: false }, response => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      )
    })
    request.on('error', reject)
    request.end(body)
  })

/** A session that ends with the test. */
export async function h2Session(port: number): Promise<ClientHttp2Session> {
  const session = connectH2(`http://127.0.0.1:${port}`)
  session.on('error', () => {})
  atEnd(() => session.destroy())
  await new Promise<void>(resolve => session.once('remoteSettings', () => resolve()))
  return session
}

export function askH2(
  session: ClientHttp2Session,
  { method = 'GET', target = '/', headers = {}, body }: Ask,
): Promise<Got> {
  return new Promise((resolve, reject) => {
    const request = session.request(
      { ...headers, ':method': method, ':path': target },
      { endStream: body === undefined },
    )
    const chunks: Buffer[] = []
    let got: Got['headers'] = {}
    request.on('response', fields => {
      got = fields
    })
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('error', reject)
    request.on('close', () => {
      if (got[':status'] === undefined) reject(new Error(`no answer, reset with ${request.rstCode}`))
      else resolve({ status: Number(got[':status']), headers: got, body: Buffer.concat(chunks) })
    })
    if (body !== undefined) request.end(body)
  })
}

const http2: Way = async (port, ask) => {
  const session = await h2Session(port)
  return await askH2(session, ask)
}

/** Octets to a fresh connection, and what came back until `enough` or the end. */
export async function exchange(
  port: number,
  octets: Uint8Array | string,
  enough: (got: Buffer) => boolean = () => false,
): Promise<{ readonly got: Buffer; readonly closed: boolean }> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  atEnd(() => socket.destroy())
  let got = Buffer.alloc(0)
  let closed = false
  socket.on('error', () => {})
  socket.on('close', () => {
    closed = true
  })
  socket.on('data', (chunk: Buffer) => {
    got = Buffer.concat([got, chunk])
  })
  socket.write(octets)
  await until(() => closed || enough(got), 'an answer to octets')
  return { got, closed }
}

/** The first response in octets of HTTP/1.1; null when it is not complete. */
export function readHttp1(octets: Buffer, method = 'GET'): Got | null {
  const end = octets.indexOf('\r\n\r\n')
  if (end < 0) return null
  const [start = '', ...lines] = octets.toString('latin1', 0, end).split('\r\n')
  const headers = Object.fromEntries(
    lines.map(line => [line.split(':')[0]?.toLowerCase(), line.replace(/^[^:]*: */, '')]),
  )
  const body = octets.subarray(end + 4)
  if (method !== 'HEAD' && body.length < Number(headers['content-length'] ?? 0)) return null
  return { status: Number(start.split(' ')[1]), headers, body }
}

const rawHttp1: Way = async (port, { method = 'GET', target = '/', headers = {}, body }) => {
  const fields = Object.entries({
    host: 'dns.example',
    ...headers,
    ...(body === undefined ? {} : { 'content-length': String(body.length) }),
  })
  const head = `${method} ${target} HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
  const octets = Buffer.concat([Buffer.from(head, 'latin1'), body ?? Buffer.alloc(0)])
  const { got } = await exchange(port, octets, so => readHttp1(so, method) !== null)
  const read = readHttp1(got, method)
  if (read === null) throw new Error(`no response in ${got.length} octets`)
  return read
}

// --- HTTP/2 by hand (RFC 9113 section 4, RFC 7541)

export const PREFACE: Buffer = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
export const FRAME = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
} as const
export const END_STREAM = 1
export const END_HEADERS = 4

export function frameOf(type: number, flags: number, stream: number, payload: Uint8Array = new Uint8Array(0)): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** A string without Huffman coding; lengths from 127 on take more octets (RFC 7541 section 5.1). */
function literal(text: string): Buffer {
  const octets = Buffer.from(text, 'latin1')
  const length: number[] = [Math.min(octets.length, 127)]
  if (octets.length >= 127) {
    let rest = octets.length - 127
    for (; rest >= 128; rest >>= 7) length.push((rest & 127) | 128)
    length.push(rest)
  }
  return Buffer.concat([Uint8Array.from(length), octets])
}

/** Fields without indexing. */
export const fieldsOf = (fields: readonly (readonly [string, string])[]): Buffer =>
  Buffer.concat(fields.map(([name, value]) => Buffer.concat([Uint8Array.of(0), literal(name), literal(value)])))

export const headOf = ({ method = 'GET', target = '/', headers = {} }: Ask): Buffer =>
  fieldsOf([
    [':method', method],
    [':scheme', 'http'],
    [':authority', 'dns.example'],
    [':path', target],
    ...Object.entries(headers),
  ])

export const h2Start: Buffer = Buffer.concat([PREFACE, frameOf(FRAME.settings, 0, 0)])

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

export function framesIn(octets: Buffer): Frame[] {
  const frames: Frame[] = []
  for (let at = 0; at + 9 <= octets.length; ) {
    const length = octets.readUIntBE(at, 3)
    if (at + 9 + length > octets.length) break
    frames.push({
      type: octets[at + 3] ?? 0,
      flags: octets[at + 4] ?? 0,
      stream: octets.readUInt32BE(at + 5) & 0x7fff_ffff,
      payload: octets.subarray(at + 9, at + 9 + length),
    })
    at += 9 + length
  }
  return frames
}

const INDEXED: ReadonlyMap<number, number> = new Map([
  [0x88, 200],
  [0x89, 204],
  [0x8a, 206],
  [0x8b, 304],
  [0x8c, 400],
  [0x8d, 404],
  [0x8e, 500],
])

/** The status, which is the first field of a response: indexed, or three digits, of which nghttp2 makes Huffman codes. */
export function statusIn(payload: Buffer): number {
  const first = payload[0] ?? 0
  const known = INDEXED.get(first)
  if (known !== undefined) return known
  const length = payload[1] ?? 0
  const value = payload.subarray(2, 2 + (length & 0x7f))
  if ((length & 0x80) === 0) return Number(value.toString('latin1'))
  const bits = [...value].map(octet => octet.toString(2).padStart(8, '0')).join('')
  let digits = ''
  // RFC 7541 appendix B: 0 to 2 have five bits, 3 to 9 six.
  for (let at = 0; digits.length < 3; ) {
    const five = Number.parseInt(bits.slice(at, at + 5), 2)
    if (five <= 2) digits += five
    else digits += Number.parseInt(bits.slice(at, at + 6), 2) - 0b011001 + 3
    at += five <= 2 ? 5 : 6
  }
  return Number(digits)
}

/** More than a stream may send at first (RFC 9113 section 6.9.2) is announced, and begun. */
const MOST_AT_ONCE = 60_000

const rawHttp2: Way = async (port, { body, ...ask }) => {
  const isLong = body !== undefined && body.length > 65_535
  const announced = isLong ? { ...ask.headers, 'content-length': String(body.length) } : ask.headers
  const octets = Buffer.concat([
    h2Start,
    ...headFrames(1, { ...ask, headers: announced ?? {} }, body === undefined),
    ...(body === undefined ? [] : dataFrames(1, isLong ? body.subarray(0, MOST_AT_ONCE) : body, !isLong)),
  ])
  const isOver = (got: Buffer): boolean =>
    framesIn(got).some(
      ({ stream, type, flags }) =>
        stream === 1 && (type === FRAME.reset || (type <= FRAME.headers && (flags & END_STREAM) !== 0)),
    )
  const { got } = await exchange(port, octets, isOver)
  const own = framesIn(got).filter(({ stream }) => stream === 1)
  const head = own.find(({ type }) => type === FRAME.headers)
  if (head === undefined) throw new Error('no response')
  const data = own.filter(({ type }) => type === FRAME.data).map(({ payload }) => payload)
  return { status: statusIn(head.payload), headers: {}, body: Buffer.concat(data) }
}

/** A request in HEADERS and, where it is long, CONTINUATION frames. */
export function headFrames(stream: number, ask: Ask, isAll: boolean): Buffer[] {
  const fields = headOf(ask)
  const frames: Buffer[] = []
  for (let at = 0; at === 0 || at < fields.length; at += FRAME_OCTETS) {
    const type = at === 0 ? FRAME.headers : FRAME.continuation
    const flags = (at + FRAME_OCTETS >= fields.length ? END_HEADERS : 0) | (at === 0 && isAll ? END_STREAM : 0)
    frames.push(frameOf(type, flags, stream, fields.subarray(at, at + FRAME_OCTETS)))
  }
  return frames
}

export function dataFrames(stream: number, body: Uint8Array, isAll = true): Buffer[] {
  const frames: Buffer[] = []
  for (let at = 0; at === 0 || at < body.length; at += FRAME_OCTETS) {
    const last = isAll && at + FRAME_OCTETS >= body.length
    frames.push(frameOf(FRAME.data, last ? END_STREAM : 0, stream, body.subarray(at, at + FRAME_OCTETS)))
  }
  return frames
}

/** RFC 9113 section 6.5.2: longest frame that anybody takes. */
const FRAME_OCTETS = 16_384

export const ways: readonly (readonly [string, Way])[] = [
  ['HTTP/1.1', http1],
  ['HTTP/2', http2],
  ['octets of HTTP/1.1', rawHttp1],
  ['frames of HTTP/2', rawHttp2],
]
