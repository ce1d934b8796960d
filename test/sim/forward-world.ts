/**
 * A small internet for forwarding: a signed root with the signed `example.` (of which `corp.example.` is no delegation),
 * the unsigned `open.`, and the private servers of `corp.example.` that the public tree knows nothing of.
 */
import type { ZoneSource } from '../../src/simulation/internet.ts'
import { nameOf } from '../../src/simulation/records.ts'
import { KeyStore } from '../../src/simulation/key-store.ts'
import type { SimValidation } from '../../src/simulation/validation.ts'
import { simulate, type World, type WorldOptions } from '../../src/simulation/world.ts'

export const ROOT_SERVER = '198.51.100.1'
export const EXAMPLE_SERVER = '198.51.100.2'
export const OPEN_SERVER = '198.51.100.3'
export const CORP_SERVER = '10.0.0.53'
export const SUB_SERVER = '10.0.0.54'
export const RESOLVER = '9.9.9.9'
export const OTHER_RESOLVER = '149.112.112.112'
export const COMPANY_RESOLVER = '10.0.0.2'

const keys = new KeyStore()
const soa = 'SOA ns hostmaster 1 7200 3600 1209600 300'

export const publicZones: readonly ZoneSource[] = [
  {
    origin: '.',
    at: [ROOT_SERVER, '198.51.100.9'],
    sign: '',
    text: `$TTL 86400
@ SOA a.root. h.root. 1 1800 900 604800 86400
@ NS a.root.
@ NS b.root.
a.root. A ${ROOT_SERVER}
b.root. A 198.51.100.9
example. NS ns.example.
ns.example. A ${EXAMPLE_SERVER}
open. NS ns.open.
ns.open. A ${OPEN_SERVER}
`,
  },
  {
    origin: 'example.',
    at: [EXAMPLE_SERVER],
    sign: '',
    text: `$TTL 3600
@ ${soa}
@ NS ns
ns A ${EXAMPLE_SERVER}
www A 192.0.2.10
alias CNAME www.open.
into CNAME www.corp
long CNAME www
a.corpse A 192.0.2.11
dns A 192.0.2.53
zz A 192.0.2.12
`,
  },
  {
    origin: 'open.',
    at: [OPEN_SERVER],
    text: `$TTL 300
@ ${soa}
@ NS ns
ns A ${OPEN_SERVER}
www A 192.0.2.20
alias CNAME www.corp.example.
mail MX 10 www
`,
  },
]

/** Not delegated in `example.`: only who is named its servers knows it. */
export const corpZones: readonly ZoneSource[] = [
  {
    origin: 'corp.example.',
    at: [CORP_SERVER],
    text: `$TTL 600
@ ${soa}
@ NS ns
@ A 10.0.0.80
ns A ${CORP_SERVER}
www A 10.0.0.81
out CNAME www.example.
in CNAME www
deep.er.still A 10.0.0.82
sub NS ns.sub
ns.sub A ${SUB_SERVER}
`,
  },
  {
    origin: 'sub.corp.example.',
    at: [SUB_SERVER],
    text: `$TTL 600
@ ${soa}
@ NS ns
ns A ${SUB_SERVER}
www A 10.0.0.83
`,
  },
]

export const corpText = (address: string): string =>
  `$TTL 600\ncorp.example. ${soa.replaceAll(/\b(ns|hostmaster)\b/g, '$1.corp.example.')}\ncorp.example. NS ns.corp.example.\nns.corp.example. A 10.0.0.2\nwww.corp.example. A ${address}\n`

/** What cures a private zone under a signed one. */
export const exempt: SimValidation = {
  negative: [{ name: nameOf('corp.example.'), until: Number.MAX_SAFE_INTEGER }],
}

export function forwardWorld(options: Partial<WorldOptions>): World {
  return simulate({
    zones: [...publicZones, ...corpZones],
    keys,
    forwarders: [{ at: [RESOLVER] }, { at: [OTHER_RESOLVER] }],
    ...options,
  })
}

/** How many messages went to an address. */
export const asked = (world: World, address: string): number => world.exchangesTo(address).length
