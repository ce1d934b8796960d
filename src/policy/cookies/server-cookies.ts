/**
 * DNS cookies of the server (RFC 7873 with the form of RFC 9018): whoever shows a cookie that was made for its address
 * has got a reply there before, so that its address is not forged. On octets, the same in every thread; keys and time
 * come from outside.
 *
 * Invariant: a cookie that is not ours, too old or for another address is as good as none: its client gets a new one.
 */
import { CLIENT_COOKIE_OCTETS, LEAST_WHOLE_OCTETS, MOST_WHOLE_OCTETS } from '../../dns/cookies/form.ts'
import { SipHash } from '../../dns/cookies/siphash.ts'

/** Can be sent to listener threads. */
export interface CookieSettings {
  /** Of 16 octets each. The first makes cookies, all are accepted: with two a key is rolled over. */
  readonly keys: readonly Uint8Array[]
  /** A client that knows cookies gets no more than a new one over UDP until it shows a good one. */
  readonly require: boolean
}

/** What the COOKIE option of a query says of its client. */
export type CookieVerdict = 'good' | 'new' | 'malformed'

/** RFC 9018 section 4: client cookie, version and reserved octets, timestamp, hash. */
export const COOKIE_OCTETS = 24
const VERSION = 1
const VERSION_AT = 8
const TIME_AT = 12
const HASH_AT = 16
const HASH_OCTETS = 8
/** RFC 9018 section 4.3, seconds: how old and how far ahead a cookie may be, and when it is made again. */
const OLDEST_S = 3_600
const AHEAD_S = 300
const RENEW_S = 1_800

export class ServerCookies {
  readonly require: boolean
  readonly #hashes: readonly SipHash[]
  /** What is hashed: the cookie without its hash, and the address. */
  readonly #message = new Uint8Array(HASH_AT + 16)
  readonly #hash = new Uint8Array(HASH_OCTETS)
  /** Of the query that was judged last: the cookie of its reply. */
  readonly reply: Uint8Array = new Uint8Array(COOKIE_OCTETS)

  constructor({ keys, require }: CookieSettings) {
    this.require = require
    this.#hashes = keys.map(key => new SipHash(key))
  }

  /**
   * Judges the option data in `query` from `at` on, of `length` octets, from a client at `address` (4 or 16 octets),
   * and makes `reply`, unless it is malformed. `wall` in seconds since 1970.
   */
  judge(query: Uint8Array, at: number, length: number, address: Uint8Array, wall: number): CookieVerdict {
    if (length !== CLIENT_COOKIE_OCTETS && (length < LEAST_WHOLE_OCTETS || length > MOST_WHOLE_OCTETS))
      return 'malformed'
    const message = this.#message
    message.set(address, HASH_AT)
    const octets = HASH_AT + address.length
    if (length === COOKIE_OCTETS && query[at + VERSION_AT] === VERSION) {
      for (let i = 0; i < HASH_AT; i++) message[i] = query[at + i] ?? 0
      const age = (wall - timeOf(message)) | 0
      const by = age <= OLDEST_S && age >= -AHEAD_S ? this.#keyOf(query, at + HASH_AT, octets) : -1
      if (by >= 0) {
        // RFC 9018 section 5: what an old key made is replaced.
        if (age > RENEW_S || by > 0) this.#make(query, at, octets, wall)
        else for (let i = 0; i < COOKIE_OCTETS; i++) this.reply[i] = query[at + i] ?? 0
        return 'good'
      }
    }
    this.#make(query, at, octets, wall)
    return 'new'
  }

  #make(query: Uint8Array, at: number, octets: number, wall: number): void {
    const { reply } = this
    const message = this.#message
    for (let i = 0; i < CLIENT_COOKIE_OCTETS; i++) message[i] = query[at + i] ?? 0
    message.fill(0, VERSION_AT, TIME_AT)
    message[VERSION_AT] = VERSION
    for (let i = 0; i < 4; i++) message[TIME_AT + i] = wall >>> (24 - 8 * i)
    for (let i = 0; i < HASH_AT; i++) reply[i] = message[i] ?? 0
    this.#hashes[0]?.write(message, octets, reply, HASH_AT)
  }

  /** The index of the key that made the hash; -1: none did. */
  #keyOf(query: Uint8Array, at: number, octets: number): number {
    for (let key = 0; key < this.#hashes.length; key++) {
      this.#hashes[key]?.write(this.#message, octets, this.#hash, 0)
      let differs = 0
      for (let i = 0; i < HASH_OCTETS; i++) differs |= (this.#hash[i] ?? 0) ^ (query[at + i] ?? 0)
      if (differs === 0) return key
    }
    return -1
  }
}

const timeOf = (message: Uint8Array): number =>
  ((message[TIME_AT] ?? 0) << 24) |
  ((message[TIME_AT + 1] ?? 0) << 16) |
  ((message[TIME_AT + 2] ?? 0) << 8) |
  (message[TIME_AT + 3] ?? 0)
