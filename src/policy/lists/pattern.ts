/**
 * Patterns over the text of a name, which take time linear in it: regular expressions without what needs backtracking,
 * and the wildcards of adblock rules. Both become an automaton of positions (Glushkov) that is run with one bit for
 * each position. A list comes from strangers: V8's own engine takes exponential time for `(a+)+$`.
 *
 * What cannot be run in this way (back-references, look-around, word boundaries, anchors in the middle) is refused.
 */
import { defaultLimits } from '../../limits.ts'
import { parseRegex, type PatternError, positionsOf, type Node } from './regex.ts'

const { patternCharacters, patternPositions } = defaultLimits.lists

/** Flat: it is handed from thread to thread. Sets of positions have `words` words of 32 bits. */
export interface Pattern {
  readonly words: number
  readonly anchoredStart: boolean
  readonly anchoredEnd: boolean
  /** The empty text matches, so that without both anchors everything does. */
  readonly nullable: boolean
  readonly first: Uint32Array
  readonly last: Uint32Array
  /** For each position those that may come next. */
  readonly follow: Uint32Array
  /** For each position the octets that it takes: 8 words. */
  readonly octets: Uint32Array
  /** Text that stands in every name that matches; the longest that is known. */
  readonly literal: string
}

/** The inside of `/…/`. */
export function regexPattern(text: string): Pattern | PatternError {
  if (text.length > patternCharacters) return { error: `has ${text.length} characters, more than ${patternCharacters}` }
  const parsed = parseRegex(text)
  return 'error' in parsed ? parsed : automaton(parsed.node, parsed.anchoredStart, parsed.anchoredEnd)
}

/**
 * A pattern of an adblock rule: `||` begins at a label, `|` is the start or end, `^` the end, `*` anything. Without
 * anchors it may stand anywhere in a name.
 */
export function adblockPattern(text: string): Pattern | PatternError {
  const [, start = '', inner = '', end = ''] = /^(\|{0,2})(.*?)(\^?\*?\|?|)$/.exec(text) ?? []
  if (/[|^]/.test(inner)) return { error: 'has "|" or "^" in the middle, which no name can match' }
  if (text.length > patternCharacters) return { error: `has ${text.length} characters, more than ${patternCharacters}` }
  const parts: Node[] = []
  // At a label: at the start, or after anything that ends in a dot.
  if (start === '||') parts.push({ kind: 'optional', of: { kind: 'all', parts: [ANYTHING, octetNode('.')] } })
  for (const character of inner) parts.push(character === '*' ? ANYTHING : octetNode(character))
  return automaton({ kind: 'all', parts }, start !== '', end.startsWith('^') || end.endsWith('|'))
}

const octetSet = (has: (octet: number) => boolean): Uint32Array => {
  const set = new Uint32Array(8)
  for (let octet = 0; octet < 256; octet++)
    if (has(octet)) set[octet >> 5] = (set[octet >> 5] ?? 0) | (1 << (octet & 31))
  return set
}
const octetNode = (character: string): Node => ({
  kind: 'octet',
  set: octetSet(octet => octet === character.charCodeAt(0)),
  literal: character,
})
const ANYTHING: Node = { kind: 'star', of: { kind: 'octet', set: octetSet(() => true), literal: null } }

/** Numbers the positions of an expression and finds what may follow what. */
function automaton(node: Node, anchoredStart: boolean, anchoredEnd: boolean): Pattern | PatternError {
  const octets: Uint32Array[] = []
  const follow: Set<number>[] = []
  const counted = positionsOf(node)
  if (counted > patternPositions)
    return { error: `is too large: ${counted} places to stand in, at most ${patternPositions}` }
  const whole = build(node, octets, follow)
  const words = Math.max(1, Math.ceil(octets.length / 32))
  const maskOf = (positions: Iterable<number>): Uint32Array => {
    const mask = new Uint32Array(words)
    for (const position of positions) mask[position >> 5] = (mask[position >> 5] ?? 0) | (1 << (position & 31))
    return mask
  }
  const flat = (rows: readonly Uint32Array[], width: number): Uint32Array => {
    const all = new Uint32Array(rows.length * width)
    for (const [index, row] of rows.entries()) all.set(row, index * width)
    return all
  }
  return {
    words,
    anchoredStart,
    anchoredEnd,
    nullable: whole.nullable,
    first: maskOf(whole.first),
    last: maskOf(whole.last),
    follow: flat(follow.map(maskOf), words),
    octets: flat(octets, 8),
    literal: literalOf(node).best,
  }
}

interface Ends {
  readonly nullable: boolean
  readonly first: readonly number[]
  readonly last: readonly number[]
}

function build(node: Node, octets: Uint32Array[], follow: Set<number>[]): Ends {
  const link = (from: readonly number[], to: readonly number[]): void => {
    for (const position of from) for (const next of to) follow[position]?.add(next)
  }
  switch (node.kind) {
    case 'octet': {
      const position = octets.push(node.set) - 1
      follow.push(new Set())
      return { nullable: false, first: [position], last: [position] }
    }
    case 'all':
      return node.parts.reduce<Ends>(
        (before, part) => {
          const next = build(part, octets, follow)
          link(before.last, next.first)
          return {
            nullable: before.nullable && next.nullable,
            first: before.nullable ? [...before.first, ...next.first] : before.first,
            last: next.nullable ? [...before.last, ...next.last] : next.last,
          }
        },
        { nullable: true, first: [], last: [] },
      )
    case 'any': {
      const ends = node.parts.map(part => build(part, octets, follow))
      return {
        nullable: ends.some(({ nullable }) => nullable),
        first: ends.flatMap(({ first }) => first),
        last: ends.flatMap(({ last }) => last),
      }
    }
    case 'star':
    case 'plus':
    case 'optional': {
      const inner = build(node.of, octets, follow)
      if (node.kind !== 'optional') link(inner.last, inner.first)
      return { ...inner, nullable: node.kind !== 'plus' || inner.nullable }
    }
    default:
      return node satisfies never
  }
}

interface Literal {
  /** The only text that the expression takes; null when it takes several. */
  readonly exact: string | null
  /** The longest text that is in all that it takes. */
  readonly best: string
}

function literalOf(node: Node): Literal {
  switch (node.kind) {
    case 'octet':
      return { exact: node.literal, best: node.literal ?? '' }
    case 'all': {
      let run = ''
      let best = ''
      let isExact = true
      for (const part of node.parts) {
        const { exact, best: inner } = literalOf(part)
        if (exact === null) {
          isExact = false
          run = ''
        } else run += exact
        best = longer(longer(best, inner), run)
      }
      return { exact: isExact ? run : null, best }
    }
    case 'any': {
      const [only] = node.parts
      return node.parts.length === 1 && only !== undefined ? literalOf(only) : { exact: null, best: '' }
    }
    case 'plus':
      return { exact: null, best: literalOf(node.of).best }
    case 'star':
    case 'optional':
      return { exact: null, best: '' }
    default:
      return node satisfies never
  }
}

const longer = (a: string, b: string): string => (b.length > a.length ? b : a)

/** Memory for the runs of all patterns: two sets of positions. */
const states = [new Uint32Array(patternPositions), new Uint32Array(patternPositions)] as const

/** Does the pattern match `text`, a name in lower case as octets? */
export function matchesPattern(pattern: Pattern, text: Uint8Array, octets: number): boolean {
  const { words, anchoredStart, anchoredEnd, nullable, first, last } = pattern
  if (nullable && (!anchoredStart || !anchoredEnd || octets === 0)) return true
  let [now, next]: readonly Uint32Array[] = states
  now.fill(0, 0, words)
  for (let at = 0; at < octets; at++) {
    next.fill(0, 0, words)
    const isEnd = at === octets - 1
    const isActive = step(pattern, text[at] ?? 0, at === 0 || !anchoredStart ? first : null, now, next)
    if (isActive && (isEnd || !anchoredEnd))
      for (let word = 0; word < words; word++) if (((next[word] ?? 0) & (last[word] ?? 0)) !== 0) return true
    if (!isActive && anchoredStart) return false
    ;[now, next] = [next, now]
  }
  return false
}

/** One octet: `next` becomes the positions that stand after it. False when there are none. */
function step(
  { words, follow, octets }: Pattern,
  octet: number,
  first: Uint32Array | null,
  now: Uint32Array,
  next: Uint32Array,
): boolean {
  for (let word = 0; word < words; word++) {
    for (let bits = now[word] ?? 0; bits !== 0; bits &= bits - 1) {
      const position = (word << 5) + (31 - Math.clz32(bits & -bits))
      for (let other = 0; other < words; other++)
        next[other] = (next[other] ?? 0) | (follow[position * words + other] ?? 0)
    }
    if (first !== null) next[word] = (next[word] ?? 0) | (first[word] ?? 0)
  }
  let isActive = false
  for (let word = 0; word < words; word++) {
    let kept = 0
    for (let bits = next[word] ?? 0; bits !== 0; bits &= bits - 1) {
      const low = bits & -bits
      const position = (word << 5) + (31 - Math.clz32(low))
      if ((((octets[position * 8 + (octet >> 5)] ?? 0) >>> (octet & 31)) & 1) === 1) kept |= low
    }
    next[word] = kept
    if (kept !== 0) isActive = true
  }
  return isActive
}
