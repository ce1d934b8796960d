/** The closed union of events. Log, query log, metrics and live views are consumers; nothing else logs. */
/** `Transport` of `ports.ts`, which imports this file. */
type Way = 'udp' | 'tcp' | 'tls' | 'https' | 'http'

/** One problem of a configuration or a zone file. Lines and columns count from 1; 0 when unknown. */
export interface Problem {
  readonly file: string
  readonly line: number
  readonly column: number
  readonly severity: 'error' | 'warning'
  readonly message: string
}

/** What is worth reporting of a zone that other servers send. */
export type TransferNews =
  | {
      readonly kind: 'transferred'
      readonly primary: string
      readonly serial: number
      readonly records: number
      readonly octets: number
      readonly ms: number
      /** All of it came, and not its changes alone. */
      readonly whole: boolean
      /** Records of other zones that were left out. */
      readonly outside: number
      /** Why its changes were of no use; null: they were, or were not asked for. */
      readonly fellBack: string | null
    }
  | { readonly kind: 'progress'; readonly primary: string; readonly records: number; readonly ms: number }
  /** `againS`: when the primaries are asked again. Of failures in a row with the same reason the first is reported. */
  | { readonly kind: 'failed'; readonly reasons: readonly string[]; readonly againS: number; readonly served: boolean }
  /** The copy on disk is used. */
  | { readonly kind: 'copy'; readonly serial: number; readonly records: number; readonly ageS: number }
  | { readonly kind: 'copy-trouble'; readonly message: string }
  /** No primary confirmed it within its EXPIRE. */
  | { readonly kind: 'expired'; readonly ageS: number }
  | { readonly kind: 'notify-refused'; readonly from: string; readonly times: number }
export type Event =
  /** `file` is the configuration; null when there is none and the defaults hold. */
  | { readonly kind: 'starting'; readonly version: string; readonly file: string | null }
  | { readonly kind: 'config-warnings'; readonly file: string; readonly problems: readonly Problem[] }
  | { readonly kind: 'stats'; readonly numbers: Readonly<Record<string, unknown>> }
  | { readonly kind: 'listening'; readonly transport: Way; readonly address: string; readonly port: number }
  | {
      readonly kind: 'listener-failed'
      readonly transport: Way
      readonly address: string
      readonly port: number
      readonly code: string
      readonly message: string
    }
  /** How datagrams are moved; `why` when it is not in batches. */
  | { readonly kind: 'udp-mode'; readonly mode: 'batch'; readonly threads: number }
  | { readonly kind: 'udp-mode'; readonly mode: 'plain'; readonly why: string }
  | { readonly kind: 'receive-buffer-small'; readonly wantedBytes: number; readonly gotBytes: number }
  /** No descriptor or buffer left for a socket to a server, `times` since the last report; at most once a minute. */
  | { readonly kind: 'sockets-exhausted'; readonly code: string; readonly times: number }
  /**
   * Connections to a listener that takes PROXY headers, by others than listed proxies: `times` since the last report,
   * at most once a minute. `from` is the last of them.
   */
  | {
      readonly kind: 'unlisted-proxy'
      readonly address: string
      readonly port: number
      readonly from: string
      readonly times: number
    }
  /** Sockets to servers at most, by the descriptors that the process may have (null: not known). */
  | { readonly kind: 'socket-bounds'; readonly udpSockets: number; readonly openFiles: number | null }
  /** Lines of the log that no one took in time. */
  | { readonly kind: 'log-dropped'; readonly lines: number }
  | { readonly kind: 'primed'; readonly servers: number }
  | { readonly kind: 'priming-failed'; readonly reason: string }
  /** Addresses of these root servers in a priming reply do not validate; those of the hints are used. */
  | { readonly kind: 'root-addresses-unproven'; readonly servers: readonly string[]; readonly reason: string }
  /** `percent` of what was opened so far. Emitted at intervals while a large zone is read. */
  | {
      readonly kind: 'zone-loading'
      readonly file: string
      readonly records: number
      readonly percent: number
      readonly ms: number
    }
  | {
      readonly kind: 'zone-loaded'
      readonly zone: string
      readonly file: string
      readonly records: number
      readonly ms: number
    }
  | { readonly kind: 'zone-removed'; readonly zone: string; readonly file: string }
  | {
      readonly kind: 'zone-rejected'
      readonly file: string
      readonly problems: readonly Problem[]
      readonly kept: boolean
    }
  | { readonly kind: 'zone-warnings'; readonly file: string; readonly problems: readonly Problem[] }
  | { readonly kind: 'policy-zone-loaded'; readonly zone: string; readonly rules: number; readonly ms: number }
  /** A rule of a zone that only logs; `count` since the last report. */
  | {
      readonly kind: 'policy-would-apply'
      readonly zone: string
      readonly rule: string
      readonly action: string
      readonly question: string
      readonly client: string
      readonly count: number
    }
  /** A zone that other servers send. `zone` and `primary` as a person writes them. */
  /** `views` are those to whose clients it is answered; empty: to all. */
  | {
      readonly kind: 'zone-transfer'
      readonly zone: string
      readonly views: readonly string[]
      readonly news: TransferNews
    }
  /** A list that takes long: `percent` of its octets are read. */
  | { readonly kind: 'list-loading'; readonly list: string; readonly percent: number }
  /** `rules` hold from now on; `skipped` lines make none. */
  | {
      readonly kind: 'list-loaded'
      readonly list: string
      readonly rules: number
      readonly duplicates: number
      readonly skipped: number
      readonly ms: number
    }
  /** A policy written as a program holds; `reads` null: it does not say. */
  | {
      readonly kind: 'policy-loaded'
      readonly policy: string
      readonly hooks: readonly string[]
      readonly reads: string | null
      readonly isolated: boolean
      readonly ms: number
    }
  /** `problem` begins with the file; `kept`: the version of before holds. */
  | { readonly kind: 'policy-rejected'; readonly problem: string; readonly kept: boolean }
  /** `more` of before were not reported. */
  | {
      readonly kind: 'policy-fault'
      readonly policy: string
      readonly fault: string
      readonly text: string
      readonly more: number
    }
  | { readonly kind: 'policy-restarting'; readonly policy: string; readonly pauseMs: number }
  /** Of a policy in the server's own thread, which forgets none of its versions. */
  | { readonly kind: 'policy-versions'; readonly policy: string; readonly versions: number }
  /** What was read is of no use; `kept`: the rules of before hold. */
  | { readonly kind: 'list-rejected'; readonly list: string; readonly reason: string; readonly kept: boolean }
  /** `octets` came; null: the list is what it was. */
  | { readonly kind: 'list-fetched'; readonly list: string; readonly octets: number | null; readonly ms: number }
  | {
      readonly kind: 'list-fetch-failed'
      readonly list: string
      readonly reason: string
      readonly kept: boolean
      readonly againMs: number
    }
  /** Copies of lists cannot be read or written, or are not kept. */
  | { readonly kind: 'list-copies'; readonly message: string }
  | { readonly kind: 'config-reloaded'; readonly file: string; readonly needsRestart: readonly string[] }
  | { readonly kind: 'config-rejected'; readonly file: string; readonly problems: readonly Problem[] }
  /**
   * What listeners over TLS show from now on. `file` is null for one that was made here; `until` in seconds since 1970;
   * SHA-256 of the certificate as openssl prints it, and of its public key in base64.
   */
  | {
      readonly kind: 'certificate'
      readonly file: string | null
      readonly names: readonly string[]
      readonly until: number
      readonly fingerprint: string
      readonly pin: string
    }
  | {
      readonly kind: 'certificate-expires'
      readonly file: string | null
      readonly until: number
      readonly expired: boolean
    }
  /** The files changed and cannot be used; what was shown before still is. */
  | { readonly kind: 'certificate-rejected'; readonly file: string; readonly reason: string }
  /** `zone (key tags)` of what validation starts from. */
  | { readonly kind: 'trust-anchors'; readonly anchors: readonly string[] }
  /** Nothing is validated: there is no anchor, or it is off. */
  | { readonly kind: 'no-trust-anchor'; readonly off: boolean }
  | { readonly kind: 'negative-anchor-ended'; readonly name: string }
  /** RFC 5011: `state` is what the key is now, `start` when it is forgotten. */
  | {
      readonly kind: 'anchor-changed'
      readonly zone: string
      readonly key: string
      readonly state: 'start' | 'add-pending' | 'valid' | 'missing' | 'revoked' | 'removed'
    }
  /** All keys of a trust point are revoked. */
  | { readonly kind: 'trust-point-gone'; readonly zone: string }
  | { readonly kind: 'anchor-refresh-failed'; readonly zone: string; readonly reason: string }
  | { readonly kind: 'anchor-state-failed'; readonly message: string; readonly problems: readonly Problem[] }
  /** What should last cannot be kept: `path` is a directory or file of the `state` setting, `cure` says what to do. */
  | { readonly kind: 'state-failed'; readonly path: string; readonly message: string; readonly cure: string }
  /** Sockets that were passed to this process and are none of `listen`. */
  | { readonly kind: 'inherited-unused'; readonly sockets: readonly string[] }
  /** Another process goes on with the sockets, or could not. */
  | { readonly kind: 'handed-over'; readonly pid: number }
  | { readonly kind: 'hand-over-failed'; readonly message: string }
  /** The cache that instances share can be used: `instances` are the others that are there. */
  | { readonly kind: 'shared-cache'; readonly at: string; readonly instances: readonly string[] }
  | { readonly kind: 'shared-cache-lost'; readonly at: string; readonly message: string }
  /** Removals of other instances may have been missed: what was known here was removed. */
  | { readonly kind: 'shared-missed' }
  /** What another instance removed, or does not validate any more, or again: so does this one. */
  | { readonly kind: 'shared-change'; readonly what: string }
  /** It can be written again. */
  | { readonly kind: 'state-works'; readonly path: string }
  | { readonly kind: 'cache-saved'; readonly entries: number; readonly bytes: number; readonly ms: number }
  /**
   * Of a snapshot that is `ageS` old, `kept` of `found` entries are used: the others are over or known better by now.
   * `otherBlocks` depend on what is different now, `brokenBlocks` and `skippedOctets` are damaged.
   */
  | {
      readonly kind: 'cache-restored'
      readonly path: string
      readonly found: number
      readonly kept: number
      readonly ageS: number
      readonly ms: number
      readonly otherBlocks: number
      readonly brokenBlocks: number
      readonly skippedOctets: number
    }
  | { readonly kind: 'snapshot-damaged'; readonly path: string; readonly message: string }
  /** A later release wrote it. */
  | { readonly kind: 'snapshot-set-aside'; readonly path: string; readonly to: string; readonly format: number }
  /**
   * `wall` is what the clock says, in seconds since 1970; it is fast by `offBy` seconds at least (slow when negative).
   */
  | { readonly kind: 'clock-suspicious'; readonly wall: number; readonly offBy: number; readonly why: string }
  | { readonly kind: 'family-dead'; readonly family: 4 | 6 }
  | { readonly kind: 'family-alive'; readonly family: 4 | 6 }
  /** `server` sends back what is forwarded to it, by itself or through others: it is not asked for a minute. */
  | { readonly kind: 'forward-loop'; readonly zone: string; readonly server: string }
  /** Answers for the zone cannot be validated: the zone above is signed and says that there is no such zone. */
  | { readonly kind: 'forward-zone-undelegated'; readonly zone: string; readonly zoneKind: 'forward' | 'stub' }
  /** Something answers in the place of the root servers. */
  | { readonly kind: 'port-53-intercepted'; readonly server: string }
  | { readonly kind: 'bug'; readonly where: string; readonly error: unknown; readonly question: string | null }
  /** `refused`: resolutions not begun, or given up for others, since it was last reported; at most once a minute. */
  | { readonly kind: 'overloaded'; readonly inFlight: number; readonly refused: number }
  | { readonly kind: 'query-log-failed'; readonly message: string }
  /** It is written again after a failure; `lost` queries are not in it. */
  | { readonly kind: 'query-log-works'; readonly file: string; readonly lost: number }
  /**
   * Clients outside of the access list, `count` queries since the last such event; `client` is the prefix of the
   * latest.
   */
  | { readonly kind: 'clients-refused'; readonly count: number; readonly client: string }
  /** `count` queries since the last such event got SERVFAIL, the latest of them `question`. */
  | { readonly kind: 'servfail'; readonly count: number; readonly question: string; readonly reason: string }
  /**
   * The engine was warmed up, or was not because of clients that kept it from it, or of the end. `unexpected`:
   * questions that did not end as they should.
   */
  | {
      readonly kind: 'warmed-up'
      readonly ended: 'done' | 'busy' | 'stopped' | 'bug'
      readonly questions: number
      readonly unexpected: number
      readonly ms: number
    }
  /** The API can be reached; `at` is a URL or `unix:PATH`. */
  | { readonly kind: 'admin-listening'; readonly at: string }
  | { readonly kind: 'admin-listener-failed'; readonly at: string; readonly code: string; readonly message: string }
  /** Something was changed, or tried without permission, by way of the API: for the audit log. */
  | {
      readonly kind: 'admin-audit'
      readonly who: string
      readonly what: string
      readonly from: string
      /** `X-Request-Id` of the request. */
      readonly requestId: string
    }
  /** What was changed through the API could not be read or written. */
  | { readonly kind: 'admin-state-failed'; readonly message: string }
  /** Queries are kept. `memory`: the latest `queries` of them, since this Node.js has no SQLite. */
  | {
      readonly kind: 'history-open'
      readonly where: 'disk' | 'memory'
      readonly directory: string
      readonly days: number
      readonly bytes: number
      readonly queries: number
    }
  /** Queries are answered, and not kept. */
  | { readonly kind: 'history-failed'; readonly message: string }
  /** They are kept again; `lost` are not. */
  | { readonly kind: 'history-works'; readonly lost: number }
  /** A file that cannot be read was renamed. */
  | { readonly kind: 'history-set-aside'; readonly file: string; readonly as: string }
  | { readonly kind: 'history-removed'; readonly file: string; readonly why: 'age' | 'size' }
  /** Messages of clients are reported there. */
  | { readonly kind: 'dnstap-open'; readonly to: string }
  /** They are dropped; `message` has the step that failed. It is tried again. */
  | { readonly kind: 'dnstap-failed'; readonly to: string; readonly message: string }
  | { readonly kind: 'stopping'; readonly signal: string; readonly drainS: number }
  | { readonly kind: 'stopped' }

/** What a thrown value says in a report. Not every library throws an `Error`. */
export const errorText = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** The same of a bug: with the places that it came through. */
export const bugText = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error)
