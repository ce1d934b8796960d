/**
 * THE ORDER in which policies decide on a query: one array, read from top to bottom (`ORDER`), and the stages that have
 * their place in it (`stages`). What stands above `resolution` decides on the question, what stands below on the
 * answer. That all stages have a place, and the constraints that they declare, are checked when the pipeline is built,
 * so a wrong order never starts. docs/policy.md shows it as a picture.
 */
import type { Prefix } from '../dns/address.ts'
import { type AccessRule, allowing, makeAccess } from '../policy/access.ts'
import { type CodeParts, makeCode } from '../policy/code/stage.ts'
import { makeChaos, type Identity } from '../policy/chaos.ts'
import { makeForwardLoop, type CameBack } from '../policy/forward-loop.ts'
import { type Designation, makeDesignation } from '../policy/designation.ts'
import {
  type Answer,
  compose,
  type Gate,
  type GateVerdict,
  type Handler,
  type Query,
  type Stage,
} from '../policy/handler.ts'
import { givesOwnAddress, type ListsInForce, makeLists, makeListsAnswer } from '../policy/lists/stages.ts'
import type { RateLimiter } from '../policy/limits/rate-limiter.ts'
import { makeLocalData } from '../policy/local-data.ts'
import { makeLocalOnly } from '../policy/local-only.ts'
import { makeMinimalAny, type AnsweredLocally, type AnyMode } from '../policy/minimal-any.ts'
import { recursion, type Watch } from '../policy/recursion.ts'
import type { Resolves } from '../resolver/resolver.ts'
import { answerShapers, gatesOfNames, type ShapingParts } from '../policy/shaping/stages.ts'
import { makeRootKeySentinel, type RootKeyTags } from '../policy/root-key-sentinel.ts'
import { makeRpz, type RpzParts } from '../policy/rpz/stage.ts'
import { makeSelect, type Selector, selectsByListener } from '../policy/views/select.ts'
import type { Client } from '../ports.ts'

/**
 * `gate`: from the client alone, before the message is read. `bytes`: on the octets, those of finished answers too.
 * `question`: may answer instead of the resolver. `resolution`: what is known. `rule`: may change what came. `shape`:
 * may give it another form.
 */
type Side = 'gate' | 'bytes' | 'question' | 'resolution' | 'rule' | 'shape'

interface Position {
  readonly name: string
  readonly side: Side
  /** For people: what it decides. */
  readonly does: string
}

/** A new stage has its line here and one in `stages`. */
export const ORDER: readonly Position[] = [
  { name: 'access', side: 'gate', does: 'who may ask' },
  { name: 'view', side: 'gate', does: 'whose rules, zones and forwarders hold' },
  { name: 'cookies', side: 'bytes', does: 'whether a client is where it seems to be' },
  { name: 'rate-limit', side: 'bytes', does: 'how much a network of clients may ask' },
  { name: 'forward-loop', side: 'question', does: 'probes of our own that came back' },
  { name: 'chaos', side: 'question', does: 'version, identity and readiness of the server' },
  { name: 'designation', side: 'question', does: 'encrypted transports announced to clients' },
  { name: 'canary', side: 'question', does: 'names by which programs ask where to resolve' },
  { name: 'local-only', side: 'question', does: 'clients that get local data and nothing else' },
  { name: 'local-data', side: 'question', does: 'names of local zones, which no rule touches' },
  { name: 'lists', side: 'question', does: 'own rules, allow lists, block lists' },
  { name: 'rpz', side: 'question', does: 'policy zones: client addresses and names' },
  { name: 'code', side: 'question', does: 'policies written as programs' },
  { name: 'resolution', side: 'resolution', does: 'cache, forwarders, the walk from the root, validation' },
  { name: 'stale', side: 'resolution', does: 'expired data where servers fail' },
  { name: 'rpz-answer', side: 'rule', does: 'policy zones: aliases, addresses, name servers' },
  { name: 'lists-answer', side: 'rule', does: 'lists: the targets of aliases' },
  { name: 'code-answer', side: 'rule', does: 'policies written as programs: what came' },
  { name: 'rebinding', side: 'rule', does: 'private addresses of public names' },
  { name: 'dns64', side: 'shape', does: 'IPv6 addresses made from IPv4 addresses' },
  { name: 'minimal-any', side: 'shape', does: 'short answers to ANY' },
  { name: 'root-key-sentinel', side: 'shape', does: 'which keys of the root are trusted here' },
]

export interface PipelineParts extends GateParts {
  readonly identity: Identity
  /** May clients be sent here? Absent: always. */
  readonly isReady?: (() => boolean) | undefined
  readonly answeredLocally: AnsweredLocally
  /** By zones and records that the operator wrote. Absent: there are no others. */
  readonly answeredByOwn?: AnsweredLocally | undefined
  /** Default: minimal for all. */
  readonly any?: AnyMode
  /** Absent: encrypted transports are not announced. */
  readonly designation?: (() => Designation | null) | undefined
  /** Absent: clients cannot find out which keys are trusted. */
  readonly rootKeyTags?: RootKeyTags | undefined
  /** Absent: there are no lists. */
  readonly lists?: ListsInForce | undefined
  /** That of a view. */
  readonly resolverOf: (view: number) => Resolves
  /** Absent: no answer is changed. */
  readonly shaping?: ShapingParts | undefined
  /** Absent: there are no response policy zones. */
  readonly rpz?: RpzParts | undefined
  /** Absent: there are no policies written as programs. */
  readonly code?: CodeParts | undefined
  /** Absent: nothing is forwarded. */
  readonly cameBack?: CameBack | undefined
  /** Absent: not observed. */
  readonly watch?: Watch | undefined
  /** Absent: there is no limit. */
  readonly rate?: RateLimiter | undefined
  readonly limits: { readonly accessVerdicts: number; readonly anyTtl: number }
}

export interface Pipeline {
  /** Before cached bytes are sent: synchronous, from the client alone. */
  readonly admit: (client: Client) => GateVerdict
  /** The view of a client that was let in; absent: all are in view 0. */
  readonly viewOf?: ((client: Client) => number) | undefined
  /** Absent: there is no limit. */
  readonly rate?: RateLimiter | undefined
  /** Everything else. */
  readonly handler: Handler
}

/** What the gates are made from: can be sent to listener threads, which have their own. */
export interface GateParts {
  readonly allow: readonly Prefix[]
  /** Besides `allow`; the first of equally close rules holds. Absent: none. */
  readonly access?: readonly AccessRule[] | undefined
  /** Whose clients are in view 1, 2 and so on; all others are in view 0. Absent: there is no other. */
  readonly views?: readonly Selector[] | undefined
  readonly limits: { readonly accessVerdicts: number }
}

export const accessRules = ({ allow, access = [] }: GateParts): readonly AccessRule[] => [...access, allowing(allow)]

/** A gate decides from the client alone, the same each time until the configuration changes. */
const gates = (parts: GateParts): readonly Gate[] => [makeAccess(accessRules(parts), parts.limits)]

export type Admission = Pick<Pipeline, 'admit' | 'viewOf'>

export function makeAdmission(parts: GateParts): Admission {
  const { views = [], limits } = parts
  const select = makeSelect(views, limits)
  return { admit: admission(gates(parts)), viewOf: views.length === 0 ? undefined : client => select(client) + 1 }
}

/** Does it matter to gates or views where a client came in? */
export const gatesLookAtListeners = (parts: GateParts): boolean =>
  selectsByListener([...(parts.access ?? []), ...(parts.views ?? [])])

const isLocalIn =
  ({ answeredLocally }: PipelineParts) =>
  ({ question, view }: Query): boolean =>
    answeredLocally(question, view)

/** Which queries pass by all rules. */
export const passesRules =
  ({ answeredLocally, answeredByOwn = answeredLocally, lists }: PipelineParts) =>
  (query: Query): boolean => {
    const { question, view } = query
    if (!answeredLocally(question, view)) return false
    return answeredByOwn(question, view) || lists === undefined || !givesOwnAddress(lists, query)
  }

/** In any order: `ORDER` has theirs. */
export const stages = (parts: PipelineParts): readonly Stage[] => [
  ...(parts.cameBack === undefined ? [] : [makeForwardLoop(parts.cameBack)]),
  makeChaos(parts.identity, parts.isReady),
  ...(parts.designation === undefined ? [] : [makeDesignation(parts.designation)]),
  ...(parts.lists === undefined ? [] : [makeLists(parts.lists), makeListsAnswer(parts.lists)]),
  ...gatesOfNames(parts.shaping),
  ...(parts.access?.some(({ action }) => action === 'local') === true ? [makeLocalOnly(isLocalIn(parts))] : []),
  ...(parts.rpz === undefined ? [] : makeRpz(parts.rpz)),
  ...(parts.code === undefined ? [] : makeCode(parts.code)),
  makeMinimalAny(parts.answeredLocally, parts.limits, parts.any),
  ...answerShapers(parts.shaping, parts.answeredLocally),
  ...(parts.rootKeyTags === undefined ? [] : [makeRootKeySentinel(parts.rootKeyTags)]),
]

export function makePipeline(parts: PipelineParts): Pipeline {
  const handler = chain(stages(parts), passesRules(parts), recursion(parts.resolverOf, parts.watch))
  return { ...makeAdmission(parts), rate: parts.rate, handler }
}

/**
 * The stages in `ORDER` around `last`. Whoever decides on the answer stands around what decides before it, so that
 * those on the answer are nested the other way round. `looked` is put around each of them. Throws when a stage has no
 * place, or stands where it must not.
 */
export function chain(
  unordered: readonly Stage[],
  isLocal: (query: Query) => boolean,
  last: Handler,
  looked: (stage: Stage) => Stage = stage => stage,
): Handler {
  const ordered = unordered.toSorted((a, b) => placeOf(a.name) - placeOf(b.name))
  const lost = ordered.filter(({ name }) => placeOf(name) < 0)
  const problems = [...lost.map(({ name }) => `"${name}" has no place in ORDER`), ...orderProblems(ordered)]
  if (problems.length > 0) throw new Error(`policy pipeline: ${problems.join('; ')}`)
  const on = (side: Side): readonly Stage[] => ordered.filter(({ name }) => sideOf(name) === side)
  const isRule = ({ name }: Stage): boolean => placeOf(name) > placeOf('local-data')
  const shapes = on('shape').toReversed().map(looked)
  const ruled = [
    ...on('question').filter(isRule).map(looked),
    ...shapes,
    ...on('rule')
      .toReversed()
      .map(stage => looked(bounded(stage))),
    ...on('resolution').toReversed().map(looked),
  ]
  const first = on('question')
    .filter(stage => !isRule(stage))
    .map(looked)
  const passed = ruled.length > shapes.length ? [looked(makeLocalData(isLocal, compose(shapes, last)))] : []
  return compose([...first, ...passed, ...ruled], last)
}

const placeOf = (name: string): number => ORDER.findIndex(position => position.name === name)
const sideOf = (name: string): Side | undefined => ORDER[placeOf(name)]?.side

/**
 * A rule on the answer, within what no rule may do: data that failed validation stays a failure, whatever a rule would
 * make of it, and what one rule made is judged by none after it.
 */
const bounded = (stage: Stage): Stage => ({
  ...stage,
  async handle(query, next) {
    let settled: Answer | null = null
    const changed = await stage.handle(query, async asked => {
      const answer = await next(asked)
      if (isSettled(answer)) settled = answer
      return answer
    })
    return settled ?? changed
  },
})

const isSettled = (answer: Answer): boolean =>
  answer.kind !== 'resolved' ||
  sideOf(answer.by) === 'rule' ||
  (answer.outcome.kind === 'failure' && answer.outcome.why === 'bogus')

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
