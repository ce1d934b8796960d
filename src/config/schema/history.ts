/** Settings of what is kept and reported of queries. */
import { z } from 'zod'
import type { RawConfig } from '../raw.ts'
import { parseDnstap } from '../values.ts'
import { atStart, bytes, onReload } from './setting.ts'

/** Ten years. */
const MAX_DAYS = 3_650

export const historySettings: z.ZodType<RawConfig['history']> = z
  .strictObject({
    directory: z
      .string()
      .min(1)
      .optional()
      .meta(
        atStart(
          'Directory of the files with the queries that were answered, one a day. Off when absent. Needs Node.js ' +
            '22.13 or later; before, the latest 100,000 queries are kept in memory only.',
          { example: '/var/lib/rootwalk/history' },
        ),
      ),
    days: z
      .int()
      .min(1)
      .max(MAX_DAYS)
      .default(7)
      .meta(onReload('How long queries are kept, today among the days.', { unit: 'days', example: 30 })),
    bytes: bytes.default('2GiB').meta(
      onReload('Octets of all files together; the oldest go first. Some 100 octets a query.', {
        unit: 'octets',
        example: '500MiB',
      }),
    ),
    clients: z
      .enum(['full', 'masked', 'none'])
      .default('full')
      .meta(
        onReload('How much of a client’s address is kept: all of it, its /24 or /56, or nothing.', {
          example: 'masked',
        }),
      ),
  })
  .prefault({})
  .describe('History of client queries, to search through the API and `rootwalk queries`.')

export const dnstapSettings: z.ZodType<RawConfig['dnstap']> = z
  .strictObject({
    to: z
      .string()
      .refine(text => parseDnstap(text) !== null, { error: 'expected unix:PATH, tcp:HOST:PORT or file:PATH' })
      .optional()
      .meta(
        atStart(
          'Where queries of clients and their responses are reported to, as dnstap over Frame Streams: unix:PATH, ' +
            'tcp:HOST:PORT or file:PATH. Off when absent. With it no listener thread answers by itself.',
          { example: 'unix:/run/dnstap.sock' },
        ),
      ),
  })
  .prefault({})
  .describe('Reports of messages for other programs (dnstap).')
