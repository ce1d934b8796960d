/** How long is waited for a server that may be slow or gone, and until it is tried again. */
import type { SharedLimits } from '../../limits.ts'
import type { Clock, Random } from '../../ports.ts'

/** Null: it failed, or took longer. */
export function withTimeout<T>(work: Promise<T>, ms: number, clock: Pick<Clock, 'after'>): Promise<T | null> {
  return new Promise(resolve => {
    const cancel = clock.after(ms, () => resolve(null))
    work.then(
      value => {
        cancel()
        resolve(value)
      },
      () => {
        cancel()
        resolve(null)
      },
    )
  })
}

const MOST_DOUBLINGS = 10

/** ms until the next try after so many that failed: twice as long each time, and not the same in all instances. */
export function retryMs(
  failures: number,
  { reconnectMs, reconnectMsMost }: Pick<SharedLimits, 'reconnectMs' | 'reconnectMsMost'>,
  random: Pick<Random, 'below'>,
): number {
  const most = Math.min(reconnectMsMost, reconnectMs * 2 ** Math.min(failures, MOST_DOUBLINGS))
  return most / 2 + random.below(Math.ceil(most / 2))
}
