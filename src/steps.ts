/**
 * The only words the engine can say to the outside world, and what it says in the end. A resolution is a generator that
 * yields `Effect`s; the scheduler performs them. One cast per word, all of them in this file.
 */
import type { Question } from './dns/message.ts'
import type { RRset } from './dns/rrset.ts'
import type { EdeCode } from './dns/types.ts'
import type { ExchangeResult, ServerAddress, SharedFound, Transport } from './ports.ts'

/** RFC 4035 section 4.3: who signed it. Trust (where it came from) is separate, in `cache/trust.ts`. */
export type Security =
  | { readonly kind: 'secure' }
  /**
   * Proven to be unsigned, or signed in a way that is not validated here; then `note` says which, for the client's EDE.
   */
  | { readonly kind: 'insecure'; readonly note?: SecurityNote }
  | { readonly kind: 'indeterminate' }
  | { readonly kind: 'bogus'; readonly ede: EdeCode; readonly text: string }

/** What an Extended DNS Error says of a security status (RFC 8914). */
export interface SecurityNote {
  readonly ede: EdeCode
  readonly text: string
}

/** What each means, and for whom it is remembered: `failureFacts` in `resolver/outcome.ts`. */
export type FailureReason =
  | 'unreachable' // no server of the zone gave a usable answer in time
  | 'all-servers-lame' // servers answered, none of them for this zone
  | 'refused-by-servers' // REFUSED, SERVFAIL, FORMERR or NOTIMP from all
  | 'upstreams-unreachable' // no server that is forwarded to gave a reply
  | 'bogus'
  | 'cycle'
  | 'budget'
  | 'deadline'
  | 'overload'
  | 'alias-chain' // too long or a loop
  | 'name-too-long' // DNAME substitution, answered YXDOMAIN (RFC 6672 section 2.2)
  | 'zone-not-loaded' // a secondary zone that has not come yet
  | 'zone-expired' // a secondary zone that no primary has confirmed in time
  | 'not-recursive' // RD=0 and nothing here
  | 'cached' // a failure remembered (RFC 9520)
  | 'bug'

/** Of an outcome with data whose TTL is over (RFC 8767): what was wrong with asking again. */
export interface Staleness {
  /** Seconds since the TTL was over, of the part for which that is longest. */
  readonly expiredS: number
  readonly because: 'failed' | 'slow' | 'failed-before'
  /** What the failed resolution said; empty for `slow`. */
  readonly reason: string
}

/**
 * What one resolution means. TTLs in it are what is left now. `rrsets` of the negative kinds is the alias chain that
 * led there (often empty). `authoritative` when the first record or the denial comes from a local zone; `shared` when
 * another instance found it out and no server was asked.
 */
export type Outcome =
  | {
      readonly kind: 'answer'
      readonly rrsets: readonly RRset[]
      readonly proof: readonly RRset[]
      readonly security: Security
      readonly authoritative: boolean
      readonly additional: readonly RRset[]
      readonly stale?: Staleness
      readonly shared?: true
    }
  | {
      readonly kind: 'nodata' | 'nxdomain'
      readonly rrsets: readonly RRset[]
      /** Null when the server sent none: such an answer is not cached (RFC 2308 section 5). */
      readonly soa: RRset | null
      readonly proof: readonly RRset[]
      readonly security: Security
      readonly authoritative: boolean
      readonly stale?: Staleness
      readonly shared?: true
    }
  | {
      readonly kind: 'failure'
      readonly rrsets: readonly RRset[]
      readonly why: FailureReason
      readonly ede: EdeCode
      readonly text: string
    }

/** One message to one server. */
export interface ExchangeSpec {
  readonly server: ServerAddress
  readonly transport: Transport
  readonly question: Question
  readonly edns: boolean
  readonly mixCase: boolean
  /** RD: the server is one that resolves for us. */
  readonly recursionDesired: boolean
  /** CD: it shall say what it has, whatever it thinks of the signatures. */
  readonly checkingDisabled: boolean
  /** DO, with EDNS. Absent: set. */
  readonly dnssecOk?: boolean | undefined
  /** What the COOKIE option has (RFC 7873): the client cookie, and the server cookie if one is known. */
  readonly cookie?: Uint8Array | undefined
  readonly timeoutMs: number
}

export type Because =
  | 'client'
  | 'server-address'
  | 'upstream-address'
  | 'prefetch'
  | 'priming'
  | 'ds'
  | 'dnskey'
  | 'trust-anchor'

export type Effect =
  | { readonly kind: 'exchange'; readonly spec: ExchangeSpec }
  | { readonly kind: 'lookup'; readonly question: Question; readonly because: Because }
  | { readonly kind: 'all'; readonly branches: readonly Steps<unknown>[] }
  | { readonly kind: 'pause' }
  | { readonly kind: 'shared'; readonly question: Question; readonly waitMs: number }
  | {
      readonly kind: 'first'
      readonly branches: readonly Steps<unknown>[]
      readonly accept: (value: unknown) => boolean
    }

export type Steps<T> = Generator<Effect, T, unknown>

export function* exchange(spec: ExchangeSpec): Steps<ExchangeResult> {
  return (yield { kind: 'exchange', spec }) as ExchangeResult
}

/**
 * Another resolution, shared when the same question is already in flight; `failure: cycle` when waiting for it would
 * never end.
 */
export function* lookup(question: Question, because: Because): Steps<Outcome> {
  return (yield { kind: 'lookup', question, because }) as Outcome
}

/** Runs all branches at once; their results in order. */
export function* all<T>(branches: readonly Steps<T>[]): Steps<readonly T[]> {
  return (yield { kind: 'all', branches }) as readonly T[]
}

/** Runs all branches at once; the first acceptable result ends the others, null when none was acceptable. */
export function* first<T>(branches: readonly Steps<T>[], accept: (value: T) => boolean): Steps<T | null> {
  return (yield { kind: 'first', branches, accept: value => accept(value as T) }) as T | null
}

/**
 * Lets others have the event loop: between pieces of work that cost about a millisecond each (KeyTrap, CVE-2023-50387).
 */
export function* pause(): Steps<void> {
  yield { kind: 'pause' }
}

/** What another instance has found out, waited for no longer than `waitMs`. */
export function* shared(question: Question, waitMs: number): Steps<SharedFound> {
  return (yield { kind: 'shared', question, waitMs }) as SharedFound
}

/** Ends a suspended resolution: its `finally` blocks run, its result is never asked for. */
export function abandon<T>(steps: Steps<T>): void {
  steps.return(undefined as T)
}
