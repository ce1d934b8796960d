/** The state of a zone after a revision, as it is kept. */
import { isObject } from '../../config/json.ts'
import type { ZoneEdits } from './zone-plan.ts'

export type ZoneValue =
  /** Of a zone of the API. */
  | { readonly kind: 'text'; readonly text: string }
  /** Of a file that is editable: what stood in it. */
  | { readonly kind: 'file'; readonly text: string }
  /** What is laid over the zone of a file. */
  | { readonly kind: 'edits'; readonly edits: ZoneEdits }
  /** There is none, or it is as its file has it. */
  | { readonly kind: 'none' }

export const NOTHING: ZoneValue = { kind: 'none' }

/** Null: it is none. */
export function readZoneValue(value: unknown): ZoneValue | null {
  const { kind, text, edits } = isObject(value) ? value : {}
  if (kind === 'none') return NOTHING
  if ((kind === 'text' || kind === 'file') && typeof text === 'string') return { kind, text }
  if (kind !== 'edits' || !isObject(edits)) return null
  const { set, gone } = edits
  if (!Array.isArray(set) || !Array.isArray(gone)) return null
  return {
    kind,
    edits: {
      set: set.filter(one => typeof one === 'string'),
      gone: gone.flatMap((one: unknown) => {
        const { name, type } = isObject(one) ? one : {}
        return typeof name === 'string' && typeof type === 'string' ? [{ name, type }] : []
      }),
    },
  }
}
