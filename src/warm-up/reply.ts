/** The octets of a reply of the servers that the engine is warmed up with, compressed as servers do it. */
import { latin1, putU16, putU32 } from '../dns/bytes.ts'
import { HEADER_OCTETS } from '../dns/message.ts'
import { type Name, parentOf, ROOT, trustWireName, type WireName } from '../dns/name.ts'
import type { RRset } from '../dns/rrset.ts'
import { RrType } from '../dns/types.ts'

/** What a server says. Signatures stand behind their sets. */
export interface Said {
  readonly rcode: number
  readonly authoritative: boolean
  readonly truncated: boolean
  readonly answer: readonly RRset[]
  readonly authority: readonly RRset[]
  readonly additional: readonly RRset[]
}

const QUESTION_OCTETS = 4
const RECORD_OCTETS = 10
const POINTER = 0xc000
const PAYLOAD_OCTETS = 1_232
const DNSSEC_OK = 0x80
/** Longer than anything that is said here. */
const ROOM_OCTETS = 4_096

export class ReplyWriter {
  readonly #room = new Uint8Array(ROOM_OCTETS)
  /** Where names of this reply stand, by their letters; folded. */
  readonly #places = new Map<string, number>()
  #at = 0

  /** To a query with the question `question`, whose letters come back as they were asked. */
  write(query: Uint8Array, question: Name, said: Said): Uint8Array {
    const bytes = this.#room
    this.#places.clear()
    for (let rest = question; rest !== ROOT; rest = parentOf(rest))
      this.#places.set(rest, HEADER_OCTETS + question.length - rest.length)
    this.#at = HEADER_OCTETS + question.length + QUESTION_OCTETS
    bytes.fill(0, 0, HEADER_OCTETS)
    bytes.set(query.subarray(HEADER_OCTETS, this.#at), HEADER_OCTETS)
    bytes[0] = query[0] ?? 0
    bytes[1] = query[1] ?? 0
    bytes[2] = 0x80 | (said.authoritative ? 4 : 0) | (said.truncated ? 2 : 0)
    bytes[3] = said.rcode
    putU16(bytes, 4, 1)
    putU16(bytes, 6, this.#section(said.answer))
    putU16(bytes, 8, this.#section(said.authority))
    // RFC 6891 section 6.1.1: an OPT answers an OPT, which is the one additional record of our queries.
    const edns = query[11] === 1
    putU16(bytes, 10, this.#section(said.additional) + (edns ? 1 : 0))
    if (edns) this.#opt()
    return bytes.slice(0, this.#at)
  }

  #section(sets: readonly RRset[]): number {
    let count = 0
    for (const { name, type, class: klass, ttl, rdatas, signatures } of sets) {
      for (const rdata of rdatas) this.#record(name, type, klass, ttl, rdata)
      for (const rdata of signatures) this.#record(name, RrType.RRSIG, klass, ttl, rdata)
      count += rdatas.length + signatures.length
    }
    return count
  }

  #record(name: Name, type: number, klass: number, ttl: number, rdata: Uint8Array): void {
    const bytes = this.#room
    this.#name(name)
    const head = this.#at
    putU16(bytes, head, type)
    putU16(bytes, head + 2, klass)
    putU32(bytes, head + 4, ttl)
    this.#at += RECORD_OCTETS
    if (type === RrType.NS || type === RrType.CNAME) this.#name(trustWireName(latin1(rdata, 0, rdata.length)))
    else {
      bytes.set(rdata, this.#at)
      this.#at += rdata.length
    }
    putU16(bytes, head + 8, this.#at - head - RECORD_OCTETS)
  }

  #name(name: WireName): void {
    const bytes = this.#room
    let rest = name
    while (rest !== ROOT) {
      const place = this.#places.get(rest)
      if (place !== undefined) {
        putU16(bytes, this.#at, POINTER | place)
        this.#at += 2
        return
      }
      this.#places.set(rest, this.#at)
      const next = parentOf(rest)
      for (let i = 0; i < rest.length - next.length; i++) bytes[this.#at++] = rest.charCodeAt(i)
      rest = next
    }
    bytes[this.#at++] = 0
  }

  #opt(): void {
    const bytes = this.#room
    const at = this.#at
    bytes.fill(0, at, at + 11)
    putU16(bytes, at + 1, RrType.OPT)
    putU16(bytes, at + 3, PAYLOAD_OCTETS)
    bytes[at + 7] = DNSSEC_OK
    this.#at += 11
  }
}
