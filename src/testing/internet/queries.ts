/**
 * The queries that reached the servers of an internet, with what they got: looked at between the network and a server,
 * so that simulation and sockets report the same. Messages are kept as octets and decoded on access.
 */
import { decodeMessage } from '../../dns/decode.ts'
import { className, rcodeName, typeName } from '../../dns/types.ts'
import type { Transport } from '../../ports.ts'
import type { ServerQuery } from './types.ts'
import type { Host } from '../../simulation/network.ts'
import type { Reaction } from '../../simulation/server.ts'
import { plainName } from '../../input/names.ts'
import type { TestClock } from '../input/clock.ts'

interface Seen {
  readonly server: string
  readonly address: string
  readonly transport: Transport
  readonly query: Uint8Array
  readonly reaction: Reaction
  readonly atMs: number
}

export class QueryLog {
  readonly #clock: TestClock
  #seen: Seen[] = []
  #read: ServerQuery[] = []

  constructor(clock: TestClock) {
    this.#clock = clock
  }

  /** The same server with its queries reported here. */
  between(host: Host): Host {
    const { server, ip } = host
    return {
      ...host,
      server: {
        name: server.name,
        react: (query, transport, at) => {
          const reaction = server.react(query, transport, at)
          this.#seen.push({
            server: server.name,
            address: ip.text,
            transport,
            query,
            reaction,
            atMs: this.#clock.now(),
          })
          return reaction
        },
      },
    }
  }

  /** Oldest first; what was no query of DNS is left out. */
  get queries(): readonly ServerQuery[] {
    if (this.#seen.length > 0) {
      const fresh = this.#seen
      this.#seen = []
      this.#read = [...this.#read, ...fresh.flatMap(seen => this.#recorded(seen) ?? [])]
    }
    return this.#read
  }

  clear(): void {
    this.#seen = []
    this.#read = []
  }

  #recorded({ server, address, transport, query, reaction, atMs }: Seen): ServerQuery | null {
    const decoded = decodeMessage(query)
    if (decoded.kind !== 'message' || decoded.message.question === null) return null
    const { question, edns } = decoded.message
    return {
      server,
      address,
      transport,
      atMs,
      name: plainName(question.name),
      type: typeName(question.type),
      class: className(question.class),
      payloadSize: edns?.payloadSize ?? null,
      dnssecOk: edns?.dnssecOk ?? false,
      at: this.#clock.dateAt(atMs),
      answeredWith: reactionText(reaction),
    }
  }
}

function reactionText(reaction: Reaction): string {
  if (reaction.kind === 'closed') return 'closed'
  // What comes ahead of the reply is forged.
  const reply = reaction.arrivals.at(-1)
  if (reply === undefined) return 'nothing'
  const decoded = decodeMessage(reply.bytes)
  if (decoded.kind !== 'message') return 'garbage'
  return `${rcodeName(decoded.message.rcode)}${decoded.message.truncated ? ' tc' : ''}`
}
