/**
 * What one resolution found out about a question, as octets for other instances, and taken over from theirs: the set
 * that answers it with the aliases on the way, or the denial. Entries are written as in a snapshot; whose octets they
 * are, and how old, is known elsewhere.
 *
 * Invariants: what is shared lives, is not bogus, and where validation is on has been judged; nothing that is taken
 * over lives longer than where it was stored, and nothing that lives here gives way to it.
 */
import { questionKey, type Question } from '../../dns/message.ts'
import { foldName, parentOf, ROOT, type Name } from '../../dns/name.ts'
import { targetOf } from '../../dns/rdata.ts'
import { livesBesideCname, RrType } from '../../dns/types.ts'
import type { Security } from '../../steps.ts'
import type { Caches } from '../caches.ts'
import { expiresAt, securityAt, storedAt, unpackSet } from '../packed-sets.ts'
import { negativeSection, readDenial, readSets, rrsetSection, writeDenial, writeSets } from './data-sections.ts'
import { OctetReader, OctetWriter } from './octets.ts'

/** How values are written. Instances that write in another way have other keys. */
export const SHARED_LAYOUT: string = [rrsetSection, negativeSection]
  .map(({ kind, layout }) => `${kind}.${layout}`)
  .join()

export interface SharedValue {
  readonly octets: Uint8Array
  /** Until the first of its entries ends, ms. */
  readonly leftMs: number
}

/** All times in ms of this clock. */
interface Found {
  readonly caches: Caches
  readonly question: Question
  readonly now: number
  /** What was stored before was not found by this resolution. */
  readonly since: number
  /** What has not been judged by validation is of no use to others. */
  readonly judgedOnly: boolean
}

/** As many aliases as are followed, and what they lead to. */
const MOST_ENTRIES = 12

/** Null: there is nothing that others could use. */
export function packShared(found: Found): SharedValue | null {
  const { caches, question, now, since } = found
  const into = new OctetWriter(VALUE_ROOM)
  const context = { staleMs: caches.staleMs, now }
  let leftMs = Number.POSITIVE_INFINITY
  let name: Name | null = question.name
  let entries = 0
  while (name !== null && entries < MOST_ENTRIES) {
    const set = setFor(found, name)
    if (set === null) break
    if (!mayBeShared(securityAt(set.packed, 0), found)) return null
    entries += writeSet(set, into, context)
    leftMs = Math.min(leftMs, expiresAt(set.packed, 0) - now)
    name = set.target
  }
  const denied = name === null ? undefined : caches.negatives.find({ ...question, name }, now)
  const key = { name: denied?.name ?? ROOT, type: denied?.type ?? 0, class: question.class }
  const denial = denied === undefined ? undefined : caches.negatives.kept(questionKey(key), now)
  if (denial !== undefined && denial.storedAt >= since) {
    if (!mayBeShared(denial.security, found)) return null
    into.u8(negativeSection.kind)
    writeDenial(denial, question.class, into, now)
    entries++
    leftMs = Math.min(leftMs, denial.expiresAt - now)
  }
  return entries === 0 ? null : { octets: into.take(), leftMs }
}

/** Some sets with their signatures; it grows. */
const VALUE_ROOM = 2_048

interface FoundSet {
  readonly name: Name
  readonly packed: string
  /** Where an alias leads; null: this is the answer, or where it leads depends on the question (DNAME). */
  readonly target: Name | null
}

function writeSet({ name, packed }: FoundSet, into: OctetWriter, context: Parameters<typeof writeSets>[3]): number {
  into.u8(rrsetSection.kind)
  return writeSets(name, packed, into, context)
}

/** What was found at a name: of the type asked for, or an alias, or one above. */
function setFor(found: Found, name: Name): FoundSet | null {
  const { type } = found.question
  const data = packedOf(found, name, type)
  if (data !== null) return { name, packed: data, target: null }
  const alias = livesBesideCname(type) ? null : packedOf(found, name, RrType.CNAME)
  if (alias !== null) {
    const [rdata] = unpackSet(alias, 0, name).rrset.rdatas
    const target = rdata === undefined ? null : targetOf(rdata)
    return { name, packed: alias, target: target === null ? null : foldName(target) }
  }
  for (let above = name; above !== ROOT; ) {
    above = parentOf(above)
    const packed = packedOf(found, above, RrType.DNAME)
    if (packed !== null) return { name: above, packed, target: null }
  }
  return null
}

function packedOf({ caches, question, now, since }: Found, name: Name, type: number): string | null {
  const packed = caches.rrsets.packedSet(name, type, question.class, now)
  return packed === undefined || storedAt(packed, 0) < Math.floor(since) ? null : packed
}

function mayBeShared(security: Security, { judgedOnly }: Found): boolean {
  switch (security.kind) {
    case 'secure':
    case 'insecure':
      return true
    case 'indeterminate':
      return !judgedOnly
    case 'bogus':
      return false
    default:
      return security satisfies never
  }
}

/**
 * Takes over what another instance stored; `takenAt` in ms of this clock is when. False: it cannot be read, or has a
 * name that was removed, and nothing was taken; or nothing of it is news.
 */
export function takeShared(
  octets: Uint8Array,
  caches: Caches,
  now: number,
  takenAt: number,
  isRemoved: (name: Name) => boolean,
): boolean {
  const from = new OctetReader(octets)
  const context = { takenAt, mayBeStale: true }
  const steps: (() => boolean)[] = []
  let isGone = false
  while (!from.isAtEnd && steps.length <= MOST_ENTRIES) {
    switch (from.u8()) {
      case rrsetSection.kind: {
        const { name, sets } = readSets(from, context)
        isGone ||= isRemoved(name)
        for (const set of sets) if (set.security.kind !== 'bogus') steps.push(() => caches.rrsets.takeOver(set, now))
        break
      }
      case negativeSection.kind: {
        const { denial, class: klass } = readDenial(from, context)
        isGone ||= isRemoved(denial.name)
        if (denial.security.kind !== 'bogus') steps.push(() => caches.negatives.takeOver(denial, klass, now))
        break
      }
      default:
        from.reject()
    }
  }
  if (isGone || !from.isWhole || !from.isAtEnd) return false
  return steps.filter(step => step()).length > 0
}
