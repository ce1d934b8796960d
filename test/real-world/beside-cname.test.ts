/**
 * Types that exist at a name with a CNAME: NSEC and RRSIG (RFC 4035 section 2.5), KEY (RFC 2181 section 10.1), and DS,
 * which is data of the zone above (RFC 4035 section 3.1.4.1). A cached alias is no answer for them:
 * BIND and Unbound ask.
 */
import { describe } from 'vitest'
import { type Row, rows, replies, type Server, signedBy, type ZoneRow } from './world.ts'

const RECORDS = `
autoconfig CNAME autodiscover
autodiscover A 192.0.2.5
*.w CNAME autodiscover
outside CNAME www.away.test.
lost CNAME gone
www A 192.0.2.6
`
const sgn = (sign: string | null, servers: readonly Server[] = [() => undefined]): Row['zones'] => ({
  'sgn.test.': { records: RECORDS, servers, ...(sign === null ? {} : { sign }) },
})

const ALIAS = 'autoconfig.sgn.test.'
const CACHED = `${ALIAS} A -> NOERROR AD 192.0.2.5`

describe('a name with a cached CNAME in a signed zone', () => {
  rows([
    { title: 'is answered with its NSEC record', zones: sgn(''), script: [CACHED, `${ALIAS} NSEC -> NOERROR AD own`] },
    {
      title: 'is answered with its NSEC record when the alias leads into an unsigned zone',
      zones: { ...sgn(''), 'away.test.': { records: 'www A 192.0.2.9' } },
      script: ['outside.sgn.test. A -> NOERROR 192.0.2.9', 'outside.sgn.test. NSEC -> NOERROR AD own'],
    },
    {
      title: 'is answered with its NSEC record when the target does not exist',
      zones: sgn(''),
      script: [
        'lost.sgn.test. A -> NXDOMAIN AD',
        'lost.sgn.test. NSEC -> NOERROR AD own',
        'lost.sgn.test. A -> NXDOMAIN AD',
      ],
    },
    {
      title: 'is answered with its NSEC record when only the CNAME was asked for',
      zones: sgn(''),
      script: [`${ALIAS} CNAME -> NOERROR AD any`, `${ALIAS} NSEC -> NOERROR AD own`],
    },
    {
      title: 'is answered with its NSEC record with CD=1',
      zones: sgn(''),
      script: [`+cd ${ALIAS} A -> NOERROR 192.0.2.5`, `+cd ${ALIAS} NSEC -> NOERROR own`],
    },
    {
      title: 'is answered with its NSEC record after a question with CD=1',
      zones: sgn(''),
      script: [`+cd ${ALIAS} A -> NOERROR 192.0.2.5`, `${ALIAS} NSEC -> NOERROR AD own`],
    },
    {
      title: 'keeps its NSEC record as its alias expires',
      zones: sgn(''),
      script: [CACHED, 'wait 301s', `${ALIAS} NSEC -> NOERROR AD own`, CACHED],
    },
    {
      title: 'is answered with its alias after its NSEC record',
      zones: sgn(''),
      script: [`${ALIAS} NSEC -> NOERROR AD own`, CACHED, `${ALIAS} NSEC -> NOERROR AD own; 0 packets`],
    },
    { title: 'is answered with its signatures', zones: sgn(''), script: [CACHED, `${ALIAS} RRSIG -> NOERROR own`] },
    {
      title: 'is answered with its signatures before anything else',
      zones: sgn(''),
      script: [`${ALIAS} RRSIG -> NOERROR own`, CACHED],
    },
    {
      title: 'has no keys: the alias is followed for DNSKEY',
      zones: sgn(''),
      script: [CACHED, `${ALIAS} DNSKEY -> NODATA AD`, CACHED],
    },
    {
      title: 'has its alias followed for MX and TXT',
      zones: sgn(''),
      script: [CACHED, `${ALIAS} MX -> NODATA AD`, `${ALIAS} TXT -> NODATA AD`],
    },
    {
      title: 'that is a wildcard is answered with its NSEC record',
      zones: sgn(''),
      script: ['*.w.sgn.test. A -> NOERROR AD 192.0.2.5', '*.w.sgn.test. NSEC -> NOERROR AD own'],
    },
    {
      title: 'made from a wildcard leaves the wildcard its NSEC record',
      zones: sgn(''),
      script: [
        'x.w.sgn.test. A -> NOERROR AD 192.0.2.5',
        '*.w.sgn.test. NSEC -> NOERROR AD own',
        'y.w.sgn.test. A -> NOERROR AD 192.0.2.5',
      ],
    },
    {
      title: 'has no NSEC record in a zone with NSEC3',
      zones: sgn('nsec3'),
      script: [CACHED, `${ALIAS} NSEC -> NODATA AD`],
    },
  ])
})

describe('a name with a cached CNAME in an unsigned zone', () => {
  const key: Server = ask =>
    ask.name === ALIAS && ask.type === 'KEY'
      ? replies('NOERROR', { answer: `${ALIAS} TYPE25 \\# 8 0200030d01020304` })
      : undefined
  const asked = `${ALIAS} A -> NOERROR 192.0.2.5`
  rows([
    {
      title: 'is answered with its KEY record',
      zones: sgn(null, [key]),
      script: [asked, `${ALIAS} KEY -> NOERROR own`],
    },
    {
      title: 'is answered with its KEY record first, and then with its alias',
      zones: sgn(null, [key]),
      script: [`${ALIAS} KEY -> NOERROR own`, asked],
    },
    {
      title: 'has no NSEC record: the alias is followed',
      zones: sgn(null),
      script: [asked, `${ALIAS} NSEC -> NODATA`],
    },
    {
      title: 'has its alias followed for AAAA from the cache',
      zones: sgn(null),
      script: [asked, `${ALIAS} CNAME -> NOERROR autodiscover.sgn.test.; 0 packets`, `${ALIAS} AAAA -> NODATA`],
    },
  ])
})

describe('a zone with a CNAME at its apex', () => {
  const APEX = 'apexcn.test.'
  /** Servers with an alias at the apex give it for every type that they do not need themselves. */
  const apexAlias =
    (signed: boolean): Server =>
    ask => {
      const alias = `${APEX} CNAME www.sgn.test.`
      if (ask.name !== APEX || ['DNSKEY', 'SOA', 'NS', 'DS', 'NSEC', 'RRSIG'].includes(ask.type)) return undefined
      return replies('NOERROR', { answer: signed ? signedBy(APEX, alias) : alias })
    }
  const zones = (apex: ZoneRow, sign: string | null = ''): Row['zones'] => ({
    ...sgn(sign),
    [APEX]: { records: 'www A 192.0.2.7', ...apex },
  })
  const signed = zones({ sign: '', servers: [apexAlias(true)] })
  const WWW = 'www.apexcn.test. A -> NOERROR AD 192.0.2.7'
  const unchecked = `+cd ${APEX} A -> NOERROR 192.0.2.6`
  rows([
    {
      title: 'that is signed is validated when the alias was cached by a question with CD=1',
      zones: signed,
      script: [unchecked, WWW],
    },
    {
      title: 'that is signed is validated at the apex when the alias was cached by a question with CD=1',
      zones: signed,
      script: [unchecked, `${APEX} A -> NOERROR AD 192.0.2.6`],
    },
    {
      title: 'that is signed is validated when nothing is cached',
      zones: signed,
      script: [`${APEX} A -> NOERROR AD 192.0.2.6`, WWW],
    },
    {
      title: 'that is signed is validated when its keys have expired and the alias is cached',
      zones: signed,
      script: [WWW, 'wait 200s', unchecked, 'wait 150s', WWW],
    },
    {
      title: 'that is signed is answered with its keys',
      zones: signed,
      script: [unchecked, `${APEX} DNSKEY -> NOERROR AD own`],
    },
    {
      title: 'that is signed is answered with its keys after a validated alias',
      zones: signed,
      script: [`${APEX} A -> NOERROR AD 192.0.2.6`, `${APEX} DNSKEY -> NOERROR AD own`],
    },
    {
      title: 'that is signed is answered with its DS records by the parent',
      zones: signed,
      script: [unchecked, `${APEX} DS -> NOERROR AD own`],
    },
    {
      title: 'that is signed is answered with its DS records by the parent after a validated alias',
      zones: signed,
      script: [`${APEX} A -> NOERROR AD 192.0.2.6`, `${APEX} DS -> NOERROR AD own`],
    },
    {
      title: 'that is unsigned has no DS record, as the parent proves',
      zones: zones({ servers: [apexAlias(false)] }),
      script: [
        `${APEX} A -> NOERROR 192.0.2.6`,
        `${APEX} DS -> NODATA AD own`,
        'www.apexcn.test. A -> NOERROR 192.0.2.7',
      ],
    },
    {
      title: 'that is unsigned in an unsigned world has no DS record',
      zones: zones({ servers: [apexAlias(false)] }, null),
      script: [`${APEX} A -> NOERROR 192.0.2.6`, `${APEX} DS -> NODATA own`, 'www.apexcn.test. A -> NOERROR 192.0.2.7'],
    },
  ])
})

describe('a zone with a DNAME at its apex', () => {
  const zones: Row['zones'] = {
    ...sgn(''),
    'dn.test.': { sign: '', records: '@ DNAME sgn.test.\n@ MX 10 mail.sgn.test.' },
  }
  const CACHED_DNAME = 'www.dn.test. A -> NOERROR AD 192.0.2.6'
  rows([
    ...[
      ['MX', 'NOERROR AD 10 mail.sgn.test.'],
      ['DNSKEY', 'NOERROR AD own'],
      ['DS', 'NOERROR AD own'],
      ['NSEC', 'NOERROR AD own'],
      ['SOA', 'NOERROR AD own'],
      ['A', 'NODATA AD own'],
    ].map(
      ([type = '', said = '']): Row => ({
        title: `is answered from the apex itself for ${type} when the DNAME is cached`,
        zones,
        script: [CACHED_DNAME, `dn.test. ${type} -> ${said}`, 'autodiscover.dn.test. A -> NOERROR AD 192.0.2.5'],
      }),
    ),
    {
      title: 'is validated when the DNAME was cached by a question with CD=1',
      zones,
      script: ['+cd www.dn.test. A -> NOERROR 192.0.2.6', CACHED_DNAME, 'dn.test. DNSKEY -> NOERROR AD own'],
    },
  ])
})
