/** Through real servers that we did not write, asked with real clients: what a user of a resolver meets. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encodeQuery } from '../../src/dns/encode.ts'
import { decodeMessage } from '../../src/dns/decode.ts'
import type { Message } from '../../src/dns/message.ts'
import { foldName } from '../../src/dns/name.ts'
import { parseName } from '../../src/presentation/text.ts'
import { Rcode, RrClass, RrType } from '../../src/dns/types.ts'
import { needs, unless } from '../tools.ts'
import { dataOf, dig, kdig, type DigReply, type Endpoint } from './dig.ts'
import { startInternet, whyNoInternet, type RealInternet } from './nsd.ts'
import { questions } from './questions.ts'
import { startRootwalk, type Rootwalk } from './rootwalk.ts'
import { askTcp, askUdp } from './wire-client.ts'
import { PATIENT, TEST_MS } from '../patience.mjs'

const reason = await whyNoInternet()
const suite = reason === null ? needs('dig', 'kdig') : unless(reason)
const WWW = ['A 198.18.5.1', 'A 198.18.5.2']

suite('on a real internet', () => {
  const running: { internet?: RealInternet; rootwalk?: Rootwalk } = {}

  const server = (): Endpoint => {
    if (running.rootwalk === undefined) throw new Error('not started')
    return running.rootwalk.endpoint
  }
  const ask = (line: string): Promise<DigReply> => dig(server(), ...line.split(' '))

  beforeAll(async () => {
    running.internet = await startInternet()
    running.rootwalk = await startRootwalk({ hints: running.internet.hints })
  })

  afterAll(async () => {
    await running.rootwalk?.stop()
    await running.internet?.stop()
  })

  describe('answers', () => {
    it.each(questions)(
      '$about: $ask',
      async ({ ask: line, status, answer }) => {
        const reply = await ask(line)
        expect({ status: reply.status, answer: dataOf(reply.answer) }).toEqual({ status, answer: [...answer].sort() })
        expect(reply.flags).toEqual(['qr', 'rd', 'ra'])
        // RFC 2308 section 3: a denial carries the SOA of its zone; RFC 8914: a failure says why.
        if (status !== 'SERVFAIL' && !hasType(reply, line))
          expect(reply.authority.map(({ type }) => type)).toContain('SOA')
        expect(reply.errors.length > 0).toBe(status === 'SERVFAIL')
      },
      30_000,
    )

    it('follows a loop of aliases no further than allowed and says what it found', async () => {
      const reply = await ask('loop1.example.com A')
      expect(dataOf(reply.answer).every(data => data.startsWith('CNAME '))).toBe(true)
    })

    it('gives the address of a server in another TLD from its own zone', async () => {
      expect((await ask('dns1.hosting.net A')).answer.map(({ data }) => data)).toEqual([running.internet?.address(21)])
    })
  })

  describe('clients', () => {
    it.each([
      ['+noedns', 'UDP', false],
      ['+edns=0', 'UDP', true],
      ['+bufsize=512', 'UDP', true],
      ['+bufsize=4096', 'UDP', true],
      ['+bufsize=0', 'UDP', true],
      ['+tcp', 'TCP', true],
      ['+tcp +noedns', 'TCP', false],
      ['+tcp +keepalive', 'TCP', true],
      ['+cookie', 'UDP', true],
      ['+subnet=198.18.0.0/24', 'UDP', true],
      ['+ednsopt=65001:00ff', 'UDP', true],
      ['+nsid', 'UDP', true],
      ['+padding=128', 'UDP', true],
    ])('dig %s', async (options, transport, edns) => {
      const reply = await ask(`www.example.com A ${options}`)
      expect(reply.status).toBe('NOERROR')
      expect(dataOf(reply.answer)).toEqual(WWW)
      expect(reply.transport).toBe(transport)
      expect(reply.edns !== '').toBe(edns)
      if (edns) expect(reply.edns).toContain('1232')
    })

    it.each(['', '+tcp', '+edns', '+dnssec', '+tcp +keepopen'])('kdig %s', async options => {
      const reply = await kdig(server(), 'www.example.com', 'A', ...options.split(' ').filter(word => word !== ''))
      expect(reply.status).toBe('NOERROR')
      expect(dataOf(reply.answer)).toEqual(WWW)
      expect(reply.text).not.toMatch(/malformed|WARNING/i)
    })

    it.each([
      ['big', ''],
      ['medium', '+noedns'],
    ])('%s TXT is truncated over UDP and whole over TCP', async (name, options) => {
      const cut = await ask(`${name}.example.com TXT +ignore ${options}`.trim())
      expect(cut.flags).toContain('tc')
      expect(cut.answer).toEqual([])
      const whole = await ask(`${name}.example.com TXT ${options}`.trim())
      expect(whole.retried).toBe(true)
      expect(whole.transport).toBe('TCP')
      expect(whole.flags).not.toContain('tc')
      expect(whole.answer).toHaveLength(1)
    })

    it('keeps the letters of the question', async () => {
      const first = await ask('wWw.ExAmPlE.cOm A')
      const again = await ask('WwW.eXaMpLe.CoM A')
      expect(first.question).toMatch(/^wWw\.ExAmPlE\.cOm\./)
      expect(again.question).toMatch(/^WwW\.eXaMpLe\.CoM\./)
      expect(again.answer.map(({ owner }) => owner)).toEqual(['WwW.eXaMpLe.CoM.', 'WwW.eXaMpLe.CoM.'])
    })

    it('counts the TTL down in what is cached', async () => {
      const first = await ask('short.example.com A')
      const ttlOf = (reply: DigReply): number => reply.answer[0]?.ttl ?? Number.NaN
      expect(ttlOf(first)).toBe(3_600)
      await expect.poll(async () => ttlOf(await ask('short.example.com A')), PATIENT).toBeLessThan(3_600)
      expect(ttlOf(await ask('short.example.com A +tcp'))).toBeGreaterThan(3_000)
    })

    it('answers without RD from the cache and refuses what it would have to ask for', async () => {
      const unknown = await ask('never-asked.example.net A +norec')
      expect(unknown.status).toBe('REFUSED')
      expect(unknown.errors).toHaveLength(1)
      await ask('www.example.com AAAA')
      const known = await ask('www.example.com AAAA +norec')
      expect(known.status).toBe('NOERROR')
      expect(dataOf(known.answer)).toEqual(['AAAA 2001:db8:5::1'])
      expect(known.flags).toEqual(['qr', 'ra'])
    })
  })

  describe('DNSSEC records', () => {
    it.each([
      ['www.signed.com A', 'RRSIG A'],
      ['signed.com DNSKEY', 'RRSIG DNSKEY'],
      ['x.w.signed.com TXT', 'RRSIG TXT'],
      ['alias.signed.com A', 'RRSIG CNAME'],
    ])('come with DO: %s', async (line, signature) => {
      const signed = await ask(`${line} +dnssec`)
      expect(signed.edns).toContain('do')
      expect(dataOf(signed.answer).some(data => data.startsWith(signature))).toBe(true)
      const plain = await ask(line)
      expect(dataOf(plain.answer).some(data => data.startsWith('RRSIG'))).toBe(false)
      // Nothing is validated, so nobody is told that it was.
      expect(signed.flags).not.toContain('ad')
    })

    it('prove a denial with DO and are left out without', async () => {
      const signed = await ask('missing.signed.com A +dnssec')
      expect(signed.status).toBe('NXDOMAIN')
      const types = signed.authority.map(({ type }) => type)
      expect(types).toContain('NSEC')
      expect(types).toContain('RRSIG')
      const plain = await ask('missing.signed.com A')
      expect(plain.authority.map(({ type }) => type)).toEqual(['SOA'])
    })

    it('DS comes from the parent', async () => {
      const reply = await ask('signed.com DS')
      expect(reply.answer.map(({ type }) => type)).toEqual(['DS'])
    })

    it('CD of a query is copied into the reply', async () => {
      expect((await ask('www.signed.com A +cdflag')).flags).toContain('cd')
      expect((await ask('www.signed.com A')).flags).not.toContain('cd')
    })
  })

  describe('odd queries', () => {
    it.each(['version.bind', 'version.server', 'id.server', 'hostname.bind'])('%s is hidden', async name => {
      const reply = await ask(`${name} CH TXT`)
      expect(reply.status).toBe('REFUSED')
      expect(reply.answer).toEqual([])
    })

    it('ANY is answered with little (RFC 8482)', async () => {
      const reply = await ask('example.com ANY +notcp')
      expect(reply.status).toBe('NOERROR')
      expect(dataOf(reply.answer)).toEqual(['HINFO "RFC8482" ""'])
    })

    it.each(['notify', 'update', 'status', 'iquery'])('opcode %s is not implemented', async opcode => {
      const reply = await ask(`example.com SOA +opcode=${opcode}`)
      expect(reply.status).toBe('NOTIMP')
      expect(reply.opcode.toLowerCase()).toBe(opcode)
    })

    it('an EDNS version to come is told which one is known', async () => {
      const reply = await ask('www.example.com A +edns=1 +noednsnegotiation')
      expect(reply.status).toBe('BADVERS')
      expect(reply.edns).toContain('version: 0')
      expect(reply.answer).toEqual([])
    })

    it.each([
      ['a pointer to itself', (query: Uint8Array) => put(query, 12, 0xc0, 0x0c)],
      ['two questions announced', (query: Uint8Array) => put(query, 4, 0, 2)],
      ['a record announced that is not there', (query: Uint8Array) => put(query, 6, 0, 1)],
      ['cut in the question', (query: Uint8Array) => query.slice(0, 20)],
      ['octets behind the end', (query: Uint8Array) => Uint8Array.from([...query, 1, 2, 3])],
    ])('malformed: %s', async (_, damage) => {
      const reply = await askUdp(server(), damage(query('www.example.com', 77)))
      expect(reply).not.toBeNull()
      const message = messageOf(reply ?? new Uint8Array(0))
      expect({ id: message.id, rcode: message.rcode, response: message.response }).toEqual({
        id: 77,
        rcode: Rcode.FORMERR,
        response: true,
      })
    })

    it('a response, or less than a header, is not answered', async () => {
      const response = put(query('www.example.com', 78), 2, 0x81)
      const silent = await Promise.all(
        [response, response.slice(0, 11), Uint8Array.of(1)].map(bytes => askUdp(server(), bytes, 300)),
      )
      expect(silent).toEqual([null, null, null])
      expect((await ask('www.example.com A')).status).toBe('NOERROR')
    })

    it('junk over TCP ends that connection and nothing else', async () => {
      const junk = Uint8Array.from({ length: 1_000_000 }, (_, i) => (i * 7919) & 0xff)
      await askTcp(server(), [junk]).catch(() => [])
      expect((await ask('www.example.com A +tcp')).status).toBe('NOERROR')
    })
  })

  it(
    'answers over one TCP connection as answers are ready, not in order',
    async () => {
      await ask('www.example.com A')
      // The first waits for a server that never answers; the others are cached.
      const replies = await askTcp(server(), [
        query('fresh.quiet.com', 1),
        query('www.example.com', 2),
        query('wWw.example.com', 3),
      ])
      const order = replies.map(bytes => messageOf(bytes).id)
      expect([...order].sort()).toEqual([1, 2, 3])
      expect(order[2]).toBe(1)
    },
    TEST_MS,
  )

  it('twenty questions at once, over UDP and TCP, are all answered', async () => {
    const names = Array.from({ length: 20 }, (_, i) => `n${i}.wild.example.com`)
    const udp = await Promise.all(names.map((name, i) => askUdp(server(), query(name, i))))
    expect(udp.map(bytes => messageOf(bytes ?? new Uint8Array(0)).answer.length)).toEqual(names.map(() => 1))
    const tcp = await askTcp(
      server(),
      names.map((name, i) => query(`t${name}`, i)),
    )
    expect(tcp.map(bytes => messageOf(bytes).id).sort((a, b) => a - b)).toEqual(names.map((_, i) => i))
  })
})

const hasType = (reply: DigReply, line: string): boolean => reply.answer.some(({ type }) => type === line.split(' ')[1])

function query(text: string, id: number): Uint8Array {
  const name = parseName(text, null)
  if (typeof name !== 'string') throw new Error(text)
  return encodeQuery({
    id,
    question: { name: foldName(name), type: RrType.A, class: RrClass.IN },
    cased: name,
    recursionDesired: true,
    edns: null,
  })
}

function put(bytes: Uint8Array, at: number, ...octets: number[]): Uint8Array {
  const changed = bytes.slice()
  changed.set(octets, at)
  return changed
}

function messageOf(bytes: Uint8Array): Message {
  const decoded = decodeMessage(bytes)
  if (decoded.kind === 'message') return decoded.message
  throw new Error(`a reply of ${bytes.length} octets does not decode: ${decoded.why}`)
}
