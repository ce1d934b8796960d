/** Generators of names, RDATA and messages for property tests. Names share suffixes, so that compression has work. */
import fc from 'fast-check'
import type { EdnsOption, Message } from '../../src/dns/message.ts'
import { foldName, joinNames, nameBytes, nameFromLabels, ROOT, type WireName } from '../../src/dns/name.ts'
import { soaRdata } from '../../src/dns/rdata.ts'
import { planOf } from '../../src/dns/rdata-wire.ts'
import type { Rr } from '../../src/dns/rrset.ts'
import { RrType } from '../../src/dns/types.ts'
import { edns, join, wire, mxRdata } from './make.ts'
import { patientMs, TEST_MS } from '../patience.mjs'

const latin1 = (octets: Uint8Array): string => Buffer.from(octets).toString('latin1')
const u16 = fc.integer({ min: 0, max: 0xffff })
const u8 = fc.integer({ min: 0, max: 0xff })
const pair = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 0xff)

const label = fc.oneof(
  fc.constantFrom('www', 'ns1', 'mail', '*', '_tcp', 'a.b', '\0'),
  fc.uint8Array({ minLength: 1, maxLength: 63 }).map(latin1),
)
const suffix = fc
  .constantFrom('', 'com', 'example.com', 'a.example.com', 'Example.COM', 'test', 'in-addr.arpa')
  .map(wire)

/** Any name: up to four labels of any octets in front of a common suffix. */
export const anyName: fc.Arbitrary<WireName> = fc
  .tuple(fc.array(label, { maxLength: 4 }), suffix)
  .map(([labels, end]) => joinNames(nameFromLabels(labels) ?? ROOT, end) ?? ROOT)

/** Names without upper-case letters: for these a round trip is exact, since compression cannot change any case. */
export const foldedName: fc.Arbitrary<WireName> = anyName.map(foldName)

const strings = fc
  .array(fc.uint8Array({ maxLength: 255 }), { minLength: 1, maxLength: 4 })
  .map(all => join(...all.map(one => join(Uint8Array.of(one.length), one))))

/** Type and RDATA that fits it. */
function typedRdata(name: fc.Arbitrary<WireName>): fc.Arbitrary<[number, Uint8Array]> {
  const octets = name.map(nameBytes)
  const of = (type: number, rdata: fc.Arbitrary<Uint8Array>): fc.Arbitrary<[number, Uint8Array]> =>
    rdata.map(data => [type, data])
  const u32 = fc.integer({ min: 0, max: 0xffff_ffff })
  return fc.oneof(
    of(RrType.A, fc.uint8Array({ minLength: 4, maxLength: 4 })),
    of(RrType.AAAA, fc.uint8Array({ minLength: 16, maxLength: 16 })),
    fc.constantFrom(RrType.NS, RrType.CNAME, RrType.PTR, RrType.DNAME).chain(type => of(type, octets)),
    of(
      RrType.MX,
      fc.tuple(u16, name).map(([preference, exchange]) => mxRdata(preference, exchange)),
    ),
    of(
      RrType.SRV,
      fc.tuple(u16, u16, u16, octets).map(([a, b, c, target]) => join(pair(a), pair(b), pair(c), target)),
    ),
    of(
      RrType.SOA,
      fc
        .record({ mname: name, rname: name, serial: u32, refresh: u32, retry: u32, expire: u32, minimum: u32 })
        .map(soaRdata),
    ),
    of(
      RrType.MINFO,
      fc.tuple(octets, octets).map(([a, b]) => join(a, b)),
    ),
    of(
      RrType.RP,
      fc.tuple(octets, octets).map(([a, b]) => join(a, b)),
    ),
    of(RrType.TXT, strings),
    of(
      RrType.NSEC,
      fc
        .tuple(octets, fc.uint8Array({ minLength: 1, maxLength: 32 }))
        .map(([next, map]) => join(next, Uint8Array.of(0, map.length), map)),
    ),
    of(
      RrType.RRSIG,
      fc
        .tuple(fc.uint8Array({ minLength: 18, maxLength: 18 }), octets, fc.uint8Array({ maxLength: 64 }))
        .map(([head, signer, rest]) => join(head, signer, rest)),
    ),
    of(
      RrType.CAA,
      fc
        .tuple(u8, fc.uint8Array({ maxLength: 30 }))
        .map(([flags, value]) => join(Uint8Array.of(flags, 5), Buffer.from('issue'), value)),
    ),
    of(65_280, fc.uint8Array({ maxLength: 300 })),
  )
}

const recordOf = (name: fc.Arbitrary<WireName>): fc.Arbitrary<Rr> =>
  fc
    .record({ owner: name, ttl: fc.integer({ min: 0, max: 0x7fff_ffff }), typed: typedRdata(name) })
    .map(({ owner, ttl, typed: [type, rdata] }) => ({ owner, type, class: 1, ttl, rdata }))

const option: fc.Arbitrary<EdnsOption> = fc.record({ code: u16, data: fc.uint8Array({ maxLength: 40 }) })

/** A message whose names come from `name`. */
export function messageOf(name: fc.Arbitrary<WireName>): fc.Arbitrary<Message> {
  const section = fc.array(recordOf(name), { maxLength: 6 })
  const opt = fc.record({
    payloadSize: u16,
    version: fc.constant(0),
    dnssecOk: fc.boolean(),
    flags: fc.integer({ min: 0, max: 0x7fff }),
    options: fc.array(option, { maxLength: 5 }),
  })
  const question = fc
    .tuple(name, u16, u16)
    .map(([cased, type, klass]) => ({ name: foldName(cased), type, class: klass, cased }))
  return fc.record({
    id: u16,
    response: fc.boolean(),
    opcode: fc.integer({ min: 0, max: 15 }),
    authoritative: fc.boolean(),
    truncated: fc.boolean(),
    recursionDesired: fc.boolean(),
    recursionAvailable: fc.boolean(),
    authenticData: fc.boolean(),
    checkingDisabled: fc.boolean(),
    rcode: fc.integer({ min: 0, max: 15 }),
    question: fc.option(question),
    answer: section,
    authority: section,
    additional: section,
    edns: fc.option(opt.map(edns)),
  })
}

/** The message with all names lower-cased: what compression must keep. */
export function foldMessage(message: Message): Message {
  const fold = (record: Rr): Rr => ({
    ...record,
    owner: foldName(record.owner),
    rdata: planOf(record.type, record.class)?.hasNames === true ? record.rdata.map(lower) : record.rdata,
  })
  return {
    ...message,
    question: message.question === null ? null : { ...message.question, cased: message.question.name },
    answer: message.answer.map(fold),
    authority: message.authority.map(fold),
    additional: message.additional.map(fold),
  }
}

const lower = (octet: number): number => (octet >= 0x41 && octet <= 0x5a ? octet + 32 : octet)

/** Runs of a property: few in every test run, many with ROOTWALK_LONG=1. */
export const numRuns: number = process.env.ROOTWALK_LONG === '1' ? 20_000 : 200
/** Time-out that suits `numRuns`, in milliseconds. */
export const propertyTimeoutMs: number = process.env.ROOTWALK_LONG === '1' ? patientMs(300_000) : TEST_MS
