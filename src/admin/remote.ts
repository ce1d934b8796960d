/**
 * Calls from one thread to another: the API's worker calls what the main thread does. Messages are plain values; every
 * call ends once, with a result, or with `ThreadGone` when the other side has ended.
 *
 * The casts of the whole way are in this file: what a name means is fixed by `Controls` on both sides.
 */
import type { ControlStreams, Controls, ControlsOf } from './controls.ts'
import { bugText } from '../events.ts'

/** What is sent towards the server. */
export type Call =
  | { readonly kind: 'call' | 'open'; readonly id: number; readonly name: string; readonly args: readonly unknown[] }
  | { readonly kind: 'cancel'; readonly id: number }

/** What comes back. */
export type Return =
  | { readonly kind: 'item' | 'result'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'bug'; readonly id: number; readonly text: string }

export type Remote = {
  readonly [K in keyof Controls]: (...args: Parameters<Controls[K]>) => Promise<Awaited<ReturnType<Controls[K]>>>
}

type StreamArgs<K extends keyof ControlStreams> = Parameters<ControlStreams[K]>[0]
type StreamItem<K extends keyof ControlStreams> = Parameters<Parameters<ControlStreams[K]>[1]>[0]
type StreamEnd<K extends keyof ControlStreams> = Awaited<ReturnType<ControlStreams[K]>>

/** The call failed by a bug on the other side, or that side is gone. */
export class RemoteError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'RemoteError'
  }
}

/** The server stops: what was asked for is not done, or no one can say. */
export class ServerStopping extends RemoteError {
  constructor() {
    super('the server is stopping')
    this.name = 'ServerStopping'
  }
}

interface Pending {
  readonly done: (value: unknown) => void
  readonly failed: (error: Error) => void
  readonly item: (value: unknown) => void
}

/** The calling side. */
export class Caller {
  readonly #post: (call: Call) => void
  readonly #pending = new Map<number, Pending>()
  #next = 0
  #isGone = false
  readonly remote: Remote

  constructor(post: (call: Call) => void) {
    this.#post = post
    this.remote = new Proxy({} as Remote, {
      get:
        (_target, name) =>
        (...args: readonly unknown[]) =>
          this.#begin('call', String(name), args, () => {}).end,
    })
  }

  /** Starts a call that reports while it runs; `signal` ends it early. */
  stream<K extends keyof ControlStreams>(
    name: K,
    args: StreamArgs<K>,
    onItem: (item: StreamItem<K>) => void,
    signal: AbortSignal,
  ): Promise<StreamEnd<K>> {
    const { id, end } = this.#begin('open', name, [args], onItem as (value: unknown) => void)
    const cancel = (): void => this.#post({ kind: 'cancel', id })
    if (signal.aborted) cancel()
    else signal.addEventListener('abort', cancel, { once: true })
    return end.finally(() => signal.removeEventListener('abort', cancel)) as Promise<StreamEnd<K>>
  }

  take(message: Return): void {
    const pending = this.#pending.get(message.id)
    if (pending === undefined) return
    if (message.kind === 'item') {
      pending.item(message.value)
      return
    }
    this.#pending.delete(message.id)
    if (message.kind === 'bug') pending.failed(new RemoteError(message.text))
    else pending.done(message.value)
  }

  /** The other side has ended. */
  gone(): void {
    this.#isGone = true
    for (const { failed } of this.#pending.values()) failed(new ServerStopping())
    this.#pending.clear()
  }

  #begin(
    kind: 'call' | 'open',
    name: string,
    args: readonly unknown[],
    item: (value: unknown) => void,
  ): { readonly id: number; readonly end: Promise<unknown> } {
    const id = this.#next++
    if (this.#isGone) return { id, end: Promise.reject(new ServerStopping()) }
    const end = new Promise<unknown>((done, failed) => this.#pending.set(id, { done, failed, item }))
    this.#post({ kind, id, name, args })
    return { id, end }
  }
}

type CallTable = Readonly<Record<string, (...args: readonly unknown[]) => unknown>>
type StreamTable = Readonly<
  Record<string, (args: unknown, emit: (item: unknown) => void, signal: AbortSignal) => Promise<unknown>>
>

/** The side that does what is called for. */
export class Callee {
  readonly #controls: CallTable
  readonly #streams: StreamTable
  readonly #post: (message: Return) => void
  readonly #running = new Map<number, AbortController>()

  constructor(controls: ControlsOf<Controls>, streams: ControlStreams, post: (message: Return) => void) {
    this.#controls = controls as unknown as CallTable
    this.#streams = streams as unknown as StreamTable
    this.#post = post
  }

  async take(call: Call): Promise<void> {
    const { id } = call
    if (call.kind === 'cancel') {
      this.#running.get(id)?.abort()
      return
    }
    try {
      const value = await (call.kind === 'call' ? this.#controls[call.name]?.(...call.args) : this.#open(call))
      this.#post({ kind: 'result', id, value })
    } catch (error) {
      this.#post({ kind: 'bug', id, text: bugText(error) })
    } finally {
      this.#running.delete(id)
    }
  }

  /** What still runs is ended. */
  close(): void {
    for (const running of this.#running.values()) running.abort()
  }

  #open({ id, name, args }: Extract<Call, { kind: 'call' | 'open' }>): Promise<unknown> {
    const running = new AbortController()
    this.#running.set(id, running)
    const stream = this.#streams[name]
    if (stream === undefined) throw new Error(`no stream is called ${name}`)
    return stream(args[0], item => this.#post({ kind: 'item', id, value: item }), running.signal)
  }
}
