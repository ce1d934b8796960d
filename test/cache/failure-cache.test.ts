import { describe, expect, it } from 'vitest'
import { FailureCache, type Failure } from '../../src/cache/failure-cache.ts'
import { EdeCode, RrType } from '../../src/dns/types.ts'
import type { FailureReason } from '../../src/steps.ts'
import { limitsOf, q, T0 } from './made.ts'

const failure = (why: FailureReason = 'unreachable'): Failure => ({
  why,
  ede: EdeCode.NoReachableAuthority,
  text: 'no server of example. answered',
})
const open = (): FailureCache => new FailureCache(limitsOf(), 1024 * 1024)
const question = q('www.example.')

describe('failure cache (RFC 9520)', () => {
  it('doubles from 5 s to 300 s as long as it keeps failing', () => {
    const cache = open()
    let now = T0
    const lives: number[] = []
    for (let i = 0; i < 9; i++) {
      cache.put(question, failure(), now)
      const found = cache.find(question, now)
      expect(found?.inRow).toBe(i + 1)
      const end = found?.expiresAt ?? 0
      lives.push(end - now)
      expect(cache.find(question, end - 1)?.inRow).toBe(i + 1)
      expect(cache.find(question, end)).toBeUndefined()
      now = end + 1
    }
    expect(lives).toEqual([5, 10, 20, 40, 80, 160, 300, 300, 300].map(s => s * 1000))
  })

  it('forgets the row after a success or a quiet time', () => {
    const cache = open()
    cache.put(question, failure(), T0)
    cache.put(question, failure(), T0 + 5_000)
    expect(cache.find(question, T0 + 5_000)?.inRow).toBe(2)
    cache.succeeded(question)
    expect(cache.find(question, T0 + 5_000)).toBeUndefined()
    cache.put(question, failure(), T0 + 6_000)
    expect(cache.find(question, T0 + 6_000)?.inRow).toBe(1)
    cache.put(question, failure(), T0 + 11_000 + 300_000)
    expect(cache.find(question, T0 + 11_000 + 300_000)?.inRow).toBe(1)
  })

  it('is not prolonged by failures beside it', () => {
    const cache = open()
    cache.put(question, failure(), T0)
    for (let i = 0; i < 100; i++) cache.put(question, failure('deadline'), T0 + i)
    expect(cache.find(question, T0 + 1)).toEqual({
      ...failure('deadline'),
      inRow: 1,
      storedAt: T0,
      expiresAt: T0 + 5_000,
    })
  })

  it('the failure cache tells questions apart', () => {
    const cache = open()
    cache.put(question, failure(), T0)
    for (const other of [q('example.'), q('a.www.example.'), q('www.example.', RrType.AAAA), { ...question, class: 3 }])
      expect(cache.find(other, T0)).toBeUndefined()
    cache.clear()
    expect(cache.find(question, T0)).toBeUndefined()
  })
})
