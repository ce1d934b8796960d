/**
 * What a visit to a URL found: look-ups, attempts to connect, the TLS handshake, the exchange, and what ended it. Data
 * only: kinds, numbers, records. Times are milliseconds since the beginning of the hop that they are in, unless they
 * say otherwise; `render/` puts all of it in words and pictures.
 *
 * A visit has passes (the same URL once more), a pass has hops (redirects), a hop has one exchange.
 */
import type { IpAddress } from '../dns/address.ts'
import type { Question } from '../dns/message.ts'
import type { Name } from '../dns/name.ts'
import type { RRset } from '../dns/rrset.ts'
import type { ServerAddress, Transport } from '../ports.ts'
import type { TraceStep } from '../resolver/trace.ts'
import type { FailureReason, Security } from '../steps.ts'
import type { CaaFound } from './records/caa.ts'
import type { DaneVerdict } from './records/dane.ts'
import type { PrivateKind } from './private-targets.ts'
import type { ServiceRecord } from './records/service-record.ts'

export interface Visit {
  /** As asked, without user, password and fragment. */
  readonly url: string
  readonly method: string
  /** Milliseconds since 1970. */
  readonly startedAt: number
  readonly passes: readonly Pass[]
  /** Asked after the last pass, so that they cost none of the times. */
  readonly checks: readonly HostChecks[]
  readonly comparison: Comparison | null
}

/**
 * `cold`: nothing of it was known; `warm`: DNS may come from the cache and TLS may resume a session, on new
 * connections; `reused`: over the connections that the pass before left open.
 */
export type PassKind = 'cold' | 'warm' | 'reused'

export interface Pass {
  readonly kind: PassKind
  readonly hops: readonly Hop[]
  readonly tookMs: number
}

export interface Hop {
  readonly url: string
  readonly host: Name | null
  readonly isSecure: boolean
  readonly method: string
  /** Since the beginning of the pass. */
  readonly atMs: number
  readonly lookUps: readonly LookUp[]
  /** Usable records of the service, best first. */
  readonly services: readonly ServiceRecord[]
  readonly attempts: readonly Attempt[]
  /** Null when there was no connection. */
  readonly connection: ConnectionFacts | null
  readonly tls: TlsFacts | null
  readonly response: ResponseFacts | null
  readonly times: Times
  readonly end: HopEnd
}

/** Cumulative, as curl's `time_…`; null: it did not come to that, or needed nothing (a connection that was open). */
export interface Times {
  /** Enough was known to connect: `time_namelookup`. */
  readonly namesMs: number | null
  /** `time_connect`. */
  readonly connectedMs: number | null
  /** `time_appconnect`. */
  readonly securedMs: number | null
  /** The request was handed to the connection: `time_pretransfer`. */
  readonly sentMs: number | null
  /** `time_starttransfer`. */
  readonly firstOctetMs: number | null
  /** `time_total`. */
  readonly totalMs: number
}

export type HopEnd =
  /** `cut`: more would have come than the bound for content. */
  | { readonly kind: 'done'; readonly content: 'whole' | 'cut' | 'none' }
  /** `service`: an HTTPS record says that the origin is to be reached over TLS (RFC 9460 section 9.5). */
  | { readonly kind: 'redirect'; readonly by: 'status' | 'service'; readonly to: string }
  | { readonly kind: 'failed'; readonly failure: Failure }

type Phase = 'names' | 'connect' | 'tls' | 'request' | 'content'

/** What has just happened. `atMs` is since the beginning of the hop. */
export type Progress =
  | { readonly kind: 'pass'; readonly pass: PassKind }
  | { readonly kind: 'hop'; readonly url: string; readonly method: string }
  | { readonly kind: 'look-up'; readonly lookUp: LookUp }
  | { readonly kind: 'connected'; readonly connection: ConnectionFacts; readonly atMs: number }
  | { readonly kind: 'secured'; readonly tls: TlsFacts; readonly atMs: number }
  | { readonly kind: 'hop-end'; readonly hop: Hop }

/** `reason` is what the system or the TLS library calls it: a code, no sentence. */
export type Failure =
  | { readonly kind: 'names'; readonly why: 'no-such-name' | 'no-address' | 'failed' }
  | { readonly kind: 'refused-target'; readonly address: string; readonly what: PrivateKind }
  | { readonly kind: 'connect'; readonly reason: string }
  | { readonly kind: 'time-out'; readonly during: Phase }
  | { readonly kind: 'tls'; readonly reason: string }
  | { readonly kind: 'certificate'; readonly reason: string }
  | { readonly kind: 'empty-reply' }
  | { readonly kind: 'bad-reply'; readonly protocol: HttpProtocol; readonly reason: string }
  | { readonly kind: 'header-too-large'; readonly bytes: number }
  | { readonly kind: 'broken-off'; readonly during: Phase; readonly reason: string }
  | { readonly kind: 'incomplete-content'; readonly reason: string }
  | { readonly kind: 'too-many-redirects'; readonly allowed: number }
  | { readonly kind: 'bad-redirect'; readonly location: string; readonly why: 'malformed' | 'scheme' }

export interface LookUp {
  readonly question: Question
  readonly because: 'service' | 'address' | 'caa' | 'tlsa'
  readonly atMs: number
  /** Null: it had not ended when the rest had. */
  readonly tookMs: number | null
  readonly answer: LookUpAnswer | null
  readonly source: LookUpSource | null
}

export interface Found {
  readonly answer: LookUpAnswer
  readonly source: LookUpSource
}

export type LookUpAnswer =
  /** `nodata` and `nxdomain`: `rrsets` are the aliases that led there. */
  | {
      readonly kind: 'answer' | 'nodata' | 'nxdomain'
      readonly rrsets: readonly RRset[]
      readonly security: Security['kind']
    }
  | { readonly kind: 'failure'; readonly why: LookUpFailure; readonly ede: number | null; readonly text: string }

/** Of a walk why it failed; of another server its rcode, or what the system said. */
type LookUpFailure = FailureReason | 'timeout' | 'rcode' | 'refused' | 'malformed' | 'guessed'

type LookUpSource =
  /** Times of `steps` are those of the clock, `startedAtMs` among them. */
  | { readonly kind: 'walk'; readonly startedAtMs: number; readonly steps: readonly TraceStep[] }
  | { readonly kind: 'server'; readonly server: ServerAddress; readonly transport: Transport }

/** A look-up of names, over our own walk or at another server. Never rejects. */
export interface Names {
  lookUp(question: Question): Promise<Found>
}

export type Alpn = 'h2' | 'http/1.1'
export type HttpProtocol = 'HTTP/1.0' | 'HTTP/1.1' | 'HTTP/2'

/** Where to connect, and what made it known. */
export interface Endpoint {
  readonly ip: IpAddress
  readonly port: number
  /** What TLS offers there, best first. */
  readonly alpn: readonly Alpn[]
  readonly by: EndpointSource
  /** Of the name that the address belongs to; null when the address was given. */
  readonly name: Name | null
}

/** `hint`: an address hint of an HTTPS record; `given`: in the URL, or by who started the visit. */
type EndpointSource = 'address' | 'hint' | 'given'

export interface Attempt {
  readonly endpoint: Endpoint
  readonly atMs: number
  readonly tookMs: number
  /** `abandoned`: another attempt was connected before. */
  readonly outcome:
    | { readonly kind: 'connected' | 'abandoned' | 'timeout' }
    | { readonly kind: 'failed'; readonly reason: string }
}

export interface ConnectionFacts {
  readonly isReused: boolean
  readonly local: string
  readonly remote: string
  readonly port: number
  readonly family: 4 | 6
}

export interface TlsFacts {
  /** `TLSv1.3`. */
  readonly version: string
  readonly cipher: string
  /** Of the key exchange (`X25519`); null when the library does not say. */
  readonly group: string | null
  readonly alpn: string | null
  /** SNI; null for an address. */
  readonly serverName: string | null
  readonly isResumed: boolean
  readonly offeredEch: boolean
  /** The leaf first. */
  readonly chain: readonly CertificateFacts[]
  readonly verdict: CertificateVerdict
}

/** `reason` is a code of OpenSSL or Node. */
export type CertificateVerdict =
  | { readonly kind: 'verified' }
  | { readonly kind: 'not-verified'; readonly reason: string; readonly wasAccepted: boolean }

export interface CertificateFacts {
  /** One line, RFC 2253 order of the library: `CN=www.example.com`. */
  readonly subject: string
  readonly issuer: string
  /** DNS names and addresses. */
  readonly names: readonly string[]
  /** Seconds since 1970. */
  readonly notBefore: number
  readonly notAfter: number
  /** Whole days until `notAfter`, negative after it. */
  readonly daysLeft: number
  /** `rsa 2048`, `ec prime256v1`. */
  readonly key: string
  /** SHA-256 in hexadecimal. */
  readonly fingerprint: string
}

export interface ResponseFacts {
  readonly protocol: HttpProtocol
  readonly status: number
  /** What stands after the code (HTTP/1), or empty. */
  readonly reason: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  /** Interim responses (1xx) that came before it. */
  readonly interim: readonly number[]
  /** Octets of content as they came, not decoded. */
  readonly contentBytes: number
  /** The server takes no further request on this connection. */
  readonly closes: boolean
}

/** Of one host, and the port that was visited. */
export interface HostChecks {
  readonly host: Name
  readonly port: number
  readonly caa: CaaFound | null
  /** Null over plain HTTP. */
  readonly dane: DaneVerdict | null
  readonly lookUps: readonly LookUp[]
}

/** The same questions at another server. */
export interface Comparison {
  readonly server: ServerAddress
  readonly rows: readonly { readonly first: LookUp; readonly other: LookUp; readonly isSame: boolean }[]
}
