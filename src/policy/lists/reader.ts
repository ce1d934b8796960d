/**
 * Lines of a list, read into rules. Whatever a line is, it gives rules or the reason why not; none throws, and the time
 * is linear in the octets. The oddities of files that are about are handled here: a byte order mark, CR LF, tabs,
 * several names on a line, comments glued to a name, trailing dots, capitals, names beyond ASCII, zone identifiers.
 */
import { latin1 } from '../../dns/bytes.ts'
import { type IpAddress, parseIp, parsePrefix, type Prefix } from '../../dns/address.ts'
import { MAX_LABEL_OCTETS, MAX_NAME_OCTETS } from '../../dns/name.ts'
import { defaultLimits, type ListLimits } from '../../limits.ts'
import { addressAnswer, type Modifiers, readModifiers } from './modifiers.ts'
import { adblockPattern, type Pattern, regexPattern } from './pattern.ts'
import {
  type ComplexRule,
  Flag,
  type Layer,
  type ListFormat,
  matchOf,
  showRule,
  type SkipReason,
  Syntax,
} from './rule.ts'

/** What the rules are given to. Names are in wire form and lower case, in memory that is used again. */
export interface RuleSink {
  name(wire: Uint8Array, octets: number, flags: number, line: number): void
  prefix(prefix: Prefix, flags: number, line: number): void
  /** Found under a name; `octets` 0: under none. */
  complex(rule: ComplexRule, wire: Uint8Array, octets: number): void
  skip(reason: SkipReason, line: number, text: string, detail: string): void
}

export interface ReaderOptions {
  readonly format: ListFormat
  readonly layer: Layer
  /** What a line that is only a name stands for. */
  readonly match: 'exact' | 'suffix'
  readonly limits: Pick<ListLimits, 'lineBytes' | 'patternLiteral'>
  /** A name beyond ASCII in the form of the DNS (UTS #46); empty when there is none. */
  readonly toAscii: (text: string) => string
}

const NEWLINE = 0x0a
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf]

/** Reads a whole list, in steps of `linesPerStep`. The result is the number of lines. */
export function* readLines(
  octets: Uint8Array,
  options: ReaderOptions,
  sink: RuleSink,
  linesPerStep: number,
): Generator<number, number> {
  const reader = new LineReader(options, sink)
  let at = BYTE_ORDER_MARK.every((octet, index) => octets[index] === octet) ? BYTE_ORDER_MARK.length : 0
  let line = 0
  while (at < octets.length) {
    const found = octets.indexOf(NEWLINE, at)
    const end = found < 0 ? octets.length : found
    line++
    if (end - at > options.limits.lineBytes) sink.skip('long-line', line, latin1(octets, at, at + 64), '')
    else reader.read(latin1(octets, at, end), line)
    at = end + 1
    if (line % linesPerStep === 0) yield at
  }
  return line
}

const COMMENT = /^[ \t]*(?:[#!].*|\[[^\]]*\][ \t]*|)$/
/** Cosmetic rules of content blockers: `example.org##.ad`, `#@#`, `#?#`, `#$#`, `#%#`, `$$`. */
const COSMETIC = /#[@?$%]{0,3}#|^[^/|@ ]*\$\$/
const ADDRESS = /^[\da-fA-F:./]+$/
const HOSTS = /^[ \t]*([\da-fA-F:.]+(?:%[\w.-]+)?)[ \t]+(\S.*)$/
/** Names that hosts files of systems begin with. */
const LOCAL =
  /^(?:local|localhost|localhost\.localdomain|localhost[46]|localhost[46]\.localdomain[46]|broadcasthost|ip6-.*)\.?$/i

/** Addresses that mean "nowhere". */
const isNowhere = ({ family, bytes }: IpAddress): boolean =>
  bytes.every((octet, index) => octet === 0 || (family === 6 && index === 15 && octet === 1)) ||
  (family === 4 && bytes[0] === 127)

class LineReader {
  readonly #options: ReaderOptions
  readonly #sink: RuleSink
  readonly #wire = new Uint8Array(MAX_NAME_OCTETS + 1)
  #lastAddress: { readonly text: string; readonly ip: IpAddress | null } = { text: '', ip: null }

  constructor(options: ReaderOptions, sink: RuleSink) {
    this.#options = options
    this.#sink = sink
  }

  /** `text` has one character for each octet. */
  read(text: string, line: number): void {
    const { format } = this.#options
    const trimmed = text.trim()
    if (this.#isCommon(trimmed, line) || COMMENT.test(trimmed)) return
    const hosts = format === 'domains' || format === 'wildcard' ? null : HOSTS.exec(trimmed)
    const ip = hosts === null ? null : this.#addressOf(hosts[1] ?? '')
    if (ip !== null) this.#hosts(ip, hosts?.[2] ?? '', line)
    else if (format === 'hosts') this.#skip('other-format', line, trimmed)
    else this.#rule(trimmed, line)
  }

  /** `||name^`, which nine of ten lines of a large list are. */
  #isCommon(text: string, line: number): boolean {
    const { format } = this.#options
    if (format !== 'auto' && format !== 'adblock') return false
    if (!text.startsWith('||') || !text.endsWith('^')) return false
    const octets = writeHost(text.slice(2, -1), this.#wire)
    // The digits at the end may be those of an address.
    if (octets <= 0 || /\d\^$|[.-]\^$|^\|\|[.-]/.test(text)) return false
    this.#sink.name(this.#wire, octets, Flag.Suffix | (Syntax.Adblock << Flag.SyntaxShift), line)
    return true
  }

  /** Mostly that of the line before. */
  #addressOf(text: string): IpAddress | null {
    if (this.#lastAddress.text !== text) this.#lastAddress = { text, ip: parseIp(text) }
    return this.#lastAddress.ip
  }

  #skip(reason: SkipReason, line: number, text: string, detail = ''): void {
    this.#sink.skip(reason, line, text, detail)
  }

  #hosts(ip: IpAddress, rest: string, line: number): void {
    const names = rest.replace(/#.*$/s, '').split(/[ \t]+/)
    for (const name of names) {
      if (name === '') continue
      if (LOCAL.test(name)) this.#skip('local-name', line, name)
      else if (/\d$|:/.test(name) && parseIp(name) !== null) this.#skip('address-as-name', line, name)
      else if (isNowhere(ip)) this.#plain(name, Syntax.Hosts << Flag.SyntaxShift, line)
      else if (this.#options.layer === 'own') this.#hostsAddress(ip, name, line)
      else this.#skip('own-address', line, `${ip.text} ${name}`)
    }
  }

  #hostsAddress(ip: IpAddress, name: string, line: number): void {
    const octets = this.#nameOf(name)
    if (octets === 0) {
      this.#skip('bad-name', line, name)
      return
    }
    const text = `${ip.text} ${name}`
    const rule = { ...NO_CONDITIONS, line, text, identity: text.toLowerCase(), answer: addressAnswer([ip]) }
    this.#sink.complex(rule, this.#wire, octets)
  }

  /** A line that is no hosts line. */
  #rule(text: string, line: number): void {
    const { format } = this.#options
    // A comment after a name, with a space before it or not; adblock rules have none.
    const bare = format === 'adblock' ? text : text.replace(/^([\w.*-]+)[ \t]*#(?!#|[@?$%]{1,2}#).*$/s, '$1')
    const prefix = ADDRESS.test(bare) ? parsePrefix(bare) : null
    if (prefix !== null) this.#address(prefix, 0, line, text)
    else if (/^[^\s|@/^$*,;:=]+$/.test(bare) && !COSMETIC.test(bare)) this.#name(bare, line)
    else if (/^\*\.[^\s|@/^$*,;:=]+$/.test(bare) && format !== 'domains')
      this.#plain(bare.slice(2), Flag.Suffix | (Syntax.Wildcard << Flag.SyntaxShift), line)
    else if (format === 'domains' || format === 'wildcard') this.#skip('other-format', line, text)
    else this.#adblock(text, line)
  }

  /** A line that is only a name. */
  #name(text: string, line: number): void {
    const { format, match } = this.#options
    if (LOCAL.test(text)) {
      this.#skip('local-name', line, text)
      return
    }
    const isOneLabel = !text.replace(/\.$/, '').includes('.')
    if (format === 'adblock' && (isOneLabel || /^[.-]|[.-]$/.test(text))) this.#adblock(text, line)
    else if (format === 'auto' && /^[.-]|-$/.test(text)) this.#adblock(text, line)
    else if (format === 'auto' && isOneLabel) this.#skip('one-label', line, text)
    else this.#plain(text, match === 'suffix' ? Flag.Suffix : 0, line)
  }

  #address(prefix: Prefix, flags: number, line: number, text: string): void {
    if (isNowhere({ ...prefix, text: '' })) this.#skip('address-as-name', line, text)
    else this.#sink.prefix(prefix, flags | (Syntax.Address << Flag.SyntaxShift), line)
  }

  #plain(text: string, flags: number, line: number): void {
    const octets = this.#nameOf(text)
    if (octets === 0) this.#skip('bad-name', line, text)
    else this.#sink.name(this.#wire, octets, flags, line)
  }

  #adblock(text: string, line: number): void {
    if (COSMETIC.test(text)) {
      this.#skip('cosmetic', line, text)
      return
    }
    const isException = text.startsWith('@@')
    const { pattern, modifiers: written } = splitRule(isException ? text.slice(2) : text)
    const modifiers = readModifiers(written)
    if (modifiers === null) this.#skip('modifier', line, text, written)
    else if (modifiers.answer !== null && this.#options.layer !== 'own') this.#skip('own-address', line, text)
    else if (pattern === '' || /\s/.test(pattern)) this.#skip('not-a-rule', line, text)
    else this.#pattern({ text, pattern, isException, modifiers }, line)
  }

  #pattern(rule: WrittenRule, line: number): void {
    const { text, pattern } = rule
    if (pattern.length > 2 && pattern.startsWith('/') && pattern.endsWith('/')) {
      this.#compiled(rule, regexPattern(pattern.slice(1, -1)), 0, line)
      return
    }
    const [, start = '', name = '', end = ''] = /^(\|{0,2})((?:\*\.)?[^|^*]*)(\^?\|?)$/.exec(pattern) ?? []
    const address = ADDRESS.test(name) ? parsePrefix(name) : null
    if (address !== null && rule.modifiers.conditions === 0 && !rule.modifiers.isBadFilter)
      this.#address(address, flagsOf(rule), line, text)
    // What a rule says of schemes, paths and ports no query has.
    else if (/[/:?=&]/.test(pattern)) this.#skip('url', line, text)
    else this.#anchored(rule, start, name, end, line)
  }

  /** `name` between its anchors: a rule for a name where both ends of it are known, or else a pattern. */
  #anchored(rule: WrittenRule, start: string, name: string, end: string, line: number): void {
    const isBelow = name.startsWith('*.')
    const bare = isBelow ? name.slice(2) : name
    const octets = /^[.-]|[.-]$/.test(bare) ? 0 : this.#nameOf(bare)
    const match = isBelow ? Flag.Below : Flag.Suffix
    // `||example` without an end is the beginning of a label; `||example.org` without one is mostly a slip.
    const isEnded = end !== '' || bare.includes('.')
    if (octets > 0 && isEnded && (start === '||' || isBelow)) this.#named(rule, match, Syntax.Adblock, octets, line)
    else if (octets > 0 && start === '|' && end !== '') this.#named(rule, 0, Syntax.Whole, octets, line)
    else if (octets > 0 && start === '' && end === '' && bare.includes('.'))
      this.#named(rule, this.#options.match === 'suffix' ? Flag.Suffix : 0, Syntax.Plain, octets, line)
    else this.#wild(rule, line)
  }

  #named(rule: WrittenRule, match: number, syntax: number, octets: number, line: number): void {
    const flags = match | flagsOf(rule) | (syntax << Flag.SyntaxShift)
    const { modifiers } = rule
    const conditions = modifiers.conditions - (modifiers.isImportant ? 1 : 0)
    if (conditions === 0 && !modifiers.isBadFilter) this.#sink.name(this.#wire, octets, flags, line)
    else {
      // As a plain rule of the name is shown, so that `$badfilter` finds it however its end was written.
      const pattern = showRule(textOf(this.#wire, octets), flags & ~(Flag.Exception | Flag.Important))
      this.#sink.complex({ ...complexOf({ ...rule, pattern }, line), match: matchOf(match) }, this.#wire, octets)
    }
  }

  /** A pattern: found under the name that it must end in, where there is one. */
  #wild(rule: WrittenRule, line: number): void {
    if (rule.pattern.length > defaultLimits.lists.patternCharacters) {
      this.#skip('pattern', line, rule.text, 'is too long')
      return
    }
    const [, suffix = ''] = /[*.]((?:[\w-]+\.)*[\w-]+\.[\w-]+)[\^|]+$/.exec(rule.pattern) ?? []
    const isAfterLabel = rule.pattern.charAt(rule.pattern.lastIndexOf(suffix) - 1) === '.'
    this.#compiled(rule, adblockPattern(rule.pattern.toLowerCase()), isAfterLabel ? this.#nameOf(suffix) : 0, line)
  }

  #compiled(rule: WrittenRule, pattern: Pattern | { readonly error: string }, octets: number, line: number): void {
    if ('error' in pattern) this.#skip('pattern', line, rule.text, pattern.error)
    else if (pattern.literal.length < this.#options.limits.patternLiteral && octets === 0)
      this.#skip('short-pattern', line, rule.text)
    else this.#sink.complex({ ...complexOf(rule, line), match: 'suffix', pattern }, this.#wire, octets)
  }

  /** Writes the name that a text stands for into `#wire`; its octets, 0 when it is none. */
  #nameOf(text: string): number {
    const written = writeHost(text, this.#wire)
    if (written !== NOT_ASCII) return written
    const decoded = new TextDecoder().decode(Uint8Array.from(text, character => character.charCodeAt(0)))
    const ascii = this.#options.toAscii(decoded)
    return ascii === '' ? 0 : Math.max(0, writeHost(ascii, this.#wire))
  }
}

interface WrittenRule {
  readonly text: string
  readonly pattern: string
  readonly isException: boolean
  readonly modifiers: Modifiers
}

const NO_CONDITIONS = {
  match: 'exact',
  isException: false,
  isImportant: false,
  isBadFilter: false,
  pattern: null,
  types: null,
  clients: null,
  except: [],
  answer: null,
  conditions: 0,
} as const

const flagsOf = ({ isException, modifiers }: WrittenRule): number =>
  (isException ? Flag.Exception : 0) | (modifiers.isImportant ? Flag.Important : 0)

function complexOf({ text, pattern, isException, modifiers }: WrittenRule, line: number): ComplexRule {
  const { isImportant, isBadFilter, types, clients, except, answer, conditions } = modifiers
  const written = modifiers.text === '' ? '' : `$${modifiers.text}`
  const identity = `${isException ? '@@' : ''}${pattern.toLowerCase()}${written}`
  return {
    ...NO_CONDITIONS,
    line,
    text,
    identity,
    isException,
    isImportant,
    isBadFilter,
    types,
    clients,
    except,
    answer,
    conditions,
  }
}

/** A rule and its modifiers: those of a regular expression come after its last slash. */
function splitRule(text: string): { readonly pattern: string; readonly modifiers: string } {
  const at = text.startsWith('/') ? text.lastIndexOf('/$') + 1 : text.indexOf('$')
  if (at <= 0) return { pattern: text, modifiers: '' }
  return { pattern: text.slice(0, at), modifiers: text.slice(at + 1) }
}

/** A name in wire form as text without the last dot; those of lists have no octet that needs an escape. */
function textOf(wire: Uint8Array, octets: number): string {
  const labels: string[] = []
  for (let at = 0; at < octets - 1; at += (wire[at] ?? 0) + 1)
    labels.push(latin1(wire, at + 1, at + 1 + (wire[at] ?? 0)))
  return labels.join('.')
}

const NOT_ASCII = -1
const DOT = 0x2e
const HYPHEN = 0x2d
const UNDERSCORE = 0x5f

/**
 * A host name in wire form and lower case. The octets written; 0 when it is no name; `NOT_ASCII` when it has other
 * characters. Letters, digits, hyphens and underscores: what else there is in names, nobody lists.
 */
function writeHost(text: string, wire: Uint8Array): number {
  const end = text.charCodeAt(text.length - 1) === DOT ? text.length - 1 : text.length
  if (end === 0) return 0
  let length = 0
  let at = 1
  for (let i = 0; i < end; i++) {
    const code = text.charCodeAt(i)
    if (code === DOT) {
      if (length === 0) return 0
      wire[at - length - 1] = length
      length = 0
      at++
    } else {
      if (code > 0x7f) return NOT_ASCII
      const folded = code >= 0x41 && code <= 0x5a ? code + 0x20 : code
      const isFit =
        (folded >= 0x61 && folded <= 0x7a) || (code >= 0x30 && code <= 0x39) || code === HYPHEN || code === UNDERSCORE
      if (!isFit || ++length > MAX_LABEL_OCTETS || at >= MAX_NAME_OCTETS - 1) return 0
      wire[at++] = folded
    }
  }
  if (length === 0) return 0
  wire[at - length - 1] = length
  wire[at] = 0
  return at + 1
}
