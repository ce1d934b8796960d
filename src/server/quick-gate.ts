/**
 * The gates of the pipeline, and the views, for clients that come as words of memory: what was found for a client
 * before is found again without making an address or a text of it. What it does not find it asks; it decides nothing.
 *
 * Invariant: a verdict is a gate's own for exactly this address; the table never grows, and a flood of random sources
 * only makes it forget.
 */
import type { IpAddress } from '../dns/address.ts'
import type { GateVerdict } from '../policy/handler.ts'
import type { Client } from '../ports.ts'

/** The four words of an IPv6 address, or one and three zeros for IPv4; then view, family and verdict. */
const ENTRY = 5
/**
 * Clients remembered, a power of two: 20 KiB stay in the processor's nearest cache but one. Two that share a place
 * drive each other out.
 */
const PLACES = 1_024
/** From limits, not from rules. */
const EXEMPT = 4
const VERDICTS: readonly GateVerdict[] = ['pass', 'refuse', 'drop', 'local']

export interface QuickGateParts {
  readonly admit: (client: Client) => GateVerdict
  /** Absent: all are in view 0. */
  readonly viewOf?: ((client: Client) => number) | undefined
  /** Absent: no client is. */
  readonly isExempt?: ((ip: IpAddress) => boolean) | undefined
  /** Where the clients come in; only where gates or views look at it. */
  readonly listener?: Client['listener']
}

export class QuickGate {
  readonly #parts: QuickGateParts
  readonly #table = new Int32Array(PLACES * ENTRY)
  /** Both of the client that was looked at last. */
  view = 0
  isExempt = false

  constructor(parts: QuickGateParts) {
    this.#parts = parts
  }

  /** For the address of `family` that begins at `words[at]`; `addressOf` makes it when it is not known. */
  verdict(
    words: Uint32Array,
    at: number,
    family: 4 | 6,
    port: number,
    addressOf: (words: Uint32Array, at: number, family: 4 | 6) => IpAddress,
  ): GateVerdict {
    const table = this.#table
    const a = (words[at] ?? 0) | 0
    const b = family === 4 ? 0 : (words[at + 1] ?? 0) | 0
    const c = family === 4 ? 0 : (words[at + 2] ?? 0) | 0
    const d = family === 4 ? 0 : (words[at + 3] ?? 0) | 0
    const hash = Math.imul(a ^ Math.imul(b ^ Math.imul(c ^ Math.imul(d, MIX), MIX), MIX), MIX)
    const place = ((hash >>> 16) & (PLACES - 1)) * ENTRY
    const known = table[place + 4] ?? 0
    if (
      table[place] === a &&
      table[place + 1] === b &&
      table[place + 2] === c &&
      table[place + 3] === d &&
      ((known >> 4) & 7) === family
    ) {
      this.view = known >> 8
      this.isExempt = (known & EXEMPT) !== 0
      return VERDICTS[known & 3] ?? 'drop'
    }
    const { admit, viewOf, isExempt, listener } = this.#parts
    const client: Client = { ip: addressOf(words, at, family), port, transport: 'udp', listener }
    const verdict = admit(client)
    this.view = viewOf?.(client) ?? 0
    this.isExempt = isExempt?.(client.ip) ?? false
    table[place] = a
    table[place + 1] = b
    table[place + 2] = c
    table[place + 3] = d
    table[place + 4] = (this.view << 8) | (family << 4) | (this.isExempt ? EXEMPT : 0) | VERDICTS.indexOf(verdict)
    return verdict
  }
}

/** An odd number without pattern (2^32 divided by the golden ratio). */
const MIX = 0x9e37_79b1 | 0
