/**
 * What a transfer makes of a zone: the whole zone that came, or the one that is here with the changes that came. The
 * one that is here stays as it is.
 */
import { foldName, type Name } from '../dns/name.ts'
import { groupRRsets, recordsOf, type Rr, type RRset, sameBytes } from '../dns/rrset.ts'
import { RrType } from '../dns/types.ts'
import { FlatContent, type FlatZone, packZone } from '../zone/flat-zone.ts'
import type { TransferSink } from './reader.ts'
import { RecordLog } from './record-log.ts'

export type IncomingZone =
  | { readonly kind: 'zone'; readonly zone: FlatZone; readonly whole: boolean }
  /** The changes do not fit the zone that is here. */
  | { readonly kind: 'misfit'; readonly why: string }

interface Change {
  readonly added: boolean
  readonly rr: Rr
}

export class Incoming implements TransferSink {
  #log: RecordLog | null = null
  readonly #changes = new Map<Name, Change[]>()

  whole(): void {
    this.#log = new RecordLog()
  }

  add(rr: Rr): void {
    if (this.#log === null) this.#change({ added: true, rr })
    else this.#log.add(rr)
  }

  remove(rr: Rr): void {
    this.#change({ added: false, rr })
  }

  /** What there is when the transfer is complete. `here` is what changes apply to; null: there is nothing. */
  result(origin: Name, here: FlatZone | null): IncomingZone {
    if (this.#log !== null) return { kind: 'zone', zone: this.#log.toZone(origin), whole: true }
    if (here === null) return { kind: 'misfit', why: 'changes came, and no zone is here' }
    const missing: Rr[] = []
    const zone = packZone(origin, changed(here, this.#changes, missing))
    return missing.length === 0
      ? { kind: 'zone', zone, whole: false }
      : { kind: 'misfit', why: `${missing.length} of the records that are removed are not in the zone that is here` }
  }

  #change(change: Change): void {
    const name = foldName(change.rr.owner)
    const known = this.#changes.get(name)
    if (known === undefined) this.#changes.set(name, [change])
    else known.push(change)
  }
}

/** The sets of a zone, name by name, after changes. */
function* changed(here: FlatZone, changes: ReadonlyMap<Name, readonly Change[]>, missing: Rr[]): Generator<RRset> {
  const done = new Set<Name>()
  let name: Name | null = null
  let records: Rr[] = []
  for (const rrset of new FlatContent(here).rrsets()) {
    if (name !== null && rrset.name !== name) {
      yield* groupRRsets(applied(records, changes.get(name) ?? [], missing))
      name = null
      records = []
    }
    if (rrset.type === RrType.RRSIG || !changes.has(rrset.name)) {
      yield rrset
      continue
    }
    name = rrset.name
    done.add(name)
    records.push(...recordsOf(rrset, true))
  }
  if (name !== null) yield* groupRRsets(applied(records, changes.get(name) ?? [], missing))
  for (const [other, list] of changes) if (!done.has(other)) yield* groupRRsets(applied([], list, missing))
}

function applied(records: readonly Rr[], changes: readonly Change[], missing: Rr[]): Rr[] {
  const left = [...records]
  for (const { added, rr } of changes) {
    const at = left.findIndex(other => other.type === rr.type && sameBytes(other.rdata, rr.rdata))
    if (!added) {
      if (at >= 0) left.splice(at, 1)
      // Signatures that cover nothing are not kept.
      else if (rr.type !== RrType.RRSIG) missing.push(rr)
    } else if (at < 0) left.push(rr)
    else left[at] = rr
  }
  return left
}
