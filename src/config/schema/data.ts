/** How zones and records that are served from here are written, and forward and stub zones. */
import { z } from 'zod'
import { parsePrimary, parseUpstream } from '../../zone/upstream-text.ts'
import type { RawConfig, RawRecords, RawSecondary, RawZoneFile } from '../raw.ts'
import { prefixText } from './setting.ts'

const primary = z.string().superRefine((text, context) => {
  const parsed = parsePrimary(text)
  if ('error' in parsed) context.addIssue({ code: 'custom', message: parsed.error })
})

/** Where a zone comes from that other servers send: zones served here, and response policy zones. */
export const transferFields: {
  readonly primaries: z.ZodType<readonly string[]>
  readonly tsig: z.ZodOptional<z.ZodType<string>>
  readonly notify: z.ZodDefault<z.ZodArray<z.ZodType<string>>>
} = {
  primaries: z
    .array(primary)
    .min(1, { error: 'expected at least one server' })
    .describe('Servers that send the zone: addresses, or tls://192.0.2.1#dns.example for transfers over TLS.'),
  tsig: z
    .string()
    .min(1)
    .optional()
    .describe('A file with the key that transfers are signed with, as tsig-keygen writes it.'),
  notify: z
    .array(prefixText)
    .default([])
    .describe('Addresses that may say that the zone has changed (NOTIFY), besides the primaries.'),
}

const secondaryEntry = z.strictObject({
  zone: z.string().min(1).describe('The zone, which is kept as a copy and answered from it.'),
  ...transferFields,
})

const fileFields = {
  file: z.string().min(1).describe('A master file, or a pattern with * and ?.'),
  origin: z
    .string()
    .min(1)
    .optional()
    .describe('The first origin, for a file that has no $ORIGIN and is not called after its zone.'),
} as const

const zoneForms =
  'expected a file or pattern such as "zones/*.zone", {"file": …, "origin": …}, ' +
  'or {"zone": "corp.example", "primaries": ["192.0.2.1"]}'

/** A zone of a view. */
export const viewZoneEntry: z.ZodType<RawZoneFile | RawSecondary> = z.union(
  [z.string().min(1), z.strictObject(fileFields), secondaryEntry],
  { error: zoneForms },
)

export const zoneEntry: z.ZodType<RawConfig['zones'][number]> = z.union(
  [
    z.string().min(1),
    z.strictObject({
      ...fileFields,
      editable: z
        .boolean()
        .optional()
        .describe('May changes through the API be written into the file? Else they are laid over it.'),
    }),
    secondaryEntry,
  ],
  { error: zoneForms },
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

const upstream = z.string().superRefine((text, context) => {
  const parsed = parseUpstream(text)
  if ('error' in parsed) context.addIssue({ code: 'custom', message: parsed.error })
})

const to = z
  .union([upstream, z.array(upstream).min(1, { error: 'expected at least one server' })], {
    error: 'expected a server such as "192.0.2.1" or "tls://9.9.9.9#dns.quad9.net", or a list of them',
  })
  .describe('The servers, in any order: the quickest are asked, the others when these fail.')

const zone = z.string().min(1).describe('This name and all names below it; "." is all names.')

export const forwardEntry: z.ZodType<RawConfig['forward'][number]> = z.strictObject(
  {
    zone,
    to,
    recurseOnFailure: z
      .boolean()
      .default(false)
      .describe('When all of the servers fail, resolve the name from the root instead.'),
    authorities: z
      .array(z.string().min(1))
      .default([])
      .describe('Files with certificates in PEM that are trusted for these servers instead of those of the system.'),
  },
  { error: issue => (issue.code === 'invalid_type' ? 'expected {"zone": ".", "to": ["192.0.2.1"]}' : undefined) },
)

export const stubEntry: z.ZodType<RawConfig['stub'][number]> = z.strictObject(
  { zone, to },
  {
    error: issue =>
      issue.code === 'invalid_type' ? 'expected {"zone": "corp.example", "to": ["10.0.0.53"]}' : undefined,
  },
)
