/**
 * One client over WebSocket: queries and events by a filter that it may change, pause and resume, and walks as they are
 * made. One message is under way at a time, so that a client that does not read costs nothing more.
 */
import { clearInterval, setInterval } from 'node:timers'
import { z } from '@hono/zod-openapi'
import type { WebSocket } from 'ws'
import { mayDo, type Principal } from '../access.ts'
import type { AdminContext } from '../context.ts'
import { readFilter } from '../filter.ts'
import { adminLimits } from '../limits.ts'
import type { Delivery, Hub, Subscription } from './hub.ts'

/** What a client says. */
const request = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('filter'), filter: z.string() }),
  z.object({ kind: z.literal('pause') }),
  z.object({ kind: z.literal('resume') }),
  z.object({
    kind: z.literal('walk'),
    id: z.string().max(64),
    name: z.string(),
    type: z.string().default('A'),
    checkingDisabled: z.boolean().default(false),
  }),
  z.object({ kind: z.literal('cancel'), id: z.string().max(64) }),
])
type Request = z.infer<typeof request>

export interface SocketParts {
  readonly hub: Hub
  readonly context: Pick<AdminContext, 'stream' | 'settings' | 'bug'>
  readonly principal: Principal
  /** Text of a filter that was read without error. */
  readonly filter: string
  /** The id of the last record that the client has; null: from now on. */
  readonly after: string | null
}

const itemText = (delivery: Exclude<Delivery, { kind: 'gap' }>): string =>
  `{"id":"${delivery.id}","kind":"${delivery.kind}","record":${delivery.json}}`

/** Records that follow each other are one message. */
function* messagesOf(deliveries: readonly Delivery[]): Generator<string> {
  let items: string[] = []
  for (const delivery of deliveries) {
    if (delivery.kind === 'gap') {
      if (items.length > 0) yield `{"kind":"records","items":[${items.join(',')}]}`
      items = []
      yield JSON.stringify({ kind: 'gap', dropped: delivery.dropped })
    } else items.push(itemText(delivery))
  }
  if (items.length > 0) yield `{"kind":"records","items":[${items.join(',')}]}`
}

export class LiveSocket {
  readonly #parts: SocketParts
  readonly #socket: WebSocket
  readonly #subscription: Subscription
  readonly #walks = new Map<string, AbortController>()
  readonly #heart: NodeJS.Timeout
  #isAlive = true
  #isPaused = false
  #isSending = false

  constructor(socket: WebSocket, parts: SocketParts) {
    const { hub, filter, after, context } = parts
    const { heartbeatMs } = context.settings()
    this.#parts = parts
    this.#socket = socket
    const read = readFilter(filter)
    if (read.kind === 'error') throw new Error('a filter that was not looked at')
    this.#send({ kind: 'hello', heartbeatMs, filter })
    this.#subscription = hub.subscribe(read.filter, after, () => this.#pump())
    this.#heart = setInterval(() => this.#beat(), heartbeatMs)
    socket.on('pong', () => {
      this.#isAlive = true
    })
    this.#pump()
  }

  /** A message of the client. */
  take(text: string): void {
    const read = request.safeParse(parsed(text))
    if (read.success) this.#do(read.data)
    else this.#send({ kind: 'error', message: `not understood: ${z.prettifyError(read.error).replaceAll('\n', ' ')}` })
  }

  close(): void {
    clearInterval(this.#heart)
    this.#subscription.close()
    for (const walk of this.#walks.values()) walk.abort()
  }

  #do(asked: Request): void {
    switch (asked.kind) {
      case 'filter': {
        const read = readFilter(asked.filter)
        if (read.kind === 'error') {
          this.#send({ kind: 'error', message: read.message, column: read.column })
          return
        }
        this.#subscription.filter = read.filter
        this.#send({ kind: 'filter', filter: asked.filter })
        return
      }
      case 'pause':
        this.#isPaused = true
        this.#send({ kind: 'paused' })
        return
      case 'resume':
        this.#isPaused = false
        this.#send({ kind: 'resumed' })
        this.#pump()
        return
      case 'walk':
        this.#walk(asked)
        return
      case 'cancel':
        this.#walks.get(asked.id)?.abort()
        return
      default:
        asked satisfies never
    }
  }

  #walk({ id, name, type, checkingDisabled }: Extract<Request, { kind: 'walk' }>): void {
    const { principal, context } = this.#parts
    const refusal = !mayDo(principal.scope, 'operate')
      ? `a token with scope operate is needed, this one has ${principal.scope}`
      : this.#walks.has(id)
        ? 'a walk with this id is under way'
        : this.#walks.size >= adminLimits.walksAtOnce
          ? `${adminLimits.walksAtOnce} walks are under way`
          : null
    if (refusal !== null) {
      this.#send({ kind: 'end', id, result: { kind: 'refused', detail: refusal } })
      return
    }
    const walk = new AbortController()
    this.#walks.set(id, walk)
    context
      .stream('walk', { name, type, checkingDisabled }, step => this.#send({ kind: 'step', id, step }), walk.signal)
      .then(
        result => this.#send({ kind: 'end', id, result }),
        (error: unknown) => {
          context.bug('walk', error)
          this.#send({ kind: 'end', id, result: { kind: 'failed', detail: 'the server is stopping, or has a bug' } })
        },
      )
      .finally(() => this.#walks.delete(id))
  }

  /** Sends what there is, and comes back when it has gone out. */
  #pump(): void {
    if (this.#isSending || this.#isPaused) return
    const messages = [...messagesOf(this.#subscription.take())]
    const last = messages.pop()
    if (last === undefined) return
    this.#isSending = true
    for (const message of messages) this.#socket.send(message)
    this.#socket.send(last, error => {
      this.#isSending = false
      if (error === undefined || error === null) this.#pump()
    })
  }

  #send(message: object): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(JSON.stringify(message))
  }

  /** A peer that missed one pong is gone. */
  #beat(): void {
    if (!this.#isAlive) {
      this.#socket.terminate()
      return
    }
    this.#isAlive = false
    this.#socket.ping()
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
