/**
 * What becomes of queries above a limit on real sockets: UDP gets TC or nothing, connections wait, HTTPS gets 429 with
 * the headers that say when to come again; and who shows a cookie is answered all the same.
 */
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { createServer } from 'node:http'
import { afterEach, expect, test } from 'vitest'
import type { RunningServer } from '../../src/app/server.ts'
import { findOption } from '../../src/dns/edns.ts'
import { decodeMessage } from '../../src/dns/decode.ts'
import type { Message } from '../../src/dns/message.ts'
import { EdnsOptionCode } from '../../src/dns/types.ts'
import { asked, bytesOf, edns } from '../server/make.ts'
import { PATIENT } from '../patience.mjs'
import { startInside } from './inside.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

const www = asked('www.shop.')

async function start(rateLimit: object, more: object = {}): Promise<{ server: RunningServer; port: number }> {
  const { server, port } = await startInside({ rateLimit: { exempt: [], ...rateLimit }, ...more })
  closing.push(() => server.stop())
  return { server, port }
}

const read = (bytes: Uint8Array): Message => {
  const decoded = decodeMessage(bytes)
  if (decoded.kind !== 'message') throw new Error(decoded.why)
  return decoded.message
}

/** Replies to datagrams, by the ID of their queries. */
function udp(port: number): { send(id: number, cookie?: Uint8Array): void; readonly replies: Map<number, Message> } {
  const socket = createSocket('udp4')
  const replies = new Map<number, Message>()
  closing.push(() => socket.close())
  socket.on('message', bytes => replies.set(bytes.readUInt16BE(0), read(bytes)))
  return {
    replies,
    send(id, cookie) {
      const options = cookie === undefined ? [] : [{ code: EdnsOptionCode.COOKIE, data: cookie }]
      socket.send(bytesOf({ id, question: www, edns: edns({ options }) }), port, '127.0.0.1')
    },
  }
}

test('over UDP every second query above the limit gets TC, in no more octets than it had, the others nothing', async () => {
  const { server, port } = await start({ perSecond: 1, burst: 3 })
  const { send, replies } = udp(port)
  for (let id = 1; id <= 43; id++) send(id)
  await expect.poll(() => server.stats().queries.udpQueries, PATIENT).toBe(43)
  const { aboveRate = 0, truncatedByRate = 0, droppedByRate = 0 } = server.stats().queries
  // One more passes each second that goes by on a machine that is busy.
  expect(aboveRate).toBeGreaterThan(20)
  expect(truncatedByRate).toBe(Math.floor(aboveRate / 2))
  expect(droppedByRate).toBe(Math.ceil(aboveRate / 2))
  await expect.poll(() => replies.size, PATIENT).toBe(43 - droppedByRate)
  const cut = [...replies.values()].filter(({ truncated }) => truncated)
  expect(cut).toHaveLength(truncatedByRate)
  expect(cut.every(({ answer, authority }) => answer.length + authority.length === 0)).toBe(true)
})

test('who shows the cookie that it was given has the limit of those who cannot be forged', async () => {
  const limit = { perSecond: 1, burst: 2, verifiedPerSecond: 1, verifiedBurst: 40 }
  const { server, port } = await start(limit, { cookies: { enabled: true } })
  const { send, replies } = udp(port)
  send(1, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8))
  await expect.poll(() => replies.size, PATIENT).toBe(1)
  const opt = replies.get(1)?.edns
  const cookie = opt === null || opt === undefined ? undefined : findOption(opt, EdnsOptionCode.COOKIE)?.data
  expect(cookie).toHaveLength(24)
  for (let id = 2; id <= 30; id++) send(id, cookie)
  await expect.poll(() => replies.size, PATIENT).toBe(30)
  expect([...replies.values()].every(({ answer }) => answer.length === 1)).toBe(true)
  // A cookie of another is none: its queries are above the limit of datagrams.
  const before = server.stats().queries.aboveRate ?? 0
  const stolen = Uint8Array.from(cookie ?? [], (octet, at) => (at === 20 ? octet ^ 1 : octet))
  for (let id = 31; id <= 40; id++) send(id, stolen)
  await expect.poll(() => server.stats().queries.udpQueries, PATIENT).toBe(40)
  expect(server.stats().queries.aboveRate).toBeGreaterThan(before + 5)
})

test('over TCP queries above the limit wait for their turn, and every one is answered in the end', async () => {
  const { server, port } = await start({ perSecond: 1, burst: 1, verifiedPerSecond: 20, verifiedBurst: 5 })
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  closing.push(() => socket.destroy())
  let got = Buffer.alloc(0)
  socket.on('data', chunk => {
    got = Buffer.concat([got, chunk])
  })
  const messages = Array.from({ length: 15 }, (_, id) => {
    const bytes = bytesOf({ id, question: www })
    return Buffer.concat([Buffer.of(bytes.length >> 8, bytes.length & 0xff), bytes])
  })
  const began = performance.now()
  socket.write(Buffer.concat(messages))
  const replies = (): number => {
    let count = 0
    for (let at = 0; at + 2 <= got.length && at + 2 + got.readUInt16BE(at) <= got.length; count++)
      at += 2 + got.readUInt16BE(at)
    return count
  }
  await expect.poll(replies, PATIENT).toBe(15)
  // Five at once, and one each 50 ms after them.
  expect(performance.now() - began).toBeGreaterThan(400)
  expect(server.stats().queries).toMatchObject({ droppedByRate: 0 })
  expect(server.stats().queries.delayedByRate).toBeGreaterThan(5)
})

test('over HTTPS a query above the limit gets 429 with Retry-After and RateLimit, and the next second an answer', async () => {
  const web = await freePort()
  const { port } = await start(
    { perSecond: 1, burst: 1, verifiedPerSecond: 1, verifiedBurst: 2 },
    { listen: ['127.0.0.1:0', `http://127.0.0.1:${web}`] },
  )
  expect(port).toBeGreaterThan(0)
  const ask = (): Promise<Response> => fetch(`http://127.0.0.1:${web}/dns-query?name=www.shop&type=A`)
  const seen = await Promise.all(Array.from({ length: 12 }, ask))
  const refused = seen.filter(({ status }) => status === 429)
  expect(seen.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(2)
  expect(refused.length).toBeGreaterThan(5)
  for (const { headers } of refused) {
    expect([headers.get('retry-after'), headers.get('ratelimit')]).toEqual(['1', '"queries";r=0;t=1'])
    expect(headers.get('cache-control')).toBe('no-store')
  }
  expect(await refused[0]?.json()).toMatchObject({ status: 429 })
  await expect.poll(async () => (await ask()).status, PATIENT).toBe(200)
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  await new Promise(done => server.close(done))
  return typeof address === 'object' && address !== null ? address.port : 0
}
