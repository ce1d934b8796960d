/**
 * Data that follows an alias in one reply. Only the first record is at the name that was asked for (RFC 2181 section
 * 5.4.1); what comes after it may be stale data of a name that the server has given to a child zone, or have no
 * signature. Unbound, BIND, Knot Resolver and PowerDNS ask for such a target on its own.
 */
import { describe } from 'vitest'
import { honest, type Row, rows, replies, type Server, signaturesBy, signedBy, type ZoneRow } from './world.ts'

const TARGET = 'host.sub.kab.test.'
const RECORDS = `
www CNAME host.sub
two CNAME www
flat CNAME near
near A 192.0.2.7
near AAAA 2001:db8::7
near HTTPS 1 .
deep CNAME a.b.c
a.b.c A 192.0.2.8
top CNAME @
@ A 192.0.2.9
via CNAME x.old
old DNAME dir
x.dir A 192.0.2.10
x.dir AAAA 2001:db8::10
`
const DATA = { A: '192.0.2.84', AAAA: '2001:db8::84', HTTPS: '1 .', TXT: '"child"' } as const
const STALE = { A: '192.0.2.66', AAAA: '2001:db8::66', HTTPS: '1 stale.kab.test.', TXT: '"parent"' } as const
const CHILD = 'host A 192.0.2.84\nhost AAAA 2001:db8::84\nhost HTTPS 1 .\nhost TXT "child"\nhost 30 MX 1 mail'

/** A server of kab.test. that answers for a target that it has given away. Its TTL is that of our reproducers. */
const stale: Server = ask => {
  const data = Object.entries(STALE).find(([type]) => type === ask.type)?.[1]
  if (data === undefined || !['www.kab.test.', 'two.kab.test.'].includes(ask.name)) return undefined
  const links = ask.name === 'two.kab.test.' ? 'two.kab.test. CNAME www.kab.test.\n' : ''
  return replies('NOERROR', {
    answer: `${links}www.kab.test. CNAME ${TARGET}\n${TARGET} 3600 ${ask.type} ${data}`,
  })
}

const kab = (servers: readonly Server[], more: ZoneRow = {}, child: ZoneRow = {}): Row['zones'] => ({
  'kab.test.': { records: RECORDS, servers, ...more },
  'sub.kab.test.': { records: CHILD, ...child },
})

describe('data after an alias, of a name below a cut, unsigned,', () => {
  rows([
    ...Object.entries(DATA).flatMap(([type, data]): Row[] => [
      {
        title: `is asked for at the child's servers when the cut is not known: ${type}`,
        zones: kab([stale]),
        script: [`www.kab.test. ${type} -> NOERROR ${data}`, `${TARGET} ${type} -> NOERROR ${data}; 0 packets`],
      },
      {
        title: `does not take the place of what the child's servers said: ${type}`,
        zones: kab([stale]),
        script: [
          `${TARGET} ${type} -> NOERROR ${data}`,
          `www.kab.test. ${type} -> NOERROR ${data}`,
          'wait 400s',
          `${TARGET} ${type} -> NOERROR ${data}`,
        ],
      },
      {
        title: `is asked for with whole names: ${type}`,
        zones: kab([stale]),
        minimise: 'off',
        script: [`www.kab.test. ${type} -> NOERROR ${data}`],
      },
      {
        title: `is asked for when one of two servers says so: ${type}`,
        zones: kab([stale, honest]),
        script: [`www.kab.test. ${type} -> NOERROR ${data}`, `${TARGET} ${type} -> NOERROR ${data}`],
      },
    ]),
    {
      title: 'is asked for in a strictly minimised walk',
      zones: kab([stale]),
      minimise: 'strict',
      script: ['www.kab.test. A -> NOERROR 192.0.2.84'],
    },
    {
      title: 'is asked for with CD=1',
      zones: kab([stale]),
      script: ['+cd www.kab.test. A -> NOERROR 192.0.2.84'],
    },
    {
      title: 'is asked for after a chain of two',
      zones: kab([stale]),
      script: ['two.kab.test. A -> NOERROR 192.0.2.84', 'www.kab.test. A -> NOERROR 192.0.2.84; 0 packets'],
    },
    {
      title: 'is asked for over TCP',
      zones: kab([ask => (ask.transport === 'udp' ? { truncated: true, authoritative: true } : stale(ask))]),
      script: ['www.kab.test. A -> NOERROR 192.0.2.84'],
    },
    {
      title: 'is asked for when everything has expired',
      zones: kab([stale]),
      script: [
        'www.kab.test. A -> NOERROR 192.0.2.84',
        'wait 301s',
        'www.kab.test. A -> NOERROR 192.0.2.84',
        `${TARGET} A -> NOERROR 192.0.2.84; 0 packets`,
      ],
    },
    {
      title: 'without AA is asked for',
      zones: kab([
        ask => {
          const said = stale(ask)
          return typeof said === 'object' ? { ...said, authoritative: false } : said
        },
      ]),
      script: ['www.kab.test. A -> NOERROR 192.0.2.84'],
    },
    {
      title: 'is asked for in the middle of a chain',
      zones: kab(
        [
          ask =>
            ask.name === 'www.kab.test.' && ask.type === 'A'
              ? replies('NOERROR', {
                  answer: `www.kab.test. CNAME ${TARGET}\n${TARGET} CNAME near.kab.test.\nnear.kab.test. A 192.0.2.7`,
                })
              : undefined,
        ],
        {},
      ),
      script: ['www.kab.test. A -> NOERROR 192.0.2.84', `${TARGET} A -> NOERROR 192.0.2.84; 0 packets`],
    },
    {
      title: 'is not needed when the child has no such data',
      zones: kab([stale], {}, { records: 'other A 192.0.2.1\nhost MX 1 mail' }),
      script: ['www.kab.test. A -> NODATA', `${TARGET} A -> NODATA; 0 packets`],
    },
    {
      title: 'is not needed when the child denies the name',
      zones: kab([stale], {}, { records: 'other A 192.0.2.1' }),
      script: ['www.kab.test. A -> NXDOMAIN'],
    },
  ])
})

describe('data after an alias, of a name in the same zone, unsigned,', () => {
  const zones = kab([honest])
  rows([
    {
      title: 'is taken right below the apex: root, test. and one question to the zone',
      zones,
      script: ['flat.kab.test. A -> NOERROR 192.0.2.7; 3 packets', 'near.kab.test. A -> NOERROR 192.0.2.7; 0 packets'],
    },
    {
      title: 'is taken at the apex',
      zones,
      script: ['top.kab.test. A -> NOERROR 192.0.2.9; 3 packets', 'kab.test. A -> NOERROR 192.0.2.9; 0 packets'],
    },
    {
      title: 'is asked for once more deeper in the zone, by the whole name, which its servers have just named',
      zones,
      script: ['deep.kab.test. A -> NOERROR 192.0.2.8; 4 packets', 'a.b.c.kab.test. A -> NOERROR 192.0.2.8; 0 packets'],
    },
    {
      title: 'is asked for alone when only it has expired',
      zones: kab([
        ask =>
          ask.name === 'flat.kab.test.'
            ? replies('NOERROR', { answer: 'flat.kab.test. CNAME near.kab.test.\nnear.kab.test. 30 A 192.0.2.7' })
            : undefined,
      ]),
      script: ['flat.kab.test. A -> NOERROR 192.0.2.7', 'wait 31s', 'flat.kab.test. A -> NOERROR 192.0.2.7; 1 packet'],
    },
    {
      title: 'is asked for once more after a DNAME that follows it',
      zones,
      script: ['via.kab.test. A -> NOERROR 192.0.2.10; 4 packets'],
    },
    ...(['AAAA', 'HTTPS'] as const).map(
      (type): Row => ({
        title: `is taken right below the apex: ${type}`,
        zones,
        script: [`flat.kab.test. ${type} -> NOERROR any; 3 packets`],
      }),
    ),
    {
      title: 'is not taken when the name itself was answered otherwise',
      zones: kab([
        ask =>
          ask.name === 'flat.kab.test.'
            ? replies('NOERROR', { answer: 'flat.kab.test. CNAME near.kab.test.\nnear.kab.test. A 192.0.2.66' })
            : undefined,
      ]),
      script: [
        'near.kab.test. A -> NOERROR 192.0.2.7',
        'flat.kab.test. A -> NOERROR 192.0.2.7; 1 packet',
        'near.kab.test. A -> NOERROR 192.0.2.7; 0 packets',
      ],
    },
    {
      title: 'gives way to what the name itself is answered with after it has expired',
      zones: kab([
        ask =>
          ask.name === 'flat.kab.test.'
            ? replies('NOERROR', { answer: 'flat.kab.test. CNAME near.kab.test.\nnear.kab.test. 30 A 192.0.2.66' })
            : undefined,
      ]),
      script: [
        'flat.kab.test. A -> NOERROR 192.0.2.66',
        'wait 31s',
        'flat.kab.test. A -> NOERROR 192.0.2.7',
        'near.kab.test. A -> NOERROR 192.0.2.7; 0 packets',
      ],
    },
  ])
})

describe('data after an alias in a signed zone', () => {
  const sign = { sign: '' }
  const alias = (tail: ReturnType<typeof signedBy>): Server => {
    const link = signedBy('kab.test.', 'flat.kab.test. CNAME near.kab.test.')
    return ask =>
      ask.name === 'flat.kab.test.' && ask.type === 'A' ? replies('NOERROR', { answer: [...link, ...tail] }) : undefined
  }
  const A = 'near.kab.test. A 192.0.2.7'
  const bare = signedBy('kab.test.', A).slice(0, 1)
  const tails: readonly (readonly [string, readonly (typeof bare)[number][]])[] = [
    ['is unsigned', bare],
    ['is signed by junk', [...bare, ...signaturesBy('kab.test.', A, { junk: true })]],
    ['is signed by another key tag', [...bare, ...signaturesBy('kab.test.', A, { keyTag: 1 })]],
    ['is signed in the name of another zone', [...bare, ...signaturesBy('kab.test.', A, { signer: 'test.' })]],
    [
      'has other data than was signed',
      [...signedBy('kab.test.', 'near.kab.test. A 192.0.2.66').slice(0, 1), ...signaturesBy('kab.test.', A)],
    ],
  ]
  rows([
    ...tails.flatMap(([what, tail]): Row[] => [
      {
        title: `that ${what} is asked for on its own`,
        zones: kab([alias(tail)], sign),
        script: ['flat.kab.test. A -> NOERROR AD 192.0.2.7', 'near.kab.test. A -> NOERROR AD 192.0.2.7; 0 packets'],
      },
      {
        title: `that ${what} is asked for on its own, from one of two servers`,
        zones: kab([alias(tail), honest], sign),
        script: ['flat.kab.test. A -> NOERROR AD 192.0.2.7', 'near.kab.test. A -> NOERROR AD 192.0.2.7'],
      },
    ]),
    {
      title: 'that is signed is taken, however deep',
      zones: kab([honest], sign),
      script: ['near.kab.test. A -> NOERROR AD 192.0.2.7', 'deep.kab.test. A -> NOERROR AD 192.0.2.8; 1 packet'],
    },
    {
      title: 'that is unsigned and below a cut to an unsigned zone is asked for there',
      zones: kab(
        [
          ask =>
            ask.name === 'www.kab.test.' && ask.type === 'A'
              ? replies('NOERROR', {
                  answer: [
                    ...signedBy('kab.test.', `www.kab.test. CNAME ${TARGET}`),
                    ...signedBy('kab.test.', `${TARGET} A 192.0.2.66`).slice(0, 1),
                  ],
                })
              : undefined,
        ],
        sign,
      ),
      script: ['www.kab.test. A -> NOERROR 192.0.2.84', `${TARGET} A -> NOERROR 192.0.2.84; 0 packets`],
    },
    {
      title: 'that the zone above has signed, of a name in a signed child, is asked for there',
      zones: kab(
        [
          ask =>
            ask.name === 'www.kab.test.' && ask.type === 'A'
              ? replies('NOERROR', {
                  answer: signedBy('kab.test.', `www.kab.test. CNAME ${TARGET}\n${TARGET} A 192.0.2.66`).filter(
                    (_, i) => i < 3,
                  ),
                })
              : undefined,
        ],
        sign,
        { sign: '' },
      ),
      script: ['www.kab.test. A -> NOERROR AD 192.0.2.84'],
    },
  ])
})
