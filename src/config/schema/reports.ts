/** Settings for what is written and shown: about the server itself, to the log, about queries. */
import { z } from 'zod'
import { MAX_STRING_OCTETS } from '../../presentation/text.ts'
import type { RawConfig } from '../raw.ts'
import { atStart, onReload } from './setting.ts'

const shortText = z.string().refine(text => new TextEncoder().encode(text).length <= MAX_STRING_OCTETS, {
  error: `expected at most ${MAX_STRING_OCTETS} octets`,
})

export const identitySettings: z.ZodType<RawConfig['identity']> = z
  .strictObject({
    version: shortText
      .default('hidden')
      .meta(onReload('Answer to version.bind; "hidden" refuses.', { example: 'rootwalk' })),
    id: shortText
      .default('hidden')
      .meta(onReload('Answer to id.server, hostname.bind and NSID; "hidden" refuses.', { example: 'ns1.example.com' })),
  })
  .prefault({})
  .describe('Information about the server itself that clients may query.')

export const logSettings: z.ZodType<RawConfig['log']> = z
  .strictObject({
    level: z
      .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
      .default('info')
      .meta(onReload('Lowest level of the messages that are written.', { example: 'warn' })),
    form: z
      .enum(['auto', 'pretty', 'json'])
      .default('auto')
      .meta(
        atStart('Format of the log. "auto": readable text on a terminal, JSON lines elsewhere.', {
          example: 'json',
        }),
      ),
  })
  .prefault({})
  .describe('Messages on standard error.')

export const queryLogSettings: z.ZodType<RawConfig['queryLog']> = z
  .strictObject({
    file: z
      .string()
      .min(1)
      .optional()
      .meta(
        onReload('File that gets one JSON line for each query. Off when absent.', {
          example: '/var/log/rootwalk/queries.jsonl',
        }),
      ),
    clients: z
      .enum(['full', 'prefix', 'none'])
      .default('full')
      .meta(
        onReload('How much of a client’s address is written: all of it, its /24 or /56, or nothing.', {
          example: 'prefix',
        }),
      ),
  })
  .prefault({})
  .describe('Log of client queries.')
