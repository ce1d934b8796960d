import { describe, expect, test } from 'vitest'
import { parsePrefix } from '../../src/dns/address.ts'
import { AnswerCache } from '../../src/cache/answer-cache.ts'
import { decodeMessage } from '../../src/dns/decode.ts'
import { findOption, readExtendedErrors } from '../../src/dns/edns.ts'
import type { Message } from '../../src/dns/message.ts'
import { formatName } from '../../src/presentation/text.ts'
import { EdnsOptionCode, Rcode, RrType } from '../../src/dns/types.ts'
import type { Event } from '../../src/events.ts'
import { defaultLimits } from '../../src/limits.ts'
import { allowing, makeAccess } from '../../src/policy/access.ts'
import type { Answer, Handler, Query } from '../../src/policy/handler.ts'
import type { Client, Random, Serve, Want } from '../../src/ports.ts'
import { Counters } from '../../src/server/counters.ts'
import { Tally } from '../../src/server/tally.ts'
import type { QueryLogEntry } from '../../src/server/query-log.ts'
import { createServe } from '../../src/server/serve.ts'
import { WaitingClients } from '../../src/server/pending-queries.ts'
import type { CookieSettings } from '../../src/policy/cookies/server-cookies.ts'
import { RateLimiter, rateMemory, type RateSettings } from '../../src/policy/limits/rate-limiter.ts'
import type { NotYet } from '../../src/resolver/running/not-yet.ts'
import type { Outcome } from '../../src/steps.ts'
import { SimClock } from '../../src/simulation/clock.ts'
import { a, answer, asked, bytesOf, client, edns, wire } from './make.ts'

interface Bench {
  readonly serve: Serve
  readonly ask: (bytes: Uint8Array, from?: Client) => Promise<Uint8Array | null>
  readonly counters: Counters
  readonly waiting: WaitingClients
  readonly events: Event[]
  readonly log: QueryLogEntry[]
  readonly seen: Query[]
  readonly prefetched: string[]
  pass(ms: number): void
}

const resolved = (outcome: Outcome, shareable = true): Answer => ({ kind: 'resolved', outcome, by: 'test', shareable })
const always =
  (given: Answer): Handler =>
  () =>
    Promise.resolve(given)

function bench(
  handler: Handler,
  change: {
    nsid?: string
    waitingPerClient?: number
    lateAnswersKept?: number
    random?: Pick<Random, 'below'>
    notYet?: () => NotYet
    rate?: RateLimiter
    cookies?: CookieSettings
  } = {},
): Bench {
  const time = new SimClock(1_000)
  const counters = new Counters()
  const limits = { ...defaultLimits.server, ...change }
  const waiting = new WaitingClients(limits)
  const events: Event[] = []
  const log: QueryLogEntry[] = []
  const seen: Query[] = []
  const prefetched: string[] = []
  const prefix = parsePrefix('127.0.0.0/8')
  const serve = createServe({
    clock: { now: () => time.now(), wall: () => 1_700_000_000, after: (ms, fire) => time.after(ms, fire) },
    random: change.random ?? { below: () => 0 },
    answers: new AnswerCache(defaultLimits.cache, 1_000_000),
    pipeline: {
      rate: change.rate,
      admit: makeAccess([allowing(prefix === null ? [] : [prefix])], limits).admit,
      handler: query => {
        seen.push(query)
        return handler(query)
      },
    },
    waiting,
    counters,
    tallies: { refusals: new Tally(60_000), failures: new Tally(60_000) },
    events: event => events.push(event),
    settings: {
      udpReplyBytes: 1232,
      edeTextBytes: 160,
      tcpIdleMs: 30_000,
      rateDelayMs: 1_000,
      cookies: change.cookies ?? null,
      paddingBlock: 468,
      nsid: change.nsid === undefined ? null : new TextEncoder().encode(change.nsid),
    },
    queryLog: entry => log.push(entry),
    ...(change.notYet === undefined ? {} : { notYet: change.notYet }),
    prefetch: ({ name, type }, { ip }) => void prefetched.push(`${formatName(name)} ${type} for ${ip.text}`),
  })
  return {
    serve,
    counters,
    waiting,
    events,
    log,
    seen,
    prefetched,
    pass: ms => time.advance(ms),
    ask: (bytes, from = client()) =>
      new Promise((settle, fail) => {
        let called = false
        // The listener's buffer is larger than the datagram and is used again at once.
        const buffer = new Uint8Array(600)
        buffer.set(bytes)
        serve(buffer, bytes.length, from, (reply, length) => {
          if (called) fail(new Error('replied twice'))
          called = true
          settle(length === 0 ? null : reply.slice(0, length))
        })
        buffer.fill(0xee)
      }),
  }
}

function read(bytes: Uint8Array | null): Message {
  if (bytes === null) throw new Error('no reply')
  const decoded = decodeMessage(bytes)
  if (decoded.kind !== 'message') throw new Error(decoded.why)
  return decoded.message
}

const www = answer([a('www.example.com.', '192.0.2.1', 300)])

describe('two paths', () => {
  test('the second of equal questions comes from the answer cache, TTL counted down, id, case and OPT its own', async () => {
    const b = bench(always(resolved(www)))
    const first = read(await b.ask(bytesOf({ id: 1 })))
    b.pass(10_400)
    const second = read(
      await b.ask(bytesOf({ id: 2, question: asked('WWW.example.COM.'), edns: edns({ payloadSize: 4096 }) })),
    )
    expect(b.seen).toHaveLength(1)
    expect(first).toMatchObject({ id: 1, edns: null, answer: [{ ttl: 300 }] })
    expect(second).toMatchObject({
      id: 2,
      response: true,
      recursionAvailable: true,
      question: { cased: wire('WWW.example.COM.') },
      edns: { payloadSize: 1232, version: 0 },
      answer: [{ ttl: 290, owner: wire('WWW.example.COM.') }],
    })
    expect(b.counters.snapshot()).toMatchObject({
      udpQueries: 2,
      answeredFromCache: 1,
      answeredByValuePath: 1,
      noError: 2,
    })
  })

  test.each([
    ['from the cache', client(), 'aaa.example.com.', '192.0.2.1'],
    ['by value', client('198.51.100.1'), 'aaa.example.com.', null],
  ])(
    'a query that is answered %s while the reply to another is taken does not get into what is kept of that one',
    async (_what, from, name, address) => {
      const b = bench(({ question }) =>
        Promise.resolve(
          resolved(
            answer([
              a(
                formatName(question.name),
                formatName(question.name).startsWith('aaa') ? '192.0.2.1' : '192.0.2.2',
                300,
              ),
            ]),
          ),
        ),
      )
      await b.ask(bytesOf({ question: asked('aaa.example.com.') }))
      const inner = bytesOf({ id: 3, question: asked(name) })
      const replies: Message[] = []
      await new Promise<void>(done => {
        const outer = bytesOf({ id: 2, question: asked('bbb.example.com.') })
        b.serve(outer, outer.length, client(), (reply, length) => {
          replies.push(read(reply.slice(0, length)))
          b.serve(inner, inner.length, from, (next, nextLength) => void replies.push(read(next.slice(0, nextLength))))
          done()
        })
      })
      const again = read(await b.ask(bytesOf({ id: 4, question: asked('bbb.example.com.') })))
      const addresses = [...replies, again].map(({ id, answer: [record] }) => [
        id,
        record === undefined ? null : record.rdata.join('.'),
      ])
      expect(addresses).toEqual([
        [2, '192.0.2.2'],
        [3, address],
        [4, '192.0.2.2'],
      ])
      expect(b.seen).toHaveLength(2)
    },
  )

  test('a popular answer is fetched again once before it ends, without anybody waiting', async () => {
    const b = bench(always(resolved(www)))
    await b.ask(bytesOf())
    for (const ms of [1_000, 200_000, 69_500, 1_000, 1_000]) {
      b.pass(ms)
      await b.ask(bytesOf({ question: asked('WWW.example.com.') }))
    }
    expect(b.prefetched).toEqual(['www.example.com. 1 for 127.0.0.1'])
    expect(b.seen).toHaveLength(1)
  })

  test('an expired answer is asked for again', async () => {
    const b = bench(always(resolved(www)))
    await b.ask(bytesOf())
    b.pass(300_000)
    expect(read(await b.ask(bytesOf())).answer[0]?.ttl).toBe(300)
    expect(b.seen).toHaveLength(2)
  })

  test('DO and CD have answers of their own', async () => {
    const b = bench(always(resolved(www)))
    await b.ask(bytesOf())
    await b.ask(bytesOf({ edns: edns({ dnssecOk: true }) }))
    await b.ask(bytesOf({ checkingDisabled: true }))
    expect(b.seen.map(query => [query.dnssecOk, query.checkingDisabled])).toEqual([
      [false, false],
      [true, false],
      [false, true],
    ])
    expect(read(await b.ask(bytesOf({ edns: edns({ dnssecOk: true }) }))).edns?.dnssecOk).toBe(true)
    expect(b.seen).toHaveLength(3)
  })

  test('what is for one client only is never told to another', async () => {
    const b = bench(always(resolved(www, false)))
    await b.ask(bytesOf())
    await b.ask(bytesOf(), client('127.0.0.2'))
    expect(b.seen).toHaveLength(2)
  })

  test('failures are not kept here (RFC 9520 has its own store)', async () => {
    const b = bench(
      always(resolved({ kind: 'failure', rrsets: [], why: 'unreachable', ede: 22, text: 'nobody answered' })),
    )
    const got = read(await b.ask(bytesOf({ edns: edns() })))
    expect(got.rcode).toBe(Rcode.SERVFAIL)
    expect(readExtendedErrors(got.edns ?? edns())).toEqual([{ code: 22, text: 'nobody answered' }])
    await b.ask(bytesOf())
    expect(b.seen).toHaveLength(2)
  })

  test('a cached answer too big for this client is truncated by the value path, not sent whole', async () => {
    const many = answer(Array.from({ length: 40 }, (_, i) => a(`h${i}.example.com.`, `192.0.2.${i}`)))
    const b = bench(always(resolved(many)))
    const whole = read(await b.ask(bytesOf(), client('127.0.0.1', 'tcp')))
    expect(whole.answer).toHaveLength(40)
    const cut = await b.ask(bytesOf())
    expect(cut?.length).toBeLessThanOrEqual(512)
    expect(read(cut).truncated).toBe(true)
    expect((await b.ask(bytesOf({ edns: edns({ payloadSize: 65_000 }) })))?.length).toBeLessThanOrEqual(1232)
    expect(read(await b.ask(bytesOf(), client('127.0.0.1', 'tcp')))).toMatchObject({ truncated: false })
    expect(b.counters.get('truncatedReplies')).toBe(1)
  })

  test('options that we answer are answered on a hit too; others do not matter', async () => {
    const b = bench(always(resolved(www)), { nsid: 'here' })
    const withOptions = (...codes: number[]): Uint8Array =>
      bytesOf({
        edns: edns({
          options: codes.map(code => ({ code, data: new Uint8Array(code === EdnsOptionCode.COOKIE ? 8 : 0) })),
        }),
      })
    await b.ask(bytesOf())
    const tcp = client('127.0.0.1', 'tcp')
    expect(
      findOption(
        read(await b.ask(withOptions(EdnsOptionCode.COOKIE, EdnsOptionCode.KEEPALIVE), tcp)).edns ?? edns(),
        EdnsOptionCode.KEEPALIVE,
      ),
    ).toMatchObject({ data: { length: 2 } })
    expect(
      findOption(read(await b.ask(withOptions(EdnsOptionCode.NSID))).edns ?? edns(), EdnsOptionCode.NSID),
    ).toMatchObject({ data: new Uint8Array(Buffer.from('here')) })
    expect(b.counters.get('answeredFromCache')).toBe(0)
    expect(
      read(await b.ask(withOptions(EdnsOptionCode.COOKIE, 65_001, EdnsOptionCode.KEEPALIVE))).edns?.options,
    ).toEqual([])
    expect(b.counters.get('answeredFromCache')).toBe(1)
  })
})

describe('a padded query over an encrypted transport', () => {
  const paddedQuery = (id: number): Uint8Array =>
    bytesOf({ id, edns: edns({ options: [{ code: EdnsOptionCode.PADDING, data: new Uint8Array(50) }] }) })

  test.each(['tls', 'https', 'http'] as const)('over %s is answered from the cache, padded', async transport => {
    const b = bench(always(resolved(www)))
    await b.ask(bytesOf())
    const got = await b.ask(paddedQuery(7), client('127.0.0.1', transport))
    expect(b.counters.get('answeredFromCache')).toBe(1)
    expect(got?.length).toBe(468)
    expect(read(got)).toMatchObject({ id: 7, answer: [{ type: RrType.A }] })
    expect(read(got).edns?.options.map(({ code }) => code)).toEqual([EdnsOptionCode.PADDING])
    expect(b.counters.get(`${transport}Queries`)).toBe(1)
  })

  test('is answered alike by both paths', async () => {
    const b = bench(always(resolved(www)))
    const over = client('127.0.0.1', 'tls')
    const byValue = await b.ask(paddedQuery(7), over)
    const byBytes = await b.ask(paddedQuery(7), over)
    expect(b.counters.get('answeredFromCache')).toBe(1)
    expect(byBytes).toEqual(byValue)
  })

  test('leaves no padding for those who ask without', async () => {
    const b = bench(always(resolved(www)))
    await b.ask(paddedQuery(7), client('127.0.0.1', 'tls'))
    const plain = await b.ask(bytesOf({ edns: edns() }), client('127.0.0.1', 'tls'))
    const udp = await b.ask(paddedQuery(8), client())
    expect(b.counters.get('answeredFromCache')).toBe(2)
    expect([plain?.length, udp?.length]).toEqual([60, 60])
  })

  test('with a keepalive option as well gets both over TLS', async () => {
    const b = bench(always(resolved(www)))
    const codes = [EdnsOptionCode.PADDING, EdnsOptionCode.KEEPALIVE]
    const both = bytesOf({ edns: edns({ options: codes.map(code => ({ code, data: new Uint8Array(0) })) }) })
    await b.ask(bytesOf())
    const got = await b.ask(both, client('127.0.0.1', 'tls'))
    expect(got?.length).toBe(468)
    expect(read(got).edns?.options.map(({ code }) => code)).toEqual([EdnsOptionCode.KEEPALIVE, EdnsOptionCode.PADDING])
  })
})

describe('who and what is not served', () => {
  test.each([
    ['192.0.2.5', '127.0.0.1'],
    ['127.0.0.1', '192.0.2.5'],
  ])('%s named by the proxy %s is refused: the access list holds for both', async (address, proxy) => {
    const b = bench(always(resolved(www)))
    await b.ask(bytesOf())
    const from = { ...client(address, 'tls'), proxy: client(proxy).ip }
    expect(read(await b.ask(bytesOf(), from))).toMatchObject({ rcode: Rcode.REFUSED, answer: [] })
    const allowed = { ...client('127.0.0.1', 'tls'), proxy: client('127.0.0.1').ip }
    expect(read(await b.ask(bytesOf(), allowed)).rcode).toBe(Rcode.NOERROR)
  })

  test('clients outside the access list are refused with EDE 18, also for what is cached', async () => {
    const b = bench(always(resolved(www)))
    await b.ask(bytesOf({ edns: edns() }))
    const got = read(await b.ask(bytesOf({ edns: edns() }), client('192.0.2.5')))
    expect(got).toMatchObject({ rcode: Rcode.REFUSED, answer: [] })
    expect(readExtendedErrors(got.edns ?? edns())[0]?.code).toBe(18)
    expect(b.seen).toHaveLength(1)
    expect(b.counters.get('refusedClients')).toBe(1)
  })

  test('outsiders learn nothing else: every error of theirs is a refusal', async () => {
    const b = bench(always(resolved(www)))
    expect(read(await b.ask(bytesOf({ opcode: 5 }), client('192.0.2.5'))).rcode).toBe(Rcode.REFUSED)
  })

  test.each<[string, Uint8Array, Client]>([
    ['a response', bytesOf({ response: true }), client()],
    ['a response from outside', bytesOf({ response: true }), client('192.0.2.5')],
    ['source port 0', bytesOf(), client('127.0.0.1', 'udp', 0)],
    ['fewer than 12 octets', new Uint8Array(11), client()],
    ['nothing', new Uint8Array(0), client()],
  ])('%s: silence', async (_, bytes, from) => {
    const b = bench(always(resolved(www)))
    expect(await b.ask(bytes, from)).toBeNull()
    expect(b.seen).toHaveLength(0)
  })

  test('a format error is answered with header and question alone', async () => {
    const b = bench(always(resolved(www)))
    const bytes = bytesOf({ edns: edns({ options: [{ code: 65_001, data: new Uint8Array(100).fill(0x41) }] }) })
    const got = await b.ask(bytes.subarray(0, bytes.length - 1))
    expect(read(got)).toMatchObject({ id: 0x1234, rcode: Rcode.FORMERR, question: { type: RrType.A } })
    expect(got?.length).toBe(12 + wire('www.example.com.').length + 4)
  })

  test('no error reply is longer than its query, OPT aside', async () => {
    const b = bench(always({ kind: 'refused', by: 'x', ede: null, text: '' }))
    for (const bytes of [
      bytesOf(),
      bytesOf({ opcode: 4 }),
      bytesOf({ question: asked('a.test.', RrType.AXFR) }),
      bytesOf({ question: null }),
    ]) {
      expect((await b.ask(bytes))?.length).toBeLessThanOrEqual(bytes.length)
    }
  })

  test('a policy may be silent', async () => {
    expect(await bench(always({ kind: 'dropped', by: 'x' })).ask(bytesOf())).toBeNull()
  })
})

describe('waiting queries', () => {
  const gated = (): { handler: Handler; release: () => void } => {
    const held: (() => void)[] = []
    return {
      handler: () => new Promise(settle => held.push(() => settle(resolved(www, false)))),
      release: () => held.shift()?.(),
    }
  }

  test('beyond the cap of a client queries are dropped, others are served', async () => {
    const { handler, release } = gated()
    const b = bench(handler, { waitingPerClient: 2 })
    const first = b.ask(bytesOf())
    const second = b.ask(bytesOf())
    expect(await b.ask(bytesOf())).toBeNull()
    const other = b.ask(bytesOf(), client('127.0.0.9'))
    expect(b.waiting.total).toBe(3)
    for (let i = 0; i < 3; i++) release()
    for (const got of [first, second, other]) expect(read(await got).rcode).toBe(0)
    await new Promise<void>(idle => b.waiting.whenIdle(idle))
    expect(b.counters.get('droppedWaiting')).toBe(1)
  })

  /** What a listener is handed besides octets. */
  const wanting = (b: Bench): Promise<{ length: number; want: Want | undefined }> => {
    const bytes = bytesOf()
    return new Promise(settle =>
      b.serve(bytes, bytes.length, client('127.0.0.1', 'https'), (_reply, length, want) => settle({ length, want })),
    )
  }

  test('a listener hears that a client has too many waiting, and that too much is being resolved', async () => {
    const { handler } = gated()
    const full = bench(handler, { waitingPerClient: 0 })
    expect(await wanting(full)).toEqual({ length: 0, want: 'client-limit' })
    const failed = (why: 'overload' | 'deadline'): Outcome => ({ kind: 'failure', why, ede: 0, text: '', rrsets: [] })
    const overloaded = bench(always(resolved(failed('overload'))))
    expect(await wanting(overloaded)).toMatchObject({ length: expect.any(Number), want: 'overload' })
    expect((await wanting(bench(always(resolved(failed('deadline')))))).want).toBeUndefined()
    expect((await wanting(bench(always(resolved(www))))).want).toBeUndefined()
  })

  const turn = (): Promise<void> => new Promise(settled => setImmediate(settled))

  test('a client with many waiting is told SERVFAIL in time instead of a late answer (DNSBomb)', async () => {
    const { handler, release } = gated()
    const b = bench(handler, { lateAnswersKept: 2 })
    const all = Array.from({ length: 10 }, () => b.ask(bytesOf()))
    b.pass(1_899)
    expect(b.counters.get('answeredInTime')).toBe(0)
    b.pass(1)
    const got = await Promise.all(all)
    for (const one of got) {
      expect(read(one)).toMatchObject({ rcode: Rcode.SERVFAIL, edns: null })
      expect(one?.length).toBe(bytesOf().length)
    }
    for (let i = 0; i < 10; i++) {
      release()
      await turn()
    }
    expect(b.counters.snapshot()).toMatchObject({ answeredInTime: 10, servFail: 10, noError: 0, droppedLate: 0 })
    expect(b.waiting.total).toBe(0)
    expect(b.log.map(({ by }) => by)).toEqual(Array(10).fill('late'))
  })

  test('a reason is told to who shows EDNS, in six octets more than the query', async () => {
    const b = bench(gated().handler, { lateAnswersKept: 0 })
    const bytes = bytesOf({ edns: edns() })
    const [one] = [b.ask(bytes), b.ask(bytes)]
    b.pass(1_900)
    const got = await one
    expect(read(got).edns?.options).toEqual([{ code: 15, data: Uint8Array.of(0, 22) }])
    expect(got?.length).toBe(bytes.length + 6)
  })

  test.each([
    ['all of the reason', 60, '192.0.2.53#53 has not answered www.example.com. A'],
    ['the longest form that fits', 40, '192.0.2.53#53 has not answered'],
    ['a word', 20, 'no answer'],
    ['its code alone', 0, ''],
  ])('as much of the reason is told as makes no reply larger than its query: %s', async (_about, padding, text) => {
    const texts = ['192.0.2.53#53 has not answered www.example.com. A', '192.0.2.53#53 has not answered', 'no answer']
    const b = bench(gated().handler, { lateAnswersKept: 0, notYet: () => ({ ede: 23, texts }) })
    const options = padding === 0 ? [] : [{ code: 12, data: new Uint8Array(padding) }]
    const bytes = bytesOf({ edns: edns({ options }) })
    const [one] = [b.ask(bytes), b.ask(bytes)]
    b.pass(1_900)
    const got = await one
    expect(read(got).edns?.options).toEqual([{ code: 15, data: Uint8Array.of(0, 23, ...Buffer.from(text)) }])
    expect(got?.length).toBeLessThanOrEqual(bytes.length + (padding === 0 ? 6 : 0))
  })

  test('those that came together are not told together', async () => {
    let draws = 0
    const b = bench(gated().handler, { lateAnswersKept: 0, random: { below: n => (draws++ * 40) % n } })
    const all = Array.from({ length: 11 }, () => b.ask(bytesOf()))
    const told: number[] = []
    for (let ms = 1_500; ms <= 1_900; ms += 40) {
      b.pass(ms === 1_500 ? 1_500 : 40)
      told.push(b.counters.get('answeredInTime'))
    }
    expect(told).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    await Promise.all(all)
  })

  test('a client with few waiting gets its late answer, and so does one over TCP', async () => {
    const { handler, release } = gated()
    const b = bench(handler, { lateAnswersKept: 1 })
    const few = [b.ask(bytesOf()), b.ask(bytesOf())]
    const overTcp = [1, 2, 3].map(() => b.ask(bytesOf(), client('127.0.0.3', 'tcp')))
    b.pass(5_000)
    for (let i = 0; i < 5; i++) release()
    for (const got of await Promise.all([...few, ...overTcp])) expect(read(got).rcode).toBe(Rcode.NOERROR)
  })

  test('an answer that comes late to a client that has become crowded since ends as SERVFAIL, never as nothing', async () => {
    const { handler, release } = gated()
    const b = bench(handler, { lateAnswersKept: 1 })
    const slow = b.ask(bytesOf())
    b.pass(2_500)
    const others = [1, 2, 3].map(() => b.ask(bytesOf()))
    release()
    await turn()
    expect(b.counters.get('droppedLate')).toBe(1)
    b.pass(1_900)
    expect(read(await slow).rcode).toBe(Rcode.SERVFAIL)
    for (const got of await Promise.all(others)) expect(read(got).rcode).toBe(Rcode.SERVFAIL)
  })

  test('what comes after the SERVFAIL is kept for the next that asks', async () => {
    const held: (() => void)[] = []
    const b = bench(() => new Promise(settle => held.push(() => settle(resolved(www)))), { lateAnswersKept: 0 })
    const all = [b.ask(bytesOf()), b.ask(bytesOf())]
    b.pass(1_900)
    await Promise.all(all)
    for (const answerNow of held) answerNow()
    await turn()
    expect(read(await b.ask(bytesOf())).answer).toHaveLength(1)
    expect(b.seen).toHaveLength(2)
  })
})

describe('bugs cost one query', () => {
  test.each<[string, Handler]>([
    ['a handler that rejects', () => Promise.reject(new Error('broken'))],
    [
      'a handler that throws',
      () => {
        throw new Error('broken')
      },
    ],
  ])('%s: SERVFAIL, and the bug is told', async (_, handler) => {
    const b = bench(handler)
    expect(read(await b.ask(bytesOf()))).toMatchObject({ rcode: Rcode.SERVFAIL, answer: [] })
    expect(b.events).toMatchObject([{ kind: 'bug', where: 'policy', question: 'www.example.com. A' }])
    await new Promise<void>(idle => b.waiting.whenIdle(idle))
  })

  test('junk never throws and is answered at most once', async () => {
    const b = bench(always(resolved(www)))
    const good = bytesOf({ edns: edns({ options: [{ code: 10, data: new Uint8Array(8) }] }) })
    let state = 12_345
    const next = (n: number): number => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
      return state % n
    }
    for (let i = 0; i < 3_000; i++) {
      const bytes = good.slice(0, 1 + next(good.length))
      for (let flips = next(4); flips >= 0; flips--) bytes[next(bytes.length)] = next(256)
      const got = await b.ask(bytes)
      if (got !== null) expect((got[2] ?? 0) & 0x80).toBe(0x80)
    }
    expect(b.events).toEqual([])
  })
})

describe('query log', () => {
  test('the query log has the queries of the byte path and of the value path', async () => {
    const b = bench(always(resolved(www)))
    await b.ask(bytesOf())
    await b.ask(bytesOf({ question: asked('WWW.example.com.') }))
    expect(b.log).toMatchObject([
      { by: 'test', rcode: 0, type: 1, name: wire('www.example.com.') },
      { by: 'cache', rcode: 0, type: 1, name: wire('www.example.com.'), octets: 49, wall: 1_700_000_000 },
    ])
  })
})

describe('what clients bring about is told at most once a minute', () => {
  test('clients that are refused, with how many there were and where the latest is', async () => {
    const b = bench(always(resolved(answer([a('www.example.com.')]))))
    const stranger = client('203.0.113.77')
    for (let i = 0; i < 5; i++) await b.ask(bytesOf(), stranger)
    expect(b.events).toEqual([{ kind: 'clients-refused', count: 1, client: '203.0.113.0/24' }])
    b.pass(60_000)
    await b.ask(bytesOf(), client('198.51.100.9'))
    expect(b.events.at(-1)).toEqual({ kind: 'clients-refused', count: 5, client: '198.51.100.0/24' })
    expect(b.counters.get('refusedClients')).toBe(6)
  })

  test('failures, with the reason of the latest', async () => {
    const b = bench(
      always(resolved({ kind: 'failure', rrsets: [], why: 'unreachable', ede: 22, text: 'nobody there' })),
    )
    for (let i = 0; i < 3; i++) await b.ask(bytesOf())
    const event = { kind: 'servfail', question: 'www.example.com. A', reason: 'nobody there' }
    expect(b.events).toEqual([{ ...event, count: 1 }])
    b.pass(60_000)
    await b.ask(bytesOf())
    expect(b.events.at(-1)).toEqual({ ...event, count: 3 })
  })
})

const turn = (): Promise<void> => new Promise(settle => setImmediate(settle))

describe('clients above their rate', () => {
  const rate = (more: Partial<RateSettings> = {}): RateLimiter =>
    new RateLimiter(
      {
        unverified: { perSecond: 1, burst: 2 },
        verified: { perSecond: 2, burst: 4 },
        prefix4: 32,
        prefix6: 56,
        exempt: [],
        slip: 2,
        dryRun: false,
        ...more,
      },
      rateMemory(64, [1, 2]),
    )
  const one = client('127.0.0.1')
  const kinds = async (b: Bench, from: Client, count: number): Promise<string[]> => {
    const seen: string[] = []
    for (let i = 0; i < count; i++) {
      const reply = await b.ask(bytesOf({ id: i + 1, edns: edns({ dnssecOk: true }) }), from)
      const {
        truncated,
        answer: records,
        edns: opt,
        id,
      } = reply === null ? { ...read(bytesOf()), id: i + 1 } : read(reply)
      expect(id).toBe(i + 1)
      if (truncated) expect(opt?.dnssecOk).toBe(true)
      seen.push(reply === null ? 'nothing' : truncated ? 'TC' : `${records.length}`)
    }
    return seen
  }

  test('get TC for every second datagram, and nothing for the others; neighbours get all', async () => {
    const b = bench(always(resolved(www)), { rate: rate() })
    expect(await kinds(b, one, 6)).toEqual(['1', '1', 'nothing', 'TC', 'nothing', 'TC'])
    expect(await kinds(b, client('127.0.0.2'), 1)).toEqual(['1'])
    b.pass(1_000)
    expect(await kinds(b, one, 2)).toEqual(['1', 'nothing'])
    expect(b.counters.snapshot()).toMatchObject({ aboveRate: 5, droppedByRate: 3, truncatedByRate: 2 })
  })

  test('get one answer no more often than it may go out to a network, and all others', async () => {
    const rates = { unverified: { perSecond: 100, burst: 200 }, answers: { perSecond: 1, burst: 2 } }
    const b = bench(always(resolved(www)), { rate: rate(rates) })
    expect(await kinds(b, one, 6)).toEqual(['1', '1', 'nothing', 'TC', 'nothing', 'TC'])
    expect(await b.ask(bytesOf({ question: asked('other.example.com.') }), one)).not.toBeNull()
    expect(await kinds(b, client('127.0.0.2'), 1)).toEqual(['1'])
    expect(await kinds(b, client('127.0.0.1', 'tcp'), 4)).toEqual(['1', '1', '1', '1'])
    b.pass(1_000)
    expect(await kinds(b, one, 2)).toEqual(['1', 'nothing'])
    const counts = { aboveRate: 0, aboveAnswerRate: 5, droppedByAnswerRate: 3, truncatedByAnswerRate: 2 }
    expect(b.counters.snapshot()).toMatchObject(counts)
    const dry = bench(always(resolved(www)), { rate: rate({ ...rates, dryRun: true }) })
    expect(await kinds(dry, one, 4)).toEqual(['1', '1', '1', '1'])
    expect(dry.counters.snapshot()).toMatchObject({ aboveAnswerRate: 2, droppedByAnswerRate: 0 })
  })

  test('are refused no more often than others are answered', async () => {
    const b = bench(always(resolved(www)), { rate: rate() })
    const foreign = client('198.51.100.1')
    expect(await kinds(b, foreign, 4)).toEqual(['0', '0', 'nothing', 'TC'])
  })

  test('are answered all the same in a dry run, and counted', async () => {
    const b = bench(always(resolved(www)), { rate: rate({ dryRun: true }) })
    expect(await kinds(b, one, 4)).toEqual(['1', '1', '1', '1'])
    expect(b.counters.snapshot()).toMatchObject({ aboveRate: 2, droppedByRate: 0 })
  })

  test('are not limited when they are exempt', async () => {
    const prefix = parsePrefix('127.0.0.0/8')
    const b = bench(always(resolved(www)), { rate: rate({ exempt: prefix === null ? [] : [prefix] }) })
    expect(await kinds(b, one, 5)).toEqual(['1', '1', '1', '1', '1'])
  })

  test.each(['tcp', 'tls'] as const)(
    'wait over %s, each for its turn, and no longer than a second',
    async transport => {
      const b = bench(always(resolved(www)), { rate: rate() })
      const from = client('127.0.0.1', transport)
      expect(await kinds(b, from, 4)).toEqual(['1', '1', '1', '1'])
      const seen: (number | null)[] = []
      for (let i = 0; i < 3; i++)
        void b.ask(bytesOf({ id: i }), from).then(reply => seen.push(reply === null ? null : i))
      await turn()
      b.pass(499)
      await turn()
      expect(seen).toEqual([null])
      b.pass(1)
      await turn()
      expect(seen).toEqual([null, 0])
      b.pass(500)
      await turn()
      expect(seen).toEqual([null, 0, 1])
      expect(b.counters.snapshot()).toMatchObject({ delayedByRate: 2, droppedByRate: 1 })
    },
  )
})

describe('cookies', () => {
  const settings = { keys: [new Uint8Array(16).fill(7)], require: false }
  const cookie = (data: Uint8Array): Partial<Message> => ({
    edns: edns({ options: [{ code: EdnsOptionCode.COOKIE, data }] }),
  })
  const mine = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
  const cookieIn = ({ edns: opt }: Message): Uint8Array =>
    (opt === null ? undefined : findOption(opt, EdnsOptionCode.COOKIE)?.data) ?? new Uint8Array(0)

  test('are the same from the value path and from the byte path, with any other option', async () => {
    const b = bench(always(resolved(www)), { cookies: settings })
    const first = read(await b.ask(bytesOf(cookie(mine))))
    const second = read(await b.ask(bytesOf(cookie(mine))))
    const padded = read(
      await b.ask(
        bytesOf({
          edns: edns({
            options: [
              { code: EdnsOptionCode.PADDING, data: new Uint8Array(4) },
              { code: EdnsOptionCode.COOKIE, data: mine },
            ],
          }),
        }),
        client('127.0.0.1', 'tls'),
      ),
    )
    expect(b.seen).toHaveLength(1)
    for (const reply of [first, second, padded]) {
      expect(cookieIn(reply)).toHaveLength(24)
      expect([...cookieIn(reply)]).toEqual([...cookieIn(first)])
      expect([...cookieIn(reply).subarray(0, 8)]).toEqual([...mine])
      expect(reply.answer).toHaveLength(1)
    }
    const again = read(await b.ask(bytesOf(cookie(cookieIn(first)))))
    expect([...cookieIn(again)]).toEqual([...cookieIn(first)])
    expect(cookieIn(read(await b.ask(bytesOf({ edns: edns() }))))).toHaveLength(0)
    expect(b.seen).toHaveLength(1)
  })

  test('are passed over when they are not enabled', async () => {
    const b = bench(always(resolved(www)))
    expect(cookieIn(read(await b.ask(bytesOf(cookie(mine)))))).toHaveLength(0)
    expect(read(await b.ask(bytesOf(cookie(mine.subarray(1))))).rcode).toBe(Rcode.NOERROR)
  })

  test.each([0, 7, 9, 15, 41])('of %i octets are a format error, also for what is cached', async length => {
    const b = bench(always(resolved(www)), { cookies: settings })
    await b.ask(bytesOf())
    const reply = read(await b.ask(bytesOf(cookie(new Uint8Array(length)))))
    expect([reply.rcode, cookieIn(reply).length]).toEqual([Rcode.FORMERR, 0])
  })

  test('that are required: BADCOOKIE with a new one over UDP, for what is cached too, and nowhere else', async () => {
    const b = bench(always(resolved(www)), { cookies: { ...settings, require: true } })
    await b.ask(bytesOf())
    const refused = read(await b.ask(bytesOf(cookie(mine))))
    expect([refused.rcode, refused.answer.length]).toEqual([Rcode.BADCOOKIE, 0])
    const again = read(await b.ask(bytesOf(cookie(cookieIn(refused)))))
    expect([again.rcode, again.answer.length]).toEqual([Rcode.NOERROR, 1])
    const stolen = read(await b.ask(bytesOf(cookie(cookieIn(refused))), client('127.0.0.2')))
    expect(stolen.rcode).toBe(Rcode.BADCOOKIE)
    expect(read(await b.ask(bytesOf(cookie(mine)), client('127.0.0.1', 'tcp'))).rcode).toBe(Rcode.NOERROR)
    expect(read(await b.ask(bytesOf())).rcode).toBe(Rcode.NOERROR)
  })

  test('are made for a query without a question', async () => {
    const b = bench(always(resolved(www)), { cookies: settings })
    const reply = read(await b.ask(bytesOf({ ...cookie(mine), question: null })))
    expect([reply.rcode, cookieIn(reply).length]).toEqual([Rcode.NOERROR, 24])
  })

  test('let a client have the rate of those who cannot be forged', async () => {
    const rates = { unverified: { perSecond: 1, burst: 1 }, verified: { perSecond: 1, burst: 5 } }
    const limits = { ...rates, prefix4: 24, prefix6: 56, exempt: [], slip: 0, dryRun: false }
    const b = bench(always(resolved(www)), {
      cookies: settings,
      rate: new RateLimiter(limits, rateMemory(64, [1, 2])),
    })
    const good = cookie(cookieIn(read(await b.ask(bytesOf(cookie(mine))))))
    expect(await b.ask(bytesOf(cookie(mine)))).toBeNull()
    for (let i = 0; i < 5; i++) expect(await b.ask(bytesOf(good))).not.toBeNull()
    expect(await b.ask(bytesOf(good))).toBeNull()
  })
})
