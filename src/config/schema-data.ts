/** How zones and records that are served from here are written. */
import { z } from 'zod'
import type { RawConfig, RawRecords } from './raw.ts'

export const zoneEntry: z.ZodType<RawConfig['zones'][number]> = z.union(
  [
    z.string().min(1),
    z.strictObject({
      file: z.string().min(1).describe('A master file, or a pattern with * and ?.'),
      origin: z
        .string()
        .min(1)
        .optional()
        .describe('The first origin, for a file that has no $ORIGIN and is not called after its zone.'),
    }),
  ],
  { error: 'expected a file or pattern such as "zones/*.zone", or {"file": …, "origin": …}' },
)

const recordData = z.union([z.string(), z.array(z.string()).min(1)], {
  error: 'expected the data of a record as text, or a list of them',
})
export const records: z.ZodType<RawRecords> = z.union(
  [
    z.record(z.string(), z.object({ ttl: z.int().min(0).max(0x7fff_ffff).optional() }).catchall(recordData.optional())),
    z.array(z.string().min(1)),
  ],
  { error: 'expected {"name": {"A": "192.0.2.1"}} or a list of lines such as "name. 300 IN A 192.0.2.1"' },
)
