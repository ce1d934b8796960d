/**
 * Every bound, time-out and default number, each with its unit in the name and its reason in a comment. `Limits` is one
 * frozen object that `app/server.ts` hands down; tests hand in smaller numbers to reach an edge quickly. Wire constants
 * (name and label lengths, header size) live in `dns/`.
 */

const MINUTE_MS = 60_000
const HOUR_S = 3_600
const DAY_S = 86_400

export interface Limits {
  readonly budget: BudgetLimits
  readonly engine: EngineLimits
  readonly upstream: UpstreamLimits
  readonly secure: SecureUpstreamLimits
  readonly cache: CacheLimits
  readonly stale: StaleLimits
  readonly shaping: ShapingLimits
  readonly server: ServerLimits
  readonly tcp: TcpLimits
  readonly tls: TlsLimits
  readonly doh: DohLimits
  readonly zone: ZoneLimits
  readonly transfer: TransferLimits
  readonly dnssec: DnssecLimits
  readonly tool: ToolLimits
  readonly kit: KitLimits
  readonly visit: VisitLimits
  readonly warmUp: WarmUpLimits
  readonly lists: ListLimits
  readonly persistence: PersistenceLimits
  readonly shared: SharedLimits
  readonly code: CodeLimits
}

/** One per client query, never reset, inherited by everything that the query causes. */
export interface BudgetLimits {
  /** CAMP (2024): compositions of CNAME, NS and minimisation multiply; Unbound and BIND settled on 200 in all. */
  readonly queries: number
  /** BIND max-recursion-queries 50: one name seldom needs 20, so 50 ends a loop early. */
  readonly queriesPerName: number
  /**
   * CAMP (2024): the peers put 42 to 117 packets on a victim zone asked on behalf of others; 25 bounds that
   * amplification.
   */
  readonly queriesPerForeignCut: number
  /**
   * Fake glue can point many cuts at one victim address; a server that honestly holds a whole walk is asked about 20
   * times.
   */
  readonly queriesPerServer: number
  /** PowerDNS max_bytesperq: self-pointed glue (CVE-2026-24027) draws large answers; octets received from servers. */
  readonly receivedBytes: number
  /** Peers give up after 7 to 10 s; stub resolvers have asked again after 5. */
  readonly timeMs: number
  /** Nested look-ups of server addresses: BIND 7, PowerDNS 16; CVE-2014-8500. */
  readonly depth: number
  /** Aliases followed, CNAME and DNAME together: Unbound max-query-restarts 11. */
  readonly aliases: number
  /**
   * Referrals followed for one client query: a chain of 100 cost the peers 49 to 101 packets; real paths have under 8
   * cuts.
   */
  readonly referrals: number
  /** NXNSAttack (CVE-2020-8616): address look-ups for server names, per client query. */
  readonly addressLookups: number
}

export interface EngineLimits {
  /** Names per delegation that are used: BIND and PowerDNS 13. */
  readonly nameServersPerCut: number
  /** CVE-2026-3592, self-pointed glue: BIND uses 6 addresses of each server name. */
  readonly addressesPerNameServer: number
  /** NXNSAttack: server-name look-ups started for one delegation; PowerDNS and Unbound between 5 and 16. */
  readonly addressLookupsPerCut: number
  /**
   * Server-name look-ups of one delegation that may fail before the rest are not tried: Unbound's NX 5 after
   * NRDelegation (CVE-2022-3204).
   */
  readonly failedAddressLookupsPerCut: number
  /**
   * Questions put to the parent's servers for addresses that a referral left out: one mostly brings all of them, and
   * what an attacker's delegation may cost a zone above it stays small.
   */
  readonly glueQuestionsPerCut: number
  /** Look-ups of one delegation started at once: enough to survive one slow zone without a flood. */
  readonly parallelAddressLookups: number
  /** RFC 9156 section 2.3: MAX_MINIMISE_COUNT. */
  readonly minimiseSteps: number
  /** RFC 9156 section 2.3: MINIMISE_ONE_LAB. */
  readonly minimiseSingleLabelSteps: number
  /** Tries of one server and transport for one question: RFC 9520 section 3.1 allows 3. */
  readonly triesPerServer: number
  /**
   * How long the tries of the last servers of a zone take together at least: BIND, Knot Resolver and PowerDNS get an
   * answer that takes 1.5 s, and clients wait for 5 s. ms.
   */
  readonly patienceMs: number
  /**
   * Time-outs in a row after which a server gets one try per question (water torture over silent servers: BIND sent 4.8
   * packets a query).
   */
  readonly silentServerTimeouts: number
  /**
   * Exchanges for one question at one zone cut before the cut counts as unreachable: Unbound's retry 5 for each of few
   * servers.
   */
  readonly exchangesPerCut: number
  /**
   * The same for a minimised question after which the whole one follows: together they are the 25 packets that one
   * query may cost a zone, as `queriesPerForeignCut`.
   */
  readonly minimisedExchanges: number
  /**
   * Servers of a zone that say SERVFAIL to one question before the others are no longer asked, and to a minimised one
   * before the whole one follows. Thirteen servers that all fail cost 37 packets without it; nearly all zones have four
   * servers at most, and of these all are asked.
   */
  readonly servfailsPerQuestion: number
  /** Zones whose rate of queries is remembered, where there is a limit: at some 100 octets each. */
  readonly zoneRates: number
  readonly minimisedServfails: number
  /**
   * Addresses of root servers that must answer as a resolver does before the network is said to intercept port 53: one
   * alone may be odd; and for how long that holds without another such reply, ms: laptops change networks.
   */
  readonly interceptedServers: number
  readonly interceptionMs: number
  /** Agreeing unmodified replies wanted when a server does not echo 0x20 case, and the asks spent on getting them. */
  readonly caseFallbackAgreeing: number
  readonly caseFallbackAsks: number
  /**
   * Root servers tried for one priming, and the wait before priming is tried again. RFC 9609 section 3.2 leaves both
   * open.
   */
  readonly primingTries: number
  readonly primingRetryMs: number
  /** Resolutions in flight: 8 s x 2,000/s of hard failures; PowerDNS max_mthreads 2048, BIND recursive-clients 1000. */
  readonly resolutionsInFlight: number
  /**
   * An owner gives up its own oldest resolution for its own newest, and a query on its way for that of an owner with
   * fewer, only after this: Unbound jostle-timeout 200. Most servers have answered by then.
   */
  readonly jostleMs: number
  /**
   * Results of queries to servers that are gone on with in a turn of the loop: for how long, and how many in any case.
   * Twice the time of `intakeTurnMs`, so that what has begun ends sooner than as much begins.
   */
  readonly resultTurnMs: number
  readonly resultLeastTaken: number
  /** Waiters on one resolution: 500 equal questions at once must all be answered (BIND answers 10). */
  readonly waitersPerResolution: number
  /** Prefetches in flight: off the clients' path, so never more than a small part of `resolutionsInFlight`. */
  readonly prefetchesInFlight: number
  /**
   * Before what could not be prefetched is tried again, as long as a failure is remembered at least (`failureMinMs`);
   * and for how many questions that is known.
   */
  readonly prefetchPauseMs: number
  readonly prefetchPauses: number
  /** Longest chain of CNAME records read out of one reply: Unbound's scrubber keeps 11. */
  readonly aliasesPerReply: number
  /**
   * B9 CVE-2026-3104: signatures of one RRset that are kept from a reply; Unbound's scrubber keeps 8, a roll with two
   * algorithms needs 4.
   */
  readonly signaturesPerRRset: number
  /** B9 CVE-2024-1737: records in one RRset that are kept from a reply; honest sets of 100 exist. */
  readonly recordsPerRRset: number
}

export interface UpstreamLimits {
  /** Flag day 2020: fits every path without fragments. Octets. */
  readonly ednsPayloadBytes: number
  /** How long a server sees the same client cookie of us: RFC 7873 section 7.1 recommends a day. */
  readonly clientCookieMs: number
  /** First time-out of a server never heard: Unbound 376, Knot 400. */
  readonly unknownServerTimeoutMs: number
  /**
   * Lower and upper bound of a computed time-out for UDP: Unbound 50; above PowerDNS's 1500, which loses servers that
   * take as long.
   */
  readonly minTimeoutMs: number
  readonly maxTimeoutMs: number
  /** TCP exchange, connection included: Unbound auth query time-out 3 s. */
  readonly tcpTimeoutMs: number
  /** Share of choices that explore another server, in 1/1000: Knot's epsilon is 1/20. */
  readonly explorePermille: number
  /**
   * Servers within this of the best are chosen at random: Unbound's 400 ms band, narrowed to spread load without losing
   * time.
   */
  readonly rttBandMs: number
  /** Doublings of the time-out: Knot 8. */
  readonly backoffDoublings: number
  /** Jitter added to a time-out, 1/1000 of it: lock-step retries of many resolutions otherwise pulse. */
  readonly jitterPermille: number
  /**
   * Datagrams that reach a socket but do not match before the question goes to TCP: BIND 9.21.23 and PowerDNS
   * spoof_nearmiss_max 1.
   */
  readonly mismatchesBeforeTcp: number
  /**
   * Exchanges made on one socket, and its age, before its port is renewed: performance.md, a fresh socket costs 11 us.
   */
  readonly exchangesPerSocket: number
  readonly socketAgeMs: number
  /**
   * Open UDP sockets in all, as Unbound's outgoing-range 4096; above it idle ones close first, then exchanges wait.
   * Three quarters of the descriptors that the process may have where these are fewer (`system/open-files.ts`).
   */
  readonly udpSockets: number
  /**
   * Idle sockets kept for one server: as many as are in flight to a busy one, else every burst opens new sockets (a
   * quarter of all queries did).
   */
  readonly idleSocketsPerServer: number
  /**
   * Open TCP connections to servers; idle time before one is closed (Unbound outgoing-num-tcp 10 a thread; reuse 60 s).
   */
  readonly tcpConnections: number
  readonly tcpIdleMs: number
  /**
   * Servers that answered one query on a TCP connection and no second are given a connection for each query (BIND and
   * PowerDNS do so with all) for as long as facts about servers are kept; most servers of which that is known.
   */
  readonly tcpLonersKnown: number
  readonly tcpLonersMs: number
  /** Exchanges in flight on one upstream TCP connection. */
  readonly tcpPipelined: number
  /** Random ports tried before the kernel is left to choose one. */
  readonly portTries: number
  /** Queries that leave together at most: a turn of the loop may be long, and the first should not wait for its end. */
  readonly sentTogether: number
  /**
   * Reads of the sockets to servers in one turn of the loop, and of one of them: under a flood clients and timers get
   * their turn. Those of the last 64 sockets that can be read have one read each in any case.
   */
  readonly receivedTogether: number
  readonly receivedOfOne: number
  /**
   * Exchanges waiting for a socket: beyond that the oldest of who has most of them fails instead of adding latency to
   * all.
   */
  readonly waitingExchanges: number
  /**
   * Longest wait for a socket, which no server is to blame for: half of what a client is given (`discardAfterMs`), so
   * that the query can still be answered by the server that it then reaches.
   */
  readonly socketWaitMs: number
  /**
   * TuDoor (2024): an error reply without a question is accepted only when no better one came for this long; the
   * genuine one is at most a round trip later.
   */
  readonly questionlessGraceMs: number
  /**
   * How long the reply to a query still counts when its time-out is over: as long as the tries of a server take
   * together (`patienceMs`).
   */
  readonly lateReplyMs: number
  /** Most sockets on which only such a reply is expected. They give way to queries when sockets are short. */
  readonly lateReplies: number
  /**
   * A server that is forwarded to and gave no reply is asked after the others for a random time up to this, doubled for
   * each failure in a row up to the greatest: half a second is two tries of a client, half a minute a reboot. ms.
   */
  readonly forwardBackoffMs: number
  readonly forwardBackoffMaxMs: number
  /**
   * The longest pause that a server over HTTPS gets when it asks for one (Retry-After), so that a hostile one cannot
   * switch us off. ms.
   */
  readonly retryAfterMaxMs: number
  /**
   * The least and the greatest wait for a reply over TLS or HTTPS, ms: a new connection costs three round trips before
   * the reply, and its least is what Quad9 takes from the other end of the world.
   */
  readonly secureMinTimeoutMs: number
  readonly secureMaxTimeoutMs: number
  /**
   * The same where the query can go on in clear: three round trips of 300 ms, so that a name whose server became silent
   * over TLS takes a second longer, twice. ms.
   */
  readonly encryptedTimeoutMs: number
  /** A server that sends questions back to us is tried again after this: the operator may have mended it. ms. */
  readonly loopMemoryMs: number
  /** Between two looks for loops, which servers that do not answer bring about, ms. */
  readonly loopProbeMs: number
  /** Servers that are forwarded to of which something is remembered; CoreDNS allows 15 a zone. */
  readonly forwardServers: number
  /**
   * Addresses of servers that are forwarded to and known by name are looked up again when their TTL is over, within
   * these bounds (dnscrypt-proxy: 4 to 12 hours), and again soon after a look-up that failed. ms.
   */
  readonly upstreamAddressMinMs: number
  readonly upstreamAddressMaxMs: number
  readonly upstreamAddressRetryMs: number
  /**
   * The same error (no descriptors left) is reported again after this time: a log line a minute is seen and does not
   * flood.
   */
  readonly repeatEventMs: number
}

/** Of connections to servers over TLS and HTTPS. */
export interface SecureUpstreamLimits {
  /**
   * Queries to such servers on their way, in all: a connection carries many, so that connections are no bound. As many
   * as one client may have waiting at two busy networks (`waitingPerClient`).
   */
  readonly exchanges: number
  /** Open connections in all and to one server; one has some 100 kB of memory. Unbound outgoing-num-tcp 10. */
  readonly connections: number
  readonly connectionsPerServer: number
  /** Queries at the same time on one over TLS before another is opened: Unbound max-reuse-tcp-queries 200. */
  readonly tlsPipelined: number
  /**
   * An idle one is closed after: below what servers allow (Quad9 30 s, systemd-resolved and kresd 10 s), learnt
   * downwards by server to no less than the second bound: a connection is worth 150 queries.
   */
  readonly tlsIdleMs: number
  readonly leastIdleMs: number
  /** Streams at the same time on one over HTTP/2: what servers allow by default (RFC 9113 section 6.5.2). */
  readonly httpStreams: number
  /**
   * The same over HTTPS, where an idle connection is asked whether its server is there (PING) after the second and has
   * the third to answer: networks forget connections sooner than servers do.
   */
  readonly httpIdleMs: number
  readonly pingAfterMs: number
  readonly pingAnswerMs: number
  /** Head of a response: octets, and lines of HTTP/2. Large providers send 1 kB in 15 lines. */
  readonly httpHeaderBytes: number
  readonly httpHeaderLines: number
  /** Octets read of a body that is not wanted, so that HTTP/1.1 can go on after it: a page that says "too many". */
  readonly httpDiscardedBytes: number
  /** Times that a query goes elsewhere because a server did not look at it (GOAWAY, refused streams). */
  readonly replays: number
  /** A handshake takes three round trips at most: a server at the other end of the world has ended it in 1 s. */
  readonly handshakeMs: number
  /** Time-outs in a row after which a connection counts as dead: one may be a name that takes long. */
  readonly timeoutsInARow: number
  /** Servers send two tickets (OpenSSL). Each has some 2 kB. */
  readonly ticketsPerServer: number
  /** Servers whose tickets and idle times are kept: as many as are remembered of those that are forwarded to. */
  readonly serversRemembered: number
}

/** As they came, each time one further, or each time from a random one on. */
export type RrOrder = 'fixed' | 'cyclic' | 'random'

/** What stages of the policy make up. */
interface ShapingLimits {
  /** RFC 6147 section 5.1.7: TTL of what DNS64 makes where no SOA says another. Seconds. */
  readonly synthesisTtl: number
  /** Of denials in place of what is not let through: seconds, so that a change of the rules is soon seen. */
  readonly blockedTtl: number
}

/** Answers whose TTL is over (RFC 8767). For how long they are kept is `CacheLimits.staleMs`. */
interface StaleLimits {
  /** RFC 8767 section 4: the TTL they are given. Seconds. */
  readonly answerTtl: number
  /** RFC 8767 section 5: a client that has waited this long for its answer gets the expired one. ms. */
  readonly clientTimeoutMs: number
  /** RFC 8767 section 5: servers that failed are asked again for the question after this. ms. */
  readonly recheckMs: number
  /** Questions of which that is known; a failing zone has some names that are asked for all the time. */
  readonly rechecks: number
}

export interface CacheLimits {
  /** Default byte budget of all stores together. */
  readonly totalBytes: number
  /**
   * Of `totalBytes`, in 1/1000, for the caches of each view that asks something else than all others, on top: such a
   * view is a part of a household or company, and asks for a part of the names.
   */
  readonly partitionPermille: number
  /**
   * Shares of the budget in 1/1000: RRsets, finished answers, negative answers, delegations, server statistics, marks
   * of lame and silent servers, failures.
   */
  readonly rrsetPermille: number
  readonly answerPermille: number
  readonly negativePermille: number
  readonly delegationPermille: number
  readonly infraPermille: number
  readonly lamePermille: number
  readonly failurePermille: number
  /** Zones' validated keys and DS sets, and validated denials used for other names (RFC 8198). */
  readonly zoneStatePermille: number
  readonly denialPermille: number
  /**
   * SHA-1 blocks that one look for a covering NSEC3 record may cost: 0.2 ms, and seven names of a zone with 50
   * iterations (CVE-2023-50868).
   */
  readonly denialHashBlocks: number
  /** Largest RRset or answer that is cached: PowerDNS max entry 8192; honest sets of 100 records reach 12 KB. */
  readonly entryBytes: number
  /**
   * Octets counted for an entry besides its data (key, objects, list links): heap of 50,000 in full stores on Node 20,
   * 230 to 330 (`test/bench/cache-bytes.mjs`).
   */
  readonly entryOverheadBytes: number
  /** Octets counted for the cookie of a server: at most 32 (RFC 7873 section 4), and the head of a string. */
  readonly serverCookieBytes: number
  /** The same for a name in the RRset cache, besides its letters and its packed sets: 156. */
  readonly nameOverheadBytes: number
  /** What a validated denial takes beyond `entryOverheadBytes`, for its place in a sorted list: 60. */
  readonly denialOverheadBytes: number
  /**
   * Resident memory for each octet that lives on the heap, in 1/100: garbage is included. 1.5 to 2 at 300,000 and a
   * million names under load.
   */
  readonly heapResidentPercent: number
  /**
   * Octets that a further packed RRset in an entry takes besides its data, and a typed array besides its contents;
   * measured likewise.
   */
  readonly packedOverheadBytes: number
  readonly arrayOverheadBytes: number
  /** RFC 2181 section 8 and RFC 8767 section 4: caps on TTLs. Seconds. */
  readonly minTtl: number
  readonly maxTtl: number
  /** RFC 2308 section 5: one to three hours; Unbound and PowerDNS 3600. Seconds. */
  readonly maxNegativeTtl: number
  /**
   * RFC 2308 section 5 forbids to cache a denial without an SOA; that the servers had nothing more to say is remembered
   * for the least time of a failure (RFC 9520 section 3.2 says 1 s at least), so that 50 repeats are not 50 packets.
   * Seconds.
   */
  readonly bareDenialTtl: number
  /**
   * How long data is kept whose TTL is over, to be served when its servers fail (RFC 8767 section 4: one to three
   * days); 0: it is not. ms.
   */
  readonly staleMs: number
  /**
   * A denial by the public DNS while the servers of a forward zone failed is remembered for at most this: they may have
   * the name, and are back soon. Seconds.
   */
  readonly fallbackDenialTtl: number
  /** RFC 9520 section 3.2: resolution failures are cached for at least 1 s and at most 5 minutes, growing. */
  readonly failureMinMs: number
  readonly failureMaxMs: number
  /**
   * RFC 4035 section 4.7: a validation failure is remembered for less: the zone may be mended. Unbound val-bogus-ttl 60
   * s.
   */
  readonly bogusMaxMs: number
  /** What is known of a server (RTT, EDNS, lameness) is forgotten after: Unbound infra-host-ttl 900 s. */
  readonly serverStatsMs: number
  /**
   * RFC 9539 section 4.3 (timeout, damping, persistence): how long a first try of a server over TLS may take, how long
   * it is left alone after one that failed, and for how long after the last reply TLS is known to work. ms.
   */
  readonly encryptionProbeMs: number
  readonly encryptionDampingMs: number
  readonly encryptionPersistenceMs: number
  /** Time-outs in a row that end it: one may be a name that takes long. */
  readonly encryptionTimeouts: number
  /** First tries at the same time: with 4 s each at silent servers 16 a second, so that no zone makes us a scanner. */
  readonly encryptionProbes: number
  /** A server that does not serve a zone delegated to it is passed over for this zone: BIND lame-ttl 600 s. */
  readonly lameMs: number
  /**
   * A server that let this many queries about a zone time out, over at least this time and with no reply between, is
   * throttled; from then on it gets one query in each throttleProbeMs, so that a server that comes back is noticed
   * within that time. Unbound blocks one when its time-out has grown to 12 s and probes within 120 s, PowerDNS after 64
   * time-outs for 60 s.
   */
  readonly throttleTimeouts: number
  readonly throttleAfterMs: number
  readonly throttleProbeMs: number
  /** "Network unreachable" in a row before an address family counts as dead; one alone may be a route that flaps. */
  readonly familyUnreachables: number
  /** A family that was heard within this time is not dead whatever the kernel says of one network. */
  readonly familyQuietMs: number
  /** A dead family is tried again after this: a laptop that changes networks should not wait long. */
  readonly familyDeadMs: number
  /**
   * Delegations kept as values next to their packed form, and the longest of these (13 servers of two addresses take
   * 1,000 octets): at most 15 MB.
   */
  readonly unpackedDelegations: number
  readonly unpackedOctets: number
  /** Types kept for one name: BIND max-types-per-name 100. */
  readonly typesPerName: number
  /** Order of the addresses in cached answers: BIND rrset-order, Unbound rrset-roundrobin. */
  readonly rotate: RrOrder
  /**
   * A popular answer is looked up again in this last part of its TTL, in 1/100, if its TTL was at least this many
   * seconds: Unbound prefetch, 10 %, and 10 s of BIND.
   */
  readonly prefetchPercent: number
  readonly prefetchMinTtl: number
}

export interface ServerLimits {
  /** Largest UDP reply whatever the client offers: Flag day 2020; Unbound max-udp-size 1232. */
  readonly udpReplyBytes: number
  /** Queries of one client address waiting for an answer (DNSBomb, CVE-2024-33655): Unbound wait-limit 1000. */
  readonly waitingPerClient: number
  /**
   * UDP answers later than this are not sent (DNSBomb): Unbound discard-timeout 1900 ms. Only when the client has
   * others waiting.
   */
  readonly discardAfterMs: number
  /**
   * Who would get no late answer is sent SERVFAIL at a random moment of this time before: what came as a pulse does not
   * leave as one, and half a second of a stub resolver's five is left for its next server.
   */
  readonly lateSpreadMs: number
  /**
   * A client with at most this many queries waiting still gets its late answers: a person's dig or a browser is no
   * pulse.
   */
  readonly lateAnswersKept: number
  /**
   * Networks whose rate is remembered, a power of two: 512 KiB, and only where there is a limit. A flood of more makes
   * some be forgotten, which then have their whole burst.
   */
  readonly rateTableEntries: number
  /**
   * How long a query over TCP or TLS that is above the limit is kept back, ms. Meanwhile the connection is read no
   * further than `tcp.pipelined` queries; what would have to wait longer is not answered.
   */
  readonly rateDelayMs: number
  /**
   * Views that may ask something else than all others: each has an engine with caches of its own (`partitionPermille`).
   */
  readonly viewPartitions: number
  /**
   * Finished answers whose deciding rules are remembered for the query log: at some 400 octets each, a few megabytes.
   */
  readonly decisionsRemembered: number
  /** Octets of text in one EDE option: the smallest reply (512) still holds the longest question and this. */
  readonly edeTextBytes: number
  /**
   * TTL of the HINFO that answers ANY (RFC 8482 section 4.2 leaves it open): an hour, as those who deployed it chose.
   * Seconds.
   */
  readonly anyTtl: number
  /**
   * Clients whose access verdict is remembered; beyond it all are forgotten. Some 100 octets each; an open port sees
   * random spoofed sources.
   */
  readonly accessVerdicts: number
  /** Receive buffer asked of the kernel for a UDP listener: absorbs bursts while the loop is busy. */
  readonly udpReceiveBufferBytes: number
  /**
   * Replies that may wait in a UDP listener for the kernel; a client asks again, a growing queue never recovers.
   * Measured: 0 unless the link is down or full.
   */
  readonly udpSendQueue: number
  /** Client addresses kept parsed by a listener: parsing costs 1 us, looking up 0.1 us. */
  readonly parsedClients: number
  /** Graceful stop: in-flight work gets this long. */
  readonly drainMs: number
  /** How often wildcard binds look for new local addresses. */
  readonly interfaceScanMs: number
  /**
   * Datagrams moved with one system call: performance.md, 64 of them cost 2.6 us each against 7 one by one; more gained
   * nothing.
   */
  readonly udpBatch: number
  /**
   * Largest query taken over UDP by a listener thread: RFC 8467 pads queries to 128; what is longer than this over UDP
   * is no question. Octets.
   */
  readonly udpQueryBytes: number
  /**
   * Queries that listener threads have handed over and the main thread has not taken yet: 1 MiB are some 8,000, half a
   * second of misses. Octets.
   */
  readonly handoverBytes: number
  /**
   * Reports of hits (for the query log, and of answers to prefetch) that wait likewise, apart from the queries, which
   * must not be lost for them. Octets. And those taken in one turn of the loop, for some 2 ms; the queries are taken
   * out of their ring all at once, since it has one order for all clients, and what waits in `intakeWaiting` has turns.
   */
  readonly reportBytes: number
  readonly reportBurst: number
  /**
   * A listener thread looks up from its sleep after this, so that a process that ends without a message to it is not
   * held up. 1 s is not measurable as load.
   */
  readonly threadWakeMs: number
  /** After the sockets are left to others: queries of connections that were accepted last are still on their way. */
  readonly leaveMs: number
  /** For a new process to serve, before it is given up: zones of a million names take some 10 s to read. */
  readonly handOverMs: number
  /**
   * Slice of processor time that a listener thread asks for: the least that Linux knows (100 us), a batch takes 200 at
   * most. With longer ones hits wait for the misses of the main thread on one core (p99 6 ms measured).
   */
  readonly threadSliceMicros: number
  /**
   * A listener thread that ended by a bug is started again after this: one that ends at once each time must not keep a
   * core busy.
   */
  readonly threadRestartMs: number
  /**
   * While a listener thread is not there the main thread looks at its sockets this often: the least of the system's
   * timers, 0.5 % of a core for the 50 ms that a thread takes to start.
   */
  readonly standInMs: number
  /**
   * Replies that the kernel had no room for are offered again after this: a packet of 1,232 octets leaves a 10 Mbit/s
   * link in 1 ms.
   */
  readonly sendRetryMs: number
  /**
   * Garbage is collected when the heap is this much larger than what lived, in 1/100; V8 chooses more. Three times the
   * rate of new names: resident memory 1.5 times what it was without this (2 rounds), 1.1 to 1.2 with 100 (3 runs), a
   * miss within noise; with 50 it cost 7 and 19 % more (2 rounds).
   */
  readonly heapGrowingPercent: number
  /** Between two lines of the log on refused clients, and on failures: a client can bring about as many as it likes. */
  readonly tellAgainMs: number
  /**
   * Datagrams that wait for their turn, and the time for which new ones are taken up in a turn of the loop: what is in
   * flight already (replies, timers) must get on. 2 ms are some 30 misses. And how many are in any case: where other
   * programs have the core 2 ms are over at once, and the rest of a turn costs as much as eight.
   */
  readonly intakeWaiting: number
  readonly intakeTurnMs: number
  readonly intakeLeastTaken: number
  /** Octets of log lines that may wait for whoever reads standard error: some 5,000; then they are dropped. */
  readonly logBufferBytes: number
  /** At the end what waits is written for no longer than this. */
  readonly logFlushMs: number
  /** Entries of the query log that may wait for the disk before new ones are counted as dropped. */
  readonly queryLogBufferBytes: number
}

export interface TcpLimits {
  /** Connections in all; per client prefix (/32, /64): 500 idle connections of one client must not shut others out. */
  readonly connections: number
  readonly connectionsPerPrefix: number
  /**
   * RFC 7766 section 6.2.3 and Unbound tcp-idle-timeout 30 s; under pressure the oldest idle connection of the
   * greediest prefix goes.
   */
  readonly idleMs: number
  /** A started message must be complete in this time (slow senders). */
  readonly messageMs: number
  /** Knot 100 in flight on a connection. */
  readonly pipelined: number
  /**
   * Reply octets waiting in one connection, and in all, before reading stops: clients that never read (CVE-2024-0760;
   * Knot +3 GB in 9 s).
   */
  readonly queuedBytes: number
  readonly queuedBytesInAll: number
  /**
   * Queries taken up from all connections in one turn of the loop, how many are in any case, the time that they may
   * take, and how many of one connection before it is another's turn: a hit takes 10 us, a miss 100, so a turn is over
   * in 2 ms, and between two there are UDP, replies of servers and timers. The least number is for machines where other
   * programs have the core: the time is over after the first query there (as with `intakeLeastTaken`).
   */
  readonly turnMessages: number
  readonly turnLeast: number
  readonly turnMs: number
  readonly turnOfOne: number
  /** A client that takes nothing for this long while replies wait is closed. */
  readonly writeStallMs: number
  /**
   * After we said that we are done (FIN, with TLS close_notify) the other end has this long to say so too: a few round
   * trips, so that what it has yet to read is not reset. ms.
   */
  readonly goodbyeMs: number
}

/** Of listeners over TLS, and of proxies in front of any. */
export interface TlsLimits {
  /**
   * Handshakes in progress in all, and of one client prefix: one costs 3 ms of processor time, so these are a third of
   * a second of work; a client begins two or three at a time.
   */
  readonly handshakes: number
  readonly handshakesPerPrefix: number
  /** From the connection to the end of its handshake; Node's default is two minutes. */
  readonly handshakeMs: number
  /** Tickets are encrypted with one key for so long: dnsdist rotates every 12 h (RFC 5077 section 5.5). */
  readonly ticketKeyMs: number
  /** How long a session may be resumed, in seconds: no longer than its key is kept. */
  readonly sessionSeconds: number
  /** RFC 8467 section 4.1: replies to padded queries are padded to a multiple of this. Octets. */
  readonly paddingBlock: number
  /** Certificate files are looked at again so often; a renewal is in use within the minute. */
  readonly certificateCheckMs: number
  /** Days before the end of a certificate at which the log says so: time to mend a renewal, and the last warning. */
  readonly expiryWarningDays: readonly number[]
  /** Largest file with certificates or a key: a chain of ten RSA-4096 certificates has 25 kB. Octets. */
  readonly certificateBytes: number
  /** A PROXY header with its addresses and additions (TLVs): PowerDNS takes 512. Octets. */
  readonly proxyHeaderBytes: number
  /** It comes with the first packet of a proxy. */
  readonly proxyHeaderMs: number
  /** Connections that are closed because no listed proxy makes them are reported with their number so often. ms. */
  readonly unlistedReportMs: number
}

/** DNS over HTTPS. Connections, octets that wait and clients that do not read are bounded as over TCP. */
export interface DohLimits {
  /**
   * Requests at once in a connection, and queries in work: as over TCP. Node.js has 4,294,967,295, of which a client
   * opened 15,000 in one go.
   */
  readonly streams: number
  /**
   * Requests that a client may give up in this time before its connection is closed (rapid reset, CVE-2023-44487): a
   * browser that closes its tabs gives up some dozens. ms.
   */
  readonly resets: number
  readonly resetsMs: number
  /**
   * Octets of a request's header fields, counted as RFC 9113 section 6.5.2 does, and their number: what Node.js takes
   * over HTTP/1.1, and room for a query of 10,000 octets in the URL; browsers send some 15 fields.
   */
  readonly headerOctets: number
  readonly headerFields: number
  /** Of a body, sent before we read it: the longest DNS message (RFC 9113 section 6.9.2 has it as default too). */
  readonly windowOctets: number
  /** Of all bodies of a connection that are not complete: two of the longest messages. Octets. */
  readonly bodiesOctets: number
  /** What `node:http2` may hold for a connection: 100 requests and their answers take less. MB. */
  readonly sessionMegabytes: number
  /** A connection without requests: longer than the 20 s after which phones and browsers close theirs. ms. */
  readonly idleMs: number
  /** Of the head of a request over HTTP/1.1, and of its body over both: slow senders. ms. */
  readonly headMs: number
  readonly requestMs: number
  /**
   * Queries of one connection in its life (dnsdist and CoreDNS have such a bound, nginx ends one after 1,000 requests):
   * a handshake costs as much as 200, so a new one for 10,000 is 2 %.
   */
  readonly queriesOfConnection: number
  /** What 429 and 503 ask for: most resolutions are over by then. Seconds. */
  readonly retryAfterSeconds: number
}

export interface ZoneLimits {
  /**
   * $GENERATE lines can make a file explode: BIND has no bound, its documentation warns. Records made by one directive.
   */
  readonly generateRecords: number
  /** Records that the $GENERATE directives of one zone make together: a file of 1,000 of them is the same explosion. */
  readonly generatedRecordsInAll: number
  /** Characters that they make together: 65,536 records of 60 KB each would fill the memory from one line. */
  readonly generatedCharacters: number
  /** $INCLUDE nesting, which also ends include loops. */
  readonly includeDepth: number
  /** Files included in all: ten includes at each of 16 depths would be 10^16. */
  readonly includes: number
  /** TTL of a record in the configuration that gives none: taking an override back is felt within minutes. Seconds. */
  readonly recordTtl: number
  /**
   * Names whose addresses are added to an answer from a local zone: CVE-2024-11187 drew thousands; BIND now stops
   * at 13.
   */
  readonly additionalNames: number
  /** Errors listed for one file before the rest are only counted. */
  readonly errorsListed: number
  /** Changes of a zone directory are gathered for this long: editors and atomic renames make several events. */
  readonly watchDebounceMs: number
  /** A directory that never rests is looked at after this long all the same. */
  readonly watchMaxDelayMs: number
  /**
   * A zone of this many records is kept flat (`zone/flat-zone.ts`): 50 octets a record instead of a thousand; smaller
   * ones answer from objects.
   */
  readonly flatRecords: number
  /**
   * Next to serving, a zone of more records or a file of more octets than this is read in a separate thread: 1,000
   * records hold the event loop for some 10 ms (five times that when nothing was compiled yet), and a thread takes 50
   * ms to start. Files are read here one in each turn of the loop.
   */
  readonly hereRecords: number
  readonly hereBytes: number
  /** Progress of a zone that takes long to load is logged this often. */
  readonly progressMs: number
  /**
   * Largest zone file read: 256 MiB hold some five million records, far beyond what a resolver serves; `/dev/zero` has
   * no end.
   */
  readonly fileBytes: number
}

/** Zones that other servers send. */
export interface TransferLimits {
  /** Octets of one transfer: zones of ten million records have less than a GiB. */
  readonly bytes: number
  /**
   * A transfer of more is begun again in a thread. Messages of servers with large zones have 16 to 64 KiB, which take
   * up to 30 ms when nothing was compiled yet: they are put aside unread.
   */
  readonly hereBytes: number
  /** The whole of one transfer: a gigabyte over a line of 15 Mbit/s takes as long. ms. */
  readonly timeMs: number
  /** Without an octet, a connection is given up after this. ms. */
  readonly idleMs: number
  /** BIND min-transfer-rate-in: fewer octets than 10,240 in 5 minutes are a server that holds us. */
  readonly rateBytes: number
  readonly rateMs: number
  /** One question for the SOA record; then it is asked over TCP, and then another primary is. ms. */
  readonly queryMs: number
  /** Transfers at once: each may hold a zone twice in memory, and its own thread. */
  readonly parallel: number
  /** Bounds of the timers that zones bring in their SOA: "refresh 1" would be a query a second for each zone. ms. */
  readonly refreshLeastMs: number
  readonly refreshMostMs: number
  readonly retryLeastMs: number
  readonly retryMostMs: number
  /** While no copy is here the primaries are asked again after this, and then after twice as long each time. ms. */
  readonly firstRetryMs: number
  /** NOTIFY makes us look at a zone this often: whoever can send one could make us ask the primary without end. ms. */
  readonly notifyMs: number
  /** Progress of a transfer that takes long is logged this often. ms. */
  readonly progressMs: number
}

/**
 * Work and memory of validation. What counts per client query is counted in its budget, which is never reset
 * (CVE-2026-50045).
 */
/** Block and allow lists. */
export interface ListLimits {
  /** Largest list, read or fetched: AdGuard Home got a bound after a list without end had filled its memory. */
  readonly listBytes: number
  /** Rules of one list: a line number has 24 bits in the compiled form, and 16 million names are beyond any list. */
  readonly rulesPerList: number
  /** Longest line: rules have under 300 characters; a file of one line of 100 MB is none of ours. Octets. */
  readonly lineBytes: number
  /** Lists that hold at once: each costs a probe when a name may be in one. */
  readonly lists: number
  /** Rules with modifiers or patterns in one list, which are objects and not 12 octets in a table. */
  readonly complexRules: number
  /** Characters of a pattern: AdGuard's have under 200, and the time to compile one grows with them. */
  readonly patternCharacters: number
  /** Places of a pattern that a run can be at: 4 words of bits, so that an octet costs under a microsecond. */
  readonly patternPositions: number
  /** Groups within groups of a pattern: each is a call on the stack. */
  readonly patternDepth: number
  /** Least fixed text of a pattern that no name's end leads to: `ad` is in every twentieth name. */
  readonly patternLiteral: number
  /** Lines that are no rules, in thousandths of all: above, it is not a list of this format but, say, a web page. */
  readonly badLinesPermille: number
  /** So many bad lines are only reported, however short the list is. */
  readonly badLinesBorne: number
  /** Skipped lines that are shown with their text; the rest are counted by reason. */
  readonly skippedShown: number
  /** Bits of the common filter for each rule: with 16, one name in a hundred is looked up for nothing. */
  readonly filterBitsPerRule: number
  /** A slice of compiling on the main thread, where there is no thread for it: well under what a client notices. */
  readonly sliceMs: number
  /** Lists of fewer octets in all are compiled on the main thread: a thread takes 50 ms to start. */
  readonly hereBytes: number
  /** Progress of lists that take long to load is logged this often. */
  readonly progressMs: number
  /** Changes of files are gathered for this long: editors and atomic renames make several events. */
  readonly watchDebounceMs: number
  /** A directory that never rests is looked at after this long all the same. */
  readonly watchMaxDelayMs: number
  /** A server of lists must begin to answer and go on within this; what is slower is tried again later. */
  readonly fetchIdleMs: number
  /** And be through: 128 MiB at 2 Mbit/s take nine minutes. */
  readonly fetchMs: number
  /** Redirections followed: GitHub's releases take two. */
  readonly redirects: number
  /** After a failure: first attempt after this, doubled each time, each with up to half as much by chance. */
  readonly retryMs: number
  /** The longest pause between attempts. */
  readonly retryMsMost: number
  /** Part of the interval, in thousandths, by which it is made longer by chance: not all come at midnight. */
  readonly jitterPermille: number
}

/** Of policies written as programs. */
export interface CodeLimits {
  /** Files that hold at once, each with a thread of some 10 MB. */
  readonly policies: number
  /** Questions that hooks may ask for one query: each may be a walk of its own, for which the client's name is used. */
  readonly lookUps: number
  /** Records of one answer, so that it has room in a message. */
  readonly records: number
  /** Of an Extended DNS Error: what is longer is cut by clients. */
  readonly textCharacters: number
  /** TTL of a made answer that names none, in seconds: a change of the program is felt within half a minute. */
  readonly ttlS: number
  /** From a call to its verdict, with look-ups, ms: clients ask again after 5 s, and most walks take under one. */
  readonly callMs: number
  /** How long a thread may not react, ms: honest hooks take microseconds, and a busy machine has pauses of 100. */
  readonly stuckMs: number
  /** Between two looks at calls that wait and at the memory of their thread, ms. */
  readonly lookMs: number
  /** Heap of one thread, MiB: tables of a hundred thousand names take 20. */
  readonly heapMib: number
  /** Buffers of one thread, which are not in its heap. Octets. */
  readonly bufferBytes: number
  /** How much the process may grow while a thread does not react, octets: what it allocates then cannot be asked. */
  readonly growthBytes: number
  /** Calls that wait for one program: above it the rule for faults holds at once. */
  readonly waiting: number
  /** From the start of a thread until its program is loaded, ms: modules of users may read files. */
  readonly startMs: number
  /** Pause before a thread that ended by a fault is started again, doubled each time up to the most, ms. */
  readonly restartMs: number
  readonly restartMsMost: number
  /** Without a fault for so long, the pause is the first one again, ms. */
  readonly calmMs: number
  /** Faults of one program are logged at most once in so long, ms: a client can cause one with each query. */
  readonly tellAgainMs: number
}

export interface DnssecLimits {
  /**
   * KeyTrap (CVE-2023-50387): signature verifications for one client query. Knot 32, PowerDNS 30; a cold answer under
   * five zones needs 16.
   */
  readonly verifications: number
  /** KeyTrap: keys with one tag and algorithm that are tried for a signature. PowerDNS 2. */
  readonly keysPerTag: number
  /** KeyTrap: signatures tried for one RRset. PowerDNS 2. */
  readonly signaturesPerRRset: number
  /**
   * Signatures over one set that go on to clients, each of which has verified: by an algorithm each, over a DNSKEY set
   * by a key each. The root has had three over its keys (a key that comes, one that goes, one that is revoked); one is
   * room for more.
   */
  readonly signaturesKept: number
  /** DS records of one zone that are looked at: PowerDNS 8. */
  readonly dsRecords: number
  /** DNSKEY records of one zone that are looked at: a roll of every key at once needs 8; honest sets stay under 12. */
  readonly keysPerZone: number
  /**
   * CVE-2023-50868: NSEC3 hashes computed for one client query; PowerDNS 600, of which 150 is the low end of its range.
   */
  readonly nsec3Hashes: number
  /** Denial records looked at in one reply: PowerDNS 8. */
  readonly denialRecords: number
  /**
   * Hashes, and verifications, between two pauses: 16 hashes of 50 iterations or 8 RSA-4096 verifications take about 1
   * ms.
   */
  readonly hashesPerStretch: number
  readonly verificationsPerStretch: number
  /**
   * RFC 3110 section 2: largest RSA modulus, bits; and the largest exponent, bits: longer ones make a verification as
   * dear as a signature.
   */
  readonly rsaModulusBits: number
  readonly rsaExponentBits: number
  /** Servers of a zone, after the first, that are queried again when a reply does not validate. */
  readonly retries: number
  /**
   * Labels walked to find an insecure delegation for an unsigned answer: Unbound MAX_DSNS_FIND_COUNT 20 (DS label walk,
   * 2026).
   */
  readonly dsWalk: number
  /** Parsed keys and chain states kept, zones: a busy resolver meets some 10,000 signed zones an hour. */
  readonly zonesKept: number
  /**
   * RFC 9276 section 3.2 as the peers set it (Knot, PowerDNS, BIND): NSEC3 iterations above this make a zone insecure.
   */
  readonly nsec3Iterations: number
  /** RFC 9276 appendix A: it cannot be set above this; 150 was where Unbound and BIND began to cut down. */
  readonly nsec3IterationsMost: number
  /** RFC 5011 section 2.4: add and remove hold-down, seconds: 30 days each. */
  readonly addHoldDown: number
  readonly removeHoldDown: number
  /**
   * RFC 5011 section 2.3: bounds between which a trust point is looked at again, seconds; and after a failure at most a
   * day.
   */
  readonly anchorQueryLeast: number
  readonly anchorQueryMost: number
  readonly anchorRetryMost: number
  /**
   * RFC 5011 section 2.4.3 asks for at least five keys of one trust point; the keys of all time are remembered, four
   * times that is for a century.
   */
  readonly managedKeys: number
  /** State of all trust points in a file, octets: 100 points with 20 keys of RSA-4096 each. */
  readonly managedBytes: number
  /**
   * How far a signature of the root's keys may be outside its time before the clock is said to be wrong, seconds: roots
   * re-sign days ahead.
   */
  readonly clockDoubt: number
  /** RFC 8145 section 5.2: how often the trusted keys are reported, ms: once a day, as the peers do. */
  readonly anchorSignalMs: number
  /**
   * How much earlier than this release the clock may be before a warning, seconds: a day of time zones and slow
   * releases.
   */
  readonly clockSlack: number
}

/** The command-line client. */
/** Of `rootwalk open` and of visits through the API. */
export interface VisitLimits {
  /** Browsers follow 20, curl 50 if told to; a site that needs more than 10 has a loop. */
  readonly redirects: number
  /** For what is loaded before the first pass: a tenth of it is usual on a slow machine. */
  readonly rehearsalMs: number
  /** Of one pass, redirects included; curl waits for ever unless `--max-time` is given. */
  readonly passMs: number
  readonly passMsMost: number
  /** Of one attempt to connect: two repeated SYN packets, after 1 and 3 s, are waited for. */
  readonly connectMs: number
  /** RFC 8305 section 8, Connection Attempt Delay. */
  readonly attemptDelayMs: number
  /** RFC 8305 section 8, Resolution Delay. */
  readonly resolutionDelayMs: number
  /** Addresses that are tried for one hop; at 250 ms each the last begins when most people have given up. */
  readonly endpoints: number
  /** HTTPS records of one set that are used; more than two are rare. */
  readonly services: number
  /** AliasMode records followed (RFC 9460 section 2.4.2 wants a bound): BIND and browsers stop at 8 or fewer. */
  readonly serviceAliases: number
  /** Header fields of a response in all: browsers stop at 256 KiB, servers seldom send 8. */
  readonly headerBytes: number
  /** Content that is read before the rest is cut off: what a page needs, and no film. */
  readonly contentBytes: number
  readonly contentBytesMost: number
  /** 1xx responses before the real one: 100 and 103 may come, more are an attack. */
  readonly interimResponses: number
  /** `--repeat`: enough for a spread, not for a load test. */
  readonly repeats: number
  /** Names that are asked for CAA records, from the host up. */
  readonly caaNames: number
  /** Certificates of a chain that are read; real ones have two to four. */
  readonly certificates: number
  /** Hosts of which CAA and TLSA are asked after a visit. */
  readonly checkedHosts: number
}

interface ToolLimits {
  /** dig waits 5 s and asks 3 times in all. */
  readonly queryTimeoutMs: number
  readonly queryTries: number
  /** Of one zone transfer: the largest zones that are given away (some TLDs) have a few hundred MiB. Octets. */
  readonly transferBytes: number
  /**
   * Servers that `query +trace` asks on its way down: real paths have under 8 cuts, each with up to 13 servers to try.
   */
  readonly traceQueries: number
  /** Queries of one `query -f` file; dig has no bound, a file by mistake should end. */
  readonly batchQueries: number
}

/** The test kit. */
interface KitLimits {
  /**
   * A stub on loopback replies within a few ms; with the 5 s and 4 tries of Node a query without a reply holds up a
   * test for 19 to 30 s.
   */
  readonly lookupTimeoutMs: number
  /**
   * As the system's resolvers (`attempts:2` of resolv.conf), so that one lost query is survived as it is in production.
   */
  readonly lookupTries: number
  /** Kinds of query that the message of a failed expectation lists: what a person reads before scrolling. */
  readonly queriesShown: number
}

/** Of the snapshots of the cache. */
interface PersistenceLimits {
  /** Work between two rests: a query waits for no more than this, and a block takes 1 ms. */
  readonly sliceMs: number
  /** A timer is late by up to 4 ms: at least half of the core is left to the queries. */
  readonly restMs: number
  /** After a flush, or other rules: several that follow each other make one snapshot. */
  readonly afterChangeMs: number
  /** At the end: a million entries take 2 to 3 s, and systemd kills after 10 s (TimeoutStopSec of the unit). */
  readonly stopMs: number
}

/** Of a cache that several instances share (Valkey, Redis). */
export interface SharedLimits {
  /** One resolution waits no longer for it in all: a server of a zone next door answers in the same time. */
  readonly readDeadlineMs: number
  /** A set of 64 KiB is one that no UDP answer holds; ours have some hundred octets. Larger values are not read. */
  readonly valueBytes: number
  /** Look-ups under way: at 10 ms each 400,000 a second, more than one core asks for. */
  readonly reads: number
  /** What a reply may have before the next one is whole: all values under way at their largest would be 256 MiB. */
  readonly replyBytes: number
  /** Look-ups that failed, less those that did not, before it is left alone: some 50 ms of all look-ups. */
  readonly failures: number
  /** How long it may say nothing after one look-up that failed: where few are asked, five of them take minutes. */
  readonly doubtMs: number
  /** How long it is left alone at first and at most; in between twice as long each time, give or take the jitter. */
  readonly openMs: number
  readonly openMsMost: number
  readonly jitterPermille: number
  /** How long whoever does not wait for a client waits for it: probes, writes, removals. */
  readonly patienceMs: number
  /** What is found out is written this much later, with all else that came; a batch takes it 1 to 5 ms. */
  readonly writeMs: number
  readonly writeBatch: number
  /** What waits to be written: 10 s of 1,000 look-ups a second. What comes then is dropped and counted. */
  readonly writeEntries: number
  readonly writeBytes: number
  /** What lives shorter is over when the next instance asks; what lives longer is asked for again once a day. */
  readonly leastMs: number
  readonly longestMs: number
  /** Clocks of instances may differ by this much: what was written later than this from now is not used. */
  readonly skewMs: number
  /** Removals that are remembered. An instance that missed more of them empties its caches. */
  readonly removals: number
  /** How often an instance says that it is there, and after which silence it counts as gone: three times that. */
  readonly heartbeatMs: number
  readonly aliveMs: number
  readonly instances: number
  /** A connection that waits for removals shows this often that it works; after `silentMs` it does not. */
  readonly blockMs: number
  readonly silentMs: number
  /** How long the API waits for other instances to confirm. */
  readonly confirmMs: number
  readonly reconnectMs: number
  readonly reconnectMsMost: number
}

/** Of the engine, with made-up questions, in the idle time after a start. */
export interface WarmUpLimits {
  /**
   * Measured: a look-up of the first thousand costs 550 us without any, 400 after 1,500 questions, 210 after these, 170
   * after 5,000, which take half a second more.
   */
  readonly questions: number
  /** After the server listens: what a start still does (priming, anchors, threads that begin) is over. */
  readonly delayMs: number
  /** Work between two looks at who waits: a datagram for the main thread waits for no more than this. */
  readonly sliceMs: number
  /** Between two slices: at most half of the core is taken from others, and who else uses the loop is seen. */
  readonly pauseMs: number
  /** Questions asked together: a turn of the loop is as long as they take, 2 ms at first, when each takes 0.4. */
  readonly together: number
  /** Share of a pause, in 1/1000, above which the loop has other work and this waits. */
  readonly busyPermille: number
  /**
   * Kept from working for so long: the clients that do it warm the engine up themselves, with a thousand look-ups a
   * second in less.
   */
  readonly giveUpMs: number
  /** Of the caches of each private engine, which hold all that it met; all of it is given back. Octets. */
  readonly cacheBytes: number
}

export const defaultLimits: Limits = deepFreeze({
  budget: {
    queries: 200,
    queriesPerName: 50,
    queriesPerForeignCut: 25,
    queriesPerServer: 50,
    receivedBytes: 100_000,
    timeMs: 8_000,
    depth: 12,
    aliases: 11,
    referrals: 30,
    addressLookups: 30,
  },
  engine: {
    nameServersPerCut: 13,
    addressesPerNameServer: 6,
    addressLookupsPerCut: 10,
    failedAddressLookupsPerCut: 5,
    glueQuestionsPerCut: 3,
    parallelAddressLookups: 2,
    minimiseSteps: 10,
    minimiseSingleLabelSteps: 4,
    triesPerServer: 3,
    patienceMs: 2_000,
    silentServerTimeouts: 4,
    exchangesPerCut: 15,
    minimisedExchanges: 10,
    servfailsPerQuestion: 4,
    zoneRates: 10_000,
    minimisedServfails: 2,
    caseFallbackAgreeing: 2,
    caseFallbackAsks: 4,
    primingTries: 6,
    primingRetryMs: MINUTE_MS,
    resolutionsInFlight: 4_096,
    jostleMs: 200,
    resultTurnMs: 4,
    resultLeastTaken: 16,
    waitersPerResolution: 5_000,
    prefetchesInFlight: 64,
    prefetchPauseMs: 5_000,
    prefetchPauses: 1_024,
    aliasesPerReply: 11,
    interceptedServers: 2,
    interceptionMs: 60_000,
    signaturesPerRRset: 8,
    recordsPerRRset: 256,
  },
  upstream: {
    ednsPayloadBytes: 1_232,
    clientCookieMs: 24 * 60 * MINUTE_MS,
    unknownServerTimeoutMs: 400,
    minTimeoutMs: 50,
    maxTimeoutMs: 3_000,
    tcpTimeoutMs: 3_000,
    explorePermille: 50,
    rttBandMs: 40,
    backoffDoublings: 8,
    jitterPermille: 100,
    mismatchesBeforeTcp: 1,
    exchangesPerSocket: 32,
    socketAgeMs: 10_000,
    udpSockets: 4_096,
    idleSocketsPerServer: 256,
    tcpConnections: 100,
    tcpIdleMs: 10_000,
    tcpLonersKnown: 256,
    tcpLonersMs: 15 * MINUTE_MS,
    tcpPipelined: 100,
    portTries: 8,
    sentTogether: 64,
    receivedTogether: 256,
    receivedOfOne: 32,
    waitingExchanges: 4_096,
    socketWaitMs: 1_000,
    forwardBackoffMs: 500,
    forwardBackoffMaxMs: 30_000,
    retryAfterMaxMs: 30_000,
    secureMinTimeoutMs: 1_500,
    secureMaxTimeoutMs: 3_000,
    encryptedTimeoutMs: 1_000,
    loopMemoryMs: 60_000,
    loopProbeMs: 10_000,
    forwardServers: 256,
    upstreamAddressMinMs: 300_000,
    upstreamAddressMaxMs: 43_200_000,
    upstreamAddressRetryMs: 10_000,
    questionlessGraceMs: 100,
    lateReplyMs: 2_000,
    lateReplies: 512,
    repeatEventMs: MINUTE_MS,
  },
  secure: {
    exchanges: 2_000,
    connections: 100,
    connectionsPerServer: 8,
    tlsPipelined: 200,
    tlsIdleMs: 20_000,
    leastIdleMs: 1_000,
    httpStreams: 100,
    httpIdleMs: 60_000,
    pingAfterMs: 15_000,
    pingAnswerMs: 2_000,
    httpHeaderBytes: 16_384,
    httpHeaderLines: 64,
    httpDiscardedBytes: 65_536,
    replays: 3,
    handshakeMs: 4_000,
    timeoutsInARow: 2,
    ticketsPerServer: 2,
    serversRemembered: 256,
  },
  cache: {
    totalBytes: 64 * 1024 * 1024,
    partitionPermille: 125,
    rrsetPermille: 410,
    answerPermille: 340,
    negativePermille: 70,
    delegationPermille: 80,
    zoneStatePermille: 20,
    denialPermille: 20,
    denialHashBlocks: 400,
    infraPermille: 40,
    lamePermille: 8,
    failurePermille: 12,
    entryBytes: 16_384,
    entryOverheadBytes: 330,
    serverCookieBytes: 48,
    nameOverheadBytes: 160,
    denialOverheadBytes: 65,
    heapResidentPercent: 160,
    packedOverheadBytes: 120,
    arrayOverheadBytes: 240,
    minTtl: 0,
    maxTtl: DAY_S,
    maxNegativeTtl: HOUR_S,
    bareDenialTtl: 5,
    staleMs: 0,
    fallbackDenialTtl: 5,
    failureMinMs: 5_000,
    failureMaxMs: 5 * MINUTE_MS,
    bogusMaxMs: MINUTE_MS,
    serverStatsMs: 15 * MINUTE_MS,
    encryptionProbeMs: 4_000,
    encryptionDampingMs: 24 * 60 * MINUTE_MS,
    encryptionPersistenceMs: 3 * 24 * 60 * MINUTE_MS,
    encryptionTimeouts: 2,
    encryptionProbes: 64,
    lameMs: 10 * MINUTE_MS,
    throttleTimeouts: 5,
    throttleAfterMs: 5_000,
    throttleProbeMs: 2_000,
    familyUnreachables: 3,
    familyQuietMs: MINUTE_MS,
    familyDeadMs: MINUTE_MS,
    unpackedDelegations: 1_024,
    unpackedOctets: 2_048,
    typesPerName: 100,
    rotate: 'fixed',
    prefetchPercent: 10,
    prefetchMinTtl: 10,
  },
  stale: {
    answerTtl: 30,
    clientTimeoutMs: 1_800,
    recheckMs: 30_000,
    rechecks: 10_000,
  },
  shaping: {
    synthesisTtl: 600,
    blockedTtl: 60,
  },
  server: {
    udpReplyBytes: 1_232,
    waitingPerClient: 1_000,
    discardAfterMs: 1_900,
    lateSpreadMs: 400,
    lateAnswersKept: 16,
    rateTableEntries: 65_536,
    rateDelayMs: 1_000,
    viewPartitions: 32,
    decisionsRemembered: 10_000,
    edeTextBytes: 160,
    anyTtl: HOUR_S,
    accessVerdicts: 16_384,
    udpReceiveBufferBytes: 4 * 1024 * 1024,
    udpSendQueue: 1_000,
    parsedClients: 4_096,
    drainMs: 5_000,
    udpBatch: 64,
    udpQueryBytes: 4_096,
    handoverBytes: 1024 * 1024,
    reportBytes: 256 * 1024,
    reportBurst: 256,
    threadWakeMs: 1_000,
    leaveMs: 1_000,
    handOverMs: 60_000,
    heapGrowingPercent: 100,
    threadRestartMs: 500,
    standInMs: 1,
    threadSliceMicros: 100,
    sendRetryMs: 1,
    interfaceScanMs: MINUTE_MS,
    tellAgainMs: MINUTE_MS,
    intakeWaiting: 2_048,
    intakeTurnMs: 2,
    intakeLeastTaken: 8,
    logBufferBytes: 1_048_576,
    logFlushMs: 500,
    queryLogBufferBytes: 4 * 1024 * 1024,
  },
  tcp: {
    connections: 1_000,
    connectionsPerPrefix: 100,
    idleMs: 30_000,
    messageMs: 5_000,
    pipelined: 100,
    queuedBytes: 131_072,
    queuedBytesInAll: 16 * 1024 * 1024,
    turnMessages: 64,
    turnLeast: 8,
    turnMs: 2,
    turnOfOne: 32,
    writeStallMs: 10_000,
    goodbyeMs: 1_000,
  },
  tls: {
    handshakes: 100,
    handshakesPerPrefix: 20,
    handshakeMs: 10_000,
    ticketKeyMs: 12 * HOUR_S * 1_000,
    sessionSeconds: 12 * HOUR_S,
    paddingBlock: 468,
    certificateCheckMs: 30_000,
    expiryWarningDays: [30, 7, 1],
    certificateBytes: 1024 * 1024,
    proxyHeaderBytes: 512,
    proxyHeaderMs: 5_000,
    unlistedReportMs: MINUTE_MS,
  },
  doh: {
    streams: 100,
    resets: 100,
    resetsMs: 10_000,
    headerOctets: 16_384,
    headerFields: 64,
    windowOctets: 65_535,
    bodiesOctets: 131_072,
    sessionMegabytes: 2,
    idleMs: 30_000,
    headMs: 5_000,
    requestMs: 10_000,
    queriesOfConnection: 10_000,
    retryAfterSeconds: 1,
  },
  zone: {
    recordTtl: 300,
    generateRecords: 65_536,
    generatedRecordsInAll: 1_048_576,
    generatedCharacters: 64 * 1024 * 1024,
    includeDepth: 16,
    includes: 1_000,
    additionalNames: 13,
    errorsListed: 200,
    watchDebounceMs: 100,
    watchMaxDelayMs: 2_000,
    fileBytes: 256 * 1024 * 1024,
    flatRecords: 5_000,
    hereRecords: 1_000,
    hereBytes: 32 * 1024,
    progressMs: 2_000,
  },
  transfer: {
    bytes: 1024 * 1024 * 1024,
    hereBytes: 12 * 1024,
    timeMs: 10 * 60_000,
    idleMs: 30_000,
    rateBytes: 10_240,
    rateMs: 5 * 60_000,
    queryMs: 3_000,
    parallel: 2,
    refreshLeastMs: 10_000,
    refreshMostMs: 7 * DAY_S * 1_000,
    retryLeastMs: 5_000,
    retryMostMs: HOUR_S * 1_000,
    firstRetryMs: 5_000,
    notifyMs: 1_000,
    progressMs: 2_000,
  },
  dnssec: {
    verifications: 32,
    keysPerTag: 2,
    signaturesPerRRset: 2,
    signaturesKept: 4,
    dsRecords: 8,
    keysPerZone: 32,
    nsec3Hashes: 150,
    denialRecords: 8,
    hashesPerStretch: 16,
    verificationsPerStretch: 8,
    rsaModulusBits: 4_096,
    rsaExponentBits: 64,
    retries: 2,
    dsWalk: 20,
    zonesKept: 10_000,
    clockSlack: DAY_S,
    nsec3Iterations: 50,
    nsec3IterationsMost: 150,
    addHoldDown: 30 * DAY_S,
    removeHoldDown: 30 * DAY_S,
    anchorQueryLeast: HOUR_S,
    anchorQueryMost: 15 * DAY_S,
    anchorRetryMost: DAY_S,
    managedKeys: 20,
    managedBytes: 2 * 1024 * 1024,
    clockDoubt: DAY_S,
    anchorSignalMs: DAY_S * 1_000,
  },
  tool: {
    queryTimeoutMs: 5_000,
    queryTries: 3,
    transferBytes: 1024 * 1024 * 1024,
    traceQueries: 100,
    batchQueries: 1_000_000,
  },
  kit: { lookupTimeoutMs: 300, lookupTries: 2, queriesShown: 20 },
  visit: {
    redirects: 10,
    rehearsalMs: 5_000,
    passMs: 30_000,
    passMsMost: 600_000,
    connectMs: 10_000,
    attemptDelayMs: 250,
    resolutionDelayMs: 50,
    endpoints: 10,
    services: 8,
    serviceAliases: 8,
    headerBytes: 256 * 1024,
    contentBytes: 1024 * 1024,
    contentBytesMost: 1024 * 1024 * 1024,
    interimResponses: 16,
    repeats: 20,
    caaNames: 10,
    certificates: 10,
    checkedHosts: 4,
  },
  warmUp: {
    questions: 3_000,
    delayMs: 250,
    sliceMs: 4,
    pauseMs: 4,
    together: 8,
    busyPermille: 500,
    giveUpMs: 10_000,
    cacheBytes: 16 * 1024 * 1024,
  },
  lists: {
    listBytes: 128 * 1024 * 1024,
    rulesPerList: 16_000_000,
    lineBytes: 4_096,
    lists: 64,
    complexRules: 50_000,
    patternCharacters: 200,
    patternPositions: 128,
    patternDepth: 16,
    patternLiteral: 3,
    badLinesPermille: 100,
    badLinesBorne: 5,
    skippedShown: 20,
    filterBitsPerRule: 16,
    sliceMs: 4,
    hereBytes: 32 * 1024,
    progressMs: 2_000,
    watchDebounceMs: 100,
    watchMaxDelayMs: 2_000,
    fetchIdleMs: 30_000,
    fetchMs: 10 * MINUTE_MS,
    redirects: 5,
    retryMs: MINUTE_MS,
    retryMsMost: 6 * 60 * MINUTE_MS,
    jitterPermille: 100,
  },
  persistence: {
    sliceMs: 2,
    restMs: 2,
    afterChangeMs: 1_000,
    stopMs: 8_000,
  },
  shared: {
    readDeadlineMs: 10,
    valueBytes: 65_536,
    reads: 4_096,
    replyBytes: 16 * 1024 * 1024,
    failures: 5,
    doubtMs: 500,
    openMs: 1_000,
    openMsMost: 30_000,
    jitterPermille: 200,
    patienceMs: 1_000,
    writeMs: 50,
    writeBatch: 500,
    writeEntries: 10_000,
    writeBytes: 16 * 1024 * 1024,
    leastMs: 1_000,
    longestMs: DAY_S * 1_000,
    skewMs: 2_000,
    removals: 1_000,
    heartbeatMs: 5_000,
    aliveMs: 15_000,
    instances: 1_000,
    blockMs: 1_000,
    silentMs: 2_000,
    confirmMs: 1_000,
    reconnectMs: 200,
    reconnectMsMost: 5_000,
  },
  code: {
    policies: 16,
    lookUps: 8,
    records: 64,
    textCharacters: 200,
    ttlS: 30,
    callMs: 3_000,
    stuckMs: 250,
    lookMs: 25,
    heapMib: 64,
    bufferBytes: 64 * 1024 * 1024,
    growthBytes: 512 * 1024 * 1024,
    waiting: 2_000,
    startMs: 10_000,
    restartMs: 50,
    restartMsMost: 10_000,
    calmMs: MINUTE_MS,
    tellAgainMs: 10_000,
  },
})

/** `defaultLimits` with some numbers changed (tests, configuration). */
export type LimitChanges = { readonly [Group in keyof Limits]?: Partial<Limits[Group]> }

export function limitsWith(changes: LimitChanges): Limits {
  const d = defaultLimits
  return deepFreeze({
    budget: { ...d.budget, ...changes.budget },
    engine: { ...d.engine, ...changes.engine },
    upstream: { ...d.upstream, ...changes.upstream },
    secure: { ...d.secure, ...changes.secure },
    cache: { ...d.cache, ...changes.cache },
    stale: { ...d.stale, ...changes.stale },
    shaping: { ...d.shaping, ...changes.shaping },
    server: { ...d.server, ...changes.server },
    tcp: { ...d.tcp, ...changes.tcp },
    tls: { ...d.tls, ...changes.tls },
    doh: { ...d.doh, ...changes.doh },
    zone: { ...d.zone, ...changes.zone },
    transfer: { ...d.transfer, ...changes.transfer },
    dnssec: { ...d.dnssec, ...changes.dnssec },
    tool: { ...d.tool, ...changes.tool },
    kit: { ...d.kit, ...changes.kit },
    visit: { ...d.visit, ...changes.visit },
    warmUp: { ...d.warmUp, ...changes.warmUp },
    lists: { ...d.lists, ...changes.lists },
    persistence: { ...d.persistence, ...changes.persistence },
    shared: { ...d.shared, ...changes.shared },
    code: { ...d.code, ...changes.code },
  })
}

function deepFreeze<T extends object>(value: T): T {
  for (const member of Object.values(value)) if (typeof member === 'object' && member !== null) deepFreeze(member)
  return Object.freeze(value)
}
