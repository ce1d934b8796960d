// @ts-check
/**
 * A million names in the cache: what each costs in memory, and what a hit costs when hardly anything it touches is
 * near. Few and many names are asked of the same processes, in an order that has nothing to do with how they came in.
 */
import { spawnSync } from 'node:child_process'
import { costOf } from './cached.mjs'
import { withNames } from './internet.mjs'
import { dnsperf, pause, residentKib } from './measure.mjs'
import { installed, startPeer } from './peers.mjs'
import { OURS, PEER } from './report.mjs'
import { seeded } from './samples.mjs'
import { ADDRESS, CLIENT_CPU, SERVER_CPU, startRootwalk } from './servers.mjs'

/** @typedef {import('./cached.mjs').Case} Case */

const CACHE_MIB = 6_144
const BOTH_CPUS = `${SERVER_CPU},${CLIENT_CPU}`
const OUTSTANDING = 200
const LIMIT_S = 900
const SETTLE_MS = 2_000
const KIB = 1_024

/** @param {Case} on */
export async function manyCase({ internet, report, size, tell }) {
  const purpose = { ...internet, cacheMib: CACHE_MIB }
  const memory = report.row('many', 'resident memory a name', {
    unit: 'octets',
    digits: 0,
    goal: { by: 'ratio', most: 1 },
    beside: `growth from ${size.manyFirst} to ${size.manyNames} names`,
  })
  const few = report.row('many', `${size.cachedNames} names`, { unit: 'us' })
  const many = report.row('many', `${size.manyNames} names`, {
    unit: 'us',
    goal: { by: 'ratio', row: `${size.cachedNames} names`, most: 1.15 },
  })
  /** @type {import('./servers.mjs').Server[]} */
  const servers = []
  try {
    servers.push(await startRootwalk(purpose))
    if (installed().includes(PEER)) servers.push(await startPeer(PEER, purpose))
    // Together and on both cores, whose time is not what is asked here: one after the other takes twice as long.
    for (const server of servers) runOn(server, BOTH_CPUS)
    const firsts = await fillAll(servers, internet.wild(0, size.manyFirst))
    const alls = await fillAll(servers, internet.wild(size.manyFirst, size.manyNames - size.manyFirst))
    for (const server of servers) {
      runOn(server, String(SERVER_CPU))
      const [first = Number.NaN, all = Number.NaN] = [firsts.get(server), alls.get(server)]
      memory.add(server.name, ((all - first) * KIB) / (size.manyNames - size.manyFirst))
      tell(
        `many: ${server.name} ${Math.round(first / KIB)} MiB with ${size.manyFirst} names, ${Math.round(all / KIB)} MiB with ${size.manyNames}`,
      )
      if (server.name === OURS) memory.tell(`${Math.round(all / KIB)} MiB in all`)
    }
    const below = seeded(7)
    const mixed = shuffled(internet.wild(0, size.manyNames), below)
    for (let round = 1; round <= size.rounds; round++) {
      // Another stretch of the names in each round: the time does not reach for all of them.
      const turned = Math.floor(((round - 1) * mixed.length) / size.rounds)
      await withNames([...mixed.slice(turned), ...mixed.slice(0, turned)], manyFile =>
        withNames(mixed.slice(0, size.cachedNames), async fewFile => {
          for (const server of servers) {
            for (const [row, file] of /** @type {const} */ ([
              [few, fewFile],
              [many, manyFile],
            ])) {
              const { micros, perf } = await costOf(server, { file, seconds: size.seconds })
              row.add(server.name, micros)
              tell(
                `many, round ${round} of ${size.rounds}: ${server.name} ${micros.toFixed(2)} us, ${Math.round(perf.perSecond)}/s, ${perf.lost} lost`,
              )
            }
          }
        }),
      )
    }
  } finally {
    await Promise.all(servers.map(server => server.stop()))
  }
}

/**
 * Asks each server for the names once; resident memory of each afterwards, in KiB.
 * @param {readonly import('./servers.mjs').Server[]} servers
 * @param {readonly string[]} names
 */
async function fillAll(servers, names) {
  const told = await withNames(names, file =>
    Promise.all(
      servers.map(({ port }) =>
        dnsperf({ address: ADDRESS, port, file, outstanding: OUTSTANDING, cpu: CLIENT_CPU, limitSeconds: LIMIT_S }),
      ),
    ),
  )
  for (const [i, perf] of told.entries()) {
    if ((perf.rcodes.NOERROR ?? 0) < names.length * 0.99)
      throw new Error(`${servers[i]?.name} could not be filled: ${perf.lost} lost, ${JSON.stringify(perf.rcodes)}`)
  }
  await pause(SETTLE_MS)
  return new Map(servers.map(server => [server, residentKib(server.pid)]))
}

/**
 * All threads of a server, from now on.
 * @param {import('./servers.mjs').Server} server
 * @param {string} cpus
 */
const runOn = (server, cpus) => void spawnSync('taskset', ['-a', '-c', '-p', cpus, String(server.pid)])

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
