/**
 * A `Message` to octets: name compression (RFC 1035 section 4.1.4), the OPT record, truncation at RRset borders. Names
 * in RDATA are compressed only for the types of RFC 1035 (RFC 3597 section 4). What a reply should say is decided
 * elsewhere; here it is only made to fit.
 *
 * Invariant: the result has at most `maxBytes` octets (as long as header, question and a bare OPT fit), is a valid
 * message, and every RRset in it is whole.
 */
import { copyOf, latin1, putU16, putU32 } from './bytes.ts'
import { optOctets, writeOpt } from './edns.ts'
import {
  AA,
  AD,
  CD,
  type Edns,
  type Header,
  HEADER_OCTETS,
  MAX_MESSAGE_OCTETS,
  type Message,
  QR,
  type Question,
  RA,
  RD,
  RECORD_FIXED_OCTETS,
  TC,
} from './message.ts'
import { applyCaseBits, foldName, ROOT, trustWireName, type WireName, writeName } from './name.ts'
import { fieldEnd, fitsPlan, planOf, type RdataPlan } from './rdata-wire.ts'
import { coveredType, type Rr } from './rrset.ts'
import { Rcode, RrType } from './types.ts'

export interface EncodeOptions {
  /** The most octets the message may have. */
  readonly maxBytes: number
  /** Where to write, when there is room enough: the message is then a view of it. */
  readonly into?: Buffer
  /** Leaves out the additional section and, in a reply with an answer, the NS RRsets of the authority section. */
  readonly minimal?: boolean
}

export interface Encoded {
  /** Exactly the message, in new memory unless the caller gave some. */
  readonly bytes: Uint8Array
  /** Where the TTLs of all records but OPT are, in octets. */
  readonly ttlOffsets: Uint16Array
  readonly truncated: boolean
}

export interface QueryOptions {
  readonly id: number
  readonly question: Question
  /** The question's name with the letter case to send. */
  readonly cased?: WireName
  /** Which of its letters go out as capitals (0x20): see `applyCaseBits`. */
  readonly caseBits?: Uint8Array | undefined
  readonly recursionDesired: boolean
  readonly checkingDisabled?: boolean
  /** In a query it asks for AD in the reply (RFC 6840 section 5.7). */
  readonly authenticData?: boolean
  readonly edns: Edns | null
}

const QUESTION_FIXED_OCTETS = 4
/** Measured on Node 20: from here on `set` is quicker than a loop. */
const SHORT_COPY_OCTETS = 48
/** A pointer has 14 bits (RFC 1035 section 4.1.4). */
const POINTER_REACH = 0x4000
/**
 * Look-ups of suffixes for one message, then names are only compressed when they are known as a whole. Unbound stops
 * after 120 names (CVE-2024-8508); 1,024 covers 250 names of four labels and keeps the worst message under half a
 * millisecond.
 */
const MAX_SUFFIX_LOOKUPS = 1_024

/**
 * Encodes a message. What does not fit into `maxBytes` goes: first RRsets of the additional section, silently; then
 * whole RRsets from the end of authority and answer, with TC set (RFC 2181 section 9). OPT stays, at need without
 * options.
 */
export function encodeMessage(message: Message, options: EncodeOptions): Encoded {
  return new MessageWriter(message, options).write()
}

/** Encodes a query: one question and at most an OPT. */
export function encodeQuery(options: QueryOptions): Uint8Array {
  const { question, edns } = options
  const name = options.cased ?? question.name
  const bytes = new Uint8Array(
    HEADER_OCTETS + name.length + QUESTION_FIXED_OCTETS + (edns === null ? 0 : optOctets(edns)),
  )
  putU16(bytes, 0, options.id)
  bytes[2] = options.recursionDesired ? RD : 0
  bytes[3] = (options.checkingDisabled === true ? CD : 0) | (options.authenticData === true ? AD : 0)
  bytes[5] = 1
  const at = writeName(name, bytes, HEADER_OCTETS)
  if (options.caseBits !== undefined) applyCaseBits(bytes, HEADER_OCTETS, at, options.caseBits)
  putU16(bytes, at, question.type)
  putU16(bytes, at + 2, question.class)
  if (edns !== null) {
    bytes[11] = 1
    writeOpt(edns, Rcode.NOERROR, bytes, at + QUESTION_FIXED_OCTETS)
  }
  return bytes
}

class MessageWriter {
  readonly #message: Message
  readonly #minimal: boolean
  readonly #edns: Edns | null
  readonly #bytes: Buffer
  readonly #isOwn: boolean
  /** Records must end here: the OPT follows. */
  readonly #limit: number
  readonly #ttlOffsets: Uint16Array
  #records = 0
  readonly #names = new CompressionTable()
  #at = HEADER_OCTETS

  constructor(message: Message, options: EncodeOptions) {
    this.#message = message
    this.#minimal = options.minimal === true
    this.#ttlOffsets = new Uint16Array(message.answer.length + message.authority.length + message.additional.length)
    const maxBytes = Math.min(options.maxBytes, MAX_MESSAGE_OCTETS)
    const head = HEADER_OCTETS + (message.question === null ? 0 : message.question.cased.length + QUESTION_FIXED_OCTETS)
    const edns = message.edns
    this.#edns =
      edns !== null && edns.options.length > 0 && head + optOctets(edns) > maxBytes ? { ...edns, options: [] } : edns
    const tail = this.#edns === null ? 0 : optOctets(this.#edns)
    this.#limit = maxBytes - tail
    const octets = Math.max(head + tail, capacityFor(message, maxBytes, tail))
    this.#isOwn = options.into === undefined || options.into.length < octets
    this.#bytes = options.into === undefined || this.#isOwn ? Buffer.allocUnsafe(octets) : options.into
  }

  write(): Encoded {
    const { question, answer, authority, additional } = this.#message
    if (question !== null) this.#question(question.cased, question)
    const answers = this.#section(answer)
    let truncated = answers < answer.length
    let authorities = 0
    let additionals = 0
    if (!truncated) {
      const wanted = this.#minimal && answer.length > 0 ? authority.filter(notNs) : authority
      authorities = this.#section(wanted)
      truncated = authorities < wanted.length
    }
    if (!truncated && !this.#minimal) additionals = this.#section(additional)
    const edns = this.#edns
    const rcode = edns === null && this.#message.rcode > 0x0f ? Rcode.SERVFAIL : this.#message.rcode
    if (edns !== null) this.#at = writeOpt(edns, rcode, this.#bytes, this.#at)
    const bytes = this.#bytes
    putHeader(this.#message, rcode, truncated, bytes)
    putU16(bytes, 4, question === null ? 0 : 1)
    putU16(bytes, 6, answers)
    putU16(bytes, 8, authorities)
    putU16(bytes, 10, additionals + (edns === null ? 0 : 1))
    return {
      bytes: this.#isOwn ? copyOf(bytes, 0, this.#at) : new Uint8Array(bytes.buffer, bytes.byteOffset, this.#at),
      ttlOffsets:
        this.#records === this.#ttlOffsets.length ? this.#ttlOffsets : this.#ttlOffsets.slice(0, this.#records),
      truncated,
    }
  }

  #question(cased: WireName, question: Question): void {
    this.#at = this.#names.write(cased, this.#bytes, this.#at)
    putU16(this.#bytes, this.#at, question.type)
    putU16(this.#bytes, this.#at + 2, question.class)
    this.#at += QUESTION_FIXED_OCTETS
  }

  /** Writes records until one does not fit; then takes its whole RRset back. The number of records that are in. */
  #section(records: readonly Rr[]): number {
    let setAt = this.#at
    let setStart = 0
    for (let i = 0; i < records.length; i++) {
      const record = records[i]
      const before = records[i - 1]
      if (record === undefined) break
      if (before === undefined || !sameSet(record, before)) {
        setAt = this.#at
        setStart = i
      }
      this.#record(record)
      if (this.#at > this.#limit) {
        this.#at = setAt
        this.#records -= i + 1 - setStart
        return setStart
      }
    }
    return records.length
  }

  #record(record: Rr): void {
    const bytes = this.#bytes
    const at = this.#names.write(record.owner, bytes, this.#at)
    putU16(bytes, at, record.type)
    putU16(bytes, at + 2, record.class)
    putU32(bytes, at + 4, record.ttl)
    this.#ttlOffsets[this.#records++] = at + 4
    const plan = planOf(record.type, record.class)
    const from = at + RECORD_FIXED_OCTETS
    const compress = plan?.compresses === true && fitsPlan(plan, record.rdata, 0, record.rdata.length)
    this.#at = compress
      ? this.#compressedRdata(plan, record.rdata, from)
      : copyInto(record.rdata, 0, record.rdata.length, bytes, from)
    putU16(bytes, at + 8, this.#at - from)
  }

  #compressedRdata(plan: RdataPlan, rdata: Uint8Array, from: number): number {
    let at = from
    let read = 0
    for (const field of plan.fields) {
      const end = fieldEnd(field, rdata, read, rdata.length)
      if (field === 'compressed-name') at = this.#names.write(trustWireName(latin1(rdata, read, end)), this.#bytes, at)
      else at = copyInto(rdata, read, end, this.#bytes, at)
      read = end
    }
    return at
  }
}

/**
 * Where names of this message stand, by their folded suffixes. Letter case does not hinder compression (RFC 1035
 * section 2.3.3), so an owner equal to the question takes over the case in which it was asked.
 */
class CompressionTable {
  /** The first name and where it stands: most replies have no other, and then there is nothing to look up. */
  #first: WireName = ROOT
  #firstAt = 0
  #offsets: Map<string, number> | null = null
  #lookupsLeft = MAX_SUFFIX_LOOKUPS

  /** Writes a name as short as possible; returns the offset after it. */
  write(name: WireName, into: Uint8Array, at: number): number {
    if (this.#offsets === null) {
      if (this.#firstAt === 0) {
        this.#first = name
        this.#firstAt = at
        return putOctets(name, name.length, into, at)
      }
      if (name === this.#first && name !== ROOT && this.#firstAt < POINTER_REACH)
        return putPointer(this.#firstAt, into, at)
      this.#offsets = new Map()
      this.#write(this.#offsets, this.#first, into, this.#firstAt)
    }
    return this.#write(this.#offsets, name, into, at)
  }

  #write(offsets: Map<string, number>, name: WireName, into: Uint8Array, at: number): number {
    const known = offsets.get(name)
    if (known !== undefined) return putPointer(known, into, at)
    const folded = foldName(name)
    let cut = 0
    for (let length = folded.charCodeAt(0); length !== 0; length = folded.charCodeAt(cut)) {
      const suffix = cut === 0 ? folded : folded.slice(cut)
      const target = offsets.get(suffix)
      if (target !== undefined) return putPointer(target, into, putOctets(name, cut, into, at))
      if (--this.#lookupsLeft < 0) break
      if (at + cut < POINTER_REACH) offsets.set(suffix, at + cut)
      cut += length + 1
    }
    return putOctets(name, name.length, into, at)
  }
}

function putPointer(target: number, into: Uint8Array, at: number): number {
  putU16(into, at, 0xc000 | target)
  return at + 2
}

function putOctets(name: WireName, count: number, into: Uint8Array, at: number): number {
  for (let i = 0; i < count; i++) into[at + i] = name.charCodeAt(i)
  return at + count
}

function copyInto(from: Uint8Array, start: number, end: number, into: Uint8Array, at: number): number {
  if (end - start > SHORT_COPY_OCTETS) into.set(from.subarray(start, end), at)
  else for (let i = start; i < end; i++) into[at + i - start] = from[i] ?? 0
  return at + end - start
}

function putHeader(header: Header, rcode: number, truncated: boolean, bytes: Uint8Array): void {
  putU16(bytes, 0, header.id)
  bytes[2] =
    (header.response ? QR : 0) |
    ((header.opcode & 0x0f) << 3) |
    (header.authoritative ? AA : 0) |
    (truncated || header.truncated ? TC : 0) |
    (header.recursionDesired ? RD : 0)
  bytes[3] =
    (header.recursionAvailable ? RA : 0) |
    (header.authenticData ? AD : 0) |
    (header.checkingDisabled ? CD : 0) |
    (rcode & 0x0f)
}

const sameSet = (a: Rr, b: Rr): boolean =>
  a.type === b.type && a.class === b.class && (a.owner === b.owner || foldName(a.owner) === foldName(b.owner))

const notNs = (record: Rr): boolean =>
  (record.type === RrType.RRSIG ? coveredType(record.rdata) : record.type) !== RrType.NS

/** Octets that are enough for the message uncompressed, or for `maxBytes` and the record that runs over it. */
function capacityFor(message: Message, maxBytes: number, tail: number): number {
  let all =
    HEADER_OCTETS + tail + (message.question === null ? 0 : message.question.cased.length + QUESTION_FIXED_OCTETS)
  let largest = 0
  for (const section of [message.answer, message.authority, message.additional]) {
    for (const record of section) {
      const octets = record.owner.length + RECORD_FIXED_OCTETS + record.rdata.length
      all += octets
      if (octets > largest) largest = octets
    }
  }
  return Math.min(all, maxBytes + largest)
}
