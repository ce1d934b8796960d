import { describe, expect, test } from 'vitest'
import { TcpTurns, type TurnTaker } from '../../../src/net/listen/tcp-turns.ts'
import { SimClock } from '../../../src/simulation/clock.ts'

const turn = (): Promise<void> => new Promise(settled => setImmediate(settled))

function open(limits = { turnMessages: 64, turnLeast: 1, turnMs: 2, turnOfOne: 16 }) {
  const clock = new SimClock()
  const turns = new TcpTurns(limits, clock)
  const took: string[] = []
  /** Has `count` queries, each of which costs `ms`. */
  const connection = (name: string, count: number, ms = 0): TurnTaker => {
    let left = count
    return {
      owner: name.split('/'),
      takeUp: takesOne => {
        const before = left
        for (; left > 0 && takesOne(); left--) clock.advance(ms)
        took.push(`${name}:${before - left}`)
        return left > 0
      },
    }
  }
  return { turns, took, connection, clock }
}

describe('queries over TCP', () => {
  test('are taken up at once when no one waits', () => {
    const { turns, took, connection } = open()
    turns.offer(connection('a', 3))
    turns.offer(connection('b', 1))
    expect([took, turns.waiting]).toEqual([['a:3', 'b:1'], 0])
  })

  test('are taken up to a number in one turn of the loop, the rest in the next ones', async () => {
    const { turns, took, connection } = open()
    turns.offer(connection('a', 100))
    expect(took).toEqual(['a:16'])
    await turn()
    expect(took).toEqual(['a:16', 'a:16', 'a:16', 'a:16', 'a:16'])
    await turn()
    await turn()
    expect([took.at(-1), turns.waiting]).toEqual(['a:4', 0])
  })

  test('are taken up for no longer than a time', async () => {
    const { turns, took, connection } = open({ turnMessages: 1_000, turnLeast: 1, turnMs: 2, turnOfOne: 1 })
    turns.offer(connection('a', 10, 1))
    await turn()
    expect(took).toHaveLength(3)
  })

  test('of a newcomer come after one turn of each other block, not of each connection', async () => {
    const { turns, took, connection } = open({ turnMessages: 64, turnLeast: 1, turnMs: 1_000, turnOfOne: 16 })
    for (let i = 0; i < 100; i++) turns.offer(connection(`greedy/${i}`, 1_000))
    turns.offer(connection('other/1', 5))
    await turn()
    const place = took.indexOf('other/1:5')
    expect(place).toBeGreaterThan(0)
    // One was served at once, and one before it in the row.
    expect(place).toBeLessThanOrEqual(5)
  })

  test('that one client drips over many connections are charged to its block, like those of one', async () => {
    const { turns, took, connection } = open({ turnMessages: 4, turnLeast: 1, turnMs: 1_000, turnOfOne: 16 })
    for (let i = 0; i < 100; i++) turns.offer(connection(`drip/${i}`, 1))
    turns.offer(connection('other/1', 1))
    expect(took).toHaveLength(4)
    await turn()
    expect(took.slice(4)).toEqual(['drip/4:1', 'other/1:1', 'drip/5:1', 'drip/6:1'])
  })

  test('of a connection that is gone are not taken up', async () => {
    const { turns, took, connection } = open()
    const gone = connection('a', 100)
    turns.offer(gone)
    turns.withdraw(gone)
    turns.withdraw(gone)
    await turn()
    await turn()
    expect([took, turns.waiting]).toEqual([['a:16'], 0])
  })

  test.each([
    // the clock says so much for each query: of the core that other programs have nearly all of
    [1_000, ['a:4', 'b:2 a:2', 'a:4', 'a:4']],
    [0, ['a:16', 'a:16 b:2 a:16 a:16 a:14', 'a:16 a:16 a:16 a:16', 'a:16 a:16 a:16 a:16']],
  ])('are a least number in each turn of the loop, however slow it is: %d ms each', async (ms, turnsTaken) => {
    const { turns, took, connection } = open({ turnMessages: 64, turnLeast: 4, turnMs: 2, turnOfOne: 16 })
    const taken = async (): Promise<string> => {
      const from = took.length
      await turn()
      return took.slice(from).join(' ')
    }
    turns.offer(connection('a', 1_000, ms))
    turns.offer(connection('b', 2, 0))
    expect([took.join(' '), await taken(), await taken(), await taken()]).toEqual(turnsTaken)
  })

  /** Others ask `each` queries at once, of which one costs `ms`; how long one with a cheap query waits, in ms. */
  async function waits(each: number, ms: number, connections: number): Promise<number[]> {
    const { turns, took, connection, clock } = open({ turnMessages: 64, turnLeast: 8, turnMs: 2, turnOfOne: 32 })
    for (let n = 0; n < connections; n++) turns.offer(connection('dear', each, ms))
    const all: number[] = []
    for (let n = 0; n < 20; n++) {
      await turn()
      const from = clock.now()
      const asked = `other${n % 2}`
      const before = took.length
      turns.offer(connection(asked, 1, 0.01))
      while (!took.slice(before).some(one => one.startsWith(asked))) await turn()
      all.push(clock.now() - from)
    }
    return all
  }

  test.each([
    ['hits of a hundred connections', 1_000, 0.01, 100, 1],
    ['misses of a hundred connections', 1_000, 0.1, 100, 7],
    ['misses of one connection', 10_000, 0.1, 1, 7],
    ['signatures of a hundred connections', 1_000, 2, 100, 129],
    ['misses of a hundred connections on a starved core', 1_000, 5, 100, 321],
  ])('of others wait for one turn of the loop next to %s', async (_about, each, ms, connections, mostMs) => {
    expect(Math.max(...(await waits(each, ms, connections)))).toBeLessThan(mostMs)
  })

  test('that are dear leave turns to a busy client with many cheap ones', async () => {
    const { turns, took, connection } = open({ turnMessages: 64, turnLeast: 8, turnMs: 2, turnOfOne: 32 })
    for (let n = 0; n < 100; n++) turns.offer(connection('dear', 1_000, 1))
    for (let n = 0; n < 10; n++) turns.offer(connection('busy', 1_000, 0.01))
    for (let n = 0; n < 40; n++) await turn()
    const count = (name: string): number =>
      took.filter(one => one.startsWith(name)).reduce((sum, one) => sum + Number(one.split(':')[1]), 0)
    // By turns alone it would be as many.
    expect(count('busy')).toBeGreaterThan(count('dear') * 5)
  })
})
