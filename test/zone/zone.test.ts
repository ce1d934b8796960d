import { describe, expect, it } from 'vitest'
import { makeRRset } from '../../src/dns/rrset.ts'
import { RrClass, RrType } from '../../src/dns/types.ts'
import { Zone } from '../../src/zone/zone.ts'
import { ask, n, rrsetsFrom, told, zone } from './made.ts'

const example = zone(
  'example.',
  `
$TTL 3600
@           SOA ns1 hostmaster 1 7200 900 86400 300
@           NS ns1
@           NS ns.elsewhere.
@           MX 10 mail
@           MX 20 mail.elsewhere.
ns1         A 192.0.2.1
ns1         AAAA 2001:db8::1
mail        A 192.0.2.25
Www         600 A 192.0.2.80
www         600 A 192.0.2.81
alias       CNAME www
chain       CNAME alias
gone        CNAME nowhere
out         CNAME www.elsewhere.
loop        CNAME pool
pool        CNAME loop
self        CNAME self
_sip._tcp   SRV 1 1 5060 mail
deep.ent    TXT "x"
child       NS ns.child
child       NS ns.sibling
child       NS ns.elsewhere.
child       DS 1 8 200 00
ns.child    A 192.0.2.53
x.ns.child  A 192.0.2.54
sibling     NS ns.sibling
ns.sibling  A 192.0.2.55
into        CNAME www.child
old         86400 DNAME new
new         A 192.0.2.90
a.new       A 192.0.2.91
under.old   A 192.0.2.92
far         DNAME elsewhere.
`,
)
const SOA = '; example. 300 SOA'

describe('RFC 1034 section 4.3.2', () => {
  it.each([
    ['www.example. A', ['answer', 'www.example. 600 A 192.0.2.80', 'www.example. 600 A 192.0.2.81']],
    ['example. SOA', ['answer', 'example. 3600 SOA ns1.example. hostmaster.example. 1 7200 900 86400 300']],
    ['www.example. AAAA', ['nodata', SOA]],
    ['no.example. A', ['nxdomain', SOA]],
    ['a.b.c.no.example. A', ['nxdomain', SOA]],
    ['below.www.example. A', ['nxdomain', SOA]],
    ['www.elsewhere. A', ['not-here']],
    ['xexample. A', ['not-here']],
    ['. A', ['not-here']],
  ])('%s', (question, wanted) => {
    const got = told(example, question).map(line => line.toLowerCase())
    expect(got).toEqual(wanted.map(line => line.toLowerCase()))
  })

  it('keeps the case of owners and finds them by folded names', () => {
    expect(told(example, 'WWW.EXAMPLE. A')[1]).toBe('Www.example. 600 A 192.0.2.80')
  })

  it('is not there for another class', () => {
    expect(example.answer({ ...ask('www.example. A'), class: RrClass.CH }).kind).toBe('not-here')
  })

  it('knows empty non-terminals (RFC 4592 section 2.2.2)', () => {
    expect(told(example, 'ent.example. A')).toEqual(['nodata', SOA])
    expect(told(example, '_tcp.example. SRV')).toEqual(['nodata', SOA])
    expect(told(example, 'other.ent.example. A')).toEqual(['nxdomain', SOA])
  })

  it('adds the addresses it has for MX, NS and SRV', () => {
    expect(told(example, 'example. MX')).toEqual([
      'answer',
      'example. 3600 MX 10 mail.example.',
      'example. 3600 MX 20 mail.elsewhere.',
      '; mail.example. 3600 A 192.0.2.25',
    ])
    expect(told(example, 'example. NS').slice(3)).toEqual([
      '; ns1.example. 3600 A 192.0.2.1',
      '; ns1.example. 3600 AAAA 2001:db8::1',
    ])
    expect(told(example, '_sip._tcp.example. SRV').slice(2)).toEqual(['; mail.example. 3600 A 192.0.2.25'])
    expect(told(example, 'www.example. A').some(line => line.startsWith(';'))).toBe(false)
  })

  it('adds addresses of at most so many names (CVE-2024-11187), each once', () => {
    const many = Array.from(
      { length: 50 },
      (_, i) => `@ MX ${i} m${i}\n@ MX ${100 + i} m${i}\nm${i} A 192.0.2.${i}\n`,
    ).join('')
    const big = zone('example.', `$TTL 60\n${many}`)
    expect(told(big, 'example. MX').filter(line => line.startsWith(';'))).toHaveLength(13)
  })

  it('answers ANY with one RRset (RFC 8482 section 4.1)', () => {
    expect(told(example, 'www.example. ANY')).toHaveLength(3)
    const answer = example.answer(ask('example. ANY'))
    expect(answer.kind === 'answer' && answer.rrsets).toHaveLength(1)
    expect(told(example, 'alias.example. ANY')).toEqual(['answer', 'alias.example. 3600 CNAME www.example.'])
    expect(told(example, 'ent.example. ANY')).toEqual(['nodata', SOA])
  })

  it('takes the SOA MINIMUM or the TTL of the SOA, whichever is smaller (RFC 2308 section 3)', () => {
    const short = zone('example.', '@ 60 SOA ns hostmaster 1 1 1 1 300\n@ 60 NS ns.elsewhere.')
    expect(told(short, 'no.example. A')).toEqual(['nxdomain', '; example. 60 SOA'])
  })
})

describe('aliases', () => {
  it.each([
    [
      'alias.example. A',
      [
        'answer',
        'alias.example. 3600 CNAME www.example.',
        'Www.example. 600 A 192.0.2.80',
        'Www.example. 600 A 192.0.2.81',
      ],
    ],
    [
      'chain.example. AAAA',
      ['nodata', 'chain.example. 3600 CNAME alias.example.', 'alias.example. 3600 CNAME www.example.', SOA],
    ],
    ['gone.example. A', ['nxdomain', 'gone.example. 3600 CNAME nowhere.example.', SOA]],
    ['out.example. A', ['alias www.elsewhere.', 'out.example. 3600 CNAME www.elsewhere.']],
    ['alias.example. CNAME', ['answer', 'alias.example. 3600 CNAME www.example.']],
    [
      'loop.example. A',
      ['alias loop.example.', 'loop.example. 3600 CNAME pool.example.', 'pool.example. 3600 CNAME loop.example.'],
    ],
    ['self.example. A', ['alias self.example.', 'self.example. 3600 CNAME self.example.']],
    ['into.example. A', ['referral child.example.', 'into.example. 3600 CNAME www.child.example.']],
  ])('%s', (question, wanted) => {
    expect(told(example, question).slice(0, wanted.length)).toEqual(wanted)
  })

  it('follows so many and leaves the rest to the asker', () => {
    const long = zone(
      'example.',
      `$TTL 60\n${Array.from({ length: 30 }, (_, i) => `a${i} CNAME a${i + 1}\n`).join('')}a30 A 192.0.2.1\n`,
    )
    const got = told(long, 'a0.example. A')
    expect(got[0]).toBe('alias a11.example.')
    expect(got).toHaveLength(12)
    expect(told(long, 'a20.example. A').at(-1)).toBe('a30.example. 60 A 192.0.2.1')
    expect(
      told(zone('example.', 'a 60 CNAME b\nb 60 CNAME c\nc 60 A 192.0.2.1', { aliases: 1 }), 'a.example. A')[0],
    ).toBe('alias b.example.')
  })
})

describe('delegations', () => {
  const child = [
    'referral child.example.',
    '; child.example. 3600 NS ns.child.example.',
    '; child.example. 3600 NS ns.sibling.example.',
    '; child.example. 3600 NS ns.elsewhere.',
    '; ns.child.example. 3600 A 192.0.2.53',
    '; ns.sibling.example. 3600 A 192.0.2.55',
    '; child.example. 3600 DS 1 8 200 00',
  ]

  it.each([
    'child.example. A',
    'child.example. NS',
    'child.example. SOA',
    'www.child.example. A',
    'ns.child.example. A',
    'x.ns.child.example. A',
    'a.b.c.child.example. DS',
    'child.example. ANY',
  ])('refers %s to the child with all glue', question => {
    expect(told(example, question)).toEqual(child)
  })

  it('answers DS at the cut itself (RFC 4035 section 3.1.4.1)', () => {
    expect(told(example, 'child.example. DS')).toEqual(['answer', 'child.example. 3600 DS 1 8 200 00'])
    expect(told(example, 'sibling.example. DS')).toEqual(['nodata', SOA])
    expect(told(example, 'example. DS')).toEqual(['nodata', SOA])
  })

  it('knows which names are its own', () => {
    expect(
      ['example.', 'www.example.', 'ent.example.', 'child.example.', 'old.example.'].map(name => example.has(n(name))),
    ).toEqual([true, true, true, true, true])
    expect(
      ['no.example.', 'ns.child.example.', 'under.old.example.', 'elsewhere.', '.'].map(name => example.has(n(name))),
    ).toEqual([false, false, false, false, false])
  })

  it('prefers the upper of two cuts', () => {
    const nested = zone('example.', '$TTL 60\nc NS ns.elsewhere.\nb.c NS ns2.elsewhere.')
    expect(told(nested, 'a.b.c.example. A')[0]).toBe('referral c.example.')
  })
})

describe('DNAME (RFC 6672)', () => {
  it.each([
    [
      'a.old.example. A',
      [
        'answer',
        'old.example. 86400 DNAME new.example.',
        'a.old.example. 86400 CNAME a.new.example.',
        'a.new.example. 3600 A 192.0.2.91',
      ],
    ],
    [
      'b.old.example. A',
      ['nxdomain', 'old.example. 86400 DNAME new.example.', 'b.old.example. 86400 CNAME b.new.example.', SOA],
    ],
    [
      'a.old.example. CNAME',
      ['answer', 'old.example. 86400 DNAME new.example.', 'a.old.example. 86400 CNAME a.new.example.'],
    ],
    ['old.example. DNAME', ['answer', 'old.example. 86400 DNAME new.example.']],
    ['old.example. A', ['nodata', SOA]],
    [
      'under.old.example. A',
      ['nxdomain', 'old.example. 86400 DNAME new.example.', 'under.old.example. 86400 CNAME under.new.example.', SOA],
    ],
    [
      'x.y.far.example. A',
      ['alias x.y.elsewhere.', 'far.example. 3600 DNAME elsewhere.', 'x.y.far.example. 3600 CNAME x.y.elsewhere.'],
    ],
  ])('%s', (question, wanted) => {
    expect(told(example, question)).toEqual(wanted)
  })

  it('may stand at the apex', () => {
    const apex = zone('example.', '$TTL 60\n@ SOA ns h 1 1 1 1 60\n@ NS ns.elsewhere.\n@ DNAME other.\n')
    expect(told(apex, 'www.example. A')).toEqual([
      'alias www.other.',
      'example. 60 DNAME other.',
      'www.example. 60 CNAME www.other.',
    ])
    expect(told(apex, 'example. NS')).toEqual(['answer', 'example. 60 NS ns.elsewhere.'])
    expect(told(apex, 'example. A')).toEqual(['nodata', '; example. 60 SOA'])
  })

  it('says when the substituted name is too long', () => {
    const label = 'x'.repeat(60)
    const long = zone('e.', `d 60 DNAME ${label}.${label}.${label}.e.`)
    expect(told(long, `${label}.d.e. A`)[0]).toBe('nxdomain')
    expect(told(long, `${label}.${'y'.repeat(20)}.d.e. A`)).toEqual([
      'name-too-long',
      `d.e. 60 DNAME ${label}.${label}.${label}.e.`,
    ])
  })

  it('ends when it points below itself', () => {
    const grows = zone('example.', 'd 60 DNAME x.d')
    const got = told(grows, 'a.d.example. A')
    expect(got[0]).toMatch(/^alias a\.(x\.){11}d\.example\.$/)
    expect(got.filter(line => line.includes('DNAME'))).toHaveLength(1)
  })
})

// The zone of RFC 4592 section 2.2.1, and its questions.
describe('wildcards (RFC 4592)', () => {
  const wild = zone(
    'example.',
    `
$TTL 3600
example.                 SOA ns.example.com. h 1 1 1 1 3600
example.                 NS  ns.example.com.
example.                 NS  ns.example.net.
*.example.               TXT "this is a wildcard"
*.example.               MX  10 host1.example.
sub.*.example.           TXT "this is not a wildcard"
host1.example.           A   192.0.2.1
_ssh._tcp.host1.example. SRV 1 1 22 host1
_ssh._tcp.host2.example. SRV 1 1 22 host1
subdel.example.          NS  ns.example.com.
subdel.example.          NS  ns.example.net.
*.alias.example.         CNAME host1
*.away.example.          CNAME elsewhere.
*.loop.example.          CNAME a.loop
x.*.ent.example.         A 192.0.2.9
`,
  )
  const txt = (name: string): string[] => ['answer', `${name} 3600 TXT "this is a wildcard"`]
  it.each([
    ['host3.example. MX', ['answer', 'host3.example. 3600 MX 10 host1.example.', '; host1.example. 3600 A 192.0.2.1']],
    ['host3.example. A', ['nodata', '; example. 3600 SOA']],
    ['foo.bar.example. TXT', txt('foo.bar.example.')],
    ['host1.example. MX', ['nodata', '; example. 3600 SOA']],
    ['sub.*.example. MX', ['nodata', '; example. 3600 SOA']],
    ['_telnet._tcp.host1.example. SRV', ['nxdomain', '; example. 3600 SOA']],
    [
      'host.subdel.example. A',
      [
        'referral subdel.example.',
        '; subdel.example. 3600 NS ns.example.com.',
        '; subdel.example. 3600 NS ns.example.net.',
      ],
    ],
    ['ghost.*.example. MX', ['nxdomain', '; example. 3600 SOA']],
    ['*.example. TXT', txt('*.example.')],
    ['host2.example. A', ['nodata', '; example. 3600 SOA']],
    ['new.host2.example. A', ['nxdomain', '; example. 3600 SOA']],
    ['x.alias.example. A', ['answer', 'x.alias.example. 3600 CNAME host1.example.', 'host1.example. 3600 A 192.0.2.1']],
    ['x.y.alias.example. CNAME', ['answer', 'x.y.alias.example. 3600 CNAME host1.example.']],
    ['x.away.example. A', ['alias elsewhere.', 'x.away.example. 3600 CNAME elsewhere.']],
    [
      'b.loop.example. A',
      [
        'alias a.loop.example.',
        'b.loop.example. 3600 CNAME a.loop.example.',
        'a.loop.example. 3600 CNAME a.loop.example.',
      ],
    ],
    ['q.ent.example. A', ['nodata', '; example. 3600 SOA']],
    ['alias.example. TXT', ['nodata', '; example. 3600 SOA']],
    ['zzz.example. ANY', txt('zzz.example.')],
  ])('%s', (question, wanted) => {
    expect(told(wild, question)).toEqual(wanted)
  })

  it('does not fail for names that leave no room for an asterisk', () => {
    const long = `${'a.'.repeat(126)}`
    expect(told(zone('.', `${long} 60 TXT "x"`), `b.${long.slice(2)} A`)[0]).toBe('nxdomain')
  })
})

describe('what a zone is', () => {
  it('tells its records, signatures included, and serves none of these', () => {
    const rrsets = rrsetsFrom(
      'example.',
      `www 60 A 192.0.2.1
www 60 A 192.0.2.2
www 60 RRSIG A 8 2 60 20300101000000 20200101000000 1 example. AAAA`,
    )
    const signed = new Zone(n('example.'), rrsets, { recordsOnly: false })
    expect(signed.recordCount).toBe(3)
    expect([...signed.rrsets()]).toEqual(rrsets)
    const answer = signed.answer(ask('www.example. A'))
    expect(answer.kind === 'answer' && answer.rrsets.map(set => set.signatures.length)).toEqual([0])
    expect(told(signed, 'www.example. RRSIG')[0]).toBe('nodata')
    const stray = makeRRset(n('x.example.'), RrType.RRSIG, RrClass.IN, 60, [new Uint8Array(30)])
    expect(told(new Zone(n('example.'), [stray], { recordsOnly: false }), 'x.example. RRSIG')).toEqual(['nxdomain'])
  })

  it('leaves out what is not within it', () => {
    const other = new Zone(n('example.'), rrsetsFrom('.', 'www.example. 60 A 192.0.2.1\nwww.other. 60 A 192.0.2.2'), {
      recordsOnly: false,
    })
    expect(other.recordCount).toBe(1)
  })

  it('joins sets of one name and type that come apart', () => {
    const [a] = rrsetsFrom('example.', 'www 60 A 192.0.2.1')
    const [b] = rrsetsFrom('example.', 'www 30 A 192.0.2.2')
    const joined = new Zone(
      n('example.'),
      [a, b].filter(set => set !== undefined),
      { recordsOnly: false },
    )
    expect(told(joined, 'www.example. A')).toEqual([
      'answer',
      'www.example. 30 A 192.0.2.1',
      'www.example. 30 A 192.0.2.2',
    ])
  })

  it('stands without SOA and without any record', () => {
    expect(told(zone('example.', 'www 60 A 192.0.2.1'), 'no.example. A')).toEqual(['nxdomain'])
    expect(told(zone('example.', ''), 'example. A')).toEqual(['nxdomain'])
  })

  it.each(['constructor.', '__proto__.', 'toString.'])('takes %s for a name like any other', name => {
    expect(told(zone('.', `x.${name} 60 A 192.0.2.1`), `${name} A`)).toEqual(['nodata'])
    expect(told(zone('.', ''), `${name} A`)).toEqual(['nxdomain'])
  })

  it('does the same work for a name whatever the size of the zone', () => {
    const big = zone(
      'example.',
      `$TTL 60\n${Array.from({ length: 5_000 }, (_, i) => `a${i}.b${i} A 192.0.2.1\n`).join('')}`,
    )
    expect(told(big, `${'x.'.repeat(100)}a4.b4.example. A`)).toEqual(['nxdomain'])
    expect(big.recordCount).toBe(5_000)
  })
})

describe('record-only zones', () => {
  const records = zone(
    '.',
    `
$TTL 60
printer.home.arpa.  A 192.0.2.1
www.example.com.    CNAME printer.home.arpa.
away.example.com.   CNAME elsewhere.example.org.
*.dev.example.com.  A 192.0.2.2
d.example.com.      DNAME other.example.org.
corp.example.       NS ns.corp.example.
loop.example.com.   CNAME loop.example.com.
`,
    { recordsOnly: true },
  )

  it.each([
    ['printer.home.arpa. A', ['answer', 'printer.home.arpa. 60 A 192.0.2.1']],
    ['printer.home.arpa. AAAA', ['nodata']],
    ['home.arpa. A', ['not-here']],
    ['other.home.arpa. A', ['not-here']],
    ['x.printer.home.arpa. A', ['not-here']],
    ['. NS', ['not-here']],
    [
      'www.example.com. A',
      ['answer', 'www.example.com. 60 CNAME printer.home.arpa.', 'printer.home.arpa. 60 A 192.0.2.1'],
    ],
    ['away.example.com. A', ['alias elsewhere.example.org.', 'away.example.com. 60 CNAME elsewhere.example.org.']],
    ['x.dev.example.com. A', ['answer', 'x.dev.example.com. 60 A 192.0.2.2']],
    ['x.dev.example.com. MX', ['nodata']],
    ['dev.example.com. A', ['not-here']],
    [
      'a.d.example.com. A',
      [
        'alias a.other.example.org.',
        'd.example.com. 60 DNAME other.example.org.',
        'a.d.example.com. 60 CNAME a.other.example.org.',
      ],
    ],
    ['corp.example. NS', ['answer', 'corp.example. 60 NS ns.corp.example.']],
    ['www.corp.example. A', ['not-here']],
    ['loop.example.com. A', ['alias loop.example.com.', 'loop.example.com. 60 CNAME loop.example.com.']],
    ['example.com. SOA', ['not-here']],
  ])('%s', (question, wanted) => {
    expect(told(records, question)).toEqual(wanted)
  })

  it('covers exactly what it answers', () => {
    for (const question of ['printer.home.arpa. AAAA', 'x.dev.example.com. A', 'a.d.example.com. A'])
      expect(records.covers(ask(question))).toBe(true)
    for (const question of ['home.arpa. A', 'other. A', '. NS']) expect(records.covers(ask(question))).toBe(false)
    expect(records.covers({ ...ask('printer.home.arpa. A'), class: RrClass.CH })).toBe(false)
    expect(records.answer(ask('printer.home.arpa. AAAA'))).toEqual({ kind: 'nodata', rrsets: [], soa: null })
  })

  it('has no denial of its own even with an SOA record', () => {
    const odd = zone('example.', '@ 60 SOA ns h 1 1 1 1 60', { recordsOnly: true })
    expect(told(odd, 'example. A')).toEqual(['nodata'])
    expect(odd.answer({ ...ask('example. A'), type: RrType.SOA }).kind).toBe('answer')
  })
})

it('a zone is not made before it is asked something, and then once', () => {
  let made = 0
  const zone = new Zone(
    n('example.'),
    () => {
      made++
      return rrsetsFrom('example.', '@ 60 SOA ns h 1 2 3 4 5\nwww 60 A 192.0.2.1')
    },
    { recordsOnly: false },
  )
  expect([zone.origin, made]).toEqual([n('example.'), 0])
  expect([told(zone, 'www.example. A')[0], told(zone, 'no.example. A')[0], zone.recordCount, made]).toEqual([
    'answer',
    'nxdomain',
    2,
    1,
  ])
})
