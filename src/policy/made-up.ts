/** What stages answer with that no server said. Pure. */
import { ROOT, trustWireName, type Name } from '../dns/name.ts'
import { soaRdata } from '../dns/rdata.ts'
import { makeRRset, type RRset } from '../dns/rrset.ts'
import { RrClass, RrType } from '../dns/types.ts'

/**
 * The SOA that a made-up denial needs so that clients do not ask again at once (RFC 2308 section 5), `ttl` in seconds.
 * Its names are those of RFC 6303 section 3: none that mail could be sent to.
 */
export function madeUpSoa(name: Name, ttl: number): RRset {
  const nobody = trustWireName(`\x06nobody\x07invalid${ROOT}`)
  const fields = { mname: name, rname: nobody, serial: 1, refresh: 3_600, retry: 1_200, expire: 604_800, minimum: ttl }
  return makeRRset(name, RrType.SOA, RrClass.IN, ttl, [soaRdata(fields)])
}
