/**
 * JSON (RFC 8259) with places: the value of a text and, for every key and value in it, the line and column where it
 * stands, so that a complaint about a setting can point at it. `JSON.parse` knows neither places nor repeated keys.
 *
 * Invariant: never throws; a text is either a value or one syntax error with its place and what was expected there.
 */

/** Counted from 1. */
export interface Place {
  readonly line: number
  readonly column: number
}

export type JsonPath = readonly (string | number)[]

export interface JsonDocument {
  readonly kind: 'document'
  readonly value: unknown
  /** Where the value at a path starts; null when there is none. */
  valueAt(path: JsonPath): Place | null
  /** Where the key at the end of a path stands; null when there is none. */
  keyAt(path: JsonPath): Place | null
  /** Keys that stand twice in one object: JSON readers disagree on which counts. */
  readonly repeated: readonly { readonly path: JsonPath; readonly place: Place }[]
}

export type JsonResult =
  | JsonDocument
  | { readonly kind: 'syntax-error'; readonly place: Place; readonly message: string }

/** Containers within containers; settings need six, and the reader calls itself. */
export const MAX_JSON_DEPTH = 64

export function readJson(text: string): JsonResult {
  const reader = new JsonReader(text)
  const value = reader.document()
  const lines = new Lines(text)
  if (reader.failure !== null)
    return { kind: 'syntax-error', place: lines.placeOf(reader.failure.at), message: reader.failure.message }
  const place = (at: number | undefined): Place | null => (at === undefined ? null : lines.placeOf(at))
  return {
    kind: 'document',
    value,
    valueAt: path => place(reader.values.get(pathKey(path))),
    keyAt: path => place(reader.keys.get(pathKey(path))),
    repeated: reader.repeated.map(({ path, at }) => ({ path, place: lines.placeOf(at) })),
  }
}

const pathKey = (path: JsonPath): string => JSON.stringify(path)

/**
 * Where the lines of a text begin, found out when the first place is asked for: a configuration may have a place for
 * each of 10,000 records.
 */
class Lines {
  readonly #text: string
  #starts: readonly number[] | null = null

  constructor(text: string) {
    this.#text = text
  }

  placeOf(at: number): Place {
    this.#starts ??= lineStarts(this.#text)
    const starts = this.#starts
    // The last line that begins at or before `at`; the first begins at 0.
    let line = 0
    for (let end = starts.length; end - line > 1; ) {
      const middle = (line + end) >> 1
      if ((starts[middle] ?? 0) <= at) line = middle
      else end = middle
    }
    return { line: line + 1, column: at - (starts[line] ?? 0) + 1 }
  }
}

function lineStarts(text: string): readonly number[] {
  const starts = [0]
  for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', end + 1)) starts.push(end + 1)
  return starts
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
])
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const WORD = /[\w'.+-]+/y

/** Recursive descent. When `failure` is set what a method returned means nothing. */
class JsonReader {
  failure: { readonly at: number; readonly message: string } | null = null
  readonly values = new Map<string, number>()
  readonly keys = new Map<string, number>()
  readonly repeated: { readonly path: JsonPath; readonly at: number }[] = []
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
    // A byte order mark is not part of JSON, but editors write it (RFC 8259 section 8.1 lets readers ignore it).
    if (text.startsWith('\ufeff')) this.#at = 1
  }

  document(): unknown {
    const value = this.#value([], 'a value')
    this.#space()
    if (this.#at < this.#text.length) this.#fail(`expected the end of the file, found ${this.#found()}`)
    return value
  }

  #value(path: JsonPath, wanted: string): unknown {
    this.#space()
    if (this.failure !== null) return null
    this.values.set(pathKey(path), this.#at)
    if (path.length > MAX_JSON_DEPTH) return this.#fail(`more than ${MAX_JSON_DEPTH} levels of nesting`)
    const c = this.#text[this.#at]
    if (c === '{') return this.#object(path)
    if (c === '[') return this.#array(path)
    if (c === '"') return this.#string()
    const number = this.#match(NUMBER)
    if (number !== null && !/^[\w.]/.test(this.#text.slice(this.#at, this.#at + 1))) return Number(number)
    if (number !== null) this.#at -= number.length
    const word = this.#match(WORD)
    if (word === 'true' || word === 'false') return word === 'true'
    if (word === 'null') return null
    this.#at -= word?.length ?? 0
    return this.#fail(`expected ${wanted}, found ${this.#found()}`)
  }

  #object(path: JsonPath): unknown {
    const members = new Map<string, unknown>()
    this.#at++
    for (let first = true; ; first = false) {
      this.#space()
      if (first && this.#take('}')) break
      const at = this.#at
      if (this.#text[at] !== '"') {
        return this.#fail(
          !first && this.#text[at] === '}'
            ? 'a comma before } is not allowed in JSON'
            : `expected ${first ? 'a key in double quotes or }' : 'a key in double quotes'}, found ${this.#found()}`,
        )
      }
      const key = this.#string()
      if (this.failure !== null) return null
      const inner = [...path, key]
      if (members.has(key)) this.repeated.push({ path: inner, at })
      this.keys.set(pathKey(inner), at)
      this.#space()
      if (!this.#take(':')) return this.#fail(`expected : after the key ${JSON.stringify(key)}, found ${this.#found()}`)
      members.set(key, this.#value(inner, `a value for ${JSON.stringify(key)}`))
      this.#space()
      if (this.#take('}')) break
      if (!this.#take(','))
        return this.#fail(`expected , or } after the value of ${JSON.stringify(key)}, found ${this.#found()}`)
    }
    // fromEntries makes own properties even of `__proto__`.
    return Object.fromEntries(members)
  }

  #array(path: JsonPath): unknown {
    const items: unknown[] = []
    this.#at++
    for (;;) {
      this.#space()
      if (items.length === 0 && this.#take(']')) return items
      if (items.length > 0 && this.#text[this.#at] === ']') return this.#fail('a comma before ] is not allowed in JSON')
      items.push(this.#value([...path, items.length], items.length === 0 ? 'a value or ]' : 'a value'))
      this.#space()
      if (this.#take(']')) return items
      if (!this.#take(',')) return this.#fail(`expected , or ] in the list, found ${this.#found()}`)
    }
  }

  #string(): string {
    const start = this.#at++
    let value = ''
    for (;;) {
      const c = this.#text[this.#at]
      if (c === undefined || c === '\n') {
        this.#at = start
        return this.#failText('the text that starts here has no closing double quote')
      }
      if (c < ' ') return this.#failText('a control character in a text is written as an escape, such as \\t')
      this.#at++
      if (c === '"') return value
      if (c !== '\\') {
        value += c
        continue
      }
      const letter = this.#text[this.#at] ?? ''
      const hex = /^u[0-9a-fA-F]{4}/.exec(this.#text.slice(this.#at, this.#at + 5))
      const plain = ESCAPES.get(letter)
      if (hex === null && plain === undefined) return this.#failText(`\\${letter} is no escape of JSON`)
      value += plain ?? String.fromCharCode(Number.parseInt(this.#text.slice(this.#at + 1, this.#at + 5), 16))
      this.#at += hex === null ? 1 : 5
    }
  }

  #space(): void {
    while (/^[ \t\r\n]/.test(this.#text.charAt(this.#at))) this.#at++
    const two = this.#text.slice(this.#at, this.#at + 2)
    if (two === '//' || two === '/*') this.#fail('comments are not allowed in JSON')
  }

  #take(c: string): boolean {
    if (this.failure !== null || this.#text[this.#at] !== c) return false
    this.#at++
    return true
  }

  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at
    const match = pattern.exec(this.#text)
    if (match === null || match[0] === '') return null
    this.#at += match[0].length
    return match[0]
  }

  #found(): string {
    if (this.#at >= this.#text.length) return 'the end of the file'
    const from = this.#at
    const word = this.#match(WORD)
    this.#at = from
    return (
      word ??
      JSON.stringify(this.#text.slice(from, from + 1))
        .slice(1, -1)
        .replace('\\"', '"')
    )
  }

  /** The first failure is the one that counts; what follows from it is not reported. */
  #fail(message: string): null {
    this.failure ??= { at: this.#at, message }
    return null
  }

  #failText(message: string): string {
    this.#fail(message)
    return ''
  }
}

/** An object proper: neither null nor an array. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
