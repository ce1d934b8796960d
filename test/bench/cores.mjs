// @ts-check
/**
 * Several engines in one process, each in a thread of its own and the owner of a part of the names: node
 * test/bench/cores.mjs [ROUNDS]. A prototype to measure with (docs/decisions/0017-one-engine-one-core.md), built from
 * parts of the product: one thread receives, answers what the owner's memory of finished answers has, and hands the
 * rest to the owner by a ring; the owner resolves and replies itself.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startProcess, temporaryDirectory } from '../daemons.mjs'
import { startInternet, withNames } from './internet.mjs'
import { atRest, cpuMicros, dnsperf, median, residentMib } from './measure.mjs'
import { ADDRESS, CLIENT_CPU, freePort, startRootwalk } from './servers.mjs'
import { full } from './sizes.mjs'

const OUTSTANDING = 200
const READY_MS = 60_000
const rounds = Number(process.argv[2] ?? 3)
/** By what the owner of a question is found. */
const ways = /** @type {const} */ ([
  { owners: 1, by: 'name' },
  { owners: 2, by: 'name' },
  { owners: 2, by: 'zone' },
])

/**
 * Processor time of each thread so far, by its name, in microseconds.
 * @param {number} pid
 */
function threadMicros(pid) {
  /** @type {Map<string, number>} */
  const micros = new Map()
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const at = `/proc/${pid}/task/${thread}`
    const name = readFileSync(`${at}/comm`, 'latin1').trim()
    const spent = Number(readFileSync(`${at}/schedstat`, 'latin1').split(' ')[0]) / 1e3
    micros.set(name, (micros.get(name) ?? 0) + spent)
  }
  return micros
}

/** Processor time of everything on the machine so far, in microseconds: ticks of /proc/stat without idle and iowait. */
function machineMicros() {
  const [, user, nice, system, , , irq, soft] = readFileSync('/proc/stat', 'latin1').split(/\s+/, 8).map(Number)
  return ((user ?? 0) + (nice ?? 0) + (system ?? 0) + (irq ?? 0) + (soft ?? 0)) * 10_000
}

/**
 * @param {import('./internet.mjs').BenchInternet} internet
 * @param {(typeof ways)[number]} way
 */
async function startOwners(internet, { owners, by }) {
  const directory = temporaryDirectory('cores')
  const port = await freePort()
  const config = join(directory.path, 'resolver.config.json')
  const hints = join(directory.path, 'root.hints')
  const asked = join(directory.path, 'asked')
  writeFileSync(hints, internet.hints)
  const settings = {
    listen: [`${ADDRESS}:${port}`],
    rootHints: hints,
    upstream: { doNotQuery: [], ipv6: false },
    dnssec: { validate: false },
    cache: { bytes: `${256 / owners}MiB` },
  }
  writeFileSync(config, JSON.stringify(settings))
  let said = ''
  const args = [fileURLToPath(new URL('cores-server.mjs', import.meta.url)), config, String(owners), by, asked]
  const running = startProcess(process.execPath, args, { onOutput: text => (said += text) })
  const stop = async () => {
    await running.stop()
    directory.remove()
  }
  for (let ms = 0; !said.includes('ready') && !running.gone() && ms < READY_MS; ms += 50)
    await new Promise(done => setTimeout(done, 50))
  if (!said.includes('ready')) {
    await stop()
    throw new Error(`the owners did not start:\n${said}`)
  }
  await atRest(running.pid)
  const exchanges = () =>
    readdirSync(directory.path)
      .filter(name => name.startsWith('asked'))
      .reduce((sum, name) => sum + Number(readFileSync(join(directory.path, name), 'latin1')), 0)
  return { pid: running.pid, port, stop, exchanges }
}

/**
 * @param {{ pid: number, port: number, stop: () => Promise<void>, exchanges?: () => number }} server
 * @param {string} file
 */
async function measured(server, file) {
  try {
    const before = threadMicros(server.pid)
    const [cpuBefore, machineBefore] = [cpuMicros(server.pid), machineMicros()]
    const load = {
      address: ADDRESS,
      port: server.port,
      file,
      outstanding: OUTSTANDING,
      edns: /** @type {const} */ ('edns'),
    }
    const perf = await dnsperf({ ...load, cpu: CLIENT_CPU, limitSeconds: 120 })
    const cpu = (cpuMicros(server.pid) - cpuBefore) / perf.answered
    const others = (machineMicros() - machineBefore) / perf.answered - cpu
    const threads = [...threadMicros(server.pid)]
      .map(([name, micros]) => [name, (micros - (before.get(name) ?? 0)) / perf.answered])
      .filter(([, micros]) => Number(micros) > 0.5)
      .map(([name, micros]) => `${name} ${Number(micros).toFixed(1)}`)
    const failed = perf.lost + perf.answered - (perf.rcodes.NOERROR ?? 0)
    await atRest(server.pid)
    const asked = server.exchanges?.()
    return { perSecond: perf.perSecond, cpu, others, failed, resident: residentMib(server.pid), asked, threads }
  } finally {
    await server.stop()
  }
}

const internet = await startInternet({ zones: full.zones, namesPerZone: full.namesPerZone, cpu: CLIENT_CPU })
try {
  const names = internet.host(full.zones * full.namesPerZone, full.zones)
  await withNames(names, async file => {
    /** @type {Map<string, Awaited<ReturnType<typeof measured>>[]>} */
    const all = new Map()
    for (let round = 0; round < rounds; round++) {
      const starts = [
        { name: 'as shipped', start: () => startRootwalk(internet) },
        ...ways.map(way => ({ name: `${way.owners} by ${way.by}`, start: () => startOwners(internet, way) })),
      ]
      for (const { name, start } of starts) {
        const one = await measured(await start(), file)
        all.set(name, [...(all.get(name) ?? []), one])
        console.error(name, JSON.stringify(one))
      }
    }
    for (const [name, runs] of all) {
      const middle = (/** @type {'perSecond' | 'cpu' | 'others' | 'failed' | 'resident'} */ key) =>
        median(runs.map(run => run[key]))
      console.log(
        `${name}: ${middle('perSecond').toFixed(0)}/s, ${middle('cpu').toFixed(1)} us a query, others ${middle('others').toFixed(1)}, ${middle('resident')} MiB, ` +
          `${runs[0]?.asked ?? '?'} asked, ${middle('failed')} failed; by thread ${runs.at(-1)?.threads.join(', ')}`,
      )
    }
  })
} finally {
  await internet.stop()
}
