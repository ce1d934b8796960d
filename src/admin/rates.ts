/**
 * How often a token may ask, and how long an address waits that came with wrong tokens. Time is an argument (ms);
 * bounded: of many keys the one that was seen longest ago goes.
 */
import { adminLimits } from './limits.ts'

interface Bucket {
  left: number
  at: number
}

interface RateVerdict {
  readonly allowed: boolean
  readonly remaining: number
  /** Seconds until there is at least one more. */
  readonly waitS: number
}

/** Token buckets: `rateBurst` at once, `ratePerSecond` for ever. */
export class RateLimiter {
  readonly #buckets = new Map<string, Bucket>()

  take(key: string, now: number): RateVerdict {
    const { rateBurst, ratePerSecond } = adminLimits
    const known = this.#buckets.get(key)
    const left =
      known === undefined
        ? rateBurst
        : Math.min(rateBurst, known.left + (Math.max(0, now - known.at) / 1_000) * ratePerSecond)
    const allowed = left >= 1
    keep(this.#buckets, key, { left: allowed ? left - 1 : left, at: now })
    return { allowed, remaining: Math.floor(allowed ? left - 1 : left), waitS: Math.ceil((1 - left) / ratePerSecond) }
  }
}

interface Wrong {
  count: number
  until: number
  at: number
}

/** After some wrong tokens in a row from an address each further one makes it wait twice as long. */
export class WrongTokens {
  readonly #wrong = new Map<string, Wrong>()

  /** Seconds to wait; 0: none. */
  waitS(address: string, now: number): number {
    return Math.max(0, Math.ceil(((this.#wrong.get(address)?.until ?? 0) - now) / 1_000))
  }

  failed(address: string, now: number): void {
    const { wrongTokensFree, wrongTokenMs, wrongTokenMaxMs } = adminLimits
    const known = this.#wrong.get(address)
    const count = known === undefined || now - known.at > wrongTokenMaxMs ? 1 : known.count + 1
    const over = count - wrongTokensFree
    const wait = over < 0 ? 0 : Math.min(wrongTokenMaxMs, wrongTokenMs * 2 ** over)
    keep(this.#wrong, address, { count, at: now, until: now + wait })
  }

  /** Wrong ones that are free, and in how many seconds there are more. */
  left(address: string, now: number): { readonly left: number; readonly resetS: number } {
    const { wrongTokensFree, wrongTokenMaxMs } = adminLimits
    const known = this.#wrong.get(address)
    const isOver = known === undefined || now - known.at > wrongTokenMaxMs
    const forgetS = isOver ? 0 : Math.ceil((known.at + wrongTokenMaxMs - now) / 1_000)
    return {
      left: Math.max(0, wrongTokensFree - (isOver ? 0 : known.count)),
      resetS: this.waitS(address, now) || forgetS,
    }
  }

  succeeded(address: string): void {
    this.#wrong.delete(address)
  }
}

function keep<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key)
  const [oldest] = map.keys()
  if (oldest !== undefined && map.size >= adminLimits.ratedKeys) map.delete(oldest)
  map.set(key, value)
}
