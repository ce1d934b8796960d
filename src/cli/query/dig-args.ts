/**
 * What `rootwalk query` is asked to do, read from words in any order, as dig reads them: a name begins a query, what
 * stands before the first name is for all of them, what follows a name is for its query. Words become values or a
 * complaint; nothing is sent or read here.
 */
import { secureOf } from './dig-secure.ts'
import { isIP } from 'node:net'
import { parseIp, type IpAddress } from '../../dns/address.ts'
import type { EdnsOption } from '../../dns/message.ts'
import { foldName, nameFromLabels, ROOT, type WireName } from '../../dns/name.ts'
import { suggest } from '../../presentation/suggest.ts'
import { parseUnsigned } from '../../presentation/text.ts'
import { classNumber, RrClass, RrType, typeNumber } from '../../dns/types.ts'
import { applyPlusWord, copyDraft, type Draft, newDraft } from './dig-options.ts'
import type { DigEdns, DigQuery, KeySource } from './dig-query.ts'
import type { Show } from '../../render/message.ts'
import type { RecordStyle } from '../../render/record-style.ts'
import { plainStyle } from '../../render/record-style.ts'
import { readName } from '../../system/idna.ts'

/** Options that are not words. */
export interface DigOptions {
  readonly type?: string | undefined
  readonly class?: string | undefined
  readonly port?: number | undefined
  readonly tcp?: boolean | undefined
  readonly json?: boolean | undefined
  readonly short?: boolean | undefined
  readonly dnssec?: boolean | undefined
  /** An address, for the name of its PTR record. */
  readonly reverse?: string | undefined
}

export type DigResult = { readonly kind: 'query'; readonly query: DigQuery } | Usage

interface Usage {
  readonly kind: 'usage'
  readonly message: string
}

export type DigLine =
  | {
      readonly kind: 'queries'
      readonly queries: readonly DigQuery[]
      /** A file with a query a line (`-f`), each line after the words before its first name; `-` is standard input. */
      readonly batch: { readonly file: string; readonly words: readonly string[] } | null
      readonly warnings: readonly string[]
    }
  | { readonly kind: 'help' }
  | Usage

/** One query, for programs that have words and settings apart. */
export function readDigWords(words: readonly string[], options: DigOptions = {}): DigResult {
  const before = [
    ...(options.port === undefined ? [] : ['-p', String(options.port)]),
    ...(['tcp', 'json', 'short', 'dnssec'] as const).flatMap(word => (options[word] === true ? [`+${word}`] : [])),
    ...(options.type === undefined ? [] : ['-t', options.type]),
    ...(options.class === undefined ? [] : ['-c', options.class]),
    ...(options.reverse === undefined ? [] : ['-x', options.reverse]),
  ]
  const read = readDigLine([...before, ...words])
  if (read.kind === 'usage') return read
  const [query, second] = read.kind === 'queries' ? read.queries : []
  if (query === undefined) return usage('one question is expected here, not a file of them')
  return second === undefined ? { kind: 'query', query } : usage('one question is expected here, not several')
}

const usage = (message: string): Usage => ({ kind: 'usage', message })

/** A whole command line. */
export function readDigLine(words: readonly string[]): DigLine {
  const reader = new LineReader(words)
  const problem = reader.read()
  if (problem !== null) return problem
  return reader.finish()
}

/** What a query is besides its words with `+`. */
interface Lookup {
  readonly draft: Draft
  name: WireName | null
  word: string | null
  type: number | null
  class: number | null
  serial: number | null
  server: string | null
  reverse: boolean
}

const copyLookup = (lookup: Lookup): Lookup => ({ ...lookup, draft: copyDraft(lookup.draft) })

/** Flags of one letter without and with a value, as in dig. */
const SWITCHES = '46imruvh'
const VALUED = 'bcfkpqtxy'
/** Our own spellings of some of them, and of words with `+`. */
const LONG_VALUED: Readonly<Record<string, string>> = { port: 'p', type: 't', class: 'c', reverse: 'x' }
const LONG_WORDS: ReadonlySet<string> = new Set(['tcp', 'short', 'dnssec', 'json'])
const WANTED: Readonly<Record<string, string>> = {
  b: 'an address such as 192.0.2.1 or 192.0.2.1#5353',
  c: 'a class',
  f: 'a file',
  k: 'a file with a key',
  p: 'a port',
  q: 'a name',
  t: 'a record type',
  x: 'an address',
  y: 'a key: [algorithm:]name:secret',
}

class LineReader {
  readonly #words: readonly string[]
  readonly #global: Lookup
  #current: Lookup
  readonly #lookups: Lookup[] = []
  /** Types and classes before the first name. */
  readonly #bare: string[] = []
  readonly #warnings: string[] = []
  #at = 0
  /** Words up to here are for all queries. */
  #globalEnd: number | null = null
  #port: number | null = null
  #family: 4 | 6 | null = null
  #from: DigQuery['from'] = null
  #key: KeySource | null = null
  #batch: string | null = null

  constructor(words: readonly string[]) {
    this.#words = words
    this.#global = {
      draft: newDraft(),
      name: null,
      word: null,
      type: null,
      class: null,
      serial: null,
      server: null,
      reverse: false,
    }
    this.#current = this.#global
  }

  /** Null when all words were understood. */
  read(): Exclude<DigLine, { kind: 'queries' }> | null {
    while (this.#at < this.#words.length) {
      const word = this.#words[this.#at] ?? ''
      if (word === '--help') return { kind: 'help' }
      this.#at++
      const problem = this.#word(word)
      if (problem === HELP) return { kind: 'help' }
      if (problem !== null) return usage(problem)
    }
    return null
  }

  finish(): DigLine {
    if (this.#lookups.length === 0 && this.#batch === null) {
      const problem = this.#nameFromTypes()
      if (problem !== null) return usage(problem)
    }
    const queries = this.#lookups.map(lookup => this.#query(lookup))
    const words = this.#words.slice(0, this.#globalEnd ?? this.#words.length)
    const batch = this.#batch === null ? null : { file: this.#batch, words: withoutBatch(words) }
    return { kind: 'queries', queries, batch, warnings: this.#warnings }
  }

  #word(word: string): string | null {
    if (word.startsWith('@')) {
      this.#current.server = word.slice(1)
      return word === '@' ? '@ needs an address or a host name after it' : null
    }
    if (word.startsWith('+')) return applyPlusWord(this.#current.draft, word.slice(1))
    if (word.startsWith('--') && word.length > 2) return this.#long(word.slice(2))
    if (word.startsWith('-') && word.length > 1) return this.#short(word.slice(1))
    if (this.#typeOrClass(word)) {
      if (this.#globalEnd === null) this.#bare.push(word)
      return null
    }
    if (/^ixfr=/i.test(word)) return `${word}: the serial number is a number from 0 to 4294967295`
    const near =
      this.#globalEnd === null || word.includes('.') ? null : suggest(word.toUpperCase(), Object.keys(RrType))
    if (near !== null)
      return `"${word}" is neither a type nor a class (did you mean ${near}?); the name is written ${word}.`
    return this.#name(word)
  }

  #long(text: string): string | null {
    const equals = text.indexOf('=')
    const name = equals < 0 ? text : text.slice(0, equals)
    const bare = name.startsWith('no-') ? name.slice(3) : name
    if (LONG_WORDS.has(bare) && equals < 0)
      return applyPlusWord(this.#current.draft, `${bare === name ? '' : 'no'}${bare}`)
    const letter = Object.hasOwn(LONG_VALUED, name) ? LONG_VALUED[name] : undefined
    if (letter !== undefined) return this.#valued(letter, equals < 0 ? null : text.slice(equals + 1), `--${name}`)
    const near = suggest(name, [...LONG_WORDS, ...Object.keys(LONG_VALUED)])
    return `Unknown argument: ${name}${near === null ? '' : ` (did you mean --${near}?)`}`
  }

  #short(text: string): string | null {
    const letter = text.charAt(0)
    if (VALUED.includes(letter)) return this.#valued(letter, text.length === 1 ? null : text.slice(1), `-${letter}`)
    if (!SWITCHES.includes(letter)) return `unknown option -${text}`
    if (letter === 'h') return HELP
    if (letter === '4' || letter === '6') this.#family = letter === '4' ? 4 : 6
    // -r (no file of defaults is read here), -m, -u, -i, -v: nothing to do.
    return text.length === 1 ? null : this.#short(text.slice(1))
  }

  #valued(letter: string, attached: string | null, shown: string): string | null {
    const value = attached ?? this.#words[this.#at]
    if (value === undefined) return `${shown} needs ${WANTED[letter]}`
    if (attached === null) this.#at++
    switch (letter) {
      case 'b':
        this.#from = readSource(value)
        return this.#from === null ? `-b takes ${WANTED.b}, not "${value}"` : null
      case 'c':
        this.#current.class = classNumber(value)
        return this.#current.class === null ? `${shown} takes a class such as IN or CH, not "${value}"` : null
      case 'f':
        this.#batch = value
        return null
      case 'k':
        this.#key = { kind: 'file', file: value }
        return null
      case 'p':
        this.#port = /^\d{1,5}$/.test(value) ? Number(value) : 0
        return this.#port > 0 && this.#port <= MAX_PORT ? null : `${shown} takes a port from 1 to 65535, not "${value}"`
      case 'q':
        return this.#name(value)
      case 't':
        return this.#typeOrClass(value, false) ? null : `"${value}" is no record type${nearType(value)}`
      case 'x':
        return this.#reverse(value)
      default:
        this.#key = { kind: 'text', text: value }
        return null
    }
  }

  /** False: the word is neither. */
  #typeOrClass(word: string, classes = true): boolean {
    const lookup = this.#current
    const serial = /^ixfr=(\d{1,10})$/i.exec(word)?.[1]
    const type = serial === undefined ? typeNumber(word) : RrType.IXFR
    if (type !== null && (serial === undefined || parseUnsigned(serial, MAX_SERIAL) !== null)) {
      if (lookup.type !== null && lookup !== this.#global)
        this.#warnings.push(`a second type: ${word.toUpperCase()} is asked for`)
      lookup.type = type
      lookup.serial = serial === undefined ? null : Number(serial)
      return true
    }
    const klass = classes ? classNumber(word) : null
    if (klass === null) return false
    if (lookup.class !== null && lookup !== this.#global)
      this.#warnings.push(`a second class: ${word.toUpperCase()} is asked for`)
    lookup.class = klass
    return true
  }

  #begin(name: WireName): Lookup {
    this.#globalEnd ??= this.#at - 1
    this.#current = copyLookup(this.#global)
    this.#current.name = name
    this.#lookups.push(this.#current)
    return this.#current
  }

  #name(word: string): string | null {
    const name = readName(word)
    if (typeof name !== 'string') return name.error
    this.#begin(name).word = word
    return null
  }

  #reverse(address: string): string | null {
    const ip = parseIp(address)
    const name = ip === null ? null : reverseName(ip)
    if (name === null || typeof name !== 'string') return `-x takes an address, not "${address}"`
    this.#begin(name).reverse = true
    return null
  }

  /** Alone, a word that looks like a type is a name: "query a" asks for the name a. */
  #nameFromTypes(): string | null {
    const [name, ...others] = this.#bare
    if (name === undefined) {
      this.#begin(ROOT)
      this.#current.type ??= RrType.NS
      return null
    }
    this.#global.type = null
    this.#global.class = null
    this.#global.serial = null
    const problem = this.#name(name)
    for (const word of others) this.#typeOrClass(word)
    return problem
  }

  #query(lookup: Lookup): DigQuery {
    const { draft, name, word, serial } = lookup
    const cased = name ?? ROOT
    const type = lookup.type ?? (lookup.reverse ? RrType.PTR : RrType.A)
    const { aa, tc, ra, z, opcode, id, headerOnly } = draft
    const isAbsolute = word === null || word.endsWith('.')
    const transfers = type === RrType.AXFR || type === RrType.IXFR
    return {
      question: { name: foldName(cased), type, class: lookup.class ?? RrClass.IN },
      cased,
      search: { word: draft.search && !isAbsolute ? word : null, domains: draft.domains, dots: draft.dots },
      server: lookup.server,
      port: this.#port,
      family: this.#family,
      from: this.#from,
      key: this.#key,
      // RFC 5936 section 4.2: a transfer needs a connection; IXFR may begin without one (RFC 1995 section 2).
      tcp: type === RrType.AXFR || (draft.tcp ?? transfers),
      secure: secureOf(draft.secure),
      recursionDesired: draft.recurse,
      authenticData: draft.ad,
      checkingDisabled: draft.cd,
      header: { opcode, authoritative: aa, truncated: tc, recursionAvailable: ra, reserved: z, id, only: headerOnly },
      edns: ednsOf(draft),
      serial: type === RrType.IXFR ? (serial ?? 0) : null,
      trace: draft.trace,
      ignoreTruncation: draft.ignore,
      timeoutMs: draft.timeoutMs,
      tries: draft.tries,
      show: showOf(draft),
    }
  }
}

const HELP = '--help'
const MAX_PORT = 0xffff
const MAX_SERIAL = 0xffff_ffff

function ednsOf(draft: Draft): DigEdns | null {
  const options: readonly EdnsOption[] = [...(draft.subnet === null ? [] : [draft.subnet]), ...draft.ednsOptions]
  const { dnssec, nsid, cookie } = draft
  // RFC 8467 section 4.1.
  const isEncrypted = draft.secure.transport === 'tls' || draft.secure.transport === 'https'
  const padding = draft.padding ?? (draft.edns && isEncrypted ? 128 : 0)
  if (!draft.edns && !dnssec && !nsid && cookie === null && padding === 0 && options.length === 0) return null
  return {
    payloadSize: draft.bufsize,
    version: draft.ednsVersion,
    flags: draft.ednsFlags,
    dnssecOk: dnssec,
    nsid,
    cookie,
    padding,
    options,
    negotiate: draft.negotiate,
  }
}

function showOf(draft: Draft): Show {
  const { parts, form, query, identify, oneSoa, multiline, ttlUnits, ttl, generic, crypto, split, fullAddresses } =
    draft
  const style: RecordStyle = {
    multiline,
    ttlUnits,
    ttl,
    class: draft.class,
    generic,
    crypto,
    split,
    comments: draft.rrComments ?? multiline,
    fullAddresses,
  }
  const isPlain = Object.entries(style).every(([key, value]) =>
    Object.entries(plainStyle).some(([name, plain]) => name === key && plain === value),
  )
  return {
    form,
    comments: parts.has('comments'),
    question: parts.has('question'),
    answer: parts.has('answer'),
    authority: parts.has('authority'),
    additional: parts.has('additional'),
    stats: parts.has('stats'),
    query,
    identify,
    oneSoa,
    style: isPlain ? plainStyle : style,
  }
}

/** `address` or `address#port`. */
function readSource(text: string): DigQuery['from'] {
  const [address = '', port = '0'] = text.split('#', 2)
  const number = /^\d{1,5}$/.test(port) ? Number(port) : -1
  return parseIp(address) === null || number < 0 || number > MAX_PORT ? null : { address, port: number }
}

/** Words without `-f file`, which lines of the file shall not read again. */
function withoutBatch(words: readonly string[]): readonly string[] {
  return words.filter((word, index) => !word.startsWith('-f') && words[index - 1] !== '-f')
}

function nearType(word: string): string {
  const near = suggest(word.toUpperCase(), Object.keys(RrType))
  return near === null ? '' : ` (did you mean ${near}?)`
}

/** RFC 1035 section 3.5 and RFC 3596 section 2.5. */
function reverseName(ip: IpAddress): WireName | { readonly error: string } {
  const labels =
    ip.family === 4
      ? [...Array.from(ip.bytes, String).reverse(), 'in-addr', 'arpa']
      : [
          ...Array.from(ip.bytes, octet => [(octet >> 4).toString(16), (octet & 0xf).toString(16)])
            .flat()
            .reverse(),
          'ip6',
          'arpa',
        ]
  return nameFromLabels(labels) ?? { error: 'no address' }
}

/** `@server` as an address; a host name is left to the system. */
export const isAddress = (server: string): boolean => isIP(server) !== 0
