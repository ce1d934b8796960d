import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeMessage } from '../../src/dns/decode.ts'
import { findOption, readExtendedErrors } from '../../src/dns/edns.ts'
import type { Edns, Message } from '../../src/dns/message.ts'
import { makeRRset, type RRset } from '../../src/dns/rrset.ts'
import { EdeCode, EdnsOptionCode, Rcode, RrClass, RrType } from '../../src/dns/types.ts'
import type { Answer, Content } from '../../src/policy/handler.ts'
import type { Outcome, Security } from '../../src/steps.ts'
import type { Transport } from '../../src/ports.ts'
import type { AskedQuery } from '../../src/server/check-query.ts'
import {
  contentOf,
  errorContent,
  replyLimit,
  respond,
  shareableForm,
  type RespondSettings,
} from '../../src/server/respond.ts'
import { a, answer, asked, edns, message, wire } from './make.ts'

const settings: RespondSettings = {
  udpReplyBytes: 1232,
  edeTextBytes: 160,
  tcpIdleMs: 30_000,
  paddingBlock: 468,
  nsid: null,
}
const secure = { kind: 'secure' } as const
const rr = (owner: string, type: number, octets: number, ttl = 300, signatures: readonly Uint8Array[] = []): RRset =>
  makeRRset(wire(owner), type, RrClass.IN, ttl, [rdata(type, octets)], signatures)

/** Well-formed octets: zeros are root names, empty bit maps and numbers. */
function rdata(type: number, octets: number): Uint8Array {
  if (type === RrType.NSEC) return Uint8Array.of(0, 0, 1, 0x40)
  const zeros = new Uint8Array(octets)
  if (type === RrType.TXT) zeros[0] = octets - 1
  return zeros
}

const soa = makeRRset(wire('example.com.'), RrType.SOA, RrClass.IN, 60, [
  Uint8Array.from([0, 0, ...new Uint8Array(20)]),
])
const rrsig = rdata(RrType.RRSIG, 30)

function ask(change: Partial<Message> = {}, transport: Transport = 'udp'): AskedQuery {
  const header = message(change)
  return { header, question: header.question ?? asked('www.example.com.'), edns: header.edns, transport }
}

function reply(query: AskedQuery, content: Content, using: RespondSettings = settings): Message {
  const decoded = decodeMessage(respond(query, content, using).bytes)
  if (decoded.kind !== 'message') throw new Error(decoded.why)
  return decoded.message
}

function content(outcome: Outcome, dnssecOk = false): Content {
  const made = contentOf({ kind: 'resolved', outcome, by: 'test', shareable: true }, dnssecOk)
  if (made === null) throw new Error('silence')
  return made
}

const only = (got: Message): number[] => [...got.answer, ...got.authority, ...got.additional].map(record => record.type)
const plainAnswer = content(answer([a('www.example.com.')]))

describe('header bits', () => {
  test('id, opcode, RD and CD are copied, QR and RA set, AA only for our own data', () => {
    const got = reply(ask({ id: 0xbeef, recursionDesired: true, checkingDisabled: true }), plainAnswer)
    expect(got).toMatchObject({
      id: 0xbeef,
      response: true,
      opcode: 0,
      recursionDesired: true,
      recursionAvailable: true,
      checkingDisabled: true,
      authoritative: false,
      authenticData: false,
      rcode: 0,
      truncated: false,
    })
    expect(
      reply(ask({ recursionDesired: false }), content(answer([a('www.example.com.')], { authoritative: true }))),
    ).toMatchObject({ recursionDesired: false, authoritative: true, recursionAvailable: true })
    expect(reply(ask({ opcode: 5 }), errorContent(Rcode.NOTIMP, null, ''))).toMatchObject({
      opcode: 5,
      rcode: Rcode.NOTIMP,
    })
  })

  test.each<[string, Partial<Message>, Outcome, boolean]>([
    ['secure, AD asked', { authenticData: true }, answer([a('www.example.com.')], { security: secure }), true],
    [
      'secure, DO asked',
      { edns: edns({ dnssecOk: true }) },
      answer([a('www.example.com.')], { security: secure }),
      true,
    ],
    ['secure, neither asked', {}, answer([a('www.example.com.')], { security: secure }), false],
    [
      'insecure, AD asked',
      { authenticData: true },
      answer([a('www.example.com.')], { security: { kind: 'insecure' } }),
      false,
    ],
    ['indeterminate, AD asked', { authenticData: true }, answer([a('www.example.com.')]), false],
    [
      'a secure denial, AD asked',
      { authenticData: true },
      { kind: 'nxdomain', rrsets: [], soa, proof: [], security: secure, authoritative: false },
      true,
    ],
  ])('RFC 6840 section 5.8: AD when %s', (_, change, outcome, ad) => {
    expect(reply(ask(change), content(outcome)).authenticData).toBe(ad)
  })

  test('the case of the question comes back (0x20), in owner names too', () => {
    const got = reply(ask({ question: asked('wWw.ExAmPle.CoM.') }), plainAnswer)
    expect(got.question?.cased).toBe(wire('wWw.ExAmPle.CoM.'))
    expect(got.answer[0]?.owner).toBe(wire('wWw.ExAmPle.CoM.'))
  })
})

describe('EDNS', () => {
  test('no OPT answers no OPT, not even with an extended error to tell', () => {
    expect(reply(ask(), errorContent(Rcode.SERVFAIL, EdeCode.Other, 'why')).edns).toBeNull()
  })

  test('ours says our size, version 0 and the DO that came; options are not repeated', () => {
    const query = ask({
      edns: edns({
        payloadSize: 4096,
        dnssecOk: true,
        flags: 0x2222,
        options: [
          { code: 65_001, data: new Uint8Array(40) },
          { code: EdnsOptionCode.COOKIE, data: new Uint8Array(8) },
        ],
      }),
    })
    expect(reply(query, plainAnswer).edns).toEqual({
      payloadSize: 1232,
      version: 0,
      dnssecOk: true,
      flags: 0,
      options: [],
    })
  })

  test('BADVERS is an extended rcode with version 0', () => {
    const got = reply(ask({ edns: edns({ version: 7 }) }), errorContent(Rcode.BADVERS, null, ''))
    expect(got).toMatchObject({ rcode: Rcode.BADVERS, edns: { version: 0 } })
  })

  test('extended errors carry code and text', () => {
    const got = reply(
      ask({ edns: edns() }),
      errorContent(Rcode.SERVFAIL, EdeCode.NoReachableAuthority, 'budget: 200 queries'),
    )
    expect(readExtendedErrors(got.edns ?? edns())).toEqual([{ code: 22, text: 'budget: 200 queries' }])
  })

  test('the text of an extended error is cut at whole characters', () => {
    const got = reply(ask({ edns: edns() }), errorContent(Rcode.SERVFAIL, EdeCode.Other, 'é'.repeat(500)))
    expect(readExtendedErrors(got.edns ?? edns())[0]?.text).toBe('é'.repeat(80))
  })

  test.each<[Transport, boolean, boolean]>([
    ['tcp', true, true],
    ['tcp', false, false],
    ['udp', true, false],
    ['tls', true, true],
    ['https', true, false],
    ['http', true, false],
  ])('RFC 7828 keepalive over %s, asked: %s', (transport, wanted, told) => {
    const options = wanted ? [{ code: EdnsOptionCode.KEEPALIVE, data: new Uint8Array(0) }] : []
    const option = findOption(
      reply(ask({ edns: edns({ options }) }, transport), plainAnswer).edns ?? edns(),
      EdnsOptionCode.KEEPALIVE,
    )
    expect(option === undefined ? null : [...option.data]).toEqual(told ? [1, 0x2c] : null)
  })

  test.each<[Transport, boolean, number]>([
    ['tls', true, 468],
    ['https', true, 468],
    ['http', true, 468],
    ['tls', false, 60],
    ['tcp', true, 60],
    ['udp', true, 60],
  ])('padding (RFC 7830) over %s, asked: %s, makes %i octets', (transport, wanted, octets) => {
    const options = wanted ? [{ code: EdnsOptionCode.PADDING, data: new Uint8Array(20) }] : []
    const asking = ask({ edns: edns({ options }) }, transport)
    for (const into of [undefined, Buffer.alloc(65_535, 0xff)]) {
      const { bytes, optOctets } = respond(asking, plainAnswer, settings, into)
      expect(bytes.length).toBe(octets)
      const decoded = decodeMessage(bytes)
      if (decoded.kind !== 'message') throw new Error('a reply that cannot be read')
      const padding = findOption(decoded.message.edns ?? edns(), EdnsOptionCode.PADDING)
      expect(padding?.data.every(octet => octet === 0)).toBe(octets === 468 ? true : undefined)
      expect(optOctets).toBe(octets - 49)
    }
  })

  test('padding makes the next multiple of 468, and no more than a message can have', () => {
    const sizeOf = (text: number): number => {
      const options = [{ code: EdnsOptionCode.PADDING, data: new Uint8Array(0) }]
      const set = rr('www.example.com.', 65_280, text)
      const content: Content = { ...plainAnswer, answer: [set] }
      return respond(ask({ edns: edns({ options }) }, 'tls'), content, settings).bytes.length
    }
    const fixed = sizeOf(0)
    expect(fixed).toBe(468)
    const unpadded = 12 + 21 + 12 + 11 + 4
    expect(sizeOf(468 - unpadded)).toBe(468)
    expect(sizeOf(469 - unpadded)).toBe(936)
    expect(sizeOf(65_535 - unpadded)).toBe(65_535)
    expect(sizeOf(65_535 - unpadded + 2)).toBe(65_533)
  })

  test('RFC 5001 NSID only when asked and configured', () => {
    const nsid = new TextEncoder().encode('here')
    const wanting = edns({ options: [{ code: EdnsOptionCode.NSID, data: new Uint8Array(0) }] })
    const told = (e: Edns, using: RespondSettings): unknown =>
      findOption(reply(ask({ edns: e }), plainAnswer, using).edns ?? edns(), EdnsOptionCode.NSID)?.data
    expect(told(wanting, { ...settings, nsid })).toEqual(nsid)
    expect(told(wanting, settings)).toBeUndefined()
    expect(told(edns(), { ...settings, nsid })).toBeUndefined()
  })
})

describe('sections', () => {
  test('RFC 2308: a denial brings the SOA with its TTL; NXDOMAIN keeps the chain that led there', () => {
    const chain = [rr('www.example.com.', RrType.CNAME, 1)]
    const denial = (kind: 'nodata' | 'nxdomain'): Message =>
      reply(ask(), content({ kind, rrsets: chain, soa, proof: [], security: secure, authoritative: false }))
    expect(denial('nxdomain')).toMatchObject({
      rcode: Rcode.NXDOMAIN,
      answer: [{ type: RrType.CNAME }],
      authority: [{ type: RrType.SOA, ttl: 60 }],
    })
    expect(denial('nodata')).toMatchObject({
      rcode: Rcode.NOERROR,
      answer: [{ type: RrType.CNAME }],
      authority: [{ type: RrType.SOA, ttl: 60 }],
    })
  })

  const signed = rr('www.example.com.', RrType.A, 4, 300, [rrsig])
  const nsec = rr('example.com.', RrType.NSEC, 10, 60, [rrsig])
  test.each<[string, boolean, number, Outcome, number[]]>([
    ['no signatures without DO', false, RrType.A, answer([signed]), [RrType.A]],
    ['signatures with DO', true, RrType.A, answer([signed]), [RrType.A, RrType.RRSIG]],
    [
      'no proof without DO',
      false,
      RrType.A,
      { kind: 'nodata', rrsets: [], soa, proof: [nsec], security: secure, authoritative: false },
      [RrType.SOA],
    ],
    [
      'proof with DO',
      true,
      RrType.A,
      { kind: 'nodata', rrsets: [], soa, proof: [nsec], security: secure, authoritative: false },
      [RrType.SOA, RrType.NSEC, RrType.RRSIG],
    ],
    [
      'wildcard proof with DO',
      true,
      RrType.A,
      answer([signed], { proof: [nsec] }),
      [RrType.A, RrType.RRSIG, RrType.NSEC, RrType.RRSIG],
    ],
    [
      'RRSIG without DO when asked by type',
      false,
      RrType.RRSIG,
      answer([rr('www.example.com.', RrType.RRSIG, 30)]),
      [RrType.RRSIG],
    ],
    ['NSEC without DO when asked by type', false, RrType.NSEC, answer([nsec]), [RrType.NSEC]],
    ['no NSEC without DO among others', false, RrType.ANY, answer([signed, nsec]), [RrType.A]],
  ])('RFC 4035 section 3.2.1: %s', (_, dnssecOk, type, outcome, types) => {
    expect(
      only(
        reply(ask({ question: asked('www.example.com.', type), edns: edns({ dnssecOk }) }), content(outcome, dnssecOk)),
      ),
    ).toEqual(types)
  })

  test.each<[Extract<Outcome, { kind: 'failure' }>['why'], number]>([
    ['budget', Rcode.SERVFAIL],
    ['unreachable', Rcode.SERVFAIL],
    ['bogus', Rcode.SERVFAIL],
    ['not-recursive', Rcode.REFUSED],
    ['name-too-long', Rcode.YXDOMAIN],
  ])('failure %s', (why, rcode) => {
    const got = reply(
      ask({ edns: edns() }),
      content({
        kind: 'failure',
        rrsets: [rr('www.example.com.', RrType.DNAME, 1)],
        why,
        ede: EdeCode.Other,
        text: 'why',
      }),
    )
    expect(got.rcode).toBe(rcode)
    // RFC 6672 section 2.2: the DNAME is shown when the name it makes is too long; no other failure shows half an
    // answer.
    expect(only(got)).toEqual(why === 'name-too-long' ? [RrType.DNAME] : [])
    expect(readExtendedErrors(got.edns ?? edns())).toEqual([{ code: 0, text: 'why' }])
  })

  test('a reply that is silence has no octets', () => {
    expect(contentOf({ kind: 'dropped', by: 'x' }, false)).toBeNull()
  })
})

describe('size', () => {
  test.each<[Transport, Edns | null, number]>([
    ['udp', null, 512],
    ['udp', edns({ payloadSize: 0 }), 512],
    ['udp', edns({ payloadSize: 600 }), 600],
    ['udp', edns({ payloadSize: 1232 }), 1232],
    ['udp', edns({ payloadSize: 65_535 }), 1232],
    ['tcp', null, 65_535],
    ['tcp', edns({ payloadSize: 512 }), 65_535],
  ])('%s with %j: %d octets', (transport, e, limit) => {
    expect(replyLimit(ask({ edns: e }, transport), settings)).toBe(limit)
  })

  test('every reply fits, is a message, and says TC exactly when something of the answer is missing', () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 1500 }), { maxLength: 6 })
    fc.assert(
      fc.property(
        sizes,
        sizes,
        fc.option(fc.integer({ min: 0, max: 4096 })),
        fc.string({ maxLength: 300 }),
        (answers, authorities, payloadSize, text) => {
          const sets = (octets: number[], prefix: string): RRset[] =>
            octets.map((size, i) => rr(`${prefix}${i}.example.com.`, RrType.NULL, size))
          const e = payloadSize === null ? null : edns({ payloadSize })
          const query = ask({ edns: e })
          const finished = respond(
            query,
            {
              ...plainAnswer,
              answer: sets(answers, 'a'),
              authority: sets(authorities, 'b'),
              ede: { code: EdeCode.Other, text },
            },
            settings,
          )
          expect(finished.bytes.length).toBeLessThanOrEqual(replyLimit(query, settings))
          const decoded = decodeMessage(finished.bytes)
          if (decoded.kind !== 'message') throw new Error(decoded.why)
          expect(decoded.message.edns === null).toBe(e === null)
          const missing =
            decoded.message.answer.length < answers.length || decoded.message.authority.length < authorities.length
          expect(decoded.message.truncated).toBe(missing)
          expect(finished.truncated).toBe(missing)
        },
      ),
      { numRuns: process.env.ROOTWALK_LONG === '1' ? 20_000 : 150, seed: 5 },
    )
  })
})

describe('the form for the answer cache', () => {
  const form = (query: AskedQuery, given: Answer, using = settings): ReturnType<typeof shareableForm> => {
    const made = contentOf(given, query.edns?.dnssecOk ?? false)
    if (made === null) throw new Error('silence')
    return shareableForm(query, given, made, respond(query, made, using))
  }
  const resolved = (outcome: Outcome, shareable = true): Answer => ({
    kind: 'resolved',
    outcome,
    by: 'test',
    shareable,
  })
  const two = answer([a('www.example.com.', '192.0.2.1', 300), rr('www.example.com.', RrType.TXT, 9, 70)])

  test('has no OPT, counts it out, and lives as long as its shortest TTL', () => {
    const options = [{ code: EdnsOptionCode.NSID, data: new Uint8Array(0) }]
    const kept = form(ask({ edns: edns({ options }) }), resolved(two), { ...settings, nsid: Uint8Array.of(1, 2, 3) })
    if (kept === null) throw new Error('not kept')
    expect(kept.ttlSeconds).toBe(70)
    expect(kept.ttlOffsets).toHaveLength(2)
    const decoded = decodeMessage(kept.wire)
    expect(decoded).toMatchObject({
      kind: 'message',
      message: { edns: null, additional: [], answer: [{ type: RrType.A }, { type: RrType.TXT }] },
    })
    expect(form(ask(), resolved(two))?.wire).toEqual(kept.wire)
  })

  test('AD stands in it when validated, whether this client asked or not', () => {
    const adBit = (outcome: Outcome, change: Partial<Message>): number =>
      (form(ask(change), resolved(outcome))?.wire[3] ?? 0) & 0x20
    expect(adBit(answer([a('www.example.com.')], { security: secure }), {})).toBe(0x20)
    expect(adBit(answer([a('www.example.com.')]), { authenticData: true })).toBe(0)
  })

  test('the TTL of a denial is that of its SOA', () => {
    expect(
      form(ask(), resolved({ kind: 'nxdomain', rrsets: [], soa, proof: [], security: secure, authoritative: false }))
        ?.ttlSeconds,
    ).toBe(60)
  })

  test('is not made of an unvalidated alias chain for who checks: of its parts none has the name it is kept under', () => {
    const cname = rr('www.example.com.', RrType.CNAME, 1)
    const chain = (security: Security): Answer => resolved(answer([cname, a('else.example.net.')], { security }))
    const cd: Partial<Message> = { checkingDisabled: true }
    expect(form(ask(cd), chain({ kind: 'indeterminate' }))).toBeNull()
    expect(form(ask(cd), chain(secure))).not.toBeNull()
    expect(form(ask(), chain({ kind: 'indeterminate' }))).not.toBeNull()
    expect(
      form(ask(cd), resolved(answer([a('www.example.com.')], { security: { kind: 'indeterminate' } }))),
    ).not.toBeNull()
  })

  test('TTLs of our own zones stand still, behind an alias they count down', () => {
    const cname = rr('www.example.com.', RrType.CNAME, 1)
    expect(form(ask(), resolved(answer([a('www.example.com.')], { authoritative: true })))?.ttlOffsets).toHaveLength(0)
    expect(
      form(ask(), resolved(answer([cname, a('else.example.net.')], { authoritative: true })))?.ttlOffsets,
    ).toHaveLength(2)
  })

  test.each<[string, Partial<Message>, Answer]>([
    ['a failure', {}, resolved({ kind: 'failure', rrsets: [], why: 'unreachable', ede: 22, text: 'x' })],
    ['what is for this client only', {}, resolved(two, false)],
    ['a refusal', {}, { kind: 'refused', by: 'x', ede: null, text: '' }],
    ['TTL 0', {}, resolved(answer([a('www.example.com.', '192.0.2.1', 0)]))],
    [
      'TTL 0 in an additional record',
      {},
      resolved(answer([a('www.example.com.')], { additional: [a('x.test.', '192.0.2.1', 0)] })),
    ],
    [
      'a denial without SOA (RFC 2308 section 5)',
      {},
      resolved({ kind: 'nodata', rrsets: [], soa: null, proof: [], security: secure, authoritative: false }),
    ],
    ['an answer to RD=0, which may be less than others get', { recursionDesired: false }, resolved(two)],
    ['a truncated answer', {}, resolved(answer([rr('www.example.com.', RrType.NULL, 600)]))],
  ])('does not exist for %s', (_, change, given) => {
    expect(form(ask(change), given)).toBeNull()
  })
})

test('a given answer says what it was given, and nobody else gets it', () => {
  const content: Content = {
    rcode: Rcode.NOTIMP,
    authoritative: true,
    secure: false,
    answer: [],
    authority: [a('ns.example.')],
    additional: [],
    ede: { code: 49_152, text: 'private' },
  }
  const given: Answer = { kind: 'given', content, by: 'test' }
  expect(contentOf(given, false)).toBe(content)
  const query = ask({ edns: edns() })
  expect(shareableForm(query, given, content, respond(query, content, settings))).toBeNull()
})
