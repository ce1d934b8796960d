/**
 * The reading side of the answer cache: what it does when the writer comes in between, orders, prefetches, views,
 * places in buffers.
 */
import { describe, expect, it } from 'vitest'
import { AnswerCache, AnswerReader } from '../../src/cache/answer-cache.ts'
import { GENERATIONS } from '../../src/cache/answer-memory.ts'
import { decodeMessage } from '../../src/dns/decode.ts'
import { encodeMessage, encodeQuery } from '../../src/dns/encode.ts'
import { questionKey } from '../../src/dns/message.ts'
import { trustWireName, type WireName } from '../../src/dns/name.ts'
import type { Rr } from '../../src/dns/rrset.ts'
import { recordsOf } from '../../src/dns/rrset.ts'
import { RrType } from '../../src/dns/types.ts'
import { newPeek, peekQuery } from '../../src/dns/wire.ts'
import { limitsOf, n, q, seconds, set, T0 } from './made.ts'

const MIB = 1024 * 1024
const TCP = 65_535
const question = q('www.example.')
const cased = trustWireName('\x03wWw\x07exAMPle\x00')

const reply = (answer: readonly Rr[], asked = question) =>
  encodeMessage(
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
      question: { ...asked, cased: asked.name },
      answer,
      authority: [],
      additional: [],
      edns: null,
    },
    { maxBytes: TCP },
  )

function put(cache: AnswerCache, answer: readonly Rr[], asked = question, ttl = 300, now = T0, view = 0): void {
  const { bytes, ttlOffsets } = reply(answer, asked)
  expect(
    cache.put(
      { key: questionKey(asked), dnssecOk: false, checkingDisabled: false, wire: bytes, ttlOffsets, ttlSeconds: ttl },
      now,
      view,
    ),
  ).toBe(true)
}

const addresses = (name: string, ...lasts: readonly number[]): readonly Rr[] =>
  recordsOf(set(name, RrType.A, 300, ...lasts.map(one => [192, 0, 2, one])))
const queryFor = (asked = question, name: WireName = asked.name): Uint8Array =>
  encodeQuery({ id: 0x1234, question: asked, cased: name, recursionDesired: true, checkingDisabled: false, edns: null })

function ask(reader: AnswerReader, now = T0, query = queryFor(), seen = query, view = 0): readonly Rr[] | null {
  const peek = newPeek()
  expect(peekQuery(query, query.length, peek)).toBe(true)
  const out = new Uint8Array(1_000)
  const length = reader.write(peek, seen, out, 0, now, TCP, 1_232, view)
  if (length === 0) return null
  const decoded = decodeMessage(out.slice(0, length))
  if (decoded.kind !== 'message') throw new Error(decoded.why)
  return decoded.message.answer
}
const last = (answer: readonly Rr[] | null): (number | undefined)[] | undefined => answer?.map(rr => rr.rdata.at(-1))

/**
 * The octets of a query that does something when an answer being written first asks for one of them: between the copy
 * and the look back.
 */
function interrupted(query: Uint8Array, act: () => void): Uint8Array {
  let acted = false
  return new Proxy(query, {
    get(target, key) {
      if (!acted && typeof key === 'string' && /^\d+$/.test(key)) {
        acted = true
        act()
      }
      const value: unknown = Reflect.get(target, key)
      return value
    },
  })
}

describe('an answer is read while', () => {
  const opened = (): { cache: AnswerCache; reader: AnswerReader } => {
    const cache = new AnswerCache(limitsOf(), 20_000)
    put(cache, addresses('www.example.', 1))
    return { cache, reader: new AnswerReader(cache.handle) }
  }
  const during = (act: (cache: AnswerCache) => void): (number | undefined)[] | undefined => {
    const { cache, reader } = opened()
    return last(
      ask(
        reader,
        T0,
        queryFor(),
        interrupted(queryFor(), () => act(cache)),
      ),
    )
  }
  const others = (cache: AnswerCache, count: number): void => {
    for (let i = 0; i < count; i++) put(cache, addresses(`n${i}.example.`, 99), q(`n${i}.example.`))
  }

  it('it is rewritten in its place: the new one is told', () => {
    expect(during(cache => put(cache, addresses('www.example.', 2)))).toEqual([2])
  })
  it('it is replaced by a longer one: that is told', () => {
    expect(during(cache => put(cache, addresses('www.example.', 2, 3)))).toEqual([2, 3])
  })
  it('it is removed: nothing is told', () => {
    expect(during(cache => cache.remove(questionKey(question)))).toBeUndefined()
  })
  it('all is forgotten: nothing is told, also when the table is filled again at once', () => {
    expect(during(cache => cache.clear())).toBeUndefined()
    expect(
      during(cache => {
        cache.clear()
        others(cache, 1)
      }),
    ).toBeUndefined()
  })
  it('its memory is written over: nothing is told', () => {
    expect(during(cache => others(cache, 500))).toBeUndefined()
  })
  it('it is removed, and put again in the same place behind a clear: the new one is told', () => {
    expect(
      during(cache => {
        cache.clear()
        put(cache, addresses('www.example.', 2))
      }),
    ).toEqual([2])
  })
  it('its block is being written, for ever: nothing is told', () => {
    const { cache, reader } = opened()
    const generations = new Int32Array(cache.handle.buffers[0] ?? new SharedArrayBuffer(0))
    Atomics.add(generations, GENERATIONS, 1)
    expect(ask(reader)).toBeNull()
    Atomics.add(generations, GENERATIONS, 1)
    expect(last(ask(reader))).toEqual([1])
  })
  it("nothing happens: it is told, and letters and ID are the asker's", () => {
    const { reader } = opened()
    const answer = ask(reader, T0 + seconds(10), queryFor(question, cased))
    expect(answer?.map(rr => [rr.owner, rr.ttl])).toEqual([[cased, 290]])
  })
})

it('a handle that was cloned reads the same memory', () => {
  const cache = new AnswerCache(limitsOf(), MIB)
  const reader = new AnswerReader(structuredClone(cache.handle))
  expect(ask(reader)).toBeNull()
  put(cache, addresses('www.example.', 1))
  expect(ask(reader)).toHaveLength(1)
  cache.clear()
  expect(ask(reader)).toBeNull()
})

it('the answer cache keeps views apart, and forgets a name in all of them', () => {
  const cache = new AnswerCache(limitsOf(), MIB)
  const reader = new AnswerReader(cache.handle)
  const seen = (): unknown[] => [0, 1, 255].map(view => last(ask(reader, T0, queryFor(), queryFor(), view)))
  put(cache, addresses('www.example.', 7), question, 300, T0, 255)
  expect(seen()).toEqual([undefined, undefined, [7]])
  put(cache, addresses('www.example.', 8))
  expect(seen()).toEqual([[8], undefined, [7]])
  cache.remove(questionKey(question))
  expect(seen()).toEqual([undefined, undefined, undefined])
})

it('after a change of rules no answer made before is given in any view, and none begun before is kept', () => {
  const cache = new AnswerCache(limitsOf(), MIB)
  const reader = new AnswerReader(cache.handle)
  const seen = (): unknown[] => [0, 7].map(view => last(ask(reader, T0, queryFor(), queryFor(), view)))
  put(cache, addresses('www.example.', 1))
  put(cache, addresses('www.example.', 2), question, 300, T0, 7)
  const before = cache.generation
  for (let change = 1; change <= 64; change++) {
    cache.newGeneration()
    expect(seen(), `change ${change}`).toEqual([undefined, undefined])
  }
  const { bytes, ttlOffsets } = reply(addresses('www.example.', 4), question)
  const late = { key: questionKey(question), dnssecOk: false, checkingDisabled: false, wire: bytes, ttlOffsets }
  expect(cache.put({ ...late, ttlSeconds: 300 }, T0, 0, before)).toBe(false)
  expect(seen()).toEqual([undefined, undefined])
  put(cache, addresses('www.example.', 3))
  expect(seen()).toEqual([[3], undefined])
  cache.remove(questionKey(question))
  expect(seen()).toEqual([undefined, undefined])
})

it.each([0, 4, 1, 2, 3, 64])(
  'writes at %i of a large buffer, from a query anywhere, and not an octet outside of what is said',
  outAt => {
    for (const [from, octets] of [
      [1, 4],
      [2, 700],
    ] as const) {
      const cache = new AnswerCache(limitsOf(), MIB)
      const reader = new AnswerReader(cache.handle)
      const record: Rr = {
        owner: question.name,
        type: 65_280,
        class: 1,
        ttl: 300,
        rdata: new Uint8Array(octets).fill(3),
      }
      put(cache, [record])
      const query = queryFor(question, cased)
      const queries = new Uint8Array(200)
      queries.set(query, from)
      const peek = newPeek()
      peekQuery(query, query.length, peek)
      const out = new Uint8Array(1_000).fill(0xee)
      const length = reader.write(peek, queries.subarray(from), out, outAt, T0, TCP, 1_232)
      const decoded = decodeMessage(out.slice(outAt, outAt + length))
      expect(decoded.kind === 'message' && decoded.message).toMatchObject({
        id: 0x1234,
        question: { cased },
        answer: [{ ...record, owner: cased }],
      })
      expect(out.subarray(0, outAt).every(octet => octet === 0xee)).toBe(true)
      expect(out.subarray(outAt + ((length + 3) & ~3)).every(octet => octet === 0xee)).toBe(true)
      expect(reader.write(peek, queries.subarray(from), out, 1_000 - length + 1, T0, TCP, 1_232)).toBe(0)
    }
  },
)

describe('order of addresses', () => {
  const orders = (
    rotate: 'fixed' | 'cyclic' | 'random',
    answer: readonly Rr[],
    times: number,
    asked = question,
  ): string[] => {
    const cache = new AnswerCache(limitsOf({ rotate }), MIB)
    put(cache, answer, asked)
    const reader = new AnswerReader(cache.handle)
    return Array.from(
      { length: times },
      (_, i) =>
        ask(reader, T0 + seconds(i), queryFor(asked))
          ?.map(rr => `${rr.type === 1 || rr.type === 28 ? '' : rr.type}${rr.rdata.at(-1)}/${rr.ttl}`)
          .join(' ') ?? '',
    )
  }
  const three = addresses('www.example.', 1, 2, 3)

  it('addresses of a fixed order come as they came in the reply', () => {
    expect(orders('fixed', three, 3)).toEqual(['1/300 2/300 3/300', '1/299 2/299 3/299', '1/298 2/298 3/298'])
  })
  it('goes on by one with each answer, TTLs counted down', () => {
    const seen = orders('cyclic', three, 6)
    expect(new Set(seen.map(text => text[0]))).toEqual(new Set(['1', '2', '3']))
    for (const [i, text] of seen.entries()) {
      const first = Number(text[0])
      const turned = [0, 1, 2].map(step => `${((first - 1 + step) % 3) + 1}/${300 - i}`).join(' ')
      expect(text).toBe(turned)
      if (i > 0) expect(first).toBe((Number(seen[i - 1]?.[0]) % 3) + 1)
    }
  })
  it('addresses of a random order begin with any of them', () => {
    expect(new Set(orders('random', three, 40).map(text => text[0]))).toEqual(new Set(['1', '2', '3']))
  })
  it('turns AAAA records, and those behind an alias, which stays in front', () => {
    const aaaa = recordsOf(
      set('www.example.', RrType.AAAA, 300, ...[1, 2].map(last => [...new Array<number>(15).fill(0), last])),
    )
    expect(new Set(orders('cyclic', aaaa, 4, q('www.example.', RrType.AAAA)).map(text => text[0]))).toEqual(
      new Set(['1', '2']),
    )
    const alias = recordsOf(set('www.example.', RrType.CNAME, 300, [...Buffer.from(n('web.example.'), 'latin1')]))
    const behind = orders('cyclic', [...alias, ...addresses('web.example.', 1, 2)], 4)
    expect(behind.every(text => text.startsWith('50/'))).toBe(true)
    expect(new Set(behind.map(text => text.split(' ')[1]?.[0]))).toEqual(new Set(['1', '2']))
  })
  it('leaves alone what is no row of addresses', () => {
    const texts = recordsOf(set('www.example.', RrType.TXT, 300, [1, 65], [1, 66]))
    expect(
      new Set(orders('cyclic', texts, 4, q('www.example.', RrType.TXT)).map(text => text.replaceAll(/\/\d+/g, '')))
        .size,
    ).toBe(1)
    expect(orders('cyclic', addresses('www.example.', 1), 2)).toEqual(['1/300', '1/299'])
  })
})

describe('a prefetch is due', () => {
  /** At which of these seconds it is said that a prefetch is due. */
  const due = (
    ttl: number,
    at: readonly number[],
    meanwhile: (cache: AnswerCache, second: number) => void = () => {},
  ): number[] => {
    const cache = new AnswerCache(limitsOf(), MIB)
    put(cache, addresses('www.example.', 1), question, ttl)
    const reader = new AnswerReader(cache.handle)
    return at.filter(second => {
      meanwhile(cache, second)
      ask(reader, T0 + seconds(second))
      return reader.lastWantsPrefetch
    })
  }
  it('once, in the last tenth of the TTL', () => expect(due(100, [1, 50, 89, 90, 91, 99])).toEqual([90]))
  it('for what was asked for before only', () => {
    expect(due(100, [95])).toEqual([])
    expect(due(100, [95, 96, 97])).toEqual([96])
  })
  it('for TTLs of ten seconds and more', () => {
    expect(due(9, [1, 8])).toEqual([])
    expect(due(10, [1, 8, 9])).toEqual([9])
  })
  it('again when it was put again', () => {
    const again = (cache: AnswerCache, second: number): void => {
      if (second === 96) put(cache, addresses('www.example.', 1), question, 100, T0 + seconds(96))
    }
    expect(due(100, [1, 95, 96, 120, 185, 186, 190], again)).toEqual([95, 186])
  })
  it('a prefetch is due once for all readers', () => {
    const cache = new AnswerCache(limitsOf(), MIB)
    put(cache, addresses('www.example.', 1), question, 100)
    const readers = [1, 2, 3].map(() => new AnswerReader(cache.handle))
    for (const reader of readers) ask(reader)
    const told = readers.map(reader => {
      ask(reader, T0 + seconds(95))
      return reader.lastWantsPrefetch
    })
    expect(told).toEqual([true, false, false])
  })
})
