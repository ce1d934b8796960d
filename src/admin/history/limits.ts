/** The bounds of the query history, each with its reason. */
export const historyLimits = {
  /** Queries that wait for one transaction, and for how long in ms: a transaction costs a write of the disk. */
  commitRecords: 4_096,
  commitMs: 1_000,
  /** Different names of a file, some 100 octets each: attacks make them up, and what is new after that is `<other>`. */
  namesPerFile: 200_000,
  /** The same of clients. */
  clientsPerFile: 65_536,
  /** Combinations of transport, type, class, rcode and source: real traffic has some hundred. */
  formsPerFile: 4_096,
  /** Lists of deciding rules: those of a filter list with a million rules are not all kept. */
  decisionsPerFile: 20_000,
  /** Parts of the octets that a history may have: one of them at most is lost when it is full. */
  segments: 8,
  /** Octets of the write-ahead log that are kept after a checkpoint. */
  journalBytes: 4_194_304,
  /** How long one file waits for a lock of another process, in ms. */
  busyMs: 1_000,
  /** How often files that are too old or too many are looked for, in ms. */
  retentionMs: 60_000,
  /** Queries that are kept where there is no SQLite: some 30 MB. */
  memoryRecords: 100_000,
  /** How long a search works on one page, in ms: then it says how far it came, and can be continued. */
  searchMs: 2_000,
  /** Rows that are fetched by an index and sorted; where there are more, walking through time finds a page sooner. */
  indexedRows: 20_000,
  /** Names that are looked for one by one. */
  narrowNames: 20_000,
  /** Rows of one statement at most. */
  rowsAtOnce: 5_000,
  /** A walk through time takes pieces that last about this long, in ms, so that it can end in time. */
  pieceMs: 40,
  /** The first piece, in ms of the log's time. */
  firstPieceMs: 60_000,
  /** Lines of a top list. */
  topLines: 20,
  /** Points of a curve: minutes of six hours; longer ranges are in hours. */
  minutePoints: 360,
  /** Points at most: hours of 83 days. */
  points: 2_000,
  /** Longest time that is kept, in days, and fewest octets: eight segments that hold some minutes each. */
  days: 3_650,
  leastBytes: 16_777_216,
  /** Waits for the end of the thread, in ms; what is not written then is lost. */
  stopMs: 5_000,
} as const
