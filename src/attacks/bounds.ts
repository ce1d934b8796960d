/**
 * What a resolver may be made to do for one question of a client: what the resolvers of 2026 were measured against (see
 * docs/security-score.md). Bounds of the score, not of the engine: those are in `limits.ts`.
 */
export const attackBounds = {
  /** All messages to servers that one question causes. */
  messages: 60,
  /** Messages to the servers of a zone that the question does not belong to. */
  victimMessages: 25,
  /** Fifty repeats within two seconds cost no more than this many times the first. */
  repeatFactor: 3,
  /** Of the processor, for the first question, in ms. */
  cpuMs: 15,
  /** Of the processor, for one message of 65,535 octets, in ms. */
  parseCpuMs: 15,
  /** In the caches, for one question, in octets. */
  cacheBytes: 262_144,
  /** Until an honest question of another client has its answer, in ms, the walk from the root included. */
  recoveryMs: 1_000,
} as const
