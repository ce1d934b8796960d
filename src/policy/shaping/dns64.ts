/**
 * DNS64 (RFC 6147): clients of networks that have IPv6 only are given AAAA records made of A records, under the prefix
 * that the NAT64 of the network translates. Also what goes with it: PTR records under the prefix (section 5.3.1) and
 * `ipv4only.arpa.`, by which clients find the prefix (RFC 7050, RFC 8880).
 *
 * Invariants: nothing is made where there is a usable AAAA record, for a name that does not exist, of data that does
 * not validate, and for a client that validates itself (CD and DO); what is made is never AD; an answer that depends on
 * who asks is not shared.
 */
import { formatIp, inAnyPrefix, ipFromBytes, type Prefix } from '../../dns/address.ts'
import { foldName, nameFromLabels, type Name } from '../../dns/name.ts'
import { nameRdata } from '../../dns/rdata.ts'
import { makeRRset, type RRset } from '../../dns/rrset.ts'
import { RrClass, RrType } from '../../dns/types.ts'
import { failureFacts } from '../../resolver/outcome.ts'
import type { Outcome } from '../../steps.ts'
import { reverseOf } from '../../zone/reverse.ts'
import type { Answer, Handler, Query, Stage } from '../handler.ts'
import type { AnsweredLocally } from '../minimal-any.ts'
import { embed, extract, isUnder, reversedIpv6 } from './nat64.ts'

export interface Dns64 {
  readonly prefix: Prefix
  /** Null: all. */
  readonly clients: readonly Prefix[] | null
  /** IPv4: A records of which nothing is made. IPv6: AAAA records that count as none (RFC 6147 section 5.1.4). */
  readonly exclude: readonly Prefix[]
}

/** RFC 7050 section 2.2. */
const WELL_KNOWN_ADDRESSES = [Uint8Array.of(192, 0, 0, 170), Uint8Array.of(192, 0, 0, 171)] as const
const IPV4ONLY = known(['ipv4only', 'arpa'])

type Resolved = Extract<Answer, { kind: 'resolved' }>

export function makeDns64(
  settings: Dns64,
  answeredByOwn: AnsweredLocally,
  limits: { readonly synthesisTtl: number },
): Stage {
  const isClient = ({ client }: Query): boolean => settings.clients === null || inAnyPrefix(client.ip, settings.clients)
  const decisions = [{ stage: 'dns64', rule: prefixText(settings.prefix), source: null, lost: [] }]
  const noted = (answer: Answer): Answer =>
    answer.by === 'dns64' ? { ...answer, decisions: [...decisions, ...(answer.decisions ?? [])] } : answer
  /** `changes`: would a client of the other kind be given something else? */
  const shared = (answer: Answer, changes: boolean): Answer =>
    answer.kind === 'resolved' && changes && settings.clients !== null ? { ...answer, shareable: false } : answer
  return {
    name: 'dns64',
    after: ['chaos', 'rebinding'],
    before: [],
    asksAgain: true,
    async handle(query, next) {
      const { question } = query
      if (question.class !== RrClass.IN) return next(query)
      if (question.type === RrType.PTR) {
        const mapped = mappedPointer(settings, question.name)
        if (mapped === null || answeredByOwn(question, query.view)) return next(query)
        if (!isClient(query)) return shared(await next(query), true)
        return shared(noted(await pointer(query, mapped, next, limits.synthesisTtl)), true)
      }
      if (question.name === IPV4ONLY && !answeredByOwn(question, query.view)) {
        const own = wellKnown(question.type, settings.prefix, limits.synthesisTtl)
        if (own !== null && isClient(query)) return shared(noted(own), true)
        return shared(await next(query), own !== null)
      }
      // RFC 6147 section 5.5: who validates itself would find out that it is made up.
      if (question.type !== RrType.AAAA || (query.checkingDisabled && query.dnssecOk)) return next(query)
      const first = await next(query)
      const lack = lackOf(first, settings)
      if (first.kind !== 'resolved' || lack === null) return first
      if (!isClient(query)) return shared(first, true)
      return shared(noted(await synthesised(query, { first, lack }, next, settings, limits.synthesisTtl)), true)
    },
  }
}

/** What an answer to AAAA lacks: all, and how long that is known (s), or what is left when excluded ones are out. */
type Lack =
  | { readonly kind: 'empty'; readonly ttl: number | null; readonly withoutExcluded: Outcome | null }
  | { readonly kind: 'some-excluded'; readonly left: Outcome }

/** Null: the answer stands. */
function lackOf(answer: Answer, { exclude }: Dns64): Lack | null {
  if (answer.kind !== 'resolved') return null
  const { outcome } = answer
  switch (outcome.kind) {
    case 'nxdomain':
      return null
    case 'failure':
      return failureFacts[outcome.why].unanswered ? { kind: 'empty', ttl: null, withoutExcluded: null } : null
    case 'nodata':
      return { kind: 'empty', ttl: outcome.soa?.ttl ?? null, withoutExcluded: null }
    case 'answer': {
      const isOut = (rdata: Uint8Array): boolean => exclude.some(block => block.family === 6 && isUnder(block, rdata))
      const sets = outcome.rrsets.filter(({ type }) => type === RrType.AAAA)
      if (!sets.some(({ rdatas }) => rdatas.some(isOut)) && sets.length > 0) return null
      const kept = outcome.rrsets.flatMap(set => {
        if (set.type !== RrType.AAAA) return [set]
        const rdatas = set.rdatas.filter(rdata => !isOut(rdata))
        return rdatas.length === 0 ? [] : [{ ...set, rdatas, signatures: [] }]
      })
      const common = { rrsets: kept, proof: [], security: unproven, authoritative: false }
      return kept.some(({ type }) => type === RrType.AAAA)
        ? { kind: 'some-excluded', left: { kind: 'answer', additional: [], ...common } }
        : { kind: 'empty', ttl: null, withoutExcluded: { kind: 'nodata', soa: null, ...common } }
    }
    default:
      return outcome satisfies never
  }
}

async function synthesised(
  query: Query,
  { first, lack }: { readonly first: Resolved; readonly lack: Lack },
  next: Handler,
  settings: Dns64,
  ttlWithoutSoa: number,
): Promise<Answer> {
  if (lack.kind === 'some-excluded') return { ...first, outcome: lack.left, by: 'dns64' }
  const asEmpty: Answer =
    lack.withoutExcluded === null ? first : { ...first, outcome: lack.withoutExcluded, by: 'dns64' }
  // CD without DO asks for what is there; what is made out of it is made of good data all the same.
  const found = await next({
    ...query,
    question: { ...query.question, type: RrType.A },
    checkingDisabled: false,
  })
  // A rule keeps the A records back: nothing is made of them, and the rule is what decided.
  if (found.kind !== 'resolved')
    return { ...asEmpty, decisions: [...(asEmpty.decisions ?? []), ...(found.decisions ?? [])] }
  const { outcome } = found
  // When neither type could be had and one of them was bogus, that is what the client hears.
  if (outcome.kind === 'failure')
    return first.outcome.kind === 'failure' && !failureFacts[outcome.why].unanswered ? found : asEmpty
  if (outcome.kind !== 'answer') return asEmpty
  const rrsets = outcome.rrsets.flatMap(set => mapped(set, settings, lack.ttl ?? ttlWithoutSoa))
  if (!rrsets.some(({ type }) => type === RrType.AAAA)) return asEmpty
  const stale = outcome.stale ?? (first.outcome.kind === 'failure' ? undefined : first.outcome.stale)
  const made: Outcome = {
    kind: 'answer',
    rrsets,
    proof: [],
    additional: [],
    authoritative: false,
    security: unproven,
    ...(stale === undefined ? {} : { stale }),
  }
  return { kind: 'resolved', outcome: made, by: 'dns64', shareable: first.shareable && found.shareable }
}

/** A set of the answer to A: an alias stays, addresses are mapped, for `most` seconds (RFC 6147 section 5.1.7). */
function mapped(set: RRset, { prefix, exclude }: Dns64, most: number): readonly RRset[] {
  if (set.type !== RrType.A) return [set]
  const rdatas = set.rdatas.flatMap(rdata => (isExcluded(exclude, rdata) ? [] : [embed(prefix, rdata)]))
  if (rdatas.length === 0) return []
  return [{ ...makeRRset(set.name, RrType.AAAA, RrClass.IN, Math.min(set.ttl, most), rdatas), owner: set.owner }]
}

const isExcluded = (exclude: readonly Prefix[], ipv4: Uint8Array): boolean =>
  ipv4.length !== 4 || exclude.some(block => block.family === 4 && isUnder(block, ipv4))

/** The IPv4 address that a name of the reverse tree stands for under the prefix. */
function mappedPointer({ prefix, exclude }: Dns64, name: Name): Uint8Array | null {
  const ipv6 = reversedIpv6(name)
  const ipv4 = ipv6 === null ? null : extract(prefix, ipv6)
  return ipv4 === null || isExcluded(exclude, ipv4) ? null : ipv4
}

/** RFC 6147 section 5.3.1: an alias to the name of the IPv4 address, and what is there. */
async function pointer(query: Query, ipv4: Uint8Array, next: Handler, ttl: number): Promise<Answer> {
  const { question } = query
  const target = reverseOf(ipFromBytes(ipv4))
  if (target === null) return next(query)
  const alias = makeRRset(question.name, RrType.CNAME, RrClass.IN, ttl, [nameRdata(target)])
  if (WELL_KNOWN_ADDRESSES.some(known => known.every((octet, at) => octet === ipv4[at])))
    return given([alias, makeRRset(target, RrType.PTR, RrClass.IN, ttl, [nameRdata(IPV4ONLY)])])
  const found = await next({ ...query, question: { ...question, name: target } })
  if (found.kind !== 'resolved' || found.outcome.kind === 'failure') return found
  const outcome: Outcome = {
    ...found.outcome,
    rrsets: [alias, ...found.outcome.rrsets],
    security: unproven,
    authoritative: false,
  }
  return { ...found, outcome, by: 'dns64' }
}

/** RFC 8880 section 7.1: asked of no one. Null for other types, which are resolved as always. */
function wellKnown(type: number, prefix: Prefix, ttl: number): Answer | null {
  if (type !== RrType.A && type !== RrType.AAAA) return null
  const rdatas = WELL_KNOWN_ADDRESSES.map(ipv4 => (type === RrType.A ? ipv4 : embed(prefix, ipv4)))
  return given([makeRRset(IPV4ONLY, type, RrClass.IN, ttl, rdatas)])
}

const given = (rrsets: readonly RRset[]): Answer => ({
  kind: 'resolved',
  outcome: { kind: 'answer', rrsets, proof: [], additional: [], authoritative: false, security: unproven },
  by: 'dns64',
  shareable: true,
})

const prefixText = ({ bytes, length }: Prefix): string => `${formatIp(bytes)}/${length}`

/** Never AD, whatever it was made of. */
const unproven = Object.freeze({ kind: 'insecure' as const })

function known(labels: readonly string[]): Name {
  const name = nameFromLabels(labels)
  if (name === null) throw new TypeError(labels.join('.'))
  return foldName(name)
}
