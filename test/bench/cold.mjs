// @ts-check
/**
 * Names that nobody asked before, each asked once: what the engine costs with all that it sends. A fresh process for
 * every round; lost and failed queries are told, because a fast server that fails is no server. With signed zones all
 * validate.
 */
import { createSocket } from 'node:dgram'
import { decode, encode } from 'dns-packet'
import { withNames } from './internet.mjs'
import { cpuMicros, dnsperf, residentMib } from './measure.mjs'
import { installed, startPeer } from './peers.mjs'
import { OURS, PEER } from './report.mjs'
import { ADDRESS, CLIENT_CPU, startRootwalk } from './servers.mjs'

/** @typedef {import('./cached.mjs').Case} Case */

const OUTSTANDING = 200
const LIMIT_S = 300
const ANSWER_MS = 5_000

/**
 * @param {Case} on
 * @param {{ part: string, most: number }} goal
 */
export async function coldCase({ internet, report, size, tell }, { part, most }) {
  const names = internet.host(size.zones * size.namesPerZone, size.zones)
  const starts = [() => startRootwalk(internet), ...installed().map(name => () => startPeer(name, internet))]
  const cost = report.row(part, 'CPU a query', {
    unit: 'us',
    digits: 1,
    goal: { by: 'ratio', most },
    beside: `${names.length} names, ${size.zones} zones`,
  })
  const rate = report.row(part, 'queries/s', { unit: '/s', digits: 0 })
  const failed = report.row(part, 'lost or failed', { unit: '', digits: 0 })
  const resident = report.row(part, 'resident memory after', { unit: 'MiB', digits: 0 })
  await withNames(names, async file => {
    for (let round = 1; round <= size.coldRounds; round++) {
      for (const start of starts) {
        const server = await start()
        // What is only told beside needs no more than one round.
        if (round > 1 && server.name !== OURS && server.name !== PEER) {
          await server.stop()
          continue
        }
        try {
          const before = cpuMicros(server.pid)
          const perf = await dnsperf({
            address: ADDRESS,
            port: server.port,
            file,
            outstanding: OUTSTANDING,
            cpu: CLIENT_CPU,
            edns: 'edns',
            limitSeconds: LIMIT_S,
          })
          const micros = (cpuMicros(server.pid) - before) / perf.answered
          cost.add(server.name, micros)
          rate.add(server.name, perf.perSecond)
          failed.add(server.name, perf.lost + perf.answered - (perf.rcodes.NOERROR ?? 0))
          resident.add(server.name, residentMib(server.pid))
          if (internet.anchor !== null && !(await isAuthenticated(server.port, names[0] ?? '')))
            report.note(`${part}: ${server.name} does not say that its answers are authentic`)
          tell(
            `${part}, round ${round} of ${size.coldRounds}: ${server.name} ${micros.toFixed(1)} us, ${perf.lost} lost, ${JSON.stringify(perf.rcodes)}`,
          )
        } finally {
          await server.stop()
        }
      }
    }
  })
}

/**
 * Does an answer come with AD? A validator that was not told the anchor would be fast for nothing.
 * @param {number} port
 * @param {string} name
 * @returns {Promise<boolean>}
 */
function isAuthenticated(port, name) {
  const socket = createSocket('udp4')
  // RD and AD; AD asks for AD (RFC 6840 section 5.7).
  const message = encode({ type: 'query', id: 7, flags: 0x0120, questions: [{ type: 'A', name }] })
  return new Promise(resolve => {
    const finish = (/** @type {boolean} */ authentic) => {
      clearTimeout(limit)
      socket.close(() => resolve(authentic))
    }
    const limit = setTimeout(finish, ANSWER_MS, false)
    socket.on('error', () => finish(false))
    socket.on('message', bytes => finish(decode(bytes).flag_ad))
    socket.send(message, port, ADDRESS)
  })
}
