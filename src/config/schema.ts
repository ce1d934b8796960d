/**
 * What a configuration file may say: one schema, from which validation, the JSON Schema for editors, the settings table
 * of the README, the flags of `serve` and the environment variables are all made. It knows forms and defaults; what a
 * value means to the program is decided in `config.ts`.
 */
import { z } from 'zod'
import { parseIp, parsePrefix } from '../dns/address.ts'
import { MAX_STRING_OCTETS } from '../presentation/text.ts'
import { algorithmOf, digestOf } from '../dnssec/algorithms.ts'
import { defaultLimits, type RrOrder } from '../limits.ts'
import { DNS_PORT } from '../ports.ts'

/**
 * Addresses that no name server on the Internet has, and why asking them is wrong. IPv4-mapped IPv6 addresses are the
 * IPv4 addresses in them before they get here. Private addresses are not among these: servers inside a network are
 * ordinary.
 */
export const neverAsked: readonly { readonly prefix: string; readonly why: string }[] = [
  {
    prefix: '0.0.0.0/8',
    why: 'this host on this network (RFC 1122 section 3.2.1.3); many systems deliver it to themselves',
  },
  { prefix: '127.0.0.0/8', why: 'loopback: a zone could make us ask our own services, or ourselves' },
  { prefix: '169.254.0.0/16', why: 'link-local (RFC 3927): metadata services of clouds' },
  { prefix: '192.0.2.0/24', why: 'documentation (RFC 5737)' },
  { prefix: '198.51.100.0/24', why: 'documentation (RFC 5737)' },
  { prefix: '203.0.113.0/24', why: 'documentation (RFC 5737)' },
  { prefix: '224.0.0.0/4', why: 'multicast: one question would reach many' },
  { prefix: '240.0.0.0/4', why: 'reserved, with the broadcast address (RFC 1112 section 4, RFC 919 section 7)' },
  { prefix: '::/128', why: 'unspecified; many systems deliver it to themselves' },
  { prefix: '::1/128', why: 'loopback' },
  { prefix: '100::/64', why: 'discard-only (RFC 6666)' },
  { prefix: '2001:db8::/32', why: 'documentation (RFC 3849)' },
  { prefix: '3fff::/20', why: 'documentation (RFC 9637)' },
  { prefix: 'fe80::/10', why: 'link-local: metadata services, neighbours' },
  { prefix: 'ff00::/8', why: 'multicast: one question would reach many' },
]

/** An address to listen on, and its port. */
export interface Binding {
  readonly address: string
  readonly port: number
}

/**
 * `127.0.0.1:53`, `[::1]:53`, or an address alone for port 53; null when it is none of these. Port 0 lets the system
 * choose.
 */
export function parseBinding(text: string): Binding | null {
  const match = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text) ?? /^([^:]+)(?::(\d{1,5}))?$/.exec(text)
  const [, address, digits] = match ?? [text, text, undefined]
  const port = digits === undefined ? DNS_PORT : Number(digits)
  if (
    address === undefined ||
    parseIp(address) === null ||
    port > MAX_PORT ||
    (text.startsWith('[') && !address.includes(':'))
  )
    return null
  return { address, port }
}

const MAX_PORT = 0xffff
/** Each has its own heap, and answers some 100,000 queries a second: above that the network card is the bound. */
const MAX_THREADS = 64
const MEBIBYTE = 1024 * 1024
const UNITS: ReadonlyMap<string, number> = new Map([
  ['KiB', 1024],
  ['MiB', MEBIBYTE],
  ['GiB', 1024 * MEBIBYTE],
])

/** Octets from a number or from text such as `64MiB`; null when it is neither. */
export function parseBytes(value: number | string): number | null {
  if (typeof value === 'number') return value
  const match = /^(\d{1,6})\s*(KiB|MiB|GiB)$/.exec(value)
  return match === null ? null : Number(match[1]) * (UNITS.get(match[2] ?? '') ?? 1)
}

/** What is not believed: a DNSKEY algorithm or a DS digest type. */
export interface Disallowed {
  readonly what: 'algorithm' | 'digest'
  readonly number: number
}

/**
 * A mnemonic, or a number. Numbers up to 4 are digest types and greater ones algorithms: no algorithm up to 4 and no
 * digest type above 4 is believed by anybody, so no number means two things. Null when it is neither.
 */
export function parseDisallowed(entry: string | number): Disallowed | null {
  const digest = digestOf(String(entry))
  if (digest !== null) return { what: 'digest', number: digest }
  const number = typeof entry === 'number' ? entry : algorithmOf(entry)
  if (number === null || !Number.isInteger(number) || number < 1 || number > 0xff) return null
  return { what: number <= GREATEST_DIGEST && /^\d+$/.test(String(entry)) ? 'digest' : 'algorithm', number }
}

const GREATEST_DIGEST = 4

/**
 * Seconds since 1970 of a date such as `2026-12-31` or a time such as `2026-12-31T12:00:00Z`; null when it is neither.
 */
export function parseInstant(text: string): number | null {
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:\d\d))?$/.test(text)) return null
  const instant = Date.parse(text)
  // 2026-02-30 is taken for March 2 by some readers of dates.
  return Number.isNaN(instant) ||
    new Date(`${text.slice(0, 10)}T00:00:00Z`).toISOString().slice(0, 10) !== text.slice(0, 10)
    ? null
    : Math.floor(instant / 1_000)
}

/** In the list of `dnssec.trustAnchors`: those that hold when it is not given. */
export const BUILT_IN = 'built-in'

const { budget, cache, server, tcp, dnssec } = defaultLimits

const prefixText = z.string().refine(text => parsePrefix(text) !== null, {
  error: 'expected an address or block such as 192.168.0.0/16 or 2001:db8::/32, without bits behind the prefix',
})
const bindingText = z.string().refine(text => parseBinding(text) !== null, {
  error: 'expected an address and port such as 127.0.0.1:53 or [::1]:53',
})
const bytesError = { error: 'expected a number of octets from 1048576, or text such as "64MiB"' }
const bytes = z.union(
  [z.int(bytesError).min(MEBIBYTE, bytesError), z.string().regex(/^\d{1,6}\s*(KiB|MiB|GiB)$/, bytesError)],
  bytesError,
)
const seconds = z.int().min(0).max(defaultLimits.cache.maxTtl)
const count = z.int().min(1)
const shortText = z.string().refine(text => new TextEncoder().encode(text).length <= MAX_STRING_OCTETS, {
  error: `expected at most ${MAX_STRING_OCTETS} octets`,
})

const zoneEntry = z.union(
  [
    z.string().min(1),
    z.strictObject({
      file: z.string().min(1).describe('A master file, or a pattern with * and ?.'),
      origin: z
        .string()
        .min(1)
        .optional()
        .describe('The first origin, for a file that has no $ORIGIN and is not called after its zone.'),
    }),
  ],
  { error: 'expected a file or pattern such as "zones/*.zone", or {"file": …, "origin": …}' },
)

const recordData = z.union([z.string(), z.array(z.string()).min(1)], {
  error: 'expected the data of a record as text, or a list of them',
})
const records = z.union(
  [
    z.record(z.string(), z.object({ ttl: z.int().min(0).max(0x7fff_ffff).optional() }).catchall(recordData)),
    z.array(z.string().min(1)),
  ],
  { error: 'expected {"name": {"A": "192.0.2.1"}} or a list of lines such as "name. 300 IN A 192.0.2.1"' },
)

const anchorFiles = z.union([z.string().min(1), z.array(z.string().min(1))], {
  error: 'expected a file, or a list of them in which "built-in" stands for the root\'s',
})
const disallowed = z.union([z.int(), z.string()]).refine(entry => parseDisallowed(entry) !== null, {
  error: 'expected an algorithm or digest type such as "RSASHA1", "SHA-1" or 7',
})
const negativeAnchor = z.strictObject(
  {
    name: z.string().describe('This name and what is below it is not validated (RFC 7646).'),
    until: z
      .string()
      .refine(text => parseInstant(text) !== null, { error: 'expected a time such as 2026-12-31T12:00:00Z' })
      .describe('When that ends.'),
  },
  {
    error: issue =>
      issue.code === 'invalid_type' ? 'expected {"name": "example.com", "until": "2026-12-31T12:00:00Z"}' : undefined,
  },
)

/** A configuration that is well formed, defaults filled in. */
export interface RawConfig {
  readonly $schema?: string | undefined
  readonly listen: readonly string[]
  readonly udp: 'auto' | 'batch' | 'plain'
  readonly threads: number
  readonly allow: readonly string[]
  readonly zones: readonly (string | { readonly file: string; readonly origin?: string | undefined })[]
  readonly records: RawRecords
  readonly specialUse: boolean | Readonly<Record<string, boolean>>
  readonly rootHints?: string | undefined
  readonly upstream: {
    readonly port: number
    readonly ipv4: boolean
    readonly ipv6: boolean | 'auto'
    readonly minimise: 'off' | 'relaxed' | 'strict'
    readonly mixCase: boolean
    readonly hardenGlue: boolean
    readonly doNotQuery: readonly string[]
  }
  readonly dnssec: {
    readonly validate: boolean
    readonly trustAnchors?: string | readonly string[] | undefined
    readonly negativeTrustAnchors: readonly { readonly name: string; readonly until: string }[]
    readonly nsec3MaxIterations: number
    readonly disallow: readonly (string | number)[]
    readonly managedAnchors: string | false
    readonly aggressiveUse: boolean
    readonly rootKeySentinel: boolean
    readonly trustAnchorSignal: boolean
  }
  readonly cache: {
    readonly bytes: number | string
    readonly minTtl: number
    readonly maxTtl: number
    readonly maxNegativeTtl: number
    readonly rotate: RrOrder
  }
  readonly budget: {
    readonly queries: number
    readonly receivedBytes: number
    readonly timeMs: number
    readonly depth: number
    readonly aliases: number
  }
  readonly clients: { readonly udpReplyBytes: number; readonly waiting: number; readonly discardAfterMs: number }
  readonly tcp: {
    readonly connections: number
    readonly connectionsPerPrefix: number
    readonly idleMs: number
    readonly pipelined: number
  }
  readonly identity: { readonly version: string; readonly id: string }
  readonly warmUp: boolean
  readonly log: { readonly level: LogLevel; readonly form: 'auto' | 'pretty' | 'json' }
  readonly queryLog: { readonly file?: string | undefined; readonly clients: 'full' | 'prefix' | 'none' }
}

/** Lines, or name → type → data with an optional `ttl` among the types. */
export type RawRecords =
  | readonly string[]
  | Readonly<Record<string, Readonly<Record<string, string | readonly string[] | number | undefined>>>>
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

/** One thing that is wrong, with where it is. `unknownKeys` are keys of the object at `path` that mean nothing. */
interface SchemaIssue {
  readonly path: readonly (string | number)[]
  readonly message: string
  readonly unknownKeys: readonly string[]
}

export type Validated =
  | { readonly kind: 'valid'; readonly config: RawConfig }
  | { readonly kind: 'invalid'; readonly issues: readonly SchemaIssue[] }

export function validateConfig(value: unknown): Validated {
  // The parser that zod would generate for an object costs more than this one parse.
  const parsed = configSchema.safeParse(value, { jitless: true })
  return parsed.success
    ? { kind: 'valid', config: parsed.data }
    : { kind: 'invalid', issues: parsed.error.issues.flatMap(issue => plainIssues(issue, [])) }
}

const configSchema = z.strictObject({
  $schema: z.string().optional().describe('The JSON Schema of this file, for completion in editors. Has no effect.'),

  listen: z
    .array(bindingText)
    .min(1)
    .default(['127.0.0.1:53', '[::1]:53'])
    .describe('Addresses and ports for UDP and TCP. 0.0.0.0 and [::] mean every local address of the family.'),
  udp: z
    .enum(['auto', 'batch', 'plain'])
    .default('auto')
    .describe(
      'How datagrams are moved: "batch", those of clients many with one system call in threads of their own, queries to servers over bare descriptors (Linux); "plain", one by one through node:dgram; "auto", in batches where it can be had.',
    ),
  threads: z
    .int()
    .min(1)
    .max(MAX_THREADS)
    .default(1)
    .describe('Threads that answer from the cache, with "batch". More pay only when one keeps a core busy.'),
  allow: z.array(prefixText).default(['127.0.0.0/8', '::1/128']).describe('Who may ask. Everyone else is refused.'),

  zones: z
    .array(zoneEntry)
    .default([])
    .describe(
      'Master files of zones served from here, as files or patterns relative to this file. Watched and reloaded.',
    ),
  records: records
    .default({})
    .describe('Single records that override the Internet: name → type → data. Other names are resolved as usual.'),
  specialUse: z
    .union([z.boolean(), z.record(z.string(), z.boolean())], { error: 'expected true, false, or {"name": false}' })
    .default(true)
    .describe(
      'Answer special-use names (localhost, private reverse zones, .onion …) here: true, false, or {"name": false} to leave out single ones.',
    ),
  rootHints: z.string().min(1).optional().describe('A hints file instead of the built-in root servers.'),

  upstream: z
    .strictObject({
      port: z.int().min(1).max(MAX_PORT).default(DNS_PORT).describe('Port of the servers that are asked.'),
      ipv4: z.boolean().default(true).describe('Ask servers over IPv4.'),
      ipv6: z
        .union([z.boolean(), z.literal('auto')], { error: 'expected true, false or "auto"' })
        .default('auto')
        .describe('Ask servers over IPv6; "auto" notices when there is no way.'),
      minimise: z
        .enum(['off', 'relaxed', 'strict'])
        .default('relaxed')
        .describe('QNAME minimisation (RFC 9156). "relaxed" asks in full when a server stumbles over it.'),
      mixCase: z.boolean().default(true).describe('Random letter case in questions (0x20) against forged replies.'),
      hardenGlue: z
        .boolean()
        .default(true)
        .describe('Believe addresses of name servers only from servers in charge of them.'),
      doNotQuery: z
        .array(prefixText)
        .default(neverAsked.map(never => never.prefix))
        .describe('Addresses that are never asked, whatever a zone says. [] allows all.'),
    })
    .prefault({})
    .describe('How servers on the Internet are asked.'),

  dnssec: z
    .strictObject({
      validate: z
        .boolean()
        .default(true)
        .describe('Check signatures from the trust anchors down; what does not hold is answered SERVFAIL.'),
      trustAnchors: anchorFiles
        .optional()
        .describe(
          'Files with DS or DNSKEY records that are believed, at any names. They stand instead of the built-in keys of the root, unless "built-in" is one of the list. [] is none.',
        ),
      negativeTrustAnchors: z
        .array(negativeAnchor)
        .default([])
        .describe(
          'Names below which nothing is validated until a time, for zones that broke their signatures (RFC 7646).',
        ),
      nsec3MaxIterations: z
        .int()
        .min(0)
        .max(dnssec.nsec3IterationsMost)
        .default(dnssec.nsec3Iterations)
        .describe('Zones with more hash iterations in NSEC3 records are treated as unsigned (RFC 9276).'),
      disallow: z
        .array(disallowed)
        .default([])
        .describe(
          'Algorithms and digest types that are not believed: zones without others are treated as unsigned. RFC 9905 wants "RSASHA1", "NSEC3RSASHA1" and "SHA-1" here in time.',
        ),
      managedAnchors: z
        .union([z.string().min(1), z.literal(false)], { error: 'expected a file, or false' })
        .default(false)
        .describe(
          'Follow key roll-overs of the trust anchors by themselves (RFC 5011) and keep their state in this file. Its directory must be writable.',
        ),
      aggressiveUse: z
        .boolean()
        .default(true)
        .describe('Deny names from validated denials already held, without asking (RFC 8198).'),
      rootKeySentinel: z
        .boolean()
        .default(false)
        .describe('Let clients test which keys of the root are trusted here (RFC 8509).'),
      trustAnchorSignal: z
        .boolean()
        .default(false)
        .describe('Tell the servers of a trust anchor which keys are trusted here, once a day (RFC 8145).'),
    })
    .prefault({})
    .describe('Validation of signed zones.'),

  cache: z
    .strictObject({
      bytes: bytes.default(cache.totalBytes).describe('Memory for everything that is cached, in octets or as "64MiB".'),
      minTtl: seconds.default(cache.minTtl).describe('Answers are kept at least this long. Seconds.'),
      maxTtl: seconds.default(cache.maxTtl).describe('Answers are kept at most this long. Seconds.'),
      maxNegativeTtl: seconds
        .default(cache.maxNegativeTtl)
        .describe('Denials (no such name, no such data) are kept at most this long. Seconds.'),
      rotate: z
        .enum(['fixed', 'cyclic', 'random'])
        .default(cache.rotate)
        .describe('Order of the addresses in cached answers: as they came, each time one further, or from any one on.'),
    })
    .prefault({})
    .describe('What is remembered, and for how long.'),

  budget: z
    .strictObject({
      queries: count.max(1_000).default(budget.queries).describe('Messages to servers.'),
      receivedBytes: count.default(budget.receivedBytes).describe('Octets received from servers.'),
      timeMs: z.int().min(100).max(60_000).default(budget.timeMs).describe('Time. Milliseconds.'),
      depth: count.max(64).default(budget.depth).describe('Look-ups of server addresses within each other.'),
      aliases: count.max(64).default(budget.aliases).describe('CNAME and DNAME records followed.'),
    })
    .prefault({})
    .describe('What one query of a client may cost in all. Never reset while it runs.'),

  clients: z
    .strictObject({
      udpReplyBytes: z
        .int()
        .min(512)
        .max(4_096)
        .default(server.udpReplyBytes)
        .describe('Largest UDP reply whatever a client offers.'),
      waiting: count
        .default(server.waitingPerClient)
        .describe('Queries of one address that may wait for an answer; more are dropped.'),
      discardAfterMs: count
        .default(server.discardAfterMs)
        .describe('Answers over UDP later than this are not sent to a client with many queries waiting. Milliseconds.'),
    })
    .prefault({})
    .describe('Bounds for clients.'),

  tcp: z
    .strictObject({
      connections: count.default(tcp.connections).describe('Connections in all.'),
      connectionsPerPrefix: count
        .default(tcp.connectionsPerPrefix)
        .describe('Connections from one IPv4 address or IPv6 /64.'),
      idleMs: z
        .int()
        .min(100)
        .default(tcp.idleMs)
        .describe('An idle connection is closed after this time. Milliseconds.'),
      pipelined: count.default(tcp.pipelined).describe('Queries in work on one connection; reading stops above it.'),
    })
    .prefault({})
    .describe('Bounds for TCP clients.'),

  identity: z
    .strictObject({
      version: shortText.default('hidden').describe('Told for version.bind; "hidden" refuses.'),
      id: shortText.default('hidden').describe('Told for id.server, hostname.bind and NSID; "hidden" refuses.'),
    })
    .prefault({})
    .describe('What is told to those who ask about the server itself.'),

  warmUp: z
    .boolean()
    .default(true)
    .describe(
      'Ask a private engine made-up questions in the idle time after the start of `serve`, so that the code is compiled when clients come: about two seconds of processor time, and the first thousand look-ups take less than half as long.',
    ),

  log: z
    .strictObject({
      level: z
        .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
        .default('info')
        .describe('The least important messages that are written.'),
      form: z
        .enum(['auto', 'pretty', 'json'])
        .default('auto')
        .describe('"auto" is for reading on a terminal and JSON lines elsewhere.'),
    })
    .prefault({})
    .describe('Messages on standard error.'),

  queryLog: z
    .strictObject({
      file: z.string().min(1).optional().describe('One JSON line for each query goes here. Off when absent.'),
      clients: z
        .enum(['full', 'prefix', 'none'])
        .default('full')
        .describe('How much of a client’s address is written: all, its /24 or /56, nothing.'),
    })
    .prefault({})
    .describe('Who asked what.'),
})

/** Of alternatives that all fail, the one is told that came closest: it got inside the value. */
function plainIssues(issue: z.core.$ZodIssue, above: readonly PropertyKey[]): SchemaIssue[] {
  const path = [...above, ...issue.path]
  if (issue.code === 'invalid_union') {
    const inside = issue.errors.find(branch =>
      branch.some(inner => inner.path.length > 0 || inner.code === 'unrecognized_keys'),
    )
    if (inside !== undefined) return inside.flatMap(inner => plainIssues(inner, path))
  }
  const unknownKeys = issue.code === 'unrecognized_keys' ? issue.keys : []
  const message = issue.message.replace(/^Invalid (input|option|string): /, '')
  return [
    {
      path: path.flatMap(step => (typeof step === 'symbol' ? [] : [step])),
      message: message.charAt(0).toLowerCase() + message.slice(1),
      unknownKeys,
    },
  ]
}

/** The part of JSON Schema that ours consists of. */
export interface JsonSchema {
  readonly title?: string
  readonly type?: string | undefined
  readonly description?: string | undefined
  readonly default?: unknown
  readonly enum?: readonly unknown[] | undefined
  readonly const?: unknown
  readonly properties?: Readonly<Record<string, JsonSchema>> | undefined
  readonly items?: JsonSchema | undefined
  readonly anyOf?: readonly JsonSchema[] | undefined
  readonly additionalProperties?: JsonSchema | boolean | undefined
}

/** `resolver.config.schema.json`, as an object. */
export const configJsonSchema = (): JsonSchema => jsonSchema()

const isSchema = (value: unknown): value is JsonSchema => typeof value === 'object' && value !== null

/** Made once, and not before somebody needs it: it takes some milliseconds of a start. */
const jsonSchema: () => JsonSchema = once(makeJsonSchema)

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

function makeJsonSchema(): JsonSchema {
  const made: unknown = z.toJSONSchema(configSchema, { io: 'input', target: 'draft-7' })
  return isSchema(made) ? { title: 'Configuration of rootwalk', ...made } : {}
}

/** One setting that has a plain value. */
export interface Setting {
  readonly path: readonly string[]
  readonly schema: JsonSchema
}

/** All settings, in the order of the schema. */
export function settingsOf(schema: JsonSchema, path: readonly string[] = []): Setting[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, member]) =>
    member.properties === undefined ? [{ path: [...path, key], schema: member }] : settingsOf(member, [...path, key]),
  )
}

/** Where a path leads in the schema; several when there are alternatives. */
export function schemasAt(schema: JsonSchema, path: readonly (string | number)[]): JsonSchema[] {
  const here = [schema, ...(schema.anyOf ?? []).flatMap(branch => schemasAt(branch, []))]
  const [step, ...rest] = path
  if (step === undefined) return here
  return here.flatMap(one => {
    const member =
      typeof step === 'number'
        ? one.items
        : (one.properties?.[step] ??
          (typeof one.additionalProperties === 'object' ? one.additionalProperties : undefined))
    return member === undefined ? [] : schemasAt(member, rest)
  })
}

/** All settings as a Markdown table. */
export function settingsTable(): string {
  const rows = settingsOf(configJsonSchema())
    .filter(({ path }) => path[0] !== '$schema')
    .map(({ path, schema }) => {
      const cells = [`\`${path.join('.')}\``, defaultText(path, schema), schema.description ?? '']
      return `| ${cells.map(cell => cell.replace(/\|/g, '\\|')).join(' | ')} |`
    })
  return ['| setting | default | what it does |', '|---|---|---|', ...rows, ''].join('\n')
}

function defaultText(path: readonly string[], { default: value }: JsonSchema): string {
  if (value === undefined) return 'none'
  if (path.at(-1) === 'doNotQuery') return 'see below'
  return `\`${JSON.stringify(value)}\``
}
