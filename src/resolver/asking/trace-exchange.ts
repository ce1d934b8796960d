/** What the trace says of one message to a server, and of what was decided then. */
import { replySummary, type Came, type Decided, type TraceVerdict } from '../trace.ts'
import type { Attempt, Decision, Received, ServerAsk } from './attempt.ts'

/** `before` is when the message was sent, ms. */
export function traceExchange(
  ask: ServerAsk,
  attempt: Attempt,
  before: number,
  received: Received,
  decision: Decision,
): void {
  const { env, task, cut, question, server, serverName } = ask
  task.trace?.({
    kind: 'exchange',
    id: task.id,
    depth: task.depth,
    atMs: before,
    tookMs: env.clock.now() - before,
    server,
    serverName,
    zone: cut.zone,
    transport: attempt.transport,
    question,
    came: cameOf(received),
    verdict: verdictOf(attempt, received),
    decided: decidedOf(decision),
  })
}

const cameOf = (received: Received): Came =>
  received.kind === 'nothing' ? received.result : { kind: 'reply', ...replySummary(received.message, received.octets) }

function verdictOf(attempt: Attempt, received: Received): TraceVerdict | null {
  if (received.kind === 'nothing' || (attempt.mixCase && !received.caseEchoed)) return null
  const { verdict } = received
  if (attempt.transport === 'udp' && received.cookie === 'missing') return { kind: 'cookie-missing', lame: null }
  return verdict.kind === 'reject' ? { kind: verdict.why, lame: verdict.lame } : { kind: verdict.kind, lame: null }
}

/** The decision in a word. */
function decidedOf(decision: Decision): Decided {
  if (decision.kind === 'again') return decision.decided
  if (decision.kind === 'overload') return 'give-up'
  if (decision.kind === 'failed') return decision.again ? 'other-server-or-retry' : 'other-server'
  const { verdict } = decision
  if ('lastResort' in verdict && verdict.lastResort) return 'use-as-last-resort'
  switch (verdict.kind) {
    case 'answer':
      return 'use'
    case 'alias':
      return 'follow-alias'
    case 'referral':
      return 'ask-child-zone'
    case 'nodata':
    case 'nxdomain':
      return 'accept-denial'
    case 'alias-trouble':
      return 'give-up'
    default:
      return verdict satisfies never
  }
}
