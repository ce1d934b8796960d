// @ts-check
/**
 * The process that loads a large zone, for `zone.mjs`: node --expose-gc zone-load.mjs LARGE SMALLER. Prints JSON. How
 * long the event loop was held is measured here, from turn to turn, not at a client: by the clock, and in processor
 * time of this thread, which other programs on the machine do not lengthen.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { performance } from 'node:perf_hooks'
import { limits, names, system, zoneStore } from './built.mjs'

const [large = '', smaller = ''] = process.argv.slice(2)
const { ZoneStore } = await zoneStore()
const { defaultLimits } = await limits()
const { systemClock } = await system()
const { foldName, nameFromLabels } = await names()
const SETTLE_MS = 500
const LONGEST_MS = 60_000

const origin = foldName(nameFromLabels(['big', 'test']) ?? /** @type {never} */ (null))
const nameOf = (/** @type {string} */ label) =>
  foldName(nameFromLabels([label, 'big', 'test']) ?? /** @type {never} */ (null))
const pause = (/** @type {number} */ ms) => new Promise(resolve => setTimeout(resolve, ms))

/** Nanoseconds that the main thread has run; the clock where the system does not say. */
function ranMs() {
  try {
    return Number(readFileSync('/proc/self/schedstat', 'latin1').split(' ')[0]) / 1e6
  } catch {
    return performance.now()
  }
}

const held = { wall: 0, cpu: 0 }
const last = { wall: performance.now(), cpu: ranMs() }
const probe = setInterval(() => {
  const now = { wall: performance.now(), cpu: ranMs() }
  held.wall = Math.max(held.wall, now.wall - last.wall)
  held.cpu = Math.max(held.cpu, now.cpu - last.cpu)
  Object.assign(last, now)
}, 1)

/** @param {string} file */
async function load(file) {
  const store = new ZoneStore({
    clock: systemClock(),
    limits: defaultLimits.zone,
    events: () => {},
    onChange: () => {},
  })
  const problems = await store.loadBeside({
    zones: [{ pattern: file, origin }],
    records: [],
    specialUseOff: 'all',
    reverse: false,
  })
  if (problems.length > 0) throw new Error(problems.map(({ message }) => message).join('\n'))
  return store
}

await pause(SETTLE_MS)
globalThis.gc?.()
// The collection itself is not what is measured.
await pause(SETTLE_MS)
const before = { cpu: process.cpuUsage(), rss: process.memoryUsage().rss, at: performance.now() }
Object.assign(held, { wall: 0, cpu: 0 })
const store = await load(large)
const wallMs = performance.now() - before.at
const { user, system: kernel } = process.cpuUsage(before.cpu)
await pause(SETTLE_MS)
globalThis.gc?.()
const records = store.current().zones[0]?.recordCount ?? 0
const flat = store.current().zones[0]?.flat
const result = {
  records,
  wallMs,
  cpuMs: (user + kernel) / 1e3,
  heldMs: held.wall,
  heldCpuMs: held.cpu,
  residentOctets: (process.memoryUsage().rss - before.rss) / records,
  ownOctets: ((flat?.octets.length ?? 0) + (flat?.slots.byteLength ?? 0)) / records,
}
store.close()

const other = await load(smaller)
other.watch()
await pause(SETTLE_MS)
const changedAt = performance.now()
writeFileSync(smaller, readFileSync(smaller, 'latin1').replace('host7 A 10.0.0.7\n', 'changed A 10.0.0.7\n'))
const question = { name: nameOf('changed'), type: 1, class: 1 }
const isServed = () => other.current().find(question)?.answer(question).kind === 'answer'
while (!isServed() && performance.now() - changedAt < LONGEST_MS) await pause(1)
const changeMs = performance.now() - changedAt
other.close()
clearInterval(probe)
process.stdout.write(JSON.stringify({ ...result, changeMs }))
