/** Settings as the dashboard finds, reads and sends them. */
import { describe, expect, it } from 'vitest'
import {
  fieldOf,
  grouped,
  isFound,
  isShown,
  nested,
  readTyped,
  type Setting,
  settingAt,
  SHOWN,
  typedText,
  valueText,
} from '../../src/dashboard/model/settings.ts'

const setting = (path: string, value: unknown, more: Partial<Setting> = {}): Setting => ({
  ...{ path, value, default: value, source: 'default', where: null, takesEffect: 'reload' },
  ...{ isPending: false, fixed: null, description: '' },
  ...more,
})

describe('a setting', () => {
  it.each([
    ['dnssec.validate', true, 'choice', 'true', 'true'],
    ['cache.maxTtl', 86_400, 'line', '86400', '86400'],
    ['udp', 'auto', 'line', 'auto', 'auto'],
    ['server.identity', '53', 'line', '53', '"53"'],
    ['state', null, 'line', 'none', ''],
    ['listen', ['127.0.0.1:53'], 'lines', '["127.0.0.1:53"]', '[\n  "127.0.0.1:53"\n]'],
  ] as const)('%s with %j is shown, and changed in the field of its kind', (path, value, field, text, typed) => {
    const one = setting(path, value)
    expect([fieldOf(one), valueText(value), typedText(one)]).toEqual([field, text, typed])
    if (value !== null) expect(readTyped(one, typedText(one))).toEqual({ kind: 'value', value })
  })

  it.each([
    ['auto', { kind: 'value', value: 'auto' }],
    ['  64MiB ', { kind: 'value', value: '64MiB' }],
    ['false', { kind: 'value', value: false }],
    ['12', { kind: 'value', value: 12 }],
    ['"12"', { kind: 'value', value: '12' }],
    ['["a"]', { kind: 'value', value: ['a'] }],
    ['["a"', { kind: 'faulty', why: expect.stringMatching(/^is no JSON: /) }],
    ['{a: 1}', { kind: 'faulty', why: expect.stringMatching(/^is no JSON: /) }],
  ] as const)('typed as %j is read as what it is in JSON, else as a text', (text, expected) => {
    expect(readTyped(setting('a', 'text'), text)).toEqual(expected)
  })

  it('that is a list is not taken for a text', () => {
    expect(readTyped(setting('a', ['b']), 'b, c')).toMatchObject({ kind: 'faulty' })
  })

  it('is found by all the words that were typed, in its path, value or description', () => {
    const one = setting('cache.bytes', 1_024, { description: 'Memory for everything that is cached.' })
    expect(['', 'CACHE', 'cache mem', '1024 bytes', 'cache nothing'].map(typed => isFound(one, typed))).toEqual([
      ...[true, true, true, true, false],
    ])
  })

  it('is shown under what it is', () => {
    const shownOf = (one: Setting): readonly string[] => SHOWN.filter(shown => isShown(one, shown))
    expect(shownOf(setting('a', 1, { fixed: 'why' }))).toEqual(['all'])
    expect(shownOf(setting('a', 1, { source: 'file', isPending: true }))).toEqual(['all', 'set', 'pending', 'open'])
  })
})

describe('settings', () => {
  it('stand in groups, those whose path has what was typed first', () => {
    const all = [setting('udp', 'auto'), setting('dnssec.validate', true), setting('cache.bytes', 1)]
    const titles = (typed: string): readonly string[] => grouped(all, typed).map(([title]) => title)
    expect(titles('')).toEqual(['general', 'dnssec', 'cache'])
    expect(titles('cache')).toEqual(['cache', 'general', 'dnssec'])
  })

  it('are sent in the form of the file', () => {
    const values = new Map<string, unknown>([
      ['udp', 'plain'],
      ['dnssec.validate', null],
      ['dnssec.disallow', ['RSASHA1']],
    ])
    expect(nested(values)).toEqual({ udp: 'plain', dnssec: { validate: null, disallow: ['RSASHA1'] } })
  })

  it.each([
    ['/dnssec/validate', 'dnssec.validate'],
    ['/policy/lists/0/url', 'policy.lists'],
    ['/policy/listsmore', null],
    ['', null],
  ] as const)('%j is the place of a fault in its field', (pointer, path) => {
    expect(settingAt(pointer, ['dnssec.validate', 'policy.lists'])).toBe(path)
  })
})
