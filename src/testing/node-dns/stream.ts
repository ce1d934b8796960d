/**
 * A `net.Socket` that looks names up in a stub when it connects: for libraries that take a socket but no `lookup`, as
 * pg does with `stream`. All else is Node's.
 */
import type { lookup } from 'node:dns'
import { Socket, type SocketConnectOpts } from 'node:net'

/** What connects: a stub, or anything else with a `lookup`. */
interface Looks {
  readonly lookup: typeof lookup
}

/**
 * Each call makes a socket that is not yet connected. A `lookup` in the options of `connect` goes before the stub's.
 */
export const makeStream =
  (stub: Looks): (() => Socket) =>
  () =>
    new StubSocket(stub)

class StubSocket extends Socket {
  readonly #stub: Looks

  constructor(stub: Looks) {
    super()
    this.#stub = stub
  }

  override connect(options: SocketConnectOpts, connectionListener?: () => void): this
  override connect(port: number, host: string, connectionListener?: () => void): this
  override connect(port: number, connectionListener?: () => void): this
  override connect(path: string, connectionListener?: () => void): this
  override connect(...args: readonly unknown[]): this {
    Reflect.apply(super.connect, this, withLookup(args, this.#stub.lookup))
    return this
  }
}

/** The arguments of `connect` with options in the place of port and host; a path of a local socket is left alone. */
function withLookup(args: readonly unknown[], own: typeof lookup): readonly unknown[] {
  const [first, host] = args
  if (typeof first === 'object' && first !== null && !Array.isArray(first))
    return typeof Reflect.get(first, 'path') === 'string' ? args : [{ lookup: own, ...first }, ...args.slice(1)]
  if (typeof first === 'number' || (typeof first === 'string' && /^\d+$/.test(first))) {
    return typeof host === 'string'
      ? [{ port: Number(first), host, lookup: own }, ...args.slice(2)]
      : [{ port: Number(first), lookup: own }, ...args.slice(1)]
  }
  return args
}
