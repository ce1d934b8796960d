/**
 * Which networks of clients are above a limit right now, in memory that all threads share: what an operator looks for
 * when somebody complains, or a flood comes in. Not in metrics, where each network would be a label that clients make.
 *
 * Invariants: the table never grows; a flood of forged networks drives out those that were noted least, so that the
 * busiest are seen; an entry of which two threads write at once is written by one, and the other note is lost.
 */
import { ipFromBytes, type Prefix } from '../../dns/address.ts'

/** Networks remembered: four in each of 64 places, 10 KiB. */
const BUCKETS = 64
const WAYS = 4
/** Tag (0: free, 2: being written), bits and family, four words of the address, count, first and last second. */
const ENTRY = 9
const KIND = 1
const ADDRESS = 2
const COUNT = 6
const FIRST = 7
const LAST = 8
const BUSY = 2
/** What was last above a limit so long ago, in seconds, is so no more. */
const QUIET_S = 60
const SECOND_MS = 1_000

/** A network of clients, the queries and answers of it above a limit, and for how long that has been so. */
export interface LimitedNetwork {
  readonly network: Prefix
  readonly above: number
  /** Seconds since the first and the last of these. */
  readonly sinceS: number
  readonly lastS: number
}

export const limitedMemory = (): SharedArrayBuffer =>
  new SharedArrayBuffer(BUCKETS * WAYS * ENTRY * Int32Array.BYTES_PER_ELEMENT)

export class LimitedNetworks {
  readonly #table: Int32Array

  constructor(memory: SharedArrayBuffer) {
    this.#table = new Int32Array(memory)
  }

  /**
   * One query or answer above a limit at `now`, ms, of the network of which `tag`, an odd number, is a keyed hash.
   * Words of its address as they lie in memory, without the bits of hosts.
   */
  note(tag: number, family: 4 | 6, bits: number, a: number, b: number, c: number, d: number, now: number): void {
    const table = this.#table
    const second = Math.floor(now / SECOND_MS)
    const from = ((tag >>> 1) % BUCKETS) * WAYS * ENTRY
    let place = from
    let least = Number.POSITIVE_INFINITY
    for (let way = from; way < from + WAYS * ENTRY; way += ENTRY) {
      const found = Atomics.load(table, way)
      const isQuiet = second - (table[way + LAST] ?? 0) >= QUIET_S
      if (found === tag && !isQuiet) {
        Atomics.add(table, way + COUNT, 1)
        table[way + LAST] = second
        return
      }
      const count = found === tag ? -2 : found === 0 || isQuiet ? -1 : (table[way + COUNT] ?? 0)
      if (count < least) [place, least] = [way, count]
    }
    const before = Atomics.load(table, place)
    if (before === BUSY || Atomics.compareExchange(table, place, before, BUSY) !== before) return
    table.set([bits * 8 + family, a, b, c, d, 1, second, second], place + KIND)
    Atomics.store(table, place, tag)
  }

  /** Those above a limit within the last minute, the busiest first. */
  list(now: number): LimitedNetwork[] {
    const table = this.#table
    const second = Math.floor(now / SECOND_MS)
    const found: LimitedNetwork[] = []
    for (let at = 0; at < table.length; at += ENTRY) {
      const tag = Atomics.load(table, at)
      if (tag === 0 || tag === BUSY) continue
      const words = table.slice(at, at + ENTRY)
      const lastS = second - (words[LAST] ?? 0)
      if (Atomics.load(table, at) !== tag || lastS >= QUIET_S) continue
      const kind = words[KIND] ?? 0
      const family = kind % 8 === 4 ? 4 : 6
      const octets = new Uint8Array(words.buffer, ADDRESS * Int32Array.BYTES_PER_ELEMENT, family === 4 ? 4 : 16)
      const network: Prefix = { family, bytes: ipFromBytes(octets.slice()).bytes, length: Math.floor(kind / 8) }
      found.push({ network, above: words[COUNT] ?? 0, sinceS: second - (words[FIRST] ?? 0), lastS })
    }
    return found.sort((a, b) => b.above - a.above || a.sinceS - b.sinceS)
  }
}
