/**
 * Server-sent events (the EventSource of the HTML standard, section 9.2): what a subscription gives, as text, for as
 * long as the client reads. A client that does not read is not written to; what it misses is reported.
 */
import { setInterval, clearInterval } from 'node:timers'
import type { Filter } from '../filter.ts'
import { adminLimits } from '../limits.ts'
import type { Delivery, Hub } from './hub.ts'

export const EVENT_STREAM = 'text/event-stream'

/** A comment, which clients skip. */
const HEARTBEAT = ': alive\n\n'

export const eventText = (event: string, json: string, id?: string): string =>
  `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${json}\n\n`

const deliveryText = (delivery: Delivery): string =>
  delivery.kind === 'gap'
    ? eventText('gap', JSON.stringify({ dropped: delivery.dropped }))
    : eventText(delivery.kind, delivery.json, delivery.id)

/** What gives text when there is some, and a promise until then. */
export interface TextSource {
  /** Empty: nothing now. Null: that was all. */
  take(): string | null
  close(): void
}

/** `open` gets what is to be called when there may be something to take. */
export function streamResponse(open: (wake: () => void) => TextSource, heartbeatMs: number): Response {
  const encoder = new TextEncoder()
  let wake: (() => void) | null = null
  const source = open(() => wake?.())
  let isOver = false
  const close = (): void => {
    isOver = true
    clearInterval(heart)
    source.close()
    wake?.()
  }
  let heart: NodeJS.Timeout | undefined
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(encoder.encode(`retry: ${adminLimits.retryMs}\n\n`))
      heart = setInterval(() => {
        // Whoever does not read gets no heartbeats on top.
        if ((controller.desiredSize ?? 0) > 0) controller.enqueue(encoder.encode(HEARTBEAT))
      }, heartbeatMs)
    },
    async pull(controller) {
      while (!isOver) {
        const text = source.take()
        if (text === null) {
          close()
          controller.close()
          return
        }
        if (text !== '') {
          controller.enqueue(encoder.encode(text))
          return
        }
        await new Promise<void>(resolve => {
          wake = resolve
        })
      }
    },
    cancel: close,
  })
  return new Response(body, { headers: HEADERS })
}

const HEADERS = { 'content-type': EVENT_STREAM, 'cache-control': 'no-store' }

/** What HEAD gets: a stream that no one reads would be open for ever. */
export const headOfStream = (): Response => new Response(null, { headers: HEADERS })

/** Queries and events, without end. */
export const subscriptionResponse = (hub: Hub, filter: Filter, after: string | null, heartbeatMs: number): Response =>
  streamResponse(wake => {
    const subscription = hub.subscribe(filter, after, wake)
    return {
      take: () => subscription.take().map(deliveryText).join(''),
      close: () => subscription.close(),
    }
  }, heartbeatMs)
