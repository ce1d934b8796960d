// @ts-check
/**
 * How long hits take while others miss: nine of ten names are cached and one has to be looked up, at a steady rate that
 * does not wait for answers; and the same while the misses go to a server that answers nothing. dnsperf times every
 * query, and the names tell hits and misses apart.
 */
import { withNames } from './internet.mjs'
import { dnsperf, percentile } from './measure.mjs'
import { installed, startPeer } from './peers.mjs'
import { PEER } from './report.mjs'
import { seeded } from './samples.mjs'
import { ADDRESS, CLIENT_CPU, startRootwalk } from './servers.mjs'

/** @typedef {import('./cached.mjs').Case} Case */
/** @typedef {import('./servers.mjs').Server} Server */

/**
 * Names looked up before anything is measured, none of which comes again: what is compiled late is not what is
 * compared.
 */
const WARM_MISSES = 20_000
/** More than can be on their way: the rate is kept even when nothing is answered for seconds. */
const OUTSTANDING = 60_000
const WARM_OUTSTANDING = 200
const TIMEOUT_S = 5
const SHARES = /** @type {const} */ ([
  ['p50', 0.5],
  ['p99', 0.99],
  ['p99.9', 0.999],
])
const MOST = 1.2

/** @param {Case} on */
export async function mixCase({ internet, report, size, tell }) {
  const hits = internet.host(size.cachedNames, size.cachedNames)
  await withPair({ internet, hits }, async pair => {
    const rows = latencyRows(report, 'mix', `hits among ${percent(size.mixShare)} misses, ${size.mixRate}/s offered`)
    const missed = report.row('mix', 'p50 of the misses', { unit: 'us', digits: 0 })
    const lost = report.row('mix', 'lost', { unit: '', digits: 0 })
    const clientDrops = report.row('mix', 'lost at the sockets of dnsperf', { unit: '', digits: 0 })
    const fresh = Math.ceil(size.mixRate * size.mixShare * size.mixSeconds)
    for (let round = 0; round < size.rounds; round++) {
      const names = mixed({
        hits,
        misses: internet.wild(round * fresh, fresh),
        count: size.mixRate * size.mixSeconds,
        share: size.mixShare,
      })
      await withNames(names, async file => {
        for (const server of pair) {
          const perf = await steady(server, file, size.mixRate)
          rows(server, perf.latencies.get('host') ?? [])
          missed.add(server.name, percentile(perf.latencies.get('wild') ?? [], 0.5))
          lost.add(server.name, Math.max(0, perf.lost - perf.clientDrops))
          clientDrops.add(server.name, perf.clientDrops)
          tell(`mix, round ${round + 1} of ${size.rounds}: ${server.name} ${summary(perf)}`)
        }
      })
    }
  })
}

/** @param {Case} on */
export async function silentCase({ internet, report, size, tell }) {
  const hits = internet.host(size.cachedNames, size.cachedNames)
  await withPair({ internet, hits }, async pair => {
    const alone = report.row('silent', 'p99 of hits alone', { unit: 'us', digits: 0, beside: `${size.silentRate}/s` })
    const rows = latencyRows(
      report,
      'silent',
      `hits, ${percent(size.silentShare)} of the queries for a zone whose server answers nothing`,
    )
    const fresh = Math.ceil(size.silentRate * size.silentShare * size.mixSeconds)
    for (let round = 0; round < size.rounds; round++) {
      const count = size.silentRate * size.mixSeconds
      const names = mixed({ hits, misses: internet.silent(round * fresh, fresh), count, share: size.silentShare })
      await withNames(hits, plain =>
        withNames(names, async file => {
          for (const server of pair) {
            const before = await steady(server, plain, size.silentRate, 2)
            alone.add(server.name, percentile(before.latencies.get('host') ?? [], 0.99))
            const perf = await steady(server, file, size.silentRate)
            rows(server, perf.latencies.get('host') ?? [])
            tell(`silent, round ${round + 1} of ${size.rounds}: ${server.name} ${summary(perf)}`)
          }
        }),
      )
    }
  })
}

/**
 * rootwalk and its peer, with the hits in their caches.
 * @param {{ internet: Case['internet'], hits: readonly string[] }} on
 * @param {(pair: readonly Server[]) => Promise<void>} use
 */
async function withPair({ internet, hits }, use) {
  /** @type {Server[]} */
  const pair = []
  try {
    pair.push(await startRootwalk(internet))
    if (installed().includes(PEER)) pair.push(await startPeer(PEER, internet))
    for (const [names, runs] of /** @type {const} */ ([
      [internet.wild(1e7, WARM_MISSES), 1],
      [hits, 5],
    ])) {
      await withNames(names, async file => {
        for (const { port } of pair)
          await dnsperf({ address: ADDRESS, port, file, outstanding: WARM_OUTSTANDING, cpu: CLIENT_CPU, runs })
      })
    }
    await use(pair)
  } finally {
    await Promise.all(pair.map(server => server.stop()))
  }
}

/**
 * @type {(report: Case['report'], part: string, beside: string) => (server: Server, times: readonly number[]) => void}
 */
function latencyRows(report, part, beside) {
  const rows = SHARES.map(([name, share], index) => ({
    share,
    row: report.row(part, `${name} of hits`, {
      unit: 'us',
      digits: 0,
      goal: { by: 'ratio', most: MOST },
      beside: index === 0 ? beside : '',
    }),
  }))
  return ({ name }, times) => {
    for (const { share, row } of rows) row.add(name, percentile(times, share))
  }
}

/**
 * @param {Server} server
 * @param {string} file
 * @param {number} rate
 * @param {number} [seconds] Default: once through the file.
 */
const steady = ({ port }, file, rate, seconds) =>
  dnsperf({
    address: ADDRESS,
    port,
    file,
    outstanding: OUTSTANDING,
    cpu: CLIENT_CPU,
    rate,
    latencies: true,
    timeoutSeconds: TIMEOUT_S,
    ...(seconds === undefined ? {} : { seconds }),
  })

/** @param {{ hits: readonly string[], misses: readonly string[], count: number, share: number }} of */
export function mixed({ hits, misses, count, share }) {
  const below = seeded(99)
  let next = 0
  return Array.from({ length: count }, () => {
    const miss = below(1_000_000) < share * 1_000_000 ? misses[next++] : undefined
    return miss ?? hits[below(hits.length)] ?? ''
  })
}

const percent = (/** @type {number} */ share) => `${Math.round(share * 100)} %`

/** @param {import('./measure.mjs').Perf} perf */
function summary({ latencies, answered, lost, clientDrops, rcodes }) {
  const hits = latencies.get('host') ?? []
  return `${SHARES.map(([name, share]) => `${name} ${Math.round(percentile(hits, share))}`).join(', ')} us of ${hits.length} hits; ${answered} answered, ${lost} lost, ${clientDrops} of them at dnsperf, ${JSON.stringify(rcodes)}`
}
