// @ts-check
/**
 * A zone and a policy zone of a million records each, sent by primaries of others with TSIG to a server that answers
 * meanwhile: what they cost, how long its event loop is held (measured inside it by `loop-probe.mjs`), and how much
 * memory it takes at its height.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporaryDirectory } from '../daemons.mjs'
import { cliPath } from './built.mjs'
import { cpuMicros, dnsperf, pause, percentile, residentKib, residentMib } from './measure.mjs'
import { KEY_TEXT, primaries, startPrimary } from './primaries.mjs'
import { OURS } from './report.mjs'
import { ADDRESS, CLIENT_CPU, freePort, SERVER_CPU, startNode } from './servers.mjs'
import { zoneText } from './zone.mjs'

const PROBE = fileURLToPath(new URL('loop-probe.mjs', import.meta.url))
const RATE = 2_000
const LOOK_MS = 20
const LONGEST_MS = 200_000
const BEFORE_MS = 1_000
const MOST_CPU_S = 15
const MOST_HELD_MS = 20
const HEAD = '$TTL 300\n@ SOA ns.big.rpz. h.big.rpz. 1 3600 600 86400 60\n@ NS ns.big.rpz.\nns A 192.0.2.1\n'

/** A rule a record. @param {number} rules */
function policyText(rules) {
  const lines = [HEAD]
  for (let i = 0; i < rules; i++) lines.push(`a${i}.ads${i % 97}.example${i % 13}.com CNAME .\n`)
  return lines.join('')
}

/** @param {{ report: import('./report.mjs').Report, size: import('./sizes.mjs').Size, tell: (text: string) => void }} on */
export async function transferBench({ report, size, tell }) {
  const found = primaries()
  if (found.length === 0) report.note('transfers left out: neither nsd, named nor knotd is installed')
  const zones = { 'big.test': zoneText(size.transferRecords), 'big.rpz': policyText(size.transferRecords) }
  for (const name of found) {
    tell(`starting ${name} with ${size.transferRecords} records and as many rules`)
    const primary = await startPrimary(name, zones)
    try {
      await fromPrimary(name, primary, { report, size })
    } finally {
      await primary.stop()
    }
  }
}

/**
 * @param {string} name
 * @param {{ port: number }} primary
 * @param {{ report: import('./report.mjs').Report, size: import('./sizes.mjs').Size }} on
 */
async function fromPrimary(name, { port: from }, { report, size }) {
  const directory = temporaryDirectory('transfer')
  const port = await freePort()
  const config = join(directory.path, 'resolver.config.json')
  const key = join(directory.path, 'bench.key')
  mkdirSync(join(directory.path, 'state'))
  writeFileSync(key, KEY_TEXT)
  const settings = {
    listen: [`${ADDRESS}:${port}`],
    state: join(directory.path, 'state'),
    specialUse: { test: false },
    records: { 'here.example': { A: '192.0.2.1' } },
    log: { level: 'info', form: 'json' },
    warmUp: false,
  }
  writeFileSync(config, JSON.stringify(settings))
  const queries = join(directory.path, 'queries')
  writeFileSync(queries, 'here.example A\n')
  const server = await startNode(
    OURS,
    ['--import', PROBE, cliPath, 'serve', '--config', config],
    port,
    () => directory.remove(),
    undefined,
    // A core for the thread that takes the zone, as on most machines.
    `${SERVER_CPU},${CLIENT_CPU}`,
  )
  const sent = { primaries: [`${ADDRESS}:${from}`], tsig: key }
  try {
    const steps = /** @type {const} */ ([
      ['zone', { zones: [{ zone: 'big.test', ...sent }] }, /"kind":"transferred"/],
      [
        'policy zone',
        { zones: [{ zone: 'big.test', ...sent }], rpz: [{ zone: 'big.rpz', ...sent }] },
        /"event":"policy-zone-loaded"/,
      ],
    ])
    for (const [what, more, sign] of steps) {
      const begin = () => {
        writeFileSync(config, JSON.stringify({ ...settings, ...more }))
        process.kill(server.pid, 'SIGHUP')
      }
      await measured(server, begin, sign, {
        port,
        queries,
        report,
        what: `${what} of ${size.transferRecords} from ${name}`,
      })
    }
  } finally {
    await server.stop()
  }
}

/**
 * @param {import('./servers.mjs').Server} server
 * @param {() => void} begin
 * @param {RegExp} sign of its end, in the log
 * @param {{ port: number, queries: string, report: import('./report.mjs').Report, what: string }} on
 */
async function measured(server, begin, sign, { port, queries, report, what }) {
  const resting = residentMib(server.pid)
  const load = dnsperf({
    ...{ address: ADDRESS, port, file: queries, outstanding: 1_000, cpu: CLIENT_CPU, rate: RATE },
    ...{ seconds: LOAD_S, latencies: true },
  })
  await pause(BEFORE_MS)
  await probed(server)
  // What its answers cost alone.
  const [usedBefore, before] = [cpuMicros(server.pid), performance.now()]
  await pause(BEFORE_MS)
  const idleShare = (cpuMicros(server.pid) - usedBefore) / 1e3 / (performance.now() - before)
  await probed(server)
  const [used, at] = [cpuMicros(server.pid), performance.now()]
  begin()
  let highest = 0
  await until(() => {
    highest = Math.max(highest, residentKib(server.pid) / 1_024)
    return sign.test(server.said())
  })
  const wallS = (performance.now() - at) / 1e3
  const cpuS = (cpuMicros(server.pid) - used) / 1e6 - idleShare * wallS
  const { heldMs, heldCpuMs, delayedMs } = await probed(server)
  const { sent, lost, latencies } = await load
  const times = [...latencies.values()].flat().sort((a, b) => a - b)
  report
    .row('transfer', `${what}: processor time`, {
      unit: 's',
      digits: 1,
      goal: { by: 'value', most: MOST_CPU_S },
      beside: `${wallS.toFixed(1)} s by the clock; its ${RATE} answers a second are not in it`,
    })
    .add(OURS, cpuS)
  report
    .row('transfer', `${what}: longest hold of the event loop`, {
      unit: 'ms',
      digits: 1,
      goal: { by: 'value', most: MOST_HELD_MS },
      beside: `processor time; ${heldMs.toFixed(1)} ms by the clock, up to ${delayedMs.toFixed(1)} ms of it until a core was free`,
    })
    .add(OURS, heldCpuMs)
  report
    .row('transfer', `${what}: resident memory more than before, at its height`, {
      unit: 'MiB',
      digits: 0,
      beside: `${residentMib(server.pid) - resting} MiB afterwards; slowest answer ${((times.at(-1) ?? Number.NaN) / 1e3).toFixed(0)} ms, p99 ${(percentile(times, 0.99) / 1e3).toFixed(1)} ms, ${lost} of ${sent} lost`,
    })
    .add(OURS, highest - resting)
}

const LOAD_S = 20

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
    if (performance.now() - began > LONGEST_MS) throw new Error('the server did not have the zone in time')
    await pause(LOOK_MS)
  }
}
