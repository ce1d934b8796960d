/**
 * The names of the internet that the engine is warmed up with. A name says everything about what it names: zones and
 * hosts are numbered, what a zone is like hangs on its number, what a host has on the first letter of its label. So the
 * servers answer any name without a table of them.
 */
import { foldName, labelsOf, type Name, nameFromLabels } from '../dns/name.ts'

/** What there is at a name of a zone. */
export type HostKind =
  | 'addresses'
  | 'only-ipv4'
  /** A CNAME to a host of another zone. */
  | 'alias-away'
  /** A CNAME to a host of the same zone, which the reply brings along. */
  | 'alias-inside'
  | 'missing'
  /** MX, TXT and HTTPS. */
  | 'mail'
  /** TXT, over TCP only. */
  | 'truncated'
  /** Nothing but a name below it. */
  | 'branch'
  | 'name-server'

/**
 * How the labels begin. The order is that of the denials: names that are missing sort between `w` and `y`, all others
 * before them.
 */
const LETTERS = [
  ['truncated', 'b'],
  ['alias-away', 'c'],
  ['alias-inside', 'd'],
  ['branch', 'e'],
  ['addresses', 'h'],
  ['mail', 'm'],
  ['name-server', 'n'],
  ['only-ipv4', 'v'],
  ['missing', 'x'],
] as const satisfies readonly (readonly [HostKind, string])[]
const letters: ReadonlyMap<HostKind, string> = new Map(LETTERS)
const kinds: ReadonlyMap<string, HostKind> = new Map(LETTERS.map(([kind, letter]) => [letter, kind]))

export interface Host {
  readonly kind: HostKind
  /** 0 when the label has none. */
  readonly number: number
  /** Of an alias: the zone that it leads to. */
  readonly target: number
}

/** The label of a host, for `nameIn`. */
export const hostLabel = (kind: HostKind, number: number, target?: number): string =>
  `${letters.get(kind)}${number}${target === undefined ? '' : `-${target}`}`

/** What the first label of a name says. */
export function hostAt(name: Name): Host {
  const [label = ''] = labelsOf(name)
  const [, letter = '', number = 0, target = 0] = /^(.)(\d*)(?:-(\d+))?/.exec(label) ?? []
  return { kind: kinds.get(letter) ?? 'addresses', number: Number(number), target: Number(target) }
}

export interface ZoneTraits {
  readonly isSigned: boolean
  /** Are its name servers in another zone, so that the parent has no addresses of them? */
  readonly isGlueless: boolean
  /** Does the first of its two name servers answer nothing? */
  readonly isHalfSilent: boolean
}

const NUMBERS_IN_TURN = 16
const HALF_SILENT: ReadonlySet<number> = new Set([9])
const SIGNED: ReadonlySet<number> = new Set([0, 8])
const GLUELESS: ReadonlySet<number> = new Set([6, 14])

export function zoneTraits(zone: number): ZoneTraits {
  const turn = zone % NUMBERS_IN_TURN
  return { isSigned: SIGNED.has(turn), isGlueless: GLUELESS.has(turn), isHalfSilent: HALF_SILENT.has(turn) }
}

const TOP_LEVELS = ['red', 'green', 'blue'] as const
/** Makes names of different lengths. */
const FILLER = '-abcdefgh'

/** A name in the zone of that number, of labels in front of it. Neighbours have different top-level domains. */
export function nameIn(zone: number, ...labels: readonly string[]): Name {
  const label = `z${zone}${FILLER.slice(0, 1 + (zone % (FILLER.length - 1)))}`
  const name = nameFromLabels([...labels, label, TOP_LEVELS[zone % TOP_LEVELS.length] ?? TOP_LEVELS[0]])
  if (name === null) throw new RangeError(`no name of ${labels.join(', ')}`)
  return foldName(name)
}

/** The number of a zone, from its own name. */
export const zoneNumber = (zone: Name): number => Number(/^z(\d+)/.exec(labelsOf(zone)[0] ?? '')?.[1] ?? 0)
