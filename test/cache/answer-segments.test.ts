/**
 * Answers in several segments of memory. They are 1 GiB each, so here they are made of 8 KiB: the writer and the
 * readers get other numbers from `answer-memory.ts`, and its one segment in pieces.
 */
import { describe, expect, it, vi } from 'vitest'
import { AnswerCache, AnswerReader } from '../../src/cache/answer-cache.ts'
import { allocateAnswers, type AnswerMemory } from '../../src/cache/answer-memory.ts'
import { encodeMessage, encodeQuery } from '../../src/dns/encode.ts'
import { questionKey } from '../../src/dns/message.ts'
import { recordsOf } from '../../src/dns/rrset.ts'
import { RrType } from '../../src/dns/types.ts'
import { newPeek, peekQuery } from '../../src/dns/wire.ts'
import { limitsOf, q, set, T0 } from './made.ts'

const SEGMENT = vi.hoisted(() => ({ octets: 8_192, unitShift: 10 }))

vi.mock(import('../../src/cache/answer-memory.ts'), async load => {
  const real = await load()
  const allocate = (maxOctets: number): AnswerMemory => {
    const memory = real.allocateAnswers(maxOctets)
    const [control = new SharedArrayBuffer(0), buckets = new SharedArrayBuffer(0), whole = new SharedArrayBuffer(0)] =
      memory.buffers
    const pieces = Array.from(
      { length: Math.ceil(whole.byteLength / SEGMENT.octets) },
      (_, i) => new SharedArrayBuffer(Math.min(SEGMENT.octets, whole.byteLength - i * SEGMENT.octets)),
    )
    const buffers = [control, buckets, ...pieces]
    return { ...memory, ...real.viewAnswers(buffers), buffers }
  }
  return {
    ...real,
    SEGMENT_UNIT_SHIFT: SEGMENT.unitShift,
    SEGMENT_UNITS: 2 ** SEGMENT.unitShift,
    allocateAnswers: allocate,
  }
})

const NAMES = 300
const questionOf = (i: number) => q(`h${i}.example.`)
const dataOf = (i: number): readonly number[] => [192, 0, i >> 8, i & 0xff]

function filled(): AnswerCache {
  const cache = new AnswerCache(limitsOf(), 64 * 1_024)
  for (let i = 0; i < NAMES; i++) {
    const question = questionOf(i)
    const { bytes, ttlOffsets } = encodeMessage(
      {
        id: 1,
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
        answer: recordsOf(set(`h${i}.example.`, RrType.A, 300, dataOf(i))),
        authority: [],
        additional: [],
        edns: null,
      },
      { maxBytes: 512 },
    )
    expect(
      cache.put(
        {
          key: questionKey(question),
          dnssecOk: false,
          checkingDisabled: false,
          wire: bytes,
          ttlOffsets,
          ttlSeconds: 300,
        },
        T0,
      ),
    ).toBe(true)
  }
  return cache
}

/** The address and the TTL, which stand at the end of the answer. */
function ask(
  reader: AnswerReader,
  i: number,
  now: number,
): { readonly data: readonly number[]; readonly ttl: number } | null {
  const question = questionOf(i)
  const query = encodeQuery({
    id: 1,
    question,
    cased: question.name,
    recursionDesired: true,
    checkingDisabled: false,
    edns: null,
  })
  const peek = newPeek()
  expect(peekQuery(query, query.length, peek)).toBe(true)
  const out = new Uint8Array(600)
  const length = reader.write(peek, query, out, 0, now, 512, 1_232)
  return length === 0
    ? null
    : { data: [...out.subarray(length - 4, length)], ttl: new DataView(out.buffer).getUint32(length - 10) }
}

describe('answers in several segments', () => {
  it('the memory is in as many pieces as this test needs', () => {
    expect(allocateAnswers(64 * 1_024).octets.length).toBeGreaterThan(4)
  })

  it('are found in each, with their own data and times, and taken out again', () => {
    const cache = filled()
    const reader = new AnswerReader(cache.handle)
    const kept = Array.from({ length: NAMES }, (_, i) => i).filter(i => ask(reader, i, T0 + 7_000) !== null)
    expect(kept.length).toBe(cache.size)
    for (const i of kept) expect(ask(reader, i, T0 + 7_000)).toEqual({ data: dataOf(i), ttl: 293 })
    const used = cache.handle.buffers.slice(2).filter(segment => new Uint8Array(segment).some(octet => octet !== 0))
    expect(used.length).toBeGreaterThan(2)
    for (const i of kept) cache.remove(questionKey(questionOf(i)))
    expect(kept.filter(i => ask(reader, i, T0) !== null)).toEqual([])
  })
})
