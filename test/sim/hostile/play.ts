/**
 * One seed played: a planned world, an attacker, questions in any order with time in between; then the attacker leaves,
 * and in the end all of its traces have to be gone. What is untrue is a `Violation`; `shrunk` leaves of an attack what
 * is needed.
 */
import { RrType, typeName } from '../../../src/dns/types.ts'
import { formatRdata } from '../../../src/presentation/rdata-text.ts'
import { OURSELVES } from '../../../src/fairness/owner.ts'
import type { Outcome } from '../../../src/steps.ts'
import { KeyStore } from '../../../src/simulation/key-store.ts'
import { nameOf, question } from '../../../src/simulation/records.ts'
import { SimRandom } from '../../../src/simulation/random.ts'
import { SimServer } from '../../../src/simulation/server.ts'
import { simulate, type World } from '../../../src/simulation/world.ts'
import { Attacker } from './attacker.ts'
import { describePlan, pick, planWorld, type WorldPlan } from './plan.ts'
import { type Held, heldBy, isFreed, positionOf } from './position.ts'
import { type Ask, Questions } from './questions.ts'
import { outcomeText, Truth, untruthOf } from './truth.ts'

/** Keys are the same in all worlds: they are made once. */
const keys = new KeyStore()

export type Phase =
  /** The attacker is at work. */
  | 'attacked'
  /** It has just left; whatever it planted is in the cache. */
  | 'left'
  /** Days later: every TTL has ended, every question has its true answer. */
  | 'healed'

export interface Violation {
  readonly seed: number
  readonly phase: Phase
  /** Which of the questions of this seed, from 0. */
  readonly index: number
  readonly question: string
  readonly wrong: string
  readonly found: string
  readonly attacker: string
  readonly plan: string
  /** Replies that were changed before. */
  readonly changed: readonly { readonly key: string; readonly what: string }[]
  /** Questions before, with the phase. */
  readonly asked: readonly string[]
}

interface TimedAsk extends Ask {
  readonly manner: 'client' | 'checking-disabled' | 'prefetch'
  /** Milliseconds that pass before. */
  readonly afterMs: number
}

export interface PlayOptions {
  /** Replies that the attacker leaves alone. */
  readonly spared?: ReadonlySet<string>
  /** Indexes of questions that are left out. */
  readonly unasked?: ReadonlySet<number>
  /** Nobody is hostile: the world and its truth have to agree. */
  readonly honest?: boolean
}

export interface Played {
  readonly violation: Violation | null
  readonly changed: number
  readonly secure: number
  readonly failures: number
  readonly answers: number
}

const ATTACKED_QUESTIONS = 24
const AGAIN_QUESTIONS = 10
const PROBES = 12
const HEALED_QUESTIONS = 6
const PAUSES_MS = [0, 0, 0, 0, 0, 1_000, 10_000, 61_000, 400_000] as const
/** Longer than any TTL is kept. */
const HEALING = '3d'
class Play {
  readonly world: World
  readonly plan: WorldPlan
  readonly truth: Truth
  readonly attacker: Attacker
  readonly held: Held | null
  readonly #seed: number
  readonly #random: SimRandom
  readonly #questions: Questions
  readonly #asked: string[] = []
  readonly #options: PlayOptions
  #index = 0
  secure = 0
  failures = 0
  answers = 0

  constructor(seed: number, options: PlayOptions) {
    this.#seed = seed
    this.#options = options
    const random = new SimRandom(seed).fork('hostile world')
    this.#random = random.fork('questions')
    this.plan = planWorld(random.fork('plan'), keys)
    const minimise = pick(random, ['off', 'relaxed', 'strict'] as const)
    this.world = simulate({ ...this.plan.source, seed, settings: { minimise } })
    const { hosts } = this.world.internet
    this.truth = new Truth(this.plan, keys, (zone, name) => nsecAt(hosts.get(zone.address)?.server, name))
    const position = positionOf(random.fork('position'), this.plan)
    this.held = heldBy(position.zone, this.plan, keys)
    this.#questions = new Questions(random.fork('names'), this.plan, this.truth.owners(), position.zone)
    this.attacker = new Attacker({
      plan: this.plan,
      position,
      held: this.held,
      random: random.fork('attacker'),
      hosts,
      wall: () => this.world.clock.wall(),
      spared: options.spared ?? new Set(),
    })
    this.attacker.isThere = options.honest !== true
  }

  run(): Violation | null {
    const asks = Array.from({ length: ATTACKED_QUESTIONS }, () => this.#timed(this.#questions.ask()))
    for (const [i, ask] of asks.entries()) {
      const again = i > 0 && this.#random.below(5) === 0 ? (asks[this.#random.below(i)] ?? ask) : ask
      const violation = this.#put({ ...again, afterMs: ask.afterMs, manner: ask.manner }, 'attacked')
      if (violation !== null) return violation
    }
    this.attacker.isThere = false
    const again = Array.from({ length: AGAIN_QUESTIONS }, () => pick(this.#random, asks))
    const later = [...again, ...Array.from({ length: PROBES }, () => this.#timed(this.#questions.probe()))]
    for (const ask of later) {
      const violation = this.#put({ ...ask, manner: 'client', afterMs: Math.min(ask.afterMs, 1_000) }, 'left')
      if (violation !== null) return violation
    }
    if (this.#options.honest !== true) this.world.advance(HEALING)
    for (const ask of [...later.slice(-HEALED_QUESTIONS / 2), ...asks.slice(0, HEALED_QUESTIONS / 2)]) {
      const violation = this.#put({ ...ask, manner: 'client', afterMs: 0 }, 'healed')
      if (violation !== null) return violation
    }
    return null
  }

  #timed(ask: Ask): TimedAsk {
    const manner = this.#random.below(10)
    return {
      ...ask,
      afterMs: pick(this.#random, PAUSES_MS),
      manner: manner === 0 ? 'checking-disabled' : manner === 1 ? 'prefetch' : 'client',
    }
  }

  #put(ask: TimedAsk, phase: Phase): Violation | null {
    const index = this.#index++
    if (this.#options.unasked?.has(index) === true) return null
    const { world, truth } = this
    world.advance(ask.afterMs)
    const text = `${ask.name} ${ask.type}${ask.manner === 'client' ? '' : ` (${ask.manner})`}`
    this.#asked.push(`${index} ${phase} +${ask.afterMs / 1_000} s: ${text}`)
    if (ask.manner === 'prefetch') {
      world.resolver.prefetch(question(ask.name, ask.type), OURSELVES)
      world.run()
      return null
    }
    const outcome = world.resolve(ask.name, ask.type, { checkingDisabled: ask.manner === 'checking-disabled' })
    if (ask.manner === 'checking-disabled') return null
    if (outcome.kind === 'failure') this.failures++
    else this.answers++
    if (outcome.kind !== 'failure' && outcome.security.kind === 'secure') this.secure++
    const wrong =
      untruthOf(
        truth,
        ask.name,
        ask.type,
        outcome,
        phase === 'healed' ? () => false : (name, type) => isFreed(this.plan, this.held, name, type),
      ) ?? (phase === 'healed' || this.#options.honest === true ? this.#unhealed(ask, outcome) : null)
    if (wrong === null) return null
    return {
      seed: this.#seed,
      phase,
      index,
      question: text,
      wrong,
      found: outcomeText(outcome),
      attacker: this.attacker.text,
      plan: describePlan(this.plan),
      changed: [...this.attacker.changed],
      asked: [...this.#asked],
    }
  }

  /** When nobody is hostile any more a true answer is not enough: it has to be there, and secure where it can be. */
  #unhealed(ask: Ask, outcome: Outcome): string | null {
    // RFC 4592 does not say whether a wildcard makes NSEC records of its own: the servers here make none.
    if (outcome.kind === 'failure' && ask.type === 'NSEC') return null
    if (outcome.kind === 'failure')
      return outcome.why === 'alias-chain' || outcome.why === 'name-too-long' ? null : 'the honest answer is refused'
    const isSecure = this.truth.isSecure(ask.name, ask.type)
    return isSecure && outcome.security.kind !== 'secure'
      ? `the answer is secure, and called ${outcome.security.kind}`
      : null
  }
}

export function nsecAt(server: unknown, name: string): readonly string[] {
  if (!(server instanceof SimServer)) return []
  const asked = { ...question(name, 'NSEC'), cased: nameOf(name) }
  const reply = server.honestReply({
    id: 0,
    response: false,
    opcode: 0,
    authoritative: false,
    truncated: false,
    recursionDesired: false,
    recursionAvailable: false,
    authenticData: false,
    checkingDisabled: false,
    rcode: 0,
    question: asked,
    answer: [],
    authority: [],
    additional: [],
    edns: null,
  })
  return reply.answer
    .filter(({ type }) => typeName(type) === 'NSEC')
    .map(({ rdata }) => formatRdata(RrType.NSEC, rdata).toLowerCase())
}

export function play(seed: number, options: PlayOptions = {}): Played {
  const one = new Play(seed, options)
  const violation = one.run()
  return {
    violation,
    changed: one.attacker.changed.length,
    secure: one.secure,
    failures: one.failures,
    answers: one.answers,
  }
}

/** Leaves out questions and replies that the violation does not need. */
export function shrunk(violation: Violation, options: PlayOptions = {}): Violation {
  const { seed } = violation
  const unasked = new Set(options.unasked)
  const spared = new Set(options.spared)
  let last = violation
  const still = (): boolean => {
    const again = play(seed, { ...options, unasked, spared }).violation
    if (again === null || again.phase !== violation.phase || again.question !== violation.question) return false
    last = again
    return true
  }
  for (let index = violation.index - 1; index >= 0; index--) {
    unasked.add(index)
    if (!still()) unasked.delete(index)
  }
  for (const { key } of [...last.changed]) {
    spared.add(key)
    if (!still()) spared.delete(key)
  }
  return last
}

export function explain({
  seed,
  phase,
  question: asked,
  wrong,
  found,
  attacker,
  plan,
  changed,
  asked: before,
}: Violation): string {
  return [
    `seed ${seed}, ${phase}: ${asked}: ${wrong}`,
    `found: ${found}`,
    `attacker: ${attacker}`,
    'world:',
    plan,
    'asked:',
    ...before.map(line => `  ${line}`),
    'replies changed:',
    ...changed.map(({ what }) => `  ${what}`),
    `run it alone with ROOTWALK_SEED=${seed} npx vitest run test/sim/hostile-signed-worlds.test.ts`,
  ].join('\n')
}
