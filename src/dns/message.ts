/**
 * A DNS message as an immutable value (RFC 1035 section 4, RFC 6891). The OPT record is `edns`, never in `additional`.
 */
import { foldName, trustWireName, type Name, type WireName } from './name.ts'
import type { Rr } from './rrset.ts'

/** RFC 1035 section 4.1.1. */
export const HEADER_OCTETS = 12
/** Bits of the header's third octet (RFC 1035 section 4.1.1). */
export const QR = 0x80
export const AA = 0x04
export const TC = 0x02
export const RD = 0x01
/** Bits of its fourth octet; AD and CD by RFC 4035 section 3.2. */
export const RA = 0x80
export const AD = 0x20
export const CD = 0x10
/** Type, class, TTL and RDLENGTH of a record (RFC 1035 section 4.1.3). */
export const RECORD_FIXED_OCTETS = 10
/** RFC 1035 section 4.2.2: the TCP length prefix has 16 bits. */
export const MAX_MESSAGE_OCTETS = 65_535

/** What is asked. `name` is folded; the case as asked travels apart (`AskedQuestion.cased`). */
export interface Question {
  readonly name: Name
  readonly type: number
  readonly class: number
}

/** A question as it stood in a message, with the case of its letters (0x20). */
export interface AskedQuestion extends Question {
  readonly cased: WireName
}

export interface EdnsOption {
  readonly code: number
  readonly data: Uint8Array
}

/** EDNS (RFC 6891 section 6.1). `payloadSize` in octets as sent (values below 512 mean 512). */
export interface Edns {
  readonly payloadSize: number
  readonly version: number
  readonly dnssecOk: boolean
  /** The 15 flag bits other than DO. */
  readonly flags: number
  readonly options: readonly EdnsOption[]
}

/** Header fields of RFC 1035 section 4.1.1, before EDNS widens the rcode. */
export interface Header {
  readonly id: number
  readonly response: boolean
  readonly opcode: number
  readonly authoritative: boolean
  readonly truncated: boolean
  readonly recursionDesired: boolean
  readonly recursionAvailable: boolean
  readonly authenticData: boolean
  readonly checkingDisabled: boolean
  /** 4 bits here; 12 bits in a `Message` whose EDNS extends it. */
  readonly rcode: number
}

export interface Message extends Header {
  readonly question: AskedQuestion | null
  readonly answer: readonly Rr[]
  readonly authority: readonly Rr[]
  readonly additional: readonly Rr[]
  readonly edns: Edns | null
}

/** A key under which equal questions are equal strings. */
export const questionKey = (q: Question): string => `${q.name}${String.fromCharCode(q.type, q.class)}`

/** The question of such a key. */
export const questionOfKey = (key: string): Question => ({
  name: foldName(trustWireName(key.slice(0, -2))),
  type: key.charCodeAt(key.length - 2),
  class: key.charCodeAt(key.length - 1),
})
