/**
 * Notices when zone files change, come or go. It watches directories, never files: a watch on a file goes deaf when the
 * file is replaced by a rename, which is how editors and deployments write. An event only says "look"; what counts is
 * the content, compared by hash with what the zone was loaded from. It does not load anything.
 *
 * Invariants: one look at a time; a change is reported once; nothing is reported after `close`.
 */
import { createHash } from 'node:crypto'
import { createReadStream, type FSWatcher, statSync, watch } from 'node:fs'
import { basename } from 'node:path'
import type { Problem } from '../events.ts'
import type { ZoneLimits } from '../limits.ts'
import type { Cancel, Clock } from '../ports.ts'
import { errorCode } from './system-error.ts'
import { watchedPaths } from './watched-paths.ts'
import { type ContentHash, expandPatterns, locate } from './zone-files.ts'

/**
 * Zone files by what became of them since they were loaded. A change of an included file counts for each zone that
 * includes it.
 */
export interface ZoneFileChanges {
  readonly added: readonly string[]
  readonly changed: readonly string[]
  /** Files that a pattern matched and that are gone. (A file named in full that is gone is `changed`.) */
  readonly removed: readonly string[]
}

/**
 * For each zone file: the files that were read for it last, well or badly, itself included, with their hashes
 * (`ZoneReader.files`).
 */
export type LoadedFiles = ReadonlyMap<string, ReadonlyMap<string, ContentHash>>

export interface ZoneWatcherOptions {
  /** Paths and patterns as in the configuration, and the directory they are seen from. */
  readonly patterns: readonly string[]
  readonly directory: string
  readonly clock: Clock
  readonly limits: ZoneLimits
  readonly onChange: (changes: ZoneFileChanges) => void
  /** A directory cannot be watched (the system's limit on watches): changes in it are noticed by `look` only. */
  readonly onError: (problem: Problem) => void
}

interface WatchedDirectory {
  readonly watcher: FSWatcher
  readonly inode: number
  concerns: ((name: string) => boolean)[]
}

export class ZoneWatcher {
  readonly #options: ZoneWatcherOptions
  #loaded: LoadedFiles = new Map()
  readonly #directories = new Map<string, WatchedDirectory>()
  readonly #troubled = new Set<string>()
  #cancelLook: Cancel | null = null
  /** When the look that is due may not be put off any more. */
  #latest = 0
  #looking: Promise<void> = Promise.resolve()
  #closed = false

  constructor(options: ZoneWatcherOptions) {
    this.#options = options
  }

  /** Reports what is loaded now, and from what; starts to watch at the first call. */
  update(loaded: LoadedFiles): void {
    if (this.#closed) return
    this.#loaded = new Map(loaded)
    this.#watchDirectories()
  }

  /** Looks now and reports what changed; resolves when that is done. */
  look(): Promise<void> {
    this.#cancelLook?.()
    this.#cancelLook = null
    this.#looking = this.#looking.then(() => this.#compare())
    return this.#looking
  }

  close(): void {
    this.#closed = true
    this.#cancelLook?.()
    for (const { watcher } of this.#directories.values()) watcher.close()
    this.#directories.clear()
  }

  // --- looking

  /** Soon, when events stop coming; not later than `watchMaxDelayMs` after the first. */
  #lookSoon(): void {
    if (this.#closed) return
    const { clock, limits } = this.#options
    if (this.#cancelLook === null) this.#latest = clock.now() + limits.watchMaxDelayMs
    else this.#cancelLook()
    this.#cancelLook = clock.after(
      Math.min(limits.watchDebounceMs, Math.max(0, this.#latest - clock.now())),
      () => void this.look(),
    )
  }

  async #compare(): Promise<void> {
    if (this.#closed) return
    const loaded = this.#loaded
    const seen = new Map<string, ContentHash>()
    const parts = new Map<string, ReadonlyMap<string, ContentHash>>()
    for (const [zoneFile, last] of loaded) parts.set(zoneFile, await hashAll(last.keys(), seen))
    // Listed after the reading: a file that went away meanwhile is gone, not changed.
    const { files } = expandPatterns(this.#options.patterns, this.#options.directory)
    const now = new Map<string, ReadonlyMap<string, ContentHash>>()
    const changed: string[] = []
    const added: string[] = []
    for (const file of files) {
      const last = loaded.get(file)
      const found = parts.get(file) ?? (await hashAll([file], seen))
      now.set(file, found)
      if (last === undefined) added.push(file)
      else if ([...last].some(([part, hash]) => found.get(part) !== hash)) changed.push(file)
    }
    const removed = [...loaded.keys()].filter(file => !now.has(file))
    if (this.#closed) return
    // Something newer was loaded meanwhile: this comparison says nothing about it.
    if (this.#loaded !== loaded) {
      this.#lookSoon()
      return
    }
    this.#loaded = now
    this.#watchDirectories()
    if (added.length + changed.length + removed.length > 0) this.#options.onChange({ added, changed, removed })
  }

  // --- watching

  /** Makes the watches fit the paths as they are now; a directory that was replaced gets a new one. */
  #watchDirectories(): void {
    const { patterns, directory } = this.#options
    const paths = new Set([
      ...patterns.map(pattern => locate(pattern, directory)),
      ...[...this.#loaded.values()].flatMap(parts => [...parts.keys()]),
    ])
    const wanted = new Map<string, ((name: string) => boolean)[]>()
    for (const found of [...paths].flatMap(watchedPaths)) {
      const concerns = wanted.get(found.directory)
      if (concerns === undefined) wanted.set(found.directory, [found.concerns])
      else concerns.push(found.concerns)
    }
    for (const [path, { watcher, inode }] of this.#directories) {
      if (wanted.has(path) && inodeOf(path) === inode) continue
      watcher.close()
      this.#directories.delete(path)
    }
    for (const [path, concerns] of wanted) {
      const present = this.#directories.get(path)
      if (present === undefined) this.#watchDirectory(path, concerns)
      else present.concerns = concerns
    }
  }

  #watchDirectory(path: string, concerns: ((name: string) => boolean)[]): void {
    try {
      const watcher = watch(path, { persistent: false })
      const entry: WatchedDirectory = { watcher, inode: inodeOf(path), concerns }
      watcher.on('change', (_kind, name) => {
        // An event with the directory's own name, or with none, is about the directory itself.
        const text = typeof name === 'string' ? name : null
        if (text === null || text === basename(path) || entry.concerns.some(test => test(text))) this.#lookSoon()
      })
      watcher.on('error', () => {
        watcher.close()
        this.#directories.delete(path)
        this.#lookSoon()
      })
      this.#directories.set(path, entry)
      this.#troubled.delete(path)
      // What happened between reading the files and this moment had no event.
      this.#lookSoon()
    } catch (error) {
      if (this.#troubled.has(path)) return
      this.#troubled.add(path)
      const message = `cannot be watched for changes (${errorCode(error)}); reload by hand after changing files there`
      this.#options.onError({ file: path, line: 0, column: 0, severity: 'warning', message })
    }
  }
}

/** 0 for a directory that is gone. */
function inodeOf(path: string): number {
  try {
    return statSync(path).ino
  } catch {
    return 0
  }
}

async function hashAll(files: Iterable<string>, seen: Map<string, ContentHash>): Promise<Map<string, ContentHash>> {
  const found = new Map<string, ContentHash>()
  for (const file of files) {
    let hash = seen.get(file)
    if (hash === undefined) {
      hash = await hashFile(file)
      seen.set(file, hash)
    }
    found.set(file, hash)
  }
  return found
}

/** In pieces, so that a large file does not hold up queries. */
async function hashFile(file: string): Promise<ContentHash> {
  try {
    if (!statSync(file).isFile()) return null
    const hash = createHash('sha256')
    for await (const piece of createReadStream(file)) hash.update(piece)
    return hash.digest('hex')
  } catch {
    return null
  }
}
