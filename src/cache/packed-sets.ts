/**
 * All RRsets of one name as one flat string, one octet per UTF-16 unit: what the RRset cache keeps for a name.
 * Deliberately no store, and no opinion on what may replace what. A set of one address takes 24 octets after the 16 of
 * the string itself, and is one object without references to the garbage collector; as objects it took 200 octets in
 * five of them.
 *
 * Invariants: what is read is what was written; nothing written or read shares memory with it; the sets follow each
 * other without gaps.
 */
import { putU16, putU32, putU48 } from '../dns/bytes.ts'
import { foldName, trustWireName, type Name, type WireName } from '../dns/name.ts'
import type { RRset } from '../dns/rrset.ts'
import { EdeCode, RrClass } from '../dns/types.ts'
import type { Security } from '../steps.ts'
import { copyInto, octetBytes } from './packed.ts'
import { Trust } from './trust.ts'

/** What is kept of a set. `storedAt` in whole ms, `ttl` in seconds. */
export interface SetToPack {
  readonly rrset: RRset
  readonly trust: Trust
  readonly security: Security
  readonly proof: readonly RRset[]
  readonly storedAt: number
  readonly ttl: number
  /** In whole ms, when the delegation ends that it was found through; Infinity: never, or it is not kept. */
  readonly leaseEndsAt: number
}

/**
 * A set: type (2 octets), octets in all (3), kind (1), TTL (4), time (6), records without signatures (2). The end of
 * its delegation follows where that is kept (6), then the rare fields, then the records.
 */
const SIZE = 2
const KIND = 5
const TTL = 6
const STORED = 10
/**
 * Added to the times that are kept: what was stored before this process began has a time below 0. 34 years of
 * milliseconds.
 */
const STORED_BIAS = 2 ** 40
const COUNT = 16
const HEADER = 18

/**
 * The kind: trust, security, and whether what is rare follows: octets of it (3), class, owner, security with a text,
 * proof.
 */
const TRUST_MASK = 7
const SECURITY_SHIFT = 3
const SECURITY_MASK = 3
const RARE = 32
const RARE_HEADER = 3
const LEASED = 64
const LEASE = 6

/** Securities by their number, and the numbers of those that come with a text, which is among what is rare. */
const PLAIN: readonly Security[] = [{ kind: 'indeterminate' }, { kind: 'insecure' }, { kind: 'secure' }]
const WITH_TEXT = 3
const NO_TEXT = 0
const NOTE = 1
const BOGUS = 2

const TRUSTS: readonly Trust[] = Object.values(Trust)
const EDE_CODES: readonly EdeCode[] = Object.values(EdeCode)
const NO_SETS: readonly RRset[] = Object.freeze([])

const u16At = (sets: string, at: number): number => (sets.charCodeAt(at) << 8) | sets.charCodeAt(at + 1)
const u24At = (sets: string, at: number): number => (u16At(sets, at) << 8) | sets.charCodeAt(at + 2)
const u32At = (sets: string, at: number): number => u16At(sets, at) * 0x1_0000 + u16At(sets, at + 2)

export const typeAt: (sets: string, at: number) => number = u16At
/** Seconds. */
export const ttlAt = (sets: string, at: number): number => u32At(sets, at + TTL)
/** ms. */
export const storedAt = (sets: string, at: number): number =>
  u16At(sets, at + STORED) * 0x1_0000_0000 + u32At(sets, at + STORED + 2) - STORED_BIAS
/** ms. */
export const expiresAt = (sets: string, at: number): number => storedAt(sets, at) + ttlAt(sets, at) * 1_000
export const trustAt = (sets: string, at: number): Trust =>
  TRUSTS[(sets.charCodeAt(at + KIND) & TRUST_MASK) - 1] ?? Trust.Additional
/** Start of the set after the one at `at`; after the last set, the length of the string. */
export const nextSet = (sets: string, at: number): number => at + u24At(sets, at + SIZE)

/** Is there more of the set than its records: another class, another case of the owner, a note, a proof? */
export const hasRare = (sets: string, at: number): boolean => (sets.charCodeAt(at + KIND) & RARE) !== 0
/** Where the rare fields begin, or the records of a set without any. */
const afterHeader = (sets: string, at: number): number =>
  at + ((sets.charCodeAt(at + KIND) & LEASED) === 0 ? HEADER : HEADER + LEASE)
export const classAt = (sets: string, at: number): number =>
  hasRare(sets, at) ? u16At(sets, afterHeader(sets, at) + RARE_HEADER) : RrClass.IN
const recordsAt = (sets: string, at: number): number => {
  const from = afterHeader(sets, at)
  return hasRare(sets, at) ? from + RARE_HEADER + u24At(sets, from) : from
}
/** ms; Infinity when it is not kept. */
export const leaseEndsAt = (sets: string, at: number): number =>
  (sets.charCodeAt(at + KIND) & LEASED) === 0
    ? Number.POSITIVE_INFINITY
    : u16At(sets, at + HEADER) * 0x1_0000_0000 + u32At(sets, at + HEADER + 2) - STORED_BIAS

/** RDATA without signatures, how many. */
export const countAt = (sets: string, at: number): number => u16At(sets, at + COUNT)
/** All records, signatures last: two octets of length and the octets of each. */
export const recordOctets = (sets: string, at: number): string => sets.slice(recordsAt(sets, at), nextSet(sets, at))

/** Where the set of this type and class begins, -1 when there is none. */
export function findSet(sets: string, type: number, klass: number): number {
  for (let at = 0; at < sets.length; at = nextSet(sets, at))
    if (typeAt(sets, at) === type && classAt(sets, at) === klass) return at
  return -1
}

export function countSets(sets: string): number {
  let count = 0
  for (let at = 0; at < sets.length; at = nextSet(sets, at)) count++
  return count
}

/** All but the one at `at`, flat; '' when it was the only one. */
export function withoutSet(sets: string, at: number): string {
  const next = nextSet(sets, at)
  return flatOctets(sets.slice(0, at) + sets.slice(next))
}

/** What validation said of the set at `at`. */
export function securityAt(sets: string, at: number): Security {
  return PLAIN[(sets.charCodeAt(at + KIND) >> SECURITY_SHIFT) & SECURITY_MASK] ?? rareAt(sets, at).security
}

/** The set at `at`, which is one of `name`, as a fresh value with the TTL that it was stored with; and its proof. */
export function unpackSet(
  sets: string,
  at: number,
  name: Name,
): { readonly rrset: RRset; readonly proof: readonly RRset[] } {
  const rare = hasRare(sets, at) ? rareAt(sets, at) : null
  const records = recordsIn(sets, recordsAt(sets, at), nextSet(sets, at))
  const rrset = rrsetOf(
    rare?.owner ?? name,
    name,
    typeAt(sets, at),
    classAt(sets, at),
    ttlAt(sets, at),
    records,
    u16At(sets, at + COUNT),
  )
  return { rrset, proof: rare?.proof ?? NO_SETS }
}

function rrsetOf(
  owner: WireName,
  name: Name,
  type: number,
  klass: number,
  ttl: number,
  records: readonly Uint8Array[],
  count: number,
): RRset {
  const signed = records.length > count
  return {
    owner,
    name,
    type,
    class: klass,
    ttl,
    rdatas: signed ? records.slice(0, count) : records,
    signatures: signed ? records.slice(count) : [],
  }
}

/** Records from `from` up to `to`: two octets of length and the octets, each. */
function recordsIn(sets: string, from: number, to: number): Uint8Array[] {
  const records: Uint8Array[] = []
  for (let at = from; at < to; ) {
    const next = at + 2 + u16At(sets, at)
    records.push(octetBytes(sets, at + 2, next))
    at = next
  }
  return records
}

/** What not every set has. */
interface Rare {
  /** Null when it is the name. */
  readonly owner: WireName | null
  readonly security: Security
  readonly proof: readonly RRset[]
}

function rareAt(sets: string, set: number): Rare {
  let at = afterHeader(sets, set) + RARE_HEADER + 2
  const number = (): number => {
    at += 2
    return u16At(sets, at - 2)
  }
  const octets = (): string => {
    const from = at + 1
    at = from + sets.charCodeAt(at)
    return flatOctets(sets.slice(from, at))
  }
  const owner = octets()
  const security = securityIn(number, (sets.charCodeAt(set + KIND) >> SECURITY_SHIFT) & SECURITY_MASK)
  const proof: RRset[] = []
  for (let left = number(); left > 0; left--) {
    const of = trustWireName(octets())
    const [type, klass, count, size] = [number(), number(), number(), number()]
    proof.push(rrsetOf(of, foldName(of), type, klass, ttlAt(sets, set), recordsIn(sets, at, at + size), count))
    at += size
  }
  return { owner: owner === '' ? null : trustWireName(owner), security, proof }
}

function securityIn(number: () => number, code: number): Security {
  const what = number()
  const plain = PLAIN[code]
  if (plain !== undefined) return plain
  const known = number()
  const ede = EDE_CODES.find(one => one === known) ?? EdeCode.Other
  let text = ''
  for (let left = number(); left > 0; left--) text += String.fromCharCode(number())
  return what === BOGUS ? { kind: 'bogus', ede, text } : { kind: 'insecure', note: { ede, text } }
}

/** A copy with its own memory: a slice or a concatenation may retain the strings it was made from. */
const flatOctets = (octets: string): string => Buffer.from(octets, 'latin1').toString('latin1')

/** Makes the strings, in one buffer for all of them: what it gives out is a copy. */
export class SetPacker {
  #bytes = Buffer.allocUnsafe(FIRST_ROOM)
  #at = 0

  /** `name` with its own memory: a slice would retain the longer string. */
  ownName(name: Name): string {
    this.#at = 0
    this.#room(name.length)
    return this.#bytes.toString('latin1', 0, this.#bytes.write(name, 'latin1'))
  }

  /** A set in front of `others`. */
  pack(set: SetToPack, others: string): string {
    const { rrset, trust, security, leaseEndsAt: lease } = set
    const time = set.storedAt + STORED_BIAS
    const leased = lease < Number.POSITIVE_INFINITY
    this.#at = leased ? HEADER + LEASE : HEADER
    this.#room(0)
    const code = securityCode(security)
    const rare = code === WITH_TEXT || rrset.owner !== rrset.name || rrset.class !== RrClass.IN || set.proof.length > 0
    if (rare) this.#rare(set)
    this.#records(rrset.rdatas)
    this.#records(rrset.signatures)
    const bytes = this.#bytes
    putU16(bytes, 0, rrset.type)
    putU24(bytes, SIZE, this.#at)
    bytes[KIND] = trust | (code << SECURITY_SHIFT) | (rare ? RARE : 0) | (leased ? LEASED : 0)
    putU32(bytes, TTL, set.ttl)
    putU48(bytes, STORED, time)
    if (leased) putU48(bytes, HEADER, lease + STORED_BIAS)
    putU16(bytes, COUNT, rrset.rdatas.length)
    if (others !== '') {
      this.#room(others.length)
      this.#at += this.#bytes.write(others, this.#at, 'latin1')
    }
    return this.#bytes.toString('latin1', 0, this.#at)
  }

  #rare({ rrset, security, proof }: SetToPack): void {
    const start = this.#at
    this.#room(RARE_HEADER)
    this.#at += RARE_HEADER
    this.#number(rrset.class)
    this.#text(rrset.owner === rrset.name ? '' : rrset.owner)
    this.#security(security)
    this.#number(proof.length)
    for (const { owner, type, class: klass, rdatas, signatures } of proof) {
      this.#text(owner)
      this.#number(type)
      this.#number(klass)
      this.#number(rdatas.length)
      this.#number(0)
      const from = this.#at
      this.#records(rdatas)
      this.#records(signatures)
      putU16(this.#bytes, from - 2, this.#at - from)
    }
    putU24(this.#bytes, start, this.#at - start - RARE_HEADER)
  }

  #security(security: Security): void {
    const note = security.kind === 'bogus' ? security : security.kind === 'insecure' ? security.note : undefined
    this.#number(note === undefined ? NO_TEXT : security.kind === 'bogus' ? BOGUS : NOTE)
    if (note === undefined) return
    this.#number(note.ede)
    this.#number(note.text.length)
    for (let i = 0; i < note.text.length; i++) this.#number(note.text.charCodeAt(i))
  }

  /** Two octets of length and the octets of each. */
  #records(records: readonly Uint8Array[]): void {
    for (const rdata of records) {
      this.#number(rdata.length)
      this.#room(rdata.length)
      this.#at = copyInto(rdata, this.#bytes, this.#at)
    }
  }

  #number(value: number): void {
    this.#room(2)
    putU16(this.#bytes, this.#at, value)
    this.#at += 2
  }

  /** At most 255 octets: a name. */
  #text(octets: string): void {
    this.#room(octets.length + 1)
    this.#bytes[this.#at] = octets.length
    this.#at += 1 + this.#bytes.write(octets, this.#at + 1, 'latin1')
  }

  #room(octets: number): void {
    const wanted = this.#at + octets
    if (wanted <= this.#bytes.length) return
    const more = Buffer.allocUnsafe(wanted * 2)
    this.#bytes.copy(more, 0, 0, this.#at)
    this.#bytes = more
  }
}

/** Most names; it grows to the largest that came. */
const FIRST_ROOM = 4_096

function securityCode(security: Security): number {
  switch (security.kind) {
    case 'indeterminate':
      return 0
    case 'insecure':
      return security.note === undefined ? 1 : WITH_TEXT
    case 'secure':
      return 2
    case 'bogus':
      return WITH_TEXT
    default:
      return security satisfies never
  }
}

function putU24(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 16
  putU16(bytes, at + 1, value)
}
