/**
 * From what is wanted of a zone to its sets and its text, or to everything that is wrong with it, each fault with its
 * place in what was sent. Changes nothing.
 */
import type { Difference, Fault, Refusal, RrsetText, ZoneAction, ZoneContentText } from '../../admin/zone-controls.ts'
import { adminLimits } from '../../admin/limits.ts'
import { foldName, isWithin, type Name } from '../../dns/name.ts'
import { groupRRsets, makeRRset, type Rr, type RRset } from '../../dns/rrset.ts'
import { RrClass, RrType, typeName, typeNumber } from '../../dns/types.ts'
import type { Problem } from '../../events.ts'
import type { ZoneLimits } from '../../limits.ts'
import { formatName, parseName, shown } from '../../presentation/text.ts'
import { formatRr, parseRr } from '../../presentation/rr-text.ts'
import { loadZone } from '../../zone/load-zone.ts'
import { buildZone } from '../../zone/zone-check.ts'
import {
  isLaterSerial,
  isSameRecord,
  nextSerial,
  serialOf,
  setKey,
  setsOf,
  soaIn,
  withSerial,
  type ZoneDifference,
  type ZoneSets,
} from '../../zone/zone-edit.ts'
import type { Include, LocatedRr } from '../../zone/zone-file.ts'
import type { Zone } from '../../zone/zone.ts'

/** A zone that can be served. */
export interface Wanted {
  readonly kind: 'wanted'
  readonly zone: Zone
  readonly warnings: readonly Fault[]
}

type Invalid = Extract<Refusal, { kind: 'invalid' }>

const TEXT = 'text'

/** `include` is for the text of an operator's own file; what is sent includes nothing. */
export function zoneFromText(
  text: string,
  origin: Name,
  limits: ZoneLimits,
  own?: { readonly file: string; readonly include: Include },
): Wanted | Invalid {
  const loaded = loadZone({
    text,
    file: own?.file ?? TEXT,
    origin,
    zone: origin,
    limits,
    strict: own === undefined,
    ...(own === undefined ? {} : { include: own.include }),
  })
  if (loaded.kind === 'invalid') return { kind: 'invalid', faults: loaded.errors.map(faultOfText) }
  return { kind: 'wanted', zone: loaded.zone, warnings: loaded.problems.map(faultOfText) }
}

const faultOfText = ({ line, column, message }: Problem): Fault =>
  line === 0 ? { pointer: '', detail: message } : { pointer: '', line, column, detail: message }

/** `pointers`: of each set by its key, where it stands in what was sent. */
export function zoneFromSets(
  sets: ZoneSets,
  origin: Name,
  limits: ZoneLimits,
  pointers: ReadonlyMap<string, string> = new Map(),
): Wanted | Invalid {
  const keys = [...sets.keys()]
  // The number of its set is the line of each record: this way a problem says which set it is about.
  const records: LocatedRr[] = [...sets.values()].flatMap((rrset, index) =>
    recordsWithSignatures(rrset).map(record => ({ ...record, file: '', line: index + 1, column: 1 })),
  )
  const built = buildZone({ records, problems: [] }, { origin, file: '', strict: true, limits })
  const fault = ({ line, message }: Problem): Fault => ({
    pointer: pointers.get(keys[line - 1] ?? '') ?? '',
    detail: message,
  })
  if (built.zone === null)
    return { kind: 'invalid', faults: built.problems.filter(({ severity }) => severity === 'error').map(fault) }
  return { kind: 'wanted', zone: built.zone, warnings: built.problems.map(fault) }
}

const recordsWithSignatures = ({ owner, type, class: klass, ttl, rdatas, signatures }: RRset): readonly Rr[] => [
  ...rdatas.map(rdata => ({ owner, type, class: klass, ttl, rdata })),
  ...signatures.map(rdata => ({ owner, type: RrType.RRSIG, class: klass, ttl, rdata })),
]

/** What a body or a text wants, as a zone. */
export function zoneFromContent(content: ZoneContentText, origin: Name, limits: ZoneLimits): Wanted | Invalid {
  if (content.kind === 'text') return zoneFromText(content.text, origin, limits)
  const faults: Fault[] = []
  const sets = new Map<string, RRset>()
  const pointers = new Map<string, string>()
  content.rrsets.forEach((text, index) => {
    const pointer = `/rrsets/${index}`
    const rrset = rrsetFrom(text, origin, limits.recordTtl, pointer, faults)
    if (rrset === null) return
    const key = setKey(rrset.name, rrset.type)
    if (sets.has(key)) faults.push({ pointer, detail: 'this name and type are there twice' })
    sets.set(key, rrset)
    pointers.set(key, pointer)
  })
  return faults.length > 0 ? { kind: 'invalid', faults } : zoneFromSets(sets, origin, limits, pointers)
}

/** The sets of a zone after single ones were changed. */
export function patchedSets(
  { set, add, remove }: Extract<ZoneAction, { kind: 'patch' }>,
  origin: Name,
  before: ZoneSets,
  limits: ZoneLimits,
): { readonly kind: 'sets'; readonly sets: ZoneSets; readonly pointers: ReadonlyMap<string, string> } | Invalid {
  const sets = new Map(before)
  const faults: Fault[] = []
  const pointers = new Map<string, string>()
  for (const [index, one] of remove.entries()) removeFrom(sets, one, `/remove/${index}`, origin, faults)
  const put = (text: RrsetText, pointer: string, joins: boolean): void => {
    const read = rrsetFrom(text, origin, limits.recordTtl, pointer, faults)
    if (read === null) return
    const key = setKey(read.name, read.type)
    const known = sets.get(key)
    const ttl = text.ttl ?? known?.ttl ?? read.ttl
    const rdatas = joins ? [...(known?.rdatas ?? []), ...read.rdatas] : read.rdatas
    pointers.set(key, pointer)
    sets.set(key, makeRRset(known?.owner ?? read.owner, read.type, read.class, ttl, rdatas))
  }
  for (const [index, text] of set.entries()) put(text, `/set/${index}`, false)
  for (const [index, text] of add.entries()) put(text, `/add/${index}`, true)
  return faults.length > 0 ? { kind: 'invalid', faults } : { kind: 'sets', sets, pointers }
}

type Removal = Extract<ZoneAction, { kind: 'patch' }>['remove'][number]

/** What is not there needs no removal: the second time says the same. */
function removeFrom(
  sets: Map<string, RRset>,
  { name: text, type: mnemonic, data }: Removal,
  pointer: string,
  origin: Name,
  faults: Fault[],
): void {
  const name = nameFrom(text, origin, pointer, faults)
  if (name === null) return
  if (mnemonic === null) {
    for (const [key, rrset] of sets) if (rrset.name === name) sets.delete(key)
    return
  }
  const type = typeFrom(mnemonic, pointer, faults)
  if (type === null) return
  const key = setKey(name, type)
  const known = sets.get(key)
  if (data === null || known === undefined) {
    sets.delete(key)
    return
  }
  const gone = rrsetFrom({ name: text, type: mnemonic, ttl: known.ttl, data }, origin, known.ttl, pointer, faults)
  const left = known.rdatas.filter(one => gone?.rdatas.some(other => Buffer.compare(one, other) === 0) !== true)
  if (left.length === 0) sets.delete(key)
  else if (left.length < known.rdatas.length)
    sets.set(key, makeRRset(known.owner, known.type, known.class, known.ttl, left))
}

function nameFrom(text: string, origin: Name, pointer: string, faults: Fault[]): Name | null {
  const name = parseName(text, null)
  if (typeof name !== 'string') {
    faults.push({ pointer: `${pointer}/name`, detail: name.error })
    return null
  }
  const folded = foldName(name)
  if (isWithin(folded, origin)) return folded
  faults.push({
    pointer: `${pointer}/name`,
    detail: `${shown(text)} is outside the zone ${formatName(origin)}: names are written in full`,
  })
  return null
}

function typeFrom(mnemonic: string, pointer: string, faults: Fault[]): number | null {
  const type = typeNumber(mnemonic)
  if (type === null)
    faults.push({
      pointer: `${pointer}/type`,
      detail: `${shown(mnemonic)} is no record type such as AAAA or TYPE65280`,
    })
  return type
}

function rrsetFrom(
  { name: text, type: mnemonic, ttl: wanted, data }: RrsetText,
  origin: Name,
  defaultTtl: number,
  pointer: string,
  faults: Fault[],
): RRset | null {
  const before = faults.length
  const name = nameFrom(text, origin, pointer, faults)
  const type = typeFrom(mnemonic, pointer, faults)
  if (name === null || type === null) return null
  const ttl = wanted ?? defaultTtl
  const records = data.flatMap((one, index): readonly Rr[] => {
    const record = parseRr(`${formatName(name)} ${ttl} IN ${typeName(type)} ${one}`)
    if (!('error' in record)) return [record]
    faults.push({ pointer: `${pointer}/data/${index}`, detail: record.error })
    return []
  })
  if (records.length === 0 && faults.length === before)
    faults.push({ pointer: `${pointer}/data`, detail: 'a set has at least one record' })
  return faults.length > before
    ? null
    : makeRRset(
        name,
        type,
        RrClass.IN,
        ttl,
        records.map(({ rdata }) => rdata),
      )
}

export function differenceText({ removed, added }: ZoneDifference): Difference {
  const most = adminLimits.differenceRecords
  return {
    removed: removed.slice(0, most).map(formatRr),
    added: added.slice(0, most).map(formatRr),
    removedCount: removed.length,
    addedCount: added.length,
  }
}

/** Sets that replace those of a file's zone, as lines, and sets that are not served. */
export interface ZoneEdits {
  readonly set: readonly string[]
  readonly gone: readonly { readonly name: string; readonly type: string }[]
}

export function editsBetween(base: ZoneSets, wanted: ZoneSets): ZoneEdits {
  const isOther = (key: string, rrset: RRset): boolean => {
    const old = base.get(key)
    return old === undefined || !isSameSet(old, rrset)
  }
  return {
    set: [...wanted].flatMap(([key, rrset]) => (isOther(key, rrset) ? recordsWithSignatures(rrset).map(formatRr) : [])),
    gone: [...base].flatMap(([key, { name, type }]) =>
      wanted.has(key) ? [] : [{ name: formatName(name), type: typeName(type) }],
    ),
  }
}

/** In whatever order their records are. */
function isSameSet(a: RRset, b: RRset): boolean {
  if (a === b) return true
  const [ours, theirs] = [recordsWithSignatures(a), recordsWithSignatures(b)]
  if (ours.length !== theirs.length || a.owner !== b.owner) return false
  return ours.every((one, i) => {
    const other = theirs[i]
    return (other !== undefined && isSameRecord(one, other)) || theirs.some(each => isSameRecord(one, each))
  })
}

/** The sets of a file's zone with those edits; what they say of names that are not there any more has no effect. */
function editedSets(base: ZoneSets, { set, gone }: ZoneEdits): Map<string, RRset> {
  const sets = new Map(base)
  for (const { name: text, type: mnemonic } of gone) {
    const name = parseName(text, null)
    const type = typeNumber(mnemonic)
    if (typeof name === 'string' && type !== null) sets.delete(setKey(foldName(name), type))
  }
  const records = set.flatMap(line => {
    const record = parseRr(line)
    return 'error' in record ? [] : [record]
  })
  for (const rrset of groupRRsets(records)) sets.set(setKey(rrset.name, rrset.type), rrset)
  return sets
}

/** The zone of a file with those edits. Its serial is later than that of the file. */
export function zoneWithEdits(base: Zone, edits: ZoneEdits, limits: ZoneLimits): Wanted | Invalid {
  const below = setsOf(base.rrsets())
  const sets = editedSets(below, edits)
  const soa = soaIn(sets, base.origin)
  const [theirs, ours] = [serialOf(soaIn(below, base.origin)), serialOf(soa)]
  if (soa !== undefined && theirs !== null && ours !== null && theirs !== ours && !isLaterSerial(ours, theirs))
    sets.set(setKey(soa.name, soa.type), withSerial(soa, nextSerial(theirs, 0)))
  return zoneFromSets(sets, base.origin, limits)
}
