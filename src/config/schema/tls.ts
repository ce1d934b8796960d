/** Settings for what clients reach over TLS and HTTPS. */
import { z } from 'zod'
import type { RawConfig } from '../raw.ts'
import { atStart, originText } from './setting.ts'
import { SELF_SIGNED } from '../values.ts'

export const tlsSettings: z.ZodType<RawConfig['tls']> = z
  .strictObject({
    certificate: z
      .string()
      .min(1)
      .optional()
      .meta(
        atStart(
          'PEM file with the certificate of this server and those that it was signed by. Read again when it changes. ' +
            `"${SELF_SIGNED}" makes one for trials.`,
          { example: '/etc/rootwalk/cert.pem' },
        ),
      ),
    key: z
      .string()
      .min(1)
      .optional()
      .meta(
        atStart('PEM file with the private key of the certificate, without a passphrase.', {
          example: '/etc/rootwalk/key.pem',
        }),
      ),
  })
  .prefault({})
  .describe('What tls:// and https:// listeners show to clients.')

export const dohSettings: z.ZodType<RawConfig['doh']> = z
  .strictObject({
    origins: z
      .array(originText)
      .default([])
      .meta(
        atStart(
          'Web pages that may ask from a browser (CORS), by origin: scheme and host, and the port when it is no ' +
            'usual one. "*" lets every page ask. Browsers that use this server for themselves need no entry.',
          { example: ['https://dns.example'] },
        ),
      ),
  })
  .prefault({})
  .describe('DNS over HTTPS.')
