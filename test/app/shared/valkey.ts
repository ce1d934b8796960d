/**
 * A server of the shared cache on the virtual clock, and instances that use it: no socket, and time moves only when a
 * test lets it. It answers after `delayMs`, or is stopped as a process is by SIGSTOP: what was sent waits for it.
 */
import type { ReadResult, SharedClient } from '../../../src/app/shared/client.ts'
import type { Change, Entry } from '../../../src/app/shared/messages.ts'
import { comparePositions, parsePosition, positionText, type Position } from '../../../src/app/shared/position.ts'
import { Seals } from '../../../src/app/shared/seal.ts'
import { SharedStore } from '../../../src/app/shared/shared-store.ts'
import type { Question } from '../../../src/dns/message.ts'
import { RrClass, RrType } from '../../../src/dns/types.ts'
import type { Event } from '../../../src/events.ts'
import { defaultLimits, type SharedLimits } from '../../../src/limits.ts'
import type { SharedFound } from '../../../src/ports.ts'
import { SimClock } from '../../../src/simulation/clock.ts'
import { SimRandom } from '../../../src/simulation/random.ts'
import { n } from '../../cache/made.ts'

interface Pending {
  /** Carried out when the server gets to it; null: the connection over which it came is gone. */
  run: (() => void) | null
}

export class Valkey {
  readonly clock: SimClock
  readonly values = new Map<string, Uint8Array>()
  readonly streams = new Map<string, Entry[]>()
  delayMs = 0.2
  isStopped = false
  isGone = false
  /** What becomes of a value on its way out. */
  hand: (key: string, value: Uint8Array) => ReadResult = (_, value) => value
  readonly asked = { reads: 0, pings: 0 }
  readonly clients = new Set<Client>()
  #waiting: Pending[] = []
  #watchers = new Set<() => void>()

  constructor(clock: SimClock) {
    this.clock = clock
  }

  connect(): Client {
    const client = new Client(this)
    this.clients.add(client)
    return client
  }

  /** As SIGCONT: what waited is answered now. */
  continue(): void {
    this.isStopped = false
    for (const { run } of this.#waiting.splice(0)) run?.()
  }

  /** As a kill, or a network that is gone; `isEmpty`: it will come back without anything. */
  leave(isEmpty = false): void {
    this.isGone = true
    for (const client of this.clients) client.dropped()
    if (!isEmpty) return
    this.values.clear()
    this.streams.clear()
  }

  comeBack(): void {
    this.isGone = false
  }

  /** Does `work` on the server, and gives what came of it back over the connection, `delayMs` later. */
  serve(work: () => void): Pending {
    const pending: Pending = { run: work }
    if (this.isStopped) this.#waiting.push(pending)
    else
      this.clock.after(this.delayMs, () => {
        if (this.isStopped) this.#waiting.push(pending)
        else pending.run?.()
      })
    return pending
  }

  add(stream: string, at: string | null, fields: readonly string[], most: number): string {
    const entries = this.streams.get(stream) ?? []
    const last = entries.at(-1)?.position ?? { ms: 0, seq: 0 }
    const ms = this.clock.wall() * 1_000
    const next: Position = last.ms >= ms ? { ms: last.ms, seq: last.seq + 1 } : { ms, seq: 0 }
    const position = (at === null ? null : parsePosition(at)) ?? next
    const pairs = fields.flatMap((field, i): [string, string][] => (i % 2 === 0 ? [[field, fields[i + 1] ?? '']] : []))
    this.streams.set(stream, [...entries, { position, fields: new Map(pairs) }].slice(-most))
    for (const watcher of this.#watchers) watcher()
    return positionText(position)
  }

  after(stream: string, at: string): readonly Entry[] {
    const from = parsePosition(at) ?? { ms: 0, seq: 0 }
    return (this.streams.get(stream) ?? []).filter(({ position }) => comparePositions(position, from) > 0)
  }

  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher)
    return () => void this.#watchers.delete(watcher)
  }
}

export class Client implements SharedClient {
  readonly #server: Valkey
  /** Of the two connections, by what fails all that is under way on each. */
  readonly #open = { asked: new Map<Pending, () => void>(), waiting: new Map<Pending, () => void>() }
  #isOpen = false
  readonly reconnects: string[] = []

  constructor(server: Valkey) {
    this.#server = server
  }

  get isReady(): boolean {
    return this.#isOpen && !this.#server.isGone
  }

  get canFollow(): boolean {
    return this.isReady
  }

  open(): void {
    this.#isOpen = true
  }

  read(keys: readonly string[], octets: number): Promise<readonly ReadResult[]> {
    const server = this.#server
    server.asked.reads += keys.length
    return this.#ask('asked', () =>
      keys.map(key => {
        const value = server.values.get(key)
        return value === undefined ? null : server.hand(key, value.subarray(0, octets))
      }),
    )
  }

  write(values: Parameters<SharedClient['write']>[0]): Promise<readonly (Error | null)[]> {
    return this.#ask('asked', () => {
      for (const { key, value } of values) this.#server.values.set(key, value)
      return values.map(() => null)
    })
  }

  ping(): Promise<unknown> {
    this.#server.asked.pings++
    return this.#ask('asked', () => 'PONG')
  }

  append(stream: string, at: string | null, fields: readonly string[], most: number): Promise<string> {
    return this.#ask('asked', () => this.#server.add(stream, at, fields, most))
  }

  entries(stream: string, from: string, count: number, isLatest = false): Promise<readonly Entry[]> {
    return this.#ask('asked', () => {
      const start = from === '-' ? null : parsePosition(from)
      const all = (this.#server.streams.get(stream) ?? []).filter(
        ({ position }) => start === null || comparePositions(position, start) >= 0,
      )
      return isLatest ? all.toReversed().slice(0, count) : all.slice(0, count)
    })
  }

  follow(after: Readonly<Record<string, string>>, blockMs: number): Promise<ReadonlyMap<string, readonly Entry[]>> {
    const server = this.#server
    const come = (): ReadonlyMap<string, readonly Entry[]> =>
      new Map(
        Object.entries(after).flatMap(([stream, at]): [string, readonly Entry[]][] => {
          const entries = server.after(stream, at)
          return entries.length === 0 ? [] : [[stream, entries]]
        }),
      )
    return new Promise((resolve, reject) => {
      const pending: Pending = { run: null }
      const end = (): void => {
        cancel()
        unwatch()
        // The answer goes over the same wire as all others.
        if (!this.#open.waiting.delete(pending)) return
        void this.#ask('waiting', come).then(resolve, reject)
      }
      this.#open.waiting.set(pending, () => {
        cancel()
        unwatch()
        reject(new Error('the connection is gone'))
      })
      const cancel = server.clock.after(blockMs, end)
      const unwatch = server.watch(end)
      if (come().size > 0) end()
    })
  }

  reconnect(which: 'asked' | 'waiting'): void {
    this.reconnects.push(which)
    this.#fail(which)
  }

  close(): void {
    this.#isOpen = false
    this.dropped()
  }

  /** Both connections are gone, with all that is under way. */
  dropped(): void {
    this.#fail('asked')
    this.#fail('waiting')
  }

  #fail(which: 'asked' | 'waiting'): void {
    const open = [...this.#open[which]]
    this.#open[which].clear()
    for (const [pending, fail] of open) {
      pending.run = null
      fail()
    }
  }

  #ask<T>(which: 'asked' | 'waiting', work: () => T): Promise<T> {
    if (!this.isReady) return Promise.reject(new Error('there is no connection'))
    return new Promise((resolve, reject) => {
      const pending = this.#server.serve(() => {
        this.#open[which].delete(pending)
        resolve(work())
      })
      this.#open[which].set(pending, () => reject(new Error('the connection is gone')))
    })
  }
}

export const question = (name: string): Question => ({ name: n(name), type: RrType.A, class: RrClass.IN })

export interface Instance {
  readonly store: SharedStore
  readonly client: Client
  readonly events: Event[]
  /** Changes of others that it carried out, and `missed` where it emptied its caches. */
  readonly carriedOut: (Change | 'missed')[]
  /** The last change that would be known after a restart. */
  reached: Position | null
  /** Looks a name up; `tookMs` on the virtual clock. */
  find(name: string): Promise<{ readonly found: SharedFound; readonly tookMs: number }>
  /** Stores some octets under a name, for an hour. */
  offer(name: string, octets: Uint8Array): void
}

export interface InstanceHow {
  readonly secret?: string
  readonly fingerprint?: string
  readonly before?: Position | null
  readonly limits?: Partial<SharedLimits>
  /** How far its clock is ahead of the others', ms. */
  readonly aheadMs?: number
}

export class Laboratory {
  readonly clock = new SimClock()
  readonly server: Valkey = new Valkey(this.clock)
  #soon: (() => void)[] = []

  start(name: string, how: InstanceHow = {}): Instance {
    const { clock, server } = this
    const client = server.connect()
    const [events, carriedOut]: [Event[], (Change | 'missed')[]] = [[], []]
    const instance: Instance = {
      store: new SharedStore({
        ...{ client, clock, name, random: new SimRandom(name.length), events: event => void events.push(event) },
        seals: new Seals([Buffer.from(how.secret ?? 'a secret of all instances')]),
        limits: { ...defaultLimits.shared, ...how.limits },
        at: 'cache.example:6379',
        before: how.before ?? null,
        reached: position => {
          instance.reached = position
        },
        after: (ms, fire) => clock.after(ms, fire),
        soon: then => void this.#soon.push(then),
        wallMs: () => clock.wall() * 1_000 + (how.aheadMs ?? 0),
      }),
      ...{ client, events, carriedOut, reached: null },
      find: asked =>
        new Promise(resolve => {
          const [begun, port] = [clock.now(), instance.store.port('')]
          if (!port.isUsable) resolve({ found: { kind: 'miss' }, tookMs: 0 })
          else port.find(question(asked), port.deadlineMs, found => resolve({ found, tookMs: clock.now() - begun }))
        }),
      offer(asked, octets) {
        const port = instance.store.port('')
        port.offer(question(asked), octets, 3_600_000, port.removals)
      },
    }
    instance.store.start({
      fingerprint: () => how.fingerprint ?? 'the same settings',
      rules: () => [how.fingerprint],
      carryOut: change => void carriedOut.push(change),
      missed: () => void carriedOut.push('missed'),
    })
    return instance
  }

  /** Lets so many milliseconds go by. */
  async pass(ms: number): Promise<void> {
    const end = this.clock.now() + ms
    for (;;) {
      await this.#settle()
      const at = this.clock.nextAt
      if (at === null || at > end) break
      this.clock.step()
    }
    this.clock.advance(end - this.clock.now())
    await this.#settle()
  }

  /** What follows from what has happened, without time. */
  async #settle(): Promise<void> {
    for (let idle = 0; idle < 2; ) {
      await new Promise(resolve => setImmediate(resolve))
      const soon = this.#soon.splice(0)
      for (const then of soon) then()
      idle = soon.length === 0 ? idle + 1 : 0
    }
  }
}
