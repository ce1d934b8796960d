/**
 * The questions that the engine is warmed up with: what a client sends and what has to come of it. They are numbered;
 * the number says everything, so that nothing is stored. Their names say to the servers of `servers.ts` what there is
 * to answer (`names.ts`).
 *
 * Invariant: the mixture is that of clients (mostly addresses, with EDNS and without, some denials, aliases and
 * repetitions), since what V8 makes of code that only ever saw one kind of question is thrown away with the first of
 * another kind.
 */
import { encodeQuery } from '../dns/encode.ts'
import type { Edns } from '../dns/message.ts'
import type { Name } from '../dns/name.ts'
import { EdnsOptionCode, Rcode, RrClass, RrType } from '../dns/types.ts'
import { hostLabel, type HostKind, nameIn, zoneTraits } from './names.ts'

export interface WarmUpQuestion {
  /** A whole message. */
  readonly query: Uint8Array
  readonly transport: 'udp' | 'tcp'
  readonly expected: Expected
}

/** What the reply says. */
export interface Expected {
  readonly rcode: number
  readonly hasAnswer: boolean
}

/** One question of that many is the first for its zone. */
const QUESTIONS_PER_ZONE = 16
const TCP_EVERY = 32
/** A question that repeats another repeats the one that many before it, which is no repetition itself. */
const REPEATS_AFTER = 6

/** What is asked about a host, and what comes of it. */
interface Asked {
  readonly host: HostKind
  readonly type: number
  readonly expected: Expected
}

const found: Expected = { rcode: Rcode.NOERROR, hasAnswer: true }
const noData: Expected = { rcode: Rcode.NOERROR, hasAnswer: false }
const noName: Expected = { rcode: Rcode.NXDOMAIN, hasAnswer: false }

const ipv4: Asked = { host: 'addresses', type: RrType.A, expected: found }
const ipv6: Asked = { host: 'addresses', type: RrType.AAAA, expected: found }
const noIpv6: Asked = { host: 'only-ipv4', type: RrType.AAAA, expected: noData }
const noHttps: Asked = { host: 'addresses', type: RrType.HTTPS, expected: noData }
const https: Asked = { host: 'mail', type: RrType.HTTPS, expected: found }
const mx: Asked = { host: 'mail', type: RrType.MX, expected: found }
const txt: Asked = { host: 'mail', type: RrType.TXT, expected: found }
const aliasAway: Asked = { host: 'alias-away', type: RrType.A, expected: found }
const aliasInside: Asked = { host: 'alias-inside', type: RrType.A, expected: found }
const missing: Asked = { host: 'missing', type: RrType.A, expected: noName }
const large: Asked = { host: 'truncated', type: RrType.TXT, expected: found }
const deep: Asked = { host: 'branch', type: RrType.A, expected: found }

/** What is asked in turns. A zone is new at the first of two rows. */
const TURNS: readonly (Asked | 'repeat')[] = [
  [ipv4, ipv6, ipv4, ipv4, missing, ipv6, noIpv6, ipv4],
  [ipv4, ipv6, aliasAway, ipv4, noHttps, ipv6, 'repeat' as const, ipv4],
  [ipv4, ipv6, aliasInside, ipv4, mx, ipv4, ipv6, deep],
  [ipv4, ipv4, noIpv6, ipv6, missing, txt, ipv4, noHttps],
  [ipv4, ipv6, ipv4, https, ipv4, ipv6, noIpv6, large],
  [ipv4, ipv6, aliasAway, 'repeat' as const, ipv4, ipv4, ipv6, missing],
].flat()

/** Number `n` from 0; equal numbers give equal questions. */
export function warmUpQuestion(n: number): WarmUpQuestion {
  const turn = TURNS[n % TURNS.length]
  if (turn === undefined || turn === 'repeat') return warmUpQuestion(n - REPEATS_AFTER)
  const { host, type, expected } = turn
  return {
    query: queryOctets(n, hostName(host, n), type),
    transport: n % TCP_EVERY === TCP_EVERY - 1 ? 'tcp' : 'udp',
    expected,
  }
}

/** Of the zones met so far any; at its time a new one. */
function zoneFor(n: number): number {
  const newest = Math.floor(n / QUESTIONS_PER_ZONE)
  return n % QUESTIONS_PER_ZONE === 0 ? newest : scattered(n) % (newest + 1)
}

/** Some bits that look drawn at random. */
const scattered = (n: number): number => Math.imul(n + 1, 0x9e37_79b1) >>> 9

function hostName(kind: HostKind, n: number): Name {
  const zone = zoneFor(n)
  if (kind === 'alias-away') return nameIn(zone, hostLabel(kind, n, scattered(zone) % (zone + 1)))
  if (kind !== 'branch') return nameIn(zone, hostLabel(kind, n))
  // Where nothing is signed that is between names: what denies it would have to be signed.
  const host = hostLabel('addresses', n)
  return zoneTraits(zone).isSigned ? nameIn(zone, host) : nameIn(zone, host, hostLabel('branch', n & 7))
}

const PAYLOAD_OCTETS = 1_232
const COOKIE_OCTETS = 8
/** As stub resolvers, dig and browsers send them; every question is asked in each form in time. */
const FORMS: readonly {
  readonly edns: boolean
  readonly ad: boolean
  readonly dnssec: boolean
  readonly cookie: boolean
}[] = [
  { edns: false, ad: false, dnssec: false, cookie: false },
  { edns: true, ad: false, dnssec: false, cookie: false },
  { edns: true, ad: false, dnssec: true, cookie: false },
  { edns: true, ad: true, dnssec: false, cookie: true },
  { edns: true, ad: true, dnssec: false, cookie: false },
]
const PLAIN = { edns: false, ad: false, dnssec: false, cookie: false } as const

function queryOctets(n: number, name: Name, type: number): Uint8Array {
  const { edns, ad, dnssec, cookie } = FORMS[n % FORMS.length] ?? PLAIN
  const opt: Edns = {
    payloadSize: PAYLOAD_OCTETS,
    version: 0,
    dnssecOk: dnssec,
    flags: 0,
    // RFC 7873 section 4: the client's part alone.
    options: cookie ? [{ code: EdnsOptionCode.COOKIE, data: new Uint8Array(COOKIE_OCTETS).fill(n) }] : [],
  }
  return encodeQuery({
    id: scattered(n) & 0xffff,
    question: { name, type, class: RrClass.IN },
    recursionDesired: true,
    authenticData: ad,
    edns: edns ? opt : null,
  })
}
