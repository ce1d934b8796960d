/**
 * What a stub was asked: recorded, searched, waited for and asserted. Invariant: a recorded query never changes but in
 * `matched` and `answeredWith`, which are settled when it is answered; the newest are kept, `stubSettings.queries` of
 * them.
 */
import { counted, times } from '../../presentation/counted.ts'
import { AssertionError } from 'node:assert'
import { suggest } from '../../presentation/suggest.ts'
import { listedName, patternOf, duration, knownFields, typeOf, wholeNumber } from '../../input/names.ts'
import { typeName } from '../../dns/types.ts'
import { callSite, type Entry, withSite } from '../../input/mistake.ts'
import { stubSettings } from './settings.ts'
import type { RecordedQuery } from './types.ts'

/** While it is being answered. */
export type OpenQuery = { -readonly [Field in keyof RecordedQuery]: RecordedQuery[Field] }

interface Waiter {
  readonly wants: Wanted
  readonly count: number
  readonly found: (query: RecordedQuery) => void
  readonly stopped: () => void
}

type Wanted = (query: RecordedQuery) => boolean

export class QueryBook {
  #queries: OpenQuery[] = []
  readonly #waiters = new Set<Waiter>()

  get all(): readonly RecordedQuery[] {
    return [...this.#queries]
  }

  get unmatched(): readonly RecordedQuery[] {
    return this.#queries.filter(query => !query.matched)
  }

  add(query: OpenQuery): void {
    // A tenth more before old ones go: moving the rest for every query would cost quadratic time.
    if (this.#queries.length >= stubSettings.queries * 1.1) this.#queries = this.#queries.slice(-stubSettings.queries)
    this.#queries.push(query)
    for (const waiter of this.#waiters) if (waiter.wants(query)) this.#tell(waiter)
  }

  for(name: unknown, type: unknown): RecordedQuery[] {
    return this.#queries.filter(wanted(name, type))
  }

  clear(): void {
    this.#queries = []
  }

  /** Resolves with the `count`-th query that fits, of those since the last `clear`. */
  wait(name: unknown, options: unknown, entry: Entry): Promise<RecordedQuery> {
    const given = options ?? {}
    knownFields(given, ['type', 'timeout', 'count'], 'the options')
    const {
      type,
      timeout = stubSettings.waitMs,
      count = 1,
    }: { type?: unknown; timeout?: unknown; count?: unknown } = given
    const wants = wanted(name, type)
    const waitMs = duration(timeout, 'timeout')
    const nth = Math.max(1, wholeNumber(count, 'count', Number.MAX_SAFE_INTEGER))
    const found = this.#queries.filter(wants)[nth - 1]
    if (found !== undefined) return Promise.resolve(found)
    const site = callSite(entry)
    return new Promise((resolve, reject) => {
      const failed = (why: string): void => {
        const found = nth === 1 ? 'no query' : `${this.#queries.filter(wants).length} of ${nth} queries`
        const what = `${found} for ${String(name)}${type === undefined ? '' : ` ${String(type)}`}`
        reject(
          withSite(
            new AssertionError({ message: `${what} ${why}; ${this.#askedText()}`, operator: 'waitForQuery' }),
            site,
          ),
        )
      }
      const end = (): void => {
        clearTimeout(timer)
        this.#waiters.delete(waiter)
      }
      const waiter: Waiter = {
        wants,
        count: nth,
        found: query => {
          end()
          resolve(query)
        },
        stopped: () => {
          end()
          failed('came before the stub was stopped')
        },
      }
      const timer = setTimeout(() => {
        end()
        failed(`came within ${waitMs} ms`)
      }, waitMs)
      this.#waiters.add(waiter)
    })
  }

  /** No waiter is left. */
  stop(): void {
    for (const waiter of this.#waiters) waiter.stopped()
  }

  /** Throws an `AssertionError` with the stack of the caller of `entry`. */
  assertNoUnmatched(listed: readonly string[], more: (query: RecordedQuery) => string | null, entry: Entry): void {
    const counts = new Map<string, { readonly query: RecordedQuery; count: number }>()
    for (const query of this.unmatched) {
      const key = `${query.name} ${query.type}`
      const known = counts.get(key)
      if (known === undefined) counts.set(key, { query, count: 1 })
      else known.count++
    }
    if (counts.size === 0) return
    const lines = [...counts].slice(0, stubSettings.listed).map(([key, { query, count }]) => {
      const close = suggest(query.name, listed)
      const note = more(query) ?? (close === null ? '' : `; did you mean ${close}?`)
      return (
        `  ${key} (${query.transport}${count === 1 ? '' : `, ${times(count)}`}, answered ` +
        `${query.answeredWith})${note}`
      )
    })
    if (counts.size > lines.length) lines.push(`  and ${counts.size - lines.length} more`)
    const questions = counted(counts.size, 'question')
    const message = `the stub was asked ${questions} that nothing in it answers:\n${lines.join('\n')}`
    throw new AssertionError({ message, operator: 'assertNoUnmatched', stackStartFn: entry })
  }

  #tell(waiter: Waiter): void {
    const fitting = this.#queries.filter(waiter.wants)
    const found = fitting[waiter.count - 1]
    if (found !== undefined) waiter.found(found)
  }

  #askedText(): string {
    const asked = [...new Set(this.#queries.map(query => `${query.name} ${query.type}`))]
    if (asked.length === 0) return 'nothing was asked'
    const shown = asked.slice(-stubSettings.listed).join(', ')
    return `asked ${asked.length === 1 ? 'was' : 'were'} ${asked.length > stubSettings.listed ? `… ${shown}` : shown}`
  }
}

function wanted(name: unknown, type: unknown): Wanted {
  const pattern = patternOf(name)
  const typed = type === undefined ? null : typeName(typeOf(type))
  const fits: Wanted = pattern.text.startsWith('*')
    ? query => pattern.matches(listedName(query.name))
    : query => query.name === pattern.text
  return query => (typed === null || query.type === typed) && fits(query)
}
