// @ts-check
/**
 * `npm run bench`: measures the built product and prints one table. `--quick` takes about a minute; `--only cached,cold`
 * leaves parts out; `--profile` writes CPU profiles of the cached and the cold case to `.bench/`. Installs nothing: a part
 * whose tools are missing says so and is left out. Results go to `.bench/` as JSON, one file for each run, with a history.
 *
 * Figures of different runs compare badly on a busy machine; the ratios within a run are what counts.
 */
import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { arch, availableParallelism, cpus, release } from 'node:os'
import { fileURLToPath } from 'node:url'
import { claimNetwork, whereIs } from '../daemons.mjs'
import { isBuilt } from './built.mjs'
import { aboveEcho, cachedBench, TARGET_MICROS } from './cached.mjs'
import { codecBench } from './codec.mjs'
import { coldBench } from './cold.mjs'
import { startInternet } from './internet.mjs'
import { junkBench } from './junk.mjs'
import { kitBench } from './kit.mjs'
import { profileBench } from './profile.mjs'
import { CLIENT_CPU } from './servers.mjs'
import { startBench } from './start.mjs'

const full = { zones: 500, namesPerZone: 200, cachedNames: 10_000, cachedRounds: 5, cachedSeconds: 4, coldRounds: 2, starts: 5, iterations: 20_000, junk: 200_000 }
const quick = { zones: 100, namesPerZone: 100, cachedNames: 5_000, cachedRounds: 3, cachedSeconds: 2, coldRounds: 1, starts: 2, iterations: 4_000, junk: 50_000 }

const PARTS = ['start', 'cached', 'cold', 'codec', 'junk', 'kit']
const args = process.argv.slice(2)
const size = args.includes('--quick') ? quick : full
const only = args.includes('--only') ? (args[args.indexOf('--only') + 1] ?? '').split(',') : PARTS
const directory = fileURLToPath(new URL('../../.bench/', import.meta.url))
const tell = (/** @type {string} */ text) => void process.stderr.write(`${text}\n`)

/** @type {{ part: string, what: string, figure: string, beside: string }[]} */
const rows = []
/** @type {Record<string, unknown>} */
const results = {}

for (const name of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.once(name, () => process.exit(130))

if (!isBuilt()) {
  tell('dist/cli.js is missing: run `npm run build` first')
  process.exit(1)
}
mkdirSync(directory, { recursive: true })
if (args.includes('--profile')) await withInternet(internet => profileBench({ internet, names: 1_000, zones: size.zones, coldNames: size.zones * size.namesPerZone, directory, tell }))
else await measure()

async function measure() {
  if (wants('codec')) await codecPart()
  if (wants('junk')) await junkPart()
  if (wants('kit')) await kitPart()
  if (wants('start') || wants('cached') || wants('cold')) {
    await withInternet(async internet => {
      if (wants('start')) await startPart(internet)
      if (wants('cached')) await cachedPart(internet)
      if (wants('cold')) await coldPart(internet)
    })
  }
  writeResults()
  process.stdout.write(table())
}

/** @param {string} part */
function wants(part) {
  return only.includes(part)
}

/** @param {(internet: import('./internet.mjs').BenchInternet) => Promise<void>} use */
async function withInternet(use) {
  const missing = ['nsd', 'dnsperf', 'taskset'].filter(tool => whereIs(tool) === null)
  if (missing.length > 0) return void tell(`left out (start, cached, cold): ${missing.join(', ')} not installed; on Debian: apt-get install nsd dnsperf util-linux unbound`)
  if (availableParallelism() < 2) return void tell('left out (start, cached, cold): two processors are needed, one for the server and one for those who ask')
  const network = await claimNetwork()
  if (typeof network === 'string') return void tell(`left out (start, cached, cold): cannot bind ${network}`)
  await network.release()
  tell(`starting NSD with ${size.zones} zones of ${size.namesPerZone} names`)
  const internet = await startInternet({ zones: size.zones, namesPerZone: size.namesPerZone, cpu: CLIENT_CPU })
  try {
    await use(internet)
  } finally {
    await internet.stop()
  }
}

function withPeer() {
  const there = whereIs('unbound') !== null
  if (!there) tell('unbound is not installed: nothing to compare with')
  return there
}

/** @param {import('./internet.mjs').BenchInternet} internet */
async function startPart(internet) {
  const result = await startBench({ hints: internet.hints, name: 'host1.zone1.test-tld', rounds: size.starts })
  results.start = result
  row('start', 'to the first answer of its own', `${result.ownMs} ms`, 'wanted: under 500 ms')
  row('start', 'to the first answer looked up', `${result.resolvedMs} ms`, `${result.cpuMs} ms of processor time`)
}

/** @param {import('./internet.mjs').BenchInternet} internet */
async function cachedPart(internet) {
  const measured = await cachedBench({ internet, names: size.cachedNames, rounds: size.cachedRounds, seconds: size.cachedSeconds, withPeer: withPeer(), tell })
  const above = aboveEcho(measured)
  results.cached = { servers: measured, aboveEchoMicros: above }
  const echo = measured[1]?.microsPerQuery ?? Number.NaN
  for (const { name, microsPerQuery, perSecond, lost, rcodes } of measured) {
    row('cached', name, `${microsPerQuery.toFixed(2)} us/query`, `${(microsPerQuery / echo).toFixed(2)} of the echo, ${perSecond}/s, ${lost} lost, ${counts(rcodes)}`)
  }
  row('cached', 'rootwalk above the echo', `${above.toFixed(2)} us/query`, `wanted: at most ${TARGET_MICROS}: ${above <= TARGET_MICROS ? 'reached' : 'NOT reached'}`)
}

/** @param {import('./internet.mjs').BenchInternet} internet */
async function coldPart(internet) {
  const measured = await coldBench({ internet, names: size.zones * size.namesPerZone, zones: size.zones, rounds: size.coldRounds, withPeer: withPeer(), tell })
  results.cold = measured
  const peer = measured[1]?.microsPerQuery
  for (const { name, microsPerQuery, lost, failed, asked, perSecond, residentMib, rcodes } of measured) {
    const ratio = peer === undefined ? '' : `${(microsPerQuery / peer).toFixed(2)} of Unbound, `
    row('cold', name, `${microsPerQuery.toFixed(1)} us/query`, `${ratio}${asked} asked, ${lost} lost, ${failed} failed (${counts(rcodes)}), ${perSecond}/s, ${residentMib} MiB`)
  }
}

async function codecPart() {
  const measured = await codecBench({ iterations: size.iterations })
  results.codec = measured
  for (const { name, ns, peerNs } of measured) row('codec', name, `${ns} ns`, peerNs === null ? '' : `dns-packet ${peerNs} ns`)
}

async function junkPart() {
  const result = await junkBench({ datagrams: size.junk })
  results.junk = result
  const { datagrams, meanUs, worstUs, heapBeforeKib, heapAfterKib } = result
  row('junk', `${datagrams} damaged datagrams decoded`, `${meanUs.toFixed(2)} us each`, `wanted: under 10; worst ${worstUs.toFixed(0)} us, heap ${heapBeforeKib} -> ${heapAfterKib} KiB`)
}

async function kitPart() {
  const measured = await kitBench()
  results.kit = measured
  for (const { what, figure, wanted, reached } of measured) row('kit', what, figure, `wanted: ${wanted}: ${reached ? 'reached' : 'NOT reached'}`)
}

/** @type {(part: string, what: string, figure: string, beside: string) => void} */
function row(part, what, figure, beside) {
  rows.push({ part, what, figure, beside })
}

/** @param {Record<string, number>} rcodes */
function counts(rcodes) {
  return Object.entries(rcodes).map(([name, count]) => `${name} ${count}`).join(' ')
}

function table() {
  const width = (/** @type {'part' | 'what' | 'figure'} */ key) => Math.max(...rows.map(each => each[key].length))
  const [part, what, figure] = [width('part'), width('what'), width('figure')]
  return `\n${rows.map(each => `${each.part.padEnd(part)}  ${each.what.padEnd(what)}  ${each.figure.padStart(figure)}  ${each.beside}`.trimEnd()).join('\n')}\n`
}

function writeResults() {
  const at = new Date().toISOString()
  const run = { at, commit: commit(), node: process.version, machine: `${cpus()[0]?.model ?? '?'} x ${availableParallelism()}, ${arch()}, ${release()}`, size, results }
  const file = `${directory}${at.replace(/[:.]/g, '-')}.json`
  writeFileSync(file, `${JSON.stringify(run, null, 2)}\n`)
  appendFileSync(`${directory}history.jsonl`, `${JSON.stringify({ at, commit: run.commit, node: run.node, rows })}\n`)
  tell(`written: ${file}`)
}

function commit() {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: directory, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
  } catch {
    return 'unknown'
  }
}
