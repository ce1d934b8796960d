/** A transfer whose connection ends after any number of octets: a zone comes whole or not at all. */
import { createServer, type Server } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { fetchZone } from '../../src/app/transfer/fetch.ts'
import { parseIp } from '../../src/dns/address.ts'
import { encodeMessage } from '../../src/dns/encode.ts'
import { frame } from '../../src/dns/framing.ts'
import { foldName, trustWireName } from '../../src/dns/name.ts'
import { RrClass, RrType } from '../../src/dns/types.ts'
import { defaultLimits } from '../../src/limits.ts'
import { serverAddress } from '../../src/ports.ts'
import { SimRandom } from '../../src/simulation/random.ts'
import { systemClock } from '../../src/system/system.ts'
import { rr } from '../cli/canned-server.ts'
import { message } from '../server/make.ts'

const ZONE = foldName(trustWireName('\x01z\0'))
const servers: Server[] = []
afterEach(() => {
  for (const server of servers.splice(0)) server.close()
})

/** Two messages of one zone, for the query with this ID. */
function octetsFor(id: number): Uint8Array {
  const question = { name: ZONE, cased: ZONE, type: RrType.AXFR, class: RrClass.IN }
  const soa = rr('z. 1 SOA ns.z. h.z. 3 1 1 1 1')
  const parts = [
    [soa, rr('a.z. 1 A 192.0.2.1')],
    [rr('b.z. 1 A 192.0.2.2'), soa],
  ]
  return Buffer.concat(
    parts.map(answer =>
      frame(encodeMessage(message({ id, response: true, question, answer }), { maxBytes: 512 }).bytes),
    ),
  )
}

async function fetchCut(cut: number | null) {
  const server = createServer(socket => {
    socket.on('error', () => {})
    socket.once('data', query => {
      const octets = octetsFor(query.readUInt16BE(2))
      socket.end(cut === null ? octets : octets.subarray(0, cut))
    })
  })
  servers.push(server)
  const port = await new Promise<number>(resolve => {
    server.listen(0, '127.0.0.1', () => {
      const at = server.address()
      resolve(at !== null && typeof at === 'object' ? at.port : 0)
    })
  })
  const ip = parseIp('127.0.0.1')
  if (ip === null) throw new Error('no address')
  const asker = { clock: systemClock(), random: new SimRandom(1), limits: defaultLimits.transfer }
  const { end } = await fetchZone(ZONE, null, { server: serverAddress(ip, port), key: null }, asker)
  return end
}

test('a connection that ends after any octet but the last gives no zone', async () => {
  const length = octetsFor(0).length
  const ends = await Promise.all(Array.from({ length }, (_, cut) => fetchCut(cut)))
  expect(ends.filter(({ kind }) => kind !== 'failed')).toEqual([])
  expect(ends.at(-1)).toEqual({ kind: 'failed', why: 'the connection was closed before the last SOA', asWhole: false })
  expect(await fetchCut(null)).toMatchObject({ kind: 'zone', whole: true, zone: { recordCount: 3 } })
})
