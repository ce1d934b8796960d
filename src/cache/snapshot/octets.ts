/**
 * Values as octets of a snapshot, and back. Numbers are in network byte order, times are milliseconds relative to the
 * moment of the snapshot, texts and names stand after their length.
 *
 * Invariant: what is read never lies outside of what was given. A reader that was asked for more, or for what is no
 * name, says so (`isWhole`) and gives zeros; whoever reads an entry looks at that before it is used.
 */
import { putU16, putU32, u16, u32 } from '../../dns/bytes.ts'
import { foldName, MAX_LABEL_OCTETS, MAX_NAME_OCTETS, ROOT, trustWireName, type WireName } from '../../dns/name.ts'
import type { RRset } from '../../dns/rrset.ts'
import { EdeCode } from '../../dns/types.ts'
import type { Security } from '../../steps.ts'

/** Room for some hundreds of entries; it grows. */
const FIRST_ROOM = 65_536
/** Milliseconds in six octets: 8,900 years. */
const MAX_TIME = 2 ** 48 - 1

export class OctetWriter {
  #bytes: Buffer
  #at = 0

  /** `room` in octets: it grows. */
  constructor(room: number = FIRST_ROOM) {
    this.#bytes = Buffer.allocUnsafe(room)
  }

  get length(): number {
    return this.#at
  }

  /** What was written, copied; it begins again. */
  take(): Uint8Array {
    const taken = new Uint8Array(this.#at)
    taken.set(this.#bytes.subarray(0, this.#at))
    this.#at = 0
    return taken
  }

  /** Leaves room to be filled later. */
  skip(octets: number): void {
    this.#room(octets)
    this.#at += octets
  }

  /** Takes back what was written after `length`. */
  backTo(length: number): void {
    this.#at = length
  }

  u8(value: number): void {
    this.#room(1)
    this.#bytes[this.#at++] = value
  }

  /** Writes over an octet that was written. */
  setU8(at: number, value: number): void {
    this.#bytes[at] = value
  }

  u16(value: number): void {
    this.#room(2)
    putU16(this.#bytes, this.#at, value)
    this.#at += 2
  }

  u32(value: number): void {
    this.#room(4)
    putU32(this.#bytes, this.#at, value)
    this.#at += 4
  }

  /** Milliseconds, none below 0. */
  time(ms: number): void {
    const whole = Math.min(MAX_TIME, Math.max(0, Math.round(ms)))
    this.u16(Math.floor(whole / 0x1_0000_0000))
    this.u32(whole % 0x1_0000_0000)
  }

  /** Any number: 8 octets. */
  number(value: number): void {
    this.#room(8)
    this.#at = this.#bytes.writeDoubleBE(value, this.#at)
  }

  /** At most 255 octets. */
  name(name: WireName): void {
    this.u8(name.length)
    this.octets(name)
  }

  /** One octet for each UTF-16 unit, without its length. */
  octets(text: string): void {
    this.#room(text.length)
    this.#at += this.#bytes.write(text, this.#at, 'latin1')
  }

  /** At most 65,535 octets as UTF-8: what is longer is cut. */
  text(text: string): void {
    const octets = Buffer.from(text, 'utf8').subarray(0, 0xffff)
    this.u16(octets.length)
    this.#raw(octets)
  }

  /** At most 65,535 octets. */
  record(rdata: Uint8Array): void {
    this.u16(rdata.length)
    this.#raw(rdata)
  }

  /** The set as a value, with the TTL that it has. */
  rrset({ owner, type, class: klass, ttl, rdatas, signatures }: RRset): void {
    this.name(owner)
    this.u16(type)
    this.u16(klass)
    this.u32(ttl)
    this.u16(rdatas.length)
    this.u16(signatures.length)
    for (const rdata of rdatas) this.record(rdata)
    for (const rdata of signatures) this.record(rdata)
  }

  rrsets(sets: readonly RRset[]): void {
    this.u16(sets.length)
    for (const set of sets) this.rrset(set)
  }

  security(security: Security): void {
    this.u8(securityCode(security))
    const note = security.kind === 'bogus' ? security : security.kind === 'insecure' ? security.note : undefined
    if (note === undefined) return
    this.u16(note.ede)
    this.text(note.text)
  }

  #raw(octets: Uint8Array): void {
    this.#room(octets.length)
    this.#bytes.set(octets, this.#at)
    this.#at += octets.length
  }

  #room(octets: number): void {
    const wanted = this.#at + octets
    if (wanted <= this.#bytes.length) return
    const more = Buffer.allocUnsafe(wanted * 2)
    this.#bytes.copy(more, 0, 0, this.#at)
    this.#bytes = more
  }
}

const NOTHING: Uint8Array = Object.freeze(new Uint8Array(0))

export class OctetReader {
  readonly #bytes: Buffer
  #at = 0
  #whole = true

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Was everything there that was asked for, and of its form? */
  get isWhole(): boolean {
    return this.#whole
  }

  get isAtEnd(): boolean {
    return !this.#whole || this.#at >= this.#bytes.length
  }

  /** What was read has no meaning. */
  reject(): void {
    this.#whole = false
  }

  u8(): number {
    return this.#has(1) ? (this.#bytes[this.#at++] ?? 0) : 0
  }

  u16(): number {
    if (!this.#has(2)) return 0
    this.#at += 2
    return u16(this.#bytes, this.#at - 2)
  }

  u32(): number {
    if (!this.#has(4)) return 0
    this.#at += 4
    return u32(this.#bytes, this.#at - 4)
  }

  time(): number {
    const high = this.u16()
    return high * 0x1_0000_0000 + this.u32()
  }

  number(): number {
    if (!this.#has(8)) return 0
    this.#at += 8
    return this.#bytes.readDoubleBE(this.#at - 8)
  }

  /** As octets, one for each UTF-16 unit, with memory of its own. */
  octets(length: number): string {
    if (!this.#has(length)) return ''
    this.#at += length
    return this.#bytes.toString('latin1', this.#at - length, this.#at)
  }

  name(): WireName {
    const name = this.octets(this.u8())
    if (isName(name)) return trustWireName(name)
    this.reject()
    return ROOT
  }

  text(): string {
    const length = this.u16()
    if (!this.#has(length)) return ''
    this.#at += length
    return this.#bytes.toString('utf8', this.#at - length, this.#at)
  }

  /** A view of the block: whoever keeps it copies it. */
  record(): Uint8Array {
    const length = this.u16()
    if (!this.#has(length)) return NOTHING
    this.#at += length
    return this.#bytes.subarray(this.#at - length, this.#at)
  }

  records(count: number): Uint8Array[] {
    const records: Uint8Array[] = []
    for (let left = count; left > 0 && this.#whole; left--) records.push(this.record())
    return records
  }

  /** Records that fill so many octets, each after its length. */
  recordsWithin(octets: number): Uint8Array[] {
    const records: Uint8Array[] = []
    const end = this.#at + octets
    while (this.#at < end && this.#whole) records.push(this.record())
    if (this.#at !== end) this.reject()
    return records
  }

  rrset(): RRset {
    const owner = this.name()
    const type = this.u16()
    const klass = this.u16()
    const ttl = this.u32()
    const count = this.u16()
    const signatures = this.u16()
    const rdatas = this.records(count)
    return {
      owner,
      name: foldName(owner),
      type,
      class: klass,
      ttl,
      rdatas,
      signatures: this.records(signatures),
    }
  }

  rrsets(): RRset[] {
    const sets: RRset[] = []
    for (let left = this.u16(); left > 0 && this.#whole; left--) sets.push(this.rrset())
    return sets
  }

  security(): Security {
    switch (this.u8()) {
      case 0:
        return { kind: 'indeterminate' }
      case 1:
        return { kind: 'insecure' }
      case 2:
        return { kind: 'secure' }
      case 3:
        return { kind: 'insecure', note: { ede: this.ede(), text: this.text() } }
      case 4:
        return { kind: 'bogus', ede: this.ede(), text: this.text() }
      default:
        this.reject()
        return { kind: 'indeterminate' }
    }
  }

  ede(): EdeCode {
    const known = this.u16()
    return EDE_CODES.find(code => code === known) ?? EdeCode.Other
  }

  #has(octets: number): boolean {
    if (this.#at + octets > this.#bytes.length) this.#whole = false
    return this.#whole
  }
}

const EDE_CODES: readonly EdeCode[] = Object.values(EdeCode)

function securityCode(security: Security): number {
  switch (security.kind) {
    case 'indeterminate':
      return 0
    case 'insecure':
      return security.note === undefined ? 1 : 3
    case 'secure':
      return 2
    case 'bogus':
      return 4
    default:
      return security satisfies never
  }
}

/** RFC 1035 section 3.1: labels that fill it, the last one empty. */
function isName(octets: string): boolean {
  const end = octets.length - 1
  if (end < 0 || end >= MAX_NAME_OCTETS) return false
  let at = 0
  while (at < end) {
    const length = octets.charCodeAt(at)
    if (length === 0 || length > MAX_LABEL_OCTETS) return false
    at += length + 1
  }
  return at === end && octets.charCodeAt(end) === 0
}
