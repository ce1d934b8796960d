/**
 * Appends lines to a file without making the caller wait: lines gather in memory while the disk is busy, and when too
 * many have gathered new ones are counted as dropped. For the query log; one write is under way at a time.
 *
 * Invariant: memory is bounded by `bufferBytes`; a failing disk is told once and never throws.
 */
import { close, open, write } from 'node:fs'

export interface LineWriter {
  /** A line with its newline. */
  write(line: string): void
  /** Lines that found no room, or no file. */
  readonly dropped: number
  /** Opens the path anew, for programs that rotate logs by renaming. */
  reopen(): void
  /** Writes what has gathered and closes. */
  close(): Promise<void>
}

export interface LineWriterOptions {
  readonly path: string
  readonly bufferBytes: number
  /** Called when the file cannot be opened or written, once until it works again. */
  readonly onTrouble: (message: string) => void
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
  #troubled = false
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
      this.#reopen = false
      close(file, () => this.#step())
      return
    }
    this.#reopen = false
    if (this.#pending.length === 0) {
      this.#busy = false
      this.#closed?.()
      return
    }
    if (this.#file === null) {
      open(this.#options.path, 'a', 0o640, (error, file) => {
        if (error === null) this.#file = file
        this.#done(error)
      })
      return
    }
    const octets = Buffer.from(this.#pending.join(''), 'utf8')
    this.#pending = []
    this.#pendingLength = 0
    this.#writeAll(this.#file, octets)
  }

  #writeAll(file: number, octets: Buffer): void {
    write(file, octets, (error, written) => {
      if (error === null && written < octets.length) this.#writeAll(file, octets.subarray(written))
      else this.#done(error)
    })
  }

  #done(error: NodeJS.ErrnoException | null): void {
    if (error === null) {
      this.#troubled = false
    } else {
      if (!this.#troubled) this.#options.onTrouble(`${this.#options.path}: ${error.message}`)
      this.#troubled = true
      this.dropped += this.#pending.length
      this.#pending = []
      this.#pendingLength = 0
    }
    this.#step()
  }
}
