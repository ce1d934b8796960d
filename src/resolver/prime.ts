/**
 * Root priming (RFC 9609, which replaces RFC 8109): asks the servers of the hints who the root's servers are now. An
 * ordinary question to the servers of an ordinary cut, chosen at random, and validated as any other where the root is
 * signed. The only place where additional records become server addresses, since the hints were configured and not
 * learnt.
 *
 * Invariant: what does not validate takes nothing away; the hints go on being used in its place.
 */
import type { DelegatedServer, Delegation } from '../cache/delegations.ts'
import type { IpAddress } from '../dns/address.ts'
import { decodeMessage } from '../dns/decode.ts'
import type { Question } from '../dns/message.ts'
import { foldName, ROOT, type Name } from '../dns/name.ts'
import { targetOf } from '../dns/rdata.ts'
import { groupRRsets, type RRset } from '../dns/rrset.ts'
import { boundedTtl } from '../cache/ttl.ts'
import { RrClass, RrType } from '../dns/types.ts'
import type { Steps } from '../steps.ts'
import { askServer } from './asking/ask-server.ts'
import { addressRules, zoneCut, type Env, type Task, type ZoneCut } from './env.ts'
import { troubleText } from './asking/failure-text.ts'
import { remember } from './remember.ts'
import { addressesIn } from './asking/server-addresses.ts'
import { addUsable, type NamedServer } from './asking/usable-servers.ts'
import type { Evidence } from './validation/context.ts'
import { withoutValidation, type FinalVerdict } from './validation/judged.ts'
import { validateVerdict } from './validation/validate-verdict.ts'

export const primingQuestion: Question = Object.freeze({ name: ROOT, type: RrType.NS, class: RrClass.IN })

export type Primed =
  | {
      readonly kind: 'primed'
      readonly root: Delegation
      /** Servers whose addresses in the reply did not validate, and why the first did not: the hints' are used. */
      readonly unproven: readonly Name[]
      readonly reason: string
    }
  | { readonly kind: 'failed'; readonly reason: string }

type AnswerVerdict = Extract<FinalVerdict, { kind: 'answer' }>

/** The NS set of the root from one server. `secure`: its signatures hold. */
type RootServers =
  | { readonly kind: 'servers'; readonly ns: RRset; readonly octets: Uint8Array; readonly secure: boolean }
  | { readonly kind: 'failed'; readonly reason: string }
  /** The budget is spent: no other server can be asked. */
  | { readonly kind: 'ended'; readonly reason: string }

export function* prime(env: Env, task: Task, hints: Delegation): Steps<Primed> {
  const cut = zoneCut(hints, 'hints')
  const servers: NamedServer[] = []
  for (const { name, addresses } of hints.servers) addUsable(servers, name, addresses, addressRules(env))
  let reason = 'no root server has an address that may be asked'
  for (let tries = 0; tries < env.limits.engine.primingTries && servers.length > 0; tries++) {
    // RFC 9609 section 3.2: a random one, so that the load spreads.
    const [server] = servers.splice(env.random.below(servers.length), 1)
    if (server === undefined) break
    const asked = yield* askRoot(env, task, cut, server)
    if (asked.kind === 'servers') {
      const primed = yield* withAddresses(env, task, hints, asked)
      if (primed.root.servers.some(({ addresses }) => addresses.length > 0)) return primed
      reason = 'no root server that the reply names has an address'
      continue
    }
    reason = asked.reason
    if (asked.kind === 'ended') break
  }
  return { kind: 'failed', reason }
}

/** Asks one server, and validates what it says when anything is validated. */
function* askRoot(env: Env, task: Task, cut: ZoneCut, { server, name }: NamedServer): Steps<RootServers> {
  const reply = yield* askServer({
    env,
    task,
    cut,
    question: primingQuestion,
    name: ROOT,
    server,
    serverName: name,
    // Without EDNS there would be no signatures; another server is the better try.
    triedBefore: false,
    othersFail: false,
    lastTry: false,
    waitMs: { least: 0, most: env.limits.upstream.maxTimeoutMs },
  })
  if (reply.kind === 'budget' || reply.kind === 'overload') return { kind: 'ended', reason: reply.text }
  if (reply.kind === 'failed') return { kind: 'failed', reason: `${server.key}: ${troubleText(reply.trouble)}` }
  const { verdict, octets } = reply
  if (verdict.kind !== 'answer' || verdict.chain.aliases.length > 0 || octets === null)
    return { kind: 'failed', reason: `${server.key}: the reply holds no NS records of the root` }
  if (!task.checking) {
    remember(env, primingQuestion, withoutValidation(verdict), cut.expiresAt)
    return { kind: 'servers', ns: verdict.rrset, octets, secure: false }
  }
  const judged = yield* validateVerdict(env, task, {
    zone: ROOT,
    question: primingQuestion,
    verdict,
    evidence: NO_EVIDENCE,
  })
  if (judged.kind === 'limit') return { kind: 'ended', reason: judged.text }
  if (judged.kind === 'bogus') return { kind: 'failed', reason: `${server.key}: ${judged.text}` }
  remember(env, primingQuestion, judged, cut.expiresAt)
  const ns = judged.verdict.kind === 'answer' ? judged.verdict.rrset : verdict.rrset
  return { kind: 'servers', ns, octets, secure: judged.end.kind === 'secure' }
}

const NO_EVIDENCE: Evidence = new Map()

/**
 * The servers with the addresses that came along. Below a signed root those count that are signed, or proven to be
 * without signatures as those of root-servers.net are today. RFC 9609 section 3.3: for a name without addresses those
 * of the hints go on being used.
 */
function* withAddresses(
  env: Env,
  task: Task,
  hints: Delegation,
  { ns, octets, secure }: Extract<RootServers, { kind: 'servers' }>,
): Steps<Extract<Primed, { kind: 'primed' }>> {
  const names = ns.rdatas.flatMap(rdata => {
    const target = targetOf(rdata)
    return target === null ? [] : [foldName(target)]
  })
  const found = new Map<Name, IpAddress[]>()
  const unproven = new Set<Name>()
  let reason = ''
  for (const set of addressSets(octets, names)) {
    const refused: string | null = secure ? yield* whyRefused(env, task, set) : null
    if (refused === null) {
      found.set(set.name, [...(found.get(set.name) ?? []), ...addressesIn([set])])
      continue
    }
    if (unproven.size === 0) reason = refused
    unproven.add(set.name)
  }
  const known = new Map(hints.servers.map(server => [server.name, server.addresses]))
  const servers = names.map(
    (name): DelegatedServer => ({ name, addresses: found.get(name) ?? known.get(name) ?? NO_ADDRESSES }),
  )
  const expiresAt = env.clock.now() + boundedTtl(ns.ttl, env.limits.cache) * 1_000
  return { kind: 'primed', root: { zone: ROOT, servers, ds: null, expiresAt }, unproven: [...unproven], reason }
}

const NO_ADDRESSES: readonly IpAddress[] = Object.freeze([])

/** The address sets of these servers in the additional section, of which a verdict has nothing. */
function addressSets(octets: Uint8Array, names: readonly Name[]): readonly RRset[] {
  const decoded = decodeMessage(octets)
  if (decoded.kind === 'format-error') return []
  return groupRRsets(decoded.message.additional).filter(
    ({ name, type, class: klass }) =>
      (type === RrType.A || type === RrType.AAAA) && klass === RrClass.IN && names.includes(name),
  )
}

/** Why an address set is not used; null for one that validates or is proven to be unsigned. */
function* whyRefused(env: Env, task: Task, set: RRset): Steps<string | null> {
  const verdict: AnswerVerdict = {
    kind: 'answer',
    chain: { aliases: [], name: set.name, final: set, error: null, steps: 0 },
    rrset: set,
    proof: [],
    authoritative: false,
    lastResort: false,
  }
  const question: Question = { name: set.name, type: set.type, class: set.class }
  const judged = yield* validateVerdict(env, task, { zone: ROOT, question, verdict, evidence: NO_EVIDENCE })
  return judged.kind === 'judged' ? null : judged.text
}
