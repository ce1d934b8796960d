/** Replies of servers with cookies that are not ours, over real sockets (`upstream.cookies`). */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { createServer, type Server } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { createResolver } from '../../src/index.ts'
import { decodeMessage } from '../../src/dns/decode.ts'
import { encodeMessage } from '../../src/dns/encode.ts'
import { findOption } from '../../src/dns/edns.ts'
import type { Message } from '../../src/dns/message.ts'
import { recordsOf } from '../../src/dns/rrset.ts'
import { EdnsOptionCode } from '../../src/dns/types.ts'
import { formatName } from '../../src/presentation/text.ts'
import { a, edns } from '../server/make.ts'

const HONEST = '192.0.2.1'
const FORGED = '192.0.2.66'
/** Of the server; the client's stands before it. */
const SERVER_PART = Uint8Array.of(1, 0, 0, 0, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)

const open: { close(): unknown }[] = []
afterEach(() => {
  for (const one of open.splice(0)) one.close()
})

const cookieOf = ({ edns: opt }: Message): Uint8Array | null =>
  (opt === null ? undefined : findOption(opt, EdnsOptionCode.COOKIE)?.data) ?? null

function replyTo(query: Message, address: string, cookie: Uint8Array | null): Uint8Array {
  const { question } = query
  if (question === null) throw new Error('a query without a question')
  const options = cookie === null ? [] : [{ code: EdnsOptionCode.COOKIE, data: cookie }]
  return encodeMessage(
    {
      ...query,
      response: true,
      authoritative: true,
      answer: recordsOf(a(formatName(question.name), address)),
      edns: query.edns === null ? null : edns({ options }),
    },
    { maxBytes: 65_535 },
  ).bytes
}

const honestCookie = (query: Message): Uint8Array | null => {
  const sent = cookieOf(query)
  return sent === null ? null : Uint8Array.of(...sent.subarray(0, 8), ...SERVER_PART)
}

interface Fake {
  readonly port: number
  /** `udp 8`: over what, with a cookie of how many octets. */
  readonly seen: string[]
}

/** A server that answers over UDP what `says` gives, in this order, and honestly over TCP. */
async function fake(says: (query: Message, count: number) => readonly Uint8Array[]): Promise<Fake> {
  const seen: string[] = []
  const note = (over: string, query: Message): void => void seen.push(`${over} ${cookieOf(query)?.length ?? 0}`)
  const read = (bytes: Uint8Array): Message => {
    const decoded = decodeMessage(bytes)
    if (decoded.kind !== 'message') throw new Error(decoded.why)
    return decoded.message
  }
  const tcp: Server = createServer(socket => {
    open.push({ close: () => socket.destroy() })
    socket.on('data', (bytes: Buffer) => {
      const query = read(bytes.subarray(2))
      note('tcp', query)
      const reply = replyTo(query, HONEST, honestCookie(query))
      socket.write(Buffer.concat([Buffer.of(reply.length >> 8, reply.length & 0xff), reply]))
    })
  })
  await new Promise<void>(done => tcp.listen(0, '127.0.0.1', done))
  const address = tcp.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const udp: Socket = createSocket('udp4')
  udp.on('message', (bytes: Buffer, from: RemoteInfo) => {
    const query = read(bytes)
    note('udp', query)
    const count = seen.filter(line => line.startsWith('udp')).length
    for (const reply of says(query, count)) udp.send(reply, from.port, from.address)
  })
  await new Promise<void>(done => udp.bind(port, '127.0.0.1', () => done()))
  open.push(tcp, udp)
  return { port, seen }
}

async function addresses(port: number, names: readonly string[], cookies = true): Promise<readonly string[]> {
  using resolver = createResolver({
    stub: [{ zone: 'cookie.test', to: [`127.0.0.1:${port}`] }],
    upstream: { doNotQuery: [], cookies, minimise: 'off', mixCase: false },
    dnssec: { validate: false },
  })
  const found: string[] = []
  for (const name of names) {
    const { status, records } = await resolver.resolve(`${name}.cookie.test`)
    found.push([status, ...records.map(({ data }) => data)].join(' '))
  }
  return found
}

const NAMES = ['n1', 'n2', 'n3']
const wrong = Uint8Array.of(9, 9, 9, 9, 9, 9, 9, 9, ...SERVER_PART)
const good = NAMES.map(() => `NOERROR ${HONEST}`)

test('a server that gives cookies is shown them, and its replies are taken', async () => {
  const { port, seen } = await fake(query => [replyTo(query, HONEST, honestCookie(query))])
  expect(await addresses(port, NAMES)).toEqual(good)
  expect(seen).toEqual(['udp 8', 'udp 24', 'udp 24'])
})

test('a forged reply that has guessed ID, port and question, and not the cookie, is not taken, and the honest one is', async () => {
  const { port } = await fake((query, count) => {
    const honest = replyTo(query, HONEST, honestCookie(query))
    return count === 1 ? [honest] : [replyTo(query, FORGED, wrong), honest]
  })
  expect((await addresses(port, NAMES)).every(said => said === `NOERROR ${HONEST}`)).toBe(true)
})

test('of a server that has given cookies a reply without is not taken over UDP: it is asked over TCP', async () => {
  const { port, seen } = await fake((query, count) =>
    count === 1 ? [replyTo(query, HONEST, honestCookie(query))] : [replyTo(query, FORGED, null)],
  )
  expect(await addresses(port, ['n1', 'n2'])).toEqual(good.slice(0, 2))
  expect(seen).toContain('tcp 24')
})

test('with "cookies": false none is sent, and what comes is taken', async () => {
  const { port, seen } = await fake(query => [replyTo(query, HONEST, wrong)])
  expect(await addresses(port, NAMES, false)).toEqual(good)
  expect(seen).toEqual(['udp 0', 'udp 0', 'udp 0'])
})
