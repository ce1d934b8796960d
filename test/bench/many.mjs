// @ts-check
/**
 * A million names in the cache: what each costs in memory, and what a hit costs when hardly anything it touches is near. Few and many
 * names are asked of the same processes, in an order that has nothing to do with how they came in.
 */
import { costOf } from './cached.mjs'
import { withNames } from './internet.mjs'
import { dnsperf, pause, residentKib } from './measure.mjs'
import { installed, startPeer } from './peers.mjs'
import { OURS, PEER } from './report.mjs'
import { seeded } from './samples.mjs'
import { ADDRESS, CLIENT_CPU, startRootwalk } from './servers.mjs'

/** @typedef {import('./cached.mjs').Case} Case */

const CACHE_MIB = 6_144
const OUTSTANDING = 200
const LIMIT_S = 900
const SETTLE_MS = 2_000
const KIB = 1_024

/** @param {Case} on */
export async function manyCase({ internet, report, size, tell }) {
  const purpose = { ...internet, cacheMib: CACHE_MIB }
  const memory = report.row('many', 'resident memory a name', {
    unit: 'octets', digits: 0, goal: { by: 'ratio', most: 1 }, beside: `growth from ${size.manyFirst} to ${size.manyNames} names`,
  })
  const few = report.row('many', `${size.cachedNames} names`, { unit: 'us' })
  const many = report.row('many', `${size.manyNames} names`, { unit: 'us', goal: { by: 'ratio', row: `${size.cachedNames} names`, most: 1.15 } })
  /** @type {import('./servers.mjs').Server[]} */
  const servers = []
  try {
    servers.push(await startRootwalk(purpose))
    if (installed().includes(PEER)) servers.push(await startPeer(PEER, purpose))
    for (const server of servers) {
      const first = await fill(server, internet.wild(0, size.manyFirst))
      const all = await fill(server, internet.wild(size.manyFirst, size.manyNames - size.manyFirst))
      memory.add(server.name, ((all - first) * KIB) / (size.manyNames - size.manyFirst))
      tell(`many: ${server.name} ${Math.round(first / KIB)} MiB with ${size.manyFirst} names, ${Math.round(all / KIB)} MiB with ${size.manyNames}`)
      if (server.name === OURS) memory.tell(`${Math.round(all / KIB)} MiB in all`)
    }
    const below = seeded(7)
    const mixed = shuffled(internet.wild(0, size.manyNames), below)
    for (let round = 1; round <= size.rounds; round++) {
      // Another stretch of the names in each round: the time does not reach for all of them.
      const turned = Math.floor(((round - 1) * mixed.length) / size.rounds)
      await withNames([...mixed.slice(turned), ...mixed.slice(0, turned)], manyFile => withNames(mixed.slice(0, size.cachedNames), async fewFile => {
        for (const server of servers) {
          for (const [row, file] of /** @type {const} */ ([[few, fewFile], [many, manyFile]])) {
            const { micros, perf } = await costOf(server, { file, seconds: size.seconds })
            row.add(server.name, micros)
            tell(`many, round ${round} of ${size.rounds}: ${server.name} ${micros.toFixed(2)} us, ${Math.round(perf.perSecond)}/s, ${perf.lost} lost`)
          }
        }
      }))
    }
  } finally {
    await Promise.all(servers.map(server => server.stop()))
  }
}

/**
 * Asks for the names once; resident memory afterwards, in KiB.
 * @param {import('./servers.mjs').Server} server
 * @param {readonly string[]} names
 */
async function fill(server, names) {
  const perf = await withNames(names, file => dnsperf({ address: ADDRESS, port: server.port, file, outstanding: OUTSTANDING, cpu: CLIENT_CPU, limitSeconds: LIMIT_S }))
  if ((perf.rcodes.NOERROR ?? 0) < names.length * 0.99) throw new Error(`${server.name} could not be filled: ${perf.lost} lost, ${JSON.stringify(perf.rcodes)}`)
  await pause(SETTLE_MS)
  return residentKib(server.pid)
}

/**
 * @param {string[]} names
 * @param {(n: number) => number} below
 */
export function shuffled(names, below) {
  for (let at = names.length - 1; at > 0; at--) {
    const other = below(at + 1)
    const name = names[at] ?? ''
    names[at] = names[other] ?? ''
    names[other] = name
  }
  return names
}
