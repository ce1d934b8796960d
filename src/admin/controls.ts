/**
 * What the API asks of the running server, as plain values that can be handed from thread to thread: the server
 * implements it (`app/admin/`), the API calls it from its worker (`remote.ts`). What a caller did wrong is among the
 * results; what is thrown is a bug.
 */
import type { Transport } from '../ports.ts'
import type { AnchorControls } from './anchor-controls.ts'
import type { CacheControls } from './cache-controls.ts'
import type { ConfigControls } from './config-controls.ts'
import type { PolicyTestControls } from './policy-tests/controls.ts'
import type { ZoneControls } from './zone-controls.ts'
import type { HistoryControls, HistoryNumbers } from './history/messages.ts'
import type { WhyReport } from '../render/why.ts'
import type { Question } from '../dns/message.ts'
import type { Name } from '../dns/name.ts'
import type { Found } from '../visit/types.ts'
import type { ProgramStatus } from '../policy/code/status.ts'
import type { ListStatus } from '../policy/lists/status.ts'
import type { PolicyZoneStatus } from '../policy/rpz/status.ts'

/** How the server is, in what a health check and a first look need. */
interface ServerStatus {
  readonly version: string
  readonly node: string
  readonly pid: number
  /** Seconds since 1970 UTC. */
  readonly startedAt: number
  readonly uptimeS: number
  readonly listening: readonly { readonly transport: Transport; readonly address: string; readonly port: number }[]
  readonly stopping: boolean
  /** The configuration's file; null when the defaults hold. */
  readonly configFile: string | null
  /** What is validated from: `zone (key tags)`. */
  readonly trustAnchors: readonly string[]
  /** Policy zones that are not there, and without which nothing is answered. */
  readonly missing: readonly string[]
  readonly waiting: number
  readonly resolutions: number
  readonly tcpConnections: number
  readonly cache: { readonly bytes: number; readonly rrsets: number; readonly answers: number }
  readonly counters: Readonly<Record<string, number>>
  /** Null: this instance shares its cache with no other. */
  readonly shared: {
    readonly at: string
    readonly state: SharedNumbers['state']
    /** The others that are there. */
    readonly instances: readonly string[]
    readonly requests: Readonly<Record<string, number>>
  } | null
}

/** What is counted of a shared cache. */
export interface SharedNumbers {
  /** Is it asked: `closed` is the breaker, as ever; `open` and `half-open` it is left alone. */
  readonly state: 'connecting' | 'closed' | 'open' | 'half-open'
  /** Host and port. */
  readonly at: string
  /** Look-ups by what came of them. */
  readonly requests: Readonly<Record<string, number>>
  /** Counts up to each bound in ms, and one of what is above them all. */
  readonly boundsMs: readonly number[]
  readonly buckets: readonly number[]
  readonly sumMs: number
  readonly writes: { readonly written: number; readonly failed: number; readonly dropped: number }
  /** Values that wait to be written. */
  readonly waiting: number
  readonly removals: number
  /** Messages of instances without our seal. */
  readonly refusedMessages: number
  readonly instances: readonly string[]
}

/** All that `/metrics` is made of, at one moment. What is counted is counted since the start. */
export interface Numbers {
  readonly version: string
  readonly node: string
  /** Seconds since 1970 UTC. */
  readonly startedAt: number
  readonly cpuS: number
  readonly counters: Readonly<Record<string, number>>
  /** Laid out as in `server/request-cells.ts`. */
  readonly cells: Float64Array
  readonly waiting: number
  readonly resolutions: number
  readonly tcpConnections: number
  readonly stores: readonly { readonly store: string; readonly entries: number; readonly bytes: number }[]
  readonly upstream: {
    readonly requests: Readonly<Record<string, number>>
    readonly timeouts: number
    /** Counts up to each bound in ms, and one of what is above them all. */
    readonly boundsMs: readonly number[]
    readonly buckets: Float64Array
    readonly sumMs: number
  }
  /** Bounds of what all share. `hits`: how often it was reached; null where that is not counted, or is no event. */
  readonly limits: readonly {
    readonly limit: string
    readonly used: number | null
    readonly most: number
    readonly hits: number | null
  }[]
  readonly handshakes: { readonly admitted: number; readonly refused: number; readonly completed: number }
  /** Octets. */
  readonly memory: Readonly<Record<string, number>>
  readonly lag: { readonly boundsMs: readonly number[]; readonly buckets: readonly number[]; readonly sumMs: number }
  readonly lists: readonly {
    readonly list: string
    readonly rules: number
    readonly hits: number
    /** Null: it was never read. */
    readonly ageS: number | null
  }[]
  readonly transfers: readonly TransferStatus[]
  readonly policyZones: readonly PolicyZoneStatus[]
  readonly programs: readonly ProgramStatus[]
  /** Null: this instance shares its cache with no other. */
  readonly shared: SharedNumbers | null
  /** Null: no query is kept. */
  readonly history: HistoryNumbers | null
  /** Frames since the start; null: no message is reported. */
  readonly dnstap: { readonly sent: number; readonly dropped: number; readonly isOpen: boolean } | null
  /** Ports of UDP that are listened on. */
  readonly udpPorts: readonly number[]
}

interface ListControls {
  lists(): readonly ListStatus[]
  /**
   * Reads or fetches one list again, or all (null); with `dryRun` it only says which. The names of those; null: there
   * is no such list.
   */
  refreshLists(name: string | null, dryRun: boolean): readonly string[] | null
}

/** A zone that other servers send. Times in seconds since 1970. */
export interface TransferStatus {
  readonly zone: string
  /** Views to whose clients it is answered; empty: to all. */
  readonly views: readonly string[]
  /** It holds rules (RPZ), and is not served. */
  readonly isPolicy: boolean
  readonly state: 'current' | 'expired' | 'missing'
  readonly serial: number | null
  readonly records: number
  /** Where it was sent from last, since the start. Null: not since then. */
  readonly lastTransfer: {
    readonly at: number
    readonly primary: string
    readonly octets: number
    readonly ms: number
    /** False: only what had changed (IXFR). */
    readonly whole: boolean
  } | null
  /** When a primary last confirmed what is here, and when it expires. */
  readonly confirmedAt: number | null
  readonly expiresAt: number | null
  readonly nextLookAt: number | null
  readonly looking: boolean
  /** In the order of the configuration. */
  readonly primaries: readonly string[]
  /** What was wrong with primaries, when last: empty since one of the later looks found all of them well. */
  readonly lastFailure: { readonly at: number; readonly reasons: readonly string[] } | null
  /** Since the start: transfers, and looks without any primary that helped. */
  readonly transfers: number
  readonly failures: number
}

interface TransferControls {
  /** Zones that other servers send, by name. */
  transfers(): readonly TransferStatus[]
  /**
   * Asks the primaries now; `whole`: and fetches all of it, also when it is no newer. Of all zones of this name, or of
   * those of a view. False: there is no such zone.
   */
  refreshTransfer(zone: Name, view: string | null, whole: boolean): boolean
}

/** A client and a question, as people write them. */
export interface WhyRequest {
  readonly name: string
  readonly type: string
  /** An address. */
  readonly client: string
  /** As in "listen": `10.0.0.1:53`, `tls://10.0.0.1`. Absent: the first that the server has. */
  readonly listener?: string | undefined
  readonly clientId?: string | undefined
  readonly serverName?: string | undefined
}

export type Why =
  | { readonly kind: 'report'; readonly report: WhyReport }
  | { readonly kind: 'wrong'; readonly field: keyof WhyRequest; readonly detail: string }

interface PolicyControls {
  /** What each position of the order decides; nothing is sent to the client. */
  why(request: WhyRequest): Promise<Why>
  /** In the order of the configuration. */
  policyZones(): readonly PolicyZoneStatus[]
  policyPrograms(): readonly ProgramStatus[]
  limitedClients(): LimitedClients
}

/** Who is above a limit now, the busiest network first. */
export interface LimitedClients {
  readonly isOn: boolean
  readonly dryRun: boolean
  readonly clients: readonly {
    readonly network: string
    readonly above: number
    readonly sinceS: number
    readonly lastS: number
  }[]
}

/** Calls with one result. */
export interface Controls
  extends CacheControls,
    AnchorControls,
    ZoneControls,
    ListControls,
    TransferControls,
    ConfigControls,
    PolicyControls,
    PolicyTestControls,
    HistoryControls {
  numbers(): Numbers
  /** Resolves as for a client, for a visit to a URL; with its walk. */
  lookUp(question: Question): Promise<Found>
  status(): ServerStatus
  /** Reads configuration, zones, hints and log files again, as SIGHUP does; with `dryRun` it only looks at them. */
  reload(dryRun: boolean): { readonly kind: 'done'; readonly problems: readonly string[] }
  /** Ends the server as SIGTERM does, after the answer to this went out. */
  stop(): { readonly kind: 'done' }
}

/** A step of a walk, as `explain --json` has it. */
export type WalkStep = Readonly<Record<string, unknown>>

/** Calls that report while they run, and end with a result. */
export interface ControlStreams {
  /** Resolves as for a client, and reports every step as it is made; times count from the first. */
  walk(
    args: { readonly name: string; readonly type: string; readonly checkingDisabled: boolean },
    emit: (step: WalkStep) => void,
    signal: AbortSignal,
  ): Promise<
    | { readonly kind: 'done'; readonly outcome: string }
    | { readonly kind: 'cancelled' }
    | { readonly kind: 'wrong'; readonly field: 'name' | 'type'; readonly detail: string }
  >
}

/** Either at once or later. */
export type ControlsOf<T> = {
  readonly [K in keyof T]: T[K] extends (...args: infer A) => infer R ? (...args: A) => R | Promise<R> : never
}
