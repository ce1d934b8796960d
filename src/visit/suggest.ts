/**
 * What would make a visit faster, each with the time that was measured for it. Nothing is guessed: without a
 * measurement, or where it is a small part of the whole, nothing is said. Pure.
 */
import type { Name } from '../dns/name.ts'
import { RrType } from '../dns/types.ts'
import { headerOf } from './http/redirect.ts'
import { phasesOf } from './rows.ts'
import type { Hop, Pass, Visit } from './types.ts'

/** `costMs` is what was measured in the cold pass (`resume-tls`: in the warm one). */
export type Suggestion =
  /** Redirects that are not the one from http to https. */
  | { readonly kind: 'redirects'; readonly count: number; readonly costMs: number }
  /** From http to https of one host: an HTTPS record spares the hop, HSTS every later one. */
  | { readonly kind: 'service-record'; readonly host: Name; readonly hasHsts: boolean; readonly costMs: number }
  /** Without HTTP/2 each request at the same time needs a connection of its own. */
  | { readonly kind: 'http2'; readonly costMs: number }
  | { readonly kind: 'keep-alive'; readonly costMs: number }
  | { readonly kind: 'resume-tls'; readonly costMs: number }
  /** Before TLS 1.3 a handshake has one more round trip. */
  | { readonly kind: 'tls13'; readonly version: string; readonly costMs: number }
  | { readonly kind: 'ttl'; readonly name: Name; readonly ttl: number; readonly costMs: number }
  | { readonly kind: 'slow-response'; readonly costMs: number }
  | { readonly kind: 'compress'; readonly bytes: number; readonly costMs: number }
  /** Attempts at an address family that did not connect. */
  | { readonly kind: 'family'; readonly family: 4 | 6; readonly costMs: number }

const MOST_SUGGESTIONS = 3
/** A smaller part of the whole pass is not worth a word. */
const LEAST_SHARE = 0.05
/** Resolvers ask again at least once a minute. */
const SHORT_TTL_S = 60
/** Waiting is worth a word when most of the time is spent with it and a person can feel it (RAIL: 100 ms). */
const SLOW_WAIT_MS = 100
const SLOW_WAIT_SHARE = 0.5
/** Two TCP segments: what is less goes out in one flight anyhow. */
const SMALL_BYTES = 2_920

/** The dearest first, at most three; none for a visit that failed. */
export function suggestionsFor({ passes }: Pick<Visit, 'passes'>): readonly Suggestion[] {
  const cold = passes.find(({ kind }) => kind === 'cold')
  const last = cold?.hops.at(-1)
  if (cold === undefined || last === undefined || last.end.kind === 'failed') return []
  return [
    ...redirectsIn(cold),
    ...connectionOf(last),
    ...resumption(passes),
    ...ofNames(cold),
    ...ofContent(last, cold),
  ]
    .filter(({ costMs }) => costMs > 0 && costMs >= cold.tookMs * LEAST_SHARE)
    .sort((a, b) => b.costMs - a.costMs)
    .slice(0, MOST_SUGGESTIONS)
}

function redirectsIn({ hops }: Pass): readonly Suggestion[] {
  const steps = hops.flatMap((hop, i) => {
    const next = hops[i + 1]
    return next === undefined || hop.end.kind !== 'redirect' || hop.end.by === 'service' ? [] : [{ hop, next }]
  })
  const isUpgrade = ({ hop, next }: { hop: Hop; next: Hop }): boolean =>
    !hop.isSecure && next.isSecure && hop.host !== null && hop.host === next.host
  const others = steps.filter(step => !isUpgrade(step))
  const upgrades = steps
    .filter(isUpgrade)
    .flatMap(({ hop, next }): Suggestion[] =>
      hop.host === null
        ? []
        : [{ kind: 'service-record', host: hop.host, hasHsts: hstsOf(next) !== null, costMs: hop.times.totalMs }],
    )
  const costMs = others.reduce((sum, { hop }) => sum + hop.times.totalMs, 0)
  return [...upgrades, ...(others.length === 0 ? [] : [{ kind: 'redirects', count: others.length, costMs } as const])]
}

/** The field of a response over TLS (RFC 6797 section 8.1); null: there is none. */
export const hstsOf = ({ isSecure, response }: Hop): string | null =>
  isSecure && response !== null ? headerOf(response.headers, 'strict-transport-security') : null

function connectionOf(hop: Hop): readonly Suggestion[] {
  const { tcp, tls } = phasesOf(hop)
  if (hop.response === null || tcp === null) return []
  const costMs = tcp + (tls ?? 0)
  const isOld = hop.tls !== null && hop.tls.version !== 'TLSv1.3'
  return [
    ...(hop.response.closes ? [{ kind: 'keep-alive', costMs } as const] : []),
    ...(hop.isSecure && hop.tls?.alpn !== 'h2' && !hop.response.closes ? [{ kind: 'http2', costMs } as const] : []),
    // A TCP handshake is one round trip.
    ...(isOld && hop.tls !== null ? [{ kind: 'tls13', version: hop.tls.version, costMs: tcp } as const] : []),
  ]
}

function resumption(passes: readonly Pass[]): readonly Suggestion[] {
  const warm = passes.find(({ kind }) => kind === 'warm')?.hops.at(-1)
  const tls = warm === undefined ? null : phasesOf(warm).tls
  return warm?.tls != null && !warm.tls.isResumed && tls !== null ? [{ kind: 'resume-tls', costMs: tls }] : []
}

function ofNames({ hops }: Pass): readonly Suggestion[] {
  return hops.flatMap((hop): readonly Suggestion[] => {
    const { names, tcp } = phasesOf(hop)
    const sets = hop.lookUps.flatMap(({ answer }) => (answer?.kind === 'answer' ? answer.rrsets : []))
    const shortest = sets
      .filter(
        ({ type, ttl }) => (type === RrType.A || type === RrType.AAAA || type === RrType.CNAME) && ttl < SHORT_TTL_S,
      )
      .sort((a, b) => a.ttl - b.ttl)[0]
    const won = hop.attempts.find(({ outcome }) => outcome.kind === 'connected')
    const lost = hop.attempts.find(({ outcome }) => outcome.kind !== 'connected')
    return [
      ...(shortest === undefined || names === null
        ? []
        : [{ kind: 'ttl', name: shortest.name, ttl: shortest.ttl, costMs: names } as const]),
      ...(won === undefined || lost === undefined || tcp === null || lost.atMs > won.atMs
        ? []
        : [{ kind: 'family', family: lost.endpoint.ip.family, costMs: won.atMs - lost.atMs } as const]),
    ]
  })
}

function ofContent(hop: Hop, { tookMs }: Pass): readonly Suggestion[] {
  const { wait, content } = phasesOf(hop)
  const { response } = hop
  if (response === null || wait === null || content === null) return []
  const isText = /^(?:text\/|application\/(?:json|javascript|xml|[\w.-]+\+(?:json|xml)))/i.test(
    headerOf(response.headers, 'content-type') ?? '',
  )
  const isPlain = headerOf(response.headers, 'content-encoding') === null
  return [
    ...(wait >= SLOW_WAIT_MS && wait >= tookMs * SLOW_WAIT_SHARE
      ? [{ kind: 'slow-response', costMs: wait } as const]
      : []),
    ...(isText && isPlain && response.contentBytes > SMALL_BYTES
      ? [{ kind: 'compress', bytes: response.contentBytes, costMs: content } as const]
      : []),
  ]
}
