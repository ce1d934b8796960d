/** What was typed and not applied yet, and what is wrong with it; kept while one looks elsewhere. */
import { signal } from '@preact/signals'

/** By path; null: as without the API. */
export const drafts = signal<ReadonlyMap<string, string | null>>(new Map())
/** By path. */
export const faults = signal<ReadonlyMap<string, readonly string[]>>(new Map())

/** What is typed is another draft: what was said of the one before is gone. */
const listeners = new Set<() => void>()
export function onDraft(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** Undefined: left as it is. */
export function draft(path: string, text: string | null | undefined): void {
  const next = new Map(drafts.value)
  if (text === undefined) next.delete(path)
  else next.set(path, text)
  drafts.value = next
  const left = new Map(faults.value)
  left.delete(path)
  faults.value = left
  for (const listener of listeners) listener()
}

export function dropDrafts(): void {
  drafts.value = new Map()
  faults.value = new Map()
}
