/**
 * What every part of a validation is handed, and the helpers that belong to none of them: the type of what could not be
 * proven, the verification of one set, reports to the trace.
 */
import type { Question } from '../../dns/message.ts'
import type { Name } from '../../dns/name.ts'
import type { RRset } from '../../dns/rrset.ts'
import { typeName, type EdeCode } from '../../dns/types.ts'
import type { Refusal, SetVerdict, SignatureFacts, ZoneKeys } from '../../dnssec/rules.ts'
import { verifyRRset } from '../../dnssec/signature.ts'
import { formatName } from '../../presentation/text.ts'
import type { Outcome, SecurityNote } from '../../steps.ts'
import type { Env, Task, Validation } from '../env.ts'
import { isRelative } from '../outcome.ts'
import type { Subject } from '../trace.ts'

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
  if (task.trace !== null)
    tell(context, keys.zone, () => subjectOf(set), verdict.kind === 'valid' ? 'secure' : 'bogus', verdict)
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

/** What is said of a verdict: the signature that decided, or why it is so. */
type Grounds =
  | SignatureFacts
  | { readonly text: string; readonly reason?: string; readonly signature?: SignatureFacts | null }

/** `subject` is made only when somebody listens. */
export function tell(
  { task }: ValidationContext,
  zone: Name,
  subject: () => Subject,
  verdict: 'secure' | 'insecure' | 'bogus' | 'indeterminate',
  grounds: Grounds | null,
): void {
  if (task.trace === null) return
  const signature = grounds === null ? null : 'keyTag' in grounds ? grounds : (grounds.signature ?? null)
  const reason = grounds === null || 'keyTag' in grounds ? null : (grounds.reason ?? grounds.text)
  task.trace({
    kind: 'validated',
    id: task.id,
    depth: task.depth,
    zone,
    subject: subject(),
    verdict,
    signature,
    reason,
  })
}

/** The set as the trace names it. */
export const subjectOf = ({ name, type }: RRset): Subject => ({ kind: 'set', name, type })

export const setText = (set: RRset): string => `${formatName(set.name)} ${typeName(set.type)}`
