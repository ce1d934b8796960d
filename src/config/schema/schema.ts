/**
 * What a configuration file may say: one schema, from which validation, the JSON Schema for editors,
 * `docs/settings.md`, the flags of `serve` and the environment variables are all made. It knows forms and defaults;
 * what a value means to the program is decided in `make.ts`. Groups of settings are in files next to this one.
 */
import { z } from 'zod'
import { formMessage } from '../../presentation/form-message.ts'
import type { RawConfig } from '../raw.ts'
import { adminSettings } from './admin.ts'
import { budgetSettings, cacheSettings, clientsSettings, tcpSettings } from './bounds.ts'
import { forwardEntry, records, stubEntry, zoneEntry } from './data.ts'
import { dnstapSettings, historySettings } from './history.ts'
import { listsSetting, rulesSetting } from './lists.ts'
import { persistenceSettings, stateSetting } from './persistence.ts'
import { policySetting } from './policy.ts'
import { sharedCacheSettings } from './shared-cache.ts'
import { cookieSettings, rateLimitSettings } from './limits.ts'
import { identitySettings, logSettings, queryLogSettings } from './reports.ts'
import { dnssecSettings, upstreamSettings } from './servers.ts'
import { dohSettings, tlsSettings } from './tls.ts'
import { accessSettings, viewSettings } from './views.ts'
import { canarySettings, dns64Settings, rebindingSettings, serveStaleSettings, ttlEntry } from './shaping.ts'
import { rpzSettings } from './rpz.ts'
import { atStart, bindingText, onReload, prefixText } from './setting.ts'

/** Each has its own heap, and answers some 100,000 queries a second: above that the network card is the bound. */
const MAX_THREADS = 64
/** Service managers kill what has not ended after 90 s (systemd), 30 s (Kubernetes) or 10 s (Docker). */
const MAX_DRAIN_S = 60

/** One thing that is wrong, with where it is. `unknownKeys` are keys of the object at `path` that mean nothing. */
export interface SchemaIssue {
  readonly path: readonly (string | number)[]
  readonly message: string
  readonly unknownKeys: readonly string[]
}

export type Validated =
  | { readonly kind: 'valid'; readonly config: RawConfig }
  | { readonly kind: 'invalid'; readonly issues: readonly SchemaIssue[] }

export function validateConfig(value: unknown): Validated {
  // The parser that zod would generate for an object costs more than this one parse.
  const parsed = configSchema.safeParse(value, { jitless: true, error: formMessage })
  return parsed.success
    ? { kind: 'valid', config: parsed.data }
    : { kind: 'invalid', issues: parsed.error.issues.flatMap(issue => plainIssues(issue, [])) }
}

const configSchema = z.strictObject({
  $schema: z.string().optional().describe('The JSON Schema of this file, for completion in editors. Has no effect.'),

  listen: z
    .array(bindingText)
    .min(1)
    .default(['127.0.0.1:53', '[::1]:53'])
    .meta(
      atStart(
        'Addresses and ports for UDP and TCP; tls:// for DNS over TLS (port 853), https:// for DNS over HTTPS (port ' +
          '443, path /dns-query), http:// for the latter with a proxy in front that encrypts. tls+proxy://, ' +
          'https+proxy://, http+proxy:// and tcp+proxy:// take connections with a PROXY header only. 0.0.0.0 and ' +
          '[::] mean every local address of the family.',
        { example: ['127.0.0.1:53', '192.168.1.10:53', 'tls://192.168.1.10', 'https://192.168.1.10/dns-query'] },
      ),
    ),
  udp: z
    .enum(['auto', 'batch', 'plain'])
    .default('auto')
    .meta(
      atStart(
        'How datagrams are received and sent. "batch" (Linux): many with one system call, ' +
          'in threads that answer from the cache. ' +
          '"plain": one by one through node:dgram. "auto": in batches where that is possible.',
        { example: 'plain' },
      ),
    ),
  threads: z
    .int()
    .min(1)
    .max(MAX_THREADS)
    .default(1)
    .meta(
      atStart(
        'Threads that answer from the cache, with "batch". More than one helps only when one keeps a core busy.',
        {
          unit: 'threads',
          example: 2,
        },
      ),
    ),
  allow: z
    .array(prefixText)
    .default(['127.0.0.0/8', '::1/128'])
    .meta(
      onReload('Clients that may send queries. All others get REFUSED.', {
        example: ['127.0.0.0/8', '::1/128', '192.168.0.0/16'],
      }),
    ),

  access: accessSettings,
  views: viewSettings,
  rateLimit: rateLimitSettings,
  cookies: cookieSettings,

  tls: tlsSettings,
  proxies: z
    .array(prefixText)
    .default([])
    .meta(
      atStart(
        'Proxies that may name the client they speak for: in a PROXY header (version 2) on a +proxy listener, in ' +
          'X-Forwarded-For over HTTP. The access list holds for the proxy and for the client that it names.',
        { example: ['127.0.0.1', '::1'] },
      ),
    ),
  doh: dohSettings,
  ddr: z
    .boolean()
    .default(true)
    .meta(
      onReload(
        'Announce the encrypted listeners to clients that ask _dns.resolver.arpa (RFC 9462), under the first name ' +
          'of the certificate. Not with a self-signed one, and not for listeners behind a proxy.',
        { example: false },
      ),
    ),

  zones: z
    .array(zoneEntry)
    .default([])
    .meta(
      onReload(
        'Zone files of zones served locally, as files or patterns relative to this file. Watched and reloaded.',
        { example: ['zones/*.zone'] },
      ),
    ),
  rpz: rpzSettings,
  records: records.default({}).meta(
    onReload('Single records that override the Internet: name → type → data. Other names are resolved as usual.', {
      example: { 'printer.lan': { A: '192.0.2.7' } },
    }),
  ),
  reverse: z
    .boolean()
    .default(true)
    .meta(
      onReload(
        'Make PTR records for private addresses in "records", unless a local record or zone has the reverse name. ' +
          'Addresses in zone files get none: write a reverse zone.',
        { example: false },
      ),
    ),
  any: z
    .enum(['minimal', 'tcp', 'resolve'])
    .default('minimal')
    .meta(
      onReload(
        'Questions of type ANY. "minimal": the CNAME, that there is no such name, or a short HINFO (RFC 8482). ' +
          '"resolve": all that the servers of the name give. "tcp": that over TCP, minimal over UDP.',
        { example: 'resolve' },
      ),
    ),
  specialUse: z
    .union([z.boolean(), z.record(z.string(), z.boolean())], { error: 'expected true, false, or {"name": false}' })
    .default(true)
    .meta(
      onReload(
        'Answer special-use names (localhost, private reverse zones, .onion …) here: true, false, or {"name": false} ' +
          'to leave out single ones.',
        { example: { 'home.arpa.': false } },
      ),
    ),
  rootHints: z
    .string()
    .min(1)
    .optional()
    .meta(
      onReload('A hints file instead of the built-in root servers. SIGHUP reads it again.', { example: 'root.hints' }),
    ),

  forward: z
    .array(forwardEntry)
    .default([])
    .meta(
      onReload(
        'Zones that other resolvers answer (docs/forwarding.md). The longest zone wins; local zones and records come ' +
          'before. A server is an address (192.0.2.1, 192.0.2.1:5353, [2001:db8::1]:53), ' +
          'tls://192.0.2.1#dns.example, tls://192.0.2.1?pin-sha256=…, or https://dns.example/dns-query, with ' +
          '@192.0.2.7 after it for its address.',
        { example: [{ zone: '.', to: ['tls://9.9.9.9#dns.quad9.net', 'tls://149.112.112.112#dns.quad9.net'] }] },
      ),
    ),
  stub: z
    .array(stubEntry)
    .default([])
    .meta(
      onReload('Zones whose own servers are at these addresses, whatever the public DNS says of them.', {
        example: [{ zone: 'corp.example', to: ['10.0.0.53', '10.0.0.54:5353'] }],
      }),
    ),

  rules: rulesSetting,

  lists: listsSetting,

  policy: policySetting,

  upstream: upstreamSettings,

  dnssec: dnssecSettings,

  cache: cacheSettings,

  ttl: z
    .array(ttlEntry)
    .default([])
    .meta(
      atStart('Bounds of TTLs for single zones, in place of those of "cache".', {
        example: [{ zone: 'dyn.example', maxS: 60, negativeMaxS: 10 }],
      }),
    ),

  serveStale: serveStaleSettings,

  dns64: dns64Settings,

  rebinding: rebindingSettings,

  canary: canarySettings,

  budget: budgetSettings,

  clients: clientsSettings,

  tcp: tcpSettings,

  identity: identitySettings,

  warmUp: z
    .boolean()
    .default(true)
    .meta(
      atStart(
        'Resolve made-up questions in a private engine in the idle time after the start of `serve`, so that the code ' +
          'is compiled when clients come. Costs about two seconds of processor time; the first thousand look-ups ' +
          'take less than half as long.',
        { example: false },
      ),
    ),

  drainS: z
    .int()
    .min(0)
    .max(MAX_DRAIN_S)
    .default(0)
    .meta(
      onReload(
        'How long a server that is to end still answers all queries, while it says to balancers that it is not ' +
          'ready (ready.server. CH TXT, /readyz): longer than they take to notice. A second signal ends it at once.',
        { unit: 'seconds', example: 5 },
      ),
    ),

  log: logSettings,

  queryLog: queryLogSettings,

  state: stateSetting,

  persistence: persistenceSettings,
  sharedCache: sharedCacheSettings,
  history: historySettings,

  dnstap: dnstapSettings,

  admin: adminSettings,
})

/** As JSON Schema (draft 7), of what may be written. */
export const schemaAsJson = (): unknown => z.toJSONSchema(configSchema, { io: 'input', target: 'draft-7' })

/** As many as there are settings to mend. */
const faultsIn = (issues: readonly z.core.$ZodIssue[]): number =>
  issues.reduce((sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 1), 0)

/** Of alternatives that all fail, what is wrong for the closest one is reported: got into, and with least faults. */
function plainIssues(issue: z.core.$ZodIssue, above: readonly PropertyKey[]): SchemaIssue[] {
  const path = [...above, ...issue.path]
  if (issue.code === 'invalid_union') {
    const inside = issue.errors
      .filter(branch => branch.some(inner => inner.path.length > 0 || inner.code === 'unrecognized_keys'))
      .reduce<readonly z.core.$ZodIssue[] | undefined>(
        (least, branch) => (least === undefined || faultsIn(branch) < faultsIn(least) ? branch : least),
        undefined,
      )
    if (inside !== undefined) return inside.flatMap(inner => plainIssues(inner, path))
  }
  const unknownKeys = issue.code === 'unrecognized_keys' ? issue.keys : []
  const message = issue.message.replace(/^Invalid (input|option|string): /, '')
  return [
    {
      path: path.flatMap(step => (typeof step === 'symbol' ? [] : [step])),
      message: message.charAt(0).toLowerCase() + message.slice(1),
      unknownKeys,
    },
  ]
}
