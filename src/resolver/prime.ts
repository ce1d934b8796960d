/**
 * Root priming (RFC 9609, which replaces RFC 8109): asks the servers of the hints who the root's servers are now. The
 * only place where additional records become server addresses, since the hints were configured and not learnt.
 */
import type { DelegatedServer, Delegation } from '../cache/delegations.ts'
import type { IpAddress } from '../dns/address.ts'
import { inAnyPrefix } from '../dns/address.ts'
import { decodeMessage } from '../dns/decode.ts'
import type { Message, Question } from '../dns/message.ts'
import { foldName, ROOT, type Name } from '../dns/name.ts'
import { ipOf, targetOf } from '../dns/rdata.ts'
import { boundedTtl } from '../cache/ttl.ts'
import { Rcode, RrClass, RrType } from '../dns/types.ts'
import { serverAddress, type ServerAddress, type Transport } from '../ports.ts'
import { exchange, type Steps } from '../steps.ts'
import { usableFamilies, type Env, type Task } from './env.ts'
import { replyText } from './trace.ts'

export const primingQuestion: Question = Object.freeze({ name: ROOT, type: RrType.NS, class: RrClass.IN })

export type Primed =
  | { readonly kind: 'primed'; readonly root: Delegation }
  | { readonly kind: 'failed'; readonly reason: string }

interface Target {
  readonly server: ServerAddress
  readonly name: Name
}

export function* prime(env: Env, task: Task, hints: Delegation): Steps<Primed> {
  const targets = targetsOf(env, hints)
  let reason = 'no root server has an address that may be asked'
  for (let tries = 0; tries < env.limits.engine.primingTries && targets.length > 0; tries++) {
    // RFC 9609 section 3.2: a random one, so that the load spreads.
    const [target] = targets.splice(env.random.below(targets.length), 1)
    if (target === undefined) break
    const asked = yield* ask(env, task, target, 'udp')
    const reply = asked === 'truncated' ? yield* ask(env, task, target, 'tcp') : asked
    if (typeof reply === 'string') {
      reason = reply === 'truncated' ? 'truncated over TCP' : reply
      continue
    }
    const root = readPriming(env, reply, hints)
    if (root !== null) return { kind: 'primed', root }
    reason = 'the reply holds no NS records of the root'
  }
  return { kind: 'failed', reason }
}

function targetsOf(env: Env, hints: Delegation): Target[] {
  const families = usableFamilies(env)
  return hints.servers.flatMap(({ name, addresses }) =>
    addresses
      .filter(ip => families.includes(ip.family) && !inAnyPrefix(ip, env.settings.doNotQuery))
      .map(ip => ({ server: serverAddress(ip, env.settings.upstreamPort), name })),
  )
}

function* ask(env: Env, task: Task, target: Target, transport: Transport): Steps<Message | string> {
  const { server } = target
  const before = env.clock.now()
  const denied = task.budget.takeQuery(ROOT, ROOT, server.key, before)
  if (denied !== null) return denied
  const timeoutMs =
    transport === 'tcp' ? env.limits.upstream.tcpTimeoutMs : env.caches.servers.timeoutFor(server.key, before)
  const result = yield* exchange({
    server,
    transport,
    question: primingQuestion,
    edns: true,
    mixCase: false,
    timeoutMs,
  })
  const now = env.clock.now()
  const tell = (came: string, verdict: string, decided: string): void =>
    task.trace?.({
      kind: 'exchange',
      id: task.id,
      depth: task.depth,
      atMs: before,
      tookMs: now - before,
      server,
      serverName: target.name,
      zone: ROOT,
      transport,
      question: primingQuestion,
      came,
      verdict,
      decided,
    })
  switch (result.kind) {
    case 'timeout':
      env.caches.servers.timedOut(server.key, before, now)
      tell('nothing', 'timeout', 'another root server')
      return `${server.key} gave no answer`
    case 'unreachable':
      if (result.family) env.caches.servers.familyUnreachable(server.ip.family, now)
      tell(`unreachable: ${result.reason}`, 'unreachable', 'another root server')
      return `${server.key} is unreachable: ${result.reason}`
    case 'spoofing-suspected':
      return 'truncated'
    case 'not-sent':
      return result.reason
    case 'reply':
      break
    default:
      result satisfies never
  }
  env.caches.servers.heard(server.key, result.rttMs, now)
  env.caches.servers.familyHeard(server.ip.family, now)
  const decoded = decodeMessage(result.bytes)
  if (decoded.kind === 'format-error')
    return decoded.header?.truncated === true ? 'truncated' : `${server.key} sent a malformed reply`
  tell(replyText(decoded.message), 'priming', 'these are the root servers')
  if (decoded.message.truncated) return 'truncated'
  return decoded.message.rcode === Rcode.NOERROR
    ? decoded.message
    : `${server.key} answered ${replyText(decoded.message)}`
}

function readPriming(env: Env, message: Message, hints: Delegation): Delegation | null {
  const records = message.answer.filter(
    rr => rr.type === RrType.NS && rr.class === RrClass.IN && foldName(rr.owner) === ROOT,
  )
  const ttls = records.map(rr => rr.ttl)
  const addresses = new Map<Name, IpAddress[]>()
  for (const rr of message.additional) {
    const ip = rr.type === RrType.A || rr.type === RrType.AAAA ? ipOf(rr.type, rr.rdata) : null
    if (ip !== null) addresses.set(foldName(rr.owner), [...(addresses.get(foldName(rr.owner)) ?? []), ip])
  }
  const known = new Map(hints.servers.map(server => [server.name, server.addresses]))
  const servers = records.flatMap((rr): DelegatedServer[] => {
    const target = targetOf(rr.rdata)
    if (target === null) return []
    const name = foldName(target)
    // RFC 9609 section 3.3: where the reply has no addresses those of the hints go on being used.
    return [{ name, addresses: addresses.get(name) ?? known.get(name) ?? [] }]
  })
  if (servers.every(server => server.addresses.length === 0)) return null
  return {
    zone: ROOT,
    servers,
    ds: null,
    expiresAt: env.clock.now() + boundedTtl(Math.min(...ttls), env.limits.cache) * 1_000,
  }
}
