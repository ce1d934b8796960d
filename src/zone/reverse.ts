/**
 * PTR records for addresses that only this server knows: those of private networks in the `records` of a configuration,
 * as dnsmasq makes them. Addresses of the Internet keep the names that their owners gave them. Pure.
 */
import { type IpAddress, ipFromBytes } from '../dns/address.ts'
import { foldName, isWildcard, isWithin, type Name, nameBytes, nameFromLabels } from '../dns/name.ts'
import { RrType } from '../dns/types.ts'
import { specialUses } from './special-use.ts'
import type { LocatedRr } from './zone-file.ts'

/** RFC 1035 section 3.5 and RFC 3596 section 2.5. */
export function reverseOf(ip: IpAddress): Name | null {
  const hex = Array.from(ip.bytes, octet => [(octet >> 4).toString(16), (octet & 0xf).toString(16)]).flat()
  const labels =
    ip.family === 4 ? [...Array.from(ip.bytes, String).reverse(), 'in-addr', 'arpa'] : [...hex.reverse(), 'ip6', 'arpa']
  const name = nameFromLabels(labels)
  return name === null ? null : foldName(name)
}

/** Names that no other server can answer: reverse zones that are special-use and empty (RFC 6303). */
const isOurs = (name: Name): boolean => specialUses.some(use => use.content === 'empty' && isWithin(name, use.name))

/**
 * One PTR record for each such address, to the first name that has it. `isTaken`: a zone or record of the user speaks
 * for the reverse name already.
 */
export function reverseRecords(records: readonly LocatedRr[], isTaken: (name: Name) => boolean): readonly LocatedRr[] {
  const made = new Map<Name, LocatedRr>()
  const given = new Set(records.map(record => foldName(record.owner)))
  for (const record of records) {
    if ((record.type !== RrType.A && record.type !== RrType.AAAA) || isWildcard(record.owner)) continue
    const name = reverseOf(ipFromBytes(record.rdata))
    if (name === null || made.has(name) || given.has(name) || !isOurs(name) || isTaken(name)) continue
    made.set(name, { ...record, owner: name, type: RrType.PTR, rdata: nameBytes(record.owner) })
  }
  return [...made.values()]
}
