import { describe, expect, it } from 'vitest'
import { AnswerCache } from '../../src/cache/answer-cache.ts'
import { decodeMessage } from '../../src/dns/decode.ts'
import { encodeMessage, encodeQuery } from '../../src/dns/encode.ts'
import { type Edns, type Message, questionKey } from '../../src/dns/message.ts'
import { trustWireName } from '../../src/dns/name.ts'
import type { Rr } from '../../src/dns/rrset.ts'
import { recordsOf } from '../../src/dns/rrset.ts'
import { RrClass, RrType } from '../../src/dns/types.ts'
import { newPeek, peekQuery } from '../../src/dns/wire.ts'
import { a, limitsOf, n, ns, q, seconds, set, T0 } from './made.ts'

const MIB = 1024 * 1024
const OURS = 1232
const TCP = 65_535
const open = (changes = {}): AnswerCache => new AnswerCache(limitsOf(changes), MIB)
const question = q('www.example.')
const edns = (payloadSize = 1232, dnssecOk = false): Edns => ({
  payloadSize,
  version: 0,
  dnssecOk,
  flags: 0,
  options: [],
})

const reply = (answer: readonly Rr[], changes: Partial<Message> = {}) =>
  encodeMessage(
    {
      id: 0x7777,
      response: true,
      opcode: 0,
      authoritative: false,
      truncated: false,
      recursionDesired: true,
      recursionAvailable: true,
      authenticData: false,
      checkingDisabled: false,
      rcode: 0,
      question: { ...question, cased: question.name },
      answer,
      authority: recordsOf(ns('example.', 500, 'ns.example.')),
      additional: recordsOf(a('ns.example.', 400, 53)),
      edns: null,
      ...changes,
    },
    { maxBytes: TCP },
  )

interface Ask {
  readonly id?: number
  readonly edns?: Edns | null
  readonly cd?: boolean
  readonly rd?: boolean
  readonly ad?: boolean
  readonly asked?: ReturnType<typeof q>
  readonly cased?: ReturnType<typeof trustWireName>
}

function ask(cache: AnswerCache, now: number, options: Ask = {}, maxBytes = TCP, room = TCP) {
  const { asked = question } = options
  const query = encodeQuery({
    id: options.id ?? 0x1234,
    question: asked,
    cased: options.cased ?? asked.name,
    recursionDesired: options.rd ?? true,
    checkingDisabled: options.cd ?? false,
    edns: options.edns ?? null,
  })
  if (options.ad === true) query[3] = (query[3] ?? 0) | 0x20
  const peek = newPeek()
  expect(peekQuery(query, query.length, peek)).toBe(true)
  const out = new Uint8Array(room).fill(0xee)
  const length = cache.reader.write(peek, query, out, 0, now, maxBytes, OURS)
  if (length === 0) return null
  const decoded = decodeMessage(out.slice(0, length))
  if (decoded.kind !== 'message') throw new Error(decoded.why)
  return { length, message: decoded.message, out }
}

function filled(changes: Partial<Message> = {}, dnssecOk = false, checkingDisabled = false, ttl = 300): AnswerCache {
  const cache = open()
  const { bytes, ttlOffsets } = reply(recordsOf(a('www.example.')), changes)
  expect(
    cache.put({ key: questionKey(question), dnssecOk, checkingDisabled, wire: bytes, ttlOffsets, ttlSeconds: ttl }, T0),
  ).toBe(true)
  return cache
}

describe('a hit', () => {
  it('is the stored answer with the ID, RD, CD and letters of the query', () => {
    const cache = filled()
    const cased = trustWireName('\x03wWW\x07ExAmPlE\x00')
    const hit = ask(cache, T0, { id: 0xbeef, cased })
    expect(hit?.message).toMatchObject({
      id: 0xbeef,
      response: true,
      recursionDesired: true,
      recursionAvailable: true,
      checkingDisabled: false,
      authenticData: false,
      rcode: 0,
      edns: null,
    })
    expect(hit?.message.question).toEqual({ ...question, cased })
    expect(hit?.message.answer[0]).toEqual({ ...recordsOf(a('www.example.'))[0], owner: cased })
    expect(hit?.message.authority).toHaveLength(1)
    expect(ask(cache, T0, { rd: false })?.message.recursionDesired).toBe(false)
  })

  it('counts every TTL down by whole seconds, never below 0', () => {
    const cache = filled({}, false, false, 600)
    const ttls = (ms: number) => {
      const message = ask(cache, T0 + ms)?.message
      return [...(message?.answer ?? []), ...(message?.authority ?? []), ...(message?.additional ?? [])].map(
        rr => rr.ttl,
      )
    }
    expect(ttls(0)).toEqual([300, 500, 400])
    expect(ttls(999)).toEqual([300, 500, 400])
    expect(ttls(1000)).toEqual([299, 499, 399])
    expect(ttls(450_000)).toEqual([0, 50, 0])
    expect(ttls(0)).toEqual([300, 500, 400])
  })

  it('an answer is found until its time has passed, and not afterwards', () => {
    const cache = filled({}, false, false, 2)
    expect(ask(cache, T0 + 1999)).not.toBeNull()
    expect(ask(cache, T0 + 2000)).toBeNull()
  })

  it('has an OPT record if and only if the query had one, with our payload size and its DO', () => {
    const cache = filled()
    expect(ask(cache, T0)?.message.edns).toBeNull()
    expect(ask(cache, T0, { edns: edns(4096) })?.message.edns).toEqual({
      payloadSize: OURS,
      version: 0,
      dnssecOk: false,
      flags: 0,
      options: [],
    })
    expect(ask(cache, T0, { edns: edns() })?.message.additional).toHaveLength(1)
    expect(ask(filled({}, true), T0, { edns: edns(1232, true) })?.message.edns?.dnssecOk).toBe(true)
  })

  it('keeps the four combinations of DO and CD apart', () => {
    const combinations = [
      [false, false],
      [true, false],
      [false, true],
      [true, true],
    ] as const
    const cache = open()
    combinations.forEach(([dnssecOk, checkingDisabled], i) => {
      const { bytes, ttlOffsets } = reply(recordsOf(a('www.example.', 300, i)))
      cache.put(
        { key: questionKey(question), dnssecOk, checkingDisabled, wire: bytes, ttlOffsets, ttlSeconds: 300 },
        T0,
      )
      const seen = combinations.map(
        ([d, cd]) => ask(cache, T0, { edns: edns(1232, d), cd })?.message.answer[0]?.rdata[3],
      )
      expect(seen).toEqual(combinations.map((_, j) => (j <= i ? j : undefined)))
    })
    expect(cache.size).toBe(4)
    expect(ask(cache, T0, { cd: true })?.message.checkingDisabled).toBe(true)
  })

  it('replaces one combination and keeps the others', () => {
    const cache = filled()
    const put = (last: number, dnssecOk: boolean, now: number): void => {
      const { bytes, ttlOffsets } = reply(recordsOf(a('www.example.', 300, last)))
      cache.put(
        { key: questionKey(question), dnssecOk, checkingDisabled: false, wire: bytes, ttlOffsets, ttlSeconds: 300 },
        now,
      )
    }
    put(77, true, T0 + seconds(100))
    put(78, true, T0 + seconds(200))
    expect(ask(cache, T0 + seconds(200), { edns: edns(1232, true) })?.message.answer[0]?.rdata[3]).toBe(78)
    expect(ask(cache, T0 + seconds(200))?.message.answer[0]?.rdata[3]).toBe(1)
    const before = cache.bytes
    put(79, true, T0 + seconds(301))
    expect(ask(cache, T0 + seconds(301))).toBeNull()
    expect(cache.bytes).toBe(before)
  })

  it('keeps AA and an NXDOMAIN rcode as stored', () => {
    expect(ask(filled({ authoritative: true, answer: [], rcode: 3 }), T0)?.message).toMatchObject({
      authoritative: true,
      rcode: 3,
      answer: [],
    })
  })

  it('tells AD only to those who asked with AD or DO (RFC 6840 section 5.8), and never invents it', () => {
    const validated = filled({ authenticData: true })
    expect(ask(validated, T0)?.message.authenticData).toBe(false)
    expect(ask(validated, T0, { ad: true })?.message.authenticData).toBe(true)
    expect(ask(filled({ authenticData: true }, true), T0, { edns: edns(1232, true) })?.message.authenticData).toBe(true)
    expect(ask(filled({}, true), T0, { edns: edns(1232, true), ad: true })?.message.authenticData).toBe(false)
  })

  it('misses other questions, also those that differ in class or a wide type', () => {
    const cache = filled()
    for (const asked of [
      q('example.'),
      q('www.example.', RrType.AAAA),
      q('www.example.', RrType.CAA),
      { ...question, class: RrClass.CH },
    ]) {
      expect(ask(cache, T0, { asked })).toBeNull()
    }
  })

  it('an answer of a type above 255 is found', () => {
    const cache = open()
    const asked = q('www.example.', RrType.CAA)
    const { bytes, ttlOffsets } = reply(
      recordsOf(set('www.example.', RrType.CAA, 300, [0, 5, 105, 115, 115, 117, 101])),
      { question: { ...asked, cased: asked.name } },
    )
    expect(
      cache.put(
        { key: questionKey(asked), dnssecOk: false, checkingDisabled: false, wire: bytes, ttlOffsets, ttlSeconds: 300 },
        T0,
      ),
    ).toBe(true)
    expect(ask(cache, T0, { asked })?.message.answer[0]?.type).toBe(RrType.CAA)
  })
})

describe('size', () => {
  it('is never more than the caller allows, to the octet', () => {
    const cache = filled()
    const bare = ask(cache, T0)?.length ?? 0
    expect(ask(cache, T0, {}, bare)?.length).toBe(bare)
    expect(ask(cache, T0, {}, bare - 1)).toBeNull()
    expect(ask(cache, T0, { edns: edns() }, bare + 10)).toBeNull()
    const hit = ask(cache, T0, { edns: edns() }, bare + 11)
    expect(hit?.length).toBe(bare + 11)
  })

  it('is never more than the buffer holds', () => {
    const cache = filled()
    const bare = ask(cache, T0)?.length ?? 0
    expect(ask(cache, T0, {}, TCP, bare)?.length).toBe(bare)
    expect(ask(cache, T0, {}, TCP, bare - 1)).toBeNull()
  })

  it('is right for short and long answers alike', () => {
    for (const octets of [0, 1, 10, 30, 31, 32, 100, 5000]) {
      const cache = open()
      const rr: Rr = {
        owner: question.name,
        type: 65_280,
        class: RrClass.IN,
        ttl: 60,
        rdata: new Uint8Array(octets).fill(octets),
      }
      const { bytes, ttlOffsets } = reply([rr], { authority: [], additional: [] })
      cache.put(
        {
          key: questionKey(question),
          dnssecOk: false,
          checkingDisabled: false,
          wire: bytes,
          ttlOffsets,
          ttlSeconds: 60,
        },
        T0,
      )
      expect(ask(cache, T0, { edns: edns() })?.message.answer).toEqual([rr])
    }
  })
})

describe('put', () => {
  const { bytes, ttlOffsets } = reply(recordsOf(a('www.example.')))
  const key = questionKey(question)

  it('the cache keeps a copy of the octets it is given', () => {
    const cache = open()
    const message = Buffer.alloc(65_535)
    message.set(bytes)
    const offsets = Uint16Array.from(ttlOffsets)
    cache.put(
      {
        key,
        dnssecOk: false,
        checkingDisabled: false,
        wire: message.subarray(0, bytes.length),
        ttlOffsets: offsets,
        ttlSeconds: 300,
      },
      T0,
    )
    message.fill(0xff)
    offsets.fill(2)
    expect(ask(cache, T0 + 1000)?.message.answer[0]).toMatchObject({ ttl: 299, rdata: a('www.example.').rdatas[0] })
  })

  it('keeps nothing without time, beyond entryBytes, truncated, or that is no reply to the question', () => {
    const cache = open({ entryBytes: bytes.length })
    const put = (wire: Uint8Array, ttl = 300, as = key): boolean =>
      cache.put({ key: as, dnssecOk: false, checkingDisabled: false, wire, ttlOffsets, ttlSeconds: ttl }, T0)
    const with_ = (at: number, value: number): Uint8Array =>
      Uint8Array.from(bytes, (octet, i) => (i === at ? value : octet))
    expect(put(bytes, 0)).toBe(false)
    expect(put(bytes, 0x8000_0000)).toBe(false)
    expect(put(Uint8Array.from([...bytes, 0]))).toBe(false)
    expect(put(with_(2, 0x83))).toBe(false)
    expect(put(with_(2, 0x01))).toBe(false)
    expect(put(with_(5, 0))).toBe(false)
    expect(put(bytes.slice(0, 20))).toBe(false)
    expect(put(bytes, 300, questionKey(q('www.example.', RrType.AAAA)))).toBe(false)
    expect(put(bytes, 300, questionKey(q('w.example.')))).toBe(false)
    expect(cache.size).toBe(0)
    expect(put(bytes)).toBe(true)
  })

  it('bounds the time by maxTtl', () => {
    const cache = open({ maxTtl: 10 })
    cache.put({ key, dnssecOk: false, checkingDisabled: false, wire: bytes, ttlOffsets, ttlSeconds: 3000 }, T0)
    expect(ask(cache, T0 + 9_999)).not.toBeNull()
    expect(ask(cache, T0 + 10_000)).toBeNull()
  })

  it('forgets by key and altogether', () => {
    const cache = filled()
    cache.remove(questionKey(q('other.example.')))
    expect(ask(cache, T0)).not.toBeNull()
    cache.remove(key)
    expect(ask(cache, T0)).toBeNull()
    const again = filled()
    again.clear()
    expect([again.size, again.bytes]).toEqual([0, 0])
  })
})

it('the answer cache takes names that objects have as members', () => {
  const cache = open()
  for (const name of ['constructor.', '__proto__.', 'toString.'])
    expect(ask(cache, T0, { asked: { ...question, name: n(name) } })).toBeNull()
})
