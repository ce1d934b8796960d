/** Attacks by number: many queries at once, of one client or of a network, while another client asks something. */
import { wildcardZone } from './amplification.ts'
import type { CrowdAttack } from './report.ts'
import { around, delegated, each, range, zoneOf } from './zones.ts'

const SLOW = '203.0.113.90'
const SILENT_SERVERS = 40
const silentAt = (n: number): string => `203.0.113.${100 + (n % SILENT_SERVERS)}`
const SAME_CLIENT = '192.0.2.200'

const silentServers = [{ at: range(SILENT_SERVERS).map(silentAt), does: ['silent'] }]

const attack = (
  name: string,
  title: string,
  references: readonly string[],
  by: string,
  rest: Pick<CrowdAttack, 'zones' | 'servers' | 'ask' | 'count' | 'client' | 'victims' | 'mostMessages'>,
): CrowdAttack => ({ form: 'crowd', kind: 'crowd', name, title, references, by, ...rest })

export const crowds: readonly CrowdAttack[] = [
  attack(
    'equal-questions',
    '500 equal questions at once for a zone that is silent',
    ['CVE-2026-11622'],
    'equal questions share one resolution',
    {
      zones: around(each(13, i => `eq 300 IN NS ns${i}.eq\nns${i}.eq 300 IN A ${silentAt(i)}`)),
      servers: silentServers,
      ask: () => 'www.eq.example.',
      count: 500,
      client: n => `192.0.2.${n % 200}`,
      mostMessages: 60,
    },
  ),
  attack(
    'water-torture-slow',
    '300 names that do not exist of a zone whose server takes a second',
    ['Water torture (2014)'],
    'clients.waiting, upstream limits of one zone',
    {
      zones: [...around(delegated('slow', SLOW)), zoneOf('slow', 'www 300 IN A 192.0.2.98', SLOW)],
      servers: [{ at: [SLOW], does: ['slow(1000)'] }],
      ask: n => `x${n}.slow.example.`,
      count: 300,
      client: () => SAME_CLIENT,
      victims: [SLOW],
      mostMessages: 1_500,
    },
  ),
  attack(
    'water-torture-silent',
    '300 names of one client below zones that never answer',
    ['CVE-2024-33655', 'Water torture (2014)'],
    'places and sockets are shared out by client',
    {
      zones: around(each(300, i => `s${i} 300 IN NS ns.s${i}\nns.s${i} 300 IN A ${silentAt(i)}`)),
      servers: silentServers,
      ask: n => `www.s${n}.example.`,
      count: 300,
      client: () => SAME_CLIENT,
      mostMessages: 3_000,
    },
  ),
  attack(
    'wildcard-flood',
    '300 names of a wildcard, each asked once',
    ['Water torture (2014)'],
    'one message a name, cache.bytes',
    {
      zones: [...around(delegated('wild', SLOW)), wildcardZone('wild', SLOW)],
      ask: n => `x${n}.wild.example.`,
      count: 300,
      client: () => SAME_CLIENT,
      mostMessages: 700,
    },
  ),
]
