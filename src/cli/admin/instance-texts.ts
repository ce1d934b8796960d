/** What the API says of the other instances of a shared cache, in words. */
import { counted } from '../../presentation/counted.ts'
import { fieldsOf } from './fields.ts'

interface Other {
  readonly name: string
  readonly ms: number | null
}

/** Null: they were not asked for. */
function othersOf(body: unknown): { readonly kind: unknown; readonly others: readonly Other[] } | null {
  const { instances } = fieldsOf(body)
  if (instances === undefined || instances === null) return null
  const { kind, others } = fieldsOf(instances)
  const list = Array.isArray(others) ? others.map(fieldsOf) : []
  return { kind, others: list.map(({ name, ms }) => ({ name: String(name), ms: typeof ms === 'number' ? ms : null })) }
}

/** Who confirmed, and when; empty where they were not asked for. */
export function instancesText(body: unknown): string {
  const found = othersOf(body)
  if (found === null || found.kind !== 'published') return ''
  if (found.others.length === 0) return '; no other instance is there\n'
  return found.others
    .map(({ name, ms }) => `${name}: ${ms === null ? 'not confirmed' : `${ms.toFixed(1)} ms`}\n`)
    .join('')
}

/** Why not all instances have done it; null: they have, or were not asked for. */
export function missingInstances(body: unknown): string | null {
  const found = othersOf(body)
  if (found === null) return null
  switch (found.kind) {
    case 'unreachable':
      return 'done here; the shared cache does not answer: the other instances hear of it when it does'
    case 'none':
      return 'done here; "sharedCache" is not in the configuration, by which other instances would hear of it'
    default: {
      const missing = found.others.filter(({ ms }) => ms === null)
      return missing.length === 0 ? null : `${counted(missing.length, 'instance')} did not confirm within 1 s`
    }
  }
}
