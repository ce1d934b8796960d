/**
 * An internet with a zone of everything for each way of signing: what our validator and Unbound are both asked about.
 */
import { KeyStore } from '../../src/simulation/key-store.ts'
import type { InternetSource, ServerSource, ZoneSource } from '../../src/simulation/internet.ts'

/** Keys are the same in all these worlds: they are made once. */
const store = new KeyStore()

const zoneText = (address: string): string => `$TTL 3600
@ SOA ns hostmaster 1 7200 3600 1209600 300
@ NS ns
@ MX 10 Mail
ns A ${address}
www A 192.0.2.10
www AAAA 2001:db8::10
mail A 192.0.2.25
alias CNAME www
away CNAME www.honest.
*.wild A 192.0.2.99
*.wild TXT "made from a wildcard"
known.wild TXT "not from the wildcard"
deep.ent A 192.0.2.30
old DNAME new
www.new A 192.0.2.81
elsewhere A 192.0.2.66
* SPF "of nobody in particular"
www SPF "of www"
insecure NS ns.insecure
ns.insecure A ${address}
secure NS ns.secure
ns.secure A ${address}
`

const childText = (address: string): string => `$TTL 300
@ SOA ns hostmaster 1 7200 3600 1209600 300
@ NS ns
ns A ${address}
www A 192.0.2.77
`

/**
 * `signs` by the name of a top-level zone; each has the children `secure` (signed alike) and `insecure`. There is
 * always `honest`.
 */
export function signedWorld(
  signs: Readonly<Record<string, string>>,
  servers: readonly ServerSource[] = [],
): InternetSource {
  const zones: ZoneSource[] = []
  const delegations: string[] = []
  Object.entries({ honest: '', ...signs }).forEach(([name, sign], i) => {
    const addresses = [`198.51.100.${10 + 2 * i}`, `198.51.100.${11 + 2 * i}`]
    const [first = '', second = ''] = addresses
    delegations.push(`${name}. NS ns.${name}.`, ...addresses.map(address => `ns.${name}. A ${address}`))
    zones.push({ origin: `${name}.`, text: `${zoneText(first)}ns A ${second}\n`, at: addresses, sign })
    zones.push({ origin: `insecure.${name}.`, text: childText(first), at: addresses })
    zones.push({ origin: `secure.${name}.`, text: childText(first), at: addresses, sign })
  })
  const root = `$TTL 86400\n@ SOA a.root. h.root. 1 1800 900 604800 86400\n@ NS a.root.\na.root. A 198.51.100.1\n${delegations.join('\n')}\n`
  return { zones: [{ origin: '.', text: root, at: ['198.51.100.1'], sign: '' }, ...zones], servers, keys: store }
}

/**
 * First address of the servers of the n-th of `signs` (from 1: `honest` is before them); the second one is right behind
 * it.
 */
export const addressOf = (index: number): string => `198.51.100.${10 + 2 * index}`

/** A question, and what a validator says of it in a zone that is in order. */
export const questions: readonly (readonly [
  name: string,
  type: string,
  rcode: 'NOERROR' | 'NXDOMAIN',
  security: 'secure' | 'insecure',
])[] = [
  ['www', 'A', 'NOERROR', 'secure'],
  ['WwW', 'AAAA', 'NOERROR', 'secure'],
  ['www', 'TXT', 'NOERROR', 'secure'],
  ['', 'MX', 'NOERROR', 'secure'],
  ['', 'NS', 'NOERROR', 'secure'],
  ['', 'SOA', 'NOERROR', 'secure'],
  ['', 'DNSKEY', 'NOERROR', 'secure'],
  ['', 'DS', 'NOERROR', 'secure'],
  ['', 'TXT', 'NOERROR', 'secure'],
  ['nothing.ent', 'A', 'NXDOMAIN', 'secure'],
  ['a.b.nothing.ent', 'A', 'NXDOMAIN', 'secure'],
  ['nothing', 'A', 'NOERROR', 'secure'],
  ['nothing', 'SPF', 'NOERROR', 'secure'],
  ['ent', 'A', 'NOERROR', 'secure'],
  ['deep.ent', 'A', 'NOERROR', 'secure'],
  ['x.wild', 'A', 'NOERROR', 'secure'],
  ['y.x.wild', 'TXT', 'NOERROR', 'secure'],
  ['x.wild', 'AAAA', 'NOERROR', 'secure'],
  ['*.wild', 'A', 'NOERROR', 'secure'],
  ['x.known.wild', 'A', 'NXDOMAIN', 'secure'],
  ['known.wild', 'A', 'NOERROR', 'secure'],
  ['alias', 'A', 'NOERROR', 'secure'],
  ['away', 'A', 'NOERROR', 'secure'],
  ['www.old', 'A', 'NOERROR', 'secure'],
  ['nothing.old', 'A', 'NXDOMAIN', 'secure'],
  ['old', 'DNAME', 'NOERROR', 'secure'],
  ['insecure', 'DS', 'NOERROR', 'secure'],
  ['www.insecure', 'A', 'NOERROR', 'insecure'],
  ['x.insecure', 'A', 'NXDOMAIN', 'insecure'],
  ['insecure', 'NS', 'NOERROR', 'insecure'],
  ['secure', 'DS', 'NOERROR', 'secure'],
  ['secure', 'NS', 'NOERROR', 'secure'],
  ['www.secure', 'A', 'NOERROR', 'secure'],
  ['x.secure', 'A', 'NXDOMAIN', 'secure'],
  ['www.secure', 'TXT', 'NOERROR', 'secure'],
]

/** Ways of signing that are all in order: a validator says `secure` where `questions` does. */
export const honestSigns: Readonly<Record<string, string>> = {
  csk: 'csk',
  rsasha256: 'rsasha256',
  rsasha512: 'rsasha512',
  p384: 'ecdsap384sha384',
  ed25519: 'ed25519',
  ed448: 'ed448',
  rsasha1: 'rsasha1-nsec3-sha1 nsec3',
  nsec3: 'nsec3',
  salted: 'ed25519 nsec3(5) salt(beef)',
  mixed: 'rsasha256 ecdsap256sha256',
  'double-ds': 'doubleDs',
  'double-key': 'doubleKey',
  'double-signature': 'doubleSignature nsec3',
  'pre-published': 'prePublished',
  sha384: 'sha384Ds',
  'sha1-and-384': 'sha1Ds sha384Ds',
  'csk-nsec3': 'ed25519 csk nsec3',
}

export const nameIn = (zone: string, name: string): string => (name === '' ? `${zone}.` : `${name}.${zone}.`)
