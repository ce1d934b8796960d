/**
 * Padding of queries that travel encrypted (RFC 7830, RFC 8467), so that their lengths do not give the names away. Done
 * where they leave, since only the transport knows that they are encrypted.
 */
import { putU16, u16 } from './bytes.ts'
import { OPT_FIXED_OCTETS, optionsFit } from './edns.ts'
import { HEADER_OCTETS, MAX_MESSAGE_OCTETS } from './message.ts'
import { EdnsOptionCode, RrType } from './types.ts'
import { questionEnd } from './wire.ts'

/** RFC 8467 section 4.1: the block length for queries. */
const QUERY_BLOCK_OCTETS = 128
const OPTION_FIXED_OCTETS = 4

/**
 * The query with EDNS options at the end: an empty one for each code in `flags`, and padding up to a multiple of 128
 * octets, which comes last (RFC 8467 section 4). A query without an OPT record, or with anything after its question but
 * that, is given back as it is: there is nothing to put options into.
 */
export function padQuery(query: Uint8Array, ...flags: readonly number[]): Uint8Array {
  const at = optionsAt(query)
  if (at < 0) return query
  const unpadded = query.length + flags.length * OPTION_FIXED_OCTETS + OPTION_FIXED_OCTETS
  const length = Math.ceil(unpadded / QUERY_BLOCK_OCTETS) * QUERY_BLOCK_OCTETS
  if (length > MAX_MESSAGE_OCTETS) return query
  const padded = new Uint8Array(length)
  padded.set(query)
  let next = query.length
  for (const code of flags) {
    putU16(padded, next, code)
    next += OPTION_FIXED_OCTETS
  }
  putU16(padded, next, EdnsOptionCode.PADDING)
  putU16(padded, next + 2, length - next - OPTION_FIXED_OCTETS)
  putU16(padded, at - 2, length - at)
  return padded
}

/** Where the options of a query begin that has one question and an OPT record at its end; -1 for any other. */
function optionsAt(query: Uint8Array): number {
  if (query.length < HEADER_OCTETS || u16(query, 4) !== 1 || u16(query, 10) !== 1) return -1
  if (u16(query, 6) !== 0 || u16(query, 8) !== 0) return -1
  const opt = questionEnd(query)
  const at = opt + OPT_FIXED_OCTETS
  if (opt < 0 || at > query.length || query[opt] !== 0 || u16(query, opt + 1) !== RrType.OPT) return -1
  const isWhole = at + u16(query, at - 2) === query.length && optionsFit(query, at, query.length)
  return isWhole && !hasPadding(query, at) ? at : -1
}

/** Padded by who made it. */
function hasPadding(query: Uint8Array, from: number): boolean {
  for (let at = from; at < query.length; at += OPTION_FIXED_OCTETS + u16(query, at + 2))
    if (u16(query, at) === EdnsOptionCode.PADDING) return true
  return false
}
