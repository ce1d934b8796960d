import { ALL, V4MAPPED } from 'node:dns'
import { describe, expect, test } from 'vitest'
import {
  failureOf,
  type Found,
  lookupError,
  outcomeOf,
  type Wanted,
} from '../../../src/testing/node-dns/lookup-outcome.ts'

const ok4: Found = { kind: 'addresses', addresses: ['192.0.2.9', '192.0.2.1'] }
const ok6: Found = { kind: 'addresses', addresses: ['2001:db8::9', '2001:db8::1'] }
const failed = (code: string): Found => ({ kind: 'failed', failure: failureOf(code) })
const NODATA = failed('ENODATA')
const NXDOMAIN = failed('ENOTFOUND')
const SERVFAIL = failed('ESERVFAIL')
const FORMERR = failed('EFORMERR')
const wanted = (changes: Partial<Wanted> = {}): Wanted => ({ family: 0, order: 'verbatim', hints: 0, ...changes })

/** Addresses, or the failure. */
const shown = (ipv4: Found | null, ipv6: Found | null, changes: Partial<Wanted> = {}): string => {
  const outcome = outcomeOf(ipv4, ipv6, wanted(changes))
  return outcome.kind === 'failed' ? outcome.failure : outcome.addresses.map(({ address }) => address).join(' ')
}

describe('what getaddrinfo makes of two replies', () => {
  test.each<[string, Found | null, Found | null, Partial<Wanted>, string]>([
    ['IPv6 is first', ok4, ok6, {}, '2001:db8::9 2001:db8::1 192.0.2.9 192.0.2.1'],
    ['ipv4first', ok4, ok6, { order: 'ipv4first' }, '192.0.2.9 192.0.2.1 2001:db8::9 2001:db8::1'],
    ['ipv6first', ok4, ok6, { order: 'ipv6first' }, '2001:db8::9 2001:db8::1 192.0.2.9 192.0.2.1'],
    ['one family of two', ok4, NODATA, {}, '192.0.2.9 192.0.2.1'],
    ['the other family has failed', ok4, SERVFAIL, {}, '192.0.2.9 192.0.2.1'],
    ['and the other way round', SERVFAIL, ok6, {}, '2001:db8::9 2001:db8::1'],
    ['family 4', ok4, null, { family: 4 }, '192.0.2.9 192.0.2.1'],
    ['family 6', null, ok6, { family: 6 }, '2001:db8::9 2001:db8::1'],
    ['mapped, there is IPv6', ok4, ok6, { family: 6, hints: V4MAPPED }, '2001:db8::9 2001:db8::1'],
    ['mapped, there is none', ok4, NODATA, { family: 6, hints: V4MAPPED }, '::ffff:192.0.2.9 ::ffff:192.0.2.1'],
    [
      'mapped, all',
      ok4,
      ok6,
      { family: 6, hints: V4MAPPED | ALL },
      '2001:db8::9 2001:db8::1 ::ffff:192.0.2.9 ::ffff:192.0.2.1',
    ],
    [
      'mapped matters for family 6 only',
      ok4,
      ok6,
      { hints: V4MAPPED | ALL },
      '2001:db8::9 2001:db8::1 192.0.2.9 192.0.2.1',
    ],
    ['no such name', NXDOMAIN, NXDOMAIN, {}, 'EAI_NONAME'],
    ['no address', NODATA, NODATA, {}, 'EAI_NODATA'],
    ['no such name for AAAA', NODATA, NXDOMAIN, {}, 'EAI_NONAME'],
    ['a server that fails', SERVFAIL, SERVFAIL, {}, 'EAI_AGAIN'],
    ['A fails, no AAAA', SERVFAIL, NODATA, {}, 'EAI_AGAIN'],
    ['no A, AAAA fails', NODATA, SERVFAIL, {}, 'EAI_NODATA'],
    ['no such name for A', NXDOMAIN, SERVFAIL, {}, 'EAI_NONAME'],
    ['a server that does not understand', FORMERR, FORMERR, {}, 'EAI_NONAME'],
    ['family 4 without', NODATA, null, { family: 4 }, 'EAI_NODATA'],
    ['family 6 fails', null, SERVFAIL, { family: 6 }, 'EAI_AGAIN'],
    ['an answer without addresses', { kind: 'addresses', addresses: [] }, NODATA, {}, 'EAI_NODATA'],
  ])('%s', (_, ipv4, ipv6, changes, expected) => {
    expect(shown(ipv4, ipv6, changes)).toBe(expected)
  })

  test.each([
    ['EREFUSED', 'EAI_AGAIN'],
    ['ENOTIMP', 'EAI_AGAIN'],
    ['ETIMEOUT', 'EAI_AGAIN'],
    ['ECONNREFUSED', 'EAI_AGAIN'],
    ['EBADRESP', 'EAI_AGAIN'],
    ['EBADNAME', 'EAI_NONAME'],
  ])('%s is %s', (code, failure) => {
    expect(failureOf(code)).toBe(failure)
  })

  test('the outcome of a look-up says the family of each address', () => {
    expect(outcomeOf(ok4, ok6, wanted({ family: 6, hints: V4MAPPED | ALL }))).toMatchObject({
      addresses: [{ family: 6 }, { family: 6 }, { family: 6 }, { family: 6 }],
    })
    expect(outcomeOf(ok4, ok6, wanted())).toMatchObject({
      addresses: [{ family: 6 }, { family: 6 }, { family: 4 }, { family: 4 }],
    })
  })
})

test('errors have the numbers of libuv', () => {
  expect({ ...lookupError('EAI_NODATA', 'getaddrinfo', 'a.test') }).toEqual({
    errno: -3007,
    code: 'ENOTFOUND',
    syscall: 'getaddrinfo',
    hostname: 'a.test',
  })
  expect({ ...lookupError('EAI_NONAME', 'getnameinfo', 'a.test') }).toEqual({
    errno: -3008,
    code: 'ENOTFOUND',
    syscall: 'getnameinfo',
    hostname: 'a.test',
  })
  expect({ ...lookupError('EAI_AGAIN', 'getaddrinfo', 'a.test') }).toEqual({
    errno: -3001,
    code: 'EAI_AGAIN',
    syscall: 'getaddrinfo',
    hostname: 'a.test',
  })
})
