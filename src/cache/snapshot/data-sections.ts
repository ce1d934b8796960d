/** RRsets, denials, validated NSEC and NSEC3 records, and failures. */
import { foldName, trustWireName, type Name } from '../../dns/name.ts'
import { questionKey, questionOfKey } from '../../dns/message.ts'
import type { RRset } from '../../dns/rrset.ts'
import { RrType } from '../../dns/types.ts'
import type { FailureReason } from '../../steps.ts'
import {
  classAt,
  countAt,
  expiresAt,
  hasRare,
  leaseEndsAt,
  nextSet,
  recordOctets,
  securityAt,
  storedAt,
  trustAt,
  ttlAt,
  typeAt,
  unpackSet,
  type SetToPack,
} from '../packed-sets.ts'
import type { ExpiredDenial } from '../negative-cache.ts'
import { Trust } from '../trust.ts'
import { isOfUse } from '../ttl.ts'
import { NONE, one, type RestoreContext, section, type Section } from './section.ts'
import type { OctetReader, OctetWriter } from './octets.ts'

const NO_SETS: readonly RRset[] = Object.freeze([])
const NO_RECORDS: readonly Uint8Array[] = Object.freeze([])
const TRUSTS: readonly Trust[] = Object.values(Trust)

/** An owner that differs from the name by its case, or a proof, follows. */
const RARE = 1
/** The end of the delegation follows. */
const LEASED = 2

export const rrsetSection: Section = section({
  kind: 1,
  layout: 2,
  subjects: ['data', 'trust'],
  items: ({ caches }) => caches.rrsets.packed(),
  write: ([key, sets], into, { caches, now }) => writeSets(key, sets, into, { staleMs: caches.staleMs, now }),
  restore(from, context) {
    const { name, sets } = readSets(from, context)
    if (!from.isWhole) return NONE
    return { found: sets.length, kept: context.caches.rrsets.restore(name, sets.filter(isNews(context)), context.now) }
  },
  settle: caches => caches.rrsets.settle(),
})

/** The sets of a name that are of use, as they are kept; how many. */
export function writeSets(
  key: string,
  sets: string,
  into: OctetWriter,
  { staleMs, now }: { readonly staleMs: number; readonly now: number },
): number {
  const start = into.length
  into.name(trustWireName(key))
  const counted = into.length
  into.u8(0)
  let count = 0
  for (let at = 0; at < sets.length && count < MOST_SETS; at = nextSet(sets, at))
    if (isOfUse(expiresAt(sets, at), leaseEndsAt(sets, at), staleMs, now)) {
      writeSet(sets, at, key, into, now)
      count++
    }
  if (count === 0) into.backTo(start)
  else into.setU8(counted, count)
  return count
}

/** When entries were written, and whether the ends of delegations were noted. */
export type ReadContext = Pick<RestoreContext, 'takenAt' | 'mayBeStale'>

/** What `rrsetSection` writes of a name. */
export function readSets(
  from: OctetReader,
  context: ReadContext,
): { readonly name: Name; readonly sets: readonly SetToPack[] } {
  const name = foldName(from.name())
  const sets: SetToPack[] = []
  for (let left = from.u8(); left > 0 && from.isWhole; left--) sets.push(readSet(from, name, context))
  return { name, sets }
}

/** The number of sets is one octet; a name has no more than `limits.cache.typesPerName`. */
const MOST_SETS = 255

function writeSet(sets: string, at: number, key: string, into: OctetWriter, now: number): void {
  const records = recordOctets(sets, at)
  into.u16(typeAt(sets, at))
  into.u16(classAt(sets, at))
  into.u8(trustAt(sets, at))
  into.security(securityAt(sets, at))
  into.u32(ttlAt(sets, at))
  into.time(now - storedAt(sets, at))
  into.u16(countAt(sets, at))
  into.u32(records.length)
  into.octets(records)
  const lease = leaseEndsAt(sets, at)
  into.u8((hasRare(sets, at) ? RARE : 0) | (isKept(lease) ? LEASED : 0))
  if (isKept(lease)) into.time(lease - now)
  if (!hasRare(sets, at)) return
  const { rrset, proof } = unpackSet(sets, at, foldName(trustWireName(key)))
  into.name(rrset.owner)
  into.rrsets(proof)
}

const isKept = (leaseEnd: number): boolean => leaseEnd < Number.POSITIVE_INFINITY

function readSet(from: OctetReader, name: Name, { takenAt, mayBeStale }: ReadContext): SetToPack {
  const type = from.u16()
  const klass = from.u16()
  const trust = TRUSTS[from.u8() - 1]
  if (trust === undefined) from.reject()
  const security = from.security()
  const ttl = from.u32()
  const stored = Math.floor(takenAt - from.time())
  const count = from.u16()
  const records = from.recordsWithin(from.u32())
  const flags = from.u8()
  const rare = (flags & RARE) !== 0
  const noted = (flags & LEASED) === 0 ? Number.POSITIVE_INFINITY : Math.floor(takenAt + from.time())
  const leaseEnd = mayBeStale ? noted : stored + ttl * 1_000
  const owner = rare ? from.name() : name
  const proof = rare ? from.rrsets() : NO_SETS
  if (foldName(owner) !== name) from.reject()
  const rrset = {
    owner,
    name,
    type,
    class: klass,
    ttl,
    rdatas: records.length > count ? records.slice(0, count) : records,
    signatures: records.length > count ? records.slice(count) : NO_RECORDS,
  }
  return { rrset, trust: trust ?? Trust.Additional, security, proof, storedAt: stored, ttl, leaseEndsAt: leaseEnd }
}

/** A denial that came since the start is the newer word. */
const isNews =
  ({ caches, takenAt }: RestoreContext) =>
  ({ rrset }: SetToPack): boolean => {
    const { negatives } = caches
    if (negatives.size === 0) return true
    return [rrset.type, EVERY_TYPE].every(type => {
      const denial = negatives.peek(questionKey({ name: rrset.name, type, class: rrset.class }), takenAt)
      return denial === undefined || denial.storedAt <= takenAt
    })
  }

/** See `negative-cache.ts`. */
const EVERY_TYPE = 0

export const negativeSection: Section = section({
  kind: 2,
  layout: 2,
  subjects: ['data', 'trust'],
  items: ({ caches }) => caches.negatives.keys(),
  write(key, into, { caches, now }) {
    const entry = caches.negatives.kept(key, now)
    if (entry === undefined) return 0
    writeDenial(entry, questionOfKey(key).class, into, now)
    return 1
  },
  restore(from, context) {
    const { denial, class: klass } = readDenial(from, context)
    if (!from.isWhole) return NONE
    if (context.isLearnt(denial.name)) return one(false)
    return one(context.caches.negatives.restore(denial, klass, context.now))
  },
  settle: caches => caches.negatives.settle(),
})

export function writeDenial(entry: ExpiredDenial, klass: number, into: OctetWriter, now: number): void {
  into.name(entry.name)
  into.u16(entry.type)
  into.u16(klass)
  into.security(entry.security)
  into.time(now - entry.storedAt)
  into.time(entry.expiresAt - entry.storedAt)
  into.u8(isKept(entry.leaseEndsAt) ? LEASED : 0)
  if (isKept(entry.leaseEndsAt)) into.time(entry.leaseEndsAt - now)
  into.rrsets(entry.soa === null ? NO_SETS : [entry.soa])
  into.rrsets(entry.proof)
}

/** What `negativeSection` writes of one. */
export function readDenial(
  from: OctetReader,
  { takenAt, mayBeStale }: ReadContext,
): { readonly denial: ExpiredDenial; readonly class: number } {
  const name = foldName(from.name())
  const type = from.u16()
  const klass = from.u16()
  const security = from.security()
  const storedAt = takenAt - from.time()
  const expires = storedAt + from.time()
  const noted = from.u8() === LEASED ? takenAt + from.time() : Number.POSITIVE_INFINITY
  const leaseEnd = mayBeStale ? noted : expires
  const [soa = null] = from.rrsets()
  const proof = from.rrsets()
  const kind = type === EVERY_TYPE ? 'nxdomain' : 'nodata'
  const times = { storedAt, expiresAt: expires, leaseEndsAt: leaseEnd }
  return { denial: { kind, name, type, soa, proof, security, ...times }, class: klass }
}

const DENIALS = ['soa', 'nsec', 'nsec3'] as const

export const denialSection: Section = section({
  kind: 3,
  layout: 1,
  subjects: ['data', 'trust'],
  items: ({ caches }) => caches.denials.keys(),
  write(key, into, { caches, now }) {
    const kept = caches.denials.peek(key)
    if (kept === undefined || kept.storedAt + kept.set.ttl * 1_000 <= now) return 0
    into.u8(DENIALS.indexOf(kept.what))
    into.name(kept.zone)
    into.time(now - kept.storedAt)
    into.rrset(kept.set)
    return 1
  },
  restore(from, { caches, now, takenAt, isLearnt }) {
    const what = DENIALS[from.u8()]
    const zone = foldName(from.name())
    const stored = takenAt - from.time()
    const set = from.rrset()
    if (what === undefined) from.reject()
    if (!from.isWhole || what === undefined) return NONE
    // A zone that was re-signed meanwhile has another chain: the records at hand would be of both.
    if (set.type !== RrType.SOA && isLearnt(set.name)) return one(false)
    return one(caches.denials.restore({ zone, what, set, storedAt: stored }, now))
  },
  settle: caches => caches.denials.settle(),
})

/** By number, for ever: new ones come last. */
const REASONS: readonly FailureReason[] = [
  'unreachable',
  'all-servers-lame',
  'refused-by-servers',
  'upstreams-unreachable',
  'bogus',
  'cycle',
  'budget',
  'deadline',
  'overload',
  'alias-chain',
  'name-too-long',
  'not-recursive',
]

export const failureSection: Section = section({
  kind: 4,
  layout: 1,
  subjects: ['data', 'trust', 'local'],
  items: ({ caches }) => caches.failures.keys(),
  write(key, into, { caches, now }) {
    const failure = caches.failures.peek(key, now)
    const reason = failure === undefined ? -1 : REASONS.indexOf(failure.why)
    if (failure === undefined || reason < 0) return 0
    const { name, type, class: klass } = questionOfKey(key)
    into.name(name)
    into.u16(type)
    into.u16(klass)
    into.u8(reason)
    into.u16(failure.ede)
    into.text(failure.text)
    into.u16(failure.inRow)
    into.time(now - failure.storedAt)
    into.time(failure.expiresAt - now)
    return 1
  },
  restore(from, { caches, now, takenAt, isLearnt }) {
    const name = foldName(from.name())
    const question = { name, type: from.u16(), class: from.u16() }
    const why = REASONS[from.u8()]
    const ede = from.ede()
    const text = from.text()
    const inRow = from.u16()
    const stored = takenAt - from.time()
    const expires = takenAt + from.time()
    if (why === undefined) from.reject()
    if (!from.isWhole || why === undefined) return NONE
    if (isLearnt(name)) return one(false)
    const failure = { why, ede, text, inRow, storedAt: stored, expiresAt: expires }
    return one(caches.failures.restore(question, failure, now))
  },
  settle: caches => caches.failures.settle(),
})
