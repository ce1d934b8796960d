/** A visit to a URL as rows of a waterfall, and in words. */
import { describe, expect, it } from 'vitest'
import { failureText, type Hop, phaseMs, rowText, toneOf, type VisitRow } from '../../src/dashboard/model/visit.ts'

describe('a visit', () => {
  const row = (more: Partial<VisitRow>): VisitRow => ({
    ...{ layer: 'transport', protocol: 'TCP', what: 'attempt', fromMs: 0, toMs: 1, outcome: 'done' },
    ...more,
  })
  const differences = { namesMs: 3, tcpMs: null, tlsMs: null, requestMs: null, waitMs: null, contentMs: null }
  const hop: Hop = {
    ...{ url: 'http://a/', method: 'GET', atMs: 0, end: { kind: 'done' }, times: { totalMs: 9 }, differences },
    ...{ rows: [], lookUps: [], services: [], connection: null, tls: null, response: null },
  }

  it.each([
    [row({ to: '2001:db8::1', port: 443 }), '[2001:db8::1]:443', 'side'],
    [row({ to: '192.0.2.1', port: 80, outcome: 'abandoned' }), '192.0.2.1:80, given up', 'side'],
    [row({ what: 'look-up', protocol: 'DNS', name: 'a.', type: 'AAAA' }), 'AAAA a.', 'main'],
    [row({ what: 'handshake', protocol: 'TLS', outcome: 'failed' }), 'handshake', 'bad'],
    [row({ what: 'request', protocol: 'HTTP/2' }), 'GET sent', 'http'],
    [row({ what: 'content', protocol: 'HTTP/2' }), '0 octets of content', 'http'],
  ] as const)('has the row %j as %j', (one, text, tone) => {
    expect([rowText(one, hop), toneOf(one)]).toEqual([text, tone])
  })

  it('costs in a phase what all of its hops cost', () => {
    const pass = { kind: 'cold', tookMs: 9, hops: [hop, hop] } as const
    expect([phaseMs(pass, 'namesMs'), phaseMs(pass, 'tcpMs')]).toEqual([6, null])
  })

  it.each([
    [{ failure: 'names', why: 'no-such-name' }, 'the name does not exist'],
    [{ failure: 'refused-target', address: '10.0.0.1', what: 'private' }, '10.0.0.1 is not reached from here: private'],
    [{ failure: 'certificate', reason: 'CERT_HAS_EXPIRED' }, 'the certificate is not accepted: it has expired'],
    [{ failure: 'connect', reason: 'ECONNREFUSED' }, 'no connection: ECONNREFUSED'],
    [{ failure: 'new-kind' }, 'new-kind'],
  ] as const)('that failed by %j says so', (end, text) => {
    expect(failureText({ kind: 'failed', ...end })).toBe(text)
  })
})
