/**
 * A denial in a reply that begins with an alias. RFC 2308 section 2 lets it speak of the last name, but a server speaks
 * for that name only when it has its zone (RFC 2181 sections 5.4.1 and 6.1), and many say NXDOMAIN or nothing of
 * targets that exist. Unbound, BIND, Knot Resolver and PowerDNS ask for the target (RFC 1034 section 5.3.3, step 4c).
 */
import { describe } from 'vitest'
import type { Rr } from '../../src/dns/rrset.ts'
import { honest, type Row, rows, replies, type Server, signaturesBy, signedBy, soaOf, type ZoneRow } from './world.ts'

const TARGET = 'x1.h1.kab.test.'
const RECORDS = `
www CNAME x1.h1
x1.h1 A 192.0.2.1
x1.h1 AAAA 2001:db8::1
x1.h1 HTTPS 1 .
x1.h1 MX 10 mail
y.x1.h1 A 192.0.2.2
two CNAME www
old DNAME h1
dead CNAME gone
bare CNAME x1.h1
*.wild CNAME x1.h1
away CNAME www.away.test.
banking CNAME banking.glb
`
const WWW = 'www.kab.test. CNAME x1.h1.kab.test.'

interface Denial {
  readonly rcode?: 'NXDOMAIN' | 'NOERROR'
  /** Owner of the SOA; `''` for none. */
  readonly soa?: string
  readonly aa?: boolean
}

/** A server that answers `owner` with `alias` and denies what it leads to. */
const beside =
  (
    owner: string,
    alias: string | readonly Rr[],
    { rcode = 'NXDOMAIN', soa = 'kab.test.', aa = true }: Denial = {},
  ): Server =>
  ask =>
    ask.name === owner && ask.type !== 'CNAME'
      ? replies(rcode, { answer: alias, authority: soa === '' ? '' : soaOf(soa), aa })
      : undefined

const kab = (server: Server | readonly Server[], more: ZoneRow = {}): Row['zones'] => ({
  'kab.test.': { records: RECORDS, servers: typeof server === 'function' ? [server] : server, ...more },
  'away.test.': { records: 'www A 192.0.2.90' },
})

const DATA = { A: '192.0.2.1', AAAA: '2001:db8::1', HTTPS: '1 .', MX: '10 mail.kab.test.' } as const
const both = (owner: string, ad = ''): string[] => [
  `${owner} A -> NOERROR${ad} 192.0.2.1`,
  `${TARGET} A -> NOERROR${ad} 192.0.2.1`,
]

describe('a denial that comes with an alias, unsigned,', () => {
  rows([
    ...Object.entries(DATA).flatMap(([type, data]): Row[] => [
      {
        title: `as NXDOMAIN to a question for ${type} does not deny the target`,
        zones: kab(beside('www.kab.test.', WWW)),
        script: [`www.kab.test. ${type} -> NOERROR ${data}`, `${TARGET} ${type} -> NOERROR ${data}`],
      },
      {
        title: `as NOERROR to a question for ${type} does not deny a target whose data is cached`,
        zones: kab(beside('www.kab.test.', WWW, { rcode: 'NOERROR' })),
        script: [`${TARGET} ${type} -> NOERROR ${data}`, `www.kab.test. ${type} -> NOERROR ${data}`],
      },
      {
        // No octet of it differs from what an honest server sends whose target has no such data: nothing more is asked.
        title: `as NOERROR to a question for ${type} is taken at its word when nothing else is known`,
        zones: kab(beside('www.kab.test.', WWW, { rcode: 'NOERROR' })),
        script: [`www.kab.test. ${type} -> NODATA`],
      },
    ]),
    {
      title: 'does not deny the target when that is asked for alone',
      zones: kab(beside('www.kab.test.', WWW)),
      script: ['www.kab.test. TXT -> NODATA', `${TARGET} A -> NOERROR 192.0.2.1`],
    },
    {
      title: 'denies no name below the target',
      zones: kab(beside('www.kab.test.', WWW)),
      script: ['www.kab.test. TXT -> NODATA', 'y.x1.h1.kab.test. A -> NOERROR 192.0.2.2'],
    },
    {
      title: 'is of no account when the target is cached',
      zones: kab(beside('www.kab.test.', WWW)),
      script: [`${TARGET} A -> NOERROR 192.0.2.1`, ...both('www.kab.test.')],
    },
    {
      title: 'is asked about once: the second question costs no packet',
      zones: kab(beside('www.kab.test.', WWW)),
      script: ['www.kab.test. A -> NOERROR 192.0.2.1', 'www.kab.test. A -> NOERROR 192.0.2.1; 0 packets'],
    },
    {
      title: 'does not deny the end of a chain of two',
      zones: kab(beside('two.kab.test.', `two.kab.test. CNAME www.kab.test.\n${WWW}`)),
      script: both('two.kab.test.'),
    },
    {
      title: 'does not deny the next alias of a chain',
      zones: kab(beside('two.kab.test.', 'two.kab.test. CNAME www.kab.test.')),
      script: both('two.kab.test.'),
    },
    {
      title: 'does not deny the target of a DNAME',
      zones: kab(
        beside('x1.old.kab.test.', 'old.kab.test. DNAME h1.kab.test.\nx1.old.kab.test. CNAME x1.h1.kab.test.'),
      ),
      script: both('x1.old.kab.test.'),
    },
    {
      title: 'does not deny the target of a DNAME that comes alone',
      zones: kab(beside('x1.old.kab.test.', 'old.kab.test. DNAME h1.kab.test.')),
      script: both('x1.old.kab.test.'),
    },
    {
      title: 'does not deny the target of a wildcard alias',
      zones: kab(beside('a.wild.kab.test.', 'a.wild.kab.test. CNAME x1.h1.kab.test.')),
      script: both('a.wild.kab.test.'),
    },
    {
      title: 'without AA does not deny the target',
      zones: kab(beside('www.kab.test.', WWW, { aa: false })),
      script: both('www.kab.test.'),
    },
    ...[
      ['of a name between', 'h1.kab.test.'],
      ['of the target itself', TARGET],
      ['of the zone above', 'test.'],
      ['of another zone', 'away.test.'],
      ['that is missing', ''],
    ].map(
      ([what = '', soa = '']): Row => ({
        title: `by an SOA ${what} does not deny the target`,
        zones: kab(beside('www.kab.test.', WWW, { soa })),
        script: both('www.kab.test.'),
      }),
    ),
    {
      title: 'does not deny a target in a zone below a cut',
      zones: {
        ...kab(beside('banking.kab.test.', 'banking.kab.test. CNAME banking.glb.kab.test.')),
        'glb.kab.test.': { records: 'banking A 192.0.2.80' },
      },
      script: ['banking.kab.test. A -> NOERROR 192.0.2.80', 'banking.glb.kab.test. A -> NOERROR 192.0.2.80'],
    },
    {
      title: 'does not deny a target below a cut that is cached',
      zones: {
        ...kab(beside('banking.kab.test.', 'banking.kab.test. CNAME banking.glb.kab.test.')),
        'glb.kab.test.': { records: 'banking A 192.0.2.80\nns A 192.0.2.81' },
      },
      script: [
        'ns.glb.kab.test. A -> NOERROR 192.0.2.81',
        'banking.kab.test. A -> NOERROR 192.0.2.80',
        'banking.glb.kab.test. A -> NOERROR 192.0.2.80',
      ],
    },
    {
      title: 'as NOERROR does not deny a target below a cut that is known',
      zones: {
        ...kab(beside('banking.kab.test.', 'banking.kab.test. CNAME banking.glb.kab.test.', { rcode: 'NOERROR' })),
        'glb.kab.test.': { records: 'banking A 192.0.2.80\nns A 192.0.2.81' },
      },
      script: [
        'ns.glb.kab.test. A -> NOERROR 192.0.2.81',
        'banking.kab.test. A -> NOERROR 192.0.2.80',
        'banking.glb.kab.test. A -> NOERROR 192.0.2.80',
      ],
    },
    {
      title: 'does not deny a target in another zone',
      zones: kab(beside('away.kab.test.', 'away.kab.test. CNAME www.away.test.')),
      script: ['away.kab.test. A -> NOERROR 192.0.2.90', 'www.away.test. A -> NOERROR 192.0.2.90'],
    },
    {
      title: "does not deny a target in another zone by that zone's SOA",
      zones: kab(beside('away.kab.test.', 'away.kab.test. CNAME www.away.test.', { soa: 'away.test.' })),
      script: ['away.kab.test. A -> NOERROR 192.0.2.90', 'www.away.test. A -> NOERROR 192.0.2.90'],
    },
    {
      title: 'said by one of two servers does not deny the target',
      zones: kab([beside('www.kab.test.', WWW), honest]),
      script: both('www.kab.test.'),
    },
    {
      title: 'over TCP, after a truncated reply, does not deny the target',
      zones: kab(ask =>
        ask.name === 'www.kab.test.' && ask.transport === 'udp'
          ? { authoritative: true, truncated: true }
          : beside('www.kab.test.', WWW)(ask),
      ),
      script: both('www.kab.test.'),
    },
    {
      title: 'does not deny the target with minimisation off',
      minimise: 'off',
      zones: kab(beside('www.kab.test.', WWW)),
      script: both('www.kab.test.'),
    },
    {
      title: 'in an insecure zone below a signed one does not deny the target',
      zones: { ...kab(beside('www.kab.test.', WWW)), 'signed.test.': { sign: '' } },
      script: both('www.kab.test.'),
    },
    {
      title: 'does not deny the target with CD=1',
      zones: { ...kab(beside('www.kab.test.', WWW)), 'signed.test.': { sign: '' } },
      script: both('www.kab.test.').map(step => `+cd ${step}`),
    },
  ])
})

describe('a denial that comes with an alias, signed,', () => {
  const signed = (server: Server): Row['zones'] => kab(server, { sign: '' })
  /** Alias and SOA with good signatures, and no proof of anything. */
  const half =
    (rcode: 'NXDOMAIN' | 'NOERROR', soa: string): Server =>
    ask =>
      ask.name === 'www.kab.test.'
        ? replies(rcode, {
            answer: signedBy('kab.test.', WWW),
            authority: soa === 'kab.test.' ? signedBy(soa, soaOf(soa)) : soa === '' ? '' : soaOf(soa),
          })
        : undefined
  rows([
    ...(['NXDOMAIN', 'NOERROR'] as const).flatMap(rcode =>
      [
        ['the zone', 'kab.test.'],
        ['a name between', 'h1.kab.test.'],
        ['the zone above', 'test.'],
        ['no zone', ''],
      ].map(
        ([whose = '', soa = '']): Row => ({
          title: `as ${rcode} by the SOA of ${whose} does not deny the target`,
          zones: signed(half(rcode, soa)),
          script: both('www.kab.test.', ' AD'),
        }),
      ),
    ),
    {
      title: 'does not deny the target when the proof is that of another name',
      zones: signed(ask =>
        ask.name === 'www.kab.test.'
          ? replies('NXDOMAIN', {
              answer: signedBy('kab.test.', WWW),
              authority: ask.honest('gone.kab.test.', 'A').authority,
            })
          : undefined,
      ),
      script: both('www.kab.test.', ' AD'),
    },
    {
      title: 'does not deny a signed target below a cut',
      zones: {
        ...signed(ask =>
          ask.name === 'banking.kab.test.'
            ? replies('NXDOMAIN', {
                answer: signedBy('kab.test.', 'banking.kab.test. CNAME banking.glb.kab.test.'),
                authority: ask.honest('gone.kab.test.', 'A').authority,
              })
            : undefined,
        ),
        'glb.kab.test.': { records: 'banking A 192.0.2.80', sign: '' },
      },
      script: ['banking.kab.test. A -> NOERROR AD 192.0.2.80', 'banking.glb.kab.test. A -> NOERROR AD 192.0.2.80'],
    },
    {
      title: 'without any signature is an error, and the target asked for alone is answered',
      zones: signed(beside('www.kab.test.', WWW)),
      script: ['www.kab.test. A -> SERVFAIL', `${TARGET} A -> NOERROR AD 192.0.2.1`],
    },
    {
      title: 'with a bad signature on the alias is an error',
      zones: signed(ask =>
        ask.name === 'www.kab.test.'
          ? replies('NXDOMAIN', {
              answer: [...signedBy('kab.test.', WWW).slice(0, 1), ...signaturesBy('kab.test.', WWW, { junk: true })],
              authority: soaOf('kab.test.'),
            })
          : undefined,
      ),
      script: ['www.kab.test. A -> SERVFAIL'],
    },
  ])
})

describe('an honest denial at the end of an alias', () => {
  /** The cut is cached by the first question: the packets of the second are those for the zone's own data. */
  const asked = (step: string): string[] => ['y.x1.h1.kab.test. A -> NOERROR any or NOERROR AD any', step]
  rows([
    {
      title: 'as NXDOMAIN stays NXDOMAIN',
      zones: kab(honest),
      script: [
        'dead.kab.test. A -> NXDOMAIN',
        'gone.kab.test. A -> NXDOMAIN',
        'dead.kab.test. A -> NXDOMAIN; 0 packets',
      ],
    },
    {
      title: 'as NODATA stays NODATA',
      zones: kab(honest),
      script: ['bare.kab.test. TXT -> NODATA', `${TARGET} TXT -> NODATA`, 'bare.kab.test. TXT -> NODATA; 0 packets'],
    },
    {
      title: 'of a chain of two stays NODATA',
      zones: kab(honest),
      script: ['two.kab.test. TXT -> NODATA', 'two.kab.test. TXT -> NODATA; 0 packets'],
    },
    // Without a proof the peers ask for the target; who trusts the server for its own zone needs one packet.
    {
      title: "as NODATA costs the target's own question at most",
      zones: kab(honest),
      script: asked('bare.kab.test. TXT -> NODATA; at most 2 packets'),
    },
    {
      title: "as NXDOMAIN costs the target's own question at most",
      zones: kab(honest),
      script: asked('dead.kab.test. A -> NXDOMAIN; at most 2 packets'),
    },
    {
      title: "as NXDOMAIN of a DNAME's target stays NXDOMAIN",
      zones: kab(honest),
      script: asked('x9.old.kab.test. A -> NXDOMAIN'),
    },
    ...['', 'nsec3'].flatMap((sign): Row[] => [
      {
        title: `as NODATA with its proof (${sign === '' ? 'NSEC' : 'NSEC3'}) costs no further packet`,
        zones: kab(honest, { sign }),
        script: asked('bare.kab.test. TXT -> NODATA AD; 1 packet'),
      },
      {
        title: `as NXDOMAIN with its proof (${sign === '' ? 'NSEC' : 'NSEC3'}) costs no further packet`,
        zones: kab(honest, { sign }),
        script: asked('dead.kab.test. A -> NXDOMAIN AD; 1 packet'),
      },
    ]),
  ])
})
