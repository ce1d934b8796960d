/**
 * The default numbers of the simulated internet, each with its reason. They shape a simulation, they protect nothing:
 * what bounds the product is in `limits.ts`.
 */

export const simSettings = {
  /**
   * Where the virtual clock starts, in ms: above zero and no round number, so that "0 means never" and lucky arithmetic
   * show.
   */
  clockStartMs: 1_000_003,
  /** 2026-01-01T00:00:00Z, in seconds: any fixed moment; signatures made for tests are valid around it. */
  wallStartS: 1_767_225_600,
  /** Seed of the keys of signed zones that are given none. */
  keySeed: 1,
  /**
   * Events of one synchronous run: the dearest honest resolution takes under 2,000; a simulation beyond this is a loop.
   */
  maxEvents: 1_000_000,
  /**
   * Round trip to a server that says nothing about it, in ms: about the median from Europe to well-run name servers.
   */
  latencyMs: 20,
  /** Share of the latency that jitter adds at most, in 1/1000. */
  jitterPermille: 200,
  /** What a lost segment costs a TCP exchange, in ms: Linux's least retransmission time-out. */
  tcpRetransmitMs: 200,
  /** Port on which simulated servers listen. */
  serverPort: 53,
  /** UDP payload size in octets that simulated servers announce and keep to (flag day 2020). */
  payloadBytes: 1_232,
  /** UDP reply without EDNS, in octets: RFC 1035 section 4.2.1. */
  plainPayloadBytes: 512,
  /** Largest message over TCP, in octets: RFC 1035 section 4.2.2. */
  tcpBytes: 65_535,
  /** Guesses that the `spoofs` misbehaviour sends when it gives no number: more than any adapter puts up with. */
  spoofedGuesses: 8,
  /** What `slow` adds when it gives no number, in ms. */
  slowMs: 1_000,
  /** Ports of the loopback internet: below the ephemeral range of Linux (32768), above the well-known ones. */
  loopbackFirstPort: 20_000,
  loopbackPorts: 10_000,
  /** Ports tried before giving up: each must be free on dozens of addresses. */
  loopbackPortTries: 20,
  /**
   * Second octets of the networks for a port that was asked for: 127.64.0.0/16 and the networks after it, away from
   * 127.53.
   */
  loopbackNetwork: 64,
  loopbackNetworks: 128,
  /**
   * TTLs in seconds of what a test's internet has unasked: delegations and glue (those of the registries are 1 to 2
   * days), the servers' own NS and addresses, denials.
   */
  delegationTtl: 86_400,
  serverTtl: 3_600,
  negativeTtl: 60,
  /** TTL of a record in a scenario that has none, in seconds. */
  scenarioTtl: 3_600,
  /** A step of a scenario waits this long (virtual ms) for an answer: longer than any budget of the resolver. */
  scenarioAnswerMs: 60_000,
} as const
