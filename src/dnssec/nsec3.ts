/**
 * What NSEC3 records prove (RFC 5155 section 8, RFC 6840 section 4, RFC 9276): judgements over records whose signatures
 * are verified. Steps only because hashing is dear: others get the event loop between stretches of it (CVE-2023-50868).
 *
 * Invariants: a record counts only when its owner is one hash label below the zone that signed it; no hash is computed
 * that the client's query has not paid for, and none twice in one judgement.
 */
import { counted } from '../presentation/counted.ts'
import { isStrictlyWithin, labelCount, labelsOf, parentOf, suffixOf, wildcardOf, type Name } from '../dns/name.ts'
import { latin1 } from '../dns/bytes.ts'
import { hasType, NSEC3_OPT_OUT, readNsec3, readNsec3Label, type Nsec3, type TypeBitmap } from '../dns/rdata-dnssec.ts'
import type { RRset } from '../dns/rrset.ts'
import { formatName } from '../presentation/text.ts'
import { EdeCode, RrType } from '../dns/types.ts'
import { pause, type SecurityNote, type Steps } from '../steps.ts'
import { NSEC3_SHA1, nsec3Hash } from './algorithms.ts'
import { contradicted, delegatesBelow, proven, typesAgainst, unproven } from './nsec.ts'
import type { DenialClaim, DenialVerdict, DnssecRules, Refusal, Work } from './rules.ts'
import { BLOCK_OCTETS, PADDING_OCTETS, SHA1_OCTETS } from './sha1.ts'

/** One NSEC3 record. Hashes as octets, one per UTF-16 unit, so that they compare as text. */
export interface Nsec3Record {
  readonly owner: string
  readonly next: string
  readonly types: TypeBitmap
  readonly optOut: boolean
  readonly iterations: number
  readonly salt: Uint8Array
  readonly set: RRset
}

/**
 * The NSEC3 record of a set; null for what proves nothing in `zone`: malformed, several at one owner, an owner that is
 * not one hash label and the zone (CVE-2026-10723), an unknown hash algorithm or flags (RFC 5155 sections 8.1 and 8.2).
 */
export function nsec3Of(set: RRset, zone: Name): Nsec3Record | null {
  const [rdata] = set.rdatas
  if (
    set.type !== RrType.NSEC3 ||
    rdata === undefined ||
    set.rdatas.length !== 1 ||
    set.name === zone ||
    parentOf(set.name) !== zone
  )
    return null
  const hash = readNsec3Label(labelsOf(set.name)[0] ?? '')
  const fields = readNsec3(rdata)
  if (hash === null || fields === null || hash.length !== SHA1_OCTETS || !isKnown(fields)) return null
  return {
    owner: text(hash),
    next: text(fields.nextHash),
    types: fields.types,
    optOut: (fields.flags & NSEC3_OPT_OUT) !== 0,
    iterations: fields.iterations,
    salt: fields.salt,
    set,
  }
}

const isKnown = ({ hashAlgorithm, flags, nextHash }: Nsec3): boolean =>
  hashAlgorithm === NSEC3_SHA1 && (flags & ~NSEC3_OPT_OUT) === 0 && nextHash.length === SHA1_OCTETS

const text = (octets: Uint8Array): string => latin1(octets, 0, octets.length)

/** Is `hash` strictly between the two ends of a record? The last record of a zone goes round to the first. */
export const nsec3Covers = ({ owner, next }: Nsec3Record, hash: string): boolean =>
  owner < next ? owner < hash && hash < next : hash !== owner && (owner < hash || hash < next)

/**
 * Was the record made up for one question (RFC 7129 appendix B)? It spans its own hash alone, or from the hash before
 * that of the question's name to the one after. It proves that question's answer and nothing else.
 */
export function isMinimalNsec3({ owner, next }: Pick<Nsec3Record, 'owner' | 'next'>): boolean {
  for (let at = 0, hash = owner; at < MINIMAL_SPAN; at++) {
    hash = hashAfter(hash)
    if (hash === next) return true
  }
  return false
}

/** From one before to one after. */
const MINIMAL_SPAN = 2

/** The next hash, from the last one to the first. */
function hashAfter(hash: string): string {
  let at = hash.length - 1
  while (at >= 0 && hash.charCodeAt(at) === 0xff) at--
  const head = at < 0 ? '' : hash.slice(0, at) + String.fromCharCode(hash.charCodeAt(at) + 1)
  return head.padEnd(hash.length, '\0')
}

/**
 * The records that go with the first one: same salt and iterations (RFC 5155 section 7.2); a zone may have several
 * chains.
 */
export function oneChain(records: readonly Nsec3Record[]): readonly Nsec3Record[] {
  const [head] = records
  return head === undefined
    ? []
    : records.filter(record => record.iterations === head.iterations && text(record.salt) === text(head.salt))
}

/** RFC 9276 section 3.2: nothing is hashed then. */
const tooManyIterations = (iterations: number): SecurityNote => ({
  ede: EdeCode.UnsupportedNsec3Iterations,
  text: `NSEC3 with ${counted(iterations, 'iteration')}`,
})

interface Case {
  readonly records: readonly Nsec3Record[]
  readonly zone: Name
  readonly hasher: Hasher
}

/** A limit that ended the hashing; never thrown, part of the judgement. */
interface Exhausted {
  readonly kind: 'limit'
  readonly text: string
}

/** Hashes of names, each computed once, paid for in blocks of SHA-1: a long salt makes every iteration dearer. */
class Hasher {
  readonly #salt: Uint8Array
  readonly #iterations: number
  readonly #work: Work
  readonly #price: number
  readonly #stretch: number
  readonly #known = new Map<Name, string>()
  #sincePause = 0

  constructor(record: Nsec3Record, rules: DnssecRules, work: Work) {
    this.#salt = record.salt
    this.#iterations = record.iterations
    this.#work = work
    this.#price = hashBlocks(record.salt, 0)
    this.#stretch = rules.limits.hashesPerStretch
  }

  *of(name: Name): Steps<string | Exhausted> {
    const known = this.#known.get(name)
    if (known !== undefined) return known
    for (let i = 0; i < this.#price; i++) {
      const limit = this.#work.takeNsec3Hash()
      if (limit !== null) return { kind: 'limit', text: limit }
    }
    this.#sincePause += this.#price
    if (this.#sincePause > this.#stretch) {
      this.#sincePause = this.#price
      yield* pause()
    }
    const hash = text(nsec3Hash(name, this.#salt, this.#iterations))
    this.#known.set(name, hash)
    return hash
  }
}

/**
 * Blocks of SHA-1 that the hash of a name costs (FIPS 180-4 section 5.1.1: a message and its padding fill whole
 * blocks).
 */
export const hashBlocks = (salt: Uint8Array, iterations: number): number =>
  (iterations + 1) * Math.ceil((SHA1_OCTETS + salt.length + PADDING_OCTETS) / BLOCK_OCTETS)

/** Judges a claim about a name inside `zone`. `records` is one chain and not empty. */
export function* judgeByNsec3(
  claim: DenialClaim,
  zone: Name,
  records: readonly Nsec3Record[],
  rules: DnssecRules,
  work: Work,
): Steps<DenialVerdict> {
  const [head] = records
  if (head === undefined) return unproven('no NSEC3 record')
  if (head.iterations > rules.nsec3MaxIterations) return { kind: 'insecure', note: tooManyIterations(head.iterations) }
  const hearing: Case = { records, zone, hasher: new Hasher(head, rules, work) }
  switch (claim.kind) {
    case 'nxdomain':
      return yield* judgeNxdomain(hearing, claim.name)
    case 'nodata':
      return yield* judgeNodata(hearing, claim.name, claim.type)
    case 'no-ds':
      return yield* judgeNodata(hearing, claim.name, RrType.DS)
    case 'expansion':
      return yield* judgeExpansion(hearing, claim.name, claim.wildcard)
    default:
      return claim satisfies never
  }
}

type Found = { readonly kind: 'found'; readonly record: Nsec3Record } | { readonly kind: 'none' } | Exhausted

function* matching({ records, hasher }: Case, name: Name): Steps<Found> {
  const hash = yield* hasher.of(name)
  if (typeof hash !== 'string') return hash
  return found(records.find(record => record.owner === hash))
}

function* covering({ records, hasher }: Case, name: Name): Steps<Found> {
  const hash = yield* hasher.of(name)
  if (typeof hash !== 'string') return hash
  return found(records.find(record => nsec3Covers(record, hash)))
}

const found = (record: Nsec3Record | undefined): Found =>
  record === undefined ? { kind: 'none' } : { kind: 'found', record }

/** RFC 5155 section 8.3: the longest ancestor that exists, and the record that denies the name one label longer. */
interface Enclosure {
  readonly kind: 'enclosure'
  readonly encloser: Name
  readonly match: Nsec3Record
  readonly cover: Nsec3Record
}

function* encloserOf(hearing: Case, name: Name): Steps<Enclosure | Refusal> {
  let nextCloser: Name | null = null
  for (let count = labelCount(name); count >= labelCount(hearing.zone); count--) {
    const encloser = suffixOf(name, count)
    const match = yield* matching(hearing, encloser)
    if (match.kind === 'limit') return match
    if (match.kind === 'found') {
      if (nextCloser === null) return contradicted(`${formatName(name)} is shown to exist`)
      if (delegatesBelow(match.record.types))
        return contradicted(
          `${formatName(encloser)}, above ${formatName(name)}, is shown to be a delegation or a DNAME`,
        )
      const cover = yield* covering(hearing, nextCloser)
      if (cover.kind === 'limit') return cover
      return cover.kind === 'found'
        ? { kind: 'enclosure', encloser, match: match.record, cover: cover.record }
        : unproven(`no NSEC3 record covers ${formatName(nextCloser)}`)
    }
    nextCloser = encloser
  }
  return unproven(`no NSEC3 record matches ${formatName(name)} or a name above it`)
}

/** RFC 5155 section 9.2: an opt-out record may cover unsigned delegations, so what it proves is not secure. */
const provenUnless = (optOut: boolean, sets: readonly RRset[]): DenialVerdict =>
  optOut ? { kind: 'insecure', note: null } : proven(sets)

/** RFC 5155 section 8.4. */
function* judgeNxdomain(hearing: Case, name: Name): Steps<DenialVerdict> {
  const match = yield* matching(hearing, name)
  if (match.kind === 'limit') return match
  // RFC 9824 section 3.1: a record at the name itself that says there is none.
  if (match.kind === 'found' && hasType(match.record.types, RrType.NXNAME)) return proven([match.record.set])
  const enclosure = yield* encloserOf(hearing, name)
  if (enclosure.kind !== 'enclosure') return enclosure
  const wildcard = wildcardOf(enclosure.encloser)
  const sets = [enclosure.match.set, enclosure.cover.set]
  // A wildcard that would be too long to exist needs no proof.
  if (wildcard === null) return provenUnless(enclosure.cover.optOut, sets)
  const above = yield* covering(hearing, wildcard)
  if (above.kind === 'limit') return above
  return above.kind === 'found'
    ? provenUnless(enclosure.cover.optOut, [...sets, above.record.set])
    : unproven(`no NSEC3 record covers ${formatName(wildcard)}`)
}

/** RFC 5155 sections 8.5 to 8.7 and 8.9. */
function* judgeNodata(hearing: Case, name: Name, type: number): Steps<DenialVerdict> {
  const match = yield* matching(hearing, name)
  if (match.kind === 'limit') return match
  if (match.kind === 'found') {
    const { types, set } = match.record
    const against = typesAgainst(types, name, type)
    return against === null ? proven([set], hasType(types, RrType.NS)) : contradicted(against)
  }
  const enclosure = yield* encloserOf(hearing, name)
  if (enclosure.kind !== 'enclosure') return enclosure
  // RFC 5155 section 8.6: an unsigned delegation, or an empty non-terminal that leads to none but those. No wildcard
  // has a say in it, although its record may be among these by the chance of hashes.
  if (enclosure.cover.optOut && type === RrType.DS) return { kind: 'insecure', note: null }
  const wildcard = wildcardOf(enclosure.encloser)
  const source: Found = wildcard === null ? { kind: 'none' } : yield* matching(hearing, wildcard)
  if (source.kind === 'limit') return source
  if (wildcard !== null && source.kind === 'found') {
    const against = typesAgainst(source.record.types, wildcard, type)
    return against === null
      ? provenUnless(enclosure.cover.optOut, [enclosure.match.set, enclosure.cover.set, source.record.set])
      : contradicted(against)
  }
  if (enclosure.cover.optOut) return { kind: 'insecure', note: null }
  return unproven(`${formatName(name)} is shown not to exist, and no NSEC3 record matches its wildcard`)
}

/** RFC 5155 section 8.8: nothing one label closer than the wildcard's parent exists. */
function* judgeExpansion(hearing: Case, name: Name, wildcard: Name): Steps<DenialVerdict> {
  const encloser = parentOf(wildcard)
  if (!isStrictlyWithin(name, encloser))
    return contradicted(`${formatName(wildcard)} is not the wildcard for ${formatName(name)}`)
  const nextCloser = suffixOf(name, labelCount(encloser) + 1)
  const cover = yield* covering(hearing, nextCloser)
  if (cover.kind === 'limit') return cover
  return cover.kind === 'found'
    ? provenUnless(cover.record.optOut, [cover.record.set])
    : unproven(`no NSEC3 record covers ${formatName(nextCloser)}`)
}
