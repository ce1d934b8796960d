/**
 * A zone signed on the fly: keys, signatures and the chain of denials are made when they are first asked for. What it
 * signs and how is in its plan; which records a reply holds is put together in `signed-answers.ts`. Signatures are
 * renewed every day of the clock, so that an internet that runs for months stays signed.
 *
 * Invariants: equal zones, plans, seeds and days give equal octets; without a flaw in the plan everything validates.
 */
import { foldName, labelCount, type Name, parentOf, prependLabel, suffixOf, wildcardOf } from '../dns/name.ts'
import { rrsigRdata, nsecRdata } from '../dns/rdata-dnssec-make.ts'
import { makeRRset, type RRset } from '../dns/rrset.ts'
import { RrClass, RrType } from '../dns/types.ts'
import { signedLabels, signedOctets } from '../dnssec/canonical.ts'
import { Zone } from '../zone/zone.ts'
import { craftedRsaOctets } from './crafted-keys.ts'
import { type DenialChain, makeChain, nsec3Param } from './denial-chain.ts'
import type { SigningPlan } from './signing-plan.ts'
import { expand, type SigningKey } from './zone-keys.ts'
import { DEFAULT_CRAFTED, type KeySet, spoilt, strangerTo } from './zone-key-set.ts'
import { ZoneNames } from './zone-names.ts'

/**
 * Seconds since 1970 of the clocks by which a signature has to be valid: one, or the earliest and the latest of
 * several.
 */
export type SigningTimes = () => { readonly earliest: number; readonly latest: number }

/** What the parent does at the cut of a child. */
export interface ChildPlan {
  /** Neither DS record nor proof. */
  readonly stripped: boolean
  /** The DS set is signed as if it came from a wildcard. */
  readonly wildcardDs: boolean
}

export interface ZoneMaterialParts {
  /** Its data, DS records of children included. */
  readonly zone: Zone
  readonly plan: SigningPlan
  readonly keys: KeySet
  readonly seed: number
  readonly children: ReadonlyMap<Name, ChildPlan>
}

const DAY = 86_400
/** Signatures begin an hour before the day and last two weeks, as those of many zones do. */
const BEFORE_S = 3_600
const VALID_S = 14 * DAY
/** Ten days off is more than anybody's clock. */
const OFF_S = 10 * DAY

/** Room for records in a TCP reply, and the octets of a record without its RDATA. */
const SIGNATURES_OCTETS = 60_000
const RECORD_OCTETS = 12

/** How one signature differs from the usual. */
interface SignatureChanges {
  readonly labels?: number
  readonly tag?: number
}

/** What hangs on no clock: internets that are built again and again share it, and the signatures of the day. */
export class ZoneMaterial {
  /** With DNSKEY and NSEC3PARAM. */
  readonly zone: Zone
  readonly plan: SigningPlan
  readonly keys: KeySet
  readonly children: ReadonlyMap<Name, ChildPlan>
  readonly names: ZoneNames
  readonly stranger: SigningKey | null
  readonly #signatures = new Map<RRset, readonly Uint8Array[]>()
  #from = 0
  #to = 0
  #chain: DenialChain | null = null

  constructor({ zone, plan, keys, seed, children }: ZoneMaterialParts) {
    const { origin } = zone
    this.plan = plan
    this.keys = keys
    this.children = children
    const ttl = [...zone.rrsets()].find(({ type, name }) => type === RrType.SOA && name === origin)?.ttl ?? 0
    const own = [
      ...(keys.published.length === 0 ? [] : [makeRRset(origin, RrType.DNSKEY, RrClass.IN, ttl, keys.published)]),
      ...(plan.denial.kind === 'nsec'
        ? []
        : [makeRRset(origin, RrType.NSEC3PARAM, RrClass.IN, 0, [nsec3Param(plan.denial)])]),
    ]
    this.zone = new Zone(origin, [...zone.rrsets(), ...own], { recordsOnly: false })
    this.names = new ZoneNames(this.zone)
    this.stranger = plan.flaws.has('wrongKey') || plan.flaws.has('unknownKey') ? strangerTo(origin, seed, plan) : null
  }

  get chain(): DenialChain {
    this.#chain ??= makeChain(this.names, this.plan)
    return this.#chain
  }

  /**
   * Those of one of the zone's own sets that are valid from the day `from` to the day `to`; kept until others are
   * wanted.
   */
  signaturesOf(set: RRset, from: number, to: number, make: () => readonly Uint8Array[]): readonly Uint8Array[] {
    if (from !== this.#from || to !== this.#to) this.#signatures.clear()
    this.#from = from
    this.#to = to
    const known = this.#signatures.get(set)
    if (known !== undefined) return known
    const made = make()
    this.#signatures.set(set, made)
    return made
  }
}

export class SignedZone {
  readonly #material: ZoneMaterial
  readonly #times: SigningTimes
  readonly #parent: () => SignedZone | undefined

  /** `parent` is the signed zone above, when there is one. */
  constructor(material: ZoneMaterial, times: SigningTimes, parent: () => SignedZone | undefined) {
    this.#material = material
    this.#times = times
    this.#parent = parent
  }

  /** With DNSKEY and NSEC3PARAM. */
  get zone(): Zone {
    return this.#material.zone
  }

  get plan(): SigningPlan {
    return this.#material.plan
  }

  get names(): ZoneNames {
    return this.#material.names
  }

  get origin(): Name {
    return this.zone.origin
  }

  get parent(): SignedZone | undefined {
    return this.#parent()
  }

  get chain(): DenialChain {
    return this.#material.chain
  }

  child(name: Name): ChildPlan | undefined {
    return this.#material.children.get(name)
  }

  /** The set with its signatures; a set of another zone, or NS and glue of a delegation, is none of ours to sign. */
  signed(set: RRset): RRset {
    return { ...set, signatures: this.signaturesOf(set) }
  }

  /** What an answer holds for `set`: signatures of the set itself or of the wildcard that it was expanded from. */
  signedAnswer(set: RRset): RRset {
    const own = this.names.find(set.name, set.type)
    const source = own !== undefined && this.names.exists(set.name) ? own : this.names.wildcardFor(set.name, set.type)
    return source === undefined ? set : { ...set, signatures: this.signaturesOf(source) }
  }

  signaturesOf(set: RRset): readonly Uint8Array[] {
    if (this.names.isCut(set.name) && set.type !== RrType.DS && set.type !== RrType.NSEC) return []
    const { earliest, latest } = this.#times()
    return this.#material.signaturesOf(set, Math.floor(earliest / DAY), Math.floor(latest / DAY), () => this.#make(set))
  }

  /** Proofs that are none (`foreignProof`, `expandedNsec`); null when the chain is to speak. */
  crookedProof(): RRset[] | null {
    const { origin } = this
    const nsec = (owner: Name | null, next: Name | null): RRset[] =>
      owner === null || next === null
        ? []
        : [makeRRset(owner, RrType.NSEC, RrClass.IN, DAY, [nsecRdata(next, [RrType.A, RrType.RRSIG, RrType.NSEC])])]
    if (this.plan.flaws.has('foreignProof')) {
      const above = parentOf(origin)
      return nsec(labelled('!', above), labelled('~', above)).map(set => ({
        ...set,
        signatures: this.#material.keys.zoneSigners.map(key => this.#sign(set, key)),
      }))
    }
    if (!this.plan.flaws.has('expandedNsec')) return null
    const labels = labelCount(origin)
    return nsec(labelled('!', origin), origin).map(set => ({
      ...set,
      signatures: this.#material.keys.zoneSigners.map(key => this.#sign(set, key, { labels })),
    }))
  }

  #make(set: RRset): readonly Uint8Array[] {
    const { flaws } = this.plan
    const { keys, stranger } = this.#material
    const isKeys = set.type === RrType.DNSKEY
    if (isKeys ? flaws.has('missingKeySignature') : flaws.has('missingSignatures')) return []
    if (isKeys)
      return [
        ...this.#bad(
          set,
          keys.keySigners.filter(({ role }) => role === 'csk'),
        ),
        ...keys.keySigners.map(key => this.#sign(set, key)),
      ]
    const real = keys.zoneSigners.map(key => {
      if (stranger === null) return this.#sign(set, key, this.#labelChange(set))
      return this.#sign(set, stranger, flaws.has('wrongKey') ? { tag: key.tag } : {})
    })
    return [...this.#bad(set, keys.zoneSigners), ...(flaws.has('badSignatures') ? real.map(spoilt) : real)]
  }

  #labelChange(set: RRset): SignatureChanges {
    if (this.plan.flaws.has('labelsBelowSigner') && labelCount(this.origin) > 0)
      return { labels: labelCount(this.origin) - 1 }
    if (set.type === RrType.DS && this.#material.children.get(set.name)?.wildcardDs === true)
      return { labels: labelCount(set.name) - 1 }
    return {}
  }

  /** Signatures of an attacker, before the real ones: right in everything but their octets. */
  #bad(set: RRset, keys: readonly SigningKey[]): readonly Uint8Array[] {
    const key = keys[0]
    const trap = this.plan.flaws.get('keyTrap')
    const many = this.plan.flaws.get('manySignatures')
    if (key === undefined) return []
    const head = this.#head(set, key, {})
    const make = (count: number, octets: number): Uint8Array[] => {
      const fitting = Math.min(count, Math.floor(SIGNATURES_OCTETS / (head.length + octets + RECORD_OCTETS)))
      // Above its modulus a signature is refused before any work is done.
      return Array.from({ length: fitting }, (_, i) =>
        Uint8Array.of(...head, 0x7f, ...expand(`signature ${i}`, octets - 1)),
      )
    }
    if (trap !== undefined) return make(trap ?? DEFAULT_CRAFTED, craftedRsaOctets(trap ?? DEFAULT_CRAFTED))
    if (many !== undefined) return make(many ?? DEFAULT_CRAFTED, key.sign(head).length)
    return []
  }

  /** RDATA before the signature. */
  #head(set: RRset, key: SigningKey, { labels = signedLabels(set.name), tag = key.tag }: SignatureChanges): Uint8Array {
    const { earliest, latest } = this.#times()
    const begin = Math.floor(earliest / DAY) * DAY
    const end = Math.floor(latest / DAY) * DAY + DAY
    const { flaws } = this.plan
    const window = flaws.has('expired')
      ? { from: begin - OFF_S - VALID_S, to: begin - OFF_S }
      : flaws.has('notYetValid')
        ? { from: end + OFF_S, to: end + OFF_S + VALID_S }
        : flaws.has('endsBeforeItBegins')
          ? { from: end + VALID_S, to: begin - BEFORE_S }
          : { from: begin - BEFORE_S, to: end + VALID_S }
    return rrsigRdata({
      covered: set.type,
      algorithm: key.algorithm,
      labels,
      originalTtl: set.ttl,
      expiration: window.to >>> 0,
      inception: window.from >>> 0,
      keyTag: tag,
      signer: this.origin,
      signature: new Uint8Array(0),
    })
  }

  #sign(set: RRset, key: SigningKey, changes: SignatureChanges = {}): Uint8Array {
    const head = this.#head(set, key, changes)
    const owner = changes.labels === undefined ? set.name : (wildcardOf(suffixOf(set.name, changes.labels)) ?? set.name)
    return Uint8Array.of(...head, ...key.sign(signedOctets(head, set, owner, set.ttl)))
  }
}

function labelled(label: string, name: Name): Name | null {
  const made = prependLabel(label, name)
  return made === null ? null : foldName(made)
}
