/**
 * Follows what is removed on purpose, by the stream that all instances read: from the last entry that was carried out
 * on, also when the connection was away meanwhile. What was missed for good (the stream is bounded, and a server can
 * lose it) counts as everything.
 *
 * Invariants: while it does not follow (`isFollowing`) nothing of the shared cache is used; each change is carried out
 * once, in the order of the stream; what comes from none that has the secret is passed over and counted.
 */
import { randomBytes } from 'node:crypto'
import type { SharedLimits } from '../../limits.ts'
import type { Cancel, Clock, Random } from '../../ports.ts'
import type { SharedClient } from './client.ts'
import { type Confirmation, Instances } from './instances.ts'
import {
  type Change,
  changeFields,
  type Entry,
  INSTANCES,
  presenceFields,
  readChange,
  readPresence,
  REMOVALS,
} from './messages.ts'
import { comparePositions, parsePosition, positionAfter, positionText, START, type Position } from './position.ts'
import type { Removals } from './removals.ts'
import type { Seals } from './seal.ts'
import { retryMs, withTimeout } from './waits.ts'

export interface FollowerParts {
  readonly client: Pick<SharedClient, 'append' | 'entries' | 'follow' | 'reconnect' | 'isReady' | 'canFollow'>
  readonly seals: Seals
  readonly removals: Removals
  readonly clock: Clock
  readonly random: Pick<Random, 'below'>
  readonly limits: SharedLimits
  /** How this instance is called by people. */
  readonly name: string
  /** The last change that was carried out before this process began; null: nothing is left of then. */
  readonly before: Position | null
  /** Carries out a change that came from another instance, or that came while this one was away. */
  readonly carryOut: (change: Change) => void
  /** Changes may have been missed: everything that is known may be what was removed. */
  readonly missed: () => void
  /** What was carried out last, to be kept. */
  readonly reached: (position: Position) => void
  readonly changed: (isFollowing: boolean) => void
}

type Published =
  | { readonly kind: 'published'; readonly others: readonly Confirmation[] }
  /** The server could not be asked. */
  | { readonly kind: 'unreachable' }

const ID_OCTETS = 8
/** Entries that are asked for at once. */
const PAGE = 250

export class Follower {
  readonly #parts: FollowerParts
  readonly #id = randomBytes(ID_OCTETS).toString('hex')
  readonly instances: Instances
  /** Entries that had no seal, or one of somebody else. */
  refused = 0
  /** Changes that were seen, by what only they have; the oldest is first. */
  readonly #once = new Set<string>()
  #position: Position = START
  /** Changes that no one has heard of: they are published before anything is shared again. */
  #unheard: { readonly change: Change; readonly fields: readonly string[] }[] = []
  #instancesAt = '0-0'
  #isFollowing = false
  #ended = false
  #beat: Cancel = () => {}
  #rest: Cancel = () => {}

  constructor(parts: FollowerParts) {
    this.#parts = parts
    this.instances = new Instances(this.#id, parts.clock, parts.limits)
  }

  get isFollowing(): boolean {
    return this.#isFollowing
  }

  start(): void {
    void this.#run()
  }

  /**
   * Publishes a change that is carried out here by `carryOut`, before this resolves. `waits`: for the others to confirm
   * it. Where the server cannot be asked they hear of it when it can.
   */
  async publish(change: Change, carryOut: () => void, waits: boolean): Promise<Published> {
    const { client, seals, removals, clock, limits } = this.#parts
    const once = randomBytes(ID_OCTETS).toString('hex')
    const fields = changeFields(seals, change, this.#id, once)
    this.#remember(once)
    const id = client.isReady
      ? await withTimeout(client.append(REMOVALS, null, fields, limits.removals), limits.patienceMs, clock)
      : null
    const position = id === null ? null : parsePosition(id)
    if (position !== null && change.kind === 'flush') removals.add({ ...change, position })
    carryOut()
    if (position === null) {
      if (this.#unheard.push({ change, fields }) > limits.removals) this.#unheard.shift()
      return { kind: 'unreachable' }
    }
    return { kind: 'published', others: waits ? await this.instances.confirmed(position) : [] }
  }

  async close(): Promise<void> {
    this.#ended = true
    this.#beat()
    this.#rest()
    if (this.#isFollowing) await this.#say(true)
    this.#isFollowing = false
  }

  async #run(): Promise<void> {
    const { client, clock, random, limits } = this.#parts
    for (let failures = 0; !this.#ended; failures++) {
      try {
        // With the one connection alone it would follow for a moment, and be lost again.
        if (!client.canFollow) throw new Error('there is no connection')
        await this.#within(this.#catchUp())
        failures = 0
        this.#become(true)
        this.#beats()
        while (!this.#ended) await this.#follow()
      } catch {
        // Why is an event of the connection; here it is only tried again.
        this.#become(false)
        this.#beat()
      }
      if (this.#ended) return
      await new Promise<void>(resolve => {
        this.#rest = clock.after(retryMs(failures, limits, random), resolve)
      })
    }
  }

  #become(isFollowing: boolean): void {
    if (this.#isFollowing === isFollowing) return
    this.#isFollowing = isFollowing
    this.#parts.changed(isFollowing)
  }

  async #within<T>(work: Promise<T>): Promise<T> {
    const { clock, limits } = this.#parts
    const done = await withTimeout(
      work.then(value => ({ value })),
      limits.silentMs,
      clock,
    )
    if (done === null) throw new Error('it does not answer')
    return done.value
  }

  /** All that is in the stream; what was carried out before only says what is removed of the shared cache. */
  async #catchUp(): Promise<void> {
    const { client, limits, removals, missed, before } = this.#parts
    const isFirst = this.#position === START
    const carriedOut = isFirst ? (before ?? START) : this.#position
    const entries = await this.#all()
    const last = entries.at(-1)?.position ?? START
    if (comparePositions(last, carriedOut) < 0) {
      // The server has lost the stream, and what was removed is in it again.
      await client.append(REMOVALS, positionText(positionAfter(carriedOut)), this.#everything(), limits.removals)
      entries.push(...(await this.#all()).filter(({ position }) => comparePositions(position, last) > 0))
    }
    const [first] = entries
    if (first !== undefined && entries.length >= limits.removals) {
      removals.forgetBefore(first.position)
      const isKnown = isFirst && before === null
      if (!isKnown && comparePositions(first.position, carriedOut) > 0) missed()
    }
    for (const entry of entries) this.#take(entry, carriedOut)
    for (const { change, fields } of this.#unheard) {
      const position = parsePosition(await client.append(REMOVALS, null, fields, limits.removals))
      if (position !== null && change.kind === 'flush') removals.add({ ...change, position })
      this.#unheard = this.#unheard.slice(1)
    }
    const present = await client.entries(INSTANCES, '-', PAGE, true)
    const latest = present[0]?.position ?? START
    for (const entry of present.toReversed()) if (latest.ms - entry.position.ms < limits.aliveMs) this.#meet(entry)
    this.#instancesAt = positionText(latest)
    await this.#say(false)
  }

  #everything(): readonly string[] {
    const change = { kind: 'flush', name: null, below: true, servers: false, everywhere: false } as const
    return changeFields(this.#parts.seals, change, this.#id, randomBytes(ID_OCTETS).toString('hex'))
  }

  async #all(): Promise<Entry[]> {
    const { client, limits } = this.#parts
    const all: Entry[] = []
    for (let from = '-'; all.length < limits.removals + PAGE; ) {
      const page = await client.entries(REMOVALS, from, PAGE)
      all.push(...page)
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) break
      from = positionText(positionAfter(last.position))
    }
    return all
  }

  async #follow(): Promise<void> {
    const { client, clock, limits } = this.#parts
    const after = { [REMOVALS]: positionText(this.#position), [INSTANCES]: this.#instancesAt }
    const [begun, refused] = [clock.now(), this.refused]
    const came = await withTimeout(client.follow(after, limits.blockMs), limits.blockMs + limits.silentMs, clock)
    if (came === null) {
      client.reconnect('waiting')
      throw new Error('it does not answer')
    }
    const removed = came.get(REMOVALS) ?? []
    for (const entry of removed) this.#take(entry, this.#position)
    for (const entry of came.get(INSTANCES) ?? []) {
      this.#meet(entry)
      this.#instancesAt = positionText(entry.position)
    }
    if (removed.length > 0) void this.#say(false)
    const isHasty = came.size === 0 && clock.now() - begun < limits.blockMs / 2
    if (isHasty || this.refused - refused >= MOST_REFUSED) throw new Error('it says what was not asked for')
  }

  /** Carried out is what comes after `carriedOut`, and was not begun here. */
  #take(entry: Entry, carriedOut: Position): void {
    const { seals, removals, carryOut, reached } = this.#parts
    const { position } = entry
    if (comparePositions(position, this.#position) > 0) this.#position = position
    removals.reached(position)
    const read = readChange(seals, entry)
    if (read === null) {
      this.refused++
      return
    }
    const { change, by, once } = read
    const isOwn = by === this.#id
    if (!isOwn && this.#once.has(once)) return
    this.#remember(once)
    if (change.kind === 'flush' && !isOwn) removals.add({ ...change, position })
    if (comparePositions(position, carriedOut) <= 0) return
    if (!isOwn) carryOut(change)
    reached(position)
  }

  #remember(once: string): void {
    this.#once.add(once)
    const [oldest] = this.#once
    if (oldest !== undefined && this.#once.size > this.#parts.limits.removals * 2) this.#once.delete(oldest)
  }

  #meet(entry: Entry): void {
    const presence = readPresence(this.#parts.seals, entry)
    if (presence === null) this.refused++
    else this.instances.note(presence)
  }

  /** That this instance is there, and how far it is. */
  async #say(isLeaving: boolean): Promise<void> {
    const { client, seals, clock, limits, name } = this.#parts
    const fields = presenceFields(seals, { id: this.#id, name, position: this.#position, isLeaving })
    await withTimeout(client.append(INSTANCES, null, fields, limits.instances), limits.patienceMs, clock)
  }

  #beats(): void {
    const { clock, limits } = this.#parts
    this.#beat()
    this.#beat = clock.after(limits.heartbeatMs, () => {
      void this.#say(false)
      if (!this.#ended) this.#beats()
    })
  }
}

/** Messages without our seal at once: whoever writes them without end is not read without end. */
const MOST_REFUSED = 100
