/**
 * Zones as they are changed while the server runs. A zone of the API is a text of its own; changes to the zone of a
 * file are sets laid over it, so that the file can go on changing below them; the file itself is written only where the
 * configuration declares it editable. Every change is a revision.
 *
 * Invariants: changes happen one after the other; what is served changes only to a zone without errors, and not before
 * its revision is kept; a revision that cannot be read, or does not fit its file any more, never keeps a zone away.
 */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { adminLimits } from '../../admin/limits.ts'
import type { Difference, Refusal, ZoneChanged, ZoneChangeRequest, ZoneEntry } from '../../admin/zone-controls.ts'
import { foldName, type Name } from '../../dns/name.ts'
import type { RRset } from '../../dns/rrset.ts'
import { RrType } from '../../dns/types.ts'
import type { ZoneLimits } from '../../limits.ts'
import type { Clock, EventSink } from '../../ports.ts'
import { formatName, parseName } from '../../presentation/text.ts'
import { errorCode } from '../../system/system-error.ts'
import { errorText } from '../../events.ts'
import { serialOf } from '../../zone/zone-edit.ts'
import type { Zone } from '../../zone/zone.ts'
import type { FileZone, ZoneLayer, ZoneStore } from '../zone-store.ts'
import { RevisionLog } from './revision-log.ts'
import type { Subject } from './zone-draft.ts'
import { zoneFromText, zoneWithEdits } from './zone-plan.ts'
import { NOTHING, readZoneValue, type ZoneValue } from './zone-value.ts'
import type { Change, Worked } from './zone-work.ts'
import { ZoneWorker } from './zone-worker.ts'
import { writeZoneFile } from './zone-file-writer.ts'

export interface ZoneChangesParts {
  /** The state directory; null: changes end with the process. */
  readonly state: string | null
  readonly limits: ZoneLimits
  readonly events: EventSink
  /** Seconds since 1970. */
  readonly wall: () => number
  readonly clock: Clock
  /** The program of `zone-work-thread.ts`; by default the built one. */
  readonly thread?: URL | undefined
}

interface Kept {
  readonly log: RevisionLog<ZoneValue>
  /** The zone of the API as it is served; null: there is none. */
  own: Zone | null
  /** The zone of the file with the edits, and what it was made from. */
  laid: { readonly base: Zone; readonly value: ZoneValue; readonly zone: Zone } | null
}

export class ZoneChanges implements ZoneLayer {
  readonly #parts: ZoneChangesParts
  readonly #worker: ZoneWorker
  readonly #kept = new Map<Name, Kept>()
  readonly #tags = new WeakMap<Zone, string>()
  readonly #epoch = Date.now().toString(36)
  #tag = 0
  #store: ZoneStore | null = null
  #turn: Promise<unknown> = Promise.resolve()
  /** A zone of the API that a file took the place of is reported once. */
  readonly #hidden = new Set<Name>()

  constructor(parts: ZoneChangesParts) {
    this.#parts = parts
    this.#worker = new ZoneWorker(parts)
    if (parts.state !== null) this.#readAll(join(parts.state, FOLDER))
  }

  attach(store: ZoneStore): void {
    this.#store = store
  }

  over(zone: Zone): Zone {
    const kept = this.#kept.get(zone.origin)
    const value = kept?.log.latest?.value
    if (kept === undefined || value?.kind !== 'edits') return zone
    if (kept.laid?.base !== zone || kept.laid.value !== value) {
      const made = zoneWithEdits(zone, value.edits, this.#parts.limits)
      this.#lay(kept, zone, value, made.kind === 'wanted' ? made.zone : this.#unfit(zone, made))
    }
    return kept.laid?.zone ?? zone
  }

  prepare(zone: Zone): Promise<void> | null {
    const kept = this.#kept.get(zone.origin)
    const value = kept?.log.latest?.value
    if (kept === undefined || value?.kind !== 'edits' || !this.#worker.isLarge(zone)) return null
    return this.#worker
      .lay(zone, value.edits, this.#parts.limits)
      .then(made => this.#lay(kept, zone, value, made.kind === 'wanted' ? made.zone : this.#unfit(zone, made)))
  }

  /** Null: the edits do not fit, and what was served before stays. */
  #lay(kept: Kept, base: Zone, value: ZoneValue, zone: Zone | null): void {
    kept.laid = { base, value, zone: zone ?? kept.laid?.zone ?? base }
  }

  others(taken: ReadonlySet<Name>): readonly Zone[] {
    return [...this.#kept].flatMap(([origin, { own }]) => {
      if (own === null) return []
      if (!taken.has(origin)) {
        this.#hidden.delete(origin)
        return [own]
      }
      if (!this.#hidden.has(origin))
        this.#report(`the zone ${formatName(origin)} of a file is served; the one made through the API is not`)
      this.#hidden.add(origin)
      return []
    })
  }

  /** What is kept of each zone, to be handed from thread to thread. */
  get values(): readonly (readonly [Name, ZoneValue])[] {
    return [...this.#kept].flatMap(([origin, { log }]) => (log.latest === null ? [] : [[origin, log.latest.value]]))
  }

  /** All zones that are served whole, in canonical order of their text. */
  entries(): readonly ZoneEntry[] {
    return this.#origins().flatMap(origin => this.entry(origin) ?? [])
  }

  entry(origin: Name): ZoneEntry | null {
    const subject = this.#subject(origin)
    const { zone } = subject
    if (zone === null) return null
    const value = subject.value.kind
    const isSent = this.#isSent(subject)
    return {
      name: formatName(origin),
      source: isSent ? 'transfer' : subject.file === null ? 'api' : 'file',
      file: subject.file?.file ?? null,
      editable: !isSent && (subject.file === null || subject.file.editable),
      changed: subject.file !== null && value === 'edits',
      records: zone.recordCount,
      serial: serialOf(apexSoa(zone)),
      revision: this.#kept.get(origin)?.log.latest?.number ?? 0,
    }
  }

  zone(origin: Name): Zone | null {
    return this.#subject(origin).zone
  }

  log(origin: Name): RevisionLog<ZoneValue> | null {
    return this.#kept.get(origin)?.log ?? null
  }

  /** What the zone of this origin is now, with its text where it is kept as one. */
  subject(origin: Name): Subject {
    return this.#subject(origin)
  }

  /** Of a zone as it is served: another one has another tag, and so has every one of a later process. */
  tagOf(zone: Zone): string {
    const known = this.#tags.get(zone)
    if (known !== undefined) return known
    const tag = `"${this.#epoch}-${this.#tag++}"`
    this.#tags.set(zone, tag)
    return tag
  }

  change(request: ZoneChangeRequest): Promise<ZoneChanged | Refusal> {
    const turn = this.#turn.then(() => this.#change(request))
    this.#turn = turn.catch(() => {})
    return turn
  }

  /** What differs between the states after two revisions. */
  difference(origin: Name, before: ZoneValue, after: ZoneValue): Promise<Difference | Refusal> {
    const base = this.#subject(origin).file?.zone ?? null
    return this.#worker.compare(before, after, { origin, base, limits: this.#parts.limits })
  }

  async #change(request: ZoneChangeRequest): Promise<ZoneChanged | Refusal> {
    const { zone: origin, ifMatch, action, dryRun } = request
    const subject = this.#subject(origin)
    const { zone: before } = subject
    if (this.#isSent(subject))
      return { kind: 'refused', why: 'other servers send the zone, and have it changed: see GET /api/v1/transfers' }
    const tag = before === null ? null : this.tagOf(before)
    if (action.kind === 'put' && action.mustBeNew && before !== null) return { kind: 'exists' }
    if (ifMatch !== null && (tag === null || !(ifMatch.includes('*') || ifMatch.includes(tag))))
      return { kind: 'mismatch', etag: tag }
    const draft = await this.#workedOut(action, subject)
    if (draft.kind !== 'draft') return draft
    // A file may have been read again meanwhile.
    if (!dryRun && this.#subject(origin).zone !== before) return { kind: 'mismatch', etag: this.#etagOf(origin) }
    const answer = (): ZoneChanged => {
      const now = this.#subject(origin).zone
      const zone = dryRun ? draft.zone : now
      return {
        kind: 'changed',
        created: before === null && draft.zone !== null,
        zone: dryRun ? this.#entryOf(origin, subject, zone) : this.entry(origin),
        etag: now === null ? null : this.tagOf(now),
        difference: draft.difference,
        warnings: draft.warnings,
      }
    }
    if (dryRun || draft.isSame) return answer()
    const failed = await this.#keep(request, subject, draft)
    return failed ?? answer()
  }

  #workedOut(action: ZoneChangeRequest['action'], subject: Subject): Promise<Worked | Refusal> {
    const day = Number(new Date(this.#parts.wall() * 1_000).toISOString().slice(0, 10).replaceAll('-', ''))
    return this.#worker.change({ action, subject, past: this.#pastOf(action, subject.origin), day })
  }

  /** Where an undo or a revert leads. */
  #pastOf(action: ZoneChangeRequest['action'], origin: Name): Change['past'] {
    const log = this.#kept.get(origin)?.log
    if (log === undefined) return null
    const number = action.kind === 'undo' ? log.undoTarget() : action.kind === 'revert' ? action.revision : null
    return { number, value: number === null ? null : log.stateAfter(number, NOTHING) }
  }

  #etagOf(origin: Name): string | null {
    const { zone } = this.#subject(origin)
    return zone === null ? null : this.tagOf(zone)
  }

  #entryOf(origin: Name, { file }: Subject, zone: Zone | null): ZoneEntry | null {
    if (zone === null) return null
    return {
      name: formatName(origin),
      source: file === null ? 'api' : 'file',
      file: file?.file ?? null,
      editable: file === null || file.editable,
      changed: file !== null && !file.editable,
      records: zone.recordCount,
      serial: serialOf(apexSoa(zone)),
      revision: this.#kept.get(origin)?.log.latest?.number ?? 0,
    }
  }

  async #keep(request: ZoneChangeRequest, subject: Subject, draft: Worked): Promise<Refusal | null> {
    const { zone: origin } = request
    const { file } = subject
    const kept = this.#keptOf(origin)
    const facts = {
      at: this.#parts.wall(),
      author: request.author,
      comment: request.comment,
      requestId: request.requestId,
      restores: draft.restores,
    }
    if (draft.value.kind === 'file' && file !== null && draft.before !== null) {
      // What stood there before is a revision as well, so that one can go back to it.
      const known = kept.log.latest?.value
      if (known?.kind !== 'file' || known.text !== draft.before) {
        const comment = known === undefined ? 'as it was before the first change' : 'changed in its file'
        const before = { kind: 'file' as const, text: draft.before }
        const first = await kept.log.append({ ...facts, author: 'file', comment, restores: null }, before)
        if (first.kind === 'not-written') return first
      }
      const failed = await writeZoneFile(file.file, draft.before, draft.value.text)
      if (failed !== null) return failed
    }
    const appended = await kept.log.append(facts, draft.value)
    if (appended.kind === 'not-written' && draft.value.kind !== 'file') return appended
    kept.own = draft.value.kind === 'text' ? draft.zone : null
    if (draft.value.kind === 'edits' && file !== null && draft.zone !== null)
      kept.laid = { base: file.zone, value: draft.value, zone: draft.zone }
    if (draft.value.kind === 'file' && file !== null) await this.#store?.reread(file.file)
    else this.#store?.refresh()
    return null
  }

  #subject(origin: Name): Subject {
    const file = this.#files().find(({ zone }) => zone.origin === origin) ?? null
    const kept = this.#kept.get(origin)
    const value = kept?.log.latest?.value ?? NOTHING
    const { limits } = this.#parts
    if (file === null) {
      const own = kept?.own ?? this.#sent().find(zone => zone.origin === origin) ?? null
      return { origin, file, zone: own, value, text: own !== null && value.kind === 'text' ? value.text : null, limits }
    }
    return { origin, file, zone: this.over(file.zone), value, text: null, limits }
  }

  #files(): readonly FileZone[] {
    return this.#store?.fileZones() ?? []
  }

  /** Zones that other servers send. */
  #sent(): readonly Zone[] {
    return this.#store?.transferredZones ?? []
  }

  #isSent({ zone }: Subject): boolean {
    return zone !== null && this.#sent().includes(zone)
  }

  #origins(): readonly Name[] {
    const origins = new Set([...this.#files().map(({ zone }) => zone), ...this.#sent()].map(({ origin }) => origin))
    for (const [origin, { own }] of this.#kept) if (own !== null) origins.add(origin)
    return [...origins].sort((a, b) => (formatName(a) < formatName(b) ? -1 : 1))
  }

  #keptOf(origin: Name): Kept {
    const known = this.#kept.get(origin)
    if (known !== undefined) return known
    const { state } = this.#parts
    if (state === null && this.#kept.size === 0)
      this.#report('no "state" directory is configured: changes made through the API end with the process')
    const kept = {
      log: this.#openLog(state === null ? null : join(state, FOLDER, folderOf(origin))),
      own: null,
      laid: null,
    }
    this.#kept.set(origin, kept)
    return kept
  }

  #openLog(directory: string | null): RevisionLog<ZoneValue> {
    return new RevisionLog({
      directory,
      read: readZoneValue,
      report: message => this.#report(message),
      maxBytes: adminLimits.revisionBytes,
      most: directory === null ? adminLimits.revisionsInMemory : adminLimits.revisions,
    })
  }

  #readAll(directory: string): void {
    for (const folder of foldersIn(directory, message => this.#report(message))) {
      const origin = originOf(folder)
      if (origin === null) continue
      const log = this.#openLog(join(directory, folder))
      const value = log.latest?.value
      const made = value?.kind === 'text' ? zoneFromText(value.text, origin, this.#parts.limits) : null
      if (made?.kind === 'invalid')
        this.#report(`the zone ${formatName(origin)} of the API is not served: ${made.faults[0]?.detail ?? ''}`)
      this.#kept.set(origin, { log, own: made?.kind === 'wanted' ? made.zone : null, laid: null })
    }
  }

  /** The file has become one that the edits do not fit: that is reported. Null. */
  #unfit(base: Zone, refusal: Refusal): null {
    const why =
      refusal.kind === 'invalid' ? (refusal.faults[0]?.detail ?? '') : refusal.kind === 'refused' ? refusal.why : ''
    this.#report(
      `changes to the zone ${formatName(base.origin)} do not fit its file any more: ${why}; ` +
        'undo them, or change the file',
    )
    return null
  }

  #report(message: string): void {
    this.#parts.events({ kind: 'admin-state-failed', message })
  }
}

const FOLDER = 'zones'
const apexSoa = (zone: Zone): RRset | undefined => zone.setsAt(zone.origin).find(({ type }) => type === RrType.SOA)

/** A name as the name of a folder: octets that are no letter, digit, `-`, `_` or `.` as `=` and two digits. */
const folderOf = (origin: Name): string =>
  formatName(origin).replace(/[^\w.-]/g, c => `=${c.charCodeAt(0).toString(16).padStart(2, '0')}`)

function originOf(folder: string): Name | null {
  const text = folder.replace(/=([\da-f]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  const name = parseName(text, null)
  return typeof name === 'string' ? foldName(name) : null
}

function foldersIn(directory: string, report: (message: string) => void): readonly string[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).flatMap(one => (one.isDirectory() ? [one.name] : []))
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') report(`${directory}: ${errorText(error)}`)
    return []
  }
}
