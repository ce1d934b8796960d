/** The COOKIE option (RFC 7873 section 4): what stands where in it. */

/** Octets of the client cookie, which comes first; a query to a server of which none is known has no more. */
export const CLIENT_COOKIE_OCTETS = 8
/** A server cookie has 8 to 32 octets. */
export const LEAST_WHOLE_OCTETS = 16
export const MOST_WHOLE_OCTETS = 40

/** Does the option data `came` begin with the client cookie of `sent`? */
export function isSameClient(sent: Uint8Array, came: Uint8Array): boolean {
  if (came.length < CLIENT_COOKIE_OCTETS) return false
  for (let i = 0; i < CLIENT_COOKIE_OCTETS; i++) if (sent[i] !== came[i]) return false
  return true
}

/** Is it a client cookie with a server cookie of a length that there may be? */
export const isWhole = ({ length }: Uint8Array): boolean => length >= LEAST_WHOLE_OCTETS && length <= MOST_WHOLE_OCTETS
