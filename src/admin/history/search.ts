/**
 * Pages and summaries out of the files, newest first. A filter is narrowed to numbers first (which names, clients and
 * forms can pass at all); where these are rare their index is used, else time is walked backwards in pieces, with the
 * clock looked at after each. What is found is held against the whole filter.
 *
 * Invariant: whatever time runs out, the page says from where to go on, and nothing is missing in between.
 */
import { EMPTY_QUERY, type Filter, type Must, readFilter } from '../filter.ts'
import type { QueryRecord } from '../live/records.ts'
import { IDS_PER_MS } from './day-file.ts'
import { historyLimits } from './limits.ts'
import type { HistoryRefusal, PageRequest, QueryPage } from './messages.ts'
import { type Database, numberIn, textIn } from './sqlite.ts'
import { hasTurnedNames, turnedRange } from './turned-names.ts'

interface OpenFile {
  readonly name: string
  /** Throws what SQLite throws. */
  open(): Database
}

export interface SearchParts {
  /** Newest first. */
  readonly files: readonly OpenFile[]
  /** Ms, of any origin. */
  readonly now: () => number
  /** A file could not be read. */
  readonly unreadable: (file: string, error: unknown) => void
}

/** What is read of a request before any file is looked at. */
export function readRequest({
  filter,
  cursor,
  to,
}: Pick<PageRequest, 'filter' | 'cursor' | 'to'>):
  | HistoryRefusal
  | { readonly kind: 'read'; readonly filter: Filter; readonly below: number } {
  const read = readFilter(filter)
  if (read.kind === 'error') return { kind: 'wrong', field: 'filter', detail: `column ${read.column}: ${read.message}` }
  if (cursor !== null && !/^\d{1,16}$/.test(cursor))
    return { kind: 'wrong', field: 'cursor', detail: 'expected what the page before has under "next"' }
  const end = to * IDS_PER_MS
  return { kind: 'read', filter: read.filter, below: cursor === null ? end : Math.min(Number(cursor), end) }
}

export function searchPage(request: PageRequest, parts: SearchParts): QueryPage | HistoryRefusal {
  const read = readRequest(request)
  if (read.kind !== 'read') return read
  const search = new Search(request, read.filter, read.below, parts)
  return search.page()
}

/** Ids of a table that may pass; null: all of them. `count`: rows that have one of them. */
interface Narrowed {
  readonly ids: readonly number[]
  readonly count: number
}

const COLUMNS = { name: 'by_name', client: 'by_client', form: 'by_form' } as const
type Column = keyof typeof COLUMNS

class Search {
  readonly #filter: Filter
  readonly #parts: SearchParts
  readonly #from: number
  readonly #limit: number
  readonly #end: number
  /** Ids below this are to be searched. */
  #below: number
  readonly #found: { readonly id: number; readonly record: QueryRecord }[] = []
  #unreadable = 0

  constructor({ from, limit }: PageRequest, filter: Filter, below: number, parts: SearchParts) {
    this.#filter = filter
    this.#parts = parts
    this.#from = from * IDS_PER_MS
    this.#limit = limit
    this.#below = below
    this.#end = parts.now() + historyLimits.searchMs
  }

  page(): QueryPage {
    const isComplete = !this.#filter.kinds.includes('query') || this.#searchAll()
    const queries = this.#found.slice(0, this.#limit)
    // One more than a page means that there is a next one.
    const next = this.#isFull() ? (queries.at(-1)?.id ?? null) : isComplete ? null : this.#below
    return {
      kind: 'page',
      queries: queries.map(({ record }) => record),
      next: next === null ? null : String(next),
      searchedTo: Math.floor(Math.max(this.#from, next ?? this.#from) / IDS_PER_MS),
      unreadable: this.#unreadable,
    }
  }

  /** False: time ran out, or the page is full. */
  #searchAll(): boolean {
    for (const file of this.#parts.files) {
      if (this.#isFull() || this.#isOver()) return false
      let db: Database | null = null
      try {
        db = file.open()
        if (!this.#searchFile(db)) return false
      } catch (error) {
        this.#unreadable++
        this.#parts.unreadable(file.name, error)
      } finally {
        db?.close()
      }
    }
    return true
  }

  #isFull(): boolean {
    return this.#found.length > this.#limit
  }

  #isOver(): boolean {
    return this.#parts.now() > this.#end
  }

  /** False: not to its end. */
  #searchFile(db: Database): boolean {
    // One look-up each: asked for together, both would be found by going through all rows.
    const range = db
      .prepare('SELECT (SELECT min(id) FROM queries) AS first, (SELECT max(id) FROM queries) AS last')
      .get()
    const first = Math.max(this.#from, numberIn(range, 'first'))
    const last = Math.min(this.#below - 1, numberIn(range, 'last'))
    if (last < first) return true
    const narrowed = narrow(db, this.#filter.musts ?? [])
    if (Object.values(narrowed).some(one => one?.ids.length === 0)) return true
    return this.#walk(new Rows(db, narrowed), first, last)
  }

  #walk(rows: Rows, first: number, last: number): boolean {
    // Rows that an index finds are few, wherever they are.
    let step = rows.isIndexed ? Number.POSITIVE_INFINITY : historyLimits.firstPieceMs * IDS_PER_MS
    let most = this.#limit + 1
    for (let to = last; to >= first; ) {
      if (this.#isOver()) return false
      const began = this.#parts.now()
      const from = Math.max(first, to - step + 1)
      const piece = rows.between(from, to, most)
      for (const row of piece) {
        this.#below = row.id
        if (this.#filter.passes({ kind: 'query', query: row.record })) this.#found.push(row)
        if (this.#isFull()) return false
      }
      if (piece.length < most) this.#below = from
      else most = Math.min(most * 2, historyLimits.rowsAtOnce)
      to = this.#below - 1
      if (this.#parts.now() - began < historyLimits.pieceMs) step *= 2
      else step = Math.max(IDS_PER_MS, Math.floor(step / 2))
    }
    return true
  }
}

/** By what holds for all that pass. */
function narrow(db: Database, musts: readonly Must[]): Readonly<Record<Column, Narrowed | null>> {
  const names = musts.filter(({ field, operator }) => field === 'name' && SQL_OF[operator] !== undefined)
  const clients = musts.filter(({ field }) => field === 'client')
  const forms = musts.filter(({ field }) => FORM_FIELDS.includes(field))
  return {
    name: names.length === 0 ? null : narrowNames(db, names),
    client: clients.length === 0 ? null : narrowBy(db, 'clients', clients, text => ({ ...EMPTY_QUERY, client: text })),
    form: forms.length === 0 ? null : narrowBy(db, 'forms', forms, ofForm),
  }
}

const FORM_FIELDS = ['transport', 'type', 'class', 'rcode', 'source']

function ofForm(text: string): QueryRecord {
  const [transport = '', type = '', klass = '', rcode = '', by = ''] = text.split('\t')
  return { ...EMPTY_QUERY, transport, type, class: klass, rcode, by }
}

/** Tables that are small are gone through. */
function narrowBy(
  db: Database,
  table: 'clients' | 'forms',
  musts: readonly Must[],
  recordOf: (text: string) => QueryRecord,
): Narrowed {
  const ids: number[] = []
  let count = 0
  for (const row of db.prepare(`SELECT id, text, count FROM ${table}`).all()) {
    const query = recordOf(textIn(row, 'text'))
    if (!musts.every(({ passes }) => passes({ kind: 'query', query }))) continue
    ids.push(numberIn(row, 'id'))
    count += numberIn(row, 'count')
  }
  return { ids, count }
}

const escaped = (text: string): string => text.replaceAll(/[\\%_]/g, '\\$&')
/** With the dot at the end, as names are stored. */
const whole = (text: string): string => (text.endsWith('.') ? text : `${text}.`).toLowerCase()

/** Such names can be written in more than one way; @ is the root. */
const isPlain = (name: string): boolean => !/[\\@]/.test(name) && name !== '.'

/** What a row of `names` must be, and with which values: never less than the filter lets pass. */
interface Condition {
  readonly sql: string
  readonly values: readonly string[]
}
const ALL: Condition = { sql: 'TRUE', values: [] }
const like = (pattern: string): Condition => ({ sql: "text LIKE ? ESCAPE '\\'", values: [pattern] })
const same = (value: string): Condition => (isPlain(value) ? { sql: 'text = ?', values: [whole(value)] } : ALL)

function under(value: string, hasTurned: boolean): Condition {
  if (!isPlain(value)) return ALL
  if (hasTurned) return { sql: '(turned >= ? AND turned < ?)', values: turnedRange(whole(value)) }
  const name = whole(value)
  return { sql: "(text = ? OR text LIKE ? ESCAPE '\\')", values: [name, `%.${escaped(name)}`] }
}

const SQL_OF: Readonly<Record<string, (value: string, hasTurned: boolean) => Condition>> = {
  '=': same,
  in: same,
  under,
  '~': value =>
    like(
      escaped(/[.*]$/.test(value) ? value.toLowerCase() : `${value.toLowerCase()}.`)
        .replaceAll('*', '%')
        .replaceAll('?', '_'),
    ),
}

/** Null: too many to be of use. */
function narrowNames(db: Database, musts: readonly Must[]): Narrowed | null {
  const hasTurned = hasTurnedNames(db)
  const conditions = musts.map(({ operator, values }) =>
    values.map(value => SQL_OF[operator]?.(value, hasTurned) ?? ALL),
  )
  const where = conditions.map(some => `(${some.map(({ sql }) => sql).join(' OR ')})`).join(' AND ')
  const values = conditions.flat().flatMap(one => one.values)
  const some = `FROM names WHERE ${where} LIMIT ${historyLimits.narrowNames + 1}`
  // The index alone says whether a zone has too many names: to read them all first takes ten times as long.
  if (hasTurned && musts.every(({ operator }) => operator === 'under')) {
    const size = numberIn(db.prepare(`SELECT count(*) AS size FROM (SELECT 1 ${some})`).get(...values), 'size')
    if (size > historyLimits.narrowNames) return null
  }
  const rows = db.prepare(`SELECT id, count ${some}`).all(...values)
  if (rows.length > historyLimits.narrowNames) return null
  return {
    ids: rows.map(row => numberIn(row, 'id')),
    count: rows.reduce((sum, row) => sum + numberIn(row, 'count'), 0),
  }
}

/** The rows of a file that may pass. */
class Rows {
  readonly #db: Database
  readonly #sql: string
  readonly #values: readonly string[]
  readonly isIndexed: boolean

  constructor(db: Database, narrowed: Readonly<Record<Column, Narrowed | null>>) {
    this.#db = db
    const columns = (['name', 'client', 'form'] as const).flatMap(column => {
      const one = narrowed[column]
      return one === null ? [] : [{ column, ...one }]
    })
    const rarest = columns.toSorted((a, b) => a.count - b.count)[0]
    const index = rarest !== undefined && rarest.count <= historyLimits.indexedRows ? rarest.column : null
    this.isIndexed = index !== null
    const conditions = columns.map(
      ({ column }) => `${column === index ? '' : '+'}q.${column} IN (SELECT value FROM json_each(?))`,
    )
    this.#values = columns.map(({ ids }) => JSON.stringify(ids))
    this.#sql =
      'SELECT q.id, q.octets, q.us, n.text AS name, c.text AS client, f.text AS form, d.text AS decisions ' +
      `FROM queries q ${index === null ? 'NOT INDEXED' : `INDEXED BY ${COLUMNS[index]}`} ` +
      'JOIN names n ON n.id = q.name JOIN clients c ON c.id = q.client JOIN forms f ON f.id = q.form ' +
      'LEFT JOIN decisions d ON d.id = q.decisions ' +
      `WHERE q.id BETWEEN ? AND ? ${conditions.map(one => `AND ${one}`).join(' ')} ORDER BY q.id DESC LIMIT ?`
  }

  /** Newest first. */
  between(from: number, to: number, most: number): readonly { readonly id: number; readonly record: QueryRecord }[] {
    // In the order of the text: the range stands in front of the lists.
    const rows = this.#db.prepare(this.#sql).all(from, to, ...this.#values, most)
    return rows.map(row => {
      const id = numberIn(row, 'id')
      return { id, record: recordOf(row, id) }
    })
  }
}

function recordOf(row: Readonly<Record<string, unknown>>, id: number): QueryRecord {
  const { transport, type, class: klass, rcode, by } = ofForm(textIn(row, 'form'))
  return {
    at: Math.floor(id / IDS_PER_MS),
    client: textIn(row, 'client'),
    transport,
    name: textIn(row, 'name'),
    type,
    class: klass,
    rcode,
    octets: numberIn(row, 'octets'),
    ms: numberIn(row, 'us') / 1_000,
    by,
    ...(typeof row.decisions === 'string' ? { decisions: readDecisions(row.decisions) } : {}),
  }
}

function readDecisions(text: string): NonNullable<QueryRecord['decisions']> {
  const decisions: NonNullable<QueryRecord['decisions']> = JSON.parse(text)
  return decisions
}
