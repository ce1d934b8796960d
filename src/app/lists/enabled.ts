/** Which lists hold for the clients of each view, by their places in the set of the moment. */
import type { ListSource } from '../../config/types.ts'
import type { RuleSet } from '../../policy/lists/rule-set.ts'

type Masks = ReadonlyMap<number, Uint8Array | null>

export class EnabledLists {
  readonly #forAll: ReadonlySet<string>
  /** By the number of the view; null: those for all. */
  readonly #named: readonly (readonly string[] | null)[]
  #of: RuleSet | null = null
  #masks: Masks = new Map()

  /** `views` in the order of the configuration: the first has number 1. */
  constructor(sources: readonly ListSource[], views: readonly (readonly string[] | null)[]) {
    this.#forAll = new Set(sources.flatMap(({ forAll, traits }) => (forAll ? [traits.name] : [])))
    this.#named = [null, ...views]
  }

  /** Null: all of them. */
  of(view: number, set: RuleSet | null): Uint8Array | null {
    if (set !== this.#of) {
      this.#of = set
      this.#masks = new Map(this.#named.map((names, number) => [number, this.#mask(names, set)]))
    }
    return this.#masks.get(view) ?? null
  }

  #mask(names: readonly string[] | null, set: RuleSet | null): Uint8Array | null {
    const isHere = ({ traits }: RuleSet['lists'][number]): boolean =>
      names === null ? this.#forAll.has(traits.name) : names.includes(traits.name)
    const mask = Uint8Array.from(set?.lists ?? [], list => (isHere(list) ? 1 : 0))
    return mask.every(one => one === 1) ? null : mask
  }
}
