// @ts-check
/** What is measured and how: CPU time and memory of a process, dnsperf and what it says, medians and percentiles. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startProcess, temporaryDirectory } from '../daemons.mjs'

/** Clock ticks a second in /proc: USER_HZ is 100 on every Linux that Node runs on. */
const TICK_US = 10_000

/**
 * User and system time that all threads of a process have used so far, ended ones too, in microseconds.
 * @param {number} pid
 */
export function cpuMicros(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  // The name of the program stands in brackets and may hold blanks; utime and stime are the 14th and 15th field.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_US
}

/** Longer than a server waits before it does something of its own accord behind a start (rootwalk 250 ms). */
const REST_MS = 500
const REST_LIMIT_MS = 10_000
const REST_TRY_MS = 50

/**
 * Resolves when a process has used no processor time, but less than a tick, for half a second: what it does of its own
 * accord behind its start is over. After ten seconds in any case.
 * @param {number} pid
 */
export async function atRest(pid) {
  let used = cpuMicros(pid)
  let quietMs = 0
  for (let ms = 0; quietMs < REST_MS && ms < REST_LIMIT_MS; ms += REST_TRY_MS) {
    await pause(REST_TRY_MS)
    const now = cpuMicros(pid)
    quietMs = now === used ? quietMs + REST_TRY_MS : 0
    used = now
  }
}

/**
 * The same for the threads that run now, in steps of a nanosecond instead of ten milliseconds; what a thread used that
 * has ended is missing.
 * @param {number} pid
 */
export function fineCpuMicros(pid) {
  const threads = readdirSync(`/proc/${pid}/task`)
  return threads.reduce(
    (sum, thread) => sum + Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0]) / 1e3,
    0,
  )
}

/**
 * Resident memory in KiB.
 * @param {number} pid
 */
export function residentKib(pid) {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0)
}

/** @param {number} pid */
export const residentMib = pid => Math.round(residentKib(pid) / 1024)

/** @param {readonly number[]} numbers */
export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}

/**
 * The value that `share` of the sorted numbers do not exceed.
 * @param {readonly number[]} sorted
 * @param {number} share
 */
export const percentile = (sorted, share) =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN

/** @param {number} ms @returns {Promise<void>} */
export const pause = ms => new Promise(resolve => void setTimeout(resolve, ms))

/**
 * `latencies`: of each answered query, in microseconds, under the first letters of its name up to a digit; only when
 * asked for.
 * @typedef
 * {{ sent: number, answered: number, lost: number, clientDrops: number, seconds: number, perSecond: number, latencyUs: number, rcodes: Record<string, number>, latencies: Map<string, number[]> }}
 * Perf
 */

/**
 * `rate`: queries a second, sent whether or not answers come (dnsperf waits only when `outstanding` are missing).
 * @typedef {object} Load
 * @property {string} address
 * @property {number} port
 * @property {string} file Lines of names and types.
 * @property {number} outstanding
 * @property {number} cpu
 * @property {number} [seconds] Either this, or `runs` through the file.
 * @property {number} [runs]
 * @property {number} [limitSeconds]
 * @property {number} [rate]
 * @property {number} [clients] Sockets or connections.
 * @property {boolean} [tcp]
 * @property {'tcp' | 'dot'} [mode] The same in another word, or over TLS.
 * @property {'none' | 'edns' | 'do'} [edns]
 * @property {string} [option] An EDNS option in hex, as `10:0102030405060708`.
 * @property {boolean} [latencies] Keep the time of every query.
 * @property {number} [timeoutSeconds] How long an answer is waited for.
 */

/** Of dnsperf's sockets: with the default a pause of its process was up to 1 % of the answers lost. */
const BUFFER_KIB = 4_096

/**
 * Runs dnsperf to its end.
 * @param {Load} load
 * @returns {Promise<Perf>}
 */
export async function dnsperf({
  address,
  port,
  file,
  outstanding,
  cpu,
  seconds,
  runs = 1,
  limitSeconds = 120,
  rate,
  clients = 4,
  tcp = false,
  mode = tcp ? 'tcp' : undefined,
  edns = 'none',
  option,
  latencies = false,
  timeoutSeconds = 10,
}) {
  const directory = temporaryDirectory('dnsperf')
  const output = join(directory.path, 'said')
  const args = [
    '-s',
    address,
    '-p',
    String(port),
    '-d',
    file,
    '-q',
    String(outstanding),
    '-c',
    String(clients),
    '-T',
    '1',
    // Longer than any answer takes, so that a lost query is a lost answer.
    '-t',
    String(timeoutSeconds),
    '-b',
    String(BUFFER_KIB),
    ...(seconds === undefined ? ['-n', String(runs)] : ['-l', String(seconds)]),
    ...(rate === undefined ? [] : ['-Q', String(rate)]),
    ...(mode === undefined ? [] : ['-m', mode]),
    ...{ none: [], edns: ['-e'], do: ['-D'] }[edns],
    ...(option === undefined ? [] : ['-E', option]),
    ...(latencies ? ['-v'] : []),
  ]
  try {
    // Into a file: nobody has to wake up to read while the time runs.
    const running = startProcess('dnsperf', args, { cpu, outputFile: output })
    const limit = setTimeout(() => void running.stop(), limitSeconds * 1_000)
    const clientDrops = dropsWhile(port)
    await running.exited
    clearTimeout(limit)
    return { ...readDnsperf(readFileSync(output, 'latin1')), clientDrops: clientDrops() }
  } finally {
    directory.remove()
  }
}

/** Looked at this often: what the last sockets of a run dropped between is counted as lost. */
const DROPS_MS = 100
/** Where addresses and drops stand in a line of /proc/net/udp, the first of which is a title. */
const REMOTE = 2
const DROPS = -1

/**
 * Counts datagrams that the sockets connected to a port have dropped, which no server is to blame for (`ss -uanm` shows
 * them as d). Gives what ends it and tells; 0 where the system does not say.
 * @param {number} port
 */
function dropsWhile(port) {
  /** @type {Map<string, number>} */
  const drops = new Map()
  const to = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const look = () => {
    for (const line of readFileSync('/proc/net/udp', 'latin1').split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/)
      if (fields[REMOTE]?.endsWith(to)) drops.set(fields[1] ?? '', Number(fields.at(DROPS)))
    }
  }
  const timer = existsSync('/proc/net/udp') ? setInterval(look, DROPS_MS) : undefined
  return () => {
    clearInterval(timer)
    return [...drops.values()].reduce((sum, one) => sum + one, 0)
  }
}

/**
 * @param {string} output
 * @returns {Omit<Perf, 'clientDrops'>}
 */
export function readDnsperf(output) {
  const number = (/** @type {RegExp} */ pattern) => Number(pattern.exec(output)?.[1] ?? Number.NaN)
  /** @type {Record<string, number>} */
  const rcodes = {}
  const line = /Response codes:\s+(.*)/.exec(output)?.[1] ?? ''
  for (const [, name, count] of line.matchAll(/(\w+) (\d+) \(/g)) rcodes[name ?? ''] = Number(count)
  const sent = number(/Queries sent:\s+(\d+)/)
  if (Number.isNaN(sent)) throw new Error(`dnsperf said:\n${output.slice(0, 2_000)}`)
  return {
    sent,
    answered: number(/Queries completed:\s+(\d+)/),
    lost: number(/Queries lost:\s+(\d+)/),
    seconds: number(/Run time \(s\):\s+([\d.]+)/),
    perSecond: number(/Queries per second:\s+([\d.]+)/),
    latencyUs: number(/Average Latency \(s\):\s+([\d.]+)/) * 1e6,
    rcodes,
    latencies: latenciesIn(output),
  }
}

/** @param {string} output Lines as `> NOERROR host1.zone1.test-tld A 0.000123` among others. */
function latenciesIn(output) {
  /** @type {Map<string, number[]>} */
  const kinds = new Map()
  for (const [, kind = '', seconds] of output.matchAll(/^> [A-Z]{2,} ([a-z]+)\S* \w+ ([\d.]+)$/gm)) {
    const of = kinds.get(kind)
    if (of === undefined) kinds.set(kind, [Number(seconds) * 1e6])
    else of.push(Number(seconds) * 1e6)
  }
  for (const times of kinds.values()) times.sort((a, b) => a - b)
  return kinds
}
