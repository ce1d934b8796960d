/** Settings that bound what is kept, what one query may cost, and what clients may take up. */
import { z } from 'zod'
import { defaultLimits } from '../../limits.ts'
import type { RawConfig } from '../raw.ts'
import { atStart, bytes, count, seconds } from './setting.ts'

const { budget, cache, server, tcp } = defaultLimits

export const cacheSettings: z.ZodType<RawConfig['cache']> = z
  .strictObject({
    bytes: bytes.default(cache.totalBytes).meta(
      atStart('Memory for everything that is cached, as a number of octets or as text such as "64MiB".', {
        unit: 'octets',
        example: '256MiB',
      }),
    ),
    minTtl: seconds
      .default(cache.minTtl)
      .meta(atStart('Answers are kept at least this long.', { unit: 'seconds', example: 60 })),
    maxTtl: seconds
      .default(cache.maxTtl)
      .meta(atStart('Answers are kept at most this long.', { unit: 'seconds', example: 43200 })),
    maxNegativeTtl: seconds
      .default(cache.maxNegativeTtl)
      .meta(atStart('Denials (NXDOMAIN and NODATA) are kept at most this long.', { unit: 'seconds', example: 900 })),
    rotate: z
      .enum(['fixed', 'cyclic', 'random'])
      .default(cache.rotate)
      .meta(
        atStart(
          'Order of the records in cached answers: as received, rotated by one each time, or rotated at random.',
          { example: 'cyclic' },
        ),
      ),
  })
  .prefault({})
  .describe('What is cached, and for how long.')

export const budgetSettings: z.ZodType<RawConfig['budget']> = z
  .strictObject({
    queries: count
      .max(1_000)
      .default(budget.queries)
      .meta(atStart('Messages sent to servers.', { unit: 'messages', example: 100 })),
    receivedBytes: count
      .default(budget.receivedBytes)
      .meta(atStart('Octets received from servers.', { unit: 'octets', example: 200000 })),
    timeMs: z
      .int()
      .min(100)
      .max(60_000)
      .default(budget.timeMs)
      .meta(atStart('Time until the query fails.', { unit: 'milliseconds', example: 5000 })),
    depth: count
      .max(64)
      .default(budget.depth)
      .meta(atStart('Nesting of look-ups of server addresses.', { unit: 'look-ups', example: 8 })),
    aliases: count
      .max(64)
      .default(budget.aliases)
      .meta(atStart('CNAME and DNAME records followed.', { unit: 'records', example: 16 })),
  })
  .prefault({})
  .describe('Total work for one client query. Never reset while it runs.')

export const clientsSettings: z.ZodType<RawConfig['clients']> = z
  .strictObject({
    udpReplyBytes: z
      .int()
      .min(512)
      .max(4_096)
      .default(server.udpReplyBytes)
      .meta(atStart('Largest UDP reply, whatever payload size a client offers.', { unit: 'octets', example: 1400 })),
    waiting: count.default(server.waitingPerClient).meta(
      atStart('Queries of one client address that may wait for an answer; more are dropped.', {
        unit: 'queries',
        example: 200,
      }),
    ),
    discardAfterMs: count.default(server.discardAfterMs).meta(
      atStart('Answers over UDP later than this are not sent to a client that has many queries waiting.', {
        unit: 'milliseconds',
        example: 1000,
      }),
    ),
  })
  .prefault({})
  .describe('Bounds for clients.')

export const tcpSettings: z.ZodType<RawConfig['tcp']> = z
  .strictObject({
    connections: count
      .default(tcp.connections)
      .meta(atStart('TCP connections in all.', { unit: 'connections', example: 200 })),
    connectionsPerPrefix: count
      .default(tcp.connectionsPerPrefix)
      .meta(atStart('TCP connections from one IPv4 address or IPv6 /64.', { unit: 'connections', example: 20 })),
    idleMs: z
      .int()
      .min(100)
      .default(tcp.idleMs)
      .meta(atStart('An idle connection is closed after this time.', { unit: 'milliseconds', example: 10000 })),
    pipelined: count
      .default(tcp.pipelined)
      .meta(
        atStart('Queries in progress on one connection; reading stops above it.', { unit: 'queries', example: 50 }),
      ),
  })
  .prefault({})
  .describe('Bounds for TCP clients.')
