/**
 * All that lasts of the caches, as blocks of a snapshot: of each kind the most recently used entries first, the kinds
 * in turns, so that a server that has read a part of the file can answer what is asked most.
 *
 * Finished answers are not in it: they are made again from what is, with the first question.
 */
import type { Caches } from '../caches.ts'
import type { Checksum } from './format.ts'
import { sections } from './sections.ts'
import type { Taken } from './section.ts'

export interface TakeOptions {
  readonly caches: Caches
  /** Of views with an engine of their own. */
  readonly partitions?: readonly Caches[]
  /** Of this process, ms. */
  readonly now: number
  readonly checksum: Checksum
}

export function* takeSnapshot({ caches, partitions = [], now, checksum }: TakeOptions): Generator<Taken, void> {
  let running = [caches, ...partitions].flatMap((each, partition) =>
    sections.map(section => section.blocks({ caches: each, now, partition }, checksum)),
  )
  while (running.length > 0) {
    const left: typeof running = []
    for (const blocks of running) {
      const step = blocks.next()
      if (step.done === true) continue
      yield step.value
      left.push(blocks)
    }
    running = left
  }
}
