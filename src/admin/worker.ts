/**
 * The program of the API's thread: started by `app/admin/host.ts`, never imported. What it needs of the server it asks
 * for by messages, so that nothing that is done here holds a DNS answer up.
 */
import { randomBytes } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import { makeApp } from './app.ts'
import type { AdminContext } from './context.ts'
import { adminLimits } from './limits.ts'
import { Hub } from './live/hub.ts'
import { readRows } from './live/rows.ts'
import { type OpenApi, openApi } from './listen.ts'
import { type FromAdmin, isReturn, isSettings, type ToAdmin } from './messages.ts'
import { Recorder } from './now/recorder.ts'
import { TopLists } from './now/top-lists.ts'
import { Pages } from './routes/page-files.ts'
import { Caller, RemoteError } from './remote.ts'
import { TokenStore } from './tokens.ts'
import { Once } from './requests/once.ts'
import { bugText } from '../events.ts'
import { Visits } from './visits/visits.ts'

const port = parentPort
if (port === null || !isSettings(workerData)) throw new Error('this is no thread of the API')
const post = (message: FromAdmin): void => port.postMessage(message)

const current = { settings: workerData }
const caller = new Caller(post)
const after = (ms: number, call: () => void): (() => void) => {
  const timer = setTimeout(call, ms)
  return () => clearTimeout(timer)
}
const hub = new Hub({
  watch: queries => post({ kind: 'watch', queries }),
  after,
  epoch: Date.now().toString(36),
})
const wall = (): number => Math.floor(Date.now() / 1_000)
const tokens = new TokenStore({
  configured: () => current.settings.tokens,
  state: current.settings.state,
  wall,
  report: message => post({ kind: 'state-failed', message }),
})
const recorder = new Recorder()
const tops = new TopLists({
  now: () => Date.now(),
  // A subscriber that takes nothing.
  hold: () => {
    const held = hub.subscribe({ passes: () => false, kinds: ['query'] }, null, () => {})
    return () => held.close()
  },
  after,
})
const bug = (where: string, error: unknown): void => post({ kind: 'bug', where, text: bugText(error) })
const visits = new Visits({ now: () => Date.now(), newId: () => randomBytes(9).toString('base64url'), after, bug })
const context: AdminContext = {
  remote: caller.remote,
  stream: (...args) => caller.stream(...args),
  visits,
  recorder,
  tops,
  pages: new Pages(new URL('../ui/', import.meta.url)),
  settings: () => current.settings,
  wall,
  once: new Once(wall).guard,
  tokens,
  audit: (who, what, { from, requestId }) => post({ kind: 'audit', who, what, from, requestId }),
  bug,
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
    case 'queries': {
      const records = readRows(message.rows)
      hub.queries(records, message.dropped)
      tops.queries(records)
      post({ kind: 'queries-read' })
      return
    }
    case 'event':
      hub.event(message.event)
      recorder.event(message.event)
      return
    case 'stop':
      void stop()
      return
    default:
      message satisfies never
  }
})

await sample()
const sampling = setInterval(() => void sample(), adminLimits.sampleMs)

for (const binding of current.settings.listen) {
  const opened = await openApi(binding, app, current.settings)
  if (opened.kind === 'failed') {
    const { text, code, message } = opened
    post({ kind: 'listen-failed', text, code, message })
  } else {
    open.push(opened.api)
    post({ kind: 'listening', text: opened.api.text })
  }
}

async function sample(): Promise<void> {
  try {
    recorder.add(await caller.remote.numbers(), Date.now())
  } catch (error) {
    // At the end of the server nothing answers any more.
    if (!(error instanceof RemoteError)) throw error
  }
}

async function stop(): Promise<void> {
  clearInterval(sampling)
  visits.close()
  caller.gone()
  await Promise.all(open.map(api => api.close()))
  post({ kind: 'stopped' })
  port?.close()
}
