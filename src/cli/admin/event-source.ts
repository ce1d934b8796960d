/**
 * Follows the event stream of a running server, and comes back after it was cut off: with the id of the last event, so
 * that nothing is missed that the server still has. What the server refuses ends it, and so does a first attempt that
 * fails.
 */
import { request as requestHttp, type IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'
import { errorText } from '../../events.ts'
import { Exit } from '../startup-problems.ts'
import { AdminFault, type AdminPlace } from './client.ts'
import { fieldsOf } from './fields.ts'

export interface StreamEvent {
  readonly event: string
  readonly data: Readonly<Record<string, unknown>>
}

export interface FollowOptions {
  readonly place: AdminPlace
  readonly path: string
  readonly onEvent: (event: StreamEvent) => void
  /** The connection was lost, and is tried again. */
  readonly onLost: (why: string) => void
  readonly signal: AbortSignal
  /** In [0, 1). */
  readonly random: () => number
}

const FIRST_WAIT_MS = 250
const LONGEST_WAIT_MS = 10_000

/** Half of it at least, so that clients of a server that was restarted do not all come at once. */
export const waitMs = (attempt: number, random: () => number): number =>
  Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** attempt) * (0.5 + random() / 2)

/** Ends when `signal` does; rejects with `AdminFault`. */
export async function followEvents(options: FollowOptions): Promise<void> {
  const { signal, onLost, random } = options
  const state = { lastId: '', wasOpen: false, attempt: 0 }
  while (!signal.aborted) {
    const why = await once(options, state)
    if (signal.aborted) return
    if (!state.wasOpen) throw new AdminFault(why, Exit.Unavailable)
    onLost(why)
    await new Promise(resolve => setTimeout(resolve, waitMs(state.attempt++, random)))
  }
}

interface State {
  lastId: string
  wasOpen: boolean
  attempt: number
}

/** One connection; why it ended. */
function once({ place, path, onEvent, signal }: FollowOptions, state: State): Promise<string> {
  const { connect, tls, prefix, token, text } = place
  return new Promise((done, failed) => {
    const outgoing = (tls ? requestHttps : requestHttp)(
      {
        ...connect,
        path: prefix + path,
        agent: false,
        signal,
        headers: {
          accept: 'text/event-stream',
          ...(token === null ? {} : { authorization: `Bearer ${token}` }),
          ...(state.lastId === '' ? {} : { 'last-event-id': state.lastId }),
        },
      },
      incoming => {
        incoming.setEncoding('utf8')
        if (incoming.statusCode !== 200) {
          refusal(incoming).then(failed, failed)
          return
        }
        state.wasOpen = true
        state.attempt = 0
        readEvents(incoming, state, onEvent)
        incoming.on('error', () => {})
        incoming.on('close', () => done(`${text} ended the stream`))
      },
    )
    outgoing.on('error', error => done(`${text}: ${errorText(error)}`))
    outgoing.end()
  })
}

function readEvents(incoming: IncomingMessage, state: State, onEvent: FollowOptions['onEvent']): void {
  let rest = ''
  incoming.on('data', (chunk: string) => {
    const blocks = (rest + chunk).split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const fields = new Map(
        block.split('\n').map(line => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)] as const),
      )
      const event = fields.get('event')
      if (event === undefined) continue
      state.lastId = fields.get('id') ?? state.lastId
      onEvent({ event, data: fieldsOf(JSON.parse(fields.get('data') ?? '{}')) })
    }
  })
}

async function refusal(incoming: IncomingMessage): Promise<AdminFault> {
  let body = ''
  for await (const chunk of incoming) body += String(chunk)
  const { detail, errors } = fieldsOf(body.startsWith('{') ? JSON.parse(body) : {})
  const places = Array.isArray(errors) ? errors.map(one => `\n  ${String(fieldsOf(one).detail)}`) : []
  const said = typeof detail === 'string' ? detail : `the server said ${incoming.statusCode}`
  const code = incoming.statusCode === 401 || incoming.statusCode === 403 ? Exit.NoPermission : Exit.BadData
  return new AdminFault(`${said}${places.join('')}`, code)
}
