import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { adblockPattern, matchesPattern, type Pattern, regexPattern } from '../../../src/policy/lists/pattern.ts'
import type { PatternError } from '../../../src/policy/lists/regex.ts'

function matches(pattern: Pattern | PatternError, text: string): boolean {
  if ('error' in pattern) throw new Error(pattern.error)
  const octets = new TextEncoder().encode(text)
  return matchesPattern(pattern, octets, octets.length)
}

describe('a regular expression', () => {
  const alphabet = 'ab.'
  const atom = fc.constantFrom('a', 'b', '\\.', '.', '[ab]', '[^a]', '(a|b)', '(?:ab)', '(a|)', '\\w', '(a|bb|\\.)')
  const repeated = fc
    .tuple(atom, fc.constantFrom('', '', '*', '+', '?', '{2}', '{1,3}', '{2,}', '*?'))
    .map(([a, b]) => a + b)
  const expression = fc
    .tuple(fc.constantFrom('', '^'), fc.array(repeated, { minLength: 1, maxLength: 5 }), fc.constantFrom('', '$'))
    .map(([start, parts, end]) => start + parts.join('') + end)

  test('takes the names that the engine of JavaScript takes', () => {
    fc.assert(
      fc.property(expression, fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 12 }), (source, text) => {
        expect([source, text, matches(regexPattern(source), text)]).toEqual([
          source,
          text,
          new RegExp(source).test(text),
        ])
      }),
      { numRuns: 5_000 },
    )
  })

  test('has its fixed text in every name that it takes', () => {
    fc.assert(
      fc.property(expression, fc.string({ unit: fc.constantFrom(...alphabet), maxLength: 12 }), (source, text) => {
        const pattern = regexPattern(source)
        expect('error' in pattern || !matches(pattern, text) || text.includes(pattern.literal)).toBe(true)
      }),
    )
  })

  test.each(['(a+)+$', '^(a|a)*$', '(.*)*x', '([ab]*)*c'])('%s takes no exponential time', source => {
    const began = performance.now()
    expect(matches(regexPattern(source), `${'a'.repeat(250)}b`)).toBe(false)
    expect(performance.now() - began).toBeLessThan(1_000)
  })

  test.each([
    ['(?=a)', 'has look-around or a named group'],
    ['(?<n>a)', 'has look-around or a named group'],
    ['(a)\\1', 'has "\\1", which is not supported'],
    ['a\\b', 'has "\\b", which is not supported'],
    ['a^b', 'has "^" in the middle'],
    ['^a|b$', 'has "^" or "$" on one side of "|" (write ^(a|b)$)'],
    ['*a', 'has "*" with nothing before it to repeat'],
    ['(a', 'has a "(" without ")"'],
    ['a)', 'has a ")" without "("'],
    ['[a', 'has a "[" without "]"'],
    ['[b-a]', 'has a range that ends before it begins'],
    ['a{3,2}', 'has a repetition that ends before it begins'],
    ['a{x', 'has a "{" that is no repetition'],
    ['a**', 'has two repetitions in a row'],
    ['ä', 'has a character that is not ASCII'],
    ['(a{99}){99}', 'is too large: more than 128 places to stand in'],
    ['('.repeat(30), 'has groups that are nested too deep'],
  ])('%s is refused', (source, error) => {
    expect(regexPattern(source)).toEqual({ error })
  })
})

describe('a pattern of adblock', () => {
  test.each([
    ['||ads*.example^', 'x.ads1.example', true],
    ['||ads*.example^', 'bads1.example', false],
    ['||ads*.example^', 'ads1.example.org', false],
    ['ads', 'loads.example', true],
    ['|ads', 'ads.example', true],
    ['|ads', 'x.ads', false],
    ['ads|', 'x.ads', true],
    ['ads^', 'ads.x', false],
    ['||a*b*c', 'x.a1b2c3', true],
  ])('%s and %s', (source, text, expected) => {
    expect(matches(adblockPattern(source), text)).toBe(expected)
  })
})
