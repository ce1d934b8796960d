/** What the shell offers after `rootwalk query`: words with + and record types, besides flags. */
import { PLUS_WORDS } from './query/dig-options.ts'
import { RrType } from '../dns/types.ts'

/** Null: nothing of a query, the usual flags and commands. Types keep the case in which they are typed. */
export function completeQuery(current: string, words: readonly unknown[]): readonly string[] | null {
  if (!words.includes('query') || current.startsWith('-') || current === 'query') return null
  if (current.startsWith('+')) {
    const typed = current.slice(1)
    const own = PLUS_WORDS.filter(word => word.startsWith(typed))
    // Without a letter more, each word twice is more than anybody reads.
    const negated = typed.startsWith('no')
      ? PLUS_WORDS.map(word => `no${word}`).filter(word => word.startsWith(typed))
      : []
    return [...own, ...negated].map(word => `+${word}`)
  }
  if (current === '') return []
  const types = Object.keys(RrType).filter(type => type.startsWith(current.toUpperCase()))
  return current === current.toUpperCase() ? types : types.map(type => type.toLowerCase())
}
