/**
 * What the signatures say of one verdict (RFC 4035 section 5): every set of its alias chain, the set that ends it, or
 * its denial, link by link. It changes nothing in a verdict but TTLs, which no signature may outlive, and the proofs,
 * of which those remain that were needed.
 */
import type { Question } from '../../dns/message.ts'
import { parentOf, type Name } from '../../dns/name.ts'
import { withTtl, type RRset } from '../../dns/rrset.ts'
import { RrType } from '../../dns/types.ts'
import type { WildcardSet } from '../../dnssec/rules.ts'
import { isSynthesised, weaker } from '../../dnssec/set-facts.ts'
import type { Security, Steps } from '../../steps.ts'
import type { Env, Task } from '../env.ts'
import { secure } from '../outcome.ts'
import type { Evidence, Unproven, ValidationContext } from './context.ts'
import type { FinalVerdict, Judged, JudgedSet, JudgedVerdict } from './judged.ts'
import { validateDenial } from './validate-denial.ts'
import { validateSet, type ValidatedSet } from './validate-set.ts'

/** A verdict to be validated: what the servers of `zone` said to `question`, and the referrals that led to them. */
export interface Received {
  readonly zone: Name
  readonly question: Question
  readonly verdict: FinalVerdict
  readonly evidence: Evidence
}

/** What has been found so far. */
interface Findings {
  readonly aliases: JudgedSet[]
  readonly proof: RRset[]
  readonly denials: RRset[]
  readonly wildcards: WildcardSet[]
}

export function* validateVerdict(
  env: Env,
  task: Task,
  { zone, question, verdict, evidence }: Received,
): Steps<Judged | Unproven> {
  const context: ValidationContext = {
    env,
    task,
    validation: env.validation(),
    zone,
    question,
    evidence,
    wall: env.clock.wall(),
    now: env.clock.now(),
  }
  const found: Findings = { aliases: [], proof: [], denials: [], wildcards: [] }
  if (verdict.chain.aliases.length > 0) {
    const fault = yield* validateAliases(context, verdict, found)
    if (fault !== null) return fault
  }
  switch (verdict.kind) {
    case 'alias':
    case 'alias-trouble':
      return judgedWith({ ...verdict, proof: found.proof }, secure, found)
    case 'answer': {
      const { chain, rrset, rest, authoritative, lastResort } = verdict
      const { proof } = found
      const last = found.aliases.at(-1)
      if (last !== undefined && isSynthesised(rrset, chain.aliases.at(-1)))
        return judgedWith({ ...verdict, proof }, last.security, found)
      const result = yield* validateSet(context, rrset, placeOf(rrset, question), verdict.proof)
      if (result.kind !== 'set') return result
      add(found, result)
      if (rest !== undefined) return yield* validateRest(context, verdict, rest, result, found)
      // Spelt out: it is made for every answer, and spreading costs a microsecond or two.
      return judgedWith(
        { kind: 'answer', chain, rrset: result.set, proof, authoritative, lastResort },
        result.security,
        found,
      )
    }
    case 'nodata':
    case 'nxdomain': {
      const result = yield* validateDenial(context, verdict)
      if (result.kind !== 'denial') return result
      const { soa, proof, security } = result
      if (security.kind === 'secure') found.denials.push(...proof)
      return judgedWith({ ...verdict, soa, proof: [...found.proof, ...proof] }, security, found)
    }
    default:
      return verdict satisfies never
  }
}

/** Every set of the alias chain into `found`; the fault that ends it, null when there is none. */
function* validateAliases(context: ValidationContext, verdict: FinalVerdict, found: Findings): Steps<Unproven | null> {
  let before: RRset | undefined
  for (const set of verdict.chain.aliases) {
    // The CNAME that a DNAME implies was made here (RFC 6672 section 5.3.1): it is as good as the DNAME.
    const dname = isSynthesised(set, before) ? found.aliases.at(-1) : undefined
    before = set
    if (dname !== undefined) {
      found.aliases.push({ set: withTtl(set, dname.set.ttl), security: dname.security })
      continue
    }
    const result = yield* validateSet(context, set, placeOf(set, context.question), verdict.proof)
    if (result.kind !== 'set') return result
    found.aliases.push({ set: result.set, security: result.security })
    add(found, result)
  }
  return null
}

/** The other sets of an answer to ANY: it is as secure as the worst. The proof of an expansion came with the first. */
function* validateRest(
  context: ValidationContext,
  verdict: Extract<FinalVerdict, { kind: 'answer' }>,
  rest: readonly RRset[],
  first: ValidatedSet,
  found: Findings,
): Steps<Judged | Unproven> {
  let { security } = first
  const sets: RRset[] = []
  for (const set of rest) {
    const result = yield* validateSet(context, set, placeOf(set, context.question), verdict.proof)
    if (result.kind !== 'set') return result
    sets.push(result.set)
    security = weaker(security, result.security)
  }
  return judgedWith({ ...verdict, rrset: first.set, rest: sets, proof: found.proof }, security, found)
}

function add({ proof, denials, wildcards }: Findings, result: ValidatedSet): void {
  if (result.wildcard !== null) wildcards.push(result.wildcard)
  proof.push(...result.proof)
  if (result.verified) denials.push(...result.proof)
}

const judgedWith = (verdict: JudgedVerdict, end: Security, { aliases, denials, wildcards }: Findings): Judged => ({
  kind: 'judged',
  verdict,
  aliases,
  end,
  denials,
  wildcards,
})

/**
 * Where a set belongs: a DS set, and an alias that a DS question met at its own name, to the zone above (RFC 4035
 * section 3.1.4.1). That no DS is there cannot be what shows the alias to be insecure.
 */
const placeOf = (set: RRset, question: Question): Name =>
  set.type === RrType.DS || (question.type === RrType.DS && set.name === question.name) ? parentOf(set.name) : set.name
