/**
 * The way to a connection: look-ups and the race for a connection, one into the other. Ends with a socket, with a
 * failure, or with the news that the origin wants TLS.
 *
 * Invariant: it ends once; what is still asked then has no effect any more.
 */
import type { Socket } from 'node:net'
import type { IpAddress } from '../dns/address.ts'
import type { Cancel } from '../ports.ts'
import { connectTo } from './connect.ts'
import { NamesPhase } from './names-phase.ts'
import type { VisitOptions } from './options.ts'
import { readiness } from './plan.ts'
import { refusedKind } from './private-targets.ts'
import { Race, type RaceEnd } from './race.ts'
import type { Target } from './target.ts'
import type { Alpn, Attempt, Endpoint, Failure, LookUp } from './types.ts'
import type { ServiceRecord } from './records/service-record.ts'

export type Approached =
  | { readonly kind: 'connected'; readonly socket: Socket; readonly endpoint: Endpoint }
  | { readonly kind: 'failed'; readonly failure: Failure }
  /** An HTTPS record stands for an http URL (RFC 9460 section 9.5). */
  | { readonly kind: 'upgrade' }

export class Approach {
  readonly #target: Target
  readonly #options: VisitOptions
  readonly #startedAtMs: number
  readonly #signal: AbortSignal
  #names: NamesPhase | null = null
  #race: Race<Socket> | null = null
  #namesMs: number | null = null
  #usableAtMs: number | null = null
  #cancelTimer: Cancel | null = null
  #end: ((end: Approached) => void) | null = null

  constructor(target: Target, options: VisitOptions, startedAtMs: number, signal: AbortSignal) {
    this.#target = target
    this.#options = options
    this.#startedAtMs = startedAtMs
    this.#signal = signal
  }

  get lookUps(): readonly LookUp[] {
    return this.#names?.lookUps ?? []
  }

  get services(): readonly ServiceRecord[] {
    return this.#names?.services ?? []
  }

  get attempts(): readonly Attempt[] {
    return this.#race?.attempts ?? []
  }

  /** When enough was known to connect, since the start; null: never, or there was nothing to ask. */
  get namesMs(): number | null {
    return this.#namesMs
  }

  run(): Promise<Approached> {
    return new Promise(resolve => {
      const onAbort = (): void =>
        this.#finish({
          kind: 'failed',
          failure: { kind: 'time-out', during: this.#race === null ? 'names' : 'connect' },
        })
      this.#end = approached => {
        this.#signal.removeEventListener('abort', onAbort)
        resolve(approached)
      }
      this.#signal.addEventListener('abort', onAbort)
      if (this.#signal.aborted) onAbort()
      else this.#begin()
    })
  }

  #finish(approached: Approached): void {
    const end = this.#end
    this.#end = null
    this.#cancelTimer?.()
    this.#race?.cancel()
    end?.(approached)
  }

  #begin(): void {
    const { host, port, isSecure } = this.#target
    const { address, clock, limits, families, names } = this.#options
    const alpn: readonly Alpn[] = isSecure ? this.#options.offer : ['http/1.1']
    if (address !== null || host.kind === 'address') {
      const ip = address ?? (host.kind === 'address' ? host.ip : null)
      const endpoints: readonly Endpoint[] = ip === null ? [] : [{ ip, port, alpn, by: 'given', name: null }]
      this.#connect(
        () => endpoints,
        () => false,
      )
      return
    }
    this.#names = new NamesPhase({
      names,
      clock,
      limits,
      host: host.name,
      port,
      isSecure,
      families,
      offer: alpn,
      startedAtMs: this.#startedAtMs,
      onAnswer: lookUp => this.#options.report?.({ kind: 'look-up', lookUp }),
      onChange: () => this.#look(),
    })
    this.#names.start()
  }

  /** What the answers allow by now. */
  #look(): void {
    const names = this.#names
    if (this.#end === null || names === null) return
    if (this.#race !== null) {
      this.#race.poke()
      return
    }
    if (!this.#target.isSecure && names.services.length > 0) {
      this.#finish({ kind: 'upgrade' })
      return
    }
    const { clock, limits } = this.#options
    const isUsable = names.endpoints().length > 0
    if (isUsable && this.#usableAtMs === null) {
      this.#usableAtMs = clock.now()
      this.#cancelTimer = clock.after(limits.resolutionDelayMs, () => this.#look())
    }
    const waitedMs = this.#usableAtMs === null ? 0 : clock.now() - this.#usableAtMs
    switch (readiness(isUsable, names.pending, waitedMs, limits.resolutionDelayMs)) {
      case 'wait':
        return
      case 'nothing':
        this.#finish({ kind: 'failed', failure: names.failure() })
        return
      case 'go':
        this.#namesMs = clock.now() - this.#startedAtMs
        this.#connect(
          () => names.endpoints(),
          () => Object.values(names.pending).includes(true),
        )
    }
  }

  #connect(endpoints: () => readonly Endpoint[], isPending: () => boolean): void {
    const { clock, limits } = this.#options
    this.#race = new Race<Socket>({
      clock,
      attemptDelayMs: limits.attemptDelayMs,
      startedAtMs: this.#startedAtMs,
      endpoints: () => endpoints().filter(({ ip }) => this.#mayReach(ip)),
      isPending,
      connect: (endpoint, ended) => connectTo(clock, endpoint, limits.connectMs, ended),
      done: raced => this.#finish(this.#afterRace(raced, endpoints())),
    })
    this.#race.poke()
  }

  #mayReach(ip: IpAddress): boolean {
    return refusedKind(ip, this.#options.reach) === null
  }

  #afterRace(raced: RaceEnd<Socket>, endpoints: readonly Endpoint[]): Approached {
    if (raced.kind === 'connected') return raced
    if (raced.timedOut) return { kind: 'failed', failure: { kind: 'time-out', during: 'connect' } }
    const refused = endpoints.find(({ ip }) => !this.#mayReach(ip))
    const what = refused === undefined ? null : refusedKind(refused.ip, this.#options.reach)
    return {
      kind: 'failed',
      failure:
        raced.reason === '' && refused !== undefined && what !== null
          ? { kind: 'refused-target', address: refused.ip.text, what }
          : { kind: 'connect', reason: raced.reason },
    }
  }
}
