/**
 * Zone files on disk: which ones a configuration names, and their text. Not a parser, and not the watcher. Nothing here
 * throws: what cannot be read is a problem with the file's name, as a person would say it. Reading is synchronous,
 * since $INCLUDE is met in the middle of a text; it happens at start and on a reload.
 */
import { isUtf8 } from 'node:buffer'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, isAbsolute, join } from 'node:path'
import { rawOctetUnit } from '../presentation/text.ts'
import type { Problem } from '../events.ts'
import type { ZoneLimits } from '../limits.ts'
import { errorCode } from './system-error.ts'

/** A content hash; null stands for a file that cannot be read. */
export type ContentHash = string | null

export type ReadFile =
  /** `warning`: the file is not all UTF-8. */
  | {
      readonly kind: 'text'
      readonly file: string
      readonly text: string
      readonly hash: string
      readonly warning: Problem | null
    }
  | { readonly kind: 'unreadable'; readonly problem: Problem; readonly tooLarge: boolean }

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

/**
 * The text of a file and the hash of its octets. A byte order mark is dropped. Where the file is not UTF-8 (an old one
 * in Latin-1) each octet becomes a separate unit (`rawOctetUnit`), with one warning: in a comment it does no harm, in a
 * TXT record it is that octet.
 */
export function readZoneFile(file: string, limits: ZoneLimits): ReadFile {
  const unreadable = (message: string, tooLarge = false): ReadFile => ({
    kind: 'unreadable',
    problem: problemOf(file, message, 'error'),
    tooLarge,
  })
  try {
    const found = statSync(file)
    // Opening a pipe would wait for a writer, and a device has no end.
    if (!found.isFile()) return unreadable(found.isDirectory() ? 'is a directory' : 'is not a regular file')
    if (found.size > limits.fileBytes)
      return unreadable(`has ${found.size} octets, more than the limit of ${limits.fileBytes}`, true)
    const octets = readFileSync(file)
    const hash = hashOf(octets)
    if (isUtf8(octets)) return { kind: 'text', file, text: new TextDecoder().decode(octets), hash, warning: null }
    const { text, line, column, octet } = decodeForeign(octets)
    const reading = 'outside of comments such octets are read as they are'
    const message = `is not UTF-8 text here: ${reading}, this one as \\${octet}`
    return { kind: 'text', file, text, hash, warning: { file, line, column, severity: 'warning', message } }
  } catch (error) {
    return unreadable(reasonOf(error))
  }
}

/** The text of a zone file that was read already. */
export function textOfOctets(octets: Buffer): string {
  return isUtf8(octets) ? new TextDecoder().decode(octets) : decodeForeign(octets).text
}

/** The way back: units that stand for an octet (`rawOctetUnit`) are that octet, the rest is UTF-8. */
export function octetsOfText(text: string): Uint8Array {
  const pieces = text.split(/((?<![\ud800-\udbff])[\udc80-\udcff])/)
  return Buffer.concat(
    pieces.map((piece, index) =>
      index % 2 === 1 ? Buffer.of(piece.charCodeAt(0) & 0xff) : Buffer.from(piece, 'utf8'),
    ),
  )
}

const hashOf = (octets: Uint8Array): string => createHash('sha256').update(octets).digest('hex')

/** Has each file the content that was found in it then? Not when one of them could not be read. */
export function areUnchanged(files: ReadonlyMap<string, ContentHash>): boolean {
  return files.size > 0 && [...files].every(([file, hash]) => hash !== null && hashOfFile(file) === hash)
}

function hashOfFile(file: string): ContentHash {
  try {
    return statSync(file).isFile() ? hashOf(readFileSync(file)) : null
  } catch {
    return null
  }
}

/** Reads what one zone is made of, and remembers it: `files` is what has to be watched, with what was found in it. */
export class ZoneReader {
  readonly files: Map<string, ContentHash> = new Map()
  /** Of files that were read all the same. */
  readonly warnings: Problem[] = []
  /** Of all files read. */
  characters = 0
  /** Some file has more octets than the limit. */
  tooLarge = false
  readonly #limits: ZoneLimits

  constructor(limits: ZoneLimits) {
    this.#limits = limits
  }

  read(file: string): ReadFile {
    const found = readZoneFile(file, this.#limits)
    this.files.set(file, found.kind === 'text' ? found.hash : null)
    if (found.kind === 'unreadable') {
      this.tooLarge ||= found.tooLarge
      return found
    }
    this.characters += found.text.length
    if (found.warning !== null) this.warnings.push(found.warning)
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

interface ForeignText {
  readonly text: string
  /** Of the first octet that is not UTF-8. */
  readonly line: number
  readonly column: number
  readonly octet: string
}

/** Text that is not all UTF-8. Line feeds are never part of a longer character, so lines can be read one by one. */
function decodeForeign(octets: Buffer): ForeignText {
  const LF = 0x0a
  const pieces: string[] = []
  let first: Omit<ForeignText, 'text'> | null = null
  for (let line = 1, start = 0; start < octets.length; line++) {
    const newline = octets.indexOf(LF, start)
    const end = newline < 0 ? octets.length : newline + 1
    const bytes = octets.subarray(start, end)
    if (isUtf8(bytes)) pieces.push(bytes.toString('utf8'))
    else {
      const { text, column, octet } = decodeForeignLine(bytes)
      first ??= { line, column, octet }
      pieces.push(text)
    }
    start = end
  }
  const text = pieces.join('')
  return { text: text.startsWith('\ufeff') ? text.slice(1) : text, ...(first ?? { line: 0, column: 0, octet: '000' }) }
}

/**
 * As many characters as there are, an octet for itself where there is none. `column` is that of the first such octet.
 */
function decodeForeignLine(bytes: Buffer): { readonly text: string; readonly column: number; readonly octet: string } {
  let text = ''
  let column = 0
  let octet = ''
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at] ?? 0
    const length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
    const character = bytes.subarray(at, at + length)
    if (lead < 0x80 || (character.length === length && isUtf8(character))) {
      text += character.toString('utf8')
      at += length
      continue
    }
    if (column === 0) {
      column = text.length + 1
      octet = lead.toString().padStart(3, '0')
    }
    text += rawOctetUnit(lead)
    at++
  }
  return { text, column, octet }
}
