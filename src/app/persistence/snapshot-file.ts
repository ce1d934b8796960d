/**
 * The file of a snapshot in the state directory: written next to the one that is there and then put in its place, the
 * last one kept as `.prev`; read piece by piece. What is in it is known in `cache/snapshot/`.
 *
 * Invariants: at every instant a whole snapshot is there under its name, whatever ends the process; what was begun and
 * not finished is never read.
 */
import { link, open, rename, unlink, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import {
  type Block,
  BlockReader,
  MAX_HEADER_OCTETS,
  readHeader,
  type SnapshotHeader,
  writeHeader,
} from '../../cache/snapshot/format.ts'
import type { Taken } from '../../cache/snapshot/section.ts'
import { errorText } from '../../events.ts'
import { errorCode } from '../../system/system-error.ts'

const NAME = 'cache.snapshot'
/** What was asked for is in it. */
const MODE = 0o600

export const snapshotPath = (directory: string): string => join(directory, NAME)

/** Lets the process do other things; called between pieces of work. */
export type Pause = () => Promise<void>

export interface Written {
  readonly entries: number
  readonly bytes: number
}

/**
 * Writes a snapshot; null: `isStill` said that it is no longer wanted, and what was there stays. Rejects when it cannot
 * be written, with nothing left of it.
 */
export async function writeSnapshot(
  directory: string,
  header: SnapshotHeader,
  blocks: Iterable<Taken>,
  pause: Pause,
  isStill: () => boolean,
): Promise<Written | null> {
  const path = snapshotPath(directory)
  const fresh = `${path}.new`
  // A leftover of a process that was killed, or a link that somebody put there.
  await unlink(fresh).catch(() => {})
  try {
    const written = await withFile(await open(fresh, 'wx', MODE), async file => {
      const all = await writeBlocks(file, header, blocks, pause, isStill)
      if (all !== null) await file.sync()
      return all
    })
    if (written === null) await unlink(fresh)
    else await putInPlace(path, fresh, directory)
    return written
  } catch (error) {
    await unlink(fresh).catch(() => {})
    throw error
  }
}

async function writeBlocks(
  file: FileHandle,
  header: SnapshotHeader,
  blocks: Iterable<Taken>,
  pause: Pause,
  isStill: () => boolean,
): Promise<Written | null> {
  const start = writeHeader(header, crc32)
  await writeAll(file, start)
  let entries = 0
  let bytes = start.length
  for (const { octets, entries: count } of blocks) {
    if (octets !== null) {
      await writeAll(file, octets)
      entries += count
      bytes += octets.length
    }
    await pause()
    if (!isStill()) return null
  }
  return { entries, bytes }
}

/** A file that is full takes a part without an error. */
async function writeAll(file: FileHandle, octets: Uint8Array): Promise<void> {
  for (let at = 0; at < octets.length; ) at += (await file.write(octets, at)).bytesWritten
}

async function putInPlace(path: string, fresh: string, directory: string): Promise<void> {
  const previous = `${path}.prev`
  await unlink(previous).catch(() => {})
  // A second name for what is there, so that its own name is never without a file. Not every file system has that.
  await link(path, previous).catch((error: unknown) =>
    errorCode(error) === 'ENOENT' ? undefined : rename(path, previous),
  )
  await rename(fresh, path)
  await withFile(await open(directory, 'r'), handle => handle.sync())
}

export type SnapshotOpened =
  | { readonly kind: 'opened'; readonly path: string; readonly header: SnapshotHeader; readonly file: SnapshotReader }
  | { readonly kind: 'missing' }
  /** It was written by a later release, and is called `to` now. */
  | { readonly kind: 'set-aside'; readonly path: string; readonly to: string; readonly format: number }
  | { readonly kind: 'unreadable'; readonly path: string; readonly message: string }

/** The snapshot (or the one before it), at its first block. */
export async function openSnapshot(directory: string, which: 'latest' | 'previous'): Promise<SnapshotOpened> {
  const path = `${snapshotPath(directory)}${which === 'latest' ? '' : '.prev'}`
  let file: FileHandle | null = null
  try {
    file = await open(path, 'r')
    const start = new Uint8Array(MAX_HEADER_OCTETS)
    const { bytesRead } = await file.read(start, 0, start.length, 0)
    const read = readHeader(start.subarray(0, bytesRead), crc32)
    switch (read.kind) {
      case 'header':
        return { kind: 'opened', path, header: read.header, file: new SnapshotReader(file, read.octets) }
      case 'newer': {
        await file.close()
        const to = `${path}.format${read.format}`
        await rename(path, to)
        return { kind: 'set-aside', path, to, format: read.format }
      }
      case 'damaged':
        await file.close()
        return { kind: 'unreadable', path, message: read.message }
      default:
        return read satisfies never
    }
  } catch (error) {
    await file?.close().catch(() => {})
    return errorCode(error) === 'ENOENT' ? { kind: 'missing' } : { kind: 'unreadable', path, message: errorText(error) }
  }
}

/** Octets that are read at once: some blocks. */
const READ_OCTETS = 262_144

class SnapshotReader {
  readonly #file: FileHandle
  readonly #blocks = new BlockReader(crc32)
  #at: number
  #ended = false

  constructor(file: FileHandle, at: number) {
    this.#file = file
    this.#at = at
  }

  /** Octets that belong to no block. */
  get skipped(): number {
    return this.#blocks.skipped
  }

  /** The next block; null at the end. Rejects when the file cannot be read. */
  async next(): Promise<Block | null> {
    for (;;) {
      const block = this.#blocks.next()
      if (block !== null || this.#ended) return block
      const octets = new Uint8Array(READ_OCTETS)
      const { bytesRead } = await this.#file.read(octets, 0, READ_OCTETS, this.#at)
      this.#at += bytesRead
      this.#blocks.push(octets.subarray(0, bytesRead))
      if (bytesRead > 0) continue
      this.#ended = true
      this.#blocks.end()
    }
  }

  async close(): Promise<void> {
    await this.#file.close()
  }
}

async function withFile<T>(file: FileHandle, use: (file: FileHandle) => Promise<T>): Promise<T> {
  try {
    return await use(file)
  } finally {
    await file.close()
  }
}
