/**
 * The file of a snapshot: a header and blocks, each with its checksum, so that damage costs the block that it is in.
 * Octets in and out; files are read and written elsewhere, and the checksum comes in from there.
 *
 *   header: "rootwalk" (8 octets), format (u16), octets of the text (u32), checksum of the text (u32), text (JSON)
 *   block:  "\xf1RWB" (4 octets), kind (u8), layout of the kind (u8), partition (u16), octets (u32), checksum (u32)
 *           of kind up to octets and of what follows, entries
 *
 * Invariants: nothing throws whatever the octets are; a block is given out only when its checksum is right; blocks mean
 * the same in any order, and one that comes twice adds nothing.
 */
import { putU16, putU32, u16, u32 } from '../../dns/bytes.ts'

/** CRC-32 as zlib has it; `before` continues the one of the octets before. */
export type Checksum = (octets: Uint8Array, before?: number) => number

/** Of the file as a whole. Each kind of block has a number of its own for the layout of its entries. */
const SNAPSHOT_FORMAT = 1

const MAGIC = 'rootwalk'
const HEADER_FIXED = 18
/** Fingerprints of configurations are digests: the text has some hundred octets. */
const MAX_HEADER_TEXT = 65_536
const MARK: readonly number[] = [0xf1, 0x52, 0x57, 0x42]
export const BLOCK_FIXED = 16
const CHECKED_FROM = 4
const CHECKED_TO = 12
/** Ours have 64 KiB and the rest of an entry. */
const MAX_BLOCK_OCTETS = 4 * 1024 * 1024

/** What holds for all blocks. */
export interface SnapshotHeader {
  /** Of rootwalk, for people. */
  readonly version: string
  /** Milliseconds since 1970. */
  readonly takenAt: number
  /** Milliseconds of the machine's monotonic clock, and which of its runs that is; null: not known. */
  readonly machineMs: number
  readonly bootId: string | null
  /** What decides which entries may be used, by what it is about (`app/persistence/fingerprint.ts`). */
  readonly fingerprint: Readonly<Record<string, string>>
  /** What the caches of views depend on besides, in the order of their partitions, of which the first is 1. */
  readonly partitions: readonly string[]
}

export type HeaderRead =
  | { readonly kind: 'header'; readonly header: SnapshotHeader; readonly octets: number }
  /** A later release wrote it. */
  | { readonly kind: 'newer'; readonly format: number }
  | { readonly kind: 'damaged'; readonly message: string }

export interface Block {
  readonly kind: number
  readonly layout: number
  /** Which cache it belongs to; 0: the one of all clients. */
  readonly partition: number
  readonly entries: Uint8Array
}

export function writeHeader(header: SnapshotHeader, checksum: Checksum): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(header))
  const bytes = new Uint8Array(HEADER_FIXED + text.length)
  for (let i = 0; i < MAGIC.length; i++) bytes[i] = MAGIC.charCodeAt(i)
  putU16(bytes, 8, SNAPSHOT_FORMAT)
  putU32(bytes, 10, text.length)
  putU32(bytes, 14, checksum(text))
  bytes.set(text, HEADER_FIXED)
  return bytes
}

/** From the first octets of a file: `MAX_HEADER_OCTETS` of them, or all. */
export function readHeader(bytes: Uint8Array, checksum: Checksum): HeaderRead {
  const damaged = (message: string): HeaderRead => ({ kind: 'damaged', message })
  if (bytes.length < HEADER_FIXED || [...MAGIC].some((letter, i) => bytes[i] !== letter.charCodeAt(0)))
    return damaged('it is no snapshot of rootwalk')
  const format = u16(bytes, 8)
  if (format > SNAPSHOT_FORMAT) return { kind: 'newer', format }
  const length = u32(bytes, 10)
  const text = bytes.subarray(HEADER_FIXED, HEADER_FIXED + length)
  if (length > MAX_HEADER_TEXT || text.length < length || checksum(text) !== u32(bytes, 14))
    return damaged('its header is damaged')
  const header = headerOf(new TextDecoder().decode(text))
  return header === null ? damaged('its header is damaged') : { kind: 'header', header, octets: HEADER_FIXED + length }
}

export const MAX_HEADER_OCTETS: number = HEADER_FIXED + MAX_HEADER_TEXT

function headerOf(text: string): SnapshotHeader | null {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null) return null
    const { version, takenAt, machineMs, bootId, fingerprint, partitions }: Readonly<Record<string, unknown>> = {
      ...value,
    }
    if (typeof version !== 'string' || typeof takenAt !== 'number' || typeof machineMs !== 'number') return null
    if (typeof fingerprint !== 'object' || fingerprint === null) return null
    return {
      version,
      takenAt,
      machineMs,
      bootId: typeof bootId === 'string' ? bootId : null,
      fingerprint: Object.fromEntries(Object.entries(fingerprint).map(([part, digest]) => [part, String(digest)])),
      partitions: Array.isArray(partitions) ? partitions.map(String) : [],
    }
  } catch {
    return null
  }
}

/** Makes a block of entries that stand after `BLOCK_FIXED` octets of room. */
export function sealBlock(
  bytes: Uint8Array,
  { kind, layout, partition }: Omit<Block, 'entries'>,
  checksum: Checksum,
): void {
  bytes.set(MARK)
  bytes[4] = kind
  bytes[5] = layout
  putU16(bytes, 6, partition)
  putU32(bytes, 8, bytes.length - BLOCK_FIXED)
  const sum = checksum(bytes.subarray(BLOCK_FIXED), checksum(bytes.subarray(CHECKED_FROM, CHECKED_TO)))
  putU32(bytes, CHECKED_TO, sum)
}

/** Finds the blocks in octets that come piece by piece, and what lies between them counts as damage. */
export class BlockReader {
  readonly #checksum: Checksum
  #bytes: Uint8Array = new Uint8Array(0)
  #ended = false
  /** Octets that are no block. */
  skipped = 0

  constructor(checksum: Checksum) {
    this.#checksum = checksum
  }

  /** The next octets of the file. They are kept until they have been read. */
  push(octets: Uint8Array): void {
    const joined = new Uint8Array(this.#bytes.length + octets.length)
    joined.set(this.#bytes)
    joined.set(octets, this.#bytes.length)
    this.#bytes = joined
  }

  /** Nothing follows: what is left is a block or damage. */
  end(): void {
    this.#ended = true
  }

  /** The next block, a view of what was pushed; null: more has to be pushed first, or there is none. */
  next(): Block | null {
    for (;;) {
      const bytes = this.#bytes
      if (bytes.length < BLOCK_FIXED) return this.#nothing()
      const length = u32(bytes, 8)
      if (MARK.some((octet, i) => bytes[i] !== octet) || length > MAX_BLOCK_OCTETS) {
        this.#skip()
        continue
      }
      const end = BLOCK_FIXED + length
      // A length that is damaged may ask for what never comes: at the end of the file it is looked at again.
      if (end > bytes.length && !this.#ended) return null
      const entries = bytes.subarray(BLOCK_FIXED, end)
      const sum = this.#checksum(entries, this.#checksum(bytes.subarray(CHECKED_FROM, CHECKED_TO)))
      if (end > bytes.length || sum !== u32(bytes, CHECKED_TO)) {
        this.#skip()
        continue
      }
      this.#bytes = bytes.subarray(end)
      return { kind: bytes[4] ?? 0, layout: bytes[5] ?? 0, partition: u16(bytes, 6), entries }
    }
  }

  #nothing(): null {
    if (this.#ended) {
      this.skipped += this.#bytes.length
      this.#bytes = new Uint8Array(0)
    }
    return null
  }

  /** On to the next octet that a block may begin with. */
  #skip(): void {
    const found = this.#bytes.indexOf(MARK[0] ?? 0, 1)
    const octets = found < 0 ? this.#bytes.length : found
    this.skipped += octets
    this.#bytes = this.#bytes.subarray(octets)
  }
}
