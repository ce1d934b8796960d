import { describe, expect, test } from 'vitest'
import { WaitingClients } from '../../src/server/pending-queries.ts'
import { client } from './make.ts'

const make = (): WaitingClients =>
  new WaitingClients({ waitingPerClient: 4, discardAfterMs: 1_900, lateAnswersKept: 1, lateSpreadMs: 400 })

describe('queries that wait (DNSBomb, CVE-2024-33655)', () => {
  test('are capped for each address, whatever the port', () => {
    const waiting = make()
    for (let i = 0; i < 4; i++) expect(waiting.enter(client('192.0.2.1', 'udp', 1000 + i))).toBe(true)
    expect(waiting.enter(client('192.0.2.1', 'tcp'))).toBe(false)
    expect(waiting.enter(client('192.0.2.2'))).toBe(true)
    expect(waiting.total).toBe(5)
    waiting.leave(client('192.0.2.1'))
    expect(waiting.enter(client('192.0.2.1'))).toBe(true)
  })

  test('late answers are kept back over UDP from who has several others waiting', () => {
    const waiting = make()
    const victim = client('192.0.2.1')
    for (let i = 0; i < 3; i++) waiting.enter(victim)
    expect(waiting.tooLate(victim, 1_901)).toBe(true)
    expect(waiting.tooLate(victim, 1_900), 'in time').toBe(false)
    expect(waiting.tooLate(client('192.0.2.1', 'tcp'), 5_000), 'TCP sources are not spoofed').toBe(false)
    waiting.leave(victim)
    expect(waiting.tooLate(victim, 5_000), 'one other waits').toBe(false)
  })

  test('are looked at in the last part of their time, at random', () => {
    const waiting = make()
    const drawn: number[] = []
    const after = [0, 200, 400].map(got =>
      waiting.lookAfterMs(n => {
        drawn.push(n)
        return got
      }),
    )
    expect([after, drawn]).toEqual([
      [1_900, 1_700, 1_500],
      [401, 401, 401],
    ])
  })

  test('idle is told once, at once when it is so already', () => {
    const waiting = make()
    const told: string[] = []
    waiting.whenIdle(() => told.push('first'))
    waiting.enter(client())
    waiting.enter(client('192.0.2.9'))
    waiting.whenIdle(() => told.push('second'))
    waiting.leave(client())
    expect(told).toEqual(['first'])
    waiting.leave(client('192.0.2.9'))
    waiting.enter(client())
    waiting.leave(client())
    expect(told).toEqual(['first', 'second'])
    expect(waiting.total).toBe(0)
  })
})
