// @ts-check
/**
 * What one hostile client leaves for others. The hostile one (127.0.0.1) floods with new names below silent servers,
 * below server names without glue, or with names that do not exist, or pipelines on a hundred TCP connections; another
 * (127.0.0.2) asks for new names at a steady pace, over UDP and over TCP. A share is what is answered within a second.
 */
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { pause, residentKib } from './measure.mjs'
import { installed, startPeer } from './peers.mjs'
import { PEER } from './report.mjs'
import { ADDRESS, startRootwalk } from './servers.mjs'

/** @typedef {import('./cached.mjs').Case} Case */
/** @typedef {import('./servers.mjs').Server} Server */

const VICTIM = '127.0.0.2'
const EVERY_MS = 50
const TIMEOUT_MS = 1_000
const CONNECTIONS = 100
const WARM = 300
const MOST_AT_ONCE = 200
const NAMES = 40_000
const NANOS_PER_MS = 1e6
const A = 1

/** @param {number} id @param {string} name @param {number} [type] */
function queryOf(id, name, type = A) {
  const labels = name.split('.').filter(label => label !== '')
  const octets = labels.flatMap(label => [label.length, ...Buffer.from(label, 'latin1')])
  return Buffer.from([id >> 8, id & 0xff, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...octets, 0, type >> 8, type & 0xff, 0, 1])
}

/** @param {Buffer} message */
const framed = message => Buffer.concat([Buffer.from([message.length >> 8, message.length & 0xff]), message])

/** Answered with data or a denial, not SERVFAIL. @param {Buffer} reply */
const isGood = reply => [0, 3].includes((reply[3] ?? 0) & 15)

/** @param {string} from @returns {Promise<import('node:dgram').Socket>} */
const udpFrom = from =>
  new Promise((resolve, reject) => {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 4_194_304 })
    socket.once('error', reject)
    socket.bind(0, from, () => resolve(socket))
  })

/**
 * New names at a pace, over UDP and over TCP; the shares answered in time.
 * @param {{ port: number, ms: number, name: () => string }} on
 */
async function victim({ port, ms, name }) {
  const socket = await udpFrom(VICTIM)
  /** @type {Map<number, number>} */
  const sentAt = new Map()
  const udp = { asked: 0, answered: 0 }
  const tcp = { asked: 0, answered: 0 }
  socket.on('message', reply => {
    const sent = sentAt.get(reply.readUInt16BE(0))
    if (sent === undefined) return
    sentAt.delete(reply.readUInt16BE(0))
    if (isGood(reply) && performance.now() - sent <= TIMEOUT_MS) udp.answered++
  })
  /** @type {Promise<void>[]} */
  const connections = []
  const delays = monitorEventLoopDelay({ resolution: 5 })
  delays.enable()
  const end = performance.now() + ms
  for (let id = 1; performance.now() < end; id++) {
    udp.asked++
    sentAt.set(id, performance.now())
    socket.send(queryOf(id, name()), port, ADDRESS)
    if (id % 4 === 0) {
      tcp.asked++
      connections.push(
        overTcp(port, name()).then(good => {
          if (good) tcp.answered++
        }),
      )
    }
    await pause(EVERY_MS)
  }
  await pause(TIMEOUT_MS)
  await Promise.all(connections)
  socket.close()
  delays.disable()
  // Of this process: what is above the time-out says nothing of a server.
  const heldMs = Math.round(delays.max / NANOS_PER_MS)
  return { udp: udp.answered / udp.asked, tcp: tcp.answered / tcp.asked, heldMs }
}

/** One question on a connection of its own. @param {number} port @param {string} name @returns {Promise<boolean>} */
const overTcp = (port, name) =>
  new Promise(resolve => {
    const socket = connect({ host: ADDRESS, port, localAddress: VICTIM, noDelay: true })
    const end = (/** @type {boolean} */ good) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(good)
    }
    const timer = setTimeout(() => end(false), TIMEOUT_MS)
    let got = Buffer.alloc(0)
    socket.on('connect', () => socket.write(framed(queryOf(1, name))))
    socket.on('data', chunk => {
      got = Buffer.concat([got, chunk])
      if (got.length > 6) end(isGood(got.subarray(2)))
    })
    socket.on('error', () => end(false))
    socket.on('close', () => end(false))
  })

/**
 * @typedef {{ port: number, names: readonly string[], perSecond: number, connections: number, reads: boolean }} Flood
 */

/** @param {Flood} flood */
async function floodUdp({ port, names, perSecond }) {
  const socket = await udpFrom(ADDRESS)
  socket.on('message', () => {})
  const begun = performance.now()
  let sent = 0
  setInterval(() => {
    const due = ((performance.now() - begun) / 1_000) * perSecond
    for (let burst = 0; sent < due && burst < MOST_AT_ONCE; burst++, sent++)
      socket.send(queryOf(sent & 0xffff, names[sent % names.length] ?? ''), port, ADDRESS)
  }, 2)
}

/** @param {Flood} flood */
function floodTcp({ port, names, connections, reads }) {
  let sent = 0
  for (let n = 0; n < connections; n++) {
    const socket = connect({ host: ADDRESS, port, localAddress: ADDRESS })
    const more = () => {
      if (socket.writableNeedDrain) return
      const batch = Array.from({ length: 100 }, () =>
        framed(queryOf(sent & 0xffff, names[sent++ % names.length] ?? '')),
      )
      if (socket.write(Buffer.concat(batch))) setImmediate(more)
    }
    socket.on('connect', more)
    socket.on('drain', more)
    socket.on('error', () => {})
    if (reads) socket.on('data', () => {})
    else socket.pause()
  }
}

if (!isMainThread) {
  /** @type {Flood} */
  const flood = workerData
  if (flood.connections > 0) floodTcp(flood)
  else await floodUdp(flood)
}

/** @param {Case} on */
export async function fairnessCase({ internet, report, size, tell }) {
  let fresh = 0
  /** A name that nobody has asked for. */
  const wild = () => internet.wild(5e7 + fresh++, 1)[0]?.split(' ')[0] ?? ''
  const hit = internet.host(50, 50).map(line => line.split(' ')[0] ?? '')
  const run = `r${Date.now() % 1e6}`
  /** @param {(n: number) => string} name */
  const names = name => Array.from({ length: NAMES }, (_, n) => name(n))
  const overUdp = { connections: 0, reads: true }
  const piped = { perSecond: 0, connections: CONNECTIONS }
  const misses = internet.wild(9e7, NAMES)
  /** @type {readonly { what: string, flood: Omit<Flood, 'port'> | null }[]} */
  const floods = [
    { what: 'no attack', flood: null },
    { what: '3,000 names/s, silent servers', flood: { ...overUdp, perSecond: 3_000, names: names(internet.mute) } },
    {
      what: '150 names/s, silent servers without glue',
      flood: { ...overUdp, perSecond: 150, names: names(internet.glueless) },
    },
    {
      what: '5,000 absent names/s',
      flood: { ...overUdp, perSecond: 5_000, names: names(n => `x${run}${n}.test-tld`) },
    },
    { what: `${CONNECTIONS} TCP connections, hits`, flood: { ...piped, names: hit, reads: true } },
    { what: `${CONNECTIONS} TCP connections, misses`, flood: { ...piped, names: misses, reads: true } },
    { what: `${CONNECTIONS} TCP connections, never reading`, flood: { ...piped, names: hit, reads: false } },
  ]
  const rows = floods.map(({ what }) => ({
    udp: report.row('fairness', `${what}: UDP`, { unit: '', digits: 3, goal: { by: 'value', least: 0.99 } }),
    tcp: report.row('fairness', `${what}: TCP`, { unit: '', digits: 3, goal: { by: 'value', least: 0.95 } }),
  }))
  const after = report.row('fairness', 'one second afterwards: UDP, worst', {
    unit: '',
    digits: 3,
    goal: { by: 'value', least: 0.99 },
  })
  const memory = report.row('fairness', 'memory more, at most', {
    unit: 'MiB',
    digits: 0,
    goal: { by: 'value', most: 100 },
  })
  const starts = [
    () => startRootwalk({ ...internet, settings: { tcp: {} } }),
    ...(installed().includes(PEER) ? [() => startPeer(PEER, internet)] : []),
  ]
  for (const start of starts) {
    const server = await start()
    try {
      for (let i = 0; i < WARM; i += 20)
        await Promise.all(Array.from({ length: 20 }, () => overTcp(server.port, wild())))
      const before = residentKib(server.pid)
      let height = before
      let worst = 1
      const sampling = setInterval(() => {
        height = Math.max(height, residentKib(server.pid))
      }, 200)
      for (const [index, { what, flood }] of floods.entries()) {
        const worker =
          flood === null ? null : new Worker(new URL(import.meta.url), { workerData: { ...flood, port: server.port } })
        await pause(1_000)
        const got = await victim({ port: server.port, ms: size.fairnessSeconds * 1_000, name: wild })
        await worker?.terminate()
        await pause(1_000)
        const later = await victim({ port: server.port, ms: 1_000, name: wild })
        worst = Math.min(worst, later.udp)
        rows[index]?.udp.add(server.name, got.udp)
        rows[index]?.tcp.add(server.name, got.tcp)
        tell(`fairness: ${server.name}, ${what}: ${JSON.stringify(got)}, afterwards ${JSON.stringify(later)}`)
      }
      clearInterval(sampling)
      after.add(server.name, worst)
      memory.add(server.name, (height - before) / 1_024)
    } finally {
      await server.stop()
    }
  }
}
