/**
 * The files of the dashboard, as the build left them: read when the first is asked for, and kept. A file whose name
 * holds its hash never changes; the page that names them is looked for each time.
 */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'

interface Page {
  readonly type: string
  readonly etag: string
  readonly isHashed: boolean
  readonly plain: Uint8Array<ArrayBuffer>
  /** Brotli (RFC 7932); null where it saves nothing. */
  readonly brotli: Uint8Array<ArrayBuffer> | null
}

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
}

export class Pages {
  readonly #directory: URL
  #pages: ReadonlyMap<string, Page> | null = null

  constructor(directory: URL) {
    this.#directory = directory
  }

  /** `path` without a slash in front; the empty one is the page itself. */
  find(path: string): Page | undefined {
    this.#pages ??= this.#read()
    return this.#pages.get(path === '' ? 'index.html' : path)
  }

  #read(): ReadonlyMap<string, Page> {
    if (!existsSync(this.#directory)) return new Map()
    const read = (file: string): Uint8Array<ArrayBuffer> => new Uint8Array(readFileSync(new URL(file, this.#directory)))
    const files = readdirSync(this.#directory, { recursive: true, encoding: 'utf8' }).map(file =>
      file.replaceAll('\\', '/'),
    )
    return new Map(
      files.flatMap(file => {
        const type = TYPES[/\.(?<end>\w+)$/.exec(file)?.groups?.end ?? '']
        if (type === undefined) return []
        const plain = read(file)
        const etag = `"${createHash('sha256').update(plain).digest('base64url').slice(0, ETAG_CHARACTERS)}"`
        const brotli = files.includes(`${file}.br`) ? read(`${file}.br`) : null
        return [[file, { type, etag, isHashed: file.startsWith('assets/'), plain, brotli }] as const]
      }),
    )
  }
}

/** Enough to tell builds apart. */
const ETAG_CHARACTERS = 16
