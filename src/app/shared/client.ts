/**
 * What is needed of a client of Valkey, and iovalkey as one: an optional package, loaded only where a shared cache is
 * configured. Two connections: one that is asked, one that waits for what comes in streams.
 *
 * Invariants: nothing waits in a queue of the client while there is no connection; what a server sends without end is
 * bounded by leaving it; who calls has a time-out of its own.
 */
import type { Redis, RedisOptions } from 'iovalkey'
import { errorText } from '../../events.ts'
import type { SharedLimits } from '../../limits.ts'
import type { Random } from '../../ports.ts'
import { parsePosition } from './position.ts'
import type { Entry } from './messages.ts'
import { retryMs } from './waits.ts'

/** `null`: there is none. */
export type ReadResult = Uint8Array | null | Error

interface ValueToWrite {
  readonly key: string
  readonly value: Uint8Array
  readonly leftMs: number
}

export interface SharedClient {
  /** It can be asked. */
  readonly isReady: boolean
  /** There is also the connection on which what comes is waited for. */
  readonly canFollow: boolean
  /** Connects, and again whenever the connection is lost. */
  open(): void
  /** At most `octets` of each value; in the order of the keys. */
  read(keys: readonly string[], octets: number): Promise<readonly ReadResult[]>
  /** What became of each: null when it was written. */
  write(values: readonly ValueToWrite[]): Promise<readonly (Error | null)[]>
  ping(): Promise<unknown>
  /** Gives the place of the new entry. `at`: null lets the server choose. */
  append(stream: string, at: string | null, fields: readonly string[], most: number): Promise<string>
  /** Entries from one place on (`-`: from the first one), or with `isLatest` the last ones, the newest first. */
  entries(stream: string, from: string, count: number, isLatest?: boolean): Promise<readonly Entry[]>
  /** Waits for new entries after the given places, on the connection for that. */
  follow(after: Readonly<Record<string, string>>, blockMs: number): Promise<ReadonlyMap<string, readonly Entry[]>>
  /** Leaves the connection and makes a new one. */
  reconnect(which: 'asked' | 'waiting'): void
  close(): void
}

export interface ClientSettings {
  readonly url: string
  /** Certificates in PEM that are trusted instead of the system's; empty: the system's. */
  readonly authorities: readonly string[]
  readonly limits: SharedLimits
  readonly random: Pick<Random, 'below'>
  /** Why a connection cannot be made, or was lost. */
  readonly failed: (message: string) => void
}

type Library = Pick<typeof import('iovalkey'), 'Redis'>

/** Rejects when it is not installed. */
export const loadLibrary = (): Promise<Library> => import('iovalkey')

export function openClient({ Redis: Connection }: Library, settings: ClientSettings): SharedClient {
  return new IovalkeyClient(
    connect(Connection, settings, 'rootwalk'),
    connect(Connection, settings, 'rootwalk-removals'),
  )
}

function connect(
  Connection: Library['Redis'],
  { url, authorities, limits, random, failed }: ClientSettings,
  connectionName: string,
): Redis {
  const options: RedisOptions = {
    lazyConnect: true,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    connectTimeout: limits.patienceMs,
    connectionName,
    retryStrategy: times => retryMs(times - 1, limits, random),
    ...(authorities.length > 0 ? { tls: { ca: [...authorities] } } : {}),
  }
  const redis = new Connection(url, options)
  redis.on('error', (error: unknown) => failed(errorText(error)))
  redis.on('ready', () => bound(redis, limits.replyBytes))
  return redis
}

/** Octets of replies that are not whole are kept by the parser: of a server that sends without end we know nothing. */
function bound(redis: Redis, most: number): void {
  const { stream } = redis
  let before = stream.bytesRead
  let replies = repliesOf(redis)
  stream.on('data', () => {
    const now = repliesOf(redis)
    if (now !== replies) {
      replies = now
      before = stream.bytesRead
    } else if (stream.bytesRead - before > most) stream.destroy(new Error(`a reply has more than ${most} octets`))
  })
}

/** Changes whenever a reply is whole. */
const repliesOf = (redis: Redis): unknown => {
  const queue: unknown = Reflect.get(redis, 'commandQueue')
  if (typeof queue !== 'object' || queue === null) return null
  const peek: unknown = Reflect.get(queue, 'peekFront')
  return typeof peek === 'function' ? peek.call(queue) : null
}

class IovalkeyClient implements SharedClient {
  readonly #asked: Redis
  readonly #waiting: Redis

  constructor(asked: Redis, waiting: Redis) {
    this.#asked = asked
    this.#waiting = waiting
  }

  get isReady(): boolean {
    return this.#asked.status === 'ready'
  }

  get canFollow(): boolean {
    return this.isReady && this.#waiting.status === 'ready'
  }

  open(): void {
    // What fails is reported, and tried again.
    for (const redis of [this.#asked, this.#waiting]) redis.connect().catch(() => {})
  }

  async read(keys: readonly string[], octets: number): Promise<readonly ReadResult[]> {
    const pipeline = this.#asked.pipeline()
    for (const key of keys) pipeline.getrangeBuffer(key, 0, octets - 1)
    const results = (await pipeline.exec()) ?? []
    return results.map(([error, value]) =>
      error !== null ? error : value instanceof Uint8Array && value.length > 0 ? value : null,
    )
  }

  async write(values: readonly ValueToWrite[]): Promise<readonly (Error | null)[]> {
    const pipeline = this.#asked.pipeline()
    for (const { key, value, leftMs } of values) pipeline.set(key, Buffer.from(value), 'PX', Math.floor(leftMs))
    return ((await pipeline.exec()) ?? []).map(([error]) => error)
  }

  ping(): Promise<unknown> {
    return this.#asked.ping()
  }

  async append(stream: string, at: string | null, fields: readonly string[], most: number): Promise<string> {
    const id: unknown = await this.#asked.call('XADD', stream, 'MAXLEN', String(most), at ?? '*', ...fields)
    return String(id)
  }

  async entries(stream: string, from: string, count: number, isLatest = false): Promise<readonly Entry[]> {
    const range = isLatest ? ['XREVRANGE', stream, '+', from] : ['XRANGE', stream, from, '+']
    const [command = '', ...args] = [...range, 'COUNT', String(count)]
    return entriesOf(await this.#asked.call(command, ...args))
  }

  async follow(
    after: Readonly<Record<string, string>>,
    blockMs: number,
  ): Promise<ReadonlyMap<string, readonly Entry[]>> {
    const streams = Object.keys(after)
    const args = ['COUNT', '200', 'BLOCK', String(blockMs), 'STREAMS', ...streams, ...Object.values(after)]
    const reply: unknown = await this.#waiting.call('XREAD', ...args)
    if (reply === null) return new Map()
    if (!Array.isArray(reply)) throw new Error(NO_ENTRIES)
    return new Map(
      reply.flatMap((one: unknown): [string, readonly Entry[]][] =>
        Array.isArray(one) && typeof one[0] === 'string' ? [[one[0], entriesOf(one[1])]] : [],
      ),
    )
  }

  reconnect(which: 'asked' | 'waiting'): void {
    ;(which === 'asked' ? this.#asked : this.#waiting).disconnect(true)
  }

  close(): void {
    this.#asked.disconnect()
    this.#waiting.disconnect()
  }
}

const NO_ENTRIES = 'its replies have no meaning'

/** What has another form is passed over. */
function entriesOf(reply: unknown): readonly Entry[] {
  if (!Array.isArray(reply)) throw new Error(NO_ENTRIES)
  return reply.flatMap((one: unknown): Entry[] => {
    const [id, pairs]: readonly unknown[] = Array.isArray(one) ? one : []
    const position = typeof id === 'string' ? parsePosition(id) : null
    if (position === null || !Array.isArray(pairs)) return []
    const texts = pairs.map(String)
    const fields = new Map<string, string>()
    for (let at = 0; at + 1 < texts.length; at += 2) fields.set(texts[at] ?? '', texts[at + 1] ?? '')
    return [{ position, fields }]
  })
}
