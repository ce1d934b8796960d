import { describe, expect, it } from 'vitest'
import { boundedTtl, elapsedSeconds, negativeTtl, plainTtl, ttlLeft } from '../../src/cache/ttl.ts'

const bounds = { minTtl: 0, maxTtl: 86_400, maxNegativeTtl: 3_600 }

describe('TTL bounds', () => {
  it.each([
    [0, 0],
    [1, 1],
    [300, 300],
    [86_400, 86_400],
    [86_401, 86_400],
    [0x7fff_ffff, 86_400],
    [0x8000_0000, 0],
    [0xffff_ffff, 0],
  ])('keeps a TTL of %i for %i s', (ttl, kept) => {
    expect(boundedTtl(ttl, bounds)).toBe(kept)
  })

  it.each([
    [0, 60],
    [59, 60],
    [61, 61],
    [0x8000_0000, 60],
  ])('raises %i to %i s under a minimum of 60, as cache-min-ttl does', (ttl, kept) => {
    expect(boundedTtl(ttl, { ...bounds, minTtl: 60 })).toBe(kept)
  })

  it('treats the top bit as 0 (RFC 2181 section 8)', () => {
    expect([0x7fff_ffff, 0x8000_0000, 0xffff_ffff, -1].map(plainTtl)).toEqual([0x7fff_ffff, 0, 0, 0])
  })

  it.each([
    // SOA TTL, MINIMUM, kept
    [3600, 300, 300],
    [300, 3600, 300],
    [86_400, 86_400, 3_600],
    [0, 300, 0],
    [300, 0, 0],
    [300, 0x8000_0000, 0],
    [0xffff_ffff, 300, 0],
  ])('keeps a denial with SOA TTL %i and MINIMUM %i for %i s (RFC 2308 section 5)', (soaTtl, minimum, kept) => {
    expect(negativeTtl(soaTtl, minimum, bounds)).toBe(kept)
  })

  it('applies the minimum to denials, below their own maximum', () => {
    expect(negativeTtl(0, 10, { ...bounds, minTtl: 60 })).toBe(60)
    expect(negativeTtl(9, 9, { ...bounds, minTtl: 7200 })).toBe(3600)
  })
})

describe('counting down', () => {
  it.each([
    [0, 0],
    [999, 0],
    [1000, 1],
    [1999.9, 1],
    [2000, 2],
    [-5, 0],
  ])('%d ms are %i whole seconds', (ms, whole) => {
    expect(elapsedSeconds(500, 500 + ms)).toBe(whole)
  })

  it('a TTL that is counted down never goes below 0', () => {
    expect(ttlLeft(2, 0, 1_999)).toBe(1)
    expect(ttlLeft(2, 0, 2_000)).toBe(0)
    expect(ttlLeft(2, 0, 9_000)).toBe(0)
  })
})
