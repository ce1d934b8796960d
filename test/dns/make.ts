/** Builders for tests of the codec: names, records and messages from short text, octets from hex. */
import type { AskedQuestion, Edns, Message } from '../../src/dns/message.ts'
import { formatIp, type Prefix } from '../../src/dns/address.ts'
import { foldName, type Name, nameBytes, nameFromLabels, type WireName } from '../../src/dns/name.ts'
import type { Rr } from '../../src/dns/rrset.ts'

/** A name from plain dotted text (no escapes); the empty string is the root. */
export function wire(text: string): WireName {
  const name = nameFromLabels(text === '' ? [] : text.split('.'))
  if (name === null) throw new Error(`no name: ${text}`)
  return name
}

export const name = (text: string): Name => foldName(wire(text))

/** Octets of text, one each. */
export const octets = (text: string): Uint8Array => Uint8Array.from(text, c => c.charCodeAt(0))

/** Octets from hex; blanks are ignored. */
export function hex(text: string): Uint8Array {
  const digits = text.replace(/\s+/g, '')
  if (!/^([0-9a-f]{2})*$/i.test(digits)) throw new Error(`no hex: ${text}`)
  return Uint8Array.from(digits.match(/../g) ?? [], pair => Number.parseInt(pair, 16))
}

export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

export const join = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap(part => [...part]))

export const asked = (text: string, type: number, klass = 1): AskedQuestion => ({
  name: name(text),
  type,
  class: klass,
  cased: wire(text),
})

export const rr = (owner: string, type: number, rdata: Uint8Array, ttl = 300, klass = 1): Rr => ({
  owner: wire(owner),
  type,
  class: klass,
  ttl,
  rdata,
})

export const a = (owner: string, last: number, ttl = 300): Rr => rr(owner, 1, Uint8Array.of(192, 0, 2, last), ttl)

export const edns = (changes: Partial<Edns> = {}): Edns => ({
  payloadSize: 1232,
  version: 0,
  dnssecOk: false,
  flags: 0,
  options: [],
  ...changes,
})

export const message = (changes: Partial<Message> = {}): Message => ({
  id: 0x1234,
  response: true,
  opcode: 0,
  authoritative: false,
  truncated: false,
  recursionDesired: true,
  recursionAvailable: true,
  authenticData: false,
  checkingDisabled: false,
  rcode: 0,
  question: asked('www.example.com', 1),
  answer: [],
  authority: [],
  additional: [],
  edns: null,
  ...changes,
})

/** A message from a header (id 1, QR) with the given counts and raw octets behind it. */
export const raw = (counts: readonly [number, number, number, number], body: Uint8Array): Uint8Array =>
  join(hex('0001 8000'), Uint8Array.from(counts.flatMap(count => [count >> 8, count & 0xff])), body)

/** A seeded generator of integers below n (xorshift32): the same seed, the same run. */
export function seeded(seed: number): (n: number) => number {
  let state = seed >>> 0 || 1
  return n => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state % n
  }
}

/** RDATA of MX. */
export const mxRdata = (preference: number, exchange: WireName): Uint8Array =>
  join(Uint8Array.of(preference >> 8, preference & 0xff), nameBytes(exchange))

/** RDATA of TXT: the text in character-strings of at most 255 octets. */
export const txtRdata = (text: string): Uint8Array =>
  join(...(text.match(/.{1,255}/gs) ?? ['']).map(part => join(Uint8Array.of(part.length), octets(part))))

export const prefixText = (prefix: Prefix): string => `${formatIp(prefix.bytes)}/${prefix.length}`
