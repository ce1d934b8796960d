/**
 * Keeps what validation starts from: the configured anchors, those that a roll-over added (RFC 5011), and the negative
 * ones until they expire. Refreshes the DNSKEY sets of the trust points (RFC 5011 section 2.3), stores their state,
 * clears the caches when the set of trusted keys changes, and reports a clock that cannot be right. Validation itself
 * is in `dnssec/`.
 *
 * Invariants: a state file that is not entirely right makes no key trusted; when in doubt the configured anchors hold;
 * what was judged by other anchors is forgotten in the moment they change.
 */
import type { TrustPointEntry } from '../admin/anchor-controls.ts'
import type { DnssecConfig } from '../config/types.ts'
import { foldName, prependLabel, ROOT, type Name } from '../dns/name.ts'
import { keyTagOf, readDs, readRrsig } from '../dns/rdata-dnssec.ts'
import type { RRset } from '../dns/rrset.ts'
import { formatName } from '../presentation/text.ts'
import { RrClass, RrType } from '../dns/types.ts'
import { algorithmName } from '../dnssec/algorithms.ts'
import { examineKeys, outsideBy } from '../dnssec/anchor-evidence.ts'
import { formatState, parseState } from '../dnssec/anchor-state.ts'
import {
  newPoint,
  observe,
  refreshAfter,
  retryAfter,
  trustedAnchor,
  type KeyChange,
  type ManagedPoint,
} from '../dnssec/managed-anchors.ts'
import { mergeAnchors, type NegativeAnchor, type TrustAnchor } from '../dnssec/trust-anchors.ts'
import { makeValidation } from '../engine/validation.ts'
import type { DnssecLimits } from '../limits.ts'
import { openStateFile, type StateFile } from '../system/state-file.ts'
import type { Cancel, Clock, EventSink } from '../ports.ts'
import type { Validation } from '../resolver/env.ts'
import type { QueryOptions, Resolver } from '../resolver/resolver.ts'
import { releasedAt } from '../system/version.ts'

export interface TrustKeeperParts {
  readonly clock: Clock
  readonly limits: DnssecLimits
  readonly events: EventSink
  readonly settings: DnssecConfig
  /** Those of the configuration. */
  readonly anchors: readonly TrustAnchor[]
}

/** The part of the resolver that is needed. */
export type KeyResolver = Pick<Resolver, 'resolve' | 'validationChanged'>

/** One trust point: what was configured, and what is known of its keys. */
interface Point {
  readonly configured: TrustAnchor
  state: ManagedPoint
  /** Of the set that was seen last; seconds. A day each until one was seen. */
  originalTtl: number
  expiresAt: number
  failing: boolean
}

export class TrustAnchorManager {
  readonly #clock: Clock
  readonly #limits: DnssecLimits
  readonly #events: EventSink
  #settings: DnssecConfig
  #anchors: readonly TrustAnchor[]
  /** Negative ones that are not of the configuration. */
  #added: readonly NegativeAnchor[] = []
  #points: ReadonlyMap<Name, Point> = new Map()
  #files: { readonly path: string; readonly current: StateFile; readonly old: StateFile } | null = null
  #validation: Validation
  #resolver: KeyResolver | null = null
  /** What the file said when it was read. */
  #good: string | null = null
  #timers = new Set<Cancel>()
  /** Of the negative anchors that were added. */
  #addedEnds: readonly Cancel[] = []
  #started = false
  #clockDoubted = false

  constructor({ clock, limits, events, settings, anchors }: TrustKeeperParts) {
    this.#clock = clock
    this.#limits = limits
    this.#events = events
    this.#settings = settings
    this.#anchors = mergeAnchors(anchors)
    this.#load()
    this.#validation = this.#made()
  }

  /**
   * To be called for every resolution: one function of all keepers, so that V8 takes those of different ones for the
   * same code.
   */
  readonly validation = (): Validation => this.#validation

  /** Tags of the root keys that are trusted (RFC 8509 section 3), ascending. */
  rootKeyTags(): readonly number[] {
    return tagsOf(this.#validation.points.at(ROOT))
  }

  /**
   * Called to clear what was validated by other anchors. Reports the trusted keys, and a clock that is earlier than
   * this release.
   */
  attach(resolver: KeyResolver): void {
    this.#resolver = resolver
    this.#tellTrust()
    const wall = this.#clock.wall()
    if (wall < releasedAt - this.#limits.clockSlack)
      this.#doubtClock(wall - releasedAt, 'it is before the day on which this version was made')
  }

  /** What validation starts from: `zone (key tags)`; empty when nothing is validated. */
  names(): readonly string[] {
    const { validate, points } = this.#validation
    if (!validate) return []
    return this.#anchors.flatMap(({ name }) => {
      const anchor = points.at(name)
      return anchor === undefined ? [] : [`${formatName(name)} (${tagsOf(anchor).join(', ')})`]
    })
  }

  /** Negative anchors, those that have ended included. */
  negative(): { readonly configured: readonly NegativeAnchor[]; readonly added: readonly NegativeAnchor[] } {
    return { configured: this.#settings.negative, added: this.#added }
  }

  /** How many of them have not ended. */
  get livingNegatives(): number {
    const wall = this.#clock.wall()
    return [...this.#settings.negative, ...this.#added].filter(({ until }) => until > wall).length
  }

  /** Others next to those of the configuration: in place of the ones that were added before. */
  addNegative(added: readonly NegativeAnchor[]): void {
    if (added.length === 0 && this.#added.length === 0) return
    this.#added = added
    this.#changed()
    for (const end of this.#addedEnds) end()
    this.#addedEnds = this.#watchEnds(added)
  }

  /** What is validated from, with the state of its keys; times in seconds since 1970. */
  describe(): TrustPointEntry[] {
    return [...this.#points.values()].map(({ configured, state }) => ({
      zone: formatName(configured.name),
      keyTags: tagsOf(this.#validation.points.at(configured.name)),
      seenAt: state.seenAt === 0 ? null : state.seenAt,
      keys: state.keys.map(({ rdata, state: key, since }) => ({
        keyTag: keyTagOf(rdata),
        algorithm: algorithmName(rdata[3] ?? 0),
        state: key,
        since,
      })),
    }))
  }

  /**
   * What validation begins with now, as text: equal where the same keys are trusted by the same rules and the same
   * names are left out. It changes when what was validated is forgotten.
   */
  judgedBy(): string {
    const { rules, validate, negative } = this.#settings
    const wall = this.#clock.wall()
    const anchors = [...this.#points.values()].map(({ state, configured }) => trustedAnchor(state, configured))
    return JSON.stringify([
      validate,
      [rules.nsec3MaxIterations, ...rules.disallowedAlgorithms, 'digests', ...rules.disallowedDigests],
      anchors.map(({ name, ds, keys }) => [name, hexOf(ds), hexOf(keys)]),
      [...negative, ...this.#added].filter(({ until }) => until > wall).map(({ name, until }) => [name, until]),
    ])
  }

  /** Begins to look at keys and clocks. */
  start(): void {
    this.#started = true
    this.#schedule()
  }

  /** Another configuration. What was judged by the old one is forgotten when it makes a difference. */
  configure(settings: DnssecConfig, anchors: readonly TrustAnchor[]): void {
    const merged = mergeAnchors(anchors)
    const before = this.#fingerprint()
    const path = this.#settings.managedAnchors
    this.#settings = settings
    this.#anchors = merged
    if (before === this.#fingerprint()) return
    this.#stopTimers()
    if (path === settings.managedAnchors) this.#takeStates([...this.#points.values()].map(({ state }) => state))
    else this.#load()
    this.#changed()
    if (this.#resolver !== null) this.#tellTrust()
    if (this.#started) this.#schedule()
  }

  /** Resolves when the state is on the disk. */
  async close(): Promise<void> {
    this.#stopTimers()
    for (const end of this.#addedEnds) end()
    this.#resolver = null
    await this.#files?.current.settled()
    await this.#files?.old.settled()
  }

  // --- trusted keys

  #made(): Validation {
    const anchors = [...this.#points.values()].map(({ state, configured }) => trustedAnchor(state, configured))
    const { negative } = this.#settings
    return makeValidation(anchors, { ...this.#settings, negative: [...negative, ...this.#added] })
  }

  #changed(): void {
    this.#validation = this.#made()
    this.#resolver?.validationChanged()
  }

  /** Equal when the configurations trust the same keys. */
  #fingerprint(): string {
    const { rules, ...plain } = this.#settings
    return JSON.stringify([
      { ...plain, anchors: [] },
      [rules.nsec3MaxIterations, ...rules.disallowedAlgorithms, 'digests', ...rules.disallowedDigests],
      this.#anchors.map(({ name, ds, keys }) => [name, hexOf(ds), hexOf(keys)]),
    ])
  }

  #tellTrust(): void {
    if (!this.#validation.validate) this.#events({ kind: 'no-trust-anchor', off: !this.#settings.validate })
    else
      this.#events({
        kind: 'trust-anchors',
        anchors: this.names(),
      })
  }

  // --- state

  #load(): void {
    const path = this.#settings.managedAnchors
    this.#files = path === null ? null : { path, current: this.#open(path), old: this.#open(`${path}.old`) }
    this.#takeStates(this.#readStates() ?? [])
  }

  #open(path: string): StateFile {
    return openStateFile({
      path,
      maxBytes: this.#limits.managedBytes,
      onError: message => this.#events({ kind: 'anchor-state-failed', message: `${path}: ${message}`, problems: [] }),
    })
  }

  /** The state of the last run; when its file is damaged, the one that was good when the last run began. */
  #readStates(): readonly ManagedPoint[] | null {
    if (this.#files === null) return null
    const { path, current, old } = this.#files
    const found = this.#readState(path, current)
    if (found !== 'damaged') {
      this.#good = found?.text ?? null
      return found?.points ?? null
    }
    const before = this.#readState(`${path}.old`, old)
    return before === 'damaged' ? null : (before?.points ?? null)
  }

  #readState(
    path: string,
    file: StateFile,
  ): { readonly points: readonly ManagedPoint[]; readonly text: string } | null | 'damaged' {
    const read = file.read()
    if (read.kind === 'missing') return null
    if (read.kind === 'unreadable') {
      this.#events({ kind: 'anchor-state-failed', message: `${path} ${read.message}`, problems: [] })
      return 'damaged'
    }
    const state = parseState(read.text, path, this.#clock.wall(), this.#limits)
    if (state.kind === 'state') return { points: state.points, text: read.text }
    this.#events({
      kind: 'anchor-state-failed',
      message: `the keys in ${path} are not used`,
      problems: [state.problem],
    })
    return 'damaged'
  }

  #takeStates(states: readonly ManagedPoint[]): void {
    const managed = this.#settings.managedAnchors !== null
    const known = new Map(states.map(state => [state.name, state]))
    this.#points = new Map(
      this.#anchors.map((configured): [Name, Point] => [
        configured.name,
        {
          configured,
          state: (managed ? known.get(configured.name) : undefined) ?? newPoint(configured.name),
          originalTtl: 0,
          expiresAt: 0,
          failing: false,
        },
      ]),
    )
  }

  // --- when to look

  /** Without managed anchors only the root is looked at, once, for the sake of the clock. */
  #schedule(): void {
    this.#watchNegative()
    if (!this.#settings.validate) return
    for (const point of this.#points.values())
      if (this.#files !== null || point.configured.name === ROOT) this.#look(point)
    if (this.#settings.trustAnchorSignal) this.#signal()
  }

  #watchNegative(): void {
    for (const cancel of this.#watchEnds(this.#settings.negative)) this.#timers.add(cancel)
  }

  #watchEnds(negative: readonly NegativeAnchor[]): Cancel[] {
    return negative.flatMap(({ name, until }) => {
      const left = until - this.#clock.wall()
      if (left <= 0) return []
      return this.#clock.after(left * 1_000, () => {
        this.#events({ kind: 'negative-anchor-ended', name: formatName(name) })
        this.#resolver?.validationChanged()
      })
    })
  }

  #after(delayMs: number, fire: () => void): void {
    const cancel = this.#clock.after(delayMs, () => {
      this.#timers.delete(cancel)
      fire()
    })
    this.#timers.add(cancel)
  }

  #stopTimers(): void {
    for (const cancel of this.#timers) cancel()
    this.#timers = new Set()
  }

  // --- looking

  #look(point: Point): void {
    const { name } = point.configured
    const timers = this.#timers
    // Whatever its signatures say: a set that revokes the only anchor does not validate (RFC 5011 section 2.1).
    const options: QueryOptions = { recursionDesired: true, because: 'trust-anchor', checkingDisabled: true }
    this.#resolver?.resolve({ name, type: RrType.DNSKEY, class: RrClass.IN }, options, outcome => {
      // Another configuration came meanwhile, or the end.
      if (timers !== this.#timers) return
      const set =
        outcome.kind === 'answer'
          ? outcome.rrsets.find(rrset => rrset.name === name && rrset.type === RrType.DNSKEY)
          : undefined
      if (set === undefined) this.#failed(point, outcome.kind === 'failure' ? outcome.text : 'it has no keys')
      else this.#seen(point, set)
    })
  }

  #seen(point: Point, set: RRset): void {
    const { name } = point.configured
    const wall = this.#clock.wall()
    this.#judgeClock(set, wall)
    const { seen, verdict } = examineKeys(set, trustedAnchor(point.state, point.configured), this.#settings.rules, wall)
    if (this.#files !== null) {
      const { point: state, changes } = observe(point.state, point.configured, seen, wall, this.#limits)
      point.state = state
      this.#tellChanges(name, changes)
      if (changes.some(changesTrust)) this.#trustChanged(point)
      this.#save()
    }
    if (verdict.kind !== 'secure') {
      this.#failed(point, verdict.kind === 'insecure' ? verdict.note.text : verdict.text)
      return
    }
    point.failing = false
    point.originalTtl = seen.originalTtl
    point.expiresAt = verdict.expires
    if (this.#files !== null)
      this.#after(refreshAfter(seen.originalTtl, verdict.expires - wall, this.#limits) * 1_000, () => this.#look(point))
  }

  #failed(point: Point, reason: string): void {
    if (!point.failing) this.#events({ kind: 'anchor-refresh-failed', zone: formatName(point.configured.name), reason })
    point.failing = true
    this.#after(retryAfter(point.originalTtl, point.expiresAt - this.#clock.wall(), this.#limits) * 1_000, () =>
      this.#look(point),
    )
  }

  #trustChanged({ state, configured }: Point): void {
    const { ds, keys } = trustedAnchor(state, configured)
    if (ds.length + keys.length === 0) this.#events({ kind: 'trust-point-gone', zone: formatName(configured.name) })
    this.#changed()
  }

  #tellChanges(name: Name, changes: readonly KeyChange[]): void {
    for (const { rdata, to } of changes)
      this.#events({
        kind: 'anchor-changed',
        zone: formatName(name),
        key: `${keyTagOf(rdata)} (${algorithmName(rdata[3] ?? 0)})`,
        state: to,
      })
  }

  /** The first time what was there is put aside: should the file be damaged once, that is the next best. */
  #save(): void {
    if (this.#good !== null) this.#files?.old.write(this.#good)
    this.#good = null
    this.#files?.current.write(formatState([...this.#points.values()].map(({ state }) => state)))
  }

  // --- the clock

  /** No signature of the set is of this time, by more than the servers of a zone could be late. */
  #judgeClock(set: RRset, wall: number): void {
    const off = set.signatures.flatMap(rdata => readRrsig(rdata) ?? []).map(rrsig => outsideBy(rrsig, wall))
    const least = off.reduce((best, by) => (Math.abs(by) < Math.abs(best) ? by : best), Number.POSITIVE_INFINITY)
    if (off.length > 0 && Math.abs(least) > this.#limits.clockDoubt)
      this.#doubtClock(
        least,
        `every signature over the keys of ${formatName(set.name)} ${least > 0 ? 'has ended' : 'begins later'}`,
      )
    else this.#clockDoubted = false
  }

  #doubtClock(offBy: number, why: string): void {
    if (this.#clockDoubted) return
    this.#clockDoubted = true
    this.#events({ kind: 'clock-suspicious', wall: this.#clock.wall(), offBy, why })
  }

  // --- reporting to the servers (RFC 8145 section 5)

  #signal(): void {
    for (const { name } of this.#anchors) {
      const anchor = this.#validation.points.at(name)
      const question = anchor === undefined ? null : signalName(name, tagsOf(anchor))
      if (question === null) continue
      this.#resolver?.resolve(
        { name: question, type: RrType.NULL, class: RrClass.IN },
        { recursionDesired: true, because: 'trust-anchor', checkingDisabled: true },
        () => {},
      )
    }
    this.#after(this.#limits.anchorSignalMs, () => this.#signal())
  }
}

const hexOf = (rdatas: readonly Uint8Array[]): string[] => rdatas.map(rdata => Buffer.from(rdata).toString('hex'))

/** A configured key that is seen for the first time, or is missing, was and is trusted. */
const changesTrust = ({ from, to }: KeyChange): boolean =>
  to === 'revoked' || (from === 'add-pending' && to === 'valid')

/** Key tags of an anchor, ascending, each once. */
export function tagsOf(anchor: TrustAnchor | undefined): readonly number[] {
  const tags = [
    ...(anchor?.ds ?? []).flatMap(rdata => readDs(rdata)?.keyTag ?? []),
    ...(anchor?.keys ?? []).map(keyTagOf),
  ]
  return [...new Set(tags)].sort((a, b) => a - b)
}

/** That many tags of four digits and a hyphen fit into a label after "_ta". */
const SIGNAL_TAGS = 12

/** `_ta-4f66-9728.` (RFC 8145 section 5.1); null when it would be too long. */
export function signalName(zone: Name, tags: readonly number[]): Name | null {
  const label = ['_ta', ...tags.slice(0, SIGNAL_TAGS).map(tag => tag.toString(16).padStart(4, '0'))].join('-')
  const name = prependLabel(label, zone)
  return name === null ? null : foldName(name)
}
