/** How late the event loop of the main thread is: what a query waits for before anything looks at it. */

/** Upper bounds in ms. */
const BOUNDS_MS: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024]
/** How often it is looked at, in ms: a pause of that length is seen, and looking costs nothing. */
const EVERY_MS = 100

export interface LoopLag {
  read(): { readonly boundsMs: readonly number[]; readonly buckets: readonly number[]; readonly sumMs: number }
  stop(): void
}

export function watchLoopLag(now: () => number): LoopLag {
  const buckets: number[] = Array.from({ length: BOUNDS_MS.length + 1 }, () => 0)
  let sumMs = 0
  let expected = now() + EVERY_MS
  const timer = setInterval(() => {
    const late = Math.max(0, now() - expected)
    expected = now() + EVERY_MS
    const bucket = BOUNDS_MS.findIndex(bound => late <= bound)
    const at = bucket < 0 ? BOUNDS_MS.length : bucket
    buckets[at] = (buckets[at] ?? 0) + 1
    sumMs += late
  }, EVERY_MS)
  timer.unref()
  return {
    read: () => ({ boundsMs: BOUNDS_MS, buckets: [...buckets], sumMs }),
    stop: () => clearInterval(timer),
  }
}
