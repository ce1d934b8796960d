/** What every position of the order decides for one client and question, by the stages that answer clients. */
import type { Answer, GateVerdict, Query } from '../policy/handler.ts'
import { Inspector, type StageFinding } from '../policy/inspection.ts'
import { recursion } from '../policy/recursion.ts'
import { makeSelect } from '../policy/views/select.ts'
import { accessRules, chain, makeAdmission, ORDER, passesRules, type PipelineParts, stages } from './pipeline.ts'

/** What a limit has left for a client. Nothing is counted by looking. */
type RateFinding =
  | { readonly kind: 'off' }
  | { readonly kind: 'exempt' }
  /** `left`: so many queries could come at once now; 0: this one would be above the limit. */
  | { readonly kind: 'counted'; readonly verified: boolean; readonly left: number; readonly dryRun: boolean }

export interface Inspection {
  /** `rule`: which entry of the access list says so; null: that of "allow", or none. */
  readonly access: { readonly verdict: GateVerdict; readonly rule: number | null }
  readonly view: number
  readonly rate: RateFinding
  /** The positions after the gates, in their order. */
  readonly positions: readonly { readonly name: string; readonly does: string; readonly finding: StageFinding }[]
  /** Null: a gate refuses the client. */
  readonly answer: Answer | null
}

export type Inspect = (query: Omit<Query, 'view' | 'localOnly' | 'dry'>, now: number) => Promise<Inspection>

export function makeInspect(parts: PipelineParts): Inspect {
  const { access = [], rate, resolverOf } = parts
  const { admit, viewOf } = makeAdmission(parts)
  const ruleOf = makeSelect(accessRules(parts), parts.limits)
  const rateOf = ({ ip, transport }: Query['client'], now: number): RateFinding => {
    if (rate === undefined || rate.settings.answersOnly === true) return { kind: 'off' }
    if (rate.isExempt(ip)) return { kind: 'exempt' }
    const verified = transport !== 'udp'
    return { kind: 'counted', verified, left: rate.left(ip, verified, now), dryRun: rate.settings.dryRun }
  }
  return async (asked, now) => {
    const { client } = asked
    const verdict = admit(client)
    const rule = ruleOf(client)
    const view = viewOf?.(client) ?? 0
    const inspector = new Inspector()
    const handler = chain(
      stages(parts),
      passesRules(parts),
      inspector.resolution('resolution', recursion(resolverOf)),
      inspector.stage,
    )
    const isAnswered = verdict === 'pass' || verdict === 'local'
    const query: Query = { ...asked, view, dry: true, ...(verdict === 'local' ? { localOnly: true } : {}) }
    const answer = isAnswered ? await handler(query) : null
    return {
      access: { verdict, rule: rule >= 0 && rule < access.length ? rule : null },
      view,
      rate: rateOf(client, now),
      positions: ORDER.filter(({ side }) => side !== 'gate' && side !== 'bytes').map(({ name, does }) => ({
        name,
        does,
        finding: inspector.of(name),
      })),
      answer,
    }
  }
}
