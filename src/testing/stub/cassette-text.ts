/**
 * The text of a cassette, both ways: recorded exchanges for people to review, one a line.
 *
 *     api.internal. A -> NOERROR aa | api.internal. 30 A 192.0.2.1 | api.internal. 30 A 192.0.2.2
 *     db.internal. A -> SERVFAIL x2 EDE 22 "no reachable authority"
 *     db.internal. A -> NOERROR | db.internal. 5 A 192.0.2.7
 *     gone.internal. A -> NXDOMAIN aa | AUTHORITY: internal. 60 SOA ns.internal. root.internal. 1 3600 600 86400 60
 *
 * Names and data are those of a zone file, `;` begins a comment, and the words `->`, `|`, `AUTHORITY:` and
 * `ADDITIONAL:` cannot be data there. Sorted by name (as zones are: names below a name follow it) and type; the answers
 * to one question stay in the order in which they came, and `x2` is an answer that came twice in a row.
 *
 * What changes from one recording to the next is not in it: IDs, cookies, times, ports, the order of records within an
 * RRset. TTLs are as they came, the largest where an answer was seen with several. Invariant: what is written here
 * reads back as the same exchanges, and equal exchanges make equal text whatever the order in which questions were
 * asked.
 */
import { readExtendedErrors } from '../../dns/edns.ts'
import { type Message, type Question, questionKey } from '../../dns/message.ts'
import { parseHex } from '../../dns/encoding-text.ts'
import { compareNames, foldName } from '../../dns/name.ts'
import type { RdataError } from '../../presentation/field-parse.ts'
import { formatGeneric, formatRdata, parseRdata } from '../../presentation/rdata-text.ts'
import { MAX_TTL, parseHead } from '../../presentation/rr-text.ts'
import { type Rr, sameBytes } from '../../dns/rrset.ts'
import { formatName, formatString, parseName, parseUnsigned, shown, unescapeText } from '../../presentation/text.ts'
import { EntryReader, type Token } from '../../presentation/tokens.ts'
import {
  className,
  classNumber,
  EdnsOptionCode,
  Opcode,
  Rcode,
  rcodeName,
  RrClass,
  RrType,
  typeName,
  typeNumber,
} from '../../dns/types.ts'
import { suggest } from '../../presentation/suggest.ts'
import { simSettings } from '../../simulation/settings.ts'

/** What a cassette keeps of a reply. */
export interface RecordedReply {
  readonly rcode: number
  readonly authoritative: boolean
  readonly authenticData: boolean
  readonly truncated: boolean
  readonly errors: readonly { readonly code: number; readonly text: string }[]
  readonly answer: readonly Rr[]
  readonly authority: readonly Rr[]
  readonly additional: readonly Rr[]
  /** So often in a row. */
  readonly times: number
}

export interface Exchange {
  readonly question: Question
  /** In the order in which they came. */
  readonly replies: readonly RecordedReply[]
}

/** Why a text is no cassette. Line and column from 1. */
export interface CassetteProblem {
  readonly line: number
  readonly column: number
  readonly message: string
}

/** The first line of every cassette: what has another is somebody else's file. */
const CASSETTE_HEAD = '; rootwalk cassette 1'

const PREFACE = `${CASSETTE_HEAD}: recorded DNS answers, one exchange a line
; question -> rcode flags | answer records | AUTHORITY: records | ADDITIONAL: records
`

const ARROW = '->'
const BAR = '|'
const SECTIONS = { 'AUTHORITY:': 'authority', 'ADDITIONAL:': 'additional' } as const
const MAX_U16 = 0xffff
/** With EDNS an rcode has 12 bits (RFC 6891 section 6.1.3). */
const MAX_RCODE = 0xfff
const FLAGS = { aa: 'authoritative', ad: 'authenticData', tc: 'truncated' } as const

/** Everything that a cassette keeps of a message. */
export function recordedReply(message: Message): RecordedReply {
  return {
    rcode: message.rcode,
    authoritative: message.authoritative,
    authenticData: message.authenticData,
    truncated: message.truncated,
    errors: message.edns === null ? [] : readExtendedErrors(message.edns),
    answer: settled(message.answer),
    authority: sorted(settled(message.authority)),
    additional: sorted(settled(message.additional)),
    times: 1,
  }
}

/** The message as it is played back. Its ID is 0. */
export function replayedMessage(question: Question, reply: RecordedReply): Message {
  const options = reply.errors.map(({ code, text }) => ({
    code: EdnsOptionCode.EDE,
    data: Uint8Array.of(code >> 8, code & 0xff, ...new TextEncoder().encode(text)),
  }))
  return {
    id: 0,
    response: true,
    opcode: Opcode.QUERY,
    authoritative: reply.authoritative,
    truncated: reply.truncated,
    recursionDesired: true,
    recursionAvailable: true,
    authenticData: reply.authenticData,
    checkingDisabled: false,
    rcode: reply.rcode,
    question: { ...question, cased: question.name },
    answer: reply.answer,
    authority: reply.authority,
    additional: reply.additional,
    edns: { payloadSize: simSettings.payloadBytes, version: 0, dnssecOk: false, flags: 0, options },
  }
}

/** Is it the same answer, but for TTLs? */
export const sameAnswer = (a: RecordedReply, b: RecordedReply): boolean =>
  replyText(timeless(a)) === replyText(timeless(b))

/** Two that are the same answer as one, with the larger TTLs. */
export function merged(a: RecordedReply, b: RecordedReply): RecordedReply {
  const longest = (mine: readonly Rr[], other: readonly Rr[]): Rr[] =>
    mine.map((rr, i) => ({ ...rr, ttl: Math.max(rr.ttl, other[i]?.ttl ?? 0) }))
  const sections = {
    answer: longest(a.answer, b.answer),
    authority: longest(a.authority, b.authority),
    additional: longest(a.additional, b.additional),
  }
  return { ...a, ...sections, times: a.times + b.times }
}

export const questionText = ({ name, type, class: klass }: Question): string =>
  `${formatName(name)} ${klass === RrClass.IN ? '' : `${className(klass)} `}${typeName(type)}`

/** One line, without its newline. */
export const exchangeText = (question: Question, reply: RecordedReply): string =>
  `${questionText(question)} ${ARROW} ${replyText(reply)}`

export function formatCassette(exchanges: Iterable<Exchange>): string {
  const inOrder = [...exchanges].sort(
    (a, b) =>
      compareNames(a.question.name, b.question.name) || compareText(questionText(a.question), questionText(b.question)),
  )
  // The last answer goes on for ever, so how often it came says nothing.
  const lines = inOrder.flatMap(({ question, replies }) =>
    replies.map((reply, i) => exchangeText(question, i === replies.length - 1 ? { ...reply, times: 1 } : reply)),
  )
  return [PREFACE, ...lines.map(line => `${line}\n`)].join('')
}

function replyText(reply: RecordedReply): string {
  const words = [
    rcodeName(reply.rcode),
    ...Object.entries(FLAGS)
      .filter(([, field]) => reply[field])
      .map(([flag]) => flag),
  ]
  if (reply.times > 1) words.push(`x${reply.times}`)
  for (const { code, text } of reply.errors)
    words.push('EDE', String(code), formatString(new TextEncoder().encode(text)))
  const section = (title: string, records: readonly Rr[]): string =>
    records.map((rr, i) => ` ${BAR} ${i === 0 ? title : ''}${recordText(rr)}`).join('')
  return [
    words.join(' '),
    section('', reply.answer),
    section('AUTHORITY: ', reply.authority),
    section('ADDITIONAL: ', reply.additional),
  ].join('')
}

const recordText = ({ owner, ttl, class: klass, type, rdata }: Rr): string =>
  `${formatName(owner)} ${ttl} ${klass === RrClass.IN ? '' : `${className(klass)} `}${typeName(type)} ` +
  `${dataText(type, rdata)}`

/** What a server may send and a zone file may not say (a digest too short) is written as octets. */
function dataText(type: number, rdata: Uint8Array): string {
  const text = formatRdata(type, rdata)
  const read = parseRdata(type, new EntryReader(text).next()?.tokens ?? [], null)
  return read instanceof Uint8Array && sameBytes(read, rdata) ? text : formatGeneric(rdata)
}

/** RFC 3597 section 5, whether the octets fit the type or not: a broken server is worth recording too. */
function readGeneric(tokens: readonly Token[], first: number): Uint8Array | RdataError {
  const length = parseUnsigned(tokens[first + 1]?.text ?? '', MAX_U16)
  const octets = parseHex(
    tokens
      .slice(first + 2)
      .map(({ text }) => text)
      .join(''),
  )
  if (length !== null && octets instanceof Uint8Array && octets.length === length) return octets
  return { index: first + 1, error: 'expected the number of octets and that many in hex after \\#' }
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
const timeless = (reply: RecordedReply): RecordedReply => {
  const at0 = (records: readonly Rr[]): Rr[] => records.map(rr => ({ ...rr, ttl: 0 }))
  return {
    ...reply,
    answer: at0(reply.answer),
    authority: at0(reply.authority),
    additional: at0(reply.additional),
    times: 1,
  }
}

/**
 * RRsets where they first stood, the records within one by their data; owners in lower case, since that of the question
 * comes back as it was asked.
 */
function settled(records: readonly Rr[]): readonly Rr[] {
  const sets = new Map<string, Rr[]>()
  for (const record of records) {
    const owner = foldName(record.owner)
    const key = `${owner}${record.type}/${record.class}`
    sets.set(key, [...(sets.get(key) ?? []), { ...record, owner }])
  }
  return [...sets.values()].flatMap(set => sorted(set))
}

const sorted = (records: readonly Rr[]): readonly Rr[] =>
  records
    .map(rr => ({ rr, text: recordText({ ...rr, ttl: 0 }) }))
    .sort((a, b) => compareText(a.text, b.text))
    .map(({ rr }) => rr)

/**
 * Reads what `formatCassette` wrote, or a person. All problems, in order; with any of them the exchanges are not to be
 * used.
 */
export function parseCassette(text: string): {
  readonly exchanges: readonly Exchange[]
  readonly problems: readonly CassetteProblem[]
} {
  const head = text.replace(/^\uFEFF/, '').split(/\r\n|\r|\n/, 1)[0] ?? ''
  if (head !== CASSETTE_HEAD && !head.startsWith(`${CASSETTE_HEAD}:`)) {
    return {
      exchanges: [],
      problems: [
        {
          line: 1,
          column: 1,
          message: `expected "${CASSETTE_HEAD}" in the first line, found ${shown(head)}: this is no cassette`,
        },
      ],
    }
  }
  const byQuestion = new Map<string, { question: Question; replies: RecordedReply[] }>()
  const problems: CassetteProblem[] = []
  const reader = new EntryReader(text)
  for (let entry = reader.next(); entry !== null; entry = reader.next()) {
    const exchange =
      entry.fault === null
        ? readExchange(entry.tokens)
        : { line: entry.fault.line, column: entry.fault.column, message: entry.fault.error }
    if ('message' in exchange) {
      problems.push(exchange)
      continue
    }
    const key = questionKey(exchange.question)
    const known = byQuestion.get(key)
    if (known === undefined) byQuestion.set(key, { question: exchange.question, replies: [exchange.reply] })
    else known.replies.push(exchange.reply)
  }
  return { exchanges: [...byQuestion.values()], problems }
}

type Read<T> = T | CassetteProblem

const problemAt = (token: Token, message: string): CassetteProblem => ({
  line: token.line,
  column: token.column,
  message,
})
/** For what is missing after `token`. */
const problemAfter = (token: Token, message: string): CassetteProblem => ({
  line: token.line,
  column: token.column + token.text.length + (token.quoted ? 2 : 0),
  message,
})
const isWord = (token: Token | undefined, word: string): boolean =>
  token !== undefined && !token.quoted && token.text === word

function readExchange(tokens: readonly Token[]): Read<{ readonly question: Question; readonly reply: RecordedReply }> {
  const [first] = tokens
  const arrow = tokens.findIndex(token => isWord(token, ARROW))
  if (first === undefined) return { line: 1, column: 1, message: 'expected an exchange' }
  if (arrow < 0)
    return problemAfter(
      tokens.at(-1) ?? first,
      `expected "${ARROW}" after the question, as in "a.test. A -> NOERROR | a.test. 60 A 192.0.2.1"`,
    )
  const question = readQuestion(tokens.slice(0, arrow), tokens[arrow] ?? first)
  if ('message' in question) return question
  const reply = readReply(tokens.slice(arrow + 1), tokens[arrow] ?? first)
  return 'message' in reply ? reply : { question, reply }
}

function readQuestion(tokens: readonly Token[], arrow: Token): Read<Question> {
  const [nameToken, ...rest] = tokens
  if (nameToken === undefined) return problemAt(arrow, 'expected a question in front of this, as in "a.test. A"')
  const name = parseName(nameToken.text, null)
  if (typeof name !== 'string') return problemAt(nameToken, name.error)
  const [beforeType, last] = rest.length > 1 ? rest : [undefined, rest[0]]
  if (last === undefined) return problemAt(arrow, 'expected a type like A in front of this')
  const klass = beforeType === undefined ? RrClass.IN : classNumber(beforeType.text)
  if (beforeType !== undefined && klass === null)
    return problemAt(beforeType, `expected a class or a type, found ${shown(beforeType.text)}`)
  const type = typeNumber(last.text)
  if (type === null)
    return problemAt(
      last,
      `expected a type, found ${shown(last.text)}${near(last.text.toUpperCase(), Object.keys(RrType))}`,
    )
  if (rest.length > 2) return problemAt(rest[2] ?? last, `expected "${ARROW}" here`)
  return { name: foldName(name), type, class: klass ?? RrClass.IN }
}

const near = (word: string, known: readonly string[]): string => {
  const found = suggest(word, known)
  return found === null ? '' : ` (did you mean ${found}?)`
}

function readReply(tokens: readonly Token[], arrow: Token): Read<RecordedReply> {
  const head: Token[] = []
  const pieces: { readonly bar: Token; readonly tokens: Token[] }[] = []
  for (const token of tokens) {
    if (isWord(token, BAR)) pieces.push({ bar: token, tokens: [] })
    else (pieces.at(-1)?.tokens ?? head).push(token)
  }
  const status = readStatus(head, arrow)
  if ('message' in status) return status
  const sections: Record<'answer' | 'authority' | 'additional', Rr[]> = { answer: [], authority: [], additional: [] }
  let section: keyof typeof sections = 'answer'
  for (const { bar, tokens: piece } of pieces) {
    const title = Object.entries(SECTIONS).find(([word]) => isWord(piece[0], word))
    if (title !== undefined) section = title[1]
    const record = readRecord(title === undefined ? piece : piece.slice(1), piece[0] ?? bar)
    if ('message' in record) return record
    sections[section].push(record)
  }
  return { ...status, ...sections }
}

function readStatus(
  tokens: readonly Token[],
  arrow: Token,
): Read<Omit<RecordedReply, 'answer' | 'authority' | 'additional'>> {
  const [rcodeToken, ...words] = tokens
  if (rcodeToken === undefined) return problemAfter(arrow, 'expected an rcode like NOERROR')
  const rcode = rcodeNumber(rcodeToken.text)
  if (rcode === null)
    return problemAt(
      rcodeToken,
      `expected an rcode, found ${shown(rcodeToken.text)}${near(rcodeToken.text.toUpperCase(), Object.keys(Rcode))}`,
    )
  const flags = { authoritative: false, authenticData: false, truncated: false }
  const errors: { code: number; text: string }[] = []
  let times = 1
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? rcodeToken
    const flag = Object.entries(FLAGS).find(([name]) => isWord(word, name))
    const repeat = /^x([1-9]\d{0,5})$/.exec(word.text)
    if (flag !== undefined) flags[flag[1]] = true
    else if (repeat !== null && !word.quoted) times = Number(repeat[1])
    else if (isWord(word, 'EDE')) {
      const code = parseUnsigned(words[i + 1]?.text ?? '', MAX_U16)
      const text = words[i + 2]?.quoted === true ? unescapeText(words[i + 2]?.text ?? '') : null
      if (code === null || text === null || typeof text !== 'string')
        return problemAt(word, 'expected a code and a text in quotes after this, as in EDE 22 "no reachable authority"')
      errors.push({ code, text: new TextDecoder().decode(Uint8Array.from(text, octet => octet.charCodeAt(0))) })
      i += 2
    } else return problemAt(word, `expected "|" and a record, or one of aa ad tc x2 EDE, found ${shown(word.text)}`)
  }
  return { rcode, ...flags, errors, times }
}

function rcodeNumber(text: string): number | null {
  const known = Object.entries(Rcode).find(([name]) => name === text.toUpperCase())
  return known !== undefined ? known[1] : parseUnsigned(/^RCODE(\d+)$/i.exec(text)?.[1] ?? '', MAX_RCODE)
}

function readRecord(tokens: readonly Token[], before: Token): Read<Rr> {
  const [ownerToken] = tokens
  if (ownerToken === undefined)
    return problemAfter(before, 'expected a record after "|", as in "a.test. 60 A 192.0.2.1"')
  const owner = parseName(ownerToken.text, null)
  if (typeof owner !== 'string') return problemAt(ownerToken, owner.error)
  const at = ({ index, error }: RdataError): CassetteProblem =>
    tokens[index] === undefined ? problemAfter(tokens.at(-1) ?? ownerToken, error) : problemAt(tokens[index], error)
  const head = parseHead(tokens, 1)
  if ('error' in head) return at(head)
  if (head.ttl === null || head.ttl > MAX_TTL)
    return problemAt(tokens[1] ?? ownerToken, `expected a TTL in seconds, at most ${MAX_TTL}, in front of the type`)
  const rdata = isWord(tokens[head.next], '\\#')
    ? readGeneric(tokens, head.next)
    : parseRdata(head.type, tokens, null, head.next)
  if ('error' in rdata) return at(rdata)
  return { owner: foldName(owner), type: head.type, class: head.class ?? RrClass.IN, ttl: head.ttl, rdata }
}
