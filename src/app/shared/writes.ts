/**
 * What this instance found out, on its way to the shared cache: kept for a moment, one value a key, and written many at
 * a time. No client waits for it. Bounded: what finds no room is dropped, the oldest first, and counted.
 */
import type { SharedLimits } from '../../limits.ts'
import type { Cancel, Clock } from '../../ports.ts'
import type { SharedClient } from './client.ts'
import { withTimeout } from './waits.ts'

export interface WritesParts {
  readonly client: Pick<SharedClient, 'write'>
  readonly clock: Pick<Clock, 'after' | 'now'>
  readonly limits: Pick<
    SharedLimits,
    'writeMs' | 'writeBatch' | 'writeEntries' | 'writeBytes' | 'openMs' | 'patienceMs'
  >
  /** Is the server asked at all now? */
  readonly isUsable: () => boolean
}

interface Waiting {
  readonly value: Uint8Array
  /** ms on the clock. */
  readonly endsAt: number
}

export interface WriteCounts {
  written: number
  failed: number
  dropped: number
}

export class Writes {
  readonly #parts: WritesParts
  readonly #waiting = new Map<string, Waiting>()
  readonly counts: WriteCounts = { written: 0, failed: 0, dropped: 0 }
  #bytes = 0
  #cancel: Cancel | null = null
  #isWriting = false

  constructor(parts: WritesParts) {
    this.#parts = parts
  }

  get size(): number {
    return this.#waiting.size
  }

  put(key: string, value: Uint8Array, leftMs: number): void {
    const { clock, limits, isUsable } = this.#parts
    this.#remove(key)
    if (!isUsable() || value.length > limits.writeBytes) {
      this.counts.dropped++
      return
    }
    for (const [oldest] of this.#waiting) {
      if (this.#waiting.size < limits.writeEntries && this.#bytes + value.length <= limits.writeBytes) break
      this.#remove(oldest)
      this.counts.dropped++
    }
    this.#waiting.set(key, { value, endsAt: clock.now() + leftMs })
    this.#bytes += value.length
    this.#schedule(limits.writeMs)
  }

  /** Removes what waits: it may be what was removed on purpose. */
  clear(): void {
    this.counts.dropped += this.#waiting.size
    this.#waiting.clear()
    this.#bytes = 0
  }

  close(): void {
    this.#cancel?.()
    this.clear()
  }

  #schedule(delayMs: number): void {
    if (this.#cancel !== null || this.#isWriting) return
    this.#cancel = this.#parts.clock.after(delayMs, () => {
      this.#cancel = null
      void this.#write()
    })
  }

  async #write(): Promise<void> {
    const { client, clock, limits, isUsable } = this.#parts
    if (!isUsable()) {
      this.clear()
      return
    }
    const now = clock.now()
    const batch = [...this.#waiting].slice(0, limits.writeBatch)
    for (const [key] of batch) this.#remove(key)
    const values = batch.flatMap(([key, { value, endsAt }]) =>
      endsAt - now < 1 ? [] : [{ key, value, leftMs: endsAt - now }],
    )
    this.#isWriting = true
    const results = await withTimeout(client.write(values), limits.patienceMs, clock)
    this.#isWriting = false
    const written = results?.filter(result => result === null).length ?? 0
    this.counts.written += written
    this.counts.failed += values.length - written
    // Full, or not allowed: what would fail as well is left for a while.
    if (this.#waiting.size > 0) this.#schedule(written > 0 || values.length === 0 ? limits.writeMs : limits.openMs)
  }

  #remove(key: string): void {
    const waiting = this.#waiting.get(key)
    if (waiting === undefined) return
    this.#waiting.delete(key)
    this.#bytes -= waiting.value.length
  }
}
