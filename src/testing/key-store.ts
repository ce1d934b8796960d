/**
 * Keys and signatures of simulated zones, each made once: internets that are built again and again (a world for each test, an
 * internet that a test changes) share a store. Since equal keys sign equal octets alike, nobody can tell.
 */
import { latin1 } from '../dns/bytes.ts'
import type { Name } from '../dns/name.ts'
import type { SigningPlan } from './signing-plan.ts'
import { type KeySet, makeKeySet } from './zone-key-set.ts'
import type { SigningKey } from './zone-keys.ts'

/** Signatures kept: all of the embedded internet many times over. */
const MOST_SIGNATURES = 20_000

export class KeyStore {
  readonly #sets = new Map<string, KeySet>()
  readonly #signatures = new Map<string, Uint8Array>()

  /** `words` is the plan's line of words. */
  keysOf(zone: Name, seed: number, plan: SigningPlan): KeySet {
    const key = `${seed} ${plan.words} ${zone}`
    const known = this.#sets.get(key)
    if (known !== undefined) return known
    const made = this.#remembering(makeKeySet(zone, seed, plan))
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
