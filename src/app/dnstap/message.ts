/**
 * What is reported of a query, and its two forms: a compact one on the way from the main thread, and that of
 * dnstap.proto (dnstap.info), which is encoded here by hand: the twelve fields that are used take a sixth of the time
 * that a library for protocol buffers takes, and no description of the rest.
 */
import type { Transport } from '../../ports.ts'

const KINDS = { query: 5, response: 6 } as const
/** `Message.Type`: CLIENT_QUERY and CLIENT_RESPONSE. */
export type TapKind = keyof typeof KINDS

const PROTOCOLS: readonly Transport[] = ['udp', 'tcp', 'tls', 'https', 'http']
/** `SocketProtocol`, by place in `PROTOCOLS`: what a proxy brings by HTTP came to it by HTTPS. */
const SOCKET_PROTOCOL = [1, 2, 3, 4, 4] as const

export interface Tapped {
  readonly kind: TapKind
  readonly transport: Transport
  readonly client: { readonly ip: { readonly bytes: Uint8Array }; readonly port: number }
  /** Where it came in; null: not known. */
  readonly listener: { readonly bytes: Uint8Array; readonly port: number } | null
  /** Ms since 1970 UTC, with parts. */
  readonly queryAt: number
  /** Of a response. */
  readonly responseAt: number
  readonly message: Uint8Array
}

/** Kind, transport, octets of both addresses; ports; times; octets of the message. */
const HEAD = 4 + 4 + 16 + 2

export const tappedOctets = ({ client, listener, message }: Tapped): number =>
  HEAD + client.ip.bytes.length + (listener?.bytes.length ?? 0) + message.length

/** `tappedOctets` of them, from `at` on. */
export function writeTapped(tapped: Tapped, into: Uint8Array, at: number): void {
  const { kind, transport, client, listener, queryAt, responseAt, message } = tapped
  const view = new DataView(into.buffer, into.byteOffset + at)
  const own = listener?.bytes.length ?? 0
  view.setUint8(0, KINDS[kind])
  view.setUint8(1, PROTOCOLS.indexOf(transport))
  view.setUint8(2, client.ip.bytes.length)
  view.setUint8(3, own)
  view.setUint16(4, client.port)
  view.setUint16(6, listener?.port ?? 0)
  view.setFloat64(8, queryAt)
  view.setFloat64(16, responseAt)
  view.setUint16(24, message.length)
  into.set(client.ip.bytes, at + HEAD)
  if (listener !== null) into.set(listener.bytes, at + HEAD + client.ip.bytes.length)
  into.set(message, at + HEAD + client.ip.bytes.length + own)
}

/** Data frames of all that is in a chunk, with their lengths in front; and how many they are. */
export function framesOf(chunk: Uint8Array, identity: Uint8Array, version: Uint8Array): readonly Uint8Array[] {
  const frames: Uint8Array[] = []
  const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  for (let at = 0; at < chunk.length; ) {
    const client = view.getUint8(at + 2)
    const own = view.getUint8(at + 3)
    const length = view.getUint16(at + 24)
    const addresses = at + HEAD
    const message = addresses + client + own
    frames.push(
      frame({
        kind: view.getUint8(at),
        protocol: SOCKET_PROTOCOL[view.getUint8(at + 1)] ?? 1,
        client: chunk.subarray(addresses, addresses + client),
        listener: chunk.subarray(addresses + client, message),
        clientPort: view.getUint16(at + 4),
        listenerPort: view.getUint16(at + 6),
        queryAt: view.getFloat64(at + 8),
        responseAt: view.getFloat64(at + 16),
        message: chunk.subarray(message, message + length),
        identity,
        version,
      }),
    )
    at = message + length
  }
  return frames
}

interface Fields {
  readonly kind: number
  readonly protocol: number
  readonly client: Uint8Array
  readonly listener: Uint8Array
  readonly clientPort: number
  readonly listenerPort: number
  readonly queryAt: number
  readonly responseAt: number
  readonly message: Uint8Array
  readonly identity: Uint8Array
  readonly version: Uint8Array
}

/** What is not the message, its addresses, identity or version. */
const FIXED_OCTETS = 128
const INET = 1
const INET6 = 2
const IPV4_OCTETS = 4

function frame(fields: Fields): Uint8Array {
  const { kind, client, listener, message } = fields
  const inner = new Encoder(FIXED_OCTETS + client.length + listener.length + message.length)
  inner.number(1, kind)
  inner.number(2, client.length === IPV4_OCTETS ? INET : INET6)
  inner.number(3, fields.protocol)
  inner.octets(4, client)
  if (listener.length > 0) inner.octets(5, listener)
  inner.number(6, fields.clientPort)
  if (fields.listenerPort > 0) inner.number(7, fields.listenerPort)
  inner.time(8, 9, fields.queryAt)
  if (kind === KINDS.query) inner.octets(10, message)
  else {
    inner.time(12, 13, fields.responseAt)
    inner.octets(14, message)
  }
  const body = inner.taken()
  const outer = new Encoder(FIXED_OCTETS + body.length + fields.identity.length + fields.version.length)
  outer.skip(4)
  if (fields.identity.length > 0) outer.octets(1, fields.identity)
  outer.octets(2, fields.version)
  outer.octets(14, body)
  // MESSAGE, the only type there is.
  outer.number(15, 1)
  const all = outer.taken()
  new DataView(all.buffer, all.byteOffset).setUint32(0, all.length - 4)
  return all
}

/** Protocol buffers, as far as this needs them (protobuf.dev/programming-guides/encoding). */
class Encoder {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(octets: number) {
    this.#bytes = new Uint8Array(octets)
  }

  skip(octets: number): void {
    this.#at += octets
  }

  number(field: number, value: number): void {
    this.#varint(field << 3)
    this.#varint(value)
  }

  octets(field: number, value: Uint8Array): void {
    this.#varint((field << 3) | 2)
    this.#varint(value.length)
    this.#bytes.set(value, this.#at)
    this.#at += value.length
  }

  /** Seconds as a number, and nanoseconds in 32 bits, least significant octet first. */
  time(secondsField: number, nanosecondsField: number, ms: number): void {
    const seconds = Math.floor(ms / 1_000)
    this.number(secondsField, seconds)
    this.#varint((nanosecondsField << 3) | 5)
    const us = Math.floor((ms - seconds * 1_000) * 1_000)
    new DataView(this.#bytes.buffer).setUint32(this.#at, us * 1_000, true)
    this.#at += 4
  }

  taken(): Uint8Array {
    return this.#bytes.subarray(0, this.#at)
  }

  #varint(value: number): void {
    let rest = value
    while (rest > 0x7f) {
      this.#bytes[this.#at++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#bytes[this.#at++] = rest
  }
}
