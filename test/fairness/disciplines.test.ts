/**
 * Which order to take up work in, on a thread that has more of it than time: the one that we have (turns by owner, who
 * lets turns pass when what it had was dear; the oldest of who has most goes) next to the same without charges, to one
 * queue, and to deficit round robin. The figures stand in docs/decisions/0013-shares-by-client.md.
 */
import { describe, expect, test } from 'vitest'
import { ShareTree } from '../../src/fairness/share-tree.ts'

interface Item {
  readonly owner: string
  readonly cameAt: number
  readonly costMs: number
}

/** What waits; at most `most` of it. */
interface Discipline {
  add(item: Item): void
  next(): Item | undefined
}

const WAITING = 2_048

function oneQueue(): Discipline {
  const items: Item[] = []
  return {
    add: item => {
      if (items.length < WAITING) items.push(item)
    },
    next: () => items.shift(),
  }
}

function turnsByOwner(turnMs: number): Discipline {
  const tree = new ShareTree<Item>()
  return {
    add: item => {
      const giving = tree.size >= WAITING ? tree.toGive([item.owner]) : undefined
      if (giving !== undefined) tree.delete(giving.place)
      tree.add([item.owner], item)
    },
    next() {
      const place = tree.take()
      if (place !== undefined) tree.charge(place, Math.round(place.item.costMs / turnMs))
      return place?.item
    },
  }
}

/** Shreedhar and Varghese 1995: a turn adds a quantum, and takes what it suffices for. */
function deficitRoundRobin(quantumMs: number): Discipline {
  const queues = new Map<string, { items: Item[]; deficit: number }>()
  let size = 0
  const longest = (): Item[] => [...queues.values()].reduce((a, b) => (b.items.length > a.items.length ? b : a)).items
  return {
    add(item) {
      if (size >= WAITING) longest().shift()
      else size++
      const queue = queues.get(item.owner)
      if (queue === undefined) queues.set(item.owner, { items: [item], deficit: 0 })
      else queue.items.push(item)
    },
    next() {
      for (;;) {
        const [first] = queues
        if (first === undefined) return undefined
        const [owner, queue] = first
        const [item] = queue.items
        if (item !== undefined && item.costMs <= queue.deficit) {
          queue.deficit -= item.costMs
          queue.items.shift()
          size--
          return item
        }
        queues.delete(owner)
        if (item !== undefined) queues.set(owner, { ...queue, deficit: queue.deficit + quantumMs })
      }
    },
  }
}

interface Source {
  readonly owner: string
  readonly perSecond: number
  readonly costMs: number
}

const SECONDS = 5
const LATE_MS = 1_000

/** Taken up within a second of those that came, in percent, by owner; and how long half and 99 % of them waited, ms. */
function play(discipline: Discipline, sources: readonly Source[]): Record<string, string> {
  const arrivals = sources
    .flatMap(({ owner, perSecond, costMs }, index) =>
      Array.from({ length: perSecond * SECONDS }, (_, n): Item => {
        const cameAt = ((n + (index + 1) / (sources.length + 1)) * 1_000) / perSecond
        return { owner, cameAt, costMs }
      }),
    )
    .sort((a, b) => a.cameAt - b.cameAt)
  const waits = new Map<string, number[]>(sources.map(({ owner }) => [owner, []]))
  let now = 0
  let next = 0
  while (now < SECONDS * 1_000) {
    for (let item = arrivals[next]; item !== undefined && item.cameAt <= now; item = arrivals[++next])
      discipline.add(item)
    const item = discipline.next()
    if (item === undefined) {
      now = arrivals[next]?.cameAt ?? SECONDS * 1_000
      continue
    }
    if (now - item.cameAt < LATE_MS) waits.get(item.owner)?.push(now - item.cameAt)
    now += item.costMs
  }
  const result: Record<string, string> = {}
  for (const { owner, perSecond } of sources) {
    const sorted = (waits.get(owner) ?? []).sort((a, b) => a - b)
    const at = (share: number): string => (sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN).toFixed(1)
    result[owner] = `${Math.round((sorted.length / (perSecond * SECONDS)) * 100)} % ${at(0.5)} ${at(0.99)}`
  }
  return result
}

const disciplines = {
  'one queue': oneQueue,
  'turns by owner': () => turnsByOwner(Number.POSITIVE_INFINITY),
  'turns by owner, charged': () => turnsByOwner(0.1),
  'deficit round robin': () => deficitRoundRobin(1),
} as const

/** Two and a half times what the thread can do. */
const flood: readonly Source[] = [
  { owner: 'hostile', perSecond: 5_000, costMs: 0.5 },
  { owner: 'few', perSecond: 20, costMs: 0.5 },
]
/** Half of the time is enough for the busy one, which asks for what is cheap; the other asks for what is dear. */
const dear: readonly Source[] = [
  { owner: 'hostile', perSecond: 1_000, costMs: 4 },
  { owner: 'few', perSecond: 20, costMs: 0.5 },
  { owner: 'busy', perSecond: 2_000, costMs: 0.2 },
]

describe('what is taken up within a second, and how long it waited, by discipline', () => {
  test.each([
    ['one queue', flood, { hostile: '13 % 499.5 989.6', few: '13 % 503.2 880.7' }],
    ['turns by owner', flood, { hostile: '40 % 409.4 409.6', few: '100 % 0.7 0.7' }],
    ['turns by owner, charged', flood, { hostile: '40 % 409.4 409.6', few: '100 % 0.2 0.2' }],
    ['deficit round robin', flood, { hostile: '40 % 409.4 409.6', few: '100 % 1.2 1.7' }],
    ['one queue', dear, { hostile: '6 % 497.9 989.0', few: '6 % 426.2 767.3', busy: '6 % 501.5 989.5' }],
    ['turns by owner', dear, { hostile: '6 % 499.3 985.8', few: '100 % 6.0 8.1', busy: '12 % 511.8 700.1' }],
    ['turns by owner, charged', dear, { hostile: '3 % 497.4 988.1', few: '100 % 0.4 3.6', busy: '100 % 2.1 4.0' }],
    ['deficit round robin', dear, { hostile: '3 % 497.4 988.1', few: '100 % 2.8 5.2', busy: '100 % 2.1 4.0' }],
  ] as const)('%s', (name, sources, wanted) => {
    expect(play(disciplines[name](), sources)).toEqual(wanted)
  })
})
