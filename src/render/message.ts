/**
 * A message for people and programs: as dig shows it, as bare data, or as JSON. Every octet of it goes through the
 * presentation format, so that no reply can write to a terminal anything but what we meant.
 */
import { ipFromBytes } from '../dns/address.ts'
import { u16 } from '../dns/bytes.ts'
import { readExtendedErrors } from '../dns/edns.ts'
import type { Edns, EdnsOption, Message } from '../dns/message.ts'
import { formatRdata } from '../presentation/rdata-text.ts'
import type { Rr } from '../dns/rrset.ts'
import type { Transport } from '../ports.ts'
import { formatHex } from '../dns/encoding-text.ts'
import { formatName, formatString } from '../presentation/text.ts'
import {
  className,
  EdeCode,
  edeName,
  EdnsOptionCode,
  opcodeName,
  Rcode,
  rcodeName,
  RrType,
  typeName,
} from '../dns/types.ts'
import { styledRdata, styledRr, type RecordStyle, plainStyle } from './record-style.ts'

export interface Show {
  readonly form: 'dig' | 'short' | 'json' | 'yaml'
  readonly comments: boolean
  readonly question: boolean
  readonly answer: boolean
  readonly authority: boolean
  readonly additional: boolean
  readonly stats: boolean
  /** The query too, before it is sent. */
  readonly query: boolean
  /** With `short`: which server said it. */
  readonly identify: boolean
  /** One of the two SOA records of a transfer. */
  readonly oneSoa: boolean
  readonly style: RecordStyle
}

/** How the reply came. `wall` in milliseconds since 1970. */
export interface ReplyTransfer {
  readonly server: string
  readonly transport: Transport
  readonly tookMs: number
  readonly octets: number
  readonly wall: number
}

/** What a resolver said about the signatures; null when it was not asked, or is none. */
export type SecurityShown = 'secure' | 'insecure' | 'bogus' | null

/** RFC 8914 section 4: codes with which a resolver says that validation failed. */
const BOGUS_CODES: ReadonlySet<number> = new Set([
  EdeCode.DnssecBogus,
  EdeCode.SignatureExpired,
  EdeCode.SignatureNotYetValid,
  EdeCode.DnskeyMissing,
  EdeCode.RrsigsMissing,
  EdeCode.NoZoneKeyBitSet,
  EdeCode.NsecMissing,
  EdeCode.SignatureExpiredBeforeValid,
])

/**
 * From the reply alone: AD says secure (RFC 4035 section 3.2.3), SERVFAIL with a DNSSEC error says bogus, an answer
 * without AD is insecure as far as this server reports. `asked`: the query had AD or DO, and not CD.
 */
export function securityShown(message: Message, asked: boolean): SecurityShown {
  if (!asked || !message.recursionAvailable || message.checkingDisabled) return null
  if (message.rcode === Rcode.SERVFAIL) {
    const errors = message.edns === null ? [] : readExtendedErrors(message.edns)
    return errors.some(({ code }) => BOGUS_CODES.has(code)) ? 'bogus' : null
  }
  if (message.rcode !== Rcode.NOERROR && message.rcode !== Rcode.NXDOMAIN) return null
  return message.authenticData ? 'secure' : 'insecure'
}

function securityText(security: Exclude<SecurityShown, null>): string {
  switch (security) {
    case 'secure':
      return ';; DNSSEC: secure, the server validated it'
    case 'insecure':
      return ';; DNSSEC: insecure: not signed, or not validated by this server'
    case 'bogus':
      return ';; DNSSEC: bogus: the signatures do not hold; +cd shows the data'
    default:
      return security satisfies never
  }
}

/** `sent`: the query that it answers, for what the server made of our cookie. */
export function digText(
  message: Message,
  journey: ReplyTransfer,
  show: Show,
  security: SecurityShown = null,
  sent: Message | null = null,
): string {
  const blocks = messageBlocks(message, show, sent)
  if (show.stats)
    blocks.push(security === null ? statsText(journey) : `${securityText(security)}\n${statsText(journey)}`)
  return joined(blocks, show)
}

/** The query itself, for `+qr`. */
export const queryText = (message: Message, octets: number, show: Show): string =>
  joined(
    [
      'Sending:',
      ...messageBlocks(message, { ...show, style: plainStyle }, null),
      ...(show.stats ? [`;; QUERY SIZE: ${octets}`] : []),
    ].map((block, index) => (index === 0 ? `;; ${block}` : block)),
    show,
  )

const joined = (blocks: readonly string[], show: Show): string =>
  blocks.length === 0 ? '' : `${blocks.join(show.comments ? '\n\n' : '\n')}\n`

function messageBlocks(message: Message, show: Show, sent: Message | null): string[] {
  const blocks: string[] = []
  if (show.comments) blocks.push(headerText(message))
  if (show.comments && message.edns !== null) blocks.push(ednsText(message.edns, sent))
  const { question } = message
  if (show.question && question !== null)
    blocks.push(
      ';; QUESTION ' +
        `SECTION:\n;${formatName(question.cased)}\t\t${className(question.class)}\t${typeName(question.type)}`,
    )
  const section = (title: string, records: readonly Rr[], wanted: boolean): void => {
    if (wanted && records.length > 0)
      blocks.push(
        [...(show.comments ? [`;; ${title} SECTION:`] : []), ...records.map(rr => styledRr(rr, show.style))].join('\n'),
      )
  }
  section('ANSWER', message.answer, show.answer)
  section('AUTHORITY', message.authority, show.authority)
  section('ADDITIONAL', message.additional, show.additional)
  return blocks
}

/** The data of the answer, a record a line. */
export const shortText = (
  message: Message,
  style: RecordStyle = plainStyle,
  from: ReplyTransfer | null = null,
): string =>
  message.answer
    .map(
      rr =>
        `${styledRdata(rr, { ...style, multiline: false, comments: false })}${from === null ? '' : fromText(from)}\n`,
    )
    .join('')

const fromText = ({ server, tookMs }: ReplyTransfer): string =>
  ` from server ${server.replace(/#.*/, '')} in ${Math.round(tookMs)} ms.`

const flagsOf = (message: Message): string[] => [
  ...(message.response ? ['qr'] : []),
  ...(message.authoritative ? ['aa'] : []),
  ...(message.truncated ? ['tc'] : []),
  ...(message.recursionDesired ? ['rd'] : []),
  ...(message.recursionAvailable ? ['ra'] : []),
  ...(message.authenticData ? ['ad'] : []),
  ...(message.checkingDisabled ? ['cd'] : []),
]

function headerText(message: Message): string {
  const additional = message.additional.length + (message.edns === null ? 0 : 1)
  const queries = message.question === null ? 0 : 1
  const counts =
    `QUERY: ${queries}, ANSWER: ${message.answer.length}, AUTHORITY: ${message.authority.length}, ADDITIONAL: ` +
    `${additional}`
  return [
    `;; ->>HEADER<<- opcode: ${opcodeName(message.opcode)}, status: ${rcodeName(message.rcode)}, id: ${message.id}`,
    `;; flags: ${flagsOf(message).join(' ')}; ${counts}`,
    ...(message.response && message.recursionDesired && !message.recursionAvailable
      ? [';; WARNING: recursion requested but not available']
      : []),
  ].join('\n')
}

function ednsText(edns: Edns, sent: Message | null): string {
  const lines = [
    `;; OPT PSEUDOSECTION:`,
    `; EDNS: version: ${edns.version}, flags:${ednsFlags(edns)}; udp: ${edns.payloadSize}`,
  ]
  for (const { code, text } of readExtendedErrors(edns))
    lines.push(`; EDE: ${code} (${edeName(code)})${text === '' ? '' : `: ${quoted(text)}`}`)
  for (const option of edns.options) if (option.code !== EdnsOptionCode.EDE) lines.push(`; ${optionText(option, sent)}`)
  return lines.join('\n')
}

const ednsFlags = ({ dnssecOk, flags }: Edns): string =>
  `${dnssecOk ? ' do' : ''}${flags === 0 ? '' : ` MBZ: 0x${flags.toString(16).padStart(4, '0')}`}`

function optionText({ code, data }: EdnsOption, sent: Message | null): string {
  if (data.length === 0) return `${optionName(code)}:`
  switch (code) {
    case EdnsOptionCode.NSID:
      return `NSID: ${hex(data)} (${formatString(data)})`
    case EdnsOptionCode.ECS:
      return `CLIENT-SUBNET: ${subnetText(data) ?? hex(data)}`
    case EdnsOptionCode.PADDING:
      return `PAD: (${data.length} bytes)`
    case EdnsOptionCode.COOKIE:
      return `COOKIE: ${hex(data)}${cookieVerdict(data, sent)}`
    default:
      return `${optionName(code)}: ${hex(data)}`
  }
}

const optionName = (code: number): string => {
  if (code === EdnsOptionCode.ECS) return 'CLIENT-SUBNET'
  if (code === EdnsOptionCode.PADDING) return 'PAD'
  return Object.entries(EdnsOptionCode).find(([, number]) => number === code)?.[0] ?? `OPT=${code}`
}

/** RFC 7873 section 5.3: a reply has our cookie, followed by the server's. */
function cookieVerdict(data: Uint8Array, sent: Message | null): string {
  const ours = sent?.edns?.options.find(option => option.code === EdnsOptionCode.COOKIE)?.data
  if (ours === undefined) return ''
  const same =
    ours.length >= CLIENT_COOKIE_OCTETS &&
    ours.every((octet, index) => index >= CLIENT_COOKIE_OCTETS || octet === data[index])
  if (!same) return ' (bad)'
  return data.length === CLIENT_COOKIE_OCTETS ? ' (echoed)' : ' (good)'
}

const CLIENT_COOKIE_OCTETS = 8

/** RFC 7871 section 6: family, source prefix length, scope prefix length, the address as far as the prefix goes. */
function subnetText(data: Uint8Array): string | null {
  const family = data.length < 4 ? 0 : u16(data, 0)
  const [, , source = 0, scope = 0] = data
  const octets = family === 1 ? 4 : family === 2 ? 16 : 0
  if (octets === 0 || data.length - 4 > octets) return null
  const address = new Uint8Array(octets)
  address.set(data.subarray(4))
  return `${ipFromBytes(address).text}/${source}/${scope}`
}

/** In small letters, as dig writes options; RDATA has capitals. */
const hex = (data: Uint8Array): string => formatHex(data).toLowerCase()

/** Text of a server, which may hold anything. */
const quoted = (text: string): string => formatString(new TextEncoder().encode(text))

function statsText({ server, transport, tookMs, octets, wall }: ReplyTransfer): string {
  return [
    `;; Query time: ${Math.round(tookMs)} msec`,
    `;; SERVER: ${server} (${transport.toUpperCase()})`,
    `;; WHEN: ${new Date(wall).toISOString()}`,
    `;; MSG SIZE  rcvd: ${octets}`,
  ].join('\n')
}

export interface JsonRecord {
  readonly name: string
  readonly type: string
  readonly class: string
  readonly ttl: number
  readonly data: string
}

export const jsonRecord = (rr: Rr): JsonRecord => ({
  name: formatName(rr.owner),
  type: typeName(rr.type),
  class: className(rr.class),
  ttl: rr.ttl,
  data: formatRdata(rr.type, rr.rdata),
})

export interface JsonMessage {
  readonly id: number
  readonly opcode: string
  readonly status: string
  readonly flags: readonly string[]
  readonly question: { readonly name: string; readonly type: string; readonly class: string } | null
  readonly answer: readonly JsonRecord[]
  readonly authority: readonly JsonRecord[]
  readonly additional: readonly JsonRecord[]
  readonly edns: {
    readonly version: number
    readonly payloadSize: number
    readonly dnssecOk: boolean
    readonly errors: readonly { readonly code: number; readonly name: string; readonly text: string }[]
    readonly options: readonly { readonly code: number; readonly data: string }[]
  } | null
}

export function jsonMessage(message: Message): JsonMessage {
  const { question, edns } = message
  return {
    id: message.id,
    opcode: opcodeName(message.opcode),
    status: rcodeName(message.rcode),
    flags: flagsOf(message),
    question:
      question === null
        ? null
        : { name: formatName(question.cased), type: typeName(question.type), class: className(question.class) },
    answer: message.answer.map(jsonRecord),
    authority: message.authority.map(jsonRecord),
    additional: message.additional.filter(rr => rr.type !== RrType.OPT).map(jsonRecord),
    edns:
      edns === null
        ? null
        : {
            version: edns.version,
            payloadSize: edns.payloadSize,
            dnssecOk: edns.dnssecOk,
            errors: readExtendedErrors(edns).map(({ code, text }) => ({ code, name: edeName(code), text })),
            options: edns.options
              .filter(option => option.code !== EdnsOptionCode.EDE)
              .map(({ code, data }) => ({ code, data: hex(data) })),
          },
  }
}

/** When a message went or came, in milliseconds since 1970, and between whom. */
export interface YamlFrame {
  readonly sentAt: number
  readonly journey: ReplyTransfer | null
  readonly octets: number
  readonly server: { readonly address: string; readonly port: number }
  readonly transport: Transport
}

/** A document of `+yaml`, laid out as dig does. */
export function yamlText(message: Message, frame: YamlFrame, show: Show, sent: Message | null = null): string {
  const { journey, server } = frame
  const who = message.recursionDesired && (message.recursionAvailable || !message.response) ? 'RECURSIVE' : 'AUTH'
  const at = (ms: number): string => `!!timestamp ${new Date(ms).toISOString()}`
  const lines = [
    '- type: MESSAGE',
    '  message:',
    `    type: ${who}_${message.response ? 'RESPONSE' : 'QUERY'}`,
    `    query_time: ${at(frame.sentAt)}`,
    ...(journey === null ? [] : [`    response_time: ${at(frame.sentAt + journey.tookMs)}`]),
    `    message_size: ${frame.octets}b`,
    `    socket_family: ${server.address.includes(':') ? 'INET6' : 'INET'}`,
    `    socket_protocol: ${frame.transport.toUpperCase()}`,
    `    response_address: "${server.address}"`,
    `    response_port: ${server.port}`,
    `    ${message.response ? 'response' : 'query'}_message_data:`,
    ...yamlMessage(message, show, sent).map(line => `      ${line}`),
  ]
  return `${lines.join('\n')}\n`
}

function yamlMessage(message: Message, show: Show, sent: Message | null): string[] {
  const { question, edns } = message
  const style: RecordStyle = { ...show.style, multiline: false, comments: false }
  const record = (rr: Rr): string => yamlItem(styledRr(rr, style))
  const section = (title: string, records: readonly Rr[], wanted: boolean): string[] =>
    wanted && records.length > 0 ? [`${title}_SECTION:`, ...records.map(record)] : []
  return [
    `opcode: ${opcodeName(message.opcode)}`,
    `status: ${rcodeName(message.rcode)}`,
    `id: ${message.id}`,
    `flags: ${flagsOf(message).join(' ')}`.trimEnd(),
    `QUESTION: ${question === null ? 0 : 1}`,
    `ANSWER: ${message.answer.length}`,
    `AUTHORITY: ${message.authority.length}`,
    `ADDITIONAL: ${message.additional.length + (edns === null ? 0 : 1)}`,
    ...(edns === null || !show.comments ? [] : yamlEdns(edns, sent)),
    ...(show.question && question !== null
      ? [
          'QUESTION_SECTION:',
          yamlItem(`${formatName(question.cased)} ${className(question.class)} ${typeName(question.type)}`),
        ]
      : []),
    ...section('ANSWER', message.answer, show.answer),
    ...section('AUTHORITY', message.authority, show.authority),
    ...section('ADDITIONAL', message.additional, show.additional),
  ]
}

const yamlItem = (line: string): string => `  - '${line.replaceAll('\t', ' ').replaceAll("'", "''")}'`

function yamlEdns(edns: Edns, sent: Message | null): string[] {
  const lines = [
    'OPT_PSEUDOSECTION:',
    '  EDNS:',
    `    version: ${edns.version}`,
    `    flags:${ednsFlags(edns)}`,
    `    udp: ${edns.payloadSize}`,
  ]
  for (const { code, text } of readExtendedErrors(edns))
    lines.push(
      '    EDE:',
      `      INFO-CODE: ${code} (${edeName(code)})`,
      ...(text === '' ? [] : [`      EXTRA-TEXT: ${quoted(text)}`]),
    )
  for (const option of edns.options)
    if (option.code !== EdnsOptionCode.EDE) lines.push(`    ${optionText(option, sent)}`)
  return lines
}
