/**
 * Texts of client addresses turned into values, remembered for the clients that come again. Not a record of who asked:
 * it forgets everything whenever it is full. Invariant: never more entries than `limit`.
 */
import { type IpAddress, parseIp } from '../../dns/address.ts'

export class ClientAddresses {
  readonly #known = new Map<string, IpAddress>()
  readonly #limit: number
  #lastText = ''
  #last: IpAddress | null = null

  constructor(limit: number) {
    this.#limit = limit
  }

  /** The address a socket named; null when it is none (which no kernel does). */
  ipOf(text: string): IpAddress | null {
    if (text === this.#lastText) return this.#last
    const ip = this.#known.get(text) ?? this.#learn(text)
    this.#lastText = text
    this.#last = ip
    return ip
  }

  get size(): number {
    return this.#known.size
  }

  #learn(text: string): IpAddress | null {
    const ip = parseIp(text)
    if (ip === null) return null
    if (this.#known.size >= this.#limit) this.#known.clear()
    this.#known.set(text, ip)
    return ip
  }
}
