/**
 * Made-up internets for simulations: a random tree of zones with delegations in zone and out of it, with and without
 * glue, with aliases, DNAMEs, wildcards and empty non-terminals. Every zone can be resolved, since a server is only
 * named in its own zone or in one that was made before.
 */
import { foldName, isStrictlyWithin, isWithin, type Name } from '../../src/dns/name.ts'
import { formatName } from '../../src/presentation/text.ts'
import type { ZoneSource } from '../../src/simulation/internet.ts'
import { nameOf } from '../../src/simulation/records.ts'
import type { SimRandom } from '../../src/simulation/random.ts'

interface Draft {
  readonly origin: Name
  readonly at: string[]
  readonly lines: string[]
  readonly cuts: Name[]
  /** Types by owner, to keep out what may not stand together. */
  readonly owners: Map<Name, Set<string>>
}

const LABELS = ['a', 'b', 'c', 'd', 'e']

export interface RandomWorld {
  readonly zones: readonly ZoneSource[]
  /** Names at, below and beside what there is. */
  name(): string
}

export function randomWorld(random: SimRandom, zoneCount: number): RandomWorld {
  const drafts: Draft[] = []
  let hosts = 0
  const pick = <T>(list: readonly T[]): T => {
    const one = list[random.below(list.length)]
    if (one === undefined) throw new Error('nothing to pick from')
    return one
  }
  const label = (): string => pick(LABELS)
  const below = (origin: Name, depth: number): string =>
    `${Array.from({ length: depth }, label)
      .map(l => `${l}.`)
      .join('')}${formatName(origin)}`.replace(/^(.+)\.\.$/, '$1.')
  const address = (): string => `192.0.2.${++hosts}`

  const add = (draft: Draft, line: string, owner: Name, type: string): void => {
    draft.lines.push(line)
    draft.owners.set(owner, (draft.owners.get(owner) ?? new Set()).add(type))
  }
  const make = (origin: Name, parent: Draft | null): void => {
    const draft: Draft = {
      origin,
      at: [],
      lines: [`@ 300 IN SOA ns.${formatName(origin)} h. 1 7200 3600 86400 300`.replace('ns..', 'ns.')],
      cuts: [],
      owners: new Map([[origin, new Set(['SOA'])]]),
    }
    const earlier = drafts.filter(other => other.origin !== origin)
    for (let i = 0; i <= random.below(3); i++) {
      const at = address()
      draft.at.push(at)
      const glueless = parent !== null && random.below(3) === 0
      const home = glueless ? pick(earlier) : draft
      const server = nameOf(`h${hosts}.${formatName(home.origin)}`.replace(/\.\.$/, '.'))
      add(home, `${formatName(server)} 300 IN A ${at}`, server, 'A')
      add(draft, `@ 300 IN NS ${formatName(server)}`, origin, 'NS')
      if (parent !== null) parent.lines.push(`${formatName(origin)} 300 IN NS ${formatName(server)}`)
      if (parent !== null && home === draft) parent.lines.push(`${formatName(server)} 300 IN A ${at}`)
    }
    parent?.cuts.push(origin)
    drafts.push(draft)
  }

  make(nameOf('.'), null)
  while (drafts.length < zoneCount) {
    const parent = pick(drafts)
    const origin = nameOf(below(parent.origin, 1 + random.below(2)))
    if (
      !drafts.some(other => other.origin === origin) &&
      !parent.cuts.some(cut => isWithin(origin, cut) || isWithin(cut, origin))
    )
      make(origin, parent)
  }
  const name = (): string => below(pick(drafts).origin, random.below(4))
  for (const draft of drafts) for (let i = 0; i < 10; i++) addData(draft, random, add, pick, name)
  return {
    zones: drafts.map(draft => ({ origin: formatName(draft.origin), text: draft.lines.join('\n'), at: draft.at })),
    name,
  }
}

function addData(
  draft: Draft,
  random: SimRandom,
  add: (draft: Draft, line: string, owner: Name, type: string) => void,
  pick: <T>(list: readonly T[]) => T,
  anyName: () => string,
): void {
  const wild = random.below(6) === 0
  const labels = Array.from({ length: random.below(4) }, () => pick(LABELS))
  const text = `${[...(wild ? ['*'] : []), ...labels].map(l => `${l}.`).join('')}${formatName(draft.origin)}`.replace(
    /^(.+)\.\.$/,
    '$1.',
  )
  const owner = foldName(nameOf(text))
  if (draft.cuts.some(cut => isWithin(owner, cut) || owner === cut)) return
  const types = draft.owners.get(owner) ?? new Set<string>()
  const underDname = [...draft.owners].some(([other, has]) => has.has('DNAME') && isStrictlyWithin(owner, other))
  if (underDname || types.has('CNAME')) return
  const type = pick(['A', 'A', 'TXT', 'CNAME', 'DNAME'])
  const hasBelow = [...draft.owners.keys(), ...draft.cuts].some(other => isStrictlyWithin(other, owner))
  if (type === 'CNAME' && types.size > 0) return
  if (type === 'DNAME' && (wild || hasBelow || types.has('DNAME') || owner === draft.origin)) return
  const data = type === 'A' ? `198.51.100.${random.below(250)}` : type === 'TXT' ? `"${random.below(1000)}"` : anyName()
  add(draft, `${text} 300 IN ${type} ${data}`, owner, type)
}
