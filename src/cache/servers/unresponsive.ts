/**
 * Which servers have answered nothing of a zone for so long that asking them costs clients their patience and us our
 * time (RFC 9520 section 3.2: no query storms to servers that do not answer). Such a server is held back: one query in
 * throttleProbeMs still goes to it, and the first reply, whatever it says, ends it.
 *
 * Kept for a server and a zone: a zone of an attacker that names the servers of another, which drop its queries, must
 * not hold them back from the zone that they serve.
 *
 * Invariants: bounded in bytes; only time-outs count, never a message that could be forged; a server is never held back
 * before throttleTimeouts time-outs over at least throttleAfterMs with no reply between.
 */
import { foldName, trustWireName, type Name } from '../../dns/name.ts'
import type { CacheLimits } from '../../limits.ts'
import { flat } from '../packed.ts'
import { ByteStore } from '../store.ts'

/** Times in ms. */
interface Silence {
  readonly since: number
  lastAt: number
  timeouts: number
  /** No query before this. */
  probeAt: number
}

/** Times in ms. */
export interface KeptSilence extends Readonly<Silence> {
  readonly server: string
  readonly zone: Name
}

interface ThrottledServer {
  readonly server: string
  readonly zone: Name
  readonly since: number
  readonly timeouts: number
  readonly probeAt: number
}

export type SilenceLimits = Pick<
  CacheLimits,
  'throttleTimeouts' | 'throttleAfterMs' | 'throttleProbeMs' | 'serverStatsMs' | 'entryOverheadBytes'
>

export class UnresponsiveServers {
  readonly #limits: SilenceLimits
  readonly #store: ByteStore<Silence>

  /** `budget` in bytes. */
  constructor(limits: SilenceLimits, budget: number) {
    this.#limits = limits
    this.#store = new ByteStore<Silence>(budget, (_, key) => limits.entryOverheadBytes + key.length)
  }

  get bytes(): number {
    return this.#store.bytes
  }

  /** Nothing came in time. `server` is `ServerAddress.key`. */
  timedOut(server: string, zone: Name, now: number): void {
    const key = keyOf(server, zone)
    const known = this.#store.get(key)
    if (known !== undefined && now - known.lastAt < this.#limits.serverStatsMs) {
      known.timeouts++
      known.lastAt = now
    } else this.#store.set(flat(key), { since: now, lastAt: now, timeouts: 1, probeAt: now })
  }

  /** It said something, be it that it does not serve the zone. */
  replied(server: string, zone: Name): void {
    if (this.#store.size > 0) this.#store.delete(keyOf(server, zone))
  }

  /** A query goes to it: if it was held back, none follows before throttleProbeMs. */
  asked(server: string, zone: Name, now: number): void {
    const known = this.#silent(server, zone, now)
    if (known !== undefined) known.probeAt = now + this.#limits.throttleProbeMs
  }

  /** For how long it has been silent, in ms, when it should not be asked now; else null. */
  throttledFor(server: string, zone: Name, now: number): number | null {
    const known = this.#silent(server, zone, now)
    return known === undefined || now >= known.probeAt ? null : now - known.since
  }

  /** All that are held back now: since when, after how many time-outs, until the next query (ms). */
  list(now: number): ThrottledServer[] {
    return [...this.#store.keys()].flatMap(key => {
      const [server = ''] = key.split(' ', 1)
      const zone = foldName(trustWireName(key.slice(server.length + 1)))
      const known = this.#silent(server, zone, now)
      return known === undefined
        ? []
        : [{ server, zone, since: known.since, timeouts: known.timeouts, probeAt: known.probeAt }]
    })
  }

  /** All of whom nothing was heard, held back or not yet, with the times that are kept. */
  kept(): KeptSilence[] {
    return [...this.#store.keys()].flatMap(key => {
      const [server = ''] = key.split(' ', 1)
      const zone = foldName(trustWireName(key.slice(server.length + 1)))
      const known = this.#store.peek(key)
      return known === undefined ? [] : [{ ...known, server, zone }]
    })
  }

  /** Takes over what an earlier process knew. False when something is known, or there is no room. */
  restore({ server, zone, since, lastAt, timeouts, probeAt }: KeptSilence, now: number): boolean {
    const { serverStatsMs, throttleProbeMs } = this.#limits
    if (now - lastAt >= serverStatsMs) return false
    const silence = { since, lastAt, timeouts, probeAt: Math.min(probeAt, now + throttleProbeMs) }
    return this.#store.restore(flat(keyOf(server, zone)), silence)
  }

  /** See `ByteStore.settle`. */
  settle(): Generator<void, void> {
    return this.#store.settle()
  }

  clear(): void {
    this.#store.clear()
  }

  #silent(server: string, zone: Name, now: number): Silence | undefined {
    if (this.#store.size === 0) return undefined
    const { throttleTimeouts, throttleAfterMs, serverStatsMs } = this.#limits
    const known = this.#store.get(keyOf(server, zone))
    if (known === undefined || known.timeouts < throttleTimeouts || known.lastAt - known.since < throttleAfterMs)
      return undefined
    return now - known.lastAt < serverStatsMs ? known : undefined
  }
}

const keyOf = (server: string, zone: Name): string => `${server} ${zone}`
