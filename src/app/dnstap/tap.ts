/**
 * Queries and responses as octets, copied where they pass the server and handed to the thread of dnstap, many together.
 * In front of the server and not inside: while nothing is tapped, nothing of this is on the way of a query.
 */
import { type IpAddress, parseIp } from '../../dns/address.ts'
import type { Client, Reply, Serve } from '../../ports.ts'
import { dnstapLimits } from './limits.ts'
import { type Tapped, tappedOctets, type TapKind, writeTapped } from './message.ts'

export interface TapParts {
  /** Monotonic, with parts of a ms. */
  readonly now: () => number
  /** Ms since 1970 UTC. */
  readonly wallMs: () => number
  readonly send: (chunk: Uint8Array) => void
  readonly dropped: (count: number) => void
  readonly after: (ms: number, call: () => void) => void
}

export class Tap {
  readonly #parts: TapParts
  #chunk = new Uint8Array(dnstapLimits.chunkBytes)
  #used = 0
  #held = 0
  #unread = 0
  #isWaiting = false
  /** When `now` was 0, in ms since 1970 UTC; looked at again with each chunk. */
  #origin: number
  /** Of the configuration: a few. */
  readonly #listeners = new Map<string, IpAddress | null>()

  constructor(parts: TapParts) {
    this.#parts = parts
    this.#origin = parts.wallMs() - parts.now()
  }

  /** The server, seen. `sees`: is this client's query to be reported? */
  around(serve: Serve, sees: (client: Client) => boolean): Serve {
    return (bytes, length, client, reply) => {
      if (!sees(client)) {
        serve(bytes, length, client, reply)
        return
      }
      const { now } = this.#parts
      // The same for both, whatever is done to the clock in between.
      const origin = this.#origin
      const queryAt = origin + now()
      this.#put('query', bytes.subarray(0, length), client, queryAt, 0)
      const seen: Reply = (answer, octets, want) => {
        if (octets > 0) this.#put('response', answer.subarray(0, octets), client, queryAt, origin + now())
        reply(answer, octets, want)
      }
      serve(bytes, length, client, seen)
    }
  }

  /** The thread has read one chunk. */
  wasRead(): void {
    this.#unread = Math.max(0, this.#unread - 1)
  }

  flush(): void {
    this.#origin = this.#parts.wallMs() - this.#parts.now()
    if (this.#used === 0) return
    if (this.#unread >= dnstapLimits.chunksUnread) {
      this.#parts.dropped(this.#held)
    } else {
      this.#unread++
      this.#parts.send(this.#chunk.slice(0, this.#used))
    }
    this.#used = 0
    this.#held = 0
  }

  /** Null where it is every address of a family. */
  #listenerOf(listener: Client['listener']): Tapped['listener'] {
    if (listener === undefined) return null
    const { address, port } = listener
    const known = this.#listeners.get(address)
    const ip = known === undefined ? parseIp(address) : known
    if (known === undefined) this.#listeners.set(address, ip)
    return ip === null || ip.bytes.every(octet => octet === 0) ? null : { bytes: ip.bytes, port }
  }

  #put(kind: TapKind, message: Uint8Array, client: Client, queryAt: number, responseAt: number): void {
    const { ip, port, transport } = client
    const listener = this.#listenerOf(client.listener)
    const tapped = { kind, transport, client: { ip, port }, listener, queryAt, responseAt, message }
    const octets = tappedOctets(tapped)
    if (this.#used + octets > this.#chunk.length) this.flush()
    // One message may be larger than a chunk is.
    if (octets > this.#chunk.length) this.#chunk = new Uint8Array(octets)
    writeTapped(tapped, this.#chunk, this.#used)
    this.#used += octets
    this.#held++
    if (this.#isWaiting) return
    this.#isWaiting = true
    this.#parts.after(dnstapLimits.chunkMs, () => {
      this.#isWaiting = false
      this.flush()
    })
  }
}
