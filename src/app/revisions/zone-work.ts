/**
 * Changes of zones worked out, in whatever thread: `zone-worker.ts` does small ones itself and has large ones done by
 * the program of `zone-work-thread.ts`, to which zones go flat, and from which they come back so. Changes nothing.
 */
import type { Difference, Refusal, ZoneAction } from '../../admin/zone-controls.ts'
import type { Name } from '../../dns/name.ts'
import type { ZoneLimits } from '../../limits.ts'
import { FlatContent, type FlatZone, packZone } from '../../zone/flat-zone.ts'
import { differenceOf, nextSerial, setsOf, type ZoneSets } from '../../zone/zone-edit.ts'
import { Zone } from '../../zone/zone.ts'
import { type Draft, draftOf, type Subject } from './zone-draft.ts'
import { differenceText, type ZoneEdits, zoneFromText, zoneWithEdits } from './zone-plan.ts'
import type { ZoneValue } from './zone-value.ts'

/** A change to one zone, with all that it depends on. */
export interface Change {
  readonly action: ZoneAction
  readonly subject: Subject
  /** The revision that an undo or a revert leads to, and the state after it; null where there is none. */
  readonly past: { readonly number: number | null; readonly value: ZoneValue | null } | null
  /** Today as YYYYMMDD. */
  readonly day: number
}

export interface Worked extends Omit<Draft, 'difference'> {
  readonly difference: Difference
}

export function workOut({ action, subject, past, day }: Change): Worked | Refusal {
  const { limits } = subject
  const known = new Map<Zone, ZoneSets>()
  const setsIn = (zone: Zone): ZoneSets => {
    const sets = known.get(zone) ?? setsOf(zone.rrsets())
    known.set(zone, sets)
    return sets
  }
  const draft = draftOf(action, subject, {
    limits,
    log: past === null ? null : { undoTarget: () => past.number, stateAfter: () => past.value },
    serialAfter: serial => nextSerial(serial, day),
    zoneAfter: value => zoneAfter(value, { ...subject, base: subject.file?.zone ?? null }),
    setsIn,
  })
  return draft.kind === 'draft' ? { ...draft, difference: differenceText(draft.difference) } : draft
}

/** What a state is laid over. */
export interface Ground {
  readonly origin: Name
  /** The zone as its file has it; null: no file has it. */
  readonly base: Zone | null
  readonly limits: ZoneLimits
}

/** The zone after a revision; null: there was none, or it does not fit what the file has now. */
function zoneAfter(value: ZoneValue, { origin, base, limits }: Ground): Zone | null {
  switch (value.kind) {
    case 'none':
      return base
    case 'text':
    case 'file': {
      const made = zoneFromText(value.text, origin, limits)
      return made.kind === 'wanted' ? made.zone : null
    }
    case 'edits': {
      const made = base === null ? null : zoneWithEdits(base, value.edits, limits)
      return made?.kind === 'wanted' ? made.zone : null
    }
    default:
      return value satisfies never
  }
}

/** Between the zones after two revisions. */
export const compare = (before: ZoneValue, after: ZoneValue, ground: Ground): Difference =>
  differenceText(differenceOf(contentOf(zoneAfter(before, ground)), contentOf(zoneAfter(after, ground))))

const contentOf = (zone: Zone | null): ZoneSets => (zone === null ? new Map() : setsOf(zone.rrsets()))

/** What a thread is given: the same, with flat zones. */
export type ZoneTask =
  | {
      readonly kind: 'change'
      readonly change: Omit<Change, 'subject'>
      readonly subject: Omit<Subject, 'zone' | 'file'>
      readonly zone: FlatZone | null
      readonly file: { readonly file: string; readonly editable: boolean; readonly zone: FlatZone } | null
    }
  | { readonly kind: 'lay'; readonly base: FlatZone; readonly edits: ZoneEdits; readonly limits: ZoneLimits }
  | {
      readonly kind: 'compare'
      readonly before: ZoneValue
      readonly after: ZoneValue
      readonly ground: Omit<Ground, 'base'>
      readonly base: FlatZone | null
    }

/** What it gives back. */
export type ZoneTaskEnd =
  | { readonly kind: 'worked'; readonly worked: Omit<Worked, 'zone'>; readonly zone: FlatZone | null }
  | { readonly kind: 'refusal'; readonly refusal: Refusal }
  | { readonly kind: 'laid'; readonly zone: FlatZone }
  | { readonly kind: 'difference'; readonly difference: Difference }

export const flatOf = (zone: Zone): FlatZone => zone.flat ?? packZone(zone.origin, zone.rrsets())
export const zoneOf = (flat: FlatZone): Zone => new Zone(flat.origin, new FlatContent(flat), { recordsOnly: false })
const zoneOrNull = (flat: FlatZone | null): Zone | null => (flat === null ? null : zoneOf(flat))

/** The work of a thread; `zone-work-thread.ts` says where it comes from. */
export function runTask(task: ZoneTask): ZoneTaskEnd {
  switch (task.kind) {
    case 'change': {
      const { change, subject, zone, file } = task
      const base = file === null ? null : { ...file, zone: zoneOf(file.zone) }
      // As it is here: a zone without edits is that of its file.
      const served = base !== null && zone === file?.zone ? base.zone : zoneOrNull(zone)
      const worked = workOut({ ...change, subject: { ...subject, file: base, zone: served } })
      if (worked.kind !== 'draft') return { kind: 'refusal', refusal: worked }
      const { zone: made, ...rest } = worked
      return { kind: 'worked', worked: rest, zone: made === null ? null : flatOf(made) }
    }
    case 'lay': {
      const made = zoneWithEdits(zoneOf(task.base), task.edits, task.limits)
      return made.kind === 'wanted' ? { kind: 'laid', zone: flatOf(made.zone) } : { kind: 'refusal', refusal: made }
    }
    case 'compare': {
      const { before, after, ground, base } = task
      return { kind: 'difference', difference: compare(before, after, { ...ground, base: zoneOrNull(base) }) }
    }
    default:
      return task satisfies never
  }
}

// Both sides are of one version; these distinguish the kinds of messages, not valid ones from invalid ones.
const isOf = (value: unknown, kinds: readonly string[]): boolean =>
  typeof value === 'object' && value !== null && 'kind' in value && kinds.some(kind => value.kind === kind)
export const isZoneTask = (value: unknown): value is ZoneTask => isOf(value, ['change', 'lay', 'compare'])
export const isZoneTaskEnd = (value: unknown): value is ZoneTaskEnd =>
  isOf(value, ['worked', 'refusal', 'laid', 'difference'])
