import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { X509Certificate } from 'node:crypto'
import { afterAll, afterEach, describe, expect, test } from 'vitest'
import { runQueryLine } from '../../../src/cli/query/line.ts'
import { idIn } from '../../net/support.ts'
import { frame } from '../../../src/dns/framing.ts'
import { questionEnd } from '../../../src/dns/wire.ts'
import { answer, cleanUp, patched } from '../../net/support.ts'
import { type HttpsHandler, httpsServer, testAuthority, testCertificate, tlsServer } from '../../net/tls-support.ts'

const directory = mkdtempSync(join(tmpdir(), 'rootwalk-query-tls-'))
const authorities = join(directory, 'ca.pem')
writeFileSync(authorities, testAuthority.cert)
afterAll(() => rmSync(directory, { recursive: true }))
afterEach(cleanUp)

async function run(port: number, words: string): Promise<{ code: unknown; out: string; err: string }> {
  const ran = { out: '', err: '' }
  const code = await runQueryLine(
    ['@127.0.0.1', '-p', String(port), ...words.split(' ')],
    () => Promise.resolve({ address: '127.0.0.1', port: 1 }),
    {
      out: text => {
        ran.out += text
      },
      err: text => {
        ran.err += text
      },
    },
  )
  return { code, ...ran }
}

/** The question alone, answered. */
const plainAnswer = (q: Uint8Array): Uint8Array => answer(patched(q.subarray(0, questionEnd(q)), { 11: 0 }))
const dot = () => tlsServer((q, socket) => socket.write(frame(plainAnswer(q))))
const doh: HttpsHandler = (q, response) => {
  response.writeHead(200, { 'content-type': 'application/dns-message' })
  response.end(plainAnswer(q))
}
const fingerprint = new X509Certificate(testCertificate.cert).fingerprint256

describe('a query over TLS', () => {
  test('is padded, and shows the certificate without checking it when nothing is trusted', async () => {
    const server = await dot()
    const { out, code, err } = await run(server.server.port, 'www.example +tls')
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(/^;; SERVER: 127\.0\.0\.1#\d+ \(TLS\)$/m)
    expect(out).toMatch(/^;; TLS: TLSv1\.3, TLS_\w+, ALPN dot; TCP [\d.]+, handshake [\d.]+ msec$/m)
    expect(out).toContain(
      ';; CERTIFICATE: CN=server for dns.test, 127.0.0.1\n;;   from CN=Test Authority, not trusted here',
    )
    expect(out).toMatch(/^;; {3}pin-sha256 [\w+/]{43}=$/m)
    expect(server.seen.map(({ length }) => length)).toEqual([128])
  })

  test('as JSON has the certificate and the times', async () => {
    const server = await dot()
    const { out } = await run(
      server.server.port,
      `www.example +tls +json +tls-ca=${authorities} +tls-hostname=dns.test`,
    )
    expect(JSON.parse(out)).toMatchObject({
      transport: 'tls',
      tls: {
        connectMs: expect.any(Number),
        handshakeMs: expect.any(Number),
        protocol: 'TLSv1.3',
        alpn: 'dot',
        trusted: true,
        certificate: {
          subject: 'CN=server',
          issuer: 'CN=Test Authority',
          names: ['dns.test', '127.0.0.1'],
          fingerprint,
        },
      },
    })
  })

  test.each([
    [
      '+tls-ca',
      'its certificate is signed by "Test Authority", which leads to no trusted authority',
      '+notls-ca shows the certificate',
    ],
    [
      `+tls-ca=${authorities} +tls-hostname=else.test`,
      'its certificate is for dns.test, 127.0.0.1, not for else.test',
      '+notls-ca shows',
    ],
    [`+tls-pin=${'A'.repeat(43)}=`, 'its public key has the pin', 'nothing was sent'],
  ])('with %s hears nothing from a server that does not prove itself', async (words, reason, hint) => {
    const server = await dot()
    const { code, err } = await run(server.server.port, `www.example ${words}`)
    expect(code).toBe(69)
    expect(err).toContain(reason)
    expect(err).toContain(hint)
    expect(server.seen).toEqual([])
  })

  test('checks the address when no name is given, and a pin alone', async () => {
    const server = await dot()
    const shown = await run(server.server.port, 'www.example +tls')
    const pin = /pin-sha256 (\S+)/.exec(shown.out)?.[1] ?? ''
    for (const words of [`+tls-ca=${authorities}`, `+tls-pin=${pin}`])
      expect(await run(server.server.port, `www.example ${words} +short`)).toEqual({
        code: 0,
        out: '192.0.2.1\n',
        err: '',
      })
  })

  test('without a file that can be read is wrong usage', async () => {
    expect(await run(1, 'www.example +tls-ca=/nowhere.pem')).toMatchObject({
      code: 64,
      err: expect.stringContaining('/nowhere.pem cannot be read'),
    })
  })
})

describe('a query over HTTPS', () => {
  test.each([
    ['+https', 'POST', '/dns-query', {}],
    ['+https=/other', 'POST', '/other', {}],
    ['+https-get', 'GET', '/dns-query?dns=', {}],
    ['+https-get=/d?x=1', 'GET', '/d?x=1&dns=', {}],
    ['+https', 'POST', '/dns-query', { http1: true }],
    ['+https-get', 'GET', '/dns-query?dns=', { http1: true }],
  ])('with %s is a %s of %s (%j)', async (words, method, path, options) => {
    const server = await httpsServer((q, response, index) => {
      const target = response.req.url ?? ''
      const asked = method === 'GET' ? Buffer.from(target.slice(target.indexOf('dns=') + 4), 'base64url') : q
      expect(target.startsWith(path)).toBe(true)
      expect(response.req.method).toBe(method)
      expect([idIn(asked), asked.length]).toEqual([0, 128])
      doh(asked, response, index)
    }, options)
    const words2 = `www.example ${words} +tls-ca=${authorities} +tls-hostname=dns.test +short`
    expect(await run(server.server.port, words2)).toEqual({ code: 0, out: '192.0.2.1\n', err: '' })
  })

  test('that is refused says the status and when to come again', async () => {
    const server = await httpsServer((_q, response) => response.writeHead(429, { 'retry-after': '9' }).end())
    const { code, err } = await run(server.server.port, 'www.example +https')
    expect(code).toBe(69)
    expect(err).toContain('it says HTTP status 429, and to ask again in 9 s')
  })

  test('for a transfer is wrong usage', async () => {
    expect(await run(1, 'z.test AXFR +https')).toMatchObject({
      code: 64,
      err: expect.stringContaining('ask with +tls'),
    })
  })
})
