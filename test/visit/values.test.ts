import { createHash } from 'node:crypto'
import { describe, expect, it, test } from 'vitest'
import { groupRRsets } from '../../src/dns/rrset.ts'
import { caaNames, caaRecords } from '../../src/visit/records/caa.ts'
import { daneMatch } from '../../src/visit/records/dane.ts'
import { serviceName, tlsaName } from '../../src/visit/records/dns-names.ts'
import { headersAfter, methodAfter, redirectOf } from '../../src/visit/http/redirect.ts'
import { readTarget, securedUrl } from '../../src/visit/target.ts'
import { passKinds } from '../../src/visit/visit.ts'
import { authority, leaf } from './certificates.ts'
import { question, record } from './names.ts'
import { target } from './site.ts'

describe('a URL', () => {
  test.each([
    ['https://Example.TEST', { url: 'https://example.test/', port: 443, path: '/', authority: 'example.test' }],
    ['http://example.test:80/a?b#c', { url: 'http://example.test/a?b', port: 80, path: '/a?b' }],
    ['http://u:p%40@example.test/', { url: 'http://example.test/', authorization: 'Basic dTpwQA==' }],
    ['https://example.test:8443/', { authority: 'example.test:8443', origin: 'https://example.test:8443' }],
    ['https://[2001:db8::1]/', { authority: '[2001:db8::1]', host: { kind: 'address' } }],
    ['https://bücher.test/', { host: { kind: 'name', text: 'xn--bcher-kva.test' } }],
  ])('%s is read', (url, wanted) => {
    expect(target(url)).toMatchObject(wanted)
  })

  test.each([
    ['nonsense', 'malformed'],
    ['ftp://example.test/', 'scheme'],
    [`https://${'a'.repeat(64)}.test/`, 'malformed'],
    ['https://a..test/', 'malformed'],
    ['https://', 'malformed'],
  ])('%s is %s', (url, why) => {
    expect(readTarget(url)).toMatchObject({ kind: 'invalid', why })
  })

  test.each([
    ['http://example.test/', 'https://example.test/'],
    ['http://example.test:8080/', 'https://example.test:8080/'],
  ])('%s over TLS is %s', (url, secured) => {
    expect(securedUrl(target(url))).toBe(secured)
  })
})

describe('names about a host', () => {
  const host = question('www.example.test', 'A').name
  test.each([
    [serviceName(host, 443), 'www.example.test'],
    [serviceName(host, 8443), '_8443._https.www.example.test'],
    [tlsaName(host, 443), '_443._tcp.www.example.test'],
  ])('%j is %s', (name, text) => {
    expect(name).toBe(question(text, 'A').name)
  })

  it('for CAA go up from the host and leave out the root', () => {
    const names = ['www.example.test', 'example.test', 'test'].map(name => question(name, 'A').name)
    expect(caaNames(host, 10)).toEqual(names)
    expect(caaNames(host, 2)).toEqual(names.slice(0, 2))
  })
})

describe('CAA records', () => {
  it('are read, and those cut short are left out', () => {
    const sets = groupRRsets([
      record('a.test. 60 IN CAA 0 issue "ca.example; a=b"'),
      record('a.test. 60 IN CAA 128 IODEF "mailto:a@b"'),
    ])
    const [set] = sets
    if (set === undefined) throw new Error('no set')
    expect(caaRecords([{ ...set, rdatas: [...set.rdatas, Uint8Array.of(0, 5, 0x61), Uint8Array.of(0)] }])).toEqual([
      { isCritical: false, tag: 'issue', value: 'ca.example; a=b' },
      { isCritical: true, tag: 'iodef', value: 'mailto:a@b' },
    ])
  })
})

describe('a TLSA record', () => {
  const ca = authority()
  const own = leaf(ca, { names: ['www.example.test'] })
  const stranger = authority('Stranger')
  const chain = [own.der, ca.der]
  const hash = (name: string, octets: Uint8Array): string => createHash(name).update(octets).digest('hex')
  const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex')
  test.each([
    ['3 1 1', hash('sha256', own.spki), true, 'match'],
    ['3 0 1', hash('sha256', own.der), false, 'match'],
    ['3 1 2', hash('sha512', own.spki), false, 'match'],
    ['3 1 0', hex(own.spki), false, 'match'],
    ['3 0 0', hex(own.der), false, 'match'],
    ['2 0 1', hash('sha256', ca.der), false, 'match'],
    ['2 1 1', hash('sha256', ca.spki), false, 'match'],
    ['1 1 1', hash('sha256', own.spki), true, 'match'],
    ['1 1 1', hash('sha256', own.spki), false, 'no-match'],
    ['0 1 1', hash('sha256', ca.spki), true, 'match'],
    ['2 1 1', hash('sha256', own.spki), true, 'no-match'],
    ['3 1 1', hash('sha256', ca.spki), true, 'no-match'],
    ['3 1 1', hash('sha256', stranger.spki), true, 'no-match'],
  ])('%s %s, PKIX %s: %s', (fields, data, isPkix, verdict) => {
    const sets = groupRRsets([record(`_443._tcp.www.example.test. 60 IN TLSA ${fields} ${data}`)])
    expect(daneMatch(sets, chain, isPkix).kind).toBe(verdict)
  })

  it('of an authority that did not sign the leaf is no match', () => {
    const sets = groupRRsets([record(`a.test. 60 IN TLSA 2 1 1 ${hash('sha256', stranger.spki)}`)])
    expect(daneMatch(sets, [own.der, stranger.der], true).kind).toBe('no-match')
  })

  it('of unknown fields counts as none', () => {
    const sets = groupRRsets([record('a.test. 60 IN TLSA 9 1 1 aabb'), record('a.test. 60 IN TLSA 3 7 1 aabb')])
    expect(daneMatch(sets, chain, true)).toEqual({ kind: 'none' })
  })
})

describe('a redirect', () => {
  const answered = (status: number, ...headers: readonly (readonly [string, string])[]) => ({
    protocol: 'HTTP/1.1' as const,
    status,
    reason: '',
    headers,
    interim: [],
    contentBytes: 0,
    closes: false,
  })

  it('is one of five codes with a Location', () => {
    for (const status of [301, 302, 303, 307, 308]) expect(redirectOf(answered(status, ['LOCATION', '/a']))).toBe('/a')
    for (const status of [200, 201, 300, 304]) expect(redirectOf(answered(status, ['location', '/a']))).toBeNull()
    expect(redirectOf(answered(302))).toBeNull()
  })

  test.each([
    [301, 'POST', 'GET'],
    [302, 'POST', 'GET'],
    [302, 'PUT', 'PUT'],
    [303, 'PUT', 'GET'],
    [303, 'HEAD', 'HEAD'],
    [307, 'POST', 'POST'],
    [308, 'DELETE', 'DELETE'],
  ])('of %i turns %s into %s', (status, method, after) => {
    expect(methodAfter(status, method)).toBe(after)
  })

  test.each([
    ['https://a.test/', 'https://a.test/b', true],
    ['https://a.test/', 'https://b.test/', false],
    ['https://a.test/', 'https://a.test:8443/', false],
    ['https://a.test/', 'http://a.test/', false],
  ])('from %s to %s keeps credentials: %s', (from, to, keeps) => {
    const headers = [
      ['Authorization', 'x'],
      ['cookie', 'y'],
      ['X-Own', 'z'],
    ] as const
    expect(headersAfter(headers, target(from), target(to))).toEqual(keeps ? headers : [['X-Own', 'z']])
  })
})

test('passes are cold, then warm, and once over what is open', () => {
  expect(passKinds(1)).toEqual(['cold'])
  expect(passKinds(2)).toEqual(['cold', 'warm', 'reused'])
  expect(passKinds(3)).toEqual(['cold', 'warm', 'warm', 'reused'])
})
