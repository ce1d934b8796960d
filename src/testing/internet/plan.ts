/**
 * The delegation tree of a test's internet: all zones there are, with the root, top-level domains, delegations, glue
 * and addresses that the test did not mention, and the changes to them afterwards. What it makes is data for
 * `buildInternet`; it answers nothing itself.
 *
 * Invariants: a change that is a mistake changes nothing; records made here are ordinary ones afterwards, so what a
 * test takes away stays away; equal descriptions make equal trees.
 */
import { ipFromBytes } from '../../dns/address.ts'
import {
  foldName,
  isWithin,
  labelCount,
  type Name,
  parentOf,
  prependLabel,
  ROOT,
  suffixOf,
  type WireName,
} from '../../dns/name.ts'
import { nsRdata } from '../../dns/rdata.ts'
import { groupRRsets, type Rr } from '../../dns/rrset.ts'
import { formatName, shown } from '../../presentation/text.ts'
import { RrClass, RrType } from '../../dns/types.ts'
import { suggest } from '../../presentation/suggest.ts'
import { buildZone } from '../../zone/zone-check.ts'
import { Zone } from '../../zone/zone.ts'
import type { InternetSource, ServerSource, ZoneSource } from '../../simulation/internet.ts'
import { readZones, type Records, type ServerInput, type ZoneInput } from './input.ts'
import { checkSigned, nothingSigned, type Signs } from '../input/signing.ts'
import { KeyStore } from '../../simulation/key-store.ts'
import { formatMisbehaviour, type Misbehaviour } from '../../simulation/misbehaviour.ts'
import { ip, nameOf, rr } from '../../simulation/records.ts'
import { isSignedAlready } from '../../simulation/signed-internet.ts'
import { simSettings } from '../../simulation/settings.ts'
import { mistake } from '../../input/mistake.ts'
import { described, plainName } from '../../input/names.ts'

interface PlannedZone {
  readonly origin: Name
  /** The test did not mention it. */
  readonly made: boolean
  readonly ttl: number
  readonly servers: readonly ServerInput[]
  /** Of all servers without their own version. */
  common: Records
  readonly own: Map<Name, Records>
}

export interface PlannedServer {
  readonly name: Name
  /** Canonical texts, at least one. */
  readonly addresses: readonly string[]
  readonly latencyMs: number | undefined
  readonly faults: Set<readonly Misbehaviour[]>
}

/** Where a made record stands in messages. */
const MADE = { file: 'made', line: 0, column: 0 } as const

export class InternetPlan {
  readonly #zones: ReadonlyMap<Name, PlannedZone>
  readonly #servers: ReadonlyMap<Name, PlannedServer>
  readonly #built = new WeakMap<Records, Zone>()
  readonly #keys = new KeyStore()
  readonly #signs: Map<Name, string | undefined>

  /** Throws a `Mistake` for whatever cannot be. */
  constructor(zones: unknown, signs: Signs = nothingSigned) {
    const inputs = withMissing(readZones(zones))
    this.#zones = new Map(inputs.map(input => [input.origin, plannedZone(input)]))
    this.#servers = plannedServers(inputs, name => addressesIn(this.#zoneOf(name).common, name))
    checkSigned(signs, [...this.#zones.keys()])
    this.#signs = new Map(
      [...this.#zones.keys()].map(origin => [origin, signs.zones.has(origin) ? signs.zones.get(origin) : signs.all]),
    )
    // Not before all zones are there: the address of a server stands in the deepest zone that holds its name.
    for (const server of this.#servers.values()) this.#tellAddresses(server)
    for (const zone of this.#zones.values()) if (zone.origin !== ROOT) this.#delegate(zone)
    for (const { origin, common, own } of this.#zones.values())
      for (const records of [common, ...own.values()]) checkZone(origin, records)
  }

  get serverNames(): readonly string[] {
    return [...this.#servers.keys()].map(plainName)
  }

  /** For `buildInternet`. */
  source(): InternetSource {
    const zones: ZoneSource[] = []
    for (const { origin, servers, common, own } of this.#zones.values()) {
      const add = (records: Records, names: readonly Name[]): void => {
        const at = names.flatMap(name => this.#servers.get(name)?.addresses ?? [])
        if (at.length === 0) return
        const zone = this.#built.get(records) ?? this.#build(origin, records)
        // A zone that came with signatures has its own keys.
        zones.push({
          origin: formatName(origin),
          text: '',
          zone,
          at,
          sign: isSignedAlready(zone) ? undefined : this.#signs.get(origin),
        })
      }
      add(
        common,
        servers.map(({ name }) => name).filter(name => !own.has(name)),
      )
      for (const [name, records] of own) add(records, [name])
    }
    const servers = [...this.#servers.values()].map(
      ({ name, addresses, latencyMs, faults }): ServerSource => ({
        name: plainName(name),
        at: addresses,
        latencyMs,
        does: [...faults].flatMap(set => set.map(formatMisbehaviour)),
      }),
    )
    return { zones, servers, keys: this.#keys }
  }

  /** Signs a zone in another way from now on; undefined: not at all. */
  sign(origin: Name, words: string | undefined): void {
    this.#signs.set(this.#zone(origin).origin, words)
  }

  /** The server of that name or address. */
  server(text: unknown): PlannedServer {
    if (typeof text !== 'string') return mistake(`expected the name of a server, found ${described(text)}`)
    const wanted = text.toLowerCase().replace(/\.$/, '')
    for (const server of this.#servers.values())
      if (plainName(server.name) === wanted || server.addresses.includes(wanted)) return server
    const near = suggest(wanted, this.serverNames)
    return mistake(
      `there is no server ${shown(text)}${near === null ? '' : ` (did you mean "${near}"?)`}; there are ` +
        `${this.serverNames.join(', ')}`,
    )
  }

  recordsOf(origin: Name): readonly Rr[] {
    return this.#zone(origin).common
  }

  /** Seconds, for a record of this name that has none. */
  ttlFor(name: Name): number {
    return this.#zoneOf(name).ttl
  }

  /**
   * Puts `records` in the place of those of `name`; of all types but the zone's own SOA and NS when `types` is null.
   */
  replace(name: Name, types: readonly number[] | null, records: Records, only: unknown): void {
    const zone = this.#zoneOf(name)
    if (zone.made) mistake(`no zone of this internet holds ${plainName(name)}: name one that does in createInternet`)
    const goes = (record: Rr): boolean =>
      foldName(record.owner) === name &&
      (types === null ? !(name === zone.origin && isBase(record)) : types.includes(record.type))
    const server = only === undefined ? null : this.server(only).name
    if (server !== null && !zone.servers.some(other => other.name === server)) {
      mistake(
        `${plainName(server)} does not serve ${plainName(zone.origin)}; ` +
          `${zone.servers.map(other => plainName(other.name)).join(', ')} do`,
      )
    }
    const before = server === null ? zone.common : (zone.own.get(server) ?? zone.common)
    const after = [...before.filter(record => !goes(record)), ...records]
    if (records.length > 0) checkChange(zone.origin, before, after)
    if (server === null) zone.common = after
    else zone.own.set(server, after)
  }

  removeDelegation(origin: Name): void {
    if (origin === ROOT) mistake('the root has no delegation')
    const parent = this.#parentOf(this.#zone(origin))
    edit(parent, records => records.filter(({ owner }) => !isWithin(foldName(owner), origin)))
  }

  restoreDelegation(origin: Name): void {
    this.removeDelegation(origin)
    this.#delegate(this.#zone(origin))
  }

  #zone(origin: Name): PlannedZone {
    return (
      this.#zones.get(origin) ??
      mistake(`there is no zone ${plainName(origin)}; there are ${[...this.#zones.keys()].map(plainName).join(', ')}`)
    )
  }

  /** The deepest zone that holds the name. */
  #zoneOf(name: Name): PlannedZone {
    for (let at = name; ; at = parentOf(at)) {
      const zone = this.#zones.get(at)
      if (zone !== undefined) return zone
      if (at === ROOT) throw new Error('an internet without a root')
    }
  }

  #parentOf = (zone: PlannedZone): PlannedZone => this.#zoneOf(parentOf(zone.origin))

  /** Sets of a version of a zone, made once. Whether they make sense together was asked when they were changed. */
  #build(origin: Name, records: Records): Zone {
    const zone = new Zone(origin, groupRRsets(records), { recordsOnly: false })
    this.#built.set(records, zone)
    return zone
  }

  #tellAddresses(server: PlannedServer): void {
    edit(this.#zoneOf(server.name), records =>
      records.some(({ owner, type }) => foldName(owner) === server.name && ADDRESS_LIKE.has(type))
        ? records
        : [...records, ...addressRecords(server.name, server.addresses, simSettings.serverTtl)],
    )
  }

  /** NS and glue in the parent, unless it has them by itself. */
  #delegate(zone: PlannedZone): void {
    const parent = this.#parentOf(zone)
    const records: Rr[] = []
    for (const { name, glue } of zone.servers) {
      const own = this.#servers.get(name)?.addresses ?? []
      const glued = glue === 'own' ? own : glue === 'usual' ? (isWithin(name, zone.origin) ? own : []) : glue
      if (glued.length > 0 && !isWithin(name, parent.origin)) {
        if (glue !== 'own')
          mistake(
            `zone ${plainName(zone.origin)}: ${plainName(parent.origin)} cannot give addresses of ` +
              `${plainName(name)}, which is not below it`,
          )
        continue
      }
      records.push(...addressRecords(name, glued, simSettings.delegationTtl))
    }
    const ns = zone.servers.map(
      ({ name }): Rr => ({
        owner: zone.origin,
        type: RrType.NS,
        class: RrClass.IN,
        ttl: simSettings.delegationTtl,
        rdata: nsRdata(name),
      }),
    )
    edit(parent, old => {
      if (old.some(({ owner, type }) => type === RrType.NS && foldName(owner) === zone.origin)) return old
      // A server's address may be there already, as that of a server of another zone.
      const fresh = records.filter(
        record => !old.some(({ owner, type }) => foldName(owner) === foldName(record.owner) && type === record.type),
      )
      return [...old, ...[...ns, ...fresh].map(record => ({ ...record, ...MADE }))]
    })
  }
}

const ADDRESS_LIKE: ReadonlySet<number> = new Set<number>([RrType.A, RrType.AAAA, RrType.CNAME])
/** What every zone has at its top. */
const isBase = ({ type }: Rr): boolean => type === RrType.SOA || type === RrType.NS

function edit(zone: PlannedZone, change: (records: Records) => Records): void {
  zone.common = change(zone.common)
  for (const [server, records] of zone.own) zone.own.set(server, change(records))
}

const addressesIn = (records: Records, name: Name): string[] =>
  records
    .filter(({ owner, type }) => (type === RrType.A || type === RrType.AAAA) && foldName(owner) === name)
    .map(({ rdata }) => ipFromBytes(rdata).text)

function addressRecords(owner: WireName, addresses: readonly string[], ttl: number): Records {
  return addresses.map(ip).map(({ family, bytes }) => ({
    owner,
    type: family === 4 ? RrType.A : RrType.AAAA,
    class: RrClass.IN,
    ttl,
    rdata: bytes,
    ...MADE,
  }))
}

/**
 * The zones that were mentioned with those that a tree needs besides: the root, top-level domains, homes of name
 * servers.
 */
function withMissing(mentioned: readonly ZoneInput[]): readonly ZoneInput[] {
  const zones = new Map(mentioned.map(zone => [zone.origin, zone]))
  const add = (origin: Name, servers: readonly Name[]): void => {
    const plain = (name: Name): ServerInput => ({
      name,
      addresses: [],
      latencyMs: undefined,
      glue: 'usual',
      faults: [],
      own: null,
    })
    zones.set(origin, { origin, made: true, ttl: simSettings.serverTtl, records: [], servers: servers.map(plain) })
  }
  const hasHome = (name: Name): boolean =>
    [...zones.keys()].some(origin => labelCount(origin) > 1 && isWithin(name, origin))
  const addTop = (name: Name): void => {
    const top = suffixOf(name, 1)
    if (!zones.has(top)) add(top, [below(top, 'a', 'nic')])
  }
  for (const { origin, servers } of mentioned) {
    if (origin === ROOT) continue
    addTop(origin)
    for (const { name } of servers) {
      if (isWithin(name, origin)) continue
      addTop(name)
      if (labelCount(name) > 2 && !hasHome(name)) add(parentOf(name), [name])
    }
  }
  if (!zones.has(ROOT)) add(ROOT, [nameOf('a.root-servers.net.')])
  const roots = (zones.get(ROOT)?.servers ?? []).map(({ name }) => name)
  for (const name of roots) {
    if (labelCount(name) > 2 && zones.has(suffixOf(name, 1)) && !hasHome(name))
      add(
        parentOf(name),
        roots.filter(other => parentOf(other) === parentOf(name)),
      )
  }
  return [...zones.values()].sort((a, b) => Math.min(labelCount(a.origin), 2) - Math.min(labelCount(b.origin), 2))
}

function below(name: Name, ...labels: readonly string[]): Name {
  const full = labels.reduceRight<WireName | null>(
    (rest, label) => (rest === null ? null : prependLabel(label, rest)),
    name,
  )
  return full === null ? name : foldName(full)
}

/** With the SOA and NS records that a zone cannot be without. */
function plannedZone({ origin, made, ttl: defaultTtl, records, servers }: ZoneInput): PlannedZone {
  const whole = (given: Records): Records => {
    const has = (wanted: number): boolean =>
      given.some(({ owner, type }) => type === wanted && foldName(owner) === origin)
    const ttl = simSettings.serverTtl
    const { negativeTtl } = simSettings
    const mname = formatName(servers[0]?.name ?? origin)
    const { ttl: soaTtl, rdata } =
      rr`. ${negativeTtl} IN SOA ${mname} ${formatName(below(origin, 'hostmaster'))} 1 7200 3600 1209600 ${negativeTtl}`
    return [
      ...(has(RrType.SOA) ? [] : [{ owner: origin, type: RrType.SOA, class: RrClass.IN, ttl: soaTtl, rdata, ...MADE }]),
      ...(has(RrType.NS)
        ? []
        : servers.map(({ name }) => ({
            owner: origin,
            type: RrType.NS,
            class: RrClass.IN,
            ttl,
            rdata: nsRdata(name),
            ...MADE,
          }))),
      ...given,
    ]
  }
  return {
    origin,
    made,
    ttl: defaultTtl,
    servers,
    common: whole(records),
    own: new Map(servers.flatMap(({ name, own }) => (own === null ? [] : [[name, whole(own)] as const]))),
  }
}

/**
 * One for each name; a name that serves several zones is one server. `knownAt` is what the zones say of its addresses.
 */
function plannedServers(
  inputs: readonly ZoneInput[],
  knownAt: (name: Name) => readonly string[],
): Map<Name, PlannedServer> {
  const taken = new Map<string, Name>()
  const merged = new Map<
    Name,
    { addresses: string[]; latencyMs: number | undefined; faults: Set<readonly Misbehaviour[]> }
  >()
  for (const { name, addresses, latencyMs, faults } of inputs.flatMap(({ servers }) => servers)) {
    const server = merged.get(name) ?? {
      addresses: [...new Set(knownAt(name))],
      latencyMs: undefined,
      faults: new Set(),
    }
    for (const address of addresses) if (!server.addresses.includes(address)) server.addresses.push(address)
    server.latencyMs ??= latencyMs
    if (faults.length > 0) server.faults.add(faults)
    merged.set(name, server)
  }
  for (const [name, { addresses }] of merged) {
    for (const address of addresses) {
      const other = taken.get(address)
      if (other !== undefined)
        mistake(
          `two servers at ${address}: ${plainName(other)} and ${plainName(name)}; one server cannot have two names`,
        )
      taken.set(address, name)
    }
  }
  let next = 0
  const free = (): string => {
    // RFC 2544: addresses for network benchmarks, used by no host on the Internet.
    for (next++; taken.has(`198.18.${next >> 8}.${next & 0xff}`); next++);
    return `198.18.${next >> 8}.${next & 0xff}`
  }
  return new Map(
    [...merged].map(([name, server]) => [
      name,
      { name, ...server, addresses: server.addresses.length > 0 ? server.addresses : [free()] },
    ]),
  )
}

const errorsOf = (origin: Name, records: Records): string[] =>
  buildZone({ records, problems: [] }, { origin, file: plainName(origin), strict: true })
    .problems.filter(({ severity }) => severity === 'error')
    .map(
      ({ file, line, column, message }) =>
        `${line === 0 ? '' : `${file}:${line}:${column}: `}${message.replace(/,? in (?:\S+ )?line 0\b/g, '')}`,
    )

function checkZone(origin: Name, records: Records): void {
  const errors = errorsOf(origin, records)
  if (errors.length > 0) mistake(`zone ${plainName(origin)}: ${errors.join('\n')}`)
}

/** Only what the change made wrong: a test may have broken the zone on purpose before. */
function checkChange(origin: Name, before: Records, after: Records): void {
  const known = new Set(errorsOf(origin, before))
  const errors = errorsOf(origin, after).filter(error => !known.has(error))
  if (errors.length > 0) mistake(`zone ${plainName(origin)}: ${errors.join('\n')}`)
}
