/**
 * Keeps the cache over restarts: reads the last snapshot after the sockets are open, in small pieces between queries,
 * and writes one every `persistence.intervalS` and at the end.
 *
 * Invariants: no query waits for more than a slice of it; a file that cannot be read or written costs what is in it and
 * nothing else; what cannot be written is reported once, and again when it can be; no snapshot is written from a cache
 * into which the last one is still being read.
 */
import { readFileSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import type { Caches } from '../../cache/caches.ts'
import type { SnapshotHeader } from '../../cache/snapshot/format.ts'
import { ageOf, Restorer } from '../../cache/snapshot/restore.ts'
import { takeSnapshot } from '../../cache/snapshot/take.ts'
import { errorText } from '../../events.ts'
import type { Limits } from '../../limits.ts'
import type { Cancel, Clock, EventSink } from '../../ports.ts'
import { errorCode } from '../../system/system-error.ts'
import { version } from '../../system/version.ts'
import { digest, type Fingerprint, sameSubjects } from './fingerprint.ts'
import { openSnapshot, snapshotPath, type SnapshotOpened, writeSnapshot, type Written } from './snapshot-file.ts'

export interface PersistenceParts {
  /** The state directory. */
  readonly directory: string
  readonly intervalS: number
  readonly caches: Caches
  /** Those of views with an engine of their own, each with a text of what makes it another. */
  readonly partitions: () => readonly { readonly key: string; readonly caches: Caches }[]
  readonly clock: Clock
  readonly limits: Pick<Limits, 'persistence' | 'dnssec'>
  readonly events: EventSink
  /** Of the configuration and the anchors of the moment. */
  readonly fingerprint: () => Fingerprint
  /** The local zones of all caches at the moment: other values when any of them is another. */
  readonly localZones: () => readonly unknown[]
  /** What is validated: another value when what was judged before was forgotten. */
  readonly validation: () => unknown
}

type Opened = Extract<SnapshotOpened, { kind: 'opened' }>

export class CachePersistence {
  readonly #parts: PersistenceParts
  /** Counts up when what is held may no longer be, or was taken away on purpose. */
  #generation = 0
  /** Something was taken away, and the snapshot without it is due soon. */
  #isChanged = false
  #working: Promise<void> = Promise.resolve()
  /** The snapshot that is there has more than was read. */
  #unread = false
  #cancelNext: Cancel = () => {}
  #failing = false
  #ended = false

  constructor(parts: PersistenceParts) {
    this.#parts = parts
  }

  /** Reads the last snapshot, and then writes one at every interval. */
  start(): void {
    const { events } = this.#parts
    this.#working = this.#load().catch((error: unknown) =>
      events({ kind: 'bug', where: 'persistence', error, question: null }),
    )
    void this.#working.then(() => this.#schedule())
  }

  /** Names were removed on purpose, or other rules hold: what the files say of them must not come back. */
  changed(): void {
    if (this.#ended) return
    this.#generation++
    this.#cancelNext()
    this.#isChanged = true
    this.#cancelNext = this.#parts.clock.after(this.#parts.limits.persistence.afterChangeMs, () => {
      this.#isChanged = false
      this.#inTurn()
    })
  }

  /** Writes a snapshot now, unless the last one is still being read: then that has more. */
  save(): Promise<void> {
    if (!this.#unread && !this.#ended) this.#inTurn()
    return this.#working
  }

  /** The files are those of another process from now on. */
  handOver(): void {
    this.#ended = true
    this.#generation++
    this.#cancelNext()
  }

  /**
   * Writes the last snapshot of this process without giving way, for at most `stopMs`. What is not read yet stays in
   * the file that is there.
   */
  async end(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    this.#cancelNext()
    // What is under way sees that this is the end.
    this.#generation++
    await this.#working
    if (!this.#unread) await this.#save(true)
  }

  #schedule(): void {
    // A change that came while one was being written is not put off to the next interval.
    if (this.#ended || this.#isChanged) return
    this.#cancelNext()
    this.#cancelNext = this.#parts.clock.after(this.#parts.intervalS * 1_000, () => this.#inTurn())
  }

  #inTurn(): void {
    this.#working = this.#working.then(() => (this.#ended ? undefined : this.#save()))
    void this.#working.then(() => this.#schedule())
  }

  // --- writing

  async #save(isLast = false): Promise<void> {
    const { directory, caches, clock, limits, events, fingerprint } = this.#parts
    const partitions = this.#parts.partitions()
    const before = clock.now()
    const { stopMs } = limits.persistence
    const isSame = this.#sameRules()
    const isStill = (): boolean => (isLast ? clock.now() - before < stopMs : isSame() && !this.#ended)
    const keys = partitions.map(({ key }) => digest(key))
    const header: SnapshotHeader = { version, ...moment(clock), fingerprint: fingerprint(), partitions: keys }
    const own = partitions.map(partition => partition.caches)
    const blocks = takeSnapshot({ caches, partitions: own, now: clock.now(), checksum: crc32 })
    try {
      const written = await writeSnapshot(directory, header, blocks, isLast ? nothing : this.#pause(), isStill)
      if (written !== null) this.#report(written, clock.now() - before)
      else if (isLast) events({ kind: 'state-failed', path: snapshotPath(directory), ...tooSlow(stopMs) })
    } catch (error) {
      this.#reportFailure(error)
    }
  }

  #report({ entries, bytes }: Written, ms: number): void {
    const { events, directory } = this.#parts
    if (this.#failing) events({ kind: 'state-works', path: snapshotPath(directory) })
    this.#failing = false
    events({ kind: 'cache-saved', entries, bytes, ms })
  }

  #reportFailure(error: unknown): void {
    const { events, directory } = this.#parts
    if (this.#failing) return
    this.#failing = true
    const message = errorText(error)
    events({ kind: 'state-failed', path: snapshotPath(directory), message, cure: cureOf(errorCode(error)) })
  }

  // --- reading

  async #load(): Promise<void> {
    const { directory, events } = this.#parts
    for (const which of ['latest', 'previous'] as const) {
      const opened = await openSnapshot(directory, which)
      switch (opened.kind) {
        case 'opened':
          return this.#restore(opened)
        case 'set-aside':
          events({ kind: 'snapshot-set-aside', path: opened.path, to: opened.to, format: opened.format })
          break
        case 'unreadable':
          events({ kind: 'snapshot-damaged', path: opened.path, message: opened.message })
          break
        case 'missing':
          break
        default:
          opened satisfies never
      }
    }
  }

  async #restore({ path, header, file }: Opened): Promise<void> {
    const { caches, clock, limits, events, fingerprint, localZones } = this.#parts
    const isSame = this.#sameRules()
    const before = clock.now()
    const ageMs = ageOf(header, moment(clock))
    const allowed = sameSubjects(header.fingerprint, fingerprint())
    const here = new Map(this.#parts.partitions().map(each => [digest(each.key), each.caches]))
    const partitions = header.partitions.map(key => here.get(key) ?? null)
    const restorer = new Restorer({ caches, partitions, dnssec: limits.dnssec, now: before, ageMs, allowed })
    const zones = localZones()
    const pause = this.#pause()
    this.#unread = true
    try {
      for (let block = await file.next(); block !== null; block = await file.next()) {
        if (!isSame()) break
        if (localZones().some((each, i) => each !== zones[i])) restorer.disallow('local')
        restorer.take(block, clock.now())
        await pause()
      }
      // Of what is no longer allowed nothing need stay.
      this.#unread = this.#ended
    } catch (error) {
      events({ kind: 'snapshot-damaged', path, message: errorText(error) })
    } finally {
      await file.close().catch(() => {})
      for (const _ of restorer.settle()) await pause()
    }
    const { found, kept, otherBlocks, brokenBlocks } = restorer.totals
    const ms = clock.now() - before
    const left = { otherBlocks, brokenBlocks, skippedOctets: file.skipped }
    events({ kind: 'cache-restored', path, found, kept, ageS: Math.round(ageMs / 1_000), ms, ...left })
  }

  /** False from the moment on in which what is held may no longer be. */
  #sameRules(): () => boolean {
    const generation = this.#generation
    const validation = this.#parts.validation()
    return () => generation === this.#generation && validation === this.#parts.validation()
  }

  /** Rests after each slice of work, so that most of the time belongs to the queries. */
  #pause(): () => Promise<void> {
    const { clock, limits } = this.#parts
    const { sliceMs, restMs } = limits.persistence
    let begun = clock.now()
    return async () => {
      if (clock.now() - begun < sliceMs) return
      await new Promise<void>(resolve => clock.after(restMs, resolve))
      begun = clock.now()
    }
  }
}

const nothing = (): Promise<void> => Promise.resolve()

/** Now, by all the clocks there are. */
function moment(clock: Clock): Pick<SnapshotHeader, 'takenAt' | 'machineMs' | 'bootId'> {
  return { takenAt: clock.wall() * 1_000, machineMs: Number(process.hrtime.bigint() / 1_000_000n), bootId: bootId() }
}

/** Linux gives each run of the machine a number; null where it cannot be read. */
function bootId(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  } catch {
    return null
  }
}

const tooSlow = (stopMs: number): { readonly message: string; readonly cure: string } => ({
  message: `the cache was not written within ${stopMs / 1_000} s`,
  cure: 'the snapshot before is used at the next start; a faster disk or a smaller "cache.bytes" helps',
})

function cureOf(code: string): string {
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return 'make room on the disk; it is tried again at every interval'
    case 'EFBIG':
      return 'raise the limit on the size of files (LimitFSIZE=); it is tried again at every interval'
    case 'EROFS':
      return 'the file system is read-only: mount it for writing, or set "state" to another directory'
    case 'EACCES':
    case 'EPERM':
      return 'let the user of rootwalk write there'
    default:
      return 'it is tried again at every interval'
  }
}
