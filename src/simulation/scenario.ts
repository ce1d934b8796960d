/**
 * Reads replay scenarios: text that says what servers answer in which step, what a client asks, and what it must get
 * back. The words are those of the `.rpl` family that Unbound's testbound and CZ.NIC's Deckard use, so that scenarios
 * made for those can be run here; this is our own reading of the format, written from its meaning. Running is in
 * `scenario-run.ts`.
 *
 * **Limitations:** configuration is read as far as it has a meaning here (root addresses, minimisation, 0x20, families,
 * local data, `limit:` for our own bounds); other options are listed in `ignored`. DNSSEC, autotrust and file checks
 * are not.
 */
import type { Message } from '../dns/message.ts'
import { foldName } from '../dns/name.ts'
import type { Rr } from '../dns/rrset.ts'
import { parseRr } from '../presentation/rr-text.ts'
import { parseName } from '../presentation/text.ts'
import { classNumber, Opcode, Rcode, RrClass, typeNumber } from '../dns/types.ts'
import type { EdeCode } from '../dns/types.ts'
import { simSettings } from './settings.ts'

export interface Scenario {
  readonly title: string
  readonly file: string
  readonly config: ScenarioConfig
  readonly ranges: readonly Range[]
  readonly steps: readonly Step[]
}

export interface ScenarioConfig {
  /** Addresses of the root's servers. */
  readonly rootAddresses: readonly string[]
  readonly minimise: 'off' | 'relaxed' | 'strict'
  readonly mixCase: boolean
  readonly ipv4: boolean
  readonly ipv6: boolean
  readonly hardenGlue: boolean
  /** Records that are answered locally. */
  readonly localData: readonly string[]
  /** `limit: "budget.queries 20"`: smaller bounds, so that a scenario reaches them. */
  readonly limits: readonly { readonly group: string; readonly name: string; readonly value: number }[]
  /** Options that mean nothing here, as `name: value`. */
  readonly ignored: readonly string[]
}

/** What the servers at some addresses answer while a step from `from` to `to` runs. */
export interface Range {
  readonly from: number
  readonly to: number
  /** Empty: any address. */
  readonly addresses: readonly string[]
  readonly entries: readonly Entry[]
}

/** A message with what of it counts (`match`) and what is done to it before it is sent (`adjust`). */
export interface Entry {
  readonly line: number
  readonly match: ReadonlySet<string>
  readonly adjust: readonly Adjustment[]
  readonly reply: Message
  readonly sectionsGiven: ReadonlySet<SectionName>
  /** Octets instead of a message. */
  readonly raw: Uint8Array | null
  /** More messages sent after it. */
  readonly extra: readonly Message[]
  /** An Extended DNS Error that must be there: its code. */
  readonly ede: EdeCode | number | null
}

type Adjustment =
  | { readonly kind: 'copy-id' | 'copy-query' | 'do-not-answer' }
  /** Seconds. */
  | { readonly kind: 'sleep'; readonly seconds: number }

type SectionName = 'question' | 'answer' | 'authority' | 'additional'

export type Step = { readonly number: number; readonly line: number } & (
  | {
      readonly kind: 'query' | 'check-answer' | 'check-out-query' | 'reply'
      readonly address: string | null
      readonly entry: Entry
    }
  | { readonly kind: 'timeout'; readonly address: string | null }
  | { readonly kind: 'time-passes'; readonly seconds: number }
  /** An extension, `STEP n CHECK_SENT most`: at most that many messages went to servers since the start. */
  | { readonly kind: 'check-sent'; readonly max: number }
  /** Nothing has been answered and no query is out. */
  | { readonly kind: 'nothing' }
)

/** What is wrong with a scenario's text. */
class ScenarioError extends Error {
  constructor(file: string, line: number, message: string) {
    super(`${file}:${line}: ${message}`)
    this.name = 'ScenarioError'
  }
}

const MATCH_WORDS = [
  'all',
  'opcode',
  'qtype',
  'qname',
  'qcase',
  'question',
  'subdomain',
  'flags',
  'rcode',
  'answer',
  'authority',
  'additional',
  'ttl',
  'udp',
  'tcp',
  'do',
  'noedns',
  'edns',
  'reply',
]

/** Reads a scenario. Throws `ScenarioError` at the first line that makes no sense. */
export function parseScenario(text: string, file: string): Scenario {
  return new Reader(text, file).scenario()
}

interface Line {
  readonly number: number
  readonly text: string
  readonly words: readonly string[]
}

class Reader {
  readonly #file: string
  readonly #lines: readonly Line[]
  #at = 0

  constructor(text: string, file: string) {
    this.#file = file
    this.#lines = text.split(/\r?\n/).map((raw, index) => {
      const line = stripComment(raw).trim()
      return { number: index + 1, text: line, words: line === '' ? [] : line.split(/\s+/) }
    })
  }

  scenario(): Scenario {
    const config = this.#config()
    const ranges: Range[] = []
    const steps: Step[] = []
    let title = ''
    for (let line = this.#next(); ; line = this.#next()) {
      if (line === null) throw this.#error(null, 'the scenario has no SCENARIO_END')
      const [word] = line.words
      if (word === 'SCENARIO_BEGIN') title = line.text.slice('SCENARIO_BEGIN'.length).trim()
      else if (word === 'RANGE_BEGIN') ranges.push(this.#range(line))
      else if (word === 'STEP') steps.push(this.#step(line))
      else if (word === 'SCENARIO_END') break
      else throw this.#error(line, `"${word}" does not belong here; expected RANGE_BEGIN, STEP or SCENARIO_END`)
    }
    for (let i = 1; i < steps.length; i++) {
      const [before, step] = [steps[i - 1], steps[i]]
      if (before !== undefined && step !== undefined && step.number < before.number) {
        throw this.#error(
          { number: step.line, text: '', words: [] },
          `step ${step.number} comes after step ${before.number}`,
        )
      }
    }
    return { title, file: this.#file, config, ranges, steps }
  }

  #error(line: Line | null, message: string): ScenarioError {
    return new ScenarioError(this.#file, line?.number ?? this.#lines.length, message)
  }

  #next(): Line | null {
    while (this.#at < this.#lines.length) {
      const line = this.#lines[this.#at++]
      if (line !== undefined && line.words.length > 0) return line
    }
    return null
  }

  #peek(): Line | null {
    const at = this.#at
    const line = this.#next()
    this.#at = at
    return line
  }

  #config(): ScenarioConfig {
    const options: { readonly clause: string; readonly name: string; readonly value: string; readonly line: Line }[] =
      []
    if (!this.#lines.some(line => line.words[0] === 'CONFIG_END')) return configFrom([], () => this.#error(null, ''))
    let clause = 'server'
    for (let line = this.#next(); line !== null && line.words[0] !== 'CONFIG_END'; line = this.#next()) {
      const match = /^([\w-]+):\s*(.*)$/.exec(line.text)
      if (match === null) throw this.#error(line, `expected "option: value", found "${line.text}"`)
      const [, name = '', value = ''] = match
      if (value === '') clause = name
      else options.push({ clause, name, value: value.replace(/^(["'])(.*)\1$/, '$2'), line })
    }
    return configFrom(options, (option, message) => this.#error(option.line, message))
  }

  #range(begin: Line): Range {
    const [from, to] = [Number(begin.words[1]), Number(begin.words[2])]
    if (!Number.isInteger(from) || !Number.isInteger(to) || to < from)
      throw this.#error(begin, 'expected RANGE_BEGIN first-step last-step')
    const addresses: string[] = []
    const entries: Entry[] = []
    for (let line = this.#next(); ; line = this.#next()) {
      if (line === null) throw this.#error(begin, 'RANGE_BEGIN without RANGE_END')
      const [word] = line.words
      if (word === 'RANGE_END') return { from, to, addresses, entries }
      if (word === 'ADDRESS') addresses.push(...line.words.slice(1))
      else if (word === 'ENTRY_BEGIN') entries.push(this.#entry(line))
      else throw this.#error(line, `"${word}" does not belong into a range`)
    }
  }

  #step(line: Line): Step {
    const number = Number(line.words[1])
    if (!Number.isInteger(number)) throw this.#error(line, 'expected STEP number what')
    const what = line.words[2] ?? ''
    const address = (): string | null => {
      const inline = line.words.indexOf('ADDRESS')
      if (inline > 0) return line.words[inline + 1] ?? null
      return this.#peek()?.words[0] === 'ADDRESS' ? (this.#next()?.words[1] ?? null) : null
    }
    const common = { number, line: line.number }
    const withEntry = (kind: 'query' | 'check-answer' | 'check-out-query' | 'reply'): Step => {
      const at = address()
      const begin = this.#next()
      if (begin?.words[0] !== 'ENTRY_BEGIN') throw this.#error(begin ?? line, `expected ENTRY_BEGIN after ${what}`)
      return { ...common, kind, address: at, entry: this.#entry(begin) }
    }
    switch (what) {
      case 'QUERY':
        return withEntry('query')
      case 'CHECK_ANSWER':
        return withEntry('check-answer')
      case 'CHECK_OUT_QUERY':
        return withEntry('check-out-query')
      case 'REPLY':
        return withEntry('reply')
      case 'TIMEOUT':
        return { ...common, kind: 'timeout', address: address() }
      case 'NOTHING':
        return { ...common, kind: 'nothing' }
      case 'TIME_PASSES': {
        const seconds = Number(line.words[3] === 'ELAPSE' ? line.words[4] : line.words[3])
        if (!(seconds >= 0)) throw this.#error(line, 'expected TIME_PASSES ELAPSE seconds')
        return { ...common, kind: 'time-passes', seconds }
      }
      case 'CHECK_SENT': {
        const most = Number(line.words[3])
        if (!Number.isInteger(most)) throw this.#error(line, 'expected CHECK_SENT number')
        return { ...common, kind: 'check-sent', max: most }
      }
      default:
        throw this.#error(line, `unknown step "${what}"`)
    }
  }

  #entry(begin: Line): Entry {
    const draft = new EntryDraft()
    for (let line = this.#next(); ; line = this.#next()) {
      if (line === null) throw this.#error(begin, 'ENTRY_BEGIN without ENTRY_END')
      const [word, ...rest] = line.words
      const fail = (message: string): ScenarioError => this.#error(line, message)
      if (word === 'ENTRY_END') return draft.finish(begin.number)
      if (word === 'MATCH') draft.matchWords(rest, fail)
      else if (word === 'ADJUST') draft.adjustWords(rest, fail)
      else if (word === 'REPLY') draft.replyWords(rest, fail)
      else if (word === 'SECTION') draft.section = sectionName(rest[0], fail)
      else if (word === 'EXTRA_PACKET') draft.nextMessage()
      else if (word === 'HEX_ANSWER_BEGIN') draft.raw = this.#hex(line)
      else draft.record(line.text, line.words, fail)
    }
  }

  #hex(begin: Line): Uint8Array {
    let digits = ''
    for (let line = this.#next(); ; line = this.#next()) {
      if (line === null) throw this.#error(begin, 'HEX_ANSWER_BEGIN without HEX_ANSWER_END')
      if (line.words[0] === 'HEX_ANSWER_END') break
      digits += line.words.join('')
    }
    if (!/^([0-9a-fA-F]{2})*$/.test(digits)) throw this.#error(begin, 'expected pairs of hexadecimal digits')
    return Uint8Array.from(Buffer.from(digits, 'hex'))
  }
}

type Fail = (message: string) => ScenarioError

const emptyMessage: Message = {
  id: 0,
  response: false,
  opcode: Opcode.QUERY,
  authoritative: false,
  truncated: false,
  recursionDesired: false,
  recursionAvailable: false,
  authenticData: false,
  checkingDisabled: false,
  rcode: Rcode.NOERROR,
  question: null,
  answer: [],
  authority: [],
  additional: [],
  edns: null,
}

/** An entry while it is being read. */
class EntryDraft {
  section: SectionName | null = null
  raw: Uint8Array | null = null
  readonly #match = new Set<string>()
  readonly #adjust: Adjustment[] = []
  readonly #given = new Set<SectionName>()
  readonly #messages: Message[] = []
  #message: Message = emptyMessage
  #ede: number | null = null

  nextMessage(): void {
    this.#messages.push(this.#message)
    this.#message = { ...emptyMessage, question: this.#message.question }
    this.section = null
  }

  matchWords(words: readonly string[], fail: Fail): void {
    for (const word of words) {
      const lower = word.toLowerCase()
      const ede = /^ede=(\d+|any)$/.exec(lower)
      if (ede !== null) this.#ede = ede[1] === 'any' ? -1 : Number(ede[1])
      else if (MATCH_WORDS.includes(lower)) this.#match.add(lower)
      else throw fail(`MATCH does not know "${word}"`)
    }
  }

  adjustWords(words: readonly string[], fail: Fail): void {
    for (const word of words) {
      const sleep = /^(?:packet_)?sleep=(\d+)$/.exec(word)
      if (sleep !== null) this.#adjust.push({ kind: 'sleep', seconds: Number(sleep[1]) })
      else if (word === 'copy_id') this.#adjust.push({ kind: 'copy-id' })
      else if (word === 'copy_query') this.#adjust.push({ kind: 'copy-query' })
      else if (word === 'do_not_answer') this.#adjust.push({ kind: 'do-not-answer' })
      else throw fail(`ADJUST does not know "${word}"`)
    }
  }

  replyWords(words: readonly string[], fail: Fail): void {
    const rcodes = new Map<string, number>(Object.entries(Rcode))
    const opcodes = new Map<string, number>(Object.entries(Opcode))
    let m = this.#message
    for (const word of words) {
      const upper = word.toUpperCase()
      const rcode = rcodes.get(upper)
      const opcode = opcodes.get(upper)
      if (upper === 'QR') m = { ...m, response: true }
      else if (upper === 'AA') m = { ...m, authoritative: true }
      else if (upper === 'TC') m = { ...m, truncated: true }
      else if (upper === 'RD') m = { ...m, recursionDesired: true }
      else if (upper === 'RA') m = { ...m, recursionAvailable: true }
      else if (upper === 'AD') m = { ...m, authenticData: true }
      else if (upper === 'CD') m = { ...m, checkingDisabled: true }
      else if (upper === 'DO' || upper === 'EDNS') {
        const edns = {
          payloadSize: simSettings.payloadBytes,
          version: 0,
          dnssecOk: upper === 'DO',
          flags: 0,
          options: [],
        }
        m = { ...m, edns: upper === 'EDNS' && m.edns !== null ? m.edns : edns }
      } else if (rcode !== undefined) m = { ...m, rcode }
      else if (opcode !== undefined) m = { ...m, opcode }
      else throw fail(`REPLY does not know "${word}"`)
    }
    this.#message = m
  }

  record(text: string, words: readonly string[], fail: Fail): void {
    const { section } = this
    if (section === null) throw fail(`"${words[0]}" does not belong here; a record needs a SECTION`)
    this.#given.add(section)
    if (section === 'question') {
      this.#message = { ...this.#message, question: readQuestion(words, fail) }
      return
    }
    const parsed = parseRr(text, simSettings.scenarioTtl)
    if ('error' in parsed) throw fail(parsed.error)
    const list: readonly Rr[] = [...this.#message[section], parsed]
    this.#message = { ...this.#message, [section]: list }
  }

  finish(line: number): Entry {
    const [reply = this.#message, ...more] = this.#messages
    const extra = this.#messages.length > 0 ? [...more, this.#message] : []
    return {
      line,
      match: this.#match,
      adjust: this.#adjust,
      reply,
      sectionsGiven: this.#given,
      raw: this.raw,
      extra,
      ede: this.#ede,
    }
  }
}

function sectionName(word: string | undefined, fail: Fail): SectionName {
  switch (word) {
    case 'QUESTION':
      return 'question'
    case 'ANSWER':
      return 'answer'
    case 'AUTHORITY':
      return 'authority'
    case 'ADDITIONAL':
      return 'additional'
    default:
      throw fail(`SECTION does not know "${word ?? ''}"`)
  }
}

function readQuestion(words: readonly string[], fail: Fail): Message['question'] {
  const [nameText = '', ...rest] = words
  const cased = parseName(nameText, null)
  if (typeof cased !== 'string') throw fail(`"${nameText}": ${cased.error}`)
  const typeText = rest.length > 1 ? (rest[1] ?? '') : (rest[0] ?? '')
  const klass = rest.length > 1 ? classNumber(rest[0] ?? '') : RrClass.IN
  const type = typeNumber(typeText)
  if (type === null || klass === null) throw fail(`expected name class type, found "${words.join(' ')}"`)
  return { name: foldName(cased), cased, type, class: klass }
}

interface Option {
  readonly clause: string
  readonly name: string
  readonly value: string
}

/** `fail` makes an error about one option. */
function configFrom<O extends Option>(
  options: readonly O[],
  fail: (option: O, message: string) => ScenarioError,
): ScenarioConfig {
  const last = (name: string): string | undefined => options.findLast(option => option.name === name)?.value
  const truth = (name: string, byDefault: boolean): boolean => {
    const value = last(name)
    return value === undefined ? byDefault : value === 'yes' || value === 'on' || value === 'true'
  }
  const known = [
    'name',
    'stub-addr',
    'stub-prime',
    'qname-minimisation',
    'query-minimization',
    'qname-minimisation-strict',
    'use-caps-for-id',
    'do-ip4',
    'do-ip6',
    'harden-glue',
    'local-data',
    'limit',
  ]
  const minimise = truth('qname-minimisation', false) || truth('query-minimization', false)
  return {
    rootAddresses: options
      .filter(option => option.clause === 'stub-zone' && option.name === 'stub-addr')
      .map(option => option.value.replace(/@\d+$/, '')),
    minimise: !minimise ? 'off' : truth('qname-minimisation-strict', false) ? 'strict' : 'relaxed',
    mixCase: truth('use-caps-for-id', false),
    ipv4: truth('do-ip4', true),
    ipv6: truth('do-ip6', true),
    hardenGlue: truth('harden-glue', true),
    localData: options.filter(option => option.name === 'local-data').map(option => option.value),
    limits: options
      .filter(option => option.name === 'limit')
      .map(option => {
        const match = /^(\w+)\.(\w+)\s+(\d+)$/.exec(option.value)
        if (match === null) throw fail(option, 'expected limit: "group.name number"')
        return { group: match[1] ?? '', name: match[2] ?? '', value: Number(match[3]) }
      }),
    ignored: options.filter(option => !known.includes(option.name)).map(option => `${option.name}: ${option.value}`),
  }
}

/** Comments begin with `;` or, at the start of a line or after white space, with `#` or `//`; not inside quotes. */
function stripComment(line: string): string {
  let quoted = false
  for (let i = 0; i < line.length; i++) {
    const c = line[i]
    if (c === '\\') i++
    else if (c === '"') quoted = !quoted
    else if (
      !quoted &&
      (c === ';' || ((c === '#' || line.startsWith('//', i)) && (i === 0 || /\s/.test(line[i - 1] ?? ''))))
    )
      return line.slice(0, i)
  }
  return line
}
