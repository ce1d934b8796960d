/**
 * The walk as text: one line for each step of a trace, indented by the depth of the look-up, the time in front. The
 * form of golden files, of errors in simulations and of what the demo prints. It says what the trace says and adds
 * nothing.
 */
import { counted } from '../presentation/counted.ts'
import { formatName } from '../presentation/text.ts'
import { typeName } from '../dns/types.ts'
import { questionText, type TraceStep } from '../resolver/trace.ts'
import {
  overText,
  CACHE_TEXTS,
  cameText,
  DECIDED_TEXTS,
  groundsText,
  noteText,
  outcomeText,
  serverText,
  subjectText,
  verdictText,
} from './trace-words.ts'

/** A whole trace; times are milliseconds since `startedAtMs`. */
export const traceText = (trace: readonly TraceStep[], startedAtMs: number): string =>
  trace.map(step => stepText(step, startedAtMs)).join('\n')

/** One step as one line. */
function stepText(step: TraceStep, startedAtMs: number): string {
  const time = 'atMs' in step ? `${Math.round(step.atMs - startedAtMs)}` : ''
  return `${time.padStart(6)}  ${'  '.repeat(step.depth)}${describe(step)}`
}

function describe(step: TraceStep): string {
  switch (step.kind) {
    case 'lookup':
      return (
        `${step.depth === 0 ? 'resolve' : 'look up'} ` +
        `${questionText(step.question)}${step.because === 'client' ? '' : ` (${step.because})`}`
      )
    case 'joined':
      return `wait for ${questionText(step.question)}, which is being looked up already`
    case 'local':
      return `- local zone ${formatName(step.zone)}: ${step.what}`
    case 'cache':
      return `- cache: ${CACHE_TEXTS[step.what]} ${formatName(step.name)} ${typeName(step.type)}, ttl ${step.ttl}`
    case 'cut':
      return `- zone ${formatName(step.zone)} from ${step.from}, ${counted(step.servers, 'server')}`
    case 'exchange': {
      const who =
        step.serverName === null
          ? serverText(step)
          : `${formatName(step.serverName)} ${step.server.ip.text}${overText(step)}`
      const said = `${cameText(step.came)} -> ${verdictText(step)} -> ${DECIDED_TEXTS[step.decided]}`
      return `> ${who}: ${questionText(step.question)} ${Math.round(step.tookMs)} ms -> ${said}`
    }
    case 'validated': {
      const grounds = groundsText(step)
      return `- ${subjectText(step.subject)}: ${step.verdict}${grounds === '' ? '' : `, ${grounds}`}`
    }
    case 'note':
      return `- ${noteText(step.note)}`
    case 'end':
      return `= ${outcomeText(step.outcome)} (${Math.round(step.tookMs)} ms)`
    default:
      return step satisfies never
  }
}
