/** Short ways to values that the tests of server and policy need. */
import { parseIp } from '../../src/dns/address.ts'
import type { AskedQuestion, Edns, Message } from '../../src/dns/message.ts'
import { encodeMessage } from '../../src/dns/encode.ts'
import { foldName, type Name, type WireName } from '../../src/dns/name.ts'
import { makeRRset, type RRset } from '../../src/dns/rrset.ts'
import { parseName } from '../../src/presentation/text.ts'
import { RrClass, RrType } from '../../src/dns/types.ts'
import type { Client, Transport } from '../../src/ports.ts'
import type { Outcome } from '../../src/steps.ts'
import type { Query } from '../../src/policy/handler.ts'

export function wire(text: string): WireName {
  const name = parseName(text, null)
  if (typeof name !== 'string') throw new Error(name.error)
  return name
}

export const name = (text: string): Name => foldName(wire(text))

export const asked = (text: string, type: number = RrType.A, klass: number = RrClass.IN): AskedQuestion => ({
  name: name(text),
  cased: wire(text),
  type,
  class: klass,
})

export function client(address = '127.0.0.1', transport: Transport = 'udp', port = 40_000): Client {
  const ip = parseIp(address)
  if (ip === null) throw new Error(`${address} is no address`)
  return { ip, port, transport }
}

export const edns = (change: Partial<Edns> = {}): Edns => ({
  payloadSize: 1232,
  version: 0,
  dnssecOk: false,
  flags: 0,
  options: [],
  ...change,
})

export const message = (change: Partial<Message> = {}): Message => ({
  id: 0x1234,
  response: false,
  opcode: 0,
  authoritative: false,
  truncated: false,
  recursionDesired: true,
  recursionAvailable: false,
  authenticData: false,
  checkingDisabled: false,
  rcode: 0,
  question: asked('www.example.com.'),
  answer: [],
  authority: [],
  additional: [],
  edns: null,
  ...change,
})

export const bytesOf = (change: Partial<Message> = {}): Uint8Array =>
  encodeMessage(message(change), { maxBytes: 65_535 }).bytes

export const a = (owner: string, address = '192.0.2.1', ttl = 300): RRset => {
  const ip = parseIp(address)
  return makeRRset(wire(owner), RrType.A, RrClass.IN, ttl, [ip?.bytes ?? new Uint8Array(4)])
}

export const answer = (
  rrsets: readonly RRset[],
  change: Partial<Extract<Outcome, { kind: 'answer' }>> = {},
): Outcome => ({
  kind: 'answer',
  rrsets,
  proof: [],
  additional: [],
  security: { kind: 'indeterminate' },
  authoritative: false,
  ...change,
})

export const query = (change: Partial<Query> = {}): Query => ({
  question: { name: name('www.example.com.'), type: RrType.A, class: RrClass.IN },
  client: client(),
  view: 0,
  recursionDesired: true,
  checkingDisabled: false,
  dnssecOk: false,
  receivedAt: 1,
  ...change,
})
