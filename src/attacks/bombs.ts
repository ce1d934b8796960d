/**
 * Messages made to cost a decoder or an encoder far more than their length: counts without records, pointer chains, one
 * long name pointed at by everything, bit maps. Of full size (65,535 octets).
 */
import { nameBytes, type WireName } from '../dns/name.ts'
import { parseName } from '../presentation/text.ts'

interface Bomb {
  readonly what: string
  readonly bytes: Uint8Array
}

const FULL = 65_535
const HEADER = 12
const manyLabels = nameBytes(wire(Array(127).fill('a').join('.')))
const longName = nameBytes(wire([...Array(3).fill('x'.repeat(63)), 'y'.repeat(59)].join('.')))
const questionOf = (name: Uint8Array): Uint8Array => join(name, hex('0001 0001'))
const pointer = (to: number): Uint8Array => Uint8Array.of(0xc0 | (to >> 8), to & 0xff)

/** As many records as fit behind a question, each made by its number. */
function filled(name: Uint8Array, make: (i: number) => Uint8Array, full = FULL): Uint8Array {
  const parts = [questionOf(name)]
  let length = HEADER + name.length + 4
  let count = 0
  for (let next = make(0); length + next.length <= full; next = make(count)) {
    parts.push(next)
    length += next.length
    count++
  }
  return raw([1, count, 0, 0], join(...parts))
}

/** A chain of pointers hidden in one opaque RDATA, each to the one before; then records owned by its end. */
function chain(hops: number): Uint8Array {
  const start = HEADER + 5 + 11
  const links = Array.from({ length: hops }, (_, i) => pointer(i === 0 ? HEADER : start + 2 * (i - 1)))
  const opaque = join(hex('00 ff00 0001 00000000'), Uint8Array.of((hops * 2) >> 8, (hops * 2) & 0xff))
  const end = pointer(start + 2 * (hops - 1))
  const body = [questionOf(hex('00')), opaque, ...links]
  let length = HEADER + 5 + 11 + 2 * hops
  let count = 1
  while (length + 16 <= FULL) {
    body.push(end, hex('0001 0001 00000000 0004 01020304'))
    length += 16
    count++
  }
  return raw([1, count, 0, 0], join(...body))
}

/** 255 octets of labels of one octet, a new end for each record: nothing is ever remembered twice. */
const stairs = (i: number): Uint8Array =>
  join(
    pointer(HEADER + 2 * (i % 126)),
    hex('000e 0001 00000000 0004'),
    pointer(HEADER + 2 * ((i + 63) % 126)),
    pointer(HEADER),
  )

export const bombs: readonly Bomb[] = [
  { what: 'counts of 65,535 in a bare header', bytes: hex('0001 8000 ffff ffff ffff ffff') },
  { what: 'ARCOUNT of 65,535 in a bare header', bytes: hex('0001 8000 0000 0000 0000 ffff') },
  { what: 'a chain of 8,000 pointers, thousands of owners at its end', bytes: chain(8_000) },
  {
    what: 'A records owned by one name of 127 labels',
    bytes: filled(manyLabels, () => join(pointer(HEADER), hex('0001 0001 00000000 0004 01020304'))),
  },
  {
    what: 'MINFO records, each two pointers to one name of 255 octets',
    bytes: filled(manyLabels, () =>
      join(pointer(HEADER), hex('000e 0001 00000000 0004'), pointer(HEADER), pointer(HEADER)),
    ),
  },
  { what: 'MINFO records with names from every step of one name', bytes: filled(manyLabels, stairs) },
  {
    what: 'NS records of one label and a pointer to 253 octets',
    bytes: filled(longName, i =>
      join(pointer(HEADER), hex('0002 0001 00000000 0004 01'), Uint8Array.of(0x61 + (i % 26)), pointer(HEADER)),
    ),
  },
  {
    what: 'owners of one label and a pointer to 253 octets',
    bytes: filled(longName, i =>
      join(hex('01'), Uint8Array.of(0x61 + (i % 26)), pointer(HEADER), hex('ff00 0001 00000000 0000')),
    ),
  },
  {
    what: 'an NSEC bit map of all types, again and again',
    bytes: filled(hex('00'), () =>
      join(
        hex('00 002f 0001 00000000 2201 00'),
        ...Array.from({ length: 256 }, (_, window) => join(Uint8Array.of(window, 32), new Uint8Array(32).fill(255))),
      ),
    ),
  },
  {
    what: 'empty TXT strings',
    bytes: filled(hex('00'), () => join(hex('00 0010 0001 00000000 ff00'), new Uint8Array(0xff00))),
  },
  {
    what: 'a flood of EDNS options',
    bytes: raw([1, 0, 0, 1], join(questionOf(hex('00')), hex('00 0029 04d0 00000000 ff00'), new Uint8Array(0xff00))),
  },
  {
    what: 'names of 127 different labels, none shared',
    bytes: filled(hex('00'), i => join(different(i), hex('ff00 0001 00000000 0000'))),
  },
]

function different(i: number): Uint8Array {
  return join(...Array.from({ length: 127 }, (_, k) => Uint8Array.of(1, 0x80 | ((i * 127 + k * 31) & 0x7f))), hex('00'))
}

/** Octets in hexadecimal, with spaces. */
function hex(text: string): Uint8Array {
  const digits = text.replaceAll(' ', '')
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16))
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

function wire(text: string): WireName {
  const name = parseName(text, null)
  if (typeof name !== 'string') throw new TypeError(name.error)
  return name
}

/** A reply with these counts of records. */
function raw(counts: readonly [number, number, number, number], body: Uint8Array): Uint8Array {
  const header = Uint8Array.of(0, 1, 0x80, 0, ...counts.flatMap(count => [count >> 8, count & 0xff]))
  return join(header, body)
}
