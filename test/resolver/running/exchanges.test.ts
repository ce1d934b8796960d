import { describe, expect, test } from 'vitest'
import { limitsWith } from '../../../src/limits.ts'
import { Budget } from '../../../src/resolver/budget.ts'
import { Exchanges } from '../../../src/resolver/running/exchanges.ts'
import type { Cancel, ExchangeResult } from '../../../src/ports.ts'
import { SimRandom } from '../../../src/simulation/random.ts'
import { ip, question } from '../../../src/simulation/records.ts'

/** A loop whose turns the test makes; going on with a result costs a millisecond, and a turn has two for it. */
function open() {
  let now = 1
  let next: (() => void)[] = []
  const clock = {
    now: () => now,
    wall: () => 0,
    after(ms: number, fire: () => void): Cancel {
      if (ms <= 0) next.push(fire)
      return () => {
        next = next.filter(one => one !== fire)
      }
    },
  }
  const limits = limitsWith({ engine: { resultTurnMs: 2, resultLeastTaken: 1 } })
  const done: ((result: ExchangeResult) => void)[] = []
  const exchanges = new Exchanges(
    { clock, limits, random: new SimRandom(1) },
    {
      exchange: (_server, _transport, _query, _timeoutMs, ended) => {
        done.push(ended)
        return () => {}
      },
    },
  )
  const heard: string[] = []
  const budgets = new Map<string, Budget>()
  const ask = (text: string): Cancel => {
    const asked = question('a.test.', 'A')
    const budget = new Budget(limits.budget, limits.dnssec, asked.name, now)
    budgets.set(text, budget)
    return exchanges.start(
      { owner: [text.slice(0, 1)], budget, awaited: null, visit: null, lastRcode: null },
      {
        server: { key: 's', ip: ip('192.0.2.53'), port: 53 },
        transport: 'udp',
        question: asked,
        mixCase: false,
        recursionDesired: false,
        checkingDisabled: false,
        edns: true,
        timeoutMs: 400,
      },
      result => {
        now += 1
        heard.push(`${text} ${result.kind}`)
      },
      error => {
        throw error
      },
    )
  }
  /** All that is on its way ends, in the order in which it was sent. */
  const end = (): void => {
    for (const ended of done.splice(0)) ended({ kind: 'timeout', mismatches: 0 })
  }
  const turn = (): string => {
    const before = heard.length
    for (const fire of next.splice(0)) fire()
    return heard.slice(before).join(', ')
  }
  return { ask, end, turn, heard, budgets }
}

describe('results of queries to servers', () => {
  test('are gone on with at once, as long as the turn of the loop has time', () => {
    const { ask, end, heard } = open()
    for (const text of ['a1', 'b1']) ask(text)
    end()
    expect(heard).toEqual(['a1 timeout', 'b1 timeout'])
  })

  test('of a flood wait for each other, and those of another for one of them', () => {
    const { ask, end, heard, turn, budgets } = open()
    for (const text of ['a1', 'a2', 'a3', 'a4', 'a5', 'b1']) ask(text)
    end()
    expect(heard).toEqual(['a1 timeout', 'a2 timeout'])
    expect([turn(), turn(), turn()]).toEqual(['a3 timeout, b1 timeout', 'a4 timeout, a5 timeout', ''])
    // Time that went by in our own queue.
    expect([...budgets].filter(([, { heldUp }]) => heldUp).map(([text]) => text)).toEqual(['a3', 'a4', 'a5', 'b1'])
  })

  test('that no one waits for any more are not gone on with', () => {
    const { ask, end, turn } = open()
    const cancels = ['a1', 'a2', 'a3', 'a4'].map(ask)
    end()
    cancels[2]?.()
    expect([turn(), turn()]).toEqual(['a4 timeout', ''])
  })
})
