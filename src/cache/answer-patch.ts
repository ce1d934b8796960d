/**
 * Work on the octets of a cached answer: the patch information stored with it, and the patches to each copy of it.
 * Pure, on octets; the positions come from entries that were checked when they were made, and yet nothing is written
 * outside of the answer, since a reader may look at an entry that is being overwritten.
 */
import { putU16, putU32, u16, u32 } from '../dns/bytes.ts'
import { AD, CD, HEADER_OCTETS, QR, RD, RECORD_FIXED_OCTETS, TC } from '../dns/message.ts'
import { RrType } from '../dns/types.ts'
import type { QueryPeek } from '../dns/wire.ts'

/** RFC 6891 section 6.1.4. */
const DO = 0x80
/** RFC 1035 section 4.1.4: the two top bits of a pointer's first octet. */
const POINTER = 0xc0
const POINTER_OCTETS = 2
const TTL_OCTETS = 4
const LEAST_RECORD_OCTETS = 1 + RECORD_FIXED_OCTETS

/** Addresses in a row that may change places: where the first record is, octets of one, how many. */
interface Run {
  readonly at: number
  readonly stride: number
  readonly count: number
}
const RUN_OCTETS = 5
const NO_RUN: Run = { at: 0, stride: 0, count: 0 }

/**
 * Writes the second part of an entry at `at`: two octets for the place of each TTL, then, if there are addresses to
 * change places, five for these: so the number of octets, which is returned, is odd if and only if there are. The
 * message is the first `length` octets of `wire`.
 */
export function writePatchInfo(
  wire: Uint8Array,
  length: number,
  questionEnd: number,
  ttlOffsets: Uint16Array,
  withRun: boolean,
  into: Uint8Array,
  at: number,
): number {
  for (let i = 0; i < ttlOffsets.length; i++) putU16(into, at + 2 * i, ttlOffsets[i] ?? 0)
  const run = withRun ? addressRun(wire, length, questionEnd) : null
  if (run === null) return 2 * ttlOffsets.length
  const behind = at + 2 * ttlOffsets.length
  putU16(into, behind, run.at)
  into[behind + 2] = run.stride
  putU16(into, behind + 3, run.count)
  return behind + RUN_OCTETS - at
}

/** The most octets that `writePatchInfo` writes for a message of `octets`. */
export const patchInfoOctets = (octets: number): number => 2 * Math.ceil(octets / LEAST_RECORD_OCTETS) + RUN_OCTETS

/**
 * The first two or more A or AAAA records of one owner in the answer section, when the owner is a pointer: then all are
 * of one length, and no name of the message lies within them that another could point to.
 */
function addressRun(wire: Uint8Array, length: number, questionEnd: number): Run | null {
  let run: Run = NO_RUN
  let owner = -1
  let at = questionEnd
  for (let left = u16(wire, 6); left > 0; left--) {
    const fixed = skipName(wire, length, at)
    const next = fixed + RECORD_FIXED_OCTETS + u16(wire, fixed + 8)
    if (fixed < 0 || next > length) return null
    const type = u16(wire, fixed)
    const isAddress =
      fixed === at + POINTER_OCTETS && (wire[at] ?? 0) >= POINTER && (type === RrType.A || type === RrType.AAAA)
    if (isAddress && next - at === run.stride && u16(wire, at) === owner)
      run = { at: run.at, stride: run.stride, count: run.count + 1 }
    else if (run.count > 1) return run
    else run = isAddress ? { at, stride: next - at, count: 1 } : NO_RUN
    owner = u16(wire, at)
    at = next
  }
  return run.count > 1 ? run : null
}

/** The offset after a name, which may end in a pointer; -1 when no record fits after it. */
function skipName(wire: Uint8Array, length: number, from: number): number {
  for (let at = from; at + RECORD_FIXED_OCTETS < length; ) {
    const octet = wire[at] ?? 0
    if (octet === 0) return at + 1
    if (octet >= POINTER) return at + POINTER_OCTETS
    at += octet + 1
  }
  return -1
}

/**
 * Rewrites the run in the last octets before `noteEnd` so that the record with number `turn` modulo their count comes
 * first. `from` is where the answer begins in `octets`, `to` where it does in `out`, `length` its octets.
 */
export function rotateRun(
  out: Uint8Array,
  to: number,
  octets: Uint8Array,
  from: number,
  length: number,
  noteEnd: number,
  turn: number,
): void {
  const note = noteEnd - RUN_OCTETS
  const at = u16(octets, note)
  const stride = octets[note + 2] ?? 0
  const count = u16(octets, note + 3)
  const size = stride * count
  if (size === 0 || at + size > length) return
  let source = ((turn >>> 0) % count) * stride
  for (let i = 0; i < size; i++) {
    out[to + at + i] = octets[from + at + source] ?? 0
    source = source + 1 === size ? 0 : source + 1
  }
}

/**
 * Takes `elapsed` seconds off the TTLs whose offsets are the octets of `octets` from `note` on, never below 0; `to` and
 * `length` say where the answer is in `out`.
 */
export function countDown(
  out: Uint8Array,
  to: number,
  length: number,
  octets: Uint8Array,
  note: number,
  noteOctets: number,
  elapsed: number,
): void {
  const end = note + ((noteOctets & 1) === 0 ? noteOctets : noteOctets - RUN_OCTETS)
  for (let i = note; i < end; i += 2) {
    const offset = u16(octets, i)
    if (offset + TTL_OCTETS > length) return
    putU32(out, to + offset, Math.max(u32(out, to + offset) - elapsed, 0))
  }
}

/**
 * ID, RD and CD from the query (RFC 1035 section 4.1.1, RFC 4035 section 3.2.2). AD stays as stored, which is set for
 * validated answers only, and is sent only to clients that asked for it with AD or DO (RFC 6840 section 5.8).
 */
export function patchHeader(out: Uint8Array, to: number, query: Uint8Array, peek: QueryPeek): void {
  out[to] = query[0] ?? 0
  out[to + 1] = query[1] ?? 0
  out[to + 2] = ((out[to + 2] ?? 0) & ~RD) | ((query[2] ?? 0) & RD)
  const withoutAd = peek.authenticData || peek.dnssecOk ? 0 : AD
  out[to + 3] = ((out[to + 3] ?? 0) & ~(CD | withoutAd)) | ((query[3] ?? 0) & CD)
}

/**
 * Appends OPT at `at` of the message at `to`: root owner, our payload size, no extended RCODE, version 0, DO as asked,
 * no options; counts it in ARCOUNT.
 */
export function writeOpt(out: Uint8Array, to: number, at: number, ourPayloadBytes: number, dnssecOk: boolean): void {
  const opt = to + at
  out[opt] = 0
  putU16(out, opt + 1, RrType.OPT)
  putU16(out, opt + 3, ourPayloadBytes)
  out[opt + 5] = 0
  out[opt + 6] = 0
  out[opt + 7] = dnssecOk ? DO : 0
  out[opt + 8] = 0
  out[opt + 9] = 0
  out[opt + 10] = 0
  putU16(out, to + 10, u16(out, to + 10) + 1)
}

/** A whole reply to one question whose name is as long as the key says (the key is the name, type and class). */
export function isCacheable(key: string, wire: Uint8Array): boolean {
  const questionEnd = HEADER_OCTETS + key.length + 2
  const flags = wire[2] ?? 0
  return (
    wire.length >= questionEnd &&
    (flags & QR) !== 0 &&
    (flags & TC) === 0 &&
    u16(wire, 4) === 1 &&
    u16(wire, questionEnd - 4) === key.charCodeAt(key.length - 2) &&
    u16(wire, questionEnd - 2) === key.charCodeAt(key.length - 1)
  )
}
