import { describe, expect, test } from 'vitest'
import type { Message } from '../../src/dns/message.ts'
import { Rcode, RrType } from '../../src/dns/types.ts'
import { formatName } from '../../src/presentation/text.ts'
import { defaultLimits, limitsWith } from '../../src/limits.ts'
import { classify, type Verdict } from '../../src/resolver/classify.ts'
import { nameOf, question, records } from '../../src/simulation/records.ts'

interface Reply {
  rcode?: number
  aa?: boolean
  tc?: boolean
  ra?: boolean
  answer?: string
  authority?: string
  additional?: string
}

function message(reply: Reply): Message {
  return {
    id: 1,
    response: true,
    opcode: 0,
    authoritative: reply.aa ?? true,
    truncated: reply.tc ?? false,
    recursionDesired: false,
    recursionAvailable: reply.ra ?? false,
    authenticData: false,
    checkingDisabled: false,
    rcode: reply.rcode ?? 0,
    question: null,
    answer: records(reply.answer ?? ''),
    authority: records(reply.authority ?? ''),
    additional: records(reply.additional ?? ''),
    edns: null,
  }
}

const verdictOf = (
  reply: Reply,
  asked = 'www.example.com.',
  type = 'A',
  zone = 'example.com.',
  hardenGlue = true,
): Verdict =>
  classify({ question: question(asked, type), zone: nameOf(zone), hardenGlue }, message(reply), defaultLimits.engine)

const summary = (v: Verdict): string => {
  const chain = 'chain' in v ? v.chain.aliases.map(a => formatName(a.name)).join('>') : ''
  switch (v.kind) {
    case 'answer':
      return `answer ${chain} ${formatName(v.rrset.name)} x${v.rrset.rdatas.length}${v.lastResort ? ' last-resort' : ''}`
    case 'alias':
      return `alias ${chain} to ${formatName(v.target)}`
    case 'referral':
      return `referral ${formatName(v.referral.zone)} ${v.referral.servers.map(s => `${formatName(s.name)}[${s.addresses.map(a => a.text).join(' ')}]`).join(' ')}${v.referral.ds === null ? '' : ' ds'}`
    case 'nodata':
    case 'nxdomain':
      return `${v.kind} ${chain} ${formatName(v.name)} ${v.soa === null ? 'no soa' : formatName(v.soa.name)}`
    case 'alias-trouble':
      return `trouble ${v.error}`
    case 'reject':
      return `reject ${v.why}`
  }
}

const soa = 'example.com. 300 IN SOA ns. host. 1 2 3 4 60'
const above = 'com. 300 IN SOA ns. host. 1 2 3 4 60'

describe('what one reply means', () => {
  test.each<[string, Reply, string]>([
    [
      'an answer',
      { answer: 'www.example.com. 60 IN A 192.0.2.1\nwww.example.com. 60 IN A 192.0.2.2' },
      'answer  www.example.com. x2',
    ],
    [
      'letter case of the owner does not matter',
      { answer: 'WWW.Example.COM. 60 IN A 192.0.2.1' },
      'answer  www.example.com. x1',
    ],
    [
      'an answer without AA is data',
      { aa: false, answer: 'www.example.com. 60 IN A 192.0.2.1' },
      'answer  www.example.com. x1',
    ],
    [
      'an answer from somebody’s cache is a last resort',
      { aa: false, ra: true, answer: 'www.example.com. 60 IN A 192.0.2.1' },
      'answer  www.example.com. x1 last-resort',
    ],
    [
      'a chain inside the zone',
      { answer: 'www.example.com. 60 IN CNAME a.example.com.\na.example.com. 60 IN A 192.0.2.1' },
      'answer www.example.com. a.example.com. x1',
    ],
    [
      'a chain in reverse order',
      { answer: 'a.example.com. 60 IN A 192.0.2.1\nwww.example.com. 60 IN CNAME a.example.com.' },
      'answer www.example.com. a.example.com. x1',
    ],
    [
      'what lies behind an alias out of the zone is not believed',
      { answer: 'www.example.com. 60 IN CNAME a.example.net.\na.example.net. 60 IN A 192.0.2.66' },
      'alias www.example.com. to a.example.net.',
    ],
    [
      'an alias back into the zone through another is not followed',
      {
        answer:
          'www.example.com. 60 IN CNAME a.net.\na.net. 60 IN CNAME b.example.com.\nb.example.com. 60 IN A 192.0.2.66',
      },
      'alias www.example.com. to a.net.',
    ],
    [
      'records of other names are not an answer',
      { answer: 'other.example.com. 60 IN A 192.0.2.66' },
      'nodata  www.example.com. no soa',
    ],
    [
      'records of another class are not an answer',
      { answer: 'www.example.com. 60 CH TYPE1 \\# 4 C0000242' },
      'nodata  www.example.com. no soa',
    ],
    ['NODATA', { authority: soa }, 'nodata  www.example.com. example.com.'],
    ['NODATA without SOA', {}, 'nodata  www.example.com. no soa'],
    ['NXDOMAIN', { rcode: Rcode.NXDOMAIN, authority: soa }, 'nxdomain  www.example.com. example.com.'],
    [
      'NXDOMAIN behind a chain speaks of its end',
      { rcode: Rcode.NXDOMAIN, answer: 'www.example.com. 60 IN CNAME a.example.com.', authority: soa },
      'nxdomain www.example.com. a.example.com. example.com.',
    ],
    [
      'NXDOMAIN behind a chain that leaves is asked elsewhere',
      { rcode: Rcode.NXDOMAIN, answer: 'www.example.com. 60 IN CNAME a.net.', authority: soa },
      'alias www.example.com. to a.net.',
    ],
    [
      'NXDOMAIN with an SOA of the zone above is lame',
      { rcode: Rcode.NXDOMAIN, aa: false, authority: above },
      'reject lame',
    ],
    ['NXDOMAIN without authority at all is lame', { rcode: Rcode.NXDOMAIN, aa: false }, 'reject lame'],
    ['an empty reply without AA is lame', { aa: false }, 'reject lame'],
    [
      'a referral to itself',
      { aa: false, authority: 'example.com. 60 IN NS ns1.example.com.' },
      'reject upward-referral',
    ],
    ['a referral to the root', { aa: false, authority: '. 60 IN NS a.root-servers.net.' }, 'reject upward-referral'],
    [
      'NODATA with the zone’s own NS is no referral',
      { authority: `${soa}\nexample.com. 60 IN NS ns1.example.com.` },
      'nodata  www.example.com. example.com.',
    ],
    ['truncated', { tc: true, answer: 'www.example.com. 60 IN A 192.0.2.1' }, 'reject truncated'],
    ['FORMERR', { rcode: Rcode.FORMERR }, 'reject formerr'],
    ['SERVFAIL', { rcode: Rcode.SERVFAIL, answer: 'www.example.com. 60 IN A 192.0.2.1' }, 'reject servfail'],
    ['NOTIMP', { rcode: Rcode.NOTIMP }, 'reject notimp'],
    ['REFUSED', { rcode: Rcode.REFUSED }, 'reject refused'],
    ['BADVERS', { rcode: Rcode.BADVERS }, 'reject badvers'],
    ['an rcode that has no place here', { rcode: Rcode.NOTZONE }, 'reject other-rcode'],
    [
      'a loop of aliases',
      { answer: 'www.example.com. 60 IN CNAME a.example.com.\na.example.com. 60 IN CNAME www.example.com.' },
      'trouble loop',
    ],
    ['an alias to itself', { answer: 'www.example.com. 60 IN CNAME www.example.com.' }, 'trouble loop'],
    [
      'two CNAMEs at one name',
      { answer: 'www.example.com. 60 IN CNAME a.example.com.\nwww.example.com. 60 IN CNAME b.example.com.' },
      'reject malformed',
    ],
    [
      'more aliases than are followed',
      {
        answer: Array.from(
          { length: 13 },
          (_, i) => `${i === 0 ? 'www' : `a${i}`}.example.com. 60 IN CNAME a${i + 1}.example.com.`,
        ).join('\n'),
      },
      'trouble too-long',
    ],
  ])('%s', (_, reply, expected) => {
    expect(summary(verdictOf(reply))).toBe(expected)
  })

  test('a DNAME stands for the CNAME that it implies, whatever CNAME came with it', () => {
    const verdict = verdictOf(
      {
        answer:
          'd.example.com. 60 IN DNAME e.example.com.\nwww.d.example.com. 60 IN CNAME evil.example.com.\nwww.e.example.com. 5 IN A 192.0.2.1',
      },
      'www.d.example.com.',
    )
    expect(summary(verdict)).toBe('answer d.example.com.>www.d.example.com. www.e.example.com. x1')
  })

  test('ANY below a DNAME is the CNAME that it implies, and no other set that came at the name', () => {
    const verdict = verdictOf(
      {
        answer:
          'd.example.com. 60 IN DNAME e.example.com.\nwww.d.example.com. 60 IN CNAME evil.example.com.\nwww.d.example.com. 60 IN A 192.0.2.1',
      },
      'www.d.example.com.',
      'ANY',
    )
    expect(verdict).toMatchObject({ kind: 'answer', rrset: { type: RrType.CNAME }, rest: [] })
  })

  test('a DNAME whose result is too long is YXDOMAIN', () => {
    const long = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.`
    const verdict = verdictOf(
      { rcode: Rcode.YXDOMAIN, answer: `d.example.com. 60 IN DNAME ${'x'.repeat(50)}.example.com.` },
      `${long}d.example.com.`,
    )
    expect(summary(verdict)).toBe('trouble name-too-long')
  })

  test('a question for the CNAME itself ends there', () => {
    expect(summary(verdictOf({ answer: 'www.example.com. 60 IN CNAME a.net.' }, 'www.example.com.', 'CNAME'))).toBe(
      'answer  www.example.com. x1',
    )
  })

  test('an RRset above the bound is refused, one of a hundred records is not', () => {
    const many = (n: number): string =>
      Array.from({ length: n }, (_, i) => `www.example.com. 60 IN TXT "${i}"`).join('\n')
    expect(summary(verdictOf({ answer: many(100) }, 'www.example.com.', 'TXT'))).toBe('answer  www.example.com. x100')
    const limits = limitsWith({ engine: { recordsPerRRset: 99 } }).engine
    const verdict = classify(
      { question: question('www.example.com.', 'TXT'), zone: nameOf('example.com.'), hardenGlue: true },
      message({ answer: many(100) }),
      limits,
    )
    expect(summary(verdict)).toBe('reject oversized')
  })
})

describe('referrals', () => {
  const ns =
    'example.com. 60 IN NS ns1.example.com.\nexample.com. 60 IN NS ns2.other.com.\nexample.com. 60 IN NS ns3.other.net.'
  const glue =
    'ns1.example.com. 60 IN A 192.0.2.1\nns1.example.com. 60 IN AAAA 2001:db8::1\nns2.other.com. 60 IN A 192.0.2.2\nns3.other.net. 60 IN A 192.0.2.66\nwww.example.com. 60 IN A 192.0.2.67'

  test('glue inside the zone asked is taken, glue outside and what nobody needs is not', () => {
    expect(summary(verdictOf({ aa: false, authority: ns, additional: glue }, 'www.example.com.', 'A', 'com.'))).toBe(
      'referral example.com. ns1.example.com.[192.0.2.1 2001:db8::1] ns2.other.com.[192.0.2.2] ns3.other.net.[]',
    )
  })

  test('glue hardening can be turned off', () => {
    expect(
      summary(verdictOf({ aa: false, authority: ns, additional: glue }, 'www.example.com.', 'A', 'com.', false)),
    ).toContain('ns3.other.net.[192.0.2.66]')
  })

  test('a cut that is not above the question, or not below the zone, refers nowhere', () => {
    expect(
      summary(
        verdictOf({ aa: false, authority: 'other.com. 60 IN NS ns.other.com.' }, 'www.example.com.', 'A', 'com.'),
      ),
    ).toBe('reject lame')
    expect(
      summary(
        verdictOf({ aa: false, authority: 'example.net. 60 IN NS ns.example.net.' }, 'www.example.net.', 'A', 'com.'),
      ),
    ).toBe('reject lame')
  })

  test('an AA bit on a referral does not make it an answer', () => {
    expect(summary(verdictOf({ aa: true, authority: ns }, 'www.example.com.', 'A', 'com.'))).toMatch(
      /^referral example\.com\./,
    )
  })

  test('an SOA wins over NS records', () => {
    expect(summary(verdictOf({ authority: `${ns}\n${above}` }, 'www.example.com.', 'A', 'com.'))).toBe(
      'nodata  www.example.com. com.',
    )
  })

  test('DS comes with the cut; a DS question at the cut is not referred', () => {
    const ds = 'example.com. 60 IN DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000'
    expect(summary(verdictOf({ aa: false, authority: `${ns}\n${ds}` }, 'www.example.com.', 'A', 'com.'))).toMatch(
      / ds$/,
    )
    expect(summary(verdictOf({ aa: false, authority: ns }, 'example.com.', 'DS', 'com.'))).toBe(
      'nodata  example.com. no soa',
    )
  })

  test('one address written twice is one address', () => {
    const twice = 'ns1.example.com. 60 IN A 192.0.2.1\nNS1.example.com. 60 IN A 192.0.2.1'
    expect(
      summary(
        verdictOf(
          {
            aa: false,
            authority: 'example.com. 60 IN NS ns1.example.com.\nexample.com. 60 IN NS NS1.EXAMPLE.com.',
            additional: twice,
          },
          'www.example.com.',
          'A',
          'com.',
        ),
      ),
    ).toBe('referral example.com. ns1.example.com.[192.0.2.1]')
  })
})
