/**
 * Servers that copy the OPT record of a query into their FORMERR, give large sets, or refer every shortened name to
 * servers of its own.
 */
import { describe } from 'vitest'
import { type Asked, type Reply, type Row, rows, replies, type Server } from './world.ts'

const TYPES = { A: '192.0.2.9', AAAA: '2001:db8::9', HTTPS: '1 .' } as const
const RECORDS = 'www A 192.0.2.9\nwww AAAA 2001:db8::9\nwww HTTPS 1 .\nwww.b.a A 192.0.2.3'
const kab = (...servers: readonly Server[]): Row['zones'] => ({ 'kab.test.': { records: RECORDS, servers } })

describe('a server that answers EDNS with FORMERR and an OPT record', () => {
  const says =
    (rcode: number) =>
    (ask: Asked): Reply =>
      ask.edns ? { ...replies('SERVFAIL'), rcode } : { ...ask.honest(), edns: null }
  rows([
    ...Object.entries(TYPES).map(
      ([type, data]): Row => ({
        title: `is asked without EDNS: ${type}`,
        zones: kab(says(1)),
        script: [`www.kab.test. ${type} -> NOERROR ${data}`],
      }),
    ),
    {
      title: 'is asked without EDNS for a name that does not exist',
      zones: kab(says(1)),
      script: ['none.kab.test. A -> NXDOMAIN'],
    },
    {
      title: 'is asked without EDNS, both of two',
      zones: kab(says(1), says(1)),
      script: ['www.kab.test. A -> NOERROR 192.0.2.9'],
    },
    {
      title: 'may know EDNS all the same: each name is asked for with and without',
      zones: kab(says(1)),
      script: ['www.kab.test. A -> NOERROR 192.0.2.9', 'www.kab.test. AAAA -> NOERROR 2001:db8::9; at most 3 packets'],
    },
    {
      title: 'for one type of a signed zone leaves the others secure',
      zones: {
        'kab.test.': {
          records: RECORDS,
          sign: '',
          servers: [ask => (ask.type === 'HTTPS' ? says(1)(ask) : undefined)],
        },
      },
      script: [
        'www.kab.test. HTTPS -> SERVFAIL',
        'www.kab.test. A -> NOERROR AD 192.0.2.9',
        'www.kab.test. HTTPS -> SERVFAIL',
        'www.kab.test. AAAA -> NOERROR AD 2001:db8::9',
      ],
    },
    {
      title: 'and knows EDNS is not asked without it',
      zones: { 'kab.test.': { records: RECORDS, servers: [ask => (ask.type === 'HTTPS' ? says(1)(ask) : undefined)] } },
      script: ['www.kab.test. A -> NOERROR 192.0.2.9', 'www.kab.test. HTTPS -> SERVFAIL; at most 3 packets'],
    },
    {
      title: 'to each question with upper case in it is asked in small letters with EDNS',
      zones: { 'kab.test.': { records: RECORDS, sign: '', servers: [ask => (ask.mixed ? says(1)(ask) : undefined)] } },
      script: ['www.kab.test. A -> NOERROR AD 192.0.2.9', 'www.kab.test. AAAA -> NOERROR AD 2001:db8::9'],
    },
    {
      title: 'and without EDNS too fails',
      zones: kab(() => ({ ...replies('SERVFAIL'), rcode: 1 })),
      script: ['www.kab.test. A -> SERVFAIL; at most 8 packets'],
    },
  ])
})

describe('a referral for every shortened name', () => {
  const refers =
    (to: string): Server =>
    ask =>
      ask.name === 'a.kab.test.' || ask.name === 'b.a.kab.test.'
        ? replies('NOERROR', { aa: false, authority: `${ask.name} NS ${to}` })
        : undefined
  rows([
    {
      title: 'to the servers of the zone leads to the name',
      zones: kab(refers('ns1.kab.test.')),
      script: ['www.b.a.kab.test. A -> NOERROR 192.0.2.3'],
    },
    {
      // PowerDNS alone asks the zone above once more; that would cost a packet for each dead delegation.
      title: 'to servers that do not exist leads nowhere',
      zones: kab(refers('gone.kab.test.')),
      script: ['www.b.a.kab.test. A -> SERVFAIL; at most 6 packets', 'www.kab.test. A -> NOERROR 192.0.2.9'],
    },
    {
      title: 'to servers that do not exist leads to the name with minimisation off',
      minimise: 'off',
      zones: kab(refers('gone.kab.test.')),
      script: ['www.b.a.kab.test. A -> NOERROR 192.0.2.3'],
    },
  ])
})

describe('a set of many records', () => {
  const many = (n: number): string => Array.from({ length: n }, (_, i) => `many A 10.0.${i >> 8}.${i & 255}`).join('\n')
  rows(
    [100, 256].map(
      (n): Row => ({
        title: `is given whole: ${n}`,
        zones: { 'kab.test.': { records: many(n) } },
        script: ['many.kab.test. A -> NOERROR any'],
      }),
    ),
  )
  rows([
    {
      title: 'above the limit is none',
      zones: { 'kab.test.': { records: many(257) } },
      script: ['many.kab.test. A -> SERVFAIL'],
    },
  ])
})
