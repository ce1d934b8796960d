/**
 * The program of the API's thread: started by `app/admin/host.ts`, never imported. What it needs of the server it asks
 * for by messages, so that nothing that is done here holds a DNS answer up.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { makeApp } from './app.ts'
import type { AdminContext } from './context.ts'
import { Hub } from './live/hub.ts'
import { readRows } from './live/rows.ts'
import { type OpenApi, openApi } from './listen.ts'
import { type FromAdmin, isReturn, isSettings, type ToAdmin } from './messages.ts'
import { Caller } from './remote.ts'
import { TokenStore } from './tokens.ts'

const port = parentPort
if (port === null || !isSettings(workerData)) throw new Error('this is no thread of the API')
const post = (message: FromAdmin): void => port.postMessage(message)

const current = { settings: workerData }
const caller = new Caller(post)
const hub = new Hub({
  watch: queries => post({ kind: 'watch', queries }),
  after: (ms, call) => {
    const timer = setTimeout(call, ms)
    return () => clearTimeout(timer)
  },
  epoch: Date.now().toString(36),
})
const wall = (): number => Math.floor(Date.now() / 1_000)
const tokens = new TokenStore({
  configured: () => current.settings.tokens,
  state: current.settings.state,
  wall,
  report: message => post({ kind: 'state-failed', message }),
})
const context: AdminContext = {
  remote: caller.remote,
  stream: (...args) => caller.stream(...args),
  settings: () => current.settings,
  wall,
  tokens,
  audit: (who, what, { from, requestId }) => post({ kind: 'audit', who, what, from, requestId }),
  bug: (where, error) =>
    post({ kind: 'bug', where, text: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
}
const app = makeApp(context, hub)
const open: OpenApi[] = []

port.on('message', (message: ToAdmin) => {
  if (isReturn(message)) {
    caller.take(message)
    return
  }
  switch (message.kind) {
    case 'settings':
      current.settings = message.settings
      for (const api of open) api.renew(message.settings.tls)
      return
    case 'queries':
      hub.queries(readRows(message.rows), message.dropped)
      post({ kind: 'queries-read' })
      return
    case 'event':
      hub.event(message.event)
      return
    case 'stop':
      void stop()
      return
    default:
      message satisfies never
  }
})

for (const binding of current.settings.listen) {
  const opened = await openApi(binding, app, current.settings.tls)
  if (opened.kind === 'failed') {
    const { text, code, message } = opened
    post({ kind: 'listen-failed', text, code, message })
  } else {
    open.push(opened.api)
    post({ kind: 'listening', text: opened.api.text })
  }
}

async function stop(): Promise<void> {
  caller.gone()
  await Promise.all(open.map(api => api.close()))
  post({ kind: 'stopped' })
  port?.close()
}
