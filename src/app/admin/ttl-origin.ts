/**
 * Why an entry has the TTL that it has, found out from what is kept of it: which of the rules that bound a TTL gives
 * just this number. Pure; holds nothing.
 */
import { readRrsig } from '../../dns/rdata-dnssec.ts'
import { readSoa } from '../../dns/rdata.ts'
import type { TtlLimits } from '../../cache/ttl.ts'
import type { NegativeEntry } from '../../cache/negative-cache.ts'
import type { CachedRRset } from '../../cache/rrset-cache.ts'

export type TtlOrigin =
  /** As the server sent it. */
  | 'server'
  /** As the zone signed it (original TTL of the RRSIG, RFC 4034 section 3.1.4). */
  | 'signed'
  /** The signature ends then (RFC 4035 section 5.3.3). */
  | 'signature-expiration'
  /** Raised to `cache.minTtl`. */
  | 'minimum'
  /** Lowered to `cache.maxTtl`. */
  | 'maximum'
  /** RFC 2308 section 5: the MINIMUM of the SOA. */
  | 'soa-minimum'
  /** The TTL of the SOA itself, which is below its MINIMUM. */
  | 'soa-ttl'
  /** Lowered to `cache.maxNegativeTtl`. */
  | 'negative-maximum'
  /** A denial without an SOA. */
  | 'no-soa'

/** Signatures and the clock count in seconds: their ends can differ by one. */
const ROUNDING_S = 1

/** `wall` in seconds since 1970 at `now` (ms). */
export function ttlOrigin(
  { rrset, security, expiresAt }: Pick<CachedRRset, 'rrset' | 'security' | 'expiresAt'>,
  limits: TtlLimits,
  now: number,
  wall: number,
): TtlOrigin {
  if (security.kind === 'secure') {
    const signatures = rrset.signatures.flatMap(rdata => readRrsig(rdata) ?? [])
    const end = wall + (expiresAt - now) / 1_000
    if (signatures.some(({ originalTtl }) => originalTtl === rrset.ttl)) return 'signed'
    if (signatures.some(({ expiration }) => Math.abs(expiration - end) <= ROUNDING_S)) return 'signature-expiration'
  }
  if (limits.minTtl > 0 && rrset.ttl === limits.minTtl) return 'minimum'
  return rrset.ttl === limits.maxTtl ? 'maximum' : 'server'
}

export function negativeTtlOrigin({ soa, storedAt, expiresAt }: NegativeEntry, limits: TtlLimits): TtlOrigin {
  const [rdata] = soa?.rdatas ?? []
  const fields = rdata === undefined ? null : readSoa(rdata)
  if (fields === null) return 'no-soa'
  const ttl = Math.round((expiresAt - storedAt) / 1_000)
  if (ttl === fields.minimum) return 'soa-minimum'
  if (limits.minTtl > 0 && ttl === limits.minTtl) return 'minimum'
  return ttl === Math.min(limits.maxNegativeTtl, limits.maxTtl) ? 'negative-maximum' : 'soa-ttl'
}
