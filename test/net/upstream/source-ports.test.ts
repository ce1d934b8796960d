import { describe, expect, it } from 'vitest'
import { isAvoidedPort, randomSourcePort } from '../../../src/net/upstream/source-ports.ts'
import { refusal } from '../../../src/system/system-error.ts'

describe('randomSourcePort', () => {
  it('draws again when the port means something to others on the way', () => {
    const drawn = [1900, 11211, 4791, 5353, 3702, 5355, 40_000].map(port => port - 1_024)
    const random = { below: () => drawn.shift() ?? 0, bytes: () => {} }
    expect(randomSourcePort(random)).toBe(40_000)
    expect(drawn).toEqual([])
  })

  it('reaches both ends of the range', () => {
    expect(randomSourcePort({ below: () => 0, bytes: () => {} })).toBe(1_024)
    expect(randomSourcePort({ below: n => n - 1, bytes: () => {} })).toBe(65_535)
  })

  it('few source ports are avoided', () => {
    const avoided = Array.from({ length: 65_536 }, (_, port) => port).filter(isAvoidedPort)
    expect(avoided).toEqual(expect.arrayContaining([1900, 3702, 4791, 5353, 5355, 11211]))
    expect(avoided.length).toBeLessThan(32)
  })
})

describe('refusal', () => {
  it.each([
    ['ECONNREFUSED', { kind: 'unreachable', reason: 'ECONNREFUSED', family: false }],
    ['EHOSTUNREACH', { kind: 'unreachable', reason: 'EHOSTUNREACH', family: false }],
    ['ENETUNREACH', { kind: 'unreachable', reason: 'ENETUNREACH', family: true }],
    ['EADDRNOTAVAIL', { kind: 'unreachable', reason: 'EADDRNOTAVAIL', family: true }],
    ['EAFNOSUPPORT', { kind: 'unreachable', reason: 'EAFNOSUPPORT', family: true }],
    ['EMFILE', { kind: 'not-sent', reason: 'EMFILE' }],
    ['ENOBUFS', { kind: 'not-sent', reason: 'ENOBUFS' }],
  ])('%s', (code, expected) => {
    expect(refusal(code)).toEqual(expected)
  })
})
