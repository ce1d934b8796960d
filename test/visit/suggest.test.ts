import { describe, expect, it, test } from 'vitest'
import { exitCodeOf } from '../../src/visit/exit-code.ts'
import { phasesOf, rowsOf } from '../../src/visit/rows.ts'
import { suggestionsFor } from '../../src/visit/suggest.ts'
import type { Failure, Hop, Pass, ResponseFacts } from '../../src/visit/types.ts'
import { attempt, hop, lookUp, pass, responded, tls } from './made.ts'

const kinds = (...passes: readonly Pass[]): readonly string[] => suggestionsFor({ passes }).map(({ kind }) => kind)
const response = (changes: Partial<ResponseFacts> = {}): Partial<Hop> => ({ response: responded(changes) })

describe('a suggestion', () => {
  test.each([
    ['nothing for HTTP/2 on TLS 1.3', [hop()], []],
    [
      'an HTTPS record for the way from http to https',
      [
        hop({ url: 'http://www.example.test/', isSecure: false, tls: null, end: to('https://www.example.test/') }),
        hop(),
      ],
      ['service-record'],
    ],
    [
      'fewer redirects for those of one scheme',
      [hop({ end: to('https://www.example.test/a') }), hop({ end: to('https://www.example.test/b') }), hop()],
      ['redirects'],
    ],
    [
      'nothing for a hop that an HTTPS record spared',
      [hop({ isSecure: false, end: { kind: 'redirect', by: 'service', to: 'https://www.example.test/' } }), hop()],
      [],
    ],
    ['HTTP/2 when ALPN gave none', [hop({ tls: tls({ alpn: 'http/1.1' }) })], ['http2']],
    [
      'keep-alive, and not HTTP/2, when the server closes',
      [hop({ tls: tls({ alpn: null }), ...response({ closes: true }) })],
      ['keep-alive'],
    ],
    ['TLS 1.3 for an older version', [hop({ tls: tls({ version: 'TLSv1.2' }) })], ['tls13']],
    [
      'a longer TTL',
      [hop({ lookUps: [lookUp('www.example.test', 'A', ['www.example.test. 20 IN A 192.0.2.1'])] })],
      ['ttl'],
    ],
    [
      'nothing for a TTL of a minute',
      [hop({ lookUps: [lookUp('www.example.test', 'A', ['www.example.test. 60 IN A 192.0.2.1'])] })],
      [],
    ],
    [
      'a look at the server when it takes most of the time',
      [hop({ times: { ...hop().times, firstOctetMs: 900, totalMs: 910 } })],
      ['slow-response'],
    ],
    [
      'compression of text',
      [hop(response({ headers: [['content-type', 'text/html']], contentBytes: 90_000 }))],
      ['compress'],
    ],
    [
      'nothing for text that is compressed, for little, and for pictures',
      [
        hop(
          response({
            headers: [
              ['content-type', 'text/html'],
              ['content-encoding', 'br'],
            ],
            contentBytes: 90_000,
          }),
        ),
      ],
      [],
    ],
    [
      'a look at the family that did not connect',
      [hop({ attempts: [attempt('::1', 20, 'failed'), attempt('192.0.2.1', 60, 'connected')] })],
      ['family'],
    ],
    [
      'nothing for a visit that failed',
      [hop({ tls: tls({ version: 'TLSv1.2' }), end: failed({ kind: 'empty-reply' }) })],
      [],
    ],
  ] as const)('is %s', (_, hops, wanted) => {
    expect(kinds(pass('cold', hops))).toEqual(wanted)
  })

  it('of a session that is not resumed needs a warm visit', () => {
    const cold = pass('cold', [hop()])
    expect(kinds(cold, pass('warm', [hop()]))).toEqual(['resume-tls'])
    expect(kinds(cold, pass('warm', [hop({ tls: tls({ isResumed: true }) })]))).toEqual([])
  })

  it('is one of three at most, the dearest first, and none that costs next to nothing', () => {
    const slow = hop({
      tls: tls({ version: 'TLSv1.2', alpn: 'http/1.1' }),
      lookUps: [lookUp('www.example.test', 'A', ['www.example.test. 1 IN A 192.0.2.1'])],
      ...response({ headers: [['content-type', 'text/html']], contentBytes: 90_000 }),
    })
    const costs = suggestionsFor({ passes: [pass('cold', [slow])] }).map(({ costMs }) => costMs)
    expect(costs).toHaveLength(3)
    expect(costs).toEqual([...costs].sort((a, b) => b - a))
    expect(suggestionsFor({ passes: [{ ...pass('cold', [slow]), tookMs: 100_000 }] })).toEqual([])
  })
})

describe('the time of a hop', () => {
  it('is cut into phases that add up', () => {
    const made = hop()
    expect(phasesOf(made)).toEqual({ names: 20, tcp: 10, tls: 30, request: 1, wait: 19, content: 20 })
    expect(Object.values(phasesOf(made)).reduce<number>((sum, ms) => sum + (ms ?? 0), 0)).toBe(made.times.totalMs)
  })

  it('is shown in rows, each with its layer and protocol', () => {
    const made = hop({
      lookUps: [lookUp('www.example.test', 'A', ['www.example.test. 60 IN A 192.0.2.1'])],
      attempts: [attempt('::1', 20, 'abandoned'), attempt('192.0.2.1', 25, 'connected')],
    })
    expect(
      rowsOf(made).map(({ layer, protocol, what, outcome }) => `${layer} ${protocol} ${what.kind} ${outcome}`),
    ).toEqual([
      'application DNS look-up done',
      'transport TCP attempt abandoned',
      'transport TCP attempt done',
      'internet IPv4 route done',
      'transport TLS handshake done',
      'application HTTP/2 request done',
      'application HTTP/2 wait done',
      'application HTTP/2 content done',
    ])
  })
})

describe('the exit code', () => {
  test.each<readonly [Failure, number]>([
    [{ kind: 'names', why: 'no-such-name' }, 6],
    [{ kind: 'refused-target', address: '::1', what: 'loopback' }, 9],
    [{ kind: 'connect', reason: 'ECONNREFUSED' }, 7],
    [{ kind: 'time-out', during: 'tls' }, 28],
    [{ kind: 'tls', reason: 'EPROTO' }, 35],
    [{ kind: 'certificate', reason: 'CERT_HAS_EXPIRED' }, 60],
    [{ kind: 'empty-reply' }, 52],
    [{ kind: 'bad-reply', protocol: 'HTTP/1.1', reason: 'HPE_X' }, 8],
    [{ kind: 'bad-reply', protocol: 'HTTP/2', reason: 'PROTOCOL_ERROR' }, 16],
    [{ kind: 'header-too-large', bytes: 1 }, 100],
    [{ kind: 'broken-off', during: 'request', reason: '' }, 56],
    [{ kind: 'incomplete-content', reason: '' }, 18],
    [{ kind: 'too-many-redirects', allowed: 10 }, 47],
    [{ kind: 'bad-redirect', location: 'ftp://a', why: 'scheme' }, 1],
    [{ kind: 'bad-redirect', location: 'http://[', why: 'malformed' }, 3],
  ])('of %j is that of curl', (failure, code) => {
    expect(exitCodeOf({ passes: [pass('cold', [hop({ end: failed(failure) })])] }, false)).toBe(code)
  })

  test.each([
    [200, true, 0],
    [404, false, 0],
    [404, true, 22],
    [500, true, 22],
  ])('of status %i with --fail %s is %i', (status, fails, code) => {
    expect(exitCodeOf({ passes: [pass('cold', [hop(response({ status }))])] }, fails)).toBe(code)
  })
})

function to(url: string): Hop['end'] {
  return { kind: 'redirect', by: 'status', to: url }
}

function failed(failure: Failure): Hop['end'] {
  return { kind: 'failed', failure }
}
