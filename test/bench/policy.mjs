// @ts-check
/**
 * What policy costs: CPU time of a cached answer with a million rules, ten views and limits, and with a cookie in every
 * query, beside none of it; the event loop while a list of a million rules is read again next to serving; memory of
 * five million rules, and a look-up of a name that is in none.
 *
 * The variable `BENCH_OLD` names another built program: it is measured as well, with nothing of it configured.
 */
import { spawnSync } from 'node:child_process'
import { renameSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { temporaryDirectory } from '../daemons.mjs'
import { cliPath } from './built.mjs'
import { withNames } from './internet.mjs'
import { dnsperf, fineCpuMicros, pause, percentile } from './measure.mjs'
import { OURS } from './report.mjs'
import { ADDRESS, CLIENT_CPU, freePort, SERVER_CPU, startNode, startRootwalk } from './servers.mjs'

const PROBE = fileURLToPath(new URL('loop-probe.mjs', import.meta.url))
const LISTS = fileURLToPath(new URL('lists.mjs', import.meta.url))
/** A client cookie; what dig sends with every query. */
const COOKIE = '10:0102030405060708'
/** What a limit lets pass at once, and how long it takes to be whole again. */
const BURST = 100_000
const PER_SECOND = 10_000
const QUERIES = 60_000
const WHOLE_MS = (1_000 * QUERIES) / PER_SECOND
const NAMES = 2_000
const OUTSTANDING = 100
const RELOAD_RATE = 2_000
const LOOK_MS = 20
const LONGEST_MS = 120_000
const MANY_RULES = 5_000_000

const ruleOf = (/** @type {number} */ i) => `||a${i}.ads${i % 97}.example${i % 13}.com^\n`
const listOf = (/** @type {number} */ rules) => Array.from({ length: rules }, (_, i) => ruleOf(i)).join('')

/** @param {import('./cached.mjs').Case} on */
export async function policyCase(on) {
  const directory = temporaryDirectory('bench-policy')
  try {
    await hits(on, directory.path)
    await reload(on, directory.path)
  } finally {
    directory.remove()
  }
  memory(on)
}

/** Nine for other networks, two of which ask for themselves, and one for those who ask here. */
const VIEWS = Array.from({ length: 10 }, (_, i) => ({
  name: `view${i}`,
  clients: i === 9 ? ['127.0.0.0/8'] : [`198.18.${i}.0/24`],
  lists: ['ads'],
  ...(i < 2 ? { records: { [`own${i}.example`]: { A: '192.0.2.1' } } } : {}),
}))

/** @param {import('./cached.mjs').Case} on @param {string} directory */
async function hits({ internet, report, size, tell }, directory) {
  const list = join(directory, 'ads.txt')
  writeFileSync(list, listOf(size.listRules))
  const rateLimit = { perSecond: PER_SECOND, burst: BURST, exempt: [] }
  /** @type {{ what: string, most?: number, of?: string, settings: Record<string, unknown>, cookie?: boolean, cli?: string }[]} */
  const kinds = [
    ...(process.env.BENCH_OLD === undefined
      ? []
      : [{ what: 'build before', settings: {}, cli: join(resolve(process.env.BENCH_OLD), 'cli.js') }]),
    {
      what: 'nothing on',
      settings: {},
      ...(process.env.BENCH_OLD === undefined ? {} : { most: 1.03, of: 'build before' }),
    },
    {
      what: `${size.listRules} rules, 10 views, limits`,
      most: 1.1,
      of: 'nothing on',
      settings: { lists: [{ name: 'ads', source: list }], views: VIEWS, rateLimit },
    },
    {
      what: 'a cookie in every query',
      most: 1.35,
      of: 'nothing on',
      settings: { cookies: { enabled: true } },
      cookie: true,
    },
  ]
  /** @typedef {{ row: ReturnType<import('./report.mjs').Report['row']>, server: import('./servers.mjs').Server }} Started */
  /** @type {((typeof kinds)[number] & Started)[]} */
  const running = []
  try {
    for (const kind of kinds)
      running.push({
        ...kind,
        server: await startRootwalk({
          ...internet,
          settings: kind.settings,
          ...(kind.cli === undefined ? {} : { cli: kind.cli }),
        }),
        row: report.row('policy', `hit, ${kind.what}`, {
          unit: 'us',
          ...(kind.most === undefined ? {} : { goal: { by: 'ratio', row: `hit, ${kind.of}`, most: kind.most } }),
        }),
      })
    await withNames(internet.host(NAMES, NAMES), async file => {
      const load = { address: ADDRESS, file, outstanding: OUTSTANDING, cpu: CLIENT_CPU }
      const ask = (/** @type {(typeof running)[number]} */ { server, cookie }, /** @type {number} */ runs) =>
        dnsperf({ ...load, port: server.port, runs, ...(cookie === true ? { option: COOKIE } : { edns: 'edns' }) })
      for (const one of running) await ask(one, 2)
      await pause(WHOLE_MS)
      for (let round = 1; round <= size.rounds; round++) {
        const began = performance.now()
        // Each is the first of a round as often as any other.
        for (const [place] of running.entries()) {
          const one = running[(place + round) % running.length]
          if (one === undefined) continue
          const before = fineCpuMicros(one.server.pid)
          const { answered, lost } = await ask(one, QUERIES / NAMES)
          const micros = (fineCpuMicros(one.server.pid) - before) / answered
          if (lost > 0) report.note(`policy, ${one.what}: ${lost} lost in round ${round}`)
          one.row.add(OURS, micros)
          tell(`policy, round ${round} of ${size.rounds}: ${one.what} ${micros.toFixed(2)} us`)
        }
        await pause(Math.max(0, WHOLE_MS - (performance.now() - began)))
      }
    })
  } finally {
    await Promise.all(running.map(({ server }) => server.stop()))
  }
}

/** @param {import('./cached.mjs').Case} on @param {string} directory */
async function reload({ report, size }, directory) {
  const port = await freePort()
  const file = join(directory, 'again.txt')
  const config = join(directory, 'resolver.config.json')
  const text = listOf(size.listRules)
  const write = (/** @type {string} */ path, /** @type {string} */ whole) => {
    writeFileSync(`${path}.new`, whole)
    renameSync(`${path}.new`, path)
  }
  const settings = {
    listen: [`${ADDRESS}:${port}`],
    records: { 'here.example': { A: '192.0.2.1' } },
    log: { level: 'info', form: 'json' },
  }
  const list = { name: 'again', source: file }
  write(file, text)
  write(config, JSON.stringify({ ...settings, lists: [list] }))
  const queries = join(directory, 'queries')
  writeFileSync(
    queries,
    Array.from({ length: 1_000 }, (_, i) => `${ruleOf(i).slice(2, -2)} A\nhere.example A\n`).join(''),
  )
  const args = ['--import', PROBE, cliPath, 'serve', '--config', config]
  // A core for the thread that reads the list, as on most machines.
  const server = await startNode(OURS, args, port, () => {}, undefined, `${SERVER_CPU},${CLIENT_CPU}`)
  const steps = /** @type {const} */ ([
    ['that changed', () => write(file, `${text}||one.more.example^\n`)],
    [
      'and SIGHUP with another list of as many',
      () => {
        write(join(directory, 'other.txt'), text.replaceAll('ads', 'others'))
        write(config, JSON.stringify({ ...settings, lists: [list, { name: 'other', source: 'other.txt' }] }))
        process.kill(server.pid, 'SIGHUP')
      },
    ],
  ])
  try {
    for (const [name, begin] of steps) {
      const load = dnsperf({
        address: ADDRESS,
        port,
        file: queries,
        outstanding: 1_000,
        cpu: CLIENT_CPU,
        rate: RELOAD_RATE,
        seconds: Math.ceil(size.listRules / 1e5) + 2,
        latencies: true,
      })
      await pause(1_000)
      await probed(server)
      const [known, at] = [loads(server), performance.now()]
      begin()
      await until(() => loads(server) > known)
      const wallS = (performance.now() - at) / 1e3
      const { sent, lost, latencies } = await load
      const { heldMs, heldCpuMs, delayedMs } = await probed(server)
      const times = [...latencies.values()].flat().sort((a, b) => a - b)
      report
        .row('policy', `a list of ${size.listRules} rules ${name}, next to ${RELOAD_RATE} queries/s: longest hold`, {
          unit: 'ms',
          digits: 1,
          goal: { by: 'value', most: 20 },
          beside:
            `processor time; ${heldMs.toFixed(1)} ms by the clock, up to ${delayedMs.toFixed(1)} ms of it until a core was free; ` +
            `in force after ${wallS.toFixed(1)} s; slowest answer ${((times.at(-1) ?? Number.NaN) / 1e3).toFixed(1)} ms, ` +
            `p99 ${(percentile(times, 0.99) / 1e3).toFixed(1)} ms; ${lost} of ${sent} lost`,
        })
        .add(OURS, heldCpuMs)
    }
  } finally {
    await server.stop()
  }
}

/** @param {import('./cached.mjs').Case} on */
function memory({ report, size }) {
  const rules = size.listRules === 1_000_000 ? MANY_RULES : size.listRules
  const { stdout, status, stderr } = spawnSync(process.execPath, [LISTS, '--json', String(rules)], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`lists.mjs: ${stderr}`)
  const { megabytes, seconds, lookupUs, threadMb } = JSON.parse(stdout)
  const row = (/** @type {string} */ what, /** @type {object} */ how) =>
    report.row('policy', `${rules} rules: ${what}`, { unit: '', ...how })
  row('memory', {
    unit: 'MB',
    digits: 1,
    goal: { by: 'value', most: (120 * rules) / MANY_RULES },
    beside: `read in ${seconds.toFixed(1)} s by a thread of up to ${threadMb.toFixed(0)} MB`,
  }).add(OURS, megabytes)
  row('a look-up of a name that is in none', { unit: 'us', goal: { by: 'value', most: 2 } }).add(OURS, lookupUs)
}

/** @param {import('./servers.mjs').Server} server */
const loads = server => server.said().match(/"event":"list-loaded"/g)?.length ?? 0

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
    if (performance.now() - began > LONGEST_MS) throw new Error('the server did not load the list in two minutes')
    await pause(LOOK_MS)
  }
}
