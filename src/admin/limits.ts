/**
 * The bounds of the API, each with its reason. They are apart from `limits.ts` because the API runs in a thread of its
 * own with a program of its own, and the resolver's byte for byte comparison of settings does not concern them.
 */
export const adminLimits = {
  /** Largest body in octets: ten thousand records of 100 octets; what is larger belongs into a zone file. */
  bodyBytes: 1_048_576,
  /** Objects and arrays inside of each other in a body: forms have six; what reads them goes down by calls. */
  bodyDepth: 64,
  /** How long a client may take to send a request, in ms. */
  requestMs: 10_000,
  /** How long an idle connection is kept, in ms: longer than dashboards poll. */
  keepAliveMs: 20_000,
  /** Connections in all: a thousand streams, and as many requests as thirty dashboards make at once. */
  connections: 1_200,
  /** Streams at once, in events and over WebSocket: each costs a socket and some 20 KiB. */
  streams: 1_000,
  /** Queries and events that can be sent again to those who come back: some ten seconds at 1,000 a second. */
  ringRecords: 8_192,
  /** Queries and events in one message to a client: some 100 KiB, so that none holds up others. */
  deliveriesAtOnce: 512,
  /** How long queries are still collected when no one watches them, in ms: browsers come back after some seconds. */
  lingerMs: 15_000,
  /** How often a stream shows that it is alive, in ms: half of what proxies and NAT allow to be silent at least. */
  heartbeatMs: 30_000,
  /** How long a browser waits before it comes back, in ms. */
  retryMs: 2_000,
  /** Octets of a message from a client over WebSocket: the longest filter in JSON, escaped. */
  socketMessageBytes: 16_384,
  /** Walks of one client that can be followed at once. */
  walksAtOnce: 4,
  /** Characters of a name in a request: 255 octets, each written as \\DDD. */
  nameCharacters: 1_020,
  /** Of a type: mnemonics and TYPE65535. */
  typeCharacters: 16,
  /** Of a cursor: a name, its type and class in UTF-8 and base64. */
  cursorCharacters: 1_024,
  /** Entries on a page at most: some 300 kB of JSON. */
  pageEntries: 1_000,
  /** And when nothing is said: a screenful or two. */
  pageDefault: 100,
  /** How long an explanation may take when nothing is said, in ms, and at most: what clients wait for an answer. */
  explainMs: 10_000,
  explainMaxMs: 30_000,
  /** What an explanation from the root on may remember, in octets: far more than a walk needs. */
  explainCacheBytes: 4_194_304,
  /** Such explanations at once: each holds a cache of its own. */
  explainsApart: 8,
  /** Visits to URLs at once: each holds some sockets, and TLS handshakes hold this thread up for ms. */
  visitsAtOnce: 4,
  /** Of one visit with all its passes, in ms; a single pass has a bound of its own. */
  visitMs: 60_000,
  /** Passes on new connections in one visit: a spread, and no load on who is visited. */
  visitRepeats: 3,
  /** Header fields of a response, octets: what browsers get seldom has 8 kB, and a result has a few dozens of them. */
  visitHeaderBytes: 32_768,
  /** Visits that are kept after their end, and characters of all their results: most have some 20 kB. */
  visitsKept: 100,
  visitsKeptBytes: 16_777_216,
  /** Characters of a URL: what browsers and servers take at least. */
  urlCharacters: 8_000,
  /** Requests of a token at once, and for ever in a second: a dashboard polls with some ten a second. */
  rateBurst: 1_000,
  ratePerSecond: 100,
  /** Tokens and addresses that are counted: more addresses than use an API, at some 100 octets each. */
  ratedKeys: 10_000,
  /** Wrong tokens in a row from an address before it has to wait: a person who pastes the wrong one. */
  wrongTokensFree: 5,
  /** How long it waits at first, in ms, twice as long each time, and at most. */
  wrongTokenMs: 1_000,
  wrongTokenMaxMs: 300_000,
  /** Sessions in all; the oldest goes. */
  sessions: 1_000,
  /** Octets of randomness in a session's cookie. */
  sessionOctets: 32,
  /** How long a session lasts, in seconds: a working day. */
  sessionSeconds: 43_200,
  /** Tokens made through the API, and octets of their file: some 300 octets each. */
  tokens: 1_000,
  tokenFileBytes: 1_048_576,
  /** How old the last use of a token in the file may be, in seconds: it is not written with every request. */
  tokenUseSeconds: 300,
  /**
   * Records of a zone whose changes are worked out by the thread that answers DNS, and whose text is made there: ten
   * thousand held it up for two to three seconds on a machine with ten times the work it could do. Those of larger
   * zones are worked out in a thread of their own.
   */
  zoneRecordsHere: 2_000,
  /** Records of a zone that can be changed: they take some kB each while that is worked out. */
  zoneRecords: 150_000,
  /** How long a change may be worked out, in ms: one of a single record in a hundred thousand takes some seconds. */
  changeMs: 60_000,
  /** Records of a difference that are shown, on each side: a person reads no more. */
  differenceRecords: 1_000,
  /** Revisions of a zone that are kept on disk, octets of one (a body, escaped), and those without a directory. */
  revisions: 100,
  revisionBytes: 8_388_608,
  revisionsInMemory: 10,
  /** Sets that are passed for one page of a zone when few of them are of the type that is wanted. */
  setsPassed: 10_000,
  /** Characters of a comment to a change. */
  commentCharacters: 500,
  /** Sets in one body. */
  bodySets: 10_000,
  /** Entity tags in If-Match. */
  tagCharacters: 1_000,
  /**
   * Answers to requests with an Idempotency-Key that are kept, and for how long, in seconds: longer than a client tries
   * again; a thousand of the largest, a zone's difference, are some tens of MB, and most have 1 kB.
   */
  idempotencyKeys: 1_000,
  idempotencySeconds: 600,
  /** How often slow requests are looked for, in ms: one is cut this much later than `requestMs` at most. */
  slowLookMs: 1_000,
  /** Characters of a token in a request. */
  tokenCharacters: 512,
  /** How long a browser may keep what a preflight said, in seconds. */
  preflightSeconds: 600,
  /** How long a negative anchor may last, in seconds: a week (RFC 7646 section 2, and BIND's bound). */
  negativeAnchorSeconds: 604_800,
  /** Negative anchors by the API, and the octets of their file: names of 1,020 characters at worst. */
  negativeAnchors: 1_000,
  negativeAnchorFileBytes: 2_097_152,
  /** Queries that one message to the worker carries at most. */
  batchRecords: 512,
  /** How long queries are collected for one message, in ms: a person sees no delay. */
  batchMs: 50,
  /** Messages with queries that the worker has not read yet: 16,384 queries, most of a second at 20,000 a second. */
  batchesUnread: 32,
  /** How often the numbers of the server are looked at for charts, in ms: some tenths of a millisecond each time. */
  sampleMs: 2_000,
  /** Looks that are kept: an hour of them, in some 600 kB. */
  samples: 1_800,
  /** Marks on charts, such as reloads: more than an hour has. */
  marks: 200,
  /** Of the top lists: pieces of time, and how long one is, in ms: five minutes in all. */
  topPieces: 10,
  topPieceMs: 30_000,
  /** Different names, or clients, that are counted in a piece: in all some 4 MB when names are random. */
  topKeys: 1_000,
  /** Lines of a top list. */
  topLines: 20,
  /** Codes that open a session once, at the same time: one for each browser that is being logged in. */
  loginCodes: 100,
  /** How long such a code is good when nothing is said, and at most, in seconds. */
  loginCodeSeconds: 300,
  loginCodeMaxSeconds: 43_200,
  /** Characters of a filter: some fifty comparisons, and a query of a URL is no longer in practice. */
  filterCharacters: 2_048,
  /** Brackets and `not` inside of each other: more than a person writes, far below what the stack holds. */
  filterDepth: 32,
  /** Candidates that are held against what runs at the same time: each has two engines and a thread. */
  policyTestsAtOnce: 2,
  /** Results that are kept, the oldest goes: some 5 MB each at most. */
  policyTestsKept: 8,
  /** How long a result is kept, in seconds: until the end of a working day. */
  policyTestKeptSeconds: 43_200,
  /** Octets of a request that brings its questions: some 80,000 of them. */
  policyTestBytes: 8_388_608,
  /** Queries of the history that are read for it, the newest first. */
  policyTestHistoryQueries: 500_000,
  /** On one page of the history: the thread that answers clients passes it on, in some milliseconds. */
  policyTestHistoryPage: 500,
  /** Different questions of clients that are compared: a home has some thousand a day, an office some ten thousand. */
  policyTestQuestions: 100_000,
  /** Octets of a query log that are read, from its end: some four million queries. */
  policyTestLogBytes: 536_870_912,
  /** Changed answers, and questions that could not be compared, that can be looked at; the others are counted. */
  policyTestChanges: 10_000,
  /** Questions that are asked at once. */
  policyTestAsking: 32,
  /** Messages to servers in all: what is cached needs none, and ten a second for ten minutes harm no one. */
  policyTestExchanges: 6_000,
  /** Of the name of a view: the longest that a configuration takes. */
  viewCharacters: 64,
  /** Of a path of a file: PATH_MAX. */
  fileCharacters: 4_096,
  /** How long the questions may take, in ms. */
  policyTestMs: 600_000,
  /** How long a request waits for what is wrong with its candidate, in ms; later it is in the state of the test. */
  policyTestCheckMs: 5_000,
} as const
