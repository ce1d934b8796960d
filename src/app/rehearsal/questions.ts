/** What clients asked, as a query log or a history has it: equal questions of one client once, with how often. */
import { adminLimits } from '../../admin/limits.ts'

/** A question as it was asked, and how often. */
export interface AskedQuestion {
  /** An address, or a block of them; empty: it is not known. */
  readonly client: string
  readonly transport: 'udp' | 'tcp' | 'tls' | 'https' | 'http'
  /** With the last dot. */
  readonly name: string
  readonly type: string
  readonly times: number
}

export interface GatheredQuestions {
  /** Those that were asked most often first. */
  readonly questions: readonly AskedQuestion[]
  /** Lines that are no query of a log, and queries whose name or class is not kept or is no question for a resolver. */
  readonly skipped: number
  /** Different questions beyond the bound, which are not compared. */
  readonly leftOut: number
}

/** A query, as far as it is asked again. */
export interface LoggedQuery {
  readonly client: string
  readonly transport: string
  readonly name: string
  readonly type: string
  readonly class?: string | undefined
}

const TRANSPORTS = ['udp', 'tcp', 'tls', 'https', 'http'] as const

export class Questions {
  readonly #found = new Map<string, AskedQuestion>()
  readonly #most: number
  #skipped = 0
  #leftOut = 0

  constructor(most: number = adminLimits.policyTestQuestions) {
    this.#most = most
  }

  add({ client, transport, name, type, class: klass = 'IN' }: LoggedQuery, times = 1): void {
    // `<other>` is what a history has no room for.
    if (klass !== 'IN' || name === '' || name.startsWith('<')) {
      this.#skipped += times
      return
    }
    const question = {
      client,
      transport: TRANSPORTS.find(one => one === transport) ?? 'udp',
      name: withDot(name.toLowerCase()),
      type: type.toUpperCase(),
    }
    const key = JSON.stringify(Object.values(question))
    const known = this.#found.get(key)
    if (known === undefined && this.#found.size >= this.#most) this.#leftOut += 1
    else this.#found.set(key, { ...question, times: (known?.times ?? 0) + times })
  }

  /** A line of a query log; `since` in seconds since 1970, null: all. */
  addLine(line: string, since: number | null): void {
    if (line.trim() === '') return
    const read = readLine(line)
    if (read === null) this.#skipped += 1
    else if (since === null || read.time >= since) this.add(read)
  }

  gathered(): GatheredQuestions {
    const questions = [...this.#found.values()].toSorted((a, b) => b.times - a.times)
    return { questions, skipped: this.#skipped, leftOut: this.#leftOut }
  }
}

const withDot = (name: string): string => (name.endsWith('.') ? name : `${name}.`)

function readLine(line: string): (LoggedQuery & { readonly time: number }) | null {
  const value = parsed(line)
  if (typeof value !== 'object' || value === null || !('name' in value) || !('type' in value)) return null
  const { name, type } = value
  if (typeof name !== 'string' || typeof type !== 'string') return null
  const client = 'client' in value && typeof value.client === 'string' ? value.client : ''
  const transport = 'transport' in value && typeof value.transport === 'string' ? value.transport : 'udp'
  const klass = 'class' in value && typeof value.class === 'string' ? value.class : 'IN'
  const time = 'time' in value && typeof value.time === 'number' ? value.time : Number.POSITIVE_INFINITY
  return { client, transport, name, type, class: klass, time }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return null
  }
}
