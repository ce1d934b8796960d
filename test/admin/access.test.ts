import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { bearerToken, judgeToken, mayDo, SCOPES } from '../../src/admin/access.ts'
import type { TokenSetting } from '../../src/admin/messages.ts'

const hash = (token: string): string => createHash('sha256').update(token).digest('hex')
const tokens: readonly TokenSetting[] = [
  { name: 'reader', scope: 'read', sha256: hash('rw_one'), expires: null },
  { name: 'old', scope: 'admin', sha256: hash('rw_two'), expires: 1_000 },
  { name: 'broken', scope: 'admin', sha256: 'ab', expires: null },
]

describe('a token', () => {
  it.each([
    [
      'that is known names its owner and scope',
      'rw_one',
      5,
      { kind: 'known', principal: { name: 'reader', scope: 'read' } },
    ],
    ['is taken until it expires', 'rw_two', 999, { kind: 'known', principal: { name: 'old', scope: 'admin' } }],
    ['is not taken in the second in which it expires', 'rw_two', 1_000, { kind: 'expired', name: 'old' }],
    ['of nobody is unknown', 'rw_three', 5, { kind: 'unknown' }],
    ['that is empty is unknown', '', 5, { kind: 'unknown' }],
    ['that is the hash of another is unknown', hash('rw_one'), 5, { kind: 'unknown' }],
  ])('%s', (_what, token, wall, expected) => {
    expect(judgeToken(token, tokens, wall)).toEqual(expected)
  })
})

describe('the Authorization header', () => {
  it.each([
    ['Bearer rw_a.b~c', 'rw_a.b~c'],
    ['bearer  x', 'x'],
    ['Basic eDp5', null],
    ['Bearer', null],
    ['Bearer a b', null],
    [undefined, null],
    [`Bearer ${'x'.repeat(513)}`, null],
  ])('%s holds the token %s', (header, token) => {
    expect(bearerToken(header)).toBe(token)
  })
})

it('each scope may do what those before it may, and no more', () => {
  for (const [has, one] of SCOPES.entries())
    for (const [wanted, other] of SCOPES.entries()) expect(mayDo(one, other)).toBe(has >= wanted)
})
