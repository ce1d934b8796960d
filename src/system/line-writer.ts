/**
 * Appends lines to a file without making the caller wait: lines gather in memory while the disk is busy, and when too
 * many have gathered new ones are counted as dropped. For the query log; one write is under way at a time.
 *
 * Invariants: memory is bounded by `bufferBytes`; a failing disk is reported once and never throws; a line that a full
 * disk cut short is removed, so that the next one starts cleanly.
 */
import { close, fstat, ftruncate, open, write } from 'node:fs'

export interface LineWriter {
  /** A line with its newline. */
  write(line: string): void
  /** Lines that found no room, or no file. */
  readonly dropped: number
  /** Opens the path now: for the first time, or again for programs that rotate logs by renaming. */
  reopen(): void
  /** Writes what has gathered and closes. */
  close(): Promise<void>
}

export interface LineWriterOptions {
  readonly path: string
  readonly bufferBytes: number
  /** Called when the file cannot be opened or written, once until it works again. */
  readonly onError: (message: string) => void
  /** Called when it works again, with the number of lines that were lost meanwhile. */
  readonly onRecovery?: (lost: number) => void
}

export const openLineWriter = (options: LineWriterOptions): LineWriter => new FileLineWriter(options)

class FileLineWriter implements LineWriter {
  dropped = 0
  readonly #options: LineWriterOptions
  #pending: string[] = []
  #pendingLength = 0
  #file: number | null = null
  #busy = false
  #reopen = false
  /** Open it even without a line to write. */
  #wanted = false
  /** Octets of a line that a failure cut, at the end of the file. */
  #torn = 0
  /** Lines dropped when the trouble began; null: there is none. */
  #troubledAt: number | null = null
  #closed: (() => void) | null = null

  constructor(options: LineWriterOptions) {
    this.#options = options
  }

  write(line: string): void {
    // Characters stand for octets here: lines are ASCII.
    if (this.#closed !== null || this.#pendingLength + line.length > this.#options.bufferBytes) {
      this.dropped++
      return
    }
    this.#pending.push(line)
    this.#pendingLength += line.length
    if (this.#busy) return
    this.#busy = true
    // All lines of this turn of the event loop go in one write.
    setImmediate(() => this.#step())
  }

  reopen(): void {
    this.#reopen = true
    this.#wanted = true
    if (!this.#busy) {
      this.#busy = true
      this.#step()
    }
  }

  close(): Promise<void> {
    return new Promise(resolve => {
      this.#closed = resolve
      if (this.#busy) return
      this.#busy = true
      this.#step()
    })
  }

  /** Does the next thing there is to do: close for reopening, open, write, or end. */
  #step(): void {
    if (this.#file !== null && (this.#reopen || (this.#closed !== null && this.#pending.length === 0))) {
      const file = this.#file
      this.#file = null
      this.#torn = 0
      this.#reopen = false
      close(file, () => this.#step())
      return
    }
    this.#reopen = false
    if (this.#pending.length === 0 && (!this.#wanted || this.#file !== null || this.#closed !== null)) {
      this.#busy = false
      this.#closed?.()
      return
    }
    this.#wanted = false
    if (this.#file === null) {
      open(this.#options.path, 'a', 0o640, (error, file) => {
        if (error === null) this.#file = file
        else this.#failed(error, 0)
        this.#step()
      })
      return
    }
    if (this.#torn > 0) {
      this.#mend(this.#file)
      return
    }
    const octets = Buffer.from(this.#pending.join(''), 'utf8')
    this.#pending = []
    this.#pendingLength = 0
    this.#writeAll(this.#file, octets)
  }

  #writeAll(file: number, octets: Buffer): void {
    write(file, octets, (error, written) => {
      if (error === null && written < octets.length) {
        const end = octets.subarray(0, written).lastIndexOf(NEWLINE)
        this.#torn = end < 0 ? this.#torn + written : written - end - 1
        this.#writeAll(file, octets.subarray(written))
        return
      }
      if (error === null) {
        this.#torn = 0
        this.#worked()
      } else
        this.#failed(
          error,
          octets.reduce((lines, octet) => lines + (octet === NEWLINE ? 1 : 0), 0),
        )
      this.#step()
    })
  }

  /** Takes back the half line, also on a full disk; where that is not possible a newline ends it. */
  #mend(file: number): void {
    const torn = this.#torn
    this.#torn = 0
    fstat(file, (error, stats) => {
      const length = error === null ? stats.size - torn : -1
      const fallBack = (): void => {
        this.#pending.unshift('\n')
        this.#pendingLength++
        this.#step()
      }
      if (length < 0) fallBack()
      else ftruncate(file, length, failed => (failed === null ? this.#step() : fallBack()))
    })
  }

  /** `lost`: lines that were being written, the one that was cut with them. */
  #failed(error: NodeJS.ErrnoException, lost: number): void {
    if (this.#troubledAt === null) {
      this.#troubledAt = this.dropped
      this.#options.onError(`${this.#options.path}: ${error.message}`)
    }
    this.dropped += lost + this.#pending.length
    this.#pending = []
    this.#pendingLength = 0
  }

  #worked(): void {
    const since = this.#troubledAt
    if (since === null) return
    this.#troubledAt = null
    this.#options.onRecovery?.(this.dropped - since)
  }
}

const NEWLINE = 0x0a
