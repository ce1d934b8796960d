/**
 * A policy asked without a server: the stages of the server over a few records, in this thread. Nothing is bounded in
 * time here: a hook that never comes back is a test that never ends.
 */
import { parseIp } from '../../dns/address.ts'
import { foldName, type Name } from '../../dns/name.ts'
import { targetOf } from '../../dns/rdata.ts'
import { makeRRset, recordsOf, type RRset } from '../../dns/rrset.ts'
import { edeName, Rcode, rcodeName, RrClass, RrType, typeName, typeNumber } from '../../dns/types.ts'
import { defaultLimits } from '../../limits.ts'
import type { Client } from '../../ports.ts'
import { formatRdata } from '../../presentation/rdata-text.ts'
import { parseRr } from '../../presentation/rr-text.ts'
import { formatName, parseName } from '../../presentation/text.ts'
import type { Outcome } from '../../steps.ts'
import { type Answer, compose, type Handler, type Query } from '../handler.ts'
import { madeUpSoa } from '../made-up.ts'
import { checkPolicy } from './check.ts'
import type { PolicyClient, PolicyDefinition, Reads } from './language.ts'
import { runHooks } from './run.ts'
import { makeCode, type Program } from './stage.ts'

/** Name → type → data, as in `"records"` of a configuration. Other names do not exist. */
export type TestRecords = Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>

export interface TestSettings {
  readonly records?: TestRecords
  /** Default: now. */
  readonly now?: Date
}

export interface TestQuery {
  /** Default: `A`. */
  readonly type?: string
  /** An address, or more of it. Default: 192.0.2.1 over UDP. */
  readonly client?: string | (Partial<PolicyClient> & { readonly address: string })
  readonly view?: string
  readonly now?: Date
  /** What hooks `upstream` are for: false, the default, is that servers would have to be asked. */
  readonly cached?: boolean
}

export interface TestedAnswer {
  /** `NOERROR`, or null: nothing is answered. */
  readonly rcode: string | null
  /** Type and data: `A 192.0.2.1`, aliases first. */
  readonly records: readonly string[]
  /** Seconds that a client may keep it; null: nothing to keep. */
  readonly ttl: number | null
  /** May others be given it from the cache? */
  readonly shared: boolean
  /** What the policy decided: `query: nxdomain`; null: nothing. */
  readonly decided: string | null
  /** The Extended DNS Error: `Blocked: no games now`. */
  readonly ede: string | null
  /** What its hooks did wrong: `query: threw an error`. */
  readonly faults: readonly string[]
}

export interface PolicyUnderTest {
  readonly ask: (name: string, query?: TestQuery) => Promise<TestedAnswer>
}

/** Throws `TypeError` with all that is wrong with the policy. */
export function testPolicy<R extends Reads | undefined>(
  policy: PolicyDefinition<R>,
  settings: TestSettings = {},
): PolicyUnderTest {
  const checked = checkPolicy(policy)
  if (checked.kind === 'invalid') throw new TypeError(checked.problems.join('; '))
  const limits = defaultLimits.code
  const data = readRecords(settings.records ?? {})
  return {
    async ask(name, asked = {}) {
      const faults: string[] = []
      const program: Program = {
        name: checked.policy.traits.name ?? 'policy',
        traits: checked.policy.traits,
        async ask(call, lookUp) {
          const verdict = await runHooks(checked.policy, call, lookUp, limits, '')
          if (verdict.kind === 'fault') faults.push(verdict.text)
          return verdict
        },
        faulted: text => void faults.push(text),
      }
      const now = (asked.now ?? settings.now ?? new Date()).getTime()
      const view = asked.view ?? null
      const stages = makeCode({ programs: () => [program], viewName: () => view, now: () => now, limits })
      return describe(await compose(stages, resolverOf(data, asked.cached ?? false))(queryOf(name, asked)), faults)
    },
  }
}

function queryOf(name: string, { type = 'A', client = '192.0.2.1' }: TestQuery): Query {
  const number = typeNumber(type)
  if (number === null) throw new TypeError(`"${type}" is no record type`)
  return {
    question: { name: nameOf(name), type: number, class: RrClass.IN },
    client: clientOf(typeof client === 'string' ? { address: client } : client),
    view: 0,
    recursionDesired: true,
    checkingDisabled: false,
    dnssecOk: false,
    receivedAt: 0,
  }
}

const TEST_PORT = 53_000

function clientOf({
  address,
  port = TEST_PORT,
  transport = 'udp',
  tlsName,
  id,
}: Exclude<TestQuery['client'], string | undefined>): Client {
  const ip = parseIp(address)
  if (ip === null) throw new TypeError(`"${address}" is no IP address`)
  return { ip, port, transport, serverName: tlsName ?? undefined, clientId: id ?? undefined }
}

function nameOf(text: string): Name {
  const parsed = parseName(text, null)
  if (typeof parsed !== 'string') throw new TypeError(parsed.error)
  return foldName(parsed)
}

type Data = ReadonlyMap<Name, ReadonlyMap<number, RRset>>

function readRecords(records: TestRecords): Data {
  return new Map(
    Object.entries(records).map(([text, byType]) => {
      const name = nameOf(text)
      const sets = Object.entries(byType).map(([type, data]): RRset => {
        const rrs = [data].flat().map(one => {
          const read = parseRr(`${formatName(name)} ${TEST_TTL_S} IN ${type} ${one}`)
          if ('error' in read) throw new TypeError(`${text} ${type} ${one}: ${read.error}`)
          return read
        })
        const rdatas = rrs.map(({ rdata }) => rdata)
        return makeRRset(name, rrs[0]?.type ?? 0, RrClass.IN, TEST_TTL_S, rdatas)
      })
      return [name, new Map(sets.map(set => [set.type, set]))]
    }),
  )
}

const TEST_TTL_S = 300
/** Longer chains are loops (as the resolver has it). */
const TEST_ALIASES = 8

const resolverOf =
  (data: Data, isCached: boolean): Handler =>
  ({ question, recursionDesired }) => {
    const outcome: Outcome =
      recursionDesired || isCached
        ? outcomeOf(data, question)
        : { kind: 'failure', rrsets: [], why: 'not-recursive', ede: 0, text: '' }
    return Promise.resolve({ kind: 'resolved', outcome, by: 'test', shareable: true })
  }

function outcomeOf(data: Data, { name, type }: { readonly name: Name; readonly type: number }): Outcome {
  const common = { proof: [], security: { kind: 'insecure' as const }, authoritative: false }
  const rrsets: RRset[] = []
  for (let at = name; ; ) {
    const sets = data.get(at)
    const found = sets?.get(type)
    if (found !== undefined) return { ...common, kind: 'answer', rrsets: [...rrsets, found], additional: [] }
    const alias = sets?.get(RrType.CNAME)
    const target = alias?.rdatas[0] === undefined ? null : targetOf(alias.rdatas[0])
    if (alias === undefined || target === null || rrsets.length > TEST_ALIASES) {
      const kind = sets === undefined ? 'nxdomain' : 'nodata'
      return { ...common, kind, rrsets, soa: madeUpSoa(at, TEST_TTL_S) }
    }
    rrsets.push(alias)
    at = foldName(target)
  }
}

function describe(answer: Answer, faults: readonly string[]): TestedAnswer {
  const decided = answer.decisions?.map(({ rule }) => rule).join(', ') ?? null
  const said = { decided, faults, records: [], ttl: null, shared: false, ede: null }
  switch (answer.kind) {
    case 'dropped':
      return { ...said, rcode: null }
    case 'refused':
      return { ...said, rcode: 'REFUSED', ede: edeText(answer.ede, answer.text) }
    case 'given': {
      const { rcode, ede } = answer.content
      return { ...said, rcode: rcodeName(rcode), ede: ede === null ? null : edeText(ede.code, ede.text) }
    }
    case 'resolved':
      return { ...said, ...ofOutcome(answer.outcome, answer.shareable) }
    default:
      return answer satisfies never
  }
}

function ofOutcome(outcome: Outcome, shareable: boolean): Partial<TestedAnswer> & { readonly rcode: string } {
  if (outcome.kind === 'failure') return { rcode: 'SERVFAIL', ede: edeText(outcome.ede, outcome.text) }
  const note = outcome.security.kind === 'insecure' ? (outcome.security.note ?? null) : null
  const ttls = outcome.rrsets.map(set => set.ttl)
  if (outcome.kind !== 'answer' && outcome.soa !== null) ttls.push(outcome.soa.ttl)
  return {
    rcode: rcodeName(outcome.kind === 'nxdomain' ? Rcode.NXDOMAIN : Rcode.NOERROR),
    records: outcome.rrsets.flatMap(set =>
      recordsOf(set).map(({ type, rdata }) => `${typeName(type)} ${formatRdata(type, rdata)}`),
    ),
    ttl: ttls.length === 0 ? null : Math.min(...ttls),
    shared: shareable && note === null,
    ede: note === null ? null : edeText(note.ede, note.text),
  }
}

const edeText = (code: number | null, text: string): string | null =>
  code === null ? null : text === '' ? edeName(code) : `${edeName(code)}: ${text}`
