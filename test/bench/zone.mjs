// @ts-check
/**
 * A large zone loaded next to serving: what it costs, what it keeps, how long the event loop is held; checkers of
 * others next to it.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { whereIs } from '../daemons.mjs'
import { OURS } from './report.mjs'

const PROGRAM = fileURLToPath(new URL('zone-load.mjs', import.meta.url))
const CHANGED_RECORDS = 100_000
/** @type {readonly (readonly [string, readonly string[]])[]} */
const CHECKERS = [
  ['named-checkzone', ['-q', '-i', 'none', '-k', 'ignore', 'big.test']],
  ['nsd-checkzone', ['big.test']],
  ['kzonecheck', ['-o', 'big.test']],
]

/** @param {number} records */
export function zoneText(records) {
  const lines = ['$TTL 3600\n$ORIGIN big.test.\n@ SOA ns1 hostmaster 1 1h 15m 1w 300\n@ NS ns1\nns1 A 192.0.2.1\n']
  for (let i = 0; i < records - 3; i++) lines.push(`host${i} A 10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}\n`)
  return lines.join('')
}

/** @param {{ report: import('./report.mjs').Report, size: import('./sizes.mjs').Size }} on */
export function zoneBench({ report, size }) {
  const directory = mkdtempSync(join(tmpdir(), 'rootwalk-zone-'))
  try {
    const [large, smaller] = ['large', 'smaller'].map(name => join(directory, name))
    if (large === undefined || smaller === undefined) return
    writeFileSync(large, zoneText(size.zoneRecords))
    writeFileSync(smaller, zoneText(CHANGED_RECORDS))
    const ran = spawnSync(process.execPath, ['--expose-gc', PROGRAM, large, smaller], { encoding: 'utf8' })
    if (ran.status !== 0) throw new Error(ran.stderr)
    const { cpuMs, wallMs, heldMs, heldCpuMs, residentOctets, ownOctets, changeMs } = JSON.parse(ran.stdout)
    const load = report.row('zone', `${size.zoneRecords} records loaded, processor time`, {
      unit: 's',
      goal: { by: 'value', most: (10 * size.zoneRecords) / 1e6 },
      beside: `by the clock ${(wallMs / 1e3).toFixed(1)} s`,
    })
    load.add(OURS, cpuMs / 1e3)
    for (const [tool, words] of CHECKERS) {
      const seconds = whereIs(tool) === null ? null : processorSeconds(tool, [...words, large])
      if (seconds !== null) load.add(tool, seconds)
    }
    report
      .row('zone', 'longest hold of the event loop meanwhile', {
        unit: 'ms',
        digits: 1,
        goal: { by: 'value', most: 50 },
        beside: `processor time of its thread; ${heldMs.toFixed(0)} ms by the clock`,
      })
      .add(OURS, heldCpuMs)
    report
      .row('zone', 'resident octets a record', {
        unit: 'B',
        digits: 0,
        goal: { by: 'value', most: 400 },
        beside: `${ownOctets.toFixed(0)} of them the zone itself`,
      })
      .add(OURS, residentOctets)
    report
      .row('zone', `one of ${CHANGED_RECORDS} records changed, until it is served`, {
        unit: 'ms',
        digits: 0,
        goal: { by: 'value', most: 2_000 },
      })
      .add(OURS, changeMs)
  } finally {
    rmSync(directory, { recursive: true })
  }
}

/** User and system time; null when it fails. @param {string} tool @param {readonly string[]} words */
function processorSeconds(tool, words) {
  const { stderr, status } = spawnSync(
    'bash',
    ['-c', 'TIMEFORMAT="%U %S"; time "$@" >/dev/null 2>&1', 'bash', tool, ...words],
    { encoding: 'utf8' },
  )
  const [user = Number.NaN, kernel = Number.NaN] = stderr.trim().split(' ').map(Number)
  return status === 0 && !Number.isNaN(user + kernel) ? user + kernel : null
}
