/**
 * Random zones and policy zones over the same names, and what other resolvers do otherwise than BIND with them.
 */
import type { SimRandom } from '../../src/simulation/random.ts'
import type { RpzPeer } from './rpz-peers.ts'

const LABELS = ['a', 'b', 'c']
const ADDRESSES = ['198.51.100.1', '198.51.100.2', '198.51.101.1', '203.0.113.7']
/** All names of up to three labels. */
export const NAMES = LABELS.flatMap(x => [
  x,
  ...LABELS.flatMap(y => [`${y}.${x}`, ...LABELS.map(z => `${z}.${y}.${x}`)]),
])

const CLIENTS = '8.0.0.0.127.rpz-client-ip'

const pickWith =
  (random: SimRandom) =>
  <T>(from: readonly T[]): T => {
    const found = from[random.below(from.length)]
    if (found === undefined) throw new Error('nothing to choose from')
    return found
  }

/** Records of `test` by name, relative to it: an alias or addresses. */
export type World = ReadonlyMap<string, { readonly alias: string } | { readonly addresses: readonly string[] }>

/** Most names have addresses, some are aliases of others, some do not exist. */
export function makeWorld(random: SimRandom): World {
  const pick = pickWith(random)
  const world = new Map<string, { readonly alias: string } | { readonly addresses: readonly string[] }>()
  for (const name of NAMES) {
    const kind = random.below(10)
    if (kind === 0) continue
    if (kind < 3) world.set(name, { alias: pick(NAMES) })
    else world.set(name, { addresses: [pick(ADDRESSES), ...(kind < 5 ? ['203.0.113.9'] : [])] })
  }
  return world
}

export function internet(world: World): string {
  const lines = [...world].flatMap(([name, data]) =>
    'alias' in data ? [`${name} CNAME ${data.alias}`] : data.addresses.map(address => `${name} A ${address}`),
  )
  return ['$TTL 300', '@ SOA ns.test. h.test. 1 3600 600 86400 60', '@ NS ns', 'ns A 127.0.0.9', ...lines, ''].join(
    '\n',
  )
}

/** What each owner says. One rule an owner, as BIND refuses a CNAME next to other data. */
export type Policy = ReadonlyMap<string, string>

export function makePolicy(random: SimRandom): Policy {
  const pick = pickWith(random)
  const rules = new Map<string, string>()
  for (let i = 0; i < 14; i++) {
    const name = `${pick(NAMES)}.test`
    const owner = pick([
      name,
      name,
      `*.${name}`,
      `*.${pick(LABELS)}.test`,
      `32.${pick(ADDRESSES).split('.').reverse().join('.')}.rpz-ip`,
      '24.0.100.51.198.rpz-ip',
      CLIENTS,
    ])
    if (owner.endsWith('client-ip') && random.below(6) > 0) continue
    rules.set(
      owner,
      pick(['CNAME .', 'CNAME *.', 'CNAME rpz-passthru.', `A 10.0.0.${i}`, `CNAME ${pick(NAMES)}.test.`]),
    )
  }
  return rules
}

export function policyText(policy: Policy): string {
  const lines = [...policy].map(([owner, rule]) => `${owner} ${rule}`)
  return ['$TTL 300', '@ SOA ns.test. h.test. 1 3600 600 86400 60', '@ NS ns.test.', ...lines, ''].join('\n')
}

export interface Difference {
  readonly name: string
  readonly type: 'A' | 'TXT'
  readonly bind: string
  readonly theirs: string
}

/** All names that an answer goes through, by its own records and by rules that are aliases. */
function namesOn(name: string, world: World, policies: readonly Policy[]): ReadonlySet<string> {
  const seen = new Set<string>()
  const follow = (text: string): void => {
    if (seen.has(text)) return
    seen.add(text)
    const data = world.get(text.replace(/\.test$/, ''))
    if (data !== undefined && 'alias' in data) follow(`${data.alias}.test`)
    for (const policy of policies)
      for (const owner of [text, ...wildcardsOver(text)]) {
        const [, target] = /^CNAME (.*\.test)\.$/.exec(policy.get(owner) ?? '') ?? []
        if (target !== undefined) follow(target)
      }
  }
  follow(name)
  return seen
}

/** `*.b.test` and `*.test` of `a.b.test`. */
const wildcardsOver = (name: string): readonly string[] =>
  name.split('.').map((_, i, labels) => `*.${labels.slice(i + 1).join('.')}`)

/** Does a policy have a wildcard over a name that is there, if only as the name above a rule? */
const hasHiddenWildcard = (policy: Policy, name: string): boolean => {
  const exists = (text: string): boolean =>
    [...policy.keys()].some(owner => owner === text || owner.endsWith(`.${text}`))
  return wildcardsOver(name).some(
    (wildcard, i) =>
      policy.has(wildcard) &&
      name
        .split('.')
        .slice(0, i + 1)
        .some((_, j) => exists(name.split('.').slice(j).join('.'))),
  )
}

const hasAddressRule = (policy: Policy, name: string, world: World): boolean => {
  const data = world.get(name.replace(/\.test$/, ''))
  if (data === undefined || 'alias' in data) return false
  const owners = data.addresses.flatMap(address => {
    const [a, b, c, d] = address.split('.')
    return [`32.${d}.${c}.${b}.${a}.rpz-ip`, `24.0.${c}.${b}.${a}.rpz-ip`]
  })
  return owners.some(owner => policy.has(owner))
}

/** Is an answer what a rule says? */
function isSaidBy(rule: string | undefined, answer: string): boolean {
  if (rule === undefined) return false
  if (rule === 'CNAME .') return answer === 'NXDOMAIN'
  if (rule === 'CNAME *.') return answer === 'NOERROR'
  if (rule.startsWith('CNAME')) return rule.endsWith('passthru.') || answer.includes(rule.toLowerCase())
  return answer === 'NOERROR' || answer.includes(rule.toLowerCase())
}

const records = (text: string): readonly string[] => text.split('; ').slice(1)

/** What others do otherwise than BIND, and where it can be seen. The first that fits explains a difference. */
const DIFFERENCES: readonly {
  readonly peers: readonly RpzPeer[]
  readonly what: string
  fits(difference: Difference, world: World, policies: readonly Policy[]): boolean
}[] = [
  {
    // RFC 4592 section 3.3.1. PowerDNS has it as its issue 8231.
    peers: ['unbound', 'pdns_recursor'],
    what: 'a wildcard also holds for names that exist above rules',
    fits: ({ name }, world, policies) =>
      [...namesOn(name, world, policies)].some(one => policies.some(policy => hasHiddenWildcard(policy, one))),
  },
  {
    // Both act as soon as they know: names before servers are asked. Unbound then looks at addresses after a passthru
    // as well, and at those that aliases of rules lead to.
    peers: ['unbound', 'pdns_recursor'],
    what: 'names of all zones are judged before addresses of any',
    fits: ({ name, type }, world, policies) =>
      type === 'A' &&
      [...namesOn(name, world, policies)].some(one => policies.some(policy => hasAddressRule(policy, one, world))),
  },
  {
    peers: ['unbound'],
    what: 'a rule that lets clients pass does not end the search',
    fits: (_difference, _world, policies) => policies.some(policy => policy.get(CLIENTS) === 'CNAME rpz-passthru.'),
  },
  {
    peers: ['unbound'],
    what: 'a rule for clients that is an alias is an empty answer',
    fits: ({ theirs }, _world, policies) =>
      theirs === 'NOERROR' && policies.some(policy => /\.test\.$/.test(policy.get(CLIENTS) ?? '')),
  },
  {
    // It looks at clients before names and addresses of all zones, and again for each target of an alias.
    peers: ['pdns_recursor'],
    what: 'a rule for clients decides although an earlier zone has a rule for the name or the address',
    fits: ({ theirs }, _world, policies) => policies.some(policy => isSaidBy(policy.get(CLIENTS), theirs)),
  },
  {
    peers: ['pdns_recursor'],
    what: 'an answer that a rule empties has no aliases either',
    fits: ({ bind, theirs }) =>
      records(theirs).length === 0 &&
      bind.split(';')[0] === theirs.split(';')[0] &&
      records(bind).every(record => record.includes(' cname ')),
  },
  {
    peers: ['pdns_recursor'],
    what: 'rules apply to the target of an alias that a rule made',
    fits: ({ name }, world, policies) => {
      const targets = policies.flatMap(policy =>
        [...policy.values()].flatMap(rule => /^CNAME (.*\.test)\.$/.exec(rule)?.[1] ?? []),
      )
      return [...namesOn(name, world, policies)].some(one => one !== name && targets.includes(one))
    },
  },
]

export const explanation = (
  peer: RpzPeer,
  difference: Difference,
  world: World,
  policies: readonly Policy[],
): string | null =>
  DIFFERENCES.find(({ peers, fits }) => peers.includes(peer) && fits(difference, world, policies))?.what ?? null
