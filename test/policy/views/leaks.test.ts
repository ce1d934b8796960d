/**
 * A thousand interleaved questions for each pair of views, on the virtual clock: cold, in flight together, warm, with
 * denials, failures and expired data. What each gets is from its own servers, of its own time, or its own failure.
 */
import { expect, it } from 'vitest'
import { SimRandom } from '../../../src/simulation/random.ts'
import { SERVER } from '../../sim/stale-world.ts'
import { addressRanges, parseRange } from '../../../src/policy/shaping/private-addresses.ts'
import { bench, type Bench } from '../pairs-bench.ts'
import { ruleSet } from '../lists/made.ts'

/** Of each server: what its addresses begin with, and which names it alone has and has not. */
const SERVERS = [SERVER, '198.51.100.31', '198.51.100.32'] as const
const NAMES = 12
const recordsOf = (server: number): string =>
  [
    ...Array.from({ length: NAMES }, (_, i) => (i % 3 === server ? '' : `n${i} A 192.0.${server}.${i + 1}`)),
    `only${server} A 192.0.${server}.99`,
    `*.new A 192.0.${server}.77`,
    `alias CNAME n${server === 0 ? 1 : 0}`,
  ].join('\n')

/** View 0 asks as all do. View 3 shares its cache, with a guard and a list of its own. */
const VIEWS = [
  { name: 'default', server: 0, from: '198.18.0.1' },
  { name: 'one', server: 1, from: '198.18.1.1' },
  { name: 'two', server: 2, from: '198.18.2.1' },
  { name: 'guarded', server: 0, from: '198.18.3.1' },
] as const
type View = (typeof VIEWS)[number]

const QUESTIONS = [
  ...Array.from({ length: NAMES }, (_, i) => `n${i}`),
  ...SERVERS.map((_, server) => `only${server}`),
  'alias',
  'listed',
]

/** Of the addresses of server 0 that of `n4`. */
const guarded = addressRanges(parseRange('192.0.0.5/32') ?? [], null)

const start = (): Bench =>
  bench({
    records: recordsOf(0),
    others: { [SERVERS[1]]: recordsOf(1), [SERVERS[2]]: recordsOf(2) },
    lists: ruleSet('listed.stale'),
    listsForAll: [],
    views: [
      { clients: '198.18.1.0/24', stub: SERVERS[1], lists: [] },
      { clients: '198.18.2.0/24', stub: SERVERS[2], lists: [] },
      { clients: '198.18.3.0/24', lists: [0], shaping: { dns64: null, rebinding: { ranges: guarded, allow: [] } } },
    ],
  })

/** Null: the name is denied. */
function addressOf(name: string, server: number): string | null {
  const lines = recordsOf(server).split('\n')
  if (name.endsWith('.new')) return `192.0.${server}.77`
  const target = name === 'alias' ? `n${server === 0 ? 1 : 0}` : name
  return lines.find(line => line.startsWith(`${target} A `))?.split(' ')[2] ?? null
}

/** What is wrong with a reply to a client of `view`, or null. `sound`: its servers have been up all the time. */
function leak(view: View, name: string, said: string, sound: boolean): string | null {
  const address = addressOf(name, view.server)
  const found = / A (\S+)/.exec(said)?.[1] ?? null
  const isStale = / ede (3|19)$/.test(said)
  if (said.startsWith('SERVFAIL')) return sound ? 'the failure of another' : null
  if (isStale && sound) return 'expired, while its servers are up'
  if (view.name === 'guarded' && name === 'listed') return said === 'NXDOMAIN | ede 15' ? null : 'not blocked'
  if (view.name === 'guarded' && name === 'n4') return said === 'NOERROR | ede 15' ? null : 'not guarded'
  if (said.includes('ede 15')) return 'a rule of another'
  if (address === null) return said.startsWith('NXDOMAIN') ? null : 'a name of another'
  return found === address ? null : 'an answer of another'
}

const PAIRS = VIEWS.flatMap((one, at) => VIEWS.slice(at + 1).map(other => [one.name, other.name, one, other] as const))

it.each(PAIRS)('the views %s and %s give each other nothing: 1,000 questions', async (_one, _other, one, other) => {
  const b = start()
  const random = new SimRandom(7)
  const seen = { stale: 0, failed: 0, cached: 0, denied: 0, together: 0 }
  const wrong: string[] = []
  /** 250 questions, up to twelve at a time; `down` is the server that fails meanwhile. */
  let phases = 0
  const phase = async (down: number | null): Promise<void> => {
    phases++
    // A third are names that nobody asked for before: while a server is down, its views have nothing for them.
    const pick = (): string =>
      random.below(3) === 0 ? `x${random.below(20)}of${phases}.new` : (QUESTIONS[random.below(QUESTIONS.length)] ?? '')
    for (let asked = 0; asked < 250; ) {
      const many = Math.min(250 - asked, 1 + random.below(12))
      asked += many
      const name = pick()
      await Promise.all(
        Array.from({ length: many }, async (_, i) => {
          // Half of them the same name at the same moment from both.
          const view = random.below(2) === 0 ? one : other
          const what = i % 2 === 0 ? name : pick()
          const { said, by } = await b.ask(`${what}.stale.`, 'A', { from: view.from })
          const problem = leak(view, what, said, view.server !== down)
          if (problem !== null) wrong.push(`${view.name}, ${what}: ${said}: ${problem}`)
          if (/ ede (3|19)$/.test(said)) seen.stale++
          if (said.startsWith('SERVFAIL')) seen.failed++
          if (said.startsWith('NXDOMAIN')) seen.denied++
          if (by === 'cache') seen.cached++
        }),
      )
      // TTLs are a minute: mostly warm, now and then over.
      b.world.advance(random.below(6) === 0 ? '40s' : '1s')
    }
  }
  await phase(null)
  for (const { server } of [one, other]) {
    b.world.advance('50s')
    b.mood('servfails', SERVERS[server])
    await phase(server)
    b.mood('up', SERVERS[server])
    // No failure is remembered for so long, and what has expired is asked for again.
    b.world.advance('15m')
  }
  await phase(null)
  expect(wrong).toEqual([])
  expect(seen.stale).toBeGreaterThan(20)
  expect(seen.failed).toBeGreaterThan(5)
  expect(seen.cached).toBeGreaterThan(100)
  expect(seen.denied).toBeGreaterThan(50)
})
