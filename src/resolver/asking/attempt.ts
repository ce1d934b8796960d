/** One try of one server as data: what is asked for, how a message is sent, what comes, what is decided. */
import type { Message, Question } from '../../dns/message.ts'
import type { Name } from '../../dns/name.ts'
import type { ExchangeResult, ServerAddress, Transport } from '../../ports.ts'
import type { Verdict } from '../classify.ts'
import type { Env, Task, ZoneCut } from '../env.ts'
import type { Decided } from '../trace.ts'
import type { CookieFate, CookieStep, CookieUse } from './cookies.ts'
import type { Way } from './encryption.ts'
import type { ServerTrouble } from './failure-text.ts'

export type UsableVerdict = Exclude<Verdict, { kind: 'reject' }>

/** What came of the try. */
export type ServerReply =
  /** `octets` are those of the message, for what a verdict leaves out. */
  | { readonly kind: 'usable'; readonly verdict: UsableVerdict; readonly octets: Uint8Array | null }
  | ServerFailure
  | { readonly kind: 'budget'; readonly text: string }
  /** No query left, for want of sockets or places here. */
  | { readonly kind: 'overload'; readonly text: string }

export interface ServerFailure {
  readonly kind: 'failed'
  readonly trouble: ServerTrouble
  /** The same server may be asked once more for this question. */
  readonly again: boolean
  /** The message that was rejected; null when none came. */
  readonly octets: Uint8Array | null
  /**
   * It will not answer this question, and perhaps serves the zone no more (REFUSED, no authority, a referral upwards).
   */
  readonly disclaims: boolean
}

/** What a query says next to its question. */
export interface AskerFlags {
  /** RD. */
  readonly recursionDesired: boolean
  /** CD. */
  readonly checkingDisabled: boolean
  /** DO. */
  readonly dnssecOk: boolean
  /** Has it an OPT record? */
  readonly edns: boolean
}

export interface ServerAsk {
  readonly env: Env
  readonly task: Task
  readonly cut: ZoneCut
  readonly question: Question
  /** The whole name being resolved. */
  readonly name: Name
  readonly server: ServerAddress
  /** Null: the operator named it by its address. */
  readonly serverName: Name | null
  /** Those of somebody whose question is handed on. Absent: our own, as they serve best. */
  readonly flags?: AskerFlags | undefined
  /** It was silent before, to this question. */
  readonly triedBefore: boolean
  /** Another server has failed with this question, in plain letters too: what comes is hardly about the letters. */
  readonly othersFail: boolean
  /** Nothing is left to try with this server after this. */
  readonly lastTry: boolean
  /** The wait for a reply over UDP is at least and at most so long, ms. */
  readonly waitMs: { readonly least: number; readonly most: number }
}

/** How one message is sent, and what of the messages before it still counts. */
export interface Attempt {
  readonly transport: Transport
  /** Of a server of a zone: whether it is asked over TLS, and whether it refused over TLS and is asked in clear now. */
  readonly way: Way | 'refused-encrypted'
  readonly edns: boolean
  /** Only with EDNS. */
  readonly cookie: CookieUse
  readonly mixCase: boolean
  /** CD, towards a server that resolves for us. */
  readonly checkingDisabled: boolean
  /** What the server does with upper case: known before, unknown, or it erred and is asked in plain letters now. */
  readonly letters: 'known' | 'unknown' | 'erred'
  /** A message with EDNS got what a server without EDNS sends: an error, or nonsense. */
  readonly ednsRefused: boolean
  /** TCP only because replies came that matched nothing. */
  readonly suspected: boolean
  /** What the replies to the question in unmodified case said, when it is repeated until they agree. */
  readonly replies: readonly string[] | null
}

export type Received =
  /** `octets` is null for a message of which only the header could be read. */
  | {
      readonly kind: 'message'
      readonly message: Message
      readonly octets: Uint8Array | null
      readonly verdict: Verdict
      readonly caseEchoed: boolean
      readonly cookie: CookieFate
    }
  | { readonly kind: 'nothing'; readonly result: Nothing }

export type CameMessage = Extract<Received, { kind: 'message' }>

export type Nothing = Exclude<ExchangeResult, { kind: 'reply' }> | { readonly kind: 'malformed' }

/** The next message to the same server, and in a word what is different about it. */
export interface Again {
  readonly kind: 'again'
  readonly decided: Extract<
    Decided,
    CookieStep['decided'] | 'ask-without-edns' | 'ask-unchecked' | 'ask-unmodified' | 'ask-in-clear' | 'ask-again'
  >
  readonly attempt: Attempt
}

export type Decision = Exclude<ServerReply, { kind: 'budget' }> | Again
