// @ts-check
/**
 * The server of cores.mjs: node cores-server.mjs CONFIG OWNERS name|zone FILE. The main thread receives and never
 * returns to its event loop; owners are threads of this same program. Each writes to FILE how often it asked a server.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { parentPort, Worker, workerData } from 'node:worker_threads'
import { fileURLToPath } from 'node:url'

const dist = new URL('../../dist/', import.meta.url)
/** @param {string} path */
const load = path => import(new URL(path, dist).href)

/** @type {typeof import('../../src/net/linux/libc.ts')} */
const { loadLibc } = await load('net/linux/libc.js')
/** @type {typeof import('../../src/net/linux/message-block.ts')} */
const { MessageBlock, HEADER_OCTETS, originPort } = await load('net/linux/message-block.js')
/** @type {typeof import('../../src/net/batch/handover-ring.ts')} */
const { emptyHandover, newRing, RingReader, RingWriter } = await load('net/batch/handover-ring.js')
/** @type {typeof import('../../src/system/system.ts')} */
const { clockOrigin, systemClock } = await load('system/system.js')
/** @type {typeof import('../../src/config/read.ts')} */
const { readConfig } = await load('config/read.js')

const found = loadLibc()
if (found.kind !== 'libc') throw new Error(found.reason)
const { libc } = found
const clock = systemClock()
const RING_OCTETS = 4 * 2 ** 20
const BATCH = 64
const WAIT_FOR_ONE = 0x10000
const DONT_WAIT = 0x40
const BELL = 0
/** @param {string} name */
const nameThread = name => writeFileSync('/proc/thread-self/comm', name)

/** @param {string} path */
function configured(path) {
  const result = readConfig({ file: { path, text: readFileSync(path, 'utf8') }, overrides: [], directory: '.' })
  if (result.kind === 'invalid') throw new Error(JSON.stringify(result.problems))
  return result.config
}

if (parentPort === null) await front()
else await owner()

/** Receives, answers hits of every owner, hands over the rest. */
async function front() {
  const [path = '', count = '1', by = 'name', file = ''] = process.argv.slice(2)
  /** @type {typeof import('../../src/app/listener-handler.ts')} */
  const { makeListenerHandler } = await load('app/listener-handler.js')
  /** @type {typeof import('../../src/net/linux/udp-socket.ts')} */
  const { openBareSocket } = await load('net/linux/udp-socket.js')
  const config = configured(path)
  const { address, port } = config.listen[0] ?? { address: '', port: 0 }
  const wakeMs = 0
  const bound = openBareSocket({ libc, address, port, joins: false, receiveBufferBytes: RING_OCTETS, wakeMs })
  if (bound.kind !== 'socket') throw new Error(bound.message)
  const owners = await Promise.all(
    Array.from({ length: Number(count) }, async (_, i) => {
      const ring = newRing(RING_OCTETS)
      const bell = new SharedArrayBuffer(4)
      const data = { path, ring, bell, fd: bound.fd, number: i, file, port }
      const worker = new Worker(fileURLToPath(import.meta.url), { workerData: data })
      const { program, origin } = await new Promise((done, failed) =>
        worker.once('message', done).once('error', failed),
      )
      const shift = clockOrigin(clock) - origin
      const handler = makeListenerHandler({ program, now: () => clock.now() + shift })
      return { worker, handler, ring: new RingWriter(ring), bell: new Int32Array(bell), hasNew: false }
    }),
  )
  process.stdout.write('ready\n')
  await new Promise(done => setTimeout(done, 200))
  nameThread('front')
  const received = new MessageBlock({ libc, count: BATCH, octets: 512 })
  const sent = new MessageBlock({ libc, count: BATCH, octets: 4_096 })
  const views = Array.from({ length: BATCH }, (_, i) => received.view(i))
  for (;;) {
    received.prepare(BATCH, false)
    const got = libc.recvmmsg(bound.fd, received.address, BATCH, WAIT_FOR_ONE, 0)
    let replies = 0
    for (const { handler } of owners) handler.begin({ id: 0, at: { address, port } })
    for (let i = 0; i < got; i++) {
      const query = views[i] ?? new Uint8Array(0)
      const [at, length] = [received.originWord(i), received.length(i)]
      const mine = owners[hashOf(query, length, by) % owners.length]
      if (mine === undefined) continue
      const octets = mine.handler.take(query, length, received.words, at, 4, sent.octets, sent.dataAt(replies))
      if (octets > 0) sent.aim(replies++, octets, received.words, at, 4, false)
      else if (octets < 0) mine.hasNew = mine.ring.put(0, 0, 0, received.words, at, query, length)
    }
    for (let done = 0; done < replies; ) {
      const out = libc.sendmmsg(bound.fd, sent.address + done * HEADER_OCTETS, replies - done, DONT_WAIT)
      done += out > 0 ? out : replies
    }
    for (const mine of owners) {
      if (mine.hasNew && Atomics.exchange(mine.bell, BELL, 1) === 0) mine.worker.postMessage('bell')
      mine.hasNew = false
    }
  }
}

/**
 * FNV-1a of the question's name without case, or of its last two labels, which here is the zone.
 * @param {Uint8Array} query
 * @param {number} length
 * @param {string} by
 */
function hashOf(query, length, by) {
  let [at, last, before] = [12, 12, 12]
  while (at < length && (query[at] ?? 0) !== 0) {
    before = last
    last = at
    at += (query[at] ?? 0) + 1
  }
  let hash = 0x811c9dc5
  for (let i = by === 'zone' ? before : 12; i < at; i++) hash = Math.imul(hash ^ ((query[i] ?? 0) | 0x20), 0x01000193)
  return (hash ^ (hash >>> 15)) >>> 0
}

/** An engine with caches of its own. */
async function owner() {
  const { path, ring, bell, fd, number, file, port } = workerData
  /** @type {typeof import('../../src/app/open-engine.ts')} */
  const { openEngineBeside } = await load('app/open-engine.js')
  /** @type {typeof import('../../src/app/serving.ts')} */
  const { Serving } = await load('app/serving.js')
  /** @type {typeof import('../../src/net/batch/reply-batch.ts')} */
  const { ReplyBatch } = await load('net/batch/reply-batch.js')
  /** @type {typeof import('../../src/net/batch/peer-addresses.ts')} */
  const { PeerAddresses } = await load('net/batch/peer-addresses.js')
  /** @type {typeof import('../../src/warm-up/warm-up.ts')} */
  const { warmUp } = await load('warm-up/warm-up.js')
  nameThread(`owner${number}`)
  const config = configured(path)
  const events = () => {}
  const opened = await openEngineBeside(config, { events, libc })
  if (opened.kind !== 'engine') throw new Error(JSON.stringify(opened.problems))
  const { recursor } = opened
  const lists = { current: () => null, enabled: () => null }
  const serving = new Serving(config, opened, { events, lists, programs: () => [] })
  const limits = config.limits
  const replies = new ReplyBatch({
    libc,
    clock: recursor.clock,
    limits: limits.server,
    onUnsent: events,
    onError: events,
  })
  const peers = new PeerAddresses(limits.server.parsedClients)
  const at = { address: '127.0.0.1', port }
  /** @type {import('../../src/net/batch/loop.ts').LoopSocket} */
  const socket = { id: 0, fd, family: 4, wildcard: false, at, stop: new Int32Array(1) }
  const reader = new RingReader(ring)
  const rung = new Int32Array(bell)
  const record = emptyHandover()
  let isDraining = false
  const drain = () => {
    if (isDraining) return
    let taken = 0
    while (reader.next(record)) {
      taken++
      const { origin, bytes } = record
      const ip = peers.ipOf(origin, 4)
      const client = { ip, port: originPort(origin, 0), transport: /** @type {const} */ ('udp'), listener: at }
      serving.take(bytes, bytes.length, client, (reply, length) => {
        if (length > 0) replies.add(socket, origin, reply, length)
      })
    }
    if (taken === 0) {
      Atomics.store(rung, BELL, 0)
      if (reader.isEmpty) return
    }
    isDraining = true
    setImmediate(() => {
      isDraining = false
      drain()
    })
  }
  parentPort?.on('message', drain)
  await new Promise(done => recursor.resolver.prime(() => done(null)))
  await warmUp({ config, events, sharedPorts: recursor, waiting: () => 0, signal: new AbortController().signal })
  setInterval(() => writeFileSync(`${file}${number}`, String(recursor.upstream.requests.udp)), 200)
  const { program } = serving.batch({ kind: 'batch', libc, entry: dist }, 1)
  parentPort?.postMessage({ program: program(0), origin: clockOrigin(recursor.clock) })
}
