/**
 * Whom work is done for, as what is shared out sees it: the blocks that a client's address lies in, the widest first.
 * Between blocks of one width shares are equal, and within a block they are equal again. So a whole network of hostile
 * addresses is one owner among others, and in a network at home one hostile machine is one among its neighbours.
 */
import type { IpAddress } from '../dns/address.ts'

/** Opaque to who shares out: equal texts are the same block, and each lies in the one before it. */
export type Owner = readonly string[]

/** The resolver itself: what is asked for no client in particular. */
export const OURSELVES: Owner = Object.freeze(['ourselves'])

/** One site has a /56 of IPv6 (RFC 6177 section 2), and one link a /64 (RFC 4291 section 2.5.1). Octets. */
const SITE_OCTETS = 7
const LINK_OCTETS = 8
const LOOPBACK = 127

/**
 * IPv4: the /24, the smallest block that is routed on the internet, then the address. IPv6: /56, /64, then the address,
 * which tells neighbours on one link apart. On loopback each address is its own: those are programs of this machine.
 */
export function ownerOf({ family, bytes, text }: IpAddress): Owner {
  if (family === 4) return bytes[0] === LOOPBACK ? [text] : [`${bytes[0]}.${bytes[1]}.${bytes[2]}`, text]
  const site = bytes.subarray(0, SITE_OCTETS).join('.')
  return [site, `${site}.${bytes[SITE_OCTETS]}`, text]
}

/** Octets of a link, for those who count by it alone. */
export const linkOf = ({ family, bytes, text }: IpAddress): string =>
  family === 4 ? text : bytes.subarray(0, LINK_OCTETS).join('.')
