/**
 * What every part of a validation is handed, and the helpers that belong to none of them: the type of what could not be
 * proven, the verification of one set, reports to the trace.
 */
import type { Question } from '../../dns/message.ts'
import type { Name } from '../../dns/name.ts'
import type { RRset } from '../../dns/rrset.ts'
import { typeName, type EdeCode } from '../../dns/types.ts'
import { algorithmName } from '../../dnssec/algorithms.ts'
import type { Refusal, SetVerdict, ZoneKeys } from '../../dnssec/rules.ts'
import { verifyRRset } from '../../dnssec/signature.ts'
import { formatName } from '../../presentation/text.ts'
import { formatTime } from '../../presentation/time-text.ts'
import type { Outcome, SecurityNote } from '../../steps.ts'
import type { Env, Task, Validation } from '../env.ts'
import { isRelative } from '../outcome.ts'

/** What one validation works with. `wall` in seconds since 1970, `now` on the monotonic clock, both as it began. */
export interface ValidationContext {
  readonly env: Env
  readonly task: Task
  readonly validation: Validation
  /** The zone whose servers sent the data. */
  readonly zone: Name
  /** What they were asked. */
  readonly question: Question
  readonly evidence: Evidence
  readonly wall: number
  readonly now: number
}

/** What the referrals of this walk said of the zones they led to. */
export type Evidence = ReadonlyMap<Name, ReferralEvidence>

/** The DS set of a referral, or the records that show that there is none. */
export interface ReferralEvidence {
  readonly ds: RRset | null
  readonly proof: readonly RRset[]
}

/** Neither secure nor proven insecure. `chain` when the fault is above the data: no other server of the zone helps. */
export type Unproven = Refusal & { readonly chain: boolean }

export const bogus = (ede: EdeCode, text: string): Refusal => ({ kind: 'bogus', ede, text })

/** A fault of the data itself, which another server of the zone may have without it. */
export const bogusData = (ede: EdeCode, text: string): Unproven => ({ kind: 'bogus', ede, text, chain: false })

/** A status in the chain of trust: proven to be unsigned, or signed in a way that is not validated here (`note`). */
export interface Insecure {
  readonly kind: 'insecure'
  readonly note: SecurityNote | null
}

export const insecure = (note: SecurityNote | null): Insecure => ({ kind: 'insecure', note })

/** Checks one set against keys and reports it to the trace. */
export function verifySet(context: ValidationContext, set: RRset, keys: ZoneKeys): SetVerdict {
  const { task, validation, wall } = context
  const verdict = verifyRRset(set, keys, validation.rules, wall, task.budget)
  if (task.trace !== null) {
    const what = (): string => setText(set)
    if (verdict.kind === 'valid') tell(context, keys.zone, what, 'secure', signedBy(verdict))
    else tell(context, keys.zone, what, 'bogus', verdict.text)
  }
  return verdict
}

/** True when `verificationsPerStretch` verifications have been made in a row and the event loop should run: `pause`. */
export function shouldYield({ task, validation }: ValidationContext): boolean {
  const { verifications } = task.budget
  return verifications > 0 && verifications % validation.rules.limits.verificationsPerStretch === 0
}

/** A look-up for the chain of trust that failed. `text` says what was looked for. */
export function refusalOf(outcome: Extract<Outcome, { kind: 'failure' }>, text: string): Refusal {
  if (isRelative(outcome)) return { kind: 'limit', text: `${text}: ${outcome.text}`, why: outcome.why }
  return bogus(outcome.ede, outcome.why === 'bogus' ? outcome.text : `${text}: ${outcome.text}`)
}

/** `what` is put in words only when somebody listens. */
export function tell(
  { task }: ValidationContext,
  zone: Name,
  what: () => string,
  verdict: 'secure' | 'insecure' | 'bogus' | 'indeterminate',
  text: string,
): void {
  task.trace?.({ kind: 'validated', id: task.id, depth: task.depth, zone, what: what(), verdict, text })
}

export const setText = (set: RRset): string => `${formatName(set.name)} ${typeName(set.type)}`

export const signedBy = ({
  keyTag,
  algorithm,
  expires,
}: {
  readonly keyTag: number
  readonly algorithm: number
  readonly expires: number
}): string => `key ${keyTag}, ${algorithmName(algorithm)}, until ${formatTime(expires)}`
