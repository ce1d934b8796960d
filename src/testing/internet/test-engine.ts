/**
 * The engine of the product, put together for a test: with its own clock, network and random numbers, and answers in
 * text. Where its network leads is not decided here.
 */
import type { Caches } from '../../cache/caches.ts'
import type { Question } from '../../dns/message.ts'
import { foldName } from '../../dns/name.ts'
import type { PacketRecord } from '../../presentation/packet-record.ts'
import { formatRdata } from '../../presentation/rdata-text.ts'
import { recordsOf, type Rr } from '../../dns/rrset.ts'
import { className, edeName, RrClass, typeName } from '../../dns/types.ts'
import type { TrustAnchor } from '../../dnssec/trust-anchors.ts'
import { createEngine, type Engine, type EngineParts } from '../../engine/engine.ts'
import type { LimitChanges, Limits } from '../../limits.ts'
import { type Clock, DNS_PORT } from '../../ports.ts'
import type { EngineSettings, Validation } from '../../resolver/env.ts'
import type { Resolver } from '../../resolver/resolver.ts'
import type { TraceStep } from '../../resolver/trace.ts'
import type { Outcome } from '../../steps.ts'
import { validationOf } from '../../simulation/validation.ts'
import { mistake } from '../../input/mistake.ts'
import { described, knownFields, plainName, typeOf, wireName } from '../../input/names.ts'
import type { TestClock } from '../input/clock.ts'
import { traceText } from '../../render/trace-lines.ts'

export interface AnsweredRecord {
  /** Lower case, without trailing dot. */
  readonly name: string
  readonly type: string
  readonly class: string
  /** Seconds that are left. */
  readonly ttl: number
  /** As in a zone file, where names end in a dot: `192.0.2.1`, `10 mail.example.com.`. */
  readonly data: string
}

/** With records as `AnsweredRecord`, or in the shape of dns-packet's answers. */
export interface TestAnswer<R = AnsweredRecord> {
  readonly rcode: 'NOERROR' | 'NXDOMAIN' | 'SERVFAIL'
  /** Aliases that led to the data first. Empty when there is no such data. */
  readonly answers: readonly R[]
  /** Of a denial: its TTL is how long that may be remembered. */
  readonly soa: R | null
  /** RFC 4035 section 4.3; `indeterminate` when nothing is validated or it is unknown. */
  readonly security: 'secure' | 'insecure' | 'indeterminate' | 'bogus'
  /** Why there is no answer; null unless `rcode` is SERVFAIL. `code` and `name` are those of RFC 8914. */
  readonly error: { readonly code: number; readonly name: string; readonly text: string } | null
  /** No server was queried. */
  readonly fromCache: boolean
  /** Milliseconds of the resolver's clock. */
  readonly tookMs: number
  /** What was asked, what came, what was decided: a line each. */
  readonly trace: string
}

export interface EngineOptions {
  /** QNAME minimisation (RFC 9156). */
  readonly minimise?: EngineSettings['minimise']
  /** Random letter case in questions (0x20). */
  readonly mixCase?: boolean
  readonly ipv6?: boolean
  /** False: signatures are nothing to it (default true, which means something when there are trust anchors). */
  readonly validate?: boolean
  /** Other bounds than those of the product, such as `{ cache: { maxTtl: 10 } }`. */
  readonly limits?: LimitChanges
}

export const engineFields = ['minimise', 'mixCase', 'ipv6', 'validate', 'limits'] as const

/** How simulations resolve by default: as the product does. */
const usual: EngineSettings = {
  minimise: 'relaxed',
  mixCase: true,
  ipv4: true,
  ipv6: true,
  upstreamPort: DNS_PORT,
  doNotQuery: [],
  hardenGlue: true,
}

/** One engine with its caches. */
export class TestEngine {
  readonly caches: Caches
  readonly resolver: Resolver
  readonly #engine: Engine
  readonly #clock: Clock

  constructor(parts: EngineParts) {
    this.#clock = parts.clock
    this.#engine = createEngine(parts)
    this.caches = this.#engine.caches
    this.resolver = this.#engine.resolver
  }

  /** See `Engine`. */
  forget(): void {
    this.#engine.forget()
  }

  ask<R>(question: Question, recordOf: (rr: Rr) => R, done: (answer: TestAnswer<R>) => void): void {
    const clock = this.#clock
    const startedAt = clock.now()
    const steps: TraceStep[] = []
    this.resolver.resolve(
      question,
      { recursionDesired: true, because: 'client', trace: step => steps.push(step) },
      outcome => {
        done(answerOf(outcome, steps, startedAt, clock.now() - startedAt, recordOf))
      },
    )
  }
}

export function settingsOf(options: EngineOptions, changes: Partial<EngineSettings> = {}): EngineSettings {
  const { minimise = usual.minimise, mixCase = usual.mixCase, ipv6 = usual.ipv6 } = options
  if (!['off', 'relaxed', 'strict'].includes(minimise))
    mistake(`expected minimise to be off, relaxed or strict, found ${described(minimise)}`)
  return { ...usual, minimise, mixCase, ipv6, ...changes }
}

/** By these anchors, unless a test does not want it. */
export function validationBy(
  anchors: readonly TrustAnchor[],
  limits: Limits,
  { validate = true }: EngineOptions,
): Validation {
  if (typeof validate !== 'boolean') mistake(`expected validate to be true or false, found ${described(validate)}`)
  return validationOf(new Map(), limits.dnssec, { anchors, ...(validate ? {} : { validate: false }) })
}

/** Reads what a test asks. */
export function questionOf(name: unknown, type: unknown): Question {
  return { name: foldName(wireName(name)), type: typeOf(type), class: RrClass.IN }
}

function answerOf<R>(
  outcome: Outcome,
  steps: readonly TraceStep[],
  startedAt: number,
  tookMs: number,
  recordOf: (rr: Rr) => R,
): TestAnswer<R> {
  const answers = outcome.rrsets.flatMap(rrset => recordsOf(rrset)).map(recordOf)
  const soa = outcome.kind === 'nodata' || outcome.kind === 'nxdomain' ? outcome.soa : null
  return {
    rcode: outcome.kind === 'failure' ? 'SERVFAIL' : outcome.kind === 'nxdomain' ? 'NXDOMAIN' : 'NOERROR',
    answers,
    security: outcome.kind !== 'failure' ? outcome.security.kind : outcome.why === 'bogus' ? 'bogus' : 'indeterminate',
    soa: soa === null ? null : (recordsOf(soa).map(recordOf)[0] ?? null),
    error: outcome.kind === 'failure' ? { code: outcome.ede, name: edeName(outcome.ede), text: outcome.text } : null,
    fromCache: outcome.kind !== 'failure' && !steps.some(step => step.kind === 'exchange'),
    tookMs,
    // Made when somebody reads it: most answers are looked at, few walks are.
    get trace() {
      return traceText(steps, startedAt)
    },
  }
}

export const answeredRecord = (rr: Rr): AnsweredRecord => ({
  name: plainName(rr.owner),
  type: typeName(rr.type),
  class: className(rr.class),
  ttl: rr.ttl,
  data: formatRdata(rr.type, rr.rdata),
})

type Format = AnswerFormat['format']

/** Of records: `text` (default) has data in presentation format, `dns-packet` the shape of that package's answers. */
export interface AnswerFormat<F extends 'text' | 'dns-packet' = 'text' | 'dns-packet'> {
  readonly format: F
}

/** Reads the options of a question. */
export function formatOf(options: AnswerFormat | undefined): Format {
  if (options === undefined) return 'text'
  knownFields(options, ['format'], 'the options of the question')
  const { format } = options
  if (format !== 'text' && format !== 'dns-packet')
    mistake(`expected format to be "text" or "dns-packet", found ${described(format)}`)
  return format
}

/** Servers of the root, as text for a hints file too. */
export interface RootHints {
  readonly servers: readonly { readonly name: string; readonly addresses: readonly string[] }[]
  /** The port of all servers of this internet. */
  readonly port: number
  /** A hints file (it has no place for a port). */
  readonly text: string
}

/** A caching resolver in front of servers on sockets. */
export interface CachingResolver extends AsyncDisposable {
  readonly clock: TestClock
  /** Rejects with a TypeError for a name or type that cannot be; whatever the DNS says is an answer. */
  query(name: string, type?: string, options?: AnswerFormat<'text'>): Promise<TestAnswer>
  query(name: string, type: string | undefined, options: AnswerFormat<'dns-packet'>): Promise<TestAnswer<PacketRecord>>
  /** Forgets everything. */
  clearCache(): void
  stop(): Promise<void>
}
