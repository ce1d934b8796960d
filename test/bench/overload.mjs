// @ts-check
/**
 * Three times as many new names a second as can be looked up: what is still answered, whether memory stays flat, and
 * whether the server is as fast afterwards as it was before. The cache is small and full when it begins, so that it has
 * no reason to grow.
 */
import { costOf } from './cached.mjs'
import { withNames } from './internet.mjs'
import { dnsperf, pause, residentKib } from './measure.mjs'
import { installed, startPeer } from './peers.mjs'
import { PEER } from './report.mjs'
import { ADDRESS, CLIENT_CPU, startRootwalk } from './servers.mjs'

/** @typedef {import('./cached.mjs').Case} Case */
/** @typedef {import('./servers.mjs').Server} Server */

const CACHE_MIB = 32
const FILL = 60_000
const TIMES = 3
const OUTSTANDING = 60_000
const CLOSED_OUTSTANDING = 200
const TIMEOUT_S = 2
const SAMPLE_MS = 250

/** @param {Case} on */
export async function overloadCase({ internet, report, size, tell }) {
  const rows = {
    capacity: report.row('overload', 'new names/s it can answer', { unit: '/s', digits: 0 }),
    share: report.row('overload', 'answered of that at 3 times the rate', {
      unit: '',
      goal: { by: 'value', least: 0.5 },
    }),
    memory: report.row('overload', 'memory at its height, to before', { unit: 'x', goal: { by: 'value', most: 1.3 } }),
    coldAfter: report.row('overload', 'new names/s afterwards, to before', {
      unit: 'x',
      goal: { by: 'value', least: 0.9 },
    }),
    hitsAfter: report.row('overload', 'CPU of a hit afterwards, to before', {
      unit: 'x',
      goal: { by: 'value', most: 1.1 },
    }),
  }
  const hits = internet.host(Math.min(2_000, size.cachedNames), size.cachedNames)
  const starts = [
    () => startRootwalk({ ...internet, cacheMib: CACHE_MIB }),
    ...(installed().includes(PEER) ? [() => startPeer(PEER, { ...internet, cacheMib: CACHE_MIB })] : []),
  ]
  for (let round = 1; round <= Math.min(size.rounds, 3); round++) {
    for (const start of starts) {
      const server = await start()
      try {
        const told = await withNames(hits, file => once({ server, internet, size, hitsFile: file }))
        rows.capacity.add(server.name, told.capacity)
        rows.share.add(server.name, told.answered / told.capacity)
        rows.memory.add(server.name, told.height / told.before)
        rows.coldAfter.add(server.name, told.capacityAfter / told.capacity)
        rows.hitsAfter.add(server.name, told.hitAfter / told.hit)
        tell(`overload, round ${round}: ${server.name} ${JSON.stringify(told)}`)
      } finally {
        await server.stop()
      }
    }
  }
}

/** @param {{ server: Server, internet: Case['internet'], size: Case['size'], hitsFile: string }} on */
async function once({ server, internet, size, hitsFile }) {
  let next = 0
  /** As many names as nobody asked for yet, asked for in one go. @param {number} count @param {object} how */
  const fresh = async (count, how) => {
    const names = internet.wild(next, count)
    next += count
    return withNames(names, file =>
      dnsperf({
        address: ADDRESS,
        port: server.port,
        file,
        outstanding: CLOSED_OUTSTANDING,
        cpu: CLIENT_CPU,
        timeoutSeconds: TIMEOUT_S,
        ...how,
      }),
    )
  }
  const hit = async () => {
    await costOf(server, { file: hitsFile, seconds: 1 })
    return (await costOf(server, { file: hitsFile, seconds: size.seconds })).micros
  }
  await fresh(Math.min(FILL, size.manyNames), {})
  const hitBefore = await hit()
  const capacity = (await fresh(15_000, {})).perSecond
  const before = residentKib(server.pid)
  let height = before
  const sampling = setInterval(() => {
    height = Math.max(height, residentKib(server.pid))
  }, SAMPLE_MS)
  const rate = Math.round(capacity * TIMES)
  const flood = await fresh(rate * size.overloadSeconds, { rate, outstanding: OUTSTANDING })
  clearInterval(sampling)
  // What was left in its queues.
  await pause(TIMEOUT_S * 1_000)
  const answered = flood.answered / size.overloadSeconds
  const capacityAfter = (await fresh(15_000, {})).perSecond
  const hitAfter = await hit()
  return {
    capacity,
    offered: rate,
    answered,
    servfail: flood.rcodes.SERVFAIL ?? 0,
    before,
    height,
    capacityAfter,
    hit: hitBefore,
    hitAfter,
  }
}
