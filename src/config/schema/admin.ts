/** Settings of the API. */
import { z } from 'zod'
import type { RawConfig } from '../raw.ts'
import { atStart, onReload, prefixText } from './setting.ts'
import { adminAddressError, readAdminAddress } from '../bindings.ts'
import { parseInstant } from '../values.ts'

const adminBinding: z.ZodType<string> = z.string().refine(text => readAdminAddress(text) !== null, {
  error: issue => adminAddressError(String(issue.input)),
})

const token = z.strictObject({
  name: z
    .string()
    .regex(/^[\w.-]{1,64}$/, { error: 'expected letters, digits, ".", "-" and "_"' })
    .meta(onReload('What the audit log calls it.', { example: 'ci' })),
  scope: z.enum(['read', 'operate', 'write', 'admin']).meta(
    onReload('What it may do: look, flush and hold back validation, change zones and settings, tokens and all.', {
      example: 'read',
    }),
  ),
  sha256: z
    .string()
    .regex(/^[\da-f]{64}$/i, { error: 'expected 64 hexadecimal digits; `rootwalk token create` prints them' })
    .meta(
      onReload('SHA-256 of the token.', {
        example: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
      }),
    ),
  expires: z
    .string()
    .refine(text => parseInstant(text) !== null, { error: 'expected a date such as 2027-01-01' })
    .optional()
    .meta(onReload('When it stops being taken.', { example: '2027-01-01' })),
})

const origin: z.ZodType<string> = z
  .string()
  .refine(text => text !== '*', {
    error: 'expected origins by name: "*" would let every page in a browser use the API',
  })
  .refine(text => text === '*' || /^https?:\/\/(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i.test(text), {
    error: 'expected an origin such as https://dash.example, without a path',
  })

export const adminSettings: z.ZodType<RawConfig['admin']> = z
  .strictObject({
    listen: z
      .union([adminBinding, z.array(adminBinding)])
      .default([])
      .meta(
        atStart('Where the API can be reached: an address and port, unix:PATH, or https://ADDRESS:PORT.', {
          example: ['127.0.0.1:8530', 'unix:/run/rootwalk/admin.sock'],
        }),
      ),
    pathPrefix: z
      .string()
      .regex(/^\/(?:[\w.~-]+\/)*$/, { error: 'expected a path that begins and ends with "/"' })
      .default('/')
      .meta(atStart('What a proxy puts in front of all paths.', { example: '/dns/' })),
    tokens: z
      .array(token)
      .default([])
      .meta(
        onReload('Who may use the API from elsewhere than its unix socket.', {
          example: [
            { name: 'ci', scope: 'read', sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08' },
          ],
        }),
      ),
    dashboard: z
      .boolean()
      .default(true)
      .meta(
        onReload('Pages for a browser under the same address: what happens now, the live tail, walks, the cache.', {
          example: false,
        }),
      ),
    origins: z
      .array(origin)
      .default([])
      .meta(onReload('Pages elsewhere that may use the API in a browser.', { example: ['https://dash.example'] })),
    visits: z
      .strictObject({
        allow: z
          .array(prefixText)
          .default([])
          .meta(
            onReload(
              'Networks that URLs opened through the API may lead to though they are private, this machine or ' +
                'otherwise not of the public internet. Whoever may use the API reaches what is in them.',
              { example: ['10.20.0.0/16'] },
            ),
          ),
      })
      .prefault({}),
  })
  .prefault({})
  .describe('The API, for programs and for `rootwalk status` and its like. Off until it listens.')
