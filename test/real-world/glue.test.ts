/**
 * Addresses of name servers that only the parent knows: glue that a referral left out (RFC 9471 forbids it), and glue
 * for a name of which its own zone says something else, or says nothing since it is dead.
 */
import { describe } from 'vitest'
import { honest, type Row, rows, rrs, replies, type Server, silent } from './world.ts'

const RECORDS = 'www A 192.0.2.1\nwww AAAA 2001:db8::1'
const WWW = 'www.kab.test.'
const AT = '198.51.100.200'
const SECOND = '198.51.100.201'

/** Refers without glue; asked for a name server of the zone it answers `how`. */
const forgetful =
  (how: 'answer' | 'answer with AA' | 'referral' | 'nothing' | 'denial' | 'silence'): Server =>
  ask => {
    const bare = { ...ask.honest(), additional: [] }
    if (!/^ns\d\.kab\.test\.$/.test(ask.name)) return bare
    const at = ask.name.startsWith('ns1') ? AT : SECOND
    switch (how) {
      case 'answer':
      case 'answer with AA':
        return ask.type === 'A'
          ? replies('NOERROR', { answer: `${ask.name} A ${at}`, aa: how === 'answer with AA' })
          : bare
      case 'referral':
        return ask.honest()
      case 'nothing':
        return bare
      case 'denial':
        return replies('NXDOMAIN', { authority: 'test. SOA ns1.test. h. 1 7200 3600 86400 300' })
      case 'silence':
        return 'silent'
      default:
        return how satisfies never
    }
  }
const left = (parent: Server, servers: readonly Server[] = [honest], sign?: string): Row['zones'] => ({
  'test.': { servers: [parent], ...(sign === undefined ? {} : { sign }) },
  'kab.test.': {
    records: RECORDS,
    servers,
    at: [AT, SECOND].slice(0, servers.length),
    ...(sign === undefined ? {} : { sign }),
  },
})

describe('glue that the referral left out', () => {
  rows([
    ...(['answer', 'answer with AA', 'referral'] as const).flatMap((how): Row[] => [
      {
        title: `is asked for at the parent's servers, which give it by ${how}`,
        zones: left(forgetful(how)),
        script: [`${WWW} A -> NOERROR 192.0.2.1; at most 6 packets`, `${WWW} AAAA -> NOERROR 2001:db8::1; 1 packet`],
      },
      {
        title: `is asked for at the parent's servers, which give it by ${how}, in a signed zone`,
        zones: left(forgetful(how), [honest], ''),
        script: [`${WWW} A -> NOERROR AD 192.0.2.1`],
      },
      {
        title: `is asked for again when the delegation has expired: ${how}`,
        zones: left(forgetful(how)),
        script: [`${WWW} A -> NOERROR 192.0.2.1`, 'wait 301s', `${WWW} A -> NOERROR 192.0.2.1`],
      },
      {
        title: `is asked for with whole names: ${how}`,
        zones: left(forgetful(how)),
        minimise: 'off',
        script: [`${WWW} A -> NOERROR 192.0.2.1`],
      },
    ]),
    {
      title: 'of two servers is asked for until one works',
      zones: left(forgetful('answer'), [() => replies('SERVFAIL'), honest]),
      script: [`${WWW} A -> NOERROR 192.0.2.1`],
    },
    {
      title: 'of one of two servers is asked for when the other errs',
      zones: left(
        ask => {
          const said = ask.honest()
          if (ask.name === 'ns2.kab.test.' && ask.type === 'A')
            return replies('NOERROR', { answer: `${ask.name} A ${SECOND}`, aa: false })
          return { ...said, additional: said.additional.slice(0, 1) }
        },
        [() => replies('SERVFAIL'), honest],
      ),
      script: [`${WWW} A -> NOERROR 192.0.2.1`],
    },
    {
      title: 'is no answer for clients: the zone itself says what its server has',
      zones: left(forgetful('answer'), [
        ask =>
          ask.name === 'ns1.kab.test.' && ask.type === 'A'
            ? replies('NOERROR', { answer: 'ns1.kab.test. A 192.0.2.99' })
            : undefined,
      ]),
      script: [`${WWW} A -> NOERROR 192.0.2.1`, 'ns1.kab.test. A -> NOERROR 192.0.2.99'],
    },
    ...(['nothing', 'denial', 'silence'] as const).map(
      (how): Row => ({
        title: `and is not to be found is a failure of few packets: ${how}`,
        zones: left(forgetful(how), [honest, honest]),
        script: [`${WWW} A -> SERVFAIL; at most 20 packets`],
      }),
    ),
  ])
})

describe('the name of a server of which its own zone says something else', () => {
  const DEAD = '198.51.100.250'
  const HOST = 'ns1.host.example.'
  /** Serves host.example. by glue, and says of the name of its server what `says` has. */
  const zones = (says: Server, server: Server = honest): Row['zones'] => ({
    'kab.test.': { records: RECORDS, ns: [HOST], at: [AT], servers: [server] },
    'host.example.': {
      at: [AT],
      servers: [ask => (ask.name === HOST ? says(ask) : undefined)],
      records: '@ A 192.0.2.9',
    },
  })
  const sayings: Readonly<Record<string, Server>> = {
    'another address, where nothing listens': ask =>
      ask.type === 'A' ? replies('NOERROR', { answer: `${HOST} A ${DEAD}` }) : undefined,
    'no such name': () =>
      replies('NXDOMAIN', { authority: 'host.example. SOA ns1.host.example. h. 1 7200 3600 86400 300' }),
    'no address': () =>
      replies('NOERROR', { authority: 'host.example. SOA ns1.host.example. h. 1 7200 3600 86400 300' }),
    'an error': () => replies('SERVFAIL'),
    nothing: silent,
    'an alias': ask => (ask.type === 'A' ? replies('NOERROR', { answer: `${HOST} CNAME none.test.` }) : undefined),
    'a delegation to nowhere': () => replies('NOERROR', { aa: false, authority: `${HOST} NS ns.nowhere.test.` }),
  }
  rows([
    ...Object.entries(sayings).flatMap(([what, says]): Row[] => [
      {
        title: `is asked at the parent's glue in the end: ${what}`,
        zones: zones(says),
        script: [`${WWW} A -> NOERROR 192.0.2.1`, `${WWW} AAAA -> NOERROR 2001:db8::1`],
      },
      {
        title: `is asked at the parent's glue when what the zone says is cached: ${what}`,
        zones: zones(says),
        script: ['host.example. A -> NOERROR 192.0.2.9', `${WWW} A -> NOERROR 192.0.2.1`],
      },
    ]),
    {
      title: 'is asked at that address first',
      zones: {
        'kab.test.': { records: RECORDS, ns: [HOST], at: [SECOND], servers: [honest] },
        'host.example.': {
          at: [AT],
          servers: [
            ask =>
              ask.name === HOST && ask.type === 'A' ? replies('NOERROR', { answer: `${HOST} A ${SECOND}` }) : undefined,
          ],
        },
      },
      script: [`${WWW} A -> NOERROR 192.0.2.1`],
    },
  ])
})

describe('glue that is out of date, for a server in a sibling zone', () => {
  const DEAD = '198.51.100.250'
  const HOST = 'ns1.host.test.'
  /** The zone above has `DEAD` for the host, its own zone has `AT`. */
  const zones = (dead: Server, sign?: string): Row['zones'] => ({
    'test.': {
      ...(sign === undefined ? {} : { sign }),
      servers: [
        ask => {
          const said = ask.honest()
          if (!ask.name.endsWith('kab.test.') || said.answer.length > 0) return undefined
          return { ...said, additional: rrs(`${HOST} A ${DEAD}`) }
        },
      ],
    },
    'kab.test.': { records: RECORDS, ns: [HOST], at: [AT], ...(sign === undefined ? {} : { sign }) },
    'host.test.': { records: `ns1 A ${AT}`, ns: ['ns9.other.test.'], at: ['198.51.100.91'] },
    'other.test.': { records: 'ns9 A 198.51.100.91', at: ['198.51.100.90'] },
    'dead.test.': { servers: [dead], at: [DEAD] },
  })
  const deaths: Readonly<Record<string, Server>> = {
    'is silent': silent,
    'has no server any more': () => 'closed',
    'has another server, which refuses': () => replies('REFUSED'),
    'has another server, which is lame': () => replies('NOERROR', { aa: false }),
  }
  rows(
    Object.entries(deaths).flatMap(([what, dead]): Row[] => [
      {
        title: `does not cost the zone: the address ${what}`,
        zones: zones(dead),
        script: [
          `${WWW} A -> NOERROR 192.0.2.1`,
          `${WWW} AAAA -> NOERROR 2001:db8::1; at most 2 packets`,
          'wait 61s',
          `none.kab.test. A -> NXDOMAIN; at most 2 packets`,
        ],
      },
      {
        title: `does not cost the signed zone: the address ${what}`,
        zones: zones(dead, ''),
        script: [`${WWW} A -> NOERROR AD 192.0.2.1`],
      },
    ]),
  )
})
