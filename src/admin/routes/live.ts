/** Streams: queries and events as they come, and one walk as it is made. docs/live.md describes them for users. */
import { upgradeWebSocket } from '@hono/node-server'
import { createRoute, z } from '@hono/zod-openapi'
import { WebSocket } from 'ws'
import { type AdminContext, type App, needs, requires } from '../context.ts'
import { type Filter, readFilter } from '../filter.ts'
import { adminLimits } from '../limits.ts'
import { EVENT_STREAM, eventText, headOfStream, streamResponse, subscriptionResponse } from '../live/event-stream.ts'
import type { Hub } from '../live/hub.ts'
import { LiveSocket } from '../live/socket.ts'
import { problemResponse } from '../problem.ts'
import { fault, OWN_FAULTS } from '../forms/schemas.ts'

const stream = { [EVENT_STREAM]: { schema: z.string() } }

export function liveRoutes(app: App, context: AdminContext, hub: Hub): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/events',
      summary: 'Queries and events as they come, as server-sent events.',
      ...needs('read'),
      request: { query: z.object({ filter: z.string().default('') }) },
      responses: {
        200: { description: 'Events called query, event and gap, without end.', content: stream },
        ...OWN_FAULTS,
        503: fault('Too many streams.'),
      },
    }),
    c => {
      const ready = readyFilter(c.req.valid('query').filter, hub)
      if (ready instanceof Response) return ready
      if (c.req.method === 'HEAD') return headOfStream()
      const after = c.req.header('last-event-id') ?? null
      return subscriptionResponse(hub, ready, after, context.settings().heartbeatMs)
    },
  )
  walkRoute(app, context)
  app.openAPIRegistry.registerPath({
    method: 'get',
    path: '/api/v1/live',
    summary: 'The same over WebSocket (RFC 6455), both ways: docs/live.md has the messages.',
    security: [{ token: ['read'] }],
    request: { query: z.object({ filter: z.string().default(''), after: z.string().optional() }) },
    responses: {
      101: { description: 'It speaks WebSocket from now on.' },
      ...OWN_FAULTS,
      426: fault('This is no upgrade to WebSocket.'),
      503: fault('Too many streams.'),
    },
  })
  app.get('/api/v1/live', requires('read'), async c => {
    const filter = c.req.query('filter') ?? ''
    const ready = readyFilter(filter, hub)
    if (ready instanceof Response) return ready
    if (c.req.header('upgrade')?.toLowerCase() !== 'websocket')
      return problemResponse({
        status: 426,
        detail: 'This path speaks WebSocket (RFC 6455); /api/v1/events has the same as server-sent events.',
        headers: { upgrade: 'websocket', connection: 'Upgrade' },
      })
    const principal = c.get('principal')
    const after = c.req.query('after') ?? null
    let live: LiveSocket | null = null
    return upgradeWebSocket(c, {
      onOpen: (_event, { raw }) => {
        if (raw instanceof WebSocket) live = new LiveSocket(raw, { hub, context, principal, filter, after })
      },
      onMessage: ({ data }) => {
        if (typeof data === 'string') live?.take(data)
      },
      onClose: () => live?.close(),
    })
  })
}

/** Bytes of a query are never repeated in a problem but for what the filter's own errors quote, escaped. */
function readyFilter(text: string, hub: Hub): Filter | Response {
  const read = readFilter(text)
  if (read.kind === 'error')
    return problemResponse({
      status: 400,
      detail: 'The filter cannot be read.',
      errors: [{ pointer: '/filter', detail: `column ${read.column}: ${read.message}` }],
    })
  if (hub.subscribers < adminLimits.streams) return read.filter
  return problemResponse({
    status: 503,
    detail: `${adminLimits.streams} streams are open, and no more are served.`,
    headers: { 'retry-after': '30' },
  })
}

function walkRoute(app: App, context: AdminContext): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/walk',
      summary: 'Resolves a name and shows every step as it is made, as server-sent events.',
      ...needs('operate'),
      request: {
        query: z.object({
          name: z.string(),
          type: z.string().default('A'),
          checkingDisabled: z.enum(['true', 'false']).default('false'),
        }),
      },
      responses: { 200: { description: 'Events called step, and one called end.', content: stream }, ...OWN_FAULTS },
    }),
    c => {
      const { name, type, checkingDisabled } = c.req.valid('query')
      if (c.req.method === 'HEAD') return headOfStream()
      const gone = new AbortController()
      return streamResponse(wake => {
        const texts: string[] = []
        let isOver = false
        const add = (event: string, value: unknown): void => {
          texts.push(eventText(event, JSON.stringify(value)))
          isOver = event === 'end'
          wake()
        }
        const args = { name, type, checkingDisabled: checkingDisabled === 'true' }
        context
          .stream('walk', args, step => add('step', step), gone.signal)
          .then(
            result => add('end', result),
            (error: unknown) => {
              context.bug('walk', error)
              add('end', { kind: 'failed', detail: 'the server is stopping, or has a bug' })
            },
          )
        return {
          take: () => (texts.length === 0 && isOver ? null : texts.splice(0).join('')),
          close: () => gone.abort(),
        }
      }, context.settings().heartbeatMs)
    },
  )
}
