/**
 * Octets to a `Message` (RFC 1035 section 4), or a format error that says where and why and still carries the header
 * and the question when they could be read, so that a client can be answered FORMERR and a cut reply asked again over
 * TCP. It never throws, never keeps a view on its input, and judges structure only: what a record means is not its
 * business.
 *
 * Invariant: work and memory are proportional to the length of the message. Counts are checked against the octets there
 * are, pointers go strictly backwards (no loops), and what a pointer leads to is read once and remembered (compression
 * bombs: CVE-2024-8508, CVE-2026-44390). What 64 KB can be blown up to is limited besides.
 *
 * RDATA comes out with its names decompressed; a type or class without a known layout is opaque (RFC 3597).
 */
import { ednsFrom, readOptions } from './edns.ts'
import {
  AA,
  AD,
  type AskedQuestion,
  CD,
  type Edns,
  type Header,
  HEADER_OCTETS,
  MAX_MESSAGE_OCTETS,
  type Message,
  QR,
  RA,
  RD,
  RECORD_FIXED_OCTETS,
  TC,
} from './message.ts'
import { foldName, MAX_LABEL_OCTETS, MAX_NAME_OCTETS, ROOT, trustWireName, type WireName, writeName } from './name.ts'
import { bufferOf, copyOf, u16, u32 } from './bytes.ts'
import { fieldEnd, fitsPlan, planOf, type RdataPlan } from './rdata-wire.ts'
import type { Rr } from './rrset.ts'
import { RrClass, RrType } from './types.ts'

interface FormatError {
  readonly kind: 'format-error'
  /** Where reading stopped, in octets from the start of the message. */
  readonly offset: number
  readonly why: string
  /** Null when there are fewer than 12 octets. */
  readonly header: Header | null
  readonly question: AskedQuestion | null
}

export type Decoded = { readonly kind: 'message'; readonly message: Message } | FormatError

/** A pointer that helps has at least one label in front of it, and a name has at most 127 labels. */
export const MAX_POINTER_HOPS = 127
/**
 * RDATA with names, decompressed, of one message: 64 KB of pointers would make 2 MB and take 7 ms (measured on Node
 * 20). A reply of 4,000 PTR records with names of 60 octets stays below. It counts what the message says, not how it is
 * compressed, so that whatever was accepted is accepted again after encoding.
 */
export const MAX_NAMED_RDATA_OCTETS: number = 4 * MAX_MESSAGE_OCTETS

/** Decodes a whole message. Octets after the last record are a format error. */
export function decodeMessage(bytes: Uint8Array): Decoded {
  return new MessageReader(bytes).read()
}

/**
 * The same for a reply from a server, without unused parts: where the answer section begins with a record that was
 * asked for, the records after that section are checked as ever, but only what may prove something about the answer
 * (NSEC, NSEC3, RRSIG) is made. Servers add their zone's NS set and its addresses to every answer, three quarters of
 * the records of a reply.
 */
export function decodeReply(bytes: Uint8Array): Decoded {
  return new MessageReader(bytes, true).read()
}

/**
 * Reads a name at `offset`; its own octets (not what pointers lead to) must end before `limit`. `next` is the offset
 * after it. Null when it is malformed.
 */
export function readName(bytes: Uint8Array, offset: number, limit: number): { name: WireName; next: number } | null {
  const reader = new MessageReader(bytes)
  const name = reader.name(offset, Math.min(limit, bytes.length))
  return name === null ? null : { name, next: reader.next }
}

/** The header of a message of at least 12 octets. */
function readHeader(bytes: Uint8Array): Header {
  const high = bytes[2] ?? 0
  const low = bytes[3] ?? 0
  return {
    id: u16(bytes, 0),
    response: (high & QR) !== 0,
    opcode: (high >> OPCODE_SHIFT) & OPCODE_MASK,
    authoritative: (high & AA) !== 0,
    truncated: (high & TC) !== 0,
    recursionDesired: (high & RD) !== 0,
    recursionAvailable: (low & RA) !== 0,
    authenticData: (low & AD) !== 0,
    checkingDisabled: (low & CD) !== 0,
    rcode: low & RCODE_MASK,
  }
}

/** RFC 1035 section 4.1.1: what else the third octet of the header says, and the fourth. */
const OPCODE_SHIFT = 3
const OPCODE_MASK = 0x0f
const RCODE_MASK = 0x0f

/** Reads one message from front to back. A method that returns null has noted where and why it gave up. */
class MessageReader {
  /** After what was read last. */
  next = HEADER_OCTETS
  readonly #bytes: Buffer
  readonly #end: number
  #failedAt = 0
  #why = ''
  #edns: Edns | null = null
  #extendedRcode = 0
  #namedRdataOctets = 0
  // Names that later pointers may lead to: the question's, the one read last, and on demand all other targets.
  #questionName: WireName | null = null
  #recentAt = 0
  #recent: WireName = ROOT
  #suffixes: Map<number, WireName> | null = null
  readonly #lean: boolean
  #skippedPointers = 0

  constructor(bytes: Uint8Array, lean = false) {
    this.#bytes = bufferOf(bytes)
    this.#end = bytes.length
    this.#lean = lean
  }

  read(): Decoded {
    const bytes = this.#bytes
    if (this.#end < HEADER_OCTETS) return this.#error('shorter than a header', this.#end, null)
    const questions = u16(bytes, 4)
    // Several questions have no agreed meaning (RFC 9619): a format error.
    if (questions > 1) return this.#error('more than one question', 4, null)
    let question: AskedQuestion | null = null
    if (questions === 1) {
      question = this.#question()
      if (question === null) return this.#error(this.#why, this.#failedAt, null)
    }
    const counts = u16(bytes, 6) + u16(bytes, 8) + u16(bytes, 10)
    if (this.next + counts * MIN_RECORD_OCTETS > this.#end)
      return this.#error('more records announced than there is room for', 6, question)
    const answer = this.#section(u16(bytes, 6), 'no-opt', 'all')
    const kept = this.#lean && answer !== null && question !== null && answers(question, answer[0]) ? 'proofs' : 'all'
    const authority = answer === null ? null : this.#section(u16(bytes, 8), 'no-opt', kept)
    const additional = authority === null ? null : this.#section(u16(bytes, 10), 'opt', kept)
    if (answer === null || authority === null || additional === null)
      return this.#error(this.#why, this.#failedAt, question)
    // The counts define a message (RFC 1035 section 4.1). Some servers send more octets, and clients never have to.
    if (this.next !== this.#end && ((bytes[2] ?? 0) & QR) === 0)
      return this.#error('octets after the last record', this.next, question)
    return { kind: 'message', message: this.#message(question, answer, authority, additional) }
  }

  /** Written out field by field: building a header object and spreading it costs more than reading the question. */
  #message(
    question: AskedQuestion | null,
    answer: readonly Rr[],
    authority: readonly Rr[],
    additional: readonly Rr[],
  ): Message {
    const high = this.#bytes[2] ?? 0
    const low = this.#bytes[3] ?? 0
    return {
      id: u16(this.#bytes, 0),
      response: (high & QR) !== 0,
      opcode: (high >> OPCODE_SHIFT) & OPCODE_MASK,
      authoritative: (high & AA) !== 0,
      truncated: (high & TC) !== 0,
      recursionDesired: (high & RD) !== 0,
      recursionAvailable: (low & RA) !== 0,
      authenticData: (low & AD) !== 0,
      checkingDisabled: (low & CD) !== 0,
      rcode: (this.#extendedRcode << 4) | (low & RCODE_MASK),
      question,
      answer,
      authority,
      additional,
      edns: this.#edns,
    }
  }

  #error(why: string, offset: number, question: AskedQuestion | null): FormatError {
    return {
      kind: 'format-error',
      offset,
      why,
      header: this.#end < HEADER_OCTETS ? null : readHeader(this.#bytes),
      question,
    }
  }

  #fail(why: string, offset: number): null {
    this.#why = why
    this.#failedAt = offset
    return null
  }

  #question(): AskedQuestion | null {
    const cased = this.name(HEADER_OCTETS, this.#end)
    if (cased === null) return null
    const at = this.next
    if (at + 4 > this.#end) return this.#fail('question runs over the end', at)
    this.next = at + 4
    this.#questionName = cased
    return { name: foldName(cased), type: u16(this.#bytes, at), class: u16(this.#bytes, at + 2), cased }
  }

  #section(count: number, holds: 'opt' | 'no-opt', kept: 'all' | 'proofs'): readonly Rr[] | null {
    if (count === 0) return NO_RECORDS
    let records: Rr[] | null = null
    for (let i = 0; i < count; i++) {
      const start = this.next
      const at = this.#skipName(start, this.#end)
      if (at < 0) return null
      const rdataAt = at + RECORD_FIXED_OCTETS
      if (rdataAt > this.#end) return this.#fail('record runs over the end', start)
      const rdataEnd = rdataAt + u16(this.#bytes, at + 8)
      if (rdataEnd > this.#end) return this.#fail('RDATA runs over the end', at + 8)
      const type = u16(this.#bytes, at)
      if (type === RrType.OPT) {
        if (holds === 'no-opt') return this.#fail('OPT outside the additional section', start)
        if (!this.#opt(start, at, rdataEnd)) return null
      } else if (kept === 'proofs' && !isProof(type)) {
        if (!this.#skipRdata(type, u16(this.#bytes, at + 2), rdataAt, rdataEnd)) return null
      } else {
        const record = this.#record(start, at, rdataEnd)
        if (record === null) return null
        if (records === null) records = [record]
        else records.push(record)
      }
      this.next = rdataEnd
    }
    return records ?? NO_RECORDS
  }

  #record(start: number, at: number, rdataEnd: number): Rr | null {
    const owner = this.name(start, this.#end)
    if (owner === null) return null
    const type = u16(this.#bytes, at)
    const klass = u16(this.#bytes, at + 2)
    const rdata = this.#rdata(type, klass, at + RECORD_FIXED_OCTETS, rdataEnd)
    if (rdata === null) return null
    const ttl = u32(this.#bytes, at + 4)
    // RFC 2181 section 8: a TTL with the highest bit set is zero.
    return { owner, type, class: klass, ttl: ttl > MAX_TTL ? 0 : ttl, rdata }
  }

  /** RFC 6891 section 6.1.1: at most one, owned by the root; otherwise a format error. */
  #opt(start: number, at: number, end: number): boolean {
    if (this.#edns !== null) this.#fail('more than one OPT', at)
    else if (this.#bytes[start] !== 0 && this.name(start, this.#end) !== ROOT)
      this.#fail('OPT not owned by the root', at)
    else {
      const ttl = u32(this.#bytes, at + 4)
      const options = readOptions(this.#bytes, at + RECORD_FIXED_OCTETS, end)
      const version = (ttl >>> 16) & 0xff
      if (options !== null || version !== 0) {
        // What options look like in a version that does not exist yet is unknown: the answer is BADVERS, not FORMERR.
        this.#edns = ednsFrom(u16(this.#bytes, at + 2), ttl, options ?? [])
        this.#extendedRcode = ttl >>> 24
        return true
      }
      this.#fail('malformed EDNS options', at + RECORD_FIXED_OCTETS)
    }
    return false
  }

  #rdata(type: number, klass: number, at: number, end: number): Uint8Array | null {
    const plan = planOf(type, klass)
    // RFC 2136 section 2.4: prerequisites and deletions have empty RDATA.
    if (plan === undefined || (at === end && (klass === RrClass.ANY || klass === RrClass.NONE)))
      return copyOf(this.#bytes, at, end)
    if (plan.hasNames) return this.#rdataWithNames(plan, at, end)
    return fitsPlan(plan, this.#bytes, at, end)
      ? copyOf(this.#bytes, at, end)
      : this.#fail('RDATA does not fit its type', at)
  }

  /** Does it have the form of its type? `#rdata` without making anything. */
  #skipRdata(type: number, klass: number, start: number, end: number): boolean {
    const plan = planOf(type, klass)
    if (plan === undefined || (start === end && (klass === RrClass.ANY || klass === RrClass.NONE))) return true
    let at = start
    if (!plan.hasNames) at = fitsPlan(plan, this.#bytes, start, end) ? end : -1
    else {
      for (const field of plan.fields) {
        const isName = field === 'name' || field === 'compressed-name'
        at = isName ? this.#skipName(at, end) : fieldEnd(field, this.#bytes, at, end)
        if (isName && at < 0) return false
        if (at < 0) break
      }
    }
    if (at !== end)
      this.#fail(at < 0 ? 'RDATA does not fit its type' : 'RDATA is longer than its type', at < 0 ? start : at)
    return at === end
  }

  #rdataWithNames(plan: RdataPlan, start: number, end: number): Uint8Array | null {
    // No type has more than two names.
    let first: WireName | null = null
    let firstAt = 0
    let firstEnd = 0
    let second: WireName | null = null
    let secondAt = 0
    let secondEnd = 0
    let at = start
    for (const field of plan.fields) {
      if (field === 'name' || field === 'compressed-name') {
        const name = this.name(at, end)
        if (name === null) return null
        if (first === null) {
          first = name
          firstAt = at
          firstEnd = this.next
        } else {
          second = name
          secondAt = at
          secondEnd = this.next
        }
        at = this.next
      } else {
        at = fieldEnd(field, this.#bytes, at, end)
        if (at < 0) return this.#fail('RDATA does not fit its type', start)
      }
    }
    if (at !== end) return this.#fail('RDATA is longer than its type', at)
    const grown =
      (first === null ? 0 : first.length - firstEnd + firstAt) +
      (second === null ? 0 : second.length - secondEnd + secondAt)
    this.#namedRdataOctets += end - start + grown
    if (this.#namedRdataOctets > MAX_NAMED_RDATA_OCTETS) return this.#fail('names decompress to too many octets', start)
    if (first === null || grown === 0) return copyOf(this.#bytes, start, end)
    const rdata = new Uint8Array(end - start + grown)
    let to = this.#copy(start, firstAt, rdata, 0)
    to = writeName(first, rdata, to)
    if (second === null) this.#copy(firstEnd, end, rdata, to)
    else {
      to = this.#copy(firstEnd, secondAt, rdata, to)
      to = writeName(second, rdata, to)
      this.#copy(secondEnd, end, rdata, to)
    }
    return rdata
  }

  #copy(from: number, end: number, into: Uint8Array, at: number): number {
    for (let i = from; i < end; i++) into[at + i - from] = this.#bytes[i] ?? 0
    return at + end - from
  }

  /** The name at `start`, its own octets before `limit`. */
  name(start: number, limit: number): WireName | null {
    const at = this.#labels(start, limit)
    if (at < 0) return null
    if (this.#bytes[at] === 0) {
      this.next = at + 1
      return at === start ? ROOT : this.#remember(start, this.#text(start, at + 1))
    }
    if (at + 2 > limit) return this.#fail('name runs over the end', start)
    const suffix = this.#suffix(u16(this.#bytes, at) & 0x3fff, start, 0)
    if (suffix === null) return null
    this.next = at + 2
    return at === start ? suffix : this.#remember(start, this.#joined(start, at, suffix))
  }

  /**
   * The offset after the name at `start`, which is checked but not built; -1 when it is malformed. Whatever is odd, and
   * every name after the first hundred pointers of a message, goes through `name`, which says what is wrong and follows
   * each pointer once.
   */
  #skipName(start: number, limit: number): number {
    const bytes = this.#bytes
    let next = 0
    let octets = 1
    let floor = start
    for (let at = start; at < (next === 0 ? limit : this.#end); ) {
      const length = bytes[at] ?? 0
      if (length === 0) return next === 0 ? at + 1 : next
      if (length < 0xc0) {
        octets += length + 1
        if (length > MAX_LABEL_OCTETS || octets > MAX_NAME_OCTETS) break
        at += length + 1
        continue
      }
      const target = u16(bytes, at) & 0x3fff
      if (
        at + 2 > (next === 0 ? limit : this.#end) ||
        target >= floor ||
        target < HEADER_OCTETS ||
        ++this.#skippedPointers > MAX_POINTER_HOPS
      )
        break
      if (next === 0) next = at + 2
      at = target
      floor = target
    }
    return this.name(start, limit) === null ? -1 : this.next
  }

  /** The name that a pointer leads to. It must lie before `floor`, the start of the piece that the pointer ends. */
  #suffix(target: number, floor: number, hops: number): WireName | null {
    if (target >= floor || target < HEADER_OCTETS)
      return this.#fail('compression pointer does not point backwards', floor)
    if (this.#questionName !== null && target < HEADER_OCTETS + this.#questionName.length) {
      const suffix = suffixAt(this.#questionName, target - HEADER_OCTETS)
      if (suffix !== null) return suffix
    }
    if (target === this.#recentAt) return this.#recent
    const known = this.#suffixes?.get(target)
    if (known !== undefined) return known
    if (hops === MAX_POINTER_HOPS) return this.#fail('too many compression pointers', floor)
    const at = this.#labels(target, this.#end)
    if (at < 0) return null
    let name: WireName | null
    if (this.#bytes[at] === 0) name = at === target ? ROOT : this.#text(target, at + 1)
    else if (at + 2 > this.#end) return this.#fail('name runs over the end', target)
    else {
      name = this.#suffix(u16(this.#bytes, at) & 0x3fff, target, hops + 1)
      if (name !== null && at !== target) name = this.#joined(target, at, name)
    }
    if (name === null) return null
    this.#suffixes ??= new Map()
    this.#suffixes.set(target, name)
    return name
  }

  /** Walks labels; the offset of the root label or of the pointer that ends them, -1 after noting a failure. */
  #labels(start: number, limit: number): number {
    const bytes = this.#bytes
    for (let at = start; at < limit; ) {
      const length = bytes[at] ?? 0
      if (length === 0 || length >= 0xc0) return at
      if (length > MAX_LABEL_OCTETS) {
        this.#fail('unknown label type', at)
        return -1
      }
      at += length + 1
      if (at - start >= MAX_NAME_OCTETS) {
        this.#fail('name longer than 255 octets', start)
        return -1
      }
    }
    this.#fail('name runs over the end', start)
    return -1
  }

  #text(from: number, to: number): WireName {
    return trustWireName(this.#bytes.toString('latin1', from, to))
  }

  #joined(from: number, to: number, suffix: WireName): WireName | null {
    if (to - from + suffix.length > MAX_NAME_OCTETS) return this.#fail('name longer than 255 octets', from)
    return trustWireName(this.#bytes.toString('latin1', from, to) + suffix)
  }

  #remember(at: number, name: WireName | null): WireName | null {
    if (name === null) return null
    this.#recentAt = at
    this.#recent = name
    return name
  }
}

/** The part of a name that begins at this octet of it; null when no label does. */
function suffixAt(name: WireName, octet: number): WireName | null {
  let at = 0
  while (at < octet) at += name.charCodeAt(at) + 1
  return at !== octet ? null : at === 0 ? name : trustWireName(name.slice(at))
}

/** Does the record answer the question as it was asked, not by way of an alias? */
const answers = (question: AskedQuestion, record: Rr | undefined): boolean =>
  record !== undefined &&
  record.type === question.type &&
  record.class === question.class &&
  (record.owner === question.cased || foldName(record.owner) === question.name)

const isProof = (type: number): boolean => type === RrType.NSEC || type === RrType.NSEC3 || type === RrType.RRSIG

/** RFC 2181 section 8. */
const MAX_TTL = 0x7fff_ffff
const MIN_RECORD_OCTETS = 11
const NO_RECORDS: readonly Rr[] = Object.freeze([])
