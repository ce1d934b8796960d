/**
 * What `getaddrinfo` makes of the replies for A and AAAA: pure functions, measured against glibc 2.3x with a server
 * that gives every pair of replies. Where glibc answers one pair differently from time to time (SERVFAIL with no data),
 * the failure that asks to try again wins, as in musl.
 */
import { ALL, type LookupAddress, V4MAPPED } from 'node:dns'
import { getSystemErrorMap } from 'node:util'

/** The names of libuv. Node shows the first two as ENOTFOUND. */
export type LookupFailure = 'EAI_NONAME' | 'EAI_NODATA' | 'EAI_AGAIN'

/** The reply for one type; addresses in the order of the reply. */
export type Found =
  | { readonly kind: 'addresses'; readonly addresses: readonly string[] }
  | { readonly kind: 'failed'; readonly failure: LookupFailure }
export type LookupOutcome =
  | { readonly kind: 'addresses'; readonly addresses: readonly LookupAddress[] }
  | { readonly kind: 'failed'; readonly failure: LookupFailure }

type Family = 0 | 4 | 6

export interface Wanted {
  readonly family: Family
  /** `ipv4first`; anything else is IPv6 first, as RFC 6724 orders addresses of which all can be reached. */
  readonly order: string
  /**
   * The flags of the call. ADDRCONFIG is of no effect: the interfaces of the machine that runs a test must not matter.
   */
  readonly hints: number
}

const MAPPED_PREFIX = '::ffff:'

/** The failure that a code of c-ares is: no such name, no such records, or anything that may pass. */
export function failureOf(code: string): LookupFailure {
  switch (code) {
    case 'ENODATA':
      return 'EAI_NODATA'
    case 'ENOTFOUND':
    case 'EFORMERR':
    case 'EBADNAME':
      return 'EAI_NONAME'
    default:
      return 'EAI_AGAIN'
  }
}

const foundIn = (found: Found | null): readonly string[] => (found?.kind === 'addresses' ? found.addresses : [])
const mapsIpv4 = ({ family, hints }: Wanted): boolean => family === 6 && (hints & V4MAPPED) !== 0

export const asksIpv4 = (wanted: Wanted): boolean => wanted.family !== 6 || mapsIpv4(wanted)
export const asksIpv6 = (wanted: Wanted): boolean => wanted.family !== 4

/** Null where the type was not asked for. */
export function outcomeOf(ipv4: Found | null, ipv6: Found | null, wanted: Wanted): LookupOutcome {
  const six = foundIn(ipv6).map((address): LookupAddress => ({ address, family: 6 }))
  const four = foundIn(ipv4).map(
    (address): LookupAddress =>
      wanted.family === 6 ? { address: `${MAPPED_PREFIX}${address}`, family: 6 } : { address, family: 4 },
  )
  const mapped = mapsIpv4(wanted) && six.length > 0 && (wanted.hints & ALL) === 0 ? [] : four
  const addresses = wanted.order === 'ipv4first' && wanted.family === 0 ? [...four, ...six] : [...six, ...mapped]
  if (addresses.length > 0) return { kind: 'addresses', addresses }
  return { kind: 'failed', failure: failureOfBoth(failureIn(ipv4), failureIn(ipv6)) }
}

/** A reply with no address at all counts as one without data. */
const failureIn = (found: Found | null): LookupFailure | null =>
  found === null ? null : found.kind === 'failed' ? found.failure : 'EAI_NODATA'

function failureOfBoth(ipv4: LookupFailure | null, ipv6: LookupFailure | null): LookupFailure {
  if (ipv4 === null || ipv4 === 'EAI_NODATA')
    return ipv6 === 'EAI_AGAIN' && ipv4 !== null ? 'EAI_NODATA' : (ipv6 ?? 'EAI_NODATA')
  return ipv4
}

/** The error of a look-up, with the fields of Node's own in their order. */
export function lookupError(
  failure: LookupFailure,
  syscall: 'getaddrinfo' | 'getnameinfo',
  hostname: string,
): NodeJS.ErrnoException {
  const code = failure === 'EAI_AGAIN' ? failure : 'ENOTFOUND'
  const errno = [...getSystemErrorMap()].find(([, [name]]) => name === failure)?.[0]
  return Object.assign(new Error(`${syscall} ${code} ${hostname}`), { errno, code, syscall, hostname })
}
