/** Attacks on validators: keys, signatures and proofs that cost much to look at, and those that prove nothing. */
import type { WorldAttack } from './report.ts'
import { around, ATTACKER, delegated, each, zoneOf } from './zones.ts'

const DEEP = 'nothing.ent'
const WORK = 'dnssec.verifications, one sum for all that a query causes'
const HASHES = 'dnssec.nsec3MaxIterations, dnssec.nsec3Hashes'

const attack = (
  name: string,
  title: string,
  references: readonly string[],
  sign: string,
  owner: string,
  by: string,
): WorldAttack => ({
  form: 'world',
  kind: 'validation',
  name,
  title,
  references,
  by,
  zones: [
    ...around(delegated(name), ''),
    zoneOf(name, `*.wild A 192.0.2.99\ndeep.ent A 192.0.2.30\n${each(4, n => `h${n} A 192.0.2.31`)}`, ATTACKER, sign),
  ],
  ask: `${owner}.${name}.example.`,
})

const labels = (count: number): string => `x.${'a.'.repeat(count - 1)}${DEEP}`

export const validation: readonly WorldAttack[] = [
  attack(
    'keytrap',
    'KeyTrap: 200 keys of one tag, a bad signature by each',
    ['CVE-2023-50387'],
    'keyTrap(200)',
    'h0',
    WORK,
  ),
  attack('keytrap-keys', 'KeyTrap on the keys themselves', ['CVE-2023-50387'], 'keyTrap(400) csk', 'h0', WORK),
  attack(
    'malformed-keys',
    '500 keys of one tag that are no points of the curve',
    ['CVE-2025-8677'],
    'malformedKeys(500)',
    'h0',
    WORK,
  ),
  attack('many-signatures', '600 bad signatures over one set', ['CVE-2026-3104'], 'manySignatures(600)', 'h0', WORK),
  attack(
    'signatures-of-denials',
    '150 bad signatures over each set of a denial',
    ['CVE-2026-11605'],
    'manySignatures(150)',
    `x.${DEEP}`,
    WORK,
  ),
  attack('nsec3-iterations', 'NSEC3 with 2,500 iterations', ['CVE-2023-50868'], 'nsec3(2500)', `x.${DEEP}`, HASHES),
  attack('nsec3-labels', 'NSEC3 with 150 iterations, 30 labels', ['CVE-2023-50868'], 'nsec3(150)', labels(30), HASHES),
  attack('nsec3-deep', 'NSEC3 with 50 iterations, 90 labels', ['CVE-2026-1519'], 'nsec3(50)', labels(90), HASHES),
]
