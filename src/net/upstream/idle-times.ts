/**
 * For how long an idle connection is kept: shorter than the server keeps it, since a query on a connection that is just
 * being closed is lost.
 */

export interface IdleTimes {
  /** ms. `keptForMs`: what the server said (RFC 7828 section 3.1), 0 when it said nothing. */
  limitOf(key: string, keptForMs: number): number
  /** The server closed a connection that had been idle for this long. */
  closed(key: string, idleMs: number): void
  /** One was kept by the server for as long as we wanted. */
  lasted(key: string): void
}

/** The same for all, whatever they do. */
export const fixedIdle = (idleMs: number): IdleTimes => ({ limitOf: () => idleMs, closed() {}, lasted() {} })
