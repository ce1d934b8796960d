/**
 * Why a resolution that is under way has no answer yet, for a client that waits no longer: what it waits for at this
 * moment, of a server or of ourselves. Not the reason of a failure, which is known at its end (`outcome.ts`).
 */
import type { Question } from '../../dns/message.ts'
import { EdeCode, Rcode, rcodeName } from '../../dns/types.ts'
import type { ServerAddress } from '../../ports.ts'
import { questionText } from '../trace.ts'

/** A query to a server that has not ended. */
interface Awaited {
  readonly server: ServerAddress
  readonly question: Question
  /** False while it waits for a socket of ours. */
  readonly isSent: boolean
}

export interface NotYet {
  readonly ede: EdeCode
  /** From the longest to the shortest: what fits is said. */
  readonly texts: readonly string[]
}

/** What a resolution can say of itself. */
export interface Progress {
  readonly question: Question
  readonly awaited: Awaited | null
  /** Of the reply before; null when there was none. */
  readonly lastRcode: number | null
}

const REFUSALS: ReadonlySet<number> = new Set([Rcode.FORMERR, Rcode.SERVFAIL, Rcode.NOTIMP, Rcode.REFUSED])

/** `192.0.2.53#53 has not answered www.example. A`; after a refusal `REFUSED, and 192.0.2.54#53 has not answered`. */
export function notYet({ question, awaited, lastRcode }: Progress): NotYet {
  const refusal = lastRcode !== null && REFUSALS.has(lastRcode) ? rcodeName(lastRcode) : null
  const before = refusal === null ? '' : `${refusal}, and `
  if (awaited === null)
    return {
      ede: refusal === null ? EdeCode.Other : EdeCode.NetworkError,
      texts: [`${before}still resolving ${questionText(question)}`, refusal ?? 'still resolving'],
    }
  if (!awaited.isSent) return { ede: EdeCode.Other, texts: ['no socket has become free for a query', 'overload'] }
  const { ip, port } = awaited.server
  const silent = `${before}${ip.text}#${port} has not answered`
  return {
    ede: refusal === null ? EdeCode.NoReachableAuthority : EdeCode.NetworkError,
    texts: [`${silent} ${questionText(awaited.question)}`, silent, refusal ?? 'no answer'],
  }
}
