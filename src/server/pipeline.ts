/**
 * THE ORDER in which policies see a query: two array literals, read from top to bottom. Each stage declares what must
 * come before and after it; the order is checked when the pipeline is built, so a wrong one never starts.
 */
import type { Prefix } from '../dns/address.ts'
import { makeAccess } from '../policy/access.ts'
import { makeChaos, type Identity } from '../policy/chaos.ts'
import { makeForwardLoop, type CameBack } from '../policy/forward-loop.ts'
import { type Designation, makeDesignation } from '../policy/designation.ts'
import { compose, type Gate, type GateVerdict, type Handler, type Stage } from '../policy/handler.ts'
import { makeMinimalAny, type AnsweredLocally, type AnyMode } from '../policy/minimal-any.ts'
import { recursion, type Watch } from '../policy/recursion.ts'
import type { Resolves } from '../resolver/resolver.ts'
import { makeRootKeySentinel, type RootKeyTags } from '../policy/root-key-sentinel.ts'
import type { Client } from '../ports.ts'

export interface PipelineParts {
  readonly allow: readonly Prefix[]
  readonly identity: Identity
  readonly answeredLocally: AnsweredLocally
  /** Default: minimal for all. */
  readonly any?: AnyMode
  /** Absent: encrypted transports are not announced. */
  readonly designation?: (() => Designation | null) | undefined
  /** Absent: clients cannot find out which keys are trusted. */
  readonly rootKeyTags?: RootKeyTags | undefined
  readonly resolver: Resolves
  /** Absent: nothing is forwarded. */
  readonly cameBack?: CameBack | undefined
  /** Absent: not observed. */
  readonly watch?: Watch | undefined
  readonly limits: { readonly accessVerdicts: number; readonly anyTtl: number }
}

export interface Pipeline {
  /** Before cached bytes are sent: synchronous, from the client alone. */
  readonly admit: (client: Client) => GateVerdict
  /** Everything else. */
  readonly handler: Handler
}

/** What the gates are made from: can be sent to listener threads, which have their own. */
export interface GateParts {
  readonly allow: readonly Prefix[]
  readonly limits: { readonly accessVerdicts: number }
}

/** A gate decides from the address of the client alone, the same each time until the configuration changes. */
const gates = (parts: GateParts): readonly Gate[] => [makeAccess(parts.allow, parts.limits)]

export const makeAdmission = (parts: GateParts): Pipeline['admit'] => admission(gates(parts))

const stages = (parts: PipelineParts): readonly Stage[] => [
  ...(parts.cameBack === undefined ? [] : [makeForwardLoop(parts.cameBack)]),
  makeChaos(parts.identity),
  ...(parts.designation === undefined ? [] : [makeDesignation(parts.designation)]),
  makeMinimalAny(parts.answeredLocally, parts.limits, parts.any),
  ...(parts.rootKeyTags === undefined ? [] : [makeRootKeySentinel(parts.rootKeyTags)]),
]

export function makePipeline(parts: PipelineParts): Pipeline {
  const order = stages(parts)
  const problems = orderProblems(order)
  if (problems.length > 0) throw new Error(`policy pipeline: ${problems.join('; ')}`)
  return { admit: makeAdmission(parts), handler: compose(order, recursion(parts.resolver, parts.watch)) }
}

/** One sentence for each constraint that the order breaks, and for names used twice. */
export function orderProblems(order: readonly Pick<Stage, 'name' | 'after' | 'before'>[]): string[] {
  const position = new Map(order.map((stage, index) => [stage.name, index]))
  const problems: string[] = []
  order.forEach((stage, index) => {
    if (position.get(stage.name) !== index) problems.push(`"${stage.name}" stands in it twice`)
    for (const other of stage.after)
      if ((position.get(other) ?? -1) > index) problems.push(`"${stage.name}" must come after "${other}"`)
    for (const other of stage.before)
      if ((position.get(other) ?? order.length) < index) problems.push(`"${stage.name}" must come before "${other}"`)
  })
  return problems
}

/** All gates as one; the first that does not pass decides. */
export function admission(all: readonly Gate[]): (client: Client) => GateVerdict {
  const only = all.length === 1 ? all[0] : undefined
  if (only !== undefined) return only.admit
  return client => {
    for (const gate of all) {
      const verdict = gate.admit(client)
      if (verdict !== 'pass') return verdict
    }
    return 'pass'
  }
}
