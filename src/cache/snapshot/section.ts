/**
 * What one kind of block holds: which entries of a store, how one is written, and how it is taken over. Each kind has a
 * number for ever, and a layout that counts up when its entries are written in another way.
 */
import type { DnssecLimits } from '../../limits.ts'
import type { Caches } from '../caches.ts'
import { BLOCK_FIXED, sealBlock, type Checksum } from './format.ts'
import { type OctetReader, OctetWriter } from './octets.ts'

/**
 * What has to be equal for entries to be used: of all, of what was validated, of what local zones have a part in, of
 * what is given after its TTL.
 */
export type Subject = 'data' | 'trust' | 'local' | 'stale'

/** Of the process that writes. `now` in ms: times are written relative to it. */
interface TakeContext {
  readonly caches: Caches
  readonly now: number
  /** See `Block`. */
  readonly partition: number
}

/** Of the process that reads. */
export interface RestoreContext {
  readonly caches: Caches
  readonly dnssec: DnssecLimits
  /** Now, in ms of the monotonic clock. */
  readonly now: number
  /** The moment of the snapshot in ms of this clock: 0 at most, so that what is later was learnt here. */
  readonly takenAt: number
  /** May data be given after its TTL? Where the ends of delegations were not noted it may not. */
  readonly mayBeStale: boolean
  /** Was anything learnt at or below this name since the restoring began? Then that is the newer word on it. */
  readonly isLearnt: (name: string) => boolean
}

/** `kept` of `found` entries were taken over; the others are over, known better, or no longer allowed. */
export interface Restored {
  readonly found: number
  readonly kept: number
}

interface SectionParts<T> {
  readonly kind: number
  readonly layout: number
  readonly subjects: readonly Subject[]
  /** Most recently used first. */
  items(context: TakeContext): Iterable<T>
  /** How many entries were written: 0 when what was there is gone or over. */
  write(item: T, into: OctetWriter, context: TakeContext): number
  /** The next entry. What cannot be read is rejected by the reader. */
  restore(from: OctetReader, context: RestoreContext): Restored
  settle(caches: Caches): Generator<void, void>
}

export interface Section extends Pick<SectionParts<unknown>, 'kind' | 'layout' | 'subjects' | 'restore' | 'settle'> {
  /** All entries as blocks. */
  blocks(context: TakeContext, checksum: Checksum): Generator<Taken, void>
}

/** `octets` are null where only time has passed: the caller may do other things between any two. */
export interface Taken {
  readonly octets: Uint8Array | null
  readonly entries: number
}

/** A block takes some 1 ms to make or to read, and damage costs no more than one: a few hundred entries. */
const BLOCK_OCTETS = 65_536
/** Items that are listed at once: 1 ms. */
const LISTED_AT_ONCE = 8_192

const PAUSE: Taken = { octets: null, entries: 0 }

export function section<T>({ items, write, ...parts }: SectionParts<T>): Section {
  const { kind, layout } = parts
  return {
    ...parts,
    *blocks(context, checksum) {
      const listed: T[] = []
      // What is used meanwhile changes its place, and may so come twice: whoever reads it ignores the second.
      for (const item of items(context)) if (listed.push(item) % LISTED_AT_ONCE === 0) yield PAUSE
      const writer = new OctetWriter()
      writer.skip(BLOCK_FIXED)
      let entries = 0
      const block = (): Taken => {
        const taken = { octets: writer.take(), entries }
        sealBlock(taken.octets, { kind, layout, partition: context.partition }, checksum)
        entries = 0
        writer.skip(BLOCK_FIXED)
        return taken
      }
      for (const item of listed) {
        entries += write(item, writer, context)
        if (writer.length >= BLOCK_OCTETS) yield block()
      }
      if (entries > 0) yield block()
    },
  }
}

export const one = (kept: boolean): Restored => ({ found: 1, kept: kept ? 1 : 0 })
export const NONE: Restored = { found: 0, kept: 0 }
