/**
 * The words with `+` of `rootwalk query`: what each does to a query that is being put together. One table;
 * `cli/dig-args.ts` walks over the words. As in dig, a word may be cut short as long as it says which one it is:
 * `+norec`, `+multi`.
 */
import { parseIp, type IpAddress } from '../../dns/address.ts'
import type { EdnsOption } from '../../dns/message.ts'
import { suggest } from '../../presentation/suggest.ts'
import { EdnsOptionCode, Opcode } from '../../dns/types.ts'
import type { Show } from '../../render/message.ts'
import { defaultLimits } from '../../limits.ts'
import { plainDraft, type SecureDraft, secureWords } from './dig-secure.ts'

const SHOW_PARTS = ['comments', 'question', 'answer', 'authority', 'additional', 'stats'] as const
type ShowPart = (typeof SHOW_PARTS)[number]

/** A query that is being put together. */
export interface Draft {
  tcp: boolean | null
  secure: SecureDraft
  recurse: boolean
  ad: boolean
  cd: boolean
  aa: boolean
  tc: boolean
  ra: boolean
  z: boolean
  opcode: number
  id: number | null
  headerOnly: boolean
  edns: boolean
  ednsVersion: number
  ednsFlags: number
  ednsOptions: EdnsOption[]
  negotiate: boolean
  cookie: Uint8Array | 'random' | null
  subnet: EdnsOption | null
  /** Null: 128 over TLS and HTTPS, nothing else. */
  padding: number | null
  bufsize: number
  dnssec: boolean
  nsid: boolean
  ignore: boolean
  trace: boolean
  search: boolean
  domains: string[] | null
  dots: number | null
  timeoutMs: number
  tries: number
  form: Show['form']
  parts: Set<ShowPart>
  query: boolean
  identify: boolean
  oneSoa: boolean
  multiline: boolean
  ttlUnits: boolean
  ttl: boolean
  class: boolean
  generic: boolean
  crypto: boolean
  split: number | null
  rrComments: boolean | null
  fullAddresses: boolean
}

export function newDraft(): Draft {
  const { tool, upstream } = defaultLimits
  return {
    tcp: null,
    secure: plainDraft,
    recurse: true,
    ad: true,
    cd: false,
    aa: false,
    tc: false,
    ra: false,
    z: false,
    opcode: Opcode.QUERY,
    id: null,
    headerOnly: false,
    edns: true,
    ednsVersion: 0,
    ednsFlags: 0,
    ednsOptions: [],
    negotiate: true,
    cookie: null,
    subnet: null,
    padding: null,
    bufsize: upstream.ednsPayloadBytes,
    dnssec: false,
    nsid: false,
    ignore: false,
    trace: false,
    search: false,
    domains: null,
    dots: null,
    timeoutMs: tool.queryTimeoutMs,
    tries: tool.queryTries,
    form: 'dig',
    parts: new Set(SHOW_PARTS),
    query: false,
    identify: false,
    oneSoa: false,
    multiline: false,
    ttlUnits: false,
    ttl: true,
    class: true,
    generic: false,
    crypto: true,
    split: null,
    rrComments: null,
    fullAddresses: false,
  }
}

export const copyDraft = (draft: Draft): Draft => ({
  ...draft,
  parts: new Set(draft.parts),
  ednsOptions: [...draft.ednsOptions],
})

interface Word {
  /** Whether `=value` may, must or must not follow. */
  readonly value: 'never' | 'may' | 'must'
  /** Shown in complaints about the value. */
  readonly wanted?: string
  /** False: this value is none. `value` is null without `=`. */
  readonly set: (draft: Draft, on: boolean, value: string | null) => boolean
}

const flip = (set: (draft: Draft, on: boolean) => void): Word => ({
  value: 'never',
  set: (draft, on) => {
    set(draft, on)
    return true
  },
})

const number = (
  min: number,
  max: number,
  set: (draft: Draft, value: number) => void,
  off?: (draft: Draft) => void,
): Word => ({
  value: off === undefined ? 'must' : 'may',
  wanted: `a number from ${min} to ${max}`,
  set: (draft, on, text) => {
    if (!on || text === null) {
      off?.(draft)
      return on ? text !== null || off !== undefined : off !== undefined
    }
    const value = /^\d{1,6}$/.test(text)
      ? Number(text)
      : /^0x[0-9a-f]{1,4}$/i.test(text)
        ? Number.parseInt(text, 16)
        : -1
    if (value < min || value > max) return false
    set(draft, value)
    return true
  },
})

const nothing = flip(() => {})
const form = (name: Show['form']): Word =>
  flip((d, on) => {
    d.form = on ? name : 'dig'
  })

function hexOctets(text: string): Uint8Array | null {
  const digits = text.replaceAll(/[.: ]/g, '')
  return /^(?:[0-9a-f]{2})*$/i.test(digits) ? Uint8Array.from(Buffer.from(digits, 'hex')) : null
}

/** RFC 7871 section 6: family, source prefix length, scope, as many octets of the address as the prefix needs. */
function subnetOption(text: string): EdnsOption | null {
  if (text === '0') return { code: EdnsOptionCode.ECS, data: Uint8Array.of(0, 1, 0, 0) }
  const [address = '', length] = text.split('/', 2)
  const ip: IpAddress | null = parseIp(address)
  if (ip === null) return null
  const bits = ip.bytes.length * 8
  const prefix = length === undefined ? bits : /^\d{1,3}$/.test(length) ? Number(length) : -1
  if (prefix < 0 || prefix > bits) return null
  const octets = Uint8Array.from(ip.bytes.subarray(0, Math.ceil(prefix / 8)))
  const last = octets.length - 1
  if (prefix % 8 !== 0) octets[last] = (octets[last] ?? 0) & (0xff << (8 - (prefix % 8)))
  return { code: EdnsOptionCode.ECS, data: Uint8Array.of(0, ip.family === 4 ? 1 : 2, prefix, 0, ...octets) }
}

function ednsOption(text: string): EdnsOption | null {
  const [name = '', ...rest] = text.split(':')
  const known = new Map<string, number>([...Object.entries(EdnsOptionCode), ['CLIENT-SUBNET', EdnsOptionCode.ECS]])
  const code = /^\d{1,5}$/.test(name) ? Number(name) : (known.get(name.toUpperCase()) ?? -1)
  const data = hexOctets(rest.join(''))
  return code < 0 || code > MAX_U16 || data === null ? null : { code, data }
}

const optionWord = (code: number): Word =>
  flip((d, on) => {
    d.ednsOptions = d.ednsOptions.filter(option => option.code !== code)
    if (on) d.ednsOptions.push({ code, data: new Uint8Array(0) })
  })

function readOpcode(text: string): number | null {
  const named = new Map<string, number>(Object.entries(Opcode)).get(text.toUpperCase())
  const value = named ?? (/^\d{1,2}$/.test(text) ? Number(text) : -1)
  return value >= 0 && value <= MAX_OPCODE ? value : null
}

const MAX_OPCODE = 15
const MAX_U16 = 0xffff
const MAX_U8 = 0xff
/** RFC 7830 section 3 needs no bound; a query has to fit a datagram. */
const MAX_PADDING = 512
const MAX_SECONDS = 300
const MAX_TRIES = 20
const MAX_SPLIT = 1_024
const MAX_DOTS = 15

const words: Readonly<Record<string, Word>> = {
  tcp: flip((d, on) => {
    d.tcp = on
  }),
  vc: flip((d, on) => {
    d.tcp = on
  }),
  recurse: flip((d, on) => {
    d.recurse = on
  }),
  rec: flip((d, on) => {
    d.recurse = on
  }),
  rdflag: flip((d, on) => {
    d.recurse = on
  }),
  adflag: flip((d, on) => {
    d.ad = on
  }),
  ad: flip((d, on) => {
    d.ad = on
  }),
  cdflag: flip((d, on) => {
    d.cd = on
  }),
  cd: flip((d, on) => {
    d.cd = on
  }),
  aaflag: flip((d, on) => {
    d.aa = on
  }),
  aaonly: flip((d, on) => {
    d.aa = on
  }),
  tcflag: flip((d, on) => {
    d.tc = on
  }),
  raflag: flip((d, on) => {
    d.ra = on
  }),
  zflag: flip((d, on) => {
    d.z = on
  }),
  opcode: {
    value: 'may',
    wanted: 'a name such as NOTIFY or a number from 0 to 15',
    set: (d, on, value) => {
      const opcode = on && value !== null ? readOpcode(value) : on ? null : Opcode.QUERY
      d.opcode = opcode ?? d.opcode
      return opcode !== null
    },
  },
  qid: number(
    0,
    MAX_U16,
    (d, value) => {
      d.id = value
    },
    d => {
      d.id = null
    },
  ),
  'header-only': flip((d, on) => {
    d.headerOnly = on
  }),
  dnssec: flip((d, on) => {
    d.dnssec = on
  }),
  do: flip((d, on) => {
    d.dnssec = on
  }),
  edns: {
    value: 'may',
    wanted: `a number from 0 to ${MAX_U8}`,
    set: (d, on, value) => {
      d.edns = on
      const version = value === null ? 0 : /^\d{1,3}$/.test(value) ? Number(value) : -1
      d.ednsVersion = version
      return version >= 0 && version <= MAX_U8
    },
  },
  ednsflags: number(
    0,
    MAX_U16,
    (d, value) => {
      d.ednsFlags = value
    },
    d => {
      d.ednsFlags = 0
    },
  ),
  ednsnegotiation: flip((d, on) => {
    d.negotiate = on
  }),
  ednsopt: {
    value: 'may',
    wanted: 'a code and octets in hex such as 65001:0a0b',
    set: (d, on, value) => {
      if (!on) d.ednsOptions = []
      const option = value === null ? null : ednsOption(value)
      if (on && option !== null) d.ednsOptions.push(option)
      return !on || option !== null
    },
  },
  cookie: {
    value: 'may',
    wanted: '8 to 40 octets in hex',
    set: (d, on, value) => {
      const octets = value === null ? null : hexOctets(value)
      d.cookie = !on ? null : (octets ?? 'random')
      return (
        value === null ||
        (octets !== null && (octets.length === COOKIE_OCTETS || (octets.length > 15 && octets.length <= 40)))
      )
    },
  },
  subnet: {
    value: 'may',
    wanted: 'an address or block such as 192.0.2.0/24, or 0',
    set: (d, on, value) => {
      d.subnet = on && value !== null ? subnetOption(value) : null
      return !on || d.subnet !== null
    },
  },
  padding: number(
    0,
    MAX_PADDING,
    (d, value) => {
      d.padding = value
    },
    d => {
      d.padding = 0
    },
  ),
  expire: optionWord(EdnsOptionCode.EXPIRE),
  keepalive: optionWord(EdnsOptionCode.KEEPALIVE),
  nsid: flip((d, on) => {
    d.nsid = on
  }),
  bufsize: number(
    0,
    MAX_U16,
    (d, value) => {
      d.bufsize = value
    },
    d => {
      d.bufsize = defaultLimits.upstream.ednsPayloadBytes
    },
  ),
  ignore: flip((d, on) => {
    d.ignore = on
  }),
  trace: flip((d, on) => {
    d.trace = on
  }),
  search: flip((d, on) => {
    d.search = on
  }),
  defname: flip((d, on) => {
    d.search = on
  }),
  domain: {
    value: 'may',
    wanted: 'a domain name',
    set: (d, on, value) => {
      d.search = on
      d.domains = on && value !== null ? [value] : null
      return !on || (value !== null && value !== '')
    },
  },
  ndots: number(0, MAX_DOTS, (d, value) => {
    d.dots = value
  }),
  time: number(1, MAX_SECONDS, (d, value) => {
    d.timeoutMs = value * 1_000
  }),
  timeout: number(1, MAX_SECONDS, (d, value) => {
    d.timeoutMs = value * 1_000
  }),
  tries: number(1, MAX_TRIES, (d, value) => {
    d.tries = value
  }),
  retry: number(0, MAX_TRIES - 1, (d, value) => {
    d.tries = value + 1
  }),
  short: form('short'),
  json: form('json'),
  yaml: form('yaml'),
  all: flip((d, on) => {
    d.parts = new Set(on ? SHOW_PARTS : [])
  }),
  cmd: nothing,
  // Of one server: there is no other one to turn to.
  fail: nothing,
  besteffort: nothing,
  showsearch: nothing,
  badcookie: nothing,
  keepopen: nothing,
  idnin: nothing,
  idnout: nothing,
  qr: flip((d, on) => {
    d.query = on
  }),
  identify: flip((d, on) => {
    d.identify = on
  }),
  ...secureWords,
  onesoa: flip((d, on) => {
    d.oneSoa = on
  }),
  multiline: flip((d, on) => {
    d.multiline = on
  }),
  ttlunits: flip((d, on) => {
    d.ttlUnits = on
  }),
  ttlid: flip((d, on) => {
    d.ttl = on
  }),
  ttl: flip((d, on) => {
    d.ttl = on
  }),
  class: flip((d, on) => {
    d.class = on
  }),
  cl: flip((d, on) => {
    d.class = on
  }),
  unknownformat: flip((d, on) => {
    d.generic = on
  }),
  crypto: flip((d, on) => {
    d.crypto = on
  }),
  rrcomments: flip((d, on) => {
    d.rrComments = on
  }),
  expandaaaa: flip((d, on) => {
    d.fullAddresses = on
  }),
  split: number(
    0,
    MAX_SPLIT,
    (d, value) => {
      d.split = value
    },
    d => {
      d.split = 0
    },
  ),
  ...Object.fromEntries(
    SHOW_PARTS.map(part => [
      part,
      flip((d, on) => {
        d.parts[on ? 'add' : 'delete'](part)
      }),
    ]),
  ),
}

/** RFC 7873 section 4: a client's cookie. */
export const COOKIE_OCTETS = 8

/** What dig can do and this cannot, with what to do instead. */
const elsewhere: Readonly<Record<string, string>> = {
  'tls-certfile': 'certificates of clients are not shown to servers',
  'tls-keyfile': 'certificates of clients are not shown to servers',
  quic: 'DNS over QUIC needs a Node.js built with it, which no released one is',
  nssearch: 'ask for NS, and then each of the servers for SOA',
  mapped: 'addresses are asked over their own family',
  dns64prefix: 'ask for ipv4only.arpa AAAA',
}

/** All words, without their `+`, for completion and help. */
export const PLUS_WORDS: readonly string[] = Object.keys(words)

/** What is wrong with the word, or null. `text` is what follows the `+`. */
export function applyPlusWord(draft: Draft, text: string): string | null {
  const equals = text.indexOf('=')
  const typed = equals < 0 ? text : text.slice(0, equals)
  const value = equals < 0 ? null : text.slice(equals + 1)
  const found = findWord(typed.toLowerCase())
  if (found === null || (value !== null && found.word.value === 'never')) return unknownWord(text, typed)
  if (found.word.value === 'must' && value === null) return `+${typed} takes ${found.word.wanted}: +${found.name}=…`
  if (found.word.set(draft, found.on, value)) return null
  return `+${found.name} takes ${found.word.wanted}, not "${value ?? ''}"`
}

interface Found {
  readonly name: string
  readonly word: Word
  readonly on: boolean
}

/** A whole word, or the beginning of just one. */
function findWord(typed: string): Found | null {
  for (const on of [true, false]) {
    if (!on && !typed.startsWith('no')) continue
    const name = on ? typed : typed.slice(2)
    const word = Object.hasOwn(words, name) ? words[name] : undefined
    if (word !== undefined) return { name, word, on }
  }
  const beginnings = [true, false].flatMap((on): Found[] => {
    const start = on ? typed : typed.startsWith('no') ? typed.slice(2) : ''
    if (start.length < SHORTEST_BEGINNING) return []
    return Object.entries(words).flatMap(([name, word]) => (name.startsWith(start) ? [{ name, word, on }] : []))
  })
  const [only] = beginnings
  return only !== undefined && beginnings.every(({ word }) => word.set === only.word.set) ? only : null
}

/** Of a word that is cut short. */
const SHORTEST_BEGINNING = 2

function unknownWord(text: string, typed: string): string {
  const bare = typed.startsWith('no') ? typed.slice(2) : typed
  const [, instead] = Object.entries(elsewhere).find(([name]) => bare === name || bare.startsWith(`${name}-`)) ?? []
  if (instead !== undefined) return `+${typed} is not taken: ${instead}`
  const near = suggest(typed, [...PLUS_WORDS, ...PLUS_WORDS.map(name => `no${name}`)])
  return `unknown option +${text}${near === null ? '' : ` (did you mean +${near}?)`}`
}
