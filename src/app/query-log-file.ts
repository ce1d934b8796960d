/** The query log in its file: which file is open, and what of it a configuration changes. */
import type { Config } from '../config/types.ts'
import type { EventSink } from '../ports.ts'
import { formatQuery, type QueryLog } from '../server/query-log.ts'
import { openLineWriter, type LineWriter } from '../system/line-writer.ts'

export class QueryLogFile {
  readonly #bufferBytes: number
  readonly #events: EventSink
  #open: { readonly file: string; readonly writer: LineWriter } | null = null

  /** `bufferBytes`: of lines that the disk has not taken yet. */
  constructor(bufferBytes: number, events: EventSink) {
    this.#bufferBytes = bufferBytes
    this.#events = events
  }

  /** Lines that were lost, of the file that is open. */
  get dropped(): number {
    return this.#open?.writer.dropped ?? 0
  }

  /**
   * The file of the configuration; the one that is open is opened again, for those who rotate it. Where queries go, or
   * null for nowhere.
   */
  configure({ queryLog: settings, views }: Pick<Config, 'queryLog' | 'views'>): QueryLog | null {
    const writer = this.#writerFor(settings?.file ?? null)
    // Now, so that a file that cannot be opened is reported at the start and not at the first query.
    writer?.reopen()
    if (writer === null || settings === null) return null
    return entry => writer.write(formatQuery(entry, settings.clients, views[entry.view - 1]?.name ?? null))
  }

  async close(): Promise<void> {
    await this.#open?.writer.close()
  }

  #writerFor(file: string | null): LineWriter | null {
    if (this.#open !== null && this.#open.file === file) return this.#open.writer
    void this.#open?.writer.close()
    this.#open = file === null ? null : { file, writer: this.#make(file) }
    return this.#open?.writer ?? null
  }

  #make(path: string): LineWriter {
    return openLineWriter({
      path,
      bufferBytes: this.#bufferBytes,
      onError: message => this.#events({ kind: 'query-log-failed', message }),
      onRecovery: lost => this.#events({ kind: 'query-log-works', file: path, lost }),
    })
  }
}
