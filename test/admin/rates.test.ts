import { describe, expect, it } from 'vitest'
import { adminLimits } from '../../src/admin/limits.ts'
import { RateLimiter, WrongTokens } from '../../src/admin/rates.ts'
import { hashOf, sessionIn, Sessions } from '../../src/admin/sessions.ts'
import { createHash } from 'node:crypto'

const { rateBurst, ratePerSecond, wrongTokensFree, wrongTokenMaxMs, ratedKeys } = adminLimits

describe('the rate of a token', () => {
  it('is a burst, then what comes again in a second, for each token apart', () => {
    const rates = new RateLimiter()
    for (let i = 1; i <= rateBurst; i++) expect(rates.take('a', 0).remaining).toBe(rateBurst - i)
    expect(rates.take('a', 0)).toMatchObject({ allowed: false, remaining: 0, waitS: 1 })
    expect(rates.take('b', 0).allowed).toBe(true)
    for (let i = 0; i < ratePerSecond; i++) expect(rates.take('a', 1_000).allowed).toBe(true)
    expect(rates.take('a', 1_000).allowed).toBe(false)
  })

  it('is not changed by a clock that goes back', () => {
    const rates = new RateLimiter()
    rates.take('a', 10_000)
    expect(rates.take('a', 0).remaining).toBe(rateBurst - 2)
  })
})

describe('an address with wrong tokens', () => {
  it('waits twice as long with each beyond the first few, up to a bound, and not after a right one', () => {
    const wrong = new WrongTokens()
    const waits: number[] = []
    for (let i = 0; i < wrongTokensFree + 12; i++) {
      wrong.failed('a', 0)
      waits.push(wrong.waitS('a', 0))
    }
    expect(waits.slice(0, wrongTokensFree + 3)).toEqual([0, 0, 0, 0, 1, 2, 4, 8])
    expect(waits.at(-1)).toBe(wrongTokenMaxMs / 1_000)
    expect(wrong.waitS('b', 0)).toBe(0)
    expect(wrong.waitS('a', wrongTokenMaxMs)).toBe(0)
    wrong.succeeded('a')
    expect(wrong.waitS('a', 0)).toBe(0)
  })

  it('is forgotten when too many others came after it', () => {
    const wrong = new WrongTokens()
    for (let i = 0; i < wrongTokensFree; i++) wrong.failed('a', 0)
    for (let i = 0; i < ratedKeys; i++) wrong.failed(`other ${i}`, 0)
    expect(wrong.waitS('a', 0)).toBe(0)
  })
})

describe('a session', () => {
  const sha256 = createHash('sha256').update('t').digest('hex')
  const tokens = [{ name: 'ci', scope: 'read' as const, sha256, expires: null as number | null }]

  it('ends after its time, and with its token', () => {
    let current = tokens
    const sessions = new Sessions(() => current)
    const { id, expires } = sessions.open({ sha256: hashOf('t') }, 100)
    expect(sessions.find(id, 100)?.principal).toEqual({ name: 'ci', scope: 'read' })
    expect(sessions.find(id, expires)).toBeNull()
    expect(sessions.find('other', 100)).toBeNull()
    current = tokens.map(token => ({ ...token, expires: 150 }))
    expect(sessions.find(id, 149)).not.toBeNull()
    expect(sessions.find(id, 150)).toBeNull()
    current = []
    expect(sessions.find(id, 100)).toBeNull()
  })

  it('is closed, and the oldest goes when there are too many', () => {
    const sessions = new Sessions(() => tokens)
    const first = sessions.open({ sha256: hashOf('t') }, 0)
    const second = sessions.open({ sha256: hashOf('t') }, 0)
    sessions.close(second.id)
    expect(sessions.find(second.id, 0)).toBeNull()
    for (let i = 0; i < adminLimits.sessions; i++) sessions.open({ sha256: hashOf('t') }, 0)
    expect(sessions.find(first.id, 0)).toBeNull()
  })

  it.each([
    ['rootwalk_session=ab-c', 'ab-c'],
    ['a=b; rootwalk_session=x', 'x'],
    ['xrootwalk_session=x', null],
    ['rootwalk_session=', null],
    ['rootwalk_session=a b', null],
    [undefined, null],
  ])('in the header "%s" is %s', (header, id) => {
    expect(sessionIn(header)).toBe(id)
  })
})
