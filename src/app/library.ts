/**
 * A resolver of one's own inside a Node.js program: walks from the root by itself, needs no server and no configuration
 * file. Names and data are in presentation format on this side; what the DNS says (no such name, no data, failure) is a
 * value, and only wrong use rejects.
 */
import { performance } from 'node:perf_hooks'
import { foldName } from '../dns/name.ts'
import { packetRecord, type PacketRecord } from '../presentation/packet-record.ts'
import { type Rr, recordsOf, type RRset } from '../dns/rrset.ts'
import { edeName, RrClass, typeName, typeNumber, type EdeCode } from '../dns/types.ts'
import type { Event } from '../events.ts'
import { formatName } from '../presentation/text.ts'
import { publishResolution } from './diagnostics/channels.ts'
import { readConfigValue } from '../config/read.ts'
import type { RawConfig, RawRecords } from '../config/raw.ts'
import { jsonStep, type JsonStep } from '../render/trace-json.ts'
import { jsonRecord, type JsonRecord } from '../render/message.ts'
import { problemText } from '../render/problem.ts'
import { allProblems, openEngine } from './open-engine.ts'
import type { Recursor } from './recursor.ts'
import type { TraceStep } from '../resolver/trace.ts'
import type { Outcome, Security } from '../steps.ts'
import { answerLine, type PacketAnswer } from '../input/packet-answer.ts'
import { readName } from '../system/idna.ts'

/** Like the settings of the same names in a configuration file; paths are relative to the working directory. */
export interface ResolverOptions {
  readonly zones?: RawConfig['zones']
  /** As in a configuration file, or records in the shape of dns-packet's answers. */
  readonly records?: RawRecords | readonly PacketAnswer[]
  readonly specialUse?: RawConfig['specialUse']
  /** Zones that other resolvers answer, and zones whose own servers are named. */
  readonly forward?: readonly ForwardOption[]
  readonly stub?: RawConfig['stub']
  readonly rootHints?: string
  readonly upstream?: Partial<RawConfig['upstream']>
  readonly dnssec?: Partial<RawConfig['dnssec']>
  readonly cache?: Partial<RawConfig['cache']>
  readonly budget?: Partial<RawConfig['budget']>
  /** Called for zones that change, an unreachable address family, bugs. */
  readonly onEvent?: (event: Event) => void
}

/** As in a configuration file; what is optional there is here. */
type ForwardOption = Pick<RawConfig['forward'][number], 'zone' | 'to'> & Partial<RawConfig['forward'][number]>

/** With records in presentation format (`JsonRecord`), or in the shape of dns-packet's answers. */
export interface Resolution<R = JsonRecord> {
  readonly status: 'NOERROR' | 'NXDOMAIN' | 'SERVFAIL'
  /** The answer, aliases that led to it first. Empty when the name has no such data. */
  readonly records: readonly R[]
  /** The SOA that comes with a denial and says how long it may be remembered. */
  readonly soa: R | null
  readonly authoritative: boolean
  /**
   * What validation says of the answer or denial (RFC 4035 section 4.3); `indeterminate` when nothing is validated or
   * there is no answer.
   */
  readonly security: Security['kind']
  /** Why there is no answer; null unless `status` is SERVFAIL. */
  readonly error: { readonly code: EdeCode; readonly name: string; readonly text: string } | null
  readonly tookMs: number
  /** Empty unless it was asked for. */
  readonly steps: readonly JsonStep[]
}

export interface ResolveOptions {
  /** Adds `steps`, the whole walk. Default false. */
  readonly trace?: boolean
  /**
   * Of the records: `text` (default) has data in presentation format, `dns-packet` the shape of that package's answers.
   */
  readonly format?: 'text' | 'dns-packet'
}

type AsPackets = ResolveOptions & { readonly format: 'dns-packet' }
type AsText = ResolveOptions & { readonly format?: 'text' }

export interface PublicResolver {
  /** `type` is a mnemonic or `TYPEnnn`. Rejects with a TypeError for a name, type or format that cannot be. */
  resolve(name: string, type: string | undefined, options: AsPackets): Promise<Resolution<PacketRecord>>
  resolve(name: string, type?: string, options?: AsText): Promise<Resolution>
  /** Gives sockets and file watches back; the process can end. What is in flight fails. */
  close(): void
  [Symbol.dispose](): void
}

/** Throws a TypeError that lists everything wrong with the options. */
export function createResolver(options: ResolverOptions = {}): PublicResolver {
  const { onEvent, records, ...others } = options
  const settings =
    records === undefined ? others : { ...others, records: isAnswers(records) ? records.map(answerLine) : records }
  const result = readConfigValue(settings, {
    file: null,
    locate: (_path, message) => ({ file: 'options', line: 0, column: 0, severity: 'error', message }),
    directoryOf: () => process.cwd(),
  })
  if (result.kind === 'invalid') throw new TypeError(result.problems.map(({ message }) => message).join('\n'))
  const { config } = result
  const opened = openEngine(config, { events: onEvent ?? (() => {}) })
  if (opened.kind === 'invalid') throw new TypeError(allProblems(opened.problems).map(problemText).join('\n'))
  const { recursor, trust } = opened
  recursor.zones.watch()
  trust.attach(recursor.resolver)
  // Nothing is asked without a question inside somebody's program, unless the roll-over of keys is to be followed.
  if (config.dnssec.managedAnchors !== null) trust.start()
  const close = (): void => void opened.close()
  return {
    resolve: resolveWith(recursor),
    close,
    [Symbol.dispose]: close,
  }
}

const isAnswers = (records: RawRecords | readonly PacketAnswer[]): records is readonly PacketAnswer[] =>
  Array.isArray(records) && records.some(record => typeof record === 'object')

function resolveWith(recursor: Recursor): PublicResolver['resolve'] {
  function resolve(name: string, type: string | undefined, options: AsPackets): Promise<Resolution<PacketRecord>>
  function resolve(name: string, type?: string, options?: AsText): Promise<Resolution>
  async function resolve(
    name: string,
    type = 'A',
    options: ResolveOptions = {},
  ): Promise<Resolution | Resolution<PacketRecord>> {
    const { trace = false, format = 'text' } = options
    switch (format) {
      case 'text':
        return ask(recursor, name, type, trace, jsonRecord)
      case 'dns-packet':
        return ask(recursor, name, type, trace, packetRecord)
      default:
        format satisfies never
        throw new TypeError(`expected format to be "text" or "dns-packet", found ${JSON.stringify(format)}`)
    }
  }
  return resolve
}

async function ask<R>(
  recursor: Recursor,
  name: string,
  type: string,
  wantTrace: boolean,
  recordOf: (rr: Rr) => R,
): Promise<Resolution<R>> {
  const cased = readName(name)
  if (typeof cased !== 'string') throw new TypeError(cased.error)
  const number = typeNumber(type)
  if (number === null) throw new TypeError(`${JSON.stringify(type)} is no record type`)
  const steps: TraceStep[] = []
  const startedAt = performance.now()
  const outcome = await new Promise<Outcome>(done => {
    const plain = { recursionDesired: true, because: 'client' } as const
    recursor.resolver.resolve(
      { name: foldName(cased), type: number, class: RrClass.IN },
      wantTrace ? { ...plain, trace: step => steps.push(step) } : plain,
      done,
    )
  })
  const tookMs = performance.now() - startedAt
  const resolution = resolutionOf(outcome, recordOf)
  publishResolution(() => ({
    of: 'library',
    name: formatName(cased),
    type: typeName(number),
    rcode: resolution.status,
    ms: tookMs,
  }))
  return {
    ...resolution,
    tookMs,
    steps: steps.map(step => jsonStep(step)),
  }
}

/** An outcome with its records as `recordOf` makes them. */
export function resolutionOf<R>(outcome: Outcome, recordOf: (rr: Rr) => R): Omit<Resolution<R>, 'tookMs' | 'steps'> {
  const records = outcome.rrsets.flatMap(rrset => recordsOf(rrset)).map(recordOf)
  const soaOf = (rrset: RRset | null): R | null => (rrset === null ? null : (recordsOf(rrset).map(recordOf)[0] ?? null))
  switch (outcome.kind) {
    case 'answer':
      return {
        status: 'NOERROR',
        records,
        soa: null,
        authoritative: outcome.authoritative,
        security: outcome.security.kind,
        error: null,
      }
    case 'nodata':
    case 'nxdomain':
      return {
        status: outcome.kind === 'nodata' ? 'NOERROR' : 'NXDOMAIN',
        records,
        soa: soaOf(outcome.soa),
        authoritative: outcome.authoritative,
        security: outcome.security.kind,
        error: null,
      }
    case 'failure':
      return {
        status: 'SERVFAIL',
        records,
        soa: null,
        authoritative: false,
        security: outcome.why === 'bogus' ? 'bogus' : 'indeterminate',
        error: { code: outcome.ede, name: edeName(outcome.ede), text: outcome.text },
      }
    default:
      return outcome satisfies never
  }
}
