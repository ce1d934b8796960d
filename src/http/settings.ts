/**
 * The numbers of the control API, each with its reason. They keep a mistake in a test from becoming a hanging or a
 * swollen process.
 */
export const controlSettings = {
  /** Largest body in octets: ten thousand records of 100 octets; what is larger belongs into a zone file. */
  bodyBytes: 1_048_576,
  /**
   * How deep objects and arrays in a body may be nested: the deepest that means anything (replies of a sequence)
   * needs 8.
   */
  bodyDepth: 32,
  /** How long a client may take to send a request, in ms: it is a process on this host. */
  requestMs: 10_000,
  /** How long `/queries/wait` waits by default, in ms: as `waitForQuery`. */
  waitMs: 1_000,
  /** The longest wait that can be asked for, in ms: HTTP clients give up after a minute or so. */
  longestWaitMs: 60_000,
} as const
