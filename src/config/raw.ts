/** A configuration as it is written, well formed and with the defaults filled in. */
import type { RrOrder } from '../limits.ts'

/** A zone that other servers send. */
export interface RawSecondary {
  readonly zone: string
  readonly primaries: readonly string[]
  readonly tsig?: string | undefined
  readonly notify: readonly string[]
}

/** When a running server takes over a new value: on SIGHUP, or only when it is started again. */
export type TakesEffect = 'reload' | 'restart'

/** A response policy zone, of a file or of other servers. */
export interface RawRpz {
  readonly zone: string
  readonly action: RpzAction | { readonly cname: string }
  readonly order: 'early' | 'strict'
  readonly maxTtl: number
  readonly ede: 'blocked' | 'censored' | 'filtered' | 'prohibited' | 'none'
  readonly missing: 'serve' | 'servfail'
  readonly file?: string | undefined
  readonly primaries?: readonly string[] | undefined
  readonly tsig?: string | undefined
  readonly notify?: readonly string[] | undefined
}

type RpzAction = 'given' | 'log' | 'passthru' | 'drop' | 'tcp-only' | 'nxdomain' | 'nodata'

export interface RawConfig {
  readonly $schema?: string | undefined
  readonly listen: readonly string[]
  readonly udp: 'auto' | 'batch' | 'plain'
  readonly threads: number
  readonly allow: readonly string[]
  readonly access: readonly (RawSelector & { readonly action: 'allow' | 'refuse' | 'drop' | 'local' })[]
  readonly views: readonly RawView[]
  readonly cookies: { readonly enabled: boolean; readonly secret?: string | undefined; readonly require: boolean }
  readonly rateLimit: {
    readonly perSecond?: number | undefined
    readonly burst?: number | undefined
    readonly verifiedPerSecond?: number | undefined
    readonly verifiedBurst?: number | undefined
    readonly answersPerSecond?: number | undefined
    readonly answersBurst?: number | undefined
    readonly prefix4: number
    readonly prefix6: number
    readonly exempt: readonly string[]
    readonly slip: number
    readonly dryRun: boolean
  }
  readonly tls: { readonly certificate?: string | undefined; readonly key?: string | undefined }
  readonly proxies: readonly string[]
  readonly doh: { readonly origins: readonly string[] }
  readonly ddr: boolean
  readonly zones: readonly (
    | string
    | { readonly file: string; readonly origin?: string | undefined; readonly editable?: boolean | undefined }
    | RawSecondary
  )[]
  readonly rpz: readonly RawRpz[]
  readonly records: RawRecords
  readonly reverse: boolean
  readonly any: 'minimal' | 'tcp' | 'resolve'
  readonly specialUse: boolean | Readonly<Record<string, boolean>>
  readonly rootHints?: string | undefined
  readonly forward: readonly {
    readonly zone: string
    readonly to: string | readonly string[]
    readonly recurseOnFailure: boolean
    readonly authorities: readonly string[]
  }[]
  readonly stub: readonly { readonly zone: string; readonly to: string | readonly string[] }[]
  readonly rules: readonly string[]
  readonly lists: readonly (string | RawList)[]
  readonly policy: readonly (string | { readonly file: string; readonly isolated: boolean })[]
  readonly upstream: {
    readonly port: number
    readonly ipv4: boolean
    readonly ipv6: boolean | 'auto'
    readonly minimise: 'off' | 'relaxed' | 'strict'
    readonly mixCase: boolean
    readonly cookies: boolean
    readonly hardenGlue: boolean
    readonly doNotQuery: readonly string[]
    readonly zoneQueriesPerSecond?: number | undefined
    readonly opportunisticTls: boolean
    readonly alwaysTls: readonly string[]
    readonly tlsPort: number
  }
  readonly dnssec: {
    readonly validate: boolean
    readonly trustAnchors?: string | readonly string[] | undefined
    readonly negativeTrustAnchors: readonly { readonly name: string; readonly until: string }[]
    readonly nsec3MaxIterations: number
    readonly disallow: readonly (string | number)[]
    readonly managedAnchors?: string | false | undefined
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
  readonly dns64: {
    readonly prefix?: string | undefined
    readonly clients: readonly string[]
    readonly exclude: readonly string[]
  }
  readonly rebinding: { readonly ranges: readonly string[]; readonly allow: readonly string[] }
  readonly canary: { readonly firefoxDoh: boolean; readonly privateRelay: boolean }
  readonly ttl: readonly {
    readonly zone: string
    readonly minS?: number | undefined
    readonly maxS?: number | undefined
    readonly negativeMaxS?: number | undefined
  }[]
  readonly serveStale: {
    readonly enabled: boolean
    readonly maxAgeS: number
    readonly answerTtlS: number
    readonly clientTimeoutMs: number
    readonly recheckS: number
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
  readonly drainS: number
  readonly log: { readonly level: LogLevel; readonly form: 'auto' | 'pretty' | 'json' }
  readonly queryLog: { readonly file?: string | undefined; readonly clients: 'full' | 'prefix' | 'none' }
  readonly state?: string | undefined
  readonly persistence: { readonly intervalS: number }
  readonly sharedCache: {
    readonly url?: string | undefined
    readonly secretFile?: string | undefined
    readonly readDeadlineMs: number
    readonly authorities: readonly string[]
  }
  readonly history: {
    readonly directory?: string | undefined
    readonly days: number
    readonly bytes: number | string
    readonly clients: 'full' | 'masked' | 'none'
  }
  readonly dnstap: { readonly to?: string | undefined }
  readonly admin: {
    readonly listen: string | readonly string[]
    readonly pathPrefix: string
    readonly dashboard: boolean
    readonly tokens: readonly {
      readonly name: string
      readonly scope: 'read' | 'operate' | 'write' | 'admin'
      readonly sha256: string
      readonly expires?: string | undefined
    }[]
    readonly origins: readonly string[]
    readonly visits: { readonly allow: readonly string[] }
  }
}

export interface RawList {
  readonly name: string
  readonly source: string
  readonly format: 'auto' | 'hosts' | 'domains' | 'wildcard' | 'adblock'
  readonly layer: 'own' | 'allow' | 'block'
  readonly match: 'exact' | 'suffix'
  readonly answer: string | readonly string[]
  readonly ttl: number
  readonly ede: 'blocked' | 'censored' | 'filtered'
  readonly forAll: boolean
  readonly refreshS: number
}

/** Clients, by any of these. */
export interface RawSelector {
  readonly clients: readonly string[]
  readonly listeners: readonly string[]
  readonly serverNames: readonly string[]
  readonly clientIds: readonly string[]
}

/** A file, or a pattern, of zones; with its first origin. */
export type RawZoneFile = string | { readonly file: string; readonly origin?: string | undefined }

interface RawView extends RawSelector, Pick<RawConfig, 'records' | 'forward' | 'stub'> {
  readonly zones: readonly (RawZoneFile | RawSecondary)[]
  readonly name: string
  readonly lists?: readonly string[] | undefined
  readonly dns64?: RawConfig['dns64'] | false | undefined
  readonly rebinding?: RawConfig['rebinding'] | false | undefined
  readonly queryLog: boolean
}

/** Lines, or name → type → data with an optional `ttl` among the types. */
export type RawRecords =
  | readonly string[]
  | Readonly<Record<string, Readonly<Record<string, string | readonly string[] | number | undefined>>>>
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'
