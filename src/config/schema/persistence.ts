/** Settings of what lasts longer than the process. */
import { z } from 'zod'
import { atStart } from './setting.ts'

export const stateSetting: z.ZodType<string | undefined> = z
  .string()
  .min(1)
  .optional()
  .meta(
    atStart(
      'Directory of what lasts longer than the process. Made at the start, for its owner alone, where it is missing. ' +
        'Without it nothing is kept.',
      { example: '/var/lib/rootwalk' },
    ),
  )
