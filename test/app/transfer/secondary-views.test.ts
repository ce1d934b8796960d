/**
 * One zone for all clients and for two views, each from a primary of its own: clients at 127.0.0.1, .2 and .3 get what
 * the primary of their view sends, from copies and through reloads too.
 */
import { createSocket } from 'node:dgram'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { RunningServer } from '../../../src/app/server.ts'
import { decodeMessage } from '../../../src/dns/decode.ts'
import { encodeMessage } from '../../../src/dns/encode.ts'
import { ipOf } from '../../../src/dns/rdata.ts'
import { Opcode, rcodeName, RrClass, RrType } from '../../../src/dns/types.ts'
import { asked, bytesOf, message, wire } from '../../server/make.ts'
import { foldName } from '../../../src/dns/name.ts'
import { CONDITION_MS } from '../../patience.mjs'
import { startTestPrimary, type TestPrimary } from '../../transfer/primary.ts'
import { configOf, startInside } from '../inside.ts'

const ZONE = 'corp.example.'
const NAME = `www.${ZONE}`
/** By the last octet of the clients' address. */
const HOSTS = [1, 2, 3] as const
const version = (serial: number, address: string) => ({ serial, records: [`${NAME} 60 A ${address}`] })

let primaries: readonly TestPrimary[]
let state: string
const servers: RunningServer[] = []

beforeEach(async () => {
  state = mkdtempSync(join(tmpdir(), 'rootwalk-views-'))
  primaries = await Promise.all(HOSTS.map(host => startTestPrimary(ZONE, version(host, `10.0.0.${host}`))))
})
afterEach(async () => {
  await Promise.all(servers.splice(0).map(server => server.stop()))
  await Promise.all(primaries.map(primary => primary.close()))
  rmSync(state, { recursive: true, force: true })
})

const zone = (index: number, more: object = {}) => ({
  zone: 'corp.example',
  primaries: [primaries[index]?.address],
  ...more,
})
const views = (kids: object, guests: object) => [
  { name: 'Kids', clients: ['127.0.0.2'], ...kids },
  { name: 'guests', clients: ['127.0.0.3'], ...guests },
]
const settings = (more: object = {}) => ({
  state,
  zones: [zone(0)],
  views: views({ zones: [zone(1)] }, { zones: [zone(2, { notify: ['127.0.0.9'] })] }),
  ...more,
})

interface Running {
  readonly server: RunningServer
  readonly port: number
  reload(settings: object): void
}

async function start(first: object): Promise<Running> {
  let current = first
  const readConfig = () => ({ kind: 'config' as const, config: configOf(current), warnings: [] })
  const { server, port } = await startInside(first, { readConfig })
  servers.push(server)
  const reload = (next: object): void => {
    current = next
    server.reload()
  }
  return { server, port, reload }
}

/** Answers of one query from 127.0.0.HOST: rcode and addresses. */
async function from(host: number, port: number, bytes: Uint8Array): Promise<string> {
  const socket = createSocket('udp4')
  try {
    const reply = await new Promise<Uint8Array>((resolve, reject) => {
      socket.on('message', resolve).on('error', reject)
      socket.bind(0, `127.0.0.${host}`, () => socket.send(bytes, port, '127.0.0.1'))
    })
    const decoded = decodeMessage(reply)
    if (decoded.kind !== 'message') return decoded.why
    const { rcode, answer } = decoded.message
    return [rcodeName(rcode), ...answer.map(({ type, rdata }) => ipOf(type, rdata)?.text)].join(' ')
  } finally {
    socket.close()
  }
}

const query = (): Uint8Array => bytesOf({ id: 7, recursionDesired: true, question: asked(NAME, RrType.A) })
const name = foldName(wire(ZONE))
const notify = (): Uint8Array =>
  encodeMessage(
    message({ id: 1, opcode: Opcode.NOTIFY, question: { name, cased: name, type: RrType.SOA, class: RrClass.IN } }),
    { maxBytes: 512 },
  ).bytes

const answers = (port: number) => Promise.all(HOSTS.map(host => from(host, port, query())))
const eventually = (check: () => unknown) => expect.poll(check, { timeout: CONDITION_MS, interval: 10 })
const OWN = ['NOERROR 10.0.0.1', 'NOERROR 10.0.0.2', 'NOERROR 10.0.0.3']

test('clients of a view get the zone that its primary sends, all others that for all', async () => {
  const { port } = await start(settings())
  await eventually(() => answers(port)).toEqual(OWN)
  expect(readdirSync(join(state, 'zones')).sort()).toEqual([
    'corp.example+%4bids.zone-copy',
    'corp.example+guests.zone-copy',
    'corp.example.zone-copy',
  ])
})

test('a zone that has not come is SERVFAIL in its view, and hides that for all', async () => {
  const [, kids] = primaries
  if (kids !== undefined) kids.serves = 5
  const { port } = await start(settings())
  await eventually(() => answers(port)).toEqual([OWN[0], 'SERVFAIL', OWN[2]])
})

test('after a start without primaries each view has its copy', async () => {
  const first = await start(settings())
  await eventually(() => answers(first.port)).toEqual(OWN)
  await first.server.stop()
  for (const primary of primaries) primary.serves = 5
  const second = await start(settings())
  expect(await answers(second.port)).toEqual(OWN)
})

test('a NOTIFY is for the zones that its sender may speak of, in whatever view', async () => {
  const { port } = await start(settings())
  await eventually(() => answers(port)).toEqual(OWN)
  for (const [i, primary] of primaries.entries()) primary.serves = version(9, `10.0.9.${i}`)
  expect(await from(8, port, notify())).toBe('REFUSED')
  expect(await from(9, port, notify())).toBe('NOERROR')
  await eventually(() => answers(port)).toEqual([OWN[0], OWN[1], 'NOERROR 10.0.9.2'])
  expect(primaries.map(({ asked: them }) => them.filter(one => one === 'SOA udp').length)).toEqual([1, 1, 2])
  // The address of all primaries.
  expect(await from(1, port, notify())).toBe('NOERROR')
  await eventually(() => answers(port)).toEqual(['NOERROR 10.0.9.0', 'NOERROR 10.0.9.1', 'NOERROR 10.0.9.2'])
})

test('a reload keeps zones whose view asks something else, adds others, and takes away what is gone', async () => {
  const { port, reload } = await start(settings())
  await eventually(() => answers(port)).toEqual(OWN)
  const records = { 'printer.example': { A: '10.7.7.7' } }
  reload(settings({ views: views({ zones: [zone(1)], records }, {}) }))
  await eventually(() => answers(port)).toEqual([OWN[0], OWN[1], OWN[0]])
  expect(primaries.map(({ asked: them }) => them.filter(one => one === 'AXFR tcp').length)).toEqual([1, 1, 1])
  // Versions are the zone's, whoever sends it: copies stay until there is a newer one.
  for (const [i, primary] of primaries.entries()) primary.serves = version(9, `10.0.0.${i + 1}`)
  reload(settings({ zones: [], views: views({ zones: [zone(2)] }, { zones: [zone(1)] }) }))
  await eventually(async () => (await answers(port)).slice(1)).toEqual([OWN[2], OWN[1]])
})

test('views that ask the same have one copy and one transfer', async () => {
  const { port } = await start(settings({ views: views({ zones: [zone(1)] }, { zones: [zone(1)] }) }))
  await eventually(() => answers(port)).toEqual([OWN[0], OWN[1], OWN[1]])
  expect(primaries.map(({ asked: them }) => them.filter(one => one === 'AXFR tcp').length)).toEqual([1, 1, 0])
})
