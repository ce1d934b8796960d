import { describe, expect, test } from 'vitest'
import { completeQuery } from '../../src/cli/completion.ts'

describe('what the shell offers for a query', () => {
  test.each<[string, readonly string[] | null]>([
    ['+sh', ['+short', '+showsearch']],
    ['+nosh', ['+noshort', '+noshowsearch']],
    ['+multi', ['+multiline']],
    ['AA', ['AAAA']],
    ['aa', ['aaaa']],
    ['NSEC3', ['NSEC3', 'NSEC3PARAM']],
    ['www.example.com', []],
    ['', []],
    ['-', null],
    ['query', null],
  ])('%j', (current, expected) => expect(completeQuery(current, ['rootwalk', 'query', current])).toEqual(expected))

  test('all words come after the + alone', () =>
    expect(completeQuery('+', ['rootwalk', 'query', '+'])).toContain('+trace'))
  test('other commands have no such words', () => expect(completeQuery('+sh', ['rootwalk', 'serve', '+sh'])).toBeNull())
})
