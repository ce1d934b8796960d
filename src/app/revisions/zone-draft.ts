/** A change to one zone thought through: the zone that would be served, and the state that would be kept of it. */
import { readFileSync } from 'node:fs'
import type { Fault, Refusal, ZoneAction } from '../../admin/zone-controls.ts'
import { adminLimits } from '../../admin/limits.ts'
import type { Name } from '../../dns/name.ts'
import { recordsOf } from '../../dns/rrset.ts'
import type { ZoneLimits } from '../../limits.ts'
import { textOfOctets, ZoneReader } from '../../system/zone-files.ts'
import { errorText } from '../../events.ts'
import {
  differenceOf,
  isLaterSerial,
  serialOf,
  setKey,
  setsOf,
  soaIn,
  withSerial,
  type ZoneDifference,
  type ZoneSets,
} from '../../zone/zone-edit.ts'
import { type RewriteOptions, rewriteZoneText, zoneTextOf } from '../../zone/zone-rewrite.ts'
import type { Zone } from '../../zone/zone.ts'
import type { FileZone } from '../zone-store.ts'
import type { RevisionLog } from './revision-log.ts'
import { editsBetween, patchedSets, type Wanted, zoneFromContent, zoneFromSets, zoneFromText } from './zone-plan.ts'
import { NOTHING, type ZoneValue } from './zone-value.ts'

/** A zone as it is now. */
export interface Subject {
  readonly origin: Name
  /** Where it is read from; null: from the API, or nowhere. */
  readonly file: FileZone | null
  /** As it is served; null: it is not. */
  readonly zone: Zone | null
  readonly value: ZoneValue
  /** Where it is kept as a text. */
  readonly text: string | null
  readonly limits: ZoneLimits
}

export interface Draft {
  readonly kind: 'draft'
  /** Null: there would be none. */
  readonly zone: Zone | null
  readonly value: ZoneValue
  readonly restores: number | null
  readonly warnings: readonly Fault[]
  /** Between the zone as it is served and this one. */
  readonly difference: ZoneDifference
  /** Nothing would change. */
  readonly isSame: boolean
  /** Of a file that would be written: what stands in it now. */
  readonly before: string | null
}

export interface DraftParts {
  readonly limits: ZoneLimits
  readonly log: Pick<RevisionLog<ZoneValue>, 'undoTarget' | 'stateAfter'> | null
  readonly serialAfter: (serial: number) => number
  readonly zoneAfter: (value: ZoneValue) => Zone | null
  /** The sets of a zone: of a large one they are made once. */
  readonly setsIn: (zone: Zone) => ZoneSets
}

export function draftOf(action: ZoneAction, subject: Subject, parts: DraftParts): Draft | Refusal {
  switch (action.kind) {
    case 'put': {
      const wanted = zoneFromContent(action.content, subject.origin, parts.limits)
      const text = action.content.kind === 'text' ? action.content.text : null
      return wanted.kind === 'wanted' ? kept(wanted, text, null, subject, parts) : wanted
    }
    case 'patch': {
      if (subject.zone === null) return { kind: 'absent' }
      const large = tooLarge(subject.zone)
      if (large !== null) return large
      const patched = patchedSets(action, subject.origin, parts.setsIn(subject.zone), parts.limits)
      if (patched.kind === 'invalid') return patched
      const wanted = zoneFromSets(patched.sets, subject.origin, parts.limits, patched.pointers)
      return wanted.kind === 'wanted' ? kept(wanted, null, null, subject, parts) : wanted
    }
    case 'delete': {
      if (subject.file !== null)
        return {
          kind: 'refused',
          why:
            `the zone is in ${subject.file.file}, which the configuration names: remove it there. Revision 0 is ` +
            'what the file has',
        }
      return withoutZone(null, subject, parts)
    }
    case 'undo': {
      if (parts.log === null && subject.zone === null) return { kind: 'absent' }
      const target = parts.log?.undoTarget() ?? null
      return target === null ? { kind: 'nothing-to-undo' } : reverted(target, subject, parts)
    }
    case 'revert':
      return reverted(action.revision, subject, parts)
    default:
      return action satisfies never
  }
}

function reverted(number: number, subject: Subject, parts: DraftParts): Draft | Refusal {
  if (parts.log === null && subject.zone === null) return { kind: 'absent' }
  if (parts.log === null && number !== 0) return { kind: 'no-revision' }
  const value = number === 0 ? NOTHING : (parts.log?.stateAfter(number, NOTHING) ?? null)
  if (value === null) return { kind: 'no-revision' }
  // Of a file that is written what stood in it first is a revision; there is nothing before it.
  if (value.kind === 'none' && subject.file?.editable === true && subject.value.kind !== 'edits')
    return { kind: 'no-revision' }
  if (value.kind === 'none' && subject.file === null) return withoutZone(number, subject, parts)
  const zone = parts.zoneAfter(value)
  if (zone === null)
    return { kind: 'refused', why: `revision ${number} is no zone any more with what its file has now` }
  const text = value.kind === 'text' || value.kind === 'file' ? value.text : null
  return kept({ kind: 'wanted', zone, warnings: [] }, text, number, subject, parts)
}

function withoutZone(restores: number | null, { zone }: Subject, { setsIn }: DraftParts): Draft {
  const difference = differenceOf(zone === null ? NO_SETS : setsIn(zone), NO_SETS)
  const rest = { restores, warnings: [], difference, isSame: zone === null, before: null }
  return { kind: 'draft', zone: null, value: NOTHING, ...rest }
}

const NO_SETS: ZoneSets = new Map()

/** A zone of this size takes too much memory while it is changed; it belongs into a file. */
function tooLarge(zone: Zone): Refusal | null {
  const most = adminLimits.zoneRecords
  if (zone.recordCount <= most) return null
  const why = `the zone has ${zone.recordCount} records, and those of up to ${most} are changed here: edit its file`
  return { kind: 'refused', why }
}

/** With a serial number that is later than the one that is served, and as the state that is kept of it. */
function kept(
  { zone, warnings }: Wanted,
  text: string | null,
  restores: number | null,
  subject: Subject,
  parts: DraftParts,
): Draft | Refusal {
  for (const one of [zone, subject.zone]) {
    const large = one === null ? null : tooLarge(one)
    if (large !== null) return large
  }
  const now = subject.zone === null ? NO_SETS : parts.setsIn(subject.zone)
  const sets = withLaterSerial(parts.setsIn(zone), now, subject, parts)
  const difference = differenceOf(now, sets)
  const changes = { restores, warnings, difference, isSame: difference.removed.length + difference.added.length === 0 }
  if (subject.file === null || subject.file.editable) return asText(sets, text, changes, subject, parts)
  const wanted = zoneFromSets(sets, subject.origin, parts.limits)
  if (wanted.kind !== 'wanted') return wanted
  const edits = editsBetween(parts.setsIn(subject.file.zone), sets)
  const value: ZoneValue = edits.set.length + edits.gone.length === 0 ? NOTHING : { kind: 'edits', edits }
  return { kind: 'draft', zone: wanted.zone, value, ...changes, before: null }
}

function withLaterSerial(
  sets: ReadonlyMap<string, ReturnType<typeof withSerial>>,
  now: ZoneSets,
  { origin }: Subject,
  { serialAfter }: DraftParts,
): ZoneSets {
  const soa = soaIn(sets, origin)
  const [was, is] = [serialOf(soaIn(now, origin)), serialOf(soa)]
  if (soa === undefined || was === null || is === null || isLaterSerial(is, was)) return sets
  const key = setKey(origin, soa.type)
  const level = new Map(sets).set(key, withSerial(soa, was))
  const { removed, added } = differenceOf(now, level)
  return removed.length + added.length === 0 ? level : level.set(key, withSerial(soa, serialAfter(was)))
}

/** The text that holds those sets: the one that was sent or kept, as far as that is possible. */
function asText(
  sets: ZoneSets,
  sent: string | null,
  changes: Pick<Draft, 'restores' | 'warnings' | 'difference' | 'isSame'>,
  { origin, file, text, limits }: Subject,
  { setsIn }: DraftParts,
): Draft | Refusal {
  const own = file === null ? null : ownText(file)
  if (own !== null && 'why' in own) return { kind: 'refused', why: own.why }
  const before = own?.text ?? null
  const from = sent ?? before ?? text
  const reader = new ZoneReader(limits)
  const where = { file: file?.file ?? '', include: file === null || sent !== null ? noInclude : reader.include }
  const options: RewriteOptions = { ...where, origin, limits }
  if (file !== null && before !== null && isOther(before, file, { setsIn, limits, reader }))
    return { kind: 'mismatch', etag: null }
  if (from === null)
    return finished(
      zoneTextOf(
        origin,
        [...sets.values()].flatMap(one => recordsOf(one, true)),
      ),
    )
  const read = zoneFromText(from, origin, limits, where)
  if (read.kind !== 'wanted') return read
  const rewritten = rewriteZoneText(from, differenceOf(setsOf(read.zone.rrsets()), sets), options)
  if (rewritten.kind === 'text') return finished(rewritten.text)
  const place = rewritten.line === 0 ? '' : `:${rewritten.line}:${rewritten.column}`
  return { kind: 'refused', why: `${file === null ? 'the text' : file.file}${place}: ${rewritten.why}` }

  function finished(whole: string): Draft | Refusal {
    const made = zoneFromText(whole, origin, limits, file === null ? undefined : where)
    if (made.kind !== 'wanted') return made
    const value: ZoneValue = { kind: file === null ? 'text' : 'file', text: whole }
    const isSame = changes.isSame && whole === (before ?? text)
    return { kind: 'draft', zone: made.zone, value, ...changes, isSame, before }
  }
}

/** Was the file changed since it was read? The next attempt sees that. */
function isOther(
  text: string,
  { file, zone }: FileZone,
  { setsIn, limits, reader }: Pick<DraftParts, 'setsIn' | 'limits'> & { readonly reader: ZoneReader },
): boolean {
  const read = zoneFromText(text, zone.origin, limits, { file, include: reader.include })
  if (read.kind !== 'wanted') return true
  const { removed, added } = differenceOf(setsIn(zone), setsOf(read.zone.rrsets()))
  return removed.length + added.length > 0
}

const noInclude = (path: string): { readonly error: string } => ({ error: `nothing can be included here: ${path}` })

/** What stands in the file now, which the watcher may not have seen yet. */
function ownText({ file }: FileZone): { readonly text: string } | { readonly why: string } {
  try {
    return { text: textOfOctets(readFileSync(file)) }
  } catch (error) {
    return { why: `${file} cannot be read: ${errorText(error)}` }
  }
}
