/**
 * The files of the history: one a day (`queries-2026-11-29.db`), and further ones (`queries-2026-11-29.2.db`) when a
 * day outgrows its part of the space. What is too old, or too much, goes as whole files: nothing is deleted inside of
 * one, which would take long and give nothing back to the disk.
 */
import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { HistorySettings } from './messages.ts'

const DAY_MS = 86_400_000
const NAME = /^queries-(?<day>\d{4}-\d{2}-\d{2})(?:\.(?<part>\d{1,6}))?\.db$/
/** What SQLite has next to a file. */
const COMPANIONS = ['-wal', '-shm']

export interface HistoryFile {
  readonly name: string
  readonly path: string
  readonly day: string
  readonly part: number
  /** With its write-ahead log. */
  readonly bytes: number
}

export const dayOf = (at: number): string => new Date(at).toISOString().slice(0, 10)

const fileName = (day: string, part: number): string => `queries-${day}${part === 1 ? '' : `.${part}`}.db`

export function makeDirectory(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
}

/** Oldest first. Empty where there is no such directory. */
export function historyFiles(directory: string): readonly HistoryFile[] {
  return namesIn(directory)
    .flatMap(name => {
      const { day, part = '1' } = NAME.exec(name)?.groups ?? {}
      const path = join(directory, name)
      if (day === undefined) return []
      const bytes = ['', ...COMPANIONS].reduce((sum, end) => sum + sizeOf(path + end), 0)
      return [{ name, path, day, part: Number(part), bytes }]
    })
    .sort((a, b) => (a.day < b.day ? -1 : a.day > b.day ? 1 : a.part - b.part))
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
  } catch {
    return []
  }
}

const sizeOf = (path: string): number => statSync(path, { throwIfNoEntry: false })?.size ?? 0

/** Which file what comes now belongs into: another than the latest on a new day, or when that is large. */
export function fileFor(files: readonly HistoryFile[], day: string, partBytes: number, directory: string): string {
  const latest = files.findLast(file => file.day === day)
  const part = latest === undefined ? 1 : latest.bytes < partBytes ? latest.part : latest.part + 1
  return join(directory, fileName(day, part))
}

/** Files that go, oldest first; never the latest one, which is written. */
export function surplus(
  files: readonly HistoryFile[],
  { days, bytes }: Pick<HistorySettings, 'days' | 'bytes'>,
  now: number,
): readonly { readonly file: HistoryFile; readonly why: 'age' | 'size' }[] {
  const oldest = dayOf(now - (days - 1) * DAY_MS)
  let all = files.reduce((sum, file) => sum + file.bytes, 0)
  return files.slice(0, -1).flatMap(file => {
    const why = file.day < oldest ? ('age' as const) : all > bytes ? ('size' as const) : null
    if (why === null) return []
    all -= file.bytes
    return [{ file, why }]
  })
}

export function removeFile(path: string): void {
  for (const end of ['', ...COMPANIONS]) rmSync(path + end, { force: true })
}

/** Out of the way, for whoever wants to look at it. The new name. */
export function setAside(path: string, now: number): string {
  const as = `${path}.${now.toString(36)}.bad`
  renameSync(path, as)
  // They belong to the file of that name only.
  for (const end of COMPANIONS) rmSync(path + end, { force: true })
  return as
}
