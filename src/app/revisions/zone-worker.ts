/** Where a change of a zone is worked out: small ones at once, large ones in a thread of their own while we serve. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Difference, Refusal, ZoneAction } from '../../admin/zone-controls.ts'
import { adminLimits } from '../../admin/limits.ts'
import type { ZoneLimits } from '../../limits.ts'
import type { Clock } from '../../ports.ts'
import { startJob } from '../../system/job-thread.ts'
import type { Zone } from '../../zone/zone.ts'
import { type Wanted, type ZoneEdits, zoneWithEdits } from './zone-plan.ts'
import type { ZoneValue } from './zone-value.ts'
import {
  type Change,
  compare,
  flatOf,
  type Ground,
  isZoneTaskEnd,
  type Worked,
  workOut,
  zoneOf,
  type ZoneTask,
  type ZoneTaskEnd,
} from './zone-work.ts'

interface ZoneWorkerParts {
  readonly clock: Clock
  /** The program of `zone-work-thread.ts`; by default the built one, and without it everything is done here. */
  readonly thread?: URL | undefined
}

export class ZoneWorker {
  readonly #clock: Clock
  readonly #thread: URL
  readonly #isThere: boolean

  constructor({ clock, thread = BUILT }: ZoneWorkerParts) {
    this.#clock = clock
    this.#thread = thread
    this.#isThere = existsSync(fileURLToPath(thread))
  }

  /** Is this too much for the thread that answers? */
  isLarge(...zones: readonly (Zone | null | undefined)[]): boolean {
    return this.#isThere && zones.some(zone => (zone?.recordCount ?? 0) > adminLimits.zoneRecordsHere)
  }

  async change(change: Change): Promise<Worked | Refusal> {
    const { action, subject, past } = change
    const { zone, file } = subject
    const given = recordsInAction(action) + recordsIn(past?.value ?? null)
    const isLarge = this.isLarge(zone, file?.zone) || (this.#isThere && given > adminLimits.zoneRecordsHere)
    if (!isLarge) return workOut(change)
    const base = file === null ? null : flatOf(file.zone)
    const end = await this.#run({
      kind: 'change',
      change: { action, past, day: change.day },
      subject: { origin: subject.origin, value: subject.value, text: subject.text, limits: subject.limits },
      zone: zone === null ? null : zone === file?.zone ? base : flatOf(zone),
      file: file === null || base === null ? null : { file: file.file, editable: file.editable, zone: base },
    })
    if (end.kind === 'worked') return { ...end.worked, zone: end.zone === null ? null : zoneOf(end.zone) }
    return refusalOf(end)
  }

  async lay(base: Zone, edits: ZoneEdits, limits: ZoneLimits): Promise<Wanted | Refusal> {
    if (!this.isLarge(base)) return zoneWithEdits(base, edits, limits)
    const end = await this.#run({ kind: 'lay', base: flatOf(base), edits, limits })
    return end.kind === 'laid' ? { kind: 'wanted', zone: zoneOf(end.zone), warnings: [] } : refusalOf(end)
  }

  async compare(before: ZoneValue, after: ZoneValue, ground: Ground): Promise<Difference | Refusal> {
    const { origin, base, limits } = ground
    const given = recordsIn(before) + recordsIn(after)
    if (!this.isLarge(base) && !(this.#isThere && given > adminLimits.zoneRecordsHere))
      return compare(before, after, ground)
    const flat = base === null ? null : flatOf(base)
    const end = await this.#run({ kind: 'compare', before, after, ground: { origin, limits }, base: flat })
    return end.kind === 'difference' ? end.difference : refusalOf(end)
  }

  async #run(task: ZoneTask): Promise<ZoneTaskEnd> {
    const job = startJob(this.#thread, task, () => {})
    const cancel = this.#clock.after(adminLimits.changeMs, () => job.stop())
    const end = await job.end
    cancel()
    switch (end.kind) {
      case 'done':
        if (!isZoneTaskEnd(end.value)) throw new Error('a thread that changes zones gave something else')
        return end.value
      case 'failed':
        return refused(`the change could not be worked out: ${end.reason}`)
      case 'stopped':
        return refused(
          `the change took more than ${adminLimits.changeMs / 1_000} s: make smaller ones, or edit the zone's file`,
        )
      default:
        return end satisfies never
    }
  }
}

/** It stands next to this file where the program is built. */
const BUILT = new URL('zone-work-thread.js', import.meta.url)

const refused = (why: string): ZoneTaskEnd => ({ kind: 'refusal', refusal: { kind: 'refused', why } })

function refusalOf(end: ZoneTaskEnd): Refusal {
  if (end.kind === 'refusal') return end.refusal
  throw new Error('a thread that changes zones did something else')
}

/** Characters of a record in the text of a zone: the shortest have some. */
const RECORD_CHARACTERS = 24
const recordsInText = (text: string): number => text.length / RECORD_CHARACTERS

function recordsInAction(action: ZoneAction): number {
  switch (action.kind) {
    case 'put':
      return action.content.kind === 'text'
        ? recordsInText(action.content.text)
        : action.content.rrsets.reduce((sum, { data }) => sum + data.length, 0)
    case 'patch':
      return [...action.set, ...action.add].reduce((sum, { data }) => sum + data.length, action.remove.length)
    case 'delete':
    case 'undo':
    case 'revert':
      return 0
    default:
      return action satisfies never
  }
}

function recordsIn(value: ZoneValue | null): number {
  if (value?.kind === 'text' || value?.kind === 'file') return recordsInText(value.text)
  return value?.kind === 'edits' ? value.edits.set.length + value.edits.gone.length : 0
}
