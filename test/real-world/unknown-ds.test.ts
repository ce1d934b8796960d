/**
 * DS sets of which no record can be used: the digest or the algorithm is unknown or not allowed. The DS set alone
 * decides that the zone is insecure (RFC 4035 section 5.2, RFC 6840 section 5.2): the zone's keys are not needed, and
 * what becomes of a question for them does not matter. Unbound, BIND, Knot Resolver and PowerDNS answer without AD.
 */
import { describe } from 'vitest'
import {
  honest,
  type Row,
  rows,
  type Reply,
  replies,
  type Server,
  signedBy,
  silent,
  soaOf,
  type ZoneRow,
} from './world.ts'

const DIGEST = 'AB'.repeat(32)
const UNKNOWN_DIGEST = `12345 13 99 ${DIGEST}`
const UNKNOWN_ALGORITHM = `12345 200 2 ${DIGEST}`
const RECORDS = '@ MX 10 www\nwww A 192.0.2.1\nalias CNAME www'

const zone = (more: ZoneRow, upper: Row['zones'] = {}): Row['zones'] => ({
  'signed.test.': { sign: '' },
  'unkd.test.': { records: RECORDS, ...more },
  ...upper,
})
/** An unsigned zone with these DS records, and its server. */
const unsigned = (ds: readonly string[], server: Server = honest): Row['zones'] =>
  zone({ ds: () => ds, servers: [server] })
const keys =
  (said: Reply): Server =>
  ask =>
    ask.type === 'DNSKEY' ? said : undefined

const INSECURE = [
  'www.unkd.test. A -> NOERROR 192.0.2.1',
  'www.unkd.test. TXT -> NODATA',
  'gone.unkd.test. A -> NXDOMAIN',
  'alias.unkd.test. A -> NOERROR 192.0.2.1',
  'unkd.test. MX -> NOERROR any',
]
const BOGUS = ['www.unkd.test. A -> SERVFAIL', 'gone.unkd.test. A -> SERVFAIL']

const sets: Readonly<Record<string, readonly string[]>> = {
  'of an unknown digest': [UNKNOWN_DIGEST],
  'of an unknown algorithm': [UNKNOWN_ALGORITHM],
  'of two unknown digests': [UNKNOWN_DIGEST, `12346 13 200 ${DIGEST}`],
  'of an unknown digest and an unknown algorithm': [UNKNOWN_DIGEST, UNKNOWN_ALGORITHM],
  'of an unknown digest and an algorithm that signs no zones': [UNKNOWN_DIGEST, `12345 2 2 ${DIGEST}`],
}

describe('an unsigned zone with a DS set', () => {
  rows([
    ...Object.entries(sets).map(
      ([what, ds]): Row => ({ title: `${what} is insecure`, zones: unsigned(ds), script: INSECURE }),
    ),
    {
      title: 'of an unknown digest has no keys, which is no error',
      zones: unsigned([UNKNOWN_DIGEST]),
      script: ['unkd.test. DNSKEY -> NODATA', INSECURE[0] ?? ''],
    },
    {
      title: 'of an unknown digest is answered with its DS records, which are signed',
      zones: unsigned([UNKNOWN_DIGEST]),
      script: ['unkd.test. DS -> NOERROR AD own', INSECURE[0] ?? ''],
    },
    {
      title: 'of an unknown digest is insecure again when the DS set has expired',
      zones: unsigned([UNKNOWN_DIGEST]),
      script: [...INSECURE, 'wait 301s', ...INSECURE],
    },
    {
      title: 'of an unknown digest is answered with CD=1 as well',
      zones: unsigned([UNKNOWN_DIGEST]),
      script: INSECURE.flatMap(step => [`+cd ${step}`, step]),
    },
    ...Object.entries<Reply>({
      'gets SERVFAIL': replies('SERVFAIL'),
      'is REFUSED': replies('REFUSED'),
      'is answered by silence': 'silent',
      'gets NXDOMAIN': replies('NXDOMAIN', { authority: soaOf('unkd.test.') }),
      'gets an empty NOERROR without AA': replies('NOERROR', { aa: false }),
    }).map(
      ([what, said]): Row => ({
        title: `of an unknown digest is insecure when a question for its keys ${what}`,
        zones: unsigned([UNKNOWN_DIGEST], keys(said)),
        script: INSECURE,
      }),
    ),
    {
      title: 'of an unknown algorithm is insecure when a question for its keys is answered by silence',
      zones: unsigned([UNKNOWN_ALGORITHM], keys('silent')),
      script: INSECURE,
    },
    // Root, test. and unkd.test. with one minimised or full question each, and the keys of the root and of test.
    {
      title: 'of an unknown digest costs no question for its keys',
      zones: unsigned([UNKNOWN_DIGEST]),
      script: ['www.unkd.test. A -> NOERROR 192.0.2.1; at most 5 packets'],
    },
    {
      title: 'of an unknown digest has an insecure zone below it',
      zones: { ...unsigned([UNKNOWN_DIGEST]), 'sub.unkd.test.': { records: 'www A 192.0.2.8' } },
      script: ['www.sub.unkd.test. A -> NOERROR 192.0.2.8', 'gone.sub.unkd.test. A -> NXDOMAIN'],
    },
    {
      title: 'of an unknown digest has an insecure zone below it, signed or not',
      zones: { ...unsigned([UNKNOWN_DIGEST]), 'sub.unkd.test.': { sign: '', records: 'www A 192.0.2.8' } },
      script: ['www.sub.unkd.test. A -> NOERROR 192.0.2.8', 'gone.sub.unkd.test. A -> NXDOMAIN'],
    },
    {
      title: 'of an unknown digest makes an answer that an alias leads there from a signed zone insecure',
      zones: { ...unsigned([UNKNOWN_DIGEST]), 'signed.test.': { sign: '', records: 'to CNAME www.unkd.test.' } },
      script: ['to.signed.test. A -> NOERROR 192.0.2.1'],
    },
    { title: 'of a known digest stays bogus', zones: unsigned([`12345 13 2 ${DIGEST}`]), script: BOGUS },
    {
      title: 'of a known and an unknown digest stays bogus',
      zones: unsigned([UNKNOWN_DIGEST, `12345 13 2 ${DIGEST}`]),
      script: BOGUS,
    },
    {
      title: 'of a known digest stays bogus when a question for its keys is answered by silence',
      zones: unsigned([`12345 13 2 ${DIGEST}`], keys('silent')),
      script: BOGUS,
    },
  ])
})

describe('a zone that is signed', () => {
  const ds =
    (more: readonly string[]) =>
    (own: readonly string[]): readonly string[] => [...more, ...own]
  const SECURE = ['www.unkd.test. A -> NOERROR AD 192.0.2.1', 'gone.unkd.test. A -> NXDOMAIN AD']
  rows([
    ...Object.entries(sets).map(
      ([what, more]): Row => ({
        title: `is validated by the one DS record that is known next to a set ${what}`,
        zones: zone({ sign: '', ds: ds(more) }),
        script: SECURE,
      }),
    ),
    {
      title: 'with bad signatures is bogus by the one DS record that is known',
      zones: zone({ sign: 'badSignatures', ds: ds([UNKNOWN_DIGEST]) }),
      script: BOGUS,
    },
    {
      title: 'is bogus by the one DS record that is known when its signatures are left out',
      zones: zone({
        sign: '',
        ds: ds([UNKNOWN_DIGEST]),
        servers: [
          ask =>
            ask.name === 'www.unkd.test.' ? replies('NOERROR', { answer: 'www.unkd.test. A 192.0.2.66' }) : undefined,
        ],
      }),
      script: ['www.unkd.test. A -> SERVFAIL', 'gone.unkd.test. A -> NXDOMAIN AD'],
    },
    {
      title: 'with keys of an unknown algorithm is insecure',
      zones: zone({ sign: 'unsupportedAlgorithm' }),
      script: INSECURE,
    },
    {
      title: 'with a DS set of an unknown digest is insecure',
      zones: zone({ sign: 'unsupportedDigest' }),
      script: INSECURE,
    },
    {
      title: 'with a DS set of an unknown digest is insecure when a question for its keys is answered by silence',
      zones: zone({ sign: 'unsupportedDigest', servers: [keys('silent')] }),
      script: INSECURE,
    },
    {
      title: 'with a DS set of an unknown digest is insecure even when its signatures are bad',
      zones: zone({ sign: 'unsupportedDigest badSignatures' }),
      script: INSECURE,
    },
    {
      title: 'with a DS set of an unknown digest is insecure at the second server when the first is silent',
      zones: zone({ sign: 'unsupportedDigest', servers: [silent, keys(replies('SERVFAIL'))] }),
      script: INSECURE,
    },
  ])
})

describe('what the settings do not allow', () => {
  rows([
    {
      title: 'as a digest makes a signed zone insecure',
      zones: zone({ sign: 'sha384Ds' }),
      validation: { rules: { disallowedDigests: new Set([4]) } },
      script: INSECURE,
    },
    {
      title: 'as a digest makes an unsigned zone insecure',
      zones: unsigned([`12345 13 4 ${'AB'.repeat(48)}`]),
      validation: { rules: { disallowedDigests: new Set([4]) } },
      script: INSECURE,
    },
    {
      title: 'as an algorithm makes a signed zone insecure',
      zones: zone({ sign: 'ed25519' }),
      validation: { rules: { disallowedAlgorithms: new Set([15]) } },
      script: INSECURE,
    },
    {
      title: 'as an algorithm makes an unsigned zone insecure',
      zones: unsigned([`12345 15 2 ${DIGEST}`]),
      validation: { rules: { disallowedAlgorithms: new Set([15]) } },
      script: INSECURE,
    },
    {
      title: 'as an algorithm makes a zone insecure whose servers do not answer for its keys',
      zones: unsigned([`12345 15 2 ${DIGEST}`], keys('silent')),
      validation: { rules: { disallowedAlgorithms: new Set([15]) } },
      script: INSECURE,
    },
    {
      title: 'as a digest leaves the zone to the other DS record',
      zones: zone({ sign: 'sha384Ds', ds: own => [...own, UNKNOWN_DIGEST] }),
      script: ['www.unkd.test. A -> NOERROR AD 192.0.2.1'],
    },
  ])
})

describe('a DS set that is not signed by the parent', () => {
  const forged: Server = ask =>
    ask.name.endsWith('unkd.test.')
      ? replies('NOERROR', { aa: false, authority: `unkd.test. NS ns1.unkd.test.\nunkd.test. DS ${UNKNOWN_DIGEST}` })
      : undefined
  const other: Server = ask =>
    ask.name.endsWith('unkd.test.')
      ? replies('NOERROR', {
          aa: false,
          authority: [
            ...signedBy('signed.test.', `unkd.test. DS ${UNKNOWN_DIGEST}`),
            ...ask.honest().authority.filter(({ type }) => type === 2),
          ],
        })
      : undefined
  const glue = {
    'unkd.test.': { records: RECORDS, sign: '', ns: ['ns.signed.test.'], at: ['203.0.113.8'] },
    'signed.test.': { sign: '', records: 'ns A 203.0.113.8' },
  }
  rows([
    {
      title: 'makes no zone insecure',
      zones: { 'test.': { sign: '', servers: [forged] }, ...glue },
      script: ['www.unkd.test. A -> SERVFAIL'],
    },
    {
      title: 'but by another zone makes no zone insecure',
      zones: { 'test.': { sign: '', servers: [other] }, ...glue },
      script: ['www.unkd.test. A -> SERVFAIL'],
    },
  ])
})
