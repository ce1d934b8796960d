// @ts-check
/**
 * `npm run bench`: measures the built product beside other resolvers and prints one table with ratios and goals.
 * Installs nothing: a part whose tools are missing says so and is left out. The results are also written as JSON, with
 * a history.
 *
 * Figures of different runs compare badly on a busy machine; the ratios within a run are what counts.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { arch, availableParallelism, cpus, release } from 'node:os'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { claimNetwork, whereIs } from '../daemons.mjs'
import { isBuilt } from './built.mjs'
import { cachedCase } from './cached.mjs'
import { codecBench } from './codec.mjs'
import { coldCase } from './cold.mjs'
import { fairnessCase } from './fairness.mjs'
import { startInternet } from './internet.mjs'
import { junkBench } from './junk.mjs'
import { kitBench } from './kit.mjs'
import { manyCase } from './many.mjs'
import { mixCase, silentCase } from './mix.mjs'
import { overloadCase } from './overload.mjs'
import { installed } from './peers.mjs'
import { policyCase } from './policy.mjs'
import { profileBench } from './profile.mjs'
import { programsCase, rpzBench } from './programs.mjs'
import { OURS, Report } from './report.mjs'
import { CLIENT_CPU, hasSetting, serveSettings } from './servers.mjs'
import { secureCase } from './secure.mjs'
import { sharedCase } from './shared.mjs'
import { signer } from './signing.mjs'
import { full, quick } from './sizes.mjs'
import { transferBench } from './transfer.mjs'
import { zoneBench } from './zone.mjs'
import { zoneServeBench } from './zone-serve.mjs'
import { idleCase, startCase } from './start.mjs'

const SECURE = ['dot', 'doh', 'forward-dot', 'idle-tls']
const CASES = [
  'start',
  'idle',
  'cached',
  'variants',
  'tcp',
  'latency',
  'many',
  'cold',
  'signed',
  'mix',
  'silent',
  'overload',
  'fairness',
  'shared',
  'policy',
  'codec',
  'junk',
  'zone',
  'transfer',
  'rpz',
  'programs',
  ...SECURE,
  'kit',
]
const ALIKE = ['cached', 'variants', 'tcp', 'latency']
const USAGE = `npm run bench -- [--quick] [--only CASE,CASE…] [--size NAME=N,…] [--json FILE] [--serve JSON] [--profile]
  --quick        about a minute; says less
  --only         of ${CASES.join(' ')}
  --size         other sizes than those of sizes.mjs, as rounds=3,manyNames=300000
  --json FILE    where the results go (default: a new file in .bench/)
  --serve JSON   settings for rootwalk, as in its configuration file
  --profile      no table: CPU profiles of the cases cached, tcp, cold, signed, dot, doh and forward-dot, in .bench/
The variable BENCH_DIST names another built program than dist/, BENCH_OLD one that the case policy measures as well.
`
const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    size: { type: 'string', default: '' },
    json: { type: 'string' },
    serve: { type: 'string' },
    profile: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})
const directory = fileURLToPath(new URL('../../.bench/', import.meta.url))
const resized = Object.fromEntries(
  options.size
    .split(',')
    .flatMap(word => (word === '' ? [] : [[word.split('=')[0] ?? '', Number(word.split('=')[1])]])),
)
const size = { ...(options.quick ? quick : full), ...resized }
/** The kit has a command of its own, and takes as long as all the rest of a quick run. */
const usual = options.quick ? CASES.filter(name => name !== 'kit') : CASES
const only = options.only === undefined ? usual : options.only.split(',')
const tell = (/** @type {string} */ text) => void process.stderr.write(`${text}\n`)
const report = new Report()
/** Before this process is held to one of them. */
const processors = availableParallelism()

for (const name of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.once(name, () => process.exit(130))
await main()

async function main() {
  const unknown = [
    ...only.filter(name => !CASES.includes(name)),
    ...Object.keys(resized).filter(name => !(name in full) || Number.isNaN(resized[name])),
  ]
  if (options.help || unknown.length > 0) {
    process.stdout.write(`${unknown.length > 0 ? `unknown: ${unknown.join(', ')}\n` : ''}${USAGE}`)
    process.exitCode = unknown.length > 0 ? 2 : 0
    return
  }
  if (!isBuilt()) {
    tell('dist/cli.js is missing: run `npm run build` first')
    process.exitCode = 1
    return
  }
  if (options.serve !== undefined) serveSettings.value = JSON.parse(options.serve)
  mkdirSync(directory, { recursive: true })
  // What this process does while the time runs must not be done on the core of the server.
  if (whereIs('taskset') !== null && processors > 1)
    spawnSync('taskset', ['-a', '-c', '-p', String(CLIENT_CPU), String(process.pid)])
  if (options.profile) await profile()
  else await measure()
}

async function profile() {
  const run = (
    /** @type {import('./internet.mjs').BenchInternet} */ internet,
    /** @type {readonly string[]} */ cases,
  ) =>
    profileBench({
      internet,
      only: cases,
      names: 1_000,
      zones: size.zones,
      coldNames: size.zones * size.namesPerZone,
      directory,
      tell,
    })
  const plain = ['cached', 'tcp', 'cold'].filter(wants)
  if (plain.length > 0) await withInternet({}, internet => run(internet, plain))
  for (const part of only.filter(name => SECURE.includes(name)))
    await secureCase({ report, size, tell }, { part, profileInto: directory })
  const tools = signer()
  if (wants('signed') && tools !== null) await withInternet({ sign: tools.sign }, internet => run(internet, ['signed']))
}

async function measure() {
  await attempt('codec', codecPart)
  await attempt('junk', junkPart)
  await attempt('zone', () => Promise.resolve(zoneBench({ report, size })))
  await attempt('zone', () => zoneServePart())
  await attempt('transfer', () => transferPart())
  await attempt('rpz', () => rpzBench({ report, size }))
  for (const part of SECURE) await attempt(part, () => secureCase({ report, size, tell }, { part, profileInto: null }))
  await attempt('kit', kitPart)
  /** @type {readonly (readonly [string, (on: import('./cached.mjs').Case) => Promise<void>])[]} */
  const cases = [
    ['start', startCase],
    ['idle', idleCase],
    [ALIKE.filter(wants).join(), on => cachedCase(on, ALIKE.filter(wants))],
    ['cold', on => coldCase(on, { part: 'cold', most: 1 })],
    ['programs', programsCase],
    ['mix', mixCase],
    ['silent', silentCase],
    ['overload', overloadCase],
    ['fairness', fairnessCase],
    ...(whereIs('redis-server') === null ? [] : [/** @type {const} */ (['shared', sharedCase])]),
    ['policy', policyCase],
    ['many', manyCase],
  ]
  if (cases.some(([name]) => name.split(',').some(wants))) {
    if (!installed().includes('Unbound'))
      report.note('Unbound is not installed: most goals have nothing to be compared with')
    await withInternet({}, async internet => {
      for (const [name, run] of cases) await attempt(name, () => run({ internet, report, size, tell }))
    })
  }
  await attempt('signed', signedPart)
  if (wants('shared') && whereIs('redis-server') === null) report.note('shared left out: redis-server is not installed')
  writeResults()
  process.stdout.write(report.table())
}

async function zoneServePart() {
  if (['dnsperf', 'taskset'].every(tool => whereIs(tool) !== null)) await zoneServeBench({ report, size })
  else report.note('a zone loaded next to serving left out: dnsperf or taskset is not installed')
}

async function transferPart() {
  if (['dnsperf', 'taskset'].every(tool => whereIs(tool) !== null)) await transferBench({ report, size, tell })
  else report.note('transfers left out: dnsperf or taskset is not installed')
}

/**
 * One case that fails costs no other one its figures.
 * @param {string} name
 * @param {() => Promise<void>} run
 */
async function attempt(name, run) {
  if (!name.split(',').some(wants)) return
  try {
    await run()
  } catch (error) {
    tell(error instanceof Error ? (error.stack ?? error.message) : String(error))
    report.note(`${name} failed: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`)
    process.exitCode = 1
  }
}

/** @param {string} name */
function wants(name) {
  return only.includes(name)
}

/**
 * @param {{ sign?: import('./signing.mjs').Sign }} how
 * @param {(internet: import('./internet.mjs').BenchInternet) => Promise<void>} use
 */
async function withInternet({ sign }, use) {
  const missing = ['nsd', 'dnsperf', 'taskset'].filter(tool => whereIs(tool) === null)
  const leaveOut = (/** @type {string} */ why) => report.note(`all but codec, junk, zone and kit left out: ${why}`)
  if (missing.length > 0)
    return leaveOut(`${missing.join(', ')} not installed; on Debian: apt-get install nsd dnsperf util-linux unbound`)
  if (processors < 2) return leaveOut('two processors are needed, one for the server and one for those who ask')
  const network = await claimNetwork()
  if (typeof network === 'string') return leaveOut(`cannot bind ${network}`)
  await network.release()
  tell(`starting NSD with ${size.zones} ${sign === undefined ? '' : 'signed '}zones of ${size.namesPerZone} names`)
  const internet = await startInternet({
    zones: size.zones,
    namesPerZone: size.namesPerZone,
    cpu: CLIENT_CPU,
    ...(sign === undefined ? {} : { sign }),
  })
  try {
    await use(internet)
  } finally {
    await internet.stop()
  }
}

async function signedPart() {
  if (!(await hasSetting(['dnssec', 'trustAnchors'])))
    return void report.note('signed left out: this build of rootwalk has no setting dnssec.trustAnchors')
  const tools = signer()
  if (tools === null)
    return void report.note(
      'signed left out: neither ldns-signzone nor dnssec-signzone is installed; on Debian: apt-get install ldnsutils',
    )
  report.note(`signed by ${tools.name}, ECDSAP256SHA256; every server validates from the same anchor`)
  await withInternet({ sign: tools.sign }, internet =>
    coldCase({ internet, report, size, tell }, { part: 'signed', most: 1.2 }),
  )
}

async function codecPart() {
  for (const { name, ns, peerNs } of await codecBench({ iterations: size.iterations })) {
    const row = report.row('codec', name, { unit: 'ns', digits: 0 })
    row.add(OURS, ns)
    if (peerNs !== null) row.add('dns-packet', peerNs)
  }
}

async function junkPart() {
  const { datagrams, meanUs, worstUs, heapBeforeKib, heapAfterKib } = await junkBench({ datagrams: size.junk })
  const beside = `${datagrams} of them, worst ${worstUs.toFixed(0)} us, heap ${heapBeforeKib} -> ${heapAfterKib} KiB`
  report
    .row('junk', 'damaged datagrams decoded', { unit: 'us', goal: { by: 'value', most: 10 }, beside })
    .add(OURS, meanUs)
}

async function kitPart() {
  for (const { what, figure, wanted, reached } of await kitBench())
    report
      .row('kit', what, {
        unit: figure.replace(/^[\d.]+ ?/, ''),
        beside: `wanted ${wanted}: ${reached ? 'reached' : 'NOT reached'}`,
      })
      .add(OURS, Number.parseFloat(figure))
}

function writeResults() {
  const at = new Date().toISOString()
  const machine = `${cpus()[0]?.model ?? '?'} x ${processors}, ${arch()}, ${release()}`
  const run = {
    at,
    commit: commit(),
    node: process.version,
    machine,
    peers: installed(),
    serve: serveSettings.value,
    size,
    ...report.json(),
  }
  const file = options.json === undefined ? `${directory}${at.replace(/[:.]/g, '-')}.json` : resolve(options.json)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(run, null, 2)}\n`)
  const short = run.rows.map(({ part, what, unit, servers }) => ({
    part,
    what,
    unit,
    ...Object.fromEntries(Object.entries(servers).map(([name, { median }]) => [name, median])),
  }))
  appendFileSync(
    `${directory}history.jsonl`,
    `${JSON.stringify({ at, commit: run.commit, node: run.node, rows: short })}\n`,
  )
  tell(`written: ${file}`)
}

function commit() {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      cwd: directory,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
  } catch {
    return 'unknown'
  }
}
