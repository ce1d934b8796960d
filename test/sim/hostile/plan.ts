/**
 * A signed world out of a seed, as a plan: which zones there are, how each is signed, who serves it, which records it
 * has. The internet is built from the plan, and so is the truth (`truth.ts`): neither comes out of the other.
 *
 *     .            secure
 *     tld.         secure
 *     main.tld.    secure, the zone with everything in it
 *     kid.main.tld., far.ent.main.tld., twin.tld., cdn.tld.   secure, or insecure in one of several ways
 *     x.kid.main.tld.                                         below a child
 */
import type { InternetSource } from '../../../src/simulation/internet.ts'
import type { KeyStore } from '../../../src/simulation/key-store.ts'
import { SimRandom } from '../../../src/simulation/random.ts'

/** What the chain of trust says of a zone whose parent is secure. */
export type Standing =
  | 'secure'
  /** No DS, not signed. */
  | 'unsigned'
  /** No DS, signed. */
  | 'noDs'
  /** Signed, with keys or digests of a kind that nobody has. */
  | 'unknownAlgorithm'
  | 'unknownDigest'
  /** A DS with a digest that nobody has, and no keys at all. */
  | 'keyless'

export interface PlannedRecord {
  /** Absolute, in lower case. */
  readonly owner: string
  readonly type: string
  readonly data: string
}

export interface PlannedZone {
  readonly origin: string
  readonly parent: PlannedZone | null
  readonly standing: Standing
  /** Words of `signing-plan.ts`. */
  readonly sign: string | undefined
  readonly optOut: boolean
  readonly address: string
  readonly records: readonly PlannedRecord[]
}

export interface WorldPlan {
  /** From the top. */
  readonly zones: readonly PlannedZone[]
  readonly source: InternetSource
}

export const TTL = 300
const DELEGATION_TTL = 600

export const pick = <T>(random: SimRandom, list: readonly T[]): T => {
  const one = list[random.below(list.length)]
  if (one === undefined) throw new Error('nothing to pick from')
  return one
}

/** `www` in `main.tld.`; '' is the apex. */
export const nameIn = (origin: string, label: string): string =>
  label === '' ? origin : origin === '.' ? `${label}.` : `${label}.${origin}`

interface Draft extends PlannedZone {
  readonly records: PlannedRecord[]
}

const DENIALS = ['', '', '', 'nsec3', 'nsec3(3) salt(beef)', 'optOut', 'nsec3(1) optOut'] as const
/** RFC 8624 has no digest type 99. */
const UNKNOWN_DS = `12345 13 99 ${'ab'.repeat(32)}`

/** Where servers are: the n-th address, from 1. */
export type Addresses = (n: number) => string

const simulated: Addresses = n => `198.51.100.${n}`

export const planWorld = (random: SimRandom, keys: KeyStore): WorldPlan =>
  planWorlds([{ random, tld: 'tld.' }], keys, simulated)

/** Several worlds below one root, each in a top-level zone of its own. */
export function planWorlds(
  worlds: readonly { readonly random: SimRandom; readonly tld: string }[],
  keys: KeyStore,
  addresses: Addresses,
): WorldPlan {
  const drafts: Draft[] = []
  const [{ random } = { random: new SimRandom(1) }] = worlds
  let taken = 0
  const root = makeZone({ random, drafts, address: () => addresses(++taken) }, '.', null, 'secure')
  for (const world of worlds)
    planTld({ random: world.random, drafts, address: () => addresses(++taken) }, root, world.tld, worlds.length === 1)
  return {
    zones: drafts,
    source: {
      keys,
      zones: drafts.map(zone => ({
        origin: zone.origin,
        text: textOf(zone, drafts),
        at: [zone.address],
        sign: zone.sign,
      })),
    },
  }
}

/** The zones of one of several worlds, the root included. */
export const worldOf = (plan: WorldPlan, tld: string): WorldPlan => ({
  ...plan,
  zones: plan.zones.filter(({ origin }) => origin === '.' || origin === tld || origin.endsWith(`.${tld}`)),
})

interface Making {
  readonly random: SimRandom
  readonly drafts: Draft[]
  /** The next one that is free. */
  readonly address: () => string
}

function makeZone(
  { random, drafts, address }: Making,
  origin: string,
  parent: Draft | null,
  standing: Standing,
  mayShare = true,
): Draft {
  const denial = pick(random, DENIALS)
  const at = parent !== null && random.below(4) === 0 && mayShare ? parent.address : address()
  const draft: Draft = {
    origin,
    parent,
    standing,
    sign: signOf(standing, denial),
    optOut: standing === 'secure' && denial.includes('optOut'),
    address: at,
    records: [],
  }
  drafts.push(draft)
  const server = nameIn(origin, 'ns')
  add(draft, '', 'SOA', `${server} h. 1 7200 3600 1209600 ${pick(random, [60, TTL])}`)
  add(draft, '', 'NS', server)
  add(draft, 'ns', 'A', at)
  if (parent !== null && standing === 'keyless') parent.records.push({ owner: origin, type: 'DS', data: UNKNOWN_DS })
  return draft
}

const INSECURE = ['unsigned', 'unsigned', 'noDs', 'unknownAlgorithm', 'unknownDigest', 'keyless'] as const
const ANY = ['secure', 'secure', 'secure', ...INSECURE] as const

function planTld(making: Making, root: Draft, tld: string, mayShareRoot: boolean): void {
  const { random } = making
  const top = makeZone(making, tld, root, 'secure', mayShareRoot)
  const main = makeZone(making, `main.${tld}`, top, 'secure')
  const kid = makeZone(making, `kid.main.${tld}`, main, pick(random, ANY))
  const far = random.below(2) === 0 ? makeZone(making, `far.ent.main.${tld}`, main, pick(random, ANY)) : null
  const twin = makeZone(making, `twin.${tld}`, top, pick(random, ANY))
  const cdn = makeZone(making, `cdn.${tld}`, top, pick(random, INSECURE))
  const grandchild =
    random.below(3) === 0
      ? makeZone(making, `x.kid.main.${tld}`, kid, kid.standing === 'secure' ? pick(random, ANY) : 'unsigned')
      : null
  fill(random, main, cdn, [twin, cdn, kid])
  if (random.below(2) === 0) fill(random, top, cdn, [cdn, main])
  fill(random, kid, cdn, [cdn, main])
  fill(random, twin, cdn, [main, cdn])
  fill(random, cdn, cdn, [main])
  for (const zone of [far, grandchild]) if (zone !== null) fill(random, zone, cdn, [main, cdn])
}

function signOf(standing: Standing, denial: string): string | undefined {
  switch (standing) {
    case 'unsigned':
    case 'keyless':
      return undefined
    case 'secure':
      return `ed25519 csk ${denial}`.trim()
    case 'noDs':
      return `ed25519 csk noDs ${denial}`.trim()
    case 'unknownAlgorithm':
      return `csk unsupportedAlgorithm ${denial}`.trim()
    case 'unknownDigest':
      return `ed25519 csk unsupportedDigest ${denial}`.trim()
    default:
      return standing satisfies never
  }
}

const add = (zone: Draft, label: string, type: string, data: string): void =>
  void zone.records.push({ owner: nameIn(zone.origin, label), type, data })

/** One of each kind of name that validators have been wrong about, most of them by chance. */
function fill(random: SimRandom, zone: Draft, cdn: Draft, others: readonly Draft[]): void {
  const { origin } = zone
  const index = random.below(200) + 1
  const address = (): string => `192.0.2.${index}`
  const often = (): boolean => random.below(10) < 7
  const elsewhere = (): string =>
    nameIn(pick(random, others).origin, pick(random, ['www', 'www', 'edge', 'nothing', 'x.wild', '']))
  add(zone, 'www', 'A', address())
  add(zone, 'www', 'TXT', `"www of ${origin}"`)
  add(zone, 'edge', 'A', address())
  add(zone, 'edge', 'AAAA', '2001:db8::1')
  if (often()) add(zone, '', 'MX', `10 ${nameIn(origin, 'www')}`)
  if (often()) add(zone, '', 'A', address())
  if (often()) add(zone, 'www', 'HTTPS', '1 . alpn=h2')
  if (often()) add(zone, 'deep.ent', 'A', address())
  if (often()) add(zone, 'alias', 'CNAME', nameIn(origin, pick(random, ['www', 'edge', 'nothing', 'x.wild'])))
  const wild = random.below(5)
  if (wild < 2)
    for (const [type, data] of [
      ['A', address()],
      ['TXT', `"anything in ${origin}"`],
    ] as const)
      add(zone, '*', type, data)
  if (wild === 2) add(zone, '*', 'CNAME', elsewhere())
  if (often()) addWild(random, zone, address(), elsewhere())
  if (often()) addBelowAlias(zone, 'cloud', nameIn((random.below(3) === 0 ? pick(random, others) : cdn).origin, 'edge'))
  if (random.below(3) === 0) addBelowAlias(zone, 'a.hub', elsewhere())
  if (random.below(3) === 0) add(zone, 'old', 'DNAME', nameIn(origin, 'new'))
  else if (random.below(2) === 0) add(zone, 'old', 'DNAME', pick(random, others).origin)
  add(zone, 'www.new', 'A', address())
}

function addWild(random: SimRandom, zone: Draft, address: string, target: string): void {
  if (random.below(2) === 0) {
    add(zone, '*.wild', 'CNAME', target)
  } else {
    add(zone, '*.wild', 'A', address)
    add(zone, '*.wild', 'MX', `5 ${nameIn(zone.origin, 'www')}`)
  }
  add(zone, 'known.wild', 'TXT', '"not from the wildcard"')
}

/** A host name that is an alias, and what stands below host names: proofs of control, keys of services. */
function addBelowAlias(zone: Draft, label: string, target: string): void {
  add(zone, label, 'CNAME', target)
  add(zone, `_acme-challenge.${label}`, 'TXT', `"for ${label}"`)
  add(zone, `_443._tcp.${label}`, 'TLSA', `3 1 1 ${'cd'.repeat(32)}`)
}

function textOf(zone: PlannedZone, all: readonly PlannedZone[]): string {
  const own = zone.records.map(({ owner, type, data }) => `${owner} ${TTL} IN ${type} ${data}`)
  const children = all.filter(({ parent }) => parent === zone)
  const cuts = children.flatMap(({ origin, address }) => [
    `${origin} ${DELEGATION_TTL} IN NS ${nameIn(origin, 'ns')}`,
    `${nameIn(origin, 'ns')} ${TTL} IN A ${address}`,
  ])
  return [...own, ...cuts].join('\n')
}

/** A line for each zone. */
export function describePlan({ zones }: WorldPlan): string {
  return zones
    .map(({ origin, standing, sign, address, records }) => {
      const names = records
        .filter(({ type }) => ['CNAME', 'DNAME'].includes(type))
        .map(({ owner, type, data }) => `${owner} ${type} ${data}`)
      const wildcards = records
        .filter(({ owner, type }) => owner.startsWith('*') && type !== 'CNAME')
        .map(({ owner, type }) => `${owner} ${type}`)
      return `  ${origin} ${standing} (${sign ?? 'not signed'}) at ${address}: ${[...names, ...wildcards].join(', ')}`
    })
    .join('\n')
}
