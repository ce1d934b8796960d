/**
 * What instances say to each other by two streams: what is to be removed or not validated (`REMOVALS`), and that they
 * are there and how far they have read (`INSTANCES`). Text of JSON with a seal; what has none, or has no meaning here,
 * is passed over.
 */
import { foldName, type Name } from '../../dns/name.ts'
import { formatName, parseName } from '../../presentation/text.ts'
import { parsePosition, positionText, type Position } from './position.ts'
import type { Seals } from './seal.ts'

export const REMOVALS = 'rw1:removals'
export const INSTANCES = 'rw1:instances'

export type Change =
  /** `everywhere`: from the caches of all instances too; else only of what is shared. */
  | {
      readonly kind: 'flush'
      readonly name: Name | null
      readonly below: boolean
      readonly servers: boolean
      readonly everywhere: boolean
    }
  /** `until` in seconds since 1970 UTC. */
  | { readonly kind: 'validate-not'; readonly name: Name; readonly until: number }
  | { readonly kind: 'validate'; readonly name: Name }

export interface Presence {
  /** Chosen at random by each process. */
  readonly id: string
  readonly name: string
  /** The last removal that it has carried out. */
  readonly position: Position
  readonly isLeaving: boolean
}

export interface Entry {
  readonly position: Position
  /** By the names of its fields. */
  readonly fields: ReadonlyMap<string, string>
}

/** The fields of an entry. */
function sealed(seals: Seals, stream: string, value: object): readonly string[] {
  const text = JSON.stringify(value)
  return ['m', text, 's', seals.sealMessage(stream, text)]
}

function opened(seals: Seals, stream: string, { fields }: Entry): Readonly<Record<string, unknown>> | null {
  const [text, digits] = [fields.get('m'), fields.get('s')]
  if (text === undefined || digits === undefined || !seals.isSealedMessage(stream, text, digits)) return null
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : null
  } catch {
    return null
  }
}

/** `once`: text that no other change has, so that an entry that is repeated is known. */
export const changeFields = (seals: Seals, change: Change, by: string, once: string): readonly string[] =>
  sealed(seals, REMOVALS, { ...change, name: change.name === null ? null : formatName(change.name), by, once })

/** Null: it is of no one who has a secret, or says what is not known here. */
export function readChange(
  seals: Seals,
  entry: Entry,
): { readonly change: Change; readonly by: string; readonly once: string } | null {
  const fields = opened(seals, REMOVALS, entry)
  if (fields === null || typeof fields.by !== 'string' || typeof fields.once !== 'string') return null
  const change = changeOf(fields)
  return change === null ? null : { change, by: fields.by, once: fields.once }
}

function changeOf({ kind, name: text, ...fields }: Readonly<Record<string, unknown>>): Change | null {
  const read = typeof text === 'string' ? parseName(text, null) : null
  const name = typeof read === 'string' ? foldName(read) : null
  const flags = [fields.below, fields.servers, fields.everywhere].map(flag => flag === true)
  const [below = false, servers = false, everywhere = false] = flags
  switch (kind) {
    case 'flush':
      return name === null && text !== null ? null : { kind, name, below, servers, everywhere }
    case 'validate-not':
      return name === null || typeof fields.until !== 'number' ? null : { kind, name, until: fields.until }
    case 'validate':
      return name === null ? null : { kind, name }
    default:
      return null
  }
}

export const presenceFields = (seals: Seals, { id, name, position, isLeaving }: Presence): readonly string[] =>
  sealed(seals, INSTANCES, { id, name, position: positionText(position), leaving: isLeaving })

export function readPresence(seals: Seals, entry: Entry): Presence | null {
  const { id, name, position: text, leaving } = opened(seals, INSTANCES, entry) ?? {}
  const position = typeof text === 'string' ? parsePosition(text) : null
  if (typeof id !== 'string' || typeof name !== 'string' || position === null) return null
  return { id, name, position, isLeaving: leaving === true }
}
