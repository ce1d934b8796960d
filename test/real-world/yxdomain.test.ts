/**
 * YXDOMAIN: a DNAME that makes a name too long (RFC 6672 section 2.2). The DNAME is what says so: it is shown, and
 * validated where the zone is signed, and the rcode without one means nothing.
 */
import { describe } from 'vitest'
import { honest, type Row, rows, replies, type Server, signaturesBy, signedBy, type ZoneRow } from './world.ts'

const LONG = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}.`
const DNAME = `dn.test. DNAME ${LONG}`
const WWW = 'www.dn.test.'
const dn = (server: Server = honest, more: ZoneRow = {}): Row['zones'] => ({
  'dn.test.': { records: `@ DNAME ${LONG}\n@ A 192.0.2.1`, servers: [server], ...more },
})
const signed = { sign: '' }
const says =
  (answer: string | ReturnType<typeof signedBy>): Server =>
  ask =>
    ask.name !== 'dn.test.' && ask.name.endsWith('.dn.test.') && !ask.name.startsWith('ns')
      ? replies('YXDOMAIN', { answer })
      : undefined
const TYPES = ['A', 'AAAA', 'HTTPS', 'CNAME'] as const

describe('a DNAME that makes the name too long', () => {
  rows([
    ...TYPES.flatMap((type): Row[] => [
      {
        title: `is shown with YXDOMAIN, cold and cached, in an unsigned zone: ${type}`,
        zones: dn(),
        script: [
          `${WWW} ${type} -> YXDOMAIN DNAME`,
          `${WWW} ${type} -> YXDOMAIN DNAME; 0 packets`,
          `other.dn.test. ${type} -> YXDOMAIN DNAME; 0 packets`,
        ],
      },
      {
        title: `is shown with YXDOMAIN, cold and cached, in a signed zone: ${type}`,
        zones: dn(honest, signed),
        script: [`${WWW} ${type} -> YXDOMAIN DNAME`, `${WWW} ${type} -> YXDOMAIN DNAME; 0 packets`],
      },
      {
        title: `without its signature in a signed zone is bogus: ${type}`,
        zones: dn(says(DNAME), signed),
        script: [`${WWW} ${type} -> SERVFAIL`, `+cd ${WWW} ${type} -> YXDOMAIN DNAME`],
      },
    ]),
    {
      title: 'with a junk signature in a signed zone is bogus',
      zones: dn(
        says([...signedBy('dn.test.', DNAME).slice(0, 1), ...signaturesBy('dn.test.', DNAME, { junk: true })]),
        signed,
      ),
      script: [`${WWW} A -> SERVFAIL`],
    },
    {
      title: 'without its signature is asked for at the other server',
      zones: dn(honest, { ...signed, servers: [says(DNAME), honest] }),
      script: [`${WWW} A -> YXDOMAIN DNAME`],
    },
    {
      title: 'and came unvalidated is validated from the cache',
      zones: dn(says(DNAME), signed),
      script: [`+cd ${WWW} A -> YXDOMAIN DNAME`, `${WWW} A -> SERVFAIL`],
    },
    {
      title: 'and came unvalidated is validated from the cache when it is signed',
      zones: dn(honest, signed),
      script: [`+cd ${WWW} A -> YXDOMAIN DNAME`, `${WWW} A -> YXDOMAIN DNAME`],
    },
    {
      title: 'is shown over TCP',
      zones: dn(ask => (ask.transport === 'udp' ? { truncated: true } : undefined)),
      script: [`${WWW} A -> YXDOMAIN DNAME`],
    },
    {
      title: 'is shown with the alias that led there',
      zones: { ...dn(), 'kab.test.': { records: `go CNAME ${WWW}` } },
      script: ['go.kab.test. A -> YXDOMAIN CNAME DNAME', 'go.kab.test. A -> YXDOMAIN CNAME DNAME; 0 packets'],
    },
    {
      title: 'is asked for again when it has expired',
      zones: dn(),
      script: [`${WWW} A -> YXDOMAIN DNAME`, 'wait 301s', `${WWW} A -> YXDOMAIN DNAME`],
    },
    {
      title: 'leaves its own name alone',
      zones: dn(),
      script: [`${WWW} A -> YXDOMAIN DNAME`, 'dn.test. A -> NOERROR 192.0.2.1'],
    },
    { title: 'is asked for with whole names', zones: dn(), minimise: 'off', script: [`${WWW} A -> YXDOMAIN DNAME`] },
  ])
})

describe('YXDOMAIN without a DNAME', () => {
  const yx =
    (type: string, answer: string): Server =>
    ask =>
      ask.name === 'www.kab.test.' && ask.type === type ? replies('YXDOMAIN', { answer }) : undefined
  const kab = (...servers: readonly Server[]): Row['zones'] => ({
    'kab.test.': { records: 'www A 192.0.2.1\nwww AAAA 2001:db8::1\nwww HTTPS 1 .', servers },
  })
  const wrong = { A: '192.0.2.66', AAAA: '2001:db8::66', HTTPS: '1 wrong.kab.test.' } as const
  const right = { A: '192.0.2.1', AAAA: '2001:db8::1', HTTPS: '1 .' } as const
  rows([
    ...(['A', 'AAAA', 'HTTPS'] as const).flatMap((type): Row[] => [
      {
        title: `and with ${type} data is an error of that server`,
        zones: kab(yx(type, `www.kab.test. ${type} ${wrong[type]}`)),
        script: [`www.kab.test. ${type} -> SERVFAIL`],
      },
      {
        title: `and with ${type} data leaves the question to the other server`,
        zones: kab(yx(type, `www.kab.test. ${type} ${wrong[type]}`), honest),
        script: [`www.kab.test. ${type} -> NOERROR ${right[type]}`],
      },
    ]),
    {
      title: 'and without data is an error of that server',
      zones: kab(yx('A', '')),
      script: ['www.kab.test. A -> SERVFAIL', 'www.kab.test. AAAA -> NOERROR 2001:db8::1'],
    },
    {
      title: 'and with an alias is an error of that server',
      zones: kab(yx('A', 'www.kab.test. CNAME other.kab.test.')),
      script: ['www.kab.test. A -> SERVFAIL'],
    },
    {
      title: 'of the name is an error when the DNAME stands elsewhere',
      zones: kab(yx('A', `other.kab.test. DNAME ${LONG}`)),
      script: ['www.kab.test. A -> SERVFAIL'],
    },
  ])
})
