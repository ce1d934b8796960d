import { describe, expect, it } from 'vitest'
import { decodeMessage } from '../../src/dns/decode.ts'
import { encodeMessage, encodeQuery } from '../../src/dns/encode.ts'
import type { Message } from '../../src/dns/message.ts'
import { defaultLimits } from '../../src/limits.ts'
import { type ExchangeResult, serverAddress } from '../../src/ports.ts'
import { ip, question, rr } from '../../src/simulation/records.ts'
import { SimClock } from '../../src/simulation/clock.ts'
import { calm, type Responder, type SimExchange, SimNetwork, type Weather } from '../../src/simulation/network.ts'
import { SimRandom } from '../../src/simulation/random.ts'
import type { Reaction } from '../../src/simulation/server.ts'

const limits = defaultLimits.upstream
const server = serverAddress(ip('192.0.2.53'), 53)
const query = encodeQuery({ id: 0x1234, question: question('www.example.'), recursionDesired: false, edns: null })

const reply = (change: Partial<Message> = {}): Uint8Array => {
  const decoded = decodeMessage(query)
  if (decoded.kind === 'format-error') throw new Error(decoded.why)
  return encodeMessage(
    { ...decoded.message, response: true, answer: [rr`www.example. 300 IN A 192.0.2.1`], ...change },
    { maxBytes: 512 },
  ).bytes
}
const wrongCase = (): Uint8Array => {
  const bytes = reply()
  bytes[13] = (bytes[13] ?? 0) ^ 0x20
  return bytes
}
const bare = (): Uint8Array => reply({ question: null, answer: [], rcode: 1 })
const arrive = (...arrivals: readonly (readonly [Uint8Array, number])[]): Reaction => ({
  kind: 'arrivals',
  arrivals: arrivals.map(([bytes, afterMs]) => ({ bytes, afterMs })),
})

function net(react: Responder['react'], weather: Partial<Weather> = {}, seed = 1) {
  const clock = new SimClock(1000)
  const seen: SimExchange[] = []
  const network = new SimNetwork({
    clock,
    random: new SimRandom(seed),
    limits,
    weather: { ...calm, ...weather },
    onExchange: exchange => seen.push(exchange),
    hostAt: address =>
      address.text === server.ip.text ? { ip: address, latencyMs: 20, server: { name: 'test', react } } : undefined,
  })
  const ask = (transport: 'udp' | 'tcp' = 'udp', to = server): ExchangeResult | undefined => {
    let result: ExchangeResult | undefined
    network.exchange(to, transport, query, 400, r => {
      expect(result).toBeUndefined()
      result = r
    })
    expect(result).toBeUndefined()
    clock.runUntil(() => false)
    return result
  }
  return { clock, network, seen, ask }
}

describe('SimNetwork', () => {
  it('delivers a reply after the round trip', () => {
    const { clock, network, seen, ask } = net(() => arrive([reply(), 0]))
    expect(ask()).toMatchObject({ kind: 'reply', rttMs: 20, caseEchoed: true, mismatches: 0 })
    expect(clock.now()).toBe(1020)
    expect(network.inFlight).toBe(0)
    expect(seen).toHaveLength(1)
  })

  it('needs one more round trip over TCP', () => {
    expect(net(() => arrive([reply(), 0])).ask('tcp')).toMatchObject({ kind: 'reply', rttMs: 40 })
  })

  it('times out when nothing comes, and leaves nothing on the clock', () => {
    const { clock, network, ask } = net(() => arrive())
    expect(ask()).toEqual({ kind: 'timeout', mismatches: 0 })
    expect(clock.now()).toBe(1400)
    expect(clock.pending).toBe(0)
    expect(network.inFlight).toBe(0)
  })

  it('a reply behind the time-out is never seen', () => {
    expect(net(() => arrive([reply(), 500])).ask()).toEqual({ kind: 'timeout', mismatches: 0 })
  })

  it('takes a wrong-case reply and says so', () => {
    expect(net(() => arrive([wrongCase(), 0])).ask()).toMatchObject({ kind: 'reply', caseEchoed: false })
  })

  const noise: readonly (readonly [string, () => Uint8Array])[] = [
    ['QR=0', () => reply({ response: false })],
    ['another opcode', () => reply({ opcode: 2 })],
    ['half a header', () => reply().slice(0, 7)],
    ['nothing', () => new Uint8Array(0)],
  ]
  it.each(noise)('discards noise and goes on waiting: %s', (_, make) => {
    expect(net(() => arrive([make(), -1], [reply(), 0])).ask()).toMatchObject({ kind: 'reply', mismatches: 1 })
    expect(net(() => arrive([make(), 0])).ask()).toEqual({ kind: 'timeout', mismatches: 1 })
  })

  it('waits a grace for a better one after a reply that cannot be read, and then has that one', () => {
    const cut = (): Uint8Array => reply().slice(0, -2)
    const late = limits.questionlessGraceMs
    expect(net(() => arrive([cut(), -1], [reply(), 0])).ask()).toMatchObject({ kind: 'reply', mismatches: 1 })
    const got = net(() => arrive([cut(), 0], [reply(), late + 50])).ask()
    expect(got?.kind === 'reply' && got.bytes.length).toBe(cut().length)
  })

  const guesses: readonly (readonly [string, () => Uint8Array])[] = [
    ['another ID', () => reply({ id: 0x4321 })],
    [
      'another question',
      () =>
        reply({ question: { ...question('victim.example.'), cased: question('victim.example.').name }, answer: [] }),
    ],
    [
      'another class',
      () =>
        reply({
          question: { ...question('www.example.'), class: 3, cased: question('www.example.').name },
          answer: [],
        }),
    ],
  ]
  it.each(guesses)('suspects spoofing after as many guesses as the limit allows: %s', (_, make) => {
    const many = Array.from({ length: limits.mismatchesBeforeTcp }, () => [make(), -1] as const)
    expect(net(() => arrive(...many, [reply(), 0])).ask()).toEqual({
      kind: 'spoofing-suspected',
      mismatches: limits.mismatchesBeforeTcp,
    })
    expect(net(() => arrive(...many.slice(1), [reply(), 0])).ask()).toMatchObject({
      kind: 'reply',
      mismatches: limits.mismatchesBeforeTcp - 1,
    })
  })

  it('a reply without question waits for a better one', () => {
    expect(net(() => arrive([bare(), 0], [reply(), 1])).ask()).toMatchObject({
      kind: 'reply',
      rttMs: 21,
      bytes: reply(),
    })
    expect(net(() => arrive([bare(), 0])).ask()).toMatchObject({
      kind: 'reply',
      rttMs: 20 + limits.questionlessGraceMs,
      bytes: bare(),
    })
    expect(net(() => arrive([bare(), 0])).ask('tcp')).toMatchObject({ kind: 'reply', rttMs: 40, bytes: bare() })
  })

  it('leaves a server that talks nonsense over TCP', () => {
    expect(net(() => arrive([reply().slice(0, 7), 0], [reply(), 0])).ask('tcp')).toMatchObject({
      kind: 'unreachable',
      family: false,
    })
    expect(net(() => arrive([reply({ id: 1 }), 0], [reply(), 0])).ask('tcp')).toMatchObject({
      kind: 'unreachable',
      family: false,
    })
  })

  it('tells closed ports, missing hosts and missing routes apart', () => {
    expect(net(() => ({ kind: 'closed' })).ask()).toEqual({
      kind: 'unreachable',
      reason: 'ECONNREFUSED',
      family: false,
    })
    const elsewhere = serverAddress(ip('198.51.100.9'), 53)
    expect(net(() => arrive()).ask('udp', elsewhere)).toEqual({ kind: 'timeout', mismatches: 0 })
    expect(net(() => arrive(), { unrouted: 'unreachable' }).ask('udp', elsewhere)).toEqual({
      kind: 'unreachable',
      reason: 'EHOSTUNREACH',
      family: false,
    })
    expect(net(() => arrive([reply(), 0]), { deadFamilies: [4] }).ask()).toEqual({
      kind: 'unreachable',
      reason: 'ENETUNREACH',
      family: true,
    })
    expect(net(() => arrive([reply(), 0])).ask('udp', serverAddress(server.ip, 5353))).toEqual({
      kind: 'timeout',
      mismatches: 0,
    })
  })

  it('does not call back after a cancel', () => {
    const { clock, network, seen } = net(() => arrive([reply(), 0]))
    let called = false
    const cancel = network.exchange(server, 'udp', query, 400, () => {
      called = true
    })
    clock.advance(5)
    cancel()
    cancel()
    expect(clock.runUntil(() => called)).toBe(false)
    expect(network.inFlight).toBe(0)
    expect(clock.pending).toBe(0)
    expect(seen).toMatchObject([{ result: null }])
  })

  it('a duplicate is delivered once', () => {
    expect(net(() => arrive([reply(), 0]), { duplicatePermille: 1000 }).ask()).toMatchObject({ kind: 'reply' })
  })

  it('keeps its own copy of the query', () => {
    const own = query.slice()
    const { clock, network } = net(bytes => arrive([bytes[1] === 0x34 ? reply() : new Uint8Array(0), 0]))
    let kind = ''
    network.exchange(server, 'udp', own, 400, result => {
      kind = result.kind
    })
    own.fill(0)
    clock.runUntil(() => kind !== '')
    expect(kind).toBe('reply')
  })

  it('loses about the share it is told to, the same by the same seed', () => {
    const run = (seed: number): string => {
      const { ask } = net(() => arrive([reply(), 0]), { lossPermille: 300 }, seed)
      return Array.from({ length: 300 }, () => (ask()?.kind === 'reply' ? '.' : 'x')).join('')
    }
    const lost = run(5).split('x').length - 1
    expect(lost).toBeGreaterThan(300 * (1 - 0.7 * 0.7) * 0.8)
    expect(lost).toBeLessThan(300 * (1 - 0.7 * 0.7) * 1.2)
    expect(run(5)).toBe(run(5))
    expect(run(5)).not.toBe(run(6))
  })

  it('TCP loses time, not messages', () => {
    const { ask } = net(() => arrive([reply(), 0]), { lossPermille: 1000 })
    expect(ask('tcp')).toMatchObject({ kind: 'reply', rttMs: 240 })
  })

  it('jitter makes a round trip longer, never shorter', () => {
    const { ask } = net(() => arrive([reply(), 0]), { jitterPermille: 500 })
    const times = Array.from({ length: 50 }, () => {
      const result = ask()
      return result?.kind === 'reply' ? result.rttMs : Number.NaN
    })
    expect(Math.min(...times)).toBeGreaterThanOrEqual(20)
    expect(Math.max(...times)).toBeLessThanOrEqual(30)
    expect(new Set(times).size).toBeGreaterThan(25)
  })

  it('a script can answer and end what is open', () => {
    const { clock, network } = net(() => arrive())
    const results: string[] = []
    network.exchange(server, 'udp', query, 400, result => results.push(result.kind))
    network.exchange(server, 'udp', query, 400, result => results.push(result.kind))
    const [first, second] = network.open
    if (first === undefined || second === undefined) throw new Error('two exchanges are open')
    network.deliver(second, reply())
    network.expire(first)
    network.expire(first)
    expect(results).toEqual(['reply', 'timeout'])
    expect(clock.pending).toBe(0)
  })
})
