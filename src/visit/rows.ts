/**
 * A hop as the rows of a waterfall, each with its layer (RFC 1122 section 1.1.3) and protocol, and its time cut into
 * phases that add up. Pure; what draws it is elsewhere.
 */
import type { Attempt, Hop, LookUp } from './types.ts'

export interface Row {
  /** TLS is counted to the transport that it secures. */
  readonly layer: 'application' | 'transport' | 'internet'
  readonly protocol: string
  readonly what: RowWhat
  /** Milliseconds since the beginning of the hop. */
  readonly fromMs: number
  readonly toMs: number
  readonly outcome: 'done' | 'failed' | 'abandoned'
}

type RowWhat =
  | { readonly kind: 'look-up'; readonly lookUp: LookUp }
  | { readonly kind: 'route'; readonly local: string; readonly remote: string }
  | { readonly kind: 'attempt'; readonly attempt: Attempt }
  | { readonly kind: 'handshake' | 'request' | 'wait' | 'content' }

export function rowsOf(hop: Hop): readonly Row[] {
  return [...hop.lookUps.map(lookUp => lookUpRow(lookUp, hop)), ...connectionRows(hop), ...exchangeRows(hop)]
}

function lookUpRow(lookUp: LookUp, { times }: Hop): Row {
  const { atMs, tookMs, answer } = lookUp
  return {
    layer: 'application',
    protocol: 'DNS',
    what: { kind: 'look-up', lookUp },
    fromMs: atMs,
    toMs: tookMs === null ? times.totalMs : atMs + tookMs,
    outcome: answer === null ? 'abandoned' : answer.kind === 'failure' ? 'failed' : 'done',
  }
}

function connectionRows({ attempts, connection, isSecure, times, tls }: Hop): readonly Row[] {
  const rows = attempts.map(
    (attempt): Row => ({
      layer: 'transport',
      protocol: 'TCP',
      what: { kind: 'attempt', attempt },
      fromMs: attempt.atMs,
      toMs: attempt.atMs + attempt.tookMs,
      outcome: outcomeOf(attempt),
    }),
  )
  if (connection === null || connection.isReused) return rows
  const connectedMs = times.connectedMs ?? 0
  const { family, local, remote } = connection
  const route: Row = {
    layer: 'internet',
    protocol: `IPv${family}`,
    what: { kind: 'route', local, remote },
    fromMs: connectedMs,
    toMs: connectedMs,
    outcome: 'done',
  }
  const handshake: Row = {
    layer: 'transport',
    protocol: 'TLS',
    what: { kind: 'handshake' },
    fromMs: connectedMs,
    toMs: times.securedMs ?? times.totalMs,
    outcome: times.securedMs === null || tls === null ? 'failed' : 'done',
  }
  return [...rows, route, ...(isSecure ? [handshake] : [])]
}

function outcomeOf({ outcome }: Attempt): Row['outcome'] {
  switch (outcome.kind) {
    case 'connected':
      return 'done'
    case 'abandoned':
      return 'abandoned'
    case 'failed':
    case 'timeout':
      return 'failed'
    default:
      return outcome satisfies never
  }
}

function exchangeRows({ times, response, end, tls, isSecure }: Hop): readonly Row[] {
  const { sentMs, firstOctetMs, totalMs } = times
  if (sentMs === null) return []
  const protocol = response?.protocol ?? (isSecure && tls?.alpn === 'h2' ? 'HTTP/2' : 'HTTP/1.1')
  const row = (kind: 'request' | 'wait' | 'content', fromMs: number, toMs: number, isDone: boolean): Row => ({
    layer: 'application',
    protocol,
    what: { kind },
    fromMs,
    toMs,
    outcome: isDone ? 'done' : 'failed',
  })
  const readyMs = times.securedMs ?? times.connectedMs ?? 0
  const request = row('request', Math.min(readyMs, sentMs), sentMs, true)
  if (firstOctetMs === null || response === null) return [request, row('wait', sentMs, totalMs, false)]
  return [
    request,
    row('wait', Math.min(sentMs, firstOctetMs), firstOctetMs, true),
    row('content', firstOctetMs, totalMs, end.kind !== 'failed' || isAfterContent(end.failure.kind)),
  ]
}

/** The response was whole; where it led is what failed. */
const isAfterContent = (kind: string): boolean => kind === 'too-many-redirects' || kind === 'bad-redirect'

/** The time of a hop by what it was for; null: it did not come to that, or needed nothing. Milliseconds. */
export interface Phases {
  readonly names: number | null
  readonly tcp: number | null
  readonly tls: number | null
  readonly request: number | null
  readonly wait: number | null
  readonly content: number | null
}

export function phasesOf({ times }: Hop): Phases {
  const { namesMs, connectedMs, securedMs, sentMs, firstOctetMs, totalMs } = times
  const between = (from: number | null, to: number | null): number | null =>
    to === null ? null : Math.max(0, to - (from ?? 0))
  return {
    names: namesMs,
    tcp: between(namesMs, connectedMs),
    tls: between(connectedMs, securedMs),
    request: between(securedMs ?? connectedMs, sentMs),
    wait: between(sentMs, firstOctetMs),
    content: firstOctetMs === null ? null : between(firstOctetMs, totalMs),
  }
}
