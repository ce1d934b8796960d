/**
 * A cache that several instances share, in Valkey or Redis: the port of each engine (`SharedCache`), changes on all
 * instances, and numbers. Keys say what has to be equal for a value to be used: how values are written, the
 * configuration, anchors and rules that they depend on, the view they belong to, the question.
 *
 * Invariants: no look-up waits longer than its deadline, and none waits at all while the server does not answer; what
 * has no seal of ours, is of the future, longer than allowed, or was removed is not used.
 */
import { createHash } from 'node:crypto'
import type { SharedNumbers } from '../../admin/controls.ts'
import { SHARED_LAYOUT } from '../../cache/snapshot/shared-value.ts'
import type { Question } from '../../dns/message.ts'
import { className, RrClass, typeName } from '../../dns/types.ts'
import type { EventSink, Cancel, Clock, Random, SharedCache, SharedFound } from '../../ports.ts'
import type { SharedLimits } from '../../limits.ts'
import { formatName } from '../../presentation/text.ts'
import { Breaker } from './breaker.ts'
import type { SharedClient } from './client.ts'
import { Follower } from './follower.ts'
import type { Change } from './messages.ts'
import type { Position } from './position.ts'
import { type After, type Read, Reads } from './reads.ts'
import { Removals } from './removals.ts'
import { type Seals, VALUE_OVERHEAD } from './seal.ts'
import { withTimeout } from './waits.ts'
import { Writes } from './writes.ts'

export interface SharedStoreParts {
  readonly client: SharedClient
  readonly seals: Seals
  readonly clock: Clock
  readonly random: Random
  readonly limits: SharedLimits
  readonly events: EventSink
  /** How this instance is called by people. */
  readonly name: string
  /** Host and port of the server, for people. */
  readonly at: string
  /** See `FollowerParts`. */
  readonly before: Position | null
  readonly reached: (position: Position) => void
  readonly after: After
  readonly soon: (then: () => void) => void
  /** ms since 1970. */
  readonly wallMs: () => number
}

/** What the engines have to do with it, known when they are there. */
export interface SharedOwner {
  /** What values depend on, and values that are the same ones as long as that is the same. */
  readonly fingerprint: () => string
  readonly rules: () => readonly unknown[]
  readonly carryOut: (change: Change) => void
  readonly missed: () => void
}

const RESULTS = ['hit', 'miss', 'timeout', 'error', 'skipped', 'refused'] as const
type Result = (typeof RESULTS)[number]

/** Upper bounds of look-ups in ms; above the last one the deadline has passed. */
const SHARED_BUCKETS_MS: readonly number[] = [0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32]

export class SharedStore {
  readonly #parts: SharedStoreParts
  readonly #reads: Reads
  readonly #writes: Writes
  readonly #breaker: Breaker
  readonly #removals: Removals
  readonly #follower: Follower
  readonly #requests: Record<Result, number> = {
    ...{ hit: 0, miss: 0, timeout: 0, error: 0, skipped: 0, refused: 0 },
  }
  readonly #buckets = new Array<number>(SHARED_BUCKETS_MS.length + 1).fill(0)
  #sumMs = 0
  #owner: SharedOwner | null = null
  #rules: readonly unknown[] = []
  #fingerprint = ''
  /** By partition, as long as the rules are the same. */
  readonly #prefixes = new Map<string, string>()
  /** Of the connection, the last. */
  #problem = ''
  /** Null: nothing was reported yet. */
  #wasUsable: boolean | null = null
  #closed = false

  constructor(parts: SharedStoreParts) {
    const { client, clock, random, limits, after, soon, seals, name, before, reached } = parts
    this.#parts = parts
    this.#breaker = new Breaker({
      ...{ clock, random, limits },
      probe: waitMs => this.#probe(waitMs),
      changed: () => this.#report(),
    })
    this.#reads = new Reads({
      ...{ client, limits, after, soon },
      now: () => clock.now(),
      succeeded: tookMs => this.#succeeded(tookMs),
      failed: () => this.#breaker.failed(),
    })
    this.#writes = new Writes({ client, clock, limits, isUsable: () => this.isUsable })
    this.#removals = new Removals(limits.removals)
    this.#follower = new Follower({
      ...{ client, seals, clock, random, limits, name, before, reached, removals: this.#removals },
      carryOut: change => {
        // What waits here may have been found before.
        if (change.kind === 'flush') this.#writes.clear()
        this.#owner?.carryOut(change)
      },
      missed: () => {
        this.#writes.clear()
        parts.events({ kind: 'shared-missed' })
        this.#owner?.missed()
      },
      changed: () => this.#report(),
    })
  }

  /** Asked and answered from now on, as soon as there is a connection. */
  start(owner: SharedOwner): void {
    const { clock, limits } = this.#parts
    this.#owner = owner
    this.#parts.client.open()
    this.#follower.start()
    clock.after(limits.patienceMs, () => this.#report(true))
  }

  /** Why there is no connection. */
  connectionFailed(message: string): void {
    this.#problem = message
  }

  get isUsable(): boolean {
    return this.#breaker.isClosed && this.#follower.isFollowing && this.#parts.client.isReady && !this.#closed
  }

  /** The port of one engine; `partition` is what makes its view another one, empty for that of all. */
  readonly port = (partition: string): SharedCache => {
    const isUsable = (): boolean => this.isUsable
    const removals = (): number => this.#removals.count
    const { readDeadlineMs } = this.#parts.limits
    return {
      deadlineMs: readDeadlineMs,
      get isUsable() {
        return isUsable()
      },
      get removals() {
        return removals()
      },
      find: (question, waitMs, done) => this.#find(partition, question, waitMs, done),
      offer: (question, octets, leftMs, begun) => this.#offer(partition, question, octets, leftMs, begun),
    }
  }

  /** A change for all instances, carried out here by `carryOut`. */
  async publish(change: Change, carryOut: () => void, waits: boolean): ReturnType<Follower['publish']> {
    if (change.kind === 'flush') this.#writes.clear()
    return await this.#follower.publish(change, carryOut, waits)
  }

  get numbers(): SharedNumbers {
    return {
      state: this.#state,
      at: this.#parts.at,
      requests: { ...this.#requests },
      boundsMs: SHARED_BUCKETS_MS,
      buckets: [...this.#buckets],
      sumMs: this.#sumMs,
      writes: { ...this.#writes.counts },
      waiting: this.#writes.size,
      removals: this.#removals.count,
      refusedMessages: this.#follower.refused,
      instances: this.#follower.instances.names,
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#breaker.close()
    this.#writes.close()
    await this.#follower.close()
    this.#parts.client.close()
  }

  get #state(): SharedNumbers['state'] {
    if (!this.#breaker.isClosed) return this.#breaker.state
    return this.isUsable ? 'closed' : 'connecting'
  }

  #find(partition: string, question: Question, waitMs: number, done: (found: SharedFound) => void): Cancel {
    const key = this.#keyOf(partition, question)
    const cancel = this.#reads.find(key, waitMs, read => done(this.#foundOf(key, read)))
    if (cancel !== null) return cancel
    this.#requests.skipped++
    done({ kind: 'miss' })
    return () => {}
  }

  #foundOf(key: string, read: Read): SharedFound {
    const found = this.#judge(key, read)
    this.#requests[found.result]++
    if (found.hit !== null) return found.hit
    return { kind: found.result === 'timeout' ? 'timeout' : 'miss' }
  }

  #judge(key: string, read: Read): { readonly result: Result; readonly hit: SharedFound | null } {
    if (read.kind !== 'value') return { result: read.kind, hit: null }
    const { seals, limits, wallMs } = this.#parts
    if (read.bytes.length > limits.valueBytes) return { result: 'refused', hit: null }
    const value = seals.openValue(key, read.bytes)
    if (value === null) return { result: 'refused', hit: null }
    const ageMs = wallMs() - value.writtenAt
    if (ageMs < -limits.skewMs) return { result: 'refused', hit: null }
    const { octets, position } = value
    const isRemoved: Extract<SharedFound, { kind: 'hit' }>['isRemoved'] = name =>
      this.#removals.isRemoved(name, position)
    return { result: 'hit', hit: { kind: 'hit', octets, ageMs: Math.max(0, ageMs), isRemoved } }
  }

  #offer(partition: string, question: Question, octets: Uint8Array, leftMs: number, begun: number): void {
    const { limits, seals, wallMs } = this.#parts
    if (begun !== this.#removals.count || leftMs < limits.leastMs) return
    if (octets.length + VALUE_OVERHEAD > limits.valueBytes) return
    const key = this.#keyOf(partition, question)
    const value = seals.sealValue(key, { octets, writtenAt: wallMs(), position: this.#removals.latest })
    this.#writes.put(key, value, Math.min(leftMs, limits.longestMs))
  }

  /** `rw1:` and a digest of all that has to be equal, then the question, which people can read. */
  #keyOf(partition: string, { name, type, class: klass }: Question): string {
    const rules = this.#owner?.rules() ?? []
    if (rules.length !== this.#rules.length || rules.some((rule, index) => rule !== this.#rules[index])) {
      this.#rules = rules
      this.#prefixes.clear()
      this.#fingerprint = this.#owner?.fingerprint() ?? ''
    }
    let prefix = this.#prefixes.get(partition)
    if (prefix === undefined) {
      prefix = prefixOf(this.#fingerprint, partition)
      this.#prefixes.set(partition, prefix)
    }
    const of = klass === RrClass.IN ? '' : `:${className(klass)}`
    return `${prefix}${formatName(name)}:${typeName(type)}${of}`
  }

  #succeeded(tookMs: number): void {
    this.#breaker.succeeded()
    const bucket = SHARED_BUCKETS_MS.findIndex(bound => tookMs <= bound)
    const at = bucket < 0 ? SHARED_BUCKETS_MS.length : bucket
    this.#buckets[at] = (this.#buckets[at] ?? 0) + 1
    this.#sumMs += tookMs
  }

  /** No client waits for it. A connection that says nothing at all is given up. */
  async #probe(waitMs: number): Promise<boolean> {
    const { client, clock } = this.#parts
    if (!client.isReady) return false
    const answer = await withTimeout(client.ping(), waitMs, clock)
    if (answer === null && client.isReady && !this.#closed) client.reconnect('asked')
    return answer !== null
  }

  /** Reported when it changes, and not for what is being stopped. */
  #report(isLate = false): void {
    const { events, at } = this.#parts
    const { isUsable } = this
    if (isUsable === this.#wasUsable || this.#closed) return
    // A start takes a moment.
    if (this.#wasUsable === null && !isUsable && !isLate) return
    this.#wasUsable = isUsable
    events(
      isUsable
        ? { kind: 'shared-cache', at, instances: this.#follower.instances.names }
        : { kind: 'shared-cache-lost', at, message: this.#problem === '' ? 'it does not answer' : this.#problem },
    )
    this.#problem = ''
  }
}

const DIGEST_CHARACTERS = 32

const prefixOf = (fingerprint: string, partition: string): string =>
  `rw1:${createHash('sha256')
    .update(JSON.stringify([SHARED_LAYOUT, fingerprint, partition]))
    .digest('hex')
    .slice(0, DIGEST_CHARACTERS)}:`
