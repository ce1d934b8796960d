/**
 * One file of the history as it is written. A query is a row of numbers; names, clients and what the rest is made of
 * are in tables of their own, with how often each occurs, so that a search knows what is rare. Counts by minute and by
 * hour are in the same transaction as the queries that they count: after a crash they agree.
 */
import { sourceOf } from '../../server/request-cells.ts'
import type { QueryRecord } from '../live/records.ts'
import { historyLimits } from './limits.ts'
import { type Database, numberIn, type Statement, textIn } from './sqlite.ts'
import { hasTurnedNames, turnedName } from './turned-names.ts'

/** Of what a file has no room for. */
const OTHER = '<other>'
/** Ids are times: ms since 1970, and a thousand in each. */
export const IDS_PER_MS = 1_000
const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
/** How far a clock may go back before rows are put where it says, in ms. */
const BACK_MS = 10_000

const SCHEMA = `
PRAGMA page_size = 4096;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA journal_size_limit = ${historyLimits.journalBytes};
PRAGMA busy_timeout = ${historyLimits.busyMs};
CREATE TABLE IF NOT EXISTS names (
  id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, count INTEGER NOT NULL, turned TEXT
);
CREATE TABLE IF NOT EXISTS clients (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, count INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS forms (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, count INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS decisions (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE, count INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS queries (
  id INTEGER PRIMARY KEY, name INTEGER NOT NULL, client INTEGER NOT NULL, form INTEGER NOT NULL,
  octets INTEGER NOT NULL, us INTEGER NOT NULL, decisions INTEGER
);
CREATE INDEX IF NOT EXISTS by_name ON queries (name);
CREATE INDEX IF NOT EXISTS by_client ON queries (client);
CREATE INDEX IF NOT EXISTS by_form ON queries (form);
CREATE TABLE IF NOT EXISTS minutes (
  minute INTEGER, rcode TEXT, source TEXT, count INTEGER NOT NULL, us INTEGER NOT NULL,
  PRIMARY KEY (minute, rcode, source)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS name_hours (
  hour INTEGER, name INTEGER, count INTEGER NOT NULL, failed INTEGER NOT NULL, absent INTEGER NOT NULL,
  PRIMARY KEY (hour, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS client_hours (
  hour INTEGER, client INTEGER, count INTEGER NOT NULL, PRIMARY KEY (hour, client)
) WITHOUT ROWID;
`

type TextTable = 'names' | 'clients' | 'forms' | 'decisions'

/** As text that is equal where all of it is. */
const formText = ({ transport, type, class: klass, rcode, by }: QueryRecord): string =>
  `${transport}\t${type}\t${klass}\t${rcode}\t${by}`

export class DayFile {
  readonly #db: Database
  readonly #texts: Readonly<Record<TextTable, Texts>>
  readonly #insert: Statement
  readonly #minute: Statement
  readonly #nameHour: Statement
  readonly #clientHour: Statement
  #lastId: number
  /** Rows that came after the clock was set back. */
  #setBack = 0

  /** Throws what SQLite throws. */
  constructor(db: Database) {
    this.#db = db
    db.exec(SCHEMA)
    addTurned(db)
    const { namesPerFile, clientsPerFile, formsPerFile, decisionsPerFile } = historyLimits
    this.#texts = {
      names: new Texts(db, 'names', namesPerFile, turnedName),
      clients: new Texts(db, 'clients', clientsPerFile),
      forms: new Texts(db, 'forms', formsPerFile),
      decisions: new Texts(db, 'decisions', decisionsPerFile),
    }
    this.#insert = db.prepare(
      'INSERT OR IGNORE INTO queries (id, name, client, form, octets, us, decisions) VALUES (?, ?, ?, ?, ?, ?, ?)',
    )
    this.#minute = db.prepare(
      'INSERT INTO minutes VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count, ' +
        'us = us + excluded.us',
    )
    this.#nameHour = db.prepare(
      'INSERT INTO name_hours VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count, ' +
        'failed = failed + excluded.failed, absent = absent + excluded.absent',
    )
    this.#clientHour = db.prepare(
      'INSERT INTO client_hours VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count',
    )
    this.#lastId = numberIn(db.prepare('SELECT max(id) AS id FROM queries').get(), 'id')
  }

  /** All of them or, when it throws, none. The number of those whose name is kept as `<other>`. */
  add(records: readonly QueryRecord[]): number {
    const lastId = this.#lastId
    this.#db.exec('BEGIN IMMEDIATE')
    try {
      const unnamed = this.#addAll(records)
      this.#db.exec('COMMIT')
      return unnamed
    } catch (error) {
      this.#lastId = lastId
      this.#rollBack()
      throw error
    }
  }

  close(): void {
    this.#db.close()
  }

  /** A full disk may have ended the transaction by itself. */
  #rollBack(): void {
    try {
      this.#db.exec('ROLLBACK')
    } catch {
      // There is nothing to roll back.
    }
  }

  #addAll(records: readonly QueryRecord[]): number {
    const { names, clients, forms, decisions } = this.#texts
    const nameOf = (record: QueryRecord): string => record.name.toLowerCase()
    const nameIds = names.idsOf(records.map(nameOf))
    const clientIds = clients.idsOf(records.map(({ client }) => client))
    const formIds = forms.idsOf(records.map(formText))
    const rules = (record: QueryRecord): string[] =>
      record.decisions === undefined ? [] : [JSON.stringify(record.decisions)]
    const decisionIds = decisions.idsOf(records.flatMap(rules))
    const counts = new Rollup()
    let unnamed = 0
    for (const record of records) {
      const name = nameIds.get(nameOf(record)) ?? 0
      const client = clientIds.get(record.client) ?? 0
      if (name === names.other) unnamed++
      const [rule] = rules(record)
      this.#insert.run(
        this.#idFor(record.at),
        name,
        client,
        formIds.get(formText(record)) ?? 0,
        record.octets,
        Math.round(record.ms * 1_000),
        rule === undefined ? null : (decisionIds.get(rule) ?? null),
      )
      counts.add(record, name, client)
    }
    counts.write(this.#minute, this.#nameHour, this.#clientHour)
    return unnamed
  }

  /** In the order of time; more than a thousand in a ms go on into the next one. */
  #idFor(at: number): number {
    const wanted = at * IDS_PER_MS
    if (wanted < this.#lastId - BACK_MS * IDS_PER_MS) return wanted + (this.#setBack++ % IDS_PER_MS)
    this.#lastId = Math.max(wanted, this.#lastId + 1)
    return this.#lastId
  }
}

/** Files of earlier versions have no column for it. */
function addTurned(db: Database): void {
  if (!hasTurnedNames(db)) {
    db.exec('BEGIN IMMEDIATE; ALTER TABLE names ADD COLUMN turned TEXT')
    const fill = db.prepare('UPDATE names SET turned = ? WHERE id = ?')
    for (const row of db.prepare('SELECT id, text FROM names').all())
      fill.run(turnedName(textIn(row, 'text')), numberIn(row, 'id'))
    db.exec('COMMIT')
  }
  db.exec('CREATE INDEX IF NOT EXISTS by_turned ON names (turned)')
}

/** A table of texts. */
class Texts {
  readonly #most: number
  readonly #turned: ((text: string) => string) | null
  readonly #add: Statement
  readonly #find: Statement
  readonly #count: Statement
  #size: number
  /** Of the text `<other>`; 0: there is none yet. */
  other = 0

  constructor(db: Database, table: TextTable, most: number, turned: ((text: string) => string) | null = null) {
    this.#most = most
    this.#turned = turned
    const columns = turned === null ? '(text, count) VALUES (?, ?)' : '(text, count, turned) VALUES (?, ?, ?)'
    this.#add = db.prepare(
      `INSERT INTO ${table} ${columns} ON CONFLICT (text) ` +
        'DO UPDATE SET count = count + excluded.count RETURNING id',
    )
    this.#find = db.prepare(`SELECT id FROM ${table} WHERE text = ?`)
    this.#count = db.prepare(`SELECT count(*) AS size FROM ${table}`)
    this.#size = numberIn(this.#count.get(), 'size')
    this.other = numberIn(this.#find.get(OTHER), 'id')
  }

  /** The ids of these texts, each counted as often as it occurs. */
  idsOf(texts: readonly string[]): ReadonlyMap<string, number> {
    const counts = new Map<string, number>()
    for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1)
    // By what is there, since a transaction that failed has taken away what it put there.
    this.#size = this.#size + counts.size > this.#most ? numberIn(this.#count.get(), 'size') : this.#size
    const ids = new Map<string, number>()
    for (const [text, count] of counts) {
      const isFull = this.#size >= this.#most && this.#find.get(text) === undefined
      const kept = isFull ? OTHER : text
      const turned = this.#turned === null ? [] : [this.#turned(kept)]
      const id = numberIn(this.#add.get(kept, count, ...turned), 'id')
      if (isFull) this.other = id
      else if (this.#size < this.#most) this.#size = Math.max(this.#size, id)
      ids.set(text, id)
    }
    return ids
  }
}

/** What a transaction adds to the counts by minute and hour. */
class Rollup {
  readonly #minutes = new Map<string, { minute: number; rcode: string; source: string; count: number; us: number }>()
  readonly #names = new Map<string, { hour: number; name: number; count: number; failed: number; absent: number }>()
  readonly #clients = new Map<string, { hour: number; client: number; count: number }>()

  add({ at, rcode, by, ms }: QueryRecord, name: number, client: number): void {
    const minute = Math.floor(at / MINUTE_MS)
    const hour = Math.floor(at / HOUR_MS)
    const source = sourceOf(by)
    const inMinute = entryOf(this.#minutes, `${minute} ${rcode} ${source}`, () => ({
      minute,
      rcode,
      source,
      count: 0,
      us: 0,
    }))
    inMinute.count++
    inMinute.us += Math.round(ms * 1_000)
    const ofName = entryOf(this.#names, `${hour} ${name}`, () => ({ hour, name, count: 0, failed: 0, absent: 0 }))
    ofName.count++
    if (rcode === 'SERVFAIL') ofName.failed++
    if (rcode === 'NXDOMAIN') ofName.absent++
    entryOf(this.#clients, `${hour} ${client}`, () => ({ hour, client, count: 0 })).count++
  }

  write(minutes: Statement, names: Statement, clients: Statement): void {
    for (const { minute, rcode, source, count, us } of this.#minutes.values())
      minutes.run(minute, rcode, source, count, us)
    for (const { hour, name, count, failed, absent } of this.#names.values())
      names.run(hour, name, count, failed, absent)
    for (const { hour, client, count } of this.#clients.values()) clients.run(hour, client, count)
  }
}

function entryOf<T>(map: Map<string, T>, key: string, make: () => T): T {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}
