/**
 * Signs the zones of an internet according to their plans: DS records go to the parents, unsigned delegations are
 * proven there, and the trust anchors come out. Which servers hold the zones is decided elsewhere.
 */
import { formatName } from '../presentation/text.ts'
import { isStrictlyWithin, type Name, parentOf, ROOT } from '../dns/name.ts'
import { formatRdata } from '../presentation/rdata-text.ts'
import { makeRRset, type RRset } from '../dns/rrset.ts'
import { RrClass, RrType } from '../dns/types.ts'
import type { TrustAnchor } from '../dnssec/trust-anchors.ts'
import { keyTagOf } from '../dns/rdata-dnssec.ts'
import { Zone } from '../zone/zone.ts'
import type { KeyStore, PreparedInternet, ZoneToSign } from './key-store.ts'
import type { SigningPlan } from '../signing/signing-plan.ts'
import { dsFor } from '../signing/zone-keys.ts'
import type { KeySet } from '../signing/zone-key-set.ts'
import { type ChildPlan, SignedZone, type SigningTimes, ZoneMaterial } from '../signing/zone-signer.ts'

export interface SignedInternet {
  /** In the order of what was given. */
  readonly zones: readonly (Zone | SignedZone)[]
  /** The anchor that a signed zone would have, by its name. */
  readonly anchors: ReadonlyMap<Name, TrustAnchor>
}

/** RFC 8624 section 3.3. */
const ANCHOR_DIGEST = 2

export function signZones(
  given: readonly ZoneToSign[],
  store: KeyStore,
  seed: number,
  times: SigningTimes,
): SignedInternet {
  const { zones: prepared, anchors } = store.preparedFor(given, seed, () => prepare(given, store, seed))
  const origins = new Set(given.map(({ zone }) => zone.origin))
  const signed = new Map<Name, SignedZone>()
  const zones = prepared.map((one): Zone | SignedZone => {
    if (!(one instanceof ZoneMaterial)) return one
    const { origin } = one.zone
    const made = new SignedZone(one, times, () => signed.get(homeOf(parentOf(origin), origins)))
    if (!signed.has(origin)) signed.set(origin, made)
    return made
  })
  return { zones, anchors }
}

/** All of it that hangs on no clock. */
function prepare(given: readonly ZoneToSign[], store: KeyStore, seed: number): PreparedInternet {
  const origins = new Set(given.map(({ zone }) => zone.origin))
  const plans = new Map<Name, SigningPlan>()
  for (const { zone, plan } of given) if (plan !== null && !plans.has(zone.origin)) plans.set(zone.origin, plan)
  const keys = new Map([...plans].map(([origin, plan]) => [origin, store.keysOf(origin, seed, plan)]))
  const children = new Map(
    [...plans].map(([child, { flaws }]): [Name, ChildPlan] => [
      child,
      { stripped: flaws.has('strippedDs'), wildcardDs: flaws.has('wildcardDs') },
    ]),
  )
  const zones = given.map(({ zone, plan }): Zone | ZoneMaterial => {
    const own = keys.get(zone.origin)
    if (plan === null || own === undefined) return zone
    return new ZoneMaterial({
      zone: withDs(zone, keys, origins),
      plan,
      seed,
      children,
      keys: plan === plans.get(zone.origin) ? own : store.keysOf(zone.origin, seed, plan),
    })
  })
  return { zones, anchors: new Map([...keys].map(([origin, set]) => [origin, anchorFor(origin, set)])) }
}

/** The deepest zone at or above a name. */
function homeOf(name: Name, origins: ReadonlySet<Name>): Name {
  let at = name
  while (at !== ROOT && !origins.has(at)) at = parentOf(at)
  return at
}

/** The zone with the DS records of the children that it delegates, unless it has some by itself. */
function withDs(zone: Zone, keys: ReadonlyMap<Name, KeySet>, origins: ReadonlySet<Name>): Zone {
  const sets = [...zone.rrsets()]
  const has = (name: Name, type: number): RRset | undefined => sets.find(set => set.name === name && set.type === type)
  const ds = [...keys].flatMap(([child, { ds: rdatas }]): RRset[] => {
    const ns =
      isStrictlyWithin(child, zone.origin) && homeOf(parentOf(child), origins) === zone.origin
        ? has(child, RrType.NS)
        : undefined
    return ns === undefined || rdatas.length === 0 || has(child, RrType.DS) !== undefined
      ? []
      : [makeRRset(child, RrType.DS, RrClass.IN, ns.ttl, rdatas)]
  })
  return ds.length === 0 ? zone : new Zone(zone.origin, [...sets, ...ds], { recordsOnly: zone.recordsOnly })
}

const anchorFor = (name: Name, { anchors }: KeySet): TrustAnchor => ({
  name,
  keys: [],
  ds: anchors.map(rdata => dsFor(name, { rdata, tag: keyTagOf(rdata), algorithm: rdata[3] ?? 0 }, ANCHOR_DIGEST)),
})

/** A line for each DS record of an anchor, as files of trust anchors have them. */
export const anchorLines = ({ name, ds }: TrustAnchor): readonly string[] =>
  ds.map(rdata => `${formatName(name)} IN DS ${formatRdata(RrType.DS, rdata)}`)

/** Has somebody signed the zone already? */
export const isSignedAlready = (zone: Zone): boolean =>
  [...zone.rrsets()].some(({ type, signatures }) => type === RrType.DNSKEY || signatures.length > 0)
