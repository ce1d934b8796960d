/**
 * The caches of a running server, for engines in another thread: what is there is taken from there, and what one engine
 * asked servers for is there for the other. As a cache that instances share (`SharedCache`), so that the engine judges
 * it as that.
 *
 * Invariant: an engine gets only what was asked of the same servers by the same rules, for the same view.
 */
import { takeShared } from '../../cache/snapshot/shared-value.ts'
import type { Caches } from '../../cache/caches.ts'
import type { Delegation } from '../../cache/delegations.ts'
import { questionKey, type Question } from '../../dns/message.ts'
import type { SharedCache, SharedFound } from '../../ports.ts'
import type { OpenEngine } from '../open-engine.ts'

/** What a server knows of a question. */
export interface Lent {
  /** Values as instances share them; of the question itself the first, null: it is not cached. */
  readonly answer: Uint8Array | null
  /** Cuts above the name, which end `leftMs` from now. */
  readonly cuts: readonly (Omit<Delegation, 'expiresAt'> & { readonly leftMs: number })[]
  /** Addresses of the servers of the closest. */
  readonly addresses: readonly Uint8Array[]
}

/** How long one resolution waits for the other thread, in ms: it is seldom so busy. */
const DEADLINE_MS = 5_000
/** Values that are kept for the other engine, some kB each. */
const KEPT_VALUES = 20_000

/** What engines found out, for each other. */
export class FoundValues {
  readonly #values = new Map<string, { readonly octets: Uint8Array; readonly endsAt: number; readonly at: number }>()

  get(key: string, now: number): { readonly octets: Uint8Array; readonly ageMs: number } | null {
    const found = this.#values.get(key)
    return found === undefined || found.endsAt <= now ? null : { octets: found.octets, ageMs: now - found.at }
  }

  set(key: string, octets: Uint8Array, leftMs: number, now: number): void {
    if (this.#values.size >= KEPT_VALUES && !this.#values.has(key)) return
    this.#values.set(key, { octets, endsAt: now + leftMs, at: now })
  }
}

export interface BorrowedParts {
  /** Null: the other thread has no such view. */
  readonly ask: (partition: string, question: Question) => Promise<Lent | null>
  readonly found: FoundValues
  /** Of the running server: see `rulesText`. */
  readonly rules: string
}

/** Equal where the same servers are asked, and what they say is judged by the same rules. */
export const rulesText = ({ fingerprint }: Pick<OpenEngine, 'fingerprint'>): string => {
  const { data, trust } = fingerprint()
  return JSON.stringify([data, trust])
}

export class BorrowedCache {
  readonly #parts: BorrowedParts
  #engine: OpenEngine | null = null
  #rules = ''

  constructor(parts: BorrowedParts) {
    this.#parts = parts
  }

  /** The engine that has `port`. */
  attach(engine: OpenEngine): void {
    this.#engine = engine
    this.#rules = rulesText(engine)
  }

  readonly port = (partition: string): SharedCache => {
    const isUsable = (): boolean => this.#engine !== null
    return {
      deadlineMs: DEADLINE_MS,
      get isUsable() {
        return isUsable()
      },
      removals: 0,
      find: (question, waitMs, done) => this.#find(partition, question, waitMs, done),
      offer: (question, octets, leftMs) => {
        const now = this.#engine?.recursor.clock.now() ?? 0
        this.#parts.found.set(this.#keyOf(partition, question), octets, leftMs, now)
      },
    }
  }

  #keyOf(partition: string, question: Question): string {
    return JSON.stringify([this.#rules, partition, questionKey(question)])
  }

  #find(partition: string, question: Question, waitMs: number, done: (found: SharedFound) => void): () => void {
    const { ask, found, rules } = this.#parts
    const engine = this.#engine
    const clock = engine?.recursor.clock
    const known = clock === undefined ? null : found.get(this.#keyOf(partition, question), clock.now())
    if (engine === null || clock === undefined || known !== null || rules !== this.#rules) {
      done(known === null ? { kind: 'miss' } : { kind: 'hit', ...known, isRemoved: () => false })
      return () => {}
    }
    let isOver = false
    const end = (result: SharedFound): void => {
      if (isOver) return
      isOver = true
      giveUp()
      done(result)
    }
    const giveUp = clock.after(waitMs, () => end({ kind: 'timeout' }))
    const caches = cachesOf(engine, partition)
    void ask(partition, question).then(lent => {
      if (lent === null || caches === undefined || isOver) return end({ kind: 'miss' })
      take(lent, caches, clock.now())
      return end(
        lent.answer === null
          ? { kind: 'miss' }
          : { kind: 'hit', octets: lent.answer, ageMs: 0, isRemoved: () => false },
      )
    })
    return () => {
      isOver = true
      giveUp()
    }
  }
}

/** Of the engine for all, or of the views that ask what the text says. */
export const cachesOf = ({ recursor, partitions }: OpenEngine, partition: string): Caches | undefined =>
  partition === '' ? recursor.caches : partitions.kept.find(({ key }) => key === partition)?.caches

function take({ cuts, addresses }: Lent, caches: Caches, now: number): void {
  for (const { leftMs, ...cut } of cuts) caches.delegations.restore({ ...cut, expiresAt: now + leftMs }, now)
  for (const octets of addresses) takeShared(octets, caches, now, now, () => false)
}
