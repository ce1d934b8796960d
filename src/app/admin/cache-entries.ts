/** What the caches hold, as data that people and programs read. Pure but for the stores that it reads. */
import type { CacheEntry, ServerEntry } from '../../admin/cache-controls.ts'
import type { Delegation } from '../../cache/delegations.ts'
import type { CachedFailure } from '../../cache/failure-cache.ts'
import { remainingDenial, type NegativeEntry } from '../../cache/negative-cache.ts'
import { remaining, type CachedRRset } from '../../cache/rrset-cache.ts'
import type { ServerStats } from '../../cache/server-stats.ts'
import { Trust } from '../../cache/trust.ts'
import { negativeTtlOrigin, ttlOrigin, type TtlOrigin } from './ttl-origin.ts'
import type { Question } from '../../dns/message.ts'
import { recordsOf } from '../../dns/rrset.ts'
import { className, edeName, RrType, typeName } from '../../dns/types.ts'
import { formatName } from '../../presentation/text.ts'
import type { Clock } from '../../ports.ts'
import { jsonRecord } from '../../render/message.ts'
import type { Security } from '../../steps.ts'
import type { TtlLimits } from '../../cache/ttl.ts'

/** By what entries are dated: monotonic ms, and seconds since 1970 at the same time. */
export interface Moment {
  readonly now: number
  readonly wall: number
}

export const momentOf = (clock: Clock): Moment => ({ now: clock.now(), wall: clock.wall() })

const EMPTY = { note: null, records: [], signatures: [], servers: [], security: null, trust: null } as const
const wallOf = (at: number, { now, wall }: Moment): number => Math.round(wall - (now - at) / 1_000)
const left = (expiresAt: number, { now }: Moment): number => Math.max(0, Math.ceil((expiresAt - now) / 1_000))

const ORIGIN_TEXTS: Readonly<Record<TtlOrigin, string>> = {
  server: 'as the server sent it',
  signed: 'as the zone signed it',
  'signature-expiration': 'until its signature expires',
  minimum: 'raised to cache.minTtl, or to the minS of its zone',
  maximum: 'lowered to cache.maxTtl, or to the maxS of its zone',
  'soa-minimum': 'the MINIMUM of the SOA (RFC 2308)',
  'soa-ttl': 'the TTL of the SOA (RFC 2308)',
  'negative-maximum': 'lowered to cache.maxNegativeTtl, or to the negativeMaxS of its zone',
  'no-soa': 'no SOA came with it, so it is kept for a short time only',
}

const TRUST_TEXTS: ReadonlyMap<Trust, string> = new Map(
  Object.entries(Trust).map(([name, value]) => [value, name.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase()]),
)

const securityNote = (security: Security): string | null =>
  security.kind === 'bogus'
    ? `${edeName(security.ede)}: ${security.text}`
    : security.kind === 'insecure'
      ? (security.note?.text ?? null)
      : null

export function rrsetEntry(entry: CachedRRset, limits: TtlLimits, at: Moment): CacheEntry {
  const { rrset, trust, security, storedAt, expiresAt } = entry
  const records = recordsOf(remaining(entry, at.now), true).map(jsonRecord)
  return {
    ...EMPTY,
    kind: 'rrsets',
    name: formatName(rrset.name),
    type: typeName(rrset.type),
    class: className(rrset.class),
    ttlLeft: left(expiresAt, at),
    ttl: rrset.ttl,
    ttlOrigin: ORIGIN_TEXTS[ttlOrigin(entry, limits, at.now, at.wall)],
    storedAt: wallOf(storedAt, at),
    trust: TRUST_TEXTS.get(trust) ?? null,
    security: security.kind,
    note: securityNote(security),
    records: records.slice(0, rrset.rdatas.length),
    signatures: records.slice(rrset.rdatas.length),
  }
}

export function negativeEntry(entry: NegativeEntry, question: Question, limits: TtlLimits, at: Moment): CacheEntry {
  const { soa, proof } = remainingDenial(entry, at.now)
  return {
    ...EMPTY,
    kind: entry.kind,
    name: formatName(entry.name),
    type: entry.kind === 'nxdomain' ? '*' : typeName(entry.type),
    class: className(question.class),
    ttlLeft: left(entry.expiresAt, at),
    ttl: Math.round((entry.expiresAt - entry.storedAt) / 1_000),
    ttlOrigin: ORIGIN_TEXTS[negativeTtlOrigin(entry, limits)],
    storedAt: wallOf(entry.storedAt, at),
    security: entry.security.kind,
    note: securityNote(entry.security),
    records: [...(soa === null ? [] : [soa]), ...proof].flatMap(set => recordsOf(set)).map(jsonRecord),
  }
}

export function failureEntry(failure: CachedFailure, { name, type, class: klass }: Question, at: Moment): CacheEntry {
  const { why, ede, text, inRow, storedAt, expiresAt } = failure
  return {
    ...EMPTY,
    kind: 'failures',
    name: formatName(name),
    type: typeName(type),
    class: className(klass),
    ttlLeft: left(expiresAt, at),
    ttl: Math.round((expiresAt - storedAt) / 1_000),
    ttlOrigin: inRow === 1 ? 'the first failure' : `failure ${inRow} in a row: longer each time (RFC 9520)`,
    storedAt: wallOf(storedAt, at),
    note: `${why}: ${edeName(ede)}${text === '' ? '' : `: ${text}`}`,
  }
}

export const delegationEntry = ({ zone, servers, ds, expiresAt }: Delegation, at: Moment): CacheEntry => ({
  ...EMPTY,
  kind: 'delegations',
  name: formatName(zone),
  type: typeName(RrType.NS),
  class: 'IN',
  ttlLeft: Number.isFinite(expiresAt) ? left(expiresAt, at) : null,
  ttl: null,
  ttlOrigin: Number.isFinite(expiresAt) ? 'as the parent zone sent it' : 'the root has no parent',
  storedAt: null,
  records: ds === null ? [] : recordsOf(ds).map(jsonRecord),
  servers: servers.map(({ name, addresses }) => ({
    name: formatName(name),
    addresses: addresses.map(({ text }) => text),
  })),
})

/** What is known of all servers that are in trouble, by server. */
export function troubles(
  stats: ServerStats,
  { now }: Moment,
): (server: string) => Pick<ServerEntry, 'throttled' | 'lame'> {
  const throttled = byServer(stats.unresponsive.list(now))
  const lame = byServer(stats.lame(now))
  const seconds = (ms: number): number => Math.max(0, Math.round(ms / 1_000))
  return server => ({
    throttled: (throttled.get(server) ?? []).map(({ zone, since, timeouts, probeAt }) => ({
      zone: formatName(zone),
      sinceS: seconds(now - since),
      timeouts,
      nextQueryS: seconds(probeAt - now),
      why: `${timeouts} queries for ${formatName(zone)} got no reply`,
    })),
    lame: (lame.get(server) ?? []).map(({ zone, kind, until }) => ({
      zone: formatName(zone),
      kind,
      untilS: seconds(until - now),
    })),
  })
}

function byServer<T extends { readonly server: string }>(all: readonly T[]): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>()
  for (const one of all) {
    const group = groups.get(one.server)
    if (group === undefined) groups.set(one.server, [one])
    else group.push(one)
  }
  return groups
}

export function serverEntry(stats: ServerStats, server: string, at: Moment): Omit<ServerEntry, 'throttled' | 'lame'> {
  const facts = stats.facts(server, at.now)
  const { srttMs, rttVarMs, timeoutsInRow, edns, caseSafe } = facts
  const cookies = facts.cookies !== 'fine' ? facts.cookies : facts.serverCookie === '' ? 'ignored' : 'given'
  return { server, srttMs, rttVarMs, timeoutsInRow, edns, caseSafe, cookies, timeoutMs: stats.timeoutOf(facts) }
}
