// @ts-check
/**
 * What a cached answer costs: CPU time of the server for each query, beside a process that only echoes over `node:dgram`
 * and beside Unbound. Rounds are interleaved, so that a busy machine burdens all alike; medians are told.
 */
import { cpuMicros, dnsperf, median } from './measure.mjs'
import { ADDRESS, CLIENT_CPU, startEcho, startPeer, startRootwalk } from './servers.mjs'
import { withFile } from './internet.mjs'

/** @typedef {import('./servers.mjs').Server} Server */
/** @typedef {{ name: string, microsPerQuery: number, rounds: number[], perSecond: number, lost: number, rcodes: Record<string, number> }} CachedRow */

/** Above what `node:dgram` itself costs. */
export const TARGET_MICROS = 1.5
const OUTSTANDING = 100

/**
 * @param {{ internet: import('./internet.mjs').BenchInternet, names: number, rounds: number, seconds: number, withPeer: boolean, tell: (text: string) => void }} options
 * @returns {Promise<CachedRow[]>}
 */
export async function cachedBench({ internet, names, rounds, seconds, withPeer, tell }) {
  /** @type {Server[]} */
  const servers = []
  try {
    servers.push(await startRootwalk({ hints: internet.hints }), await startEcho())
    if (withPeer) servers.push(await startPeer(internet.hints))
    return await withFile(internet.names(names, names), async file => {
      const run = (/** @type {Server} */ server, /** @type {object} */ much) =>
        dnsperf({ address: ADDRESS, port: server.port, file, outstanding: OUTSTANDING, cpu: CLIENT_CPU, limitSeconds: 120, ...much })
      // Twice: to fill the cache, and for the compiler.
      for (const server of servers) await run(server, { runs: 2 })
      const measured = servers.map(server => ({ server, micros: /** @type {number[]} */ ([]), perSecond: /** @type {number[]} */ ([]), lost: 0, rcodes: /** @type {Record<string, number>} */ ({}) }))
      for (let round = 1; round <= rounds; round++) {
        for (const row of measured) {
          const before = cpuMicros(row.server.pid)
          const perf = await run(row.server, { seconds })
          row.micros.push((cpuMicros(row.server.pid) - before) / perf.answered)
          row.perSecond.push(perf.perSecond)
          row.lost += perf.lost
          for (const [rcode, count] of Object.entries(perf.rcodes)) row.rcodes[rcode] = (row.rcodes[rcode] ?? 0) + count
        }
        tell(`cached, round ${round} of ${rounds}: ${measured.map(({ server, micros }) => `${server.name} ${micros.at(-1)?.toFixed(2)} us`).join(', ')}`)
      }
      return measured.map(({ server, micros, perSecond, lost, rcodes }) => ({
        name: server.name, microsPerQuery: median(micros), rounds: micros, perSecond: Math.round(median(perSecond)), lost, rcodes,
      }))
    })
  } finally {
    await Promise.all(servers.map(server => server.stop()))
  }
}

/**
 * Cost above the echo: the median of the differences within each round.
 * @param {readonly CachedRow[]} rows
 */
export function aboveEcho(rows) {
  const [ours, echo] = rows
  if (ours === undefined || echo === undefined) return Number.NaN
  return median(ours.rounds.map((micros, round) => micros - (echo.rounds[round] ?? Number.NaN)))
}
