/**
 * When the primaries of a zone are asked again, and until when a copy is good (RFC 1034 section 4.3.5), within bounds
 * of our own: some zones say refresh 1. Pure: times are arguments.
 */
import type { Soa } from '../dns/rdata.ts'
import type { TransferLimits } from '../limits.ts'

/** Milliseconds. */
export interface ZoneTimers {
  readonly refreshMs: number
  readonly retryMs: number
  /** After the last time that a primary had nothing newer, or gave what is here. */
  readonly expireMs: number
}

const MS = 1_000

export function timersOf({ refresh, retry, expire }: Soa, limits: TransferLimits): ZoneTimers {
  const refreshMs = within(refresh * MS, limits.refreshLeastMs, limits.refreshMostMs)
  const retryMs = within(retry * MS, limits.retryLeastMs, limits.retryMostMs)
  // One that expires before it was asked for again would come and go.
  return { refreshMs, retryMs, expireMs: Math.max(expire * MS, refreshMs + retryMs) }
}

/**
 * Until the next look, in ms. `failures`: looks in a row at which no primary helped; `spread` from 0 to 1 keeps
 * secondaries of one primary apart: a tenth earlier at most, as the timers are upper bounds. `timers` is null while no
 * copy is here: then tries come soon, and twice as far apart each time.
 */
export function nextLookMs(
  timers: ZoneTimers | null,
  failures: number,
  spread: number,
  { firstRetryMs, retryMostMs }: TransferLimits,
): number {
  const ms =
    timers === null
      ? Math.min(firstRetryMs * 2 ** Math.max(0, failures - 1), retryMostMs)
      : failures === 0
        ? timers.refreshMs
        : timers.retryMs
  return ms * (1 - spread * SPREAD)
}

const SPREAD = 0.1

const within = (value: number, least: number, most: number): number => Math.min(Math.max(value, least), most)
