/**
 * All TCP clients of the process in one table, whichever listener they came through: who may come in, who has to go,
 * and how many octets of replies wait. Not a place for protocol. Invariants: the counters are what the connections in
 * the table say, since only `admit`, `remove` and `queued` change them (Unbound 2026-05-27 leaked per-netblock
 * counters); one client prefix can never keep another one out.
 */
import type { TcpLimits } from '../../limits.ts'

/** What the table needs to know of a connection. */
export interface TableEntry {
  /** See `linkOf`. */
  readonly prefix: string
  /** Neither a query in work nor a reply waiting. Half a message is idle all the same. */
  readonly idle: boolean
  /** When a whole message last came or went. Milliseconds of the clock. */
  readonly lastActive: number
  /** Octets of replies that the client has not taken. */
  readonly queuedBytes: number
  /** Ends it now; it takes itself out of the table. */
  drop(): void
  /** Octets that were in the way of reading went away. */
  wake(): void
}

export class TcpConnections {
  /** Since the start. `completed`: of handshakes, those that ended well. */
  readonly totals: { admitted: number; refused: number; completed: number } = { admitted: 0, refused: 0, completed: 0 }
  readonly #limits: TcpLimits
  readonly #byPrefix = new Map<string, Set<TableEntry>>()
  /** Connections that stopped reading because too much waits in all. */
  readonly #stalled = new Set<TableEntry>()
  #size = 0
  #queuedBytes = 0

  constructor(limits: TcpLimits) {
    this.#limits = limits
  }

  get size(): number {
    return this.#size
  }

  get queuedBytes(): number {
    return this.#queuedBytes
  }

  get limits(): TcpLimits {
    return this.#limits
  }

  /** Too much waits in all: reading pauses. The connection is woken when that changes. */
  isStalled(entry: TableEntry): boolean {
    if (this.#queuedBytes < this.#limits.queuedBytesInAll) return false
    this.#stalled.add(entry)
    return true
  }

  /** Takes a newcomer in, closing others for it if need be; false when there is no room for it. */
  admit(entry: TableEntry): boolean {
    const isIn = this.#takesIn(entry)
    if (isIn) this.totals.admitted++
    else this.totals.refused++
    return isIn
  }

  #takesIn(entry: TableEntry): boolean {
    const own = this.#byPrefix.get(entry.prefix)
    if (own !== undefined && own.size >= this.#limits.connectionsPerPrefix && !dropOne(own, true)) return false
    if (this.#size >= this.#limits.connections && !this.#makeRoom(entry.prefix)) return false
    const present = this.#byPrefix.get(entry.prefix)
    if (present === undefined) this.#byPrefix.set(entry.prefix, new Set([entry]))
    else present.add(entry)
    this.#size++
    return true
  }

  remove(entry: TableEntry): void {
    const own = this.#byPrefix.get(entry.prefix)
    if (own?.delete(entry) !== true) return
    if (own.size === 0) this.#byPrefix.delete(entry.prefix)
    this.#size--
    this.#stalled.delete(entry)
  }

  /** Octets waiting in `entry` changed. Beyond the bound in all, the connection with the most goes (CVE-2024-0760). */
  queued(entry: TableEntry, change: number): void {
    this.#queuedBytes += change
    while (this.#queuedBytes > this.#limits.queuedBytesInAll) {
      const fullest = this.#fullest(entry)
      if (fullest === null) break
      fullest.drop()
    }
    if (this.#stalled.size === 0 || this.#queuedBytes >= this.#limits.queuedBytesInAll) return
    const woken = [...this.#stalled]
    this.#stalled.clear()
    for (const stalled of woken) stalled.wake()
  }

  #fullest(last: TableEntry): TableEntry | null {
    let fullest = last
    for (const entries of this.#byPrefix.values())
      for (const entry of entries) if (entry.queuedBytes > fullest.queuedBytes) fullest = entry
    return fullest.queuedBytes > 0 ? fullest : null
  }

  /**
   * The greediest prefixes give first: their oldest idle connection. When none is idle, one that holds more than the
   * newcomer would hold gives its oldest all the same.
   */
  #makeRoom(newcomer: string): boolean {
    const greediest = [...this.#byPrefix.values()].sort((a, b) => b.size - a.size)
    if (greediest.some(entries => dropOne(entries, true))) return true
    const [first] = greediest
    const held = this.#byPrefix.get(newcomer)?.size ?? 0
    return first !== undefined && first.size > held + 1 && dropOne(first, false)
  }
}

/** Closes the one that has been quiet longest; false when there is none. */
function dropOne(entries: ReadonlySet<TableEntry>, idleOnly: boolean): boolean {
  let oldest: TableEntry | null = null
  for (const entry of entries) {
    if (idleOnly && !entry.idle) continue
    if (oldest === null || entry.lastActive < oldest.lastActive) oldest = entry
  }
  oldest?.drop()
  return oldest !== null
}
