/**
 * Patterns that may stand anywhere in a name: each is found by three characters of its fixed text, so that a name is
 * held against the few that share three with it, not against all.
 */
import type { Name } from '../../dns/name.ts'
import { matchesPattern } from './pattern.ts'
import type { ComplexRule } from './rule.ts'

interface Scanned {
  readonly list: number
  readonly rule: ComplexRule
}

/** 32,768 places: of the 20 in a name one or none is taken by a thousand patterns. */
const PLACE_BITS = 15
const PLACES = 1 << PLACE_BITS
const GRAM = 3

export class ScannedPatterns {
  readonly #taken = new Uint8Array(PLACES)
  readonly #byPlace = new Map<number, Scanned[]>()
  readonly #text = new Uint8Array(256)

  add(list: number, rule: ComplexRule): void {
    const literal = rule.pattern?.literal ?? ''
    let best = -1
    for (let at = 0; at + GRAM <= literal.length; at++) {
      const place = placeOf(literal.charCodeAt(at), literal.charCodeAt(at + 1), literal.charCodeAt(at + 2))
      if (best < 0 || this.#sizeAt(place) < this.#sizeAt(best)) best = place
    }
    if (best < 0) return
    this.#taken[best] = 1
    const there = this.#byPlace.get(best)
    if (there === undefined) this.#byPlace.set(best, [{ list, rule }])
    else there.push({ list, rule })
  }

  #sizeAt(place: number): number {
    return this.#byPlace.get(place)?.length ?? 0
  }

  /** Calls `found` for every pattern that matches, once. */
  match(name: Name, found: (list: number, rule: ComplexRule) => void): void {
    if (this.#byPlace.size === 0) return
    const text = this.#text
    const octets = nameText(name, text)
    let seen: Set<number> | null = null
    for (let at = 0; at + GRAM <= octets; at++) {
      const place = placeOf(text[at] ?? 0, text[at + 1] ?? 0, text[at + 2] ?? 0)
      if (this.#taken[place] === 0) continue
      seen ??= new Set()
      if (seen.has(place)) continue
      seen.add(place)
      for (const { list, rule } of this.#byPlace.get(place) ?? [])
        if (rule.pattern !== null && matchesPattern(rule.pattern, text, octets)) found(list, rule)
    }
  }
}

const placeOf = (a: number, b: number, c: number): number =>
  ((a * 0x9e37 + b * 0x85eb + c * 0x1f3d) >>> 3) & (PLACES - 1)

const DOT = 0x2e

/**
 * A name as patterns see it: labels with dots between them. A dot inside a label is 0 there, which nothing in a pattern
 * stands for but "anything".
 */
export function nameText(name: Name, into: Uint8Array): number {
  let left = name.charCodeAt(0)
  const end = name.length - 1
  let octets = 0
  for (let at = 1; at < end; at++) {
    const code = name.charCodeAt(at)
    if (left === 0) {
      left = code
      into[octets++] = DOT
    } else {
      left--
      into[octets++] = code === DOT ? 0 : code
    }
  }
  return octets
}
