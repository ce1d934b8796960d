/** Response policy zones from a few lines, and a chain of stages over an internet of a few records. */
import { parseIp } from '../../../src/dns/address.ts'
import { foldName, type Name, trustWireName } from '../../../src/dns/name.ts'
import { groupRRsets, type RRset } from '../../../src/dns/rrset.ts'
import { RrClass, RrType, typeName } from '../../../src/dns/types.ts'
import { defaultLimits } from '../../../src/limits.ts'
import type { Answer, Handler, Query } from '../../../src/policy/handler.ts'
import { IndexBuilder } from '../../../src/policy/rpz/rule-index.ts'
import { type Hit, type NameServers, PolicyRules, type PolicyZoneSettings } from '../../../src/policy/rpz/rules.ts'
import { makeRpz } from '../../../src/policy/rpz/stage.ts'
import type { Client } from '../../../src/ports.ts'
import { formatRdata } from '../../../src/presentation/rdata-text.ts'
import { formatName, parseName } from '../../../src/presentation/text.ts'
import { chain } from '../../../src/server/pipeline.ts'
import type { Outcome } from '../../../src/steps.ts'
import { targetOf } from '../../../src/dns/rdata.ts'
import { packZone, type FlatZone } from '../../../src/zone/flat-zone.ts'
import { loadRecords } from '../../../src/zone/load-zone.ts'
import { rcodeName } from '../../../src/dns/types.ts'

export function nameOf(text: string): Name {
  const parsed = parseName(text, null)
  if (typeof parsed !== 'string') throw new Error(`${text}: ${parsed.error}`)
  return foldName(parsed)
}

export function flatZone(zone: string, ...lines: readonly string[]): FlatZone {
  const origin = nameOf(zone)
  const text = ['$TTL 30', '@ SOA ns.x. h.x. 1 1 1 1 1', '@ NS ns.x.', ...lines, ''].join('\n')
  const loaded = loadRecords({ text, file: zone, origin, limits: defaultLimits.zone })
  if (loaded.kind === 'invalid') throw new Error(JSON.stringify(loaded.problems))
  const byName = new Map<Name, RRset[]>()
  for (const set of groupRRsets(loaded.records)) byName.set(set.name, [...(byName.get(set.name) ?? []), set])
  return packZone(origin, [...byName.values()].flat())
}

const SETTINGS: Omit<PolicyZoneSettings, 'zone'> = {
  override: null,
  logOnly: false,
  early: true,
  maxTtl: 300,
  ede: null,
}

export interface ZoneUnderTest extends Partial<PolicyZoneSettings> {
  readonly flat: FlatZone
}

export function rulesOf(...zones: readonly ZoneUnderTest[]): PolicyRules {
  const builder = new IndexBuilder({ k0: 1, k1: 2 })
  for (const { flat } of zones) builder.add(flat, 10)
  return new PolicyRules({
    tables: builder.finish(),
    zones: zones.map(({ flat, ...settings }) => ({
      zone: flat,
      settings: { ...SETTINGS, zone: flat.origin, ...settings },
    })),
  })
}

export interface World {
  /** Lines of records; names that are not there do not exist. */
  readonly records: readonly string[]
  readonly servers?: (name: Name) => NameServers
}

export interface Asked {
  readonly asked: readonly string[]
  readonly hits: readonly Hit[]
  readonly answer: Answer
}

export async function ask(
  rules: PolicyRules | null | 'failing',
  world: World,
  name: string,
  type: number = RrType.A,
  more: Partial<Query> & { readonly from?: string; readonly transport?: Client['transport'] } = {},
): Promise<Asked> {
  const loaded = loadRecords({ text: `$TTL 30\n${world.records.join('\n')}\n`, file: 'world', origin: nameOf('.') })
  if (loaded.kind === 'invalid') throw new Error(JSON.stringify(loaded.problems))
  const sets = groupRRsets(loaded.records)
  const asked: string[] = []
  const hits: Hit[] = []
  const last: Handler = query => {
    asked.push(formatName(query.question.name))
    const outcome = resolve(sets, query.question.name, query.question.type)
    return Promise.resolve({ kind: 'resolved', outcome, by: 'recursion', shareable: true })
  }
  const stages = makeRpz({
    rules: () => rules,
    serversOf: world.servers ?? (() => ({ names: [], addresses: [] })),
    onHit: hit => hits.push(hit),
  })
  const ip = parseIp(more.from ?? '127.0.0.1')
  if (ip === null) throw new Error('no address')
  const { from: _from, transport = 'udp', ...query } = more
  const answer = await chain(
    stages,
    () => false,
    last,
  )({
    question: { name: nameOf(name), type, class: RrClass.IN },
    client: { ip, port: 1, transport },
    view: 0,
    recursionDesired: true,
    checkingDisabled: false,
    dnssecOk: false,
    receivedAt: 0,
    ...query,
  })
  return { asked, hits, answer }
}

function resolve(sets: readonly RRset[], name: Name, type: number): Outcome {
  const rrsets: RRset[] = []
  const base = { proof: [], security: { kind: 'secure' }, authoritative: false } as const
  for (let at = name; ; ) {
    const here = sets.filter(set => set.name === at)
    const found = here.find(set => set.type === type)
    if (found !== undefined) return { kind: 'answer', rrsets: [...rrsets, found], additional: [], ...base }
    const cname = here.find(set => set.type === RrType.CNAME)
    const target = cname?.rdatas[0] === undefined ? null : targetOf(cname.rdatas[0])
    if (cname === undefined || target === null)
      return { kind: here.length > 0 ? 'nodata' : 'nxdomain', rrsets, soa: null, ...base }
    rrsets.push(cname)
    at = foldName(trustWireName(target))
  }
}

/** `NXDOMAIN`, `NOERROR A 10.0.0.1`, `dropped`, `truncated`. */
export function shown({ answer }: Asked): string {
  const records = (sets: readonly RRset[]): string[] =>
    sets.flatMap(set => set.rdatas.map(rdata => `${typeName(set.type)} ${formatRdata(set.type, rdata)}`))
  switch (answer.kind) {
    case 'dropped':
    case 'refused':
      return answer.kind
    case 'given': {
      const { rcode, answer: sets, truncated } = answer.content
      return [truncated === true ? 'truncated' : rcodeName(rcode), ...records(sets)].join(' ')
    }
    case 'resolved': {
      const { outcome } = answer
      const word = { answer: 'NOERROR', nodata: 'NOERROR', nxdomain: 'NXDOMAIN', failure: 'SERVFAIL' }[outcome.kind]
      return [word, ...records(outcome.rrsets)].join(' ')
    }
    default:
      return answer satisfies never
  }
}
