/**
 * Last good copies of fetched lists, in a directory: what a start serves with before any server of lists was asked. A
 * copy that is damaged, or of another URL, is as none.
 */
import { readFileSync } from 'node:fs'
import { mkdir, open, rename, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { errorText } from '../../events.ts'
import type { Validators } from './fetch.ts'

export interface CopyFacts extends Validators {
  readonly url: string
  /** Seconds since 1970. */
  readonly fetchedAt: number
}

export class ListCopies {
  readonly #directory: string
  readonly #onError: (message: string) => void

  constructor(directory: string, onError: (message: string) => void) {
    this.#directory = directory
    this.#onError = onError
  }

  path(name: string): string {
    return join(this.#directory, `${name}.list`)
  }

  /** Null: there is none of this URL. */
  facts(name: string, url: string): CopyFacts | null {
    try {
      const value: unknown = JSON.parse(readFileSync(this.#factsPath(name), 'utf8'))
      if (typeof value !== 'object' || value === null) return null
      const { url: of, fetchedAt, etag, lastModified }: Partial<Record<keyof CopyFacts, unknown>> = value
      const text = (one: unknown): string | null => (typeof one === 'string' ? one : null)
      if (of !== url || typeof fetchedAt !== 'number') return null
      return { url, fetchedAt, etag: text(etag), lastModified: text(lastModified) }
    } catch {
      return null
    }
  }

  /** Octets first: facts without them would keep a list from being fetched. */
  async write(name: string, octets: Uint8Array, facts: CopyFacts): Promise<void> {
    try {
      await mkdir(this.#directory, { recursive: true, mode: 0o750 })
      await replace(this.path(name), octets)
      await this.touch(name, facts)
    } catch (error) {
      this.#onError(`the copy of the list "${name}" cannot be written: ${errorText(error)}`)
    }
  }

  /** The same content was there at another time. */
  async touch(name: string, facts: CopyFacts): Promise<void> {
    await replace(this.#factsPath(name), new TextEncoder().encode(`${JSON.stringify(facts, null, 2)}\n`)).catch(
      (error: unknown) => this.#onError(`${this.#factsPath(name)}: ${errorText(error)}`),
    )
  }

  #factsPath(name: string): string {
    return join(this.#directory, `${name}.json`)
  }
}

const MODE = 0o640

/** Whoever reads the path sees the old octets or the new ones, also after a power failure. */
async function replace(path: string, octets: Uint8Array): Promise<void> {
  const fresh = `${path}.${process.pid}.new`
  try {
    await unlink(fresh).catch(() => {})
    const file = await open(fresh, 'wx', MODE)
    try {
      await file.writeFile(octets)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(fresh, path)
  } catch (error) {
    await unlink(fresh).catch(() => {})
    throw error
  }
}
