/**
 * The one thing that made a resolution fail, out of all that was tried: a walk that fails has failures in it that
 * follow from others. Data for programs, with a sentence for people.
 */
import { edeName } from '../dns/types.ts'
import { formatName } from '../presentation/text.ts'
import { questionText, type TraceStep } from '../resolver/trace.ts'
import type { FailureReason, Outcome } from '../steps.ts'
import { cameText, groundsText, serverText, subjectText, verdictText } from './trace-words.ts'

export interface RootCause {
  readonly kind: FailureReason
  readonly text: string
  /** What was to be resolved when it happened, which need not be the question. */
  readonly question: string | null
  /** The zone whose servers or signatures it was. */
  readonly zone: string | null
  /** What each server of that zone did last. */
  readonly servers: readonly { readonly server: string; readonly did: string; readonly asked: number }[]
  /** Extended DNS Error (RFC 8914). */
  readonly ede: number
  readonly edeName: string
}

type Failure = Extract<Outcome, { kind: 'failure' }>

/** These speak of another failure, or of the asker: another one, where there is one, is nearer to the cause. */
const FOLLOWS: ReadonlySet<FailureReason> = new Set(['cached', 'cycle', 'budget', 'deadline', 'overload'])

/** Null: it did not fail. */
export function rootCause(steps: readonly TraceStep[], outcome: Outcome): RootCause | null {
  if (outcome.kind !== 'failure') return null
  return outcome.why === 'bogus' ? (bogusCause(steps, outcome) ?? bare(outcome)) : lookupCause(steps, outcome)
}

function bogusCause(steps: readonly TraceStep[], outcome: Failure): RootCause | null {
  const step = steps.find(one => one.kind === 'validated' && one.verdict === 'bogus')
  if (step?.kind !== 'validated') return null
  const grounds = groundsText(step)
  return {
    ...bare(outcome),
    text:
      `${subjectText(step.subject)} is not what ${formatName(step.zone)} signed` +
      (grounds === '' ? '' : `: ${grounds}`),
    question: questionOf(steps, step.id),
    zone: formatName(step.zone),
  }
}

/** The failure that ended first is the one that others followed from. */
function lookupCause(steps: readonly TraceStep[], outcome: Failure): RootCause {
  const ends = steps.flatMap(step =>
    step.kind === 'end' && step.outcome.kind === 'failure' ? [{ id: step.id, failed: step.outcome }] : [],
  )
  const first = ends.find(({ failed }) => !FOLLOWS.has(failed.why)) ?? ends.at(-1)
  if (first === undefined) return bare(outcome)
  const exchanges = steps.flatMap(step => (step.kind === 'exchange' && step.id === first.id ? [step] : []))
  const zone = exchanges.at(-1)?.zone
  const servers = new Map<string, { server: string; did: string; asked: number }>()
  for (const one of exchanges) {
    if (one.zone !== zone) continue
    const server = serverText(one)
    const did = one.came.kind === 'reply' ? `${cameText(one.came)}: ${verdictText(one)}` : cameText(one.came)
    servers.set(server, { server, did, asked: (servers.get(server)?.asked ?? 0) + 1 })
  }
  return {
    ...bare(first.failed),
    question: questionOf(steps, first.id),
    zone: zone === undefined ? null : formatName(zone),
    servers: [...servers.values()],
  }
}

const bare = ({ why, ede, text }: Failure): RootCause => ({
  kind: why,
  text: text === '' ? edeName(ede) : text,
  question: null,
  zone: null,
  servers: [],
  ede,
  edeName: edeName(ede),
})

function questionOf(steps: readonly TraceStep[], id: number): string | null {
  const step = steps.find(one => one.kind === 'lookup' && one.id === id)
  return step?.kind === 'lookup' ? questionText(step.question) : null
}
