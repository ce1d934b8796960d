/**
 * Servers that say SERVFAIL. A zone whose servers all do is in trouble, and asking each of thirteen in every way is a
 * flood at the worst moment (RFC 9520 section 1.2); a zone of which one server is well resolves.
 */
import { describe } from 'vitest'
import { honest, replies, type Row, rows, type Server, type ZoneRow } from './world.ts'

const servfail: Server = () => replies('SERVFAIL')
/** To upper case; well otherwise. */
const erring: Server = ({ mixed }) => (mixed ? replies('SERVFAIL') : undefined)

const zonesOf = (servers: readonly Server[], at: 'test.' | 'kab.test.', sign?: string): Record<string, ZoneRow> => {
  const addresses = servers.map((_, i) => `203.0.113.${i + 1}`)
  return {
    'test.': { sign, ...(at === 'test.' ? { servers, at: addresses } : {}) },
    'kab.test.': {
      records: 'www A 192.0.2.1\nwww AAAA 2001:db8::1',
      sign,
      ...(at === 'kab.test.' ? { servers, at: addresses } : {}),
    },
  }
}

const times = (count: number, server: Server): readonly Server[] => Array.from({ length: count }, () => server)

const failing = (servers: number, at: 'test.' | 'kab.test.', minimise: NonNullable<Row['minimise']>): Row => ({
  title: `${servers} servers of ${at} that all fail cost a handful of packets, names ${minimise} minimised`,
  zones: zonesOf(times(servers, servfail), at),
  minimise,
  script: [
    `www.kab.test. A -> SERVFAIL; at most ${at === 'test.' ? 9 : 12} packets`,
    'www.kab.test. A -> SERVFAIL; 0 packets',
    'wait 10s',
    'all honest',
    'www.kab.test. A -> NOERROR 192.0.2.1',
  ],
})

const oneWell = (broken: Server, well: Server, count: number, sign?: string): Row => ({
  title: `one of ${count} servers that is well is found${well === erring ? ', though it errs on upper case' : ''}${sign === undefined ? '' : ', signed'}`,
  zones: zonesOf([...times(count - 1, broken), well], 'kab.test.', sign),
  script: ['A', 'AAAA'].map(
    type =>
      `www.kab.test. ${type} -> NOERROR${sign === undefined ? '' : ' AD'} ${type === 'A' ? '192.0.2.1' : '2001:db8::1'}`,
  ),
})

describe('servers that say SERVFAIL', () => {
  rows([
    failing(13, 'test.', 'relaxed'),
    failing(13, 'test.', 'strict'),
    failing(13, 'test.', 'off'),
    failing(13, 'kab.test.', 'relaxed'),
    failing(2, 'test.', 'relaxed'),
    failing(1, 'kab.test.', 'relaxed'),
    oneWell(servfail, honest, 2),
    oneWell(servfail, honest, 4),
    oneWell(servfail, honest, 4, ''),
    oneWell(servfail, erring, 2),
    oneWell(servfail, erring, 4),
    oneWell(() => replies('REFUSED'), honest, 13),
    oneWell(() => replies('NOERROR', { aa: false }), honest, 13),
  ])
})
