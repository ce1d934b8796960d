/**
 * Zone files on disk: which ones a configuration names, and their text. Not a parser, and not the watcher. Nothing here
 * throws: what cannot be read is a problem with the file's name, as a person would say it. Reading is synchronous,
 * since $INCLUDE is met in the middle of a text; it happens at start and on a reload.
 */
import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, isAbsolute, join } from 'node:path'
import type { Problem } from '../events.ts'
import type { ZoneLimits } from '../limits.ts'
import { errorCode } from './system-error.ts'

/** A content hash; null stands for a file that cannot be read. */
export type ContentHash = string | null

export type ReadFile =
  | { readonly kind: 'text'; readonly file: string; readonly text: string; readonly hash: string }
  | { readonly kind: 'unreadable'; readonly problem: Problem }

/** Is this a pattern, or the path of one file? Only the last segment of a path may hold `*` and `?`. */
export const isPattern = (path: string): boolean => /[*?]/.test(basename(path))

/** The test for names in a directory: `*` is any run of characters, `?` one; a leading dot must be written. */
export function nameMatcher(pattern: string): (name: string) => boolean {
  const parts = basename(pattern).split('*')
  const hidden = basename(pattern).startsWith('.')
  return name => (hidden || !name.startsWith('.')) && matchesParts(name, parts)
}

/** Leftmost places suffice for every run between two stars, so the work is name times pattern at most. */
function matchesParts(name: string, parts: readonly string[]): boolean {
  const [first = '', ...rest] = parts
  const last = rest.pop()
  if (last === undefined) return name.length === first.length && fits(name, 0, first)
  if (!fits(name, 0, first) || name.length < first.length + last.length || !fits(name, name.length - last.length, last))
    return false
  const end = name.length - last.length
  let at = first.length
  for (const part of rest) {
    while (at + part.length <= end && !fits(name, at, part)) at++
    at += part.length
    if (at > end) return false
  }
  return at <= end
}

const fits = (name: string, at: number, part: string): boolean => {
  if (at + part.length > name.length) return false
  for (let i = 0; i < part.length; i++) if (part[i] !== '?' && part[i] !== name[at + i]) return false
  return true
}

/** A path of a configuration as seen from `directory`, the place of the configuration. */
export const locate = (path: string, directory: string): string => (isAbsolute(path) ? path : join(directory, path))

/**
 * The files that paths and patterns name, sorted, each once. A plain path is kept even when there is no such file,
 * since reading it will say so. A missing directory is a warning; no match in a directory is nothing to mention.
 */
export function expandPatterns(
  patterns: readonly string[],
  directory: string,
): { readonly files: readonly string[]; readonly problems: readonly Problem[] } {
  const files = new Set<string>()
  const problems: Problem[] = []
  for (const pattern of patterns) {
    const located = locate(pattern, directory)
    if (!isPattern(located)) {
      files.add(located)
      continue
    }
    const matches = nameMatcher(located)
    try {
      for (const entry of readdirSync(dirname(located), { withFileTypes: true })) {
        if (matches(entry.name) && !entry.isDirectory()) files.add(join(dirname(located), entry.name))
      }
    } catch (error) {
      const missing = errorCode(error) === 'ENOENT'
      problems.push(problemOf(located, `${dirname(located)} ${reasonOf(error)}`, missing ? 'warning' : 'error'))
    }
  }
  return { files: [...files].sort(), problems }
}

/** The text of a file (UTF-8, a byte order mark is dropped) and the hash of its octets. */
export function readZoneFile(file: string, limits: ZoneLimits): ReadFile {
  const unreadable = (message: string, line = 0, column = 0): ReadFile => ({
    kind: 'unreadable',
    problem: { ...problemOf(file, message, 'error'), line, column },
  })
  try {
    const found = statSync(file)
    // Opening a pipe would wait for a writer, and a device has no end.
    if (!found.isFile()) return unreadable(found.isDirectory() ? 'is a directory' : 'is not a regular file')
    if (found.size > limits.fileBytes)
      return unreadable(`has ${found.size} octets, more than the limit of ${limits.fileBytes}`)
    const octets = readFileSync(file)
    if (!isUtf8(octets)) {
      const { line, column, octet } = firstForeignOctet(octets)
      return unreadable(`is not UTF-8 text here; write the octet as \\${octet}`, line, column)
    }
    return { kind: 'text', file, text: new TextDecoder().decode(octets), hash: hashOf(octets) }
  } catch (error) {
    return unreadable(reasonOf(error))
  }
}

const hashOf = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex')

/** Reads what one zone is made of, and remembers it: `files` is what has to be watched, with what was found in it. */
export class ZoneReader {
  readonly files: Map<string, ContentHash> = new Map()
  readonly #limits: ZoneLimits

  constructor(limits: ZoneLimits) {
    this.#limits = limits
  }

  read(file: string): ReadFile {
    const found = readZoneFile(file, this.#limits)
    this.files.set(file, found.kind === 'text' ? found.hash : null)
    return found
  }

  /** For $INCLUDE: a path is seen from the file that it stands in. */
  readonly include = (
    path: string,
    fromFile: string,
  ): { readonly file: string; readonly text: string } | { readonly error: string } => {
    const found = this.read(locate(path, dirname(fromFile)))
    if (found.kind === 'text') return found
    const { file, line, message } = found.problem
    return { error: `${file}${line === 0 ? '' : `:${line}`} ${message}` }
  }
}

const problemOf = (file: string, message: string, severity: Problem['severity']): Problem => ({
  file,
  line: 0,
  column: 0,
  severity,
  message,
})

function reasonOf(error: unknown): string {
  const code = errorCode(error)
  switch (code) {
    case 'ENOENT':
      return 'does not exist'
    case 'ENOTDIR':
      return 'is not in a directory'
    case 'EACCES':
    case 'EPERM':
      return 'may not be read (permission denied)'
    case 'ELOOP':
      return 'is a symbolic link that leads in a circle'
    default:
      return `cannot be read (${code === '' ? String(error) : code})`
  }
}

/**
 * Where the text stops being UTF-8. Line feeds are never part of a longer character, so lines can be judged one by one.
 */
function firstForeignOctet(octets: Buffer): { readonly line: number; readonly column: number; readonly octet: string } {
  const LF = 0x0a
  for (let line = 1, start = 0; start <= octets.length; line++) {
    const newline = octets.indexOf(LF, start)
    const end = newline < 0 ? octets.length : newline
    const text = octets.subarray(start, end)
    if (!isUtf8(text)) {
      const before = new TextDecoder('utf-8', { ignoreBOM: true }).decode(text)
      const column = before.indexOf('\ufffd') + 1
      const offset = Buffer.byteLength(before.slice(0, column - 1))
      return { line, column, octet: String(text[offset] ?? 0).padStart(3, '0') }
    }
    start = end + 1
  }
  return { line: 0, column: 0, octet: '000' }
}
