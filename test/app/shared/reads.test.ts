/** Look-ups in the shared cache and their ends, one after the other as the event loop has them. */
import { expect, it } from 'vitest'
import type { ReadResult } from '../../../src/app/shared/client.ts'
import { type Read, Reads } from '../../../src/app/shared/reads.ts'
import { defaultLimits } from '../../../src/limits.ts'

const VALUE = Uint8Array.of(1)

function made() {
  const timers: (() => void)[] = []
  const soon: (() => void)[] = []
  const replies: ((results: readonly ReadResult[]) => void)[] = []
  const seen: string[] = []
  const reads = new Reads({
    client: { read: () => new Promise(resolve => void replies.push(resolve)) },
    limits: defaultLimits.shared,
    after(_, fire) {
      const at = timers.push(fire) - 1
      return () => void timers.splice(at, 1, () => {})
    },
    soon: then => void soon.push(then),
    now: () => 0,
    succeeded: () => void seen.push('succeeded'),
    failed: why => void seen.push(`failed: ${why}`),
  })
  return {
    ...{ timers, replies, seen },
    find: (key: string) => reads.find(key, 10, (read: Read) => void seen.push(`${key}: ${read.kind}`)),
    /** Everything that was asked for before the event loop waits. */
    turn: () => {
      for (const then of soon.splice(0)) then()
    },
    underWay: () => reads.underWay,
  }
}

const promises = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

it('a reply that came while the process was busy is used, though the time is over', async () => {
  const { find, turn, timers, replies, seen } = made()
  find('a')
  turn()
  // The timer is late, and the reply is in the socket: it is read in the same turn of the loop.
  timers[0]?.()
  replies[0]?.([VALUE])
  await promises()
  turn()
  expect(seen).toEqual(['succeeded', 'a: value'])
})

it('a reply that is not there when the time is over is not used, and nobody is told twice', async () => {
  const { find, turn, timers, replies, seen, underWay } = made()
  find('a')
  turn()
  timers[0]?.()
  turn()
  expect(seen).toEqual(['failed: timeout', 'a: timeout'])
  replies[0]?.([VALUE])
  await promises()
  expect([seen.length, underWay()]).toEqual([2, 0])
})

it('one that is cancelled between its time and what has come is not a failure', () => {
  const { find, turn, timers, seen } = made()
  const cancel = find('a')
  turn()
  timers[0]?.()
  cancel?.()
  turn()
  expect(seen).toEqual([])
})
