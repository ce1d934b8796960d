/**
 * Which names are asked most, by whom, and which fail: counted over the last minutes, while somebody looks and for a
 * few seconds after. Bounded: what is new when a piece of time is full counts in its total only. Time comes in (ms).
 */
import { adminLimits } from '../limits.ts'
import type { QueryRecord } from '../live/records.ts'

interface TopLine {
  readonly key: string
  readonly count: number
}

export interface TopView {
  /** Since when is counted, ms since 1970 UTC. */
  readonly since: number
  /** How many queries the lists are made of. */
  readonly queries: number
  readonly names: readonly TopLine[]
  readonly clients: readonly TopLine[]
  /** Names with their types that ended in SERVFAIL. */
  readonly failing: readonly TopLine[]
  /** Names that do not exist. */
  readonly absent: readonly TopLine[]
}

const LISTS = ['names', 'clients', 'failing', 'absent'] as const
type List = (typeof LISTS)[number]

interface Piece {
  readonly at: number
  queries: number
  readonly counts: Readonly<Record<List, Map<string, number>>>
}

interface TopParts {
  readonly now: () => number
  /** Has queries collected until the result is called. */
  readonly hold: () => () => void
  readonly after: (ms: number, call: () => void) => () => void
}

const emptyPiece = (at: number): Piece => ({
  at,
  queries: 0,
  counts: { names: new Map(), clients: new Map(), failing: new Map(), absent: new Map() },
})

export class TopLists {
  readonly #parts: TopParts
  #pieces: readonly Piece[] = []
  /** While somebody looks. */
  #held: { readonly release: () => void; cancel: () => void } | null = null

  constructor(parts: TopParts) {
    this.#parts = parts
  }

  queries(records: readonly QueryRecord[]): void {
    if (this.#held === null) return
    const piece = this.#piece()
    piece.queries += records.length
    for (const { name, client, type, rcode } of records) {
      count(piece.counts.names, name)
      count(piece.counts.clients, client)
      if (rcode === 'SERVFAIL') count(piece.counts.failing, `${name} ${type}`)
      if (rcode === 'NXDOMAIN') count(piece.counts.absent, name)
    }
  }

  /** The lists as they are; from now on, for a while, there is more to count. */
  look(): TopView {
    this.#keepOn()
    this.#piece()
    return {
      since: this.#pieces[0]?.at ?? this.#parts.now(),
      queries: this.#pieces.reduce((all, { queries }) => all + queries, 0),
      names: this.#top('names'),
      clients: this.#top('clients'),
      failing: this.#top('failing'),
      absent: this.#top('absent'),
    }
  }

  #keepOn(): void {
    this.#held?.cancel()
    const release = this.#held?.release ?? this.#parts.hold()
    const cancel = this.#parts.after(adminLimits.lingerMs, () => {
      this.#held = null
      this.#pieces = []
      release()
    })
    this.#held = { release, cancel }
  }

  /** The one of now; those that are too old go. */
  #piece(): Piece {
    const now = this.#parts.now()
    const { topPieces, topPieceMs } = adminLimits
    const last = this.#pieces.at(-1)
    if (last !== undefined && now - last.at < topPieceMs) return last
    const piece = emptyPiece(now)
    this.#pieces = [...this.#pieces.filter(({ at }) => now - at < topPieces * topPieceMs), piece]
    return piece
  }

  #top(list: List): readonly TopLine[] {
    const all = new Map<string, number>()
    for (const { counts } of this.#pieces)
      for (const [key, times] of counts[list]) all.set(key, (all.get(key) ?? 0) + times)
    return [...all]
      .map(([key, times]) => ({ key, count: times }))
      .sort((one, other) => other.count - one.count || (one.key < other.key ? -1 : 1))
      .slice(0, adminLimits.topLines)
  }
}

function count(counts: Map<string, number>, key: string): void {
  const before = counts.get(key)
  if (before !== undefined) counts.set(key, before + 1)
  else if (counts.size < adminLimits.topKeys) counts.set(key, 1)
}
