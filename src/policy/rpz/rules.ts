/**
 * The rules of response policy zones applied to one query: which rule decides, by the precedence of
 * draft-vixie-dnsop-dns-rpz-00 section 5 with BIND as the reference. Pure; what is done about it is in `stage.ts`.
 *
 * Precedence: a name earlier in the alias chain; then the order of the zones; then client addresses, names, addresses
 * in the answer, names of name servers, addresses of name servers; then the closest name or prefix.
 */
import type { IpAddress } from '../../dns/address.ts'
import { canonicalKey, type Name } from '../../dns/name.ts'
import type { EdeCode } from '../../dns/types.ts'
import { FlatContent, type FlatZone } from '../../zone/flat-zone.ts'
import { type Action, readAction, type SimpleAction } from './action.ts'
import { before, RuleIndex, type RuleTables } from './rule-index.ts'
import { addressOwner, nameOwner, type Trigger } from './trigger.ts'

export interface PolicyZoneSettings {
  readonly zone: Name
  /** What is done instead of what the rules say. Null: what they say. */
  readonly override: SimpleAction | { readonly cname: Name } | null
  /** Rules are reported and not applied. */
  readonly logOnly: boolean
  /** A rule for what is asked decides before anyone is asked. */
  readonly early: boolean
  /** Of answers that rules make. Seconds. */
  readonly maxTtl: number
  /** Extended DNS Error of answers that rules make; null: none. */
  readonly ede: { readonly code: EdeCode; readonly text: string } | null
}

export interface PolicyZones {
  /** In order of precedence; the bit of a zone is its place here. */
  readonly zones: readonly { readonly settings: PolicyZoneSettings; readonly zone: FlatZone }[]
  readonly tables: RuleTables
}

/** The rule that decides. */
export interface Hit {
  readonly zone: number
  readonly settings: PolicyZoneSettings
  readonly trigger: Trigger
  readonly owner: Name
  readonly action: Action
}

/** What is known of a zone that was asked: its servers with their addresses. */
export interface NameServers {
  readonly names: readonly Name[]
  readonly addresses: readonly IpAddress[]
}

export class PolicyRules {
  readonly zones: PolicyZones['zones']
  readonly #index: RuleIndex
  readonly #contents: readonly FlatContent[]
  readonly #enforced: number
  readonly #logged: number

  constructor({ zones, tables }: PolicyZones) {
    this.zones = zones
    this.#index = new RuleIndex(tables)
    this.#contents = zones.map(({ zone }) => new FlatContent(zone))
    const bits = (isWanted: (settings: PolicyZoneSettings) => boolean): number =>
      zones.reduce((sum, { settings }, i) => (isWanted(settings) ? sum | (1 << i) : sum), 0)
    this.#enforced = bits(({ logOnly }) => !logOnly)
    this.#logged = bits(({ logOnly }) => logOnly)
  }

  /** Do answers depend on the address of the client? */
  get dependsOnClient(): boolean {
    return this.#index.tables['client-ip'].zones !== 0
  }

  get dependsOnNameServers(): boolean {
    const { nsdname, nsip } = this.#index.tables
    return (nsdname.zones | nsip.zones) !== 0
  }

  get logsOnly(): boolean {
    return this.#logged !== 0
  }

  /** By what is asked and who asks. `client` null: not for the first name of a chain. */
  question(name: Name, client: IpAddress | null, logged = false): Hit | null {
    let zones = logged ? this.#logged : this.#enforced
    const byClient = client === null ? null : this.#index.address('client-ip', [client.bytes], zones)
    if (byClient !== null) zones &= before(byClient.zone)
    const byName = this.#index.name('qname', name, zones)
    if (byName !== null)
      return this.#hit(byName.zone, { kind: 'qname', name: byName.name, wildcard: byName.wildcard }, null)
    return byClient === null
      ? null
      : this.#hit(byClient.zone, { kind: 'client-ip', bytes: byClient.bytes, bits: byClient.bits }, byClient.owner)
  }

  /** May it decide before the answer is known: has no earlier zone rules for answers? */
  isSettled({ zone, settings }: Hit): boolean {
    const { ip, nsdname, nsip } = this.#index.tables
    return settings.early && ((ip.zones | nsdname.zones | nsip.zones) & this.#enforced & before(zone)) === 0
  }

  /**
   * By the answer: addresses of the last name of a chain, name servers of one of its names. `found` is what the
   * question says, which only earlier zones can overrule.
   */
  answer(addresses: readonly IpAddress[], servers: NameServers, found: Hit | null, logged = false): Hit | null {
    let best = found
    let zones = (logged ? this.#logged : this.#enforced) & (found === null ? -1 : before(found.zone))
    const byAddress = this.#index.address(
      'ip',
      addresses.map(({ bytes }) => bytes),
      zones,
    )
    if (byAddress !== null) {
      best = this.#hit(byAddress.zone, { kind: 'ip', bytes: byAddress.bytes, bits: byAddress.bits }, byAddress.owner)
      zones &= before(byAddress.zone)
    }
    const byServer = this.#serverName(servers.names, zones)
    if (byServer !== null) {
      best = byServer
      zones &= before(byServer.zone)
    }
    const byNsip = this.#index.address(
      'nsip',
      servers.addresses.map(({ bytes }) => bytes),
      zones,
    )
    if (byNsip === null) return best
    return this.#hit(byNsip.zone, { kind: 'nsip', bytes: byNsip.bytes, bits: byNsip.bits }, byNsip.owner)
  }

  /** Of several servers with rules in one zone the last in canonical order decides. */
  #serverName(names: readonly Name[], zones: number): Hit | null {
    let best: Hit | null = null
    for (const name of names) {
      const found = this.#index.name('nsdname', name, best === null ? zones : zones & before(best.zone + 1))
      if (found === null) continue
      const { zone, wildcard } = found
      const isLater =
        best === null ||
        zone < best.zone ||
        (best.trigger.kind === 'nsdname' && canonicalKey(found.name) > canonicalKey(best.trigger.name))
      if (isLater) best = this.#hit(zone, { kind: 'nsdname', name: found.name, wildcard }, null) ?? best
    }
    return best
  }

  #hit(zone: number, trigger: Trigger, written: Name | null): Hit | null {
    const found = this.zones[zone]
    const content = this.#contents[zone]
    if (found === undefined || content === undefined) return null
    const { settings } = found
    const { origin } = found.zone
    const owner =
      written ??
      ('name' in trigger
        ? nameOwner(trigger.kind, trigger.name, trigger.wildcard, origin)
        : addressOwner(trigger.kind, trigger.bytes, trigger.bits, origin))
    const sets = owner === null ? undefined : content.at(owner)
    if (owner === null || sets === undefined) return null
    const said = readAction(sets.values(), trigger)
    if (said === null || 'error' in said) return null
    return { zone, settings, trigger, owner, action: overridden(said, settings) }
  }
}

function overridden(action: Action, { override, maxTtl }: PolicyZoneSettings): Action {
  if (override === null) return action
  if (typeof override === 'string') return { kind: override, ttl: maxTtl }
  return { kind: 'cname', target: override.cname, below: false, ttl: maxTtl }
}
