import { expect, test } from 'vitest'
import { formMessage } from '../../src/presentation/form-message.ts'

const type = (expected: string, input?: unknown): Parameters<typeof formMessage>[0] => ({
  code: 'invalid_type',
  expected,
  input,
})

test.each([
  [type('array', '127.0.0.1'), 'expected a list: write ["127.0.0.1"]'],
  [type('array', { a: 1 }), 'expected a list: write [{"a":1}]'],
  [type('array', 'x'.repeat(61)), 'expected a list, found a string'],
  [type('array', null), 'expected a list, found null'],
  [type('object', ['x']), 'expected an object, found a list'],
  [type('boolean', 'yes'), 'expected true or false, found "yes"'],
  [type('int', 1.5), 'expected a whole number, found 1.5'],
  [type('number', Number.NaN), 'expected a number, found NaN'],
  [type('number', 3n), 'expected a number, found a bigint'],
  [type('string'), 'is missing: expected a text in quotes'],
  [{ code: 'too_small', origin: 'number', minimum: 1, inclusive: true, input: 0 }, 'expected at least 1, found 0'],
  [{ code: 'too_small', origin: 'number', minimum: 0, inclusive: false, input: 0 }, 'expected more than 0, found 0'],
  [{ code: 'too_big', origin: 'int', maximum: 9, inclusive: true, input: 10 }, 'expected at most 9, found 10'],
  [{ code: 'too_small', origin: 'string', minimum: 1, input: '' }, 'expected at least 1 character'],
  [{ code: 'too_big', origin: 'array', maximum: 2, input: [1, 2, 3] }, 'expected at most 2 items'],
  [{ code: 'invalid_value', values: ['a'], input: 'b' }, 'expected "a", found "b"'],
  [{ code: 'invalid_value', values: ['a', 'b', 'c'], input: 5 }, 'expected "a", "b" or "c", found 5'],
  [{ code: 'custom', input: 5 }, null],
])('what should have been there is said of %o', (issue, message) => {
  expect(formMessage(issue)).toBe(message)
})
