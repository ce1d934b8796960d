/**
 * Keeps what comes on the disk, a transaction for many, and what is too old or too much off it. A disk that does not
 * take it costs those queries, which are counted, and nothing else; a damaged file is set aside, and a new one begun.
 */
import type { QueryRecord } from '../live/records.ts'
import { DayFile } from './day-file.ts'
import { dayOf, fileFor, historyFiles, makeDirectory, removeFile, setAside, surplus } from './files.ts'
import { historyLimits } from './limits.ts'
import type { FromHistory, HistorySettings } from './messages.ts'
import { type Database, isDamage } from './sqlite.ts'
import { errorText } from '../../events.ts'

export interface WriterParts {
  readonly settings: HistorySettings
  readonly open: (path: string) => Database
  readonly post: (message: FromHistory) => void
  /** Ms since 1970 UTC. */
  readonly now: () => number
}

interface Current {
  readonly path: string
  readonly day: string
  readonly file: DayFile
}

export class HistoryWriter {
  readonly #parts: WriterParts
  #settings: HistorySettings
  #current: Current | null = null
  /** Lost since the disk stopped taking them; null: it takes them. */
  #lost: number | null = null
  #lookedAt = Number.NEGATIVE_INFINITY

  constructor(parts: WriterParts) {
    this.#parts = parts
    this.#settings = parts.settings
  }

  configure(settings: HistorySettings): void {
    if (settings.directory !== this.#settings.directory) this.#close()
    this.#settings = settings
    this.#lookedAt = Number.NEGATIVE_INFINITY
  }

  /** What of them was lost, and how many are kept without their names. */
  add(records: readonly QueryRecord[]): { readonly lost: number; readonly unnamed: number } {
    let unnamed = 0
    let lost = 0
    for (const [day, ofDay] of byDay(records)) {
      try {
        unnamed += this.#addTo(day, ofDay)
        this.#works()
      } catch (error) {
        lost += ofDay.length
        this.#fails(error, ofDay.length)
      }
    }
    try {
      this.#lookAround()
    } catch (error) {
      this.#fails(error, 0)
    }
    return { lost, unnamed }
  }

  /** Found by a reader. */
  damaged(path: string): void {
    if (this.#current?.path === path) this.#close()
    this.#setAside(path)
  }

  close(): void {
    this.#close()
  }

  #addTo(day: string, records: readonly QueryRecord[]): number {
    try {
      return this.#fileFor(day).add(records)
    } catch (error) {
      const path = this.#current?.path
      // Opened again the next time: of a file that was taken away nothing is left to write to.
      this.#close()
      if (!isDamage(error) || path === undefined) throw error
      this.#setAside(path)
      return this.#fileFor(day).add(records)
    }
  }

  #fileFor(day: string): DayFile {
    // A clock that was set back does not bring a file of yesterday back.
    if (this.#current !== null && this.#current.day >= day) return this.#current.file
    this.#close()
    const { directory, bytes } = this.#settings
    makeDirectory(directory)
    const path = fileFor(historyFiles(directory), day, bytes / historyLimits.segments, directory)
    this.#current = { path, day, file: this.#open(path) }
    return this.#current.file
  }

  #open(path: string): DayFile {
    const open = (): DayFile => {
      const db = this.#parts.open(path)
      try {
        return new DayFile(db)
      } catch (error) {
        db.close()
        throw error
      }
    }
    try {
      return open()
    } catch (error) {
      if (!isDamage(error)) throw error
      this.#setAside(path)
      return open()
    }
  }

  #setAside(path: string): void {
    try {
      this.#parts.post({ kind: 'set-aside', file: path, as: setAside(path, this.#parts.now()) })
    } catch {
      // It is gone already.
    }
  }

  #close(): void {
    const current = this.#current
    this.#current = null
    try {
      current?.file.close()
    } catch (error) {
      this.#fails(error, 0)
    }
  }

  #works(): void {
    if (this.#lost !== null) this.#parts.post({ kind: 'works', lost: this.#lost })
    this.#lost = null
  }

  #fails(error: unknown, lost: number): void {
    if (this.#lost === null) this.#parts.post({ kind: 'failed', message: errorText(error) })
    this.#lost = (this.#lost ?? 0) + lost
  }

  /** Now and then: is the file full or gone, are others too old or too many? */
  #lookAround(): void {
    const now = this.#parts.now()
    const { directory, bytes } = this.#settings
    const files = historyFiles(directory)
    const own = files.find(({ path }) => path === this.#current?.path)
    const isFull = own !== undefined && own.bytes >= bytes / historyLimits.segments
    // What somebody deleted would take what comes, and nobody could read it.
    if (isFull || own === undefined) this.#close()
    if (now - this.#lookedAt < historyLimits.retentionMs && !isFull) return
    this.#lookedAt = now
    for (const { file, why } of surplus(files, this.#settings, now)) {
      removeFile(file.path)
      this.#parts.post({ kind: 'removed', file: file.path, why })
    }
    const left = historyFiles(directory)
    this.#parts.post({ kind: 'size', files: left.length, bytes: left.reduce((sum, file) => sum + file.bytes, 0) })
  }
}

function byDay(records: readonly QueryRecord[]): readonly (readonly [string, readonly QueryRecord[]])[] {
  const days = new Map<string, QueryRecord[]>()
  for (const record of records) {
    const day = dayOf(record.at)
    const known = days.get(day)
    if (known === undefined) days.set(day, [record])
    else known.push(record)
  }
  return [...days]
}
