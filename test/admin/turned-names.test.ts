/** Names turned round stand next to those of their zone, and to no others. */
import { describe, expect, it, test } from 'vitest'
import { turnedName, turnedRange } from '../../src/admin/history/turned-names.ts'

describe('a name turned round', () => {
  test.each([
    ['www.example.com.', 'com.example.www.'],
    ['com.', 'com.'],
    ['a\\.b.example.', 'example.a\\.b.'],
    ['a\\\\.example.', 'example.a\\\\.'],
    ['\\000.example.', 'example.\\000.'],
    ['.', '.'],
  ])('%s is %s', (name, turned) => {
    expect(turnedName(name)).toBe(turned)
  })

  const names = [
    ...['example.com.', 'www.example.com.', 'a.b.example.com.', 'xexample.com.', 'example.com.au.', 'com.'],
    ...[
      'example-x.com.',
      'example\\.x.com.',
      'x.example0.com.',
      '\\000.example.com.',
      '~.example.com.',
      'example.org.',
    ],
  ]

  it.each(['example.com.', 'com.', 'b.example.com.', 'org.'])('is in the range of %s when it is under it', zone => {
    const [from, to] = turnedRange(zone)
    const inside = names.filter(name => turnedName(name) >= from && turnedName(name) < to)
    expect(inside.sort()).toEqual(names.filter(name => name === zone || name.endsWith(`.${zone}`)).sort())
  })
})
