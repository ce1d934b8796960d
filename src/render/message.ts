/**
 * A message for people and programs: as dig shows it, as bare data, or as JSON. Every octet of it goes through the
 * presentation format, so that no reply can write to a terminal anything but what we meant.
 */
import { readExtendedErrors } from '../dns/edns.ts'
import type { Edns, EdnsOption, Message } from '../dns/message.ts'
import { formatRdata } from '../presentation/rdata-text.ts'
import { formatRr } from '../presentation/rr-text.ts'
import type { Rr } from '../dns/rrset.ts'
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

export interface Show {
  readonly form: 'dig' | 'short' | 'json'
  readonly comments: boolean
  readonly question: boolean
  readonly answer: boolean
  readonly authority: boolean
  readonly additional: boolean
  readonly stats: boolean
}

/** How the reply came. `wall` in milliseconds since 1970. */
export interface Journey {
  readonly server: string
  readonly transport: 'udp' | 'tcp'
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
 * without AD is insecure as far as this server tells. `asked`: the query had AD or DO, and not CD.
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

export function digText(message: Message, journey: Journey, show: Show, security: SecurityShown = null): string {
  const blocks: string[] = []
  if (show.comments) blocks.push(headerText(message))
  if (show.comments && message.edns !== null) blocks.push(ednsText(message.edns))
  const { question } = message
  if (show.question && question !== null)
    blocks.push(
      `;; QUESTION SECTION:\n;${formatName(question.cased)}\t\t${className(question.class)}\t${typeName(question.type)}`,
    )
  const section = (title: string, records: readonly Rr[], wanted: boolean): void => {
    if (wanted && records.length > 0)
      blocks.push([...(show.comments ? [`;; ${title} SECTION:`] : []), ...records.map(formatRr)].join('\n'))
  }
  section('ANSWER', message.answer, show.answer)
  section('AUTHORITY', message.authority, show.authority)
  section('ADDITIONAL', message.additional, show.additional)
  if (show.stats)
    blocks.push(security === null ? statsText(journey) : `${securityText(security)}\n${statsText(journey)}`)
  return blocks.length === 0 ? '' : `${blocks.join(show.comments ? '\n\n' : '\n')}\n`
}

/** The data of the answer, a record a line. */
export const shortText = (message: Message): string =>
  message.answer.map(rr => `${formatRdata(rr.type, rr.rdata)}\n`).join('')

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
  const counts = `QUERY: ${queries}, ANSWER: ${message.answer.length}, AUTHORITY: ${message.authority.length}, ADDITIONAL: ${additional}`
  return [
    `;; ->>HEADER<<- opcode: ${opcodeName(message.opcode)}, status: ${rcodeName(message.rcode)}, id: ${message.id}`,
    `;; flags: ${flagsOf(message).join(' ')}; ${counts}`,
  ].join('\n')
}

function ednsText(edns: Edns): string {
  const lines = [
    `;; OPT PSEUDOSECTION:`,
    `; EDNS: version: ${edns.version}, flags:${edns.dnssecOk ? ' do' : ''}; udp: ${edns.payloadSize}`,
  ]
  for (const { code, text } of readExtendedErrors(edns))
    lines.push(`; EDE: ${code} (${edeName(code)})${text === '' ? '' : `: ${quoted(text)}`}`)
  for (const option of edns.options) if (option.code !== EdnsOptionCode.EDE) lines.push(`; ${optionText(option)}`)
  return lines.join('\n')
}

function optionText({ code, data }: EdnsOption): string {
  if (code === EdnsOptionCode.NSID) return `NSID: ${hex(data)} (${formatString(data)})`
  const name = Object.entries(EdnsOptionCode).find(([, number]) => number === code)?.[0] ?? `OPT=${code}`
  return `${name}: ${hex(data)}`
}

/** In small letters, as dig writes options; RDATA has capitals. */
const hex = (data: Uint8Array): string => formatHex(data).toLowerCase()

/** Text of a server, which may hold anything. */
const quoted = (text: string): string => formatString(new TextEncoder().encode(text))

function statsText({ server, transport, tookMs, octets, wall }: Journey): string {
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
