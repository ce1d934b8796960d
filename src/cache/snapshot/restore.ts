/**
 * Takes blocks of a snapshot over into caches that are in use already: what has come since the start is newer and
 * stays.
 *
 * Invariants: nothing lives longer than it would have in the process that stored it, whatever the clock did; entries
 * that depend on what is different now are left out; a block that cannot be read costs itself.
 */
import { parentOf, ROOT, type Name } from '../../dns/name.ts'
import type { DnssecLimits } from '../../limits.ts'
import type { Caches } from '../caches.ts'
import type { Block, SnapshotHeader } from './format.ts'
import { OctetReader } from './octets.ts'
import type { RestoreContext, Subject } from './section.ts'
import { sections } from './sections.ts'

export interface RestoreOptions {
  readonly caches: Caches
  /** Of the partitions of the snapshot from 1 on; null for those that are not here. */
  readonly partitions?: readonly (Caches | null)[]
  readonly dnssec: DnssecLimits
  /** Of this process, ms. */
  readonly now: number
  /** How long ago the snapshot was taken, ms. */
  readonly ageMs: number
  /** Subjects whose entries may be used. */
  readonly allowed: ReadonlySet<Subject>
}

export interface RestoreTotals {
  /** Entries that were read, and those of them that were taken over. */
  found: number
  kept: number
  /** Blocks whose entries depend on what is different now, or are written in a way that is not known here. */
  otherBlocks: number
  /** Blocks that could be read up to a part. */
  brokenBlocks: number
}

/** Names that are noted while a snapshot is read: beyond it no denial is taken over any more. */
const LEARNT_NAMES = 100_000

export class Restorer {
  readonly totals: RestoreTotals = { found: 0, kept: 0, otherBlocks: 0, brokenBlocks: 0 }
  readonly #allowed: Set<Subject>
  /** By partition. */
  readonly #targets: readonly (Target | null)[]

  constructor({ caches, partitions = [], dnssec, now, ageMs, allowed }: RestoreOptions) {
    this.#allowed = new Set(allowed)
    // Whoever took it had ended, or handed over, before this process began its clock.
    const takenAt = now - Math.max(now, ageMs)
    this.#targets = [caches, ...partitions].map(each =>
      each === null ? null : new Target(each, { dnssec, now, takenAt, mayBeStale: allowed.has('stale') }),
    )
  }

  /** From now on entries that depend on this are left out. */
  disallow(subject: Subject): void {
    this.#allowed.delete(subject)
  }

  /** `now` in ms: entries that ended since the last block are left out. */
  take(block: Block, now: number): void {
    const section = sections.find(({ kind, layout }) => kind === block.kind && layout === block.layout)
    // Blocks of other partitions belong to caches that are not here.
    const target = this.#targets[block.partition] ?? null
    if (section === undefined || target === null || !section.subjects.every(one => this.#allowed.has(one))) {
      this.totals.otherBlocks++
      return
    }
    const from = new OctetReader(block.entries)
    const context = { ...target.context, now }
    while (!from.isAtEnd) {
      const { found, kept } = section.restore(from, context)
      this.totals.found += found
      this.totals.kept += kept
    }
    if (!from.isWhole) this.totals.brokenBlocks++
  }

  /** Brings the stores into order; to be called to its end, also when not everything was read. */
  *settle(): Generator<void, void> {
    for (const target of this.#targets) if (target !== null) yield* target.settle()
  }
}

/** Caches into which blocks are read, and what they learnt since that began. */
class Target {
  readonly context: RestoreContext
  readonly #learnt = new Set<string>()

  constructor(caches: Caches, context: Omit<RestoreContext, 'caches' | 'isLearnt'>) {
    const isLearnt = (name: string): boolean => this.#learnt.size >= LEARNT_NAMES || this.#learnt.has(name)
    this.context = { ...context, caches, isLearnt }
    caches.followStored(({ name }) => this.#note(name))
  }

  *settle(): Generator<void, void> {
    const { caches } = this.context
    caches.followStored(null)
    this.#learnt.clear()
    for (const section of sections) yield* section.settle(caches)
  }

  #note(name: Name): void {
    for (let at = name; this.#learnt.size < LEARNT_NAMES && !this.#learnt.has(at); at = parentOf(at)) {
      this.#learnt.add(at)
      if (at === ROOT) return
    }
  }
}

/**
 * How long ago a snapshot was taken, ms. The wall clock says it, and where the machine has run through, its monotonic
 * clock as well: the longer time holds, so that a clock that was set back gives no entry more time. Of a clock that was
 * set back over a restart of the machine the time in between is not known: it counts as none.
 */
export function ageOf(
  { takenAt, machineMs, bootId }: Pick<SnapshotHeader, 'takenAt' | 'machineMs' | 'bootId'>,
  now: Pick<SnapshotHeader, 'takenAt' | 'machineMs' | 'bootId'>,
): number {
  const sameRun = bootId !== null && bootId === now.bootId
  return Math.max(0, now.takenAt - takenAt, sameRun ? now.machineMs - machineMs : 0)
}
