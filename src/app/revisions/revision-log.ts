/**
 * The revisions of one thing that is changed through the API (a zone, the configuration): each has a number, who made
 * it, when, why, and the whole state after it. With a directory each is a file of its own, written as a whole before
 * the change counts; without one they end with the process.
 *
 * Invariants: what `append` resolved to is on the disk; a file that cannot be read is set aside and reported, and the
 * one before it counts; the oldest go.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs'
import { unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { errorText } from '../../events.ts'
import { isObject } from '../../config/json.ts'
import { replaceFile } from '../../system/state-file.ts'
import { errorCode } from '../../system/system-error.ts'

export interface RevisionFacts {
  readonly number: number
  /** Seconds since 1970 UTC. */
  readonly at: number
  readonly author: string
  readonly comment: string | null
  readonly requestId: string
  /** It brought back the state after that revision (0: before the first); null: it is a change of its own. */
  readonly restores: number | null
}

export interface Revision<T> extends RevisionFacts {
  readonly value: T
}

export interface RevisionLogParts<T> {
  /** Null: nothing is kept on disk. */
  readonly directory: string | null
  /** Null: it is no value. */
  readonly read: (value: unknown) => T | null
  readonly report: (message: string) => void
  /** Octets of a revision at most, and revisions that are kept. */
  readonly maxBytes: number
  readonly most: number
}

export type Appended<T> =
  | { readonly kind: 'revision'; readonly revision: Revision<T> }
  | { readonly kind: 'not-written'; readonly message: string }

const FILE = /^\d{8}\.json$/
const fileOf = (number: number): string => `${String(number).padStart(8, '0')}.json`

export class RevisionLog<T> {
  readonly #parts: RevisionLogParts<T>
  /** Ascending. */
  #numbers: number[] = []
  readonly #inMemory = new Map<number, Revision<T>>()
  /** Facts of those that were read, which never change. */
  readonly #facts = new Map<number, RevisionFacts>()
  #latest: Revision<T> | null = null

  constructor(parts: RevisionLogParts<T>) {
    this.#parts = parts
    const { directory } = parts
    if (directory === null) return
    this.#numbers = numbersIn(directory, parts.report)
    for (;;) {
      const number = this.#numbers.at(-1)
      if (number === undefined) return
      this.#latest = this.get(number)
      if (this.#latest !== null) return
      this.#numbers.pop()
      setAside(join(directory, fileOf(number)), parts.report)
    }
  }

  get latest(): Revision<T> | null {
    return this.#latest
  }

  /** Newest first; those that cannot be read are left out. */
  facts(): readonly RevisionFacts[] {
    return this.#numbers.toReversed().flatMap(number => this.#facts.get(number) ?? factsOf(this.get(number)) ?? [])
  }

  get(number: number): Revision<T> | null {
    if (!this.#numbers.includes(number)) return null
    const { directory, report } = this.#parts
    if (number === this.#latest?.number) return this.#latest
    if (directory === null) return this.#inMemory.get(number) ?? null
    const path = join(directory, fileOf(number))
    try {
      const { size } = statSync(path)
      if (size > this.#parts.maxBytes) throw new Error(`it has ${size} octets`)
      const revision = this.#read(JSON.parse(readFileSync(path, 'utf8')), number)
      this.#facts.set(number, factsOf(revision) ?? revision)
      return revision
    } catch (error) {
      report(`${path} is not used: ${errorText(error)}`)
      return null
    }
  }

  /** The state after a revision; 0 is before the first. Null: there is none of this number any more. */
  stateAfter(number: number, first: T): T | null {
    return number === 0 ? first : (this.get(number)?.value ?? null)
  }

  /**
   * Where one step back leads: to the state before the last change that was not undone. Null: there is nothing to undo.
   */
  undoTarget(): number | null {
    const reached = (number: number): number => {
      const restores = number === 0 ? null : (this.get(number)?.restores ?? null)
      return restores === null ? number : restores
    }
    if (this.#latest === null) return null
    const now = reached(this.#latest.number)
    if (now === 0) return null
    const before = reached(now - 1)
    return before === 0 || this.#numbers.includes(before) ? before : null
  }

  /** The last one cannot be used: it is set aside, and the one before it counts. */
  dropLatest(): void {
    const { directory, report } = this.#parts
    for (let isFirst = true; isFirst || this.#latest === null; isFirst = false) {
      const number = this.#numbers.pop()
      this.#latest = null
      if (number === undefined) return
      if (directory !== null) setAside(join(directory, fileOf(number)), report)
      this.#inMemory.delete(number)
      const before = this.#numbers.at(-1)
      if (before === undefined) return
      this.#latest = this.get(before)
    }
  }

  async append(facts: Omit<RevisionFacts, 'number'>, value: T): Promise<Appended<T>> {
    const { directory, report, most } = this.#parts
    const revision: Revision<T> = { number: (this.#numbers.at(-1) ?? 0) + 1, ...facts, value }
    if (directory === null) this.#inMemory.set(revision.number, revision)
    else {
      const path = join(directory, fileOf(revision.number))
      try {
        mkdirSync(directory, { recursive: true, mode: 0o750 })
        await replaceFile(path, `${JSON.stringify(revision)}\n`, 'utf8')
      } catch (error) {
        const message = `${path} cannot be written: ${errorText(error)}`
        report(message)
        return { kind: 'not-written', message }
      }
    }
    this.#numbers.push(revision.number)
    this.#facts.set(revision.number, factsOf(revision) ?? revision)
    this.#latest = revision
    while (this.#numbers.length > most) this.#drop(this.#numbers.shift() ?? 0)
    return { kind: 'revision', revision }
  }

  #drop(number: number): void {
    const { directory, report } = this.#parts
    this.#inMemory.delete(number)
    this.#facts.delete(number)
    if (directory === null) return
    const path = join(directory, fileOf(number))
    unlink(path).catch((error: unknown) => report(`${path}: ${errorText(error)}`))
  }

  #read(value: unknown, wanted: number): Revision<T> {
    const { number, at, author, comment, requestId, restores, value: written } = isObject(value) ? value : {}
    const read = this.#parts.read(written)
    if (
      number !== wanted ||
      typeof at !== 'number' ||
      typeof author !== 'string' ||
      !(comment === null || typeof comment === 'string') ||
      typeof requestId !== 'string' ||
      !(restores === null || typeof restores === 'number') ||
      read === null
    )
      throw new Error('it is no revision')
    return { number, at, author, comment, requestId, restores, value: read }
  }
}

function factsOf(revision: RevisionFacts | null): RevisionFacts | null {
  if (revision === null) return null
  const { number, at, author, comment, requestId, restores } = revision
  return { number, at, author, comment, requestId, restores }
}

function numbersIn(directory: string, report: (message: string) => void): number[] {
  try {
    return readdirSync(directory)
      .filter(name => FILE.test(name))
      .map(name => Number.parseInt(name, 10))
      .sort((a, b) => a - b)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') report(`${directory}: ${errorText(error)}`)
    return []
  }
}

/** Kept for whoever wants to know what was in it; a start is never held up by it. */
function setAside(path: string, report: (message: string) => void): void {
  try {
    renameSync(path, `${path}.broken`)
  } catch (error) {
    report(`${path} cannot be set aside: ${errorText(error)}`)
  }
}
