/**
 * Where trust begins (RFC 4033 section 5): the anchors of zones, as DS or DNSKEY data, and the names below which nothing is
 * validated for a while (negative trust anchors, RFC 7646). A value that never changes; what rolls and what is configured
 * makes a new one.
 */
import { isWithin, parentOf, ROOT, type Name } from '../dns/name.ts'

/** RDATA of DS and DNSKEY records that are believed without further proof. */
export interface TrustAnchor {
  readonly name: Name
  readonly ds: readonly Uint8Array[]
  readonly keys: readonly Uint8Array[]
}

/** `until` in seconds since 1970. */
export interface NegativeAnchor {
  readonly name: Name
  readonly until: number
}

export interface TrustPoints {
  readonly isEmpty: boolean
  at(name: Name): TrustAnchor | undefined
  /** The deepest anchor at or above a name. */
  closest(name: Name): TrustAnchor | undefined
  /** The negative anchor that covers a name at `wall`, unless a positive one lies between (RFC 7646 section 2). */
  negative(name: Name, wall: number): NegativeAnchor | undefined
}

export function makeTrustPoints(anchors: readonly TrustAnchor[], negative: readonly NegativeAnchor[]): TrustPoints {
  const positive = new Map(anchors.map(anchor => [anchor.name, anchor]))
  const closest = (name: Name): TrustAnchor | undefined => {
    for (let at = name; ; at = parentOf(at)) {
      const anchor = positive.get(at)
      if (anchor !== undefined || at === ROOT) return anchor
    }
  }
  return {
    isEmpty: positive.size === 0,
    at: name => positive.get(name),
    closest,
    negative(name, wall) {
      const anchor = closest(name)
      return negative.find(entry => entry.until > wall && isWithin(name, entry.name) && (anchor === undefined || isWithin(entry.name, anchor.name)))
    },
  }
}
