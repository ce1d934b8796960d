/** Settings of what lasts longer than the process. */
import { z } from 'zod'
import type { RawConfig } from '../raw.ts'
import { atStart } from './setting.ts'

export const stateSetting: z.ZodType<string | undefined> = z
  .string()
  .min(1)
  .optional()
  .meta(
    atStart(
      'Directory of what lasts longer than the process: the cache, trust anchors that rolled over, changes made ' +
        'through the API, and their history. Made at the start, for its owner alone, where it is missing. ' +
        'Without it nothing is kept.',
      { example: '/var/lib/rootwalk' },
    ),
  )

/** One a day, so that a mistake of the unit does not look like none at all. */
const MAX_INTERVAL_S = 86_400

export const persistenceSettings: z.ZodType<RawConfig['persistence']> = z
  .strictObject({
    intervalS: z
      .int()
      .min(1)
      .max(MAX_INTERVAL_S)
      .default(300)
      .meta(
        atStart(
          'How often the cache is written to the `state` directory, besides at the end. A process that is killed ' +
            'loses what it learnt since.',
          { unit: 'seconds', example: 60 },
        ),
      ),
  })
  .prefault({})
  .describe('The cache over restarts. Off without `state`.')
