/** Metrics of a cache that several instances share. */
import { type Metric, one, type Readings, type Sample, seconds } from './metric.ts'

/** Absent where there is no shared cache. */
const ofShared =
  (read: (from: NonNullable<Readings['shared']>) => readonly Sample[]) =>
  (from: Readings): readonly Sample[] =>
    from.shared === null ? [] : read(from.shared)

export const SHARED: readonly Metric[] = [
  {
    kind: 'counter',
    name: 'rootwalk_shared_cache_requests_total',
    help:
      'Look-ups in the shared cache by what came of them; "refused": a value without our seal, too large or of the ' +
      'future; "skipped": too many under way.',
    labels: ['result'],
    read: ofShared(({ requests: found }) =>
      Object.entries(found).map(([result, value]) => ({ labels: { result }, value })),
    ),
  },
  {
    kind: 'histogram',
    name: 'rootwalk_shared_cache_request_duration_seconds',
    help: 'Time of requests to the shared cache that were answered, each of one or more look-ups.',
    labels: [],
    read: ({ shared }) =>
      shared === null
        ? []
        : [{ labels: {}, bounds: seconds(shared.boundsMs), counts: [...shared.buckets], sum: shared.sumMs / 1_000 }],
  },
  {
    kind: 'gauge',
    name: 'rootwalk_shared_cache_up',
    help: '1 while the shared cache is asked, 0 while it is left alone or not connected.',
    labels: [],
    read: ofShared(({ state }) => one(state === 'closed' ? 1 : 0)),
  },
  {
    kind: 'counter',
    name: 'rootwalk_shared_cache_writes_total',
    help: 'Values for the shared cache: written, failed, or dropped for want of room or while it is left alone.',
    labels: ['result'],
    read: ofShared(({ writes }) => Object.entries(writes).map(([result, value]) => ({ labels: { result }, value }))),
  },
  {
    kind: 'gauge',
    name: 'rootwalk_shared_cache_waiting_writes',
    help: 'Values that wait to be written.',
    labels: [],
    read: ofShared(({ waiting }) => one(waiting)),
  },
  {
    kind: 'counter',
    name: 'rootwalk_shared_cache_removals_total',
    help: 'Flushes that this instance or another one made.',
    labels: [],
    read: ofShared(({ removals }) => one(removals)),
  },
  {
    kind: 'counter',
    name: 'rootwalk_shared_cache_refused_messages_total',
    help: 'Messages between instances that had no seal of theirs.',
    labels: [],
    read: ofShared(({ refusedMessages }) => one(refusedMessages)),
  },
  {
    kind: 'gauge',
    name: 'rootwalk_shared_cache_instances',
    help: 'Instances that are there, this one included.',
    labels: [],
    read: ofShared(({ instances }) => one(instances.length + 1)),
  },
]
