/**
 * What a policy written as a program is: hooks, what they are given and what they may answer. These are the types and
 * functions that its author imports from `rootwalk/policy`; answers are plain values, so that a program without any
 * import is one as well.
 */

/**
 * What the answers of a policy depend on besides the question, its view and what DNS says: nothing (`pure`), the client
 * (`perClient`), or the time of day (`time`). A policy that does not say it may look at everything, and none of its
 * answers is given to another client.
 */
export type Reads = 'pure' | 'perClient' | 'time'

/** Who asks. */
export interface PolicyClient {
  /** Canonical text: `192.0.2.7`, `2001:db8::7`. */
  readonly address: string
  readonly port: number
  readonly transport: 'udp' | 'tcp' | 'tls' | 'https' | 'http'
  /** The name in its TLS handshake; null: none. */
  readonly tlsName: string | null
  /** What it calls itself in the path of its requests or in that name: a label, not a proof. */
  readonly id: string | null
}

export interface PolicyQuestion {
  /** Lower case, without the last dot: `www.example.com`; the root is `.`. */
  readonly name: string
  /** `A`, `HTTPS`, `TYPE65280`. */
  readonly type: string
  /** The view of the client; null: that of all who are in no other. */
  readonly view: string | null
  readonly recursionDesired: boolean
  readonly checkingDisabled: boolean
  readonly dnssecOk: boolean
}

/** A record in presentation format; `ttl` in seconds. */
export interface PolicyRecord {
  /** As in `PolicyQuestion`. */
  readonly name: string
  readonly type: string
  readonly ttl: number
  readonly data: string
}

/** What came of the question, or of a look-up. `failure`: no answer, or one that did not validate. */
export interface PolicyResult {
  readonly kind: 'answer' | 'nodata' | 'nxdomain' | 'failure'
  /** Aliases first. */
  readonly records: readonly PolicyRecord[]
  /** Validated by DNSSEC. */
  readonly secure: boolean
}

export type PolicyQuery<R extends Reads | undefined = undefined> = PolicyQuestion &
  (R extends 'pure' | 'time' ? unknown : { readonly client: PolicyClient })

interface LookUps {
  /** Asks the resolver, with the rules on answers in force. `type` by default `A`. */
  readonly lookup: (name: string, type?: string) => Promise<PolicyResult>
}

interface TimeOfDay {
  readonly now: Date
  /** Says when the answer may be another one: until then others may be given it, where `reads` is `time`. */
  readonly until: (when: Date) => void
}

export type PolicyContext<R extends Reads | undefined = undefined> = LookUps & (R extends 'pure' ? unknown : TimeOfDay)

/** The Extended DNS Error of an answer (RFC 8914). With one it is not kept for others: finished answers have none. */
export interface Explained {
  readonly ede?: 'blocked' | 'censored' | 'filtered' | 'forged'
  /** For people; without `ede` it is `blocked`. */
  readonly text?: string
}

/** `ttl` in seconds. */
export interface AnswerOptions extends Explained {
  readonly ttl?: number
}

/** What a hook answers. Undefined and null are as `pass`. */
export type PolicyAnswer =
  /** The next hook decides, and in the end the resolver. */
  | { readonly kind: 'pass' }
  /** No later hook and no later rule decides. */
  | { readonly kind: 'allow' }
  | ({ readonly kind: 'nxdomain' | 'nodata' } & AnswerOptions)
  | ({ readonly kind: 'refuse' } & Explained)
  | { readonly kind: 'drop' }
  /** Those of the family that is asked for, or nothing. */
  | ({ readonly kind: 'address'; readonly addresses: readonly string[] } & AnswerOptions)
  /** The name is an alias, whose target is looked up. */
  | ({ readonly kind: 'cname'; readonly target: string } & AnswerOptions)
  /** Records of the question's name and type. */
  | ({ readonly kind: 'records'; readonly data: readonly string[] } & AnswerOptions)
  /** What the resolver answers, with TTLs inside of these bounds in seconds. */
  | { readonly kind: 'ttl'; readonly min?: number; readonly max?: number }

export const pass = (): PolicyAnswer => ({ kind: 'pass' })
export const allow = (): PolicyAnswer => ({ kind: 'allow' })
export const nxdomain = (options: AnswerOptions = {}): PolicyAnswer => ({ ...options, kind: 'nxdomain' })
export const nodata = (options: AnswerOptions = {}): PolicyAnswer => ({ ...options, kind: 'nodata' })
export const refuse = (options: Explained = {}): PolicyAnswer => ({ ...options, kind: 'refuse' })
export const drop = (): PolicyAnswer => ({ kind: 'drop' })
export const address = (addresses: string | readonly string[], options: AnswerOptions = {}): PolicyAnswer => ({
  ...options,
  kind: 'address',
  addresses: typeof addresses === 'string' ? [addresses] : addresses,
})
export const cname = (target: string, options: AnswerOptions = {}): PolicyAnswer => ({
  ...options,
  kind: 'cname',
  target,
})
export const records = (data: string | readonly string[], options: AnswerOptions = {}): PolicyAnswer => ({
  ...options,
  kind: 'records',
  data: typeof data === 'string' ? [data] : data,
})
export const ttl = (bounds: { readonly min?: number; readonly max?: number }): PolicyAnswer => ({
  ...bounds,
  kind: 'ttl',
})

type Hooked = PolicyAnswer | null | undefined
type HookResult = Hooked | Promise<Hooked>

/** A policy. Hooks are called in the order in which they stand here, until one does not pass. */
export interface PolicyDefinition<R extends Reads | undefined = undefined> {
  /** In logs; by default the name of the file. */
  readonly name?: string
  readonly reads?: R
  /**
   * What a query gets when a hook throws, takes too long or answers something else: the answer without this policy
   * (`open`, the default), or SERVFAIL.
   */
  readonly onFault?: 'open' | 'closed'
  /** Who asks. Not of policies that are the same for all. */
  readonly client?: (client: PolicyClient, context: PolicyContext<R>) => HookResult
  readonly query?: (query: PolicyQuery<R>, context: PolicyContext<R>) => HookResult
  /** Called only when what is asked is not in the cache, so that servers would have to be asked. */
  readonly upstream?: (query: PolicyQuery<R>, context: PolicyContext<R>) => HookResult
  /** What came, unless that is a failure. */
  readonly answer?: (query: PolicyQuery<R>, answer: PolicyResult, context: PolicyContext<R>) => HookResult
}

/** Gives the policy back; it is here for its types. */
export const definePolicy = <R extends Reads | undefined = undefined>(
  policy: PolicyDefinition<R>,
): PolicyDefinition<R> => policy
