/**
 * Resource records and RRsets as immutable values. RDATA is kept as uncompressed wire octets; names inside it keep the
 * case they arrived with.
 */
import { latin1 } from './bytes.ts'
import { foldName, type Name, type WireName } from './name.ts'
import { RrType } from './types.ts'

/** One record (RFC 1035 section 3.2.1). `ttl` in seconds. */
export interface Rr {
  readonly owner: WireName
  readonly type: number
  readonly class: number
  readonly ttl: number
  readonly rdata: Uint8Array
}

/**
 * All records of one owner, type and class (RFC 2181 section 5), at least one, without duplicates, with the RRSIGs that
 * cover them. `ttl` in seconds is the smallest seen (RFC 2181 section 5.2).
 */
export interface RRset {
  readonly owner: WireName
  /** `owner` folded. */
  readonly name: Name
  readonly type: number
  readonly class: number
  readonly ttl: number
  readonly rdatas: readonly Uint8Array[]
  /** RDATA of the RRSIG records that cover this set. */
  readonly signatures: readonly Uint8Array[]
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** An RRset from parts; duplicates are dropped (RFC 2181 section 5.5). */
export function makeRRset(
  owner: WireName,
  type: number,
  klass: number,
  ttl: number,
  rdatas: readonly Uint8Array[],
  signatures: readonly Uint8Array[] = [],
): RRset {
  return {
    owner,
    name: foldName(owner),
    type,
    class: klass,
    ttl,
    rdatas: distinct(rdatas),
    signatures: distinct(signatures),
  }
}

export const withTtl = (rrset: RRset, ttl: number): RRset => (ttl === rrset.ttl ? rrset : { ...rrset, ttl })

/** The records of a set, its signatures after them when `withSignatures`. */
export function recordsOf(rrset: RRset, withSignatures = false): Rr[] {
  const { owner, type, class: klass, ttl } = rrset
  const records: Rr[] = rrset.rdatas.map(rdata => ({ owner, type, class: klass, ttl, rdata }))
  if (withSignatures)
    for (const rdata of rrset.signatures) records.push({ owner, type: RrType.RRSIG, class: klass, ttl, rdata })
  return records
}

/** The type that an RRSIG covers (RFC 4034 section 3.1.1), 0 when the RDATA is too short to say. */
export const coveredType = (rrsig: Uint8Array): number =>
  rrsig.length < 2 ? 0 : ((rrsig[0] ?? 0) << 8) | (rrsig[1] ?? 0)

interface Draft {
  owner: WireName
  name: Name
  type: number
  class: number
  ttl: number
  rdatas: Uint8Array[]
  signatures: Uint8Array[]
}

/**
 * Groups the records of one section into RRsets, in order of first appearance. RRSIGs are attached to the set that they
 * cover; those that cover nothing here are left out unless `keepSignatures`, which keeps all RRSIGs as sets of their
 * own type (for a question that asked for them).
 */
export function groupRRsets(records: readonly Rr[], keepSignatures = false): RRset[] {
  const [only] = records
  if (only === undefined) return []
  if (records.length === 1 && only.type !== RrType.RRSIG) return [setOf(only)]
  const drafts = new Map<string, Draft>()
  const signatures: { readonly name: Name; readonly record: Rr }[] = []
  for (const record of records) {
    const name = foldName(record.owner)
    if (record.type === RrType.RRSIG && !keepSignatures) {
      signatures.push({ name, record })
      continue
    }
    const key = `${name}${record.type}/${record.class}`
    const draft = drafts.get(key)
    if (draft === undefined) {
      drafts.set(key, {
        owner: record.owner,
        name,
        type: record.type,
        class: record.class,
        ttl: record.ttl,
        rdatas: [record.rdata],
        signatures: [],
      })
    } else {
      draft.rdatas.push(record.rdata)
      draft.ttl = Math.min(draft.ttl, record.ttl)
    }
  }
  for (const { name, record } of signatures) {
    const draft = drafts.get(`${name}${coveredType(record.rdata)}/${record.class}`)
    if (draft === undefined) continue
    draft.signatures.push(record.rdata)
    draft.ttl = Math.min(draft.ttl, record.ttl)
  }
  return [...drafts.values()].map(d => ({ ...d, rdatas: distinct(d.rdatas), signatures: distinct(d.signatures) }))
}

const setOf = ({ owner, type, class: klass, ttl, rdata }: Rr): RRset => ({
  owner,
  name: foldName(owner),
  type,
  class: klass,
  ttl,
  rdatas: [rdata],
  signatures: NONE,
})

const NONE: readonly Uint8Array[] = Object.freeze([])

/**
 * Sets of up to this many are compared pairwise: 28 comparisons, each over at the first difference, are cheaper than
 * keys.
 */
const PAIRWISE = 8

function distinct(rdatas: readonly Uint8Array[]): readonly Uint8Array[] {
  if (rdatas.length < 2) return rdatas
  if (rdatas.length <= PAIRWISE) {
    const kept = rdatas.filter((rdata, i) => !rdatas.some((other, j) => j < i && sameBytes(other, rdata)))
    return kept.length === rdatas.length ? rdatas : kept
  }
  // Keyed by octets, not compared pairwise: an RRset of a 64 KB message must not cost quadratic work.
  const seen = new Map<string, Uint8Array>()
  for (const rdata of rdatas) {
    const key = latin1(rdata, 0, rdata.length)
    if (!seen.has(key)) seen.set(key, rdata)
  }
  return seen.size === rdatas.length ? rdatas : [...seen.values()]
}
