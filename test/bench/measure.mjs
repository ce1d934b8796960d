// @ts-check
/** What is measured and how: CPU time of a process, dnsperf and what it says, medians. */
import { readFileSync } from 'node:fs'
import { startProcess } from '../daemons.mjs'

/** Clock ticks a second in /proc: USER_HZ is 100 on every Linux that Node runs on. */
const TICK_US = 10_000

/**
 * User and system time that all threads of a process have used so far, in microseconds.
 * @param {number} pid
 */
export function cpuMicros(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  // The name of the program stands in brackets and may hold blanks; utime and stime are the 14th and 15th field.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_US
}

/**
 * Resident memory in MiB.
 * @param {number} pid
 */
export function residentMib(pid) {
  const kib = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
  return Math.round(Number(kib ?? 0) / 1024)
}

/** @param {readonly number[]} numbers */
export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}

/** @typedef {{ sent: number, answered: number, lost: number, seconds: number, perSecond: number, latencyMs: number, rcodes: Record<string, number> }} Perf */

/**
 * Runs dnsperf to its end.
 * @param {{ address: string, port: number, file: string, outstanding: number, cpu: number, seconds?: number, runs?: number, limitSeconds: number }} options
 * @returns {Promise<Perf>}
 */
export async function dnsperf({ address, port, file, outstanding, cpu, seconds, runs, limitSeconds }) {
  let output = ''
  const much = seconds === undefined ? ['-n', String(runs ?? 1)] : ['-l', String(seconds)]
  // 10 s: longer than any answer takes, so that a lost query is a lost answer.
  const args = ['-s', address, '-p', String(port), '-d', file, '-q', String(outstanding), '-c', '4', '-T', '1', '-t', '10', '-e', ...much]
  const running = startProcess('dnsperf', args, { cpu, onOutput: text => (output += text) })
  const limit = setTimeout(() => void running.stop(), limitSeconds * 1_000)
  await running.exited
  clearTimeout(limit)
  return readDnsperf(output)
}

/**
 * @param {string} output
 * @returns {Perf}
 */
export function readDnsperf(output) {
  const number = (/** @type {RegExp} */ pattern) => Number(pattern.exec(output)?.[1] ?? Number.NaN)
  /** @type {Record<string, number>} */
  const rcodes = {}
  const line = /Response codes:\s+(.*)/.exec(output)?.[1] ?? ''
  for (const [, name, count] of line.matchAll(/(\w+) (\d+) \(/g)) rcodes[name ?? ''] = Number(count)
  const sent = number(/Queries sent:\s+(\d+)/)
  if (Number.isNaN(sent)) throw new Error(`dnsperf said:\n${output}`)
  return {
    sent, answered: number(/Queries completed:\s+(\d+)/), lost: number(/Queries lost:\s+(\d+)/), seconds: number(/Run time \(s\):\s+([\d.]+)/),
    perSecond: number(/Queries per second:\s+([\d.]+)/), latencyMs: number(/Average Latency \(s\):\s+([\d.]+)/) * 1_000, rcodes,
  }
}
