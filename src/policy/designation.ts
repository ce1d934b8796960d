/**
 * Discovery of designated resolvers (RFC 9462): a client that knows only our address asks `_dns.resolver.arpa` for SVCB
 * and learns over which encrypted transports we answer, under which name. The same records are at `_dns.` and that name
 * (RFC 9461). What else there is at and below `resolver.arpa` is nothing, which the special-use zone of that name says,
 * and none of it is ever asked elsewhere: a resolver above us would designate itself.
 */
import { foldName, type Name } from '../dns/name.ts'
import { makeRRset, type RRset } from '../dns/rrset.ts'
import { RrClass, RrType } from '../dns/types.ts'
import { parseRr } from '../presentation/rr-text.ts'
import { parseName } from '../presentation/text.ts'
import type { Stage } from './handler.ts'

/** What we designate: ourselves, under the name that our certificate proves. */
export interface Designation {
  /** Without the last dot. */
  readonly target: string
  readonly services: readonly DesignatedService[]
  /** At which the services are reached; empty when that is not known. */
  readonly ipv4: readonly string[]
  readonly ipv6: readonly string[]
}

export interface DesignatedService {
  /** Lower is better (RFC 9460 section 2.4.1). */
  readonly priority: number
  /** `dot`, `h2` and so on, the best first. */
  readonly alpn: readonly string[]
  /** Null: the default of the transport. */
  readonly port: number | null
  /** A URI template (RFC 9461 section 5): `/dns-query{?dns}`; null where there is none. */
  readonly dohPath: string | null
}

/** Seconds: what changes with the configuration is seen within minutes. */
const TTL = 300
const DISCOVERY = '_dns.resolver.arpa.'

/** Parameters as a record has them, in presentation format. `hints`: with the addresses. */
export function serviceText(
  { alpn, port, dohPath }: DesignatedService,
  hints: Pick<Designation, 'ipv4' | 'ipv6'>,
): string {
  return [
    `alpn=${alpn.join(',')}`,
    ...(port === null ? [] : [`port=${port}`]),
    ...(hints.ipv4.length === 0 ? [] : [`ipv4hint=${hints.ipv4.join(',')}`]),
    ...(hints.ipv6.length === 0 ? [] : [`ipv6hint=${hints.ipv6.join(',')}`]),
    ...(dohPath === null ? [] : [`dohpath=${dohPath}`]),
  ].join(' ')
}

/** The records in presentation format: SVCB at `owner`, then the addresses of the target. */
export function designationRecords(designation: Designation, owner: string = DISCOVERY): readonly string[] {
  const { target, services, ipv4, ipv6 } = designation
  return [
    ...services.map(
      service => `${owner} ${TTL} IN SVCB ${service.priority} ${target}. ${serviceText(service, designation)}`,
    ),
    ...ipv4.map(address => `${target}. ${TTL} IN A ${address}`),
    ...ipv6.map(address => `${target}. ${TTL} IN AAAA ${address}`),
  ]
}

/** `current` is what holds now, the same object as long as it does; null designates no server. */
export function makeDesignation(current: () => Designation | null): Stage {
  let made: { readonly of: Designation; readonly owners: ReadonlyMap<Name, Given> } | null = null
  const givenAt = (owner: Name): Given | undefined => {
    const designation = current()
    if (designation === null) return undefined
    if (made?.of !== designation) made = { of: designation, owners: ownersOf(designation) }
    return made.owners.get(owner)
  }
  return {
    name: 'designation',
    after: ['chaos'],
    before: ['minimal-any'],
    handle(query, next) {
      const { question } = query
      const given = question.type === RrType.SVCB && question.class === RrClass.IN ? givenAt(question.name) : undefined
      if (given === undefined) return next(query)
      return Promise.resolve({
        kind: 'resolved',
        by: 'designation',
        shareable: false,
        outcome: {
          kind: 'answer',
          rrsets: [given.services],
          proof: [],
          additional: given.addresses,
          authoritative: true,
          security: { kind: 'insecure' },
        },
      })
    },
  }
}

interface Given {
  readonly services: RRset
  readonly addresses: readonly RRset[]
}

function ownersOf(designation: Designation): ReadonlyMap<Name, Given> {
  const owners = new Map<Name, Given>()
  for (const owner of [DISCOVERY, `_dns.${designation.target}.`]) {
    const name = parseName(owner, null)
    const sets = setsOf(designationRecords(designation, owner))
    const services = sets.find(({ type }) => type === RrType.SVCB)
    if (typeof name !== 'string' || services === undefined) continue
    owners.set(foldName(name), { services, addresses: sets.filter(set => set !== services) })
  }
  return owners
}

/** Records that do not parse are left out: a certificate may have names that are none of the DNS. */
function setsOf(records: readonly string[]): RRset[] {
  const byType = new Map<number, RRset>()
  for (const text of records) {
    const rr = parseRr(text)
    if ('error' in rr) continue
    const before = byType.get(rr.type)
    const all = [...(before?.rdatas ?? []), rr.rdata]
    byType.set(rr.type, makeRRset(rr.owner, rr.type, rr.class, TTL, all))
  }
  return [...byType.values()]
}
