/**
 * What another configuration would answer, held against what this one does: which answers differ, for whom and by which
 * rules. Pure: who asks both is in `rehearsal.ts`.
 */

/** A question as it was asked, and how often. */
export interface AskedQuestion {
  readonly client: string
  readonly transport: 'udp' | 'tcp' | 'tls' | 'https' | 'http'
  /** With the last dot. */
  readonly name: string
  readonly type: string
  readonly times: number
}

export interface Rehearsed {
  /** `NOERROR`; null: nothing is answered. */
  readonly rcode: string | null
  /** Type and data, without TTL. */
  readonly records: readonly string[]
  /** What decided: `lists: ||ads.example^ (ads)`; null: no rule. */
  readonly rule: string | null
  /** No server gave an answer, so that nothing is known of what would have been. */
  readonly isUnknown: boolean
}

export interface Change {
  readonly question: AskedQuestion
  readonly before: Rehearsed
  readonly after: Rehearsed
}

export type Compared =
  | { readonly kind: 'same' }
  | { readonly kind: 'changed' }
  /** One of them got no answer of servers. */
  | { readonly kind: 'unknown' }

/** The same is what a client sees no difference in: which rule made it does not matter, nor the order of records. */
export function compareAnswers(before: Rehearsed, after: Rehearsed): Compared {
  if (before.isUnknown && after.isUnknown) return { kind: 'unknown' }
  // What a rule makes without any server is not what servers would have said.
  if (before.isUnknown || after.isUnknown)
    return { kind: (before.isUnknown ? after : before).rule === null ? 'unknown' : 'changed' }
  const isSame = before.rcode === after.rcode && sorted(before.records) === sorted(after.records)
  return { kind: isSame ? 'same' : 'changed' }
}

const sorted = (records: readonly string[]): string => records.toSorted().join('\n')

export interface LogReading {
  readonly questions: readonly AskedQuestion[]
  /** Lines that are no query of a log. */
  readonly skipped: number
}

const TRANSPORTS = ['udp', 'tcp', 'tls', 'https', 'http'] as const

/** The questions of a query log, equal ones once; `since` in seconds since 1970, null: all. */
export function readQuestions(text: string, since: number | null): LogReading {
  const found = new Map<string, AskedQuestion>()
  let skipped = 0
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue
    const read = readLine(line)
    if (read === null) {
      skipped += 1
      continue
    }
    if (since !== null && read.time < since) continue
    const { client, transport, name, type } = read
    const key = JSON.stringify([client, transport, name, type])
    found.set(key, { client, transport, name, type, times: (found.get(key)?.times ?? 0) + 1 })
  }
  return { questions: [...found.values()], skipped }
}

function readLine(line: string): (Omit<AskedQuestion, 'times'> & { readonly time: number }) | null {
  const value = parsed(line)
  if (typeof value !== 'object' || value === null || !('name' in value) || !('type' in value)) return null
  if (typeof value.name !== 'string' || typeof value.type !== 'string') return null
  const client = 'client' in value && typeof value.client === 'string' ? value.client : ''
  const transport = 'transport' in value ? TRANSPORTS.find(one => one === value.transport) : undefined
  const time = 'time' in value && typeof value.time === 'number' ? value.time : Number.POSITIVE_INFINITY
  return { client, transport: transport ?? 'udp', name: value.name.toLowerCase(), type: value.type, time }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return null
  }
}
