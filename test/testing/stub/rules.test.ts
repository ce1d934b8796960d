import packet from 'dns-packet'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { readExtendedErrors } from '../../../src/dns/edns.ts'
import { createDnsStub } from '../../../src/testing/create-dns-stub.ts'
import type { DnsStub, StubHandler, StubQuery, StubReply } from '../../../src/testing/stub/types.ts'
import { ask, askOverTcp, firstFrame, hereLine, lines, overUdp, queryFor } from '../raw.ts'

let dns: DnsStub
beforeAll(async () => {
  dns = await createDnsStub({ records: { 'a.test': ['192.0.2.1', '2001:db8::1'], 'b.test': '192.0.2.2' } })
})
beforeEach(() => void dns.clear())
afterAll(() => dns.stop())

/** The rcodes of so many queries in turn. */
async function rcodes(count: number, name = 'a.test', type = 'A', on: DnsStub = dns): Promise<readonly number[]> {
  const codes: number[] = []
  for (let i = 0; i < count; i++) codes.push((await ask(on, name, type)).rcode)
  return codes
}
const texts = async (count: number, name = 'a.test', type = 'A'): Promise<readonly string[]> => {
  const all: string[] = []
  for (let i = 0; i < count; i++) {
    const { rcode, answer } = await ask(dns, name, type)
    all.push(
      rcode === 0
        ? lines(answer)
            .map(line => line.split(' ').slice(4).join(' '))
            .join()
        : `rcode ${rcode}`,
    )
  }
  return all
}

describe('which queries a rule takes', () => {
  it('by pattern: a name, everything below it, everything', async () => {
    dns.set('x.a.test', '192.0.2.3')
    const one = dns.fail('A.test.', 'SERVFAIL')
    expect([await rcodes(1), await rcodes(1, 'x.a.test'), await rcodes(1, 'b.test')]).toEqual([[2], [0], [0]])
    one.remove()
    dns.fail('*.a.test', 'SERVFAIL')
    expect([
      await rcodes(1),
      await rcodes(1, 'x.a.test'),
      await rcodes(1, 'y.z.a.test'),
      await rcodes(1, 'ya.test'),
    ]).toEqual([[0], [2], [2], [3]])
    dns.fail('*', 'REFUSED')
    expect(await rcodes(1, 'b.test')).toEqual([5])
  })

  it('by type, transport and client', async () => {
    dns.fail('a.test', 'SERVFAIL', { type: 'aaaa' })
    expect([await rcodes(1), await rcodes(1, 'a.test', 'AAAA')]).toEqual([[0], [2]])
    dns.fail('b.test', 'SERVFAIL', { transport: 'tcp' })
    expect([(await ask(dns, 'b.test')).rcode, (await askOverTcp(dns, 'b.test')).rcode]).toEqual([0, 2])
    dns.clear()
    dns.fail('a.test', 'SERVFAIL', { client: '10.0.0.0/8' })
    dns.fail('b.test', 'SERVFAIL', { client: '127.0.0.1' })
    expect([await rcodes(1), await rcodes(1, 'b.test')]).toEqual([[0], [2]])
  })

  it('so many times, by a schedule, never', async () => {
    const fault = dns.fail('a.test', 'SERVFAIL', { times: 2 })
    expect(await rcodes(4)).toEqual([2, 2, 0, 0])
    expect(fault).toMatchObject({ name: 'a.test', kind: 'SERVFAIL', hits: 2 })
    dns.fail('a.test', 'SERVFAIL', { schedule: ['pass', 'fail', 'pass', 'fail'] })
    expect(await rcodes(6)).toEqual([0, 2, 0, 2, 0, 0])
    dns.fail('a.test', 'SERVFAIL', { times: 0 })
    expect(await rcodes(1)).toEqual([0])
  })

  it('by chance: the same seed hits the same queries, whatever other rules there are', async () => {
    const drawn = async (seed: number, also: (stub: DnsStub) => void = () => {}): Promise<string> => {
      await using own = await createDnsStub({ seed, records: { 'a.test': '192.0.2.1' } })
      own.fail('a.test', 'SERVFAIL', { probability: 0.3 })
      also(own)
      return (await rcodes(60, 'a.test', 'A', own)).join('')
    }
    const first = await drawn(7)
    expect(await drawn(7)).toBe(first)
    expect(await drawn(7, own => own.delay('a.test', { ms: 0, jitter: 0 }, { probability: 0.5 }))).toBe(first)
    expect(await drawn(8)).not.toBe(first)
    expect(first.replaceAll('0', '').length).toBeGreaterThan(8)
    expect(first.replaceAll('0', '').length).toBeLessThan(30)
    expect(await drawn(7, own => own.fail('a.test', 'SERVFAIL', { probability: 1 }))).toBe('2'.repeat(60))
    expect(await drawn(7, own => own.clear().fail('a.test', 'SERVFAIL', { probability: 0.3 }))).toBe(first)
  })
})

describe('the order is that of mocks', () => {
  it('limited rules first, as they were made; then the newest of the others', async () => {
    dns.fail('a.test', 'REFUSED')
    dns.fail('a.test', 'NOTIMP')
    dns.fail('*', 'SERVFAIL', { times: 1 })
    dns.fail('a.test', 'FORMERR', { times: 1 })
    expect(await rcodes(4)).toEqual([2, 1, 4, 4])
    dns.faults.find(fault => fault.kind === 'NOTIMP')?.remove()
    expect(await rcodes(1)).toEqual([5])
    expect(dns.faults.map(({ id, kind, hits }) => [id, kind, hits])).toEqual([
      ['REFUSED-1', 'REFUSED', 1],
      ['SERVFAIL-3', 'SERVFAIL', 1],
      ['FORMERR-4', 'FORMERR', 1],
    ])
  })

  it('a fault goes before what answers, and what answers is not used up by it', async () => {
    const handler = dns.on('a.test', () => '192.0.2.9', { times: 1 })
    dns.fail('a.test', 'SERVFAIL', { times: 1 })
    expect(await texts(3)).toEqual(['rcode 2', '192.0.2.9', '192.0.2.1'])
    expect(handler.hits).toBe(1)
  })

  it('faults of octets act on whatever the answer is', async () => {
    dns.on('new.test', () => '192.0.2.9')
    dns.fail('new.test', 'truncate')
    expect(await ask(dns, 'new.test')).toMatchObject({ truncated: true })
    expect(lines((await askOverTcp(dns, 'new.test')).answer)).toEqual(['new.test. 60 IN A 192.0.2.9'])
  })
})

describe('sequences', () => {
  it('first SERVFAIL, then A, and so it stays', async () => {
    dns.sequence('api.test', ['SERVFAIL', '192.0.2.1'])
    expect(await texts(4, 'api.test')).toEqual(['rcode 2', '192.0.2.1', '192.0.2.1', '192.0.2.1'])
    expect(dns.unmatched).toEqual([])
  })

  it('can go on with what is listed, or from the start', async () => {
    dns.sequence('a.test', ['refused', ['192.0.2.8', '192.0.2.9']], { after: 'listed' })
    expect(await texts(4)).toEqual(['rcode 5', '192.0.2.8,192.0.2.9', '192.0.2.1', '192.0.2.1'])
    dns.sequence('b.test', [undefined, 'NXDOMAIN'], { after: 'cycle' })
    expect(await texts(4, 'b.test')).toEqual(['192.0.2.2', 'rcode 3', '192.0.2.2', 'rcode 3'])
  })

  it('run for each name and type by themselves', async () => {
    dns.sequence('*.seq.test', ['SERVFAIL', ['192.0.2.1', '2001:db8::1']])
    expect(await texts(1, 'x.seq.test')).toEqual(['rcode 2'])
    expect(await texts(2, 'x.seq.test', 'AAAA')).toEqual(['rcode 2', '2001:db8::1'])
    expect(await texts(1, 'y.seq.test')).toEqual(['rcode 2'])
    expect(await texts(1, 'x.seq.test')).toEqual(['192.0.2.1'])
  })

  it('take faults of octets, silence, handlers and parts', async () => {
    dns.sequence('a.test', [
      'truncate',
      'timeout',
      query => [`192.0.2.${query.name.length}`],
      { rcode: 'YXDOMAIN' },
      { ttl: 3 },
    ])
    expect(await ask(dns, 'a.test')).toMatchObject({ truncated: true })
    expect(await overUdp(dns, queryFor('a.test'), 60)).toBeNull()
    expect(await texts(2)).toEqual(['192.0.2.6', 'rcode 6'])
    expect(lines((await ask(dns, 'a.test')).answer)).toEqual(['a.test. 3 IN A 192.0.2.1'])
    expect(dns.queries.map(query => query.answeredWith)).toEqual([
      'truncate',
      'timeout',
      'NOERROR',
      'YXDOMAIN',
      'NOERROR',
    ])
  })

  const wrong: readonly [unknown, RegExp][] = [
    [[], /expected an array of at least one reply or fault/],
    ['SERVFAIL', /expected an array of at least one reply or fault, found "SERVFAIL"/],
    [['SERVFIAL'], /expected an address .*found "SERVFIAL"/],
    [[42], /expected a reply: .*found 42/],
    [[{ record: '192.0.2.1' }], /the reply: unknown field "record" \(did you mean "records"\?\)/],
    [[[{ name: 'a.test', type: 'A', data: 'x' }]], /record 1: /],
  ]
  it.each(wrong)('%j is a mistake', (replies, message) => {
    expect(() => Reflect.apply(dns.sequence, dns, ['a.test', replies])).toThrow(message)
  })
})

describe('handlers', () => {
  const replies: readonly [string, StubReply, string, readonly string[] | number][] = [
    ['nothing: as listed', undefined, 'A', ['a.test. 60 IN A 192.0.2.1']],
    ['an address', '192.0.2.9', 'A', ['a.test. 60 IN A 192.0.2.9']],
    ['an address of the other family', '192.0.2.9', 'AAAA', []],
    ['addresses', ['192.0.2.9', '2001:db8::9'], 'AAAA', ['a.test. 60 IN AAAA 2001:db8::9']],
    ['no address', [], 'A', []],
    [
      'answers of dns-packet',
      [{ name: 'a.test', type: 'MX', ttl: 5, data: { preference: 1, exchange: 'm.test' } }],
      'MX',
      ['a.test. 5 IN MX 1 m.test.'],
    ],
    [
      'a chain of dns-packet',
      [
        { name: 'a.test', type: 'CNAME', data: 'c.test' },
        { name: 'c.test', type: 'A', ttl: 9, data: '192.0.2.7' },
      ],
      'A',
      ['a.test. 60 IN CNAME c.test.', 'c.test. 9 IN A 192.0.2.7'],
    ],
    ['records by type', { records: { A: '192.0.2.9', TXT: 'x', ttl: 4 } }, 'TXT', ['a.test. 4 IN TXT "x"']],
    ['an alias in records', { records: { CNAME: 'c.test' } }, 'A', ['a.test. 60 IN CNAME c.test.']],
    ['records for ANY', { records: { A: '192.0.2.9' }, ttl: 8 }, 'ANY', ['a.test. 8 IN A 192.0.2.9']],
    ['an rcode', { rcode: 'NOTZONE' }, 'A', 10],
    ['an rcode with records', { rcode: 3, records: '192.0.2.9' }, 'A', 3],
    ['a handler', () => () => '192.0.2.9', 'A', ['a.test. 60 IN A 192.0.2.9']],
    ['what is listed, with another TTL', { ttl: 2 }, 'A', ['a.test. 2 IN A 192.0.2.1']],
  ]
  it.each(replies)('may say %s', async (_what, reply, type, expected) => {
    const seen: StubQuery[] = []
    dns.on('a.test', async query => {
      seen.push(query)
      return reply
    })
    const { rcode, answer } = await ask(dns, 'A.test', type)
    expect(typeof expected === 'number' ? rcode : lines(answer)).toEqual(expected)
    expect(seen).toMatchObject([
      { name: 'a.test', type, class: 'IN', transport: 'udp', client: { address: '127.0.0.1' }, edns: null },
    ])
    expect(dns.errors).toEqual([])
  })

  it('may say everything of a reply', async () => {
    const soa = { name: 'test', type: 'SOA', ttl: 7, data: 'ns.test. h.test. 1 2 3 4 5' }
    dns.on('a.test', () => ({
      authority: [soa],
      additional: [{ name: 'ns.test', type: 'A', data: '192.0.2.5' }],
      authoritative: false,
      ede: { code: 15, text: 'no' },
    }))
    const reply = await ask(dns, 'a.test', 'A', { edns: 1232 })
    expect(reply).toMatchObject({ authoritative: false, rcode: 0, answer: [] })
    expect(lines(reply.authority)).toEqual(['test. 7 IN SOA ns.test. h.test. 1 2 3 4 5'])
    expect(lines(reply.additional)).toEqual(['ns.test. 60 IN A 192.0.2.5'])
    expect(reply.edns === null ? [] : readExtendedErrors(reply.edns)).toEqual([{ code: 15, text: 'no' }])
  })

  it('may hand on what dns-packet decoded', async () => {
    const octets = packet.encode({
      type: 'response',
      answers: [
        { name: 'a.test', type: 'CNAME', ttl: 4, data: 'b.test' },
        { name: 'b.test', type: 'TXT', ttl: 5, data: ['one', 'two'] },
      ],
      additionals: [
        {
          name: '.',
          type: 'OPT',
          udpPayloadSize: 4096,
          extendedRcode: 0,
          ednsVersion: 0,
          flags: 0,
          flag_do: false,
          options: [],
        },
        { name: 'm.test', type: 'SRV', ttl: 6, data: { port: 1, target: 's.test' } },
      ],
    })
    dns.on('a.test', () => {
      const { answers = [], additionals = [] } = packet.decode(octets)
      return { records: answers, additional: additionals }
    })
    const reply = await ask(dns, 'a.test', 'TXT')
    expect(lines([...reply.answer, ...reply.additional])).toEqual([
      'a.test. 4 IN CNAME b.test.',
      'b.test. 5 IN TXT "one" "two"',
      'm.test. 6 IN SRV 0 0 1 s.test.',
    ])
    expect(dns.errors).toEqual([])
  })

  it('may be silent or late', async () => {
    dns.on('a.test', () => ({ drop: true }))
    dns.on('b.test', () => ({ delayMs: 40 }))
    expect(await overUdp(dns, queryFor('a.test'), 60)).toBeNull()
    const from = performance.now()
    expect(lines((await ask(dns, 'b.test')).answer)).toEqual(['b.test. 60 IN A 192.0.2.2'])
    expect(performance.now() - from).toBeGreaterThanOrEqual(40)
    expect(dns.queries.map(query => query.answeredWith)).toEqual(['dropped', 'NOERROR'])
  })

  it('pass a query on by saying nothing: to older ones, to that of the options, to the records', async () => {
    await using own = await createDnsStub({
      records: { 'a.test': '192.0.2.1' },
      handler: ({ name }) => (name === 'b.test' ? '192.0.2.2' : undefined),
    })
    own.on('*', ({ name }) => (name === 'c.test' ? '192.0.2.3' : undefined))
    own.on('*', ({ type }) => (type === 'TXT' ? { records: { TXT: 'x' } } : undefined))
    const answers = async (name: string, type = 'A'): Promise<string> =>
      lines((await ask(own, name, type)).answer).join()
    expect(await answers('x.test', 'TXT')).toBe('x.test. 60 IN TXT "x"')
    expect(await answers('c.test')).toBe('c.test. 60 IN A 192.0.2.3')
    expect(await answers('b.test')).toBe('b.test. 60 IN A 192.0.2.2')
    expect(await answers('a.test')).toBe('a.test. 60 IN A 192.0.2.1')
    expect(await ask(own, 'd.test')).toMatchObject({ rcode: 3 })
    expect(own.unmatched.map(query => query.name)).toEqual(['d.test'])
  })

  const failing: readonly [string, StubHandler, RegExp][] = [
    [
      'throw',
      () => {
        throw new Error('boom')
      },
      /boom/,
    ],
    [
      'reject',
      async () => {
        throw new Error('boom')
      },
      /boom/,
    ],
    ['say what is no reply', () => 'not an address', /expected an address/],
    [
      'return handlers for ever',
      function forever(): StubReply {
        return forever
      },
      /without end/,
    ],
  ]
  it.each(failing)('that %s answer SERVFAIL, and it is told', async (_what, handler, message) => {
    dns.on('a.test', handler)
    const reply = await ask(dns, 'a.test', 'A', { edns: 1232 })
    expect(reply.rcode).toBe(2)
    expect(reply.edns === null ? [] : readExtendedErrors(reply.edns)).toMatchObject([
      { code: 0, text: expect.stringMatching(message) },
    ])
    expect(dns.errors).toMatchObject([{ message: expect.stringMatching(message) }])
    expect(dns.clear().errors).toEqual([])
  })

  it('a handler that is no function is refused', () => {
    expect(() => Reflect.apply(dns.on, dns, ['a.test', '192.0.2.1'])).toThrow(
      /expected a handler, that is a function of the query, found "192\.0\.2\.1"/,
    )
  })
})

describe('ready-made replies', () => {
  it('rotate gives all addresses, each time from the next on; also when it is made again for every query', async () => {
    dns.on('rr.test', dns.reply.rotate('192.0.2.1', '192.0.2.2', '2001:db8::1', '192.0.2.3'))
    expect(await texts(4, 'rr.test')).toEqual([
      '192.0.2.1,192.0.2.2,192.0.2.3',
      '192.0.2.2,192.0.2.3,192.0.2.1',
      '192.0.2.3,192.0.2.1,192.0.2.2',
      '192.0.2.1,192.0.2.2,192.0.2.3',
    ])
    expect(await texts(2, 'rr.test', 'AAAA')).toEqual(['2001:db8::1', '2001:db8::1'])
    dns.on('again.test', () => dns.reply.rotate(['192.0.2.1', '192.0.2.2']))
    expect(await texts(3, 'again.test')).toEqual(['192.0.2.1,192.0.2.2', '192.0.2.2,192.0.2.1', '192.0.2.1,192.0.2.2'])
    expect(() => dns.reply.rotate('x')).toThrow(/expected an address/)
    expect(() => dns.reply.rotate()).toThrow(/expected addresses to rotate/)
  })

  it('a handler replies with an rcode, or with nothing', async () => {
    dns.sequence('a.test', [dns.reply.rcode('NOTAUTH'), dns.reply.rcode(2, { code: 1 }), dns.reply.drop()])
    expect(await texts(2)).toEqual(['rcode 9', 'rcode 2'])
    expect(await overUdp(dns, queryFor('a.test'), 60)).toBeNull()
    expect(() => dns.reply.rcode('SERVFIAL')).toThrow(/did you mean "SERVFAIL"\?/)
  })
})

it('a mistake has the line of the caller, wherever it was found', () => {
  const calls: readonly (() => unknown)[] = [
    () => dns.sequence('a.test', ['SERVFIAL']),
    () => dns.fail('a..test', 'timeout'),
    () => dns.delay('a.test', Number.NaN),
    () => dns.reply.rotate('x'),
    () => dns.forwardTo('a.test', 'x'),
    () => dns.queriesFor('a..test'),
  ]
  const first = hereLine(-7)
  calls.forEach((call, index) => {
    let frame = ''
    try {
      call()
    } catch (error) {
      frame = firstFrame(error)
    }
    const [file, line] = first.split(':')
    expect(frame).toBe(`${file}:${Number(line) + index}`)
  })
})
