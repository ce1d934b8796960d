/**
 * A trust anchor of one's own for a zone that has been given up. That it has no keys is said by the zone above, which
 * has an anchor too: it must not be judged by the keys that it denies. Unbound, BIND, Knot Resolver and PowerDNS
 * resolve such names by the zone above (RFC 6840 section 5.10, appendix C).
 */
import { describe } from 'vitest'
import { nameOf } from '../../src/simulation/records.ts'
import type { TrustAnchor } from '../../src/dnssec/trust-anchors.ts'
import { honest, type Row, rows, replies, type Server, type ZoneRow } from './world.ts'

/** An anchor by a DS record that no key matches. */
const anchorAt = (name: string): TrustAnchor => ({
  name: nameOf(name),
  ds: [Uint8Array.from([0x30, 0x39, 13, 2, ...new Uint8Array(32).fill(5)])],
  keys: [],
})
const gone = (...names: string[]): NonNullable<Row['validation']> => ({
  at: ['.', 'kab.test.'],
  anchors: names.map(anchorAt),
})
const GONE = gone('gone.kab.test.')
const RECORDS = 'www A 192.0.2.1\nplain A 192.0.2.2\nplain AAAA 2001:db8::2\nwww.plain A 192.0.2.3\n*.wild A 192.0.2.4'
const kab = (sign: string, servers: readonly Server[] = [honest], more: Row['zones'] = {}): Row['zones'] => ({
  'kab.test.': { records: RECORDS, sign, servers },
  ...more,
})

describe('a trust anchor for a zone that is gone', () => {
  rows(
    ['', 'nsec3'].flatMap((sign): Row[] => {
      const how = sign === '' ? 'NSEC' : 'NSEC3'
      return [
        ...['A', 'AAAA', 'HTTPS', 'DS'].map(
          (type): Row => ({
            title: `leaves the denial of a name below it to the zone above, ${how}: ${type}`,
            zones: kab(sign),
            validation: GONE,
            script: [
              `www.gone.kab.test. ${type} -> NXDOMAIN AD`,
              `www.gone.kab.test. ${type} -> NXDOMAIN AD; 0 packets`,
            ],
          }),
        ),
        {
          title: `leaves the denial of its own name to the zone above, ${how}`,
          zones: kab(sign),
          validation: GONE,
          script: ['gone.kab.test. A -> NXDOMAIN AD', 'gone.kab.test. DNSKEY -> NXDOMAIN AD'],
        },
        {
          title: `leaves the denial of its keys to the zone above, ${how}`,
          zones: kab(sign),
          validation: GONE,
          script: ['gone.kab.test. DNSKEY -> NXDOMAIN AD', 'www.gone.kab.test. A -> NXDOMAIN AD'],
        },
        {
          title: `leaves the data of a name that is no zone any more to the zone above, ${how}`,
          zones: kab(sign),
          validation: gone('plain.kab.test.'),
          script: [
            'plain.kab.test. A -> NOERROR AD 192.0.2.2',
            'www.plain.kab.test. A -> NOERROR AD 192.0.2.3',
            'plain.kab.test. TXT -> NODATA AD',
            'plain.kab.test. DNSKEY -> NODATA AD',
          ],
        },
        {
          title: `leaves the data of a wildcard to the zone above, ${how}`,
          zones: kab(sign),
          validation: gone('x.wild.kab.test.'),
          script: ['x.wild.kab.test. A -> NOERROR AD 192.0.2.4', 'y.x.wild.kab.test. A -> NOERROR AD 192.0.2.4'],
        },
        {
          title: `with another one below it leaves both to the zone above, ${how}`,
          zones: kab(sign),
          validation: gone('gone.kab.test.', 'a.gone.kab.test.'),
          script: ['www.a.gone.kab.test. A -> NXDOMAIN AD'],
        },
        {
          title: `is out of the way again after everything has expired, ${how}`,
          zones: kab(sign),
          validation: GONE,
          script: ['www.gone.kab.test. A -> NXDOMAIN AD', 'wait 301s', 'www.gone.kab.test. A -> NXDOMAIN AD'],
        },
      ]
    }),
  )
})

describe('a trust anchor for a zone that is there', () => {
  const child = (more: ZoneRow): Row['zones'] => ({ 'gone.kab.test.': { records: 'www A 192.0.2.9', ...more } })
  const denying: Server = ask =>
    ask.name === 'gone.kab.test.' && ask.type === 'DNSKEY' ? replies('NXDOMAIN') : undefined
  rows([
    {
      title: 'makes it bogus when it has no keys',
      zones: kab('', [honest], child({})),
      validation: GONE,
      script: ['www.gone.kab.test. A -> SERVFAIL'],
    },
    {
      title: 'makes it bogus when its keys are denied without a proof',
      zones: kab('', [honest], child({ servers: [denying] })),
      validation: GONE,
      script: ['www.gone.kab.test. A -> SERVFAIL', 'gone.kab.test. DNSKEY -> SERVFAIL'],
    },
    {
      title: 'counts, and not what the zone above says of it',
      zones: kab('', [honest], child({ sign: '' })),
      validation: { at: ['.', 'kab.test.', 'gone.kab.test.'] },
      script: ['www.gone.kab.test. A -> NOERROR AD 192.0.2.9', 'no.gone.kab.test. A -> NXDOMAIN AD'],
    },
    {
      title: 'makes it bogus when no key of it is trusted',
      zones: kab('', [honest], child({ sign: '' })),
      validation: GONE,
      script: ['www.gone.kab.test. A -> SERVFAIL'],
    },
  ])
})
