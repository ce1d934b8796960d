/**
 * Answers that say of themselves what they are, for the stress test of the shared answer cache: whose they are, which
 * version, until when they hold, and a sum over all of it. Both the writing and the reading thread know their shape.
 */
import type { AnswerCacheHandle } from '../../../src/cache/answer-cache.ts'

export const NAMES = 24
/**
 * Octets of an answer in front of the record's data: header, question `\x04nNNN\x04test\x00`, pointer, type, class,
 * TTL, length.
 */
export const QUESTION_END = 12 + 11 + 4
export const DATA_AT = QUESTION_END + 12
export const TTL_AT = QUESTION_END + 6
/** Name, version, when it was put, TTL, sum: five 32-bit numbers, then whatever fills it, which the sum covers. */
export const LEAST_DATA = 20

export interface Shared {
  readonly handle: AnswerCacheHandle
  /**
   * The clock in milliseconds, whether to stop, how many readers are ready, whether one saw something wrong, answers in
   * all, then for each name and DO the least version that may be told.
   */
  readonly words: SharedArrayBuffer
}
export const CLOCK = 0
export const STOP = 1
export const READY = 2
export const WRONG = 3
export const HITS = 4
export const FLOORS = 16

export interface Report {
  readonly hits: number
  readonly problems: readonly string[]
}

export function sumOf(octets: Uint8Array, from: number, to: number): number {
  let sum = 7
  for (let i = from; i < to; i++) sum = Math.imul(sum ^ (octets[i] ?? 0), 0x0100_0193)
  return sum | 0
}

export function writeName(octets: Uint8Array, at: number, name: number, capital: boolean): void {
  const text = `\x04${capital ? 'N' : 'n'}${String(name).padStart(3, '0')}\x04test\x00`
  for (let i = 0; i < text.length; i++) octets[at + i] = text.charCodeAt(i)
  octets.set([0, 1, 0, 1], at + text.length)
}

export function makeAnswer(name: number, version: number, now: number, ttl: number, dataOctets: number): Uint8Array {
  const octets = new Uint8Array(DATA_AT + dataOctets)
  const view = new DataView(octets.buffer)
  octets.set([0, 0, 0x81, 0x80, 0, 1, 0, 1])
  writeName(octets, 12, name, false)
  octets.set([0xc0, 12, 0xff, 0x00, 0, 1], QUESTION_END)
  view.setUint32(TTL_AT, ttl)
  view.setUint16(QUESTION_END + 10, dataOctets)
  octets.fill((name * 31 + version) & 0xff, DATA_AT)
  for (const [i, number] of [name, version, now, ttl].entries()) view.setUint32(DATA_AT + 4 * i, number)
  view.setUint32(DATA_AT + 16, 0)
  view.setInt32(DATA_AT + 16, sumOf(octets, DATA_AT, octets.length))
  return octets
}
