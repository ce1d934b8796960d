/** Rows in the order in which they stood, with what is known of them now. Pure. */

/** Those that are gone stay as they were last; new ones come after all others, as many as there is room for. */
export function steady<T>(shown: readonly T[], latest: readonly T[], keyOf: (row: T) => string): readonly T[] {
  const now = new Map(latest.map(row => [keyOf(row), row]))
  const kept = shown.map(row => now.get(keyOf(row)) ?? row)
  const known = new Set(kept.map(keyOf))
  const room = Math.max(0, latest.length - kept.length)
  return [...kept, ...latest.filter(row => !known.has(keyOf(row))).slice(0, room)]
}
