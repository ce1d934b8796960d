/** The program of the thread of dnstap: started by `host.ts`, never imported. */
import { parentPort, workerData } from 'node:worker_threads'
import { FileOutput } from './file-output.ts'
import { framesOf } from './message.ts'
import { type FromDnstap, isDnstapSettings, type ToDnstap } from './messages.ts'
import { type OutputParts, SocketOutput } from './socket-output.ts'

const port = parentPort
if (port === null || !isDnstapSettings(workerData)) throw new Error('this is no thread of dnstap')
const post = (message: FromDnstap): void => port.postMessage(message)
const { target, identity, version } = workerData
const parts: OutputParts = {
  connected: () => post({ kind: 'connected' }),
  failed: message => post({ kind: 'failed', message }),
}
const output = target.kind === 'file' ? new FileOutput(target.path, parts) : new SocketOutput(target, parts)
const text = new TextEncoder()
const ours = { identity: text.encode(identity), version: text.encode(version) }

port.on('message', (message: ToDnstap) => {
  switch (message.kind) {
    case 'chunk': {
      const frames = framesOf(message.chunk, ours.identity, ours.version)
      const isSent = output.write(frames)
      post({ kind: 'read', sent: isSent ? frames.length : 0, dropped: isSent ? 0 : frames.length })
      return
    }
    case 'reopen':
      output.reopen()
      return
    case 'stop':
      void output.stop().then(() => {
        post({ kind: 'stopped' })
        port.close()
      })
      return
    default:
      message satisfies never
  }
})
