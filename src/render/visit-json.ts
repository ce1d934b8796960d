/**
 * A visit as JSON, for programs: kinds, numbers, and records in presentation format. The fields are stable; `version`
 * changes when one changes its meaning. Times are milliseconds, to three digits after the point.
 */
import { edeName, typeName } from '../dns/types.ts'
import { recordsOf } from '../dns/rrset.ts'
import { formatName } from '../presentation/text.ts'
import { phasesOf, type Row, rowsOf } from '../visit/rows.ts'
import type { Suggestion } from '../visit/suggest.ts'
import type {
  Attempt,
  CertificateFacts,
  Comparison,
  Endpoint,
  Hop,
  HopEnd,
  HostChecks,
  LookUp,
  Progress,
  Times,
  TlsFacts,
  Visit,
} from '../visit/types.ts'
import { jsonRecord } from './message.ts'
import { jsonStep } from './trace-json.ts'

const VERSION = 1

type Members = { readonly [key: string]: Json | undefined }
type Json = null | string | number | boolean | readonly Json[] | Members

/** `exitCode` is that of the command. */
export const visitJson = (visit: Visit, suggestions: readonly Suggestion[], exitCode: number): Members => ({
  version: VERSION,
  url: visit.url,
  method: visit.method,
  startedAt: new Date(visit.startedAt).toISOString(),
  exitCode,
  passes: visit.passes.map(({ kind, tookMs, hops }) => ({ kind, tookMs: rounded(tookMs), hops: hops.map(hopJson) })),
  checks: visit.checks.map(checksJson),
  comparison: visit.comparison === null ? null : comparisonJson(visit.comparison),
  suggestions: suggestions.map(suggestionJson),
})

/** A step of a visit as it happens; walks of look-ups are in the visit. */
export function progressJson(progress: Progress): Members {
  switch (progress.kind) {
    case 'pass':
    case 'hop':
      return { ...progress }
    case 'look-up': {
      const { kind, lookUp } = progress
      return { kind, ...lookUpJson({ ...lookUp, source: null }) }
    }
    case 'connected': {
      const { kind, connection, atMs } = progress
      return { kind, atMs: rounded(atMs), connection: { ...connection } }
    }
    case 'secured': {
      const { kind, tls, atMs } = progress
      return { kind, atMs: rounded(atMs), tls: tlsJson(tls) }
    }
    case 'hop-end': {
      const { kind, hop } = progress
      const lookUps = hop.lookUps.map(lookUp => ({ ...lookUp, source: null }))
      return { kind, hop: hopJson({ ...hop, lookUps }) }
    }
    default:
      return progress satisfies never
  }
}

const rounded = (milliseconds: number): number => Math.round(milliseconds * 1_000) / 1_000
const orNull = (milliseconds: number | null): number | null => (milliseconds === null ? null : rounded(milliseconds))

const hopJson = (hop: Hop): Json => ({
  url: hop.url,
  method: hop.method,
  atMs: rounded(hop.atMs),
  end: endJson(hop.end),
  times: timesJson(hop.times),
  differences: differencesJson(hop),
  rows: rowsOf(hop).map(rowJson),
  lookUps: hop.lookUps.map(lookUpJson),
  services: hop.services.map(({ target, hints, ...service }) => ({
    ...service,
    target: formatName(target),
    hints: hints.map(({ text }) => text),
  })),
  attempts: hop.attempts.map(attemptJson),
  connection: hop.connection === null ? null : { ...hop.connection },
  tls: hop.tls === null ? null : tlsJson(hop.tls),
  response:
    hop.response === null
      ? null
      : { ...hop.response, headers: hop.response.headers.map(([name, value]) => ({ name, value })) },
})

/** Cumulative; the names are those of curl's `time_…` variables. */
const timesJson = (times: Times): Json => ({
  namelookupMs: orNull(times.namesMs),
  connectMs: orNull(times.connectedMs),
  appconnectMs: orNull(times.securedMs),
  pretransferMs: orNull(times.sentMs),
  starttransferMs: orNull(times.firstOctetMs),
  totalMs: rounded(times.totalMs),
})

function differencesJson(hop: Hop): Json {
  const { names, tcp, tls, request, wait, content } = phasesOf(hop)
  return {
    namesMs: orNull(names),
    tcpMs: orNull(tcp),
    tlsMs: orNull(tls),
    requestMs: orNull(request),
    waitMs: orNull(wait),
    contentMs: orNull(content),
  }
}

const rowJson = ({ layer, protocol, what, fromMs, toMs, outcome }: Row): Json => ({
  layer,
  protocol,
  what: what.kind,
  ...(what.kind === 'look-up' ? { name: nameOf(what.lookUp), type: typeName(what.lookUp.question.type) } : {}),
  ...(what.kind === 'attempt' ? { to: what.attempt.endpoint.ip.text, port: what.attempt.endpoint.port } : {}),
  ...(what.kind === 'route' ? { from: what.local, to: what.remote } : {}),
  fromMs: rounded(fromMs),
  toMs: rounded(toMs),
  outcome,
})

const nameOf = ({ question }: LookUp): string => formatName(question.name)

function endJson(end: HopEnd): Json {
  switch (end.kind) {
    case 'done':
    case 'redirect':
      return { ...end }
    case 'failed': {
      const { kind: what, ...rest } = end.failure
      return { kind: end.kind, failure: what, ...rest }
    }
    default:
      return end satisfies never
  }
}

const lookUpJson = (lookUp: LookUp): Members => ({
  name: nameOf(lookUp),
  type: typeName(lookUp.question.type),
  because: lookUp.because,
  atMs: rounded(lookUp.atMs),
  tookMs: orNull(lookUp.tookMs),
  answer: answerJson(lookUp),
  source: sourceJson(lookUp),
})

function answerJson({ answer }: LookUp): Json {
  if (answer === null) return null
  if (answer.kind === 'failure') {
    const { kind, why, ede, text } = answer
    return { kind, why, ede, edeName: ede === null ? null : edeName(ede), text }
  }
  const { kind, security, rrsets } = answer
  const records = rrsets.flatMap(set => recordsOf(set)).map(rr => ({ ...jsonRecord(rr) }))
  return { kind, security, records }
}

function sourceJson({ source }: LookUp): Json {
  switch (source?.kind) {
    case undefined:
      return null
    case 'server':
      return { kind: source.kind, server: source.server.key, transport: source.transport }
    case 'walk':
      return { kind: source.kind, steps: source.steps.map(step => ({ ...jsonStep(step, source.startedAtMs) })) }
    default:
      return source satisfies never
  }
}

const attemptJson = ({ endpoint, atMs, tookMs, outcome }: Attempt): Json => ({
  ...endpointJson(endpoint),
  atMs: rounded(atMs),
  tookMs: rounded(tookMs),
  outcome: outcome.kind,
  ...(outcome.kind === 'failed' ? { reason: outcome.reason } : {}),
})

const endpointJson = ({ ip, port, alpn, by, name }: Endpoint): Members => ({
  address: ip.text,
  port,
  alpn,
  by,
  name: name === null ? null : formatName(name),
})

const tlsJson = ({ chain, verdict, ...tls }: TlsFacts): Json => ({
  ...tls,
  verdict: { ...verdict },
  chain: chain.map(certificateJson),
})

const certificateJson = ({ notBefore, notAfter, ...facts }: CertificateFacts): Json => ({
  ...facts,
  notBefore: new Date(notBefore * 1_000).toISOString(),
  notAfter: new Date(notAfter * 1_000).toISOString(),
})

const checksJson = ({ host, port, caa, dane, lookUps }: HostChecks): Json => ({
  host: formatName(host),
  port,
  caa:
    caa === null
      ? null
      : { at: caa.at === null ? null : formatName(caa.at), records: caa.records.map(record => ({ ...record })) },
  dane: dane === null ? null : 'record' in dane ? { kind: dane.kind, record: { ...dane.record } } : { ...dane },
  lookUps: lookUps.map(lookUpJson),
})

const comparisonJson = ({ server, rows }: Comparison): Json => ({
  server: server.key,
  rows: rows.map(({ first, other, isSame }) => ({
    name: nameOf(first),
    type: typeName(first.question.type),
    isSame,
    tookMs: orNull(first.tookMs),
    otherTookMs: orNull(other.tookMs),
    answer: answerJson(first),
    otherAnswer: answerJson(other),
  })),
})

function suggestionJson(suggestion: Suggestion): Json {
  const costMs = rounded(suggestion.costMs)
  switch (suggestion.kind) {
    case 'service-record':
      return { ...suggestion, host: formatName(suggestion.host), costMs }
    case 'ttl':
      return { ...suggestion, name: formatName(suggestion.name), costMs }
    default:
      return { ...suggestion, costMs }
  }
}
