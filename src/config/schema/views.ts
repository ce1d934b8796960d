/** How clients are named, in views and in access rules, and what a view has of its own. */
import { z } from 'zod'
import type { RawConfig } from '../raw.ts'
import { forwardEntry, records, stubEntry, viewZoneEntry } from './data.ts'
import { viewDns64, viewRebinding } from './shaping.ts'
import { bindingText, onReload, prefixText } from './setting.ts'

/** A label as `net/client-id.ts` takes it, and a host name with perhaps `*.` in front. */
const idText = z.string().regex(/^[A-Za-z0-9_-]{1,63}$/, { error: 'expected a label such as "tablet"' })
const serverNameText = z.string().regex(/^(\*\.)?[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*$/, {
  error: 'expected a host name such as "kids.dns.example", or "*.dns.example" for all below one',
})

const selector = {
  clients: z.array(prefixText).default([]).describe('Addresses and blocks; the longest one that matches decides.'),
  listeners: z.array(bindingText).default([]).describe('Where they come in, as written in "listen"; asked last.'),
  serverNames: z.array(serverNameText).default([]).describe('Names in the TLS handshake; asked before addresses.'),
  clientIds: z
    .array(idText)
    .default([])
    .describe('What they call themselves over TLS or HTTPS; asked first. A label, no proof.'),
}

const names = 'by "clients" (addresses), "listeners", "serverNames" (TLS) or "clientIds"'

export const accessSettings: z.ZodType<RawConfig['access']> = z
  .array(
    z.strictObject(
      {
        ...selector,
        action: z
          .enum(['allow', 'refuse', 'drop', 'local'])
          .describe('"local": names of local zones are answered, all else is refused.'),
      },
      { error: issue => (issue.code === 'invalid_type' ? 'expected {"clients": […], "action": "allow"}' : undefined) },
    ),
  )
  .default([])
  .meta(
    onReload(
      `What clients may do, for more than "allow" can say. Clients are named ${names}; what says most about a client ` +
        'decides. "allow" is the same as a last entry with the action "allow"; all others are refused.',
      { example: [{ clients: ['192.168.9.0/24'], action: 'local' }] },
    ),
  )

/** The byte path has eight bits for it. */
const MAX_VIEWS = 255

export const viewSettings: z.ZodType<RawConfig['views']> = z
  .array(
    z.strictObject({
      name: z
        .string()
        .regex(/^[A-Za-z0-9_.-]{1,63}$/, { error: 'expected a short name such as "kids"' })
        .describe('For logs and messages.'),
      ...selector,
      zones: z
        .array(viewZoneEntry)
        .default([])
        .describe('Zones of its own, of files and of other servers, before those of all.'),
      records: records.default({}).describe('Records of its own, before those of all.'),
      forward: z.array(forwardEntry).default([]).describe('Forward zones of its own, before those of all.'),
      stub: z.array(stubEntry).default([]).describe('Stub zones of its own, before those of all.'),
      lists: z
        .array(z.string())
        .optional()
        .describe('Names of the lists that hold, "rules" for the rules of one\'s own; absent: those for all.'),
      dns64: viewDns64.describe('In the place of "dns64" for all; false: none.'),
      rebinding: viewRebinding.describe('In the place of "rebinding" for all; false: none.'),
      queryLog: z.boolean().default(true).describe('Are its queries in the query log and the live streams?'),
    }),
  )
  .max(MAX_VIEWS)
  .default([])
  .meta(
    onReload(
      `Clients for whom something else holds (docs/policy.md), named ${names}. Each client is in one view: what says ` +
        'most about it decides, all others are in the view "default".',
      { example: [{ name: 'kids', clients: ['192.168.2.0/24'], forward: [{ zone: '.', to: ['192.0.2.53'] }] }] },
    ),
  )
