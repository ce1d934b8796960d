/**
 * The questions that the engine is warmed up with: what a client sends and what has to come of it. They are numbered;
 * the number says everything, so that nothing is stored. Their names say to the servers of `internet.ts` what
 * there is to answer.
 *
 * Invariant: the mixture is that of clients (mostly addresses, with EDNS and without, some denials, aliases and
 * repetitions), since what V8 makes of code that only ever saw one kind of question is thrown away with the first of
 * another kind.
 */
import { putU16 } from '../dns/bytes.ts'
import { HEADER_OCTETS } from '../dns/message.ts'
import { foldName, type Name, nameFromLabels, writeName } from '../dns/name.ts'
import { RrClass, RrType } from '../dns/types.ts'
import type { Transport } from '../ports.ts'

export interface WarmUpQuestion {
  /** A whole message. */
  readonly query: Uint8Array
  readonly transport: Transport
  readonly expected: Expected
}

/** What the reply says. */
export interface Expected {
  readonly rcode: number
  readonly hasAnswer: boolean
}

/** The first letter of a zone's name. */
export const ZoneKind = { Plain: 'g', Signed: 's', Glueless: 'n', HalfSilent: 't' } as const
/** The first letter of a name in a zone; others are name servers. */
export const HostKind = {
  Both: 'h',
  OnlyIpv4: 'v',
  AliasAway: 'c',
  AliasInside: 'd',
  Missing: 'x',
  Mail: 'm',
  Truncated: 'b',
  Branch: 'e',
} as const

const TOP_LEVELS = ['red', 'green', 'blue'] as const
/** A zone is first met by one question of so many. */
const QUESTIONS_PER_ZONE = 16
const TCP_EVERY = 32
/** A question that repeats another repeats one so many before it, to which no repetition lies. */
const REPEATS_AFTER = 6

/** What is asked, in turns: the letters are those of `kinds`. A new zone is met at every sixteenth. */
const TURNS = 'A6AAX6VAA6CAH6RAA6DAMA6EAAV6XTAHA6ASA6VBA6CRAA6X'
/** Every one of them is asked with each form of query in time. */
const FORMS = 5

interface Kind {
  readonly host: string
  readonly type: number
  readonly expected: Expected
}

const found: Expected = { rcode: 0, hasAnswer: true }
const noData: Expected = { rcode: 0, hasAnswer: false }
const noName: Expected = { rcode: 3, hasAnswer: false }
const usual: Kind = { host: HostKind.Both, type: RrType.A, expected: found }
const kinds: ReadonlyMap<string, Kind> = new Map([
  ['6', { host: HostKind.Both, type: RrType.AAAA, expected: found }],
  ['V', { host: HostKind.OnlyIpv4, type: RrType.AAAA, expected: noData }],
  ['H', { host: HostKind.Both, type: RrType.HTTPS, expected: noData }],
  ['S', { host: HostKind.Mail, type: RrType.HTTPS, expected: found }],
  ['M', { host: HostKind.Mail, type: RrType.MX, expected: found }],
  ['T', { host: HostKind.Mail, type: RrType.TXT, expected: found }],
  ['C', { host: HostKind.AliasAway, type: RrType.A, expected: found }],
  ['D', { host: HostKind.AliasInside, type: RrType.A, expected: found }],
  ['X', { host: HostKind.Missing, type: RrType.A, expected: noName }],
  ['B', { host: HostKind.Truncated, type: RrType.TXT, expected: found }],
  ['E', { host: HostKind.Branch, type: RrType.A, expected: found }],
])

/** Number `n` from 0; equal numbers give equal questions. */
export function warmUpQuestion(n: number): WarmUpQuestion {
  const turn = TURNS.charAt(n % TURNS.length)
  if (turn === 'R' && n >= REPEATS_AFTER) return warmUpQuestion(n - REPEATS_AFTER)
  const { host, type, expected } = kinds.get(turn) ?? usual
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

function hostName(kind: string, n: number): Name {
  const zone = zoneFor(n)
  // Where nothing is signed that is between names: what denies it would have to be signed.
  if (kind === HostKind.Branch)
    return zoneKind(zone) === ZoneKind.Signed ? nameIn(zone, `h${n}`) : nameIn(zone, `h${n}`, `${kind}${n & 7}`)
  return kind === HostKind.AliasAway
    ? nameIn(zone, `${kind}${n}-${scattered(zone) % (zone + 1)}`)
    : nameIn(zone, `${kind}${n}`)
}

function zoneKind(zone: number): string {
  if (zone % 16 === 9) return ZoneKind.HalfSilent
  return zone % 8 === 0 ? ZoneKind.Signed : zone % 8 === 6 ? ZoneKind.Glueless : ZoneKind.Plain
}

/** A name in the zone of that number, of labels in front of it. */
export function nameIn(zone: number, ...labels: readonly string[]): Name {
  const filler = '-abcdefgh'.slice(0, 1 + (zone % 8))
  const name = nameFromLabels([
    ...labels,
    `${zoneKind(zone)}${zone}${filler}`,
    TOP_LEVELS[zone % TOP_LEVELS.length] ?? TOP_LEVELS[0],
  ])
  if (name === null) throw new RangeError(`no name of ${labels.join(', ')}`)
  return foldName(name)
}

const AUTHENTIC_DATA = 0x20
const DNSSEC_OK = 0x80
const PAYLOAD_OCTETS = 1_232
const COOKIE_OPTION = 10
const COOKIE_OCTETS = 8
const OPT_OCTETS = 11

/** As stub resolvers, dig and browsers send them: without EDNS, with it, with DO, with a cookie (RFC 7873). */
function queryOctets(n: number, name: Name, type: number): Uint8Array {
  const form = n % FORMS
  const cookie = form === 3 ? 4 + COOKIE_OCTETS : 0
  const end = HEADER_OCTETS + name.length + 4
  const query = new Uint8Array(form === 0 ? end : end + OPT_OCTETS + cookie)
  putU16(query, 0, scattered(n) & 0xffff)
  query[2] = 1
  query[3] = form >= 3 ? AUTHENTIC_DATA : 0
  query[5] = 1
  writeName(name, query, HEADER_OCTETS)
  putU16(query, end - 4, type)
  putU16(query, end - 2, RrClass.IN)
  if (form === 0) return query
  query[11] = 1
  putU16(query, end + 1, RrType.OPT)
  putU16(query, end + 3, PAYLOAD_OCTETS)
  query[end + 7] = form === 2 ? DNSSEC_OK : 0
  if (cookie === 0) return query
  query[end + 10] = cookie
  putU16(query, end + OPT_OCTETS, COOKIE_OPTION)
  putU16(query, end + OPT_OCTETS + 2, COOKIE_OCTETS)
  for (let i = 0; i < COOKIE_OCTETS; i++) query[end + OPT_OCTETS + 4 + i] = (n + i) & 0xff
  return query
}
