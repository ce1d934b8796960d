/**
 * One zone that other servers send: looked at when its timers or a NOTIFY say so, fetched when a primary has a newer
 * version, kept on disk, and given up when no primary confirms it for too long. What it is used for is not known here.
 *
 * Invariants: one look at a time; what is here stays until the next version is complete; a fault never ends the looks.
 */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Name } from '../../dns/name.ts'
import { readSoa, type Soa } from '../../dns/rdata.ts'
import { RrType } from '../../dns/types.ts'
import type { TransferNews } from '../../events.ts'
import type { Limits } from '../../limits.ts'
import type { Cancel, Clock, EventSink, Random, ServerAddress } from '../../ports.ts'
import { formatName } from '../../presentation/text.ts'
import { type Job, startJob } from '../../system/job-thread.ts'
import type { TsigKey } from '../../transfer/key.ts'
import { isNewer } from '../../transfer/serial.ts'
import type { TransferStatus } from '../../admin/controls.ts'
import { nextLookMs, timersOf, type ZoneTimers } from '../../transfer/timers.ts'
import { FlatContent, type FlatZone } from '../../zone/flat-zone.ts'
import { upstreamText } from '../../zone/upstream-text.ts'
import { confirmCopy, copyFile, copyOctets, loadCopy, type LoadedCopy } from './copies.ts'
import { askSoa } from './fetch.ts'
import { isTransferDone, runTransfer, type TransferDone, type TransferJob } from './transfer-job.ts'

/** A zone, and who sends it. */
export interface TransferSource {
  readonly zone: Name
  /** Views to whose clients it is answered, by name; empty: to all clients. */
  readonly views: readonly string[]
  readonly primaries: readonly ServerAddress[]
  readonly key: TsigKey | null
}

export interface TransferParts {
  readonly clock: Clock
  readonly random: Pick<Random, 'below'>
  readonly limits: Pick<Limits, 'transfer' | 'zone'>
  readonly events: EventSink
  /** Where copies are kept; null: nowhere. */
  readonly directory: string | null
  /** Waits for one of the places for transfers, of which there are few; gives it back. */
  readonly place: () => Promise<() => void>
  /** The program of `transfer-thread.ts`; by default the built one, and without it everything is done here. */
  readonly thread?: URL | undefined
  /** What another server of this process holds, instead of the copies on the disk. */
  readonly held?: ReadonlyMap<string, LoadedCopy> | undefined
}

/** Views may have the same zone from other primaries. */
export const placeOf = ({ zone, views }: Pick<TransferSource, 'zone' | 'views'>): string => `${views[0] ?? ''} ${zone}`

/** Another version is here. Null: none is, and why. */
type OnZone = (zone: FlatZone | null, why: 'zone-not-loaded' | 'zone-expired') => void

interface Here {
  readonly zone: FlatZone
  readonly soa: Soa
  readonly timers: ZoneTimers
}

const MS = 1_000
const SPREADS = 1_024
/** Timers of Node end at 24 days; a clock that was set is noticed within a day. ms */
const LONGEST_TIMER_MS = 86_400_000
const BUILT = new URL('transfer-thread.js', import.meta.url)

export class TransferredZone {
  readonly source: TransferSource
  readonly #parts: TransferParts
  readonly #onZone: OnZone
  readonly #text: string
  readonly #file: string | null
  #here: Here | null = null
  #confirmedAt: number | null = null
  #expired = false
  /** The primary that helped last is asked first. */
  #primary = 0
  #failuresInARow = 0
  #faults: readonly string[] = []
  #faultsAt = 0
  #lastTransfer: TransferStatus['lastTransfer'] = null
  #transfers = 0
  #failures = 0
  #looking: Promise<void> | null = null
  #lookAgain = false
  /** The next transfer is of the whole zone, whatever its version. */
  #wantsWhole = false
  #cancelLook: Cancel | null = null
  #cancelExpiry: Cancel | null = null
  #nextLookAt: number | null = null
  #lookedAt = Number.NEGATIVE_INFINITY
  #job: Job | null = null
  #closed = false

  constructor(source: TransferSource, parts: TransferParts, onZone: OnZone) {
    this.source = source
    this.#parts = parts
    this.#onZone = onZone
    this.#text = formatName(source.zone)
    this.#file = parts.directory === null ? null : copyFile(parts.directory, source.zone, source.views[0] ?? null)
  }

  /** Goes on with what another one of the same zone has. */
  adopt(other: TransferredZone): void {
    this.#here = other.#here
    this.#confirmedAt = other.#confirmedAt
    this.#expired = other.#expired
    if (this.#here !== null) this.#watchExpiry()
  }

  /** What is here, expired or not; null: nothing. */
  get held(): LoadedCopy | null {
    return this.#here === null || this.#confirmedAt === null
      ? null
      : { zone: this.#here.zone, confirmedAt: this.#confirmedAt }
  }

  /** Takes the copy on disk, if there is one and nothing is here. */
  async load(): Promise<void> {
    if (this.#here !== null) return
    const loaded = this.#parts.held?.get(placeOf(this.source)) ?? (await this.#loadCopy())
    if (loaded === null || this.#closed) return
    if ('error' in loaded) {
      this.#report({ kind: 'copy-trouble', message: loaded.error })
      return
    }
    const { zone, confirmedAt } = loaded
    if (!this.#hold(zone, confirmedAt)) return
    const ageS = Math.max(0, this.#parts.clock.wall() - confirmedAt)
    this.#report({ kind: 'copy', serial: this.#serial(), records: zone.recordCount, ageS })
    this.#checkExpiry()
    if (!this.#expired) this.#onZone(zone, 'zone-expired')
  }

  /** Looks at the primaries from now on. */
  start(): void {
    if (this.#closed) return
    void this.look()
  }

  /** Asks the primaries now; at once again after a look that is under way. Resolves when it is over. */
  look(): Promise<void> {
    if (this.#closed) return Promise.resolve()
    if (this.#looking !== null) {
      this.#lookAgain = true
      return this.#looking
    }
    this.#cancelLook?.()
    this.#looking = this.#look().finally(() => {
      this.#looking = null
      if (!this.#lookAgain) return
      this.#lookAgain = false
      void this.look()
    })
    return this.#looking
  }

  /** Fetches the whole zone now, also when its version is no newer: the primary may have been set back. */
  fetchWhole(): void {
    this.#wantsWhole = true
    void this.look()
  }

  /** A primary says that there is something newer: looked at soon, and not more often than `notifyMs`. */
  notified(serial: number | null): void {
    const { clock, limits } = this.#parts
    if (serial !== null && this.#here !== null && !this.#expired && !isNewer(serial, this.#here.soa.serial)) return
    const wait = this.#lookedAt + limits.transfer.notifyMs - clock.now()
    if (wait <= 0) void this.look()
    else if (this.#looking !== null) this.#lookAgain = true
    else this.#lookIn(wait)
  }

  status(): Omit<TransferStatus, 'isPolicy'> {
    const here = this.#here
    const confirmedAt = this.#confirmedAt
    return {
      zone: this.#text,
      views: this.source.views,
      state: here === null ? 'missing' : this.#expired ? 'expired' : 'current',
      serial: here?.soa.serial ?? null,
      records: here?.zone.recordCount ?? 0,
      confirmedAt,
      expiresAt: here === null || confirmedAt === null ? null : confirmedAt + Math.round(here.timers.expireMs / MS),
      nextLookAt: this.#nextLookAt,
      looking: this.#looking !== null,
      primaries: this.source.primaries.map(upstreamText),
      lastTransfer: this.#lastTransfer,
      lastFailure: this.#faults.length === 0 ? null : { at: this.#faultsAt, reasons: this.#faults },
      transfers: this.#transfers,
      failures: this.#failures,
    }
  }

  close(): void {
    this.#closed = true
    this.#cancelLook?.()
    this.#cancelExpiry?.()
    this.#job?.stop()
  }

  async #look(): Promise<void> {
    const { clock } = this.#parts
    this.#lookedAt = clock.now()
    const { primaries } = this.source
    const faults: string[] = []
    for (let i = 0; i < primaries.length && !this.#closed; i++) {
      const index = (this.#primary + i) % primaries.length
      const server = primaries[index]
      if (server === undefined) continue
      const fault = await this.#askPrimary(server)
      if (fault === null) {
        this.#primary = index
        this.#lookedWell(faults)
        return
      }
      faults.push(`${upstreamText(server)}: ${fault}`)
    }
    if (!this.#closed) this.#lookedBadly(faults)
  }

  #lookedWell(faults: readonly string[]): void {
    this.#failuresInARow = 0
    this.#faults = faults
    this.#faultsAt = this.#parts.clock.wall()
    this.#lookIn(this.#nextLookMs())
  }

  #lookedBadly(faults: readonly string[]): void {
    this.#failuresInARow++
    this.#failures++
    const wait = this.#nextLookMs()
    const isNews = faults.join('\n') !== this.#faults.join('\n')
    this.#faults = faults
    this.#faultsAt = this.#parts.clock.wall()
    const served = this.#here !== null && !this.#expired
    if (isNews) this.#report({ kind: 'failed', reasons: faults, againS: Math.ceil(wait / MS), served })
    this.#lookIn(wait)
  }

  #nextLookMs(): number {
    const { random, limits } = this.#parts
    const timers = this.#here?.timers ?? null
    return nextLookMs(timers, this.#failuresInARow, random.below(SPREADS) / SPREADS, limits.transfer)
  }

  #lookIn(ms: number): void {
    if (this.#closed) return
    const { clock } = this.#parts
    this.#cancelLook?.()
    this.#nextLookAt = Math.round(clock.wall() + ms / MS)
    this.#cancelLook = clock.after(Math.min(ms, LONGEST_TIMER_MS), () => void this.look())
  }

  /** What is wrong with it; null: it confirmed what is here, or sent what it has. */
  async #askPrimary(server: ServerAddress): Promise<string | null> {
    const { clock, random, limits } = this.#parts
    const { zone, key } = this.source
    const asker = { clock, random, limits: limits.transfer }
    const answer = await askSoa(zone, { server, key }, asker)
    if (answer.kind === 'failed') return answer.why
    const here = this.#here
    const { serial } = answer.soa
    if (here !== null && serial === here.soa.serial && !this.#wantsWhole) {
      this.#confirm()
      return null
    }
    if (here !== null && !this.#expired && !this.#wantsWhole && !isNewer(serial, here.soa.serial))
      return `has version ${serial}, which is older than ${here.soa.serial}`
    const giveBack = await this.#parts.place()
    try {
      return this.#closed ? null : await this.#transfer(server, here)
    } finally {
      giveBack()
    }
  }

  async #transfer(server: ServerAddress, here: Here | null): Promise<string | null> {
    const { clock, limits } = this.#parts
    const began = clock.now()
    const primary = upstreamText(server)
    const job: TransferJob = {
      zone: this.source.zone,
      // One that has expired is not worth changes: its primary may have begun again.
      here: here === null || this.#expired || this.#wantsWhole ? null : { zone: here.zone, serial: here.soa.serial },
      server,
      key: this.source.key,
      limits: limits.transfer,
      file: this.#file,
    }
    const onProgress = (records: number): void =>
      this.#report({ kind: 'progress', primary, records, ms: clock.now() - began })
    const done = await this.#run(job, onProgress)
    if (typeof done === 'string') return done
    const { end, records, octets, outside, fellBack, unsaved } = done
    if (end.kind === 'up-to-date') {
      this.#confirm()
      return null
    }
    if (end.kind !== 'zone') return end.kind === 'too-large' ? 'the zone is too large' : end.why
    if (this.#closed) return null
    if (unsaved !== null) this.#report({ kind: 'copy-trouble', message: unsaved })
    if (!this.#hold(end.zone, clock.wall())) return 'the zone has no SOA record'
    this.#transfers++
    const { whole } = end
    if (whole) this.#wantsWhole = false
    const serial = this.#serial()
    const ms = clock.now() - began
    this.#lastTransfer = { at: Math.round(clock.wall()), primary, octets, ms: Math.round(ms), whole }
    this.#report({ kind: 'transferred', primary, serial, records, octets, ms, whole, outside, fellBack })
    this.#onZone(end.zone, 'zone-expired')
    return null
  }

  /** Small zones are fetched here, others in a thread; what is wrong, as text. */
  async #run(job: TransferJob, onProgress: (records: number) => void): Promise<TransferDone | string> {
    const { limits, thread = BUILT } = this.#parts
    const hasThread = existsSync(fileURLToPath(thread))
    if (!hasThread) return runTransfer(job, onProgress)
    if (job.here === null || job.here.zone.octets.length <= limits.zone.hereBytes) {
      const done = await runTransfer(job, onProgress, limits.transfer.hereBytes)
      if (done.end.kind !== 'too-large') return done
    }
    this.#job = startJob(thread, job, progress => {
      if (typeof progress === 'number') onProgress(progress)
    })
    const end = await this.#job.end
    this.#job = null
    if (end.kind === 'done' && isTransferDone(end.value)) return end.value
    return end.kind === 'failed' ? end.reason : 'the transfer was stopped'
  }

  async #loadCopy(): Promise<LoadedCopy | { readonly error: string } | null> {
    const { limits, thread = BUILT } = this.#parts
    const file = this.#file
    if (file === null) return null
    const origin = this.source.zone
    if (copyOctets(file) <= limits.zone.hereBytes || !existsSync(fileURLToPath(thread))) return loadCopy(file, origin)
    this.#job = startJob(thread, { file, origin }, () => {})
    const end = await this.#job.end
    this.#job = null
    if (end.kind !== 'done') return { error: end.kind === 'failed' ? end.reason : 'loading was stopped' }
    return isLoaded(end.value) ? end.value : null
  }

  /** False: it is no zone. */
  #hold(zone: FlatZone, confirmedAt: number): boolean {
    const rdata = new FlatContent(zone).at(zone.origin)?.get(RrType.SOA)?.rdatas[0]
    const soa = rdata === undefined ? null : readSoa(rdata)
    if (soa === null) return false
    this.#here = { zone, soa, timers: timersOf(soa, this.#parts.limits.transfer) }
    this.#confirmedAt = confirmedAt
    this.#expired = false
    this.#watchExpiry()
    return true
  }

  #serial(): number {
    return this.#here?.soa.serial ?? 0
  }

  #confirm(): void {
    const { clock } = this.#parts
    const wasExpired = this.#expired
    this.#confirmedAt = clock.wall()
    this.#expired = false
    if (this.#file !== null) confirmCopy(this.#file, clock.wall())
    this.#watchExpiry()
    if (wasExpired && this.#here !== null) this.#onZone(this.#here.zone, 'zone-expired')
  }

  #msToExpiry(): number {
    const { clock } = this.#parts
    const { timers } = this.#here ?? { timers: { expireMs: 0 } }
    return ((this.#confirmedAt ?? 0) - clock.wall()) * MS + timers.expireMs
  }

  #watchExpiry(): void {
    this.#cancelExpiry?.()
    if (this.#closed) return
    const ms = Math.min(Math.max(0, this.#msToExpiry()), LONGEST_TIMER_MS)
    this.#cancelExpiry = this.#parts.clock.after(ms, () => this.#checkExpiry())
  }

  #checkExpiry(): void {
    if (this.#closed || this.#here === null || this.#expired) return
    if (this.#msToExpiry() > 0) {
      this.#watchExpiry()
      return
    }
    this.#expired = true
    this.#report({ kind: 'expired', ageS: this.#parts.clock.wall() - (this.#confirmedAt ?? 0) })
    this.#onZone(null, 'zone-expired')
  }

  #report(news: TransferNews): void {
    this.#parts.events({ kind: 'zone-transfer', zone: this.#text, views: this.source.views, news })
  }
}

const isLoaded = (value: unknown): value is LoadedCopy | { readonly error: string } =>
  typeof value === 'object' && value !== null && ('zone' in value || 'error' in value)
