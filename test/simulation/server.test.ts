import { describe, expect, it } from 'vitest'
import { decodeMessage } from '../../src/dns/decode.ts'
import { encodeQuery } from '../../src/dns/encode.ts'
import type { Message } from '../../src/dns/message.ts'
import { formatRr } from '../../src/presentation/rr-text.ts'
import { formatName } from '../../src/presentation/text.ts'
import { findOption } from '../../src/dns/edns.ts'
import { EdnsOptionCode, Rcode, rcodeName, typeName } from '../../src/dns/types.ts'
import { judgeReply } from '../../src/net/upstream/match-reply.ts'
import type { Transport } from '../../src/ports.ts'
import { isPlanted } from '../../src/simulation/forgery.ts'
import { buildInternet } from '../../src/simulation/internet.ts'
import { misbehaviours } from '../../src/simulation/misbehaviour.ts'
import { ip, question, wireNameOf } from '../../src/simulation/records.ts'
import { SimRandom } from '../../src/simulation/random.ts'
import type { Responder } from '../../src/simulation/network.ts'

const address = '192.0.2.53'
const zone = `
$TTL 3600
@ IN SOA ns1 h 1 7200 3600 86400 300
@ IN NS ns1
@ IN NS ns2.example.org.
ns1 IN A ${address}
www IN A 192.0.2.1
alias IN CNAME www
out IN CNAME www.example.org.
deep.ent IN A 192.0.2.2
big IN TXT "${'x'.repeat(250)}" "${'y'.repeat(250)}" "${'z'.repeat(250)}"
child IN NS ns.child
ns.child IN A 192.0.2.55
child IN DS 12345 13 2 e2d3c916f6deeac73294e8268fb5885044a833fc5459588f4a9184cfc41a5766
`
const serverThat = (...does: string[]): Responder => serverOf(does)
const serverOf = (does: readonly string[], sign?: string): Responder => {
  const internet = buildInternet(
    { zones: [{ origin: 'example.', text: zone, at: [address], sign }], servers: [{ at: [address], does }] },
    new SimRandom(1),
  )
  const host = internet.hosts.get(address)
  if (host === undefined) throw new Error('no server')
  return host.server
}

interface Ask {
  readonly cookie?: readonly number[]
  readonly edns?: number | null
  readonly transport?: Transport
  readonly cased?: string
  readonly dnssecOk?: boolean
}
const queryOf = (name: string, type: string, ask: Ask): Uint8Array =>
  encodeQuery({
    id: 77,
    question: question(name, type),
    recursionDesired: false,
    cased: wireNameOf(ask.cased ?? name),
    edns:
      ask.edns === null
        ? null
        : {
            payloadSize: ask.edns ?? 1232,
            version: 0,
            dnssecOk: ask.dnssecOk ?? false,
            flags: 0,
            options:
              ask.cookie === undefined ? [] : [{ code: EdnsOptionCode.COOKIE, data: Uint8Array.from(ask.cookie) }],
          },
  })

/** All that comes back, in order of arrival. */
function arrivals(server: Responder, name: string, type = 'A', ask: Ask = {}): readonly Uint8Array[] | 'closed' {
  const reaction = server.react(queryOf(name, type, ask), ask.transport ?? 'udp', ip(address))
  if (reaction.kind === 'closed') return 'closed'
  return reaction.arrivals
    .map((arrival, index) => ({ ...arrival, index }))
    .sort((a, b) => a.afterMs - b.afterMs || a.index - b.index)
    .map(arrival => arrival.bytes)
}

function answer(server: Responder, name: string, type = 'A', ask: Ask = {}): Message {
  const all = arrivals(server, name, type, ask)
  const last = all === 'closed' ? undefined : all.at(-1)
  const decoded = last === undefined ? null : decodeMessage(last)
  if (decoded?.kind !== 'message') throw new Error('no message came')
  return decoded.message
}
/** Rcode, and octets of the cookie that comes back for one. */
function cookied(server: Responder, cookie: readonly number[], ask: Ask = {}): [string, readonly number[]] {
  const reply = answer(server, 'www.example.', 'A', { ...ask, cookie })
  const option = reply.edns === null ? undefined : findOption(reply.edns, EdnsOptionCode.COOKIE)
  return [rcodeName(reply.rcode), [...(option?.data ?? [])]]
}
const CLIENT = [1, 2, 3, 4, 5, 6, 7, 8]
const text = (records: Message['answer']): string[] => records.map(record => formatRr(record).replaceAll('\t', ' '))

describe('a well-behaved SimServer', () => {
  const server = serverThat()
  it('a simulated server answers for its zones with AA', () => {
    const reply = answer(server, 'www.example.')
    expect(reply).toMatchObject({
      id: 77,
      response: true,
      authoritative: true,
      truncated: false,
      recursionAvailable: false,
      rcode: Rcode.NOERROR,
    })
    expect(text(reply.answer)).toEqual(['www.example. 3600 IN A 192.0.2.1'])
    expect(reply.edns).toMatchObject({ payloadSize: 1232, version: 0 })
  })
  it('has no OPT for a query without, and echoes the case', () => {
    const reply = answer(server, 'www.example.', 'A', { edns: null, cased: 'wWw.eXample.' })
    expect(reply.edns).toBeNull()
    expect(formatName(reply.question?.cased ?? wireNameOf('.'))).toBe('wWw.eXample.')
  })
  it('refers without AA and with glue', () => {
    const reply = answer(server, 'www.child.example.')
    expect(reply).toMatchObject({ authoritative: false, rcode: 0, answer: [] })
    expect(text(reply.authority)).toEqual(['child.example. 3600 IN NS ns.child.example.'])
    expect(text(reply.additional)).toEqual(['ns.child.example. 3600 IN A 192.0.2.55'])
    expect(text(answer(server, 'www.child.example.', 'A', { dnssecOk: true }).authority)).toHaveLength(2)
  })
  it('answers DS at a cut itself', () => {
    expect(answer(server, 'child.example.', 'DS')).toMatchObject({ authoritative: true, answer: [{ type: 43 }] })
  })
  it('gives the negative TTL with a denial', () => {
    expect(answer(server, 'no.example.')).toMatchObject({
      rcode: Rcode.NXDOMAIN,
      authoritative: true,
      authority: [{ type: 6, ttl: 300 }],
    })
    expect(answer(server, 'ent.example.')).toMatchObject({
      rcode: Rcode.NOERROR,
      authoritative: true,
      answer: [],
      authority: [{ type: 6 }],
    })
  })
  it('follows aliases inside and stops at the border', () => {
    expect(text(answer(server, 'alias.example.').answer)).toEqual([
      'alias.example. 3600 IN CNAME www.example.',
      'www.example. 3600 IN A 192.0.2.1',
    ])
    expect(text(answer(server, 'out.example.').answer)).toEqual(['out.example. 3600 IN CNAME www.example.org.'])
  })
  it('brings the addresses with NS', () => {
    expect(text(answer(server, 'example.', 'NS').additional)).toEqual([`ns1.example. 3600 IN A ${address}`])
  })
  it('truncates at the size of the client, not over TCP', () => {
    expect(answer(server, 'big.example.', 'TXT', { edns: null })).toMatchObject({ truncated: true, answer: [] })
    expect(answer(server, 'big.example.', 'TXT', { edns: 600 })).toMatchObject({ truncated: true })
    expect(answer(server, 'big.example.', 'TXT')).toMatchObject({ truncated: false, answer: [{ type: 16 }] })
    expect(answer(server, 'big.example.', 'TXT', { edns: null, transport: 'tcp' })).toMatchObject({
      truncated: false,
      answer: [{ type: 16 }],
    })
  })
  it('refuses what it does not serve', () => {
    expect(answer(server, 'www.example.org.')).toMatchObject({ rcode: Rcode.REFUSED, authoritative: false })
  })
  it('does not answer replies, and answers broken queries with FORMERR', () => {
    const query = queryOf('www.example.', 'A', {})
    query[2] = 0x80
    expect(server.react(query, 'udp', ip(address))).toEqual({ kind: 'arrivals', arrivals: [] })
    const cut = queryOf('www.example.', 'A', { edns: null }).slice(0, -3)
    const reaction = server.react(cut, 'udp', ip(address))
    const decoded =
      reaction.kind === 'arrivals' && reaction.arrivals[0] !== undefined
        ? decodeMessage(reaction.arrivals[0].bytes)
        : null
    expect(decoded).toMatchObject({ kind: 'message', message: { rcode: Rcode.FORMERR, question: null } })
  })
})

describe('misbehaviours', () => {
  const cases: readonly (readonly [string, (server: Responder) => void])[] = [
    [
      'lame',
      s =>
        expect(answer(s, 'www.example.')).toMatchObject({ authoritative: false, answer: [], authority: [], rcode: 0 }),
    ],
    ['silent', s => expect(arrivals(s, 'www.example.')).toEqual([])],
    [
      'slow(700)',
      s =>
        expect(s.react(queryOf('www.example.', 'A', {}), 'udp', ip(address))).toMatchObject({
          arrivals: [{ afterMs: 700 }],
        }),
    ],
    [
      'truncates',
      s => {
        expect(answer(s, 'www.example.')).toMatchObject({ truncated: true, answer: [] })
        expect(answer(s, 'www.example.', 'A', { transport: 'tcp' })).toMatchObject({
          truncated: false,
          answer: [{ type: 1 }],
        })
      },
    ],
    [
      'truncatesForever',
      s => expect(answer(s, 'www.example.', 'A', { transport: 'tcp' })).toMatchObject({ truncated: true, answer: [] }),
    ],
    [
      'ignoresEdns',
      s => {
        expect(answer(s, 'www.example.')).toMatchObject({ edns: null, answer: [{ type: 1 }] })
        expect(answer(s, 'big.example.', 'TXT')).toMatchObject({ truncated: true })
      },
    ],
    [
      'formerrOnEdns',
      s => {
        expect(answer(s, 'www.example.')).toMatchObject({ rcode: Rcode.FORMERR, edns: null, answer: [] })
        expect(answer(s, 'www.example.', 'A', { edns: null })).toMatchObject({ rcode: 0, answer: [{ type: 1 }] })
      },
    ],
    [
      'dropsEdns',
      s => {
        expect(arrivals(s, 'www.example.')).toEqual([])
        expect(answer(s, 'www.example.', 'A', { edns: null })).toMatchObject({ answer: [{ type: 1 }] })
      },
    ],
    ['badVersion', s => expect(answer(s, 'www.example.')).toMatchObject({ rcode: Rcode.BADVERS })],
    ...(['refuses', 'servfails', 'notimp', 'formerr'] as const).map(kind => {
      const rcode = { refuses: 'REFUSED', servfails: 'SERVFAIL', notimp: 'NOTIMP', formerr: 'FORMERR' }[kind]
      return [kind, (s: Responder) => expect(rcodeName(answer(s, 'www.example.').rcode)).toBe(rcode)] as const
    }),
    [
      'bareErrors',
      s => expect(answer(s, 'www.example.')).toMatchObject({ id: 77, question: null, rcode: Rcode.SERVFAIL }),
    ],
    [
      'garbage',
      s => {
        const [bytes] = arrivals(s, 'www.example.')
        expect(bytes instanceof Uint8Array && bytes[1]).toBe(77)
        expect(bytes instanceof Uint8Array && decodeMessage(bytes)).toMatchObject({
          kind: 'format-error',
          question: question('www.example.'),
        })
      },
    ],
    [
      'cookies',
      s => {
        const [rcode, given] = cookied(s, CLIENT)
        expect([rcode, given.slice(0, 8), given.length]).toEqual(['NOERROR', CLIENT, 16])
        expect(cookied(s, given)).toEqual(['NOERROR', given])
        expect(cookied(serverThat(), CLIENT)).toEqual(['NOERROR', []])
        expect(answer(s, 'www.example.').edns?.options).toEqual([])
      },
    ],
    [
      'wantsCookies',
      s => {
        const [rcode, given] = cookied(s, CLIENT)
        expect(rcode).toBe('BADCOOKIE')
        expect(cookied(s, given)[0]).toBe('NOERROR')
        expect(cookied(s, CLIENT, { transport: 'tcp' })).toEqual(['NOERROR', given])
        expect(answer(s, 'www.example.').rcode).toBe(Rcode.NOERROR)
      },
    ],
    [
      'noGoodCookies',
      s => {
        const [, given] = cookied(s, CLIENT)
        expect(cookied(s, given, { transport: 'tcp' })).toEqual(['BADCOOKIE', given])
        expect(answer(s, 'www.example.').rcode).toBe(Rcode.NOERROR)
      },
    ],
    ['othersCookies', s => expect(cookied(s, CLIENT)[1].slice(0, 8)).not.toEqual(CLIENT)],
    ['echoesCookies', s => expect(cookied(s, CLIENT)).toEqual(['NOERROR', CLIENT])],
    ['formerrOnCookies', s => expect(cookied(s, CLIENT)).toEqual(['FORMERR', []])],
    [
      'dropsCookies',
      s => {
        expect(arrivals(s, 'www.example.', 'A', { cookie: CLIENT })).toEqual([])
        expect(answer(s, 'www.example.').rcode).toBe(Rcode.NOERROR)
      },
    ],
    [
      'guessesAll',
      s => {
        const query = queryOf('www.example.', 'A', {})
        const all = arrivals(s, 'www.example.')
        expect(all === 'closed' ? [] : all.map(bytes => judgeReply(query, bytes))).toEqual(['reply', 'reply'])
        expect(answer(s, 'www.example.').answer.some(({ rdata }) => isPlanted(rdata))).toBe(false)
      },
    ],
    ['upwardReferral', s => expect(text(answer(s, 'www.example.').authority)[0]).toMatch(/^\. \d+ IN NS/)],
    [
      'loops',
      s =>
        expect(answer(s, 'www.example.')).toMatchObject({
          authoritative: false,
          answer: [],
          authority: [{ type: 2 }, { type: 2 }],
        }),
    ],
    [
      'wrongCase',
      s =>
        expect(answer(s, 'www.example.', 'A', { cased: 'wWw.example.' }).question?.cased).toBe(
          question('www.example.').name,
        ),
    ],
    ['clearsAa', s => expect(answer(s, 'www.example.')).toMatchObject({ authoritative: false, answer: [{ type: 1 }] })],
    [
      'nxdomainOnEmptyNonTerminal',
      s => {
        expect(answer(s, 'ent.example.').rcode).toBe(Rcode.NXDOMAIN)
        expect(answer(s, 'www.example.', 'TXT').rcode).toBe(Rcode.NOERROR)
      },
    ],
    ['emptyAnswerNoSoa', s => expect(answer(s, 'no.example.')).toMatchObject({ rcode: Rcode.NXDOMAIN, authority: [] })],
    [
      'selfGlue',
      s => expect(text(answer(s, 'www.child.example.').additional)).toEqual([`ns.child.example. 3600 IN A ${address}`]),
    ],
    [
      'extraRecords',
      s => {
        const reply = answer(s, 'www.example.')
        for (const section of [reply.answer, reply.authority, reply.additional])
          expect(section.some(record => isPlanted(record.rdata))).toBe(true)
        expect(text(reply.answer)[0]).toBe('www.example. 3600 IN A 192.0.2.1')
      },
    ],
    [
      'tcpRefused',
      s => {
        expect(arrivals(s, 'www.example.', 'A', { transport: 'tcp' })).toBe('closed')
        expect(answer(s, 'www.example.')).toMatchObject({ answer: [{ type: 1 }] })
      },
    ],
    [
      'tcpOnly',
      s => {
        expect(arrivals(s, 'www.example.')).toEqual([])
        expect(answer(s, 'www.example.', 'A', { transport: 'tcp' })).toMatchObject({ answer: [{ type: 1 }] })
      },
    ],
    ['portClosed', s => expect(arrivals(s, 'www.example.')).toBe('closed')],
    ...(
      [
        ['wrongIdBeforeAnswer', 'guess'],
        ['wrongQuestionBeforeAnswer', 'guess'],
        ['wrongClassBeforeAnswer', 'guess'],
        ['wrongOpcodeBeforeAnswer', 'noise'],
        ['qr0BeforeAnswer', 'noise'],
        ['malformedBeforeAnswer', 'noise'],
      ] as const
    ).map(
      ([kind, judgement]) =>
        [
          kind,
          (s: Responder) => {
            const query = queryOf('www.example.', 'A', {})
            const all = arrivals(s, 'www.example.')
            expect(all === 'closed' ? [] : all.map(bytes => judgeReply(query, bytes))).toEqual([judgement, 'reply'])
          },
        ] as const,
    ),
    [
      'spoofs(20)',
      s => {
        const query = queryOf('www.example.', 'A', {})
        const all = arrivals(s, 'www.example.')
        expect(all === 'closed' ? [] : all.map(bytes => judgeReply(query, bytes))).toEqual([
          ...Array<string>(20).fill('guess'),
          'reply',
        ])
      },
    ],
    [
      'guessesId',
      s => {
        const query = queryOf('www.example.', 'A', { cased: 'WWW.example.' })
        const all = arrivals(s, 'www.example.', 'A', { cased: 'WWW.example.' })
        expect(all === 'closed' ? [] : all.map(bytes => judgeReply(query, bytes))).toEqual([
          'reply-wrong-case',
          'reply',
        ])
        expect(arrivals(s, 'www.example.')).toHaveLength(1)
      },
    ],
  ]

  it.each(cases)('%s', (does, check) => {
    check(serverThat(does))
  })

  describe('of a signed zone', () => {
    const types = (reply: Message): string[] =>
      [...reply.answer, ...reply.authority].map(record => typeName(record.type))
    const ask = (does: string, name: string): Message => answer(serverOf([does], ''), name, 'A', { dnssecOk: true })
    it('ignoresDo, stripsSignatures', () => {
      expect(types(ask('clearsAa', 'www.example.'))).toEqual(['A', 'RRSIG'])
      expect(types(ask('clearsAa', 'child.example.'))).toEqual(['NS', 'DS', 'RRSIG'])
      for (const does of ['ignoresDo', 'stripsSignatures']) {
        expect(types(ask(does, 'www.example.'))).toEqual(['A'])
        expect(types(ask(does, 'nothing.example.'))).toEqual(['SOA'])
      }
      expect(types(ask('ignoresDo', 'child.example.'))).toEqual(['NS'])
      expect(types(ask('stripsSignatures', 'child.example.'))).toEqual(['NS', 'DS'])
    })
    it('a server that breaksSignatures sends signatures that do not verify', () => {
      const [good, bad] = ['clearsAa', 'breaksSignatures'].map(does => ask(does, 'www.example.').answer[1]?.rdata)
      expect(good?.length).toBe(bad?.length)
      expect(good?.subarray(0, -1)).toEqual(bad?.subarray(0, -1))
      expect(good).not.toEqual(bad)
    })
  })

  it('each misbehaviour has a test', () => {
    expect(
      [...cases.map(([does]) => does.replace(/\(.*/, '')), 'ignoresDo', 'stripsSignatures', 'breaksSignatures'].sort(),
    ).toEqual(Object.keys(misbehaviours).sort())
  })

  it('can be mixed and limited', () => {
    const server = serverThat('slow(100)', 'wrongCase', 'refuses for www.example.', 'silent for * AAAA')
    expect(answer(server, 'www.example.').rcode).toBe(Rcode.REFUSED)
    expect(answer(server, 'alias.example.')).toMatchObject({ rcode: 0, authoritative: true })
    expect(arrivals(server, 'alias.example.', 'AAAA')).toEqual([])
  })
})

describe('buildInternet', () => {
  it('says where a zone is wrong', () => {
    expect(() =>
      buildInternet(
        { zones: [{ origin: 'example.', text: '@ IN SOA a b 1 2 3 4 5\nx IN A nonsense', at: [] }] },
        new SimRandom(1),
      ),
    ).toThrow(/example\.:2:\d+:/)
  })
  it('refuses two servers at one address', () => {
    expect(() =>
      buildInternet({ zones: [], servers: [{ at: ['192.0.2.1'] }, { at: ['192.0.2.1'] }] }, new SimRandom(1)),
    ).toThrow(/two servers/)
  })
})
