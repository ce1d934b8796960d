// @ts-check
/**
 * Instances that share a cache in redis-server: what an answer from it costs next to one from the servers of its name,
 * and what becomes of answers when that server is stopped (SIGSTOP) under load: p99 of each half second, before, while
 * it is stopped and afterwards. Every name is new, so every answer waits for the shared cache or would.
 */
import { createSocket } from 'node:dgram'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { encode } from 'dns-packet'
import { answers, startProcess, temporaryDirectory } from '../daemons.mjs'
import { withNames } from './internet.mjs'
import { cpuMicros, dnsperf, pause } from './measure.mjs'
import { OURS } from './report.mjs'
import { ADDRESS, CLIENT_CPU, freePort, startRootwalk } from './servers.mjs'

/** @typedef {import('./cached.mjs').Case} Case */

const READ_DEADLINE_MS = 10
const SLOT_MS = 500
/** Slots of each phase: before, stopped, afterwards. */
const PHASES = [6, 10, 10]
/** The time in which it is found out that the server is stopped. */
const FOUND_OUT_MS = 1_000
const TICK_MS = 2
/** As many as come at that rate in half a second: more are asked than are waited for. */
const OUTSTANDING = 1_000
/** Longer than what is found out waits to be written. */
const WRITTEN_MS = 1_000

/** @param {Case} on */
export async function sharedCase({ internet, report, size, tell }) {
  const { path: directory, remove } = temporaryDirectory('shared')
  const redisPort = await freePort()
  const redis = startProcess('redis-server', ['--port', String(redisPort), '--save', '', '--appendonly', 'no'], {
    cpu: CLIENT_CPU,
    onOutput: () => {},
  })
  const secretFile = join(directory, 'secret')
  writeFileSync(secretFile, 'a secret of at least twenty-four characters\n')
  const sharedCache = { url: `redis://${ADDRESS}:${redisPort}`, secretFile, readDeadlineMs: READ_DEADLINE_MS }
  const adminPort = await freePort()
  const admin = { listen: `http://${ADDRESS}:${adminPort}` }
  const start = () => startRootwalk({ ...internet, settings: { sharedCache, admin } })
  try {
    await costs({ internet, report, size, tell }, start, adminPort)
    await stopped({ internet, report, size, tell }, start, redis.pid)
  } finally {
    await redis.stop()
    remove()
  }
}

/**
 * @param {Case} on
 * @param {() => ReturnType<typeof startRootwalk>} start
 * @param {number} adminPort
 */
async function costs({ internet, report, size, tell }, start, adminPort) {
  const names = internet.host(Math.min(10_000, size.zones * size.namesPerZone), size.zones)
  const row = report.row('shared', 'CPU of an answer from the shared cache', {
    unit: 'us',
    digits: 1,
    beside: `${names.length} names that another instance found`,
  })
  const first = report.row('shared', 'of one from the servers, stored for others', { unit: 'us', digits: 1 })
  const alone = report.row('shared', 'of one from the servers, without a shared cache', { unit: 'us', digits: 1 })
  await withNames(names, async file => {
    for (const [what, begin, into] of /** @type {const} */ ([
      ['without', () => startRootwalk(internet), alone],
      ['the first', start, first],
      ['the second', start, row],
    ])) {
      const server = await begin()
      try {
        const before = cpuMicros(server.pid)
        const perf = await dnsperf({
          ...{ address: ADDRESS, port: server.port, file, outstanding: OUTSTANDING, cpu: CLIENT_CPU, edns: 'edns' },
          rate: size.sharedRate,
        })
        await pause(WRITTEN_MS)
        const micros = (cpuMicros(server.pid) - before) / perf.answered
        into.add(OURS, micros)
        const came = what === 'without' ? '' : `, ${await lookUps(adminPort)}`
        tell(
          `shared, ${what}: ${micros.toFixed(1)} us, ${Math.round(perf.perSecond)}/s, mean ${perf.latencyUs} us${came}`,
        )
      } finally {
        await server.stop()
      }
    }
  })
}

/**
 * @param {Case} on
 * @param {() => ReturnType<typeof startRootwalk>} start
 * @param {number} pid Of redis-server.
 */
async function stopped({ internet, report, size, tell }, start, pid) {
  const grows = report.row('shared', 'p99 in the second of SIGSTOP, above that before', {
    unit: 'ms',
    goal: { by: 'value', most: READ_DEADLINE_MS + 2 },
    beside: `${size.sharedRate} new names/s, read deadline ${READ_DEADLINE_MS} ms and 2 of timers`,
  })
  const later = report.row('shared', 'p99 while it is stopped after that second, above that before', {
    unit: 'ms',
    goal: { by: 'value', most: 1 },
  })
  const lost = report.row('shared', 'without an answer, or failed', { unit: '', digits: 0 })
  const server = await start()
  try {
    await answers(ADDRESS, server.port, () => false)
    const [before, during] = PHASES.map(slots => slots * SLOT_MS)
    const total = PHASES.reduce((sum, slots) => sum + slots, 0) * SLOT_MS
    const signals = /** @type {const} */ ([
      [before ?? 0, 'SIGSTOP'],
      [(before ?? 0) + (during ?? 0), 'SIGCONT'],
    ])
    const { times, missing } = await offered({
      ...{ port: server.port, rate: size.sharedRate, ms: total },
      names: n => internet.wild(n, 1)[0] ?? '',
      at: signals.map(([ms, name]) => ({ ms, run: () => void process.kill(pid, name) })),
    })
    const slots = Array.from({ length: total / SLOT_MS }, (_, slot) =>
      p99(times.filter(({ at }) => Math.floor(at / SLOT_MS) === slot).map(({ took }) => took)),
    )
    const between = (/** @type {number} */ from, /** @type {number} */ to) =>
      p99(times.filter(({ at }) => at >= from && at < to).map(({ took }) => took))
    const stopAt = before ?? 0
    // The first half second is the warm-up of a new process.
    const usual = between(1_000, stopAt)
    grows.add(OURS, between(stopAt, stopAt + FOUND_OUT_MS) - usual)
    later.add(OURS, between(stopAt + FOUND_OUT_MS, stopAt + (during ?? 0)) - usual)
    lost.add(OURS, missing)
    const [a = 0, b = 0] = PHASES
    const shown = (/** @type {readonly number[]} */ some) => some.map(ms => ms.toFixed(1)).join(' ')
    tell(`shared, p99 in ms of each half second, before: ${shown(slots.slice(0, a))}`)
    tell(`  stopped: ${shown(slots.slice(a, a + b))}`)
    tell(`  afterwards: ${shown(slots.slice(a + b))}`)
  } finally {
    process.kill(pid, 'SIGCONT')
    await server.stop()
  }
}

/** What came of look-ups in the shared cache, as the server counts. @param {number} adminPort */
async function lookUps(adminPort) {
  const text = await (await fetch(`http://${ADDRESS}:${adminPort}/metrics`)).text()
  const counts = text.matchAll(/^rootwalk_shared_cache_requests_total\{result="(\w+)"\} (\d+)/gm)
  return [...counts].map(([, result, count]) => `${count} ${result}`).join(', ')
}

/** @param {readonly number[]} values */
const p99 = values => [...values].sort((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? Number.NaN

/**
 * Asks for `rate` names a second, whether or not answers come. `at`: ms since the first query. Gives when each was
 * asked and how long its answer took, in ms, and how many have none or a failure.
 * @param {{ port: number, rate: number, ms: number, names: (n: number) => string,
 *   at: readonly { ms: number, run: () => void }[] }} how
 * @returns {Promise<{ times: readonly { at: number, took: number }[], missing: number }>}
 */
async function offered({ port, rate, ms, names, at }) {
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4 * 1_048_576 })
  /** @type {Map<number, number>} */
  const waiting = new Map()
  /** @type {{ at: number, took: number }[]} */
  const times = []
  let failed = 0
  await new Promise(resolve => void socket.bind(0, ADDRESS, () => resolve(null)))
  const begun = performance.now()
  socket.on('message', bytes => {
    const id = bytes.readUInt16BE(0)
    const sent = waiting.get(id)
    if (sent === undefined) return
    waiting.delete(id)
    if (((bytes[3] ?? 0) & 0xf) !== 0) failed++
    times.push({ at: sent - begun, took: performance.now() - sent })
  })
  const left = [...at]
  let next = 0
  await new Promise(resolve => {
    const timer = setInterval(() => {
      const since = performance.now() - begun
      while (left[0] !== undefined && since >= left[0].ms) left.shift()?.run()
      for (; next < (Math.min(since, ms) * rate) / 1_000; next++) {
        const id = next & 0xffff
        waiting.set(id, performance.now())
        const questions = [{ type: /** @type {const} */ ('A'), name: names(next) }]
        socket.send(encode({ type: 'query', id, flags: 0x0100, questions }), port, ADDRESS)
      }
      if (since < ms) return
      clearInterval(timer)
      resolve(null)
    }, TICK_MS)
  })
  await pause(WRITTEN_MS)
  socket.close()
  return { times, missing: waiting.size + failed }
}
