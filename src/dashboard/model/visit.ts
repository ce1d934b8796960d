/** A visit to a URL as the API gives it: the fields that the dashboard reads, and words for them. Pure. */
import { counted, durationText } from './format.ts'

export interface VisitRow {
  readonly layer: 'application' | 'transport' | 'internet'
  readonly protocol: string
  readonly what: 'look-up' | 'attempt' | 'route' | 'handshake' | 'request' | 'wait' | 'content'
  readonly name?: string
  readonly type?: string
  readonly from?: string
  readonly to?: string
  readonly port?: number
  /** Ms since the beginning of the hop. */
  readonly fromMs: number
  readonly toMs: number
  readonly outcome: 'done' | 'failed' | 'abandoned'
}

export interface LookUp {
  readonly name: string
  readonly type: string
  readonly tookMs: number | null
  readonly answer: {
    readonly kind: 'answer' | 'nodata' | 'nxdomain' | 'failure'
    readonly security?: string
    readonly records?: readonly { readonly type: string; readonly ttl: number; readonly data: string }[]
    readonly why?: string
    readonly edeName?: string | null
    readonly text?: string
  } | null
}

export interface Certificate {
  readonly subject: string
  readonly issuer: string
  readonly names: readonly string[]
  readonly notAfter: string
  readonly daysLeft: number
  readonly key: string
  readonly fingerprint: string
}

export interface Tls {
  readonly version: string
  readonly cipher: string
  readonly group: string | null
  readonly alpn: string | null
  readonly isResumed: boolean
  readonly chain: readonly Certificate[]
  readonly verdict: { readonly kind: 'verified' | 'not-verified'; readonly reason?: string }
}

export interface HopEnd {
  readonly kind: 'done' | 'redirect' | 'failed'
  readonly to?: string
  readonly failure?: string
  readonly reason?: string
  readonly why?: string
  readonly address?: string
  readonly what?: string
  readonly during?: string
  readonly allowed?: number
  readonly location?: string
}

export type Differences = Readonly<Record<(typeof PHASES)[number][0], number | null>>

export interface Hop {
  readonly url: string
  readonly method: string
  /** Ms since the beginning of the pass. */
  readonly atMs: number
  readonly end: HopEnd
  readonly times: { readonly totalMs: number }
  readonly differences: Differences
  readonly rows: readonly VisitRow[]
  readonly lookUps: readonly LookUp[]
  readonly services: readonly { readonly priority: number; readonly target: string }[]
  readonly connection: { readonly isReused: boolean; readonly remote: string; readonly port: number } | null
  readonly tls: Tls | null
  readonly response: {
    readonly protocol: string
    readonly status: number
    readonly reason: string
    readonly headers: readonly { readonly name: string; readonly value: string }[]
    readonly contentBytes: number
  } | null
}

export interface Pass {
  readonly kind: 'cold' | 'warm' | 'reused'
  readonly tookMs: number
  readonly hops: readonly Hop[]
}

export interface VisitResult {
  readonly url: string
  readonly method: string
  readonly exitCode: number
  readonly passes: readonly Pass[]
  readonly checks: readonly {
    readonly host: string
    readonly port: number
    readonly caa: { readonly at: string | null; readonly records: readonly Readonly<Record<string, unknown>>[] } | null
    readonly dane: { readonly kind: string } | null
  }[]
  readonly suggestions: readonly Suggestion[]
}

interface Suggestion {
  readonly kind: string
  readonly costMs: number
  readonly count?: number
  readonly host?: string
  readonly hasHsts?: boolean
  readonly version?: string
  readonly name?: string
  readonly ttl?: number
  readonly bytes?: number
  readonly family?: number
}

export interface VisitEntry {
  readonly id: string
  readonly url: string
  readonly method: string
  readonly by: string
  readonly state: 'running' | 'done' | 'broken'
  readonly startedAt: string
  readonly endedAt: string | null
  readonly exitCode: number | null
}

export const PHASES = [
  ['namesMs', 'DNS'],
  ['tcpMs', 'TCP'],
  ['tlsMs', 'TLS'],
  ['requestMs', 'request'],
  ['waitMs', 'first octet'],
  ['contentMs', 'content'],
] as const

/** Over all hops of a pass; null: it needed none. */
export function phaseMs({ hops }: Pass, phase: keyof Differences): number | null {
  const known = hops.flatMap(({ differences }) => differences[phase] ?? [])
  return known.length === 0 ? null : known.reduce((all, ms) => all + ms, 0)
}

export type Tone = 'main' | 'side' | 'keys' | 'http' | 'bad'

export function toneOf({ outcome, protocol }: VisitRow): Tone {
  if (outcome === 'failed') return 'bad'
  if (protocol === 'DNS') return 'main'
  if (protocol === 'TLS') return 'keys'
  return protocol === 'TCP' || protocol.startsWith('IP') ? 'side' : 'http'
}

const address = (text: string, port: number | undefined): string =>
  `${text.includes(':') ? `[${text}]` : text}${port === undefined ? '' : `:${port}`}`

/** What a row is of: `A www.example.com.`, `192.0.2.1:443`, `GET sent`. */
export function rowText(row: VisitRow, { method, tls, response }: Hop): string {
  const { what, name = '', type = '', from = '', to = '', port, outcome } = row
  switch (what) {
    case 'look-up':
      return `${type} ${name}`
    case 'attempt':
      return `${address(to, port)}${outcome === 'abandoned' ? ', given up' : outcome === 'failed' ? ', failed' : ''}`
    case 'route':
      return `${from} to ${to}`
    case 'handshake':
      return tls === null ? 'handshake' : `${tls.version}, ${tls.isResumed ? 'session resumed' : 'handshake'}`
    case 'request':
      return `${method} sent`
    case 'wait':
      return 'waited for the first octet'
    case 'content':
      return `${counted(response?.contentBytes ?? 0, 'octet')} of content`
    default:
      return what satisfies never
  }
}

/** `200 OK over HTTP/2`, or what went wrong. */
export function endText({ end, response }: Hop): string {
  const status = response === null ? '' : `${response.status} ${response.reason}`.trim()
  const over = response === null ? '' : `${status} over ${response.protocol}`
  switch (end.kind) {
    case 'done':
      return over
    case 'redirect':
      return `${over === '' ? 'an HTTPS record says that it is to be reached over TLS' : over}, to ${end.to ?? ''}`
    case 'failed':
      return over === '' ? failureText(end) : `${over}; ${failureText(end)}`
    default:
      return end.kind satisfies never
  }
}

export function failureText({
  failure = '',
  why = '',
  reason = '',
  address: at,
  what,
  during,
  allowed,
}: HopEnd): string {
  switch (failure) {
    case 'names':
      return NAMES[why] ?? 'the name could not be resolved'
    case 'refused-target':
      return `${at ?? 'its address'} is not reached from here: ${what ?? 'not public'}`
    case 'time-out':
      return `the time was up during ${during ?? 'it'}`
    case 'certificate':
      return `the certificate is not accepted: ${CERTIFICATES[reason] ?? reason}`
    case 'too-many-redirects':
      return `more than ${allowed ?? 0} redirects`
    default:
      return `${FAILURES[failure] ?? failure}${reason === '' ? '' : `: ${reason}`}`
  }
}

const NAMES: Readonly<Record<string, string>> = {
  'no-such-name': 'the name does not exist',
  'no-address': 'the name has no address',
}
const FAILURES: Readonly<Record<string, string>> = {
  connect: 'no connection',
  tls: 'the TLS handshake failed',
  'empty-reply': 'the server closed the connection without a reply',
  'bad-reply': 'the reply is no valid HTTP',
  'header-too-large': 'the header fields of the reply are too large',
  'broken-off': 'the connection broke',
  'incomplete-content': 'the connection ended before the content did',
  'bad-redirect': 'a redirect to what is no URL',
}
const CERTIFICATES: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'it is for other names',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is signed by itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'its authority is not trusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its authority is not known',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'certificates between it and an authority are missing',
}

/** `192.0.2.1, TTL 300, secure`. */
export function answerText({ answer }: LookUp): string {
  if (answer === null) return 'not answered in time'
  const { kind, security = '', records = [], why = '', edeName, text = '' } = answer
  switch (kind) {
    case 'failure':
      return `failed: ${text === '' ? (edeName ?? why) : text}`
    case 'nxdomain':
      return `does not exist, ${security}`
    case 'nodata':
      return `none, ${security}`
    case 'answer':
      return `${records.map(({ data }) => data).join(', ')}, TTL ${records.at(-1)?.ttl ?? 0}, ${security}`
    default:
      return kind satisfies never
  }
}

export function suggestionText(of: Suggestion): string {
  const cost = durationText(of.costMs)
  switch (of.kind) {
    case 'redirects':
      return `${counted(of.count ?? 0, 'redirect')} cost ${cost}: link to the last URL.`
    case 'service-record':
      return (
        `The way over http cost ${cost}: an HTTPS record at ${of.host ?? ''} spares it` +
        `${of.hasHsts === true ? '' : ', HSTS every later one'}.`
      )
    case 'http2':
      return `No HTTP/2: each further connection costs ${cost} for TCP and TLS.`
    case 'keep-alive':
      return `The server closes the connection: each further request costs ${cost} for a new one.`
    case 'resume-tls':
      return `TLS was not resumed on the second visit, which cost ${cost}: session tickets spare a part of it.`
    case 'tls13':
      return `${of.version ?? 'This version'} has one round trip more than TLS 1.3: ${cost}.`
    case 'ttl':
      return `The TTL of ${of.name ?? ''} is ${of.ttl ?? 0} s: visitors after that pay ${cost} for DNS again.`
    case 'slow-response':
      return `The server took ${cost} to answer, more than all the rest.`
    case 'compress':
      return `${counted(of.bytes ?? 0, 'octet')} of text came uncompressed, in ${cost}.`
    case 'family':
      return `IPv${of.family ?? ''} is published and did not connect, which cost ${cost}.`
    default:
      return `${of.kind}: ${cost}`
  }
}

export const DANE: Readonly<Record<string, string>> = {
  match: 'a TLSA record matches the certificate',
  'no-match': 'no TLSA record matches the certificate',
  none: 'no TLSA record',
  'not-signed': 'TLSA records that are not signed are not used',
  failed: 'TLSA records could not be looked up',
}
