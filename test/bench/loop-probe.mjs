// @ts-check
/**
 * Loaded before the program under test (`--import`): at each SIGUSR2 one line on stderr says how long its event loop
 * was held at most since the signal before, in ms: by the clock, in processor time of the main thread, which other
 * programs on the machine do not lengthen, and how long a turn waited at most until a processor was free.
 */
import { readFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { isMainThread } from 'node:worker_threads'

if (isMainThread) probe()

function probe() {
  const histogram = monitorEventLoopDelay({ resolution: 1 })
  histogram.enable()
  let heldCpuMs = 0
  let delayedMs = 0
  let last = schedule()
  setInterval(() => {
    const now = schedule()
    heldCpuMs = Math.max(heldCpuMs, now.ranMs - last.ranMs)
    delayedMs = Math.max(delayedMs, now.delayedMs - last.delayedMs)
    last = now
  }, 1).unref()
  process.on('SIGUSR2', () => {
    process.stderr.write(`PROBE ${JSON.stringify({ heldMs: histogram.max / 1e6, heldCpuMs, delayedMs })}\n`)
    histogram.reset()
    heldCpuMs = delayedMs = 0
  })
}

/** Processor time of the main thread so far, and how long it waited for a processor. */
function schedule() {
  const [ran = 0, delayed = 0] = readFileSync('/proc/self/schedstat', 'latin1').split(' ').map(Number)
  return { ranMs: ran / 1e6, delayedMs: delayed / 1e6 }
}
