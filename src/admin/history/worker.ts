/**
 * The program of the threads of the query history: started by `app/history/host.ts`, never imported. One writes; with
 * SQLite another one reads, so that a search holds up nothing that is to be kept.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { readRows } from '../live/rows.ts'
import type { QueryRecord } from '../live/records.ts'
import { historyFiles } from './files.ts'
import { historyLimits } from './limits.ts'
import { MemoryHistory } from './memory.ts'
import { type FromHistory, type HistoryReply, type HistoryRequest, isHistoryStart, type ToHistory } from './messages.ts'
import { type SearchParts, searchPage } from './search.ts'
import { isDamage, loadSqlite } from './sqlite.ts'
import { summariseFiles } from './summary.ts'
import { HistoryWriter } from './writer.ts'
import { errorText } from '../../events.ts'

const port = parentPort
if (port === null || !isHistoryStart(workerData)) throw new Error('this is no thread of the query history')
const post = (message: FromHistory): void => port.postMessage(message)
const { role } = workerData
const current = { settings: workerData.settings }
const sqlite = loadSqlite()
const memory = sqlite === null ? new MemoryHistory() : null
const writer =
  sqlite === null || role === 'reader'
    ? null
    : new HistoryWriter({
        settings: current.settings,
        open: path => new sqlite.DatabaseSync(path),
        post,
        now: () => Date.now(),
      })
const waiting: { records: QueryRecord[]; batches: number; timer: NodeJS.Timeout | null } = {
  records: [],
  batches: 0,
  timer: null,
}

function commit(): void {
  if (waiting.timer !== null) clearTimeout(waiting.timer)
  const { records, batches } = waiting
  Object.assign(waiting, { records: [], batches: 0, timer: null })
  if (batches === 0) return
  memory?.add(records)
  const { lost, unnamed } = writer?.add(records) ?? { lost: 0, unnamed: 0 }
  post({ kind: 'taken', batches, kept: records.length - lost, lost, unnamed })
}

function searchParts(): SearchParts {
  return {
    files: [...historyFiles(current.settings.directory)].reverse().map(({ path }) => ({
      name: path,
      open() {
        if (sqlite === null) throw new Error('there is no SQLite')
        return new sqlite.DatabaseSync(path, { readOnly: true })
      },
    })),
    now: () => performance.now(),
    unreadable: (file, error) => {
      if (isDamage(error)) post({ kind: 'damaged', file, message: errorText(error) })
    },
  }
}

function answer(request: HistoryRequest): HistoryReply {
  try {
    if (request.kind === 'page') return memory?.page(request) ?? searchPage(request, searchParts())
    return memory?.summary(request) ?? summariseFiles(request, searchParts())
  } catch (error) {
    return { kind: 'failed', detail: errorText(error) }
  }
}

port.on('message', (message: ToHistory) => {
  switch (message.kind) {
    case 'rows':
      waiting.records.push(...readRows(message.rows))
      waiting.batches++
      if (waiting.records.length >= historyLimits.commitRecords) commit()
      else waiting.timer ??= setTimeout(commit, historyLimits.commitMs)
      return
    case 'settings':
      current.settings = message.settings
      writer?.configure(message.settings)
      return
    case 'request':
      if (memory !== null) commit()
      post({ kind: 'reply', id: message.id, reply: answer(message.request) })
      return
    case 'damaged':
      writer?.damaged(message.file)
      return
    case 'stop':
      commit()
      writer?.close()
      post({ kind: 'stopped' })
      port.close()
      return
    default:
      message satisfies never
  }
})
post({ kind: 'open', where: memory === null ? 'disk' : 'memory' })
