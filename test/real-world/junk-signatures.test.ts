/**
 * Signatures that verify nothing, next to those that do, and forgeries without signatures in places where an alias
 * leads out of the signed zone. What counts is the signature that verified: its labels (RFC 4035 section 5.3.4), its
 * signer, its zone. Unbound refuses some replies with such signatures; RFC 4035 section 5.3.1 has them ignored.
 */
import { describe } from 'vitest'
import type { Rr } from '../../src/dns/rrset.ts'
import { type Row, rows, rrs, replies, type Server, signaturesBy, signedBy, soaOf } from './world.ts'

const EVIL = 'evil.shared.org.'
const DATA = `www.${EVIL} A 203.0.113.66`
const FOREIGN_TAG = 1

/** A hostile zone below a zone with a wildcard, both signed. */
const shared = (answer: readonly Rr[]): Row['zones'] => ({
  'shared.org.': { sign: '', records: '*  A 192.0.2.1\n* TXT "shared"\nreal A 192.0.2.2' },
  [EVIL]: {
    sign: '',
    records: 'www A 203.0.113.66\nother A 203.0.113.67',
    servers: [ask => (ask.name === `www.${EVIL}` && ask.type !== 'DS' ? replies('NOERROR', { answer }) : undefined)],
  },
})

/** What a client brings about: the wildcard, and the proofs that other names do not exist, are cached. */
const HONEST = [
  'aaa.shared.org. A -> NOERROR AD 192.0.2.1',
  'aaa.shared.org. MX -> NODATA AD',
  'foo.shared.org. MX -> NODATA AD',
  'gone.org. A -> NXDOMAIN AD',
  'gone. A -> NXDOMAIN AD',
  `other.${EVIL} A -> NOERROR AD 203.0.113.67`,
  `gone.${EVIL} A -> NXDOMAIN AD`,
]
const ATTACK = `www.${EVIL} A -> NOERROR AD 203.0.113.66`
/** Names of zones above, which the attacker's zone has nothing to say of. */
const VICTIMS = [
  'bank.shared.org. A -> NOERROR AD 192.0.2.1',
  '*.shared.org. A -> NOERROR AD 192.0.2.1',
  'login.shared.org. A -> NOERROR AD 192.0.2.1',
  'bank.shared.org. TXT -> NOERROR AD "shared"',
  'real.shared.org. A -> NOERROR AD 192.0.2.2',
  '*.org. A -> NXDOMAIN AD',
  'bank.org. A -> NXDOMAIN AD',
  '*. A -> NXDOMAIN AD',
  'bank. A -> NXDOMAIN AD',
  `*.${EVIL} A -> NXDOMAIN AD`,
  `bank.${EVIL} A -> NXDOMAIN AD`,
]

describe('a signature that was never verified', () => {
  const junk = (labels: number): readonly Rr[] => signaturesBy(EVIL, DATA, { labels, keyTag: FOREIGN_TAG, junk: true })
  const good = signaturesBy(EVIL, DATA)
  rows(
    [0, 1, 2, 3].flatMap((labels): Row[] => [
      {
        title: `with ${labels} labels before the good one stores no wildcard`,
        zones: shared([...rrs(DATA), ...junk(labels), ...good]),
        script: [...HONEST, ATTACK, ...VICTIMS],
      },
      {
        title: `with ${labels} labels after the good one stores no wildcard`,
        zones: shared([...rrs(DATA), ...good, ...junk(labels)]),
        script: [...HONEST, ATTACK, ...VICTIMS],
      },
    ]),
  )
  rows([
    {
      title: 'with 2 labels stores no wildcard when nothing else is cached',
      zones: shared([...rrs(DATA), ...junk(2), ...good]),
      script: [ATTACK, '*.shared.org. A -> NOERROR AD 192.0.2.1', ...VICTIMS],
    },
    {
      title: 'with 2 labels stores no wildcard after a question with CD=1',
      zones: shared([...rrs(DATA), ...junk(2), ...good]),
      script: [...HONEST, `+cd www.${EVIL} A -> NOERROR 203.0.113.66`, ATTACK, ...VICTIMS],
    },
    {
      title: 'under the tag of the key that verified stores no wildcard',
      zones: shared([...rrs(DATA), ...signaturesBy(EVIL, DATA, { labels: 2, junk: true }), ...good]),
      script: [...HONEST, ATTACK, ...VICTIMS],
    },
    {
      title: 'in the name of the zone above stores no wildcard',
      zones: shared([
        ...rrs(DATA),
        ...signaturesBy(EVIL, DATA, { labels: 2, keyTag: FOREIGN_TAG, signer: 'shared.org.', junk: true }),
        ...good,
      ]),
      script: [...HONEST, ATTACK, ...VICTIMS],
    },
    {
      title: 'in the name of another zone stores no wildcard',
      zones: shared([
        ...rrs(DATA),
        ...signaturesBy(EVIL, DATA, { labels: 2, keyTag: FOREIGN_TAG, signer: 'else.net.', junk: true }),
        ...good,
      ]),
      script: [...HONEST, ATTACK, ...VICTIMS],
    },
    {
      title: 'with more labels than the name leaves the data as it is',
      zones: shared([...rrs(DATA), ...junk(9), ...good]),
      script: [...HONEST, ATTACK, ...VICTIMS],
    },
    {
      title: 'of each number of labels at once stores no wildcard',
      zones: shared([...rrs(DATA), ...[0, 1, 2, 3].flatMap(junk), ...good]),
      script: [...HONEST, ATTACK, ...VICTIMS],
    },
    {
      title: 'and nothing that did is bogus, and stores no wildcard',
      zones: shared([...rrs(DATA), ...junk(2)]),
      script: [...HONEST, `www.${EVIL} A -> SERVFAIL`, ...VICTIMS],
    },
    // RFC 4035 section 5.3.1: the signer's zone must hold the owner, and the wildcard is the owner that was signed.
    {
      title: 'but would verify as one over a wildcard above its zone is bogus, and stores none',
      zones: shared([...rrs(DATA), ...signaturesBy(EVIL, DATA, { labels: 2 })]),
      script: [...HONEST, `www.${EVIL} A -> SERVFAIL`, ...VICTIMS],
    },
    {
      title: 'over an alias stores no wildcard',
      zones: shared([
        ...rrs(`www.${EVIL} CNAME other.${EVIL}`),
        ...signaturesBy(EVIL, `www.${EVIL} CNAME other.${EVIL}`, { labels: 2, keyTag: FOREIGN_TAG, junk: true }),
        ...signaturesBy(EVIL, `www.${EVIL} CNAME other.${EVIL}`),
      ]),
      script: [
        ...HONEST,
        `www.${EVIL} A -> NOERROR AD 203.0.113.67`,
        'bank.shared.org. SRV -> NODATA AD',
        'bank.shared.org. MX -> NODATA AD',
        '*.shared.org. CNAME -> NODATA AD',
        '*.org. CNAME -> NXDOMAIN AD',
      ],
    },
  ])
})

describe('a signature that somebody on the path adds', () => {
  const WWW = 'www.victim.org. A 192.0.2.2'
  const records = 'www A 192.0.2.2\n* A 192.0.2.1\n*.wild A 192.0.2.3'
  const zones = (servers: readonly Server[]): Row['zones'] => ({ 'victim.org.': { sign: '', records, servers } })
  const add =
    (labels: number, before: boolean): Server =>
    ask => {
      const { answer, authority } = ask.honest()
      const data = answer.filter(({ type }) => type === 1)
      if (data.length === 0) return undefined
      const junk = signaturesBy('victim.org.', data, { labels, keyTag: FOREIGN_TAG, junk: true })
      return replies('NOERROR', { answer: before ? [...junk, ...answer] : [...answer, ...junk], authority })
    }
  const CACHED = [
    'foo.victim.org. MX -> NODATA AD',
    'aaa.victim.org. MX -> NODATA AD',
    'foo.victim.org. A -> NOERROR AD 192.0.2.1',
    `${WWW.replace(' A ', ' A -> NOERROR AD ')}`,
  ]
  const LATER = [
    'aab.victim.org. A -> NOERROR AD 192.0.2.1',
    'bank.victim.org. A -> NOERROR AD 192.0.2.1',
    '*.victim.org. A -> NOERROR AD 192.0.2.1',
    '*.org. A -> NXDOMAIN AD',
  ]
  rows([
    {
      title: 'before the good one leaves the wildcard of the zone as it is',
      zones: zones([add(2, true)]),
      script: [...CACHED, ...LATER],
    },
    {
      title: 'after the good one leaves the wildcard of the zone as it is',
      zones: zones([add(2, false)]),
      script: [...CACHED, ...LATER],
    },
    {
      title: 'to what a wildcard made leaves the wildcard above as it is',
      zones: zones([add(2, true)]),
      script: [
        'foo.victim.org. A -> NOERROR AD 192.0.2.1',
        'x.wild.victim.org. A -> NOERROR AD 192.0.2.3',
        ...LATER,
        'y.wild.victim.org. A -> NOERROR AD 192.0.2.3',
      ],
    },
    {
      title: 'with the labels of the name itself to what a wildcard made hides no wildcard',
      zones: zones([add(4, true)]),
      script: [
        'x.wild.victim.org. A -> NOERROR AD 192.0.2.3',
        'y.wild.victim.org. A -> NOERROR AD 192.0.2.3',
        'x.wild.victim.org. A -> NOERROR AD 192.0.2.3',
      ],
    },
    {
      title: 'with 1 label stores no wildcard of the zone above',
      zones: zones([add(1, true)]),
      script: [...CACHED, ...LATER, 'bank.org. A -> NXDOMAIN AD'],
    },
  ])
})

describe('data without a signature in a signed zone', () => {
  const RECORDS = `
www CNAME edge.cdn.net.
_acme-challenge.www TXT "real"
_443._tcp.www TLSA 3 1 1 ${'00'.repeat(32)}
plain A 192.0.2.1
_acme-challenge.plain TXT "real"
*.wild CNAME edge.cdn.net.
old DNAME cdn.net.
to-bogus CNAME www.bogus.net.
_acme-challenge.to-bogus TXT "real"
to-dead CNAME www.dead.net.
_acme-challenge.to-dead TXT "real"
to-secure CNAME www.secure.net.
_acme-challenge.to-secure TXT "real"
to-nothing CNAME gone.cdn.net.
_acme-challenge.to-nothing TXT "real"
own CNAME plain
_acme-challenge.own TXT "real"
`
  const TLSA = `3 1 1 ${'FF'.repeat(32)}`
  const FORGED: Readonly<Record<string, string>> = {
    TXT: '"FORGED"',
    TLSA,
    MX: '0 forged.net.',
    A: '203.0.113.66',
    AAAA: '2001:db8::66',
  }
  const NAMES = ['_acme-challenge.', '_443.', '_deny.', 'x.wild.', 'x.old.', 'y.x.old.']
  /** Forged data for every name that a client of these tests asks for, and an honest answer for the rest. */
  const forger: Server = ask => {
    const data = FORGED[ask.type]
    if (data === undefined || !NAMES.some(name => ask.name.startsWith(name))) return undefined
    if (ask.name.startsWith('_deny.')) return replies('NXDOMAIN', { authority: soaOf('victim.org.') })
    return replies('NOERROR', { answer: `${ask.name} ${ask.type} ${data}` })
  }
  /** Names of aliases that have an unsigned zone below them, and what they lead to. */
  const DELEGATED = [
    ['an alias into an unsigned zone', 'www', 'NODATA'],
    ['an alias into a signed zone', 'to-secure', 'NODATA AD'],
    ['an alias into a bogus zone', 'to-bogus', 'SERVFAIL'],
    ['an alias into a dead zone', 'to-dead', 'SERVFAIL'],
    ['an alias to a name that does not exist', 'to-nothing', 'NXDOMAIN'],
  ] as const
  const zones = (server: Server = forger, sign = ''): Row['zones'] => ({
    'victim.org.': { sign, records: RECORDS, servers: [server] },
    'cdn.net.': { records: 'edge A 192.0.2.50\nx A 192.0.2.51\ny.x A 192.0.2.52' },
    'bogus.net.': { sign: 'expired', records: 'www A 192.0.2.53' },
    'dead.net.': { servers: [() => 'silent'] },
    'secure.net.': { sign: '', records: 'www A 192.0.2.54' },
    ...Object.fromEntries(DELEGATED.map(([, name]) => [`deep.${name}.victim.org.`, { records: 'host A 192.0.2.55' }])),
  })
  /** The forged question fails, cold or after `first`; when the forger has gone it is answered. */
  const attack = (asked: string, honest: string, first: readonly string[] = []): string[] => [
    ...first,
    `${asked}.victim.org. ${honest.replace(/ -> .*/, '')} -> SERVFAIL`,
    'all honest',
    'wait 20m',
    `${asked}.victim.org. ${honest}`,
  ]
  const REAL = 'TXT -> NOERROR AD "real"'
  const alias = 'www.victim.org. A -> NOERROR 192.0.2.50'
  const table: readonly (readonly [title: string, asked: string, honest: string, first?: readonly string[]])[] = [
    ['below a plain name as TXT', '_acme-challenge.plain', REAL],
    ['below an alias into an unsigned zone as TXT', '_acme-challenge.www', REAL],
    ['below an alias into an unsigned zone as TXT, the alias cached', '_acme-challenge.www', REAL, [alias]],
    [
      'below an alias into an unsigned zone as TXT, that there is no DS cached',
      '_acme-challenge.www',
      REAL,
      ['www.victim.org. DS -> NODATA'],
    ],
    ['below an alias into an unsigned zone as TLSA', '_443._tcp.www', `TLSA -> NOERROR AD any`],
    [
      'below an alias into an unsigned zone as TLSA, the alias cached',
      '_443._tcp.www',
      `TLSA -> NOERROR AD any`,
      [alias],
    ],
    ['below an alias as NXDOMAIN', '_deny.www', 'TXT -> NXDOMAIN AD'],
    ['below an alias as NXDOMAIN, the alias cached', '_deny.www', 'TXT -> NXDOMAIN AD', [alias]],
    ['under a wildcard alias as MX', 'x.wild', 'MX -> NODATA'],
    ['under a wildcard alias as A', 'x.wild', 'A -> NOERROR 192.0.2.50'],
    ['below a DNAME into an unsigned zone as A', 'x.old', 'A -> NOERROR 192.0.2.51'],
    ['two labels below a DNAME into an unsigned zone as A', 'y.x.old', 'A -> NOERROR 192.0.2.52'],
    ['below an alias into a bogus zone as TXT', '_acme-challenge.to-bogus', REAL],
    [
      'below an alias into a bogus zone as TXT, the alias cached',
      '_acme-challenge.to-bogus',
      REAL,
      ['to-bogus.victim.org. A -> SERVFAIL'],
    ],
    ['below an alias into a dead zone as TXT', '_acme-challenge.to-dead', REAL],
    ['below an alias into a signed zone as TXT', '_acme-challenge.to-secure', REAL],
    [
      'below an alias into a signed zone as TXT, the alias cached',
      '_acme-challenge.to-secure',
      REAL,
      ['to-secure.victim.org. A -> NOERROR AD 192.0.2.54'],
    ],
    ['below an alias to a name that does not exist as TXT', '_acme-challenge.to-nothing', REAL],
    ['below an alias within the zone as TXT', '_acme-challenge.own', REAL],
  ]
  rows([
    ...table.map(
      ([title, asked, honest, first]): Row => ({
        title: `${title} is bogus`,
        zones: zones(),
        script: attack(asked, honest, first),
      }),
    ),
    {
      title: 'below an alias is bogus with minimisation off',
      minimise: 'off',
      zones: zones(),
      script: attack('_acme-challenge.www', REAL),
    },
    {
      title: 'below an alias, given to whoever does not check, is bogus for whoever does',
      zones: zones(),
      script: ['+cd _acme-challenge.www.victim.org. TXT -> NOERROR "FORGED"', ...attack('_acme-challenge.www', REAL)],
    },
    {
      title: 'below an alias is bogus when the alias is forged as well',
      zones: zones(ask =>
        ask.name === 'www.victim.org.'
          ? replies('NOERROR', { answer: 'www.victim.org. CNAME edge.cdn.net.' })
          : forger(ask),
      ),
      script: attack('_acme-challenge.www', REAL),
    },
    {
      title: 'below an alias is bogus when that there is no DS is forged as well',
      zones: zones(ask => (ask.type === 'DS' ? replies('NOERROR', { authority: soaOf('victim.org.') }) : forger(ask))),
      script: attack('_acme-challenge.www', REAL),
    },
    {
      title: 'below an alias is bogus with a signed SOA next to it',
      zones: zones(ask =>
        ask.name === '_deny.www.victim.org.' && ask.type === 'TXT'
          ? replies('NXDOMAIN', { authority: signedBy('victim.org.', soaOf('victim.org.')) })
          : undefined,
      ),
      script: attack('_deny.www', 'TXT -> NXDOMAIN AD'),
    },
    ...['TXT -> NOERROR AD "real"', 'TXT -> NXDOMAIN AD'].map(
      (honest, i): Row => ({
        title: `below an alias as ${i === 0 ? 'TXT' : 'NXDOMAIN'} is bogus in a zone with NSEC3`,
        zones: zones(forger, 'nsec3'),
        script: attack(i === 0 ? '_acme-challenge.www' : '_deny.www', honest),
      }),
    ),
    ...DELEGATED.map(
      ([what, name, end]): Row => ({
        title: `below ${what} is right in a zone that is delegated there, unsigned`,
        zones: zones(),
        script: [
          `host.deep.${name}.victim.org. A -> NOERROR 192.0.2.55`,
          `${name}.victim.org. TXT -> ${end}`,
          `gone.deep.${name}.victim.org. A -> NXDOMAIN`,
          `deep.${name}.victim.org. DS -> NODATA AD`,
        ],
      }),
    ),
    // The cached wildcard may answer (RFC 8198 section 5.3), the cached DNAME does: then no forgery is asked for.
    {
      title: 'under a wildcard alias is not used when the wildcard is cached',
      zones: zones(),
      script: ['z.wild.victim.org. A -> NOERROR 192.0.2.50', 'x.wild.victim.org. MX -> SERVFAIL or NODATA'],
    },
    {
      title: 'below a DNAME is not used when the DNAME is cached',
      zones: zones(),
      script: ['edge.old.victim.org. A -> NOERROR 192.0.2.50', 'x.old.victim.org. MX -> NODATA'],
    },
    {
      title: 'after an alias is right, and insecure',
      zones: zones(),
      script: [
        alias,
        'www.victim.org. TXT -> NODATA',
        'to-nothing.victim.org. A -> NXDOMAIN',
        'edge.cdn.net. A -> NOERROR 192.0.2.50',
      ],
    },
  ])
})
