// @ts-check
/**
 * Names that nobody asked before, each asked once: what the engine costs with all that it sends. A fresh process for every
 * round; lost and failed queries are told, because a fast server that fails is no server.
 */
import { cpuMicros, dnsperf, median, residentMib } from './measure.mjs'
import { ADDRESS, CLIENT_CPU, startPeer, startRootwalk } from './servers.mjs'
import { withFile } from './internet.mjs'

/** @typedef {{ name: string, microsPerQuery: number, rounds: number[], lost: number, failed: number, asked: number, perSecond: number, latencyMs: number, residentMib: number, rcodes: Record<string, number> }} ColdRow */

const OUTSTANDING = 200

/**
 * @param {{ internet: import('./internet.mjs').BenchInternet, names: number, zones: number, rounds: number, withPeer: boolean, tell: (text: string) => void }} options
 * @returns {Promise<ColdRow[]>}
 */
export async function coldBench({ internet, names, zones, rounds, withPeer, tell }) {
  const starts = [() => startRootwalk({ hints: internet.hints }), ...(withPeer ? [() => startPeer(internet.hints)] : [])]
  return withFile(internet.names(names, zones), async file => {
    /** @type {Map<string, ColdRow>} */
    const rows = new Map()
    for (let round = 1; round <= rounds; round++) {
      for (const start of starts) {
        const server = await start()
        try {
          const before = cpuMicros(server.pid)
          const perf = await dnsperf({ address: ADDRESS, port: server.port, file, outstanding: OUTSTANDING, cpu: CLIENT_CPU, runs: 1, limitSeconds: 300 })
          const micros = (cpuMicros(server.pid) - before) / perf.answered
          const row = rows.get(server.name) ?? { name: server.name, microsPerQuery: 0, rounds: [], lost: 0, failed: 0, asked: 0, perSecond: 0, latencyMs: 0, residentMib: 0, rcodes: {} }
          row.rounds.push(micros)
          row.microsPerQuery = median(row.rounds)
          row.asked += perf.sent
          row.lost += perf.lost
          row.failed += perf.answered - (perf.rcodes.NOERROR ?? 0)
          row.perSecond = Math.round(perf.perSecond)
          row.latencyMs = perf.latencyMs
          row.residentMib = residentMib(server.pid)
          for (const [rcode, count] of Object.entries(perf.rcodes)) row.rcodes[rcode] = (row.rcodes[rcode] ?? 0) + count
          rows.set(server.name, row)
          tell(`cold, round ${round} of ${rounds}: ${server.name} ${micros.toFixed(1)} us, ${perf.lost} lost, ${JSON.stringify(perf.rcodes)}`)
        } finally {
          await server.stop()
        }
      }
    }
    return [...rows.values()]
  })
}
