import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { decodeMessage } from '../../../src/dns/decode.ts'
import { readExtendedErrors } from '../../../src/dns/edns.ts'
import { frame } from '../../../src/dns/framing.ts'
import { idOf, isResponse, matchReply } from '../../../src/dns/wire.ts'
import { createDnsStub } from '../../../src/testing/create-dns-stub.ts'
import type { DnsStub, FaultKind, StubEde } from '../../../src/testing/stub/types.ts'
import { needs } from '../../tools.ts'
import { ask, askOverTcp, lines, messageOf, overTcp, overUdp, queryFor } from '../raw.ts'
import { CONDITION_MS, PATIENT } from '../../patience.mjs'

let dns: DnsStub
beforeAll(async () => {
  dns = await createDnsStub({ records: { 'a.test': '192.0.2.1', 'big.test': { TXT: 'x'.repeat(3_000) } } })
})
beforeEach(() => void dns.clear())
afterAll(() => dns.stop())

/** Long enough for a reply on loopback, short enough to wait for one that must not come. */
const QUIET_MS = 60
const query = queryFor('a.test', 'A', { id: 0x1234 })
const answeredWith = (): readonly string[] => dns.queries.map(one => one.answeredWith)

describe('as c-ares sees it', () => {
  const codes: readonly [FaultKind, string][] = [
    ['timeout', 'ETIMEOUT'],
    ['SERVFAIL', 'ESERVFAIL'],
    ['servfail', 'ESERVFAIL'],
    ['REFUSED', 'EREFUSED'],
    ['NXDOMAIN', 'ENOTFOUND'],
    ['FORMERR', 'EFORMERR'],
    ['NOTIMP', 'ENOTIMP'],
    ['empty', 'ENODATA'],
    ['garbage', 'EBADRESP'],
    ['wrongId', 'ETIMEOUT'],
    ['wrongQuestion', 'ETIMEOUT'],
  ]
  it.each(codes)('%s is %s', async (kind, code) => {
    dns.fail('a.test', kind)
    const resolver = dns.resolver({ timeout: code === 'ETIMEOUT' ? 50 : CONDITION_MS, tries: 1 })
    await expect(resolver.resolve4('a.test')).rejects.toMatchObject({ code, hostname: 'a.test' })
    expect(dns.queriesFor('a.test')[0]?.answeredWith).toBe(kind === 'servfail' ? 'SERVFAIL' : kind)
  })

  it.each(['truncate', 'stripEdns', 'tcpReset'] satisfies FaultKind[])('%s over UDP leads to an answer', async kind => {
    dns.fail('a.test', kind, { transport: 'udp' })
    await expect(dns.resolver().resolve4('a.test')).resolves.toEqual(['192.0.2.1'])
    expect(dns.queries.map(one => one.transport)).toEqual(kind === 'truncate' ? ['udp', 'tcp'] : ['udp'])
  })

  it('a fault for TCP alone is met behind a truncated reply', async () => {
    dns.fail('a.test', 'truncate')
    dns.fail('a.test', 'SERVFAIL', { transport: 'tcp' })
    await expect(dns.resolver().resolve4('a.test')).rejects.toMatchObject({ code: 'ESERVFAIL' })
  })
})

describe('over UDP', () => {
  it('the fault timeout sends nothing over UDP', async () => {
    dns.fail('a.test', 'timeout')
    expect(await overUdp(dns, query, QUIET_MS)).toBeNull()
    await expect.poll(answeredWith, PATIENT).toEqual(['timeout'])
  })

  it('truncate sets TC and sends no records', async () => {
    dns.fail('a.test', 'truncate')
    expect(await ask(dns, 'a.test', 'A', { edns: 1232 })).toMatchObject({
      truncated: true,
      rcode: 0,
      answer: [],
      edns: { payloadSize: 1232 },
    })
    expect(answeredWith()).toEqual(['truncate'])
  })

  it('wrongId answers with another ID, each time', async () => {
    dns.fail('a.test', 'wrongId')
    for (let i = 0; i < 20; i++) {
      const reply = (await overUdp(dns, query))?.bytes ?? new Uint8Array(0)
      expect(idOf(reply)).not.toBe(0x1234)
      expect(lines(messageOf(reply).answer)).toEqual(['a.test. 60 IN A 192.0.2.1'])
    }
  })

  it('wrongQuestion answers another question with the right ID', async () => {
    dns.fail('a.test', 'wrongQuestion')
    const reply = (await overUdp(dns, query))?.bytes ?? new Uint8Array(0)
    expect(idOf(reply)).toBe(0x1234)
    expect(matchReply(query, reply)).toBe('mismatch')
    expect(lines(messageOf(reply).answer)).toEqual(['wrong-question.invalid. 60 IN A 192.0.2.1'])
  })

  it('wrongSource answers from another port', async () => {
    dns.fail('a.test', 'wrongSource')
    const reply = await overUdp(dns, query)
    expect(matchReply(query, reply?.bytes ?? new Uint8Array(0))).toBe('match')
    expect(reply?.port).not.toBe(dns.port)
    dns.clear()
    expect((await overUdp(dns, query))?.port).toBe(dns.port)
  })

  it('garbage has the ID and is no message', async () => {
    dns.fail('a.test', 'garbage')
    const reply = (await overUdp(dns, query))?.bytes ?? new Uint8Array(0)
    expect(idOf(reply)).toBe(0x1234)
    expect(isResponse(reply, reply.length)).toBe(true)
    expect(decodeMessage(reply).kind).toBe('format-error')
  })

  it('the fault halfFrame cuts the datagram', async () => {
    const whole = (await overUdp(dns, query))?.bytes ?? new Uint8Array(0)
    dns.fail('a.test', 'halfFrame')
    const half = (await overUdp(dns, query))?.bytes ?? new Uint8Array(0)
    expect(half).toEqual(whole.subarray(0, whole.length >> 1))
  })

  it('stripEdns leaves OPT out, and with it everything above 512 octets', async () => {
    dns.fail('*', 'stripEdns')
    expect(await ask(dns, 'a.test', 'A', { edns: 1232 })).toMatchObject({ edns: null, truncated: false, rcode: 0 })
    dns.set('middle.test', { TXT: 'x'.repeat(700) })
    expect(await ask(dns, 'middle.test', 'TXT', { edns: 1232 })).toMatchObject({
      edns: null,
      truncated: true,
      answer: [],
    })
    expect((await askOverTcp(dns, 'middle.test', 'TXT', { edns: 1232 })).answer).toHaveLength(1)
  })

  it('empty is NOERROR without anything, rcodes are bare', async () => {
    const rcodes: readonly [FaultKind, number][] = [
      ['empty', 0],
      ['FORMERR', 1],
      ['SERVFAIL', 2],
      ['nxdomain', 3],
      ['NOTIMP', 4],
      ['refused', 5],
    ]
    for (const [kind, rcode] of rcodes) {
      const fault = dns.fail('a.test', kind)
      expect(await ask(dns, 'a.test')).toMatchObject({ rcode, answer: [], authority: [], additional: [] })
      fault.remove()
    }
    expect((await ask(dns, 'a.test')).answer).toHaveLength(1)
  })

  it('an rcode carries its extended error when the client takes OPT', async () => {
    const ede: StubEde = { code: 22, text: 'no reachable authority' }
    dns.fail('*.cdn.test', 'SERVFAIL', { ede })
    const reply = await ask(dns, 'x.y.cdn.test', 'A', { edns: 1232 })
    expect(reply.rcode).toBe(2)
    expect(reply.edns === null ? null : readExtendedErrors(reply.edns)).toEqual([ede])
    expect(await ask(dns, 'x.y.cdn.test')).toMatchObject({ rcode: 2, edns: null })
    dns.fail('private.test', 'NXDOMAIN', { ede: { code: 49_152 } })
    const other = await ask(dns, 'private.test', 'A', { edns: 512 })
    expect(other.edns === null ? null : readExtendedErrors(other.edns)).toEqual([{ code: 49_152, text: '' }])
  })
})

describe('over TCP', () => {
  const short: readonly FaultKind[] = ['truncate', 'wrongSource']
  it.each(short)('%s answers in full', async kind => {
    dns.fail('big.test', kind)
    const reply = await askOverTcp(dns, 'big.test', 'TXT')
    expect(reply.truncated).toBe(false)
    expect(reply.answer[0]?.rdata.length).toBeGreaterThan(3_000)
  })

  it('halfFrame sends the first half of the frame and ends', async () => {
    const whole = frame((await overTcp(dns, [query])).messages[0] ?? new Uint8Array(0))
    dns.fail('a.test', 'halfFrame')
    const { octets, end } = await overTcp(dns, [query])
    expect(end).toBe('end')
    expect(octets).toEqual(whole.subarray(0, whole.length >> 1))
  })

  it('the fault tcpReset resets the connection', async () => {
    dns.fail('a.test', 'tcpReset')
    expect(await overTcp(dns, [query])).toMatchObject({ end: 'reset', messages: [] })
    expect(answeredWith()).toEqual(['tcpReset'])
  })

  it('timeout leaves the connection open and answers what else is asked on it', async () => {
    dns.fail('a.test', 'timeout')
    const { messages, end } = await overTcp(dns, [query, queryFor('big.test', 'TXT', { id: 2 })], 1)
    expect(end).toBe('open')
    expect(messages.map(idOf)).toEqual([2])
  })

  it('garbage and a wrong ID come in whole frames', async () => {
    dns.fail('a.test', 'garbage', { times: 1 })
    dns.fail('a.test', 'wrongId')
    const { messages } = await overTcp(dns, [query, query])
    expect(messages.map(message => decodeMessage(message).kind)).toEqual(['format-error', 'message'])
    expect(idOf(messages[1] ?? new Uint8Array(2))).not.toBe(0x1234)
  })
})

describe('delays', () => {
  const tookMs = async (work: () => Promise<unknown>): Promise<number> => {
    const from = performance.now()
    await work()
    return performance.now() - from
  }

  it('hold a reply back, over both transports, also an error', async () => {
    dns.delay('a.test', 40)
    expect(await tookMs(() => ask(dns, 'a.test'))).toBeGreaterThanOrEqual(40)
    expect(await tookMs(() => askOverTcp(dns, 'a.test'))).toBeGreaterThanOrEqual(40)
    dns.fail('a.test', 'SERVFAIL')
    expect(
      await tookMs(async () => expect(await ask(dns, 'a.test')).toMatchObject({ rcode: 2 })),
    ).toBeGreaterThanOrEqual(40)
  })

  it('with jitter are the same for the same seed', async () => {
    const order = async (seed: number): Promise<readonly number[]> => {
      await using own = await createDnsStub({ seed, records: { 'a.test': '192.0.2.1' } })
      own.delay('a.test', { ms: 40, jitter: 40 })
      const ids = Array.from({ length: 6 }, (_, i) => i)
      const { messages } = await overTcp(
        own,
        ids.map(id => queryFor('a.test', 'A', { id })),
      )
      return messages.map(idOf)
    }
    const [first, second] = await Promise.all([order(5), order(5)])
    expect(first.toSorted()).toEqual([0, 1, 2, 3, 4, 5])
    expect(first).toEqual(second)
    expect(first).not.toEqual([0, 1, 2, 3, 4, 5])
  })

  it('end with the stub: nothing is sent late and stop does not wait', async () => {
    const own = await createDnsStub({ records: { 'a.test': '192.0.2.1' } })
    own.delay('a.test', 10 * CONDITION_MS)
    const [udp, tcp] = [overUdp(own, query, 400), overTcp(own, [query], 1, 400)]
    await own.waitForQuery('a.test', { count: 2 })
    const from = performance.now()
    await own.stop()
    expect(performance.now() - from).toBeLessThan(CONDITION_MS)
    expect(await udp).toBeNull()
    expect((await tcp).messages).toEqual([])
  })
})

describe('TTLs', () => {
  it('are replaced in every record of an answer', async () => {
    dns.set('www.test', { CNAME: 'a.test', ttl: 300 })
    dns.ttl('www.test', 1)
    expect(lines((await ask(dns, 'www.test', 'A', { edns: 1232 })).answer)).toEqual([
      'www.test. 1 IN CNAME a.test.',
      'a.test. 1 IN A 192.0.2.1',
    ])
    expect(lines((await ask(dns, 'a.test')).answer)).toEqual(['a.test. 60 IN A 192.0.2.1'])
    expect(await dns.resolver().resolve4('www.test', { ttl: true })).toEqual([{ address: '192.0.2.1', ttl: 1 }])
  })
})

describe('mistakes', () => {
  const calls: readonly [string, () => unknown, RegExp][] = [
    [
      'an unknown fault',
      () => Reflect.apply(dns.fail, dns, ['a.test', 'timeuot']),
      /expected a fault \(timeout, SERVFAIL, .*found "timeuot" \(did you mean "timeout"\?\)/,
    ],
    ['no fault', () => Reflect.apply(dns.fail, dns, ['a.test']), /expected a fault .*found undefined/],
    [
      'an unknown option',
      () => Reflect.apply(dns.fail, dns, ['a.test', 'timeout', { time: 1 }]),
      /unknown field "time" \(did you mean "times"\?\)/,
    ],
    ['an unknown type', () => dns.fail('a.test', 'timeout', { type: 'AA' }), /expected a type/],
    [
      'a transport',
      () => Reflect.apply(dns.fail, dns, ['a.test', 'timeout', { transport: 'quic' }]),
      /expected transport to be one of udp, tcp, tls, https, found "quic"/,
    ],
    ['a client', () => dns.fail('a.test', 'timeout', { client: '127.0.0.1/33' }), /expected an address or a prefix/],
    ['times', () => dns.fail('a.test', 'timeout', { times: -1 }), /expected times to be a whole number/],
    [
      'probability',
      () => dns.fail('a.test', 'timeout', { probability: 50 }),
      /expected probability to be a number from 0 to 1, found 50/,
    ],
    [
      'schedule',
      () => Reflect.apply(dns.fail, dns, ['a.test', 'timeout', { schedule: ['fial'] }]),
      /"fail" and "pass", found "fial" \(did you mean "fail"\?\)/,
    ],
    [
      'ede',
      () => Reflect.apply(dns.fail, dns, ['a.test', 'SERVFAIL', { ede: 22 }]),
      /expected ede as an object, found 22/,
    ],
    ['the code of ede', () => dns.fail('a.test', 'SERVFAIL', { ede: { code: 70_000 } }), /the code of ede/],
    ['an asterisk inside', () => dns.fail('a.*.test', 'timeout'), /an asterisk stands in front/],
    ['a delay', () => dns.delay('a.test', -1), /expected the delay in milliseconds, found -1/],
    ['a jitter', () => Reflect.apply(dns.delay, dns, ['a.test', { ms: 1, jiter: 1 }]), /unknown field "jiter"/],
    ['a ttl', () => dns.ttl('a.test', 2 ** 31), /expected ttl/],
  ]
  it.each(calls)('%s', (_what, call, message) => {
    expect(call).toThrow(message)
    expect(call).toThrow(TypeError)
    expect(dns.faults).toEqual([])
  })
})

needs('dig')('as dig sees it', () => {
  const dig = async (...words: readonly string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)('dig', [
      '@127.0.0.1',
      '-p',
      String(dns.port),
      '+time=1',
      '+tries=1',
      ...words,
    ]).catch((error: unknown) => {
      if (typeof error === 'object' && error !== null && 'stdout' in error) return { stdout: String(error.stdout) }
      throw error
    })
    return stdout
  }

  it('an answer, a truncated one, an extended error, another ID', async () => {
    expect(await dig('a.test', '+short')).toBe('192.0.2.1\n')
    dns.fail('a.test', 'truncate')
    expect(await dig('a.test')).toMatch(/Truncated, retrying in TCP mode[\s\S]*192\.0\.2\.1/)
    expect(await dig('a.test', '+ignore')).toMatch(/flags: qr aa tc rd/)
    dns.fail('b.test', 'SERVFAIL', { ede: { code: 22, text: 'none' } })
    expect(await dig('b.test')).toMatch(/status: SERVFAIL[\s\S]*EDE: 22 \(No Reachable Authority\): \(none\)/)
    dns.fail('a.test', 'wrongId', { times: 1 })
    expect(await dig('a.test', '+noall', '+comments')).toMatch(/ID mismatch/)
  })
})
