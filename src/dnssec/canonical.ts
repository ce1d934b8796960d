/**
 * The canonical form of RRsets and the octets that a signature is over (RFC 4034 sections 3.1.8.1 and 6, RFC 6840
 * section 5.1). Shared by those who verify and those who sign; nothing is judged here.
 */
import { RECORD_FIXED_OCTETS } from '../dns/message.ts'
import { latin1, putU16, putU32 } from '../dns/bytes.ts'
import {
  foldName,
  isWildcard,
  labelCount,
  suffixOf,
  trustWireName,
  wildcardOf,
  writeName,
  type Name,
} from '../dns/name.ts'
import { shapeOf } from '../dns/rdata-shape.ts'
import { fieldEnd, fitsPlan, planOf } from '../dns/rdata-wire.ts'
import type { RRset } from '../dns/rrset.ts'

const TYPE_AND_CLASS_OCTETS = 4

/**
 * What the labels field of a signature over `name` counts: neither the root label nor a leading asterisk (RFC 4034
 * section 3.1.3).
 */
export const signedLabels = (name: Name): number => labelCount(name) - (isWildcard(name) ? 1 : 0)

/**
 * The owner that was signed (RFC 4035 section 5.3.2): `name` itself, or the wildcard that it was expanded from when
 * `labels` is less than it has. Null when it is more.
 */
export function signedOwner(name: Name, labels: number): Name | null {
  const own = signedLabels(name)
  return labels === own ? name : labels > own ? null : wildcardOf(suffixOf(name, labels))
}

/**
 * The signed octets (RFC 4034 section 3.1.8.1). `rrsig` is RDATA of the RRSIG up to its signature, the signer's name in
 * lower case; `owner` the one of `signedOwner`; `originalTtl` in seconds.
 */
export function signedOctets(rrsig: Uint8Array, rrset: RRset, owner: Name, originalTtl: number): Uint8Array {
  const records = canonicalRdatas(rrset)
  const head = owner.length + RECORD_FIXED_OCTETS
  // From the pool of the platform: they live for one verification, and separate allocations would cost more than the
  // copy.
  const octets = Buffer.allocUnsafe(records.reduce((sum, rdata) => sum + head + rdata.length, rrsig.length))
  octets.set(rrsig)
  let at = rrsig.length
  for (const rdata of records) {
    at = writeName(owner, octets, at)
    putU16(octets, at, rrset.type)
    putU16(octets, at + 2, rrset.class)
    putU32(octets, at + TYPE_AND_CLASS_OCTETS, originalTtl)
    putU16(octets, at + TYPE_AND_CLASS_OCTETS + 4, rdata.length)
    octets.set(rdata, at + RECORD_FIXED_OCTETS)
    at += RECORD_FIXED_OCTETS + rdata.length
  }
  return octets
}

/** The RDATA of a set in canonical form and order, each once (RFC 4034 sections 6.2 and 6.3). */
function canonicalRdatas(rrset: RRset): readonly Uint8Array[] {
  const folds = shapeOf(rrset.type)?.foldNames === true
  const rdatas = folds ? rrset.rdatas.map(rdata => canonicalRdata(rrset.type, rrset.class, rdata)) : rrset.rdatas
  if (rdatas.length < 2) return rdatas
  const sorted = [...rdatas].sort((a, b) => Buffer.compare(a, b))
  // Records that differ in the case of a name only are one record in canonical form.
  return sorted.filter((rdata, i) => {
    const before = sorted[i - 1]
    return before === undefined || Buffer.compare(before, rdata) !== 0
  })
}

/**
 * RDATA with its names in lower case where the type asks for it; the octets themselves when nothing changes or they do
 * not fit the type.
 */
function canonicalRdata(type: number, klass: number, rdata: Uint8Array): Uint8Array {
  const plan = planOf(type, klass)
  if (
    plan === undefined ||
    !plan.hasNames ||
    shapeOf(type)?.foldNames !== true ||
    !fitsPlan(plan, rdata, 0, rdata.length)
  )
    return rdata
  let folded: Uint8Array | null = null
  let at = 0
  for (const field of plan.fields) {
    const end = fieldEnd(field, rdata, at, rdata.length)
    if (field === 'name' || field === 'compressed-name') {
      const written = trustWireName(latin1(rdata, at, end))
      const name = foldName(written)
      if (name !== written) {
        folded ??= Uint8Array.from(rdata)
        writeName(name, folded, at)
      }
    }
    at = end
  }
  return folded ?? rdata
}
