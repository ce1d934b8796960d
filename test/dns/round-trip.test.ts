import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeMessage } from '../../src/dns/decode.ts'
import { encodeMessage, encodeQuery } from '../../src/dns/encode.ts'
import { optOctets } from '../../src/dns/edns.ts'
import { type Message, questionKey } from '../../src/dns/message.ts'
import { foldName } from '../../src/dns/name.ts'
import { keyOf, matchReply, newPeek, peekQuery } from '../../src/dns/wire.ts'
import { anyName, foldedName, foldMessage, messageOf, numRuns, propertyTimeoutMs } from './arbitraries.ts'
import { edns } from './make.ts'

function decoded(bytes: Uint8Array): Message {
  const result = decodeMessage(bytes)
  if (result.kind !== 'message') throw new Error(`${result.why} at ${result.offset}`)
  return result.message
}

describe('round trips', { timeout: propertyTimeoutMs }, () => {
  it('decode(encode(m)) is m', () => {
    fc.assert(
      fc.property(messageOf(foldedName), message => {
        expect(decoded(encodeMessage(message, { maxBytes: 65_535 }).bytes)).toEqual(message)
      }),
      { numRuns },
    )
  })

  it('also with letters of any case, but for the case', () => {
    fc.assert(
      fc.property(messageOf(anyName), message => {
        const again = decoded(encodeMessage(message, { maxBytes: 65_535 }).bytes)
        expect(foldMessage(again)).toEqual(foldMessage(message))
        expect(again.question).toEqual(message.question)
      }),
      { numRuns },
    )
  })

  it('encoding is stable, and never longer than the message uncompressed', () => {
    fc.assert(
      fc.property(messageOf(anyName), message => {
        const first = encodeMessage(message, { maxBytes: 65_535 }).bytes
        expect(encodeMessage(decoded(first), { maxBytes: 65_535 }).bytes).toEqual(first)
        const records = [...message.answer, ...message.authority, ...message.additional]
        const uncompressed = records.reduce(
          (sum, record) => sum + record.owner.length + 10 + record.rdata.length,
          12 + (message.question === null ? 0 : message.question.cased.length + 4),
        )
        expect(first.length).toBeLessThanOrEqual(uncompressed + (message.edns === null ? 0 : optOctets(message.edns)))
      }),
      { numRuns },
    )
  })

  it('within any bound it is a valid message that says no more and no less in part', () => {
    fc.assert(
      fc.property(
        messageOf(foldedName),
        fc.integer({ min: 512, max: 4_096 }),
        fc.boolean(),
        (message, maxBytes, minimal) => {
          const { bytes, truncated, ttlOffsets } = encodeMessage(
            { ...message, truncated: false },
            { maxBytes, minimal },
          )
          const again = decoded(bytes)
          expect(bytes.length).toBeLessThanOrEqual(maxBytes)
          expect(again.truncated).toBe(truncated)
          expect(message.answer.slice(0, again.answer.length)).toEqual(again.answer)
          expect(message.additional.slice(0, again.additional.length)).toEqual(again.additional)
          const records = [...again.answer, ...again.authority, ...again.additional]
          expect(Array.from(ttlOffsets, at => Buffer.from(bytes).readUInt32BE(at))).toEqual(
            records.map(record => record.ttl),
          )
        },
      ),
      { numRuns },
    )
  })
})

describe('the byte path sees what the decoder sees', { timeout: propertyTimeoutMs }, () => {
  const query = fc
    .record({
      id: fc.nat(0xffff),
      name: anyName,
      type: fc.nat(0xffff),
      klass: fc.constantFrom(1, 3, 255, 0x141),
      rd: fc.boolean(),
      cd: fc.boolean(),
      opt: fc.option(fc.record({ dnssecOk: fc.boolean(), payloadSize: fc.nat(0xffff) })),
    })
    .map(({ id, name, type, klass, rd, cd, opt }) =>
      encodeQuery({
        id,
        question: { name: foldName(name), type, class: klass },
        cased: name,
        recursionDesired: rd,
        checkingDisabled: cd,
        edns: opt === null ? null : edns(opt),
      }),
    )

  it('the byte path reads of a query what the decoder reads', () => {
    const peek = newPeek()
    fc.assert(
      fc.property(query, bytes => {
        expect(peekQuery(bytes, bytes.length, peek)).toBe(true)
        const message = decoded(bytes)
        expect({ ...peek, key: keyOf(peek) }).toMatchObject({
          id: message.id,
          recursionDesired: message.recursionDesired,
          checkingDisabled: message.checkingDisabled,
          authenticData: message.authenticData,
          type: message.question?.type,
          class: message.question?.class,
          edns: message.edns !== null,
          payloadSize: message.edns?.payloadSize ?? 512,
          dnssecOk: message.edns?.dnssecOk ?? false,
          key: message.question === null ? null : questionKey(message.question),
        })
      }),
      { numRuns },
    )
  })

  it('in replies: a match exactly when ID and question are the same', () => {
    fc.assert(
      fc.property(query, query, fc.boolean(), (sent, other, same) => {
        const reply = Uint8Array.from(same ? sent : other)
        reply[2] = 0x80 | (reply[2] ?? 0)
        const [a, b] = [decoded(sent), decoded(reply)]
        const equal =
          a.id === b.id &&
          a.question?.cased === b.question?.cased &&
          a.question?.type === b.question?.type &&
          a.question?.class === b.question?.class
        expect(matchReply(sent, reply) === 'match').toBe(equal)
      }),
      { numRuns },
    )
  })
})
