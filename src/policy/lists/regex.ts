/**
 * Regular expressions of lists, as far as they can be run in linear time (`pattern.ts`): characters, classes, groups,
 * alternatives and repetitions, with `^` and `$` at the ends. Names are in lower case and ASCII, so is what is taken
 * here.
 */
import { defaultLimits } from '../../limits.ts'

const { patternDepth, patternPositions } = defaultLimits.lists

/** An expression. `literal` is the one character that a set takes; null when it takes several. */
export type Node =
  | { readonly kind: 'octet'; readonly set: Uint32Array; readonly literal: string | null }
  | { readonly kind: 'all' | 'any'; readonly parts: readonly Node[] }
  | { readonly kind: 'star' | 'plus' | 'optional'; readonly of: Node }

/** Why a pattern is refused, as part of a sentence. */
export interface PatternError {
  readonly error: string
}

interface ParsedRegex {
  readonly node: Node
  readonly anchoredStart: boolean
  readonly anchoredEnd: boolean
}

export function parseRegex(text: string): ParsedRegex | PatternError {
  const anchoredStart = text.startsWith('^')
  const anchoredEnd = /(?:^|[^\\])(?:\\\\)*\$$/.test(text)
  const reader = new Reader(text.slice(anchoredStart ? 1 : 0, anchoredEnd ? -1 : undefined))
  const node = reader.alternatives(0)
  const error = reader.error ?? (reader.isAtEnd ? null : 'has a ")" without "("')
  if (error !== null) return { error }
  // `^a|b$` anchors only one side of each.
  if ((anchoredStart || anchoredEnd) && node.kind === 'any' && node.parts.length > 1)
    return { error: 'has "^" or "$" on one side of "|" (write ^(a|b)$)' }
  return { node, anchoredStart, anchoredEnd }
}

/** Octets that an expression can stand at, each of which is a position of the automaton. */
export function positionsOf(node: Node): number {
  switch (node.kind) {
    case 'octet':
      return 1
    case 'all':
    case 'any':
      return node.parts.reduce((sum, part) => sum + positionsOf(part), 0)
    case 'star':
    case 'plus':
    case 'optional':
      return positionsOf(node.of)
    default:
      return node satisfies never
  }
}

const NOTHING: Node = { kind: 'all', parts: [] }
/** Octets of names: everything but what stands for a dot inside a label. */
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i)
const DIGITS = range(0x30, 0x39)
const WORD = [...DIGITS, ...range(0x61, 0x7a), 0x5f]
const CLASSES: ReadonlyMap<string, readonly number[]> = new Map([
  ['d', DIGITS],
  ['w', WORD],
  ['s', [0x20]],
])

/** Stops at the first thing that it cannot take: then `error` says what, and what it gives means nothing. */
class Reader {
  readonly #text: string
  #at = 0
  #error: string | null = null

  constructor(text: string) {
    this.#text = text
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#text.length
  }

  get error(): string | null {
    return this.#error
  }

  #refuse(why: string): Node {
    this.#error ??= why
    this.#at = this.#text.length
    return NOTHING
  }

  alternatives(depth: number): Node {
    if (depth > patternDepth) return this.#refuse('has groups that are nested too deep')
    const parts: Node[] = [this.#sequence(depth)]
    while (this.#peek() === '|') {
      this.#at++
      parts.push(this.#sequence(depth))
    }
    const [only] = parts
    return parts.length === 1 && only !== undefined ? only : { kind: 'any', parts }
  }

  #sequence(depth: number): Node {
    const parts: Node[] = []
    for (let next = this.#peek(); next !== '' && next !== '|' && next !== ')'; next = this.#peek())
      parts.push(...this.#repeated(this.#atom(depth)))
    return { kind: 'all', parts }
  }

  #peek(): string {
    return this.#text.charAt(this.#at)
  }

  #atom(depth: number): Node {
    const character = this.#peek()
    this.#at++
    switch (character) {
      case '(':
        return this.#group(depth)
      case '[':
        return this.#class()
      case '.':
        return { kind: 'octet', set: setOf([], true), literal: null }
      case '\\':
        return this.#escape()
      case '^':
      case '$':
        return this.#refuse(`has "${character}" in the middle`)
      case '*':
      case '+':
      case '?':
        return this.#refuse(`has "${character}" with nothing before it to repeat`)
      default:
        return this.#literal(character)
    }
  }

  #group(depth: number): Node {
    if (this.#peek() === '?') {
      if (!this.#text.startsWith('?:', this.#at)) return this.#refuse('has look-around or a named group')
      this.#at += 2
    }
    const node = this.alternatives(depth + 1)
    if (this.#peek() !== ')') return this.#refuse('has a "(" without ")"')
    this.#at++
    return node
  }

  #escape(): Node {
    const character = this.#peek()
    this.#at++
    const known = CLASSES.get(character.toLowerCase())
    if (known !== undefined)
      return { kind: 'octet', set: setOf(known, character !== character.toLowerCase()), literal: null }
    if (/\w/.test(character) || character === '') return this.#refuse(`has "\\${character}", which is not supported`)
    return this.#literal(character)
  }

  #class(): Node {
    const isNegated = this.#peek() === '^'
    if (isNegated) this.#at++
    const members: number[] = []
    for (let isFirst = true; !this.isAtEnd && (this.#peek() !== ']' || isFirst); isFirst = false)
      members.push(...this.#member())
    if (this.isAtEnd) return this.#refuse('has a "[" without "]"')
    this.#at++
    return { kind: 'octet', set: setOf(members, isNegated), literal: null }
  }

  #member(): readonly number[] {
    const from = this.#classOctets()
    const [only] = from
    if (from.length > 1 || only === undefined || this.#peek() !== '-' || this.#text.charAt(this.#at + 1) === ']')
      return from
    this.#at++
    const [to] = this.#classOctets()
    if (to !== undefined && to >= only) return range(only, to)
    this.#refuse('has a range that ends before it begins')
    return []
  }

  #classOctets(): readonly number[] {
    const character = this.#peek()
    this.#at++
    if (character !== '\\') return this.#octets(character)
    const escaped = this.#peek()
    this.#at++
    const known = CLASSES.get(escaped)
    if (known !== undefined) return known
    if (!/\w/.test(escaped) && escaped !== '') return this.#octets(escaped)
    this.#refuse(`has "\\${escaped}" in a class, which is not supported`)
    return []
  }

  /** A repetition becomes copies: `a{2,3}` is `aaa?`. */
  #repeated(node: Node): readonly Node[] {
    let parts: readonly Node[] = [node]
    const of: Node = node
    const sign = this.#peek()
    if (sign === '*' || sign === '+' || sign === '?') {
      this.#at++
      parts = [{ kind: sign === '*' ? 'star' : sign === '+' ? 'plus' : 'optional', of }]
    } else if (sign === '{') parts = this.#counted(of)
    else return parts
    // Lazy: what matches is the same.
    if (this.#peek() === '?') this.#at++
    else if (/[*+{]/.test(this.#peek())) this.#refuse('has two repetitions in a row')
    return parts
  }

  #counted(of: Node): readonly Node[] {
    const [all, least = '', comma, most = ''] = /^\{(\d{1,4})(,)?(\d{1,4})?\}/.exec(this.#text.slice(this.#at)) ?? []
    if (all === undefined) return [this.#refuse('has a "{" that is no repetition')]
    this.#at += all.length
    const from = Number(least)
    const to = comma === undefined ? from : most === '' ? null : Number(most)
    if ((to ?? from) < from) return [this.#refuse('has a repetition that ends before it begins')]
    // Before the copies are made: `((a{99}){99}){99}` is a million of them.
    if (((to ?? from) + 1) * positionsOf(of) > patternPositions)
      return [this.#refuse(`is too large: more than ${patternPositions} places to stand in`)]
    const copies = Array.from({ length: from }, () => of)
    if (to === null) return [...copies, { kind: 'star', of }]
    return [...copies, ...Array.from({ length: to - from }, (): Node => ({ kind: 'optional', of }))]
  }

  #octets(character: string): readonly number[] {
    const code = character.toLowerCase().charCodeAt(0)
    if (code <= 0x7f) return [code]
    this.#refuse('has a character that is not ASCII')
    return []
  }

  #literal(character: string): Node {
    const octets = this.#octets(character)
    return { kind: 'octet', set: setOf(octets, false), literal: character.toLowerCase() }
  }
}

function setOf(members: readonly number[], isNegated: boolean): Uint32Array {
  const set = new Uint32Array(8)
  for (const octet of members) {
    // A range may go over capitals.
    const folded = octet >= 0x41 && octet <= 0x5a ? octet + 0x20 : octet
    set[folded >> 5] = (set[folded >> 5] ?? 0) | (1 << (folded & 31))
  }
  return isNegated ? set.map(word => ~word) : set
}
