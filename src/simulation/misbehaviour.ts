/**
 * The named ways in which a simulated server can go wrong, as data: what each is called, whether it takes a number, and
 * to which names and types it applies. What they do is in `server.ts`. The same text form is used in tests, in
 * `zones/internet/internet.json` and in messages:
 *
 *     lame                         always
 *     slow(1500)                   with a number
 *     refuses for www.example.com. AAAA
 *     servfails below example.com.
 *     silent for * AAAA            one type, any name
 */
import { foldName, isWithin, type Name } from '../dns/name.ts'
import type { Question } from '../dns/message.ts'
import { formatName, parseName } from '../presentation/text.ts'
import { typeName, typeNumber } from '../dns/types.ts'

/** Each misbehaviour with what it does; `(n)` where it takes a number. */
export const misbehaviours = {
  lame: 'answers politely with nothing: no AA, no records, as a server that does not have the zone',
  silent: 'never answers',
  slow: '(ms) answers that much later',
  truncates: 'every UDP answer is empty with TC set',
  truncatesForever: 'TC over UDP and over TCP',
  ignoresEdns: 'answers without OPT and in 512 octets',
  formerrOnEdns: 'FORMERR without OPT to every query with EDNS',
  dropsEdns: 'does not answer a query with EDNS',
  badVersion: 'BADVERS to every query with EDNS',
  cookies: 'no misbehaviour: answers cookies with cookies (RFC 7873)',
  wantsCookies: 'the same, and BADCOOKIE over UDP to cookies that it did not give',
  noGoodCookies: 'BADCOOKIE and a new one to every cookie, over TCP too',
  othersCookies: 'answers a cookie with that of another client',
  echoesCookies: 'sends cookies back as they came',
  formerrOnCookies: 'FORMERR to every query with a cookie',
  dropsCookies: 'does not answer a query with a cookie',
  refuses: 'REFUSED',
  servfails: 'SERVFAIL',
  notimp: 'NOTIMP',
  formerr: 'FORMERR',
  bareErrors: 'SERVFAIL as a header alone, without the question',
  garbage: 'right ID and question, then octets that are no records',
  upwardReferral: 'refers to the root',
  loops: 'refers to its own zone again and again',
  wrongCase: 'lower-cases the question in its answer',
  clearsAa: 'right data, but never AA',
  nxdomainOnEmptyNonTerminal: 'NXDOMAIN for a name that has only names below it',
  emptyAnswerNoSoa: 'NODATA and NXDOMAIN without SOA',
  selfGlue: 'all glue in referrals is its own address (CVE-2026-3592)',
  extraRecords: "adds records about other people's names in all sections",
  tcpRefused: 'refuses TCP connections',
  tcpOnly: 'does not answer over UDP',
  portClosed: 'the host refuses: no program listens on the port',
  ignoresDo: 'answers as if DO were not set',
  stripsSignatures: 'leaves RRSIG, NSEC and NSEC3 records out, as some middleboxes do',
  breaksSignatures: 'an octet of every signature is another',
  wrongIdBeforeAnswer: 'a forged answer with another ID comes first',
  wrongQuestionBeforeAnswer: 'a forged answer to another question comes first',
  wrongOpcodeBeforeAnswer: 'a forged answer with another opcode comes first',
  wrongClassBeforeAnswer: 'a forged answer with another class in its question comes first',
  qr0BeforeAnswer: 'a forged answer with QR=0 comes first',
  malformedBeforeAnswer: 'half a header with the right ID comes first',
  spoofs: '(n) that many off-path guesses of the ID come before the answer',
  guessesAll: 'a forged answer comes first in which all is right but the cookie, of which it has none',
  guessesId: 'a forged answer with the right ID, but not the case of the question, comes first',
} as const

export type MisbehaviourName = keyof typeof misbehaviours

export interface Misbehaviour {
  readonly kind: MisbehaviourName
  /** The number in parentheses, null when none was given. */
  readonly amount: number | null
  /** Null: every name. */
  readonly name: Name | null
  /** Names below `name` too. */
  readonly below: boolean
  /** Null: every type. */
  readonly type: number | null
}

const isMisbehaviourName = (text: string): text is MisbehaviourName => Object.hasOwn(misbehaviours, text)

/** Reads the text form. Throws when it is none: the mistake is in a test or in our own data. */
export function parseMisbehaviour(text: string): Misbehaviour {
  const match = /^([a-zA-Z0-9]+)(?:\((\d+)\))?(?:\s+(for|below)\s+(\S+)(?:\s+(\S+))?)?$/.exec(text.trim())
  const kind = match?.[1]
  if (match === null || kind === undefined || !isMisbehaviourName(kind)) {
    throw new Error(`"${text}" is not a misbehaviour; there are: ${Object.keys(misbehaviours).join(', ')}`)
  }
  const type = match[5] === undefined ? null : typeNumber(match[5])
  if (match[5] !== undefined && type === null) throw new Error(`"${text}": ${match[5]} is not a type`)
  return {
    kind,
    amount: match[2] === undefined ? null : Number(match[2]),
    name: match[4] === undefined || match[4] === '*' ? null : readName(match[4], text),
    below: match[3] === 'below',
    type,
  }
}

export function formatMisbehaviour(m: Misbehaviour): string {
  const amount = m.amount === null ? '' : `(${m.amount})`
  if (m.name === null && m.type === null) return `${m.kind}${amount}`
  const name = m.name === null ? '*' : formatName(m.name)
  return `${m.kind}${amount} ${m.below ? 'below' : 'for'} ${name}${m.type === null ? '' : ` ${typeName(m.type)}`}`
}

export function applies(m: Misbehaviour, question: Question): boolean {
  if (m.type !== null && m.type !== question.type) return false
  if (m.name === null) return true
  return m.below ? isWithin(question.name, m.name) : question.name === m.name
}

function readName(text: string, whole: string): Name {
  const name = parseName(text, null)
  if (typeof name !== 'string') throw new Error(`"${whole}": ${name.error}`)
  return foldName(name)
}
