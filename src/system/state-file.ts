/**
 * A small file that holds what a program must not forget: read once, and replaced as a whole. Whoever reads the path
 * sees the old text or the new one, never a part of either, also after a power failure: the new text is written to a
 * file next to it, flushed, renamed over it, and the directory is flushed. What the text means is not known here.
 *
 * Invariants: one write is under way at a time; of several texts that come meanwhile only the last is written; nothing
 * throws.
 */
import { open, rename, unlink, type FileHandle } from 'node:fs/promises'
import { readFileSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { errorText } from '../events.ts'
import { errorCode } from './system-error.ts'

type StateRead =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'unreadable'; readonly message: string }

export interface StateFile {
  read(): StateRead
  /** Replaces the text, soon. */
  write(text: string): void
  /** Resolves when everything is on the disk, or failed. */
  settled(): Promise<void>
}

export interface StateFileOptions {
  readonly path: string
  /** Longer files are not read. */
  readonly maxBytes: number
  /** Called for each write that fails. */
  readonly onError: (message: string) => void
}

export const openStateFile = (options: StateFileOptions): StateFile => new AtomicFile(options)

/** Readable by the group: it holds no secrets, and only its owner may write it. */
const MODE = 0o640

class AtomicFile implements StateFile {
  readonly #options: StateFileOptions
  #pending: string | null = null
  #writing: Promise<void> | null = null

  constructor(options: StateFileOptions) {
    this.#options = options
  }

  read(): StateRead {
    const { path, maxBytes } = this.#options
    try {
      const found = statSync(path)
      if (!found.isFile()) return { kind: 'unreadable', message: 'is not a regular file' }
      if (found.size > maxBytes)
        return { kind: 'unreadable', message: `has ${found.size} octets, more than the limit of ${maxBytes}` }
      return { kind: 'text', text: readFileSync(path, 'latin1') }
    } catch (error) {
      return errorCode(error) === 'ENOENT' ? { kind: 'missing' } : { kind: 'unreadable', message: errorText(error) }
    }
  }

  write(text: string): void {
    this.#pending = text
    this.#writing ??= this.#drain()
  }

  settled(): Promise<void> {
    return this.#writing ?? Promise.resolve()
  }

  async #drain(): Promise<void> {
    for (let text = this.#pending; text !== null; text = this.#pending) {
      this.#pending = null
      await replaceFile(this.#options.path, text).catch(error => this.#options.onError(errorText(error)))
    }
    this.#writing = null
  }
}

/** Replaces a file as a whole, as latin-1 by default; rejects with what the system says, and the old text stays. */
export async function replaceFile(path: string, text: string, encoding: 'latin1' | 'utf8' = 'latin1'): Promise<void> {
  const fresh = join(dirname(path), `.${basename(path)}.${process.pid}.new`)
  try {
    // A leftover of a process with our number is overwritten; a link that somebody put there is not followed.
    await unlink(fresh).catch(() => {})
    await withFile(await open(fresh, 'wx', MODE), async file => {
      await file.writeFile(text, encoding)
      await file.sync()
    })
    await rename(fresh, path)
  } catch (error) {
    await unlink(fresh).catch(() => {})
    throw error
  }
  await withFile(await open(dirname(path), 'r'), directory => directory.sync())
}

async function withFile(file: FileHandle, use: (file: FileHandle) => Promise<void>): Promise<void> {
  try {
    await use(file)
  } finally {
    await file.close()
  }
}
