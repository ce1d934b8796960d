import { describe, expect, test } from 'vitest'
import { TcpTurns, type TurnTaker } from '../../../src/net/listen/tcp-turns.ts'
import { SimClock } from '../../../src/simulation/clock.ts'

const turn = (): Promise<void> => new Promise(settled => setImmediate(settled))

function open(limits = { turnMessages: 64, turnMs: 2, turnOfOne: 16 }) {
  const clock = new SimClock()
  const turns = new TcpTurns(limits, clock)
  const took: string[] = []
  /** Has `count` queries, each of which costs `ms`. */
  const connection = (name: string, count: number, ms = 0): TurnTaker => {
    let left = count
    return {
      owner: name.split('/'),
      takeUp: most => {
        const taken = Math.min(most, left)
        left -= taken
        clock.advance(taken * ms)
        took.push(`${name}:${taken}`)
        return { taken, more: left > 0 }
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
    const { turns, took, connection } = open({ turnMessages: 1_000, turnMs: 2, turnOfOne: 1 })
    turns.offer(connection('a', 10, 1))
    await turn()
    expect(took).toHaveLength(3)
  })

  test('of a newcomer come after one turn of each other block, not of each connection', async () => {
    const { turns, took, connection } = open({ turnMessages: 64, turnMs: 1_000, turnOfOne: 16 })
    for (let i = 0; i < 100; i++) turns.offer(connection(`greedy/${i}`, 1_000))
    turns.offer(connection('other/1', 5))
    await turn()
    const place = took.indexOf('other/1:5')
    expect(place).toBeGreaterThan(0)
    // One was served at once, and one before it in the row.
    expect(place).toBeLessThanOrEqual(5)
  })

  test('that one client drips over many connections are charged to its block, like those of one', async () => {
    const { turns, took, connection } = open({ turnMessages: 4, turnMs: 1_000, turnOfOne: 16 })
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
})
