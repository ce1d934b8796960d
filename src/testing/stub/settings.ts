/**
 * The default numbers of the DNS stub, each with its reason. They protect a test, not a product: that is `limits.ts`.
 */

export const stubSettings = {
  address: '127.0.0.1',
  /** Seconds. Long enough not to expire within a test, short enough to look like a live service. */
  ttl: 60,
  seed: 1,
  /**
   * A test waits this long for a query, in ms: far above what a busy machine needs on loopback, far below a test's own
   * time-out.
   */
  waitMs: 1_000,
  /** Queries remembered, the newest: some 300 octets each, so 30 MB; only a load test comes here. */
  queries: 100_000,
  /** Octets of a `garbage` reply: longer than a header, so that it is not taken for a short read. */
  garbageOctets: 40,
  /** Nested handlers of one reply: a handler that returns itself must end. */
  handlerDepth: 16,
  /** What one server that is asked instead gets, in ms, and how often over UDP. Clients ask again after 5 s. */
  forwardMs: 1_500,
  forwardTries: 2,
  forwardTcpMs: 4_000,
  /**
   * Queries of one client that may wait at once: the whole test comes from one address, and none of its queries is
   * spoofed.
   */
  waiting: 1_000_000,
  /** TCP connections of one client, for the same reason. */
  connections: 4_096,
  /**
   * Requests of one client over HTTPS that are given up or not answered: a test of time-outs makes many, and means no
   * flood.
   */
  requests: 10_000,
  /** Of a connection over HTTPS in its life. */
  queriesOfConnection: 1_000_000,
  /** What a stub that says 429 or 503 asks for, in seconds. */
  retryAfterSeconds: 1,
  /** How long what is slow takes, in ms: longer than a client waits that wants to go on elsewhere. */
  slowMs: 1_000,
  /** Where queries over HTTPS are asked (RFC 8484 section 1 has it in its examples). */
  httpsPath: '/dns-query',
  /** What the certificate of a stub is for, besides its address; and one that is for somebody else. */
  tlsName: 'stub.test',
  otherTlsName: 'other.test',
  /** Names listed in a message before the rest are only counted. */
  listed: 10,
} as const
