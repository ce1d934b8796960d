/** Sentences about visits to URLs: what failed, what would be faster, what a certificate and a record say. */
import { counted } from '../presentation/counted.ts'
import { formatRdata } from '../presentation/rdata-text.ts'
import { formatName } from '../presentation/text.ts'
import { typeName } from '../dns/types.ts'
import { recordsOf } from '../dns/rrset.ts'
import type { CaaFound } from '../visit/records/caa.ts'
import type { DaneVerdict } from '../visit/records/dane.ts'
import type { ServiceRecord } from '../visit/records/service-record.ts'
import type { Suggestion } from '../visit/suggest.ts'
import type { CertificateVerdict, Failure, LookUp, LookUpAnswer } from '../visit/types.ts'

/** Three figures are as exact as a network is. */
export const msText = (value: number): string =>
  `${value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : Math.round(value)} ms`

/** What others wrote, without what moves a cursor or turns the direction of text. */
export const plainText = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, c => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`)

export function failureText(failure: Failure): string {
  switch (failure.kind) {
    case 'names':
      return NAMES_TEXTS[failure.why]
    case 'refused-target':
      return failure.what === 'own'
        ? `${failure.address} is an address of this machine, and those are refused here`
        : `${failure.address} is not an address of the public internet (${failure.what}), and those are refused here`
    case 'connect':
      return `no connection: ${reasonText(failure.reason)}`
    case 'time-out':
      return `the time was up ${DURING_TEXTS[failure.during]}`
    case 'tls':
      return `the TLS handshake failed: ${reasonText(failure.reason)}`
    case 'certificate':
      return `the certificate is not accepted: ${certificateReason(failure.reason)}; --insecure accepts any`
    case 'empty-reply':
      return 'the server closed the connection without a reply'
    case 'bad-reply':
      return `the reply is no valid ${failure.protocol}: ${plainText(failure.reason)}`
    case 'header-too-large':
      return `the header fields of the reply are above ${failure.bytes} octets`
    case 'broken-off':
      return `the connection broke ${DURING_TEXTS[failure.during]}: ${reasonText(failure.reason)}`
    case 'incomplete-content':
      return 'the connection ended before the content did'
    case 'too-many-redirects':
      return `more than ${failure.allowed} redirects`
    case 'bad-redirect':
      return failure.why === 'scheme'
        ? `a redirect to what is neither http nor https: ${plainText(failure.location)}`
        : `a redirect to what is no URL: ${plainText(failure.location)}`
    default:
      return failure satisfies never
  }
}

const NAMES_TEXTS: Readonly<Record<Extract<Failure, { kind: 'names' }>['why'], string>> = {
  'no-such-name': 'the name does not exist',
  'no-address': 'the name has no address',
  failed: 'the name could not be resolved',
}

const DURING_TEXTS: Readonly<Record<Extract<Failure, { kind: 'time-out' }>['during'], string>> = {
  names: 'while the name was resolved',
  connect: 'while connecting',
  tls: 'in the TLS handshake',
  request: 'before a response came',
  content: 'in the middle of the content',
}

const REASONS: Readonly<Record<string, string>> = {
  '': 'the other side closed it',
  ECONNREFUSED: 'refused, nothing listens there',
  ECONNRESET: 'reset by the other side',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'there is no route to that network',
  ETIMEDOUT: 'no reply',
  EPROTO: 'not TLS, or no version in common',
  ERR_SSL_WRONG_VERSION_NUMBER: 'what answers does not speak TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'what answers does not speak TLS',
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: 'no protocol in common (ALPN)',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: 'the server refused it (handshake_failure)',
  ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION: 'no TLS version in common',
  ERR_SSL_TLSV1_UNRECOGNIZED_NAME: 'the server has nothing under that name (unrecognized_name)',
}

const reasonText = (reason: string): string => {
  const words = REASONS[reason]
  return words === undefined ? plainText(reason) : reason === '' ? words : `${words} (${reason})`
}

const CERTIFICATE_REASONS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'it is for other names',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is signed by itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'its authority is not trusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its authority is not known',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'certificates between it and an authority are missing',
  CERT_SIGNATURE_FAILURE: 'its signature is wrong',
}

const certificateReason = (reason: string): string =>
  CERTIFICATE_REASONS[reason] === undefined ? plainText(reason) : `${CERTIFICATE_REASONS[reason]} (${reason})`

export const certificateVerdictText = (verdict: CertificateVerdict): string =>
  verdict.kind === 'verified'
    ? 'verified'
    : `NOT VERIFIED: ${certificateReason(verdict.reason)}${verdict.wasAccepted ? ', accepted by --insecure' : ''}`

export function suggestionText(suggestion: Suggestion): string {
  const cost = msText(suggestion.costMs)
  switch (suggestion.kind) {
    case 'redirects':
      return `${counted(suggestion.count, 'redirect')} cost ${cost}: link to the last URL`
    case 'service-record':
      return (
        `the way over http cost ${cost}: an HTTPS record at ${formatName(suggestion.host)} spares it` +
        (suggestion.hasHsts ? '' : ', HSTS every later one')
      )
    case 'http2':
      return `no HTTP/2: each further connection costs ${cost} for TCP and TLS`
    case 'keep-alive':
      return `the server closes the connection: each further request costs ${cost} for a new one`
    case 'resume-tls':
      return `TLS was not resumed on the second visit, which cost ${cost}: session tickets spare a part of it`
    case 'tls13':
      return `${suggestion.version} has one round trip more than TLS 1.3: ${cost}`
    case 'ttl':
      return (
        `the TTL of ${formatName(suggestion.name)} is ${suggestion.ttl} s: ` +
        `visitors after that pay ${cost} for DNS again`
      )
    case 'slow-response':
      return `the server took ${cost} to answer, more than all the rest`
    case 'compress':
      return `${suggestion.bytes} octets of text came uncompressed, in ${cost}`
    case 'family':
      return `IPv${suggestion.family} is published and did not connect, which cost ${cost}`
    default:
      return suggestion satisfies never
  }
}

/** `A 192.0.2.1, 192.0.2.2, ttl 300, secure`. */
export function answerText({ question, answer, tookMs }: LookUp): string {
  if (answer === null || tookMs === null) return 'not answered in time'
  if (answer.kind === 'failure') return `failed: ${lookUpFailureText(answer)}`
  if (answer.kind === 'nxdomain') return `does not exist (${answer.security})`
  if (answer.kind === 'nodata') return `none (${answer.security})`
  const own = answer.rrsets.filter(({ type }) => type === question.type)
  const aliases = answer.rrsets.filter(({ type }) => type !== question.type)
  const ttl = Math.min(...answer.rrsets.map(set => set.ttl))
  return [
    ...aliases.map(set => `${typeName(set.type)} ${dataOf(set)}`),
    ...own.map(dataOf),
    `ttl ${ttl}`,
    answer.security,
  ].join(', ')
}

const dataOf = (set: Parameters<typeof recordsOf>[0]): string =>
  recordsOf(set)
    .map(({ type, rdata }) => formatRdata(type, rdata))
    .join(', ')

const lookUpFailureText = ({ why, text }: Extract<LookUpAnswer, { kind: 'failure' }>): string =>
  text === '' ? why : plainText(text)

export function serviceText({ priority, target, port, alpn, hasEch }: ServiceRecord): string {
  if (priority === 0) return `alias of ${formatName(target)}`
  return [
    `${priority} ${formatName(target)}`,
    ...(alpn.length === 0 ? [] : [`alpn ${alpn.map(plainText).join(',')}`]),
    ...(port === null ? [] : [`port ${port}`]),
    ...(hasEch ? ['ECH offered, not used'] : []),
    ...(alpn.includes('h3') ? ['HTTP/3 offered, not used'] : []),
  ].join(', ')
}

export function daneText(verdict: DaneVerdict): string {
  switch (verdict.kind) {
    case 'none':
      return 'no TLSA record'
    case 'not-signed':
      return 'TLSA records that are not signed count for nothing'
    case 'failed':
      return 'the TLSA records could not be resolved'
    case 'match':
    case 'no-match': {
      const { usage, selector, matching } = verdict.record
      return (
        `TLSA ${usage} ${selector} ${matching} ` +
        `${verdict.kind === 'match' ? 'matches' : 'DOES NOT MATCH'} the certificate`
      )
    }
    default:
      return verdict satisfies never
  }
}

export const caaText = ({ at, records }: CaaFound): string =>
  at === null
    ? 'any authority may issue'
    : `${formatName(at)}: ${records
        .map(({ tag, value }) => plainText(`${tag} ${value === '' || value === ';' ? 'none' : value}`))
        .join(', ')}`
