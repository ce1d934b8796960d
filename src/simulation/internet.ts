/**
 * A whole internet out of text: zones, the addresses that serve them, and how each server behaves. Simulations,
 * scenarios and the demo all start here. The internet that comes with the package is data in `zones/internet/`.
 */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { type IpAddress, ipFromBytes } from '../dns/address.ts'
import { foldName, type Name, ROOT } from '../dns/name.ts'
import { targetOf } from '../dns/rdata.ts'
import { formatName } from '../presentation/text.ts'
import { RrType } from '../dns/types.ts'
import type { Delegation, DelegatedServer } from '../cache/delegations.ts'
import type { TrustAnchor } from '../dnssec/trust-anchors.ts'
import type { Random } from '../ports.ts'
import { problemLines } from '../render/problem.ts'
import { loadZone } from '../zone/load-zone.ts'
import type { Zone } from '../zone/zone.ts'
import { KeyStore } from './key-store.ts'
import { parseMisbehaviour } from './misbehaviour.ts'
import { ip, nameOf } from './records.ts'
import type { Host } from './network.ts'
import { type ServedZone, SimServer } from './server.ts'
import { simSettings } from './settings.ts'
import { signZones } from './signed-internet.ts'
import { planOf } from '../signing/signing-plan.ts'
import type { SigningTimes } from '../signing/zone-signer.ts'

/** A zone as master-file text and the addresses that serve it. */
export interface ZoneSource {
  readonly origin: string
  readonly text: string
  /** The zone made already: then `text` is not read. */
  readonly zone?: Zone
  readonly at: readonly string[]
  /** How it is signed, in the words of `signing/signing-plan.ts`; `''` is as usual. Nothing: it is not. */
  readonly sign?: string | undefined
}

/** One server: all its addresses behave alike. An address that serves a zone and is not listed behaves well. */
export interface ServerSource {
  readonly at: readonly string[]
  readonly name?: string | undefined
  /** Round trip in milliseconds. */
  readonly latencyMs?: number | undefined
  /** Misbehaviours in the text form of `misbehaviour.ts`. */
  readonly does?: readonly string[] | undefined
}

export interface InternetSource {
  readonly zones: readonly ZoneSource[]
  /** Zones, keys and signatures shared by all internets that are built from this; default each makes its own. */
  readonly keys?: KeyStore | undefined
  readonly servers?: readonly ServerSource[] | undefined
}

export interface Internet {
  /** By address text. */
  readonly hosts: ReadonlyMap<string, Host>
  /** As given: without what signing adds. */
  readonly zones: readonly Zone[]
  /** The trust anchor that each signed zone would have, by the zone's name. */
  readonly anchors: ReadonlyMap<Name, TrustAnchor>
  /** The root's servers as the root zone names them. */
  readonly hints: Delegation
}

/** How zones that are to be signed get their keys and by which clocks their signatures are valid. */
export interface Signing {
  readonly seed: number
  readonly times: SigningTimes
}

/** By the wall clock of one machine. */
export const signedBy = (wall: () => number, seed: number = simSettings.keySeed): Signing => ({
  seed,
  times: () => ({ earliest: wall(), latest: wall() }),
})

/**
 * Builds servers from text; `latencyMs` is the round trip of those that give none; without `signing` signatures are
 * valid when simulations begin. Throws with every problem when a zone is not in order: it is our own data or a test's.
 */
export function buildInternet(
  source: InternetSource,
  random: Random,
  latencyMs: number = simSettings.latencyMs,
  signing: Signing = signedBy(() => simSettings.wallStartS),
): Internet {
  const store = source.keys ?? new KeyStore()
  const zones = source.zones.map(zone => zone.zone ?? store.zoneOf(zone.origin, zone.text, () => readZone(zone)))
  const signed = signZones(
    source.zones.flatMap(({ sign }, index) => {
      const zone = zones[index]
      return zone === undefined ? [] : [{ zone, plan: sign === undefined ? null : planOf(sign) }]
    }),
    store,
    signing.seed,
    signing.times,
  )
  const zonesAt = new Map<string, ServedZone[]>()
  source.zones.forEach(({ at }, index) => {
    const zone = signed.zones[index]
    for (const address of zone === undefined ? [] : at) {
      const key = ip(address).text
      zonesAt.set(
        key,
        [...(zonesAt.get(key) ?? []), zone].flatMap(z => z ?? []),
      )
    }
  })
  const hosts = new Map<string, Host>()
  const addServer = (entry: ServerSource): void => {
    const addresses = entry.at.map(ip)
    const served = new Set(addresses.flatMap(address => zonesAt.get(address.text) ?? []))
    const server = new SimServer(
      { name: entry.name ?? entry.at.join(' '), zones: [...served], does: (entry.does ?? []).map(parseMisbehaviour) },
      random,
    )
    for (const address of addresses) {
      if (hosts.has(address.text)) throw new Error(`two servers at ${address.text}`)
      hosts.set(address.text, { ip: address, latencyMs: entry.latencyMs ?? latencyMs, server })
    }
  }
  for (const entry of source.servers ?? []) addServer(entry)
  for (const address of zonesAt.keys()) if (!hosts.has(address)) addServer({ at: [address] })
  return { hosts, zones, anchors: signed.anchors, hints: hintsFrom(zones, source) }
}

/** A zone from its text; without `origin` in the text names are relative to the zone's own. */
export function readZone(source: ZoneSource): Zone {
  if (source.zone !== undefined) return source.zone
  const origin = nameOf(source.origin)
  const loaded = loadZone({ text: source.text, file: source.origin, origin, zone: origin, strict: true })
  if (loaded.kind === 'invalid') throw new Error(problemLines(loaded.errors))
  return loaded.zone
}

/**
 * NS and addresses of the root zone; without a root zone no server can be reached, as on a machine without a network.
 */
function hintsFrom(zones: readonly Zone[], source: InternetSource): Delegation {
  const root = zones.find(zone => zone.origin === ROOT)
  const addresses = new Map<Name, IpAddress[]>()
  const names: Name[] = []
  for (const rrset of root?.rrsets() ?? []) {
    if (rrset.type === RrType.A || rrset.type === RrType.AAAA)
      addresses.set(rrset.name, [...(addresses.get(rrset.name) ?? []), ...rrset.rdatas.map(ipFromBytes)])
    if (rrset.type === RrType.NS && rrset.name === ROOT)
      names.push(...rrset.rdatas.flatMap(rdata => targetOf(rdata) ?? []).map(foldName))
  }
  const known = names.map((name): DelegatedServer => ({ name, addresses: addresses.get(name) ?? [] }))
  if (known.some(server => server.addresses.length > 0))
    return { zone: ROOT, servers: known, ds: null, expiresAt: Number.POSITIVE_INFINITY }
  const at = source.zones.filter(zone => nameOf(zone.origin) === ROOT).flatMap(zone => zone.at.map(ip))
  return {
    zone: ROOT,
    servers: names.slice(0, 1).map(name => ({ name, addresses: at })),
    ds: null,
    expiresAt: Number.POSITIVE_INFINITY,
  }
}

const manifestShape = z.strictObject({
  zones: z.array(
    z.strictObject({ origin: z.string(), file: z.string(), at: z.array(z.string()), sign: z.string().optional() }),
  ),
  servers: z.array(
    z.strictObject({
      name: z.string(),
      at: z.array(z.string()),
      latencyMs: z.number().optional(),
      does: z.array(z.string()).optional(),
    }),
  ),
  try: z.array(z.strictObject({ ask: z.string(), shows: z.string() })),
})

/** What to try in the embedded internet: arguments for dig, and what they show. */
interface Suggestion {
  readonly ask: string
  readonly shows: string
}

export interface EmbeddedInternet extends InternetSource {
  readonly suggestions: readonly Suggestion[]
}

/** Where the package keeps its internet: `zones/internet/` next to `src/` and `dist/`. */
const ownDirectory = new URL('../../zones/internet/', import.meta.url)

/**
 * Reads an internet from a directory: `internet.json` and the zone files that it names. Throws when something is
 * missing.
 */
export function readInternet(directory: URL = ownDirectory): EmbeddedInternet {
  const manifest = manifestShape.parse(JSON.parse(readFileSync(new URL('internet.json', directory), 'utf8')))
  const zones = manifest.zones.map(({ origin, file, at, sign }) => ({
    origin,
    at,
    sign,
    text: readFileSync(new URL(file, directory), 'utf8'),
  }))
  const served = new Set(zones.map(zone => nameOf(zone.origin)))
  if (!served.has(ROOT)) throw new Error(`${directory.pathname}internet.json has no zone ${formatName(ROOT)}`)
  return { zones, servers: manifest.servers, suggestions: manifest.try, keys: new KeyStore() }
}
