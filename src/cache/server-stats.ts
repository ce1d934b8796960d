/**
 * What experience says of each server address: how fast it answers, whether it knows EDNS and keeps letter case, what
 * it does with cookies, for which zones it is lame; and whether IPv4 and IPv6 work at all from here. Facts only:
 * choosing a server is the engine's work.
 *
 * Times follow Jacobson (RFC 6298 section 2) with R the round trip of one reply:
 *   first:  srtt = R                    rttvar = R / 2
 *   later:  rttvar = 3/4 rttvar + 1/4 |srtt - R|    srtt = 7/8 srtt + 1/8 R
 *   time-out = min(maxTimeoutMs, 2^n · max(minTimeoutMs, srtt + max(minTimeoutMs, 4 · rttvar)))
 * where n is the number of time-outs in a row (at most backoffDoublings) and an unknown server counts with
 * unknownServerTimeoutMs in place of the inner max.
 *
 * Invariants: bounded in bytes; every fact is forgotten serverStatsMs after it was learnt, so that a repaired server
 * gets its chance; EDNS and case facts change only by explicit calls, never by a time-out, which anyone on the path can
 * cause (CVE-2026-52690).
 */
import { foldName, trustWireName, type Name } from '../dns/name.ts'
import type { CacheLimits, UpstreamLimits } from '../limits.ts'
import { flat } from './packed.ts'
import {
  currentEncryption,
  ENCRYPTION_UNKNOWN,
  type Encryption,
  encryptionAfter,
  type EncryptionEvent,
} from './servers/encryption.ts'
import { UnresponsiveServers } from './servers/unresponsive.ts'
import { UpstreamHealth, type UpstreamHealthLimits } from './servers/upstream-health.ts'
import { ByteStore } from './store.ts'

export interface ServerFacts {
  /** Smoothed round trip in ms; null when never heard (or forgotten). */
  readonly srttMs: number | null
  readonly rttVarMs: number
  readonly timeoutsInRow: number
  readonly edns: 'unknown' | 'ok' | 'broken'
  readonly caseSafe: 'unknown' | 'yes' | 'no'
  /** `fine`: it answers queries that have one. `doubted`: it was silent to one, and not without. */
  readonly cookies: 'unknown' | 'fine' | 'doubted' | 'broken'
  /** The last that it gave (RFC 7873), an octet a character; empty for none. */
  readonly serverCookie: string
}

export interface LameServer {
  readonly server: string
  readonly kind: string
  readonly zone: Name
  readonly until: number
}

export type ServerStatsLimits = Pick<
  UpstreamLimits,
  'unknownServerTimeoutMs' | 'minTimeoutMs' | 'maxTimeoutMs' | 'backoffDoublings'
> &
  UpstreamHealthLimits

/** What is kept of a server; times in ms, minus infinity for never. */
export interface ServerRecord {
  srttMs: number | null
  rttVarMs: number
  rttAt: number
  timeoutsInRow: number
  timedOutAt: number
  edns: ServerFacts['edns']
  ednsAt: number
  caseSafe: ServerFacts['caseSafe']
  caseAt: number
  cookies: ServerFacts['cookies']
  serverCookie: string
  cookiesAt: number
  /** Has times of its own. */
  encryption: Encryption
}

interface Family {
  unreachableInRow: number
  heardAt: number
  deadUntil: number
}

const UNKNOWN: ServerFacts = {
  srttMs: null,
  rttVarMs: 0,
  timeoutsInRow: 0,
  edns: 'unknown',
  caseSafe: 'unknown',
  cookies: 'unknown',
  serverCookie: '',
}

/** Nothing is known of a server's cookies. */
export const NO_COOKIES: Pick<ServerRecord, 'cookies' | 'serverCookie' | 'cookiesAt'> = Object.freeze({
  cookies: 'unknown',
  serverCookie: '',
  cookiesAt: Number.NEGATIVE_INFINITY,
})

/** RFC 6298 section 2.3: alpha 1/8, beta 1/4; section 2.2: K = 4. */
const ALPHA = 1 / 8
const BETA = 1 / 4
const K = 4

export class ServerStats {
  readonly #limits: CacheLimits
  readonly #timing: ServerStatsLimits
  readonly #servers: ByteStore<ServerRecord>
  readonly #lame: ByteStore<{ readonly until: number }>
  readonly #families = new Map<4 | 6, Family>()
  /** Servers that are tried over TLS for the first time, and until when: not lost with an entry. */
  readonly #probed = new Map<string, number>()
  readonly unresponsive: UnresponsiveServers
  /** Of the servers that are forwarded to. */
  readonly upstreams: UpstreamHealth
  /**
   * Asked for last, and in the store as long as it stands here: one step of a look-up wants the same server six times.
   */
  #lastKey = ''
  #last: ServerRecord | undefined = undefined

  /** Budgets in bytes; what is kept for a server and a zone, lameness and silence, shares the second. */
  constructor(limits: CacheLimits, timing: ServerStatsLimits, budget: number, lameBudget: number) {
    this.#limits = limits
    this.#timing = timing
    this.upstreams = new UpstreamHealth(timing)
    this.#servers = new ByteStore<ServerRecord>(
      budget,
      (_, key) => limits.entryOverheadBytes + key.length + limits.serverCookieBytes,
      entry => {
        if (entry === this.#last) this.#last = undefined
      },
    )
    this.unresponsive = new UnresponsiveServers(limits, lameBudget / 2)
    this.#lame = new ByteStore<{ readonly until: number }>(
      lameBudget / 2,
      (_, key) => limits.entryOverheadBytes + key.length,
    )
  }

  get bytes(): number {
    return this.#servers.bytes + this.#lame.bytes + this.unresponsive.bytes
  }

  get size(): number {
    return this.#servers.size
  }

  /** `key` is `ServerAddress.key`. For this moment: what is learnt later may or may not show in it. */
  facts(key: string, now: number): ServerFacts {
    const entry = this.#find(key)
    if (entry === undefined) return UNKNOWN
    return this.#isFresh(entry, now) ? entry : this.#withoutForgotten(entry, now)
  }

  #withoutForgotten(entry: ServerRecord, now: number): ServerFacts {
    const fresh = (at: number): boolean => now - at < this.#limits.serverStatsMs
    const heard = fresh(entry.rttAt)
    const failing = fresh(entry.timedOutAt)
    return {
      srttMs: heard ? entry.srttMs : null,
      rttVarMs: heard ? entry.rttVarMs : 0,
      timeoutsInRow: failing ? entry.timeoutsInRow : 0,
      edns: fresh(entry.ednsAt) ? entry.edns : 'unknown',
      caseSafe: fresh(entry.caseAt) ? entry.caseSafe : 'unknown',
      cookies: fresh(entry.cookiesAt) ? entry.cookies : 'unknown',
      serverCookie: fresh(entry.cookiesAt) ? entry.serverCookie : '',
    }
  }

  /**
   * Is there nothing in it to be forgotten? Then it says itself what is known: it is asked for with every step of every
   * look-up.
   */
  #isFresh(entry: ServerRecord, now: number): boolean {
    const since = now - this.#limits.serverStatsMs
    return (
      entry.rttAt > since &&
      (entry.timeoutsInRow === 0 || entry.timedOutAt > since) &&
      (entry.edns === 'unknown' || entry.ednsAt > since) &&
      (entry.caseSafe === 'unknown' || entry.caseAt > since) &&
      (entry.cookies === 'unknown' || entry.cookiesAt > since)
    )
  }

  /** A reply that matched came after `rttMs`. */
  heard(key: string, rttMs: number, now: number): void {
    const known = this.facts(key, now)
    const { srttMs, rttVarMs } = known
    const entry = this.#entry(key)
    entry.rttVarMs = srttMs === null ? rttMs / 2 : (1 - BETA) * rttVarMs + BETA * Math.abs(srttMs - rttMs)
    entry.srttMs = srttMs === null ? rttMs : (1 - ALPHA) * srttMs + ALPHA * rttMs
    entry.rttAt = now
    entry.timeoutsInRow = 0
  }

  /**
   * Nothing came in time for a query sent at `sentAt`: the next time-out is twice as long. Queries in flight together
   * that are lost together are one event (RFC 6298 section 5.5 doubles for an expiry of the timer, not for each segment
   * that waits): what was sent before the last that counted says nothing new.
   */
  timedOut(key: string, sentAt: number, now: number): void {
    const known = this.facts(key, now)
    const entry = this.#entry(key)
    if (known.timeoutsInRow > 0 && sentAt < entry.timedOutAt) return
    entry.timeoutsInRow = Math.min(known.timeoutsInRow + 1, this.#timing.backoffDoublings)
    entry.timedOutAt = now
  }

  ednsWorks(key: string, now: number): void {
    this.#learnEdns(key, 'ok', now)
  }

  /** Only on the evidence of a reply that matched its query. */
  ednsBroken(key: string, now: number): void {
    this.#learnEdns(key, 'broken', now)
  }

  caseEchoed(key: string, now: number): void {
    this.#learnCase(key, 'yes', now)
  }

  /** Only when several unmodified asks agreed: a single reply with another case may be forged. */
  caseLost(key: string, now: number): void {
    this.#learnCase(key, 'no', now)
  }

  /** It gave this with a reply that had our client cookie. */
  cookieCame(key: string, serverCookie: string, now: number): void {
    const entry = this.#entry(key)
    entry.cookies = 'fine'
    if (entry.serverCookie !== serverCookie) entry.serverCookie = flat(serverCookie)
    entry.cookiesAt = now
  }

  /**
   * A usable reply showed it. What was `fine` is `broken` by a reply only, `doubted` twice is `broken`: silence with a
   * cookie may be chance.
   */
  cookiesAre(key: string, lesson: 'fine' | 'doubted' | 'broken', now: number): void {
    const { cookies } = this.facts(key, now)
    const entry = this.#entry(key)
    entry.cookies = lesson === 'doubted' && cookies === 'doubted' ? 'broken' : lesson
    if (lesson !== 'fine') entry.serverCookie = ''
    entry.cookiesAt = now
  }

  /** It gave a usable reply to this kind of question about the zone. */
  clearLame(key: string, zone: Name, kind: string): void {
    if (this.#lame.size > 0) this.#lame.delete(`${key} ${kind} ${zone}`)
  }

  /**
   * It rejected a question of this kind about the zone which another server of the zone answered: for lameMs it comes
   * after the others, as long as they answer. It is never left out: one rejected question says little about the next.
   */
  markLame(key: string, zone: Name, kind: string, now: number): void {
    this.#lame.set(flat(`${key} ${kind} ${zone}`), { until: now + this.#limits.lameMs })
  }

  isLame(key: string, zone: Name, kind: string, now: number): boolean {
    if (this.#lame.size === 0) return false
    const entry = this.#lame.get(`${key} ${kind} ${zone}`)
    return entry !== undefined && entry.until > now
  }

  /** How long to wait for the next reply, in ms: the formula above. */
  timeoutFor(key: string, now: number): number {
    return this.timeoutOf(this.facts(key, now))
  }

  /** The same from facts that are at hand. */
  timeoutOf({ srttMs, rttVarMs, timeoutsInRow }: ServerFacts): number {
    const { unknownServerTimeoutMs, minTimeoutMs, maxTimeoutMs } = this.#timing
    const base =
      srttMs === null ? unknownServerTimeoutMs : Math.max(minTimeoutMs, srttMs + Math.max(minTimeoutMs, K * rttVarMs))
    return Math.min(maxTimeoutMs, base * 2 ** timeoutsInRow)
  }

  /** Does it work over TLS, as far as is known? `key` is the one under which it is asked in clear. */
  encryptionOf(key: string, now: number): Encryption {
    const entry = this.#find(key)
    return entry === undefined ? ENCRYPTION_UNKNOWN : currentEncryption(entry.encryption, now, this.#limits)
  }

  /** May it be tried over TLS now? Then that counts as begun. */
  beginProbe(key: string, now: number): boolean {
    const { encryptionProbes, encryptionProbeMs } = this.#limits
    if (this.encryptionOf(key, now).kind !== 'unknown') return false
    // In the order of their time: they all have as much.
    for (const [other, until] of this.#probed) {
      if (until > now) break
      this.#probed.delete(other)
    }
    if (this.#probed.has(key) || this.#probed.size >= encryptionProbes) return false
    this.#probed.set(flat(key), now + encryptionProbeMs)
    this.encryptionEvent(key, 'tried', now)
    return true
  }

  /** What became of a query to it over TLS. */
  encryptionEvent(key: string, event: EncryptionEvent, now: number): void {
    if (event !== 'tried') this.#probed.delete(key)
    const entry = this.#entry(key)
    entry.encryption = encryptionAfter(this.encryptionOf(key, now), event, now, this.#limits)
  }

  /** Something came over this family. True when it had been taken for dead. */
  familyHeard(family: 4 | 6, now: number): boolean {
    const state = this.#family(family)
    const wasDead = state.deadUntil !== 0
    state.unreachableInRow = 0
    state.heardAt = now
    state.deadUntil = 0
    return wasDead
  }

  /**
   * The kernel has no route for this family (never a server's doing). After familyUnreachables in a row, with nothing
   * heard for familyQuietMs, it is dead for familyDeadMs; then it is tried again, and one more failure suffices. True
   * when it has just died.
   */
  familyUnreachable(family: 4 | 6, now: number): boolean {
    const { familyUnreachables, familyQuietMs, familyDeadMs } = this.#limits
    const state = this.#family(family)
    state.unreachableInRow = Math.min(state.unreachableInRow + 1, familyUnreachables)
    if (state.unreachableInRow < familyUnreachables || now - state.heardAt < familyQuietMs || state.deadUntil > now)
      return false
    const first = state.deadUntil === 0
    state.deadUntil = now + familyDeadMs
    return first
  }

  familyUsable(family: 4 | 6, now: number): boolean {
    return (this.#families.get(family)?.deadUntil ?? 0) <= now
  }

  /** `ServerAddress.key` of all that something is known of. To be read to the end before anything changes. */
  keys(): Iterable<string> {
    return this.#servers.keys()
  }

  /** Which servers are lame for which questions of which zones, until when (ms). Work proportional to the store. */
  lame(now: number): LameServer[] {
    return [...this.#lame.keys()].flatMap(key => {
      const until = this.#lame.peek(key)?.until ?? 0
      const [server = '', kind = ''] = key.split(' ', 2)
      const zone = foldName(trustWireName(key.slice(server.length + kind.length + 2)))
      return until > now ? [{ server, kind, zone, until }] : []
    })
  }

  /** All that is kept of one of `keys`, without counting as use. To be read only. */
  peek(key: string): Readonly<ServerRecord> | undefined {
    return this.#servers.peek(key)
  }

  /** Takes over what an earlier process knew of a server. False when something is known, or there is no room. */
  restore(key: string, record: Readonly<ServerRecord>): boolean {
    return this.#servers.restore(flat(key), { ...record })
  }

  /** The same of lameness, `until` in ms. */
  restoreLame({ server, kind, zone, until }: LameServer, now: number): boolean {
    const end = Math.min(until, now + this.#limits.lameMs)
    return end > now && this.#lame.restore(flat(`${server} ${kind} ${zone}`), { until: end })
  }

  /** See `ByteStore.settle`. */
  *settle(): Generator<void, void> {
    for (const store of [this.#servers, this.#lame]) yield* store.settle()
    yield* this.unresponsive.settle()
  }

  clear(): void {
    this.#servers.clear()
    this.#lame.clear()
    this.unresponsive.clear()
    this.upstreams.clear()
    this.#families.clear()
    this.#probed.clear()
  }

  #learnEdns(key: string, edns: ServerFacts['edns'], now: number): void {
    const entry = this.#entry(key)
    entry.edns = edns
    entry.ednsAt = now
  }

  #learnCase(key: string, caseSafe: ServerFacts['caseSafe'], now: number): void {
    const entry = this.#entry(key)
    entry.caseSafe = caseSafe
    entry.caseAt = now
  }

  #find(key: string): ServerRecord | undefined {
    if (this.#last !== undefined && key === this.#lastKey) return this.#last
    this.#lastKey = key
    this.#last = this.#servers.get(key)
    return this.#last
  }

  #entry(key: string): ServerRecord {
    const known = this.#find(key)
    if (known !== undefined) return known
    const never = Number.NEGATIVE_INFINITY
    const entry: ServerRecord = {
      srttMs: null,
      rttVarMs: 0,
      rttAt: never,
      timeoutsInRow: 0,
      timedOutAt: never,
      edns: 'unknown',
      ednsAt: never,
      caseSafe: 'unknown',
      caseAt: never,
      ...NO_COOKIES,
      encryption: ENCRYPTION_UNKNOWN,
    }
    this.#servers.set(flat(key), entry)
    return entry
  }

  #family(family: 4 | 6): Family {
    const known = this.#families.get(family)
    if (known !== undefined) return known
    const state: Family = { unreachableInRow: 0, heardAt: Number.NEGATIVE_INFINITY, deadUntil: 0 }
    this.#families.set(family, state)
    return state
  }
}
