/**
 * Hostile octets against the codec. Every input of the corpus must decode as its file says; mutants and random octets
 * may decode or not, but nothing throws, work stays bounded, and the parts of the codec never disagree. A small seed
 * runs always; ROOTWALK_LONG=1 runs 200,000 and prints the mean time.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { describe, expect, it } from 'vitest'
import { decodeMessage, decodeReply, readName } from '../../src/dns/decode.ts'
import { encodeMessage } from '../../src/dns/encode.ts'
import { Framing } from '../../src/dns/framing.ts'
import { readExtendedErrors } from '../../src/dns/edns.ts'
import { type Message, questionKey } from '../../src/dns/message.ts'
import { foldName } from '../../src/dns/name.ts'
import { ipOf, mxExchange, readSoa, srvTarget, targetOf } from '../../src/dns/rdata.ts'
import { groupRRsets, type Rr } from '../../src/dns/rrset.ts'
import { RrType } from '../../src/dns/types.ts'
import { keyOf, matchReply, newPeek, peekQuery, questionEnd } from '../../src/dns/wire.ts'
import { foldMessage } from '../dns/arbitraries.ts'
import { hex, seeded } from '../dns/make.ts'
import { bombs } from '../../src/attacks/bombs.ts'
import { countReads } from './counting.ts'
import { mutants } from './mutate.ts'
import { LONG_TEST_MS } from '../patience.mjs'

const long = process.env.ROOTWALK_LONG === '1'
const count = long ? 200_000 : 20_000
const directory = new URL('./corpus/', import.meta.url)

const corpus = readdirSync(directory)
  .filter(file => file.endsWith('.hex'))
  .map(file => {
    const text = readFileSync(new URL(file, directory), 'utf8')
    return {
      file,
      expected: /^# expect: (message|format-error)$/m.exec(text)?.[1],
      bytes: hex(text.replace(/#.*$/gm, '')),
    }
  })
const sound = corpus.filter(one => one.expected === 'message')
/** Sound messages thrice as often: damage to what is already refused seldom reaches far. */
const seeds = [...sound, ...sound, ...corpus].map(one => one.bytes)

/** All that the codec does with octets from outside, as one call. */
function exercise(bytes: Uint8Array, peek = newPeek()): Message | null {
  const decoded = decodeMessage(bytes)
  const plain = peekQuery(bytes, bytes.length, peek)
  questionEnd(bytes)
  readName(bytes, 12, bytes.length)
  for (const seed of seeds.slice(0, 3)) matchReply(seed, bytes)
  if (decoded.kind === 'format-error') {
    if (plain) throw new Error(`the byte path takes what the decoder refuses: ${decoded.why}`)
    const reply = decodeReply(bytes)
    // What names would decompress to is counted where they are made.
    if (reply.kind === 'message' && !decoded.why.includes('too many octets'))
      throw new Error(`as a reply it is taken in spite of: ${decoded.why}`)
    if (decoded.offset < 0 || decoded.offset > bytes.length)
      throw new Error(`offset ${decoded.offset} of ${bytes.length}`)
    return null
  }
  const { message } = decoded
  leanly(bytes, message)
  if (plain && (message.question === null || questionKey(message.question) !== keyOf(peek)))
    throw new Error('the byte path reads another question')
  return message
}

/** The decoder for replies leaves out what proves nothing about an answer, and nothing else. */
function leanly(bytes: Uint8Array, { answer, authority, additional, ...rest }: Message): void {
  const decoded = decodeReply(bytes)
  if (decoded.kind !== 'message') throw new Error(`as a reply it is malformed: ${decoded.why} at ${decoded.offset}`)
  const { question } = rest
  const [first] = answer
  const direct =
    question !== null &&
    first !== undefined &&
    foldName(first.owner) === question.name &&
    first.type === question.type &&
    first.class === question.class
  const made = (records: readonly Rr[]): readonly Rr[] =>
    direct ? records.filter(({ type }) => PROOFS.includes(type)) : records
  if (
    !isDeepStrictEqual(decoded.message, { ...rest, answer, authority: made(authority), additional: made(additional) })
  )
    throw new Error('as a reply it says something else')
}

const PROOFS: readonly number[] = [RrType.RRSIG, RrType.NSEC, RrType.NSEC3]

/** Typed readers on whatever came, and the message once more through the encoder. */
function reuse(message: Message): void {
  for (const { type, rdata } of [...message.answer, ...message.authority, ...message.additional]) {
    for (const read of [targetOf, mxExchange, srvTarget, readSoa]) read(rdata)
    ipOf(type, rdata)
  }
  groupRRsets(message.answer)
  if (message.edns !== null) readExtendedErrors(message.edns)
  const { bytes, truncated } = encodeMessage(message, { maxBytes: 65_535 })
  const again = decodeMessage(bytes)
  if (again.kind !== 'message') throw new Error(`encoded, it is malformed: ${again.why} at ${again.offset}`)
  if (!truncated && !isDeepStrictEqual(foldMessage(again.message), foldMessage(message)))
    throw new Error('encoded, it says something else')
}

describe('corpus', () => {
  it.each(corpus)('$file', ({ bytes, expected }) => {
    expect(decodeMessage(bytes).kind).toBe(expected)
    const message = exercise(bytes)
    if (message !== null) reuse(message)
  })

  it('keeps the id and the question of a reply that was cut', () => {
    const cut = corpus.find(one => one.file === 'truncated-mid-record.hex')
    expect(decodeMessage(cut?.bytes ?? hex(''))).toMatchObject({
      header: { id: 0x1234, truncated: true },
      question: { type: 1 },
    })
  })

  it.each(bombs)('$what: no part of the codec throws', ({ bytes }) => {
    expect(() => {
      const message = exercise(bytes)
      if (message !== null) reuse(message)
    }).not.toThrow()
  })
})

describe('mutants', () => {
  const inputs = mutants(seeds, 53, count)

  // First: tests below hand in objects that make the compiled code slower for all that follows.
  it.skipIf(!long)('prints the mean time of decoding', () => {
    const buffers = inputs.map(bytes => Buffer.from(bytes))
    for (const bytes of buffers.slice(0, 20_000)) decodeMessage(bytes)
    // CPU time: other tests run at the same time.
    const before = process.cpuUsage()
    let good = 0
    for (const bytes of buffers) if (decodeMessage(bytes).kind === 'message') good++
    const { user, system } = process.cpuUsage(before)
    const meanMicroseconds = (user + system) / buffers.length
    process.stdout.write(
      `decoding ${buffers.length} mutants, ${good} of them well-formed: mean ${meanMicroseconds.toFixed(2)} µs of CPU\n`,
    )
    expect(good).toBeGreaterThan(0)
  })

  it(
    `${count} of them: nothing throws, nothing disagrees`,
    () => {
      const peek = newPeek()
      let good = 0
      for (const bytes of inputs) {
        try {
          const message = exercise(bytes, peek)
          if (message === null) continue
          good++
          reuse(message)
        } catch (error) {
          throw new Error(`input ${Buffer.from(bytes).toString('hex')}`, { cause: error })
        }
      }
      // Mutants that are all refused at the door would test nothing behind it.
      expect(good / count).toBeGreaterThan(0.1)
      expect(good / count).toBeLessThan(0.9)
    },
    LONG_TEST_MS,
  )

  it('work is bounded by length', () => {
    for (const bytes of inputs.slice(0, 2_000)) {
      const counted = countReads(bytes)
      decodeMessage(counted.bytes)
      expect(counted.reads()).toBeLessThan(bytes.length * 24 + 1_000)
    }
  })

  it('a stream of them is cut into frames and never held without bound', () => {
    const below = seeded(3)
    const framing = new Framing()
    for (const bytes of inputs.slice(0, 2_000)) {
      for (const message of framing.push(bytes)) exercise(message)
      expect(framing.heldBytes).toBeLessThanOrEqual(65_537)
      if (below(50) === 0) framing.push(new Uint8Array(70_000))
    }
  })

  it('the same seed makes the same inputs', () => {
    expect(mutants(seeds, 9, 50)).toEqual(mutants(seeds, 9, 50))
    expect(mutants(seeds, 9, 50)).not.toEqual(mutants(seeds, 10, 50))
  })
})

describe('names as they are asked', () => {
  it('fold to the key whatever octets they have', () => {
    for (const { bytes } of corpus) {
      const decoded = decodeMessage(bytes)
      if (decoded.kind === 'message' && decoded.message.question !== null)
        expect(decoded.message.question.name).toBe(foldName(decoded.message.question.cased))
    }
  })
})
