/**
 * Reads RFC 1035 section 5 master files: directives, inherited owners, TTLs and classes, $INCLUDE and $GENERATE. It
 * finds every syntax error of a text at once and continues after each, and judges lines only: whether the records make
 * a zone is asked in `zone-check.ts`. Files are opened by the caller's `include`. No text makes it throw, and its work
 * is proportional to the text read plus the records generated, both bounded.
 */
import { counted } from '../presentation/counted.ts'
import type { WireName } from '../dns/name.ts'
import { OctetWriter } from '../dns/rdata-io.ts'
import { parseRdata } from '../presentation/rdata-text.ts'
import { MAX_TTL, parseHead, type RrHead } from '../presentation/rr-text.ts'
import type { Rr } from '../dns/rrset.ts'
import { readSoa } from '../dns/rdata.ts'
import { suggest } from '../presentation/suggest.ts'
import { formatName, parseName, parseTtl, shown } from '../presentation/text.ts'
import { parseTime } from '../presentation/time-text.ts'
import { type Entry, EntryReader, type Token } from '../presentation/tokens.ts'
import { className, RrClass, RrType, typeNumber } from '../dns/types.ts'
import type { Problem } from '../events.ts'
import type { ZoneLimits } from '../limits.ts'
import { expandTemplate, parseRange, parseTemplate, rangeSize } from './generate.ts'
import { ProblemList } from './problems.ts'

/** A record and where it stands: the file as named by whoever opened it, line and column from 1. */
export interface LocatedRr extends Rr {
  readonly file: string
  readonly line: number
  readonly column: number
}

export interface ParsedZone {
  readonly records: readonly LocatedRr[]
  /**
   * Errors and warnings in the order of the text, at most `limits.errorsListed` and a last one that counts the rest.
   */
  readonly problems: readonly Problem[]
  /** What could not be read: a check for something missing must not blame the zone for it. */
  readonly unread?: UnreadRecords
  /** It has more than `mostRecords`: the rest was not read, and this is not the whole zone. */
  readonly cut?: boolean
}

export interface UnreadRecords {
  /** Types of the records with an error after their type. */
  readonly types: ReadonlySet<number>
  /** Some record had an error before its type was known, or a whole file is missing. */
  readonly untyped: boolean
}

/** Opens what $INCLUDE names. `path` is as written in `fromFile`. */
export type Include = (
  path: string,
  fromFile: string,
) => { readonly file: string; readonly text: string } | { readonly error: string }

export interface ZoneTextOptions {
  readonly file: string
  /** The first origin; null when the text must set it with $ORIGIN or use absolute names only. */
  readonly origin: WireName | null
  readonly limits: ZoneLimits
  readonly include: Include
  /** Seconds: the text is read as though it began with $TTL. */
  readonly ttl?: number
  /** Seconds, for records for which the text has no TTL at all, which is an error without it. */
  readonly defaultTtl?: number
  /**
   * The records are many and soon used up: their data stands together in a few blocks, and each makes its `rdata` when
   * asked.
   */
  readonly compact?: boolean
  /** Reading stops after that many records and sets `cut`. */
  readonly mostRecords?: number
  /** Called now and then with the characters read of the files that are open and done, and the records found. */
  readonly onProgress?: (characters: number, records: number) => void
}

/** The records and the problems of a master file. Never throws. */
export function parseZoneText(text: string, options: ZoneTextOptions): ParsedZone {
  const parser = new ZoneFileParser(options)
  parser.readFile(text, {
    file: options.file,
    origin: options.origin ?? 'none',
    owner: null,
    ownerBroken: false,
    originMoved: false,
    open: [options.file],
  })
  return { records: parser.records, problems: parser.problems.listed(), unread: parser.unread, cut: parser.cut }
}

/**
 * What belongs to one file: an included file starts with a copy, and its changes end with it (RFC 1035 section 5.1).
 */
interface FileState {
  readonly file: string
  origin: WireName | 'none'
  /** Owner of the last record. */
  owner: WireName | null
  /** The owner could not be read: records that inherit it are checked but not kept. */
  ownerBroken: boolean
  /** $ORIGIN came after the last owner. */
  originMoved: boolean
  /** Files being read, outermost first. */
  readonly open: readonly string[]
}

/** Owner, TTL, class and type. */
const HEAD_TOKENS = 4
const DIRECTIVES = ['$ORIGIN', '$TTL', '$INCLUDE', '$GENERATE', '$DATE'] as const

const DATE_DIGITS = 14
/** Entries between two reports of progress: some 10 ms. */
const PROGRESS_ENTRIES = 4_096
/** Records share blocks of this size; longer ones get their own block. */
const BLOCK_OCTETS = 64 * 1024

/** A record whose data is part of a block: a tenth of what an array for each would take. */
class CompactRr implements LocatedRr {
  readonly owner: WireName
  readonly type: number
  readonly ttl: number
  readonly file: string
  readonly line: number
  readonly column: number
  readonly #block: Uint8Array
  readonly #at: number
  readonly #length: number

  constructor(
    owner: WireName,
    type: number,
    ttl: number,
    place: Place & { readonly file: string },
    block: Uint8Array,
    at: number,
    length: number,
  ) {
    this.owner = owner
    this.type = type
    this.ttl = ttl
    this.file = place.file
    this.line = place.line
    this.column = place.column
    this.#block = block
    this.#at = at
    this.#length = length
  }

  get class(): number {
    return RrClass.IN
  }

  get rdata(): Uint8Array {
    return this.#block.subarray(this.#at, this.#at + this.#length)
  }
}

interface Place {
  readonly line: number
  readonly column: number
}

class ZoneFileParser {
  readonly records: LocatedRr[] = []
  readonly problems: ProblemList
  readonly #options: ZoneTextOptions
  /** $TTL, which outlives the file that sets it. */
  #defaultTtl: number | null
  /** The last TTL that was written (RFC 1035 section 5.1). */
  #lastTtl: number | null = null
  #ttlRuleTold = false
  readonly #scratch = new OctetWriter()
  readonly #unreadTypes = new Set<number>()
  #unreadUntyped = false
  #includes = 0
  #generated = 0
  #generatedCharacters = 0
  #block = new Uint8Array(0)
  #blockUsed = 0
  #charactersDone = 0
  #entries = 0
  cut = false

  constructor(options: ZoneTextOptions) {
    this.#options = options
    this.#defaultTtl = options.ttl ?? null
    this.problems = new ProblemList(options.limits.errorsListed)
  }

  get unread(): UnreadRecords {
    return { types: this.#unreadTypes, untyped: this.#unreadUntyped }
  }

  readFile(text: string, state: FileState): void {
    const reader = new EntryReader(text)
    for (let entry = reader.next(); entry !== null && !this.cut; entry = reader.next()) {
      this.#readEntry(entry, state)
      if (++this.#entries % PROGRESS_ENTRIES === 0)
        this.#options.onProgress?.(this.#charactersDone + reader.at, this.records.length)
    }
    this.#charactersDone += text.length
  }

  #readEntry(entry: Entry, state: FileState): void {
    const { tokens, fault } = entry
    const first = tokens[0]
    if (fault !== null) {
      this.#error(state, fault, fault.error)
      this.#noteUnread(tokens)
      // What follows must not go on under an owner that this entry was to replace.
      if (!entry.indented && first !== undefined && !first.text.startsWith('$')) this.#takeOwner(first, state)
    } else if (first === undefined) {
      return
    } else if (!entry.indented && !first.quoted && first.text.startsWith('$')) {
      const errors = this.problems.errors
      this.#readDirective(first, tokens, state)
      // Records of a directive that failed are missing, or stand under another origin than was meant.
      if (this.problems.errors > errors) this.#unreadUntyped = true
    } else if (entry.indented) {
      this.#readRecord(tokens, 0, state)
    } else {
      this.#takeOwner(first, state)
      this.#readRecord(tokens, 1, state)
    }
  }

  #noteUnread(tokens: readonly Token[]): void {
    const type = tokens
      .slice(0, HEAD_TOKENS)
      .map(token => (token.quoted ? null : typeNumber(token.text)))
      .find(found => found !== null)
    if (type !== undefined && type !== null) this.#unreadTypes.add(type)
    // Over several lines it may have swallowed anything.
    if (type === undefined || type === null || tokens[0]?.line !== tokens.at(-1)?.line) this.#unreadUntyped = true
  }

  #takeOwner(token: Token, state: FileState): void {
    const owner = token.quoted
      ? { error: `an owner can not be quoted: write ${shown(token.text)} without quotes, and a space in it as \\032` }
      : parseName(token.text, state.origin)
    state.originMoved = false
    state.ownerBroken = typeof owner !== 'string'
    if (typeof owner === 'string') state.owner = owner
    else this.#error(state, token, owner.error)
  }

  /** The record whose head begins at token `at`; its owner is that of the state. */
  #readRecord(tokens: readonly Token[], at: number, state: FileState): undefined {
    const place = tokens[0]
    if (place === undefined) return
    const head = parseHead(tokens, at)
    if ('error' in head) {
      this.#unreadUntyped = true
      return this.#error(state, placeOf(tokens, head.index), head.error)
    }
    if (!this.#classFits(head, tokens, state)) return
    const rdata = this.#rdata(head, tokens, state)
    const ttl = this.#ttl(head, rdata, place, state)
    if (state.ownerBroken || state.owner === null || rdata === null) this.#unreadTypes.add(head.type)
    if (state.ownerBroken || rdata === null) return
    if (state.owner === null)
      return this.#error(
        state,
        place,
        'this line begins with white space and so inherits its owner, but no record comes before it',
      )
    if (at === 0 && state.originMoved && state.owner !== state.origin) {
      this.#warn(
        state,
        place,
        `this record has the owner ${formatName(state.owner)} of the line before $ORIGIN or $INCLUDE: write ` +
          'the owner, or @ for the origin',
      )
    }
    state.originMoved = false
    this.#keep(state.owner, head.type, ttl, rdata, place, state)
  }

  #keep(owner: WireName, type: number, ttl: number, rdata: Uint8Array, place: Place, state: FileState): undefined {
    const { file } = state
    const { line, column } = place
    const { compact, mostRecords } = this.#options
    if (compact === true) this.records.push(this.#compacted(owner, type, ttl, rdata, { file, line, column }))
    else this.records.push({ owner, type, class: RrClass.IN, ttl, rdata, file, line, column })
    if (mostRecords !== undefined && this.records.length > mostRecords) this.cut = true
  }

  #compacted(
    owner: WireName,
    type: number,
    ttl: number,
    rdata: Uint8Array,
    place: Place & { readonly file: string },
  ): LocatedRr {
    if (rdata.length > BLOCK_OCTETS / 4) return new CompactRr(owner, type, ttl, place, rdata, 0, rdata.length)
    if (this.#blockUsed + rdata.length > this.#block.length) {
      this.#block = new Uint8Array(BLOCK_OCTETS)
      this.#blockUsed = 0
    }
    const at = this.#blockUsed
    this.#block.set(rdata, at)
    this.#blockUsed += rdata.length
    return new CompactRr(owner, type, ttl, place, this.#block, at, rdata.length)
  }

  #classFits(head: RrHead, tokens: readonly Token[], state: FileState): boolean {
    if (head.class === null || head.class === RrClass.IN) return true
    const place =
      tokens.slice(0, head.next).find(token => token.text.toUpperCase() === className(head.class ?? RrClass.IN)) ??
      placeOf(tokens, head.next - 1)
    this.#error(state, place, `class ${className(head.class)} is not served from zone files: remove it or write IN`)
    return false
  }

  #rdata(head: RrHead, tokens: readonly Token[], state: FileState): Uint8Array | null {
    const rdata = parseRdata(head.type, tokens, state.origin, head.next, this.#scratch)
    if (!('error' in rdata)) return rdata
    const place = placeOf(tokens, rdata.index)
    const began = tokens[0]?.line ?? place.line
    const swallowed = rdata.complete === true && place.line !== began
    // A parenthesis closed too late has swallowed records: what they were is not known.
    if (swallowed) this.#unreadUntyped = true
    this.#error(
      state,
      place,
      `${rdata.error}${swallowed ? `; the record began in line ${began}: is a ")" missing before this?` : ''}`,
    )
    return null
  }

  /** RFC 2308 section 4 and RFC 1035 section 5.1, in the order that BIND follows. */
  #ttl(head: RrHead, rdata: Uint8Array | null, place: Place, state: FileState): number {
    if (head.ttl !== null) {
      this.#lastTtl = this.#bounded(head.ttl, place, state)
      return this.#lastTtl
    }
    if (this.#defaultTtl !== null) return this.#defaultTtl
    if (this.#lastTtl !== null) {
      if (!this.#ttlRuleTold)
        this.#warn(
          state,
          place,
          `no TTL here and no $TTL above: the last TTL written (${this.#lastTtl}) is used; put "$TTL 1h" at the top`,
        )
      this.#ttlRuleTold = true
      return this.#lastTtl
    }
    const soa = head.type === RrType.SOA && rdata !== null ? readSoa(rdata) : null
    if (soa !== null) {
      this.#defaultTtl = this.#bounded(soa.minimum, place, state)
      this.#warn(
        state,
        place,
        `no TTL here and no $TTL above: the last number of the SOA (${soa.minimum}) is used; put "$TTL 1h" at the top`,
      )
      return this.#defaultTtl
    }
    if (this.#options.defaultTtl !== undefined) return this.#options.defaultTtl
    if (!this.#ttlRuleTold)
      this.#error(state, place, 'no TTL: write one before the type, or put "$TTL 1h" at the top of the file')
    this.#ttlRuleTold = true
    return 0
  }

  /** RFC 2181 section 8: a TTL with the top bit set counts as zero. */
  #bounded(ttl: number, place: Place, state: FileState): number {
    if (ttl <= MAX_TTL) return ttl
    this.#warn(state, place, `the TTL ${ttl} is above ${MAX_TTL} and counts as 0 (RFC 2181 section 8)`)
    return 0
  }

  #readDirective(directive: Token, tokens: readonly Token[], state: FileState): undefined {
    const name = DIRECTIVES.find(known => known === directive.text.toUpperCase())
    switch (name) {
      case '$ORIGIN':
        return this.#readOrigin(tokens, state)
      case '$TTL':
        return this.#readDefaultTtl(tokens, state)
      case '$INCLUDE':
        return this.#readInclude(tokens, state)
      case '$GENERATE':
        return this.#readGenerate(tokens, state)
      case '$DATE':
        return this.#readDate(tokens, state)
      case undefined: {
        const close = suggest(directive.text.toUpperCase(), DIRECTIVES)
        const known = `known are ${DIRECTIVES.join(' ')} (an owner that begins with $ is written \\$)`
        return this.#error(
          state,
          directive,
          `unknown directive ${shown(directive.text)}, ${close === null ? known : `did you mean ${close}?`}`,
        )
      }
      default:
        name satisfies never
    }
  }

  /** The arguments of a directive, or null after reporting that there are too few or too many. */
  #arguments(
    tokens: readonly Token[],
    state: FileState,
    least: number,
    max: number,
    form: string,
  ): readonly Token[] | null {
    const given = tokens.slice(1)
    if (given.length >= least && given.length <= max) return given
    const missing = given.length < least
    const place = placeOf(tokens, missing ? tokens.length : max + 1)
    const what = missing ? 'something is missing' : `${shown(tokens[max + 1]?.text ?? '')} is too much`
    this.#error(state, place, `${what}: the directive is written like ${form}`)
    return null
  }

  #readOrigin(tokens: readonly Token[], state: FileState): undefined {
    const token = this.#arguments(tokens, state, 1, 1, '$ORIGIN example.com.')?.[0]
    if (token === undefined) return
    const origin = parseName(token.text, state.origin)
    if (typeof origin !== 'string') return this.#error(state, token, origin.error)
    state.origin = origin
    state.originMoved = true
  }

  #readDefaultTtl(tokens: readonly Token[], state: FileState): undefined {
    const token = this.#arguments(tokens, state, 1, 1, '$TTL 1h')?.[0]
    if (token === undefined) return
    const ttl = parseTtl(token.text)
    if (ttl === null)
      return this.#error(state, token, `expected a TTL in seconds or like 1h30m, found ${shown(token.text)}`)
    this.#defaultTtl = this.#bounded(ttl, token, state)
  }

  /**
   * When a dump was written. BIND ages the TTLs of a cache dump by it; in a zone it has to be a date and changes
   * nothing.
   */
  #readDate(tokens: readonly Token[], state: FileState): undefined {
    const token = this.#arguments(tokens, state, 1, 1, '$DATE 20260101000000')?.[0]
    if (token === undefined || (token.text.length === DATE_DIGITS && parseTime(token.text) !== null)) return
    this.#error(state, token, `expected a date as YYYYMMDDHHmmSS (UTC), found ${shown(token.text)}`)
  }

  #readInclude(tokens: readonly Token[], state: FileState): undefined {
    const [path, originToken] =
      this.#arguments(tokens, state, 1, 2, '$INCLUDE hosts.zone or $INCLUDE hosts.zone sub.example.com.') ?? []
    if (path === undefined) return
    const origin = originToken === undefined ? state.origin : parseName(originToken.text, state.origin)
    if (typeof origin !== 'string') return this.#error(state, originToken ?? path, origin.error)
    const { includeDepth, includes } = this.#options.limits
    if (state.open.length > includeDepth)
      return this.#error(state, path, `files include each other more than ${includeDepth} deep`)
    if (++this.#includes > includes) return this.#error(state, path, `more than ${includes} files are included`)
    const opened = this.#options.include(path.text, state.file)
    if ('error' in opened) return this.#error(state, path, opened.error)
    if (state.open.includes(opened.file))
      return this.#error(
        state,
        path,
        `${shown(opened.file)} includes ` +
          `itself${state.open.length > 1 ? ` (${[...state.open, opened.file].map(shown).join(' → ')})` : ''}`,
      )
    this.readFile(opened.text, {
      ...state,
      file: opened.file,
      origin,
      originMoved: originToken !== undefined,
      open: [...state.open, opened.file],
    })
  }

  #readGenerate(tokens: readonly Token[], state: FileState): undefined {
    const [directive, rangeToken, ownerToken] = tokens
    if (directive === undefined) return
    if (rangeToken === undefined || ownerToken === undefined || tokens.length < 5) {
      return this.#error(
        state,
        placeOf(tokens, tokens.length),
        'something is missing: the directive is written like $GENERATE 1-100 host$ A 192.0.2.$',
      )
    }
    const range = parseRange(rangeToken.text)
    if ('error' in range) return this.#error(state, rangeToken, range.error)
    const { generateRecords, generatedRecordsInAll } = this.#options.limits
    const size = rangeSize(range)
    this.#generated += size
    if (size > generateRecords)
      return this.#error(
        state,
        rangeToken,
        `the range makes ${counted(size, 'record')}, at most ${generateRecords} are allowed in one directive`,
      )
    if (this.#generated > generatedRecordsInAll)
      return this.#error(
        state,
        rangeToken,
        `the $GENERATE directives make more than ${generatedRecordsInAll} records together`,
      )
    const head = parseHead(tokens, 3)
    if ('error' in head) return this.#error(state, placeOf(tokens, head.index), head.error)
    const dataToken = placeOf(tokens, head.next)
    if (tokens[head.next] === undefined)
      return this.#error(
        state,
        dataToken,
        'the record data is missing: the directive is written like $GENERATE 1-100 host$ A 192.0.2.$',
      )
    if (!this.#classFits(head, tokens, state)) return
    const owner = parseTemplate(ownerToken.text)
    if ('error' in owner) return this.#error(state, ownerToken, owner.error)
    const data = parseTemplate(templateText(tokens.slice(head.next)))
    if ('error' in data) return this.#error(state, dataToken, data.error)
    const ttl = this.#ttl(head, null, directive, state)
    for (let number = range.start; number <= range.stop && !this.cut; number += range.step) {
      const name = this.#expanded(owner, number, ownerToken, state)
      const rest = name === null ? null : this.#expanded(data, number, dataToken, state)
      if (
        name === null ||
        rest === null ||
        !this.#generateOne(name, rest, head, ttl, { owner: ownerToken, data: dataToken }, state)
      )
        return
    }
  }

  #expanded(
    template: Parameters<typeof expandTemplate>[0],
    number: number,
    place: Place,
    state: FileState,
  ): string | null {
    const text = expandTemplate(template, number)
    if (typeof text === 'string') return text
    this.#error(state, place, text.error)
    return null
  }

  /** False when the record is bad: the others of the directive would be too. */
  #generateOne(
    ownerText: string,
    data: string,
    head: RrHead,
    ttl: number,
    places: { owner: Place; data: Place },
    state: FileState,
  ): boolean {
    const fail = (place: Place, error: string): false => {
      this.#error(state, place, `${error}, in the generated record ${shown(`${ownerText} ${data}`)}`)
      return false
    }
    const { generatedCharacters } = this.#options.limits
    this.#generatedCharacters += ownerText.length + data.length
    if (this.#generatedCharacters > generatedCharacters)
      return fail(places.data, `the $GENERATE directives make more than ${generatedCharacters} characters together`)
    const owner = parseName(ownerText, state.origin)
    if (typeof owner !== 'string') return fail(places.owner, owner.error)
    const entry = new EntryReader(data).next()
    if (entry !== null && entry.fault !== null) return fail(places.data, entry.fault.error)
    const rdata = parseRdata(head.type, entry?.tokens ?? [], state.origin, 0, this.#scratch)
    if ('error' in rdata) return fail(places.data, rdata.error)
    this.#keep(owner, head.type, ttl, rdata, places.owner, state)
    return true
  }

  #error(state: FileState, place: Place, message: string): undefined {
    this.problems.add({ file: state.file, line: place.line, column: place.column, severity: 'error', message })
  }

  #warn(state: FileState, place: Place, message: string): undefined {
    this.problems.add({ file: state.file, line: place.line, column: place.column, severity: 'warning', message })
  }
}

/** Of the token, or after the last one when there is none at `index`. */
function placeOf(tokens: readonly Token[], index: number): Place {
  const token = tokens[index]
  if (token !== undefined) return token
  const last = tokens.at(-1)
  return {
    line: last?.line ?? 0,
    column: last === undefined ? 0 : last.column + last.text.length + (last.quoted ? 2 : 0),
  }
}

/** The right-hand side of $GENERATE as one text. BIND wants one token and quotes around several; both are taken. */
function templateText(tokens: readonly Token[]): string {
  const only = tokens.length === 1 ? tokens[0] : undefined
  if (only?.quoted === true) return only.text.replaceAll('\\"', '"')
  return tokens
    .map((token, i) => `${i === 0 || token.joined ? '' : ' '}${token.quoted ? `"${token.text}"` : token.text}`)
    .join('')
}
