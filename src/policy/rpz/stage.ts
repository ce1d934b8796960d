/**
 * Response policy zones as stages: `rpz` decides on the question where that is settled without an answer, `rpz-answer`
 * on what came. What rules make has no AD, is given to nobody else and is judged by no rule again.
 */
import { type IpAddress, ipFromBytes } from '../../dns/address.ts'
import { u16 } from '../../dns/bytes.ts'
import { foldName, type Name, nameFromLabels, labelsOf, type WireName } from '../../dns/name.ts'
import { ipOf, nameRdata, targetOf } from '../../dns/rdata.ts'
import { plainNameEnd } from '../../dns/rdata-wire.ts'
import { makeRRset, type RRset } from '../../dns/rrset.ts'
import { EdeCode, Rcode, RrClass, RrType } from '../../dns/types.ts'
import { formatName } from '../../presentation/text.ts'
import type { Outcome } from '../../steps.ts'
import { FlatContent } from '../../zone/flat-zone.ts'
import type { Answer, Content, Decision, Handler, Query, Stage } from '../handler.ts'
import type { Hit, NameServers, PolicyRules } from './rules.ts'
import { triggerText } from './trigger.ts'

export interface RpzParts {
  /** Those of the moment; null: there are none yet. `failing`: and until there are, nothing is answered. */
  readonly rules: () => PolicyRules | null | 'failing'
  /** What is known in a view of the servers of the zones that a name is in, from the walk or before. */
  readonly serversOf: (name: Name, view: number) => NameServers
  /** A rule applied, or one that only reports. */
  readonly onHit?: (hit: Hit, query: Query) => void
}

const QUESTION = 'rpz'
const ANSWER = 'rpz-answer'

export function makeRpz(parts: RpzParts): readonly Stage[] {
  return [
    { name: QUESTION, after: [], before: [], asksAgain: true, handle: (query, next) => onQuestion(parts, query, next) },
    { name: ANSWER, after: [], before: [], asksAgain: true, handle: (query, next) => onAnswer(parts, query, next) },
  ]
}

async function onQuestion(parts: RpzParts, query: Query, next: Handler): Promise<Answer> {
  const rules = parts.rules()
  // RD=0 asks for what is here, and rules are about what is looked up.
  if (rules === null || !query.recursionDesired) return next(query)
  if (rules === 'failing')
    return given(QUESTION, {
      rcode: Rcode.SERVFAIL,
      ede: { code: EdeCode.NotReady, text: 'policy zones are not loaded' },
    })
  const { name } = query.question
  const hit = rules.question(name, query.client.ip)
  if (hit === null || !rules.isSettled(hit)) return unshared(rules, await next(query))
  // Else the other stage, which sees all of it, reports what would have been.
  const logged = rules.logsOnly ? rules.question(name, query.client.ip, true) : null
  if (logged !== null) parts.onHit?.(logged, query)
  return applied(
    parts,
    hit,
    query,
    [],
    name,
    () => next({ ...query, exempt: without(query, ANSWER) }),
    asked => next({ ...asked, exempt: without(query, ANSWER) }),
  )
}

const without = ({ exempt = [] }: Query, ...names: readonly string[]): readonly string[] => [...exempt, ...names]

/** A finished answer is given to every client of a view: not while there are rules for some of them. */
const unshared = (rules: PolicyRules, answer: Answer): Answer =>
  answer.kind === 'resolved' && rules.dependsOnClient ? { ...answer, shareable: false } : answer

async function onAnswer(parts: RpzParts, query: Query, next: Handler): Promise<Answer> {
  const answer = await next(query)
  const rules = parts.rules()
  if (rules === null || rules === 'failing' || !query.recursionDesired || answer.kind !== 'resolved') return answer
  const { outcome } = answer
  if (outcome.kind === 'failure' && outcome.why === 'bogus') return answer
  const links = chainOf(query.question.name, query.question.type, outcome.rrsets)
  if (rules.logsOnly) {
    const logged = decide(rules, parts, query, links, outcome, true)
    if (logged !== null) parts.onHit?.(logged.hit, query)
  }
  const decided = decide(rules, parts, query, links, outcome, false)
  if (decided === null) return answer
  const { hit, link } = decided
  return applied(parts, hit, query, link.before, link.name, async () => answer, next)
}

/** One name of an alias chain, and the sets that lead to it. */
interface Link {
  readonly name: Name
  readonly before: readonly RRset[]
}

function chainOf(name: Name, type: number, rrsets: readonly RRset[]): readonly Link[] {
  const links: Link[] = [{ name, before: [] }]
  if (type === RrType.CNAME || type === RrType.ANY) return links
  let current = name
  rrsets.forEach((set, i) => {
    if (set.type !== RrType.CNAME || set.name !== current) return
    const [rdata] = set.rdatas
    const target = rdata === undefined ? null : targetOf(rdata)
    if (target === null) return
    current = foldName(target)
    links.push({ name: current, before: rrsets.slice(0, i + 1) })
  })
  return links
}

interface Decided {
  readonly hit: Hit
  readonly link: Link
}

/** The first name of the chain with a rule decides. */
function decide(
  rules: PolicyRules,
  { serversOf }: RpzParts,
  { client, view }: Query,
  links: readonly Link[],
  outcome: Outcome,
  logged: boolean,
): Decided | null {
  for (const [i, link] of links.entries()) {
    const isFirst = i === 0
    const addresses = i === links.length - 1 ? addressesIn(outcome.rrsets) : []
    const byQuestion = rules.question(link.name, isFirst ? client.ip : null, logged)
    const servers = rules.dependsOnNameServers ? serversOf(link.name, view) : NO_SERVERS
    const hit = rules.answer(addresses, servers, byQuestion, logged)
    if (hit !== null) return { hit, link }
  }
  return null
}

const NO_SERVERS: NameServers = { names: [], addresses: [] }

/** Addresses in an answer, the hints of HTTPS and SVCB records among them: clients connect to those as well. */
function addressesIn(rrsets: readonly RRset[]): readonly IpAddress[] {
  return rrsets.flatMap(({ type, rdatas }) => {
    if (type === RrType.A || type === RrType.AAAA) return rdatas.flatMap(rdata => ipOf(type, rdata) ?? [])
    return type === RrType.HTTPS || type === RrType.SVCB ? rdatas.flatMap(hintsIn) : []
  })
}

/** RFC 9460 section 7.3. */
const HINTS: ReadonlyMap<number, number> = new Map([
  [4, 4],
  [6, 16],
])

function hintsIn(rdata: Uint8Array): readonly IpAddress[] {
  const found: IpAddress[] = []
  const target = plainNameEnd(rdata, 2, rdata.length)
  if (target < 0) return found
  for (let at = target; at + 4 <= rdata.length; ) {
    const size = HINTS.get(u16(rdata, at))
    const end = at + 4 + u16(rdata, at + 2)
    if (size !== undefined)
      for (let from = at + 4; from + size <= Math.min(end, rdata.length); from += size)
        found.push(ipFromBytes(rdata.slice(from, from + size)))
    at = end
  }
  return found
}

/**
 * What a rule makes of a query. `chain` leads to `name`, which it is about. `unchanged` is the answer without it, `ask`
 * asks another question without any rule.
 */
async function applied(
  parts: RpzParts,
  hit: Hit,
  query: Query,
  chain: readonly RRset[],
  name: Name,
  unchanged: () => Promise<Answer>,
  ask: Handler,
): Promise<Answer> {
  parts.onHit?.(hit, query)
  const decisions: readonly Decision[] = [
    { stage: QUESTION, rule: triggerText(hit.trigger, formatName), source: formatName(hit.settings.zone), lost: [] },
  ]
  const decided = (answer: Answer): Answer => ({ ...answer, decisions: [...decisions, ...(answer.decisions ?? [])] })
  const { settings } = hit
  const ede = settings.ede
  const action: Hit['action'] = isOfItself(hit, name) ? { kind: 'passthru', ttl: 0 } : hit.action
  switch (action.kind) {
    case 'passthru':
      return decided(unsharedFor(hit, await unchanged()))
    case 'tcp-only':
      if (query.client.transport !== 'udp') return decided(unsharedFor(hit, await unchanged()))
      return decided(given(ANSWER, { truncated: true, ede }))
    case 'drop':
      return decided({ kind: 'dropped', by: ANSWER })
    case 'nxdomain':
      return decided(given(ANSWER, { rcode: Rcode.NXDOMAIN, answer: chain, additional: soaOf(parts, hit), ede }))
    case 'nodata':
      return decided(given(ANSWER, { answer: chain, additional: soaOf(parts, hit), ede }))
    case 'data':
      return decided(localData(parts, hit, action.sets, query, chain, name))
    case 'cname':
      return decided(await throughCname(hit, action, query, chain, name, ask))
    default:
      return action satisfies never
  }
}

/** A wildcard that is an alias of the name asked for lets it pass, as the oldest way to say so does (BIND). */
const isOfItself = ({ trigger, action }: Hit, name: Name): boolean =>
  trigger.kind === 'qname' && action.kind === 'cname' && !action.below && foldName(action.target) === name

/** Whoever else asks may have no such address. */
const unsharedFor = ({ trigger }: Hit, answer: Answer): Answer =>
  trigger.kind === 'client-ip' && answer.kind === 'resolved' ? { ...answer, shareable: false } : answer

function localData(
  parts: RpzParts,
  hit: Hit,
  sets: readonly RRset[],
  { question }: Query,
  chain: readonly RRset[],
  name: Name,
): Answer {
  const { ede, maxTtl } = hit.settings
  const own = (set: RRset): RRset => ({ ...set, owner: name, name, ttl: Math.min(set.ttl, maxTtl), signatures: [] })
  const found = question.type === RrType.ANY ? sets : sets.filter(({ type }) => type === question.type)
  return given(
    ANSWER,
    found.length === 0
      ? { answer: chain, additional: soaOf(parts, hit), ede }
      : { answer: [...chain, ...found.map(own)], ede },
  )
}

async function throughCname(
  hit: Hit,
  { target, below, ttl }: Extract<Hit['action'], { kind: 'cname' }>,
  query: Query,
  chain: readonly RRset[],
  name: Name,
  ask: Handler,
): Promise<Answer> {
  const { ede, maxTtl } = hit.settings
  const to: WireName | null = below ? nameFromLabels([...labelsOf(name), ...labelsOf(target)]) : target
  // The original answer would be a way round the rule (CVE-2026-11331).
  if (to === null) return given(ANSWER, { rcode: Rcode.YXDOMAIN, answer: chain, ede })
  const cname = makeRRset(name, RrType.CNAME, RrClass.IN, Math.min(ttl, maxTtl), [nameRdata(to)])
  const { type } = query.question
  if (type === RrType.CNAME || type === RrType.ANY) return given(ANSWER, { answer: [...chain, cname], ede })
  const answer = await ask({ ...query, question: { ...query.question, name: foldName(to) } })
  if (answer.kind !== 'resolved') return answer
  const { outcome } = answer
  const aliases = [...chain, cname]
  // Rules and records can lead in a circle; a name has one alias in an answer.
  const isAgain = ({ type: t, name: owner }: RRset): boolean =>
    t === RrType.CNAME && aliases.some(alias => alias.name === owner)
  const rrsets = [...aliases, ...outcome.rrsets.filter(set => !isAgain(set))]
  if (outcome.kind === 'failure') return { ...answer, by: ANSWER, shareable: false, outcome: { ...outcome, rrsets } }
  const security =
    ede === null
      ? ({ kind: 'indeterminate' } as const)
      : ({ kind: 'insecure', note: { ede: ede.code, text: ede.text } } as const)
  return {
    ...answer,
    by: ANSWER,
    shareable: false,
    outcome: { ...outcome, rrsets, proof: [], security, authoritative: false },
  }
}

/** Where it comes from: in the additional section, as it is no SOA of the name (BIND does so). */
function soaOf({ rules }: RpzParts, { zone, settings }: Hit): readonly RRset[] {
  const current = rules()
  const flat = current === null || current === 'failing' ? undefined : current.zones[zone]?.zone
  const soa = flat === undefined ? undefined : new FlatContent(flat).at(flat.origin)?.get(RrType.SOA)
  return soa === undefined ? [] : [{ ...soa, ttl: Math.min(soa.ttl, settings.maxTtl) }]
}

const EMPTY: Content = {
  rcode: Rcode.NOERROR,
  authoritative: false,
  secure: false,
  answer: [],
  authority: [],
  additional: [],
  ede: null,
}

const given = (by: string, content: Partial<Content>): Answer => ({
  kind: 'given',
  by,
  content: { ...EMPTY, ...content },
})
