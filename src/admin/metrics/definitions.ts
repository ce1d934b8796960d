/**
 * The metrics: their names, meanings and labels, and how each is read from the numbers of one moment. Names and labels
 * stay; what is new gets a new name. Labels have closed sets of values: none that a client's query, address or name can
 * make grow. docs/metrics.md is made from this file.
 */
import { rcodeName } from '../../dns/types.ts'
import {
  BUCKETS_MS,
  durationCell,
  durationSumCell,
  FAMILIES,
  PROTOCOLS,
  RCODES,
  requestCellAt,
  responseCell,
  SOURCES,
  TYPES,
  VALIDATION_RESULTS,
  validationCell,
  WIDE_RCODE,
} from '../../server/request-cells.ts'
import { type Metric, one, type Readings, type Sample, seconds, type Spread } from './metric.ts'
import { SHARED } from './shared.ts'

const cell = ({ cells }: Readings, at: number): number => cells[at] ?? 0
const counted = (from: Readings, name: string): number => from.counters[name] ?? 0

/** As label: BADVERS and the other codes that need EDNS are one. */
const rcodeLabel = (rcode: number): string => (rcode === WIDE_RCODE ? 'extended' : rcodeName(rcode))

const requests = (from: Readings): readonly Sample[] =>
  PROTOCOLS.flatMap(proto =>
    FAMILIES.flatMap(family =>
      TYPES.flatMap((type, place) => {
        const value = cell(from, requestCellAt(proto, family, place))
        return value === 0 ? [] : [{ labels: { proto, family: String(family), type }, value }]
      }),
    ),
  )

const responses = (from: Readings): readonly Sample[] =>
  SOURCES.flatMap(source =>
    Array.from({ length: RCODES }, (_, rcode) => rcode).flatMap(rcode => {
      const value = cell(from, responseCell(source, rcode))
      return value === 0 ? [] : [{ labels: { rcode: rcodeLabel(rcode), source }, value }]
    }),
  )

const durations = (from: Readings): readonly Spread[] =>
  SOURCES.map(source => {
    const first = durationCell(source, 0)
    const counts = Array.from({ length: BUCKETS_MS.length + 1 }, (_, bucket) => cell(from, first + bucket))
    return {
      labels: { source },
      bounds: seconds(BUCKETS_MS),
      counts,
      sum: cell(from, durationSumCell(source)) / 1_000,
    }
  })

const total = (from: Readings, source: (typeof SOURCES)[number]): number =>
  Array.from({ length: RCODES }, (_, rcode) => cell(from, responseCell(source, rcode))).reduce((sum, n) => sum + n, 0)

const DROPS: Readonly<Record<string, string>> = {
  droppedResponses: 'response',
  droppedPortZero: 'port-zero',
  droppedShort: 'short',
  droppedByGate: 'access',
  droppedByPolicy: 'policy',
  droppedWaiting: 'client-limit',
  droppedByRate: 'rate-limit',
  droppedByAnswerRate: 'answer-rate-limit',
  droppedLate: 'late',
  droppedTooLarge: 'too-large',
  droppedOverload: 'overload',
  droppedUnsent: 'unsent',
}

const DNS: readonly Metric[] = [
  {
    kind: 'counter',
    name: 'rootwalk_dns_requests_total',
    help: 'Queries by protocol, address family and type; of type "none" no question was read.',
    labels: ['proto', 'family', 'type'],
    read: requests,
  },
  {
    kind: 'counter',
    name: 'rootwalk_dns_responses_total',
    help: 'Responses by rcode and by what made them: the cache, local zones, a policy, or a recursion.',
    labels: ['rcode', 'source'],
    read: responses,
  },
  {
    kind: 'histogram',
    name: 'rootwalk_dns_request_duration_seconds',
    help: 'Time from a query to its response, by source; what is answered at once is in the first bucket.',
    labels: ['source'],
    read: durations,
  },
  {
    kind: 'counter',
    name: 'rootwalk_dns_dropped_total',
    help: 'Queries without a response, by reason.',
    labels: ['reason'],
    read: from => Object.entries(DROPS).map(([name, reason]) => ({ labels: { reason }, value: counted(from, name) })),
  },
  {
    kind: 'counter',
    name: 'rootwalk_dns_truncated_responses_total',
    help: 'Responses with TC, whose clients ask again over TCP.',
    labels: [],
    read: from => one(counted(from, 'truncatedReplies')),
  },
  {
    kind: 'counter',
    name: 'rootwalk_dns_above_limit_total',
    help: 'Queries above a limit of clients, those that were answered all the same among them (dryRun).',
    labels: ['limit'],
    read: from => [
      { labels: { limit: 'queries' }, value: counted(from, 'aboveRate') },
      { labels: { limit: 'answers' }, value: counted(from, 'aboveAnswerRate') },
    ],
  },
  {
    kind: 'gauge',
    name: 'rootwalk_dns_waiting_queries',
    help: 'Queries that wait for an answer now.',
    labels: [],
    read: from => one(from.waiting),
  },
  {
    kind: 'counter',
    name: 'rootwalk_shaped_answers_total',
    help: 'Answers made by DNS64, emptied by the rebinding guard, or denied as canary names.',
    labels: ['stage'],
    read: from => [
      { labels: { stage: 'dns64' }, value: counted(from, 'answeredByDns64') },
      { labels: { stage: 'rebinding' }, value: counted(from, 'blockedRebinding') },
      { labels: { stage: 'canary' }, value: counted(from, 'deniedCanaries') },
    ],
  },
  {
    kind: 'counter',
    name: 'rootwalk_dnssec_validations_total',
    help: 'Answers by what validation said; finished answers from the cache are not in it.',
    labels: ['result'],
    read: from => VALIDATION_RESULTS.map(result => ({ labels: { result }, value: cell(from, validationCell(result)) })),
  },
]

const CACHE: readonly Metric[] = [
  {
    kind: 'gauge',
    name: 'rootwalk_cache_entries',
    help: 'Entries by store.',
    labels: ['store'],
    read: from => from.stores.map(({ store, entries }) => ({ labels: { store }, value: entries })),
  },
  {
    kind: 'gauge',
    name: 'rootwalk_cache_bytes',
    help: 'Octets that entries count, by store.',
    labels: ['store'],
    read: from => from.stores.map(({ store, bytes }) => ({ labels: { store }, value: bytes })),
  },
  {
    kind: 'counter',
    name: 'rootwalk_cache_requests_total',
    help: 'Queries that the cache or a recursion answered.',
    labels: [],
    read: from => one(total(from, 'cache') + total(from, 'recursion')),
  },
  {
    kind: 'counter',
    name: 'rootwalk_cache_hits_total',
    help: 'Of these, answered from the cache: by a finished answer, or put together from data.',
    labels: ['type'],
    read: from => {
      const answers = counted(from, 'answeredFromCache')
      return [
        { labels: { type: 'answer' }, value: answers },
        { labels: { type: 'data' }, value: Math.max(0, total(from, 'cache') - answers) },
      ]
    },
  },
  {
    kind: 'counter',
    name: 'rootwalk_cache_prefetch_total',
    help: 'Popular answers that were fetched again before their end.',
    labels: [],
    read: from => one(counted(from, 'prefetches')),
  },
  {
    kind: 'counter',
    name: 'rootwalk_stale_answers_total',
    help: 'Answers given whose TTL was over: a failure just now, servers that take long, or a failure a moment before.',
    labels: ['because'],
    read: from => [
      { labels: { because: 'failed' }, value: counted(from, 'staleFailed') },
      { labels: { because: 'slow' }, value: counted(from, 'staleSlow') },
      { labels: { because: 'failed-before' }, value: counted(from, 'staleFailedBefore') },
    ],
  },
  {
    kind: 'counter',
    name: 'rootwalk_stale_refreshes_total',
    help: 'Resolutions of questions with such an answer that clients waited for, and those that failed.',
    labels: ['result'],
    read: from => [
      { labels: { result: 'any' }, value: counted(from, 'staleRefreshes') },
      { labels: { result: 'failed' }, value: counted(from, 'staleRefreshesFailed') },
    ],
  },
]

const UPSTREAM: readonly Metric[] = [
  {
    kind: 'counter',
    name: 'rootwalk_upstream_requests_total',
    help: 'Messages to servers by protocol.',
    labels: ['proto'],
    read: from => Object.entries(from.upstream.requests).map(([proto, value]) => ({ labels: { proto }, value })),
  },
  {
    kind: 'counter',
    name: 'rootwalk_upstream_timeouts_total',
    help: 'Messages to servers that no reply came to in time.',
    labels: [],
    read: from => one(from.upstream.timeouts),
  },
  {
    kind: 'histogram',
    name: 'rootwalk_upstream_request_duration_seconds',
    help: 'Round trips to servers that replied.',
    labels: [],
    read: ({ upstream: { boundsMs, buckets, sumMs } }) => [
      { labels: {}, bounds: seconds(boundsMs), counts: [...buckets], sum: sumMs / 1_000 },
    ],
  },
  {
    kind: 'gauge',
    name: 'rootwalk_resolutions',
    help: 'Resolutions in flight, those of server addresses and keys included.',
    labels: [],
    read: from => one(from.resolutions),
  },
]

const LISTS: readonly Metric[] = [
  {
    kind: 'gauge',
    name: 'rootwalk_list_rules',
    help: 'Rules that hold, by list; lists are those of the configuration.',
    labels: ['list'],
    read: from => from.lists.map(({ list, rules }) => ({ labels: { list }, value: rules })),
  },
  {
    kind: 'counter',
    name: 'rootwalk_list_hits_total',
    help: 'Answers that a rule of the list decided, to block or to allow.',
    labels: ['list'],
    read: from => from.lists.map(({ list, hits }) => ({ labels: { list }, value: hits })),
  },
  {
    kind: 'gauge',
    name: 'rootwalk_list_age_seconds',
    help: 'Time since the content of the list was seen last; absent where it never was.',
    labels: ['list'],
    read: from => from.lists.flatMap(({ list, ageS }) => (ageS === null ? [] : [{ labels: { list }, value: ageS }])),
  },
]

/** `view` is the first of those that have it; without one it is for all clients. */
const transferLabels = ({ zone, views: [view] }: Readings['transfers'][number]): Readonly<Record<string, string>> =>
  view === undefined ? { zone } : { zone, view }

const TRANSFERS: readonly Metric[] = [
  {
    kind: 'gauge',
    name: 'rootwalk_transfer_serial',
    help: 'Serial number of a zone that other servers send; zones are those of the configuration.',
    labels: ['zone', 'view'],
    read: from =>
      from.transfers.flatMap(one => (one.serial === null ? [] : [{ labels: transferLabels(one), value: one.serial }])),
  },
  {
    kind: 'gauge',
    name: 'rootwalk_transfer_confirmed_timestamp_seconds',
    help: 'When a primary last confirmed the zone, in seconds since 1970 UTC; absent where the zone never came.',
    labels: ['zone', 'view'],
    read: from =>
      from.transfers.flatMap(one =>
        one.confirmedAt === null ? [] : [{ labels: transferLabels(one), value: one.confirmedAt }],
      ),
  },
  {
    kind: 'gauge',
    name: 'rootwalk_transfer_usable',
    help: 'Is the zone there and not expired (1), or not (0)?',
    labels: ['zone', 'view'],
    read: from => from.transfers.map(one => ({ labels: transferLabels(one), value: one.state === 'current' ? 1 : 0 })),
  },
  {
    kind: 'counter',
    name: 'rootwalk_transfers_total',
    help: 'Transfers, and looks at all primaries without any that helped.',
    labels: ['zone', 'view', 'result'],
    read: from =>
      from.transfers.flatMap(one => [
        { labels: { ...transferLabels(one), result: 'done' }, value: one.transfers },
        { labels: { ...transferLabels(one), result: 'failed' }, value: one.failures },
      ]),
  },
]

const POLICIES: readonly Metric[] = [
  {
    kind: 'gauge',
    name: 'rootwalk_policy_zone_rules',
    help: 'Rules that hold, by policy zone of the configuration.',
    labels: ['zone'],
    read: from => from.policyZones.map(({ zone, rules }) => ({ labels: { zone }, value: rules })),
  },
  {
    kind: 'counter',
    name: 'rootwalk_policy_zone_hits_total',
    help: 'Queries that the zone decided, or would have, where it only logs.',
    labels: ['zone'],
    read: from => from.policyZones.map(({ zone, hits }) => ({ labels: { zone }, value: hits })),
  },
  {
    kind: 'counter',
    name: 'rootwalk_policy_program_calls_total',
    help: 'How often the program was asked; programs are those of the configuration.',
    labels: ['program'],
    read: from => from.programs.map(({ name, calls }) => ({ labels: { program: name }, value: calls })),
  },
  {
    kind: 'counter',
    name: 'rootwalk_policy_program_faults_total',
    help: 'Calls that came to no answer, by kind.',
    labels: ['program', 'fault'],
    read: from =>
      from.programs.flatMap(({ name, faults }) =>
        Object.entries(faults).map(([fault, value]) => ({ labels: { program: name, fault }, value })),
      ),
  },
  {
    kind: 'counter',
    name: 'rootwalk_policy_program_restarts_total',
    help: 'How often the thread of the program was started again.',
    labels: ['program'],
    read: from => from.programs.map(({ name, restarts }) => ({ labels: { program: name }, value: restarts })),
  },
  {
    kind: 'gauge',
    name: 'rootwalk_policy_program_memory_bytes',
    help: 'Heap and buffers of the thread of the program when it last answered.',
    labels: ['program', 'owner'],
    read: from =>
      from.programs.flatMap(({ name, memory }) =>
        memory === null
          ? []
          : [
              { labels: { program: name, owner: 'heap' }, value: memory.heap },
              { labels: { program: name, owner: 'buffers' }, value: memory.buffers },
            ],
      ),
  },
]

const LIMITS: readonly Metric[] = [
  {
    kind: 'counter',
    name: 'rootwalk_limit_hits_total',
    help: 'How often a bound of something shared was reached.',
    labels: ['limit'],
    read: from => from.limits.flatMap(({ limit, hits }) => (hits === null ? [] : [{ labels: { limit }, value: hits }])),
  },
  {
    kind: 'gauge',
    name: 'rootwalk_limit_used',
    help: 'How much of it is in use now.',
    labels: ['limit'],
    read: from => from.limits.flatMap(({ limit, used }) => (used === null ? [] : [{ labels: { limit }, value: used }])),
  },
  {
    kind: 'gauge',
    name: 'rootwalk_limit_most',
    help: 'The bound itself; this less what is used is the headroom.',
    labels: ['limit'],
    read: from => from.limits.map(({ limit, most }) => ({ labels: { limit }, value: most })),
  },
  {
    kind: 'counter',
    name: 'rootwalk_tls_handshakes_total',
    help: 'TLS handshakes with clients: begun, completed, and refused for want of room.',
    labels: ['state'],
    read: ({ handshakes: { admitted, completed, refused } }) => [
      { labels: { state: 'begun' }, value: admitted },
      { labels: { state: 'completed' }, value: completed },
      { labels: { state: 'refused' }, value: refused },
    ],
  },
  {
    kind: 'gauge',
    name: 'rootwalk_tcp_connections',
    help: 'Connections of clients over TCP, TLS and HTTPS.',
    labels: [],
    read: from => one(from.tcpConnections),
  },
]

const PROCESS: readonly Metric[] = [
  {
    kind: 'gauge',
    name: 'rootwalk_memory_bytes',
    help: 'Memory: resident of the whole process, the rest of the main thread.',
    labels: ['owner'],
    read: from => Object.entries(from.memory).map(([owner, value]) => ({ labels: { owner }, value })),
  },
  {
    kind: 'histogram',
    name: 'rootwalk_event_loop_lag_seconds',
    help: 'How late the event loop of the main thread is, looked at ten times a second.',
    labels: [],
    read: ({ lag: { boundsMs, buckets, sumMs } }) => [
      { labels: {}, bounds: seconds(boundsMs), counts: buckets, sum: sumMs / 1_000 },
    ],
  },
  {
    kind: 'counter',
    name: 'rootwalk_udp_receive_drops_total',
    help: 'Datagrams that the kernel dropped because they were not taken in time (Linux).',
    labels: [],
    read: from => (from.udpDrops === null ? [] : one(from.udpDrops)),
  },
  {
    kind: 'gauge',
    name: 'rootwalk_build_info',
    help: 'Always 1; the versions are in the labels.',
    labels: ['version', 'node'],
    read: ({ version, node }) => [{ labels: { version, node }, value: 1 }],
  },
  {
    kind: 'gauge',
    name: 'process_start_time_seconds',
    help: 'Start of the process in seconds since 1970 UTC.',
    labels: [],
    read: from => one(from.startedAt),
  },
  {
    kind: 'counter',
    name: 'process_cpu_seconds_total',
    help: 'Processor time of all threads.',
    labels: [],
    read: from => one(from.cpuS),
  },
]

/** Empty where no history is kept. */
const ofHistory =
  (read: (numbers: NonNullable<Readings['history']>) => number) =>
  ({ history }: Readings): readonly Sample[] =>
    history === null ? [] : one(read(history))

const HISTORY: readonly Metric[] = [
  {
    kind: 'counter',
    name: 'rootwalk_history_queries_total',
    help: 'Queries that the history keeps, or kept.',
    labels: [],
    read: ofHistory(({ kept }) => kept),
  },
  {
    kind: 'counter',
    name: 'rootwalk_history_dropped_total',
    help: 'Queries that it does not keep, since its thread was too slow or the disk did not take them.',
    labels: [],
    read: ofHistory(({ dropped }) => dropped),
  },
  {
    kind: 'counter',
    name: 'rootwalk_history_unnamed_total',
    help: 'Queries kept without their name, since the day has more names than fit.',
    labels: [],
    read: ofHistory(({ unnamed }) => unnamed),
  },
  {
    kind: 'gauge',
    name: 'rootwalk_history_bytes',
    help: 'Octets of the files of the history.',
    labels: [],
    read: ofHistory(({ bytes }) => bytes),
  },
]

const ofDnstap =
  (read: (numbers: NonNullable<Readings['dnstap']>) => number) =>
  ({ dnstap }: Readings): readonly Sample[] =>
    dnstap === null ? [] : one(read(dnstap))

const DNSTAP: readonly Metric[] = [
  {
    kind: 'counter',
    name: 'rootwalk_dnstap_frames_total',
    help: 'Messages that were handed to the receiver of dnstap.',
    labels: [],
    read: ofDnstap(({ sent }) => sent),
  },
  {
    kind: 'counter',
    name: 'rootwalk_dnstap_dropped_total',
    help: 'Messages that were not, since there was no connection or it did not take them in time.',
    labels: [],
    read: ofDnstap(({ dropped }) => dropped),
  },
  {
    kind: 'gauge',
    name: 'rootwalk_dnstap_connected',
    help: 'Is there a receiver (1) or not (0)?',
    labels: [],
    read: ofDnstap(({ isOpen }) => (isOpen ? 1 : 0)),
  },
]

export const METRICS: readonly Metric[] = [
  ...DNS,
  ...CACHE,
  ...UPSTREAM,
  ...SHARED,
  ...LISTS,
  ...TRANSFERS,
  ...POLICIES,
  ...LIMITS,
  ...HISTORY,
  ...DNSTAP,
  ...PROCESS,
]
