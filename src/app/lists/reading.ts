/**
 * Lists read and compiled, in whatever thread: a job says what there is to read, and the result has its rules with the
 * filter over them and those that stay. `list-store.ts` has it done in the thread of `list-thread.ts`, or here in
 * slices.
 */
import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { domainToASCII } from 'node:url'
import { errorText } from '../../events.ts'
import type { ListLimits } from '../../limits.ts'
import { compileList, type CompiledList, type ListCounts } from '../../policy/lists/compile.ts'
import { type HashKey, NameHasher } from '../../policy/lists/hash.ts'
import type { Layer, ListFormat } from '../../policy/lists/rule.ts'
import { makeFilter } from '../../policy/lists/table.ts'

export interface ListInput {
  readonly name: string
  readonly format: ListFormat
  readonly layer: Layer
  readonly match: 'exact' | 'suffix'
  readonly content:
    | { readonly kind: 'file'; readonly path: string }
    | { readonly kind: 'octets'; readonly octets: Uint8Array }
  /** The table that stays when this one cannot be used; null: there is none. */
  readonly old: Uint32Array | null
  /** A list without rules is not taken: after an outage a server may give an empty file. */
  readonly mayBeEmpty: boolean
}

export interface ListJob {
  readonly key: HashKey
  readonly limits: ListLimits
  readonly lists: readonly ListInput[]
  /** Tables that stay as they are. */
  readonly others: readonly Uint32Array[]
}

export interface ReadList {
  readonly name: string
  /** Of the octets; null where they could not be read. */
  readonly hash: string | null
  readonly result:
    | { readonly kind: 'compiled'; readonly list: CompiledList }
    | { readonly kind: 'failed'; readonly reason: string; readonly counts: ListCounts | null }
}

export interface HandedLists {
  readonly lists: readonly ReadList[]
  readonly filter: Uint32Array
}

export interface ListProgress {
  readonly name: string
  readonly percent: number
}

const FILTER_ROWS_PER_STEP = 10_000

/** In steps of about a millisecond. */
export function* readLists(job: ListJob): Generator<ListProgress, HandedLists> {
  const lists: ReadList[] = []
  const tables = [...job.others]
  const hasher = new NameHasher(job.key)
  for (const input of job.lists) {
    const read = yield* readList(input, job, hasher)
    lists.push(read)
    const table = read.result.kind === 'compiled' ? read.result.list.slots : input.old
    if (table !== null) tables.push(table)
  }
  const steps = makeFilter(tables, job.limits.filterBitsPerRule, FILTER_ROWS_PER_STEP)
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return { lists, filter: step.value }
    yield { name: '', percent: 100 }
  }
}

function* readList(input: ListInput, { limits }: ListJob, hasher: NameHasher): Generator<ListProgress, ReadList> {
  const { name, format, layer, match, content, mayBeEmpty } = input
  const failed = (reason: string, hash: string | null = null, counts: ListCounts | null = null): ReadList => ({
    name,
    hash,
    result: { kind: 'failed', reason, counts },
  })
  const octets = content.kind === 'octets' ? content.octets : fileOctets(content.path, limits.listBytes)
  if (typeof octets === 'string') return failed(octets)
  const hash = createHash('sha256').update(octets).digest('hex')
  const steps = compileList(octets, { format, layer, match, limits, toAscii: domainToASCII }, hasher)
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done !== true) {
      yield { name, percent: Math.floor((100 * step.value) / Math.max(1, octets.length)) }
      continue
    }
    const result = step.value
    if (result.kind === 'rejected') return failed(result.reason, hash, result.counts)
    if (result.list.counts.rules === 0 && !mayBeEmpty) return failed('has no rules', hash, result.list.counts)
    return { name, hash, result }
  }
}

/** The octets of a file, or why there are none. */
function fileOctets(path: string, maxBytes: number): Uint8Array | string {
  try {
    const found = statSync(path)
    if (!found.isFile()) return 'is not a regular file'
    if (found.size > maxBytes) return `has ${found.size} octets, more than the limit of ${maxBytes}`
    return readFileSync(path)
  } catch (error) {
    return `cannot be read: ${errorText(error).replace(/,.*/, '')}`
  }
}

/** All steps at once: in a thread, and where nothing else is to be done meanwhile. */
export function readListsAtOnce(job: ListJob, onProgress: (progress: ListProgress) => void = () => {}): HandedLists {
  const steps = readLists(job)
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done === true) return step.value
    onProgress(step.value)
  }
}

// Both sides are of one version; these distinguish the kinds of messages, not valid ones from invalid ones.
const has = (value: unknown, ...keys: readonly string[]): boolean =>
  typeof value === 'object' && value !== null && keys.every(key => key in value)
export const isListJob = (value: unknown): value is ListJob => has(value, 'key', 'limits', 'lists', 'others')
export const isHandedLists = (value: unknown): value is HandedLists => has(value, 'lists', 'filter')
export const isListProgress = (value: unknown): value is ListProgress => has(value, 'name', 'percent')
