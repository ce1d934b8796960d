/**
 * Tokens: those of the configuration, and those that were made through the API, which are kept by their hashes in the
 * state directory. One of the API with a name that the configuration has too is not taken.
 *
 * Invariants: what a caller was answered is on the disk, where there is a directory; a file that is damaged lets no one
 * in, is set aside and reported.
 */
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { errorText } from '../events.ts'
import { openStateFile, replaceFile, type StateFile } from '../system/state-file.ts'
import { SCOPES } from './access.ts'
import { adminLimits } from './limits.ts'
import type { Scope, TokenSetting } from './messages.ts'

/** All that is known of a token but its hash. Times in seconds since 1970 UTC; null: not known, or never. */
export interface TokenEntry {
  readonly name: string
  readonly scope: Scope
  readonly expires: number | null
  readonly from: 'configuration' | 'api'
  readonly createdAt: number | null
  readonly createdBy: string | null
  readonly lastUsedAt: number | null
}

interface StoredToken extends TokenSetting {
  readonly createdAt: number
  readonly createdBy: string
}

export interface TokenWish {
  readonly name: string
  readonly scope: Scope
  readonly expires: number | null
  readonly by: string
}

type Refused = { readonly kind: 'taken' } | { readonly kind: 'too-many' } | NotWritten
/** The state directory cannot be written; nothing has changed. */
interface NotWritten {
  readonly kind: 'not-written'
  readonly message: string
}

export interface TokenStoreParts {
  readonly configured: () => readonly TokenSetting[]
  /** The state directory; null: tokens of the API end with the process. */
  readonly state: string | null
  /** Seconds since 1970. */
  readonly wall: () => number
  readonly report: (message: string) => void
}

const FILE = 'tokens.json'
/** Octets of randomness: as much as the hash keeps. */
const TOKEN_OCTETS = 32

/** Begins as scanners for secrets in files look for them. */
export function newToken(): { readonly token: string; readonly sha256: string } {
  const token = `rw_${randomBytes(TOKEN_OCTETS).toString('base64url')}`
  return { token, sha256: createHash('sha256').update(token).digest('hex') }
}

export class TokenStore {
  readonly #parts: TokenStoreParts
  readonly #file: { readonly path: string; readonly state: StateFile } | null
  #stored: readonly StoredToken[]
  readonly #used = new Map<string, number>()
  /** When the last uses were written. */
  #usedWritten = 0
  #turn: Promise<unknown> = Promise.resolve()

  constructor(parts: TokenStoreParts) {
    this.#parts = parts
    this.#file = parts.state === null ? null : openTokenFile(parts.state, parts.report)
    this.#stored = this.#file === null ? [] : this.#read(this.#file)
  }

  /** All that are taken now. */
  all(): readonly TokenSetting[] {
    const configured = this.#parts.configured()
    return this.#stored.length === 0 ? configured : [...configured, ...this.#own()]
  }

  list(): readonly TokenEntry[] {
    const lastUsedAt = (name: string): number | null => this.#used.get(name) ?? null
    const unknown = { createdAt: null, createdBy: null }
    return [
      ...this.#parts.configured().map(({ name, scope, expires }) => ({
        ...{ name, scope, expires, from: 'configuration' as const, ...unknown, lastUsedAt: lastUsedAt(name) },
      })),
      ...this.#own().map(({ name, scope, expires, createdAt, createdBy }) => ({
        ...{ name, scope, expires, from: 'api' as const, createdAt, createdBy, lastUsedAt: lastUsedAt(name) },
      })),
    ]
  }

  /** The token itself is in the result and nowhere else. With `dryRun` there is none, and nothing changes. */
  create(
    { by, ...wish }: TokenWish,
    dryRun: boolean,
  ): Promise<{ readonly kind: 'created'; readonly token: string | null; readonly entry: TokenEntry } | Refused> {
    return this.#inTurn(async () => {
      if (this.all().some(({ name }) => name === wish.name)) return { kind: 'taken' }
      if (this.#stored.length >= adminLimits.tokens) return { kind: 'too-many' }
      const createdAt = this.#parts.wall()
      const entry = { ...wish, from: 'api' as const, createdAt, createdBy: by, lastUsedAt: null }
      if (dryRun) return { kind: 'created', token: null, entry }
      const { token, sha256 } = newToken()
      const failed = await this.#replace([...this.#stored, { ...wish, sha256, createdAt, createdBy: by }])
      return failed ?? { kind: 'created', token, entry }
    })
  }

  revoke(name: string, dryRun: boolean): Promise<{ readonly kind: 'revoked' | 'absent' | 'configured' } | NotWritten> {
    return this.#inTurn(async () => {
      if (this.#parts.configured().some(one => one.name === name)) return { kind: 'configured' }
      const left = this.#stored.filter(one => one.name !== name)
      if (left.length === this.#stored.length) return { kind: 'absent' }
      const failed = dryRun ? null : await this.#replace(left)
      if (!dryRun && failed === null) this.#used.delete(name)
      return failed ?? { kind: 'revoked' }
    })
  }

  used(name: string): void {
    const now = this.#parts.wall()
    this.#used.set(name, now)
    if (this.#file === null || now - this.#usedWritten < adminLimits.tokenUseSeconds) return
    if (!this.#stored.some(one => one.name === name)) return
    this.#usedWritten = now
    void this.#inTurn(() => this.#replace(this.#stored))
  }

  #own(): readonly StoredToken[] {
    const configured = new Set(this.#parts.configured().map(({ name }) => name))
    return this.#stored.filter(({ name }) => !configured.has(name))
  }

  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(change)
    this.#turn = turn.catch(() => {})
    return turn
  }

  /** On the disk first, so that what was answered is true after a restart too. */
  async #replace(tokens: readonly StoredToken[]): Promise<NotWritten | null> {
    if (this.#file !== null) {
      const kept = tokens.map(one => ({ ...one, lastUsedAt: this.#used.get(one.name) ?? null }))
      try {
        await replaceFile(this.#file.path, `${JSON.stringify(kept, null, 2)}\n`)
      } catch (error) {
        const message = `${this.#file.path} cannot be written: ${errorText(error)}`
        this.#parts.report(message)
        return { kind: 'not-written', message }
      }
    }
    this.#stored = tokens
    return null
  }

  #read({ path, state }: { readonly path: string; readonly state: StateFile }): readonly StoredToken[] {
    const { report } = this.#parts
    const read = state.read()
    if (read.kind === 'missing') return []
    try {
      if (read.kind === 'unreadable') throw new Error(read.message)
      const value: unknown = JSON.parse(read.text)
      if (!Array.isArray(value)) throw new Error('it is no list')
      return value.map((one: unknown) => this.#taken(one))
    } catch (error) {
      report(`${path} is not used, and tokens made through the API are not taken: ${errorText(error)}`)
      setAside(path, report)
      return []
    }
  }

  #taken(value: unknown): StoredToken {
    const fields: Readonly<Record<string, unknown>> = typeof value === 'object' && value !== null ? { ...value } : {}
    const { name, scope: written, sha256, expires, createdAt, createdBy, lastUsedAt } = fields
    const scope = SCOPES.find(one => one === written)
    if (
      typeof name !== 'string' ||
      scope === undefined ||
      typeof sha256 !== 'string' ||
      !/^[\da-f]{64}$/.test(sha256) ||
      !(expires === null || typeof expires === 'number') ||
      typeof createdAt !== 'number' ||
      typeof createdBy !== 'string'
    )
      throw new Error('an entry is no token')
    if (typeof lastUsedAt === 'number') this.#used.set(name, lastUsedAt)
    return { name, scope, sha256, expires, createdAt, createdBy }
  }
}

/** Found again by whoever wants to know what was in it; a start is never held up by it. */
function setAside(path: string, report: (message: string) => void): void {
  try {
    renameSync(path, `${path}.broken`)
  } catch (error) {
    report(`${path} cannot be set aside: ${errorText(error)}`)
  }
}

function openTokenFile(directory: string, report: (message: string) => void): { path: string; state: StateFile } {
  const path = join(directory, FILE)
  try {
    mkdirSync(directory, { recursive: true, mode: 0o750 })
  } catch (error) {
    report(`${directory}: ${errorText(error)}`)
  }
  return { path, state: openStateFile({ path, maxBytes: adminLimits.tokenFileBytes, onError: report }) }
}
