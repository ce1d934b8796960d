/**
 * Prints what the server does for each query: the walk as a tree, or one line when no query was needed. A walk is
 * printed when its reply is sent and it has come to its end, so that walks at the same time do not mix: a client whose
 * servers are silent gets its reply before they are given up. It only listens; what it prints decides nothing.
 */
import { counted } from '../presentation/counted.ts'
import { formatName } from '../presentation/text.ts'
import type { Name, WireName } from '../dns/name.ts'
import { rcodeName, typeName } from '../dns/types.ts'
import { explainText, type Paint } from '../render/walk.ts'
import type { Client } from '../ports.ts'
import type { Watch } from '../policy/recursion.ts'
import type { TraceStep } from '../resolver/trace.ts'
import type { QueryLog, QueryLogEntry } from '../server/query-log.ts'

interface Walk {
  readonly steps: TraceStep[]
  /** The reply that was sent, when the walk goes on after it. */
  sent: QueryLogEntry | null
}

/** Its question is being resolved still. */
const goesOn = ({ steps }: Walk): boolean =>
  steps.some(({ kind, depth }) => kind === 'lookup' && depth === 0) &&
  !steps.some(({ kind, depth }) => (kind === 'end' || kind === 'joined') && depth === 0)

export class WalkPrinter {
  readonly #write: (text: string) => void
  readonly #paint: Paint
  /** Walks of queries that have no reply yet, by who asks what; the oldest first. */
  readonly #open = new Map<string, Walk[]>()

  constructor(write: (text: string) => void, paint: Paint) {
    this.#write = write
    this.#paint = paint
  }

  readonly watch: Watch = ({ client, question }) => {
    const walk: Walk = { steps: [], sent: null }
    const key = keyOf(client, question.name, question.type, question.class)
    this.#open.set(key, [...(this.#open.get(key) ?? []), walk])
    return step => {
      walk.steps.push(step)
      if (walk.sent === null || goesOn(walk)) return
      this.#print(walk, walk.sent)
      walk.sent = null
    }
  }

  readonly onQuery: QueryLog = entry => {
    const key = keyOf(entry.client, entry.name, entry.type, entry.class)
    const [walk, ...others] = this.#open.get(key) ?? []
    if (others.length === 0) this.#open.delete(key)
    else this.#open.set(key, others)
    const asked = walk?.steps.some(step => step.kind === 'exchange' || step.kind === 'joined') ?? false
    if (walk === undefined || !asked) this.#write(`${this.#line(entry, howText(entry.by))}\n`)
    else if (goesOn(walk)) walk.sent = entry
    else this.#print(walk, entry)
  }

  #print({ steps }: Walk, entry: QueryLogEntry): void {
    this.#write(`\n${explainText(steps, this.#paint)}${this.#line(entry, 'sent')}\n\n`)
  }

  #line({ name, type, rcode, octets, tookMs, client }: QueryLogEntry, how: string): string {
    const outcome =
      rcode === null
        ? 'no reply'
        : `${rcodeName(rcode)}, ${counted(octets, 'octet')} over ${client.transport.toUpperCase()}`
    return (
      `${this.#paint('bold', `${formatName(name)} ${typeName(type)}`)} ${how}: ${outcome} ` +
      `${this.#paint('dim', `[${tookMs.toFixed(tookMs < 10 ? 2 : 0)} ms]`)}`
    )
  }
}

/** Which path or stage made an answer without a query. */
function howText(by: string): string {
  if (by === 'cache') return 'from the cache'
  if (by === 'local') return 'from a local zone'
  return by.startsWith('failure') ? 'from the failure cache' : `without queries (${by})`
}

const keyOf = (client: Client, name: Name | WireName, type: number, klass: number): string =>
  `${client.ip.text}#${client.port} ${client.transport} ${type} ${klass} ${name}`
