/**
 * A question of somebody else, handed on as it came: its flags are the asker's, and the message of the first server
 * that sends one is given back whole, whatever it says. How a server is asked is `ask-server.ts`, as for all others;
 * nothing is remembered but what is learnt about servers.
 *
 * For example a test's stub that asks the real servers for names it has no records of: REFUSED with its authority
 * section and Extended DNS Error is an answer there, where a resolver would try the next server.
 */
import { decodeMessage } from '../../dns/decode.ts'
import type { Message, Question } from '../../dns/message.ts'
import { ROOT } from '../../dns/name.ts'
import type { ServerAddress } from '../../ports.ts'
import type { Steps } from '../../steps.ts'
import { upstreamText } from '../../zone/upstream-text.ts'
import { configuredCut } from '../cuts.ts'
import type { Env, Task } from '../env.ts'
import { askServer } from './ask-server.ts'
import type { AskerFlags, ServerReply } from './attempt.ts'
import { troubleText } from './failure-text.ts'

export interface HandOn {
  readonly question: Question
  readonly flags: AskerFlags
  /** Asked one after the other, until one sends a message. */
  readonly servers: readonly ServerAddress[]
  /** How often each is asked while it is silent. */
  readonly tries: number
  /** The wait for a reply over UDP, ms. */
  readonly waitMs: number
}

/** `error` names each server with what was wrong. */
export type HandedOn = Message | { readonly error: string }

export function* handOn(env: Env, task: Task, what: HandOn): Steps<HandedOn> {
  const failures: string[] = []
  for (const server of what.servers) {
    const reply = yield* askPatiently(env, task, server, what)
    if (reply.kind === 'budget' || reply.kind === 'overload') return { error: [...failures, reply.text].join('; ') }
    const decoded = reply.octets === null ? null : decodeMessage(reply.octets)
    if (decoded?.kind === 'message') return decoded.message
    const text = reply.kind === 'failed' ? troubleText(reply.trouble) : 'error: a malformed reply'
    failures.push(`${upstreamText(server)}: ${text}`)
  }
  return { error: failures.join('; ') }
}

function* askPatiently(
  env: Env,
  task: Task,
  server: ServerAddress,
  { question, flags, tries, waitMs }: HandOn,
): Steps<ServerReply> {
  const upstreams = [{ kind: 'address', text: upstreamText(server), server }] as const
  const cut = configuredCut({ kind: 'forward', zone: ROOT, upstreams, recurseOnFailure: false })
  for (let tried = 0; ; tried++) {
    const reply = yield* askServer({
      env,
      task,
      cut,
      question,
      name: question.name,
      server,
      serverName: null,
      flags,
      triedBefore: tried > 0,
      othersFail: false,
      lastTry: false,
      waitMs: { least: waitMs, most: waitMs },
    })
    if (reply.kind !== 'failed' || !reply.again || tried + 1 >= tries) return reply
  }
}
