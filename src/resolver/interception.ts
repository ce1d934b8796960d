/**
 * Networks that intercept port 53: whatever address a query is sent to, one resolver of the network answers it. Root
 * servers then seem to resolve (RA without AA), or to deny names without proof although the root is signed. Recognised
 * when more than one address of a root server answered so and none as root servers do, which no single odd server can
 * bring about.
 *
 * What such a resolver says is used as far as it goes: it is all that there is.
 */
import type { Message } from '../dns/message.ts'
import { Rcode, RrType } from '../dns/types.ts'
import type { EngineLimits } from '../limits.ts'

/** For log lines and the text of failures. */
export const INTERCEPTED =
  'port 53 is intercepted in this network: something else answers in the place of the root servers'
export const INTERCEPTION_CURE =
  'forward to a resolver over TLS, for example "forward": [{"zone": ".", "to": ["tls://9.9.9.9#dns.quad9.net"]}]'

/**
 * Does a reply from a root server show that it is none? A referral has neither AA nor RA, a denial comes with NSEC
 * records when it was asked for them (`dnssecOk`).
 */
export function isIntercepted(
  { authoritative, recursionAvailable, rcode, authority, edns }: Message,
  dnssecOk: boolean,
): boolean {
  if (!authoritative) return recursionAvailable
  return rcode === Rcode.NXDOMAIN && dnssecOk && edns !== null && !authority.some(({ type }) => type === RrType.NSEC)
}

export type InterceptionLimits = Pick<EngineLimits, 'interceptedServers' | 'interceptionMs'>

export class Interception {
  readonly #limits: InterceptionLimits
  /** Addresses that answered like this, and when, in ms. */
  readonly #seen = new Map<string, number>()

  constructor(limits: InterceptionLimits) {
    this.#limits = limits
  }

  /** A reply from a root server. True when it is the one by which the interception is recognised. */
  saw(address: string, intercepted: boolean, now: number): boolean {
    if (!intercepted) {
      // Networks change: one that answers as it should is proof enough.
      this.#seen.clear()
      return false
    }
    const before = this.isActive(now)
    this.#seen.set(address, now)
    return !before && this.isActive(now)
  }

  isActive(now: number): boolean {
    const { interceptedServers, interceptionMs } = this.#limits
    if (this.#seen.size < interceptedServers) return false
    for (const [address, at] of this.#seen) if (now - at > interceptionMs) this.#seen.delete(address)
    return this.#seen.size >= interceptedServers
  }
}
