/**
 * Origins of datagrams turned into addresses, remembered for the clients that come again:
 * `net/listen/client-addresses.ts` for those that come as octets. Invariant: never more entries than `limit`.
 */
import { type IpAddress, ipFromBytes } from '../../dns/address.ts'
import { ADDRESS_WORD } from '../linux/message-block.ts'

const OCTETS = { 4: 4, 6: 16 } as const

export class PeerAddresses {
  readonly #known4 = new Map<number, IpAddress>()
  readonly #known6 = new Map<string, IpAddress>()
  readonly #limit: number

  constructor(limit: number) {
    this.#limit = limit
  }

  get size(): number {
    return this.#known4.size + this.#known6.size
  }

  ipOf(origin: Uint32Array, family: 4 | 6): IpAddress {
    return family === 4
      ? remembered(this.#known4, origin[ADDRESS_WORD[4]] ?? 0, this.#limit, origin, 4)
      : remembered(this.#known6, textOf(origin), this.#limit, origin, 6)
  }
}

function remembered<K>(known: Map<K, IpAddress>, key: K, limit: number, origin: Uint32Array, family: 4 | 6): IpAddress {
  const found = known.get(key)
  if (found !== undefined) return found
  const ip = addressIn(origin, 0, family)
  if (known.size >= limit) known.clear()
  known.set(key, ip)
  return ip
}

/** The address of the origin that begins at `words[at]`. */
export function addressIn(words: Uint32Array, at: number, family: 4 | 6): IpAddress {
  const octets = new Uint8Array(words.buffer, words.byteOffset + (at + ADDRESS_WORD[family]) * 4, OCTETS[family])
  return ipFromBytes(Uint8Array.from(octets))
}

const textOf = (origin: Uint32Array): string => origin.subarray(ADDRESS_WORD[6], ADDRESS_WORD[6] + 4).join()
