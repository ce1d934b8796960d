/**
 * Runs resolutions on the ports. It knows when, the engine knows how. Here and only here: sharing of equal questions,
 * cycles (who waits for whom), nesting depth, deadlines, cancellation, what happens to a bug, and who may have how many
 * of the resolutions there may be (`fairness/`). Queries to servers are `exchanges.ts`.
 */
import type { Question } from '../../dns/message.ts'
import type { Cancel, Network, SharedFound } from '../../ports.ts'
import { OURSELVES, type Owner } from '../../fairness/owner.ts'
import { ShareTree, type Place } from '../../fairness/share-tree.ts'
import type { Visit } from '../../fairness/turnstile.ts'
import { abandon, type Because, type Effect, type ExchangeSpec, type Outcome, type Steps } from '../../steps.ts'
import { Budget } from '../budget.ts'
import type { Env, Task } from '../env.ts'
import { type ExchangeAsker, Exchanges } from './exchanges.ts'
import { type NotYet, notYet } from './not-yet.ts'
import { failure, failureFacts, isRelative } from '../outcome.ts'
import { followsAliases, isFresh, isOutside, isValidated, keyOf } from './resolution-key.ts'
import { Run } from './run.ts'
import { questionText, type TraceSink } from '../trace.ts'

export interface ResolveOptions {
  readonly because: Because
  /** CD: nothing is validated for this client. */
  readonly checkingDisabled?: boolean | undefined
  readonly trace?: TraceSink | undefined
  /** For whom; by default for ourselves. */
  readonly owner?: Owner | undefined
}

interface Waiter {
  readonly done: (outcome: Outcome) => void
}

/**
 * Indirection in the map of running resolutions, so that an old hash table cannot retain finished ones. A `Map` makes a
 * new table every few hundred entries, and an old one that has been promoted keeps its values, and all tables after it,
 * until the next full collection: 800 octets a miss, copied, promoted and marked.
 */
interface InFlightSlot {
  resolution: Resolution | null
}

class Resolution implements Task, ExchangeAsker {
  readonly id: number
  readonly depth: number
  readonly question: Question
  readonly because: Because
  readonly budget: Budget
  readonly trace: TraceSink | null
  readonly checking: boolean
  readonly fresh: boolean
  readonly followsAliases: boolean
  readonly outside: boolean
  readonly key: string
  readonly startedAt: number
  /** Who asked first. */
  readonly owner: Owner
  /** Among those in flight; null before and after. */
  place: Place<Resolution> | null = null
  over = false
  readonly waiters = new Set<Waiter>()
  /** The resolutions that this one waits for, one entry a wait; null before the first. */
  waitsFor: Map<Waiter, Resolution> | null = null
  run: Run<Outcome> | null = null
  awaited: ExchangeSpec | null = null
  visit: Visit | null = null
  lastRcode: number | null = null

  constructor(parts: {
    id: number
    depth: number
    question: Question
    because: Because
    budget: Budget
    trace: TraceSink | null
    checking: boolean
    outside: boolean
    key: string
    startedAt: number
    owner: Owner
  }) {
    this.id = parts.id
    this.depth = parts.depth
    this.question = parts.question
    this.because = parts.because
    this.budget = parts.budget
    this.trace = parts.trace
    this.startedAt = parts.startedAt
    this.owner = parts.owner
    this.checking = parts.checking
    this.fresh = isFresh(parts.because)
    this.followsAliases = followsAliases(parts.because)
    this.outside = parts.outside
    this.key = parts.key
  }
}

const nothingToCancel: Cancel = () => {}

export class Scheduler {
  readonly #env: Env
  readonly #start: (task: Task) => Steps<Outcome>
  readonly #running = new Map<string, InFlightSlot>()
  /** All in flight, by owner; also those that run next to another of their key. */
  readonly #shares = new ShareTree<Resolution>()
  readonly #exchanges: Exchanges
  #refused = 0
  #quietUntil = 0
  #nextId = 1

  constructor(env: Env, network: Network, start: (task: Task) => Steps<Outcome>) {
    this.#env = env
    this.#start = start
    this.#exchanges = new Exchanges(env, network)
  }

  /** Resolutions in flight, sub-queries included. */
  get inFlight(): number {
    return this.#shares.size
  }

  get questionsInFlight(): readonly string[] {
    return [...this.#running.values()].flatMap(({ resolution }) =>
      resolution === null ? [] : [questionText(resolution.question)],
    )
  }

  /** Why a client's question has no answer yet; null when it is not in flight. */
  notYet(question: Question, checkingDisabled: boolean): NotYet | null {
    let resolution = this.#joinable(
      keyOf(question, 'client', this.#checks('client', checkingDisabled), isOutside('client')),
    )
    if (resolution === undefined) return null
    // No resolution waits for itself (`reaches`), so that this ends.
    for (;;) {
      const [inner]: Iterable<Resolution> = resolution.waitsFor?.values() ?? []
      if (inner === undefined) break
      resolution = inner
    }
    const { awaited, visit } = resolution
    return notYet({
      question: resolution.question,
      awaited: awaited === null ? null : { ...awaited, isSent: visit?.isInside === true },
      lastRcode: resolution.lastRcode,
    })
  }

  /** A task that is not in flight: for work outside the shared graph (priming, memory-only answers). */
  task(question: Question, options: ResolveOptions): Task {
    const now = this.#env.clock.now()
    const budget = new Budget(this.#env.limits.budget, this.#env.limits.dnssec, question.name, now)
    return this.#make(
      question,
      options.because,
      budget,
      0,
      options.trace ?? null,
      this.#checks(options.because, options.checkingDisabled),
      options.owner ?? OURSELVES,
    )
  }

  /**
   * Resolves one question of a client; `done` is called once, possibly before this returns. Equal questions in flight
   * share one resolution, each client with its own deadline.
   */
  resolve(question: Question, options: ResolveOptions, done: (outcome: Outcome) => void): Cancel {
    return this.#resolve(question, options, this.#env.clock.now() + this.#env.limits.budget.timeMs, true, done)
  }

  /** Runs steps on behalf of a task outside the shared graph. */
  run<T>(task: Task, steps: Steps<T>, done: (value: T | null) => void): Cancel {
    const resolution = this.#make(
      task.question,
      task.because,
      task.budget,
      task.depth,
      task.trace,
      task.checking,
      OURSELVES,
    )
    const run = this.#drive(resolution, steps, done, error => {
      this.#tellBug(resolution, error)
      done(null)
    })
    return () => run.cancel()
  }

  #resolve(
    question: Question,
    options: ResolveOptions,
    deadline: number,
    mayJoin: boolean,
    done: (outcome: Outcome) => void,
  ): Cancel {
    const { clock, limits } = this.#env
    const checking = this.#checks(options.because, options.checkingDisabled)
    const key = keyOf(question, options.because, checking, isOutside(options.because))
    const running = mayJoin ? this.#joinable(key) : undefined
    const { waitersPerResolution } = limits.engine
    if (running !== undefined && running.waiters.size >= waitersPerResolution) {
      done(
        failure('overload', `limit of ${waitersPerResolution} clients waiting for ${questionText(question)} reached`),
      )
      return nothingToCancel
    }
    const owner = options.owner ?? OURSELVES
    if (running === undefined && !this.#admits(owner)) {
      done(this.#noRoom())
      return nothingToCancel
    }
    let stopTimer: Cancel = nothingToCancel
    let over = false
    const waiter: Waiter = {
      done: outcome => {
        if (over) return
        over = true
        stopTimer()
        // What ended another client's resolution need not end this one's: restart, once, on a new budget.
        if (running !== undefined && isRelative(outcome)) this.#resolve(question, options, deadline, false, done)
        else done(outcome)
      },
    }
    const { because, trace = null } = options
    const budget = (): Budget => new Budget(limits.budget, limits.dnssec, question.name, clock.now())
    const resolution =
      running ?? this.#make(question, because, budget(), 0, trace, checking, owner, isOutside(because), key)
    resolution.waiters.add(waiter)
    if (running === undefined) this.#launch(resolution)
    else resolution.trace?.({ kind: 'joined', id: resolution.id, parent: 0, depth: 0, atMs: clock.now(), question })
    if (over) return nothingToCancel
    stopTimer = clock.after(Math.max(0, deadline - clock.now()), () => {
      resolution.waiters.delete(waiter)
      over = true
      const ended = failure('deadline', `time limit of ${limits.budget.timeMs} ms reached`)
      // Of who joined another's resolution it says nothing: what it waited for had begun, and may end, at another time.
      if (running === undefined && mayJoin) this.#rememberAtTop(resolution, ended)
      done(ended)
    })
    return () => {
      // The client is gone; the resolution goes on to its own end, for the cache's sake.
      over = true
      stopTimer()
      resolution.waiters.delete(waiter)
    }
  }

  /**
   * Is there room for one more resolution of `owner`? When all places are taken, who holds most gives up its oldest for
   * a newcomer with less; of its own an owner gives up only one that has had its time (Unbound's jostle-timeout).
   */
  #admits(owner: Owner): boolean {
    const { resolutionsInFlight, jostleMs } = this.#env.limits.engine
    if (this.#shares.size < resolutionsInFlight) return true
    const giving = this.#shares.toGive(owner)
    if (giving === undefined) return false
    if (giving.own && this.#env.clock.now() - giving.item.startedAt < jostleMs) return false
    this.#displace(giving.item)
    return true
  }

  /**
   * Its place is free at once. That it ends is heard by others only when the present step is done, in which they may
   * have a part.
   */
  #displace(resolution: Resolution): void {
    this.#noteRefused()
    this.#removeInFlight(resolution)
    this.#env.clock.after(0, () => {
      if (resolution.over) return
      resolution.run?.cancel()
      this.#finish(resolution, failure('overload', 'gave way to the queries of others, who have fewer in flight'))
    })
  }

  #noRoom(): Outcome {
    this.#noteRefused()
    return failure('overload', `limit of ${this.#env.limits.engine.resolutionsInFlight} resolutions in flight reached`)
  }

  /** Reported with their number, once in `repeatEventMs`: any client can bring it about. */
  #noteRefused(): void {
    const { clock, events, limits } = this.#env
    this.#refused++
    const now = clock.now()
    if (now < this.#quietUntil) return
    this.#quietUntil = now + limits.upstream.repeatEventMs
    events({ kind: 'overloaded', inFlight: this.#shares.size, refused: this.#refused })
    this.#refused = 0
  }

  #make(
    question: Question,
    because: Because,
    budget: Budget,
    depth: number,
    trace: TraceSink | null,
    checking: boolean,
    owner: Owner,
    outside = isOutside(because),
    key = keyOf(question, because, checking, outside),
  ): Resolution {
    return new Resolution({
      id: this.#nextId++,
      depth,
      question,
      because,
      budget,
      trace,
      checking,
      outside,
      key,
      startedAt: this.#env.clock.now(),
      owner,
    })
  }

  /**
   * Is there something to validate with, and is it wanted? The addresses of servers are only used to ask, and what
   * comes is validated.
   */
  #checks(because: Because, checkingDisabled = false): boolean {
    if (checkingDisabled || !isValidated(because)) return false
    const { validate, points } = this.#env.validation()
    return validate && !points.isEmpty
  }

  #launch(resolution: Resolution, parent = 0): void {
    const { clock } = this.#env
    if (!this.#running.has(resolution.key)) this.#running.set(resolution.key, { resolution })
    resolution.place = this.#shares.add(resolution.owner, resolution)
    const { id, depth, question, because, trace } = resolution
    trace?.({ kind: 'lookup', id, parent, depth, atMs: clock.now(), question, because })
    const finish = (outcome: Outcome): void => this.#finish(resolution, outcome)
    resolution.run = this.#drive(
      resolution,
      this.#start(resolution),
      finish,
      error => {
        this.#tellBug(resolution, error)
        finish(failure('bug', 'internal error'))
      },
      false,
    )
    resolution.run.resume(undefined)
  }

  #finish(resolution: Resolution, outcome: Outcome): void {
    const { clock } = this.#env
    if (resolution.over) return
    resolution.over = true
    this.#removeInFlight(resolution)
    const now = clock.now()
    resolution.trace?.({
      kind: 'end',
      id: resolution.id,
      depth: resolution.depth,
      atMs: now,
      tookMs: now - resolution.startedAt,
      outcome,
    })
    this.#rememberAtTop(resolution, outcome)
    resolution.run = null
    const waiters = [...resolution.waiters]
    resolution.waiters.clear()
    for (const waiter of waiters) waiter.done(outcome)
  }

  /** What was remembered on the way is left as it is. */
  #rememberAtTop({ depth, question, budget, because }: Resolution, outcome: Outcome): void {
    if (isFresh(because)) return
    if (depth > 0 || outcome.kind !== 'failure' || failureFacts[outcome.why].remembered !== 'at-top') return
    // Time that went by in our own queues is no fault of the question.
    if (outcome.why === 'deadline' && budget.heldUp) return
    this.#env.caches.failures.put(question, outcome, this.#env.clock.now())
  }

  /** Those in flight go on for who waits for them; who asks from now on does not join them. */
  shareNoneInFlight(): void {
    for (const slot of this.#running.values()) slot.resolution = null
    this.#running.clear()
  }

  #joinable(key: string): Resolution | undefined {
    return this.#running.get(key)?.resolution ?? undefined
  }

  /** It has ended. One that was started next to another with its key is not in the map. */
  #removeInFlight(resolution: Resolution): void {
    if (resolution.place !== null) this.#shares.delete(resolution.place)
    resolution.place = null
    const flight = this.#running.get(resolution.key)
    if (flight === undefined || flight.resolution !== resolution) return
    flight.resolution = null
    this.#running.delete(resolution.key)
  }

  #tellBug(resolution: Resolution, error: unknown): void {
    this.#env.events({ kind: 'bug', where: 'resolution', error, question: questionText(resolution.question) })
  }

  #drive<T>(
    resolution: Resolution,
    steps: Steps<T>,
    done: (value: T) => void,
    onBug: (error: unknown) => void,
    now = true,
  ): Run<T> {
    const run = new Run(steps, (effect, resume) => this.#perform(resolution, effect, resume, onBug), done, onBug)
    if (now) run.resume(undefined)
    return run
  }

  #perform(
    resolution: Resolution,
    effect: Effect,
    resume: (value: unknown) => void,
    onBug: (error: unknown) => void,
  ): Cancel {
    switch (effect.kind) {
      case 'exchange':
        return this.#exchanges.start(resolution, effect.spec, resume, onBug)
      case 'lookup':
        return this.#lookup(resolution, effect.question, effect.because, true, resume)
      case 'pause':
        return this.#env.clock.after(0, () => resume(undefined))
      case 'shared':
        return this.#shared(effect, resume)
      case 'all':
        return this.#branches(resolution, effect.branches, null, resume, onBug)
      case 'first':
        return this.#branches(resolution, effect.branches, effect.accept, resume, onBug)
      default:
        return effect satisfies never
    }
  }

  #shared({ question, waitMs }: Extract<Effect, { kind: 'shared' }>, resume: (value: SharedFound) => void): Cancel {
    const { shared } = this.#env
    if (shared !== undefined) return shared.find(question, waitMs, resume)
    resume({ kind: 'miss' })
    return nothingToCancel
  }

  #lookup(
    asker: Resolution,
    question: Question,
    because: Because,
    mayJoin: boolean,
    resume: (outcome: Outcome) => void,
  ): Cancel {
    const checking = asker.checking && isValidated(because)
    const outside = asker.outside || isOutside(because)
    const key = keyOf(question, because, checking, outside)
    const { depth: depthLimit } = this.#env.limits.budget
    const running = mayJoin ? this.#joinable(key) : undefined
    if (key === asker.key || (running !== undefined && reaches(running, asker))) {
      resume(failure('cycle', `${questionText(question)} is needed to find itself`))
      return nothingToCancel
    }
    if (running === undefined && asker.depth >= depthLimit) {
      resume(failure('budget', `limit of ${depthLimit} nested look-ups reached`))
      return nothingToCancel
    }
    if (running === undefined && !this.#admits(asker.owner)) {
      resume(this.#noRoom())
      return nothingToCancel
    }
    let retry: Cancel = nothingToCancel
    const waiter: Waiter = {
      done: outcome => {
        asker.waitsFor?.delete(waiter)
        const foreign = running !== undefined && running.budget !== asker.budget
        if (foreign && isRelative(outcome)) retry = this.#lookup(asker, question, because, false, resume)
        else resume(outcome)
      },
    }
    const { budget, depth, trace, owner } = asker
    const resolution = running ?? this.#make(question, because, budget, depth + 1, trace, checking, owner, outside, key)
    asker.waitsFor ??= new Map()
    asker.waitsFor.set(waiter, resolution)
    resolution.waiters.add(waiter)
    if (running === undefined) this.#launch(resolution, asker.id)
    else
      asker.trace?.({
        kind: 'joined',
        id: resolution.id,
        parent: asker.id,
        depth: asker.depth + 1,
        atMs: this.#env.clock.now(),
        question,
      })
    return () => {
      retry()
      asker.waitsFor?.delete(waiter)
      resolution.waiters.delete(waiter)
      if (resolution.waiters.size === 0) this.#cancel(resolution)
    }
  }

  /** No client waits for it any more: its exchanges are cancelled and its own look-ups released. */
  #cancel(resolution: Resolution): void {
    resolution.over = true
    this.#removeInFlight(resolution)
    resolution.run?.cancel()
  }

  #branches(
    resolution: Resolution,
    branches: readonly Steps<unknown>[],
    accept: ((value: unknown) => boolean) | null,
    resume: (value: unknown) => void,
    onBug: (error: unknown) => void,
  ): Cancel {
    const results: unknown[] = branches.map(() => null)
    const runs: Run<unknown>[] = []
    let open = branches.length
    let over = false
    const end = (value: unknown): void => {
      over = true
      for (const run of runs) run.cancel()
      resume(value)
    }
    if (open === 0) {
      resume(accept === null ? results : null)
      return nothingToCancel
    }
    branches.forEach((branch, i) => {
      if (over) {
        abandon(branch)
        return
      }
      const finished = (value: unknown): void => {
        open--
        results[i] = value
        if (over) return
        if (accept?.(value) === true) end(value)
        else if (open === 0) end(accept === null ? results : null)
      }
      const failed = (error: unknown): void => {
        if (over) return
        over = true
        for (const run of runs) run.cancel()
        onBug(error)
      }
      const run = this.#drive(resolution, branch, finished, failed, false)
      runs.push(run)
      run.resume(undefined)
    })
    return () => {
      over = true
      for (const run of runs) run.cancel()
    }
  }
}

/** Would waiting for `from` mean waiting for `to`? Then the two would wait for each other for ever. */
function reaches(from: Resolution, to: Resolution, seen = new Set<Resolution>()): boolean {
  if (from === to) return true
  if (seen.has(from)) return false
  seen.add(from)
  for (const next of from.waitsFor?.values() ?? []) if (reaches(next, to, seen)) return true
  return false
}
