import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createHash } from 'node:crypto'
import { Resolver } from 'node:dns'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { decodeMessage } from '../../../src/dns/decode.ts'
import { readExtendedErrors } from '../../../src/dns/edns.ts'
import { Rcode } from '../../../src/dns/types.ts'
import { createDnsStub } from '../../../src/testing/create-dns-stub.ts'
import { stubSettings } from '../../../src/testing/stub/settings.ts'
import type { DnsStub } from '../../../src/testing/stub/types.ts'
import { cleanUp, udpServer } from '../../net/support.ts'
import { ask, askOverTcp, firstFrame, hereLine, lines } from '../raw.ts'
import { PATIENT } from '../../patience.mjs'

/** In the place of the Internet. */
let real: DnsStub
beforeAll(async () => {
  real = await createDnsStub({
    records: {
      'real.test': { A: '192.0.2.80', ttl: 77 },
      'big.test': { TXT: 'x'.repeat(2_000) },
      'web.test': '192.0.2.81',
    },
  })
})
beforeEach(() => void real.clear())
afterEach(async () => {
  vi.restoreAllMocks()
  await cleanUp()
})
afterAll(() => real.stop())

const answers = async (stub: DnsStub, name: string, type = 'A'): Promise<string> =>
  lines((await ask(stub, name, type)).answer).join()

/** The message without its EDNS, as a reply. */
function replyTo(query: Uint8Array, rcode: number): Uint8Array {
  const decoded = decodeMessage(query)
  if (decoded.kind !== 'message' || decoded.message.question === null) throw new Error('not a query')
  const length = HEADER_OCTETS + decoded.message.question.name.length + QUESTION_FIXED_OCTETS
  const reply = Uint8Array.from(query.subarray(0, length))
  reply[2] = (reply[2] ?? 0) | 0x80
  reply[3] = 0x80 | rcode
  reply[11] = 0
  return reply
}

const HEADER_OCTETS = 12
const QUESTION_FIXED_OCTETS = 4

/** The SHA-256 of the public key of whoever listens. */
async function pinOf(port: number): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const key = socket.getPeerX509Certificate()?.publicKey.export({ type: 'spki', format: 'der' })
  socket.destroy()
  return createHash('sha256')
    .update(key ?? new Uint8Array())
    .digest('base64')
}

describe('forwarding', () => {
  it('by rule asks another server, and only for the names of the rule', async () => {
    await using dns = await createDnsStub({ records: { 'own.test': '192.0.2.1' } })
    const rule = dns.forwardTo('real.test', real.address)
    expect(await answers(dns, 'real.test')).toBe('real.test. 77 IN A 192.0.2.80')
    expect(await ask(dns, 'web.test')).toMatchObject({ rcode: 3 })
    expect(await answers(dns, 'own.test')).toBe('own.test. 60 IN A 192.0.2.1')
    expect(real.queries.map(({ name }) => name)).toEqual(['real.test'])
    expect(rule).toMatchObject({ kind: 'forward', hits: 1 })
    expect(dns.unmatched.map(({ name }) => name)).toEqual(['web.test'])
  })

  it('gets what is truncated over TCP, and answers each client as it can take it', async () => {
    await using dns = await createDnsStub({ forward: real.address })
    expect(await ask(dns, 'big.test', 'TXT')).toMatchObject({ truncated: true })
    expect((await askOverTcp(dns, 'big.test', 'TXT')).answer[0]?.rdata.length).toBeGreaterThan(2_000)
    expect(real.queries.map(({ transport }) => transport)).toEqual(['udp', 'tcp', 'udp', 'tcp'])
  })

  it('hands on rcode, authority, DO and extended errors', async () => {
    real.on('denied.test', () => ({
      rcode: 'REFUSED',
      authority: [{ name: 'test', type: 'NS', data: 'ns.test' }],
      ede: { code: 18, text: 'not you' },
    }))
    await using dns = await createDnsStub({ forward: real.address })
    const reply = await ask(dns, 'denied.test', 'A', { edns: 1232, dnssecOk: true })
    expect(reply).toMatchObject({ rcode: 5, edns: { dnssecOk: true } })
    expect(lines(reply.authority)).toEqual(['test. 60 IN NS ns.test.'])
    expect(reply.edns === null ? [] : readExtendedErrors(reply.edns)).toEqual([{ code: 18, text: 'not you' }])
    expect(real.queries).toMatchObject([{ edns: { dnssecOk: true } }])
  })

  it('of unlisted names is recorded as unmatched, also behind an alias, which is not', async () => {
    await using dns = await createDnsStub({ records: { 'www.test': { CNAME: 'web.test' } }, forward: real.address })
    expect(await answers(dns, 'www.test')).toBe('www.test. 60 IN CNAME web.test.,web.test. 60 IN A 192.0.2.81')
    expect(await answers(dns, 'real.test')).toBe('real.test. 77 IN A 192.0.2.80')
    expect(dns.unmatched.map(({ name }) => name)).toEqual(['real.test'])
  })

  it('faults and rules of the stub act on forwarded answers', async () => {
    await using dns = await createDnsStub({ forward: real.address })
    dns.ttl('*', 1)
    dns.fail('web.test', 'SERVFAIL')
    expect(await answers(dns, 'real.test')).toBe('real.test. 1 IN A 192.0.2.80')
    expect(await ask(dns, 'web.test')).toMatchObject({ rcode: 2 })
  })

  it.each([
    ['what a stub resolver sends', { recursionDesired: true }, { flags: 0x0100, dnssecOk: null }],
    ['EDNS', { recursionDesired: true, edns: 1232 }, { flags: 0x0100, dnssecOk: false }],
    ['DO', { recursionDesired: true, edns: 1232, dnssecOk: true }, { flags: 0x0100, dnssecOk: true }],
    ['CD', { recursionDesired: true, checkingDisabled: true }, { flags: 0x0110, dnssecOk: null }],
    ['no RD', { recursionDesired: false }, { flags: 0, dnssecOk: null }],
  ])('hands on %s as it came', async (_, sent, { flags, dnssecOk }) => {
    const server = await udpServer((query, reply) => reply(replyTo(query, Rcode.REFUSED)))
    await using dns = await createDnsStub({ forward: `127.0.0.1:${server.server.port}` })
    expect(await ask(dns, 'x.test', 'A', sent)).toMatchObject({ rcode: Rcode.REFUSED })
    const [seen] = server.seen
    const decoded = decodeMessage(seen?.query ?? new Uint8Array())
    expect(decoded).toMatchObject({ kind: 'message', message: { edns: dnssecOk === null ? null : { dnssecOk } } })
    expect(((seen?.query[2] ?? 0) << 8) | (seen?.query[3] ?? 0)).toBe(flags)
  })

  it('asks a server without EDNS again without it', async () => {
    const server = await udpServer((query, reply) => {
      const hasOpt = query[11] === 1
      reply(replyTo(query, hasOpt ? Rcode.FORMERR : Rcode.NXDOMAIN))
    })
    await using dns = await createDnsStub({ forward: `127.0.0.1:${server.server.port}` })
    expect(await ask(dns, 'x.test', 'A', { edns: 1232 })).toMatchObject({ rcode: Rcode.NXDOMAIN })
    expect(server.seen).toHaveLength(2)
  })

  it('asks over TLS whoever has the key, and hands on the rcode', async () => {
    await using secure = await createDnsStub({
      records: { 'real.test': '192.0.2.80' },
      unlisted: 'refused',
      tls: true,
    })
    const { port = 0 } = secure.tls ?? {}
    const pin = await pinOf(port)
    await using dns = await createDnsStub({ forward: `tls://127.0.0.1:${port}?pin-sha256=${pin}` })
    expect(await answers(dns, 'real.test')).toBe('real.test. 60 IN A 192.0.2.80')
    expect(await ask(dns, 'x.test')).toMatchObject({ rcode: Rcode.REFUSED })
    expect(secure.queries.map(({ transport }) => transport)).toEqual(['tls', 'tls'])
  })

  it('asks over HTTPS nobody whose certificate is of an unknown authority', async () => {
    await using secure = await createDnsStub({ https: true })
    await using dns = await createDnsStub({ forward: `https://stub.test:${secure.https?.port}/dns-query@127.0.0.1` })
    const reply = await ask(dns, 'x.test', 'A', { edns: 1232 })
    expect(reply.edns === null ? [] : readExtendedErrors(reply.edns)).toEqual([
      { code: 22, text: expect.stringMatching(/^https:\/\/stub\.test:\d+\/dns-query@127\.0\.0\.1: not verified: /) },
    ])
    expect(secure.queries).toEqual([])
  })

  it.each([
    ['tls://192.0.2.53', /does not say how the server proves who it is/],
    ['tls://dns.example', /has no address: write it after an @/],
    ['http://192.0.2.53/dns-query', /in clear text over HTTP/],
    ['dns.example', /expected a server like "192.0.2.53:53"/],
  ])('to %s is refused with what is expected', async (forward, expected) => {
    await expect(createDnsStub({ forward })).rejects.toThrow(expected)
  })

  it('a server that does not answer is SERVFAIL with who it was', async () => {
    const silent = await udpServer(() => {})
    await using dns = await createDnsStub()
    dns.forwardTo('x.test', `127.0.0.1:${silent.server.port}`)
    vi.spyOn<{ readonly forwardMs: number }, 'forwardMs'>(stubSettings, 'forwardMs', 'get').mockReturnValue(20)
    const reply = await ask(dns, 'x.test', 'A', { edns: 1232 })
    expect(reply.rcode).toBe(2)
    expect(reply.edns === null ? [] : readExtendedErrors(reply.edns)).toEqual([
      { code: 22, text: `127.0.0.1:${silent.server.port}: silent: no answer` },
    ])
    expect(silent.seen).toHaveLength(2)
  })

  it('equal questions under way are asked once, so that two stubs in a circle end', async () => {
    vi.spyOn<{ readonly forwardMs: number }, 'forwardMs'>(stubSettings, 'forwardMs', 'get').mockReturnValue(50)
    await using one = await createDnsStub()
    await using two = await createDnsStub()
    one.forwardTo('*', two.address)
    two.forwardTo('*', one.address)
    expect(await ask(one, 'x.test')).toMatchObject({ rcode: 2 })
    expect(one.queries.length + two.queries.length).toBeLessThan(8)
  })

  it('to itself is refused at once', async () => {
    await using dns = await createDnsStub()
    expect(() => dns.forwardTo('*', dns.address)).toThrow(/is this stub itself/)
    const { port } = dns
    await dns.stop()
    const here = hereLine(1)
    const error: unknown = await createDnsStub({ port, forward: `127.0.0.1:${port}` }).catch(
      (reason: unknown) => reason,
    )
    expect(error).toMatchObject({
      name: 'TypeError',
      message: expect.stringContaining('forward is the address of this stub itself'),
    })
    expect(firstFrame(error)).toBe(here)
    await (await createDnsStub({ port })).stop()
  })
})

describe('passthrough', () => {
  it('asks the servers of the system, one after the other, and never the stub itself', async () => {
    await using dns = await createDnsStub({ records: { 'own.test': '192.0.2.1' } })
    const closed = await createDnsStub()
    await closed.stop()
    vi.spyOn(Resolver.prototype, 'getServers').mockReturnValue([
      dns.address,
      closed.address,
      'fe80::1%lo',
      real.address,
    ])
    dns.passthrough('*.test', { type: 'A' })
    expect(await answers(dns, 'real.test')).toBe('real.test. 77 IN A 192.0.2.80')
    expect(real.queries).toHaveLength(1)
    vi.spyOn(Resolver.prototype, 'getServers').mockReturnValue([dns.address])
    const reply = await ask(dns, 'real.test', 'A', { edns: 1232 })
    expect(reply.rcode).toBe(2)
    expect(reply.edns === null ? [] : readExtendedErrors(reply.edns)).toMatchObject([
      { text: 'this system has no DNS server configured' },
    ])
  })
})

describe('unlisted names', () => {
  const modes = [
    ['nxdomain', 3],
    ['refused', 5],
    ['servfail', 2],
  ] as const
  it.each(modes)('%s', async (unlisted, rcode) => {
    await using dns = await createDnsStub({ unlisted, records: { 'a.b.test': '192.0.2.1' } })
    expect(await ask(dns, 'x.test')).toMatchObject({ rcode })
    expect(await ask(dns, 'a.b.test', 'MX')).toMatchObject({ rcode: 0 })
    expect(dns.unmatched.map(({ name }) => name)).toEqual(['x.test'])
  })

  it('an unlisted name gets no reply with unlisted: timeout', async () => {
    await using dns = await createDnsStub({ unlisted: 'timeout' })
    await expect(dns.resolver({ timeout: 50, tries: 1 }).resolve4('x.test')).rejects.toMatchObject({ code: 'ETIMEOUT' })
    await expect.poll(() => dns.unmatched, PATIENT).toMatchObject([{ answeredWith: 'timeout', matched: false }])
  })
})

describe('a cassette', () => {
  let folder = ''
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'stub-cassette-'))
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  it('records what the real servers say and replays it without them', async () => {
    const cassette = join(folder, 'a.cassette')
    const options = { cassette, forward: real.address, records: { 'own.test': '192.0.2.1' } } as const
    const first = await createDnsStub(options)
    expect(await answers(first, 'real.test')).toBe('real.test. 77 IN A 192.0.2.80')
    expect(await answers(first, 'own.test')).toBe('own.test. 60 IN A 192.0.2.1')
    expect(existsSync(cassette)).toBe(false)
    await first.stop()
    expect(readFileSync(cassette, 'utf8')).toMatch(/real\.test.*192\.0\.2\.80/)
    expect(readFileSync(cassette, 'utf8')).not.toContain('own.test')
    real.clear()
    await using second = await createDnsStub({ ...options, mode: 'replay' })
    expect(await answers(second, 'real.test')).toBe('real.test. 77 IN A 192.0.2.80')
    expect(real.queries).toEqual([])
    expect(second.unmatched).toEqual([])
    expect(await ask(second, 'raal.test')).toMatchObject({ rcode: 5 })
    expect(real.queries).toEqual([])
    expect(() => second.assertNoUnmatched()).toThrow(/raal\.test A \(udp, answered REFUSED\)\n.*real\.test/s)
  })

  it('that is none is a mistake at the line of the test', async () => {
    const here = hereLine(1)
    const error: unknown = await createDnsStub({ cassette: join(folder, 'none.cassette'), mode: 'replay' }).catch(
      (reason: unknown) => reason,
    )
    expect(error).toBeInstanceOf(TypeError)
    expect(String(error)).toContain('none.cassette')
    expect(firstFrame(error)).toBe(here)
  })
})
