/** How policies written as programs are named. */
import { z } from 'zod'
import { defaultLimits } from '../../limits.ts'
import type { RawConfig } from '../raw.ts'
import { onReload } from './setting.ts'

const FORM = /\.[cm]?[jt]s$/
const formError = { error: 'expected a file that ends with .ts, .mts, .js or .mjs' }

const file: z.ZodType<string> = z.string().regex(FORM, formError).describe('The file, relative to this one. Watched.')

export const policySetting: z.ZodType<RawConfig['policy']> = z
  .array(
    z.union(
      [
        file,
        z.strictObject({
          file,
          isolated: z
            .boolean()
            .default(true)
            .describe('In a thread of its own, which can be ended. false: in the thread of the server.'),
        }),
      ],
      { error: 'expected a file such as "office.policy.ts", or {"file": "office.policy.ts", "isolated": false}' },
    ),
  )
  .max(defaultLimits.code.policies)
  .default([])
  .meta(
    onReload('Policies written as programs, in their order (docs/policy-code.md).', { example: ['office.policy.ts'] }),
  )
