// @ts-check
/**
 * Lists of one and five million rules: octets and time to compile them, and what a name costs that is in none of them.
 * node test/bench/lists.mjs [--json] [RULES …]. With --json one line for each, for `policy.mjs`.
 */
import { performance } from 'node:perf_hooks'
import { limits, lists, names } from './built.mjs'

const { compileList, makeFilter, NameHasher, RuleSet } = await lists()
const { defaultLimits } = await limits()
const { foldName, nameFromLabels } = await names()
const key = { k0: 1, k1: 2 }
const ROUNDS = 10

/** @template T @param {Generator<unknown, T>} steps @returns {T} */
function finished(steps) {
  for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value
}

/** @param {number} rules */
function measured(rules) {
  const rows = Array.from({ length: rules }, (_, i) => `||a${i}.ads${i % 97}.example${i % 13}.com^\n`)
  const octets = new TextEncoder().encode(rows.join(''))
  const toAscii = (/** @type {string} */ text) => text
  const options = { format: /** @type {const} */ ('adblock'), layer: /** @type {const} */ ('block') }
  const began = performance.now()
  const result = finished(
    compileList(octets, { ...options, match: 'exact', limits: defaultLimits.lists, toAscii }, new NameHasher(key)),
  )
  if (result.kind !== 'compiled') throw new Error(result.reason)
  const { list } = result
  const filter = finished(makeFilter([list.slots], defaultLimits.lists.filterBitsPerRule, 10_000))
  const compileMs = performance.now() - began
  const answer = /** @type {const} */ ({ kind: 'nxdomain' })
  const traits = {
    name: 'bench',
    layer: /** @type {const} */ ('block'),
    answer,
    ttl: 30,
    ede: /** @type {const} */ (15),
  }
  const set = new RuleSet([{ traits, place: 'bench.txt', list, tally: { hits: 0 } }], filter, key)
  const asked = Array.from({ length: 10_000 }, (_, i) =>
    foldName(nameFromLabels(['www', `host${i}`, 'some-name', 'net']) ?? /** @type {never} */ (null)),
  )
  const client = { ip: { family: /** @type {const} */ (4), bytes: new Uint8Array(4), text: '' } }
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now()
    for (const name of asked) set.ofName(name, { type: 1, client, enabled: null })
    best = Math.min(best, performance.now() - start)
  }
  return {
    rules,
    megabytes: (list.slots.byteLength + filter.byteLength) / 1e6,
    seconds: compileMs / 1_000,
    lookupUs: (best * 1e3) / asked.length,
    /** Of all of this process: what the thread that reads takes for as long as it does. */
    threadMb: process.resourceUsage().maxRSS / 1e3,
  }
}

const asJson = process.argv.includes('--json')
const chosen = process.argv
  .slice(2)
  .filter(word => word !== '--json')
  .map(Number)
for (const rules of chosen.length > 0 ? chosen : [1_000_000, 5_000_000]) {
  const figures = measured(rules)
  const { megabytes, seconds, lookupUs } = figures
  console.log(
    asJson
      ? JSON.stringify(figures)
      : `| ${rules} | ${megabytes.toFixed(1)} MB | ${seconds.toFixed(1)} s | ${Math.round(lookupUs * 1_000)} ns |`,
  )
}
