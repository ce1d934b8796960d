/** Attacks that want something untrue to be trusted: forged replies, records of others, delegations kept alive. */
import type { WorldAttack } from './report.ts'
import { around, ATTACKER, delegated, TLD_SERVER, VICTIM, VICTIM_ADDRESS, zoneOf } from './zones.ts'

const attack = (
  name: string,
  title: string,
  references: readonly string[],
  by: string,
  rest: Omit<WorldAttack, 'form' | 'kind' | 'name' | 'title' | 'references' | 'by'>,
): WorldAttack => ({ form: 'world', kind: 'poisoning', name, title, references, by, ...rest })

/** What a client finds afterwards has to be what the victim's server has. */
const victimIsTrue = [{ ask: 'www.victim.example.', truth: [VICTIM_ADDRESS] }]

/** `spoofs(8)` is `spoofs-8`, `wrongId` is `wrong-id`. */
const hyphenated = (found: string): string => (found === ')' ? '' : found === '(' ? '-' : `-${found.toLowerCase()}`)

/** Forged replies come ahead of the true one of the victim's server, for a name of which nothing is cached yet. */
function forged(does: string, title: string, by: string): WorldAttack {
  const name = `reply-${does.replace('BeforeAnswer', '').replaceAll(/[()A-Z]/g, hyphenated)}`
  const ask = `${name}.victim.example.`
  return attack(name, title, ['CVE-2026-42389', 'CVE-2026-52690'], by, {
    zones: around('').map(zone =>
      zone.origin === 'victim.example.' ? { ...zone, text: `${zone.text}\n${name} 300 IN A ${VICTIM_ADDRESS}` } : zone,
    ),
    servers: [{ at: [VICTIM], does: [does] }],
    ask,
    probes: [{ ask, truth: [VICTIM_ADDRESS] }],
  })
}

/** Records of the attacker's zone, which say what other zones are. */
const lies = (name: string, title: string, references: readonly string[], text: string, ask: string): WorldAttack =>
  attack(name, title, references, 'only the chain from the question is data, and only of the zone that was asked', {
    zones: [...around(delegated(name)), zoneOf(name, text)],
    ask,
    probes: victimIsTrue,
  })

const GHOST_AT = '203.0.113.70'
const MINUTE_MS = 60_000

export const poisoning: readonly WorldAttack[] = [
  forged('wrongIdBeforeAnswer', 'a forged reply with another ID comes first', 'what does not match is discarded'),
  forged(
    'wrongQuestionBeforeAnswer',
    'a forged reply to another question comes first',
    'what does not match is discarded',
  ),
  forged(
    'wrongOpcodeBeforeAnswer',
    'a forged reply with another opcode comes first',
    'what does not match is discarded',
  ),
  forged('wrongClassBeforeAnswer', 'a forged reply in another class comes first', 'what does not match is discarded'),
  forged('qr0BeforeAnswer', 'a forged reply that says it is a query comes first', 'what does not match is discarded'),
  forged('malformedBeforeAnswer', 'half a header with the right ID comes first', 'what does not match is discarded'),
  forged(
    'spoofs(8)',
    'eight guesses of the ID come before the answer',
    'after some mismatches the question goes over TCP',
  ),
  forged('spoofs(200)', 'two hundred guesses of the ID come first', 'after some mismatches the question goes over TCP'),
  forged('guessesId', 'the right ID was guessed, but not the case of the question', 'upstream.mixCase (0x20)'),
  attack(
    'extra-records',
    'records of other zones in all sections of a true reply',
    ['CVE-2008-1447', 'CVE-2026-33261'],
    'records outside of the zone that was asked are left out',
    {
      zones: [...around(delegated('extra')), zoneOf('extra', 'www 300 IN A 203.0.113.9')],
      servers: [{ at: [ATTACKER], does: ['extraRecords'] }],
      ask: 'www.extra.example.',
      probes: victimIsTrue,
    },
  ),
  lies(
    'alias-target',
    'an alias with a forged answer for its target',
    ['CVE-2026-42389'],
    'a 300 IN CNAME www.victim.example.\nwww.victim 300 IN A 203.0.113.66',
    'a.alias-target.example.',
  ),
  attack(
    'ghost-domain',
    'a revoked delegation that its own servers prolong',
    ['Ghost domain names (2012)', 'CVE-2022-30698', 'CVE-2022-30699'],
    "the parent's TTL is the only clock of a delegation",
    {
      zones: [
        ...around('').map(zone =>
          zone.origin === 'example.'
            ? { ...zone, text: `${zone.text}\nghost 60 IN NS ns.ghost\nns.ghost 60 IN A ${GHOST_AT}` }
            : zone,
        ),
        {
          origin: 'ghost.example.',
          at: [GHOST_AT],
          text: `@ 86400 IN SOA ns h 1 2 3 4 5\n@ 86400 IN NS ns\nns 86400 IN A ${GHOST_AT}\nwww 10 IN A 203.0.113.71`,
        },
      ],
      ask: 'www.ghost.example.',
      // While it lasts the child's own NS set is asked for, with a day of TTL.
      thenAsk: { ask: 'ghost.example.', type: 'NS', afterMs: 50_000 },
      thenMs: 2 * MINUTE_MS,
      // The zone above has to be asked whether the delegation is still there.
      asksAgain: TLD_SERVER,
      probes: [{ ask: 'www.ghost.example.', truth: ['203.0.113.71'] }],
    },
  ),
]
