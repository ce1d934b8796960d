/**
 * What simulated internets are made of, each made once: zones out of their text, keys, signatures, whole internets but
 * for the clock. Internets that are built again and again (a world for each test, an internet that a test changes)
 * share a store. Equal text makes equal zones, and equal keys sign equal octets alike, so sharing has no visible
 * effect.
 *
 * Invariant: bounded in number of everything; what it gives never changes.
 */
import { latin1 } from '../dns/bytes.ts'
import type { Name } from '../dns/name.ts'
import type { TrustAnchor } from '../dnssec/trust-anchors.ts'
import type { Zone } from '../zone/zone.ts'
import type { SigningPlan } from '../signing/signing-plan.ts'
import { type KeySet, makeKeySet } from '../signing/zone-key-set.ts'
import type { SigningKey } from '../signing/zone-keys.ts'
import type { ZoneMaterial } from '../signing/zone-signer.ts'

/** Signatures kept: all of the embedded internet many times over. */
const MOST_SIGNATURES = 20_000

/** The embedded internet has some sixty. */
const MOST_TEXTS = 2_000
/** Zones of one text. */
const MOST_ORIGINS = 100
/** Internets out of the same store differ as a test changes them, or in how a zone is signed. */
const MOST_INTERNETS = 8
/** Sets of keys: a test of every way to sign has some two hundred. */
const MOST_KEY_SETS = 2_000

/** A zone and how it is to be signed; null: not at all. */
export interface ZoneToSign {
  readonly zone: Zone
  readonly plan: SigningPlan | null
}

/** In the order of what was given. */
export interface PreparedInternet {
  readonly zones: readonly (Zone | ZoneMaterial)[]
  readonly anchors: ReadonlyMap<Name, TrustAnchor>
}

interface KnownInternet {
  readonly given: readonly ZoneToSign[]
  readonly seed: number
  readonly prepared: PreparedInternet
}

export class KeyStore {
  /** By text, then by origin: the hash of a long text is made once. */
  readonly #zones = new Map<string, Map<string, Zone>>()
  #internets: readonly KnownInternet[] = []
  readonly #sets = new Map<string, KeySet>()
  readonly #signatures = new Map<string, Uint8Array>()

  /** The zone of this text, which `make` reads when it is not known. */
  zoneOf(origin: string, text: string, make: () => Zone): Zone {
    const known = this.#zones.get(text)
    const zone = known?.get(origin)
    if (zone !== undefined) return zone
    if (this.#zones.size >= MOST_TEXTS || (known?.size ?? 0) >= MOST_ORIGINS) this.#zones.clear()
    const made = make()
    this.#zones.set(text, (this.#zones.get(text) ?? new Map<string, Zone>()).set(origin, made))
    return made
  }

  /** What `make` gives for the same zones, signed in the same ways. */
  preparedFor(given: readonly ZoneToSign[], seed: number, make: () => PreparedInternet): PreparedInternet {
    const known = this.#internets.find(one => one.seed === seed && isSame(one.given, given))
    if (known !== undefined) return known.prepared
    const prepared = make()
    this.#internets = [{ given, seed, prepared }, ...this.#internets.slice(0, MOST_INTERNETS - 1)]
    return prepared
  }

  /** `words` is the plan's line of words. */
  keysOf(zone: Name, seed: number, plan: SigningPlan): KeySet {
    const key = `${seed} ${plan.words} ${zone}`
    const known = this.#sets.get(key)
    if (known !== undefined) return known
    const made = this.#remembering(makeKeySet(zone, seed, plan))
    if (this.#sets.size >= MOST_KEY_SETS) this.#sets.clear()
    this.#sets.set(key, made)
    return made
  }

  #remembering(set: KeySet): KeySet {
    const own = new Map([...set.keySigners, ...set.zoneSigners].map(key => [key, this.#wrapped(key)]))
    const wrapped = (keys: readonly SigningKey[]): readonly SigningKey[] => keys.map(key => own.get(key) ?? key)
    return { ...set, keySigners: wrapped(set.keySigners), zoneSigners: wrapped(set.zoneSigners) }
  }

  #wrapped(key: SigningKey): SigningKey {
    const prefix = `${latin1(key.rdata, 0, key.rdata.length)} `
    return {
      ...key,
      sign: data => {
        const what = prefix + latin1(data, 0, data.length)
        const known = this.#signatures.get(what)
        if (known !== undefined) return known
        if (this.#signatures.size >= MOST_SIGNATURES) this.#signatures.clear()
        const made = key.sign(data)
        this.#signatures.set(what, made)
        return made
      },
    }
  }
}

const isSame = (some: readonly ZoneToSign[], others: readonly ZoneToSign[]): boolean =>
  some.length === others.length &&
  some.every(({ zone, plan }, i) => zone === others[i]?.zone && plan?.words === others[i].plan?.words)
