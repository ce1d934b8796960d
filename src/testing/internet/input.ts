/**
 * What a test says of its internet, read and checked: names made absolute, records in wire form, misbehaviours known.
 * Only what was said; what is missing for a whole tree is added in `plan.ts`.
 *
 * Invariant: whatever cannot be is a `Mistake` that says which zone it is in and what was expected.
 */
import { resolve } from 'node:path'
import { isObject } from '../../config/json.ts'
import { foldName, isWithin, joinNames, labelCount, type Name, ROOT, type WireName } from '../../dns/name.ts'
import { formatName, shown } from '../../presentation/text.ts'
import { RrClass } from '../../dns/types.ts'
import { suggest } from '../../presentation/suggest.ts'
import { defaultLimits } from '../../limits.ts'
import { ZoneReader } from '../../system/zone-files.ts'
import { problemLines } from '../../render/problem.ts'
import { loadRecords } from '../../zone/load-zone.ts'
import type { Include, LocatedRr } from '../../zone/zone-file.ts'
import { type Misbehaviour, misbehaviours, parseMisbehaviour } from '../../simulation/misbehaviour.ts'
import { ip } from '../../simulation/records.ts'
import { setsOf, within } from '../../input/record-data.ts'
import { mistake } from '../../input/mistake.ts'
import { addressIn, described, foldedName, knownFields, plainName, ttlOf, wireName } from '../../input/names.ts'
import { stubSettings } from '../stub/settings.ts'
import { durationMs } from '../input/clock.ts'

/** One version of a zone's data; what the test wrote as objects has line 0. */
export type Records = readonly LocatedRr[]

export interface ZoneInput {
  readonly origin: Name
  /** It was not mentioned. */
  readonly made: boolean
  /** Seconds, for records without one. */
  readonly ttl: number
  readonly records: Records
  readonly servers: readonly ServerInput[]
}

export interface ServerInput {
  readonly name: Name
  /** Canonical texts; none: to be chosen. */
  readonly addresses: readonly string[]
  readonly latencyMs: number | undefined
  /** What the parent says of its address: the usual (addresses of servers inside the zone), or exactly these. */
  readonly glue: 'usual' | 'own' | readonly string[]
  readonly faults: readonly Misbehaviour[]
  /** Its own version of the zone. */
  readonly own: Records | null
}

const ZONE_FIELDS = ['records', 'zone', 'zoneFile', 'ns', 'faults', 'glue', 'ttl'] as const
const SERVER_FIELDS = ['address', 'glue', 'faults', 'latency', 'records', 'zone'] as const
const USUAL_SERVERS = ['ns1', 'ns2'] as const

/** Fields of an object that was checked to be one. */
type Fields = Readonly<Record<string, unknown>>

export function readZones(zones: unknown): ZoneInput[] {
  if (!isObject(zones))
    return mistake(
      `expected zones like { 'example.com': { records: { www: '192.0.2.1' } } }, found ${described(zones)}`,
    )
  const inputs = Object.entries(zones).map(([name, zone]) =>
    within(`zone ${shown(name)}: `, () => readZone(foldedName(name, 'the name of a zone'), zone)),
  )
  const seen = new Set<Name>()
  for (const { origin } of inputs) {
    if (seen.has(origin)) mistake(`the zone ${plainName(origin)} stands there twice`)
    seen.add(origin)
  }
  return inputs
}

function readZone(origin: Name, zone: unknown): ZoneInput {
  if (!isObject(zone))
    return mistake(`expected an object like { records: { www: '192.0.2.1' }, ns: ['ns1'] }, found ${described(zone)}`)
  knownFields(zone, ZONE_FIELDS, 'a zone')
  const ttl = zone.ttl === undefined ? stubSettings.ttl : ttlOf(zone.ttl)
  if (zone.glue !== undefined && typeof zone.glue !== 'boolean')
    mistake(`expected glue to be true or false, found ${described(zone.glue)}`)
  const servers = serversOf(origin, zone, ttl)
  return { origin, made: false, ttl, records: dataOf(origin, zone, ttl), servers }
}

/** The name of a record: relative to the zone unless it ends in the zone's name or in a dot. */
function nameIn(origin: Name, text: unknown): WireName {
  if (text === '@' || text === '') return origin
  const name = wireName(text)
  if (isWithin(foldName(name), origin)) return name
  if (typeof text === 'string' && text.endsWith('.'))
    return mistake(`${shown(text)} is not in the zone ${plainName(origin)}`)
  return joinNames(name, origin) ?? mistake(`${shown(String(text))} is too long a name in ${plainName(origin)}`)
}

/** The name of a server: one label is relative to the zone, more are a name in this or another zone. */
function serverNameIn(origin: Name, text: unknown): Name {
  const name = wireName(text, 'the name of a server')
  const absolute =
    isWithin(foldName(name), origin) || labelCount(name) > 1 || (typeof text === 'string' && text.endsWith('.'))
  const full = absolute ? name : joinNames(name, origin)
  if (full === null || foldName(full) === ROOT)
    mistake(`${described(text)} is no name for a server of ${plainName(origin)}`)
  return foldName(full)
}

function dataOf(origin: Name, from: Fields, ttl: number): Records {
  const { records, zone, zoneFile } = from
  if (zone !== undefined && zoneFile !== undefined) mistake('expected zone or zoneFile, found both')
  return [
    ...(zone === undefined ? [] : textRecords(origin, zone, ttl)),
    ...(zoneFile === undefined ? [] : fileRecords(origin, zoneFile, ttl)),
    ...(records === undefined ? [] : objectRecords(origin, records, ttl)),
  ]
}

function objectRecords(origin: Name, records: unknown, ttl: number): Records {
  if (!isObject(records)) return mistake(`expected records like { www: '192.0.2.1' }, found ${described(records)}`)
  return Object.entries(records).flatMap(([text, given]) => {
    const owner = nameIn(origin, text)
    return located(owner, setsOf(owner, given), ttl)
  })
}

/** Records without a place in a text. */
export function located(owner: WireName, sets: ReturnType<typeof setsOf>, ttl: number): Records {
  const place = { file: 'records', line: 0, column: 0 }
  return sets.flatMap(set =>
    set.rdatas.map(rdata => ({ owner, type: set.type, class: RrClass.IN, ttl: set.ttl ?? ttl, rdata, ...place })),
  )
}

const noInclude: Include = path => ({ error: `zone text includes nothing (${path}): use zoneFile` })

function textRecords(origin: Name, text: unknown, ttl: number): Records {
  return typeof text === 'string'
    ? parsed(origin, text, 'zone', ttl, noInclude)
    : mistake(`expected zone to be zone text, found ${described(text)}`)
}

function fileRecords(origin: Name, path: unknown, ttl: number): Records {
  if (typeof path !== 'string') return mistake(`expected zoneFile to be a path, found ${described(path)}`)
  const reader = new ZoneReader(defaultLimits.zone)
  const found = reader.read(resolve(path))
  return found.kind === 'text'
    ? parsed(origin, found.text, found.file, ttl, reader.include)
    : mistake(`${found.problem.file} ${found.problem.message}`)
}

function parsed(origin: Name, text: string, file: string, ttl: number, include: Include): Records {
  const loaded = loadRecords({ text, file, origin, ttl, include })
  return loaded.kind === 'records' ? loaded.records : mistake(problemLines(loaded.errors))
}

function serversOf(origin: Name, zone: Fields, ttl: number): ServerInput[] {
  const ns = zone.ns ?? USUAL_SERVERS
  if (typeof ns === 'string')
    return mistake(
      `expected ns to be an array or an object, found the text ${shown(ns)}: write [${JSON.stringify(ns)}]`,
    )
  const entries: readonly (readonly [unknown, unknown])[] = Array.isArray(ns)
    ? ns.map(name => [name, {}] as const)
    : isObject(ns)
      ? Object.entries(ns)
      : mistake(`expected ns to be an array or an object, found ${described(ns)}`)
  if (entries.length === 0)
    mistake('expected at least one name server; for a broken delegation name one that is silent')
  const faults = faultsByServer(origin, zone.faults)
  const servers = entries.map(([text, options]) => {
    const name = serverNameIn(origin, text)
    return within(`server ${described(text)}: `, () =>
      serverOf(origin, name, options, zone.glue, faults.get(name) ?? [], ttl),
    )
  })
  for (const [i, { name }] of servers.entries())
    if (servers.findIndex(other => other.name === name) !== i)
      mistake(`the server ${plainName(name)} stands there twice`)
  const names = servers.map(({ name }) => name)
  for (const name of faults.keys())
    if (!names.includes(name))
      mistake(
        `faults of ${plainName(name)}, which is no server of this zone; its servers are ` +
          `${names.map(plainName).join(', ')}`,
      )
  return servers
}

function serverOf(
  origin: Name,
  name: Name,
  options: unknown,
  zoneGlue: unknown,
  zoneFaults: readonly Misbehaviour[],
  ttl: number,
): ServerInput {
  if (!isObject(options))
    return mistake(`expected an object like { address: '192.0.2.53' }, found ${described(options)}`)
  knownFields(options, SERVER_FIELDS, 'a name server')
  const { address, glue, latency, records, zone } = options
  return {
    name,
    addresses: address === undefined ? [] : addressesOf(address),
    latencyMs: latency === undefined ? undefined : durationMs(latency, serverOf),
    glue: glueOf(glue ?? zoneGlue),
    faults: [...zoneFaults, ...faultsOf(options.faults ?? [], origin)],
    own: records === undefined && zone === undefined ? null : dataOf(origin, options, ttl),
  }
}

function glueOf(glue: unknown): ServerInput['glue'] {
  if (glue === undefined) return 'usual'
  if (typeof glue === 'boolean') return glue ? 'own' : []
  return addressesOf(glue)
}

function addressesOf(value: unknown): readonly string[] {
  const texts: readonly unknown[] = Array.isArray(value) ? value : [value]
  return texts.map(text => {
    if (typeof text !== 'string' || addressIn(text) === null)
      return mistake(`expected an address like "192.0.2.53", found ${described(text)}`)
    return ip(text).text
  })
}

function faultsByServer(origin: Name, faults: unknown): Map<Name, readonly Misbehaviour[]> {
  if (faults === undefined) return new Map()
  if (!isObject(faults)) return mistake(`expected faults by server, like { ns1: 'lame' }, found ${described(faults)}`)
  return new Map(
    Object.entries(faults).map(
      ([server, texts]) =>
        [serverNameIn(origin, server), within(`faults of ${shown(server)}: `, () => faultsOf(texts, origin))] as const,
    ),
  )
}

/** Misbehaviours from their text. Those without a name are meant for one zone, unless there is none to mean. */
export function faultsOf(value: unknown, zone: Name | null): readonly Misbehaviour[] {
  const texts: readonly unknown[] = Array.isArray(value) ? value : [value]
  return texts.map(text => {
    const fault = faultOf(text)
    if (zone === null) return fault
    if (fault.name === null) return { ...fault, name: zone, below: true }
    return isWithin(fault.name, zone) ? fault : { ...fault, name: foldName(joinNames(fault.name, zone) ?? fault.name) }
  })
}

function faultOf(text: unknown): Misbehaviour {
  if (typeof text !== 'string')
    return mistake(`expected a misbehaviour like "lame" or "slow(200)", found ${described(text)}`)
  const word = /^\w*/.exec(text.trim())?.[0] ?? ''
  if (!Object.hasOwn(misbehaviours, word)) {
    const near = suggest(word, Object.keys(misbehaviours))
    return mistake(
      `unknown misbehaviour ${shown(text)}${near === null ? '' : ` (did you mean "${near}"?)`}; there are ` +
        `${Object.keys(misbehaviours).join(', ')}`,
    )
  }
  try {
    return parseMisbehaviour(text)
  } catch {
    return mistake(
      `${shown(text)} cannot be read: expected "${word}", "${word}(200)" or "${word} for ` +
        `${formatName(foldedName('www.example.com'))} A" (or below, or * for every name)`,
    )
  }
}
