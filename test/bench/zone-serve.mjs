// @ts-check
/**
 * A server that answers while a large zone of it is loaded, changed, and read again at SIGHUP: how long its event loop
 * is held, as measured inside it (`loop-probe.mjs`), and what its clients lose and wait for meanwhile.
 */
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporaryDirectory } from '../daemons.mjs'
import { cliPath } from './built.mjs'
import { cpuMicros, dnsperf, pause, percentile, residentMib } from './measure.mjs'
import { OURS } from './report.mjs'
import { ADDRESS, CLIENT_CPU, freePort, SERVER_CPU, startNode } from './servers.mjs'
import { zoneText } from './zone.mjs'

const PROBE = fileURLToPath(new URL('loop-probe.mjs', import.meta.url))
const RATE = 2_000
const LOOK_MS = 20
const LONGEST_MS = 120_000
/** What was begun by the last answer is over. */
const AFTER_MS = 1_000

/** @param {{ report: import('./report.mjs').Report, size: import('./sizes.mjs').Size }} on */
export async function zoneServeBench({ report, size }) {
  const directory = temporaryDirectory('zone-serve')
  const zones = join(directory.path, 'zones')
  mkdirSync(zones)
  const port = await freePort()
  const config = join(directory.path, 'resolver.config.json')
  writeFileSync(
    config,
    JSON.stringify({
      listen: [`${ADDRESS}:${port}`],
      zones: [join(zones, '*.zone')],
      records: { 'here.example': { A: '192.0.2.1' } },
      log: { level: 'info', form: 'json' },
    }),
  )
  const server = await startNode(
    OURS,
    ['--import', PROBE, cliPath, 'serve', '--config', config],
    port,
    () => directory.remove(),
    undefined,
    // A core for the thread that reads the zone, as on most machines.
    `${SERVER_CPU},${CLIENT_CPU}`,
  )
  try {
    await measure(server, { zones, port, report, records: size.zoneRecords, directory: directory.path })
  } finally {
    await server.stop()
  }
}

/**
 * @param {import('./servers.mjs').Server} server
 * @param {{ zones: string, port: number, report: import('./report.mjs').Report, records: number, directory: string }} on
 */
async function measure(server, { zones, port, report, records, directory }) {
  const queries = join(directory, 'queries')
  writeFileSync(queries, Array.from({ length: 1_000 }, (_, i) => `host${i}.big.test A\nhere.example A\n`).join(''))
  const text = zoneText(records)
  const file = join(zones, 'big.test.zone')
  const write = (/** @type {string} */ whole) => {
    writeFileSync(`${file}.new`, whole)
    renameSync(`${file}.new`, file)
  }
  const steps = /** @type {const} */ ([
    ['loaded', () => write(text)],
    ['one record changed', () => write(text.replace('host7 A 10.0.0.7\n', 'changed7 A 10.0.0.7\n'))],
    [
      'another one, and SIGHUP',
      () => {
        write(text.replace('host8 A 10.0.0.8\n', 'changed8 A 10.0.0.8\n'))
        process.kill(server.pid, 'SIGHUP')
      },
    ],
  ])
  for (const [name, begin] of steps) {
    const load = dnsperf({
      address: ADDRESS,
      port,
      file: queries,
      outstanding: 1_000,
      cpu: CLIENT_CPU,
      rate: RATE,
      seconds: Math.ceil(records / 1e5) + 2,
      latencies: true,
    })
    await pause(AFTER_MS)
    await probed(server)
    const known = loads(server)
    const [used, at] = [cpuMicros(server.pid), performance.now()]
    begin()
    await until(() => loads(server) > known)
    const [cpuS, wallS] = [(cpuMicros(server.pid) - used) / 1e6, (performance.now() - at) / 1e3]
    const { sent, lost, latencies } = await load
    const { heldMs, heldCpuMs, delayedMs } = await probed(server)
    const times = [...latencies.values()].flat().sort((a, b) => a - b)
    const row = (/** @type {string} */ what) => `${records} records ${name} next to ${RATE} queries/s: ${what}`
    report
      .row('zone', row('longest hold of the event loop'), {
        unit: 'ms',
        digits: 1,
        goal: { by: 'value', most: 50 },
        beside: `processor time; ${heldMs.toFixed(1)} ms by the clock, up to ${delayedMs.toFixed(1)} ms of it until a core was free`,
      })
      .add(OURS, heldCpuMs)
    report
      .row('zone', row('slowest answer'), {
        unit: 'ms',
        digits: 1,
        beside: `p99 ${(percentile(times, 0.99) / 1e3).toFixed(1)} ms; ${lost} of ${sent} lost`,
      })
      .add(OURS, (times.at(-1) ?? Number.NaN) / 1e3)
    report
      .row('zone', row('processor time'), {
        unit: 's',
        digits: 1,
        beside: `with its answers; ${wallS.toFixed(1)} s by the clock, ${residentMib(server.pid)} MiB resident afterwards`,
      })
      .add(OURS, cpuS)
  }
}

/** How many large zones the server says it has loaded so far. @param {import('./servers.mjs').Server} server */
const loads = server => server.said().match(/"event":"zone-loaded"/g)?.length ?? 0

/**
 * What the probe saw since it was last asked.
 * @param {import('./servers.mjs').Server} server
 * @returns {Promise<{ heldMs: number, heldCpuMs: number, delayedMs: number }>}
 */
async function probed(server) {
  const lines = () => server.said().match(/^PROBE .*$/gm) ?? []
  const known = lines().length
  process.kill(server.pid, 'SIGUSR2')
  await until(() => lines().length > known)
  return JSON.parse(lines().at(-1)?.slice('PROBE '.length) ?? '')
}

/** @param {() => boolean} condition */
async function until(condition) {
  const began = performance.now()
  while (!condition()) {
    if (performance.now() - began > LONGEST_MS) throw new Error('the server did not load the zone in two minutes')
    await pause(LOOK_MS)
  }
}
