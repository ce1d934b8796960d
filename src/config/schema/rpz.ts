/** Response policy zones: where they come from, and what their rules do. */
import { z } from 'zod'
import type { RawConfig } from '../raw.ts'
import { transferFields } from './data.ts'
import { onReload } from './setting.ts'

const MOST_TTL = 86_400

const common = {
  zone: z.string().min(1).describe('Its name, which its owners end in.'),
  action: z
    .union(
      [
        z.enum(['given', 'log', 'passthru', 'drop', 'tcp-only', 'nxdomain', 'nodata']),
        z.strictObject({ cname: z.string().min(1).describe('The name that all rules send to.') }),
      ],
      { error: 'expected "given", "log", "passthru", "drop", "tcp-only", "nxdomain", "nodata", or {"cname": NAME}' },
    )
    .default('given')
    .describe('"given": what its rules say. "log": they are reported, and change nothing. Others: for all its rules.'),
  order: z
    .enum(['early', 'strict'])
    .default('early')
    .describe(
      '"early": a rule for the question decides before anyone is asked, unless an earlier zone may decide on ' +
        'the answer. "strict": after the answer is known, so that servers do not see what is listed.',
    ),
  maxTtl: z.int().min(0).max(MOST_TTL).default(5).describe('Bound of the TTLs of what its rules make. Seconds.'),
  ede: z
    .enum(['blocked', 'censored', 'filtered', 'prohibited', 'none'])
    .default('blocked')
    .describe('Extended DNS Error of what its rules make (RFC 8914).'),
  missing: z
    .enum(['serve', 'servfail'])
    .default('serve')
    .describe('Until it has been loaded for the first time: answer without it, or SERVFAIL.'),
} as const

export const rpzSettings: z.ZodType<RawConfig['rpz']> = z
  .array(
    z.union(
      [
        z.strictObject({ ...common, file: z.string().min(1).describe('A master file. Watched and reloaded.') }),
        z.strictObject({ ...common, ...transferFields }),
      ],
      { error: 'expected {"zone": "rpz.example", "file": …} or {"zone": "rpz.example", "primaries": ["192.0.2.1"]}' },
    ),
  )
  .default([])
  .meta(
    onReload(
      'Response policy zones (docs/rpz.md), in order of precedence: names and addresses that are answered by rule.',
      { example: [{ zone: 'rpz.example', file: 'rpz.example.zone' }] },
    ),
  )
