/** The network of the engine, counted: messages by protocol, time-outs, and how long replies took. */
import type { Network, Transport } from '../ports.ts'

/** Upper bounds in ms. One more count is of what took longer. */
export const UPSTREAM_BUCKETS_MS: readonly number[] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096]

export interface UpstreamCounts {
  readonly requests: Record<Transport, number>
  timeouts: number
  readonly buckets: Float64Array
  sumMs: number
}

export const newUpstreamCounts = (): UpstreamCounts => ({
  requests: { udp: 0, tcp: 0, tls: 0, https: 0, http: 0 },
  timeouts: 0,
  buckets: new Float64Array(UPSTREAM_BUCKETS_MS.length + 1),
  sumMs: 0,
})

export function countedNetwork(network: Network, counts: UpstreamCounts): Network {
  return {
    exchange(server, transport, query, timeoutMs, done) {
      counts.requests[transport]++
      return network.exchange(server, transport, query, timeoutMs, result => {
        if (result.kind === 'timeout') counts.timeouts++
        else if (result.kind === 'reply') {
          const bucket = UPSTREAM_BUCKETS_MS.findIndex(bound => result.rttMs <= bound)
          const at = bucket < 0 ? UPSTREAM_BUCKETS_MS.length : bucket
          counts.buckets[at] = (counts.buckets[at] ?? 0) + 1
          counts.sumMs += result.rttMs
        }
        done(result)
      })
    },
  }
}
