// @ts-check
/**
 * `npm run bench:kit`: the figures of the test kit as a table. What a stub costs a test, how much it answers, what
 * `exec` adds to a command, and how fast the simulated internet is. Needs the built program; `exec` and the load also
 * want Linux tools, and are left out with a word where those are missing.
 */
import { execFileSync, fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { whereIs } from '../daemons.mjs'
import { cliPath, isBuilt, kit } from './built.mjs'
import { cpuMicros, median } from './measure.mjs'

const ROUNDS = 100
const MANY = 1_000
const LOAD_QUERIES = 200_000
const OUTSTANDING = 200
const STARTS = 20
const RESOLUTIONS = 10_000
const NAMES = 1_000

/** @typedef {{ what: string, figure: string, wanted: string, reached: boolean }} Row */

/** @param {number} since From `process.hrtime.bigint()`'s clock, as `performance.now()`. */
const elapsed = since => performance.now() - since

/** @returns {Promise<Row[]>} */
async function startAndStop() {
  const { createDnsStub } = await kit()
  /** @type {number[]} */
  const starts = []
  /** @type {number[]} */
  const stops = []
  // What is loaded and compiled at the first use is not what a test pays each time.
  for (let round = -10; round < ROUNDS; round++) {
    const begun = performance.now()
    const dns = await createDnsStub({ records: { 'api.internal': '192.0.2.1' } })
    const started = performance.now()
    await dns.stop()
    if (round < 0) continue
    starts.push(started - begun)
    stops.push(elapsed(started))
  }
  const [start, stop] = [median(starts), median(stops)]
  return [
    { what: `start, median of ${ROUNDS}`, figure: `${start.toFixed(2)} ms`, wanted: 'under 5 ms', reached: start < 5 },
    { what: `stop, median of ${ROUNDS}`, figure: `${stop.toFixed(2)} ms`, wanted: 'under 5 ms', reached: stop < 5 },
  ]
}

/** @returns {Promise<Row>} */
async function many() {
  const { createDnsStub } = await kit()
  const begun = performance.now()
  const stubs = await Promise.all(
    Array.from({ length: MANY }, (_, i) => createDnsStub({ records: { 'own.test': `10.0.${i >> 8}.${i & 0xff}` } })),
  )
  const answers = await Promise.all(stubs.map(dns => dns.resolver({ timeout: 5_000, tries: 3 }).resolve4('own.test')))
  const right = answers.filter(([address], i) => address === `10.0.${i >> 8}.${i & 0xff}`).length
  await Promise.all(stubs.map(dns => dns.stop()))
  return {
    what: `${MANY} stubs at once, started, asked, stopped`,
    figure: `${Math.round(elapsed(begun))} ms`,
    wanted: 'each gives its own answer',
    reached: right === MANY,
  }
}

/** Asked from another process, so that only the stub is measured here. @returns {Promise<Row>} */
async function load() {
  const { createDnsStub } = await kit()
  const dns = await createDnsStub({ records: { 'api.internal': '192.0.2.1' } })
  const child = fork(fileURLToPath(import.meta.url), ['--load', String(dns.port)])
  const before = cpuMicros(process.pid)
  const seconds = await new Promise((resolve, reject) => {
    child.once('message', resolve)
    child.once('exit', () => reject(new Error('the client ended without a result')))
  })
  const perQuery = (cpuMicros(process.pid) - before) / LOAD_QUERIES
  const recorded = dns.queries.length
  await dns.stop()
  const perSecond = Math.round(LOAD_QUERIES / Number(seconds))
  return {
    what: `answered a second, one stub (${perQuery.toFixed(1)} us of processor time each, ${recorded} recorded)`,
    figure: String(perSecond),
    wanted: 'at least 20000',
    reached: perSecond >= 20_000,
  }
}

/** The client of `load`: keeps so many queries under way until all have been answered. @param {number} port */
async function ask(port) {
  const { createSocket } = await import('node:dgram')
  const { encode } = await import('dns-packet')
  const socket = createSocket({ type: 'udp4', recvBufferSize: 4_194_304 })
  const message = encode({ type: 'query', id: 1, flags: 0x0100, questions: [{ type: 'A', name: 'api.internal' }] })
  await new Promise(resolve => socket.connect(port, '127.0.0.1', () => resolve(undefined)))
  let sent = 0
  let answered = 0
  const send = () => {
    sent++
    socket.send(message)
  }
  const begun = performance.now()
  await new Promise(resolve => {
    socket.on('message', () => {
      if (++answered === LOAD_QUERIES) resolve(undefined)
      else if (sent < LOAD_QUERIES) send()
    })
    for (let i = 0; i < OUTSTANDING; i++) send()
  })
  process.send?.(elapsed(begun) / 1_000)
  socket.close()
  process.disconnect()
}

/** @returns {Row[]} */
function exec() {
  const missing = ['unshare', 'ip'].filter(tool => whereIs(tool) === null)
  if (process.platform !== 'linux' || missing.length > 0)
    return [{ what: 'exec -- true', figure: '-', wanted: `needs Linux, ${missing.join(', ')}`, reached: false }]
  const timed = (/** @type {string} */ file, /** @type {string[]} */ args) => {
    const begun = performance.now()
    execFileSync(file, args, { stdio: ['ignore', 'ignore', 'inherit'] })
    return elapsed(begun)
  }
  /** @type {number[]} */
  const bare = []
  /** @type {number[]} */
  const within = []
  /** @type {number[]} */
  const node = []
  // In turn, so that whatever else the machine does befalls all of them.
  for (let round = 0; round < STARTS; round++) {
    bare.push(timed('true', []))
    within.push(timed(process.execPath, [cliPath, 'exec', '--', 'true']))
    node.push(timed(process.execPath, ['-e', '0']))
  }
  const added = median(within) - median(bare)
  return [
    {
      what: `exec -- true adds, median of ${STARTS} (node alone starts in ${median(node).toFixed(0)} ms, twice)`,
      figure: `${added.toFixed(0)} ms`,
      wanted: 'under 300 ms',
      reached: added < 300,
    },
  ]
}

/** @returns {Promise<Row[]>} */
async function internet() {
  const { createInternet } = await kit()
  const zones = Object.fromEntries(
    Array.from({ length: 50 }, (_, zone) => [
      `zone${zone}.test`,
      {
        records: Object.fromEntries(
          Array.from({ length: NAMES / 50 }, (_, i) => [
            `host${i}`,
            { A: `10.${zone}.${i >> 8}.${i & 0xff}`, ttl: 30 },
          ]),
        ),
        ns: ['ns1', 'ns2'],
        faults: zone % 5 === 0 ? { ns1: 'lame' } : {},
      },
    ]),
  )
  const run = () => {
    const net = createInternet(zones, { seed: 7 })
    const begun = performance.now()
    const before = process.cpuUsage()
    const trace = createHash('sha256')
    let wrong = 0
    for (let i = 0; i < RESOLUTIONS; i++) {
      const answer = net.resolve(`host${Math.floor(i / 50) % (NAMES / 50)}.zone${i % 50}.test`)
      if (answer.rcode !== 'NOERROR') wrong++
      trace.update(answer.trace)
      // Every answer has expired when its name comes again: all are walked, none is only copied.
      if (i % NAMES === NAMES - 1) net.clock.advance('31s')
    }
    const { user, system } = process.cpuUsage(before)
    return {
      ms: elapsed(begun),
      cpuMs: (user + system) / 1_000,
      wrong,
      trace: trace.digest('hex'),
      queries: net.queries.length,
    }
  }
  const [first, second] = [run(), run()]
  return [
    {
      what: `${RESOLUTIONS} resolutions in memory (${first.queries} queries, ${Math.round(first.cpuMs)} ms of processor time)`,
      figure: `${Math.round(first.ms)} ms`,
      wanted: 'under 3000 ms',
      reached: first.ms < 3_000 && first.wrong === 0,
    },
    {
      what: 'equal seeds, equal traces',
      figure: first.trace === second.trace ? 'equal' : 'different',
      wanted: 'equal',
      reached: first.trace === second.trace,
    },
  ]
}

/** @returns {Promise<Row[]>} */
export async function kitBench() {
  return [...(await startAndStop()), await many(), await load(), ...exec(), ...(await internet())]
}

async function main() {
  if (!isBuilt()) {
    process.stderr.write('dist/cli.js is missing: run `npm run build` first\n')
    process.exitCode = 1
    return
  }
  const rows = await kitBench()
  const [what, figure] = [
    Math.max(...rows.map(row => row.what.length)),
    Math.max(...rows.map(row => row.figure.length)),
  ]
  for (const row of rows)
    process.stdout.write(
      `${row.what.padEnd(what)}  ${row.figure.padStart(figure)}  wanted: ${row.wanted}: ${row.reached ? 'reached' : 'NOT reached'}\n`,
    )
}

const at = process.argv.indexOf('--load')
if (at >= 0) await ask(Number(process.argv[at + 1]))
else if (process.argv[1] === fileURLToPath(import.meta.url)) await main()
