/**
 * RDATA that the program reasons about, as typed values, and the RDATA it makes itself. Input is RDATA as the decoder
 * leaves it, names uncompressed; anything that does not fit reads as null, never as a guess. All other types stay
 * octets.
 */
import { type IpAddress, ipFromBytes } from './address.ts'
import { latin1, putU32, u16, u32 } from './bytes.ts'
import { nameBytes, trustWireName, type WireName, writeName } from './name.ts'
import { plainNameEnd } from './rdata-wire.ts'
import { RrType } from './types.ts'

/** RFC 1035 section 3.3.13. Times in seconds. */
export interface Soa {
  readonly mname: WireName
  readonly rname: WireName
  readonly serial: number
  readonly refresh: number
  readonly retry: number
  readonly expire: number
  /** The negative TTL (RFC 2308 section 4). */
  readonly minimum: number
}

const SOA_NUMBERS_OCTETS = 20
const MAX_STRING_OCTETS = 255

/** The uncompressed name that fills `rdata` from `at` to its end. */
function nameToEnd(rdata: Uint8Array, at: number): WireName | null {
  return plainNameEnd(rdata, at, rdata.length) === rdata.length ? trustWireName(latin1(rdata, at, rdata.length)) : null
}

/** The one name that RDATA of NS, CNAME, DNAME, PTR (and MB, MD, MF, MG, MR) is. */
export const targetOf = (rdata: Uint8Array): WireName | null => nameToEnd(rdata, 0)

export const mxExchange = (rdata: Uint8Array): WireName | null => nameToEnd(rdata, 2)

export const srvTarget = (rdata: Uint8Array): WireName | null => nameToEnd(rdata, 6)

export function readSoa(rdata: Uint8Array): Soa | null {
  const numbers = rdata.length - SOA_NUMBERS_OCTETS
  const second = plainNameEnd(rdata, 0, numbers)
  if (second < 0 || plainNameEnd(rdata, second, numbers) !== numbers) return null
  return {
    mname: trustWireName(latin1(rdata, 0, second)),
    rname: trustWireName(latin1(rdata, second, numbers)),
    serial: u32(rdata, numbers),
    refresh: u32(rdata, numbers + 4),
    retry: u32(rdata, numbers + 8),
    expire: u32(rdata, numbers + 12),
    minimum: u32(rdata, numbers + 16),
  }
}

/**
 * The address in RDATA of an A or AAAA record; null for another type or length. IPv4-mapped addresses are the IPv4
 * address.
 */
export function ipOf(type: number, rdata: Uint8Array): IpAddress | null {
  const octets = type === RrType.A ? 4 : type === RrType.AAAA ? 16 : -1
  return rdata.length === octets ? ipFromBytes(rdata) : null
}

/** RDATA of NS, CNAME, DNAME and PTR. */
export const nameRdata = (name: WireName): Uint8Array => nameBytes(name)
export const nsRdata: typeof nameRdata = nameRdata

export function soaRdata(soa: Soa): Uint8Array {
  const rdata = new Uint8Array(soa.mname.length + soa.rname.length + SOA_NUMBERS_OCTETS)
  let at = writeName(soa.rname, rdata, writeName(soa.mname, rdata, 0))
  for (const number of [soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum]) {
    putU32(rdata, at, number)
    at += 4
  }
  return rdata
}

/**
 * RDATA of HINFO (RFC 1035 section 3.3.2; RFC 8482 section 4.2 answers ANY with it). Each text is cut at 255 octets.
 */
export const hinfoRdata = (cpu: string, os: string): Uint8Array =>
  characterStrings([cpu, os].map(text => Buffer.from(text, 'utf8').subarray(0, MAX_STRING_OCTETS)))

function characterStrings(strings: readonly Uint8Array[]): Uint8Array {
  const rdata = new Uint8Array(strings.reduce((sum, octets) => sum + octets.length + 1, 0))
  let at = 0
  for (const octets of strings) {
    rdata[at] = octets.length
    rdata.set(octets, at + 1)
    at += octets.length + 1
  }
  return rdata
}

/** Of SVCB and HTTPS (RFC 9460 section 2.2): where the service is, and the addresses that are given along with it. */
export interface ServiceData {
  /** The root stands for the owner itself. */
  readonly target: WireName
  readonly hints: readonly IpAddress[]
}

/** RFC 9460 section 14.3.2: the octets that an address of `ipv4hint` and `ipv6hint` has. */
const HINT_OCTETS: ReadonlyMap<number, number> = new Map([
  [4, 4],
  [6, 16],
])

/** RDATA of SVCB and HTTPS; null when it is malformed. */
export function readService(rdata: Uint8Array): ServiceData | null {
  const end = plainNameEnd(rdata, 2, rdata.length)
  if (end < 0) return null
  const hints: IpAddress[] = []
  let at = end
  while (at + 4 <= rdata.length) {
    const octets = HINT_OCTETS.get(u16(rdata, at))
    const next = at + 4 + u16(rdata, at + 2)
    if (next > rdata.length) return null
    if (octets !== undefined)
      for (let hint = at + 4; hint + octets <= next; hint += octets)
        hints.push(ipFromBytes(rdata.slice(hint, hint + octets)))
    at = next
  }
  return at === rdata.length ? { target: trustWireName(latin1(rdata, 2, end)), hints } : null
}
