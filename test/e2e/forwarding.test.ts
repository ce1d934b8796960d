/**
 * Forwarding between processes: Unbound as the resolver (plain and over TLS), NSD as the servers of a private zone, and
 * two of our own that forward to each other.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { claimNetwork, startNsd, startUnbound, type Daemon } from '../daemons.mjs'
import { CONDITION_MS } from '../patience.mjs'
import { needs } from '../tools.ts'
import { dig } from './dig.ts'
import { startRootwalk, startServing, type Rootwalk, type Serving } from './rootwalk.ts'

const LOCAL = [
  'local-zone: "example.com." static',
  'local-data: "www.example.com. 300 IN A 192.0.2.1"',
  'local-data: "alias.example.com. 300 IN CNAME www.other.example."',
  'local-data: "deny.example.com. 300 IN A 192.0.2.2"',
  'local-zone: "other.example." static',
  'local-data: "www.other.example. 60 IN A 192.0.2.9"',
]
const NO_ROOT = '. 3600 NS none.\nnone. 3600 A 127.53.253.253\n'
const CORP = `$TTL 300
@ SOA ns hostmaster 1 3600 600 86400 60
@ NS ns
ns A 127.0.0.1
www A 10.0.0.1
out CNAME www.example.com.
`
const TLS_PORT = 8853
const HTTPS_PORT = 8443

needs(
  'unbound',
  'nsd',
  'dig',
  'openssl',
)('forwarding beside Unbound and NSD', () => {
  let resolver: Daemon
  let owner: Daemon
  let release: () => Promise<void>
  let server: Rootwalk
  let keys: string
  let at: { readonly resolver: string; readonly tls: string; readonly https: string; readonly owner: string }

  beforeAll(async () => {
    keys = mkdtempSync(join(tmpdir(), 'rootwalk-forwarding-'))
    const subject = ['-subj', '/CN=dns.test', '-addext', 'subjectAltName=DNS:dns.test']
    const files = ['-keyout', join(keys, 'key.pem'), '-out', join(keys, 'cert.pem')]
    const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
    execFileSync('openssl', [...made, ...files, ...subject], { stdio: 'ignore' })
    const network = await claimNetwork()
    if (typeof network === 'string') throw new Error(network)
    release = network.release
    const [one = '', two = ''] = [network.address(1), network.address(2)]
    at = {
      resolver: one,
      tls: `tls://${one}:${TLS_PORT}`,
      https: `https://dns.test:${HTTPS_PORT}/dns-query@${one}`,
      owner: two,
    }
    const tls = [
      `interface: ${one}@${TLS_PORT}`,
      `tls-port: ${TLS_PORT}`,
      `interface: ${one}@${HTTPS_PORT}`,
      `https-port: ${HTTPS_PORT}`,
      `tls-service-key: "${join(keys, 'key.pem')}"`,
      `tls-service-pem: "${join(keys, 'cert.pem')}"`,
    ]
    ;[resolver, owner] = await Promise.all([
      startUnbound({ address: one, port: 53, hints: NO_ROOT, more: [...LOCAL, ...tls] }),
      startNsd({ name: 'corp', addresses: [two], zones: [{ origin: 'corp.example.', text: CORP }] }),
    ])
    server = await startRootwalk({
      hints: NO_ROOT,
      config: {
        forward: [{ zone: '.', to: [one] }],
        stub: [{ zone: 'corp.example', to: [two] }],
      },
    })
  }, CONDITION_MS)

  afterAll(async () => {
    await Promise.all([server, resolver, owner].map(one => one?.stop()))
    await release?.()
    rmSync(keys, { recursive: true, force: true })
  })

  const answers = async (on: Rootwalk, ...args: string[]): Promise<string[]> =>
    (await dig(on.endpoint, ...args)).answer.map(({ owner: name, type, data }) => `${name} ${type} ${data}`)

  test('Unbound answers for all names, its aliases lead on, and what it denies is denied', async () => {
    expect(await answers(server, 'www.example.com', 'A')).toEqual(['www.example.com. A 192.0.2.1'])
    expect(await answers(server, 'alias.example.com', 'A')).toEqual([
      'alias.example.com. CNAME www.other.example.',
      'www.other.example. A 192.0.2.9',
    ])
    expect((await dig(server.endpoint, 'nothing.example.com', 'A')).status).toBe('NXDOMAIN')
    expect((await dig(server.endpoint, 'www.example.com', 'A', '+tcp')).status).toBe('NOERROR')
  })

  test('NSD answers for the stub zone, whose aliases lead to Unbound', async () => {
    expect(await answers(server, 'www.corp.example', 'A')).toEqual(['www.corp.example. A 10.0.0.1'])
    expect(await answers(server, 'out.corp.example', 'A')).toEqual([
      'out.corp.example. CNAME www.example.com.',
      'www.example.com. A 192.0.2.1',
    ])
    expect((await dig(server.endpoint, 'nothing.corp.example', 'A')).status).toBe('NXDOMAIN')
  })

  test('what is not in the cache is not forwarded without RD', async () => {
    const reply = await dig(server.endpoint, 'deny.example.com', 'A', '+norecurse')
    expect([reply.status, reply.answer]).toEqual(['REFUSED', []])
  })

  describe('over TLS', () => {
    const over = async (to: string, authorities: readonly string[], ask: (on: Rootwalk) => Promise<void>) => {
      const on = await startRootwalk({ hints: NO_ROOT, config: { forward: [{ zone: '.', to: [to], authorities }] } })
      try {
        await ask(on)
      } finally {
        await on.stop()
      }
    }

    test('Unbound is asked when its name and authority are those that were written', async () => {
      await over(`${at.tls}#dns.test`, [join(keys, 'cert.pem')], async on => {
        expect(await answers(on, 'www.example.com', 'A')).toEqual(['www.example.com. A 192.0.2.1'])
      })
    })

    test.each([['#other.test'], ['#dns.test']])('and with the name %s and a wrong authority it is not', async name => {
      const authorities = name === '#dns.test' ? [] : [join(keys, 'cert.pem')]
      await over(`${at.tls}${name}`, authorities, async on => {
        const reply = await dig(on.endpoint, 'www.example.com', 'A')
        expect(reply.status).toBe('SERVFAIL')
        expect(reply.errors.join()).toMatch(/not verified/)
      })
    })

    test('its key alone is enough when it was written', async () => {
      const der = execFileSync('openssl', ['pkey', '-in', join(keys, 'key.pem'), '-pubout', '-outform', 'der'])
      const pin = execFileSync('openssl', ['dgst', '-sha256', '-binary'], { input: der }).toString('base64')
      await over(`${at.tls}?pin-sha256=${pin}`, [], async on => {
        expect(await answers(on, 'www.example.com', 'A')).toEqual(['www.example.com. A 192.0.2.1'])
      })
      await over(`${at.tls}?pin-sha256=${'A'.repeat(43)}=`, [], async on => {
        expect((await dig(on.endpoint, 'www.example.com', 'A')).status).toBe('SERVFAIL')
      })
    })
  })

  describe('over HTTPS', () => {
    const config = (authorities: readonly string[]) => ({ forward: [{ zone: '.', to: [at.https], authorities }] })

    test('Unbound answers the program, many questions at once, its own denials too', async () => {
      const on = await startServing({ hints: NO_ROOT, config: config([join(keys, 'cert.pem')]) })
      try {
        const first = await dig(on.endpoint, 'www.example.com', 'A')
        expect(first.answer.map(({ data }) => data)).toEqual(['192.0.2.1'])
        const names = Array.from({ length: 50 }, (_, n) => `n${n}.example.com`)
        const replies = await Promise.all(names.map(name => dig(on.endpoint, name, 'A')))
        expect(replies.map(({ status }) => status)).toEqual(names.map(() => 'NXDOMAIN'))
      } finally {
        await on.stop()
      }
    })

    test('a certificate of an authority that was not named is not asked again in clear', async () => {
      const on = await startServing({ hints: NO_ROOT, config: config([]) })
      try {
        const reply = await dig(on.endpoint, 'www.example.com', 'A')
        expect(reply.status).toBe('SERVFAIL')
        expect(reply.errors.join()).toMatch(/not verified/)
      } finally {
        await on.stop()
      }
    })
  })

  test('SIGHUP takes over other servers, and what the old ones said is forgotten', async () => {
    const config = { forward: [{ zone: 'example.com', to: [at.owner] }], stub: [] }
    const serving: Serving = await startServing({ hints: NO_ROOT, config })
    try {
      expect((await dig(serving.endpoint, 'www.example.com', 'A')).status).toBe('SERVFAIL')
      const file = join(serving.directory, 'resolver.config.json')
      const before = readFileSync(file, 'utf8')
      writeFileSync(file, before.replaceAll(at.owner, at.resolver))
      serving.signal('SIGHUP')
      await expect
        .poll(async () => (await dig(serving.endpoint, 'www.example.com', 'A')).status, { timeout: CONDITION_MS })
        .toBe('NOERROR')
    } finally {
      await serving.stop()
    }
  })
})

needs('dig')('two resolvers that forward to each other', () => {
  test('end in SERVFAIL at once, and say that it is a loop', async () => {
    // The ports are known only when both listen: each then learns of the other by another configuration.
    const hints = NO_ROOT
    const first = await startServing({ hints, config: { forward: [{ zone: '.', to: ['127.0.0.1:9'] }] } })
    const config = { forward: [{ zone: '.', to: [`127.0.0.1:${first.endpoint.port}`] }] }
    const second = await startServing({ hints, config })
    try {
      const file = join(first.directory, 'resolver.config.json')
      writeFileSync(file, readFileSync(file, 'utf8').replaceAll('127.0.0.1:9', `127.0.0.1:${second.endpoint.port}`))
      first.signal('SIGHUP')
      const says = (one: Serving): boolean => one.output().includes('forwarding loop')
      await expect.poll(() => says(first) || says(second), { timeout: CONDITION_MS }).toBe(true)
      const before = performance.now()
      for (const one of [first, second])
        expect((await dig(one.endpoint, `www.of-${one.endpoint.port}.example`, 'A')).status).toBe('SERVFAIL')
      expect(performance.now() - before).toBeLessThan(CONDITION_MS / 2)
    } finally {
      await Promise.all([first.stop(), second.stop()])
    }
  })
})
