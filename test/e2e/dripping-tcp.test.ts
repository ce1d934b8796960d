/**
 * A server that truncates over UDP and lets its reply over TCP drip, octet by octet: no client waits longer for that
 * than for a silent server, and each gets an error that says why.
 */
import { createSocket } from 'node:dgram'
import { createServer, type Socket } from 'node:net'
import { afterAll, expect, it } from 'vitest'
import { decodeMessage } from '../../src/dns/decode.ts'
import { readExtendedErrors } from '../../src/dns/edns.ts'
import { encodeQuery } from '../../src/dns/encode.ts'
import { frame } from '../../src/dns/framing.ts'
import { defaultLimits } from '../../src/limits.ts'
import { question } from '../../src/simulation/records.ts'
import { CONDITION_MS, patientMs } from '../patience.mjs'
import { freePort, startRootwalk } from './rootwalk.ts'
import { askUdp } from './wire-client.ts'

const ADDRESS = '127.0.0.1'
const CLIENTS = 40
const DRIP_MS = 50
const REPLY_BYTES = 2_000

/** The question of a query as a reply with these flags, and with octets behind it. */
function reply(query: Uint8Array, flags: number, more = 0): Uint8Array {
  const decoded = decodeMessage(query)
  if (decoded.kind !== 'message' || decoded.message.question === null) throw new Error('no query')
  const { id, question: asked } = decoded.message
  const head = encodeQuery({ id, question: asked, recursionDesired: false, edns: null })
  const octets = new Uint8Array(head.length + more)
  octets.set(head)
  octets[2] = flags
  return octets
}

const closers: (() => unknown)[] = []
afterAll(async () => {
  for (const close of closers.reverse()) await close()
})

it('answers that drip over TCP cost a client the time of silence, and it gets SERVFAIL', async () => {
  const port = await freePort()
  const udp = createSocket('udp4')
  udp.on('message', (query, { port: from, address }) => udp.send(reply(query, 0x86), from, address))
  await new Promise<void>(done => udp.bind(port, ADDRESS, done))
  closers.push(() => udp.close())
  let dripped = 0
  const drip = (socket: Socket): void => {
    socket.on('error', () => {})
    socket.once('data', query => {
      const octets = frame(reply(query.subarray(2), 0x84, REPLY_BYTES))
      let sent = 0
      const timer = setInterval(() => {
        dripped++
        socket.write(octets.subarray(sent, ++sent))
      }, DRIP_MS)
      socket.on('close', () => clearInterval(timer))
    })
  }
  const tcp = createServer(drip)
  await new Promise<void>(done => tcp.listen(port, ADDRESS, done))
  closers.push(() => tcp.close())
  const rootwalk = await startRootwalk({
    hints: `. 3600000 NS a.root.\na.root. 3600000 A ${ADDRESS}\n`,
    config: { upstream: { port, doNotQuery: [] } },
  })
  closers.push(() => rootwalk.stop())
  const edns = { payloadSize: 1_232, version: 0, dnssecOk: false, flags: 0, options: [] }
  const began = performance.now()
  const replies = await Promise.all(
    Array.from({ length: CLIENTS }, async (_, i) => {
      const asked = question(`n${i}.example.`, 'A')
      const bytes = await askUdp(
        rootwalk.endpoint,
        encodeQuery({ id: i, question: asked, recursionDesired: true, edns }),
        CONDITION_MS,
      )
      return { bytes, afterMs: performance.now() - began }
    }),
  )
  for (const { bytes, afterMs } of replies) {
    const decoded = bytes === null ? null : decodeMessage(bytes)
    if (decoded?.kind !== 'message') throw new Error('a client got nothing')
    expect(decoded.message.rcode).toBe(2)
    expect(readExtendedErrors(decoded.message.edns ?? edns)).not.toEqual([])
    expect(afterMs).toBeLessThan(patientMs(2 * defaultLimits.server.discardAfterMs))
  }
  expect(dripped).toBeGreaterThan(10)
})
