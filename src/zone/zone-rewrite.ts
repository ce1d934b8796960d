/**
 * Records taken out of the text of a zone and put into it, with everything else left as it is: comments, order, layout,
 * `$TTL` and relative names. A record that is replaced by one of its owner and type keeps its line, and of its data
 * only the fields that differ are rewritten, so that `; serial` and its like stay where they are.
 *
 * Invariant: the text that comes back holds exactly the records that were wanted, or there is none: it is read again
 * and compared. What cannot be done (a record that `$GENERATE` or an included file makes) is said with its place.
 */
import { latin1 } from '../dns/bytes.ts'
import { foldName, type Name } from '../dns/name.ts'
import { type Rr, sameBytes } from '../dns/rrset.ts'
import { formatRdata } from '../presentation/rdata-text.ts'
import { formatName } from '../presentation/text.ts'
import { parseHead } from '../presentation/rr-text.ts'
import { EntryReader, type Token } from '../presentation/tokens.ts'
import { RrClass, RrType, typeName } from '../dns/types.ts'
import { isSameRecord, type ZoneDifference } from './zone-edit.ts'
import { type Include, type LocatedRr, parseZoneText } from './zone-file.ts'
import type { ZoneLimits } from '../limits.ts'

export interface RewriteOptions {
  readonly file: string
  /** With which reading begins. */
  readonly origin: Name | null
  readonly limits: ZoneLimits
  readonly include: Include
}

export type Rewritten =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'impossible'; readonly line: number; readonly column: number; readonly why: string }

/** An entry of the text: what stands from `start` to `end`, its line end included. */
interface Piece {
  readonly start: number
  readonly end: number
  readonly indented: boolean
  readonly tokens: readonly Token[]
  readonly record: LocatedRr | null
}

/** In the text, from `start` to `end`, stands `text` instead. */
interface Change {
  readonly start: number
  readonly end: number
  readonly text: string
}

export function rewriteZoneText(text: string, difference: ZoneDifference, options: RewriteOptions): Rewritten {
  const { removed, added } = difference
  if (removed.length + added.length === 0) return { kind: 'text', text }
  const { records } = parseZoneText(text, options)
  const wanted = wantedRecords(records, difference)
  const pieces = piecesOf(
    text,
    records.filter(({ file }) => file === options.file),
  )
  const generated = removed.flatMap(one => {
    const found = records.find(other => isSameOwner(one, other) && isSameRecord(one, other))
    return found === undefined || pieces.some(({ record }) => record === found) ? [] : [found]
  })
  const [first] = generated
  if (first !== undefined) return cannotChange(first, options.file)
  // In place where that says the same when it is read again; else with what is new at the end, where nothing follows.
  for (const isInPlace of [true, false]) {
    const written = applied(text, changesFor(text, pieces, difference, isInPlace))
    const again = parseZoneText(written, options)
    if (again.problems.every(({ severity }) => severity !== 'error') && isSameList(again.records, wanted))
      return { kind: 'text', text: written }
  }
  return {
    kind: 'impossible',
    line: 0,
    column: 0,
    why: 'the text cannot be changed without rewriting other lines of it: replace it as a whole',
  }
}

function cannotChange({ owner, type, file, line, column }: LocatedRr, own: string): Rewritten {
  const what = `${formatName(owner)} ${typeName(type)}`
  const why =
    file === own
      ? `${what} is made by $GENERATE here: change that line`
      : `${what} comes from ${file}, which is included`
  return { kind: 'impossible', line, column, why }
}

const isSameOwner = (a: Rr, b: Rr): boolean => foldName(a.owner) === foldName(b.owner)

/** What the text has to hold: what is there without the removed ones, as often as they are written, and more. */
function wantedRecords(records: readonly LocatedRr[], { removed, added }: ZoneDifference): readonly Rr[] {
  const left = records.filter(one => !removed.some(other => isSameOwner(one, other) && isSameRecord(one, other)))
  return [...left, ...added]
}

function isSameList(found: readonly Rr[], wanted: readonly Rr[]): boolean {
  const text = (one: Rr): string =>
    `${foldName(one.owner)} ${one.ttl} ${one.type} ${latin1(one.rdata, 0, one.rdata.length)}`
  const counts = new Map<string, number>()
  for (const one of wanted) counts.set(text(one), (counts.get(text(one)) ?? 0) + 1)
  for (const one of found) counts.set(text(one), (counts.get(text(one)) ?? 0) - 1)
  return [...counts.values()].every(count => count === 0)
}

function piecesOf(text: string, records: readonly LocatedRr[]): readonly Piece[] {
  const lines = lineStarts(text)
  const at = new Map<string, LocatedRr[]>()
  for (const record of records) {
    const key = `${record.line}:${record.column}`
    at.set(key, [...(at.get(key) ?? []), record])
  }
  const reader = new EntryReader(text)
  const pieces: Piece[] = []
  for (let entry = reader.next(); entry !== null; entry = reader.next()) {
    const [first] = entry.tokens
    if (first === undefined) continue
    const isDirective = !entry.indented && !first.quoted && first.text.startsWith('$')
    const made = at.get(`${first.line}:${first.column}`) ?? []
    pieces.push({
      start: lines[first.line - 1] ?? 0,
      end: reader.at,
      indented: entry.indented,
      tokens: entry.tokens,
      record: isDirective || made.length !== 1 ? null : (made[0] ?? null),
    })
  }
  return pieces
}

function lineStarts(text: string): readonly number[] {
  const starts = [text.startsWith('\uFEFF') ? 1 : 0]
  for (let at = 0; at < text.length; at++) {
    const c = text.charAt(at)
    if (c === '\n' || (c === '\r' && text.charAt(at + 1) !== '\n')) starts.push(at + 1)
  }
  return starts
}

function changesFor(
  text: string,
  pieces: readonly Piece[],
  { removed, added }: ZoneDifference,
  isInPlace: boolean,
): readonly Change[] {
  const lines = lineStarts(text)
  const changes: Change[] = []
  const left = [...added]
  const goes = (record: LocatedRr): boolean =>
    removed.some(other => isSameOwner(record, other) && isSameRecord(record, other))
  pieces.forEach((piece, index) => {
    const { record } = piece
    if (record === null || !goes(record)) return
    const at = isInPlace ? successorOf(record, left) : -1
    const fresh = left[at]
    const inPlace = fresh === undefined ? null : replaced(piece, record, fresh, lines)
    if (inPlace !== null) {
      left.splice(at, 1)
      changes.push(...inPlace)
      return
    }
    changes.push({ start: piece.start, end: piece.end, text: '' })
    const heir = piece.indented ? null : ownerHeir(pieces, index, goes)
    if (heir !== null) {
      const [first] = heir.tokens
      const from = first === undefined ? heir.start : (lines[first.line - 1] ?? 0) + first.column - 1
      changes.push({ start: heir.start, end: from, text: `${formatName(record.owner)}\t` })
    }
  })
  for (const record of left) changes.push(insertion(text, pieces, record, isInPlace))
  return changes
}

/** Which of the new records takes the line of an old one: with the same data, else of its owner and type; or -1. */
function successorOf(record: LocatedRr, fresh: readonly Rr[]): number {
  const isLike = (one: Rr): boolean => isSameOwner(one, record) && one.type === record.type
  const same = fresh.findIndex(one => isLike(one) && sameBytes(one.rdata, record.rdata))
  return same >= 0 ? same : fresh.findIndex(isLike)
}

/** The first entry that stays of those which inherit the owner of the one at `index`; null: there is none. */
function ownerHeir(pieces: readonly Piece[], index: number, goes: (record: LocatedRr) => boolean): Piece | null {
  for (const piece of pieces.slice(index + 1)) {
    if (piece.record === null) continue
    if (!piece.indented) return null
    if (!goes(piece.record)) return piece
  }
  return null
}

/** Only the fields that differ; null when the data has another number of fields. */
function replaced(
  { tokens, indented }: Piece,
  old: LocatedRr,
  fresh: Rr,
  lines: readonly number[],
): readonly Change[] | null {
  const head = parseHead(tokens, indented ? 0 : 1)
  if ('error' in head) return null
  const was = fieldsOf(formatRdata(old.type, old.rdata))
  const is = fieldsOf(formatRdata(fresh.type, fresh.rdata))
  const written = tokens.slice(head.next)
  if (was.length !== is.length || written.length !== is.length) return null
  const place = (token: Token): number => (lines[token.line - 1] ?? 0) + token.column - 1
  const changes: Change[] = []
  const put = (token: Token, text: string): void => {
    const start = place(token)
    changes.push({ start, end: start + token.text.length + (token.quoted ? 2 : 0), text })
  }
  for (const [index, token] of written.entries()) {
    const text = is[index]
    if (text !== undefined && text !== was[index]) put(token, text)
  }
  if (old.ttl !== fresh.ttl) {
    const ttl = tokens.slice(indented ? 0 : 1, head.next - 1).find(({ text }) => /^\d/.test(text))
    const type = tokens[head.next - 1]
    if (ttl !== undefined) put(ttl, String(fresh.ttl))
    else if (type !== undefined) changes.push({ start: place(type), end: place(type), text: `${fresh.ttl} ` })
  }
  return changes
}

const fieldsOf = (data: string): readonly string[] =>
  (new EntryReader(data).next()?.tokens ?? []).map(({ text, quoted }) => (quoted ? `"${text}"` : text))

/** After the last of its type and owner, else of its owner, else at the end of the text. */
function insertion(text: string, pieces: readonly Piece[], record: Rr, isInPlace: boolean): Change {
  const data = formatRdata(record.type, record.rdata)
  const line = `${formatName(record.owner)}\t${record.ttl}\tIN\t${typeName(record.type)}\t${data}\n`
  const own = isInPlace ? pieces.filter(piece => piece.record !== null && isSameOwner(piece.record, record)) : []
  const after = own.findLast(piece => piece.record?.type === record.type) ?? own.at(-1)
  const at = after?.end ?? text.length
  const isOpen = at > 0 && !/[\n\r]/.test(text.charAt(at - 1))
  return { start: at, end: at, text: `${isOpen ? '\n' : ''}${line}` }
}

function applied(text: string, changes: readonly Change[]): string {
  // From the end; those at one place in the order in which they were made.
  const sorted = changes
    .map((change, index) => ({ change, index }))
    .sort((a, b) => b.change.start - a.change.start || b.change.end - a.change.end || b.index - a.index)
  let written = text
  for (const { change } of sorted) written = written.slice(0, change.start) + change.text + written.slice(change.end)
  return written
}

/** The text of a zone that was never written by a person: one record a line, the SOA first. */
export function zoneTextOf(origin: Name, records: readonly Rr[]): string {
  const rank = ({ owner, type }: Rr): number =>
    foldName(owner) !== origin ? 2 : type === RrType.SOA ? 0 : type === RrType.NS ? 1 : 2
  return [...records]
    .map((record, index) => ({ record, index }))
    .sort((a, b) => rank(a.record) - rank(b.record) || a.index - b.index)
    .map(({ record: { owner, ttl, class: klass, type, rdata } }) => {
      const name = klass === RrClass.IN ? 'IN' : `CLASS${klass}`
      return `${formatName(owner)}\t${ttl}\t${name}\t${typeName(type)}\t${formatRdata(type, rdata)}\n`
    })
    .join('')
}
