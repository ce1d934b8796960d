/**
 * What `rootwalk query` is asked to do, read from words in the order that dig takes them: a name, a type, a
 * class, @server and +options, anywhere. Words become a value or a complaint; nothing is sent here.
 */
import { isIP } from 'node:net'
import { parseIp, type IpAddress } from '../dns/address.ts'
import { foldName, nameFromLabels, type WireName } from '../dns/name.ts'
import type { Question } from '../dns/message.ts'
import { suggest } from '../presentation/suggest.ts'
import { classNumber, RrClass, RrType, typeNumber } from '../dns/types.ts'
import { defaultLimits } from '../limits.ts'
import type { Show } from '../render/message.ts'
import { readName } from '../system/idna.ts'

export interface DigQuery {
  readonly question: Question
  readonly cased: WireName
  /** As after @; null when none was named. */
  readonly server: string | null
  readonly port: number | null
  readonly tcp: boolean
  readonly recursionDesired: boolean
  readonly authenticData: boolean
  readonly checkingDisabled: boolean
  /** Null sends no OPT. */
  readonly edns: { readonly payloadSize: number; readonly dnssecOk: boolean; readonly nsid: boolean } | null
  /** Show a truncated reply instead of asking again over TCP. */
  readonly ignoreTruncation: boolean
  readonly timeoutMs: number
  readonly tries: number
  readonly show: Show
}

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

export type DigResult =
  | { readonly kind: 'query'; readonly query: DigQuery }
  | { readonly kind: 'usage'; readonly message: string }

const SHOW_PARTS = ['comments', 'question', 'answer', 'authority', 'additional', 'stats'] as const
type ShowPart = (typeof SHOW_PARTS)[number]

interface Draft {
  server: string | null
  tcp: boolean
  recurse: boolean
  ad: boolean
  cd: boolean
  edns: boolean
  bufsize: number
  dnssec: boolean
  nsid: boolean
  ignore: boolean
  timeoutMs: number
  tries: number
  form: Show['form']
  parts: Set<ShowPart>
}

/** +word and +noword. */
const switches: Readonly<Record<string, (draft: Draft, on: boolean) => void>> = {
  tcp: (d, on) => {
    d.tcp = on
  },
  vc: (d, on) => {
    d.tcp = on
  },
  recurse: (d, on) => {
    d.recurse = on
  },
  rec: (d, on) => {
    d.recurse = on
  },
  rdflag: (d, on) => {
    d.recurse = on
  },
  adflag: (d, on) => {
    d.ad = on
  },
  ad: (d, on) => {
    d.ad = on
  },
  cdflag: (d, on) => {
    d.cd = on
  },
  cd: (d, on) => {
    d.cd = on
  },
  dnssec: (d, on) => {
    d.dnssec = on
  },
  do: (d, on) => {
    d.dnssec = on
  },
  edns: (d, on) => {
    d.edns = on
  },
  nsid: (d, on) => {
    d.nsid = on
  },
  ignore: (d, on) => {
    d.ignore = on
  },
  short: (d, on) => {
    d.form = on ? 'short' : 'dig'
  },
  json: (d, on) => {
    d.form = on ? 'json' : 'dig'
  },
  all: (d, on) => {
    d.parts = new Set(on ? SHOW_PARTS : [])
  },
  cmd: () => {},
  ...Object.fromEntries(
    SHOW_PARTS.map(part => [
      part,
      (d: Draft, on: boolean) => {
        d.parts[on ? 'add' : 'delete'](part)
      },
    ]),
  ),
}

/** +word=number. */
const numbers: Readonly<
  Record<string, { readonly min: number; readonly max: number; readonly set: (draft: Draft, value: number) => void }>
> = {
  bufsize: {
    min: 0,
    max: 0xffff,
    set: (d, value) => {
      d.bufsize = value
    },
  },
  time: {
    min: 1,
    max: 300,
    set: (d, value) => {
      d.timeoutMs = value * 1_000
    },
  },
  timeout: {
    min: 1,
    max: 300,
    set: (d, value) => {
      d.timeoutMs = value * 1_000
    },
  },
  tries: {
    min: 1,
    max: 20,
    set: (d, value) => {
      d.tries = value
    },
  },
  retry: {
    min: 0,
    max: 19,
    set: (d, value) => {
      d.tries = value + 1
    },
  },
}

export function readDigWords(words: readonly string[], options: DigOptions = {}): DigResult {
  const { tool, upstream } = defaultLimits
  const draft: Draft = {
    server: null,
    tcp: options.tcp ?? false,
    recurse: true,
    ad: true,
    cd: false,
    edns: true,
    bufsize: upstream.ednsPayloadBytes,
    dnssec: options.dnssec ?? false,
    nsid: false,
    ignore: false,
    timeoutMs: tool.queryTimeoutMs,
    tries: tool.queryTries,
    form: options.json === true ? 'json' : options.short === true ? 'short' : 'dig',
    parts: new Set(SHOW_PARTS),
  }
  const plain: string[] = []
  for (const word of words) {
    if (word.startsWith('@')) draft.server = word.slice(1)
    else if (word.startsWith('+')) {
      const complaint = applyOption(draft, word.slice(1))
      if (complaint !== null) return { kind: 'usage', message: complaint }
    } else plain.push(word)
  }
  if (draft.server === '') return usage('@ needs an address or a host name behind it')
  const asked = readQuestion(plain, options)
  if ('message' in asked) return usage(asked.message)
  const { bufsize, dnssec, edns, nsid } = draft
  return {
    kind: 'query',
    query: {
      ...asked,
      server: draft.server,
      port: options.port ?? null,
      tcp: draft.tcp,
      recursionDesired: draft.recurse,
      authenticData: draft.ad,
      checkingDisabled: draft.cd,
      edns: edns || dnssec || nsid ? { payloadSize: bufsize, dnssecOk: dnssec, nsid } : null,
      ignoreTruncation: draft.ignore,
      timeoutMs: draft.timeoutMs,
      tries: draft.tries,
      show: {
        form: draft.form,
        comments: draft.parts.has('comments'),
        question: draft.parts.has('question'),
        answer: draft.parts.has('answer'),
        authority: draft.parts.has('authority'),
        additional: draft.parts.has('additional'),
        stats: draft.parts.has('stats'),
      },
    },
  }
}

const usage = (message: string): DigResult => ({ kind: 'usage', message })

function applyOption(draft: Draft, text: string): string | null {
  const [word = '', value] = text.split('=', 2)
  if (value !== undefined) {
    const number = numbers[word]
    if (number === undefined || !Object.hasOwn(numbers, word)) return unknownOption(text, word)
    const parsed = /^\d{1,6}$/.test(value) ? Number(value) : -1
    if (parsed < number.min || parsed > number.max)
      return `+${word} takes a number from ${number.min} to ${number.max}, not "${value}"`
    number.set(draft, parsed)
    return null
  }
  const negative = word.startsWith('no') && Object.hasOwn(switches, word.slice(2))
  const flip = negative ? switches[word.slice(2)] : Object.hasOwn(switches, word) ? switches[word] : undefined
  if (flip === undefined) return unknownOption(text, word)
  flip(draft, !negative)
  return null
}

function unknownOption(text: string, word: string): string {
  const known = Object.keys(switches)
  const near = suggest(word, [...known, ...known.map(name => `no${name}`), ...Object.keys(numbers)])
  return `unknown option +${text}${near === null ? '' : ` (did you mean +${near}?)`}`
}

interface Asked {
  readonly question: Question
  readonly cased: WireName
}

function readQuestion(words: readonly string[], options: DigOptions): Asked | { readonly message: string } {
  const reverse = options.reverse === undefined ? null : parseIp(options.reverse)
  if (options.reverse !== undefined && reverse === null)
    return { message: `-x takes an address, not "${options.reverse}"` }
  let name: string | null = null
  let type: number | null = null
  let klass: number | null = null
  const given: readonly string[] = [
    ...words,
    ...(options.type === undefined ? [] : [options.type]),
    ...(options.class === undefined ? [] : [options.class]),
  ]
  for (const [index, word] of given.entries()) {
    // The first word is the name, even one that looks like a type: "query a" asks for the name a.
    if (index < words.length && name === null && reverse === null) {
      name = word
    } else if (type === null && typeNumber(word) !== null) type = typeNumber(word)
    else if (klass === null && classNumber(word) !== null) klass = classNumber(word)
    else return { message: `"${word}" is neither a type nor a class${nearType(word)}` }
  }
  const cased = reverse === null ? readName(name ?? '.') : reverseName(reverse)
  if (typeof cased !== 'string') return { message: cased.error }
  const fallback = reverse !== null ? RrType.PTR : name === null ? RrType.NS : RrType.A
  return { question: { name: foldName(cased), type: type ?? fallback, class: klass ?? RrClass.IN }, cased }
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
