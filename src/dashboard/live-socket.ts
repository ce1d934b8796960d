/**
 * Queries and events as they come, over WebSocket: the filter can change in mid-stream, and a connection that breaks
 * is opened again, later each time and not by all pages at once; what was missed in between comes then.
 */
import type { EventRecord, QueryRecord } from '../admin/live/records.ts'

export type LiveItem =
  | { readonly id: string; readonly kind: 'query'; readonly record: QueryRecord }
  | { readonly id: string; readonly kind: 'event'; readonly record: EventRecord }

type Message =
  | { readonly kind: 'hello' | 'filter'; readonly filter: string }
  | { readonly kind: 'records'; readonly items: readonly LiveItem[] }
  | { readonly kind: 'gap'; readonly dropped: number | null }
  | { readonly kind: 'error'; readonly message: string; readonly column?: number }
  | { readonly kind: 'paused' | 'resumed' }

export interface LiveParts {
  readonly items: (items: readonly LiveItem[]) => void
  /** Null: it is not known how many. */
  readonly gap: (dropped: number | null) => void
  /** Null: the filter is the one that was asked for. */
  readonly filterError: (error: { readonly message: string; readonly column: number } | null) => void
  readonly connected: (isConnected: boolean) => void
}

const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 15_000
/** No event has this name. */
const NOTHING = 'event=none'

export class LiveClient {
  readonly #parts: LiveParts
  #socket: WebSocket | null = null
  #filter: string
  /** The last one that the server took. */
  #good = ''
  #after: string | null = null
  #failures = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #isOver = false

  constructor(filter: string, parts: LiveParts) {
    this.#filter = filter
    this.#parts = parts
    this.#open()
  }

  /** From now on; a faulty one is reported, and the one before stays. */
  setFilter(filter: string): void {
    this.#filter = filter
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify({ kind: 'filter', filter }))
  }

  close(): void {
    this.#isOver = true
    clearTimeout(this.#timer)
    // One that is not open yet is closed when it is: browsers complain of what ends before it began.
    if (this.#socket?.readyState !== WebSocket.CONNECTING) this.#socket?.close()
  }

  /**
   * With the filter that was taken last, so that what was missed is sent; a new one is sent when it is open, and what
   * is wrong with it comes back in words, which a refused connection would not have.
   */
  #open(): void {
    const query = new URLSearchParams({ filter: this.#after === null ? NOTHING : this.#good })
    if (this.#after !== null) query.set('after', this.#after)
    const address = new URL(`api/v1/live?${query}`, location.href)
    address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:'
    const socket = new WebSocket(address)
    this.#socket = socket
    socket.addEventListener('open', () => {
      if (this.#isOver) {
        socket.close()
        return
      }
      this.#failures = 0
      this.#parts.connected(true)
      if (this.#after === null || this.#filter !== this.#good) this.setFilter(this.#filter)
    })
    socket.addEventListener('message', ({ data }) => {
      if (this.#isOver) return
      const message: Message = JSON.parse(String(data))
      this.#take(message)
    })
    socket.addEventListener('close', () => {
      if (this.#isOver) return
      this.#parts.connected(false)
      const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#failures++)
      this.#timer = setTimeout(() => this.#open(), wait / 2 + (Math.random() * wait) / 2)
    })
  }

  #take(message: Message): void {
    switch (message.kind) {
      case 'records':
        this.#after = message.items.at(-1)?.id ?? this.#after
        this.#parts.items(message.items)
        return
      case 'gap':
        this.#parts.gap(message.dropped)
        return
      case 'filter':
        this.#good = message.filter
        this.#parts.filterError(null)
        return
      case 'error':
        this.#parts.filterError({ message: message.message, column: message.column ?? 1 })
        return
      default:
    }
  }
}
