/**
 * Replies without data and without an SOA. With NS records of a zone above they come from a server that has not got the
 * zone, whatever AA says (RFC 2308 section 2.2 calls NS without SOA a referral); with records of no use, from one that
 * errs. Another server may have the data. Unbound, BIND and Knot Resolver call them lame.
 */
import { describe } from 'vitest'
import { honest, type Row, rows, replies, type Sections, type Server, silent } from './world.ts'

const WWW = 'www.kab.test.'
const RECORDS = 'www A 192.0.2.1\nwww AAAA 2001:db8::1\nwww HTTPS 1 .\nother A 192.0.2.2'
const DATA = { A: '192.0.2.1', AAAA: '2001:db8::1', HTTPS: '1 .' } as const

/** Says `sections` of www to questions of these types. */
const says =
  (sections: Sections, types: readonly string[] = ['A', 'AAAA', 'HTTPS', 'TXT', 'DS']): Server =>
  ask =>
    ask.name === WWW && types.includes(ask.type) ? replies('NOERROR', { aa: true, ...sections }) : undefined

const kab = (...servers: readonly Server[]): Row['zones'] => ({ 'kab.test.': { records: RECORDS, servers } })

const UPWARDS = { 'of the root': '. NS ns1.', 'of the zone above': 'test. NS ns1.test.' } as const

describe('NS records of a zone above, with AA and without an SOA,', () => {
  rows([
    ...Object.entries(UPWARDS).flatMap(([whose, authority]): Row[] => [
      ...Object.entries(DATA).flatMap(([type, data]): Row[] => [
        {
          title: `${whose} are no denial of ${type}`,
          zones: kab(says({ authority })),
          script: [`${WWW} ${type} -> SERVFAIL`],
        },
        {
          title: `${whose} from one of two servers leave ${type} to the other`,
          zones: kab(says({ authority }), honest),
          script: [`${WWW} ${type} -> NOERROR ${data}`],
        },
      ]),
      {
        title: `${whose} for AAAA leave A alone`,
        zones: kab(says({ authority }, ['AAAA'])),
        script: [`${WWW} AAAA -> SERVFAIL`, `${WWW} A -> NOERROR 192.0.2.1`, 'other.kab.test. A -> NOERROR 192.0.2.2'],
      },
      {
        title: `${whose} over TCP are no denial`,
        zones: kab(ask => (ask.transport === 'udp' ? { truncated: true } : says({ authority })(ask)), honest),
        script: [`${WWW} A -> NOERROR 192.0.2.1`],
      },
      {
        title: `${whose} are not remembered as a denial`,
        zones: kab(says({ authority })),
        script: [`${WWW} A -> SERVFAIL`, 'all honest', 'wait 60s', `${WWW} A -> NOERROR 192.0.2.1`],
      },
    ]),
    {
      title: "with the zone's SOA as well are a denial",
      zones: kab(says({ authority: '. NS ns1.\nkab.test. SOA ns1.kab.test. h. 1 7200 3600 86400 300' })),
      script: [`${WWW} TXT -> NODATA`],
    },
  ])
})

describe("the zone's own NS records, with AA and without an SOA,", () => {
  const authority = 'kab.test. NS ns1.kab.test.'
  rows([
    {
      title: 'are taken for NODATA when every server says so',
      zones: kab(says({ authority }), says({ authority })),
      script: [`${WWW} TXT -> NODATA`, 'other.kab.test. A -> NOERROR 192.0.2.2'],
    },
    ...Object.entries(DATA).map(
      ([type, data]): Row => ({
        title: `are no denial of ${type} when another server has it`,
        zones: kab(says({ authority }), honest),
        script: [`${WWW} ${type} -> NOERROR ${data}`],
      }),
    ),
    {
      title: 'without AA are a referral to itself: SERVFAIL',
      zones: kab(says({ authority, aa: false })),
      script: [`${WWW} A -> SERVFAIL`],
    },
  ])
})

describe('an answer section without a record of use, with AA,', () => {
  const useless = {
    'of another name': 'elsewhere.kab.test. A 192.0.2.66',
    'of another type': 'www.kab.test. TXT "no"',
    'of another zone': 'www.away.test. A 192.0.2.66',
  } as const
  rows([
    ...Object.entries(useless).flatMap(([what, answer]): Row[] => [
      {
        title: `${what}, is no denial when another server has the data`,
        zones: kab(says({ answer }, ['A']), honest),
        script: [`${WWW} A -> NOERROR 192.0.2.1`],
      },
      {
        title: `${what}, is taken for NODATA when the only server says so, and kept for seconds only`,
        zones: kab(says({ answer }, ['A'])),
        script: [`${WWW} A -> NODATA`, 'all honest', 'wait 6s', `${WWW} A -> NOERROR 192.0.2.1`],
      },
    ]),
    {
      title: 'is taken for NODATA when the other server is silent',
      zones: kab(says({ answer: useless['of another name'] }, ['A']), ask =>
        ask.name === WWW ? silent(ask) : undefined,
      ),
      script: [`${WWW} A -> NODATA`],
    },
  ])
})

describe('a denial with the SOA of a zone elsewhere', () => {
  const authority = 'away.test. SOA ns1.away.test. h. 1 7200 3600 86400 300'
  const denying =
    (rcode: 'NOERROR' | 'NXDOMAIN', aa = true): Server =>
    ask =>
      ask.name === WWW ? replies(rcode, { authority, aa }) : undefined
  const said = { NOERROR: 'NODATA', NXDOMAIN: 'NXDOMAIN' } as const
  rows(
    (['NOERROR', 'NXDOMAIN'] as const).flatMap((rcode): Row[] => [
      ...Object.entries(DATA).flatMap(([type, data]): Row[] => [
        {
          title: `${rcode} is taken when the only server says so, and kept for seconds only: ${type}`,
          zones: kab(denying(rcode)),
          script: [`${WWW} ${type} -> ${said[rcode]}`, 'all honest', 'wait 6s', `${WWW} ${type} -> NOERROR ${data}`],
        },
        {
          title: `${rcode} is none when another server has the data: ${type}`,
          zones: kab(denying(rcode), honest),
          script: [`${WWW} ${type} -> NOERROR ${data}`],
        },
      ]),
      {
        title: `${rcode} is taken when the other server is silent`,
        zones: kab(denying(rcode), ask => (ask.name === WWW ? silent(ask) : undefined)),
        script: [`${WWW} A -> ${said[rcode]}`],
      },
      {
        title: `${rcode} leaves other names alone`,
        zones: kab(denying(rcode)),
        script: [`${WWW} A -> ${said[rcode]}`, 'other.kab.test. A -> NOERROR 192.0.2.2'],
      },
      {
        title: `${rcode} without AA is lame`,
        zones: kab(denying(rcode, false)),
        script: [`${WWW} A -> SERVFAIL`],
      },
      {
        title: `${rcode} in a signed zone is bogus`,
        zones: { 'kab.test.': { records: RECORDS, sign: '', servers: [denying(rcode)] } },
        script: [`${WWW} A -> SERVFAIL`],
      },
    ]),
  )
})
