/**
 * What is known not to exist (RFC 2308): NODATA for one name and type, NXDOMAIN for a name and, when it was validated,
 * for everything below it (RFC 8020). Without a proof it may be an empty non-terminal whose server errs
 * (DVE-2019-0001), or a name that the server has given away; a proof may have been made up for that one name. Then it
 * denies that name and no other. Failures are apart (`failure-cache.ts`): they say nothing about the data.
 *
 * Invariants: bounded in bytes; an entry lives for min(SOA TTL, SOA MINIMUM, maxNegativeTtl), without an SOA for
 * bareDenialTtl, and then it denies its own name only; the latest statement
 * wins, so that an NXDOMAIN entry is gone as soon as newer data shows its name or one below it to exist, unless only
 * the NXDOMAIN was validated.
 */
import { foldName, isWithin, parentOf, ROOT, trustWireName, type Name } from '../dns/name.ts'
import { questionKey, type Question } from '../dns/message.ts'
import { readSoa } from '../dns/rdata.ts'
import type { RRset } from '../dns/rrset.ts'
import type { CacheLimits } from '../limits.ts'
import type { Security } from '../steps.ts'
import { isMinimalDenial } from '../dnssec/denial.ts'
import { dataBytes, flat, packRRset, packedBytes, unpackRRset, type PackedRRset } from './packed.ts'
import { ByteStore } from './store.ts'
import { isOfUse, negativeTtl, TtlBounds, ttlLeft } from './ttl.ts'

/**
 * `soa.ttl` and the TTLs of `proof` are as stored at `storedAt` (ms), already bounded. `type` is 0 for NXDOMAIN, which
 * covers all.
 */
export interface NegativeEntry {
  readonly kind: 'nodata' | 'nxdomain'
  readonly name: Name
  readonly type: number
  /** Null where the servers gave none. */
  readonly soa: RRset | null
  readonly proof: readonly RRset[]
  readonly security: Security
  readonly storedAt: number
  readonly expiresAt: number
}

/** One whose TTL is over, kept in case its servers fail (RFC 8767). */
export interface ExpiredDenial extends NegativeEntry {
  /** When the delegation ends that it was found through: ms, Infinity for never. */
  readonly leaseEndsAt: number
}

interface Entry {
  readonly kind: 'nodata' | 'nxdomain'
  readonly name: Name
  readonly type: number
  readonly soa: PackedRRset | null
  readonly proof: readonly PackedRRset[]
  /** NXDOMAIN, proven not only for the name itself: none of the names below exists either (RFC 8020). */
  readonly deniesBelow: boolean
  readonly security: Security
  readonly storedAt: number
  readonly expiresAt: number
  readonly leaseEndsAt: number
}

/** Type 0 is reserved (RFC 6895 section 3.1), so no NODATA entry can have this key. */
const EVERY_TYPE = 0

/** SOA and proof with their TTLs counted down by whole seconds. */
export function remainingDenial(
  entry: NegativeEntry,
  now: number,
): { readonly soa: RRset | null; readonly proof: readonly RRset[] } {
  const count = (rrset: RRset): RRset => ({ ...rrset, ttl: ttlLeft(rrset.ttl, entry.storedAt, now) })
  return { soa: entry.soa === null ? null : count(entry.soa), proof: entry.proof.map(count) }
}

export class NegativeCache {
  readonly #limits: CacheLimits
  readonly #ttls: TtlBounds
  readonly #store: ByteStore<Entry>
  /** How many entries are NXDOMAIN: without any there is no need to look at every name above a question. */
  #nxdomains = 0

  /** `budget` in bytes. */
  constructor(limits: CacheLimits, budget: number, ttls: TtlBounds = new TtlBounds(limits)) {
    this.#limits = limits
    this.#ttls = ttls
    const setBytes = (packed: PackedRRset): number =>
      limits.packedOverheadBytes + packed.name.length + packedBytes(packed)
    this.#store = new ByteStore<Entry>(
      budget,
      (entry, key) =>
        entry.proof.reduce(
          (sum, rrset) => sum + setBytes(rrset),
          limits.entryOverheadBytes + key.length + (entry.soa === null ? 0 : setBytes(entry.soa)),
        ),
      entry => this.#count(entry, -1),
    )
  }

  get bytes(): number {
    return this.#store.bytes
  }

  get size(): number {
    return this.#store.size
  }

  /**
   * The denial that covers a question: NXDOMAIN for its name, or validated for the nearest ancestor that has one, else
   * NODATA for it. An NXDOMAIN that is found is the newer of the two, since storing NODATA removes older ones above it.
   */
  find(question: Question, now: number): NegativeEntry | undefined {
    if (this.#store.size === 0) return undefined
    for (let name = question.name; this.#nxdomains > 0; name = parentOf(name)) {
      const entry = this.#live(questionKey({ name, type: EVERY_TYPE, class: question.class }), now)
      if (entry !== undefined && (name === question.name || entry.deniesBelow)) return unpack(entry)
      if (name === ROOT) break
    }
    const entry = this.#live(questionKey(question), now)
    return entry === undefined ? undefined : unpack(entry)
  }

  /**
   * The newer denial of this very name whose TTL is over for no longer than `staleMs`, and whose delegation is not. It
   * denies none of the names below. Does not count as use.
   */
  expired(question: Question, now: number): ExpiredDenial | undefined {
    const { staleMs } = this.#limits
    let found: Entry | undefined
    for (const type of [EVERY_TYPE, question.type]) {
      const entry = this.#store.peek(questionKey({ ...question, type }))
      if (entry === undefined || entry.expiresAt > now) continue
      if (!isOfUse(entry.expiresAt, entry.leaseEndsAt, staleMs, now)) continue
      if (found === undefined || entry.storedAt >= found.storedAt) found = entry
    }
    return found === undefined ? undefined : unpack(found)
  }

  /**
   * False when not stored: no TTL left (RFC 2308 section 5), a malformed SOA, too large, or a validated NXDOMAIN stands
   * against it. `leaseEndsAt` (ms) is when the delegation ends that it was found through.
   */
  putNodata(
    question: Question,
    soa: RRset | null,
    proof: readonly RRset[],
    security: Security,
    now: number,
    leaseEndsAt: number = Number.POSITIVE_INFINITY,
  ): boolean {
    if (question.type === EVERY_TYPE) return false
    return this.#put('nodata', question, soa, proof, security, now, leaseEndsAt)
  }

  /**
   * `name` is the one that does not exist: the end of an alias chain, not its start (RFC 6604 section 3). False as with
   * `putNodata`.
   */
  putNxdomain(
    name: Name,
    klass: number,
    soa: RRset | null,
    proof: readonly RRset[],
    security: Security,
    now: number,
    leaseEndsAt: number = Number.POSITIVE_INFINITY,
  ): boolean {
    return this.#put('nxdomain', { name, type: EVERY_TYPE, class: klass }, soa, proof, security, now, leaseEndsAt)
  }

  /**
   * Newer data shows that `name` exists with this type: NODATA for it and NXDOMAIN at and above it are no longer true.
   * Validated denials yield to validated data only.
   */
  contradict(name: Name, type: number, klass: number, security: Security): void {
    if (this.#store.size === 0) return
    this.#removeUnless(questionKey({ name, type, class: klass }), security)
    this.#showExists(name, klass, security)
  }

  /** Forgets the NXDOMAIN of `name` and the NODATA for a question. */
  remove(question: Question, name: Name): void {
    this.#store.delete(questionKey({ name, type: EVERY_TYPE, class: question.class }))
    this.#store.delete(questionKey({ ...question, name }))
  }

  /** Removes everything at and below a name; returns how many entries went. Work proportional to the cache. */
  removeWithin(name: Name): number {
    return this.removeWhere(each => isWithin(each, name))
  }

  /** The same of the names that `which` says; with `dryRun` they are only counted. */
  removeWhere(which: (name: Name) => boolean, dryRun = false): number {
    return this.#store.deleteWhere(entry => which(entry.name), dryRun)
  }

  /** Those of `questionKey` (type 0: NXDOMAIN). To be read to the end before anything changes. */
  keys(): Iterable<string> {
    return this.#store.keys()
  }

  /** What lives under one of `keys`, without counting as use. */
  peek(key: string, now: number): NegativeEntry | undefined {
    const entry = this.#store.peek(key)
    return entry === undefined || entry.expiresAt <= now ? undefined : unpack(entry)
  }

  /** The same, and while `staleMs` lasts also what no longer lives. */
  kept(key: string, now: number): ExpiredDenial | undefined {
    const entry = this.#store.peek(key)
    return entry !== undefined && isOfUse(entry.expiresAt, entry.leaseEndsAt, this.#limits.staleMs, now)
      ? unpack(entry)
      : undefined
  }

  /**
   * Takes over a denial of an earlier process as it was stored, unless something is known of its question. `entry.type`
   * is 0 for NXDOMAIN. False when it was not kept.
   */
  restore(entry: ExpiredDenial, klass: number, now: number): boolean {
    const kept = this.#taken(entry, klass, now)
    if (kept === null || !this.#store.restore(keyOfEntry(entry, klass), kept)) return false
    this.#count(kept, 1)
    return true
  }

  /** Takes over a denial that another instance stored, as it stands there, unless one lives here. */
  takeOver(entry: ExpiredDenial, klass: number, now: number): boolean {
    const kept = this.#taken(entry, klass, now)
    const key = keyOfEntry(entry, klass)
    if (kept === null || kept.expiresAt <= now || kept.storedAt > now || this.#live(key, now) !== undefined)
      return false
    if (kept.kind === 'nodata') this.#showExists(kept.name, klass, kept.security)
    const isNew = this.#store.peek(key) === undefined
    if (!this.#store.set(key, kept)) return false
    if (isNew) this.#count(kept, 1)
    return true
  }

  /** Within the bounds that hold here; null when it is of no use, or contradicts itself. */
  #taken(entry: ExpiredDenial, klass: number, now: number): Entry | null {
    const { kind, name, type, soa, proof, security, storedAt, leaseEndsAt } = entry
    const { maxNegativeTtl, maxTtl } = this.#ttls.of(name)
    const most = soa === null ? this.#limits.bareDenialTtl : Math.min(maxNegativeTtl, maxTtl)
    const expiresAt = Math.min(entry.expiresAt, storedAt + most * 1_000)
    if (!isOfUse(expiresAt, leaseEndsAt, this.#limits.staleMs, now)) return null
    if ((kind === 'nxdomain') !== (type === EVERY_TYPE)) return null
    const ttl = Math.min(soa?.ttl ?? 0, Math.floor((expiresAt - storedAt) / 1_000))
    const times = { storedAt, expiresAt, leaseEndsAt, ttl }
    return entryOf(kind, { name, type, class: klass }, soa, proof, security, times)
  }

  /** See `ByteStore.settle`. */
  settle(): Generator<void, void> {
    return this.#store.settle()
  }

  clear(): void {
    this.#store.clear()
  }

  #put(
    kind: Entry['kind'],
    question: Question,
    soa: RRset | null,
    proof: readonly RRset[],
    security: Security,
    now: number,
    leaseEndsAt: number,
  ): boolean {
    const ttl = this.#ttlOf(question.name, soa, security)
    const bytes = proof.reduce((sum, rrset) => sum + dataBytes(rrset), soa === null ? 0 : dataBytes(soa))
    if (ttl === 0 || bytes > this.#limits.entryBytes) return false
    const key = flat(questionKey(question))
    const old = this.#live(key, now)
    if (old?.security.kind === 'secure' && security.kind !== 'secure') return false
    if (kind === 'nodata') this.#showExists(question.name, question.class, security)
    const name = foldName(trustWireName(key.slice(0, question.name.length)))
    const times = { storedAt: now, expiresAt: now + ttl * 1000, leaseEndsAt, ttl }
    const entry = entryOf(kind, { ...question, name }, soa, proof, security, times)
    const isNew = this.#store.peek(key) === undefined
    const isOver = this.#limits.staleMs > 0 ? (other: Entry) => other.expiresAt <= now : undefined
    if (!this.#store.set(key, entry, isOver)) return false
    if (isNew) this.#count(entry, 1)
    return true
  }

  /** Seconds; 0 for an SOA that cannot be read. */
  #ttlOf(name: Name, soa: RRset | null, security: Security): number {
    if (soa === null) return this.#limits.bareDenialTtl
    const [rdata] = soa.rdatas
    const fields = rdata === undefined ? null : readSoa(rdata)
    return fields === null ? 0 : negativeTtl(soa.ttl, fields.minimum, this.#ttls.of(name), security.kind === 'secure')
  }

  #count(entry: Entry, by: number): void {
    if (entry.kind === 'nxdomain') this.#nxdomains += by
  }

  /** RFC 8020 section 2: a name that exists, and so all names above it, cannot be denied any longer. */
  #showExists(name: Name, klass: number, security: Security): void {
    for (let at = name; this.#nxdomains > 0; at = parentOf(at)) {
      this.#removeUnless(questionKey({ name: at, type: EVERY_TYPE, class: klass }), security)
      if (at === ROOT) return
    }
  }

  #removeUnless(key: string, security: Security): void {
    const entry = this.#store.peek(key)
    if (entry !== undefined && (entry.security.kind !== 'secure' || security.kind === 'secure')) this.#store.delete(key)
  }

  #live(key: string, now: number): Entry | undefined {
    const entry = this.#store.get(key)
    if (entry === undefined || entry.expiresAt > now) return entry
    if (entry.expiresAt + this.#limits.staleMs <= now) this.#store.delete(key)
    return undefined
  }
}

const keyOfEntry = ({ name, type }: Pick<NegativeEntry, 'name' | 'type'>, klass: number): string =>
  flat(questionKey({ name, type, class: klass }))

/** `ttl` in seconds, of the SOA, and the longest of its proof. */
function entryOf(
  kind: Entry['kind'],
  { name, type }: Question,
  soa: RRset | null,
  proof: readonly RRset[],
  security: Security,
  { ttl, ...times }: Pick<Entry, 'storedAt' | 'expiresAt' | 'leaseEndsAt'> & { readonly ttl: number },
): Entry {
  return {
    kind,
    name,
    type,
    security,
    ...times,
    soa: soa === null ? null : packRRset(soa, ttl),
    deniesBelow: security.kind === 'secure' && soa !== null && !proof.some(set => isMinimalDenial(set, soa.name)),
    proof: proof.map(rrset => packRRset(rrset, Math.min(rrset.ttl, ttl))),
  }
}

const unpack = (entry: Entry): ExpiredDenial => ({
  ...entry,
  soa: entry.soa === null ? null : unpackRRset(entry.soa, entry.soa.ttl),
  proof: entry.proof.map(packed => unpackRRset(packed, packed.ttl)),
})
