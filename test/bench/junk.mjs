// @ts-check
/** Damaged and random datagrams through the decoder: time for each, memory before and after. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { decode } from './built.mjs'
import { junk, seeded } from './samples.mjs'

/**
 * @typedef
 * {{ datagrams: number, meanUs: number, worstUs: number, decoded: number, heapBeforeKib: number, heapAfterKib: number }}
 * JunkResult
 */

const BATCH = 1_000

/**
 * @param {{ datagrams: number }} options
 * @returns {Promise<JunkResult>}
 */
export async function junkBench({ datagrams }) {
  const { decodeMessage } = await decode()
  const heapKib = heapMeter()
  const below = seeded(20_260_101)
  let decoded = 0
  let total = 0n
  let worst = 0n
  const pass = (/** @type {number} */ count) => {
    for (let done = 0; done < count; done += BATCH) {
      const batch = Array.from({ length: BATCH }, () => junk(below))
      let last = process.hrtime.bigint()
      const start = last
      for (const bytes of batch) {
        if (decodeMessage(bytes).kind === 'message') decoded++
        const now = process.hrtime.bigint()
        if (now - last > worst) worst = now - last
        last = now
      }
      total += last - start
    }
  }
  // The first pass fills what is filled once (compiled code, tables); the memory of the second is what counts.
  pass(datagrams / 10)
  decoded = 0
  total = 0n
  worst = 0n
  const heapBeforeKib = heapKib()
  pass(datagrams)
  return {
    datagrams,
    decoded,
    meanUs: Number(total) / datagrams / 1_000,
    worstUs: Number(worst) / 1_000,
    heapBeforeKib,
    heapAfterKib: heapKib(),
  }
}

/** Heap in use after a full collection. */
function heapMeter() {
  setFlagsFromString('--expose_gc')
  const collect = runInNewContext('gc')
  return () => {
    collect()
    return Math.round(process.memoryUsage().heapUsed / 1_024)
  }
}
