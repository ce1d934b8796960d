/** One resolution, followed step by step by a client of the API. */
import type { ControlStreams, WalkStep } from '../../admin/controls.ts'
import { foldName } from '../../dns/name.ts'
import { RrClass, typeNumber } from '../../dns/types.ts'
import { shown } from '../../presentation/text.ts'
import { jsonStep } from '../../render/trace-json.ts'
import type { Resolver } from '../../resolver/resolver.ts'
import { readName } from '../../system/idna.ts'

export function followWalk(
  resolver: Pick<Resolver, 'resolve'>,
  { name, type, checkingDisabled }: Parameters<ControlStreams['walk']>[0],
  emit: (step: WalkStep) => void,
  signal: AbortSignal,
): ReturnType<ControlStreams['walk']> {
  const cased = readName(name)
  if (typeof cased !== 'string') return Promise.resolve({ kind: 'wrong', field: 'name', detail: cased.error })
  const number = typeNumber(type)
  if (number === null)
    return Promise.resolve({ kind: 'wrong', field: 'type', detail: `${shown(type)} is no record type` })
  let startedAtMs: number | null = null
  return new Promise(done => {
    const cancel = resolver.resolve(
      { name: foldName(cased), type: number, class: RrClass.IN },
      {
        recursionDesired: true,
        because: 'client',
        checkingDisabled,
        trace: step => {
          if ('atMs' in step) startedAtMs ??= step.atMs
          emit(jsonStep(step, startedAtMs ?? 0))
        },
      },
      outcome => done({ kind: 'done', outcome: outcome.kind }),
    )
    const stop = (): void => {
      cancel()
      done({ kind: 'cancelled' })
    }
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
}
