import { describe, expect, it } from 'vitest'
import { AnswerCache } from '../../src/cache/answer-cache.ts'
import { questionKey } from '../../src/dns/message.ts'
import { foldName } from '../../src/dns/name.ts'
import { parseName } from '../../src/presentation/text.ts'
import { makeListenerHandler } from '../../src/app/listener-handler.ts'
import { defaultLimits } from '../../src/limits.ts'
import { ORIGIN_WORDS } from '../../src/net/linux/message-block.ts'
import { type DatagramHandler, HAND_OVER } from '../../src/net/batch/loop.ts'
import { rateMemory } from '../../src/policy/limits/rate-limiter.ts'
import { counterMemory, Counters } from '../../src/server/counters.ts'
import { HIT_REPORT, PREFETCH_REPORT } from '../../src/server/hit-reports.ts'
import { settingsFor } from '../net/batch/support.ts'
import { answer, patched, query } from '../net/support.ts'

const TTL = 100

interface SetUp {
  readonly handler: DatagramHandler
  readonly counters: Counters
  readonly clock: { now: number }
  take(
    bytes: Uint8Array,
    from?: { readonly address?: readonly number[]; readonly port?: number; readonly listener?: string },
  ): number
}

function setUp(settings = settingsFor(['192.0.2.0/24', '2001:db8::/32'])): SetUp {
  const clock = { now: 1_000 }
  const answers = new AnswerCache(defaultLimits.cache, 2 ** 20)
  const name = parseName('www.example.com', null)
  const wire = answer(query())
  if (typeof name === 'string')
    answers.put(
      {
        key: questionKey({ name: foldName(name), type: 1, class: 1 }),
        dnssecOk: false,
        checkingDisabled: false,
        wire,
        ttlOffsets: Uint16Array.of(wire.length - 10),
        ttlSeconds: TTL,
      },
      clock.now,
    )
  const memory = counterMemory()
  const counters = new Counters(memory)
  const handler = makeListenerHandler({
    program: { answers: answers.handle, counters: memory, settings },
    now: () => clock.now,
  })
  const out = new Uint8Array(4_096)
  return {
    handler,
    counters,
    clock,
    take(bytes, { address = [192, 0, 2, 7], port = 5_353, listener = '0.0.0.0' } = {}) {
      const family = address.length === 4 ? 4 : 6
      const origin = new Uint8Array(ORIGIN_WORDS * 4)
      origin.set([family === 4 ? 2 : 10, 0, port >> 8, port & 0xff])
      origin.set(address, family === 4 ? 4 : 8)
      handler.begin({ id: 1, at: { address: listener, port: 53 } })
      // As the loop has it: memory of a block, of which the datagram is a part.
      const room = new Uint8Array(1_024).fill(0xaa)
      room.set(bytes)
      return handler.take(room, bytes.length, new Uint32Array(origin.buffer), 0, family, out, 128)
    },
  }
}

const withOpt = (payload: number, ...options: readonly number[]): Uint8Array =>
  Uint8Array.from([
    ...patched(query(), { 11: 1 }),
    0,
    0,
    41,
    payload >> 8,
    payload & 0xff,
    0,
    0,
    0,
    0,
    0,
    options.length,
    ...options,
  ])
const HIT = answer(query()).length

describe('a datagram', () => {
  it.each([
    ['cached, from a client that may ask', query(), {}, HIT],
    ['from another', query(), { address: [198, 51, 100, 1] }, HAND_OVER],
    ['over IPv6', query(), { address: [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9] }, HIT],
    [
      'over IPv6 from another',
      query(),
      { address: [0x20, 1, 0xd, 0xb9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9] },
      HAND_OVER,
    ],
    ['from port 0', query(), { port: 0 }, 0],
    ['not cached', query({ name: 'other.example.com' }), {}, HAND_OVER],
    ['of another type', query({ type: 28 }), {}, HAND_OVER],
    ['with EDNS', withOpt(1_232), {}, HIT + 11],
    ['with an option that nobody here answers', withOpt(1_232, 0, 10, 0, 2, 1, 2), {}, HIT + 11],
    ['with NSID, which is not told', withOpt(1_232, 0, 3, 0, 0), {}, HIT + 11],
    ['a runt', Uint8Array.of(1, 2, 3), {}, HAND_OVER],
    ['empty', new Uint8Array(0), {}, HAND_OVER],
    ['two questions', patched(query(), { 5: 2 }), {}, HAND_OVER],
  ])('%s', (_what, bytes, from, expected) => {
    const { take, counters } = setUp()
    expect(take(bytes, from)).toBe(expected)
    // What is handed over is counted by who ends it.
    expect(counters.get('udpQueries')).toBe(expected === HAND_OVER ? 0 : 1)
    expect(counters.get('answeredFromCache')).toBe(expected > 0 ? 1 : 0)
    expect(counters.get('noError')).toBe(expected > 0 ? 1 : 0)
    expect(counters.get('droppedPortZero')).toBe(expected === 0 ? 1 : 0)
  })

  it('with NSID goes to who can tell it', () => {
    const { take } = setUp(
      settingsFor(['0.0.0.0/0'], { bytePath: { udpReplyBytes: 1_232, paddingBlock: 468, sendsNsid: true } }),
    )
    expect(take(withOpt(1_232, 0, 3, 0, 0))).toBe(HAND_OVER)
  })

  it('whose answer is too large for the client, or for us, is left to who can truncate it', () => {
    const { take } = setUp(
      settingsFor(['0.0.0.0/0'], { bytePath: { udpReplyBytes: HIT - 1, paddingBlock: 468, sendsNsid: false } }),
    )
    expect(take(query())).toBe(HAND_OVER)
  })

  it('asked for again in the last tenth of its time makes a note once', () => {
    const { take, handler, clock } = setUp()
    expect([take(query()), handler.note]).toEqual([HIT, 0])
    clock.now += TTL * 950
    expect([take(query()), handler.note]).toEqual([HIT, PREFETCH_REPORT])
    expect([take(query()), handler.note]).toEqual([HIT, 0])
    clock.now += TTL * 50
    expect(take(query())).toBe(HAND_OVER)
  })

  it('is noted for the log while there is one', () => {
    const { take, handler } = setUp()
    handler.updateSettings(settingsFor(['192.0.2.0/24'], { reportsHits: true }))
    expect([take(query()), handler.note, handler.reportValue & 0xffff, handler.reportValue >>> 16]).toEqual([
      HIT,
      HIT_REPORT,
      HIT,
      0,
    ])
    expect([take(query({ name: 'other.example.com' })), handler.note]).toEqual([HAND_OVER, 0])
    handler.updateSettings(settingsFor(['192.0.2.0/24']))
    expect([take(query()), handler.note]).toEqual([HIT, 0])
  })
})

it('losses are counted, as queries too unless they were answered', () => {
  const { handler, counters } = setUp()
  handler.lost('too-large', 2)
  handler.lost('no-room', 3)
  handler.lost('unsent', 5)
  expect(
    ['udpQueries', 'droppedTooLarge', 'droppedOverload', 'droppedUnsent'].map(name => counters.snapshot()[name]),
  ).toEqual([5, 2, 3, 5])
})

it('counts what it answers against the rate of the client, and gives TC for every second datagram above', () => {
  const memory = rateMemory(64, [1, 2])
  const rates = { unverified: { perSecond: 1, burst: 2 }, verified: { perSecond: 10, burst: 10 } }
  const limits = { ...rates, prefix4: 24, prefix6: 56, exempt: [], slip: 2, dryRun: false }
  const { take, counters } = setUp(settingsFor(['192.0.2.0/24'], { rate: { settings: limits, memory } }))
  const unknown = query({ name: 'other.example' })
  expect(take(unknown)).toBe(HAND_OVER)
  const octets = Array.from({ length: 6 }, () => take(query()))
  const whole = octets[0] ?? 0
  expect(octets).toEqual([whole, whole, 0, query().length, 0, query().length])
  expect(take(unknown)).toBe(HAND_OVER)
  expect(counters.snapshot()).toMatchObject({ udpQueries: 6, aboveRate: 4, droppedByRate: 2, truncatedByRate: 2 })
})

it('counts one answer against its own limit, too', () => {
  const rates = {
    unverified: { perSecond: 100, burst: 100 },
    verified: { perSecond: 100, burst: 100 },
    answers: { perSecond: 1, burst: 2 },
  }
  const limits = { ...rates, prefix4: 24, prefix6: 56, exempt: [], slip: 2, dryRun: false }
  const rate = { settings: limits, memory: rateMemory(64, [1, 2]) }
  const { take, counters } = setUp(settingsFor(['192.0.2.0/24'], { rate }))
  const octets = Array.from({ length: 4 }, () => take(query()))
  const whole = octets[0] ?? 0
  expect(octets).toEqual([whole, whole, 0, query().length])
  const counts = { aboveRate: 0, aboveAnswerRate: 2, droppedByAnswerRate: 1, truncatedByAnswerRate: 1 }
  expect(counters.snapshot()).toMatchObject({ udpQueries: 4, ...counts })
})

it('a thread without its program ends', () => {
  expect(() => makeListenerHandler({ program: null, now: () => 0 })).toThrow(TypeError)
  expect(() => setUp().handler.updateSettings(1)).toThrow(TypeError)
})
