/**
 * Where a zone transfer ends (AXFR, RFC 5936; IXFR, RFC 1995), decided record by record. No socket: messages come from
 * `query.ts`, and what is wrong with them is a value.
 */
import { u32 } from '../../dns/bytes.ts'
import type { Message } from '../../dns/message.ts'
import type { Rr } from '../../dns/rrset.ts'
import { rcodeName, RrType } from '../../dns/types.ts'

export type TransferState = { readonly kind: 'more' | 'complete' } | { readonly kind: 'failed'; readonly why: string }

type Phase =
  | 'begin'
  /** One SOA so far: what follows says which kind of transfer it is. */
  | 'first-soa'
  /** A whole zone, to the second SOA. */
  | 'zone'
  /** Records that are removed, after the SOA of the old version. */
  | 'removed'
  /** Records that are added, after the SOA of the new version. */
  | 'added'
  | 'over'

/** Serial number from the five numbers at the end of an SOA record (RFC 1035 section 3.3.13). */
const serialOf = ({ rdata }: Rr): number => u32(rdata, rdata.length - 20)

export class Transfer {
  readonly #incremental: boolean
  /** Of IXFR: the version that is here. */
  readonly #serial: number | null
  #phase: Phase = 'begin'
  #last = 0

  constructor(serial: number | null) {
    this.#incremental = serial !== null
    this.#serial = serial
  }

  /** What has come with this message. Records after the end are an error. */
  take(message: Message): TransferState {
    if (message.rcode !== 0) return { kind: 'failed', why: `the server says ${rcodeName(message.rcode)}` }
    if (message.answer.length === 0 && this.#phase === 'begin')
      return { kind: 'failed', why: 'the server sent no record' }
    for (const rr of message.answer) {
      const why = this.#record(rr)
      if (why !== null) return { kind: 'failed', why }
    }
    if (this.#phase === 'over') return { kind: 'complete' }
    // RFC 1995 section 2: one SOA alone says that nothing newer is there; or that it does not fit a datagram.
    if (this.#phase === 'first-soa' && this.#incremental && this.#upToDate()) return { kind: 'complete' }
    return { kind: 'more' }
  }

  /** Serial number arithmetic (RFC 1982 section 3.2): the server has nothing newer. */
  #upToDate(): boolean {
    const ahead = (this.#last - (this.#serial ?? 0)) >>> 0
    return ahead === 0 || ahead > 0x8000_0000
  }

  #record(rr: Rr): string | null {
    const isSoa = rr.type === RrType.SOA && rr.rdata.length > 20
    switch (this.#phase) {
      case 'begin':
        if (!isSoa) return 'the first record is no SOA'
        this.#last = serialOf(rr)
        this.#phase = 'first-soa'
        return null
      case 'first-soa':
        this.#phase = !isSoa ? 'zone' : this.#incremental && serialOf(rr) !== this.#last ? 'removed' : 'over'
        return null
      case 'zone':
        if (isSoa) this.#phase = 'over'
        return null
      case 'removed':
        if (isSoa) this.#phase = 'added'
        return null
      case 'added':
        if (isSoa) this.#phase = serialOf(rr) === this.#last ? 'over' : 'removed'
        return null
      case 'over':
        return 'records come after the last SOA'
      default:
        return this.#phase satisfies never
    }
  }
}
