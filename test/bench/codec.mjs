// @ts-check
/** Nanoseconds of the small functions that every query passes, with `dns-packet` beside them where it has the like. */
import { decode as packetDecode, encode as packetEncode } from 'dns-packet'
import { answerCache, decode, encode, limits, wire } from './built.mjs'
import { median } from './measure.mjs'
import { answer, query, referral } from './samples.mjs'

/** @typedef {{ name: string, ns: number, peerNs: number | null }} CodecRow */

const BATCHES = 15

/**
 * @param {{ iterations: number }} options
 * @returns {Promise<CodecRow[]>}
 */
export async function codecBench({ iterations }) {
  const { decodeMessage } = await decode()
  const { encodeMessage } = await encode()
  const { keyOf, newPeek, peekQuery } = await wire()
  const { AnswerCache } = await answerCache()
  const { defaultLimits } = await limits()
  const decoded = decodeMessage(answer.bytes)
  const decodedReferral = decodeMessage(referral.bytes)
  if (decoded.kind !== 'message' || decodedReferral.kind !== 'message') throw new Error('the samples do not decode')
  const { message } = decoded
  const peek = newPeek()
  const out = new Uint8Array(1_232)
  const queryBuffer = Buffer.from(query.bytes)
  peekQuery(queryBuffer, queryBuffer.length, peek)
  const cache = new AnswerCache(defaultLimits.cache, 16 * 1_024 * 1_024)
  const plain = encodeMessage({ ...message, edns: null }, { maxBytes: 65_535 })
  if (
    !cache.put(
      {
        key: keyOf(peek),
        dnssecOk: true,
        checkingDisabled: false,
        wire: plain.bytes,
        ttlOffsets: plain.ttlOffsets,
        ttlSeconds: 60,
      },
      1_000,
    )
  )
    throw new Error('the sample was not kept')
  const answerBuffer = Buffer.from(answer.bytes)
  const peerAnswer = packetDecode(answerBuffer)
  const referralBuffer = Buffer.from(referral.bytes)

  /** @type {[string, () => number, (() => number) | null][]} */
  const cases = [
    ['peekQuery', () => (peekQuery(queryBuffer, queryBuffer.length, peek) ? 1 : 0), null],
    [
      'AnswerCache.write (a second later)',
      () => cache.reader.write(peek, queryBuffer, out, 0, 2_500, 1_232, 1_232),
      null,
    ],
    ['decode a query', () => decodeMessage(query.bytes).kind.length, () => packetDecode(queryBuffer).id ?? 0],
    [
      'decode an answer (5 records)',
      () => decodeMessage(answer.bytes).kind.length,
      () => packetDecode(answerBuffer).id ?? 0,
    ],
    [
      'decode a referral (26 records)',
      () => decodeMessage(referral.bytes).kind.length,
      () => packetDecode(referralBuffer).id ?? 0,
    ],
    [
      'encode an answer (5 records)',
      () => encodeMessage(message, { maxBytes: 1_232 }).bytes.length,
      () => packetEncode(peerAnswer).length,
    ],
    [
      'encode a referral (26 records)',
      () => encodeMessage(decodedReferral.message, { maxBytes: 1_232 }).bytes.length,
      null,
    ],
  ]
  return cases.map(([name, run, peer]) => ({
    name,
    ns: nanoseconds(run, iterations),
    peerNs: peer === null ? null : nanoseconds(peer, iterations),
  }))
}

/**
 * Median over batches, after one batch to warm up.
 * @param {() => number} run
 * @param {number} iterations
 */
function nanoseconds(run, iterations) {
  const times = []
  let sum = 0
  for (let batch = 0; batch <= BATCHES; batch++) {
    const start = process.hrtime.bigint()
    for (let i = 0; i < iterations; i++) sum += run()
    if (batch > 0) times.push(Number(process.hrtime.bigint() - start) / iterations)
  }
  if (sum === 0) throw new Error('what is measured did nothing')
  return Math.round(median(times))
}
