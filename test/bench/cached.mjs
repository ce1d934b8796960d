// @ts-check
/**
 * What a cached answer costs: CPU time of the server for each query, beside a process that only echoes over
 * `node:dgram` and beside other resolvers; the same with EDNS and DO, with letters in mixed case, over TCP, and one
 * query at a time. Rounds are interleaved, so that a busy machine burdens all alike.
 */
import { withNames } from './internet.mjs'
import { cpuMicros, dnsperf, percentile } from './measure.mjs'
import { installed, startPeer } from './peers.mjs'
import { OURS, PEER } from './report.mjs'
import { seeded } from './samples.mjs'
import { ADDRESS, CLIENT_CPU, listenerOf, startEcho, startRootwalk } from './servers.mjs'

/** @typedef {import('./servers.mjs').Server} Server */
/**
 * @typedef
 * {{ internet: import('./internet.mjs').BenchInternet, report: import('./report.mjs').Report, size: import('./sizes.mjs').Size, tell: (text: string) => void }}
 * Case
 */

const OUTSTANDING = 100
const TCP_CLIENTS = 100
/** Ten queries on their way on each connection. */
const TCP_OUTSTANDING = 1_000
/** How often each name comes, with its letters mixed again. */
const MIXTURES = 4
/** What `node:dgram` itself costs is no fault of ours, and what we add to it is told. */
const ABOVE_ECHO_US = 1.5

/**
 * @param {Case} on
 * @param {readonly string[]} parts Of 'cached', 'variants', 'tcp' and 'latency'.
 */
export async function cachedCase({ internet, report, size, tell }, parts) {
  const names = internet.host(size.cachedNames, size.cachedNames)
  /** @type {Server[]} */
  const servers = []
  try {
    servers.push(await startRootwalk(internet))
    if (parts.includes('cached')) servers.push(await startEcho())
    for (const name of installed())
      if (name === PEER || parts.includes('cached')) servers.push(await startPeer(name, internet))
    const [ours] = servers
    if (ours !== undefined) report.note(`rootwalk listens: ${listenerOf(ours)}`)
    await withNames(names, async plain => {
      const warm = (/** @type {Server} */ server, /** @type {string} */ file, /** @type {object} */ how) =>
        dnsperf({
          address: ADDRESS,
          port: server.port,
          file,
          outstanding: OUTSTANDING,
          cpu: CLIENT_CPU,
          runs: 2,
          ...how,
        })
      for (const server of servers) await warm(server, plain, {})
      const pair = servers.filter(({ name }) => name === OURS || name === PEER)
      if (parts.includes('cached')) await plainRounds({ servers, file: plain, report, size, tell })
      if (parts.includes('variants')) {
        const below = seeded(20)
        const mixed = Array.from({ length: MIXTURES }, () => names.map(name => mixCase(name, below))).flat()
        for (const server of pair) await warm(server, plain, { edns: 'do' })
        await withNames(mixed, file => variantRounds({ pair, plain, mixed: file, report, size, tell }))
      }
      if (parts.includes('tcp')) await tcpRounds({ pair, file: plain, report, size, tell })
      if (parts.includes('latency')) await latencyRounds({ pair, file: plain, report, size, tell })
    })
  } finally {
    await Promise.all(servers.map(server => server.stop()))
  }
}

/**
 * @param {Server} server
 * @param {Omit<import('./measure.mjs').Load, 'address' | 'port' | 'cpu' | 'outstanding'> & { outstanding?: number }} load
 */
export async function costOf(server, { outstanding = OUTSTANDING, ...load }) {
  const before = cpuMicros(server.pid)
  const perf = await dnsperf({ address: ADDRESS, port: server.port, outstanding, cpu: CLIENT_CPU, ...load })
  return { micros: (cpuMicros(server.pid) - before) / perf.answered, perf }
}

/** @typedef {{ report: Case['report'], size: Case['size'], tell: Case['tell'] }} Told */

/** @param {Told & { servers: readonly Server[], file: string }} on */
async function plainRounds({ servers, file, report, size, tell }) {
  const cost = report.row('cached', 'CPU a query', { unit: 'us', goal: { by: 'ratio', most: 0.8 } })
  const above = report.row('cached', 'above the echo', {
    unit: 'us',
    beside: `wanted on node:dgram: at most ${ABOVE_ECHO_US}`,
  })
  const rate = report.row('cached', 'queries/s', { unit: '/s', digits: 0, goal: { by: 'ratio', least: 1 } })
  const lost = report.row('cached', 'lost', { unit: '', digits: 0 })
  for (let round = 1; round <= size.rounds; round++) {
    let echo = Number.NaN
    let own = Number.NaN
    for (const server of servers) {
      const { micros, perf } = await costOf(server, { file, seconds: size.seconds })
      if (server.name === OURS) own = micros
      if (server.name.includes('echo')) echo = micros
      cost.add(server.name, micros)
      rate.add(server.name, perf.perSecond)
      if (server.name === OURS || server.name === PEER) lost.add(server.name, perf.lost)
      tell(
        `cached, round ${round} of ${size.rounds}: ${server.name} ${micros.toFixed(2)} us, ${Math.round(perf.perSecond)}/s, ${perf.lost} lost`,
      )
    }
    above.add(OURS, own - echo)
  }
}

/** @param {Told & { pair: readonly Server[], plain: string, mixed: string }} on */
async function variantRounds({ pair, plain, mixed, report, size, tell }) {
  const most = 1.1
  const rows = [
    { row: report.row('variants', 'plain', { unit: 'us' }), load: { file: plain } },
    {
      row: report.row('variants', 'EDNS and DO', { unit: 'us', goal: { by: 'ratio', row: 'plain', most } }),
      load: { file: plain, edns: /** @type {const} */ ('do') },
    },
    {
      row: report.row('variants', 'mixed case', { unit: 'us', goal: { by: 'ratio', row: 'plain', most } }),
      load: { file: mixed },
    },
  ]
  for (let round = 1; round <= size.rounds; round++) {
    for (const server of pair) {
      for (const { row, load } of rows)
        row.add(server.name, (await costOf(server, { seconds: size.seconds, ...load })).micros)
    }
    tell(`variants, round ${round} of ${size.rounds}`)
  }
}

/** @param {Told & { pair: readonly Server[], file: string }} on */
async function tcpRounds({ pair, file, report, size, tell }) {
  const cost = report.row('tcp', 'CPU a query', {
    unit: 'us',
    goal: { by: 'ratio', most: 1 },
    beside: `${TCP_CLIENTS} connections, ${TCP_OUTSTANDING} outstanding`,
  })
  const rate = report.row('tcp', 'queries/s', { unit: '/s', digits: 0 })
  const load = { file, tcp: true, clients: TCP_CLIENTS, outstanding: TCP_OUTSTANDING }
  for (const server of pair) await costOf(server, { ...load, seconds: 1 })
  for (let round = 1; round <= size.rounds; round++) {
    for (const server of pair) {
      const { micros, perf } = await costOf(server, { ...load, seconds: size.seconds })
      cost.add(server.name, micros)
      rate.add(server.name, perf.perSecond)
      tell(
        `tcp, round ${round} of ${size.rounds}: ${server.name} ${micros.toFixed(2)} us, ${Math.round(perf.perSecond)}/s, ${perf.lost} lost`,
      )
    }
  }
}

/** @param {Told & { pair: readonly Server[], file: string }} on */
async function latencyRounds({ pair, file, report, size, tell }) {
  const half = report.row('latency', 'one at a time, p50', {
    unit: 'us',
    digits: 0,
    goal: { by: 'difference', most: 20 },
  })
  const most = report.row('latency', 'one at a time, p99', { unit: 'us', digits: 0 })
  for (let round = 1; round <= size.rounds; round++) {
    for (const server of pair) {
      const { perf } = await costOf(server, {
        file,
        outstanding: 1,
        clients: 1,
        latencies: true,
        seconds: Math.min(2, size.seconds),
      })
      const times = perf.latencies.get('host') ?? []
      half.add(server.name, percentile(times, 0.5))
      most.add(server.name, percentile(times, 0.99))
    }
    tell(`latency, round ${round} of ${size.rounds}`)
  }
}

/** @param {string} name @param {(n: number) => number} below */
export const mixCase = (name, below) =>
  name.replace(/[a-z]/g, letter => (below(2) === 0 ? letter : letter.toUpperCase()))
