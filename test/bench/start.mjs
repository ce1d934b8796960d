// @ts-check
/**
 * From the start of the process to its first answer: one it knows itself, and one it has to look up. And what it uses
 * when nobody asks.
 */
import { createSocket } from 'node:dgram'
import { encode } from 'dns-packet'
import { atRest, cpuMicros, dnsperf, fineCpuMicros, median, pause } from './measure.mjs'
import { withNames } from './internet.mjs'
import { installed, startPeer } from './peers.mjs'
import { OURS, PEER } from './report.mjs'
import { ADDRESS, CLIENT_CPU, startEcho, startRootwalk } from './servers.mjs'

/** @typedef {import('./cached.mjs').Case} Case */

const ASK_EVERY_MS = 2
const LIMIT_MS = 20_000
const REST_MS = 1_500
/** Of those in which a server is waited for until it has come to rest. */
const REST_ROUNDS = 5

/** @param {Case} on */
export async function startCase({ internet, report, size, tell }) {
  const own = report.row('start', 'to the first answer', {
    unit: 'ms',
    digits: 0,
    goal: { by: 'value', most: 250 },
    beside: 'of its own (localhost)',
  })
  const looked = report.row('start', 'to the first answer looked up', { unit: 'ms', digits: 0 })
  const used = report.row('start', 'processor time until then', { unit: 'ms', digits: 0 })
  const rested = report.row('start', 'processor time until at rest', {
    unit: 'ms',
    digits: 0,
    beside: 'warm-up included',
  })
  /** @type {number[]} */
  const owns = []
  for (let round = 0; round < size.starts; round++) {
    for (const [question, row] of /** @type {const} */ ([
      ['localhost', own],
      ['host1.zone1.test-tld', looked],
    ])) {
      const begun = process.hrtime.bigint()
      const server = await startRootwalk({ ...internet, ready: (port, gone) => firstAnswer(port, question, gone) })
      const ms = Number(process.hrtime.bigint() - begun) / 1e6
      row.add(OURS, ms)
      if (row === own) {
        owns.push(ms)
        used.add(OURS, cpuMicros(server.pid) / 1e3)
        if (round < REST_ROUNDS) {
          await atRest(server.pid)
          rested.add(OURS, cpuMicros(server.pid) / 1e3)
        }
      }
      await server.stop()
    }
  }
  for (let round = 0; round < Math.min(REST_ROUNDS, size.starts); round++) {
    for (const start of [startEcho, ...(installed().includes(PEER) ? [() => startPeer(PEER, internet)] : [])]) {
      const server = await start()
      rested.add(server.name, cpuMicros(server.pid) / 1e3)
      await server.stop()
    }
  }
  own.tell(`${Math.round(Math.min(...owns))} to ${Math.round(Math.max(...owns))} in ${size.starts} starts`)
  tell(`start: ${Math.round(median(owns))} ms`)
}

/** @param {Case} on */
export async function idleCase({ internet, report, size, tell }) {
  const row = report.row('idle', 'processor time', {
    unit: '% of a core',
    digits: 3,
    goal: { by: 'value', most: 0.2 },
    beside: `over ${size.idleSeconds} s, after some work`,
  })
  await withNames(internet.host(1_000, 100), async file => {
    for (const start of [
      () => startRootwalk(internet),
      ...(installed().includes(PEER) ? [() => startPeer(PEER, internet)] : []),
    ]) {
      const server = await start()
      try {
        await dnsperf({ address: ADDRESS, port: server.port, file, outstanding: 100, cpu: CLIENT_CPU, runs: 5 })
        await pause(REST_MS)
        const before = fineCpuMicros(server.pid)
        await pause(size.idleSeconds * 1_000)
        row.add(server.name, (fineCpuMicros(server.pid) - before) / (size.idleSeconds * 1e4))
      } finally {
        await server.stop()
      }
    }
  })
  tell('idle: measured')
}

/**
 * Asks again and again until NOERROR comes; false when it never does, or when the server is gone.
 * @param {number} port
 * @param {string} name
 * @param {() => boolean} gone
 * @returns {Promise<boolean>}
 */
function firstAnswer(port, name, gone) {
  const message = encode({ type: 'query', id: 7, flags: 0x0100, questions: [{ type: 'A', name }] })
  const socket = createSocket('udp4')
  return new Promise(resolve => {
    const finish = (/** @type {boolean} */ answered) => {
      clearInterval(timer)
      clearTimeout(limit)
      socket.close(() => resolve(answered))
    }
    const timer = setInterval(() => {
      if (gone()) finish(false)
      else socket.send(message, port, ADDRESS)
    }, ASK_EVERY_MS)
    const limit = setTimeout(finish, LIMIT_MS, false)
    socket.on('error', () => {})
    socket.on('message', bytes => {
      if (((bytes[3] ?? 0) & 0xf) === 0) finish(true)
    })
  })
}
