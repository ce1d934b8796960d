/**
 * `dns-packet` as an independent second opinion, within what it can represent: plain host names, addresses in canonical
 * text, class IN, no compression on its side.
 */
import * as packet from 'dns-packet'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatIp } from '../../src/dns/address.ts'
import { decodeMessage } from '../../src/dns/decode.ts'
import { encodeMessage } from '../../src/dns/encode.ts'
import type { Message } from '../../src/dns/message.ts'
import { foldName, labelsOf, nameBytes, type WireName } from '../../src/dns/name.ts'
import { soaRdata } from '../../src/dns/rdata.ts'
import type { Rr } from '../../src/dns/rrset.ts'
import { RrType } from '../../src/dns/types.ts'
import { numRuns, propertyTimeoutMs } from './arbitraries.ts'
import { edns, join, message, wire, mxRdata } from './make.ts'

/** A record in both forms. */
interface Pair {
  readonly ours: Rr
  readonly theirs: packet.Answer
}

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?$/)
const host: fc.Arbitrary<WireName> = fc
  .tuple(fc.array(label, { minLength: 1, maxLength: 3 }), fc.constantFrom('com', 'example.com', 'test'))
  .map(([labels, end]) => wire(`${labels.join('.')}.${end}`))
const dotted = (name: WireName): string => labelsOf(name).join('.')
const u16 = fc.nat(0xffff)
const u32 = fc.integer({ min: 0, max: 0xffff_ffff })
const octetPair = (value: number): Uint8Array => Uint8Array.of(value >> 8, value & 0xff)

type Body = readonly [type: number, rdata: Uint8Array, theirs: (name: string, ttl: number) => packet.Answer]

const oneName = (type: number, mnemonic: 'NS' | 'CNAME' | 'PTR' | 'DNAME'): fc.Arbitrary<Body> =>
  host.map(target => [
    type,
    nameBytes(target),
    (name, ttl) => ({ name, ttl, type: mnemonic, class: 'IN', data: dotted(target) }),
  ])

const body: fc.Arbitrary<Body> = fc.oneof(
  fc
    .uint8Array({ minLength: 4, maxLength: 4 })
    .map((ip): Body => [RrType.A, ip, (name, ttl) => ({ name, ttl, type: 'A', class: 'IN', data: formatIp(ip) })]),
  fc
    .uint8Array({ minLength: 16, maxLength: 16 })
    .map(
      (ip): Body => [RrType.AAAA, ip, (name, ttl) => ({ name, ttl, type: 'AAAA', class: 'IN', data: formatIp(ip) })],
    ),
  oneName(RrType.NS, 'NS'),
  oneName(RrType.CNAME, 'CNAME'),
  oneName(RrType.PTR, 'PTR'),
  oneName(RrType.DNAME, 'DNAME'),
  fc
    .tuple(u16, host)
    .map(
      ([preference, exchange]): Body => [
        RrType.MX,
        mxRdata(preference, exchange),
        (name, ttl) => ({ name, ttl, type: 'MX', class: 'IN', data: { preference, exchange: dotted(exchange) } }),
      ],
    ),
  fc.tuple(u16, u16, u16, host).map(
    ([priority, weight, port, target]): Body => [
      RrType.SRV,
      join(octetPair(priority), octetPair(weight), octetPair(port), nameBytes(target)),
      (name, ttl) => ({
        name,
        ttl,
        type: 'SRV',
        class: 'IN',
        data: { priority, weight, port, target: dotted(target) },
      }),
    ],
  ),
  fc.record({ mname: host, rname: host, serial: u32, refresh: u32, retry: u32, expire: u32, minimum: u32 }).map(
    (soa): Body => [
      RrType.SOA,
      soaRdata(soa),
      (name, ttl) => ({
        name,
        ttl,
        type: 'SOA',
        class: 'IN',
        data: { ...soa, mname: dotted(soa.mname), rname: dotted(soa.rname) },
      }),
    ],
  ),
  fc
    .array(fc.uint8Array({ maxLength: 255 }), { minLength: 1, maxLength: 4 })
    .map(
      (strings): Body => [
        RrType.TXT,
        join(...strings.map(one => join(Uint8Array.of(one.length), one))),
        (name, ttl) => ({ name, ttl, type: 'TXT', class: 'IN', data: strings.map(one => Buffer.from(one)) }),
      ],
    ),
  fc.tuple(u16, fc.nat(255), fc.nat(255), fc.uint8Array({ minLength: 1, maxLength: 64 })).map(
    ([keyTag, algorithm, digestType, digest]): Body => [
      RrType.DS,
      join(octetPair(keyTag), Uint8Array.of(algorithm, digestType), digest),
      (name, ttl) => ({
        name,
        ttl,
        type: 'DS',
        class: 'IN',
        data: { keyTag, algorithm, digestType, digest: Buffer.from(digest) },
      }),
    ],
  ),
)

const pair: fc.Arbitrary<Pair> = fc
  .tuple(host, fc.nat(0x7fff_ffff), body)
  .map(([owner, ttl, [type, rdata, theirs]]) => ({
    ours: { owner, type, class: 1, ttl, rdata },
    theirs: theirs(dotted(owner), ttl),
  }))
const section = fc.array(pair, { maxLength: 6 })
const theirs = (pairs: readonly Pair[]): packet.Answer[] => pairs.map(one => one.theirs)
const ours = (pairs: readonly Pair[]): Rr[] => pairs.map(one => one.ours)
const flags = packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE

const both = fc
  .record({ id: u16, asked: host, answer: section, authority: section, additional: section })
  .map(({ id, asked: cased, answer, authority, additional }) => {
    const mine: Message = message({
      id,
      question: { name: foldName(cased), cased, type: RrType.MX, class: 1 },
      answer: ours(answer),
      authority: ours(authority),
      additional: ours(additional),
      edns: null,
    })
    const question: packet.Question = { name: dotted(cased), type: 'MX', class: 'IN' }
    return {
      mine,
      other: {
        id,
        type: 'response',
        flags,
        questions: [question],
        answers: theirs(answer),
        authorities: theirs(authority),
        additionals: theirs(additional),
      } satisfies packet.Packet,
    }
  })

const plainRecord = (record: packet.Answer) => {
  const { name, type, data } = { data: null, ...record }
  return { name, type, ttl: 'ttl' in record ? record.ttl : undefined, data }
}

describe('dns-packet agrees', { timeout: propertyTimeoutMs }, () => {
  it('on what it encodes and we decode', () => {
    fc.assert(
      fc.property(both, ({ mine, other }) => {
        const decoded = decodeMessage(packet.encode(other))
        expect(decoded).toEqual({ kind: 'message', message: mine })
      }),
      { numRuns },
    )
  })

  it('on what we encode and it decodes, compression included', () => {
    fc.assert(
      fc.property(both, ({ mine, other }) => {
        const decoded = packet.decode(Buffer.from(encodeMessage(mine, { maxBytes: 65_535 }).bytes))
        expect(decoded.id).toBe(other.id)
        expect(decoded.questions?.map(({ name, type }) => ({ name, type }))).toEqual(
          other.questions.map(({ name, type }) => ({ name, type })),
        )
        for (const part of ['answers', 'authorities', 'additionals'] as const)
          expect(decoded[part]?.map(plainRecord)).toEqual(other[part].map(plainRecord))
      }),
      { numRuns },
    )
  })

  it('on OPT, flags and the extended rcode', () => {
    const bytes = Buffer.from(
      encodeMessage(
        message({
          rcode: 16,
          edns: edns({ dnssecOk: true, options: [{ code: 10, data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) }] }),
        }),
        { maxBytes: 512 },
      ).bytes,
    )
    const decoded = packet.decode(bytes)
    expect(decoded).toMatchObject({ id: 0x1234, type: 'response', flag_rd: true, flag_ra: true, flag_tc: false })
    expect(decoded.additionals?.[0]).toMatchObject({
      type: 'OPT',
      name: '.',
      udpPayloadSize: 1232,
      extendedRcode: 1,
      flag_do: true,
      options: [{ code: 10 }],
    })
  })
})
