/** A client that believes nothing: octets to a stub and whatever comes back, from wherever, over UDP and TCP. */
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { decodeMessage } from '../../src/dns/decode.ts'
import { encodeQuery } from '../../src/dns/encode.ts'
import { frame, Framing } from '../../src/dns/framing.ts'
import type { Message } from '../../src/dns/message.ts'
import { recordsOf, type Rr } from '../../src/dns/rrset.ts'
import { formatRr } from '../../src/presentation/rr-text.ts'
import { question } from '../../src/simulation/records.ts'
import { CONDITION_MS } from '../patience.mjs'

interface Target {
  readonly host: string
  readonly port: number
}

export interface QueryOptions {
  readonly id?: number
  /** Payload size of an OPT record; none without. */
  readonly edns?: number
  readonly dnssecOk?: boolean
  readonly recursionDesired?: boolean
  readonly checkingDisabled?: boolean
}

export const queryFor = (
  name: string,
  type = 'A',
  { id = 0x4242, edns, dnssecOk = false, recursionDesired = true, checkingDisabled = false }: QueryOptions = {},
): Uint8Array =>
  encodeQuery({
    id,
    question: question(name, type),
    recursionDesired,
    checkingDisabled,
    edns: edns === undefined ? null : { payloadSize: edns, version: 0, dnssecOk, flags: 0, options: [] },
  })

/** What came back on one UDP socket. */
export interface Datagram {
  readonly bytes: Uint8Array
  readonly port: number
}

/** The first datagram within `waitMs`, from any port; null when there is none. */
export function overUdp({ host, port }: Target, bytes: Uint8Array, waitMs = CONDITION_MS): Promise<Datagram | null> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  return new Promise((resolve, reject) => {
    const end = (got: Datagram | null): void => {
      clearTimeout(timer)
      socket.close(() => resolve(got))
    }
    const timer = setTimeout(end, waitMs, null)
    socket.on('error', reject)
    socket.on('message', (message, from) => end({ bytes: message, port: from.port }))
    socket.send(bytes, port, host)
  })
}

export interface Stream {
  readonly messages: readonly Uint8Array[]
  /** All octets as they came. */
  readonly octets: Uint8Array
  /** How it came to an end; `open` when it did not in the time given. */
  readonly end: 'end' | 'reset' | 'open'
}

/** Sends on one connection and reads until `count` messages came or the other side ended it or `waitMs` passed. */
export function overTcp(
  { host, port }: Target,
  messages: readonly Uint8Array[],
  count = messages.length,
  waitMs = CONDITION_MS,
): Promise<Stream> {
  const socket = connect(port, host)
  const framing = new Framing()
  const got: Uint8Array[] = []
  const chunks: Uint8Array[] = []
  return new Promise((resolve, reject) => {
    const finish = (end: Stream['end']): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve({ messages: got, octets: new Uint8Array(Buffer.concat(chunks)), end })
    }
    const timer = setTimeout(finish, waitMs, 'open')
    socket.on('error', error => ('code' in error && error.code === 'ECONNRESET' ? finish('reset') : reject(error)))
    socket.on('end', () => finish('end'))
    socket.on('data', chunk => {
      chunks.push(chunk)
      got.push(...framing.push(chunk))
      if (got.length === count) finish('open')
    })
    socket.write(Buffer.concat(messages.map(message => frame(message))))
  })
}

export function messageOf(bytes: Uint8Array | undefined): Message {
  if (bytes === undefined) throw new Error('nothing came')
  const decoded = decodeMessage(bytes)
  if (decoded.kind !== 'message') throw new Error(`${decoded.why} at octet ${decoded.offset}`)
  return decoded.message
}

/** One question over UDP and its reply, which must come. */
export async function ask(target: Target, name: string, type = 'A', options: QueryOptions = {}): Promise<Message> {
  return messageOf((await overUdp(target, queryFor(name, type, options)))?.bytes)
}

export async function askOverTcp(
  target: Target,
  name: string,
  type = 'A',
  options: QueryOptions = {},
): Promise<Message> {
  return messageOf((await overTcp(target, [queryFor(name, type, options)])).messages[0])
}

/** `api.test. 60 IN A 192.0.2.1`, one a record. */
export const lines = (records: readonly Rr[]): string[] => records.map(record => formatRr(record).replaceAll('\t', ' '))

export const linesOf = (sets: Parameters<typeof recordsOf>[0][]): string[] => sets.flatMap(set => lines(recordsOf(set)))

/** The line of this file's caller, as it stands in a stack: `name.test.ts:12`. */
export function hereLine(offset = 0): string {
  const [, , caller = ''] = (new Error('here').stack ?? '').split('\n')
  const [, file = '', line = '0'] = /([\w.-]+\.ts):(\d+):\d+/.exec(caller) ?? []
  return `${file}:${Number(line) + offset}`
}

/** The file and line of the first frame of an error's stack. */
export function firstFrame(error: unknown): string {
  const frame = (error instanceof Error ? (error.stack ?? '') : '').split('\n').find(line => /^\s+at /.test(line)) ?? ''
  const [, file = '', line = ''] = /([\w.-]+\.ts):(\d+):\d+/.exec(frame) ?? []
  return `${file}:${line}`
}
