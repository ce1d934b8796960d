/**
 * `node:sqlite` where Node has it (22.13 and later), as far as the history uses it. The types are our own, since those
 * of the oldest Node that is supported have none.
 */
type Value = number | string | null

export interface Statement {
  run(...values: readonly Value[]): unknown
  get(...values: readonly Value[]): Readonly<Record<string, unknown>> | undefined
  all(...values: readonly Value[]): readonly Readonly<Record<string, unknown>>[]
}

export interface Database {
  exec(sql: string): void
  prepare(sql: string): Statement
  close(): void
}

interface SqliteModule {
  readonly DatabaseSync: new (path: string, options?: { readonly readOnly?: boolean }) => Database
}

const isModule = (module: unknown): module is SqliteModule =>
  typeof module === 'object' && module !== null && 'DatabaseSync' in module

/** Null: this Node has none. */
export function loadSqlite(): SqliteModule | null {
  const module: unknown = process.getBuiltinModule('node:sqlite')
  return isModule(module) ? module : null
}

/** Primary result codes (sqlite.org/rescode.html). */
const CORRUPT = 11
const NOT_A_DATABASE = 26

/** Is the file itself at fault, and not the disk? */
export function isDamage(error: unknown): boolean {
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return false
  const code = Number(error.errcode) & 0xff
  return code === CORRUPT || code === NOT_A_DATABASE
}

export const numberIn = (row: Readonly<Record<string, unknown>> | undefined, column: string): number =>
  Number(row?.[column] ?? 0)
export const textIn = (row: Readonly<Record<string, unknown>> | undefined, column: string): string =>
  String(row?.[column] ?? '')
