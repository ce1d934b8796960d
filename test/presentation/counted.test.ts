import { describe, expect, test } from 'vitest'
import { counted, times } from '../../src/presentation/counted.ts'

describe('a number', () => {
  test.each([
    [0, '0 records'],
    [1, '1 record'],
    [2, '2 records'],
    [1.5, '1.5 records'],
  ])('%d agrees with its noun', (count, text) => {
    expect(counted(count, 'record')).toBe(text)
  })

  test('has a plural that is not the word with an s where one is given', () => {
    expect([1, 2].map(count => counted(count, 'query', 'queries'))).toEqual(['1 query', '2 queries'])
  })

  test('of times is a word when it is one', () => {
    expect([0, 1, 2].map(times)).toEqual(['0 times', 'once', '2 times'])
  })
})
