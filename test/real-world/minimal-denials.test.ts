/**
 * NSEC and NSEC3 records that are made up for one question ("white lies", RFC 4470, RFC 7129 appendix B, RFC 9824).
 * Load balancers put wrong type bitmaps into them. They prove the answer that they came with, and nothing is made of
 * them for other names or types (RFC 8198 is a choice, and pays only where a record covers names).
 */
import { describe } from 'vitest'
import { formatBase32Hex } from '../../src/dns/encoding-text.ts'
import { nsec3Hash } from '../../src/dnssec/algorithms.ts'
import { nameOf } from '../../src/simulation/records.ts'
import { honest, type Row, rows, replies, type Server, signedBy, soaOf } from './world.ts'

const ZONE = 'kab.test.'
const RECORDS = `
www A 192.0.2.1
www AAAA 2001:db8::1
www HTTPS 1 .
www MX 10 mail
below.www A 192.0.2.2
neighbour A 192.0.2.3
*.wild A 192.0.2.4
`
const DATA = { A: '192.0.2.1', AAAA: '2001:db8::1', HTTPS: '1 .', MX: '10 mail.kab.test.' } as const

const hash = (name: string, plus = 0): string => {
  const octets = nsec3Hash(nameOf(name), new Uint8Array(0), 1)
  for (let at = octets.length - 1, carry = plus; carry !== 0 && at >= 0; at--) {
    const sum = (octets[at] ?? 0) + carry
    octets[at] = sum & 0xff
    carry = sum >> 8
  }
  return formatBase32Hex(octets)
}
/** A record from the hash of a name plus `from` to that plus `to`. */
const nsec3 = (name: string, from: number, to: number, types: string): string =>
  `${hash(name, from)}.${ZONE} NSEC3 1 0 1 - ${hash(name, to)} ${types}`

const NODATA_PROOFS = {
  'an NSEC record to the first name below': ['', `www.${ZONE} NSEC \\000.www.${ZONE} RRSIG NSEC`],
  'an NSEC record to the next label': ['', `www.${ZONE} NSEC www\\000.${ZONE} RRSIG NSEC`],
  'an NSEC3 record of one hash': ['nsec3(1)', nsec3(`www.${ZONE}`, 0, 1, 'RRSIG')],
} as const

const kab = (sign: string, ...servers: readonly Server[]): Row['zones'] => ({
  [ZONE]: { records: RECORDS, sign, servers },
})
/** Denies the types of www by a proof. */
const denies = (proof: string, types: readonly string[]): Server => {
  const authority = signedBy(ZONE, `${soaOf(ZONE)}\n${proof}`)
  return ask => (ask.name === `www.${ZONE}` && types.includes(ask.type) ? replies('NOERROR', { authority }) : undefined)
}

describe('a type denied by a record that covers nothing else', () => {
  rows([
    ...Object.entries(NODATA_PROOFS).flatMap(([what, [sign, proof]]): Row[] => [
      ...(['A', 'HTTPS', 'MX'] as const).map(
        (type): Row => ({
          title: `leaves ${type} alone: ${what}`,
          zones: kab(sign, denies(proof, ['AAAA'])),
          script: [
            `www.${ZONE} AAAA -> NODATA AD`,
            `www.${ZONE} ${type} -> NOERROR AD ${DATA[type]}`,
            `www.${ZONE} AAAA -> NODATA AD; 0 packets`,
          ],
        }),
      ),
      {
        title: `leaves AAAA alone when A was denied: ${what}`,
        zones: kab(sign, denies(proof, ['A'])),
        script: [`www.${ZONE} A -> NODATA AD`, `www.${ZONE} AAAA -> NOERROR AD 2001:db8::1`],
      },
      {
        title: `leaves names below alone: ${what}`,
        zones: kab(sign, denies(proof, ['AAAA'])),
        script: [`www.${ZONE} AAAA -> NODATA AD`, `below.www.${ZONE} A -> NOERROR AD 192.0.2.2`],
      },
      {
        title: `leaves it alone at one of two servers: ${what}`,
        zones: kab(sign, denies(proof, ['AAAA']), honest),
        script: [`www.${ZONE} AAAA -> NODATA AD or NOERROR AD 2001:db8::1`, `www.${ZONE} A -> NOERROR AD 192.0.2.1`],
      },
      {
        title: `is denied no longer when that has expired: ${what}`,
        zones: kab(sign, denies(proof, ['AAAA'])),
        script: [
          `www.${ZONE} AAAA -> NODATA AD`,
          'wait 301s',
          'all honest',
          `www.${ZONE} AAAA -> NOERROR AD 2001:db8::1`,
        ],
      },
    ]),
  ])
})

describe('a name denied by records that cover nothing else', () => {
  const NONE = `none.${ZONE}`
  const says = (...proof: string[]): Server => {
    const authority = signedBy(ZONE, [soaOf(ZONE), ...proof].join('\n'))
    return ask => (ask.name === NONE ? replies('NXDOMAIN', { authority }) : undefined)
  }
  const proofs: readonly (readonly [string, string, Server])[] = [
    ['NXNAME', '', says(`${NONE} NSEC \\000.${NONE} RRSIG NSEC NXNAME`)],
    [
      'NSEC records from the name before to the name after',
      '',
      says(`nond\\255.${ZONE} NSEC none\\000.${ZONE} RRSIG NSEC`, `\\).${ZONE} NSEC *\\000.${ZONE} RRSIG NSEC`),
    ],
    [
      'NSEC3 records from the hash before to the hash after',
      'nsec3(1)',
      says(nsec3(ZONE, 0, 1, 'NS SOA RRSIG DNSKEY NSEC3PARAM'), nsec3(NONE, -1, 1, ''), nsec3(`*.${ZONE}`, -1, 1, '')),
    ],
  ]
  rows(
    proofs.flatMap(([what, sign, server]): Row[] => [
      {
        title: `is denied for every type from the cache: ${what}`,
        zones: kab(sign, server),
        script: [`${NONE} A -> NXDOMAIN AD`, `${NONE} A -> NXDOMAIN AD; 0 packets`],
      },
      {
        title: `leaves the neighbours alone: ${what}`,
        zones: kab(sign, server),
        script: [
          `${NONE} A -> NXDOMAIN AD`,
          `neighbour.${ZONE} A -> NOERROR AD 192.0.2.3`,
          `www.${ZONE} A -> NOERROR AD 192.0.2.1`,
        ],
      },
      {
        title: `leaves names below it to be asked for: ${what}`,
        zones: {
          [ZONE]: { records: `${RECORDS}\nx.none A 192.0.2.5`, sign, servers: [server] },
        },
        minimise: 'off',
        script: [`${NONE} A -> NXDOMAIN AD`, `x.${NONE} A -> NOERROR AD 192.0.2.5`],
      },
    ]),
  )
})

describe('a record that covers names', () => {
  rows([
    {
      title: 'denies them from the cache, NSEC',
      zones: kab('', honest),
      script: [`a.${ZONE} A -> NXDOMAIN AD`, `b.${ZONE} AAAA -> NXDOMAIN AD; 0 packets`],
    },
    {
      title: 'denies other types of its name from the cache, NSEC3',
      zones: kab('nsec3(1)', honest),
      script: [`www.${ZONE} TXT -> NODATA AD`, `www.${ZONE} SRV -> NODATA AD; 0 packets`],
    },
    {
      title: 'is all there is in a zone of one name, NSEC3, and denies the rest',
      zones: { 'one.test.': { sign: 'nsec3(1)' } },
      script: ['a.one.test. A -> NXDOMAIN AD', 'b.one.test. A -> NXDOMAIN AD; at most 1 packet'],
    },
  ])
})
