import { describe, expect, it } from 'vitest'
import { applies, formatMisbehaviour, misbehaviours, parseMisbehaviour } from '../../src/simulation/misbehaviour.ts'
import { question } from '../../src/simulation/records.ts'

describe('misbehaviours', () => {
  it.each([
    'lame',
    'slow(1500)',
    'refuses for www.example.com. AAAA',
    'servfails below example.com.',
    'silent for * AAAA',
    'spoofs(20) below .',
  ])('%s reads and writes', text => {
    expect(formatMisbehaviour(parseMisbehaviour(text))).toBe(text)
  })

  it.each([
    ['', /not a misbehaviour/],
    ['lam', /there are: lame, silent/],
    ['slow(x)', /not a misbehaviour/],
    ['toString', /not a misbehaviour/],
    ['lame for x BOGUS', /BOGUS is not a type/],
  ])('refuses %j', (text, message) => {
    expect(() => parseMisbehaviour(text)).toThrow(message)
  })

  it('applies to the names and types that it names', () => {
    const table: readonly (readonly [string, string, string, boolean])[] = [
      ['lame', 'x.', 'A', true],
      ['lame for www.example.', 'www.example.', 'A', true],
      ['lame for www.example.', 'WWW.example.', 'TXT', true],
      ['lame for www.example.', 'a.www.example.', 'A', false],
      ['lame below example.', 'a.www.example.', 'A', true],
      ['lame below example.', 'anexample.', 'A', false],
      ['lame for * AAAA', 'x.', 'AAAA', true],
      ['lame for * AAAA', 'x.', 'A', false],
      ['lame for www.example. AAAA', 'www.example.', 'A', false],
    ]
    for (const [text, name, type, expected] of table)
      expect([text, name, type, applies(parseMisbehaviour(text), question(name, type))]).toEqual([
        text,
        name,
        type,
        expected,
      ])
  })

  it('every one says what it does', () => {
    for (const [name, what] of Object.entries(misbehaviours)) expect(what.length, name).toBeGreaterThan(5)
  })
})
