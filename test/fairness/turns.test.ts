import { describe, expect, test } from 'vitest'
import { Turns } from '../../src/fairness/turns.ts'
import type { Cancel } from '../../src/ports.ts'

/** A loop whose turns the test makes, and in which each item costs a millisecond. */
function open(limits: { readonly turnMs: number; readonly leastTaken: number }, costMs = 1, dearMs = 1) {
  let now = 1
  let next: (() => void)[] = []
  const clock = {
    now: () => now,
    after(_ms: number, fire: () => void): Cancel {
      next.push(fire)
      return () => {
        next = next.filter(one => one !== fire)
      }
    },
  }
  const taken: string[] = []
  const take = (item: string): void => {
    now += item.startsWith('d') ? dearMs : costMs
    taken.push(item)
  }
  const turns = new Turns<string>(limits, clock, take)
  const come = (item: string): ReturnType<typeof turns.wait> | null => {
    if (!turns.takesNow()) return turns.wait([item.slice(0, 1)], item)
    take(item)
    return null
  }
  /** What is taken up in the next turn of the loop. */
  const turn = (): string => {
    const before = taken.length
    for (const fire of next.splice(0)) fire()
    return taken.slice(before).join(' ')
  }
  return { turns, come, turn, taken, pending: () => next.length }
}

describe('the time of one thread', () => {
  test.each([
    // what comes, taken up at once, and in the turns that follow
    ['nothing waits', 'a1', 'a1', ['']],
    ['what there is time for at once', 'a1 a2', 'a1 a2', ['']],
    ['a flood', 'a1 a2 a3 a4 a5 a6', 'a1 a2', ['a3 a4', 'a5 a6', '']],
    ['another owner after a flood', 'a1 a2 a3 a4 a5 b1', 'a1 a2', ['a3 b1', 'a4 a5', '']],
    ['two others after a flood', 'a1 a2 a3 a4 b1 c1', 'a1 a2', ['a3 b1', 'c1 a4', '']],
    ['a flood after another', 'b1 a1 a2 a3 b2', 'b1 a1', ['a2 b2', 'a3', '']],
  ])('is shared out: %s', (_about, coming, atOnce, later) => {
    const { come, turn, taken } = open({ turnMs: 2, leastTaken: 1 })
    for (const item of coming.split(' ')) come(item)
    expect(taken.join(' ')).toBe(atOnce)
    expect(later.map(turn)).toEqual(later)
  })

  test('has room for the least number, however slow the clock says we are', () => {
    const { come, turn, taken } = open({ turnMs: 2, leastTaken: 3 }, 1_000)
    for (let n = 0; n < 8; n++) come(`a${n}`)
    expect(taken.join(' ')).toBe('a0 a1 a2')
    expect([turn(), turn(), turn()]).toEqual(['a3 a4 a5', 'a6 a7', ''])
  })

  test('is that of each turn again', () => {
    const { come, turn, taken } = open({ turnMs: 2, leastTaken: 1 })
    for (const n of [1, 2, 3]) {
      come(`a${n}`)
      turn()
    }
    expect(taken.join(' ')).toBe('a1 a2 a3')
  })

  test('is shared out by what it is spent on: who has what is dear has fewer turns', () => {
    const { come, turn } = open({ turnMs: 1, leastTaken: 1 }, 0.1, 0.5)
    for (let n = 0; n < 30; n++) come('x')
    for (let n = 0; n < 6; n++) come(`d${n}`)
    for (let n = 0; n < 20; n++) come(`b${n}`)
    const taken = Array.from({ length: 9 }, turn).join(' ').split(' ')
    const afterFlood = taken.filter(item => item !== 'x')
    expect(afterFlood.slice(0, 12).filter(item => item.startsWith('d'))).toEqual(['d0', 'd1'])
  })

  test('is not asked for when nothing waits', () => {
    const { come, turn, pending } = open({ turnMs: 2, leastTaken: 1 })
    for (let n = 0; n < 5; n++) come(`a${n}`)
    for (let n = 0; n < 3; n++) turn()
    expect(pending()).toBe(0)
  })

  test('is not spent on what was withdrawn or given up', () => {
    const { turns, come, turn } = open({ turnMs: 2, leastTaken: 1 })
    const places = ['a1', 'a2', 'a3', 'a4', 'a5', 'b1'].map(come)
    const third = places[2]
    if (third === null || third === undefined) throw new Error('it did not wait')
    expect([turns.withdraw(third), turns.withdraw(third)]).toEqual([true, false])
    expect([turns.giveUp(['c']), turns.waiting]).toEqual(['a4', 2])
    expect([turn(), turn()]).toEqual(['a5 b1', ''])
  })
})
