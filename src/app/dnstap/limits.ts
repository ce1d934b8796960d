/** The bounds of dnstap, each with its reason. */
export const dnstapLimits = {
  /** Octets that are handed to the thread together: some 300 answers. */
  chunkBytes: 65_536,
  /** How long less than that waits, in ms. */
  chunkMs: 100,
  /** Chunks that the thread has not read yet: 4 MiB, most of a second at 20,000 queries a second. */
  chunksUnread: 64,
  /** Octets that a receiver has not taken yet; what comes then is dropped and counted. */
  bufferBytes: 8_388_608,
  /** How long a receiver may take to connect, or to answer a handshake, in ms. */
  handshakeMs: 5_000,
  /** Before the first new attempt to connect, in ms; twice as long each time, and at most. */
  retryMs: 500,
  retryMaxMs: 30_000,
  /** Octets of a control frame (Frame Streams: 512). */
  controlBytes: 512,
  /** How long the end of the stream is waited for at the end of the server, in ms. */
  finishMs: 1_000,
} as const
