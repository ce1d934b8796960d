/**
 * NXDOMAIN for a name that has names below it. Many servers say so of empty non-terminals (DVE-2019-0001). RFC 8020
 * section 2 lets a denial count for what is below; without a proof Unbound, BIND, Knot Resolver and PowerDNS ask again.
 */
import { describe } from 'vitest'
import { honest, type Row, rows, replies, type Server, signedBy, soaOf, type ZoneRow } from './world.ts'

const RECORDS = `
x.b.a A 192.0.2.193
x.b.a AAAA 2001:db8::193
x.b.a HTTPS 1 .
y.x.b.a A 192.0.2.194
www A 192.0.2.10`

/** NXDOMAIN for one name, whatever type is asked, by the SOA of `zone`. */
const denies =
  (name: string, zone = 'entq.test.'): Server =>
  ask =>
    ask.name === name ? replies('NXDOMAIN', { authority: zone === '' ? '' : soaOf(zone) }) : undefined
const lies = denies('b.a.entq.test.')

const entq = (servers: readonly Server[] = [lies], more: ZoneRow = {}): Row['zones'] => ({
  'entq.test.': { records: RECORDS, servers, ...more },
})

const ABOVE = 'b.a.entq.test.'
const BELOW = 'x.b.a.entq.test.'
const FOUND = `${BELOW} A -> NOERROR 192.0.2.193`

describe('an NXDOMAIN that nothing proves', () => {
  rows([
    ...['A', 'AAAA', 'HTTPS', 'DS', 'NSEC', 'TXT'].map(
      (type): Row => ({
        title: `for the ${type} records of an empty non-terminal denies no name below it`,
        zones: entq(),
        script: [`${ABOVE} ${type} -> NXDOMAIN`, FOUND],
      }),
    ),
    ...(['off', 'strict'] as const).map(
      (minimise): Row => ({
        title: `denies nothing below it with minimisation ${minimise}`,
        minimise,
        zones: entq([ask => (ask.type === 'TXT' ? lies(ask) : undefined)]),
        script: [`${ABOVE} TXT -> NXDOMAIN`, FOUND],
      }),
    ),
    {
      title: 'denies no other type of a name below it',
      zones: entq(),
      script: [
        `${ABOVE} A -> NXDOMAIN`,
        `${BELOW} AAAA -> NOERROR 2001:db8::193`,
        `${BELOW} HTTPS -> NOERROR 1 .`,
        `${BELOW} TXT -> NODATA`,
      ],
    },
    {
      title: 'denies no name two labels below it',
      zones: entq(),
      script: [`${ABOVE} A -> NXDOMAIN`, 'y.x.b.a.entq.test. A -> NOERROR 192.0.2.194'],
    },
    {
      title: 'leaves the denial of a name below it to the servers',
      zones: entq(),
      script: [`${ABOVE} A -> NXDOMAIN`, 'gone.b.a.entq.test. A -> NXDOMAIN; at least 1 packet'],
    },
    {
      title: 'denies its own name from the cache, for every type',
      zones: entq(),
      script: [`${ABOVE} A -> NXDOMAIN`, `${ABOVE} A -> NXDOMAIN; 0 packets`, `${ABOVE} AAAA -> NXDOMAIN; 0 packets`],
    },
    {
      title: 'denies nothing below it when it has expired',
      zones: entq(),
      script: [`${ABOVE} A -> NXDOMAIN`, 'wait 301s', FOUND, `${ABOVE} A -> NXDOMAIN`],
    },
    {
      title: 'leaves what is cached below it where it is',
      zones: entq(),
      script: [FOUND, `${ABOVE} A -> NXDOMAIN`, `${FOUND}; 0 packets`],
    },
    {
      title: 'costs the name below it one look-up and no more',
      zones: entq(),
      script: [`${ABOVE} A -> NXDOMAIN`, FOUND, `${FOUND}; 0 packets`],
    },
    {
      title: 'said by one of two servers denies nothing below it',
      zones: entq([lies, honest]),
      script: [
        `${ABOVE} A -> NXDOMAIN or NODATA`,
        `${ABOVE} TXT -> NXDOMAIN or NODATA`,
        `${ABOVE} MX -> NXDOMAIN or NODATA`,
        FOUND,
      ],
    },
    {
      title: 'for the apex of a zone denies no name in the zone',
      zones: entq([denies('entq.test.')]),
      script: ['entq.test. A -> NXDOMAIN', 'www.entq.test. A -> NOERROR 192.0.2.10', FOUND],
    },
    {
      title: 'without an SOA denies nothing below it',
      zones: entq([denies(ABOVE, '')]),
      script: [`${ABOVE} A -> NXDOMAIN`, FOUND],
    },
    {
      title: 'shown by the SOA of a name between denies nothing below it',
      zones: entq([denies(ABOVE, 'a.entq.test.')]),
      script: [`${ABOVE} A -> NXDOMAIN`, FOUND],
    },
    {
      title: 'shown by the SOA of another zone is a last resort, and the name below is answered',
      zones: entq([denies(ABOVE, 'other.test.')]),
      script: [`${ABOVE} A -> NXDOMAIN`, FOUND],
    },
    {
      title: 'denies no zone that is delegated below it',
      zones: { ...entq(), 'sub.b.a.entq.test.': { records: 'www A 192.0.2.77' } },
      script: [`${ABOVE} A -> NXDOMAIN`, 'www.sub.b.a.entq.test. A -> NOERROR 192.0.2.77'],
    },
    {
      title: 'denies no server below it that another zone is delegated to',
      zones: {
        ...entq([lies], { records: `${RECORDS}\nns.b.a A 203.0.113.7` }),
        'hosted.test.': { ns: ['ns.b.a.entq.test.'], at: ['203.0.113.7'], records: 'www A 192.0.2.78' },
      },
      script: [`${ABOVE} A -> NXDOMAIN`, 'www.hosted.test. A -> NOERROR 192.0.2.78'],
    },
    {
      title: 'in an insecure zone below a signed one denies nothing below it',
      zones: { ...entq(), 'signed.test.': { sign: '' } },
      script: [`${ABOVE} A -> NXDOMAIN`, FOUND],
    },
    {
      title: 'got with CD=1 denies nothing below it without CD',
      zones: { ...entq(), 'signed.test.': { sign: '' } },
      script: [`+cd ${ABOVE} A -> NXDOMAIN`, FOUND],
    },
    {
      title: 'got without CD denies nothing below it with CD=1',
      zones: { ...entq(), 'signed.test.': { sign: '' } },
      script: [`${ABOVE} A -> NXDOMAIN`, `+cd ${FOUND}`],
    },
    {
      title: 'in a signed zone, got with CD=1, denies nothing below it',
      zones: entq([lies], { sign: '' }),
      script: [`+cd ${ABOVE} A -> NXDOMAIN`, `${BELOW} A -> NOERROR AD 192.0.2.193`],
    },
    {
      title: 'in a signed zone is no answer without CD, even when its SOA is signed, and the name below it is answered',
      zones: entq(
        [
          ask =>
            ask.name === ABOVE
              ? replies('NXDOMAIN', { authority: signedBy('entq.test.', soaOf('entq.test.')) })
              : undefined,
        ],
        { sign: '' },
      ),
      script: [`${ABOVE} A -> SERVFAIL`, `${BELOW} A -> NOERROR AD 192.0.2.193`],
    },
    {
      title: 'in a signed zone, got with CD=1, denies nothing below it with CD=1',
      zones: entq([lies], { sign: '' }),
      script: [`+cd ${ABOVE} A -> NXDOMAIN`, `+cd ${FOUND}`],
    },
  ])
})

describe('an NXDOMAIN that is proven', () => {
  const gone = (sign: string, validation?: Row['validation']): Omit<Row, 'title'> => ({
    zones: entq([honest], { sign }),
    script: [
      'gone.entq.test. A -> NXDOMAIN AD',
      'x.gone.entq.test. A -> NXDOMAIN AD; 0 packets',
      'y.x.gone.entq.test. AAAA -> NXDOMAIN AD; 0 packets',
    ],
    ...(validation === undefined ? {} : { validation }),
  })
  rows([
    { title: 'by NSEC denies everything below it without a packet', ...gone('') },
    { title: 'by NSEC3 denies everything below it without a packet', ...gone('nsec3') },
    { title: 'by NSEC denies everything below it without aggressive use', ...gone('', { aggressive: false }) },
    { title: 'by NSEC3 denies everything below it without aggressive use', ...gone('nsec3', { aggressive: false }) },
    // RFC 5155 section 9.2: such a proof says nothing of what is delegated there, and the answer has no AD.
    {
      title: 'by NSEC3 with Opt-Out leaves what is below it to the servers',
      zones: entq([honest], { sign: 'optOut' }),
      script: ['gone.entq.test. A -> NXDOMAIN', 'x.gone.entq.test. A -> NXDOMAIN; at least 1 packet'],
    },
  ])
})

describe('a NODATA for an empty non-terminal', () => {
  rows([
    { title: 'denies no name below it', zones: entq([honest]), script: [`${ABOVE} A -> NODATA`, FOUND] },
    {
      title: 'denies no name below it in a signed zone',
      zones: entq([honest], { sign: '' }),
      script: [`${ABOVE} A -> NODATA AD`, `${BELOW} A -> NOERROR AD 192.0.2.193`],
    },
  ])
})
