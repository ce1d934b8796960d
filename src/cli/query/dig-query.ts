/**
 * What one query of `rootwalk query` is, as a value: what is asked, how it is sent and how the reply is shown. Made
 * from words by `cli/dig-args.ts`, sent by `cli/query.ts`.
 */
import type { EdnsOption, Question } from '../../dns/message.ts'
import type { WireName } from '../../dns/name.ts'
import type { DigSecure } from './dig-secure.ts'
import type { Show } from '../../render/message.ts'

export interface DigQuery {
  readonly question: Question
  readonly cased: WireName
  /** Other names to try in order when the one before does not exist; `cased` is the first. */
  readonly search: Search
  /** As after @; null when none was named. */
  readonly server: string | null
  readonly port: number | null
  /** Only addresses of this family; null: both. */
  readonly family: 4 | 6 | null
  /** The address to send from (`-b`); port 0 lets the system choose. */
  readonly from: { readonly address: string; readonly port: number } | null
  readonly key: KeySource | null
  readonly tcp: boolean
  /** Over TLS or HTTP; null: over UDP or TCP. */
  readonly secure: DigSecure | null
  readonly recursionDesired: boolean
  readonly authenticData: boolean
  readonly checkingDisabled: boolean
  readonly header: HeaderExtras
  /** Null sends no OPT. */
  readonly edns: DigEdns | null
  /** IXFR: the serial number that is here already. */
  readonly serial: number | null
  /** Walk from the root with queries that do not ask for recursion. */
  readonly trace: boolean
  /** Show a truncated reply instead of asking again over TCP. */
  readonly ignoreTruncation: boolean
  readonly timeoutMs: number
  readonly tries: number
  readonly show: Show
}

export interface Search {
  /** The word as it was written, for suffixes; null: the name is absolute. */
  readonly word: string | null
  /** Suffixes from `+domain`; null: those of the system (`/etc/resolv.conf`). */
  readonly domains: readonly string[] | null
  /** A name with at least that many dots is tried as it is first; null: as the system says. */
  readonly dots: number | null
}

/** `-y [algorithm:]name:secret` or `-k file`. */
export type KeySource =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'file'; readonly file: string }

/** Bits and numbers of the header that an ordinary query leaves alone (RFC 1035 section 4.1.1). */
interface HeaderExtras {
  readonly opcode: number
  readonly authoritative: boolean
  readonly truncated: boolean
  readonly recursionAvailable: boolean
  readonly reserved: boolean
  /** Null: a random one. */
  readonly id: number | null
  /** No question at all. */
  readonly only: boolean
}

export interface DigEdns {
  readonly payloadSize: number
  readonly version: number
  readonly flags: number
  readonly dnssecOk: boolean
  readonly nsid: boolean
  /** RFC 7873: a cookie of these octets, a random one, or none. */
  readonly cookie: Uint8Array | 'random' | null
  /** RFC 7830: the query is padded to a multiple of this many octets; 0 pads nothing. */
  readonly padding: number
  readonly options: readonly EdnsOption[]
  /** Ask again with the version that the server names in BADVERS (RFC 6891 section 6.1.3). */
  readonly negotiate: boolean
}
