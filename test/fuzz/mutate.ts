/**
 * Seeded damage: a message becomes another that is nearly as good, or nothing like one. The same seed, the same damage.
 */
import { seeded } from '../dns/make.ts'

export type Below = (n: number) => number

/** Octets that decoders trip over: ends of ranges, pointers, label lengths. */
const interesting = [0, 1, 3, 0x0c, 0x29, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xc1, 0xfe, 0xff] as const

/** Mostly one change to one of the seeds, at times up to six; now and then random octets alone. */
export function mutant(seeds: readonly Uint8Array[], below: Below): Uint8Array {
  if (below(16) === 0) return Uint8Array.from({ length: below(200) }, () => below(256))
  let bytes = Uint8Array.from(seeds[below(seeds.length)] ?? [])
  for (let changes = below(3) === 0 ? 1 + below(6) : 1; changes > 0; changes--) bytes = changed(bytes, seeds, below)
  return bytes
}

function changed(bytes: Uint8Array<ArrayBuffer>, seeds: readonly Uint8Array[], below: Below): Uint8Array<ArrayBuffer> {
  const at = below(bytes.length + 1)
  // Half of the changes keep the length, so that many mutants get past the first checks.
  switch (below(12)) {
    case 0:
    case 8:
      bytes[at] = below(256)
      return bytes
    case 1:
    case 9:
      bytes[at] = interesting[below(interesting.length)] ?? 0
      return bytes
    case 2:
    case 10:
      bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8))
      return bytes
    case 3:
      return bytes.slice(0, at)
    case 4:
      return Uint8Array.from([...bytes, ...Array.from({ length: below(20) }, () => below(256))])
    case 5:
      bytes.set([0xc0 | below(2), below(256)].slice(0, bytes.length - at), at)
      return bytes
    case 6:
      bytes[4 + below(8)] = below(3) === 0 ? 0xff : below(4)
      return bytes
    case 7:
      return Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(Math.min(bytes.length, at + below(8)))])
    default: {
      const other = seeds[below(seeds.length)] ?? bytes
      return Uint8Array.from([...bytes.subarray(0, at), ...other.subarray(below(other.length + 1))])
    }
  }
}

export const mutants = (seeds: readonly Uint8Array[], seed: number, count: number): Uint8Array[] => {
  const below = seeded(seed)
  return Array.from({ length: count }, () => mutant(seeds, below))
}
