/**
 * Signed messages (TSIG, RFC 8945): a query with its signature, and what the signatures of the messages of its reply
 * are worth. Pure: the time is an argument.
 */
import { formatName } from '../presentation/text.ts'
import type { TsigKey } from './key.ts'
import {
  bareOf,
  FUDGE_S,
  findTsig,
  isSame,
  macOf,
  NOTHING,
  sized,
  timers,
  variables,
  withRecord,
} from './tsig-record.ts'

interface Signed {
  readonly bytes: Uint8Array
  /** What the reply's signature is made over as well. */
  readonly mac: Uint8Array
}

/** A complete query with its signature as the last record. `wall` in seconds since 1970. */
export function signQuery(query: Uint8Array, key: TsigKey, wall: number): Signed {
  const mac = macOf(key, [query, variables(key, wall, FUDGE_S, 0, NOTHING)])
  return { bytes: withRecord(query, key, { time: wall, mac, error: 0, other: NOTHING }), mac }
}

/** What the signatures of the messages of one reply are worth. */
export class TsigVerifier {
  readonly #key: TsigKey
  #mac: Uint8Array
  #first = true
  /** Messages without a signature since the last one that had one. */
  #unsigned: Uint8Array[] = []

  constructor(key: TsigKey, mac: Uint8Array) {
    this.#key = key
    this.#mac = mac
  }

  /**
   * The message without its signature, or what is wrong. Between two signed messages of a transfer some may be
   * unsigned.
   */
  take(
    message: Uint8Array,
    wall: number,
  ): { readonly bytes: Uint8Array; readonly signed: boolean } | { readonly error: string } {
    const found = findTsig(message)
    if (found === null) {
      if (this.#first) return { error: 'the reply has no signature' }
      if (this.#unsigned.length >= MAX_UNSIGNED) return { error: 'too many messages without a signature' }
      this.#unsigned.push(message)
      return { bytes: message, signed: false }
    }
    if (found.error !== 0) return { error: `the server says ${TSIG_ERRORS.get(found.error) ?? `error ${found.error}`}` }
    if (found.name !== this.#key.name || found.algorithm !== this.#key.algorithm)
      return { error: `the reply is signed with another key: ${formatName(found.name)}` }
    const bare = bareOf(message, found)
    const { time, fudge, error, other } = found
    const over = this.#first ? variables(this.#key, time, fudge, error, other) : timers(time, fudge)
    const wanted = macOf(this.#key, [sized(this.#mac), ...this.#unsigned, bare, over])
    if (!isSame(wanted, found.mac)) return { error: 'the signature does not fit' }
    if (Math.abs(wall - time) > fudge)
      return { error: `signed ${Math.abs(wall - time)} s from now: one of the clocks is wrong` }
    this.#mac = wanted
    this.#first = false
    this.#unsigned = []
    return { bytes: bare, signed: true }
  }

  /** All that came was signed in the end. */
  get complete(): boolean {
    return !this.#first && this.#unsigned.length === 0
  }
}

/** RFC 8945 section 5.3.1: at least every hundredth message is signed. */
const MAX_UNSIGNED = 99
const TSIG_ERRORS: ReadonlyMap<number, string> = new Map([
  [16, 'BADSIG: the key has another secret there'],
  [17, 'BADKEY: it does not know this key'],
  [18, 'BADTIME: one of the clocks is wrong'],
  [22, 'BADTRUNC'],
])
