/**
 * A zone transfer read record by record (AXFR, RFC 5936; IXFR, RFC 1995): which records make a whole zone, which are
 * removed and added, and where it ends. No socket, no clock: decoded messages come in, and what is wrong with them is a
 * value.
 *
 * Invariant: what `sink` was given is one whole zone or one unbroken way from the version that is here to a newer one
 * only when `take` has said 'complete'; until then it is to be thrown away.
 */
import { u32 } from '../dns/bytes.ts'
import type { Message } from '../dns/message.ts'
import { foldName, isWithin, type Name } from '../dns/name.ts'
import type { Rr } from '../dns/rrset.ts'
import { RrClass, rcodeName, RrType } from '../dns/types.ts'
import { isNewer } from './serial.ts'

export type TransferState =
  | { readonly kind: 'more' | 'complete' }
  /** The server has nothing newer than what is here; `serial` is its version. */
  | { readonly kind: 'up-to-date'; readonly serial: number }
  /** `asWhole`: the changes are of no use, the whole zone may be. */
  | { readonly kind: 'failed'; readonly why: string; readonly asWhole: boolean }

/** Takes what comes. The SOA records at the borders are among what is removed and added. */
export interface TransferSink {
  /** A whole zone follows, in place of all that is here. */
  whole(): void
  add(rr: Rr): void
  remove(rr: Rr): void
}

export interface TransferRequest {
  readonly zone: Name
  /** Of IXFR: the version that is here. Null: AXFR. */
  readonly serial: number | null
}

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
export const serialOf = ({ rdata }: Pick<Rr, 'rdata'>): number => u32(rdata, rdata.length - 20)

const IGNORED: TransferSink = { whole: () => {}, add: () => {}, remove: () => {} }

export class TransferReader {
  readonly #zone: Name
  readonly #serial: number | null
  readonly #sink: TransferSink
  #phase: Phase = 'begin'
  #first: Rr | null = null
  /** The version that is to be there. */
  #last = 0
  /** The version that the changes so far lead to. */
  #reached: number
  /** Records of other zones and classes, which were passed over. */
  outside = 0
  records = 0

  constructor({ zone, serial }: TransferRequest, sink: TransferSink = IGNORED) {
    this.#zone = zone
    this.#serial = serial
    this.#reached = serial ?? 0
    this.#sink = sink
  }

  /** What has come with this message. Records after the end are an error. */
  take(message: Message): TransferState {
    if (message.rcode !== 0) return this.#failed(`the server says ${rcodeName(message.rcode)}`)
    if (message.answer.length === 0 && this.#phase === 'begin') return this.#failed('the server sent no record')
    for (const rr of message.answer) {
      const why = this.#record(rr)
      if (why !== null) return this.#failed(why)
    }
    if (this.#phase === 'over') return { kind: 'complete' }
    // RFC 1995 section 2: one SOA alone says that nothing newer is there. A newer one is the beginning of more.
    if (this.#phase === 'first-soa' && this.#serial !== null && !isNewer(this.#last, this.#serial))
      return { kind: 'up-to-date', serial: this.#last }
    return { kind: 'more' }
  }

  /** A server that does not know IXFR or has not kept the changes may still have the zone. */
  #failed(why: string): TransferState {
    return { kind: 'failed', why, asWhole: this.#serial !== null }
  }

  #record(rr: Rr): string | null {
    const owner = foldName(rr.owner)
    const isSoa = rr.type === RrType.SOA && rr.rdata.length > 20 && owner === this.#zone
    if (!isSoa && (rr.class !== RrClass.IN || !isWithin(owner, this.#zone) || rr.type === RrType.SOA)) {
      if (this.#phase === 'begin') return 'the first record is no SOA of the zone'
      if (this.#phase === 'over') return 'records come after the last SOA'
      this.outside++
      return null
    }
    this.records++
    switch (this.#phase) {
      case 'begin':
        if (!isSoa) return 'the first record is no SOA of the zone'
        this.#first = rr
        this.#last = serialOf(rr)
        this.#phase = 'first-soa'
        return null
      case 'first-soa':
        if (isSoa && this.#serial !== null && serialOf(rr) !== this.#last) return this.#oldVersion(rr)
        this.#sink.whole()
        if (this.#first !== null) this.#sink.add(this.#first)
        // Two equal SOA records: a zone of nothing but its SOA, also in answer to IXFR. Not "no change".
        return this.#ofZone(rr, isSoa)
      case 'zone':
        return this.#ofZone(rr, isSoa)
      case 'removed':
        if (isSoa) return this.#newVersion(rr)
        this.#sink.remove(rr)
        return null
      case 'added':
        if (isSoa && serialOf(rr) === this.#last && this.#reached === this.#last) this.#phase = 'over'
        else if (isSoa) return this.#oldVersion(rr)
        else this.#sink.add(rr)
        return null
      case 'over':
        return 'records come after the last SOA'
      default:
        return this.#phase satisfies never
    }
  }

  #ofZone(rr: Rr, isSoa: boolean): string | null {
    this.#phase = isSoa ? 'over' : 'zone'
    if (!isSoa) this.#sink.add(rr)
    return isSoa && serialOf(rr) !== this.#last ? 'the zone changed while it was sent' : null
  }

  /** Changes begin with the version that they apply to. */
  #oldVersion(rr: Rr): string | null {
    this.#phase = 'removed'
    if (serialOf(rr) !== this.#reached)
      return `the changes apply to version ${serialOf(rr)}, and version ${this.#reached} is here`
    this.#sink.remove(rr)
    return null
  }

  #newVersion(rr: Rr): string | null {
    this.#phase = 'added'
    if (!isNewer(serialOf(rr), this.#reached)) return `the changes lead back to version ${serialOf(rr)}`
    this.#reached = serialOf(rr)
    this.#sink.add(rr)
    return null
  }
}
