/**
 * The copy of a zone on disk: a line that says what it is, the octets of the flat zone, and a SHA-256 of both (made by
 * who writes, compared by who reads). It is read in a fraction of the time that a master file takes, and is thrown away
 * when anything about it is odd: the primary has another.
 *
 * `rootwalk zone copy 1 0463 6f72 … 1234 1300\n` are the format, the origin in hexadecimal, the offset of the first
 * stray entry and the number of records.
 */
import { trustWireName, foldName, type Name } from '../dns/name.ts'
import { copyOf, latin1 } from '../dns/bytes.ts'
import { type FlatZone, indexedZone } from '../zone/flat-zone.ts'

export const COPY_DIGEST_OCTETS = 32
const FORM = /^rootwalk zone copy 1 ([0-9a-f]+) (\d+) (\d+)\n/
/** The longest header: a name of 255 octets in hexadecimal and two numbers. */
const HEADER_MOST_OCTETS = 600

export function copyHeader({ origin, strays, recordCount }: FlatZone): Uint8Array {
  const name = Buffer.from(origin, 'latin1').toString('hex')
  return Buffer.from(`rootwalk zone copy 1 ${name} ${strays} ${recordCount}\n`, 'latin1')
}

/** The zone from header and octets, whose digest has been compared; null when it is another zone or no copy. */
export function readCopy(bytes: Uint8Array, zone: Name): FlatZone | null {
  const [line, name = '', strays = '', records = ''] = FORM.exec(latin1(bytes, 0, HEADER_MOST_OCTETS)) ?? []
  if (line === undefined) return null
  const origin = foldName(trustWireName(Buffer.from(name, 'hex').toString('latin1')))
  if (origin !== zone) return null
  const octets = copyOf(bytes, line.length, bytes.length)
  return indexedZone({ origin, octets, strays: Number(strays), recordCount: Number(records) })
}
