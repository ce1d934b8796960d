/**
 * A configuration as the program works with it, and what it is read from.
 *
 * Invariant: a `Config` exists only when nothing is wrong with it.
 */
import type { Prefix } from '../dns/address.ts'
import type { Name } from '../dns/name.ts'
import type { Rr } from '../dns/rrset.ts'
import type { DnssecRules } from '../dnssec/rules.ts'
import type { NegativeAnchor } from '../dnssec/trust-anchors.ts'
import type { Problem } from '../events.ts'
import type { Limits } from '../limits.ts'
import type { AccessRule } from '../policy/access.ts'
import type { Identity } from '../policy/chaos.ts'
import type { ListFormat } from '../policy/lists/rule.ts'
import type { ListTraits } from '../policy/lists/rule-set.ts'
import type { RateSettings } from '../policy/limits/rate-limiter.ts'
import type { AnyMode } from '../policy/minimal-any.ts'
import type { Selector } from '../policy/views/select.ts'
import type { ZoneTtl } from '../cache/ttl.ts'
import type { PolicyZoneSettings } from '../policy/rpz/rules.ts'
import type { Shaping, ViewShaping } from '../policy/shaping/stages.ts'
import type { DnstapTarget } from './values.ts'
import type { EngineSettings } from '../resolver/env.ts'
import type { ClientPrivacy } from '../server/query-log.ts'
import type { ForwardZone } from '../zone/forward-zones.ts'
import type { LogLevel, RawConfig } from './raw.ts'
import type { Binding, ServerAddress } from '../ports.ts'
import type { AdminAddress } from './bindings.ts'

export interface Config {
  /** The file it was read from; null when there was none. */
  readonly file: string | null
  readonly listen: readonly Binding[]
  /** How datagrams are moved, and in how many threads. */
  readonly udp: { readonly mode: 'auto' | 'batch' | 'plain'; readonly threads: number }
  readonly allow: readonly Prefix[]
  readonly access: readonly AccessRule[]
  /** View 1, 2 and so on; view 0 is of all other clients. */
  readonly views: readonly ViewConfig[]
  /** Null: there are none. `secret` is an absolute path; null: a random key. */
  readonly cookies: { readonly secret: string | null; readonly require: boolean } | null
  /** Null: clients may ask as much as they like. */
  readonly rateLimit: RateSettings | null
  /** What encrypted listeners show; null: there is none. */
  readonly tls: CertificateSource | null
  /** Who may say for whom it speaks. */
  readonly proxies: readonly Prefix[]
  /** DNS over HTTPS: origins of pages that may ask, or `*`. */
  readonly doh: { readonly origins: readonly string[] }
  /** Are encrypted transports announced to clients (RFC 9462)? */
  readonly ddr: boolean
  readonly zones: readonly ZoneSource[]
  /** Zones that other servers send, in the order of the settings; those of views after those of all. */
  readonly secondaries: readonly SecondarySetting[]
  /** Response policy zones, in order of precedence. */
  readonly rpz: readonly RpzSetting[]
  readonly records: readonly LocatedRecord[]
  /** PTR records for the addresses in `records`. */
  readonly reverse: boolean
  readonly shaping: Shaping
  /** Bounds of TTLs for single zones. */
  readonly ttls: readonly ZoneTtl[]
  /** Which questions for ANY get a minimal answer. */
  readonly any: AnyMode
  /** Special-use names that are not answered here. */
  readonly specialUseOff: 'all' | readonly Name[]
  /** Absolute path; null means the built-in ones. */
  readonly rootHints: string | null
  /** Zones whose servers are named, as written: certificates are read later. */
  readonly forwarding: readonly ForwardSource[]
  /** Own rules first, where there are any. */
  readonly lists: readonly ListSource[]
  /** Policies written as programs, in their order. */
  readonly policies: readonly PolicySource[]
  readonly engine: EngineSettings
  readonly dnssec: DnssecConfig
  readonly limits: Limits
  readonly identity: Identity
  /** Does `serve` warm the engine up? */
  readonly warmUp: boolean
  /** s for which a server that is to end still answers, and says that it is not ready. */
  readonly drainS: number
  readonly log: { readonly level: LogLevel; readonly form: 'auto' | 'pretty' | 'json' }
  readonly queryLog: { readonly file: string; readonly clients: ClientPrivacy } | null
  /**
   * Absolute path of the directory of what lasts longer than the process; null: nothing is kept. `startServer` has made
   * it (mode 0700) before it opens anything else, or reported why it cannot be used (`state-failed`): whoever writes
   * there reports what fails by itself and goes on without.
   */
  readonly state: string | null
  /** How often the cache is written to the state directory. Seconds. */
  readonly persistence: { readonly intervalS: number }
  /** Null: this instance shares its cache with no other. */
  readonly sharedCache: SharedCacheConfig | null
  /** Null: no query is kept. */
  readonly history: HistoryConfig | null
  /** Null: no message is reported. */
  readonly dnstap: DnstapConfig | null
  readonly admin: AdminConfig
  /** As it was written, defaults filled in: to show, and to compare. */
  readonly raw: RawConfig
}

export interface SharedCacheConfig {
  /** With user and password, where there are any. */
  readonly url: string
  /** Absolute paths; of the secret, and of files with certificates. */
  readonly secretFile: string
  readonly authorities: readonly string[]
}

export interface ViewConfig {
  readonly name: string
  readonly selector: Selector
  readonly zones: readonly ZoneSource[]
  readonly records: readonly LocatedRecord[]
  readonly forwarding: readonly ForwardSource[]
  /** Names of the lists that hold; null: those for all. */
  readonly lists: readonly string[] | null
  /** DNS64 and the rebinding guard; null: as for all. */
  readonly shaping: ViewShaping | null
  /** Are its queries in the query log and the live streams? */
  readonly isLogged: boolean
  /** What it asks otherwise than all, as text that is equal where that is equal; null: nothing. */
  readonly resolution: string | null
}

/** Which queries are kept to be searched, and where. */
export interface HistoryConfig {
  /** Absolute path. */
  readonly directory: string
  /** Of UTC, the present one among them. */
  readonly days: number
  /** Octets of all files together. */
  readonly bytes: number
  /** What of a client's address is kept: all, its /24 or /56, nothing. */
  readonly clients: 'full' | 'masked' | 'none'
}

/** Where messages of clients are reported to. */
export interface DnstapConfig {
  readonly target: DnstapTarget
  /** As written. */
  readonly text: string
}

/** The API. Nothing of it is loaded when `listen` is empty. */
export interface AdminConfig {
  readonly listen: readonly AdminAddress[]
  readonly pathPrefix: string
  readonly tokens: readonly {
    readonly name: string
    readonly scope: 'read' | 'operate' | 'write' | 'admin'
    /** Lower case. */
    readonly sha256: string
    /** Seconds since 1970; null: never. */
    readonly expires: number | null
  }[]
  readonly dashboard: boolean
  readonly origins: readonly string[]
  /** Networks that visits may reach though they are not of the public internet. */
  readonly visits: { readonly allow: readonly Prefix[] }
}

/** What is validated and against what. */
export interface DnssecConfig {
  readonly validate: boolean
  readonly anchors: readonly AnchorSource[]
  readonly negative: readonly NegativeAnchor[]
  readonly rules: DnssecRules
  /** Absolute path of the file with the state of the keys; null follows no roll-over. */
  readonly managedAnchors: string | null
  readonly aggressive: boolean
  readonly rootKeySentinel: boolean
  readonly trustAnchorSignal: boolean
}

/** Absolute paths of PEM files: the chain with the server's certificate first, and its key. */
export type CertificateSource =
  | { readonly kind: 'files'; readonly certificate: string; readonly key: string }
  | { readonly kind: 'self-signed' }

/** `file` is an absolute path. */
export type AnchorSource = { readonly kind: 'built-in' } | { readonly kind: 'file'; readonly file: string }

/** A forward or stub zone; `authorities` are absolute paths of files with certificates. */
export interface ForwardSource extends ForwardZone {
  readonly authorities: readonly string[]
}

/** A response policy zone; `file` is an absolute path. */
export interface RpzSetting {
  readonly settings: PolicyZoneSettings
  /** Until it is there, is nothing answered? */
  readonly required: boolean
  readonly source: { readonly kind: 'file'; readonly file: string } | ({ readonly kind: 'transfer' } & SecondarySetting)
}

/** A zone that other servers send; `tsig` is the absolute path of a file with a key. */
export interface SecondarySetting {
  readonly zone: Name
  /** Of views: what they ask otherwise than all (`ViewConfig.resolution`), and their names. Empty: it is for all. */
  readonly partition: string
  readonly views: readonly string[]
  readonly primaries: readonly ServerAddress[]
  readonly tsig: string | null
  readonly notify: readonly Prefix[]
}

/** A policy written as a program; `file` is an absolute path. */
export interface PolicySource {
  readonly file: string
  /** In a thread of its own. */
  readonly isolated: boolean
}

/** A list, where it comes from and what is made of it. */
export interface ListSource {
  readonly traits: ListTraits
  readonly from: /** Absolute path. */
    | { readonly kind: 'file'; readonly path: string }
    | { readonly kind: 'url'; readonly url: string; readonly refreshMs: number }
    /** In the configuration: one rule a line. */
    | { readonly kind: 'inline'; readonly text: string }
  readonly format: ListFormat
  readonly match: 'exact' | 'suffix'
  /** Does it hold where a view does not name its lists? */
  readonly forAll: boolean
}

/** Files that hold zones: an absolute path that may have `*` and `?` in it. */
export interface ZoneSource {
  readonly pattern: string
  readonly origin: Name | null
  /** May changes made through the API be written into the files? */
  readonly editable: boolean
}

interface LocatedRecord extends Rr {
  readonly file: string
  readonly line: number
  readonly column: number
}

export type ConfigResult =
  | {
      readonly kind: 'config'
      readonly config: Config
      readonly warnings: readonly Problem[]
      /** Where each setting comes from; absent when there are no texts. */
      readonly originOf?: ((path: readonly string[]) => SettingOrigin) | undefined
    }
  | {
      readonly kind: 'invalid'
      readonly file: string | null
      readonly problems: readonly Problem[]
      /**
       * What is left without the settings that are wrong: only to look for more problems in what it names. Null:
       * nothing could be read.
       */
      readonly rest: Config | null
    }

/**
 * A setting given outside the file. `label` names it in complaints: a flag, a variable, or `api:` and a JSON pointer.
 * Texts are read as the schema allows.
 */
export interface Override {
  readonly label: string
  readonly path: readonly string[]
  readonly value: unknown
}

/** Where the value of a setting comes from; lines and columns count from 1. */
export type SettingOrigin =
  | { readonly kind: 'default' }
  | { readonly kind: 'file'; readonly line: number; readonly column: number }
  | { readonly kind: 'environment' | 'flag' | 'api'; readonly label: string }

export interface ConfigSources {
  /** `--config`. */
  readonly file: string | undefined
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly flags: readonly Override[]
  /** Settings changed through the API: above the file, below the environment. */
  readonly overlay?: readonly Override[] | undefined
  readonly directory: string
  /** Instead of the file, which is not read then. */
  readonly text?: ConfigText | undefined
}

/** A configuration that is not, or not yet, in its file; `path` is where it would be, absolute. */
export interface ConfigText {
  readonly path: string
  readonly text: string
}

export interface ConfigTexts {
  readonly file: ConfigText | null
  /** Later ones win. */
  readonly overrides: readonly Override[]
  /** What relative paths of overrides (and of everything, without a file) are relative to. */
  readonly directory: string
  /** Seconds since 1970, to say what is over; default: now. */
  readonly wall?: number
}
