// @ts-check
/**
 * Loaded before the program under test: at each SIGUSR2 it tells, as one line on stderr, the CPU time and the longest
 * hold-up of the event loop since the signal before. The loop is watched only when `ROOTWALK_WATCH_LOOP` is set, since
 * looking costs time.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'

const histogram = process.env.ROOTWALK_WATCH_LOOP === undefined ? null : monitorEventLoopDelay({ resolution: 1 })
histogram?.enable()
let before = process.cpuUsage()

process.on('SIGUSR2', () => {
  const { user, system } = process.cpuUsage(before)
  process.stderr.write(
    `WATCH ${JSON.stringify({ cpuMs: (user + system) / 1_000, heldMs: (histogram?.max ?? 0) / 1e6 })}\n`,
  )
  histogram?.reset()
  before = process.cpuUsage()
})
