/** An internet whose zones are signed so as to make validators work: what a client asks of each, and where. */
import { RrType } from '../../src/dns/types.ts'
import { formatRdata } from '../../src/presentation/rdata-text.ts'
import { buildInternet, signedBy, type InternetSource } from '../../src/simulation/internet.ts'
import { KeyStore } from '../../src/simulation/key-store.ts'
import { nameOf } from '../../src/simulation/records.ts'
import { SimRandom } from '../../src/simulation/random.ts'

export interface Attack {
  readonly about: string
  readonly sign: string
  /** The n-th name to ask, below `KNOWN`; each has work of its own. */
  readonly name: (n: number) => string
  readonly type: 'A' | 'TXT'
}

const known = (n: number): string => `h${n}`
const wild = (n: number): string => `x${n}.wild`
const missing = (n: number): string => `x${n}.nothing.ent`
/** So many labels in front of a name that does not exist. */
const deep =
  (labels: number) =>
  (n: number): string =>
    `x${n}.${'a.'.repeat(labels - 1)}nothing.ent`
const MANY_LABELS = 30
/** With the labels of the zone: a name of 255 octets has room for 127. */
const MOST_LABELS = 100
const HUGE_DS = 300
/** Names `h0`, `h1` … of each zone. */
export const KNOWN = 60

export const honest: Attack = { about: 'nothing wrong, RSA', sign: 'rsasha256', name: wild, type: 'A' }

export const attacks: readonly Attack[] = [
  { about: 'KeyTrap: 500 keys of one tag, a bad signature by each', sign: 'keyTrap(500)', name: known, type: 'A' },
  // Of the former the bound of octets received is already reached.
  { about: 'KeyTrap: 200 keys', sign: 'keyTrap(200)', name: known, type: 'A' },
  { about: 'KeyTrap on the keys themselves', sign: 'keyTrap(400) csk', name: known, type: 'A' },
  { about: '500 keys of one tag that are no points of the curve', sign: 'malformedKeys(500)', name: known, type: 'A' },
  // More do not fit in a message.
  { about: '600 bad signatures over data', sign: 'manySignatures(600)', name: known, type: 'A' },
  { about: '150 bad signatures over each set of a denial', sign: 'manySignatures(150)', name: missing, type: 'A' },
  { about: '150 bad signatures over each set of an expansion', sign: 'manySignatures(150)', name: wild, type: 'A' },
  { about: 'NSEC3 with 2,500 iterations', sign: 'nsec3(2500)', name: missing, type: 'A' },
  { about: 'NSEC3 with 150 iterations, 30 labels', sign: 'nsec3(150)', name: deep(MANY_LABELS), type: 'A' },
  { about: 'NSEC3 with 50 iterations, 30 labels', sign: 'nsec3(50)', name: deep(MANY_LABELS), type: 'A' },
  { about: 'NSEC3 with 50 iterations, 100 labels', sign: 'nsec3(50)', name: deep(MOST_LABELS), type: 'A' },
  { about: 'NSEC, 100 labels', sign: '', name: deep(MOST_LABELS), type: 'A' },
  { about: `${HUGE_DS} DS records with the tag of the key and wrong digests`, sign: 'ed25519', name: wild, type: 'A' },
]

/** The zones of the n-th attack, all alike; those of the honest one are 0. */
export const zoneOf = (index: number, copy = 0): string => `z${index}-${copy}.`
const COPIES = 2

const ADDRESS = '198.51.100.'
const text = (address: string): string => `$TTL 3600
@ SOA ns hostmaster 1 7200 3600 1209600 300
@ NS ns
ns A ${address}
*.wild A 192.0.2.99
deep.ent A 192.0.2.30
${Array.from({ length: KNOWN }, (_, n) => `h${n} A 192.0.2.31`).join('\n')}
`

/** The same for the same `keys`, so that several can share what they made. */
export function attackedInternet(keys = new KeyStore()): InternetSource {
  const all = [honest, ...attacks].flatMap(({ sign }, i) =>
    Array.from({ length: COPIES }, (_, copy) => ({ sign, origin: zoneOf(i, copy) })),
  )
  const zones = all.map(({ sign, origin }, i) => ({
    origin,
    text: text(`${ADDRESS}${10 + i}`),
    at: [`${ADDRESS}${10 + i}`],
    sign,
  }))
  const delegations = all.map(({ origin }, i) => `${origin} NS ns.${origin}\nns.${origin} A ${ADDRESS}${10 + i}`)
  const rootWith = (more: string): InternetSource => ({
    keys,
    zones: [
      {
        origin: '.',
        text: `$TTL 86400\n@ SOA a.root. h.root. 1 1800 900 604800 86400\n@ NS a.root.\na.root. A ${ADDRESS}1\n${delegations.join('\n')}\n${more}`,
        at: [`${ADDRESS}1`],
        sign: '',
      },
      ...zones,
    ],
    servers: [],
  })
  // The DS sets are made from those that the zones would have.
  const { anchors } = buildInternet(
    rootWith(''),
    new SimRandom(1),
    1,
    signedBy(() => 0),
  )
  const wrong = Array.from({ length: COPIES }, (_, copy) => {
    const last = zoneOf(attacks.length, copy)
    const [ds = new Uint8Array()] = anchors.get(nameOf(last))?.ds ?? []
    return Array.from({ length: HUGE_DS }, (__, i) => `${last} DS ${formatRdata(RrType.DS, withEnd(ds, i + 1))}`).join(
      '\n',
    )
  })
  return rootWith(`${wrong.join('\n')}\n`)
}

/** The same octets but for the last two. */
function withEnd(octets: Uint8Array, change: number): Uint8Array {
  const changed = octets.slice()
  const at = octets.length - 2
  changed[at] = (octets[at] ?? 0) ^ (change >> 8)
  changed[at + 1] = (octets[at + 1] ?? 0) ^ (change & 0xff)
  return changed
}
