/**
 * Names with their labels the other way round: `www.example.com.` is `com.example.www.`, so that all that is in a zone
 * stands together and an index finds it. Pure but for the look at a file's columns.
 */
import type { Database } from './sqlite.ts'

/** Of a name in presentation format with the dot at its end. A dot after a backslash is in a label (RFC 1035 5.1). */
export const turnedName = (name: string): string => `${(name.match(/(?:\\.|[^.\\])+/gs) ?? []).reverse().join('.')}.`

/** From the name itself, up to and without the second, are all names under it. */
export function turnedRange(name: string): readonly [from: string, to: string] {
  const from = turnedName(name)
  // A slash is what comes after a dot.
  return [from, `${from.slice(0, -1)}/`]
}

/** Files of earlier versions have none. */
export const hasTurnedNames = (db: Database): boolean =>
  db.prepare("SELECT 1 AS there FROM pragma_table_info('names') WHERE name = 'turned'").get() !== undefined
