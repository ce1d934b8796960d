/**
 * Tickets of TLS sessions by server: each is used for one connection, so that who watches cannot see by it which
 * connections belong together (RFC 8446 appendix C.4). The newest is used first. Invariant: of each server at most
 * `perServer` are kept, of at most `servers` servers.
 */
export class Tickets<T> {
  readonly #limits: { readonly perServer: number; readonly servers: number }
  readonly #byServer = new Map<string, T[]>()

  constructor(limits: { readonly perServer: number; readonly servers: number }) {
    this.#limits = limits
  }

  put(key: string, ticket: T): void {
    const kept = this.#byServer.get(key) ?? []
    this.#byServer.delete(key)
    this.#byServer.set(key, kept)
    kept.push(ticket)
    if (kept.length > this.#limits.perServer) kept.shift()
    if (this.#byServer.size <= this.#limits.servers) return
    for (const oldest of this.#byServer.keys()) {
      this.#byServer.delete(oldest)
      return
    }
  }

  take(key: string): T | undefined {
    const kept = this.#byServer.get(key)
    const ticket = kept?.pop()
    if (kept?.length === 0) this.#byServer.delete(key)
    return ticket
  }
}
