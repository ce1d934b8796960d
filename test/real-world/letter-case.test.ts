/**
 * Servers that err on letters in upper case (DVE-2017-0006), as random letter case (0x20) makes of nearly all names.
 */
import { describe } from 'vitest'
import { honest, type Row, rows, replies, type Server, silent, soaOf } from './world.ts'

const RECORDS = 'wwwwwwwwww A 192.0.2.1\nwwwwwwwwww AAAA 2001:db8::1\notherother A 192.0.2.2'
const WWW = 'wwwwwwwwww.kab.test.'
const kab = (...servers: readonly Server[]): Row['zones'] => ({ 'kab.test.': { records: RECORDS, servers } })
const onMixed =
  (says: Server): Server =>
  ask =>
    ask.mixed ? says(ask) : undefined
const errors: Readonly<Record<string, Server>> = {
  REFUSED: () => replies('REFUSED'),
  SERVFAIL: () => replies('SERVFAIL'),
  NOTIMP: () => replies('NOTIMP'),
  FORMERR: () => ({ ...replies('SERVFAIL'), rcode: 1 }),
  'FORMERR without OPT': () => ({ ...replies('SERVFAIL'), rcode: 1, edns: null }),
  NXDOMAIN: () => replies('NXDOMAIN', { authority: soaOf('kab.test.') }),
  silence: silent,
}

const overTcp = (what: string, says: Server): readonly Row[] => [
  {
    title: `by ${what} over TCP is asked in plain letters`,
    zones: kab(ask => (ask.transport === 'udp' ? { ...replies('NOERROR'), truncated: true } : onMixed(says)(ask))),
    script: [`${WWW} A -> NOERROR 192.0.2.1`, `${WWW} AAAA -> NOERROR 2001:db8::1`],
  },
]

describe('a server that errs on upper case', () => {
  rows(
    Object.entries(errors).flatMap(([what, says]): Row[] => [
      {
        title: `by ${what} is asked in plain letters`,
        zones: kab(onMixed(says)),
        script: [`${WWW} A -> NOERROR 192.0.2.1`, `${WWW} AAAA -> NOERROR 2001:db8::1`],
      },
      {
        title: `by ${what} is one of two: names resolve`,
        zones: kab(onMixed(says), honest),
        script: [`${WWW} A -> NOERROR 192.0.2.1`, 'otherother.kab.test. A -> NOERROR 192.0.2.2'],
      },
      // No server was seen that reads both over UDP, and one of them over TCP alone.
      ...(what === 'silence' ? [] : overTcp(what, says)),
      {
        title: `by ${what} in a signed zone is asked in plain letters`,
        zones: { 'kab.test.': { records: RECORDS, sign: '', servers: [onMixed(says)] } },
        script: [`${WWW} A -> NOERROR AD 192.0.2.1`, `none.kab.test. A -> NXDOMAIN AD`],
      },
    ]),
  )
  rows([
    {
      title: 'and was asked for a name without letters before is asked in plain letters',
      zones: {
        'kab.test.': {
          records: RECORDS,
          servers: [onMixed(() => replies('NXDOMAIN', { authority: soaOf('kab.test.') }))],
        },
        '10.': { records: '1 PTR www.kab.test.', at: ['198.51.100.31'] },
        'x.': { records: 'a A 192.0.2.7', at: ['198.51.100.31'], servers: [onMixed(() => replies('REFUSED'))] },
      },
      script: ['1.10. PTR -> NOERROR www.kab.test.', 'a.x. A -> NOERROR 192.0.2.7'],
    },
    {
      title: 'is asked in plain letters from then on',
      zones: kab(onMixed(() => replies('REFUSED'))),
      script: [`${WWW} A -> NOERROR 192.0.2.1`, 'otherother.kab.test. A -> NOERROR 192.0.2.2; 1 packet'],
    },
  ])
})
