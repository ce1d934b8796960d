/**
 * A visit to a URL: passes over hops, then what is asked about its hosts, then the same look-ups elsewhere. Outcomes
 * are data; it rejects for bugs only, and leaves no connection open.
 */
import { questionKey } from '../dns/message.ts'
import { recordsOf } from '../dns/rrset.ts'
import { formatRdata } from '../presentation/rdata-text.ts'
import type { SecureContext } from 'node:tls'
import { checkHost } from './checks.ts'
import { type HopContext, makeHop, type OpenConnection } from './hop.ts'
import type { Request } from './http/exchange.ts'
import type { VisitOptions } from './options.ts'
import { headerOf, headersAfter, methodAfter } from './http/redirect.ts'
import { rehearse } from './rehearsal.ts'
import { secureContext } from './secure.ts'
import { readTarget, type Target } from './target.ts'
import type { Comparison, Failure, Hop, HostChecks, LookUp, Pass, PassKind, TlsFacts, Visit } from './types.ts'
import { version } from '../system/version.ts'

export async function visit(target: Target, options: VisitOptions): Promise<Visit> {
  // Before the clock starts, so that what is measured is the network and the server.
  await rehearse(options.clock, options.limits)
  const state = new VisitState(target, options, await secureContext(options.authorities))
  const startedAt = Date.now()
  try {
    const passes: Pass[] = []
    for (const kind of passKinds(options.repeat)) {
      passes.push(await state.pass(kind))
      // Nothing is warm after a failure, and nothing would be learnt from it.
      if (passes.at(-1)?.hops.at(-1)?.end.kind === 'failed') break
    }
    const isGivenUp = options.signal?.aborted === true
    const checks = isGivenUp ? [] : await state.checks(passes[0]?.hops ?? [])
    return {
      url: target.url,
      method: options.method,
      startedAt,
      passes,
      checks,
      comparison: await compare(passes[0]?.hops ?? [], options),
    }
  } finally {
    state.close()
  }
}

/** `repeat` passes on new connections, and one over those that are open then. */
export const passKinds = (repeat: number): readonly PassKind[] =>
  repeat < 2 ? ['cold'] : ['cold', ...Array<PassKind>(repeat - 1).fill('warm'), 'reused']

class VisitState {
  readonly #target: Target
  readonly #options: VisitOptions
  readonly #secureContext: SecureContext
  readonly #connections = new Map<string, OpenConnection>()
  readonly #sessions = new Map<string, Uint8Array>()
  readonly #chains = new Map<TlsFacts, readonly Uint8Array[]>()

  constructor(target: Target, options: VisitOptions, secureContext: SecureContext) {
    this.#target = target
    this.#options = options
    this.#secureContext = secureContext
  }

  async pass(kind: PassKind): Promise<Pass> {
    const { clock, passMs, redirects, report, signal: outer } = this.#options
    report?.({ kind: 'pass', pass: kind })
    if (kind !== 'reused') this.#closeConnections()
    const deadline = new AbortController()
    const startedAtMs = clock.now()
    const cancel = clock.after(passMs, () => deadline.abort())
    const context: HopContext = {
      options: this.#options,
      secureContext: this.#secureContext,
      connections: this.#connections,
      sessions: this.#sessions,
      chains: this.#chains,
      passStartedAtMs: startedAtMs,
      signal: outer === undefined ? deadline.signal : AbortSignal.any([deadline.signal, outer]),
    }
    const hops: Hop[] = []
    let next: Next | null = {
      target: this.#target,
      method: this.#options.method,
      headers: withAuthorization(headersOf(this.#options), this.#target),
    }
    while (next !== null) {
      report?.({ kind: 'hop', url: next.target.url, method: next.method })
      const hop: Hop = await makeHop(context, next)
      const after: Followed = follow(hop, next, hops.length, redirects)
      hops.push(after.hop)
      report?.({ kind: 'hop-end', hop: after.hop })
      next = after.next
    }
    cancel()
    return { kind, hops, tookMs: clock.now() - startedAtMs }
  }

  /** Of the hosts of a pass, each once. */
  async checks(hops: readonly Hop[]): Promise<readonly HostChecks[]> {
    const { limits, names, clock } = this.#options
    const checks = new Map<string, Promise<HostChecks>>()
    for (const hop of hops) {
      const { host, connection } = hop
      if (host === null || connection === null || this.#options.address !== null) continue
      const key = `${host}#${connection.port}`
      if (checks.has(key) || checks.size >= limits.checkedHosts) continue
      const chain = hop.tls === null ? null : (this.#chains.get(hop.tls) ?? null)
      const isPkix = hop.tls?.verdict.kind === 'verified'
      checks.set(key, checkHost({ names, clock, limits, host, port: connection.port, chain, isPkix }))
    }
    return Promise.all(checks.values())
  }

  close(): void {
    this.#closeConnections()
  }

  #closeConnections(): void {
    for (const { channel } of this.#connections.values()) channel.close()
    this.#connections.clear()
  }
}

interface Next {
  readonly target: Target
  readonly method: string
  readonly headers: Request['headers']
}

interface Followed {
  readonly hop: Hop
  readonly next: Next | null
}

/** The hop with its end made definite, and where it goes on; `made` redirects were followed already. */
function follow(hop: Hop, { target, method, headers }: Next, made: number, allowed: number): Followed {
  const { end } = hop
  if (end.kind !== 'redirect') return { hop, next: null }
  const ended = (failure: Failure): Followed => ({ hop: { ...hop, end: { kind: 'failed', failure } }, next: null })
  const read = readTarget(end.to, target.url)
  if (read.kind === 'invalid') return ended({ kind: 'bad-redirect', location: end.to, why: read.why })
  if (made >= allowed) return ended({ kind: 'too-many-redirects', allowed })
  const to = read.target
  return {
    hop: { ...hop, end: { ...end, to: to.url } },
    next: {
      target: to,
      method: end.by === 'service' ? method : methodAfter(hop.response?.status ?? 0, method),
      headers: withAuthorization(headersAfter(headers, target, to), to),
    },
  }
}

const withAuthorization = (headers: Request['headers'], { authorization }: Target): Request['headers'] =>
  authorization === null || headerOf(headers, 'authorization') !== null
    ? headers
    : [...headers, ['Authorization', authorization]]

/** The fields of every request, as far as the caller does not set them; one without a value takes the field away. */
function headersOf({ method, headers }: VisitOptions): Request['headers'] {
  const usual: Request['headers'] = [
    ['User-Agent', `rootwalk/${version}`],
    ['Accept', '*/*'],
    ['Accept-Encoding', 'gzip, br'],
    // Methods with content say how much there is (RFC 9110 section 8.6).
    ...(WITH_CONTENT.has(method) ? [['Content-Length', '0'] as const] : []),
  ]
  return [...usual.filter(([name]) => headerOf(headers, name.toLowerCase()) === null), ...headers].filter(
    ([, value]) => value !== '',
  )
}

const WITH_CONTENT: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH'])

/** The look-ups of a pass once more, at another server and all at once. */
async function compare(hops: readonly Hop[], { comparison, clock }: VisitOptions): Promise<Comparison | null> {
  if (comparison === null) return null
  const asked = new Map(hops.flatMap(({ lookUps }) => lookUps).map(lookUp => [questionKey(lookUp.question), lookUp]))
  const rows = [...asked.values()].map(async first => {
    const atMs = clock.now()
    const found = await comparison.names.lookUp(first.question)
    const other: LookUp = { ...first, atMs: 0, tookMs: clock.now() - atMs, ...found }
    return { first, other, isSame: answerText(first) === answerText(other) }
  })
  return { server: comparison.server, rows: await Promise.all(rows) }
}

/** Equal for equal answers, whatever their TTLs and order. */
function answerText({ answer }: LookUp): string {
  if (answer === null || answer.kind === 'failure') return 'none'
  const records = answer.rrsets.flatMap(set => recordsOf(set))
  return [answer.kind, ...records.map(rr => `${rr.owner} ${rr.type} ${formatRdata(rr.type, rr.rdata)}`).sort()].join(
    '\n',
  )
}
