/** The internet that the attacks share: a root, `example.`, a victim, an honest zone, and what the attacker has. */
import type { ZoneSource } from '../simulation/internet.ts'

const ROOT_SERVER = '198.51.100.1'
export const TLD_SERVER = '198.51.100.41'
export const VICTIM = '192.0.2.80'
const HONEST = '192.0.2.81'
export const ATTACKER = '203.0.113.1'

export const SOA = '@ 300 IN SOA ns h 1 7200 3600 86400 300'

export const range = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index)
export const each = (count: number, line: (index: number) => string): string => range(count).map(line).join('\n')

/** An honest name, and its address. */
export const HONEST_NAME = 'www.honest.example.'
export const HONEST_ADDRESS = '192.0.2.181'
/** The true address of the victim's only name. */
export const VICTIM_ADDRESS = '192.0.2.180'

/**
 * Root, `example.` with these delegations, and the zones of victim and honest, in the order in which a loopback
 * internet gives them addresses: those of the first four are the same in all attacks.
 */
export const around = (delegations: string, sign?: string): readonly ZoneSource[] => [
  {
    origin: '.',
    at: [ROOT_SERVER],
    sign,
    text: [
      '@ 86400 IN SOA a.root. h. 1 2 3 4 300',
      '@ 86400 IN NS a.root.',
      `a.root. 86400 IN A ${ROOT_SERVER}`,
      'example. 86400 IN NS a.nic.example.',
      `a.nic.example. 86400 IN A ${TLD_SERVER}`,
    ].join('\n'),
  },
  {
    origin: 'example.',
    at: [TLD_SERVER],
    sign,
    text: [
      SOA,
      '@ 300 IN NS a.nic',
      `a.nic 300 IN A ${TLD_SERVER}`,
      'victim 300 IN NS ns.victim',
      `ns.victim 300 IN A ${VICTIM}`,
      'honest 300 IN NS ns.honest',
      `ns.honest 300 IN A ${HONEST}`,
      delegations,
    ].join('\n'),
  },
  {
    origin: 'victim.example.',
    at: [VICTIM],
    text: `${SOA}\n@ 300 IN NS ns\nns 300 IN A ${VICTIM}\nwww 300 IN A ${VICTIM_ADDRESS}`,
  },
  {
    origin: 'honest.example.',
    at: [HONEST],
    text: `${SOA}\n@ 300 IN NS ns\nns 300 IN A ${HONEST}\n* 300 IN A ${HONEST_ADDRESS}`,
  },
]

/** The delegation of a zone below `example.` to the attacker's server. */
export const delegated = (label: string, at: string = ATTACKER): string =>
  `${label} 300 IN NS ns.${label}\nns.${label} 300 IN A ${at}`

/** A zone of the attacker. */
export const zoneOf = (label: string, text: string, at: string = ATTACKER, sign?: string): ZoneSource => ({
  origin: `${label}.example.`,
  at: [at],
  sign,
  text: `${SOA}\n@ 300 IN NS ns\nns 300 IN A ${at}\n${text}`,
})
