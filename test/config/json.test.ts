import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { MAX_JSON_DEPTH, readJson } from '../../src/config/json.ts'

const value = (text: string): unknown => {
  const got = readJson(text)
  if (got.kind !== 'document') throw new Error(got.message)
  return got.value
}

describe('values', () => {
  test('values are those of JSON.parse', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(undefined, 2, '\t'), (any, indent) => {
        const text = JSON.stringify(any, null, indent)
        expect(value(text)).toEqual(JSON.parse(text))
      }),
      { numRuns: 200, seed: 7 },
    )
  })

  test('what JSON.parse refuses is refused, and the reverse', () => {
    const accepted = (text: string): boolean => {
      try {
        JSON.parse(text)
        return true
      } catch {
        return false
      }
    }
    const pieces = fc.array(
      fc.constantFrom(
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '"a"',
        '"',
        '\\',
        '1',
        '-',
        '0',
        '.',
        'e',
        'true',
        'null',
        ' ',
        '\n',
        '\\u00',
        'x',
      ),
      { maxLength: 12 },
    )
    fc.assert(
      fc.property(pieces, parts => {
        const text = parts.join('')
        expect([text, readJson(text).kind === 'document']).toEqual([text, accepted(text)])
      }),
      { numRuns: 5_000, seed: 7 },
    )
  })

  test('keys that are names of prototypes are plain keys', () => {
    const got = value('{"__proto__": {"a": 1}, "constructor": 2}')
    expect(Object.keys(got ?? {})).toEqual(['__proto__', 'constructor'])
    expect(Object.getPrototypeOf(got)).toBe(Object.prototype)
  })

  test('a byte order mark is skipped', () => expect(value('\ufeff[1]')).toEqual([1]))
})

describe('places', () => {
  const got = readJson('{\n  "a": {"b": [1,\n    "x"]},\n\t"c" : true\n}')
  test.each([
    [[], '1:1', 'none'],
    [['a'], '2:8', '2:3'],
    [['a', 'b'], '2:14', '2:9'],
    [['a', 'b', 1], '3:5', 'none'],
    [['c'], '4:8', '4:2'],
    [['d'], 'none', 'none'],
  ])('%j: value %s, key %s', (path, at, key) => {
    if (got.kind !== 'document') throw new Error(got.message)
    const text = (place: { line: number; column: number } | null): string =>
      place === null ? 'none' : `${place.line}:${place.column}`
    expect([text(got.valueAt(path)), text(got.keyAt(path))]).toEqual([at, key])
  })

  test('are those that counting the text before gives', () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ maxDepth: 2 }),
        fc.constantFrom(undefined, 2),
        fc.constantFrom('', '\n', '\n\n  '),
        (any, indent, lead) => {
          const text = `${lead}${JSON.stringify({ any, last: 1 }, null, indent)}`
          const at = text.lastIndexOf('"last"')
          const before = text.slice(0, at).split('\n')
          const read = readJson(text)
          expect(read.kind === 'document' && read.keyAt(['last'])).toEqual({
            line: before.length,
            column: (before.at(-1) ?? '').length + 1,
          })
        },
      ),
      { numRuns: 200, seed: 7 },
    )
  })

  test('of ten thousand records cost no copies of the text before them', () => {
    const count = 10_000
    const text = JSON.stringify(
      { records: Array.from({ length: count }, (_, i) => `h${i}.example. A 192.0.2.1`) },
      null,
      2,
    )
    const read = readJson(text)
    const slice = vi.spyOn(String.prototype, 'slice')
    const search = vi.spyOn(String.prototype, 'indexOf')
    const searchBack = vi.spyOn(String.prototype, 'lastIndexOf')
    const split = vi.spyOn(String.prototype, 'split')
    const lines = Array.from({ length: count }, (_, i) =>
      read.kind === 'document' ? read.valueAt(['records', i])?.line : undefined,
    )
    const calls = [slice, search, searchBack, split].map(({ mock }) => mock.calls.length)
    vi.restoreAllMocks()
    expect(lines).toEqual(Array.from({ length: count }, (_, i) => i + 3))
    // Each line is looked for once, whatever number of places is asked for.
    expect(calls).toEqual([0, count + 4, 0, 0])
  })

  test('a key that is repeated is reported with both places', () => {
    expect(readJson('{"a": 1,\n "b": {"c": 1, "c": 2}}')).toMatchObject({
      repeated: [{ path: ['b', 'c'], place: { line: 2, column: 16 } }],
    })
  })
})

describe('syntax errors say where and what was expected', () => {
  test.each([
    ['', 1, 1, 'expected a value, found the end of the file'],
    ['{"a": 1,}', 1, 9, 'a comma before } is not allowed in JSON'],
    ['[1,\n]', 2, 1, 'a comma before ] is not allowed in JSON'],
    ['{"a" 1}', 1, 6, 'expected : after the key "a", found 1'],
    ['{"a": }', 1, 7, 'expected a value for "a", found }'],
    ['{"a": 1 "b": 2}', 1, 9, 'expected , or } after the value of "a", found "'],
    ['{a: 1}', 1, 2, 'expected a key in double quotes or }, found a'],
    ["{'a': 1}", 1, 2, "expected a key in double quotes or }, found 'a'"],
    ['{\n // note\n"a": 1}', 2, 2, 'comments are not allowed in JSON'],
    ['[1 2]', 1, 4, 'expected , or ] in the list, found 2'],
    ['["abc', 1, 2, 'the text that starts here has no closing double quote'],
    ['["a\\qb"]', 1, 5, '\\q is no escape of JSON'],
    ['["a\tb"]', 1, 4, 'a control character in a text is written as an escape, such as \\t'],
    ['{"a": yes}', 1, 7, 'expected a value for "a", found yes'],
    ['{"a": 0x35}', 1, 7, 'expected a value for "a", found 0x35'],
    ['[01]', 1, 2, 'expected a value or ], found 01'],
    ['{} {}', 1, 4, 'expected the end of the file, found {'],
    ['{"a": 1', 1, 8, 'expected , or } after the value of "a", found the end of the file'],
    ['[\n\n  1,\n  tru\n]', 4, 3, 'expected a value, found tru'],
  ])('%j', (text, line, column, message) => {
    expect(readJson(text)).toEqual({ kind: 'syntax-error', place: { line, column }, message })
  })

  test('a text nested too deeply is refused', () => {
    expect(readJson('['.repeat(100_000))).toMatchObject({
      kind: 'syntax-error',
      message: `more than ${MAX_JSON_DEPTH} levels of nesting`,
    })
  })
})
